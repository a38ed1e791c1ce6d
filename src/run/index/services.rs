//! What is known of one target holds for those that are the same service.

use std::collections::BTreeMap;

use super::{IndexEntry, ObjectIndex};

impl ObjectIndex {
    /// From now on what is known of one target holds for those that are the same service.
    pub fn set_services(&mut self, services: BTreeMap<String, String>) {
        self.services = services;
    }

    pub(super) fn get_service<'n>(&'n self, target: &'n str) -> &'n str {
        self.services.get(target).map_or(target, String::as_str)
    }

    /// Whether both are of one collection.
    pub(super) fn is_beside(&self, one: &IndexEntry, other: &IndexEntry) -> bool {
        self.get_service(&one.target) == self.get_service(&other.target)
            && (&one.kind, &one.scope) == (&other.kind, &other.scope)
    }

    /// Whether a create of one object answered the id of the other one.
    pub(super) fn is_claim(&self, one: &IndexEntry, other: &IndexEntry) -> bool {
        let answered = one.open_create.as_ref().and_then(|open| open.answered_id.as_ref());
        self.is_beside(one, other) && answered.is_some() && answered == other.id.as_ref()
    }
}
