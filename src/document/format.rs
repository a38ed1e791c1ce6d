//! One way to lay out YAML that people wrote: two spaces a level, the keys of a document in their order, one blank
//! behind colons and commas, none at ends of lines, one line break at the end. Comments, quotes, brackets, wording
//! and the sort of line breaks stay.
//!
//! It works on lines, by the places of nodes, and moves what belongs together by the same number of columns.
//! Whatever comes out is read again and compared with what was there; when the two differ, or the text holds
//! something that this does not know, the text stays as it is.
//! Deliberately absent: what a text means, and files.

mod spacing;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use self::spacing::space_tokens;
use super::read::DOCUMENT_KEYS;
use crate::diagnostic::NamedSource;
use crate::yaml::{self, YamlData, YamlNode};

/// How many columns one level takes.
const INDENT_WIDTH: usize = 2;

/// What became of a text.
#[derive(PartialEq, Eq, Debug)]
pub enum FormatOutcome {
    /// It was tidy.
    Unchanged,
    /// This is how it should be.
    Changed(String),
    /// It holds something that is left alone.
    Skipped,
}

/// Lays out a text without faults. `heads`: whether its documents have the keys of documents.
pub fn format_source(source: &Arc<NamedSource>, heads: bool) -> FormatOutcome {
    let mut faults = Vec::new();
    let nodes = yaml::read_documents(source, &mut faults);
    if !faults.is_empty() {
        return FormatOutcome::Skipped;
    }
    let spaced = space_source(source, &nodes);
    // places are those of the text that was read
    let spaced = NamedSource::new("", spaced);
    let shaped = LineLayout::new(&spaced.text, &yaml::read_documents(&spaced, &mut faults)).render_text();
    let ordered = if heads { order_keys(&shaped) } else { shaped };
    let ordered = match uses_crlf(&source.text) {
        true => ordered.replace('\n', "\r\n"),
        false => ordered,
    };
    if *ordered == *source.text {
        return FormatOutcome::Unchanged;
    }
    let again = NamedSource::new("", ordered.clone());
    let read = yaml::read_documents(&again, &mut faults);
    let same = read.len() == nodes.len() && read.iter().zip(&nodes).all(|(a, b)| is_equivalent(a, b));
    if faults.is_empty() && same { FormatOutcome::Changed(ordered) } else { FormatOutcome::Skipped }
}

/// The text with its blanks in order and line feeds alone, where it still says the same.
fn space_source(source: &NamedSource, nodes: &[YamlNode]) -> String {
    let plain = NamedSource::new("", source.text.replace("\r\n", "\n"));
    let spaced = space_tokens(&plain.text, &yaml::read_documents(&plain, &mut Vec::new()));
    let mut faults = Vec::new();
    let again = NamedSource::new("", spaced);
    let read = yaml::read_documents(&again, &mut faults);
    let same = read.len() == nodes.len() && read.iter().zip(nodes).all(|(a, b)| is_equivalent(a, b));
    if faults.is_empty() && same { again.text.to_string() } else { plain.text.to_string() }
}

/// Whether lines end as they do on Windows: as the first one does.
fn uses_crlf(text: &str) -> bool {
    text.find('\n').is_some_and(|at| text[..at].ends_with('\r'))
}

/// Whether two nodes say the same; the order of keys says nothing.
fn is_equivalent(a: &YamlNode, b: &YamlNode) -> bool {
    match (&a.data, &b.data) {
        (YamlData::Scalar { text, plain: bare }, YamlData::Scalar { text: other, plain: also }) => {
            text == other && bare == also
        }
        (YamlData::Sequence(a), YamlData::Sequence(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_equivalent(a, b))
        }
        (YamlData::Mapping(a), YamlData::Mapping(b)) => {
            let find = |key: &str| b.iter().find(|other| other.key == key);
            a.len() == b.len()
                && a.iter()
                    .all(|own| find(&own.key).is_some_and(|other| is_equivalent(&own.value, &other.value)))
        }
        _ => false,
    }
}

/// A line whose first word is where it is for a reason.
#[derive(Clone, Copy)]
struct LineIndent {
    /// The column at which it is to stand.
    column: usize,
    /// By how much what continues it moves.
    shift: isize,
}

/// A text and the lines of it that are known.
struct LineLayout<'t> {
    text: &'t str,
    /// By the byte at which a line begins.
    indents: BTreeMap<usize, LineIndent>,
    /// Blanks behind dashes, of which one stays.
    dash_gaps: Vec<Range<usize>>,
    /// Bytes in which blanks and empty lines mean something.
    verbatim: Vec<Range<usize>>,
    /// Where the last node began: they come in the order of the text, except what an alias brings again.
    last_start: usize,
}

impl<'t> LineLayout<'t> {
    fn new(text: &'t str, nodes: &[YamlNode]) -> Self {
        let mut page = Self {
            text,
            indents: BTreeMap::new(),
            dash_gaps: Vec::new(),
            verbatim: Vec::new(),
            last_start: 0,
        };
        nodes.iter().for_each(|node| page.place_node(node, 0));
        page
    }

    fn find_line_start(&self, at: usize) -> usize {
        self.text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1)
    }

    /// The column of a byte before which its line is blank.
    fn find_column(&self, at: usize) -> Option<usize> {
        let line = self.find_line_start(at);
        self.text.get(line..at)?.bytes().all(|byte| byte == b' ').then_some(at - line)
    }

    /// Whether a collection stands in brackets or braces, and not just its first item.
    fn is_flow(&self, node: &YamlNode) -> bool {
        let opens =
            self.text.get(node.span.start as usize..).is_some_and(|text| text.starts_with(['{', '[']));
        let first = match &node.data {
            YamlData::Mapping(entries) => entries.first().map(|entry| entry.key_span),
            _ => node.items().first().map(|item| item.span),
        };
        opens && first.is_none_or(|first| first.start > node.span.start)
    }

    /// Notes where the lines of a node belong when it stands at this column.
    fn place_node(&mut self, node: &YamlNode, column: usize) {
        let span = node.span.start as usize..node.span.end as usize;
        if span.start < self.last_start {
            return;
        }
        self.last_start = span.start;
        match &node.data {
            // of a block, the first line too
            YamlData::Scalar { .. } if self.find_column(span.start).is_some_and(|column| column > 0) => {
                self.verbatim.push(self.find_line_start(span.start).saturating_sub(1)..span.end);
            }
            YamlData::Scalar { .. } => self.verbatim.push(span),
            _ if self.is_flow(node) => self.verbatim.push(span),
            YamlData::Mapping(entries) => {
                for entry in entries {
                    let at = entry.key_span.start as usize;
                    if at < self.last_start {
                        continue;
                    }
                    if let Some(old) = self.find_column(at) {
                        self.place_line(at, column, old as isize, column as isize);
                    }
                    self.place_node(&entry.value, column + INDENT_WIDTH);
                }
            }
            YamlData::Sequence(items) => items.iter().for_each(|item| self.place_item(item, column)),
        }
    }

    fn place_item(&mut self, item: &YamlNode, column: usize) {
        let at = match &item.data {
            YamlData::Mapping(entries) if !self.is_flow(item) => {
                entries.first().map(|first| first.key_span.start)
            }
            _ => Some(item.span.start),
        };
        let at = at.unwrap_or(item.span.start) as usize;
        let line = self.find_line_start(at);
        let before = self.text.get(line..at).unwrap_or_default();
        let stem = before.trim_end_matches(' ');
        if let Some(dash) = stem.strip_suffix('-').map(|stem| line + stem.len()) {
            if let Some(old) = self.find_column(dash) {
                let (inside, moved) = ((at - line) as isize, (column + INDENT_WIDTH) as isize);
                self.place_line(dash, column, inside, moved);
                debug_assert!(old <= at - line, "a dash stands before its item");
            }
            self.dash_gaps.push(dash + 1..at);
        }
        self.place_node(item, column + INDENT_WIDTH);
    }

    fn place_line(&mut self, at: usize, column: usize, old: isize, new: isize) {
        let line = self.find_line_start(at);
        self.indents.entry(line).or_insert(LineIndent { column, shift: new - old });
    }

    /// The text with every line where it belongs.
    fn render_text(&self) -> String {
        let lines = self.split_lines();
        let shifts = self.compute_comment_shifts(&lines);
        let mut out = String::with_capacity(self.text.len());
        let (mut shift, mut blank) = (0, true);
        for (number, line) in lines.iter().enumerate() {
            let inside = self.is_verbatim(line.start);
            let text = self.text.get(line.clone()).unwrap_or_default();
            let known = self.indents.get(&line.start).copied();
            let content = text.trim_start_matches(' ');
            if !inside && content.trim_end().is_empty() {
                // one empty line is as good as several
                if !blank {
                    out.push('\n');
                }
                blank = true;
                continue;
            }
            blank = false;
            if let Some(start) = known {
                shift = start.shift;
                out.extend(std::iter::repeat_n(' ', start.column));
                out.push_str(
                    self.collapse_gaps(line, text.len() - content.len()).trim_end_matches([' ', '\t']),
                );
            } else if !inside && (content.starts_with('#') || is_document_marker(text)) {
                let shift = if is_document_marker(text) {
                    0
                } else {
                    shifts.get(number).copied().flatten().unwrap_or(shift)
                };
                write_shifted(&mut out, text, shift);
                trim_line_end(&mut out);
            } else {
                write_shifted(&mut out, text, shift);
                if !inside {
                    trim_line_end(&mut out);
                }
            }
            out.push('\n');
        }
        let end = out.trim_end_matches('\n').len();
        if !self.is_verbatim(self.text.len().saturating_sub(1)) {
            out.truncate(end);
            out.push('\n');
        }
        out
    }

    fn split_lines(&self) -> Vec<Range<usize>> {
        let mut start = 0;
        let line = |line: &str| {
            let range = start..start + line.len();
            start += line.len();
            range.start..range.end - usize::from(line.ends_with('\n'))
        };
        self.text.split_inclusive('\n').map(line).collect()
    }

    /// Whether a line begins within a value.
    fn is_verbatim(&self, line: usize) -> bool {
        let next = self.verbatim.partition_point(|kept| kept.start < line);
        next.checked_sub(1).and_then(|at| self.verbatim.get(at)).is_some_and(|kept| line < kept.end)
    }

    /// A line from its first word on, with one blank behind each dash.
    fn collapse_gaps(&self, line: &Range<usize>, indent: usize) -> String {
        let (mut out, mut at) = (String::new(), line.start + indent);
        let first = self.dash_gaps.partition_point(|gap| gap.start < line.start);
        for gap in self.dash_gaps.iter().skip(first).take_while(|gap| gap.end <= line.end) {
            out.push_str(self.text.get(at..gap.start).unwrap_or_default());
            out.push(' ');
            at = gap.end;
        }
        out.push_str(self.text.get(at..line.end).unwrap_or_default());
        out
    }

    /// For each line, by how much the next known one moves, which comments belong to.
    fn compute_comment_shifts(&self, lines: &[Range<usize>]) -> Vec<Option<isize>> {
        let mut next = None;
        let shift = |line: &Range<usize>| {
            let here = next;
            let text = self.text.get(line.clone()).unwrap_or_default();
            let content = text.trim_start();
            if !content.is_empty() && !content.starts_with('#') {
                let column = (text.len() - content.len()) as isize;
                next = self.indents.get(&line.start).map(|start| start.column as isize - column);
            }
            here
        };
        let mut shifts: Vec<_> = lines.iter().rev().map(shift).collect();
        shifts.reverse();
        shifts
    }
}

fn is_document_marker(text: &str) -> bool {
    text.starts_with("---") || text.starts_with("...") || text.starts_with('%')
}

fn write_shifted(out: &mut String, text: &str, shift: isize) {
    let content = text.trim_start_matches(' ');
    if content.is_empty() {
        return;
    }
    let column = (text.len() - content.len()) as isize + shift;
    out.extend(std::iter::repeat_n(' ', usize::try_from(column).unwrap_or(0)));
    out.push_str(content);
}

fn trim_line_end(out: &mut String) {
    out.truncate(out.trim_end_matches([' ', '\t']).len());
}

/// The text with the keys of each document in their order.
fn order_keys(text: &str) -> String {
    let source = NamedSource::new("", text);
    let mut faults = Vec::new();
    let nodes = yaml::read_documents(&source, &mut faults);
    let (mut out, mut at) = (String::with_capacity(text.len()), 0);
    for (range, piece) in nodes.iter().filter_map(|node| order_document_keys(&source.text, node)) {
        out.push_str(source.text.get(at..range.start).unwrap_or_default());
        out.push_str(&piece);
        at = range.end;
    }
    out.push_str(source.text.get(at..).unwrap_or_default());
    out
}

/// The lines of a document whose keys stand in another order, as they should be.
fn order_document_keys(text: &str, node: &YamlNode) -> Option<(Range<usize>, String)> {
    let rank = |key: &str| DOCUMENT_KEYS.iter().position(|known| *known == key);
    let mut parts = Vec::new();
    let mut last = 0;
    for (number, entry) in node.entries().iter().enumerate() {
        let at = entry.key_span.start as usize;
        let starts_line = at == 0 || text.as_bytes().get(at - 1) == Some(&b'\n');
        // merged and flowing keys, and those of another file's sort, have no lines of their own
        if !starts_line || at < last {
            return None;
        }
        last = at;
        let start = if number == 0 { at } else { find_comment_start(text, at) };
        parts.push((rank(&entry.key)?, start));
    }
    let end = find_document_end(text, last);
    let first = parts.first()?.1;
    if parts.is_sorted() {
        return None;
    }
    let ends: Vec<usize> = parts.iter().skip(1).map(|(_, start)| *start).chain([end]).collect();
    let mut pieces: Vec<(usize, &str)> = Vec::new();
    for ((rank, start), end) in parts.iter().zip(ends) {
        pieces.push((*rank, text.get(*start..end)?));
    }
    pieces.sort_by_key(|(rank, _)| *rank);
    let whole = |piece: &str| if piece.ends_with('\n') { piece.to_owned() } else { format!("{piece}\n") };
    Some((first..end, pieces.into_iter().map(|(_, piece)| whole(piece)).collect()))
}

/// The first of the comments that stand right above a line.
fn find_comment_start(text: &str, line: usize) -> usize {
    let mut start = line;
    while let Some(before) = text.get(..start.saturating_sub(1)).filter(|_| start > 0) {
        let previous = before.rfind('\n').map_or(0, |at| at + 1);
        if !before[previous..].starts_with('#') {
            break;
        }
        start = previous;
    }
    start
}

/// Where a document ends: before the next border, else with the text.
fn find_document_end(text: &str, from: usize) -> usize {
    let mut at = from;
    for line in text.get(from..).unwrap_or_default().split_inclusive('\n') {
        if is_document_marker(line) {
            return at;
        }
        at += line.len();
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tidied(text: &str) -> FormatOutcome {
        let tidied = format_source(&NamedSource::new("a.yaml", text), true);
        if let FormatOutcome::Changed(after) = &tidied {
            assert_eq!(
                format_source(&NamedSource::new("a.yaml", after.as_str()), true),
                FormatOutcome::Unchanged,
                "{after}"
            );
        }
        tidied
    }

    #[track_caller]
    fn becomes(before: &str, after: &str) {
        assert_eq!(tidied(before), FormatOutcome::Changed(after.to_owned()));
    }

    #[test]
    fn what_is_tidy_stays() {
        for text in [
            "kind: a/b\nname: c\nspec:\n  a: 1\n",
            "# head\nkind: a/b\nname: c\nspec:\n  list:\n    - { a: 1 }\n    - a: 1\n      b: 2\n",
            "kind: a\nname: b\nspec:\n  text: |\n    one  \n\n\n    two\n",
            "a: 1\n---\nb: 2\n",
        ] {
            assert_eq!(tidied(text), FormatOutcome::Unchanged, "{text}");
        }
    }

    #[test]
    fn lines_move_with_what_they_belong_to() {
        becomes(
            "kind: a\nspec:\n    # about a\n    a: 1   \n    list:\n    -   x: 1\n        y: |\n          one\n            two\n    # last\n    z: [1,\n       2]\nname: n",
            "kind: a\nname: n\nspec:\n  # about a\n  a: 1\n  list:\n    - x: 1\n      y: |\n        one\n          two\n  # last\n  z: [1,\n     2]\n",
        );
        becomes(
            "kind: a\r\nname: b\r\n\r\n\r\n\r\nspec: {}\r\n\r\n",
            "kind: a\r\nname: b\r\n\r\nspec: {}\r\n",
        );
        becomes("list:\n- - 1\n  -   2\n- 3\n", "list:\n  - - 1\n    - 2\n  - 3\n");
    }

    #[test]
    fn blanks_within_lines_are_in_order() {
        becomes(
            "a:   1\nb:    'x'   # y\nc:   |\n  one\nd:   &x   2\n",
            "a: 1\nb: 'x'   # y\nc: |\n  one\nd: &x   2\n",
        );
        becomes("a: {b: 1,c: 2}\n", "a: { b: 1, c: 2 }\n");
        becomes("a: {  b :1 , c: [ 1,2 ,3 ] }\n", "a: { b :1, c: [1, 2, 3] }\n");
        becomes("a: {\"b\":1,\"c\":{}}\nd: [ ]\n", "a: { \"b\": 1, \"c\": {} }\nd: []\n");
        becomes("- {a: 1}\n- [  x,  y,  ]\n", "- { a: 1 }\n- [x, y]\n");
        becomes("a: [1,2, # one\n  3,4]\n", "a: [1, 2, # one\n  3, 4]\n");
        becomes("a:   1\r\nb: {c: 'd  e'}\r\n", "a: 1\r\nb: { c: 'd  e' }\r\n");
        for text in
            ["a:    # why\n  b: 1\n", "a: 'x:   y, {z}'\n", "a: |\n  b:   1\n  {c: 1,d: 2}\n", "a: b:c\n"]
        {
            assert_eq!(tidied(text), FormatOutcome::Unchanged, "{text}");
        }
    }

    #[test]
    fn keys_take_their_comments_along_and_the_head_stays() {
        becomes(
            "# schema\nname: n\n# what\nkind: a # k\n---\n# second\nspec:\n  a: 1\n# which\nname: o\nkind: a\n",
            "# schema\n# what\nkind: a # k\nname: n\n---\n# second\nkind: a\n# which\nname: o\nspec:\n  a: 1\n",
        );
    }

    #[test]
    fn what_is_not_known_is_left_alone() {
        for text in ["a: [", "a: 1\na: 2\n"] {
            assert_eq!(tidied(text), FormatOutcome::Skipped, "{text}");
        }
        // anchors, merges and odd keys come out with the same meaning or not at all
        for text in ["a: &x\n    b: 1\nc: *x\nd:\n    <<: *x\n    e: 2\n", "? a\n:   b\n", "{a: 1,\n b: 2}\n"]
        {
            tidied(text);
        }
    }
}
