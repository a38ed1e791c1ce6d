//! One leaf, between text and value: the single place where a scalar of any border becomes a typed value,
//! and a typed value takes the form in which an API wants it.
//!
//! Documents, JSON and JSV hand their scalars in as a [`Token`]; what fits is decided here, so the same text
//! means the same value wherever it stood.

use std::str::FromStr;

use jiff::{Timestamp, civil};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::{Api, Leaf, NumberForm};
use crate::exchange::Wire;
use crate::value::Value;
use crate::yaml::{flag_word, is_number_word};

/// A scalar as a border hands it in.
#[derive(Clone, Copy)]
pub enum Token<'t> {
    /// A text that is certainly one: quoted YAML, a JSON string.
    Text(&'t str),
    /// A bare word, whose type only the kind knows: plain YAML, anything in JSV.
    Bare(&'t str),
    /// A JSON number.
    Number(&'t str),
    /// A JSON flag.
    Flag(bool),
}

/// Why a scalar does not fit; a sentence that never repeats the scalar.
#[derive(Debug, PartialEq, Eq)]
pub struct Mismatch {
    pub message: String,
    pub hint: Option<String>,
}

impl Leaf {
    /// Reads one scalar as this leaf. Lenient about spelling (guids in any form, numbers in quotes), never
    /// about meaning.
    ///
    /// # Errors
    /// When the scalar is not of this type.
    pub fn read(&self, token: Token) -> Result<Value, Mismatch> {
        match self {
            Self::Text { max } => self.read_text(&token.into_text(), *max),
            Self::Choice { choices, open } => {
                let text = token.into_text();
                let known = choices.iter().any(|(choice, _)| **choice == *text);
                if known || *open {
                    return Ok(Value::text(text));
                }
                let words: Vec<&str> = choices.iter().map(|(choice, _)| &**choice).collect();
                Err(self.mismatch(Some(format!("one of: {}", words.join(", ")))))
            }
            Self::Flag => self.read_flag(token),
            Self::Whole(_) => self.read_whole(token),
            Self::Decimal(_) => self.read_decimal(token),
            Self::Guid => {
                let text = token.scalar().ok_or_else(|| self.mismatch(None))?;
                Uuid::try_parse(text.trim()).map(Value::Guid).map_err(|_| {
                    self.mismatch(Some("like 5e1f0a77-2c3d-4b4e-8f50-6172839405a6, hyphens optional".into()))
                })
            }
            Self::Date => {
                let text = token.scalar().ok_or_else(|| self.mismatch(None))?;
                read_date(text).map(Value::date).ok_or_else(|| self.mismatch(None))
            }
            Self::Time => {
                let text = token.scalar().ok_or_else(|| self.mismatch(None))?;
                read_time(text).map(Value::time).ok_or_else(|| self.mismatch(None))
            }
            Self::Any => Ok(read_any(token)),
        }
    }

    fn read_text(&self, text: &str, max: Option<u32>) -> Result<Value, Mismatch> {
        match max {
            Some(max) if text.chars().count() > max as usize => Err(Mismatch {
                message: format!("this text has {} characters, at most {max} fit", text.chars().count()),
                hint: Some("shorten it".into()),
            }),
            _ => Ok(Value::text(text)),
        }
    }

    fn read_flag(&self, token: Token) -> Result<Value, Mismatch> {
        match token {
            Token::Flag(flag) => Ok(Value::Flag(flag)),
            Token::Bare(word) | Token::Text(word) => match flag_word(word) {
                Some(flag) => Ok(Value::Flag(flag)),
                None => Err(self.mismatch(Some("write true or false".into()))),
            },
            Token::Number(_) => Err(self.mismatch(Some("write true or false".into()))),
        }
    }

    fn read_whole(&self, token: Token) -> Result<Value, Mismatch> {
        let flag = matches!(token, Token::Flag(_)) || token.scalar().is_some_and(|t| flag_word(t).is_some());
        if flag {
            return Err(self.mismatch(Some("write 0 or 1".into())));
        }
        let text = token.scalar().ok_or_else(|| self.mismatch(None))?;
        match Decimal::from_str_exact(text.trim()) {
            Ok(number) if number.is_integer() => {
                let number = number.normalize().to_string();
                i64::from_str(&number).map(Value::Whole).map_err(|_| Mismatch {
                    message: "this whole number is too large".into(),
                    hint: Some("at most 19 digits fit".into()),
                })
            }
            _ => Err(self.mismatch(None)),
        }
    }

    fn read_decimal(&self, token: Token) -> Result<Value, Mismatch> {
        let text = token.scalar().ok_or_else(|| self.mismatch(None))?.trim();
        if !is_number_word(text) {
            return Err(self.mismatch(Some("like 12.50, with a point and without separators".into())));
        }
        decimal(text).map(Value::Decimal).ok_or_else(|| Mismatch {
            message: "this decimal number has too many digits to be kept exactly".into(),
            hint: Some("at most 28 digits fit".into()),
        })
    }

    fn mismatch(&self, hint: Option<String>) -> Mismatch {
        Mismatch { message: format!("this is not {}", self.noun()), hint }
    }

    /// The wire form of a value of this leaf.
    pub fn wire(&self, value: &Value) -> Wire {
        match (self, value) {
            (_, Value::Null) => Wire::Null,
            (_, Value::Flag(flag)) => Wire::Flag(*flag),
            (Self::Whole(NumberForm::Text), Value::Whole(number)) => Wire::Text(number.to_string()),
            (_, Value::Whole(number)) => Wire::Number(number.to_string()),
            (Self::Decimal(NumberForm::Text), Value::Decimal(number)) => Wire::Text(number.to_string()),
            (_, Value::Decimal(number)) => Wire::Number(number.to_string()),
            (_, Value::Number(number)) => Wire::Number(number.to_string()),
            (_, Value::Guid(guid)) => Wire::Guid(*guid),
            (_, Value::Text(text)) => Wire::Text(text.to_string()),
            // only ever to show or to measure a request: what is not known is not sent
            (_, Value::Later(name)) => Wire::Text(name.to_string()),
            (_, Value::Date(date)) => Wire::Moment(date.written()),
            (_, Value::Time(time)) => Wire::Moment(time.written()),
            (_, Value::List(items)) => Wire::List(items.iter().map(|item| self.wire(item)).collect()),
            (_, Value::Map(entries)) => {
                Wire::Object(entries.iter().map(|(key, value)| (key.to_string(), self.wire(value))).collect())
            }
            // a leaf is never an object with fields
            (_, Value::Object(_)) => Wire::Null,
        }
    }

    /// The text of a value of this leaf inside a path or query.
    pub fn url_text(value: &Value, api: &Api) -> String {
        match value {
            Value::Guid(guid) => api.guid_text(*guid),
            Value::Text(text) => text.to_string(),
            Value::Whole(number) => number.to_string(),
            Value::Decimal(number) => number.to_string(),
            Value::Flag(flag) => flag.to_string(),
            Value::Date(date) => date.is.to_string(),
            Value::Time(time) => time.is.to_string(),
            _ => String::new(),
        }
    }
}

impl<'t> Token<'t> {
    fn scalar(self) -> Option<&'t str> {
        match self {
            Self::Text(text) | Self::Bare(text) | Self::Number(text) => Some(text),
            Self::Flag(_) => None,
        }
    }

    fn into_text(self) -> String {
        match self {
            Self::Flag(flag) => flag.to_string(),
            other => other.scalar().unwrap_or("").to_owned(),
        }
    }
}

/// A decimal with all its digits, or nothing: never rounded. `1e3` is 1000.
fn decimal(text: &str) -> Option<Decimal> {
    let text = text.strip_prefix('+').unwrap_or(text);
    if text.contains(['e', 'E']) {
        let exact = Decimal::from_scientific(text).ok()?;
        let digits = text.split(['e', 'E']).next()?.bytes().filter(u8::is_ascii_digit).count();
        return (digits <= 28).then_some(exact);
    }
    Decimal::from_str_exact(text).ok()
}

/// A day: `2026-01-31`, or the moment at which it begins.
fn read_date(text: &str) -> Option<civil::Date> {
    let text = text.trim();
    let (day, rest) = text.split_at_checked(10)?;
    let midnight = rest.is_empty()
        || rest.trim_end_matches('Z').trim_start_matches('T').chars().all(|c| matches!(c, '0' | ':' | '.'));
    civil::Date::from_str(day).ok().filter(|_| midnight)
}

/// A moment: ISO 8601 with `Z`, an offset, or without (then UTC), or ServiceStack's `/Date(ms)/`.
fn read_time(text: &str) -> Option<Timestamp> {
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

/// A free-form scalar: numbers and flags as such, everything else text.
fn read_any(token: Token) -> Value {
    match token {
        Token::Flag(flag) => Value::Flag(flag),
        Token::Text(text) => Value::text(text),
        Token::Number(text) => number_or_text(text),
        Token::Bare(text) => match flag_word(text) {
            Some(flag) => Value::Flag(flag),
            None if is_number_word(text) && !text.starts_with('+') => number_or_text(text),
            None => Value::text(text),
        },
    }
}

fn number_or_text(text: &str) -> Value {
    decimal(text).map_or_else(|| Value::Number(text.into()), Value::Decimal)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DECIMAL: Leaf = Leaf::Decimal(NumberForm::Number);

    #[test]
    fn the_same_value_in_any_spelling() {
        let same = |leaf: &Leaf, a: Token, b: Token| {
            leaf.read(a).ok().zip(leaf.read(b).ok()).is_some_and(|(a, b)| a == b)
        };
        assert!(same(&DECIMAL, Token::Text("12.50"), Token::Number("12.5")));
        assert!(same(&DECIMAL, Token::Bare("1e3"), Token::Number("1000")));
        assert!(same(
            &Leaf::Guid,
            Token::Bare("ED437757002D4ECCAA5AEFDF5E50DBA0"),
            Token::Text("ed437757-002d-4ecc-aa5a-efdf5e50dba0")
        ));
        assert!(same(&Leaf::Time, Token::Text("/Date(1695245695000)/"), Token::Text("2023-09-20T21:34:55Z")));
        assert!(same(
            &Leaf::Time,
            Token::Text("/Date(1695245695000+0200)/"),
            Token::Text("2023-09-20T23:34:55+02:00")
        ));
        assert!(same(
            &Leaf::Time,
            Token::Text("2025-01-02T03:04:05.0000000"),
            Token::Text("2025-01-02T03:04:05Z")
        ));
    }

    #[test]
    fn text_stays_text() {
        for word in ["no", "012", "1e3", "+46 70", "true", "null", " x "] {
            assert!(Leaf::Text { max: None }.read(Token::Bare(word)) == Ok(Value::text(word)), "{word}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_and_not_rounded() {
        assert!(DECIMAL.read(Token::Number("0.12345678901234567890123456789")).is_err());
        assert!(DECIMAL.read(Token::Number("1.2345678901234567890123456789e-3")).is_err());
        assert!(DECIMAL.read(Token::Bare("1,000")).is_err());
        assert!(DECIMAL.read(Token::Bare("012")).is_err());
        assert!(Leaf::Whole(NumberForm::Number).read(Token::Bare("1.5")).is_err());
        assert!(Leaf::Whole(NumberForm::Number).read(Token::Bare("true")).is_err());
        assert!(Leaf::Whole(NumberForm::Number).read(Token::Number("99999999999999999999")).is_err());
        assert!(Leaf::Flag.read(Token::Bare("yes")).is_err());
        assert!(Leaf::Date.read(Token::Bare("2026-02-30")).is_err());
        assert!(Leaf::Date.read(Token::Bare("2026-02-03T10:00:00Z")).is_err());
        assert!(Leaf::Date.read(Token::Bare("2026-02-03T00:00:00Z")).is_ok());
    }

    #[test]
    fn decimals_keep_their_scale() {
        let wire = |token| match DECIMAL.read(token) {
            Ok(Value::Decimal(number)) => number.to_string(),
            _ => String::new(),
        };
        assert_eq!(wire(Token::Number("2500.00")), "2500.00");
        assert_eq!(wire(Token::Number("0.0000001")), "0.0000001");
    }
}
