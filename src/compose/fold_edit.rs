//! An edit of a list as a change of the level below: what it adds, changes and removes is written there instead.
//!
//! Items are found by the list keys of the kind, as in a merge; an edit below takes up the one above. What is not clear
//! stays an edit. Deliberately absent: the proof that the list stays the same.

use crate::document::composition::is_list_edit;
use crate::document::node_encoder::NodeEncoder;
use crate::document::write::patch::{ListPatch, MapPatch, NodePatch};
use crate::document::write::rewrite::layout_node;
use crate::kind::{ArrayType, FieldType, ItemType, ListType, Shape};
use crate::yaml::{YamlData, YamlNode};

/// The patch of a lower level, a list or an edit, that says what it says with the edit above it.
pub fn fold_list_edit(lower: &YamlNode, edit: &YamlNode, list: &ArrayType) -> Option<NodePatch> {
    if matches!(list.list_type, ListType::Atomic) {
        return None;
    }
    let folding = EditFolding { list, encoder: NodeEncoder::default() };
    match &lower.data {
        YamlData::Sequence(items) => folding.fold_into_list(items, edit).map(NodePatch::List),
        _ if is_list_edit(lower) => folding.fold_into_edit(lower, edit).map(NodePatch::Map),
        _ => None,
    }
}

struct EditFolding<'k> {
    list: &'k ArrayType,
    encoder: NodeEncoder,
}

impl EditFolding<'_> {
    fn fold_into_list(&self, items: &[YamlNode], edit: &YamlNode) -> Option<ListPatch> {
        let mut patch = ListPatch { keeps_empty: true, ..ListPatch::default() };
        for item in list_part(edit, "remove") {
            patch.removed.push(self.find_item(items, item)?);
        }
        for item in list_part(edit, "change") {
            let at = self.find_item(items, item)?;
            patch.changed.push((at, self.fold_item(items.get(at)?, item)?));
        }
        patch.added = list_part(edit, "add").iter().map(layout_node).collect();
        Some(patch)
    }

    /// Removals come before changes and additions, so an item that goes below may come again.
    fn fold_into_edit(&self, lower: &YamlNode, edit: &YamlNode) -> Option<MapPatch> {
        let (mut add, mut change, mut remove) =
            (ListPatch::default(), ListPatch::default(), ListPatch::default());
        let (added, changed) = (list_part(lower, "add"), list_part(lower, "change"));
        for item in list_part(edit, "remove") {
            change.removed.extend(self.find_item(changed, item));
            match self.find_item(added, item) {
                Some(at) => add.removed.push(at),
                None => remove.added.push(layout_node(item)),
            }
        }
        for item in list_part(edit, "change") {
            match (self.find_item(added, item), self.find_item(changed, item)) {
                (Some(at), _) => add.changed.push((at, self.fold_item(added.get(at)?, item)?)),
                (None, Some(at)) => change.changed.push((at, self.fold_item(changed.get(at)?, item)?)),
                (None, None) => change.added.push(layout_node(item)),
            }
        }
        add.added = list_part(edit, "add").iter().map(layout_node).collect();
        let mut patch = MapPatch::default();
        for (key, list) in [("add", add), ("change", change), ("remove", remove)] {
            if list != ListPatch::default() {
                patch.put(key, NodePatch::List(list));
            }
        }
        Some(patch)
    }

    /// The only item that an edit names.
    fn find_item(&self, items: &[YamlNode], named: &YamlNode) -> Option<usize> {
        let Some(identity) = self.list.item_identity() else {
            let wanted = self.encoder.encode_item(named, self.list)?;
            return find_only(items, |own| {
                self.encoder.encode_item(own, self.list).as_ref() == Some(&wanted)
            });
        };
        identity.keys().find_map(|key| {
            let wanted = self.encoder.encode_key(named, identity.shape, key);
            let is_one = |own: &YamlNode| self.encoder.encode_key(own, identity.shape, key) == wanted;
            wanted.iter().all(Option::is_some).then(|| find_only(items, is_one))?
        })
    }

    fn fold_item(&self, lower: &YamlNode, upper: &YamlNode) -> Option<NodePatch> {
        let ItemType::Object(shape) = &self.list.item else { return None };
        self.fold_fields(lower, upper, shape).map(NodePatch::Map)
    }

    /// The fields of `upper` over those of `lower`, but for those that say the same.
    fn fold_fields(&self, lower: &YamlNode, upper: &YamlNode, shape: &Shape) -> Option<MapPatch> {
        let mut patch = MapPatch::default();
        for entry in upper.entries() {
            let field = shape.find_field(&entry.key)?;
            let below = lower.get_value(&entry.key);
            let encode = |node: &YamlNode| self.encoder.encode_field(node, field);
            let is_same = below.and_then(encode).is_some_and(|own| Some(own) == encode(&entry.value));
            let folded = match (&field.ty, below) {
                _ if is_same => continue,
                (FieldType::Array(list), Some(below)) if is_list_edit(&entry.value) => {
                    fold_list_edit(below, &entry.value, list)?
                }
                (FieldType::Object(inner), Some(below)) if has_entries(below, &entry.value) => {
                    NodePatch::Map(self.fold_fields(below, &entry.value, inner)?)
                }
                (FieldType::Map(_), Some(below)) if has_entries(below, &entry.value) => {
                    let mut map = MapPatch::default();
                    for inner in entry.value.entries() {
                        map.put(&inner.key, NodePatch::Set(layout_node(&inner.value)));
                    }
                    NodePatch::Map(map)
                }
                _ => NodePatch::Set(layout_node(&entry.value)),
            };
            patch.put(&entry.key, folded);
        }
        Some(patch)
    }
}

fn list_part<'n, 't>(edit: &'n YamlNode<'t>, key: &str) -> &'n [YamlNode<'t>] {
    edit.get_value(key).map(YamlNode::items).unwrap_or_default()
}

fn find_only(items: &[YamlNode], is_one: impl Fn(&YamlNode) -> bool) -> Option<usize> {
    let mut found = items.iter().enumerate().filter(|(_, own)| is_one(own)).map(|(at, _)| at);
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

fn has_entries(below: &YamlNode, above: &YamlNode) -> bool {
    !below.entries().is_empty() && !above.entries().is_empty()
}
