//! Live state for all jobs of a run: collections side by side, and parents before their children.
//!
//! A collection whose scope is the id of a parent is asked for once that parent was read. Where the parent is not
//! there, nothing is read.
//! Deliberately absent: what is decided from it (`planning`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::{StreamExt, stream};

use super::fetch::{
    Emptiness, FetchOptions, FetchScope, FetchedGroup, JobGroup, ObjectJob, ReadOutcome, fetch_group,
    group_jobs,
};
use super::identity::check_identity;
use super::match_up::ObjectMatch;
use super::parents::ParentLookup;
use super::unmatched::UnmatchedGroup;
use super::{RunEvent, RunSession};
use crate::plan::PlanCollection;
use crate::remote::pager::ListCompleteness;
use crate::value::Value;

/// The most collections read at once; each target has its own limit below this.
const MAX_PARALLEL_COLLECTIONS: usize = 64;

/// What was read for each job; nothing where the run was stopped.
pub async fn fetch_all(session: &RunSession<'_>, jobs: &mut [ObjectJob<'_>]) -> Vec<Option<ReadOutcome>> {
    fetch_state(session, jobs, false).await.reads
}

/// What the collection of a job says beside the object of the job.
#[derive(Clone, Default)]
pub struct CollectionFacts {
    /// Whether it is believed to have no objects.
    pub emptiness: Emptiness,
    /// Another object that has the natural key of the document.
    pub key_holder: Option<Value>,
}

/// Live state as it was read.
pub struct FetchedState {
    /// One for each job, but for those that were let go of.
    pub reads: Vec<Option<ReadOutcome>>,
    /// The ids of objects that are unchanged and were let go of, by the number of the job.
    pub in_sync_ids: BTreeMap<usize, Value>,
    /// One for each job.
    pub facts: Vec<CollectionFacts>,
    /// The lists that were read, in an order that depends on the jobs alone.
    pub collections: Vec<PlanCollection>,
    /// Live objects that no job needs, list by list.
    pub unmatched: Vec<UnmatchedGroup>,
}

impl FetchedState {
    fn new(count: usize) -> Self {
        Self {
            reads: (0..count).map(|_| None).collect(),
            in_sync_ids: BTreeMap::new(),
            facts: vec![CollectionFacts::default(); count],
            collections: Vec::new(),
            unmatched: Vec::new(),
        }
    }

    /// The id of the object of a job, where it is there and the one that its document means.
    fn find_id(&self, session: &RunSession, jobs: &[ObjectJob], number: usize) -> Option<Value> {
        match self.reads.get(number)? {
            Some(ReadOutcome::Found(ObjectMatch::One(live))) => {
                let job = jobs.get(number)?;
                check_identity(session, job, &live.object).ok()?;
                live.object.get_field(job.document.kind.identity.id).cloned()
            }
            _ => self.in_sync_ids.get(&number).cloned(),
        }
    }

    fn add_group(&mut self, group: &JobGroup, fetched: FetchedGroup) {
        let FetchedGroup { reads, mut in_sync_ids, mut key_holders, completeness, others, similar, .. } =
            fetched;
        for (at, (number, read)) in group.jobs.iter().zip(reads).enumerate() {
            match in_sync_ids.remove(&at) {
                Some(id) => drop(self.in_sync_ids.insert(*number, id)),
                None => self.reads[*number] = Some(read),
            }
            let (emptiness, key_holder) = (fetched.emptiness.clone(), key_holders.remove(&at));
            self.facts[*number] = CollectionFacts { emptiness, key_holder };
        }
        self.collections.extend(completeness.map(|completeness| build_collection(group, &completeness)));
        self.unmatched.push(UnmatchedGroup::new(group, others, similar));
    }
}

/// Where it `settles`, of objects that are unchanged only the id is kept. Parents are read before their children.
pub async fn fetch_state(
    session: &RunSession<'_>,
    jobs: &mut [ObjectJob<'_>],
    settles: bool,
) -> FetchedState {
    (session.on_event)(RunEvent::Reading(jobs.len()));
    let mut state = FetchedState::new(jobs.len());
    let mut parents = ParentLookup::new(session, jobs);
    let mut open: BTreeSet<usize> = (0..jobs.len()).collect();
    loop {
        let ids: Vec<Option<Value>> = match parents.is_empty() {
            true => Vec::new(),
            false => (0..jobs.len()).map(|number| state.find_id(session, jobs, number)).collect(),
        };
        let find_id = |number: usize| ids.get(number).cloned().flatten();
        parents.read_left_out(session, &find_id).await;
        parents.resolve_scopes(jobs, session.index, &find_id);
        let (ready, waiting) = open.into_iter().partition(|number| jobs[*number].has_known_scope());
        open = waiting;
        if ready.is_empty() {
            parents.finish(session);
            return state;
        }
        fetch_groups(session, jobs, &ready, settles, &mut state).await;
    }
}

async fn fetch_groups(
    session: &RunSession<'_>,
    jobs: &[ObjectJob<'_>],
    ready: &BTreeSet<usize>,
    settles: bool,
    state: &mut FetchedState,
) {
    let groups = group_jobs(jobs).into_iter().map(|mut group| {
        group.jobs.retain(|number| ready.contains(number));
        group
    });
    let groups: Vec<JobGroup> = groups.filter(|group| !group.jobs.is_empty()).collect();
    let mut fetched = BTreeMap::new();
    let reads = groups
        .iter()
        .enumerate()
        .map(|(at, group)| async move { (at, read_group(session, group, jobs, settles).await) });
    let mut work = stream::iter(reads).buffer_unordered(MAX_PARALLEL_COLLECTIONS);
    while let Some((at, group)) = work.next().await {
        (session.on_event)(RunEvent::Read(group.reads.len().saturating_sub(group.reported)));
        fetched.insert(at, group);
    }
    drop(work);
    for (group, (_, fetched)) in groups.iter().zip(fetched) {
        state.add_group(group, fetched);
    }
}

fn build_collection(group: &JobGroup, completeness: &ListCompleteness) -> PlanCollection {
    PlanCollection {
        kind: Arc::clone(&group.kind),
        target: Arc::clone(&group.target),
        incomplete: completeness.reason().map(ToString::to_string),
    }
}

async fn read_group(
    session: &RunSession<'_>,
    group: &JobGroup,
    jobs: &[ObjectJob<'_>],
    settles: bool,
) -> FetchedGroup {
    let scope = if session.unmanaged { FetchScope::All } else { FetchScope::Needed };
    let options = FetchOptions { scope, drop_in_sync: settles, confirms_absence: true };
    match session.services.get(&group.target) {
        Some(service) if !session.stop.is_cancelled() => {
            fetch_group(service, group, jobs, options, session.on_event).await
        }
        _ => FetchedGroup::default(),
    }
}
