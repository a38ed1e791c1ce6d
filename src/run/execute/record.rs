//! What is known before and after the writes: how objects stand, what needs no work, and what is ours from now on.

use crate::diagnostic::Diagnostic;
use crate::document::{Document, DocumentState};
use crate::plan::{Plan, PlanSubject, Step, StepAction};
use crate::run::RunSession;
use crate::run::decide_create::APPEARS_LATER;
use crate::run::decide_create::{get_read_after_write, round_second};
use crate::run::fetch::ObjectJob;
use crate::run::index::RecordTimes;
use crate::run::lock_mutex;
use crate::run::outcome::{OutcomeStatus, StepOutcome};
use crate::run::refer::{DependencyBlock, ReferentStatus};

/// How the objects of a plan stand, where planning was another run's work.
pub(super) fn record_statuses(session: &RunSession, plan: &Plan, jobs: &[ObjectJob]) {
    let put = |subject: &PlanSubject, standing: Option<ReferentStatus>| {
        let known = subject.id.clone().map(ReferentStatus::Known);
        if let Some(standing) = standing.or(known) {
            session.references.set_initial_status(&jobs[subject.number], standing);
        }
    };
    for step in &plan.steps {
        put(
            &step.subject,
            match step.action {
                StepAction::Create | StepAction::Replace => Some(ReferentStatus::KnownAfterApply),
                StepAction::Update => None,
                // of a former object that is left over, the one that took its place is meant
                StepAction::Delete if step.replacement.is_some() => return,
                StepAction::Delete => Some(ReferentStatus::Absent),
            },
        );
    }
    plan.unchanged.iter().for_each(|agreeing| put(&agreeing.subject, None));
    let absent = jobs.iter().enumerate().filter(|(_, job)| job.document.state == DocumentState::Absent);
    absent.for_each(|(number, _)| session.references.blocked.block(number, DependencyBlock::Absent));
    for refused in &plan.refused {
        let unread = plan.unread.contains(&refused.subject.number);
        put(&refused.subject, Some(if unread { ReferentStatus::Unread } else { ReferentStatus::Refused }));
        let block = if unread { DependencyBlock::Unread } else { DependencyBlock::Refused };
        session.references.blocked.block(refused.subject.number, block);
    }
}

/// Ends a plan without steps: what agrees is ours from now on, and no create of it is open any more.
pub fn finish_without_steps(session: &RunSession, plan: &Plan, jobs: &[ObjectJob]) -> Vec<StepOutcome> {
    let mut outcomes = build_settled_outcomes(plan);
    record_baselines(session, plan, &mut outcomes);
    outcomes.sort_by_key(|outcome| outcome.subject.number);
    update_index(session, jobs, &mut outcomes);
    outcomes
}

/// Records what was seen of objects that agree.
pub(super) fn record_baselines(session: &RunSession, plan: &Plan, outcomes: &mut [StepOutcome]) {
    let seen: Vec<_> = plan.unchanged.iter().map(|own| (&own.subject, own.baseline.as_slice())).collect();
    let recorded = lock_mutex(session.write_digests).record_all(&seen);
    if let (Err(error), Some(last)) = (recorded, outcomes.last_mut()) {
        let message = format!("what was read could not be recorded in `.trueup`: {}", error.kind());
        let warning = Diagnostic::warning("not-recorded", message).with_location(last.subject.place.clone());
        last.findings.push(warning.with_hint("edits by account owners seen in this run count as not seen"));
    }
}

/// What is unchanged is ours from now on; what was deleted or released no longer is.
pub(super) fn update_index(session: &RunSession, jobs: &[ObjectJob], outcomes: &mut [StepOutcome]) {
    let mut index = lock_mutex(session.index);
    for outcome in outcomes.iter() {
        let document = jobs[outcome.subject.number].document;
        match (&outcome.status, document.state) {
            (OutcomeStatus::Done | OutcomeStatus::Unchanged, DocumentState::Absent) => {
                index.forget_object(&outcome.subject)
            }
            (OutcomeStatus::Done | OutcomeStatus::Unchanged, DocumentState::Unmanaged) => {
                index.release_object(&outcome.subject);
            }
            // until it shows, its create stays open
            (OutcomeStatus::Done | OutcomeStatus::Unchanged, DocumentState::Present)
                if is_waiting(outcome) =>
            {
                index.record_accepted(&outcome.subject, document)
            }
            // a former object was deleted; of the other one nothing was written, nor does it need to agree
            (OutcomeStatus::Done | OutcomeStatus::Unchanged, DocumentState::Present)
                if outcome.action == Some(StepAction::Delete) => {}
            (OutcomeStatus::Done | OutcomeStatus::Unchanged, DocumentState::Present) => {
                index.record_managed(&outcome.subject, document, compute_times(session, document))
            }
            _ => {}
        }
    }
    index.forget_old_names();
    if let (Err(error), Some(last)) = (index.save(), outcomes.last_mut()) {
        let message = format!("`.trueup/index.json` cannot be written: {}", error.kind());
        let warning = Diagnostic::warning("not-recorded", message).with_location(last.subject.place.clone());
        last.findings.push(warning.with_hint("the next run does not know these objects as its own"));
    }
}

/// The object that takes the place of a former one is ours as soon as it was seen, whatever becomes of that one.
pub(super) fn record_successor(session: &RunSession, document: &Document, created: &StepOutcome) {
    if !is_waiting(created) {
        let times = compute_times(session, document);
        lock_mutex(session.index).record_managed(&created.subject, document, times);
    }
}

fn compute_times(session: &RunSession, document: &Document) -> RecordTimes {
    // how long a run waits for itself says nothing of a lag that the kind describes
    let lag = document.kind.operations.find_settle_time();
    let lag = lag.unwrap_or_else(|| get_read_after_write(session, &document.kind));
    let settled_at = round_second(session.clock.compute_later(lag));
    RecordTimes { now: session.clock.now(), settled_at }
}

/// What needs no work: agreement and refusals.
pub(super) fn build_settled_outcomes(plan: &Plan) -> Vec<StepOutcome> {
    let agreeing = plan.unchanged.iter().map(|agreeing| StepOutcome {
        findings: agreeing.notes.clone(),
        ..build_outcome(&agreeing.subject, None, OutcomeStatus::Unchanged)
    });
    let refused = plan.refused.iter().map(|refused| {
        if plan.unread.contains(&refused.subject.number) {
            return build_outcome(&refused.subject, None, OutcomeStatus::Unread(refused.reasons.clone()));
        }
        let action = Some(if refused.subject.id.is_some() { StepAction::Update } else { StepAction::Create });
        build_outcome(&refused.subject, action, OutcomeStatus::Refused(refused.reasons.clone()))
    });
    agreeing.chain(refused).collect()
}

/// The outcomes of a plan of which no step was begun, in the order of the documents.
pub fn build_unstarted_outcomes(plan: &Plan) -> Vec<StepOutcome> {
    let mut outcomes = build_settled_outcomes(plan);
    let waiting = |step: &Step| build_outcome(&step.subject, Some(step.action), OutcomeStatus::NotStarted);
    outcomes.extend(plan.steps.iter().map(waiting));
    outcomes.sort_by_key(|outcome| outcome.subject.number);
    outcomes
}

pub(super) fn build_outcome(
    subject: &PlanSubject,
    action: Option<StepAction>,
    ending: OutcomeStatus,
) -> StepOutcome {
    let subject = subject.clone();
    StepOutcome {
        subject,
        action,
        status: ending,
        findings: Vec::new(),
        lost_changes: Vec::new(),
        after_digest: None,
        attempts: 0,
        millis: 0,
    }
}

fn is_waiting(outcome: &StepOutcome) -> bool {
    outcome.findings.iter().any(|finding| finding.code == APPEARS_LATER)
}
