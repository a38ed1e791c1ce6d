//! Which live objects documents describe: none of them is deleted under another name, and no two documents
//! describe one.
//!
//! A document that got another name, target or file leaves its old name behind as one whose document is gone.
//! Only the live objects tell that both are one. Where a document's object is not known, nothing of its kind is
//! deleted: it might be that object.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use super::Session;
use super::gather::Job;
use crate::diagnostic::Diagnostic;
use crate::document::State;
use crate::kind::Leaf;
use crate::plan::{Action, Agreeing, Plan, Refused, Step, Subject};

/// Takes the steps out of a plan that would delete what a document describes, and those of documents that
/// describe one object.
pub fn spare(session: &Session, jobs: &[Job], plan: &mut Plan) {
    let known = Described::of(session, jobs, plan);
    if known.is_plain(plan) {
        return;
    }
    let mut kept = Vec::with_capacity(plan.steps.len());
    for step in std::mem::take(&mut plan.steps) {
        match known.objection(&step.subject, step.action == Action::Delete) {
            None => kept.push(step),
            Some(Objection::Described(note)) => {
                plan.agreeing.push(Agreeing { notes: vec![note], ..Agreeing::plain(&step.subject) });
            }
            Some(Objection::Refused(reason)) => plan.refused.push(refused(step, reason)),
        }
    }
    plan.steps = kept;
    for agreeing in std::mem::take(&mut plan.agreeing) {
        let present = jobs[agreeing.subject.number].document.state == State::Present;
        match known.twin(&agreeing.subject).filter(|_| present) {
            None => plan.agreeing.push(agreeing),
            Some(reason) => {
                let (subject, reasons) = (agreeing.subject, vec![reason]);
                plan.refused.push(Refused { subject, reasons, changes: Vec::new() });
            }
        }
    }
    plan.agreeing.sort_by_key(|agreeing| agreeing.subject.number);
    plan.refused.sort_by_key(|refused| refused.subject.number);
}

fn refused(step: Step, reason: Diagnostic) -> Refused {
    Refused { subject: step.subject, reasons: vec![reason], changes: step.changes }
}

/// What speaks against a step.
enum Objection {
    /// It is not a deletion at all.
    Described(Diagnostic),
    Refused(Diagnostic),
}

/// The objects of a plan that documents want to be there.
struct Described<'p, 'd> {
    session: &'p Session<'p>,
    jobs: &'p [Job<'d>],
    /// The number of the first document that describes an object.
    by_object: HashMap<String, usize>,
    /// Those of others that describe the same.
    more: HashMap<String, Vec<usize>>,
    /// Kinds, each at its service, of which a document's object is not known.
    uncertain: HashSet<String>,
}

impl<'p, 'd> Described<'p, 'd> {
    fn of(session: &'p Session<'p>, jobs: &'p [Job<'d>], plan: &Plan) -> Self {
        let by_object = HashMap::with_capacity(jobs.len());
        let mut known = Self { session, jobs, by_object, more: HashMap::new(), uncertain: HashSet::new() };
        let present = |subject: &&Subject| jobs[subject.number].document.state == State::Present;
        let agreeing = plan.agreeing.iter().map(|agreeing| &agreeing.subject);
        let refused = plan.refused.iter().map(|refused| &refused.subject);
        for subject in agreeing.chain(refused.clone()).filter(present) {
            known.add(subject);
        }
        for step in plan.steps.iter().filter(|step| step.action == Action::Update) {
            known.add(&step.subject);
        }
        let open = refused.filter(present).filter(|subject| subject.id.is_none());
        known.uncertain = open.map(|subject| collection(session, subject)).collect();
        known
    }

    fn add(&mut self, subject: &Subject) {
        let Some(key) = object(self.session, subject) else { return };
        match self.by_object.entry(key) {
            Entry::Vacant(place) => drop(place.insert(subject.number)),
            Entry::Occupied(first) => {
                self.more.entry(first.key().clone()).or_default().push(subject.number);
            }
        }
    }

    /// Whether nothing is to go and no two documents describe one object, so that nothing can be wrong.
    fn is_plain(&self, plan: &Plan) -> bool {
        self.more.is_empty() && plan.steps.iter().all(|step| step.action != Action::Delete)
    }

    fn objection(&self, subject: &Subject, deletes: bool) -> Option<Objection> {
        if !deletes {
            return self.twin(subject).map(Objection::Refused);
        }
        let describing = self.by_object.get(&object(self.session, subject)?);
        if let Some(other) = describing.map(|number| self.jobs[*number].document) {
            let message = format!("the document `{}` describes this object, so it stays", other.name);
            let note = Diagnostic::note("still-described", message).at(other.place(other.name_span));
            return Some(Objection::Described(note));
        }
        let kind = &subject.kind;
        self.uncertain.contains(&collection(self.session, subject)).then(|| {
            let message =
                format!("the object of another {} document is not known, and may be this one", kind.name);
            let reason = Diagnostic::error("perhaps-described", message).at(subject.place.clone());
            Objection::Refused(reason.hint("see why that object is not known, then delete"))
        })
    }

    /// Another document that describes the same object. Two targets of one service may have credentials of two
    /// customers, who may each have an object of that number.
    fn twin(&self, subject: &Subject) -> Option<Diagnostic> {
        let key = object(self.session, subject)?;
        let is_twin =
            |other: &&usize| **other != subject.number && self.jobs[**other].target == subject.target;
        let mut all = self.by_object.get(&key).into_iter().chain(self.more.get(&key).into_iter().flatten());
        let other = self.jobs[*all.find(is_twin)?].document;
        let message = format!("the document `{}` describes the same live object", other.name);
        let reason = Diagnostic::error("duplicate-document", message)
            .at(subject.place.clone())
            .also(other.place(other.name_span), "the other document")
            .hint("one object is described by one document: merge the two, or tell them apart");
        Some(reason)
    }
}

/// The kind at its service; two targets may lead to one service.
fn collection(session: &Session, subject: &Subject) -> String {
    let service = session.services.get(&subject.target);
    let base = service.map_or(&*subject.target, |service| service.target.base_url.as_str());
    format!("{}\n{base}", subject.kind.name)
}

/// What tells a live object from all others; nothing before it has an id.
fn object(session: &Session, subject: &Subject) -> Option<String> {
    let api = &subject.kind.api;
    let mut key = collection(session, subject);
    for value in subject.scope.iter().chain([subject.id.as_ref()?]) {
        key.push('\n');
        key.push_str(&Leaf::url_text(value, api));
    }
    Some(key)
}
