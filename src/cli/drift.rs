//! `trueup drift`: what differs from what was last applied, and which side moved.
//!
//! Live state is read and nothing is written: the connections of this command cannot. A difference is drift
//! when the object was edited since the last known apply, and pending when its document was; which of the two decides
//! the exit code.

use clap::Args;

use super::exit::ExitStatus;
use super::global_args::{GlobalArgs, StdoutFormat};
use super::history::{ObjectHistory, diagnose_missing_history};
use super::prepared_run::PreparedRun;
use super::report_args::{ReportArgs, RevealArgs};
use super::reports::{ReportContent, ReportOutputs, ReportedCommand};
use super::run_args::{NetworkArgs, RunArgs, parse_permission_limit};
use super::run_setup::{self, DiagnosticList, RunSelection};
use super::screen::TerminalScreen;
use super::selection_args::SelectionArgs;
use super::selection_filter::SelectionFilter;
use super::{notify, plan as plans, records};
use crate::diagnostic::{Diagnostic, DiagnosticSeverity};
use crate::plan::permission::PermissionLimit;
use crate::plan::{Plan, PlanSubject};
use crate::report::drift::{DriftBaseline, DriftOptions, render_drift};
use crate::report::pseudonyms::PersonalDataMode;
use crate::report::{DriftReport, to_json};
use crate::workspace::settings::file::NotifyEvent;

/// How a command exits when it finds differences.
#[derive(clap::ValueEnum, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnDifferenceArg {
    #[default]
    Fail,
    Succeed,
}

/// Arguments of `drift`.
#[derive(Args, Default)]
#[command(after_help = "\
An object that was edited since the last known apply has drifted. A document that was edited and not applied is \
pending. What is not known to have been applied is never applied. Objects that no document describes do not count.

Exit codes: 0 no differences; 2 drift; 5 only pending or never applied; 1 the state of some objects is not known.")]
pub struct DriftArgs {
    #[command(flatten)]
    pub selection: SelectionArgs,
    #[command(flatten)]
    pub beside: ReportArgs,
    #[command(flatten)]
    pub sight: RevealArgs,
    /// The commit whose documents are the baseline where no apply is recorded [default: the merge base with the main branch of CI or of the remote]
    #[arg(long, value_name = "REF", env = "TRUEUP_BASE", hide_env_values = true)]
    pub base: Option<String>,
    /// How to exit when there are differences: `fail` with 2 or 5, `succeed` with 0
    #[arg(long, value_enum, default_value_t = OnDifferenceArg::Fail, env = "TRUEUP_ON_DIFFERENCE", hide_env_values = true)]
    pub on_difference: OnDifferenceArg,
    /// List live objects that no document describes
    #[arg(long, conflicts_with_all = ["target", "kind", "name", "exclude", "since"], env = "TRUEUP_UNMANAGED", hide_env_values = true)]
    pub unmanaged: bool,
    /// Proceed when the service lists no objects
    #[arg(long, value_name = "N", num_args = 0..=1, require_equals = true, default_value = "no", hide_default_value = true, default_missing_value = "any", value_parser = parse_permission_limit, env = "TRUEUP_TRUST_EMPTY", hide_env_values = true)]
    pub trust_empty: PermissionLimit,
    /// Maximum number of concurrent requests per target [default: the limit of the target, else 10]; the limit of the API still applies
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=256), env = "TRUEUP_PARALLELISM", hide_env_values = true)]
    pub parallelism: Option<u32>,
    #[command(flatten)]
    pub network: NetworkArgs,
}

/// Reads live state and tells what moved.
///
/// # Errors
/// When the result cannot be written.
pub fn run(common: &GlobalArgs, args: &DriftArgs, screen: &TerminalScreen) -> anyhow::Result<ExitStatus> {
    let Some(reports) = ReportOutputs::new(common, &args.beside, ReportedCommand::Drift, screen) else {
        return Ok(ExitStatus::Usage);
    };
    let Some(screen) = &reports.prepare_screen(screen, args.sight) else { return Ok(ExitStatus::Usage) };
    let reading = build_run_args(args);
    let reach = RunSelection::from_args(&args.selection);
    let prepared = run_setup::open_workspace(common, &args.selection, screen).and_then(|workspace| {
        run_setup::prepare_run(workspace, &reading, reach, screen, run_setup::PROCESS_ENV)
    });
    match prepared {
        Ok(prepared) => report_drift(&prepared, &reading, args, screen, &reports),
        Err(faults) => report_failure(faults, screen, &reports),
    }
}

/// Whatever a document asks is held against what is live, whether an apply would be allowed to write it or not.
pub fn build_run_args(args: &DriftArgs) -> RunArgs {
    RunArgs {
        parallelism: args.parallelism,
        network: args.network.clone(),
        trust_empty: args.trust_empty,
        unmanaged: args.unmanaged,
        allow_delete: PermissionLimit::Unlimited,
        allow_lower_protection: PermissionLimit::Unlimited,
        overwrite_edits: PermissionLimit::Unlimited,
        allow_personal: PermissionLimit::Unlimited,
        allow_rename: PermissionLimit::Unlimited,
        ..RunArgs::default()
    }
}

/// Tells what moved of a prepared workspace.
///
/// # Errors
/// When there is no runtime, or the result cannot be written.
pub fn report_drift(
    prepared: &PreparedRun,
    reading: &RunArgs,
    args: &DriftArgs,
    screen: &TerminalScreen,
    reports: &ReportOutputs,
) -> anyhow::Result<ExitStatus> {
    let mut plan = plans::make_plan(prepared, reading, screen)?;
    let jobs = prepared.build_jobs();
    prepared.selection.iter().for_each(|selection| selection.filter_plan(&mut plan));
    let branch = match prepared.find_branch(args.base.as_deref()) {
        Ok(branch) => branch,
        Err(fault) if args.base.is_some() => {
            screen.print_diagnostics(std::slice::from_ref(&fault));
            return report_failure(vec![fault], screen, reports);
        }
        Err(fault) => {
            plan.diagnostics.push(Diagnostic { severity: DiagnosticSeverity::Warning, ..fault });
            None
        }
    };
    let pasts = ObjectHistory::annotate_plan_with_shared(&mut plan, &jobs, prepared, branch.as_ref());
    screen.print_diagnostics(records::record_baselines(prepared, &jobs, &plan).as_slice());
    if pasts.is_empty && !(plan.steps.is_empty() && plan.refused.is_empty()) {
        plan.diagnostics.insert(0, diagnose_missing_history());
    }
    let applied_at = |subject: &PlanSubject| pasts.find_applied_at(subject);
    let ask = |persons| DriftOptions {
        baseline: pasts.baseline.clone(),
        since: prepared.selection.as_ref().and_then(SelectionFilter::to_since_view),
        selection: prepared.describe_selection(),
        personal_data: persons,
        applied_at: &applied_at,
    };
    // nothing is written here, so broken rules are reported and refuse nothing
    let (_, verdicts) = plans::evaluate_policies(&plan, prepared);
    plan.diagnostics.extend(verdicts);
    let report = DriftReport::from_plan(&plan, ask(prepared.build_pseudonyms()));
    let clear = screen.reveals_personal.then(|| DriftReport::from_plan(&plan, ask(PersonalDataMode::Clear)));
    if screen.format == StdoutFormat::Json {
        screen.print_diagnostics(&collect_warnings(&plan));
    }
    print_report(clear.as_ref().unwrap_or(&report), screen)?;
    reports.write_reports(&ReportContent::Drift(&report), screen)?;
    let exit = compute_exit_status(&report);
    if exit != ExitStatus::Done {
        notify::send_notifications(
            &prepared.workspace,
            NotifyEvent::Drift,
            &ReportContent::Drift(&report),
            screen,
        );
    }
    Ok(match (exit, args.on_difference) {
        (ExitStatus::Differs | ExitStatus::Pending, OnDifferenceArg::Succeed) => ExitStatus::Done,
        _ => exit,
    })
}

/// What text shows with the rest.
fn collect_warnings(plan: &Plan) -> Vec<Diagnostic> {
    plan.diagnostics.iter().filter(|own| own.severity > DiagnosticSeverity::Note).cloned().collect()
}

/// Without live state, programs get the faults in its place.
fn report_failure(
    faults: DiagnosticList,
    screen: &TerminalScreen,
    reports: &ReportOutputs,
) -> anyhow::Result<ExitStatus> {
    let plan = Plan { diagnostics: faults, complete: false, ..Plan::default() };
    let against = DriftBaseline { records: false, commit: None };
    let ask = DriftOptions {
        baseline: against,
        since: None,
        selection: None,
        personal_data: PersonalDataMode::Masked,
        applied_at: &|_| None,
    };
    let report = DriftReport::from_plan(&plan, ask);
    if screen.format == StdoutFormat::Json {
        screen.print_stdout(&to_json(&report)?)?;
    }
    reports.write_reports(&ReportContent::Drift(&report), screen)?;
    Ok(ExitStatus::Error)
}

fn print_report(report: &DriftReport, screen: &TerminalScreen) -> anyhow::Result<()> {
    match screen.format {
        StdoutFormat::Json => screen.print_stdout(&to_json(report)?)?,
        StdoutFormat::Text => screen.print_stdout(&render_drift(report, screen.width()))?,
    }
    Ok(())
}

/// What drift says to scripts: errors before differences.
fn compute_exit_status(report: &DriftReport) -> ExitStatus {
    match report {
        report if report.lacks_live_state() => ExitStatus::Error,
        DriftReport { has_drift: true, .. } => ExitStatus::Differs,
        DriftReport { has_pending: true, .. } | DriftReport { has_never_applied: true, .. } => {
            ExitStatus::Pending
        }
        _ => ExitStatus::Done,
    }
}
