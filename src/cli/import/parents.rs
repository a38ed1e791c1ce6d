//! Imports over all parents: one scope after the other, each with the id of a parent.
//!
//! Documents name a parent that the workspace describes. A finding that is about one scope alone, such as an empty
//! list, is said only where every scope has it.
//! Deliberately absent: what an import of one scope does.

use std::collections::BTreeSet;

use super::args::ImportArgs;
use super::report::ImportSummary;
use super::{ImportSession, PreparedImport};
use crate::diagnostic::{Diagnostic, has_errors};
use crate::kind::ScalarType;
use crate::remote::target_client::{CollectionRef, ListEvent};
use crate::run::import as job;

/// Findings that say something of an import only where all scopes have them.
const PARTIAL_CODES: [&str; 3] = ["empty-collection", "no-match", "nothing-selected"];

impl ImportSession<'_> {
    /// Imports every scope: the one of the arguments, or one for each parent.
    pub(super) fn import_scopes(&self, ready: PreparedImport, args: &ImportArgs, told: &mut ImportSummary) {
        let Some(open) = ready.import_target.find_open_scope() else {
            return self.import_scope(ready, args, told);
        };
        let Some(ids) = self.list_parents(&ready, open, &mut told.diagnostics) else { return };
        let is_complete = !has_errors(&told.diagnostics);
        let kind = &ready.import_target.import.kind;
        let Some(parameter) = kind.scope.get(open) else { return };
        let mut scopes = Vec::with_capacity(ids.len());
        for id in ids {
            let mut own = ImportSummary::new(&args.kind);
            let mut args = args.clone();
            args.scope.push(format!("{}={id}", parameter.name));
            let ready = PreparedImport::open(self.common, &args, &mut own.diagnostics);
            if let Some(ready) = ready.filter(|_| !has_errors(&own.diagnostics)) {
                self.import_scopes(ready, &args, &mut own);
            }
            scopes.push(own);
        }
        merge_summaries(told, scopes);
        told.verified &= is_complete;
    }

    /// The ids of the parents for a parameter of the scope, in order.
    fn list_parents(
        &self,
        ready: &PreparedImport,
        open: usize,
        faults: &mut Vec<Diagnostic>,
    ) -> Option<BTreeSet<String>> {
        let aim = &ready.import_target;
        let parent = aim.import.kind.scope.get(open)?.parent_kind()?;
        let kind = ready.workspace.registry.find_kind(parent)?;
        let scope = aim.resolve_parent_scope(&kind, &ready.workspace, faults)?;
        let service = self.services.get(&aim.import.target)?;
        let mut ids = BTreeSet::new();
        let mut take = |event: ListEvent| match event {
            ListEvent::Object(live) => {
                let id = live.object.get_field(kind.identity.id).filter(|id| !id.is_blank());
                ids.extend(id.map(|id| ScalarType::render_url_text(id, &kind.api)));
            }
            ListEvent::Restarted => ids.clear(),
        };
        let of = CollectionRef { kind: &kind, scope: &scope };
        match self.runtime.block_on(service.list_objects(of, &mut take)) {
            Ok(completeness) => {
                let reason = completeness.reason();
                faults.extend(reason.map(|reason| {
                    let message = format!(
                        "the list of `{parent}` is not complete, so objects may be missing: {reason}"
                    );
                    let hint = "check `paging` in the description of that kind";
                    Diagnostic::error("incomplete-list", message).with_hint(hint)
                }));
                Some(ids)
            }
            Err(error) => {
                faults.extend(job::diagnose_request_error(&error));
                None
            }
        }
    }
}

fn merge_summaries(told: &mut ImportSummary, scopes: Vec<ImportSummary>) {
    let count = scopes.len();
    let mut partial: Vec<(Diagnostic, usize)> = Vec::new();
    told.verified = scopes.iter().all(|own| own.verified);
    for own in scopes {
        told.dry_run |= own.dry_run;
        told.rows.extend(own.rows);
        for finding in own.diagnostics {
            let is_same = |other: &Diagnostic| other.identify() == finding.identify();
            if PARTIAL_CODES.contains(&finding.code) {
                match partial.iter_mut().find(|(other, _)| is_same(other)) {
                    Some((_, times)) => *times += 1,
                    None => partial.push((finding, 1)),
                }
            } else if !told.diagnostics.iter().any(is_same) {
                told.diagnostics.push(finding);
            }
        }
    }
    told.diagnostics.extend(partial.into_iter().filter(|(_, times)| *times == count).map(|(own, _)| own));
    told.rows.sort_by(|a, b| (&a.file, &a.name).cmp(&(&b.file, &b.name)));
}
