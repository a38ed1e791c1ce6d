//! Changes to a text that is there, by the bytes of its nodes: everything else stays as it was written.
//!
//! A value is replaced in the style in which it stands, items and entries come and go with their lines. What
//! is behind an anchor, or cannot be distinguished from what surrounds it, is not touched: it is reported to the caller.
//! Whoever applies the edits reads the result again and compares; nothing here is believed on its own.

use std::ops::Range;
use std::sync::Arc;

use super::layout::{self, LayoutEntry, LayoutNode};
use crate::diagnostic::{NamedSource, SourceSpan};
use crate::yaml::{self, YamlData, YamlNode};

/// Bytes that go, and what comes in their place.
#[derive(Clone, PartialEq, Eq)]
pub struct TextEdit {
    pub range: Range<usize>,
    pub text: String,
}

/// Why a change can't be made to the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EditError {
    pub span: SourceSpan,
    /// Completes "this value …".
    pub reason: &'static str,
}

type EditResult = Result<(), EditError>;

/// Collects the edits of one document.
pub struct DocumentEditor<'t> {
    text: &'t str,
    root: &'t YamlNode<'t>,
    newline: &'static str,
    edits: Vec<TextEdit>,
}

/// A node, and the nodes around it from the outside in.
struct LocatedNode<'t> {
    node: &'t YamlNode<'t>,
    ancestors: Vec<&'t YamlNode<'t>>,
}

/// One item of a list or entry of a mapping, as it stands in the text.
#[derive(Clone, Copy)]
struct MemberRange {
    /// The first byte of an item, or of an entry's key.
    start: usize,
    end: usize,
}

impl<'t> DocumentEditor<'t> {
    /// Edits for the document at `root`.
    pub fn new(source: &'t Arc<NamedSource>, root: &'t YamlNode<'t>) -> Self {
        let newline = if source.text.contains("\r\n") { "\r\n" } else { "\n" };
        Self { text: &source.text, root, newline, edits: Vec::new() }
    }

    /// The edits so far.
    pub fn into_edits(self) -> Vec<TextEdit> {
        self.edits
    }

    /// Puts another value where one stands.
    ///
    /// # Errors
    /// When the value is not the only one that these bytes stand for, or can't be distinguished from its surroundings.
    pub fn replace_value(&mut self, span: SourceSpan, tree: &LayoutNode) -> EditResult {
        let found = self.find_node(span)?;
        if span.start == span.end {
            return Err(build_edit_error(span, "is not written out"));
        }
        if let Some(header) = self.find_block_header(span.start as usize) {
            return self.replace_block_scalar(span, &header, tree);
        }
        let in_flow = found.ancestors.iter().any(|node| self.is_flow(node));
        let range = to_byte_range(span);
        match tree {
            LayoutNode::Text(text) => {
                let old = self.text.get(range.clone()).unwrap_or_default();
                let text = format_in_style(old, text, in_flow);
                self.push_edit(range, text);
            }
            LayoutNode::Plain(_) | LayoutNode::Source(_) => self.push_edit(range, layout::render_flow(tree)),
            LayoutNode::List(_) | LayoutNode::Map(_) if in_flow => {
                self.push_edit(range, layout::render_flow(tree))
            }
            LayoutNode::List(_) | LayoutNode::Map(_) => return self.expand_to_block(span, &found, tree),
        }
        Ok(())
    }

    /// Takes items out of a list, by their places, and adds others at its end.
    ///
    /// # Errors
    /// When the lines of the list can't be distinguished from what surrounds them.
    pub fn edit_items(&mut self, list: SourceSpan, removed: &[usize], added: &[LayoutNode]) -> EditResult {
        let found = self.find_node(list)?;
        let node = found.node;
        let parts = node
            .items()
            .iter()
            .map(|item| self.find_member_range(node, collapse_to_start(item.span), item))
            .collect::<Option<_>>();
        let parts: Vec<MemberRange> = parts.ok_or(build_edit_error(list, SHARED_NODE_REASON))?;
        if self.is_flow(node) {
            return self.edit_flow_members(
                node,
                &parts,
                removed,
                added.iter().map(layout::render_flow).collect(),
            );
        }
        let dash = parts
            .first()
            .and_then(|first| self.find_dash(first.start))
            .ok_or(build_edit_error(list, UNCLEAR_LAYOUT_REASON))?;
        let indent = self.find_column(dash);
        let mut lines = String::new();
        added.iter().for_each(|tree| layout::write_item(tree, indent, &mut lines));
        let dashes =
            parts.iter().map(|part| Some(MemberRange { start: self.find_dash(part.start)?, end: part.end }));
        let parts: Vec<MemberRange> =
            dashes.collect::<Option<_>>().ok_or(build_edit_error(list, UNCLEAR_LAYOUT_REASON))?;
        self.edit_block_lines(&found, &parts, removed, parts.len() - 1, (lines, "[]"))
    }

    /// Takes entries out of a mapping, by their keys, and adds others at its end.
    ///
    /// # Errors
    /// When the lines of the mapping can't be distinguished from what surrounds them.
    pub fn edit_entries(&mut self, map: SourceSpan, removed: &[&str], added: &[LayoutEntry]) -> EditResult {
        let found = self.find_node(map)?;
        let entries = found.node.entries();
        let gone = |key: &&str| entries.iter().position(|entry| entry.key == **key);
        let removed: Option<Vec<usize>> = removed.iter().map(gone).collect();
        let removed = removed.ok_or(build_edit_error(map, SHARED_NODE_REASON))?;
        self.change_entries(&found, &removed, entries.len().saturating_sub(1), added)
    }

    /// Adds entries to a mapping behind the one called `key`.
    ///
    /// # Errors
    /// When the lines of the mapping can't be distinguished from what surrounds them.
    pub fn insert_entries_after(&mut self, map: SourceSpan, key: &str, added: &[LayoutEntry]) -> EditResult {
        let found = self.find_node(map)?;
        let at = found
            .node
            .entries()
            .iter()
            .position(|entry| entry.key == *key)
            .ok_or(build_edit_error(map, SHARED_NODE_REASON))?;
        self.change_entries(&found, &[], at, added)
    }

    fn change_entries(
        &mut self,
        found: &LocatedNode<'t>,
        removed: &[usize],
        behind: usize,
        added: &[LayoutEntry],
    ) -> EditResult {
        let node = found.node;
        let part =
            |entry: &'t yaml::YamlEntry<'t>| self.find_member_range(node, entry.key_span, &entry.value);
        let mut parts: Vec<Option<MemberRange>> = node.entries().iter().map(part).collect();
        if !self.is_flow(node) && removed.is_empty() {
            // what does not change may be shared
            parts = parts.into_iter().skip(behind).take(1).collect();
        }
        let behind = behind.min(parts.len().saturating_sub(1));
        let parts: Vec<MemberRange> = parts
            .into_iter()
            .collect::<Option<_>>()
            .ok_or(build_edit_error(node.span, SHARED_NODE_REASON))?;
        if self.is_flow(node) {
            return self.edit_flow_members(
                node,
                &parts,
                removed,
                added.iter().filter_map(layout::render_flow_entry).collect(),
            );
        }
        let first = parts.first().ok_or(build_edit_error(node.span, UNCLEAR_LAYOUT_REASON))?;
        let mut lines = String::new();
        layout::write_entries(added, self.find_column(first.start), &mut lines);
        self.edit_block_lines(found, &parts, removed, behind, (lines, "{}"))
    }

    /// Parts that stand on lines of their own: whole lines go, and others come behind a part.
    fn edit_block_lines(
        &mut self,
        found: &LocatedNode<'t>,
        parts: &[MemberRange],
        removed: &[usize],
        behind: usize,
        (lines, empty): (String, &str),
    ) -> EditResult {
        let unclear = build_edit_error(found.node.span, UNCLEAR_LAYOUT_REASON);
        let mut lines = lines.replace('\n', self.newline);
        if removed.len() == parts.len() && lines.is_empty() {
            let colon = self.find_colon(found).ok_or(unclear)?;
            self.push_edit(colon..colon, format!(" {empty}"));
        }
        for at in removed {
            let part = parts.get(*at).ok_or(unclear)?;
            let range = self.find_full_lines(*part).ok_or(unclear)?;
            let text = if *at == behind { std::mem::take(&mut lines) } else { String::new() };
            self.push_edit(range, text);
        }
        if lines.is_empty() {
            return Ok(());
        }
        let part = parts.get(behind).filter(|part| self.is_last_on_line(part.end)).ok_or(unclear)?;
        self.insert_lines_after(part.end, &lines);
        Ok(())
    }

    /// Lines before the next one, so that the line of this place may itself go.
    fn insert_lines_after(&mut self, place: usize, lines: &str) {
        let end = self.find_line_end(place);
        let at = end + self.measure_line_break(end);
        let text = match at == end {
            true => format!("{}{}", self.newline, lines.trim_end()),
            false => format!("{}{}", lines.trim_end(), self.newline),
        };
        self.push_edit(at..at, text);
    }

    /// The end of `key:` before a list or mapping.
    fn find_colon(&self, found: &LocatedNode) -> Option<usize> {
        let entries = found.ancestors.last()?.entries();
        let entry = entries.iter().find(|entry| entry.value.span == found.node.span)?;
        let end = entry.key_span.end as usize;
        self.text.get(end..)?.starts_with(':').then_some(end + 1)
    }

    /// Parts between brackets or braces: each run of removed ones goes with one of its commas.
    fn edit_flow_members(
        &mut self,
        node: &YamlNode,
        parts: &[MemberRange],
        removed: &[usize],
        added: Vec<String>,
    ) -> EditResult {
        let added = added.join(", ");
        let (Some(first), Some(last)) = (parts.first(), parts.last()) else {
            let inner = node.span.start as usize + 1..(node.span.end as usize).saturating_sub(1);
            let blank = self.text.get(inner.clone()).is_some_and(|inner| inner.trim().is_empty());
            let padded = if matches!(node.data, YamlData::Mapping(_)) { format!(" {added} ") } else { added };
            if !blank {
                return Err(build_edit_error(node.span, UNCLEAR_LAYOUT_REASON));
            }
            self.push_edit(inner, padded);
            return Ok(());
        };
        let gaps = parts.windows(2).filter_map(|pair| self.text.get(pair[0].end..pair[1].start));
        if !removed.is_empty() && gaps.clone().any(|gap| gap.contains('#')) {
            return Err(build_edit_error(node.span, "has comments between its items"));
        }
        if removed.len() == parts.len() {
            // a comma behind the last part would stay alone
            let rest = self.text.get(last.end..node.span.end as usize).unwrap_or_default();
            let comma = rest.find(',').filter(|at| rest[..*at].trim().is_empty());
            self.push_edit(first.start..comma.map_or(last.end, |at| last.end + at + 1), added);
            return Ok(());
        }
        for run in group_consecutive(parts.len(), removed) {
            let (from, to) = (&parts[run.start], &parts[run.end - 1]);
            match (run.start.checked_sub(1).and_then(|at| parts.get(at)), parts.get(run.end)) {
                (Some(before), _) => self.push_edit(before.end..to.end, String::new()),
                (None, Some(after)) => self.push_edit(from.start..after.start, String::new()),
                (None, None) => {}
            }
        }
        if !added.is_empty() {
            self.push_edit(last.end..last.end, format!(", {added}"));
        }
        Ok(())
    }

    /// A collection that does not fit on the line of a single value.
    fn expand_to_block(&mut self, span: SourceSpan, found: &LocatedNode, tree: &LayoutNode) -> EditResult {
        let parent = found.ancestors.last().map_or(&[][..], |parent| parent.entries());
        let entry = parent
            .iter()
            .find(|entry| entry.value.span == span)
            .ok_or(build_edit_error(span, UNCLEAR_LAYOUT_REASON))?;
        let before = self.text.get(..span.start as usize).unwrap_or_default();
        let blanks = before.len() - before.trim_end_matches([' ', '\t']).len();
        if !before.trim_end_matches([' ', '\t']).ends_with(':') {
            return Err(build_edit_error(span, UNCLEAR_LAYOUT_REASON));
        }
        let indent = self.find_column(entry.key_span.start as usize);
        let mut lines = String::new();
        layout::write_node(tree, None, indent, &mut lines);
        let range = span.start as usize - blanks..span.end as usize;
        self.push_edit(range, lines.trim_end().replace('\n', self.newline));
        Ok(())
    }

    fn replace_block_scalar(
        &mut self,
        span: SourceSpan,
        header: &Range<usize>,
        tree: &LayoutNode,
    ) -> EditResult {
        let indent = self.find_column(span.start as usize);
        let block = match tree {
            LayoutNode::Text(text) => layout::render_literal_block(text, indent),
            _ => None,
        };
        if let Some((word, body)) = block {
            self.push_edit(header.clone(), word.to_owned());
            let body = body.trim().replace('\n', self.newline);
            self.push_edit(to_byte_range(span), body);
            return Ok(());
        }
        let between = self.text.get(header.end..span.start as usize).unwrap_or_default();
        if matches!(tree, LayoutNode::List(_) | LayoutNode::Map(_)) || !between.trim().is_empty() {
            return Err(build_edit_error(span, UNCLEAR_LAYOUT_REASON));
        }
        let text = match tree {
            LayoutNode::Text(text) => yaml::format_scalar(text, false),
            other => layout::render_flow(other),
        };
        self.push_edit(header.start..span.end as usize, text);
        Ok(())
    }

    /// The header (`|`, `>-`, …) of a block of lines that starts at this byte.
    fn find_block_header(&self, start: usize) -> Option<Range<usize>> {
        let line = self.find_line_start(start);
        if !self.text.get(line..start)?.trim().is_empty() {
            return None;
        }
        let before = self.text.get(..line)?.trim_end();
        let above = self.find_line_start(before.len());
        let code = before.get(above..)?.split(" #").next()?.trim_end();
        let stem = code.trim_end_matches(|c: char| matches!(c, '+' | '-') || c.is_ascii_digit());
        let opens = stem.ends_with(['|', '>']) && stem[..stem.len() - 1].ends_with(' ');
        opens.then(|| above + stem.len() - 1..above + code.len())
    }

    fn find_node(&self, span: SourceSpan) -> Result<LocatedNode<'t>, EditError> {
        let (mut all, mut around) = (Vec::new(), Vec::new());
        collect_located_nodes(self.root, span, &mut around, &mut all);
        match (all.pop(), all.is_empty()) {
            (Some(found), true) if found.is_unaliased() => Ok(found),
            _ => Err(build_edit_error(span, SHARED_NODE_REASON)),
        }
    }

    /// Whether a collection stands between brackets or braces. A list at the column of its key starts where its
    /// first item does, so that a bracket there is the item's.
    pub fn is_flow(&self, node: &YamlNode) -> bool {
        let first = match &node.data {
            YamlData::Scalar { .. } => return false,
            YamlData::Sequence(items) => items.first().map(|item| item.span.start),
            YamlData::Mapping(entries) => entries.first().map(|entry| entry.key_span.start),
        };
        let text = self.text.get(node.span.start as usize..).unwrap_or_default();
        text.starts_with(['[', '{']) && first != Some(node.span.start)
    }

    fn find_member_range(
        &self,
        parent: &YamlNode,
        start: SourceSpan,
        value: &YamlNode,
    ) -> Option<MemberRange> {
        let inside = |span: SourceSpan| parent.span.start <= span.start && span.end <= parent.span.end;
        let own = inside(start) && inside(value.span);
        own.then(|| {
            Some(MemberRange {
                start: start.start as usize,
                end: self.find_node_end(value)?.max(start.end as usize),
            })
        })?
    }

    /// The last byte that a node itself wrote; the span of a block also covers comments behind it.
    fn find_node_end(&self, node: &YamlNode) -> Option<usize> {
        let own = |inner: SourceSpan| node.span.start <= inner.start && inner.end <= node.span.end;
        let last = match &node.data {
            _ if self.is_flow(node) => None,
            YamlData::Scalar { .. } => None,
            YamlData::Sequence(items) => items.last().map(|item| (collapse_to_start(item.span), item)),
            YamlData::Mapping(entries) => entries.last().map(|entry| (entry.key_span, &entry.value)),
        };
        match last {
            None => Some(node.span.end as usize),
            Some((start, last)) if own(start) && own(last.span) => {
                Some(self.find_node_end(last)?.max(start.end as usize))
            }
            // it came from elsewhere, through an alias or a merge
            Some(_) => None,
        }
    }

    /// The dash before an item in a block, when only blanks stand before it on its line.
    fn find_dash(&self, item: usize) -> Option<usize> {
        let before = self.text.get(..item)?.trim_end();
        let dash = before.strip_suffix('-')?.len();
        self.text.get(self.find_line_start(dash)..dash)?.trim().is_empty().then_some(dash)
    }

    /// Whole lines, with their end.
    fn find_full_lines(&self, part: MemberRange) -> Option<Range<usize>> {
        let start = self.find_line_start(part.start);
        let alone = self.text.get(start..part.start)?.trim().is_empty();
        let end = self.find_line_end(part.end);
        let after = end + self.measure_line_break(end);
        (alone && self.is_last_on_line(part.end)).then_some(start..after)
    }

    /// The bytes of the line break at the end of a line; none at the end of the text.
    fn measure_line_break(&self, end: usize) -> usize {
        let rest = self.text.get(end..).unwrap_or_default();
        if rest.starts_with("\r\n") { 2 } else { rest.len().min(1) }
    }

    /// Whether nothing but a comment follows on the line.
    fn is_last_on_line(&self, end: usize) -> bool {
        let rest = self.text.get(end..self.find_line_end(end)).unwrap_or_default();
        rest.trim().is_empty() || (rest.starts_with([' ', '\t']) && rest.trim_start().starts_with('#'))
    }

    fn find_line_start(&self, at: usize) -> usize {
        self.text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |newline| newline + 1)
    }

    fn find_line_end(&self, at: usize) -> usize {
        let rest = self.text.get(at..).unwrap_or_default();
        let line = rest.split('\n').next().unwrap_or_default();
        at + line.trim_end_matches('\r').len()
    }

    fn find_column(&self, at: usize) -> usize {
        self.text.get(self.find_line_start(at)..at).map_or(0, |before| before.chars().count())
    }

    fn push_edit(&mut self, range: Range<usize>, text: String) {
        self.edits.push(TextEdit { range, text });
    }
}

const SHARED_NODE_REASON: &str = "is shared through an anchor or a merge";
const UNCLEAR_LAYOUT_REASON: &str = "stands in a way that can't be changed line by line";

impl LocatedNode<'_> {
    /// Whether every node on the way lies within the one around it, so that nothing came through an alias.
    fn is_unaliased(&self) -> bool {
        let chain: Vec<SourceSpan> =
            self.ancestors.iter().map(|node| node.span).chain([self.node.span]).collect();
        chain.windows(2).all(|pair| pair[0].start <= pair[1].start && pair[1].end <= pair[0].end)
    }
}

fn collect_located_nodes<'t>(
    node: &'t YamlNode<'t>,
    span: SourceSpan,
    around: &mut Vec<&'t YamlNode<'t>>,
    all: &mut Vec<LocatedNode<'t>>,
) {
    if node.span == span {
        all.push(LocatedNode { node, ancestors: around.clone() });
        return;
    }
    around.push(node);
    match &node.data {
        YamlData::Scalar { .. } => {}
        YamlData::Sequence(items) => {
            items.iter().for_each(|item| collect_located_nodes(item, span, around, all))
        }
        YamlData::Mapping(entries) => {
            entries.iter().for_each(|entry| collect_located_nodes(&entry.value, span, around, all))
        }
    }
    around.pop();
}

/// A text in the quotes of the one that it follows, as far as they can hold it.
fn format_in_style(old: &str, text: &str, in_flow: bool) -> String {
    let plain = yaml::format_scalar(text, in_flow);
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
fn group_consecutive(count: usize, places: &[usize]) -> Vec<Range<usize>> {
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
fn collapse_to_start(span: SourceSpan) -> SourceSpan {
    SourceSpan { start: span.start, end: span.start }
}

fn to_byte_range(span: SourceSpan) -> Range<usize> {
    span.start as usize..span.end as usize
}

fn build_edit_error(span: SourceSpan, why: &'static str) -> EditError {
    EditError { span, reason: why }
}

/// The text with all edits made; nothing when two of them meet.
pub fn apply_edits(text: &str, cuts: &[TextEdit]) -> Option<String> {
    let mut cuts: Vec<&TextEdit> = cuts.iter().collect();
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
        change: impl Fn(&mut DocumentEditor, &dyn Fn(&str) -> SourceSpan) -> EditResult,
    ) -> Result<String, &'static str> {
        let source = NamedSource::new("t.yaml", text);
        let nodes = yaml::read_documents(&source, &mut Vec::new());
        let mut editor = DocumentEditor::new(&source, &nodes[0]);
        let at =
            |pointer: &str| nodes[0].resolve_pointer(pointer).unwrap_or_else(|| panic!("no {pointer}")).span;
        change(&mut editor, &at).map_err(|stuck| stuck.reason)?;
        apply_edits(text, &editor.into_edits()).ok_or("edits meet")
    }

    /// What an edit of [`SPEC`] changes: lines that go and lines that come.
    fn changed(
        change: impl Fn(&mut DocumentEditor, &dyn Fn(&str) -> SourceSpan) -> EditResult,
    ) -> (String, String) {
        let after = edited(SPEC, change).expect("an edit");
        let lines = similar::TextDiff::from_lines(SPEC, after.as_str());
        let with = |tag| -> String {
            lines.iter_all_changes().filter(|line| line.tag() == tag).map(|line| line.value()).collect()
        };
        (with(similar::ChangeTag::Delete), with(similar::ChangeTag::Insert))
    }

    fn word(word: &str) -> LayoutNode {
        LayoutNode::Plain(word.into())
    }

    fn text(text: &str) -> LayoutNode {
        LayoutNode::Text(text.into())
    }

    fn item(x: &str) -> LayoutNode {
        LayoutNode::Map(vec![LayoutEntry { key: "x".into(), node: Some(word(x)), comment: None }])
    }

    fn row(key: &str, tree: LayoutNode) -> LayoutEntry {
        LayoutEntry { key: key.into(), node: Some(tree), comment: None }
    }

    fn pair(a: &str, b: &str) -> (String, String) {
        (a.to_owned(), b.to_owned())
    }

    #[test]
    fn values_change_in_their_own_style() {
        let replaced = |at: &'static str, tree: LayoutNode| {
            changed(move |editor, of| editor.replace_value(of(at), &tree))
        };
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
        let replaced = |tree: LayoutNode| changed(move |editor, of| editor.replace_value(of("/note"), &tree));
        assert_eq!(replaced(text("one\n2\n")), pair("  two\n", "  2\n"));
        let header = "note: |  # a note\n  two\n";
        assert_eq!(replaced(text("one\n2")), pair(header, "note: |-  # a note\n  2\n"));
        let why = edited(SPEC, |editor, of| editor.replace_value(of("/note"), &text("one"))).unwrap_err();
        assert_eq!(why, UNCLEAR_LAYOUT_REASON, "its comment would be lost");
        let plain = edited("a: >-\n  one\n  two\n", |editor, of| editor.replace_value(of("/a"), &text("x")));
        assert_eq!(plain, Ok("a: x\n".into()));
    }

    #[test]
    fn a_value_becomes_a_collection_where_it_stands() {
        let items = LayoutNode::List(vec![
            item("1"),
            LayoutNode::Map(vec![row(
                "s",
                LayoutNode::Source(crate::document::ValueSource::Env("S".into())),
            )]),
        ]);
        let replaced = changed(move |editor, of| editor.replace_value(of("/last/p"), &items));
        assert_eq!(replaced, pair("    p: 1\n", "    p:\n      - { x: 1 }\n      - s: { from_env: S }\n"));
    }

    #[test]
    fn items_come_and_go_with_their_lines() {
        let at = |removed: &'static [usize], added: &'static [&'static str]| {
            let added: Vec<LayoutNode> = added.iter().map(|x| item(x)).collect();
            changed(move |editor, of| editor.edit_items(of("/list"), removed, &added))
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
            let added: Vec<LayoutNode> = added.iter().map(|x| word(x)).collect();
            changed(move |editor, of| editor.edit_items(of("/flow"), removed, &added)).1
        };
        assert_eq!(at(&[0], &[]), "flow: [ 2, 3 ] # three\n");
        assert_eq!(at(&[1, 2], &[]), "flow: [ 1 ] # three\n");
        assert_eq!(at(&[0, 2], &["4"]), "flow: [ 2, 4 ] # three\n");
        assert_eq!(at(&[0, 1, 2], &["4", "5"]), "flow: [ 4, 5 ] # three\n");
        assert_eq!(at(&[0, 1, 2], &[]), "flow: [  ] # three\n");
        for (before, after) in [("[ 1, 2, ]", "[  ]"), ("[1 , ]", "[]"), ("[1, 2,]", "[]")] {
            let text = |list: &str| format!("a: {list}\n");
            let removed: Vec<usize> = (0..before.matches(',').count()).collect();
            let done = edited(&text(before), |editor, of| editor.edit_items(of("/a"), &removed, &[]));
            assert_eq!(done.map(|done| done.replace(' ', "")), Ok(text(after).replace(' ', "")));
        }
        let empty = edited("a: []\n", |editor, of| editor.edit_items(of("/a"), &[], &[word("1"), word("2")]));
        assert_eq!(empty, Ok("a: [1, 2]\n".into()));
    }

    #[test]
    fn entries_come_and_go() {
        let done = changed(|editor, of| editor.edit_entries(of("/last"), &["p"], &[row("no", text("012"))]));
        assert_eq!(done, pair("    p: 1\n", "    \"no\": \"012\"\n"));
        let done = changed(|editor, of| editor.edit_entries(of("/map"), &["k"], &[row("l", word("1"))]));
        assert_eq!(done, pair("map: { k: v }\n", "map: { l: 1 }\n"));
        let done = changed(|editor, of| editor.insert_entries_after(of(""), "b", &[row("new", word("1"))]));
        assert_eq!(done, pair("", "new: 1\n"));
        let done =
            changed(|editor, of| editor.insert_entries_after(of(""), "list", &[row("new", word("1"))]));
        assert_eq!(done, pair("", "new: 1\n"));
        let done = edited("a:\n  b: 1", |editor, of| editor.edit_entries(of("/a"), &["b"], &[]));
        assert_eq!(done, Ok("a: {}\n".into()));
    }

    #[test]
    fn a_list_at_the_column_of_its_key_is_a_block() {
        for items in ["- { x: 1 }\n- { x: 2 }\n", "- [1]\n- [2]\n", "- a: 1\n- b: 1\n"] {
            for around in ["", "o: &o 1\n", "o: \"two\n  lines\"\n"] {
                let text = format!("{around}a:\n{items}z: 1\n");
                let added = edited(&text, |editor, of| editor.edit_items(of("/a"), &[], &[item("3")]));
                assert_eq!(added, Ok(format!("{around}a:\n{items}- {{ x: 3 }}\nz: 1\n")));
                let second = items.split_inclusive('\n').nth(1).expect("a second item");
                let removed = edited(&text, |editor, of| editor.edit_items(of("/a"), &[0], &[]));
                assert_eq!(removed, Ok(format!("{around}a:\n{second}z: 1\n")));
            }
        }
    }

    #[test]
    fn what_is_shared_is_not_touched() {
        let shared = "a: &x { k: 1 }\nb: *x\nc: { <<: *x, l: 2 }\n";
        for pointer in ["/a", "/b", "/b/k", "/a/k", "/c/k"] {
            let why = edited(shared, |editor, of| editor.replace_value(of(pointer), &word("2")));
            assert_eq!(why, Err(SHARED_NODE_REASON), "{pointer}");
        }
        let own = edited(shared, |editor, of| editor.replace_value(of("/c/l"), &word("3")));
        assert_eq!(own, Ok(shared.replace("l: 2", "l: 3")));
        let nothing = edited("a:\nb: 1\n", |editor, of| editor.replace_value(of("/a"), &word("1")));
        assert!(nothing.is_err());
    }

    #[test]
    fn other_line_ends_stay() {
        let windows = "a:\r\n  - 1 # one\r\n  - 2\r\nb: x\r\n";
        let done = edited(windows, |editor, of| editor.edit_items(of("/a"), &[0], &[word("3")]));
        assert_eq!(done, Ok("a:\r\n  - 2\r\n  - 3\r\nb: x\r\n".into()));
        let done = edited("a:\n  - 1", |editor, of| editor.edit_items(of("/a"), &[], &[word("2")]));
        assert_eq!(done, Ok("a:\n  - 1\n  - 2".into()));
    }

    #[test]
    fn edits_that_meet_are_refused() {
        let cut = |range: Range<usize>, text: &str| TextEdit { range, text: text.into() };
        assert!(apply_edits("abcdef", &[cut(1..4, ""), cut(3..5, "")]).is_none());
        assert_eq!(apply_edits("abcdef", &[cut(1..2, "x"), cut(1..2, "x")]), Some("axcdef".into()));
        assert_eq!(apply_edits("abc", &[cut(3..3, "x"), cut(3..3, "y")]), Some("abcxy".into()));
        assert!(apply_edits("abc", &[cut(2..9, "")]).is_none());
    }
}
