//! `trueup undo`: what an apply overwrote becomes an ordinary plan again, with the same gates and the same proof.
//!
//! The receipt says what was there; only what still holds what that run wrote is touched. The documents in Git
//! are not: they still ask for what is undone, which is said.
//! Deliberately absent: what is asked for instead (`run::undo`).

use std::path::PathBuf;

use clap::Args;

use super::apply::{self, ApplyOptions};
use super::events::EventStream;
use super::exit::ExitStatus;
use super::global_args::GlobalArgs;
use super::plan::PlannedRun;
use super::prepare_undo::{PreparedUndo, UndoRequest, prepare_undo};
use super::prepared_run::PreparedRun;
use super::records::{self};
use super::report_args::{ReportArgs, RevealArgs};
use super::reports::{ReportOutputs, ReportedCommand};
use super::run_args::RunArgs;
use super::run_setup::{self};
use super::screen::TerminalScreen;
use super::selection_args::SelectionArgs;
use super::{plan, saved_plan};
use crate::plan::count_limit::ObjectCounts;

/// Arguments of `undo`.
#[derive(Args)]
#[command(after_help = "\
Only values that are unchanged since that run are reverted; the others are listed with the reason. Objects that it \
created are deleted with `--allow-delete`; objects that it deleted are created again if the receipt has all values. \
Documents are not changed: revert the commit in Git too, or the next apply writes the change again.

Exit codes: 0 undone, or nothing left to undo; 3 refused, nothing written; 4 partly undone; 1 error.")]
pub struct UndoArgs {
    /// A receipt: a file in `.trueup/receipts`, or the name of a run
    #[arg(value_name = "RECEIPT")]
    pub receipt: PathBuf,
    #[command(flatten)]
    pub selection: SelectionArgs,
    #[command(flatten)]
    pub reading: RunArgs,
    #[command(flatten)]
    pub beside: ReportArgs,
    #[command(flatten)]
    pub sight: RevealArgs,
    /// Write nothing; save the plan, for review and `trueup apply FILE`; it contains no secrets
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Apply without a prompt
    #[arg(long, env = "TRUEUP_AUTO_APPROVE", hide_env_values = true)]
    pub auto_approve: bool,
    /// Write nothing when any object is refused
    #[arg(long, env = "TRUEUP_ALL_OR_NOTHING", hide_env_values = true)]
    pub all_or_nothing: bool,
}

/// Undoes what an apply did, as far as it is still there; with `-o` the plan is only saved.
///
/// # Errors
/// When the plan or the result cannot be written.
pub fn run(common: &GlobalArgs, args: &UndoArgs, screen: &TerminalScreen) -> anyhow::Result<ExitStatus> {
    let of = if args.output.is_some() { ReportedCommand::Plan } else { ReportedCommand::Apply };
    let Some(reports) = ReportOutputs::new(common, &args.beside, of, screen) else {
        return Ok(ExitStatus::Usage);
    };
    let Some(screen) = &reports.prepare_screen(screen, args.sight) else { return Ok(ExitStatus::Usage) };
    EventStream::run_with_events(&reports.event_files, |events| {
        let way = ApplyOptions {
            approved: args.auto_approve,
            all_or_nothing: args.all_or_nothing,
            reports: Some(&reports),
            events: Some(events),
            ..ApplyOptions::default()
        };
        run_undo(common, args, screen, &reports, way)
    })
}

fn run_undo(
    common: &GlobalArgs,
    args: &UndoArgs,
    screen: &TerminalScreen,
    reports: &ReportOutputs,
    way: ApplyOptions,
) -> anyhow::Result<ExitStatus> {
    let writes = args.output.is_none();
    let request = UndoRequest { receipt: &args.receipt, reading: &args.reading, selection: &args.selection };
    let opened = run_setup::open_workspace(common, &SelectionArgs::default(), screen)
        .and_then(|workspace| if writes { records::enable_writes(workspace, screen) } else { Ok(workspace) })
        .and_then(|workspace| prepare_undo(workspace, request, screen));
    let (prepared, undoing) = match opened {
        Ok(opened) => opened,
        Err(faults) if writes => {
            return apply::report_not_started(&[], &faults, screen, way).map(|()| ExitStatus::Error);
        }
        Err(faults) => return plan::report_failure(faults, screen, reports),
    };
    match &args.output {
        Some(file) => {
            let file = common.directory.join(file);
            let desired = plan::PlanOutputOptions {
                output: Some(&file),
                reports: Some(reports),
                ..plan::PlanOutputOptions::default()
            };
            save_undo_plan(&prepared, &undoing, &args.reading, screen, desired)
        }
        None => {
            let way = ApplyOptions { undo: Some(&undoing), ..way };
            apply::apply_workspace(&prepared.into_writable(), &args.reading, screen, way)
        }
    }
}

/// Shows and saves the plan, and writes nothing to any service.
fn save_undo_plan(
    prepared: &PreparedRun,
    undoing: &PreparedUndo,
    reading: &RunArgs,
    screen: &TerminalScreen,
    desired: plan::PlanOutputOptions,
) -> anyhow::Result<ExitStatus> {
    let mut plan = plan::make_plan(prepared, reading, screen)?;
    let objects = ObjectCounts::from_plan(&plan);
    undoing.filter_plan(&mut plan);
    let origin = saved_plan::PlanOrigin { commit: None, undoes: Some(undoing.run.clone()) };
    plan::conclude_plan(PlannedRun { plan, objects, origin }, prepared, reading, screen, desired)
}
