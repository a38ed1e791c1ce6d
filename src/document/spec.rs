//! The spec under the kind's guidance: every node becomes a wish of the type that its field has.
//!
//! All mismatches are found, each with its place; what does not fit is left out of the tree. A marked value
//! is veiled in the source before anything is said about it, and no message repeats one.
//! Deliberately absent: what must be there to create an object. Only the plan knows that it is a create.

use super::read::{Reading, shown};
use super::{Wanted, Wish, apart, refer, slot};
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::kind::leaf::{Mismatch, Token};
use crate::kind::{Clear, Field, Item, Leaf, ListType, MapType, Refers, Shape, Type};
use crate::value::{Mark, Value};
use crate::yaml::{Data, Entry, Node};

/// The most bytes of one text.
pub const MAX_TEXT: usize = 1024 * 1024;

/// What a value is read as: the name it has in messages, what must not be seen of it, what its id refers to.
#[derive(Clone, Copy)]
pub(super) struct Role<'k> {
    pub name: &'k str,
    pub mark: Mark,
    pub refers: Option<&'k Refers>,
}

impl Reading<'_> {
    /// A mapping as the fields of a shape.
    pub(super) fn object(&mut self, node: &Node, shape: &Shape, above: Mark) -> Wish {
        let mut fields: Vec<(u16, Wanted)> = Vec::with_capacity(node.entries().len());
        let mut next = 0;
        for entry in node.entries() {
            let Some(field) = field_named(shape, &entry.key, next) else {
                self.unknown_field(entry, shape);
                continue;
            };
            next = field.number as usize + 1;
            if let Some(wish) = self.field(entry, field, above.max(field.mark)) {
                fields.push((field.number, Wanted { span: entry.value.span, wish }));
            }
        }
        fields.sort_by_key(|(number, _)| *number);
        Wish::Object(fields)
    }

    fn unknown_field(&mut self, entry: &Entry, shape: &Shape) {
        self.veil(entry);
        let writable = |field: &&Field| !is_set_by_service(field);
        let known: Vec<&str> = shape.fields.iter().filter(writable).map(|field| &*field.name).collect();
        self.unknown("unknown-field", entry, "there is no field", &known);
    }

    fn field(&mut self, entry: &Entry, field: &Field, mark: Mark) -> Option<Wish> {
        match slot::is_meant(&entry.value) {
            _ if mark == Mark::Open => {}
            true => self.veil_comment(&entry.value),
            false => self.veil(entry),
        }
        if is_set_by_service(field) {
            let message = format!("`{}` is set by the service", field.name);
            let message = if field.copy_of.is_some() {
                format!("`{}` is a copy that is filled in by itself", field.name)
            } else {
                message
            };
            self.put(entry.key_span, Diagnostic::error("computed-field", message).hint("leave it out"));
            return None;
        }
        if entry.value.is_null() {
            return self.clear(entry, field);
        }
        let role = Role { name: &field.name, mark, refers: field.refers_to.as_ref() };
        match &field.ty {
            Type::Leaf(leaf) => self.leaf(&entry.value, leaf, role),
            Type::Object(shape) => self.nested(&entry.value, shape, role),
            Type::Map(map) => self.map(&entry.value, map, role),
            Type::List(list) => self.list(&entry.value, list, role),
        }
    }

    fn clear(&mut self, entry: &Entry, field: &Field) -> Option<Wish> {
        let name = &field.name;
        let hint = format!("write a value, or leave `{name}` out so that it stays as it is");
        if field.access.required || field.clear == Clear::Never {
            let why = if field.access.required { "is required" } else { "can't be cleared in this API" };
            let fault = Diagnostic::error("cannot-clear", format!("`{name}` {why}, so it can't be null"));
            self.put(entry.key_span, fault.hint(hint));
            return None;
        }
        let span = entry.value.span;
        if span.start == span.end {
            let message = format!("nothing stands after `{name}:`, which asks to clear it");
            let hint = format!("write `{name}: null` if that is meant, else leave `{name}` out");
            self.put(entry.key_span, Diagnostic::warning("empty-value", message).hint(hint));
        }
        Some(Wish::Clear)
    }

    fn leaf(&mut self, node: &Node, leaf: &Leaf, role: Role) -> Option<Wish> {
        if let Some(words) = role.refers.and_then(|refers| refer::meant(node, refers)) {
            return refer::read(self, node, role, &words).map(Wish::Reference);
        }
        let from_outside = role.mark > Mark::Open || matches!(leaf, Leaf::Text { .. });
        let mapping = matches!(node.data, Data::Map(_));
        // a free-form field without a mark may hold any mapping, also one that looks like a slot
        let free = *leaf == Leaf::Any && role.mark == Mark::Open;
        let slotted = slot::is_meant(node) || role.mark == Mark::Secret || matches!(leaf, Leaf::Text { .. });
        if mapping && slotted && !free {
            return self.slot(node, leaf, role, from_outside);
        }
        if role.mark == Mark::Secret {
            return self.plain_secret(node, role);
        }
        read_leaf(self, node, leaf, role.name).map(Wish::Leaf)
    }

    fn slot(&mut self, node: &Node, leaf: &Leaf, role: Role, from_outside: bool) -> Option<Wish> {
        if from_outside {
            return slot::read(node, self).map(Wish::Slot);
        }
        let message = format!("`{}` is {}, which can't come from outside", role.name, leaf.noun());
        self.put(node.span, Diagnostic::error("slot-not-here", message).hint("write the value itself"));
        None
    }

    fn plain_secret(&mut self, node: &Node, role: Role) -> Option<Wish> {
        self.veil_span(node.span);
        self.put(node.span, slot::plain_secret(role.name));
        None
    }

    fn nested(&mut self, node: &Node, shape: &Shape, role: Role) -> Option<Wish> {
        if !matches!(node.data, Data::Map(_)) {
            self.wrong_type(node, role.name, "a mapping");
            return None;
        }
        Some(self.object(node, shape, role.mark))
    }

    fn map(&mut self, node: &Node, map: &MapType, role: Role) -> Option<Wish> {
        if !matches!(node.data, Data::Map(_)) {
            self.wrong_type(node, role.name, "a mapping");
            return None;
        }
        let mut entries = Vec::with_capacity(node.entries().len());
        for entry in node.entries() {
            self.map_key(entry, map, role);
            let wish = if entry.value.is_null() {
                Some(Wish::Clear)
            } else {
                self.leaf(&entry.value, &map.value, role)
            };
            if let Some(wish) = wish {
                entries.push((Box::from(&*entry.key), Wanted { span: entry.value.span, wish }));
            }
        }
        Some(Wish::Map(entries))
    }

    /// The known keys of a map grow over time at the service, so another one is only a warning.
    fn map_key(&mut self, entry: &Entry, map: &MapType, role: Role) {
        if map.keys.is_empty() || map.keys.iter().any(|(known, _)| **known == *entry.key) {
            return;
        }
        let message = if role.mark == Mark::Open {
            format!("`{}` is not known to have a key `{}`", role.name, shown(&entry.key))
        } else {
            self.veil_span(entry.key_span);
            format!("`{}` is not known to have this key", role.name)
        };
        let mut fault = Diagnostic::warning("unknown-map-key", message);
        fault.hint = did_you_mean(&entry.key, map.keys.iter().map(|(known, _)| &**known));
        self.put(entry.key_span, fault);
    }

    fn list(&mut self, node: &Node, list: &ListType, role: Role) -> Option<Wish> {
        let Data::List(nodes) = &node.data else {
            self.wrong_type(node, role.name, "a list");
            return None;
        };
        let mut items = Vec::with_capacity(nodes.len());
        let mut unsure = Vec::new();
        for node in nodes {
            if let Some(wish) = self.item(node, &list.item, role) {
                let item = Wanted { span: node.span, wish };
                if !apart::has_its_keys(list, &item, |name| node.get(name).is_some()) {
                    unsure.push(items.len());
                }
                items.push(item);
            }
        }
        let sure = items.iter().enumerate().filter(|(at, _)| unsure.binary_search(at).is_err());
        apart::check(self, &sure.map(|(_, item)| item).collect::<Vec<_>>(), list, role.name);
        Some(Wish::List(items))
    }

    fn item(&mut self, node: &Node, item: &Item, role: Role) -> Option<Wish> {
        match item {
            Item::Leaf(leaf) if !node.is_null() || *leaf == Leaf::Any => self.leaf(node, leaf, role),
            Item::Object(shape) if matches!(node.data, Data::Map(_)) => {
                Some(self.object(node, shape, role.mark))
            }
            _ => {
                let wanted = if matches!(item, Item::Leaf(_)) { "a value" } else { "a mapping" };
                self.veil_span(node.span);
                let message = format!("each item of `{}` is {wanted}, this is {}", role.name, node.noun());
                self.put(
                    node.span,
                    Diagnostic::error("wrong-type", message).hint("write the item or take it out"),
                );
                None
            }
        }
    }
}

/// Reads a node as a leaf; what does not fit is a fault that never repeats it.
pub(super) fn read_leaf(reading: &mut Reading, node: &Node, leaf: &Leaf, name: &str) -> Option<Value> {
    let Data::Scalar { text, bare } = &node.data else {
        if *leaf == Leaf::Any {
            return Some(read_any(node));
        }
        reading.wrong_type(node, name, leaf.noun());
        return None;
    };
    if node.is_null() && *leaf != Leaf::Any {
        reading.wrong_type(node, name, leaf.noun());
        return None;
    }
    if text.len() > MAX_TEXT {
        let message = format!("`{name}` is longer than {MAX_TEXT} bytes");
        reading.put(node.span, Diagnostic::error("wrong-value", message).hint("shorten it"));
        return None;
    }
    match leaf.read(if *bare { Token::Bare(text) } else { Token::Text(text) }) {
        Ok(value) => {
            reading.unlisted(node, leaf, &value, name);
            Some(value)
        }
        Err(mismatch) => {
            reading.put(node.span, unfit(name, leaf, mismatch));
            None
        }
    }
}

/// The fault of a scalar that does not fit its field.
pub fn unfit(name: &str, leaf: &Leaf, mismatch: Mismatch) -> Diagnostic {
    let fault = Diagnostic::error("wrong-value", format!("`{name}`: {}", mismatch.message));
    fault.hint(mismatch.hint.unwrap_or_else(|| format!("write {}", leaf.noun())))
}

impl Reading<'_> {
    /// An open choice may have other values than the listed ones; a slip of the pen looks just like one.
    fn unlisted(&mut self, node: &Node, leaf: &Leaf, value: &Value, name: &str) {
        let (Leaf::Choice { choices, .. }, Some(text)) = (leaf, value.as_text()) else { return };
        if choices.iter().any(|(choice, _)| **choice == *text) {
            return;
        }
        let message = format!("`{name}` is not known to take this value");
        let mut fault = Diagnostic::warning("unlisted-choice", message);
        fault.hint = did_you_mean(text, choices.iter().map(|(choice, _)| &**choice));
        self.put(node.span, fault);
    }
}

/// A free-form value as the tree that stands there.
fn read_any(node: &Node) -> Value {
    match &node.data {
        _ if node.is_null() => Value::Null,
        Data::Scalar { text, bare } => {
            let token = if *bare { Token::Bare(text) } else { Token::Text(text) };
            Leaf::Any.read(token).unwrap_or(Value::Null)
        }
        Data::List(items) => Value::List(items.iter().map(read_any).collect()),
        Data::Map(entries) => {
            Value::Map(entries.iter().map(|entry| (Box::from(&*entry.key), read_any(&entry.value))).collect())
        }
    }
}

fn is_set_by_service(field: &Field) -> bool {
    field.copy_of.is_some() || (field.access.computed && !field.access.names_it)
}

/// The field of that name; documents mostly follow the order of the shape, so the search starts at `next`.
fn field_named<'s>(shape: &'s Shape, name: &str, next: usize) -> Option<&'s Field> {
    let (before, after) = shape.fields.split_at(next.min(shape.fields.len()));
    after.iter().chain(before).find(|field| &*field.name == name)
}
