//! Edits of documents that were never applied: an import leaves them as they are.
//!
//! A document and its live object differ because one of them was edited since both were the same. Where the document
//! was, the live value is the old one, and writing it down would take the edit away. Where both were, no one but a
//! person can say which one counts.
//! Deliberately absent: where the past comes from. Records and commits are read elsewhere.

use crate::diagnostic::Diagnostic;
use crate::document::Document;
use crate::plan::cause::ChangeCause;
use crate::plan::path_label::format_path;
use crate::plan::propose::ObjectProposal;
use crate::plan::{Change, PlanSubject};
use crate::value::PathSegment;

/// What is known of the past of documents.
pub trait EditHistory {
    /// Notes the causes of the changes that a plan would make to an object, as far as they are known.
    fn label_changes(&self, document: &Document, subject: &PlanSubject, changes: Vec<Change>) -> Vec<Change>;
}

/// Where nothing is known, or nothing is to be kept.
pub struct NoEditHistory;

impl EditHistory for NoEditHistory {
    fn label_changes(&self, _: &Document, _: &PlanSubject, changes: Vec<Change>) -> Vec<Change> {
        changes
    }
}

/// Takes the changes out of a proposal for which the document was edited and not applied.
pub fn take_pending_changes(
    history: &dyn EditHistory,
    document: &Document,
    subject: &PlanSubject,
    proposal: &mut ObjectProposal,
) -> Vec<Change> {
    let changes = std::mem::take(&mut proposal.changes);
    let labelled = history.label_changes(document, subject, changes);
    let (pending, others): (Vec<Change>, Vec<Change>) = labelled.into_iter().partition(is_edited);
    proposal.changes = others;
    proposal.errors.retain(|fault| !is_answered(fault, &pending));
    pending
}

/// Whether the document was edited since it was applied.
fn is_edited(change: &Change) -> bool {
    change.causes.iter().any(|cause| matches!(cause, ChangeCause::Branch | ChangeCause::Pending))
}

/// Whether a fault stands where one of these changes does, or within it: of an item that goes, what it lacks to be a
/// new one does not matter.
pub fn is_answered(fault: &Diagnostic, changes: &[Change]) -> bool {
    changes.iter().any(|change| {
        let places = change.place.as_ref().zip(fault.location.as_ref());
        places.is_some_and(|(a, b)| {
            a.source.path == b.source.path && a.span.start <= b.span.start && b.span.end <= a.span.end
        })
    })
}

/// Whether a change is in a field in which an edit is pending.
pub fn is_in_pending_field(change: &Change, pending: &[Change]) -> bool {
    let field = |change: &Change| match change.path.0.first() {
        Some(PathSegment::Field(name)) => Some(name.to_string()),
        _ => None,
    };
    pending.iter().any(|own| field(own) == field(change))
}

/// What is said of pending edits: those that the service contradicts need someone who decides.
pub fn diagnose_pending(document: &Document, pending: &[Change]) -> Vec<Diagnostic> {
    let say = |change: &Change| {
        let field = format_path(&change.path);
        let is_conflict = change.causes.contains(&ChangeCause::Drift);
        let note = match is_conflict {
            true => Diagnostic::warning(
                "edited-on-both-sides",
                format!("`{field}` was edited here and in the service; the document is unchanged"),
            )
            .with_hint("apply to keep this value, or write the live one here"),
            false => Diagnostic::note(
                "pending-edit",
                format!("`{field}` was edited and not applied; the document is unchanged"),
            )
            .with_hint("`trueup apply` applies it; `trueup import --discard-pending` takes the live value"),
        };
        let place = change.place.clone();
        note.with_location(place.unwrap_or_else(|| document.locate_span(document.name_span)))
    };
    pending.iter().map(say).collect()
}
