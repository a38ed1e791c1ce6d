//! Documents held against each other: two of them must not describe one object.
//!
//! They do when kind and target are the same, and so is the name, or scope and id, or scope and natural key.
//! Targets and scopes are the caller's to assign first. One pass over all documents, however many.
//! Deliberately absent: the live objects, where two different keys can still turn out to be one object.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::apart::{canonical, write_value};
use super::{Document, Wish};
use crate::diagnostic::{Diagnostic, Span};
use crate::kind::{Compare, Type};

/// Reports every document that describes the object of an earlier one, with both places.
pub fn together(documents: &[Document], faults: &mut Vec<Diagnostic>) {
    let mut seen: HashMap<String, &Document> = HashMap::with_capacity(documents.len() * 3);
    for document in documents {
        let mut told = false;
        for (key, alike, span) in keys(document) {
            match seen.entry(key) {
                Entry::Vacant(place) => {
                    place.insert(document);
                }
                Entry::Occupied(first) if told || are_two(document, first.get(), alike) => {}
                Entry::Occupied(first) => {
                    told = true;
                    faults.push(duplicate(document, first.get(), alike, span));
                }
            }
        }
    }
}

/// What two documents have in common.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Alike {
    Name,
    Id,
    NaturalKey,
}

/// Different ids make different objects, even of one natural key.
fn are_two(document: &Document, first: &Document, alike: Alike) -> bool {
    let ids = document.id.as_ref().zip(first.id.as_ref());
    alike != Alike::Name && ids.is_some_and(|(a, b)| a != b)
}

fn duplicate(document: &Document, first: &Document, alike: Alike, span: Span) -> Diagnostic {
    let alike = match alike {
        Alike::Name => "name".to_owned(),
        Alike::Id => "id".to_owned(),
        Alike::NaturalKey => document.kind.natural_key_names().join(", "),
    };
    let message = format!("two documents of kind `{}` have the same {alike}", document.kind.name);
    Diagnostic::error("duplicate-document", message)
        .at(document.place(span))
        .also(first.place(first.name_span), "the other document")
        .hint("one object is described by one document: merge the two, or tell them apart")
}

/// The texts by which a document is known, each with what it is and where it stands.
fn keys(document: &Document) -> Vec<(String, Alike, Span)> {
    let target = document.target.as_deref().unwrap_or("");
    let mut scoped = [&document.kind.name, "\n", target, "\n"].concat();
    let name = [&scoped, "name\n", &document.name].concat();
    let mut keys = vec![(name, Alike::Name, document.name_span)];
    for (number, value) in &document.scope {
        scoped.push_str(&format!("{number}="));
        write_value(&mut scoped, value, Compare::Exact);
    }
    if let Some(id) = &document.id {
        let mut key = [&scoped, "\nid\n"].concat();
        write_value(&mut key, id, Compare::Exact);
        keys.push((key, Alike::Id, document.id_span));
    }
    if let Some((key, span)) = natural_key(document) {
        keys.push(([&scoped, "\nkey\n", &key].concat(), Alike::NaturalKey, span));
    }
    keys
}

/// The natural key and where it starts, when every part of it is written as a plain value.
fn natural_key(document: &Document) -> Option<(String, Span)> {
    let paths = &document.kind.identity.natural_key;
    let mut key = String::new();
    let mut span = None;
    for path in paths {
        if path.first().is_some_and(|number| document.kind.shape.field(*number).copy_of.is_some()) {
            // a copy of the scope, which is part of the key already
            continue;
        }
        let wanted = document.spec.at(path)?;
        let Wish::Leaf(_) = wanted.wish else { return None };
        key.push_str(&canonical(wanted, compare(document, path)));
        span = span.or(Some(wanted.span));
    }
    Some((key, span?))
}

/// How the last field of a path is compared.
fn compare(document: &Document, path: &[u16]) -> Compare {
    let mut shape = &document.kind.shape;
    let mut compare = Compare::Exact;
    for number in path {
        let field = shape.field(*number);
        compare = field.compare;
        if let Type::Object(inner) = &field.ty {
            shape = inner;
        }
    }
    compare
}
