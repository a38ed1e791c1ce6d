//! `trueup apply`: plan, show, ask, write, read back, prove.

use std::io::{self, BufRead, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::runtime::Runtime;

use super::args::{ApplyArgs, Common, Format, Reading, Selection};
use super::causes;
use super::events::Events;
use super::exit::Exit;
use super::foreseen;
use super::ids;
use super::leases;
use super::notify;
use super::plan;
use super::progress::Progress;
use super::records;
use super::reports::{Of, Reports, Shown};
use super::saved;
use super::screen::Screen;
use super::session::{self, Prepared, Reach};
use super::settings::file::NotifyEvent;
use super::undo::{self, Undoing};
use crate::diagnostic::{Diagnostic, Severity};
use crate::plan::Plan;
use crate::plan::gate::{self, Limits};
use crate::report::json::to_json;
use crate::report::outcome::{ApplyReport, Asked, text};
use crate::report::persons::Persons;
use crate::report::saved::{Held, SavedPlan};
use crate::report::text as plan_text;
use crate::run::applied::Applied;
use crate::run::gather::Job;
use crate::run::journal::Journal;
use crate::run::lease::keeper::Kept;
use crate::run::outcome::{Ending, Outcome};
use crate::run::{Event, Session, Stop, apply, out_of_time, planning};

/// Makes the services match the documents.
///
/// # Errors
/// When the result cannot be written.
pub fn run(common: &Common, args: &ApplyArgs, screen: &Screen) -> anyhow::Result<Exit> {
    let Some(reports) = Reports::new(common, &args.beside, Of::Apply, screen) else { return Ok(Exit::Usage) };
    let Some(screen) = &reports.sighted(screen, args.sight) else { return Ok(Exit::Usage) };
    Events::during(&reports.events, |events| {
        told(common, args, screen, Way { reports: Some(&reports), events: Some(events), ..Way::of(args) })
    })
}

fn told(common: &Common, args: &ApplyArgs, screen: &Screen, way: Way) -> anyhow::Result<Exit> {
    let faulty = |faults: &[Diagnostic], exit: Exit| not_begun(&[], faults, screen, way).map(|()| exit);
    match saved::named(&common.directory, &args.selection.paths) {
        Ok(Some(plan)) => return reviewed(args, screen, &plan, way, common),
        Ok(None) => {}
        Err(fault) => {
            screen.diagnose(std::slice::from_ref(&fault));
            return faulty(&[fault], Exit::Error);
        }
    }
    let reach = Reach::of(&args.selection);
    let prepared = session::open(common, &args.selection, screen)
        .and_then(|workspace| records::to_write(workspace, screen))
        .and_then(|workspace| session::prepare(workspace, &args.reading, reach, screen, session::REAL));
    match prepared {
        Ok(prepared) => applied(&prepared.for_writing(), &args.reading, screen, way),
        Err(faults) => faulty(&faults, Exit::Error),
    }
}

/// Applies a saved plan: what was reviewed, and nothing else.
fn reviewed(
    args: &ApplyArgs,
    screen: &Screen,
    plan: &SavedPlan,
    way: Way,
    common: &Common,
) -> anyhow::Result<Exit> {
    let refused = |fault: Diagnostic, exit: Exit| {
        screen.diagnose(std::slice::from_ref(&fault));
        not_begun(&[], &[fault], screen, way).map(|()| exit)
    };
    let reading = match saved::reading(plan, &args.reading) {
        Ok(reading) => reading,
        Err(fault) => return refused(fault, Exit::Refused),
    };
    let everything = Selection { paths: Vec::new() };
    let prepared = session::open(common, &everything, screen)
        .and_then(|workspace| records::to_write(workspace, screen))
        .and_then(|workspace| match &plan.undoes {
            None => session::prepare(workspace, &reading, Reach::WHOLE, screen, session::REAL)
                .map(|own| (own, None)),
            Some(run) => undo::open(workspace, Path::new(run), &reading, screen)
                .map(|(prepared, undoing)| (prepared, Some(undoing))),
        });
    let (mut prepared, undoing) = match prepared {
        Ok(prepared) => prepared,
        Err(faults) => return not_begun(&[], &faults, screen, way).map(|()| Exit::Error),
    };
    let settled = match Applied::open(&prepared.workspace.root.join(session::FOLDER)) {
        Ok(settled) => Mutex::new(settled),
        Err(error) => {
            let hint = "put it back from a copy; without it, a plan could be applied twice";
            return refused(session::forgotten("applied.json", &error).hint(hint), Exit::Error);
        }
    };
    if let Some(fault) = saved::is_spent(plan, &lock(&settled)) {
        return refused(fault, Exit::Refused);
    }
    if let Err(fault) = saved::narrow(plan, &mut prepared) {
        return refused(fault, Exit::Error);
    }
    let way = Way { reviewed: Some((plan, &settled)), undoing: undoing.as_ref(), ..way };
    applied(&prepared.for_writing(), &reading, screen, way)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How a plan is carried out.
#[derive(Clone, Copy, Default)]
pub struct Way<'w> {
    /// Nobody is asked.
    pub approved: bool,
    /// Nothing is written when anything is refused.
    pub all_or_nothing: bool,
    /// Ids go into the documents that have none.
    pub write_ids: bool,
    /// The plan that was reviewed, and what was applied before.
    pub reviewed: Option<(&'w SavedPlan, &'w Mutex<Applied>)>,
    /// The run that is undone.
    pub undoing: Option<&'w Undoing>,
    /// Where else the result is told.
    pub reports: Option<&'w Reports>,
    /// Who is told of what happens meanwhile.
    pub events: Option<&'w Arc<Events>>,
    /// The leases under which it is.
    pub leases: Option<&'w Kept>,
}

impl Way<'_> {
    fn of(args: &ApplyArgs) -> Self {
        Self {
            approved: args.auto_approve,
            all_or_nothing: args.all_or_nothing,
            write_ids: args.write_ids,
            ..Self::default()
        }
    }

    /// Takes from the plan what was not reviewed.
    fn hold(&self, plan: &mut Plan, prepared: &Prepared) -> Held {
        if let Some(undoing) = self.undoing {
            undoing.hold(plan);
        }
        match self.reviewed {
            Some((reviewed, settled)) => saved::hold(reviewed, &lock(settled), plan, prepared),
            None => Held::default(),
        }
    }

    /// Why none of it is begun.
    fn refuses(&self, plan: &Plan, held: &Held, limits: &Limits) -> Vec<Diagnostic> {
        let objects = self.reviewed.map_or_else(|| gate::objects(plan), |(reviewed, _)| reviewed.objects());
        let mut why = gate::check(plan, objects, limits);
        let reviewed_in_part = self.reviewed.is_some_and(|(reviewed, _)| !reviewed.report.complete);
        if !plan.steps.is_empty() && (!plan.complete || reviewed_in_part) {
            why.extend(gate::partial(plan.unread.len(), limits));
        }
        why.extend(self.all_or_nothing(plan.refused.len() + held.gone.len()));
        why
    }

    /// Why a run that was to end by now writes nothing, and how it exits.
    fn ended(&self, stop: &Stop) -> Option<(Diagnostic, Exit)> {
        let interrupted =
            || Diagnostic::error("interrupted", "the run was interrupted before the first write");
        if let Some(lost) = self.lost_lease() {
            return Some((lost, Exit::Error));
        }
        match (stop.is_interrupted(), stop.is_late()) {
            (true, _) => Some((interrupted(), Exit::Interrupted)),
            (false, true) => Some((out_of_time(), Exit::Error)),
            (false, false) => None,
        }
    }

    /// What is to be said of a lease that was lost meanwhile.
    fn lost_lease(&self) -> Option<Diagnostic> {
        self.leases.and_then(Kept::lost).map(|loss| leases::lost(&loss))
    }

    fn all_or_nothing(&self, refused: usize) -> Option<Diagnostic> {
        (self.all_or_nothing && refused > 0).then(|| {
            let objects =
                if refused == 1 { "1 object is".to_owned() } else { format!("{refused} objects are") };
            Diagnostic::error("all-or-nothing", format!("{objects} refused, so nothing was written"))
                .hint("settle these first, or leave `--all-or-nothing` out")
        })
    }

    /// How many objects are only in part what was asked for, although they were written.
    fn parts(&self, outcomes: &[Outcome]) -> usize {
        self.undoing.map_or(0, |undoing| undoing.parts(outcomes.iter().map(|outcome| &outcome.subject)))
    }

    /// Tells the result wherever else it is to be told.
    fn tell(&self, report: &ApplyReport, screen: &Screen) -> anyhow::Result<()> {
        if let Some(events) = self.events {
            events.results(report);
        }
        self.reports.map_or(Ok(()), |reports| reports.write(&Shown::Results(report), screen))
    }

    /// Keeps what was applied on record, and ids where they are to stand.
    fn note(&self, prepared: &Prepared, jobs: &[Job], outcomes: &mut [Outcome], screen: &Screen) {
        records::note_applied(prepared, (jobs, self.undoing.is_some()), outcomes, screen);
        if let Some(undoing) = self.undoing {
            undoing.tell(outcomes);
        }
        if self.write_ids {
            ids::write(prepared, jobs, outcomes, screen);
        }
    }

    fn settle(&self, outcomes: &[Outcome], screen: &Screen) {
        let Some((reviewed, settled)) = self.reviewed else { return };
        if let Err(error) = saved::settle(reviewed, &mut lock(settled), outcomes) {
            let message = format!("`.trueup/applied.json` cannot be written: {}", error.kind());
            let hint = "do not apply this plan again";
            screen.diagnose(&[Diagnostic::warning("not-recorded", message).hint(hint)]);
        }
    }
}

/// Nothing was written; programs are told so, object by object as far as there are any.
pub fn not_begun(outcomes: &[Outcome], why: &[Diagnostic], screen: &Screen, way: Way) -> anyhow::Result<()> {
    let report = ApplyReport::of(outcomes).because(why);
    if screen.format == Format::Json {
        screen.out(&to_json(&report)?)?;
    }
    way.tell(&report, screen)
}

/// No step of a plan was begun; an interrupt was told when it came.
fn untouched(plan: &Plan, why: Diagnostic, exit: Exit, screen: &Screen, way: Way) -> anyhow::Result<Exit> {
    if exit != Exit::Interrupted {
        screen.diagnose(std::slice::from_ref(&why));
    }
    not_begun(&apply::not_started(plan), &[why], screen, way)?;
    Ok(exit)
}

/// Plans and carries out the plan of a prepared workspace, under the leases of its targets.
///
/// # Errors
/// When there is no runtime or terminal, or the result cannot be written.
pub fn applied(prepared: &Prepared, reading: &Reading, screen: &Screen, way: Way) -> anyhow::Result<Exit> {
    match leases::take(prepared, screen) {
        Ok(leases) => carried_out(prepared, reading, screen, Way { leases: leases.as_ref(), ..way }),
        Err((fault, exit)) => {
            screen.diagnose(std::slice::from_ref(&fault));
            not_begun(&[], &[fault], screen, way)?;
            Ok(exit)
        }
    }
}

fn carried_out(prepared: &Prepared, reading: &Reading, screen: &Screen, way: Way) -> anyhow::Result<Exit> {
    let runtime = session::runtime()?;
    let cut_off = records::tell_cut_off(&prepared.workspace.root, screen);
    let progress = Progress::new(screen, &prepared.services);
    if let Some(events) = way.events.map(Arc::clone) {
        prepared.allowance.listen(Arc::new(move |again| events.again(again)));
    }
    let tell = |event: Event| {
        progress.tell(event);
        way.events.iter().for_each(|events| events.hear(event, prepared.persons()));
    };
    let session = prepared.session(reading, &tell);
    let jobs = prepared.jobs();
    let mut plan = runtime.block_on(until_interrupted(
        &prepared.allowance.stop,
        screen,
        planning::plan(&session, &jobs),
    ));
    progress.clear();
    if let Some((why, exit)) = way.ended(&prepared.allowance.stop) {
        return untouched(&plan, why, exit, screen, way);
    }
    let held = way.hold(&mut plan, prepared);
    // what is undone is put down to the run that did it
    if way.undoing.is_none() {
        causes::label(&mut plan, &jobs, prepared);
    }
    // with JSON the one document on stdout is the result; the plan then goes to stderr
    let (shown, verdicts) = plan::judged(&plan, prepared);
    way.events.iter().for_each(|events| events.planned(&shown));
    match screen.format {
        Format::Text => plan::show_judged((&plan, &shown, &verdicts), prepared, screen)?,
        Format::Json => screen.say(&plan_text::text(&shown, screen.width())),
    }
    let mut why = way.refuses(&plan, &held, &reading.limits());
    why.extend(verdicts.into_iter().filter(|verdict| verdict.severity == Severity::Error));
    if !why.is_empty() {
        screen.diagnose(&why);
        unwritten((&apply::not_started(&plan), &why), &held, screen, way)?;
        return Ok(Exit::Refused);
    }
    if plan.steps.is_empty() {
        let mut outcomes = apply::settle(&session, &plan, &jobs);
        way.note(prepared, &jobs, &mut outcomes, screen);
        records::account_for(prepared, &cut_off, screen);
        screen.diagnose(&warnings(&outcomes));
        unwritten((&outcomes, &plan.diagnostics), &held, screen, way)?;
        return Ok(if held.gone.is_empty() { plan::exit(&plan, false) } else { Exit::Refused });
    }
    if !way.approved
        && let Some((why, exit)) = ask(&plan, &runtime, screen)?
    {
        return untouched(&plan, why, exit, screen, way);
    }
    let journal =
        match records::begin(prepared, &plan, (&cut_off, way.reviewed.map(|(own, _)| own.name())), screen) {
            Ok(journal) => journal,
            Err(fault) => return untouched(&plan, fault, Exit::Error, screen, way),
        };
    let session = Session { journal: Some(&journal), ..session };
    let before = prepared.services.iter().map(|(name, own)| (name.clone(), own.tally())).collect();
    let known: Vec<Diagnostic> =
        plan.diagnostics.iter().filter(|said| said.severity == Severity::Error).cloned().collect();
    let mut outcomes = runtime.block_on(until_interrupted(
        &prepared.allowance.stop,
        screen,
        apply::apply(&session, plan, &jobs),
    ));
    progress.clear();
    way.note(prepared, &jobs, &mut outcomes, screen);
    way.settle(&outcomes, screen);
    let certain = outcomes.iter().all(|outcome| outcome.ending.is_certain());
    // what the plan was told of already is in the results, and not said again
    let mut hindrances = session.hindrances(certain);
    hindrances.retain(|new| !known.iter().any(|old| (old.code, &old.message) == (new.code, &new.message)));
    screen.diagnose(&hindrances);
    let hindrances = [known, hindrances].concat();
    let requests = foreseen::asked(&shown.requests, &prepared.services, &before);
    concluded(prepared, (&outcomes, hindrances, requests), (&held, &journal), screen, way)
}

/// Tells what a run came to, closes its account, and says how it exits.
fn concluded(
    prepared: &Prepared,
    (outcomes, mut hindrances, requests): (&[Outcome], Vec<Diagnostic>, Vec<Asked>),
    (held, journal): (&Held, &Journal),
    screen: &Screen,
    way: Way,
) -> anyhow::Result<Exit> {
    let lost = way.lost_lease();
    hindrances.extend(lost.clone());
    screen.diagnose(lost.as_slice());
    let report_with = |persons: Persons| {
        let mut report = ApplyReport::with(outcomes, persons).because(&hindrances);
        report.requests.clone_from(&requests);
        held.tell(&mut report);
        report
    };
    let report = report_with(prepared.persons());
    let clear = screen.reveals.then(|| report_with(Persons::Clear));
    let shown = show(clear.as_ref().unwrap_or(&report), screen).and_then(|()| way.tell(&report, screen));
    // the account is closed whoever listens, and before anybody far away is waited for
    records::close(prepared, journal, report.clone(), screen);
    notify::tell(&prepared.workspace, NotifyEvent::Apply, &Shown::Results(&report), screen);
    shown?;
    let interrupted = prepared.allowance.stop.is_interrupted() && lost.is_none();
    Ok(
        match exit(
            outcomes,
            held.gone.len() + way.parts(outcomes),
            interrupted,
            prepared.allowance.stop.is_late(),
        ) {
            // somebody else may have written over it
            Exit::Done if lost.is_some() => Exit::Error,
            exit => exit,
        },
    )
}

/// Nothing was written; what of a reviewed plan is not any more as it was is told in every format.
fn unwritten(
    (outcomes, why): (&[Outcome], &[Diagnostic]),
    held: &Held,
    screen: &Screen,
    way: Way,
) -> anyhow::Result<()> {
    let mut report = ApplyReport::of(outcomes).because(why);
    held.tell(&mut report);
    match screen.format {
        Format::Json => screen.out(&to_json(&report)?)?,
        Format::Text if held.is_empty() => {}
        Format::Text => screen.out(&format!("\n{}", text(&report, screen.width())))?,
    }
    way.tell(&report, screen)
}

/// Asks; gives why the answer is no, which it is without a terminal, and how the run exits then.
fn ask(plan: &Plan, runtime: &Runtime, screen: &Screen) -> anyhow::Result<Option<(Diagnostic, Exit)>> {
    if !screen.can_ask() {
        let message = "there is no terminal to ask on, and nothing was written";
        let hint = "look at the plan, then run again with `--auto-approve`";
        return Ok(Some((Diagnostic::error("no-terminal", message).hint(hint), Exit::Refused)));
    }
    let objects = plan.steps.len();
    screen.err(&format!(
        "\nWrite {objects} object{}? Only `yes` goes on: ",
        if objects == 1 { "" } else { "s" }
    ));
    io::stderr().flush()?;
    let Some(answer) = heard(runtime)? else {
        screen.err("\ninterrupted: nothing was written\n");
        let why = Diagnostic::error("interrupted", "the run was interrupted before the first write");
        return Ok(Some((why, Exit::Interrupted)));
    };
    let declined = || Diagnostic::note("declined", "the answer was not `yes`, and nothing was written");
    Ok((answer.trim() != "yes").then(|| (declined(), Exit::Refused)))
}

/// The line that somebody types; nothing when it is Ctrl-C, which is heard while a thread of its own, that nobody
/// waits for, reads.
fn heard(runtime: &Runtime) -> anyhow::Result<Option<String>> {
    let (tell, line) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let mut answer = String::new();
        let read = io::stdin().lock().read_line(&mut answer).map(|_| answer);
        let _ = tell.send(read);
    });
    runtime.block_on(async {
        tokio::select! {
            line = line => Ok(Some(line??)),
            _ = tokio::signal::ctrl_c() => Ok(None),
        }
    })
}

/// What went wrong after a plan that has told the rest.
fn warnings(outcomes: &[Outcome]) -> Vec<Diagnostic> {
    let findings = outcomes.iter().flat_map(|outcome| &outcome.findings);
    findings.filter(|finding| finding.severity == Severity::Warning).cloned().collect()
}

/// Runs to the end; Ctrl-C asks it to begin nothing any more, a second one ends the program at once.
async fn until_interrupted<T>(stop: &Stop, screen: &Screen, work: impl Future<Output = T>) -> T {
    tokio::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return done,
            Ok(()) = tokio::signal::ctrl_c() => {
                if stop.is_interrupted() {
                    std::process::exit(Exit::Interrupted as i32);
                }
                stop.now();
                screen.err("\ninterrupted: what is under way is finished, nothing else is begun\n");
            }
        }
    }
}

fn show(report: &ApplyReport, screen: &Screen) -> anyhow::Result<()> {
    match screen.format {
        Format::Json => screen.out(&to_json(report)?)?,
        Format::Text => screen.out(&format!("\n{}", text(report, screen.width())))?,
    }
    Ok(())
}

/// What an apply says to scripts.
fn exit(outcomes: &[Outcome], gone: usize, interrupted: bool, late: bool) -> Exit {
    let count = |is: fn(&Ending) -> bool| outcomes.iter().filter(|outcome| is(&outcome.ending)).count();
    let written = count(|ending| matches!(ending, Ending::Done));
    let failed = count(|ending| matches!(ending, Ending::Failed(_) | Ending::Unknown(_)));
    let held = count(|ending| {
        matches!(ending, Ending::Refused(_) | Ending::Unread(_) | Ending::Moved(_) | Ending::NotStarted)
    });
    let held = held + gone;
    match (written, failed, held) {
        _ if interrupted => Exit::Interrupted,
        (_, 0, 0) => Exit::Done,
        _ if late => Exit::Error,
        (0, 0, _) => Exit::Refused,
        (0, _, _) => Exit::Error,
        _ => Exit::Partly,
    }
}
