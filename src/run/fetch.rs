//! Reading live state: which objects the documents need, by the fewest requests that the API allows.
//!
//! Documents of one target, kind and scope share a collection. A handful is read one by one where the API can;
//! otherwise the list is read once, however many documents need it, and what none needs is dropped as it comes. A
//! list whose first page says that it has more pages than there are documents is not read further. What an
//! incomplete list lacks is read one by one; where the API cannot, it stays unknown.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::{StreamExt, stream};

use super::RunEvent;
use super::match_up::{ObjectMatch, ObjectMatcher};
use super::natural_key::{UnmatchedObject, build_desired_key, build_live_key};
use crate::document::{Document, DocumentState};
use crate::kind::Kind;
use crate::kind::file::ListShows;
use crate::remote::pager::{IncompleteReason, ListCompleteness};
use crate::remote::target_client::{
    AccessCheck, CollectionRef, ListEvent, ListReading, RequestError, TargetClient,
};
use crate::remote::wire::Snapshot;
use crate::value::Value;

pub use super::object_job::{JobGroup, ObjectJob, ReadOutcome, group_jobs, group_some_jobs};
pub(super) use super::single_read::{
    build_find_key, can_read_alone, can_read_each, collect_key_values, find_id,
};
pub use super::single_read::{build_key_job, is_duplicate_checked};

/// So many objects that no document needs are kept where one of them may be what a create means.
const MAX_KEPT_OTHERS: usize = 1000;
/// Objects that were found are reported in such portions.
const PROGRESS_BATCH_SIZE: usize = 100;

/// What was read for one group.
#[derive(Default)]
pub struct FetchedGroup {
    /// One for each job of the group, in their order.
    pub reads: Vec<ReadOutcome>,
    /// The ids of objects that were let go of as they are unchanged, by the place of the job in the group; their
    /// reads say that nothing was found.
    pub in_sync_ids: BTreeMap<usize, Value>,
    /// Whether an empty list can be believed.
    pub emptiness: Emptiness,
    /// Whether the list was read to its end; none where it was not read.
    pub completeness: Option<ListCompleteness>,
    /// Live objects that no job needs: all where all were asked for, else some of those that a create may mean.
    pub others: Vec<UnmatchedObject>,
    /// The ids of objects that have the natural key of a document whose object has another id, by the place of the
    /// job in the group.
    pub key_holders: BTreeMap<usize, Value>,
    /// Those whose natural key is almost that of a document, by the place of the job in the group.
    pub similar: BTreeMap<usize, Vec<UnmatchedObject>>,
    /// How many of the reads were reported on the way.
    pub reported: usize,
}

/// Whether a collection has no objects.
#[derive(Default, Clone)]
pub enum Emptiness {
    /// It has objects, or surely none.
    #[default]
    Certain,
    /// The list is empty, and nothing says that there really are none.
    Doubtful,
    /// The list is empty, and the check of the access failed.
    Denied(Arc<RequestError>),
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
    let how = FetchOptions { scope: FetchScope::Needed, drop_in_sync: false, confirms_absence: false };
    fetch_group(service, group, jobs, how, &|_| {}).await
}

/// How a group is read.
#[derive(Clone, Copy)]
pub struct FetchOptions {
    pub scope: FetchScope,
    /// Whether of objects that are unchanged only the id is of interest.
    pub drop_in_sync: bool,
    /// Whether the list is looked at too before an object counts as absent.
    pub confirms_absence: bool,
}

/// Reads one group; `tell` receives now and then how many more objects were found.
pub async fn fetch_group(
    service: &TargetClient,
    group: &JobGroup,
    jobs: &[ObjectJob<'_>],
    options: FetchOptions,
    tell: &(dyn Fn(RunEvent) + Sync),
) -> FetchedGroup {
    let own: Vec<&ObjectJob> = group.jobs.iter().map(|number| &jobs[*number]).collect();
    let of = CollectionRef { kind: &group.kind, scope: &group.scope };
    if !of.kind.operations.is_listed {
        return fetch_each(service, of, &own, tell).await;
    }
    let mut alone = options.scope == FetchScope::Needed && own.iter().all(|job| can_read_alone(job));
    let mut fetched = None;
    if options.scope == FetchScope::Needed && can_read_each(&own) {
        let each = fetch_each(service, of, &own, tell).await;
        let reads = || own.iter().zip(&each.reads);
        if !options.confirms_absence || !reads().any(|(job, read)| job.needs_list(read)) {
            return each;
        }
        alone = !reads().any(|(job, read)| job.needs_whole_list(read));
        fetched = Some(each);
    }
    let mut reading = CollectionReading::new(of.kind, &own, options);
    let most = if alone { own.len() as u64 } else { u64::MAX };
    match service.list_objects_within(of, most, &mut |event| reading.take_event(event, tell)).await {
        Ok(ListReading::TooLong) => {
            let each = match fetched {
                Some(each) => each,
                None => fetch_each(service, of, &own, tell).await,
            };
            apply_first_page(service, of, reading, each).await
        }
        Ok(ListReading::Done(completeness)) => finish_list(service, of, reading, completeness).await,
        Err(error) => {
            let error = Arc::new(error);
            let mut fetched = fetched.unwrap_or_else(|| FetchedGroup {
                reads: own.iter().map(|_| ReadOutcome::Found(ObjectMatch::Nothing)).collect(),
                reported: reading.reported,
                ..FetchedGroup::default()
            });
            // what was read by itself needs no list
            for (job, read) in own.iter().zip(&mut fetched.reads) {
                let is_missing = matches!(read, ReadOutcome::Found(ObjectMatch::Nothing));
                if is_missing || job.needs_list(read) {
                    *read = ReadOutcome::Failed(Arc::clone(&error));
                }
            }
            fetched
        }
    }
}

/// A list that is being read.
struct CollectionReading<'j, 'd> {
    kind: &'j Kind,
    jobs: &'j [&'j ObjectJob<'d>],
    options: FetchOptions,
    matcher: ObjectMatcher<'j>,
    is_empty: bool,
    others: Vec<UnmatchedObject>,
    reported: usize,
}

impl<'j, 'd> CollectionReading<'j, 'd> {
    fn new(kind: &'j Kind, jobs: &'j [&'j ObjectJob<'d>], options: FetchOptions) -> Self {
        let documents: Vec<&Document> = jobs.iter().map(|job| job.document).collect();
        let ids: Vec<Option<Value>> = jobs.iter().map(|job| job.known_id.clone()).collect();
        // documents that look things up may need what other objects hold
        let is_summary = kind.operations.list.shows == ListShows::Summary;
        let drops =
            options.drop_in_sync && !is_summary && !documents.iter().any(|document| document.needs_lookup());
        let unique = jobs.iter().enumerate().filter(|(_, job)| is_unique_unknown(job)).map(|(at, _)| at);
        let mut matcher =
            ObjectMatcher::new(kind, &documents, &ids).with_drop_in_sync(drops).with_unique(unique);
        for (number, job) in jobs.iter().enumerate() {
            job.excluded_id.iter().for_each(|id| matcher.exclude(number, id));
        }
        Self { kind, jobs, options, matcher, is_empty: true, others: Vec::new(), reported: 0 }
    }

    fn take_event(&mut self, event: ListEvent, tell: &(dyn Fn(RunEvent) + Sync)) {
        let live = match event {
            ListEvent::Object(live) => live,
            ListEvent::Restarted => {
                let reported = self.reported;
                *self = Self { reported, ..Self::new(self.kind, self.jobs, self.options) };
                return;
            }
        };
        self.is_empty = false;
        match self.matcher.offer_object(live) {
            // what the service brings along is in no document
            Some(unneeded) if self.kind.is_built_in(&unneeded.object) => {}
            Some(unneeded) if self.others.len() < self.count_kept_others() => {
                self.others.push(UnmatchedObject::from_object(self.kind, &unneeded.object));
            }
            Some(_) => {}
            None if self.jobs.len() - self.matcher.count_open() >= self.reported + PROGRESS_BATCH_SIZE => {
                self.reported += PROGRESS_BATCH_SIZE;
                tell(RunEvent::Read(PROGRESS_BATCH_SIZE));
            }
            None => {}
        }
    }
}

impl CollectionReading<'_, '_> {
    /// How many objects that no job needs are kept: a create of what cannot be deleted may mean one of them.
    fn count_kept_others(&self) -> usize {
        match self.options.scope {
            FetchScope::All => usize::MAX,
            FetchScope::Needed if self.kind.operations.delete.is_none() => MAX_KEPT_OTHERS,
            FetchScope::Needed => 0,
        }
    }
}

/// What the first page of a list that is not read further says of objects that were read by themselves: it may show
/// what a filter does not find, and one without objects does not show that the credentials see any.
async fn apply_first_page(
    service: &TargetClient,
    of: CollectionRef<'_>,
    mut reading: CollectionReading<'_, '_>,
    mut each: FetchedGroup,
) -> FetchedGroup {
    if reading.is_empty {
        each.emptiness = check_emptiness(service, of).await;
    }
    let mut in_sync = reading.matcher.take_in_sync_ids();
    for (at, (read, found)) in each.reads.iter_mut().zip(reading.matcher.into_found()).enumerate() {
        let is_missing = matches!(read, ReadOutcome::Found(ObjectMatch::Nothing));
        let is_shown = !matches!(found, ObjectMatch::Nothing);
        if is_missing && is_shown {
            *read = match complete_match(service, of, found).await {
                Ok(found) => ReadOutcome::Found(found),
                Err(error) => ReadOutcome::Failed(Arc::new(error)),
            };
        } else if is_missing && let Some(id) = in_sync.remove(&at) {
            each.in_sync_ids.insert(at, id);
        }
    }
    each
}

/// What follows from a list that was read to its end, or as far as it goes.
async fn finish_list(
    service: &TargetClient,
    of: CollectionRef<'_>,
    mut reading: CollectionReading<'_, '_>,
    mut completeness: ListCompleteness,
) -> FetchedGroup {
    let in_sync_ids = reading.matcher.take_in_sync_ids();
    let duplicates = reading.matcher.take_duplicates();
    let similar = reading.matcher.take_similar();
    let key_holders = reading.matcher.take_key_holders();
    let unreadable = reading.matcher.count_unreadable();
    let mut reads: Vec<ReadOutcome> =
        reading.matcher.into_found().into_iter().map(ReadOutcome::Found).collect();
    complete_reads(service, of, &mut reads).await;
    if completeness.is_complete() && unreadable > 0 {
        completeness = ListCompleteness::Incomplete(IncompleteReason::UnreadableItems(unreadable));
    }
    if completeness.is_complete()
        && find_missing_known(service, of, reading.jobs, &mut reads, &in_sync_ids).await
    {
        completeness = ListCompleteness::Incomplete(IncompleteReason::MissingObject);
    }
    let emptiness = match reading.is_empty {
        true => check_emptiness(service, of).await,
        false => Emptiness::Certain,
    };
    match completeness.reason() {
        None => {}
        Some(reason) => {
            reading.others.clear();
            let unknown = reading.jobs.iter().zip(&mut reads).enumerate();
            let unknown =
                unknown.filter(|(at, (job, read))| !in_sync_ids.contains_key(at) && !is_certain(job, read));
            let width = service.target.parallelism.max(1) as usize;
            let again = unknown.map(|(_, (job, read))| reread_alone(service, of, job, read, reason));
            stream::iter(again).buffer_unordered(width).collect::<()>().await;
        }
    }
    if reading.options.scope == FetchScope::All && completeness.is_complete() {
        let name = |live: Snapshot| UnmatchedObject::from_object(of.kind, &live.object);
        reading.others.extend(duplicates.into_iter().map(name));
    }
    let (others, reported) = (reading.others, reading.reported);
    FetchedGroup {
        reads,
        in_sync_ids,
        emptiness,
        completeness: Some(completeness),
        others,
        key_holders,
        similar,
        reported,
    }
}

/// Reads the objects with known ids that a list does not show; whether one of them is there all the same, so that
/// the list is not complete.
async fn find_missing_known(
    service: &TargetClient,
    of: CollectionRef<'_>,
    jobs: &[&ObjectJob<'_>],
    reads: &mut [ReadOutcome],
    in_sync_ids: &BTreeMap<usize, Value>,
) -> bool {
    if of.kind.operations.get.is_none() {
        return false;
    }
    let missing = jobs.iter().zip(reads).enumerate().filter(|(at, (job, read))| {
        let is_listed =
            in_sync_ids.contains_key(at) || !matches!(read, ReadOutcome::Found(ObjectMatch::Nothing));
        !is_listed && find_id(job).is_some()
    });
    let look = missing.map(async |(_, (job, read))| {
        match service.get_object(of, find_id(job)?).await {
            Ok(live) => *read = ReadOutcome::Found(ObjectMatch::One(Box::new(live?))),
            Err(error) => {
                *read = ReadOutcome::Failed(Arc::new(error));
                return None;
            }
        }
        Some(())
    });
    let width = service.target.parallelism.max(1) as usize;
    let found: Vec<Option<()>> = stream::iter(look).buffer_unordered(width).collect().await;
    found.iter().any(Option::is_some)
}

/// Reads the objects of which a list shows summaries.
async fn complete_reads(service: &TargetClient, of: CollectionRef<'_>, reads: &mut [ReadOutcome]) {
    let width = service.target.parallelism.max(1) as usize;
    let complete = reads.iter_mut().map(async |read| {
        if let ReadOutcome::Found(found) = read {
            *read = match complete_match(service, of, std::mem::take(found)).await {
                Ok(found) => ReadOutcome::Found(found),
                Err(error) => ReadOutcome::Failed(Arc::new(error)),
            };
        }
    });
    stream::iter(complete).buffer_unordered(width).collect::<()>().await;
}

/// What a list or a filter shows, as a read of the object shows it.
async fn complete_match(
    service: &TargetClient,
    of: CollectionRef<'_>,
    found: ObjectMatch,
) -> Result<ObjectMatch, RequestError> {
    let ObjectMatch::One(live) = found else { return Ok(found) };
    let live = service.complete_snapshot(of, *live).await?;
    Ok(live.map_or(ObjectMatch::Nothing, |live| ObjectMatch::One(Box::new(live))))
}

async fn check_emptiness(service: &TargetClient, of: CollectionRef<'_>) -> Emptiness {
    match service.check_access(of).await {
        AccessCheck::Granted => Emptiness::Certain,
        AccessCheck::Undescribed => Emptiness::Doubtful,
        AccessCheck::Denied(error) => Emptiness::Denied(Arc::new(*error)),
    }
}

/// Whether what an incomplete list shows of an object is enough: it is there, and it is to stay.
fn is_certain(job: &ObjectJob, read: &ReadOutcome) -> bool {
    let seen = matches!(read, ReadOutcome::Found(ObjectMatch::One(_) | ObjectMatch::Several(_)));
    seen && job.document.state != DocumentState::Absent
}

/// Reads without its list what an incomplete list does not show.
async fn reread_alone(
    service: &TargetClient,
    of: CollectionRef<'_>,
    job: &ObjectJob<'_>,
    read: &mut ReadOutcome,
    reason: &IncompleteReason,
) {
    let seen_id = match &read {
        ReadOutcome::Found(ObjectMatch::One(live)) => live.object.get_field(of.kind.identity.id).cloned(),
        _ => None,
    };
    let job = ObjectJob { known_id: seen_id.or(job.known_id.clone()), ..job.clone() };
    *read = match read_alone(service, of, &job).await {
        Ok(Some(found)) => ReadOutcome::Found(found),
        Ok(None) => ReadOutcome::Unseen(reason.clone()),
        Err(error) => ReadOutcome::Failed(Arc::new(error)),
    };
}

async fn fetch_each(
    service: &TargetClient,
    of: CollectionRef<'_>,
    jobs: &[&ObjectJob<'_>],
    tell: &(dyn Fn(RunEvent) + Sync),
) -> FetchedGroup {
    let width = service.target.parallelism.max(1) as usize;
    let mut coming = stream::iter(jobs.iter().map(|job| read_unique(service, of, job))).buffered(width);
    let (mut reads, mut announced) = (Vec::with_capacity(jobs.len()), 0);
    while let Some(read) = coming.next().await {
        reads.push(read);
        if reads.len() >= announced + PROGRESS_BATCH_SIZE {
            announced += PROGRESS_BATCH_SIZE;
            tell(RunEvent::Read(PROGRESS_BATCH_SIZE));
        }
    }
    FetchedGroup { reads, reported: announced, ..FetchedGroup::default() }
}

/// Reads the object of one job. Of a create that is not known to be finished, several objects may have come.
async fn read_unique(service: &TargetClient, of: CollectionRef<'_>, job: &ObjectJob<'_>) -> ReadOutcome {
    let read = read_one(service, of, job).await;
    let is_found = matches!(&read, ReadOutcome::Found(ObjectMatch::One(_)));
    if !is_found || find_id(job).is_none() || !is_unique_unknown(job) {
        return read;
    }
    match read_one(service, of, &build_key_job(job)).await {
        other @ (ReadOutcome::Found(ObjectMatch::Several(_)) | ReadOutcome::Failed(_)) => other,
        _ => read,
    }
}

/// Whether the object may not be the only one that came of a create.
fn is_unique_unknown(job: &ObjectJob) -> bool {
    job.just_created && is_duplicate_checked(job)
}

/// Reads the object of one job, alone where the API can.
pub async fn read_one(service: &TargetClient, of: CollectionRef<'_>, job: &ObjectJob<'_>) -> ReadOutcome {
    try_read_one(service, of, job).await.unwrap_or_else(|trouble| ReadOutcome::Failed(Arc::new(trouble)))
}

async fn try_read_one(
    service: &TargetClient,
    of: CollectionRef<'_>,
    job: &ObjectJob<'_>,
) -> Result<ReadOutcome, RequestError> {
    if let Some(found) = read_alone(service, of, job).await? {
        return Ok(ReadOutcome::Found(found));
    }
    let build_matcher = || ObjectMatcher::new(of.kind, &[job.document], std::slice::from_ref(&job.known_id));
    let mut matcher = build_matcher();
    let mut take = |event| match event {
        ListEvent::Object(live) if job.excludes(&live.object) => {}
        ListEvent::Object(live) => drop(matcher.offer_object(live)),
        ListEvent::Restarted => matcher = build_matcher(),
    };
    let completeness = service.list_objects(of, &mut take).await?;
    Ok(match (matcher.into_found().pop().unwrap_or_default(), completeness) {
        (ObjectMatch::Nothing, ListCompleteness::Incomplete(reason)) => ReadOutcome::Unseen(reason),
        (found, _) => ReadOutcome::Found(complete_match(service, of, found).await?),
    })
}

/// Reads the object of one job without its list; nothing where that does not say whether it is there.
async fn read_alone(
    service: &TargetClient,
    of: CollectionRef<'_>,
    job: &ObjectJob<'_>,
) -> Result<Option<ObjectMatch>, RequestError> {
    if let Some(id) = find_id(job).filter(|_| of.kind.operations.get.is_some()) {
        let live = service.get_object(of, id).await?;
        // an id that only the index knows may be stale: the natural key finds what took its place
        if live.is_some() || job.document.id.is_some() || build_desired_key(of.kind, job.document).is_none() {
            return Ok(Some(live.map_or(ObjectMatch::Nothing, |live| ObjectMatch::One(Box::new(live)))));
        }
    }
    let key = build_find_key(of.kind, job.document).filter(|_| job.document.id.is_none());
    let Some(key) = key else { return Ok(None) };
    let mut matcher = ObjectMatcher::new(of.kind, &[job.document], std::slice::from_ref(&job.known_id));
    // a service that does not know the filter may answer with all objects: each is held against the key
    let mut others = false;
    let mut take = |live: Snapshot| match build_live_key(of.kind, &live.object).as_ref() == Some(&key) {
        _ if job.excludes(&live.object) => {}
        true => drop(matcher.offer_object(live)),
        false => others = true,
    };
    let whole = service.find_by_key(of, &collect_key_values(of.kind, job.document), &mut take).await?;
    if !whole || others {
        return Ok(None);
    }
    complete_match(service, of, matcher.into_found().pop().unwrap_or_default()).await.map(Some)
}
