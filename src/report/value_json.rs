//! Values that everybody may see as JSON, and masks in the place of those that nobody may.

use std::str::FromStr;

use rust_decimal::Decimal;
use serde_json::{Map, Number, Value as Json};

use crate::plan::Change;
use crate::value::Value;

/// The largest whole number up to which every reader of JSON keeps all digits.
const MAX_EXACT_INTEGER: i64 = 1 << 53;
/// The word for members that the kind does not know.
pub(super) const UNKNOWN: &str = "unknown";

/// The word for an id that only a create will tell.
pub(super) const ID_OF: &str = "id_of";

/// How a value that must not be seen changes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum MaskedChange {
    Added,
    Changed,
    Removed,
}

impl MaskedChange {
    /// What happens between two sides, of which an empty one says no more than an absent one.
    pub fn from_change(change: &Change) -> Self {
        let there = |side: &Option<Value>| side.as_ref().is_some_and(|value| !value.is_blank());
        match (there(&change.before), there(&change.after)) {
            (false, true) => Self::Added,
            (true, false) => Self::Removed,
            // what is hidden is cleared
            (false, false) if change.unreadable => Self::Removed,
            _ => Self::Changed,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Changed => "changed",
            Self::Removed => "removed",
        }
    }
}

/// A mask: what a value is instead of the value, and how it changes.
pub(super) fn build_mask(what: &str, turn: MaskedChange) -> Json {
    Json::Object(Map::from_iter([(what.to_owned(), Json::from(turn.as_str()))]))
}

/// A value that everybody may see. An object has fields with marks, which no one here knows, so it is not one.
pub(super) fn convert_value(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Boolean(flag) => Json::Bool(*flag),
        Value::Integer(number) => convert_integer(*number).unwrap_or_else(|| Json::from(number.to_string())),
        Value::Decimal(number) => convert_decimal(*number),
        Value::Uuid(guid) => Json::from(guid.hyphenated().to_string()),
        Value::String(text) | Value::Number(text) => Json::from(&**text),
        Value::KnownAfterApply(name) => {
            Json::Object(Map::from_iter([(ID_OF.to_owned(), Json::from(&**name))]))
        }
        Value::Date(date) => Json::from(date.value.to_string()),
        Value::DateTime(time) => Json::from(time.value.to_string()),
        Value::Array(items) => Json::Array(items.iter().map(convert_value).collect()),
        Value::Map(entries) => {
            Json::Object(entries.iter().map(|(key, value)| (key.to_string(), convert_value(value))).collect())
        }
        Value::Object(_) => build_mask(UNKNOWN, MaskedChange::Changed),
    }
}

fn convert_integer(number: i64) -> Option<Json> {
    (-MAX_EXACT_INTEGER..=MAX_EXACT_INTEGER).contains(&number).then(|| Json::from(number))
}

/// A number where every reader of JSON keeps it exactly, else its digits.
fn convert_decimal(number: Decimal) -> Json {
    let number = number.normalize();
    let digits = number.to_string();
    if let Some(whole) = i64::from_str(&digits).ok().and_then(convert_integer) {
        return whole;
    }
    let double = f64::from_str(&digits)
        .ok()
        .filter(|double| Decimal::from_str_exact(&double.to_string()).is_ok_and(|printed| printed == number));
    double.and_then(Number::from_f64).map_or(Json::from(digits), Json::Number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(digits: &str) -> String {
        convert_decimal(Decimal::from_str_exact(digits).unwrap()).to_string()
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
        assert_eq!(convert_value(&Value::Integer(i64::MIN)), Json::from(i64::MIN.to_string()));
    }
}
