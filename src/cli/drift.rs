//! `trueup drift`: what differs from what was last applied, and which side moved.
//!
//! Live state is read and nothing is written: the connections of this command cannot. A difference is drift
//! when the object moved, pending when its document did; which of the two decides the exit code.

use super::args::{Common, DriftArgs, Format, Reading};
use super::exit::Exit;
use super::notify;
use super::past::{Branch, Pasts, no_past};
use super::plan as plans;
use super::reports::{Of, Reports, Shown};
use super::screen::Screen;
use super::session::{self, Faults, Prepared, Reach};
use super::settings::file::NotifyEvent;
use super::since::Since;
use crate::diagnostic::{Diagnostic, Severity};
use crate::plan::permit::Grant;
use crate::plan::{Plan, Subject};
use crate::report::drift::{Against, Ask, text};
use crate::report::persons::Persons;
use crate::report::{DriftReport, to_json};

/// Reads live state and tells what moved.
///
/// # Errors
/// When the result cannot be written.
pub fn run(common: &Common, args: &DriftArgs, screen: &Screen) -> anyhow::Result<Exit> {
    let Some(reports) = Reports::new(common, &args.beside, Of::Drift, screen) else { return Ok(Exit::Usage) };
    let Some(screen) = &reports.sighted(screen, args.sight) else { return Ok(Exit::Usage) };
    let reading = reading(args);
    let reach = Reach::of(&args.selection).since(&args.changed);
    let prepared = session::open(common, &args.selection, screen)
        .and_then(|workspace| session::prepare(workspace, &reading, reach, screen, session::REAL));
    match prepared {
        Ok(prepared) => drifted(&prepared, (&reading, args), screen, &reports),
        Err(faults) => unread(faults, screen, &reports),
    }
}

/// Whatever a document asks is held against what is live, whether an apply would be allowed to write it or not.
pub fn reading(args: &DriftArgs) -> Reading {
    Reading {
        parallelism: args.parallelism,
        network: args.network.clone(),
        trust_empty: args.trust_empty,
        unmanaged: args.unmanaged,
        allow_delete: Grant::Any,
        allow_lower_protection: Grant::Any,
        overwrite_edits: Grant::Any,
        allow_personal: Grant::Any,
        ..Reading::default()
    }
}

/// Tells what moved of a prepared workspace.
///
/// # Errors
/// When there is no runtime, or the result cannot be written.
pub fn drifted(
    prepared: &Prepared,
    (reading, args): (&Reading, &DriftArgs),
    screen: &Screen,
    reports: &Reports,
) -> anyhow::Result<Exit> {
    let mut plan = plans::made(prepared, reading, screen)?;
    let jobs = prepared.jobs();
    prepared.since.iter().for_each(|since| since.keep(&mut plan));
    let branch = match Branch::of(&prepared.workspace.root, args.base.as_deref()) {
        Ok(branch) => branch,
        Err(fault) if args.base.is_some() => {
            screen.diagnose(std::slice::from_ref(&fault));
            return unread(vec![fault], screen, reports);
        }
        Err(fault) => {
            plan.diagnostics.push(Diagnostic { severity: Severity::Warning, ..fault });
            None
        }
    };
    let pasts = Pasts::note_shared(&mut plan, &jobs, prepared, branch.as_ref());
    if pasts.is_blank && !(plan.steps.is_empty() && plan.refused.is_empty()) {
        plan.diagnostics.insert(0, no_past());
    }
    let applied_at = |subject: &Subject| pasts.applied_at(subject);
    let ask = |persons| Ask {
        against: pasts.against.clone(),
        since: prepared.since.as_ref().map(Since::told),
        also_pending: args.also_pending,
        persons,
        applied_at: &applied_at,
    };
    // nothing is written here, so broken rules are told and refuse nothing
    let (_, verdicts) = plans::judged(&plan, prepared);
    plan.diagnostics.extend(verdicts);
    let report = DriftReport::of(&plan, ask(prepared.persons()));
    let clear = screen.reveals.then(|| DriftReport::of(&plan, ask(Persons::Clear)));
    if screen.format == Format::Json {
        screen.diagnose(&warnings(&plan));
    }
    show(clear.as_ref().unwrap_or(&report), screen)?;
    reports.write(&Shown::Drift(&report), screen)?;
    let exit = exit(&report);
    if exit != Exit::Done {
        notify::tell(&prepared.workspace, NotifyEvent::Drift, &Shown::Drift(&report), screen);
    }
    Ok(exit)
}

/// What text shows with the rest.
fn warnings(plan: &Plan) -> Vec<Diagnostic> {
    plan.diagnostics.iter().filter(|own| own.severity > Severity::Note).cloned().collect()
}

/// Without live state, programs get the faults in its place.
fn unread(faults: Faults, screen: &Screen, reports: &Reports) -> anyhow::Result<Exit> {
    let plan = Plan { diagnostics: faults, complete: false, ..Plan::default() };
    let against = Against { records: false, commit: None };
    let ask =
        Ask { against, since: None, also_pending: false, persons: Persons::Masked, applied_at: &|_| None };
    let report = DriftReport::of(&plan, ask);
    if screen.format == Format::Json {
        screen.out(&to_json(&report)?)?;
    }
    reports.write(&Shown::Drift(&report), screen)?;
    Ok(Exit::Error)
}

fn show(report: &DriftReport, screen: &Screen) -> anyhow::Result<()> {
    match screen.format {
        Format::Json => screen.out(&to_json(report)?)?,
        Format::Text => screen.out(&text(report, screen.width()))?,
    }
    Ok(())
}

/// What drift says to scripts: errors before differences.
fn exit(report: &DriftReport) -> Exit {
    match (report.complete, report.differs()) {
        (false, _) => Exit::Error,
        (true, true) => Exit::Differs,
        (true, false) => Exit::Done,
    }
}
