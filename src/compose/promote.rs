//! What one environment says of an object, said in another one too, and in the document where all say the same.
//!
//! Statements move as they are written: edits of lists stay edits, sources stay sources. A statement that every
//! environment of the object makes in the same words moves into the document, where its meaning stays the same.
//! Deliberately absent: the proof.

use std::sync::Arc;

use super::fold_edit::fold_list_edit;
use super::level_index::{LevelIndex, WrittenLevel};
use super::level_patch::{LevelPatch, LevelPlace};
use super::statements::{Statement, list_level_statements};
use crate::diagnostic::Diagnostic;
use crate::document::Document;
use crate::document::composition::is_list_edit;
use crate::document::levels::LevelKind;
use crate::document::write::layout::LayoutNode;
use crate::document::write::patch::{MapPatch, NodePatch};
use crate::document::write::rewrite::layout_node;
use crate::kind::FieldType;
use crate::yaml::YamlNode;

/// Keys of an overlay that name what it is about.
const NAMING_KEYS: [&str; 3] = ["overlay", "kind", "name"];

/// An object whose overlay is promoted.
pub struct Promotion<'p> {
    pub index: &'p LevelIndex<'p>,
    /// The document in the environment to which values move.
    pub document: &'p Document,
    pub from: &'p Arc<str>,
    pub to: &'p Arc<str>,
    /// All environments of the object.
    pub environments: &'p [Arc<str>],
    /// Paths of fields with dots, to which it is limited; empty means all.
    pub paths: &'p [String],
    /// Whether edits of lists are written into lists of the document; else they stay edits of overlays.
    pub folds_lists: bool,
}

/// The patches of a promotion.
#[derive(Default)]
pub struct PromotedObject {
    pub patches: Vec<LevelPatch>,
    /// The keys of what moves.
    pub moved: Vec<Vec<String>>,
    /// Edits of lists in the other environment that would be lost.
    pub overridden: Vec<Diagnostic>,
}

/// What an overlay says that moves.
enum MovedStatement<'n, 't, 'k> {
    Value(Statement<'n, 't, 'k>),
    /// A path that it leaves unmanaged.
    Unset(&'n str),
}

impl Promotion<'_> {
    /// The patches of all levels of the object; nothing to move where the environment has no overlay of it.
    pub fn build(&self) -> PromotedObject {
        let mut promoted = PromotedObject::default();
        let Some(from) = self.index.find_overlay(self.document, self.from) else { return promoted };
        let overlays: Vec<(&Arc<str>, Option<WrittenLevel>)> =
            self.environments.iter().map(|own| (own, self.index.find_overlay(self.document, own))).collect();
        let mut patches: Vec<MapPatch> = overlays.iter().map(|_| MapPatch::default()).collect();
        let mut document = MapPatch::default();
        let mut removed = vec![0; overlays.len()];
        let own_edits = self.index.find_overlay(self.document, self.to);
        for statement in self.list_moved(&from) {
            if let Some(fault) = own_edits.as_ref().and_then(|own| self.diagnose_overridden(own, &statement))
            {
                promoted.overridden.push(fault);
                continue;
            }
            let says =
                |level: &Option<WrittenLevel>| level.as_ref().is_some_and(|own| says_same(own, &statement));
            let is_common =
                overlays.iter().all(|(environment, level)| *environment == self.to || says(level));
            if is_common && self.fold(&statement, &mut document).is_some() {
                for (at, (_, level)) in overlays.iter().enumerate() {
                    removed[at] += remove_statement(level.as_ref(), &statement, &mut patches[at]);
                }
            } else if let Some(at) = overlays.iter().position(|(environment, _)| *environment == self.to) {
                if says(&overlays[at].1) {
                    continue;
                }
                add_statement(overlays[at].1.as_ref(), &statement, &mut patches[at]);
            }
            promoted.moved.push(statement.keys());
        }
        for ((environment, level), (patch, removed)) in overlays.iter().zip(patches.into_iter().zip(removed))
        {
            promoted.patches.extend(self.place_overlay(environment, level.as_ref(), patch, removed));
        }
        if !document.is_empty()
            && let Some(level) = self.index.find_document(self.document)
        {
            promoted.patches.push(LevelPatch::new(LevelPlace::new(&level), document));
        }
        promoted
    }

    /// The fault of a statement in whose place the other environment has its own edit of a list.
    fn diagnose_overridden(&self, own: &WrittenLevel, statement: &MovedStatement) -> Option<Diagnostic> {
        let keys = statement.keys();
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let edit = own.find(&keys).filter(|edit| is_list_edit(edit) && !says_same(own, statement))?;
        let (path, name, to) = (keys.join("."), &self.document.name, self.to);
        let message =
            format!("`{to}` edits the list `{path}` of `{name}` in its own way, which would be lost");
        let fault = Diagnostic::error("overridden-list-edit", message);
        Some(fault.with_location(own.source.locate_span(edit.span)).with_hint(
            "nothing was written; write the edit into this overlay by hand, or name other values with `--path`",
        ))
    }

    fn list_moved<'n, 't>(&self, from: &WrittenLevel<'n, 't>) -> Vec<MovedStatement<'n, 't, '_>> {
        let is_asked = |path: &str| {
            let is_below = |own: &String| {
                path.strip_prefix(own.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            };
            self.paths.is_empty() || self.paths.iter().any(is_below)
        };
        let values = list_level_statements(from, &self.document.kind.shape).into_iter();
        let values = values.map(MovedStatement::Value);
        let unset = from.unset.into_iter().flat_map(YamlNode::items).filter_map(YamlNode::as_scalar);
        let all = values.chain(unset.map(MovedStatement::Unset));
        all.filter(|own| is_asked(&own.keys().join("."))).collect()
    }

    /// Says it in the document; nothing where that would mean something else.
    fn fold(&self, statement: &MovedStatement, patch: &mut MapPatch) -> Option<()> {
        let level = self.index.find_document(self.document)?;
        let below = self.index.list_levels(self.document);
        let is_below = |keys: &[&str]| {
            below.iter().any(|own| matches!(own.kind, LevelKind::Base(_)) && own.find(keys).is_some())
        };
        match statement {
            MovedStatement::Value(own) => {
                let node = match (level.find(&own.keys), &own.field.ty) {
                    (Some(lower), FieldType::Array(list)) if is_list_edit(own.node) => {
                        fold_list_edit(lower, own.node, list).filter(|_| self.folds_lists)?
                    }
                    _ => NodePatch::Set(own.layout()),
                };
                let (last, way) = own.keys.split_last()?;
                patch.get_or_insert_map(&["spec"])?.keeps_empty = true;
                let way = [&["spec"][..], way].concat();
                patch.get_or_insert_map(&way)?.put(last, node);
            }
            MovedStatement::Unset(path) => {
                let keys: Vec<&str> = path.split('.').collect();
                if level.find(&keys).is_some() {
                    let (last, way) = keys.split_last()?;
                    patch.get_or_insert_map(&["spec"])?.keeps_empty = true;
                    let way = [&["spec"][..], way].concat();
                    patch.get_or_insert_map(&way)?.put(last, NodePatch::Remove);
                }
                if is_below(&keys) && !level.unsets(path) {
                    patch.get_or_insert_list("unset")?.added.push(LayoutNode::Text((*path).to_owned()));
                }
            }
        }
        Some(())
    }

    /// The patch of an overlay, which goes when nothing is left in it.
    fn place_overlay(
        &self,
        environment: &Arc<str>,
        level: Option<&WrittenLevel>,
        patch: MapPatch,
        removed: usize,
    ) -> Option<LevelPatch> {
        if patch.is_empty() {
            return None;
        }
        let Some(level) = level else {
            return Some(LevelPatch::new(LevelPlace::new_overlay(self.document, environment), patch));
        };
        let place = LevelPlace::new(level);
        let unset = level.unset.map_or(0, |unset| unset.items().len());
        let all = list_level_statements(level, &self.document.kind.shape).len() + unset;
        let says_more = self
            .index
            .list_overlay_keys(self.document, environment)
            .into_iter()
            .any(|key| !NAMING_KEYS.contains(&key) && !["spec", "unset"].contains(&key));
        match removed == all && !says_more {
            true => Some(LevelPatch::removal(place)),
            false => Some(LevelPatch::new(place, patch)),
        }
    }
}

impl MovedStatement<'_, '_, '_> {
    fn keys(&self) -> Vec<String> {
        match self {
            Self::Value(own) => own.keys.iter().map(|key| (*key).to_owned()).collect(),
            Self::Unset(path) => path.split('.').map(str::to_owned).collect(),
        }
    }
}

fn says_same(level: &WrittenLevel, statement: &MovedStatement) -> bool {
    match statement {
        MovedStatement::Value(said) => {
            level.find(&said.keys).is_some_and(|own| layout_node(own) == said.layout())
        }
        MovedStatement::Unset(path) => level.unsets(path),
    }
}

/// Says it in an overlay, in the place of what it says there.
fn add_statement(
    level: Option<&WrittenLevel>,
    statement: &MovedStatement,
    patch: &mut MapPatch,
) -> Option<()> {
    match statement {
        MovedStatement::Value(own) => {
            let (last, way) = own.keys.split_last()?;
            let way = [&["spec"][..], way].concat();
            patch.get_or_insert_map(&way)?.put(last, NodePatch::Set(own.layout()));
            let path = own.keys.join(".");
            let unset = level.and_then(|level| level.unset);
            let at =
                unset.and_then(|unset| unset.items().iter().position(|own| own.as_scalar() == Some(&path)));
            if let Some(at) = at {
                patch.get_or_insert_list("unset")?.removed.push(at);
            }
        }
        MovedStatement::Unset(path) => {
            let keys: Vec<&str> = path.split('.').collect();
            if level.is_some_and(|level| level.find(&keys).is_some()) {
                let (last, way) = keys.split_last()?;
                let way = [&["spec"][..], way].concat();
                patch.get_or_insert_map(&way)?.put(last, NodePatch::Remove);
            }
            patch.get_or_insert_list("unset")?.added.push(LayoutNode::Text((*path).to_owned()));
        }
    }
    Some(())
}

/// Takes what an overlay says of the same value out of it; how many statements go.
fn remove_statement(level: Option<&WrittenLevel>, statement: &MovedStatement, patch: &mut MapPatch) -> usize {
    let Some(level) = level else { return 0 };
    let keys = statement.keys();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let mut removed = 0;
    if level.find(&keys).is_some()
        && let Some((last, way)) = keys.split_last()
        && let Some(map) = patch.get_or_insert_map(&[&["spec"][..], way].concat())
    {
        map.put(last, NodePatch::Remove);
        removed += 1;
    }
    let path = keys.join(".");
    let unset = level.unset.map(YamlNode::items).unwrap_or_default();
    if let Some(at) = unset.iter().position(|own| own.as_scalar() == Some(&path))
        && let Some(list) = patch.get_or_insert_list("unset")
    {
        list.removed.push(at);
        removed += 1;
    }
    removed
}
