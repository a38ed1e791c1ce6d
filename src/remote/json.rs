//! JSON: bodies out, tokens in.
//!
//! Reading is a thin layer over hifijson's lexer: numbers stay text, texts are borrowed where they have no
//! escapes, depth is bounded, and a place can be remembered and returned to, which is how the exact text of a
//! value is had. What the tokens mean is decided in `wire`.

use std::borrow::Cow;

use hifijson::SliceLexer;
use hifijson::num::LexWrite as _;
use hifijson::str::{Lex as _, LexAlloc as _};
use hifijson::token::Lex as _;

use super::wire::lexer::{
    DecodeError, KeySyntax, MAX_DEPTH, TokenKind, WireLexer, WireReadError, WireReadResult, WireScalar,
};
use crate::exchange::WireValue;
use crate::kind::Api;

/// A body as compact JSON.
pub(super) fn encode_body(body: &WireValue, api: &Api) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024);
    write_value(body, api, &mut out);
    out
}

fn write_value(wire: &WireValue, api: &Api, out: &mut Vec<u8>) {
    match wire {
        WireValue::Null => out.extend_from_slice(b"null"),
        WireValue::Boolean(true) => out.extend_from_slice(b"true"),
        WireValue::Boolean(false) => out.extend_from_slice(b"false"),
        WireValue::Number(text) | WireValue::Raw(text) => out.extend_from_slice(text.as_bytes()),
        WireValue::String(text) | WireValue::DateTime(text) => write_string(text, out),
        WireValue::Uuid(guid) => write_string(&api.render_uuid(*guid), out),
        WireValue::Array(items) => {
            out.push(b'[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                write_value(item, api, out);
            }
            out.push(b']');
        }
        WireValue::Object(members) => {
            out.push(b'{');
            for (at, (name, value)) in members.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                write_string(name, out);
                out.push(b':');
                write_value(value, api, out);
            }
            out.push(b'}');
        }
    }
}

fn write_string(text: &str, out: &mut Vec<u8>) {
    serde_json::to_writer(out, text).expect("memory takes any text");
}

/// A place in a JSON text.
#[derive(Clone, Copy)]
pub(super) struct JsonLexer<'b> {
    text: &'b str,
    rest: &'b [u8],
    depth: u8,
}

impl<'b> JsonLexer<'b> {
    pub(super) fn new(text: &'b str) -> Self {
        Self { text, rest: text.as_bytes(), depth: 0 }
    }

    fn run_lexer<T>(&mut self, step: impl FnOnce(&mut SliceLexer<'b>) -> T) -> T {
        let mut lexer = SliceLexer::new(self.rest);
        let out = step(&mut lexer);
        self.rest = lexer.as_slice();
        out
    }

    /// The next byte that is not layout.
    fn peek_byte(&mut self) -> Option<u8> {
        if let Some(byte) = self.rest.first().filter(|byte| **byte > b' ') {
            return Some(*byte);
        }
        self.run_lexer(|lexer| lexer.ws_peek())
    }

    fn consume_byte(&mut self, byte: u8) -> bool {
        let is_next = self.peek_byte() == Some(byte);
        if is_next {
            self.rest = self.rest.get(1..).unwrap_or_default();
        }
        is_next
    }

    fn offset(&self) -> usize {
        self.text.len() - self.rest.len()
    }

    fn build_error(&self, what: &str) -> WireReadError {
        DecodeError::new(format!("this is not JSON: {what} at byte {}", self.offset())).into()
    }

    fn enter_container(&mut self, open: u8) -> WireReadResult<()> {
        if !self.consume_byte(open) {
            return Err(self.build_error("a value expected"));
        }
        if self.depth == MAX_DEPTH {
            return Err(
                DecodeError::new(format!("the answer is nested deeper than {MAX_DEPTH} levels")).into()
            );
        }
        self.depth += 1;
        Ok(())
    }

    /// What stands between two items: whether there is another one.
    fn read_separator(&mut self, close: u8) -> WireReadResult<bool> {
        if self.consume_byte(b',') {
            return Ok(true);
        }
        if self.consume_byte(close) {
            return Ok(false);
        }
        Err(self.build_error("a comma or the end of a list or object expected"))
    }

    /// The rest of a text that is open, when it stands there as it is meant: most do, and need no lexer.
    fn read_plain_string(&mut self) -> Option<&'b str> {
        let length = measure_plain_prefix(self.rest)?;
        let (inner, rest) = self.rest.split_at_checked(length)?;
        let rest = rest.strip_prefix(b"\"")?;
        let start = self.offset();
        let text = self.text.get(start..start + inner.len())?;
        self.rest = rest;
        Some(text)
    }

    fn read_name(&mut self) -> WireReadResult<Cow<'b, str>> {
        if !self.consume_byte(b'"') {
            return Err(self.build_error("a name expected"));
        }
        let name = match self.read_plain_string() {
            Some(name) => Cow::Borrowed(name),
            None => {
                self.run_lexer(|lexer| lexer.str_string()).map_err(|_| self.build_error("a broken name"))?
            }
        };
        if self.consume_byte(b':') { Ok(name) } else { Err(self.build_error("a colon expected")) }
    }

    fn read_number(&mut self) -> WireReadResult<&'b str> {
        let number = self.run_lexer(|lexer| lexer.num_string().validated());
        number.map(|(text, _)| text).map_err(|_| self.build_error("a broken number"))
    }

    fn read_literal(&mut self) -> WireReadResult<Option<bool>> {
        self.run_lexer(|lexer| lexer.null_or_bool()).ok_or_else(|| self.build_error("a value expected"))
    }

    fn skip_nested(&mut self) -> WireReadResult<()> {
        match self.peek_token()? {
            TokenKind::Array => self.read_array(Self::skip_nested),
            TokenKind::Object => self.read_members(KeySyntax::AnyText, |_, lexer| lexer.skip_nested()),
            TokenKind::Null => self.read_null(),
            TokenKind::Scalar if self.peek_byte() == Some(b'"') => {
                self.rest = self.rest.get(1..).unwrap_or_default();
                if self.read_plain_string().is_some() {
                    return Ok(());
                }
                self.run_lexer(|lexer| lexer.str_ignore()).map_err(|_| self.build_error("a broken text"))
            }
            TokenKind::Scalar => self.read_scalar().map(drop),
        }
    }
}

/// Where the first byte stands that means something in a text: a quote, a backslash or a control character.
/// Eight bytes at a time, for texts are most of an answer.
fn measure_plain_prefix(bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const HIGH_BITS: u64 = ONES << 7;
    // the high bit of each byte that is less than `most`; above the first such byte there may be false ones
    let below = |word: u64, most: u8| word.wrapping_sub(ONES * u64::from(most)) & !word & HIGH_BITS;
    let (words, rest) = bytes.as_chunks::<8>();
    for (number, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let same = |byte: u8| below(word ^ (ONES * u64::from(byte)), 1);
        let hits = same(b'"') | same(b'\\') | below(word, b' ');
        if hits != 0 {
            return Some(number * 8 + hits.trailing_zeros() as usize / 8);
        }
    }
    let ends = |byte: &u8| *byte == b'"' || *byte == b'\\' || *byte < b' ';
    rest.iter().position(ends).map(|at| words.len() * 8 + at)
}

impl<'b> WireLexer<'b> for JsonLexer<'b> {
    fn peek_token(&mut self) -> WireReadResult<TokenKind> {
        match self.peek_byte() {
            Some(b'n') => Ok(TokenKind::Null),
            None if self.depth == 0 => Ok(TokenKind::Null),
            Some(b'"' | b't' | b'f' | b'-' | b'0'..=b'9') => Ok(TokenKind::Scalar),
            Some(b'[') => Ok(TokenKind::Array),
            Some(b'{') => Ok(TokenKind::Object),
            _ => Err(self.build_error("a value expected")),
        }
    }

    fn read_null(&mut self) -> WireReadResult<()> {
        if self.peek_byte().is_none() && self.depth == 0 {
            return Ok(());
        }
        match self.read_literal()? {
            None => Ok(()),
            Some(_) => Err(self.build_error("null expected")),
        }
    }

    fn read_scalar(&mut self) -> WireReadResult<WireScalar<'b>> {
        match self.peek_byte() {
            Some(b'"') => {
                self.rest = self.rest.get(1..).unwrap_or_default();
                if let Some(text) = self.read_plain_string() {
                    return Ok(WireScalar::String(Cow::Borrowed(text)));
                }
                let text = self.run_lexer(|lexer| lexer.str_string());
                match text {
                    Ok(text) => Ok(WireScalar::String(text)),
                    // the text ends where it should, but half of a surrogate pair is no character
                    Err(error) if error.is_unicode_error() => {
                        Err(WireReadError::TypeMismatch("this text holds half a character".into()))
                    }
                    Err(_) => Err(self.build_error("a broken text")),
                }
            }
            Some(b't' | b'f') => match self.read_literal()? {
                Some(flag) => Ok(WireScalar::Boolean(flag)),
                None => Err(self.build_error("true or false expected")),
            },
            _ => self.read_number().map(WireScalar::Number),
        }
    }

    fn read_array(&mut self, mut item: impl FnMut(&mut Self) -> WireReadResult<()>) -> WireReadResult<()> {
        self.enter_container(b'[')?;
        if !self.consume_byte(b']') {
            loop {
                item(self)?;
                if !self.read_separator(b']')? {
                    break;
                }
            }
        }
        self.depth -= 1;
        Ok(())
    }

    fn read_members(
        &mut self,
        _: KeySyntax,
        mut member: impl FnMut(&str, &mut Self) -> WireReadResult<()>,
    ) -> WireReadResult<()> {
        self.enter_container(b'{')?;
        if !self.consume_byte(b'}') {
            loop {
                let name = self.read_name()?;
                member(&name, self)?;
                if !self.read_separator(b'}')? {
                    break;
                }
            }
        }
        self.depth -= 1;
        Ok(())
    }

    fn skip_value(&mut self) -> WireReadResult<&'b str> {
        self.peek_byte();
        let start = self.offset();
        self.skip_nested()?;
        self.text.get(start..self.offset()).ok_or_else(|| self.build_error("a broken character"))
    }

    fn expect_end(&mut self) -> WireReadResult<()> {
        match self.peek_byte() {
            None => Ok(()),
            Some(_) => Err(self.build_error("the end expected")),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::measure_plain_prefix;

    proptest! {
        #[test]
        fn the_end_of_a_plain_text_is_found(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let ends = |byte: &u8| *byte == b'"' || *byte == b'\\' || *byte < b' ';
            prop_assert_eq!(measure_plain_prefix(&bytes), bytes.iter().position(ends));
            let harmless: Vec<u8> = bytes.iter().map(|byte| byte | 0x80).chain(*b"\x1f").collect();
            prop_assert_eq!(measure_plain_prefix(&harmless), Some(bytes.len()));
        }
    }
}
