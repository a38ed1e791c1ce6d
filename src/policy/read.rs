//! Files of policies to rules and cases, with every fault at its place, down to the character of an expression.
//!
//! Documents of cases are read first and under their kind's guidance, so that what must not be shown is veiled
//! before anything else is said about the file.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use globset::{GlobBuilder, GlobMatcher};

use super::expression::{Asked, Expression, Wrong};
use super::file::{CaseFile, ChangeFile, PolicyFile, RuleFile, SeverityFile};
use super::{Case, FORMAT, Policies, Rule, fields};
use crate::diagnostic::{Diagnostic, Place, Severity, Source, Span, did_you_mean};
use crate::document::Document;
use crate::document::read::read_node;
use crate::kind::Kind;
use crate::kind::read::typed;
use crate::kind::registry::Registry;
use crate::report::shown::{FieldAction, FieldChange};
use crate::yaml::{self, Entry, Node};

/// The most rules of a workspace.
const MAX_RULES: usize = 1_000;
/// The most characters of a code.
const MAX_CODE: usize = 80;

impl Policies {
    /// Reads the files of a workspace.
    pub fn read(sources: &[Arc<Source>], registry: &Registry, faults: &mut Vec<Diagnostic>) -> Self {
        let mut policies = Self::default();
        for source in sources {
            let mut found = Vec::new();
            Reading { source, registry, faults: &mut found }.file(&mut policies);
            faults.append(&mut found);
        }
        policies.unique(faults);
        policies
    }

    /// A code says which rule was broken, in whatever file it stands.
    fn unique(&self, faults: &mut Vec<Diagnostic>) {
        let mut seen: BTreeMap<&str, &Place> = BTreeMap::new();
        for rule in &self.rules {
            if let Some(first) = seen.insert(rule.code, &rule.place) {
                let message = format!("there is another rule `{}`", rule.code);
                let fault = Diagnostic::error("policy-code", message).at(rule.place.clone());
                faults.push(fault.also(first.clone(), "the other one").hint("give it a code of its own"));
            }
        }
        if let Some(rule) = self.rules.get(MAX_RULES) {
            let message = format!("more than {MAX_RULES} rules");
            let fault = Diagnostic::error("too-many-policies", message).at(rule.place.clone());
            faults.push(fault.hint("take out what nobody needs"));
        }
    }
}

struct Reading<'r> {
    source: &'r Arc<Source>,
    registry: &'r Registry,
    faults: &'r mut Vec<Diagnostic>,
}

impl Reading<'_> {
    fn file(&mut self, policies: &mut Policies) {
        let nodes = yaml::read(self.source, self.faults);
        let Some(root) = nodes.first().filter(|root| !root.is_null()) else { return };
        if let Some(second) = nodes.get(1) {
            let message = "a file of policies holds one document";
            self.put(second.span, Diagnostic::error("document-count", message).hint("make two files of it"));
        }
        let documents = self.documents(root);
        let Some(file) = typed::<PolicyFile>(root, self.source, self.faults) else { return };
        if file.format != FORMAT {
            let span = root.get("format").map_or(root.span, |node| node.span);
            let message = format!("this version reads format {FORMAT}");
            self.put(span, Diagnostic::error("policy-format", message).hint("write `format: 1`"));
        }
        let entries = root.get("rules").map_or(&[][..], Node::entries);
        for (entry, (code, rule)) in entries.iter().zip(file.rules.0) {
            let read = self.rule(entry, code, rule);
            policies.rules.extend(read);
        }
        let items = root.get("cases").map_or(&[][..], Node::items);
        let cases = items.iter().zip(file.cases).zip(documents);
        for ((node, case), document) in cases {
            policies.cases.extend(document.map(|document| self.case(node, case, document)));
        }
    }

    fn documents(&mut self, root: &Node) -> Vec<Option<Document>> {
        let items = root.get("cases").map_or(&[][..], Node::items);
        let read = |item: &Node| read_node(item.get("document")?, self.source, self.registry, self.faults);
        items.iter().map(read).collect()
    }

    fn put(&mut self, span: Span, fault: Diagnostic) {
        self.faults.push(fault.at(self.source.place(span)));
    }

    fn rule(&mut self, entry: &Entry, code: String, file: RuleFile) -> Option<Rule> {
        let node = &entry.value;
        if !is_code(&code) {
            let message = "this is not a code";
            let hint = "small letters, digits and hyphens, beginning with a letter, like `fee-too-high`";
            self.put(entry.key_span, Diagnostic::error("policy-code", message).hint(hint));
            return None;
        }
        let kinds = self.patterns(node.get("kinds"), &file.kinds);
        let targets = self.patterns(node.get("targets"), &file.targets);
        let about = self.about(node, &file.kinds);
        let each = file.each.as_deref().map(dotted);
        if let (Some(each), Some(at)) = (&each, node.get("each"))
            && !fields::has_entries(&about, each)
        {
            let message = "this is no list or map of the kinds that the rule is about";
            let hint = "`trueup explain KIND` lists the fields";
            self.put(at.span, Diagnostic::error("policy-field", message).hint(hint));
        }
        let (expression, wanted) = self.expression(entry, &file, (&about, each.as_deref()))?;
        let field = file.field.as_deref().map(dotted).unwrap_or_default();
        let (root, span) =
            (if each.is_some() { "item" } else { "spec" }, node.get("field").map(|at| at.span));
        if let Some(span) = span {
            let asked = Asked { root: root.to_owned(), path: field.clone(), at: 0 };
            self.named(&asked, span, (&about, each.as_deref()));
        }
        Some(Rule {
            code: lasting(&code),
            severity: match file.severity {
                SeverityFile::Error => Severity::Error,
                SeverityFile::Warning => Severity::Warning,
            },
            kinds,
            targets,
            each,
            field,
            expression,
            wanted,
            message: file.message,
            hint: file.hint,
            place: self.source.place(entry.key_span),
        })
    }

    /// The one expression of a rule, and what it says of an object that is as it should be.
    fn expression(
        &mut self,
        entry: &Entry,
        file: &RuleFile,
        about: (&[Arc<Kind>], Option<&[String]>),
    ) -> Option<(Expression, bool)> {
        let (word, text) = match (&file.require, &file.forbid) {
            (Some(text), None) => ("require", text),
            (None, Some(text)) => ("forbid", text),
            _ => {
                let message = "a rule has one of `require` and `forbid`";
                let hint = "write one CEL expression under one of them";
                self.put(entry.key_span, Diagnostic::error("policy-expression", message).hint(hint));
                return None;
            }
        };
        let span = entry.value.get(word).map_or(entry.key_span, |node| node.span);
        match Expression::read(text, about.1.is_some()) {
            Ok((expression, asked)) => {
                for asked in &asked {
                    let at = spot(self.source, span, text, asked.at);
                    self.named(asked, at, about);
                }
                Some((expression, word == "require"))
            }
            Err(wrong) => {
                for Wrong { at, message, hint } in wrong {
                    let at = spot(self.source, span, text, at);
                    let fault = Diagnostic { hint, ..Diagnostic::error("policy-expression", message) };
                    self.put(at, fault);
                }
                None
            }
        }
    }

    /// A field that a rule names is one of its kinds.
    fn named(&mut self, asked: &Asked, span: Span, (kinds, each): (&[Arc<Kind>], Option<&[String]>)) {
        let fault = match (&*asked.root, each) {
            ("spec", _) => fields::unknown(kinds, &asked.path),
            ("item", Some(each)) => fields::unknown_in_each(kinds, each, &asked.path),
            _ => None,
        };
        if let Some((message, hint)) = fault {
            self.put(span, Diagnostic { hint, ..Diagnostic::error("policy-field", message) });
        }
    }

    /// The kinds that a rule names in full; one that there is not is a fault.
    fn about(&mut self, node: &Node, kinds: &[String]) -> Vec<Arc<Kind>> {
        let nodes = node.get("kinds").map_or(&[][..], Node::items);
        let mut found = Vec::new();
        for (name, node) in kinds.iter().zip(nodes).filter(|(name, _)| !name.contains('*')) {
            match self.registry.kind(name) {
                Some(kind) => found.push(kind),
                None => {
                    let mut fault = Diagnostic::error("unknown-kind", "there is no such kind");
                    fault.hint = did_you_mean(name, self.registry.kinds().iter().map(|kind| &**kind));
                    self.put(node.span, fault);
                }
            }
        }
        if found.len() == kinds.len() { found } else { Vec::new() }
    }

    fn patterns(&mut self, node: Option<&Node>, patterns: &[String]) -> Vec<GlobMatcher> {
        let items = node.map_or(&[][..], Node::items);
        let mut matchers = Vec::new();
        for (pattern, node) in patterns.iter().zip(items) {
            match GlobBuilder::new(pattern).literal_separator(true).build() {
                Ok(glob) => matchers.push(glob.compile_matcher()),
                Err(error) => {
                    let message = format!("this is not a pattern: {}", error.kind());
                    self.put(node.span, Diagnostic::error("bad-pattern", message));
                }
            }
        }
        matchers
    }

    fn case(&mut self, node: &Node, file: CaseFile, document: Document) -> Case {
        let span = node.get("name").map_or(node.span, |name| name.span);
        let action = file.action.map(|action| action.word().to_owned());
        if action.is_none() && !file.changes.is_empty() {
            let fault = Diagnostic::error("policy-case", "changes come with an `action`");
            self.put(span, fault.hint("write `action: update`"));
        }
        let mut expected = file.expect;
        expected.sort();
        let changes: Vec<_> = file.changes.into_iter().map(changed).collect();
        Case {
            name: file.name,
            document,
            change: action.map(|action| (action, changes)),
            expected,
            place: self.source.place(span),
        }
    }
}

fn changed(file: ChangeFile) -> FieldChange {
    let action = match (&file.before, &file.after) {
        (None, Some(_)) => FieldAction::Add,
        (Some(_), None) => FieldAction::Remove,
        _ => FieldAction::Replace,
    };
    FieldChange {
        label: file.path.trim_start_matches('/').replace('/', "."),
        path: file.path,
        action,
        before: file.before,
        after: file.after,
        mark: None,
        causes: Vec::new(),
        unseen: false,
        line: None,
        column: None,
    }
}

fn is_code(code: &str) -> bool {
    let letter = |c: char| c.is_ascii_lowercase();
    code.len() <= MAX_CODE
        && code.starts_with(letter)
        && code.chars().all(|c| letter(c) || c.is_ascii_digit() || c == '-')
}

/// A code for as long as the program runs, like the codes of its own; each is kept once, and codes are short.
fn lasting(code: &str) -> &'static str {
    static CODES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut codes = CODES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = codes.get(code) {
        return known;
    }
    let kept: &'static str = Box::leak(code.into());
    codes.insert(kept);
    kept
}

fn dotted(path: &str) -> Vec<String> {
    path.split('.').map(str::to_owned).collect()
}

/// Where a character of a scalar stands; the start of the scalar where that cannot be told.
fn spot(source: &Source, span: Span, text: &str, at: usize) -> Span {
    let written = source.text.get(span.start as usize..span.end as usize).unwrap_or_default();
    let before: String = text.chars().take(at).collect();
    let offset = written.find(text).map(|start| start + before.len()).or_else(|| in_lines(written, &before));
    match offset.filter(|offset| written.is_char_boundary(*offset)) {
        Some(offset) => {
            let start = span.start + offset as u32;
            Span { start, end: span.end.max(start) }
        }
        None => span,
    }
}

/// The same for a block: its lines are those of the text, each further in.
fn in_lines(written: &str, before: &str) -> Option<usize> {
    let number = before.matches('\n').count();
    let inside = before.rsplit('\n').next().unwrap_or_default();
    // a header stands on a line of its own, where the span begins with it
    let header = usize::from(written.starts_with(['|', '>']));
    let mut start = 0;
    for (at, line) in written.split_inclusive('\n').enumerate() {
        if at == number + header {
            let indent = line.len() - line.trim_start_matches(' ').len();
            return line.get(indent..)?.starts_with(inside).then_some(start + indent + inside.len());
        }
        start += line.len();
    }
    None
}
