//! One level over another: field by field along the shape of the kind.
//!
//! Objects merge field by field and maps key by key; a scalar or a list replaces; an edit changes the list below it
//! (`list_edit`). Between bases nothing replaces: where two disagree, that is kept as a conflict, which counts unless
//! a higher level decides.
//! Deliberately absent: named values, which were put in their places before.

use super::paths::find_at_path;
use super::redact::redact_edit;
use crate::diagnostic::{Diagnostic, SourceLocation, SourceSpan};
use crate::document::composition::is_list_edit;
use crate::document::levels::DocumentLevels;
use crate::document::node_encoder::NodeEncoder;
use crate::kind::{Field, FieldType, ItemType, MapType, Shape};
use crate::value::Sensitivity;
use crate::yaml::{YamlData, YamlEntry, YamlNode};

/// Merges levels whose spans lie in one range.
pub struct LevelMerger<'m> {
    pub levels: &'m DocumentLevels,
    pub encoder: &'m NodeEncoder,
    pub faults: Vec<Diagnostic>,
    /// Where bases disagree.
    pub conflicts: Vec<BaseConflict>,
    /// Whether the levels are bases, of which none is above another.
    pub between_bases: bool,
    /// The keys that lead to the node at hand.
    path: Vec<String>,
}

/// A value on which two bases disagree.
#[derive(Clone)]
pub struct BaseConflict {
    pub path: Vec<String>,
    pub first: SourceSpan,
    pub second: SourceSpan,
}

impl<'m> LevelMerger<'m> {
    pub fn new(levels: &'m DocumentLevels, encoder: &'m NodeEncoder) -> Self {
        Self {
            levels,
            encoder,
            faults: Vec::new(),
            conflicts: Vec::new(),
            between_bases: false,
            path: Vec::new(),
        }
    }

    /// Puts the fields of `upper` over those of `lower`.
    pub fn merge_objects<'t>(&mut self, lower: &mut YamlNode<'t>, upper: YamlNode<'t>, shape: &Shape) {
        self.merge_entries(lower, upper, |own, below, entry| {
            let Some(field) = shape.find_field(&entry.key) else {
                // the reader reports it
                return own.replace_entry(below, entry, None);
            };
            own.merge_field(below, entry, field);
        });
    }

    fn merge_entries<'t>(
        &mut self,
        lower: &mut YamlNode<'t>,
        upper: YamlNode<'t>,
        mut merge: impl FnMut(&mut Self, Below<'_, 't>, YamlEntry<'t>),
    ) {
        let (YamlData::Mapping(below), YamlData::Mapping(entries)) = (&mut lower.data, upper.data) else {
            return;
        };
        for entry in entries {
            self.path.push(entry.key.to_string());
            match below.iter().position(|other| other.key == entry.key) {
                Some(at) => merge(self, Below::Entry(&mut below[at]), entry),
                None => {
                    self.settle_conflicts();
                    merge(self, Below::Nothing(below), entry);
                }
            }
            self.path.pop();
        }
    }

    fn merge_field<'t>(&mut self, below: Below<'_, 't>, upper: YamlEntry<'t>, field: &Field) {
        let lower = match below {
            Below::Nothing(entries) => {
                self.check_edits(&upper.value, field);
                return entries.push(upper);
            }
            Below::Entry(lower) => lower,
        };
        let both_mappings = is_mapping(&lower.value) && is_mapping(&upper.value);
        match &field.ty {
            FieldType::Object(_) | FieldType::Map(_)
                if both_mappings && self.is_empty_over_fields(lower, &upper) => {}
            FieldType::Object(shape) if both_mappings => {
                self.merge_objects(&mut lower.value, upper.value, shape);
            }
            FieldType::Map(map) if both_mappings => self.merge_maps(lower, upper, map, field.sensitivity),
            FieldType::Array(list) if is_list_edit(&upper.value) => {
                if !self.is_disputed() {
                    self.apply_list_edit(&mut lower.value, upper, list, field);
                }
            }
            _ => {
                self.check_edits(&upper.value, field);
                let encode = |node: &YamlNode| self.encoder.encode_field(node, field);
                let is_same = encode(&lower.value).is_some_and(|own| Some(own) == encode(&upper.value));
                self.replace_entry(Below::Entry(lower), upper, Some(is_same));
            }
        }
    }

    fn merge_maps<'t>(
        &mut self,
        lower: &mut YamlEntry<'t>,
        upper: YamlEntry<'t>,
        map: &MapType,
        sensitivity: Sensitivity,
    ) {
        self.merge_entries(&mut lower.value, upper.value, |own, below, entry| {
            let Below::Entry(lower) = below else { return own.replace_entry(below, entry, None) };
            let encode = |node: &YamlNode| own.encoder.encode_scalar(node, &map.value, sensitivity);
            let is_same = encode(&lower.value).is_some_and(|value| Some(value) == encode(&entry.value));
            own.replace_entry(Below::Entry(lower), entry, Some(is_same));
        });
    }

    /// Puts an entry in the place of the one below. `is_same`: whether both say the same, where that is known.
    fn replace_entry<'t>(&mut self, below: Below<'_, 't>, upper: YamlEntry<'t>, is_same: Option<bool>) {
        let lower = match below {
            Below::Nothing(entries) => return entries.push(upper),
            Below::Entry(lower) => lower,
        };
        if self.between_bases {
            if is_same != Some(true) {
                let (first, second) = (lower.value.span, upper.value.span);
                self.conflicts.push(BaseConflict { path: self.path.clone(), first, second });
            }
            return;
        }
        let was_disputed = self.is_disputed();
        self.settle_conflicts();
        if is_same == Some(true) && !was_disputed {
            let message = format!("`{}` is the same in the level below", self.path.join("."));
            let fault = Diagnostic::warning("same-as-below", message);
            let fault = fault.with_hint("remove it; the level below already sets it");
            self.add_fault_with(upper.key_span, fault, lower.key_span, "the level below");
        }
        *lower = upper;
    }

    /// Whether bases disagree on the value at hand.
    fn is_disputed(&self) -> bool {
        self.conflicts.iter().any(|conflict| conflict.path == self.path)
    }

    /// A level above the bases sets the value at hand, which decides what they say of it and of what is in it.
    fn settle_conflicts(&mut self) {
        self.conflicts.retain(|conflict| !conflict.path.starts_with(&self.path));
    }

    fn is_empty_over_fields(&mut self, lower: &YamlEntry, upper: &YamlEntry) -> bool {
        let is_empty = upper.value.entries().is_empty() && !lower.value.entries().is_empty();
        if is_empty && !self.between_bases {
            let message = format!("`{{}}` over the fields of `{}` changes nothing", self.path.join("."));
            let hint = "write `null` to clear it, or list what is not to be managed under `unset`";
            let fault = Diagnostic::error("empty-over-fields", message).with_hint(hint);
            self.add_fault_with(upper.key_span, fault, lower.key_span, "the level below");
        }
        is_empty
    }

    /// Reports edits of lists that have nothing below them.
    pub fn check_edits(&mut self, node: &YamlNode, field: &Field) {
        match &field.ty {
            FieldType::Array(list) if is_list_edit(node) => {
                redact_edit(self.levels, node, list, field);
                let message = format!("no level below has a list `{}` to edit", field.name);
                let fault = Diagnostic::error("edit-without-list", message);
                self.add_fault(node.span, fault.with_hint("write the list itself, as `- ` items"));
            }
            FieldType::Array(list) => {
                if let ItemType::Object(shape) = &list.item {
                    node.items().iter().for_each(|item| self.check_edits_within(item, shape));
                }
            }
            FieldType::Object(shape) => self.check_edits_within(node, shape),
            FieldType::Scalar(_) | FieldType::Map(_) => {}
        }
    }

    /// Reports edits of lists among the fields of an object that has nothing below it.
    pub fn check_edits_within(&mut self, node: &YamlNode, shape: &Shape) {
        for entry in
            node.entries().iter().filter(|entry| !matches!(entry.value.data, YamlData::Scalar { .. }))
        {
            if let Some(field) = shape.find_field(&entry.key) {
                self.check_edits(&entry.value, field);
            }
        }
    }

    /// Reports the conflicts of bases that no level above them decided: neither set nor unset.
    pub fn report_conflicts(&mut self, merged: &YamlNode) {
        for conflict in std::mem::take(&mut self.conflicts) {
            let path = conflict.path.iter().map(String::as_str);
            if find_at_path(merged, path).is_some() {
                let message = format!("the bases disagree on `{}`", conflict.path.join("."));
                let fault = Diagnostic::error("conflicting-bases", message)
                    .with_hint("set it in the document, or in one base only");
                self.add_fault_with(conflict.first, fault, conflict.second, "the other base");
            }
        }
    }

    /// Adds a fault at a span.
    pub fn add_fault(&mut self, span: SourceSpan, fault: Diagnostic) {
        self.faults.push(Diagnostic { location: self.locate(span), ..fault });
    }

    /// Adds a fault at a span, with a second place.
    pub fn add_fault_with(&mut self, span: SourceSpan, fault: Diagnostic, related: SourceSpan, what: &str) {
        let fault = match self.locate(related) {
            Some(place) => fault.with_related(place, what),
            None => fault,
        };
        self.add_fault(span, fault);
    }

    fn locate(&self, span: SourceSpan) -> Option<SourceLocation> {
        self.levels.locate_span(span)
    }
}

/// What a lower level has under a key.
enum Below<'e, 't> {
    Entry(&'e mut YamlEntry<'t>),
    /// Nothing, among these entries.
    Nothing(&'e mut Vec<YamlEntry<'t>>),
}

fn is_mapping(node: &YamlNode) -> bool {
    matches!(node.data, YamlData::Mapping(_))
}
