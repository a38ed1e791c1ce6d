//! Whether an object surely is as its document wants it, without building a proposal.
//!
//! A quick yes for the many objects to which nothing is to be done; anything that is not plainly the same
//! (hidden, masked, waiting, in another order, fixed after creation) is a no, and the proposal decides. In
//! debug builds every yes is held against the proposal.

use crate::document::{DesiredNode, DesiredValue, Document};
use crate::kind::equality::is_equal;
use crate::kind::mask::is_unreadable;
use crate::kind::{ArrayType, Field, FieldType, ItemType, MapType, Shape};
use crate::plan::conflicting_fields::list_conflicting_fields;
use crate::value::{Object, Value};

/// Whether nothing is to be done and nothing is to be said.
pub fn is_in_sync(document: &Document, live: &Object) -> bool {
    match &document.spec.value {
        DesiredValue::Object(fields) => is_object_in_sync(&document.kind.shape, live, fields),
        _ => false,
    }
}

fn is_object_in_sync(shape: &Shape, live: &Object, wanted: &[(u16, DesiredNode)]) -> bool {
    let is_blank = |field: &Field| live.get_field(field.number).is_none_or(Value::is_blank);
    list_conflicting_fields(shape, wanted).into_iter().all(is_blank)
        && wanted.iter().all(|(number, wanted)| {
            let field = shape.get_field(*number);
            is_field_in_sync(field, live.get_field(*number), wanted)
        })
}

/// Whether a field surely is as a document wants it.
pub fn is_field_in_sync(field: &Field, live: Option<&Value>, wanted: &DesiredNode) -> bool {
    match (&field.ty, &wanted.value, live) {
        (FieldType::Scalar(_), DesiredValue::Literal(value), _) => {
            !is_unreadable(field, live) && is_equal(field, live, Some(value))
        }
        (FieldType::Object(shape), DesiredValue::Object(fields), Some(Value::Object(live))) => {
            is_object_in_sync(shape, live, fields)
        }
        (FieldType::Map(map), DesiredValue::Map(entries), Some(Value::Map(live))) => {
            is_map_in_sync(map, live, entries)
        }
        (FieldType::Array(list), DesiredValue::List(items), Some(Value::Array(live))) => {
            is_list_in_sync(list, live, items)
        }
        _ => false,
    }
}

fn is_map_in_sync(map: &MapType, live: &[(Box<str>, Value)], entries: &[(Box<str>, DesiredNode)]) -> bool {
    let agrees = |(key, wanted): &(Box<str>, DesiredNode)| match &wanted.value {
        DesiredValue::Literal(value) => live.iter().any(|(own, now)| own == key && now.is_equivalent(value)),
        _ => false,
    };
    let keeps_rest = !map.deletes_unlisted && !entries.is_empty();
    (keeps_rest || live.len() == entries.len()) && entries.iter().all(agrees)
}

/// Item by item, in the order in which they stand on both sides.
fn is_list_in_sync(list: &ArrayType, live: &[Value], items: &[DesiredNode]) -> bool {
    if live.len() != items.len() {
        return false;
    }
    live.iter().zip(items).all(|(live, wanted)| match (&list.item, live, &wanted.value) {
        (ItemType::Scalar(_), live, DesiredValue::Literal(value)) => live.is_equivalent(value),
        (ItemType::Object(shape), Value::Object(live), DesiredValue::Object(fields)) => {
            // only an item that says which one it is can be distinguished from its neighbours
            list.item_identity().is_none_or(|identity| identity.has_full_key(fields.as_slice()))
                && is_object_in_sync(shape, live, fields)
        }
        _ => false,
    })
}
