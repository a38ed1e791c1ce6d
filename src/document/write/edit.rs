//! Changes to a text that is there, by the bytes of its nodes: everything else stays as it was written.
//!
//! A value is replaced in the style in which it stands, items and entries come and go with their lines. What
//! stands behind an anchor, or cannot be told from what surrounds it, is not touched: the caller hears of it.
//! Whoever applies the edits reads the result again and compares; nothing here is believed on its own.

use std::ops::Range;
use std::sync::Arc;

use super::layout::{self, Row, Tree};
use crate::diagnostic::{Source, Span};
use crate::yaml::{self, Data, Node};

/// Bytes that go, and what comes in their place.
#[derive(Clone, PartialEq, Eq)]
pub struct Cut {
    pub range: Range<usize>,
    pub text: String,
}

/// Why a change can't be made to the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stuck {
    pub span: Span,
    /// Completes "this value …".
    pub why: &'static str,
}

type Done = Result<(), Stuck>;

/// Collects the edits of one document.
pub struct Editor<'t> {
    text: &'t str,
    root: &'t Node<'t>,
    newline: &'static str,
    cuts: Vec<Cut>,
}

/// A node, and the nodes around it from the outside in.
struct Found<'t> {
    node: &'t Node<'t>,
    around: Vec<&'t Node<'t>>,
}

/// One item of a list or entry of a mapping, as it stands in the text.
#[derive(Clone, Copy)]
struct Part {
    /// The first byte of an item, or of an entry's key.
    start: usize,
    end: usize,
}

impl<'t> Editor<'t> {
    /// Edits for the document at `root`.
    pub fn new(source: &'t Arc<Source>, root: &'t Node<'t>) -> Self {
        let newline = if source.text.contains("\r\n") { "\r\n" } else { "\n" };
        Self { text: &source.text, root, newline, cuts: Vec::new() }
    }

    /// The edits so far.
    pub fn finish(self) -> Vec<Cut> {
        self.cuts
    }

    /// Puts another value where one stands.
    ///
    /// # Errors
    /// When the value is not the only one that these bytes stand for, or can't be told from its surroundings.
    pub fn replace(&mut self, span: Span, tree: &Tree) -> Done {
        let found = self.find(span)?;
        if span.start == span.end {
            return Err(stuck(span, "is not written out"));
        }
        if let Some(header) = self.block_header(span.start as usize) {
            return self.replace_block(span, &header, tree);
        }
        let in_flow = found.around.iter().any(|node| self.is_flow(node));
        let range = bytes(span);
        match tree {
            Tree::Text(text) => {
                let old = self.text.get(range.clone()).unwrap_or_default();
                let text = in_style_of(old, text, in_flow);
                self.cut(range, text);
            }
            Tree::Word(_) | Tree::Slot(_) => self.cut(range, layout::flow(tree)),
            Tree::List(_) | Tree::Map(_) if in_flow => self.cut(range, layout::flow(tree)),
            Tree::List(_) | Tree::Map(_) => return self.unfold(span, &found, tree),
        }
        Ok(())
    }

    /// Takes a comment away that stands behind a value on its line, if it says just this.
    pub fn drop_remark(&mut self, span: Span, remark: &str) {
        let end = span.end as usize;
        let rest = self.text.get(end..self.line_end(end)).unwrap_or_default();
        if rest.trim() == format!("# {remark}") {
            self.cut(end..end + rest.trim_end().len(), String::new());
        }
    }

    /// Takes items out of a list, by their places, and adds others at its end.
    ///
    /// # Errors
    /// When the lines of the list can't be told from what surrounds them.
    pub fn items(&mut self, list: Span, removed: &[usize], added: &[Tree]) -> Done {
        let found = self.find(list)?;
        let node = found.node;
        let parts =
            node.items().iter().map(|item| self.part(node, opening(item.span), item)).collect::<Option<_>>();
        let parts: Vec<Part> = parts.ok_or(stuck(list, SHARED))?;
        if self.is_flow(node) {
            return self.in_flow(node, &parts, removed, added.iter().map(layout::flow).collect());
        }
        let dash = parts.first().and_then(|first| self.dash(first.start)).ok_or(stuck(list, UNCLEAR))?;
        let indent = self.column(dash);
        let mut lines = String::new();
        added.iter().for_each(|tree| layout::item(tree, indent, &mut lines));
        let dashes = parts.iter().map(|part| Some(Part { start: self.dash(part.start)?, end: part.end }));
        let parts: Vec<Part> = dashes.collect::<Option<_>>().ok_or(stuck(list, UNCLEAR))?;
        self.in_lines(&found, &parts, (removed, parts.len() - 1), (lines, "[]"))
    }

    /// Takes entries out of a mapping, by their keys, and adds others at its end.
    ///
    /// # Errors
    /// When the lines of the mapping can't be told from what surrounds them.
    pub fn entries(&mut self, map: Span, removed: &[&str], added: &[Row]) -> Done {
        let found = self.find(map)?;
        let entries = found.node.entries();
        let gone = |key: &&str| entries.iter().position(|entry| entry.key == **key);
        let removed: Option<Vec<usize>> = removed.iter().map(gone).collect();
        let removed = removed.ok_or(stuck(map, SHARED))?;
        self.change_entries(&found, (&removed, entries.len().saturating_sub(1)), added)
    }

    /// Adds entries to a mapping behind the one called `key`.
    ///
    /// # Errors
    /// When the lines of the mapping can't be told from what surrounds them.
    pub fn entries_behind(&mut self, map: Span, key: &str, added: &[Row]) -> Done {
        let found = self.find(map)?;
        let at = found.node.entries().iter().position(|entry| entry.key == *key).ok_or(stuck(map, SHARED))?;
        self.change_entries(&found, (&[], at), added)
    }

    fn change_entries(
        &mut self,
        found: &Found<'t>,
        (removed, behind): (&[usize], usize),
        added: &[Row],
    ) -> Done {
        let node = found.node;
        let part = |entry: &'t yaml::Entry<'t>| self.part(node, entry.key_span, &entry.value);
        let mut parts: Vec<Option<Part>> = node.entries().iter().map(part).collect();
        if !self.is_flow(node) && removed.is_empty() {
            // what does not change may be shared
            parts = parts.into_iter().skip(behind).take(1).collect();
        }
        let behind = behind.min(parts.len().saturating_sub(1));
        let parts: Vec<Part> = parts.into_iter().collect::<Option<_>>().ok_or(stuck(node.span, SHARED))?;
        if self.is_flow(node) {
            return self.in_flow(node, &parts, removed, added.iter().filter_map(layout::entry).collect());
        }
        let first = parts.first().ok_or(stuck(node.span, UNCLEAR))?;
        let mut lines = String::new();
        layout::rows(added, self.column(first.start), &mut lines);
        self.in_lines(found, &parts, (removed, behind), (lines, "{}"))
    }

    /// Parts that stand on lines of their own: whole lines go, and others come behind a part.
    fn in_lines(
        &mut self,
        found: &Found<'t>,
        parts: &[Part],
        (removed, behind): (&[usize], usize),
        (lines, empty): (String, &str),
    ) -> Done {
        let unclear = stuck(found.node.span, UNCLEAR);
        let mut lines = lines.replace('\n', self.newline);
        if removed.len() == parts.len() && lines.is_empty() {
            let colon = self.colon(found).ok_or(unclear)?;
            self.cut(colon..colon, format!(" {empty}"));
        }
        for at in removed {
            let part = parts.get(*at).ok_or(unclear)?;
            let range = self.lines_of(*part).ok_or(unclear)?;
            let text = if *at == behind { std::mem::take(&mut lines) } else { String::new() };
            self.cut(range, text);
        }
        if lines.is_empty() {
            return Ok(());
        }
        let part = parts.get(behind).filter(|part| self.ends_line(part.end)).ok_or(unclear)?;
        let at = self.line_end(part.end);
        self.cut(at..at, format!("{}{}", self.newline, lines.trim_end()));
        Ok(())
    }

    /// The end of `key:` before a list or mapping.
    fn colon(&self, found: &Found) -> Option<usize> {
        let entries = found.around.last()?.entries();
        let entry = entries.iter().find(|entry| entry.value.span == found.node.span)?;
        let end = entry.key_span.end as usize;
        self.text.get(end..)?.starts_with(':').then_some(end + 1)
    }

    /// Parts between brackets or braces: each run of removed ones goes with one of its commas.
    fn in_flow(&mut self, node: &Node, parts: &[Part], removed: &[usize], added: Vec<String>) -> Done {
        let added = added.join(", ");
        let (Some(first), Some(last)) = (parts.first(), parts.last()) else {
            let inner = node.span.start as usize + 1..(node.span.end as usize).saturating_sub(1);
            let blank = self.text.get(inner.clone()).is_some_and(|inner| inner.trim().is_empty());
            let padded = if matches!(node.data, Data::Map(_)) { format!(" {added} ") } else { added };
            if !blank {
                return Err(stuck(node.span, UNCLEAR));
            }
            self.cut(inner, padded);
            return Ok(());
        };
        let gaps = parts.windows(2).filter_map(|pair| self.text.get(pair[0].end..pair[1].start));
        if !removed.is_empty() && gaps.clone().any(|gap| gap.contains('#')) {
            return Err(stuck(node.span, "has comments between its items"));
        }
        if removed.len() == parts.len() {
            self.cut(first.start..last.end, added);
            return Ok(());
        }
        for run in runs(parts.len(), removed) {
            let (from, to) = (&parts[run.start], &parts[run.end - 1]);
            match (run.start.checked_sub(1).and_then(|at| parts.get(at)), parts.get(run.end)) {
                (Some(before), _) => self.cut(before.end..to.end, String::new()),
                (None, Some(after)) => self.cut(from.start..after.start, String::new()),
                (None, None) => {}
            }
        }
        if !added.is_empty() {
            self.cut(last.end..last.end, format!(", {added}"));
        }
        Ok(())
    }

    /// A collection that does not fit on the line of a single value.
    fn unfold(&mut self, span: Span, found: &Found, tree: &Tree) -> Done {
        let parent = found.around.last().map_or(&[][..], |parent| parent.entries());
        let entry = parent.iter().find(|entry| entry.value.span == span).ok_or(stuck(span, UNCLEAR))?;
        let before = self.text.get(..span.start as usize).unwrap_or_default();
        let blanks = before.len() - before.trim_end_matches([' ', '\t']).len();
        if !before.trim_end_matches([' ', '\t']).ends_with(':') {
            return Err(stuck(span, UNCLEAR));
        }
        let indent = self.column(entry.key_span.start as usize);
        let mut lines = String::new();
        layout::value(tree, None, indent, &mut lines);
        let range = span.start as usize - blanks..span.end as usize;
        self.cut(range, lines.trim_end().replace('\n', self.newline));
        Ok(())
    }

    fn replace_block(&mut self, span: Span, header: &Range<usize>, tree: &Tree) -> Done {
        let indent = self.column(span.start as usize);
        let block = match tree {
            Tree::Text(text) => layout::literal(text, indent),
            _ => None,
        };
        if let Some((word, body)) = block {
            self.cut(header.clone(), word.to_owned());
            let body = body.trim().replace('\n', self.newline);
            self.cut(bytes(span), body);
            return Ok(());
        }
        let between = self.text.get(header.end..span.start as usize).unwrap_or_default();
        if matches!(tree, Tree::List(_) | Tree::Map(_)) || !between.trim().is_empty() {
            return Err(stuck(span, UNCLEAR));
        }
        let text = match tree {
            Tree::Text(text) => yaml::scalar(text, false),
            other => layout::flow(other),
        };
        self.cut(header.start..span.end as usize, text);
        Ok(())
    }

    /// The header (`|`, `>-`, …) of a block of lines that starts at this byte.
    fn block_header(&self, start: usize) -> Option<Range<usize>> {
        let line = self.line_start(start);
        if !self.text.get(line..start)?.trim().is_empty() {
            return None;
        }
        let before = self.text.get(..line)?.trim_end();
        let above = self.line_start(before.len());
        let code = before.get(above..)?.split(" #").next()?.trim_end();
        let stem = code.trim_end_matches(|c: char| matches!(c, '+' | '-') || c.is_ascii_digit());
        let opens = stem.ends_with(['|', '>']) && stem[..stem.len() - 1].ends_with(' ');
        opens.then(|| above + stem.len() - 1..above + code.len())
    }

    fn find(&self, span: Span) -> Result<Found<'t>, Stuck> {
        let (mut all, mut around) = (Vec::new(), Vec::new());
        look(self.root, span, &mut around, &mut all);
        match (all.pop(), all.is_empty()) {
            (Some(found), true) if found.is_own() => Ok(found),
            _ => Err(stuck(span, SHARED)),
        }
    }

    /// Whether a collection stands between brackets or braces. A list at the column of its key starts where its
    /// first item does, so that a bracket there is the item's.
    pub fn is_flow(&self, node: &Node) -> bool {
        let first = match &node.data {
            Data::Scalar { .. } => return false,
            Data::List(items) => items.first().map(|item| item.span.start),
            Data::Map(entries) => entries.first().map(|entry| entry.key_span.start),
        };
        let text = self.text.get(node.span.start as usize..).unwrap_or_default();
        text.starts_with(['[', '{']) && first != Some(node.span.start)
    }

    fn part(&self, parent: &Node, start: Span, value: &Node) -> Option<Part> {
        let inside = |span: Span| parent.span.start <= span.start && span.end <= parent.span.end;
        let own = inside(start) && inside(value.span);
        own.then(|| {
            Some(Part { start: start.start as usize, end: self.end(value)?.max(start.end as usize) })
        })?
    }

    /// The last byte that a node itself wrote; the span of a block also covers comments behind it.
    fn end(&self, node: &Node) -> Option<usize> {
        let own = |inner: Span| node.span.start <= inner.start && inner.end <= node.span.end;
        let last = match &node.data {
            _ if self.is_flow(node) => None,
            Data::Scalar { .. } => None,
            Data::List(items) => items.last().map(|item| (opening(item.span), item)),
            Data::Map(entries) => entries.last().map(|entry| (entry.key_span, &entry.value)),
        };
        match last {
            None => Some(node.span.end as usize),
            Some((start, last)) if own(start) && own(last.span) => {
                Some(self.end(last)?.max(start.end as usize))
            }
            // it came from elsewhere, through an alias or a merge
            Some(_) => None,
        }
    }

    /// The dash before an item in a block, when only blanks stand before it on its line.
    fn dash(&self, item: usize) -> Option<usize> {
        let before = self.text.get(..item)?.trim_end();
        let dash = before.strip_suffix('-')?.len();
        self.text.get(self.line_start(dash)..dash)?.trim().is_empty().then_some(dash)
    }

    /// Whole lines, with their end.
    fn lines_of(&self, part: Part) -> Option<Range<usize>> {
        let start = self.line_start(part.start);
        let alone = self.text.get(start..part.start)?.trim().is_empty();
        let end = self.line_end(part.end);
        let newline = self.text.get(end..)?.len().min(self.line_break(end));
        (alone && self.ends_line(part.end)).then_some(start..end + newline)
    }

    fn line_break(&self, end: usize) -> usize {
        let rest = self.text.get(end..).unwrap_or_default();
        if rest.starts_with("\r\n") { 2 } else { 1 }
    }

    /// Whether nothing but a comment follows on the line.
    fn ends_line(&self, end: usize) -> bool {
        let rest = self.text.get(end..self.line_end(end)).unwrap_or_default();
        rest.trim().is_empty() || (rest.starts_with([' ', '\t']) && rest.trim_start().starts_with('#'))
    }

    fn line_start(&self, at: usize) -> usize {
        self.text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |newline| newline + 1)
    }

    fn line_end(&self, at: usize) -> usize {
        let rest = self.text.get(at..).unwrap_or_default();
        let line = rest.split('\n').next().unwrap_or_default();
        at + line.trim_end_matches('\r').len()
    }

    fn column(&self, at: usize) -> usize {
        self.text.get(self.line_start(at)..at).map_or(0, |before| before.chars().count())
    }

    fn cut(&mut self, range: Range<usize>, text: String) {
        self.cuts.push(Cut { range, text });
    }
}

const SHARED: &str = "is shared through an anchor or a merge";
const UNCLEAR: &str = "stands in a way that can't be changed line by line";

impl Found<'_> {
    /// Whether every node on the way lies within the one around it, so that nothing came through an alias.
    fn is_own(&self) -> bool {
        let chain: Vec<Span> = self.around.iter().map(|node| node.span).chain([self.node.span]).collect();
        chain.windows(2).all(|pair| pair[0].start <= pair[1].start && pair[1].end <= pair[0].end)
    }
}

fn look<'t>(node: &'t Node<'t>, span: Span, around: &mut Vec<&'t Node<'t>>, all: &mut Vec<Found<'t>>) {
    if node.span == span {
        all.push(Found { node, around: around.clone() });
        return;
    }
    around.push(node);
    match &node.data {
        Data::Scalar { .. } => {}
        Data::List(items) => items.iter().for_each(|item| look(item, span, around, all)),
        Data::Map(entries) => entries.iter().for_each(|entry| look(&entry.value, span, around, all)),
    }
    around.pop();
}

/// A text in the quotes of the one that it follows, as far as they can hold it.
fn in_style_of(old: &str, text: &str, in_flow: bool) -> String {
    let plain = yaml::scalar(text, in_flow);
    let escapes = plain.contains('\\') || text.contains(['\'', '\\']) || text.chars().any(char::is_control);
    match old.chars().next() {
        Some('\'') if !escapes => format!("'{text}'"),
        Some('"') if !plain.starts_with('"') && !plain.starts_with('\'') => {
            serde_json::Value::from(text).to_string()
        }
        _ => plain,
    }
}

/// Ranges of places that follow each other.
fn runs(count: usize, places: &[usize]) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for at in (0..count).filter(|at| places.contains(at)) {
        match runs.last_mut() {
            Some(run) if run.end == at => run.end += 1,
            _ => runs.push(at..at + 1),
        }
    }
    runs
}

/// The first byte of an item: its span also covers comments behind it.
fn opening(span: Span) -> Span {
    Span { start: span.start, end: span.start }
}

fn bytes(span: Span) -> Range<usize> {
    span.start as usize..span.end as usize
}

fn stuck(span: Span, why: &'static str) -> Stuck {
    Stuck { span, why }
}

/// The text with all edits made; nothing when two of them meet.
pub fn apply(text: &str, cuts: &[Cut]) -> Option<String> {
    let mut cuts: Vec<&Cut> = cuts.iter().collect();
    cuts.sort_by_key(|cut| (cut.range.start, cut.range.end));
    cuts.dedup_by(|a, b| a == b && !a.range.is_empty());
    let (mut out, mut at) = (String::with_capacity(text.len()), 0);
    for cut in cuts {
        out.push_str(text.get(at..cut.range.start)?);
        out.push_str(&cut.text);
        at = cut.range.end;
    }
    out.push_str(text.get(at..)?);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPEC: &str = "\
# about it
a: 1   # one
b: 'two' # two
c: \"3\"
list:
  # the first
  - x: 1
    y: deep # kept
  # the second
  - x: 2 # two
flow: [ 1, 2, 3 ] # three
note: |  # a note
  one
  two
map: { k: v }
last:
    p: 1
    q: 2
";

    /// The text after an edit; an error says why not. `at` finds nodes by their pointers.
    fn edited(
        text: &str,
        change: impl Fn(&mut Editor, &dyn Fn(&str) -> Span) -> Done,
    ) -> Result<String, &'static str> {
        let source = Source::new("t.yaml", text);
        let nodes = yaml::read(&source, &mut Vec::new());
        let mut editor = Editor::new(&source, &nodes[0]);
        let at = |pointer: &str| nodes[0].at(pointer).unwrap_or_else(|| panic!("no {pointer}")).span;
        change(&mut editor, &at).map_err(|stuck| stuck.why)?;
        apply(text, &editor.finish()).ok_or("edits meet")
    }

    /// What an edit of [`SPEC`] changes: lines that go and lines that come.
    fn changed(change: impl Fn(&mut Editor, &dyn Fn(&str) -> Span) -> Done) -> (String, String) {
        let after = edited(SPEC, change).expect("an edit");
        let lines = similar::TextDiff::from_lines(SPEC, after.as_str());
        let with = |tag| -> String {
            lines.iter_all_changes().filter(|line| line.tag() == tag).map(|line| line.value()).collect()
        };
        (with(similar::ChangeTag::Delete), with(similar::ChangeTag::Insert))
    }

    fn word(word: &str) -> Tree {
        Tree::Word(word.into())
    }

    fn text(text: &str) -> Tree {
        Tree::Text(text.into())
    }

    fn item(x: &str) -> Tree {
        Tree::Map(vec![Row { key: "x".into(), tree: Some(word(x)), remark: None }])
    }

    fn row(key: &str, tree: Tree) -> Row {
        Row { key: key.into(), tree: Some(tree), remark: None }
    }

    fn pair(a: &str, b: &str) -> (String, String) {
        (a.to_owned(), b.to_owned())
    }

    #[test]
    fn values_change_in_their_own_style() {
        let replaced =
            |at: &'static str, tree: Tree| changed(move |editor, of| editor.replace(of(at), &tree));
        assert_eq!(replaced("/a", word("2.50")), pair("a: 1   # one\n", "a: 2.50   # one\n"));
        assert_eq!(replaced("/a", text("no")), pair("a: 1   # one\n", "a: \"no\"   # one\n"));
        assert_eq!(replaced("/b", text("three")), pair("b: 'two' # two\n", "b: 'three' # two\n"));
        assert_eq!(replaced("/b", text("it's")), pair("b: 'two' # two\n", "b: it's # two\n"));
        assert_eq!(replaced("/c", text("plain")), pair("c: \"3\"\n", "c: \"plain\"\n"));
        assert_eq!(replaced("/c", text("012")), pair("c: \"3\"\n", "c: \"012\"\n"));
        assert_eq!(
            replaced("/flow/1", text("a, b")),
            pair("flow: [ 1, 2, 3 ] # three\n", "flow: [ 1, \"a, b\", 3 ] # three\n")
        );
        assert_eq!(replaced("/list/0/y", word("null")), pair("    y: deep # kept\n", "    y: null # kept\n"));
    }

    #[test]
    fn a_block_stays_one_where_it_can() {
        let replaced = |tree: Tree| changed(move |editor, of| editor.replace(of("/note"), &tree));
        assert_eq!(replaced(text("one\n2\n")), pair("  two\n", "  2\n"));
        let header = "note: |  # a note\n  two\n";
        assert_eq!(replaced(text("one\n2")), pair(header, "note: |-  # a note\n  2\n"));
        let why = edited(SPEC, |editor, of| editor.replace(of("/note"), &text("one"))).unwrap_err();
        assert_eq!(why, UNCLEAR, "its comment would be lost");
        let plain = edited("a: >-\n  one\n  two\n", |editor, of| editor.replace(of("/a"), &text("x")));
        assert_eq!(plain, Ok("a: x\n".into()));
    }

    #[test]
    fn a_value_becomes_a_collection_where_it_stands() {
        let items = Tree::List(vec![
            item("1"),
            Tree::Map(vec![row("s", Tree::Slot(crate::document::Slot::Env("S".into())))]),
        ]);
        let replaced = changed(move |editor, of| editor.replace(of("/last/p"), &items));
        assert_eq!(replaced, pair("    p: 1\n", "    p:\n      - { x: 1 }\n      - s: { from_env: S }\n"));
    }

    #[test]
    fn items_come_and_go_with_their_lines() {
        let at = |removed: &'static [usize], added: &'static [&'static str]| {
            let added: Vec<Tree> = added.iter().map(|x| item(x)).collect();
            changed(move |editor, of| editor.items(of("/list"), removed, &added))
        };
        assert_eq!(at(&[0], &[]), pair("  - x: 1\n    y: deep # kept\n", ""));
        assert_eq!(at(&[1], &[]), pair("  - x: 2 # two\n", ""));
        assert_eq!(at(&[], &["3", "4"]), pair("", "  - { x: 3 }\n  - { x: 4 }\n"));
        assert_eq!(at(&[1], &["3"]), pair("  - x: 2 # two\n", "  - { x: 3 }\n"));
        let all = at(&[0, 1], &[]);
        let went = "list:\n  - x: 1\n    y: deep # kept\n  - x: 2 # two\n";
        assert_eq!(all, pair(went, "list: []\n"), "comments on lines of their own stay");
    }

    #[test]
    fn items_between_brackets_come_and_go_with_their_commas() {
        let at = |removed: &'static [usize], added: &'static [&'static str]| {
            let added: Vec<Tree> = added.iter().map(|x| word(x)).collect();
            changed(move |editor, of| editor.items(of("/flow"), removed, &added)).1
        };
        assert_eq!(at(&[0], &[]), "flow: [ 2, 3 ] # three\n");
        assert_eq!(at(&[1, 2], &[]), "flow: [ 1 ] # three\n");
        assert_eq!(at(&[0, 2], &["4"]), "flow: [ 2, 4 ] # three\n");
        assert_eq!(at(&[0, 1, 2], &["4", "5"]), "flow: [ 4, 5 ] # three\n");
        assert_eq!(at(&[0, 1, 2], &[]), "flow: [  ] # three\n");
        let empty = edited("a: []\n", |editor, of| editor.items(of("/a"), &[], &[word("1"), word("2")]));
        assert_eq!(empty, Ok("a: [1, 2]\n".into()));
    }

    #[test]
    fn entries_come_and_go() {
        let done = changed(|editor, of| editor.entries(of("/last"), &["p"], &[row("no", text("012"))]));
        assert_eq!(done, pair("    p: 1\n", "    \"no\": \"012\"\n"));
        let done = changed(|editor, of| editor.entries(of("/map"), &["k"], &[row("l", word("1"))]));
        assert_eq!(done, pair("map: { k: v }\n", "map: { l: 1 }\n"));
        let done = changed(|editor, of| editor.entries_behind(of(""), "b", &[row("new", word("1"))]));
        assert_eq!(done, pair("", "new: 1\n"));
        let done = changed(|editor, of| editor.entries_behind(of(""), "list", &[row("new", word("1"))]));
        assert_eq!(done, pair("", "new: 1\n"));
        let done = edited("a:\n  b: 1", |editor, of| editor.entries(of("/a"), &["b"], &[]));
        assert_eq!(done, Ok("a: {}\n".into()));
    }

    #[test]
    fn a_list_at_the_column_of_its_key_is_a_block() {
        for items in ["- { x: 1 }\n- { x: 2 }\n", "- [1]\n- [2]\n", "- a: 1\n- b: 1\n"] {
            for around in ["", "o: &o 1\n", "o: \"two\n  lines\"\n"] {
                let text = format!("{around}a:\n{items}z: 1\n");
                let added = edited(&text, |editor, of| editor.items(of("/a"), &[], &[item("3")]));
                assert_eq!(added, Ok(format!("{around}a:\n{items}- {{ x: 3 }}\nz: 1\n")));
                let second = items.split_inclusive('\n').nth(1).expect("a second item");
                let removed = edited(&text, |editor, of| editor.items(of("/a"), &[0], &[]));
                assert_eq!(removed, Ok(format!("{around}a:\n{second}z: 1\n")));
            }
        }
    }

    #[test]
    fn what_is_shared_is_not_touched() {
        let shared = "a: &x { k: 1 }\nb: *x\nc: { <<: *x, l: 2 }\n";
        for pointer in ["/a", "/b", "/b/k", "/a/k", "/c/k"] {
            let why = edited(shared, |editor, of| editor.replace(of(pointer), &word("2")));
            assert_eq!(why, Err(SHARED), "{pointer}");
        }
        let own = edited(shared, |editor, of| editor.replace(of("/c/l"), &word("3")));
        assert_eq!(own, Ok(shared.replace("l: 2", "l: 3")));
        let nothing = edited("a:\nb: 1\n", |editor, of| editor.replace(of("/a"), &word("1")));
        assert!(nothing.is_err());
    }

    #[test]
    fn other_line_ends_stay() {
        let windows = "a:\r\n  - 1 # one\r\n  - 2\r\nb: x\r\n";
        let done = edited(windows, |editor, of| editor.items(of("/a"), &[0], &[word("3")]));
        assert_eq!(done, Ok("a:\r\n  - 2\r\n  - 3\r\nb: x\r\n".into()));
        let done = edited("a:\n  - 1", |editor, of| editor.items(of("/a"), &[], &[word("2")]));
        assert_eq!(done, Ok("a:\n  - 1\n  - 2".into()));
    }

    #[test]
    fn edits_that_meet_are_refused() {
        let cut = |range: Range<usize>, text: &str| Cut { range, text: text.into() };
        assert!(apply("abcdef", &[cut(1..4, ""), cut(3..5, "")]).is_none());
        assert_eq!(apply("abcdef", &[cut(1..2, "x"), cut(1..2, "x")]), Some("axcdef".into()));
        assert_eq!(apply("abc", &[cut(3..3, "x"), cut(3..3, "y")]), Some("abcxy".into()));
        assert!(apply("abc", &[cut(2..9, "")]).is_none());
    }
}
