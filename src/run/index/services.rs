//! What is known of one target holds for those that are the same service; documents depend on objects of their
//! environment.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{IndexEntry, ObjectIndex};

impl ObjectIndex {
    /// From now on what is known of one target holds for those that are the same service.
    pub fn set_services(&mut self, services: BTreeMap<String, String>) {
        self.services = services;
    }

    /// From now on the targets in the settings have these environments.
    pub fn set_environments(&mut self, environments: BTreeMap<String, Option<Arc<str>>>) {
        self.environments = environments;
    }

    /// Whether an object was applied, as a document at a target means it: the one at that target; where none of that
    /// name is known there, one at another target of the environment.
    pub fn was_applied_beside(&self, target: &str, kind: &str, name: &str) -> bool {
        let was_applied = |entry: &IndexEntry| entry.id.is_some() && entry.open_create.is_none();
        if let Some(own) = self.get(target, kind, name) {
            return was_applied(own);
        }
        let Some(environment) = self.environments.get(target) else { return false };
        let beside = self.environments.iter().filter(|(_, other)| *other == environment);
        beside.filter_map(|(other, _)| self.get(other, kind, name)).any(was_applied)
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
