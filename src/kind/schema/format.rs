//! The schemas of the formats themselves, made from their types by schemars and then made fit for editors.
//!
//! What people type ([`typed`]) is polished: no nulls, words with their meaning as plain `enum`s, types beside
//! references. What the program prints ([`printed`]) is described as it is.

use std::collections::BTreeMap;

use schemars::generate::SchemaSettings;
use schemars::transform::{Transform, transform_subschemas};
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value as Json, json};

use super::leaf::as_map;

/// The schema of a format that people type.
pub fn typed<T: JsonSchema>() -> Schema {
    let mut schema = SchemaSettings::draft07().for_deserialize().into_generator().into_root_schema_for::<T>();
    Typed.transform(&mut schema);
    let types = types_of_definitions(&schema);
    TypesBeside(types).transform(&mut schema);
    NoNullDefault.transform(&mut schema);
    schema
}

/// The schema of a format that the program prints.
pub fn printed<T: JsonSchema>() -> Schema {
    let mut schema = SchemaSettings::draft07().for_serialize().into_generator().into_root_schema_for::<T>();
    NoNullDefault.transform(&mut schema);
    schema
}

/// A null default silently kills completion in the YAML language server.
struct NoNullDefault;

impl Transform for NoNullDefault {
    fn transform(&mut self, schema: &mut Schema) {
        if schema.get("default").is_some_and(Json::is_null) {
            schema.remove("default");
        }
        transform_subschemas(self, schema);
    }
}

/// What is typed has no nulls: a word that is not wanted is left out. Inner parts first, so that an optional
/// choice is a plain choice when its null is gone.
struct Typed;

impl Transform for Typed {
    fn transform(&mut self, schema: &mut Schema) {
        transform_subschemas(self, schema);
        let Some(map) = schema.as_object_mut() else { return };
        without_null(map);
        words_with_meaning(map);
        one_of_words(map);
        if map.get("additionalProperties") == Some(&Json::Bool(false)) {
            map.insert("patternProperties".into(), json!({ "^<<$": {} }));
        }
        if let Some(Json::String(text)) = map.get("description") {
            let (markdown, plain) = (Json::from(unwrapped(text)), Json::from(super::plain(&unwrapped(text))));
            map.insert("description".into(), plain);
            map.insert("markdownDescription".into(), markdown);
        }
    }
}

/// Comments are broken into lines; only an empty line ends a paragraph.
fn unwrapped(text: &str) -> String {
    let paragraphs = text.split("\n\n").map(|paragraph| paragraph.replace('\n', " "));
    paragraphs.collect::<Vec<_>>().join("\n\n")
}

fn without_null(map: &mut Map<String, Json>) {
    if let Some(Json::Array(types)) = map.get_mut("type") {
        types.retain(|word| word != "null");
        if let [one] = types.as_slice() {
            let one = one.clone();
            map.insert("type".into(), one);
        }
    }
    if let Some(Json::Array(choices)) = map.get_mut("anyOf") {
        choices.retain(|choice| *choice != json!({ "type": "null" }));
        if choices.len() == 1 {
            let choices = map.remove("anyOf");
            map.insert("allOf".into(), choices.unwrap_or_default());
        }
    }
    if let Some(Json::Array(values)) = map.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
}

/// schemars writes an enum whose words have comments as `oneOf` of constants; as `enum` with meanings an
/// editor says one thing about a wrong word, and names the right ones.
fn words_with_meaning(map: &mut Map<String, Json>) {
    let Some(Json::Array(choices)) = map.get("oneOf") else { return };
    let Some(words) = choices.iter().map(word).collect::<Option<Vec<_>>>() else { return };
    map.remove("oneOf");
    map.extend(listed(words));
}

/// The words of one alternative, each with the meaning.
fn word(choice: &Json) -> Option<Vec<(Json, Json)>> {
    let meaning = choice.get("markdownDescription").or_else(|| choice.get("description"));
    let is = meaning.cloned().unwrap_or_else(|| "".into());
    if let Some(value) = choice.get("const") {
        return Some(vec![(value.clone(), is)]);
    }
    let words = choice.get("enum")?.as_array()?;
    Some(words.iter().map(|word| (word.clone(), is.clone())).collect())
}

fn listed(words: Vec<Vec<(Json, Json)>>) -> Map<String, Json> {
    let (values, meanings): (Vec<_>, Vec<_>) = words.into_iter().flatten().unzip();
    as_map(json!({ "type": "string", "enum": values, "markdownEnumDescriptions": meanings }))
}

/// schemars writes an enum whose words have a value as `oneOf` of mappings with one key each; as one mapping
/// with exactly one of the keys an editor completes it, and says one thing about a mistake. Words without a
/// value may stand among them.
fn one_of_words(map: &mut Map<String, Json>) {
    let Some(Json::Array(choices)) = map.get("oneOf") else { return };
    let (mut keys, mut words) = (Map::new(), Vec::new());
    for choice in choices {
        match (word(choice), only_key(choice)) {
            (Some(word), _) => words.push(word),
            (None, Some((key, schema))) => drop(keys.insert(key, schema)),
            (None, None) => return,
        }
    }
    let one = format!("write exactly one of {}", keys.keys().cloned().collect::<Vec<_>>().join(", "));
    let mapping = json!({
        "properties": keys,
        "additionalProperties": false,
        "patternProperties": { "^<<$": {} },
        // apart from the keys: an editor offers none where a mapping with a count is full
        "allOf": [{ "minProperties": 1, "maxProperties": 1, "errorMessage": one }],
        "errorMessage": one,
    });
    map.remove("oneOf");
    if words.is_empty() {
        map.insert("type".into(), "object".into());
        map.extend(as_map(mapping));
        return;
    }
    map.insert("anyOf".into(), json!([{}]));
    map.insert("if".into(), json!({ "type": "object" }));
    map.insert("then".into(), mapping);
    map.insert("else".into(), listed(words).into());
}

/// The key of a mapping that has just one, and its schema with the meaning of the whole.
fn only_key(choice: &Json) -> Option<(String, Json)> {
    let keys = choice.get("properties")?.as_object()?;
    let (key, schema) = keys.iter().next().filter(|_| keys.len() == 1)?;
    let mut schema = schema.as_object()?.clone();
    for word in ["description", "markdownDescription"] {
        if let (Some(text), None) = (choice.get(word), schema.get(word)) {
            schema.insert(word.into(), text.clone());
        }
    }
    Some((key.clone(), schema.into()))
}

fn types_of_definitions(schema: &Schema) -> BTreeMap<String, Json> {
    let definitions = schema.get("definitions").and_then(Json::as_object);
    let ty =
        |(name, one): (&String, &Json)| Some((format!("#/definitions/{name}"), one.get("type")?.clone()));
    definitions.into_iter().flatten().filter_map(ty).collect()
}

/// A reference beside other words stands in `allOf` in this draft, where an editor does not see what type it
/// is and completes a name without a colon; so the type is said again.
struct TypesBeside(BTreeMap<String, Json>);

impl Transform for TypesBeside {
    fn transform(&mut self, schema: &mut Schema) {
        let reference = schema.pointer("/allOf/0/$ref").and_then(Json::as_str);
        let ty = reference.and_then(|reference| self.0.get(reference)).cloned();
        if let (Some(ty), None) = (ty, schema.get("type")) {
            schema.insert("type".into(), ty);
        }
        transform_subschemas(self, schema);
    }
}
