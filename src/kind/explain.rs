//! What can be said about a kind or one of its fields, in words: `trueup explain`, the hover of an editor and
//! the reference pages all show what is put together here.
//!
//! A topic is a kind and a dotted path through objects, lists and maps (`api/kind.list.field`).
//! Deliberately absent: colours, files and terminals; and anything that is not in the kind itself.

mod text;

use std::fmt::Write as _;
use std::sync::Arc;

use serde_json::Value as Json;

use super::registry::Registry;
use super::{
    Absent, Among, Clear, Compare, Copy, Field, Item, ItemsSent, Kind, Leaf, ListType, Maker, MapType,
    ReadOne, Refers, Scope, Sends, Shape, ToldApart, Travels, Type, Write,
};
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
        facts: kind_facts(kind),
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
        facts: mark_fact(mark).into_iter().collect(),
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

/// A value as it could stand in a document: the field's own, or one put together from what is inside.
pub fn example(field: &Field) -> Option<Json> {
    if field.mark == Mark::Secret {
        return Some(serde_json::json!({ "from_env": variable(&field.name) }));
    }
    field.example.clone().or_else(|| match &field.ty {
        Type::Object(shape) => of_shape(shape),
        Type::List(ListType { item: Item::Object(shape), .. }) => {
            of_shape(shape).map(|item| Json::Array(vec![item]))
        }
        _ => None,
    })
}

/// The environment variable that a field could come from: `merchantKey` is `MERCHANT_KEY`.
pub fn variable(name: &str) -> String {
    let mut variable = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !variable.is_empty() {
            variable.push('_');
        }
        variable.push(if letter.is_ascii_alphanumeric() { letter.to_ascii_uppercase() } else { '_' });
    }
    variable
}

/// The writable fields of a shape that have an example.
fn of_shape(shape: &Shape) -> Option<Json> {
    let writable = shape.fields.iter().filter(|field| !field.access.computed && field.copy_of.is_none());
    let members: serde_json::Map<_, _> =
        writable.filter_map(|field| Some((field.name.to_string(), example(field)?))).collect();
    (!members.is_empty()).then_some(Json::Object(members))
}

/// A document of the kind, from its examples.
pub fn sample(kind: &Kind) -> Json {
    let short = kind.name.rsplit('/').next().unwrap_or("object");
    let mut document = serde_json::Map::new();
    document.insert("kind".into(), (*kind.name).into());
    document.insert("name".into(), format!("my-{short}").into());
    let scope: serde_json::Map<_, _> = kind
        .scope
        .iter()
        .filter_map(|scope| Some((scope.name.to_string(), scope.example.clone()?)))
        .collect();
    if !scope.is_empty() {
        document.insert("scope".into(), scope.into());
    }
    document.insert("spec".into(), of_shape(&kind.shape).unwrap_or_else(|| serde_json::json!({})));
    document.into()
}

/// What is to be known of a field beside its type and meaning, most important first.
pub fn facts(kind: &Kind, field: &Field) -> Vec<Fact> {
    let mut facts = vec![Fact { about: "write", text: write_text(kind, field) }];
    facts.extend(mark_fact(field.mark));
    match &field.ty {
        Type::List(list) => facts.extend(list_facts(list)),
        Type::Map(map) => facts.push(Fact { about: "listed", text: listed_text("map", map.complete) }),
        Type::Leaf(Leaf::Text { max: Some(max) }) => {
            facts.push(Fact { about: "length", text: format!("at most {max} characters") });
        }
        _ => {}
    }
    facts.extend(clear_fact(field));
    facts.extend(absent_fact(field));
    facts.extend(compare_fact(field));
    facts.extend(field.refers_to.as_ref().map(|refers| refers_fact(kind, refers)));
    facts.extend(care_facts(field));
    facts.extend(wire_fact(field));
    facts
}

fn refers_fact(kind: &Kind, refers: &Refers) -> Fact {
    let text = match &refers.among {
        Some(Among::Kind(name)) => format!("the id of another object, a `{name}`"),
        Some(Among::Field(number)) => {
            format!("the id of an item of `{}` of the same object", kind.shape.field(*number).name)
        }
        Some(Among::List(list)) => format!("the `{}` of a thing of `GET {}`", refers.id, list.get),
        Some(Among::UrlIn(_)) | None => format!("the `{}` of something else", refers.id),
    };
    Fact { about: "refers", text }
}

/// What needs more care than the type tells.
fn care_facts(field: &Field) -> Vec<Fact> {
    let mut facts = Vec::new();
    let mut fact = |about, text: &str| facts.push(Fact { about, text: text.into() });
    if field.bounded_by.is_some() {
        fact("bounds", "the thing referred to says how long it may be, and which values it may have");
    }
    if field.protection.is_some() {
        fact("protects", "decides how well the data of the object are protected; lowering it needs a flag");
    }
    if field.never_imported {
        fact("import", "an import leaves it out");
    }
    facts
}

fn write_text(kind: &Kind, field: &Field) -> String {
    let rights = field.access;
    if let Some(copy) = &field.copy_of {
        let from = match copy {
            Copy::Field(number) => &kind.shape.field(*number).name,
            Copy::Scope(name) => name,
        };
        return format!("filled in by trueup, a copy of `{from}`; a document can't set it");
    }
    if rights.computed {
        let text = match rights.names_it {
            true => "set by the service; a document may name it, to say which one is meant",
            false => "set by the service; a document can't set it",
        };
        return text.into();
    }
    let mut text = String::from(match (rights.required, rights.create_only, rights.update_only) {
        (true, true, _) => "required on create, and never changed later",
        (true, _, _) => "required on create",
        (_, true, _) => "optional on create, and never changed later",
        (_, _, true) => "optional; a create can't set it, the update that follows does",
        _ => "optional",
    });
    if rights.write_only {
        text.push_str("; never reads back, so nobody can see whether it differs");
    }
    text
}

fn mark_fact(mark: Mark) -> Option<Fact> {
    let text = match mark {
        Mark::Open => return None,
        Mark::Sensitive => "sensitive, it may carry credentials: shown only as changed",
        Mark::Personal => "personal, it is about a person: masked wherever values are shown",
        Mark::Secret => {
            "secret, never written in plain text: write where it comes from, `{ from_env: NAME }`, \
             `{ from_file: PATH }` or `{ from_command: [PROGRAM, ARGUMENT] }`"
        }
    };
    Some(Fact { about: "mark", text: text.into() })
}

fn list_facts(list: &ListType) -> Vec<Fact> {
    let apart = match (&list.told_apart, &list.item) {
        (ToldApart::Order, _) => "told apart by where they stand".into(),
        (ToldApart::Set, _) => "told apart by what they are; their order means nothing".into(),
        (ToldApart::Keys(keys), Item::Object(shape)) => keys_text(keys, shape),
        (ToldApart::Keys(_), Item::Leaf(_)) => "told apart by what they are".into(),
    };
    let mut facts = vec![
        Fact { about: "items", text: apart },
        Fact { about: "listed", text: listed_text("list", list.complete) },
    ];
    if list.order_told {
        facts.push(Fact { about: "order", text: "another order is told, not changed".into() });
    }
    if list.items_sent == ItemsSent::Changed {
        facts.push(Fact {
            about: "sent",
            text: "an update holds only the items that are new or differ".into(),
        });
    }
    let removals = list.removals.as_ref();
    facts.extend(removals.map(|removals| Fact {
        about: "removal",
        text: format!("an item is removed by `{}` in the same update", removals.through),
    }));
    facts
}

fn keys_text(keys: &[Vec<u16>], shape: &Shape) -> String {
    let names = |key: &Vec<u16>| joined(key.iter().map(|number| &*shape.field(*number).name));
    let all: Vec<_> = keys.iter().map(names).collect();
    format!("told apart by {}", all.join(", or where that is not unique by "))
}

/// `a`, `b` and `c`, each as code.
pub fn joined<'w>(words: impl Iterator<Item = &'w str>) -> String {
    let mut words: Vec<_> = words.map(|word| format!("`{word}`")).collect();
    match words.pop() {
        Some(last) if words.is_empty() => last,
        Some(last) => format!("{} and {last}", words.join(", ")),
        None => String::new(),
    }
}

fn listed_text(noun: &str, complete: bool) -> String {
    match complete {
        true => format!("a written {noun} is complete: what is not listed is removed"),
        false => format!("a written {noun} adds and changes: what is not listed stays"),
    }
}

fn clear_fact(field: &Field) -> Option<Fact> {
    if is_set_by_service(field) || field.access.computed {
        return None;
    }
    if field.access.required {
        return Some(Fact { about: "clear", text: "can't be cleared".into() });
    }
    let blank = match &field.ty {
        Type::List(_) => "the empty list",
        Type::Map(_) | Type::Object(_) => "the empty map",
        Type::Leaf(_) => "the empty text",
    };
    let text = match field.clear {
        Clear::Null => "`null` clears it".into(),
        Clear::Empty => format!("`null` clears it, by sending {blank}"),
        Clear::Zero => format!("`null` resets it to {}", zero_text(&field.ty)),
        Clear::Never => "can't be cleared".into(),
    };
    Some(Fact { about: "clear", text })
}

fn absent_fact(field: &Field) -> Option<Fact> {
    let text = match field.absent {
        Absent::Null => return None,
        Absent::Zero => format!("a live object without it has {}", zero_text(&field.ty)),
        Absent::Unknown => {
            "missing on read it may be hidden: then it is not compared, nor overwritten with nothing".into()
        }
        Absent::Pending => "missing on read it may wait for somebody, such as a mail to confirm: then it is \
                            shown as pending, not as a difference"
            .into(),
    };
    Some(Fact { about: "missing", text })
}

fn zero_text(ty: &Type) -> &'static str {
    match ty {
        Type::Leaf(Leaf::Flag) => "`false`",
        Type::Leaf(Leaf::Whole(_) | Leaf::Decimal(_)) => "`0`",
        Type::Leaf(Leaf::Guid) => "the guid of zeros",
        Type::Leaf(Leaf::Text { .. } | Leaf::Choice { .. }) => "the empty text",
        Type::Leaf(_) => "nothing",
        Type::List(_) => "no items",
        Type::Map(_) | Type::Object(_) => "no entries",
    }
}

fn compare_fact(field: &Field) -> Option<Fact> {
    let text = match field.compare {
        Compare::Exact => return None,
        Compare::IgnoreCase => "upper and lower case are the same",
        Compare::Addresses => {
            "mail addresses separated by commas; blanks around commas and the case of domains do not count"
        }
    };
    Some(Fact { about: "compare", text: text.into() })
}

/// How the member is called on the wire, where that is not the field's own name.
fn wire_fact(field: &Field) -> Option<Fact> {
    let read = field.read_as.join(".");
    let sent = !field.access.computed && !field.never_sent;
    let text = match (read != *field.name, sent && field.written_as != field.name) {
        (true, true) => format!("read as `{read}`, written as `{}`", field.written_as),
        (true, false) => format!("read as `{read}`"),
        (false, true) => format!("written as `{}`", field.written_as),
        (false, false) => return None,
    };
    Some(Fact { about: "wire", text })
}

fn kind_facts(kind: &Kind) -> Vec<Fact> {
    let mut facts = vec![Fact { about: "identity", text: identity_text(kind) }];
    let operations = &kind.operations;
    facts.push(Fact { about: "list", text: format!("`GET {}`", operations.list.get) });
    let get = operations.get.as_ref().and_then(ReadOne::path);
    facts.extend(get.map(|path| Fact { about: "get", text: format!("`GET {path}`") }));
    for (about, write) in
        [("create", &operations.create), ("update", &operations.update), ("replace", &operations.replace)]
    {
        facts.extend(write.as_ref().map(|write| Fact { about, text: operation_text(write, about) }));
    }
    facts.push(Fact {
        about: "delete",
        text: match &operations.delete {
            Some(delete) => format!("`DELETE {}`", delete.delete),
            None => "not possible: the service has no way to delete one".into(),
        },
    });
    facts
}

fn identity_text(kind: &Kind) -> String {
    let made = match kind.identity.made_by {
        Maker::Server => "made by the service",
        Maker::Caller => "chosen on create",
    };
    let id = format!("`id` is the service's `{}`, {made}", kind.id_field().name);
    let names = kind.natural_key_names();
    match names.is_empty() {
        true => format!("{id}; a document must have it"),
        false => {
            let names = joined(names.iter().map(String::as_str));
            format!("{id}; without it the object is found by its {names}")
        }
    }
}

fn operation_text(write: &Write, about: &str) -> String {
    let mut text = format!("`{} {}`", write.verb.word(), write.path);
    if about != "create" {
        text.push_str(match write.sends {
            Sends::Everything => ", sends the live object overlaid with the document",
            Sends::Changes => ", sends only what differs",
        });
        text.push_str(match write.nested.as_ref().map(|nested| nested.travels) {
            Some(Travels::Whole) => "; objects, maps and lists travel whole",
            Some(Travels::Parts) => "; of objects, maps and lists only what differs travels",
            None => "",
        });
    }
    if about == "replace" {
        text.push_str("; used with `--method put`");
    }
    text
}
