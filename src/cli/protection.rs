//! Deletes of objects that the base of the branch, earlier commits or shared receipts protect.
//!
//! Protection belongs to the live object, whichever document names it, and it is taken away by an apply of its own.
//! The index tells of applies of this workspace (`run::identity`). The base of the branch counts always; earlier
//! commits and receipts count where the index does not know the object, as in a fresh clone.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use super::prepared_run::PreparedRun;
use super::shared_receipts;
use crate::document::{Document, DocumentState};
use crate::plan::{Plan, RefusedObject, Step};
use crate::run::identity::build_protected_reason;
use crate::run::natural_key::{build_desired_key, build_live_key};

/// The most earlier texts of files that are searched.
const MAX_EARLIER_FILES: usize = 200;

/// Takes the deletes of protected objects out of a plan; they are refused instead.
pub fn refuse_protected_deletes(plan: &mut Plan, prepared: &PreparedRun) {
    let deletes = plan.steps.iter().filter(|step| step.action.takes_away());
    let protections: BTreeMap<usize, &str> = find_protections(&deletes.collect::<Vec<_>>(), prepared);
    if protections.is_empty() {
        return;
    }
    for step in std::mem::take(&mut plan.steps) {
        match protections.get(&step.subject.number) {
            Some(why) => {
                let reasons = vec![build_protected_reason(&step.subject, why)];
                plan.refused.push(RefusedObject { subject: step.subject, reasons, changes: step.changes });
            }
            None => plan.steps.push(step),
        }
    }
    plan.refused.sort_by_key(|refused| refused.subject.number);
}

/// By the number of the step's document: from where its protection is known.
fn find_protections(deletes: &[&Step], prepared: &PreparedRun) -> BTreeMap<usize, &'static str> {
    let mut found = BTreeMap::new();
    let mut unknown: Vec<&Step> = Vec::new();
    let base = prepared.base_documents().filter(|_| !deletes.is_empty());
    for step in deletes {
        let protects = |document: &Document| document.protect && describes_object(document, step);
        if base.is_some_and(|base| base.list_base_documents().any(protects)) {
            found.insert(step.subject.number, "is protected in the base of the branch");
        } else if !is_in_index(step, prepared) {
            unknown.push(step);
        }
    }
    if unknown.is_empty() {
        return found;
    }
    let earlier = base.map(|base| base.list_earlier_documents(&prepared.workspace, MAX_EARLIER_FILES));
    let earlier = earlier.unwrap_or_default();
    unknown.retain(|step| match earlier.iter().find(|document| describes_object(document, step)) {
        Some(newest) => {
            if newest.protect {
                found.insert(step.subject.number, "was protected before this edit");
            }
            false
        }
        None => true,
    });
    for number in shared_receipts::find_protected(&unknown, prepared) {
        found.insert(number, "was protected when it was last applied elsewhere");
    }
    found
}

/// Whether a document describes the live object of a step as one that is to be there.
fn describes_object(document: &Document, step: &Step) -> bool {
    let (subject, kind) = (&step.subject, &step.subject.kind);
    let is_in_collection = document.state == DocumentState::Present
        && document.kind.name == kind.name
        && document.target.as_ref() == Some(&subject.target);
    let live_key = step.live.as_ref().and_then(|live| build_live_key(kind, live));
    is_in_collection
        && (document.name == subject.name
            || (document.id.is_some() && document.id == subject.id)
            || (live_key.is_some() && live_key == build_desired_key(kind, document)))
}

fn is_in_index(step: &Step, prepared: &PreparedRun) -> bool {
    let index = prepared.index.lock().unwrap_or_else(PoisonError::into_inner);
    index.knows_object(&step.subject)
}
