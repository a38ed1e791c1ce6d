//! From a folder to a run: the workspace is read and checked, secrets are looked up, targets are connected.
//!
//! Whatever is wrong is said before the first request, all of it.

use std::collections::{BTreeMap, HashSet};
use std::ffi::OsString;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};

use super::global_args::GlobalArgs;
use super::orphans::{build_absent_document, diagnose_moved_documents};
use super::prepared_run::PreparedRun;
use super::run_args::{NetworkArgs, RunArgs};
use super::screen::TerminalScreen;
use super::selection_args::SelectionArgs;
use super::selection_filter::SelectionFilter;
use super::service_names::list_services;
use super::shared_receipts;
use super::wait_notice::WaitNotice;
use crate::cli::digest_keys::DigestKeys;
use crate::diagnostic::{Diagnostic, NamedSource, has_errors};
use crate::document::Document;
use crate::plan::count_limit::ObjectCounts;
use crate::plan::rotate::SecretRotation;
use crate::remote::hosts::AllowedHosts;
use crate::remote::retry_budget::RetryBudget;
use crate::remote::target::Target;
use crate::remote::target_client::TargetClient;
use crate::report::saved_plan::BoundTarget;
use crate::run::index::{IndexEntry, ObjectIndex};
use crate::run::refer::ReferenceResolver;
use crate::run::write_digests::{self, WriteDigests};
use crate::value::Sensitivity;
use crate::workspace::LoadedWorkspace;
use crate::workspace::secrets::SecretEnvironment;
use crate::workspace::settings::WorkspaceSettings;
use crate::workspace::state_folder::{STATE_FOLDER, diagnose_unreadable_state};

/// Where variables are asked for.
pub type EnvLookup<'e> = &'e dyn Fn(&str) -> Option<OsString>;

/// The environment of the process.
pub const PROCESS_ENV: EnvLookup<'static> = &|name| std::env::var_os(name);

/// What keeps a run from its work; reported already.
pub type DiagnosticList = Vec<Diagnostic>;

/// Which objects of a workspace a run is about.
#[derive(Clone, Copy)]
pub struct RunSelection<'r> {
    /// Not all documents were read, so that no one knows which were removed.
    pub is_partly_read: bool,
    /// What narrows the run.
    pub args: Option<&'r SelectionArgs>,
    /// The targets of a saved plan; nothing is resolved for others.
    pub targets: Option<&'r [BoundTarget]>,
    /// What the run may cost that this one is a part of.
    pub retry_budget: Option<&'r Arc<RetryBudget>>,
}

impl<'r> RunSelection<'r> {
    /// All of them.
    pub const WHOLE: Self = Self { is_partly_read: false, args: None, targets: None, retry_budget: None };

    /// Some of them.
    pub const PART: Self = Self { is_partly_read: true, ..Self::WHOLE };

    /// Those that these arguments select.
    pub fn from_args(selection: &'r SelectionArgs) -> Self {
        Self { is_partly_read: !selection.files.paths.is_empty(), args: Some(selection), ..Self::WHOLE }
    }

    /// Takes the documents of targets that a saved plan does not name; how many they were.
    fn drop_other_targets(&self, documents: &mut Vec<Document>) -> ObjectCounts {
        let mut dropped = ObjectCounts::default();
        let Some(targets) = self.targets else { return dropped };
        documents.retain(|own| {
            let target = own.target.as_deref().unwrap_or_default();
            let is_kept = targets.iter().any(|named| *named.name == *target);
            dropped.add_objects(&own.kind.name, target, usize::from(!is_kept));
            is_kept
        });
        dropped
    }
}

/// Reads and checks the workspace; tells every fault. `Err` carries those that keep a run from its work.
pub fn open_workspace(
    common: &GlobalArgs,
    selection: &SelectionArgs,
    screen: &TerminalScreen,
) -> Result<LoadedWorkspace, DiagnosticList> {
    let (workspace, faults) = selection.files.open_workspace(&common.directory);
    screen.print_diagnostics(&faults);
    match workspace {
        Some(workspace) if !has_errors(&faults) => Ok(workspace),
        _ => Err(faults),
    }
}

/// Looks up secrets and connects the targets of a workspace; tells every fault.
///
/// # Errors
/// With the faults that keep a run from its work.
pub fn prepare_run(
    mut workspace: LoadedWorkspace,
    reading: &RunArgs,
    reach: RunSelection,
    screen: &TerminalScreen,
    env: EnvLookup,
) -> Result<PreparedRun, DiagnosticList> {
    let allowance = reach.retry_budget.cloned().unwrap_or_else(|| reading.network.build_retry_budget());
    let print_fault = |fault: Diagnostic| {
        screen.print_diagnostics(std::slice::from_ref(&fault));
        vec![fault]
    };
    let (keys, memory, mut index) = load_state(&workspace.root).map_err(print_fault)?;
    let selection = reach.args.map(|args| SelectionFilter::new(&workspace, &index, args)).transpose();
    let selection = selection.inspect_err(|faults| screen.print_diagnostics(faults))?.flatten();
    let (gone, notes) = match reach.is_partly_read {
        true => (Vec::new(), Vec::new()),
        false => find_orphans(&workspace, &index, reading, selection.as_ref()),
    };
    workspace.documents.extend(gone);
    let rotate = SecretRotation::new(&reading.rotate);
    let unmatched = rotate.diagnose_unmatched(&workspace.documents);
    if let Some(selection) = &selection {
        workspace.documents.retain(|document| selection.is_read(document));
    }
    let other_documents = reach.drop_other_targets(&mut workspace.documents);
    let (targets, mut faults) = resolve_targets(&mut workspace, reading, screen, env);
    faults.extend(unmatched);
    faults.extend(notes);
    let services = connect_targets(targets, &workspace.settings, &reading.network, &allowance, &mut faults);
    let services = hide_marked_ids(services, &workspace.documents);
    screen.print_diagnostics(&faults);
    if has_errors(&faults) {
        return Err(faults);
    }
    add_targets(&mut index, &services, &workspace.settings);
    let (memory, index) = (Mutex::new(memory), Mutex::new(index));
    let mut prepared = PreparedRun {
        workspace,
        services,
        write_digests: memory,
        index,
        references: ReferenceResolver::default(),
        rotation: rotate,
        unrecorded: None,
        keys,
        retry_budget: allowance,
        leaves_documents_out: reach.is_partly_read || selection.is_some(),
        selection,
        other_documents,
        current_branch: OnceLock::new(),
        base_documents: OnceLock::new(),
        unselected_documents: OnceLock::new(),
    };
    prepared.mark_base_sources();
    shared_receipts::learn_written_values(&prepared);
    Ok(prepared)
}

/// Looks up the secrets of a workspace, and says so when that takes long.
fn resolve_targets(
    workspace: &mut LoadedWorkspace,
    reading: &RunArgs,
    screen: &TerminalScreen,
    env: EnvLookup,
) -> (Vec<Target>, Vec<Diagnostic>) {
    let (root, providers) = (workspace.root.clone(), workspace.settings.secrets.clone());
    let secret_environment =
        SecretEnvironment { env, providers: &providers, ..SecretEnvironment::from_process(&root) };
    let notice = WaitNotice::start(screen, "secrets from their sources".to_owned());
    let resolved = workspace.resolve_targets(&secret_environment, reading.parallelism);
    drop(notice);
    resolved
}

/// Passes the targets of a run to the index.
fn add_targets(
    index: &mut ObjectIndex,
    services: &BTreeMap<Arc<str>, TargetClient>,
    settings: &WorkspaceSettings,
) {
    let address = |service: &TargetClient| service.target.base_url.to_string();
    index.set_addresses(services.iter().map(|(name, own)| (name.to_string(), address(own))).collect());
    index.set_services(list_services(services, settings));
    let targets = settings.targets.iter();
    index.set_environments(targets.map(|own| (own.name.to_string(), own.environment.clone())).collect());
}

/// Connects targets; what keeps one from being spoken to is a fault at its place in the settings.
pub fn connect_targets(
    targets: Vec<Target>,
    settings: &WorkspaceSettings,
    network: &NetworkArgs,
    allowance: &Arc<RetryBudget>,
    faults: &mut Vec<Diagnostic>,
) -> BTreeMap<Arc<str>, TargetClient> {
    let allowed = match AllowedHosts::from_env(&|name| std::env::var(name).ok()) {
        Ok(allowed) => allowed,
        Err(fault) => {
            faults.push(fault);
            return BTreeMap::new();
        }
    };
    let mut services = BTreeMap::new();
    for target in targets {
        let own = settings.targets.iter().find(|own| own.name == target.name);
        let origin = own.map(|own| own.locate_origin(&settings.source));
        match TargetClient::connect_target(Arc::new(target), &allowed) {
            Ok(service) => {
                let service = service.with_retry_budget(Arc::clone(allowance)).with_origin(origin);
                let service = match network.request_timeout {
                    Some(timeout) => service.with_timeout(timeout),
                    None => service,
                };
                services.insert(service.target.name.clone(), service);
            }
            Err(fault) => {
                let place = own.map(|own| settings.source.locate_span(own.find_span(fault.code)));
                faults.push(Diagnostic { location: place, ..fault });
            }
        }
    }
    services
}

/// Keeps ids that are marked out of logs.
fn hide_marked_ids(
    services: BTreeMap<Arc<str>, TargetClient>,
    documents: &[Document],
) -> BTreeMap<Arc<str>, TargetClient> {
    let is_marked = |target: &str| {
        let own = documents.iter().filter(|document| document.target.as_deref() == Some(target));
        own.into_iter().any(|document| document.kind.id_field().sensitivity > Sensitivity::Public)
    };
    let hide = |(name, service): (Arc<str>, TargetClient)| {
        let hides_paths = is_marked(&name);
        (name, service.with_hidden_paths(hides_paths))
    };
    services.into_iter().map(hide).collect()
}

/// Managed objects whose document is gone: with `--allow-delete` they are to be deleted, else they are reported.
/// Only a run over the whole workspace can know.
fn find_orphans(
    workspace: &LoadedWorkspace,
    index: &ObjectIndex,
    reading: &RunArgs,
    selection: Option<&SelectionFilter>,
) -> (Vec<Document>, Vec<Diagnostic>) {
    let source = NamedSource::new(".trueup/index.json", "");
    let here: HashSet<(Option<&str>, &str, &str)> = workspace
        .documents
        .iter()
        .map(|document| (document.target.as_deref(), &*document.kind.name, &*document.name))
        .collect();
    let (mut documents, mut notes) = (Vec::new(), diagnose_moved_documents(workspace, index, selection));
    let is_here = |entry: &IndexEntry| here.contains(&(Some(&*entry.target), &*entry.kind, &*entry.name));
    let is_asked = |entry: &IndexEntry| {
        workspace.is_target_selected(&entry.target) && selection.is_none_or(|own| own.is_removed(entry))
    };
    for entry in index.entries().filter(|entry| !is_here(entry) && is_asked(entry)) {
        let named = format!("{} {} at target {}", entry.kind, entry.name, entry.target);
        let Some(kind) = workspace.registry.find_kind(&entry.kind) else { continue };
        if entry.id.is_none()
            || !workspace.settings.targets.iter().any(|target| *target.name == *entry.target)
        {
            continue;
        }
        if reading.allow_delete.is_granted() && kind.operations.delete.is_some() {
            let environment = workspace.settings.composition.find_target_environment(&entry.target).cloned();
            documents.push(build_absent_document(entry, kind, &source, environment));
        } else {
            let hint = match (&kind.operations.delete, entry.protect) {
                (Some(_), false) => "`--allow-delete` deletes it; restore the document to keep it",
                (Some(_), true) => "it is protected; delete it by hand if that is meant",
                (None, _) => "this API cannot delete; the object remains",
            };
            notes.push(
                Diagnostic::note("orphan", format!("{named} was managed, and its document was removed"))
                    .with_hint(hint),
            );
        }
    }
    (documents, notes)
}

/// What the workspace remembers of earlier runs.
fn load_state(root: &Path) -> Result<(DigestKeys, WriteDigests, ObjectIndex), Diagnostic> {
    let folder = root.join(STATE_FOLDER);
    if folder.is_file() {
        let message = format!("`{STATE_FOLDER}` is a file; it must be a folder");
        return Err(Diagnostic::error("unreadable-state", message).with_hint("move it away"));
    }
    let keys = DigestKeys::load(root)?;
    let memory = WriteDigests::open(&folder, keys.environment_key()).map_err(|error| {
        let hint =
            "restore it from a backup; without it, values that the API does not return are sent once more";
        diagnose_unreadable_state(write_digests::FILE, &error).with_hint(hint)
    })?;
    let index = ObjectIndex::open(&folder).and_then(|own| own.with_digest_key(keys.environment_key()));
    let index = index.map_err(|error| {
        let hint = "restore it from a backup; without it, pending creates and objects whose documents were removed are unknown";
        diagnose_unreadable_state("index.json", &error).with_hint(hint)
    })?;
    Ok((keys, memory, index))
}
