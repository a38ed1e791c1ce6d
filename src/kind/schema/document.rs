//! The schema of a document: the words around `spec`, and the fields of its kind inside.
//!
//! Each mistake is to give one message, at its line: mappings are closed, alternatives are conditions
//! (`if`/`then`), and what stands in several schemas is demanded by one of them only.

use std::sync::Arc;

use schemars::Schema;
use serde_json::{Map, Value as Json, json};

use super::scalar::{self, ScalarPosition, as_map};
use super::{DRAFT_URI, build_mapping, strip_code_marks};
use crate::kind::explain::{self, ExplanationFact};
use crate::kind::{ArrayType, Field, FieldType, IdAssigner, ItemType, Kind, ListType, MapType, Shape};
use crate::value::Sensitivity;
use crate::yaml;

/// The schema of one document of `kind`.
pub fn build_document_schema(kind: &Kind) -> Schema {
    let mut schema = Map::new();
    schema.insert("$schema".into(), DRAFT_URI.into());
    schema.insert("title".into(), kind.title.clone().into());
    set_description(&mut schema, &kind.description, &[]);
    schema.extend(build_mapping(build_envelope(kind)));
    let demands = [
        Some(json!({ "required": ["kind", "name"] })),
        Some(build_spec_requirement()),
        build_identity_requirement(kind),
    ];
    schema.insert("allOf".into(), Json::from_iter(demands.into_iter().flatten()));
    schema.insert("defaultSnippets".into(), json!([build_start_snippet(kind)]));
    Schema::from(schema)
}

/// The schema of any document: it chooses by `kind`, so it says nothing else about what that schema says.
pub fn build_any_document_schema(kinds: &[Arc<Kind>]) -> Schema {
    let names: Vec<_> = kinds.iter().map(|kind| &*kind.name).collect();
    let meanings: Vec<_> = kinds.iter().map(|kind| kind.description.clone()).collect();
    let branches: Vec<_> = kinds
        .iter()
        .map(|kind| {
            json!({
                "if": { "properties": { "kind": { "const": &*kind.name } }, "required": ["kind"] },
                "then": { "$ref": format!("{}.json", kind.name) },
            })
        })
        .collect();
    let about = "Which sort of object this is.";
    Schema::from(as_map(json!({
        "$schema": DRAFT_URI,
        "title": "trueup document",
        "description": "The desired state of one object.",
        "type": "object",
        "required": ["kind"],
        "properties": {
            "kind": {
                "title": "kind",
                "description": about,
                "enum": names,
                "markdownEnumDescriptions": meanings,
            },
        },
        "allOf": branches,
    })))
}

/// The words around `spec`.
fn build_envelope(kind: &Kind) -> Map<String, Json> {
    let mut words = Map::new();
    let mut word = |name: &str, mut schema: Map<String, Json>, is: &str| {
        set_title_and_description(&mut schema, name, is, &[]);
        words.insert(name.to_owned(), schema.into());
    };
    word("kind", as_map(json!({ "const": &*kind.name })), &kind.description);
    word(
        "name",
        build_text_schema(),
        "The stable key of this document in the repository, unique for its kind and target. The service never sees it.",
    );
    word(
        "target",
        build_text_schema(),
        "The connection in `trueup.yaml` through which the object is reached. May be left out when exactly one target serves the API.",
    );
    word("state", build_state_schema(), "Whether the object is to be there.");
    if kind.identity.composition.is_none() {
        word("id", build_id_schema(kind), &describe_id(kind));
    }
    word(
        "protect",
        as_map(json!({ "type": "boolean", "default": false })),
        "Whether this object must never be deleted.",
    );
    if !kind.scope.is_empty() {
        word(
            "scope",
            build_scope_schema(kind),
            "Where the object lives. Overrides the target's `scope`, one by one.",
        );
    }
    word(
        "spec",
        build_object_schema(kind, &kind.shape, SchemaPosition { path: "", sensitivity: Sensitivity::Public }),
        "The desired fields, named as the service names them. What is not written is not managed; `null` clears a field.",
    );
    words
}

/// What an editor writes when a document is begun: the rest of the envelope, with what every object must have.
fn build_start_snippet(kind: &Kind) -> Json {
    let mut keys: Vec<u16> =
        kind.identity.natural_key.iter().filter_map(|path| path.first().copied()).collect();
    keys.extend((kind.identity.id_assigned_by == IdAssigner::Client).then_some(kind.identity.id));
    let wanted = |field: &&Field| field.behavior.required || keys.contains(&field.number);
    let fields = kind.shape.fields.iter().filter(wanted).filter(|field| !field.behavior.read_only);
    let spec = (2..).zip(fields).map(|(stop, field)| (field.name.to_string(), format!("${stop}").into()));
    let spec = Map::from_iter(spec);
    let spec = if spec.is_empty() { json!("$2") } else { spec.into() };
    let title = format!("{}: name and spec", kind.title);
    json!({ "label": title, "description": strip_code_marks(&kind.description), "body": { "name": "$1", "spec": spec } })
}

/// A bare 2024 is a number to an editor.
fn build_text_schema() -> Map<String, Json> {
    let types = ["string", "number", "boolean"];
    as_map(json!({ "type": types, "minLength": 1, "maxLength": 200, "errorMessage": "this is not a string" }))
}

fn build_state_schema() -> Map<String, Json> {
    as_map(json!({
        "enum": ["present", "absent", "unmanaged"],
        "default": "present",
        "markdownEnumDescriptions": [
            "It is made or kept as `spec` says.",
            "It is to be deleted, where the service can and `--allow-delete` is given.",
            "It is left as it is, and not managed any more; nothing is sent.",
        ],
    }))
}

/// Only an object that is to go or to be left, and is named by its id, needs no `spec`.
fn build_spec_requirement() -> Json {
    json!({
        "if": { "properties": { "state": { "enum": ["absent", "unmanaged"] } }, "required": ["state", "id"] },
        "else": { "required": ["spec"] },
    })
}

fn build_id_schema(kind: &Kind) -> Map<String, Json> {
    match &kind.id_field().ty {
        FieldType::Scalar(leaf) => scalar::build_plain_schema(leaf, false),
        _ => Map::new(),
    }
}

fn describe_id(kind: &Kind) -> String {
    let is = format!("The service's id of the object, its `{}`.", kind.id_field().name);
    let names = kind.list_natural_key_names();
    if names.is_empty() {
        return is;
    }
    let names = explain::join_as_code(names.iter().map(String::as_str));
    format!("{is} Without it the object is found by its {names}.")
}

fn build_scope_schema(kind: &Kind) -> Map<String, Json> {
    let properties = kind.scope.iter().map(|scope| {
        let mut schema = scalar::build_scope_value_schema(scope);
        set_title_and_description(&mut schema, &format!("scope.{}", scope.name), &scope.description, &[]);
        schema.extend(scope.example.clone().map(|example| ("examples".to_owned(), json!([example]))));
        (scope.name.to_string(), schema.into())
    });
    build_mapping(properties.collect())
}

/// Without an id, what finds the object must be there.
fn build_identity_requirement(kind: &Kind) -> Option<Json> {
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

/// Where an object type stands: its path below `spec`, and the strictest mark above it.
#[derive(Clone, Copy)]
struct SchemaPosition<'p> {
    path: &'p str,
    sensitivity: Sensitivity,
}

fn build_object_schema(kind: &Kind, shape: &Shape, inside: SchemaPosition) -> Map<String, Json> {
    let properties = shape.fields.iter().map(|field| {
        let path = match inside.path {
            "" => field.name.to_string(),
            above => format!("{above}.{}", field.name),
        };
        let mark = inside.sensitivity.max(field.sensitivity);
        (
            field.name.to_string(),
            build_property_schema(kind, field, SchemaPosition { path: &path, sensitivity: mark }).into(),
        )
    });
    build_mapping(properties.collect())
}

fn build_property_schema(kind: &Kind, field: &Field, inside: SchemaPosition) -> Map<String, Json> {
    let facts = explain::collect_field_facts(kind, field);
    let mut schema = Map::new();
    set_title_and_description(&mut schema, inside.path, &field.description, &facts);
    prepend_type(&mut schema, field);
    if explain::is_set_by_service(field) {
        schema.extend(build_forbidden_schema(field));
        return schema;
    }
    schema.extend(build_field_schema(kind, field, inside));
    add_examples(&mut schema, field, inside.sensitivity);
    schema
}

/// An editor offers examples as values, but can only write those that fit on the line; others are shown.
fn add_examples(schema: &mut Map<String, Json>, field: &Field, mark: Sensitivity) {
    let Some(example) = explain::build_example(field).filter(|_| mark != Sensitivity::Secret) else { return };
    if !example.is_array() && !example.is_object() {
        schema.insert("examples".into(), json!([example]));
    } else if let Some(Json::String(markdown)) = schema.get_mut("markdownDescription") {
        let text = yaml::write_yaml(&json!({ (&*field.name): example }));
        markdown.push_str(&format!("\n\nExample:\n\n```yaml\n{text}```"));
    }
}

/// A field that a document can't set is described, never offered, and refused with the reason. Two demands that
/// exclude each other refuse every value; the first is the one that has a message.
fn build_forbidden_schema(field: &Field) -> Map<String, Json> {
    let who = if field.copy_of.is_some() { "trueup fills this in" } else { "the service sets this" };
    as_map(json!({
        "type": "null",
        "not": { "type": "null" },
        "doNotSuggest": true,
        "errorMessage": format!("{who}, a document can't; leave it out"),
    }))
}

fn build_field_schema(kind: &Kind, field: &Field, inside: SchemaPosition) -> Map<String, Json> {
    let nullable = explain::can_be_cleared(field);
    match &field.ty {
        FieldType::Scalar(leaf) => scalar::build_scalar_schema(
            leaf,
            ScalarPosition { field, sensitivity: inside.sensitivity, nullable },
        ),
        FieldType::Object(shape) => allow_null(build_object_schema(kind, shape, inside), nullable),
        FieldType::Map(map) => allow_null(build_map_schema(map, field, inside), nullable),
        FieldType::Array(list) => allow_null(build_array_schema(kind, field, list, inside), nullable),
    }
}

/// Any key will do; those that are known are offered. Null takes an entry out.
fn build_map_schema(map: &MapType, field: &Field, inside: SchemaPosition) -> Map<String, Json> {
    let place = ScalarPosition { field, sensitivity: inside.sensitivity, nullable: true };
    let entry = |title: &str, is: &str| {
        let mut entry = scalar::build_scalar_schema(&map.value, place);
        set_title_and_description(&mut entry, title, is, &[]);
        Json::from(entry)
    };
    let known =
        map.keys.iter().map(|(key, is)| (key.to_string(), entry(&format!("{}.{key}", inside.path), is)));
    as_map(json!({
        "type": "object",
        "properties": Map::from_iter(known),
        "patternProperties": { "^<<$": {} },
        "additionalProperties": entry(&format!("{} entry", inside.path), &field.description),
    }))
}

fn build_array_schema(
    kind: &Kind,
    field: &Field,
    list: &ArrayType,
    inside: SchemaPosition,
) -> Map<String, Json> {
    let item = match &list.item {
        ItemType::Scalar(leaf) => scalar::build_scalar_schema(
            leaf,
            ScalarPosition { field, sensitivity: inside.sensitivity, nullable: false },
        ),
        ItemType::Object(shape) => {
            let mut item = build_object_schema(kind, shape, inside);
            item.insert("title".into(), format!("{} item", inside.path).into());
            if let ListType::Map(keys) = &list.list_type {
                item.extend(build_key_requirement(keys, shape));
            }
            item
        }
    };
    as_map(json!({ "type": "array", "items": item }))
}

/// An item has all fields of one of its keys: those of all keys are simply required, those of the first one
/// where no other key is complete.
fn build_key_requirement(keys: &[Vec<u16>], shape: &Shape) -> Map<String, Json> {
    let Some((first, others)) = keys.split_first() else { return Map::new() };
    let name = |number: &u16| shape.get_field(*number).name.to_string();
    let names = |key: &[u16]| key.iter().map(name).collect::<Vec<_>>();
    let (everywhere, rest): (Vec<u16>, Vec<u16>) =
        first.iter().partition(|number| others.iter().all(|key| key.contains(number)));
    let mut schema = as_map(json!({ "required": names(&everywhere) }));
    // a key that holds the first one is never complete without it
    let freed = others.iter().filter(|key| !first.iter().all(|number| key.contains(number)));
    let freed: Vec<_> = freed.map(|key| json!({ "required": names(key) })).collect();
    if !freed.is_empty() {
        schema.insert("if".into(), json!({ "not": { "anyOf": freed } }));
        schema.insert("then".into(), json!({ "required": names(&rest) }));
    }
    schema
}

fn allow_null(mut schema: Map<String, Json>, nullable: bool) -> Map<String, Json> {
    if let (true, Some(Json::String(word))) = (nullable, schema.get("type")) {
        let types = json!([word, "null"]);
        schema.insert("type".into(), types);
    }
    schema
}

/// Title and description, for hover and completion.
fn set_title_and_description(
    schema: &mut Map<String, Json>,
    title: &str,
    is: &str,
    facts: &[ExplanationFact],
) {
    schema.insert("title".into(), title.into());
    set_description(schema, is, facts);
}

fn set_description(schema: &mut Map<String, Json>, is: &str, facts: &[ExplanationFact]) {
    let mut markdown = is.to_owned();
    for fact in facts {
        markdown.push_str(if markdown.contains("\n\n") { "\n" } else { "\n\n" });
        markdown.push_str(&format!("- {}", fact.text));
    }
    schema.insert("description".into(), strip_code_marks(is).into());
    schema.insert("markdownDescription".into(), markdown.into());
}

/// The type stands before the meaning, as in `trueup explain`.
fn prepend_type(schema: &mut Map<String, Json>, field: &Field) {
    let ty = explain::render_type(&field.ty);
    if let Some(Json::String(markdown)) = schema.get_mut("markdownDescription") {
        *markdown = format!("`{ty}` {markdown}");
    }
}
