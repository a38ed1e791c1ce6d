//! What a shell offers for the values of arguments: APIs, kinds, targets, environments, names of documents, codes.
//!
//! The workspace is the one in `TRUEUP_DIRECTORY`, else in the current folder. What cannot be read offers nothing:
//! a completion never prints an error.

use std::path::PathBuf;

use clap_complete::CompletionCandidate;

use crate::kind::registry::KindRegistry;
use crate::report::code_table::CodeTable;
use crate::workspace;

fn find_root() -> PathBuf {
    std::env::var_os("TRUEUP_DIRECTORY").map_or_else(|| PathBuf::from("."), PathBuf::from)
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

/// The names of the documents of the workspace.
pub fn list_names() -> Vec<CompletionCandidate> {
    let (workspace, _) = workspace::open_workspace(&find_root(), &[]);
    let documents = workspace.into_iter().flat_map(|own| own.documents);
    offer(documents.map(|document| document.name.to_string()))
}
