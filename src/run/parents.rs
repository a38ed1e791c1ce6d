//! Scopes whose values are ids of parents: filled in as soon as the parents are known.
//!
//! A document names its parent by the name of that document. Parents are read before their children, so that a
//! collection is asked for by an id; a parent that is to be created gets its id when its create is answered.
//! Deliberately absent: the order of steps (`refer::order`).

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex};

use super::fetch::{ObjectJob, ReadOutcome, read_one};
use super::identity::check_identity;
use super::index::ObjectIndex;
use super::match_up::ObjectMatch;
use super::other_documents::UnselectedDocument;
use super::refer::{ReferenceResolver, ReferentStatus, UnresolvedReferences};
use super::{RunSession, lock_mutex};
use crate::document::{DocumentState, ParentReference};
use crate::kind::scalar::ScalarToken;
use crate::plan::Step;
use crate::remote::target_client::CollectionRef;
use crate::value::Value;

/// Target, kind, name.
type ParentKey = (Arc<str>, Arc<str>, Arc<str>);

/// Which jobs are the parents of others, and what is known of parents that are in no document of the run.
pub struct ParentLookup {
    jobs: HashMap<ParentKey, usize>,
    /// The ids of those that were read; nothing where the id is not theirs.
    others: HashMap<ParentKey, Option<Value>>,
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

    fn build_parent_key(&self, parent: &ParentReference) -> Option<ParentKey> {
        let kind = self.document.kind.scope.get(usize::from(parent.number))?.parent_kind()?;
        Some((Arc::clone(&self.target), Arc::clone(kind), Arc::from(&*parent.reference.name)))
    }
}

impl ParentLookup {
    /// The jobs by their names; nothing where no job names a parent.
    pub fn new(jobs: &[ObjectJob]) -> Self {
        let key = |job: &ObjectJob| {
            (Arc::clone(&job.target), Arc::clone(&job.document.kind.name), Arc::clone(&job.document.name))
        };
        let is_needed = jobs.iter().any(|job| !job.has_known_scope());
        let named = jobs.iter().enumerate().filter(|_| is_needed).map(|(number, job)| (key(job), number));
        Self { jobs: named.collect(), others: HashMap::new() }
    }

    /// Whether no scope waits for a parent.
    pub fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }

    /// Reads the parents that a run leaves out: an id that the index remembers may be another object's by now.
    pub async fn read_left_out(&mut self, session: &RunSession<'_>, jobs: &[ObjectJob<'_>]) {
        let waiting = jobs.iter().filter(|job| !job.has_known_scope());
        let named =
            waiting.flat_map(|job| job.document.parents.iter().map(|parent| job.build_parent_key(parent)));
        let sought: BTreeSet<ParentKey> =
            named.flatten().filter(|key| !self.jobs.contains_key(key)).collect();
        if sought.is_empty() {
            return;
        }
        for own in session.other_documents.list_unselected().unwrap_or_default() {
            let document = own.document;
            let key = (Arc::clone(&own.target), Arc::clone(&document.kind.name), Arc::clone(&document.name));
            let UnselectedDocument { document, target, scope, known_id } = own;
            let job = ObjectJob { document, scope, target, known_id, excluded_id: None, just_created: false };
            if sought.contains(&key) && job.has_known_scope() && !session.stop.is_cancelled() {
                let status = read_parent(session, &job).await;
                let id = if let ReferentStatus::Known(id) = &status { Some(id.clone()) } else { None };
                session.references.set_status(&job, status);
                self.others.insert(key, id);
            }
        }
    }

    /// Fills in the ids of parents that were read, as `find_id` knows them, and of those that the index knows and
    /// that are in no document of this run.
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
                let id = match (self.jobs.get(&key), self.others.get(&key)) {
                    (Some(number), _) => find_id(*number)?,
                    (None, Some(read)) => read.clone()?,
                    (None, None) => {
                        let entry = index.get(&key.0, &key.1, &key.2)?;
                        let parameter = job.document.kind.scope.get(usize::from(parent.number))?;
                        parameter.ty.read_token(ScalarToken::Plain(entry.id.as_deref()?)).ok()?
                    }
                };
                Some((parent.number, id))
            });
            let found: Vec<(u16, Value)> = found.collect();
            job.set_scope(found, &index);
        }
    }
}

/// How the object of a parent stands that the run leaves out.
async fn read_parent(session: &RunSession<'_>, job: &ObjectJob<'_>) -> ReferentStatus {
    let Some(service) = session.services.get(&job.target) else { return ReferentStatus::Unread };
    let of = CollectionRef { kind: &job.document.kind, scope: &job.scope };
    match read_one(service, of, job).await {
        ReadOutcome::Found(ObjectMatch::One(live)) => {
            let id = live.object.get_field(job.document.kind.identity.id).filter(|id| !id.is_blank());
            match id.filter(|_| check_identity(session, job, &live.object).is_ok()) {
                Some(id) => ReferentStatus::Known(id.clone()),
                None => ReferentStatus::Refused,
            }
        }
        ReadOutcome::Found(_) => ReferentStatus::Refused,
        ReadOutcome::Unseen(_) | ReadOutcome::Failed(_) => ReferentStatus::Unread,
    }
}

/// Fills in what is known of the parents of steps that are to be carried out next; gives those whose parents are not
/// there, with the reasons.
pub fn settle_scopes<'s>(
    references: &ReferenceResolver,
    index: &Mutex<ObjectIndex>,
    jobs: &mut [ObjectJob],
    steps: impl Iterator<Item = &'s mut Step>,
) -> Vec<(usize, UnresolvedReferences)> {
    let mut blocked = Vec::new();
    for step in steps {
        let job = &mut jobs[step.subject.number];
        if job.has_known_scope() {
            continue;
        }
        match references.resolve_parents(index, job) {
            Ok(values) => {
                job.set_scope(values, &lock_mutex(index));
                step.subject.scope.clone_from(&job.scope);
            }
            Err(unresolved) => blocked.push((step.subject.number, unresolved)),
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
    let values = references.resolve_parents(index, &job)?;
    job.set_scope(values, &lock_mutex(index));
    Ok(job)
}
