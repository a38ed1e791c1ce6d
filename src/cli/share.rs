//! `trueup share`: a base of what documents of one kind have in common.
//!
//! Offline. The base and the changes of the documents are shown as a patch, or written. Nothing is written unless every
//! render stays the same.

use std::collections::{BTreeMap, HashSet};

use clap::Args;

use super::exit::ExitStatus;
use super::global_args::GlobalArgs;
use super::render::select_documents;
use super::run_setup;
use super::screen::TerminalScreen;
use super::selection_args::SelectionArgs;
use super::write_back::report::{MovedFields, WriteBackSummary};
use crate::cli::write_back::proof::{diagnose_other, list_changed};
use crate::cli::write_back::texts::apply_patches;
use crate::compose::bases::BASES_FOLDER;
use crate::compose::share::propose_base;
use crate::diagnostic::Diagnostic;
use crate::document::Document;
use crate::run::import::names;
use crate::workspace::LoadedWorkspace;
use crate::workspace::edited::{EditedWorkspace, FileEdits};

/// What to do where another document would render otherwise.
const HINT_OTHER_OBJECTS: &str = "nothing was written; select other documents with `--name` or a path";

/// Arguments of `share`.
#[derive(Args)]
#[command(after_help = "\
A value is common when every selected document of a kind writes it in the same words. Natural keys, personal values and \
what a base of one of the documents sets already stay where they are. Before a file is written, the documents are \
composed with the new texts: every object in every environment must render as before.

Exit codes: 0 done or nothing in common; 1 documents have errors; 3 refused, nothing written; 64 several kinds with \
`--write`, or no name of a base.

Examples:
  trueup share --kind bootview/payment-gateway
  trueup share config/gateways --write card-gateway")]
pub struct ShareArgs {
    #[command(flatten)]
    pub selection: SelectionArgs,
    /// Write the base of this name and the changes of the documents [default: show them]
    #[arg(long, value_name = "NAME")]
    pub write: Option<String>,
}

/// Proposes bases.
///
/// # Errors
/// When stdout cannot be written.
pub fn run(common: &GlobalArgs, args: &ShareArgs, screen: &TerminalScreen) -> anyhow::Result<ExitStatus> {
    let Ok(mut workspace) = run_setup::open_workspace(common, &args.selection, screen) else {
        return Ok(ExitStatus::Error);
    };
    if let Some(fault) = args.write.as_deref().and_then(diagnose_name) {
        screen.print_diagnostics(&[fault]);
        return Ok(ExitStatus::Usage);
    }
    let mut summary = WriteBackSummary::new(args.write.is_none(), "nothing in common");
    if let Err(faults) = select_documents(&mut workspace, &args.selection) {
        summary.diagnostics.extend(faults);
        return summary.conclude(screen);
    }
    let kinds: BTreeMap<&str, Vec<&Document>> = group_documents(&workspace);
    if args.write.is_some() && kinds.len() > 1 {
        let names: Vec<&str> = kinds.keys().copied().collect();
        let message = format!("a base is of one kind, and these are documents of {}", names.join(", "));
        screen
            .print_diagnostics(&[Diagnostic::error("usage", message).with_hint("select one with `--kind`")]);
        return Ok(ExitStatus::Usage);
    }
    match build_bases(&workspace, &kinds, args, &mut summary) {
        Ok(edits) => summary.finish(&workspace, &edits),
        Err(faults) => {
            summary.is_refused = true;
            summary.diagnostics.extend(faults);
        }
    }
    summary.conclude(screen)
}

/// The objects of each kind, each once, whatever its environments.
fn group_documents(workspace: &LoadedWorkspace) -> BTreeMap<&str, Vec<&Document>> {
    let mut kinds: BTreeMap<&str, Vec<&Document>> = BTreeMap::new();
    let mut seen = HashSet::new();
    for document in &workspace.documents {
        if seen.insert(document.name_place()) {
            kinds.entry(&document.kind.name).or_default().push(document);
        }
    }
    kinds
}

fn build_bases(
    workspace: &LoadedWorkspace,
    kinds: &BTreeMap<&str, Vec<&Document>>,
    args: &ShareArgs,
    summary: &mut WriteBackSummary,
) -> Result<FileEdits, Vec<Diagnostic>> {
    let edited = EditedWorkspace::new(workspace, &FileEdits::new());
    let before = edited.compose()?;
    let index = edited.index_levels();
    let mut edits = FileEdits::new();
    let mut patches = Vec::new();
    for documents in kinds.values() {
        let Some(first) = documents.first() else { continue };
        let usual = || format!("{}-common", names::shorten_kind(&first.kind));
        let name = args.write.clone().unwrap_or_else(usual);
        let path = format!("{BASES_FOLDER}/{}.yaml", names::to_kebab(&name));
        let Some(base) = propose_base(&index, documents, &name) else { continue };
        if workspace.root.join(&path).symlink_metadata().is_ok() {
            return Err(vec![diagnose_taken(&path)]);
        }
        summary.moved.push(MovedFields { kind: first.kind.name.to_string(), name, fields: base.fields });
        edits.insert(path, Some(base.text));
        patches.extend(base.patches);
    }
    edits.extend(apply_patches(&edited, &patches).map_err(|fault| vec![fault])?);
    let after = EditedWorkspace::new(workspace, &edits).compose()?;
    let changed = list_changed(&before, &after).map_err(|fault| vec![fault])?;
    let diagnose = |(before, _)| diagnose_other(before, HINT_OTHER_OBJECTS);
    let faults: Vec<Diagnostic> = changed.into_iter().map(diagnose).collect();
    if faults.is_empty() { Ok(edits) } else { Err(faults) }
}

/// The fault of a name of a base that is not the name of its file too.
fn diagnose_name(name: &str) -> Option<Diagnostic> {
    let is_plain = |c: char| c.is_alphanumeric() || "-_.".contains(c);
    let is_valid = name.chars().all(is_plain) && name.chars().any(char::is_alphanumeric);
    (!is_valid).then(|| {
        Diagnostic::error("invalid-name", format!("`{}` is no name of a base", name.escape_debug()))
            .with_hint("use letters, digits, hyphens, underscores and dots; the file is made in `bases`")
    })
}

fn diagnose_taken(path: &str) -> Diagnostic {
    Diagnostic::error("file-exists", format!("{path} exists already"))
        .with_hint("name another base with `--write`")
}
