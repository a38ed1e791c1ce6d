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

use super::wire::{Ahead, Keys, Lexer, MAX_DEPTH, Scalar, Step, Stop, Unreadable};
use crate::exchange::Wire;
use crate::kind::Api;

/// A body as compact JSON.
pub(super) fn encode(body: &Wire, api: &Api) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024);
    write(body, api, &mut out);
    out
}

fn write(wire: &Wire, api: &Api, out: &mut Vec<u8>) {
    match wire {
        Wire::Null => out.extend_from_slice(b"null"),
        Wire::Flag(true) => out.extend_from_slice(b"true"),
        Wire::Flag(false) => out.extend_from_slice(b"false"),
        Wire::Number(text) | Wire::Raw(text) => out.extend_from_slice(text.as_bytes()),
        Wire::Text(text) | Wire::Moment(text) => quote(text, out),
        Wire::Guid(guid) => quote(&api.guid_text(*guid), out),
        Wire::List(items) => {
            out.push(b'[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                write(item, api, out);
            }
            out.push(b']');
        }
        Wire::Object(members) => {
            out.push(b'{');
            for (at, (name, value)) in members.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                quote(name, out);
                out.push(b':');
                write(value, api, out);
            }
            out.push(b'}');
        }
    }
}

fn quote(text: &str, out: &mut Vec<u8>) {
    serde_json::to_writer(out, text).expect("memory takes any text");
}

/// A place in a JSON text.
#[derive(Clone, Copy)]
pub(super) struct Json<'b> {
    text: &'b str,
    rest: &'b [u8],
    depth: u8,
}

impl<'b> Json<'b> {
    pub(super) fn new(text: &'b str) -> Self {
        Self { text, rest: text.as_bytes(), depth: 0 }
    }

    fn lex<T>(&mut self, step: impl FnOnce(&mut SliceLexer<'b>) -> T) -> T {
        let mut lexer = SliceLexer::new(self.rest);
        let out = step(&mut lexer);
        self.rest = lexer.as_slice();
        out
    }

    /// The next byte that is not layout.
    fn next(&mut self) -> Option<u8> {
        if let Some(byte) = self.rest.first().filter(|byte| **byte > b' ') {
            return Some(*byte);
        }
        self.lex(|lexer| lexer.ws_peek())
    }

    fn takes(&mut self, byte: u8) -> bool {
        let is_next = self.next() == Some(byte);
        if is_next {
            self.rest = self.rest.get(1..).unwrap_or_default();
        }
        is_next
    }

    fn at(&self) -> usize {
        self.text.len() - self.rest.len()
    }

    fn fault(&self, what: &str) -> Stop {
        Unreadable::new(format!("this is not JSON: {what} at byte {}", self.at())).into()
    }

    fn enter(&mut self, open: u8) -> Step<()> {
        if !self.takes(open) {
            return Err(self.fault("a value expected"));
        }
        if self.depth == MAX_DEPTH {
            return Err(
                Unreadable::new(format!("the answer is nested deeper than {MAX_DEPTH} levels")).into()
            );
        }
        self.depth += 1;
        Ok(())
    }

    /// What stands between two items: whether there is another one.
    fn another(&mut self, close: u8) -> Step<bool> {
        if self.takes(b',') {
            return Ok(true);
        }
        if self.takes(close) {
            return Ok(false);
        }
        Err(self.fault("a comma or the end of a list or object expected"))
    }

    /// The rest of a text that is open, when it stands there as it is meant: most do, and need no lexer.
    fn plain_text(&mut self) -> Option<&'b str> {
        let length = plain_length(self.rest)?;
        let (inner, rest) = self.rest.split_at_checked(length)?;
        let rest = rest.strip_prefix(b"\"")?;
        let start = self.at();
        let text = self.text.get(start..start + inner.len())?;
        self.rest = rest;
        Some(text)
    }

    fn name(&mut self) -> Step<Cow<'b, str>> {
        if !self.takes(b'"') {
            return Err(self.fault("a name expected"));
        }
        let name = match self.plain_text() {
            Some(name) => Cow::Borrowed(name),
            None => self.lex(|lexer| lexer.str_string()).map_err(|_| self.fault("a broken name"))?,
        };
        if self.takes(b':') { Ok(name) } else { Err(self.fault("a colon expected")) }
    }

    fn number(&mut self) -> Step<&'b str> {
        let number = self.lex(|lexer| lexer.num_string().validated());
        number.map(|(text, _)| text).map_err(|_| self.fault("a broken number"))
    }

    fn word(&mut self) -> Step<Option<bool>> {
        self.lex(|lexer| lexer.null_or_bool()).ok_or_else(|| self.fault("a value expected"))
    }

    fn pass(&mut self) -> Step<()> {
        match self.ahead()? {
            Ahead::List => self.list(Self::pass),
            Ahead::Object => self.members(Keys::Free, |_, lexer| lexer.pass()),
            Ahead::Nothing => self.nothing(),
            Ahead::Scalar if self.next() == Some(b'"') => {
                self.rest = self.rest.get(1..).unwrap_or_default();
                if self.plain_text().is_some() {
                    return Ok(());
                }
                self.lex(|lexer| lexer.str_ignore()).map_err(|_| self.fault("a broken text"))
            }
            Ahead::Scalar => self.scalar().map(drop),
        }
    }
}

/// Where the first byte stands that means something in a text: a quote, a backslash or a control character.
/// Eight bytes at a time, for texts are most of an answer.
fn plain_length(bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const HIGH: u64 = ONES << 7;
    // the high bit of each byte that is less than `most`; above the first such byte there may be false ones
    let below = |word: u64, most: u8| word.wrapping_sub(ONES * u64::from(most)) & !word & HIGH;
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

impl<'b> Lexer<'b> for Json<'b> {
    fn ahead(&mut self) -> Step<Ahead> {
        match self.next() {
            Some(b'n') => Ok(Ahead::Nothing),
            None if self.depth == 0 => Ok(Ahead::Nothing),
            Some(b'"' | b't' | b'f' | b'-' | b'0'..=b'9') => Ok(Ahead::Scalar),
            Some(b'[') => Ok(Ahead::List),
            Some(b'{') => Ok(Ahead::Object),
            _ => Err(self.fault("a value expected")),
        }
    }

    fn nothing(&mut self) -> Step<()> {
        if self.next().is_none() && self.depth == 0 {
            return Ok(());
        }
        match self.word()? {
            None => Ok(()),
            Some(_) => Err(self.fault("null expected")),
        }
    }

    fn scalar(&mut self) -> Step<Scalar<'b>> {
        match self.next() {
            Some(b'"') => {
                self.rest = self.rest.get(1..).unwrap_or_default();
                if let Some(text) = self.plain_text() {
                    return Ok(Scalar::Text(Cow::Borrowed(text)));
                }
                let text = self.lex(|lexer| lexer.str_string());
                match text {
                    Ok(text) => Ok(Scalar::Text(text)),
                    // the text ends where it should, but half of a surrogate pair is no character
                    Err(error) if error.is_unicode_error() => {
                        Err(Stop::Misfit("this text holds half a character".into()))
                    }
                    Err(_) => Err(self.fault("a broken text")),
                }
            }
            Some(b't' | b'f') => match self.word()? {
                Some(flag) => Ok(Scalar::Flag(flag)),
                None => Err(self.fault("true or false expected")),
            },
            _ => self.number().map(Scalar::Number),
        }
    }

    fn list(&mut self, mut item: impl FnMut(&mut Self) -> Step<()>) -> Step<()> {
        self.enter(b'[')?;
        if !self.takes(b']') {
            loop {
                item(self)?;
                if !self.another(b']')? {
                    break;
                }
            }
        }
        self.depth -= 1;
        Ok(())
    }

    fn members(&mut self, _: Keys, mut member: impl FnMut(&str, &mut Self) -> Step<()>) -> Step<()> {
        self.enter(b'{')?;
        if !self.takes(b'}') {
            loop {
                let name = self.name()?;
                member(&name, self)?;
                if !self.another(b'}')? {
                    break;
                }
            }
        }
        self.depth -= 1;
        Ok(())
    }

    fn skip(&mut self) -> Step<&'b str> {
        self.next();
        let start = self.at();
        self.pass()?;
        self.text.get(start..self.at()).ok_or_else(|| self.fault("a broken character"))
    }

    fn finish(&mut self) -> Step<()> {
        match self.next() {
            None => Ok(()),
            Some(_) => Err(self.fault("the end expected")),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::plain_length;

    proptest! {
        #[test]
        fn the_end_of_a_plain_text_is_found(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let ends = |byte: &u8| *byte == b'"' || *byte == b'\\' || *byte < b' ';
            prop_assert_eq!(plain_length(&bytes), bytes.iter().position(ends));
            let harmless: Vec<u8> = bytes.iter().map(|byte| byte | 0x80).chain(*b"\x1f").collect();
            prop_assert_eq!(plain_length(&harmless), Some(bytes.len()));
        }
    }
}
