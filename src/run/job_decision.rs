//! What was decided about one job, and what follows for those that wait for it: documents that refer to its object, or
//! depend on it.

use super::RunSession;
use super::fetch::ObjectJob;
use super::refer::{DependencyBlock, DependencyChecker, DependencyLookup, ReferentStatus};
use crate::document::DocumentState;
use crate::kind::IdAssigner;
use crate::plan::step::PlanDecision;
use crate::plan::{RefusedObject, Step, StepAction};

/// What was decided about one job.
pub enum JobDecision {
    Decided(PlanDecision),
    /// The live state could not be read.
    Unread(RefusedObject),
}

/// Refuses the step of a document that depends on one that does not come about.
pub fn refuse_blocked(
    session: &RunSession,
    jobs: &[ObjectJob],
    lookup: &DependencyLookup,
    judged: JobDecision,
) -> JobDecision {
    let JobDecision::Decided(PlanDecision::Step(step)) = judged else { return judged };
    let blocked = &session.references.blocked;
    let checker = DependencyChecker { jobs, lookup, index: session.index, blocked };
    // what is to be deleted waits for others, whose steps are not decided yet
    let is_present = jobs[step.subject.number].document.state == DocumentState::Present;
    let reasons = if is_present { checker.check_job(step.subject.number) } else { Vec::new() };
    if reasons.is_empty() {
        return JobDecision::Decided(PlanDecision::Step(step));
    }
    let Step { subject, changes, .. } = *step;
    JobDecision::Decided(PlanDecision::Refused(RefusedObject { subject, reasons, changes }))
}

/// Notes a document on which no other one can depend.
pub fn block_dependents(session: &RunSession, job: &ObjectJob, number: usize, judged: &JobDecision) {
    let reason = match judged {
        JobDecision::Unread(_) => DependencyBlock::Unread,
        JobDecision::Decided(PlanDecision::Refused(_)) => DependencyBlock::Refused,
        JobDecision::Decided(_) if job.document.state == DocumentState::Absent => DependencyBlock::Absent,
        JobDecision::Decided(_) => return,
    };
    session.references.blocked.block(number, reason);
}

/// How an object stands after the decision; one that is there and is left alone stays known.
pub fn set_referent_status(session: &RunSession, job: &ObjectJob, judged: &JobDecision, is_there: bool) {
    let is_refused = matches!(judged, JobDecision::Decided(PlanDecision::Refused(_)));
    if !(is_there && is_refused) {
        session.references.set_status(job, get_referent_status(judged, job));
    }
}

/// How an object that is not there yet stands after the decision.
fn get_referent_status(judged: &JobDecision, job: &ObjectJob) -> ReferentStatus {
    match judged {
        JobDecision::Unread(_) => ReferentStatus::Unread,
        JobDecision::Decided(PlanDecision::Step(step)) => match &step.subject.id {
            Some(id) if has_known_id(step) => ReferentStatus::Known(id.clone()),
            _ => ReferentStatus::KnownAfterApply,
        },
        JobDecision::Decided(PlanDecision::Unchanged(_)) if job.document.state == DocumentState::Absent => {
            ReferentStatus::Absent
        }
        JobDecision::Decided(PlanDecision::Unchanged(agreeing)) => {
            agreeing.subject.id.clone().map_or(ReferentStatus::Refused, ReferentStatus::Known)
        }
        JobDecision::Decided(PlanDecision::Refused(_)) => ReferentStatus::Refused,
    }
}

/// Whether an object keeps its id, or gets one that is known.
fn has_known_id(step: &Step) -> bool {
    step.action == StepAction::Update || step.subject.kind.identity.id_assigned_by == IdAssigner::Client
}
