//! Values as JSON that reads back as the very same values, under the kind's guidance: digits of decimals stay
//! digits, dates keep the text in which they were told.
//!
//! Deliberately absent: marks. Who may write a value is `record`'s affair.

use serde_json::{Map, Value as Json};

use crate::kind::leaf::Token;
use crate::kind::{Item, Leaf, Shape, Type};
use crate::plan::Form;
use crate::value::{Object, Value};

/// The words under which what JSON has no form for stands in a free-form value.
const NUMBER: &str = "number";
const MAP: &str = "map";
/// How deep a value may nest.
const MAX_DEPTH: u8 = 32;

/// What a value is.
#[derive(Clone, Copy)]
pub enum As<'k> {
    Leaf(&'k Leaf),
    Object(&'k Shape),
    Map(&'k Leaf),
}

impl<'k> From<&'k Form> for As<'k> {
    fn from(form: &'k Form) -> Self {
        match form {
            Form::Leaf(leaf) => Self::Leaf(leaf),
            Form::Object(shape) => Self::Object(shape),
            Form::Map(leaf) => Self::Map(leaf),
        }
    }
}

impl<'k> As<'k> {
    /// What values of a field are; of a list, what its items are.
    pub fn of(ty: &'k Type) -> Self {
        match ty {
            Type::Leaf(leaf) => Self::Leaf(leaf),
            Type::Object(shape) => Self::Object(shape),
            Type::Map(map) => Self::Map(&map.value),
            Type::List(list) => match &list.item {
                Item::Leaf(leaf) => Self::Leaf(leaf),
                Item::Object(shape) => Self::Object(shape),
            },
        }
    }
}

/// A value as JSON; nothing for one that holds what this version does not know.
pub fn write(value: &Value, form: As) -> Option<Json> {
    match (form, value) {
        (_, Value::Null) => Some(Json::Null),
        (As::Leaf(Leaf::Any), value) => free(value, MAX_DEPTH),
        (form, Value::List(items)) => items.iter().map(|item| write(item, form)).collect(),
        (As::Object(shape), Value::Object(object)) => members(shape, object),
        (As::Map(leaf), Value::Map(entries)) => {
            let entry =
                |(key, value): &(Box<str>, Value)| Some((key.to_string(), write(value, As::Leaf(leaf))?));
            entries.iter().map(entry).collect::<Option<Map<_, _>>>().map(Json::Object)
        }
        (As::Leaf(_) | As::Map(_), value) => scalar(value),
        (As::Object(_), _) => None,
    }
}

fn members(shape: &Shape, object: &Object) -> Option<Json> {
    if !object.strangers.is_empty() {
        return None;
    }
    let member = |(number, value): (u16, &Value)| {
        let field = shape.fields.get(usize::from(number))?;
        Some((field.name.to_string(), write(value, As::of(&field.ty))?))
    };
    object.fields().map(member).collect::<Option<Map<_, _>>>().map(Json::Object)
}

fn scalar(value: &Value) -> Option<Json> {
    Some(match value {
        Value::Null => Json::Null,
        Value::Flag(flag) => Json::Bool(*flag),
        Value::Whole(number) => Json::from(*number),
        Value::Decimal(number) => Json::from(number.to_string()),
        Value::Guid(guid) => Json::from(guid.hyphenated().to_string()),
        Value::Text(text) => Json::from(&**text),
        Value::Date(date) => Json::from(date.written()),
        Value::Time(time) => Json::from(time.written()),
        // ids that nobody knows yet, and what only free-form values hold
        Value::Later(_) | Value::Number(_) | Value::List(_) | Value::Map(_) | Value::Object(_) => {
            return None;
        }
    })
}

/// A value of a free-form field, whose type JSON alone does not tell.
fn free(value: &Value, depth: u8) -> Option<Json> {
    let depth = depth.checked_sub(1)?;
    let tagged = |tag: &str, json: Json| Json::Object(Map::from_iter([(tag.to_owned(), json)]));
    match value {
        Value::Null | Value::Flag(_) | Value::Text(_) => scalar(value),
        Value::Decimal(number) => Some(tagged(NUMBER, Json::from(number.to_string()))),
        Value::Number(number) => Some(tagged(NUMBER, Json::from(&**number))),
        Value::List(items) => items.iter().map(|item| free(item, depth)).collect(),
        Value::Map(entries) => {
            let entry = |(key, value): &(Box<str>, Value)| {
                Some(Json::Array(vec![Json::from(&**key), free(value, depth)?]))
            };
            Some(tagged(MAP, entries.iter().map(entry).collect::<Option<_>>()?))
        }
        _ => None,
    }
}

/// Reads a value; nothing when it is none of the kind.
pub fn read(json: &Json, form: As) -> Option<Value> {
    match (form, json) {
        (_, Json::Null) => Some(Value::Null),
        (As::Leaf(Leaf::Any), json) => unfree(json, MAX_DEPTH),
        (form, Json::Array(items)) => {
            items.iter().map(|item| read(item, form)).collect::<Option<_>>().map(Value::List)
        }
        (As::Object(shape), Json::Object(members)) => {
            let mut object = Object::default();
            for (name, json) in members {
                let field = shape.named(name)?;
                object.set(field.number, read(json, As::of(&field.ty))?);
            }
            Some(Value::Object(Box::new(object)))
        }
        (As::Map(leaf), Json::Object(entries)) => {
            let entry =
                |(key, json): (&String, &Json)| Some((key.as_str().into(), read(json, As::Leaf(leaf))?));
            entries.iter().map(entry).collect::<Option<_>>().map(Value::Map)
        }
        (As::Leaf(leaf), json) => unscalar(json, leaf),
        _ => None,
    }
}

fn unscalar(json: &Json, leaf: &Leaf) -> Option<Value> {
    match (leaf, json) {
        // what a service had is put back although it may be no choice of the kind, or longer than it says
        (Leaf::Text { .. } | Leaf::Choice { .. }, Json::String(text)) => Some(Value::text(text.as_str())),
        (_, Json::String(text)) => {
            let mut value = leaf.read(Token::Text(text)).ok()?;
            match &mut value {
                Value::Date(date) => date.told_as(text),
                Value::Time(time) => time.told_as(text),
                _ => {}
            }
            Some(value)
        }
        (_, Json::Number(number)) => leaf.read(Token::Number(&number.to_string())).ok(),
        (_, Json::Bool(flag)) => leaf.read(Token::Flag(*flag)).ok(),
        _ => None,
    }
}

fn unfree(json: &Json, depth: u8) -> Option<Value> {
    let depth = depth.checked_sub(1)?;
    match json {
        Json::Null => Some(Value::Null),
        Json::Bool(flag) => Some(Value::Flag(*flag)),
        Json::String(text) => Some(Value::text(text.as_str())),
        Json::Array(items) => {
            items.iter().map(|item| unfree(item, depth)).collect::<Option<_>>().map(Value::List)
        }
        Json::Number(_) => None,
        Json::Object(members) => match (members.get(NUMBER), members.get(MAP)) {
            (Some(Json::String(digits)), None) => Leaf::Any.read(Token::Number(digits)).ok(),
            (None, Some(Json::Array(entries))) => {
                let entry = |entry: &Json| match entry.as_array().map(Vec::as_slice) {
                    Some([Json::String(key), value]) => Some((key.as_str().into(), unfree(value, depth)?)),
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

    fn back(json: &Json, leaf: &Leaf) -> Option<Json> {
        write(&read(json, As::Leaf(leaf))?, As::Leaf(leaf))
    }

    #[test]
    fn free_form_values_keep_their_types() {
        let json = serde_json::json!({ "map": [
            ["a", { "number": "12.50" }], ["b", "12.50"], ["c", [true, null, { "number": "1e400" }]], ["d", { "map": [] }],
        ] });
        assert_eq!(back(&json, &Leaf::Any), Some(json));
    }

    #[test]
    fn what_is_no_value_of_the_kind_is_not_read() {
        let whole = Leaf::Whole(crate::kind::NumberForm::Number);
        for json in
            [serde_json::json!("x"), serde_json::json!({}), serde_json::json!(1.5), serde_json::json!(true)]
        {
            assert!(read(&json, As::Leaf(&whole)).is_none(), "{json}");
        }
        assert_eq!(back(&serde_json::json!(7), &whole), Some(serde_json::json!(7)));
        let time = serde_json::json!("/Date(1695245695000)/");
        assert_eq!(back(&time, &Leaf::Time), Some(time));
    }
}
