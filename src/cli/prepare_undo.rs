//! From a receipt to a run that undoes it.
//!
//! The receipt says what was there; only what still holds what that run wrote is touched.
//! Deliberately absent: what is asked for instead (`run::undo`).

use super::progress::ProgressDisplay;
use super::shared_receipts;
use crate::cli::runtime::build_runtime;
use crate::state::files::read_text;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::object_patterns::ObjectLabel;
use super::prepared_run::PreparedRun;
use super::records::diagnose_missing_encryption;
use super::run_args::RunArgs;
use super::run_setup::{self, DiagnosticList, RunSelection};
use super::screen::TerminalScreen;
use super::selection_args::SelectionArgs;
use super::selection_filter::{ObjectSelection, label_document};
use crate::cli::digest_keys::DigestKeys;
use crate::diagnostic::{Diagnostic, NamedSource, describe_io_error};
use crate::document::Document;
use crate::kind::Kind;
use crate::plan::{Plan, PlanSubject};
use crate::report::receipt::{self, Receipt};
use crate::run::outcome::StepOutcome;
use crate::run::undo::WrittenObject;
use crate::run::undo::revert::{self, UndoDecision, UndoInput};
use crate::run::{RunEvent, live_state};
use crate::state::receipt as receipts;
use crate::state::sealer::{SealerError, ValueOpener};
use crate::workspace::LoadedWorkspace;
use crate::workspace::state_folder::STATE_FOLDER;

/// The variable that names what opens sealed values.
const IDENTITY_VARIABLE: &str = "TRUEUP_AGE_IDENTITY";

/// Target, kind and name of an object.
type UndoObjectKey = (Arc<str>, Arc<str>, Arc<str>);

/// What a run did, and what becomes of it.
pub struct PreparedUndo {
    /// The name of the run.
    pub run: String,
    commit: Option<String>,
    cases: HashMap<UndoObjectKey, UndoDecision>,
}

impl PreparedUndo {
    fn find_case(&self, subject: &PlanSubject) -> Option<&UndoDecision> {
        self.cases.get(&(subject.target.clone(), subject.kind.name.clone(), subject.name.clone()))
    }

    /// Leaves in a plan only what undoes.
    pub fn filter_plan(&self, plan: &mut Plan) {
        revert::filter_plan(plan, |subject| self.find_case(subject));
        if !plan.steps.is_empty() {
            plan.diagnostics.push(self.diagnose_documents_differ());
        }
    }

    /// Says of each object that was written what of it stays as it is.
    pub fn annotate_outcomes(&self, outcomes: &mut [StepOutcome]) {
        for outcome in outcomes {
            if let Some(case) = self.find_case(&outcome.subject).filter(|case| case.is_partial()) {
                outcome.findings.extend(case.not_undone.iter().cloned());
            }
        }
    }

    /// How many objects of a plan are undone in part.
    pub fn count_partial<'s>(&self, subjects: impl Iterator<Item = &'s PlanSubject>) -> usize {
        subjects.filter(|subject| self.find_case(subject).is_some_and(UndoDecision::is_partial)).count()
    }

    fn diagnose_documents_differ(&self) -> Diagnostic {
        let message = "the documents still contain what this undoes, so the next apply would write it again";
        let hint = match &self.commit {
            Some(commit) => format!("revert it in Git too: `git revert {commit}`, or edit the documents"),
            None => "edit the documents, or revert the commit in Git".to_owned(),
        };
        Diagnostic::warning("documents-differ", message).with_hint(hint)
    }
}

/// What is undone, and how.
pub struct UndoRequest<'u> {
    /// A receipt, by its file or the name of its run.
    pub receipt: &'u Path,
    pub reading: &'u RunArgs,
    pub selection: &'u SelectionArgs,
}

/// Leaves only the selected objects in a receipt.
fn select_objects(
    receipt: &mut Receipt,
    workspace: &LoadedWorkspace,
    args: &SelectionArgs,
) -> Result<(), DiagnosticList> {
    let selection = ObjectSelection::new(workspace, args)?;
    selection.check_patterns(receipt.objects.iter().map(label_entry))?;
    receipt.objects.retain(|entry| {
        let is_own = |document: &&Document| label_document(document) == label_entry(entry);
        let own = workspace.documents.iter().find(is_own);
        selection.selects(label_entry(entry), own.map(|own| &*own.source.path))
    });
    match receipt.objects.is_empty() && !selection.is_everything() {
        false => Ok(()),
        true => Err(vec![
            Diagnostic::error("nothing-selected", "no object of the receipt is selected")
                .with_hint("`trueup show` lists the objects of the receipt"),
        ]),
    }
}

fn label_entry(entry: &WrittenObject) -> ObjectLabel<'_> {
    ObjectLabel { target: &entry.target, kind: &entry.kind, name: &entry.name }
}

/// Prepares a workspace to undo what a receipt tells, whose name or file is given.
///
/// # Errors
/// With the faults that keep it from that; they were reported.
pub fn prepare_undo(
    mut workspace: LoadedWorkspace,
    request: UndoRequest,
    screen: &TerminalScreen,
) -> Result<(PreparedRun, PreparedUndo), DiagnosticList> {
    let print_fault = |fault: Diagnostic| {
        screen.print_diagnostics(std::slice::from_ref(&fault));
        vec![fault]
    };
    let keys = DigestKeys::load(&workspace.root).map_err(print_fault)?;
    let (text, shown) = read_receipt(&workspace, request.receipt).map_err(print_fault)?;
    let mut receipt = receipt::read_verified(&text, |keyed| keys.select_key(keyed)).map_err(print_fault)?;
    check_targets(&receipt, &workspace).map_err(print_fault)?;
    let opener = load_identity(&workspace.root).map_err(print_fault)?;
    select_objects(&mut receipt, &workspace, request.selection)
        .inspect_err(|faults| screen.print_diagnostics(faults))?;
    let trails = build_trails(&receipt, &workspace, &shown, opener.as_ref()).map_err(print_fault)?;
    let protected = list_protected(&workspace);
    let own = std::mem::take(&mut workspace.documents);
    let own = |trail: &UndoInput| own.iter().find(|document| trail.is_about(document));
    workspace.documents = trails.iter().map(|trail| trail.build_lookup_document(own(trail))).collect();
    let reading = RunArgs { unmanaged: false, ..request.reading.clone() };
    let mut prepared =
        run_setup::prepare_run(workspace, &reading, RunSelection::PART, screen, run_setup::PROCESS_ENV)?;
    let keyed = receipt.seal.as_ref().is_some_and(|seal| seal.keyed);
    let reads = read_objects(&prepared, &reading, screen).map_err(print_fault)?;
    let mut cases = HashMap::new();
    let sought = std::mem::take(&mut prepared.workspace.documents);
    for ((trail, sought), read) in trails.iter().zip(&sought).zip(&reads) {
        let mut case = trail.decide_undo(read.as_ref(), sought, keys.select_key(keyed));
        case.document.protect = is_protected(&case.document, &protected, &prepared);
        let target = case.document.target.as_deref().unwrap_or_default();
        case.document.environment =
            prepared.workspace.settings.composition.find_target_environment(target).cloned();
        let document = case.document.clone();
        let name =
            (document.target.clone().unwrap_or_default(), document.kind.name.clone(), document.name.clone());
        prepared.workspace.documents.push(document);
        cases.insert(name, case);
    }
    Ok((prepared, PreparedUndo { run: receipt.run, commit: receipt.commit, cases }))
}

type UndoReads = Vec<Option<crate::run::fetch::ReadOutcome>>;

/// The objects as they are now.
fn read_objects(
    prepared: &PreparedRun,
    reading: &RunArgs,
    screen: &TerminalScreen,
) -> Result<UndoReads, Diagnostic> {
    let runtime = build_runtime()
        .map_err(|error| Diagnostic::error("no-runtime", error.to_string()).with_hint("run again"))?;
    let progress = ProgressDisplay::new(screen, &prepared.services);
    let tell = |event: RunEvent| progress.handle_event(event);
    let session = prepared.build_session(reading, &tell);
    let reads = runtime.block_on(live_state::fetch_all(&session, &mut prepared.build_jobs()));
    progress.clear();
    Ok(reads)
}

/// The text of a receipt, by its file or by the name of its run, here or in the shared place, and how the file is
/// called.
fn read_receipt(workspace: &LoadedWorkspace, named: &Path) -> Result<(String, String), Diagnostic> {
    let path = receipts::resolve_path(&workspace.root.join(STATE_FOLDER), &workspace.root, named);
    if let (false, Some(store)) = (path.is_file(), &workspace.settings.receipts.store) {
        let name = named.to_string_lossy();
        return Ok((shared_receipts::read_receipt(store, &name)?, format!("{store}/{name}.json")));
    }
    let text = read_text(&path).map_err(|error| {
        Diagnostic::error("no-receipt", format!("{} cannot be read: {error}", named.display()))
            .with_hint(format!("name a file in {STATE_FOLDER}/{}, or a run", receipts::FOLDER))
    })?;
    Ok((text, workspace.format_path(&path)))
}

/// A receipt counts for the services that it was made at.
fn check_targets(receipt: &Receipt, workspace: &LoadedWorkspace) -> Result<(), Diagnostic> {
    let foreign = |message: String| {
        Err(Diagnostic::error("receipt-mismatch", message)
            .with_hint("undo it in its own workspace, with the same targets"))
    };
    for object in &receipt.objects {
        let Some(then) = receipt.targets.iter().find(|target| target.name == object.target) else {
            return foreign(format!("this receipt has no address of target {}", clean_line(&object.target)));
        };
        let here = workspace.settings.targets.iter().find(|target| *target.name == *object.target);
        let Some(here) = here else {
            return foreign(format!("there is no target {} here", clean_line(&object.target)));
        };
        if *here.api.name != *then.api || *here.base_url.as_str() != *then.base_url {
            return foreign(format!("target {} differs from the target of this receipt", here.name));
        }
    }
    Ok(())
}

fn clean_line(text: &str) -> String {
    crate::report::sanitize::escape_line(text).into_owned()
}

/// What opens sealed values, where the environment names it: a file, or an identity itself.
fn load_identity(root: &Path) -> Result<Option<ValueOpener>, Diagnostic> {
    let Some(named) = std::env::var_os(IDENTITY_VARIABLE).filter(|named| !named.is_empty()) else {
        return Ok(None);
    };
    let unreadable = |why: String| {
        Diagnostic::error("invalid-identity", format!("{IDENTITY_VARIABLE} names no valid identity: {why}"))
            .with_hint("name a file written by `age-keygen`")
    };
    let itself = named.to_str().filter(|text| text.starts_with("AGE-SECRET-KEY-"));
    let text = match itself {
        Some(text) => Zeroizing::new(text.to_owned()),
        None => read_text(&root.join(named))
            .map(Zeroizing::new)
            .map_err(|error| unreadable(describe_io_error(error.kind())))?,
    };
    ValueOpener::new(&text).map(Some).map_err(|unfit| match unfit {
        SealerError::NotBuiltIn => diagnose_missing_encryption(),
        SealerError::InvalidKey => unreadable("its format is unknown".to_owned()),
    })
}

fn build_trails(
    receipt: &Receipt,
    workspace: &LoadedWorkspace,
    file: &str,
    opener: Option<&ValueOpener>,
) -> Result<Vec<UndoInput>, Diagnostic> {
    let source = NamedSource::new(file, "");
    let trail = |entry: &WrittenObject| {
        let kind = find_kind(workspace, entry)?;
        UndoInput::new(kind, entry.clone(), &source, opener)
    };
    let misfit = |entry: &WrittenObject| {
        let message =
            format!("the record of {} in this receipt does not match its kind", clean_line(&entry.name));
        Diagnostic::error("receipt-mismatch", message)
            .with_hint("use the version of trueup and of `apis/` that made it")
    };
    receipt.objects.iter().map(|entry| trail(entry).ok_or_else(|| misfit(entry))).collect()
}

/// The kind of an object; the one of its document has marks on what comes from outside.
fn find_kind(workspace: &LoadedWorkspace, entry: &WrittenObject) -> Option<Arc<Kind>> {
    let is_own = |document: &&Document| {
        *document.kind.name == *entry.kind
            && *document.name == *entry.name
            && document.target.as_deref() == Some(&*entry.target)
    };
    let own = workspace.documents.iter().find(is_own).map(|document| Arc::clone(&document.kind));
    own.or_else(|| workspace.registry.find_kind(&entry.kind))
}

type ProtectedKeys = Vec<(Option<Arc<str>>, Arc<str>, Arc<str>)>;

/// The objects that their documents protect.
fn list_protected(workspace: &LoadedWorkspace) -> ProtectedKeys {
    let protected = workspace.documents.iter().filter(|document| document.protect);
    protected.map(|own| (own.target.clone(), own.kind.name.clone(), own.name.clone())).collect()
}

/// Protection holds whoever asks, and survives the removal of its document.
fn is_protected(document: &Document, protected: &ProtectedKeys, prepared: &PreparedRun) -> bool {
    let (target, kind, name) = (&document.target, &document.kind.name, &document.name);
    let index = prepared.index.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let known = index.get(target.as_deref().unwrap_or_default(), kind, name);
    known.is_some_and(|own| own.protect) || protected.contains(&(target.clone(), kind.clone(), name.clone()))
}
