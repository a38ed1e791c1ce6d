//! From a folder to a run: the workspace is read and checked, secrets are looked up, targets are connected.
//!
//! Whatever is wrong is said before the first request, all of it.

use std::collections::{BTreeMap, HashSet};
use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use anyhow::Context;

use super::global_args::GlobalArgs;
use super::merge_base::{GitBranch, MergeBaseDocuments, build_document_key};
use super::orphans::{build_absent_document, collect_scope_values, diagnose_moved_documents};
use super::run_args::{MethodArg, NetworkArgs, RunArgs};
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
use crate::plan::propose::GrantedPermissions;
use crate::plan::rotate::SecretRotation;
use crate::plan::step::UpdateMethod;
use crate::plan::unrecorded::UnrecordedValues;
use crate::remote::hosts::AllowedHosts;
use crate::remote::retry_budget::RetryBudget;
use crate::remote::target::Target;
use crate::remote::target_client::TargetClient;
use crate::report::plan_report::SelectionView;
use crate::report::pseudonyms::PersonalDataMode;
use crate::report::saved_plan::BoundTarget;
use crate::run::clock::RunClock;
use crate::run::fetch::ObjectJob;
use crate::run::index::{IndexEntry, ObjectIndex};
use crate::run::other_documents::OtherDocuments;
use crate::run::refer::ReferenceResolver;
use crate::run::write_digests::{self, WriteDigests};
use crate::run::{RunEvent, RunSession};
use crate::value::Sensitivity;
use crate::workspace;
use crate::workspace::LoadedWorkspace;
use crate::workspace::secrets::SecretEnvironment;
use crate::workspace::settings::WorkspaceSettings;
pub use crate::workspace::state_folder::STATE_FOLDER;

/// Where variables are asked for.
pub type EnvLookup<'e> = &'e dyn Fn(&str) -> Option<OsString>;

/// The environment of the process.
pub const PROCESS_ENV: EnvLookup<'static> = &|name| std::env::var_os(name);

/// What keeps a run from its work; reported already.
pub type DiagnosticList = Vec<Diagnostic>;

/// Everything that a run needs.
pub struct PreparedRun {
    pub workspace: LoadedWorkspace,
    pub services: BTreeMap<Arc<str>, TargetClient>,
    pub write_digests: Mutex<WriteDigests>,
    pub index: Mutex<ObjectIndex>,
    pub references: ReferenceResolver,
    pub rotation: SecretRotation,
    /// What the maker of a reviewed plan had no record of.
    pub unrecorded: Option<UnrecordedValues>,
    pub keys: DigestKeys,
    pub retry_budget: Arc<RetryBudget>,
    /// What the run is limited to.
    pub selection: Option<SelectionFilter>,
    /// How many documents are of targets that the saved plan does not name.
    pub other_documents: ObjectCounts,
    /// The checked-out branch, once it was needed.
    pub current_branch: OnceLock<Result<Option<GitBranch>, Diagnostic>>,
    /// The documents of the base of the branch, once they were needed.
    pub base_documents: OnceLock<Option<Arc<MergeBaseDocuments>>>,
    /// Whether the run is over some documents of the workspace only.
    pub leaves_documents_out: bool,
    /// The other documents, once they were needed; nothing where they cannot be read.
    pub unselected_documents: OnceLock<Option<Vec<Document>>>,
}

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

/// What is to be said of a file of earlier runs that cannot be read.
pub fn diagnose_unreadable_state(name: &str, error: &io::Error) -> Diagnostic {
    let message = format!("{STATE_FOLDER}/{name} cannot be read: {error}");
    Diagnostic::error("unreadable-state", message)
}

impl OtherDocuments for PreparedRun {
    fn list_versions(&self, document: &Document) -> Vec<Document> {
        let base = self.base_documents();
        base.map(|base| base.list_versions(document, &self.workspace)).unwrap_or_default()
    }

    fn list_unselected(&self) -> Option<Vec<ObjectJob<'_>>> {
        if !self.leaves_documents_out {
            return Some(Vec::new());
        }
        let documents = self.unselected_documents.get_or_init(|| {
            let (workspace, faults) = workspace::open_workspace(&self.workspace.root, &[]);
            let own: HashSet<_> = self.workspace.documents.iter().map(build_document_key).collect();
            let mut documents = workspace.filter(|_| !has_errors(&faults))?.documents;
            documents.retain(|document| !own.contains(&build_document_key(document)));
            Some(documents)
        });
        let index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        Some(documents.as_ref()?.iter().map(|document| build_job(document, &index)).collect())
    }
}

impl PreparedRun {
    /// What reports say of paths, patterns and environments.
    pub fn describe_selection(&self) -> Option<SelectionView> {
        let environments: Vec<String> =
            self.workspace.selected_environments.iter().map(|own| own.to_string()).collect();
        match self.selection.as_ref().and_then(SelectionFilter::to_selection_view) {
            Some(view) => Some(SelectionView { environments, ..view }),
            None if environments.is_empty() => None,
            None => Some(SelectionView { environments, ..SelectionView::default() }),
        }
    }

    /// The checked-out branch; none without a repository. `named` is the commit to compare with, else the main branch.
    ///
    /// # Errors
    /// When the commit is not there, or the history is not.
    pub fn find_branch(&self, named: Option<&str>) -> Result<Option<GitBranch>, Diagnostic> {
        let find = || GitBranch::find_current(&self.workspace.root, named);
        match named {
            Some(_) => find(),
            None => self.current_branch.get_or_init(find).clone(),
        }
    }

    /// The documents of the base of the checked-out branch; none without a repository.
    pub fn base_documents(&self) -> Option<&Arc<MergeBaseDocuments>> {
        let load = || {
            let branch = self.find_branch(None).ok().flatten()?;
            MergeBaseDocuments::new(&branch, &self.workspace).ok().map(Arc::new)
        };
        self.base_documents.get_or_init(load).as_ref()
    }

    /// Keeps fields sensitive that documents of the base fill from outside.
    fn mark_base_sources(&mut self) {
        self.base_documents();
        if let Some(Some(base)) = self.base_documents.get() {
            base.mark_sources(&mut self.workspace.documents);
        }
    }

    /// How reports show persons.
    pub fn build_pseudonyms(&self) -> PersonalDataMode<'_> {
        PersonalDataMode::Pseudonymized { key: &self.keys, domains: self.workspace.settings.mail_domains }
    }

    /// With connections that may write.
    #[must_use]
    pub fn into_writable(mut self) -> Self {
        self.services = self.services.into_iter().map(|(name, own)| (name, own.with_writes())).collect();
        self
    }

    /// One job for each document.
    pub fn build_jobs(&self) -> Vec<ObjectJob<'_>> {
        let index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        self.workspace.documents.iter().map(|document| build_job(document, &index)).collect()
    }

    /// A session for runs; `tell` receives their progress.
    pub fn build_session<'s>(
        &'s self,
        reading: &RunArgs,
        tell: &'s (dyn Fn(RunEvent) + Sync),
    ) -> RunSession<'s> {
        RunSession {
            services: &self.services,
            method: match reading.method {
                MethodArg::Usual => UpdateMethod::Default,
                MethodArg::Put => UpdateMethod::Put,
                MethodArg::Patch => UpdateMethod::Patch,
            },
            permissions: GrantedPermissions {
                force_hidden: reading.force_hidden.is_granted(),
                lower_protection: reading.allow_lower_protection.is_granted(),
                overwrite_edits: reading.overwrite_edits.is_granted(),
                delete: reading.allow_delete.is_granted(),
                replace: reading.allow_replace.is_granted(),
                assume_secrets: self.workspace.skips_secrets,
                // the target says that
                personal: false,
                force_personal: reading.allow_personal.is_granted(),
            },
            trust_empty: reading.trust_empty.is_granted(),
            write_digests: &self.write_digests,
            index: &self.index,
            references: &self.references,
            rotation: &self.rotation,
            unrecorded: self.unrecorded.as_ref(),
            unmanaged: reading.unmanaged,
            retry_creates: reading.retry_creates.is_granted(),
            allow_rename: reading.allow_rename.is_granted(),
            other_documents: self,
            journal: None,
            clock: RunClock::start(),
            read_back_timeout: reading.network.read_back_timeout,
            stop: &self.retry_budget.cancellation,
            on_event: tell,
        }
    }
}

/// The job of a document, with what the index knows of its object.
pub fn build_job<'d>(document: &'d Document, index: &ObjectIndex) -> ObjectJob<'d> {
    // a workspace without faults has a target for every document
    let target = document.target.clone().unwrap_or_else(|| "".into());
    let scope = collect_scope_values(document);
    let job = ObjectJob { document, scope, known_id: None, target, just_created: false, excluded_id: None };
    job.with_known_object(index)
}

/// A runtime on this thread, enough to wait for many answers.
///
/// # Errors
/// When the system gives none.
pub fn build_runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("no runtime to wait for answers in")
}
