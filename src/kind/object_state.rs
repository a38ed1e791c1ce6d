//! What a live object is by the values of its fields: of the collection, ready, deleted, built in.

use std::sync::Arc;

use super::wildcard::matches_wildcard;
use super::{Kind, ScalarType};
use crate::value::{Object, Value};

impl Kind {
    /// Whether an object of the list is one of this kind and scope: lists may hold others.
    pub fn is_own_object(&self, object: &Object, scope: &[Value]) -> bool {
        let is_in_scope = |name: &str, pattern: &str| {
            let parameter = pattern.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
            let at = parameter.and_then(|name| self.scope.iter().position(|own| *own.name == *name));
            let field = self.shape.find_field(name).and_then(|field| object.get_field(field.number));
            let own = ScalarType::render_url_text(field.unwrap_or(&Value::Null), &self.api);
            at.and_then(|at| scope.get(at))
                .is_some_and(|value| ScalarType::render_url_text(value, &self.api) == own)
        };
        self.operations.list.only.iter().all(|(name, values)| {
            self.has_value(object, name, values) || values.iter().any(|value| is_in_scope(name, value))
        })
    }

    /// Whether a written object is ready; nothing where it will never be.
    pub fn is_ready(&self, object: &Object) -> Option<bool> {
        let Some(condition) = &self.pending_until else { return Some(true) };
        let value = object.get_field(condition.field).unwrap_or(&Value::Null);
        let text = ScalarType::render_url_text(value, &self.api);
        let has = |values: &[Arc<str>]| values.iter().any(|own| **own == *text);
        (!has(&condition.failed)).then(|| has(&condition.ready))
    }

    /// Whether an object counts as deleted although it is returned.
    pub fn is_deleted(&self, object: &Object) -> bool {
        let Some(condition) = &self.deleted_when else { return false };
        let Some(value) = object.get_field(condition.field).filter(|value| !value.is_blank()) else {
            return false;
        };
        if condition.values.is_empty() {
            return !value.is_zero();
        }
        let text = ScalarType::render_url_text(value, &self.api);
        condition.values.iter().any(|own| **own == *text)
    }

    /// Whether the service brings the object along.
    pub fn is_built_in(&self, object: &Object) -> bool {
        self.operations.list.built_in.iter().any(|(name, values)| self.has_value(object, name, values))
    }

    fn has_value(&self, object: &Object, name: &str, patterns: &[String]) -> bool {
        let value = self.shape.find_field(name).and_then(|field| object.get_field(field.number));
        let text = ScalarType::render_url_text(value.unwrap_or(&Value::Null), &self.api);
        patterns.iter().any(|pattern| matches_wildcard(pattern, &text))
    }
}
