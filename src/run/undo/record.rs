//! What an apply overwrote, leaf by leaf, as it is kept in journals and receipts: what was there, and what was
//! written.
//!
//! This is a door through which values leave the program, so it has a gate of its own: only what no mark hides
//! goes through it, the rest is left out and said to be. What is kept is bounded, and reads back under the kind's
//! guidance as the very values.
//! Deliberately absent: what is done with it (`plan::undo`).

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::told::{self, As};
use crate::kind::{Field, Item, Kind, Leaf, ListType, Shape, ToldApart, Type};
use crate::plan::compare::{row_id, unseen};
use crate::plan::step::located;
use crate::plan::undo::{Written, is_asked, is_given};
use crate::plan::{Action, Change, Form, Step};
use crate::value::{KeyLeaf, Mark, Object, Path, Segment, Value, looks_masked};

/// The most bytes of one leaf.
const MAX_LEAF: usize = 32 << 10;
/// The most bytes of the leaves of one request.
const MAX_STEP: usize = 512 << 10;

/// One leaf that was written; or one list item or map entry that came or went as a whole.
#[derive(Serialize, Deserialize, schemars::JsonSchema, Clone, PartialEq, Default)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Where it stands, for people; without keys that must not be seen.
    pub label: String,
    /// Where it stands; absent when its values are not here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub path: Vec<Part>,
    /// What was there; absent when there was nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Json>,
    /// What was written; absent when it was taken away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Json>,
    /// Why its values are not here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withheld: Option<Withheld>,
}

/// A leaf may be anybody's; its label is for everybody.
impl std::fmt::Debug for Record {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Record").field("label", &self.label).field("withheld", &self.withheld).finish()
    }
}

/// Why values are not kept.
#[derive(Serialize, Deserialize, schemars::JsonSchema, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "snake_case")]
pub enum Withheld {
    /// They are secret.
    Secret,
    /// They are about a person.
    Personal,
    /// They may tell too much.
    Sensitive,
    /// The service does not show what was there.
    Unseen,
    /// They hold members that this version does not know.
    Unknown,
    /// They are longer than what is kept.
    TooLong,
}

/// One step of the way to a leaf.
#[derive(Serialize, Deserialize, schemars::JsonSchema, Clone, PartialEq)]
#[serde(untagged)]
pub enum Part {
    Field {
        /// A field, by its name.
        field: String,
    },
    Key {
        /// A key of a map.
        key: String,
    },
    Item(ItemPart),
}

/// An item of a list: where it stood, and what tells it apart.
#[derive(Serialize, Deserialize, schemars::JsonSchema, Clone, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct ItemPart {
    /// Where it stood in the list.
    pub index: usize,
    /// The field with the ids of rows and this one's, where they have one and it was known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row: Option<(String, Json)>,
    /// The fields that tell it apart, with their values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<(String, Json)>,
}

/// What of a step is kept.
pub fn records(step: &Step) -> Vec<Record> {
    let (mut records, mut left) = (Vec::new(), MAX_STEP);
    let goes = step.action == Action::Delete;
    for change in step.changes.iter().filter(|change| !goes || is_asked(&step.subject.kind, &change.path)) {
        let label = located(&step.subject.kind, &change.path);
        let (mark, kept) = (strictest(&step.subject.kind, change), record(step, change, &label));
        let bare = |withheld| Record { label: label.clone(), withheld: Some(withheld), ..Record::default() };
        let kept = kept.and_then(|record| within(record, &mut left));
        records.push(match (mark, kept) {
            (_, Err(withheld)) => bare(withheld),
            (Mark::Open, Ok(record)) => record,
            (mark, Ok(_)) => bare(word(mark)),
        });
    }
    if let Some(live) = step.live.as_ref().filter(|_| goes) {
        let unseen = unseen_fields(&step.subject.kind.shape, live, "");
        let record = |label| Record { label, withheld: Some(Withheld::Unseen), ..Record::default() };
        records.extend(unseen.into_iter().map(record));
    }
    records
}

/// What an object that goes may have held and nobody could see.
fn unseen_fields(shape: &Shape, live: &Object, above: &str) -> Vec<String> {
    let mut labels = Vec::new();
    for field in shape.fields.iter().filter(|field| !is_given(field)) {
        let (label, value) = (format!("{above}{}", field.name), live.get(field.number));
        match (&field.ty, value) {
            (Type::Object(shape), Some(Value::Object(inner))) => {
                labels.extend(unseen_fields(shape, inner, &format!("{label}.")));
            }
            (Type::Leaf(_), value) if unseen(field, value) && value.is_none() => labels.push(label),
            _ => {}
        }
    }
    labels
}

/// Whether what was there could be seen, in every field: a mask must not be put back as a value.
fn was_seen(value: &Value, form: &Form) -> bool {
    match (form, value) {
        (Form::Object(shape), Value::Object(object)) => shape.fields.iter().all(|field| {
            let value = object.get(field.number);
            let inner = value.is_none_or(|value| was_seen(value, &Form::of(&field.ty)));
            is_given(field) || (!unseen(field, value) && inner)
        }),
        (Form::Object(_), Value::List(items)) => items.iter().all(|item| was_seen(item, form)),
        _ => true,
    }
}

fn word(mark: Mark) -> Withheld {
    match mark {
        Mark::Secret => Withheld::Secret,
        Mark::Personal => Withheld::Personal,
        Mark::Sensitive | Mark::Open => Withheld::Sensitive,
    }
}

fn record(step: &Step, change: &Change, label: &str) -> Result<Record, Withheld> {
    let masked = change.mark != Mark::Open
        && change.before.as_ref().and_then(Value::as_text).is_some_and(looks_masked);
    if change.unseen || masked || !change.before.as_ref().is_none_or(|value| was_seen(value, &change.form)) {
        return Err(Withheld::Unseen);
    }
    let side = |value: &Option<Value>| match value {
        None => Ok(None),
        Some(value) => told::write(value, As::from(&change.form)).map(Some).ok_or(Withheld::Unknown),
    };
    let path = parts(&step.subject.kind, step.live.as_ref(), &change.path).ok_or(Withheld::Unknown)?;
    let (before, after) = (side(&change.before)?, side(&change.after)?);
    Ok(Record { label: label.to_owned(), path, before, after, withheld: None })
}

/// Takes its length from what is left.
fn within(record: Record, left: &mut usize) -> Result<Record, Withheld> {
    let length = serde_json::to_vec(&record).map_or(usize::MAX, |bytes| bytes.len());
    if length > MAX_LEAF || length > *left {
        return Err(Withheld::TooLong);
    }
    *left -= length;
    Ok(record)
}

/// The strictest mark on the way to a change, in the keys of its items, and in what it holds.
fn strictest(kind: &Kind, change: &Change) -> Mark {
    let (mut mark, mut shape) = (change.mark, Some(&*kind.shape));
    for segment in &change.path.0 {
        match segment {
            Segment::Field(name) => {
                let field = shape.and_then(|shape| shape.named(name));
                // nobody knows what a stranger holds
                mark = mark.max(field.map_or(Mark::Sensitive, |field| field.mark));
                shape = field.and_then(|field| field.ty.inner()).map(|shape| &**shape);
            }
            Segment::Key(_, own) => mark = mark.max(*own),
            Segment::Item { key, .. } => {
                let marks = key.iter().map(|leaf| {
                    let field = shape.and_then(|shape| shape.named(&leaf.name));
                    leaf.mark.max(field.map_or(Mark::Sensitive, |field| field.mark))
                });
                mark = marks.fold(mark, Mark::max);
            }
        }
    }
    let sides = [&change.before, &change.after].into_iter().flatten();
    sides.map(|value| inside(value, &change.form)).fold(mark, Mark::max)
}

/// The strictest mark in a value.
fn inside(value: &Value, form: &Form) -> Mark {
    match (form, value) {
        (Form::Object(shape), Value::Object(object)) => inside_object(shape, object),
        (Form::Object(_), Value::List(items)) => {
            items.iter().map(|item| inside(item, form)).fold(Mark::Open, Mark::max)
        }
        _ => Mark::Open,
    }
}

fn inside_object(shape: &Shape, object: &Object) -> Mark {
    let strange = if object.strangers.is_empty() { Mark::Open } else { Mark::Sensitive };
    let of = |(number, value): (u16, &Value)| {
        let field = shape.field(number);
        if value.is_blank() { Mark::Open } else { field.mark.max(inside(value, &Form::of(&field.ty))) }
    };
    object.fields().map(of).fold(strange, Mark::max)
}

/// A path as it is kept; with the ids of the rows on it, as the live object has them.
fn parts(kind: &Kind, live: Option<&Object>, path: &Path) -> Option<Vec<Part>> {
    let (mut shape, mut here, mut list) = (Some(&*kind.shape), live, None::<(&ListType, &[Value])>);
    let mut parts = Vec::new();
    for segment in &path.0 {
        parts.push(match segment {
            Segment::Field(name) => {
                let field = shape?.named(name)?;
                let value = here.and_then(|object| object.get(field.number));
                list = match &field.ty {
                    Type::List(list) => Some((list, value.map(Value::items).unwrap_or_default())),
                    _ => None,
                };
                here = value.and_then(Value::as_object);
                shape = field.ty.inner().map(|shape| &**shape);
                Part::Field { field: name.to_string() }
            }
            Segment::Key(key, _) => Part::Key { key: key.to_string() },
            Segment::Item { index, key } => {
                let (list, items) = list.take()?;
                here = items.get(*index).and_then(Value::as_object);
                Part::Item(item_part(list, here, (*index, key))?)
            }
        });
    }
    Some(parts)
}

fn item_part(list: &ListType, item: Option<&Object>, (index, key): (usize, &[KeyLeaf])) -> Option<ItemPart> {
    let (Item::Object(shape), ToldApart::Keys(keys)) = (&list.item, &list.told_apart) else {
        return Some(ItemPart { index, row: None, keys: Vec::new() });
    };
    let leaf =
        |field: &Field, value: &Value| Some((field.name.to_string(), told::write(value, As::of(&field.ty))?));
    let row = row_id(shape, keys).and_then(|field| {
        let id = item?.get(field.number).filter(|id| !id.is_zero())?;
        leaf(field, id)
    });
    let keys = key.iter().map(|own| leaf(shape.named(&own.name)?, &own.value)).collect::<Option<_>>()?;
    Some(ItemPart { index, row, keys })
}

/// Reads a leaf back; nothing when it does not fit the kind.
pub fn read(kind: &Kind, record: &Record) -> Option<Written> {
    let (mut shape, mut ty, mut segments) = (Some(&*kind.shape), None::<&Type>, Vec::new());
    let (mut leaf, mut rows) = (None::<&Leaf>, Vec::new());
    for part in &record.path {
        let segment = match part {
            Part::Field { field: name } => {
                let field = shape?.named(name)?;
                (ty, leaf, shape) = (Some(&field.ty), None, field.ty.inner().map(|shape| &**shape));
                Segment::Field(field.name.clone())
            }
            Part::Key { key } => {
                let Some(Type::Map(map)) = ty else { return None };
                leaf = Some(&map.value);
                Segment::Key(key.as_str().into(), Mark::Open)
            }
            Part::Item(item) => {
                let Some(Type::List(list)) = ty else { return None };
                rows.push((segments.len(), row_of(list, item)?));
                leaf = match &list.item {
                    Item::Leaf(leaf) => Some(leaf),
                    Item::Object(_) => None,
                };
                Segment::Item { index: item.index, key: key_of(list, item)? }
            }
        };
        segments.push(segment);
    }
    let form = match (leaf, ty?, record.path.last()?) {
        (Some(leaf), ..) => As::Leaf(leaf),
        (None, Type::List(ListType { item: Item::Object(shape), .. }), Part::Item(_)) => As::Object(shape),
        (None, ty, _) => As::of(ty),
    };
    let side = |json: &Option<Json>| match json {
        None => Some(None),
        Some(json) => told::read(json, form).map(Some),
    };
    let rows = rows.into_iter().filter_map(|(at, row)| Some((at, row?))).collect();
    Some(Written {
        path: Path(segments),
        rows,
        label: record.label.clone(),
        before: side(&record.before)?,
        after: side(&record.after)?,
    })
}

fn row_of(list: &ListType, item: &ItemPart) -> Option<Option<Value>> {
    let Some((name, id)) = &item.row else { return Some(None) };
    let Item::Object(shape) = &list.item else { return None };
    told::read(id, As::of(&shape.named(name)?.ty)).map(Some)
}

fn key_of(list: &ListType, item: &ItemPart) -> Option<Vec<KeyLeaf>> {
    let Item::Object(shape) = &list.item else { return Some(Vec::new()) };
    let leaf = |(name, value): &(String, Json)| {
        let field = shape.named(name)?;
        let value = told::read(value, As::of(&field.ty))?;
        Some(KeyLeaf { name: field.name.clone(), value, mark: field.mark })
    };
    item.keys.iter().map(leaf).collect()
}
