//! The schema of one value, as it may be written in YAML.
//!
//! An editor reads YAML without the kind: `012`, `1e3` and `true` reach the schema as numbers and flags where
//! trueup reads the text that stands there. So every value accepts what its text could look like to an editor,
//! and is as lenient about spelling as [`crate::kind::scalar`] is.

use serde_json::{Map, Value as Json, json};

use super::close_mapping;
use super::names::{WorkspaceNames, build_value_name_schema};
use crate::kind::limits::ValueLimits;
use crate::kind::{Field, FieldReference, ScalarType, ScopeParameter, explain};
use crate::value::Sensitivity;
use crate::yaml;

/// As [`crate::yaml::parse_boolean`] reads it.
const BOOLEAN_PATTERN: &str = "^(true|True|TRUE|false|False|FALSE)$";
const DECIMAL_PATTERN: &str = r"^\s*[-+]?(0|[1-9][0-9]*)(\.[0-9]*)?([eE][-+]?[0-9]+)?\s*$";
const INTEGER_PATTERN: &str = r"^\s*[-+]?[0-9]+(\.0*)?\s*$";
const UUID_PATTERN: &str = r"^\s*(urn:uuid:)?\{?[0-9A-Fa-f]{8}(-?[0-9A-Fa-f]{4}){3}-?[0-9A-Fa-f]{12}\}?\s*$";
const DATE_PATTERN: &str = r"^\s*[0-9]{4}-[0-9]{2}-[0-9]{2}\s*$";
const DATE_TIME_PATTERN: &str =
    r"^\s*([0-9]{4}-?[0-9]{2}-?[0-9]{2}([Tt ].*)?|/Date\(-?[0-9]+([-+][0-9]{4})?\)/)\s*$";

/// The key of a value that is named.
const VALUE_KEY: &str = "value";
/// The keys of a source, besides the name of a value.
const SOURCE_KEYS: [&str; 4] = ["from_env", "from_file", "from_command", "from_secret"];

/// What is around a scalar.
#[derive(Clone, Copy)]
pub struct ScalarPosition<'k> {
    /// The field that is the value, or holds it.
    pub field: &'k Field,
    /// The strictest mark of the field and those around it.
    pub sensitivity: Sensitivity,
    pub nullable: bool,
    pub names: &'k WorkspaceNames,
}

/// The schema of the value of a scalar: plain, or where it comes from, or the name of a value, or null.
pub fn build_scalar_schema(scalar: &ScalarType, place: ScalarPosition) -> Map<String, Json> {
    let nullable = place.nullable;
    let plain = add_limits(build_plain_schema(scalar, nullable), &place.field.value_limits);
    let names = place.field.reference.as_ref().map(FieldReference::list_reference_keys).unwrap_or_default();
    let value = build_value_property(scalar, place.sensitivity, place.names);
    match (place.sensitivity, scalar) {
        (Sensitivity::Secret, _) => {
            build_secret_schema(&explain::suggest_variable(&place.field.name), nullable, Some(value))
        }
        // any mapping is a value here, so nothing can be said about one that is a source
        (_, ScalarType::Any) => plain,
        (mark, _) if !names.is_empty() => {
            let mut words = list_reference_properties(&names);
            words.extend(if mark > Sensitivity::Public { list_source_properties(false) } else { Vec::new() });
            words.push(value);
            build_value_or_mapping(plain, build_exactly_one(words, &names))
        }
        // any text may come from elsewhere, but only where it is worth it does an editor say so
        (Sensitivity::Public, ScalarType::String { .. }) => build_value_or_source(plain, vec![value], false),
        (Sensitivity::Public, _) => {
            build_value_or_mapping(plain, build_exactly_one(vec![value], &[VALUE_KEY]))
        }
        _ => build_value_or_source(plain, vec![value], true),
    }
}

fn build_value_or_source(
    plain: Map<String, Json>,
    more: Vec<(String, Json)>,
    offers_sources: bool,
) -> Map<String, Json> {
    let mut words = list_source_properties(offers_sources);
    words.extend(more);
    build_value_or_mapping(plain, build_exactly_one(words, &SOURCE_KEYS))
}

/// The schema of a scope value: plain, or the document of the parent, or the name of a value.
pub fn build_scope_value_schema(scope: &ScopeParameter, names: &WorkspaceNames) -> Map<String, Json> {
    let plain = build_plain_schema(&scope.ty, false);
    let keys = scope.reference.as_ref().map(FieldReference::list_reference_keys).unwrap_or_default();
    let mut words = list_reference_properties(&keys);
    words.push(build_value_property(&scope.ty, Sensitivity::Public, names));
    let accepted = if keys.is_empty() { &[VALUE_KEY][..] } else { &keys[..] };
    build_value_or_mapping(plain, build_exactly_one(words, accepted))
}

fn build_value_property(
    scalar: &ScalarType,
    sensitivity: Sensitivity,
    names: &WorkspaceNames,
) -> (String, Json) {
    let name = build_value_name_schema(&names.list_fitting_values(scalar, sensitivity));
    build_property(
        VALUE_KEY,
        name,
        "The value of this name: typed once in trueup.yaml, set by the environment.",
        true,
    )
}

/// Limits as an editor checks them; they are in the words of JSON Schema.
fn add_limits(mut schema: Map<String, Json>, limits: &ValueLimits) -> Map<String, Json> {
    let number = |own: Option<rust_decimal::Decimal>| own.and_then(|own| own.to_string().parse::<f64>().ok());
    schema.extend(number(limits.minimum).map(|least| ("minimum".to_owned(), least.into())));
    schema.extend(number(limits.maximum).map(|most| ("maximum".to_owned(), most.into())));
    schema.extend(limits.pattern.as_ref().map(|form| ("pattern".to_owned(), form.as_str().into())));
    schema
}

/// The schema of a value that can't come from elsewhere.
pub fn build_plain_schema(scalar: &ScalarType, nullable: bool) -> Map<String, Json> {
    let schema = match scalar {
        // bare 012, 1e3 and true are numbers and flags to an editor, texts to trueup
        ScalarType::String { max_length: max } => {
            let mut schema = build_type_schema(&["string", "number", "boolean"], None);
            schema.extend(max.map(|max| ("maxLength".to_owned(), max.into())));
            schema
        }
        ScalarType::Integer(_) => build_type_schema(&["integer", "string"], Some(INTEGER_PATTERN)),
        ScalarType::Decimal(_) => build_type_schema(&["number", "string"], Some(DECIMAL_PATTERN)),
        ScalarType::Boolean => build_type_schema(&["boolean", "string"], Some(BOOLEAN_PATTERN)),
        // 32 digits without a letter, or with one `e`, are a number to an editor
        ScalarType::Uuid => build_type_schema(&["string", "number"], Some(UUID_PATTERN)),
        ScalarType::Date => build_type_schema(&["string"], Some(DATE_PATTERN)),
        ScalarType::DateTime | ScalarType::UnixTime(_) => {
            build_type_schema(&["string"], Some(DATE_TIME_PATTERN))
        }
        ScalarType::Enum { values: choices, open } => return build_enum_schema(choices, *open, nullable),
        ScalarType::Any => return as_map(json!({ "anyOf": [{}] })),
    };
    add_error_message(allow_null(schema, nullable), scalar)
}

fn build_type_schema(types: &[&str], pattern: Option<&str>) -> Map<String, Json> {
    let mut schema = Map::new();
    schema.insert("type".into(), json!(types));
    schema.extend(pattern.map(|pattern| ("pattern".to_owned(), pattern.into())));
    schema
}

/// The same sentence as `validate` says.
fn add_error_message(mut schema: Map<String, Json>, scalar: &ScalarType) -> Map<String, Json> {
    schema.insert("errorMessage".into(), format!("this is not {}", scalar.describe_type()).into());
    schema
}

fn allow_null(mut schema: Map<String, Json>, nullable: bool) -> Map<String, Json> {
    if let (true, Some(Json::Array(types))) = (nullable, schema.get_mut("type")) {
        types.push("null".into());
    }
    schema
}

fn build_enum_schema(
    choices: &[(std::sync::Arc<str>, String)],
    open: bool,
    nullable: bool,
) -> Map<String, Json> {
    let (mut values, mut meanings) = (Vec::new(), Vec::new());
    for (choice, is) in choices {
        // a bare 20 or true is no text to an editor
        let bare = serde_json::from_str::<Json>(choice).ok();
        let bare = bare.filter(|value| yaml::is_number_literal(choice) || value.is_boolean());
        for value in std::iter::once(Json::from(&**choice)).chain(bare) {
            values.push(value);
            meanings.push(is.clone());
        }
    }
    if nullable {
        values.push(Json::Null);
        meanings.push("Clears it.".into());
    }
    let known = json!({ "enum": values, "markdownEnumDescriptions": meanings });
    if !open {
        return as_map(known);
    }
    // the second choice forbids nothing, so that no editor offers what every text field accepts
    let mut odd = vec!["array", "object"];
    odd.extend((!nullable).then_some("null"));
    let text = json!({ "type": "string", "errorMessage": "this is not a string" });
    as_map(json!({ "anyOf": [known, {}], "if": { "type": odd }, "then": text }))
}

/// A value, or a mapping that stands for it. Not `anyOf` but a condition: a fault inside the mapping is then reported
/// as such, and a fault outside as a fault of the value.
pub fn build_value_or_mapping(value: Map<String, Json>, mapping: Json) -> Map<String, Json> {
    // the `anyOf` forbids nothing; it makes the editor write `name: ` and wait, and offer the values that are known
    let offered = ["enum", "anyOf", "markdownEnumDescriptions"].iter();
    let offered = offered.filter_map(|word| Some(((*word).to_owned(), value.get(*word)?.clone())));
    let offered: Map<String, Json> = offered.collect();
    let open = if offered.is_empty() { json!([{}]) } else { json!([offered, {}]) };
    as_map(json!({ "anyOf": open, "if": { "type": "object" }, "then": mapping, "else": value }))
}

/// The schema of a secret: where it comes from, or the name of a value.
pub fn build_secret_schema(
    variable: &str,
    nullable: bool,
    value: Option<(String, Json)>,
) -> Map<String, Json> {
    let mut schema = allow_null(build_type_schema(&["object"], None), nullable);
    let mut words = list_source_properties(true);
    words.extend(value);
    schema.insert("allOf".into(), json!([build_exactly_one(words, &SOURCE_KEYS)]));
    schema.insert(
        "errorMessage".into(),
        "a secret is never plain text: write where it comes from, such as { from_env: NAME }".into(),
    );
    schema.insert(
        "defaultSnippets".into(),
        json!([{
            "label": "{ from_env: … }",
            "description": "The value of an environment variable.",
            "body": format!("{{ from_env: ${{1:{variable}}} }}"),
        }]),
    );
    schema
}

/// Where a value comes from: exactly one of four.
pub fn build_source_schema(offered: bool) -> Json {
    build_exactly_one(list_source_properties(offered), &SOURCE_KEYS)
}

fn list_source_properties(offered: bool) -> Vec<(String, Json)> {
    let text = || json!({ "type": "string", "minLength": 1 });
    let words = json!({ "type": "array", "items": { "type": "string" }, "minItems": 1 });
    vec![
        build_property("from_env", text(), "The value of this environment variable.", offered),
        build_property("from_file", text(), "The content of this file, relative to the workspace.", offered),
        build_property(
            "from_command",
            words,
            "What this program prints: the program and its arguments, no shell.",
            offered,
        ),
        build_property(
            "from_secret",
            json!({
                "type": "object",
                "additionalProperties": text(),
                "minProperties": 1,
                "maxProperties": 1,
            }),
            "The provider under `secrets` in trueup.yaml, and the name of the secret there.",
            offered,
        ),
    ]
}

/// An object by one of its names instead of its id.
fn list_reference_properties(names: &[&str]) -> Vec<(String, Json)> {
    let text = || json!({ "type": ["string", "number", "boolean"], "minLength": 1 });
    let is = |name: &str| match name {
        "ref" => "The name of the document that describes it.".to_owned(),
        name => format!("The {name} of the thing that is meant; exactly one must have it."),
    };
    names.iter().map(|name| build_property(name, text(), &is(name), true)).collect()
}

fn build_property(name: &str, ty: Json, is: &str, offered: bool) -> (String, Json) {
    let mut word = as_map(ty);
    word.insert("title".into(), name.into());
    word.insert("description".into(), is.into());
    if !offered {
        word.insert("doNotSuggest".into(), true.into());
    }
    (name.to_owned(), word.into())
}

/// A mapping with one of these words, of which those `accepted` are meant. The count stands apart from the keys, because an editor offers no keys
/// where a mapping with a count is full, and it counts the one that is being typed.
fn build_exactly_one(words: Vec<(String, Json)>, accepted: &[&str]) -> Json {
    let one = match accepted {
        [only] => format!("write {only} and nothing else"),
        [first @ .., last] => format!("write exactly one of {} and {last}", first.join(", ")),
        [] => String::new(),
    };
    let mut mapping = as_map(json!({
        "properties": Map::from_iter(words),
        "allOf": [{ "minProperties": 1, "maxProperties": 1, "errorMessage": one }],
        "errorMessage": one,
    }));
    close_mapping(&mut mapping);
    mapping.into()
}

/// The fields of a `json!` mapping.
pub fn as_map(value: Json) -> Map<String, Json> {
    match value {
        Json::Object(map) => map,
        _ => Map::new(),
    }
}
