//! Writing: each object is read again right before its write, written, read back and compared.
//!
//! Objects whose API can read one alone are dealt with side by side; of collections that can only be listed,
//! as many as are written side by side share the read before and the read after. So a write never waits for
//! another one between its read and itself; the price is 200 reads of the list for 1,000 updates, ten at a time.
//! A finding on one object stops no other, but for a service that changed what it was not asked to: then nothing
//! more is begun on that target.

mod fault;
pub mod forecast;
mod prove;
mod record;
mod send;

use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use futures_util::{StreamExt, stream};

use self::fault::unaccounted;
use self::prove::Proved;
pub use self::record::{appears_later, not_started, settle};
use self::record::{blank, note_standings, record, settled};
use self::send::Written;
use super::gather::{Group, Job, Read, gather, groups, read_one};
use super::match_up::Found;
use super::outcome::{Ending, Outcome};
use super::refer::{Standing, edges, levels, release};
use super::{Event, Session};
use crate::kind::Maker;
use crate::plan::{Action, Plan, Step};
use crate::remote::service::{Collection, Service};
use crate::value::Value;

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
fn in_turn<S: Borrow<Step>>(jobs: &[Job], steps: &BTreeMap<usize, S>) -> Vec<Vec<Group>> {
    let created =
        |number: usize| steps.get(&number).is_some_and(|step| step.borrow().action == Action::Create);
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
        let (chunk, side_by_side) = portions(service, group);
        let chunks = group.jobs.chunks(chunk).map(|numbers| self.chunk(service, group, numbers, steps));
        // who waits for the disk alone keeps nobody from beginning
        let done = stream::iter(chunks).buffer_unordered(side_by_side).map(|chunk| self.noted(chunk, steps));
        let outcomes: Vec<Vec<Outcome>> = done.buffer_unordered(group.jobs.len().max(1)).collect().await;
        outcomes.into_iter().flatten().collect()
    }

    /// Tells what became of objects when it is on record.
    async fn noted(&self, chunk: Chunk, steps: &BTreeMap<usize, Step>) -> Vec<Outcome> {
        let mut outcomes = match chunk {
            Chunk::NotBegun(outcomes) => return outcomes,
            Chunk::Done(outcomes) => outcomes,
        };
        let note = |outcome: &Outcome| self.session.journal.map(|journal| journal.ended(outcome));
        let pending: Vec<_> = outcomes.iter().map(note).collect();
        for (outcome, pending) in outcomes.iter_mut().zip(pending) {
            let noted = match pending {
                Some(Ok(pending)) => pending.done().await,
                Some(Err(error)) => Err(error),
                None => Ok(()),
            };
            if let (Err(error), Some(step)) = (noted, steps.get(&outcome.subject.number)) {
                outcome.findings.push(unaccounted(step, &error));
            }
            (self.session.tell)(Event::Ended(outcome));
        }
        outcomes
    }

    /// A few objects: read, write, read back.
    async fn chunk(
        &self,
        service: &Service,
        group: &Group,
        numbers: &[usize],
        steps: &BTreeMap<usize, Step>,
    ) -> Chunk {
        let chosen: Vec<&Step> = numbers.iter().filter_map(|number| steps.get(number)).collect();
        let began = Instant::now();
        if self.is_over(service) {
            return Chunk::NotBegun(chosen.iter().map(|step| self.end(step, Ending::NotStarted)).collect());
        }
        chosen.iter().for_each(|step| (self.session.tell)(Event::Started(step)));
        let of = Collection { kind: &group.kind, scope: &group.scope };
        let jobs: Vec<Job> = chosen.iter().map(|step| self.job(step, None)).collect();
        let before = read_all(service, of, &jobs).await;
        let writes = chosen.iter().zip(before).map(|(step, read)| self.write(service, step, read));
        let written: Vec<Written> = stream::iter(writes).buffered(width(service)).collect().await;
        let sent = chosen.iter().zip(&written).filter_map(|(step, written)| match written {
            Written::Sent(sent) => Some(self.job(step, sent.id.as_ref())),
            Written::Not(_) => None,
        });
        let sent: Vec<Job> = sent.collect();
        let mut after = read_all(service, of, &sent).await.into_iter();
        let mut outcomes = Vec::new();
        for (step, mut written) in chosen.iter().zip(written) {
            self.accounted(step, &mut written).await;
            let read = if matches!(written, Written::Sent(_)) { after.next() } else { None };
            self.ready(service, step, &read).await;
            let mut outcome = match self.prove(step, written, read) {
                Proved::Finished(outcome) => *outcome,
                Proved::Unfinished(outcome, rest) => self.finish(service, of, *outcome, &rest).await,
            };
            outcome.millis = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
            outcomes.push(outcome);
        }
        Chunk::Done(outcomes)
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
        let state = rest.subject.kind.operations.if_match;
        let before = match state {
            Some(_) => read_one(service, of, &job).await,
            None => Read::Found(Found::Nothing),
        };
        let live = match &before {
            Read::Found(Found::One(live)) => Some(&**live),
            _ => None,
        };
        let mut written = self.send(service, rest, &job, live).await;
        let read = match &written {
            Written::Sent(_) => Some(read_one(service, of, &job).await),
            Written::Not(_) => None,
        };
        self.accounted(rest, &mut written).await;
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

    fn job(&self, step: &Step, id: Option<&Value>) -> Job<'_> {
        job_of(self.jobs, step, id)
    }

    /// Whether nothing more is begun there; said where nobody has said it yet.
    fn is_over(&self, service: &Service) -> bool {
        let (stop, target) = (self.session.stop, &service.target.name);
        if stop.is_set() {
            let code = if stop.is_interrupted() { "interrupted" } else { "out-of-time" };
            (self.session.tell)(Event::Halted(None, code));
            return true;
        }
        let gone = service.given_up();
        if let Some(why) = &gone {
            (self.session.tell)(Event::Halted(Some(target), why.code));
        }
        gone.is_some() || lock(self.halted).contains(target)
    }

    fn end(&self, step: &Step, ending: Ending) -> Outcome {
        blank(&step.subject, Some(step.action), ending)
    }
}

/// What became of a few objects.
enum Chunk {
    /// Their turn did not come.
    NotBegun(Vec<Outcome>),
    Done(Vec<Outcome>),
}

/// The job of a step, with the id that is known by now.
fn job_of<'d>(jobs: &[Job<'d>], step: &Step, id: Option<&Value>) -> Job<'d> {
    let job = &jobs[step.subject.number];
    let known_id = id.or(step.subject.id.as_ref()).or(job.known_id.as_ref()).cloned();
    Job { known_id, newborn: job.newborn || step.action == Action::Create, ..job.clone() }
}

fn width(service: &Service) -> usize {
    service.target.parallelism.max(1) as usize
}

/// How many objects of a collection share their reads, and how many such portions are dealt with side by side.
fn portions(service: &Service, group: &Group) -> (usize, usize) {
    let width = width(service);
    if group.kind.operations.get.is_some() { (1, width) } else { (width, 1) }
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
