//! What a document asks, as a tree of digests: what is kept of a document that was applied, and what two
//! versions of one are compared by.
//!
//! The tree follows the document, value by value, so the place of a change can be found in it again: items of
//! lists by their keys, keys that must not be seen by their digest. Everything that compares as the same has
//! the same digest. A digest is made under a key that stays with its owner, so it says nothing by itself.
//! Deliberately absent: what a difference between two trees means (`cause`).

mod recorded_sources;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Change;
use super::digest::{self, CanonicalEncoder};
use crate::document::{DesiredNode, DesiredValue, Document, DocumentState, ValueSource};
use crate::kind::equality::equals_absent;
use crate::kind::visit::walk_path;
use crate::kind::{ArrayType, ComparisonRule, Field, FieldType, ItemType, Kind, ListType, ScalarType, Shape};
use crate::value::{ItemKeyField, PathSegment, Sensitivity, Value};

/// Before a digest that is of a source and not of its value, so that no live value can be held against it.
const SOURCE_DIGEST_PREFIX: char = '?';

/// One node of what a document asks.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq)]
#[serde(untagged)]
pub enum DesiredDigest {
    /// The digest of a value; that of nothing for what is to be cleared.
    Leaf(String),
    /// The fields of an object or the entries of a map, by name.
    Fields(BTreeMap<String, DesiredDigest>),
    Items(Vec<DesiredDigest>),
}

/// What is found at the place of a change.
#[derive(Clone, Copy, PartialEq)]
pub enum DigestLookup<'a> {
    /// The document says what is to be there.
    Found(&'a DesiredDigest),
    /// The document names the list or map, and nothing is to be there.
    Unlisted,
    /// The document says nothing about the place.
    Unspecified,
}

impl DesiredDigest {
    /// What a document asks; `key` is what digests are made under. One that wants no object asks for no field.
    pub fn from_document(document: &Document, key: &[u8]) -> Self {
        let mut tree = DigestTreeBuilder { digester: ValueDigester { key }, open: Vec::new(), root: None };
        walk_document(document, &mut tree);
        tree.root.unwrap_or_else(|| tree.digester.digest_nothing())
    }

    /// This with what another one asks beyond it or instead; lists count as wholes.
    #[must_use]
    pub fn merge_with(self, by: Self) -> Self {
        match (self, by) {
            (Self::Fields(mut own), Self::Fields(by)) => {
                for (name, requested) in by {
                    let requested = match own.remove(&name) {
                        Some(before) => before.merge_with(requested),
                        None => requested,
                    };
                    own.insert(name, requested);
                }
                Self::Fields(own)
            }
            (_, by) => by,
        }
    }

    /// Whether it asks that there be an object.
    pub fn requires_object(&self) -> bool {
        matches!(self, Self::Fields(_))
    }

    /// What it asks at the place of a change.
    pub fn find_node<'a>(&'a self, kind: &Kind, change: &Change, key: &[u8]) -> DigestLookup<'a> {
        let maker = ValueDigester { key };
        let (mut node, mut shape, mut list) = (self, Some(&*kind.shape), None);
        let mut mark = Sensitivity::Public;
        for segment in &change.path.0 {
            let next = match (segment, node) {
                (PathSegment::Field(name), Self::Fields(fields)) => {
                    let field = shape.and_then(|shape| shape.find_field(name));
                    shape = field.and_then(|field| field.ty.inner_shape()).map(|shape| &**shape);
                    mark = mark.max(field.map_or(Sensitivity::Public, |field| field.sensitivity));
                    list = field.and_then(|field| match &field.ty {
                        FieldType::Array(list) => Some(list),
                        _ => None,
                    });
                    match fields.get(&**name) {
                        Some(next) => next,
                        None => return DigestLookup::Unspecified,
                    }
                }
                (PathSegment::Key(name, _), Self::Fields(entries)) => {
                    match entries.get(&maker.digest_entry_name(name, mark)) {
                        Some(next) => next,
                        None => return DigestLookup::Unlisted,
                    }
                }
                (PathSegment::Item { index, key }, Self::Items(items)) => {
                    match maker.find_item(items, (list, shape), (*index, key), change) {
                        Some(next) => next,
                        None => return DigestLookup::Unlisted,
                    }
                }
                // what is above is to be cleared as a whole
                (_, Self::Leaf(_)) => return DigestLookup::Found(node),
                _ => return DigestLookup::Unspecified,
            };
            node = next;
        }
        DigestLookup::Found(node)
    }
}

impl DigestLookup<'_> {
    /// Whether a live value at the place of a change is what was asked; nothing where no one can tell.
    pub fn matches_live(&self, kind: &Kind, change: &Change, key: &[u8]) -> Option<bool> {
        match self {
            Self::Found(requested) => ValueDigester { key }.matches_value(
                requested,
                find_position(kind, change),
                change.before.as_ref(),
            ),
            Self::Unlisted => Some(change.before.is_none()),
            Self::Unspecified => None,
        }
    }
}

/// What the value at the end of a path is.
enum ValuePosition<'k> {
    Field(&'k Field),
    Item(&'k ItemType),
    Entry,
}

fn find_position<'k>(kind: &'k Kind, change: &Change) -> ValuePosition<'k> {
    let last = walk_path(&kind.shape, &change.path).pop();
    match last.map(|step| (step.segment, step.field)) {
        Some((PathSegment::Field(_), Some(field))) => ValuePosition::Field(field),
        Some((PathSegment::Item { .. }, Some(Field { ty: FieldType::Array(list), .. }))) => {
            ValuePosition::Item(&list.item)
        }
        _ => ValuePosition::Entry,
    }
}

struct ValueDigester<'k> {
    key: &'k [u8],
}

impl ValueDigester<'_> {
    fn digest_nothing(&self) -> DesiredDigest {
        DesiredDigest::Leaf(self.digest_value(None, None))
    }

    fn digest_value(&self, field: Option<&Field>, value: Option<&Value>) -> String {
        let (value, compare) = normalize_value(field, value);
        digest::digest_value(value, compare, self.key)
    }

    /// The name of a map's entry; what must not be seen of it is not in it.
    fn digest_entry_name(&self, name: &str, mark: Sensitivity) -> String {
        match mark {
            Sensitivity::Public => name.to_owned(),
            _ => self.digest_value(None, Some(&Value::from_text(name))),
        }
    }

    /// The item of a list that a path means.
    fn find_item<'a>(
        &self,
        items: &'a [DesiredDigest],
        (list, shape): (Option<&ArrayType>, Option<&Shape>),
        (index, key): (usize, &[ItemKeyField]),
        change: &Change,
    ) -> Option<&'a DesiredDigest> {
        if !key.is_empty() {
            return items.iter().find(|item| self.has_item_key(item, shape, key));
        }
        if list.is_some_and(|list| matches!(list.list_type, ListType::Set)) {
            let value = change.after.as_ref().or(change.before.as_ref());
            let own = DesiredDigest::Leaf(self.digest_value(None, value));
            return items.iter().find(|item| **item == own);
        }
        items.get(index)
    }

    /// Whether an item names this key. What it does not name speaks neither for it nor against it.
    fn has_item_key(&self, item: &DesiredDigest, shape: Option<&Shape>, key: &[ItemKeyField]) -> bool {
        let DesiredDigest::Fields(fields) = item else { return false };
        let mut named = 0;
        for scalar in key {
            let field = shape.and_then(|shape| shape.find_field(&scalar.name));
            let (Some(own), Some(field)) = (fields.get(&*scalar.name), field) else { continue };
            if self.matches_value(own, ValuePosition::Field(field), Some(&scalar.value)) == Some(false) {
                return false;
            }
            named += 1;
        }
        named > 0
    }

    /// Whether a value is what was asked; of an object only what was named counts.
    fn matches_value(
        &self,
        requested: &DesiredDigest,
        whose: ValuePosition,
        value: Option<&Value>,
    ) -> Option<bool> {
        match (requested, whose) {
            (DesiredDigest::Leaf(own), _) if own.starts_with(SOURCE_DIGEST_PREFIX) => None,
            (DesiredDigest::Leaf(own), ValuePosition::Field(field)) => {
                Some(*own == self.digest_value(Some(field), value))
            }
            (DesiredDigest::Leaf(own), _) => Some(*own == self.digest_value(None, value)),
            (DesiredDigest::Fields(fields), whose) => match (whose, value) {
                (
                    ValuePosition::Field(Field { ty: FieldType::Object(shape), .. }),
                    Some(Value::Object(object)),
                ) => self.matches_fields(shape, fields, object),
                (ValuePosition::Item(ItemType::Object(shape)), Some(Value::Object(object))) => {
                    self.matches_fields(shape, fields, object)
                }
                (_, None | Some(Value::Null)) => Some(fields.is_empty()),
                _ => None,
            },
            (DesiredDigest::Items(items), whose) => match (whose, value) {
                (_, None | Some(Value::Null)) => Some(items.is_empty()),
                (
                    ValuePosition::Field(Field { ty: FieldType::Array(list), .. }),
                    Some(Value::Array(values)),
                ) => self.matches_list(list, items, values),
                _ => None,
            },
        }
    }

    /// Whether a list holds what was asked and nothing else, in any order.
    fn matches_list(&self, list: &ArrayType, items: &[DesiredDigest], values: &[Value]) -> Option<bool> {
        if items.len() != values.len() {
            return Some(false);
        }
        let mut free: Vec<&Value> = values.iter().collect();
        for item in items {
            let is = |value: &&Value| {
                self.matches_value(item, ValuePosition::Item(&list.item), Some(value)) != Some(false)
            };
            match free.iter().position(is) {
                Some(at) => drop(free.swap_remove(at)),
                None => return Some(false),
            }
        }
        Some(true)
    }

    fn matches_fields(
        &self,
        shape: &Shape,
        fields: &BTreeMap<String, DesiredDigest>,
        object: &crate::value::Object,
    ) -> Option<bool> {
        let mut all = Some(true);
        for (name, requested) in fields {
            let field = shape.find_field(name)?;
            match self.matches_value(requested, ValuePosition::Field(field), object.get_field(field.number)) {
                Some(true) => {}
                Some(false) => return Some(false),
                None => all = None,
            }
        }
        all
    }
}

/// Makes one digest of all that a document asks: where it is the same, [`DesiredDigest`] is too. It costs a tenth.
pub struct DocumentDigester<'k> {
    key: &'k [u8],
    encoder: CanonicalEncoder,
}

impl<'k> DocumentDigester<'k> {
    /// Under this key.
    pub fn new(key: &'k [u8]) -> Self {
        Self { key, encoder: CanonicalEncoder::new(true) }
    }

    /// Of a document.
    pub fn digest_document(&mut self, document: &Document) -> String {
        self.encoder.clear();
        walk_document(document, &mut self.encoder);
        self.encoder.to_digest(Some(self.key), 16)
    }
}

/// Receives what a document asks, node by node.
trait DesiredVisitor {
    /// An object or a map begins.
    fn begin_fields(&mut self);
    /// A list begins.
    fn begin_items(&mut self);
    /// The name of the next node; with the mark of what must not be seen of it.
    fn visit_name(&mut self, name: &str, mark: Sensitivity);
    fn visit_scalar(&mut self, value: &Value, compare: ComparisonRule);
    fn visit_source(&mut self, text: &str);
    /// What began last ends.
    fn end_collection(&mut self);
}

fn walk_document(document: &Document, ear: &mut impl DesiredVisitor) {
    match (document.state, &document.spec.value) {
        (DocumentState::Present, DesiredValue::Object(fields)) => {
            walk_object(&document.kind.shape, fields, Sensitivity::Public, ear);
        }
        _ => ear.visit_scalar(&Value::Null, ComparisonRule::Exact),
    }
}

fn walk_object(
    shape: &Shape,
    fields: &[(u16, DesiredNode)],
    above: Sensitivity,
    ear: &mut impl DesiredVisitor,
) {
    ear.begin_fields();
    for (number, wanted) in fields {
        let field = shape.get_field(*number);
        ear.visit_name(&field.name, Sensitivity::Public);
        walk_field(field, wanted, above.max(field.sensitivity), ear);
    }
    ear.end_collection();
}

/// `mark` is the strictest one on the way to the field.
fn walk_field(field: &Field, wanted: &DesiredNode, mark: Sensitivity, ear: &mut impl DesiredVisitor) {
    match (&field.ty, &wanted.value) {
        (FieldType::Object(shape), DesiredValue::Object(fields)) => walk_object(shape, fields, mark, ear),
        (FieldType::Map(_), DesiredValue::Map(entries)) => {
            ear.begin_fields();
            for (name, wanted) in entries {
                ear.visit_name(name, mark);
                walk_scalar(None, wanted, ear);
            }
            ear.end_collection();
        }
        (FieldType::Array(list), DesiredValue::List(items)) => {
            ear.begin_items();
            items.iter().for_each(|item| walk_item(list, item, mark, ear));
            ear.end_collection();
        }
        (FieldType::Array(_), DesiredValue::Clear) => {
            ear.begin_items();
            ear.end_collection();
        }
        (FieldType::Map(_), DesiredValue::Clear) => {
            ear.begin_fields();
            ear.end_collection();
        }
        _ => walk_scalar(Some(field), wanted, ear),
    }
}

fn walk_item(list: &ArrayType, wanted: &DesiredNode, mark: Sensitivity, ear: &mut impl DesiredVisitor) {
    match (&list.item, &wanted.value) {
        (ItemType::Object(shape), DesiredValue::Object(fields)) => walk_object(shape, fields, mark, ear),
        _ => walk_scalar(None, wanted, ear),
    }
}

fn walk_scalar(field: Option<&Field>, wanted: &DesiredNode, ear: &mut impl DesiredVisitor) {
    match &wanted.value {
        DesiredValue::Literal(value) => {
            let (value, compare) = normalize_value(field, Some(value));
            ear.visit_scalar(value, compare);
        }
        DesiredValue::Source(slot) => ear.visit_source(&encode_source(slot)),
        DesiredValue::Reference(reference) => {
            ear.visit_source(&format!(
                "{}\n{}",
                reference.member.as_deref().unwrap_or_default(),
                reference.name
            ));
        }
        _ => ear.visit_scalar(&Value::Null, ComparisonRule::Exact),
    }
}

/// What a value says, and how it compares. What says no more than its absence says nothing.
fn normalize_value<'v>(field: Option<&Field>, value: Option<&'v Value>) -> (&'v Value, ComparisonRule) {
    let value = value.filter(|value| !value.is_blank());
    let value = value.filter(|value| !field.is_some_and(|field| equals_absent(field, value)));
    (value.unwrap_or(&Value::Null), field.map_or(ComparisonRule::Exact, |field| field.compare))
}

impl DesiredVisitor for CanonicalEncoder {
    fn begin_fields(&mut self) {
        self.write_piece(b'{', b"");
    }

    fn begin_items(&mut self) {
        self.write_piece(b'[', b"");
    }

    fn visit_name(&mut self, name: &str, mark: Sensitivity) {
        self.write_piece(if mark == Sensitivity::Public { b'n' } else { b'N' }, name.as_bytes());
    }

    fn visit_scalar(&mut self, value: &Value, compare: ComparisonRule) {
        // a value may be a list, which is distinguished from so many values
        self.write_piece(b'v', b"");
        CanonicalEncoder::write_scalar(self, value, compare, Sensitivity::Public);
    }

    fn visit_source(&mut self, text: &str) {
        self.write_piece(b's', text.as_bytes());
    }

    fn end_collection(&mut self) {
        self.write_piece(b'.', b"");
    }
}

/// A tree under way: what has begun and not ended, each with its name in what it is part of.
struct DigestTreeBuilder<'k> {
    digester: ValueDigester<'k>,
    open: Vec<OpenNode>,
    root: Option<DesiredDigest>,
}

enum OpenNode {
    /// With the name of the next node.
    Fields(BTreeMap<String, DesiredDigest>, String),
    Items(Vec<DesiredDigest>),
}

impl DigestTreeBuilder<'_> {
    fn attach_node(&mut self, requested: DesiredDigest) {
        match self.open.last_mut() {
            Some(OpenNode::Fields(fields, name)) => drop(fields.insert(std::mem::take(name), requested)),
            Some(OpenNode::Items(items)) => items.push(requested),
            None => self.root = Some(requested),
        }
    }
}

impl DesiredVisitor for DigestTreeBuilder<'_> {
    fn begin_fields(&mut self) {
        self.open.push(OpenNode::Fields(BTreeMap::new(), String::new()));
    }

    fn begin_items(&mut self) {
        self.open.push(OpenNode::Items(Vec::new()));
    }

    fn visit_name(&mut self, name: &str, mark: Sensitivity) {
        if let Some(OpenNode::Fields(_, next)) = self.open.last_mut() {
            *next = self.digester.digest_entry_name(name, mark);
        }
    }

    fn visit_scalar(&mut self, value: &Value, compare: ComparisonRule) {
        self.attach_node(DesiredDigest::Leaf(digest::digest_value(value, compare, self.digester.key)));
    }

    fn visit_source(&mut self, text: &str) {
        let digest = digest::digest_value(&Value::from_text(text), ComparisonRule::Exact, self.digester.key);
        self.attach_node(DesiredDigest::Leaf(format!("{SOURCE_DIGEST_PREFIX}{digest}")));
    }

    fn end_collection(&mut self) {
        match self.open.pop() {
            Some(OpenNode::Fields(fields, _)) => self.attach_node(DesiredDigest::Fields(fields)),
            Some(OpenNode::Items(items)) => self.attach_node(DesiredDigest::Items(items)),
            None => {}
        }
    }
}

/// A source, distinguished from every other one.
fn encode_source(slot: &ValueSource) -> String {
    match slot {
        ValueSource::Env(name) => format!("env\n{name}"),
        ValueSource::File(path) => format!("file\n{path}"),
        ValueSource::Command(words) => format!("command\n{}", words.join("\n")),
        ValueSource::Provider(provider, name) => format!("secret\n{provider}\n{name}"),
    }
}

/// The key values of a live item that a reader may see stand in the name of its place; the others as a digest.
pub fn encode_change_path(change: &Change, kind: &Kind, key: &[u8]) -> String {
    let maker = ValueDigester { key };
    let text = |value: &Value| ScalarType::render_url_text(value, &kind.api);
    let mut place = String::new();
    for segment in &change.path.0 {
        place.push('/');
        match segment {
            PathSegment::Field(name) => place.push_str(name),
            PathSegment::Key(name, mark) => {
                place.push_str(&maker.digest_entry_name(name, change.sensitivity.max(*mark)))
            }
            PathSegment::Item { index, key } if key.is_empty() => place.push_str(&index.to_string()),
            PathSegment::Item { key, .. } => {
                let scalars = key.iter().map(|scalar| match scalar.sensitivity.max(change.sensitivity) {
                    Sensitivity::Public => text(&scalar.value),
                    _ => maker.digest_value(None, Some(&scalar.value)),
                });
                place.push_str(&scalars.collect::<Vec<_>>().join(","));
            }
        }
    }
    place
}
