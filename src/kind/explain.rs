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

use serde_json::Value as Json;

pub use example::{example, sample, variable};
pub use facts::{facts, joined};

use super::registry::Registry;
use super::{Clear, Field, Item, Kind, Leaf, ListType, MapType, Scope, Shape, Type};
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::value::Mark;

/// How deep and how long a path may be; kinds are far flatter.
const MAX_STEPS: usize = 64;

/// All there is to say about one topic.
pub struct Explanation {
    pub kind: Arc<str>,
    /// Dotted names below `spec`; empty for the kind itself.
    pub path: String,
    /// `decimal`, `list of objects`, …
    pub ty: String,
    /// What it means.
    pub is: String,
    pub facts: Vec<Fact>,
    /// What a document or its target says about where the object lives.
    pub scope: Vec<Entry>,
    /// Allowed values, or known keys, each with its meaning.
    pub choices: Vec<Choices>,
    /// What stands inside.
    pub fields: Vec<Entry>,
    pub example: Option<Json>,
    pub source: Option<String>,
}

/// One thing to know.
pub struct Fact {
    /// One word.
    pub about: &'static str,
    /// Without a period at the end; code between backticks.
    pub text: String,
}

/// Values or keys that are known.
pub struct Choices {
    /// `one of`, `one of, or another` or `known keys`.
    pub title: &'static str,
    pub words: Vec<(Arc<str>, String)>,
}

/// A field in the list of what stands inside.
pub struct Entry {
    pub name: Arc<str>,
    pub ty: String,
    /// The shortest words about who may write it, and its mark.
    pub flags: Vec<&'static str>,
    pub is: String,
}

/// What a path leads to.
enum Found<'k> {
    Kind,
    Field(&'k Field),
    /// An entry of a map: its key and what the kind says of it.
    Key(&'k MapType, Mark, String),
}

/// Explains `api/kind` or `api/kind.path.to.field`.
///
/// # Errors
/// When there is no such kind or field; the hint names the nearest.
pub fn topic(registry: &Registry, topic: &str) -> Result<Explanation, Diagnostic> {
    let topic = topic.trim();
    // API names have no dots, so the first dot behind the slash ends the kind's name
    let slash = topic.find('/').unwrap_or(0);
    let dot = topic[slash..].find('.').map_or(topic.len(), |at| slash + at);
    let (name, path) = (&topic[..dot], topic[dot..].trim_start_matches('.'));
    let kind = registry.kind(name).ok_or_else(|| unknown_kind(registry, name))?;
    explain(&kind, path)
}

/// One line for each kind: its name and meaning.
pub fn list(registry: &Registry) -> String {
    let kinds: Vec<_> = registry.kinds().iter().filter_map(|name| registry.kind(name)).collect();
    let width = kinds.iter().map(|kind| kind.name.len()).max().unwrap_or(0);
    kinds.iter().fold(String::new(), |mut text, kind| {
        let _ = writeln!(text, "{:width$}  {}", kind.name, kind.is);
        text
    })
}

/// Explains a kind (`path` empty) or one of its fields.
///
/// # Errors
/// When the path leads nowhere; the hint names the nearest.
pub fn explain(kind: &Kind, path: &str) -> Result<Explanation, Diagnostic> {
    let names = steps(kind, path);
    Ok(match walk(kind, &names)? {
        Found::Kind => whole(kind),
        Found::Field(field) => one(kind, field, names.join(".")),
        Found::Key(map, mark, is) => entry(kind, map, mark, is, names.join(".")),
    })
}

/// The steps of a path: `spec.` before it, `[]` and `[0]` behind a name are as good as nothing.
fn steps<'p>(kind: &Kind, path: &'p str) -> Vec<&'p str> {
    let bare = |step: &'p str| step.split('[').next().unwrap_or(step);
    let mut names: Vec<_> =
        path.split('.').map(bare).filter(|step| !step.is_empty()).take(MAX_STEPS).collect();
    if names.first() == Some(&"spec") && kind.shape.named("spec").is_none() {
        names.remove(0);
    }
    names
}

fn walk<'k>(kind: &'k Kind, names: &[&str]) -> Result<Found<'k>, Diagnostic> {
    let mut found = Found::Kind;
    for (at, name) in names.iter().enumerate() {
        let so_far = names[..at].join(".");
        found = match inside(kind, &found) {
            Inside::Shape(shape) => match shape.named(name) {
                Some(field) => Found::Field(field),
                None => return Err(unknown_field(kind, &so_far, name, shape)),
            },
            Inside::Map(map, field) => Found::Key(map, field.mark, key_meaning(map, name, field)),
            Inside::Nothing => return Err(nothing_inside(kind, &so_far, name)),
        };
    }
    Ok(found)
}

/// What can be named inside of what was found.
enum Inside<'k> {
    Shape(&'k Shape),
    Map(&'k MapType, &'k Field),
    Nothing,
}

fn inside<'k>(kind: &'k Kind, found: &Found<'k>) -> Inside<'k> {
    match found {
        Found::Kind => Inside::Shape(&kind.shape),
        Found::Key(..) => Inside::Nothing,
        Found::Field(field) => match &field.ty {
            Type::Object(shape) | Type::List(ListType { item: Item::Object(shape), .. }) => {
                Inside::Shape(shape)
            }
            Type::Map(map) => Inside::Map(map, field),
            Type::Leaf(_) | Type::List(_) => Inside::Nothing,
        },
    }
}

fn key_meaning(map: &MapType, name: &str, field: &Field) -> String {
    let known = map.keys.iter().find(|(key, _)| &**key == name);
    known.map_or_else(|| format!("An entry of `{}`: {}", field.name, field.is), |(_, is)| is.clone())
}

fn unknown_kind(registry: &Registry, name: &str) -> Diagnostic {
    let known = registry.kinds().iter().map(String::as_str);
    let hint = did_you_mean(name, known).unwrap_or_else(|| "`trueup explain` lists all kinds".into());
    Diagnostic::error("unknown-kind", format!("there is no kind `{name}`")).hint(hint)
}

fn unknown_field(kind: &Kind, so_far: &str, name: &str, shape: &Shape) -> Diagnostic {
    let owner = dotted(&kind.name, so_far);
    let known = shape.fields.iter().map(|field| &*field.name);
    let hint = did_you_mean(name, known).unwrap_or_else(|| format!("`trueup explain {owner}` lists all"));
    Diagnostic::error("unknown-field", format!("`{owner}` has no field `{name}`")).hint(hint)
}

fn nothing_inside(kind: &Kind, so_far: &str, name: &str) -> Diagnostic {
    let owner = dotted(&kind.name, so_far);
    Diagnostic::error("unknown-field", format!("`{owner}` has no fields, so there is no `{name}` in it"))
        .hint(format!("`trueup explain {owner}` says what it is"))
}

fn dotted(kind: &str, path: &str) -> String {
    if path.is_empty() { kind.to_owned() } else { format!("{kind}.{path}") }
}

fn whole(kind: &Kind) -> Explanation {
    Explanation {
        kind: Arc::clone(&kind.name),
        path: String::new(),
        ty: "object".into(),
        is: kind.is.clone(),
        facts: facts::of_kind(kind),
        scope: kind.scope.iter().map(scope_entry).collect(),
        choices: Vec::new(),
        fields: entries(&kind.shape),
        example: Some(sample(kind)),
        source: kind.source.clone(),
    }
}

fn one(kind: &Kind, field: &Field, path: String) -> Explanation {
    let inner = match &field.ty {
        Type::Object(shape) | Type::List(ListType { item: Item::Object(shape), .. }) => entries(shape),
        _ => Vec::new(),
    };
    Explanation {
        kind: Arc::clone(&kind.name),
        path,
        ty: type_text(&field.ty),
        is: field.is.clone(),
        facts: facts(kind, field),
        scope: Vec::new(),
        choices: choices(&field.ty),
        fields: inner,
        example: example(field),
        source: field.source.clone().or_else(|| kind.source.clone()),
    }
}

fn entry(kind: &Kind, map: &MapType, mark: Mark, is: String, path: String) -> Explanation {
    Explanation {
        kind: Arc::clone(&kind.name),
        path,
        ty: map.value.word().into(),
        is,
        facts: facts::mark_fact(mark).into_iter().collect(),
        scope: Vec::new(),
        choices: leaf_choices(&map.value),
        fields: Vec::new(),
        example: None,
        source: kind.source.clone(),
    }
}

fn entries(shape: &Shape) -> Vec<Entry> {
    let entry = |field: &Field| Entry {
        name: Arc::clone(&field.name),
        ty: type_text(&field.ty),
        flags: flags(field),
        is: field.is.clone(),
    };
    shape.fields.iter().map(entry).collect()
}

fn scope_entry(scope: &Scope) -> Entry {
    Entry {
        name: Arc::clone(&scope.name),
        ty: scope.ty.word().into(),
        flags: vec!["required"],
        is: scope.is.clone(),
    }
}

/// Whether no document can set the field.
pub fn is_set_by_service(field: &Field) -> bool {
    field.copy_of.is_some() || (field.access.computed && !field.access.names_it)
}

/// Whether a document may ask to clear the field.
pub fn can_be_cleared(field: &Field) -> bool {
    !field.access.required && field.clear != Clear::Never
}

/// The words behind a field in a list of fields.
pub fn flags(field: &Field) -> Vec<&'static str> {
    let rights = field.access;
    let words = [
        (rights.required, "required"),
        (rights.computed, "computed"),
        (rights.create_only, "create only"),
        (rights.update_only, "update only"),
        (rights.write_only, "write only"),
        (field.mark != Mark::Open, field.mark.word()),
    ];
    words.iter().filter(|(holds, _)| *holds).map(|(_, word)| *word).collect()
}

/// What a value is, in a few words: `decimal`, `list of objects`, `map of text`.
pub fn type_text(ty: &Type) -> String {
    match ty {
        Type::Leaf(leaf) => leaf.word().into(),
        Type::Object(_) => "object".into(),
        Type::Map(map) => format!("map of {}", several(&map.value)),
        Type::List(ListType { item: Item::Object(_), .. }) => "list of objects".into(),
        Type::List(ListType { item: Item::Leaf(leaf), .. }) => format!("list of {}", several(leaf)),
    }
}

fn several(leaf: &Leaf) -> &'static str {
    match leaf {
        Leaf::Text { .. } => "texts",
        Leaf::Whole(_) => "whole numbers",
        Leaf::Decimal(_) => "decimals",
        Leaf::Flag => "flags",
        Leaf::Guid => "guids",
        Leaf::Date => "dates",
        Leaf::Time => "times",
        Leaf::Choice { .. } => "choices",
        Leaf::Any => "anything",
    }
}

fn choices(ty: &Type) -> Vec<Choices> {
    match ty {
        Type::Leaf(leaf) | Type::List(ListType { item: Item::Leaf(leaf), .. }) => leaf_choices(leaf),
        Type::Map(map) => {
            let keys = (!map.keys.is_empty())
                .then(|| Choices { title: "known keys", words: map.keys.clone() })
                .into_iter();
            keys.chain(leaf_choices(&map.value)).collect()
        }
        Type::Object(_) | Type::List(_) => Vec::new(),
    }
}

fn leaf_choices(leaf: &Leaf) -> Vec<Choices> {
    let Leaf::Choice { choices, open } = leaf else { return Vec::new() };
    let title = if *open { "one of these, or another" } else { "one of" };
    vec![Choices { title, words: choices.clone() }]
}
