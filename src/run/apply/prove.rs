//! The proof of a write: what is there now is held against what was to be.
//!
//! A success that the service only claims is a fault here, and so is a change that nobody asked for.

use super::super::Event;
use super::super::blame;
use super::super::gather::Read;
use super::super::match_up::Found;
use super::super::outcome::{Ending, Outcome};
use super::super::planning::{appears, decide_live, shows_for_sure, subject};
use super::fault::{BESIDES, changed_besides, gone, grown, lost, still_there};
use super::record::appears_later;
use super::send::{Sent, Written};
use super::{Writer, lock};
use crate::diagnostic::Diagnostic;
use crate::kind::{Appears, Field};
use crate::plan::compare::differences;
use crate::plan::step::{Decision, finishes_create, overlap};
use crate::plan::{Action, Change, Step};
use crate::remote::wire::Live;
use crate::value::{Object, Path};

impl Writer<'_, '_> {
    /// Holds what is there now against what was sent.
    pub(super) fn prove(&self, step: &Step, written: Written, read: Option<Read>) -> Proved {
        let mut sent = match written {
            Written::Not(ending) => return Proved::done(self.end(step, ending)),
            Written::Sent(sent) => sent,
        };
        let mut outcome = self.end(step, Ending::Done);
        outcome.attempts = sent.attempts;
        outcome.findings = std::mem::take(&mut sent.findings);
        outcome.subject.id = outcome.subject.id.or(sent.id.clone());
        match self.seen(step, &sent, read) {
            Err(ending) => {
                outcome.ending = ending;
                Proved::done(outcome)
            }
            Ok(Some(_)) if step.action == Action::Delete => {
                outcome.ending = Ending::Failed(sent.lost_answer.unwrap_or_else(|| vec![still_there(step)]));
                Proved::done(outcome)
            }
            Ok(Some(live)) => self.compare(step, sent, &live, outcome),
            Ok(None) => {
                outcome.ending =
                    self.nothing_there(step, sent.lost_answer, sent.id.is_some(), &mut outcome.findings);
                Proved::done(outcome)
            }
        }
    }

    /// What is there after a write; an ending where that cannot be told.
    fn seen(&self, step: &Step, sent: &Sent, read: Option<Read>) -> Result<Option<Box<Live>>, Ending> {
        let mut reasons = sent.lost_answer.clone().unwrap_or_default();
        match read {
            Some(Read::Found(Found::One(live))) => Ok(Some(live)),
            Some(Read::Found(Found::Nothing)) => Ok(None),
            Some(Read::Found(Found::Several(_))) => Err(Ending::Failed(vec![grown(step)])),
            Some(Read::Failed(trouble)) => {
                let document = self.jobs[step.subject.number].document;
                reasons.extend(blame::blame(&trouble, document, step.live.as_ref()));
                Err(Ending::Unknown(reasons))
            }
            None => Err(Ending::Unknown(reasons)),
        }
    }

    /// Holds what is there against what the documents say and against what was sent.
    fn compare(&self, step: &Step, sent: Sent, live: &Live, mut outcome: Outcome) -> Proved {
        let job = self.job(step, sent.id.as_ref());
        outcome.subject = subject(step.subject.number, &job, Some(live));
        outcome.after = self.digest(&outcome.subject.kind, &live.object);
        match decide_live(self.session, &job, &outcome.subject, Some(live)) {
            Decision::Agreeing(agreeing) => {
                outcome.findings.extend(agreeing.notes);
                self.look_around(step, &sent, live, &mut outcome);
            }
            Decision::Step(again) if step.action == Action::Create && finishes_create(&again) => {
                return Proved::Unfinished(Box::new(outcome), again);
            }
            Decision::Step(again) => {
                let reasons = sent.lost_answer.unwrap_or_else(|| lost(step, &again.changes, live));
                outcome.lost = again.changes;
                outcome.ending = Ending::Failed(reasons);
            }
            Decision::Refused(refused) => outcome.ending = Ending::Failed(refused.reasons),
        }
        Proved::done(outcome)
    }

    /// What it means that an object does not show after a write.
    fn nothing_there(
        &self,
        step: &Step,
        lost_answer: Option<Vec<Diagnostic>>,
        has_id: bool,
        findings: &mut Vec<Diagnostic>,
    ) -> Ending {
        let document = self.jobs[step.subject.number].document;
        match (step.action, lost_answer) {
            (Action::Delete, _) => Ending::Done,
            (Action::Create, None) if has_id && appears(&document.kind) == Appears::Later => {
                findings.push(appears_later(&step.subject));
                Ending::Done
            }
            (Action::Create, Some(reasons)) if !shows_for_sure(document) => Ending::Unknown(reasons),
            (Action::Create, Some(reasons)) => {
                self.retract(step);
                Ending::Failed(reasons)
            }
            (_, lost_answer) => Ending::Failed(lost_answer.unwrap_or_else(|| vec![gone(step)])),
        }
    }

    /// Whether the service changed what it was not asked to change.
    fn look_around(&self, step: &Step, sent: &Sent, live: &Live, outcome: &mut Outcome) {
        if step.action == Action::Create {
            return;
        }
        let set_by_service = |field: &Field| field.access.computed;
        let since =
            |then: &Object| differences(&step.subject.kind.shape, then, &live.object, &set_by_service);
        let touches = |changes: &[Change], path: &Path| changes.iter().any(|own| overlap(&own.path, path));
        let mut beside = since(&sent.wanted);
        beside.retain(|change| !change.unseen && !touches(&step.changes, &change.path));
        if beside.is_empty() {
            return;
        }
        // what was written by an earlier run and waits for somebody is still as it was
        let moved = since(&sent.before);
        beside.retain(|change| touches(&moved, &change.path));
        if beside.is_empty() {
            return;
        }
        outcome.ending = Ending::Failed(beside.iter().map(|change| changed_besides(step, change)).collect());
        if step.subject.kind.operations.update.as_ref().is_some_and(|update| update.nested.is_some()) {
            lock(self.halted).insert(step.subject.target.clone());
            (self.session.tell)(Event::Halted(Some(&step.subject.target), BESIDES));
        }
    }
}

/// What the proof of a write came to.
pub(super) enum Proved {
    Finished(Box<Outcome>),
    /// A create that took; what only an update takes is still to be sent.
    Unfinished(Box<Outcome>, Box<Step>),
}

impl Proved {
    fn done(outcome: Outcome) -> Self {
        Self::Finished(Box::new(outcome))
    }
}
