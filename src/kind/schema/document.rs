//! The schemas of any document and of any base: they choose by `kind`.
//!
//! Each mistake is to give one message, at its line: mappings are closed, alternatives are conditions
//! (`if`/`then`), and what several schemas know is demanded by one of them only.

use std::sync::Arc;

use schemars::Schema;
use serde_json::{Value as Json, json};

use super::DRAFT_URI;
use super::envelope::BASE;
use super::scalar::as_map;
use crate::kind::Kind;

/// The schema of any document: it chooses by `kind`, so it says nothing else about what that schema says.
pub fn build_any_document_schema(kinds: &[Arc<Kind>]) -> Schema {
    let about =
        "The desired state of one object, or of many; or what an environment, or a base, says of them.";
    build_choice("trueup document", about, choose_kinds(kinds, ""))
}

/// The schema of any base.
pub fn build_any_base_schema(kinds: &[Arc<Kind>]) -> Schema {
    let about = "The fields that objects of one kind share. It is no object by itself.";
    let mut schema = build_choice("trueup base", about, choose_kinds(kinds, "#/definitions/base"));
    if let Some(Json::Object(words)) = schema.get_mut("properties") {
        words.insert("base".into(), json!({ "title": "base", "type": "string", "description": BASE }));
    }
    schema
}

/// The kinds, and what is right for each of them.
struct KindChoice {
    names: Vec<String>,
    descriptions: Vec<String>,
    branches: Vec<Json>,
}

fn choose_kinds(kinds: &[Arc<Kind>], part: &str) -> KindChoice {
    let branch = |kind: &Arc<Kind>| {
        json!({
            "if": { "properties": { "kind": { "const": &*kind.name } }, "required": ["kind"] },
            "then": { "$ref": format!("{}.json{part}", kind.name) },
        })
    };
    KindChoice {
        names: kinds.iter().map(|kind| kind.name.to_string()).collect(),
        descriptions: kinds.iter().map(|kind| kind.description.clone()).collect(),
        branches: kinds.iter().map(branch).collect(),
    }
}

fn build_choice(title: &str, description: &str, choice: KindChoice) -> Schema {
    Schema::from(as_map(json!({
        "$schema": DRAFT_URI,
        "title": title,
        "description": description,
        "type": "object",
        "required": ["kind"],
        "properties": {
            "kind": {
                "title": "kind",
                "description": "Which sort of object this is.",
                "enum": choice.names,
                "markdownEnumDescriptions": choice.descriptions,
            },
        },
        "allOf": choice.branches,
    })))
}
