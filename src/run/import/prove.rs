//! The last word of an import: a plan over what it wrote, from a fresh reading, has to be empty.

use super::Import;
use super::compose::unproven;
use crate::diagnostic::Diagnostic;
use crate::document::Document;
use crate::plan::step::named;
use crate::run::{Session, planning};

/// Plans over documents that have everything in place.
///
/// # Errors
/// Every document over which the plan is not empty, with the paths; or why it could not be made.
pub async fn prove(
    session: &Session<'_>,
    import: &Import,
    documents: &[Document],
) -> Result<(), Vec<Diagnostic>> {
    let jobs: Vec<_> = documents.iter().map(|document| import.job(document)).collect();
    let plan = planning::plan(session, &jobs).await;
    let steps = plan.steps.iter().map(|step| {
        let paths: Vec<String> = step.changes.iter().map(|change| named(&change.path)).collect();
        unproven(&step.subject.name, &paths).at(step.subject.place.clone())
    });
    let refused = plan.refused.iter().flat_map(|refused| refused.reasons.iter().cloned());
    let faults: Vec<Diagnostic> = steps.chain(refused).chain(plan.diagnostics.iter().cloned()).collect();
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}
