//! A workspace with edits of its files that are not on disk: what its documents would be, and its levels as written.
//!
//! Sources and references of documents stay as they are written.
//! Deliberately absent: which edits, and writing them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::files::format_values_path;
use super::parse::{is_base_path, parse_raw, parse_sources};
use super::{DocumentSources, LoadedWorkspace, assign};
use crate::compose::level_index::LevelIndex;
use crate::compose::values::ValueTable;
use crate::diagnostic::{Diagnostic, NamedSource, has_errors};
use crate::document::{self, Document};

/// New texts of files, by their paths from the workspace; nothing for a file that goes.
pub type FileEdits = BTreeMap<String, Option<String>>;

/// The files of a workspace, some of them edited.
pub struct EditedWorkspace<'w> {
    workspace: &'w LoadedWorkspace,
    sources: DocumentSources,
    values: ValueTable,
    value_files: Vec<Arc<NamedSource>>,
    /// What is wrong with the files of values.
    value_faults: Vec<Diagnostic>,
}

impl<'w> EditedWorkspace<'w> {
    /// With new texts in the place of files, or beside them.
    pub fn new(workspace: &'w LoadedWorkspace, edits: &FileEdits) -> Self {
        let mut files: BTreeMap<&str, Arc<NamedSource>> =
            workspace.sources.files.iter().map(|own| (&*own.path, Arc::clone(own))).collect();
        let composition = &workspace.settings.composition;
        let mut values: BTreeMap<Arc<str>, Arc<NamedSource>> = workspace.values.list_files().collect();
        for (path, text) in edits {
            let environment =
                composition.environments.iter().find(|own| format_values_path(&own.name) == *path);
            match (environment, text) {
                (Some(own), Some(text)) => {
                    drop(values.insert(Arc::clone(&own.name), NamedSource::new(path, text.as_str())));
                }
                (Some(own), None) => drop(values.remove(&own.name)),
                (None, Some(text)) => drop(files.insert(path, NamedSource::new(path, text.as_str()))),
                (None, None) => drop(files.remove(path.as_str())),
            }
        }
        let new_bases = edits.keys().filter(|path| is_base_path(path));
        let base_files = workspace.sources.base_files.iter().chain(new_bases).cloned().collect();
        let (values, mut value_faults): (Vec<_>, _) = (values.into_iter().collect(), Vec::new());
        Self {
            workspace,
            sources: DocumentSources { files: files.into_values().collect(), base_files },
            values: ValueTable::new(composition, &values, &mut value_faults),
            value_files: values.into_iter().map(|(_, source)| source).collect(),
            value_faults,
        }
    }

    /// The documents that the files make, each with its target.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn compose(&self) -> Result<Vec<Document>, Vec<Diagnostic>> {
        let (workspace, mut faults) = (self.workspace, self.value_faults.clone());
        let composition = &workspace.settings.composition;
        let mut read =
            parse_sources(&self.sources, composition, &self.values, &workspace.registry, &mut faults);
        assign::assign_targets(&mut read.documents, &workspace.settings, &mut faults);
        document::check_duplicates(&read.documents, &workspace.settings.list_services(), &mut faults);
        match has_errors(&faults) {
            true => Err(faults),
            false => Ok(read.documents),
        }
    }

    /// The levels of each object as they are written.
    pub fn index_levels(&self) -> LevelIndex<'_> {
        let documents = parse_raw(&self.sources, &self.workspace.registry);
        LevelIndex::new(documents, &self.workspace.settings.composition, &self.workspace.registry)
    }

    /// The text of a file.
    pub fn find_source(&self, path: &str) -> Option<&Arc<NamedSource>> {
        self.sources.files.iter().chain(&self.value_files).find(|own| own.path == path)
    }

    /// Whether a file that documents may be in is not there yet, or was read.
    pub fn is_free_or_known(&self, path: &str) -> bool {
        let workspace = self.workspace;
        !workspace.filter_document_paths(std::iter::once(path)).is_empty()
            && (self.find_source(path).is_some() || workspace.root.join(path).symlink_metadata().is_err())
    }

    /// The line that names the schema of a new file for an editor.
    pub fn render_schema_line(&self, path: &str) -> Option<String> {
        self.workspace.render_schema_line(&self.workspace.root.join(path))
    }
}

impl LoadedWorkspace {
    /// A file with documents or values, as it was read.
    pub fn find_file(&self, path: &str) -> Option<Arc<NamedSource>> {
        let values = self.values.list_files().map(|(_, source)| source);
        self.sources.files.iter().cloned().chain(values).find(|own| own.path == path)
    }
}
