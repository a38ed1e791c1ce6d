//! Deletes of objects on which others depend that stay, or whose children stay: they are refused when the plan is made.
//!
//! The documents that a run leaves out count too. A delete that is refused keeps what its object depends on.
//! Deliberately absent: deletes that fail while a plan is carried out (`execute`), and references, which the service
//! knows.

use std::collections::BTreeMap;

use super::RunSession;
use super::fetch::ObjectJob;
use super::refer::{
    DependencyBlock, DependencyChecker, DependencyLookup, add_dependent_deletes, sort_topologically,
};
use crate::diagnostic::Diagnostic;
use crate::document::DocumentState;
use crate::plan::{Plan, RefusedObject, Step};

/// Takes the deletes out of a plan on whose objects others depend; they are refused instead.
pub fn refuse_needed_deletes(session: &RunSession, jobs: &[ObjectJob], plan: &mut Plan) {
    let is_absent = |number: usize| jobs[number].document.state == DocumentState::Absent;
    if !plan.steps.iter().any(|step| is_absent(step.subject.number)) {
        return;
    }
    let blocked = &session.references.blocked;
    let refused = plan.refused.iter().map(|refused| refused.subject.number);
    refused.filter(|number| is_absent(*number)).for_each(|own| blocked.block(own, DependencyBlock::Refused));
    let steps = plan.steps.iter().filter(|step| step.replacement.is_some()).map(|step| step.subject.number);
    steps.filter(|number| is_absent(*number)).for_each(|own| blocked.block(own, DependencyBlock::Left));
    let are_known = session.other_documents.list_unselected().is_some();
    let all = add_unselected_jobs(session, jobs);
    let subjects = plan.steps.iter().map(|step| &step.subject);
    let lookup = DependencyLookup::new(&all).with_children_by_id(&all, subjects);
    let checker = DependencyChecker { jobs: &all, lookup: &lookup, index: session.index, blocked };
    let mut found: BTreeMap<usize, Vec<Diagnostic>> = BTreeMap::new();
    for number in sort_deletes(jobs, plan).into_iter().filter(|number| is_absent(*number)) {
        let mut reasons = checker.check_dependents(number);
        reasons.extend((!are_known).then(|| diagnose_unread_documents(&jobs[number])));
        if !reasons.is_empty() {
            blocked.block(number, DependencyBlock::Refused);
            found.insert(number, reasons);
        }
    }
    refuse_steps(plan, found);
}

fn diagnose_unread_documents(job: &ObjectJob) -> Diagnostic {
    let message = "documents that are not selected could not be read, and may depend on this object";
    Diagnostic::error("dependency-blocked", message)
        .with_location(job.document.locate_span(job.document.name_span))
        .with_hint("correct the errors of the other documents; `trueup validate` lists them")
}

/// The jobs of a run, then those of the documents that it leaves out.
pub(super) fn add_unselected_jobs<'d>(
    session: &RunSession<'d>,
    jobs: &[ObjectJob<'d>],
) -> Vec<ObjectJob<'d>> {
    let unselected = session.other_documents.list_unselected().unwrap_or_default();
    jobs.iter().cloned().chain(unselected).collect()
}

/// The numbers of the documents with steps; what depends on an object comes before it.
fn sort_deletes(jobs: &[ObjectJob], plan: &Plan) -> Vec<usize> {
    let steps: BTreeMap<usize, &Step> = plan.steps.iter().map(|step| (step.subject.number, step)).collect();
    let mut edges = vec![Vec::new(); jobs.len()];
    add_dependent_deletes(&mut edges, jobs, &steps);
    let sequence = sort_topologically(&edges).sequence;
    sequence.into_iter().filter(|number| steps.contains_key(number)).collect()
}

/// Refuses the steps of the documents with these numbers.
pub(super) fn refuse_steps(plan: &mut Plan, mut reasons: BTreeMap<usize, Vec<Diagnostic>>) {
    for step in std::mem::take(&mut plan.steps) {
        match reasons.remove(&step.subject.number) {
            None => plan.steps.push(step),
            Some(reasons) => {
                let Step { subject, changes, .. } = step;
                plan.refused.push(RefusedObject { subject, reasons, changes });
            }
        }
    }
    plan.refused.sort_by_key(|refused| refused.subject.number);
}
