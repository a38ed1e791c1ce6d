//! Patches of levels as new texts of their files; everything else stays byte for byte.
//!
//! Deliberately absent: whether the new texts say what they are to say (`proof`).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::removed_documents::remove_documents;
use crate::compose::level_patch::{LevelPatch, LevelPlace};
use crate::diagnostic::{Diagnostic, NamedSource, SourceLocation, SourceSpan};
use crate::document::write::edit::{DocumentEditor, EditError, apply_edits};
use crate::document::write::layout::{LayoutEntry, LayoutNode};
use crate::document::write::patch::MapPatch;
use crate::document::write::render_entries;
use crate::run::import::names;
use crate::workspace::edited::{EditedWorkspace, FileEdits};
use crate::yaml::{self, YamlNode};

/// What to do where a text cannot be edited.
const HINT_BY_HAND: &str = "the file is left as it is; change it by hand";

/// The new texts of the files in which levels change.
///
/// # Errors
/// When a text cannot be edited without changing more.
pub fn apply_patches(edited: &EditedWorkspace, patches: &[LevelPatch]) -> Result<FileEdits, Diagnostic> {
    let mut files: BTreeMap<&str, FilePatches> = BTreeMap::new();
    let mut new = BTreeMap::new();
    for (place, (patch, removes_level)) in merge_patches(edited, patches)? {
        match place {
            LevelPlace::Written { path, anchor, .. } if removes_level => {
                files.entry(path).or_default().removed.push(*anchor);
            }
            LevelPlace::Written { path, anchor, keys } => {
                files.entry(path).or_default().changed.push((*anchor, keys, patch));
            }
            LevelPlace::NewOverlay { environment, kind, name, beside } => {
                let path = choose_overlay_path(edited, beside, environment);
                let head = [("overlay", environment), ("kind", kind), ("name", name)];
                let head = head.map(|(key, text)| LayoutEntry {
                    key: key.to_owned(),
                    node: Some(LayoutNode::Text(text.to_string())),
                    comment: None,
                });
                let entries = [head.to_vec(), patch.build_entries()].concat();
                new.entry(path).or_insert_with(Vec::new).push(render_entries(&entries, &[]));
            }
        }
    }
    let mut texts = FileEdits::new();
    for (path, patches) in files {
        let source = edited.find_source(path).ok_or_else(|| diagnose_unknown_file(path))?;
        texts.insert(path.to_owned(), edit_file(source, &patches)?);
    }
    for (path, documents) in new {
        let before = texts.get(&path).cloned().flatten();
        let before = before.or_else(|| edited.find_source(&path).map(|source| source.text.to_string()));
        let text = append_documents(before, edited.render_schema_line(&path), &documents);
        texts.insert(path, Some(text));
    }
    Ok(texts)
}

/// One patch for each level.
fn merge_patches<'p>(
    edited: &EditedWorkspace,
    patches: &'p [LevelPatch],
) -> Result<BTreeMap<&'p LevelPlace, (MapPatch, bool)>, Diagnostic> {
    let mut merged: BTreeMap<&LevelPlace, (MapPatch, bool)> = BTreeMap::new();
    for LevelPatch { place, patch, removes_level } in patches {
        let own = merged.entry(place).or_default();
        own.1 |= removes_level;
        if !own.0.merge(patch) {
            let message = "two objects are to write different values into the same place";
            let fault = Diagnostic::error("conflicting-edits", message);
            let fault = fault.with_hint("select the object whose value counts with `--name`");
            return Err(locate_level(edited, place).into_iter().fold(fault, Diagnostic::with_location));
        }
    }
    Ok(merged)
}

/// Where a level is; for one that is not there yet, the file of its document.
fn locate_level(edited: &EditedWorkspace, place: &LevelPlace) -> Option<SourceLocation> {
    let (path, at) = match place {
        LevelPlace::Written { path, anchor, .. } => (path, *anchor),
        LevelPlace::NewOverlay { beside, .. } => (beside, 0),
    };
    Some(edited.find_source(path)?.locate_span(SourceSpan { start: at, end: at }))
}

/// What changes in one file.
#[derive(Default)]
struct FilePatches<'p> {
    /// A place in the YAML document, the keys that lead to the level, and its patch.
    changed: Vec<(u32, &'p [String], MapPatch)>,
    /// Places in YAML documents that go.
    removed: Vec<u32>,
}

/// The new text of a file; nothing when no document is left in it.
fn edit_file(source: &Arc<NamedSource>, patches: &FilePatches) -> Result<Option<String>, Diagnostic> {
    let nodes = yaml::read_documents(source, &mut Vec::new());
    if !patches.removed.is_empty() && patches.removed.len() == nodes.len() {
        return Ok(None);
    }
    let mut edits = remove_documents(&source.text, &patches.removed);
    for (anchor, keys, patch) in &patches.changed {
        let at = SourceSpan { start: *anchor, end: *anchor };
        let (root, level) = find_level_node(&nodes, *anchor, keys)
            .ok_or_else(|| diagnose_unsafe_edit(source, at, "can't be found again in its file"))?;
        let mut editor = DocumentEditor::new(source, root);
        let unsafe_edit = |error: EditError| diagnose_unsafe_edit(source, error.span, error.reason);
        patch.apply(&mut editor, level).map_err(unsafe_edit)?;
        edits.extend(editor.into_edits());
    }
    let unclear = || diagnose_unsafe_edit(source, SourceSpan::default(), "is edited in two ways at once");
    apply_edits(&source.text, &edits).map(Some).ok_or_else(unclear)
}

/// The YAML document around a place, and the node of the level in it.
fn find_level_node<'n, 't>(
    nodes: &'n [YamlNode<'t>],
    anchor: u32,
    keys: &[String],
) -> Option<(&'n YamlNode<'t>, &'n YamlNode<'t>)> {
    let after = nodes.partition_point(|node| node.span.start <= anchor);
    let root = nodes.get(after.checked_sub(1)?)?;
    let level = keys.iter().try_fold(root, |node, key| node.get_value(key))?;
    Some((root, level))
}

/// The file for a new overlay: of the same name as that of the document, in a folder named after the environment.
fn choose_overlay_path(edited: &EditedWorkspace, beside: &str, environment: &str) -> String {
    let (folder, name) =
        beside.rsplit_once('/').map_or((None, beside), |(folder, name)| (Some(folder), name));
    let environment = names::to_kebab(environment);
    let in_folder = |name: String| folder.map_or_else(|| name.clone(), |folder| format!("{folder}/{name}"));
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let paths = [in_folder(format!("{environment}/{name}")), in_folder(format!("{stem}.{environment}.yaml"))];
    let found = paths.into_iter().find(|path| edited.is_free_or_known(path));
    found.unwrap_or_else(|| beside.to_owned())
}

/// Documents behind those of a file, or in a new one below its first line.
fn append_documents(before: Option<String>, first_line: Option<String>, documents: &[String]) -> String {
    let is_new = before.is_none();
    let mut text = before.unwrap_or_else(|| first_line.map(|line| format!("{line}\n")).unwrap_or_default());
    let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
    for (number, document) in documents.iter().enumerate() {
        if number > 0 || !is_new {
            if !text.is_empty() && !text.ends_with('\n') {
                text.push_str(newline);
            }
            text.push_str("---");
            text.push_str(newline);
        }
        text.push_str(&document.replace('\n', newline));
    }
    text
}

fn diagnose_unsafe_edit(source: &Arc<NamedSource>, span: SourceSpan, reason: &str) -> Diagnostic {
    Diagnostic::error("unsafe-edit", format!("the live value cannot be written here: this {reason}"))
        .with_location(source.locate_span(span))
        .with_hint(HINT_BY_HAND)
}

fn diagnose_unknown_file(path: &str) -> Diagnostic {
    Diagnostic::error("unsafe-edit", format!("{path} was not read")).with_hint(HINT_BY_HAND)
}
