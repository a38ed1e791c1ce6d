//! What documents write for a live value, taken from the draft of its object.
//!
//! Deliberately absent: where it is written.

use super::draft::{ObjectDraft, can_represent};
use super::fill::get_object_fields;
use crate::document::write::layout::LayoutNode;
use crate::document::write::tree::{self, LayoutBuilder};
use crate::document::{DesiredNode, DesiredValue};
use crate::kind::equality::is_equal;
use crate::kind::explain::can_be_cleared;
use crate::kind::visit::walk_path;
use crate::kind::{Field, FieldType, ItemType, Kind};
use crate::plan::Change;
use crate::value::{PathSegment, Sensitivity, Value, ValuePath};

/// Lays out live values of one object.
#[derive(Clone, Copy)]
pub struct LiveLayout<'l> {
    pub kind: &'l Kind,
    pub draft: &'l ObjectDraft,
    /// Whether personal and sensitive values are written.
    pub personal: bool,
}

/// A live value laid out, with the node of the draft that it comes from.
pub struct LiveNode<'l> {
    pub tree: LayoutNode,
    pub drafted: Option<&'l DesiredNode>,
}

impl<'l> LiveLayout<'l> {
    /// The live value of the field of a change; nothing when no document can say it.
    pub fn build_field(&self, change: &Change, mark: Sensitivity, field: &Field) -> Option<LiveNode<'l>> {
        let live = change.before.as_ref().filter(|value| !matches!(value, Value::Null));
        let plain = |tree| LiveNode { tree, drafted: None };
        let Some(live) = live.filter(|value| !(value.is_blank() && can_be_cleared(field))) else {
            return build_cleared(field).map(plain);
        };
        match &field.ty {
            FieldType::Scalar(scalar) if mark != Sensitivity::Secret => {
                can_represent(scalar, live).then(|| plain(tree::build_literal(live)))
            }
            _ => self.build_drafted(&change.path, mark, field),
        }
    }

    /// What the draft says at a path.
    pub fn build_drafted(&self, path: &ValuePath, mark: Sensitivity, field: &Field) -> Option<LiveNode<'l>> {
        let (node, here) = find_drafted(self.kind, self.draft, path)?;
        let tree = LayoutBuilder::new(&self.draft.remarks, self.personal)
            .with_path(here)
            .build_node(&field.ty, &node.value, mark, &field.name)
            .ok()?;
        Some(LiveNode { tree, drafted: Some(node) })
    }

    /// The live item of a list that a change leads to; nothing when it is not in the draft.
    ///
    /// # Errors
    /// When it holds a plain value that must not be written.
    pub fn build_item(
        &self,
        path: &ValuePath,
        item: &ItemType,
        mark: Sensitivity,
        name: &str,
    ) -> Result<Option<LiveNode<'l>>, crate::diagnostic::Diagnostic> {
        let Some((node, here)) = find_drafted(self.kind, self.draft, path) else { return Ok(None) };
        let (at, here) = here.split_last().map_or((0, &[][..]), |(at, here)| (*at, here));
        let tree = LayoutBuilder::new(&self.draft.remarks, self.personal)
            .with_path(here.to_vec())
            .build_item(item, at, node, mark, name)?;
        Ok(Some(LiveNode { tree, drafted: Some(node) }))
    }
}

/// How a document says that there is nothing.
fn build_cleared(field: &Field) -> Option<LayoutNode> {
    if can_be_cleared(field) {
        return Some(LayoutNode::Plain("null".into()));
    }
    let zero = field.ty.build_zero_value();
    match zero {
        Value::Null => None,
        zero => is_equal(field, None, Some(&zero)).then(|| tree::build_literal(&zero)),
    }
}

/// The field to which a path leads, or the list or mapping whose member it leads to, and the strictest mark on
/// the way.
pub fn resolve_field<'k>(kind: &'k Kind, path: &ValuePath) -> Option<(Sensitivity, &'k Field)> {
    let steps = walk_path(&kind.shape, path);
    let fields: Vec<&Field> = steps.iter().map(|step| step.field).collect::<Option<_>>()?;
    let mark = fields.iter().map(|field| field.sensitivity).max()?;
    Some((mark, *fields.last()?))
}

/// The node of a draft at a path, items by their place in the live list, and the numbers that lead there.
fn find_drafted<'d>(
    kind: &Kind,
    draft: &'d ObjectDraft,
    path: &ValuePath,
) -> Option<(&'d DesiredNode, Vec<u32>)> {
    let (mut shape, mut here) = (Some(&kind.shape), Vec::new());
    let mut fields: &[(u16, DesiredNode)] = &draft.fields;
    let mut node: Option<&DesiredNode> = None;
    for segment in &path.0 {
        match segment {
            PathSegment::Field(name) => {
                let field = shape?.find_field(name)?;
                here.push(u32::from(field.number));
                node = fields.iter().find(|(number, _)| *number == field.number).map(|(_, node)| node);
                shape = field.ty.inner_shape();
            }
            PathSegment::Item { index, .. } => {
                here.push(u32::try_from(*index).ok()?);
                node = match &node?.value {
                    DesiredValue::List(items) => items.get(*index),
                    _ => None,
                };
            }
            PathSegment::Key(key, _) => {
                node = match &node?.value {
                    DesiredValue::Map(entries) => {
                        entries.iter().find(|(own, _)| own == key).map(|(_, node)| node)
                    }
                    _ => None,
                };
            }
        }
        fields = node.map(get_object_fields).unwrap_or_default();
    }
    Some((node?, here))
}
