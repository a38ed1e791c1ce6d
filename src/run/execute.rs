//! Writing: each object is read again right before its write, written, read back and compared.
//!
//! Objects whose API can read one alone are dealt with side by side; of collections that can only be listed,
//! as many as are written side by side share the read before and the read after. So a write never waits for
//! another one between its read and itself; the price is 200 reads of the list for 1,000 updates, ten at a time.
//! A finding on one object stops no other, but for a service that changed what it was not asked to: then nothing
//! more is begun on that target.

mod attempts;
mod diagnostics;
pub(super) mod duplicates;
pub(super) mod first_creates;
mod former_objects;
mod read_back;
mod record;
mod replace;
mod send;
mod step_executor;
mod throttled;
mod verify;
mod write_result;

use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Instant;

use futures_util::{StreamExt, stream};

use self::diagnostics::{diagnose_partial_write, diagnose_unrecorded_outcome};
use self::record::{build_outcome, build_settled_outcomes, record_baselines, record_statuses, update_index};
pub use self::record::{build_unstarted_outcomes, finish_without_steps};
use self::step_executor::StepExecutor;
use self::write_result::{SendResult, VerifyOutcome};
use super::fetch::{JobGroup, ObjectJob, ReadOutcome, fetch_needed, group_jobs, group_some_jobs, read_one};
use super::match_up::ObjectMatch;
use super::outcome::{OutcomeStatus, StepOutcome};
use super::parents::settle_scopes;
use super::refer::{
    DependencyBlock, DependencyChecker, DependencyLookup, ReferentStatus, UnresolvedReferences,
    add_delete_edges, add_dependent_deletes, build_edges, compute_levels,
};
use super::{RunEvent, RunSession, lock_mutex};
use crate::diagnostic::Diagnostic;
use crate::kind::IdAssigner;
use crate::plan::{Plan, Step, StepAction};
use crate::remote::target_client::{CollectionRef, TargetClient};
use crate::value::Value;

/// The most collections written to at once; each target has its own limit below this.
const MAX_PARALLEL_COLLECTIONS: usize = 16;

/// Carries out a plan. One outcome for each object of the plan, in the order of the documents.
pub async fn execute_plan(session: &RunSession<'_>, plan: Plan, jobs: &[ObjectJob<'_>]) -> Vec<StepOutcome> {
    let mut jobs = jobs.to_vec();
    let jobs = &mut jobs;
    (session.on_event)(RunEvent::Writing(plan.steps.len()));
    session.stop.enable_grace();
    record_statuses(session, &plan, jobs);
    let mut outcomes = build_settled_outcomes(&plan);
    record_baselines(session, &plan, &mut outcomes);
    let mut steps: BTreeMap<usize, Step> =
        plan.steps.into_iter().map(|step| (step.subject.number, step)).collect();
    let (halted, doubted) = (Mutex::new(BTreeSet::new()), Mutex::new(BTreeSet::new()));
    let former = Mutex::new(BTreeMap::new());
    let subjects = steps.values().map(|step| &step.subject);
    let dependencies = DependencyLookup::new(jobs).with_children_by_id(jobs, subjects);
    for level in group_by_level(jobs, &steps) {
        let own: BTreeSet<usize> = level.iter().flat_map(|group| group.jobs.iter().copied()).collect();
        let blocked = settle_scopes(session.references, session.index, jobs, &own, &mut steps);
        let writer = StepExecutor {
            session,
            jobs,
            halted: &halted,
            doubted: &doubted,
            former: &former,
            dependencies: &dependencies,
        };
        let refused = writer.refuse_blocked(blocked, &steps).await;
        let groups = regroup_jobs(jobs, &own, &refused);
        outcomes.extend(refused);
        let mut work = stream::iter(groups.iter().map(|group| writer.execute_group(group, &steps)))
            .buffer_unordered(MAX_PARALLEL_COLLECTIONS);
        while let Some(written) = work.next().await {
            writer.record_created(&written);
            outcomes.extend(written);
        }
    }
    let writer = StepExecutor {
        session,
        jobs,
        halted: &halted,
        doubted: &doubted,
        former: &former,
        dependencies: &dependencies,
    };
    let mut outcomes = writer.delete_former_objects(outcomes, &steps).await;
    outcomes.sort_by_key(|outcome| outcome.subject.number);
    update_index(session, jobs, &mut outcomes);
    outcomes
}

/// The collections with the steps that can be carried out side by side: what others refer to is created before
/// them, and deleted after them.
pub(super) fn group_by_level<S: Borrow<Step>>(
    jobs: &[ObjectJob],
    steps: &BTreeMap<usize, S>,
) -> Vec<Vec<JobGroup>> {
    let created = |number: usize| steps.get(&number).is_some_and(|step| step.borrow().action.makes_new());
    let mut edges = build_edges(jobs, &created);
    add_delete_edges(&mut edges, steps);
    add_dependent_deletes(&mut edges, jobs, steps);
    let levels = compute_levels(&edges);
    let last = steps.keys().map(|number| levels[*number]).max();
    let mut turns: Vec<Vec<JobGroup>> = vec![Vec::new(); last.map_or(0, |last| last + 1)];
    for group in group_some_jobs(jobs, steps.keys().copied()) {
        let JobGroup { kind, target, scope, jobs } = group;
        let mut by_level: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        jobs.into_iter().for_each(|number| by_level.entry(levels[number]).or_default().push(number));
        for (level, jobs) in by_level {
            let (kind, target, scope) = (kind.clone(), target.clone(), scope.clone());
            turns[level].push(JobGroup { kind, target, scope, jobs });
        }
    }
    turns
}

/// The collections of jobs as they are by now, without those that are dealt with.
fn regroup_jobs(jobs: &[ObjectJob], own: &BTreeSet<usize>, done: &[StepOutcome]) -> Vec<JobGroup> {
    let done: BTreeSet<usize> = done.iter().map(|outcome| outcome.subject.number).collect();
    group_some_jobs(jobs, own.difference(&done).copied())
}

impl StepExecutor<'_, '_> {
    /// What became of objects to which others may refer, or on which they depend.
    fn record_created(&self, outcomes: &[StepOutcome]) {
        let is_open =
            |own: &&StepOutcome| !matches!(own.status, OutcomeStatus::Done | OutcomeStatus::Unchanged);
        for outcome in outcomes.iter().filter(is_open) {
            self.session.references.blocked.block(outcome.subject.number, DependencyBlock::Failed);
        }
        for outcome in outcomes.iter().filter(|own| own.action.is_some_and(StepAction::makes_new)) {
            let answered = outcome.subject.kind.identity.id_assigned_by == IdAssigner::Server;
            let standing = match (&outcome.status, &outcome.subject.id) {
                (OutcomeStatus::Done, Some(id)) => ReferentStatus::Known(id.clone()),
                // it is there, though not as it should be
                (OutcomeStatus::Failed(_) | OutcomeStatus::Partial(_), Some(id)) if answered => {
                    ReferentStatus::Known(id.clone())
                }
                (OutcomeStatus::Unknown(_), _) => ReferentStatus::Unread,
                // somebody else created it, which was seen
                (OutcomeStatus::Unchanged, _) => continue,
                _ => ReferentStatus::Refused,
            };
            self.session.references.set_status(&self.jobs[outcome.subject.number], standing);
        }
    }

    /// Why nothing is written of an object whose dependencies did not come about.
    fn check_dependencies(&self, step: &Step) -> Vec<Diagnostic> {
        let RunSession { index, references, .. } = self.session;
        let (jobs, lookup, blocked) = (self.jobs, self.dependencies, &references.blocked);
        DependencyChecker { jobs, lookup, index, blocked }.check_job(step.subject.number)
    }

    /// Ends the steps of objects whose parents are not there.
    async fn refuse_blocked(
        &self,
        blocked: Vec<(usize, UnresolvedReferences)>,
        steps: &BTreeMap<usize, Step>,
    ) -> Vec<StepOutcome> {
        let refuse = |(number, unresolved): (usize, UnresolvedReferences)| {
            Some(self.end_step(steps.get(&number)?, OutcomeStatus::Refused(unresolved.reasons)))
        };
        let refused = self.journal_outcomes(blocked.into_iter().filter_map(refuse).collect(), steps).await;
        self.record_created(&refused);
        refused
    }

    async fn execute_group(&self, group: &JobGroup, steps: &BTreeMap<usize, Step>) -> Vec<StepOutcome> {
        let Some(service) = self.session.services.get(&group.target) else { return Vec::new() };
        let mut rest = group.clone();
        let mut outcomes = self.refuse_doubted(&mut rest, steps).await;
        let first = self.execute_first_creates(service, &mut rest, steps).await;
        outcomes.extend(first.recorded);
        outcomes.extend(self.refuse_doubted(&mut rest, steps).await);
        let group = &rest;
        let (chunk, side_by_side) = compute_chunking(service, group);
        let chunks =
            group.jobs.chunks(chunk).map(|numbers| self.execute_chunk(service, group, numbers, steps));
        // who waits for the disk alone keeps nobody from beginning
        let done = stream::iter(chunks)
            .buffer_unordered(side_by_side)
            .map(|chunk| self.journal_settled(chunk, steps));
        let parts: Vec<SettledChunk> = done.buffer_unordered(group.jobs.len().max(1)).collect().await;
        let mut created = first.created;
        for part in parts {
            outcomes.extend(part.recorded);
            created.extend(part.created);
        }
        let created = self.check_duplicates(service, group, created).await;
        outcomes.extend(self.journal_outcomes(created, steps).await);
        outcomes
    }

    /// Tells what became of objects, but for those whose natural keys are to be looked for.
    async fn journal_settled(&self, chunk: ChunkResult, steps: &BTreeMap<usize, Step>) -> SettledChunk {
        match chunk {
            ChunkResult::NotStarted(recorded) => SettledChunk { recorded, created: Vec::new() },
            ChunkResult::Done(outcomes) => {
                let (created, others) =
                    outcomes.into_iter().partition(|outcome| self.needs_duplicate_check(outcome));
                SettledChunk { recorded: self.journal_outcomes(others, steps).await, created }
            }
        }
    }

    /// Tells what became of objects when it is on record.
    async fn journal_outcomes(
        &self,
        mut outcomes: Vec<StepOutcome>,
        steps: &BTreeMap<usize, Step>,
    ) -> Vec<StepOutcome> {
        let note = |outcome: &StepOutcome| self.session.journal.map(|journal| journal.record_result(outcome));
        // an object whose former one is still to be deleted has not ended
        let mut ended: Vec<&mut StepOutcome> =
            outcomes.iter_mut().filter(|outcome| !self.has_former(outcome.subject.number)).collect();
        let pending: Vec<_> = ended.iter().map(|outcome| note(outcome)).collect();
        for (outcome, pending) in ended.iter_mut().zip(pending) {
            let noted = match pending {
                Some(Ok(pending)) => pending.wait_until_written().await,
                Some(Err(error)) => Err(error),
                None => Ok(()),
            };
            if let (Err(error), Some(step)) = (noted, steps.get(&outcome.subject.number)) {
                outcome.findings.push(diagnose_unrecorded_outcome(step, &error));
            }
            (self.session.on_event)(RunEvent::Ended(outcome));
        }
        outcomes
    }

    /// A few objects: read, write, read back.
    async fn execute_chunk(
        &self,
        service: &TargetClient,
        group: &JobGroup,
        numbers: &[usize],
        steps: &BTreeMap<usize, Step>,
    ) -> ChunkResult {
        let chosen: Vec<&Step> = numbers.iter().filter_map(|number| steps.get(number)).collect();
        let began = Instant::now();
        if self.is_stopped(service) {
            return ChunkResult::NotStarted(
                chosen.iter().map(|step| self.end_step(step, OutcomeStatus::NotStarted)).collect(),
            );
        }
        chosen.iter().for_each(|step| (self.session.on_event)(RunEvent::Started(step)));
        let of = CollectionRef { kind: &group.kind, scope: &group.scope };
        let (replaced, chosen): (Vec<&Step>, Vec<&Step>) =
            chosen.into_iter().partition(|step| step.replacement.is_some());
        let mut outcomes = self.replace_objects(service, of, &replaced).await;
        let jobs: Vec<ObjectJob> = chosen.iter().map(|step| self.build_job(step, None)).collect();
        let before = read_all(service, of, &jobs).await;
        let writes = chosen.iter().zip(&jobs).zip(before);
        let writes = writes.map(|((step, job), read)| self.write_object(service, step, job, read));
        let mut written: Vec<SendResult> =
            stream::iter(writes).buffered(get_parallelism(service)).collect().await;
        let reads = self.read_back(service, of, &chosen, &mut written).await;
        for ((step, written), read) in chosen.iter().zip(written).zip(reads) {
            outcomes.push(self.conclude_step(service, step, written, read).await);
        }
        let millis = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        outcomes.iter_mut().for_each(|outcome| outcome.millis = millis);
        ChunkResult::Done(outcomes)
    }

    /// What a write that was read back came to, with the requests that are still to follow.
    async fn conclude_step(
        &self,
        service: &TargetClient,
        step: &Step,
        mut written: SendResult,
        read: Option<ReadOutcome>,
    ) -> StepOutcome {
        let of = CollectionRef { kind: &step.subject.kind, scope: &step.subject.scope };
        self.wait_until_recorded(step, &mut written).await;
        match self.verify_write(step, written, read) {
            VerifyOutcome::Finished(outcome) => *outcome,
            VerifyOutcome::Unfinished(outcome, rest) => self.finish_step(service, of, *outcome, rest).await,
        }
    }

    /// Reads what an object that was read back needs to be compared.
    async fn fetch_lookups(&self, service: &TargetClient, step: &Step, read: &Option<ReadOutcome>) {
        if let Some(ReadOutcome::Found(ObjectMatch::One(live))) = read {
            self.session.references.fetch_lookups(service, &self.jobs[step.subject.number], Some(live)).await;
        }
    }

    /// What the first request of a step does not take: one request after the other.
    async fn finish_step(
        &self,
        service: &TargetClient,
        of: CollectionRef<'_>,
        mut first: StepOutcome,
        mut rest: Box<Step>,
    ) -> StepOutcome {
        for _ in 0..=rest.subject.kind.operations.updates.len() {
            match self.send_followup(service, of, first, &rest).await {
                VerifyOutcome::Finished(outcome) => return *outcome,
                VerifyOutcome::Unfinished(outcome, next) => (first, rest) = (*outcome, next),
            }
        }
        let message = "the updates of this object do not come to an end";
        let reason = Diagnostic::error("not-kept", message).with_location(rest.subject.place.clone());
        let hint = "plan again; look for fields that two updates of the kind change";
        first.status = OutcomeStatus::Failed(vec![reason.with_hint(hint)]);
        // what was sent so far was carried out
        mark_partial(&mut first, &rest);
        first
    }

    async fn send_followup(
        &self,
        service: &TargetClient,
        of: CollectionRef<'_>,
        first: StepOutcome,
        rest: &Step,
    ) -> VerifyOutcome {
        let created = first.action == Some(StepAction::Create);
        let job = ObjectJob { just_created: created, ..self.build_job(rest, rest.subject.id.as_ref()) };
        let sent = match rest.subject.kind.operations.if_match {
            // what is bound to a state is made from the object in that state
            Some(_) => {
                let before = read_one(service, of, &job).await;
                self.write_object(service, rest, &job, before).await
            }
            None => self.send_step(service, rest, &job, None).await,
        };
        let mut written = [sent];
        let read = self.read_back(service, of, &[rest], &mut written).await.into_iter().next().flatten();
        let [mut written] = written;
        self.wait_until_recorded(rest, &mut written).await;
        let mut verified = self.verify_write(rest, written, read);
        let (VerifyOutcome::Finished(outcome) | VerifyOutcome::Unfinished(outcome, _)) = &mut verified;
        outcome.action = first.action;
        outcome.attempts += first.attempts;
        outcome.findings.splice(0..0, first.findings);
        outcome.after_digest = outcome.after_digest.take().or(first.after_digest);
        if let VerifyOutcome::Finished(outcome) = &mut verified {
            mark_partial(outcome, rest);
        }
        verified
    }

    fn build_job(&self, step: &Step, id: Option<&Value>) -> ObjectJob<'_> {
        let job = build_step_job(self.jobs, step, id);
        // an id that an earlier create answered may be another object's by now
        let is_other =
            |id: &Value| lock_mutex(self.session.index).find_other_name(&step.subject, id).is_some();
        match step.action {
            StepAction::Create if id.is_none() => {
                ObjectJob { known_id: job.known_id.clone().filter(|known| !is_other(known)), ..job }
            }
            _ => job,
        }
    }

    /// Whether nothing more is begun there; said where nobody has said it yet.
    fn is_stopped(&self, service: &TargetClient) -> bool {
        let (stop, target) = (self.session.stop, &service.target.name);
        if stop.is_cancelled() {
            let code = if stop.is_interrupted() { "interrupted" } else { "run-timeout" };
            (self.session.on_event)(RunEvent::Halted(None, code));
            return true;
        }
        let gone = service.find_permanent_failure();
        if let Some(why) = &gone {
            (self.session.on_event)(RunEvent::Halted(Some(target), why.code));
        }
        gone.is_some() || lock_mutex(self.halted).contains(target)
    }

    fn end_step(&self, step: &Step, ending: OutcomeStatus) -> StepOutcome {
        build_outcome(&step.subject, Some(step.action), ending)
    }
}

/// How an object ends whose earlier requests were carried out, when a later one was the last.
fn mark_partial(outcome: &mut StepOutcome, rest: &Step) {
    outcome.status = match std::mem::replace(&mut outcome.status, OutcomeStatus::Done) {
        // by now there is nothing left to write
        OutcomeStatus::Done | OutcomeStatus::Unchanged => OutcomeStatus::Done,
        OutcomeStatus::Unknown(reasons) => OutcomeStatus::Unknown(reasons),
        ending => {
            if outcome.lost_changes.is_empty() {
                outcome.lost_changes.clone_from(&rest.changes);
            }
            outcome.findings.push(diagnose_partial_write(rest));
            OutcomeStatus::Partial(Box::new(ending))
        }
    };
}

/// What became of a few objects.
enum ChunkResult {
    /// Their turn did not come.
    NotStarted(Vec<StepOutcome>),
    Done(Vec<StepOutcome>),
}

/// What became of a few objects, as far as it is on record.
#[derive(Default)]
struct SettledChunk {
    recorded: Vec<StepOutcome>,
    /// Created objects whose natural keys are to be looked for.
    created: Vec<StepOutcome>,
}

/// The job of a step, with the id that is known by now.
pub(super) fn build_step_job<'d>(jobs: &[ObjectJob<'d>], step: &Step, id: Option<&Value>) -> ObjectJob<'d> {
    let job = &jobs[step.subject.number];
    let own_id = id.or(step.subject.id.as_ref());
    let just_created = job.just_created || step.action == StepAction::Create;
    match &step.replacement {
        // what is known beside is the id of the other one of the two objects
        Some(own) => ObjectJob {
            known_id: own_id.cloned(),
            just_created,
            excluded_id: own.other_id.clone(),
            ..job.clone()
        },
        None => {
            let known_id = own_id.or(job.known_id.as_ref()).cloned();
            ObjectJob { known_id, just_created, ..job.clone() }
        }
    }
}

fn get_parallelism(service: &TargetClient) -> usize {
    service.target.parallelism.max(1) as usize
}

/// How many objects of a collection share their reads, and how many such portions are dealt with side by side.
pub(super) fn compute_chunking(service: &TargetClient, group: &JobGroup) -> (usize, usize) {
    let width = get_parallelism(service);
    if group.kind.operations.get.is_some() { (1, width) } else { (width, 1) }
}

/// Reads the objects of these jobs, each alone where the API can.
async fn read_all(service: &TargetClient, of: CollectionRef<'_>, jobs: &[ObjectJob<'_>]) -> Vec<ReadOutcome> {
    match jobs {
        [] => Vec::new(),
        [job] => vec![read_one(service, of, job).await],
        several => {
            let Some(group) = group_jobs(several).into_iter().next() else { return Vec::new() };
            fetch_needed(service, &group, several).await.reads
        }
    }
}
