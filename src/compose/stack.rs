//! The levels of one object in one environment, their spans in one range, and the document that they make.
//!
//! Bases come first, then the document, then the overlay. What stands around `spec` is the overlay's where it says it,
//! else the document's; `scope` is merged parameter by parameter.
//! Deliberately absent: which levels an object has.

use std::borrow::Cow;
use std::sync::Arc;

use super::bases::MergedBases;
use super::head::{ObjectDocument, OverlayDocument};
use super::merge::{BaseConflict, LevelMerger};
use super::substitute::{Substitution, move_node, move_span};
use super::values::ValueTable;
use crate::diagnostic::Diagnostic;
use crate::document::levels::{DocumentLevels, LevelKind};
use crate::document::node_encoder::NodeEncoder;
use crate::kind::Kind;
use crate::yaml::{YamlData, YamlEntry, YamlNode};

/// Keys of a document that an overlay may set, besides `scope` and `spec`.
const HEAD_KEYS: [&str; 5] = ["target", "state", "id", "protect", "depends_on"];

/// The levels of an object in an environment.
pub struct LevelStack<'s> {
    object: &'s ObjectDocument<'s>,
    bases: Option<YamlNode<'s>>,
    conflicts: Vec<BaseConflict>,
    pub own: LevelNodes<'s>,
    pub overlay: Option<LevelNodes<'s>>,
    pub map: DocumentLevels,
    pub uses_values: bool,
    pub faults: Vec<Diagnostic>,
}

/// What one level says.
#[derive(Default)]
pub struct LevelNodes<'s> {
    pub spec: Option<YamlNode<'s>>,
    unset: Option<YamlNode<'s>>,
    scope: Option<YamlNode<'s>>,
    /// What else it says of the object.
    head: Vec<YamlEntry<'s>>,
}

/// A merged document, and what is wrong with the levels that make it.
pub struct MergedObject<'s> {
    pub node: YamlNode<'s>,
    pub faults: Vec<Diagnostic>,
    /// What is said of the overlay.
    pub overlay_faults: Vec<Diagnostic>,
}

impl<'s> LevelStack<'s> {
    /// Copies the levels into one range; nothing when they do not fit into one.
    pub fn new(
        object: &'s ObjectDocument<'s>,
        bases: Option<&MergedBases<'s>>,
        overlay: Option<&'s OverlayDocument<'s>>,
        values: &'s ValueTable,
        environment: Option<&Arc<str>>,
    ) -> Option<Self> {
        let mut map = DocumentLevels::new(object.source);
        let shift = bases.map_or(Some(0), |bases| map.add_levels(&bases.levels))?;
        let kind = &object.kind;
        let overlay_level =
            |overlay: &OverlayDocument| LevelKind::Overlay(Arc::from(&*overlay.environment.0));
        let start =
            overlay.map_or(Some(0), |own| map.add_level(overlay_level(own), own.source, own.name.1))?;
        let mut substitution = Substitution::new(values, environment.cloned(), map);
        let own = LevelNodes::copy(&|key| object.find_entry(key), kind, 0, &mut substitution);
        let find_above = |overlay: &'s OverlayDocument<'s>| {
            let find = |key: &str| overlay.node.entries().iter().find(|entry| entry.key == key);
            LevelNodes::copy(&find, kind, start, &mut substitution)
        };
        let overlay = overlay.map(find_above);
        let move_conflict = |own: &BaseConflict| BaseConflict {
            first: move_span(own.first, shift),
            second: move_span(own.second, shift),
            path: own.path.clone(),
        };
        let uses_values = substitution.uses_values || bases.is_some_and(|bases| bases.uses_values);
        let (map, faults) = substitution.into_levels();
        Some(Self {
            object,
            bases: bases.map(|bases| move_node(&bases.spec, shift)),
            conflicts: bases.map_or_else(Vec::new, |own| own.conflicts.iter().map(move_conflict).collect()),
            own,
            overlay,
            map,
            uses_values,
            faults,
        })
    }

    /// Merges the levels; gives the range of their spans too.
    pub fn merge(self, encoder: &NodeEncoder) -> (MergedObject<'s>, DocumentLevels) {
        let Self { object, bases, conflicts, own, overlay, map, mut faults, .. } = self;
        let mut merger = LevelMerger::new(&map, encoder);
        merger.conflicts = conflicts;
        let mut merged = LevelNodes { spec: bases, ..LevelNodes::default() };
        merged.put_over(own, &mut merger, &object.kind);
        faults.append(&mut merger.faults);
        if let Some(overlay) = overlay {
            merged.put_over(overlay, &mut merger, &object.kind);
        }
        let mut overlay_faults = std::mem::take(&mut merger.faults);
        if let Some(spec) = &merged.spec {
            merger.report_conflicts(spec);
            overlay_faults.append(&mut merger.faults);
        }
        (MergedObject { node: build_document(object, merged), faults, overlay_faults }, map)
    }
}

impl<'s> LevelNodes<'s> {
    fn copy<'n>(
        find: &dyn Fn(&str) -> Option<&'n YamlEntry<'s>>,
        kind: &Kind,
        offset: u32,
        substitution: &mut Substitution<'s>,
    ) -> Self
    where
        's: 'n,
    {
        let head = HEAD_KEYS.iter().filter_map(|key| find(key)).map(|entry| YamlEntry {
            key: entry.key.clone(),
            key_span: move_span(entry.key_span, offset),
            value: move_node(&entry.value, offset),
        });
        Self {
            spec: find("spec").map(|own| substitution.copy_spec(&own.value, &kind.shape, offset)),
            unset: find("unset").map(|own| move_node(&own.value, offset)),
            scope: find("scope").map(|own| substitution.copy_scope(&own.value, kind, offset)),
            head: head.collect(),
        }
    }

    /// Puts a higher level over what is merged so far.
    fn put_over(&mut self, upper: Self, merger: &mut LevelMerger, kind: &Kind) {
        let mut empty = YamlNode { span: Default::default(), data: YamlData::Mapping(Vec::new()) };
        if let Some(unset) = &upper.unset {
            merger.unset_paths(self.spec.as_mut().unwrap_or(&mut empty), unset, &kind.shape);
        }
        match (&mut self.spec, upper.spec) {
            (Some(lower), Some(spec)) if matches!(spec.data, YamlData::Mapping(_)) => {
                lower.span = spec.span;
                merger.merge_objects(lower, spec, &kind.shape);
            }
            (_, Some(spec)) => {
                merger.check_edits_within(&spec, &kind.shape);
                self.spec = Some(spec);
            }
            (_, None) => {}
        }
        match (&mut self.scope, upper.scope) {
            (Some(lower), Some(scope)) => put_entries(lower, scope),
            (_, Some(scope)) => self.scope = Some(scope),
            (_, None) => {}
        }
        for entry in upper.head {
            self.head.retain(|own| own.key != entry.key);
            self.head.push(entry);
        }
    }
}

/// Puts entries in the places of those below; anything else than a mapping replaces it, and is reported when it is read.
fn put_entries<'s>(lower: &mut YamlNode<'s>, upper: YamlNode<'s>) {
    match (&mut lower.data, upper.data) {
        (YamlData::Mapping(below), YamlData::Mapping(entries)) => {
            for entry in entries {
                below.retain(|own| own.key != entry.key);
                below.push(entry);
            }
        }
        (_, data) => *lower = YamlNode { span: upper.span, data },
    }
}

/// The document as if it had been written in one piece.
fn build_document<'s>(object: &'s ObjectDocument<'s>, merged: LevelNodes<'s>) -> YamlNode<'s> {
    let mut entries: Vec<YamlEntry> = object.find_entry("kind").into_iter().cloned().collect();
    match (&object.name, object.own.entries().iter().find(|entry| entry.key == "name")) {
        (Some((name, span)), _) => {
            let value = YamlNode { span: *span, data: YamlData::Scalar { text: name.clone(), plain: false } };
            entries.push(YamlEntry { key: Cow::Borrowed("name"), key_span: *span, value });
        }
        (None, Some(name)) => entries.push(name.clone()),
        (None, None) => {}
    }
    entries.extend(merged.head);
    let keyed = |key: &'static str, value: YamlNode<'s>| YamlEntry {
        key: Cow::Borrowed(key),
        key_span: value.span,
        value,
    };
    entries.extend(merged.scope.map(|scope| keyed("scope", scope)));
    entries.extend(merged.spec.map(|spec| keyed("spec", spec)));
    YamlNode { span: object.start(), data: YamlData::Mapping(entries) }
}
