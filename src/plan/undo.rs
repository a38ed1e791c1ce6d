//! What is to be wanted of an object so that values that a run wrote become what they were before.
//!
//! Only leaves count that still hold what the run wrote; every other one stays as it is, and why is said. What
//! comes out is an ordinary wish that names these leaves and nothing else; of a list that is written as a whole
//! it names every item as it is by now. So what follows is an ordinary plan.
//! Deliberately absent: where records of a run are, and objects that came or went as a whole.

use std::collections::BTreeMap;

use crate::diagnostic::SourceSpan;
use crate::document::{DesiredNode, DesiredValue};
use crate::kind::equality::is_equal;
use crate::kind::identity::ItemIdentity;
use crate::kind::mask::is_unreadable;
use crate::kind::{ArrayType, ClearValue, Field, FieldType, ItemType, Kind, ListType, MapType, Shape};
use crate::value::{Object, PathSegment, Value, ValuePath};

/// A value that a run wrote; or an item or entry that came or went as a whole.
#[derive(Clone)]
pub struct UndoableChange {
    pub path: ValuePath,
    /// The ids of the rows on the path, by the number of the segment.
    pub row_ids: Vec<(usize, Value)>,
    /// Where it stands, for people.
    pub label: String,
    pub before: Option<Value>,
    pub after: Option<Value>,
}

/// Why a value stays as it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UndoSkipReason {
    /// It is already what it was before.
    AlreadyReverted,
    /// It holds something else by now, or what it stands in is not there any more.
    Conflict,
    /// The service does not show what it holds.
    Unreadable,
    /// The service takes nothing away from this list.
    NoRemoval,
    /// It cannot be written any more.
    Immutable,
}

/// What undoing comes to, for one object.
pub struct UndoProposal {
    /// What is to be wanted of the object.
    pub spec: DesiredNode,
    /// The root fields that it touches.
    pub touched_fields: Vec<u16>,
    /// Leaves that stay, by their number.
    pub skipped: Vec<(usize, UndoSkipReason)>,
}

/// What is to be wanted so that these values are undone.
pub fn propose_undo(kind: &Kind, live: &Object, values: &[UndoableChange]) -> UndoProposal {
    let mut undoing = UndoBuilder { skipped: Vec::new(), reverted_count: 0 };
    let ways: Vec<PathCursor> =
        (0..).zip(values).map(|(number, change)| PathCursor { index: number, change, depth: 0 }).collect();
    let fields = undoing.undo_object(&kind.shape, Some(live), &ways);
    undoing.skipped.sort_by_key(|(number, _)| *number);
    let touched = fields.iter().map(|(number, _)| *number).collect();
    UndoProposal {
        spec: build_node(DesiredValue::Object(fields)),
        touched_fields: touched,
        skipped: undoing.skipped,
    }
}

/// What is to be wanted of a new object so that it is as the one that is gone; nothing when a value has no place
/// in the kind.
pub fn propose_recreate(kind: &Kind, changes: &[UndoableChange]) -> Option<DesiredNode> {
    let mut fields: BTreeMap<u16, Vec<DesiredNode>> = BTreeMap::new();
    let mut lists = BTreeMap::new();
    for change in changes {
        let Some(PathSegment::Field(name)) = change.path.0.first() else { return None };
        let field = kind.shape.find_field(name)?;
        let value = change.before.as_ref()?;
        match (&field.ty, change.path.0.len()) {
            (FieldType::Array(list), 2) => {
                lists
                    .entry(field.number)
                    .or_insert_with(Vec::new)
                    .push(build_node(build_desired_item(&list.item, value)));
            }
            (ty, 1) => {
                fields.entry(field.number).or_default().push(build_node(build_desired(ty, Some(value))))
            }
            _ => return None,
        }
    }
    let lists = lists.into_iter().map(|(number, items)| (number, build_node(DesiredValue::List(items))));
    let mut all: Vec<(u16, DesiredNode)> =
        fields.into_iter().filter_map(|(number, mut own)| Some((number, own.pop()?))).chain(lists).collect();
    all.sort_by_key(|(number, _)| *number);
    Some(build_node(DesiredValue::Object(all)))
}

/// Whether a value of a new object can be asked for; what the service sets comes by itself.
pub fn is_writable_path(kind: &Kind, path: &ValuePath) -> bool {
    let field = path.top_field().and_then(|name| kind.shape.find_field(name));
    field.is_none_or(|field| !is_read_only(field))
}

/// Whether a field is not for documents to set.
pub fn is_read_only(field: &Field) -> bool {
    field.behavior.read_only || field.copy_of.is_some() || field.omit_from_writes
}

/// The way to a value from where it is looked at.
#[derive(Clone, Copy)]
struct PathCursor<'w> {
    index: usize,
    change: &'w UndoableChange,
    /// How many segments are behind.
    depth: usize,
}

impl<'w> PathCursor<'w> {
    fn segment(&self) -> Option<&'w PathSegment> {
        self.change.path.0.get(self.depth)
    }

    fn advance(self) -> Self {
        Self { depth: self.depth + 1, ..self }
    }

    fn is_at_end(&self) -> bool {
        self.depth >= self.change.path.0.len()
    }

    /// The item that is meant by the segment at hand; nothing when none is, or several are.
    fn find_item(&self, identity: ItemIdentity, items: &[Value]) -> Option<usize> {
        let row = self.change.row_ids.iter().find(|(at, _)| *at == self.depth).map(|(_, id)| id);
        match (row.filter(|_| identity.row_id_field().is_some()), self.segment()) {
            (Some(id), _) => identity.find_row(items, id),
            (None, Some(PathSegment::Item { key, .. })) => identity.find_item(items, key),
            _ => None,
        }
    }
}

struct UndoBuilder {
    skipped: Vec<(usize, UndoSkipReason)>,
    reverted_count: usize,
}

impl UndoBuilder {
    fn skip_change(&mut self, way: &PathCursor, why: UndoSkipReason) {
        self.skipped.push((way.index, why));
    }

    fn skip_changes(&mut self, ways: &[PathCursor], why: UndoSkipReason) {
        ways.iter().for_each(|way| self.skip_change(way, why));
    }

    /// Whether a value still holds what was written; notes why not.
    fn confirm_written(&mut self, way: &PathCursor, is: &dyn Fn(Option<&Value>) -> bool) -> bool {
        let holds = is(way.change.after.as_ref());
        if holds {
            self.reverted_count += 1;
        } else {
            let back = is(way.change.before.as_ref());
            self.skip_change(
                way,
                if back { UndoSkipReason::AlreadyReverted } else { UndoSkipReason::Conflict },
            );
        }
        holds
    }

    fn undo_object(
        &mut self,
        shape: &Shape,
        live: Option<&Object>,
        ways: &[PathCursor],
    ) -> Vec<(u16, DesiredNode)> {
        let mut fields: BTreeMap<u16, Vec<PathCursor>> = BTreeMap::new();
        for way in ways {
            match way.segment() {
                Some(PathSegment::Field(name)) if shape.find_field(name).is_some() => {
                    let number = shape.find_field(name).map_or(0, |field| field.number);
                    fields.entry(number).or_default().push(way.advance());
                }
                _ => self.skip_change(way, UndoSkipReason::Conflict),
            }
        }
        let desired = |(number, ways): (u16, Vec<PathCursor>)| {
            let now = live.and_then(|live| live.get_field(number));
            Some((number, build_node(self.undo_field(shape.get_field(number), now, &ways)?)))
        };
        fields.into_iter().filter_map(desired).collect()
    }

    /// What is to be wanted of a field; nothing when nothing of it is undone.
    fn undo_field(
        &mut self,
        field: &Field,
        now: Option<&Value>,
        ways: &[PathCursor],
    ) -> Option<DesiredValue> {
        if let Some(way) = ways.iter().find(|way| way.is_at_end()) {
            return self.undo_value(field, now, way);
        }
        let undone = self.reverted_count;
        let desired = match &field.ty {
            FieldType::Object(shape) => {
                DesiredValue::Object(self.undo_object(shape, now.and_then(Value::as_object), ways))
            }
            FieldType::Map(map) => self.undo_map(map, now, ways),
            FieldType::Array(list) => self.undo_list(list, now.map(Value::items).unwrap_or_default(), ways),
            FieldType::Scalar(_) => {
                self.skip_changes(ways, UndoSkipReason::Conflict);
                return None;
            }
        };
        (self.reverted_count > undone).then_some(desired)
    }

    fn undo_value(&mut self, field: &Field, now: Option<&Value>, way: &PathCursor) -> Option<DesiredValue> {
        let clears = matches!(way.change.before, None | Some(Value::Null));
        if field.behavior.immutable
            || is_read_only(field)
            || (clears && field.clear_with == ClearValue::Nothing)
        {
            self.skip_change(way, UndoSkipReason::Immutable);
            return None;
        }
        if is_unreadable(field, now) {
            self.skip_change(way, UndoSkipReason::Unreadable);
            return None;
        }
        let is = |value: Option<&Value>| is_equal(field, now, value);
        self.confirm_written(way, &is).then(|| build_desired(&field.ty, way.change.before.as_ref()))
    }

    fn undo_map(&mut self, map: &MapType, now: Option<&Value>, ways: &[PathCursor]) -> DesiredValue {
        let now: &[(Box<str>, Value)] = match now {
            Some(Value::Map(entries)) => entries,
            _ => &[],
        };
        let said = |value: &Value| !matches!(value, Value::Null);
        let mut touched: Vec<(Box<str>, Option<Value>)> = Vec::new();
        for way in ways {
            let Some(PathSegment::Key(key, _)) = way.segment() else {
                self.skip_change(way, UndoSkipReason::Conflict);
                continue;
            };
            let value =
                now.iter().find(|(own, _)| own == key).map(|(_, value)| value).filter(|own| said(own));
            let is = |other: Option<&Value>| match (value, other.filter(|own| said(own))) {
                (Some(a), Some(b)) => a.is_equivalent(b),
                (a, b) => a.is_none() && b.is_none(),
            };
            if self.confirm_written(way, &is) {
                touched.push((key.clone(), way.change.before.clone().filter(said)));
            }
        }
        let is_touched = |key: &str| touched.iter().any(|(own, _)| **own == *key);
        let rest = now
            .iter()
            .filter(|(key, value)| map.deletes_unlisted && said(value) && !is_touched(key))
            .cloned();
        let own = touched.iter().filter_map(|(key, value)| match value {
            Some(value) => Some((key.clone(), value.clone())),
            None => (!map.deletes_unlisted).then(|| (key.clone(), Value::Null)),
        });
        DesiredValue::Map(
            rest.chain(own).map(|(key, value)| (key, build_node(DesiredValue::Literal(value)))).collect(),
        )
    }

    fn undo_list(&mut self, list: &ArrayType, items: &[Value], ways: &[PathCursor]) -> DesiredValue {
        DesiredValue::List(match (list.item_identity(), &list.list_type) {
            (Some(identity), _) => self.undo_keyed_list(list, identity, items, ways),
            (None, ListType::Atomic) => self.undo_ordered_list(list, items, ways),
            _ => self.undo_set(list, items, ways),
        })
    }

    fn undo_keyed_list(
        &mut self,
        list: &ArrayType,
        identity: ItemIdentity,
        items: &[Value],
        ways: &[PathCursor],
    ) -> Vec<DesiredNode> {
        let (mut gone, mut again) = (Vec::new(), Vec::new());
        let mut inner: BTreeMap<usize, Vec<PathCursor>> = BTreeMap::new();
        for way in ways {
            let at = way.find_item(identity, items);
            match (at, way.advance().is_at_end()) {
                (Some(at), false) => inner.entry(at).or_default().push(way.advance()),
                (None, false) => self.skip_change(way, UndoSkipReason::Conflict),
                (at, true) => match self.undo_item(list, identity.shape, at.map(|at| &items[at]), way) {
                    Some(ItemUndo::Remove) => gone.extend(at),
                    Some(ItemUndo::Restore(desired)) => again.push(build_node(desired)),
                    None => {}
                },
            }
        }
        let mut desired_objects = Vec::new();
        for (at, item) in items.iter().enumerate().filter(|(at, _)| !gone.contains(at)) {
            let ways = inner.remove(&at).unwrap_or_default();
            let Some(object) = item.as_object() else { continue };
            let own = self.build_keyed_item(identity, object, &ways);
            if list.deletes_unlisted || own.1 {
                desired_objects.push(build_node(DesiredValue::Object(own.0)));
            }
        }
        desired_objects.extend(again);
        desired_objects
    }

    /// An item with what tells it apart, and whether anything in it is undone.
    fn build_keyed_item(
        &mut self,
        identity: ItemIdentity,
        item: &Object,
        ways: &[PathCursor],
    ) -> (Vec<(u16, DesiredNode)>, bool) {
        let shape = identity.shape;
        let row = identity.row_id_field().filter(|_| identity.read_row_id(item).is_some());
        let own: Vec<u16> = match row {
            Some(field) => vec![field.number],
            None => identity.own_keys().flatten().copied().collect(),
        };
        let tells = |way: &&PathCursor| {
            let field = match way.segment() {
                Some(PathSegment::Field(name)) => shape.find_field(name),
                _ => None,
            };
            field.is_some_and(|field| own.contains(&field.number))
        };
        // without what tells it apart it would be another item
        let (fixed, free): (Vec<&PathCursor>, Vec<&PathCursor>) = ways.iter().partition(tells);
        fixed.into_iter().for_each(|way| self.skip_change(way, UndoSkipReason::Immutable));
        let free: Vec<PathCursor> = free.into_iter().copied().collect();
        let mut fields = self.undo_object(shape, Some(item), &free);
        let undone = !fields.is_empty();
        for number in own {
            let value = item.get_field(number).filter(|value| !matches!(value, Value::Null));
            let is_there = fields.iter().any(|(named, _)| *named == number);
            if let (Some(value), false) = (value, is_there) {
                fields.push((number, build_node(build_desired(&shape.get_field(number).ty, Some(value)))));
            }
        }
        fields.sort_by_key(|(number, _)| *number);
        (fields, undone)
    }

    /// What becomes of an item that came or went as a whole.
    fn undo_item(
        &mut self,
        list: &ArrayType,
        shape: &Shape,
        now: Option<&Value>,
        way: &PathCursor,
    ) -> Option<ItemUndo> {
        let is =
            |side: Option<&Value>| match (now.and_then(Value::as_object), side.and_then(Value::as_object)) {
                (Some(now), Some(side)) => covers_object(shape, side, now),
                (None, None) => true,
                _ => false,
            };
        if !list.deletes_unlisted && way.change.before.is_none() {
            self.skip_change(
                way,
                if now.is_none() { UndoSkipReason::AlreadyReverted } else { UndoSkipReason::NoRemoval },
            );
            return None;
        }
        let before = way.change.before.as_ref();
        self.confirm_written(way, &is).then(|| {
            before.map_or(ItemUndo::Remove, |item| ItemUndo::Restore(build_desired_item(&list.item, item)))
        })
    }

    fn undo_ordered_list(
        &mut self,
        list: &ArrayType,
        items: &[Value],
        ways: &[PathCursor],
    ) -> Vec<DesiredNode> {
        let mut goal: Vec<DesiredValue> =
            items.iter().map(|item| build_unchanged_item(&list.item, item)).collect();
        let mut inner: BTreeMap<usize, Vec<PathCursor>> = BTreeMap::new();
        let (mut whole, index) = (Vec::new(), |way: &PathCursor| match way.segment() {
            Some(PathSegment::Item { index, .. }) => *index,
            _ => usize::MAX,
        });
        for way in ways {
            match way.advance().is_at_end() {
                true => whole.push(*way),
                false => inner.entry(index(way)).or_default().push(way.advance()),
            }
        }
        for (at, ways) in inner {
            match (&list.item, items.get(at).and_then(Value::as_object)) {
                (ItemType::Object(shape), Some(object)) => {
                    goal[at] = DesiredValue::Object(self.undo_object(shape, Some(object), &ways));
                }
                _ => self.skip_changes(&ways, UndoSkipReason::Conflict),
            }
        }
        // what was added goes from the end, what was interrupted comes back at it
        whole.sort_by_key(|way| (way.change.before.is_some(), way.change.after.is_none(), index(way)));
        let added = whole.iter().take_while(|way| way.change.before.is_none()).count();
        whole[..added].reverse();
        for way in &whole {
            self.undo_positioned_item(list, items, (index(way), way), &mut goal);
        }
        goal.into_iter().map(build_node).collect()
    }

    /// One item of a list in which places tell items apart.
    fn undo_positioned_item(
        &mut self,
        list: &ArrayType,
        items: &[Value],
        (at, way): (usize, &PathCursor),
        goal: &mut Vec<DesiredValue>,
    ) {
        let now = items.get(at);
        let is = |side: Option<&Value>| is_same_item(&list.item, side, now);
        let ends = match (&way.change.before, &way.change.after) {
            (None, _) => at + 1 == goal.len(),
            (_, None) => at == goal.len() || now.is_some(),
            _ => true,
        };
        if way.change.before.is_none() && !list.deletes_unlisted && now.is_some() {
            return self.skip_change(way, UndoSkipReason::NoRemoval);
        }
        if !ends {
            return self.skip_change(
                way,
                if is(way.change.before.as_ref()) {
                    UndoSkipReason::AlreadyReverted
                } else {
                    UndoSkipReason::Conflict
                },
            );
        }
        if !self.confirm_written(way, &is) {
            return;
        }
        match &way.change.before {
            None => drop(goal.pop()),
            Some(before) if at == goal.len() => goal.push(build_desired_item(&list.item, before)),
            Some(before) => goal[at] = build_desired_item(&list.item, before),
        }
    }

    fn undo_set(&mut self, list: &ArrayType, items: &[Value], ways: &[PathCursor]) -> Vec<DesiredNode> {
        let mut goal: Vec<Value> = if list.deletes_unlisted { items.to_vec() } else { Vec::new() };
        for way in ways {
            let value = way.change.before.as_ref().or(way.change.after.as_ref());
            let now = value.and_then(|value| items.iter().find(|item| item.is_equivalent(value)));
            if !list.deletes_unlisted && way.change.before.is_none() && now.is_some() {
                self.skip_change(way, UndoSkipReason::NoRemoval);
                continue;
            }
            let is = |side: Option<&Value>| side.is_some() == now.is_some();
            if self.confirm_written(way, &is) {
                goal.retain(|item| value.is_none_or(|value| !item.is_equivalent(value)));
                goal.extend(way.change.before.clone());
            }
        }
        goal.into_iter().map(|value| build_node(DesiredValue::Literal(value))).collect()
    }
}

/// What becomes of an item.
enum ItemUndo {
    Remove,
    Restore(DesiredValue),
}

fn build_node(desired: DesiredValue) -> DesiredNode {
    DesiredNode { span: SourceSpan::default(), value: desired }
}

/// The wish for a value as it was.
fn build_desired(ty: &FieldType, value: Option<&Value>) -> DesiredValue {
    match (ty, value) {
        (_, None | Some(Value::Null)) => DesiredValue::Clear,
        (FieldType::Object(shape), Some(Value::Object(object))) => {
            DesiredValue::Object(build_members(shape, object))
        }
        (FieldType::Map(_), Some(Value::Map(entries))) => {
            let entry = |(key, value): &(Box<str>, Value)| {
                (key.clone(), build_node(DesiredValue::Literal(value.clone())))
            };
            DesiredValue::Map(entries.iter().map(entry).collect())
        }
        (FieldType::Array(list), Some(Value::Array(items))) => DesiredValue::List(
            items.iter().map(|item| build_node(build_desired_item(&list.item, item))).collect(),
        ),
        (_, Some(value)) => DesiredValue::Literal(value.clone()),
    }
}

/// The wish for an item as it was; a new row gets a new id.
fn build_desired_item(item: &ItemType, value: &Value) -> DesiredValue {
    match (item, value) {
        (ItemType::Object(shape), Value::Object(object)) => {
            DesiredValue::Object(build_members(shape, object))
        }
        _ => DesiredValue::Literal(value.clone()),
    }
}

fn build_members(shape: &Shape, object: &Object) -> Vec<(u16, DesiredNode)> {
    let own = object
        .fields()
        .filter(|(number, value)| !is_read_only(shape.get_field(*number)) && !matches!(value, Value::Null));
    own.map(|(number, value)| (number, build_node(build_desired(&shape.get_field(number).ty, Some(value)))))
        .collect()
}

/// The wish for an item that stays as it is.
fn build_unchanged_item(item: &ItemType, value: &Value) -> DesiredValue {
    match item {
        ItemType::Object(_) => DesiredValue::Object(Vec::new()),
        ItemType::Scalar(_) => DesiredValue::Literal(value.clone()),
    }
}

fn is_same_item(item: &ItemType, written: Option<&Value>, now: Option<&Value>) -> bool {
    match (item, written, now) {
        (_, None, None) => true,
        (ItemType::Object(shape), Some(Value::Object(written)), Some(Value::Object(now))) => {
            covers_object(shape, written, now)
        }
        (_, Some(written), Some(now)) => written.is_equivalent(now),
        _ => false,
    }
}

/// Whether an object holds everything that was written of it; what the service adds counts for nothing.
fn covers_object(shape: &Shape, written: &Object, now: &Object) -> bool {
    written.fields().all(|(number, value)| {
        let (field, now) = (shape.get_field(number), now.get_field(number));
        is_read_only(field)
            || is_unreadable(field, now)
            || is_equal(field, now, Some(value))
            || covers_nested(field, value, now)
    })
}

fn covers_nested(field: &Field, written: &Value, now: Option<&Value>) -> bool {
    match (&field.ty, written, now) {
        (FieldType::Object(shape), Value::Object(written), Some(Value::Object(now))) => {
            covers_object(shape, written, now)
        }
        (FieldType::Array(list), Value::Array(written), Some(Value::Array(now))) => {
            let all =
                |written: &Value| now.iter().any(|now| is_same_item(&list.item, Some(written), Some(now)));
            written.len() == now.len() && written.iter().all(all)
        }
        _ => false,
    }
}
