//! Examples: the kind's own, and those put together from what is inside.
//!
//! Deliberately absent: values of live objects. A secret is always shown as where it comes from.

use serde_json::Value as Json;

use crate::kind::{ArrayType, Field, FieldType, ItemType, Kind, Shape};
use crate::value::Sensitivity;

/// A value as it could stand in a document: the field's own, or one put together from what is inside.
pub fn build_example(field: &Field) -> Option<Json> {
    if field.sensitivity == Sensitivity::Secret {
        return Some(serde_json::json!({ "from_env": suggest_variable(&field.name) }));
    }
    field.example.clone().or_else(|| match &field.ty {
        FieldType::Object(shape) => build_shape_example(shape),
        FieldType::Array(ArrayType { item: ItemType::Object(shape), .. }) => {
            build_shape_example(shape).map(|item| Json::Array(vec![item]))
        }
        _ => None,
    })
}

/// The environment variable that a field could come from: `merchantKey` is `MERCHANT_KEY`.
pub fn suggest_variable(name: &str) -> String {
    let mut variable = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !variable.is_empty() {
            variable.push('_');
        }
        variable.push(if letter.is_ascii_alphanumeric() { letter.to_ascii_uppercase() } else { '_' });
    }
    variable
}

/// The writable fields of a shape that have an example.
fn build_shape_example(shape: &Shape) -> Option<Json> {
    let writable = shape.fields.iter().filter(|field| !field.behavior.read_only && field.copy_of.is_none());
    let members: serde_json::Map<_, _> =
        writable.filter_map(|field| Some((field.name.to_string(), build_example(field)?))).collect();
    (!members.is_empty()).then_some(Json::Object(members))
}

/// A document of the kind, from its examples.
pub fn build_document_example(kind: &Kind) -> Json {
    let short = kind.name.rsplit('/').next().unwrap_or("object");
    let mut document = serde_json::Map::new();
    document.insert("kind".into(), (*kind.name).into());
    document.insert("name".into(), format!("my-{short}").into());
    let scope: serde_json::Map<_, _> = kind
        .scope
        .iter()
        .filter_map(|scope| Some((scope.name.to_string(), scope.example.clone()?)))
        .collect();
    if !scope.is_empty() {
        document.insert("scope".into(), scope.into());
    }
    document.insert("spec".into(), build_shape_example(&kind.shape).unwrap_or_else(|| serde_json::json!({})));
    document.into()
}
