//! Edits of a list from a lower level: `{ add, change, remove }`, by the list keys of the kind.
//!
//! Edits are strict: what is not there cannot be changed or removed, and what is there cannot be added. An item is
//! found by the first of the kind's keys that the edit names in full. Removals come first, then changes, then
//! additions, whatever the order in which they are written.
//! Deliberately absent: lists without keys, whose order counts; they are written in full.

use super::merge::LevelMerger;
use super::redact::redact_edit;
use crate::diagnostic::{Diagnostic, find_nearest};
use crate::kind::{ArrayType, Field, ItemType, ListType, Shape};
use crate::value::Sensitivity;
use crate::yaml::{YamlData, YamlEntry, YamlNode};

/// So many keys are named where none is near.
const MAX_KNOWN: usize = 12;

/// A list and how its items are distinguished.
#[derive(Clone, Copy)]
struct EditedList<'k> {
    name: &'k str,
    list: &'k ArrayType,
}

/// An item that was found.
struct FoundItem<'k> {
    at: usize,
    /// The key by which it was found; none in a set.
    key: &'k [u16],
}

/// Why it is not clear which item is meant, and an item that it may be.
struct UnclearItem {
    fault: Diagnostic,
    candidate: Option<usize>,
}

impl UnclearItem {
    fn boxed(fault: Diagnostic, candidate: Option<usize>) -> Box<Self> {
        Box::new(Self { fault, candidate })
    }
}

/// What an item of the level below is needed for.
#[derive(Clone, Copy)]
enum RequiredItem {
    ToChange,
    ToRemove,
}

impl LevelMerger<'_> {
    /// Applies an edit to the list below it.
    pub(super) fn apply_list_edit<'t>(
        &mut self,
        lower: &mut YamlNode<'t>,
        edit: YamlEntry<'t>,
        list: &ArrayType,
        field: &Field,
    ) {
        let edited = EditedList { name: &field.name, list };
        redact_edit(self.levels, &edit.value, list, field);
        if matches!(list.list_type, ListType::Atomic) {
            let message =
                format!("the order of `{}` counts, so its items cannot be edited one by one", field.name);
            let fault = Diagnostic::error("ordered-list", message).with_hint("write the list in full");
            return self.add_fault_with(edit.key_span, fault, lower.span, "the level below");
        }
        let YamlData::Sequence(items) = &mut lower.data else {
            return self.check_edits(&edit.value, field);
        };
        let YamlData::Mapping(mut entries) = edit.value.data else { return };
        entries.sort_by_key(|entry| match &*entry.key {
            "remove" => 0,
            "change" => 1,
            _ => 2,
        });
        for entry in entries {
            let YamlData::Sequence(named) = entry.value.data else {
                let message = format!("`{}` of `{}` takes a list of items", entry.key, field.name);
                let fault = Diagnostic::error("wrong-type", message);
                self.add_fault(entry.key_span, fault.with_hint("write each item after `- `"));
                continue;
            };
            for item in named {
                match &*entry.key {
                    "remove" => self.remove_item(items, item, edited),
                    "change" => self.change_item(items, item, edited),
                    _ => self.add_item(items, item, edited),
                }
            }
        }
        lower.span = edit.value.span;
    }

    fn add_item<'t>(&mut self, items: &mut Vec<YamlNode<'t>>, item: YamlNode<'t>, edited: EditedList) {
        if let Ok(Some(found)) = self.find_item(items, &item, edited) {
            let message = format!("`{}` already has this item", edited.name);
            let fault =
                Diagnostic::error("item-exists", message).with_hint("use `change`, or remove it here");
            let related = items.get(found.at).map_or(item.span, |own| own.span);
            return self.add_fault_with(item.span, fault, related, "the item below");
        }
        if let ItemType::Object(shape) = &edited.list.item {
            self.check_edits_within(&item, shape);
        }
        items.push(item);
    }

    fn remove_item<'t>(&mut self, items: &mut Vec<YamlNode<'t>>, item: YamlNode<'t>, edited: EditedList) {
        let Some(found) = self.find_required_item(items, &item, edited, RequiredItem::ToRemove) else {
            return;
        };
        if let ItemType::Object(shape) = &edited.list.item
            && let Some(extra) =
                item.entries().iter().find(|entry| !is_key_field(shape, found.key, &entry.key))
            && !found.key.is_empty()
        {
            let message = format!("`remove` names an item of `{}` by its key alone", edited.name);
            let fault = Diagnostic::error("not-a-key", message);
            let hint = format!("write {}", describe_key(shape, found.key));
            return self.add_fault(extra.key_span, fault.with_hint(hint));
        }
        items.remove(found.at);
    }

    fn change_item<'t>(&mut self, items: &mut Vec<YamlNode<'t>>, item: YamlNode<'t>, edited: EditedList) {
        let ItemType::Object(shape) = &edited.list.item else {
            return self.report_unchangeable(&item, edited);
        };
        if matches!(edited.list.list_type, ListType::Set) {
            return self.report_unchangeable(&item, edited);
        }
        let Some(found) = self.find_required_item(items, &item, edited, RequiredItem::ToChange) else {
            return;
        };
        let ListType::Map(keys) = &edited.list.list_type else { return };
        let YamlData::Mapping(entries) = item.data else { return };
        let below = items.get(found.at);
        let (mut kept, mut is_moved) = (Vec::new(), false);
        for entry in entries.into_iter().filter(|entry| !is_key_field(shape, found.key, &entry.key)) {
            let field = shape
                .find_field(&entry.key)
                .filter(|field| keys.iter().flatten().any(|number| *number == field.number));
            let lower = below.and_then(|own| own.get_value(&entry.key));
            match (field, lower) {
                // another key that finds the same item
                (Some(field), Some(lower)) => {
                    let encode = |node: &YamlNode| self.encoder.encode_field(node, field);
                    is_moved |= encode(lower) != encode(&entry.value);
                }
                _ => kept.push(entry),
            }
        }
        if is_moved {
            let related = below.map_or(item.span, |own| own.span);
            let fault = diagnose_moved_key(shape, keys, edited);
            return self.add_fault_with(item.span, fault, related, "an item below");
        }
        let entries = kept;
        let changes = YamlNode { span: item.span, data: YamlData::Mapping(entries) };
        if let Some(lower) = items.get_mut(found.at) {
            self.merge_objects(lower, changes, shape);
        }
    }

    fn report_unchangeable(&mut self, item: &YamlNode, edited: EditedList) {
        let message = format!("items of `{}` have no key, so they cannot be changed", edited.name);
        let fault = Diagnostic::error("change-in-set", message);
        self.add_fault(item.span, fault.with_hint("remove the old item and add the new one"));
    }

    /// The item that an edit names; that it is not there is a fault.
    fn find_required_item<'k>(
        &mut self,
        items: &[YamlNode],
        item: &YamlNode,
        edited: EditedList<'k>,
        purpose: RequiredItem,
    ) -> Option<FoundItem<'k>> {
        match self.find_item(items, item, edited) {
            Ok(Some(found)) => Some(found),
            Ok(None) => {
                self.report_missing_item(items, item, edited, purpose);
                None
            }
            Err(unclear) => {
                match unclear.candidate.and_then(|at| items.get(at)) {
                    Some(other) => self.add_fault_with(item.span, unclear.fault, other.span, "an item below"),
                    None => self.add_fault(item.span, unclear.fault),
                }
                None
            }
        }
    }

    /// The item that is meant, or why it is not clear which.
    fn find_item<'k>(
        &self,
        items: &[YamlNode],
        item: &YamlNode,
        edited: EditedList<'k>,
    ) -> Result<Option<FoundItem<'k>>, Box<UnclearItem>> {
        let (ListType::Map(keys), ItemType::Object(shape)) = (&edited.list.list_type, &edited.list.item)
        else {
            let encode = |node: &YamlNode| self.encoder.encode_item(node, edited.list);
            let wanted = encode(item);
            let at =
                wanted.and_then(|wanted| items.iter().position(|own| encode(own).as_ref() == Some(&wanted)));
            return Ok(at.map(|at| FoundItem { at, key: &[] }));
        };
        let (mut missing, mut ambiguous) = (false, None);
        for key in keys {
            let wanted = self.encoder.encode_key(item, shape, key);
            if wanted.iter().any(Option::is_none) {
                continue;
            }
            let is_one = |own: &YamlNode| self.encoder.encode_key(own, shape, key) == wanted;
            let found: Vec<usize> =
                (0..items.len()).filter(|at| items.get(*at).is_some_and(is_one)).collect();
            match (found.as_slice(), missing) {
                ([at], false) => return Ok(Some(FoundItem { at: *at, key })),
                ([], _) => missing = true,
                ([at, ..], true) => {
                    return Err(UnclearItem::boxed(diagnose_moved_key(shape, keys, edited), Some(*at)));
                }
                // a later key may tell them apart
                ([_, at, ..], false) => ambiguous = ambiguous.or(Some((key, *at))),
            }
        }
        match ambiguous {
            Some((key, at)) => Err(UnclearItem::boxed(diagnose_ambiguous_item(shape, key, edited), Some(at))),
            None if missing => Ok(None),
            None => Err(UnclearItem::boxed(diagnose_missing_key(shape, keys, edited), None)),
        }
    }

    fn report_missing_item(
        &mut self,
        items: &[YamlNode],
        item: &YamlNode,
        edited: EditedList,
        purpose: RequiredItem,
    ) {
        let (code, verb) = match purpose {
            RequiredItem::ToRemove => ("nothing-to-remove", "remove"),
            RequiredItem::ToChange => ("nothing-to-change", "change"),
        };
        let message = format!("no item of `{}` has this key, so there is nothing to {verb}", edited.name);
        let fault = Diagnostic::error(code, message);
        match self.find_nearest_item(items, item, edited) {
            Some((at, hint)) => {
                let related = items.get(at).map_or(item.span, |own| own.span);
                self.add_fault_with(item.span, fault.with_hint(hint), related, "the nearest item");
            }
            None => {
                let known = list_known_keys(items, item, edited);
                let hint = known.unwrap_or_else(|| "use the key of an item of the level below".to_owned());
                self.add_fault(item.span, fault.with_hint(hint));
            }
        }
    }

    /// The item whose key is nearest, and which part of it differs.
    fn find_nearest_item(
        &self,
        items: &[YamlNode],
        item: &YamlNode,
        edited: EditedList,
    ) -> Option<(usize, String)> {
        let (ListType::Map(keys), ItemType::Object(shape)) = (&edited.list.list_type, &edited.list.item)
        else {
            return None;
        };
        let key = keys
            .iter()
            .find(|key| key.iter().all(|number| item.get_value(&shape.get_field(*number).name).is_some()))?;
        let wanted = self.encoder.encode_key(item, shape, key);
        let count_equal = |own: &YamlNode| {
            let parts = self.encoder.encode_key(own, shape, key);
            parts.iter().zip(&wanted).filter(|(a, b)| a == b).count()
        };
        let (at, nearest) = items.iter().enumerate().max_by_key(|(_, own)| count_equal(own))?;
        if count_equal(nearest) > 0 {
            let parts = self.encoder.encode_key(nearest, shape, key);
            let differing: Vec<_> = key
                .iter()
                .zip(parts.iter().zip(&wanted))
                .filter(|(_, (own, wanted))| own != wanted)
                .map(|(number, _)| format!("`{}`", shape.get_field(*number).name))
                .collect();
            return Some((at, format!("the nearest item differs in {}", differing.join(", "))));
        }
        find_similar_key(items, item, shape.get_field(*key.first()?))
    }
}

/// The values of a key of one field in the level below.
fn list_known_keys(items: &[YamlNode], item: &YamlNode, edited: EditedList) -> Option<String> {
    let identity = edited.list.item_identity()?;
    let fields = identity.own_keys().filter_map(|key| match key {
        [number] => Some(identity.shape.get_field(*number)),
        _ => None,
    });
    let mut named = fields.filter(|field| item.get_value(&field.name).is_some());
    let field = named.next().filter(|field| field.sensitivity == Sensitivity::Public)?;
    let known = items.iter().filter_map(|own| own.get_value(&field.name)?.as_scalar());
    let known: Vec<String> = known.take(MAX_KNOWN).map(|text| text.escape_debug().to_string()).collect();
    (!known.is_empty()).then(|| format!("the level below has `{}`: {}", field.name, known.join(", ")))
}

/// The item of which a part of the key reads most alike.
fn find_similar_key(items: &[YamlNode], item: &YamlNode, field: &Field) -> Option<(usize, String)> {
    let get = |node: &YamlNode| node.get_value(&field.name).and_then(YamlNode::as_scalar).map(str::to_owned);
    let texts: Vec<String> = items.iter().map(|own| get(own).unwrap_or_default()).collect();
    let near = find_nearest(&get(item)?, texts.iter().map(String::as_str))?;
    let at = texts.iter().position(|text| text == near)?;
    let is_public = field.sensitivity == Sensitivity::Public;
    let hint = format!("did you mean `{}: {}`?", field.name, near.escape_debug());
    Some((at, if is_public { hint } else { "the nearest item has a similar key".to_owned() }))
}

fn is_key_field(shape: &Shape, key: &[u16], name: &str) -> bool {
    key.iter().any(|number| *shape.get_field(*number).name == *name)
}

fn describe_key(shape: &Shape, key: &[u16]) -> String {
    let names: Vec<_> = key.iter().map(|number| format!("`{}`", shape.get_field(*number).name)).collect();
    names.join(" and ")
}

fn diagnose_missing_key(shape: &Shape, keys: &[Vec<u16>], edited: EditedList) -> Diagnostic {
    let message = format!("this names no item of `{}` by its key", edited.name);
    let keys: Vec<_> = keys.iter().map(|key| describe_key(shape, key)).collect();
    Diagnostic::error("missing-item-key", message).with_hint(format!("add {}", keys.join(", or ")))
}

fn diagnose_ambiguous_item(shape: &Shape, key: &[u16], edited: EditedList) -> Diagnostic {
    let message = format!("several items of `{}` have this {}", edited.name, describe_key(shape, key));
    Diagnostic::error("ambiguous-item", message).with_hint("write the list in full")
}

fn diagnose_moved_key(shape: &Shape, keys: &[Vec<u16>], edited: EditedList) -> Diagnostic {
    let keys: Vec<_> = keys.iter().map(|key| describe_key(shape, key)).collect();
    let message = format!(
        "this gives an item of `{}` another key; {} name different items",
        edited.name,
        keys.join(" and ")
    );
    Diagnostic::error("moved-key", message).with_hint("remove the old item and add the new one")
}
