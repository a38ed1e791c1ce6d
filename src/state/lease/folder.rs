//! A place in a folder that several machines share: each version of the word is a file of its own, numbered, made
//! whole under another name and then given its name only if no one has that name yet.
//!
//! The highest number counts, older ones are taken away. Whoever made a number below one that is there already had
//! an old view of the folder, and has changed nothing.
//! Deliberately absent: locks, which many shared folders only pretend to have.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use crate::state::file_lock::remove_stale_files;
use crate::state::lease::{LeaseStore, StoredLease};

/// How the names of the files end.
const EXTENSION: &str = ".lease";
/// The most bytes of a word.
const MAX_BYTES: u64 = 4096;
/// How often a file may go away while it is read.
const TRIES: u32 = 20;

/// A word in a folder.
pub struct LeaseFolder {
    folder: PathBuf,
    /// How the names of its files begin.
    name: String,
}

impl LeaseFolder {
    /// The word of this name in a folder that is there.
    pub fn new(folder: &Path, name: &str) -> Self {
        remove_stale_files(folder);
        Self { folder: folder.to_owned(), name: name.to_owned() }
    }

    fn build_path(&self, number: u64) -> PathBuf {
        self.folder.join(format!("{}.{number:010}{EXTENSION}", self.name))
    }

    /// The numbers that are there, the highest last.
    fn list_versions(&self) -> io::Result<Vec<u64>> {
        let mut numbers = Vec::new();
        for entry in std::fs::read_dir(&self.folder)? {
            let name = entry?.file_name();
            let number = name.to_str().and_then(|name| {
                let rest = name.strip_prefix(&self.name)?.strip_prefix('.')?;
                rest.strip_suffix(EXTENSION)?.parse::<u64>().ok()
            });
            numbers.extend(number);
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// A file with its content, without its name.
    fn write_temporary(&self, word: &[u8]) -> io::Result<tempfile::NamedTempFile> {
        let mut builder = tempfile::Builder::new();
        // in a shared folder others have to read who holds it
        #[cfg(unix)]
        {
            let is_own = self.folder.iter().any(|part| part == ".trueup");
            let mode = if is_own { 0o600 } else { 0o644 };
            builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(mode));
        }
        let mut file = builder.tempfile_in(&self.folder)?;
        file.write_all(word)?;
        file.as_file().sync_all()?;
        Ok(file)
    }
}

impl LeaseStore for LeaseFolder {
    fn read_lease(&self) -> io::Result<StoredLease> {
        for _ in 0..TRIES {
            let Some(last) = self.list_versions()?.pop() else {
                return Ok(StoredLease { version: None, content: Vec::new() });
            };
            match File::open(self.build_path(last)) {
                Ok(file) => {
                    let mut word = Vec::new();
                    file.take(MAX_BYTES).read_to_end(&mut word)?;
                    return Ok(StoredLease { version: Some(last.to_string()), content: word });
                }
                // a newer one has come
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::other("others change it all the time"))
    }

    fn compare_and_swap(&self, seen: Option<&str>, word: &[u8]) -> io::Result<Option<String>> {
        let seen: u64 = seen.and_then(|seen| seen.parse().ok()).unwrap_or_default();
        let own = seen.checked_add(1).ok_or_else(|| io::Error::other("there are no more numbers"))?;
        match self.write_temporary(word)?.persist_noclobber(self.build_path(own)) {
            Ok(_) => {}
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => return Ok(None),
            Err(error) => return Err(error.error),
        }
        let numbers = self.list_versions()?;
        let newest = numbers.last() == Some(&own);
        let old = |number: &&u64| if newest { **number < own } else { **number == own };
        for number in numbers.iter().filter(old) {
            // what stays is in no one's way
            let _ = std::fs::remove_file(self.build_path(*number));
        }
        Ok(newest.then(|| own.to_string()))
    }
}
