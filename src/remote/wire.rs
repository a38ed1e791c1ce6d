//! The wire formats: bodies to bytes, and answers to the typed tree under the kind's guidance.
//!
//! JSON and JSV differ only in how a text is cut into tokens ([`Lexer`]); everything above the tokens is one
//! reader, so the same data mean the same in either. What does not fit the kind is not lost and not guessed:
//! it stays a stranger with a [`Misread`] beside it, and nobody should write an object that has one.
//! Depth and number of values are bounded. No message here repeats anything of a body.
//! Deliberately absent: HTTP, and what a difference means.

mod page;
mod things;
mod typed;

use std::borrow::Cow;

use crate::exchange::{Response, Wire};
use crate::kind::leaf::Token;
use crate::kind::{Api, FormatWord};
use crate::remote::{json, jsv};
use crate::value::Object;

pub use page::{
    despite_success, glance, read_any, read_id, read_object, read_page, read_page_with, read_spelt,
};
pub use things::{Columns, Row, read_things};

/// How deep an answer may nest.
pub(super) const MAX_DEPTH: u8 = 64;

/// An object as it was read.
#[derive(Clone)]
pub struct Live {
    pub object: Object,
    /// What did not fit the kind. While there is any, the object must not be written: its strangers may
    /// stand for fields that the document manages.
    pub misread: Vec<Misread>,
    /// Where the things stand whose ids it holds, as far as the service tells.
    pub links: Vec<Link>,
    /// What tells this state of it from the next, where it was read alone and the service says so.
    pub etag: Option<Box<str>>,
}

/// The list in which a thing stands that was read whole.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Link {
    /// The names of the fields that lead to its id, with slashes between them.
    pub path: Box<str>,
    /// As sent.
    pub url: Box<str>,
}

/// A field whose value is not what the kind says; in the object it is a stranger.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Misread {
    /// JSON Pointer in the names that documents use.
    pub pointer: String,
    /// A sentence that never repeats the value.
    pub message: String,
}

/// A member as a service spelt it, where the description leaves the case to the service.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Spelt {
    /// The described names that lead to it, each after a slash.
    pub path: Box<str>,
    pub name: Box<str>,
}

/// One page of a list.
#[derive(Default)]
pub struct Page {
    pub items: Vec<Live>,
    pub has_more: Option<bool>,
    /// Some services count only when asked to, and say 0 otherwise.
    pub total: Option<u64>,
    /// The URL of the next page, as sent.
    pub next: Option<String>,
    /// How the members of the items were spelt.
    pub spelt: Vec<Spelt>,
}

/// An answer that cannot be read; a sentence that never repeats the answer.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{message}")]
pub struct Unreadable {
    pub message: String,
    pub hint: Option<String>,
    /// The service says itself that it failed, whatever the status; [`super::complaint::read`] tells why.
    pub failed: bool,
}

impl Unreadable {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None, failed: false }
    }

    fn hint(mut self, hint: &str) -> Self {
        self.hint = Some(hint.to_owned());
        self
    }
}

/// The bytes of a body.
pub fn encode(body: &Wire, format: FormatWord, api: &Api) -> Vec<u8> {
    match format {
        FormatWord::Json => json::encode(body, api),
        FormatWord::Jsv => jsv::encode(body, api),
    }
}

/// The name of a format, for messages.
fn word(format: FormatWord) -> &'static str {
    match format {
        FormatWord::Json => "JSON",
        FormatWord::Jsv => "JSV",
    }
}

/// Whether an answer says that it is in the wire format that was asked for. No type at all, or plain text, is
/// left to the reader; an empty body needs no type.
///
/// # Errors
/// When it says, or shows, that it is something else.
pub fn check_content_type(response: &Response, expected: FormatWord) -> Result<(), Unreadable> {
    let body = response.body.trim_ascii();
    if body.is_empty() {
        return Ok(());
    }
    let wanted = word(expected);
    if response.content_type.contains("html") || is_html(body) {
        return Err(Unreadable::new(format!("the answer is HTML where {wanted} was expected"))
            .hint("look at the base URL and the credentials; a login page looks like this"));
    }
    match (named_format(&response.content_type), expected) {
        (Some(named), _) if named == expected => Ok(()),
        (Some(named), _) => {
            Err(Unreadable::new(format!("the answer is {} where {wanted} was expected", word(named)))
                .hint("set `format` of the target to what the service answers"))
        }
        (None, _) if matches!(response.content_type.as_str(), "" | "text/plain") => Ok(()),
        (None, _) => {
            let named = super::complaint::tidy(&response.content_type, 60);
            Err(Unreadable::new(format!("the answer is `{named}` where {wanted} was expected"))
                .hint("look at the base URL; a proxy may have answered"))
        }
    }
}

/// The wire format that a content type names, if it names one.
pub(super) fn named_format(content_type: &str) -> Option<FormatWord> {
    match content_type.split_once('/')?.1 {
        "json" => Some(FormatWord::Json),
        "jsv" | "x-jsv" => Some(FormatWord::Jsv),
        other if other.ends_with("+json") => Some(FormatWord::Json),
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
pub(super) enum Ahead {
    /// Null, or no answer at all; in JSV an empty token.
    Nothing,
    Scalar,
    List,
    Object,
}

/// Whose names the members of an object are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Keys {
    /// The service's own: plain words.
    Fixed,
    /// Anybody's: any text.
    Free,
}

/// A scalar as it stands on the wire.
pub(super) enum Scalar<'b> {
    Text(Cow<'b, str>),
    Bare(&'b str),
    Number(&'b str),
    Flag(bool),
}

impl Scalar<'_> {
    fn token(&self) -> Token<'_> {
        match self {
            Self::Text(text) => Token::Text(text),
            Self::Bare(text) => Token::Bare(text),
            Self::Number(text) => Token::Number(text),
            Self::Flag(flag) => Token::Flag(*flag),
        }
    }
}

/// Why reading stops.
pub(super) enum Stop {
    /// The text is broken; nothing after this place can be read.
    Fault(Box<Unreadable>),
    /// The text is fine, but this is not what the kind says; the field around it can still be passed over.
    Misfit(String),
}

impl From<Unreadable> for Stop {
    fn from(fault: Unreadable) -> Self {
        Self::Fault(Box::new(fault))
    }
}

impl From<Stop> for Unreadable {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Fault(fault) => *fault,
            Stop::Misfit(message) => Self::new(message),
        }
    }
}

pub(super) type Step<T> = Result<T, Stop>;

/// A place in the text of an answer; copying it is remembering the place.
pub(super) trait Lexer<'b>: Copy {
    /// What stands here.
    fn ahead(&mut self) -> Step<Ahead>;

    /// Takes [`Ahead::Nothing`].
    fn nothing(&mut self) -> Step<()>;

    /// Takes [`Ahead::Scalar`].
    fn scalar(&mut self) -> Step<Scalar<'b>>;

    /// Takes [`Ahead::List`]; `item` takes each item.
    fn list(&mut self, item: impl FnMut(&mut Self) -> Step<()>) -> Step<()>;

    /// Takes [`Ahead::Object`]; `member` gets each name and takes its value.
    fn members(&mut self, keys: Keys, member: impl FnMut(&str, &mut Self) -> Step<()>) -> Step<()>;

    /// Takes whatever stands here, which must be well-formed, and gives its text.
    fn skip(&mut self) -> Step<&'b str>;

    /// Nothing may follow.
    fn finish(&mut self) -> Step<()>;
}

/// The text of a body: UTF-8, without a byte order mark.
fn text(body: &[u8]) -> Result<&str, Unreadable> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    std::str::from_utf8(body).map_err(|_| Unreadable::new("the answer is not UTF-8"))
}
