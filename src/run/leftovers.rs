//! What an interrupted replacement left: the new object is there, and the former one was not deleted yet.
//!
//! The index knows the id of the former object until it is gone. While it is there, its delete is the step of its
//! document; what the document asks besides follows in the next run. It is looked for by that id alone, and deleted
//! only where it is the object that the document meant; where that is not known, nothing is written of the document.
//! Deliberately absent: replacements that were cut off after the delete, which are plain creates by then.

use std::collections::BTreeMap;

use super::decide_create::APPEARS_LATER;
use super::fetch::{ObjectJob, ReadOutcome, read_one};
use super::identity::{build_protected_reason, check_identity, diagnose_protected};
use super::locate_error::locate_error;
use super::match_up::ObjectMatch;
use super::{RunSession, lock_mutex};
use crate::diagnostic::Diagnostic;
use crate::document::{Document, DocumentState};
use crate::kind::ReplacementRule;
use crate::plan::permission::Permission;
use crate::plan::replacement::{build_leftover_step, diagnose_leftover, differs_in_immutable};
use crate::plan::{Plan, PlanSubject, RefusedObject, Step, StepAction};
use crate::remote::target_client::{CollectionRef, TargetClient};
use crate::remote::wire::Snapshot;
use crate::value::Value;

/// The former object of a replacement that may still be there.
pub enum FormerObject {
    Live(Box<Snapshot>),
    /// Why it is not known whether it is there.
    Unread(Vec<Diagnostic>),
}

/// The former objects that may still be there, by the number of the document.
pub async fn find_leftovers(
    session: &RunSession<'_>,
    jobs: &[ObjectJob<'_>],
) -> BTreeMap<usize, FormerObject> {
    let mut found = BTreeMap::new();
    // what is not managed any more is left as it is, the former object too
    let managed = jobs.iter().enumerate().filter(|(_, job)| job.document.state != DocumentState::Unmanaged);
    for (number, job) in managed {
        let Some(former) = &job.excluded_id else { continue };
        match find_former(session, job, former).await {
            Some(object) => drop(found.insert(number, object)),
            None => {
                let document = job.document;
                let mut index = lock_mutex(session.index);
                index.finish_replacement(&job.target, &document.kind.name, &document.name);
            }
        }
    }
    found
}

async fn find_former(session: &RunSession<'_>, job: &ObjectJob<'_>, former: &Value) -> Option<FormerObject> {
    let document = job.document;
    let service = session.services.get(&job.target).filter(|_| !session.stop.is_cancelled());
    let read = match service {
        Some(service) => Some(read_by_id(service, job, former).await),
        None => None,
    };
    let mut reasons = vec![diagnose_unread(document)];
    match read {
        Some(ReadOutcome::Found(ObjectMatch::Nothing)) => return None,
        Some(ReadOutcome::Found(ObjectMatch::One(live)))
            if live.object.get_field(document.kind.identity.id) == Some(former) =>
        {
            return Some(FormerObject::Live(live));
        }
        Some(ReadOutcome::Failed(trouble)) => reasons.extend(locate_error(&trouble, document, None)),
        _ => {}
    }
    Some(FormerObject::Unread(reasons))
}

/// Reads the object of an id, whatever else the document of a job names.
pub async fn read_by_id(service: &TargetClient, job: &ObjectJob<'_>, id: &Value) -> ReadOutcome {
    let document = Document { id: Some(id.clone()), ..job.document.clone() };
    let of = CollectionRef { kind: &document.kind, scope: &job.scope };
    let (scope, target) = (job.scope.clone(), job.target.clone());
    let looked = ObjectJob {
        document: &document,
        scope,
        target,
        known_id: None,
        just_created: false,
        excluded_id: None,
    };
    read_one(service, of, &looked).await
}

fn diagnose_unread(document: &Document) -> Diagnostic {
    let message = "the former object, which this one replaced, could not be read, and may still be there";
    Diagnostic::error("not-read", message)
        .with_location(document.locate_span(document.name_span))
        .with_hint("nothing is written of this object until the former one was seen, or is gone: run again")
}

/// Puts the deletes of former objects in the place of what else becomes of their documents. A new object that is not
/// seen keeps its former one.
pub fn plan_leftovers(
    session: &RunSession,
    jobs: &[ObjectJob],
    plan: &mut Plan,
    leftovers: BTreeMap<usize, FormerObject>,
) {
    for (number, former) in leftovers {
        let is_read = matches!(former, FormerObject::Live(_));
        let Some(settled) = take_settled(plan, number, is_read) else { continue };
        let (subject, decided) = match former {
            FormerObject::Live(live) => {
                let id = live.object.get_field(settled.subject.kind.identity.id).cloned();
                let subject = PlanSubject { id, ..settled.subject.clone() };
                let decided = decide_leftover(session, &jobs[number], &settled, &subject, &live);
                (subject, decided.map_err(|reason| vec![reason]))
            }
            FormerObject::Unread(reasons) => {
                plan.unread.insert(number);
                (settled.subject, Err(reasons))
            }
        };
        match decided {
            Ok(step) => plan.steps.push(step),
            Err(reasons) => plan.refused.push(RefusedObject { subject, reasons, changes: Vec::new() }),
        }
    }
    plan.steps.sort_by_key(|step| step.subject.number);
    plan.refused.sort_by_key(|refused| refused.subject.number);
}

/// What was planned for a document whose new object is there, or is to be gone.
struct SettledObject {
    subject: PlanSubject,
    /// Whether a step was planned.
    has_step: bool,
}

/// Takes what becomes of a document out of the plan, where its new object is there, or where the former one could not
/// be read.
fn take_settled(plan: &mut Plan, number: usize, is_former_read: bool) -> Option<SettledObject> {
    let appears_later = |note: &Diagnostic| note.code == APPEARS_LATER;
    let mut unchanged = plan.unchanged.iter();
    if let Some(at) = unchanged.position(|own| own.subject.number == number) {
        let is_seen = !plan.unchanged[at].notes.iter().any(appears_later);
        return is_seen
            .then(|| SettledObject { subject: plan.unchanged.remove(at).subject, has_step: false });
    }
    let is_settled = |action: StepAction| action != StepAction::Create || !is_former_read;
    let mut steps = plan.steps.iter();
    let at = steps.position(|step| step.subject.number == number && is_settled(step.action))?;
    Some(SettledObject { subject: plan.steps.remove(at).subject, has_step: true })
}

/// The step that deletes a former object.
fn decide_leftover(
    session: &RunSession,
    job: &ObjectJob,
    settled: &SettledObject,
    subject: &PlanSubject,
    live: &Snapshot,
) -> Result<Step, Diagnostic> {
    let identity = check_identity(session, job, &live.object)?;
    let document = job.document;
    if document.kind.is_built_in(&live.object) {
        let message = "the service brings the former object along, so it is not deleted";
        let reason = Diagnostic::error("built-in-object", message).with_location(subject.place.clone());
        return Err(
            reason.with_hint("`state: unmanaged` in a run of its own leaves both objects as they are")
        );
    }
    if document.protect {
        return Err(build_protected_reason(subject, "is protected by its document"));
    }
    diagnose_protected(session, subject).map_or(Ok(()), Err)?;
    let is_absent = document.state == DocumentState::Absent;
    let (permission, is_granted) = match is_absent {
        true => (Permission::Delete, session.permissions.delete),
        false => (Permission::Replace, session.permissions.replace),
    };
    if !is_granted {
        return Err(diagnose_leftover(subject, permission));
    }
    // of a document whose object is to be gone, the new one may be gone already
    let other_id = settled.subject.id.clone().filter(|_| settled.has_step || !is_absent);
    let permissions = identity.required_permission().into_iter().chain([permission]).collect();
    Ok(build_leftover_step(subject, &live.object, other_id, permissions))
}

/// Whether a live object may give way to a new one: a change of an immutable field, or of a reference in one, forces it.
pub fn may_be_replaced(session: &RunSession, job: &ObjectJob, read: &ReadOutcome) -> bool {
    let ReadOutcome::Found(ObjectMatch::One(live)) = read else { return false };
    session.permissions.replace
        && job.document.kind.replacement != ReplacementRule::Refuse
        && job.document.state == DocumentState::Present
        && differs_in_immutable(job.document, &live.object)
}
