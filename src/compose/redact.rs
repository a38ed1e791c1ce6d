//! Hides sensitive values of list edits.
//!
//! A value is hidden when it is read as a field. An edit that is refused is never merged, and what it removes is never
//! read, so its values are hidden here, before anything points at them.
//! Deliberately absent: values outside edits; reading the merged document hides them.

use crate::document::levels::DocumentLevels;
use crate::kind::{ArrayType, Field, ItemType, Shape};
use crate::value::Sensitivity;
use crate::yaml::YamlNode;

/// The greatest sensitivity of anything in a field.
pub(super) fn find_field_sensitivity(field: &Field) -> Sensitivity {
    let inner = field.ty.inner_shape().map(|shape| find_greatest_sensitivity(shape));
    inner.map_or(field.sensitivity, |inner| inner.max(field.sensitivity))
}

/// The greatest sensitivity of anything in an object.
pub(super) fn find_greatest_sensitivity(shape: &Shape) -> Sensitivity {
    shape.fields.iter().map(find_field_sensitivity).max().unwrap_or_default()
}

/// Hides the sensitive values of an edit `{ add, change, remove }`.
pub(super) fn redact_edit(levels: &DocumentLevels, edit: &YamlNode, list: &ArrayType, field: &Field) {
    let items = edit.entries().iter().flat_map(|entry| entry.value.items());
    for item in items {
        match &list.item {
            ItemType::Object(shape) if field.sensitivity == Sensitivity::Public => {
                redact_item(levels, item, shape);
            }
            _ if field.sensitivity == Sensitivity::Public => {}
            _ => redact_node(levels, item),
        }
    }
}

fn redact_item(levels: &DocumentLevels, item: &YamlNode, shape: &Shape) {
    for entry in item.entries() {
        let field = shape.find_field(&entry.key);
        // a field that the kind does not have may be a misspelt one
        if field.is_none_or(|field| find_field_sensitivity(field) > Sensitivity::Public) {
            redact_node(levels, &entry.value);
        }
    }
}

fn redact_node(levels: &DocumentLevels, node: &YamlNode) {
    if let Some((level, span)) = levels.resolve_span(node.span) {
        level.source.redact_to_line_end(span);
    }
}
