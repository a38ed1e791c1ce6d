//! The proof of a write: what is there now is held against what was to be.
//!
//! A success that the service only claims is a fault here, and so is a change that no one asked for.

use super::diagnostics::{
    CHANGED_BESIDES, diagnose_ambiguous_object, diagnose_lost_changes, diagnose_missing_after_write,
    diagnose_not_deleted, diagnose_not_ready, diagnose_unread_after_write, diagnose_unrequested_change,
    diagnose_unsaved_digests, diagnose_wrong_created_id,
};
use super::step_executor::StepExecutor;
use super::write_result::{SendResult, SentWrite, VerifyOutcome, list_sent_values};
use crate::kind::visit::walk_path;
use crate::kind::{Field, UnknownMembers};
use crate::plan::compare::diff_objects;
use crate::plan::request::starts_confirmation;
use crate::plan::step::{PlanDecision, is_create_followup};
use crate::plan::{Change, PlanSubject, Step, StepAction};
use crate::remote::wire::Snapshot;
use crate::run::decide_create::diagnose_appears_later;
use crate::run::fetch::ReadOutcome;
use crate::run::lock_mutex;
use crate::run::match_up::{ObjectMatch, is_hidden_until_confirmed, is_surely_visible};
use crate::run::outcome::{OutcomeStatus, StepOutcome};
use crate::run::planning::{build_subject, decide_live};
use crate::run::{RunEvent, locate_error, read_errors};
use crate::value::{Object, ValuePath};

impl StepExecutor<'_, '_> {
    /// Holds what is there now against what was sent.
    pub(super) fn verify_write(
        &self,
        step: &Step,
        written: SendResult,
        read: Option<ReadOutcome>,
    ) -> VerifyOutcome {
        let mut sent = match written {
            SendResult::NotSent(ending) => return VerifyOutcome::from_outcome(self.end_step(step, ending)),
            SendResult::Sent(sent) => *sent,
        };
        let mut outcome = self.end_step(step, OutcomeStatus::Done);
        outcome.attempts = sent.attempts;
        outcome.findings = std::mem::take(&mut sent.findings);
        outcome.subject.id = outcome.subject.id.or(sent.id.clone());
        match self.check_read_back(step, &sent, read) {
            Err(ending) => {
                // asked twice, someone would be asked to confirm twice
                if starts_confirmation(&step.subject.kind.shape, &step.changes) {
                    self.record_written(step, &sent, &mut outcome);
                }
                outcome.status = ending;
                VerifyOutcome::from_outcome(outcome)
            }
            Ok(Some(_)) if step.action == StepAction::Delete => {
                outcome.status = OutcomeStatus::Failed(match sent.lost_response {
                    Some(lost) => lost.reasons,
                    None => vec![diagnose_not_deleted(step, sent.status)],
                });
                VerifyOutcome::from_outcome(outcome)
            }
            Ok(Some(live)) => self.compare_live(step, sent, &live, outcome),
            Ok(None) => {
                outcome.status = self.judge_missing(step, sent, &mut outcome);
                VerifyOutcome::from_outcome(outcome)
            }
        }
    }

    /// What is there after a write; an ending where that cannot be determined.
    fn check_read_back(
        &self,
        step: &Step,
        sent: &SentWrite,
        read: Option<ReadOutcome>,
    ) -> Result<Option<Box<Snapshot>>, OutcomeStatus> {
        let mut reasons = match &sent.lost_response {
            Some(lost) => lost.reasons.clone(),
            None => Vec::new(),
        };
        match read {
            Some(ReadOutcome::Found(ObjectMatch::One(live))) => Ok(Some(live)),
            Some(ReadOutcome::Found(ObjectMatch::Nothing)) => Ok(None),
            Some(ReadOutcome::Found(ObjectMatch::Several(_))) => {
                Err(OutcomeStatus::Failed(vec![diagnose_ambiguous_object(step)]))
            }
            Some(ReadOutcome::Failed(trouble)) => {
                let document = self.jobs[step.subject.number].document;
                if sent.lost_response.is_none() {
                    reasons.push(diagnose_unread_after_write(step, sent.status));
                }
                reasons.extend(locate_error::locate_error(&trouble, document, step.live.as_ref()));
                Err(OutcomeStatus::Unknown(reasons))
            }
            Some(ReadOutcome::Unseen(reason)) => {
                reasons.push(read_errors::diagnose_unseen(&step.subject, &reason));
                Err(OutcomeStatus::Unknown(reasons))
            }
            None => Err(OutcomeStatus::Unknown(reasons)),
        }
    }

    /// Holds what is there against what the documents say and against what was sent.
    fn compare_live(
        &self,
        step: &Step,
        mut sent: SentWrite,
        live: &Snapshot,
        mut outcome: StepOutcome,
    ) -> VerifyOutcome {
        let job = self.build_job(step, sent.id.as_ref());
        outcome.subject = build_subject(step.subject.number, &job, Some(live));
        outcome.findings.extend(sent.wrong_id.as_ref().map(|id| diagnose_wrong_created_id(step, id)));
        outcome.after_digest = self.digest_object(&outcome.subject.kind, &live.object);
        match decide_live(self.session, &job, &outcome.subject, Some(live)) {
            PlanDecision::Unchanged(_) if step.subject.kind.is_ready(&live.object) != Some(true) => {
                self.record_written(step, &sent, &mut outcome);
                outcome.status = OutcomeStatus::Failed(vec![diagnose_not_ready(step, &live.object)]);
            }
            PlanDecision::Unchanged(agreeing) => {
                outcome.findings.extend(agreeing.notes);
                self.record_written(step, &sent, &mut outcome);
                self.check_unrequested_changes(step, &sent, live, &mut outcome);
            }
            PlanDecision::Step(again) if step.action == StepAction::Create && is_create_followup(&again) => {
                self.record_written(step, &sent, &mut outcome);
                return VerifyOutcome::Unfinished(Box::new(outcome), again);
            }
            PlanDecision::Step(again) if step.is_followed_by(&again) => {
                self.record_written(step, &sent, &mut outcome);
                return VerifyOutcome::Unfinished(Box::new(outcome), again);
            }
            PlanDecision::Step(again) => {
                // an object without natural key that has nothing of what was sent is another one
                let is_other = keeps_nothing(step, &again);
                if is_other {
                    self.reject_id(step, &mut sent);
                    outcome.subject.id = None;
                    outcome
                        .findings
                        .extend(sent.wrong_id.as_ref().map(|id| diagnose_wrong_created_id(step, id)));
                }
                match is_other || self.is_stale(step, &sent, live) {
                    true => self.drop_assumed(step, &sent),
                    false => self.record_written(step, &sent, &mut outcome),
                }
                let reasons = match sent.lost_response {
                    Some(lost) => lost.reasons,
                    None => diagnose_lost_changes(step, &again.changes, live),
                };
                outcome.lost_changes = again.changes;
                outcome.status = OutcomeStatus::Failed(reasons);
            }
            PlanDecision::Refused(refused) => {
                self.record_written(step, &sent, &mut outcome);
                outcome.status = OutcomeStatus::Failed(refused.reasons);
            }
        }
        VerifyOutcome::from_outcome(outcome)
    }

    /// What of the same write can be seen was not kept: no one knows whether the values that do not read back were.
    fn drop_assumed(&self, step: &Step, sent: &SentWrite) {
        let subject = PlanSubject { id: sent.id.clone(), ..step.subject.clone() };
        lock_mutex(self.session.write_digests).drop_assumed(&subject, &sent.unseen_values);
    }

    /// Records the values that do not read back, now that what can be seen of the same write was kept.
    fn record_written(&self, step: &Step, sent: &SentWrite, outcome: &mut StepOutcome) {
        let mut memory = lock_mutex(self.session.write_digests);
        let subject =
            PlanSubject { id: sent.id.clone().or(outcome.subject.id.clone()), ..step.subject.clone() };
        let mut recorded = memory.record_all(&[(&subject, &sent.unseen_values)]);
        if let Some(until) = sent.repeated_until {
            recorded = recorded.and_then(|()| memory.mark_repeated(&subject, &list_sent_values(step), until));
        }
        outcome.findings.extend(recorded.err().map(|error| diagnose_unsaved_digests(step, &error)));
    }

    /// What it means that an object does not show after a write.
    fn judge_missing(&self, step: &Step, sent: SentWrite, outcome: &mut StepOutcome) -> OutcomeStatus {
        let document = self.jobs[step.subject.number].document;
        match (step.action, &sent.lost_response) {
            (StepAction::Delete | StepAction::Replace, _) => OutcomeStatus::Done,
            (StepAction::Create, Some(lost)) if lost.may_still_act || !is_surely_visible(document) => {
                OutcomeStatus::Unknown(lost.reasons.clone())
            }
            (StepAction::Create, Some(lost)) => {
                self.forget_create(step);
                OutcomeStatus::Failed(lost.reasons.clone())
            }
            (StepAction::Create, None) if sent.id.is_some() && is_hidden_until_confirmed(&document.kind) => {
                outcome.findings.push(diagnose_appears_later(&step.subject));
                self.record_written(step, &sent, outcome);
                let status = self.compare_answer(step, sent.answer.as_deref(), outcome);
                if outcome.lost_changes.is_empty() {
                    // the update after the create is for a later run
                    let later = step.changes.iter().filter(|change| !step.sends_first(change));
                    outcome.lost_changes = later.cloned().collect();
                }
                status
            }
            (StepAction::Create, None) => OutcomeStatus::Unknown(vec![match &sent.wrong_id {
                Some(id) => diagnose_wrong_created_id(step, id),
                None => diagnose_missing_after_write(step, sent.status),
            }]),
            (StepAction::Update, Some(lost)) => OutcomeStatus::Failed(lost.reasons.clone()),
            (StepAction::Update, None) => {
                OutcomeStatus::Failed(vec![diagnose_missing_after_write(step, sent.status)])
            }
        }
    }

    /// Holds the answer of a create whose object does not show yet against what was sent.
    fn compare_answer(
        &self,
        step: &Step,
        answer: Option<&Snapshot>,
        outcome: &mut StepOutcome,
    ) -> OutcomeStatus {
        let Some(live) = answer else { return OutcomeStatus::Done };
        let job = self.build_job(step, outcome.subject.id.as_ref());
        match decide_live(self.session, &job, &outcome.subject, Some(live)) {
            PlanDecision::Step(again) if !is_create_followup(&again) => {
                let reasons = diagnose_lost_changes(step, &again.changes, live);
                outcome.lost_changes = again.changes;
                OutcomeStatus::Failed(reasons)
            }
            _ => OutcomeStatus::Done,
        }
    }

    /// Whether the service changed what it was not asked to change.
    fn check_unrequested_changes(
        &self,
        step: &Step,
        sent: &SentWrite,
        live: &Snapshot,
        outcome: &mut StepOutcome,
    ) {
        if step.action == StepAction::Create {
            return;
        }
        let set_by_service = |field: &Field| field.behavior.read_only;
        let since =
            |then: &Object| diff_objects(&step.subject.kind.shape, then, &live.object, &set_by_service);
        let touches =
            |changes: &[Change], path: &ValuePath| changes.iter().any(|own| own.path.overlaps(path));
        let mut beside = since(&sent.desired);
        let shape = &step.subject.kind.shape;
        // what a write leaves out on purpose may go
        let is_dropped = |change: &Change| {
            let step = walk_path(shape, &change.path).pop();
            shape.unknown_members == UnknownMembers::Dropped && step.is_some_and(|step| step.field.is_none())
        };
        beside.retain(|change| {
            !change.unreadable && !is_dropped(change) && !touches(&step.changes, &change.path)
        });
        if beside.is_empty() {
            return;
        }
        // what was written by an earlier run and waits for someone is still as it was
        let moved = since(&sent.before);
        beside.retain(|change| touches(&moved, &change.path));
        if beside.is_empty() {
            return;
        }
        outcome.status = OutcomeStatus::Failed(
            beside.iter().map(|change| diagnose_unrequested_change(step, change)).collect(),
        );
        if step.subject.kind.operations.list_updates().any(|update| update.nested_fields.is_some()) {
            lock_mutex(self.halted).insert(step.subject.target.clone());
            (self.session.on_event)(RunEvent::Halted(Some(&step.subject.target), CHANGED_BESIDES));
        }
    }
}

/// Whether an object that a create answered has nothing of what was sent, where no natural key tells what it is.
fn keeps_nothing(step: &Step, again: &Step) -> bool {
    let is_lost = |change: &Change| again.changes.iter().any(|own| own.path.overlaps(&change.path));
    step.action == StepAction::Create
        && step.subject.kind.identity.natural_key.is_empty()
        && !step.changes.is_empty()
        && step.changes.iter().all(is_lost)
}
