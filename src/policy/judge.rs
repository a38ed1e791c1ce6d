//! What the rules say of documents, and of what a plan would do with them.
//!
//! Each rule is asked of each object it is about, in the order of the documents; a rule that cannot be answered
//! counts as broken, so that nothing slips through a mistake.

use std::collections::HashMap;

use cel::Value as Fact;

use super::each::{Entry, entries, place};
use super::expression::Scope;
use super::{Policies, Rule, facts};
use crate::diagnostic::{Diagnostic, Place};
use crate::document::Document;
use crate::report::shown::{FieldChange, ObjectName, Report};

/// What a plan does with an object: the word, and what changes.
type Turn<'r> = (&'r str, &'r [FieldChange]);

impl Policies {
    /// What the rules about documents say, before anything is known of what is live.
    pub fn check(&self, documents: &[Document]) -> Vec<Diagnostic> {
        self.all(documents, &|_| None)
    }

    /// What all rules say of the documents of a plan.
    pub fn judge(&self, documents: &[Document], report: &Report) -> Vec<Diagnostic> {
        if self.is_empty() {
            return Vec::new();
        }
        let turns = turns(report);
        self.all(documents, &|document| {
            let target = document.target.as_deref().unwrap_or_default();
            turns.get(&(&*document.kind.name, &*document.name, target)).copied().or(Some(("unchanged", &[])))
        })
    }

    fn all<'r>(
        &self,
        documents: &[Document],
        turn: &dyn Fn(&Document) -> Option<Turn<'r>>,
    ) -> Vec<Diagnostic> {
        if self.is_empty() {
            return Vec::new();
        }
        let rules: Vec<&Rule> = self.rules.iter().collect();
        documents.iter().flat_map(|document| self.one(&rules, document, turn(document))).collect()
    }

    /// What some of the rules say of one object.
    pub(super) fn one(&self, rules: &[&Rule], document: &Document, turn: Option<Turn>) -> Vec<Diagnostic> {
        let mut rules = rules.iter().filter(|rule| rule.is_about(document)).peekable();
        if rules.peek().is_none() {
            return Vec::new();
        }
        let mut scope = Scope::new(&self.words);
        let spec = facts::spec(document);
        facts::names(document).into_iter().for_each(|(name, fact)| scope.set(name, fact));
        if let Some((action, changes)) = turn {
            scope.set("action", facts::text(action));
            scope.set("changes", facts::changes(changes));
        }
        let asked = rules.filter(|rule| turn.is_some() || !rule.expression.of_a_plan);
        let question = |rule| Question { rule, document, spec: &spec, is_early: turn.is_none() };
        asked.flat_map(|rule| question(rule).ask(&mut scope)).collect()
    }
}

/// What a plan does, by kind, name and target.
fn turns(report: &Report) -> HashMap<(&str, &str, &str), Turn<'_>> {
    fn key(object: &ObjectName) -> (&str, &str, &str) {
        (&object.kind, &object.name, &object.target)
    }
    let changes = report.changes.iter().map(|one| (key(&one.object), (one.action.word(), &*one.fields)));
    let refused = report.refused.iter().map(|one| (key(&one.object), ("refused", &*one.fields)));
    let unread = report.unread.iter().map(|one| (key(&one.object), ("unread", &[][..])));
    changes.chain(refused).chain(unread).collect()
}

impl Rule {
    fn is_about(&self, document: &Document) -> bool {
        let target = document.target.as_deref().unwrap_or_default();
        let any = |matchers: &[globset::GlobMatcher], word: &str| {
            matchers.is_empty() || matchers.iter().any(|matcher| matcher.is_match(word))
        };
        any(&self.kinds, &document.kind.name) && any(&self.targets, target)
    }
}

/// One rule and one object.
struct Question<'q> {
    rule: &'q Rule,
    document: &'q Document,
    spec: &'q Fact,
    /// Nothing from outside the repository is known yet.
    is_early: bool,
}

impl Question<'_> {
    fn ask(&self, scope: &mut Scope) -> Vec<Diagnostic> {
        let Some(path) = &self.rule.each else {
            return self.answer(scope, None).into_iter().collect();
        };
        let whole = (&self.document.spec, &*self.document.kind.shape);
        let mut said = Vec::new();
        for entry in entries(self.spec, whole, path) {
            scope.set("item", entry.fact.clone());
            scope.set("key", entry.key.clone().unwrap_or(Fact::Null));
            said.extend(self.answer(scope, Some(&entry)));
        }
        said
    }

    fn answer(&self, scope: &Scope, entry: Option<&Entry>) -> Option<Diagnostic> {
        match self.rule.expression.ask(scope) {
            Ok(said) if said == self.rule.wanted => None,
            Ok(_) => Some(self.broken(entry)),
            // what comes from outside is there when there is a plan
            Err(_) if self.is_early && facts::waits(self.spec) => None,
            Err(why) => Some(self.unanswered(entry, &why)),
        }
    }

    fn broken(&self, entry: Option<&Entry>) -> Diagnostic {
        let message = format!("{}: {}", self.document.name, self.rule.message);
        Diagnostic { hint: self.rule.hint.clone(), ..self.finding(self.rule.code, message, entry) }
    }

    fn unanswered(&self, entry: Option<&Entry>, why: &str) -> Diagnostic {
        let message = format!("{}: the rule `{}` has no answer: {why}", self.document.name, self.rule.code);
        self.finding("policy-unanswered", message, entry)
            .hint("let the rule ask first: `has(spec.field)`, or `null` where a field may be cleared")
    }

    fn finding(&self, code: &'static str, message: String, entry: Option<&Entry>) -> Diagnostic {
        Diagnostic {
            code,
            severity: self.rule.severity,
            message,
            hint: None,
            place: Some(self.place(entry)),
            also: vec![(self.rule.place.clone(), "the rule".to_owned())],
        }
    }

    /// Where the field stands of which the rule speaks; else the name of the document.
    fn place(&self, entry: Option<&Entry>) -> Place {
        let (document, field) = (self.document, &self.rule.field);
        let span = match entry.and_then(|entry| Some((entry.wanted?, entry.shape))) {
            Some((wanted, shape)) => place(wanted, shape, field).unwrap_or(wanted.span),
            None => place(&document.spec, Some(&document.kind.shape), field).unwrap_or(document.name_span),
        };
        document.place(span)
    }
}
