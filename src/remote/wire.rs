//! The wire formats: bodies to bytes, and answers to the typed tree under the kind's guidance.
//!
//! JSON and JSV differ only in how a text is cut into tokens ([`WireLexer`]); everything above the tokens is one
//! reader, so the same data mean the same in either. What does not fit the kind is not lost and not guessed:
//! it stays a stranger with a [`SchemaMismatch`] beside it, and no one should write an object that has one.
//! Depth and number of values are bounded. No message here repeats anything of a body.
//! Deliberately absent: HTTP, and what a difference means.

/// Reads a body with the lexer of its format.
macro_rules! with_lexer {
    ($body:expr, $format:expr, |$lexer:ident| $read:expr) => {{
        let text = $crate::remote::wire::decode_utf8($body)?;
        match $format {
            $crate::kind::WireFormat::Json => {
                let $lexer = $crate::remote::json::JsonLexer::new(text);
                $read
            }
            $crate::kind::WireFormat::Jsv => {
                let $lexer = $crate::remote::jsv::JsvLexer::new(text);
                $read
            }
        }
    }};
}

mod created_id;
mod lookup;
mod member_search;
mod object_reader;
mod page;
mod page_signs;
mod request_body;

use std::borrow::Cow;

pub use created_id::{read_created_id, read_id};
pub use lookup::{LookupColumns, LookupPage, LookupRow, read_lookup_page};
pub use page::{
    TotalPreview, is_error_in_success, peek_total, read_any, read_object, read_object_spellings, read_page,
    read_page_with, read_texts,
};
pub use page_signs::add_header_signs;
pub use request_body::{encode_request_body, get_media_type};

use crate::exchange::{HttpResponse, WireValue};
use crate::kind::scalar::ScalarToken;
use crate::kind::{Api, WireFormat};
use crate::remote::pager::PageSigns;
use crate::remote::{json, jsv};
use crate::value::Object;

/// How deep an answer may nest.
pub(super) const MAX_DEPTH: u8 = 64;

/// An object as it was read.
#[derive(Clone)]
pub struct Snapshot {
    pub object: Object,
    /// What did not fit the kind. While there is any, the object must not be written: its strangers may
    /// stand for fields that the document manages.
    pub mismatches: Vec<SchemaMismatch>,
    /// Where the things stand whose ids it holds, as far as the service tells.
    pub links: Vec<LookupLink>,
    /// What tells this state of it from the next, where it was read alone and the service says so.
    pub etag: Option<Box<str>>,
}

/// The list in which a thing stands that was read whole.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LookupLink {
    /// The names of the fields that lead to its id, with slashes between them.
    pub path: Box<str>,
    /// As sent.
    pub url: Box<str>,
}

/// A field whose value is not what the kind says; in the object it is a stranger.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SchemaMismatch {
    /// JSON Pointer in the names that documents use.
    pub pointer: String,
    /// A sentence that never repeats the value.
    pub message: String,
}

/// A member as a service spelt it, where the description leaves the case to the service.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MemberSpelling {
    /// The described names that lead to it, each after a slash.
    pub path: Box<str>,
    pub name: Box<str>,
}

/// One page of a list.
#[derive(Default)]
pub struct ListPage {
    pub items: Vec<Snapshot>,
    pub signs: PageSigns,
    /// How the members of the items were spelt.
    pub spellings: Vec<MemberSpelling>,
}

/// An answer that cannot be read; a sentence that never repeats the answer.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{message}")]
pub struct DecodeError {
    pub message: String,
    pub hint: Option<String>,
    /// The service says itself that it failed, whatever the status; [`super::complaint::read`] tells why.
    pub service_failed: bool,
}

impl DecodeError {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None, service_failed: false }
    }

    fn with_hint(mut self, hint: &str) -> Self {
        self.hint = Some(hint.to_owned());
        self
    }
}

/// The bytes of a body.
pub fn encode_body(body: &WireValue, format: WireFormat, api: &Api) -> Vec<u8> {
    match format {
        WireFormat::Json => json::encode_body(body, api),
        WireFormat::Jsv => jsv::encode_body(body, api),
    }
}

/// The name of a format, for messages.
pub fn format_name(format: WireFormat) -> &'static str {
    match format {
        WireFormat::Json => "JSON",
        WireFormat::Jsv => "JSV",
    }
}

/// Whether a response is in the wire format that was asked for; gives a content type that says otherwise although
/// the body looks right. An empty body needs no type.
///
/// # Errors
/// When the body shows that it is something else.
pub fn check_content_type(
    response: &HttpResponse,
    expected: WireFormat,
) -> Result<Option<String>, DecodeError> {
    let body = response.body.trim_ascii();
    if body.is_empty() {
        return Ok(None);
    }
    let wanted = format_name(expected);
    let named = find_format(&response.content_type);
    if named == Some(expected) && !is_html(body) {
        return Ok(None);
    }
    if let Some(named) = named.filter(|named| *named != expected) {
        let message = format!("the answer is {} where {wanted} was expected", format_name(named));
        return Err(
            DecodeError::new(message).with_hint("set `format` of the target to what the service answers")
        );
    }
    let looks_right = matches!(body.first(), Some(b'{' | b'['));
    if is_html(body) || (response.content_type.contains("html") && !looks_right) {
        return Err(DecodeError::new(format!("the answer is HTML where {wanted} was expected"))
            .with_hint("look at the base URL and the credentials; a login page looks like this"));
    }
    match response.content_type.as_str() {
        "" | "text/plain" => Ok(None),
        other => {
            let other = super::api_error::sanitize_line(other, 60);
            if looks_right {
                return Ok(Some(other));
            }
            Err(DecodeError::new(format!("the answer is `{other}` where {wanted} was expected"))
                .with_hint("look at the base URL; a proxy may have answered"))
        }
    }
}

/// The wire format that a content type names, if it names one.
pub(super) fn find_format(content_type: &str) -> Option<WireFormat> {
    match content_type.split_once('/')?.1 {
        "json" => Some(WireFormat::Json),
        "jsv" | "x-jsv" => Some(WireFormat::Jsv),
        other if other.ends_with("+json") => Some(WireFormat::Json),
        _ => None,
    }
}

/// Whether a body shows that it is HTML.
pub(super) fn is_html(body: &[u8]) -> bool {
    let start = body.trim_ascii_start();
    let starts = |word: &[u8]| start.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word));
    starts(b"<!doctype") || starts(b"<html") || starts(b"<head") || starts(b"<body")
}

/// What stands next in an answer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// Null, or no answer at all; in JSV an empty token.
    Null,
    Scalar,
    Array,
    Object,
}

/// Whose names the members of an object are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum KeySyntax {
    /// The service's own: plain words.
    Identifier,
    /// Anybody's: any text.
    AnyText,
}

/// A scalar as it stands on the wire.
pub(super) enum WireScalar<'b> {
    String(Cow<'b, str>),
    Plain(&'b str),
    Number(&'b str),
    Boolean(bool),
}

impl WireScalar<'_> {
    fn as_token(&self) -> ScalarToken<'_> {
        match self {
            Self::String(text) => ScalarToken::String(text),
            Self::Plain(text) => ScalarToken::Plain(text),
            Self::Number(text) => ScalarToken::Number(text),
            Self::Boolean(flag) => ScalarToken::Boolean(*flag),
        }
    }
}

/// Why reading stops.
pub(super) enum WireReadError {
    /// The text is broken; nothing after this place can be read.
    Fatal(Box<DecodeError>),
    /// The text is fine, but this is not what the kind says; the field around it can still be passed over.
    TypeMismatch(String),
}

impl From<DecodeError> for WireReadError {
    fn from(fault: DecodeError) -> Self {
        Self::Fatal(Box::new(fault))
    }
}

impl From<WireReadError> for DecodeError {
    fn from(stop: WireReadError) -> Self {
        match stop {
            WireReadError::Fatal(fault) => *fault,
            WireReadError::TypeMismatch(message) => Self::new(message),
        }
    }
}

pub(super) type WireReadResult<T> = Result<T, WireReadError>;

/// A place in the text of an answer; copying it is remembering the place.
pub(super) trait WireLexer<'b>: Copy {
    /// What stands here.
    fn peek_token(&mut self) -> WireReadResult<TokenKind>;

    /// Takes [`TokenKind::Null`].
    fn read_null(&mut self) -> WireReadResult<()>;

    /// Takes [`TokenKind::WireScalar`].
    fn read_scalar(&mut self) -> WireReadResult<WireScalar<'b>>;

    /// Takes [`TokenKind::Array`]; `item` takes each item.
    fn read_array(&mut self, item: impl FnMut(&mut Self) -> WireReadResult<()>) -> WireReadResult<()>;

    /// Takes [`TokenKind::Object`]; `member` gets each name and takes its value.
    fn read_members(
        &mut self,
        keys: KeySyntax,
        member: impl FnMut(&str, &mut Self) -> WireReadResult<()>,
    ) -> WireReadResult<()>;

    /// Takes whatever stands here, which must be well-formed, and gives its text.
    fn skip_value(&mut self) -> WireReadResult<&'b str>;

    /// Nothing may follow.
    fn expect_end(&mut self) -> WireReadResult<()>;
}

/// The text of a body: UTF-8, without a byte order mark.
fn decode_utf8(body: &[u8]) -> Result<&str, DecodeError> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    std::str::from_utf8(body).map_err(|_| DecodeError::new("the answer is not UTF-8"))
}
