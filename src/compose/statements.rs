//! What a level says of each value: the scalars, lists and entries of maps of its spec, as they are written.
//!
//! Deliberately absent: what follows from it.

use super::level_index::WrittenLevel;
use crate::document::write::layout::LayoutNode;
use crate::document::write::rewrite::layout_node;
use crate::kind::{Field, FieldType, Shape};
use crate::value::Sensitivity;
use crate::yaml::{YamlData, YamlNode};

/// What a level says of one value.
pub struct Statement<'n, 't, 'k> {
    /// The names of the fields, and the key of an entry of a map, that lead to it.
    pub keys: Vec<&'n str>,
    pub node: &'n YamlNode<'t>,
    /// The field to which it belongs.
    pub field: &'k Field,
    /// The greatest sensitivity of the fields that lead to it, its own among them.
    pub sensitivity: Sensitivity,
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
        add_fields(spec, shape, Sensitivity::Public, &mut Vec::new(), &mut found);
    }
    found
}

fn add_fields<'n, 't, 'k>(
    node: &'n YamlNode<'t>,
    shape: &'k Shape,
    above: Sensitivity,
    keys: &mut Vec<&'n str>,
    found: &mut Vec<Statement<'n, 't, 'k>>,
) {
    for entry in node.entries() {
        let Some(field) = shape.find_field(&entry.key) else { continue };
        let sensitivity = above.max(field.sensitivity);
        keys.push(&entry.key);
        let is_mapping =
            matches!(entry.value.data, YamlData::Mapping(_)) && !entry.value.entries().is_empty();
        match &field.ty {
            FieldType::Object(inner) if is_mapping => {
                add_fields(&entry.value, inner, sensitivity, keys, found);
            }
            FieldType::Map(_) if is_mapping => {
                for inner in entry.value.entries() {
                    let keys = [&keys[..], &[&*inner.key]].concat();
                    found.push(Statement { keys, node: &inner.value, field, sensitivity });
                }
            }
            _ => found.push(Statement { keys: keys.clone(), node: &entry.value, field, sensitivity }),
        }
        keys.pop();
    }
}

/// A path of fields with dots, as it may be shown: a key of a map can be as sensitive as its value.
pub fn format_shown_path(shape: &Shape, keys: &[impl AsRef<str>]) -> String {
    let (mut shape, mut map, mut sensitivity) = (Some(shape), None, Sensitivity::Public);
    let show = |key: &str| {
        let above: Option<&FieldType> = map.take();
        if let Some(FieldType::Map(map)) = above {
            return match map.resolve_key_sensitivity(key, sensitivity) {
                Sensitivity::Public => key.to_owned(),
                _ => "*".to_owned(),
            };
        }
        let field = shape.and_then(|shape| shape.find_field(key));
        sensitivity = sensitivity.max(field.map_or(Sensitivity::Public, |field| field.sensitivity));
        map = field.map(|field| &field.ty);
        shape = field.and_then(|field| field.ty.inner_shape()).map(|inner| &**inner);
        key.to_owned()
    };
    keys.iter().map(AsRef::as_ref).map(show).collect::<Vec<_>>().join(".")
}
