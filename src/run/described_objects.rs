//! Which live objects documents describe: none of them is deleted under another name, and no two documents
//! describe one.
//!
//! A document that got another name, target or file leaves its old name behind as one whose document is gone.
//! Only the live objects tell that both are one. Where a document's object is not known, nothing of its kind is
//! deleted: it might be that object.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::RunSession;
use super::fetch::ObjectJob;
use super::natural_key::build_desired_key;
use crate::diagnostic::Diagnostic;
use crate::document::DocumentState;
use crate::kind::ScalarType;
use crate::plan::{Plan, PlanSubject, RefusedObject, Step, StepAction, UnchangedObject};
use crate::remote::target::normalize_base_url;
use crate::value::Value;

/// Takes the steps out of a plan that would delete what a document describes, and those of documents that
/// describe one object.
pub fn remove_conflicting_steps(session: &RunSession, jobs: &[ObjectJob], plan: &mut Plan) {
    let known = DescribedObjects::from_plan(session, jobs, plan);
    if known.has_no_conflicts(plan) {
        return;
    }
    let mut kept = Vec::with_capacity(plan.steps.len());
    for step in std::mem::take(&mut plan.steps) {
        match known.find_objection(&step) {
            None => kept.push(step),
            Some(StepObjection::Described(note)) => {
                plan.unchanged.push(UnchangedObject {
                    notes: vec![note],
                    ..UnchangedObject::from_subject(&step.subject)
                });
            }
            Some(StepObjection::Refused(reason)) => plan.refused.push(refuse_step(step, reason)),
        }
    }
    plan.steps = kept;
    for agreeing in std::mem::take(&mut plan.unchanged) {
        let present = jobs[agreeing.subject.number].document.state != DocumentState::Absent;
        match known.find_duplicate(&agreeing.subject).filter(|_| present) {
            None => plan.unchanged.push(agreeing),
            Some(reason) => {
                let (subject, reasons) = (agreeing.subject, vec![reason]);
                plan.refused.push(RefusedObject { subject, reasons, changes: Vec::new() });
            }
        }
    }
    plan.unchanged.sort_by_key(|agreeing| agreeing.subject.number);
    plan.refused.sort_by_key(|refused| refused.subject.number);
}

fn refuse_step(step: Step, reason: Diagnostic) -> RefusedObject {
    RefusedObject { subject: step.subject, reasons: vec![reason], changes: step.changes }
}

/// What speaks against a step.
enum StepObjection {
    /// It is not a deletion at all.
    Described(Diagnostic),
    Refused(Diagnostic),
}

/// The objects of a plan that documents want to be there.
struct DescribedObjects<'p, 'd> {
    session: &'p RunSession<'p>,
    jobs: &'p [ObjectJob<'d>],
    /// The number of the first document that describes an object.
    by_object: HashMap<String, usize>,
    /// Those of others that describe the same.
    duplicates: HashMap<String, Vec<usize>>,
    /// Kinds, each at its service, of which a document's object is not known.
    uncertain: HashSet<String>,
}

impl<'p, 'd> DescribedObjects<'p, 'd> {
    fn from_plan(session: &'p RunSession<'p>, jobs: &'p [ObjectJob<'d>], plan: &Plan) -> Self {
        let by_object = HashMap::with_capacity(jobs.len());
        let mut known =
            Self { session, jobs, by_object, duplicates: HashMap::new(), uncertain: HashSet::new() };
        // what is to be left as it is, is described too
        let present = |subject: &&PlanSubject| jobs[subject.number].document.state != DocumentState::Absent;
        let agreeing = plan.unchanged.iter().map(|agreeing| &agreeing.subject);
        let refused = plan.refused.iter().map(|refused| &refused.subject);
        for subject in agreeing.chain(refused.clone()).filter(present) {
            known.add_subject(subject);
        }
        for step in &plan.steps {
            match &step.replacement {
                // what took the place of a former object is to stay
                Some(own) if step.action == StepAction::Delete => {
                    let successor = PlanSubject { id: own.other_id.clone(), ..step.subject.clone() };
                    Some(&successor).filter(present).into_iter().for_each(|own| known.add_subject(own));
                }
                None if step.action == StepAction::Delete => {}
                _ => known.add_subject(&step.subject),
            }
        }
        let open = refused.filter(present).filter(|subject| subject.id.is_none());
        known.uncertain = open.map(|subject| build_collection_key(session, subject)).collect();
        known
    }

    fn add_subject(&mut self, subject: &PlanSubject) {
        let Some(key) = self.build_key(subject) else { return };
        match self.by_object.entry(key) {
            Entry::Vacant(place) => drop(place.insert(subject.number)),
            Entry::Occupied(first) => {
                self.duplicates.entry(first.key().clone()).or_default().push(subject.number);
            }
        }
    }

    /// What tells an object from all others: its id, or the natural key of one that is to be created.
    fn build_key(&self, subject: &PlanSubject) -> Option<String> {
        let document = self.jobs[subject.number].document;
        build_object_key(self.session, subject).or_else(|| {
            let natural_key = build_desired_key(&subject.kind, document)?;
            Some(format!("{}\nkey\n{natural_key}", build_scope_key(self.session, subject)))
        })
    }

    /// Whether nothing is to go and no two documents describe one object, so that nothing can be wrong.
    fn has_no_conflicts(&self, plan: &Plan) -> bool {
        self.duplicates.is_empty() && !plan.steps.iter().any(|step| step.action.takes_away())
    }

    fn find_objection(&self, step: &Step) -> Option<StepObjection> {
        let subject = &step.subject;
        // of a replacement, and of what one left, the document describes an object that stays
        let describing = match step.action == StepAction::Delete && step.replacement.is_none() {
            true => self.by_object.get(&build_object_key(self.session, subject)?),
            false => {
                if let Some(reason) = self.find_duplicate(subject) {
                    return Some(StepObjection::Refused(reason));
                }
                None
            }
        };
        if !step.action.takes_away() {
            return None;
        }
        if let Some(other) = describing.map(|number| self.jobs[*number].document) {
            let message = format!("the document `{}` describes this object, so it stays", other.name);
            let note = Diagnostic::note("still-described", message)
                .with_location(other.locate_span(other.name_span));
            return Some(StepObjection::Described(note));
        }
        let kind = &subject.kind;
        self.uncertain.contains(&build_collection_key(self.session, subject)).then(|| {
            let message =
                format!("the object of another {} document is not known, and may be this one", kind.name);
            let reason =
                Diagnostic::error("possibly-described", message).with_location(subject.place.clone());
            StepObjection::Refused(reason.with_hint("see why that object is not known, then run again"))
        })
    }

    /// Another document that describes the same object.
    fn find_duplicate(&self, subject: &PlanSubject) -> Option<Diagnostic> {
        let key = self.build_key(subject)?;
        let is_same = |other: &&usize| {
            **other != subject.number && self.is_same_service(subject, &self.jobs[**other].target)
        };
        let mut all =
            self.by_object.get(&key).into_iter().chain(self.duplicates.get(&key).into_iter().flatten());
        let other = &self.jobs[*all.find(is_same)?];
        let live = if subject.id.is_some() { "live object" } else { "object" };
        let mut message = format!("the document `{}` describes the same {live}", other.document.name);
        let mut hint =
            "one object is described by one document: merge the two, or change the identity of one";
        if other.target != subject.target {
            message.push_str(&format!(
                ", and the targets `{}` and `{}` are one service",
                subject.target, other.target
            ));
            hint = "correct `base_url`, `auth` or `scope` of one target, or remove one of the documents";
        }
        let reason = Diagnostic::error("duplicate-document", message)
            .with_location(subject.place.clone())
            .with_related(other.document.locate_span(other.document.name_span), "the other document")
            .with_hint(hint);
        Some(reason)
    }

    /// Whether what has the same key at the same address is the same object. Two targets of one address may have
    /// credentials of two customers, who may each have an object of that number; a UUID is an object's own.
    fn is_same_service(&self, subject: &PlanSubject, target: &Arc<str>) -> bool {
        let find = |name: &Arc<str>| self.session.services.get(name).map(|service| &service.target);
        let is_one_account =
            || find(&subject.target).zip(find(target)).is_some_and(|(own, other)| own.is_same_service(other));
        *target == subject.target || matches!(subject.id, Some(Value::Uuid(_))) || is_one_account()
    }
}

/// The kind at its service; two targets may lead to one service.
fn build_collection_key(session: &RunSession, subject: &PlanSubject) -> String {
    let service = session.services.get(&subject.target);
    let base =
        service.map_or(subject.target.to_string(), |service| normalize_base_url(&service.target.base_url));
    format!("{}\n{base}", subject.kind.name)
}

/// What tells a live object from all others; nothing before it has an id.
fn build_object_key(session: &RunSession, subject: &PlanSubject) -> Option<String> {
    let id = ScalarType::render_url_text(subject.id.as_ref()?, &subject.kind.api);
    Some(format!("{}\n{id}", build_scope_key(session, subject)))
}

/// The collection with its scope.
fn build_scope_key(session: &RunSession, subject: &PlanSubject) -> String {
    let mut key = build_collection_key(session, subject);
    for value in &subject.scope {
        key.push('\n');
        key.push_str(&ScalarType::render_url_text(value, &subject.kind.api));
    }
    key
}
