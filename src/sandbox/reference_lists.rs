//! Lists of what ids refer to: embedded objects at the URL that they name, and objects of which only the ids are
//! known, from the records that use them. Deliberately absent: writing them.

use std::collections::BTreeMap;

use crate::exchange::WireValue;
use crate::kind::file::ListFile;
use crate::kind::{Field, FieldReference, FieldType, ItemType, Kind, ReferenceSource, ScalarType, Shape};
use crate::sandbox::embedded_objects::{extract_path, render_embedded};
use crate::sandbox::raw_body;
use crate::sandbox::store::SandboxTable;
use crate::value::{Object, Value};

/// A list of things.
pub struct SandboxReferenceList<'k> {
    pub list: &'k ListFile,
    pub items: Vec<WireValue>,
}

/// The things that the fields of a kind list at a path.
pub fn find_reference_list<'t>(
    table: &'t SandboxTable,
    path: &str,
    base: &str,
) -> Option<SandboxReferenceList<'t>> {
    let kind = &*table.kind;
    let mut fields = Vec::new();
    collect_references(&kind.shape, &mut fields);
    fields.into_iter().find_map(|(field, refers)| match refers.source.as_ref()? {
        ReferenceSource::List(list) if *list.get == *path => {
            Some(SandboxReferenceList { list, items: collect_used(kind, table, path) })
        }
        ReferenceSource::UrlIn(at) => {
            let things = table.embedded.by_field.get(&field.name)?;
            let here = things.iter().filter(|(_, raw)| points_to_path(raw, at, path));
            let items: Vec<WireValue> = here.map(|(_, raw)| render_embedded(raw, refers, base)).collect();
            (!items.is_empty()).then_some(SandboxReferenceList { list: &kind.operations.list, items })
        }
        _ => None,
    })
}

fn points_to_path(raw: &str, at: &str, path: &str) -> bool {
    let members =
        raw_body::parse_json(raw).ok().and_then(raw_body::RawBodyValue::into_members).unwrap_or_default();
    members.iter().any(|(name, value)| {
        *name == *at && matches!(value, raw_body::RawBodyValue::String(url) if extract_path(url) == path)
    })
}

/// Every field that refers to something, however deep.
fn collect_references<'k>(shape: &'k Shape, found: &mut Vec<(&'k Field, &'k FieldReference)>) {
    for field in &shape.fields {
        if let Some(refers) = &field.reference {
            found.push((field, refers));
        }
        if let Some(inner) = find_nested_shape(field) {
            collect_references(inner, found);
        }
    }
}

fn find_nested_shape(field: &Field) -> Option<&Shape> {
    match &field.ty {
        FieldType::Object(shape) => Some(shape),
        FieldType::Array(list) => match &list.item {
            ItemType::Object(shape) => Some(shape),
            ItemType::Scalar(_) => None,
        },
        _ => None,
    }
}

/// The things of a list that any object uses, in the order of their ids.
fn collect_used(kind: &Kind, table: &SandboxTable, path: &str) -> Vec<WireValue> {
    let mut found = BTreeMap::new();
    for (_, record) in table.list_records(&vec![None; kind.scope.len()]) {
        collect_ids(kind, &kind.shape, &record.object, path, &mut found);
    }
    found.into_values().collect()
}

fn collect_ids(
    kind: &Kind,
    shape: &Shape,
    object: &Object,
    path: &str,
    found: &mut BTreeMap<String, WireValue>,
) {
    for field in &shape.fields {
        let Some(value) = object.get_field(field.number) else { continue };
        let refers = field.reference.as_ref();
        let here = refers.filter(
            |refers| matches!(&refers.source, Some(ReferenceSource::List(list)) if *list.get == *path),
        );
        let several = value.items();
        let ids = if several.is_empty() { std::slice::from_ref(value) } else { several };
        for id in here.iter().flat_map(|_| ids).filter(|id| !id.is_blank()) {
            let text = ScalarType::render_url_text(id, &kind.api);
            found.entry(text.clone()).or_insert_with(|| build_placeholder(field, id, &text));
        }
        for inner in ids.iter().filter_map(Value::as_object) {
            if let Some(shape) = find_nested_shape(field) {
                collect_ids(kind, shape, inner, path, found);
            }
        }
    }
}

/// A thing of which nothing is known but its id.
fn build_placeholder(field: &Field, id: &Value, text: &str) -> WireValue {
    let leaf = match &field.ty {
        FieldType::Scalar(leaf) => Some(leaf),
        FieldType::Array(list) => match &list.item {
            ItemType::Scalar(leaf) => Some(leaf),
            ItemType::Object(_) => None,
        },
        _ => None,
    };
    let (Some(leaf), Some(refers)) = (leaf, &field.reference) else { return WireValue::Null };
    let names = refers.by.iter().map(|name| (name.to_string(), WireValue::String(format!("{name} {text}"))));
    WireValue::Object(std::iter::once((refers.id.to_string(), leaf.encode_value(id))).chain(names).collect())
}
