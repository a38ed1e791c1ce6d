//! Which live objects a workspace manages: the ids of what was created or applied, in `.trueup/index.json`.
//!
//! An id holds at the address where it was learned and for the natural key that the object had then. A created
//! object that does not show yet is known by its id and not created twice; a create of unknown outcome is marked
//! before it is sent. Protection outlives the document. Ids, names and keyed digests only, no values. Parallel runs
//! keep what each of them recorded.

mod replaced;
mod services;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

pub use self::replaced::ReplacedObject;
use super::natural_key::build_desired_key;
use crate::document::Document;
use crate::kind::scalar::ScalarToken;
use crate::kind::{ComparisonRule, FieldType, Kind, ScalarType};
use crate::plan::{PlanSubject, digest};
use crate::state::file_lock::run_locked;
use crate::state::files::{read_if_exists, replace_file};
use crate::state::key_file::{KeyPurpose, load_or_create_key_locked, read_key};
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
    /// Objects whose creates this run has sent and that were accepted.
    claimed_keys: BTreeSet<String>,
    /// The base URLs of this run's targets, by name.
    addresses: BTreeMap<String, String>,
    /// For each target of this run that is the same service as another one, the first of them.
    services: BTreeMap<String, String>,
    /// The environments of the targets in the settings, by name; none where the workspace has no environments.
    environments: BTreeMap<String, Option<Arc<str>>>,
    /// The key of the digests; empty until one is recorded.
    digest_key: Zeroizing<Vec<u8>>,
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
    /// None until the object was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The base URL at which the id was learned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The digest of the natural key that the object had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub natural_key: Option<String>,
    /// Never deleted, even after its document is gone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub protect: bool,
    /// A create that was sent and of which no object was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_create: Option<OpenCreate>,
    /// Until when reads may miss the object although it was created and seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub may_be_missed_until: Option<jiff::Timestamp>,
    /// The former object, which the object replaces and which is still to be deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced: Option<ReplacedObject>,
}

/// A create that was sent and is not known to be finished.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct OpenCreate {
    /// When it was sent.
    pub sent: jiff::Timestamp,
    /// Until when the service may still carry it out.
    pub unknown_until: jiff::Timestamp,
    /// Whether the service answered with success.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub accepted: bool,
    /// The id in the answer; it is not adopted before the object was seen under it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered_id: Option<String>,
}

/// When an object is recorded.
#[derive(Clone, Copy)]
pub struct RecordTimes {
    pub now: jiff::Timestamp,
    /// When reads surely show what is written now.
    pub settled_at: jiff::Timestamp,
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
            claimed_keys: BTreeSet::new(),
            addresses: BTreeMap::new(),
            services: BTreeMap::new(),
            environments: BTreeMap::new(),
            digest_key: Zeroizing::default(),
        }
    }

    /// Opens the index in a workspace's `.trueup` folder; an absent one is empty.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn open(folder: &Path) -> io::Result<Self> {
        Ok(Self { folder: folder.to_owned(), entries: read_entries(folder)?, ..Self::new_in_memory() })
    }

    /// With the key of digests: that of the environment, else the workspace's own.
    ///
    /// # Errors
    /// When the key is there and cannot be read.
    pub fn with_digest_key(mut self, key: Option<&str>) -> io::Result<Self> {
        self.digest_key = match key {
            Some(key) => Zeroizing::new(key.as_bytes().to_vec()),
            None => read_key(&self.folder, KeyPurpose::Records)?.unwrap_or_default(),
        };
        Ok(self)
    }

    /// From now on only what was learned at the addresses of these targets counts.
    pub fn set_addresses(&mut self, addresses: BTreeMap<String, String>) {
        self.addresses = addresses;
    }

    /// The entry of an object, unless it was learned at another address than that of the target.
    pub fn get(&self, target: &str, kind: &str, name: &str) -> Option<&IndexEntry> {
        self.entries.get(&build_key(target, kind, name)).filter(|entry| !self.is_elsewhere(entry))
    }

    /// The entry of an object that was learned at another address.
    pub fn get_elsewhere(&self, target: &str, kind: &str, name: &str) -> Option<&IndexEntry> {
        self.entries.get(&build_key(target, kind, name)).filter(|entry| self.is_elsewhere(entry))
    }

    fn is_elsewhere(&self, entry: &IndexEntry) -> bool {
        let here = self.addresses.get(&entry.target);
        here.zip(entry.address.as_ref()).is_some_and(|(here, learned)| here != learned)
    }

    /// The entry of an object, unless it is about one of that name in another scope.
    pub fn get_in_scope(
        &self,
        kind: &Kind,
        target: &str,
        name: &str,
        scope: &[Value],
    ) -> Option<&IndexEntry> {
        self.get(target, &kind.name, name).filter(|entry| entry.scope == format_scope(kind, scope))
    }

    /// Whether the live object of a subject was protected when it was last applied, under whatever name.
    pub fn is_protected(&self, subject: &PlanSubject) -> bool {
        self.find_object(subject).any(|entry| entry.protect)
    }

    /// Whether the live object of a subject is on record, under whatever name.
    pub fn knows_object(&self, subject: &PlanSubject) -> bool {
        self.find_object(subject).next().is_some()
    }

    fn find_object(&self, subject: &PlanSubject) -> impl Iterator<Item = &IndexEntry> {
        let sought = self.build_entry(subject);
        let is_same = move |entry: &&IndexEntry| {
            let same_place = match (&entry.address, &sought.address) {
                (Some(learned), Some(here)) => learned == here,
                _ => entry.target == sought.target,
            };
            same_place
                && sought.id.is_some()
                && (&entry.kind, &entry.scope, &entry.id) == (&sought.kind, &sought.scope, &sought.id)
        };
        self.entries.values().filter(is_same)
    }

    /// Whether the object of this id had this natural key when its id was recorded; nothing where no key was.
    pub fn had_natural_key(&self, entry: &IndexEntry, id: &str, natural_key: &str) -> Option<bool> {
        let replaced = entry.replaced.as_ref().filter(|replaced| replaced.id == id);
        let known = match replaced {
            Some(replaced) => replaced.natural_key.as_ref(),
            None => entry.natural_key.as_ref().filter(|_| entry.id.as_deref() == Some(id)),
        };
        Some(*known? == digest_natural_key(natural_key, &self.digest_key))
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
    pub fn mark_create(
        &mut self,
        subject: &PlanSubject,
        open: OpenCreate,
        replaced: Option<&Value>,
    ) -> io::Result<()> {
        let entry = IndexEntry { id: None, open_create: Some(open), ..self.build_entry(subject) };
        let key = build_key(&entry.target, &entry.kind, &entry.name);
        let (folder, before) = (self.folder.clone(), self.entries.get(&key).cloned());
        let replaced = replaced.map(|id| ScalarType::render_url_text(id, &subject.kind.api));
        let entry = self.add_replaced(entry, replaced)?;
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

    /// Notes that a create was answered with success, and the id in the answer, unless another object has it. A claim
    /// of an earlier run that never showed ends with it.
    pub fn record_accepted(&mut self, subject: &PlanSubject, document: &Document) {
        let key = build_key(&subject.target, &subject.kind.name, &subject.name);
        let answered = self.build_managed_entry(subject, document);
        let claims = self.entries.iter().filter(|(own, other)| {
            *own != &key && !self.claimed_keys.contains(*own) && self.is_claim(other, &answered)
        });
        let claims: Vec<IndexEntry> = claims.map(|(_, other)| other.clone()).collect();
        claims.into_iter().for_each(|other| self.put_entry(other.without_answer()));
        let is_taken = subject.id.as_ref().is_some_and(|id| self.find_other_name(subject, id).is_some());
        let answered_id = answered.id.clone().filter(|_| !is_taken);
        self.claimed_keys.insert(key.clone());
        let IndexEntry { id, open_create, .. } = self.entries.get(&key).cloned().unwrap_or_default();
        let open_create = open_create.map(|open| OpenCreate { accepted: true, answered_id, ..open });
        let replaced = self.find_replaced(&answered).cloned();
        self.put_entry(IndexEntry { open_create, id, replaced, ..answered });
    }

    /// The id in the answer of a create is another object's.
    pub fn reject_answered_id(&mut self, target: &str, kind: &str, name: &str) {
        if let Some(entry) = self.get(target, kind, name).cloned() {
            self.put_entry(entry.without_answer());
        }
    }

    /// The name under which another object of this kind, target and scope is known by this id.
    pub fn find_other_name(&self, subject: &PlanSubject, id: &Value) -> Option<&str> {
        let own = self.build_entry(&PlanSubject { id: Some(id.clone()), ..subject.clone() });
        let is_other = |other: &&IndexEntry| {
            (&other.target, &other.name) != (&own.target, &own.name)
                && ((self.is_beside(other, &own) && other.id == own.id) || self.is_claim(other, &own))
        };
        self.entries.values().find(is_other).map(|other| &*other.name)
    }

    /// Records the id of a managed object. Its create is finished, unless it was not answered: until its time is
    /// over the service may still carry it out, and what was seen may be another clone's object. Of one that was
    /// answered, reads may still lag until `settled_at`.
    pub fn record_managed(&mut self, subject: &PlanSubject, document: &Document, clock: RecordTimes) {
        if subject.id.is_some() {
            let key = build_key(&subject.target, &subject.kind.name, &subject.name);
            let IndexEntry { open_create, may_be_missed_until, .. } =
                self.entries.get(&key).cloned().unwrap_or_default();
            self.confirmed_keys.insert(key);
            let mut entry = self.build_managed_entry(subject, document);
            entry.replaced = self.find_replaced(&entry).cloned();
            entry.may_be_missed_until = match &open_create {
                Some(open) if open.accepted => Some(clock.settled_at),
                _ => may_be_missed_until.filter(|until| clock.now < *until),
            };
            entry.open_create = open_create.filter(|open| !open.accepted && clock.now < open.unknown_until);
            self.put_entry(entry);
        }
    }

    fn build_managed_entry(&mut self, subject: &PlanSubject, document: &Document) -> IndexEntry {
        let mut entry = self.build_entry(subject);
        entry.protect = document.protect;
        let known = self.get(&subject.target, &subject.kind.name, &subject.name);
        let known = known.filter(|known| known.id == entry.id).and_then(|known| known.natural_key.clone());
        entry.natural_key = match build_desired_key(&subject.kind, document) {
            Some(key) => self.load_digest_key().map(|()| digest_natural_key(&key, &self.digest_key)),
            None => known,
        };
        entry
    }

    /// Without a place to keep a key there are no digests.
    fn load_digest_key(&mut self) -> Option<()> {
        if self.digest_key.is_empty() && !self.folder.as_os_str().is_empty() {
            self.digest_key = load_or_create_key_locked(&self.folder, KeyPurpose::Records).ok()?;
        }
        (!self.digest_key.is_empty()).then_some(())
    }

    fn build_entry(&self, subject: &PlanSubject) -> IndexEntry {
        let kind = &subject.kind;
        let text = |value: &Value| ScalarType::render_url_text(value, &kind.api);
        IndexEntry {
            target: subject.target.to_string(),
            kind: kind.name.to_string(),
            name: subject.name.to_string(),
            scope: format_scope(kind, &subject.scope),
            id: subject.id.as_ref().map(text),
            address: self.addresses.get(&*subject.target).cloned(),
            ..IndexEntry::default()
        }
    }

    /// Forgets the names by which objects were called before they were noted by another one.
    pub fn forget_old_names(&mut self) {
        let object = |entry: &IndexEntry| {
            let IndexEntry { target, kind, scope, id, address, .. } = entry.clone();
            (self.get_service(&target).to_owned(), kind, scope, id, address)
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

    /// Forgets an object: it was deleted.
    pub fn forget_object(&mut self, subject: &PlanSubject) {
        self.remove_entry(&build_key(&subject.target, &subject.kind.name, &subject.name));
    }

    /// Forgets an object under every name that it had: it is not managed any more. Gives target, kind and name of
    /// each.
    pub fn release_object(&mut self, subject: &PlanSubject) -> Vec<IndexEntry> {
        let own = build_key(&subject.target, &subject.kind.name, &subject.name);
        let mut released: Vec<IndexEntry> = self.find_object(subject).cloned().collect();
        released.extend(self.entries.get(&own).filter(|entry| !released.contains(entry)).cloned());
        for entry in &released {
            self.remove_entry(&build_key(&entry.target, &entry.kind, &entry.name));
        }
        released
    }

    /// The same for the object of an entry.
    pub fn release_entry(&mut self, entry: &IndexEntry) -> Vec<IndexEntry> {
        let is_same = |other: &&IndexEntry| {
            let object = |own: &IndexEntry| (own.address.clone(), own.kind.clone(), own.scope.clone());
            *other == entry || (entry.id.is_some() && other.id == entry.id && object(other) == object(entry))
        };
        let released: Vec<IndexEntry> = self.entries.values().filter(is_same).cloned().collect();
        for entry in &released {
            self.remove_entry(&build_key(&entry.target, &entry.kind, &entry.name));
        }
        released
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
    /// The same without the id that its create answered.
    fn without_answer(self) -> Self {
        let open_create = self.open_create.map(|open| OpenCreate { answered_id: None, ..open });
        Self { open_create, ..self }
    }

    /// The id as the kind types it.
    pub fn parse_id(&self, kind: &Kind) -> Option<Value> {
        parse_id(kind, self.id.as_deref()?)
    }

    /// The same; of an object that was not seen yet, the id that its create answered.
    pub fn parse_known_id(&self, kind: &Kind) -> Option<Value> {
        let answered = self.open_create.as_ref().and_then(|open| open.answered_id.as_deref());
        parse_id(kind, self.id.as_deref().or(answered)?)
    }
}

fn parse_id(kind: &Kind, text: &str) -> Option<Value> {
    let FieldType::Scalar(scalar_type) = &kind.id_field().ty else { return None };
    scalar_type.read_token(ScalarToken::Plain(text)).ok()
}

fn digest_natural_key(natural_key: &str, key: &[u8]) -> String {
    digest::digest_value(&Value::from_text(natural_key), ComparisonRule::Exact, key)
}

fn format_scope(kind: &Kind, scope: &[Value]) -> BTreeMap<String, String> {
    let text = |value: &Value| ScalarType::render_url_text(value, &kind.api);
    kind.scope.iter().zip(scope).map(|(own, value)| (own.name.to_string(), text(value))).collect()
}

fn build_key(target: &str, kind: &str, name: &str) -> String {
    format!("{target}\u{1f}{kind}\u{1f}{name}")
}
