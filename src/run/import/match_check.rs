//! Whether a document says what is live, before anybody sees it.

use super::import_job::ImportJob;
use super::imported_references::ImportedReferences;
use super::pending::{is_answered, is_in_pending_field};
use super::revise::compare_document;
use crate::diagnostic::Diagnostic;
use crate::document::Document;
use crate::plan::Change;
use crate::plan::path_label::format_path;
use crate::remote::wire::Snapshot;

/// Whether a document says what is live, as a plan would see it; edits that are pending may stay.
pub(super) fn check_matches_live(
    import: &ImportJob,
    document: &Document,
    meanings: &ImportedReferences,
    live: &Snapshot,
    pending: &[Change],
) -> Result<(), Vec<Diagnostic>> {
    let subject = import.build_subject(document, &live.object);
    let proposal = compare_document(document, meanings, &subject, &live.object);
    let (own, changes): (Vec<Change>, Vec<Change>) =
        proposal.changes.into_iter().partition(|change| is_in_pending_field(change, pending));
    let errors = proposal.errors.into_iter().filter(|fault| !is_answered(fault, &own));
    let errors: Vec<Diagnostic> = errors.collect();
    if !errors.is_empty() {
        return Err(errors);
    }
    let paths: Vec<String> = changes.iter().map(|change| format_path(&change.path)).collect();
    match paths.is_empty() {
        true => Ok(()),
        false => Err(vec![
            diagnose_unverified(&document.name, &paths)
                .with_location(document.locate_span(document.name_span)),
        ]),
    }
}

/// The error of a document over which a plan would not be empty.
pub(super) fn diagnose_unverified(name: &str, paths: &[String]) -> Diagnostic {
    const MAX_PATHS: usize = 10;
    let mut list: Vec<String> = paths.iter().take(MAX_PATHS).map(|path| format!("`{path}`")).collect();
    list.extend((paths.len() > MAX_PATHS).then(|| format!("and {} more", paths.len() - MAX_PATHS)));
    let message = match list.is_empty() {
        true => format!("what would be written for `{name}` does not read back as one document"),
        false => format!("planning `{name}` shows changes: {}", list.join(", ")),
    };
    Diagnostic::error("not-verified", message)
        .with_hint("import again, if the live object is being changed; else please report this")
}
