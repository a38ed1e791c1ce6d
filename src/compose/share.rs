//! What documents of one kind have in common, as a base that they extend.
//!
//! A value is common when every document writes it in the same words. What makes a document one object, what is about
//! a person, and what a base of one of them sets already stays where it is.
//! Deliberately absent: the proof that renders stay the same.

use std::collections::BTreeMap;

use super::level_index::{LevelIndex, WrittenLevel};
use super::level_patch::{LevelPatch, LevelPlace};
use super::statements::{Statement, format_shown_path, list_level_statements};
use crate::document::Document;
use crate::document::composition::is_list_edit;
use crate::document::levels::LevelKind;
use crate::document::write::layout::{LayoutEntry, LayoutNode};
use crate::document::write::patch::{MapPatch, NodePatch};
use crate::document::write::render_entries;
use crate::document::write::rewrite::layout_node;
use crate::kind::Kind;
use crate::value::Sensitivity;

/// A base that documents may share.
pub struct SharedBase {
    /// The text of its file.
    pub text: String,
    /// The changes of the documents.
    pub patches: Vec<LevelPatch>,
    /// The fields that it sets, with dots.
    pub fields: Vec<String>,
}

/// The base of what documents have in common; nothing when that is nothing. `documents` are objects of one kind, each
/// once.
pub fn propose_base(index: &LevelIndex, documents: &[&Document], name: &str) -> Option<SharedBase> {
    let kind = &documents.first().filter(|_| documents.len() > 1)?.kind;
    let levels: Vec<WrittenLevel> =
        documents.iter().map(|document| index.find_document(document)).collect::<Option<_>>()?;
    let (first, others) = levels.split_first()?;
    let is_common = |statement: &Statement| {
        let own = statement.layout();
        others.iter().all(|level| level.find(&statement.keys).is_some_and(|node| layout_node(node) == own))
    };
    let is_free = |statement: &Statement| {
        !documents.iter().any(|document| is_set_by_base(index, document, &statement.keys))
    };
    let mut common: Vec<Statement> = list_level_statements(first, &kind.shape);
    common.retain(|own| is_shareable(own, kind) && is_common(own) && is_free(own));
    if common.is_empty() {
        return None;
    }
    let mut spec = MapPatch::default();
    for statement in &common {
        put(&mut spec, &statement.keys, NodePatch::Set(statement.layout()))?;
    }
    let entry = |key: &str, node| LayoutEntry { key: key.to_owned(), node: Some(node), comment: None };
    let entries = [
        entry("base", LayoutNode::Text(name.to_owned())),
        entry("kind", LayoutNode::Text(kind.name.to_string())),
        entry("spec", LayoutNode::Map(spec.build_entries())),
    ];
    Some(SharedBase {
        text: render_entries(&entries, &[]),
        patches: build_patches(index, documents, &levels, &common, name),
        fields: common.iter().map(|own| format_shown_path(&kind.shape, &own.keys)).collect(),
    })
}

/// Whether a base may say it.
fn is_shareable(statement: &Statement, kind: &Kind) -> bool {
    let is_key = |path: &Vec<u16>| {
        let names = kind.shape.list_path_fields(path);
        names.iter().map(|field| &*field.name).eq(statement.keys.iter().copied())
    };
    let is_personal = |sensitivity: Sensitivity| sensitivity == Sensitivity::Personal;
    let inner = statement.field.ty.inner_shape();
    let holds_personal =
        inner.is_some_and(|shape| shape.list_all_fields().iter().any(|field| is_personal(field.sensitivity)));
    !kind.identity.natural_key.iter().any(is_key)
        && !is_personal(statement.sensitivity)
        && !holds_personal
        && !is_list_edit(statement.node)
}

fn is_set_by_base(index: &LevelIndex, document: &Document, keys: &[&str]) -> bool {
    let levels = index.list_levels(document);
    levels.iter().any(|level| matches!(level.kind, LevelKind::Base(_)) && level.find(keys).is_some())
}

/// The documents without what they have in common, and with the base.
fn build_patches(
    index: &LevelIndex,
    documents: &[&Document],
    levels: &[WrittenLevel],
    common: &[Statement],
    name: &str,
) -> Vec<LevelPatch> {
    let mut patches = Vec::new();
    let headers = find_whole_headers(index, documents, levels);
    for (document, level) in documents.iter().zip(levels) {
        let mut patch = MapPatch::default();
        for statement in common {
            let keys = [&["spec"][..], &statement.keys].concat();
            put(&mut patch, &keys, NodePatch::Remove);
        }
        if let Some(spec) = patch.get_or_insert_map(&["spec"]) {
            spec.keeps_empty = true;
        }
        let mut names = index.list_base_names(document);
        names.push(name);
        let names = NodePatch::Set(LayoutNode::List(
            names.into_iter().map(|name| LayoutNode::Text(name.to_owned())).collect(),
        ));
        let start = index.find_header(document);
        match (start, headers.get(&(level.source.path.as_str(), start))) {
            (Some(start), Some(true)) => {
                let mut header = MapPatch::default();
                header.insert_after = Some("kind");
                header.put("extends", names);
                let path = level.source.path.clone();
                let place = LevelPlace::Written { path, anchor: start, keys: Vec::new() };
                patches.push(LevelPatch::new(place, header));
            }
            _ => {
                patch.insert_after = Some(if level.keys.is_empty() { "name" } else { "extends" });
                patch.put("extends", names);
            }
        }
        patches.push(LevelPatch::new(LevelPlace::new(level), patch));
    }
    patches
}

/// The documents with `objects` of which every object is shared and none says by itself what it extends.
fn find_whole_headers<'i>(
    index: &LevelIndex,
    documents: &[&Document],
    levels: &'i [WrittenLevel],
) -> BTreeMap<(&'i str, Option<u32>), bool> {
    let mut counts: BTreeMap<(&str, Option<u32>), (usize, bool)> = BTreeMap::new();
    for (document, level) in documents.iter().zip(levels) {
        let entry = counts.entry((&level.source.path, index.find_header(document))).or_insert((0, true));
        entry.0 += 1;
        entry.1 &= !index.extends_itself(document);
    }
    let all = index.count_shared_objects();
    let is_whole = |((path, header), (count, inherits)): ((&'i str, Option<u32>), (usize, bool))| {
        let all = header.and_then(|header| all.get(&(path, header)));
        ((path, header), inherits && all == Some(&count))
    };
    counts.into_iter().map(is_whole).collect()
}

fn put(patch: &mut MapPatch, keys: &[&str], node: NodePatch) -> Option<()> {
    let (last, way) = keys.split_last()?;
    patch.get_or_insert_map(way)?.put(last, node);
    Some(())
}
