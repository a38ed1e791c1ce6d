//! Differences of one object as patches of its levels.
//!
//! Values are set, entries removed, and fields that no document can say are left unmanaged. Lists are in `items`.

use std::collections::BTreeMap;

use super::items::{ListContext, ListEditor};
use super::level_choice::{Destination, LevelChoice};
use super::live::fill_document;
use super::named_values::{NamedValues, ValueEdit};
use super::values::{build_value, diagnose_unsafe, split_path};
use super::{AcceptOptions, AcceptedObject, ObjectPatches};
use crate::compose::level_index::LevelIndex;
use crate::compose::level_patch::{LevelPatch, LevelPlace};
use crate::diagnostic::Diagnostic;
use crate::document::write::layout::LayoutNode;
use crate::document::write::patch::{MapPatch, NodePatch};
use crate::document::{DesiredNode, DesiredValue, Document, ValueSource};
use crate::kind::{FieldType, ListType};
use crate::plan::Change;
use crate::run::import::draft::{DraftOptions, ObjectDraft, draft_object};
use crate::run::import::live_layout::{LiveLayout, resolve_field};
use crate::run::import::names::VariableNames;
use crate::value::{Object, PathSegment, Value, ValuePath};

/// A key of the mapping in which a level has its values.
const SPEC_KEY: &str = "spec";
/// A key of the list of fields that a level leaves unmanaged.
const UNSET_KEY: &str = "unset";

/// The levels and values into which live values go.
pub struct PatchContext<'p, 't> {
    pub index: &'p LevelIndex<'t>,
    pub values: NamedValues<'p, 't>,
    pub options: &'p AcceptOptions,
}

/// The patches that make a document say its live values.
pub fn build_patches(
    context: &PatchContext,
    document: &Document,
    object: &AcceptedObject,
    changes: &[Change],
) -> ObjectPatches {
    let PatchContext { index, values, options } = context;
    let into = options.into.map(|shared| shared.level);
    let draft = draft_open_values(document, &object.live, options.personal);
    let mut builder = PatchBuilder {
        document,
        values,
        live: &object.live,
        filled: fill_document(document, &object.live),
        choice: LevelChoice::new(index, document, object.environments, into),
        layout: LiveLayout { kind: &document.kind, draft: &draft, personal: options.personal },
        patches: BTreeMap::new(),
        refused: Vec::new(),
    };
    builder.add_changes(changes);
    let patch = |(place, patch): (LevelPlace, MapPatch)| LevelPatch::new(place, patch);
    ObjectPatches { patches: builder.patches.into_iter().map(patch).collect(), refused: builder.refused }
}

/// The draft of a live object, without what comes from sources.
fn draft_open_values(document: &Document, live: &Object, personal: bool) -> ObjectDraft {
    let options = DraftOptions { kind: &document.kind, personal, no_secrets: true, words: Vec::new() };
    let mut draft = draft_object(&options, live, &mut VariableNames::new(Default::default()));
    draft.fields.retain_mut(|(_, node)| retain_open_values(node));
    draft.remarks.clear();
    draft
}

/// Takes sources out of a node; whether anything of it is left.
fn retain_open_values(node: &mut DesiredNode) -> bool {
    match &mut node.value {
        DesiredValue::Source(ValueSource::Env(_)) => return false,
        DesiredValue::Object(fields) => fields.retain_mut(|(_, node)| retain_open_values(node)),
        DesiredValue::Map(entries) => entries.retain_mut(|(_, node)| retain_open_values(node)),
        // the places of items are those of the live list
        DesiredValue::List(items) => items.iter_mut().for_each(|node| {
            retain_open_values(node);
        }),
        _ => {}
    }
    true
}

pub(super) struct PatchBuilder<'p, 'i, 't> {
    document: &'p Document,
    values: &'p NamedValues<'i, 't>,
    live: &'p Object,
    /// The document with live values for its sources and references.
    filled: Document,
    choice: LevelChoice<'p, 'i, 't>,
    layout: LiveLayout<'p>,
    patches: BTreeMap<LevelPlace, MapPatch>,
    refused: Vec<Diagnostic>,
}

/// Changes of one list, by the keys that lead to it.
type ListChanges<'c> = BTreeMap<Vec<&'c str>, Vec<(&'c [PathSegment], &'c Change)>>;

impl PatchBuilder<'_, '_, '_> {
    fn add_changes(&mut self, changes: &[Change]) {
        let mut lists = ListChanges::new();
        for change in changes {
            match self.values.find_edit(self.document, change) {
                Some(Ok(ValueEdit { place, name, setting })) => {
                    self.patches.entry(place).or_default().put(&name, NodePatch::Set(setting));
                    continue;
                }
                Some(Err(fault)) => {
                    self.refused.push(fault);
                    continue;
                }
                None => {}
            }
            let (keys, rest) = split_path(&change.path.0);
            match rest.is_empty() {
                true => self.add_value(&keys, change),
                false => lists.entry(keys).or_default().push((rest, change)),
            }
        }
        for (keys, changes) in lists {
            if let Err(fault) = self.add_list(&keys, &changes) {
                self.refuse(fault, changes.first().map(|(_, change)| *change));
            }
        }
    }

    fn refuse(&mut self, fault: Diagnostic, change: Option<&Change>) {
        let place = change.and_then(|change| change.place.clone());
        let place = place.unwrap_or_else(|| self.document.locate_span(self.document.name_span));
        self.refused.push(if fault.location.is_some() { fault } else { fault.with_location(place) });
    }

    /// A field or an entry of a map.
    fn add_value(&mut self, keys: &[&str], change: &Change) {
        let tree = match build_value(&self.layout, change) {
            Ok(tree) => tree,
            Err(fault) => return self.refuse(fault, Some(change)),
        };
        let destinations = self.choice.choose(keys);
        for destination in destinations {
            let patch = self.patches.entry(destination.place.clone()).or_default();
            let done = match &tree {
                Some(tree) => set_value(patch, keys, tree.clone()),
                None => {
                    let keeps = keeps_empty_map(self.document, keys, &destination);
                    remove_value(patch, keys, &destination, keeps)
                }
            };
            if done.is_none() {
                self.refused.push(
                    diagnose_unsafe(change).with_location(self.document.locate_span(self.document.name_span)),
                );
                return;
            }
        }
    }

    /// Items of a list.
    fn add_list(&mut self, keys: &[&str], changes: &[(&[PathSegment], &Change)]) -> Result<(), Diagnostic> {
        let Some((_, first)) = changes.first() else { return Ok(()) };
        let path = ValuePath(first.path.0[..keys.len()].to_vec());
        let (Some((mark, field)), Some(numbers)) =
            (resolve_field(&self.document.kind, &path), find_numbers(self.document, keys))
        else {
            return Err(diagnose_unsafe(first));
        };
        let FieldType::Array(list) = &field.ty else { return Err(diagnose_unsafe(first)) };
        let desired = list_items(self.document.spec.get_path(&numbers));
        let filled = list_items(self.filled.spec.get_path(&numbers));
        let live = numbers.iter().try_fold(None, |value: Option<&Value>, number| {
            let object = value.map_or(Some(self.live), Value::as_object)?;
            Some(Some(object.get_field(*number)?))
        });
        let live = live.flatten().map(Value::items).unwrap_or_default();
        let context = ListContext { list, name: &field.name, mark, desired, filled, live };
        for destination in self.choice.choose(keys) {
            let raw = destination.level.and_then(|level| level.find(keys));
            let is_whole =
                matches!(list.list_type, ListType::Atomic) && raw.is_none_or(|raw| raw.items().is_empty());
            let patch = match is_whole {
                true if live.is_empty() => NodePatch::Set(LayoutNode::List(Vec::new())),
                true => {
                    let drafted = self.layout.build_drafted(&path, mark, field);
                    NodePatch::Set(drafted.ok_or_else(|| diagnose_unsafe(first))?.tree)
                }
                false => {
                    let file = destination.level.map_or("", |level| &level.source.path);
                    let editor = ListEditor { document: self.document, layout: self.layout, file };
                    editor.build_patch(&context, raw, changes)?
                }
            };
            let own = self.patches.entry(destination.place.clone()).or_default();
            put_at(own, keys, patch).ok_or_else(|| diagnose_unsafe(first))?;
        }
        Ok(())
    }
}

/// Puts a patch at keys below `spec`; nothing where another patch is in the way.
fn put_at(patch: &mut MapPatch, keys: &[&str], node: NodePatch) -> Option<()> {
    let (last, way) = keys.split_last()?;
    patch.get_or_insert_map(&[SPEC_KEY])?.keeps_empty = true;
    let way: Vec<&str> = std::iter::once(SPEC_KEY).chain(way.iter().copied()).collect();
    patch.get_or_insert_map(&way)?.put(last, node);
    Some(())
}

fn set_value(patch: &mut MapPatch, keys: &[&str], tree: LayoutNode) -> Option<()> {
    put_at(patch, keys, NodePatch::Set(tree))
}

/// Takes a value out of a level, and leaves what is below it unmanaged.
fn remove_value(
    patch: &mut MapPatch,
    keys: &[&str],
    destination: &Destination,
    keeps_empty: bool,
) -> Option<()> {
    let level = destination.level;
    if level.is_some_and(|level| level.find(keys).is_some()) {
        put_at(patch, keys, NodePatch::Remove)?;
        let way: Vec<&str> =
            std::iter::once(SPEC_KEY).chain(keys[..keys.len() - 1].iter().copied()).collect();
        let parent = patch.get_or_insert_map(&way)?;
        parent.keeps_empty = keeps_empty || way.len() == 1;
    }
    let path = keys.join(".");
    if destination.is_set_below(keys) && !level.is_some_and(|level| level.unsets(&path)) {
        patch.get_or_insert_list(UNSET_KEY)?.added.push(LayoutNode::Text(path));
    }
    Some(())
}

/// Whether a map that loses its last entry stays: `{}` asks that it be empty.
fn keeps_empty_map(document: &Document, keys: &[&str], destination: &Destination) -> bool {
    let Some((_, way)) = keys.split_last() else { return false };
    let segments = way.iter().map(|key| PathSegment::Field((*key).into())).collect();
    let field = resolve_field(&document.kind, &ValuePath(segments)).map(|(_, field)| &field.ty);
    matches!(field, Some(FieldType::Map(map)) if map.deletes_unlisted) && !destination.is_set_below(way)
}

/// The numbers of the fields that keys lead through.
fn find_numbers(document: &Document, keys: &[&str]) -> Option<Vec<u16>> {
    let (mut shape, mut numbers) = (Some(&document.kind.shape), Vec::new());
    for key in keys {
        let field = shape?.find_field(key)?;
        numbers.push(field.number);
        shape = match &field.ty {
            FieldType::Object(inner) => Some(inner),
            _ => None,
        };
    }
    Some(numbers)
}

fn list_items(node: Option<&DesiredNode>) -> &[DesiredNode] {
    match node.map(|node| &node.value) {
        Some(DesiredValue::List(items)) => items,
        _ => &[],
    }
}
