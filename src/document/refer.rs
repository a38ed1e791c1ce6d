//! References: the id of a thing, said by a name of that thing.
//!
//! `{ name: Front desk }` with a member by which the kind lets the thing be named, or `{ ref: harbor }` with the
//! name of another document. A reference stays one until [`Document::refer`]red: only a run knows the ids.
//! Deliberately absent: looking anything up, and which of several things is meant.

use std::collections::HashMap;
use std::sync::Arc;

use super::read::{Reading, shown};
use super::spec::Role;
use super::{Document, Reference, Wanted, Wish, apart};
use crate::diagnostic::{Diagnostic, Span, did_you_mean};
use crate::kind::{Among, Field, Item, Leaf, Refers, Shape, Type};
use crate::value::Value;
use crate::yaml::{Data, Node};

/// The most bytes of a name.
const MAX_NAME: usize = 4096;

/// Where a reference stands, and what is to stand there.
pub struct Spot<'k> {
    pub field: &'k Field,
    /// What the id is read as.
    pub leaf: &'k Leaf,
    /// The names of the fields that lead to it, with slashes between them.
    pub path: String,
    pub span: Span,
}

/// The words that a mapping may use here, when it can be meant as a reference.
pub(super) fn meant<'k>(node: &Node, refers: &'k Refers) -> Option<Vec<&'k str>> {
    let mapping = matches!(node.data, Data::Map(_)) && !super::slot::is_meant(node);
    Some(refers.words()).filter(|words| mapping && !words.is_empty())
}

/// Reads a mapping as a reference by one of `words`; anything else is a fault.
pub(super) fn read(reading: &mut Reading, node: &Node, role: Role, words: &[&str]) -> Option<Reference> {
    let [entry] = node.entries() else {
        let message = format!("`{}` is named by exactly one of {}", role.name, listed(words));
        return bad(reading, node, message, words);
    };
    let Some(word) = words.iter().find(|word| **word == entry.key.as_ref()) else {
        reading.veil(entry);
        let message = format!("`{}` is not named by `{}`", role.name, shown(&entry.key));
        let mut fault = Diagnostic::error("bad-reference", message);
        fault.hint = did_you_mean(&entry.key, words.iter().copied());
        reading.put(entry.key_span, fault);
        return None;
    };
    let name = entry.value.scalar().filter(|_| !entry.value.is_null());
    let Some(name) = name.filter(|name| !name.trim().is_empty() && name.len() <= MAX_NAME) else {
        return bad(reading, node, format!("`{word}` of `{}` is no name", role.name), words);
    };
    let to_document = matches!(role.refers.and_then(|refers| refers.among.as_ref()), Some(Among::Kind(_)));
    let by = (!to_document).then(|| (*word).into());
    Some(Reference { by, name: name.into(), mark: role.mark })
}

fn bad(reading: &mut Reading, node: &Node, message: String, words: &[&str]) -> Option<Reference> {
    reading.veil_span(node.span);
    let forms: Vec<String> = words.iter().map(|word| format!("{{ {word}: NAME }}")).collect();
    let hint = format!("write {} or the id itself", forms.join(", "));
    reading.put(node.span, Diagnostic::error("bad-reference", message).hint(hint));
    None
}

fn listed(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

impl Document {
    /// Every reference, in the order of the kind, with where it stands.
    pub fn references(&self) -> Vec<(Spot<'_>, &Reference)> {
        let mut search = Search { path: Vec::new(), found: Vec::new() };
        if self.looks_up() {
            search.fields(&self.kind.shape, &self.spec);
        }
        search.found
    }

    /// Whether a name in it is to be looked up, or a value held against bounds that other things set.
    pub fn looks_up(&self) -> bool {
        looks_up(&self.kind.shape, &self.spec)
    }

    /// This document with an id for every reference, as `find` knows it.
    ///
    /// # Errors
    /// What is wrong with the references, each at its place.
    pub fn refer(
        &self,
        find: &mut dyn FnMut(&Spot, &Reference) -> Result<Value, Diagnostic>,
    ) -> Result<Self, Vec<Diagnostic>> {
        let (mut ids, mut faults) = (Vec::new(), Vec::new());
        for (spot, reference) in self.references() {
            match find(&spot, reference) {
                Ok(id) => ids.push(id),
                Err(fault) if fault.place.is_some() => faults.push(fault),
                Err(fault) => faults.push(fault.at(self.place(spot.span))),
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let mut referred = self.clone();
        fill(&mut referred.spec, &mut ids.into_iter());
        tell_apart(&mut Reading::new(&self.source, &mut faults), &self.kind.shape, &referred.spec);
        if faults.is_empty() { Ok(referred) } else { Err(faults) }
    }
}

fn looks_up(shape: &Shape, wanted: &Wanted) -> bool {
    let Wish::Object(fields) = &wanted.wish else { return false };
    shape.looks_up()
        && fields.iter().any(|(number, wanted)| {
            let field = shape.field(*number);
            let inside = |shape: &Arc<Shape>| match &wanted.wish {
                Wish::List(items) => items.iter().any(|item| looks_up(shape, item)),
                _ => looks_up(shape, wanted),
            };
            field.bounded_by.is_some()
                || (field.refers_to.is_some() && names_something(wanted))
                || field.ty.inner().is_some_and(inside)
        })
}

fn names_something(wanted: &Wanted) -> bool {
    match &wanted.wish {
        Wish::Reference(_) => true,
        Wish::List(items) => items.iter().any(names_something),
        _ => false,
    }
}

/// Looks for references along the shape.
struct Search<'w> {
    path: Vec<&'w str>,
    found: Vec<(Spot<'w>, &'w Reference)>,
}

impl<'w> Search<'w> {
    fn fields(&mut self, shape: &'w Shape, wanted: &'w Wanted) {
        let Wish::Object(fields) = &wanted.wish else { return };
        for (number, wanted) in fields {
            let field = shape.field(*number);
            self.path.push(&field.name);
            match &field.ty {
                Type::Leaf(leaf) => self.leaf(field, leaf, wanted),
                Type::Object(shape) => self.fields(shape, wanted),
                Type::List(list) => self.items(field, &list.item, wanted),
                // what its values refer to, a kind cannot say
                Type::Map(_) => {}
            }
            self.path.pop();
        }
    }

    fn items(&mut self, field: &'w Field, item: &'w Item, wanted: &'w Wanted) {
        let Wish::List(items) = &wanted.wish else { return };
        for wanted in items {
            match item {
                Item::Leaf(leaf) => self.leaf(field, leaf, wanted),
                Item::Object(shape) => self.fields(shape, wanted),
            }
        }
    }

    fn leaf(&mut self, field: &'w Field, leaf: &'w Leaf, wanted: &'w Wanted) {
        if let Wish::Reference(reference) = &wanted.wish {
            let spot = Spot { field, leaf, path: self.path.join("/"), span: wanted.span };
            self.found.push((spot, reference));
        }
    }
}

/// Puts ids in the places of references, in the order in which [`Search`] finds them.
fn fill(wanted: &mut Wanted, ids: &mut dyn Iterator<Item = Value>) {
    match &mut wanted.wish {
        Wish::Object(fields) => fields.iter_mut().for_each(|(_, wanted)| fill(wanted, ids)),
        Wish::List(items) => items.iter_mut().for_each(|wanted| fill(wanted, ids)),
        Wish::Reference(_) => {
            if let Some(id) = ids.next() {
                wanted.wish = Wish::Leaf(id);
            }
        }
        Wish::Clear | Wish::Leaf(_) | Wish::Slot(_) | Wish::Map(_) => {}
    }
}

/// Two names can be those of one thing, which only their ids tell.
fn tell_apart(reading: &mut Reading, shape: &Shape, wanted: &Wanted) {
    let Wish::Object(fields) = &wanted.wish else { return };
    for (number, wanted) in fields {
        let field = shape.field(*number);
        match (&field.ty, &wanted.wish) {
            (Type::Object(shape), _) => tell_apart(reading, shape, wanted),
            (Type::List(list), Wish::List(items)) => {
                if let Item::Object(shape) = &list.item {
                    items.iter().for_each(|item| tell_apart(reading, shape, item));
                }
                apart::check(reading, &items.iter().collect::<Vec<_>>(), list, &field.name);
            }
            _ => {}
        }
    }
}

/// Reports every name of a document that no document has; `documents` are all there are.
pub fn dangling(documents: &[Document], faults: &mut Vec<Diagnostic>) {
    let mut names: HashMap<(&str, Option<&str>), Vec<&str>> = HashMap::new();
    for document in documents {
        let key = (&*document.kind.name, document.target.as_deref());
        names.entry(key).or_default().push(&document.name);
    }
    for document in documents {
        for (spot, reference) in document.references() {
            let among = spot.field.refers_to.as_ref().and_then(|refers| refers.among.as_ref());
            let Some(Among::Kind(kind)) = among else { continue };
            let known = names.get(&(&**kind, document.target.as_deref())).map_or(&[][..], Vec::as_slice);
            if !known.contains(&&*reference.name) {
                faults.push(no_document(reference, kind, known).at(document.place(spot.span)));
            }
        }
    }
}

/// The fault of a name that no document has; `known` are those that documents of the kind have.
pub fn no_document(reference: &Reference, kind: &str, known: &[&str]) -> Diagnostic {
    let name = shown(&reference.name);
    let message = format!("no document of kind `{kind}` at this target is named `{name}`");
    let hint = did_you_mean(&reference.name, known.iter().copied());
    Diagnostic::error("unknown-reference", message)
        .hint(hint.unwrap_or_else(|| "write one, or the id itself".into()))
}
