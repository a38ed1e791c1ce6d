//! The schemas of the formats themselves, made from their types by schemars and then made fit for editors.
//!
//! What people type ([`generate_input_schema`]) is polished: no nulls, words with their meaning as plain `enum`s, a title for
//! every word. What the program prints ([`generate_output_schema`]) is described as it is.

use schemars::generate::SchemaSettings;
use schemars::transform::{Transform, transform_subschemas};
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value as Json, json};

use super::scalar::as_map;

/// The schema of a format that people type. Parts stand where they are used, so that each is described by the
/// word that holds it rather than by its type; only what holds itself is a definition.
pub fn generate_input_schema<T: JsonSchema>() -> Schema {
    let mut settings = SchemaSettings::draft07().for_deserialize();
    settings.inline_subschemas = true;
    let mut schema = generate_polished_schema::<T>(settings);
    let title = schema.get("title").and_then(Json::as_str).map(render_type_title).unwrap_or_default();
    schema.insert("title".into(), title.into());
    TitleTransform.transform(&mut schema);
    schema
}

/// The same with every part as a definition, for those who want to know the parts.
pub fn generate_schema_with_definitions<T: JsonSchema>() -> Schema {
    generate_polished_schema::<T>(SchemaSettings::draft07().for_deserialize())
}

/// The schema of a format that the program prints.
pub fn generate_output_schema<T: JsonSchema>() -> Schema {
    let mut schema = SchemaSettings::draft07().for_serialize().into_generator().into_root_schema_for::<T>();
    NullDefaultTransform.transform(&mut schema);
    schema
}

fn generate_polished_schema<T: JsonSchema>(settings: SchemaSettings) -> Schema {
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    InputTransform.transform(&mut schema);
    NullDefaultTransform.transform(&mut schema);
    schema
}

/// `SettingsFile` is called settings.
fn render_type_title(ty: &str) -> String {
    let mut name = String::new();
    for letter in ty.strip_suffix("File").unwrap_or(ty).chars() {
        if letter.is_uppercase() && !name.is_empty() {
            name.push(' ');
        }
        name.extend(letter.to_lowercase());
    }
    name
}

/// Every word is titled with its own name: an editor shows it above the meaning, and beside a fault.
struct TitleTransform;

impl Transform for TitleTransform {
    fn transform(&mut self, schema: &mut Schema) {
        let Some(map) = schema.as_object_mut() else { return };
        for group in ["properties", "definitions"] {
            let Some(Json::Object(parts)) = map.get_mut(group) else { continue };
            for (name, part) in parts {
                let title = if group == "properties" { name.clone() } else { render_type_title(name) };
                set_title(part, title);
            }
        }
        let title = map.get("title").and_then(Json::as_str).unwrap_or_default().to_owned();
        let inner = format!("{title} entry");
        for group in ["additionalProperties", "items"] {
            map.get_mut(group).into_iter().for_each(|part| set_title(part, inner.clone()));
        }
        let several = format!("{title}, several");
        for choice in map.get_mut("anyOf").and_then(Json::as_array_mut).into_iter().flatten() {
            simplify_alternative(choice, &several);
        }
        transform_subschemas(self, schema);
    }
}

/// An editor shows the meaning of an alternative before that of the word, and all alternatives that look alike.
fn simplify_alternative(choice: &mut Json, several: &str) {
    let Some(choice) = choice.as_object_mut() else { return };
    choice.retain(|word, _| !matches!(word.as_str(), "description" | "markdownDescription"));
    if choice.get("type").is_some_and(|ty| ty == "array") {
        choice.insert("title".into(), several.into());
    }
}

/// A reference is titled where it leads.
fn set_title(part: &mut Json, title: String) {
    if let Some(part) = part.as_object_mut().filter(|part| !part.contains_key("$ref")) {
        part.insert("title".into(), title.into());
    }
}

/// A null default silently kills completion in the YAML language server.
struct NullDefaultTransform;

impl Transform for NullDefaultTransform {
    fn transform(&mut self, schema: &mut Schema) {
        if schema.get("default").is_some_and(Json::is_null) {
            schema.remove("default");
        }
        transform_subschemas(self, schema);
    }
}

/// The words by which an editor sees what sort of value it is to write.
const TYPE_KEYWORDS: [&str; 8] = ["type", "anyOf", "allOf", "oneOf", "enum", "const", "$ref", "if"];

/// What is typed has no nulls: a word that is not wanted is left out. Inner parts first, so that an optional
/// choice is a plain choice when its null is gone.
struct InputTransform;

impl Transform for InputTransform {
    fn transform(&mut self, schema: &mut Schema) {
        transform_subschemas(self, schema);
        let Some(map) = schema.as_object_mut() else { return };
        remove_null(map);
        convert_unit_enum(map);
        convert_tagged_enum(map);
        if map.contains_key("additionalProperties") {
            map.insert("patternProperties".into(), json!({ "^<<$": {} }));
        }
        if let Some(Json::Array(choices)) = map.get_mut("anyOf") {
            // where nothing fits, an editor speaks of the first
            choices.sort_by_key(|choice| choice.get("type").is_some_and(|ty| ty == "array"));
        }
        if !TYPE_KEYWORDS.iter().any(|word| map.contains_key(*word)) {
            // forbids nothing, and makes the editor write a colon behind the name
            map.insert("anyOf".into(), json!([{}]));
        }
        if let Some(Json::String(text)) = map.get("description") {
            let (markdown, plain) = (
                Json::from(unwrap_paragraphs(text)),
                Json::from(super::strip_code_marks(&unwrap_paragraphs(text))),
            );
            map.insert("description".into(), plain);
            map.insert("markdownDescription".into(), markdown);
        }
    }
}

/// Comments are broken into lines; only an empty line ends a paragraph.
fn unwrap_paragraphs(text: &str) -> String {
    let paragraphs = text.split("\n\n").map(|paragraph| paragraph.replace('\n', " "));
    paragraphs.collect::<Vec<_>>().join("\n\n")
}

fn remove_null(map: &mut Map<String, Json>) {
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
            let only = choices.remove(0);
            map.remove("anyOf");
            merge_schema(map, only);
        }
    }
    if let Some(Json::Array(values)) = map.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
}

/// What is left of a choice stands in the schema itself; what that says already wins.
fn merge_schema(map: &mut Map<String, Json>, only: Json) {
    if only.get("$ref").is_some() {
        map.insert("allOf".into(), json!([only]));
        return;
    }
    for (word, value) in as_map(only) {
        map.entry(word).or_insert(value);
    }
}

/// schemars writes an enum whose words have comments as `oneOf` of constants; as `enum` with meanings an
/// editor says one thing about a wrong word, and names the right ones.
fn convert_unit_enum(map: &mut Map<String, Json>) {
    let Some(Json::Array(choices)) = map.get("oneOf") else { return };
    let Some(words) = choices.iter().map(read_described_words).collect::<Option<Vec<_>>>() else { return };
    map.remove("oneOf");
    map.extend(build_enum_schema(words));
}

/// The words of one alternative, each with the meaning.
fn read_described_words(choice: &Json) -> Option<Vec<(Json, Json)>> {
    let meaning = choice.get("markdownDescription").or_else(|| choice.get("description"));
    let is = meaning.cloned().unwrap_or_else(|| "".into());
    if let Some(value) = choice.get("const") {
        return Some(vec![(value.clone(), is)]);
    }
    let words = choice.get("enum")?.as_array()?;
    Some(words.iter().map(|word| (word.clone(), is.clone())).collect())
}

fn build_enum_schema(words: Vec<Vec<(Json, Json)>>) -> Map<String, Json> {
    let (values, meanings): (Vec<_>, Vec<_>) = words.into_iter().flatten().unzip();
    as_map(json!({ "type": "string", "enum": values, "markdownEnumDescriptions": meanings }))
}

/// schemars writes an enum whose words have a value as `oneOf` of mappings with one key each; as one mapping
/// with exactly one of the keys an editor completes it, and says one thing about a mistake. Words without a
/// value may stand among them.
fn convert_tagged_enum(map: &mut Map<String, Json>) {
    let Some(Json::Array(choices)) = map.get("oneOf") else { return };
    let (mut keys, mut words) = (Map::new(), Vec::new());
    for choice in choices {
        match (read_described_words(choice), find_only_key(choice)) {
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
    let words = Json::from(build_enum_schema(words));
    // the choices forbid nothing; an editor offers the words from there
    map.insert("anyOf".into(), json!([words, {}]));
    map.insert("if".into(), json!({ "type": "object" }));
    map.insert("then".into(), mapping);
    map.insert("else".into(), words);
}

/// The key of a mapping that has just one, and its schema with the meaning of the whole.
fn find_only_key(choice: &Json) -> Option<(String, Json)> {
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
