//! What an interrupted replacement left: the new object is there, and the former one was not deleted yet.
//!
//! The index knows the id of the former object until it is gone. While it is there, its delete is the step of its
//! document; what the document asks besides follows in the next run.
//! Deliberately absent: replacements that were cut off after the delete, which are plain creates by then.

use std::collections::BTreeMap;

use super::fetch::{ObjectJob, ReadOutcome, read_one};
use super::match_up::ObjectMatch;
use super::{RunSession, lock_mutex};
use crate::document::DocumentState;
use crate::kind::ReplacementRule;
use crate::plan::replacement::{build_leftover_step, differs_in_immutable};
use crate::plan::{Plan, PlanSubject, RefusedObject, StepAction};
use crate::remote::target_client::CollectionRef;
use crate::remote::wire::Snapshot;
use crate::value::Value;

/// The former objects that are still there, by the number of the document.
pub async fn find_leftovers(
    session: &RunSession<'_>,
    jobs: &[ObjectJob<'_>],
) -> BTreeMap<usize, Box<Snapshot>> {
    let mut found = BTreeMap::new();
    for (number, job) in jobs.iter().enumerate() {
        let (Some(former), Some(service)) = (&job.excluded_id, session.services.get(&job.target)) else {
            continue;
        };
        if session.stop.is_cancelled() {
            break;
        }
        let of = CollectionRef { kind: &job.document.kind, scope: &job.scope };
        let looked = ObjectJob {
            known_id: Some(former.clone()),
            excluded_id: job.known_id.clone(),
            just_created: false,
            ..job.clone()
        };
        match read_one(service, of, &looked).await {
            ReadOutcome::Found(ObjectMatch::One(live)) if is_former(job, &live, former) => {
                found.insert(number, live);
            }
            ReadOutcome::Found(ObjectMatch::Nothing) => {
                let document = job.document;
                let mut index = lock_mutex(session.index);
                index.finish_replacement(&job.target, &document.kind.name, &document.name);
            }
            _ => {}
        }
    }
    found
}

fn is_former(job: &ObjectJob, live: &Snapshot, former: &Value) -> bool {
    live.object.get_field(job.document.kind.identity.id) == Some(former)
}

/// Puts the deletes of former objects in the place of what else becomes of their documents. A new object that is not
/// seen keeps its former one.
pub fn plan_leftovers(session: &RunSession, plan: &mut Plan, leftovers: BTreeMap<usize, Box<Snapshot>>) {
    for (number, live) in leftovers {
        let Some(subject) = take_settled(plan, number) else { continue };
        let former = live.object.get_field(subject.kind.identity.id).cloned();
        let other_id = subject.id.clone();
        let subject = PlanSubject { id: former, ..subject };
        match build_leftover_step(&subject, &live.object, other_id, session.permissions.replace) {
            Ok(step) => plan.steps.push(step),
            Err(reason) => {
                plan.refused.push(RefusedObject { subject, reasons: vec![reason], changes: Vec::new() });
            }
        }
    }
    plan.steps.sort_by_key(|step| step.subject.number);
    plan.refused.sort_by_key(|refused| refused.subject.number);
}

/// Takes what becomes of a document out of the plan, where its new object is there.
fn take_settled(plan: &mut Plan, number: usize) -> Option<PlanSubject> {
    if let Some(at) = plan.unchanged.iter().position(|own| own.subject.number == number) {
        return Some(plan.unchanged.remove(at).subject);
    }
    let is_settled = |action: StepAction| action != StepAction::Create;
    let mut steps = plan.steps.iter();
    let at = steps.position(|step| step.subject.number == number && is_settled(step.action))?;
    Some(plan.steps.remove(at).subject)
}

/// Whether a live object may give way to a new one: a change of an immutable field, or of a reference in one, forces it.
pub fn may_be_replaced(session: &RunSession, job: &ObjectJob, read: &ReadOutcome) -> bool {
    let ReadOutcome::Found(ObjectMatch::One(live)) = read else { return false };
    session.permissions.replace
        && job.document.kind.replacement != ReplacementRule::Refuse
        && job.document.state == DocumentState::Present
        && differs_in_immutable(job.document, &live.object)
}
