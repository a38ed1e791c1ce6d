//! What a run is about to send and what came of it, line by line in `.trueup/journal/`, on disk before each
//! request and after it: so that a run that is killed leaves an account.
//!
//! Names, verbs, paths as the kind has them, digests, and of what is overwritten what may be kept (`undo`). The
//! file of a run under way is locked; one that is neither locked nor ended was interrupted, and the next apply takes
//! it up.
//! Deliberately absent: what to do about it. Live objects are looked up anyway; this only tells. How it is read: `read`.

pub mod read;

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

use super::outcome::StepOutcome;
use super::undo::{UndoRecord, UndoRecorder, WrittenObject, format_open_id};
use crate::exchange::Method;
use crate::kind::Kind;
use crate::plan::{PlanSubject, Step, StepAction};
use crate::state::file_lock::remove_stale_files;
use crate::state::files::{create_folder, create_private_folder, private_options, sync_folder};
use crate::state::journal_writer::{JournalBatch, JournalWriter, WriteConfirmation, flatten_result};
use crate::value::Object;

/// The version of the lines that are written here.
const FORMAT: u32 = 1;
/// The folder in `.trueup`.
const FOLDER: &str = "journal";

/// The journal of a run under way. Each line is on disk when its note is done.
pub struct Journal {
    writer: JournalWriter,
    name: String,
    requests: AtomicU64,
    recorder: UndoRecorder,
}

/// What is known of a run when it begins.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
pub struct RunContext {
    /// The saved plan that it applies.
    pub plan: Option<String>,
    /// Who runs it.
    #[serde(default)]
    pub who: Option<String>,
    /// The commit that is checked out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Whether its digests are made under a key.
    #[serde(default)]
    pub keyed: bool,
    /// The targets that it may write to.
    #[serde(default)]
    pub targets: Vec<RecordedTarget>,
}

/// A target as it was.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct RecordedTarget {
    pub name: String,
    pub api: String,
    pub base_url: String,
}

/// One line.
#[derive(Serialize, Deserialize, Clone, Debug)]
#[serde(tag = "event", rename_all = "snake_case")]
enum JournalLine {
    Start {
        trueup_journal: u32,
        at: String,
        tool_version: String,
        #[serde(flatten)]
        of: RunContext,
    },
    Sending {
        request: u64,
        at: String,
        object: RecordedObject,
        action: String,
        method: String,
        path: String,
        digest: String,
        #[serde(default)]
        kept: Box<UndoRecord>,
    },
    Answered {
        request: u64,
        at: String,
        answer: RecordedResponse,
    },
    Ended {
        object: RecordedObject,
        action: Option<String>,
        result: String,
        attempts: u32,
        millis: u64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<String>,
    },
    /// Every object has its result.
    Complete {
        at: String,
    },
    /// All objects of an environment were seen to be as the commit of the run describes them.
    Verified {
        at: String,
        environment: String,
    },
    /// The receipt is kept, so that nothing of this is needed any more.
    Finish {
        at: String,
    },
}

/// Which object.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RecordedObject {
    pub target: String,
    /// The environment of the target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    pub kind: String,
    pub name: String,
    pub file: String,
    pub line: usize,
}

/// What came of a request.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordedResponse {
    /// None when there was no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The service's own name for the exchange.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// How many times it was sent.
    pub attempts: u32,
    /// Whether it may have taken effect although no one knows.
    pub unknown: bool,
}

/// One request of a run that was recorded.
#[derive(Clone, Debug)]
pub struct RecordedRequest {
    pub object: RecordedObject,
    pub action: String,
    pub method: String,
    pub path: String,
    pub digest: String,
    pub at: String,
    /// None when the run was interrupted before it was known.
    pub response: Option<RecordedResponse>,
    /// When that was.
    pub answered_at: Option<String>,
}

/// What became of one object of a run that was recorded.
#[derive(Clone, Debug)]
pub struct RecordedResult {
    pub object: RecordedObject,
    pub action: Option<String>,
    /// The word of its [`super::outcome::Ending`].
    pub result: String,
    pub attempts: u32,
    pub millis: u64,
}

/// A run as its journal tells it.
#[derive(Clone, Debug, Default)]
pub struct RecordedRun {
    /// The name of its files, which is when it began.
    pub name: String,
    pub started: String,
    /// When every object had its result; none for a run that was cut off.
    pub ended: Option<String>,
    /// Whether it has its receipt.
    pub is_closed: bool,
    /// The environments that it verified.
    pub verified: Vec<String>,
    pub context: RunContext,
    pub requests: Vec<RecordedRequest>,
    pub results: Vec<RecordedResult>,
    /// The objects that were written to, in the order in which they first were.
    pub objects: Vec<WrittenObject>,
}

impl RecordedRun {
    /// Objects that were written, of which the run did not come to know what they are now.
    pub fn find_open_requests(&self) -> Vec<&RecordedRequest> {
        let ended = |sent: &&RecordedRequest| self.results.iter().any(|end| end.object == sent.object);
        let mut open: Vec<&RecordedRequest> = self.requests.iter().filter(|sent| !ended(sent)).collect();
        open.reverse();
        open.dedup_by(|a, b| a.object == b.object);
        open.reverse();
        open
    }
}

/// A line on its way.
pub struct PendingLine(WriteConfirmation);

impl PendingLine {
    /// Waits until it is there.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn wait_until_written(self) -> io::Result<()> {
        flatten_result(self.0.await)
    }
}

impl Journal {
    /// Begins the journal of a run; on disk before it returns.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn begin_run(folder: &Path, of: RunContext, keeper: UndoRecorder) -> io::Result<Self> {
        create_folder(folder)?;
        [folder.to_owned(), folder.join(crate::state::receipt::FOLDER)]
            .iter()
            .for_each(|folder| remove_stale_files(folder));
        let folder = folder.join(FOLDER);
        create_private_folder(&folder)?;
        let now = crate::state::system_time::read_system_time().strftime("%Y-%m-%dT%H-%M-%S%.3f").to_string();
        let (file, name) = create_file(&folder, &now)?;
        lock_file(&file)?;
        sync_folder(&folder)?;
        let mut batch = JournalBatch { file, torn: false };
        let start = JournalLine::Start {
            trueup_journal: FORMAT,
            at: super::clock::format_now(),
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            of,
        };
        batch.write_durably(std::iter::once(encode_line(&start)?.as_slice()))?;
        Ok(Self { writer: JournalWriter::new(batch)?, name, requests: AtomicU64::new(0), recorder: keeper })
    }

    /// The name of the run.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Notes that a step's request is about to be sent; gives its number.
    ///
    /// # Errors
    /// When it cannot be written; then nothing should be sent.
    pub async fn record_request(&self, step: &Step, verb: Method) -> io::Result<u64> {
        let request = self.requests.fetch_add(1, Ordering::Relaxed) + 1;
        let line = JournalLine::Sending {
            request,
            at: super::clock::format_now(),
            object: RecordedObject::from_subject(&step.subject),
            action: step.action.as_str().to_owned(),
            method: verb.as_str().to_owned(),
            path: build_path_template(&step.subject.kind, step.action, verb),
            digest: self.recorder.digest_step(step),
            kept: Box::new(self.recorder.build_record(step)?),
        };
        self.append_line(&line, true)?.wait_until_written().await?;
        Ok(request)
    }

    /// The key of the run's digests.
    pub fn key(&self) -> Option<&[u8]> {
        self.recorder.key.as_ref().map(|key| key.as_slice())
    }

    /// The digest of an object as it was read.
    pub fn digest_object(&self, kind: &Kind, live: &Object) -> String {
        self.recorder.digest_object(kind, live)
    }

    /// Notes what came of a request, in the file before the object ends and on disk with that. Without the line it is
    /// a request of which no one knows what came, as it was a moment earlier.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn record_response(&self, request: u64, answer: RecordedResponse) -> io::Result<PendingLine> {
        self.append_line(&JournalLine::Answered { request, at: super::clock::format_now(), answer }, false)
    }

    /// Notes what became of an object.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn record_result(&self, ended: &StepOutcome) -> io::Result<PendingLine> {
        let line = JournalLine::Ended {
            object: RecordedObject::from_subject(&ended.subject),
            action: ended.action.map(|action| action.as_str().to_owned()),
            result: ended.status.as_str().to_owned(),
            attempts: ended.attempts,
            millis: ended.millis,
            id: format_open_id(&ended.subject),
            after: ended.after_digest.clone(),
        };
        self.append_line(&line, true)
    }

    /// Notes that every object has its result. Not for use inside a runtime, whose threads must not wait.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn complete_run(&self) -> io::Result<()> {
        self.append_and_wait(&JournalLine::Complete { at: super::clock::format_now() })
    }

    /// Notes which environments are verified. Not for use inside a runtime.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn record_verified(&self, environments: &[String]) -> io::Result<()> {
        let line = |environment: &String| JournalLine::Verified {
            at: super::clock::format_now(),
            environment: environment.clone(),
        };
        environments.iter().map(line).try_for_each(|line| self.append_and_wait(&line))
    }

    /// Notes that the run has its receipt. Not for use inside a runtime, whose threads must not wait.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish_run(&self) -> io::Result<()> {
        self.append_and_wait(&build_finish_line())
    }

    fn append_and_wait(&self, line: &JournalLine) -> io::Result<()> {
        flatten_result(self.append_line(line, true)?.0.blocking_recv())
    }

    fn append_line(&self, line: &JournalLine, certain: bool) -> io::Result<PendingLine> {
        Ok(PendingLine(self.writer.queue_line(encode_line(line)?, certain)))
    }
}

fn build_finish_line() -> JournalLine {
    JournalLine::Finish { at: super::clock::format_now() }
}

fn encode_line(line: &JournalLine) -> io::Result<Vec<u8>> {
    Ok(serde_json::to_vec(line)?)
}

impl RecordedObject {
    fn from_subject(subject: &PlanSubject) -> Self {
        Self {
            target: subject.target.to_string(),
            environment: subject.environment.as_deref().map(str::to_owned),
            kind: subject.kind.name.to_string(),
            name: subject.name.to_string(),
            file: subject.place.source.path.clone(),
            line: subject.place.find_line_column().0,
        }
    }
}

/// A file of its own; two runs may begin within one moment.
fn create_file(folder: &Path, now: &str) -> io::Result<(File, String)> {
    for number in 0..100 {
        let name = if number == 0 { now.to_owned() } else { format!("{now}-{number}") };
        let path = folder.join(format!("{name}.jsonl"));
        match private_options().append(true).create_new(true).open(path) {
            Ok(file) => return Ok((file, name)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::from(io::ErrorKind::AlreadyExists))
}

/// Says to other runs that this one is under way. Whoever reads journals holds them for a moment only.
fn lock_file(file: &File) -> io::Result<()> {
    match file.lock() {
        // without locks a run under way looks like one that was interrupted, and is reported
        Err(error) if error.kind() == io::ErrorKind::Unsupported => Ok(()),
        locked => locked,
    }
}

/// The path of a request as the kind has it, its parameters not filled in.
fn build_path_template(kind: &Kind, action: StepAction, verb: Method) -> String {
    let operations = &kind.operations;
    let writes = operations.list_updates().chain(&operations.replace);
    let path = match action {
        StepAction::Create => operations.create.as_ref().map(|write| write.path.clone()),
        StepAction::Delete => operations.delete.as_ref().map(|delete| delete.delete.clone()),
        // each of its parts is a step of its own
        StepAction::Replace => None,
        StepAction::Update => {
            writes.into_iter().find(|write| write.method == verb).map(|write| write.path.clone())
        }
    };
    path.unwrap_or_default()
}
