//! Files of policies to rules and cases, with every fault at its place, down to the character of an expression.
//!
//! Documents of cases are read first and under their kind's guidance, so that what must not be shown is redacted
//! before anything else is said about the file.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use globset::{GlobBuilder, GlobMatcher};

use super::expression::{CelExpression, ExpressionError, RuleFieldReference};
use super::file::{CaseFile, ChangeFile, PolicyFile, RuleFile, SeverityFile};
use super::{FORMAT, PolicyCase, PolicyRule, PolicySet, fields};
use crate::diagnostic::{
    Diagnostic, DiagnosticSeverity, NamedSource, SourceLocation, SourceSpan, suggest_word,
};
use crate::document::Document;
use crate::document::read::read_node;
use crate::kind::Kind;
use crate::kind::read::read_typed;
use crate::kind::registry::KindRegistry;
use crate::report::code_table::CodeTable;
use crate::report::plan_report::{FieldAction, FieldChange};
use crate::yaml::{self, YamlEntry, YamlNode};

/// The most rules of a workspace.
const MAX_RULES: usize = 1_000;
/// The most characters of a code.
const MAX_CODE_LENGTH: usize = 80;

impl PolicySet {
    /// Reads the files of a workspace.
    pub fn read_sources(
        sources: &[Arc<NamedSource>],
        registry: &KindRegistry,
        faults: &mut Vec<Diagnostic>,
    ) -> Self {
        let mut policies = Self::default();
        for source in sources {
            let mut found = Vec::new();
            PolicyReader { source, registry, diagnostics: &mut found }.read_file(&mut policies);
            faults.append(&mut found);
        }
        policies.check_unique_codes(faults);
        policies
    }

    /// A code says which rule was broken, in whatever file it stands.
    fn check_unique_codes(&self, faults: &mut Vec<Diagnostic>) {
        let mut seen: BTreeMap<&str, &SourceLocation> = BTreeMap::new();
        let own = (!self.is_empty()).then(CodeTable::load);
        for rule in &self.rules {
            // what is reported of a code of the program would be reported of the rule
            if own.as_ref().is_some_and(|own| own.find_code(rule.code).is_some()) {
                let message = format!("`{}` is a code of trueup itself", rule.code);
                let fault = Diagnostic::error("policy-code", message).with_location(rule.place.clone());
                faults.push(fault.with_hint(format!(
                    "choose another code; `trueup explain {}` says what this one means",
                    rule.code
                )));
            }
            if let Some(first) = seen.insert(rule.code, &rule.place) {
                let message = format!("there is another rule `{}`", rule.code);
                let fault = Diagnostic::error("policy-code", message).with_location(rule.place.clone());
                faults.push(
                    fault.with_related(first.clone(), "the other one").with_hint("give it a unique code"),
                );
            }
        }
        if let Some(rule) = self.rules.get(MAX_RULES) {
            let message = format!("more than {MAX_RULES} rules");
            let fault = Diagnostic::error("too-many-policies", message).with_location(rule.place.clone());
            faults.push(fault.with_hint("remove unused rules"));
        }
    }
}

struct PolicyReader<'r> {
    source: &'r Arc<NamedSource>,
    registry: &'r KindRegistry,
    diagnostics: &'r mut Vec<Diagnostic>,
}

impl PolicyReader<'_> {
    fn read_file(&mut self, policies: &mut PolicySet) {
        let nodes = yaml::read_documents(self.source, self.diagnostics);
        let Some(root) = nodes.first().filter(|root| !root.is_null()) else { return };
        if let Some(second) = nodes.get(1) {
            let message = "a policy file contains one document";
            self.push_diagnostic(
                second.span,
                Diagnostic::error("document-count", message).with_hint("split it into two files"),
            );
        }
        let documents = self.read_documents(root);
        let Some(file) = read_typed::<PolicyFile>(root, self.source, self.diagnostics) else { return };
        if file.format != FORMAT {
            let span = root.get_value("format").map_or(root.span, |node| node.span);
            let message = format!("this version reads format {FORMAT}");
            self.push_diagnostic(
                span,
                Diagnostic::error("policy-format", message).with_hint("write `format: 1`"),
            );
        }
        let entries = root.get_value("rules").map_or(&[][..], YamlNode::entries);
        for (entry, (code, rule)) in entries.iter().zip(file.rules.0) {
            let read = self.read_rule(entry, code, rule);
            policies.rules.extend(read);
        }
        let items = root.get_value("cases").map_or(&[][..], YamlNode::items);
        let cases = items.iter().zip(file.cases).zip(documents);
        for ((node, case), document) in cases {
            policies.cases.extend(document.map(|document| self.read_case(node, case, document)));
        }
    }

    fn read_documents(&mut self, root: &YamlNode) -> Vec<Option<Document>> {
        let items = root.get_value("cases").map_or(&[][..], YamlNode::items);
        let read = |item: &YamlNode| {
            read_node(item.get_value("document")?, self.source, self.registry, self.diagnostics)
        };
        items.iter().map(read).collect()
    }

    fn push_diagnostic(&mut self, span: SourceSpan, fault: Diagnostic) {
        self.diagnostics.push(fault.with_location(self.source.locate_span(span)));
    }

    fn read_rule(&mut self, entry: &YamlEntry, code: String, file: RuleFile) -> Option<PolicyRule> {
        let node = &entry.value;
        if !is_code(&code) {
            let message = "invalid code";
            let hint = "small letters, digits and hyphens, beginning with a letter, like `fee-too-high`";
            self.push_diagnostic(entry.key_span, Diagnostic::error("policy-code", message).with_hint(hint));
            return None;
        }
        let kinds = self.compile_patterns(node.get_value("kinds"), &file.kinds);
        let targets = self.compile_patterns(node.get_value("targets"), &file.targets);
        let about = self.resolve_kinds(node, &file.kinds);
        let each = file.each.as_deref().map(split_path);
        if let (Some(each), Some(at)) = (&each, node.get_value("each"))
            && !fields::has_entries(&about, each)
        {
            let message = "not a list or map of the kinds of this rule";
            let hint = "`trueup explain KIND` lists the fields";
            self.push_diagnostic(at.span, Diagnostic::error("policy-field", message).with_hint(hint));
        }
        let (expression, wanted) = self.read_expression(entry, &file, &about, each.as_deref())?;
        let field = file.field.as_deref().map(split_path).unwrap_or_default();
        let (root, span) =
            (if each.is_some() { "item" } else { "spec" }, node.get_value("field").map(|at| at.span));
        if let Some(span) = span {
            let requested = RuleFieldReference { root: root.to_owned(), path: field.clone(), offset: 0 };
            self.check_field(&requested, span, &about, each.as_deref());
        }
        Some(PolicyRule {
            code: intern_code(&code),
            severity: match file.severity {
                SeverityFile::Error => DiagnosticSeverity::Error,
                SeverityFile::Warning => DiagnosticSeverity::Warning,
            },
            kinds,
            targets,
            each,
            field,
            expression,
            expected: wanted,
            message: file.message,
            hint: file.hint,
            place: self.source.locate_span(entry.key_span),
        })
    }

    /// The one expression of a rule, and what it says of an object that is as it should be.
    fn read_expression(
        &mut self,
        entry: &YamlEntry,
        file: &RuleFile,
        kinds: &[Arc<Kind>],
        each: Option<&[String]>,
    ) -> Option<(CelExpression, bool)> {
        let (word, text) = match (&file.require, &file.forbid) {
            (Some(text), None) => ("require", text),
            (None, Some(text)) => ("forbid", text),
            _ => {
                let message = "a rule has one of `require` and `forbid`";
                let hint = "write one CEL expression under one of them";
                self.push_diagnostic(
                    entry.key_span,
                    Diagnostic::error("policy-expression", message).with_hint(hint),
                );
                return None;
            }
        };
        let span = entry.value.get_value(word).map_or(entry.key_span, |node| node.span);
        match CelExpression::parse(text, each.is_some()) {
            Ok((expression, requested)) => {
                for requested in &requested {
                    let at = locate_character(self.source, span, text, requested.offset);
                    self.check_field(requested, at, kinds, each);
                }
                Some((expression, word == "require"))
            }
            Err(wrong) => {
                for ExpressionError { offset: at, message, hint } in wrong {
                    let at = locate_character(self.source, span, text, at);
                    let fault = Diagnostic { hint, ..Diagnostic::error("policy-expression", message) };
                    self.push_diagnostic(at, fault);
                }
                None
            }
        }
    }

    /// A field that a rule names is one of its kinds.
    fn check_field(
        &mut self,
        requested: &RuleFieldReference,
        span: SourceSpan,
        kinds: &[Arc<Kind>],
        each: Option<&[String]>,
    ) {
        let fault = match (&*requested.root, each) {
            ("spec", _) => fields::find_unknown_field(kinds, &requested.path),
            ("item", Some(each)) => fields::find_unknown_item_field(kinds, each, &requested.path),
            _ => None,
        };
        if let Some((message, hint)) = fault {
            self.push_diagnostic(span, Diagnostic { hint, ..Diagnostic::error("policy-field", message) });
        }
    }

    /// The kinds that a rule names in full; one that there is not is a fault.
    fn resolve_kinds(&mut self, node: &YamlNode, kinds: &[String]) -> Vec<Arc<Kind>> {
        let nodes = node.get_value("kinds").map_or(&[][..], YamlNode::items);
        let mut found = Vec::new();
        for (name, node) in kinds.iter().zip(nodes).filter(|(name, _)| !name.contains('*')) {
            match self.registry.find_kind(name) {
                Some(kind) => found.push(kind),
                None => {
                    let mut fault = Diagnostic::error("unknown-kind", "unknown kind");
                    fault.hint = suggest_word(name, self.registry.kind_names().iter().map(|kind| &**kind));
                    self.push_diagnostic(node.span, fault);
                }
            }
        }
        if found.len() == kinds.len() { found } else { Vec::new() }
    }

    fn compile_patterns(&mut self, node: Option<&YamlNode>, patterns: &[String]) -> Vec<GlobMatcher> {
        let items = node.map_or(&[][..], YamlNode::items);
        let mut matchers = Vec::new();
        for (pattern, node) in patterns.iter().zip(items) {
            match GlobBuilder::new(pattern).literal_separator(true).build() {
                Ok(glob) => matchers.push(glob.compile_matcher()),
                Err(error) => {
                    let message = format!("this is not a pattern: {}", error.kind());
                    self.push_diagnostic(node.span, Diagnostic::error("invalid-pattern", message));
                }
            }
        }
        matchers
    }

    fn read_case(&mut self, node: &YamlNode, file: CaseFile, document: Document) -> PolicyCase {
        let span = node.get_value("name").map_or(node.span, |name| name.span);
        let action = file.action.map(|action| action.as_str().to_owned());
        if action.is_none() && !file.changes.is_empty() {
            let fault = Diagnostic::error("policy-case", "`changes` needs an `action`");
            self.push_diagnostic(span, fault.with_hint("write `action: update`"));
        }
        let mut expected = file.expect;
        expected.sort();
        let changes: Vec<_> = file.changes.into_iter().map(convert_change).collect();
        PolicyCase {
            name: file.name,
            document,
            planned: action.map(|action| (action, changes)),
            expected,
            place: self.source.locate_span(span),
        }
    }
}

fn convert_change(file: ChangeFile) -> FieldChange {
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
        sensitivity: None,
        forces_replacement: false,
        causes: Vec::new(),
        unreadable: false,
        file: None,
        line: None,
        column: None,
    }
}

fn is_code(code: &str) -> bool {
    let letter = |c: char| c.is_ascii_lowercase();
    code.len() <= MAX_CODE_LENGTH
        && code.starts_with(letter)
        && code.chars().all(|c| letter(c) || c.is_ascii_digit() || c == '-')
}

/// A code for as long as the program runs, like the codes of its own; each is kept once, and codes are short.
fn intern_code(code: &str) -> &'static str {
    static CODES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut codes = CODES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = codes.get(code) {
        return known;
    }
    let kept: &'static str = Box::leak(code.into());
    codes.insert(kept);
    kept
}

fn split_path(path: &str) -> Vec<String> {
    path.split('.').map(str::to_owned).collect()
}

/// Where a character of a scalar stands; the start of the scalar where that cannot be determined.
fn locate_character(source: &NamedSource, span: SourceSpan, text: &str, at: usize) -> SourceSpan {
    let written = source.text.get(span.start as usize..span.end as usize).unwrap_or_default();
    let before: String = text.chars().take(at).collect();
    let offset =
        written.find(text).map(|start| start + before.len()).or_else(|| locate_in_block(written, &before));
    match offset.filter(|offset| written.is_char_boundary(*offset)) {
        Some(offset) => {
            let start = span.start + offset as u32;
            SourceSpan { start, end: span.end.max(start) }
        }
        None => span,
    }
}

/// The same for a block: its lines are those of the text, each further in.
fn locate_in_block(written: &str, before: &str) -> Option<usize> {
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
