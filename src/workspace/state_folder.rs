//! Whether `.trueup` may be trusted: it holds keys, ids and journals, so no one else may have written it.
//!
//! A pull request can bring files and links into a checkout. A folder that Git tracks, that is a link or contains
//! one, or that other users may write, is refused as a whole; nothing in it is read.
//! Deliberately absent: what the files contain (`state`).

use std::io;
use std::path::Path;

use walkdir::WalkDir;

use crate::diagnostic::Diagnostic;
use crate::state::key_file::KEY_FILE;
use crate::workspace::files::to_slash_path;
use crate::workspace::repository::{self, GitRepository};

/// Where a workspace keeps what it remembers of earlier runs.
pub const STATE_FOLDER: &str = ".trueup";
/// How deep the folder is.
const MAX_DEPTH: usize = 4;
/// How many files it may hold.
const MAX_ENTRIES: usize = 1_000_000;

/// Checks the folder of the workspace in `root`.
///
/// # Errors
/// With what is wrong with it and the remedy.
pub fn check_state_folder(root: &Path) -> Result<(), Diagnostic> {
    let folder = root.join(STATE_FOLDER);
    if folder.symlink_metadata().is_err() {
        return Ok(());
    }
    if is_tracked(root) {
        let message =
            format!("Git tracks `{STATE_FOLDER}`, so whoever writes a commit decides what is in it");
        return Err(build_fault(message).with_hint(format!(
            "delete it and commit that: `git rm -r -q {STATE_FOLDER}`; a run makes a new one"
        )));
    }
    // another run may have removed an entry; what cannot be read is reported by who needs it
    for entry in WalkDir::new(&folder).max_depth(MAX_DEPTH).into_iter().take(MAX_ENTRIES).flatten() {
        check_entry(root, entry.path(), &entry.metadata().map_err(io::Error::from))?;
    }
    Ok(())
}

fn is_tracked(root: &Path) -> bool {
    match GitRepository::discover(root) {
        Some(repository) => repository.has_entry(STATE_FOLDER),
        None => repository::may_track(root, STATE_FOLDER) && !GitRepository::is_available(),
    }
}

fn check_entry(root: &Path, path: &Path, metadata: &io::Result<std::fs::Metadata>) -> Result<(), Diagnostic> {
    let Ok(metadata) = metadata else { return Ok(()) };
    let shown = to_slash_path(path.strip_prefix(root).unwrap_or(path));
    let kind = metadata.file_type();
    if kind.is_symlink() || !(kind.is_file() || kind.is_dir()) {
        let what = if kind.is_symlink() { "a link" } else { "not a file" };
        let message = format!("`{shown}` is {what}, and nothing in `{STATE_FOLDER}` may be");
        return Err(build_fault(message).with_hint("find out who made it, then remove it"));
    }
    if shown == format!("{STATE_FOLDER}/{KEY_FILE}") && is_readable_by_others(root, metadata) {
        let message = format!("other users may read the keys in `{shown}`");
        return Err(
            build_fault(message).with_hint(format!("`chmod 600 {shown}`; if others read it, remove it"))
        );
    }
    match find_open_mode(metadata) {
        Some(mode) => Err(build_fault(format!("other users may write `{shown}` (mode {mode:o})")).with_hint(
            format!("check what is in it, then `chmod -R go-w {STATE_FOLDER}`, or remove the folder"),
        )),
        None => Ok(()),
    }
}

/// Whether others may read a file; where they may not enter its folder they may not.
#[cfg(unix)]
fn is_readable_by_others(root: &Path, metadata: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    let folder = root.join(STATE_FOLDER).metadata();
    let is_entered = folder.is_ok_and(|folder| folder.permissions().mode() & 0o011 != 0);
    is_entered && metadata.permissions().mode() & 0o044 != 0
}

#[cfg(not(unix))]
fn is_readable_by_others(_: &Path, _: &std::fs::Metadata) -> bool {
    false
}

fn build_fault(message: String) -> Diagnostic {
    Diagnostic::error("untrusted-state", message)
}

/// The permissions, when they let others write.
#[cfg(unix)]
fn find_open_mode(metadata: &std::fs::Metadata) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt;
    let mode = metadata.permissions().mode() & 0o777;
    (mode & 0o022 != 0).then_some(mode)
}

#[cfg(not(unix))]
fn find_open_mode(_: &std::fs::Metadata) -> Option<u32> {
    None
}

/// What is to be said of a file of earlier runs that cannot be read.
pub fn diagnose_unreadable_state(name: &str, error: &io::Error) -> Diagnostic {
    let message = format!("{STATE_FOLDER}/{name} cannot be read: {error}");
    Diagnostic::error("unreadable-state", message)
}
