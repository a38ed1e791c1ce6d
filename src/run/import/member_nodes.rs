//! Where in a document a list or a map stands, also one inside of items.
//!
//! A change names items by what tells them apart in the live list; the items of a document stand in another order and
//! say only what a person wrote. Deliberately absent: changes of the items.

use crate::document::{DesiredNode, DesiredValue, Document};
use crate::kind::equality::is_equal;
use crate::kind::identity::ItemIdentity;
use crate::kind::{ArrayType, FieldType};
use crate::value::{ItemKeyField, PathSegment, ValuePath};

/// The list or the map that holds the member to which a path leads; nothing where the document does not say surely
/// which of its items are on the way.
pub fn find_parent_node<'d>(document: &'d Document, path: &ValuePath) -> Option<&'d DesiredNode> {
    let (_, way) = path.0.split_last()?;
    let (mut shape, mut node) = (Some(&document.kind.shape), &document.spec);
    let mut list: Option<&ArrayType> = None;
    for segment in way {
        match segment {
            PathSegment::Field(name) => {
                let field = shape?.find_field(name)?;
                node = node.get_field(field.number)?;
                shape = field.ty.inner_shape();
                list = match &field.ty {
                    FieldType::Array(list) => Some(list),
                    _ => None,
                };
            }
            PathSegment::Item { index, key } => {
                let DesiredValue::List(items) = &node.value else { return None };
                node = match list?.item_identity() {
                    Some(identity) => find_item(identity, items, key)?,
                    None => items.get(*index)?,
                };
            }
            PathSegment::Key(..) => return None,
        }
    }
    Some(node)
}

/// The only item that has this key, as far as it is written out.
fn find_item<'d>(
    identity: ItemIdentity,
    items: &'d [DesiredNode],
    key: &[ItemKeyField],
) -> Option<&'d DesiredNode> {
    let has = |item: &DesiredNode, own: &ItemKeyField| {
        let Some(field) = identity.shape.find_field(&own.name) else { return false };
        match item.get_field(field.number).map(|named| &named.value) {
            Some(DesiredValue::Literal(value)) => is_equal(field, Some(&own.value), Some(value)),
            None | Some(DesiredValue::Clear) => is_equal(field, Some(&own.value), None),
            Some(_) => false,
        }
    };
    let mut found = items.iter().filter(|item| !key.is_empty() && key.iter().all(|own| has(item, own)));
    found.next().filter(|_| found.next().is_none())
}
