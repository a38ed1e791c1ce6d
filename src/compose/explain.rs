//! What each level says of one value of one object.
//!
//! Deliberately absent: which of them counts; the origin of the value in the effective document tells.

use super::head::RawDocument;
use super::level_index::{LevelIndex, WrittenLevel};
use super::paths::split_path;
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
    let index = LevelIndex::new(documents, settings, kinds);
    let keys = split_path(path, &document.kind.shape);
    let mut search = StatementSearch { document, values, keys: &keys, path, found: Vec::new() };
    index.list_levels(document).iter().for_each(|level| search.add_level(level));
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
    fn add_level(&mut self, written: &WrittenLevel) {
        let WrittenLevel { kind: level, source, unset, .. } = written;
        let is_path = |item: &&YamlNode| {
            item.as_scalar().is_some_and(|own| own == self.path || self.path.starts_with(&format!("{own}.")))
        };
        if let Some(item) = unset.iter().flat_map(|unset| unset.items()).find(is_path) {
            let location = source.locate_span(item.span);
            self.found.push(LevelStatement { level: level.clone(), location, text: None, unsets: true });
        }
        let Some(node) = written.find(self.keys) else { return };
        let (sensitivity, scalar) = find_scalar(&self.document.kind.shape, self.keys);
        let text = |span: SourceSpan, text: &str| {
            let own = text.get(span.start as usize..span.end as usize).unwrap_or_default();
            (sensitivity == Sensitivity::Public).then(|| own.split_whitespace().collect::<Vec<_>>().join(" "))
        };
        let location = source.locate_span(node.span);
        self.found.push(LevelStatement {
            level: level.clone(),
            location,
            text: text(node.span, &source.text),
            unsets: false,
        });
        let reference =
            scalar.and_then(|scalar| find_value_reference(node, scalar)).and_then(YamlNode::as_scalar);
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
            let (sensitivity, scalar) = find_scalar(inner, rest);
            (sensitivity.max(field.sensitivity), scalar)
        }
        FieldType::Scalar(scalar) => (field.sensitivity, Some(scalar)),
        FieldType::Map(map) => (field.sensitivity, Some(&map.value).filter(|_| !rest.is_empty())),
        FieldType::Array(_) => (find_field_sensitivity(field), None),
    }
}
