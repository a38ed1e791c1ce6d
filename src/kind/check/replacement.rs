//! The word `replacement`: whether the operations and fields of a kind allow it to replace an object.
//!
//! A word that can have no effect, or that would leave two objects of one id, is refused.

use super::{KindChecker, YamlPath};
use crate::kind::file::{IdAssigner, ReadConsistency, ReplacementRule};
use crate::kind::{Field, FieldType, ItemType, KindIdentity, KindOperations, Shape};

impl KindChecker<'_> {
    pub(super) fn check_replacement(
        &mut self,
        yaml_path: YamlPath,
        rule: ReplacementRule,
        operations: &KindOperations,
        identity: &KindIdentity,
        shape: &Shape,
    ) {
        if rule == ReplacementRule::Refuse {
            return;
        }
        let is_immutable = |field: &Field| field.number != identity.id && field.holds_immutable();
        let is_chosen = identity.id_assigned_by == IdAssigner::Client;
        let (message, hint) = match (&operations.create, &operations.delete) {
            (None, _) | (_, None) => (
                "a replacement needs the operations `create` and `delete`",
                "describe both operations, or remove `replacement`",
            ),
            _ if !shape.fields.iter().any(is_immutable) => (
                "no field is `immutable`, so nothing is ever replaced",
                "mark the fields that no update changes as `immutable`, or remove `replacement`",
            ),
            (Some(create), _) if create.read_after_write == ReadConsistency::Eventual => (
                "new objects show once someone confirms them, so no read proves a replacement",
                "remove `replacement`",
            ),
            _ if is_chosen && rule == ReplacementRule::CreateThenDelete => (
                "the new object would have the id of the former one",
                "write `replacement: delete_then_create`",
            ),
            _ => return,
        };
        self.report_error_with_hint(
            yaml_path.select_key("replacement"),
            "invalid-replacement",
            message,
            hint,
        );
    }
}

impl Field {
    /// Whether no update changes a field, or one inside it, of which reads show the value.
    pub fn holds_immutable(&self) -> bool {
        let inner = match &self.ty {
            FieldType::Object(shape) => Some(shape),
            FieldType::Array(list) => match &list.item {
                ItemType::Object(shape) => Some(shape),
                ItemType::Scalar(_) => None,
            },
            FieldType::Scalar(_) | FieldType::Map(_) => None,
        };
        (self.behavior.immutable && !self.behavior.write_only)
            || inner.is_some_and(|shape| shape.fields.iter().any(Self::holds_immutable))
    }
}
