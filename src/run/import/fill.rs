//! Slots, and names of other documents, filled from the live object: what a document would be if what it does not
//! say itself were what is in place.
//!
//! Used to prove that a document says what is live, where nobody knows the secrets. What the service does not
//! show is taken out, as if the document left it alone.

use crate::document::{Wanted, Wish};
use crate::kind::{Item, ListType, Shape, ToldApart, Type};
use crate::plan::pair::pair;
use crate::value::{Object, Value};

/// What is filled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum What {
    /// Slots.
    Secrets,
    /// Names of other documents.
    Links,
}

impl What {
    fn is(self, wish: &Wish) -> bool {
        match wish {
            Wish::Slot(_) => self == Self::Secrets,
            Wish::Reference(reference) => self == Self::Links && reference.by.is_none(),
            _ => false,
        }
    }
}

/// The fields of a spec with live values in place of what is to be filled.
pub fn fill(spec: &Wanted, shape: &Shape, live: &Object, what: What) -> Wanted {
    Wanted { span: spec.span, wish: Wish::Object(fields(object_fields(spec), shape, Some(live), what)) }
}

/// The fields of an object that is wanted.
pub fn object_fields(wanted: &Wanted) -> &[(u16, Wanted)] {
    match &wanted.wish {
        Wish::Object(fields) => fields,
        _ => &[],
    }
}

fn fields(wanted: &[(u16, Wanted)], shape: &Shape, live: Option<&Object>, what: What) -> Vec<(u16, Wanted)> {
    let one = |(number, wanted): &(u16, Wanted)| {
        let field = shape.fields.get(*number as usize)?;
        Some((*number, node(wanted, &field.ty, live.and_then(|live| live.get(*number)), what)?))
    };
    wanted.iter().filter_map(one).collect()
}

fn node(wanted: &Wanted, ty: &Type, live: Option<&Value>, what: What) -> Option<Wanted> {
    let wish = match (&wanted.wish, ty) {
        (wish, _) if what.is(wish) => Wish::Leaf(live.filter(|value| !value.is_blank())?.clone()),
        (Wish::Object(own), Type::Object(shape)) => {
            Wish::Object(fields(own, shape, live.and_then(Value::as_object), what))
        }
        (Wish::Map(entries), _) => {
            let entry = |(key, wanted): &(Box<str>, Wanted)| {
                let live = match live {
                    Some(Value::Map(own)) => own.iter().find(|(name, _)| name == key).map(|(_, value)| value),
                    _ => None,
                };
                Some((key.clone(), node(wanted, ty, live, what)?))
            };
            Wish::Map(entries.iter().filter_map(entry).collect())
        }
        (Wish::List(items), Type::List(list)) => {
            let live = live.map(Value::items).unwrap_or_default();
            let partners = partners(items, list, live);
            let partner = |at: usize| partners.get(at).copied().flatten().and_then(|at| live.get(at));
            Wish::List(
                items.iter().enumerate().filter_map(|(at, own)| item(own, list, partner(at), what)).collect(),
            )
        }
        (wish, _) => wish.clone(),
    };
    Some(Wanted { span: wanted.span, wish })
}

fn item(wanted: &Wanted, list: &ListType, live: Option<&Value>, what: What) -> Option<Wanted> {
    match &list.item {
        Item::Object(shape) => {
            let inner = fields(object_fields(wanted), shape, live.and_then(Value::as_object), what);
            Some(Wanted { span: wanted.span, wish: Wish::Object(inner) })
        }
        Item::Leaf(leaf) => node(wanted, &Type::Leaf(leaf.clone()), live, what),
    }
}

/// The live partner of each item, found by what is written in clear.
fn partners(items: &[Wanted], list: &ListType, live: &[Value]) -> Vec<Option<usize>> {
    let (ToldApart::Keys(keys), Item::Object(shape)) = (&list.told_apart, &list.item) else {
        return (0..items.len()).map(|at| Some(at).filter(|at| *at < live.len())).collect();
    };
    let clear = |item: &Wanted| -> Vec<(u16, Wanted)> {
        let open = |(_, wanted): &&(u16, Wanted)| !matches!(wanted.wish, Wish::Slot(_) | Wish::Reference(_));
        object_fields(item).iter().filter(open).cloned().collect()
    };
    let clear: Vec<Vec<(u16, Wanted)>> = items.iter().map(clear).collect();
    let clear: Vec<&[(u16, Wanted)]> = clear.iter().map(Vec::as_slice).collect();
    let objects: Vec<&Object> = live.iter().filter_map(Value::as_object).collect();
    pair(shape, keys, &clear, &objects).unwrap_or_else(|_| vec![None; items.len()])
}
