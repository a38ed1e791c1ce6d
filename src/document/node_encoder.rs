//! YAML nodes as texts that are equal where their typed values are, without a word about what is wrong with them.
//!
//! Levels of a document are compared with it before there is a document: whether two bases agree, which item of a
//! list is meant. Deliberately absent: diagnostics; whoever reads the merged document reports them.

use std::sync::Arc;

use super::DesiredNode;
use super::list_keys::{encode_items, encode_node};
use super::source_reader::{SourceReader, ValueContext};
use crate::diagnostic::NamedSource;
use crate::kind::{ArrayType, ComparisonRule, Field, ScalarType, Shape};
use crate::value::Sensitivity;
use crate::yaml::YamlNode;

/// Reads nodes for comparison.
pub struct NodeEncoder {
    /// Without a name or text: no diagnostic shows what is read.
    source: Arc<NamedSource>,
}

impl Default for NodeEncoder {
    fn default() -> Self {
        Self { source: NamedSource::new("", "") }
    }
}

impl NodeEncoder {
    /// The value of a field; nothing when it does not fit the field.
    pub fn encode_field(&self, node: &YamlNode, field: &Field) -> Option<String> {
        let mut faults = Vec::new();
        let mut reader = SourceReader::new(&self.source, &mut faults);
        let value = reader.read_field_value(node, field, field.sensitivity)?;
        let node = DesiredNode { span: node.span, value };
        Some(encode_items(field, &node).unwrap_or_else(|| encode_node(&node, field.compare)))
    }

    /// A value of a map; nothing when it does not fit the map.
    pub fn encode_scalar(
        &self,
        node: &YamlNode,
        scalar: &ScalarType,
        sensitivity: Sensitivity,
    ) -> Option<String> {
        if node.is_null() {
            return Some("~".to_owned());
        }
        let mut faults = Vec::new();
        let role = ValueContext { name: "value", sensitivity, reference: None };
        let value = SourceReader::new(&self.source, &mut faults).read_scalar(node, scalar, role)?;
        Some(encode_node(&DesiredNode { span: node.span, value }, ComparisonRule::Exact))
    }

    /// An item of a list as a whole; nothing when it does not fit the list.
    pub fn encode_item(&self, node: &YamlNode, list: &ArrayType) -> Option<String> {
        let mut faults = Vec::new();
        let mut reader = SourceReader::new(&self.source, &mut faults);
        let role = ValueContext { name: "item", sensitivity: Sensitivity::Public, reference: None };
        let value = reader.read_item(node, &list.item, role)?;
        Some(encode_node(&DesiredNode { span: node.span, value }, ComparisonRule::Exact))
    }

    /// What an effective item has in a field.
    pub fn encode_desired_field(&self, item: &DesiredNode, shape: &Shape, number: u16) -> Option<String> {
        let field = shape.get_field(number);
        let node = item.get_field(number)?;
        Some(encode_items(field, node).unwrap_or_else(|| encode_node(node, field.compare)))
    }

    /// An effective item as a whole.
    pub fn encode_desired_item(&self, item: &DesiredNode) -> String {
        encode_node(item, ComparisonRule::Exact)
    }

    /// What an item has in each field of a key; nothing where it lacks a field.
    pub fn encode_key(&self, node: &YamlNode, shape: &Shape, key: &[u16]) -> Vec<Option<String>> {
        let part = |number: &u16| {
            let field = shape.get_field(*number);
            node.get_value(&field.name).and_then(|value| self.encode_field(value, field))
        };
        key.iter().map(part).collect()
    }
}
