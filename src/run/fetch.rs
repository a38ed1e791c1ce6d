//! Reading live state: which objects the documents need, by the fewest requests that the API allows.
//!
//! Documents of one target, kind and scope share a collection. A handful is read one by one where the API can;
//! otherwise the list is read once, however many documents need it, and what none needs is dropped as it comes. A
//! list whose first page tells that it has more pages than there are documents is left at that.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::{StreamExt, stream};

use super::RunEvent;
use super::match_up::{ObjectMatch, ObjectMatcher, build_desired_key, build_live_key, find_desired_value};
use crate::document::Document;
use crate::kind::{Kind, ScalarType};
use crate::remote::target_client::{CollectionRef, RequestError, TargetClient};
use crate::remote::wire::Snapshot;
use crate::value::{Object, Value};

/// Up to so many documents of one collection are read one by one.
const MAX_SINGLE_READS: usize = 5;
/// Objects that were found are told in such portions.
const PROGRESS_BATCH_SIZE: usize = 100;

/// One document with where its object lives.
#[derive(Clone)]
pub struct ObjectJob<'d> {
    pub document: &'d Document,
    /// Scope values by the number of the parameter, complete.
    pub scope: Vec<Value>,
    pub target: Arc<str>,
    /// The id known from elsewhere than the document.
    pub known_id: Option<Value>,
    /// A create of ours has not been finished yet.
    pub just_created: bool,
}

/// Documents that share a collection.
pub struct JobGroup {
    pub kind: Arc<Kind>,
    pub target: Arc<str>,
    pub scope: Vec<Value>,
    /// Numbers of jobs.
    pub jobs: Vec<usize>,
}

/// What was read for one job.
pub enum ReadOutcome {
    Found(ObjectMatch),
    /// Why it could not be read; shared by all jobs of a collection.
    Failed(Arc<RequestError>),
}

/// Sorts jobs into groups, in an order that depends on the jobs alone.
pub fn group_jobs(jobs: &[ObjectJob]) -> Vec<JobGroup> {
    let mut groups: BTreeMap<(Arc<str>, Arc<str>, String), JobGroup> = BTreeMap::new();
    for (number, job) in jobs.iter().enumerate() {
        let kind = &job.document.kind;
        let scope: Vec<String> =
            job.scope.iter().map(|value| ScalarType::render_url_text(value, &kind.api)).collect();
        let key = (job.target.clone(), kind.name.clone(), scope.join("\u{1f}"));
        let group = groups.entry(key).or_insert_with(|| JobGroup {
            kind: kind.clone(),
            target: job.target.clone(),
            scope: job.scope.clone(),
            jobs: Vec::new(),
        });
        group.jobs.push(number);
    }
    groups.into_values().collect()
}

/// What was read for one group.
#[derive(Default)]
pub struct FetchedGroup {
    /// One for each job of the group, in their order.
    pub reads: Vec<ReadOutcome>,
    /// The ids of objects that were let go of as they are unchanged, by the place of the job in the group; their
    /// reads say that nothing was found.
    pub in_sync_ids: BTreeMap<usize, Value>,
    /// The service showed no objects at all, and nothing says that there really are none.
    pub empty: bool,
    /// Live objects that no job needs; only where all were asked for.
    pub others: Vec<Object>,
    /// How many of the reads were told on the way.
    pub reported: usize,
}

/// How a collection is read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum FetchScope {
    /// What the jobs need.
    Needed,
    /// All of it, also what no job needs.
    All,
}

/// Reads what one group needs, by the fewest requests.
pub async fn fetch_needed(service: &TargetClient, group: &JobGroup, jobs: &[ObjectJob<'_>]) -> FetchedGroup {
    let how = FetchOptions { scope: FetchScope::Needed, drop_in_sync: false };
    fetch_group(service, group, jobs, how, &|_| {}).await
}

/// How a group is read.
#[derive(Clone, Copy)]
pub struct FetchOptions {
    pub scope: FetchScope,
    /// Whether of objects that are unchanged only the id is of interest.
    pub drop_in_sync: bool,
}

/// Reads one group; `tell` hears now and then how many objects more were found.
pub async fn fetch_group(
    service: &TargetClient,
    group: &JobGroup,
    jobs: &[ObjectJob<'_>],
    FetchOptions { scope: reach, drop_in_sync: settles }: FetchOptions,
    tell: &(dyn Fn(RunEvent) + Sync),
) -> FetchedGroup {
    let own: Vec<&ObjectJob> = group.jobs.iter().map(|number| &jobs[*number]).collect();
    let of = CollectionRef { kind: &group.kind, scope: &group.scope };
    if reach == FetchScope::Needed && can_read_each(&own) {
        return fetch_each(service, of, &own, tell).await;
    }
    let documents: Vec<&Document> = own.iter().map(|job| job.document).collect();
    let ids: Vec<Option<Value>> = own.iter().map(|job| job.known_id.clone()).collect();
    // others may be told by what stands in an object whose documents look things up
    let settles = settles && !documents.iter().any(|document| document.needs_lookup());
    let mut matching = ObjectMatcher::new(&group.kind, &documents, &ids).with_drop_in_sync(settles);
    let (mut empty, mut others, mut told) = (true, Vec::new(), 0);
    let mut take = |live: Snapshot| {
        empty = false;
        match matching.offer_object(live) {
            Some(unneeded) if reach == FetchScope::All => others.push(unneeded.object),
            Some(_) => {}
            None if own.len() - matching.count_open() >= told + PROGRESS_BATCH_SIZE => {
                told += PROGRESS_BATCH_SIZE;
                tell(RunEvent::Read(PROGRESS_BATCH_SIZE));
            }
            None => {}
        }
    };
    let alone = reach == FetchScope::Needed && own.iter().all(|job| can_read_alone(job));
    let most = if alone { own.len() as u64 } else { u64::MAX };
    match service.list_objects_within(of, most, &mut take).await {
        Ok(None) => fetch_each(service, of, &own, tell).await,
        Ok(Some(_)) => {
            let doubtful = empty && !service.check_access(of).await;
            let agreed = matching.take_in_sync_ids();
            let reads = matching.into_found().into_iter().map(ReadOutcome::Found).collect();
            FetchedGroup { reads, in_sync_ids: agreed, empty: doubtful, others, reported: told }
        }
        Err(trouble) => {
            let trouble = Arc::new(trouble);
            let reads = own.iter().map(|_| ReadOutcome::Failed(trouble.clone())).collect();
            FetchedGroup { reads, reported: told, ..FetchedGroup::default() }
        }
    }
}

async fn fetch_each(
    service: &TargetClient,
    of: CollectionRef<'_>,
    jobs: &[&ObjectJob<'_>],
    tell: &(dyn Fn(RunEvent) + Sync),
) -> FetchedGroup {
    let width = service.target.parallelism.max(1) as usize;
    let mut coming = stream::iter(jobs.iter().map(|job| read_one(service, of, job))).buffered(width);
    let (mut reads, mut told) = (Vec::with_capacity(jobs.len()), 0);
    while let Some(read) = coming.next().await {
        reads.push(read);
        if reads.len() >= told + PROGRESS_BATCH_SIZE {
            told += PROGRESS_BATCH_SIZE;
            tell(RunEvent::Read(PROGRESS_BATCH_SIZE));
        }
    }
    FetchedGroup { reads, reported: told, ..FetchedGroup::default() }
}

/// Whether these objects of one collection are read one by one without a look at the list.
pub(super) fn can_read_each(jobs: &[&ObjectJob]) -> bool {
    jobs.len() <= MAX_SINGLE_READS && jobs.iter().all(|job| can_read_alone(job))
}

/// Whether the API can read this one object without its collection.
fn can_read_alone(job: &ObjectJob) -> bool {
    let operations = &job.document.kind.operations;
    match find_id(job) {
        Some(_) => operations.get.is_some(),
        None => build_find_key(&job.document.kind, job.document).is_some(),
    }
}

/// The natural key of a document, where the API can be asked for just that.
pub(super) fn build_find_key(kind: &Kind, document: &Document) -> Option<String> {
    let find = kind.operations.find.as_ref()?;
    let except = find.except.as_deref().unwrap_or_default();
    let sayable = |(_, value): (String, Value)| {
        !ScalarType::render_url_text(&value, &kind.api).contains(|c| except.contains(c))
    };
    build_desired_key(kind, document).filter(|_| collect_key_values(kind, document).into_iter().all(sayable))
}

pub(super) fn find_id<'j>(job: &'j ObjectJob) -> Option<&'j Value> {
    job.document.id.as_ref().or(job.known_id.as_ref())
}

/// Reads the object of one job, alone where the API can.
pub async fn read_one(service: &TargetClient, of: CollectionRef<'_>, job: &ObjectJob<'_>) -> ReadOutcome {
    match try_read_one(service, of, job).await {
        Ok(found) => ReadOutcome::Found(found),
        Err(trouble) => ReadOutcome::Failed(Arc::new(trouble)),
    }
}

async fn try_read_one(
    service: &TargetClient,
    of: CollectionRef<'_>,
    job: &ObjectJob<'_>,
) -> Result<ObjectMatch, RequestError> {
    if let Some(id) = find_id(job).filter(|_| of.kind.operations.get.is_some()) {
        let live = service.get_object(of, id).await?;
        // an id that only we remember may be stale: the natural key finds what took its place
        if live.is_some() || job.document.id.is_some() || build_desired_key(of.kind, job.document).is_none() {
            return Ok(live.map_or(ObjectMatch::Nothing, |live| ObjectMatch::One(Box::new(live))));
        }
    }
    let mut matching = ObjectMatcher::new(of.kind, &[job.document], std::slice::from_ref(&job.known_id));
    let key = build_find_key(of.kind, job.document).filter(|_| job.document.id.is_none());
    match key {
        // a service that does not know the filter may answer with everybody: each hit is held against the key
        Some(key) => {
            let mut others = false;
            let mut take = |live: Snapshot| match build_live_key(of.kind, &live.object).as_ref() == Some(&key)
            {
                true => drop(matching.offer_object(live)),
                false => others = true,
            };
            let whole =
                service.find_by_key(of, &collect_key_values(of.kind, job.document), &mut take).await?;
            if others || !whole {
                service.list_objects(of, &mut |live| drop(matching.offer_object(live))).await?;
            }
        }
        None => {
            service.list_objects(of, &mut |live| drop(matching.offer_object(live))).await?;
        }
    }
    Ok(matching.into_found().pop().unwrap_or_default())
}

/// The values of the natural key, by the names that the filter's template uses.
fn collect_key_values(kind: &Kind, document: &Document) -> Vec<(String, Value)> {
    let values = kind.identity.natural_key.iter().map(|path| find_desired_value(&document.spec, path));
    let named = kind.list_natural_key_names().into_iter().zip(values);
    named.filter_map(|(name, value)| Some((name, value?.clone()))).collect()
}
