//! Questions asked of a JSON Schema that was made from a Rust type.
//!
//! Only the words that schemars writes are understood: `type`, `properties`, `required`, `items`, `const`,
//! `enum`, `additionalProperties`, `unevaluatedProperties`, `format`, `minimum`, `maximum`.
//! Deliberately absent: validation in general.

use serde_json::Value as Json;

use crate::yaml::YamlEntry;

/// What a schema says of a key.
pub(super) enum KeySchema<'s> {
    Known(&'s Json),
    /// Anything may stand there.
    Free,
    Unknown,
}

pub(super) fn find_key_schema<'s>(schema: &'s Json, key: &str) -> KeySchema<'s> {
    if let Some(known) = find_property(schema, key) {
        return KeySchema::Known(known);
    }
    let beyond = ["additionalProperties", "unevaluatedProperties"].iter().find_map(|word| schema.get(word));
    match beyond {
        Some(Json::Bool(false)) => KeySchema::Unknown,
        Some(schema @ Json::Object(_)) => KeySchema::Known(schema),
        _ => KeySchema::Free,
    }
}

pub(super) fn find_property<'s>(schema: &'s Json, key: &str) -> Option<&'s Json> {
    schema.get("properties")?.get(key)
}

pub(super) fn list_property_names(schema: &Json) -> impl Iterator<Item = &str> {
    let properties = schema.get("properties").and_then(Json::as_object);
    properties.into_iter().flat_map(|all| all.keys().map(String::as_str))
}

pub(super) fn list_required_keys(schema: &Json) -> impl Iterator<Item = &str> {
    let required = schema.get("required").and_then(Json::as_array);
    required.into_iter().flatten().filter_map(Json::as_str)
}

pub(super) fn accepts_key(schema: &Json, key: &str) -> bool {
    !matches!(find_key_schema(schema, key), KeySchema::Unknown)
}

/// Whether no member that a schema fixes to one word says another: how tagged alternatives are distinguished.
pub(super) fn matches_constants(schema: &Json, entries: &[YamlEntry]) -> bool {
    entries.iter().all(|entry| {
        let fixed = find_property(schema, &entry.key).and_then(|member| member.get("const")?.as_str());
        fixed.is_none_or(|word| entry.value.as_scalar() == Some(word))
    })
}

/// No word in it limits what may stand there.
pub(super) fn is_unconstrained(schema: &Json) -> bool {
    match schema {
        Json::Object(words) => {
            let limits = ["type", "const", "enum", "properties", "items", "required"];
            !limits.iter().any(|word| words.contains_key(*word))
        }
        other => other == &Json::Bool(true),
    }
}

/// Whether a schema names this JSON type.
pub(super) fn accepts_type(schema: &Json, ty: &str) -> bool {
    match schema.get("type") {
        Some(Json::String(own)) => own == ty,
        Some(Json::Array(several)) => several.iter().any(|own| own == ty),
        _ => false,
    }
}

/// A text that is not one of a few words.
pub(super) fn is_free_string(schema: &Json) -> bool {
    accepts_type(schema, "string") && schema.get("const").is_none() && schema.get("enum").is_none()
}

/// The words that these schemas know.
pub(super) fn list_constants<'s>(alternatives: &[&'s Json]) -> Vec<&'s str> {
    let of = |schema: &'s Json| {
        let listed = schema.get("enum").and_then(Json::as_array).into_iter().flatten();
        schema.get("const").into_iter().chain(listed).filter_map(Json::as_str)
    };
    alternatives.iter().flat_map(|schema| of(schema)).collect()
}

/// What these schemas want, for messages; each thing once.
pub(super) fn describe_types(alternatives: &[&Json]) -> Vec<&'static str> {
    let known = [
        ("string", "a string"),
        ("integer", "an integer"),
        ("number", "a number"),
        ("boolean", "true or false"),
        ("array", "a list"),
        ("object", "a mapping"),
    ];
    let mut nouns = Vec::new();
    for schema in alternatives {
        if schema.get("const").is_some() || schema.get("enum").is_some() {
            nouns.push("a word");
            continue;
        }
        nouns.extend(known.iter().filter(|(ty, _)| accepts_type(schema, ty)).map(|(_, noun)| *noun));
    }
    let mut seen = Vec::new();
    nouns.retain(|noun| !seen.contains(noun) && (seen.push(*noun), true).1);
    nouns
}

/// The least and the most that an integer schema allows.
pub(super) fn get_integer_range(schema: &Json) -> (i128, i128) {
    let format = schema.get("format").and_then(Json::as_str).unwrap_or("int64");
    let (least, most) = match format {
        "uint8" => (0, u8::MAX.into()),
        "uint16" => (0, u16::MAX.into()),
        "uint32" => (0, u32::MAX.into()),
        "uint64" | "uint" => (0, u64::MAX.into()),
        "int8" => (i8::MIN.into(), i8::MAX.into()),
        "int16" => (i16::MIN.into(), i16::MAX.into()),
        "int32" => (i32::MIN.into(), i32::MAX.into()),
        _ => (i64::MIN.into(), i64::MAX.into()),
    };
    let word = |word| schema.get(word).and_then(Json::as_i64).map(i128::from);
    (word("minimum").map_or(least, |own| own.max(least)), word("maximum").map_or(most, |own| own.min(most)))
}
