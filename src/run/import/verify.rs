//! The last word of an import: a plan over what it wrote, from a fresh reading, has to be empty.

use super::import_job::ImportJob;
use super::match_check::diagnose_unverified;
use crate::diagnostic::Diagnostic;
use crate::document::Document;
use crate::plan::Plan;
use crate::plan::path_label::format_path;
use crate::run::fetch::ObjectJob;
use crate::run::{RunSession, planning};

/// Plans over documents that have everything in place; `record` gets the plan.
///
/// # Errors
/// Every document over which the plan is not empty, with the paths; or why it could not be made.
pub async fn verify_empty_plan(
    session: &RunSession<'_>,
    import: &ImportJob,
    documents: &[Document],
    record: impl FnOnce(&Plan, &[ObjectJob]),
) -> Result<(), Vec<Diagnostic>> {
    let mut jobs: Vec<_> = documents.iter().map(|document| import.build_job(document)).collect();
    let plan = planning::make_plan(session, &mut jobs).await;
    record(&plan, &jobs);
    let steps = plan.steps.iter().map(|step| {
        let paths: Vec<String> = step.changes.iter().map(|change| format_path(&change.path)).collect();
        diagnose_unverified(&step.subject.name, &paths).with_location(step.subject.place.clone())
    });
    let refused = plan.refused.iter().flat_map(|refused| refused.reasons.iter().cloned());
    let faults: Vec<Diagnostic> = steps.chain(refused).chain(plan.diagnostics.iter().cloned()).collect();
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}
