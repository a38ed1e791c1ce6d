//! What a document must say so that its object can be found.

use serde_json::{Value as Json, json};

use super::scalar::as_map;
use crate::kind::{FieldType, Kind, Shape};

/// Only an object that is to go or to be left, and is named by its id, needs no `spec`.
pub fn build_spec_requirement() -> Json {
    json!({
        "if": { "properties": { "state": { "enum": ["absent", "unmanaged"] } }, "required": ["state", "id"] },
        "else": { "required": ["spec"] },
    })
}

/// Without an id, what finds the object must be there.
pub fn build_identity_requirement(kind: &Kind) -> Option<Json> {
    let copied = |path: &&Vec<u16>| path.first().is_some_and(|n| kind.shape.get_field(*n).copy_of.is_some());
    let paths: Vec<_> = kind.identity.natural_key.iter().filter(|path| !copied(path)).collect();
    if paths.is_empty() {
        return None;
    }
    let id = json!({ "required": [&*kind.id_field().name] });
    let named = json!([{ "required": ["id"] }, { "properties": { "spec": id }, "required": ["spec"] }]);
    let demands: Vec<_> = paths.iter().map(|path| build_path_requirement(&kind.shape, path)).collect();
    Some(json!({
        "if": { "not": { "anyOf": named } },
        "then": { "properties": { "spec": { "allOf": demands, "doNotSuggest": true } } },
    }))
}

/// That the fields of a path are there, one inside the other.
fn build_path_requirement(shape: &Shape, path: &[u16]) -> Json {
    let Some((number, rest)) = path.split_first() else { return json!({}) };
    let field = shape.get_field(*number);
    let mut schema = as_map(json!({ "required": [&*field.name] }));
    if rest.is_empty() {
        let blank = json!({ "type": "string", "pattern": "^\\s*$" });
        let inner = json!({ "not": blank, "doNotSuggest": true });
        schema.insert("properties".into(), json!({ (&*field.name): inner }));
    }
    if let (FieldType::Object(inner), false) = (&field.ty, rest.is_empty()) {
        let mut inner = as_map(build_path_requirement(inner, rest));
        inner.insert("doNotSuggest".into(), true.into());
        schema.insert("properties".into(), json!({ (&*field.name): inner }));
    }
    schema.into()
}
