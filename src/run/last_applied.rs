//! What each object was last applied as, kept in `.trueup/ledger.jsonl`: the digest of every value that its
//! document named, and of what the service made of values that it did not keep.
//!
//! Without it no one can tell a document that was edited since from an object that was edited by hand. Keyed
//! digests, no values; the key is `TRUEUP_DIGEST_KEY`, else the one for records in `.trueup/key`. A record
//! under another key is no record. One digest of a whole document tells that nothing of it is new, so that an
//! apply costs what changed: a record is read when it is asked for, and a line is added for a new one.
//! Deliberately absent: what a difference means (`plan::cause`).

mod digest_export;

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

pub use self::digest_export::{DigestExport, DigestRecord};
use super::decide_create::APPEARS_LATER;
use super::fetch::ObjectJob;
use super::outcome::{OutcomeStatus, StepOutcome};
use crate::cores::map_parallel;
use crate::document::DocumentState;
use crate::kind::ComparisonRule;
use crate::plan::cause::digest_normalized;
use crate::plan::desired_digest::{DesiredDigest, DocumentDigester, encode_change_path};
use crate::plan::digest;
use crate::state::append_log::{AppendLog, RawLogValue};
use crate::state::file_lock::run_locked;
use crate::state::key_file::{KeyPurpose, load_or_create_key, read_key};
use crate::value::Value;

/// The file in `.trueup`.
pub const FILE: &str = "ledger.jsonl";

/// How many objects are worth a thread that looks for what is new.
const THREAD_BATCH_SIZE: usize = 500;
/// The record of an object that is gone.
const DELETED_RECORD: &str = "null";

/// What each object of a workspace was last applied as.
pub struct LastApplied {
    /// Empty until something is noted.
    key: Zeroizing<Vec<u8>>,
    /// What tells the key.
    key_digest: String,
    entries: AppendLog<RawLogValue>,
    /// What others said, by the name of the object; nothing for one that is gone.
    shared_entries: BTreeMap<String, Option<LastAppliedEntry>>,
}

/// One object.
#[derive(Serialize, Deserialize, Clone, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct LastAppliedEntry {
    /// A digest that tells the key.
    key: String,
    /// The digest of a document that asks this, when the service kept all of it; else empty.
    whole: String,
    /// When it was first applied as this, RFC 3339.
    pub at: String,
    pub requested: DesiredDigest,
    /// What the service has instead, by place.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub kept: BTreeMap<String, String>,
}

impl LastApplied {
    /// Opens the record in a workspace's `.trueup` folder; an absent one is empty.
    ///
    /// # Errors
    /// When a file is there and cannot be read.
    pub fn open(folder: &Path, key: Option<&str>) -> io::Result<Self> {
        let key = match key {
            Some(key) => Zeroizing::new(key.as_bytes().to_vec()),
            None => read_key(folder, KeyPurpose::Records)?.unwrap_or_default(),
        };
        Self::with_key(folder, key)
    }

    fn with_key(folder: &Path, key: Zeroizing<Vec<u8>>) -> io::Result<Self> {
        let digest_of_key = digest::digest_value(&Value::from_text(FILE), ComparisonRule::Exact, &key);
        let entries = AppendLog::open(&folder.join(FILE))?;
        Ok(Self { key, key_digest: digest_of_key, entries, shared_entries: BTreeMap::new() })
    }

    /// The key of its digests.
    pub fn key(&self) -> &[u8] {
        &self.key
    }

    /// What an object was last applied as.
    pub fn get(&self, target: &str, kind: &str, name: &str) -> Option<LastAppliedEntry> {
        let name = build_object_key(target, kind, name);
        self.shared_entries.get(&name).cloned().unwrap_or_else(|| self.parse_entry(&name))
    }

    /// Whether nothing was ever applied.
    pub fn is_empty(&self) -> bool {
        let own = format!("{{\"key\":\"{}\",", self.key_digest);
        let learned = self.shared_entries.values().any(Option::is_some);
        !learned && !self.entries.values().any(|entry| entry.0.starts_with(&own))
    }

    /// A record that cannot be read is none.
    fn parse_entry(&self, name: &str) -> Option<LastAppliedEntry> {
        let entry =
            self.entries.get(name).and_then(|entry| serde_json::from_str::<LastAppliedEntry>(&entry.0).ok());
        entry.filter(|entry| entry.key == self.key_digest)
    }

    /// Notes in a workspace's `.trueup` folder what an apply came to; on disk before it returns. Where `in_part`,
    /// what documents do not name stays.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn record_outcomes(
        folder: &Path,
        key: Option<&str>,
        outcomes: &[StepOutcome],
        jobs: &[ObjectJob],
        in_part: bool,
    ) -> io::Result<()> {
        run_locked(folder, || {
            let key = key.map_or_else(
                || load_or_create_key(folder, KeyPurpose::Records),
                |key| Ok(Zeroizing::new(key.as_bytes().to_vec())),
            )?;
            let (mut own, new) = Self::collect_updates(folder, key, outcomes, jobs, in_part)?;
            if new.is_empty() { Ok(()) } else { own.entries.append_values(new) }
        })
    }

    /// Whether there is anything to note of outcomes; looked up without writing.
    pub fn has_updates(
        folder: &Path,
        key: Option<&str>,
        outcomes: &[StepOutcome],
        jobs: &[ObjectJob],
    ) -> bool {
        let key = match key {
            Some(key) => Zeroizing::new(key.as_bytes().to_vec()),
            None => read_key(folder, KeyPurpose::Records).ok().flatten().unwrap_or_default(),
        };
        Self::collect_updates(folder, key, outcomes, jobs, false).map_or(true, |(_, new)| !new.is_empty())
    }

    fn collect_updates(
        folder: &Path,
        key: Zeroizing<Vec<u8>>,
        outcomes: &[StepOutcome],
        jobs: &[ObjectJob],
        in_part: bool,
    ) -> io::Result<(Self, Vec<(String, RawLogValue)>)> {
        let own = Self::with_key(folder, key)?;
        let stretches: Vec<&[StepOutcome]> = outcomes.chunks(THREAD_BATCH_SIZE).collect();
        let new = map_parallel(&stretches, |outcomes| {
            let mut whole = (!in_part).then(|| DocumentDigester::new(&own.key));
            let new = outcomes.iter().filter_map(|outcome| {
                own.build_update(outcome, jobs.get(outcome.subject.number)?, whole.as_mut())
            });
            new.collect::<Vec<_>>()
        });
        let new = new.into_iter().flatten().collect();
        Ok((own, new))
    }

    /// Notes that objects, by target, kind and name, are not managed any more.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn record_released(folder: &Path, objects: &[[&str; 3]]) -> io::Result<()> {
        run_locked(folder, || {
            let mut own = Self::with_key(folder, Zeroizing::default())?;
            let names = objects.iter().map(|[target, kind, name]| build_object_key(target, kind, name));
            let known: Vec<_> = names.filter(|name| own.entries.get(name).is_some()).collect();
            let gone = known.into_iter().map(|name| (name, RawLogValue(DELETED_RECORD.into())));
            own.entries.append_values(gone.collect())
        })
    }

    /// What is new of an object; `whole` is there where its document names all of it.
    fn build_update(
        &self,
        outcome: &StepOutcome,
        job: &ObjectJob,
        whole: Option<&mut DocumentDigester>,
    ) -> Option<(String, RawLogValue)> {
        let subject = &outcome.subject;
        let name = build_object_key(&subject.target, &subject.kind.name, &subject.name);
        let took = match outcome.status {
            OutcomeStatus::Done => true,
            // what does not show yet is as the run that wrote it left it
            OutcomeStatus::Unchanged => !outcome.findings.iter().any(|own| own.code == APPEARS_LATER),
            // it was written, and this is what came of it
            OutcomeStatus::Failed(_) | OutcomeStatus::Partial(_) => !outcome.lost_changes.is_empty(),
            _ => false,
        };
        if !took {
            return None;
        }
        if job.document.state != DocumentState::Present {
            let known = self.entries.get(&name).is_some_and(|entry| &*entry.0 != DELETED_RECORD);
            return known.then(|| (name, RawLogValue(DELETED_RECORD.into())));
        }
        let in_part = whole.is_none();
        let whole = whole
            .filter(|_| outcome.lost_changes.is_empty())
            .map(|whole| whole.digest_document(job.document));
        let whole = whole.unwrap_or_default();
        if !whole.is_empty() && self.is_unchanged(&name, &whole) {
            return None;
        }
        let entry = self.build_entry(outcome, job, self.parse_entry(&name), in_part, whole);
        let text = serde_json::to_string(&entry).ok()?;
        let same = self.entries.get(&name).is_some_and(|own| *own.0 == *text);
        (!same).then(|| (name, RawLogValue(text.into())))
    }

    /// Whether the record of an object is that of this document, by how it begins.
    fn is_unchanged(&self, name: &str, whole: &str) -> bool {
        let rest = self.entries.get(name).and_then(|entry| entry.0.strip_prefix("{\"key\":\""));
        let rest = rest.and_then(|rest| rest.strip_prefix(&*self.key_digest));
        let rest = rest.and_then(|rest| rest.strip_prefix("\",\"whole\":\""));
        rest.and_then(|rest| rest.strip_prefix(whole)).is_some_and(|rest| rest.starts_with('"'))
    }

    /// The record of an object; since when it is so stays where nothing else is new.
    fn build_entry(
        &self,
        outcome: &StepOutcome,
        job: &ObjectJob,
        own: Option<LastAppliedEntry>,
        in_part: bool,
        whole: String,
    ) -> LastAppliedEntry {
        let (kind, key) = (&outcome.subject.kind, &*self.key);
        let kept = outcome
            .lost_changes
            .iter()
            .map(|change| (encode_change_path(change, kind, key), digest_normalized(change, key)));
        let (requested, mut kept) =
            (DesiredDigest::from_document(job.document, key), kept.collect::<BTreeMap<_, _>>());
        let requested = match own.as_ref().filter(|_| in_part) {
            Some(own) => {
                own.kept.iter().for_each(|(place, digest)| {
                    kept.entry(place.clone()).or_insert_with(|| digest.clone());
                });
                own.requested.clone().merge_with(requested)
            }
            None => requested,
        };
        let same = own.filter(|own| own.requested == requested && own.kept == kept);
        let (at, known) =
            same.map_or_else(|| (super::clock::format_now(), String::new()), |own| (own.at, own.whole));
        let whole = if whole.is_empty() { known } else { whole };
        LastAppliedEntry { key: self.key_digest.clone(), whole, at, requested, kept }
    }
}

fn build_object_key(target: &str, kind: &str, name: &str) -> String {
    format!("{target} {kind} {name}")
}
