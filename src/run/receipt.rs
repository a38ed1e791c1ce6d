//! Where receipts are: one file for each apply in `.trueup/receipts/`, named like its journal, written once.
//!
//! Deliberately absent: what stands in a receipt (`report::receipt`).

use std::io;
use std::path::{Path, PathBuf};

use super::memory::replace;

/// The folder in `.trueup`.
pub const FOLDER: &str = "receipts";

/// Whether the run of that name has its receipt.
pub fn is_kept(folder: &Path, name: &str) -> bool {
    folder.join(FOLDER).join(format!("{name}.json")).is_file()
}

/// Keeps the receipt of the run of that name; gives where.
///
/// # Errors
/// When it cannot be written.
pub fn keep(folder: &Path, name: &str, text: &str) -> io::Result<PathBuf> {
    let path = folder.join(FOLDER).join(format!("{name}.json"));
    replace(&path, text.as_bytes())?;
    Ok(path)
}
