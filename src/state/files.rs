//! Files in `.trueup`: read if they exist, replaced as a whole, synced; the folder is created with a `.gitignore`.
//!
//! Deliberately absent: what the files contain.

use std::io::{self, Write as _};
use std::path::Path as FilePath;

/// The key of a folder in a file of this name, created if it does not exist. The caller holds the folder's lock: another run
/// may create one at the same time.
///
/// # Errors
/// When the folder cannot be written.
pub fn load_or_create_key(folder: &FilePath, name: &str) -> io::Result<Vec<u8>> {
    if let Some(key) = read_if_exists(&folder.join(name))?.filter(|key| !key.is_empty()) {
        return Ok(key);
    }
    let mut key = vec![0; 32];
    getrandom::fill(&mut key).map_err(|error| io::Error::other(error.to_string()))?;
    let text: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    replace_file(&folder.join(name), text.as_bytes())?;
    Ok(text.into_bytes())
}

/// The bytes of a file, when there is one.
///
/// # Errors
/// When it is there and cannot be read.
pub fn read_if_exists(path: &FilePath) -> io::Result<Option<Vec<u8>>> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Replaces a file as a whole, readable by its owner alone, on disk before it returns.
///
/// # Errors
/// When the folder cannot be made or the file not be written.
pub fn replace_file(path: &FilePath, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(FilePath::new("."));
    create_folder(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    sync_folder(folder)
}

/// A new file is there after a power cut only when its folder is on disk too.
///
/// # Errors
/// When the folder cannot be opened.
pub fn sync_folder(folder: &FilePath) -> io::Result<()> {
    if cfg!(unix) { std::fs::File::open(folder)?.sync_all() } else { Ok(()) }
}

/// Makes a folder where there is none.
///
/// # Errors
/// When it cannot be made.
pub fn create_folder(folder: &FilePath) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    write_gitignore(folder)
}

/// The folder holds what belongs to this machine: git is told to leave it alone.
fn write_gitignore(folder: &FilePath) -> io::Result<()> {
    let path = folder.join(".gitignore");
    if folder.file_name().is_none_or(|name| name != ".trueup") || path.exists() {
        return Ok(());
    }
    // a run that is killed here must not leave an empty one, which would ignore nothing
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(b"*\n")?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}
