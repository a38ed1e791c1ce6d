//! Where each value of an effective document comes from: file, line, column and level.
//!
//! Deliberately absent: the values themselves.

use crate::diagnostic::{SourceLocation, SourceSpan};
use crate::document::levels::LevelKind;
use crate::document::{DesiredNode, DesiredValue, Document};
use crate::kind::{ArrayType, FieldType, ItemType, Shape};
use crate::value::{Object, PathSegment, Sensitivity, Value, ValuePath};

/// The origin of one value.
pub struct ValueOrigin {
    /// The numbers of fields and the places of items and map entries that lead to it.
    pub path: Vec<u32>,
    /// A JSON Pointer from the spec.
    pub pointer: String,
    /// The same with the keys of items.
    pub route: ValuePath,
    pub location: SourceLocation,
    pub level: LevelKind,
}

/// The origin of every value of a document, in the order of its fields. Lists of scalars have one.
pub fn list_origins(document: &Document) -> Vec<ValueOrigin> {
    let mut search = OriginSearch {
        document,
        path: Vec::new(),
        names: Vec::new(),
        route: ValuePath::default(),
        found: Vec::new(),
    };
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
    route: ValuePath,
    found: Vec<ValueOrigin>,
}

/// One step down.
struct OriginStep {
    number: u32,
    name: String,
    segment: PathSegment,
}

impl OriginSearch<'_> {
    fn add_fields(&mut self, node: &DesiredNode, shape: &Shape, above: Sensitivity) {
        let DesiredValue::Object(fields) = &node.value else { return };
        for (number, node) in fields {
            let field = shape.get_field(*number);
            let mark = above.max(field.sensitivity);
            let step = OriginStep {
                number: u32::from(*number),
                name: field.name.to_string(),
                segment: PathSegment::Field(field.name.clone()),
            };
            self.enter(step, |own| own.add_field(node, &field.ty, mark));
        }
    }

    fn add_field(&mut self, node: &DesiredNode, ty: &FieldType, mark: Sensitivity) {
        match (ty, &node.value) {
            (FieldType::Object(shape), DesiredValue::Object(_)) => self.add_fields(node, shape, mark),
            (FieldType::Map(map), DesiredValue::Map(entries)) => {
                for (at, (key, node)) in (0..).zip(entries) {
                    let own = map.resolve_key_sensitivity(key, mark);
                    let name = match own {
                        Sensitivity::Public => key.to_string(),
                        // a key can be as sensitive as its value
                        _ => format_hidden_key(at),
                    };
                    let step = OriginStep { number: at, name, segment: PathSegment::Key(key.clone(), own) };
                    self.enter(step, |own| own.add_origin(node.span));
                }
            }
            (FieldType::Array(list), DesiredValue::List(items)) => match &list.item {
                ItemType::Object(shape) if !items.is_empty() => {
                    let keys: Vec<Value> = items.iter().map(|item| build_key_value(item, list)).collect();
                    for ((at, item), key) in (0..).zip(items).zip(&keys) {
                        let segment = list.build_item_segment(at as usize, key, &keys);
                        let step = OriginStep { number: at, name: at.to_string(), segment };
                        self.enter(step, |own| own.add_fields(item, shape, mark));
                    }
                }
                _ => self.add_origin(node.span),
            },
            _ => self.add_origin(node.span),
        }
    }

    fn enter(&mut self, step: OriginStep, add: impl FnOnce(&mut Self)) {
        self.path.push(step.number);
        self.names.push(step.name.replace('~', "~0").replace('/', "~1"));
        self.route.0.push(step.segment);
        add(self);
        self.route.0.pop();
        self.path.pop();
        self.names.pop();
    }

    fn add_origin(&mut self, span: SourceSpan) {
        self.found.push(ValueOrigin {
            path: self.path.clone(),
            route: self.route.clone(),
            pointer: format!("/{}", self.names.join("/")),
            location: self.document.locate_span(span),
            level: find_level(self.document, span),
        });
    }
}

/// An item as far as its keys are written out.
fn build_key_value(item: &DesiredNode, list: &ArrayType) -> Value {
    let mut object = Object::default();
    for number in list.item_identity().into_iter().flat_map(|identity| identity.keys().flatten()) {
        if let Some(DesiredValue::Literal(value)) = item.get_field(*number).map(|own| &own.value) {
            object.set_field(*number, value.clone());
        }
    }
    Value::Object(Box::new(object))
}

/// What stands for a key that must not be seen, by its place.
fn format_hidden_key(at: u32) -> String {
    if at == 0 { "*".to_owned() } else { format!("*{}", at + 1) }
}
