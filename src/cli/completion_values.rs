//! What a shell offers for the values of arguments: APIs, kinds, targets, environments, names of documents, codes.
//!
//! The workspace is the one that the line names with `-C`, else `TRUEUP_DIRECTORY`, else the current folder. What
//! cannot be read offers nothing: a completion never prints an error.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap_complete::CompletionCandidate;

use crate::kind::registry::KindRegistry;
use crate::kind::{FieldType, Shape};
use crate::report::code_table::CodeTable;
use crate::run::index::ObjectIndex;
use crate::workspace;
use crate::workspace::state_folder::STATE_FOLDER;

fn find_root() -> PathBuf {
    let named = find_named_folder(std::env::args_os().skip_while(|word| word != "--"));
    let folder = named.or_else(|| std::env::var_os("TRUEUP_DIRECTORY"));
    folder.map_or_else(|| PathBuf::from("."), PathBuf::from)
}

/// What a command line says after `-C` or `--directory`.
fn find_named_folder(mut words: impl Iterator<Item = OsString>) -> Option<OsString> {
    while let Some(word) = words.next() {
        if word == "-C" || word == "--directory" {
            return words.next();
        }
        let word = word.to_str().unwrap_or_default();
        let joined = word.strip_prefix("--directory=").or_else(|| word.strip_prefix("-C"));
        if let Some(folder) = joined {
            return Some(folder.into());
        }
    }
    None
}

fn offer(names: impl IntoIterator<Item = String>) -> Vec<CompletionCandidate> {
    let mut names: Vec<String> = names.into_iter().collect();
    names.sort_unstable();
    names.dedup();
    names.into_iter().map(CompletionCandidate::new).collect()
}

fn with_registry(list: impl Fn(&KindRegistry) -> Vec<String>) -> Vec<CompletionCandidate> {
    match workspace::load_registry(&find_root()) {
        Ok(registry) => offer(list(&registry)),
        Err(_) => offer(list(KindRegistry::get_builtin())),
    }
}

/// The APIs that are built in or described here.
pub fn list_apis() -> Vec<CompletionCandidate> {
    with_registry(|registry| registry.list_api_names().into_iter().map(str::to_owned).collect())
}

/// The kinds, as `api/kind`.
pub fn list_kinds() -> Vec<CompletionCandidate> {
    with_registry(|registry| registry.kind_names().to_vec())
}

/// The topics of `explain`: kinds and diagnostic codes.
pub fn list_topics() -> Vec<CompletionCandidate> {
    let codes = CodeTable::load();
    let codes: Vec<String> = codes.iter_codes().map(|entry| entry.code.clone()).collect();
    with_registry(move |registry| registry.kind_names().iter().cloned().chain(codes.clone()).collect())
}

/// The targets of the workspace.
pub fn list_targets() -> Vec<CompletionCandidate> {
    let (config, _) = workspace::open_config(&find_root());
    offer(config.into_iter().flat_map(|own| own.settings.targets).map(|target| target.name.to_string()))
}

/// The environments of the workspace.
pub fn list_environments() -> Vec<CompletionCandidate> {
    let (config, _) = workspace::open_config(&find_root());
    let environments = config.into_iter().flat_map(|own| own.settings.composition.environments.clone());
    offer(environments.map(|environment| environment.name.to_string()))
}

/// The fields of the kinds of the documents, with dots.
pub fn list_fields() -> Vec<CompletionCandidate> {
    let (workspace, _) = workspace::open_workspace(&find_root(), &[]);
    let documents = workspace.into_iter().flat_map(|own| own.documents);
    let shapes = documents.map(|document| (document.kind.name.clone(), document.kind));
    let kinds: std::collections::BTreeMap<_, _> = shapes.collect();
    offer(kinds.values().flat_map(|kind| list_paths(&kind.shape, "")))
}

/// The names of objects, and behind a name with a dot the fields of the object.
pub fn complete_object(typed: &OsStr) -> Vec<CompletionCandidate> {
    let typed = typed.to_str().unwrap_or_default();
    let (workspace, _) = workspace::open_workspace(&find_root(), &[]);
    let mut words = Vec::new();
    for document in workspace.into_iter().flat_map(|own| own.documents) {
        let start = format!("{}.", document.name);
        if typed.starts_with(&start) {
            words.extend(list_paths(&document.kind.shape, &start));
        }
        words.push(document.name.to_string());
    }
    offer(words.into_iter().filter(|word| word.starts_with(typed)))
}

/// The paths of the fields of a shape, each after `start`.
fn list_paths(shape: &Shape, start: &str) -> Vec<String> {
    let mut paths = Vec::new();
    for field in &shape.fields {
        let path = format!("{start}{}", field.name);
        if let FieldType::Object(inner) = &field.ty {
            paths.extend(list_paths(inner, &format!("{path}.")));
        }
        paths.push(path);
    }
    paths
}

/// The names on record of which no document is left.
pub fn list_released_names() -> Vec<CompletionCandidate> {
    let (workspace, _) = workspace::open_workspace(&find_root(), &[]);
    let Some(workspace) = workspace else { return Vec::new() };
    let Ok(index) = ObjectIndex::open(&workspace.root.join(STATE_FOLDER)) else { return Vec::new() };
    let described: BTreeSet<&str> = workspace.documents.iter().map(|own| &*own.name).collect();
    let names = index.entries().map(|entry| entry.name.clone());
    offer(names.filter(|name| !described.contains(&**name)))
}

/// The names of the documents of the workspace.
pub fn list_names() -> Vec<CompletionCandidate> {
    let (workspace, _) = workspace::open_workspace(&find_root(), &[]);
    let documents = workspace.into_iter().flat_map(|own| own.documents);
    offer(documents.map(|document| document.name.to_string()))
}
