//! Rows of lists and entries of maps: which are the same, which stay, which get a new number.
//!
//! The service numbers the items of a list in a field of theirs that nobody else may write; where there is no
//! such field, the first key tells items apart.

use crate::kind::{Field, Item, ItemsSent, Leaf, ListType, Shape, ToldApart, Type};
use crate::value::{Object, Value};

use super::mint::Mint;
use super::rules::blank;

/// The field in which the service numbers the items of a list.
pub fn row_id(shape: &Shape) -> Option<&Field> {
    shape.fields.iter().find(|field| {
        let numbers = matches!(field.ty, Type::Leaf(Leaf::Guid | Leaf::Whole(_)));
        field.access.computed && field.copy_of.is_none() && numbers
    })
}

/// A new id of the field's type.
pub fn new_number(field: &Field, mint: &mut Mint) -> Value {
    match field.ty {
        Type::Leaf(Leaf::Whole(_)) => Value::Whole(mint.whole()),
        Type::Leaf(Leaf::Text { .. }) => Value::text(mint.guid().hyphenated().to_string()),
        _ => Value::Guid(mint.guid()),
    }
}

/// Whether items that a write leaves out stay: others take them out, or nothing does.
pub fn keeps_unlisted(list: &ListType) -> bool {
    !list.complete || list.removals.is_some() || list.items_sent == ItemsSent::Changed
}

/// Whether an item that is sent is a row that is there: by the id of the row, where the service numbers them.
pub fn same_row(list: &ListType, old: &Value, new: &Value) -> bool {
    let (Item::Object(shape), Value::Object(old), Value::Object(new)) = (&list.item, old, new) else {
        return false;
    };
    match row_id(shape) {
        Some(field) => {
            new.get(field.number).is_some_and(|id| !id.is_zero() && old.get(field.number) == Some(id))
        }
        None => same_key(list, old, new),
    }
}

/// Whether an item that is sent without a row id is one that is there. Where only what changed is sent, it is
/// a new one, however often it is sent.
pub fn same_item(list: &ListType, old: &Value, new: &Value) -> bool {
    let (Item::Object(shape), Value::Object(own), Value::Object(sent)) = (&list.item, old, new) else {
        return old == new;
    };
    let numbered = row_id(shape).and_then(|field| sent.get(field.number)).is_some_and(|id| !id.is_zero());
    !numbered && list.items_sent != ItemsSent::Changed && same_key(list, own, sent)
}

fn same_key(list: &ListType, old: &Object, new: &Object) -> bool {
    match &list.told_apart {
        ToldApart::Keys(keys) => {
            let key = keys.first().map(Vec::as_slice).unwrap_or_default();
            !key.is_empty() && key.iter().all(|number| old.get(*number) == new.get(*number))
        }
        ToldApart::Set => old.same(new),
        ToldApart::Order => false,
    }
}

/// Fills what a sample left out: blanks and row ids.
pub fn settle(shape: &Shape, object: &mut Object, mint: &mut Mint) {
    for field in &shape.fields {
        let value = object.take(field.number).filter(|value| *value != Value::Null);
        let settled = match (&field.ty, value) {
            (_, None) => blank(field),
            (Type::Object(inner), Some(Value::Object(mut object))) => {
                settle(inner, &mut object, mint);
                Value::Object(object)
            }
            (Type::List(ListType { item: Item::Object(inner), .. }), Some(Value::List(mut items))) => {
                items.iter_mut().for_each(|item| settle_item(inner, item, mint));
                Value::List(items)
            }
            (_, Some(value)) => value,
        };
        object.set(field.number, settled);
    }
}

fn settle_item(shape: &Shape, item: &mut Value, mint: &mut Mint) {
    let Value::Object(object) = item else { return };
    settle(shape, object, mint);
    if let Some(field) = row_id(shape).filter(|field| object.get(field.number).is_none_or(Value::is_zero)) {
        object.set(field.number, new_number(field, mint));
    }
}

/// A map in which what is not sent stays; null takes a key out.
pub fn put_in(given: Option<&Value>, before: Option<&Value>) -> Value {
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
