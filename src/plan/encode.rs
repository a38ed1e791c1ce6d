//! Values as bodies hold them: objects in full, or reduced to the members that differ.
//!
//! Deliberately absent: which fields a request is about (`request`).

use std::collections::HashMap;

use crate::exchange::WireValue;
use crate::kind::{AbsenceRule, ArrayType, Field, FieldType, ItemType, MapTypeName, Shape, UnknownMembers};
use crate::value::{Object, PathSegment, UnknownField, Value};

/// What of the path of a change is below the value at hand.
pub type PathTail<'p> = &'p [PathSegment];

/// When an object is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum WriteMode {
    Create,
    Update,
}

/// Whether a field belongs into a body that holds everything.
pub fn is_sent(field: &Field, value: Option<&Value>, moment: WriteMode) -> bool {
    let wrong_moment = match moment {
        WriteMode::Create => {
            field.behavior.update_only || (field.behavior.read_only && field.copy_of.is_none())
        }
        WriteMode::Update => field.behavior.immutable && field.behavior.write_only,
    };
    let always = moment == WriteMode::Update
        && matches!(field.ty, FieldType::Array(_))
        && field.when_absent == AbsenceRule::Zero;
    let omitted = field.omit_from_writes || field.is_member_name();
    !omitted && !wrong_moment && (value.is_some() || always)
}

pub fn encode_object(shape: &Shape, object: &Object, moment: WriteMode) -> WireValue {
    let mut members = Vec::with_capacity(shape.fields.len());
    for field in &shape.fields {
        let value = object.get_field(field.number);
        if !is_sent(field, value, moment) {
            continue;
        }
        if let Some(source) = object.find_source(field.number).filter(|_| moment == WriteMode::Update) {
            members.push((field.write_to.to_string(), WireValue::Raw(source.to_owned())));
            continue;
        }
        // a list that the service might keep when it is null is always said in full
        let value = match value {
            None | Some(Value::Null) if field.when_absent == AbsenceRule::Zero && field.is_nested() => {
                field.ty.build_zero_value()
            }
            None => continue,
            Some(Value::Null) if moment == WriteMode::Create => continue,
            Some(value) => value.clone(),
        };
        members.push((field.write_to.to_string(), encode_value(field, &value, moment)));
    }
    let carried = list_carried_members(shape, object);
    members.extend(carried.map(|own| (own.name.to_string(), WireValue::Raw(own.raw.to_string()))));
    WireValue::Object(members)
}

/// The members that no field describes and that a write of everything sends back.
pub fn list_carried_members<'o>(
    shape: &Shape,
    object: &'o Object,
) -> impl Iterator<Item = &'o UnknownField> + use<'o> {
    let is_carried = shape.unknown_members == UnknownMembers::Carried;
    object.unknown_fields.iter().chain(object.ignored_fields()).filter(move |_| is_carried)
}

/// A value in full.
pub fn encode_value(field: &Field, value: &Value, moment: WriteMode) -> WireValue {
    match (&field.ty, value) {
        (_, Value::Null) => WireValue::Null,
        (FieldType::Scalar(scalar), value) => scalar.encode_value(value),
        (FieldType::Map(map), Value::Map(entries)) => WireValue::Object(
            entries.iter().map(|(key, value)| (key.to_string(), map.value.encode_value(value))).collect(),
        ),
        (FieldType::Object(shape), Value::Object(object)) => encode_object(shape, object, moment),
        (FieldType::Array(list), Value::Array(items)) if list.keyed_members.is_some() => {
            WireValue::Object(encode_members(list, items, moment))
        }
        (FieldType::Array(list), Value::Array(items)) => WireValue::Array(
            items
                .iter()
                .map(|item| match (&list.item, item) {
                    (ItemType::Scalar(scalar), item) => scalar.encode_value(item),
                    (ItemType::Object(shape), Value::Object(object)) => encode_object(shape, object, moment),
                    (ItemType::Object(_), _) => WireValue::Null,
                })
                .collect(),
        ),
        _ => WireValue::Null,
    }
}

/// The items of a list that is an object in bodies, by their names.
fn encode_members(list: &ArrayType, items: &[Value], moment: WriteMode) -> Vec<(String, WireValue)> {
    let (Some(keyed), ItemType::Object(shape)) = (list.keyed_members, &list.item) else { return Vec::new() };
    let member = |item: &Value| {
        let object = item.as_object()?;
        Some((keyed.read_name(item)?.to_owned(), encode_object(shape, object, moment)))
    };
    items.iter().filter_map(member).collect()
}

/// A value reduced to what differs: of objects and maps the members that do, anything else in full. `deep`: the
/// service merges what is in the members too.
pub fn encode_changed_members(field: &Field, value: &Value, below: &[PathTail], deep: bool) -> WireValue {
    let is_whole = below.iter().any(|path| path.is_empty());
    match (&field.ty, value) {
        (FieldType::Object(shape), Value::Object(object)) => {
            WireValue::Object(encode_changed_fields(shape, object, below, deep))
        }
        // what is gone as a whole says no names
        (FieldType::Map(map), Value::Map(entries))
            if map.map_type == MapTypeName::Granular && is_whole && entries.is_empty() =>
        {
            WireValue::Null
        }
        (FieldType::Map(map), Value::Map(entries)) if map.map_type == MapTypeName::Granular => {
            let mut paths = PathsByKey::new(below);
            let changed = entries.iter().filter(|(key, _)| paths.take(key).is_some() || is_whole);
            let member = |(key, value): &(Box<str>, Value)| (key.to_string(), map.value.encode_value(value));
            let members: Vec<_> = changed.map(member).collect();
            WireValue::Object(paths.add_removed(members))
        }
        (FieldType::Array(list), Value::Array(items)) => match list.keyed_members {
            Some(keyed) if keyed.map_type == MapTypeName::Granular && is_whole && items.is_empty() => {
                WireValue::Null
            }
            Some(keyed) if keyed.map_type == MapTypeName::Granular && !is_whole => {
                WireValue::Object(encode_changed_items(list, items, below, deep))
            }
            _ => encode_value(field, value, WriteMode::Update),
        },
        _ => encode_value(field, value, WriteMode::Update),
    }
}

fn encode_changed_fields(
    shape: &Shape,
    object: &Object,
    below: &[PathTail],
    deep: bool,
) -> Vec<(String, WireValue)> {
    let is_whole = below.iter().any(|path| path.is_empty());
    let member = |inner: &Field| {
        let leads =
            |path: &&PathTail| matches!(path.first(), Some(PathSegment::Field(name)) if *name == inner.name);
        let tails: Vec<PathTail> = below.iter().filter(leads).map(|path| &path[1..]).collect();
        let value = object.get_field(inner.number).unwrap_or(&Value::Null);
        let wire = match deep && !is_whole && tails.iter().all(|path| !path.is_empty()) {
            true => encode_changed_members(inner, value, &tails, deep),
            false => encode_value(inner, value, WriteMode::Update),
        };
        (is_whole || !tails.is_empty()).then(|| (inner.write_to.to_string(), wire))
    };
    shape.fields.iter().filter(|field| !field.is_member_name()).filter_map(member).collect()
}

/// The items of a list that is an object in bodies, that change; one that goes is null.
fn encode_changed_items(
    list: &ArrayType,
    items: &[Value],
    below: &[PathTail],
    deep: bool,
) -> Vec<(String, WireValue)> {
    let (Some(keyed), ItemType::Object(shape)) = (list.keyed_members, &list.item) else { return Vec::new() };
    let (mut members, mut paths) = (Vec::new(), PathsByKey::new(below));
    for item in items {
        let (Some(name), Some(object)) = (keyed.read_name(item), item.as_object()) else { continue };
        let Some(tails) = paths.take(name) else { continue };
        let wire = match deep && tails.iter().all(|path| !path.is_empty()) {
            true => WireValue::Object(encode_changed_fields(shape, object, &tails, deep)),
            false => encode_object(shape, object, WriteMode::Update),
        };
        members.push((name.to_owned(), wire));
    }
    paths.add_removed(members)
}

/// Paths by the key of the entry or item to which they lead.
struct PathsByKey<'p> {
    keys: Vec<&'p str>,
    tails: HashMap<&'p str, Vec<PathTail<'p>>>,
}

impl<'p> PathsByKey<'p> {
    fn new(below: &[PathTail<'p>]) -> Self {
        let (mut keys, mut tails) = (Vec::new(), HashMap::<_, Vec<_>>::new());
        for (key, tail) in below.iter().filter_map(|path| Some((find_key(path)?, &path[1..]))) {
            keys.push(key);
            tails.entry(key).or_default().push(tail);
        }
        Self { keys, tails }
    }

    /// The rests of the paths behind a key.
    fn take(&mut self, key: &str) -> Option<Vec<PathTail<'p>>> {
        self.tails.remove(key)
    }

    /// Members with null for each key that no one took: an entry that goes.
    fn add_removed(mut self, mut members: Vec<(String, WireValue)>) -> Vec<(String, WireValue)> {
        for key in self.keys {
            if self.tails.remove(key).is_some() {
                members.push((key.to_owned(), WireValue::Null));
            }
        }
        members
    }
}

/// The entry of a map, or the item of a list that is an object in bodies, to which a path leads.
fn find_key<'p>(path: &PathTail<'p>) -> Option<&'p str> {
    match path.first()? {
        PathSegment::Key(key, _) => Some(key),
        PathSegment::Item { key, .. } => key.first()?.value.as_str(),
        PathSegment::Field(_) => None,
    }
}
