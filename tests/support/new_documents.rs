//! Documents of objects that are not there yet, put together from the examples of a kind: every field that may
//! be written, with a natural key of its own, and a variable for each secret.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value as Json, json};
use trueup::kind::explain::{build_document_example, build_example};
use trueup::kind::registry::KindRegistry;
use trueup::kind::{ArrayType, Field, FieldType, IdAssigner, ItemType, Kind, Shape};
use trueup::value::Sensitivity;

use crate::support::written_documents::WrittenDocument;

/// Every built-in kind.
pub fn kinds() -> Vec<Arc<Kind>> {
    let registry = KindRegistry::get_builtin();
    let kinds: Vec<Arc<Kind>> =
        registry.kind_names().iter().filter_map(|name| registry.find_kind(name)).collect();
    assert!(kinds.len() >= 5, "the built-in kinds are all there");
    kinds
}

/// A document of an object that no sandbox holds.
pub fn new_document(kind: &Kind, name: &str) -> WrittenDocument {
    let mut document = build_document_example(kind);
    document["name"] = json!(name);
    let spec = document["spec"].as_object_mut().expect("a spec");
    complete(&kind.shape, spec);
    for path in &kind.identity.natural_key {
        own_key(&kind.shape, spec, path, name);
    }
    if kind.identity.id_assigned_by == IdAssigner::Client {
        spec.remove(&*kind.id_field().name);
        document["id"] = json!(guid_of(name));
    }
    let variables = variables(&document);
    WrittenDocument { document, variables, places: Vec::new(), cleared: Vec::new() }
}

/// Secrets that an example leaves out.
pub fn complete(shape: &Shape, spec: &mut Map<String, Json>) {
    for field in &shape.fields {
        let secret = field.sensitivity == Sensitivity::Secret && !field.behavior.read_only;
        if secret && !spec.contains_key(&*field.name) {
            spec.insert(field.name.to_string(), build_example(field).expect("where a secret comes from"));
        }
        complete_within(field, spec);
    }
}

/// The same inside of a field.
pub fn complete_within(field: &Field, spec: &mut Map<String, Json>) {
    match (&field.ty, spec.get_mut(&*field.name)) {
        (FieldType::Object(inner), Some(Json::Object(object))) => complete(inner, object),
        (FieldType::Array(ArrayType { item: ItemType::Object(inner), .. }), Some(Json::Array(items))) => {
            items.iter_mut().filter_map(Json::as_object_mut).for_each(|item| complete(inner, item));
        }
        _ => {}
    }
}

/// Lets a natural key differ from that of every sample. What the service sets stays out.
fn own_key(shape: &Shape, spec: &mut Map<String, Json>, path: &[u16], name: &str) {
    let [number] = path else { return };
    let field = shape.get_field(*number);
    if let (false, Some(Json::String(text))) = (field.behavior.read_only, spec.get_mut(&*field.name)) {
        *text = format!("{name}-{text}");
    }
}

/// A guid for a name, always the same.
pub fn guid_of(name: &str) -> String {
    let sum = name.bytes().fold(7_u64, |sum, byte| (sum * 131 + u64::from(byte)) % 0xffff_ffff_ffff);
    format!("abababab-0000-4000-8000-{sum:012x}")
}

/// A value for each variable that a document names.
pub fn variables(document: &Json) -> Vec<(String, String)> {
    let mut found = BTreeMap::new();
    named(document, &mut found);
    found.into_iter().collect()
}

fn named(json: &Json, found: &mut BTreeMap<String, String>) {
    match json {
        Json::Object(members) => {
            if let (1, Some(Json::String(name))) = (members.len(), members.get("from_env")) {
                found.insert(name.clone(), format!("value of {name}"));
            }
            members.values().for_each(|value| named(value, found));
        }
        Json::Array(items) => items.iter().for_each(|item| named(item, found)),
        _ => {}
    }
}

/// As text, so that `"20"` is 20 and 2500.0 is 2500.00.
pub fn plain(json: &Json) -> String {
    let text = json.as_str().map_or_else(|| json.to_string(), str::to_owned);
    text.parse::<f64>().map_or(text, |number| number.to_string())
}

/// What stands for a thing that is answered whole: its id.
pub fn bare<'j>(field: &Field, live: &'j Json) -> &'j Json {
    match (&field.reference, live) {
        (Some(refers), Json::Object(_)) => &live[&*refers.id],
        _ => live,
    }
}
