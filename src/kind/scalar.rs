//! One scalar, between text and value: the single place where a scalar of any border becomes a typed value,
//! and a typed value takes the form in which an API wants it.
//!
//! Documents, JSON and JSV hand their scalars in as a [`ScalarToken`]; what fits is decided here, so the same text
//! means the same value wherever it stood.

use std::str::FromStr;

use jiff::{Timestamp, civil};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::{Api, NumberEncoding, ScalarType, UnixTimeUnit};
use crate::exchange::WireValue;
use crate::value::Value;
use crate::yaml::{is_number_literal, parse_boolean};

/// A scalar as a border hands it in.
#[derive(Clone, Copy)]
pub enum ScalarToken<'t> {
    /// A text that is certainly one: quoted YAML, a JSON string.
    String(&'t str),
    /// A bare word, whose type only the kind knows: plain YAML, anything in JSV.
    Plain(&'t str),
    /// A JSON number.
    Number(&'t str),
    /// A JSON flag.
    Boolean(bool),
}

/// Why a scalar does not fit; a sentence that never repeats the scalar.
#[derive(Debug, PartialEq, Eq)]
pub struct ScalarMismatch {
    pub message: String,
    pub hint: Option<String>,
}

impl ScalarType {
    /// Reads one scalar as a value of this type. Lenient about spelling (guids in any form, numbers in quotes),
    /// never about meaning.
    ///
    /// # Errors
    /// When the scalar is not of this type.
    pub fn read_token(&self, token: ScalarToken) -> Result<Value, ScalarMismatch> {
        match self {
            Self::String { max_length: max } => self.read_string(&token.into_text(), *max),
            Self::Enum { values: choices, open } => {
                let text = token.into_text();
                let known = choices.iter().any(|(choice, _)| **choice == *text);
                if known || *open {
                    return Ok(Value::from_text(text));
                }
                let words: Vec<&str> = choices.iter().map(|(choice, _)| &**choice).collect();
                Err(self.build_mismatch(Some(format!("one of: {}", words.join(", ")))))
            }
            Self::Boolean => self.read_boolean(token),
            Self::Integer(_) => self.read_integer(token),
            Self::Decimal(_) => self.read_decimal(token),
            Self::Uuid => {
                let text = token.get_text().ok_or_else(|| self.build_mismatch(None))?;
                Uuid::try_parse(text.trim()).map(Value::Uuid).map_err(|_| {
                    self.build_mismatch(Some(
                        "like 5e1f0a77-2c3d-4b4e-8f50-6172839405a6, hyphens optional".into(),
                    ))
                })
            }
            Self::Date => {
                let text = token.get_text().ok_or_else(|| self.build_mismatch(None))?;
                parse_date(text).map(Value::from_date).ok_or_else(|| self.build_mismatch(None))
            }
            Self::DateTime => {
                let text = token.get_text().ok_or_else(|| self.build_mismatch(None))?;
                parse_date_time(text).map(Value::from_datetime).ok_or_else(|| self.build_mismatch(None))
            }
            Self::UnixTime(unit) => {
                let text = token.get_text().ok_or_else(|| self.build_mismatch(None))?;
                let time = parse_unix_time(text, *unit).or_else(|| parse_date_time(text));
                time.map(Value::from_datetime).ok_or_else(|| self.build_mismatch(None))
            }
            Self::Any => Ok(read_any(token)),
        }
    }

    fn read_string(&self, text: &str, max: Option<u32>) -> Result<Value, ScalarMismatch> {
        match max {
            Some(max) if text.chars().count() > max as usize => Err(ScalarMismatch {
                message: format!("this text has {} characters, at most {max} fit", text.chars().count()),
                hint: Some("shorten it".into()),
            }),
            _ => Ok(Value::from_text(text)),
        }
    }

    fn read_boolean(&self, token: ScalarToken) -> Result<Value, ScalarMismatch> {
        match token {
            ScalarToken::Boolean(flag) => Ok(Value::Boolean(flag)),
            ScalarToken::Plain(word) | ScalarToken::String(word) => match parse_boolean(word) {
                Some(flag) => Ok(Value::Boolean(flag)),
                None => Err(self.build_mismatch(Some("write true or false".into()))),
            },
            ScalarToken::Number(_) => Err(self.build_mismatch(Some("write true or false".into()))),
        }
    }

    fn read_integer(&self, token: ScalarToken) -> Result<Value, ScalarMismatch> {
        let flag = matches!(token, ScalarToken::Boolean(_))
            || token.get_text().is_some_and(|t| parse_boolean(t).is_some());
        if flag {
            return Err(self.build_mismatch(Some("write 0 or 1".into())));
        }
        let text = token.get_text().ok_or_else(|| self.build_mismatch(None))?;
        match Some(text.trim()).filter(|text| is_number_spelling(text)).and_then(parse_decimal) {
            Some(number) if number.is_integer() => {
                let number = number.normalize().to_string();
                i64::from_str(&number).map(Value::Integer).map_err(|_| ScalarMismatch {
                    message: "this integer is too large".into(),
                    hint: Some("at most 19 digits fit".into()),
                })
            }
            _ => Err(self.build_mismatch(None)),
        }
    }

    fn read_decimal(&self, token: ScalarToken) -> Result<Value, ScalarMismatch> {
        let text = token.get_text().ok_or_else(|| self.build_mismatch(None))?.trim();
        if !is_number_spelling(text) {
            return Err(self.build_mismatch(Some("like 12.50, with a point and without separators".into())));
        }
        parse_decimal(text).map(Value::Decimal).ok_or_else(|| ScalarMismatch {
            message: "this decimal number has too many digits to be kept exactly".into(),
            hint: Some("at most 28 digits fit".into()),
        })
    }

    fn build_mismatch(&self, hint: Option<String>) -> ScalarMismatch {
        ScalarMismatch { message: format!("this is not {}", self.describe_type()), hint }
    }

    /// The wire form of a value of this scalar type.
    pub fn encode_value(&self, value: &Value) -> WireValue {
        match (self, value) {
            (_, Value::Null) => WireValue::Null,
            (_, Value::Boolean(flag)) => WireValue::Boolean(*flag),
            (Self::Integer(NumberEncoding::String), Value::Integer(number)) => {
                WireValue::String(number.to_string())
            }
            (_, Value::Integer(number)) => WireValue::Number(number.to_string()),
            (Self::Decimal(NumberEncoding::String), Value::Decimal(number)) => {
                WireValue::String(number.to_string())
            }
            (_, Value::Decimal(number)) => WireValue::Number(number.to_string()),
            (_, Value::Number(number)) => WireValue::Number(number.to_string()),
            (_, Value::Uuid(guid)) => WireValue::Uuid(*guid),
            (_, Value::String(text)) => WireValue::String(text.to_string()),
            // only ever to show or to measure a request: what is not known is not sent
            (_, Value::KnownAfterApply(name)) => WireValue::String(name.to_string()),
            (Self::UnixTime(unit), Value::DateTime(time)) => {
                WireValue::Number(format_unix_time(time.value, *unit))
            }
            (_, Value::Date(date)) => WireValue::DateTime(date.to_text()),
            (_, Value::DateTime(time)) => WireValue::DateTime(time.to_text()),
            (_, Value::Array(items)) => {
                WireValue::Array(items.iter().map(|item| self.encode_value(item)).collect())
            }
            (_, Value::Map(entries)) => WireValue::Object(
                entries.iter().map(|(key, value)| (key.to_string(), self.encode_value(value))).collect(),
            ),
            // a scalar is never an object with fields
            (_, Value::Object(_)) => WireValue::Null,
        }
    }

    /// The text of a value of a scalar type inside a path or query.
    pub fn render_url_text(value: &Value, api: &Api) -> String {
        match value {
            Value::Uuid(guid) => api.render_uuid(*guid),
            Value::String(text) => text.to_string(),
            Value::Integer(number) => number.to_string(),
            Value::Decimal(number) => number.to_string(),
            Value::Boolean(flag) => flag.to_string(),
            Value::Date(date) => date.value.to_string(),
            Value::DateTime(time) => time.value.to_string(),
            _ => String::new(),
        }
    }
}

impl<'t> ScalarToken<'t> {
    fn get_text(self) -> Option<&'t str> {
        match self {
            Self::String(text) | Self::Plain(text) | Self::Number(text) => Some(text),
            Self::Boolean(_) => None,
        }
    }

    fn into_text(self) -> String {
        match self {
            Self::Boolean(flag) => flag.to_string(),
            other => other.get_text().unwrap_or("").to_owned(),
        }
    }
}

/// A decimal with all its digits, or nothing: never rounded. `1e3` is 1000.
/// Whether a text spells a number, whole or decimal: no leading zeros, separators or bare points.
fn is_number_spelling(text: &str) -> bool {
    is_number_literal(text) && !text.ends_with('.') && !text.contains(".e") && !text.contains(".E")
}

fn parse_decimal(text: &str) -> Option<Decimal> {
    let text = text.strip_prefix('+').unwrap_or(text);
    if text.contains(['e', 'E']) {
        let exact = Decimal::from_scientific(text).ok()?;
        let digits = text.split(['e', 'E']).next()?.bytes().filter(u8::is_ascii_digit).count();
        return (digits <= 28).then_some(exact);
    }
    Decimal::from_str_exact(text).ok()
}

/// A day: `2026-01-31`, or the moment at which it begins.
fn parse_date(text: &str) -> Option<civil::Date> {
    let text = text.trim();
    let (day, rest) = text.split_at_checked(10)?;
    let midnight = rest.is_empty()
        || rest.trim_end_matches('Z').trim_start_matches('T').chars().all(|c| matches!(c, '0' | ':' | '.'));
    civil::Date::from_str(day).ok().filter(|_| midnight)
}

/// A moment: ISO 8601 with `Z`, an offset, or without (then UTC), or ServiceStack's `/Date(ms)/`.
fn parse_date_time(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Some(inner) = text.strip_prefix("/Date(").and_then(|rest| rest.strip_suffix(")/")) {
        let digits =
            inner.get(1..).and_then(|rest| rest.find(['+', '-'])).map_or(inner, |at| &inner[..at + 1]);
        return Timestamp::from_millisecond(digits.parse().ok()?).ok();
    }
    if let Ok(time) = Timestamp::from_str(text) {
        return Some(time);
    }
    let local = civil::DateTime::from_str(text).ok()?;
    local.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}

/// A moment as a number of seconds or milliseconds since 1970.
fn parse_unix_time(text: &str, unit: UnixTimeUnit) -> Option<Timestamp> {
    let number = Some(text.trim()).filter(|text| is_number_spelling(text)).and_then(parse_decimal)?;
    let milliseconds = match unit {
        UnixTimeUnit::Seconds => number.checked_mul(Decimal::ONE_THOUSAND)?,
        UnixTimeUnit::Milliseconds => number,
    };
    Timestamp::from_millisecond(i64::try_from(milliseconds.trunc()).ok()?).ok()
}

fn format_unix_time(time: Timestamp, unit: UnixTimeUnit) -> String {
    let milliseconds = time.as_millisecond();
    match unit {
        UnixTimeUnit::Milliseconds => milliseconds.to_string(),
        UnixTimeUnit::Seconds => Decimal::new(milliseconds, 3).normalize().to_string(),
    }
}

/// A free-form scalar: numbers and flags as such, everything else text.
fn read_any(token: ScalarToken) -> Value {
    match token {
        ScalarToken::Boolean(flag) => Value::Boolean(flag),
        ScalarToken::String(text) => Value::from_text(text),
        ScalarToken::Number(text) => parse_number(text),
        ScalarToken::Plain(text) => match parse_boolean(text) {
            Some(flag) => Value::Boolean(flag),
            None if is_number_literal(text) && !text.starts_with('+') => parse_number(text),
            None => Value::from_text(text),
        },
    }
}

fn parse_number(text: &str) -> Value {
    parse_decimal(text).map_or_else(|| Value::Number(text.into()), Value::Decimal)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DECIMAL: ScalarType = ScalarType::Decimal(NumberEncoding::Number);

    #[test]
    fn the_same_value_in_any_spelling() {
        let same = |scalar: &ScalarType, a: ScalarToken, b: ScalarToken| {
            scalar.read_token(a).ok().zip(scalar.read_token(b).ok()).is_some_and(|(a, b)| a == b)
        };
        assert!(same(&DECIMAL, ScalarToken::String("12.50"), ScalarToken::Number("12.5")));
        assert!(same(&DECIMAL, ScalarToken::Plain("1e3"), ScalarToken::Number("1000")));
        assert!(same(
            &ScalarType::Uuid,
            ScalarToken::Plain("ED437757002D4ECCAA5AEFDF5E50DBA0"),
            ScalarToken::String("ed437757-002d-4ecc-aa5a-efdf5e50dba0")
        ));
        assert!(same(
            &ScalarType::DateTime,
            ScalarToken::String("/Date(1695245695000)/"),
            ScalarToken::String("2023-09-20T21:34:55Z")
        ));
        assert!(same(
            &ScalarType::DateTime,
            ScalarToken::String("/Date(1695245695000+0200)/"),
            ScalarToken::String("2023-09-20T23:34:55+02:00")
        ));
        assert!(same(
            &ScalarType::DateTime,
            ScalarToken::String("2025-01-02T03:04:05.0000000"),
            ScalarToken::String("2025-01-02T03:04:05Z")
        ));
    }

    #[test]
    fn times_may_be_numbers() {
        for (unit, number, text) in [
            (UnixTimeUnit::Seconds, "1695245695", "2023-09-20T21:34:55Z"),
            (UnixTimeUnit::Seconds, "1695245695.25", "2023-09-20T21:34:55.25Z"),
            (UnixTimeUnit::Milliseconds, "1695245695250", "2023-09-20T21:34:55.25Z"),
            (UnixTimeUnit::Seconds, "-1", "1969-12-31T23:59:59Z"),
        ] {
            let scalar = ScalarType::UnixTime(unit);
            let read = scalar.read_token(ScalarToken::Number(number)).unwrap();
            assert!(scalar.read_token(ScalarToken::Plain(text)).as_ref() == Ok(&read), "{number}");
            assert!(
                matches!(scalar.encode_value(&read), WireValue::Number(own) if own == number),
                "{number}"
            );
        }
        let seconds = ScalarType::UnixTime(UnixTimeUnit::Seconds);
        assert!(seconds.read_token(ScalarToken::Plain("soon")).is_err());
        assert!(seconds.read_token(ScalarToken::Number("1e30")).is_err());
    }

    #[test]
    fn text_stays_text() {
        for word in ["no", "012", "1e3", "+46 70", "true", "null", " x "] {
            assert!(
                ScalarType::String { max_length: None }.read_token(ScalarToken::Plain(word))
                    == Ok(Value::from_text(word)),
                "{word}"
            );
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_and_not_rounded() {
        assert!(DECIMAL.read_token(ScalarToken::Number("0.12345678901234567890123456789")).is_err());
        assert!(DECIMAL.read_token(ScalarToken::Number("1.2345678901234567890123456789e-3")).is_err());
        assert!(DECIMAL.read_token(ScalarToken::Plain("1,000")).is_err());
        assert!(DECIMAL.read_token(ScalarToken::Plain("012")).is_err());
        assert!(ScalarType::Integer(NumberEncoding::Number).read_token(ScalarToken::Plain("1.5")).is_err());
        assert!(ScalarType::Integer(NumberEncoding::Number).read_token(ScalarToken::Plain("true")).is_err());
        assert!(
            ScalarType::Integer(NumberEncoding::Number)
                .read_token(ScalarToken::Number("99999999999999999999"))
                .is_err()
        );
        assert!(ScalarType::Boolean.read_token(ScalarToken::Plain("yes")).is_err());
        assert!(ScalarType::Date.read_token(ScalarToken::Plain("2026-02-30")).is_err());
        assert!(ScalarType::Date.read_token(ScalarToken::Plain("2026-02-03T10:00:00Z")).is_err());
        assert!(ScalarType::Date.read_token(ScalarToken::Plain("2026-02-03T00:00:00Z")).is_ok());
    }

    #[test]
    fn decimals_keep_their_scale() {
        let wire = |token| match DECIMAL.read_token(token) {
            Ok(Value::Decimal(number)) => number.to_string(),
            _ => String::new(),
        };
        assert_eq!(wire(ScalarToken::Number("2500.00")), "2500.00");
        assert_eq!(wire(ScalarToken::Number("0.0000001")), "0.0000001");
    }
}
