//! JSON Schemas, so that an editor completes, explains and checks what people type.
//!
//! Draft-07, which the YAML language server serves best. One schema a kind, one that chooses among them by
//! `kind`, and those of the formats themselves (settings, kind files, API files, report), made from their types.
//! The editor's own words (`markdownDescription`, `defaultSnippets`, `errorMessage`, …) stand beside the
//! standard ones; other programs skip them.
//! Deliberately absent: what no schema can say (unique names, resolved references); `validate` says that.

mod document;
mod format;
mod leaf;

use std::sync::Arc;

use schemars::Schema;
use serde_json::{Value as Json, json};

pub use document::{choosing, document};
pub use format::{in_parts, printed, typed};

use super::Kind;
use super::file::{ApiFile, KindFile};
use super::registry::Registry;

/// The draft that every schema here is written in.
const DRAFT: &str = "http://json-schema.org/draft-07/schema#";

/// Every schema file: its path below `schemas/` and its text, ordered by path. `extra` are the schemas of
/// formats that higher rooms own, by file name.
pub fn all(registry: &Registry, extra: Vec<(&str, Schema)>) -> Vec<(String, String)> {
    let kinds: Vec<Arc<Kind>> = registry.kinds().iter().filter_map(|name| registry.kind(name)).collect();
    let mut files: Vec<(String, String)> =
        kinds.iter().map(|kind| (format!("{}.json", kind.name), print(&document(kind)))).collect();
    files.push(("document.json".into(), print(&choosing(&kinds))));
    files.push(("api.json".into(), print(&typed::<ApiFile>())));
    files.push(("kind.json".into(), print(&typed::<KindFile>())));
    files.extend(extra.into_iter().map(|(path, schema)| (path.to_owned(), print(&schema))));
    files.sort();
    files
}

fn print(schema: &Schema) -> String {
    format!("{:#}\n", schema.as_value())
}

/// A mapping with exactly these keys, and `<<`.
fn mapping(properties: serde_json::Map<String, Json>) -> serde_json::Map<String, Json> {
    let mut schema = serde_json::Map::new();
    schema.insert("type".into(), "object".into());
    schema.insert("properties".into(), properties.into());
    close(&mut schema);
    schema
}

/// No other keys than the named ones. A merge key is a key too, to everybody but the YAML language server; a
/// pattern rather than a property, so that no editor offers it in every mapping.
fn close(schema: &mut serde_json::Map<String, Json>) {
    schema.insert("patternProperties".into(), json!({ "^<<$": {} }));
    schema.insert("additionalProperties".into(), false.into());
}

/// `text` for readers without Markdown: code marks taken out.
fn plain(text: &str) -> String {
    text.replace('`', "")
}
