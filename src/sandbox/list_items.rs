//! Rows of lists and entries of maps: which are the same, which stay, which get a new number.
//!
//! The service numbers the items of a list in a field of theirs that no one else may write; where there is no
//! such field, the first key tells items apart.

use crate::kind::identity::ItemIdentity;
use crate::kind::{AbsenceRule, ArrayType, Field, FieldType, ItemType, ScalarType, Shape, WrittenItems};
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
    match (list.item_identity(), &list.item) {
        (Some(identity), _) if identity.row_id_field().is_none() => has_same_key(identity, old, new),
        (Some(identity), _) => identity.is_same_row(old, new),
        // of a list that is compared as a whole the service may number the items all the same
        (None, ItemType::Object(shape)) => find_row_id(shape).is_some_and(|row_id| {
            let read =
                |item: &Value| item.as_object()?.get_field(row_id.number).filter(|id| !id.is_zero()).cloned();
            read(new).is_some_and(|id| read(old) == Some(id))
        }),
        (None, ItemType::Scalar(_)) => false,
    }
}

/// Whether an item that is sent without a row id is one that is there. Where only what changed is sent, it is
/// a new one, however often it is sent.
pub fn is_same_item(list: &ArrayType, old: &Value, new: &Value) -> bool {
    let Some(identity) = list.item_identity() else { return old.is_equivalent(new) };
    let is_numbered = new.as_object().is_some_and(|sent| identity.read_row_id(sent).is_some());
    !is_numbered && list.write_items != WrittenItems::Changed && has_same_key(identity, old, new)
}

fn has_same_key(identity: ItemIdentity, old: &Value, new: &Value) -> bool {
    let sides = old.as_object().zip(new.as_object());
    let key = identity.own_keys().next();
    key.zip(sides).is_some_and(|(key, (old, new))| identity.is_equal_key(key, old, new))
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

/// The value of a field that no one wrote.
pub fn build_blank(field: &Field) -> Value {
    match field.ty {
        FieldType::Array(_) | FieldType::Map(_) => field.ty.build_zero_value(),
        _ if field.when_absent == AbsenceRule::Zero => field.ty.build_zero_value(),
        _ => Value::Null,
    }
}
