//! Whether an object that was created is the only one with its natural key: somebody else may have created one at the
//! same time, and most services take both.
//!
//! One look for all creates of a collection, once they are done. A look that fails claims nothing.

use super::StepExecutor;
use crate::diagnostic::Diagnostic;
use crate::kind::ScalarType;
use crate::plan::{PlanSubject, StepAction};
use crate::remote::target_client::TargetClient;
use crate::run::fetch::{
    JobGroup, ObjectJob, ReadOutcome, build_key_job, fetch_needed, is_duplicate_checked,
};
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
        let jobs: Vec<ObjectJob> =
            outcomes.iter().map(|outcome| build_key_job(&self.jobs[outcome.subject.number])).collect();
        let group = JobGroup {
            kind: group.kind.clone(),
            target: group.target.clone(),
            scope: group.scope.clone(),
            jobs: (0..jobs.len()).collect(),
        };
        let found = fetch_needed(service, &group, &jobs).await;
        for ((outcome, read), job) in outcomes.iter_mut().zip(found.reads).zip(&jobs) {
            if let ReadOutcome::Found(ObjectMatch::Several(ids)) = read {
                let reason = diagnose_duplicates(&outcome.subject, job, &ids);
                outcome.status = OutcomeStatus::Failed(vec![reason]);
            }
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
