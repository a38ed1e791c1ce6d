//! Lists of what ids refer to: embedded objects at the URL that they name, and objects of which only the ids are
//! known, from the records that use them. Deliberately absent: writing them.

use std::collections::BTreeMap;

use crate::exchange::WireValue;
use crate::kind::file::ListFile;
use crate::kind::visit::{VisitFlow, visit_object};
use crate::kind::{Field, Kind, ReferenceSource, ScalarType};
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
    let fields = kind.shape.list_all_fields().into_iter();
    let mut fields = fields.filter_map(|field| Some((field, field.reference.as_ref()?)));
    fields.find_map(|(field, refers)| match refers.source.as_ref()? {
        ReferenceSource::List(list) if *list.path() == *path => {
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

/// The things of a list that any object uses, in the order of their ids.
fn collect_used(kind: &Kind, table: &SandboxTable, path: &str) -> Vec<WireValue> {
    let mut found = BTreeMap::new();
    for (_, record) in table.list_records(&vec![None; kind.scope.len()]) {
        collect_ids(kind, &record.object, path, &mut found);
    }
    found.into_values().collect()
}

fn collect_ids(kind: &Kind, object: &Object, path: &str, found: &mut BTreeMap<String, WireValue>) {
    visit_object(&kind.shape, object, &mut |at| {
        let source = at.field.reference.as_ref().and_then(|refers| refers.source.as_ref());
        let is_here = matches!(source, Some(ReferenceSource::List(list)) if *list.path() == *path);
        if is_here && at.scalar_type().is_some() && !at.node.is_blank() {
            let text = ScalarType::render_url_text(at.node, &kind.api);
            found.entry(text.clone()).or_insert_with(|| build_placeholder(at.field, at.node, &text));
        }
        VisitFlow::Descend
    });
}

/// A thing of which nothing is known but its id.
fn build_placeholder(field: &Field, id: &Value, text: &str) -> WireValue {
    let (Some(leaf), Some(refers)) = (field.ty.scalar_type(), &field.reference) else {
        return WireValue::Null;
    };
    let names = refers.by.iter().map(|name| (name.to_string(), WireValue::String(format!("{name} {text}"))));
    WireValue::Object(std::iter::once((refers.id.to_string(), leaf.encode_value(id))).chain(names).collect())
}
