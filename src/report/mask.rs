//! Values under their marks: what may be shown stands as JSON, what may not as `{"secret": "changed"}`.
//!
//! The marks of a change are not taken on trust alone: its path is walked through the kind, and the strictest
//! mark on the way counts, for the value as for the keys of items and maps in the path. Members that the kind
//! does not know (strangers) may hold anything, so their values are never shown.
//! Deliberately absent: text. What this room shows is rendered elsewhere, from its JSON.

use serde_json::{Map, Value as Json};

use super::pseudonyms::PersonalDataMode;
use super::sanitize;
pub use super::value_json::MaskedChange;
use super::value_json::{ID_OF, UNKNOWN, build_mask, convert_value};
use crate::kind::visit::{PathStep, walk_path};
use crate::kind::{FieldType, ItemType, Kind, ScalarType, Shape};
use crate::plan::ChangeValueType;
use crate::value::{ItemKeyField, Object, PathSegment, Sensitivity, Value, ValuePath};

/// What stands in a path in place of a key that must not be seen.
pub const DOTS: &str = "•••";
/// How a value is looked at.
#[derive(Clone, Copy)]
pub struct MaskContext<'p> {
    pub sensitivity: Sensitivity,
    pub change: MaskedChange,
    pub personal_data: PersonalDataMode<'p>,
}

impl MaskContext<'_> {
    /// The same below a mark.
    fn with_sensitivity(self, mark: Sensitivity) -> Self {
        Self { sensitivity: self.sensitivity.max(mark), ..self }
    }
}

/// A value as it may be shown.
pub fn mask_value(value: &Value, form: &ChangeValueType, look: MaskContext) -> Json {
    match (form, value) {
        (ChangeValueType::Object(shape), Value::Object(object)) => mask_members(object, shape, look),
        (ChangeValueType::Object(_), Value::Array(items)) => {
            Json::Array(items.iter().map(|item| mask_value(item, form, look)).collect())
        }
        (ChangeValueType::Scalar(own) | ChangeValueType::Map(own), _) => mask_scalar(value, own, look),
        (ChangeValueType::Object(_), _) => mask_scalar(value, &ScalarType::Any, look),
    }
}

/// The mask in a piece of shown JSON: what it is, and how it changes.
pub fn find_mask(shown: &Json) -> Option<(&str, &str)> {
    let (what, how) = shown.as_object().filter(|members| members.len() == 1)?.iter().next()?;
    let how = how.as_str().filter(|how| matches!(*how, "added" | "changed" | "removed"))?;
    matches!(&**what, "secret" | "personal" | "sensitive" | UNKNOWN).then_some((what, how))
}

/// The name of the document in a piece of shown JSON that stands for the id of its object.
pub fn find_known_after_apply(shown: &Json) -> Option<&str> {
    shown.as_object().filter(|members| members.len() == 1)?.get(ID_OF)?.as_str()
}

fn mask_members(object: &Object, shape: &Shape, look: MaskContext) -> Json {
    let mut shown = Map::new();
    for (number, value) in object.fields() {
        // a copy of an id above is the tool's own business
        if let Some(field) = shape.fields.get(number as usize).filter(|field| field.copy_of.is_none()) {
            shown.insert(
                field.name.to_string(),
                mask_typed(value, &field.ty, look.with_sensitivity(field.sensitivity)),
            );
        }
    }
    for stranger in &object.unknown_fields {
        shown.insert(stranger.name.to_string(), build_mask(UNKNOWN, look.change));
    }
    Json::Object(shown)
}

fn mask_typed(value: &Value, ty: &FieldType, look: MaskContext) -> Json {
    match (ty, value) {
        (FieldType::Object(shape), Value::Object(object)) => mask_members(object, shape, look),
        (FieldType::Array(list), Value::Array(items)) => match &list.item {
            ItemType::Object(shape) => mask_value(value, &ChangeValueType::Object(shape.clone()), look),
            ItemType::Scalar(_) if look.sensitivity == Sensitivity::Public => {
                Json::Array(items.iter().map(convert_value).collect())
            }
            ItemType::Scalar(own) => mask_scalar(value, own, look),
        },
        (FieldType::Scalar(own), _) => mask_scalar(value, own, look),
        (FieldType::Map(map), _) => mask_scalar(value, &map.value, look),
        _ => mask_scalar(value, &ScalarType::Any, look),
    }
}

/// A value without fields of its own. That a marked one is null may be seen: there is nothing in it.
fn mask_scalar(value: &Value, own: &ScalarType, look: MaskContext) -> Json {
    let mask = || build_mask(look.sensitivity.as_str(), look.change);
    match (look.sensitivity, value) {
        (_, Value::Null) => Json::Null,
        (Sensitivity::Public, value) => convert_value(value),
        (Sensitivity::Personal, value) => {
            look.personal_data.show_personal(value, own, &mask()).unwrap_or_else(mask)
        }
        _ => mask(),
    }
}

/// A path as it may be shown, with the strictest mark on it.
pub struct RedactedPath {
    /// For machines: JSON Pointer.
    pub pointer: String,
    /// For people: `billTypes[billTypeId=3].applyConvenienceFee`.
    pub label: String,
    pub sensitivity: Sensitivity,
}

/// Walks a path through a kind.
pub fn redact_path(kind: &Kind, path: &ValuePath) -> RedactedPath {
    let mut route =
        RedactedPath { pointer: String::new(), label: String::new(), sensitivity: Sensitivity::Public };
    for step in walk_path(&kind.shape, path) {
        match step.segment {
            PathSegment::Field(name) => route.push_field(name),
            PathSegment::Key(key, mark) => {
                let own = match step.field.map(|field| &field.ty) {
                    Some(FieldType::Map(map)) => map.resolve_key_sensitivity(key, route.sensitivity),
                    _ => route.sensitivity,
                };
                route.push_key(key, own.max(*mark));
            }
            PathSegment::Item { index, key } => route.push_item(*index, key, &step),
        }
        route.sensitivity = step.sensitivity;
    }
    route
}

impl RedactedPath {
    fn push_field(&mut self, name: &str) {
        self.push_segment(name);
        if !self.label.is_empty() {
            self.label.push('.');
        }
        self.label.push_str(name);
    }

    fn push_key(&mut self, key: &str, mark: Sensitivity) {
        if mark != Sensitivity::Public {
            self.pointer.push_str("/*");
            self.label.push_str(&format!("[{DOTS}]"));
        } else if is_plain_key(key) {
            self.push_field(key);
        } else {
            self.push_segment(key);
            self.label.push_str(&format!("[{}]", sanitize::quote_line(key)));
        }
    }

    fn push_item(&mut self, index: usize, key: &[ItemKeyField], step: &PathStep) {
        self.pointer.push_str(&format!("/{index}"));
        let format_scalar = |scalar: &ItemKeyField| {
            format!("{}={}", scalar.name, format_key(&scalar.value, step.resolve_key_sensitivity(scalar)))
        };
        let values: Vec<String> = key.iter().map(format_scalar).collect();
        match values.is_empty() {
            true => self.label.push_str(&format!("[{index}]")),
            false => self.label.push_str(&format!("[{}]", values.join(", "))),
        }
    }

    fn push_segment(&mut self, name: &str) {
        self.pointer.push('/');
        self.pointer.push_str(&name.replace('~', "~0").replace('/', "~1"));
    }
}

fn format_key(value: &Value, mark: Sensitivity) -> String {
    if mark != Sensitivity::Public {
        return DOTS.to_owned();
    }
    match convert_value(value) {
        Json::String(text) if is_plain_key(&text) => text,
        Json::String(text) => sanitize::quote_line(&text),
        shown => shown.to_string(),
    }
}

/// Whether a text can stand in a path without quotes.
fn is_plain_key(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_personal_is_ever_clear() {
        let shown = |mark| {
            let look = MaskContext {
                sensitivity: mark,
                change: MaskedChange::Changed,
                personal_data: PersonalDataMode::Clear,
            };
            mask_scalar(&Value::from_text("jo"), &ScalarType::Any, look)
        };
        assert_eq!(shown(Sensitivity::Personal), Json::from("jo"));
        for mark in [Sensitivity::Secret, Sensitivity::Internal] {
            assert_eq!(shown(mark), build_mask(mark.as_str(), MaskedChange::Changed));
        }
    }

    #[test]
    fn a_mask_is_distinguished_from_an_object() {
        assert_eq!(find_mask(&build_mask("secret", MaskedChange::Added)), Some(("secret", "added")));
        assert_eq!(find_mask(&serde_json::json!({ "secret": "hunter2" })), None);
        assert_eq!(find_mask(&serde_json::json!({ "secret": "added", "b": 1 })), None);
        assert_eq!(find_mask(&serde_json::json!("secret")), None);
    }
}
