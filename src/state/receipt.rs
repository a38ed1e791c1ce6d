//! Where receipts are: one file for each apply in `.trueup/receipts/`, named like its journal, written once.
//!
//! Deliberately absent: what stands in a receipt (`report::receipt`).

use std::io;
use std::path::{Path, PathBuf};

use crate::state::files::replace_file;

/// The folder in `.trueup`.
pub const FOLDER: &str = "receipts";

/// Where a receipt is that is named by its file, from the workspace in `root`, or by its run.
pub fn resolve_path(folder: &Path, root: &Path, named: &Path) -> PathBuf {
    let by_run = folder.join(FOLDER).join(format!("{}.json", named.display()));
    let by_file = root.join(named);
    if !by_file.is_file() && by_run.is_file() { by_run } else { by_file }
}

/// The receipt of the run of that name, where it has one.
///
/// # Errors
/// When it is there and cannot be read.
pub fn read_receipt(folder: &Path, name: &str) -> io::Result<Option<String>> {
    match std::fs::read_to_string(folder.join(FOLDER).join(format!("{name}.json"))) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The names of the newest receipts here, the newest first. A name begins with the time of its run.
pub fn list_newest(folder: &Path, most: usize) -> Vec<String> {
    let entries = std::fs::read_dir(folder.join(FOLDER)).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> =
        names.filter_map(|name| name.strip_suffix(".json").map(str::to_owned)).collect();
    names.sort_unstable_by(|one, other| other.cmp(one));
    names.truncate(most);
    names
}

/// Whether the run of that name has its receipt here.
pub fn has_receipt(folder: &Path, name: &str) -> bool {
    folder.join(FOLDER).join(format!("{name}.json")).is_file()
}

/// Keeps the receipt of the run of that name; gives where.
///
/// # Errors
/// When it cannot be written.
pub fn write_receipt(folder: &Path, name: &str, text: &str) -> io::Result<PathBuf> {
    let path = folder.join(FOLDER).join(format!("{name}.json"));
    replace_file(&path, text.as_bytes())?;
    Ok(path)
}
