//! A level as it is in an environment: named values in their places, and every span in the range of the document.
//!
//! One walk along the shape of the kind copies the tree, moves its spans and replaces each `{ value: NAME }`. A value
//! fits a field of its type; a secret one fits secret fields only, and a field takes nothing more sensitive than it is.
//! Deliberately absent: what other levels say.

use std::borrow::Cow;
use std::sync::Arc;

use super::settings::{ValueContent, ValueDefinition};
use super::values::{ValueTable, ValueUse};
use crate::diagnostic::{Diagnostic, SourceSpan};
use crate::document::ValueSource;
use crate::document::composition::{find_value_reference, is_list_edit};
use crate::document::levels::{DocumentLevels, LevelKind};
use crate::kind::{ArrayType, Field, FieldType, ItemType, Kind, ScalarType, Shape};
use crate::value::Sensitivity;
use crate::yaml::{YamlData, YamlEntry, YamlNode};

/// Copies levels into the range of a document.
pub struct Substitution<'s> {
    values: &'s ValueTable,
    environment: Option<Arc<str>>,
    /// Whether a value of the environment was put somewhere.
    pub uses_values: bool,
    faults: Vec<Diagnostic>,
    levels: DocumentLevels,
    /// By how much the spans of the level at hand move.
    offset: u32,
    /// Where the files of values start.
    value_starts: Vec<(LevelKind, u32)>,
}

/// What a scalar is read as.
#[derive(Clone, Copy)]
struct ValuePlace<'k> {
    scalar_type: &'k ScalarType,
    name: &'k str,
    sensitivity: Sensitivity,
}

impl<'s> Substitution<'s> {
    pub fn new(values: &'s ValueTable, environment: Option<Arc<str>>, levels: DocumentLevels) -> Self {
        let value_starts = levels
            .iter_levels()
            .filter(|level| matches!(level.kind, LevelKind::Values(_) | LevelKind::ValueDefaults))
            .map(|level| (level.kind.clone(), level.start))
            .collect();
        Self { values, environment, uses_values: false, faults: Vec::new(), levels, offset: 0, value_starts }
    }

    /// The levels with the files that were needed.
    pub fn into_levels(self) -> (DocumentLevels, Vec<Diagnostic>) {
        (self.levels, self.faults)
    }

    pub fn levels_mut(&mut self) -> &mut DocumentLevels {
        &mut self.levels
    }

    /// Adds a fault at a span of the document.
    pub fn add_fault(&mut self, span: SourceSpan, fault: Diagnostic) {
        self.faults.push(Diagnostic { location: self.levels.locate_span(span), ..fault });
    }

    /// The fields of a spec, of a level that starts at `offset`.
    pub fn copy_spec(&mut self, node: &YamlNode<'s>, shape: &Shape, offset: u32) -> YamlNode<'s> {
        self.offset = offset;
        self.copy_object(node, shape, Sensitivity::Public)
    }

    /// The parameters of a scope, of a level that starts at `offset`.
    pub fn copy_scope(&mut self, node: &YamlNode<'s>, kind: &Kind, offset: u32) -> YamlNode<'s> {
        self.offset = offset;
        self.copy_entries(node, |own, entry| {
            let parameter = kind.find_scope_parameter(&entry.key)?;
            let (scalar_type, name) = (&parameter.ty, &*parameter.name);
            own.copy_scalar(&entry.value, ValuePlace { scalar_type, name, sensitivity: Sensitivity::Public })
        })
    }

    fn copy_object(&mut self, node: &YamlNode<'s>, shape: &Shape, above: Sensitivity) -> YamlNode<'s> {
        self.copy_entries(node, |own, entry| {
            let field = shape.find_field(&entry.key)?;
            own.copy_field(&entry.value, field, above.max(field.sensitivity))
        })
    }

    /// Copies a mapping; entries for which `copy` knows nothing are copied as they are.
    fn copy_entries(
        &mut self,
        node: &YamlNode<'s>,
        mut copy: impl FnMut(&mut Self, &YamlEntry<'s>) -> Option<YamlNode<'s>>,
    ) -> YamlNode<'s> {
        let offset = self.offset;
        let YamlData::Mapping(entries) = &node.data else { return move_node(node, offset) };
        let copied = entries.iter().map(|entry| YamlEntry {
            key: entry.key.clone(),
            key_span: move_span(entry.key_span, offset),
            value: copy(self, entry).unwrap_or_else(|| move_node(&entry.value, offset)),
        });
        YamlNode { span: move_span(node.span, offset), data: YamlData::Mapping(copied.collect()) }
    }

    fn copy_field(
        &mut self,
        node: &YamlNode<'s>,
        field: &Field,
        sensitivity: Sensitivity,
    ) -> Option<YamlNode<'s>> {
        let place = |scalar_type| ValuePlace { scalar_type, name: &field.name, sensitivity };
        match &field.ty {
            FieldType::Scalar(scalar_type) => self.copy_scalar(node, place(scalar_type)),
            FieldType::Object(shape) => Some(self.copy_object(node, shape, sensitivity)),
            FieldType::Map(map) => {
                Some(self.copy_entries(node, |own, entry| own.copy_scalar(&entry.value, place(&map.value))))
            }
            FieldType::Array(list) if is_list_edit(node) => Some(self.copy_entries(node, |own, entry| {
                Some(own.copy_items(&entry.value, list, &field.name, sensitivity))
            })),
            FieldType::Array(list) => Some(self.copy_items(node, list, &field.name, sensitivity)),
        }
    }

    fn copy_items(
        &mut self,
        node: &YamlNode<'s>,
        list: &ArrayType,
        name: &str,
        sensitivity: Sensitivity,
    ) -> YamlNode<'s> {
        let offset = self.offset;
        let YamlData::Sequence(items) = &node.data else { return move_node(node, offset) };
        let copy = |item| match &list.item {
            ItemType::Object(shape) => self.copy_object(item, shape, sensitivity),
            ItemType::Scalar(scalar_type) => self
                .copy_scalar(item, ValuePlace { scalar_type, name, sensitivity })
                .unwrap_or_else(|| move_node(item, offset)),
        };
        let copied = items.iter().map(copy).collect();
        YamlNode { span: move_span(node.span, offset), data: YamlData::Sequence(copied) }
    }

    fn copy_scalar(&mut self, node: &YamlNode<'s>, place: ValuePlace) -> Option<YamlNode<'s>> {
        let name = find_value_reference(node, place.scalar_type)?;
        self.uses_values = true;
        let span = move_span(node.span, self.offset);
        match self.find_fitting(name, place) {
            Ok(found) => Some(self.place_value(found, span)),
            Err(fault) => {
                self.add_fault(span, fault);
                // whatever else is wrong with the place follows from this
                Some(YamlNode { span, data: YamlData::Mapping(Vec::new()) })
            }
        }
    }

    fn find_fitting(&self, name: &YamlNode, context: ValuePlace) -> Result<ValueUse<'s>, Diagnostic> {
        let Some(name) = name.as_scalar().filter(|_| !name.is_null()) else {
            let fault = Diagnostic::error("unknown-value", "the name of a value is text");
            return Err(fault.with_hint("write `{ value: NAME }`"));
        };
        let found = self.values.find_value(name, self.environment.as_deref())?;
        match diagnose_unfit(found.definition, context) {
            Some(fault) => Err(fault.with_related(found.locate(), "the value is set here")),
            None => Ok(found),
        }
    }

    /// The setting of a value as a node; at the reference itself where the range has no room for its file.
    fn place_value(&mut self, found: ValueUse<'s>, reference: SourceSpan) -> YamlNode<'s> {
        let known = self.value_starts.iter().find(|(kind, _)| *kind == found.level).map(|(_, start)| *start);
        let start = known.or_else(|| {
            let start = self.levels.add_level(found.level.clone(), found.source, SourceSpan::default())?;
            self.value_starts.push((found.level.clone(), start));
            Some(start)
        });
        let span = start.map_or(reference, |start| move_span(found.setting.span, start));
        build_node(&found.setting.content, span)
    }
}

/// Why a value does not fit a field.
fn diagnose_unfit(value: &ValueDefinition, context: ValuePlace) -> Option<Diagnostic> {
    let (name, field) = (&value.name, context.name);
    if !context.scalar_type.takes_value_of(&value.ty) {
        let message = format!(
            "the value `{name}` is {}, and `{field}` takes {}",
            value.ty.describe_type(),
            context.scalar_type.describe_type()
        );
        let hint = format!("use a value of type `{}`", context.scalar_type.type_name());
        return Some(Diagnostic::error("wrong-value-type", message).with_hint(hint));
    }
    let (own, of_field) = (value.sensitivity, context.sensitivity);
    if !of_field.takes_value_of(own) {
        let message = format!(
            "the value `{name}` is {}, and `{field}` is {}",
            describe_sensitivity(own),
            describe_sensitivity(of_field)
        );
        let hint = format!("set the `sensitivity` of the value `{name}` to that of the field");
        return Some(Diagnostic::error("wrong-value-sensitivity", message).with_hint(hint));
    }
    None
}

fn describe_sensitivity(sensitivity: Sensitivity) -> &'static str {
    match sensitivity {
        Sensitivity::Public => "public",
        Sensitivity::Internal => "internal",
        Sensitivity::Personal => "personal",
        Sensitivity::Secret => "secret",
    }
}

fn build_node<'t>(content: &'t ValueContent, span: SourceSpan) -> YamlNode<'t> {
    let scalar = |text: &'t str, plain| YamlData::Scalar { text: Cow::Borrowed(text), plain };
    let node = |data| YamlNode { span, data };
    let source = |key: &'t str, data| {
        let entry = YamlEntry { key: Cow::Borrowed(key), key_span: span, value: node(data) };
        YamlData::Mapping(vec![entry])
    };
    node(match content {
        ValueContent::Scalar { text, plain } => scalar(text, *plain),
        ValueContent::Source(ValueSource::Env(name)) => source("from_env", scalar(name, false)),
        ValueContent::Source(ValueSource::File(path)) => source("from_file", scalar(path, false)),
        ValueContent::Source(ValueSource::Provider(provider, name)) => {
            source("from_secret", source(provider, scalar(name, false)))
        }
        ValueContent::Source(ValueSource::Command(words)) => {
            let words = words.iter().map(|word| node(scalar(word, false))).collect();
            source("from_command", YamlData::Sequence(words))
        }
    })
}

/// A node with its spans moved.
pub fn move_node<'t>(node: &YamlNode<'t>, offset: u32) -> YamlNode<'t> {
    let data = match &node.data {
        scalar @ YamlData::Scalar { .. } => scalar.clone(),
        YamlData::Sequence(items) => {
            YamlData::Sequence(items.iter().map(|item| move_node(item, offset)).collect())
        }
        YamlData::Mapping(entries) => YamlData::Mapping(
            entries
                .iter()
                .map(|entry| YamlEntry {
                    key: entry.key.clone(),
                    key_span: move_span(entry.key_span, offset),
                    value: move_node(&entry.value, offset),
                })
                .collect(),
        ),
    };
    YamlNode { span: move_span(node.span, offset), data }
}

/// A span moved; there is room, or the level was not added.
pub fn move_span(span: SourceSpan, offset: u32) -> SourceSpan {
    SourceSpan { start: span.start.saturating_add(offset), end: span.end.saturating_add(offset) }
}
