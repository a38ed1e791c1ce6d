//! `trueup apply`: plan, show, ask, write, read back, prove.

use std::io::{self, BufRead, Write};

use super::args::{ApplyArgs, Common, Format, Reading};
use super::exit::Exit;
use super::plan;
use super::progress::Progress;
use super::reports::{Reports, Shown};
use super::screen::Screen;
use super::session::{self, Prepared};
use crate::diagnostic::{Diagnostic, Severity};
use crate::plan::Plan;
use crate::report::json::to_json;
use crate::report::outcome::{ApplyReport, text};
use crate::report::text as plan_text;
use crate::run::outcome::{Ending, Outcome};
use crate::run::{Stop, apply, planning};

/// Makes the services match the documents.
///
/// # Errors
/// When the result cannot be written.
pub fn run(common: &Common, args: &ApplyArgs, screen: &Screen) -> anyhow::Result<Exit> {
    let Some(reports) = Reports::new(common, &args.beside, screen) else { return Ok(Exit::Usage) };
    let screen = &reports.screen(screen);
    let narrowed = !args.selection.paths.is_empty();
    let prepared = session::open(common, &args.selection, screen)
        .and_then(|workspace| session::prepare(workspace, &args.reading, narrowed, screen, session::REAL));
    match prepared {
        Ok(prepared) => applied(&prepared, &args.reading, screen, args.auto_approve, &reports),
        Err(faults) => {
            not_begun(&[], &faults, screen, &reports)?;
            Ok(Exit::Error)
        }
    }
}

/// Nothing was written; programs are told so, object by object as far as there are any.
fn not_begun(
    outcomes: &[Outcome],
    why: &[Diagnostic],
    screen: &Screen,
    reports: &Reports,
) -> anyhow::Result<()> {
    let report = ApplyReport::of(outcomes).because(why);
    if screen.format == Format::Json {
        screen.out(&to_json(&report)?)?;
    }
    reports.write(&Shown::Results(&report), screen)
}

/// Plans and carries out the plan of a prepared workspace.
///
/// # Errors
/// When there is no runtime or terminal, or the result cannot be written.
pub fn applied(
    prepared: &Prepared,
    reading: &Reading,
    screen: &Screen,
    approved: bool,
    reports: &Reports,
) -> anyhow::Result<Exit> {
    let runtime = session::runtime()?;
    let progress = Progress::new(screen);
    let tell = |event| progress.tell(event);
    let session = prepared.session(reading, &tell);
    let jobs = prepared.jobs();
    let plan = runtime.block_on(until_interrupted(&prepared.stop, screen, planning::plan(&session, &jobs)));
    progress.clear();
    if prepared.stop.is_set() {
        not_begun(&apply::not_started(&plan), &[interrupted()], screen, reports)?;
        return Ok(Exit::Interrupted);
    }
    // with JSON the one document on stdout is the result; the plan then goes to stderr
    let planned = plan::report(&plan, prepared);
    match screen.format {
        Format::Text => plan::show(&plan, &planned, screen)?,
        Format::Json => screen.say(&plan_text::text(&planned, screen.width())),
    }
    if plan.steps.is_empty() {
        let outcomes = apply::settle(&session, &plan, &jobs);
        screen.diagnose(&warnings(&outcomes));
        not_begun(&outcomes, &plan.diagnostics, screen, reports)?;
        return Ok(plan::exit(&plan, false));
    }
    if !approved && let Some(refusal) = ask(&plan, screen)? {
        screen.diagnose(std::slice::from_ref(&refusal));
        not_begun(&apply::not_started(&plan), &[refusal], screen, reports)?;
        return Ok(Exit::Refused);
    }
    let outcomes =
        runtime.block_on(until_interrupted(&prepared.stop, screen, apply::apply(&session, plan, &jobs)));
    progress.clear();
    show(&outcomes, screen, reports)?;
    Ok(exit(&outcomes, prepared))
}

/// Asks; gives why the answer is no, which it is without a terminal.
fn ask(plan: &Plan, screen: &Screen) -> anyhow::Result<Option<Diagnostic>> {
    if !screen.can_ask() {
        let message = "there is no terminal to ask on, and nothing was written";
        let hint = "look at the plan, then run again with `--auto-approve`";
        return Ok(Some(Diagnostic::error("no-terminal", message).hint(hint)));
    }
    let objects = plan.steps.len();
    screen.err(&format!(
        "\nWrite {objects} object{}? Only `yes` goes on: ",
        if objects == 1 { "" } else { "s" }
    ));
    io::stderr().flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    let declined = || Diagnostic::note("declined", "the answer was not `yes`, and nothing was written");
    Ok((answer.trim() != "yes").then(declined))
}

/// What went wrong after a plan that has told the rest.
fn warnings(outcomes: &[Outcome]) -> Vec<Diagnostic> {
    let findings = outcomes.iter().flat_map(|outcome| &outcome.findings);
    findings.filter(|finding| finding.severity == Severity::Warning).cloned().collect()
}

fn interrupted() -> Diagnostic {
    Diagnostic::error("interrupted", "the run was interrupted before the first write")
}

/// Runs to the end; Ctrl-C asks it to begin nothing any more, a second one ends the program at once.
async fn until_interrupted<T>(stop: &Stop, screen: &Screen, work: impl Future<Output = T>) -> T {
    tokio::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return done,
            Ok(()) = tokio::signal::ctrl_c() => {
                if stop.is_set() {
                    std::process::exit(Exit::Interrupted as i32);
                }
                stop.now();
                screen.err("\ninterrupted: what is under way is finished, nothing else is begun\n");
            }
        }
    }
}

fn show(outcomes: &[Outcome], screen: &Screen, reports: &Reports) -> anyhow::Result<()> {
    let report = ApplyReport::of(outcomes);
    match screen.format {
        Format::Json => screen.out(&to_json(&report)?)?,
        Format::Text => screen.out(&format!("\n{}", text(&report, screen.width())))?,
    }
    reports.write(&Shown::Results(&report), screen)
}

/// What an apply says to scripts.
fn exit(outcomes: &[Outcome], prepared: &Prepared) -> Exit {
    let count = |is: fn(&Ending) -> bool| outcomes.iter().filter(|outcome| is(&outcome.ending)).count();
    let written = count(|ending| matches!(ending, Ending::Done));
    let failed = count(|ending| matches!(ending, Ending::Failed(_) | Ending::Unknown(_)));
    let held = count(|ending| matches!(ending, Ending::Refused(_) | Ending::Moved(_) | Ending::NotStarted));
    match (written, failed, held) {
        _ if prepared.stop.is_set() => Exit::Interrupted,
        (_, 0, 0) => Exit::Done,
        (0, 0, _) => Exit::Refused,
        (0, _, _) => Exit::Error,
        _ => Exit::Partly,
    }
}
