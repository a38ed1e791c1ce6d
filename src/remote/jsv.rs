//! JSV, the format of ServiceStack: bodies out, tokens in; exactly as its own serializer writes it.
//!
//! There is no layout: a blank is data. A text that holds one of nine characters stands in quotes, with inner
//! quotes doubled; there is no other escape. Null members are left out, and nothing tells a number from a
//! text, so types come from the kind alone. The reader is strict where the service's own silently loses data:
//! pretty-printed JSV, JSON taken for JSV, an open quote are refused rather than half understood.
//! What the tokens mean is decided in `wire`.

use std::borrow::Cow;

use super::wire::lexer::{
    DecodeError, KeySyntax, MAX_DEPTH, TokenKind, WireLexer, WireReadError, WireReadResult, WireScalar,
};
use crate::exchange::WireValue;
use crate::kind::Api;

/// A text that holds one of these stands in quotes.
const SPECIAL_CHARS: [char; 9] = ['"', ':', ',', '{', '}', '[', ']', '\r', '\n'];

/// A body as JSV.
pub(super) fn encode_body(body: &WireValue, api: &Api) -> Vec<u8> {
    let mut out = String::with_capacity(1024);
    write_value(body, api, &mut out);
    out.into_bytes()
}

fn write_value(wire: &WireValue, api: &Api, out: &mut String) {
    match wire {
        WireValue::Null => {}
        WireValue::Boolean(true) => out.push_str("True"),
        WireValue::Boolean(false) => out.push_str("False"),
        WireValue::Number(text) | WireValue::Raw(text) => out.push_str(text),
        WireValue::DateTime(text) => write_datetime(text, out),
        WireValue::String(text) => write_string(text, out),
        WireValue::Uuid(guid) => out.push_str(&api.render_uuid(*guid)),
        WireValue::Array(items) => write_array(items, api, out),
        WireValue::Object(members) => write_members(members, api, out),
    }
}

fn write_array(items: &[WireValue], api: &Api, out: &mut String) {
    // among objects null is written as an empty one, among scalars as nothing at all
    let objects = items.iter().any(|item| matches!(item, WireValue::Object(_)));
    out.push('[');
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        match item {
            WireValue::Null if objects => out.push_str("{}"),
            item => write_value(item, api, out),
        }
    }
    out.push(']');
}

fn write_members(members: &[(String, WireValue)], api: &Api, out: &mut String) {
    out.push('{');
    let mut first = true;
    for (name, value) in members.iter().filter(|(_, value)| !is_null(value)) {
        if !first {
            out.push(',');
        }
        first = false;
        write_string(name, out);
        out.push(':');
        write_value(value, api, out);
    }
    out.push('}');
}

/// Null, also when a service sent it as an empty token.
fn is_null(wire: &WireValue) -> bool {
    match wire {
        WireValue::Null => true,
        WireValue::Raw(raw) => raw.is_empty(),
        _ => false,
    }
}

fn write_string(text: &str, out: &mut String) {
    if !needs_quotes(text) {
        out.push_str(text);
        return;
    }
    out.push('"');
    for (at, part) in text.split('"').enumerate() {
        if at > 0 {
            out.push_str("\"\"");
        }
        out.push_str(part);
    }
    out.push('"');
}

/// A date or a time stands bare although it has colons.
fn write_datetime(text: &str, out: &mut String) {
    match needs_quotes(&text.replace(':', "")) {
        true => write_string(text, out),
        false => out.push_str(text),
    }
}

fn needs_quotes(text: &str) -> bool {
    text.is_empty() || text.contains(SPECIAL_CHARS)
}

/// A place in a JSV text.
#[derive(Clone, Copy)]
pub(super) struct JsvLexer<'b> {
    length: usize,
    rest: &'b str,
    /// Whether this is inside a list or an object; outside of both a bare text runs to the end.
    in_container: bool,
    depth: u8,
}

impl<'b> JsvLexer<'b> {
    pub(super) fn new(text: &'b str) -> Self {
        Self { length: text.len(), rest: text, in_container: false, depth: 0 }
    }

    fn consume_token(&mut self, token: char) -> bool {
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// Takes that many bytes.
    fn take_bytes(&mut self, bytes: usize) -> &'b str {
        let (taken, rest) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, ""));
        self.rest = rest;
        taken
    }

    fn build_error(&self, what: &str) -> WireReadError {
        DecodeError::new(format!("this is not JSV: {what} at byte {}", self.length - self.rest.len())).into()
    }

    fn enter_container(&mut self, open: char) -> WireReadResult<()> {
        if !self.consume_token(open) {
            return Err(self.build_error("a list or object expected"));
        }
        if self.depth == MAX_DEPTH {
            return Err(self.build_depth_error());
        }
        self.depth += 1;
        Ok(())
    }

    fn build_depth_error(&self) -> WireReadError {
        DecodeError::new(format!("the answer is nested deeper than {MAX_DEPTH} levels")).into()
    }

    /// What stands between two items: whether there is another one.
    fn read_separator(&mut self, close: char) -> WireReadResult<bool> {
        if self.consume_token(',') {
            return Ok(true);
        }
        if self.consume_token(close) {
            return Ok(false);
        }
        Err(self.build_error("a comma or the end of a list or object expected"))
    }

    /// A text in quotes.
    fn read_quoted(&mut self) -> WireReadResult<Cow<'b, str>> {
        let whole = self.rest.get(1..).unwrap_or_default();
        let (mut body, mut text) = (whole, Cow::Borrowed(""));
        loop {
            let Some((part, after)) = body.split_once('"') else {
                return Err(self.build_error("a quote that is never closed"));
            };
            let doubled = after.strip_prefix('"');
            match (&mut text, doubled) {
                (Cow::Borrowed(""), None) => text = Cow::Borrowed(part),
                (text, None) => text.to_mut().push_str(part),
                (text, Some(_)) => {
                    text.to_mut().push_str(part);
                    text.to_mut().push('"');
                }
            }
            match doubled {
                Some(after) => body = after,
                None => {
                    self.rest = after;
                    return Ok(text);
                }
            }
        }
    }

    /// A text without quotes; it may hold colons, quotes and opening brackets, as the service reads it.
    fn read_unquoted(&mut self) -> &'b str {
        let end = if self.in_container { self.rest.find([',', '}', ']']) } else { None };
        self.take_bytes(end.unwrap_or(self.rest.len()))
    }

    /// From a bracket to the one that matches it; brackets in quotes do not count.
    fn read_bracketed(&mut self) -> WireReadResult<&'b str> {
        let (mut open, mut quoted) = (Vec::new(), false);
        for (at, byte) in self.rest.bytes().enumerate() {
            match byte {
                b'"' => quoted = !quoted,
                _ if quoted => {}
                b'{' => open.push(b'}'),
                b'[' => open.push(b']'),
                b'}' | b']' if open.pop() != Some(byte) => {
                    return Err(self.build_error("a bracket without its pair"));
                }
                b'}' | b']' if open.is_empty() => return Ok(self.take_bytes(at + 1)),
                _ => {}
            }
            if open.len() > usize::from(MAX_DEPTH - self.depth) {
                return Err(self.build_depth_error());
            }
        }
        Err(self.build_error("a bracket that is never closed"))
    }

    fn read_name(&mut self, keys: KeySyntax) -> WireReadResult<Cow<'b, str>> {
        let name = if self.rest.starts_with('"') {
            let name = self.read_quoted()?;
            if keys == KeySyntax::Identifier && !needs_quotes(&name) {
                return Err(self.build_error("a quoted name (is it JSON?)"));
            }
            name
        } else {
            let end = self.rest.find(SPECIAL_CHARS).unwrap_or(self.rest.len());
            let name = self.take_bytes(end);
            if name.is_empty() {
                return Err(self.build_error("a name expected"));
            }
            if keys == KeySyntax::Identifier && name.trim() != name {
                return Err(self.build_error("a blank beside a name"));
            }
            Cow::Borrowed(name)
        };
        if self.consume_token(':') { Ok(name) } else { Err(self.build_error("a colon expected")) }
    }
}

impl<'b> WireLexer<'b> for JsvLexer<'b> {
    fn peek_token(&mut self) -> WireReadResult<TokenKind> {
        Ok(match self.rest.as_bytes().first() {
            Some(b'{') => TokenKind::Object,
            Some(b'[') => TokenKind::Array,
            None => TokenKind::Null,
            Some(b',' | b'}' | b']') if self.in_container => TokenKind::Null,
            Some(_) => TokenKind::Scalar,
        })
    }

    fn read_null(&mut self) -> WireReadResult<()> {
        Ok(())
    }

    fn read_scalar(&mut self) -> WireReadResult<WireScalar<'b>> {
        if self.rest.starts_with('"') {
            return self.read_quoted().map(WireScalar::String);
        }
        Ok(WireScalar::Plain(self.read_unquoted()))
    }

    fn read_array(&mut self, mut item: impl FnMut(&mut Self) -> WireReadResult<()>) -> WireReadResult<()> {
        self.enter_container('[')?;
        if !self.consume_token(']') {
            let outside = std::mem::replace(&mut self.in_container, true);
            loop {
                item(self)?;
                if !self.read_separator(']')? {
                    break;
                }
            }
            self.in_container = outside;
        }
        self.depth -= 1;
        Ok(())
    }

    fn read_members(
        &mut self,
        keys: KeySyntax,
        mut member: impl FnMut(&str, &mut Self) -> WireReadResult<()>,
    ) -> WireReadResult<()> {
        self.enter_container('{')?;
        if !self.consume_token('}') {
            let outside = std::mem::replace(&mut self.in_container, true);
            loop {
                let name = self.read_name(keys)?;
                member(&name, self)?;
                if !self.read_separator('}')? {
                    break;
                }
            }
            self.in_container = outside;
        }
        self.depth -= 1;
        Ok(())
    }

    fn skip_value(&mut self) -> WireReadResult<&'b str> {
        let start = self.rest;
        match start.as_bytes().first() {
            Some(b'{' | b'[') => return self.read_bracketed(),
            Some(b'"') => drop(self.read_quoted()?),
            _ => drop(self.read_unquoted()),
        }
        Ok(start.get(..start.len() - self.rest.len()).unwrap_or_default())
    }

    fn expect_end(&mut self) -> WireReadResult<()> {
        if self.rest.is_empty() { Ok(()) } else { Err(self.build_error("the end expected")) }
    }
}
