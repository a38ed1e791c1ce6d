//! What rules see of an object: its document, and what a plan would do, as CEL values.
//!
//! A value under a mark stands as `{"secret": "given"}`, whatever it is; only that it is there, or null, can be
//! told. Decimals are doubles and whole numbers ints, by the type of the field and never by the value.

use std::collections::HashMap;
use std::sync::Arc;

use cel::Value as Fact;
use cel::objects::{Key, Map};
use rust_decimal::prelude::ToPrimitive;
use serde_json::Value as Json;

use crate::document::{Document, State, Wanted, Wish};
use crate::kind::{Item, Shape, Type};
use crate::report::shown::{FieldAction, FieldChange};
use crate::value::{Mark, Value};

/// What stands for a value that is not known before a run.
const OUTSIDE: &str = "from_outside";
/// What stands for the id of something that is named.
const REFERENCE: &str = "ref";

/// The names of an object, and the words about it.
pub fn names(document: &Document) -> Vec<(&'static str, Fact)> {
    let kind = &*document.kind.name;
    let api = kind.split('/').next().unwrap_or_default();
    let state = match document.state {
        State::Present => "present",
        State::Absent => "absent",
    };
    vec![
        ("api", text(api)),
        ("kind", text(kind)),
        ("name", text(&document.name)),
        ("target", text(document.target.as_deref().unwrap_or_default())),
        ("state", text(state)),
        ("protect", Fact::Bool(document.protect)),
        ("spec", spec(document)),
    ]
}

/// The spec of a document.
pub fn spec(document: &Document) -> Fact {
    match &document.spec.wish {
        Wish::Object(fields) => object(fields, &document.kind.shape, Mark::Open),
        _ => map([]),
    }
}

fn object(fields: &[(u16, Wanted)], shape: &Shape, mark: Mark) -> Fact {
    map(fields.iter().filter_map(|(number, wanted)| {
        let field = shape.fields.get(*number as usize)?;
        Some((&*field.name, wish(&wanted.wish, &field.ty, mark.max(field.mark))))
    }))
}

fn wish(wish: &Wish, ty: &Type, mark: Mark) -> Fact {
    match (wish, ty) {
        (Wish::Clear, _) => Fact::Null,
        (Wish::Object(fields), Type::Object(shape)) => object(fields, shape, mark),
        (Wish::List(items), Type::List(list)) if matches!(list.item, Item::Object(_)) => {
            list_of(items.iter().map(|item| entry(&item.wish, &list.item, mark)).collect())
        }
        (_, _) if mark != Mark::Open => masked(mark.word(), "given"),
        (Wish::List(items), Type::List(list)) => {
            list_of(items.iter().map(|item| entry(&item.wish, &list.item, mark)).collect())
        }
        (Wish::Map(entries), _) => map(entries.iter().map(|(key, wanted)| (&**key, leaf(&wanted.wish)))),
        (other, _) => leaf(other),
    }
}

fn entry(wish: &Wish, item: &Item, mark: Mark) -> Fact {
    match (wish, item) {
        (Wish::Object(fields), Item::Object(shape)) => object(fields, shape, mark),
        (Wish::Clear, _) => Fact::Null,
        (_, _) if mark != Mark::Open => masked(mark.word(), "given"),
        (other, _) => leaf(other),
    }
}

/// A leaf without a mark.
fn leaf(wish: &Wish) -> Fact {
    match wish {
        Wish::Leaf(value) => open(value),
        Wish::Slot(_) => masked(OUTSIDE, "given"),
        Wish::Reference(reference) if reference.mark == Mark::Open => masked(REFERENCE, &reference.name),
        Wish::Reference(reference) => masked(reference.mark.word(), "given"),
        _ => Fact::Null,
    }
}

fn open(value: &Value) -> Fact {
    match value {
        Value::Null => Fact::Null,
        Value::Flag(flag) => Fact::Bool(*flag),
        Value::Whole(number) => Fact::Int(*number),
        Value::Decimal(number) => Fact::Float(number.to_f64().unwrap_or(f64::NAN)),
        Value::Guid(guid) => text(&guid.hyphenated().to_string()),
        Value::Text(value) | Value::Number(value) => text(value),
        Value::Later(name) => masked(REFERENCE, name),
        Value::Date(date) => text(&date.is.to_string()),
        Value::Time(time) => text(&time.is.to_string()),
        Value::List(items) => list_of(items.iter().map(open).collect()),
        Value::Map(entries) => map(entries.iter().map(|(key, value)| (&**key, open(value)))),
        // it has fields with marks, which nobody here knows
        Value::Object(_) => masked("unknown", "given"),
    }
}

/// Whether there is a value in it that only a run knows.
pub fn waits(fact: &Fact) -> bool {
    match fact {
        Fact::List(items) => items.iter().any(waits),
        Fact::Map(map) => map.map.iter().any(|(key, value)| {
            matches!(key, Key::String(key) if [OUTSIDE, REFERENCE].contains(&&***key)) || waits(value)
        }),
        _ => false,
    }
}

/// What a plan would change, as its report shows it.
pub fn changes(changes: &[FieldChange]) -> Fact {
    let one = |change: &FieldChange| {
        let action = match change.action {
            FieldAction::Add => "add",
            FieldAction::Replace => "replace",
            FieldAction::Remove => "remove",
        };
        let words = [("path", &change.path), ("label", &change.label)].map(|(name, word)| (name, text(word)));
        let sides = [("before", &change.before), ("after", &change.after)];
        let sides = sides.into_iter().filter_map(|(name, side)| Some((name, json(side.as_ref()?))));
        let mark = change.mark.as_ref().map(|mark| ("mark", text(mark)));
        map(words.into_iter().chain([("action", text(action))]).chain(sides).chain(mark))
    };
    list_of(changes.iter().map(one).collect())
}

/// Shown JSON.
fn json(value: &Json) -> Fact {
    match value {
        Json::Null => Fact::Null,
        Json::Bool(flag) => Fact::Bool(*flag),
        Json::Number(number) => match number.as_i64() {
            Some(whole) => Fact::Int(whole),
            None => Fact::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Json::String(value) => text(value),
        Json::Array(items) => list_of(items.iter().map(json).collect()),
        Json::Object(members) => map(members.iter().map(|(name, value)| (&**name, json(value)))),
    }
}

fn masked(what: &str, how: &str) -> Fact {
    map([(what, text(how))])
}

/// A text.
pub fn text(text: &str) -> Fact {
    Fact::String(Arc::new(text.to_owned()))
}

fn list_of(items: Vec<Fact>) -> Fact {
    Fact::List(Arc::new(items))
}

fn map<'k>(entries: impl IntoIterator<Item = (&'k str, Fact)>) -> Fact {
    let entry = |(key, value): (&str, Fact)| (Key::String(Arc::new(key.to_owned())), value);
    Fact::Map(Map { map: Arc::new(entries.into_iter().map(entry).collect::<HashMap<_, _>>()) })
}
