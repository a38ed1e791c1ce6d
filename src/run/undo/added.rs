//! Values under a mark that a run put where nothing was: that there was nothing may be kept, the value may not.
//!
//! Of the value a record keeps digests under the key of the receipt, leaf by leaf.
//! Deliberately absent: values that were overwritten, which are kept sealed or not at all, and what an undo makes of
//! the digests (`added_leaves`).

use super::leaf_record::{LeafDigest, LeafPathPart, LeafRecord, WithheldReason};
use super::value_json::{self, JsonForm};
use crate::kind::visit::walk_path;
use crate::kind::{ComparisonRule, FieldType, ItemType, Kind, Shape};
use crate::plan::{Change, ChangeValueType, Step, StepAction, digest};
use crate::value::{Object, PathSegment, Sensitivity, Value};

/// Where the leaf itself is the value.
pub(super) const SELF: &str = "";

/// Whether a change puts something where nothing was, as far as anybody could see.
pub fn is_addition(step: &Step, change: &Change) -> bool {
    let was_nothing = change.before.as_ref().is_none_or(Value::is_blank);
    let is_something = change.after.as_ref().is_some_and(|value| !value.is_blank());
    step.action == StepAction::Update && was_nothing && is_something && !change.unreadable
}

/// What is kept of an addition under a mark; nothing where it cannot be kept without its values.
pub fn conceal_addition(
    kind: &Kind,
    change: &Change,
    record: LeafRecord,
    key: Option<&[u8]>,
    reason: WithheldReason,
) -> Option<LeafRecord> {
    let digester = AdditionDigester { kind, key: key? };
    let path = digester.conceal_path(change, record.path)?;
    let mark = walk_path(&kind.shape, &change.path).last().map(|step| step.sensitivity)?;
    let after = change.after.as_ref()?;
    let mut digests = Vec::new();
    let open = match &change.value_type {
        ChangeValueType::Scalar(_) => {
            digests.push(digester.digest_leaf(SELF, find_rule(kind, change), after));
            None
        }
        ChangeValueType::Object(shape) if mark == Sensitivity::Public => {
            let object = digester.conceal_object(shape, after.as_object()?, &mut digests)?;
            value_json::encode_value(&Value::Object(Box::new(object)), JsonForm::Object(shape))
        }
        _ => return None,
    };
    let before = record.before;
    Some(LeafRecord { label: record.label, path, before, after: open, withheld: Some(reason), digests })
}

fn find_rule(kind: &Kind, change: &Change) -> ComparisonRule {
    let field = walk_path(&kind.shape, &change.path).pop().and_then(|step| step.field);
    let is_leaf = matches!(change.path.0.last(), Some(PathSegment::Field(_)));
    field.filter(|_| is_leaf).map_or(ComparisonRule::Exact, |field| field.compare)
}

/// Makes the digests of values of a kind.
pub(super) struct AdditionDigester<'k> {
    pub kind: &'k Kind,
    pub key: &'k [u8],
}

impl AdditionDigester<'_> {
    fn digest_leaf(&self, path: &str, rule: ComparisonRule, value: &Value) -> LeafDigest {
        LeafDigest { path: path.to_owned(), digest: self.digest_value(path, rule, value) }
    }

    /// Differs from every other digest of the same value.
    pub fn digest_value(&self, path: &str, rule: ComparisonRule, value: &Value) -> String {
        let inner = digest::digest_value(value, rule, self.key);
        digest::digest_bytes(format!("added {} {path} {inner}", self.kind.name).as_bytes(), Some(self.key))
    }

    /// The digest of a key of a map.
    pub fn digest_name(&self, name: &str) -> String {
        self.digest_value("name", ComparisonRule::Exact, &Value::from_text(name))
    }

    /// A path without keys of maps that must not be seen; nothing where such values identify items.
    fn conceal_path(&self, change: &Change, path: Vec<LeafPathPart>) -> Option<Vec<LeafPathPart>> {
        let steps = walk_path(&self.kind.shape, &change.path);
        if steps.len() != path.len() {
            return None;
        }
        steps
            .iter()
            .zip(path)
            .map(|(step, part)| match (step.segment, part) {
                (PathSegment::Key(name, mark), LeafPathPart::Key { .. }) if *mark > Sensitivity::Public => {
                    Some(LeafPathPart::HiddenKey { key_digest: self.digest_name(name) })
                }
                (PathSegment::Item { key, .. }, part) => {
                    let is_open =
                        key.iter().all(|own| step.resolve_key_sensitivity(own) == Sensitivity::Public);
                    is_open.then_some(part)
                }
                (_, part) => Some(part),
            })
            .collect()
    }

    /// An object without its marked leaves, whose digests are added; nothing where more than leaves are marked.
    fn conceal_object(
        &self,
        shape: &Shape,
        object: &Object,
        digests: &mut Vec<LeafDigest>,
    ) -> Option<Object> {
        let mut open = Object::default();
        for (number, value) in object.fields() {
            let field = shape.get_field(number);
            match (field.sensitivity, &field.ty) {
                _ if value.is_blank() => {}
                (Sensitivity::Public, FieldType::Scalar(_) | FieldType::Map(_)) => {
                    open.set_field(number, value.clone());
                }
                (Sensitivity::Public, FieldType::Array(list)) if matches!(list.item, ItemType::Scalar(_)) => {
                    open.set_field(number, value.clone());
                }
                (_, FieldType::Scalar(_)) => {
                    digests.push(self.digest_leaf(&field.name, field.compare, value));
                }
                _ => return None,
            }
        }
        object.unknown_fields.is_empty().then_some(open)
    }
}
