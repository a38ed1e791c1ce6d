//! Writing: each object is read again right before its write, written, read back and compared.
//!
//! Objects whose API can read one alone are dealt with side by side; of collections that can only be listed,
//! as many as are written side by side share the read before and the read after. So a write never waits for
//! another one between its read and itself; the price is 200 reads of the list for 1,000 updates, ten at a time.
//! A finding on one object stops no other, but for a service that changed what it was not asked to: then nothing
//! more is begun on that target.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use futures_util::{StreamExt, stream};

use super::gather::{Group, Job, Read, gather, groups, read_one};
use super::journal::{Answer as Noted, Journal};
use super::match_up::Found;
use super::outcome::{Ending, Outcome};
use super::planning::{appears, decide_live, shows_for_sure, subject};
use super::refer::{Standing, edges, levels, release};
use super::{Event, Session, blame};
use crate::diagnostic::Diagnostic;
use crate::document::State;
use crate::exchange::{Request, Verb};
use crate::kind::{Answer, Appears, Field, Leaf, Maker};
use crate::plan::compare::differences;
use crate::plan::kept::remedy;
use crate::plan::propose::Question;
use crate::plan::request::in_full;
use crate::plan::step::{Decision, Recheck, finishes_create, named, overlap, recheck};
use crate::plan::{Action, Change, Plan, Step, Subject};
use crate::remote::retry::Answered;
use crate::remote::service::{Collection, Service, Trouble};
use crate::remote::wire::{self, Live};
use crate::value::{Object, Segment, Value};

/// The most collections written to at once; each target has its own limit below this.
const COLLECTIONS: usize = 16;

/// Carries out a plan. One outcome for each object of the plan, in the order of the documents.
pub async fn apply(session: &Session<'_>, plan: Plan, jobs: &[Job<'_>]) -> Vec<Outcome> {
    (session.tell)(Event::Writing(plan.steps.len()));
    session.stop.writes();
    note_standings(session, &plan, jobs);
    let mut outcomes = settled(&plan);
    let steps: BTreeMap<usize, Step> =
        plan.steps.into_iter().map(|step| (step.subject.number, step)).collect();
    let halted = Mutex::new(BTreeSet::new());
    let writer = Writer { session, jobs, halted: &halted };
    for groups in in_turn(jobs, &steps) {
        let mut work = stream::iter(groups.iter().map(|group| writer.group(group, &steps)))
            .buffer_unordered(COLLECTIONS);
        while let Some(written) = work.next().await {
            writer.arrived(&written);
            outcomes.extend(written);
        }
    }
    outcomes.sort_by_key(|outcome| outcome.subject.number);
    record(session, jobs, &mut outcomes);
    outcomes
}

/// The collections with the steps that can be carried out side by side: what others refer to is created before
/// them, and deleted after them.
fn in_turn(jobs: &[Job], steps: &BTreeMap<usize, Step>) -> Vec<Vec<Group>> {
    let created = |number: usize| steps.get(&number).is_some_and(|step| step.action == Action::Create);
    let mut edges = edges(jobs, &created);
    release(&mut edges, steps);
    let levels = levels(&edges);
    let last = steps.keys().map(|number| levels[*number]).max();
    let turn = |level: usize| {
        let groups = groups(jobs).into_iter().map(|mut group| {
            group.jobs.retain(|number| steps.contains_key(number) && levels[*number] == level);
            group
        });
        groups.filter(|group| !group.jobs.is_empty()).collect()
    };
    last.map(|last| (0..=last).map(turn).collect()).unwrap_or_default()
}

/// How the objects of a plan stand, where planning was another run's work.
fn note_standings(session: &Session, plan: &Plan, jobs: &[Job]) {
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
    plan.refused.iter().for_each(|refused| put(&refused.subject, Some(Standing::Refused)));
}

/// Ends a plan without steps: what agrees is ours from now on, and no create of it is open any more.
pub fn settle(session: &Session, plan: &Plan, jobs: &[Job]) -> Vec<Outcome> {
    let mut outcomes = settled(plan);
    outcomes.sort_by_key(|outcome| outcome.subject.number);
    record(session, jobs, &mut outcomes);
    outcomes
}

/// What is as wanted is ours from now on; what was deleted no longer is.
fn record(session: &Session, jobs: &[Job], outcomes: &mut [Outcome]) {
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
fn settled(plan: &Plan) -> Vec<Outcome> {
    let agreeing = plan.agreeing.iter().map(|agreeing| Outcome {
        findings: agreeing.notes.clone(),
        ..blank(&agreeing.subject, None, Ending::Unchanged)
    });
    let refused = plan.refused.iter().map(|refused| {
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

fn blank(subject: &Subject, action: Option<Action>, ending: Ending) -> Outcome {
    let subject = subject.clone();
    Outcome { subject, action, ending, findings: Vec::new(), lost: Vec::new(), attempts: 0, millis: 0 }
}

/// Carries out steps.
struct Writer<'w, 'd> {
    session: &'w Session<'w>,
    jobs: &'w [Job<'d>],
    /// Targets on which nothing more is begun.
    halted: &'w Mutex<BTreeSet<Arc<str>>>,
}

impl Writer<'_, '_> {
    /// What became of objects to which others may refer.
    fn arrived(&self, outcomes: &[Outcome]) {
        for outcome in outcomes.iter().filter(|outcome| outcome.action == Some(Action::Create)) {
            let answered = outcome.subject.kind.identity.made_by == Maker::Server;
            let standing = match (&outcome.ending, &outcome.subject.id) {
                (Ending::Done, Some(id)) => Standing::Known(id.clone()),
                // it is there, though not as it should be
                (Ending::Failed(_), Some(id)) if answered => Standing::Known(id.clone()),
                (Ending::Unknown(_), _) => Standing::Unread,
                // somebody else created it, which was seen
                (Ending::Unchanged, _) => continue,
                _ => Standing::Refused,
            };
            self.session.references.stands(&self.jobs[outcome.subject.number], standing);
        }
    }

    async fn group(&self, group: &Group, steps: &BTreeMap<usize, Step>) -> Vec<Outcome> {
        let Some(service) = self.session.services.get(&group.target) else { return Vec::new() };
        let width = self.width(service);
        let alone = group.kind.operations.get.is_some();
        let (chunk, side_by_side) = if alone { (1, width) } else { (width, 1) };
        let chunks = group.jobs.chunks(chunk).map(|numbers| self.chunk(service, group, numbers, steps));
        let outcomes: Vec<Vec<Outcome>> = stream::iter(chunks).buffer_unordered(side_by_side).collect().await;
        outcomes.into_iter().flatten().collect()
    }

    fn width(&self, service: &Service) -> usize {
        service.target.parallelism.max(1) as usize
    }

    /// A few objects: read, write, read back.
    async fn chunk(
        &self,
        service: &Service,
        group: &Group,
        numbers: &[usize],
        steps: &BTreeMap<usize, Step>,
    ) -> Vec<Outcome> {
        let chosen: Vec<&Step> = numbers.iter().filter_map(|number| steps.get(number)).collect();
        let began = Instant::now();
        let given_up = || service.given_up().is_some();
        if self.session.stop.is_set() || self.is_halted(&group.target) || given_up() {
            return chosen.iter().map(|step| self.end(step, Ending::NotStarted)).collect();
        }
        let of = Collection { kind: &group.kind, scope: &group.scope };
        let jobs: Vec<Job> = chosen.iter().map(|step| self.job(step, None)).collect();
        let before = read_all(service, of, &jobs).await;
        let writes = chosen.iter().zip(before).map(|(step, read)| self.write(service, step, read));
        let written: Vec<Written> = stream::iter(writes).buffered(self.width(service)).collect().await;
        let sent = chosen.iter().zip(&written).filter_map(|(step, written)| match written {
            Written::Sent(sent) => Some(self.job(step, sent.id.as_ref())),
            Written::Not(_) => None,
        });
        let sent: Vec<Job> = sent.collect();
        let mut after = read_all(service, of, &sent).await.into_iter();
        let mut outcomes = Vec::new();
        for (step, written) in chosen.iter().zip(written) {
            let read = if matches!(written, Written::Sent(_)) { after.next() } else { None };
            self.ready(service, step, &read).await;
            let mut outcome = match self.prove(step, written, read) {
                Proved::Finished(outcome) => *outcome,
                Proved::Unfinished(outcome, rest) => self.finish(service, of, *outcome, &rest).await,
            };
            outcome.millis = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
            if let Err(error) = self.journal(|journal| journal.ended(&outcome)) {
                outcome.findings.push(unaccounted(step, &error));
            }
            (self.session.tell)(Event::Wrote);
            outcomes.push(outcome);
        }
        outcomes
    }

    /// Reads what an object that was read back needs to be compared.
    async fn ready(&self, service: &Service, step: &Step, read: &Option<Read>) {
        if let Some(Read::Found(Found::One(live))) = read {
            self.session.references.ready(service, &self.jobs[step.subject.number], Some(live)).await;
        }
    }

    /// The second half of a create: what only an update takes.
    async fn finish(&self, service: &Service, of: Collection<'_>, first: Outcome, rest: &Step) -> Outcome {
        let job = Job { newborn: true, ..self.job(rest, rest.subject.id.as_ref()) };
        let written = self.send(service, rest, &job).await;
        let read = match &written {
            Written::Sent(_) => Some(read_one(service, of, &job).await),
            Written::Not(_) => None,
        };
        self.ready(service, rest, &read).await;
        let mut outcome = match self.prove(rest, written, read) {
            Proved::Finished(outcome) => *outcome,
            // nothing follows an update
            Proved::Unfinished(outcome, _) => *outcome,
        };
        outcome.action = first.action;
        outcome.attempts += first.attempts;
        outcome.findings.splice(0..0, first.findings);
        outcome
    }

    /// The job of a step, with the id that is known by now.
    fn job(&self, step: &Step, id: Option<&Value>) -> Job<'_> {
        let job = &self.jobs[step.subject.number];
        let known_id = id.or(step.subject.id.as_ref()).or(job.known_id.as_ref()).cloned();
        Job { known_id, newborn: job.newborn || step.action == Action::Create, ..job.clone() }
    }

    async fn write(&self, service: &Service, step: &Step, read: Read) -> Written {
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
        self.send(service, &fresh, &job).await
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

    async fn send(&self, service: &Service, fresh: &Step, job: &Job<'_>) -> Written {
        // what follows a create is made anew once the object is there
        let Some(planned) = fresh.requests.first() else { return Written::Not(Ending::Unchanged) };
        let mut sent = Sent {
            wanted: fresh.wanted.clone(),
            id: fresh.subject.id.clone(),
            attempts: 0,
            lost_answer: None,
            findings: Vec::new(),
        };
        let request = match self.announce(fresh, planned.request.verb) {
            Ok(request) => request,
            Err(ending) => return Written::Not(ending),
        };
        let (answered, added) = self.put(service, fresh, &planned.request).await;
        let noted = self.journal(|journal| journal.answered(request, answer(&answered)));
        sent.findings.extend(noted.err().map(|error| unaccounted(fresh, &error)));
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

    /// Notes something in the journal, where there is one.
    fn journal<T>(
        &self,
        note: impl FnOnce(&mut Journal) -> std::io::Result<T>,
    ) -> std::io::Result<Option<T>> {
        self.session.journal.map(|journal| note(&mut lock(journal))).transpose()
    }

    /// Sends a request, and where the service asks for required fields that were left out, once more with all of
    /// them. Beside a refusal, why that was not done.
    async fn put(
        &self,
        service: &Service,
        fresh: &Step,
        request: &Request,
    ) -> (Result<Answered, Trouble>, Option<Diagnostic>) {
        let kind = &fresh.subject.kind;
        let first = match service.write(kind, request).await {
            Err(trouble) if blame::wants_required(&trouble, fresh) => trouble,
            answered => return (answered, None),
        };
        let attempts = first.attempts;
        match in_full(fresh) {
            None => (Err(first), None),
            Some(Err(hidden)) => (Err(first), Some(blame::hidden_required(fresh, &hidden))),
            Some(Ok(request)) => {
                let again = service.write(kind, &request).await;
                let answered = again
                    .map(|answered| Answered { attempts: answered.attempts + attempts, ..answered })
                    .map_err(|trouble| trouble.after(attempts));
                (answered, None)
            }
        }
    }

    /// What is to be sent is on record before it is, so that a killed run leaves a trace of it; gives its number in
    /// the journal. A create is marked last: what is marked was sent, as far as anybody can tell.
    fn announce(&self, fresh: &Step, verb: Verb) -> Result<u64, Ending> {
        let request = self.journal(|journal| journal.sending(fresh, verb));
        let request = request.map_err(|error| Ending::Failed(vec![unjournaled(fresh, &error)]))?;
        let request = request.unwrap_or_default();
        if fresh.action != Action::Create {
            return Ok(request);
        }
        lock(self.session.index).creating(&fresh.subject).map(|()| request).map_err(|error| {
            // it stays in doubt for whoever reads the journal when not even this can be noted
            let _ = self.journal(|journal| journal.answered(request, Noted::default()));
            unrecorded(fresh, &error)
        })
    }

    /// A create that surely did not take leaves nothing behind.
    fn retract(&self, fresh: &Step) {
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

    /// Holds what is there now against what was sent.
    fn prove(&self, step: &Step, written: Written, read: Option<Read>) -> Proved {
        let sent = match written {
            Written::Not(ending) => return Proved::done(self.end(step, ending)),
            Written::Sent(sent) => sent,
        };
        let mut outcome = self.end(step, Ending::Done);
        outcome.attempts = sent.attempts;
        outcome.findings = sent.findings;
        outcome.subject.id = outcome.subject.id.or(sent.id.clone());
        let job = self.job(step, sent.id.as_ref());
        let live = match read {
            Some(Read::Found(Found::One(live))) => Some(live),
            Some(Read::Found(Found::Nothing)) => None,
            Some(Read::Found(Found::Several(_))) => {
                outcome.ending = Ending::Failed(vec![grown(step)]);
                return Proved::done(outcome);
            }
            Some(Read::Failed(trouble)) => {
                let mut reasons = sent.lost_answer.unwrap_or_default();
                reasons.extend(blame::blame(&trouble, job.document, step.live.as_ref()));
                outcome.ending = Ending::Unknown(reasons);
                return Proved::done(outcome);
            }
            None => {
                outcome.ending = Ending::Unknown(sent.lost_answer.unwrap_or_default());
                return Proved::done(outcome);
            }
        };
        let Some(live) = live else {
            outcome.ending =
                self.nothing_there(step, sent.lost_answer, sent.id.is_some(), &mut outcome.findings);
            return Proved::done(outcome);
        };
        if step.action == Action::Delete {
            outcome.ending = Ending::Failed(sent.lost_answer.unwrap_or_else(|| vec![still_there(step)]));
            return Proved::done(outcome);
        }
        outcome.subject = subject(step.subject.number, &job, Some(&live));
        match decide_live(self.session, &job, &outcome.subject, Some(&live)) {
            Decision::Agreeing(agreeing) => {
                outcome.findings.extend(agreeing.notes);
                self.look_around(step, &sent.wanted, &live, &mut outcome);
            }
            Decision::Step(again) if step.action == Action::Create && finishes_create(&again) => {
                return Proved::Unfinished(Box::new(outcome), again);
            }
            Decision::Step(again) => {
                let reasons = sent.lost_answer.unwrap_or_else(|| lost(step, &again.changes));
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
    fn look_around(&self, step: &Step, wanted: &Object, live: &Live, outcome: &mut Outcome) {
        if step.action == Action::Create {
            return;
        }
        let set_by_service = |field: &Field| field.access.computed;
        let beside = differences(&step.subject.kind.shape, wanted, &live.object, &set_by_service);
        let asked = |change: &Change| step.changes.iter().any(|own| overlap(&own.path, &change.path));
        let beside: Vec<Change> =
            beside.into_iter().filter(|change| !change.unseen && !asked(change)).collect();
        if beside.is_empty() {
            return;
        }
        outcome.ending = Ending::Failed(beside.iter().map(|change| changed_besides(step, change)).collect());
        if step.subject.kind.operations.update.as_ref().is_some_and(|update| update.nested.is_some()) {
            lock(self.halted).insert(step.subject.target.clone());
        }
    }

    fn is_halted(&self, target: &Arc<str>) -> bool {
        lock(self.halted).contains(target)
    }

    fn end(&self, step: &Step, ending: Ending) -> Outcome {
        blank(&step.subject, Some(step.action), ending)
    }
}

/// Reads the objects of these jobs, each alone where the API can.
async fn read_all(service: &Service, of: Collection<'_>, jobs: &[Job<'_>]) -> Vec<Read> {
    match jobs {
        [] => Vec::new(),
        [job] => vec![read_one(service, of, job).await],
        several => {
            let Some(group) = groups(several).into_iter().next() else { return Vec::new() };
            gather(service, &group, several).await.reads
        }
    }
}

/// A finding on one object never keeps another from its lock.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the proof of a write came to.
enum Proved {
    Finished(Box<Outcome>),
    /// A create that took; what only an update takes is still to be sent.
    Unfinished(Box<Outcome>, Box<Step>),
}

impl Proved {
    fn done(outcome: Outcome) -> Self {
        Self::Finished(Box::new(outcome))
    }
}

/// What became of a write before it is proved.
enum Written {
    /// It was not sent, or surely did not take.
    Not(Ending),
    Sent(Sent),
}

struct Sent {
    /// What the object was to become.
    wanted: Object,
    /// The service's id, as far as it is known.
    id: Option<Value>,
    attempts: u32,
    /// Why there was no good answer; whether the write took has to be looked up.
    lost_answer: Option<Vec<Diagnostic>>,
    findings: Vec<Diagnostic>,
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

fn grown(step: &Step) -> Diagnostic {
    Diagnostic::error("ambiguous-object", "meanwhile several live objects have this natural key")
        .at(step.subject.place.clone())
        .hint("name the `id` of the one that is meant")
}

fn not_there_yet(step: &Step) -> Diagnostic {
    Diagnostic::error("reference-refused", "an object to which this one refers is not there yet")
        .at(step.subject.place.clone())
        .hint("see what is said about that object, then plan again")
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

/// Why a create that cannot be marked is not sent.
fn unrecorded(step: &Step, error: &std::io::Error) -> Ending {
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
fn lost_track(subject: &Subject, error: &std::io::Error) -> Diagnostic {
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

fn unjournaled(step: &Step, error: &std::io::Error) -> Diagnostic {
    let message = format!("`.trueup/journal` cannot be written, so nothing was sent: {}", error.kind());
    Diagnostic::error("not-recorded", message)
        .at(step.subject.place.clone())
        .hint("without it nobody could tell what a killed run did; make room or give access")
}

fn unaccounted(step: &Step, error: &std::io::Error) -> Diagnostic {
    let message = format!("what became of this could not be noted in `.trueup/journal`: {}", error.kind());
    Diagnostic::warning("not-recorded", message)
        .at(step.subject.place.clone())
        .hint("make room or give access before the next run")
}

fn still_there(step: &Step) -> Diagnostic {
    Diagnostic::error("not-deleted", "the service answered with success, but the object is still there")
        .at(step.subject.place.clone())
        .hint("look at the object in the service")
}

fn gone(step: &Step) -> Diagnostic {
    Diagnostic::error(
        "not-found-after-write",
        "the service took the write, but the object cannot be read back",
    )
    .at(step.subject.place.clone())
    .hint("look at the object in the service, then plan again")
}

fn forgotten(step: &Step, error: &std::io::Error) -> Diagnostic {
    let message = format!("what was written could not be remembered in `.trueup`: {}", error.kind());
    Diagnostic::warning("not-remembered", message)
        .at(step.subject.place.clone())
        .hint("the next run will send values that do not read back once more")
}

/// What the service answered with success and did not keep.
fn lost(step: &Step, changes: &[Change]) -> Vec<Diagnostic> {
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
        reason.hint = remedied(step, change).or(reason.hint.take());
    }
    lost
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

fn changed_besides(step: &Step, change: &Change) -> Diagnostic {
    let message = format!("`{}` changed too, which was not asked for", named(&change.path));
    Diagnostic::error("changed-besides", message)
        .at(step.subject.place.clone())
        .hint("the service did it, or somebody else at the same time; look before anything else is written")
}
