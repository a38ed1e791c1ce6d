//! `trueup plan`: what would change, and the requests that would do it.

use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;

use clap::Args;

use super::causes::CauseArgs;
use super::exit::ExitStatus;
use super::global_args::{GlobalArgs, StdoutFormat};
use super::plan_report_builder::{build_report, build_report_with};
use super::prepared_run::PreparedRun;
use super::progress::ProgressDisplay;
use super::report_args::{ReportArgs, RevealArgs};
use super::reports::{ReportContent, ReportOutputs, ReportedCommand};
use super::run_args::RunArgs;
use super::run_setup::{self, DiagnosticList, RunSelection};
use super::screen::TerminalScreen;
use super::selection_args::SelectionArgs;
use super::signals::run_until_signalled;
use super::{causes, protection, records, saved_plan};
use crate::cli::runtime::build_runtime;
use crate::diagnostic::{Diagnostic, has_errors};
use crate::document::Document;
use crate::kind::registry::is_workspace_api;
use crate::plan::count_limit::ObjectCounts;
use crate::plan::{Plan, gate};
use crate::remote::target_client::TargetClient;
use crate::report::json::to_json;
use crate::report::plan_report::PlanReport;
use crate::report::pseudonyms::PersonalDataMode;
use crate::report::text;
use crate::run::{RunEvent, planning};
use crate::workspace::LoadedWorkspace;

/// Arguments of `plan`.
#[derive(Args)]
pub struct PlanArgs {
    #[command(flatten)]
    pub selection: SelectionArgs,
    #[command(flatten)]
    pub reading: RunArgs,
    #[command(flatten)]
    pub beside: ReportArgs,
    #[command(flatten)]
    pub causes: CauseArgs,
    #[command(flatten)]
    pub sight: RevealArgs,
    /// Do not read the secrets of documents: compare everything else, and say what was not compared
    #[arg(long, conflicts_with_all = ["output", "rotate"], env = "TRUEUP_NO_SECRETS", hide_env_values = true)]
    pub no_secrets: bool,
    /// Exit with 2 when there are changes
    #[arg(long, env = "TRUEUP_DETAILED_EXITCODE", hide_env_values = true)]
    pub detailed_exitcode: bool,
    /// Save the plan, for review and `trueup apply FILE`; it contains no secrets
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// Reads live state and shows the plan.
///
/// # Errors
/// When the plan cannot be written.
pub fn run(common: &GlobalArgs, args: &PlanArgs, screen: &TerminalScreen) -> anyhow::Result<ExitStatus> {
    let Some(reports) = ReportOutputs::new(common, &args.beside, ReportedCommand::Plan, screen) else {
        return Ok(ExitStatus::Usage);
    };
    let Some(screen) = &reports.prepare_screen(screen, args.sight) else { return Ok(ExitStatus::Usage) };
    let reach = RunSelection::from_args(&args.selection);
    let prepared = run_setup::open_workspace(common, &args.selection, screen).and_then(|workspace| {
        let workspace = LoadedWorkspace { skips_secrets: args.no_secrets, ..workspace };
        run_setup::prepare_run(workspace, &args.reading, reach, screen, run_setup::PROCESS_ENV)
    });
    match prepared {
        Ok(prepared) => {
            let output = args.output.as_ref().map(|file| common.directory.join(file));
            let desired = PlanOutputOptions {
                detailed_exit_code: args.detailed_exitcode,
                output: output.as_deref(),
                reports: Some(&reports),
                causes: Some(&args.causes),
            };
            plan_workspace(&prepared, &args.reading, screen, desired)
        }
        Err(faults) => report_failure(faults, screen, &reports),
    }
}

/// Without a plan, programs get the faults in its place.
///
/// # Errors
/// When they cannot be written.
pub fn report_failure(
    faults: DiagnosticList,
    screen: &TerminalScreen,
    reports: &ReportOutputs,
) -> anyhow::Result<ExitStatus> {
    write_failure(faults, screen, Some(reports)).map(|()| ExitStatus::Error)
}

fn write_failure(
    faults: DiagnosticList,
    screen: &TerminalScreen,
    reports: Option<&ReportOutputs>,
) -> anyhow::Result<()> {
    let plan = Plan { diagnostics: faults, complete: false, ..Plan::default() };
    let report = PlanReport::from_plan(&plan, &|_, _| 0);
    if screen.format == StdoutFormat::Json {
        screen.print_stdout(&to_json(&report)?)?;
    }
    reports.map_or(Ok(()), |reports| reports.write_reports(&ReportContent::Plan(&report), screen))
}

/// What is wanted of a plan besides being shown.
#[derive(Clone, Copy, Default)]
pub struct PlanOutputOptions<'w> {
    /// An exit code of its own when something would change.
    pub detailed_exit_code: bool,
    /// Where it is saved.
    pub output: Option<&'w Path>,
    /// Where else it is told.
    pub reports: Option<&'w ReportOutputs>,
    /// Which causes are wanted, and against which commit.
    pub causes: Option<&'w CauseArgs>,
}

/// Makes, shows and saves the plan of a prepared workspace.
///
/// # Errors
/// When there is no runtime, or the plan cannot be written.
pub fn plan_workspace(
    prepared: &PreparedRun,
    reading: &RunArgs,
    screen: &TerminalScreen,
    desired: PlanOutputOptions,
) -> anyhow::Result<ExitStatus> {
    let mut plan = make_plan(prepared, reading, screen)?;
    let jobs = prepared.build_jobs();
    // what was not compared is not known to be in sync
    if !prepared.workspace.skips_secrets {
        screen.print_diagnostics(records::record_baselines(prepared, &jobs, &plan).as_slice());
    }
    let mut objects = ObjectCounts::from_plan(&plan);
    if let Some(selection) = &prepared.selection {
        selection.filter_plan(&mut plan);
        // a share is one of all objects, also of those that were not looked at
        objects = ObjectCounts::from_plan(&plan).with_others(selection.left_out());
    }
    let branch = match causes::explain_plan(&mut plan, &jobs, prepared, desired.causes) {
        Ok(branch) => branch,
        Err(fault) => {
            screen.print_diagnostics(std::slice::from_ref(&fault.diagnostic));
            let faults = vec![fault.diagnostic];
            return write_failure(faults, screen, desired.reports).map(|()| fault.exit);
        }
    };
    let commit = branch.map(|branch| branch.head().to_string());
    let origin = saved_plan::PlanOrigin { commit, undoes: None };
    conclude_plan(PlannedRun { plan, objects, origin }, prepared, reading, screen, desired)
}

/// The plan of a prepared workspace, before anybody has looked at it.
///
/// # Errors
/// When there is no runtime.
pub fn make_plan(prepared: &PreparedRun, reading: &RunArgs, screen: &TerminalScreen) -> anyhow::Result<Plan> {
    records::report_interrupted_runs(&prepared.workspace.root, screen);
    let progress = ProgressDisplay::new(screen, &prepared.services);
    let tell = |event: RunEvent| progress.handle_event(event);
    let session = prepared.build_session(reading, &tell);
    let mut plan = build_runtime()?.block_on(planning::make_plan(&session, &mut prepared.build_jobs()));
    progress.clear();
    plan.diagnostics.extend(list_login_notes(prepared));
    plan.diagnostics.extend(list_search_notes(prepared));
    protection::refuse_protected_deletes(&mut plan, prepared);
    Ok(plan)
}

/// Plans within an apply whose writes are done: a signal and the end of its time end this at once, and there is no
/// plan.
///
/// # Errors
/// When there is no runtime.
pub fn make_plan_within(
    prepared: &PreparedRun,
    reading: &RunArgs,
    screen: &TerminalScreen,
) -> anyhow::Result<Option<Plan>> {
    let progress = ProgressDisplay::new(screen, &prepared.services);
    let tell = |event: RunEvent| progress.handle_event(event);
    let session = prepared.build_session(reading, &tell);
    let mut jobs = prepared.build_jobs();
    let work = planning::make_plan(&session, &mut jobs);
    let stop = &prepared.retry_budget.cancellation;
    let mut plan = build_runtime()?.block_on(async {
        tokio::select! {
            plan = run_until_signalled(stop, screen, work) => Some(plan),
            () = stop.wait_for_cancellation() => None,
        }
    });
    progress.clear();
    plan.iter_mut().for_each(|plan| protection::refuse_protected_deletes(plan, prepared));
    Ok(plan)
}

/// Where a description of the workspace sends credentials to ask for tokens.
fn list_login_notes(prepared: &PreparedRun) -> Vec<Diagnostic> {
    let settings = &prepared.workspace.settings;
    let note = |service: &TargetClient| {
        let target = &service.target;
        let place = settings.targets.iter().find(|own| own.name == target.name).map(|own| own.span);
        let message = |url| format!("target `{}` asks for tokens with POST {url}", target.name);
        let urls = service.list_described_logins().into_iter();
        let notes = urls.map(|url| Diagnostic::note("login", message(url)));
        notes
            .map(|note| Diagnostic { location: place.map(|span| settings.source.locate_span(span)), ..note })
            .collect::<Vec<_>>()
    };
    prepared.services.values().flat_map(note).collect()
}

/// Lists that a description of the workspace has read by POST.
fn list_search_notes(prepared: &PreparedRun) -> Vec<Diagnostic> {
    let documents = prepared.workspace.documents.iter();
    let message = |document: &Document| {
        let (kind, target) = (&document.kind, document.target.as_ref()?);
        let path = kind.operations.list.post.as_ref().filter(|_| is_workspace_api(&kind.api))?;
        Some(format!("{} at target `{target}` is listed with POST {path}", kind.name))
    };
    let messages: BTreeSet<String> = documents.filter_map(message).collect();
    messages.into_iter().map(|message| Diagnostic::note("search", message)).collect()
}

/// A plan, with what is to be known of how it was made.
pub struct PlannedRun {
    pub plan: Plan,
    /// Out of how many objects it was made.
    pub objects: ObjectCounts,
    pub origin: saved_plan::PlanOrigin,
}

/// Judges a plan, shows it, and saves it where that is wished.
///
/// # Errors
/// When it cannot be written.
pub fn conclude_plan(
    planned: PlannedRun,
    prepared: &PreparedRun,
    reading: &RunArgs,
    screen: &TerminalScreen,
    desired: PlanOutputOptions,
) -> anyhow::Result<ExitStatus> {
    let PlannedRun { mut plan, objects, origin } = planned;
    let blocked = gate::check_plan(&plan, &objects, &reading.build_limits());
    plan.diagnostics.splice(0..0, blocked.iter().cloned());
    let (report, verdicts) = evaluate_policies(&plan, prepared);
    print_plan(&plan, &report, &verdicts, prepared, screen)?;
    if screen.format == StdoutFormat::Json {
        screen.print_diagnostics(&[&verdicts[..], &collect_reasons(&plan)].concat());
    }
    if let Some(reports) = desired.reports {
        reports.write_reports(&ReportContent::Plan(&report), screen)?;
    }
    if let Some(path) = desired.output {
        let circumstances = saved_plan::collect_circumstances(&plan, origin, prepared, reading);
        let said = saved_plan::write_plan(path, &plan, &report, circumstances, prepared.keys.key())?;
        screen.print_diagnostics(said.as_slice());
        screen.print_remark(&format!("\nsaved to {}\n", path.display()));
    }
    let blocked = !blocked.is_empty() || has_errors(&verdicts);
    Ok(if !blocked || !plan.complete {
        compute_exit_status(&plan, desired.detailed_exit_code)
    } else {
        ExitStatus::Refused
    })
}

/// The report of a plan with what the rules of the workspace say of it, and this once more by itself.
pub fn evaluate_policies(plan: &Plan, prepared: &PreparedRun) -> (PlanReport, Vec<Diagnostic>) {
    let mut report = build_report(plan, prepared);
    let workspace = &prepared.workspace;
    let verdicts = workspace.policies.evaluate_plan(&workspace.documents, &report);
    report.prepend_diagnostics(&verdicts);
    (report, verdicts)
}

/// Shows the report of a plan on stdout; with personal values as they are where that may be, which no other
/// report ever has.
///
/// # Errors
/// When stdout cannot be written.
pub fn print_plan(
    plan: &Plan,
    report: &PlanReport,
    verdicts: &[Diagnostic],
    prepared: &PreparedRun,
    screen: &TerminalScreen,
) -> anyhow::Result<()> {
    if !screen.reveals_personal {
        return print_report(report, screen);
    }
    let mut clear = build_report_with(plan, prepared, PersonalDataMode::Clear);
    clear.prepend_diagnostics(verdicts);
    print_report(&clear, screen)
}

/// Shows a report on stdout, in the format asked for.
///
/// # Errors
/// When stdout cannot be written.
pub fn print_report(report: &PlanReport, screen: &TerminalScreen) -> anyhow::Result<()> {
    match screen.format {
        StdoutFormat::Json => screen.print_stdout(&to_json(report)?)?,
        StdoutFormat::Text => screen.print_stdout(&text::render_plan(report, screen.width()))?,
    }
    Ok(())
}

/// What a plan says to scripts: errors before differences.
pub fn compute_exit_status(plan: &Plan, detailed: bool) -> ExitStatus {
    if !plan.complete {
        ExitStatus::Error
    } else if !plan.refused.is_empty() {
        ExitStatus::Refused
    } else if detailed && !plan.steps.is_empty() {
        ExitStatus::Differs
    } else {
        ExitStatus::Done
    }
}

fn collect_reasons(plan: &Plan) -> Vec<Diagnostic> {
    let refused = plan.refused.iter().flat_map(|refused| &refused.reasons);
    plan.diagnostics.iter().chain(refused).cloned().collect()
}
