//! Why a document depends on another one; and documents whose scope holds the id of a parent itself, instead of the
//! name of its document.
//!
//! The objects of children go with the parent, so what deletes or replaces a parent looks for them. Which object has the
//! id is known once the parent was read.
//! Deliberately absent: documents that name another one (`dependencies`).

use std::collections::HashMap;
use std::sync::Arc;

use crate::kind::ScalarType;
use crate::plan::PlanSubject;
use crate::run::object_job::ObjectJob;
use crate::value::Value;

/// Target, kind and id of a parent, the id as it is written in a URL.
type ParentKey = (Arc<str>, Arc<str>, String);

/// A job that depends on another one.
#[derive(Clone, Copy)]
pub struct Dependent {
    /// The number of the job.
    pub number: usize,
    pub relation: DependentRelation,
}

/// Why a job depends on another one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum DependentRelation {
    /// Its document names the other one under `depends_on`.
    DependsOn,
    /// Its scope names the document of the other one, its parent.
    NamesParent,
    /// Its scope holds the id of the other one, its parent.
    HoldsParentId,
}

/// Adds to those that depend on a job, by its number, the children that hold the id of its object.
pub fn add_children_by_id<'p>(
    dependents: &mut HashMap<usize, Vec<Dependent>>,
    jobs: &[ObjectJob],
    parents: impl Iterator<Item = &'p PlanSubject>,
) {
    let children = find_children(jobs);
    for parent in parents.filter(|_| !children.is_empty()) {
        let Some(id) = &parent.id else { continue };
        let id = ScalarType::render_url_text(id, &parent.kind.api);
        let key = (parent.target.clone(), parent.kind.name.clone(), id);
        let own = children.get(&key).into_iter().flatten();
        let own = own.map(|number| Dependent { number: *number, relation: DependentRelation::HoldsParentId });
        dependents.entry(parent.number).or_default().extend(own);
    }
}

fn find_children(jobs: &[ObjectJob]) -> HashMap<ParentKey, Vec<usize>> {
    let mut children: HashMap<ParentKey, Vec<usize>> = HashMap::new();
    for (number, job) in jobs.iter().enumerate() {
        let document = job.document;
        for (at, (parameter, value)) in document.kind.scope.iter().zip(&job.scope).enumerate() {
            let is_named = document.parents.iter().any(|parent| usize::from(parent.number) == at);
            let Some(kind) = parameter.parent_kind().filter(|_| !is_named) else { continue };
            if !matches!(value, Value::KnownAfterApply(_)) {
                let id = ScalarType::render_url_text(value, &document.kind.api);
                children.entry((job.target.clone(), kind.clone(), id)).or_default().push(number);
            }
        }
    }
    children
}
