//! Values as JSON that reads back as the very same values, under the kind's guidance: digits of decimals stay
//! digits, dates keep the text in which they were told.
//!
//! Deliberately absent: marks. Who may write a value is `record`'s affair.

use serde_json::{Map, Value as Json};

use crate::kind::scalar::ScalarToken;
use crate::kind::{FieldType, ItemType, ScalarType, Shape};
use crate::plan::ChangeValueType;
use crate::value::{Object, Value};

/// The words under which what JSON has no form for stands in a free-form value.
const NUMBER: &str = "number";
const MAP: &str = "map";
/// How deep a value may nest.
const MAX_DEPTH: u8 = 32;

/// What a value is.
#[derive(Clone, Copy)]
pub enum JsonForm<'k> {
    Leaf(&'k ScalarType),
    Object(&'k Shape),
    Map(&'k ScalarType),
}

impl<'k> From<&'k ChangeValueType> for JsonForm<'k> {
    fn from(form: &'k ChangeValueType) -> Self {
        match form {
            ChangeValueType::Scalar(leaf) => Self::Leaf(leaf),
            ChangeValueType::Object(shape) => Self::Object(shape),
            ChangeValueType::Map(leaf) => Self::Map(leaf),
        }
    }
}

impl<'k> JsonForm<'k> {
    /// What values of a field are; of a list, what its items are.
    pub fn from_type(ty: &'k FieldType) -> Self {
        match ty {
            FieldType::Scalar(leaf) => Self::Leaf(leaf),
            FieldType::Object(shape) => Self::Object(shape),
            FieldType::Map(map) => Self::Map(&map.value),
            FieldType::Array(list) => match &list.item {
                ItemType::Scalar(leaf) => Self::Leaf(leaf),
                ItemType::Object(shape) => Self::Object(shape),
            },
        }
    }
}

/// A value as JSON; nothing for one that holds what this version does not know.
pub fn encode_value(value: &Value, form: JsonForm) -> Option<Json> {
    match (form, value) {
        (_, Value::Null) => Some(Json::Null),
        (JsonForm::Leaf(ScalarType::Any), value) => encode_any(value, MAX_DEPTH),
        (form, Value::Array(items)) => items.iter().map(|item| encode_value(item, form)).collect(),
        (JsonForm::Object(shape), Value::Object(object)) => encode_object(shape, object),
        (JsonForm::Map(leaf), Value::Map(entries)) => {
            let entry = |(key, value): &(Box<str>, Value)| {
                Some((key.to_string(), encode_value(value, JsonForm::Leaf(leaf))?))
            };
            entries.iter().map(entry).collect::<Option<Map<_, _>>>().map(Json::Object)
        }
        (JsonForm::Leaf(_) | JsonForm::Map(_), value) => encode_scalar(value),
        (JsonForm::Object(_), _) => None,
    }
}

fn encode_object(shape: &Shape, object: &Object) -> Option<Json> {
    if !object.unknown_fields.is_empty() {
        return None;
    }
    let member = |(number, value): (u16, &Value)| {
        let field = shape.fields.get(usize::from(number))?;
        Some((field.name.to_string(), encode_value(value, JsonForm::from_type(&field.ty))?))
    };
    object.fields().map(member).collect::<Option<Map<_, _>>>().map(Json::Object)
}

fn encode_scalar(value: &Value) -> Option<Json> {
    Some(match value {
        Value::Null => Json::Null,
        Value::Boolean(flag) => Json::Bool(*flag),
        Value::Integer(number) => Json::from(*number),
        Value::Decimal(number) => Json::from(number.to_string()),
        Value::Uuid(guid) => Json::from(guid.hyphenated().to_string()),
        Value::String(text) => Json::from(&**text),
        Value::Date(date) => Json::from(date.to_text()),
        Value::DateTime(time) => Json::from(time.to_text()),
        // ids that nobody knows yet, and what only free-form values hold
        Value::KnownAfterApply(_) | Value::Number(_) | Value::Array(_) | Value::Map(_) | Value::Object(_) => {
            return None;
        }
    })
}

/// A value of a free-form field, whose type JSON alone does not tell.
fn encode_any(value: &Value, depth: u8) -> Option<Json> {
    let depth = depth.checked_sub(1)?;
    let tagged = |tag: &str, json: Json| Json::Object(Map::from_iter([(tag.to_owned(), json)]));
    match value {
        Value::Null | Value::Boolean(_) | Value::String(_) => encode_scalar(value),
        Value::Decimal(number) => Some(tagged(NUMBER, Json::from(number.to_string()))),
        Value::Number(number) => Some(tagged(NUMBER, Json::from(&**number))),
        Value::Array(items) => items.iter().map(|item| encode_any(item, depth)).collect(),
        Value::Map(entries) => {
            let entry = |(key, value): &(Box<str>, Value)| {
                Some(Json::Array(vec![Json::from(&**key), encode_any(value, depth)?]))
            };
            Some(tagged(MAP, entries.iter().map(entry).collect::<Option<_>>()?))
        }
        _ => None,
    }
}

/// Reads a value; nothing when it is not a receipt of the kind.
pub fn decode_value(json: &Json, form: JsonForm) -> Option<Value> {
    match (form, json) {
        (_, Json::Null) => Some(Value::Null),
        (JsonForm::Leaf(ScalarType::Any), json) => decode_any(json, MAX_DEPTH),
        (form, Json::Array(items)) => {
            items.iter().map(|item| decode_value(item, form)).collect::<Option<_>>().map(Value::Array)
        }
        (JsonForm::Object(shape), Json::Object(members)) => {
            let mut object = Object::default();
            for (name, json) in members {
                let field = shape.find_field(name)?;
                object.set_field(field.number, decode_value(json, JsonForm::from_type(&field.ty))?);
            }
            Some(Value::Object(Box::new(object)))
        }
        (JsonForm::Map(leaf), Json::Object(entries)) => {
            let entry = |(key, json): (&String, &Json)| {
                Some((key.as_str().into(), decode_value(json, JsonForm::Leaf(leaf))?))
            };
            entries.iter().map(entry).collect::<Option<_>>().map(Value::Map)
        }
        (JsonForm::Leaf(leaf), json) => decode_scalar(json, leaf),
        _ => None,
    }
}

fn decode_scalar(json: &Json, leaf: &ScalarType) -> Option<Value> {
    match (leaf, json) {
        // what a service had is put back although it may be no choice of the kind, or longer than it says
        (ScalarType::String { .. } | ScalarType::Enum { .. }, Json::String(text)) => {
            Some(Value::from_text(text.as_str()))
        }
        (_, Json::String(text)) => {
            let mut value = leaf.read_token(ScalarToken::String(text)).ok()?;
            match &mut value {
                Value::Date(date) => date.set_text(text),
                Value::DateTime(time) => time.set_text(text),
                _ => {}
            }
            Some(value)
        }
        (_, Json::Number(number)) => leaf.read_token(ScalarToken::Number(&number.to_string())).ok(),
        (_, Json::Bool(flag)) => leaf.read_token(ScalarToken::Boolean(*flag)).ok(),
        _ => None,
    }
}

fn decode_any(json: &Json, depth: u8) -> Option<Value> {
    let depth = depth.checked_sub(1)?;
    match json {
        Json::Null => Some(Value::Null),
        Json::Bool(flag) => Some(Value::Boolean(*flag)),
        Json::String(text) => Some(Value::from_text(text.as_str())),
        Json::Array(items) => {
            items.iter().map(|item| decode_any(item, depth)).collect::<Option<_>>().map(Value::Array)
        }
        Json::Number(_) => None,
        Json::Object(members) => match (members.get(NUMBER), members.get(MAP)) {
            (Some(Json::String(digits)), None) => {
                ScalarType::Any.read_token(ScalarToken::Number(digits)).ok()
            }
            (None, Some(Json::Array(entries))) => {
                let entry = |entry: &Json| match entry.as_array().map(Vec::as_slice) {
                    Some([Json::String(key), value]) => {
                        Some((key.as_str().into(), decode_any(value, depth)?))
                    }
                    _ => None,
                };
                entries.iter().map(entry).collect::<Option<_>>().map(Value::Map)
            }
            _ => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn back(json: &Json, leaf: &ScalarType) -> Option<Json> {
        encode_value(&decode_value(json, JsonForm::Leaf(leaf))?, JsonForm::Leaf(leaf))
    }

    #[test]
    fn free_form_values_keep_their_types() {
        let json = serde_json::json!({ "map": [
            ["a", { "number": "12.50" }], ["b", "12.50"], ["c", [true, null, { "number": "1e400" }]], ["d", { "map": [] }],
        ] });
        assert_eq!(back(&json, &ScalarType::Any), Some(json));
    }

    #[test]
    fn what_is_no_value_of_the_kind_is_not_read() {
        let whole = ScalarType::Integer(crate::kind::NumberEncoding::Number);
        for json in
            [serde_json::json!("x"), serde_json::json!({}), serde_json::json!(1.5), serde_json::json!(true)]
        {
            assert!(decode_value(&json, JsonForm::Leaf(&whole)).is_none(), "{json}");
        }
        assert_eq!(back(&serde_json::json!(7), &whole), Some(serde_json::json!(7)));
        let time = serde_json::json!("/Date(1695245695000)/");
        assert_eq!(back(&time, &ScalarType::DateTime), Some(time));
    }
}
