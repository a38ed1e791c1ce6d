//! One schema in the words of OpenAPI 3.0, whatever version it was written in.
//!
//! 3.1 has lists of types with `null` among them, `const`, `examples` and schemas that are only `true`; 3.0 has
//! `nullable`, `enum` and `example`. Words that say nothing about the form of a value are left out, and so is
//! a word with a value that it cannot have: one slip must not cost the schema.
//! Deliberately absent: what stands inside; each inner schema becomes a reference to its place.

use serde_json::{Map, Value as Json};

use crate::openapi::pointer::{build_reference, escape_pointer_token};

/// A word with what its value must be.
type SchemaKeyword = (&'static str, fn(&Json) -> bool);

/// The plain words of a schema.
const SCHEMA_KEYWORDS: [SchemaKeyword; 15] = [
    ("type", Json::is_string),
    ("format", Json::is_string),
    ("pattern", Json::is_string),
    ("title", Json::is_string),
    ("description", Json::is_string),
    ("nullable", Json::is_boolean),
    ("readOnly", Json::is_boolean),
    ("writeOnly", Json::is_boolean),
    ("deprecated", Json::is_boolean),
    ("uniqueItems", Json::is_boolean),
    ("minLength", Json::is_u64),
    ("maxLength", Json::is_u64),
    ("maximum", Json::is_number),
    ("enum", Json::is_array),
    ("required", is_string_list),
];

/// The members of a schema at a pointer, in the words of 3.0.
pub fn downgrade_schema(members: &Map<String, Json>, pointer: &str) -> Map<String, Json> {
    let mut made = Map::new();
    for (word, fits) in SCHEMA_KEYWORDS {
        if let Some(value) = members.get(word).filter(|value| fits(value)) {
            made.insert(word.to_owned(), value.clone());
        }
    }
    if members.get("x-nullable") == Some(&Json::Bool(true)) {
        made.insert("nullable".into(), true.into());
    }
    downgrade_types(members, &mut made);
    downgrade_values(members, &mut made);
    reference_inner_schemas(members, pointer, &mut made);
    made
}

/// The flows of an OAuth scheme: only their URLs count, but the crate wants their scopes.
pub fn downgrade_flows(flows: Json) -> Json {
    let Json::Object(flows) = flows else { return Json::Object(Map::new()) };
    let whole = flows.into_iter().map(|(name, flow)| {
        let url = |word: &str| flow.get(word).and_then(Json::as_str).unwrap_or_default().to_owned();
        let urls = ["authorizationUrl", "tokenUrl"].map(|word| (word.to_owned(), Json::from(url(word))));
        let mut whole: Map<String, Json> = urls.into_iter().collect();
        whole.insert("scopes".into(), Json::Object(Map::new()));
        (name, Json::Object(whole))
    });
    Json::Object(whole.collect())
}

/// A list of types: `null` among them is `nullable`; of several others none can be said.
fn downgrade_types(members: &Map<String, Json>, made: &mut Map<String, Json>) {
    let several = match members.get("type") {
        Some(Json::Array(several)) => several.iter().filter_map(Json::as_str).collect(),
        Some(Json::String(one)) => vec![one.as_str()],
        _ => return,
    };
    let others: Vec<&str> = several.iter().copied().filter(|ty| *ty != "null").collect();
    if others.len() < several.len() {
        made.insert("nullable".into(), true.into());
    }
    match others.as_slice() {
        [one] => {
            made.insert("type".into(), (*one).into());
        }
        _ => {
            made.remove("type");
        }
    }
}

/// Fixed values and examples.
fn downgrade_values(members: &Map<String, Json>, made: &mut Map<String, Json>) {
    if let Some(value) = members.get("const").filter(|_| !made.contains_key("enum")) {
        made.insert("enum".into(), Json::Array(vec![value.clone()]));
    }
    let examples = members.get("examples").and_then(Json::as_array);
    let example = members.get("example").or_else(|| examples?.first());
    if let Some(example) = example.filter(|example| !example.is_null()) {
        made.insert("example".into(), example.clone());
    }
    if let Some(Json::Array(values)) = made.get_mut("enum") {
        let before = values.len();
        values.retain(|value| !value.is_null());
        let (emptied, nullable) = (values.is_empty(), values.len() < before);
        if emptied {
            made.remove("enum");
        }
        if nullable {
            made.insert("nullable".into(), true.into());
        }
    }
}

/// References in place of the schemas inside.
fn reference_inner_schemas(members: &Map<String, Json>, pointer: &str, made: &mut Map<String, Json>) {
    let is_schema = |value: &Json| value.is_object() || value.is_boolean();
    if let Some(properties) = members.get("properties").and_then(Json::as_object) {
        let own = properties.iter().filter(|(_, value)| is_schema(value));
        let own = own.map(|(name, _)| {
            (name.clone(), build_reference(&format!("{pointer}/properties/{}", escape_pointer_token(name))))
        });
        made.insert("properties".into(), Json::Object(own.collect()));
    }
    if members.get("items").is_some_and(is_schema) {
        made.insert("items".into(), build_reference(&format!("{pointer}/items")));
    }
    match members.get("additionalProperties") {
        Some(Json::Bool(any)) => {
            made.insert("additionalProperties".into(), (*any).into());
        }
        Some(Json::Object(_)) => {
            let place = format!("{pointer}/additionalProperties");
            made.insert("additionalProperties".into(), build_reference(&place));
        }
        _ => {}
    }
    for word in ["allOf", "oneOf", "anyOf"] {
        let several = members.get(word).and_then(Json::as_array);
        let Some(several) = several.filter(|several| !several.is_empty()) else { continue };
        let own = several.iter().enumerate().filter(|(_, one)| !is_null_schema(one));
        let own: Vec<Json> = own.map(|(at, _)| build_reference(&format!("{pointer}/{word}/{at}"))).collect();
        if own.len() < several.len() {
            made.insert("nullable".into(), true.into());
        }
        if !own.is_empty() {
            made.insert(word.into(), own.into());
        }
    }
}

/// The schema of null and nothing else.
fn is_null_schema(schema: &Json) -> bool {
    let only = |word: &str, value: Json| schema.get(word).is_some_and(|own| *own == value);
    only("type", "null".into()) || only("enum", Json::Array(vec![Json::Null])) || only("const", Json::Null)
}

fn is_string_list(value: &Json) -> bool {
    value.as_array().is_some_and(|items| items.iter().all(Json::is_string))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(json: Json) -> Json {
        json.as_object().map_or(Json::Null, |members| Json::Object(downgrade_schema(members, "/s")))
    }

    #[test]
    fn what_3_1_says_is_said_as_in_3_0() {
        let pairs = [
            (
                r#"{"type":["string","null"],"examples":["a","b"]}"#,
                r#"{"type":"string","nullable":true,"example":"a"}"#,
            ),
            (r#"{"type":["string","integer"]}"#, "{}"),
            (r#"{"const":"x"}"#, r#"{"enum":["x"]}"#),
            (r#"{"enum":["x",null]}"#, r#"{"enum":["x"],"nullable":true}"#),
            (
                r##"{"anyOf":[{"type":"null"},{"$ref":"#/x"}]}"##,
                r##"{"nullable":true,"anyOf":[{"$ref":"#/s/anyOf/1"}]}"##,
            ),
            (r#"{"type":"array","items":true}"#, r##"{"type":"array","items":{"$ref":"#/s/items"}}"##),
            (r#"{"exclusiveMinimum":3,"maxLength":-1,"required":true,"type":7}"#, "{}"),
            (
                r#"{"properties":{"a/b":{},"c":4}}"#,
                r##"{"properties":{"a/b":{"$ref":"#/s/properties/a~1b"}}}"##,
            ),
        ];
        for (modern, wanted) in pairs {
            let json = |text: &str| -> Json { serde_json::from_str(text).unwrap_or(Json::Null) };
            assert_eq!(said(json(modern)), json(wanted), "{modern}");
        }
    }
}
