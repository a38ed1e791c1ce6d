//! Reading live state: which objects the documents need, by the fewest requests that the API allows.
//!
//! Documents of one target, kind and scope share a collection. A handful is read one by one where the API can;
//! otherwise the list is read once, however many documents need it, and what none needs is dropped as it comes. A
//! list whose first page tells that it has more pages than there are documents is left at that.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::{StreamExt, stream};

use super::Event;
use super::match_up::{Found, Matching, live_key, wanted_key, wanted_leaf};
use crate::document::Document;
use crate::kind::{Kind, Leaf};
use crate::remote::service::{Collection, Service, Trouble};
use crate::remote::wire::Live;
use crate::value::{Object, Value};

/// Up to so many documents of one collection are read one by one.
const FEW: usize = 5;
/// Objects that were found are told in such portions.
const TOLD_AT_ONCE: usize = 100;

/// One document with where its object lives.
#[derive(Clone)]
pub struct Job<'d> {
    pub document: &'d Document,
    /// Scope values by the number of the parameter, complete.
    pub scope: Vec<Value>,
    pub target: Arc<str>,
    /// The id known from elsewhere than the document.
    pub known_id: Option<Value>,
    /// A create of ours has not been finished yet.
    pub newborn: bool,
}

/// Documents that share a collection.
pub struct Group {
    pub kind: Arc<Kind>,
    pub target: Arc<str>,
    pub scope: Vec<Value>,
    /// Numbers of jobs.
    pub jobs: Vec<usize>,
}

/// What was read for one job.
pub enum Read {
    Found(Found),
    /// Why it could not be read; shared by all jobs of a collection.
    Failed(Arc<Trouble>),
}

/// Sorts jobs into groups, in an order that depends on the jobs alone.
pub fn groups(jobs: &[Job]) -> Vec<Group> {
    let mut groups: BTreeMap<(Arc<str>, Arc<str>, String), Group> = BTreeMap::new();
    for (number, job) in jobs.iter().enumerate() {
        let kind = &job.document.kind;
        let scope: Vec<String> = job.scope.iter().map(|value| Leaf::url_text(value, &kind.api)).collect();
        let key = (job.target.clone(), kind.name.clone(), scope.join("\u{1f}"));
        let group = groups.entry(key).or_insert_with(|| Group {
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
pub struct Gathered {
    /// One for each job of the group, in their order.
    pub reads: Vec<Read>,
    /// The ids of objects that were let go of as they are as wanted, by the place of the job in the group; their
    /// reads say that nothing was found.
    pub agreed: BTreeMap<usize, Value>,
    /// The service showed no objects at all, and nothing says that there really are none.
    pub empty: bool,
    /// Live objects that no job needs; only where all were asked for.
    pub others: Vec<Object>,
    /// How many of the reads were told on the way.
    pub told: usize,
}

/// How a collection is read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// What the jobs need.
    Needed,
    /// All of it, also what no job needs.
    Whole,
}

/// Reads what one group needs, by the fewest requests.
pub async fn gather(service: &Service, group: &Group, jobs: &[Job<'_>]) -> Gathered {
    let how = How { reach: Reach::Needed, settles: false };
    collect(service, group, jobs, how, &|_| {}).await
}

/// How a group is read.
#[derive(Clone, Copy)]
pub struct How {
    pub reach: Reach,
    /// Whether of objects that are as wanted only the id is of interest.
    pub settles: bool,
}

/// Reads one group; `tell` hears now and then how many objects more were found.
pub async fn collect(
    service: &Service,
    group: &Group,
    jobs: &[Job<'_>],
    How { reach, settles }: How,
    tell: &(dyn Fn(Event) + Sync),
) -> Gathered {
    let own: Vec<&Job> = group.jobs.iter().map(|number| &jobs[*number]).collect();
    let of = Collection { kind: &group.kind, scope: &group.scope };
    if reach == Reach::Needed && each_alone(&own) {
        return one_by_one(service, of, &own, tell).await;
    }
    let documents: Vec<&Document> = own.iter().map(|job| job.document).collect();
    let ids: Vec<Option<Value>> = own.iter().map(|job| job.known_id.clone()).collect();
    // others may be told by what stands in an object whose documents look things up
    let settles = settles && !documents.iter().any(|document| document.looks_up());
    let mut matching = Matching::new(&group.kind, &documents, &ids).settling(settles);
    let (mut empty, mut others, mut told) = (true, Vec::new(), 0);
    let mut take = |live: Live| {
        empty = false;
        match matching.offer(live) {
            Some(unneeded) if reach == Reach::Whole => others.push(unneeded.object),
            Some(_) => {}
            None if own.len() - matching.open() >= told + TOLD_AT_ONCE => {
                told += TOLD_AT_ONCE;
                tell(Event::Read(TOLD_AT_ONCE));
            }
            None => {}
        }
    };
    let alone = reach == Reach::Needed && own.iter().all(|job| can_read_alone(job));
    let most = if alone { own.len() as u64 } else { u64::MAX };
    match service.list_within(of, most, &mut take).await {
        Ok(None) => one_by_one(service, of, &own, tell).await,
        Ok(Some(_)) => {
            let doubtful = empty && !service.probe(of).await;
            let agreed = matching.take_agreed();
            let reads = matching.into_found().into_iter().map(Read::Found).collect();
            Gathered { reads, agreed, empty: doubtful, others, told }
        }
        Err(trouble) => {
            let trouble = Arc::new(trouble);
            let reads = own.iter().map(|_| Read::Failed(trouble.clone())).collect();
            Gathered { reads, told, ..Gathered::default() }
        }
    }
}

async fn one_by_one(
    service: &Service,
    of: Collection<'_>,
    jobs: &[&Job<'_>],
    tell: &(dyn Fn(Event) + Sync),
) -> Gathered {
    let width = service.target.parallelism.max(1) as usize;
    let mut coming = stream::iter(jobs.iter().map(|job| read_one(service, of, job))).buffered(width);
    let (mut reads, mut told) = (Vec::with_capacity(jobs.len()), 0);
    while let Some(read) = coming.next().await {
        reads.push(read);
        if reads.len() >= told + TOLD_AT_ONCE {
            told += TOLD_AT_ONCE;
            tell(Event::Read(TOLD_AT_ONCE));
        }
    }
    Gathered { reads, told, ..Gathered::default() }
}

/// Whether these objects of one collection are read one by one without a look at the list.
pub(super) fn each_alone(jobs: &[&Job]) -> bool {
    jobs.len() <= FEW && jobs.iter().all(|job| can_read_alone(job))
}

/// Whether the API can read this one object without its collection.
fn can_read_alone(job: &Job) -> bool {
    let operations = &job.document.kind.operations;
    match id_of(job) {
        Some(_) => operations.get.is_some(),
        None => key_to_find(&job.document.kind, job.document).is_some(),
    }
}

/// The natural key of a document, where the API can be asked for just that.
pub(super) fn key_to_find(kind: &Kind, document: &Document) -> Option<String> {
    let find = kind.operations.find.as_ref()?;
    let except = find.except.as_deref().unwrap_or_default();
    let sayable =
        |(_, value): (String, Value)| !Leaf::url_text(&value, &kind.api).contains(|c| except.contains(c));
    wanted_key(kind, document).filter(|_| natural_key(kind, document).into_iter().all(sayable))
}

pub(super) fn id_of<'j>(job: &'j Job) -> Option<&'j Value> {
    job.document.id.as_ref().or(job.known_id.as_ref())
}

/// Reads the object of one job, alone where the API can.
pub async fn read_one(service: &Service, of: Collection<'_>, job: &Job<'_>) -> Read {
    match try_one(service, of, job).await {
        Ok(found) => Read::Found(found),
        Err(trouble) => Read::Failed(Arc::new(trouble)),
    }
}

async fn try_one(service: &Service, of: Collection<'_>, job: &Job<'_>) -> Result<Found, Trouble> {
    if let Some(id) = id_of(job).filter(|_| of.kind.operations.get.is_some()) {
        let live = service.get(of, id).await?;
        // an id that only we remember may be stale: the natural key finds what took its place
        if live.is_some() || job.document.id.is_some() || wanted_key(of.kind, job.document).is_none() {
            return Ok(live.map_or(Found::Nothing, |live| Found::One(Box::new(live))));
        }
    }
    let mut matching = Matching::new(of.kind, &[job.document], std::slice::from_ref(&job.known_id));
    let key = key_to_find(of.kind, job.document).filter(|_| job.document.id.is_none());
    match key {
        // a service that does not know the filter may answer with everybody: each hit is held against the key
        Some(key) => {
            let mut others = false;
            let mut take = |live: Live| match live_key(of.kind, &live.object).as_ref() == Some(&key) {
                true => drop(matching.offer(live)),
                false => others = true,
            };
            let whole = service.find(of, &natural_key(of.kind, job.document), &mut take).await?;
            if others || !whole {
                service.list(of, &mut |live| drop(matching.offer(live))).await?;
            }
        }
        None => {
            service.list(of, &mut |live| drop(matching.offer(live))).await?;
        }
    }
    Ok(matching.into_found().pop().unwrap_or_default())
}

/// The values of the natural key, by the names that the filter's template uses.
fn natural_key(kind: &Kind, document: &Document) -> Vec<(String, Value)> {
    let values = kind.identity.natural_key.iter().map(|path| wanted_leaf(&document.spec, path));
    let named = kind.natural_key_names().into_iter().zip(values);
    named.filter_map(|(name, value)| Some((name, value?.clone()))).collect()
}
