//! What rules see of an object: its document, and what a plan would do, as CEL values.
//!
//! A value under a mark stands as `{"secret": "given"}`, whatever it is; only that it is there, or null, can be
//! reported. Decimals are doubles and whole numbers ints, by the type of the field and never by the value.

use std::collections::HashMap;
use std::sync::Arc;

use cel::Value as Fact;
use cel::objects::{Key, Map};
use rust_decimal::prelude::ToPrimitive;
use serde_json::Value as Json;

use crate::document::{DesiredNode, DesiredValue, Document, DocumentState};
use crate::kind::{FieldType, ItemType, Shape};
use crate::report::plan_report::{FieldAction, FieldChange};
use crate::value::{Sensitivity, Value};

/// What stands for a value that is not known before a run.
const OUTSIDE: &str = "from_outside";
/// What stands for the id of something that is named.
const REFERENCE: &str = "ref";

/// The names of an object, and the words about it.
pub fn build_variables(document: &Document) -> Vec<(&'static str, Fact)> {
    let kind = &*document.kind.name;
    let api = kind.split('/').next().unwrap_or_default();
    let state = match document.state {
        DocumentState::Present => "present",
        DocumentState::Absent => "absent",
        DocumentState::Unmanaged => "unmanaged",
    };
    vec![
        ("api", build_string(api)),
        ("kind", build_string(kind)),
        ("name", build_string(&document.name)),
        ("target", build_string(document.target.as_deref().unwrap_or_default())),
        ("state", build_string(state)),
        ("protect", Fact::Bool(document.protect)),
        ("spec", build_spec(document)),
    ]
}

/// The spec of a document.
pub fn build_spec(document: &Document) -> Fact {
    match &document.spec.value {
        DesiredValue::Object(fields) => convert_object(fields, &document.kind.shape, Sensitivity::Public),
        _ => build_map([]),
    }
}

fn convert_object(fields: &[(u16, DesiredNode)], shape: &Shape, mark: Sensitivity) -> Fact {
    build_map(fields.iter().filter_map(|(number, wanted)| {
        let field = shape.fields.get(*number as usize)?;
        Some((&*field.name, convert_desired(&wanted.value, &field.ty, mark.max(field.sensitivity))))
    }))
}

fn convert_desired(desired: &DesiredValue, ty: &FieldType, mark: Sensitivity) -> Fact {
    match (desired, ty) {
        (DesiredValue::Clear, _) => Fact::Null,
        (DesiredValue::Object(fields), FieldType::Object(shape)) => convert_object(fields, shape, mark),
        (DesiredValue::List(items), FieldType::Array(list)) if matches!(list.item, ItemType::Object(_)) => {
            build_list(items.iter().map(|item| convert_item(&item.value, &list.item, mark)).collect())
        }
        (_, _) if mark != Sensitivity::Public => build_mask(mark.as_str(), "given"),
        (DesiredValue::List(items), FieldType::Array(list)) => {
            build_list(items.iter().map(|item| convert_item(&item.value, &list.item, mark)).collect())
        }
        (DesiredValue::Map(entries), _) => {
            build_map(entries.iter().map(|(key, wanted)| (&**key, convert_scalar(&wanted.value))))
        }
        (other, _) => convert_scalar(other),
    }
}

fn convert_item(desired: &DesiredValue, item: &ItemType, mark: Sensitivity) -> Fact {
    match (desired, item) {
        (DesiredValue::Object(fields), ItemType::Object(shape)) => convert_object(fields, shape, mark),
        (DesiredValue::Clear, _) => Fact::Null,
        (_, _) if mark != Sensitivity::Public => build_mask(mark.as_str(), "given"),
        (other, _) => convert_scalar(other),
    }
}

/// A value without a mark.
fn convert_scalar(desired: &DesiredValue) -> Fact {
    match desired {
        DesiredValue::Literal(value) => convert_value(value),
        DesiredValue::Source(_) => build_mask(OUTSIDE, "given"),
        DesiredValue::Reference(reference) if reference.sensitivity == Sensitivity::Public => {
            build_mask(REFERENCE, &reference.name)
        }
        DesiredValue::Reference(reference) => build_mask(reference.sensitivity.as_str(), "given"),
        _ => Fact::Null,
    }
}

fn convert_value(value: &Value) -> Fact {
    match value {
        Value::Null => Fact::Null,
        Value::Boolean(flag) => Fact::Bool(*flag),
        Value::Integer(number) => Fact::Int(*number),
        Value::Decimal(number) => Fact::Float(number.to_f64().unwrap_or(f64::NAN)),
        Value::Uuid(guid) => build_string(&guid.hyphenated().to_string()),
        Value::String(value) | Value::Number(value) => build_string(value),
        Value::KnownAfterApply(name) => build_mask(REFERENCE, name),
        Value::Date(date) => build_string(&date.value.to_string()),
        Value::DateTime(time) => build_string(&time.value.to_string()),
        Value::Array(items) => build_list(items.iter().map(convert_value).collect()),
        Value::Map(entries) => build_map(entries.iter().map(|(key, value)| (&**key, convert_value(value)))),
        // it has fields with marks, which no one here knows
        Value::Object(_) => build_mask("unknown", "given"),
    }
}

/// Whether there is a value in it that only a run knows.
pub fn has_pending_value(fact: &Fact) -> bool {
    match fact {
        Fact::List(items) => items.iter().any(has_pending_value),
        Fact::Map(map) => map.map.iter().any(|(key, value)| {
            matches!(key, Key::String(key) if [OUTSIDE, REFERENCE].contains(&&***key))
                || has_pending_value(value)
        }),
        _ => false,
    }
}

/// What a plan would change, as its report shows it.
pub fn convert_changes(changes: &[FieldChange]) -> Fact {
    let one = |change: &FieldChange| {
        let action = match change.action {
            FieldAction::Add => "add",
            FieldAction::Replace => "replace",
            FieldAction::Remove => "remove",
        };
        let words =
            [("path", &change.path), ("label", &change.label)].map(|(name, word)| (name, build_string(word)));
        let sides = [("before", &change.before), ("after", &change.after)];
        let sides = sides.into_iter().filter_map(|(name, side)| Some((name, convert_json(side.as_ref()?))));
        let mark = change.sensitivity.as_ref().map(|mark| ("sensitivity", build_string(mark)));
        build_map(words.into_iter().chain([("action", build_string(action))]).chain(sides).chain(mark))
    };
    build_list(changes.iter().map(one).collect())
}

/// Shown JSON.
fn convert_json(value: &Json) -> Fact {
    match value {
        Json::Null => Fact::Null,
        Json::Bool(flag) => Fact::Bool(*flag),
        Json::Number(number) => match number.as_i64() {
            Some(whole) => Fact::Int(whole),
            None => Fact::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Json::String(value) => build_string(value),
        Json::Array(items) => build_list(items.iter().map(convert_json).collect()),
        Json::Object(members) => {
            build_map(members.iter().map(|(name, value)| (&**name, convert_json(value))))
        }
    }
}

fn build_mask(what: &str, how: &str) -> Fact {
    build_map([(what, build_string(how))])
}

/// A text.
pub fn build_string(text: &str) -> Fact {
    Fact::String(Arc::new(text.to_owned()))
}

fn build_list(items: Vec<Fact>) -> Fact {
    Fact::List(Arc::new(items))
}

fn build_map<'k>(entries: impl IntoIterator<Item = (&'k str, Fact)>) -> Fact {
    let entry = |(key, value): (&str, Fact)| (Key::String(Arc::new(key.to_owned())), value);
    Fact::Map(Map { map: Arc::new(entries.into_iter().map(entry).collect::<HashMap<_, _>>()) })
}
