//! A YAML node as it is written, laid out again elsewhere: the same words, sources and references.
//!
//! Deliberately absent: comments, which stay where they are.

use super::layout::{LayoutEntry, LayoutNode, render_flow};
use crate::yaml::{YamlData, YamlEntry, YamlNode};

/// The layout of a node.
pub fn layout_node(node: &YamlNode) -> LayoutNode {
    match &node.data {
        YamlData::Scalar { .. } if node.is_null() => LayoutNode::Plain("null".to_owned()),
        YamlData::Scalar { text, plain: true } if is_plain_anywhere(text) => {
            LayoutNode::Plain(text.to_string())
        }
        YamlData::Scalar { text, .. } => LayoutNode::Text(text.to_string()),
        YamlData::Sequence(items) => LayoutNode::List(items.iter().map(layout_node).collect()),
        // a source, a reference or a named value is read best on one line
        YamlData::Mapping(entries) if is_named_value(entries) => {
            let entry = |entry: &YamlEntry| layout_entry(&entry.key, &entry.value);
            LayoutNode::Plain(render_flow(&LayoutNode::Map(entries.iter().map(entry).collect())))
        }
        YamlData::Mapping(entries) => {
            let entry = |entry: &YamlEntry| layout_entry(&entry.key, &entry.value);
            LayoutNode::Map(entries.iter().map(entry).collect())
        }
    }
}

fn layout_entry(key: &str, value: &YamlNode) -> LayoutEntry {
    LayoutEntry { key: key.to_owned(), node: Some(layout_node(value)), comment: None }
}

fn is_named_value(entries: &[YamlEntry]) -> bool {
    matches!(entries, [entry] if matches!(entry.value.data, YamlData::Scalar { .. }))
}

/// Whether a plain scalar means the same between brackets and on lines of its own.
fn is_plain_anywhere(text: &str) -> bool {
    !text.contains(['\n', ',', '[', ']', '{', '}'])
}
