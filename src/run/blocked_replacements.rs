//! Replacements that are refused when the plan is made, because other documents need the former object.
//!
//! The children of an object go with it. A document that the run leaves out may refer to it, and keeps the former id
//! as long as nothing is written of it.
//! Deliberately absent: documents of the run that refer to the former object; their steps let go of it first
//! (`execute::former_objects`).

use std::collections::{BTreeMap, HashMap};

use super::RunSession;
use super::needed_objects::{add_unselected_jobs, refuse_steps};
use super::object_job::ObjectJob;
use super::refer::{
    BlockedDependencies, DependencyBlock, DependencyChecker, DependencyLookup, DependentRelation, ReferentKey,
};
use crate::diagnostic::Diagnostic;
use crate::document::DocumentState;
use crate::kind::{FieldReference, IdAssigner};
use crate::plan::{Plan, Step, StepAction};

const CODE: &str = "replacement-blocked";

/// Takes the replacements out of a plan whose former objects other documents need; they are refused instead.
pub fn refuse_needed_replacements(session: &RunSession, jobs: &[ObjectJob], plan: &mut Plan) {
    // a document whose object is to be gone replaces nothing any more
    let is_present = |step: &&Step| jobs[step.subject.number].document.state == DocumentState::Present;
    let replaces = |step: &&Step| step.replacement.is_some() && is_present(step);
    if !plan.steps.iter().any(|step| replaces(&step)) {
        return;
    }
    let all = add_unselected_jobs(session, jobs);
    let are_known = session.other_documents.list_unselected().is_some();
    let subjects = plan.steps.iter().map(|step| &step.subject);
    let lookup = DependencyLookup::new(&all).with_children_by_id(&all, subjects);
    let checker = DependencyChecker {
        jobs: &all,
        lookup: &lookup,
        index: session.index,
        blocked: &session.references.blocked,
    };
    let references = find_references(&all[jobs.len()..]);
    let mut found: BTreeMap<usize, Vec<Diagnostic>> = BTreeMap::new();
    for step in plan.steps.iter().filter(replaces) {
        let mut reasons = check_children(&checker, step);
        reasons.extend(check_references(&references, step));
        reasons.extend((!are_known).then(|| diagnose_unread_documents(step)));
        if !reasons.is_empty() {
            block(&session.references.blocked, step);
            found.insert(step.subject.number, reasons);
        }
    }
    refuse_steps(plan, found);
}

fn block(blocked: &BlockedDependencies, step: &Step) {
    blocked.block(step.subject.number, DependencyBlock::Refused);
}

/// The first job that the run leaves out and that refers to an object, by the object.
fn find_references<'j, 'd>(unselected: &'j [ObjectJob<'d>]) -> HashMap<ReferentKey, &'j ObjectJob<'d>> {
    let mut found = HashMap::new();
    for job in unselected.iter().filter(|job| job.document.state == DocumentState::Present) {
        for (site, reference) in job.document.collect_references() {
            if let Some(kind) = site.reference.and_then(FieldReference::referenced_kind) {
                let key = (job.target.clone(), kind.clone(), (&*reference.name).into());
                found.entry(key).or_insert(job);
            }
        }
    }
    found
}

/// Objects below the former one; what is left of a replacement has those that name its id.
fn check_children(checker: &DependencyChecker, step: &Step) -> Vec<Diagnostic> {
    let subject = &step.subject;
    let is_child = |relation: DependentRelation| match relation {
        DependentRelation::DependsOn => false,
        DependentRelation::NamesParent => step.action == StepAction::Replace,
        DependentRelation::HoldsParentId => true,
    };
    let dependents = checker.lookup.list_dependents(subject.number).iter();
    let numbers = dependents.filter(|own| is_child(own.relation)).map(|own| own.number);
    let is_there = |number: &usize| match checker.jobs[*number].document.state {
        DocumentState::Present | DocumentState::Unmanaged => true,
        DocumentState::Absent => checker.is_remembered(*number) || !checker.is_gone(*number),
    };
    let diagnose = |number: usize| {
        let name = &checker.jobs[number].document.name;
        let message = format!("`{name}` is a child of this object, and would be deleted with it");
        Diagnostic::error(CODE, message)
            .with_location(subject.place.clone())
            .with_hint("delete the children first (`state: absent`), or write what the live object has")
            .with_related(checker.locate_job(number), "its document")
    };
    numbers.filter(is_there).map(diagnose).collect()
}

/// A document that is left out refers to the former object; where the new one has the same id, that changes nothing.
fn check_references(references: &HashMap<ReferentKey, &ObjectJob>, step: &Step) -> Option<Diagnostic> {
    let subject = &step.subject;
    let keeps_id = subject.kind.identity.id_assigned_by == IdAssigner::Client;
    let key = (subject.target.clone(), subject.kind.name.clone(), subject.name.clone());
    let job = references.get(&key).filter(|_| !keeps_id)?;
    let document = job.document;
    let message = format!("`{}`, which is not selected, refers to this object", document.name);
    let reason = Diagnostic::error(CODE, message)
        .with_location(subject.place.clone())
        .with_hint("select it too: it gets the id of the new object before the former one is deleted");
    Some(reason.with_related(document.locate_span(document.name_span), "its document"))
}

fn diagnose_unread_documents(step: &Step) -> Diagnostic {
    let message = "documents that are not selected could not be read, and may refer to this object";
    Diagnostic::error(CODE, message)
        .with_location(step.subject.place.clone())
        .with_hint("correct the errors of the other documents; `trueup validate` lists them")
}
