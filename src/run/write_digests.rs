//! What was last written where the service does not show it: secrets that read back masked, addresses that
//! wait for verification. Kept as keyed digests in the workspace's `.trueup/written.jsonl`, never as values.
//!
//! The key stays on this machine (`.trueup/key`) or comes from `TRUEUP_DIGEST_KEY`; without it a digest says
//! nothing, so that not even a four-digit PIN can be guessed from the file.

mod written_export;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path as FilePath, PathBuf};
use std::sync::{Mutex, PoisonError};

use hmac::{Hmac, Mac};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use zeroize::Zeroizing;

pub use self::written_export::{WrittenDigest, WrittenObjectKey};
use super::clock::RunClock;
use crate::kind::ScalarType;
use crate::plan::{PlanSubject, WriteComparison, WriteHistory, WriteTime};
use crate::state::append_log::AppendLog;
use crate::state::file_lock::run_locked;
use crate::state::key_file::{KeyPurpose, load_or_create_key, load_or_create_key_locked, read_key};
use crate::value::{PathSegment, Value, ValuePath};

/// The name of the file in `.trueup`.
pub const FILE: &str = "written.jsonl";
/// The seconds of a day.
const SECONDS_PER_DAY: i64 = 24 * 60 * 60;

/// The memory of one workspace.
pub struct WriteDigests {
    folder: PathBuf,
    /// None until something has to be remembered or compared.
    key: Zeroizing<Vec<u8>>,
    entries: AppendLog<WriteDigestEntry>,
    /// What services answered to have taken and no look has proved yet; it is not on disk.
    assumed: BTreeMap<String, WriteDigestEntry>,
    /// What other machines wrote, under the same key; it is not on disk.
    shared: BTreeMap<String, WriteDigestEntry>,
    clock: RunClock,
}

/// One remembered value.
#[derive(Serialize, Deserialize, Clone)]
struct WriteDigestEntry {
    /// Empty when no write is known to have been taken.
    digest: String,
    /// When it was written, RFC 3339.
    at: String,
    /// Another value was sent since, and no one knows whether it was taken: until when it may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unknown_until: Option<Timestamp>,
    /// Until when a value of unknown outcome that was sent before this one may be taken over it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    doubtful_until: Option<Timestamp>,
    /// Until when another copy of the request that sent this value may be carried out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    repeated_until: Option<Timestamp>,
}

impl WriteDigestEntry {
    /// Whether another value may be live, now or soon. It is written once more until the time is over.
    fn is_doubtful(&self) -> bool {
        self.unknown_until.is_some() || self.doubtful_until.is_some()
    }
}

/// Values of one object, by their paths.
pub type ObjectValues<'v> = (&'v PlanSubject, &'v [(ValuePath, Value)]);

impl WriteDigests {
    /// A memory of nothing, for questions that must not depend on what this machine wrote before.
    pub fn new_in_memory() -> Self {
        Self {
            folder: PathBuf::new(),
            key: Zeroizing::default(),
            entries: AppendLog::new_in_memory(),
            assumed: BTreeMap::new(),
            shared: BTreeMap::new(),
            clock: RunClock::start(),
        }
    }

    /// Opens the memory in a workspace's `.trueup` folder; an absent one is empty.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn open(folder: &FilePath, key: Option<&str>) -> io::Result<Self> {
        let key = match key {
            Some(key) => Zeroizing::new(key.as_bytes().to_vec()),
            None => read_key(folder, KeyPurpose::Digests)?.unwrap_or_default(),
        };
        let entries = AppendLog::open(&folder.join(FILE))?;
        let clock = RunClock::start();
        let (assumed, shared) = (BTreeMap::new(), BTreeMap::new());
        Ok(Self { folder: folder.to_owned(), key, entries, assumed, shared, clock })
    }

    /// Marks that these values are about to be sent: until the outcome is known, neither they nor those before
    /// them are the last written ones. On disk before it returns.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn mark_sent(
        &mut self,
        subject: &PlanSubject,
        values: &[(ValuePath, Value)],
        until: Timestamp,
    ) -> io::Result<()> {
        // where nothing is known, a clear whose outcome is unknown adds nothing
        let is_news = |(path, value): &&(ValuePath, Value)| {
            !value.is_blank() || self.find_recorded(&build_key(subject, path)).is_some()
        };
        let values: Vec<_> = values.iter().filter(is_news).cloned().collect();
        self.append_entries(&[(subject, &values)], |own, sent| {
            let own = own.unwrap_or(WriteDigestEntry { digest: String::new(), ..sent });
            let doubtful_until = own.unknown_until.max(own.doubtful_until).max(own.repeated_until);
            WriteDigestEntry { unknown_until: Some(until), doubtful_until, ..own }
        })
    }

    /// Until when it is unknown which value is live at a path; a time in the past where no one has looked since.
    pub fn find_unknown_until(&self, subject: &PlanSubject, path: &ValuePath) -> Option<Timestamp> {
        let entry = self.find_entry(&build_key(subject, path))?;
        entry.unknown_until.max(entry.doubtful_until)
    }

    /// The request that sent these values was repeated: an earlier copy of it may be carried out later.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn mark_repeated(
        &mut self,
        subject: &PlanSubject,
        values: &[(ValuePath, Value)],
        until: Timestamp,
    ) -> io::Result<()> {
        self.append_entries(&[(subject, values)], |own, sent| WriteDigestEntry {
            repeated_until: Some(until),
            ..own.unwrap_or(sent)
        })
    }

    /// The values were surely not taken: those before them are the last written ones again.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn restore_values(&mut self, subject: &PlanSubject, values: &[(ValuePath, Value)]) -> io::Result<()> {
        self.append_entries(&[(subject, values)], |own, sent| WriteDigestEntry {
            unknown_until: None,
            ..own.unwrap_or(WriteDigestEntry { digest: String::new(), ..sent })
        })
    }

    /// From now on these values count as written in this run, as the service answered; on disk they are as before
    /// until a look has proved it.
    ///
    /// # Errors
    /// When there is no key and none can be made.
    pub fn assume_written(&mut self, objects: &[ObjectValues]) -> io::Result<()> {
        if objects.iter().all(|(_, values)| values.is_empty()) {
            return Ok(());
        }
        if self.key.is_empty() {
            let folder = self.folder.clone();
            run_locked(&folder, || self.load_own_key())?;
        }
        let entries = self.build_entries(objects, |_, sent| sent);
        self.assumed.extend(entries);
        Ok(())
    }

    /// The request with these values was answered, and no one knows how it ended: it is not carried out later.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn mark_answered(&mut self, subject: &PlanSubject, values: &[(ValuePath, Value)]) -> io::Result<()> {
        let now = self.clock.now();
        self.append_entries(&[(subject, values)], |own, sent| WriteDigestEntry {
            unknown_until: Some(now),
            ..own.unwrap_or(WriteDigestEntry { digest: String::new(), ..sent })
        })
    }

    /// A look showed that the write with these values was not kept, whatever was answered: on disk they are those of
    /// a request of unknown outcome.
    pub fn drop_assumed(&mut self, subject: &PlanSubject, values: &[(ValuePath, Value)]) {
        values.iter().for_each(|(path, _)| drop(self.assumed.remove(&build_key(subject, path))));
    }

    /// Records what was written at these paths of one object, on disk before it returns.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn record_values(&mut self, subject: &PlanSubject, values: &[(ValuePath, Value)]) -> io::Result<()> {
        self.record_all(&[(subject, values)])
    }

    /// Records what was written, or seen, at these paths of several objects, on disk before it returns.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn record_all(&mut self, objects: &[ObjectValues]) -> io::Result<()> {
        let now = self.clock.now();
        self.append_entries(objects, |own, sent| {
            let doubtful_until = own.and_then(|own| own.doubtful_until).filter(|until| *until > now);
            WriteDigestEntry { doubtful_until, ..sent }
        })
    }

    /// Appends what `choose` makes of the entry that is there and the one of the value that is sent.
    fn append_entries(
        &mut self,
        objects: &[ObjectValues],
        choose: impl Fn(Option<WriteDigestEntry>, WriteDigestEntry) -> WriteDigestEntry,
    ) -> io::Result<()> {
        if objects.iter().all(|(_, values)| values.is_empty()) {
            return Ok(());
        }
        let folder = self.folder.clone();
        run_locked(&folder, || {
            self.load_own_key()?;
            let entries = self.build_entries(objects, choose);
            entries.iter().for_each(|(name, _)| drop(self.assumed.remove(name)));
            self.entries.append_values(entries)
        })
    }

    fn load_own_key(&mut self) -> io::Result<()> {
        if self.key.is_empty() {
            self.key = load_or_create_key(&self.folder, KeyPurpose::Digests)?;
        }
        Ok(())
    }

    fn build_entries(
        &self,
        objects: &[ObjectValues],
        choose: impl Fn(Option<WriteDigestEntry>, WriteDigestEntry) -> WriteDigestEntry,
    ) -> Vec<(String, WriteDigestEntry)> {
        let at = super::clock::format_now();
        let mut entries = Vec::new();
        for (subject, values) in objects {
            for (path, value) in *values {
                let name = build_key(subject, path);
                let digest = compute_digest(&self.key, &name, value, subject);
                let sent = WriteDigestEntry {
                    digest,
                    at: at.clone(),
                    unknown_until: None,
                    doubtful_until: None,
                    repeated_until: None,
                };
                let entry = choose(self.find_recorded(&name).cloned(), sent);
                entries.push((name, entry));
            }
        }
        entries
    }

    fn find_entry(&self, name: &str) -> Option<&WriteDigestEntry> {
        self.assumed.get(name).or_else(|| self.find_recorded(name))
    }

    /// What this workspace recorded, or another machine later.
    fn find_recorded(&self, name: &str) -> Option<&WriteDigestEntry> {
        match (self.entries.get(name), self.shared.get(name)) {
            (Some(own), Some(shared)) if own.at < shared.at => Some(shared),
            (own, shared) => own.or(shared),
        }
    }
}

impl WriteHistory for WriteDigests {
    fn compare_last_written(
        &self,
        subject: &PlanSubject,
        path: &ValuePath,
        value: &Value,
    ) -> WriteComparison {
        let name = build_key(subject, path);
        match self.find_entry(&name) {
            None => WriteComparison::NeverWritten,
            Some(entry) if entry.is_doubtful() => WriteComparison::Differs,
            Some(entry) if entry.digest.is_empty() => WriteComparison::NeverWritten,
            Some(entry) if entry.digest == compute_digest(&self.key, &name, value, subject) => {
                WriteComparison::Same
            }
            Some(_) => WriteComparison::Differs,
        }
    }

    fn find_last_write(&self, subject: &PlanSubject, path: &ValuePath) -> Option<WriteTime> {
        let at = self.find_entry(&build_key(subject, path))?.at.clone();
        let seconds = at.parse::<jiff::Timestamp>().ok()?.as_second();
        let days = crate::state::system_time::read_system_time().as_second().saturating_sub(seconds)
            / SECONDS_PER_DAY;
        Some(WriteTime { written_at: at, age_days: days.try_into().unwrap_or(0) })
    }
}

/// Asked from several threads at once.
impl WriteHistory for Mutex<WriteDigests> {
    fn compare_last_written(
        &self,
        subject: &PlanSubject,
        path: &ValuePath,
        value: &Value,
    ) -> WriteComparison {
        self.lock().unwrap_or_else(PoisonError::into_inner).compare_last_written(subject, path, value)
    }

    fn find_last_write(&self, subject: &PlanSubject, path: &ValuePath) -> Option<WriteTime> {
        self.lock().unwrap_or_else(PoisonError::into_inner).find_last_write(subject, path)
    }
}

/// The name under which a value is remembered. Items stand by their open key leaves, so that a reordered list
/// keeps its memory.
fn build_key(subject: &PlanSubject, path: &ValuePath) -> String {
    let id = subject.id.as_ref().map(|id| ScalarType::render_url_text(id, &subject.kind.api));
    let id = id.unwrap_or_else(|| format!("name:{}", subject.name));
    let mut name = format!("{}/{}/{id}#", subject.target, subject.kind.name);
    for segment in &path.0 {
        name.push('/');
        match segment {
            PathSegment::Field(field) => name.push_str(field),
            PathSegment::Key(key, crate::value::Sensitivity::Public) => name.push_str(key),
            PathSegment::Key(..) => name.push('*'),
            PathSegment::Item { index, key } => {
                let open =
                    key.iter().filter(|scalar| scalar.sensitivity == crate::value::Sensitivity::Public);
                let key: Vec<String> = open
                    .map(|scalar| ScalarType::render_url_text(&scalar.value, &subject.kind.api))
                    .collect();
                if key.is_empty() {
                    name.push_str(&index.to_string());
                } else {
                    name.push_str(&key.join(","));
                }
            }
        }
    }
    name
}

fn compute_digest(key: &[u8], place: &str, value: &Value, subject: &PlanSubject) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return String::new() };
    mac.update(place.as_bytes());
    mac.update(&[0]);
    mac.update(ScalarType::render_url_text(value, &subject.kind.api).as_bytes());
    mac.finalize().into_bytes().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// The key of a workspace's memory, made where there is none.
///
/// # Errors
/// When the folder cannot be written.
pub fn load_key(folder: &FilePath) -> io::Result<Zeroizing<Vec<u8>>> {
    load_or_create_key_locked(folder, KeyPurpose::Digests)
}

/// A digest of a value for its place in a document, whatever id the object has by now.
pub fn digest_secret(key: &[u8], subject: &PlanSubject, path: &ValuePath, value: &Value) -> String {
    compute_digest(key, &build_key(&PlanSubject { id: None, ..subject.clone() }, path), value, subject)
}
