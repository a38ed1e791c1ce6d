//! What the service has against a write: required fields that are missing, values outside their limits, clearing in
//! the wrong way.

use crate::kind::{ArrayType, ClearValue, Field, FieldType, ItemType, Kind, Shape};
use crate::sandbox::deserialize::{SandboxFieldError, is_lenient};
use crate::sandbox::rules::is_not_writable;
use crate::sandbox::store::SandboxRecord;
use crate::value::{Object, Value};

/// What the service has against a written object: required fields that are missing, clearing in the wrong way.
pub fn collect_errors(
    kind: &Kind,
    old: Option<&Object>,
    body: &Object,
    made: &SandboxRecord,
) -> Vec<SandboxFieldError> {
    let mut found = Vec::new();
    let mut whole = made.object.clone();
    for (number, value) in made.pending.fields() {
        whole.set_field(number, value.clone());
    }
    find_missing_fields(
        kind,
        &kind.shape,
        &whole,
        &mut SandboxErrorCollector { path: String::new(), errors: &mut found },
    );
    find_broken_limits(kind, body, &mut found);
    if let Some(old) = old.filter(|_| !is_lenient(&kind.api)) {
        find_invalid_clears(kind, old, body, &mut found);
    }
    found
}

struct SandboxErrorCollector<'f> {
    path: String,
    errors: &'f mut Vec<SandboxFieldError>,
}

fn find_missing_fields(kind: &Kind, shape: &Shape, object: &Object, place: &mut SandboxErrorCollector) {
    for field in &shape.fields {
        let at = format!("{}{}", place.path, field.write_to);
        let mut inside = |shape: &Shape, object: &Object, at: String| {
            find_missing_fields(
                kind,
                shape,
                object,
                &mut SandboxErrorCollector { path: at, errors: place.errors },
            );
        };
        match (&field.ty, object.get_field(field.number)) {
            (FieldType::Object(shape), Some(Value::Object(object))) => {
                inside(shape, object, format!("{at}."))
            }
            (
                FieldType::Array(list @ ArrayType { item: ItemType::Object(shape), .. }),
                Some(Value::Array(items)),
            ) => {
                for (index, item) in items.iter().enumerate() {
                    if let Value::Object(object) = item {
                        let name = list.keyed_members.and_then(|keyed| keyed.read_name(item));
                        let step = name.map_or_else(|| index.to_string(), str::to_owned);
                        inside(shape, object, format!("{at}.{step}."));
                    }
                }
            }
            (_, value) if field.behavior.required && field.copy_of.is_none() && is_missing(value) => {
                place.errors.push(build_missing_error(kind, field, &at));
            }
            _ => {}
        }
    }
}

fn is_missing(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => true,
        Some(Value::String(text)) => text.trim().is_empty(),
        Some(_) => false,
    }
}

/// The complaint that a field is missing.
pub fn build_missing_error(kind: &Kind, field: &Field, at: &str) -> SandboxFieldError {
    let message = match is_lenient(&kind.api) {
        true => format!("'{}' should not be empty.", split_camel_case(&field.write_to)),
        false => "This field is required.".into(),
    };
    SandboxFieldError { field: at.to_owned(), message }
}

/// `twoWords` as `Two Words`.
fn split_camel_case(name: &str) -> String {
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

/// Values outside their limits, and fields with a value that exclude each other.
fn find_broken_limits(kind: &Kind, body: &Object, found: &mut Vec<SandboxFieldError>) {
    for (number, value) in body.fields() {
        let field = kind.shape.get_field(number);
        let has_value = |other: &&u16| body.get_field(**other).is_some_and(|value| !value.is_blank());
        let is_excluded = !value.is_blank() && field.conflicts_with.iter().find(has_value).is_some();
        let message = match field.value_limits.check_value(value) {
            Some(message) => message,
            None if is_excluded => "This field excludes another one that has a value.".to_owned(),
            None => continue,
        };
        found.push(SandboxFieldError { field: field.write_to.to_string(), message });
    }
}

fn find_invalid_clears(kind: &Kind, old: &Object, body: &Object, found: &mut Vec<SandboxFieldError>) {
    for (number, value) in body.fields() {
        let field = kind.shape.get_field(number);
        let had = old.get_field(number).is_some_and(|old| !old.is_blank());
        let message = match field.clear_with {
            _ if !had || field.is_nested() || is_not_writable(field, false) => continue,
            ClearValue::Empty if matches!(value, Value::Null) => "This field may not be null.",
            ClearValue::Nothing if value.is_blank() => "This field may not be blank.",
            _ => continue,
        };
        found.push(SandboxFieldError { field: field.write_to.to_string(), message: message.into() });
    }
}
