//! What each object was last applied as, kept in `.trueup/ledger.json`: the digest of every leaf that its
//! document named, and of what the service made of leaves that it did not keep.
//!
//! Without it nobody can tell a document that was edited since from an object that was edited by hand. Keyed
//! digests, no values; the key is `TRUEUP_DIGEST_KEY`, else the ledger's own in `.trueup/ledger.key`. A record
//! under another key is no record.
//! Deliberately absent: what a difference means (`plan::cause`).

mod notes;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

pub use self::notes::{Note, Notes};
use super::gather::Job;
use super::memory::{own_key, read_if_there, replace};
use super::outcome::{Ending, Outcome};
use super::turn::in_turn;
use crate::document::State;
use crate::kind::Compare;
use crate::plan::asked::{Asked, place};
use crate::plan::cause::kept_digest;
use crate::plan::digest;
use crate::value::Value;

/// The file in `.trueup`, and that with its key.
const FILE: &str = "ledger.json";
const KEY: &str = "ledger.key";

/// What each object of a workspace was last applied as.
pub struct Ledger {
    folder: PathBuf,
    /// Empty until something is noted.
    key: Zeroizing<Vec<u8>>,
    entries: BTreeMap<String, Entry>,
    changed: bool,
}

/// One object.
#[derive(Serialize, Deserialize, Clone, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// When it was first applied as this, RFC 3339.
    pub at: String,
    pub asked: Asked,
    /// What the service has instead, by place.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub kept: BTreeMap<String, String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: u32,
    /// A digest that tells the key.
    key: String,
    objects: BTreeMap<String, Entry>,
}

impl Ledger {
    /// Opens the record in a workspace's `.trueup` folder; an absent one, and one under another key, is empty.
    ///
    /// # Errors
    /// When a file is there and cannot be read.
    pub fn open(folder: &Path, key: Option<&str>) -> io::Result<Self> {
        let key = match key {
            Some(key) => key.as_bytes().to_vec(),
            None => read_if_there(&folder.join(KEY))?.unwrap_or_default(),
        };
        let entries = read(folder, &key)?;
        Ok(Self { folder: folder.to_owned(), key: Zeroizing::new(key), entries, changed: false })
    }

    /// The key of its digests.
    pub fn key(&self) -> &[u8] {
        &self.key
    }

    /// What an object was last applied as.
    pub fn get(&self, target: &str, kind: &str, name: &str) -> Option<&Entry> {
        self.entries.get(&name_of(target, kind, name))
    }

    /// Whether nothing was ever applied.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Notes what an apply came to; on disk before it returns. Where `in_part`, what documents do not name stays.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn settle(&mut self, outcomes: &[Outcome], jobs: &[Job], in_part: bool) -> io::Result<()> {
        let folder = self.folder.clone();
        in_turn(&folder, || {
            if self.key.is_empty() {
                self.key = Zeroizing::new(own_key(&folder, KEY)?);
            }
            // another run may have noted others since
            self.entries = read(&folder, &self.key)?;
            for outcome in outcomes {
                if let Some(job) = jobs.get(outcome.subject.number) {
                    self.note(outcome, job, in_part);
                }
            }
            if !self.changed {
                return Ok(());
            }
            let file = File { format: 1, key: told(&self.key), objects: self.entries.clone() };
            replace(&folder.join(FILE), &serde_json::to_vec(&file)?)?;
            self.changed = false;
            Ok(())
        })
    }

    fn note(&mut self, outcome: &Outcome, job: &Job, in_part: bool) {
        let key = &*self.key;
        let subject = &outcome.subject;
        let name = name_of(&subject.target, &subject.kind.name, &subject.name);
        let took = match outcome.ending {
            Ending::Done | Ending::Unchanged => true,
            // it was written, and this is what came of it
            Ending::Failed(_) => !outcome.lost.is_empty(),
            _ => false,
        };
        if !took {
            return;
        }
        if job.document.state == State::Absent {
            self.changed |= self.entries.remove(&name).is_some();
            return;
        }
        let kept =
            outcome.lost.iter().map(|change| (place(change, &subject.kind, key), kept_digest(change, key)));
        let (asked, mut kept) = (Asked::of(job.document, key), kept.collect::<BTreeMap<_, _>>());
        let asked = match self.entries.get(&name).filter(|_| in_part) {
            Some(own) => {
                own.kept.iter().for_each(|(place, digest)| {
                    kept.entry(place.clone()).or_insert_with(|| digest.clone());
                });
                own.asked.clone().over(asked)
            }
            None => asked,
        };
        let same = self.entries.get(&name).is_some_and(|own| own.asked == asked && own.kept == kept);
        if !same {
            self.entries.insert(name, Entry { at: super::now(), asked, kept });
            self.changed = true;
        }
    }
}

/// What is on disk under this key; nothing when there is no file, or one under another key.
fn read(folder: &Path, key: &[u8]) -> io::Result<BTreeMap<String, Entry>> {
    // what serde says of a value repeats it
    let broken = |error: serde_json::Error| {
        io::Error::new(io::ErrorKind::InvalidData, format!("it is broken at line {}", error.line()))
    };
    let Some(bytes) = read_if_there(&folder.join(FILE))? else { return Ok(BTreeMap::new()) };
    let file: File = serde_json::from_slice(&bytes).map_err(broken)?;
    Ok(if file.key == told(key) { file.objects } else { BTreeMap::new() })
}

/// A digest that tells one key from another.
fn told(key: &[u8]) -> String {
    digest::value(&Value::text(FILE), Compare::Exact, key)
}

fn name_of(target: &str, kind: &str, name: &str) -> String {
    format!("{target} {kind} {name}")
}
