//! Objects that were replaced by new ones and are still to be deleted, as the index knows them.

use super::{IndexEntry, ObjectIndex, parse_id};
use crate::kind::Kind;
use crate::plan::PlanSubject;
use crate::value::Value;

impl ObjectIndex {
    /// A create surely did not take: its object is forgotten, or is the former one that it was to replace.
    pub fn forget_create(&mut self, subject: &PlanSubject) {
        let entry = self.get(&subject.target, &subject.kind.name, &subject.name).cloned();
        match entry.filter(|entry| entry.replaced_id.is_some()) {
            Some(entry) => {
                let id = entry.replaced_id.clone();
                self.put_entry(IndexEntry { id, replaced_id: None, open_create: None, ..entry });
            }
            None => self.forget_object(subject),
        }
    }

    /// The former object of a replacement is gone.
    pub fn finish_replacement(&mut self, target: &str, kind: &str, name: &str) {
        if let Some(entry) = self.get(target, kind, name).cloned() {
            self.put_entry(IndexEntry { replaced_id: None, ..entry });
        }
    }
}

impl IndexEntry {
    /// The id of the former object that is still to be deleted.
    pub fn parse_replaced_id(&self, kind: &Kind) -> Option<Value> {
        parse_id(kind, self.replaced_id.as_deref()?)
    }
}
