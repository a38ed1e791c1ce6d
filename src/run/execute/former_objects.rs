//! The former objects of replacements: in which order they go, and which stay because others may refer to them.
//!
//! What refers to another former object goes before it, as the live objects tell it, and so does what depends on it;
//! one that stays keeps those that it needs.
//! Deliberately absent: how one is deleted (`replace`).

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::kind::ReferenceSource;
use crate::plan::{PlanSubject, Step};
use crate::run::fetch::ObjectJob;
use crate::run::outcome::{OutcomeStatus, StepOutcome};
use crate::run::refer::{DependencyLookup, add_delete_edges, compute_levels};

/// Target, kind and name of an object that was replaced.
type ReplacedKey = (Arc<str>, Arc<str>, Arc<str>);

/// What may still need a former object.
#[derive(Default)]
pub(super) struct ReferenceHolders {
    /// Objects that may not have let go of what they refer to: the name of the first one for each of these.
    by_reference: HashMap<ReplacedKey, Arc<str>>,
    /// The names of documents whose former objects stay, by the number.
    kept: BTreeMap<usize, Arc<str>>,
}

impl ReferenceHolders {
    /// Notes to what an object refers, unless it is as its document says.
    pub(super) fn add_outcome(&mut self, jobs: &[ObjectJob], outcome: &StepOutcome) {
        if matches!(outcome.status, OutcomeStatus::Done | OutcomeStatus::Unchanged) {
            return;
        }
        let job = &jobs[outcome.subject.number];
        for (site, reference) in job.document.collect_references() {
            let source = site.reference.and_then(|refers| refers.source.as_ref());
            if let Some(ReferenceSource::Kind(kind)) = source {
                let key = (job.target.clone(), Arc::from(&**kind), Arc::from(&*reference.name));
                self.by_reference.entry(key).or_insert_with(|| outcome.subject.name.clone());
            }
        }
    }

    /// Notes what became of a former object.
    pub(super) fn add_former(&mut self, jobs: &[ObjectJob], ended: &StepOutcome) {
        self.add_outcome(jobs, ended);
        if !matches!(ended.status, OutcomeStatus::Done | OutcomeStatus::Unchanged) {
            self.kept.insert(ended.subject.number, ended.subject.name.clone());
        }
    }

    /// The name of an object that may refer to the former one of a subject, or depends on it.
    pub(super) fn find(&self, dependencies: &DependencyLookup, subject: &PlanSubject) -> Option<&str> {
        let key = (subject.target.clone(), subject.kind.name.clone(), subject.name.clone());
        let dependents = dependencies.list_dependents(subject.number).iter();
        let find_kept = || dependents.filter_map(|own| self.kept.get(&own.number)).next();
        self.by_reference.get(&key).or_else(find_kept).map(|name| &**name)
    }
}

/// The numbers of former objects in the order of their deletes.
pub(super) fn sort_former(
    jobs: &[ObjectJob],
    dependencies: &DependencyLookup,
    former: &BTreeMap<usize, Step>,
) -> Vec<usize> {
    let mut edges = vec![Vec::new(); jobs.len()];
    add_delete_edges(&mut edges, former);
    for number in former.keys() {
        for (to, span) in dependencies.find_all(jobs, &jobs[*number]) {
            if former.contains_key(&to) {
                edges[to].push((*number, span));
            }
        }
    }
    let levels = compute_levels(&edges);
    let mut numbers: Vec<usize> = former.keys().copied().collect();
    numbers.sort_by_key(|number| (levels[*number], *number));
    numbers
}
