//! Edits of the files of a workspace, once they are proven: written as a whole or shown as patches.
//!
//! Deliberately absent: which edits, and their proof (`proof`).

pub mod promotion;
pub mod proof;
mod removed_documents;
pub mod report;
pub mod staged_file;
pub mod texts;

use schemars::JsonSchema;
use serde::Serialize;

use self::staged_file::{StagedFile, put_files};
use crate::diagnostic::Diagnostic;
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

/// Writes new texts into the files of a workspace: all of them are on disk beside their files before one is replaced,
/// and none is unless every file is what was read.
///
/// # Errors
/// With the files that are not written, and those that are.
pub fn write_edits(workspace: &LoadedWorkspace, edits: &FileEdits) -> Result<(), Vec<Diagnostic>> {
    let (mut staged, mut faults) = (Vec::new(), Vec::new());
    for (path, text) in edits {
        match StagedFile::new(&workspace.root, path, workspace.find_file(path), text.as_deref()) {
            Ok(file) => staged.push(file),
            Err(fault) => faults.push(fault),
        }
    }
    if faults.is_empty() { put_files(staged) } else { Err(faults) }
}
