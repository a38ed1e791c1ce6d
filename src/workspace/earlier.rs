//! The documents of a commit, composed from its files alone.
//!
//! Where documents need each other, a change of one file can concern objects of another, so all files of the commit
//! are read. Sources and references of documents stay as they are written. What cannot be read is named, so that
//! no one takes it for absent.
//! Deliberately absent: Git, and what a difference means.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::files::{DocumentPatterns, format_values_path};
use super::parse::{is_base_path, parse_raw, parse_sources};
use super::settings::SETTINGS_FILE_NAME;
use super::{DocumentSources, LoadedWorkspace, assign, settings};
use crate::compose::explain::{self, AskedValue, LevelLookup, LevelStatement};
use crate::compose::values::{VALUES_FOLDER, ValueTable};
use crate::diagnostic::{Diagnostic, DiagnosticSeverity, NamedSource, has_errors};
use crate::document::Document;

/// What the files of a commit make.
#[derive(Default)]
pub struct CommitDocuments {
    /// The documents of which every level was read.
    pub documents: Vec<Document>,
    /// Documents that were read in part: a file that they are made from has errors.
    pub faulty: Vec<Document>,
    /// Whether a file has errors, so that documents may be missing.
    pub is_partial: bool,
}

impl CommitDocuments {
    /// Nothing is known of the documents of a commit.
    pub fn unknown() -> Self {
        Self { is_partial: true, ..Self::default() }
    }

    /// Sorts documents by the files in which the faults are.
    fn new(documents: Vec<Document>, faults: &[Diagnostic]) -> Self {
        let errors = || faults.iter().filter(|fault| fault.severity == DiagnosticSeverity::Error);
        let files: BTreeSet<&str> =
            errors().filter_map(|fault| Some(&*fault.location.as_ref()?.source.path)).collect();
        // an error without a place, or in the settings, may be about any document
        let is_everywhere =
            errors().any(|fault| fault.location.is_none()) || files.contains(SETTINGS_FILE_NAME);
        let is_read = |document: &Document| {
            !is_everywhere && !list_document_files(document).iter().any(|path| files.contains(path))
        };
        let is_partial = errors().next().is_some();
        let (documents, faulty) = documents.into_iter().partition(is_read);
        Self { documents, faulty, is_partial }
    }
}

/// Whether a file is in a folder of what documents share: bases and values.
pub fn is_shared_path(path: &str) -> bool {
    is_base_path(path) || path.strip_prefix(VALUES_FOLDER).is_some_and(|rest| rest.starts_with('/'))
}

/// The files that a document is made from.
pub fn list_document_files(document: &Document) -> BTreeSet<&str> {
    let levels = document.levels.iter().flat_map(|levels| levels.iter_levels());
    levels.map(|level| &*level.source.path).chain([&*document.source.path]).collect()
}

impl LoadedWorkspace {
    /// Whether documents of this workspace need each other, or settings, to be complete.
    pub fn composes(&self) -> bool {
        let composition = &self.settings.composition;
        !composition.environments.is_empty()
            || !composition.values.is_empty()
            || !composition.defaults.is_empty()
            || self.documents.iter().any(|document| document.is_composed)
    }

    /// Whether documents may be composed from the file of this path, from the workspace.
    pub fn is_composed_from(&self, path: &str) -> bool {
        path == SETTINGS_FILE_NAME
            || is_shared_path(path)
            || !self.filter_document_paths(std::iter::once(path)).is_empty()
    }

    /// The documents of the work tree as they are written, sources and references unresolved.
    pub fn compose_current(&self) -> Option<Vec<Document>> {
        let mut faults = Vec::new();
        let composition = &self.settings.composition;
        let mut read = parse_sources(&self.sources, composition, &self.values, &self.registry, &mut faults);
        assign::assign_targets(&mut read.documents, &self.settings, &mut faults);
        (!has_errors(&faults)).then_some(read.documents)
    }

    /// What each level of a document says of a value.
    pub fn list_statements(&self, document: &Document, asked: &AskedValue) -> Vec<LevelStatement> {
        let lookup = LevelLookup {
            settings: &self.settings.composition,
            values: &self.values,
            kinds: &self.registry,
            documents: parse_raw(&self.sources, &self.registry),
        };
        explain::list_statements(lookup, document, asked)
    }

    /// The documents that files make, by their paths from the workspace.
    pub fn compose_texts(&self, texts: &BTreeMap<String, String>) -> CommitDocuments {
        let mut faults = Vec::new();
        let source = |path: &str| texts.get(path).map(|text| NamedSource::new(path, text.as_str()));
        let Some(settings_source) = source(SETTINGS_FILE_NAME) else { return CommitDocuments::unknown() };
        let mut settings = settings::read_settings(&settings_source, &self.registry, &mut faults);
        let composition = Arc::clone(&settings.composition);
        let values = composition.environments.iter().map(|own| (&own.name, format_values_path(&own.name)));
        let values: Vec<_> = values.collect();
        let files = values.iter().filter_map(|(name, path)| Some((Arc::clone(name), source(path)?)));
        let table = ValueTable::new(&composition, &files.collect::<Vec<_>>(), &mut faults);
        settings.resolve_scope_values(&table, &mut faults);
        let patterns = DocumentPatterns::new(&settings.documents, &mut faults);
        let is_values = |path: &str| values.iter().any(|(_, own)| own == path);
        let is_document = |path: &str| patterns.matches_path(path) && !is_values(path);
        let names = texts.keys().filter(|path| is_document(path) || is_base_path(path));
        let base_files: BTreeSet<String> =
            texts.keys().filter(|path| is_base_path(path) && !is_document(path)).cloned().collect();
        let files = names.filter_map(|path| source(path)).collect();
        let sources = DocumentSources { files, base_files };
        let mut read = parse_sources(&sources, &composition, &table, &self.registry, &mut faults);
        assign::assign_targets(&mut read.documents, &settings, &mut faults);
        CommitDocuments::new(read.documents, &faults)
    }
}
