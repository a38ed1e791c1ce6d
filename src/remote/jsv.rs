//! JSV, the format of ServiceStack: bodies out, tokens in; exactly as its own serializer writes it.
//!
//! There is no layout: a blank is data. A text that holds one of nine characters stands in quotes, with inner
//! quotes doubled; there is no other escape. Null members are left out, and nothing tells a number from a
//! text, so types come from the kind alone. The reader is strict where the service's own silently loses data:
//! pretty-printed JSV, JSON taken for JSV, an open quote are refused rather than half understood.
//! What the tokens mean is decided in `wire`.

use std::borrow::Cow;

use super::wire::{Ahead, Keys, Lexer, MAX_DEPTH, Scalar, Step, Stop, Unreadable};
use crate::exchange::Wire;
use crate::kind::Api;

/// A text that holds one of these stands in quotes.
const SPECIAL: [char; 9] = ['"', ':', ',', '{', '}', '[', ']', '\r', '\n'];

/// A body as JSV.
pub(super) fn encode(body: &Wire, api: &Api) -> Vec<u8> {
    let mut out = String::with_capacity(1024);
    write(body, api, &mut out);
    out.into_bytes()
}

fn write(wire: &Wire, api: &Api, out: &mut String) {
    match wire {
        Wire::Null => {}
        Wire::Flag(true) => out.push_str("True"),
        Wire::Flag(false) => out.push_str("False"),
        Wire::Number(text) | Wire::Raw(text) => out.push_str(text),
        Wire::Moment(text) => moment(text, out),
        Wire::Text(text) => quote(text, out),
        Wire::Guid(guid) => out.push_str(&api.guid_text(*guid)),
        Wire::List(items) => write_list(items, api, out),
        Wire::Object(members) => write_members(members, api, out),
    }
}

fn write_list(items: &[Wire], api: &Api, out: &mut String) {
    // among objects null is written as an empty one, among scalars as nothing at all
    let objects = items.iter().any(|item| matches!(item, Wire::Object(_)));
    out.push('[');
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        match item {
            Wire::Null if objects => out.push_str("{}"),
            item => write(item, api, out),
        }
    }
    out.push(']');
}

fn write_members(members: &[(String, Wire)], api: &Api, out: &mut String) {
    out.push('{');
    let mut first = true;
    for (name, value) in members.iter().filter(|(_, value)| !is_nothing(value)) {
        if !first {
            out.push(',');
        }
        first = false;
        quote(name, out);
        out.push(':');
        write(value, api, out);
    }
    out.push('}');
}

/// Null, also when a service sent it as an empty token.
fn is_nothing(wire: &Wire) -> bool {
    match wire {
        Wire::Null => true,
        Wire::Raw(raw) => raw.is_empty(),
        _ => false,
    }
}

fn quote(text: &str, out: &mut String) {
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
fn moment(text: &str, out: &mut String) {
    match needs_quotes(&text.replace(':', "")) {
        true => quote(text, out),
        false => out.push_str(text),
    }
}

fn needs_quotes(text: &str) -> bool {
    text.is_empty() || text.contains(SPECIAL)
}

/// A place in a JSV text.
#[derive(Clone, Copy)]
pub(super) struct Jsv<'b> {
    length: usize,
    rest: &'b str,
    /// Whether this is inside a list or an object; outside of both a bare text runs to the end.
    inside: bool,
    depth: u8,
}

impl<'b> Jsv<'b> {
    pub(super) fn new(text: &'b str) -> Self {
        Self { length: text.len(), rest: text, inside: false, depth: 0 }
    }

    fn takes(&mut self, token: char) -> bool {
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// Takes that many bytes.
    fn take(&mut self, bytes: usize) -> &'b str {
        let (taken, rest) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, ""));
        self.rest = rest;
        taken
    }

    fn fault(&self, what: &str) -> Stop {
        Unreadable::new(format!("this is not JSV: {what} at byte {}", self.length - self.rest.len())).into()
    }

    fn enter(&mut self, open: char) -> Step<()> {
        if !self.takes(open) {
            return Err(self.fault("a list or object expected"));
        }
        if self.depth == MAX_DEPTH {
            return Err(self.too_deep());
        }
        self.depth += 1;
        Ok(())
    }

    fn too_deep(&self) -> Stop {
        Unreadable::new(format!("the answer is nested deeper than {MAX_DEPTH} levels")).into()
    }

    /// What stands between two items: whether there is another one.
    fn another(&mut self, close: char) -> Step<bool> {
        if self.takes(',') {
            return Ok(true);
        }
        if self.takes(close) {
            return Ok(false);
        }
        Err(self.fault("a comma or the end of a list or object expected"))
    }

    /// A text in quotes.
    fn quoted(&mut self) -> Step<Cow<'b, str>> {
        let whole = self.rest.get(1..).unwrap_or_default();
        let (mut body, mut text) = (whole, Cow::Borrowed(""));
        loop {
            let Some((part, after)) = body.split_once('"') else {
                return Err(self.fault("a quote that is never closed"));
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
    fn bare(&mut self) -> &'b str {
        let end = if self.inside { self.rest.find([',', '}', ']']) } else { None };
        self.take(end.unwrap_or(self.rest.len()))
    }

    /// From a bracket to the one that matches it; brackets in quotes do not count.
    fn bracketed(&mut self) -> Step<&'b str> {
        let (mut open, mut quoted) = (Vec::new(), false);
        for (at, byte) in self.rest.bytes().enumerate() {
            match byte {
                b'"' => quoted = !quoted,
                _ if quoted => {}
                b'{' => open.push(b'}'),
                b'[' => open.push(b']'),
                b'}' | b']' if open.pop() != Some(byte) => {
                    return Err(self.fault("a bracket without its pair"));
                }
                b'}' | b']' if open.is_empty() => return Ok(self.take(at + 1)),
                _ => {}
            }
            if open.len() > usize::from(MAX_DEPTH - self.depth) {
                return Err(self.too_deep());
            }
        }
        Err(self.fault("a bracket that is never closed"))
    }

    fn name(&mut self, keys: Keys) -> Step<Cow<'b, str>> {
        let name = if self.rest.starts_with('"') {
            let name = self.quoted()?;
            if keys == Keys::Fixed && !needs_quotes(&name) {
                return Err(self.fault("a quoted name (is it JSON?)"));
            }
            name
        } else {
            let end = self.rest.find(SPECIAL).unwrap_or(self.rest.len());
            let name = self.take(end);
            if name.is_empty() {
                return Err(self.fault("a name expected"));
            }
            if keys == Keys::Fixed && name.trim() != name {
                return Err(self.fault("a blank beside a name"));
            }
            Cow::Borrowed(name)
        };
        if self.takes(':') { Ok(name) } else { Err(self.fault("a colon expected")) }
    }
}

impl<'b> Lexer<'b> for Jsv<'b> {
    fn ahead(&mut self) -> Step<Ahead> {
        Ok(match self.rest.as_bytes().first() {
            Some(b'{') => Ahead::Object,
            Some(b'[') => Ahead::List,
            None => Ahead::Nothing,
            Some(b',' | b'}' | b']') if self.inside => Ahead::Nothing,
            Some(_) => Ahead::Scalar,
        })
    }

    fn nothing(&mut self) -> Step<()> {
        Ok(())
    }

    fn scalar(&mut self) -> Step<Scalar<'b>> {
        if self.rest.starts_with('"') {
            return self.quoted().map(Scalar::Text);
        }
        Ok(Scalar::Bare(self.bare()))
    }

    fn list(&mut self, mut item: impl FnMut(&mut Self) -> Step<()>) -> Step<()> {
        self.enter('[')?;
        if !self.takes(']') {
            let outside = std::mem::replace(&mut self.inside, true);
            loop {
                item(self)?;
                if !self.another(']')? {
                    break;
                }
            }
            self.inside = outside;
        }
        self.depth -= 1;
        Ok(())
    }

    fn members(&mut self, keys: Keys, mut member: impl FnMut(&str, &mut Self) -> Step<()>) -> Step<()> {
        self.enter('{')?;
        if !self.takes('}') {
            let outside = std::mem::replace(&mut self.inside, true);
            loop {
                let name = self.name(keys)?;
                member(&name, self)?;
                if !self.another('}')? {
                    break;
                }
            }
            self.inside = outside;
        }
        self.depth -= 1;
        Ok(())
    }

    fn skip(&mut self) -> Step<&'b str> {
        let start = self.rest;
        match start.as_bytes().first() {
            Some(b'{' | b'[') => return self.bracketed(),
            Some(b'"') => drop(self.quoted()?),
            _ => drop(self.bare()),
        }
        Ok(start.get(..start.len() - self.rest.len()).unwrap_or_default())
    }

    fn finish(&mut self) -> Step<()> {
        if self.rest.is_empty() { Ok(()) } else { Err(self.fault("the end expected")) }
    }
}
