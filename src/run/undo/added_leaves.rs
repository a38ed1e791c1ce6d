//! Additions under a mark, held against the live object: what still has the digest is what the run wrote, and goes.
//!
//! Deliberately absent: how digests are made (`added`).

use super::added::{AdditionDigester, SELF};
use super::leaf_record::{LeafDigest, LeafPathPart, LeafRecord};
use super::record::parse_record;
use crate::kind::equality::is_equal;
use crate::kind::mask::is_unreadable;
use crate::kind::{ComparisonRule, Field, FieldType, Kind};
use crate::plan::undo::UndoableChange;
use crate::value::{Object, PathSegment, Value};

/// The additions of a receipt as changes that can be undone, as far as the live object still has what was written.
/// Where it does not, nothing is left to undo.
pub fn find_additions(
    kind: &Kind,
    live: &Object,
    records: &[LeafRecord],
    key: Option<&[u8]>,
) -> Vec<UndoableChange> {
    let Some(key) = key else { return Vec::new() };
    let digester = AdditionDigester { kind, key };
    records.iter().filter_map(|record| digester.find_addition(live, record)).collect()
}

/// Whether the kind still has the field of an addition.
pub fn is_described(kind: &Kind, record: &LeafRecord) -> bool {
    let reveal = |part: &LeafPathPart| match part {
        LeafPathPart::HiddenKey { .. } => LeafPathPart::Key { key: String::new() },
        part => part.clone(),
    };
    parse_record(kind, &LeafRecord { path: record.path.iter().map(reveal).collect(), ..record.clone() })
        .is_some()
}

impl AdditionDigester<'_> {
    fn find_addition(&self, live: &Object, record: &LeafRecord) -> Option<UndoableChange> {
        let path = self.reveal_path(live, &record.path)?;
        let mut change = parse_record(self.kind, &LeafRecord { path, ..record.clone() })?;
        let (field, value) = self.find_live_value(live, &change, record)?;
        change.after = self.find_written(field, value, record, change.after.take());
        Some(change)
    }

    /// The path with the keys that the live object has.
    fn reveal_path(&self, live: &Object, path: &[LeafPathPart]) -> Option<Vec<LeafPathPart>> {
        let (mut shape, mut value) = (Some(&*self.kind.shape), None::<&Value>);
        let mut object = Some(live);
        let mut revealed = Vec::with_capacity(path.len());
        for part in path {
            revealed.push(match (part, value) {
                (LeafPathPart::Field { field: name }, _) => {
                    let field = shape?.find_field(name)?;
                    value = object.and_then(|object| object.get_field(field.number));
                    object = value.and_then(Value::as_object);
                    shape = field.ty.inner_shape().map(|shape| &**shape);
                    part.clone()
                }
                (LeafPathPart::HiddenKey { key_digest }, Some(Value::Map(entries))) => {
                    let key = entries.iter().find(|(name, _)| self.digest_name(name) == *key_digest)?;
                    LeafPathPart::Key { key: key.0.to_string() }
                }
                (LeafPathPart::HiddenKey { .. }, _) => return None,
                _ => part.clone(),
            });
        }
        Some(revealed)
    }

    /// The value that is there now, and the field in which it is; nothing where there is none.
    fn find_live_value<'l>(
        &'l self,
        live: &'l Object,
        change: &UndoableChange,
        record: &LeafRecord,
    ) -> Option<(&'l Field, &'l Value)> {
        let (mut object, mut shape) = (Some(live), Some(&*self.kind.shape));
        let mut found: Option<(&Field, &Value)> = None;
        for (depth, segment) in change.path.0.iter().enumerate() {
            let (field, value) = match (segment, found) {
                (PathSegment::Field(name), _) => {
                    let field = shape?.find_field(name)?;
                    (field, object?.get_field(field.number)?)
                }
                (PathSegment::Key(name, _), Some((field, Value::Map(entries)))) => {
                    (field, entries.iter().find(|(own, _)| own == name).map(|(_, value)| value)?)
                }
                (PathSegment::Item { index, key }, Some((field, Value::Array(items)))) => {
                    let FieldType::Array(list) = &field.ty else { return None };
                    let row = change.row_ids.iter().find(|(at, _)| *at == depth).map(|(_, id)| id);
                    let at = match (list.item_identity(), row) {
                        (Some(identity), Some(id)) => identity.find_row(items, id)?,
                        (Some(identity), None) => identity.find_item(items, key)?,
                        (None, _) => self.find_scalar(items, *index, record)?,
                    };
                    (field, items.get(at)?)
                }
                _ => return None,
            };
            object = value.as_object();
            shape = field.ty.inner_shape().map(|shape| &**shape);
            found = Some((field, value));
        }
        found.filter(|(_, value)| !value.is_blank())
    }

    /// An item of a list without keys: where it was put, or wherever it is by now.
    fn find_scalar(&self, items: &[Value], index: usize, record: &LeafRecord) -> Option<usize> {
        let digest = &record.digests.iter().find(|own| own.path == SELF)?.digest;
        let is = |item: &Value| self.digest_value(SELF, ComparisonRule::Exact, item) == *digest;
        if items.get(index).is_some_and(is) { Some(index) } else { items.iter().position(is) }
    }

    /// The live value, or of an item what was written of it; nothing where it is not what was written.
    fn find_written(
        &self,
        field: &Field,
        live: &Value,
        record: &LeafRecord,
        open: Option<Value>,
    ) -> Option<Value> {
        let holds =
            |own: &LeafDigest, rule, value: &Value| own.digest == self.digest_value(&own.path, rule, value);
        let (Some(Value::Object(mut written)), Value::Object(object)) = (open, live) else {
            let is_item = matches!(record.path.last(), Some(LeafPathPart::Field { .. }));
            let rule = if is_item { field.compare } else { ComparisonRule::Exact };
            let is_written = record.digests.iter().all(|own| own.path == SELF && holds(own, rule, live));
            return is_written.then(|| live.clone());
        };
        let shape = field.ty.inner_shape()?;
        for own in &record.digests {
            let leaf = shape.find_field(&own.path)?;
            let value = object.get_field(leaf.number);
            match value {
                // nobody can tell, as of every value that does not read back
                value if is_unreadable(leaf, value) || is_equal(leaf, value, None) => {}
                Some(value) if holds(own, leaf.compare, value) => {
                    written.set_field(leaf.number, value.clone())
                }
                _ => return None,
            }
        }
        Some(Value::Object(written))
    }
}
