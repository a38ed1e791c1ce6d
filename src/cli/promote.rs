//! `trueup promote`: what one environment says of objects is said in another one too.
//!
//! Offline. Values of overlays move as they are written; what all environments of an object then say in the same words
//! moves into its document. Nothing is written unless every other render stays the same.

use std::sync::Arc;

use clap::Args;

use super::exit::ExitStatus;
use super::global_args::GlobalArgs;
use super::render::select_documents;
use super::run_setup;
use super::screen::TerminalScreen;
use super::selection_args::{EnvironmentArgs, SelectionArgs};
use super::write_back::report::{MovedFields, WriteBackSummary};
use super::write_back::{show_edits, write_edits};
use crate::cli::write_back::promotion::{PromotedValues, check_promotion};
use crate::cli::write_back::texts::apply_patches;
use crate::compose::promote::Promotion;
use crate::compose::statements::format_shown_path;
use crate::diagnostic::Diagnostic;
use crate::document::Document;
use crate::workspace::LoadedWorkspace;
use crate::workspace::edited::{EditedWorkspace, FileEdits};

/// Arguments of `promote`.
#[derive(Args)]
#[command(after_help = "\
Values of the overlays of one environment move on to the overlays of another one, as they are written. What all \
environments of an object then say in the same words moves into its document, and overlays that say nothing any more \
go. Before a file is written, the documents are composed with the new texts: the first environment must render as \
before, the second one the same at these paths, and everything else as before.

Exit codes: 0 done or nothing to promote; 1 documents have errors; 3 refused, nothing written.

Examples:
  trueup promote --from staging --to production --dry-run
  trueup promote --from staging --to production --name harbor-cards --path maxPaymentAmount")]
pub struct PromoteArgs {
    #[command(flatten)]
    pub selection: SelectionArgs,
    /// The environment whose overlays have the values
    #[arg(long, value_name = "ENVIRONMENT")]
    pub from: String,
    /// The environment to which the values move
    #[arg(long, value_name = "ENVIRONMENT")]
    pub to: String,
    /// Only values at these paths of fields, with dots; repeatable
    #[arg(long = "path", value_name = "FIELD", value_delimiter = ',')]
    pub fields: Vec<String>,
    /// Write nothing; show the changes of files
    #[arg(long)]
    pub dry_run: bool,
}

/// Moves values of one environment on to another one.
///
/// # Errors
/// When stdout cannot be written.
pub fn run(common: &GlobalArgs, args: &PromoteArgs, screen: &TerminalScreen) -> anyhow::Result<ExitStatus> {
    let mut selection = args.selection.clone();
    // the two environments are named by flags of this command
    selection.files.environments = EnvironmentArgs::default();
    let Ok(mut workspace) = run_setup::open_workspace(common, &selection, screen) else {
        return Ok(ExitStatus::Error);
    };
    let mut summary = WriteBackSummary::new(args.dry_run, "nothing to promote");
    let unknown = [&args.from, &args.to].into_iter().filter_map(|name| workspace.diagnose_environment(name));
    summary.diagnostics.extend(unknown);
    if let Err(faults) = select_documents(&mut workspace, &selection) {
        summary.diagnostics.extend(faults);
    }
    if summary.diagnostics.is_empty() {
        promote_objects(&workspace, args, &mut summary);
    }
    summary.conclude(screen)
}

fn promote_objects(workspace: &LoadedWorkspace, args: &PromoteArgs, summary: &mut WriteBackSummary) {
    match build_promotion(workspace, args, summary) {
        Ok(edits) => {
            summary.files = show_edits(workspace, &edits);
            if !args.dry_run
                && let Err(faults) = write_edits(workspace, &edits)
            {
                summary.diagnostics.extend(faults);
            }
        }
        Err(faults) => {
            summary.is_refused = true;
            summary.diagnostics.extend(faults);
        }
    }
}

fn build_promotion(
    workspace: &LoadedWorkspace,
    args: &PromoteArgs,
    summary: &mut WriteBackSummary,
) -> Result<FileEdits, Vec<Diagnostic>> {
    let edited = EditedWorkspace::new(workspace, &FileEdits::new());
    let before = edited.compose()?;
    let index = edited.index_levels();
    let composition = &workspace.settings.composition;
    let find = |name: &str| composition.find_environment(name).map(|own| Arc::clone(&own.name));
    let (Some(from), Some(to)) = (find(&args.from), find(&args.to)) else { return Ok(FileEdits::new()) };
    let (mut patches, mut objects) = (Vec::new(), Vec::new());
    for document in workspace.documents.iter().filter(|own| own.environment.as_ref() == Some(&from)) {
        let environments = list_environments(&before, document);
        if !environments.contains(&to) {
            summary
                .diagnostics
                .extend(index.find_overlay(document, &from).map(|_| diagnose_absent(document, &to)));
            continue;
        }
        let promotion = Promotion {
            index: &index,
            document,
            from: &from,
            to: &to,
            environments: &environments,
            paths: &args.fields,
        };
        let promoted = promotion.build();
        if promoted.patches.is_empty() {
            continue;
        }
        summary.moved.push(MovedFields {
            kind: document.kind.name.to_string(),
            name: document.name.to_string(),
            fields: promoted.moved.iter().map(|keys| format_shown_path(&document.kind.shape, keys)).collect(),
        });
        patches.extend(promoted.patches);
        let (kind, name) = (Arc::clone(&document.kind.name), Arc::clone(&document.name));
        objects.push(PromotedValues { kind, name, moved: promoted.moved });
    }
    let edits = apply_patches(&edited, &patches).map_err(|fault| vec![fault])?;
    let after = EditedWorkspace::new(workspace, &edits).compose()?;
    check_promotion(&before, &after, &objects, &from, &to)?;
    Ok(edits)
}

fn list_environments(documents: &[Document], document: &Document) -> Vec<Arc<str>> {
    let is_own =
        |own: &&Document| own.source.path == document.source.path && own.name_span == document.name_span;
    documents.iter().filter(is_own).filter_map(|own| own.environment.clone()).collect()
}

fn diagnose_absent(document: &Document, environment: &str) -> Diagnostic {
    let message = format!("`{}` is not in the environment `{environment}`", document.name);
    Diagnostic::warning("object-not-in-environment", message)
        .with_location(document.locate_span(document.name_span))
        .with_hint("add the environment to its `environments` first")
}
