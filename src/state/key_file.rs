//! The one file with the keys of a workspace, `.trueup/key`: one file to protect, to keep out of caches, to remove.
//!
//! A key for each purpose, made when it is first needed: what one is used for says nothing of the others, and a look
//! at a plan does not bind saved plans to this machine. The key of digests stands on a line of its own, as operators
//! write it; the others behind the name of their purpose.
//! Deliberately absent: keys that the environment names.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use zeroize::Zeroizing;

use super::file_lock::run_locked;
use super::files::replace_file;

/// The file in `.trueup`.
pub const KEY_FILE: &str = "key";
/// The most bytes of the file.
const MAX_KEY_BYTES: u64 = 16 * 1024;

/// What a key is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum KeyPurpose {
    /// Digests of secrets, and the seals of plans and receipts.
    Digests,
    /// Digests of what was applied last, and of natural keys.
    Records,
    /// Short names of persons.
    Pseudonyms,
}

impl KeyPurpose {
    /// How its line begins.
    fn prefix(self) -> &'static str {
        match self {
            Self::Digests => "",
            Self::Records => "records: ",
            Self::Pseudonyms => "names: ",
        }
    }

    fn find_in(self, text: &str) -> Option<&str> {
        let named = [Self::Records.prefix(), Self::Pseudonyms.prefix()];
        let mut lines = text.lines().filter(|line| !line.trim().is_empty());
        match self {
            Self::Digests => lines.find(|line| !named.iter().any(|prefix| line.starts_with(prefix))),
            _ => lines.find_map(|line| line.strip_prefix(self.prefix())),
        }
    }
}

/// A key, where there is one.
///
/// # Errors
/// When the file is there and cannot be read, is too large, or others may read it.
pub fn read_key(folder: &Path, purpose: KeyPurpose) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    let text = read_file(folder)?;
    Ok(purpose.find_in(&text).map(|key| Zeroizing::new(key.as_bytes().to_vec())))
}

/// A key, made where there is none. The caller holds the folder's lock: another run may make one at the same time.
///
/// # Errors
/// When the file cannot be read or written.
pub fn load_or_create_key(folder: &Path, purpose: KeyPurpose) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut text = read_file(folder)?;
    if let Some(key) = purpose.find_in(&text) {
        return Ok(Zeroizing::new(key.as_bytes().to_vec()));
    }
    let mut bytes = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *bytes).map_err(|error| io::Error::other(error.to_string()))?;
    let key = bytes.iter().fold(Zeroizing::new(String::new()), |mut key, byte| {
        let _ = write!(key, "{byte:02x}");
        key
    });
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    let _ = writeln!(text, "{}{}", purpose.prefix(), key.as_str());
    replace_file(&folder.join(KEY_FILE), text.as_bytes())?;
    Ok(Zeroizing::new(key.as_bytes().to_vec()))
}

/// The same under the folder's lock.
///
/// # Errors
/// When the file cannot be read or written.
pub fn load_or_create_key_locked(folder: &Path, purpose: KeyPurpose) -> io::Result<Zeroizing<Vec<u8>>> {
    run_locked(folder, || load_or_create_key(folder, purpose))
}

/// The text of the file; nothing where there is none.
fn read_file(folder: &Path) -> io::Result<Zeroizing<String>> {
    let path = folder.join(KEY_FILE);
    // asked before opening: a pipe could keep the run waiting for ever
    match path.symlink_metadata() {
        Ok(there) if there.is_file() => {}
        Ok(_) => return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a file")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Zeroizing::default()),
        Err(error) => return Err(error),
    }
    let mut text = Zeroizing::new(String::new());
    let read = File::open(&path)?.take(MAX_KEY_BYTES + 1).read_to_string(&mut text)?;
    match read as u64 > MAX_KEY_BYTES {
        true => Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is too large")),
        false => Ok(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_purpose_has_a_key_of_its_own_in_one_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = folder.path();
        assert!(read_key(folder, KeyPurpose::Digests).is_ok_and(|key| key.is_none()));
        let all = [KeyPurpose::Pseudonyms, KeyPurpose::Records, KeyPurpose::Digests];
        let mut made = Vec::new();
        for purpose in all {
            let key = load_or_create_key(folder, purpose).expect("a key");
            assert!(key.len() == 64 && !made.contains(&key));
            made.push(key);
        }
        for (purpose, key) in all.into_iter().zip(made) {
            assert!(load_or_create_key(folder, purpose).expect("a key") == key);
            assert!(read_key(folder, purpose).expect("a key").as_ref() == Some(&key));
        }
        assert_eq!(std::fs::read_dir(folder).expect("a folder").count(), 1);
    }

    #[test]
    fn a_key_of_the_operator_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join(KEY_FILE), "of the operators").expect("a file");
        load_or_create_key(folder.path(), KeyPurpose::Records).expect("a key");
        let own = read_key(folder.path(), KeyPurpose::Digests).expect("a key");
        assert!(own.is_some_and(|own| *own == b"of the operators"));
    }

    #[test]
    fn what_is_no_key_file_is_not_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(KEY_FILE);
        std::fs::write(&path, vec![b'a'; 20_000]).expect("a file");
        assert!(read_key(folder.path(), KeyPurpose::Digests).is_err());
        std::fs::remove_file(&path).expect("a file");
        std::fs::create_dir(&path).expect("a folder");
        assert!(read_key(folder.path(), KeyPurpose::Digests).is_err());
    }
}
