//! What a run is about to send and what came of it, line by line in `.trueup/journal/`, on disk before each
//! request and after it: so that a run that is killed leaves an account.
//!
//! Names, verbs, paths as the kind has them, digests, and of what is overwritten what may be kept (`undo`). The
//! file of a run under way is locked; one that is neither locked nor ended was cut off, and the next apply takes
//! it up.
//! Deliberately absent: what to do about it. Live objects are looked up anyway; this only tells.

mod pen;

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

use self::pen::{Noted, Pen, Sheet, outcome};
use super::facts::tail;
use super::memory::{make_folder, sync_folder};
use super::outcome::Outcome;
use super::turn::sweep;
use super::undo::{Entry, Keeper, Kept, id_of};
use crate::exchange::Verb;
use crate::kind::Kind;
use crate::plan::{Action, Step, Subject};
use crate::value::Object;

/// The version of the lines that are written here.
const FORMAT: u32 = 1;
/// The folder in `.trueup`.
const FOLDER: &str = "journal";
/// More bytes than the last line of a finished journal has.
const LAST_LINE: u64 = 256;
/// The most bytes of a journal that is read.
const MAX_BYTES: u64 = 256 << 20;

/// The journal of a run under way. Each line is on disk when its note is done.
pub struct Journal {
    pen: Pen,
    name: String,
    requests: AtomicU64,
    keeper: Keeper,
}

/// What is known of a run when it begins.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
pub struct Circumstances {
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
    pub targets: Vec<Spoken>,
}

/// A target as it was.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct Spoken {
    pub name: String,
    pub api: String,
    pub base_url: String,
}

/// One line.
#[derive(Serialize, Deserialize, Clone, Debug)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Line {
    Start {
        trueup_journal: u32,
        at: String,
        tool_version: String,
        #[serde(flatten)]
        of: Circumstances,
    },
    Sending {
        request: u64,
        at: String,
        object: Named,
        action: String,
        method: String,
        path: String,
        digest: String,
        #[serde(default)]
        kept: Box<Kept>,
    },
    Answered {
        request: u64,
        at: String,
        answer: Answer,
    },
    Ended {
        object: Named,
        action: Option<String>,
        result: String,
        attempts: u32,
        millis: u64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<String>,
    },
    Finish {
        at: String,
    },
}

/// Which object.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Named {
    pub target: String,
    pub kind: String,
    pub name: String,
    pub file: String,
    pub line: usize,
}

/// What came of a request.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// None when there was no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The service's own name for the exchange.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// How many times it was sent.
    pub attempts: u32,
    /// Whether it may have taken effect although nobody knows.
    pub unknown: bool,
}

/// One request of a run that was recorded.
#[derive(Clone, Debug)]
pub struct Sent {
    pub object: Named,
    pub action: String,
    pub method: String,
    pub path: String,
    pub digest: String,
    pub at: String,
    /// None when the run was cut off before it was known.
    pub answer: Option<Answer>,
    /// When that was.
    pub answered: Option<String>,
}

/// What became of one object of a run that was recorded.
#[derive(Clone, Debug)]
pub struct End {
    pub object: Named,
    pub action: Option<String>,
    /// The word of its [`super::outcome::Ending`].
    pub result: String,
    pub attempts: u32,
    pub millis: u64,
}

/// A run as its journal tells it.
#[derive(Clone, Debug, Default)]
pub struct Account {
    /// The name of its files, which is when it began.
    pub name: String,
    pub started: String,
    pub ended: Option<String>,
    pub of: Circumstances,
    pub sent: Vec<Sent>,
    pub ends: Vec<End>,
    /// The objects that were written to, in the order in which they first were.
    pub objects: Vec<Entry>,
}

impl Account {
    /// Objects that were written, of which the run did not come to know what they are now.
    pub fn open(&self) -> Vec<&Sent> {
        let ended = |sent: &&Sent| self.ends.iter().any(|end| end.object == sent.object);
        let mut open: Vec<&Sent> = self.sent.iter().filter(|sent| !ended(sent)).collect();
        open.reverse();
        open.dedup_by(|a, b| a.object == b.object);
        open.reverse();
        open
    }
}

/// A line on its way.
pub struct Pending(Noted);

impl Pending {
    /// Waits until it is there.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn done(self) -> io::Result<()> {
        outcome(self.0.await)
    }
}

impl Journal {
    /// Begins the journal of a run; on disk before it returns.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn begin(folder: &Path, of: Circumstances, keeper: Keeper) -> io::Result<Self> {
        make_folder(folder)?;
        [folder.to_owned(), folder.join(super::receipt::FOLDER)].iter().for_each(|folder| sweep(folder));
        let folder = folder.join(FOLDER);
        std::fs::create_dir_all(&folder)?;
        let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H-%M-%S%.3f").to_string();
        let (file, name) = create(&folder, &now)?;
        hold(&file)?;
        sync_folder(&folder)?;
        let mut sheet = Sheet { file, torn: false };
        let start = Line::Start {
            trueup_journal: FORMAT,
            at: super::now(),
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            of,
        };
        sheet.put(std::iter::once(text(&start)?.as_slice()))?;
        Ok(Self { pen: Pen::new(sheet)?, name, requests: AtomicU64::new(0), keeper })
    }

    /// The name of the run.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Notes that a step's request is about to be sent; gives its number.
    ///
    /// # Errors
    /// When it cannot be written; then nothing should be sent.
    pub async fn sending(&self, step: &Step, verb: Verb) -> io::Result<u64> {
        let request = self.requests.fetch_add(1, Ordering::Relaxed) + 1;
        let line = Line::Sending {
            request,
            at: super::now(),
            object: Named::of(&step.subject),
            action: step.action.word().to_owned(),
            method: verb.word().to_owned(),
            path: template(&step.subject.kind, step.action, verb),
            digest: self.keeper.sent(step),
            kept: Box::new(self.keeper.keep(step)?),
        };
        self.note(&line, true)?.done().await?;
        Ok(request)
    }

    /// The key of the run's digests.
    pub fn key(&self) -> Option<&[u8]> {
        self.keeper.key.as_ref().map(|key| key.as_slice())
    }

    /// The digest of an object as it was read.
    pub fn digest(&self, kind: &Kind, live: &Object) -> String {
        self.keeper.digest(kind, live)
    }

    /// Notes what came of a request, in the file before the object ends and on disk with that. Without the line it is
    /// a request of which nobody knows what came, as it was a moment earlier.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn answered(&self, request: u64, answer: Answer) -> io::Result<Pending> {
        self.note(&Line::Answered { request, at: super::now(), answer }, false)
    }

    /// Notes what became of an object.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn ended(&self, ended: &Outcome) -> io::Result<Pending> {
        let line = Line::Ended {
            object: Named::of(&ended.subject),
            action: ended.action.map(|action| action.word().to_owned()),
            result: ended.ending.word().to_owned(),
            attempts: ended.attempts,
            millis: ended.millis,
            id: id_of(&ended.subject),
            after: ended.after.clone(),
        };
        self.note(&line, true)
    }

    /// Notes that the run is over. Not for use inside a runtime, whose threads must not wait.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(&self) -> io::Result<()> {
        outcome(self.note(&finished(), true)?.0.blocking_recv())
    }

    fn note(&self, line: &Line, certain: bool) -> io::Result<Pending> {
        Ok(Pending(self.pen.note(text(line)?, certain)))
    }
}

fn finished() -> Line {
    Line::Finish { at: super::now() }
}

fn text(line: &Line) -> io::Result<Vec<u8>> {
    Ok(serde_json::to_vec(line)?)
}

impl Named {
    fn of(subject: &Subject) -> Self {
        Self {
            target: subject.target.to_string(),
            kind: subject.kind.name.to_string(),
            name: subject.name.to_string(),
            file: subject.place.source.path.clone(),
            line: subject.place.line_column().0,
        }
    }
}

/// A file of its own; two runs may begin within one moment.
fn create(folder: &Path, now: &str) -> io::Result<(File, String)> {
    for number in 0..100 {
        let name = if number == 0 { now.to_owned() } else { format!("{now}-{number}") };
        let path = folder.join(format!("{name}.jsonl"));
        match OpenOptions::new().append(true).create_new(true).open(path) {
            Ok(file) => return Ok((file, name)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::from(io::ErrorKind::AlreadyExists))
}

/// Says to other runs that this one is under way. Whoever reads journals holds them for a moment only.
fn hold(file: &File) -> io::Result<()> {
    match file.lock() {
        // without locks a run under way looks like one that was cut off, and is told
        Err(error) if error.kind() == io::ErrorKind::Unsupported => Ok(()),
        locked => locked,
    }
}

/// The path of a request as the kind has it, its parameters not filled in.
fn template(kind: &Kind, action: Action, verb: Verb) -> String {
    let operations = &kind.operations;
    let writes = [&operations.update, &operations.replace];
    let path = match action {
        Action::Create => operations.create.as_ref().map(|write| write.path.clone()),
        Action::Delete => operations.delete.as_ref().map(|delete| delete.delete.clone()),
        Action::Update => {
            writes.into_iter().flatten().find(|write| write.verb == verb).map(|write| write.path.clone())
        }
    };
    path.unwrap_or_default()
}

/// Runs that were cut off: neither ended nor under way. Oldest first.
///
/// # Errors
/// When a journal is there and cannot be read.
pub fn unfinished(folder: &Path) -> io::Result<Vec<Account>> {
    let mut found = Vec::new();
    for path in files(&folder.join(FOLDER))? {
        let mut file = open(&path)?;
        match file.try_lock_shared() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => continue,
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {}
            Err(TryLockError::Error(error)) => return Err(error),
        }
        if is_finished(&mut file)? {
            continue;
        }
        let account = read(&file, &path)?;
        if account.ended.is_none() {
            found.push(account);
        }
    }
    Ok(found)
}

/// Whether the last line says so, which spares reading the others.
fn is_finished(file: &mut File) -> io::Result<bool> {
    let (_, tail) = tail(file, LAST_LINE)?;
    file.rewind()?;
    let text = String::from_utf8_lossy(&tail);
    let last = text.lines().next_back().map(serde_json::from_str);
    Ok(matches!(last, Some(Ok(Line::Finish { .. }))))
}

/// Some network file systems lock only what may be written, which not everybody who reads may.
fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).append(true).open(path).or_else(|_| File::open(path))
}

/// Notes that a run that was cut off has been taken up.
///
/// # Errors
/// When it cannot be written.
pub fn take_up(folder: &Path, account: &Account) -> io::Result<()> {
    let path = folder.join(FOLDER).join(format!("{}.jsonl", account.name));
    let file = OpenOptions::new().append(true).open(path)?;
    // the last line may have been cut off
    let mut sheet = Sheet { file, torn: true };
    sheet.put(std::iter::once(text(&finished())?.as_slice()))
}

fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "jsonl") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn read(file: &File, path: &Path) -> io::Result<Account> {
    let mut bytes = Vec::new();
    file.take(MAX_BYTES).read_to_end(&mut bytes)?;
    let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let account = account(name, &String::from_utf8_lossy(&bytes));
    // cut off before its first line was whole: nothing was sent
    Ok(account.unwrap_or_else(|| Account { ended: Some(String::new()), ..Account::default() }))
}

/// A run as the text of its journal tells it; a line that was cut off is passed over. Nothing when the text is
/// no journal.
pub fn account(name: String, told: &str) -> Option<Account> {
    let mut lines = told.lines().filter_map(|line| serde_json::from_str::<Line>(line).ok());
    let Some(Line::Start { at, of, trueup_journal: FORMAT, .. }) = lines.next() else { return None };
    let mut account = Account { name, started: at, of, ..Account::default() };
    let mut sent: BTreeMap<u64, Sent> = BTreeMap::new();
    let mut objects = Objects::default();
    for line in lines {
        match line {
            Line::Sending { request, at, object, action, method, path, digest, kept } => {
                objects.keep(&object, &action, *kept);
                let one = Sent { object, action, method, path, digest, at, answer: None, answered: None };
                sent.insert(request, one);
            }
            Line::Answered { request, answer, at } => {
                if let Some(sent) = sent.get_mut(&request) {
                    (sent.answer, sent.answered) = (Some(answer), Some(at));
                }
            }
            Line::Ended { object, action, result, attempts, millis, id, after } => {
                if let Some(own) = objects.get(&object) {
                    (own.id, own.after) = (id.or(own.id.take()), after);
                }
                account.ends.push(End { object, action, result, attempts, millis });
            }
            Line::Finish { at } => account.ended = Some(at),
            Line::Start { .. } => {}
        }
    }
    account.sent = sent.into_values().collect();
    account.objects = objects.all;
    Some(account)
}

/// The objects of a run, each found by its name.
#[derive(Default)]
struct Objects {
    all: Vec<Entry>,
    at: BTreeMap<Named, usize>,
}

impl Objects {
    fn get(&mut self, object: &Named) -> Option<&mut Entry> {
        self.at.get(object).and_then(|at| self.all.get_mut(*at))
    }

    fn keep(&mut self, object: &Named, action: &str, kept: Kept) {
        match self.get(object) {
            Some(own) => own.then(kept),
            None => {
                self.at.insert(object.clone(), self.all.len());
                let named = (&*object.target, &*object.kind, &*object.name);
                self.all.push(Entry::new(named, action, kept));
            }
        }
    }
}
