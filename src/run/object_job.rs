//! One document with where its object lives, sorted into collections, and what reading it came to.
//!
//! Deliberately absent: how it is read (`fetch`).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::match_up::ObjectMatch;
use crate::document::Document;
use crate::kind::{Kind, ScalarType};
use crate::remote::pager::IncompleteReason;
use crate::remote::target_client::RequestError;
use crate::value::Value;

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
    /// Its list is not complete, so nobody knows whether it is there.
    Unseen(IncompleteReason),
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
