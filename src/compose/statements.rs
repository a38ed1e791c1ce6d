//! What a level says of each value: the scalars, lists and entries of maps of its spec, as they are written.
//!
//! Deliberately absent: what follows from it.

use super::level_index::WrittenLevel;
use crate::document::write::layout::LayoutNode;
use crate::document::write::rewrite::layout_node;
use crate::kind::{Field, FieldType, Shape};
use crate::yaml::{YamlData, YamlNode};

/// What a level says of one value.
pub struct Statement<'n, 't, 'k> {
    /// The names of the fields, and the key of an entry of a map, that lead to it.
    pub keys: Vec<&'n str>,
    pub node: &'n YamlNode<'t>,
    /// The field to which it belongs.
    pub field: &'k Field,
}

impl Statement<'_, '_, '_> {
    /// The words in which it is said.
    pub fn layout(&self) -> LayoutNode {
        layout_node(self.node)
    }
}

/// What a level says, in the order of its text. Fields that the kind does not have are left out.
pub fn list_level_statements<'n, 't, 'k>(
    level: &WrittenLevel<'n, 't>,
    shape: &'k Shape,
) -> Vec<Statement<'n, 't, 'k>> {
    let mut found = Vec::new();
    if let Some(spec) = level.spec {
        add_fields(spec, shape, &mut Vec::new(), &mut found);
    }
    found
}

fn add_fields<'n, 't, 'k>(
    node: &'n YamlNode<'t>,
    shape: &'k Shape,
    keys: &mut Vec<&'n str>,
    found: &mut Vec<Statement<'n, 't, 'k>>,
) {
    for entry in node.entries() {
        let Some(field) = shape.find_field(&entry.key) else { continue };
        keys.push(&entry.key);
        let is_mapping =
            matches!(entry.value.data, YamlData::Mapping(_)) && !entry.value.entries().is_empty();
        match &field.ty {
            FieldType::Object(inner) if is_mapping => add_fields(&entry.value, inner, keys, found),
            FieldType::Map(_) if is_mapping => {
                for inner in entry.value.entries() {
                    let keys = [&keys[..], &[&*inner.key]].concat();
                    found.push(Statement { keys, node: &inner.value, field });
                }
            }
            _ => found.push(Statement { keys: keys.clone(), node: &entry.value, field }),
        }
        keys.pop();
    }
}
