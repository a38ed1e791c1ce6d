//! Events of an apply as they happen, one JSON object a line: `--report jsonl=FILE` and `--format jsonl`.
//!
//! Each file has a thread that writes and flushes, so that a reader who is slow keeps no request waiting, and one
//! who went away stops nothing. An object that ended without its turn is told from the results: so each ends once,
//! whatever happens, and a run that was begun is ended.
//! Deliberately absent: what may be shown, and how. `report::event` says that.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use anyhow::{Context, anyhow};

use super::exit::Exit;
use super::reports::is_stdout;
use crate::remote::allowance::Again;
use crate::report::event::{EventLine, Happened, Wait};
use crate::report::json::to_line;
use crate::report::outcome::{ApplyReport, ApplySummary};
use crate::report::persons::Persons;
use crate::report::places::Places;
use crate::report::shown::{Finding, ObjectName, Report};
use crate::run::Event;

/// Who is told of what happens.
pub struct Events(Mutex<Telling>);

#[derive(Default)]
struct Telling {
    writers: Vec<Writer>,
    /// How many lines there are.
    number: u64,
    places: Places,
    /// The objects that ended, with how much was found of each.
    ended: HashMap<Key, usize>,
    halted: HashSet<Option<String>>,
    summary: ApplySummary,
    diagnostics: Vec<Finding>,
}

/// Target, kind and name.
type Key = (String, String, String);

/// A file, and the thread that writes it.
struct Writer {
    name: PathBuf,
    lines: Sender<Arc<str>>,
    thread: JoinHandle<io::Result<()>>,
}

impl Events {
    /// Does work of which these files are told from its beginning to its end.
    ///
    /// # Errors
    /// Those of the work; then those of the files.
    pub fn during(
        files: &[PathBuf],
        work: impl FnOnce(&Arc<Self>) -> anyhow::Result<Exit>,
    ) -> anyhow::Result<Exit> {
        let events = Arc::new(Self::open(files)?);
        let ended = work(&events);
        // an error has the code 1, and is told by itself
        let all_told = events.end(*ended.as_ref().unwrap_or(&Exit::Error));
        ended.and_then(|exit| all_told.map(|()| exit))
    }

    /// For these files, of which `-` is stdout; the run has begun.
    ///
    /// # Errors
    /// When one of them cannot be made.
    fn open(files: &[PathBuf]) -> anyhow::Result<Self> {
        let writers = files.iter().map(|file| Writer::to(file)).collect::<anyhow::Result<Vec<_>>>()?;
        let events = Self(Mutex::new(Telling { writers, ..Telling::default() }));
        events.telling().tell(Happened::run_started());
        Ok(events)
    }

    fn telling(&self) -> MutexGuard<'_, Telling> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes one event of the run; persons are shown in this way.
    pub fn hear(&self, event: Event, persons: Persons) {
        let telling = &mut *self.telling();
        if telling.writers.is_empty() {
            return;
        }
        let places = &mut telling.places;
        let happened = match event {
            Event::Started(step) => Happened::started(places, persons, step),
            Event::Sent(step, verb, answer) => Happened::written(places, persons, step, (verb, answer)),
            Event::Ended(outcome) => Happened::ended(places, persons, outcome),
            Event::Halted(target, code) => return telling.halted(target, code),
            Event::Reading(_) | Event::Read(_) | Event::Writing(_) => return,
        };
        telling.tell(happened);
    }

    /// A request is sent again.
    pub fn again(&self, again: &Again) {
        let wait = Wait {
            target: again.target.to_owned(),
            reason: again.why.to_owned(),
            attempts: again.attempts,
            pause_millis: u64::try_from(again.pause.as_millis()).unwrap_or(u64::MAX),
        };
        self.telling().tell(if again.throttled {
            Happened::Throttled(wait)
        } else {
            Happened::Retrying(wait)
        });
    }

    /// The plan is made.
    pub fn planned(&self, report: &Report) {
        self.telling().tell(Happened::planned(report));
    }

    /// The results are known: what was not told yet is told now.
    pub fn results(&self, report: &ApplyReport) {
        let telling = &mut *self.telling();
        telling.diagnostics.clone_from(&report.diagnostics);
        telling.summary = report.summary;
        for result in &report.results {
            match telling.ended.get(&key(&result.object)) {
                // what is found of an object after it has ended
                Some(known) => telling.diagnostics.extend(result.findings.iter().skip(*known).cloned()),
                None => telling.tell(Happened::ObjectEnded(result.clone())),
            }
        }
    }

    /// The run ends; waits until everything is written.
    ///
    /// # Errors
    /// When a file could not be written, but not when its reader went away.
    fn end(&self, exit: Exit) -> anyhow::Result<()> {
        let writers = {
            let telling = &mut *self.telling();
            let (summary, diagnostics) = (telling.summary, std::mem::take(&mut telling.diagnostics));
            telling.tell(Happened::RunEnded { exit: exit as i32, summary, diagnostics });
            std::mem::take(&mut telling.writers)
        };
        writers.into_iter().map(Writer::finish).fold(Ok(()), anyhow::Result::and)
    }
}

fn key(object: &ObjectName) -> Key {
    (object.target.clone(), object.kind.clone(), object.name.clone())
}

impl Telling {
    fn tell(&mut self, happened: Happened) {
        if self.writers.is_empty() {
            return;
        }
        if let Happened::ObjectEnded(result) = &happened {
            self.ended.insert(key(&result.object), result.findings.len());
        }
        self.number += 1;
        let at = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string();
        // a line of these types always is JSON
        let Ok(line) = to_line(&EventLine { number: self.number, at, happened }) else { return };
        let line: Arc<str> = line.into();
        for writer in &self.writers {
            // whose thread is gone has no reader, or has failed, which is told at the end
            let _ = writer.lines.send(Arc::clone(&line));
        }
    }

    fn halted(&mut self, target: Option<&str>, code: &str) {
        let target = target.map(str::to_owned);
        if self.halted.insert(target.clone()) {
            self.tell(Happened::Halted { target, code: code.to_owned() });
        }
    }
}

impl Writer {
    fn to(file: &Path) -> anyhow::Result<Self> {
        let failed = || format!("{} cannot be written", file.display());
        let mut out: Box<dyn Write + Send> = match is_stdout(file) {
            true => Box::new(io::stdout()),
            false => {
                let folder = file.parent().unwrap_or(Path::new(""));
                fs::create_dir_all(folder).with_context(failed)?;
                Box::new(File::create(file).with_context(failed)?)
            }
        };
        let (lines, queue) = channel::<Arc<str>>();
        let write = move || {
            for line in queue {
                match out.write_all(line.as_bytes()).and_then(|()| out.flush()) {
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
            self.thread.join().map_err(|_| anyhow!("the writer of {} died", self.name.display()))?;
        written.with_context(|| format!("{} cannot be written", self.name.display()))
    }
}
