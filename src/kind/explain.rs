//! What can be said about a kind or one of its fields, in words: `trueup explain`, the hover of an editor and
//! the reference pages all show what is put together here.
//!
//! A topic is a kind and a dotted path through objects, lists and maps (`api/kind.list.field`).
//! Deliberately absent: colours, files and terminals; and anything that is not in the kind itself.

mod example;
mod facts;
mod text;

use std::fmt::Write as _;
use std::sync::Arc;

pub use example::{build_document_example, build_example, suggest_variable};
pub use facts::{ExplanationFact, can_be_cleared, collect_field_facts, is_set_by_service, join_as_code};
use serde_json::Value as Json;
pub use text::write_section;

use super::registry::KindRegistry;
use super::{ArrayType, Field, FieldType, ItemType, Kind, MapType, ScalarType, ScopeParameter, Shape};
use crate::diagnostic::{Diagnostic, suggest_word};
use crate::value::Sensitivity;

/// How deep and how long a path may be; kinds are far flatter.
const MAX_STEPS: usize = 64;

/// All there is to say about one topic.
pub struct TopicExplanation {
    pub kind: Arc<str>,
    /// Dotted names below `spec`; empty for the kind itself.
    pub path: String,
    /// `decimal`, `list of objects`, …
    pub ty: String,
    /// What it means.
    pub description: String,
    pub facts: Vec<ExplanationFact>,
    /// What a document or its target says about where the object lives.
    pub scope: Vec<FieldSummary>,
    /// Allowed values, or known keys, each with its meaning.
    pub known_values: Vec<KnownValues>,
    /// What stands inside.
    pub fields: Vec<FieldSummary>,
    pub example: Option<Json>,
    pub source: Option<String>,
}

/// Values or keys that are known.
pub struct KnownValues {
    /// `one of`, `one of, or another` or `known keys`.
    pub title: &'static str,
    pub values: Vec<(Arc<str>, String)>,
}

/// A field in the list of what stands inside.
pub struct FieldSummary {
    pub name: Arc<str>,
    pub ty: String,
    /// The shortest words about who may write it, and its mark.
    pub flags: Vec<&'static str>,
    pub description: String,
}

/// What a path leads to.
enum TopicNode<'k> {
    Kind,
    Field(&'k Field),
    /// An entry of a map: its key and what the kind says of it.
    Key(&'k MapType, Sensitivity, String),
}

/// Explains `api/kind` or `api/kind.path.to.field`.
///
/// # Errors
/// When there is no such kind or field; the hint names the nearest.
pub fn explain_topic(registry: &KindRegistry, topic: &str) -> Result<TopicExplanation, Diagnostic> {
    let topic = topic.trim();
    // API names have no dots, so the first dot behind the slash ends the kind's name
    let slash = topic.find('/').unwrap_or(0);
    let dot = topic[slash..].find('.').map_or(topic.len(), |at| slash + at);
    let (name, path) = (&topic[..dot], topic[dot..].trim_start_matches('.'));
    let kind = registry.find_kind(name).ok_or_else(|| build_unknown_kind_error(registry, name))?;
    explain_path(&kind, path)
}

/// One line for each kind: its name and meaning.
pub fn render_kind_list(registry: &KindRegistry) -> String {
    let kinds: Vec<_> = registry.kind_names().iter().filter_map(|name| registry.find_kind(name)).collect();
    let width = kinds.iter().map(|kind| kind.name.len()).max().unwrap_or(0);
    kinds.iter().fold(String::new(), |mut text, kind| {
        let _ = writeln!(text, "{:width$}  {}", kind.name, kind.description);
        text
    })
}

/// Explains a kind (`path` empty) or one of its fields.
///
/// # Errors
/// When the path leads nowhere; the hint names the nearest.
pub fn explain_path(kind: &Kind, path: &str) -> Result<TopicExplanation, Diagnostic> {
    let names = split_path(kind, path);
    Ok(match resolve_path(kind, &names)? {
        TopicNode::Kind => explain_kind(kind),
        TopicNode::Field(field) => explain_field(kind, field, names.join(".")),
        TopicNode::Key(map, mark, is) => explain_map_entry(kind, map, mark, is, names.join(".")),
    })
}

/// The steps of a path: `spec.` before it, `[]` and `[0]` behind a name are as good as nothing.
fn split_path<'p>(kind: &Kind, path: &'p str) -> Vec<&'p str> {
    let bare = |step: &'p str| step.split('[').next().unwrap_or(step);
    let mut names: Vec<_> =
        path.split('.').map(bare).filter(|step| !step.is_empty()).take(MAX_STEPS).collect();
    if names.first() == Some(&"spec") && kind.shape.find_field("spec").is_none() {
        names.remove(0);
    }
    names
}

fn resolve_path<'k>(kind: &'k Kind, names: &[&str]) -> Result<TopicNode<'k>, Diagnostic> {
    let mut found = TopicNode::Kind;
    for (at, name) in names.iter().enumerate() {
        let so_far = names[..at].join(".");
        found = match find_children(kind, &found) {
            TopicChildren::Shape(shape) => match shape.find_field(name) {
                Some(field) => TopicNode::Field(field),
                None => return Err(build_unknown_field_error(kind, &so_far, name, shape)),
            },
            TopicChildren::Map(map, field) => {
                TopicNode::Key(map, field.sensitivity, describe_key(map, name, field))
            }
            TopicChildren::Nothing => return Err(build_no_fields_error(kind, &so_far, name)),
        };
    }
    Ok(found)
}

/// What can be named inside of what was found.
enum TopicChildren<'k> {
    Shape(&'k Shape),
    Map(&'k MapType, &'k Field),
    Nothing,
}

fn find_children<'k>(kind: &'k Kind, found: &TopicNode<'k>) -> TopicChildren<'k> {
    match found {
        TopicNode::Kind => TopicChildren::Shape(&kind.shape),
        TopicNode::Key(..) => TopicChildren::Nothing,
        TopicNode::Field(field) => match &field.ty {
            FieldType::Object(shape) | FieldType::Array(ArrayType { item: ItemType::Object(shape), .. }) => {
                TopicChildren::Shape(shape)
            }
            FieldType::Map(map) => TopicChildren::Map(map, field),
            FieldType::Scalar(_) | FieldType::Array(_) => TopicChildren::Nothing,
        },
    }
}

fn describe_key(map: &MapType, name: &str, field: &Field) -> String {
    let known = map.keys.iter().find(|(key, _)| &**key == name);
    known.map_or_else(|| format!("An entry of `{}`: {}", field.name, field.description), |(_, is)| is.clone())
}

fn build_unknown_kind_error(registry: &KindRegistry, name: &str) -> Diagnostic {
    let known = registry.kind_names().iter().map(String::as_str);
    let hint = suggest_word(name, known).unwrap_or_else(|| "`trueup explain` lists all kinds".into());
    Diagnostic::error("unknown-kind", format!("there is no kind `{name}`")).with_hint(hint)
}

fn build_unknown_field_error(kind: &Kind, so_far: &str, name: &str, shape: &Shape) -> Diagnostic {
    let owner = join_path(&kind.name, so_far);
    let known = shape.fields.iter().map(|field| &*field.name);
    let hint = suggest_word(name, known).unwrap_or_else(|| format!("`trueup explain {owner}` lists all"));
    Diagnostic::error("unknown-field", format!("`{owner}` has no field `{name}`")).with_hint(hint)
}

fn build_no_fields_error(kind: &Kind, so_far: &str, name: &str) -> Diagnostic {
    let owner = join_path(&kind.name, so_far);
    Diagnostic::error("unknown-field", format!("`{owner}` has no fields, so there is no `{name}` in it"))
        .with_hint(format!("`trueup explain {owner}` says what it is"))
}

fn join_path(kind: &str, path: &str) -> String {
    if path.is_empty() { kind.to_owned() } else { format!("{kind}.{path}") }
}

fn explain_kind(kind: &Kind) -> TopicExplanation {
    TopicExplanation {
        kind: Arc::clone(&kind.name),
        path: String::new(),
        ty: "object".into(),
        description: kind.description.clone(),
        facts: facts::collect_kind_facts(kind),
        scope: kind.scope.iter().map(summarize_scope_parameter).collect(),
        known_values: Vec::new(),
        fields: summarize_fields(&kind.shape),
        example: Some(build_document_example(kind)),
        source: kind.source.clone(),
    }
}

fn explain_field(kind: &Kind, field: &Field, path: String) -> TopicExplanation {
    let inner = match &field.ty {
        FieldType::Object(shape) | FieldType::Array(ArrayType { item: ItemType::Object(shape), .. }) => {
            summarize_fields(shape)
        }
        _ => Vec::new(),
    };
    TopicExplanation {
        kind: Arc::clone(&kind.name),
        path,
        ty: render_type(&field.ty),
        description: field.description.clone(),
        facts: collect_field_facts(kind, field),
        scope: Vec::new(),
        known_values: list_known_values(&field.ty),
        fields: inner,
        example: build_example(field),
        source: field.source.clone().or_else(|| kind.source.clone()),
    }
}

fn explain_map_entry(
    kind: &Kind,
    map: &MapType,
    mark: Sensitivity,
    is: String,
    path: String,
) -> TopicExplanation {
    TopicExplanation {
        kind: Arc::clone(&kind.name),
        path,
        ty: map.value.type_name().into(),
        description: is,
        facts: facts::describe_sensitivity(mark).into_iter().collect(),
        scope: Vec::new(),
        known_values: list_enum_values(&map.value),
        fields: Vec::new(),
        example: None,
        source: kind.source.clone(),
    }
}

fn summarize_fields(shape: &Shape) -> Vec<FieldSummary> {
    let entry = |field: &Field| FieldSummary {
        name: Arc::clone(&field.name),
        ty: render_type(&field.ty),
        flags: list_flags(field),
        description: field.description.clone(),
    };
    let is_shown = |field: &&Field| !field.is_composed() || field.is_member_name();
    shape.fields.iter().filter(is_shown).map(entry).collect()
}

fn summarize_scope_parameter(scope: &ScopeParameter) -> FieldSummary {
    FieldSummary {
        name: Arc::clone(&scope.name),
        ty: scope.ty.type_name().into(),
        flags: vec!["required"],
        description: match scope.parent_kind() {
            Some(kind) => format!("{} The id of a `{kind}`, or `{{ ref: NAME }}`.", scope.description),
            None => scope.description.clone(),
        },
    }
}

/// The words behind a field in a list of fields.
pub fn list_flags(field: &Field) -> Vec<&'static str> {
    let rights = field.behavior;
    let words = [
        (rights.required, "required"),
        (rights.read_only, "read only"),
        (rights.immutable, "immutable"),
        (rights.update_only, "update only"),
        (rights.write_only, "write only"),
        (field.sensitivity != Sensitivity::Public, field.sensitivity.as_str()),
    ];
    words.iter().filter(|(holds, _)| *holds).map(|(_, word)| *word).collect()
}

/// What a value is, in a few words: `decimal`, `array of objects`, `map of strings`.
pub fn render_type(ty: &FieldType) -> String {
    match ty {
        FieldType::Scalar(scalar) => scalar.type_name().into(),
        FieldType::Object(_) => "object".into(),
        FieldType::Map(map) => format!("map of {}", render_plural_type(&map.value)),
        FieldType::Array(ArrayType { item: ItemType::Object(_), .. }) => "array of objects".into(),
        FieldType::Array(ArrayType { item: ItemType::Scalar(scalar), .. }) => {
            format!("array of {}", render_plural_type(scalar))
        }
    }
}

fn render_plural_type(scalar: &ScalarType) -> &'static str {
    match scalar {
        ScalarType::String { .. } => "strings",
        ScalarType::Integer(_) => "integers",
        ScalarType::Decimal(_) => "decimals",
        ScalarType::Boolean => "booleans",
        ScalarType::Uuid => "uuids",
        ScalarType::Date => "dates",
        ScalarType::DateTime | ScalarType::UnixTime(_) => "datetimes",
        ScalarType::Enum { .. } => "strings",
        ScalarType::Any => "anything",
    }
}

fn list_known_values(ty: &FieldType) -> Vec<KnownValues> {
    match ty {
        FieldType::Scalar(scalar) | FieldType::Array(ArrayType { item: ItemType::Scalar(scalar), .. }) => {
            list_enum_values(scalar)
        }
        FieldType::Map(map) => {
            let keys = (!map.keys.is_empty())
                .then(|| KnownValues { title: "known keys", values: map.keys.clone() })
                .into_iter();
            keys.chain(list_enum_values(&map.value)).collect()
        }
        FieldType::Object(_) | FieldType::Array(_) => Vec::new(),
    }
}

fn list_enum_values(scalar: &ScalarType) -> Vec<KnownValues> {
    let ScalarType::Enum { values: choices, open } = scalar else { return Vec::new() };
    let title = if *open { "one of these, or another" } else { "one of" };
    vec![KnownValues { title, values: choices.clone() }]
}
