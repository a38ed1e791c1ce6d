//! One document with where its object lives, sorted into collections, and what reading it came to.
//!
//! Deliberately absent: how it is read (`fetch`).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::match_up::ObjectMatch;
use super::natural_key::{build_desired_key, build_live_key};
use crate::document::{Document, DocumentState};
use crate::kind::{Kind, ScalarType};
use crate::remote::pager::IncompleteReason;
use crate::remote::target_client::RequestError;
use crate::value::{Object, Value};

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
    /// The id of an object that may have the same natural key and is not the one that is meant: the other one of a
    /// replacement.
    pub excluded_id: Option<Value>,
}

impl ObjectJob<'_> {
    /// Whether a live object is surely not the one that is meant.
    pub(super) fn excludes(&self, live: &Object) -> bool {
        let id = live.get_field(self.document.kind.identity.id);
        self.excluded_id.is_some() && id == self.excluded_id.as_ref()
    }

    /// Whether a read of the object by itself says too little: what a filter or an id does not find may be hidden from
    /// these credentials, and the natural key that the document wants may be another object's. The first page of a
    /// longer list shows that the credentials see objects.
    pub(super) fn needs_list(&self, read: &ReadOutcome) -> bool {
        let is_missing = matches!(read, ReadOutcome::Found(ObjectMatch::Nothing));
        (is_missing && self.document.state == DocumentState::Present) || self.needs_whole_list(read)
    }

    /// Whether only the whole list tells: the kind compares natural keys by other rules than letter by letter, and
    /// nothing says that the filter does; or the object that was found by its id has another natural key.
    pub(super) fn needs_whole_list(&self, read: &ReadOutcome) -> bool {
        let kind = &self.document.kind;
        match read {
            ReadOutcome::Found(ObjectMatch::Nothing) => {
                self.document.id.is_none() && kind.compares_natural_key_loosely()
            }
            ReadOutcome::Found(ObjectMatch::One(live)) => {
                let wanted = build_desired_key(kind, self.document);
                wanted.is_some() && wanted != build_live_key(kind, &live.object)
            }
            _ => false,
        }
    }
}

/// Documents that share a collection.
#[derive(Clone)]
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
    /// Its list is not complete, so no one knows whether it is there.
    Unseen(IncompleteReason),
    /// Why it could not be read; shared by all jobs of a collection.
    Failed(Arc<RequestError>),
}

/// Sorts jobs into groups, in an order that depends on the jobs alone.
pub fn group_jobs(jobs: &[ObjectJob]) -> Vec<JobGroup> {
    group_some_jobs(jobs, 0..jobs.len())
}

/// The same of the jobs with these numbers.
pub fn group_some_jobs(jobs: &[ObjectJob], numbers: impl Iterator<Item = usize>) -> Vec<JobGroup> {
    let mut groups: BTreeMap<(Arc<str>, Arc<str>, String), JobGroup> = BTreeMap::new();
    for number in numbers {
        let job = &jobs[number];
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
