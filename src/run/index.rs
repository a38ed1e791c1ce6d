//! Which live objects are ours: the ids of what was created or applied, kept in `.trueup/index.json`.
//!
//! A created object that does not show yet is known by its id here and not created twice; a create whose
//! outcome is not known is marked before it is sent. Protection outlives the document. Ids and names only,
//! no values. Runs side by side keep what each of them noted.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::kind::scalar::ScalarToken;
use crate::kind::{FieldType, Kind, ScalarType};
use crate::plan::PlanSubject;
use crate::state::file_lock::run_locked;
use crate::state::files::{read_if_exists, replace_file};
use crate::value::Value;

/// The name of the file.
const FILE: &str = "index.json";

/// The objects that a workspace manages.
pub struct ObjectIndex {
    folder: PathBuf,
    entries: IndexEntries,
    /// What this run has seen for itself.
    confirmed_keys: BTreeSet<String>,
    /// What this run has put or taken away, and not yet written.
    changed_keys: BTreeSet<String>,
}

type IndexEntries = BTreeMap<String, IndexEntry>;

/// One managed object.
#[derive(Serialize, Deserialize, Clone, Default, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct IndexEntry {
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
struct IndexFile {
    format: u32,
    objects: Vec<IndexEntry>,
}

impl ObjectIndex {
    /// An index of nothing, for questions that must not depend on what this machine did before.
    pub fn new_in_memory() -> Self {
        Self {
            folder: PathBuf::new(),
            entries: BTreeMap::new(),
            confirmed_keys: BTreeSet::new(),
            changed_keys: BTreeSet::new(),
        }
    }

    /// Opens the index in a workspace's `.trueup` folder; an absent one is empty.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn open(folder: &Path) -> io::Result<Self> {
        Ok(Self { folder: folder.to_owned(), entries: read_entries(folder)?, ..Self::new_in_memory() })
    }

    /// The entry of an object.
    pub fn get(&self, target: &str, kind: &str, name: &str) -> Option<&IndexEntry> {
        self.entries.get(&build_key(target, kind, name))
    }

    /// The entry of an object, unless it is about one of that name in another scope.
    pub fn get_in_scope(
        &self,
        kind: &Kind,
        (target, name): (&str, &str),
        scope: &[Value],
    ) -> Option<&IndexEntry> {
        self.get(target, &kind.name, name).filter(|entry| entry.scope == format_scope(kind, scope))
    }

    /// Every entry, in a fixed order.
    pub fn entries(&self) -> impl Iterator<Item = &IndexEntry> {
        self.entries.values()
    }

    /// Marks that a create is about to be sent; on disk before it returns.
    ///
    /// # Errors
    /// When the file cannot be written; [`io::ErrorKind::ResourceBusy`] when another run has been at this object
    /// meanwhile.
    pub fn mark_create(&mut self, subject: &PlanSubject) -> io::Result<()> {
        let mut entry = build_entry(subject);
        entry.create_sent = Some(jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
        let key = build_key(&entry.target, &entry.kind, &entry.name);
        let (folder, before) = (self.folder.clone(), self.entries.get(&key).cloned());
        let changed = self.changed_keys.contains(&key);
        let marked = run_locked(&folder, || {
            let there = read_entries(&folder)?;
            if !changed && there.get(&key) != before.as_ref() {
                return Err(io::ErrorKind::ResourceBusy.into());
            }
            self.put_entry(entry);
            self.merge_and_write(there)
        });
        if marked.is_err() {
            // it is not sent, so it must not be noted later either
            self.restore_entry(key, before, changed);
        }
        marked
    }

    fn restore_entry(&mut self, key: String, before: Option<IndexEntry>, changed: bool) {
        if !changed {
            self.changed_keys.remove(&key);
        }
        match before {
            Some(entry) => drop(self.entries.insert(key, entry)),
            None => drop(self.entries.remove(&key)),
        }
    }

    /// Notes the id of a new object whose create is not finished yet.
    pub fn record_created(&mut self, subject: &PlanSubject, protect: bool) {
        let sent =
            self.get(&subject.target, &subject.kind.name, &subject.name).and_then(|e| e.create_sent.clone());
        self.put_entry(IndexEntry { protect, create_sent: sent, ..build_entry(subject) });
    }

    /// Notes the id of an object that is ours; what was unknown about its create is known.
    pub fn record_managed(&mut self, subject: &PlanSubject, protect: bool) {
        if subject.id.is_some() {
            self.confirmed_keys.insert(build_key(&subject.target, &subject.kind.name, &subject.name));
            self.put_entry(IndexEntry { protect, ..build_entry(subject) });
        }
    }

    /// Forgets the names by which objects were called before they were noted by another one.
    pub fn forget_old_names(&mut self) {
        let object = |entry: &IndexEntry| {
            let IndexEntry { target, kind, scope, id, .. } = entry.clone();
            (target, kind, scope, id)
        };
        let others = self.entries.iter().filter(|(key, _)| !self.confirmed_keys.contains(*key));
        let others: Vec<_> = others.map(|(key, entry)| (key.clone(), object(entry))).collect();
        if others.is_empty() {
            return;
        }
        let noted = self.confirmed_keys.iter().filter_map(|key| self.entries.get(key));
        let noted: BTreeSet<_> = noted.map(object).collect();
        let old = others.into_iter().filter(|(_, object)| noted.contains(object)).map(|(key, _)| key);
        let old: Vec<String> = old.collect();
        old.iter().for_each(|key| self.remove_entry(key));
    }

    /// Forgets an object: it was deleted, or its create surely did not take.
    pub fn forget_object(&mut self, subject: &PlanSubject) {
        self.remove_entry(&build_key(&subject.target, &subject.kind.name, &subject.name));
    }

    /// Writes what changed; on disk before it returns.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&mut self) -> io::Result<()> {
        if self.changed_keys.is_empty() {
            return Ok(());
        }
        let folder = self.folder.clone();
        run_locked(&folder, || self.merge_and_write(read_entries(&folder)?))
    }

    /// Writes what this run changed over what is there.
    fn merge_and_write(&mut self, mut there: IndexEntries) -> io::Result<()> {
        for key in &self.changed_keys {
            match self.entries.get(key) {
                Some(entry) => drop(there.insert(key.clone(), entry.clone())),
                None => drop(there.remove(key)),
            }
        }
        let file = IndexFile { format: 1, objects: there.into_values().collect() };
        replace_file(&self.folder.join(FILE), &serde_json::to_vec_pretty(&file)?)?;
        self.changed_keys.clear();
        Ok(())
    }

    fn put_entry(&mut self, entry: IndexEntry) {
        let key = build_key(&entry.target, &entry.kind, &entry.name);
        if self.entries.get(&key) != Some(&entry) {
            self.changed_keys.insert(key.clone());
            self.entries.insert(key, entry);
        }
    }

    fn remove_entry(&mut self, key: &str) {
        if self.entries.remove(key).is_some() {
            self.changed_keys.insert(key.to_owned());
        }
    }
}

/// What is on disk; nothing when there is no file.
fn read_entries(folder: &Path) -> io::Result<IndexEntries> {
    let Some(bytes) = read_if_exists(&folder.join(FILE))? else { return Ok(IndexEntries::new()) };
    let file: IndexFile =
        serde_json::from_slice(&bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
    let keyed = |entry: IndexEntry| (build_key(&entry.target, &entry.kind, &entry.name), entry);
    Ok(file.objects.into_iter().map(keyed).collect())
}

impl IndexEntry {
    /// The id as the kind types it.
    pub fn parse_id(&self, kind: &Kind) -> Option<Value> {
        let FieldType::Scalar(leaf) = &kind.id_field().ty else { return None };
        leaf.read_token(ScalarToken::Plain(self.id.as_deref()?)).ok()
    }
}

fn build_entry(subject: &PlanSubject) -> IndexEntry {
    let kind = &subject.kind;
    let text = |value: &Value| ScalarType::render_url_text(value, &kind.api);
    IndexEntry {
        target: subject.target.to_string(),
        kind: kind.name.to_string(),
        name: subject.name.to_string(),
        scope: format_scope(kind, &subject.scope),
        id: subject.id.as_ref().map(text),
        protect: false,
        create_sent: None,
    }
}

fn format_scope(kind: &Kind, scope: &[Value]) -> BTreeMap<String, String> {
    let text = |value: &Value| ScalarType::render_url_text(value, &kind.api);
    kind.scope.iter().zip(scope).map(|(own, value)| (own.name.to_string(), text(value))).collect()
}

fn build_key(target: &str, kind: &str, name: &str) -> String {
    format!("{target}\u{1f}{kind}\u{1f}{name}")
}
