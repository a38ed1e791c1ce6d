//! What could not be read, reported once for all objects that share the reason: a list that is not there for one of
//! its objects is not there for any of them.
//!
//! The objects stay in the plan, each as unread. Deliberately absent: why a reading fails.

use std::collections::BTreeMap;

use super::natural_key::show_id;
use super::object_job::ObjectJob;
use crate::diagnostic::Diagnostic;
use crate::kind::Kind;
use crate::plan::{Plan, PlanCollection, PlanSubject, RefusedObject};
use crate::remote::pager::IncompleteReason;
use crate::value::{Sensitivity, Value};

/// So many places are named, and the rest counted.
const MAX_NAMED_PLACES: usize = 3;

/// An object that an incomplete list does not show.
pub fn diagnose_unseen(subject: &PlanSubject, reason: &IncompleteReason) -> Diagnostic {
    diagnose_unlisted(&subject.kind, &subject.target, reason).with_location(subject.place.clone())
}

/// The same of the object of a job.
pub fn diagnose_unseen_job(job: &ObjectJob, reason: &IncompleteReason) -> Diagnostic {
    let document = job.document;
    diagnose_unlisted(&document.kind, &job.target, reason)
        .with_location(document.locate_span(document.name_span))
}

fn diagnose_unlisted(kind: &Kind, target: &str, reason: &IncompleteReason) -> Diagnostic {
    let list = format!("the list of {} at target {target}", kind.name);
    let message = format!("{list} is not complete, so nobody knows whether this object is there: {reason}");
    Diagnostic::error("incomplete-list", message)
        .with_hint("check `paging` in the description of the kind, or name the `id` of the object")
}

/// Several live objects have the natural key of a document.
pub fn diagnose_ambiguous(job: &ObjectJob, ids: &[Value]) -> Diagnostic {
    let kind = &job.document.kind;
    let key = kind.list_natural_key_names().join(", ");
    let shown: Vec<String> = match kind.id_field().sensitivity {
        Sensitivity::Public => ids.iter().map(|id| show_id(kind, id)).collect(),
        _ => Vec::new(),
    };
    let shown = if shown.is_empty() { String::new() } else { format!(": {}", shown.join(", ")) };
    let message = format!("{} live objects have this {key}{shown}", ids.len());
    Diagnostic::error("ambiguous-object", message)
        .with_location(job.document.locate_span(job.document.name_span))
        .with_hint("name the `id` of the one that is meant")
}

/// A list that is not complete.
pub fn diagnose_incomplete(collection: &PlanCollection) -> Option<Diagnostic> {
    let reason = collection.incomplete.as_ref()?;
    let message = format!(
        "the list of {} at target {} is not complete: {reason}",
        collection.kind.name, collection.target
    );
    let hint =
        "objects that it lacks are not created, deleted or called unmanaged; check `paging` of the kind";
    Some(Diagnostic::warning("incomplete-list", message).with_hint(hint))
}

/// What objects share: target, kind, and what is said.
type ReadErrorKey = (String, String, Vec<(&'static str, String, Option<String>)>);

/// Moves what is said of several unread objects alike from these to the plan.
pub fn merge_read_errors(plan: &mut Plan) {
    let mut alike: BTreeMap<ReadErrorKey, Vec<usize>> = BTreeMap::new();
    for (at, refused) in plan.refused.iter().enumerate() {
        if plan.unread.contains(&refused.subject.number) && !refused.reasons.is_empty() {
            alike.entry(build_error_key(refused)).or_default().push(at);
        }
    }
    let mut groups: Vec<Vec<usize>> = alike.into_values().filter(|group| group.len() > 1).collect();
    groups.sort();
    let mut reported = Vec::new();
    for group in groups {
        let subjects: Vec<PlanSubject> = group.iter().map(|at| plan.refused[*at].subject.clone()).collect();
        let mut reasons = std::mem::take(&mut plan.refused[group[0]].reasons);
        group.iter().for_each(|at| plan.refused[*at].reasons.clear());
        if let Some(first) = reasons.first_mut() {
            first.message = format!("{}; {}", first.message, describe_subjects(&subjects));
        }
        reported.append(&mut reasons);
    }
    plan.diagnostics.splice(0..0, reported);
}

fn build_error_key(refused: &RefusedObject) -> ReadErrorKey {
    let said = |reason: &Diagnostic| (reason.code, reason.message.clone(), reason.hint.clone());
    let subject = &refused.subject;
    (subject.target.to_string(), subject.kind.name.to_string(), refused.reasons.iter().map(said).collect())
}

/// `40 objects of api/kind at target there are unread: a.yaml:1, b.yaml:1, c.yaml:1 and 37 more`
fn describe_subjects(subjects: &[PlanSubject]) -> String {
    let place = |subject: &PlanSubject| {
        format!("{}:{}", subject.place.source.path, subject.place.find_line_column().0)
    };
    let places: Vec<String> = subjects.iter().take(MAX_NAMED_PLACES).map(place).collect();
    let more = match subjects.len().saturating_sub(MAX_NAMED_PLACES) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let of = subjects.first().map(|subject| format!("{} at target {}", subject.kind.name, subject.target));
    let (number, of) = (subjects.len(), of.unwrap_or_default());
    format!("{number} objects of {of} are unread: {}{more}", places.join(", "))
}
