//! Absent documents that a run leaves out: which of their objects are known to be gone.
//!
//! What they depend on is deleted or replaced only then. The index may know nothing of an object that another machine
//! applied, so each is looked for.
//! Deliberately absent: what follows for the object that is to go (`needed_objects`, `blocked_replacements`).

use std::collections::{BTreeMap, BTreeSet};

use super::RunSession;
use super::fetch::{ReadOutcome, fetch_needed, group_jobs};
use super::match_up::ObjectMatch;
use super::needed_objects::add_unselected_jobs;
use super::object_job::{JobGroup, ObjectJob};
use super::parents::ParentLookup;
use super::refer::{DependencyBlock, DependencyChecker, DependencyLookup};
use crate::document::DocumentState;
use crate::plan::Plan;
use crate::value::Value;

/// Notes those of them on which nothing waits any more, because their objects are gone.
pub async fn note_gone_dependents(session: &RunSession<'_>, jobs: &[ObjectJob<'_>], plan: &Plan) {
    if !plan.steps.iter().any(|step| step.action.takes_away()) {
        return;
    }
    let all = add_unselected_jobs(session, jobs);
    let numbers = find_doubtful(session, &all, jobs.len(), plan);
    if numbers.is_empty() {
        return;
    }
    let mut doubtful: Vec<ObjectJob> = numbers.iter().map(|number| all[*number].clone()).collect();
    fill_scopes(session, jobs, &mut doubtful, plan).await;
    for group in group_jobs(&doubtful) {
        for at in find_gone(session, &group, &doubtful).await {
            session.references.blocked.block(numbers[at], DependencyBlock::Absent);
        }
    }
}

/// The numbers of absent documents outside the run of which the index knows no object, and on which a step waits.
fn find_doubtful(session: &RunSession, all: &[ObjectJob], run_size: usize, plan: &Plan) -> Vec<usize> {
    if all.len() == run_size {
        return Vec::new();
    }
    let subjects = plan.steps.iter().map(|step| &step.subject);
    let lookup = DependencyLookup::new(all).with_children_by_id(all, subjects);
    let blocked = &session.references.blocked;
    let checker = DependencyChecker { jobs: all, lookup: &lookup, index: session.index, blocked };
    let leaving = plan.steps.iter().filter(|step| step.action.takes_away());
    let dependents = leaving.flat_map(|step| lookup.list_dependents(step.subject.number));
    let is_doubtful = |number: &usize| {
        let state = all[*number].document.state;
        *number >= run_size && state == DocumentState::Absent && !checker.is_remembered(*number)
    };
    let numbers: BTreeSet<usize> = dependents.map(|own| own.number).filter(is_doubtful).collect();
    numbers.into_iter().collect()
}

/// Fills in the ids of parents, of the run and of those that it leaves out.
async fn fill_scopes<'d>(
    session: &RunSession<'d>,
    jobs: &[ObjectJob<'d>],
    doubtful: &mut [ObjectJob<'d>],
    plan: &Plan,
) {
    let steps = plan.steps.iter().map(|step| &step.subject);
    let subjects = steps.chain(plan.unchanged.iter().map(|own| &own.subject));
    let ids: BTreeMap<usize, Value> =
        subjects.filter_map(|subject| Some((subject.number, subject.id.clone()?))).collect();
    let find_id = |number: usize| ids.get(&number).cloned();
    let named: Vec<ObjectJob> = jobs.iter().chain(&*doubtful).cloned().collect();
    let mut parents = ParentLookup::new(session, &named);
    parents.read_left_out(session, &find_id).await;
    parents.resolve_scopes(doubtful, session.index, &find_id);
}

/// The numbers of those jobs of a group whose objects are not there.
async fn find_gone(session: &RunSession<'_>, group: &JobGroup, jobs: &[ObjectJob<'_>]) -> Vec<usize> {
    let is_known = group.jobs.first().is_some_and(|number| jobs[*number].has_known_scope());
    let service = session.services.get(&group.target).filter(|_| is_known && !session.stop.is_cancelled());
    let Some(service) = service else { return Vec::new() };
    let reads = fetch_needed(service, group, jobs).await.reads;
    let is_gone = |read: &ReadOutcome| matches!(read, ReadOutcome::Found(ObjectMatch::Nothing));
    let pairs = group.jobs.iter().zip(reads);
    pairs.filter(|(_, read)| is_gone(read)).map(|(number, _)| *number).collect()
}
