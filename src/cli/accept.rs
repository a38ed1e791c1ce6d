//! `trueup accept`: live values are written into the level of the documents that owns them.
//!
//! Live objects are read, new texts are made and proven in memory, and only then files are written. The connections of
//! this command cannot write.
//! Deliberately absent: which level a value goes to (`run::accept`).

pub(super) mod objects;
mod report;
pub(super) mod rounds;

use std::collections::BTreeMap;

use clap::Args;
use clap_complete::ArgValueCandidates;

use self::objects::{build_object, count_environments, list_scope_values};
use self::report::{AcceptSummary, ObjectStatus};
use self::rounds::{AcceptRounds, find_changes};
use super::completion_values;
use super::exit::ExitStatus;
use super::field_paths::diagnose_unknown_paths;
use super::global_args::GlobalArgs;
use super::import::history::HistoryRecords;
use super::merge_base::{build_document_key, build_subject_key};
use super::prepared_run::PreparedRun;
use super::progress::ProgressDisplay;
use super::run_args::{NetworkArgs, RunArgs};
use super::run_setup::{self, RunSelection};
use super::screen::TerminalScreen;
use super::selection_args::SelectionArgs;
use super::write_back;
use crate::cli::runtime::build_runtime;
use crate::document::Document;
use crate::plan::permission::PermissionLimit;
use crate::run::RunEvent;
use crate::run::accept::level_choice::{SharedLevel, SharedLevelKind};
use crate::run::accept::live::{AcceptedRead, read_live};
use crate::run::accept::{AcceptOptions, AcceptedObject};
use crate::run::import::pending::diagnose_pending;
use crate::workspace::LoadedWorkspace;
use crate::workspace::edited::{EditedWorkspace, FileEdits};

pub use report::AcceptReport;

/// Arguments of `accept`.
#[derive(Args, Default)]
#[command(after_help = "\
Each live value goes into the highest level that sets it and belongs to its object alone: the overlay, else the \
document, else a new overlay of the environment. A named value that one object uses once is set in the values of the \
environment; one with other uses stays, and the field is set for the object. Bases and documents of several environments stay as they are unless \
`--into` names them. Comments and layout are kept. Secrets, values with a source and edits that were not applied are \
never overwritten. Before a file is written, the documents are composed with the new texts: every other object and \
environment must render as before.

Exit codes: 0 done or nothing to accept; 1 live objects or documents cannot be read; 3 refused, nothing written; \
4 some values were not written.

Examples:
  trueup accept --env production --dry-run
  trueup accept --name harbor-cards --path maxPaymentAmount
  trueup accept --kind bootview/payment-gateway --path billTypes --into base=40")]
pub struct AcceptArgs {
    #[command(flatten)]
    pub selection: SelectionArgs,
    /// Only values at these paths of fields, with dots; repeatable
    #[arg(long = "path", value_name = "FIELD", add = ArgValueCandidates::new(completion_values::list_fields), value_delimiter = ',')]
    pub fields: Vec<String>,
    /// Write into a level of several objects: `base=N` or `document=N`, where N is the number of objects that change
    #[arg(long, value_name = "LEVEL=N", value_parser = parse_shared_level)]
    pub into: Option<SharedLevel>,
    /// Write personal and internal values too
    #[arg(long, env = "TRUEUP_PERSONAL", hide_env_values = true)]
    pub personal: bool,
    /// Take values from objects whose natural key is not the one on record
    #[arg(long)]
    pub allow_rename: bool,
    /// Write nothing; show the changes of files
    #[arg(long)]
    pub dry_run: bool,
    /// Maximum number of concurrent requests per target [default: the limit of the target, else 10]; the limit of the API still applies
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=256), env = "TRUEUP_PARALLELISM", hide_env_values = true)]
    pub parallelism: Option<u32>,
    #[command(flatten)]
    pub network: NetworkArgs,
}

fn parse_shared_level(text: &str) -> Result<SharedLevel, String> {
    let expected = || "expected `base=N` or `document=N`, with a number of objects".to_owned();
    let (level, objects) = text.split_once('=').ok_or_else(expected)?;
    let level = match level {
        "base" => SharedLevelKind::Base,
        "document" => SharedLevelKind::Document,
        _ => return Err(expected()),
    };
    Ok(SharedLevel { level, objects: objects.parse().map_err(|_| expected())? })
}

/// Writes live values into documents.
///
/// # Errors
/// When there is no runtime, or stdout cannot be written.
pub fn run(common: &GlobalArgs, args: &AcceptArgs, screen: &TerminalScreen) -> anyhow::Result<ExitStatus> {
    let allow_rename = if args.allow_rename { PermissionLimit::Unlimited } else { PermissionLimit::Denied };
    let (parallelism, network) = (args.parallelism, args.network.clone());
    let reading = RunArgs { parallelism, network, allow_rename, ..RunArgs::default() };
    let prepared = run_setup::open_workspace(common, &args.selection, screen).and_then(|workspace| {
        // secrets are never written, so none is read
        let workspace = LoadedWorkspace { skips_secrets: true, ..workspace };
        let reach = RunSelection::from_args(&args.selection);
        run_setup::prepare_run(workspace, &reading, reach, screen, run_setup::PROCESS_ENV)
    });
    let mut summary = AcceptSummary::new(args.dry_run);
    match prepared {
        Ok(prepared) => accept_objects(&prepared, args, &reading, screen, &mut summary)?,
        Err(faults) => {
            // stderr has them already
            summary.diagnostics.extend(faults);
            summary.print_stdout(screen)?;
            return Ok(ExitStatus::Error);
        }
    }
    summary.print(screen)?;
    Ok(summary.compute_exit_status())
}

fn accept_objects(
    prepared: &PreparedRun,
    args: &AcceptArgs,
    reading: &RunArgs,
    screen: &TerminalScreen,
    summary: &mut AcceptSummary,
) -> anyhow::Result<()> {
    let workspace = &prepared.workspace;
    let before = match EditedWorkspace::new(workspace, &FileEdits::new()).compose() {
        Ok(documents) => documents,
        Err(faults) => {
            summary.diagnostics.extend(faults);
            return Ok(());
        }
    };
    let is_chosen =
        |own: &&Document| prepared.selection.as_ref().is_none_or(|selection| selection.is_chosen(own));
    let unknown = diagnose_unknown_paths(&args.fields, workspace.documents.iter().filter(is_chosen));
    if !unknown.is_empty() {
        summary.diagnostics.extend(unknown);
        return Ok(());
    }
    let options = AcceptOptions {
        personal: args.personal,
        paths: args.fields.clone(),
        into: args.into,
        scope_values: list_scope_values(workspace),
    };
    let reads = read_objects(prepared, reading, screen)?;
    let objects = collect_objects(prepared, &before, reads, &options, summary);
    let rounds = AcceptRounds { workspace, options: &options, before: &before };
    let outcome = rounds.accept_objects(&objects);
    summary.refused.extend(outcome.refused);
    if !args.dry_run
        && let Err(faults) = write_back::write_edits(workspace, &outcome.edits)
    {
        summary.diagnostics.extend(faults);
        return Ok(());
    }
    summary.files = write_back::show_edits(workspace, &outcome.edits);
    for (at, changes) in &outcome.accepted {
        summary.add_object(&objects[*at].subject, changes, ObjectStatus::Accepted);
    }
    Ok(())
}

fn read_objects(
    prepared: &PreparedRun,
    reading: &RunArgs,
    screen: &TerminalScreen,
) -> anyhow::Result<Vec<AcceptedRead>> {
    let progress = ProgressDisplay::new(screen, &prepared.services);
    let tell = |event: RunEvent| progress.handle_event(event);
    let session = prepared.build_session(reading, &tell);
    let reads = build_runtime()?.block_on(read_live(&session, &mut prepared.build_jobs()));
    progress.clear();
    Ok(reads)
}

/// The objects that differ from their documents; what is said of others goes into the summary.
fn collect_objects(
    prepared: &PreparedRun,
    before: &[Document],
    reads: Vec<AcceptedRead>,
    options: &AcceptOptions,
    summary: &mut AcceptSummary,
) -> Vec<AcceptedObject> {
    let records = HistoryRecords::open(&prepared.workspace);
    let history = records.describe_documents(&prepared.workspace);
    let documents: BTreeMap<_, _> = before.iter().map(|own| (build_document_key(own), own)).collect();
    let environments = count_environments(before);
    let mut objects = Vec::new();
    for (document, read) in prepared.workspace.documents.iter().zip(reads) {
        if prepared.selection.as_ref().is_some_and(|selection| !selection.is_chosen(document)) {
            continue;
        }
        let (subject, live) = match read {
            AcceptedRead::Found(subject, live) => (subject, live),
            AcceptedRead::NotManaged => continue,
            AcceptedRead::Missing(subject) => {
                summary.diagnostics.push(report::diagnose_missing(&subject));
                continue;
            }
            AcceptedRead::Refused(reasons) => {
                summary.refused.extend(reasons);
                continue;
            }
            AcceptedRead::Unread(reasons) => {
                summary.diagnostics.extend(reasons);
                continue;
            }
        };
        let Some(document) = documents.get(&build_subject_key(&subject)) else { continue };
        let environments = environments.get(&document.name_place()).copied().unwrap_or(1);
        let object = build_object(document, subject, *live, environments, &history);
        if !object.pending.is_empty() {
            summary.diagnostics.extend(diagnose_pending(document, &object.pending));
            summary.add_object(&object.subject, &object.pending, ObjectStatus::Pending);
        }
        match find_changes(document, &object, options) {
            Ok(selected) if selected.accepted.is_empty() => summary.refused.extend(selected.refused),
            Ok(_) => objects.push(object),
            Err(reasons) => summary.refused.extend(reasons),
        }
    }
    objects
}
