//! A request as it may be shown: verb, path, query, which fields it is about and which merely travel along.
//!
//! The finished path may hold an id that must not be seen, and the query anything a service looks for, so both
//! are read against the kind: what its operations and the scope fix may be shown, the rest not.
//! Deliberately absent: bodies. Of a body only the size is reported.

use std::collections::{HashMap, HashSet};

use super::mask::RedactedPath;
use super::plan_report::{QueryParameterView, ReplacedField, RequestView};
use crate::kind::{
    FieldType, Kind, MapTypeName, NestedGranularity, ParameterLocation, WriteBody, WriteOperation,
};
use crate::plan::{PlanSubject, StepRequest};
use crate::value::Sensitivity;

/// The safe ways of changes, by their plain pointers.
pub type RedactedPathMap = HashMap<String, Vec<RedactedPath>>;

/// One request of a step. `routes` tells the safe pointer of each change by its plain one.
pub fn build_request_view(
    subject: &PlanSubject,
    planned: &StepRequest,
    routes: &RedactedPathMap,
    bytes: usize,
) -> RequestView {
    let kind = &subject.kind;
    let mut turns: HashMap<&str, usize> = HashMap::new();
    let sends = planned.changed_pointers.iter().map(|pointer| {
        let turn = turns.entry(pointer).or_default();
        *turn += 1;
        redact_pointer(pointer, routes.get(pointer).and_then(|routes| routes.get(*turn - 1)))
    });
    let sends: Vec<String> = sends.collect();
    let write = planned.operation.as_deref();
    RequestView {
        method: planned.request.method.as_str().to_owned(),
        path: redact_request_path(kind, planned),
        query: redact_query(kind, planned),
        unknown_fields: planned
            .sent_unchanged
            .iter()
            .filter(|name| kind.shape.find_field(name).is_none())
            .cloned()
            .collect(),
        replaced_fields: write.map(|write| find_replaced_fields(kind, write, &sends)).unwrap_or_default(),
        unmanaged_fields: planned.sent_unchanged.clone(),
        changed_fields: sends,
        bytes,
    }
}

/// A pointer that is not known to be safe is cut to its first step, which names a field.
fn redact_pointer(pointer: &str, route: Option<&RedactedPath>) -> String {
    match route {
        Some(route) => route.pointer.clone(),
        None => pointer.split('/').take(2).collect::<Vec<_>>().join("/"),
    }
}

/// The path, with `{parameter}` for every step that must not be seen.
fn redact_request_path(kind: &Kind, planned: &StepRequest) -> String {
    let path = &planned.request.path;
    let template = find_template(kind, planned).filter(|template| matches_template(template, path));
    let Some(template) = template else { return "/…".to_owned() };
    let steps = path.split('/').zip(template.split('/'));
    let shown = steps.map(|(step, pattern)| if is_visible(kind, pattern) { step } else { pattern });
    shown.collect::<Vec<_>>().join("/")
}

/// Whether a path was made from one with `{parameters}`.
fn matches_template(template: &str, path: &str) -> bool {
    let (steps, template) = (path.split('/'), template.split('/'));
    steps.clone().count() == template.clone().count()
        && steps.zip(template).all(|(step, pattern)| pattern.contains('{') || step == pattern)
}

/// The path with `{parameters}` of which a request is made.
fn find_template<'k>(kind: &'k Kind, planned: &'k StepRequest) -> Option<&'k str> {
    match &planned.operation {
        Some(write) => Some(&write.path),
        None => kind.operations.delete.as_ref().map(|delete| &*delete.delete),
    }
}

/// Whether every parameter in a step of a path may be seen: scope, and the id unless it is marked.
fn is_visible(kind: &Kind, pattern: &str) -> bool {
    let names = pattern.split('{').skip(1).filter_map(|rest| rest.split('}').next());
    let id = kind.id_field();
    names.into_iter().all(|name| {
        kind.find_scope_parameter(name).is_some()
            || (*name == *id.name && id.sensitivity == Sensitivity::Public)
    })
}

/// The query; only what the kind or the scope fixes has its value.
fn redact_query(kind: &Kind, planned: &StepRequest) -> Vec<QueryParameterView> {
    let mut fixed: HashSet<(&str, &str)> = HashSet::new();
    match (&planned.operation, &kind.operations.delete) {
        (Some(write), _) => {
            let nested = write.nested_fields.iter().flat_map(|nested| &nested.query);
            fixed.extend(write.query.iter().chain(nested).map(|(name, value)| (&**name, &**value)));
        }
        (None, Some(delete)) => fixed.extend(delete.query.iter().map(|(name, value)| (&**name, &**value))),
        (None, None) => {}
    }
    let is_scope =
        |name: &str| kind.find_scope_parameter(name).is_some_and(|s| s.location == ParameterLocation::Query);
    let shown = |(name, value): &(String, String)| QueryParameterView {
        name: name.clone(),
        value: (fixed.contains(&(&**name, &**value)) || is_scope(name)).then(|| value.clone()),
    };
    planned.request.query.iter().map(shown).collect()
}

/// The nested fields that a write of changes nevertheless sends complete.
fn find_replaced_fields(kind: &Kind, write: &WriteOperation, sends: &[String]) -> Vec<ReplacedField> {
    if write.body == WriteBody::Full {
        return Vec::new();
    }
    let complete =
        write.nested_fields.as_ref().is_some_and(|nested| nested.granularity == NestedGranularity::Whole);
    let mut seen = HashSet::new();
    let tops = sends.iter().filter_map(|pointer| pointer.split('/').nth(1)).filter(|top| seen.insert(*top));
    let fields =
        tops.filter_map(|top| kind.shape.fields.iter().find(|field| escape_segment(&field.name) == top));
    fields
        // parts of objects and maps can be named; a list always travels complete
        .filter(|field| (complete && field.is_nested()) || is_sent_whole(&field.ty))
        .map(|field| ReplacedField {
            path: format!("/{}", escape_segment(&field.name)),
            ty: field.ty.type_name().to_owned(),
        })
        .collect()
}

/// Whether no part of a value can be sent by itself.
fn is_sent_whole(ty: &FieldType) -> bool {
    let is_atomic = |map_type| map_type == MapTypeName::Atomic;
    match ty {
        FieldType::Array(list) => list.keyed_members.is_none_or(|keyed| is_atomic(keyed.map_type)),
        FieldType::Map(map) => is_atomic(map.map_type),
        FieldType::Scalar(_) | FieldType::Object(_) => false,
    }
}

/// A name as a step of a JSON Pointer.
fn escape_segment(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
