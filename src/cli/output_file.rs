//! Files that a person names for output: plans, reports, events, schemas.
//!
//! A regular file is replaced as a whole. A device, a pipe or `/dev/stdout` is written to and stays what it is. No
//! link below the current directory, or in a workspace or repository wherever it is, is followed: a checkout can bring
//! links of other people.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::output_filter::filter_bytes;
use crate::workspace::settings::SETTINGS_FILE_NAME;

/// What shows that a folder is the root of a workspace or of a repository.
const CHECKOUT_MARKS: [&str; 2] = [SETTINGS_FILE_NAME, ".git"];

/// Writes a file.
///
/// # Errors
/// When it is a link or cannot be written.
pub fn write_output(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let bytes = &filter_bytes(bytes);
    match open_special(path)? {
        Some(mut special) => ignore_closed_pipe(special.write_all(bytes).and_then(|()| special.flush())),
        None => replace_regular(path, bytes),
    }
}

/// Opens a file for output that grows; a regular one is emptied first.
///
/// # Errors
/// When it is a link or cannot be written.
pub fn open_output(path: &Path) -> io::Result<Box<dyn Write + Send>> {
    if let Some(special) = open_special(path)? {
        return Ok(special);
    }
    create_parent(path)?;
    Ok(Box::new(File::create(path)?))
}

/// A device, a pipe or a stream of this process; nothing for a regular file, there or to be made.
fn open_special(path: &Path) -> io::Result<Option<Box<dyn Write + Send>>> {
    match path.to_str() {
        Some("/dev/stdout" | "/dev/fd/1" | "/proc/self/fd/1") => return Ok(Some(Box::new(io::stdout()))),
        Some("/dev/stderr" | "/dev/fd/2" | "/proc/self/fd/2") => return Ok(Some(Box::new(io::stderr()))),
        _ => check_no_links(path)?,
    }
    match path.metadata() {
        Ok(there) if there.is_file() => Ok(None),
        Ok(there) if there.is_dir() => Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder")),
        Ok(_) => Ok(Some(Box::new(File::options().write(true).open(path)?))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Links below the current directory or a checkout that holds the path, and one that the path itself is, unless the
/// system made it.
///
/// # Errors
/// With the link.
pub fn check_no_links(path: &Path) -> io::Result<()> {
    check_no_links_below(&std::env::current_dir().unwrap_or_default(), path)?;
    let path = std::path::absolute(path)?;
    let is_checkout = |folder: &&Path| CHECKOUT_MARKS.iter().any(|mark| folder.join(mark).exists());
    // the outermost one: what is in it came with it
    match path.ancestors().skip(1).filter(is_checkout).last() {
        Some(checkout) => check_no_links_below(checkout, &path),
        None => Ok(()),
    }
}

/// The same below another folder.
///
/// # Errors
/// With the link.
pub fn check_no_links_below(here: &Path, path: &Path) -> io::Result<()> {
    let path = std::path::absolute(path)?;
    let by_system = ["/dev", "/proc"].iter().any(|folder| path.starts_with(folder));
    let is_checked = |part: &&Path| {
        let below = part.starts_with(here) && **part != *here;
        (below || **part == *path) && !by_system
    };
    let link = path.ancestors().filter(is_checked).find(|part| part.is_symlink());
    match link {
        Some(link) => {
            let message = format!("`{}` is a link, and output is not written through links", link.display());
            Err(io::Error::new(io::ErrorKind::InvalidInput, message))
        }
        None => Ok(()),
    }
}

fn replace_regular(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = create_parent(path)?;
    let mut file = build_new_file(".trueup-").tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    if let Ok(there) = path.metadata() {
        file.as_file().set_permissions(there.permissions())?;
    }
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// Makes temporary files that become new files, with the permissions that the umask leaves.
pub fn build_new_file(prefix: &str) -> tempfile::Builder<'_, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(prefix);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    builder
}

fn create_parent(path: &Path) -> io::Result<PathBuf> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    Ok(folder.to_owned())
}

/// A reader that went away is no error.
fn ignore_closed_pipe(written: io::Result<()>) -> io::Result<()> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}
