//! The schemas of the formats themselves, made from their types by schemars and then made fit for editors.
//!
//! What people type ([`typed`]) is polished: no nulls, words with their meaning as plain `enum`s, types beside
//! references. What the program prints ([`printed`]) is described as it is.

use std::collections::BTreeMap;

use schemars::generate::SchemaSettings;
use schemars::transform::{Transform, transform_subschemas};
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value as Json, json};

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
    let word = |choice: &Json| {
        let meaning = choice.get("markdownDescription").or_else(|| choice.get("description"));
        let is = meaning.cloned().unwrap_or_else(|| "".into());
        if let Some(value) = choice.get("const") {
            return Some(vec![(value.clone(), is)]);
        }
        let words = choice.get("enum")?.as_array()?;
        Some(words.iter().map(|word| (word.clone(), is.clone())).collect())
    };
    let Some(words) = choices.iter().map(word).collect::<Option<Vec<_>>>() else { return };
    let (values, meanings): (Vec<_>, Vec<_>) = words.into_iter().flatten().unzip();
    map.remove("oneOf");
    map.insert("type".into(), "string".into());
    map.insert("enum".into(), values.into());
    map.insert("markdownEnumDescriptions".into(), meanings.into());
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
