//! `trueup import`: documents from what is live.
//!
//! Everything that can be wrong before the first request is reported first. Then objects are read, composed into
//! files, proved file by file, put on disk, and a plan over all of them is made to see that it is empty.
//! Deliberately absent: rules about what a document says; `run::import` has them.

mod args;
mod composed;
pub(super) mod folder;
pub(super) mod history;
mod parents;
mod report;
mod target;

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex};

use self::composed::ComposedImport;
use self::folder::{ImportFolder, PendingFiles};
use self::history::HistoryRecords;
use self::report::{ImportRow, ImportStatus, ImportSummary};
use self::target::ImportTarget;
use super::exit::ExitStatus;
use super::global_args::GlobalArgs;
use super::object_patterns::ObjectPatterns;
use super::progress::ProgressDisplay;
use super::screen::TerminalScreen;
use super::{records, run_setup};
use crate::cli::runtime::build_runtime;
use crate::diagnostic::{Diagnostic, has_errors};
use crate::document::{Document, DocumentState, ValueSource};
use crate::kind::IdAssigner;
use crate::plan::Plan;
use crate::plan::propose::GrantedPermissions;
use crate::plan::rotate::NO_ROTATION;
use crate::plan::step::UpdateMethod;
use crate::remote::target_client::TargetClient;
use crate::run::clock::RunClock;
use crate::run::fetch::ObjectJob;
use crate::run::import::names::{TakenNames, VariableNames};
use crate::run::import::pending::{EditHistory, NoEditHistory, diagnose_pending};
use crate::run::import::verify::verify_empty_plan;
use crate::run::import::{
    self as job, ExistingDocument, FetchedObjects, ImportAction, ImportContext, ImportedObject,
};
use crate::run::index::ObjectIndex;
use crate::run::other_documents::NoOtherDocuments;
use crate::run::refer::ReferenceResolver;
use crate::run::write_digests::WriteDigests;
use crate::run::{RunEvent, RunSession};
use crate::value::Sensitivity;
use crate::workspace;
use crate::workspace::settings::auth::CredentialPurpose;
use crate::workspace::{LoadedWorkspace, secrets};
pub use args::ImportArgs;
pub use report::ImportReport;

/// Writes documents from live state.
///
/// # Errors
/// When there is no runtime, or stdout cannot be written.
pub fn run(common: &GlobalArgs, args: &ImportArgs, screen: &TerminalScreen) -> anyhow::Result<ExitStatus> {
    let mut summary = ImportSummary::new(&args.kind);
    let faults = &mut summary.diagnostics;
    let opened = PreparedImport::open(common, args, faults);
    let connected = opened.and_then(|(ready, target)| {
        let services = connect_target(&ready.workspace, args, &target, faults)?;
        Some((ready, target, services))
    });
    if let Some((mut ready, target, services)) = connected.filter(|_| !has_errors(faults)) {
        summary.target = Some(target.import.target.to_string());
        let runtime = build_runtime()?;
        let taken = RefCell::new(ready.list_taken_names(&target));
        let session = ImportSession { common, screen, services, runtime, taken };
        session.import_scopes(&mut ready, &target, args, &mut summary);
    }
    // where nothing was read, nothing was proven
    summary.verified &= !(summary.rows.is_empty() && has_errors(&summary.diagnostics));
    summary.print_summary(screen)?;
    Ok(summary.compute_exit_status())
}

/// What imports of several scopes share.
struct ImportSession<'s> {
    common: &'s GlobalArgs,
    screen: &'s TerminalScreen,
    /// The one target.
    services: BTreeMap<Arc<str>, TargetClient>,
    runtime: tokio::runtime::Runtime,
    /// What documents have taken, and those of scopes that were imported before.
    taken: RefCell<TakenNames>,
}

/// All that is needed before the first request.
struct PreparedImport {
    workspace: LoadedWorkspace,
    folder: ImportFolder,
    records: OnceCell<HistoryRecords>,
    /// Files that were written since.
    written: BTreeSet<String>,
}

impl PreparedImport {
    /// The workspace, and what is to be done in it; every fault is reported.
    fn open(
        common: &GlobalArgs,
        args: &ImportArgs,
        faults: &mut Vec<Diagnostic>,
    ) -> Option<(Self, ImportTarget)> {
        let (workspace, found) = workspace::open_workspace(&common.directory, &[]);
        // that there is no document yet is what an import is for
        faults.extend(found.into_iter().filter(|fault| fault.code != "no-document"));
        let workspace = workspace?;
        let target = ImportTarget::from_args(&workspace, args, faults)?;
        let folder = ImportFolder::open(&workspace, args, faults);
        let (records, written) = (OnceCell::new(), BTreeSet::new());
        Some((Self { workspace, folder, records, written }, target))
    }

    fn iter_documents(&self) -> impl Iterator<Item = &Document> {
        self.workspace.documents.iter().chain(&self.folder.other_documents)
    }

    /// The names of documents, which are one kind's and one target's, whatever the scope, and all variables.
    fn list_taken_names(&self, target: &ImportTarget) -> TakenNames {
        let own = self.iter_documents().filter(|own| target.claims_name(own));
        let variables = collect_variables(&self.workspace, self.iter_documents());
        TakenNames {
            documents: own.map(|own| own.name.to_string()).collect(),
            variables: VariableNames::new(variables),
        }
    }

    /// Whether a file was written since that a scope may change.
    fn is_outdated(&self, target: &ImportTarget, args: &ImportArgs) -> bool {
        let is_changed =
            |own: &Document| self.written.contains(&own.source.path) && target.owns_document(own);
        !self.written.is_empty() && (args.single_file || self.iter_documents().any(is_changed))
    }
}

impl ImportSession<'_> {
    fn import_scope(
        &self,
        ready: &PreparedImport,
        target: &ImportTarget,
        args: &ImportArgs,
        summary: &mut ImportSummary,
    ) {
        let PreparedImport { workspace, folder, .. } = ready;
        let Some(service) = self.services.get(&target.import.target) else { return };
        let runtime = &self.runtime;
        let fetched = match runtime.block_on(target.import.fetch_objects(service, &target.selectors)) {
            Ok(fetched) => fetched,
            Err(trouble) => {
                summary.diagnostics.extend(job::diagnose_request_error(&trouble));
                return;
            }
        };
        summary.diagnostics.extend(diagnose_fetched(target, args, &fetched));
        summary.dry_run = args.dry_run;
        let records = ready.records.get_or_init(|| HistoryRecords::open(workspace));
        let known = records.describe_documents(workspace);
        let history: &dyn EditHistory = if args.discard_pending { &NoEditHistory } else { &known };
        let mut place = collect_existing(ready, target, history);
        let mut taken = self.taken.borrow_mut();
        let mut composed =
            runtime.block_on(target.import.compose_objects(service, &fetched, &place, &mut taken));
        let patterns = ObjectPatterns::from_names(&args.names);
        summary.diagnostics.extend(patterns.diagnose_unmatched(
            &composed.iter().map(|own| target.label_object(&own.name)).collect::<Vec<_>>(),
        ));
        composed.retain(|own| patterns.selects(target.label_object(&own.name)));
        taken.documents.extend(composed.iter().map(|own| own.name.clone()));
        drop(taken);
        place.existing.retain(|own| patterns.selects(target.label_object(&own.document.name)));
        summary.diagnostics.extend(diagnose_documents_without_object(target, &place.existing, &fetched));
        summary.diagnostics.extend(composed.iter().flat_map(ImportedObject::diagnose_misread));
        summary.diagnostics.extend(composed.iter().flat_map(diagnose_pending_edits));
        let (own_levels, composed) = composed.into_iter().partition(|own| is_composed(folder, own));
        ComposedImport { workspace, import: &target.import, history, dry_run: args.dry_run }
            .write_objects(own_levels, summary);
        let pages = PendingFiles::new(workspace, folder, &target.import, args.dry_run);
        let written = write_documents(pages, composed, &mut summary.rows);
        summary.diagnostics.extend(folder.diagnose_unmatched_files(workspace, &summary.rows));
        let root = Some(&*workspace.root).filter(|_| !args.dry_run);
        let proof = runtime.block_on(verify_import(root, &self.services, target, &written, self.screen));
        summary.verified = proof.is_ok() && fetched.incomplete.is_none();
        summary.diagnostics.extend(proof.err().into_iter().flatten());
    }
}

/// A connection to the target, with its own credentials alone.
fn connect_target(
    workspace: &LoadedWorkspace,
    args: &ImportArgs,
    target: &ImportTarget,
    faults: &mut Vec<Diagnostic>,
) -> Option<BTreeMap<Arc<str>, TargetClient>> {
    let own = workspace.settings.targets.iter().find(|own| own.name == target.import.target)?;
    let source = &workspace.settings.source;
    let slots = own.list_credentials(CredentialPurpose::Read).into_iter();
    let slots = slots.map(|own| (own.source.clone(), source.locate_span(own.span))).collect();
    let secret_environment = workspace.settings.build_secret_environment(&workspace.root);
    let (secrets, mut unresolved) = secrets::resolve_secrets(slots, &secret_environment);
    faults.append(&mut unresolved);
    let allowance = args.network.build_retry_budget();
    let connected =
        own.build_target(&secrets, &secret_environment, CredentialPurpose::Read, args.parallelism)?;
    let services =
        run_setup::connect_targets(vec![connected], &workspace.settings, &args.network, &allowance, faults);
    let hides_paths = target.import.kind.id_field().sensitivity > Sensitivity::Public;
    let hide = |(name, service): (Arc<str>, TargetClient)| (name, service.with_hidden_paths(hides_paths));
    (!services.is_empty()).then(|| services.into_iter().map(hide).collect())
}

/// What is to be said about what was read.
fn diagnose_fetched(target: &ImportTarget, args: &ImportArgs, fetched: &FetchedObjects) -> Vec<Diagnostic> {
    let mut remarks = Vec::new();
    if fetched.total == 0 && target.selectors.is_empty() {
        let message = "the service lists no objects; the credentials may lack access";
        remarks.push(
            Diagnostic::warning("empty-collection", message).with_hint("check the credentials and the scope"),
        );
    }
    if let Some(reason) = &fetched.incomplete {
        let message = format!("the list of objects is not complete, so others may be missing here: {reason}");
        remarks.push(
            Diagnostic::error("incomplete-list", message)
                .with_hint("check `paging` in the description of the kind"),
        );
    }
    for at in &fetched.unmatched_selectors {
        let selector = args.selectors.get(*at).map_or("", String::as_str);
        let message = format!("no live object matches `{}`", selector.escape_debug());
        remarks.push(Diagnostic::error("no-match", message).with_hint("`*` at either end matches any text"));
    }
    remarks
}

/// What stands in the workspace already.
fn collect_existing<'e>(
    ready: &'e PreparedImport,
    target: &ImportTarget,
    history: &'e dyn EditHistory,
) -> ImportContext<'e> {
    let existing = ready.iter_documents().filter(|document| target.owns_document(document));
    let existing = existing.map(|document| ExistingDocument {
        document,
        is_editable: ready.folder.contains_document(document) && !document.is_composed,
    });
    ImportContext { existing: existing.collect(), registry: &ready.workspace.registry, history }
}

/// What is said of edits that an import leaves as they are.
fn diagnose_pending_edits(composed: &ImportedObject) -> Vec<Diagnostic> {
    match &composed.action {
        ImportAction::Pending(document) => diagnose_pending(document, &composed.pending),
        ImportAction::Changed(revised) => diagnose_pending(revised.document, &composed.pending),
        _ => Vec::new(),
    }
}

/// Whether the document of an object is here and is made from several levels, or for several environments.
fn is_composed(folder: &ImportFolder, own: &ImportedObject) -> bool {
    matches!(own.action, ImportAction::Elsewhere(document) if folder.contains_document(document))
}

/// Proves and writes every file; gives the documents over which a plan has to be empty.
fn write_documents<'e>(
    mut pages: PendingFiles<'e>,
    composed: Vec<ImportedObject<'e>>,
    rows: &mut Vec<ImportRow>,
) -> Vec<Document> {
    let mut same = Vec::new();
    for composed in composed {
        let mut row = ImportRow::from_composed(&composed);
        match composed.action {
            ImportAction::New { text } => {
                row.pending_file = pages.add_document(text, composed.live, &mut row)
            }
            ImportAction::Changed(revised) => row.pending_file = pages.add_revision(revised, &mut row),
            ImportAction::Unchanged(document) => {
                row.count_sources(document);
                row.set_document(document, ImportStatus::Unchanged);
                same.push(composed.references.fill_document(document, &composed.live.object));
            }
            ImportAction::Pending(document) => row.set_document(document, ImportStatus::Pending),
            ImportAction::Elsewhere(document) => row.set_document(document, ImportStatus::Elsewhere),
            ImportAction::Refused(reasons) => row.mark_refused(reasons),
        }
        rows.push(row);
    }
    same.extend(pages.write_files(rows));
    rows.sort_by(|a, b| (&a.file, &a.name).cmp(&(&b.file, &b.name)));
    same
}

/// Variables that secrets of this workspace come from already.
fn collect_variables<'d>(
    workspace: &LoadedWorkspace,
    documents: impl Iterator<Item = &'d Document>,
) -> BTreeSet<String> {
    let credentials = workspace.settings.targets.iter().flat_map(|target| target.list_all_credentials());
    let of_targets = credentials.map(|own| own.source.clone());
    let of_documents =
        documents.flat_map(|document| document.spec.iter_value_sources().map(|(slot, _)| slot.clone()));
    let name = |slot| match slot {
        ValueSource::Env(name) => Some(name),
        ValueSource::File(_) | ValueSource::Command(_) | ValueSource::Provider(..) => None,
    };
    of_targets.chain(of_documents).filter_map(name).collect()
}

/// Documents of this place whose objects are gone, when all objects were asked for.
fn diagnose_documents_without_object(
    target: &ImportTarget,
    existing: &[ExistingDocument],
    fetched: &FetchedObjects,
) -> Vec<Diagnostic> {
    if !target.selectors.is_empty() || fetched.total == 0 || fetched.incomplete.is_some() {
        return Vec::new();
    }
    let number = target.import.kind.identity.id;
    let live: BTreeSet<String> =
        fetched.objects.iter().filter_map(|live| target.format_id(live.object.get_field(number)?)).collect();
    let gone = |document: &&Document| {
        let id = document.id.as_ref().and_then(|id| target.format_id(id));
        document.state == DocumentState::Present && id.is_some_and(|id| !live.contains(&id))
    };
    let here = existing.iter().filter(|existing| existing.is_editable).map(|existing| existing.document);
    here.filter(gone).map(|document| diagnose_missing_object(target, document)).collect()
}

fn diagnose_missing_object(target: &ImportTarget, document: &Document) -> Diagnostic {
    let hint = match target.import.kind.identity.id_assigned_by {
        IdAssigner::Server => {
            "`trueup plan` refuses it; remove the document if the object was deleted for good"
        }
        IdAssigner::Client => {
            "`trueup plan` creates it; remove the document if the object was deleted for good"
        }
    };
    Diagnostic::warning("no-live-object", "no live object has the id of this document")
        .with_location(document.locate_span(document.id_span))
        .with_hint(hint)
}

/// The plan over everything that was written.
async fn verify_import(
    root: Option<&Path>,
    services: &BTreeMap<Arc<str>, TargetClient>,
    target: &ImportTarget,
    documents: &[Document],
    screen: &TerminalScreen,
) -> Result<(), Vec<Diagnostic>> {
    let Some(service) = services.get(&target.import.target) else { return Ok(()) };
    let stop = Arc::clone(&service.retry_budget().cancellation);
    let progress = ProgressDisplay::new(screen, services);
    let tell = |event: RunEvent| progress.handle_event(event);
    // what this machine wrote before must not decide whether a document says what is live
    let (memory, index) =
        (Mutex::new(WriteDigests::new_in_memory()), Mutex::new(ObjectIndex::new_in_memory()));
    let session = RunSession {
        services,
        method: UpdateMethod::Default,
        // nothing is written
        permissions: GrantedPermissions { personal: true, ..GrantedPermissions::default() },
        trust_empty: false,
        write_digests: &memory,
        index: &index,
        references: &ReferenceResolver::default(),
        rotation: &NO_ROTATION,
        unrecorded: None,
        unmanaged: false,
        retry_creates: false,
        allow_rename: false,
        other_documents: &NoOtherDocuments,
        journal: None,
        clock: RunClock::start(),
        read_back_timeout: None,
        stop: &stop,
        on_event: &tell,
    };
    let record = |plan: &Plan, jobs: &[ObjectJob]| {
        root.into_iter().for_each(|root| records::record_imported(root, jobs, plan));
    };
    let proof = verify_empty_plan(&session, &target.import, documents, record).await;
    progress.clear();
    proof
}
