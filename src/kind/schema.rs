//! JSON Schemas, so that an editor completes, explains and checks what people type.
//!
//! Draft-07, which the YAML language server serves best. One schema a kind, two that choose among them by
//! `kind` (documents and bases), one of values, and those of the formats themselves (settings, kind files, API files, report), made from their types.
//! The editor's own words (`markdownDescription`, `defaultSnippets`, `errorMessage`, …) stand beside the
//! standard ones; other programs skip them.
//! Deliberately absent: what no schema can say (unique names, resolved references); `validate` says that.

mod document;
mod envelope;
mod format;
mod identity;
mod names;
mod scalar;
mod spec;
mod values;

use std::sync::Arc;

pub use document::{build_any_base_schema, build_any_document_schema};
pub use envelope::build_document_schema;
pub use format::{generate_input_schema, generate_output_schema, generate_schema_with_definitions};
pub use names::{NamedTarget, NamedValue, WorkspaceNames};
use schemars::Schema;
use serde_json::{Map, Value as Json, json};
pub use values::build_values_schema;

use super::Kind;
use super::explain::ExplanationFact;
use super::file::{ApiFile, KindFile};
use super::registry::KindRegistry;

/// The draft that every schema here is written in.
const DRAFT_URI: &str = "http://json-schema.org/draft-07/schema#";

/// Every schema file: its path below `schemas/` and its text, ordered by path. `extra` are the schemas of
/// formats that higher rooms own, by file name.
pub fn generate_schemas(
    registry: &KindRegistry,
    names: &WorkspaceNames,
    extra: Vec<(&str, Schema)>,
) -> Vec<(String, String)> {
    let kinds: Vec<Arc<Kind>> =
        registry.kind_names().iter().filter_map(|name| registry.find_kind(name)).collect();
    let mut files: Vec<(String, String)> = kinds
        .iter()
        .map(|kind| (format!("{}.json", kind.name), print_schema(&build_document_schema(kind, names))))
        .collect();
    files.push(("document.json".into(), print_schema(&build_any_document_schema(&kinds))));
    files.push(("base.json".into(), print_schema(&build_any_base_schema(&kinds))));
    files.push(("values.json".into(), print_schema(&build_values_schema(names))));
    files.push(("api.json".into(), print_schema(&generate_input_schema::<ApiFile>())));
    files.push(("kind.json".into(), print_schema(&generate_input_schema::<KindFile>())));
    files.extend(extra.into_iter().map(|(path, schema)| (path.to_owned(), print_schema(&schema))));
    files.sort();
    files
}

fn print_schema(schema: &Schema) -> String {
    format!("{:#}\n", schema.as_value())
}

/// A mapping with exactly these keys, and `<<`.
fn build_mapping(properties: serde_json::Map<String, Json>) -> serde_json::Map<String, Json> {
    let mut schema = serde_json::Map::new();
    schema.insert("type".into(), "object".into());
    schema.insert("properties".into(), properties.into());
    close_mapping(&mut schema);
    schema
}

/// No other keys than the named ones. A merge key is a key too, to everybody but the YAML language server; a
/// pattern rather than a property, so that no editor offers it in every mapping.
fn close_mapping(schema: &mut serde_json::Map<String, Json>) {
    schema.insert("patternProperties".into(), json!({ "^<<$": {} }));
    schema.insert("additionalProperties".into(), false.into());
}

/// `text` for readers without Markdown: code marks taken out.
fn strip_code_marks(text: &str) -> String {
    text.replace('`', "")
}

/// Title and description, for hover and completion.
fn set_title_and_description(
    schema: &mut Map<String, Json>,
    title: &str,
    is: &str,
    facts: &[ExplanationFact],
) {
    schema.insert("title".into(), title.into());
    set_description(schema, is, facts);
}

fn set_description(schema: &mut Map<String, Json>, is: &str, facts: &[ExplanationFact]) {
    let mut markdown = is.to_owned();
    for fact in facts {
        markdown.push_str(if markdown.contains("\n\n") { "\n" } else { "\n\n" });
        markdown.push_str(&format!("- {}", fact.text));
    }
    schema.insert("description".into(), strip_code_marks(is).into());
    schema.insert("markdownDescription".into(), markdown.into());
}
