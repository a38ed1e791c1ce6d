//! `trueup plan`: what would change, and the requests that would do it.

use super::args::{Common, Format, PlanArgs, Reading};
use super::exit::Exit;
use super::progress::Progress;
use super::reports::{Reports, Shown};
use super::screen::Screen;
use super::session::{self, Faults, Prepared};
use crate::diagnostic::Diagnostic;
use crate::plan::Plan;
use crate::report::json::to_json;
use crate::report::shown::Report;
use crate::report::text;
use crate::run::planning;

/// Reads live state and shows the plan.
///
/// # Errors
/// When the plan cannot be written.
pub fn run(common: &Common, args: &PlanArgs, screen: &Screen) -> anyhow::Result<Exit> {
    let Some(reports) = Reports::new(common, &args.beside, screen) else { return Ok(Exit::Usage) };
    let screen = &reports.screen(screen);
    let narrowed = !args.selection.paths.is_empty();
    let prepared = session::open(common, &args.selection, screen)
        .and_then(|workspace| session::prepare(workspace, &args.reading, narrowed, screen, session::REAL));
    match prepared {
        Ok(prepared) => planned(&prepared, &args.reading, screen, args.detailed_exitcode, &reports),
        Err(faults) => unplanned(faults, screen, &reports),
    }
}

/// Without a plan, programs get the faults in its place.
fn unplanned(faults: Faults, screen: &Screen, reports: &Reports) -> anyhow::Result<Exit> {
    let plan = Plan { diagnostics: faults, complete: false, ..Plan::default() };
    let report = Report::of_plan(&plan, &|_, _| 0);
    if screen.format == Format::Json {
        screen.out(&to_json(&report)?)?;
    }
    reports.write(&Shown::Plan(&report), screen)?;
    Ok(Exit::Error)
}

/// Makes and shows the plan of a prepared workspace.
///
/// # Errors
/// When there is no runtime, or the plan cannot be written.
pub fn planned(
    prepared: &Prepared,
    reading: &Reading,
    screen: &Screen,
    detailed: bool,
    reports: &Reports,
) -> anyhow::Result<Exit> {
    let progress = Progress::new(screen);
    let tell = |event| progress.tell(event);
    let session = prepared.session(reading, &tell);
    let jobs = prepared.jobs();
    let plan = session::runtime()?.block_on(planning::plan(&session, &jobs));
    progress.clear();
    let report = report(&plan, prepared);
    show(&plan, &report, screen)?;
    reports.write(&Shown::Plan(&report), screen)?;
    Ok(exit(&plan, detailed))
}

/// Shows a plan on stdout, in the format asked for, and its reasons on stderr.
///
/// # Errors
/// When stdout cannot be written.
pub fn show(plan: &Plan, report: &Report, screen: &Screen) -> anyhow::Result<()> {
    match screen.format {
        Format::Json => screen.out(&to_json(report)?)?,
        Format::Text => screen.out(&text::text(report, screen.width()))?,
    }
    if screen.format == Format::Json {
        screen.diagnose(&reasons(plan));
    }
    Ok(())
}

/// What may be shown of a plan.
pub fn report(plan: &Plan, prepared: &Prepared) -> Report {
    Report::of_plan(plan, &|subject, planned| {
        prepared.services.get(&subject.target).map_or(0, |service| service.bytes(&planned.request))
    })
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
