//! A request as it may be shown: verb, path, query, which fields it is about and which merely travel along.
//!
//! The finished path may hold an id that must not be seen, and the query anything a service looks for, so both
//! are read against the kind: what its operations and the scope fix may be shown, the rest not.
//! Deliberately absent: bodies. Of a body only the size is told.

use std::collections::{HashMap, HashSet};

use super::mask::Route;
use super::shown::{QueryShown, RequestShown, WholeField};
use crate::exchange::{Request, Verb};
use crate::kind::{Kind, ScopePlace, Sends, Travels, Type, Write};
use crate::plan::{Planned, Subject};
use crate::value::Mark;

/// The safe ways of changes, by their plain pointers.
pub type Routes = HashMap<String, Vec<Route>>;

/// One request of a step. `routes` tells the safe pointer of each change by its plain one.
pub fn show(subject: &Subject, planned: &Planned, routes: &Routes, bytes: usize) -> RequestShown {
    let kind = &subject.kind;
    let mut turns: HashMap<&str, usize> = HashMap::new();
    let sends = planned.sends.iter().map(|pointer| {
        let turn = turns.entry(pointer).or_default();
        *turn += 1;
        safe(pointer, routes.get(pointer).and_then(|routes| routes.get(*turn - 1)))
    });
    let sends: Vec<String> = sends.collect();
    let write = writes(kind).find(|write| fits(write.verb, &write.path, &planned.request));
    RequestShown {
        method: planned.request.verb.word().to_owned(),
        path: path(kind, &planned.request),
        query: query(kind, &planned.request),
        unknown: planned.along.iter().filter(|name| kind.shape.named(name).is_none()).cloned().collect(),
        whole: write.map(|write| whole(kind, write, &sends)).unwrap_or_default(),
        along: planned.along.clone(),
        sends,
        bytes,
    }
}

/// A pointer that is not known to be safe is cut to its first step, which names a field.
fn safe(pointer: &str, route: Option<&Route>) -> String {
    match route {
        Some(route) => route.pointer.clone(),
        None => pointer.split('/').take(2).collect::<Vec<_>>().join("/"),
    }
}

fn writes(kind: &Kind) -> impl Iterator<Item = &Write> {
    let operations = &kind.operations;
    [&operations.create, &operations.update, &operations.replace].into_iter().flatten()
}

/// Every path to which a kind is written, with its verb.
fn templates(kind: &Kind) -> impl Iterator<Item = (Verb, &str)> {
    let deletes = kind.operations.delete.iter().map(|delete| (Verb::Delete, &*delete.delete));
    writes(kind).map(|write| (write.verb, &*write.path)).chain(deletes)
}

/// Whether a request was made from a path with `{parameters}`.
fn fits(verb: Verb, template: &str, request: &Request) -> bool {
    let (steps, template) = (request.path.split('/'), template.split('/'));
    verb == request.verb
        && steps.clone().count() == template.clone().count()
        && steps.zip(template).all(|(step, pattern)| pattern.contains('{') || step == pattern)
}

/// The path, with `{parameter}` for every step that must not be seen.
fn path(kind: &Kind, request: &Request) -> String {
    let Some((_, template)) = templates(kind).find(|(verb, path)| fits(*verb, path, request)) else {
        return "/…".to_owned();
    };
    let steps = request.path.split('/').zip(template.split('/'));
    let shown = steps.map(|(step, pattern)| if may_be_seen(kind, pattern) { step } else { pattern });
    shown.collect::<Vec<_>>().join("/")
}

/// Whether every parameter in a step of a path may be seen: scope, and the id unless it is marked.
fn may_be_seen(kind: &Kind, pattern: &str) -> bool {
    let names = pattern.split('{').skip(1).filter_map(|rest| rest.split('}').next());
    let id = kind.id_field();
    names
        .into_iter()
        .all(|name| kind.scope_named(name).is_some() || (*name == *id.name && id.mark == Mark::Open))
}

/// The query; only what the kind or the scope fixes has its value.
fn query(kind: &Kind, request: &Request) -> Vec<QueryShown> {
    let nested = writes(kind).filter_map(|write| write.nested.as_ref());
    let fixed: HashSet<(&str, &str)> =
        nested.flat_map(|nested| &nested.query).map(|(name, value)| (&**name, &**value)).collect();
    let is_scope = |name: &str| kind.scope_named(name).is_some_and(|s| s.place == ScopePlace::Query);
    let shown = |(name, value): &(String, String)| QueryShown {
        name: name.clone(),
        value: (fixed.contains(&(&**name, &**value)) || is_scope(name)).then(|| value.clone()),
    };
    request.query.iter().map(shown).collect()
}

/// The nested fields that a write of changes nevertheless sends complete.
fn whole(kind: &Kind, write: &Write, sends: &[String]) -> Vec<WholeField> {
    if write.sends == Sends::Everything {
        return Vec::new();
    }
    let complete = write.nested.as_ref().is_some_and(|nested| nested.travels == Travels::Whole);
    let mut seen = HashSet::new();
    let tops = sends.iter().filter_map(|pointer| pointer.split('/').nth(1)).filter(|top| seen.insert(*top));
    let fields = tops.filter_map(|top| kind.shape.fields.iter().find(|field| step(&field.name) == top));
    fields
        // parts of objects and maps can be told; a list always travels complete
        .filter(|field| (complete && field.is_nested()) || matches!(field.ty, Type::List(_)))
        .map(|field| WholeField { path: format!("/{}", step(&field.name)), ty: field.ty.word().to_owned() })
        .collect()
}

/// A name as a step of a JSON Pointer.
fn step(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
