//! What becomes of a document whose object does not show: whether it is created, waits, or is refused.
//!
//! A create that was sent and whose outcome is not known is never repeated without a look after the time in which
//! the service may still carry it out.

use std::sync::PoisonError;

use super::RunSession;
use super::fetch::ObjectJob;
use super::match_up::build_desired_key;
use crate::diagnostic::Diagnostic;
use crate::document::{Document, DocumentState};
use crate::kind::{IdAssigner, Kind, ReadConsistency};
use crate::plan::PlanSubject;
use crate::plan::permission::Permission;

/// What is to become of a document without a live object.
pub enum CreateDecision {
    /// With what somebody had to allow.
    Create(Vec<Permission>),
    /// It was created and does not show yet.
    Pending,
    Refused(Diagnostic),
}

pub fn decide_create(
    session: &RunSession,
    job: &ObjectJob,
    subject: &PlanSubject,
    empty: bool,
) -> CreateDecision {
    let (kind, document) = (&job.document.kind, job.document);
    let place = document.locate_span(document.id_span);
    let index = session.index.lock().unwrap_or_else(PoisonError::into_inner);
    let entry = index.get_in_scope(kind, (&subject.target, &subject.name), &subject.scope);
    let named = document.id.is_some() || entry.is_some_and(|entry| entry.id.is_some());
    let mut needs = Vec::new();
    match entry.and_then(|entry| entry.create_sent.as_ref()) {
        Some(_) if named && get_consistency(kind) == ReadConsistency::Later => {
            return CreateDecision::Pending;
        }
        Some(_) if named || is_surely_visible(document) => {}
        Some(_) if session.retry_creates => needs.push(Permission::RetryCreate),
        Some(sent) => {
            return CreateDecision::Refused(diagnose_unknown_create(kind, sent).with_location(place));
        }
        None => {}
    }
    if document.id.is_some() && kind.identity.id_assigned_by == IdAssigner::Server {
        let reason =
            Diagnostic::error("not-found", "no live object has this id").with_location(place).with_hint(
                "check the id, the target and the scope; without `id` the object is found by its natural key",
            );
        return CreateDecision::Refused(reason);
    }
    if empty && session.trust_empty {
        needs.push(Permission::TrustEmpty);
    } else if empty {
        let message = "the service shows no objects at all here, which may be missing access";
        let reason = Diagnostic::error("empty-collection", message)
            .with_location(place)
            .with_hint("check the credentials and the scope; `--trust-empty` if there really are none yet");
        return CreateDecision::Refused(reason);
    }
    CreateDecision::Create(needs)
}

fn diagnose_unknown_create(kind: &Kind, sent: &str) -> Diagnostic {
    let why = match get_consistency(kind) {
        ReadConsistency::Later => "such objects show late",
        ReadConsistency::AtOnce => "nothing in the document would find it",
    };
    let message = format!("a create was sent at {sent}, its outcome is unknown, and {why}");
    Diagnostic::error("create-unknown", message).with_hint(
        "look for it in the service and name its `id` here; `--retry-creates` if it surely is not there",
    )
}

/// Whether an object that was created is found by whoever looks.
pub fn is_surely_visible(document: &Document) -> bool {
    let kind = &document.kind;
    let findable = document.id.is_some() || build_desired_key(kind, document).is_some();
    findable && get_consistency(kind) == ReadConsistency::AtOnce
}

/// When new objects of a kind show.
pub fn get_consistency(kind: &Kind) -> ReadConsistency {
    kind.operations.create.as_ref().map_or(ReadConsistency::AtOnce, |create| create.read_after_write)
}

/// An object that is to go, was created by us and does not show: nobody can say that it is gone.
pub fn diagnose_hidden_create(
    session: &RunSession,
    job: &ObjectJob,
    subject: &PlanSubject,
) -> Option<Diagnostic> {
    let document = job.document;
    let index = session.index.lock().unwrap_or_else(PoisonError::into_inner);
    let entry = index.get_in_scope(&document.kind, (&subject.target, &subject.name), &subject.scope)?;
    entry.create_sent.as_ref().filter(|_| document.state == DocumentState::Absent)?;
    let findable =
        document.id.is_some() || entry.id.is_some() || build_desired_key(&document.kind, document).is_some();
    if findable && get_consistency(&document.kind) == ReadConsistency::AtOnce {
        return None;
    }
    let reason =
        Diagnostic::error("not-shown-yet", "it was created and does not show, so it cannot be deleted");
    let place = document.locate_span(document.name_span);
    Some(
        reason
            .with_location(place)
            .with_hint("plan again once it shows; it stays on record in `.trueup` until then"),
    )
}

/// The code of the note about an object that was created and does not show yet.
pub const APPEARS_LATER: &str = "appears-later";

/// A new object that is known by its id alone until somebody confirms it.
pub fn diagnose_appears_later(subject: &PlanSubject) -> Diagnostic {
    Diagnostic::note(APPEARS_LATER, "the object was created and shows once it is verified")
        .with_location(subject.place.clone())
        .with_hint("its id is kept in `.trueup`, so it is not created twice")
}
