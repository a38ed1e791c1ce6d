//! The schema of a document: the words around `spec`, and the fields of its kind inside.
//!
//! Each mistake is to give one message, at its line: mappings are closed, alternatives are conditions
//! (`if`/`then`), and what stands in several schemas is demanded by one of them only.

use schemars::Schema;
use serde_json::{Map, Value as Json, json};

use super::leaf::{self, as_map};
use super::{DRAFT, mapping, plain};
use crate::kind::explain::{self, Fact};
use crate::kind::{Clear, Field, Item, Kind, ListType, Shape, ToldApart, Type};
use crate::value::Mark;
use crate::yaml;

/// The schema of one document of `kind`.
pub fn document(kind: &Kind) -> Schema {
    let mut schema = Map::new();
    schema.insert("$schema".into(), DRAFT.into());
    schema.insert("title".into(), kind.title.clone().into());
    describe(&mut schema, &kind.is, &[]);
    schema.extend(mapping(envelope(kind)));
    schema.insert("required".into(), json!(["kind", "name", "spec"]));
    schema.extend(found_by(kind));
    Schema::from(schema)
}

/// The schema of any document: it chooses by `kind`, so it says nothing else about what that schema says.
pub fn choosing(kinds: &[&Kind]) -> Schema {
    let names: Vec<_> = kinds.iter().map(|kind| &*kind.name).collect();
    let meanings: Vec<_> = kinds.iter().map(|kind| kind.is.clone()).collect();
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
        "$schema": DRAFT,
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
fn envelope(kind: &Kind) -> Map<String, Json> {
    let mut words = Map::new();
    let mut word = |name: &str, mut schema: Map<String, Json>, is: &str| {
        head(&mut schema, name, is, &[]);
        words.insert(name.to_owned(), schema.into());
    };
    word("kind", as_map(json!({ "const": &*kind.name })), &kind.is);
    word(
        "name",
        as_map(json!({ "type": "string", "minLength": 1 })),
        "The stable key of this document in the repository, unique for its kind and target. The service never sees it.",
    );
    word(
        "target",
        as_map(json!({ "type": "string", "minLength": 1 })),
        "The connection in `trueup.yaml` through which the object is reached. May be left out when exactly one target serves the API.",
    );
    word("id", id(kind), &id_text(kind));
    word(
        "protect",
        as_map(json!({ "type": "boolean", "default": false })),
        "Whether this object must never be deleted.",
    );
    if !kind.scope.is_empty() {
        word("scope", scope(kind), "Where the object lives. Overrides the target's `scope`, one by one.");
    }
    word(
        "spec",
        object(kind, &kind.shape, ""),
        "The wanted fields, named as the service names them. What is not written is not managed; `null` clears a field.",
    );
    words
}

fn id(kind: &Kind) -> Map<String, Json> {
    match &kind.id_field().ty {
        Type::Leaf(leaf) => leaf::bare(leaf, false),
        _ => Map::new(),
    }
}

fn id_text(kind: &Kind) -> String {
    let is = format!("The service's id of the object, its `{}`.", kind.id_field().name);
    let names = kind.natural_key_names();
    if names.is_empty() {
        return is;
    }
    let names = explain::joined(names.iter().map(String::as_str));
    format!("{is} Without it the object is found by its {names}.")
}

fn scope(kind: &Kind) -> Map<String, Json> {
    let properties = kind.scope.iter().map(|scope| {
        let mut schema = leaf::bare(&scope.ty, false);
        head(&mut schema, &format!("scope.{}", scope.name), &scope.is, &[]);
        schema.extend(scope.example.clone().map(|example| ("examples".to_owned(), json!([example]))));
        (scope.name.to_string(), schema.into())
    });
    mapping(properties.collect())
}

/// Without an id, what finds the object must be there; told only where it stands directly in `spec`.
fn found_by(kind: &Kind) -> Option<(String, Json)> {
    let names: Vec<_> = kind.natural_key_names().into_iter().filter(|name| !name.contains('.')).collect();
    if names.is_empty() {
        return None;
    }
    let demand = json!({
        "if": { "not": { "required": ["id"] } },
        "then": { "properties": { "spec": { "required": names, "doNotSuggest": true } } },
    });
    Some(("allOf".into(), json!([demand])))
}

/// The schema of an object type; `path` is where it stands below `spec`.
fn object(kind: &Kind, shape: &Shape, path: &str) -> Map<String, Json> {
    let properties = shape.fields.iter().map(|field| {
        let path = if path.is_empty() { field.name.to_string() } else { format!("{path}.{}", field.name) };
        (field.name.to_string(), property(kind, field, &path).into())
    });
    mapping(properties.collect())
}

fn property(kind: &Kind, field: &Field, path: &str) -> Map<String, Json> {
    let facts = explain::facts(kind, field);
    let mut schema = Map::new();
    head(&mut schema, path, &field.is, &facts);
    type_line(&mut schema, field);
    if field.copy_of.is_some() || (field.access.computed && !field.access.names_it) {
        schema.extend(forbidden(field));
        return schema;
    }
    schema.extend(value(kind, field, path));
    exemplify(&mut schema, field);
    schema
}

/// An editor offers examples as values, but can only write those that fit on the line; others are shown.
fn exemplify(schema: &mut Map<String, Json>, field: &Field) {
    let Some(example) = explain::example(field).filter(|_| field.mark != Mark::Secret) else { return };
    if !example.is_array() && !example.is_object() {
        schema.insert("examples".into(), json!([example]));
    } else if let Some(Json::String(markdown)) = schema.get_mut("markdownDescription") {
        let text = yaml::write(&json!({ (&*field.name): example }));
        markdown.push_str(&format!("\n\nExample:\n\n```yaml\n{text}```"));
    }
}

/// A field that a document can't set is described, never offered, and refused with the reason. Two demands that
/// exclude each other refuse every value; the first is the one that has a message.
fn forbidden(field: &Field) -> Map<String, Json> {
    let who = if field.copy_of.is_some() { "trueup fills this in" } else { "the service sets this" };
    as_map(json!({
        "type": "null",
        "not": { "type": "null" },
        "doNotSuggest": true,
        "errorMessage": format!("{who}, a document can't; leave it out"),
    }))
}

fn value(kind: &Kind, field: &Field, path: &str) -> Map<String, Json> {
    let nullable = field.clear != Clear::Never;
    match &field.ty {
        Type::Leaf(leaf) => leaf::value(leaf, field, nullable),
        Type::Object(shape) => or_null(object(kind, shape, path), nullable),
        Type::Map(map) => {
            let mut schema = Map::new();
            schema.insert("type".into(), "object".into());
            let entry = || leaf::value(&map.value, field, false);
            let keys = map.keys.iter().map(|(key, is)| {
                let mut entry = entry();
                head(&mut entry, &format!("{path}.{key}"), is, &[]);
                (key.to_string(), entry.into())
            });
            schema.insert("properties".into(), keys.collect::<Map<_, _>>().into());
            schema.insert("patternProperties".into(), json!({ "^<<$": {} }));
            let mut other = entry();
            head(&mut other, &format!("{path} entry"), &field.is, &[]);
            schema.insert("additionalProperties".into(), other.into());
            or_null(schema, nullable)
        }
        Type::List(list) => or_null(items(kind, field, list, path), nullable),
    }
}

fn items(kind: &Kind, field: &Field, list: &ListType, path: &str) -> Map<String, Json> {
    let item = match &list.item {
        Item::Leaf(leaf) => leaf::value(leaf, field, false),
        Item::Object(shape) => {
            let mut item = object(kind, shape, path);
            item.insert("title".into(), format!("{path} item").into());
            item.insert("required".into(), json!(keys(list, shape)));
            item
        }
    };
    let mut schema = Map::new();
    schema.insert("type".into(), "array".into());
    schema.insert("items".into(), item.into());
    schema
}

/// The fields without which an item of a list can't be told apart, whichever of its keys is used.
fn keys<'s>(list: &ListType, shape: &'s Shape) -> Vec<&'s str> {
    let ToldApart::Keys(keys) = &list.told_apart else { return Vec::new() };
    let Some((first, others)) = keys.split_first() else { return Vec::new() };
    let everywhere = |number: &&u16| others.iter().all(|key| key.contains(number));
    let demanded = |number: &u16| {
        let field = shape.field(*number);
        (!field.access.computed).then_some(&*field.name)
    };
    first.iter().filter(everywhere).filter_map(demanded).collect()
}

fn or_null(mut schema: Map<String, Json>, nullable: bool) -> Map<String, Json> {
    if let (true, Some(Json::String(word))) = (nullable, schema.get("type")) {
        let types = json!([word, "null"]);
        schema.insert("type".into(), types);
    }
    schema
}

/// Title and description, for hover and completion.
fn head(schema: &mut Map<String, Json>, title: &str, is: &str, facts: &[Fact]) {
    schema.insert("title".into(), title.into());
    describe(schema, is, facts);
}

fn describe(schema: &mut Map<String, Json>, is: &str, facts: &[Fact]) {
    let mut markdown = is.to_owned();
    for fact in facts {
        markdown.push_str(if markdown.contains("\n\n") { "\n" } else { "\n\n" });
        markdown.push_str(&format!("- {}", fact.text));
    }
    schema.insert("description".into(), plain(is).into());
    schema.insert("markdownDescription".into(), markdown.into());
}

/// The type stands before the meaning, as in `trueup explain`.
fn type_line(schema: &mut Map<String, Json>, field: &Field) {
    let ty = explain::type_text(&field.ty);
    if let Some(Json::String(markdown)) = schema.get_mut("markdownDescription") {
        *markdown = format!("`{ty}` {markdown}");
    }
}
