//! Blanks within a line: one behind each colon, one behind each comma, one inside braces and none inside brackets.
//!
//! Only gaps that hold nothing but blanks and their mark, and no line break, are changed; comments keep theirs.
//! Deliberately absent: whether the text still says the same. Whoever formats compares.

use std::ops::Range;

use crate::diagnostic::SourceSpan;
use crate::document::write::edit::{TextEdit, apply_edits};
use crate::yaml::{YamlData, YamlEntry, YamlNode};

/// The text with the blanks of its lines in order.
pub fn space_tokens(text: &str, nodes: &[YamlNode]) -> String {
    let mut spacing = TokenSpacing { text, edits: Vec::new() };
    nodes.iter().for_each(|node| spacing.visit_node(node));
    apply_edits(text, &spacing.edits).unwrap_or_else(|| text.to_owned())
}

struct TokenSpacing<'t> {
    text: &'t str,
    edits: Vec<TextEdit>,
}

impl TokenSpacing<'_> {
    fn visit_node(&mut self, node: &YamlNode) {
        if self.find_brackets(node).is_some() {
            return self.visit_flow(node);
        }
        match &node.data {
            YamlData::Scalar { .. } => {}
            YamlData::Sequence(items) => items.iter().for_each(|item| self.visit_node(item)),
            YamlData::Mapping(entries) => entries.iter().for_each(|entry| self.visit_entry(entry)),
        }
    }

    /// What stands behind the colon of a key on its line, be it a value, an anchor or the mark of a block.
    fn visit_entry(&mut self, entry: &YamlEntry) {
        let at = entry.key_span.end as usize;
        let rest = self.text.get(at..).unwrap_or_default();
        let blanks = rest.len() - rest.trim_start_matches(' ').len();
        if let Some(behind) = rest.get(blanks..).and_then(|rest| rest.strip_prefix(':')) {
            let value = behind.trim_start_matches(' ');
            let is_value = behind.len() > value.len() && !value.starts_with(['\n', '#', '\t']);
            if is_value && !value.is_empty() {
                self.put(at..at + blanks + 1 + behind.len() - value.len(), ": ");
            }
        }
        self.visit_node(&entry.value);
    }

    /// The bytes between the brackets of a collection, and whether these are braces.
    fn find_brackets(&self, node: &YamlNode) -> Option<(Range<usize>, bool)> {
        let range = node.span.start as usize..node.span.end as usize;
        let text = self.text.get(range.clone())?;
        let first = match &node.data {
            YamlData::Scalar { .. } => return None,
            YamlData::Sequence(items) => items.first().map(|item| item.span.start),
            YamlData::Mapping(entries) => entries.first().map(|entry| entry.key_span.start),
        };
        let is_own = first != Some(node.span.start);
        let is_map = text.starts_with('{') && text.ends_with('}');
        let is_list = text.starts_with('[') && text.ends_with(']');
        (is_own && text.len() > 1 && (is_map || is_list)).then_some((range.start + 1..range.end - 1, is_map))
    }

    fn visit_flow(&mut self, node: &YamlNode) {
        let Some((inner, is_map)) = self.find_brackets(node) else { return };
        let members: Vec<Range<usize>> = match &node.data {
            YamlData::Scalar { .. } => return,
            YamlData::Sequence(items) => items.iter().map(|item| to_range(item.span, item.span)).collect(),
            YamlData::Mapping(entries) => {
                entries.iter().map(|entry| to_range(entry.key_span, entry.value.span)).collect()
            }
        };
        let is_inside = |member: &Range<usize>| inner.start <= member.start && member.end <= inner.end;
        let (Some(first), Some(last)) = (members.first(), members.last()) else {
            return self.put_gap(inner, &[""], "");
        };
        // what came through an alias stands elsewhere
        if !members.iter().all(is_inside) {
            return;
        }
        let edge = if is_map { " " } else { "" };
        self.put_gap(inner.start..first.start, &[""], edge);
        self.put_gap(last.end..inner.end, &["", ","], edge);
        for pair in members.windows(2) {
            self.put_gap(pair[0].end..pair[1].start, &[","], ", ");
        }
        for entry in node.entries() {
            let value = entry.value.span;
            if value.start > entry.key_span.end {
                self.put_gap(entry.key_span.end as usize..value.start as usize, &[":"], ": ");
            }
            self.visit_node(&entry.value);
        }
        node.items().iter().for_each(|item| self.visit_node(item));
    }

    /// Puts a text in the place of a gap that holds one of these marks and blanks.
    fn put_gap(&mut self, range: Range<usize>, marks: &[&str], text: &str) {
        let gap = self.text.get(range.clone());
        let is_plain = gap.is_some_and(|gap| {
            marks.contains(&gap.trim_matches(' ')) && !gap.contains(['\n', '#', '\t', '\r'])
        });
        if is_plain {
            self.put(range, text);
        }
    }

    fn put(&mut self, range: Range<usize>, text: &str) {
        if self.text.get(range.clone()) != Some(text) {
            self.edits.push(TextEdit { range, text: text.to_owned() });
        }
    }
}

/// From the start of a key to the end of what belongs to it; a key alone has a value of no bytes.
fn to_range(from: SourceSpan, to: SourceSpan) -> Range<usize> {
    let is_alone = to.start == to.end;
    let end = if is_alone { from.end } else { from.end.max(to.end) };
    from.start as usize..end as usize
}
