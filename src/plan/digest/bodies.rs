//! Bodies of requests in digests, each read against the shape that it was written from.
//!
//! Deliberately absent: values that are no bodies (`digest`).

use super::{CanonicalEncoder, SkipPredicate, encode_length};
use crate::exchange::WireValue;
use crate::kind::{ArrayType, ComparisonRule, Field, FieldType, ItemType, ScalarType, Shape};
use crate::value::{Sensitivity, Value};

impl CanonicalEncoder {
    /// A body, read against the shape that it was written from.
    pub(super) fn write_wire_object(
        &mut self,
        shape: &Shape,
        body: &WireValue,
        mark: Sensitivity,
        skip: SkipPredicate,
    ) {
        let WireValue::Object(members) = body else { return self.write_wire_value(body, mark) };
        for (name, value) in members {
            match shape.fields.iter().find(|field| *field.write_to == **name && !field.is_member_name()) {
                Some(field) if skip(field) => {}
                Some(field) => {
                    self.write_piece(b'f', field.name.as_bytes());
                    self.write_piece(b'm', name.as_bytes());
                    self.write_wire_field(field, value, mark.max(field.sensitivity), skip);
                }
                // carried as it was read: it moves by itself
                None if matches!(value, WireValue::Raw(_)) => {}
                // what goes through a member of its own: no one here knows its marks
                None => {
                    self.write_piece(b's', name.as_bytes());
                    self.write_wire_value(value, mark.max(Sensitivity::Internal));
                }
            }
        }
        self.write_piece(b'.', b"");
    }

    fn write_wire_field(&mut self, field: &Field, value: &WireValue, mark: Sensitivity, skip: SkipPredicate) {
        match (&field.ty, value) {
            (FieldType::Object(shape), WireValue::Object(_)) => {
                self.write_wire_object(shape, value, mark, skip)
            }
            (FieldType::Array(list), WireValue::Array(items)) => {
                let pieces = items.iter().map(|item| {
                    let mut piece = CanonicalEncoder::new(self.keyed);
                    match &list.item {
                        ItemType::Object(shape) => piece.write_wire_object(shape, item, mark, skip),
                        ItemType::Scalar(_) => piece.write_wire_value(item, mark),
                    }
                    piece
                });
                let pieces = pieces.collect();
                self.write_items(list, pieces);
            }
            (
                FieldType::Array(ArrayType { item: ItemType::Object(shape), .. }),
                WireValue::Object(members),
            ) => {
                let pieces = members.iter().map(|(name, value)| {
                    let mut piece = CanonicalEncoder::new(self.keyed);
                    piece.write_piece(b'k', name.as_bytes());
                    piece.write_wire_object(shape, value, mark, skip);
                    piece
                });
                let pieces = pieces.collect();
                self.write_unordered(pieces);
                self.write_piece(b'}', b"");
            }
            (FieldType::Scalar(ScalarType::Decimal(_)), WireValue::Number(digits)) => match digits.parse() {
                Ok(number) => self.write_scalar(&Value::Decimal(number), ComparisonRule::Exact, mark),
                Err(_) => self.write_wire_value(value, mark),
            },
            _ => self.write_wire_value(value, mark),
        }
    }

    pub(super) fn write_wire_value(&mut self, value: &WireValue, mark: Sensitivity) {
        if !self.is_open(mark) {
            return self.write_piece(b'?', &encode_length(measure_value(value)));
        }
        match value {
            WireValue::Null => self.write_piece(b'0', b""),
            WireValue::Boolean(flag) => self.write_piece(b'b', &[u8::from(*flag)]),
            WireValue::Number(text) => self.write_piece(b'#', text.as_bytes()),
            WireValue::String(text) => self.write_piece(b't', text.as_bytes()),
            WireValue::Uuid(guid) => self.write_piece(b'g', guid.as_bytes()),
            WireValue::DateTime(text) => self.write_piece(b'd', text.as_bytes()),
            WireValue::Raw(text) => self.write_piece(b'r', text.as_bytes()),
            WireValue::Array(items) => {
                items.iter().for_each(|item| self.write_wire_value(item, mark));
                self.write_piece(b']', b"");
            }
            WireValue::Object(members) => {
                let pieces = members.iter().map(|(name, value)| {
                    let mut piece = CanonicalEncoder::new(self.keyed);
                    piece.write_piece(b'k', name.as_bytes());
                    piece.write_wire_value(value, mark);
                    piece
                });
                let pieces = pieces.collect();
                self.write_unordered(pieces);
                self.write_piece(b'}', b"");
            }
        }
    }
}

/// The bytes of the text of a value, without what a format puts around it.
fn measure_value(value: &WireValue) -> usize {
    match value {
        WireValue::Null => 0,
        WireValue::Boolean(flag) => flag.to_string().len(),
        WireValue::Number(text) | WireValue::String(text) | WireValue::DateTime(text) => text.len(),
        WireValue::Uuid(_) => 36,
        WireValue::Raw(text) => text.len(),
        WireValue::Array(items) => items.iter().map(measure_value).sum(),
        WireValue::Object(members) => {
            members.iter().map(|(name, value)| name.len() + measure_value(value)).sum()
        }
    }
}
