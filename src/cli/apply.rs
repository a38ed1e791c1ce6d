//! `trueup apply`: plan, show, ask, write, read back, prove.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use clap::Args;

use super::approval::ask_approval;
use super::environment_order::OrderedRun;
use super::events::EventStream;
use super::exit::ExitStatus;
use super::global_args::{GlobalArgs, StdoutFormat};
use super::ids::WrittenIds;
use super::prepare_undo::{self, PreparedUndo, UndoRequest};
use super::prepared_run::PreparedRun;
use super::progress::ProgressDisplay;
use super::records::RunConclusion;
use super::report_args::{ReportArgs, RevealArgs};
use super::reports::{ReportContent, ReportOutputs, ReportedCommand};
use super::run_args::RunArgs;
use super::run_setup::{self, DiagnosticList, RunSelection};
use super::screen::TerminalScreen;
use super::selection_args::SelectionArgs;
use super::signals::{interrupted_exit, run_until_signalled};
use super::{
    applied_elsewhere, causes, ids, leases, notify, plan, protection, records, request_forecast, saved_plan,
};
use crate::cli::runtime::build_runtime;
use crate::diagnostic::{Diagnostic, DiagnosticSeverity};
use crate::plan::Plan;
use crate::plan::count_limit::ObjectCounts;
use crate::plan::gate::{self, PlanLimits};
use crate::report::json::to_json;
use crate::report::outcome::{ApplyReport, render_results};
use crate::report::pseudonyms::PersonalDataMode;
use crate::report::request_estimate::TargetRequestUsage;
use crate::report::saved_plan::{SavedPlan, StaleObjects};
use crate::report::text as plan_text;
use crate::run::applied_plans::AppliedPlans;
use crate::run::fetch::ObjectJob;
use crate::run::journal::Journal;
use crate::run::lease_renewer::LeaseRenewer;
use crate::run::outcome::{OutcomeStatus, StepOutcome};
use crate::run::{CancellationToken, RunEvent, RunSession, diagnose_out_of_time, execute, planning};
use crate::workspace::settings::file::NotifyEvent;
use crate::workspace::state_folder::{STATE_FOLDER, diagnose_unreadable_state};

/// Arguments of `apply`.
#[derive(Args)]
pub struct ApplyArgs {
    #[command(flatten)]
    pub selection: SelectionArgs,
    #[command(flatten)]
    pub reading: RunArgs,
    #[command(flatten)]
    pub beside: ReportArgs,
    #[command(flatten)]
    pub sight: RevealArgs,
    /// Apply without a prompt
    #[arg(long, env = "TRUEUP_AUTO_APPROVE", hide_env_values = true)]
    pub auto_approve: bool,
    /// Write nothing when any object is refused
    #[arg(long, env = "TRUEUP_ALL_OR_NOTHING", hide_env_values = true)]
    pub all_or_nothing: bool,
    /// Write the ids of all objects into documents without one [default: of created objects that the API cannot delete]
    #[arg(long, env = "TRUEUP_WRITE_IDS", hide_env_values = true, conflicts_with = "no_write_ids")]
    pub write_ids: bool,
    /// Write no ids into documents
    #[arg(long, env = "TRUEUP_NO_WRITE_IDS", hide_env_values = true)]
    pub no_write_ids: bool,
    /// Apply an environment although no receipt says that this commit is verified in the environment before it (`after`)
    #[arg(long, env = "TRUEUP_ALLOW_UNVERIFIED", hide_env_values = true)]
    pub allow_unverified: bool,
}

/// The code of what could not be noted in `.trueup`.
const NOT_RECORDED: &str = "not-recorded";

/// Makes the services match the documents.
///
/// # Errors
/// When the result cannot be written.
pub fn run(common: &GlobalArgs, args: &ApplyArgs, screen: &TerminalScreen) -> anyhow::Result<ExitStatus> {
    let Some(reports) = ReportOutputs::new(common, &args.beside, ReportedCommand::Apply, screen) else {
        return Ok(ExitStatus::Usage);
    };
    let Some(screen) = &reports.prepare_screen(screen, args.sight) else { return Ok(ExitStatus::Usage) };
    EventStream::run_with_events(&reports.event_files, |events| {
        run_command(
            common,
            args,
            screen,
            ApplyOptions { reports: Some(&reports), events: Some(events), ..ApplyOptions::from_args(args) },
        )
    })
}

fn run_command(
    common: &GlobalArgs,
    args: &ApplyArgs,
    screen: &TerminalScreen,
    way: ApplyOptions,
) -> anyhow::Result<ExitStatus> {
    let faulty =
        |faults: &[Diagnostic], exit: ExitStatus| report_not_started(&[], faults, screen, way).map(|()| exit);
    match saved_plan::find_saved_plan(&common.directory, &args.selection.files.paths) {
        Ok(Some(plan)) => return apply_saved_plan(args, screen, plan, way, common),
        Ok(None) => {}
        Err(fault) => {
            screen.print_diagnostics(std::slice::from_ref(&fault));
            return faulty(&[fault], ExitStatus::Error);
        }
    }
    let reach = RunSelection::from_args(&args.selection);
    let prepared = run_setup::open_workspace(common, &args.selection, screen)
        .and_then(|workspace| records::enable_writes(workspace, screen))
        .and_then(|workspace| {
            run_setup::prepare_run(workspace, &args.reading, reach, screen, run_setup::PROCESS_ENV)
        });
    match prepared {
        Ok(prepared) => {
            let unplanned = prepared.selection.as_ref().map(|selection| selection.left_out().clone());
            let way = ApplyOptions { unplanned_documents: unplanned.as_ref(), ..way };
            apply_workspace(&prepared.into_writable(), &args.reading, screen, way)
        }
        Err(faults) => faulty(&faults, records::compute_failure(&faults)),
    }
}

/// Applies a saved plan: what was reviewed, and nothing else.
fn apply_saved_plan(
    args: &ApplyArgs,
    screen: &TerminalScreen,
    saved: SavedPlan,
    way: ApplyOptions,
    common: &GlobalArgs,
) -> anyhow::Result<ExitStatus> {
    let refused = |fault: Diagnostic, exit: ExitStatus| {
        screen.print_diagnostics(std::slice::from_ref(&fault));
        report_not_started(&[], &[fault], screen, way).map(|()| exit)
    };
    let mut plan = saved;
    let reading = match saved_plan::merge_run_args(&plan, &args.reading) {
        Ok(reading) => reading,
        Err(fault) => return refused(fault, ExitStatus::Refused),
    };
    let prepared = prepare_saved_plan(common, &plan, &reading, screen);
    let (mut prepared, undoing) = match prepared {
        Ok(prepared) => prepared,
        Err(faults) => {
            return report_not_started(&[], &faults, screen, way).map(|()| records::compute_failure(&faults));
        }
    };
    if let Err(faults) = saved_plan::select_objects(&mut plan, &prepared, &args.selection) {
        screen.print_diagnostics(&faults);
        return report_not_started(&[], &faults, screen, way).map(|()| ExitStatus::Error);
    }
    let plan = &plan;
    prepared.unrecorded = Some(plan.list_unrecorded_values());
    let settled = match open_applied_plans(plan, &prepared, screen) {
        Ok(settled) => Mutex::new(settled),
        Err(fault) => return refused(fault, ExitStatus::Error),
    };
    if let Some(fault) = saved_plan::diagnose_spent_plan(plan, &lock_mutex(&settled)) {
        return refused(fault, ExitStatus::Refused);
    }
    screen.print_diagnostics(saved_plan::diagnose_uncompared_values(plan).as_slice());
    let unplanned = match saved_plan::narrow_workspace(plan, &mut prepared) {
        Ok(unplanned) => unplanned,
        Err(fault) => return refused(fault, ExitStatus::Error),
    };
    let way = ApplyOptions {
        saved_plan: Some((plan, &settled)),
        unplanned_documents: Some(&unplanned),
        undo: undoing.as_ref(),
        ..way
    };
    apply_workspace(&prepared.into_writable(), &reading, screen, way)
}

/// The workspace of a saved plan; with what is undone, for a plan that undoes.
fn prepare_saved_plan(
    common: &GlobalArgs,
    plan: &SavedPlan,
    reading: &RunArgs,
    screen: &TerminalScreen,
) -> Result<(PreparedRun, Option<PreparedUndo>), DiagnosticList> {
    let everything = SelectionArgs::default();
    let workspace = run_setup::open_workspace(common, &everything, screen)
        .and_then(|workspace| records::enable_writes(workspace, screen))?;
    let Some(run) = &plan.undoes else {
        let env = run_setup::PROCESS_ENV;
        let reach = RunSelection { targets: Some(&plan.targets), ..RunSelection::WHOLE };
        return run_setup::prepare_run(workspace, reading, reach, screen, env)
            .map(|prepared| (prepared, None));
    };
    let request = UndoRequest { receipt: Path::new(run), reading, selection: &everything };
    prepare_undo::prepare_undo(workspace, request, screen)
        .map(|(prepared, undoing)| (prepared, Some(undoing)))
}

/// What was applied of the plan before, here and as far as shared receipts tell.
fn open_applied_plans(
    plan: &SavedPlan,
    prepared: &PreparedRun,
    screen: &TerminalScreen,
) -> Result<AppliedPlans, Diagnostic> {
    let folder = prepared.workspace.root.join(STATE_FOLDER);
    let mut applied = AppliedPlans::open(&folder).map_err(|error| {
        diagnose_unreadable_state("applied.json", &error)
            .with_hint("restore it from a backup; without it, a plan could be applied twice")
    })?;
    let unknown = applied_elsewhere::learn_applied_steps(plan, &mut applied, prepared);
    screen.print_diagnostics(unknown.as_slice());
    Ok(applied)
}

fn lock_mutex<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How a plan is carried out.
#[derive(Clone, Copy, Default)]
pub struct ApplyOptions<'w> {
    /// No one is asked.
    pub approved: bool,
    /// Nothing is written when anything is refused.
    pub all_or_nothing: bool,
    /// Which ids go into the documents that have none.
    pub write_ids: WrittenIds,
    /// The order of environments does not count.
    pub allow_unverified: bool,
    /// The plan that was reviewed, and what was applied before.
    pub saved_plan: Option<(&'w SavedPlan, &'w Mutex<AppliedPlans>)>,
    /// Documents of the workspace that the reviewed plan has no step for.
    pub unplanned_documents: Option<&'w ObjectCounts>,
    /// The run that is undone.
    pub undo: Option<&'w PreparedUndo>,
    /// Where else the result is reported.
    pub reports: Option<&'w ReportOutputs>,
    /// Receivers of the events of the run.
    pub events: Option<&'w Arc<EventStream>>,
    /// The leases under which it is.
    pub leases: Option<&'w LeaseRenewer>,
}

impl ApplyOptions<'_> {
    fn from_args(args: &ApplyArgs) -> Self {
        Self {
            approved: args.auto_approve,
            all_or_nothing: args.all_or_nothing,
            write_ids: WrittenIds::from_flags(args.write_ids, args.no_write_ids),
            allow_unverified: args.allow_unverified,
            ..Self::default()
        }
    }

    /// Takes from the plan what was not reviewed.
    fn retain_reviewed_steps(&self, plan: &mut Plan, prepared: &PreparedRun) -> StaleObjects {
        if let Some(undoing) = self.undo {
            undoing.filter_plan(plan);
        }
        match self.saved_plan {
            Some((reviewed, settled)) => {
                saved_plan::retain_reviewed_steps(reviewed, &lock_mutex(settled), plan, prepared)
            }
            None => StaleObjects::default(),
        }
    }

    /// Why none of it is begun.
    fn check_gates(&self, plan: &Plan, held: &StaleObjects, limits: &PlanLimits) -> Vec<Diagnostic> {
        let fresh = ObjectCounts::from_plan(plan);
        let fresh = self.unplanned_documents.map_or(fresh.clone(), |others| fresh.with_others(others));
        let objects = self.saved_plan.map_or(fresh.clone(), |(reviewed, _)| {
            fresh.with_at_most(&reviewed.count_objects(), reviewed.count_left_out())
        });
        let mut why = gate::check_plan(plan, &objects, limits);
        let reviewed_in_part =
            self.saved_plan.is_some_and(|(reviewed, _)| reviewed.report.lacks_live_state());
        if !plan.steps.is_empty() && (!plan.complete || reviewed_in_part) {
            why.extend(gate::check_partial(plan.unread.len(), limits));
        }
        why.extend(self.check_all_or_nothing(plan.refused.len() + held.without_document.len()));
        why
    }

    /// Why a run that was to end by now writes nothing, and how it exits.
    fn check_stop(&self, stop: &CancellationToken) -> Option<(Diagnostic, ExitStatus)> {
        let interrupted =
            || Diagnostic::error("interrupted", "the run was interrupted before the first write");
        if let Some(lost) = self.diagnose_lost_lease() {
            return Some((lost, ExitStatus::Error));
        }
        match (stop.is_interrupted(), stop.is_expired()) {
            (true, _) => Some((interrupted(), interrupted_exit())),
            (false, true) => Some((diagnose_out_of_time(), ExitStatus::Error)),
            (false, false) => None,
        }
    }

    /// What is to be said of a lease that was lost meanwhile.
    fn diagnose_lost_lease(&self) -> Option<Diagnostic> {
        self.leases.and_then(LeaseRenewer::get_loss).map(|loss| leases::diagnose_lost_lease(&loss))
    }

    fn check_all_or_nothing(&self, refused: usize) -> Option<Diagnostic> {
        (self.all_or_nothing && refused > 0).then(|| {
            let objects =
                if refused == 1 { "1 object is".to_owned() } else { format!("{refused} objects are") };
            Diagnostic::error("all-or-nothing", format!("{objects} refused; nothing was written"))
                .with_hint("resolve the refusals, or run without `--all-or-nothing`")
        })
    }

    /// How many objects are only in part what was asked for, although they were written.
    fn count_partial_undos(&self, outcomes: &[StepOutcome]) -> usize {
        self.undo.map_or(0, |undoing| undoing.count_partial(outcomes.iter().map(|outcome| &outcome.subject)))
    }

    /// How a run exits whose results are these.
    fn compute_exit(
        &self,
        outcomes: &[StepOutcome],
        held: &StaleObjects,
        stop: &CancellationToken,
    ) -> ExitStatus {
        let gone = held.without_document.len() + self.count_partial_undos(outcomes);
        let interrupted = stop.is_interrupted() && self.diagnose_lost_lease().is_none();
        compute_exit_status(outcomes, gone, interrupted, stop.is_expired())
    }

    /// The environments that are verified at the end of a run that did all that it was to do.
    fn verify_environments(
        &self,
        exit: ExitStatus,
        order: Option<&OrderedRun>,
        screen: &TerminalScreen,
    ) -> Vec<String> {
        let Some(order) = order.filter(|_| exit == ExitStatus::Done) else { return Vec::new() };
        order.verify_environments(&order.list_preceding(self.saved_plan.map(|(own, _)| own)), screen)
    }

    /// Tells the result wherever else it is to be reported.
    fn write_reports(&self, report: &ApplyReport, screen: &TerminalScreen) -> anyhow::Result<()> {
        if let Some(events) = self.events {
            events.record_results(report);
        }
        self.reports.map_or(Ok(()), |reports| reports.write_reports(&ReportContent::Results(report), screen))
    }

    /// Keeps what was applied on record, and ids where they are to be; whether the record is there.
    fn record_outcomes(
        &self,
        prepared: &PreparedRun,
        jobs: &[ObjectJob],
        outcomes: &mut [StepOutcome],
        screen: &TerminalScreen,
    ) -> bool {
        let is_recorded = records::record_last_applied(prepared, jobs, self.undo.is_some(), outcomes, screen);
        if let Some(undoing) = self.undo {
            undoing.annotate_outcomes(outcomes);
        }
        ids::write_ids(prepared, jobs, outcomes, self.write_ids, screen);
        is_recorded
    }

    /// Whether what is settled of the saved plan is on record.
    fn record_settled_steps(&self, outcomes: &[StepOutcome], screen: &TerminalScreen) -> bool {
        let Some((reviewed, settled)) = self.saved_plan else { return true };
        if let Err(error) = saved_plan::record_settled_steps(reviewed, &mut lock_mutex(settled), outcomes) {
            let message = format!("`.trueup/applied.json` cannot be written: {}", error.kind());
            let hint = "do not apply this plan again";
            screen.print_diagnostics(&[Diagnostic::error(NOT_RECORDED, message).with_hint(hint)]);
            return false;
        }
        true
    }
}

/// Nothing was written; the result is reported to programs, object by object as far as there are any.
pub fn report_not_started(
    outcomes: &[StepOutcome],
    why: &[Diagnostic],
    screen: &TerminalScreen,
    way: ApplyOptions,
) -> anyhow::Result<()> {
    let report = ApplyReport::from_outcomes(outcomes).with_diagnostics(why);
    if screen.format == StdoutFormat::Json {
        screen.print_stdout(&to_json(&report)?)?;
    }
    way.write_reports(&report, screen)
}

/// No step of a plan was begun; an interrupt was reported when it came.
fn report_untouched_plan(
    plan: &Plan,
    why: Diagnostic,
    exit: ExitStatus,
    screen: &TerminalScreen,
    way: ApplyOptions,
) -> anyhow::Result<ExitStatus> {
    if !exit.is_interrupted() {
        screen.print_diagnostics(std::slice::from_ref(&why));
    }
    report_not_started(&execute::build_unstarted_outcomes(plan), &[why], screen, way)?;
    Ok(exit)
}

/// Plans and carries out the plan of a prepared workspace, under the leases of its targets.
///
/// # Errors
/// When there is no runtime or terminal, or the result cannot be written.
pub fn apply_workspace(
    prepared: &PreparedRun,
    reading: &RunArgs,
    screen: &TerminalScreen,
    way: ApplyOptions,
) -> anyhow::Result<ExitStatus> {
    match leases::acquire_leases(prepared, screen) {
        Ok(leases) => execute(prepared, reading, screen, ApplyOptions { leases: leases.as_ref(), ..way }),
        Err((fault, exit)) => {
            screen.print_diagnostics(std::slice::from_ref(&fault));
            report_not_started(&[], &[fault], screen, way)?;
            Ok(exit)
        }
    }
}

fn execute(
    prepared: &PreparedRun,
    reading: &RunArgs,
    screen: &TerminalScreen,
    way: ApplyOptions,
) -> anyhow::Result<ExitStatus> {
    let runtime = build_runtime()?;
    let cut_off = records::report_interrupted_runs(&prepared.workspace.root, screen);
    let progress = ProgressDisplay::new(screen, &prepared.services);
    if let Some(events) = way.events.map(Arc::clone) {
        prepared.retry_budget.set_listener(Arc::new(move |again| events.record_retry(again)));
    }
    let tell = |event: RunEvent| {
        progress.handle_event(event);
        way.events.iter().for_each(|events| events.record_event(event, prepared.build_pseudonyms()));
    };
    let session = prepared.build_session(reading, &tell);
    let mut jobs = prepared.build_jobs();
    let mut plan = runtime.block_on(run_until_signalled(
        &prepared.retry_budget.cancellation,
        screen,
        planning::make_plan(&session, &mut jobs),
    ));
    progress.clear();
    protection::refuse_protected_deletes(&mut plan, prepared);
    if let Some((why, exit)) = way.check_stop(&prepared.retry_budget.cancellation) {
        return report_untouched_plan(&plan, why, exit, screen, way);
    }
    let held = way.retain_reviewed_steps(&mut plan, prepared);
    // what is undone is put down to the run that did it
    if way.undo.is_none() {
        prepared.selection.iter().for_each(|selection| selection.filter_plan(&mut plan));
        screen.print_diagnostics(records::record_baselines(prepared, &jobs, &plan).as_slice());
        causes::label_plan(&mut plan, &jobs, prepared);
    }
    // with JSON the one document on stdout is the result; the plan then goes to stderr
    let (shown, verdicts) = plan::evaluate_policies(&plan, prepared);
    way.events.iter().for_each(|events| events.record_plan(&shown));
    match screen.format {
        StdoutFormat::Text => plan::print_plan(&plan, &shown, &verdicts, prepared, screen)?,
        StdoutFormat::Json => screen.print_remark(&plan_text::render_plan(&shown, screen.width())),
    }
    let order = OrderedRun::begin(prepared, reading).filter(|_| way.undo.is_none());
    let mut why = way.check_gates(&plan, &held, &reading.build_limits());
    let checked = order.as_ref().filter(|_| !way.allow_unverified);
    why.extend(checked.map(|order| order.check_order(&plan)).unwrap_or_default());
    why.extend(verdicts.into_iter().filter(|verdict| verdict.severity == DiagnosticSeverity::Error));
    why.extend(way.saved_plan.and_then(|(saved, _)| saved_plan::diagnose_lost_error(saved, &shown)));
    if !why.is_empty() {
        screen.print_diagnostics(&why);
        report_unwritten(&execute::build_unstarted_outcomes(&plan), &why, &held, screen, way)?;
        return Ok(ExitStatus::Refused);
    }
    if plan.steps.is_empty() {
        let mut outcomes = execute::finish_without_steps(&session, &plan, &jobs);
        let is_recorded = way.record_outcomes(prepared, &jobs, &mut outcomes, screen);
        records::recover_interrupted_runs(prepared, &cut_off, screen);
        screen.print_diagnostics(&collect_warnings(&outcomes));
        report_unwritten(&outcomes, &plan.diagnostics, &held, screen, way)?;
        let exit = match held.without_document.is_empty() {
            true if !is_recorded => ExitStatus::Error,
            true => plan::compute_exit_status(&plan, false),
            false => ExitStatus::Refused,
        };
        let verified = way.verify_environments(exit, order.as_ref(), screen);
        let stop = &prepared.retry_budget.cancellation;
        let exit = if stop.is_interrupted() { interrupted_exit() } else { exit };
        if !verified.is_empty() {
            // without a receipt, no one would know it later
            let conclusion = RunConclusion { results: ApplyReport::from_outcomes(&outcomes), verified };
            let fault = records::record_verified(prepared, &plan, conclusion, screen);
            screen.print_diagnostics(fault.as_slice());
            return Ok(if fault.is_none() { exit } else { ExitStatus::Error });
        }
        return Ok(exit);
    }
    if !way.approved
        && let Some((why, exit)) = ask_approval(&plan, &runtime, screen)?
    {
        return report_untouched_plan(&plan, why, exit, screen, way);
    }
    let journal = match records::begin_journal(
        prepared,
        &plan,
        &cut_off,
        way.saved_plan.map(|(own, _)| own.name()),
        screen,
    ) {
        Ok(journal) => journal,
        Err(fault) => return report_untouched_plan(&plan, fault, ExitStatus::Error, screen, way),
    };
    let session = RunSession { journal: Some(&journal), ..session };
    let before = prepared.services.iter().map(|(name, own)| (name.clone(), own.count_requests())).collect();
    let known: Vec<Diagnostic> =
        plan.diagnostics.iter().filter(|said| said.severity == DiagnosticSeverity::Error).cloned().collect();
    let mut outcomes = runtime.block_on(run_until_signalled(
        &prepared.retry_budget.cancellation,
        screen,
        execute::execute_plan(&session, plan, &jobs),
    ));
    progress.clear();
    let is_recorded = way.record_outcomes(prepared, &jobs, &mut outcomes, screen)
        & way.record_settled_steps(&outcomes, screen);
    let certain = outcomes.iter().all(|outcome| outcome.status.is_certain());
    // what the plan reported already is in the results, and not said again
    let mut hindrances = session.collect_run_errors(certain);
    hindrances.retain(|new| !known.iter().any(|old| (old.code, &old.message) == (new.code, &new.message)));
    screen.print_diagnostics(&hindrances);
    let hindrances = [known, hindrances].concat();
    let requests = request_forecast::compare_forecast(&shown.requests, &prepared.services, &before);
    let order = order.as_ref();
    let ended = EndedRun { outcomes: &outcomes, held: &held, is_recorded, hindrances, requests, order };
    conclude_apply(prepared, ended, &journal, screen, way)
}

/// What a run came to.
struct EndedRun<'o> {
    outcomes: &'o [StepOutcome],
    /// What of the reviewed plan was not applied.
    held: &'o StaleObjects,
    /// Whether the records of this workspace hold all of it.
    is_recorded: bool,
    hindrances: Vec<Diagnostic>,
    requests: Vec<TargetRequestUsage>,
    /// The run, where environments come after each other.
    order: Option<&'o OrderedRun<'o>>,
}

/// Tells what a run came to, closes its account, and says how it exits.
fn conclude_apply(
    prepared: &PreparedRun,
    EndedRun { outcomes, held, is_recorded, mut hindrances, requests, order }: EndedRun,
    journal: &Journal,
    screen: &TerminalScreen,
    way: ApplyOptions,
) -> anyhow::Result<ExitStatus> {
    let lost = way.diagnose_lost_lease();
    hindrances.extend(lost.clone());
    screen.print_diagnostics(lost.as_slice());
    let report_with = |persons: PersonalDataMode| {
        let mut report =
            ApplyReport::from_outcomes_with_mode(outcomes, persons).with_diagnostics(&hindrances);
        report.requests.clone_from(&requests);
        held.add_to_report(&mut report);
        report
    };
    let report = report_with(prepared.build_pseudonyms());
    let clear = screen.reveals_personal.then(|| report_with(PersonalDataMode::Clear));
    let shown = print_report(clear.as_ref().unwrap_or(&report), screen)
        .and_then(|()| way.write_reports(&report, screen));
    let exit = way.compute_exit(outcomes, held, &prepared.retry_budget.cancellation);
    // the account is closed whoever listens, and before anybody far away is waited for
    let mut unkept = records::complete_journal(journal);
    let verified = way.verify_environments(exit, order, screen);
    unkept = unkept.or_else(|| records::note_verified(journal, &verified));
    unkept = records::close_journal(prepared, journal, report.clone(), screen).or(unkept);
    screen.print_diagnostics(unkept.as_slice());
    notify::send_notifications(
        &prepared.workspace,
        NotifyEvent::Apply,
        &ReportContent::Results(&report),
        screen,
    );
    shown?;
    let is_noted = |own: &StepOutcome| own.findings.iter().all(|found| found.code != NOT_RECORDED);
    let is_recorded = is_recorded && unkept.is_none() && outcomes.iter().all(is_noted);
    Ok(match way.compute_exit(outcomes, held, &prepared.retry_budget.cancellation) {
        // someone else may have written over it, or the next run does not know what this one did
        ExitStatus::Done if lost.is_some() || !is_recorded => ExitStatus::Error,
        exit => exit,
    })
}

/// Nothing was written; what of a reviewed plan is not any more as it was is reported in every format.
fn report_unwritten(
    outcomes: &[StepOutcome],
    why: &[Diagnostic],
    held: &StaleObjects,
    screen: &TerminalScreen,
    way: ApplyOptions,
) -> anyhow::Result<()> {
    let mut report = ApplyReport::from_outcomes(outcomes).with_diagnostics(why);
    held.add_to_report(&mut report);
    match screen.format {
        StdoutFormat::Json => screen.print_stdout(&to_json(&report)?)?,
        StdoutFormat::Text if held.is_empty() => {}
        StdoutFormat::Text => {
            screen.print_stdout(&format!("\n{}", render_results(&report, screen.width())))?
        }
    }
    way.write_reports(&report, screen)
}

/// What went wrong after a plan that has said the rest.
fn collect_warnings(outcomes: &[StepOutcome]) -> Vec<Diagnostic> {
    let findings = outcomes.iter().flat_map(|outcome| &outcome.findings);
    findings.filter(|finding| finding.severity == DiagnosticSeverity::Warning).cloned().collect()
}

fn print_report(report: &ApplyReport, screen: &TerminalScreen) -> anyhow::Result<()> {
    match screen.format {
        StdoutFormat::Json => screen.print_stdout(&to_json(report)?)?,
        StdoutFormat::Text => {
            screen.print_stdout(&format!("\n{}", render_results(report, screen.width())))?
        }
    }
    Ok(())
}

/// What an apply says to scripts.
fn compute_exit_status(outcomes: &[StepOutcome], gone: usize, interrupted: bool, late: bool) -> ExitStatus {
    let count =
        |is: fn(&OutcomeStatus) -> bool| outcomes.iter().filter(|outcome| is(&outcome.status)).count();
    let in_part = count(|ending| matches!(ending, OutcomeStatus::Partial(_)));
    let written = count(|ending| matches!(ending, OutcomeStatus::Done)) + in_part;
    let failed = count(|ending| matches!(ending, OutcomeStatus::Failed(_) | OutcomeStatus::Unknown(_)));
    let failed = failed + in_part;
    let held = count(|ending| {
        matches!(
            ending,
            OutcomeStatus::Refused(_)
                | OutcomeStatus::Unread(_)
                | OutcomeStatus::Conflict(_)
                | OutcomeStatus::NotStarted
        )
    });
    let held = held + gone;
    match (written, failed, held) {
        _ if interrupted => interrupted_exit(),
        (_, 0, 0) => ExitStatus::Done,
        _ if late => ExitStatus::Error,
        (0, 0, _) => ExitStatus::Refused,
        (0, _, _) => ExitStatus::Error,
        _ => ExitStatus::Partial,
    }
}
