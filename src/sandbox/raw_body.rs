//! A body as it was given, before the kind says what it means: JSON, JSV, or a node of a YAML file.
//!
//! JSV has no types, so its values stay slices of the text and are taken apart only when someone asks for
//! members or items. The reading is that of the real serializer, losses included: a name with a blank before
//! it matches nothing, a blank between the objects of a list loses the list.
//! Deliberately absent: fields and types; `bind` brings them.

use std::borrow::Cow;

use hifijson::token::Lex as _;
use hifijson::{SliceLexer, value};

use crate::exchange::WireValue;
use crate::kind::scalar::ScalarToken;
use crate::yaml::{YamlData, YamlNode, is_null_literal, is_number_literal, parse_boolean};

/// How deep a body may nest.
const MAX_DEPTH: usize = 64;

/// One value of a body. It may be a secret, hence no `Debug`.
pub enum RawBodyValue<'b> {
    Null,
    Boolean(bool),
    Number(Cow<'b, str>),
    String(Cow<'b, str>),
    /// A word whose type only the kind knows: plain YAML.
    Plain(Cow<'b, str>),
    Array(Vec<RawBodyValue<'b>>),
    Object(Vec<(Cow<'b, str>, RawBodyValue<'b>)>),
    /// A slice of JSV, not yet taken apart.
    Jsv(&'b str),
}

/// The body can't be read at all.
pub struct RawBodyError;

/// A JSON body.
pub fn parse_json(text: &str) -> Result<RawBodyValue<'_>, RawBodyError> {
    let mut lexer = SliceLexer::new(text.as_bytes());
    let read =
        lexer.exactly_one(SliceLexer::ws_peek, |next, lexer| value::parse_bounded(MAX_DEPTH, next, lexer));
    read.map(from_lexed).map_err(|_| RawBodyError)
}

fn from_lexed<'b>(lexed: value::Value<&'b str, Cow<'b, str>>) -> RawBodyValue<'b> {
    match lexed {
        value::Value::Null => RawBodyValue::Null,
        value::Value::Bool(flag) => RawBodyValue::Boolean(flag),
        value::Value::Number((digits, _)) => RawBodyValue::Number(Cow::Borrowed(digits)),
        value::Value::String(text) => RawBodyValue::String(text),
        value::Value::Array(items) => RawBodyValue::Array(items.into_iter().map(from_lexed).collect()),
        value::Value::Object(members) => {
            RawBodyValue::Object(members.into_iter().map(|(name, value)| (name, from_lexed(value))).collect())
        }
    }
}

/// A JSV body that is to hold an object.
pub fn parse_jsv(text: &str) -> Result<RawBodyValue<'_>, RawBodyError> {
    parse_jsv_members(text).map(RawBodyValue::Object)
}

impl<'b> From<&'b YamlNode<'_>> for RawBodyValue<'b> {
    fn from(node: &'b YamlNode<'_>) -> Self {
        match &node.data {
            YamlData::Scalar { text, plain: true } if is_null_literal(text) => Self::Null,
            YamlData::Scalar { text, plain: true } => Self::Plain(Cow::Borrowed(text)),
            YamlData::Scalar { text, plain: false } => Self::String(Cow::Borrowed(text)),
            YamlData::Sequence(items) => Self::Array(items.iter().map(Self::from).collect()),
            YamlData::Mapping(entries) => Self::Object(
                entries.iter().map(|entry| (Cow::Borrowed(&*entry.key), Self::from(&entry.value))).collect(),
            ),
        }
    }
}

impl<'b> From<&'b serde_json::Value> for RawBodyValue<'b> {
    fn from(value: &'b serde_json::Value) -> Self {
        match value {
            serde_json::Value::Null => Self::Null,
            serde_json::Value::Bool(flag) => Self::Boolean(*flag),
            serde_json::Value::Number(number) => Self::Number(Cow::Owned(number.to_string())),
            serde_json::Value::String(text) => Self::String(Cow::Borrowed(text)),
            serde_json::Value::Array(items) => Self::Array(items.iter().map(Self::from).collect()),
            serde_json::Value::Object(members) => Self::from(members),
        }
    }
}

impl<'b> From<&'b serde_json::Map<String, serde_json::Value>> for RawBodyValue<'b> {
    fn from(members: &'b serde_json::Map<String, serde_json::Value>) -> Self {
        let member = |(name, value): (&'b String, _)| (Cow::Borrowed(name.as_str()), Self::from(value));
        Self::Object(members.iter().map(member).collect())
    }
}

impl<'b> RawBodyValue<'b> {
    /// The members, when this is an object.
    pub fn into_members(self) -> Option<Vec<(Cow<'b, str>, RawBodyValue<'b>)>> {
        match self {
            Self::Object(members) => Some(members),
            Self::Jsv(text) => parse_jsv_members(text).ok(),
            _ => None,
        }
    }

    /// The entries, when this is a map: unlike names of members, keys may stand in quotes.
    pub fn into_entries(self) -> Option<Vec<(Cow<'b, str>, RawBodyValue<'b>)>> {
        match self {
            Self::Jsv(text) => parse_jsv_members(text).ok().map(unquote_names),
            other => other.into_members(),
        }
    }

    /// The items, when this is a list.
    pub fn into_items(self) -> Option<Vec<RawBodyValue<'b>>> {
        match self {
            Self::Array(items) => Some(items),
            Self::Jsv(text) => parse_jsv_items(text),
            _ => None,
        }
    }

    /// The text inside a scalar, and whether it stood in quotes.
    pub fn as_scalar(&self) -> Option<RawScalar<'_>> {
        match self {
            Self::Boolean(flag) => Some(RawScalar::Boolean(*flag)),
            Self::Number(text) => Some(RawScalar::Number(text)),
            Self::String(text) => Some(RawScalar::String(Cow::Borrowed(text))),
            Self::Plain(text) => Some(RawScalar::Plain(Cow::Borrowed(text))),
            Self::Jsv(text) if text.starts_with('"') => Some(RawScalar::String(unquote_text(text))),
            Self::Jsv(text) => Some(RawScalar::Plain(Cow::Borrowed(text))),
            Self::Null | Self::Array(_) | Self::Object(_) => None,
        }
    }

    /// Null, or nothing at all between two JSV separators.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null | Self::Jsv(""))
    }

    /// As a part of an answer.
    pub fn into_wire(self) -> WireValue {
        match self {
            Self::Null => WireValue::Null,
            Self::Boolean(flag) => WireValue::Boolean(flag),
            Self::Number(digits) => WireValue::Number(digits.into_owned()),
            Self::String(text) | Self::Plain(text) => WireValue::String(text.into_owned()),
            Self::Jsv(text) => WireValue::Raw(text.to_owned()),
            Self::Array(items) => WireValue::Array(items.into_iter().map(Self::into_wire).collect()),
            Self::Object(members) => WireValue::Object(
                members.into_iter().map(|(name, given)| (name.into_owned(), given.into_wire())).collect(),
            ),
        }
    }

    /// As JSON text, which is how members that the kind does not know are kept.
    pub fn to_json(&self) -> String {
        let mut out = String::new();
        self.write_json(&mut out, MAX_DEPTH);
        out
    }

    fn write_json(&self, out: &mut String, depth: usize) {
        match self {
            _ if depth == 0 => out.push_str("null"),
            Self::Null | Self::Jsv("") => out.push_str("null"),
            Self::Boolean(flag) => out.push_str(if *flag { "true" } else { "false" }),
            Self::Number(digits) => out.push_str(digits),
            Self::String(text) => push_text(out, text),
            Self::Plain(word) => push_plain_scalar(out, word),
            Self::Array(items) => push_list(out, items, depth),
            Self::Object(members) => push_object(out, members, depth),
            Self::Jsv(text) => {
                match (text.as_bytes().first(), parse_jsv_members(text), parse_jsv_items(text)) {
                    (Some(b'"'), _, _) => push_text(out, &unquote_text(text)),
                    (Some(b'{'), Ok(members), _) => push_object(out, &unquote_names(members), depth),
                    (Some(b'['), _, Some(items)) => push_list(out, &items, depth),
                    _ => push_plain_scalar(out, text),
                }
            }
        }
    }
}

/// The text of a scalar, as it stood.
pub enum RawScalar<'s> {
    String(Cow<'s, str>),
    Plain(Cow<'s, str>),
    Number(&'s str),
    Boolean(bool),
}

impl RawScalar<'_> {
    /// For a value to read.
    pub fn as_token(&self) -> ScalarToken<'_> {
        match self {
            Self::String(text) => ScalarToken::String(text),
            Self::Plain(text) => ScalarToken::Plain(text),
            Self::Number(text) => ScalarToken::Number(text),
            Self::Boolean(flag) => ScalarToken::Boolean(*flag),
        }
    }
}

fn push_text(out: &mut String, text: &str) {
    // writing a text as JSON into memory can't fail
    out.push_str(&serde_json::to_string(text).unwrap_or_default());
}

fn push_plain_scalar(out: &mut String, word: &str) {
    match parse_boolean(word) {
        Some(flag) => out.push_str(if flag { "true" } else { "false" }),
        None if is_number_literal(word) && !word.starts_with('+') => out.push_str(word),
        None => push_text(out, word),
    }
}

fn push_list(out: &mut String, items: &[RawBodyValue], depth: usize) {
    out.push('[');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        item.write_json(out, depth - 1);
    }
    out.push(']');
}

fn push_object(out: &mut String, members: &[(Cow<str>, RawBodyValue)], depth: usize) {
    out.push('{');
    for (index, (name, value)) in members.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        push_text(out, name);
        out.push(':');
        value.write_json(out, depth - 1);
    }
    out.push('}');
}

fn unquote_names<'b>(
    members: Vec<(Cow<'b, str>, RawBodyValue<'b>)>,
) -> Vec<(Cow<'b, str>, RawBodyValue<'b>)> {
    members.into_iter().map(|(name, given)| (Cow::Owned(unquote_text(&name).into_owned()), given)).collect()
}

/// The members of a JSV object. Names keep their blanks and quotes, so that they match nothing.
fn parse_jsv_members(text: &str) -> Result<Vec<(Cow<'_, str>, RawBodyValue<'_>)>, RawBodyError> {
    let mut rest = match text.strip_prefix('{') {
        Some("}") => "",
        Some(rest) => rest,
        None if text.is_empty() => "",
        None => return Err(RawBodyError),
    };
    let mut members = Vec::new();
    while !rest.is_empty() {
        let (name, after) = parse_jsv_name(rest).ok_or(RawBodyError)?;
        let (value, after) = parse_jsv_token(after, &[',', '}'])?;
        members.push((Cow::Borrowed(name), RawBodyValue::Jsv(value)));
        // one separator is skipped, whichever it is: what follows a stray `}` is read as a name
        rest = after.strip_prefix([',', '}']).unwrap_or(after);
        if rest.is_empty() && after.starts_with(',') {
            return Err(RawBodyError);
        }
    }
    Ok(members)
}

/// A name and what follows its colon.
fn parse_jsv_name(text: &str) -> Option<(&str, &str)> {
    let from = match text.strip_prefix('"') {
        Some(_) => find_quote_end(text),
        None => 0,
    };
    let colon = from + text.get(from..)?.find(':')?;
    Some((text.get(..colon)?, text.get(colon + 1..)?))
}

/// The items of a JSV list; none when it is not one, or when the reader loses it.
fn parse_jsv_items(text: &str) -> Option<Vec<RawBodyValue<'_>>> {
    let inner = text.strip_prefix('[')?.strip_suffix(']')?;
    let mut items = Vec::new();
    let mut rest = inner;
    while !rest.is_empty() {
        let (value, after) = parse_jsv_token(rest, &[',']).ok()?;
        items.push(RawBodyValue::Jsv(value));
        match after.strip_prefix(',') {
            Some("") => {
                items.push(RawBodyValue::Jsv(""));
                rest = "";
            }
            Some(more) => rest = more,
            None if after.is_empty() => rest = "",
            // something stands between an item and the comma
            None => return None,
        }
    }
    Some(items)
}

/// One value, and what follows it.
fn parse_jsv_token<'t>(text: &'t str, ends: &[char]) -> Result<(&'t str, &'t str), RawBodyError> {
    let end = match text.as_bytes().first() {
        Some(b'"') => find_quote_end(text),
        Some(b'{' | b'[') => find_bracket_end(text),
        _ => text.find(ends).unwrap_or(text.len()),
    };
    let (value, after) = text.split_at(end);
    // a quote inside a quoted text that is not doubled
    match value.starts_with('"') && !after.is_empty() && !after.starts_with(ends) {
        true => Err(RawBodyError),
        false => Ok((value, after)),
    }
}

/// Where a text in quotes ends: behind the quote that is not doubled.
fn find_quote_end(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 1;
    while at < bytes.len() {
        match (bytes[at], bytes.get(at + 1)) {
            (b'"', Some(b'"')) => at += 2,
            (b'"', _) => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// Where an object or a list ends: behind the bracket that closes the first one.
fn find_bracket_end(text: &str) -> usize {
    let (mut depth, mut quoted) = (0_usize, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b'{' | b'[' if !quoted => depth += 1,
            b'}' | b']' if !quoted => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
    }
    text.len()
}

/// A text without its quotes; the one at the end may be missing.
fn unquote_text(text: &str) -> Cow<'_, str> {
    let Some(inner) = text.strip_prefix('"') else { return Cow::Borrowed(text) };
    let mut inner = inner.to_owned();
    inner.pop();
    Cow::Owned(inner.replace("\"\"", "\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        match parse_jsv(text) {
            Ok(given) => given.to_json(),
            Err(RawBodyError) => "unreadable".into(),
        }
    }

    #[test]
    fn jsv_is_read_as_the_real_serializer_reads_it() {
        let cases = [
            ("{a:1,b:z}", r#"{"a":1,"b":"z"}"#),
            ("", "{}"),
            ("{}", "{}"),
            ("{a:,b:2}", r#"{"a":null,"b":2}"#),
            (r#"{a:"",b:2}"#, r#"{"a":"","b":2}"#),
            (r#"{a:"x,y",b:"say ""hi"""}"#, r#"{"a":"x,y","b":"say \"hi\""}"#),
            ("{a:x:y,b:2}", r#"{"a":"x:y","b":2}"#),
            ("{a:x}y,b:2}", r#"{"a":"x","y,b":2}"#),
            (r#"{a:"x\"y",b:2}"#, "unreadable"),
            (r#"{"a":1,"b":2}"#, r#"{"\"a\"":1,"\"b\"":2}"#),
            ("{ a:1, b:2 }", r#"{" a":1," b":"2 "}"#),
            ("{a:1,b:2}\n", "unreadable"),
            (" {a:1}", "unreadable"),
            ("{a:1,}", "unreadable"),
            ("{amount:1,000}", "unreadable"),
            ("text:x}", "unreadable"),
            ("{a:[a, b]}", r#"{"a":["a"," b"]}"#),
            ("{a:[a,,b]}", r#"{"a":["a",null,"b"]}"#),
            ("{a:[a,]}", r#"{"a":["a",null]}"#),
            (r#"{a:[""]}"#, r#"{"a":[""]}"#),
            (r#"{a:[{s:"a}b]c"}],t:7}"#, r#"{"a":[{"s":"a}b]c"}],"t":7}"#),
            (r#"{k:{k:v,"k 2":"a,b"}}"#, r#"{"k":{"k":"v","k 2":"a,b"}}"#),
            (r#"{text:"unterminated}"#, r#"{"text":"unterminated"}"#),
            ("{text:a{b}c,other:d}", r#"{"text":"a{b","c,other":"d"}"#),
        ];
        for (text, expected) in cases {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn numbers_of_json_keep_their_digits() {
        let read = |text| parse_json(text).map_or("unreadable".into(), |given| given.to_json());
        assert_eq!(read(r#"{"a":2500.00,"b":[true,null,"é\n"]}"#), r#"{"a":2500.00,"b":[true,null,"é\n"]}"#);
        assert_eq!(read("{\"a\":1"), "unreadable");
        assert_eq!(read("{} {}"), "unreadable");
        assert_eq!(read(&"[".repeat(100_000)), "unreadable");
    }

    #[test]
    fn nested_jsv_is_bounded() {
        let deep = format!("{{a:{}", "{a:".repeat(10_000));
        assert!(shown(&deep).contains("null"));
    }
}
