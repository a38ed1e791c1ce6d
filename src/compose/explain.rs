//! What each level says of one value of one object.
//!
//! Deliberately absent: which of them counts; the origin of the value in the effective document tells.

use super::head::RawDocument;
use super::item_path::{AskedStep, FoundNode, ItemEdit, LevelStep, ResolvedPath, find_nodes, resolve_path};
use super::level_index::{LevelIndex, WrittenLevel};
use super::redact::{find_field_sensitivity, find_greatest_sensitivity};
use super::settings::CompositionSettings;
use super::values::ValueTable;
use crate::diagnostic::{SourceLocation, SourceSpan};
use crate::document::Document;
use crate::document::composition::find_value_reference;
use crate::document::levels::LevelKind;
use crate::document::node_encoder::NodeEncoder;
use crate::kind::registry::KindRegistry;
use crate::kind::{FieldType, ItemType, ScalarType, Shape};
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
    /// Whether it is the node that the effective document has.
    pub is_effective: bool,
    /// The key of the list edit that holds it.
    pub edit: Option<ItemEdit>,
}

/// What levels are looked up in.
pub struct LevelLookup<'s> {
    pub settings: &'s CompositionSettings,
    pub values: &'s ValueTable,
    pub kinds: &'s KindRegistry,
    pub documents: Vec<RawDocument<'s>>,
}

/// A requested value: the path as it is written, and its steps.
pub struct AskedValue<'p> {
    pub path: &'p str,
    pub steps: &'p [AskedStep],
}

/// What each level of a document says of a value, from the lowest to the highest.
pub fn list_statements(lookup: LevelLookup, document: &Document, asked: &AskedValue) -> Vec<LevelStatement> {
    let LevelLookup { settings, values, kinds, documents } = lookup;
    let index = LevelIndex::new(documents, settings, kinds);
    let Some(ResolvedPath { steps, effective }) = resolve_path(asked.steps, document) else {
        return Vec::new();
    };
    let encoder = NodeEncoder::default();
    let mut search = StatementSearch {
        document,
        values,
        steps: &steps,
        path: asked.path,
        effective,
        encoder,
        found: Vec::new(),
    };
    index.list_levels(document).iter().for_each(|level| search.add_level(level));
    search.found
}

struct StatementSearch<'s> {
    document: &'s Document,
    values: &'s ValueTable,
    steps: &'s [LevelStep<'s>],
    path: &'s str,
    effective: Option<SourceLocation>,
    encoder: NodeEncoder,
    found: Vec<LevelStatement>,
}

impl<'s> StatementSearch<'s> {
    fn add_level(&mut self, written: &WrittenLevel) {
        let WrittenLevel { kind: level, source, unset, .. } = written;
        let is_path = |item: &&YamlNode| {
            let rest = item.as_scalar().and_then(|own| self.path.strip_prefix(own));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        if let Some(item) = unset.iter().flat_map(|unset| unset.items()).find(is_path) {
            let location = source.locate_span(item.span);
            let level = level.clone();
            self.found.push(LevelStatement {
                level,
                location,
                text: None,
                unsets: true,
                is_effective: false,
                edit: None,
            });
        }
        let Some(node) = written.spec else { return };
        for found in find_nodes(&self.encoder, FoundNode { node, edit: None }, self.steps) {
            self.add_statement(written, &found);
        }
    }

    /// The path to the outermost item.
    fn steps_to_item(&self) -> &'s [LevelStep<'s>] {
        let item = self.steps.iter().position(|step| matches!(step, LevelStep::Item(_)));
        item.and_then(|at| self.steps.get(..=at)).unwrap_or(self.steps)
    }

    fn add_statement(&mut self, written: &WrittenLevel, found: &FoundNode) {
        let FoundNode { node, edit } = found;
        let shape = &self.document.kind.shape;
        let (sensitivity, scalar) = match edit {
            // the item as a whole
            Some(ItemEdit::Remove) => find_scalar(shape, self.steps_to_item()),
            _ => find_scalar(shape, self.steps),
        };
        let text = |span: SourceSpan, text: &str| {
            let own = text.get(span.start as usize..span.end as usize).unwrap_or_default();
            (sensitivity == Sensitivity::Public).then(|| own.split_whitespace().collect::<Vec<_>>().join(" "))
        };
        let shown = text(node.span, &written.source.text);
        let is_effective = self.effective.as_ref().is_some_and(|place| {
            place.source.path == written.source.path
                && place.span == node.span
                && *edit != Some(ItemEdit::Remove)
        });
        self.found.push(LevelStatement {
            level: written.kind.clone(),
            location: written.source.locate_span(node.span),
            text: if node.is_null() { Some("null".to_owned()) } else { shown },
            unsets: false,
            is_effective,
            edit: *edit,
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
                is_effective: false,
                edit: None,
            });
        }
    }
}

/// What must not be seen of the value below these steps, and its type where it is a scalar.
fn find_scalar<'k>(shape: &'k Shape, steps: &[LevelStep<'k>]) -> (Sensitivity, Option<&'k ScalarType>) {
    let Some((LevelStep::Key(first), rest)) = steps.split_first() else {
        return (find_greatest_sensitivity(shape), None);
    };
    let Some(field) = shape.find_field(first) else { return (Sensitivity::Public, None) };
    let below = |inner: &'k Shape, rest: &[LevelStep<'k>]| {
        let (sensitivity, scalar) = find_scalar(inner, rest);
        (sensitivity.max(field.sensitivity), scalar)
    };
    match (&field.ty, rest) {
        (FieldType::Object(inner), _) => below(inner, rest),
        (FieldType::Scalar(scalar), _) => (field.sensitivity, Some(scalar)),
        (FieldType::Map(map), _) => (field.sensitivity, Some(&map.value).filter(|_| !rest.is_empty())),
        (FieldType::Array(list), [LevelStep::Item(_), rest @ ..]) => match &list.item {
            ItemType::Object(inner) => below(inner, rest),
            ItemType::Scalar(scalar) => (field.sensitivity, Some(scalar)),
        },
        (FieldType::Array(_), _) => (find_field_sensitivity(field), None),
    }
}
