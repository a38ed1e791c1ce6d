//! `trueup promote`: what one environment says of objects is said in another one too.
//!
//! Offline. Values of overlays move as they are written; what all environments of an object then say in the same words
//! moves into its document. Nothing is written unless every other render stays the same.

use std::collections::HashMap;
use std::sync::Arc;

use clap::Args;
use clap_complete::ArgValueCandidates;

use super::completion_values;
use super::exit::ExitStatus;
use super::field_paths::diagnose_unknown_paths;
use super::global_args::GlobalArgs;
use super::render::select_documents;
use super::run_setup;
use super::screen::TerminalScreen;
use super::selection_args::{EnvironmentArgs, SelectionArgs};
use super::write_back::report::{MovedFields, WriteBackSummary};
use crate::cli::write_back::promotion::{PromotedValues, check_promotion};
use crate::cli::write_back::texts::apply_patches;
use crate::compose::level_index::LevelIndex;
use crate::compose::promote::{PromotedObject, Promotion};
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
go. An edit of a list in the second environment is never replaced by another one. Before a file is written, the documents are composed with the new texts: the first environment must render as \
before, the second one the same at these paths, and everything else as before.

Exit codes: 0 done or nothing to promote; 1 documents have errors; 3 refused, nothing written.

Examples:
  trueup promote --from staging --to production --dry-run
  trueup promote --from staging --to production --name harbor-cards --path maxPaymentAmount")]
pub struct PromoteArgs {
    #[command(flatten)]
    pub selection: SelectionArgs,
    /// The environment whose overlays have the values
    #[arg(long, value_name = "ENVIRONMENT", add = ArgValueCandidates::new(completion_values::list_environments))]
    pub from: String,
    /// The environment to which the values move
    #[arg(long, value_name = "ENVIRONMENT", add = ArgValueCandidates::new(completion_values::list_environments))]
    pub to: String,
    /// Only values at these paths of fields, with dots; repeatable
    #[arg(long = "path", value_name = "FIELD", add = ArgValueCandidates::new(completion_values::list_fields), value_delimiter = ',')]
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
    if args.from == args.to {
        let message =
            format!("`--from` and `--to` name the same environment, `{}`", args.from.escape_debug());
        let fault = Diagnostic::error("usage", message).with_hint("name two environments");
        screen.print_diagnostics(&[fault]);
        return Ok(ExitStatus::Usage);
    }
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
    summary.diagnostics.extend(diagnose_unknown_paths(&args.fields, workspace.documents.iter()));
    if summary.diagnostics.is_empty() {
        promote_objects(&workspace, args, &mut summary);
    }
    summary.conclude(screen)
}

fn promote_objects(workspace: &LoadedWorkspace, args: &PromoteArgs, summary: &mut WriteBackSummary) {
    match build_promotion(workspace, args, summary) {
        Ok(edits) => summary.finish(workspace, &edits),
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
    let composition = &workspace.settings.composition;
    let find = |name: &str| composition.find_environment(name).map(|own| Arc::clone(&own.name));
    let (Some(from), Some(to)) = (find(&args.from), find(&args.to)) else { return Ok(FileEdits::new()) };
    let run = PromotionRun {
        environments: list_environments(&before),
        index: edited.index_levels(),
        edited: &edited,
        before: &before,
        workspace,
        args,
        from,
        to,
    };
    // where the text of a list cannot take an edit up, the edit stays one
    let folded = run.promote_all(true);
    let (edits, promoted) = folded.or_else(|_| run.promote_all(false))?;
    summary.moved = promoted.moved;
    summary.diagnostics.extend(promoted.absent);
    Ok(edits)
}

/// A promotion of all selected objects.
struct PromotionRun<'p> {
    workspace: &'p LoadedWorkspace,
    args: &'p PromoteArgs,
    edited: &'p EditedWorkspace<'p>,
    index: LevelIndex<'p>,
    before: &'p [Document],
    environments: ObjectEnvironments<'p>,
    from: Arc<str>,
    to: Arc<str>,
}

/// What is said of a promotion.
#[derive(Default)]
struct PromotedFields {
    moved: Vec<MovedFields>,
    /// Objects that are not in the other environment.
    absent: Vec<Diagnostic>,
}

impl PromotionRun<'_> {
    /// The edits, proven.
    fn promote_all(&self, folds_lists: bool) -> Result<(FileEdits, PromotedFields), Vec<Diagnostic>> {
        let (mut patches, mut objects, mut overridden) = (Vec::new(), Vec::new(), Vec::new());
        let mut fields = PromotedFields::default();
        let is_from = |own: &&Document| own.environment.as_ref() == Some(&self.from);
        for document in self.workspace.documents.iter().filter(is_from) {
            let environments = self.environments.get(&document.name_place());
            let Some(environments) = environments.filter(|own| own.contains(&self.to)) else {
                let overlay = self.index.find_overlay(document, &self.from);
                fields.absent.extend(overlay.map(|_| diagnose_absent(document, &self.to)));
                continue;
            };
            let promotion = Promotion {
                index: &self.index,
                document,
                from: &self.from,
                to: &self.to,
                environments,
                paths: &self.args.fields,
                folds_lists,
            };
            let promoted = promotion.build();
            overridden.extend(promoted.overridden.iter().cloned());
            if promoted.patches.is_empty() {
                continue;
            }
            fields.moved.push(describe_moved(document, &promoted));
            patches.extend(promoted.patches);
            let (kind, name) = (Arc::clone(&document.kind.name), Arc::clone(&document.name));
            objects.push(PromotedValues { kind, name, moved: promoted.moved });
        }
        if !overridden.is_empty() {
            return Err(overridden);
        }
        let edits = apply_patches(self.edited, &patches).map_err(|fault| vec![fault])?;
        let after = EditedWorkspace::new(self.workspace, &edits).compose()?;
        check_promotion(self.before, &after, &objects, &self.from, &self.to)?;
        Ok((edits, fields))
    }
}

fn describe_moved(document: &Document, promoted: &PromotedObject) -> MovedFields {
    MovedFields {
        kind: document.kind.name.to_string(),
        name: document.name.to_string(),
        fields: promoted.moved.iter().map(|keys| format_shown_path(&document.kind.shape, keys)).collect(),
    }
}

/// The environments of each object, by its file and the place of its name.
type ObjectEnvironments<'d> = HashMap<(&'d str, u32), Vec<Arc<str>>>;

fn list_environments(documents: &[Document]) -> ObjectEnvironments<'_> {
    let mut environments = ObjectEnvironments::new();
    for document in documents {
        environments.entry(document.name_place()).or_default().extend(document.environment.clone());
    }
    environments
}

fn diagnose_absent(document: &Document, environment: &str) -> Diagnostic {
    let message = format!("`{}` is not in the environment `{environment}`", document.name);
    Diagnostic::warning("object-not-in-environment", message)
        .with_location(document.locate_span(document.name_span))
        .with_hint("add the environment to its `environments` first")
}
