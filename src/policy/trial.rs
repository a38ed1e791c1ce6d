//! The rules' own cases: what each is to say of an object, asked without any workspace around it.

use std::sync::Arc;

use super::{Policies, Rule};
use crate::diagnostic::Diagnostic;

/// What came of the cases.
pub struct Trial {
    pub passed: usize,
    /// One for each case that says something else.
    pub faults: Vec<Diagnostic>,
}

impl Policies {
    /// Asks the rules about their cases.
    pub fn test(&self) -> Trial {
        let mut trial = Trial { passed: 0, faults: Vec::new() };
        for case in &self.cases {
            let turn = case.change.as_ref().map(|(action, changes)| (&**action, &**changes));
            let own = |rule: &&Rule| Arc::ptr_eq(&rule.place.source, &case.place.source);
            let rules: Vec<&Rule> = self.rules.iter().filter(own).collect();
            let said = self.one(&rules, &case.document, turn);
            let mut codes: Vec<&str> = said.iter().map(|fault| fault.code).collect();
            codes.sort_unstable();
            codes.dedup();
            if codes == case.expected {
                trial.passed += 1;
                continue;
            }
            let message =
                format!("`{}`: expected {}, found {}", case.name, list(&case.expected), list(&codes));
            let fault = Diagnostic::error("policy-case", message).at(case.place.clone());
            let hint =
                said.iter().find(|fault| fault.code == "policy-unanswered").map(|fault| &fault.message);
            let hint = hint.map_or("correct the rule, or what the case expects", |hint| hint);
            trial.faults.push(fault.hint(hint));
        }
        trial
    }
}

fn list(codes: &[impl AsRef<str>]) -> String {
    match codes {
        [] => "nothing".to_owned(),
        codes => codes.iter().map(|code| format!("`{}`", code.as_ref())).collect::<Vec<_>>().join(", "),
    }
}
