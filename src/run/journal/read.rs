//! What journals tell of runs: of those that were cut off, and of one that is shown or gets its receipt.
//!
//! A line that was cut off is passed over. Deliberately absent: what is written while a run is under way.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};

use super::{
    FOLDER, FORMAT, JournalLine, RecordedObject, RecordedRequest, RecordedResult, RecordedRun,
    build_finish_line, encode_line,
};
use crate::run::undo::{UndoRecord, WrittenObject};
use crate::state::append_log::read_tail;
use crate::state::journal_writer::JournalBatch;

/// More bytes than the last line of a finished journal has.
const MAX_LAST_LINE: u64 = 256;
/// The most bytes of a journal that is read.
const MAX_BYTES: u64 = 256 << 20;

/// Runs that are not under way and whose journal is not closed: they were cut off, or have no receipt. Oldest first.
///
/// # Errors
/// When a journal is there and cannot be read.
pub fn find_unfinished_runs(folder: &Path) -> io::Result<Vec<RecordedRun>> {
    let mut found = Vec::new();
    for path in list_files(&folder.join(FOLDER))? {
        let mut file = open_file(&path)?;
        match file.try_lock_shared() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => continue,
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {}
            Err(TryLockError::Error(error)) => return Err(error),
        }
        if is_finished(&mut file)? {
            continue;
        }
        let account = read_run(&file, &path)?;
        if !account.is_closed {
            found.push(account);
        }
    }
    Ok(found)
}

/// Whether the last line says so, which spares reading the others.
fn is_finished(file: &mut File) -> io::Result<bool> {
    let (_, tail) = read_tail(file, MAX_LAST_LINE)?;
    file.rewind()?;
    let text = String::from_utf8_lossy(&tail);
    let last = text.lines().next_back().map(serde_json::from_str);
    Ok(matches!(last, Some(Ok(JournalLine::Finish { .. }))))
}

/// Some network file systems lock only what may be written, which not everybody who reads may.
fn open_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).append(true).open(path).or_else(|_| File::open(path))
}

/// Notes that a run has been taken up that was interrupted, or had no receipt.
///
/// # Errors
/// When it cannot be written.
pub fn close_interrupted_run(folder: &Path, account: &RecordedRun) -> io::Result<()> {
    let path = folder.join(FOLDER).join(format!("{}.jsonl", account.name));
    let file = OpenOptions::new().append(true).open(path)?;
    // the last line may be incomplete
    let mut batch = JournalBatch { file, torn: true };
    batch.write_durably(std::iter::once(encode_line(&build_finish_line())?.as_slice()))
}

fn list_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
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

fn read_run(file: &File, path: &Path) -> io::Result<RecordedRun> {
    let mut bytes = Vec::new();
    file.take(MAX_BYTES).read_to_end(&mut bytes)?;
    let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let account = parse_run(name, &String::from_utf8_lossy(&bytes));
    // cut off before its first line was whole: nothing was sent
    Ok(account.unwrap_or_else(|| RecordedRun { is_closed: true, ..RecordedRun::default() }))
}

/// A run as the text of its journal tells it; a line that was interrupted is passed over. Nothing when the text is
/// no journal.
pub fn parse_run(name: String, said: &str) -> Option<RecordedRun> {
    let mut lines = said.lines().filter_map(|line| serde_json::from_str::<JournalLine>(line).ok());
    let Some(JournalLine::Start { at, of, trueup_journal: FORMAT, .. }) = lines.next() else { return None };
    let mut account = RecordedRun { name, started: at, context: of, ..RecordedRun::default() };
    let mut sent: BTreeMap<u64, RecordedRequest> = BTreeMap::new();
    let mut objects = RecordedObjects::default();
    for line in lines {
        match line {
            JournalLine::Sending { request, at, object, action, method, path, digest, kept } => {
                objects.add_record(&object, &action, *kept);
                let one = RecordedRequest {
                    object,
                    action,
                    method,
                    path,
                    digest,
                    at,
                    response: None,
                    answered_at: None,
                };
                sent.insert(request, one);
            }
            JournalLine::Answered { request, answer, at } => {
                if let Some(sent) = sent.get_mut(&request) {
                    (sent.response, sent.answered_at) = (Some(answer), Some(at));
                }
            }
            JournalLine::Ended { object, action, result, attempts, millis, id, after } => {
                if let Some(own) = objects.get(&object) {
                    (own.id, own.after) = (id.or(own.id.take()), after);
                }
                account.results.push(RecordedResult { object, action, result, attempts, millis });
            }
            JournalLine::Complete { at } => account.ended = Some(at),
            JournalLine::Verified { environment, .. } => account.verified.push(environment),
            JournalLine::Finish { at } => {
                account.is_closed = true;
                account.ended.get_or_insert(at);
            }
            JournalLine::Start { .. } => {}
        }
    }
    account.requests = sent.into_values().collect();
    account.objects = objects.objects;
    Some(account)
}

/// The objects of a run, each found by its name.
#[derive(Default)]
struct RecordedObjects {
    objects: Vec<WrittenObject>,
    positions: BTreeMap<RecordedObject, usize>,
}

impl RecordedObjects {
    fn get(&mut self, object: &RecordedObject) -> Option<&mut WrittenObject> {
        self.positions.get(object).and_then(|at| self.objects.get_mut(*at))
    }

    fn add_record(&mut self, object: &RecordedObject, action: &str, kept: UndoRecord) {
        match self.get(object) {
            Some(own) => {
                own.note_action(action);
                own.merge_record(kept);
            }
            None => {
                self.positions.insert(object.clone(), self.objects.len());
                let (target, kind) = (&object.target, &object.kind);
                self.objects.push(WrittenObject::new(target, kind, &object.name, action, kept));
            }
        }
    }
}
