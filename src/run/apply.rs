//! Writing: each object is read again right before its write, written, read back and compared.
//!
//! Objects whose API can read one alone are dealt with side by side; of collections that can only be listed,
//! so many at a time share the read before and the read after. A finding on one object stops no other, but
//! for a service that changed what it was not asked to: then nothing more is begun on that target.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use futures_util::{StreamExt, stream};

use super::gather::{Group, Job, Read, gather, groups, read_one};
use super::match_up::Found;
use super::outcome::{Ending, Outcome};
use super::planning::{decide_live, subject};
use super::{Event, Session, blame};
use crate::diagnostic::Diagnostic;
use crate::kind::{Answer, Field};
use crate::plan::compare::differences;
use crate::plan::propose::Question;
use crate::plan::step::{Decision, Recheck, named, overlap, recheck};
use crate::plan::{Action, Change, Plan, Step};
use crate::remote::service::{Collection, Service};
use crate::remote::wire::{self, Live};
use crate::value::Object;

/// The most collections written to at once; each target has its own limit below this.
const COLLECTIONS: usize = 16;

/// Carries out a plan. One outcome for each object of the plan, in the order of the documents.
pub async fn apply(session: &Session<'_>, plan: Plan, jobs: &[Job<'_>]) -> Vec<Outcome> {
    (session.tell)(Event::Writing(plan.steps.len()));
    let mut outcomes = settled(&plan);
    let steps: BTreeMap<usize, Step> =
        plan.steps.into_iter().map(|step| (step.subject.number, step)).collect();
    let halted = Mutex::new(BTreeSet::new());
    let writer = Writer { session, jobs, halted: &halted };
    let groups: Vec<Group> = groups(jobs)
        .into_iter()
        .map(|mut group| {
            group.jobs.retain(|number| steps.contains_key(number));
            group
        })
        .filter(|group| !group.jobs.is_empty())
        .collect();
    let mut work =
        stream::iter(groups.iter().map(|group| writer.group(group, &steps))).buffer_unordered(COLLECTIONS);
    while let Some(written) = work.next().await {
        outcomes.extend(written);
    }
    drop(work);
    outcomes.sort_by_key(|outcome| outcome.subject.number);
    outcomes
}

/// What needs no work: agreement and refusals.
pub fn settled(plan: &Plan) -> Vec<Outcome> {
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

fn blank(subject: &crate::plan::Subject, action: Option<Action>, ending: Ending) -> Outcome {
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
    async fn group(&self, group: &Group, steps: &BTreeMap<usize, Step>) -> Vec<Outcome> {
        let Some(service) = self.session.services.get(&group.target) else { return Vec::new() };
        let width = service.target.parallelism.max(1) as usize;
        let operations = &group.kind.operations;
        let alone = operations.get.is_some();
        let (chunk, side_by_side) = if alone { (1, width) } else { (width, 1) };
        let chunks = group.jobs.chunks(chunk).map(|numbers| self.chunk(service, group, numbers, steps));
        let outcomes: Vec<Vec<Outcome>> = stream::iter(chunks).buffer_unordered(side_by_side).collect().await;
        outcomes.into_iter().flatten().collect()
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
        if self.session.stop.is_set() || self.is_halted(&group.target) {
            return chosen.iter().map(|step| self.end(step, Ending::NotStarted)).collect();
        }
        let of = Collection { kind: &group.kind, scope: &group.scope };
        let before = self.read(service, of, &chosen).await;
        let writes = chosen.iter().zip(before).map(|(step, read)| self.write(service, step, read));
        let written: Vec<Written> = stream::iter(writes).buffered(numbers.len().max(1)).collect().await;
        let sent: Vec<&Step> = chosen
            .iter()
            .zip(&written)
            .filter(|(_, written)| written.needs_proof())
            .map(|(step, _)| *step)
            .collect();
        let mut after = self.read(service, of, &sent).await.into_iter();
        let mut outcomes = Vec::new();
        for (step, written) in chosen.iter().zip(written) {
            let read = if written.needs_proof() { after.next() } else { None };
            let mut outcome = self.prove(step, written, read);
            outcome.millis = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
            outcomes.push(outcome);
        }
        outcomes
    }

    /// Reads the objects of these steps, each alone where the API can.
    async fn read(&self, service: &Service, of: Collection<'_>, steps: &[&Step]) -> Vec<Read> {
        let jobs: Vec<Job> = steps.iter().map(|step| self.job(step)).collect();
        match jobs.as_slice() {
            [] => Vec::new(),
            [job] => vec![read_one(service, of, job).await],
            several => {
                let Some(group) = groups(several).into_iter().next() else { return Vec::new() };
                gather(service, &group, several).await.0
            }
        }
    }

    /// The job of a step, with the id that is known by now.
    fn job(&self, step: &Step) -> Job<'_> {
        let job = &self.jobs[step.subject.number];
        Job {
            document: job.document,
            scope: job.scope.clone(),
            target: job.target.clone(),
            known_id: step.subject.id.clone(),
        }
    }

    async fn write(&self, service: &Service, step: &Step, read: Read) -> Written {
        let job = self.job(step);
        let live = match read {
            Read::Failed(trouble) => {
                return Written::Not(Ending::Failed(blame::blame(&trouble, job.document, None)));
            }
            Read::Found(Found::Several(_)) => return Written::Not(Ending::Refused(vec![grown(step)])),
            Read::Found(Found::One(live)) => Some(live),
            Read::Found(Found::Nothing) => None,
        };
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
        let memory = self.session.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let now = subject(step.subject.number, job, live);
        let question = Question {
            document: job.document,
            subject: &now,
            live: live.map(|live| &live.object),
            memory: &*memory,
        };
        match recheck(step, &question, self.session.rules(&job.target)) {
            Recheck::Go(fresh) => Ok(fresh),
            Recheck::Done => Err(Ending::Unchanged),
            Recheck::Moved(moved) => Err(Ending::Moved(moved)),
            Recheck::Refused(reasons) => Err(Ending::Refused(reasons)),
        }
    }

    async fn send(&self, service: &Service, fresh: &Step, job: &Job<'_>) -> Written {
        let mut sent =
            Sent { wanted: fresh.wanted.clone(), attempts: 0, lost_answer: None, findings: Vec::new() };
        for planned in &fresh.requests {
            match service.send(&planned.request).await {
                Ok(answered) => {
                    sent.attempts += answered.attempts;
                    sent.findings.extend(wrong_answer(service, fresh, &answered.response.body));
                }
                Err(trouble) => {
                    let reasons = blame::blame(&trouble, job.document, fresh.live.as_ref());
                    if !trouble.unknown && sent.attempts == 0 {
                        return Written::Not(Ending::Failed(reasons));
                    }
                    sent.attempts += trouble.attempts;
                    sent.lost_answer = Some(reasons);
                    return Written::Sent(sent);
                }
            }
        }
        let mut memory = self.session.memory.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = memory.remember(&fresh.subject, &fresh.hidden) {
            sent.findings.push(forgotten(fresh, &error));
        }
        Written::Sent(sent)
    }

    /// Holds what is there now against what was sent.
    fn prove(&self, step: &Step, written: Written, read: Option<Read>) -> Outcome {
        let sent = match written {
            Written::Not(result) => return self.end(step, result),
            Written::Sent(sent) => sent,
        };
        let mut outcome = self.end(step, Ending::Done);
        outcome.attempts = sent.attempts;
        outcome.findings = sent.findings;
        let job = self.job(step);
        let live = match read {
            Some(Read::Found(Found::One(live))) => live,
            Some(Read::Found(_)) => {
                outcome.ending = Ending::Failed(sent.lost_answer.unwrap_or_else(|| vec![gone(step)]));
                return outcome;
            }
            Some(Read::Failed(trouble)) => {
                let mut reasons = sent.lost_answer.unwrap_or_default();
                reasons.extend(blame::blame(&trouble, job.document, step.live.as_ref()));
                outcome.ending = Ending::Unknown(reasons);
                return outcome;
            }
            None => {
                outcome.ending = Ending::Unknown(sent.lost_answer.unwrap_or_default());
                return outcome;
            }
        };
        outcome.subject = subject(step.subject.number, &job, Some(&live));
        match decide_live(self.session, &job, &outcome.subject, Some(&live)) {
            Decision::Agreeing(agreeing) => {
                outcome.findings.extend(agreeing.notes);
                self.look_around(step, &sent.wanted, &live, &mut outcome);
            }
            Decision::Step(again) => {
                let reasons = sent
                    .lost_answer
                    .unwrap_or_else(|| again.changes.iter().map(|c| not_kept(step, c)).collect());
                outcome.lost = again.changes;
                outcome.ending = Ending::Failed(reasons);
            }
            Decision::Refused(refused) => outcome.ending = Ending::Failed(refused.reasons),
        }
        outcome
    }

    /// Whether the service changed what it was not asked to change.
    fn look_around(&self, step: &Step, wanted: &Object, live: &Live, outcome: &mut Outcome) {
        if step.action == Action::Create {
            return;
        }
        let set_by_service = |field: &Field| field.access.computed;
        let beside = differences(&step.subject.kind.shape, wanted, &live.object, &set_by_service);
        let asked = |change: &Change| step.changes.iter().any(|own| overlap(&own.path, &change.path));
        let beside: Vec<Change> = beside.into_iter().filter(|change| !asked(change)).collect();
        if beside.is_empty() {
            return;
        }
        outcome.ending = Ending::Failed(beside.iter().map(|change| changed_besides(step, change)).collect());
        if step.subject.kind.operations.update.as_ref().is_some_and(|update| update.nested.is_some()) {
            let mut halted = self.halted.lock().unwrap_or_else(PoisonError::into_inner);
            halted.insert(step.subject.target.clone());
        }
    }

    fn is_halted(&self, target: &Arc<str>) -> bool {
        self.halted.lock().unwrap_or_else(PoisonError::into_inner).contains(target)
    }

    fn end(&self, step: &Step, ending: Ending) -> Outcome {
        (self.session.tell)(Event::Wrote);
        blank(&step.subject, Some(step.action), ending)
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
    attempts: u32,
    /// Why there was no good answer; whether the write took has to be looked up.
    lost_answer: Option<Vec<Diagnostic>>,
    findings: Vec<Diagnostic>,
}

impl Written {
    fn needs_proof(&self) -> bool {
        matches!(self, Self::Sent(_))
    }
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

fn not_kept(step: &Step, change: &Change) -> Diagnostic {
    let place = change.place.clone().unwrap_or_else(|| step.subject.place.clone());
    let message = format!("the service answered with success, but did not keep `{}`", named(&change.path));
    Diagnostic::error("not-kept", message).at(place).hint("the table shows what the service has instead")
}

fn changed_besides(step: &Step, change: &Change) -> Diagnostic {
    let message = format!("`{}` changed too, which was not asked for", named(&change.path));
    Diagnostic::error("changed-besides", message)
        .at(step.subject.place.clone())
        .hint("the service did it, or somebody else at the same time; look before anything else is written")
}
