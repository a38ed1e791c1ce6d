//! What was last written where the service does not show it: secrets that read back masked, addresses that
//! wait for verification. Kept as keyed digests in the workspace's `.trueup/written.jsonl`, never as values.
//!
//! The key stays on this machine (`.trueup/key`) or comes from `TRUEUP_DIGEST_KEY`; without it a digest says
//! nothing, so that not even a four-digit PIN can be guessed from the file.

use std::io::{self, Write as _};
use std::path::{Path as FilePath, PathBuf};
use std::sync::{Mutex, PoisonError};

use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::facts::Facts;
use super::turn::in_turn;
use crate::kind::Leaf;
use crate::plan::{Memory, Recall, Subject, Writing};
use crate::value::{Path, Segment, Value};

/// The name of the file in `.trueup`.
pub const FILE: &str = "written.jsonl";
/// The name of the file with this machine's key.
const KEY: &str = "key";
/// The seconds of a day.
const DAY: i64 = 24 * 60 * 60;

/// The memory of one workspace.
pub struct Written {
    folder: PathBuf,
    /// None until something has to be remembered or compared.
    key: Zeroizing<Vec<u8>>,
    entries: Facts<Entry>,
}

/// One remembered value.
#[derive(Serialize, Deserialize)]
struct Entry {
    digest: String,
    /// When it was written, RFC 3339.
    at: String,
}

impl Written {
    /// A memory of nothing, for questions that must not depend on what this machine wrote before.
    pub fn blank() -> Self {
        Self { folder: PathBuf::new(), key: Zeroizing::default(), entries: Facts::blank() }
    }

    /// Opens the memory in a workspace's `.trueup` folder; an absent one is empty.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn open(folder: &FilePath, key: Option<&str>) -> io::Result<Self> {
        let key = match key {
            Some(key) => key.as_bytes().to_vec(),
            None => read_if_there(&folder.join(KEY))?.unwrap_or_default(),
        };
        let entries = Facts::open(&folder.join(FILE))?;
        Ok(Self { folder: folder.to_owned(), key: Zeroizing::new(key), entries })
    }

    /// Remembers what was written at these places of one object, on disk before it returns.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn remember(&mut self, subject: &Subject, values: &[(Path, Value)]) -> io::Result<()> {
        if values.is_empty() {
            return Ok(());
        }
        let folder = self.folder.clone();
        in_turn(&folder, || {
            if self.key.is_empty() {
                self.key = Zeroizing::new(own_key(&folder, KEY)?);
            }
            let at = super::now();
            let fact = |(path, value): &(Path, Value)| {
                let name = place(subject, path);
                let digest = digest(&self.key, &name, value, subject);
                (name, Entry { digest, at: at.clone() })
            };
            self.entries.put(values.iter().map(fact).collect())
        })
    }
}

impl Memory for Written {
    fn recall(&self, subject: &Subject, path: &Path, value: &Value) -> Recall {
        let name = place(subject, path);
        match self.entries.get(&name) {
            None => Recall::Never,
            Some(entry) if entry.digest == digest(&self.key, &name, value, subject) => Recall::Same,
            Some(_) => Recall::Differs,
        }
    }

    fn written(&self, subject: &Subject, path: &Path) -> Option<Writing> {
        let at = self.entries.get(&place(subject, path))?.at.clone();
        let seconds = at.parse::<jiff::Timestamp>().ok()?.as_second();
        let days = jiff::Timestamp::now().as_second().saturating_sub(seconds) / DAY;
        Some(Writing { at, days: days.try_into().unwrap_or(0) })
    }
}

/// Asked from several threads at once.
impl Memory for Mutex<Written> {
    fn recall(&self, subject: &Subject, path: &Path, value: &Value) -> Recall {
        self.lock().unwrap_or_else(PoisonError::into_inner).recall(subject, path, value)
    }

    fn written(&self, subject: &Subject, path: &Path) -> Option<Writing> {
        self.lock().unwrap_or_else(PoisonError::into_inner).written(subject, path)
    }
}

/// The name under which a value is remembered. Items stand by their open key leaves, so that a reordered list
/// keeps its memory.
fn place(subject: &Subject, path: &Path) -> String {
    let id = subject.id.as_ref().map(|id| Leaf::url_text(id, &subject.kind.api));
    let id = id.unwrap_or_else(|| format!("name:{}", subject.name));
    let mut name = format!("{}/{}/{id}#", subject.target, subject.kind.name);
    for segment in &path.0 {
        name.push('/');
        match segment {
            Segment::Field(field) => name.push_str(field),
            Segment::Key(key, crate::value::Mark::Open) => name.push_str(key),
            Segment::Key(..) => name.push('*'),
            Segment::Item { index, key } => {
                let open = key.iter().filter(|leaf| leaf.mark == crate::value::Mark::Open);
                let key: Vec<String> =
                    open.map(|leaf| Leaf::url_text(&leaf.value, &subject.kind.api)).collect();
                if key.is_empty() {
                    name.push_str(&index.to_string());
                } else {
                    name.push_str(&key.join(","));
                }
            }
        }
    }
    name
}

fn digest(key: &[u8], place: &str, value: &Value, subject: &Subject) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return String::new() };
    mac.update(place.as_bytes());
    mac.update(&[0]);
    mac.update(Leaf::url_text(value, &subject.kind.api).as_bytes());
    mac.finalize().into_bytes().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// The key of a workspace's memory, made where there is none.
///
/// # Errors
/// When the folder cannot be written.
pub fn key(folder: &FilePath) -> io::Result<Zeroizing<Vec<u8>>> {
    in_turn(folder, || own_key(folder, KEY).map(Zeroizing::new))
}

/// A digest of a value for its place in a document, whatever id the object has by now.
pub fn witness(key: &[u8], subject: &Subject, path: &Path, value: &Value) -> String {
    digest(key, &place(&Subject { id: None, ..subject.clone() }, path), value, subject)
}

/// The key of a folder in a file of this name, made where there is none. It has to be the caller's turn: another
/// run may have made one meanwhile.
///
/// # Errors
/// When the folder cannot be written.
pub fn own_key(folder: &FilePath, name: &str) -> io::Result<Vec<u8>> {
    if let Some(key) = read_if_there(&folder.join(name))?.filter(|key| !key.is_empty()) {
        return Ok(key);
    }
    let mut key = vec![0; 32];
    getrandom::fill(&mut key).map_err(|error| io::Error::other(error.to_string()))?;
    let text: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    replace(&folder.join(name), text.as_bytes())?;
    Ok(text.into_bytes())
}

/// The same for whoever has not the turn.
///
/// # Errors
/// When the folder cannot be written.
pub fn made_key(folder: &FilePath, name: &str) -> io::Result<Vec<u8>> {
    in_turn(folder, || own_key(folder, name))
}

/// The bytes of a file, when there is one.
///
/// # Errors
/// When it is there and cannot be read.
pub fn read_if_there(path: &FilePath) -> io::Result<Option<Vec<u8>>> {
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
pub fn replace(path: &FilePath, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(FilePath::new("."));
    make_folder(folder)?;
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
pub fn make_folder(folder: &FilePath) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    ignore_in_git(folder)
}

/// The folder holds what belongs to this machine: git is told to leave it alone.
fn ignore_in_git(folder: &FilePath) -> io::Result<()> {
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
