//! Values under their marks: what may be shown stands as JSON, what may not as `{"secret": "changed"}`.
//!
//! The marks of a change are not taken on trust alone: its path is walked through the kind, and the strictest
//! mark on the way counts, for the value as for the keys of items and maps in the path. Members that the kind
//! does not know (strangers) may hold anything, so their values are never shown.
//! Deliberately absent: text. What this room shows is rendered elsewhere, from its JSON.

use std::str::FromStr;

use rust_decimal::Decimal;
use serde_json::{Map, Number, Value as Json};

use super::clean;
use super::persons::Persons;
use crate::kind::{Item, Kind, Leaf, MapType, Shape, Type};
use crate::plan::{Change, Form};
use crate::value::{KeyLeaf, Mark, Object, Path, Segment, Value};

/// What stands in a path in place of a key that must not be seen.
pub const DOTS: &str = "•••";
/// The largest whole number up to which every reader of JSON keeps all digits.
const EXACT: i64 = 1 << 53;
/// The word for members that the kind does not know.
const UNKNOWN: &str = "unknown";

/// The word for an id that only a create will tell.
const ID_OF: &str = "id_of";

/// How a value that must not be seen changes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    Added,
    Changed,
    Removed,
}

impl Turn {
    /// What happens between two sides, of which an empty one says no more than an absent one.
    pub fn of(change: &Change) -> Self {
        let there = |side: &Option<Value>| side.as_ref().is_some_and(|value| !value.is_blank());
        match (there(&change.before), there(&change.after)) {
            (false, true) => Self::Added,
            (true, false) => Self::Removed,
            _ => Self::Changed,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Changed => "changed",
            Self::Removed => "removed",
        }
    }
}

/// How a value is looked at.
#[derive(Clone, Copy)]
pub struct Look<'p> {
    pub mark: Mark,
    pub turn: Turn,
    pub persons: Persons<'p>,
}

impl Look<'_> {
    /// The same below a mark.
    fn under(self, mark: Mark) -> Self {
        Self { mark: self.mark.max(mark), ..self }
    }
}

/// A value as it may be shown.
pub fn show(value: &Value, form: &Form, look: Look) -> Json {
    match (form, value) {
        (Form::Object(shape), Value::Object(object)) => members(object, shape, look),
        (Form::Object(_), Value::List(items)) => {
            Json::Array(items.iter().map(|item| show(item, form, look)).collect())
        }
        (Form::Leaf(own) | Form::Map(own), _) => leaf(value, own, look),
        (Form::Object(_), _) => leaf(value, &Leaf::Any, look),
    }
}

/// The mask in a piece of shown JSON: what it is, and how it changes.
pub fn mask_of(shown: &Json) -> Option<(&str, &str)> {
    let (what, how) = shown.as_object().filter(|members| members.len() == 1)?.iter().next()?;
    let how = how.as_str().filter(|how| matches!(*how, "added" | "changed" | "removed"))?;
    matches!(&**what, "secret" | "personal" | "sensitive" | UNKNOWN).then_some((what, how))
}

/// The name of the document in a piece of shown JSON that stands for the id of its object.
pub fn later_of(shown: &Json) -> Option<&str> {
    shown.as_object().filter(|members| members.len() == 1)?.get(ID_OF)?.as_str()
}

fn members(object: &Object, shape: &Shape, look: Look) -> Json {
    let mut shown = Map::new();
    for (number, value) in object.fields() {
        // a copy of an id above is the tool's own business
        if let Some(field) = shape.fields.get(number as usize).filter(|field| field.copy_of.is_none()) {
            shown.insert(field.name.to_string(), typed(value, &field.ty, look.under(field.mark)));
        }
    }
    for stranger in &object.strangers {
        shown.insert(stranger.name.to_string(), masked(UNKNOWN, look.turn));
    }
    Json::Object(shown)
}

fn typed(value: &Value, ty: &Type, look: Look) -> Json {
    match (ty, value) {
        (Type::Object(shape), Value::Object(object)) => members(object, shape, look),
        (Type::List(list), Value::List(items)) => match &list.item {
            Item::Object(shape) => show(value, &Form::Object(shape.clone()), look),
            Item::Leaf(_) if look.mark == Mark::Open => Json::Array(items.iter().map(open).collect()),
            Item::Leaf(own) => leaf(value, own, look),
        },
        (Type::Leaf(own), _) => leaf(value, own, look),
        (Type::Map(map), _) => leaf(value, &map.value, look),
        _ => leaf(value, &Leaf::Any, look),
    }
}

/// A value without fields of its own. That a marked one is null may be seen: there is nothing in it.
fn leaf(value: &Value, own: &Leaf, look: Look) -> Json {
    let mask = || masked(look.mark.word(), look.turn);
    match (look.mark, value) {
        (_, Value::Null) => Json::Null,
        (Mark::Open, value) => open(value),
        (Mark::Personal, value) => look.persons.show(value, own, &mask()).unwrap_or_else(mask),
        _ => mask(),
    }
}

fn masked(what: &str, turn: Turn) -> Json {
    Json::Object(Map::from_iter([(what.to_owned(), Json::from(turn.word()))]))
}

/// A value that everybody may see. An object has fields with marks, which nobody here knows, so it is not one.
pub(super) fn open(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Flag(flag) => Json::Bool(*flag),
        Value::Whole(number) => whole(*number).unwrap_or_else(|| Json::from(number.to_string())),
        Value::Decimal(number) => decimal(*number),
        Value::Guid(guid) => Json::from(guid.hyphenated().to_string()),
        Value::Text(text) | Value::Number(text) => Json::from(&**text),
        Value::Later(name) => Json::Object(Map::from_iter([(ID_OF.to_owned(), Json::from(&**name))])),
        Value::Date(date) => Json::from(date.is.to_string()),
        Value::Time(time) => Json::from(time.is.to_string()),
        Value::List(items) => Json::Array(items.iter().map(open).collect()),
        Value::Map(entries) => {
            Json::Object(entries.iter().map(|(key, value)| (key.to_string(), open(value))).collect())
        }
        Value::Object(_) => masked(UNKNOWN, Turn::Changed),
    }
}

fn whole(number: i64) -> Option<Json> {
    (-EXACT..=EXACT).contains(&number).then(|| Json::from(number))
}

/// A number where every reader of JSON keeps it exactly, else its digits.
fn decimal(number: Decimal) -> Json {
    let number = number.normalize();
    let digits = number.to_string();
    if let Some(whole) = i64::from_str(&digits).ok().and_then(whole) {
        return whole;
    }
    let double = f64::from_str(&digits)
        .ok()
        .filter(|double| Decimal::from_str_exact(&double.to_string()).is_ok_and(|printed| printed == number));
    double.and_then(Number::from_f64).map_or(Json::from(digits), Json::Number)
}

/// A path as it may be shown, with the strictest mark on it.
pub struct Route {
    /// For machines: JSON Pointer.
    pub pointer: String,
    /// For people: `billTypes[billTypeId=3].applyConvenienceFee`.
    pub label: String,
    pub mark: Mark,
}

/// Walks a path through a kind.
pub fn route(kind: &Kind, path: &Path) -> Route {
    let mut route = Route { pointer: String::new(), label: String::new(), mark: Mark::Open };
    let (mut shape, mut map) = (Some(&*kind.shape), None);
    for segment in &path.0 {
        match segment {
            Segment::Field(name) => {
                let field = shape.and_then(|shape| shape.named(name));
                // nobody knows what a stranger holds
                route.mark = route.mark.max(field.map_or(Mark::Sensitive, |field| field.mark));
                map = field.and_then(|field| map_of(&field.ty));
                shape = field.and_then(|field| inner(&field.ty));
                route.field(name);
            }
            Segment::Key(key, mark) => {
                let own = map.map_or(route.mark, |map| map.key_mark(key, route.mark));
                route.key(key, own.max(*mark));
                route.mark = route.mark.max(*mark);
            }
            Segment::Item { index, key } => route.item(*index, key, shape),
        }
    }
    route
}

fn map_of(ty: &Type) -> Option<&MapType> {
    match ty {
        Type::Map(map) => Some(map),
        _ => None,
    }
}

/// The shape of what is inside a field: of the object, or of each item.
fn inner(ty: &Type) -> Option<&Shape> {
    match ty {
        Type::Object(shape) => Some(shape),
        Type::List(list) => match &list.item {
            Item::Object(shape) => Some(shape),
            Item::Leaf(_) => None,
        },
        _ => None,
    }
}

impl Route {
    fn field(&mut self, name: &str) {
        self.step(name);
        if !self.label.is_empty() {
            self.label.push('.');
        }
        self.label.push_str(name);
    }

    fn key(&mut self, key: &str, mark: Mark) {
        if mark != Mark::Open {
            self.pointer.push_str("/*");
            self.label.push_str(&format!("[{DOTS}]"));
        } else if is_word(key) {
            self.field(key);
        } else {
            self.step(key);
            self.label.push_str(&format!("[{}]", clean::quoted(key)));
        }
    }

    fn item(&mut self, index: usize, key: &[KeyLeaf], shape: Option<&Shape>) {
        self.pointer.push_str(&format!("/{index}"));
        let mark = |leaf: &KeyLeaf| {
            let field = shape.and_then(|shape| shape.named(&leaf.name));
            self.mark.max(leaf.mark).max(field.map_or(Mark::Sensitive, |field| field.mark))
        };
        let leaves: Vec<String> =
            key.iter().map(|leaf| format!("{}={}", leaf.name, key_text(&leaf.value, mark(leaf)))).collect();
        match leaves.is_empty() {
            true => self.label.push_str(&format!("[{index}]")),
            false => self.label.push_str(&format!("[{}]", leaves.join(", "))),
        }
    }

    fn step(&mut self, name: &str) {
        self.pointer.push('/');
        self.pointer.push_str(&name.replace('~', "~0").replace('/', "~1"));
    }
}

fn key_text(value: &Value, mark: Mark) -> String {
    if mark != Mark::Open {
        return DOTS.to_owned();
    }
    match open(value) {
        Json::String(text) if is_word(&text) => text,
        Json::String(text) => clean::quoted(&text),
        shown => shown.to_string(),
    }
}

/// Whether a text can stand in a path without quotes.
fn is_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(digits: &str) -> String {
        decimal(Decimal::from_str_exact(digits).unwrap()).to_string()
    }

    #[test]
    fn numbers_are_numbers_only_where_they_stay_exact() {
        assert_eq!(shown("2500.00"), "2500");
        assert_eq!(shown("12.50"), "12.5");
        assert_eq!(shown("-0.1"), "-0.1");
        assert_eq!(shown("0.0000001"), "1e-7");
        assert_eq!(shown("9007199254740992"), "9007199254740992");
        assert_eq!(shown("9007199254740993"), "\"9007199254740993\"");
        assert_eq!(shown("0.1234567890123456789"), "\"0.1234567890123456789\"");
        assert_eq!(shown("79228162514264337593543950335"), "\"79228162514264337593543950335\"");
        assert_eq!(open(&Value::Whole(i64::MIN)), Json::from(i64::MIN.to_string()));
    }

    #[test]
    fn only_what_is_personal_is_ever_clear() {
        let shown = |mark| {
            let look = Look { mark, turn: Turn::Changed, persons: Persons::Clear };
            leaf(&Value::text("jo"), &Leaf::Any, look)
        };
        assert_eq!(shown(Mark::Personal), Json::from("jo"));
        for mark in [Mark::Secret, Mark::Sensitive] {
            assert_eq!(shown(mark), masked(mark.word(), Turn::Changed));
        }
    }

    #[test]
    fn a_mask_is_told_from_an_object() {
        assert_eq!(mask_of(&masked("secret", Turn::Added)), Some(("secret", "added")));
        assert_eq!(mask_of(&serde_json::json!({ "secret": "hunter2" })), None);
        assert_eq!(mask_of(&serde_json::json!({ "secret": "added", "b": 1 })), None);
        assert_eq!(mask_of(&serde_json::json!("secret")), None);
    }
}
