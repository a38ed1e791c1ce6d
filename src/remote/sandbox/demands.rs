//! What the service has against a write: required fields that are missing, clearing in the wrong way.

use crate::kind::{Clear, Field, Item, Kind, ListType, Shape, Type};
use crate::value::{Object, Value};

use super::bind::{Grievance, binds_silently};
use super::rules::closed;
use super::store::Record;

/// What the service has against a written object: required fields that are missing, clearing in the wrong way.
pub fn grievances(kind: &Kind, old: Option<&Object>, body: &Object, made: &Record) -> Vec<Grievance> {
    let mut found = Vec::new();
    let mut whole = made.object.clone();
    for (number, value) in made.waiting.fields() {
        whole.set(number, value.clone());
    }
    lacking(kind, &kind.shape, &whole, &mut Place { at: String::new(), found: &mut found });
    if let Some(old) = old.filter(|_| !binds_silently(&kind.api)) {
        badly_cleared(kind, old, body, &mut found);
    }
    found
}

struct Place<'f> {
    at: String,
    found: &'f mut Vec<Grievance>,
}

fn lacking(kind: &Kind, shape: &Shape, object: &Object, place: &mut Place) {
    for field in &shape.fields {
        let at = format!("{}{}", place.at, field.written_as);
        let mut inside = |shape: &Shape, object: &Object, at: String| {
            lacking(kind, shape, object, &mut Place { at, found: place.found });
        };
        match (&field.ty, object.get(field.number)) {
            (Type::Object(shape), Some(Value::Object(object))) => inside(shape, object, format!("{at}.")),
            (Type::List(ListType { item: Item::Object(shape), .. }), Some(Value::List(items))) => {
                for (index, item) in items.iter().enumerate() {
                    if let Value::Object(object) = item {
                        inside(shape, object, format!("{at}.{index}."));
                    }
                }
            }
            (_, value) if field.access.required && field.copy_of.is_none() && is_missing(value) => {
                place.found.push(required(kind, field, &at));
            }
            _ => {}
        }
    }
}

fn is_missing(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => true,
        Some(Value::Text(text)) => text.trim().is_empty(),
        Some(_) => false,
    }
}

/// The complaint that a field is missing.
pub fn required(kind: &Kind, field: &Field, at: &str) -> Grievance {
    let message = match binds_silently(&kind.api) {
        true => format!("'{}' should not be empty.", spaced(&field.written_as)),
        false => "This field is required.".into(),
    };
    Grievance { field: at.to_owned(), message }
}

/// `twoWords` as `Two Words`.
fn spaced(name: &str) -> String {
    let mut words = String::new();
    for (index, letter) in name.chars().enumerate() {
        if index > 0 && letter.is_uppercase() {
            words.push(' ');
        }
        match index {
            0 => words.extend(letter.to_uppercase()),
            _ => words.push(letter),
        }
    }
    words
}

fn badly_cleared(kind: &Kind, old: &Object, body: &Object, found: &mut Vec<Grievance>) {
    for (number, value) in body.fields() {
        let field = kind.shape.field(number);
        let had = old.get(number).is_some_and(|old| !old.is_blank());
        let message = match field.clear {
            _ if !had || field.is_nested() || closed(field, false) => continue,
            Clear::Empty if matches!(value, Value::Null) => "This field may not be null.",
            Clear::Never if value.is_blank() => "This field may not be blank.",
            _ => continue,
        };
        found.push(Grievance { field: field.written_as.to_string(), message: message.into() });
    }
}
