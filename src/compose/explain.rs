//! What each level says of one value of one object.
//!
//! Deliberately absent: which of them counts; the origin of the value in the effective document tells.

use super::head::{ObjectDocument, RawDocument, SortedDocuments, sort_documents};
use super::paths::{find_at_path, split_path};
use super::redact::{find_field_sensitivity, find_greatest_sensitivity};
use super::settings::CompositionSettings;
use super::values::ValueTable;
use crate::diagnostic::{SourceLocation, SourceSpan};
use crate::document::Document;
use crate::document::composition::find_value_reference;
use crate::document::levels::LevelKind;
use crate::kind::registry::KindRegistry;
use crate::kind::{FieldType, ScalarType, Shape};
use crate::value::Sensitivity;
use crate::yaml::YamlNode;

/// What one level says of a value.
pub struct LevelStatement {
    pub level: LevelKind,
    pub location: SourceLocation,
    /// The text in the file; nothing for a value that must not be seen.
    pub text: Option<String>,
    /// Whether it leaves the value unmanaged rather than setting it.
    pub unsets: bool,
}

/// What levels are looked up in.
pub struct LevelLookup<'s> {
    pub settings: &'s CompositionSettings,
    pub values: &'s ValueTable,
    pub kinds: &'s KindRegistry,
    pub documents: Vec<RawDocument<'s>>,
}

/// What each level of a document says of the value at a path with dots, from the lowest to the highest.
pub fn list_statements(lookup: LevelLookup, document: &Document, path: &str) -> Vec<LevelStatement> {
    let LevelLookup { settings, values, kinds, documents } = lookup;
    let SortedDocuments { bases, overlays, objects } = sort_documents(documents, kinds, &mut Vec::new());
    // a name is not enough: documents of one name are for several environments or targets
    let is_one = |own: &&ObjectDocument| {
        own.source.path == document.source.path
            && own.name.as_ref().is_some_and(|(_, span)| *span == document.name_span)
    };
    let Some(object) = objects.iter().find(is_one) else { return Vec::new() };
    let shape = &document.kind.shape;
    let keys = split_path(path, shape);
    let mut search = StatementSearch { document, values, keys: &keys, path, found: Vec::new() };
    let defaults = || settings.find_defaults(&document.kind.name).into_iter().flat_map(|own| &own.bases);
    let extended: Vec<&str> = match &object.extends {
        Some(names) => names.iter().map(|(name, _)| &**name).collect(),
        None => defaults().map(|(name, _)| &**name).collect(),
    };
    let mut used: Vec<_> = bases.iter().filter(|base| extended.contains(&&*base.name.0)).collect();
    used.sort_by(|a, b| a.name.0.cmp(&b.name.0));
    for base in used {
        let level = LevelKind::Base((&*base.name.0).into());
        search.add_level(level, base.source, base.spec.as_ref(), None);
    }
    let own = &object.own;
    search.add_level(LevelKind::Document, object.source, own.get_value("spec"), own.get_value("unset"));
    let is_above = |own: &&super::head::OverlayDocument| {
        let environment = document.environment.as_deref();
        own.kind.name == document.kind.name
            && *own.name.0 == *document.name
            && environment == Some(&*own.environment.0)
    };
    for overlay in overlays.iter().filter(is_above) {
        let level = LevelKind::Overlay((&*overlay.environment.0).into());
        let node = &overlay.node;
        search.add_level(level, overlay.source, node.get_value("spec"), node.get_value("unset"));
    }
    search.found
}

struct StatementSearch<'s> {
    document: &'s Document,
    values: &'s ValueTable,
    keys: &'s [&'s str],
    path: &'s str,
    found: Vec<LevelStatement>,
}

impl StatementSearch<'_> {
    fn add_level(
        &mut self,
        level: LevelKind,
        source: &std::sync::Arc<crate::diagnostic::NamedSource>,
        spec: Option<&YamlNode>,
        unset: Option<&YamlNode>,
    ) {
        let is_path = |item: &&YamlNode| {
            item.as_scalar().is_some_and(|own| own == self.path || self.path.starts_with(&format!("{own}.")))
        };
        if let Some(item) = unset.into_iter().flat_map(YamlNode::items).find(is_path) {
            let location = source.locate_span(item.span);
            self.found.push(LevelStatement { level: level.clone(), location, text: None, unsets: true });
        }
        let Some(node) = spec.and_then(|spec| find_at_path(spec, self.keys.iter().copied())) else { return };
        let (sensitivity, leaf) = find_scalar(&self.document.kind.shape, self.keys);
        let text = |span: SourceSpan, text: &str| {
            let own = text.get(span.start as usize..span.end as usize).unwrap_or_default();
            (sensitivity == Sensitivity::Public).then(|| own.split_whitespace().collect::<Vec<_>>().join(" "))
        };
        let location = source.locate_span(node.span);
        self.found.push(LevelStatement {
            level,
            location,
            text: text(node.span, &source.text),
            unsets: false,
        });
        let reference = leaf.and_then(|leaf| find_value_reference(node, leaf)).and_then(YamlNode::as_scalar);
        let environment = self.document.environment.as_deref();
        if let Some(Ok(value)) = reference.map(|name| self.values.find_value(name, environment)) {
            self.found.push(LevelStatement {
                text: text(value.setting.span, &value.source.text),
                location: value.locate(),
                level: value.level,
                unsets: false,
            });
        }
    }
}

/// What must not be seen of the value below these keys, and its type where it is a scalar.
fn find_scalar<'k>(shape: &'k Shape, keys: &[&str]) -> (Sensitivity, Option<&'k ScalarType>) {
    let Some((first, rest)) = keys.split_first() else { return (find_greatest_sensitivity(shape), None) };
    let Some(field) = shape.find_field(first) else { return (Sensitivity::Public, None) };
    match &field.ty {
        FieldType::Object(inner) => {
            let (sensitivity, leaf) = find_scalar(inner, rest);
            (sensitivity.max(field.sensitivity), leaf)
        }
        FieldType::Scalar(leaf) => (field.sensitivity, Some(leaf)),
        FieldType::Map(map) => (field.sensitivity, Some(&map.value).filter(|_| !rest.is_empty())),
        FieldType::Array(_) => (find_field_sensitivity(field), None),
    }
}
