//! What the service holds: the objects of each kind, typed, by scope and id.
//!
//! Objects keep the order in which they came, so that pages neither repeat nor lose one. Encoding waits until
//! a page is asked for. Deliberately absent: what a write means; `rules` makes the object that is put here.

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::kind::{Api, Kind, ScalarType};
use crate::sandbox::embedded_objects::EmbeddedObjects;
use crate::value::{Object, Value};

/// One live object.
#[derive(Clone)]
pub struct SandboxRecord {
    pub object: Object,
    /// Written values that wait for someone; the object holds the old ones.
    pub pending: Object,
    /// Made here and not yet verified, in a kind whose objects wait.
    pub unverified: bool,
    /// So many reads show it before it is ready.
    pub unready_reads: Cell<u8>,
}

/// Scope values by the number of the parameter; none where the request did not say.
pub type SandboxScopeFilter = Vec<Option<Value>>;

/// All objects of one kind.
pub struct SandboxTable {
    pub kind: Arc<Kind>,
    /// What ids of its objects refer to, where it is known.
    pub embedded: EmbeddedObjects,
    groups: Vec<SandboxScopeGroup>,
    next_number: u64,
    largest_id: i64,
}

/// The objects of one scope.
struct SandboxScopeGroup {
    scope: Vec<Value>,
    records: BTreeMap<u64, SandboxRecord>,
    by_id: HashMap<Box<str>, u64>,
}

impl SandboxRecord {
    /// An object that waits for nothing.
    pub fn new(object: Object) -> Self {
        Self { object, pending: Object::default(), unverified: false, unready_reads: Cell::new(0) }
    }
}

impl SandboxTable {
    /// An empty table.
    pub fn new(kind: Arc<Kind>) -> Self {
        Self { kind, embedded: EmbeddedObjects::default(), groups: Vec::new(), next_number: 0, largest_id: 0 }
    }

    /// The objects of a scope, oldest first, each with its scope.
    pub fn list_records(
        &self,
        scope: &SandboxScopeFilter,
    ) -> impl Iterator<Item = (&[Value], &SandboxRecord)> {
        let groups = self.groups.iter().filter(|group| is_within(&group.scope, scope));
        groups.flat_map(|group| group.records.values().map(|record| (&*group.scope, record)))
    }

    /// The object with that id.
    pub fn find_record(&self, scope: &SandboxScopeFilter, id: &Value) -> Option<(&[Value], &SandboxRecord)> {
        let id = render_id(&self.kind.api, id);
        let mut groups = self.groups.iter().filter(|group| is_within(&group.scope, scope));
        groups.find_map(|group| Some((&*group.scope, group.records.get(group.by_id.get(&*id)?)?)))
    }

    /// Puts an object in, over the one with the same id.
    pub fn put_record(&mut self, scope: &[Value], mut record: SandboxRecord) {
        record.object.shrink_to_fit();
        let id = record.object.get_field(self.kind.identity.id).cloned().unwrap_or(Value::Null);
        if let Value::Integer(number) = id {
            self.largest_id = self.largest_id.max(number);
        }
        let id = render_id(&self.kind.api, &id);
        let at = match self.groups.iter().position(|group| group.scope == scope) {
            Some(at) => at,
            None => {
                self.groups.push(SandboxScopeGroup::new(scope));
                self.groups.len() - 1
            }
        };
        let Some(group) = self.groups.get_mut(at) else { return };
        let number = *group.by_id.entry(id.into()).or_insert(self.next_number);
        group.records.insert(number, record);
        self.next_number += 1;
    }

    /// Takes the object with that id out.
    pub fn take_record(&mut self, scope: &SandboxScopeFilter, id: &Value) -> Option<SandboxRecord> {
        let id = render_id(&self.kind.api, id);
        let mut groups = self.groups.iter_mut().filter(|group| is_within(&group.scope, scope));
        groups.find_map(|group| group.records.remove(&group.by_id.remove(&*id)?))
    }

    /// Takes out everything whose scope has a value at a place; gives the ids.
    pub fn take_scope(&mut self, at: usize, value: &Value) -> Vec<Value> {
        let (gone, kept) = self.groups.drain(..).partition(|group| group.scope.get(at) == Some(value));
        self.groups = kept;
        let gone: Vec<SandboxScopeGroup> = gone;
        let records = gone.into_iter().flat_map(|group| group.records.into_values());
        records.filter_map(|record| record.object.get_field(self.kind.identity.id).cloned()).collect()
    }

    /// Every object, to be changed in place; ids must stay.
    pub fn iter_records_mut(&mut self) -> impl Iterator<Item = &mut SandboxRecord> {
        self.groups.iter_mut().flat_map(|group| group.records.values_mut())
    }

    /// The scope in which a new object lands when the request did not say all of it.
    pub fn complete_scope(&self, scope: &SandboxScopeFilter) -> Vec<Value> {
        let known = self.groups.iter().find(|group| is_within(&group.scope, scope));
        let known = known.map(|group| group.scope.as_slice()).unwrap_or_default();
        let value = |(index, value): (usize, &Option<Value>)| {
            value.clone().or_else(|| known.get(index).cloned()).unwrap_or(Value::Null)
        };
        scope.iter().enumerate().map(value).collect()
    }

    /// Whether there ever was an object in this scope.
    pub fn has_scope(&self, scope: &SandboxScopeFilter) -> bool {
        self.groups.iter().any(|group| is_within(&group.scope, scope))
    }

    /// The next id of a kind whose ids are whole numbers.
    pub fn compute_next_id(&self) -> i64 {
        self.largest_id.saturating_add(1)
    }
}

impl SandboxScopeGroup {
    fn new(scope: &[Value]) -> Self {
        Self { scope: scope.to_vec(), records: BTreeMap::new(), by_id: HashMap::new() }
    }
}

fn is_within(own: &[Value], requested: &SandboxScopeFilter) -> bool {
    own.iter()
        .zip(requested)
        .all(|(own, requested)| requested.as_ref().is_none_or(|requested| requested == own))
}

fn render_id(api: &Api, id: &Value) -> String {
    ScalarType::render_url_text(id, api)
}
