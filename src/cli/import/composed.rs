//! A second import of documents of several levels: live values go into the level that owns them, by the rules of
//! `accept`.
//!
//! Deliberately absent: those rules (`run::accept`), and documents that one file holds as they are.

use std::collections::BTreeMap;

use super::report::{ImportRow, ImportStatus, ImportSummary};
use crate::cli::accept::objects::{build_object, count_environments, list_scope_values};
use crate::cli::accept::rounds::{AcceptRounds, find_changes};
use crate::cli::merge_base::{build_document_key, build_subject_key};
use crate::cli::write_back::write_edits;
use crate::document::Document;
use crate::plan::Change;
use crate::run::accept::{AcceptOptions, AcceptedObject};
use crate::run::import::pending::{EditHistory, diagnose_pending};
use crate::run::import::{ImportAction, ImportJob, ImportedObject};
use crate::workspace::LoadedWorkspace;
use crate::workspace::edited::{EditedWorkspace, FileEdits};

/// An import into documents of several levels.
pub struct ComposedImport<'i> {
    pub workspace: &'i LoadedWorkspace,
    pub import: &'i ImportJob,
    /// What is known of edits that were not applied.
    pub history: &'i dyn EditHistory,
    pub dry_run: bool,
}

impl ComposedImport<'_> {
    /// Writes what is live, and returns the summary.
    pub fn write_objects(&self, imported: Vec<ImportedObject>, summary: &mut ImportSummary) {
        if imported.is_empty() {
            return;
        }
        let edited = EditedWorkspace::new(self.workspace, &FileEdits::new());
        match edited.compose() {
            Ok(before) => self.accept_objects(&before, imported, summary),
            Err(faults) => summary.diagnostics.extend(faults),
        }
    }

    fn accept_objects(
        &self,
        before: &[Document],
        imported: Vec<ImportedObject>,
        summary: &mut ImportSummary,
    ) {
        let options = AcceptOptions {
            personal: self.import.personal,
            paths: Vec::new(),
            into: None,
            scope_values: list_scope_values(self.workspace),
        };
        let pairs = self.pair_objects(before, imported);
        let objects: Vec<AcceptedObject> = pairs.iter().map(|own| self.build_object(own)).collect();
        let mut outcome =
            AcceptRounds { workspace: self.workspace, options: &options, before }.accept_objects(&objects);
        if !self.dry_run
            && let Err(faults) = write_edits(self.workspace, &outcome.edits)
        {
            outcome.accepted.clear();
            outcome.refused.extend(faults);
        }
        for (at, (pair, object)) in pairs.into_iter().zip(&objects).enumerate() {
            let written = outcome.accepted.remove(&at).unwrap_or_default();
            let is_left = find_changes(pair.document, object, &options).map_or(true, |selected| {
                selected.accepted.len() > written.len() || !selected.refused.is_empty()
            });
            summary.diagnostics.extend(diagnose_pending(pair.document, &object.pending));
            summary.values_left |= is_left;
            summary.rows.push(pair.build_row(written, object, is_left));
        }
        summary.diagnostics.append(&mut outcome.refused);
    }

    /// The documents of objects, each with the number of its environments.
    fn pair_objects<'b>(
        &self,
        before: &'b [Document],
        imported: Vec<ImportedObject<'b>>,
    ) -> Vec<PairedObject<'b>> {
        let documents: BTreeMap<_, _> = before.iter().map(|own| (build_document_key(own), own)).collect();
        let environments = count_environments(before);
        let pair = |imported: ImportedObject<'b>| {
            let ImportAction::Elsewhere(own) = &imported.action else { return None };
            let subject = self.import.build_subject(own, &imported.live.object);
            let document = *documents.get(&build_subject_key(&subject))?;
            let environments = environments.get(&document.name_place()).copied().unwrap_or(1);
            Some(PairedObject { imported, document, environments })
        };
        imported.into_iter().filter_map(pair).collect()
    }

    fn build_object(&self, own: &PairedObject) -> AcceptedObject {
        let live = own.imported.live;
        let subject = self.import.build_subject(own.document, &live.object);
        build_object(own.document, subject, live.clone(), own.environments, self.history)
    }
}

/// An object and its document.
struct PairedObject<'b> {
    imported: ImportedObject<'b>,
    /// Sources and references as they are written.
    document: &'b Document,
    environments: usize,
}

impl PairedObject<'_> {
    fn build_row(self, written: Vec<Change>, object: &AcceptedObject, is_left: bool) -> ImportRow {
        let status = match (written.is_empty(), is_left, object.pending.is_empty()) {
            (false, ..) => ImportStatus::Updated,
            (true, true, _) => ImportStatus::NotWritten,
            (true, false, false) => ImportStatus::Pending,
            (true, false, true) => ImportStatus::Unchanged,
        };
        let imported = ImportedObject { changes: written, pending: object.pending.clone(), ..self.imported };
        let mut row = ImportRow::from_composed(&imported);
        row.count_sources(self.document);
        row.set_document(self.document, status);
        row
    }
}
