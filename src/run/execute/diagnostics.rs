//! What apply says of one object: each fault with its code, its place and what to do.

use std::collections::BTreeSet;

use crate::diagnostic::Diagnostic;
use crate::kind::visit::walk_path;
use crate::kind::{FieldType, ScalarType};
use crate::plan::normalization::{self, explain_normalization};
use crate::plan::path_label::format_path;
use crate::plan::{Change, PlanSubject, Step, StepAction};
use crate::remote::wire::Snapshot;
use crate::run::natural_key::show_id;
use crate::run::outcome::OutcomeStatus;
use crate::value::{Object, PathSegment, Sensitivity, Value};

pub(super) fn diagnose_ambiguous_object(step: &Step) -> Diagnostic {
    Diagnostic::error("ambiguous-object", "meanwhile several live objects have this natural key")
        .with_location(step.subject.place.clone())
        .with_hint("name the `id` of the one that is meant")
}

/// The service did not write over what someone else had written.
pub(super) fn diagnose_concurrent_change(step: &Step) -> Diagnostic {
    let message = "the object changed between the read and the write, and the service refused the write";
    Diagnostic::error("concurrent-edit", message)
        .with_location(step.subject.place.clone())
        .with_hint("plan again; nothing of this object was written")
}

/// Nothing tells over which state of the object a write would be.
pub(super) fn diagnose_missing_state(step: &Step) -> Diagnostic {
    let message = "the service did not send the state of this object, so the write cannot be bound to it";
    Diagnostic::error("no-state", message)
        .with_location(step.subject.place.clone())
        .with_hint("see whether `if_match` of the kind says what the service tells")
}

pub(super) fn diagnose_missing_reference(step: &Step) -> Diagnostic {
    Diagnostic::error("reference-refused", "an object to which this one refers is not there yet")
        .with_location(step.subject.place.clone())
        .with_hint("see the diagnostic of that object, then plan again")
}

/// Why a create that cannot be marked is not sent.
pub(super) fn end_unmarked_create(step: &Step, error: &std::io::Error) -> OutcomeStatus {
    if error.kind() == std::io::ErrorKind::ResourceBusy {
        let fault = Diagnostic::error("concurrent-run", "another run has begun to create this object")
            .with_location(step.subject.place.clone())
            .with_hint("wait until it has ended, then run again");
        return OutcomeStatus::Refused(vec![fault]);
    }
    let message = format!("`.trueup/index.json` cannot be written: {}", error.kind());
    let fault =
        Diagnostic::error("not-recorded", message).with_location(step.subject.place.clone()).with_hint(
            "without it, a killed run could create this object twice; free disk space or fix the permissions",
        );
    OutcomeStatus::Failed(vec![fault])
}

/// A new object whose id is known to no one but this report.
pub(super) fn diagnose_unsaved_id(subject: &PlanSubject, error: &std::io::Error) -> Diagnostic {
    let message =
        format!("the object was created, but `.trueup/index.json` cannot be written: {}", error.kind());
    let is_shown = subject.kind.id_field().sensitivity == Sensitivity::Public;
    let hint = match subject.id.as_ref() {
        Some(id) if is_shown => {
            format!(
                "its id is {}: write it into the document, or free disk space or fix the permissions and run again",
                show_id(&subject.kind, id)
            )
        }
        Some(_) => "find its id in the service and write it into the document".to_owned(),
        None => "free disk space or fix the permissions, then run again".to_owned(),
    };
    Diagnostic::error("not-recorded", message).with_location(subject.place.clone()).with_hint(hint)
}

pub(super) fn diagnose_unwritten_journal(step: &Step, error: &std::io::Error) -> Diagnostic {
    let message = format!("`.trueup/journal` cannot be written; nothing was sent: {}", error.kind());
    Diagnostic::error("not-recorded", message).with_location(step.subject.place.clone()).with_hint(
        "without the journal, the outcome of a killed run is unknown; free disk space or fix the permissions",
    )
}

pub(super) fn diagnose_unmarked_values(step: &Step, error: &std::io::Error) -> Diagnostic {
    let message = format!("`.trueup/written.jsonl` cannot be written; nothing was sent: {}", error.kind());
    Diagnostic::error("not-recorded", message)
        .with_location(step.subject.place.clone())
        .with_hint("without it, a lost response could count as a successful write; free disk space or fix the permissions")
}

/// Of an object whose update needs several requests, some were carried out.
pub(super) fn diagnose_partial_write(rest: &Step) -> Diagnostic {
    let names: BTreeSet<&str> = rest.changes.iter().filter_map(|change| change.path.top_field()).collect();
    let names: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    let message = format!("the object was written in part; {} not written", format_subject(&names));
    Diagnostic::warning("partly-written", message)
        .with_location(rest.subject.place.clone())
        .with_hint("resolve the reason, then apply again: what was written is not sent again")
}

/// `a`, `a and b`, `a, b and c`, with the verb.
fn format_subject(names: &[String]) -> String {
    match names {
        [] => "the rest was".to_owned(),
        [one] => format!("{one} was"),
        [first @ .., last] => format!("{} and {last} were", first.join(", ")),
    }
}

pub(super) fn diagnose_unrecorded_outcome(step: &Step, error: &std::io::Error) -> Diagnostic {
    let message = format!("what became of this could not be noted in `.trueup/journal`: {}", error.kind());
    Diagnostic::warning("not-recorded", message)
        .with_location(step.subject.place.clone())
        .with_hint("free disk space or fix the permissions before the next run")
}

/// What the service answered, for sentences.
fn describe_answer(status: Option<u16>) -> String {
    match status {
        Some(404) => "the service answered 404 Not Found".to_owned(),
        Some(status) => format!("the service answered {status}"),
        None => "the service gave no answer".to_owned(),
    }
}

pub(super) fn diagnose_not_deleted(step: &Step, status: Option<u16>) -> Diagnostic {
    let message = format!("{}, but the object is still there", describe_answer(status));
    let hint = match status {
        Some(404) => "check the path of `delete` in the kind, and whether the credentials may delete it",
        _ => "look at the object in the service",
    };
    Diagnostic::error("not-deleted", message).with_location(step.subject.place.clone()).with_hint(hint)
}

pub(super) fn diagnose_missing_after_write(step: &Step, status: Option<u16>) -> Diagnostic {
    let message = format!("{}, but the object cannot be read back", describe_answer(status));
    let hint = match step.action {
        StepAction::Create => {
            "it stays on record in `.trueup`; run again later: it is not created again while it may still appear"
        }
        StepAction::Update | StepAction::Delete | StepAction::Replace => {
            "look at the object in the service, then plan again"
        }
    };
    Diagnostic::error("not-found-after-write", message)
        .with_location(step.subject.place.clone())
        .with_hint(hint)
}

/// The read after a write that was answered failed; why is reported beside it.
pub(super) fn diagnose_unread_after_write(step: &Step, status: Option<u16>) -> Diagnostic {
    let message = format!("{}, but reading the object back failed", describe_answer(status));
    Diagnostic::error("not-verified", message)
        .with_location(step.subject.place.clone())
        .with_hint("plan again: the plan shows whether the write was kept")
}

/// A create answered the id of an object that is not the one of the document.
pub(super) fn diagnose_wrong_created_id(step: &Step, id: &Value) -> Diagnostic {
    let kind = &step.subject.kind;
    let shown = match kind.id_field().sensitivity {
        Sensitivity::Public => format!(" {}", ScalarType::render_url_text(id, &kind.api)),
        _ => String::new(),
    };
    let message = format!(
        "the create was answered with the id{shown}, which is the id of another object; it is not used"
    );
    Diagnostic::warning("wrong-object", message)
        .with_location(step.subject.place.clone())
        .with_hint("check `response` of `create` in the kind, and look for the new object in the service")
}

pub(super) fn diagnose_unsaved_digests(step: &Step, error: &std::io::Error) -> Diagnostic {
    let message = format!("what was written could not be remembered in `.trueup`: {}", error.kind());
    Diagnostic::warning("not-recorded", message)
        .with_location(step.subject.place.clone())
        .with_hint("the next run will send values that do not read back once more")
}

/// What the service answered with success and did not keep.
pub(super) fn diagnose_lost_changes(step: &Step, changes: &[Change], live: &Snapshot) -> Vec<Diagnostic> {
    // what only a later request sends cannot be lost yet
    let is_sent = |change: &Change| !step.is_sent_later(&change.path);
    let is_any_sent = changes.iter().any(is_sent);
    let changes: Vec<&Change> = changes.iter().filter(|change| !is_any_sent || is_sent(change)).collect();
    let is_lost = |own: &Change| changes.iter().any(|change| own.path.overlaps(&change.path));
    let hint = match step.action == StepAction::Update && step.changes.iter().all(is_lost) {
        true => {
            "the service kept no part of this update; only the account owner, or other credentials, may be able to change it"
        }
        false => "the table shows what the service has instead",
    };
    let mut lost: Vec<_> = changes.iter().map(|change| diagnose_not_kept(step, change)).collect();
    // said once, however many fields there are
    if let Some(first) = lost.first_mut() {
        first.hint = Some(hint.to_owned());
    }
    for (reason, change) in lost.iter_mut().zip(changes) {
        reason.hint = find_order_hint(step, change, live)
            .or_else(|| find_value_hint(step, change))
            .or(reason.hint.take());
    }
    lost
}

/// What to do about an item that stands elsewhere.
fn find_order_hint(step: &Step, change: &Change, live: &Snapshot) -> Option<String> {
    let (mut shape, mut sent, mut there) = (&step.subject.kind.shape, &step.desired, &live.object);
    for segment in &change.path.0 {
        let PathSegment::Field(name) = segment else { return None };
        let field = shape.find_field(name).filter(|field| field.sensitivity != Sensitivity::Secret)?;
        let (ours, theirs) = (sent.get_field(field.number)?, there.get_field(field.number)?);
        match &field.ty {
            FieldType::Array(_) => {
                return normalization::explain_reordering(field, ours.items(), theirs.items());
            }
            _ => (shape, sent, there) = (field.ty.inner_shape()?, ours.as_object()?, theirs.as_object()?),
        }
    }
    None
}

/// What to do about what was not kept, where the values tell it.
fn find_value_hint(step: &Step, change: &Change) -> Option<String> {
    // what is as it was before was not altered but ignored
    let is_as_before = |own: &Change| own.path.overlaps(&change.path) && own.before == change.before;
    if step.changes.iter().any(is_as_before) {
        return None;
    }
    let field = walk_path(&step.subject.kind.shape, &change.path).last()?.field?;
    // the mark of a change is that of all that it stands in
    let mark = change.sensitivity;
    explain_normalization((field, mark), change.after.as_ref()?, change.before.as_ref()?)
}

fn diagnose_not_kept(step: &Step, change: &Change) -> Diagnostic {
    let place = change.place.clone().unwrap_or_else(|| step.subject.place.clone());
    let message =
        format!("the service answered with success, but did not keep `{}`", format_path(&change.path));
    Diagnostic::error("not-kept", message).with_location(place)
}

/// The code of what changed although no one asked for it.
pub(super) const CHANGED_BESIDES: &str = "unexpected-change";

pub(super) fn diagnose_unrequested_change(step: &Step, change: &Change) -> Diagnostic {
    let message = format!("`{}` changed too, which the request did not contain", format_path(&change.path));
    Diagnostic::error(CHANGED_BESIDES, message).with_location(step.subject.place.clone()).with_hint(
        "the service did it, or somebody else at the same time; look before anything else is written",
    )
}

/// An object that was written and is not ready.
pub(super) fn diagnose_not_ready(step: &Step, live: &Object) -> Diagnostic {
    let kind = &step.subject.kind;
    let field = kind.pending_until.as_ref().map(|condition| kind.shape.get_field(condition.field));
    let shown = field.filter(|field| field.sensitivity == Sensitivity::Public).map(|field| {
        let value = live.get_field(field.number).unwrap_or(&Value::Null);
        format!(
            ": its `{}` is `{}`",
            field.name,
            ScalarType::render_url_text(value, &kind.api).escape_debug()
        )
    });
    let what =
        if kind.is_ready(live).is_some() { "is not ready yet" } else { "was written and is not usable" };
    let message = format!("this {} {what}{}", kind.title.to_lowercase(), shown.unwrap_or_default());
    Diagnostic::error("not-ready", message)
        .with_location(step.subject.place.clone())
        .with_hint("look at the object in the service; `read_after_write: { within: TIME }` waits longer")
}
