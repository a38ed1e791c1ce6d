//! Which live objects are ours: the ids of what was created or applied, kept in `.trueup/index.json`.
//!
//! A created object that does not show yet is known by its id here and not created twice; a create whose
//! outcome is not known is marked before it is sent. Protection outlives the document. Ids and names only,
//! no values. Runs side by side keep what each of them noted.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::memory::{read_if_there, replace};
use super::turn::in_turn;
use crate::kind::leaf::Token;
use crate::kind::{Kind, Leaf, Type};
use crate::plan::Subject;
use crate::value::Value;

/// The name of the file.
const FILE: &str = "index.json";

/// The objects that a workspace manages.
pub struct Index {
    folder: PathBuf,
    entries: Entries,
    /// What this run has seen for itself.
    noted: BTreeSet<String>,
    /// What this run has put or taken away, and not yet written.
    changed: BTreeSet<String>,
}

type Entries = BTreeMap<String, Entry>;

/// One managed object.
#[derive(Serialize, Deserialize, Clone, Default, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    pub target: String,
    pub kind: String,
    pub name: String,
    /// Scope values by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub scope: BTreeMap<String, String>,
    /// None while a create is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Never deleted, even after its document is gone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub protect: bool,
    /// When a create was sent that is not known to be finished.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub create_sent: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: u32,
    objects: Vec<Entry>,
}

impl Index {
    /// An index of nothing, for questions that must not depend on what this machine did before.
    pub fn blank() -> Self {
        Self {
            folder: PathBuf::new(),
            entries: BTreeMap::new(),
            noted: BTreeSet::new(),
            changed: BTreeSet::new(),
        }
    }

    /// Opens the index in a workspace's `.trueup` folder; an absent one is empty.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn open(folder: &Path) -> io::Result<Self> {
        Ok(Self { folder: folder.to_owned(), entries: read(folder)?, ..Self::blank() })
    }

    /// The entry of an object.
    pub fn get(&self, target: &str, kind: &str, name: &str) -> Option<&Entry> {
        self.entries.get(&key(target, kind, name))
    }

    /// The entry of an object, unless it is about one of that name in another scope.
    pub fn within(&self, kind: &Kind, (target, name): (&str, &str), scope: &[Value]) -> Option<&Entry> {
        self.get(target, &kind.name, name).filter(|entry| entry.scope == scope_texts(kind, scope))
    }

    /// Every entry, in a fixed order.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    /// Marks that a create is about to be sent; on disk before it returns.
    ///
    /// # Errors
    /// When the file cannot be written; [`io::ErrorKind::ResourceBusy`] when another run has been at this object
    /// meanwhile.
    pub fn creating(&mut self, subject: &Subject) -> io::Result<()> {
        let mut entry = entry(subject);
        entry.create_sent = Some(jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
        let key = key(&entry.target, &entry.kind, &entry.name);
        let (folder, before) = (self.folder.clone(), self.entries.get(&key).cloned());
        let changed = self.changed.contains(&key);
        let marked = in_turn(&folder, || {
            let there = read(&folder)?;
            if !changed && there.get(&key) != before.as_ref() {
                return Err(io::ErrorKind::ResourceBusy.into());
            }
            self.put(entry);
            self.write_over(there)
        });
        if marked.is_err() {
            // it is not sent, so it must not be noted later either
            self.restore(key, before, changed);
        }
        marked
    }

    fn restore(&mut self, key: String, before: Option<Entry>, changed: bool) {
        if !changed {
            self.changed.remove(&key);
        }
        match before {
            Some(entry) => drop(self.entries.insert(key, entry)),
            None => drop(self.entries.remove(&key)),
        }
    }

    /// Notes the id of a new object whose create is not finished yet.
    pub fn born(&mut self, subject: &Subject, protect: bool) {
        let sent =
            self.get(&subject.target, &subject.kind.name, &subject.name).and_then(|e| e.create_sent.clone());
        self.put(Entry { protect, create_sent: sent, ..entry(subject) });
    }

    /// Notes the id of an object that is ours; what was unknown about its create is known.
    pub fn note(&mut self, subject: &Subject, protect: bool) {
        if subject.id.is_some() {
            self.noted.insert(key(&subject.target, &subject.kind.name, &subject.name));
            self.put(Entry { protect, ..entry(subject) });
        }
    }

    /// Forgets the names by which objects were called before they were noted by another one.
    pub fn forget_old_names(&mut self) {
        let object = |entry: &Entry| {
            let Entry { target, kind, scope, id, .. } = entry.clone();
            (target, kind, scope, id)
        };
        let others = self.entries.iter().filter(|(key, _)| !self.noted.contains(*key));
        let others: Vec<_> = others.map(|(key, entry)| (key.clone(), object(entry))).collect();
        if others.is_empty() {
            return;
        }
        let noted = self.noted.iter().filter_map(|key| self.entries.get(key));
        let noted: BTreeSet<_> = noted.map(object).collect();
        let old = others.into_iter().filter(|(_, object)| noted.contains(object)).map(|(key, _)| key);
        let old: Vec<String> = old.collect();
        old.iter().for_each(|key| self.take(key));
    }

    /// Forgets an object: it was deleted, or its create surely did not take.
    pub fn forget(&mut self, subject: &Subject) {
        self.take(&key(&subject.target, &subject.kind.name, &subject.name));
    }

    /// Writes what changed; on disk before it returns.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&mut self) -> io::Result<()> {
        if self.changed.is_empty() {
            return Ok(());
        }
        let folder = self.folder.clone();
        in_turn(&folder, || self.write_over(read(&folder)?))
    }

    /// Writes what this run changed over what is there.
    fn write_over(&mut self, mut there: Entries) -> io::Result<()> {
        for key in &self.changed {
            match self.entries.get(key) {
                Some(entry) => drop(there.insert(key.clone(), entry.clone())),
                None => drop(there.remove(key)),
            }
        }
        let file = File { format: 1, objects: there.into_values().collect() };
        replace(&self.folder.join(FILE), &serde_json::to_vec_pretty(&file)?)?;
        self.changed.clear();
        Ok(())
    }

    fn put(&mut self, entry: Entry) {
        let key = key(&entry.target, &entry.kind, &entry.name);
        if self.entries.get(&key) != Some(&entry) {
            self.changed.insert(key.clone());
            self.entries.insert(key, entry);
        }
    }

    fn take(&mut self, key: &str) {
        if self.entries.remove(key).is_some() {
            self.changed.insert(key.to_owned());
        }
    }
}

/// What is on disk; nothing when there is no file.
fn read(folder: &Path) -> io::Result<Entries> {
    let Some(bytes) = read_if_there(&folder.join(FILE))? else { return Ok(Entries::new()) };
    let file: File =
        serde_json::from_slice(&bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
    let keyed = |entry: Entry| (key(&entry.target, &entry.kind, &entry.name), entry);
    Ok(file.objects.into_iter().map(keyed).collect())
}

impl Entry {
    /// The id as the kind types it.
    pub fn typed_id(&self, kind: &Kind) -> Option<Value> {
        let Type::Leaf(leaf) = &kind.id_field().ty else { return None };
        leaf.read(Token::Bare(self.id.as_deref()?)).ok()
    }
}

fn entry(subject: &Subject) -> Entry {
    let kind = &subject.kind;
    let text = |value: &Value| Leaf::url_text(value, &kind.api);
    Entry {
        target: subject.target.to_string(),
        kind: kind.name.to_string(),
        name: subject.name.to_string(),
        scope: scope_texts(kind, &subject.scope),
        id: subject.id.as_ref().map(text),
        protect: false,
        create_sent: None,
    }
}

fn scope_texts(kind: &Kind, scope: &[Value]) -> BTreeMap<String, String> {
    let text = |value: &Value| Leaf::url_text(value, &kind.api);
    kind.scope.iter().zip(scope).map(|(own, value)| (own.name.to_string(), text(value))).collect()
}

fn key(target: &str, kind: &str, name: &str) -> String {
    format!("{target}\u{1f}{kind}\u{1f}{name}")
}
