//! The documents of a commit, composed from its files alone.
//!
//! Where documents need each other, a change of one file can concern objects of another, so all files of the commit
//! are read. Sources and references of documents stay as they are written.
//! Deliberately absent: Git, and what a difference means.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::files::{DocumentPatterns, format_values_path};
use super::parse::{is_base_path, parse_raw, parse_sources};
use super::settings::SETTINGS_FILE_NAME;
use super::{DocumentSources, LoadedWorkspace, assign, settings};
use crate::compose::explain::{self, LevelLookup, LevelStatement};
use crate::compose::values::{VALUES_FOLDER, ValueTable};
use crate::diagnostic::{NamedSource, has_errors};
use crate::document::Document;

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
        let is_values = path.strip_prefix(VALUES_FOLDER).is_some_and(|rest| rest.starts_with('/'));
        path == SETTINGS_FILE_NAME
            || is_base_path(path)
            || is_values
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

    /// What each level of a document says of the value at a path with dots.
    pub fn list_statements(&self, document: &Document, path: &str) -> Vec<LevelStatement> {
        let lookup = LevelLookup {
            settings: &self.settings.composition,
            values: &self.values,
            kinds: &self.registry,
            documents: parse_raw(&self.sources, &self.registry),
        };
        explain::list_statements(lookup, document, path)
    }

    /// The documents that files make, by their paths from the workspace; nothing when they have errors.
    pub fn compose_texts(&self, texts: &BTreeMap<String, String>) -> Option<Vec<Document>> {
        let mut faults = Vec::new();
        let source = |path: &str| texts.get(path).map(|text| NamedSource::new(path, text.as_str()));
        let settings_source = source(SETTINGS_FILE_NAME)?;
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
        (!has_errors(&faults)).then_some(read.documents)
    }
}
