//! What is known before and after the writes: how objects stand, what needs no work, and what is ours from now on.

use super::super::Session;
use super::super::gather::Job;
use super::super::outcome::{Ending, Outcome};
use super::super::refer::Standing;
use super::lock;
use crate::diagnostic::Diagnostic;
use crate::document::State;
use crate::plan::{Action, Plan, Step, Subject};

/// How the objects of a plan stand, where planning was another run's work.
pub(super) fn note_standings(session: &Session, plan: &Plan, jobs: &[Job]) {
    let put = |subject: &Subject, standing: Option<Standing>| {
        let known = subject.id.clone().map(Standing::Known);
        if let Some(standing) = standing.or(known) {
            session.references.stood(&jobs[subject.number], standing);
        }
    };
    for step in &plan.steps {
        put(
            &step.subject,
            match step.action {
                Action::Create => Some(Standing::Later),
                Action::Update => None,
                Action::Delete => Some(Standing::Gone),
            },
        );
    }
    plan.agreeing.iter().for_each(|agreeing| put(&agreeing.subject, None));
    for refused in &plan.refused {
        let unread = plan.unread.contains(&refused.subject.number);
        put(&refused.subject, Some(if unread { Standing::Unread } else { Standing::Refused }));
    }
}

/// Ends a plan without steps: what agrees is ours from now on, and no create of it is open any more.
pub fn settle(session: &Session, plan: &Plan, jobs: &[Job]) -> Vec<Outcome> {
    let mut outcomes = settled(plan);
    outcomes.sort_by_key(|outcome| outcome.subject.number);
    record(session, jobs, &mut outcomes);
    outcomes
}

/// What is as wanted is ours from now on; what was deleted no longer is.
pub(super) fn record(session: &Session, jobs: &[Job], outcomes: &mut [Outcome]) {
    let mut index = lock(session.index);
    for outcome in outcomes.iter() {
        let document = jobs[outcome.subject.number].document;
        match (&outcome.ending, document.state) {
            (Ending::Done | Ending::Unchanged, State::Absent) => index.forget(&outcome.subject),
            // until it shows, its create stays open
            (Ending::Done | Ending::Unchanged, State::Present) if waits(outcome) => {
                index.born(&outcome.subject, document.protect)
            }
            (Ending::Done | Ending::Unchanged, State::Present) => {
                index.note(&outcome.subject, document.protect)
            }
            _ => {}
        }
    }
    index.forget_old_names();
    if let (Err(error), Some(last)) = (index.save(), outcomes.last_mut()) {
        let message = format!("`.trueup/index.json` cannot be written: {}", error.kind());
        let warning = Diagnostic::warning("not-recorded", message).at(last.subject.place.clone());
        last.findings.push(warning.hint("the next run does not know these objects as its own"));
    }
}

/// What needs no work: agreement and refusals.
pub(super) fn settled(plan: &Plan) -> Vec<Outcome> {
    let agreeing = plan.agreeing.iter().map(|agreeing| Outcome {
        findings: agreeing.notes.clone(),
        ..blank(&agreeing.subject, None, Ending::Unchanged)
    });
    let refused = plan.refused.iter().map(|refused| {
        if plan.unread.contains(&refused.subject.number) {
            return blank(&refused.subject, None, Ending::Unread(refused.reasons.clone()));
        }
        let action = Some(if refused.subject.id.is_some() { Action::Update } else { Action::Create });
        blank(&refused.subject, action, Ending::Refused(refused.reasons.clone()))
    });
    agreeing.chain(refused).collect()
}

/// The outcomes of a plan of which no step was begun, in the order of the documents.
pub fn not_started(plan: &Plan) -> Vec<Outcome> {
    let mut outcomes = settled(plan);
    let waiting = |step: &Step| blank(&step.subject, Some(step.action), Ending::NotStarted);
    outcomes.extend(plan.steps.iter().map(waiting));
    outcomes.sort_by_key(|outcome| outcome.subject.number);
    outcomes
}

pub(super) fn blank(subject: &Subject, action: Option<Action>, ending: Ending) -> Outcome {
    let subject = subject.clone();
    Outcome {
        subject,
        action,
        ending,
        findings: Vec::new(),
        lost: Vec::new(),
        after: None,
        attempts: 0,
        millis: 0,
    }
}

/// The code of the note about an object that was created and does not show yet.
const WAITS: &str = "appears-later";

fn waits(outcome: &Outcome) -> bool {
    outcome.findings.iter().any(|finding| finding.code == WAITS)
}

/// A new object that is known by its id alone until somebody confirms it.
pub fn appears_later(subject: &Subject) -> Diagnostic {
    Diagnostic::note(WAITS, "the object was created and shows once it is verified")
        .at(subject.place.clone())
        .hint("its id is kept in `.trueup`, so it is not created twice")
}
