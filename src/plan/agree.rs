//! Whether an object surely is as its document wants it, without building a proposal.
//!
//! A quick yes for the many objects to which nothing is to be done; anything that is not plainly the same
//! (hidden, masked, waiting, in another order, fixed after creation) is a no, and the proposal decides. In
//! debug builds every yes is held against the proposal.

use crate::document::{Document, Wanted, Wish};
use crate::kind::{Field, Item, ListType, MapType, Shape, ToldApart, Type};
use crate::plan::compare::{same, unseen};
use crate::value::{Object, Value};

/// Whether nothing is to be done and nothing is to be said.
pub fn agrees(document: &Document, live: &Object) -> bool {
    match &document.spec.wish {
        Wish::Object(fields) => object(&document.kind.shape, live, fields),
        _ => false,
    }
}

fn object(shape: &Shape, live: &Object, wanted: &[(u16, Wanted)]) -> bool {
    wanted.iter().all(|(number, wanted)| {
        let field = shape.field(*number);
        agrees_on(field, live.get(*number), wanted)
    })
}

fn agrees_on(field: &Field, live: Option<&Value>, wanted: &Wanted) -> bool {
    match (&field.ty, &wanted.wish, live) {
        (Type::Leaf(_), Wish::Leaf(value), _) => !unseen(field, live) && same(field, live, Some(value)),
        (Type::Object(shape), Wish::Object(fields), Some(Value::Object(live))) => object(shape, live, fields),
        (Type::Map(map), Wish::Map(entries), Some(Value::Map(live))) => same_map(map, live, entries),
        (Type::List(list), Wish::List(items), Some(Value::List(live))) => same_items(list, live, items),
        _ => false,
    }
}

fn same_map(map: &MapType, live: &[(Box<str>, Value)], entries: &[(Box<str>, Wanted)]) -> bool {
    let agrees = |(key, wanted): &(Box<str>, Wanted)| match &wanted.wish {
        Wish::Leaf(value) => live.iter().any(|(own, now)| own == key && now.same(value)),
        _ => false,
    };
    (!map.complete || live.len() == entries.len()) && entries.iter().all(agrees)
}

/// Item by item, in the order in which they stand on both sides.
fn same_items(list: &ListType, live: &[Value], items: &[Wanted]) -> bool {
    if live.len() != items.len() {
        return false;
    }
    live.iter().zip(items).all(|(live, wanted)| match (&list.item, live, &wanted.wish) {
        (Item::Leaf(_), live, Wish::Leaf(value)) => live.same(value),
        (Item::Object(shape), Value::Object(live), Wish::Object(fields)) => {
            names_its_key(list, fields) && object(shape, live, fields)
        }
        _ => false,
    })
}

/// Only an item that says which one it is can be told from its neighbours.
fn names_its_key(list: &ListType, fields: &[(u16, Wanted)]) -> bool {
    match &list.told_apart {
        ToldApart::Keys(keys) => {
            keys.iter().any(|key| key.iter().all(|number| fields.iter().any(|(own, _)| own == number)))
        }
        ToldApart::Order | ToldApart::Set => true,
    }
}
