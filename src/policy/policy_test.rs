//! The rules' own cases: what each is to say of an object, asked without any workspace around it.

use std::sync::Arc;

use super::{PolicyRule, PolicySet};
use crate::diagnostic::Diagnostic;

/// What came of the cases.
pub struct PolicyTest {
    pub passed: usize,
    /// One for each case that says something else.
    pub diagnostics: Vec<Diagnostic>,
}

impl PolicySet {
    /// Asks the rules about their cases.
    pub fn run_cases(&self) -> PolicyTest {
        let mut trial = PolicyTest { passed: 0, diagnostics: Vec::new() };
        for case in &self.cases {
            let turn = case.planned.as_ref().map(|(action, changes)| (&**action, &**changes));
            let own = |rule: &&PolicyRule| Arc::ptr_eq(&rule.place.source, &case.place.source);
            let rules: Vec<&PolicyRule> = self.rules.iter().filter(own).collect();
            let said = self.evaluate_document(&rules, &case.document, turn);
            let mut codes: Vec<&str> = said.iter().map(|fault| fault.code).collect();
            codes.sort_unstable();
            codes.dedup();
            if codes == case.expected {
                trial.passed += 1;
                continue;
            }
            let message = format!(
                "`{}`: expected {}, found {}",
                case.name,
                format_codes(&case.expected),
                format_codes(&codes)
            );
            let fault = Diagnostic::error("policy-case", message).with_location(case.place.clone());
            let hint =
                said.iter().find(|fault| fault.code == "policy-not-evaluated").map(|fault| &fault.message);
            let hint = hint.map_or("correct the rule, or what the case expects", |hint| hint);
            trial.diagnostics.push(fault.with_hint(hint));
        }
        trial
    }
}

fn format_codes(codes: &[impl AsRef<str>]) -> String {
    match codes {
        [] => "nothing".to_owned(),
        codes => codes.iter().map(|code| format!("`{}`", code.as_ref())).collect::<Vec<_>>().join(", "),
    }
}
