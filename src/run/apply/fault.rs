//! What apply says of one object: each fault with its code, its place and what to do.

use super::super::outcome::Ending;
use crate::diagnostic::Diagnostic;
use crate::kind::{Leaf, Type};
use crate::plan::kept::{self, remedy};
use crate::plan::step::{named, overlap};
use crate::plan::{Action, Change, Step, Subject};
use crate::remote::wire::Live;
use crate::value::{Mark, Segment};

pub(super) fn grown(step: &Step) -> Diagnostic {
    Diagnostic::error("ambiguous-object", "meanwhile several live objects have this natural key")
        .at(step.subject.place.clone())
        .hint("name the `id` of the one that is meant")
}

/// The service did not write over what somebody else had written.
pub(super) fn changed_meanwhile(step: &Step) -> Diagnostic {
    let message =
        "somebody else changed the object between the read and the write, and the service refused it";
    Diagnostic::error("changed-meanwhile", message)
        .at(step.subject.place.clone())
        .hint("plan again; nothing of this object was written")
}

/// Nothing tells over which state of the object a write would be.
pub(super) fn stateless(step: &Step) -> Diagnostic {
    let message = "the service did not tell the state of this object, so nothing could be bound to it";
    Diagnostic::error("no-state", message)
        .at(step.subject.place.clone())
        .hint("see whether `if_match` of the kind says what the service tells")
}

pub(super) fn not_there_yet(step: &Step) -> Diagnostic {
    Diagnostic::error("reference-refused", "an object to which this one refers is not there yet")
        .at(step.subject.place.clone())
        .hint("see what is said about that object, then plan again")
}

/// Why a create that cannot be marked is not sent.
pub(super) fn unrecorded(step: &Step, error: &std::io::Error) -> Ending {
    if error.kind() == std::io::ErrorKind::ResourceBusy {
        let fault = Diagnostic::error("another-run", "another run has begun to create this object")
            .at(step.subject.place.clone())
            .hint("wait until it has ended, then run again");
        return Ending::Refused(vec![fault]);
    }
    let message = format!("`.trueup/index.json` cannot be written: {}", error.kind());
    let fault = Diagnostic::error("not-recorded", message)
        .at(step.subject.place.clone())
        .hint("without it a killed run could create this object twice; make room or give access");
    Ending::Failed(vec![fault])
}

/// A new object whose id is known to nobody but this report.
pub(super) fn lost_track(subject: &Subject, error: &std::io::Error) -> Diagnostic {
    let message =
        format!("the object was created, but `.trueup/index.json` cannot be written: {}", error.kind());
    let id = subject.id.as_ref().map(|id| Leaf::url_text(id, &subject.kind.api));
    let hint = match id {
        Some(id) => {
            format!("its id is {id}: name it in the document, or make room or give access and run again")
        }
        None => "make room or give access, then run again".to_owned(),
    };
    Diagnostic::error("not-recorded", message).at(subject.place.clone()).hint(hint)
}

pub(super) fn unjournaled(step: &Step, error: &std::io::Error) -> Diagnostic {
    let message = format!("`.trueup/journal` cannot be written, so nothing was sent: {}", error.kind());
    Diagnostic::error("not-recorded", message)
        .at(step.subject.place.clone())
        .hint("without it nobody could tell what a killed run did; make room or give access")
}

pub(super) fn unaccounted(step: &Step, error: &std::io::Error) -> Diagnostic {
    let message = format!("what became of this could not be noted in `.trueup/journal`: {}", error.kind());
    Diagnostic::warning("not-recorded", message)
        .at(step.subject.place.clone())
        .hint("make room or give access before the next run")
}

pub(super) fn still_there(step: &Step) -> Diagnostic {
    Diagnostic::error("not-deleted", "the service answered with success, but the object is still there")
        .at(step.subject.place.clone())
        .hint("look at the object in the service")
}

pub(super) fn gone(step: &Step) -> Diagnostic {
    Diagnostic::error(
        "not-found-after-write",
        "the service took the write, but the object cannot be read back",
    )
    .at(step.subject.place.clone())
    .hint("look at the object in the service, then plan again")
}

pub(super) fn forgotten(step: &Step, error: &std::io::Error) -> Diagnostic {
    let message = format!("what was written could not be remembered in `.trueup`: {}", error.kind());
    Diagnostic::warning("not-remembered", message)
        .at(step.subject.place.clone())
        .hint("the next run will send values that do not read back once more")
}

/// What the service answered with success and did not keep.
pub(super) fn lost(step: &Step, changes: &[Change], live: &Live) -> Vec<Diagnostic> {
    let is_lost = |own: &Change| changes.iter().any(|change| overlap(&own.path, &change.path));
    let hint = match step.action == Action::Update && step.changes.iter().all(is_lost) {
        true => {
            "nothing of this update was kept: perhaps only the object's owner, or other credentials, may change it"
        }
        false => "the table shows what the service has instead",
    };
    let mut lost: Vec<_> = changes.iter().map(|change| not_kept(step, change)).collect();
    // said once, however many fields there are
    if let Some(first) = lost.first_mut() {
        first.hint = Some(hint.to_owned());
    }
    for (reason, change) in lost.iter_mut().zip(changes) {
        reason.hint = reordered(step, change, live).or_else(|| remedied(step, change)).or(reason.hint.take());
    }
    lost
}

/// What to do about an item that stands elsewhere.
fn reordered(step: &Step, change: &Change, live: &Live) -> Option<String> {
    let (mut shape, mut sent, mut there) = (&step.subject.kind.shape, &step.wanted, &live.object);
    for segment in &change.path.0 {
        let Segment::Field(name) = segment else { return None };
        let field = shape.named(name).filter(|field| field.mark != Mark::Secret)?;
        let (ours, theirs) = (sent.get(field.number)?, there.get(field.number)?);
        match &field.ty {
            Type::List(_) => return kept::reordered(field, ours.items(), theirs.items()),
            _ => (shape, sent, there) = (field.ty.inner()?, ours.as_object()?, theirs.as_object()?),
        }
    }
    None
}

/// What to do about what was not kept, where the values tell it.
fn remedied(step: &Step, change: &Change) -> Option<String> {
    // what is as it was before was not altered but ignored
    let is_as_before = |own: &Change| overlap(&own.path, &change.path) && own.before == change.before;
    if step.changes.iter().any(is_as_before) {
        return None;
    }
    let mut shape = Some(&step.subject.kind.shape);
    let mut found = None;
    for segment in &change.path.0 {
        if let Segment::Field(name) = segment {
            let field = shape?.named(name)?;
            (found, shape) = (Some(field), field.ty.inner());
        }
    }
    // the mark of a change is that of all that it stands in
    let mark = change.mark;
    remedy((found?, mark), change.after.as_ref()?, change.before.as_ref()?)
}

fn not_kept(step: &Step, change: &Change) -> Diagnostic {
    let place = change.place.clone().unwrap_or_else(|| step.subject.place.clone());
    let message = format!("the service answered with success, but did not keep `{}`", named(&change.path));
    Diagnostic::error("not-kept", message).at(place)
}

/// The code of what changed although nobody asked for it.
pub(super) const BESIDES: &str = "changed-besides";

pub(super) fn changed_besides(step: &Step, change: &Change) -> Diagnostic {
    let message = format!("`{}` changed too, which was not asked for", named(&change.path));
    Diagnostic::error(BESIDES, message)
        .at(step.subject.place.clone())
        .hint("the service did it, or somebody else at the same time; look before anything else is written")
}
