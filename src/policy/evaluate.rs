//! What the rules say of documents, and of what a plan would do with them.
//!
//! Each rule is asked of each object it is about, in the order of the documents; a rule that cannot be answered
//! counts as broken, so that nothing slips through a mistake.

use std::collections::HashMap;

use cel::Value as Fact;

use super::expression::EvaluationScope;
use super::rule_items::{RuleItem, collect_items, find_field_span};
use super::{PolicyRule, PolicySet, cel_values};
use crate::diagnostic::{Diagnostic, SourceLocation};
use crate::document::Document;
use crate::report::plan_report::{FieldChange, ObjectName, PlanReport};

/// The code of a rule that cannot be answered. All other codes of rules are those of a workspace.
pub const NOT_EVALUATED_CODE: &str = "policy-not-evaluated";

/// What a plan does with an object: the word, and what changes.
type PolicyAction<'r> = (&'r str, &'r [FieldChange]);

impl PolicySet {
    /// What the rules about documents say, before anything is known of what is live.
    pub fn check_documents(&self, documents: &[Document]) -> Vec<Diagnostic> {
        self.evaluate_all(documents, &|_| None)
    }

    /// What all rules say of the documents of a plan.
    pub fn evaluate_plan(&self, documents: &[Document], report: &PlanReport) -> Vec<Diagnostic> {
        if self.is_empty() {
            return Vec::new();
        }
        let turns = index_actions(report);
        self.evaluate_all(documents, &|document| {
            let target = document.target.as_deref().unwrap_or_default();
            turns.get(&(&*document.kind.name, &*document.name, target)).copied().or(Some(("unchanged", &[])))
        })
    }

    fn evaluate_all<'r>(
        &self,
        documents: &[Document],
        turn: &dyn Fn(&Document) -> Option<PolicyAction<'r>>,
    ) -> Vec<Diagnostic> {
        if self.is_empty() {
            return Vec::new();
        }
        let rules: Vec<&PolicyRule> = self.rules.iter().collect();
        documents
            .iter()
            .flat_map(|document| self.evaluate_document(&rules, document, turn(document)))
            .collect()
    }

    /// What some of the rules say of one object.
    pub(super) fn evaluate_document(
        &self,
        rules: &[&PolicyRule],
        document: &Document,
        turn: Option<PolicyAction>,
    ) -> Vec<Diagnostic> {
        let mut rules = rules.iter().filter(|rule| rule.applies_to(document)).peekable();
        if rules.peek().is_none() {
            return Vec::new();
        }
        let mut scope = EvaluationScope::new(&self.environment);
        let spec = cel_values::build_spec(document);
        cel_values::build_variables(document)
            .into_iter()
            .for_each(|(name, fact)| scope.set_variable(name, fact));
        if let Some((action, changes)) = turn {
            scope.set_variable("action", cel_values::build_string(action));
            scope.set_variable("changes", cel_values::convert_changes(changes));
        }
        let requested = rules.filter(|rule| turn.is_some() || !rule.expression.needs_plan);
        let question = |rule| RuleEvaluation { rule, document, spec: &spec, is_before_plan: turn.is_none() };
        requested.flat_map(|rule| question(rule).evaluate(&mut scope)).collect()
    }
}

/// What a plan does, by kind, name and target.
fn index_actions(report: &PlanReport) -> HashMap<(&str, &str, &str), PolicyAction<'_>> {
    fn build_key(object: &ObjectName) -> (&str, &str, &str) {
        (&object.kind, &object.name, &object.target)
    }
    let changes =
        report.changes.iter().map(|one| (build_key(&one.object), (one.action.as_str(), &*one.fields)));
    let refused = report.refused.iter().map(|one| (build_key(&one.object), ("refused", &*one.fields)));
    let unread = report.unread.iter().map(|one| (build_key(&one.object), ("unread", &[][..])));
    changes.chain(refused).chain(unread).collect()
}

impl PolicyRule {
    fn applies_to(&self, document: &Document) -> bool {
        let target = document.target.as_deref().unwrap_or_default();
        let any = |matchers: &[globset::GlobMatcher], word: &str| {
            matchers.is_empty() || matchers.iter().any(|matcher| matcher.is_match(word))
        };
        any(&self.kinds, &document.kind.name) && any(&self.targets, target)
    }
}

/// One rule and one object.
struct RuleEvaluation<'q> {
    rule: &'q PolicyRule,
    document: &'q Document,
    spec: &'q Fact,
    /// Nothing from outside the repository is known yet.
    is_before_plan: bool,
}

impl RuleEvaluation<'_> {
    fn evaluate(&self, scope: &mut EvaluationScope) -> Vec<Diagnostic> {
        let Some(path) = &self.rule.each else {
            return self.evaluate_item(scope, None).into_iter().collect();
        };
        let mut said = Vec::new();
        for entry in collect_items(self.spec, &self.document.spec, &self.document.kind.shape, path) {
            scope.set_variable("item", entry.value.clone());
            scope.set_variable("key", entry.key.clone().unwrap_or(Fact::Null));
            said.extend(self.evaluate_item(scope, Some(&entry)));
        }
        said
    }

    fn evaluate_item(&self, scope: &EvaluationScope, entry: Option<&RuleItem>) -> Option<Diagnostic> {
        match self.rule.expression.evaluate(scope) {
            Ok(said) if said == self.rule.expected => None,
            Ok(_) => Some(self.report_violation(entry)),
            // what comes from outside is there when there is a plan
            Err(_) if self.is_before_plan && cel_values::has_pending_value(self.spec) => None,
            Err(why) => Some(self.report_unanswered(entry, &why)),
        }
    }

    fn report_violation(&self, entry: Option<&RuleItem>) -> Diagnostic {
        let message = format!("{}: {}", self.document.name, self.rule.message);
        Diagnostic { hint: self.rule.hint.clone(), ..self.build_diagnostic(self.rule.code, message, entry) }
    }

    fn report_unanswered(&self, entry: Option<&RuleItem>, why: &str) -> Diagnostic {
        let message =
            format!("{}: the rule `{}` could not be evaluated: {why}", self.document.name, self.rule.code);
        Diagnostic { code: NOT_EVALUATED_CODE, ..self.build_diagnostic(self.rule.code, message, entry) }
            .with_hint("test for the field first: `has(spec.field)`, or `null` where a field may be cleared")
    }

    fn build_diagnostic(&self, code: &'static str, message: String, entry: Option<&RuleItem>) -> Diagnostic {
        Diagnostic {
            code,
            severity: self.rule.severity,
            message,
            hint: None,
            location: Some(self.find_place(entry)),
            related: vec![(self.rule.place.clone(), "the rule".to_owned())],
        }
    }

    /// Where the field stands of which the rule speaks; else the name of the document.
    fn find_place(&self, entry: Option<&RuleItem>) -> SourceLocation {
        let (document, field) = (self.document, &self.rule.field);
        let span = match entry.and_then(|entry| Some((entry.desired?, entry.shape))) {
            Some((wanted, shape)) => find_field_span(wanted, shape, field).unwrap_or(wanted.span),
            None => find_field_span(&document.spec, Some(&document.kind.shape), field)
                .unwrap_or(document.name_span),
        };
        document.locate_span(span)
    }
}
