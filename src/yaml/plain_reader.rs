//! The plain reader: a document in the YAML that nearly everybody writes, at a fraction of the parser's cost.
//!
//! Block mappings and lists, scalars on one line, bare or in quotes without escapes, lists and mappings between
//! brackets on one line, comments. Whatever goes beyond that, or might be a fault, is given up and left to the
//! parser; so what is read here has no faults, and is what the parser reads, to the last byte of every span.
//! `tests/format/yaml.rs` holds the two against each other.
//! Deliberately absent: aliases, tags, block texts, tabs, and anything that needs a second line to be understood.

use std::borrow::Cow;

use super::node::{YamlData, YamlEntry, YamlNode};
use crate::diagnostic::SourceSpan;

/// How deep a document may nest here; deeper ones are the parser's, which has the limit.
const MAX_DEPTH: usize = 24;
/// The most entries of a mapping here, for they are distinguished by looking at each.
const MAX_ENTRIES: usize = 64;
/// The most bytes of a key here; YAML itself has a limit for keys on one line.
const MAX_KEY: usize = 256;

/// The document that starts at `from`, and where the next one starts; nothing when it is not plain.
pub(super) fn read_plain_document(text: &str, from: usize) -> Option<(YamlNode<'_>, usize)> {
    let mut plain = PlainReader { text, bytes: text.as_bytes(), line: None, next: from };
    if is_document_marker(plain.bytes, from) {
        let line = plain.bytes.get(from + 3..)?;
        let end = line.iter().position(|byte| *byte == b'\n')?;
        if line.get(..end)?.iter().any(|byte| *byte != b' ') {
            return None;
        }
        plain.next = from + 3 + end + 1;
    }
    plain.advance_line()?;
    let line = plain.line.filter(|line| line.column == 0)?;
    let node = plain.read_mapping(line, 0)?;
    // what follows stands to the left of everything, so it is the next document, or nothing
    plain.line.is_none().then_some((node, plain.next))
}

/// Whether the line that starts at `at` starts a document.
pub(super) fn is_document_marker(bytes: &[u8], at: usize) -> bool {
    bytes.get(at..).is_some_and(|rest| {
        rest.starts_with(b"---")
            && rest.get(3).is_none_or(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'))
    })
}

/// A line with something on it, from its first byte that counts.
#[derive(Clone, Copy)]
struct PlainLine {
    start: usize,
    end: usize,
    /// How many bytes stand before `at`.
    column: usize,
}

struct PlainReader<'t> {
    text: &'t str,
    bytes: &'t [u8],
    /// The line at hand; none at the end of the document.
    line: Option<PlainLine>,
    /// Where the line after it starts; at the end of the document, where the next one does.
    next: usize,
}

impl<'t> PlainReader<'t> {
    /// Goes on to the next line that holds more than blanks and a comment. Nothing when there is a byte in it, or in
    /// what is passed over, that is not plain.
    fn advance_line(&mut self) -> Option<()> {
        self.line = None;
        loop {
            let start = self.next;
            let rest = self.bytes.get(start..)?;
            if rest.is_empty() || is_document_marker(self.bytes, start) {
                return Some(());
            }
            let line = take_plain_line(rest)?;
            self.next = (start + line.len() + 1).min(self.bytes.len());
            let column = line.iter().position(|byte| *byte != b' ').unwrap_or(line.len());
            match line.get(column) {
                None | Some(b'#') => {}
                // the end of a document, or a directive
                Some(b'.' | b'%') if column == 0 => return None,
                Some(_) => {
                    self.line = Some(PlainLine { start: start + column, end: start + line.len(), column });
                    return Some(());
                }
            }
        }
    }

    /// The mapping whose first key stands at the start of `first`.
    fn read_mapping(&mut self, first: PlainLine, depth: usize) -> Option<YamlNode<'t>> {
        let mut entries: Vec<YamlEntry<'t>> = Vec::with_capacity(8);
        while let Some(line) = self.line.filter(|line| line.column >= first.column) {
            if line.column > first.column || entries.len() == MAX_ENTRIES || depth == MAX_DEPTH {
                return None;
            }
            let (key, key_span, after) = self.read_key(line)?;
            if entries.iter().any(|entry| entry.key == key) {
                return None;
            }
            let value = self.read_value(line, after, depth)?;
            entries.push(YamlEntry { key, key_span, value });
        }
        Some(YamlNode { span: self.build_block_span(first.start), data: YamlData::Mapping(entries) })
    }

    /// The value behind a key, which may stand on the lines below it.
    fn read_value(&mut self, line: PlainLine, after: usize, depth: usize) -> Option<YamlNode<'t>> {
        let at = self.skip_blanks(after, line.end);
        if !self.is_line_end(after, line.end) {
            let node = self.read_inline_value(at, line, depth)?;
            return self.line.is_none_or(|next| next.column <= line.column).then_some(node);
        }
        self.advance_line()?;
        let below = self.line?;
        match self.is_sequence_item(below) {
            true if below.column > line.column => self.read_sequence(below, depth + 1),
            true if below.column == line.column => {
                self.read_sequence(below, depth + 1).map(start_at_first_item)
            }
            false if below.column > line.column => self.read_mapping(below, depth + 1),
            // nothing stands there, or what stands there is no part of it
            _ => None,
        }
    }

    /// The list whose first dash stands at the start of `first`.
    fn read_sequence(&mut self, first: PlainLine, depth: usize) -> Option<YamlNode<'t>> {
        let mut items = Vec::new();
        while let Some(line) = self.line.filter(|line| line.column >= first.column) {
            if line.column > first.column || depth == MAX_DEPTH {
                return None;
            }
            if !self.is_sequence_item(line) {
                break;
            }
            items.push(self.read_item(line, depth)?);
        }
        Some(YamlNode { span: self.build_block_span(first.start), data: YamlData::Sequence(items) })
    }

    fn read_item(&mut self, line: PlainLine, depth: usize) -> Option<YamlNode<'t>> {
        let at = self.skip_blanks(line.start + 1, line.end);
        if self.is_line_end(line.start + 1, line.end) {
            self.advance_line()?;
            let below = self.line.filter(|below| below.column > line.column)?;
            return match self.is_sequence_item(below) {
                true => self.read_sequence(below, depth + 1),
                false => self.read_mapping(below, depth + 1),
            };
        }
        let inner = PlainLine { start: at, end: line.end, column: line.column + (at - line.start) };
        if self.is_sequence_item(inner) {
            return None;
        }
        if self.read_key(inner).is_some() {
            self.line = Some(inner);
            return self.read_mapping(inner, depth + 1);
        }
        let node = self.read_inline_value(at, line, depth)?;
        self.line.is_none_or(|next| next.column <= line.column).then_some(node)
    }

    /// What starts at `at` and ends on its line; then the next line is at hand.
    fn read_inline_value(&mut self, at: usize, line: PlainLine, depth: usize) -> Option<YamlNode<'t>> {
        let (node, after) = self.read_flow_node(at, line.end, ScalarContext::Block, depth + 1)?;
        if !self.is_line_end(after, line.end) {
            return None;
        }
        self.advance_line()?;
        Some(node)
    }

    fn read_flow_node(
        &self,
        at: usize,
        end: usize,
        around: ScalarContext,
        depth: usize,
    ) -> Option<(YamlNode<'t>, usize)> {
        match self.bytes.get(at)? {
            b'"' => self.read_quoted(at, end, b'"'),
            b'\'' => self.read_quoted(at, end, b'\''),
            b'[' => self.read_flow_sequence(at, end, depth),
            b'{' => self.read_flow_mapping(at, end, depth),
            _ => self.read_plain_scalar(at, end, around),
        }
    }

    fn read_quoted(&self, at: usize, end: usize, quote: u8) -> Option<(YamlNode<'t>, usize)> {
        let inner = self.bytes.get(at + 1..end)?;
        let length = inner.iter().position(|byte| *byte == quote || *byte == b'\\')?;
        let close = at + 1 + length;
        let doubled = self.bytes.get(close + 1) == Some(&b'\'') && quote == b'\'';
        if self.bytes.get(close) != Some(&quote) || doubled {
            return None;
        }
        Some((self.build_scalar(at + 1..close, at..close + 1, false)?, close + 1))
    }

    fn read_plain_scalar(
        &self,
        at: usize,
        end: usize,
        around: ScalarContext,
    ) -> Option<(YamlNode<'t>, usize)> {
        let line = self.bytes.get(at..end)?;
        if !is_plain_start(line) {
            return None;
        }
        let mut length = line.len();
        let tells = |(_, byte): &(usize, &u8)| matches!(byte, b':' | b'#' | b',' | b'[' | b']' | b'{' | b'}');
        for (number, byte) in line.iter().enumerate().filter(tells) {
            match byte {
                b':' if line.get(number + 1).is_none_or(|next| b" ,[]{}".contains(next)) => return None,
                b'#' if line.get(number.wrapping_sub(1)) == Some(&b' ') => {
                    length = number;
                    break;
                }
                b',' | b']' | b'}' if around == ScalarContext::Flow => {
                    length = number;
                    break;
                }
                b'[' | b'{' if around == ScalarContext::Flow => return None,
                _ => {}
            }
        }
        let text = line.get(..length)?.trim_ascii_end();
        let range = at..at + text.len();
        Some((self.build_scalar(range.clone(), range, true)?, at + text.len()))
    }

    fn read_flow_sequence(&self, open: usize, end: usize, depth: usize) -> Option<(YamlNode<'t>, usize)> {
        let (mut items, mut at) = (Vec::new(), self.skip_blanks(open + 1, end));
        if at == end || depth >= MAX_DEPTH {
            return None;
        }
        if self.bytes.get(at) != Some(&b']') {
            loop {
                let (item, after) = self.read_flow_node(at, end, ScalarContext::Flow, depth + 1)?;
                items.push(item);
                match self.read_separator(after, end, b']')? {
                    FlowSeparator::NextItem(next) => at = next,
                    FlowSeparator::CloseBracket(close) => {
                        at = close;
                        break;
                    }
                }
            }
        }
        Some((YamlNode { span: self.build_span(open, at + 1), data: YamlData::Sequence(items) }, at + 1))
    }

    fn read_flow_mapping(&self, open: usize, end: usize, depth: usize) -> Option<(YamlNode<'t>, usize)> {
        let (mut entries, mut at) = (Vec::new(), self.skip_blanks(open + 1, end));
        if at == end || depth >= MAX_DEPTH {
            return None;
        }
        if self.bytes.get(at) != Some(&b'}') {
            loop {
                let (entry, after) = self.read_flow_entry(at, end, depth)?;
                let known = entries.iter().any(|other: &YamlEntry| other.key == entry.key);
                if known || entries.len() == MAX_ENTRIES {
                    return None;
                }
                entries.push(entry);
                match self.read_separator(after, end, b'}')? {
                    FlowSeparator::NextItem(next) => at = next,
                    FlowSeparator::CloseBracket(close) => {
                        at = close;
                        break;
                    }
                }
            }
        }
        Some((YamlNode { span: self.build_span(open, at + 1), data: YamlData::Mapping(entries) }, at + 1))
    }

    fn read_flow_entry(&self, at: usize, end: usize, depth: usize) -> Option<(YamlEntry<'t>, usize)> {
        let (key, key_span, after) = self.read_key(PlainLine { start: at, end, column: 0 })?;
        let at = self.skip_blanks(after, end);
        if at == after || at == end {
            return None;
        }
        let (value, after) = self.read_flow_node(at, end, ScalarContext::Flow, depth + 1)?;
        Some((YamlEntry { key, key_span, value }, after))
    }

    /// What stands behind an item between brackets.
    fn read_separator(&self, after: usize, end: usize, close: u8) -> Option<FlowSeparator> {
        let at = self.skip_blanks(after, end);
        match self.bytes.get(at).filter(|_| at < end)? {
            b',' => {
                let next = self.skip_blanks(at + 1, end);
                (next < end).then_some(FlowSeparator::NextItem(next))
            }
            byte if *byte == close => Some(FlowSeparator::CloseBracket(at)),
            _ => None,
        }
    }

    /// A key of plain letters, its place, and where the byte after its colon stands.
    fn read_key(&self, line: PlainLine) -> Option<(Cow<'t, str>, SourceSpan, usize)> {
        let rest = self.bytes.get(line.start..line.end)?;
        let part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'/');
        let length = rest.iter().position(|byte| !part(byte))?;
        let first = rest.first().is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
        let colon = rest.get(length) == Some(&b':') && rest.get(length + 1).is_none_or(|next| *next == b' ');
        if !first || !colon || length > MAX_KEY {
            return None;
        }
        let end = line.start + length;
        Some((Cow::Borrowed(self.text.get(line.start..end)?), self.build_span(line.start, end), end + 1))
    }

    /// Whether a line starts with a dash of a list.
    fn is_sequence_item(&self, line: PlainLine) -> bool {
        let rest = self.bytes.get(line.start..line.end).unwrap_or_default();
        rest.first() == Some(&b'-') && rest.get(1).is_none_or(|next| *next == b' ')
    }

    /// Whether nothing but blanks and a comment stands from `at` on.
    fn is_line_end(&self, at: usize, end: usize) -> bool {
        let next = self.skip_blanks(at, end);
        next == end || (next > at && self.bytes.get(next) == Some(&b'#'))
    }

    fn skip_blanks(&self, at: usize, end: usize) -> usize {
        let rest = self.bytes.get(at..end).unwrap_or_default();
        at + rest.iter().position(|byte| *byte != b' ').unwrap_or(rest.len())
    }

    fn build_scalar(
        &self,
        inner: std::ops::Range<usize>,
        outer: std::ops::Range<usize>,
        bare: bool,
    ) -> Option<YamlNode<'t>> {
        let text = Cow::Borrowed(self.text.get(inner)?);
        Some(YamlNode {
            span: self.build_span(outer.start, outer.end),
            data: YamlData::Scalar { text, plain: bare },
        })
    }

    /// The span of a block collection: up to the next thing that is no part of it.
    fn build_block_span(&self, start: usize) -> SourceSpan {
        self.build_span(start, self.line.map_or(self.next, |line| line.start))
    }

    /// A span without the blanks at its end.
    fn build_span(&self, start: usize, end: usize) -> SourceSpan {
        let text = self.text.get(start..end).unwrap_or("");
        let solid = text.as_bytes().last().is_none_or(|byte| (b'!'..0x7f).contains(byte));
        let end = if solid { end.max(start) } else { start + text.trim_ascii_end().len() };
        SourceSpan { start: start as u32, end: end as u32 }
    }
}

/// Where a scalar stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ScalarContext {
    Block,
    Flow,
}

/// What follows on an item between brackets.
enum FlowSeparator {
    /// Another one, here.
    NextItem(usize),
    /// The closing bracket.
    CloseBracket(usize),
}

/// The parser has a list that is not indented start behind its first dash.
fn start_at_first_item(mut list: YamlNode) -> YamlNode {
    list.span.start = list.items().first().map_or(list.span.start, |item| item.span.start);
    list
}

/// Whether a bare scalar may start like this.
fn is_plain_start(line: &[u8]) -> bool {
    match line {
        [b'-', next, ..] => next.is_ascii_alphanumeric(),
        [first, ..] => !b"-?:,[]{}#&*!|>'\"%@` ".contains(first),
        [] => false,
    }
}

/// The first line, without its end, when it holds only characters that mean themselves wherever they stand.
fn take_plain_line(rest: &[u8]) -> Option<&[u8]> {
    let plain = |byte: &u8| (b' '..0x7f).contains(byte);
    let length = rest.iter().position(|byte| !plain(byte)).unwrap_or(rest.len());
    if rest.get(length).is_none_or(|byte| *byte == b'\n') {
        return rest.get(..length);
    }
    let beyond = |byte: &u8| plain(byte) || *byte >= 0x80;
    let length = rest.iter().position(|byte| !beyond(byte)).unwrap_or(rest.len());
    let line = rest.get(..length).filter(|line| is_plain_unicode(line))?;
    rest.get(length).is_none_or(|byte| *byte == b'\n').then_some(line)
}

/// Control characters, odd line ends and byte order marks are the parser's.
fn is_plain_unicode(line: &[u8]) -> bool {
    !line.windows(3).any(|bytes| {
        matches!(bytes, [0xc2, 0x80..=0x9f, _] | [0xe2, 0x80, 0xa8 | 0xa9] | [0xef, 0xb8..=0xbf, _])
    }) && !matches!(line, [.., 0xc2, 0x80..=0x9f])
}
