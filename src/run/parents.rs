//! Scopes whose values are ids of parents: filled in as soon as the parents are known.
//!
//! A document names its parent by the name of that document. Parents are read before their children, so that a
//! collection is asked for by an id; a parent that is to be created gets its id when its create is answered.
//! Deliberately absent: the order of steps (`refer::order`).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex};

use futures_util::{StreamExt, stream};

use super::fetch::{JobGroup, ObjectJob, ReadOutcome, fetch_needed, group_jobs};
use super::identity::check_identity;
use super::index::ObjectIndex;
use super::locate_error::locate_error;
use super::match_up::ObjectMatch;
use super::read_errors::{diagnose_ambiguous, diagnose_unseen_job};
use super::refer::{ReferenceResolver, ReferentKey, ReferentStatus, UnresolvedReferences};
use super::{RunSession, lock_mutex};
use crate::diagnostic::Diagnostic;
use crate::document::{DocumentState, ParentReference};
use crate::plan::Step;
use crate::value::Value;

/// The most collections read at once; each target has its own limit below this.
const MAX_PARALLEL_COLLECTIONS: usize = 64;

/// Which jobs are the parents of others, and what is known of parents that are in no document of the run.
pub struct ParentLookup<'s> {
    jobs: HashMap<ReferentKey, usize>,
    /// Parents that the run leaves out, their parents too, as far as they were not read.
    unread: Vec<ObjectJob<'s>>,
    /// The ids of those that were read; nothing where the id is not theirs.
    others: HashMap<ReferentKey, Option<Value>>,
}

impl ObjectJob<'_> {
    /// Whether every value of its scope is known.
    pub fn has_known_scope(&self) -> bool {
        !self.scope.iter().any(|value| matches!(value, Value::KnownAfterApply(_)))
    }

    /// With what the index knows of its object in its scope.
    #[must_use]
    pub fn with_known_object(mut self, index: &ObjectIndex) -> Self {
        let document = self.document;
        let entry = index.get_in_scope(&document.kind, &self.target, &document.name, &self.scope);
        self.known_id = entry.and_then(|entry| match document.state {
            DocumentState::Present => entry.parse_known_id(&document.kind),
            // only an object that was seen under its id is deleted or released by it
            DocumentState::Absent | DocumentState::Unmanaged => entry.parse_id(&document.kind),
        });
        self.excluded_id = entry.and_then(|entry| entry.parse_replaced_id(&document.kind));
        self.just_created = entry.is_some_and(|entry| entry.open_create.is_some());
        self
    }

    fn set_scope(&mut self, values: Vec<(u16, Value)>, index: &ObjectIndex) {
        for (number, value) in values {
            if let Some(own) = self.scope.get_mut(usize::from(number)) {
                *own = value;
            }
        }
        if self.has_known_scope() {
            *self = self.clone().with_known_object(index);
        }
    }

    fn build_parent_key(&self, parent: &ParentReference) -> Option<ReferentKey> {
        let kind = self.document.kind.scope.get(usize::from(parent.number))?.parent_kind()?;
        Some((Arc::clone(&self.target), Arc::clone(kind), Arc::from(&*parent.reference.name)))
    }

    fn list_parent_keys(&self) -> impl Iterator<Item = ReferentKey> {
        self.document.parents.iter().filter_map(|parent| self.build_parent_key(parent))
    }
}

impl<'s> ParentLookup<'s> {
    /// The jobs by their names, and the parents that the run leaves out; nothing where no job names a parent.
    pub fn new(session: &RunSession<'s>, jobs: &[ObjectJob]) -> Self {
        let is_needed = jobs.iter().any(|job| !job.has_known_scope());
        let named = jobs.iter().enumerate().filter(|_| is_needed);
        let named = named.map(|(number, job)| (job.build_referent_key(), number)).collect();
        let mut own = Self { jobs: named, unread: Vec::new(), others: HashMap::new() };
        own.find_left_out(session, jobs);
        own
    }

    /// Which documents that the run leaves out are parents of its jobs, or of such parents.
    fn find_left_out(&mut self, session: &RunSession<'s>, jobs: &[ObjectJob]) {
        let waiting = jobs.iter().filter(|job| !job.has_known_scope());
        let is_left_out = |key: &ReferentKey| !self.jobs.contains_key(key);
        let mut sought: BTreeSet<ReferentKey> =
            waiting.flat_map(ObjectJob::list_parent_keys).filter(is_left_out).collect();
        if sought.is_empty() {
            return;
        }
        let Some(unselected) = session.other_documents.list_unselected() else {
            sought.into_iter().for_each(|key| session.references.set_unread(key));
            return;
        };
        let mut unselected: HashMap<ReferentKey, ObjectJob> =
            unselected.into_iter().map(|job| (job.build_referent_key(), job)).collect();
        while let Some(key) = sought.pop_first() {
            let Some(job) = unselected.remove(&key) else { continue };
            sought.extend(job.list_parent_keys().filter(is_left_out));
            self.unread.push(job);
        }
    }

    /// Whether no scope waits for a parent.
    pub fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }

    /// Reads those parents that the run leaves out whose own parents are known, `find_id` knows those of the run: an
    /// id that the index remembers may be another object's by now.
    pub async fn read_left_out(
        &mut self,
        session: &RunSession<'_>,
        find_id: &dyn Fn(usize) -> Option<Value>,
    ) {
        while !session.stop.is_cancelled() {
            let mut open = std::mem::take(&mut self.unread);
            self.resolve_scopes(&mut open, session.index, find_id);
            let (ready, waiting): (Vec<_>, Vec<_>) = open.into_iter().partition(ObjectJob::has_known_scope);
            self.unread = waiting;
            if ready.is_empty() {
                return;
            }
            for (number, parent) in read_parents(session, &ready).await {
                let job = &ready[number];
                session.references.set_status(job, parent.status);
                session.references.add_unselected_reasons(parent.reasons);
                self.others.insert(job.build_referent_key(), parent.id);
            }
        }
    }

    /// Nothing is written below parents that could not be read.
    pub fn finish(self, session: &RunSession) {
        for job in &self.unread {
            session.references.set_status(job, ReferentStatus::Unread);
        }
    }

    /// Fills in the ids of parents that were read: of those of the run as `find_id` knows them.
    pub fn resolve_scopes(
        &self,
        jobs: &mut [ObjectJob],
        index: &Mutex<ObjectIndex>,
        find_id: &dyn Fn(usize) -> Option<Value>,
    ) {
        for job in jobs.iter_mut().filter(|job| !job.has_known_scope()) {
            let index = lock_mutex(index);
            let found = job.document.parents.iter().filter_map(|parent| {
                let key = job.build_parent_key(parent)?;
                let id = match self.jobs.get(&key) {
                    Some(number) => find_id(*number)?,
                    None => self.others.get(&key)?.clone()?,
                };
                Some((parent.number, id))
            });
            let found: Vec<(u16, Value)> = found.collect();
            job.set_scope(found, &index);
        }
    }
}

/// A parent that the run leaves out, as it was read.
struct ReadParent {
    status: ReferentStatus,
    /// The id of its object, where that is there and the one that the document means.
    id: Option<Value>,
    /// Why its object is not known.
    reasons: Vec<Diagnostic>,
}

impl ReadParent {
    fn new(job: &ObjectJob, id: Option<Value>) -> Self {
        let status = match (job.document.state, &id) {
            (DocumentState::Absent, _) => ReferentStatus::Absent,
            (_, Some(id)) => ReferentStatus::Known(id.clone()),
            (_, None) => ReferentStatus::Refused,
        };
        Self { status, id, reasons: Vec::new() }
    }

    fn from_reasons(status: ReferentStatus, reasons: Vec<Diagnostic>) -> Self {
        Self { status, id: None, reasons }
    }
}

/// The states of the parents that the run leaves out, with the numbers of their jobs.
async fn read_parents(session: &RunSession<'_>, jobs: &[ObjectJob<'_>]) -> Vec<(usize, ReadParent)> {
    let groups = group_jobs(jobs);
    let reads = groups.iter().map(|group| read_group(session, group, jobs));
    let reads: Vec<Vec<_>> = stream::iter(reads).buffer_unordered(MAX_PARALLEL_COLLECTIONS).collect().await;
    reads.into_iter().flatten().collect()
}

async fn read_group(
    session: &RunSession<'_>,
    group: &JobGroup,
    jobs: &[ObjectJob<'_>],
) -> Vec<(usize, ReadParent)> {
    let Some(service) = session.services.get(&group.target) else {
        let unread = || ReadParent::from_reasons(ReferentStatus::Unread, Vec::new());
        return group.jobs.iter().map(|number| (*number, unread())).collect();
    };
    let reads = fetch_needed(service, group, jobs).await.reads;
    let judge =
        |(number, read): (&usize, ReadOutcome)| (*number, judge_parent(session, &jobs[*number], read));
    group.jobs.iter().zip(reads).map(judge).collect()
}

fn judge_parent(session: &RunSession, job: &ObjectJob, read: ReadOutcome) -> ReadParent {
    match read {
        ReadOutcome::Found(ObjectMatch::One(live)) => match check_identity(session, job, &live.object) {
            Ok(_) => {
                let id = live.object.get_field(job.document.kind.identity.id);
                ReadParent::new(job, id.filter(|id| !id.is_blank()).cloned())
            }
            Err(reason) => ReadParent::from_reasons(ReferentStatus::Refused, vec![reason]),
        },
        ReadOutcome::Found(ObjectMatch::Nothing) => ReadParent::new(job, None),
        ReadOutcome::Found(ObjectMatch::Several(ids)) => {
            ReadParent::from_reasons(ReferentStatus::Refused, vec![diagnose_ambiguous(job, &ids)])
        }
        ReadOutcome::Unseen(reason) => {
            ReadParent::from_reasons(ReferentStatus::Unread, vec![diagnose_unseen_job(job, &reason)])
        }
        ReadOutcome::Failed(trouble) => {
            let reasons = locate_error(&trouble, job.document, None);
            ReadParent::from_reasons(ReferentStatus::Unread, reasons)
        }
    }
}

/// Fills in what is known of the parents of steps that are to be carried out next, by the numbers of their documents;
/// gives those whose parents are not there, with the reasons.
pub fn settle_scopes(
    references: &ReferenceResolver,
    index: &Mutex<ObjectIndex>,
    jobs: &mut [ObjectJob],
    numbers: &BTreeSet<usize>,
    steps: &mut BTreeMap<usize, Step>,
) -> Vec<(usize, UnresolvedReferences)> {
    let mut blocked = Vec::new();
    for number in numbers {
        let (job, Some(step)) = (&mut jobs[*number], steps.get_mut(number)) else { continue };
        if job.has_known_scope() {
            continue;
        }
        match references.resolve_parents(job) {
            Ok(values) => {
                job.set_scope(values, &lock_mutex(index));
                step.subject.scope.clone_from(&job.scope);
            }
            Err(unresolved) => blocked.push((*number, unresolved)),
        }
    }
    blocked
}

/// The job with its scope as far as it is known before anything is written.
///
/// # Errors
/// When a parent is not there and will not be created, or could not be read.
pub fn resolve_planned_scope<'d>(
    references: &ReferenceResolver,
    index: &Mutex<ObjectIndex>,
    job: &ObjectJob<'d>,
) -> Result<ObjectJob<'d>, UnresolvedReferences> {
    let mut job = job.clone();
    let values = references.resolve_parents(&job)?;
    job.set_scope(values, &lock_mutex(index));
    Ok(job)
}
