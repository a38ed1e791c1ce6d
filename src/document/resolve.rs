//! Slots filled in: what came from outside, read as the type of the value for which it stands.
//!
//! The walk goes along the kind's shape, so a slot in a decimal field becomes a decimal. A value that does
//! not fit is a fault at its slot that never repeats it. A slot for which nothing is known stays a slot.
//! Deliberately absent: where values come from.

use secrecy::{ExposeSecret, SecretString};

use super::read::find_blank_key;
use super::spec::{diagnose_mask, diagnose_mismatch};
use super::{DesiredNode, DesiredValue, Document, ValueSource};
use crate::diagnostic::{Diagnostic, SourceSpan};
use crate::kind::mask::is_mask;
use crate::kind::scalar::{ScalarMismatch, ScalarToken};
use crate::kind::{FieldType, ItemType, ScalarType, Shape};

/// What is known of slots.
pub type SourceLookup<'k> = &'k dyn Fn(&ValueSource) -> Option<SecretString>;

/// Every slot below a node, in the order in which they were written.
pub struct ValueSourceIter<'w> {
    pending: Vec<&'w DesiredNode>,
}

impl DesiredNode {
    /// Every slot at or below this node, with where it stands.
    pub fn iter_value_sources(&self) -> ValueSourceIter<'_> {
        ValueSourceIter { pending: vec![self] }
    }

    /// The node of field number `field`, when this is an object that names it.
    pub fn get_field(&self, field: u16) -> Option<&DesiredNode> {
        let DesiredValue::Object(fields) = &self.value else { return None };
        let at = fields.binary_search_by_key(&field, |(number, _)| *number).ok()?;
        fields.get(at).map(|(_, wanted)| wanted)
    }

    /// The node at a path of field numbers.
    pub fn get_path(&self, path: &[u16]) -> Option<&DesiredNode> {
        path.iter().try_fold(self, |wanted, number| wanted.get_field(*number))
    }

    /// The values of a map, the items of a list.
    fn collect_members_mut(&mut self) -> Vec<&mut DesiredNode> {
        match &mut self.value {
            DesiredValue::Map(entries) => entries.iter_mut().map(|(_, wanted)| wanted).collect(),
            DesiredValue::List(items) => items.iter_mut().collect(),
            _ => Vec::new(),
        }
    }
}

impl<'w> Iterator for ValueSourceIter<'w> {
    type Item = (&'w ValueSource, SourceSpan);

    fn next(&mut self) -> Option<Self::Item> {
        while let Some(wanted) = self.pending.pop() {
            match &wanted.value {
                DesiredValue::Source(slot) => return Some((slot, wanted.span)),
                DesiredValue::Object(fields) => {
                    self.pending.extend(fields.iter().rev().map(|(_, wanted)| wanted))
                }
                DesiredValue::Map(entries) => {
                    self.pending.extend(entries.iter().rev().map(|(_, wanted)| wanted))
                }
                DesiredValue::List(items) => self.pending.extend(items.iter().rev()),
                DesiredValue::Clear | DesiredValue::Literal(_) | DesiredValue::Reference(_) => {}
            }
        }
        None
    }
}

impl Document {
    /// Replaces every slot that is known by its value.
    pub fn resolve_sources(&mut self, known: SourceLookup, faults: &mut Vec<Diagnostic>) {
        let is_reported = find_blank_key(&self.spec, &self.kind).is_some();
        let mut filling = SourceResolver { lookup: known, mismatches: Vec::new() };
        filling.resolve_fields(&mut self.spec, &self.kind.shape);
        // a source may give nothing
        let unsure = self.id.is_none() && !is_reported;
        let blank = if unsure { find_blank_key(&self.spec, &self.kind) } else { None };
        let placed = |(span, fault): (SourceSpan, Diagnostic)| fault.with_location(self.locate_span(span));
        faults.extend(filling.mismatches.into_iter().chain(blank).map(placed));
    }
}

struct SourceResolver<'k> {
    lookup: SourceLookup<'k>,
    mismatches: Vec<(SourceSpan, Diagnostic)>,
}

impl SourceResolver<'_> {
    fn resolve_fields(&mut self, wanted: &mut DesiredNode, shape: &Shape) {
        let DesiredValue::Object(fields) = &mut wanted.value else { return };
        for (number, wanted) in fields {
            let field = shape.get_field(*number);
            match &field.ty {
                FieldType::Scalar(scalar_type) => {
                    self.resolve_scalar(wanted, scalar_type, &field.name);
                    if let DesiredValue::Literal(value) = &wanted.value
                        && let Some(message) = field.value_limits.check_value(value)
                    {
                        self.mismatches.push((
                            wanted.span,
                            diagnose_mismatch(
                                &field.name,
                                scalar_type,
                                ScalarMismatch { message, hint: None },
                            ),
                        ));
                    }
                }
                FieldType::Object(shape) => self.resolve_fields(wanted, shape),
                FieldType::Map(map) => {
                    wanted
                        .collect_members_mut()
                        .into_iter()
                        .for_each(|value| self.resolve_scalar(value, &map.value, &field.name));
                }
                FieldType::Array(list) => self.resolve_items(wanted, &list.item, &field.name),
            }
        }
    }

    fn resolve_items(&mut self, wanted: &mut DesiredNode, item: &ItemType, name: &str) {
        for node in wanted.collect_members_mut() {
            match item {
                ItemType::Scalar(scalar_type) => self.resolve_scalar(node, scalar_type, name),
                ItemType::Object(shape) => self.resolve_fields(node, shape),
            }
        }
    }

    fn resolve_scalar(&mut self, wanted: &mut DesiredNode, scalar_type: &ScalarType, name: &str) {
        let DesiredValue::Source(slot) = &wanted.value else { return };
        let Some(secret) = (self.lookup)(slot) else { return };
        if is_mask(secret.expose_secret()) {
            return self.mismatches.push((wanted.span, diagnose_mask(name, &format!("{slot} holds"))));
        }
        match scalar_type.read_token(ScalarToken::String(secret.expose_secret())) {
            Ok(value) => wanted.value = DesiredValue::Literal(value),
            Err(mismatch) => {
                self.mismatches.push((wanted.span, diagnose_mismatch(name, scalar_type, mismatch)))
            }
        }
    }
}
