//! `--since REF`: only objects whose documents changed since the branch parted from a commit.
//!
//! A document changed when it asks something else, however its text moved. One that refers to such a document by
//! its name counts too, because the id that it sends may be another.
//! Deliberately absent: settings and descriptions of kinds. That they changed is said; what follows from it only a
//! run over everything tells.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::merge_base::{DocumentKey, GitBranch, MergeBaseDocuments, build_document_key};
use crate::diagnostic::Diagnostic;
use crate::document::Document;
use crate::kind::ReferenceSource;
use crate::report::plan_report::SinceView as Shown;
use crate::run::index::IndexEntry;
use crate::workspace;
use crate::workspace::{API_FOLDER, LoadedWorkspace, settings};

/// Which objects a run is about.
pub struct SinceFilter {
    name: String,
    commit: String,
    chosen: HashSet<DocumentKey>,
    /// Documents that were there and are not any more.
    removed: HashSet<DocumentKey>,
    /// How many documents are not looked at.
    left_out: usize,
    /// What else changed.
    changed_settings: Vec<String>,
}

impl SinceFilter {
    /// What changed in a workspace since the branch parted from the commit of this name. Which documents are gone
    /// only a run over the whole workspace knows.
    ///
    /// # Errors
    /// When there is no repository, no such commit, or not the history that is needed.
    pub fn new(workspace: &LoadedWorkspace, name: &str, narrowed: bool) -> Result<Self, Diagnostic> {
        let branch = GitBranch::open_since(&workspace.root, name)?;
        let before = MergeBaseDocuments::new(&branch, workspace)?;
        let documents = || workspace.documents.iter();
        let here: HashSet<DocumentKey> = documents().map(build_document_key).collect();
        let mut chosen: HashSet<DocumentKey> =
            documents().filter(|own| before.is_changed(own)).map(build_document_key).collect();
        let gone: HashSet<DocumentKey> = before
            .list_base_documents()
            .map(build_document_key)
            .filter(|own| !narrowed && !here.contains(own))
            .collect();
        let refers_to_one =
            |own: &&Document| list_references(own).any(|to| chosen.contains(&to) || gone.contains(&to));
        let referring: Vec<DocumentKey> = documents().filter(refers_to_one).map(build_document_key).collect();
        chosen.extend(referring);
        let left_out = here.len() - chosen.len();
        let settings = find_changed_settings(&before, workspace);
        let (name, commit) = (name.to_owned(), branch.merge_base().to_string());
        Ok(Self { name, commit, chosen, removed: gone, left_out, changed_settings: settings })
    }

    /// Whether a document is one that changed, or refers to one.
    pub fn is_chosen(&self, document: &Document) -> bool {
        self.chosen.contains(&build_document_key(document))
    }

    /// Whether the document of a managed object went away.
    pub fn is_removed(&self, entry: &IndexEntry) -> bool {
        let key: DocumentKey =
            (Some(entry.target.as_str().into()), entry.kind.as_str().into(), entry.name.as_str().into());
        self.removed.contains(&key)
    }

    /// Whether the document of this key changed, was removed, or refers to one that did.
    pub fn selects_key(&self, key: &DocumentKey) -> bool {
        self.chosen.contains(key) || self.removed.contains(key)
    }

    /// What reports tell.
    pub fn to_report(&self) -> Shown {
        Shown { name: self.name.clone(), commit: self.commit.clone(), skipped: self.left_out }
    }

    /// What is said of documents that are not looked at, and of settings that changed.
    pub fn diagnose_left_out(&self) -> Vec<Diagnostic> {
        let name = self.name.escape_debug();
        let hint = "run without `--since` to include all documents";
        let (number, verb) = match self.left_out {
            1 => ("1 document".to_owned(), "does"),
            many => (format!("{many} documents"), "do"),
        };
        let left_out = (self.left_out > 0).then(|| {
            let message = format!("{number} that {verb} not differ from {name} were skipped");
            Diagnostic::note("not-selected", message).with_hint(hint)
        });
        let settings = self.changed_settings.first().map(|first| {
            let more = match self.changed_settings.len() {
                1 => String::new(),
                many => format!(" and {} more", many - 1),
            };
            let message = format!("`{first}`{more} differs from {name} too, which may affect every object");
            Diagnostic::warning("settings-changed", message).with_hint(hint)
        });
        left_out.into_iter().chain(settings).collect()
    }
}

/// The documents to which these refer, and to which those refer in turn, without these themselves.
pub fn find_needed_documents(documents: &[Document], chosen: &HashSet<DocumentKey>) -> HashSet<DocumentKey> {
    let all: HashMap<DocumentKey, &Document> =
        documents.iter().map(|own| (build_document_key(own), own)).collect();
    let mut open: Vec<&Document> = chosen.iter().filter_map(|own| all.get(own).copied()).collect();
    let mut needed = HashSet::new();
    while let Some(document) = open.pop() {
        for to in list_references(document).filter(|to| !chosen.contains(to)) {
            if let Some(next) = all.get(&to).filter(|_| !needed.contains(&to)) {
                open.push(next);
                needed.insert(to);
            }
        }
    }
    needed
}

/// The documents to which a document refers.
fn list_references(document: &Document) -> impl Iterator<Item = DocumentKey> {
    document.collect_references().into_iter().filter_map(|(site, reference)| {
        match site.reference.and_then(|refers| refers.source.as_ref()) {
            Some(ReferenceSource::Kind(kind)) => {
                Some((document.target.clone(), Arc::clone(kind), Arc::from(&*reference.name)))
            }
            _ => None,
        }
    })
}

/// The settings and descriptions that are not what they were.
fn find_changed_settings(before: &MergeBaseDocuments, workspace: &LoadedWorkspace) -> Vec<String> {
    let (descriptions, _) = workspace::open_descriptions(&workspace.root);
    let described = descriptions.iter().flat_map(|own| &own.files).map(|(path, _)| &**path);
    let is_one = |path: &&str| *path == settings::SETTINGS_FILE_NAME || is_description(path);
    let settings = std::iter::once(settings::SETTINGS_FILE_NAME);
    let paths: BTreeSet<&str> = settings.chain(described).chain(before.list_paths().filter(is_one)).collect();
    let differs = |path: &&str| !before.is_file_unchanged(path);
    paths.into_iter().filter(differs).map(str::to_owned).collect()
}

/// `apis/<api>/<kind>.yaml`
fn is_description(path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    let is_yaml = |name: &str| name.ends_with(".yaml") || name.ends_with(".yml");
    matches!(parts.as_slice(), [API_FOLDER, _, name] if is_yaml(name))
}
