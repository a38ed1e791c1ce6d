//! The schema of one leaf, as it may be written in YAML.
//!
//! An editor reads YAML without the kind: `012`, `1e3` and `true` reach the schema as numbers and flags where
//! trueup reads the text that stands there. So every leaf accepts what its text could look like to an editor,
//! and is as lenient about spelling as [`crate::kind::leaf`] is.

use serde_json::{Map, Value as Json, json};

use super::close;
use crate::kind::{Field, Leaf, Refers, explain};
use crate::value::Mark;
use crate::yaml;

const DECIMAL: &str = r"^\s*[-+]?(0|[1-9][0-9]*)(\.[0-9]*)?([eE][-+]?[0-9]+)?\s*$";
const WHOLE: &str = r"^\s*[-+]?[0-9]+(\.0*)?\s*$";
const GUID: &str = r"^\s*(urn:uuid:)?\{?[0-9A-Fa-f]{8}(-?[0-9A-Fa-f]{4}){3}-?[0-9A-Fa-f]{12}\}?\s*$";
const DATE: &str = r"^\s*[0-9]{4}-[0-9]{2}-[0-9]{2}\s*$";
const TIME: &str = r"^\s*([0-9]{4}-?[0-9]{2}-?[0-9]{2}([Tt ].*)?|/Date\(-?[0-9]+([-+][0-9]{4})?\)/)\s*$";

/// What stands around a leaf.
#[derive(Clone, Copy)]
pub struct Place<'k> {
    /// The field that is the leaf, or holds it.
    pub field: &'k Field,
    /// The strictest mark of the field and those around it.
    pub mark: Mark,
    pub nullable: bool,
}

/// The schema of the value of a leaf: plain, or where it comes from, or null.
pub fn value(leaf: &Leaf, place: Place) -> Map<String, Json> {
    let nullable = place.nullable;
    let names = place.field.refers_to.as_ref().map(Refers::words).unwrap_or_default();
    match (place.mark, leaf) {
        (mark, _) if !names.is_empty() && mark != Mark::Secret => {
            let from_outside = mark > Mark::Open || matches!(leaf, Leaf::Text { .. });
            or_mapping(bare(leaf, nullable), named(&names, from_outside))
        }
        (Mark::Secret, _) => secret(&explain::variable(&place.field.name), nullable),
        // any mapping is a value here, so nothing can be said about one that is a source
        (_, Leaf::Any) => bare(leaf, nullable),
        // any text may come from elsewhere, but only where it is worth it does an editor say so
        (Mark::Open, Leaf::Text { .. }) => or_mapping(bare(leaf, nullable), slot(false)),
        (Mark::Open, _) => bare(leaf, nullable),
        _ => or_mapping(bare(leaf, nullable), slot(true)),
    }
}

/// The schema of a leaf that can't come from elsewhere.
pub fn bare(leaf: &Leaf, nullable: bool) -> Map<String, Json> {
    let schema = match leaf {
        // bare 012, 1e3 and true are numbers and flags to an editor, texts to trueup
        Leaf::Text { max } => {
            let mut schema = of(&["string", "number", "boolean"], None);
            schema.extend(max.map(|max| ("maxLength".to_owned(), max.into())));
            schema
        }
        Leaf::Whole(_) => of(&["integer", "string"], Some(WHOLE)),
        Leaf::Decimal(_) => of(&["number", "string"], Some(DECIMAL)),
        Leaf::Flag => of(&["boolean"], None),
        // 32 digits without a letter, or with one `e`, are a number to an editor
        Leaf::Guid => of(&["string", "number"], Some(GUID)),
        Leaf::Date => of(&["string"], Some(DATE)),
        Leaf::Time => of(&["string"], Some(TIME)),
        Leaf::Choice { choices, open } => return choice(choices, *open, nullable),
        Leaf::Any => return as_map(json!({ "anyOf": [{}] })),
    };
    complain(allow_null(schema, nullable), leaf)
}

fn of(types: &[&str], pattern: Option<&str>) -> Map<String, Json> {
    let mut schema = Map::new();
    schema.insert("type".into(), json!(types));
    schema.extend(pattern.map(|pattern| ("pattern".to_owned(), pattern.into())));
    schema
}

/// The same sentence as `validate` says.
fn complain(mut schema: Map<String, Json>, leaf: &Leaf) -> Map<String, Json> {
    schema.insert("errorMessage".into(), format!("this is not {}", leaf.noun()).into());
    schema
}

fn allow_null(mut schema: Map<String, Json>, nullable: bool) -> Map<String, Json> {
    if let (true, Some(Json::Array(types))) = (nullable, schema.get_mut("type")) {
        types.push("null".into());
    }
    schema
}

fn choice(choices: &[(std::sync::Arc<str>, String)], open: bool, nullable: bool) -> Map<String, Json> {
    let (mut values, mut meanings) = (Vec::new(), Vec::new());
    for (choice, is) in choices {
        // a bare 20 or true is no text to an editor
        let bare = serde_json::from_str::<Json>(choice).ok();
        let bare = bare.filter(|value| yaml::is_number_word(choice) || value.is_boolean());
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
    let text = json!({ "type": "string", "errorMessage": "this is not text" });
    as_map(json!({ "anyOf": [known, {}], "if": { "type": odd }, "then": text }))
}

/// A value, or a mapping that stands for it. Not `anyOf` but a condition: a fault inside the mapping is then told
/// as such, and a fault outside as a fault of the value.
fn or_mapping(value: Map<String, Json>, mapping: Json) -> Map<String, Json> {
    // the `anyOf` forbids nothing; it makes the editor write `name: ` and wait
    as_map(json!({ "anyOf": [{}], "if": { "type": "object" }, "then": mapping, "else": value }))
}

fn secret(variable: &str, nullable: bool) -> Map<String, Json> {
    let mut schema = allow_null(of(&["object"], None), nullable);
    schema.insert("allOf".into(), json!([slot(true)]));
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

/// Where a value comes from: exactly one of three.
fn slot(offered: bool) -> Json {
    exactly_one(sources(offered), &["from_env", "from_file", "from_command"])
}

fn sources(offered: bool) -> Vec<(String, Json)> {
    let text = || json!({ "type": "string", "minLength": 1 });
    let words = json!({ "type": "array", "items": { "type": "string" }, "minItems": 1 });
    vec![
        word("from_env", text(), "The value of this environment variable.", offered),
        word("from_file", text(), "The content of this file, relative to the workspace.", offered),
        word(
            "from_command",
            words,
            "What this program prints: the program and its arguments, no shell.",
            offered,
        ),
    ]
}

/// A thing by one of its names instead of its id.
fn named(names: &[&str], from_outside: bool) -> Json {
    let text = || json!({ "type": ["string", "number", "boolean"], "minLength": 1 });
    let is = |name: &str| match name {
        "ref" => "The name of the document that describes it.".to_owned(),
        name => format!("The {name} of the thing that is meant; exactly one must have it."),
    };
    let mut words: Vec<_> = names.iter().map(|name| word(name, text(), &is(name), true)).collect();
    words.extend(if from_outside { sources(false) } else { Vec::new() });
    exactly_one(words, names)
}

fn word(name: &str, ty: Json, is: &str, offered: bool) -> (String, Json) {
    let mut word = as_map(ty);
    word.insert("title".into(), name.into());
    word.insert("description".into(), is.into());
    if !offered {
        word.insert("doNotSuggest".into(), true.into());
    }
    (name.to_owned(), word.into())
}

/// A mapping with one of these words, of which those `told` are meant. The count stands apart from the keys, because an editor offers no keys
/// where a mapping with a count is full, and it counts the one that is being typed.
fn exactly_one(words: Vec<(String, Json)>, told: &[&str]) -> Json {
    let one = match told {
        [only] => format!("write {only} and nothing else"),
        [first @ .., last] => format!("write exactly one of {} and {last}", first.join(", ")),
        [] => String::new(),
    };
    let mut mapping = as_map(json!({
        "properties": Map::from_iter(words),
        "allOf": [{ "minProperties": 1, "maxProperties": 1, "errorMessage": one }],
        "errorMessage": one,
    }));
    close(&mut mapping);
    mapping.into()
}

/// The fields of a `json!` mapping.
pub fn as_map(value: Json) -> Map<String, Json> {
    match value {
        Json::Object(map) => map,
        _ => Map::new(),
    }
}
