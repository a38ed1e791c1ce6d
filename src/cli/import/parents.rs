//! Imports over all parents: one scope after the other, each with the id of a parent.
//!
//! Documents name a parent that the workspace describes. Names and variables are unique across scopes. A finding that
//! is about one scope alone, such as an empty list, is reported only where every scope has it.
//! Deliberately absent: what an import of one scope does.

use std::collections::BTreeSet;

use super::args::ImportArgs;
use super::report::{ImportRow, ImportStatus, ImportSummary};
use super::target::ImportTarget;
use super::{ImportSession, PreparedImport};
use crate::diagnostic::{Diagnostic, has_errors};
use crate::kind::{ScalarType, ScopeParameter};
use crate::remote::target_client::{CollectionRef, ListEvent};
use crate::report::sanitize::format_count;
use crate::run::import as job;

/// Findings that say something of an import only where all scopes have them.
const PARTIAL_CODES: [&str; 3] = ["empty-collection", "no-match", "nothing-selected"];

impl ImportSession<'_> {
    /// Imports every scope: the one of the arguments, or one for each parent.
    pub(super) fn import_scopes(
        &self,
        ready: &mut PreparedImport,
        target: &ImportTarget,
        args: &ImportArgs,
        outcome: &mut ImportSummary,
    ) {
        let Some(open) = target.find_open_scope() else {
            self.import_scope(ready, target, args, outcome);
            let written = outcome.rows.iter().filter(|row| !args.dry_run && is_written(row));
            return ready.written.extend(written.filter_map(|row| row.file.clone()));
        };
        let Some(parameter) = target.import.kind.scope.get(open) else { return };
        let Some(ids) = self.list_parents(ready, target, parameter, &mut outcome.diagnostics) else { return };
        let is_complete = !has_errors(&outcome.diagnostics);
        if ids.is_empty() && is_complete {
            outcome.diagnostics.extend(diagnose_no_parents(parameter));
        }
        let mut scopes = Vec::with_capacity(ids.len());
        for id in ids {
            let mut own = ImportSummary::new(&args.kind);
            let mut args = args.clone();
            args.scope.push(format!("{}={id}", parameter.name));
            if let Some(target) = self.open_scope(ready, &args, &mut own.diagnostics) {
                self.import_scopes(ready, &target, &args, &mut own);
            }
            scopes.push(own);
        }
        merge_summaries(outcome, scopes);
        outcome.verified &= is_complete;
    }

    /// One of the scopes; the workspace is read again where files of this scope are others by now.
    fn open_scope(
        &self,
        ready: &mut PreparedImport,
        args: &ImportArgs,
        faults: &mut Vec<Diagnostic>,
    ) -> Option<ImportTarget> {
        let target = ImportTarget::from_args(&ready.workspace, args, faults);
        let target = target.filter(|_| !has_errors(faults))?;
        if !ready.is_outdated(&target, args) {
            return Some(target);
        }
        let opened = PreparedImport::open(self.common, args, faults);
        let (fresh, target) = opened.filter(|_| !has_errors(faults))?;
        // what this import records is of scopes that are done
        let records = std::mem::take(&mut ready.records);
        *ready = PreparedImport { records, ..fresh };
        Some(target)
    }

    /// The ids of the parents for a parameter of the scope, in order.
    fn list_parents(
        &self,
        ready: &PreparedImport,
        target: &ImportTarget,
        parameter: &ScopeParameter,
        faults: &mut Vec<Diagnostic>,
    ) -> Option<BTreeSet<String>> {
        let parent = parameter.parent_kind()?;
        let kind = ready.workspace.registry.find_kind(parent)?;
        let scope = target.resolve_parent_scope(&kind, &ready.workspace, faults)?;
        let service = self.services.get(&target.import.target)?;
        let (mut ids, mut unnamed) = (BTreeSet::new(), 0);
        let mut take = |event: ListEvent| match event {
            ListEvent::Object(live) => {
                let id = live.object.get_field(kind.identity.id).filter(|id| !id.is_blank());
                match id {
                    Some(id) => drop(ids.insert(ScalarType::render_url_text(id, &kind.api))),
                    None => unnamed += 1,
                }
            }
            ListEvent::Restarted => {
                ids.clear();
                unnamed = 0;
            }
        };
        let of = CollectionRef { kind: &kind, scope: &scope };
        let listed = self.runtime.block_on(service.list_objects(of, &mut take));
        if unnamed > 0 {
            faults.push(diagnose_unnamed(parent, &kind.id_field().name, unnamed));
        }
        match listed {
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

fn is_written(row: &ImportRow) -> bool {
    matches!(row.status, ImportStatus::New | ImportStatus::Updated)
}

/// Parents without an id, below which nothing can be read.
fn diagnose_unnamed(parent: &str, id: &str, count: usize) -> Diagnostic {
    let objects = format_count(count, "object");
    let message = format!("{objects} in the list of `{parent}` without `{id}`, so what is below is missing");
    Diagnostic::error("incomplete-list", message)
        .with_hint("check `identity` in the description of that kind")
}

/// Nothing was looked for, which need not mean that there is nothing.
fn diagnose_no_parents(parameter: &ScopeParameter) -> Option<Diagnostic> {
    let (parent, name) = (parameter.parent_kind()?, &parameter.name);
    let message = format!("the service lists no `{parent}`, so nothing below them was read");
    let hint = format!("check the credentials, or name one with `--scope {name}=…`");
    Some(Diagnostic::error("empty-collection", message).with_hint(hint))
}

fn merge_summaries(outcome: &mut ImportSummary, scopes: Vec<ImportSummary>) {
    let count = scopes.len();
    let mut partial: Vec<(Diagnostic, usize)> = Vec::new();
    outcome.verified = scopes.iter().all(|own| own.verified);
    for own in scopes {
        outcome.dry_run |= own.dry_run;
        outcome.rows.extend(own.rows);
        for finding in own.diagnostics {
            let is_same = |other: &Diagnostic| other.identify() == finding.identify();
            if PARTIAL_CODES.contains(&finding.code) {
                match partial.iter_mut().find(|(other, _)| is_same(other)) {
                    Some((_, times)) => *times += 1,
                    None => partial.push((finding, 1)),
                }
            } else if !outcome.diagnostics.iter().any(is_same) {
                outcome.diagnostics.push(finding);
            }
        }
    }
    outcome.diagnostics.extend(partial.into_iter().filter(|(_, times)| *times == count).map(|(own, _)| own));
    outcome.rows.sort_by(|a, b| (&a.file, &a.name).cmp(&(&b.file, &b.name)));
}
