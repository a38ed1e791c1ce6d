//! Edits of the files of a workspace, once they are proven: written as a whole or shown as patches.
//!
//! Deliberately absent: which edits, and their proof (`proof`).

pub mod promotion;
pub mod proof;
pub mod report;
pub mod texts;

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use super::import::folder::{self, ReplaceOutcome};
use super::output_file::check_no_links_below;
use crate::diagnostic::{Diagnostic, NamedSource, SourceSpan};
use crate::report::file_patch::render_file_patch;
use crate::workspace::LoadedWorkspace;
use crate::workspace::edited::{EditedWorkspace, FileEdits};

/// A file that changes.
#[derive(Serialize, JsonSchema)]
pub struct EditedFileView {
    /// The file, relative to the workspace.
    pub file: String,
    /// The change as a unified diff; parts that must not be seen are `•••`.
    pub patch: String,
}

/// The changes of files, as they may be shown.
pub fn show_edits(workspace: &LoadedWorkspace, edits: &FileEdits) -> Vec<EditedFileView> {
    let edited = EditedWorkspace::new(workspace, edits);
    // what must not be seen is known once the texts are read
    let _ = edited.compose();
    let show = |(path, text): (&String, &Option<String>)| {
        let before = workspace.find_file(path);
        let after = text.as_ref().and_then(|_| edited.find_source(path));
        EditedFileView { file: path.clone(), patch: render_file_patch(path, before.as_ref(), after) }
    };
    edits.iter().map(show).collect()
}

/// Writes new texts into the files of a workspace, each as a whole, unless one of them is not what was read.
///
/// # Errors
/// With the files that are not written.
pub fn write_edits(workspace: &LoadedWorkspace, edits: &FileEdits) -> Result<(), Vec<Diagnostic>> {
    let changed: Vec<Diagnostic> =
        edits.keys().filter_map(|path| diagnose_changed(workspace, path)).collect();
    if !changed.is_empty() {
        return Err(changed);
    }
    let write = |(path, text): (&String, &Option<String>)| write_edit(workspace, path, text.as_deref()).err();
    let failed: Vec<Diagnostic> = edits.iter().filter_map(write).collect();
    if failed.is_empty() { Ok(()) } else { Err(failed) }
}

/// Why a file must not be written: it is not what was read, or a link is on the way to it.
fn diagnose_changed(workspace: &LoadedWorkspace, path: &str) -> Option<Diagnostic> {
    let full = workspace.root.join(path);
    if let Err(error) = check_no_links_below(&workspace.root, &full) {
        return Some(diagnose_unwritable(path, &error));
    }
    let Some(before) = workspace.find_file(path) else {
        let is_taken = full.symlink_metadata().is_ok();
        return is_taken.then(|| diagnose_unwritable(path, &io::ErrorKind::AlreadyExists.into()));
    };
    let is_same =
        fs::read_to_string(&full).is_ok_and(|text| text.trim_start_matches('\u{feff}') == before.text);
    (!is_same).then(|| diagnose_conflict(&before))
}

fn write_edit(workspace: &LoadedWorkspace, path: &str, text: Option<&str>) -> Result<(), Diagnostic> {
    let full = workspace.root.join(path);
    let failed = |error: io::Error| diagnose_unwritable(path, &error);
    match (workspace.find_file(path), text) {
        (Some(before), Some(text)) => {
            match folder::replace_if_unchanged(&full, &before.text, text).map_err(failed)? {
                ReplaceOutcome::Done => Ok(()),
                ReplaceOutcome::Conflict => Err(diagnose_conflict(&before)),
            }
        }
        (Some(_), None) => fs::remove_file(&full).map_err(failed),
        (None, Some(text)) => folder::create_file(Path::new(&full), text.as_bytes()).map_err(failed),
        (None, None) => Ok(()),
    }
}

fn diagnose_conflict(before: &Arc<NamedSource>) -> Diagnostic {
    Diagnostic::error("file-changed", "this file changed during the run")
        .with_location(before.locate_span(SourceSpan::default()))
        .with_hint("run again")
}

fn diagnose_unwritable(path: &str, error: &io::Error) -> Diagnostic {
    Diagnostic::error("unwritable-file", format!("{path} can't be written: {error}"))
        .with_hint("check the folder and its permissions")
}
