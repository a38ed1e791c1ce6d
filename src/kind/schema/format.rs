//! The schemas of the formats themselves, made from their types by schemars and then made fit for editors.
//!
//! What people type ([`typed`]) is polished: no nulls, words with their meaning as plain `enum`s, a title for
//! every word. What the program prints ([`printed`]) is described as it is.

use schemars::generate::SchemaSettings;
use schemars::transform::{Transform, transform_subschemas};
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value as Json, json};

use super::leaf::as_map;

/// The schema of a format that people type. Parts stand where they are used, so that each is described by the
/// word that holds it rather than by its type; only what holds itself is a definition.
pub fn typed<T: JsonSchema>() -> Schema {
    let mut settings = SchemaSettings::draft07().for_deserialize();
    settings.inline_subschemas = true;
    let mut schema = polished::<T>(settings);
    let title = schema.get("title").and_then(Json::as_str).map(plain_name).unwrap_or_default();
    schema.insert("title".into(), title.into());
    Titled.transform(&mut schema);
    schema
}

/// The same with every part as a definition, for those who want to know the parts.
pub fn in_parts<T: JsonSchema>() -> Schema {
    polished::<T>(SchemaSettings::draft07().for_deserialize())
}

/// The schema of a format that the program prints.
pub fn printed<T: JsonSchema>() -> Schema {
    let mut schema = SchemaSettings::draft07().for_serialize().into_generator().into_root_schema_for::<T>();
    NoNullDefault.transform(&mut schema);
    schema
}

fn polished<T: JsonSchema>(settings: SchemaSettings) -> Schema {
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    Typed.transform(&mut schema);
    NoNullDefault.transform(&mut schema);
    schema
}

/// `SettingsFile` is called settings.
fn plain_name(ty: &str) -> String {
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
struct Titled;

impl Transform for Titled {
    fn transform(&mut self, schema: &mut Schema) {
        let Some(map) = schema.as_object_mut() else { return };
        for group in ["properties", "definitions"] {
            let Some(Json::Object(parts)) = map.get_mut(group) else { continue };
            for (name, part) in parts {
                let title = if group == "properties" { name.clone() } else { plain_name(name) };
                title_it(part, title);
            }
        }
        let title = map.get("title").and_then(Json::as_str).unwrap_or_default().to_owned();
        let inner = format!("{title} entry");
        for group in ["additionalProperties", "items"] {
            map.get_mut(group).into_iter().for_each(|part| title_it(part, inner.clone()));
        }
        let several = format!("{title}, several");
        for choice in map.get_mut("anyOf").and_then(Json::as_array_mut).into_iter().flatten() {
            alternative(choice, &several);
        }
        transform_subschemas(self, schema);
    }
}

/// An editor shows the meaning of an alternative before that of the word, and all alternatives that look alike.
fn alternative(choice: &mut Json, several: &str) {
    let Some(choice) = choice.as_object_mut() else { return };
    choice.retain(|word, _| !matches!(word.as_str(), "description" | "markdownDescription"));
    if choice.get("type").is_some_and(|ty| ty == "array") {
        choice.insert("title".into(), several.into());
    }
}

/// A reference is titled where it leads.
fn title_it(part: &mut Json, title: String) {
    if let Some(part) = part.as_object_mut().filter(|part| !part.contains_key("$ref")) {
        part.insert("title".into(), title.into());
    }
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

/// The words by which an editor sees what sort of value it is to write.
const WORDS: [&str; 8] = ["type", "anyOf", "allOf", "oneOf", "enum", "const", "$ref", "if"];

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
        if map.contains_key("additionalProperties") {
            map.insert("patternProperties".into(), json!({ "^<<$": {} }));
        }
        if let Some(Json::Array(choices)) = map.get_mut("anyOf") {
            // where nothing fits, an editor speaks of the first
            choices.sort_by_key(|choice| choice.get("type").is_some_and(|ty| ty == "array"));
        }
        if !WORDS.iter().any(|word| map.contains_key(*word)) {
            // forbids nothing, and makes the editor write a colon behind the name
            map.insert("anyOf".into(), json!([{}]));
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
            let only = choices.remove(0);
            map.remove("anyOf");
            take_in(map, only);
        }
    }
    if let Some(Json::Array(values)) = map.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
}

/// What is left of a choice stands in the schema itself; what that says already wins.
fn take_in(map: &mut Map<String, Json>, only: Json) {
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
    let words = Json::from(listed(words));
    // the choices forbid nothing; an editor offers the words from there
    map.insert("anyOf".into(), json!([words, {}]));
    map.insert("if".into(), json!({ "type": "object" }));
    map.insert("then".into(), mapping);
    map.insert("else".into(), words);
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
