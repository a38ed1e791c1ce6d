//! What becomes of a document whose object does not show: whether it is created, waits, or is refused.
//!
//! A create that was sent and whose outcome is not known is never repeated without a look after the time in which
//! the service may still carry it out.

use std::time::Duration;

use jiff::Timestamp;

use super::fetch::{Emptiness, ObjectJob};
use super::index::OpenCreate;
use super::match_up::{is_hidden_until_confirmed, is_surely_visible};
use super::natural_key::build_desired_key;
use super::{RunSession, lock_mutex};
use crate::diagnostic::Diagnostic;
use crate::document::{Document, DocumentState};
use crate::kind::{IdAssigner, Kind};
use crate::plan::PlanSubject;
use crate::plan::permission::Permission;
use crate::remote::target_client::TargetClient;

/// So long after the last answer could have come, a service may still carry out a request: gateways and queues
/// hold requests for a minute or two.
const UNKNOWN_TIME: Duration = Duration::from_secs(120);
/// How long reads may lag behind writes where the kind does not say.
const READ_AFTER_WRITE: Duration = Duration::from_secs(5);
/// The code of a refusal over a create of unknown outcome.
const CREATE_UNKNOWN: &str = "create-unknown";

/// What is to become of a document without a live object.
pub enum CreateDecision {
    /// With what someone had to allow.
    Create(Vec<Permission>),
    /// It was created and does not show yet.
    Pending,
    Refused(Diagnostic),
}

/// Decides about a document whose object does not show; `empty`: its collection shows none at all.
pub fn decide_create(
    session: &RunSession,
    job: &ObjectJob,
    subject: &PlanSubject,
    emptiness: &Emptiness,
) -> CreateDecision {
    let (kind, document) = (&job.document.kind, job.document);
    let place = document.locate_span(document.id_span);
    let mut needs = Vec::new();
    match check_open_create(session, document, subject) {
        OpenCreateStatus::None => {}
        OpenCreateStatus::Pending => return CreateDecision::Pending,
        OpenCreateStatus::Unknown(_) if session.retry_creates => needs.push(Permission::RetryCreate),
        OpenCreateStatus::Unknown(reason) => {
            return CreateDecision::Refused(reason.with_location(place));
        }
    }
    if document.id.is_some() && kind.identity.id_assigned_by == IdAssigner::Server {
        let reason =
            Diagnostic::error("not-found", "no live object has this id").with_location(place).with_hint(
                "check the id, the target and the scope; without `id` the object is found by its natural key",
            );
        return CreateDecision::Refused(reason);
    }
    match emptiness {
        Emptiness::Certain => {}
        Emptiness::Doubtful if session.trust_empty => needs.push(Permission::TrustEmpty),
        doubt => return CreateDecision::Refused(diagnose_emptiness(doubt).with_location(place)),
    }
    CreateDecision::Create(needs)
}

/// An empty list that may be one that the credentials cannot see.
fn diagnose_emptiness(doubt: &Emptiness) -> Diagnostic {
    if let Emptiness::Denied(error) = doubt {
        let message = format!("the list is empty, and the access check failed: {}", error.diagnostic.message);
        let hint = "check the scope and the credentials of the target";
        return Diagnostic::error("empty-collection", message).with_hint(hint);
    }
    let message = "the service shows no objects at all here, which may be missing access";
    Diagnostic::error("empty-collection", message)
        .with_hint("check the credentials and the scope; `--trust-empty` if there really are none yet")
}

/// What an earlier create means for an object that does not show.
enum OpenCreateStatus {
    /// There was none, or it can no longer be carried out.
    None,
    /// It was done, and the object shows once someone confirms it.
    Pending,
    /// No one can tell whether the object is there.
    Unknown(Diagnostic),
}

fn check_open_create(session: &RunSession, document: &Document, subject: &PlanSubject) -> OpenCreateStatus {
    let kind = &document.kind;
    let index = lock_mutex(session.index);
    let entry = index.get_in_scope(kind, &subject.target, &subject.name, &subject.scope);
    let Some(entry) = entry else { return OpenCreateStatus::None };
    let Some(open) = &entry.open_create else {
        let until = entry.may_be_missed_until.filter(|until| session.clock.now() < *until);
        return until
            .map_or(OpenCreateStatus::None, |until| OpenCreateStatus::Unknown(diagnose_stale_read(until)));
    };
    let named = document.id.is_some() || entry.id.is_some() || open.answered_id.is_some();
    if named && is_hidden_until_confirmed(kind) {
        return OpenCreateStatus::Pending;
    }
    if session.clock.now() < open.unknown_until {
        return OpenCreateStatus::Unknown(diagnose_young_create(open));
    }
    if named || is_surely_visible(document) {
        return OpenCreateStatus::None;
    }
    OpenCreateStatus::Unknown(diagnose_unknown_create(kind, open))
}

/// A create that is about to be sent.
pub fn build_open_create(session: &RunSession, service: &TargetClient, kind: &Kind) -> OpenCreate {
    OpenCreate {
        sent: round_second(session.clock.now()),
        unknown_until: compute_unknown_until(session, service, kind),
        accepted: false,
        answered_id: None,
    }
}

/// Until when the outcome of a request that is sent now is unknown if no answer comes.
pub fn compute_unknown_until(session: &RunSession, service: &TargetClient, kind: &Kind) -> Timestamp {
    let answer = service.request_timeout() + service.operation_timeout();
    let wait = answer + UNKNOWN_TIME + get_read_after_write(session, kind);
    round_second(session.clock.compute_later(wait))
}

/// The time to the second, as people read it.
pub fn round_second(time: Timestamp) -> Timestamp {
    time.round(jiff::Unit::Second).unwrap_or(time)
}

/// A create whose object may still come.
fn diagnose_young_create(open: &OpenCreate) -> Diagnostic {
    let (sent, until) = (open.sent, open.unknown_until);
    let message = match open.accepted {
        true => format!("the service accepted a create at {sent}, and the object does not show yet"),
        false => format!("a create was sent at {sent}, and its outcome is unknown until {until}"),
    };
    Diagnostic::error(CREATE_UNKNOWN, message).with_hint(format!(
        "run again after {until}: until then the service may still carry it out; `--retry-creates` sends it \
         again at once"
    ))
}

/// An object that was created and seen, and that a later read does not show.
fn diagnose_stale_read(until: Timestamp) -> Diagnostic {
    let message = format!("it was created a moment ago, and reads may miss it until {until}");
    Diagnostic::error(CREATE_UNKNOWN, message)
        .with_hint(format!("run again after {until}; `--retry-creates` if it surely was deleted since"))
}

/// A create of which no look tells what came of it.
fn diagnose_unknown_create(kind: &Kind, open: &OpenCreate) -> Diagnostic {
    let why = match is_hidden_until_confirmed(kind) {
        true => "such objects show late",
        false => "nothing in the document would find it",
    };
    let message = format!("a create was sent at {}, its outcome is unknown, and {why}", open.sent);
    Diagnostic::error(CREATE_UNKNOWN, message).with_hint(
        "look for it in the service and name its `id` here; `--retry-creates` if it surely is not there",
    )
}

/// An object that is to go, was created by us and does not show: no one can say that it is gone.
pub fn diagnose_hidden_create(
    session: &RunSession,
    job: &ObjectJob,
    subject: &PlanSubject,
) -> Option<Diagnostic> {
    let document = job.document;
    let index = lock_mutex(session.index);
    let entry = index.get_in_scope(&document.kind, &subject.target, &subject.name, &subject.scope)?;
    let open = entry.open_create.as_ref().filter(|_| document.state == DocumentState::Absent)?;
    let findable =
        document.id.is_some() || entry.id.is_some() || build_desired_key(&document.kind, document).is_some();
    let is_over = session.clock.now() >= open.unknown_until;
    if findable && is_over && !is_hidden_until_confirmed(&document.kind) {
        return None;
    }
    let reason =
        Diagnostic::error("not-yet-visible", "it was created and does not show, so it cannot be deleted");
    let place = document.locate_span(document.name_span);
    Some(
        reason
            .with_location(place)
            .with_hint("plan again once it shows; it stays on record in `.trueup` until then"),
    )
}

/// How long reads may lag behind a write.
pub fn get_read_after_write(session: &RunSession, kind: &Kind) -> Duration {
    let of_kind = || kind.operations.find_settle_time().unwrap_or(READ_AFTER_WRITE);
    session.read_back_timeout.unwrap_or_else(of_kind)
}

/// The code of the note about an object that was created and does not show yet.
pub const APPEARS_LATER: &str = "not-yet-visible";

/// A new object that is known by its id alone until someone confirms it.
pub fn diagnose_appears_later(subject: &PlanSubject) -> Diagnostic {
    Diagnostic::note(APPEARS_LATER, "the object was created and shows once it is verified")
        .with_location(subject.place.clone())
        .with_hint(
            "its id is kept in `.trueup`, so it is not created twice; until it shows, it is not compared",
        )
}
