//! What ids refer to: the things that a service knows besides the objects of its kinds.
//!
//! A thing that stands whole in a sample is kept, answered whole wherever an object is read, and listed at the
//! URL that it names. Of a list of things that no sample shows only the ids are known, from the objects that
//! use them; such a thing is named after its id. Deliberately absent: writing things.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::exchange::Wire;
use crate::kind::file::ListFile;
use crate::kind::{Among, Field, Item, Kind, Leaf, Refers, Shape, Type};
use crate::value::{Object, Value};

use super::given;
use super::store::Table;

/// A thing that stood whole where its id is the value.
#[derive(Clone)]
pub struct Whole {
    /// The name of the field.
    pub field: Arc<str>,
    pub id: Value,
    /// As JSON.
    pub raw: Box<str>,
}

/// The things that stood whole, by field and id.
#[derive(Default)]
pub struct Wholes {
    by_field: BTreeMap<Arc<str>, Vec<(Value, Box<str>)>>,
}

impl Wholes {
    /// Keeps a thing, over the one with the same id.
    pub fn put(&mut self, whole: Whole) {
        let things = self.by_field.entry(whole.field).or_default();
        match things.iter_mut().find(|(id, _)| *id == whole.id) {
            Some((_, raw)) => *raw = whole.raw,
            None => things.push((whole.id, whole.raw)),
        }
    }

    /// What an id is answered as: the whole thing, where this field is read whole. `base` is where the API is.
    pub fn shown(&self, field: &Field, id: &Value, base: &str) -> Option<Wire> {
        let (refers, things) = (field.refers_to.as_ref()?, self.by_field.get(&field.name)?);
        let Type::Leaf(leaf) = &field.ty else { return None };
        if *id == Value::Null {
            return None;
        }
        let Some((_, raw)) = things.iter().find(|(own, _)| own == id) else {
            return Some(Wire::Object(vec![(refers.id.to_string(), leaf.wire(id))]));
        };
        Some(thing(raw, refers, base))
    }
}

/// A whole thing, its URL leading here.
fn thing(raw: &str, refers: &Refers, base: &str) -> Wire {
    let mut wire = given::json(raw).map_or(Wire::Null, given::Given::into_wire);
    if let (Wire::Object(members), Some(Among::UrlIn(at))) = (&mut wire, &refers.among) {
        for (_, value) in members.iter_mut().filter(|(name, _)| **name == **at) {
            if let Wire::Text(url) = value {
                *url = format!("{base}{}", path_of(url));
            }
        }
    }
    wire
}

/// The path of a URL, or of what is only a path.
fn path_of(url: &str) -> String {
    url::Url::parse(url).map_or_else(|_| url.to_owned(), |url| url.path().to_owned())
}

/// A list of things.
pub struct Listed<'k> {
    pub list: &'k ListFile,
    pub items: Vec<Wire>,
}

/// The things that the fields of a kind list at a path.
pub fn listed<'t>(table: &'t Table, path: &str, base: &str) -> Option<Listed<'t>> {
    let kind = &*table.kind;
    let mut fields = Vec::new();
    referring(&kind.shape, &mut fields);
    fields.into_iter().find_map(|(field, refers)| match refers.among.as_ref()? {
        Among::List(list) if *list.get == *path => Some(Listed { list, items: used(kind, table, path) }),
        Among::UrlIn(at) => {
            let things = table.wholes.by_field.get(&field.name)?;
            let here = things.iter().filter(|(_, raw)| leads_to(raw, at, path));
            let items: Vec<Wire> = here.map(|(_, raw)| thing(raw, refers, base)).collect();
            (!items.is_empty()).then_some(Listed { list: &kind.operations.list, items })
        }
        _ => None,
    })
}

fn leads_to(raw: &str, at: &str, path: &str) -> bool {
    let members = given::json(raw).ok().and_then(given::Given::into_members).unwrap_or_default();
    members
        .iter()
        .any(|(name, value)| *name == *at && matches!(value, given::Given::Text(url) if path_of(url) == path))
}

/// Every field that refers to something, however deep.
fn referring<'k>(shape: &'k Shape, found: &mut Vec<(&'k Field, &'k Refers)>) {
    for field in &shape.fields {
        if let Some(refers) = &field.refers_to {
            found.push((field, refers));
        }
        if let Some(inner) = inside(field) {
            referring(inner, found);
        }
    }
}

fn inside(field: &Field) -> Option<&Shape> {
    match &field.ty {
        Type::Object(shape) => Some(shape),
        Type::List(list) => match &list.item {
            Item::Object(shape) => Some(shape),
            Item::Leaf(_) => None,
        },
        _ => None,
    }
}

/// The things of a list that any object uses, in the order of their ids.
fn used(kind: &Kind, table: &Table, path: &str) -> Vec<Wire> {
    let mut found = BTreeMap::new();
    for (_, record) in table.list(&vec![None; kind.scope.len()]) {
        collect(kind, (&kind.shape, &record.object), path, &mut found);
    }
    found.into_values().collect()
}

fn collect(kind: &Kind, (shape, object): (&Shape, &Object), path: &str, found: &mut BTreeMap<String, Wire>) {
    for field in &shape.fields {
        let Some(value) = object.get(field.number) else { continue };
        let refers = field.refers_to.as_ref();
        let here =
            refers.filter(|refers| matches!(&refers.among, Some(Among::List(list)) if *list.get == *path));
        let several = value.items();
        let ids = if several.is_empty() { std::slice::from_ref(value) } else { several };
        for id in here.iter().flat_map(|_| ids).filter(|id| !id.is_blank()) {
            let text = Leaf::url_text(id, &kind.api);
            found.entry(text.clone()).or_insert_with(|| named(field, id, &text));
        }
        for inner in ids.iter().filter_map(Value::as_object) {
            if let Some(shape) = inside(field) {
                collect(kind, (shape, inner), path, found);
            }
        }
    }
}

/// A thing of which nothing is known but its id.
fn named(field: &Field, id: &Value, text: &str) -> Wire {
    let leaf = match &field.ty {
        Type::Leaf(leaf) => Some(leaf),
        Type::List(list) => match &list.item {
            Item::Leaf(leaf) => Some(leaf),
            Item::Object(_) => None,
        },
        _ => None,
    };
    let (Some(leaf), Some(refers)) = (leaf, &field.refers_to) else { return Wire::Null };
    let names = refers.by.iter().map(|name| (name.to_string(), Wire::Text(format!("{name} {text}"))));
    Wire::Object(std::iter::once((refers.id.to_string(), leaf.wire(id))).chain(names).collect())
}
