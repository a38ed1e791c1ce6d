//! What the service holds: the objects of each kind, typed, by scope and id.
//!
//! Objects keep the order in which they came, so that pages neither repeat nor lose one. Encoding waits until
//! a page is asked for. Deliberately absent: what a write means; `rules` makes the object that is put here.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::kind::{Api, Kind, Leaf};
use crate::value::{Object, Value};

use super::things::Wholes;

/// One live object.
#[derive(Clone)]
pub struct Record {
    pub object: Object,
    /// Written values that wait for somebody; the object holds the old ones.
    pub waiting: Object,
    /// Made here and not yet verified, in a kind whose objects wait.
    pub unverified: bool,
}

/// Scope values by the number of the parameter; none where the request did not say.
pub type Scoped = Vec<Option<Value>>;

/// All objects of one kind.
pub struct Table {
    pub kind: Arc<Kind>,
    /// What ids of its objects refer to, where it is known.
    pub wholes: Wholes,
    groups: Vec<Group>,
    next: u64,
    largest: i64,
}

/// The objects of one scope.
struct Group {
    scope: Vec<Value>,
    records: BTreeMap<u64, Record>,
    by_id: HashMap<Box<str>, u64>,
}

impl Record {
    /// An object that waits for nothing.
    pub fn new(object: Object) -> Self {
        Self { object, waiting: Object::default(), unverified: false }
    }
}

impl Table {
    /// An empty table.
    pub fn new(kind: Arc<Kind>) -> Self {
        Self { kind, wholes: Wholes::default(), groups: Vec::new(), next: 0, largest: 0 }
    }

    /// The objects of a scope, oldest first, each with its scope.
    pub fn list(&self, scope: &Scoped) -> impl Iterator<Item = (&[Value], &Record)> {
        let groups = self.groups.iter().filter(|group| within(&group.scope, scope));
        groups.flat_map(|group| group.records.values().map(|record| (&*group.scope, record)))
    }

    /// The object with that id.
    pub fn get(&self, scope: &Scoped, id: &Value) -> Option<(&[Value], &Record)> {
        let id = id_text(&self.kind.api, id);
        let mut groups = self.groups.iter().filter(|group| within(&group.scope, scope));
        groups.find_map(|group| Some((&*group.scope, group.records.get(group.by_id.get(&*id)?)?)))
    }

    /// Puts an object in, over the one with the same id.
    pub fn put(&mut self, scope: &[Value], mut record: Record) {
        record.object.shrink();
        let id = record.object.get(self.kind.identity.id).cloned().unwrap_or(Value::Null);
        if let Value::Whole(number) = id {
            self.largest = self.largest.max(number);
        }
        let id = id_text(&self.kind.api, &id);
        let at = match self.groups.iter().position(|group| group.scope == scope) {
            Some(at) => at,
            None => {
                self.groups.push(Group::new(scope));
                self.groups.len() - 1
            }
        };
        let Some(group) = self.groups.get_mut(at) else { return };
        let number = *group.by_id.entry(id.into()).or_insert(self.next);
        group.records.insert(number, record);
        self.next += 1;
    }

    /// Takes the object with that id out.
    pub fn take(&mut self, scope: &Scoped, id: &Value) -> Option<Record> {
        let id = id_text(&self.kind.api, id);
        let mut groups = self.groups.iter_mut().filter(|group| within(&group.scope, scope));
        groups.find_map(|group| group.records.remove(&group.by_id.remove(&*id)?))
    }

    /// Every object, to be changed in place; ids must stay.
    pub fn each(&mut self) -> impl Iterator<Item = &mut Record> {
        self.groups.iter_mut().flat_map(|group| group.records.values_mut())
    }

    /// The scope in which a new object lands when the request did not say all of it.
    pub fn scope_for(&self, scope: &Scoped) -> Vec<Value> {
        let known = self.groups.iter().find(|group| within(&group.scope, scope));
        let known = known.map(|group| group.scope.as_slice()).unwrap_or_default();
        let value = |(index, value): (usize, &Option<Value>)| {
            value.clone().or_else(|| known.get(index).cloned()).unwrap_or(Value::Null)
        };
        scope.iter().enumerate().map(value).collect()
    }

    /// Whether there ever was an object in this scope.
    pub fn has_scope(&self, scope: &Scoped) -> bool {
        self.groups.iter().any(|group| within(&group.scope, scope))
    }

    /// The next id of a kind whose ids are whole numbers.
    pub fn next_whole(&self) -> i64 {
        self.largest.saturating_add(1)
    }
}

impl Group {
    fn new(scope: &[Value]) -> Self {
        Self { scope: scope.to_vec(), records: BTreeMap::new(), by_id: HashMap::new() }
    }
}

fn within(own: &[Value], asked: &Scoped) -> bool {
    own.iter().zip(asked).all(|(own, asked)| asked.as_ref().is_none_or(|asked| asked == own))
}

fn id_text(api: &Api, id: &Value) -> String {
    Leaf::url_text(id, api)
}
