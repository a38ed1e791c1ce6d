//! Rows of lists and entries of maps: which are the same, which stay, which get a new number.
//!
//! The service numbers the items of a list in a field of theirs that nobody else may write; where there is no
//! such field, the first key tells items apart.

use crate::kind::{
    AbsenceRule, ArrayType, Field, FieldType, ItemType, ListType, ScalarType, Shape, WrittenItems,
};
use crate::sandbox::id_generator::SandboxIdGenerator;
use crate::value::{Object, Value};

/// The field in which the service numbers the items of a list.
pub fn find_row_id(shape: &Shape) -> Option<&Field> {
    shape.fields.iter().find(|field| {
        let numbers = matches!(field.ty, FieldType::Scalar(ScalarType::Uuid | ScalarType::Integer(_)));
        field.behavior.read_only && field.copy_of.is_none() && numbers
    })
}

/// A new id of the field's type.
pub fn generate_id(field: &Field, mint: &mut SandboxIdGenerator) -> Value {
    match field.ty {
        FieldType::Scalar(ScalarType::Integer(_)) => Value::Integer(mint.generate_integer()),
        FieldType::Scalar(ScalarType::String { .. }) => {
            Value::from_text(mint.generate_uuid().hyphenated().to_string())
        }
        _ => Value::Uuid(mint.generate_uuid()),
    }
}

/// Whether items that a write leaves out stay: others take them out, or nothing does.
pub fn keeps_unlisted(list: &ArrayType) -> bool {
    !list.deletes_unlisted || list.delete_items_through.is_some() || list.write_items == WrittenItems::Changed
}

/// Whether an item that is sent is a row that is there: by the id of the row, where the service numbers them.
pub fn is_same_row(list: &ArrayType, old: &Value, new: &Value) -> bool {
    let (ItemType::Object(shape), Value::Object(old), Value::Object(new)) = (&list.item, old, new) else {
        return false;
    };
    match find_row_id(shape) {
        Some(field) => new
            .get_field(field.number)
            .is_some_and(|id| !id.is_zero() && old.get_field(field.number) == Some(id)),
        None => has_same_key(list, old, new),
    }
}

/// Whether an item that is sent without a row id is one that is there. Where only what changed is sent, it is
/// a new one, however often it is sent.
pub fn is_same_item(list: &ArrayType, old: &Value, new: &Value) -> bool {
    let (ItemType::Object(shape), Value::Object(own), Value::Object(sent)) = (&list.item, old, new) else {
        return old == new;
    };
    let numbered =
        find_row_id(shape).and_then(|field| sent.get_field(field.number)).is_some_and(|id| !id.is_zero());
    !numbered && list.write_items != WrittenItems::Changed && has_same_key(list, own, sent)
}

fn has_same_key(list: &ArrayType, old: &Object, new: &Object) -> bool {
    match &list.list_type {
        ListType::Map(keys) => {
            let key = keys.first().map(Vec::as_slice).unwrap_or_default();
            !key.is_empty() && key.iter().all(|number| old.get_field(*number) == new.get_field(*number))
        }
        ListType::Set => old.is_equivalent(new),
        ListType::Atomic => false,
    }
}

/// Fills what a sample left out: blanks and row ids.
pub fn fill_defaults(shape: &Shape, object: &mut Object, mint: &mut SandboxIdGenerator) {
    for field in &shape.fields {
        let value = object.take_field(field.number).filter(|value| *value != Value::Null);
        let settled = match (&field.ty, value) {
            (_, None) => build_blank(field),
            (FieldType::Object(inner), Some(Value::Object(mut object))) => {
                fill_defaults(inner, &mut object, mint);
                Value::Object(object)
            }
            (
                FieldType::Array(ArrayType { item: ItemType::Object(inner), .. }),
                Some(Value::Array(mut items)),
            ) => {
                items.iter_mut().for_each(|item| fill_item_defaults(inner, item, mint));
                Value::Array(items)
            }
            (_, Some(value)) => value,
        };
        object.set_field(field.number, settled);
    }
}

fn fill_item_defaults(shape: &Shape, item: &mut Value, mint: &mut SandboxIdGenerator) {
    let Value::Object(object) = item else { return };
    fill_defaults(shape, object, mint);
    if let Some(field) =
        find_row_id(shape).filter(|field| object.get_field(field.number).is_none_or(Value::is_zero))
    {
        object.set_field(field.number, generate_id(field, mint));
    }
}

/// A map in which what is not sent stays; null takes a key out.
pub fn merge_map(given: Option<&Value>, before: Option<&Value>) -> Value {
    let mut all = match before {
        Some(Value::Map(entries)) => entries.clone(),
        _ => Vec::new(),
    };
    let Some(Value::Map(given)) = given else { return Value::Map(all) };
    for (key, value) in given {
        match (all.iter().position(|(own, _)| own == key), value) {
            (Some(at), Value::Null) => drop(all.remove(at)),
            (Some(at), value) => all[at].1 = value.clone(),
            (None, Value::Null) => {}
            (None, value) => all.push((key.clone(), value.clone())),
        }
    }
    Value::Map(all)
}

/// The value of a field that nobody wrote.
pub fn build_blank(field: &Field) -> Value {
    match field.ty {
        FieldType::Array(_) | FieldType::Map(_) => field.ty.build_zero_value(),
        _ if field.when_absent == AbsenceRule::Zero => field.ty.build_zero_value(),
        _ => Value::Null,
    }
}
