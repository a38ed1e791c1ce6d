//! One way to lay out YAML that people wrote: two spaces a level, the keys of a document in their order, no
//! blanks at ends of lines, one line break at the end. Comments, quotes, brackets and wording stay.
//!
//! It works on lines, by the places of nodes, and moves what belongs together by the same number of columns.
//! Whatever comes out is read again and compared with what was there; when the two differ, or the text holds
//! something that this does not know, the text stays as it is.
//! Deliberately absent: what a text means, and files.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::read::KEYS;
use crate::diagnostic::Source;
use crate::yaml::{self, Data, Node};

/// How many columns one level takes.
const STEP: usize = 2;

/// What became of a text.
#[derive(PartialEq, Eq, Debug)]
pub enum Tidied {
    /// It was tidy.
    Fine,
    /// This is how it should be.
    Changed(String),
    /// It holds something that is left alone.
    Untouched,
}

/// Lays out a text without faults. `heads`: whether its documents have the keys of documents.
pub fn tidy(source: &Arc<Source>, heads: bool) -> Tidied {
    let mut faults = Vec::new();
    let nodes = yaml::read(source, &mut faults);
    if !faults.is_empty() {
        return Tidied::Untouched;
    }
    let plain = source.text.replace("\r\n", "\n");
    let shaped = match plain == *source.text {
        true => Page::new(&source.text, &nodes).shaped(),
        // places are those of the text that was read
        false => {
            let source = Source::new("", plain);
            let nodes = yaml::read(&source, &mut faults);
            Page::new(&source.text, &nodes).shaped()
        }
    };
    let ordered = if heads { ordered(&shaped) } else { shaped };
    if *ordered == *source.text {
        return Tidied::Fine;
    }
    let again = Source::new("", ordered.clone());
    let read = yaml::read(&again, &mut faults);
    let same = read.len() == nodes.len() && read.iter().zip(&nodes).all(|(a, b)| is_same(a, b));
    if faults.is_empty() && same { Tidied::Changed(ordered) } else { Tidied::Untouched }
}

/// Whether two nodes say the same; the order of keys says nothing.
fn is_same(a: &Node, b: &Node) -> bool {
    match (&a.data, &b.data) {
        (Data::Scalar { text, bare }, Data::Scalar { text: other, bare: also }) => {
            text == other && bare == also
        }
        (Data::List(a), Data::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_same(a, b)),
        (Data::Map(a), Data::Map(b)) => {
            let find = |key: &str| b.iter().find(|other| other.key == key);
            a.len() == b.len()
                && a.iter().all(|own| find(&own.key).is_some_and(|other| is_same(&own.value, &other.value)))
        }
        _ => false,
    }
}

/// A line whose first word is where it is for a reason.
#[derive(Clone, Copy)]
struct Start {
    /// The column at which it is to stand.
    column: usize,
    /// By how much what continues it moves.
    shift: isize,
}

/// A text and the lines of it that are known.
struct Page<'t> {
    text: &'t str,
    /// By the byte at which a line begins.
    starts: BTreeMap<usize, Start>,
    /// Blanks behind dashes, of which one stays.
    gaps: Vec<Range<usize>>,
    /// Bytes in which blanks and empty lines mean something.
    kept: Vec<Range<usize>>,
    /// Where the last node began: they come in the order of the text, except what an alias brings again.
    last: usize,
}

impl<'t> Page<'t> {
    fn new(text: &'t str, nodes: &[Node]) -> Self {
        let mut page = Self { text, starts: BTreeMap::new(), gaps: Vec::new(), kept: Vec::new(), last: 0 };
        nodes.iter().for_each(|node| page.node(node, 0));
        page
    }

    fn line_of(&self, at: usize) -> usize {
        self.text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1)
    }

    /// The column of a byte before which its line is blank.
    fn column(&self, at: usize) -> Option<usize> {
        let line = self.line_of(at);
        self.text.get(line..at)?.bytes().all(|byte| byte == b' ').then_some(at - line)
    }

    /// Whether a collection stands in brackets or braces, and not just its first item.
    fn is_flow(&self, node: &Node) -> bool {
        let opens =
            self.text.get(node.span.start as usize..).is_some_and(|text| text.starts_with(['{', '[']));
        let first = match &node.data {
            Data::Map(entries) => entries.first().map(|entry| entry.key_span),
            _ => node.items().first().map(|item| item.span),
        };
        opens && first.is_none_or(|first| first.start > node.span.start)
    }

    /// Notes where the lines of a node belong when it stands at this column.
    fn node(&mut self, node: &Node, column: usize) {
        let span = node.span.start as usize..node.span.end as usize;
        if span.start < self.last {
            return;
        }
        self.last = span.start;
        match &node.data {
            // of a block, the first line too
            Data::Scalar { .. } if self.column(span.start).is_some_and(|column| column > 0) => {
                self.kept.push(self.line_of(span.start).saturating_sub(1)..span.end);
            }
            Data::Scalar { .. } => self.kept.push(span),
            _ if self.is_flow(node) => self.kept.push(span),
            Data::Map(entries) => {
                for entry in entries {
                    let at = entry.key_span.start as usize;
                    if at < self.last {
                        continue;
                    }
                    if let Some(old) = self.column(at) {
                        self.start(at, column, old as isize, column as isize);
                    }
                    self.node(&entry.value, column + STEP);
                }
            }
            Data::List(items) => items.iter().for_each(|item| self.item(item, column)),
        }
    }

    fn item(&mut self, item: &Node, column: usize) {
        let at = match &item.data {
            Data::Map(entries) if !self.is_flow(item) => entries.first().map(|first| first.key_span.start),
            _ => Some(item.span.start),
        };
        let at = at.unwrap_or(item.span.start) as usize;
        let line = self.line_of(at);
        let before = self.text.get(line..at).unwrap_or_default();
        let stem = before.trim_end_matches(' ');
        if let Some(dash) = stem.strip_suffix('-').map(|stem| line + stem.len()) {
            if let Some(old) = self.column(dash) {
                let (inside, moved) = ((at - line) as isize, (column + STEP) as isize);
                self.start(dash, column, inside, moved);
                debug_assert!(old <= at - line, "a dash stands before its item");
            }
            self.gaps.push(dash + 1..at);
        }
        self.node(item, column + STEP);
    }

    fn start(&mut self, at: usize, column: usize, old: isize, new: isize) {
        let line = self.line_of(at);
        self.starts.entry(line).or_insert(Start { column, shift: new - old });
    }

    /// The text with every line where it belongs.
    fn shaped(&self) -> String {
        let lines = self.lines();
        let shifts = self.next_shifts(&lines);
        let mut out = String::with_capacity(self.text.len());
        let (mut shift, mut blank) = (0, true);
        for (number, line) in lines.iter().enumerate() {
            let inside = self.is_kept(line.start);
            let text = self.text.get(line.clone()).unwrap_or_default();
            let known = self.starts.get(&line.start).copied();
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
                out.push_str(self.squeezed(line, text.len() - content.len()).trim_end_matches([' ', '\t']));
            } else if !inside && (content.starts_with('#') || is_border(text)) {
                let shift =
                    if is_border(text) { 0 } else { shifts.get(number).copied().flatten().unwrap_or(shift) };
                moved(&mut out, text, shift);
                trim(&mut out);
            } else {
                moved(&mut out, text, shift);
                if !inside {
                    trim(&mut out);
                }
            }
            out.push('\n');
        }
        let end = out.trim_end_matches('\n').len();
        if !self.is_kept(self.text.len().saturating_sub(1)) {
            out.truncate(end);
            out.push('\n');
        }
        out
    }

    fn lines(&self) -> Vec<Range<usize>> {
        let mut start = 0;
        let line = |line: &str| {
            let range = start..start + line.len();
            start += line.len();
            range.start..range.end - usize::from(line.ends_with('\n'))
        };
        self.text.split_inclusive('\n').map(line).collect()
    }

    /// Whether a line begins within a value.
    fn is_kept(&self, line: usize) -> bool {
        let next = self.kept.partition_point(|kept| kept.start < line);
        next.checked_sub(1).and_then(|at| self.kept.get(at)).is_some_and(|kept| line < kept.end)
    }

    /// A line from its first word on, with one blank behind each dash.
    fn squeezed(&self, line: &Range<usize>, indent: usize) -> String {
        let (mut out, mut at) = (String::new(), line.start + indent);
        let first = self.gaps.partition_point(|gap| gap.start < line.start);
        for gap in self.gaps.iter().skip(first).take_while(|gap| gap.end <= line.end) {
            out.push_str(self.text.get(at..gap.start).unwrap_or_default());
            out.push(' ');
            at = gap.end;
        }
        out.push_str(self.text.get(at..line.end).unwrap_or_default());
        out
    }

    /// For each line, by how much the next known one moves, which comments belong to.
    fn next_shifts(&self, lines: &[Range<usize>]) -> Vec<Option<isize>> {
        let mut next = None;
        let shift = |line: &Range<usize>| {
            let here = next;
            let text = self.text.get(line.clone()).unwrap_or_default();
            let content = text.trim_start();
            if !content.is_empty() && !content.starts_with('#') {
                let column = (text.len() - content.len()) as isize;
                next = self.starts.get(&line.start).map(|start| start.column as isize - column);
            }
            here
        };
        let mut shifts: Vec<_> = lines.iter().rev().map(shift).collect();
        shifts.reverse();
        shifts
    }
}

fn is_border(text: &str) -> bool {
    text.starts_with("---") || text.starts_with("...") || text.starts_with('%')
}

fn moved(out: &mut String, text: &str, shift: isize) {
    let content = text.trim_start_matches(' ');
    if content.is_empty() {
        return;
    }
    let column = (text.len() - content.len()) as isize + shift;
    out.extend(std::iter::repeat_n(' ', usize::try_from(column).unwrap_or(0)));
    out.push_str(content);
}

fn trim(out: &mut String) {
    out.truncate(out.trim_end_matches([' ', '\t']).len());
}

/// The text with the keys of each document in their order.
fn ordered(text: &str) -> String {
    let source = Source::new("", text);
    let mut faults = Vec::new();
    let nodes = yaml::read(&source, &mut faults);
    let (mut out, mut at) = (String::with_capacity(text.len()), 0);
    for (range, piece) in nodes.iter().filter_map(|node| head(&source.text, node)) {
        out.push_str(source.text.get(at..range.start).unwrap_or_default());
        out.push_str(&piece);
        at = range.end;
    }
    out.push_str(source.text.get(at..).unwrap_or_default());
    out
}

/// The lines of a document whose keys stand in another order, as they should be.
fn head(text: &str, node: &Node) -> Option<(Range<usize>, String)> {
    let rank = |key: &str| KEYS.iter().position(|known| *known == key);
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
        let start = if number == 0 { at } else { above(text, at) };
        parts.push((rank(&entry.key)?, start));
    }
    let end = end_of(text, last);
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
fn above(text: &str, line: usize) -> usize {
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
fn end_of(text: &str, from: usize) -> usize {
    let mut at = from;
    for line in text.get(from..).unwrap_or_default().split_inclusive('\n') {
        if is_border(line) {
            return at;
        }
        at += line.len();
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tidied(text: &str) -> Tidied {
        let tidied = tidy(&Source::new("a.yaml", text), true);
        if let Tidied::Changed(after) = &tidied {
            assert_eq!(tidy(&Source::new("a.yaml", after.as_str()), true), Tidied::Fine, "{after}");
        }
        tidied
    }

    #[track_caller]
    fn becomes(before: &str, after: &str) {
        assert_eq!(tidied(before), Tidied::Changed(after.to_owned()));
    }

    #[test]
    fn what_is_tidy_stays() {
        for text in [
            "kind: a/b\nname: c\nspec:\n  a: 1\n",
            "# head\nkind: a/b\nname: c\nspec:\n  list:\n    - { a: 1 }\n    - a: 1\n      b: 2\n",
            "kind: a\nname: b\nspec:\n  text: |\n    one  \n\n\n    two\n",
            "a: 1\n---\nb: 2\n",
        ] {
            assert_eq!(tidied(text), Tidied::Fine, "{text}");
        }
    }

    #[test]
    fn lines_move_with_what_they_belong_to() {
        becomes(
            "kind: a\nspec:\n    # about a\n    a: 1   \n    list:\n    -   x: 1\n        y: |\n          one\n            two\n    # last\n    z: [1,\n       2]\nname: n",
            "kind: a\nname: n\nspec:\n  # about a\n  a: 1\n  list:\n    - x: 1\n      y: |\n        one\n          two\n  # last\n  z: [1,\n     2]\n",
        );
        becomes("kind: a\r\nname: b\r\n\r\n\r\n\r\nspec: {}\r\n\r\n", "kind: a\nname: b\n\nspec: {}\n");
        becomes("list:\n- - 1\n  -   2\n- 3\n", "list:\n  - - 1\n    - 2\n  - 3\n");
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
            assert_eq!(tidied(text), Tidied::Untouched, "{text}");
        }
        // anchors, merges and odd keys come out with the same meaning or not at all
        for text in ["a: &x\n    b: 1\nc: *x\nd:\n    <<: *x\n    e: 2\n", "? a\n:   b\n", "{a: 1,\n b: 2}\n"]
        {
            tidied(text);
        }
    }
}
