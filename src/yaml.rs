//! YAML text to trees with places: what documents, kinds and settings are read from.
//!
//! Every fault of a source is found, each with its place: syntax, duplicate keys, odd keys, unknown tags,
//! runaway aliases. Scalars stay text until someone who knows says what they are. Merge keys (`<<`) and
//! aliases are expanded here, within bounds, so no one above knows of them.
//! The parser is granit, by way of serde-saphyr (see Cargo.toml); its events, and its writer, are used in this file only.
//! A stream is read in stretches of whole documents, plain ones by the [`plain_reader`] reader; where a stretch has a
//! fault, the parser reads the source as a whole and tells it, for only then it is sure what the fault spoils.

mod plain_reader;

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range as Bytes;
use std::sync::Arc;

use granit_parser::{Event, Marker, Options, Parser, ScalarStyle, ScanError, Span as Range, Tag};

use crate::diagnostic::{Diagnostic, NamedSource, SourceSpan};

/// How deep a document may nest.
const MAX_DEPTH: usize = 64;
/// What a line starts with that starts a document.
const DOCUMENT_MARKER: &str = "---";
/// How many nodes the aliases of a file may add besides one for each byte of its text.
const MIN_ALIAS_NODES: usize = 1_000;

/// One node, with the bytes it came from.
#[derive(Clone)]
pub struct YamlNode<'t> {
    pub span: SourceSpan,
    pub data: YamlData<'t>,
}

/// What a node is.
#[derive(Clone)]
pub enum YamlData<'t> {
    /// A scalar and whether it stood bare: only a bare `null` is null, only a bare `true` a flag.
    Scalar {
        text: Cow<'t, str>,
        plain: bool,
    },
    Sequence(Vec<YamlNode<'t>>),
    Mapping(Vec<YamlEntry<'t>>),
}

/// One key of a mapping with its value.
#[derive(Clone)]
pub struct YamlEntry<'t> {
    pub key: Cow<'t, str>,
    pub key_span: SourceSpan,
    pub value: YamlNode<'t>,
}

impl<'t> YamlNode<'t> {
    /// Bare `null`, `~` or nothing at all.
    pub fn is_null(&self) -> bool {
        matches!(&self.data, YamlData::Scalar { text, plain: true } if is_null_literal(text))
    }

    /// The value under `key`, when this is a mapping that has it.
    pub fn get_value(&self, key: &str) -> Option<&YamlNode<'t>> {
        self.entries().iter().find(|entry| entry.key == key).map(|entry| &entry.value)
    }

    /// The entries of a mapping; none for anything else.
    pub fn entries(&self) -> &[YamlEntry<'t>] {
        match &self.data {
            YamlData::Mapping(entries) => entries,
            _ => &[],
        }
    }

    /// The items of a list; none for anything else.
    pub fn items(&self) -> &[YamlNode<'t>] {
        match &self.data {
            YamlData::Sequence(items) => items,
            _ => &[],
        }
    }

    /// The text of a scalar.
    pub fn as_scalar(&self) -> Option<&str> {
        match &self.data {
            YamlData::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// The node at a JSON Pointer below this one.
    pub fn resolve_pointer(&self, pointer: &str) -> Option<&YamlNode<'t>> {
        pointer.split('/').skip(1).try_fold(self, |node, step| {
            let step = step.replace("~1", "/").replace("~0", "~");
            match &node.data {
                YamlData::Sequence(items) => items.get(step.parse::<usize>().ok()?),
                _ => node.get_value(&step),
            }
        })
    }

    /// What it is, for messages: `a text`, `a list`, `a mapping`, `nothing`.
    pub fn describe_type(&self) -> &'static str {
        match &self.data {
            _ if self.is_null() => "nothing",
            YamlData::Scalar { .. } => "a single value",
            YamlData::Sequence(_) => "a list",
            YamlData::Mapping(_) => "a mapping",
        }
    }
}

/// Whether a bare scalar means null.
pub fn is_null_literal(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

/// The flag that a bare scalar means; YAML 1.2 words only, so `no` stays text.
pub fn parse_boolean(text: &str) -> Option<bool> {
    match text {
        "true" | "True" | "TRUE" => Some(true),
        "false" | "False" | "FALSE" => Some(false),
        _ => None,
    }
}

/// Whether a bare scalar reads as a JSON-like number.
pub fn is_number_literal(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    digits.starts_with(|c: char| c.is_ascii_digit())
        && (digits == "0" || !digits.starts_with('0') || digits.starts_with("0."))
        && digits.parse::<f64>().is_ok()
}

/// Reads every document of a source. Faults are added to `faults`; a document with a fault in its
/// structure is still returned as far as it could be read, except after a syntax error.
pub fn read_documents<'t>(source: &'t Arc<NamedSource>, faults: &mut Vec<Diagnostic>) -> Vec<YamlNode<'t>> {
    let mut documents = Vec::new();
    if !read_chunk(source, 0..source.text.len(), &mut |node| documents.push(node)) {
        documents = parse_documents(source, faults);
    }
    documents
}

/// Reads every document of a source by the parser alone.
pub fn parse_documents<'t>(source: &'t Arc<NamedSource>, faults: &mut Vec<Diagnostic>) -> Vec<YamlNode<'t>> {
    let (mut documents, text) = (Vec::new(), &source.text);
    let start = text.len() - text.trim_start_matches('\u{feff}').len();
    parse_range(source, start..text.len(), faults, &mut |node| documents.push(node));
    documents
}

/// Cuts a source before lines that start a document, into stretches of about `size` bytes; each can be read by
/// [`read_chunk`], in any order. No scalar, quoted or in a block, can hold such a line.
pub fn split_chunks(source: &NamedSource, size: usize) -> Vec<Bytes<usize>> {
    let (text, mut cuts, mut start) = (&*source.text, Vec::new(), 0);
    while let Some(end) = find_next_marker(text, start + size.max(1)) {
        cuts.push(start..end);
        start = end;
    }
    cuts.push(start..text.len());
    cuts
}

/// Where the first line at or behind `from` stands that starts a document, but not at the start of the text.
fn find_next_marker(text: &str, from: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = from.checked_sub(1)?;
    loop {
        at += bytes.get(at..)?.windows(4).position(|window| window == b"\n---")? + 1;
        if plain_reader::is_document_marker(bytes, at) {
            return Some(at);
        }
    }
}

/// Hands every document of a stretch to `take`. False when there is any fault in it: then what was handed over
/// does not count, and the source must be read as a whole.
pub fn read_chunk<'t>(
    source: &'t Arc<NamedSource>,
    chunk: Bytes<usize>,
    take: &mut dyn FnMut(YamlNode<'t>),
) -> bool {
    let Some(text) = source.text.get(..chunk.end) else { return false };
    let mut at = chunk.start;
    while at < text.len() {
        if let Some((node, next)) = plain_reader::read_plain_document(text, at) {
            take(node);
            at = next;
            continue;
        }
        let next = find_next_marker(text, at + 1).unwrap_or(text.len());
        let piece = text.get(at..next).unwrap_or_default();
        let mut faults = Vec::new();
        // directives reach over the cut
        if ["\n%", "\r%", "\u{feff}"].iter().any(|odd| piece.contains(odd)) || piece.starts_with('%') {
            return false;
        }
        // the parser sees the next marker too: where a text ends can depend on it
        let ends_here = next == text.len() && next == source.text.len();
        let seen = if ends_here { next } else { next + DOCUMENT_MARKER.len() };
        let mut nodes = Vec::new();
        parse_range(source, at..seen, &mut faults, &mut |node| nodes.push(node));
        if !faults.is_empty() {
            return false;
        }
        if !ends_here {
            nodes.pop();
        }
        nodes.into_iter().for_each(&mut *take);
        at = next;
    }
    true
}

/// Reads a range of a source, which starts and ends where a document may.
fn parse_range<'t>(
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

/// A tree of plain values as YAML in block style, with a newline at the end.
pub fn write_yaml(value: &serde_json::Value) -> String {
    let options = serde_yaml::ser_options! { compact_list_indent: false };
    // JSON is YAML too
    serde_yaml::to_string_with_options(value, options).unwrap_or_else(|_| format!("{value}\n"))
}

/// A text as a scalar on one line that reads back as this very text, for readers of YAML 1.1 and 1.2 alike:
/// what could be taken for anything else has quotes. Between brackets and braces (`in_flow`) more needs them.
pub fn format_scalar(text: &str, in_flow: bool) -> String {
    let options = serde_yaml::ser_options! { prefer_block_scalars: false };
    let written = match in_flow {
        true => serde_yaml::to_string_with_options(&serde_yaml::FlowSeq(vec![text]), options),
        false => serde_yaml::to_string_with_options(&text, options),
    };
    let written = written.ok().map(|line| line.trim_end_matches('\n').to_owned());
    let bare = |line: String| match in_flow {
        true => Some(line.strip_prefix('[')?.strip_suffix(']')?.to_owned()),
        false => Some(line),
    };
    // a JSON string is YAML too
    written.and_then(bare).unwrap_or_else(|| serde_json::Value::from(text).to_string())
}

/// A text as the key of a mapping, in quotes where it could be taken for anything else.
pub fn format_key(text: &str) -> String {
    let plain = format_scalar(text, true);
    match text.contains([':', '?']) && plain == text {
        true => serde_json::Value::from(text).to_string(),
        false => plain,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> (Vec<String>, Vec<String>) {
        let source = NamedSource::new("t.yaml", text);
        let mut faults = Vec::new();
        let shown = read_documents(&source, &mut faults).iter().map(show).collect();
        let faults = faults
            .iter()
            .map(|f| {
                format!(
                    "{} {:?}",
                    f.code,
                    f.location.as_ref().map(crate::diagnostic::SourceLocation::find_line_column)
                )
            })
            .collect();
        (shown, faults)
    }

    fn show(node: &YamlNode) -> String {
        match &node.data {
            YamlData::Scalar { text, plain: bare } => format!("{}{text}", if *bare { "" } else { "'" }),
            YamlData::Sequence(items) => {
                format!("[{}]", items.iter().map(show).collect::<Vec<_>>().join(","))
            }
            YamlData::Mapping(entries) => {
                let shown: Vec<_> = entries.iter().map(|e| format!("{}:{}", e.key, show(&e.value))).collect();
                format!("{{{}}}", shown.join(","))
            }
        }
    }

    #[test]
    fn several_documents_and_text_that_stays_text() {
        let (documents, faults) = parse("a: no\nb: 012\nc: '1e3'\n---\n- 1\n- ~\n");
        assert_eq!(documents, ["{a:no,b:012,c:'1e3}", "[1,~]"]);
        assert!(faults.is_empty());
    }

    #[test]
    fn long_mappings_are_read_in_one_pass() {
        let mut text: String = (0..200_000).map(|n| format!("key{n}: {n}\n")).collect();
        text.push_str("key7: again\nkey199999: again\n");
        let (_, faults) = parse(&text);
        assert_eq!(faults, ["duplicate-key Some((200001, 1))", "duplicate-key Some((200002, 1))"]);
    }

    #[test]
    fn merge_keys_yield_to_keys_that_stand_there() {
        let (documents, faults) = parse("x: &d {a: 1, b: 2}\ny:\n  <<: *d\n  b: 3\nz: {<<: [*d, {c: 4}]}\n");
        assert_eq!(documents, ["{x:{a:1,b:2},y:{b:3,a:1},z:{a:1,b:2,c:4}}"]);
        assert!(faults.is_empty(), "{faults:?}");
    }

    #[test]
    fn a_node_reaches_from_its_first_byte_to_its_last() {
        let text = "a:\n  b: 1\n  c:\n    - x # note\n    - {y: z,\n     w: [1]}\nd: |\n  text\n  more\n";
        let source = NamedSource::new("t.yaml", text);
        let documents = read_documents(&source, &mut Vec::new());
        let part = |pointer: &str| {
            let span = documents[0].resolve_pointer(pointer).map_or(SourceSpan::default(), |node| node.span);
            &text[span.start as usize..span.end as usize]
        };
        assert_eq!(part("/a"), "b: 1\n  c:\n    - x # note\n    - {y: z,\n     w: [1]}");
        assert_eq!(part("/a/c"), "- x # note\n    - {y: z,\n     w: [1]}");
        assert_eq!(part("/a/c/1"), "{y: z,\n     w: [1]}");
        assert_eq!(part("/a/c/1/w"), "[1]");
        assert_eq!(part("/d"), "text\n  more");
    }

    #[test]
    fn a_blank_that_is_none_to_yaml_is_a_part_of_its_scalar() {
        for around in ["", "z: &z 1\n"] {
            let text = format!("{around}a: x\u{a0}\nb: 1\n");
            let source = NamedSource::new("t.yaml", text.clone());
            let documents = read_documents(&source, &mut Vec::new());
            let span = documents[0].resolve_pointer("/a").map_or(SourceSpan::default(), |node| node.span);
            assert_eq!(&text[span.start as usize..span.end as usize], "x\u{a0}");
        }
    }

    #[test]
    fn all_faults_with_their_places() {
        let (_, faults) = parse("a: 1\nb: 2\na: 3\n[x]: 1\nc: !foo 1\nd: 1\nd: 2\n");
        let expected = [
            "duplicate-key Some((3, 1))",
            "invalid-key Some((4, 1))",
            "unknown-tag Some((5, 4))",
            "duplicate-key Some((7, 1))",
        ];
        assert_eq!(faults, expected);
    }

    #[test]
    fn bombs_are_bounded() {
        let mut text = String::from("a: &a [x,x,x,x,x,x,x,x,x,x]\n");
        for (name, last) in
            ["b", "c", "d", "e", "f", "g", "h"].iter().zip(["a", "b", "c", "d", "e", "f", "g"])
        {
            text.push_str(&format!("{name}: &{name} [{}]\n", vec![format!("*{last}"); 10].join(",")));
        }
        assert_eq!(parse(&text).1.len(), 1);
        assert!(parse(&"[".repeat(100_000)).1[0].starts_with("yaml-syntax"));
        assert!(parse(&format!("a: {}", "{a: ".repeat(200))).1[0].starts_with("yaml-syntax"));
    }

    #[test]
    fn a_file_that_cannot_be_read_shows_no_values() {
        let source = NamedSource::new("t.yaml", "key: \"abc\nother: topsecret\n");
        let mut faults = Vec::new();
        read_documents(&source, &mut faults);
        assert_eq!(faults.len(), 1);
        let redacted: String = source.list_redactions().iter().map(|v| &source.text[v.clone()]).collect();
        assert!(redacted.contains("topsecret") && redacted.contains("\"abc"));
    }

    #[test]
    fn a_file_that_cannot_be_read_shows_no_text_before_a_colon() {
        for text in [
            "export TOKEN=topsecret:1\nother: [\n",
            "a: |\n  topsecret: x\n  more topsecret\nb: [\n",
            "a: >-\n\n    topsecret: x\n\n    topsecret: y\nb: [\n",
            "a: \"x\n  topsecret: y\n  z\n",
            "topsecret-1234: [\n",
            "- topsecret://user: [\n",
            "a: {topsecret: [\n",
        ] {
            let source = NamedSource::new("t.yaml", text);
            read_documents(&source, &mut Vec::new());
            let redactions = source.list_redactions();
            for (at, _) in text.match_indices("topsecret") {
                assert!(redactions.iter().any(|range| range.contains(&at)), "{text:?} {at}");
            }
        }
    }

    #[test]
    fn numbers_are_reported_from_texts() {
        for yes in ["0", "-1", "12.50", "1e3", "0.5"] {
            assert!(is_number_literal(yes), "{yes}");
        }
        for no in ["012", "+46 70", "1_000", "", "-", ".", "0x1", "inf", "nan", "12:30"] {
            assert!(!is_number_literal(no), "{no}");
        }
    }
}
