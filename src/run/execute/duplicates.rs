//! Whether an object that was created is the only one with its natural key: someone else may have created one at the
//! same time, and most services take both.
//!
//! One look for all creates of a collection, once they are done. A look that fails claims nothing; one that does not
//! show a created object says that the list is not complete.

use super::first_creates::{diagnose_unlisted, is_missing};
use super::step_executor::StepExecutor;
use crate::diagnostic::Diagnostic;
use crate::kind::ScalarType;
use crate::plan::{PlanSubject, StepAction};
use crate::remote::target_client::TargetClient;
use crate::run::fetch::{JobGroup, ObjectJob, ReadOutcome, is_duplicate_checked};
use crate::run::match_up::ObjectMatch;
use crate::run::natural_key::find_desired_value;
use crate::run::outcome::{OutcomeStatus, StepOutcome};
use crate::value::{Sensitivity, Value};

impl StepExecutor<'_, '_> {
    /// Whether the outcome is that of a create whose natural key is looked for.
    pub(super) fn needs_duplicate_check(&self, outcome: &StepOutcome) -> bool {
        outcome.action == Some(StepAction::Create)
            && matches!(outcome.status, OutcomeStatus::Done)
            && is_duplicate_checked(&self.jobs[outcome.subject.number])
    }

    /// Looks for other objects with the natural keys of those that were created.
    pub(super) async fn check_duplicates(
        &self,
        service: &TargetClient,
        group: &JobGroup,
        mut outcomes: Vec<StepOutcome>,
    ) -> Vec<StepOutcome> {
        if outcomes.is_empty() {
            return outcomes;
        }
        let numbers: Vec<usize> = outcomes.iter().map(|outcome| outcome.subject.number).collect();
        let are_shown = |reads: &[ReadOutcome]| !reads.iter().any(|read| is_missing(Some(read)));
        let reads = self.look_for_keys(service, group, &numbers, &are_shown).await;
        for (outcome, read) in outcomes.iter_mut().zip(reads) {
            let job = &self.jobs[outcome.subject.number];
            let reason = match read {
                ReadOutcome::Found(ObjectMatch::Several(ids)) => {
                    diagnose_duplicates(&outcome.subject, job, &ids)
                }
                ReadOutcome::Found(ObjectMatch::Nothing) => diagnose_unlisted(&outcome.subject),
                _ => continue,
            };
            outcome.status = OutcomeStatus::Failed(vec![reason]);
        }
        outcomes
    }
}

fn diagnose_duplicates(subject: &PlanSubject, job: &ObjectJob, ids: &[Value]) -> Diagnostic {
    let kind = &subject.kind;
    let text = |value: &Value| ScalarType::render_url_text(value, &kind.api);
    let open = |path: &Vec<u16>| {
        kind.shape.find_path_field(path).is_some_and(|(mark, _)| mark == Sensitivity::Public)
    };
    let values = kind.identity.natural_key.iter().map(|path| match open(path) {
        true => find_desired_value(&job.document.spec, path).map(|value| format!(" `{}`", text(value))),
        false => None,
    });
    let named: Vec<String> = kind
        .list_natural_key_names()
        .into_iter()
        .zip(values)
        .map(|(name, value)| format!("{name}{}", value.unwrap_or_default()))
        .collect();
    let shown: Vec<String> = match kind.id_field().sensitivity {
        Sensitivity::Public => ids.iter().map(text).collect(),
        _ => Vec::new(),
    };
    let shown = if shown.is_empty() { String::new() } else { format!(": {}", shown.join(", ")) };
    let message = format!("{} objects with {} exist{shown}", ids.len(), named.join(", "));
    let own = subject.id.as_ref().filter(|_| !shown.is_empty()).map(text);
    let hint = match own {
        Some(own) => format!(
            "this run created {own}, and somebody else another one: remove one of them in the service, or name \
             the `id` of the one that is meant"
        ),
        None => "remove the others in the service, or name the `id` of the one that is meant".to_owned(),
    };
    Diagnostic::error("duplicate-object", message).with_location(subject.place.clone()).with_hint(hint)
}
