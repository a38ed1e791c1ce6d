//! From names of fields to what a document holds there: the entries of a list or map, and the place of a field.

use cel::Value as Fact;
use cel::objects::Key;

use crate::diagnostic::Span;
use crate::document::{Wanted, Wish};
use crate::kind::{Item, Shape, Type};

/// What a rule is asked of: the value, its key in a map, and where it stands.
pub struct Entry<'d> {
    pub fact: Fact,
    pub key: Option<Fact>,
    pub wanted: Option<&'d Wanted>,
    pub shape: Option<&'d Shape>,
}

/// The value below the names of some fields.
fn below(fact: &Fact, path: &[String]) -> Option<Fact> {
    let mut fact = fact.clone();
    for name in path {
        let Fact::Map(map) = &fact else { return None };
        fact = map.map.get(&Key::String(std::sync::Arc::new(name.clone())))?.clone();
    }
    Some(fact)
}

/// The entries of the list or map below the names of some fields; none where there is no such thing.
pub fn entries<'d>(fact: &Fact, (wanted, shape): (&'d Wanted, &'d Shape), path: &[String]) -> Vec<Entry<'d>> {
    let (place, ty) = walk(wanted, shape, path);
    let inner = ty.and_then(|ty| match ty {
        Type::List(list) => match &list.item {
            Item::Object(shape) => Some(&**shape),
            Item::Leaf(_) => None,
        },
        _ => None,
    });
    match (below(fact, path), place.map(|place| &place.wish)) {
        (Some(Fact::List(facts)), Some(Wish::List(items))) => {
            let entry = |(fact, wanted): (&Fact, &'d Wanted)| Entry {
                fact: fact.clone(),
                key: None,
                wanted: Some(wanted),
                shape: inner,
            };
            facts.iter().zip(items).map(entry).collect()
        }
        (Some(Fact::Map(map)), Some(Wish::Map(entries))) => {
            let entry = |(key, wanted): &'d (Box<str>, Wanted)| {
                let name = std::sync::Arc::new(key.to_string());
                let fact = map.map.get(&Key::String(std::sync::Arc::clone(&name)))?.clone();
                Some(Entry { fact, key: Some(Fact::String(name)), wanted: Some(wanted), shape: None })
            };
            entries.iter().filter_map(entry).collect()
        }
        _ => Vec::new(),
    }
}

/// The place of a field: of the innermost one on the way that is written; nothing when none is.
pub fn place(wanted: &Wanted, shape: Option<&Shape>, path: &[String]) -> Option<Span> {
    let (mut here, mut shape) = (wanted, shape);
    for name in path {
        let Some((next, ty)) = step(here, shape, name) else { break };
        here = next;
        shape = match ty {
            Type::Object(inner) => Some(inner),
            _ => None,
        };
    }
    (!std::ptr::eq(here, wanted)).then_some(here.span)
}

fn walk<'d>(wanted: &'d Wanted, shape: &'d Shape, path: &[String]) -> (Option<&'d Wanted>, Option<&'d Type>) {
    let (mut here, mut ty, mut shape) = (wanted, None, Some(shape));
    for name in path {
        let Some((next, found)) = step(here, shape, name) else { return (None, None) };
        here = next;
        shape = match found {
            Type::Object(inner) => Some(inner),
            _ => None,
        };
        ty = Some(found);
    }
    (Some(here), ty)
}

fn step<'d>(here: &'d Wanted, shape: Option<&'d Shape>, name: &str) -> Option<(&'d Wanted, &'d Type)> {
    let (Wish::Object(fields), Some(field)) = (&here.wish, shape?.named(name)) else { return None };
    let (_, next) = fields.iter().find(|(number, _)| *number == field.number)?;
    Some((next, &field.ty))
}
