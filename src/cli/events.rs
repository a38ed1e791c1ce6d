//! Events of an apply as they happen, one JSON object a line: `--report jsonl=FILE` and `--format jsonl`.
//!
//! Each file has a thread that writes and flushes, so that a reader who is slow keeps no request waiting, and one
//! who went away stops nothing. An object that ended without its turn is reported from the results: so each ends once,
//! whatever happens, and a run that was begun is ended.
//! Deliberately absent: what may be shown, and how. `report::event` says that.

use std::collections::{HashMap, HashSet};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use anyhow::{Context, anyhow};

use super::exit::ExitStatus;
use super::output_file::open_output;
use super::reports::is_stdout;
use crate::output_filter::filter_bytes;
use crate::remote::retry_budget::RetryEvent;
use crate::report::event::{EventLine, EventPayload, RetryPayload};
use crate::report::json::to_json_line;
use crate::report::line_index::SourceLineIndex;
use crate::report::outcome::{ApplyReport, ApplySummary};
use crate::report::plan_report::{DiagnosticView, ObjectName, PlanReport};
use crate::report::pseudonyms::PersonalDataMode;
use crate::run::RunEvent;

/// Receivers of events.
pub struct EventStream(Mutex<EventStreamState>);

#[derive(Default)]
struct EventStreamState {
    writers: Vec<EventFileWriter>,
    /// How many lines there are.
    sequence: u64,
    places: SourceLineIndex,
    /// The objects that ended, with how much was found of each.
    ended: HashMap<EventObjectKey, usize>,
    halted: HashSet<Option<String>>,
    summary: ApplySummary,
    diagnostics: Vec<DiagnosticView>,
}

/// Target, kind and name.
type EventObjectKey = (String, String, String);

/// A file, and the thread that writes it.
struct EventFileWriter {
    name: PathBuf,
    lines: Sender<Arc<str>>,
    thread: JoinHandle<io::Result<()>>,
}

impl EventStream {
    /// Runs work and writes its events to these files.
    ///
    /// # Errors
    /// Those of the work; then those of the files.
    pub fn run_with_events(
        files: &[PathBuf],
        work: impl FnOnce(&Arc<Self>) -> anyhow::Result<ExitStatus>,
    ) -> anyhow::Result<ExitStatus> {
        let events = Arc::new(Self::open_files(files)?);
        let ended = work(&events);
        // an error has the code 1, and is reported by itself
        let all_reported = events.finish_run(*ended.as_ref().unwrap_or(&ExitStatus::Error));
        ended.and_then(|exit| all_reported.map(|()| exit))
    }

    /// For these files, of which `-` is stdout; the run has begun.
    ///
    /// # Errors
    /// When one of them cannot be made.
    fn open_files(files: &[PathBuf]) -> anyhow::Result<Self> {
        let writers =
            files.iter().map(|file| EventFileWriter::open_file(file)).collect::<anyhow::Result<Vec<_>>>()?;
        let events = Self(Mutex::new(EventStreamState { writers, ..EventStreamState::default() }));
        events.lock_state().write_event(EventPayload::new_run_started());
        Ok(events)
    }

    fn lock_state(&self) -> MutexGuard<'_, EventStreamState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes one event of the run; persons are shown in this way.
    pub fn record_event(&self, event: RunEvent, persons: PersonalDataMode) {
        let telling = &mut *self.lock_state();
        if telling.writers.is_empty() {
            return;
        }
        let places = &mut telling.places;
        let happened = match event {
            RunEvent::Started(step) => EventPayload::from_started_step(places, persons, step),
            RunEvent::Sent(step, verb, answer) => {
                EventPayload::from_answer(places, persons, step, verb, answer)
            }
            RunEvent::Ended(outcome) => EventPayload::from_outcome(places, persons, outcome),
            RunEvent::Halted(target, code) => return telling.record_halt(target, code),
            RunEvent::Reading(_) | RunEvent::Read(_) | RunEvent::Writing(_) => return,
        };
        telling.write_event(happened);
    }

    /// A request is sent again.
    pub fn record_retry(&self, again: &RetryEvent) {
        let wait = RetryPayload {
            target: again.target.to_owned(),
            reason: again.reason.to_owned(),
            attempts: again.attempts,
            delay_ms: u64::try_from(again.delay.as_millis()).unwrap_or(u64::MAX),
        };
        self.lock_state().write_event(if again.throttled {
            EventPayload::Throttled(wait)
        } else {
            EventPayload::Retrying(wait)
        });
    }

    /// The plan is made.
    pub fn record_plan(&self, report: &PlanReport) {
        self.lock_state().write_event(EventPayload::from_report(report));
    }

    /// The results are known: what was not reported yet is reported now.
    pub fn record_results(&self, report: &ApplyReport) {
        let telling = &mut *self.lock_state();
        telling.diagnostics.clone_from(&report.diagnostics);
        telling.summary = report.summary;
        for result in &report.results {
            match telling.ended.get(&build_object_key(&result.object)) {
                // what is found of an object after it has ended
                Some(known) => telling.diagnostics.extend(result.diagnostics.iter().skip(*known).cloned()),
                None => telling.write_event(EventPayload::ObjectEnded(result.clone())),
            }
        }
    }

    /// The run ends; waits until everything is written.
    ///
    /// # Errors
    /// When a file could not be written, but not when its reader went away.
    fn finish_run(&self, exit: ExitStatus) -> anyhow::Result<()> {
        let writers = {
            let telling = &mut *self.lock_state();
            let (summary, diagnostics) = (telling.summary, std::mem::take(&mut telling.diagnostics));
            telling.write_event(EventPayload::RunEnded { exit: exit as i32, summary, diagnostics });
            std::mem::take(&mut telling.writers)
        };
        writers.into_iter().map(EventFileWriter::finish).fold(Ok(()), anyhow::Result::and)
    }
}

fn build_object_key(object: &ObjectName) -> EventObjectKey {
    (object.target.clone(), object.kind.clone(), object.name.clone())
}

impl EventStreamState {
    fn write_event(&mut self, happened: EventPayload) {
        if self.writers.is_empty() {
            return;
        }
        if let EventPayload::ObjectEnded(result) = &happened {
            self.ended.insert(build_object_key(&result.object), result.diagnostics.len());
        }
        self.sequence += 1;
        let at = crate::state::system_time::read_system_time().strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string();
        // a line of these types always is JSON
        let Ok(line) = to_json_line(&EventLine { number: self.sequence, at, happened }) else { return };
        let line: Arc<str> = line.into();
        for writer in &self.writers {
            // whose thread is gone has no reader, or has failed, which is reported at the end
            let _ = writer.lines.send(Arc::clone(&line));
        }
    }

    fn record_halt(&mut self, target: Option<&str>, code: &str) {
        let target = target.map(str::to_owned);
        if self.halted.insert(target.clone()) {
            self.write_event(EventPayload::Halted { target, code: code.to_owned() });
        }
    }
}

impl EventFileWriter {
    fn open_file(file: &Path) -> anyhow::Result<Self> {
        let failed = || format!("{} cannot be written", file.display());
        let mut out: Box<dyn Write + Send> = match is_stdout(file) {
            true => Box::new(io::stdout()),
            false => open_output(file).with_context(failed)?,
        };
        let (lines, queue) = channel::<Arc<str>>();
        let write = move || {
            for line in queue {
                match out.write_all(&filter_bytes(line.as_bytes())).and_then(|()| out.flush()) {
                    Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
                    written => written?,
                }
            }
            Ok(())
        };
        let thread = thread::Builder::new().name("events".into()).spawn(write).with_context(failed)?;
        Ok(Self { name: file.to_owned(), lines, thread })
    }

    fn finish(self) -> anyhow::Result<()> {
        drop(self.lines);
        let written =
            self.thread.join().map_err(|_| anyhow!("the writer of {} stopped", self.name.display()))?;
        written.with_context(|| format!("{} cannot be written", self.name.display()))
    }
}
