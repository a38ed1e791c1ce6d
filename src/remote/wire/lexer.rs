//! What an answer is cut into: tokens, scalars, and why reading stops.
//!
//! JSON and JSV differ only in how a text is cut into tokens; each has a [`WireLexer`] of its own. No message here
//! repeats anything of a body.
//! Deliberately absent: what the tokens mean (`object_reader`, `page`).

use std::borrow::Cow;

use crate::kind::scalar::ScalarToken;

/// How deep an answer may nest.
pub(in crate::remote) const MAX_DEPTH: u8 = 64;

/// An answer that cannot be read; a sentence that never repeats the answer.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{message}")]
pub struct DecodeError {
    pub message: String,
    pub hint: Option<String>,
    /// The service says itself that it failed, whatever the status; `api_error` tells why.
    pub service_failed: bool,
}

impl DecodeError {
    pub(in crate::remote) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None, service_failed: false }
    }

    pub(super) fn with_hint(mut self, hint: &str) -> Self {
        self.hint = Some(hint.to_owned());
        self
    }
}

/// The next token of an answer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::remote) enum TokenKind {
    /// Null, or no answer at all; in JSV an empty token.
    Null,
    Scalar,
    Array,
    Object,
}

/// Whose names the members of an object are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::remote) enum KeySyntax {
    /// The service's own: plain words.
    Identifier,
    /// Anybody's: any text.
    AnyText,
}

/// A scalar as it is on the wire.
pub(in crate::remote) enum WireScalar<'b> {
    String(Cow<'b, str>),
    Plain(&'b str),
    Number(&'b str),
    Boolean(bool),
}

impl WireScalar<'_> {
    pub(super) fn as_token(&self) -> ScalarToken<'_> {
        match self {
            Self::String(text) => ScalarToken::String(text),
            Self::Plain(text) => ScalarToken::Plain(text),
            Self::Number(text) => ScalarToken::Number(text),
            Self::Boolean(flag) => ScalarToken::Boolean(*flag),
        }
    }
}

/// Why reading stops.
pub(in crate::remote) enum WireReadError {
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

pub(in crate::remote) type WireReadResult<T> = Result<T, WireReadError>;

/// A place in the text of an answer; copying it is remembering the place.
pub(in crate::remote) trait WireLexer<'b>: Copy {
    /// What comes next.
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

    /// Takes whatever comes next, which must be well-formed, and gives its text.
    fn skip_value(&mut self) -> WireReadResult<&'b str>;

    /// Nothing may follow.
    fn expect_end(&mut self) -> WireReadResult<()>;
}

/// The text of a body: UTF-8, without a byte order mark.
pub(super) fn decode_utf8(body: &[u8]) -> Result<&str, DecodeError> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    std::str::from_utf8(body).map_err(|_| DecodeError::new("the answer is not UTF-8"))
}

/// Reads everything there is.
pub(super) fn read_to_end<'b, L: WireLexer<'b>, T>(
    mut lexer: L,
    read: impl FnOnce(&mut L) -> WireReadResult<T>,
) -> WireReadResult<T> {
    let read = read(&mut lexer)?;
    lexer.expect_end()?;
    Ok(read)
}

/// The text of a scalar, or nothing.
pub(super) fn read_scalar_text<'b, L: WireLexer<'b>>(lexer: &mut L) -> WireReadResult<Option<Box<str>>> {
    match lexer.peek_token()? {
        TokenKind::Null => lexer.read_null().map(|()| None),
        TokenKind::Scalar => match lexer.read_scalar()? {
            WireScalar::Plain("null") => Ok(None),
            scalar => Ok(Some(into_text(scalar))),
        },
        TokenKind::Array | TokenKind::Object => {
            Err(build_error("the answer has a list or object where it tells of pages"))
        }
    }
}

/// The text of a scalar; services that keep text answer a number or a flag where it looks like one.
pub(super) fn into_text(scalar: WireScalar) -> Box<str> {
    match scalar {
        WireScalar::String(text) => text.into(),
        WireScalar::Plain(text) | WireScalar::Number(text) => text.into(),
        WireScalar::Boolean(flag) => flag.to_string().into(),
    }
}

/// An error with this message.
pub(super) fn build_error(message: &str) -> WireReadError {
    DecodeError::new(message).into()
}
