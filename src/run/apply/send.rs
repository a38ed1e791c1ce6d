//! One write: the object as it is now is held against the plan, what is to be sent goes on record, then it is sent.
//!
//! Whether it took is not judged here: an answer may be lost or lie, so what was sent is looked up afterwards
//! (`prove`). Only what surely did not take ends here.

use std::io;

use super::super::Event;
use super::super::blame;
use super::super::gather::{Job, Read, read_one};
use super::super::journal::{Answer as Noted, Pending};
use super::super::match_up::Found;
use super::super::outcome::Ending;
use super::super::planning::subject;
use super::super::refer::Standing;
use super::fault::{
    changed_meanwhile, forgotten, grown, lost_track, not_there_yet, stateless, unaccounted, unjournaled,
    unrecorded,
};
use super::{Writer, lock};
use crate::diagnostic::Diagnostic;
use crate::document::State;
use crate::exchange::{Request, Verb};
use crate::kind::{Answer, IfMatch, Kind, Leaf, Maker};
use crate::plan::propose::Question;
use crate::plan::request::in_full;
use crate::plan::step::{Recheck, recheck};
use crate::plan::{Action, Step, Subject};
use crate::remote::retry::Answered;
use crate::remote::service::{Collection, Service, Trouble};
use crate::remote::wire::{self, Live};
use crate::value::{Object, Value};

impl Writer<'_, '_> {
    pub(super) async fn write(&self, service: &Service, step: &Step, read: Read) -> Written {
        let job = self.job(step, None);
        let live = match read {
            Read::Failed(trouble) if trouble.not_begun => return Written::Not(Ending::NotStarted),
            Read::Failed(trouble) => {
                return Written::Not(Ending::Failed(blame::blame(&trouble, job.document, None)));
            }
            Read::Found(Found::Several(_)) => return Written::Not(Ending::Refused(vec![grown(step)])),
            Read::Found(Found::One(live)) => Some(live),
            Read::Found(Found::Nothing) => None,
        };
        self.session.references.ready(service, &job, live.as_deref()).await;
        let fresh = match self.recheck(step, &job, live.as_deref()) {
            Ok(fresh) => fresh,
            Err(result) => return Written::Not(result),
        };
        if self.session.stop.is_set() {
            return Written::Not(Ending::NotStarted);
        }
        self.send(service, &fresh, &job, live.as_deref()).await
    }

    /// The service refused to write over what somebody else wrote since the last read: what moved is told, and
    /// nothing is sent again.
    async fn outrun(&self, service: &Service, step: &Step, job: &Job<'_>) -> Ending {
        let of = Collection { kind: &step.subject.kind, scope: &job.scope };
        let live = match read_one(service, of, job).await {
            Read::Found(Found::One(live)) => Some(live),
            Read::Found(Found::Nothing) => None,
            Read::Found(Found::Several(_)) => return Ending::Refused(vec![grown(step)]),
            Read::Failed(_) => return Ending::Refused(vec![changed_meanwhile(step)]),
        };
        match self.recheck(step, job, live.as_deref()) {
            Err(ending) => ending,
            // what moved is nothing on which the step relies; it is another object all the same
            Ok(_) => Ending::Refused(vec![changed_meanwhile(step)]),
        }
    }

    fn recheck(&self, step: &Step, job: &Job, live: Option<&Live>) -> Result<Box<Step>, Ending> {
        let references = self.session.references;
        let document = references
            .resolve(self.session.index, job, live)
            .map_err(|unresolved| Ending::Refused(unresolved.reasons))?;
        let memory = lock(self.session.memory);
        let now = subject(step.subject.number, job, live);
        let question = Question {
            document: &document,
            subject: &now,
            live: live.map(|live| &live.object),
            memory: &*memory,
            rotate: self.session.rotate,
        };
        match recheck(step, &question, self.session.rules(job)) {
            Recheck::Go(fresh) if fresh.wanted.is_known() => Ok(fresh),
            Recheck::Go(_) => Err(Ending::Refused(vec![not_there_yet(step)])),
            Recheck::Done => {
                if let (Some(id), State::Present) = (now.id, job.document.state) {
                    references.stands(job, Standing::Known(id));
                }
                Err(Ending::Unchanged)
            }
            Recheck::Moved(moved) => Err(Ending::Moved(moved)),
            Recheck::Refused(reasons) => Err(Ending::Refused(reasons)),
        }
    }

    /// Sends a step that was made from `live`.
    pub(super) async fn send(
        &self,
        service: &Service,
        fresh: &Step,
        job: &Job<'_>,
        live: Option<&Live>,
    ) -> Written {
        // what follows a create is made anew once the object is there
        let Some(planned) = fresh.requests.first() else { return Written::Not(Ending::Unchanged) };
        let state = live.and_then(|live| state(&fresh.subject.kind, live));
        if fresh.action != Action::Create
            && state.is_none()
            && fresh.subject.kind.operations.if_match.is_some()
        {
            return Written::Not(Ending::Refused(vec![stateless(fresh)]));
        }
        let mut sent = Sent {
            before: fresh.live.clone().unwrap_or_default(),
            wanted: fresh.wanted.clone(),
            id: fresh.subject.id.clone(),
            attempts: 0,
            lost_answer: None,
            findings: Vec::new(),
            noted: None,
        };
        let request = match self.announce(fresh, planned.request.verb).await {
            Ok(request) => request,
            Err(ending) => return Written::Not(ending),
        };
        let (answered, added) = self.put(service, fresh, (&planned.request, state.as_deref())).await;
        let answer = answer(&answered);
        (self.session.tell)(Event::Sent(fresh, planned.request.verb, &answer));
        sent.noted = self.answered(request, answer);
        match answered {
            Ok(answered) => {
                sent.attempts = answered.attempts;
                sent.findings.extend(self.take_answer(service, fresh, &answered.response.body, &mut sent.id));
            }
            // to delete what is gone already is to delete it
            Err(trouble) if fresh.action == Action::Delete && trouble.status() == Some(404) => {
                sent.attempts = trouble.attempts;
            }
            Err(trouble) if trouble.not_begun => {
                self.retract(fresh);
                return Written::Not(Ending::NotStarted);
            }
            Err(trouble) if state.is_some() && trouble.status() == Some(412) && !trouble.unknown => {
                return Written::Not(self.outrun(service, fresh, job).await);
            }
            Err(trouble) => {
                let mut reasons = blame::blame(&trouble, job.document, fresh.live.as_ref());
                reasons.extend(added);
                if !trouble.unknown {
                    self.retract(fresh);
                    return Written::Not(Ending::Failed(reasons));
                }
                sent.attempts = trouble.attempts;
                sent.lost_answer = Some(reasons);
                return Written::Sent(sent);
            }
        }
        let subject = Subject { id: sent.id.clone(), ..fresh.subject.clone() };
        let mut memory = lock(self.session.memory);
        if let Err(error) = memory.remember(&subject, &fresh.hidden) {
            sent.findings.push(forgotten(fresh, &error));
        }
        Written::Sent(sent)
    }

    /// Notes what came of a request in the journal, where there is one.
    fn answered(&self, request: u64, answer: Noted) -> Option<io::Result<Pending>> {
        self.session.journal.map(|journal| journal.answered(request, answer))
    }

    /// Waits until what came of a write is on record.
    pub(super) async fn accounted(&self, step: &Step, written: &mut Written) {
        let Written::Sent(sent) = written else { return };
        let noted = match sent.noted.take() {
            Some(Ok(pending)) => pending.done().await,
            Some(Err(error)) => Err(error),
            None => Ok(()),
        };
        sent.findings.extend(noted.err().map(|error| unaccounted(step, &error)));
    }

    /// The digest of an object as it was read back.
    pub(super) fn digest(&self, kind: &Kind, live: &Object) -> Option<String> {
        self.session.journal.map(|journal| journal.digest(kind, live))
    }

    /// Sends a request, and where the service asks for required fields that were left out, once more with all of
    /// them. Beside a refusal, why that was not done.
    async fn put(
        &self,
        service: &Service,
        fresh: &Step,
        (request, state): (&Request, Option<&str>),
    ) -> (Result<Answered, Trouble>, Option<Diagnostic>) {
        let kind = &fresh.subject.kind;
        let first = match service.write(kind, request, state).await {
            Err(trouble) if blame::wants_required(&trouble, fresh) => trouble,
            answered => return (answered, None),
        };
        let attempts = first.attempts;
        match in_full(fresh) {
            None => (Err(first), None),
            Some(Err(hidden)) => (Err(first), Some(blame::hidden_required(fresh, &hidden))),
            Some(Ok(request)) => {
                let again = service.write(kind, &request, state).await;
                let answered = again
                    .map(|answered| Answered { attempts: answered.attempts + attempts, ..answered })
                    .map_err(|trouble| trouble.after(attempts));
                (answered, None)
            }
        }
    }

    /// What is to be sent is on record before it is, so that a killed run leaves a trace of it; gives its number in
    /// the journal. A create is marked last: what is marked was sent, as far as anybody can tell.
    async fn announce(&self, fresh: &Step, verb: Verb) -> Result<u64, Ending> {
        let request = match self.session.journal {
            Some(journal) => journal.sending(fresh, verb).await,
            None => Ok(0),
        };
        let request = request.map_err(|error| Ending::Failed(vec![unjournaled(fresh, &error)]))?;
        if fresh.action != Action::Create {
            return Ok(request);
        }
        let marked = lock(self.session.index).creating(&fresh.subject);
        if let Err(error) = marked {
            // it stays in doubt for whoever reads the journal when not even this can be noted
            if let Some(Ok(pending)) = self.answered(request, Noted::default()) {
                let _ = pending.done().await;
            }
            return Err(unrecorded(fresh, &error));
        }
        Ok(request)
    }

    /// A create that surely did not take leaves nothing behind.
    pub(super) fn retract(&self, fresh: &Step) {
        if fresh.action == Action::Create {
            let mut index = lock(self.session.index);
            index.forget(&fresh.subject);
            // a mark that stays only makes the next run look twice
            let _ = index.save();
        }
    }

    /// What an answer tells: the id of a new object, which is on record at once, or that it is about another.
    fn take_answer(
        &self,
        service: &Service,
        fresh: &Step,
        body: &[u8],
        id: &mut Option<Value>,
    ) -> Option<Diagnostic> {
        let kind = &fresh.subject.kind;
        match fresh.action {
            Action::Create => {
                if kind.identity.made_by == Maker::Server {
                    *id = wire::read_id(body, service.target.format, kind);
                }
                let subject = Subject { id: id.clone(), ..fresh.subject.clone() };
                let protect = self.jobs[fresh.subject.number].document.protect;
                let mut index = lock(self.session.index);
                index.born(&subject, protect);
                index.save().err().map(|error| lost_track(&subject, &error))
            }
            Action::Update => wrong_answer(service, fresh, body),
            Action::Delete => None,
        }
    }
}

/// What tells the state of an object from the next, where its kind says by what.
fn state(kind: &Kind, live: &Live) -> Option<String> {
    match kind.operations.if_match? {
        IfMatch::Etag => live.etag.as_deref().map(str::to_owned),
        IfMatch::Field(number) => {
            let value = live.object.get(number).filter(|value| !value.is_blank())?;
            Some(format!("\"{}\"", Leaf::url_text(value, &kind.api)))
        }
    }
}

/// What became of a write before it is proved.
pub(super) enum Written {
    /// It was not sent, or surely did not take.
    Not(Ending),
    Sent(Sent),
}

pub(super) struct Sent {
    /// What the object was right before the write; nothing of one that is new.
    pub(super) before: Object,
    /// What the object was to become.
    pub(super) wanted: Object,
    /// The service's id, as far as it is known.
    pub(super) id: Option<Value>,
    pub(super) attempts: u32,
    /// Why there was no good answer; whether the write took has to be looked up.
    pub(super) lost_answer: Option<Vec<Diagnostic>>,
    pub(super) findings: Vec<Diagnostic>,
    /// What came of it, on its way to the journal.
    noted: Option<io::Result<Pending>>,
}

/// An answer that speaks of another object than was asked for.
fn wrong_answer(service: &Service, step: &Step, body: &[u8]) -> Option<Diagnostic> {
    let kind = &step.subject.kind;
    let operations = [&kind.operations.update, &kind.operations.replace];
    let write = operations
        .into_iter()
        .flatten()
        .find(|write| step.requests.first().is_some_and(|planned| planned.request.verb == write.verb))?;
    if write.answer != Answer::Object || step.action != Action::Update {
        return None;
    }
    let answered = wire::read_object(body, service.target.format, kind).ok()?;
    let (own, asked) = (answered.object.get(kind.identity.id)?, step.subject.id.as_ref()?);
    (own != asked).then(|| {
        Diagnostic::warning("wrong-object", "the service answered with another id than was asked for")
            .at(step.subject.place.clone())
            .hint("the object is read again and compared; look at the service if this comes back")
    })
}

/// What came of a request, for the journal.
fn answer(answered: &Result<Answered, Trouble>) -> Noted {
    match answered {
        Ok(answered) => Noted {
            status: Some(answered.response.status),
            request_id: answered.response.request_id.clone(),
            attempts: answered.attempts,
            unknown: false,
        },
        Err(trouble) => Noted {
            status: trouble.status(),
            request_id: None,
            attempts: trouble.attempts,
            unknown: trouble.unknown,
        },
    }
}
