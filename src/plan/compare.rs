//! When two values are the same, and where two objects differ.
//!
//! Sameness is the field's affair: null, absent and the empty text are one for texts, absent is zero where the
//! kind says so, addresses ignore blanks around commas. Everything else is plain equality of typed values.

use crate::kind::{Absent, Compare, Field, Item, Leaf, ListType, Shape, ToldApart, Type};
use crate::plan::{Change, Form};
use crate::value::{KeyLeaf, Mark, Object, Path, Segment, Value, looks_masked};

/// Whether a field holds the same on both sides.
pub fn same(field: &Field, a: Option<&Value>, b: Option<&Value>) -> bool {
    let (a, b) = (a.filter(|v| !matches!(v, Value::Null)), b.filter(|v| !matches!(v, Value::Null)));
    match (a, b) {
        (None, None) => true,
        (Some(one), None) | (None, Some(one)) => means_nothing(field, one),
        (Some(a), Some(b)) => same_value(&field.ty, field.compare, a, b),
    }
}

/// Whether a value says no more than its absence would.
pub(super) fn means_nothing(field: &Field, value: &Value) -> bool {
    match &field.ty {
        Type::Leaf(Leaf::Text { .. } | Leaf::Choice { .. }) => value.is_blank(),
        Type::Leaf(_) => field.absent == Absent::Zero && value.is_zero(),
        Type::Map(_) | Type::List(_) => value.is_blank(),
        Type::Object(shape) => value.as_object().is_some_and(|object| {
            object.strangers.is_empty()
                && object.fields().all(|(number, value)| same(shape.field(number), Some(value), None))
        }),
    }
}

fn same_value(ty: &Type, compare: Compare, a: &Value, b: &Value) -> bool {
    match ty {
        Type::Leaf(Leaf::Text { .. } | Leaf::Choice { .. }) => same_text(compare, a, b),
        Type::Leaf(_) | Type::Map(_) => a.same(b),
        Type::Object(shape) => match (a.as_object(), b.as_object()) {
            (Some(a), Some(b)) => same_object(shape, a, b),
            _ => a == b,
        },
        Type::List(list) => same_list(list, a.items(), b.items()),
    }
}

fn same_text(compare: Compare, a: &Value, b: &Value) -> bool {
    let (Some(a), Some(b)) = (a.as_text(), b.as_text()) else { return a == b };
    match compare {
        Compare::Exact => a == b,
        Compare::IgnoreCase => a == b || a.to_lowercase() == b.to_lowercase(),
        Compare::Addresses => a == b || addresses(a) == addresses(b),
    }
}

/// Addresses without the blanks around commas, their domains in lower case.
pub(super) fn addresses(text: &str) -> Vec<String> {
    let one = |address: &str| match address.rsplit_once('@') {
        Some((person, domain)) => format!("{person}@{}", domain.to_lowercase()),
        None => address.to_owned(),
    };
    text.split(',').map(str::trim).filter(|address| !address.is_empty()).map(one).collect()
}

fn same_object(shape: &Shape, a: &Object, b: &Object) -> bool {
    shape.fields.iter().all(|field| same(field, a.get(field.number), b.get(field.number)))
        && a.same_strangers(b)
}

fn same_list(list: &ListType, a: &[Value], b: &[Value]) -> bool {
    let alike = |a: &Value, b: &Value| match &list.item {
        Item::Leaf(_) => a.same(b),
        Item::Object(shape) => match (a.as_object(), b.as_object()) {
            (Some(a), Some(b)) => same_object(shape, a, b),
            _ => a == b,
        },
    };
    if a.len() != b.len() {
        return false;
    }
    match list.told_apart {
        ToldApart::Order => a.iter().zip(b).all(|(a, b)| alike(a, b)),
        ToldApart::Set | ToldApart::Keys(_) => {
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

/// Whether what was read may not be the value itself: hidden, masked, or waiting for somebody.
///
/// A secret that reads empty may be hidden; of anything else that may be hidden, only a missing member is.
pub fn unseen(field: &Field, live: Option<&Value>) -> bool {
    let masked = field.mark != Mark::Open && live.and_then(Value::as_text).is_some_and(looks_masked);
    let hidden = match (field.absent, field.mark) {
        (Absent::Unknown, Mark::Secret) | (Absent::Pending, _) => live.is_none_or(Value::is_blank),
        (Absent::Unknown, _) => live.is_none(),
        (Absent::Null | Absent::Zero, _) => false,
    };
    masked || hidden || field.access.write_only
}

/// The leaves that tell an item apart from those among which it stands, for paths: the first of the list's keys
/// that does, row ids last, because a new item has none yet.
pub fn key_of(shape: &Shape, told_apart: &ToldApart, item: &Value, among: &[Value]) -> Vec<KeyLeaf> {
    let (ToldApart::Keys(keys), Some(object)) = (told_apart, item.as_object()) else { return Vec::new() };
    let others = || among.iter().filter(|other| !std::ptr::eq(*other, item)).filter_map(Value::as_object);
    let tells = |key: &&&Vec<u16>| {
        key.iter().any(|number| object.get(*number).is_some_and(|value| !value.is_blank()))
            && !others().any(|other| same_key(shape, key, object, other))
    };
    let (rows, own): (Vec<_>, Vec<_>) = keys.iter().partition(|key| is_row_id(shape, key));
    let keys: Vec<&Vec<u16>> = own.into_iter().chain(rows).collect();
    let leaf = |number: &u16| {
        let field = shape.field(*number);
        let value = object.get(*number).cloned().unwrap_or(Value::Null);
        KeyLeaf { name: field.name.clone(), value, mark: field.mark }
    };
    let key = keys.iter().find(tells).or(keys.first());
    key.map(|key| key.iter().map(leaf).collect()).unwrap_or_default()
}

fn same_key(shape: &Shape, key: &[u16], a: &Object, b: &Object) -> bool {
    key.iter().all(|number| same(shape.field(*number), a.get(*number), b.get(*number)))
}

/// A key of one field that the service sets is a row id.
pub fn is_row_id(shape: &Shape, key: &[u16]) -> bool {
    matches!(key, [number] if shape.field(*number).access.computed)
}

/// The field that holds the row ids of a list's items, where they have one.
pub fn row_id<'s>(shape: &'s Shape, keys: &[Vec<u16>]) -> Option<&'s Field> {
    let key = keys.iter().find(|key| is_row_id(shape, key))?;
    key.first().map(|number| shape.field(*number))
}

/// Every leaf in which two objects of one shape differ; items and entries that came or went as wholes.
/// Fields for which `skip` is true are passed over, at any depth. A change whose second side may not be the
/// value itself is unseen.
pub fn differences(shape: &Shape, a: &Object, b: &Object, skip: &dyn Fn(&Field) -> bool) -> Vec<Change> {
    let mut walk = Walk { skip, found: Vec::new() };
    walk.object(shape, a, b, &Path::default());
    walk.found
}

struct Walk<'s> {
    skip: &'s dyn Fn(&Field) -> bool,
    found: Vec<Change>,
}

impl Walk<'_> {
    fn object(&mut self, shape: &Shape, a: &Object, b: &Object, path: &Path) {
        for field in shape.fields.iter().filter(|field| !(self.skip)(field)) {
            let (a, b) = (a.get(field.number), b.get(field.number));
            let path = path.then(Segment::Field(field.name.clone()));
            match (&field.ty, a, b) {
                _ if same(field, a, b) => {}
                (Type::Object(shape), Some(Value::Object(a)), Some(Value::Object(b))) => {
                    self.object(shape, a, b, &path);
                }
                (Type::List(list), a, b) => {
                    let items = |side: Option<&Value>| side.map(|v| v.items().to_vec()).unwrap_or_default();
                    self.list(list, field.mark, &items(a), &items(b), &path);
                }
                (ty, a, b) => {
                    self.push(path, (a, b), Form::of(ty), field.mark);
                    self.mark_unseen(unseen(field, b));
                }
            }
        }
        if !a.same_strangers(b) {
            self.strangers(a, b, path);
        }
    }

    fn strangers(&mut self, a: &Object, b: &Object, path: &Path) {
        let value = |object: &Object, name: &str| {
            object.strangers.iter().find(|s| &*s.name == name).map(|s| Value::Text(s.raw.clone()))
        };
        let mut names: Vec<&str> = a.strangers.iter().chain(&b.strangers).map(|s| &*s.name).collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            let (a, b) = (value(a, name), value(b, name));
            if a != b {
                // nobody knows what a stranger holds, so it is shown like a sensitive value
                let path = path.then(Segment::Field(name.into()));
                self.push(path, (a.as_ref(), b.as_ref()), Form::Leaf(Leaf::Any), Mark::Sensitive);
            }
        }
    }

    fn list(&mut self, list: &ListType, mark: Mark, a: &[Value], b: &[Value], path: &Path) {
        let mut free: Vec<(usize, &Value)> = b.iter().enumerate().collect();
        for (index, item) in a.iter().enumerate() {
            let partner = match list.told_apart {
                ToldApart::Order => free.iter().position(|(at, _)| *at == index),
                _ => partner(list, item, &free),
            };
            let partner = partner.map(|at| free.remove(at).1);
            let at = path.then(segment(list, index, item, a));
            match (&list.item, item, partner) {
                (Item::Object(shape), Value::Object(a), Some(Value::Object(b))) => {
                    self.object(shape, a, b, &at)
                }
                (_, item, Some(other)) if item.same(other) => {}
                (_, item, other) => self.push(at, (Some(item), other), Form::of_item(&list.item), mark),
            }
        }
        // behind all of the first side, so that none is taken for one that is gone
        for (index, (_, item)) in (a.len()..).zip(free) {
            self.push(
                path.then(segment(list, index, item, b)),
                (None, Some(item)),
                Form::of_item(&list.item),
                mark,
            );
        }
    }

    /// Of the last change: whether nobody can see what is there now.
    fn mark_unseen(&mut self, unseen: bool) {
        if let Some(last) = self.found.last_mut() {
            last.unseen = unseen;
        }
    }

    fn push(&mut self, path: Path, sides: (Option<&Value>, Option<&Value>), form: Form, mark: Mark) {
        let (before, after) = (sides.0.cloned(), sides.1.cloned());
        self.found.push(Change {
            path,
            before,
            after,
            form,
            mark,
            place: None,
            unseen: false,
            causes: Vec::new(),
        });
    }
}

/// The step of a path that leads to an item, told apart from those among which it stands.
pub fn segment(list: &ListType, index: usize, item: &Value, among: &[Value]) -> Segment {
    let key = match &list.item {
        Item::Object(shape) => key_of(shape, &list.told_apart, item, among),
        Item::Leaf(_) => Vec::new(),
    };
    Segment::Item { index, key }
}

/// Which of these is the same thing, perhaps in another state: by row id, else by the keys, the further ones
/// deciding among those that the first finds.
fn partner(list: &ListType, item: &Value, free: &[(usize, &Value)]) -> Option<usize> {
    let (Item::Object(shape), ToldApart::Keys(keys), Some(object)) =
        (&list.item, &list.told_apart, item.as_object())
    else {
        return free.iter().position(|(_, other)| item.same(other));
    };
    let others: Vec<(usize, &Object)> =
        free.iter().enumerate().filter_map(|(at, (_, other))| Some((at, other.as_object()?))).collect();
    let row = row_id(shape, keys).map(|field| field.number);
    let id = |object: &Object| row.and_then(|row| object.get(row)).filter(|id| !id.is_zero()).cloned();
    let own = id(object);
    if let Some((at, _)) = others.iter().find(|(_, other)| own.is_some() && id(other) == own) {
        return Some(*at);
    }
    let mut keys = keys.iter().filter(|key| !is_row_id(shape, key));
    let first = keys.next()?;
    let mut found: Vec<_> =
        others.into_iter().filter(|(_, other)| same_key(shape, first, object, other)).collect();
    for key in keys {
        let nearer: Vec<_> =
            found.iter().copied().filter(|(_, other)| same_key(shape, key, object, other)).collect();
        found = if nearer.is_empty() { found } else { nearer };
    }
    found.first().map(|(at, _)| *at)
}

impl Form {
    /// The form of a field's value.
    pub fn of(ty: &Type) -> Self {
        match ty {
            Type::Leaf(leaf) => Self::Leaf(leaf.clone()),
            Type::Object(shape) => Self::Object(shape.clone()),
            Type::Map(map) => Self::Map(map.value.clone()),
            Type::List(list) => Self::of_item(&list.item),
        }
    }

    /// The form of a list's item.
    pub fn of_item(item: &Item) -> Self {
        match item {
            Item::Leaf(leaf) => Self::Leaf(leaf.clone()),
            Item::Object(shape) => Self::Object(shape.clone()),
        }
    }
}
