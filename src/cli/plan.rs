//! `trueup plan`: what would change, and the requests that would do it.

use std::path::Path;

use super::args::{Causes, Common, Format, PlanArgs, Reading};
use super::causes;
use super::exit::Exit;
use super::foreseen;
use super::progress::Progress;
use super::records;
use super::reports::{Of, Reports, Shown};
use super::saved;
use super::screen::Screen;
use super::session::{self, Faults, Prepared, Reach};
use super::since::Since;
use crate::diagnostic::{Diagnostic, any_error};
use crate::plan::{Plan, Planned, Subject, gate};
use crate::report::json::to_json;
use crate::report::persons::Persons;
use crate::report::shown::Report;
use crate::report::text;
use crate::run::{Event, apply, planning};

/// Reads live state and shows the plan.
///
/// # Errors
/// When the plan cannot be written.
pub fn run(common: &Common, args: &PlanArgs, screen: &Screen) -> anyhow::Result<Exit> {
    let Some(reports) = Reports::new(common, &args.beside, Of::Plan, screen) else { return Ok(Exit::Usage) };
    let Some(screen) = &reports.sighted(screen, args.sight) else { return Ok(Exit::Usage) };
    let reach = Reach::of(&args.selection).since(&args.changed);
    let prepared = session::open(common, &args.selection, screen)
        .and_then(|workspace| session::prepare(workspace, &args.reading, reach, screen, session::REAL));
    match prepared {
        Ok(prepared) => {
            let output = args.output.as_ref().map(|file| common.directory.join(file));
            let wish = Wish {
                detailed: args.detailed_exitcode,
                output: output.as_deref(),
                reports: Some(&reports),
                causes: Some(&args.causes),
            };
            planned(&prepared, &args.reading, screen, wish)
        }
        Err(faults) => unplanned(faults, screen, &reports),
    }
}

/// Without a plan, programs get the faults in its place.
///
/// # Errors
/// When they cannot be written.
pub fn unplanned(faults: Faults, screen: &Screen, reports: &Reports) -> anyhow::Result<Exit> {
    untold(faults, screen, Some(reports)).map(|()| Exit::Error)
}

fn untold(faults: Faults, screen: &Screen, reports: Option<&Reports>) -> anyhow::Result<()> {
    let plan = Plan { diagnostics: faults, complete: false, ..Plan::default() };
    let report = Report::of_plan(&plan, &|_, _| 0);
    if screen.format == Format::Json {
        screen.out(&to_json(&report)?)?;
    }
    reports.map_or(Ok(()), |reports| reports.write(&Shown::Plan(&report), screen))
}

/// What is wanted of a plan besides being shown.
#[derive(Clone, Copy, Default)]
pub struct Wish<'w> {
    /// An exit code of its own when something would change.
    pub detailed: bool,
    /// Where it is saved.
    pub output: Option<&'w Path>,
    /// Where else it is told.
    pub reports: Option<&'w Reports>,
    /// Which causes are wanted, and against which commit.
    pub causes: Option<&'w Causes>,
}

/// Makes, shows and saves the plan of a prepared workspace.
///
/// # Errors
/// When there is no runtime, or the plan cannot be written.
pub fn planned(prepared: &Prepared, reading: &Reading, screen: &Screen, wish: Wish) -> anyhow::Result<Exit> {
    let mut plan = made(prepared, reading, screen)?;
    let jobs = prepared.jobs();
    let mut objects = gate::objects(&plan);
    if let Some(since) = &prepared.since {
        since.keep(&mut plan);
        // a share is one of all objects, also of those that were not looked at
        objects = gate::objects(&plan) + since.left_out();
    }
    let branch = match causes::explain(&mut plan, &jobs, prepared, wish.causes) {
        Ok(branch) => branch,
        Err(fault) => {
            screen.diagnose(std::slice::from_ref(&fault.why));
            let faults = vec![fault.why];
            return untold(faults, screen, wish.reports).map(|()| fault.exit);
        }
    };
    let of = saved::Of { commit: branch.map(|branch| branch.head().to_string()), undoes: None };
    concluded((plan, objects, of), (prepared, reading), screen, wish)
}

/// The plan of a prepared workspace, before anybody has looked at it.
///
/// # Errors
/// When there is no runtime.
pub fn made(prepared: &Prepared, reading: &Reading, screen: &Screen) -> anyhow::Result<Plan> {
    records::tell_cut_off(&prepared.workspace.root, screen);
    let progress = Progress::new(screen, &prepared.services);
    let tell = |event: Event| progress.tell(event);
    let session = prepared.session(reading, &tell);
    let plan = session::runtime()?.block_on(planning::plan(&session, &prepared.jobs()));
    progress.clear();
    Ok(plan)
}

/// Judges a plan that is made out of so many objects, shows it, and saves it where that is wished.
///
/// # Errors
/// When it cannot be written.
pub fn concluded(
    (mut plan, objects, of): (Plan, usize, saved::Of),
    (prepared, reading): (&Prepared, &Reading),
    screen: &Screen,
    wish: Wish,
) -> anyhow::Result<Exit> {
    let blocked = gate::check(&plan, objects, &reading.limits());
    plan.diagnostics.splice(0..0, blocked.iter().cloned());
    let (report, verdicts) = judged(&plan, prepared);
    show_judged((&plan, &report, &verdicts), prepared, screen)?;
    if screen.format == Format::Json {
        screen.diagnose(&[&verdicts[..], &reasons(&plan)].concat());
    }
    if let Some(reports) = wish.reports {
        reports.write(&Shown::Plan(&report), screen)?;
    }
    if let Some(path) = wish.output {
        let said = saved::write(path, (&plan, &report, of), prepared, reading)?;
        screen.diagnose(said.as_slice());
        screen.say(&format!("\nsaved to {}\n", path.display()));
    }
    let blocked = !blocked.is_empty() || any_error(&verdicts);
    Ok(if !blocked || !plan.complete { exit(&plan, wish.detailed) } else { Exit::Refused })
}

/// The report of a plan with what the rules of the workspace say of it, and this once more by itself.
pub fn judged(plan: &Plan, prepared: &Prepared) -> (Report, Vec<Diagnostic>) {
    let mut report = report(plan, prepared);
    let workspace = &prepared.workspace;
    let verdicts = workspace.policies.judge(&workspace.documents, &report);
    report.tell(&verdicts);
    (report, verdicts)
}

/// Shows the report of a plan on stdout; with personal values as they are where that may be, which no other
/// report ever has.
///
/// # Errors
/// When stdout cannot be written.
pub fn show_judged(
    (plan, report, verdicts): (&Plan, &Report, &[Diagnostic]),
    prepared: &Prepared,
    screen: &Screen,
) -> anyhow::Result<()> {
    if !screen.reveals {
        return show_report(report, screen);
    }
    let mut clear = report_with(plan, prepared, Persons::Clear);
    clear.tell(verdicts);
    show_report(&clear, screen)
}

/// Shows a report on stdout, in the format asked for.
///
/// # Errors
/// When stdout cannot be written.
pub fn show_report(report: &Report, screen: &Screen) -> anyhow::Result<()> {
    match screen.format {
        Format::Json => screen.out(&to_json(report)?)?,
        Format::Text => screen.out(&text::text(report, screen.width()))?,
    }
    Ok(())
}

/// What may be shown of a plan.
pub fn report(plan: &Plan, prepared: &Prepared) -> Report {
    report_with(plan, prepared, prepared.persons())
}

/// The same, with persons shown in this way.
pub fn report_with(plan: &Plan, prepared: &Prepared, persons: Persons) -> Report {
    let bytes = |subject: &Subject, planned: &Planned| {
        prepared.services.get(&subject.target).map_or(0, |service| service.bytes(&planned.request))
    };
    let since = prepared.since.as_ref().map(Since::told);
    let services = &prepared.services;
    let applying = apply::forecast::forecast(services, plan, &prepared.jobs());
    let requests = foreseen::foreseen(services, &applying, plan.complete);
    Report { since, requests, ..Report::of_plan_with(plan, &bytes, persons) }
}

fn reasons(plan: &Plan) -> Vec<Diagnostic> {
    let refused = plan.refused.iter().flat_map(|refused| &refused.reasons);
    plan.diagnostics.iter().chain(refused).cloned().collect()
}

/// What a plan says to scripts: errors before differences.
pub fn exit(plan: &Plan, detailed: bool) -> Exit {
    if !plan.complete {
        Exit::Error
    } else if !plan.refused.is_empty() {
        Exit::Refused
    } else if detailed && !plan.steps.is_empty() {
        Exit::Differs
    } else {
        Exit::Done
    }
}
