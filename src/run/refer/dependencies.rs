//! Documents that others name under `depends_on`: which jobs these are, and which of them did not come about.
//!
//! The steps of a document wait for those of its dependencies; where one of these is refused or fails, nothing is
//! written of the document. A delete waits for the deletes of the documents that depend on it or whose parent it is,
//! and none is sent while one of these stays.
//! Deliberately absent: the order itself (`order`).

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use super::dependents::{Dependent, DependentRelation, add_children_by_id};
use crate::diagnostic::{Diagnostic, SourceLocation, SourceSpan};
use crate::document::source_reader::escape_for_message;
use crate::document::{Document, DocumentDependency, DocumentState, ParentReference};
use crate::plan::PlanSubject;
use crate::run::index::ObjectIndex;
use crate::run::object_job::ObjectJob;

/// Which jobs depend on which; empty where no document depends on another one.
#[derive(Default)]
pub struct DependencyLookup<'d> {
    /// The jobs by the kind and the name of their documents.
    by_name: HashMap<(&'d str, &'d str), Vec<usize>>,
    /// For a job, those that depend on it.
    dependents: HashMap<usize, Vec<Dependent>>,
}

impl<'d> DependencyLookup<'d> {
    /// Over all jobs of a run.
    pub fn new(jobs: &[ObjectJob<'d>]) -> Self {
        let mut lookup = Self::default();
        let is_independent =
            |job: &ObjectJob| job.document.depends_on.is_empty() && job.document.parents.is_empty();
        if jobs.iter().all(is_independent) {
            return lookup;
        }
        for (number, job) in jobs.iter().enumerate() {
            let document: &'d Document = job.document;
            lookup.by_name.entry((&*document.kind.name, &*document.name)).or_default().push(number);
        }
        for (number, job) in jobs.iter().enumerate() {
            let parents =
                lookup.find_parents(jobs, job).into_iter().map(|to| (to, DependentRelation::NamesParent));
            let others =
                lookup.find_all(jobs, job).into_iter().map(|(to, _)| (to, DependentRelation::DependsOn));
            for (to, relation) in parents.chain(others).collect::<Vec<_>>() {
                let known = lookup.dependents.entry(to).or_default();
                if known.last().is_none_or(|last| last.number != number) {
                    known.push(Dependent { number, relation });
                }
            }
        }
        lookup
    }

    /// With the children that hold the id of their parent, of parents that were read.
    #[must_use]
    pub fn with_children_by_id<'p>(
        mut self,
        jobs: &[ObjectJob],
        parents: impl Iterator<Item = &'p PlanSubject>,
    ) -> Self {
        add_children_by_id(&mut self.dependents, jobs, parents);
        self
    }

    /// The jobs whose objects are the parents that a document names.
    fn find_parents(&self, jobs: &[ObjectJob], job: &ObjectJob<'d>) -> Vec<usize> {
        let document: &'d Document = job.document;
        let find = |parent: &'d ParentReference| {
            let kind = document.kind.scope.get(usize::from(parent.number))?.parent_kind()?;
            let named = self.by_name.get(&(&**kind, &*parent.reference.name))?;
            named.iter().copied().find(|to| jobs[*to].target == job.target)
        };
        document.parents.iter().filter_map(find).collect()
    }

    /// The jobs that depend on one, its children too.
    pub fn list_dependents(&self, number: usize) -> &[Dependent] {
        self.dependents.get(&number).map_or(&[], Vec::as_slice)
    }

    /// The jobs that a document of this job names, each with where that stands: those of its environment; where one
    /// is at its target, that one.
    pub fn find_all(&self, jobs: &[ObjectJob], job: &ObjectJob) -> Vec<(usize, SourceSpan)> {
        let named = |own: &DocumentDependency| {
            let span = own.span;
            self.find(jobs, job, own).into_iter().map(move |to| (to, span))
        };
        job.document.depends_on.iter().flat_map(named).collect()
    }

    fn find(&self, jobs: &[ObjectJob], job: &ObjectJob, dependency: &DocumentDependency) -> Vec<usize> {
        let environment = job.document.environment.as_deref();
        let named = self.by_name.get(&(&*dependency.kind, &*dependency.name)).into_iter().flatten().copied();
        let named: Vec<usize> =
            named.filter(|to| jobs[*to].document.environment.as_deref() == environment).collect();
        let here: Vec<usize> = named.iter().copied().filter(|to| jobs[*to].target == job.target).collect();
        if here.is_empty() { named } else { here }
    }
}

/// Why nothing is written of what depends on an object.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DependencyBlock {
    Refused,
    Unread,
    Failed,
    /// Its document has `state: absent`.
    Absent,
    /// The same; a replacement was interrupted, and of its two objects one stays for the next run.
    Left,
}

/// The objects of a run on which others cannot depend, by the number of the job.
#[derive(Default)]
pub struct BlockedDependencies(Mutex<BTreeMap<usize, DependencyBlock>>);

impl BlockedDependencies {
    /// From now on nothing is written of what depends on the object of a job.
    pub fn block(&self, number: usize, reason: DependencyBlock) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(number, reason);
    }

    fn get(&self, number: usize) -> Option<DependencyBlock> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&number).copied()
    }
}

/// Holds a job against its dependencies.
pub struct DependencyChecker<'c, 'd> {
    pub jobs: &'c [ObjectJob<'d>],
    pub lookup: &'c DependencyLookup<'d>,
    pub index: &'c Mutex<ObjectIndex>,
    pub blocked: &'c BlockedDependencies,
}

impl DependencyChecker<'_, '_> {
    /// Why nothing is written of a document whose dependencies did not come about.
    pub fn check_job(&self, number: usize) -> Vec<Diagnostic> {
        let job = &self.jobs[number];
        match job.document.state {
            DocumentState::Present => {
                let dependencies = job.document.depends_on.iter();
                dependencies.flat_map(|own| self.check_dependency(job, own)).collect()
            }
            DocumentState::Absent => self.check_dependents(number),
            DocumentState::Unmanaged => Vec::new(),
        }
    }

    fn check_dependency(&self, job: &ObjectJob, dependency: &DocumentDependency) -> Vec<Diagnostic> {
        let place = job.document.locate_span(dependency.span);
        let found = self.lookup.find(self.jobs, job, dependency);
        if found.is_empty() && !self.is_applied(job, dependency) {
            return vec![diagnose_unapplied(dependency).with_location(place)];
        }
        let blocked = found.into_iter().filter_map(|to| Some((to, self.blocked.get(to)?)));
        let diagnose = |(to, reason): (usize, DependencyBlock)| {
            let (code, what, hint) = match reason {
                DependencyBlock::Absent | DependencyBlock::Left => (
                    "dependency-gone",
                    "has `state: absent`",
                    "remove the line from `depends_on`, or keep the object",
                ),
                DependencyBlock::Unread => {
                    ("dependency-blocked", "could not be read", "see the diagnostic of that object")
                }
                DependencyBlock::Refused => {
                    ("dependency-blocked", "was refused", "see the diagnostic of that object")
                }
                DependencyBlock::Failed => {
                    ("dependency-blocked", "was not written", "see the diagnostic of that object")
                }
            };
            let name = &*self.jobs[to].document.name;
            let message = format!("`{name}`, on which this document depends, {what}");
            Diagnostic::error(code, message)
                .with_location(place.clone())
                .with_hint(hint)
                .with_related(self.locate_job(to), "its document")
        };
        blocked.map(diagnose).collect()
    }

    /// Whether an object that is not in this run was applied before.
    fn is_applied(&self, job: &ObjectJob, dependency: &DocumentDependency) -> bool {
        let index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        index.was_applied_beside(&job.target, &dependency.kind, &dependency.name)
    }

    /// An object is not deleted while one that depends on it is left, or one whose parent it is.
    pub fn check_dependents(&self, number: usize) -> Vec<Diagnostic> {
        let dependents = self.lookup.list_dependents(number).iter();
        dependents.filter_map(|dependent| self.check_dependent(number, *dependent)).collect()
    }

    fn check_dependent(&self, number: usize, dependent: Dependent) -> Option<Diagnostic> {
        let at = dependent.number;
        let is_child = dependent.relation != DependentRelation::DependsOn;
        let (name, state) = (&self.jobs[at].document.name, self.jobs[at].document.state);
        let verb = if is_child { "is a child of" } else { "depends on" };
        let kept = || format!("`{name}`, which {verb} this object, was not deleted");
        let (message, hint) = match (state, self.blocked.get(at)) {
            (DocumentState::Present, _) => (
                format!("`{name}` {verb} this object, so it is not deleted"),
                match is_child {
                    true => "give the child `state: absent` too, or keep this object",
                    false => "remove the line from its `depends_on`, or give it `state: absent` too",
                },
            ),
            (DocumentState::Unmanaged, _) | (_, Some(DependencyBlock::Absent)) => return None,
            (DocumentState::Absent, Some(DependencyBlock::Left)) => (
                format!("`{name}`, which {verb} this object, is not wholly deleted by this run"),
                "apply, then run again",
            ),
            (DocumentState::Absent, Some(_)) => (kept(), "see the diagnostic of that object"),
            // it is not in this run
            (DocumentState::Absent, None) => (kept(), "select it too"),
        };
        let reason = Diagnostic::error("dependency-blocked", message).with_hint(hint);
        Some(reason.with_location(self.locate_job(number)).with_related(self.locate_job(at), "its document"))
    }

    /// Whether the object of an absent document is gone, or goes with this run.
    pub fn is_gone(&self, number: usize) -> bool {
        self.blocked.get(number) == Some(DependencyBlock::Absent)
    }

    /// Whether the index knows an object of a job, in whatever scope.
    pub fn is_remembered(&self, number: usize) -> bool {
        let job = &self.jobs[number];
        let index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        let find = || index.get(&job.target, &job.document.kind.name, &job.document.name);
        job.known_id.is_some() || find().is_some_and(|entry| entry.id.is_some())
    }

    /// Where the name of the document of a job is written.
    pub fn locate_job(&self, number: usize) -> SourceLocation {
        let document = self.jobs[number].document;
        document.locate_span(document.name_span)
    }
}

fn diagnose_unapplied(dependency: &DocumentDependency) -> Diagnostic {
    let (kind, name) = (&dependency.kind, escape_for_message(&dependency.name));
    let message = format!("`{name}` of kind `{kind}` is not in this run, and is not known to be applied");
    Diagnostic::error("unknown-dependency", message).with_hint("apply it first, or select it too")
}
