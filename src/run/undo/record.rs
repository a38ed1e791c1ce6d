//! What an apply overwrote, leaf by leaf, as it is kept in journals and receipts: what was there, and what was
//! written.
//!
//! This is a door through which values leave the program, so it has a gate of its own: only what no mark hides
//! goes through it in clear, the rest goes into a sealed part where there is one, or is left out and said to be.
//! What is kept is bounded, and reads back under the kind's guidance as the very values.
//! Deliberately absent: sealing (`safe`), and what is done with it (`plan::undo`).

use serde_json::Value as Json;

use super::added::{conceal_addition, is_addition};
use super::leaf_record::{ItemPart, LeafPathPart, LeafRecord, WithheldReason};
use super::value_json::{self, JsonForm};
use crate::kind::mask::is_mask;
use crate::kind::mask::is_unreadable;
use crate::kind::visit::{VisitFlow, visit_object, walk_path};
use crate::kind::{ArrayType, Field, FieldType, ItemType, Kind, ScalarType, Shape};
use crate::plan::path_label::format_path_with_keys;
use crate::plan::undo::{UndoableChange, is_read_only, is_writable_path};
use crate::plan::{Change, ChangeValueType, Step, StepAction};
use crate::value::{ItemKeyField, Object, PathSegment, Sensitivity, Value, ValuePath};

/// The most bytes of one leaf.
const MAX_LEAF: usize = 32 << 10;
/// The most bytes of the leaves of one request.
const MAX_STEP: usize = 512 << 10;

/// The leaves of a step, and those of them that may only be kept sealed.
pub struct LeafRecords {
    pub open: Vec<LeafRecord>,
    pub marked: Vec<LeafRecord>,
}

/// What of a step is kept; `sealing` says that there is a sealed part, `key` is that of digests.
pub fn build_records(step: &Step, sealing: bool, key: Option<&[u8]>) -> LeafRecords {
    let (mut records, mut left) = (LeafRecords { open: Vec::new(), marked: Vec::new() }, MAX_STEP);
    let goes = step.action == StepAction::Delete;
    // what a later request writes is on record with that one
    let is_recorded = |change: &&Change| {
        let path = &change.path;
        (!goes || is_writable_path(&step.subject.kind, path)) && !step.is_sent_later(path)
    };
    for change in step.changes.iter().filter(is_recorded) {
        let label = format_path_with_keys(&step.subject.kind, &change.path);
        let (mark, kept) =
            (find_highest_sensitivity(&step.subject.kind, change), build_record(step, change, &label));
        let bare =
            |withheld| LeafRecord { label: label.clone(), withheld: Some(withheld), ..LeafRecord::default() };
        let kept = kept.and_then(|record| reserve_size(record, &mut left));
        records.open.push(match (mark, kept) {
            (_, Err(withheld)) => bare(withheld),
            (Sensitivity::Public, Ok(record)) => record,
            (_, Ok(record)) if sealing => {
                records.marked.push(record);
                bare(WithheldReason::Sealed)
            }
            // that nothing was there before may be kept
            (mark, Ok(record)) if is_addition(step, change) => {
                let reason = choose_reason(mark);
                let kept = conceal_addition(&step.subject.kind, change, record, key, reason);
                kept.unwrap_or_else(|| bare(reason))
            }
            (mark, Ok(_)) => bare(choose_reason(mark)),
        });
    }
    if let Some(live) = step.live.as_ref().filter(|_| goes) {
        let unseen = list_unseen_fields(&step.subject.kind.shape, live, "");
        let record =
            |label| LeafRecord { label, withheld: Some(WithheldReason::Unseen), ..LeafRecord::default() };
        records.open.extend(unseen.into_iter().map(record));
    }
    records
}

/// What an object that goes may have held and nobody could see.
fn list_unseen_fields(shape: &Shape, live: &Object, above: &str) -> Vec<String> {
    let mut labels = Vec::new();
    for field in shape.fields.iter().filter(|field| !is_read_only(field)) {
        let (label, value) = (format!("{above}{}", field.name), live.get_field(field.number));
        match (&field.ty, value) {
            (FieldType::Object(shape), Some(Value::Object(inner))) => {
                labels.extend(list_unseen_fields(shape, inner, &format!("{label}.")));
            }
            (FieldType::Scalar(_), value) if is_unreadable(field, value) && value.is_none() => {
                labels.push(label)
            }
            _ => {}
        }
    }
    labels
}

/// Whether what was there could be seen, in every field: a mask must not be put back as a value.
fn is_fully_seen(value: &Value, form: &ChangeValueType) -> bool {
    let ChangeValueType::Object(shape) = form else { return true };
    value.list_objects().all(|object| {
        shape.fields.iter().all(|field| {
            let value = object.get_field(field.number);
            let is_inner_seen =
                || value.is_none_or(|value| is_fully_seen(value, &ChangeValueType::from_type(&field.ty)));
            is_read_only(field) || (!is_unreadable(field, value) && is_inner_seen())
        })
    })
}

fn choose_reason(mark: Sensitivity) -> WithheldReason {
    match mark {
        Sensitivity::Secret => WithheldReason::Secret,
        Sensitivity::Personal => WithheldReason::Personal,
        Sensitivity::Internal | Sensitivity::Public => WithheldReason::Sensitive,
    }
}

fn build_record(step: &Step, change: &Change, label: &str) -> Result<LeafRecord, WithheldReason> {
    let masked = change.sensitivity != Sensitivity::Public
        && change.before.as_ref().and_then(Value::as_str).is_some_and(is_mask);
    if change.unreadable
        || masked
        || !change.before.as_ref().is_none_or(|value| is_fully_seen(value, &change.value_type))
    {
        return Err(WithheldReason::Unseen);
    }
    let side = |value: &Option<Value>| match value {
        None => Ok(None),
        Some(value) => value_json::encode_value(value, JsonForm::from(&change.value_type))
            .map(Some)
            .ok_or(WithheldReason::Unknown),
    };
    let path = build_path_parts(&step.subject.kind, step.live.as_ref(), &change.path)
        .ok_or(WithheldReason::Unknown)?;
    let (before, after) = (side(&change.before)?, side(&change.after)?);
    Ok(LeafRecord { label: label.to_owned(), path, before, after, withheld: None, digests: Vec::new() })
}

/// Takes its length from what is left.
fn reserve_size(record: LeafRecord, left: &mut usize) -> Result<LeafRecord, WithheldReason> {
    let length = serde_json::to_vec(&record).map_or(usize::MAX, |bytes| bytes.len());
    if length > MAX_LEAF || length > *left {
        return Err(WithheldReason::TooLong);
    }
    *left -= length;
    Ok(record)
}

/// The strictest mark on the way to a change, in the keys of its items, and in what it holds.
fn find_highest_sensitivity(kind: &Kind, change: &Change) -> Sensitivity {
    let mut mark = change.sensitivity;
    for step in walk_path(&kind.shape, &change.path) {
        mark = mark.max(step.sensitivity);
        if let PathSegment::Item { key, .. } = step.segment {
            mark = key.iter().map(|own| step.resolve_key_sensitivity(own)).fold(mark, Sensitivity::max);
        }
    }
    let sides = [&change.before, &change.after].into_iter().flatten();
    sides.map(|value| find_value_sensitivity(value, &change.value_type)).fold(mark, Sensitivity::max)
}

/// The strictest mark in a value.
fn find_value_sensitivity(value: &Value, form: &ChangeValueType) -> Sensitivity {
    let ChangeValueType::Object(shape) = form else { return Sensitivity::Public };
    let find_unknown = |object: &Object| match object.unknown_fields.is_empty() {
        true => Sensitivity::Public,
        false => Sensitivity::Internal,
    };
    let mut strictest = Sensitivity::Public;
    for object in value.list_objects() {
        strictest = strictest.max(find_unknown(object));
        visit_object(shape, object, &mut |at| {
            if at.node.is_blank() {
                return VisitFlow::Skip;
            }
            let unknown = at.node.as_object().map_or(Sensitivity::Public, find_unknown);
            strictest = strictest.max(at.sensitivity).max(unknown);
            VisitFlow::Descend
        });
    }
    strictest
}

/// A path as it is kept; with the ids of the rows on it, as the live object has them.
fn build_path_parts(kind: &Kind, live: Option<&Object>, path: &ValuePath) -> Option<Vec<LeafPathPart>> {
    let (mut shape, mut here, mut list) = (Some(&*kind.shape), live, None::<(&ArrayType, &[Value])>);
    let mut parts = Vec::new();
    for segment in &path.0 {
        parts.push(match segment {
            PathSegment::Field(name) => {
                let field = shape?.find_field(name)?;
                let value = here.and_then(|object| object.get_field(field.number));
                list = match &field.ty {
                    FieldType::Array(list) => Some((list, value.map(Value::items).unwrap_or_default())),
                    _ => None,
                };
                here = value.and_then(Value::as_object);
                shape = field.ty.inner_shape().map(|shape| &**shape);
                LeafPathPart::Field { field: name.to_string() }
            }
            PathSegment::Key(key, _) => LeafPathPart::Key { key: key.to_string() },
            PathSegment::Item { index, key } => {
                let (list, items) = list.take()?;
                here = items.get(*index).and_then(Value::as_object);
                LeafPathPart::Item(build_item_part(list, here, *index, key)?)
            }
        });
    }
    Some(parts)
}

fn build_item_part(
    list: &ArrayType,
    item: Option<&Object>,
    index: usize,
    key: &[ItemKeyField],
) -> Option<ItemPart> {
    let Some(identity) = list.item_identity() else {
        return Some(ItemPart { index, row: None, keys: Vec::new() });
    };
    let leaf = |field: &Field, value: &Value| {
        Some((field.name.to_string(), value_json::encode_value(value, JsonForm::from_type(&field.ty))?))
    };
    let row = identity.row_id_field().and_then(|field| leaf(field, identity.read_row_id(item?)?));
    let keys = key
        .iter()
        .map(|own| leaf(identity.shape.find_field(&own.name)?, &own.value))
        .collect::<Option<_>>()?;
    Some(ItemPart { index, row, keys })
}

/// Reads a leaf back; nothing when it does not fit the kind.
pub fn parse_record(kind: &Kind, record: &LeafRecord) -> Option<UndoableChange> {
    let (mut shape, mut ty, mut segments) = (Some(&*kind.shape), None::<&FieldType>, Vec::new());
    let (mut leaf, mut rows) = (None::<&ScalarType>, Vec::new());
    for part in &record.path {
        let segment = match part {
            LeafPathPart::Field { field: name } => {
                let field = shape?.find_field(name)?;
                (ty, leaf, shape) = (Some(&field.ty), None, field.ty.inner_shape().map(|shape| &**shape));
                PathSegment::Field(field.name.clone())
            }
            LeafPathPart::Key { key } => {
                let Some(FieldType::Map(map)) = ty else { return None };
                leaf = Some(&map.value);
                PathSegment::Key(key.as_str().into(), Sensitivity::Public)
            }
            // it says nothing without the live object
            LeafPathPart::HiddenKey { .. } => return None,
            LeafPathPart::Item(item) => {
                let Some(FieldType::Array(list)) = ty else { return None };
                rows.push((segments.len(), parse_row_id(list, item)?));
                leaf = match &list.item {
                    ItemType::Scalar(leaf) => Some(leaf),
                    ItemType::Object(_) => None,
                };
                PathSegment::Item { index: item.index, key: parse_key(list, item)? }
            }
        };
        segments.push(segment);
    }
    let form = match (leaf, ty?, record.path.last()?) {
        (Some(leaf), ..) => JsonForm::Leaf(leaf),
        (None, FieldType::Array(ArrayType { item: ItemType::Object(shape), .. }), LeafPathPart::Item(_)) => {
            JsonForm::Object(shape)
        }
        (None, ty, _) => JsonForm::from_type(ty),
    };
    let side = |json: &Option<Json>| match json {
        None => Some(None),
        Some(json) => value_json::decode_value(json, form).map(Some),
    };
    let rows = rows.into_iter().filter_map(|(at, row)| Some((at, row?))).collect();
    Some(UndoableChange {
        path: ValuePath(segments),
        row_ids: rows,
        label: record.label.clone(),
        before: side(&record.before)?,
        after: side(&record.after)?,
    })
}

fn parse_row_id(list: &ArrayType, item: &ItemPart) -> Option<Option<Value>> {
    let Some((name, id)) = &item.row else { return Some(None) };
    let ItemType::Object(shape) = &list.item else { return None };
    value_json::decode_value(id, JsonForm::from_type(&shape.find_field(name)?.ty)).map(Some)
}

fn parse_key(list: &ArrayType, item: &ItemPart) -> Option<Vec<ItemKeyField>> {
    let ItemType::Object(shape) = &list.item else { return Some(Vec::new()) };
    let leaf = |(name, value): &(String, Json)| {
        let field = shape.find_field(name)?;
        let value = value_json::decode_value(value, JsonForm::from_type(&field.ty))?;
        Some(ItemKeyField { name: field.name.clone(), value, sensitivity: field.sensitivity })
    };
    item.keys.iter().map(leaf).collect()
}
