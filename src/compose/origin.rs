//! Where each value of an effective document comes from: file, line, column and level.
//!
//! Deliberately absent: the values themselves.

use crate::diagnostic::{SourceLocation, SourceSpan};
use crate::document::levels::LevelKind;
use crate::document::{DesiredNode, DesiredValue, Document};
use crate::kind::{FieldType, ItemType, Shape};
use crate::value::Sensitivity;

/// The origin of one value.
pub struct ValueOrigin {
    /// The numbers of fields and the places of items and map entries that lead to it.
    pub path: Vec<u32>,
    /// A JSON Pointer from the spec.
    pub pointer: String,
    pub location: SourceLocation,
    pub level: LevelKind,
}

/// The origin of every value of a document, in the order of its fields. Lists of scalars have one.
pub fn list_origins(document: &Document) -> Vec<ValueOrigin> {
    let mut search = OriginSearch { document, path: Vec::new(), names: Vec::new(), found: Vec::new() };
    search.add_fields(&document.spec, &document.kind.shape, Sensitivity::Public);
    search.found
}

/// The level of a span of a document.
pub fn find_level(document: &Document, span: SourceSpan) -> LevelKind {
    let levels = document.levels.as_ref();
    let found = levels.and_then(|levels| levels.resolve_span(span));
    found.map_or(LevelKind::Document, |(level, _)| level.kind.clone())
}

struct OriginSearch<'d> {
    document: &'d Document,
    path: Vec<u32>,
    names: Vec<String>,
    found: Vec<ValueOrigin>,
}

impl OriginSearch<'_> {
    fn add_fields(&mut self, node: &DesiredNode, shape: &Shape, above: Sensitivity) {
        let DesiredValue::Object(fields) = &node.value else { return };
        for (number, node) in fields {
            let field = shape.get_field(*number);
            let mark = above.max(field.sensitivity);
            self.enter(u32::from(*number), field.name.to_string(), |own| {
                own.add_field(node, &field.ty, mark)
            });
        }
    }

    fn add_field(&mut self, node: &DesiredNode, ty: &FieldType, mark: Sensitivity) {
        match (ty, &node.value) {
            (FieldType::Object(shape), DesiredValue::Object(_)) => self.add_fields(node, shape, mark),
            (FieldType::Map(map), DesiredValue::Map(entries)) => {
                for (at, (key, node)) in (0..).zip(entries) {
                    let name = match map.resolve_key_sensitivity(key, mark) {
                        Sensitivity::Public => key.to_string(),
                        // a key can be as sensitive as its value
                        _ => format_hidden_key(at),
                    };
                    self.enter(at, name, |own| own.add_origin(node.span));
                }
            }
            (FieldType::Array(list), DesiredValue::List(items)) => match &list.item {
                ItemType::Object(shape) if !items.is_empty() => {
                    for (at, item) in (0..).zip(items) {
                        self.enter(at, at.to_string(), |own| own.add_fields(item, shape, mark));
                    }
                }
                _ => self.add_origin(node.span),
            },
            _ => self.add_origin(node.span),
        }
    }

    fn enter(&mut self, number: u32, name: String, add: impl FnOnce(&mut Self)) {
        self.path.push(number);
        self.names.push(name.replace('~', "~0").replace('/', "~1"));
        add(self);
        self.path.pop();
        self.names.pop();
    }

    fn add_origin(&mut self, span: SourceSpan) {
        self.found.push(ValueOrigin {
            path: self.path.clone(),
            pointer: format!("/{}", self.names.join("/")),
            location: self.document.locate_span(span),
            level: find_level(self.document, span),
        });
    }
}

/// What stands for a key that must not be seen, by its place.
fn format_hidden_key(at: u32) -> String {
    if at == 0 { "*".to_owned() } else { format!("*{}", at + 1) }
}
