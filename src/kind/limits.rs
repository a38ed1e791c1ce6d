//! Limits on the value of one field: `minimum`, `maximum` and `pattern`, as in JSON Schema.
//!
//! They hold for what documents and their sources say. What a service holds is a fact. Deliberately absent: the
//! length of a string, which is part of its type, and limits that live data set.

use regex::Regex;
use rust_decimal::Decimal;

use crate::value::Value;

/// Limits on a value; none by default.
#[derive(Clone, Default)]
pub struct ValueLimits {
    pub minimum: Option<Decimal>,
    pub maximum: Option<Decimal>,
    pub pattern: Option<Regex>,
}

impl ValueLimits {
    /// Why a value is outside the limits; the sentence never repeats the value.
    pub fn check_value(&self, value: &Value) -> Option<String> {
        let number = match value {
            Value::Integer(number) => Some(Decimal::from(*number)),
            Value::Decimal(number) => Some(*number),
            _ => None,
        };
        let too_small = number.zip(self.minimum).filter(|(own, least)| own < least);
        let too_large = number.zip(self.maximum).filter(|(own, most)| own > most);
        let unlike = value.as_str().zip(self.pattern.as_ref()).filter(|(text, form)| !form.is_match(text));
        Some(match (too_small, too_large, unlike) {
            (Some((_, least)), ..) => format!("this number is smaller than the minimum {least}"),
            (_, Some((_, most)), _) => format!("this number is larger than the maximum {most}"),
            (.., Some((_, form))) => format!("this text does not match the pattern `{form}`"),
            _ => return None,
        })
    }
}
