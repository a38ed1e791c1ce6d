//! Slots filled in: what came from outside, read as the type of the leaf for which it stands.
//!
//! The walk goes along the kind's shape, so a slot in a decimal field becomes a decimal. A value that does
//! not fit is a fault at its slot that never repeats it. A slot for which nothing is known stays a slot.
//! Deliberately absent: where values come from.

use secrecy::{ExposeSecret, SecretString};

use super::read::blank_key;
use super::spec::unfit;
use super::{Document, Slot, Wanted, Wish};
use crate::diagnostic::{Diagnostic, Span};
use crate::kind::leaf::Token;
use crate::kind::{Item, Leaf, Shape, Type};

/// What is known of slots.
pub type Known<'k> = &'k dyn Fn(&Slot) -> Option<SecretString>;

/// Every slot below a node, in the order in which they were written.
pub struct Slots<'w> {
    open: Vec<&'w Wanted>,
}

impl Wanted {
    /// Every slot at or below this node, with where it stands.
    pub fn slots(&self) -> Slots<'_> {
        Slots { open: vec![self] }
    }

    /// The node of field number `field`, when this is an object that names it.
    pub fn field(&self, field: u16) -> Option<&Wanted> {
        let Wish::Object(fields) = &self.wish else { return None };
        let at = fields.binary_search_by_key(&field, |(number, _)| *number).ok()?;
        fields.get(at).map(|(_, wanted)| wanted)
    }

    /// The node at a path of field numbers.
    pub fn at(&self, path: &[u16]) -> Option<&Wanted> {
        path.iter().try_fold(self, |wanted, number| wanted.field(*number))
    }

    /// The values of a map, the items of a list.
    fn members(&mut self) -> Vec<&mut Wanted> {
        match &mut self.wish {
            Wish::Map(entries) => entries.iter_mut().map(|(_, wanted)| wanted).collect(),
            Wish::List(items) => items.iter_mut().collect(),
            _ => Vec::new(),
        }
    }
}

impl<'w> Iterator for Slots<'w> {
    type Item = (&'w Slot, Span);

    fn next(&mut self) -> Option<Self::Item> {
        while let Some(wanted) = self.open.pop() {
            match &wanted.wish {
                Wish::Slot(slot) => return Some((slot, wanted.span)),
                Wish::Object(fields) => self.open.extend(fields.iter().rev().map(|(_, wanted)| wanted)),
                Wish::Map(entries) => self.open.extend(entries.iter().rev().map(|(_, wanted)| wanted)),
                Wish::List(items) => self.open.extend(items.iter().rev()),
                Wish::Clear | Wish::Leaf(_) | Wish::Reference(_) => {}
            }
        }
        None
    }
}

impl Document {
    /// Replaces every slot that is known by its value.
    pub fn resolve(&mut self, known: Known, faults: &mut Vec<Diagnostic>) {
        let told = blank_key(&self.spec, &self.kind).is_some();
        let mut filling = Filling { known, unfit: Vec::new() };
        filling.fields(&mut self.spec, &self.kind.shape);
        // a source may give nothing
        let unsure = self.id.is_none() && !told;
        let blank = if unsure { blank_key(&self.spec, &self.kind) } else { None };
        let placed = |(span, fault): (Span, Diagnostic)| fault.at(self.source.place(span));
        faults.extend(filling.unfit.into_iter().chain(blank).map(placed));
    }
}

struct Filling<'k> {
    known: Known<'k>,
    unfit: Vec<(Span, Diagnostic)>,
}

impl Filling<'_> {
    fn fields(&mut self, wanted: &mut Wanted, shape: &Shape) {
        let Wish::Object(fields) = &mut wanted.wish else { return };
        for (number, wanted) in fields {
            let field = shape.field(*number);
            match &field.ty {
                Type::Leaf(leaf) => self.leaf(wanted, leaf, &field.name),
                Type::Object(shape) => self.fields(wanted, shape),
                Type::Map(map) => {
                    wanted.members().into_iter().for_each(|value| self.leaf(value, &map.value, &field.name));
                }
                Type::List(list) => self.items(wanted, &list.item, &field.name),
            }
        }
    }

    fn items(&mut self, wanted: &mut Wanted, item: &Item, name: &str) {
        for node in wanted.members() {
            match item {
                Item::Leaf(leaf) => self.leaf(node, leaf, name),
                Item::Object(shape) => self.fields(node, shape),
            }
        }
    }

    fn leaf(&mut self, wanted: &mut Wanted, leaf: &Leaf, name: &str) {
        let Wish::Slot(slot) = &wanted.wish else { return };
        let Some(secret) = (self.known)(slot) else { return };
        match leaf.read(Token::Text(secret.expose_secret())) {
            Ok(value) => wanted.wish = Wish::Leaf(value),
            Err(mismatch) => self.unfit.push((wanted.span, unfit(name, leaf, mismatch))),
        }
    }
}
