//! Documents by the events of the parser: aliases and merge keys are expanded, within bounds.
//!
//! Every fault has its place: syntax, duplicate keys, odd keys, unknown tags, runaway aliases.
//! Deliberately absent: where documents start in a source (`yaml`).

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range as Bytes;
use std::sync::Arc;

use granit_parser::{Event, Marker, Options, Parser, ScalarStyle, ScanError, Span as Range, Tag};

use super::node::{YamlData, YamlEntry, YamlNode};
use crate::diagnostic::{Diagnostic, NamedSource, SourceSpan};

/// How deep a document may nest.
const MAX_DEPTH: usize = 64;
/// How many nodes the aliases of a file may add besides one for each byte of its text.
const MIN_ALIAS_NODES: usize = 1_000;

/// Reads a range of a source, which starts and ends where a document may.
pub(super) fn parse_range<'t>(
    source: &'t Arc<NamedSource>,
    range: Bytes<usize>,
    faults: &mut Vec<Diagnostic>,
    take: &mut dyn FnMut(YamlNode<'t>),
) {
    let mut options = Options::default();
    options.strict_indentation = true;
    options.emit_comments = false;
    let shift = range.start as u32;
    let text = source.text.get(range).unwrap_or_default();
    let mut reader = YamlReader {
        parser: Parser::new_from_str_with_options(text, options),
        source,
        byte_offset: shift,
        diagnostics: faults,
        anchors: HashMap::new(),
        alias_nodes: 0,
    };
    if let Err(error) = reader.read_stream(take) {
        let fault = build_syntax_error(source, shift, &error);
        reader.diagnostics.push(fault);
    }
}

struct YamlReader<'t, 'f> {
    parser: Parser<'t, granit_parser::StrInput<'t>>,
    source: &'t Arc<NamedSource>,
    byte_offset: u32,
    diagnostics: &'f mut Vec<Diagnostic>,
    anchors: HashMap<usize, (YamlNode<'t>, usize)>,
    alias_nodes: usize,
}

/// The entries of a mapping while it is read; a long one is searched by an index, not from the front.
#[derive(Default)]
struct MappingEntries<'t> {
    entries: Vec<YamlEntry<'t>>,
    index: HashMap<Cow<'t, str>, usize>,
}

impl<'t> MappingEntries<'t> {
    fn find_entry(&mut self, key: &str) -> Option<&YamlEntry<'t>> {
        const LINEAR_SEARCH_LIMIT: usize = 32;
        if self.entries.len() <= LINEAR_SEARCH_LIMIT {
            return self.entries.iter().find(|entry| entry.key == key);
        }
        for (at, entry) in self.entries.iter().enumerate().skip(self.index.len()) {
            self.index.insert(entry.key.clone(), at);
        }
        self.index.get(key).and_then(|at| self.entries.get(*at))
    }
}

type YamlResult<T> = Result<T, Box<ScanError>>;

impl<'t> YamlReader<'t, '_> {
    fn next_event(&mut self) -> YamlResult<Option<(Event<'t>, Range)>> {
        loop {
            match self.parser.next_event() {
                None => return Ok(None),
                Some(Ok((Event::Anchor(..) | Event::Comment(..), _))) => {}
                Some(event) => return event.map(Some).map_err(Box::new),
            }
        }
    }

    fn read_stream(&mut self, take: &mut dyn FnMut(YamlNode<'t>)) -> YamlResult<()> {
        while let Some((event, range)) = self.next_event()? {
            match event {
                Event::DocumentStart(..) => {
                    self.anchors.clear();
                }
                Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
                event => {
                    let (node, _) = self.read_node(event, range, 0)?;
                    take(node);
                }
            }
        }
        Ok(())
    }

    /// One node and how many nodes it holds.
    fn read_node(
        &mut self,
        event: Event<'t>,
        range: Range,
        depth: usize,
    ) -> YamlResult<(YamlNode<'t>, usize)> {
        let mut span = self.convert_span(&range);
        if depth > MAX_DEPTH {
            return Err(Box::new(ScanError::new(range.start, format!("nested deeper than {MAX_DEPTH}"))));
        }
        let (data, count, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let bare = self.check_tag(tag.as_deref(), &range).unwrap_or(style == ScalarStyle::Plain);
                (YamlData::Scalar { text, plain: bare }, 1, anchor)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.check_tag(tag.as_deref(), &range);
                let (items, count, end) = self.read_sequence(depth)?;
                span = self.convert_span(&Range::new(range.start, end));
                (YamlData::Sequence(items), count, anchor)
            }
            Event::MappingStart(_, anchor, tag) => {
                self.check_tag(tag.as_deref(), &range);
                let (entries, count, end) = self.read_mapping(depth)?;
                span = self.convert_span(&Range::new(range.start, end));
                (YamlData::Mapping(entries), count, anchor)
            }
            Event::Alias(id) => return Ok(self.resolve_alias(id, span)),
            _ => (YamlData::Scalar { text: Cow::Borrowed(""), plain: true }, 1, 0),
        };
        let node = YamlNode { span, data };
        if anchor != 0 {
            self.anchors.insert(anchor, (node.clone(), count));
        }
        Ok((node, count))
    }

    /// The items up to the end of a list, how many nodes they hold, and that end.
    fn read_sequence(&mut self, depth: usize) -> YamlResult<(Vec<YamlNode<'t>>, usize, Marker)> {
        let (mut items, mut count, mut end) = (Vec::new(), 1, Marker::default());
        while let Some((event, range)) = self.next_event()? {
            end = range.end;
            if matches!(event, Event::SequenceEnd) {
                break;
            }
            let (node, size) = self.read_node(event, range, depth + 1)?;
            items.push(node);
            count += size;
        }
        Ok((items, count, end))
    }

    /// The entries up to the end of a mapping, how many nodes they hold, and that end.
    fn read_mapping(&mut self, depth: usize) -> YamlResult<(Vec<YamlEntry<'t>>, usize, Marker)> {
        let (mut entries, mut merges) = (MappingEntries::default(), Vec::new());
        let (mut count, mut end) = (1, Marker::default());
        while let Some((event, range)) = self.next_event()? {
            end = range.end;
            if matches!(event, Event::MappingEnd) {
                break;
            }
            let (key, _) = self.read_node(event, range, depth + 1)?;
            let Some((event, range)) = self.next_event()? else { break };
            let (value, size) = self.read_node(event, range, depth + 1)?;
            count += size + 1;
            match key.data {
                YamlData::Scalar { text, plain: true } if text == "<<" => merges.push(value),
                YamlData::Scalar { text, .. } => {
                    self.insert_entry(&mut entries, YamlEntry { key: text, key_span: key.span, value })
                }
                _ => {
                    // what was meant by it no one knows, so no one may see it
                    self.source.redact_span(key.span);
                    self.source.redact_span(value.span);
                    let hint = "write the key as plain text";
                    self.add_error("invalid-key", key.span, "a key must be a single word", hint);
                }
            }
        }
        for merge in merges {
            self.merge_entries(&mut entries, merge);
        }
        Ok((entries.entries, count, end))
    }

    fn insert_entry(&mut self, entries: &mut MappingEntries<'t>, entry: YamlEntry<'t>) {
        let Some(first) = entries.find_entry(&entry.key) else {
            entries.entries.push(entry);
            return;
        };
        let first = self.source.locate_span(first.key_span);
        // the value of the second one stays unread, so no one above can say whether it may be seen
        self.source.redact_span(entry.value.span);
        self.diagnostics.push(
            // nor whether its key may be
            Diagnostic::error("duplicate-key", "duplicate key")
                .with_location(self.source.locate_span(entry.key_span))
                .with_related(first, "first written here")
                .with_hint("keep one of the two"),
        );
    }

    /// What `<<` brings in: keys that stand there themselves win.
    fn merge_entries(&mut self, entries: &mut MappingEntries<'t>, from: YamlNode<'t>) {
        match from.data {
            YamlData::Mapping(merged) => {
                for entry in merged {
                    if entries.find_entry(&entry.key).is_none() {
                        entries.entries.push(entry);
                    }
                }
            }
            YamlData::Sequence(several) => {
                several.into_iter().for_each(|one| self.merge_entries(entries, one))
            }
            YamlData::Scalar { .. } => {
                self.source.redact_span(from.span);
                self.add_error(
                    "invalid-merge",
                    from.span,
                    "`<<` takes a mapping",
                    "name an anchor: `<<: *defaults`",
                );
            }
        }
    }

    fn resolve_alias(&mut self, id: usize, span: SourceSpan) -> (YamlNode<'t>, usize) {
        let nothing = YamlNode { span, data: YamlData::Scalar { text: Cow::Borrowed(""), plain: true } };
        let Some((node, count)) = self.anchors.get(&id).cloned() else {
            self.add_error(
                "invalid-alias",
                span,
                "this alias refers to a value that contains it",
                "write the value out",
            );
            return (nothing, 1);
        };
        let most = MIN_ALIAS_NODES + self.source.text.len();
        self.alias_nodes += count;
        if self.alias_nodes > most {
            if self.alias_nodes - count <= most {
                let message = format!("the aliases of this file add more than {most} values");
                self.add_error(
                    "too-many-aliases",
                    span,
                    &message,
                    "write the repeated part out, or split the file",
                );
            }
            return (nothing, 1);
        }
        (node, count)
    }

    /// Whether a tag says that a scalar is bare; `None` when there is no tag.
    fn check_tag(&mut self, tag: Option<&Tag>, range: &Range) -> Option<bool> {
        let tag = tag?;
        match tag.core_suffix() {
            Some("str") => Some(false),
            Some(_) => None,
            None if tag.original() == "!" => Some(false),
            None => {
                // neither the tag nor what follows it is shown: a password may start with an exclamation mark
                let hint = "leave it out; a text that starts with `!` needs quotes";
                let span = self.convert_span(&range.tag_span().unwrap_or(*range));
                let rest = self.source.text.get(span.end as usize..).unwrap_or_default();
                let end = span.end + rest.find('\n').unwrap_or(rest.len()) as u32;
                self.source.redact_span(SourceSpan { start: (span.start + 1).min(end), end });
                self.add_error("unknown-tag", span, "this tag means nothing here", hint);
                None
            }
        }
    }

    fn add_error(&mut self, code: &'static str, span: SourceSpan, message: &str, hint: &str) {
        let place = self.source.locate_span(span);
        self.diagnostics.push(Diagnostic::error(code, message).with_location(place).with_hint(hint));
    }

    fn convert_span(&self, range: &Range) -> SourceSpan {
        let byte = |marker: &Marker| marker.byte_offset().map_or(0, |byte| byte as u32 + self.byte_offset);
        let (start, mut end) = (byte(&range.start), byte(&range.end).max(byte(&range.start)));
        // a block collection ends where the next thing starts; its own last byte is before the blank, and other
        // blanks than those of YAML are text
        let text = self.source.text.get(start as usize..end as usize).unwrap_or("");
        end -= (text.len() - text.trim_ascii_end().len()) as u32;
        SourceSpan { start, end }
    }
}

/// The most characters of a key that is shown of a file that cannot be read.
const MAX_SHOWN_KEY: usize = 40;

fn build_syntax_error(source: &Arc<NamedSource>, shift: u32, error: &ScanError) -> Diagnostic {
    let marker = error.marker();
    let byte = marker.byte_offset().unwrap_or_else(|| {
        let text = &source.text[shift as usize..];
        text.char_indices().nth(marker.index()).map_or(text.len(), |(byte, _)| byte)
    }) as u32
        + shift;
    redact_values(source);
    Diagnostic::error("yaml-syntax", format!("this is not YAML: {}", error.info()))
        .with_location(source.locate_span(SourceSpan { start: byte, end: byte }))
        .with_hint("look at the indentation, quotes and brackets just before this place")
}

/// Redacts everything but keys: in a file that cannot be read, no one knows which values are secret. A line counts as
/// one with a key only outside of block scalars and open quotes, and only when the key is a plain word.
fn redact_values(source: &NamedSource) {
    let (mut start, mut block, mut quote) = (0, None, None);
    for line in source.text.split_inclusive('\n') {
        let body = line.trim_end_matches(['\n', '\r']);
        let indent = body.len() - body.trim_start_matches(' ').len();
        let is_inside =
            quote.is_some() || (block.is_some_and(|outer| indent > outer) && !body.trim().is_empty());
        let key_end = if is_inside { None } else { find_key_end(body) };
        let shown = key_end.unwrap_or(body.len() - body.trim_start_matches([' ', '-']).len());
        let value = shown + (body[shown..].len() - body[shown..].trim_start().len());
        if value < body.len() {
            let span = SourceSpan { start: (start + value) as u32, end: (start + body.len()) as u32 };
            source.redact_span(span);
        }
        if !is_inside && !body.trim().is_empty() {
            block = body[value..].starts_with(['|', '>']).then_some(indent);
        }
        quote = find_open_quote(&body[value.min(body.len())..], quote);
        start += line.len();
    }
}

/// Where the colon after a key ends, when the line begins with one.
fn find_key_end(line: &str) -> Option<usize> {
    let key = line.trim_start_matches([' ', '-']);
    let length = key.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))?;
    let rest = key.get(length..)?.strip_prefix(':')?;
    let is_key = key.starts_with(|c: char| c.is_ascii_alphabetic()) && length <= MAX_SHOWN_KEY;
    (is_key && (rest.is_empty() || rest.starts_with(' '))).then_some(line.len() - rest.len())
}

/// The quote that is open after a text, when one was open before or the text begins with one.
fn find_open_quote(text: &str, open: Option<char>) -> Option<char> {
    let (quote, rest) = match open {
        Some(quote) => (quote, text),
        None => {
            let quote = text.chars().next().filter(|c| matches!(c, '"' | '\''))?;
            (quote, text.get(1..)?)
        }
    };
    let closing = rest.char_indices().any(|(at, c)| c == quote && !rest[..at].ends_with('\\'));
    (!closing).then_some(quote)
}
