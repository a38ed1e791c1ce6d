//! What each object was last applied as, kept in `.trueup/ledger.jsonl`: the digest of every leaf that its
//! document named, and of what the service made of leaves that it did not keep.
//!
//! Without it nobody can tell a document that was edited since from an object that was edited by hand. Keyed
//! digests, no values; the key is `TRUEUP_DIGEST_KEY`, else the ledger's own in `.trueup/ledger.key`. A record
//! under another key is no record. One digest of a whole document tells that nothing of it is new, so that an
//! apply costs what changed: a record is read when it is asked for, and a line is added for a new one.
//! Deliberately absent: what a difference means (`plan::cause`).

mod notes;

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

pub use self::notes::{Note, Notes};
use super::facts::{Facts, Unread};
use super::gather::Job;
use super::memory::{own_key, read_if_there};
use super::outcome::{Ending, Outcome};
use super::turn::in_turn;
use crate::cores::on_every_core;
use crate::document::State;
use crate::kind::Compare;
use crate::plan::asked::{Asked, Whole, place};
use crate::plan::cause::kept_digest;
use crate::plan::digest;
use crate::value::Value;

/// The file in `.trueup`, and that with its key.
pub const FILE: &str = "ledger.jsonl";
const KEY: &str = "ledger.key";

/// How many objects are worth a thread that looks for what is new.
const WORTH_A_THREAD: usize = 500;
/// The record of an object that is gone.
const GONE: &str = "null";

/// What each object of a workspace was last applied as.
pub struct Ledger {
    /// Empty until something is noted.
    key: Zeroizing<Vec<u8>>,
    /// What tells the key.
    told: String,
    entries: Facts<Unread>,
    /// What others told, by the name of the object; nothing for one that is gone.
    learned: BTreeMap<String, Option<Entry>>,
}

/// One object.
#[derive(Serialize, Deserialize, Clone, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// A digest that tells the key.
    key: String,
    /// The digest of a document that asks this, when the service kept all of it; else empty.
    whole: String,
    /// When it was first applied as this, RFC 3339.
    pub at: String,
    pub asked: Asked,
    /// What the service has instead, by place.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub kept: BTreeMap<String, String>,
}

impl Ledger {
    /// Opens the record in a workspace's `.trueup` folder; an absent one is empty.
    ///
    /// # Errors
    /// When a file is there and cannot be read.
    pub fn open(folder: &Path, key: Option<&str>) -> io::Result<Self> {
        let key = match key {
            Some(key) => key.as_bytes().to_vec(),
            None => read_if_there(&folder.join(KEY))?.unwrap_or_default(),
        };
        Self::under(folder, key)
    }

    fn under(folder: &Path, key: Vec<u8>) -> io::Result<Self> {
        let told = digest::value(&Value::text(FILE), Compare::Exact, &key);
        let entries = Facts::open(&folder.join(FILE))?;
        Ok(Self { key: Zeroizing::new(key), told, entries, learned: BTreeMap::new() })
    }

    /// The key of its digests.
    pub fn key(&self) -> &[u8] {
        &self.key
    }

    /// What an object was last applied as.
    pub fn get(&self, target: &str, kind: &str, name: &str) -> Option<Entry> {
        let name = name_of(target, kind, name);
        self.learned.get(&name).cloned().unwrap_or_else(|| self.named(&name))
    }

    /// Whether nothing was ever applied.
    pub fn is_empty(&self) -> bool {
        let own = format!("{{\"key\":\"{}\",", self.told);
        let learned = self.learned.values().any(Option::is_some);
        !learned && !self.entries.all().any(|entry| entry.0.starts_with(&own))
    }

    /// A record that cannot be read is none.
    fn named(&self, name: &str) -> Option<Entry> {
        let entry = self.entries.get(name).and_then(|entry| serde_json::from_str::<Entry>(&entry.0).ok());
        entry.filter(|entry| entry.key == self.told)
    }

    /// Notes in a workspace's `.trueup` folder what an apply came to; on disk before it returns. Where `in_part`,
    /// what documents do not name stays.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn settle(
        (folder, key): (&Path, Option<&str>),
        outcomes: &[Outcome],
        jobs: &[Job],
        in_part: bool,
    ) -> io::Result<()> {
        in_turn(folder, || {
            let key = key.map_or_else(|| own_key(folder, KEY), |key| Ok(key.as_bytes().to_vec()))?;
            let mut own = Self::under(folder, key)?;
            let stretches: Vec<&[Outcome]> = outcomes.chunks(WORTH_A_THREAD).collect();
            let new = on_every_core(&stretches, |outcomes| {
                let mut whole = (!in_part).then(|| Whole::new(&own.key));
                let new = outcomes.iter().filter_map(|outcome| {
                    own.noted(outcome, jobs.get(outcome.subject.number)?, whole.as_mut())
                });
                new.collect::<Vec<_>>()
            });
            let new: Vec<_> = new.into_iter().flatten().collect();
            if new.is_empty() { Ok(()) } else { own.entries.put(new) }
        })
    }

    /// What is new of an object; `whole` is there where its document names all of it.
    fn noted(&self, outcome: &Outcome, job: &Job, whole: Option<&mut Whole>) -> Option<(String, Unread)> {
        let subject = &outcome.subject;
        let name = name_of(&subject.target, &subject.kind.name, &subject.name);
        let took = match outcome.ending {
            Ending::Done | Ending::Unchanged => true,
            // it was written, and this is what came of it
            Ending::Failed(_) => !outcome.lost.is_empty(),
            _ => false,
        };
        if !took {
            return None;
        }
        if job.document.state == State::Absent {
            let known = self.entries.get(&name).is_some_and(|entry| &*entry.0 != GONE);
            return known.then(|| (name, Unread(GONE.into())));
        }
        let in_part = whole.is_none();
        let whole = whole.filter(|_| outcome.lost.is_empty()).map(|whole| whole.of(job.document));
        let whole = whole.unwrap_or_default();
        if !whole.is_empty() && self.is_as_it_was(&name, &whole) {
            return None;
        }
        let entry = self.entry(outcome, job, (self.named(&name), in_part), whole);
        let text = serde_json::to_string(&entry).ok()?;
        let same = self.entries.get(&name).is_some_and(|own| *own.0 == *text);
        (!same).then(|| (name, Unread(text.into())))
    }

    /// Whether the record of an object is that of this document, by how it begins.
    fn is_as_it_was(&self, name: &str, whole: &str) -> bool {
        let rest = self.entries.get(name).and_then(|entry| entry.0.strip_prefix("{\"key\":\""));
        let rest = rest.and_then(|rest| rest.strip_prefix(&*self.told));
        let rest = rest.and_then(|rest| rest.strip_prefix("\",\"whole\":\""));
        rest.and_then(|rest| rest.strip_prefix(whole)).is_some_and(|rest| rest.starts_with('"'))
    }

    /// The record of an object; since when it is so stays where nothing else is new.
    fn entry(
        &self,
        outcome: &Outcome,
        job: &Job,
        (own, in_part): (Option<Entry>, bool),
        whole: String,
    ) -> Entry {
        let (kind, key) = (&outcome.subject.kind, &*self.key);
        let kept = outcome.lost.iter().map(|change| (place(change, kind, key), kept_digest(change, key)));
        let (asked, mut kept) = (Asked::of(job.document, key), kept.collect::<BTreeMap<_, _>>());
        let asked = match own.as_ref().filter(|_| in_part) {
            Some(own) => {
                own.kept.iter().for_each(|(place, digest)| {
                    kept.entry(place.clone()).or_insert_with(|| digest.clone());
                });
                own.asked.clone().over(asked)
            }
            None => asked,
        };
        let same = own.filter(|own| own.asked == asked && own.kept == kept);
        let (at, known) = same.map_or_else(|| (super::now(), String::new()), |own| (own.at, own.whole));
        let whole = if whole.is_empty() { known } else { whole };
        Entry { key: self.told.clone(), whole, at, asked, kept }
    }
}

fn name_of(target: &str, kind: &str, name: &str) -> String {
    format!("{target} {kind} {name}")
}
