//! Live objects that no document of a run describes: those that no one manages, and those that a create may mean.
//!
//! A run over some documents knows nothing of the others, so their objects are taken out before anything is said. A
//! create whose natural key differs from a live one in case, blanks or Unicode form alone is likely to be a second
//! object of one thing; where nothing can be deleted, a create beside an unmanaged object may be a rename.
//! Deliberately absent: renames that commits tell (`renames`).

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use super::RunSession;
use super::fetch::JobGroup;
use super::natural_key::{UnmatchedObject, build_desired_key};
use super::object_job::ObjectJob;
use crate::diagnostic::Diagnostic;
use crate::kind::{Kind, ScalarType};
use crate::plan::{Plan, RefusedObject, Step, StepAction};
use crate::value::{Sensitivity, Value};

/// The most objects that a message names.
const MAX_NAMED: usize = 3;

/// The objects of one list that no document of the run describes.
pub struct UnmatchedGroup {
    kind: Arc<Kind>,
    target: Arc<str>,
    scope: String,
    jobs: Vec<usize>,
    objects: Vec<UnmatchedObject>,
    /// By the number of the job: the objects whose natural key is almost that of its document.
    similar: BTreeMap<usize, Vec<UnmatchedObject>>,
}

impl UnmatchedGroup {
    /// Those of one list; `similar` by the place of a job in the group.
    pub fn new(
        group: &JobGroup,
        objects: Vec<UnmatchedObject>,
        similar: BTreeMap<usize, Vec<UnmatchedObject>>,
    ) -> Self {
        let numbered = similar.into_iter().filter_map(|(at, own)| Some((*group.jobs.get(at)?, own)));
        Self {
            kind: Arc::clone(&group.kind),
            target: Arc::clone(&group.target),
            scope: render_scope(&group.kind, &group.scope),
            jobs: group.jobs.clone(),
            objects,
            similar: numbered.collect(),
        }
    }
}

fn render_scope(kind: &Kind, scope: &[Value]) -> String {
    let scope: Vec<String> =
        scope.iter().map(|value| ScalarType::render_url_text(value, &kind.api)).collect();
    scope.join("\n")
}

/// All of them, without those that other documents of the workspace describe.
pub struct UnmatchedObjects {
    groups: Vec<UnmatchedGroup>,
    /// Whether the other documents could not be read.
    is_unknown: bool,
}

impl UnmatchedObjects {
    /// Takes out what other documents of the workspace describe.
    pub fn new(session: &RunSession, mut groups: Vec<UnmatchedGroup>) -> Self {
        if groups.iter().all(|group| group.objects.is_empty()) {
            return Self { groups, is_unknown: false };
        }
        let Some(others) = session.other_documents.list_unselected() else {
            groups.iter_mut().for_each(|group| group.objects.clear());
            return Self { groups, is_unknown: true };
        };
        for group in &mut groups {
            let described = DescribedKeys::new(group, &others);
            group.objects.retain(|object| !described.contains(object));
        }
        Self { groups, is_unknown: false }
    }

    /// What is in no document, in the order of the messages.
    pub fn list_unmanaged(&self) -> Vec<Diagnostic> {
        let named = |group: &UnmatchedGroup, object: &UnmatchedObject| {
            let (kind, target) = (&group.kind.name, &group.target);
            let shown = object.describe_to_anybody(&group.kind);
            let message = format!("{kind} {shown} at target {target} is in no document");
            let hint = match group.kind.id_field().sensitivity {
                Sensitivity::Public => {
                    format!("`trueup import {kind} {} --target {target} -o config` writes one", object.id)
                }
                _ => format!("`trueup import {kind} --target {target} -o config` writes them"),
            };
            Diagnostic::note("unmanaged", message).with_hint(hint)
        };
        let each =
            self.groups.iter().flat_map(|group| group.objects.iter().map(move |own| named(group, own)));
        let mut notes: Vec<Diagnostic> = each.collect();
        notes.sort_by(|a, b| a.message.cmp(&b.message));
        notes.extend(self.is_unknown.then(|| {
            let message = "unmanaged objects are not listed: other documents of the workspace have errors";
            Diagnostic::warning("unmanaged-unknown", message).with_hint("`trueup validate` lists the errors")
        }));
        notes
    }

    /// Says beside each create which live object it may mean, and refuses it where the kind does not tell the two
    /// from each other.
    pub fn review_creates(&self, plan: &mut Plan) {
        for mut step in std::mem::take(&mut plan.steps) {
            let group = self.groups.iter().find(|group| group.jobs.contains(&step.subject.number));
            match group.filter(|_| step.action == StepAction::Create) {
                None => plan.steps.push(step),
                Some(group) => match review_create(group, &step) {
                    Ok(notes) => {
                        step.notes.extend(notes);
                        plan.steps.push(step);
                    }
                    Err(reason) => {
                        let (subject, changes) = (step.subject, step.changes);
                        plan.refused.push(RefusedObject { subject, reasons: vec![reason], changes });
                    }
                },
            }
        }
        plan.refused.sort_by_key(|refused| refused.subject.number);
    }
}

fn review_create(group: &UnmatchedGroup, step: &Step) -> Result<Option<Diagnostic>, Diagnostic> {
    let (kind, place) = (&group.kind, &step.subject.place);
    if let Some(similar) = group.similar.get(&step.subject.number) {
        let message = format!(
            "a live object has almost the same natural key: {}; it differs in case, blanks or Unicode form alone",
            name_objects(kind, similar)
        );
        let hint = "set its `id` if it is the same object, or spell the natural key as it is live";
        return match kind.compares_natural_key_loosely() {
            true => Err(Diagnostic::error("similar-natural-key", message)
                .with_location(place.clone())
                .with_hint(hint)),
            false => Ok(Some(
                Diagnostic::warning("similar-natural-key", message)
                    .with_location(place.clone())
                    .with_hint(hint),
            )),
        };
    }
    let can_delete = kind.operations.delete.is_some();
    if can_delete || group.objects.is_empty() || step.subject.id.is_some() {
        return Ok(None);
    }
    let message = format!(
        "this API cannot delete, and {} in no document: {}",
        if group.objects.len() == 1 { "1 live object is" } else { "live objects are" },
        name_objects(kind, &group.objects)
    );
    let note = Diagnostic::warning("possible-rename", message).with_location(place.clone());
    Ok(Some(note.with_hint("set its `id` here if this document renames one of them; else apply")))
}

fn name_objects(kind: &Kind, objects: &[UnmatchedObject]) -> String {
    let mut names: Vec<String> =
        objects.iter().take(MAX_NAMED).map(|own| own.describe_to_anybody(kind)).collect();
    if objects.len() > MAX_NAMED {
        names.push(format!("and {} more", objects.len() - MAX_NAMED));
    }
    names.join(", ")
}

/// The ids and natural keys by which documents outside the run name objects of one list.
#[derive(Default)]
struct DescribedKeys {
    ids: HashSet<String>,
    natural_keys: HashSet<String>,
}

impl DescribedKeys {
    fn new(group: &UnmatchedGroup, others: &[ObjectJob]) -> Self {
        let mut keys = Self::default();
        let beside = others.iter().filter(|job| {
            let kind = &job.document.kind;
            job.target == group.target
                && kind.name == group.kind.name
                && render_scope(kind, &job.scope) == group.scope
        });
        for job in beside {
            let id = job.document.id.as_ref().or(job.known_id.as_ref());
            keys.ids.extend(id.map(|id| ScalarType::render_url_text(id, &group.kind.api)));
            keys.natural_keys.extend(build_desired_key(&group.kind, job.document));
        }
        keys
    }

    fn contains(&self, object: &UnmatchedObject) -> bool {
        let is_named = object.natural_key.as_ref().is_some_and(|key| self.natural_keys.contains(key));
        is_named || self.ids.contains(&object.id)
    }
}
