//! When two values are the same, and where two objects differ.
//!
//! Sameness is the field's affair: null, absent and the empty text are one for texts, absent is zero where the
//! kind says so, addresses ignore blanks around commas. Everything else is plain equality of typed values.

use crate::kind::mask::{is_mask, may_be_mask};
use crate::kind::{
    AbsenceRule, ArrayType, ComparisonRule, Field, FieldType, ItemType, ListType, ScalarType, Shape,
};
use crate::plan::{Change, ChangeValueType};
use crate::value::{ItemKeyField, Object, PathSegment, Sensitivity, Value, ValuePath};

/// Whether a field holds the same on both sides.
pub fn is_equal(field: &Field, a: Option<&Value>, b: Option<&Value>) -> bool {
    let (a, b) = (a.filter(|v| !matches!(v, Value::Null)), b.filter(|v| !matches!(v, Value::Null)));
    match (a, b) {
        (None, None) => true,
        (Some(one), None) | (None, Some(one)) => equals_absent(field, one),
        (Some(a), Some(b)) => is_equal_value(&field.ty, field.compare, a, b),
    }
}

/// Whether a value says no more than its absence would.
pub(super) fn equals_absent(field: &Field, value: &Value) -> bool {
    match &field.ty {
        FieldType::Scalar(ScalarType::String { .. } | ScalarType::Enum { .. }) => value.is_blank(),
        FieldType::Scalar(_) => field.when_absent == AbsenceRule::Zero && value.is_zero(),
        FieldType::Map(_) | FieldType::Array(_) => value.is_blank(),
        FieldType::Object(shape) => value.as_object().is_some_and(|object| {
            object.unknown_fields.is_empty()
                && object.fields().all(|(number, value)| is_equal(shape.get_field(number), Some(value), None))
        }),
    }
}

fn is_equal_value(ty: &FieldType, compare: ComparisonRule, a: &Value, b: &Value) -> bool {
    match ty {
        FieldType::Scalar(ScalarType::String { .. } | ScalarType::Enum { .. }) => {
            is_equal_text(compare, a, b)
        }
        FieldType::Scalar(_) | FieldType::Map(_) => a.is_equivalent(b),
        FieldType::Object(shape) => match (a.as_object(), b.as_object()) {
            (Some(a), Some(b)) => is_equal_object(shape, a, b),
            _ => a == b,
        },
        FieldType::Array(list) => is_equal_list(list, a.items(), b.items()),
    }
}

fn is_equal_text(compare: ComparisonRule, a: &Value, b: &Value) -> bool {
    let (Some(a), Some(b)) = (a.as_str(), b.as_str()) else { return a == b };
    match compare {
        ComparisonRule::Exact => a == b,
        ComparisonRule::CaseInsensitive => a == b || a.to_lowercase() == b.to_lowercase(),
        ComparisonRule::Addresses => a == b || normalize_addresses(a) == normalize_addresses(b),
    }
}

/// Addresses without the blanks around commas, their domains in lower case.
pub(super) fn normalize_addresses(text: &str) -> Vec<String> {
    let one = |address: &str| match address.rsplit_once('@') {
        Some((person, domain)) => format!("{person}@{}", domain.to_lowercase()),
        None => address.to_owned(),
    };
    text.split(',').map(str::trim).filter(|address| !address.is_empty()).map(one).collect()
}

fn is_equal_object(shape: &Shape, a: &Object, b: &Object) -> bool {
    shape.fields.iter().all(|field| is_equal(field, a.get_field(field.number), b.get_field(field.number)))
        && a.has_same_unknown_fields(b)
}

fn is_equal_list(list: &ArrayType, a: &[Value], b: &[Value]) -> bool {
    let alike = |a: &Value, b: &Value| match &list.item {
        ItemType::Scalar(_) => a.is_equivalent(b),
        ItemType::Object(shape) => match (a.as_object(), b.as_object()) {
            (Some(a), Some(b)) => is_equal_object(shape, a, b),
            _ => a == b,
        },
    };
    if a.len() != b.len() {
        return false;
    }
    match list.list_type {
        ListType::Atomic => a.iter().zip(b).all(|(a, b)| alike(a, b)),
        ListType::Set | ListType::Map(_) => {
            let mut free: Vec<&Value> = b.iter().collect();
            a.iter().all(|a| match free.iter().position(|b| alike(a, b)) {
                Some(at) => {
                    free.swap_remove(at);
                    true
                }
                None => false,
            })
        }
    }
}

/// Whether what was read may not be the value itself: hidden, masked, or pending.
///
/// A secret that reads empty may be hidden; of anything else that may be hidden, only a missing member is.
pub fn is_unreadable(field: &Field, live: Option<&Value>) -> bool {
    let hidden = match (field.when_absent, field.sensitivity) {
        (AbsenceRule::Hidden, Sensitivity::Secret) | (AbsenceRule::Pending, _) => {
            live.is_none_or(Value::is_blank)
        }
        (AbsenceRule::Hidden, _) => live.is_none(),
        (AbsenceRule::Null | AbsenceRule::Zero, _) => false,
    };
    hidden || field.behavior.write_only || is_masked(field, live)
}

/// Whether a service may show this in place of the value. Of a secret much less is believed.
fn is_masked(field: &Field, live: Option<&Value>) -> bool {
    live.and_then(Value::as_str).is_some_and(|text| match field.sensitivity {
        Sensitivity::Public => false,
        Sensitivity::Secret => may_be_mask(text),
        Sensitivity::Internal | Sensitivity::Personal => is_mask(text),
    })
}

/// Whether a service surely shows this very value: a text that only may be a mask and is the desired value is none.
pub fn is_shown(field: &Field, live: Option<&Value>, desired: &Value) -> bool {
    let may_show = !field.behavior.write_only && live.is_some_and(|live| !live.is_blank());
    let masked = live.and_then(Value::as_str).is_some_and(is_mask);
    may_show && !masked && is_equal(field, live, Some(desired))
}

/// The leaves that tell an item apart from those among which it stands, for paths: the first of the list's keys
/// that does, row ids last, because a new item has none yet.
pub fn find_item_key(
    shape: &Shape,
    told_apart: &ListType,
    item: &Value,
    among: &[Value],
) -> Vec<ItemKeyField> {
    let (ListType::Map(keys), Some(object)) = (told_apart, item.as_object()) else { return Vec::new() };
    let others = || among.iter().filter(|other| !std::ptr::eq(*other, item)).filter_map(Value::as_object);
    let tells = |key: &&&Vec<u16>| {
        key.iter().any(|number| object.get_field(*number).is_some_and(|value| !value.is_blank()))
            && !others().any(|other| is_equal_key(shape, key, object, other))
    };
    let (rows, own): (Vec<_>, Vec<_>) = keys.iter().partition(|key| is_row_id(shape, key));
    let keys: Vec<&Vec<u16>> = own.into_iter().chain(rows).collect();
    let leaf = |number: &u16| {
        let field = shape.get_field(*number);
        let value = object.get_field(*number).cloned().unwrap_or(Value::Null);
        ItemKeyField { name: field.name.clone(), value, sensitivity: field.sensitivity }
    };
    let key = keys.iter().find(tells).or(keys.first());
    key.map(|key| key.iter().map(leaf).collect()).unwrap_or_default()
}

fn is_equal_key(shape: &Shape, key: &[u16], a: &Object, b: &Object) -> bool {
    key.iter().all(|number| is_equal(shape.get_field(*number), a.get_field(*number), b.get_field(*number)))
}

/// A key of one field that the service sets is a row id.
pub fn is_row_id(shape: &Shape, key: &[u16]) -> bool {
    matches!(key, [number] if shape.get_field(*number).behavior.read_only)
}

/// The field that holds the row ids of a list's items, where they have one.
pub fn find_row_id<'s>(shape: &'s Shape, keys: &[Vec<u16>]) -> Option<&'s Field> {
    let key = keys.iter().find(|key| is_row_id(shape, key))?;
    key.first().map(|number| shape.get_field(*number))
}

/// Every leaf in which two objects of one shape differ; items and entries that came or went as wholes.
/// Fields for which `skip` is true are passed over, at any depth. A change whose second side may not be the
/// value itself is unseen.
pub fn diff_objects(shape: &Shape, a: &Object, b: &Object, skip: &dyn Fn(&Field) -> bool) -> Vec<Change> {
    let mut walk = DiffWalker { skip, changes: Vec::new() };
    walk.diff_object(shape, a, b, &ValuePath::default());
    walk.changes
}

struct DiffWalker<'s> {
    skip: &'s dyn Fn(&Field) -> bool,
    changes: Vec<Change>,
}

impl DiffWalker<'_> {
    fn diff_object(&mut self, shape: &Shape, a: &Object, b: &Object, path: &ValuePath) {
        for field in shape.fields.iter().filter(|field| !(self.skip)(field)) {
            let (a, b) = (a.get_field(field.number), b.get_field(field.number));
            let path = path.join_segment(PathSegment::Field(field.name.clone()));
            match (&field.ty, a, b) {
                _ if is_equal(field, a, b) => {}
                (FieldType::Object(shape), Some(Value::Object(a)), Some(Value::Object(b))) => {
                    self.diff_object(shape, a, b, &path);
                }
                (FieldType::Array(list), a, b) => {
                    let items = |side: Option<&Value>| side.map(|v| v.items().to_vec()).unwrap_or_default();
                    self.diff_list(list, field.sensitivity, &items(a), &items(b), &path);
                }
                (ty, a, b) => {
                    self.push_change(path, (a, b), ChangeValueType::from_type(ty), field.sensitivity);
                    self.set_unreadable(is_unreadable(field, b));
                }
            }
        }
        if !a.has_same_unknown_fields(b) {
            self.diff_unknown_fields(a, b, path);
        }
    }

    fn diff_unknown_fields(&mut self, a: &Object, b: &Object, path: &ValuePath) {
        let value = |object: &Object, name: &str| {
            object.unknown_fields.iter().find(|s| &*s.name == name).map(|s| Value::String(s.raw.clone()))
        };
        let mut names: Vec<&str> =
            a.unknown_fields.iter().chain(&b.unknown_fields).map(|s| &*s.name).collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            let (a, b) = (value(a, name), value(b, name));
            if a != b {
                // nobody knows what a stranger holds, so it is shown like a sensitive value
                let path = path.join_segment(PathSegment::Field(name.into()));
                self.push_change(
                    path,
                    (a.as_ref(), b.as_ref()),
                    ChangeValueType::Scalar(ScalarType::Any),
                    Sensitivity::Internal,
                );
            }
        }
    }

    fn diff_list(&mut self, list: &ArrayType, mark: Sensitivity, a: &[Value], b: &[Value], path: &ValuePath) {
        let mut free: Vec<(usize, &Value)> = b.iter().enumerate().collect();
        for (index, item) in a.iter().enumerate() {
            let partner = match list.list_type {
                ListType::Atomic => free.iter().position(|(at, _)| *at == index),
                _ => find_match(list, item, &free),
            };
            let partner = partner.map(|at| free.remove(at).1);
            let at = path.join_segment(build_segment(list, index, item, a));
            match (&list.item, item, partner) {
                (ItemType::Object(shape), Value::Object(a), Some(Value::Object(b))) => {
                    self.diff_object(shape, a, b, &at)
                }
                (_, item, Some(other)) if item.is_equivalent(other) => {}
                (_, item, other) => {
                    self.push_change(at, (Some(item), other), ChangeValueType::from_item(&list.item), mark)
                }
            }
        }
        // behind all of the first side, so that none is taken for one that is gone
        for (index, (_, item)) in (a.len()..).zip(free) {
            self.push_change(
                path.join_segment(build_segment(list, index, item, b)),
                (None, Some(item)),
                ChangeValueType::from_item(&list.item),
                mark,
            );
        }
    }

    /// Of the last change: whether nobody can see what is there now.
    fn set_unreadable(&mut self, unseen: bool) {
        if let Some(last) = self.changes.last_mut() {
            last.unreadable = unseen;
        }
    }

    fn push_change(
        &mut self,
        path: ValuePath,
        sides: (Option<&Value>, Option<&Value>),
        form: ChangeValueType,
        mark: Sensitivity,
    ) {
        let (before, after) = (sides.0.cloned(), sides.1.cloned());
        self.changes.push(Change {
            path,
            before,
            after,
            value_type: form,
            sensitivity: mark,
            place: None,
            unreadable: false,
            causes: Vec::new(),
        });
    }
}

/// The step of a path that leads to an item, told apart from those among which it stands.
pub fn build_segment(list: &ArrayType, index: usize, item: &Value, among: &[Value]) -> PathSegment {
    let key = match &list.item {
        ItemType::Object(shape) => find_item_key(shape, &list.list_type, item, among),
        ItemType::Scalar(_) => Vec::new(),
    };
    PathSegment::Item { index, key }
}

/// Which of these is the same thing, perhaps in another state: by row id, else by the keys, the further ones
/// deciding among those that the first finds.
fn find_match(list: &ArrayType, item: &Value, free: &[(usize, &Value)]) -> Option<usize> {
    let (ItemType::Object(shape), ListType::Map(keys), Some(object)) =
        (&list.item, &list.list_type, item.as_object())
    else {
        return free.iter().position(|(_, other)| item.is_equivalent(other));
    };
    let others: Vec<(usize, &Object)> =
        free.iter().enumerate().filter_map(|(at, (_, other))| Some((at, other.as_object()?))).collect();
    let row = find_row_id(shape, keys).map(|field| field.number);
    let id = |object: &Object| row.and_then(|row| object.get_field(row)).filter(|id| !id.is_zero()).cloned();
    let own = id(object);
    if let Some((at, _)) = others.iter().find(|(_, other)| own.is_some() && id(other) == own) {
        return Some(*at);
    }
    let mut keys = keys.iter().filter(|key| !is_row_id(shape, key));
    let first = keys.next()?;
    let mut found: Vec<_> =
        others.into_iter().filter(|(_, other)| is_equal_key(shape, first, object, other)).collect();
    for key in keys {
        let nearer: Vec<_> =
            found.iter().copied().filter(|(_, other)| is_equal_key(shape, key, object, other)).collect();
        found = if nearer.is_empty() { found } else { nearer };
    }
    found.first().map(|(at, _)| *at)
}

impl ChangeValueType {
    /// The form of a field's value.
    pub fn from_type(ty: &FieldType) -> Self {
        match ty {
            FieldType::Scalar(leaf) => Self::Scalar(leaf.clone()),
            FieldType::Object(shape) => Self::Object(shape.clone()),
            FieldType::Map(map) => Self::Map(map.value.clone()),
            FieldType::Array(list) => Self::from_item(&list.item),
        }
    }

    /// The form of a list's item.
    pub fn from_item(item: &ItemType) -> Self {
        match item {
            ItemType::Scalar(leaf) => Self::Scalar(leaf.clone()),
            ItemType::Object(shape) => Self::Object(shape.clone()),
        }
    }
}
