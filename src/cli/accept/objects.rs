//! Live objects as `accept` and a second import hold them against documents of several levels.
//!
//! Deliberately absent: reading them, and what becomes of their values (`rounds`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::document::Document;
use crate::plan::PlanSubject;
use crate::remote::wire::Snapshot;
use crate::run::accept::AcceptedObject;
use crate::run::accept::live::{compare_with_live, fill_document};
use crate::run::import::pending::{EditHistory, take_pending_changes};
use crate::workspace::LoadedWorkspace;

/// Values in scopes of targets, with the environments of these.
pub fn list_scope_values(workspace: &LoadedWorkspace) -> BTreeSet<(Arc<str>, String)> {
    let in_scope = workspace.settings.targets.iter().flat_map(|target| {
        let environment = target.environment.as_ref();
        let named = target.scope_values.iter();
        named.filter_map(move |own| Some((Arc::clone(environment?), own.name.clone())))
    });
    in_scope.collect()
}

/// In how many environments each document is, by the place of its name.
pub fn count_environments(documents: &[Document]) -> BTreeMap<(&str, u32), usize> {
    let mut environments = BTreeMap::new();
    for document in documents {
        *environments.entry(document.name_place()).or_default() += 1;
    }
    environments
}

/// A live object and the edits of its document that were not applied.
pub fn build_object(
    document: &Document,
    subject: PlanSubject,
    live: Snapshot,
    environments: usize,
    history: &dyn EditHistory,
) -> AcceptedObject {
    let mut proposal = compare_with_live(document, &subject, &live.object);
    let filled = fill_document(document, &live.object);
    let pending = take_pending_changes(history, &filled, &subject, &mut proposal);
    let misread = live.mismatches.iter().filter_map(|own| own.pointer.split('/').nth(1)).map(Into::into);
    let misread = misread.collect();
    AcceptedObject { subject, live: live.object, misread, environments, pending }
}
