//! Files in `.trueup`: read if they exist, replaced as a whole, synced; the folder is created with a `.gitignore`.
//!
//! Deliberately absent: what the files contain.

use std::fs::OpenOptions;
use std::io::{self, Read as _, Write as _};
use std::path::Path as FilePath;

use crate::output_filter::filter_bytes;

/// The most bytes of a file.
const MAX_FILE_BYTES: u64 = 1 << 30;
/// The most bytes of a text that is shown or applied.
const MAX_TEXT_BYTES: u64 = 256 << 20;

/// The bytes of a file, when there is one; at most [`MAX_FILE_BYTES`].
///
/// # Errors
/// When it is there and cannot be read, is too large or is no file.
pub fn read_if_exists(path: &FilePath) -> io::Result<Option<Vec<u8>>> {
    match read_bounded(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The text of a file of at most 256 MiB.
///
/// # Errors
/// When it cannot be read, is too long, or is no text.
pub fn read_text(path: &FilePath) -> io::Result<String> {
    let mut text = String::new();
    let read = std::fs::File::open(path)?.take(MAX_TEXT_BYTES + 1).read_to_string(&mut text)?;
    match read as u64 > MAX_TEXT_BYTES {
        true => Err(io::Error::other(format!("it is longer than {} MiB", MAX_TEXT_BYTES >> 20))),
        false => Ok(text),
    }
}

fn read_bounded(path: &FilePath) -> io::Result<Vec<u8>> {
    // asked before opening: a pipe could keep the run waiting for ever
    let metadata = path.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a file"));
    }
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > MAX_FILE_BYTES {
        true => Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is too large")),
        false => Ok(bytes),
    }
}

/// How files of the state folder are opened: those that are created are readable by their owner alone.
pub fn private_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Makes a folder that only its owner may enter, where there is none.
///
/// # Errors
/// When it cannot be made.
pub fn create_private_folder(folder: &FilePath) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder)
}

/// Replaces a file as a whole, readable by its owner alone, on disk before it returns.
///
/// # Errors
/// When the folder cannot be made or the file not be written.
pub fn replace_file(path: &FilePath, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(FilePath::new("."));
    create_folder(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(&filter_bytes(bytes))?;
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
    create_private_folder(folder)?;
    write_gitignore(folder)
}

/// The folder holds what belongs to this machine: git is asked to leave it alone.
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
