//! Paths in specs: to the node below their keys, and out with it.

use crate::kind::{FieldType, Shape};
use crate::yaml::{YamlData, YamlNode};

/// The node below the keys of a path.
pub fn find_at_path<'n, 't, 'p>(
    node: &'n YamlNode<'t>,
    mut path: impl Iterator<Item = &'p str>,
) -> Option<&'n YamlNode<'t>> {
    path.try_fold(node, |node, key| node.get_value(key))
}

/// The keys of a path along a shape.
pub fn split_path<'p>(path: &'p str, shape: &Shape) -> Vec<&'p str> {
    let Some((first, rest)) = path.split_once('.') else { return vec![path] };
    let mut keys = vec![first];
    match shape.find_field(first).map(|field| &field.ty) {
        Some(FieldType::Object(inner)) => keys.extend(split_path(rest, inner)),
        Some(FieldType::Map(_)) => keys.push(rest),
        _ => keys.extend(rest.split('.')),
    }
    keys
}

/// Removes a node, and what is left empty above it: `{}` would mean that a map is to be empty.
pub fn remove_at_path(node: &mut YamlNode, keys: &[&str]) -> Result<(), Vec<String>> {
    let YamlData::Mapping(entries) = &mut node.data else { return Err(Vec::new()) };
    let Some((first, rest)) = keys.split_first() else { return Err(Vec::new()) };
    let Some(at) = entries.iter().position(|entry| entry.key == *first) else {
        return Err(entries.iter().map(|entry| entry.key.to_string()).collect());
    };
    if !rest.is_empty() {
        let inner = &mut entries[at].value;
        remove_at_path(inner, rest)?;
        if !inner.entries().is_empty() {
            return Ok(());
        }
    }
    entries.remove(at);
    Ok(())
}
