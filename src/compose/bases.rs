//! Bases: which a document extends, and what they say together in an environment.
//!
//! The bases of a document are merged once for each environment, in the order of their names, and shared by all
//! documents that extend the same ones. Deliberately absent: levels above them.

use std::collections::HashMap;
use std::sync::Arc;

use super::head::{BaseDocument, ObjectDocument};
use super::merge::{BaseConflict, LevelMerger};
use super::settings::CompositionSettings;
use super::substitute::{Substitution, move_span};
use super::values::ValueTable;
use crate::diagnostic::{Diagnostic, SourceLocation, SourceSpan, suggest_word};
use crate::document::effective_reader::EffectiveReader;
use crate::document::levels::{DocumentLevels, LevelKind};
use crate::document::node_encoder::NodeEncoder;
use crate::kind::explain::is_set_by_service;
use crate::kind::registry::KindRegistry;
use crate::kind::{FieldType, Kind, Shape};
use crate::value::Sensitivity;
use crate::yaml::{YamlData, YamlNode};

/// The bases of a repository.
pub struct BaseTable<'s> {
    bases: Vec<BaseDocument<'s>>,
    by_name: HashMap<String, usize>,
    /// The sets of bases that documents extend: by number, ascending by name.
    sets: Vec<Vec<usize>>,
    set_numbers: HashMap<Vec<usize>, usize>,
}

/// What bases say together in an environment; spans start at 0.
pub struct MergedBases<'s> {
    pub spec: YamlNode<'s>,
    pub levels: DocumentLevels,
    pub conflicts: Vec<BaseConflict>,
    pub uses_values: bool,
}

impl<'s> BaseTable<'s> {
    /// Takes bases; two of one name are a fault.
    pub fn new(bases: Vec<BaseDocument<'s>>, faults: &mut Vec<Diagnostic>) -> Self {
        let mut by_name: HashMap<String, usize> = HashMap::new();
        for (number, base) in bases.iter().enumerate() {
            report_identity(base, faults);
            if let Some(first) = by_name.get(&*base.name.0).and_then(|first| bases.get(*first)) {
                let message = format!("two bases are named `{}`", base.name.0.escape_debug());
                let fault = Diagnostic::error("duplicate-base", message)
                    .with_location(base.source.locate_span(base.name.1))
                    .with_related(first.source.locate_span(first.name.1), "the other base");
                faults.push(fault.with_hint("rename one of them, or merge the two"));
                continue;
            }
            by_name.insert(base.name.0.to_string(), number);
        }
        Self { bases, by_name, sets: Vec::new(), set_numbers: HashMap::new() }
    }

    /// The number of the set that a document extends; none when it extends nothing.
    pub fn add_set(
        &mut self,
        object: &ObjectDocument,
        settings: &CompositionSettings,
        faults: &mut Vec<Diagnostic>,
    ) -> Option<usize> {
        let mut set: Vec<usize> = match &object.extends {
            Some(names) => {
                let names = names.iter().map(|(name, span)| (&**name, object.source.locate_span(*span)));
                names.filter_map(|(name, place)| self.find_base(name, place, &object.kind, faults)).collect()
            }
            None => {
                let defaults = settings.find_defaults(&object.kind.name)?;
                let names =
                    defaults.bases.iter().map(|(name, span)| (&**name, settings.source.locate_span(*span)));
                names.filter_map(|(name, place)| self.find_base(name, place, &object.kind, faults)).collect()
            }
        };
        if set.is_empty() {
            return None;
        }
        set.sort_by(|a, b| self.get_name(*a).cmp(self.get_name(*b)));
        set.dedup();
        if let Some(number) = self.set_numbers.get(&set) {
            return Some(*number);
        }
        let number = self.sets.len();
        self.sets.push(set.clone());
        self.set_numbers.insert(set, number);
        Some(number)
    }

    /// Looks up every name under `defaults`, also where each document says itself what it extends.
    pub fn check_defaults(
        &self,
        settings: &CompositionSettings,
        kinds: &KindRegistry,
        faults: &mut Vec<Diagnostic>,
    ) {
        for defaults in &settings.defaults {
            let Some(kind) = kinds.find_kind(&defaults.kind) else { continue };
            for (name, span) in &defaults.bases {
                self.find_base(name, settings.source.locate_span(*span), &kind, faults);
            }
        }
    }

    fn get_name(&self, number: usize) -> &str {
        self.bases.get(number).map_or("", |base| &base.name.0)
    }

    fn find_base(
        &self,
        name: &str,
        place: SourceLocation,
        kind: &Kind,
        faults: &mut Vec<Diagnostic>,
    ) -> Option<usize> {
        let Some(number) = self.by_name.get(name).copied() else {
            let message = format!("there is no base `{}`", name.escape_debug());
            let mut fault = Diagnostic::error("unknown-base", message).with_location(place);
            let known =
                self.bases.iter().filter(|base| base.kind.name == kind.name).map(|base| &*base.name.0);
            fault.hint = suggest_word(name, known)
                .or_else(|| Some(format!("write one in the folder `{BASES_FOLDER}`")));
            faults.push(fault);
            return None;
        };
        let base = self.bases.get(number)?;
        if base.kind.name != kind.name {
            let message = format!("the base `{name}` is one of `{}`, not of `{}`", base.kind.name, kind.name);
            let fault = Diagnostic::error("wrong-base-kind", message)
                .with_location(place)
                .with_related(base.source.locate_span(base.name.1), "the base");
            faults.push(fault.with_hint("extend a base of the same kind"));
            return None;
        }
        Some(number)
    }

    /// How many sets there are.
    pub fn count_sets(&self) -> usize {
        self.sets.len()
    }

    /// The bases of a set.
    pub fn list_set(&self, set: usize) -> impl Iterator<Item = &BaseDocument<'s>> {
        let numbers = self.sets.get(set).map_or(&[][..], Vec::as_slice);
        numbers.iter().filter_map(|number| self.bases.get(*number))
    }

    /// Merges the bases of a set for an environment.
    pub fn merge_set<'v>(
        &self,
        set: usize,
        values: &'v ValueTable,
        environment: Option<&Arc<str>>,
        faults: &mut Vec<Diagnostic>,
    ) -> MergedBases<'v>
    where
        's: 'v,
    {
        let (mut substitution, mut specs) =
            (Substitution::new(values, environment.cloned(), DocumentLevels::empty()), Vec::new());
        for base in self.list_set(set) {
            specs.extend(copy_base(base, &mut substitution));
        }
        let uses_values = substitution.uses_values;
        let (levels, mut found) = substitution.into_levels();
        faults.append(&mut found);
        let encoder = NodeEncoder::default();
        let mut merger = LevelMerger::new(&levels, &encoder);
        merger.between_bases = true;
        let mut spec = YamlNode { span: SourceSpan::default(), data: YamlData::Mapping(Vec::new()) };
        for (own, kind) in specs {
            merger.check_edits_within(&own, &kind.shape);
            merger.merge_objects(&mut spec, own, &kind.shape);
        }
        faults.append(&mut merger.faults);
        let conflicts = std::mem::take(&mut merger.conflicts);
        MergedBases { spec, levels, conflicts, uses_values }
    }

    /// Checks each base by itself.
    pub fn check_specs(
        &self,
        values: &ValueTable,
        environment: Option<&Arc<str>>,
        kinds: &KindRegistry,
    ) -> Vec<Diagnostic> {
        let (mut faults, mut reader) = (Vec::new(), EffectiveReader::new(kinds));
        for base in &self.bases {
            let mut substitution = Substitution::new(values, environment.cloned(), DocumentLevels::empty());
            let Some((spec, kind)) = copy_base(base, &mut substitution) else { continue };
            let (levels, mut found) = substitution.into_levels();
            if found.is_empty() {
                // edits have nothing below them here, which is reported where bases meet
                reader.check_spec(&spec, &kind, &levels, &mut faults);
            }
            faults.append(&mut found);
        }
        faults
    }

    /// The bases that nothing extends.
    pub fn diagnose_unused(&self) -> Vec<Diagnostic> {
        let used: std::collections::HashSet<usize> = self.sets.iter().flatten().copied().collect();
        let unused = self.bases.iter().enumerate().filter(|(number, _)| !used.contains(number));
        let warn = |(_, base): (usize, &BaseDocument)| {
            Diagnostic::warning("unused-base", format!("no document extends the base `{}`", base.name.0))
                .with_location(base.source.locate_span(base.name.1))
                .with_hint("remove it, or extend it")
        };
        unused.map(warn).collect()
    }
}

/// The folder with bases.
pub const BASES_FOLDER: &str = "bases";

/// The spec of a base in the range of its own level.
fn copy_base<'v, 's: 'v>(
    base: &BaseDocument<'s>,
    substitution: &mut Substitution<'v>,
) -> Option<(YamlNode<'v>, Arc<Kind>)> {
    let kind = LevelKind::Base(Arc::from(&*base.name.0));
    let start = substitution.levels_mut().add_level(kind, base.source, base.name.1)?;
    let spec = base.spec.as_ref()?;
    if !matches!(spec.data, YamlData::Mapping(_)) {
        let fault = Diagnostic::error(
            "wrong-type",
            format!("`spec` takes a mapping, this is {}", spec.describe_type()),
        );
        substitution.add_fault(move_span(spec.span, start), fault.with_hint("write `field: value` lines"));
        return None;
    }
    Some((substitution.copy_spec(spec, &base.kind.shape, start), Arc::clone(&base.kind)))
}

/// Reports what makes a base one object: the whole natural key, and values about a person.
fn report_identity(base: &BaseDocument, faults: &mut Vec<Diagnostic>) {
    let Some(spec) = &base.spec else { return };
    let kind = &base.kind;
    // what trueup fills in is written nowhere
    let is_written =
        |path: &&Vec<u16>| path.first().is_none_or(|own| kind.shape.get_field(*own).copy_of.is_none());
    let key: Vec<_> = kind.identity.natural_key.iter().filter(is_written).collect();
    let parts: Vec<_> = key.iter().filter_map(|path| find_field_node(spec, kind, path)).collect();
    let fault = |span: SourceSpan, message: String| {
        Diagnostic::error("identity-in-base", message)
            .with_location(base.source.locate_span(span))
            .with_hint("move it to the document of the object")
    };
    if let Some(first) = parts.first().filter(|_| parts.len() == key.len()) {
        let names = kind.list_natural_key_names().join(", ");
        faults.push(fault(*first, format!("`{names}` finds one object, so it cannot stand in a base")));
    }
    let id = kind.id_field();
    if let Some(span) = find_field_node(spec, kind, &[id.number]).filter(|_| !is_set_by_service(id)) {
        faults.push(fault(span, format!("`{}` finds one object, so it cannot be in a base", id.name)));
    }
    report_personal(spec, &kind.shape, &mut |span, name| {
        faults.push(fault(span, format!("`{name}` is about a person, so it cannot stand in a base")));
    });
}

fn find_field_node(spec: &YamlNode, kind: &Kind, path: &[u16]) -> Option<SourceSpan> {
    let (mut shape, mut node, mut span) = (&kind.shape, spec, None);
    for number in path {
        let field = shape.get_field(*number);
        let entry = node.entries().iter().find(|entry| *entry.key == *field.name)?;
        (node, span) = (&entry.value, Some(entry.key_span));
        if let FieldType::Object(inner) = &field.ty {
            shape = inner;
        }
    }
    span
}

fn report_personal(node: &YamlNode, shape: &Shape, report: &mut dyn FnMut(SourceSpan, &str)) {
    for entry in node.entries() {
        let Some(field) = shape.find_field(&entry.key) else { continue };
        if field.sensitivity == Sensitivity::Personal && !entry.value.is_null() {
            report(entry.key_span, &field.name);
            continue;
        }
        let Some(inner) = field.ty.inner_shape() else { continue };
        report_personal(&entry.value, inner, report);
        entry.value.items().iter().for_each(|item| report_personal(item, inner, report));
    }
}
