//! Objects that were replaced by new ones and are still to be deleted, as the index knows them.
//!
//! What is known of one holds in the scope and at the address where its object was, and for one object at a time.

use std::io;

use serde::{Deserialize, Serialize};

use super::{IndexEntry, ObjectIndex, build_key, parse_id};
use crate::kind::Kind;
use crate::plan::PlanSubject;
use crate::value::Value;

/// An object that was replaced by a new one.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct ReplacedObject {
    pub id: String,
    /// The digest of the natural key that it had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub natural_key: Option<String>,
}

impl ObjectIndex {
    /// The former object that the object of an entry replaces, where both are in one scope and at one address.
    pub(super) fn find_replaced(&self, entry: &IndexEntry) -> Option<&ReplacedObject> {
        self.find_before(entry).and_then(|before| before.replaced.as_ref())
    }

    fn find_before(&self, entry: &IndexEntry) -> Option<&IndexEntry> {
        let before = self.entries.get(&build_key(&entry.target, &entry.kind, &entry.name))?;
        ((&before.scope, &before.address) == (&entry.scope, &entry.address)).then_some(before)
    }

    /// The entry of a create with the object that it replaces: the one with this id, or the one on record.
    ///
    /// # Errors
    /// [`io::ErrorKind::ResourceBusy`] when another object is still to be deleted.
    pub(super) fn add_replaced(&self, entry: IndexEntry, id: Option<String>) -> io::Result<IndexEntry> {
        let recorded = self.find_replaced(&entry).cloned();
        let replaced = match (id, recorded) {
            (None, recorded) => recorded,
            (Some(id), Some(recorded)) if recorded.id != id => return Err(io::ErrorKind::ResourceBusy.into()),
            (Some(_), Some(recorded)) => Some(recorded),
            (Some(id), None) => {
                let before = self.find_before(&entry).filter(|before| before.id.as_ref() == Some(&id));
                let natural_key = before.and_then(|before| before.natural_key.clone());
                Some(ReplacedObject { id, natural_key })
            }
        };
        Ok(IndexEntry { replaced, ..entry })
    }

    /// A create surely did not take: its object is forgotten, or is the former one that it was to replace.
    pub fn forget_create(&mut self, subject: &PlanSubject) {
        let entry = self.get(&subject.target, &subject.kind.name, &subject.name).cloned();
        match entry.as_ref().and_then(|entry| entry.replaced.clone()).zip(entry) {
            Some((ReplacedObject { id, natural_key }, entry)) => {
                let id = Some(id);
                self.put_entry(IndexEntry { id, natural_key, replaced: None, open_create: None, ..entry });
            }
            None => self.forget_object(subject),
        }
    }

    /// The former object of a replacement is gone.
    pub fn finish_replacement(&mut self, target: &str, kind: &str, name: &str) {
        if let Some(entry) = self.get(target, kind, name).cloned() {
            self.put_entry(IndexEntry { replaced: None, ..entry });
        }
    }
}

impl IndexEntry {
    /// The id of the former object that is still to be deleted.
    pub fn parse_replaced_id(&self, kind: &Kind) -> Option<Value> {
        parse_id(kind, &self.replaced.as_ref()?.id)
    }
}
