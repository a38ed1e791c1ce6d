//! Reads objects back after a write, with growing pauses, until they show what was sent or the time in which reads of
//! their kind may lag behind writes is over.
//!
//! What is waited for is the state from before the write: an object that is missing, still there, or whose changed
//! fields are as they were. A value that the service made of what was sent is an answer and is not waited for.

use std::time::Duration;

use tokio::time::Instant;

use super::write_result::{SendResult, SentWrite};
use super::{StepExecutor, read_all};
use crate::plan::step::{PlanDecision, is_create_followup};
use crate::plan::{Change, PlanSubject, Step, StepAction};
use crate::remote::target_client::{CollectionRef, TargetClient};
use crate::remote::wire::Snapshot;
use crate::run::decide_create::get_read_after_write;
use crate::run::fetch::{ObjectJob, ReadOutcome};
use crate::run::identity::is_same_key;
use crate::run::lock_mutex;
use crate::run::match_up::{ObjectMatch, is_hidden_until_confirmed};
use crate::run::natural_key::{build_desired_key, build_live_key};
use crate::run::planning::{build_subject, decide_live};

/// The first pause before an object is read again; each further one is twice as long.
pub(super) const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(2);

impl StepExecutor<'_, '_> {
    /// Reads back what was sent; one entry for each write, none for those that were not sent.
    pub(super) async fn read_back(
        &self,
        service: &TargetClient,
        of: CollectionRef<'_>,
        steps: &[&Step],
        written: &mut [SendResult],
    ) -> Vec<Option<ReadOutcome>> {
        let mut reads: Vec<Option<ReadOutcome>> = steps.iter().map(|_| None).collect();
        let is_sent = |number: &usize| matches!(written[*number], SendResult::Sent(_));
        let mut open: Vec<usize> = (0..steps.len()).filter(is_sent).collect();
        let (began, window) = (Instant::now(), get_read_after_write(self.session, of.kind));
        let mut pause = FIRST_PAUSE;
        loop {
            self.read_open(service, of, steps, written, (&open, &mut reads)).await;
            open.retain(|number| match (&mut written[*number], &reads[*number]) {
                (SendResult::Sent(sent), Some(read)) => !self.is_settled(steps[*number], sent, read),
                _ => false,
            });
            let left = window.saturating_sub(began.elapsed());
            if open.is_empty() || left.is_zero() || !self.pause(pause.min(left)).await {
                return reads;
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Reads the objects of the writes that are not settled yet.
    async fn read_open(
        &self,
        service: &TargetClient,
        of: CollectionRef<'_>,
        steps: &[&Step],
        written: &[SendResult],
        (open, reads): (&[usize], &mut [Option<ReadOutcome>]),
    ) {
        let job = |number: &usize| {
            let id = match &written[*number] {
                SendResult::Sent(sent) => sent.id.as_ref(),
                SendResult::NotSent(_) => None,
            };
            self.build_job(steps[*number], id)
        };
        let jobs: Vec<ObjectJob> = open.iter().map(job).collect();
        for (number, read) in open.iter().zip(read_all(service, of, &jobs).await) {
            let read = Some(read);
            self.fetch_lookups(service, steps[*number], &read).await;
            reads[*number] = read;
        }
    }

    /// Whether nothing else is to be expected from another look.
    fn is_settled(&self, step: &Step, sent: &mut SentWrite, read: &ReadOutcome) -> bool {
        let found = match read {
            ReadOutcome::Failed(trouble) => return trouble.not_started,
            ReadOutcome::Unseen(_) => return false,
            ReadOutcome::Found(found) => found,
        };
        match (step.action, found) {
            (_, ObjectMatch::Several(_)) => true,
            (StepAction::Delete, found) => matches!(found, ObjectMatch::Nothing),
            (StepAction::Create, ObjectMatch::Nothing) => {
                sent.id.is_some() && is_hidden_until_confirmed(&step.subject.kind)
            }
            (StepAction::Update | StepAction::Replace, ObjectMatch::Nothing) => false,
            (StepAction::Create, ObjectMatch::One(live)) if self.is_other_object(step, sent, live) => {
                self.reject_id(step, sent);
                false
            }
            (_, ObjectMatch::One(live)) => match step.subject.kind.is_ready(&live.object) {
                Some(is_ready) => is_ready && !self.is_stale(step, sent, live),
                None => true,
            },
        }
    }

    /// Whether what was found by the id that a create answered is not what the document names.
    pub(super) fn is_other_object(&self, step: &Step, sent: &SentWrite, live: &Snapshot) -> bool {
        let kind = &step.subject.kind;
        let Some(id) = sent.id.as_ref().filter(|_| step.subject.id.is_none()) else { return false };
        let desired = build_desired_key(kind, self.jobs[step.subject.number].document);
        match (desired, build_live_key(kind, &live.object)) {
            (Some(desired), live) => live.is_none_or(|live| !is_same_key(&live, &desired)),
            // without a natural key, an id that is another object's tells
            (None, _) => lock_mutex(self.session.index).find_other_name(&step.subject, id).is_some(),
        }
    }

    /// From now on the object is looked for by its natural key alone.
    pub(super) fn reject_id(&self, step: &Step, sent: &mut SentWrite) {
        sent.wrong_id = sent.id.take();
        let mut index = lock_mutex(self.session.index);
        let PlanSubject { target, kind, name, .. } = &step.subject;
        index.reject_answered_id(target, &kind.name, name);
        // the id is not adopted anyway; a next run would look again
        let _ = index.save();
    }

    /// Whether fields that were to change are as they were before the write, or the object is still being made.
    pub(super) fn is_stale(&self, step: &Step, sent: &SentWrite, live: &Snapshot) -> bool {
        let job = self.build_job(step, sent.id.as_ref());
        let subject = build_subject(step.subject.number, &job, Some(live));
        let again = match decide_live(self.session, &job, &subject, Some(live)) {
            PlanDecision::Step(again) => again,
            PlanDecision::Unchanged(_) | PlanDecision::Refused(_) => return false,
        };
        if step.action == StepAction::Create && is_create_followup(&again) {
            return false;
        }
        if step.is_followed_by(&again) {
            return false;
        }
        let is_as_before = |change: &Change| {
            let same = |own: &Change| own.path.overlaps(&change.path) && own.before == change.before;
            step.sends_first(change) && step.changes.iter().any(same)
        };
        again.changes.iter().any(is_as_before)
    }
}
