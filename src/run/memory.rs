//! What was last written where the service does not show it: secrets that read back masked, addresses that
//! wait for verification. Kept as keyed digests in the workspace's `.trueup/written.json`, never as values.
//!
//! The key stays on this machine (`.trueup/key`) or comes from `TRUEUP_DIGEST_KEY`; without it a digest says
//! nothing, so that not even a four-digit PIN can be guessed from the file.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::path::{Path as FilePath, PathBuf};
use std::sync::{Mutex, PoisonError};

use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::kind::Leaf;
use crate::plan::{Memory, Recall, Subject, Writing};
use crate::value::{Path, Segment, Value};

/// The seconds of a day.
const DAY: i64 = 24 * 60 * 60;

/// The memory of one workspace.
pub struct Written {
    folder: PathBuf,
    /// None until something has to be remembered or compared.
    key: Zeroizing<Vec<u8>>,
    entries: Mutex<BTreeMap<String, Entry>>,
}

/// One remembered value.
#[derive(Serialize, Deserialize, Clone)]
struct Entry {
    digest: String,
    /// When it was written, RFC 3339.
    at: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: u32,
    entries: BTreeMap<String, Entry>,
}

impl Written {
    /// A memory of nothing, for questions that must not depend on what this machine wrote before.
    pub fn blank() -> Self {
        Self { folder: PathBuf::new(), key: Zeroizing::default(), entries: Mutex::default() }
    }

    /// Opens the memory in a workspace's `.trueup` folder; an absent one is empty.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn open(folder: &FilePath, key: Option<&str>) -> io::Result<Self> {
        let key = match key {
            Some(key) => key.as_bytes().to_vec(),
            None => read_if_there(&folder.join("key"))?.unwrap_or_default(),
        };
        let entries = match read_if_there(&folder.join("written.json"))? {
            Some(bytes) => {
                let file: File = serde_json::from_slice(&bytes)
                    .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
                file.entries
            }
            None => BTreeMap::new(),
        };
        Ok(Self { folder: folder.to_owned(), key: Zeroizing::new(key), entries: Mutex::new(entries) })
    }

    /// Remembers what was written at these places of one object, on disk before it returns.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn remember(&mut self, subject: &Subject, values: &[(Path, Value)]) -> io::Result<()> {
        if values.is_empty() {
            return Ok(());
        }
        if self.key.is_empty() {
            self.key = Zeroizing::new(make_key(&self.folder, "key")?);
        }
        let at = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        for (path, value) in values {
            let name = place(subject, path);
            let digest = digest(&self.key, &name, value, subject);
            entries.insert(name, Entry { digest, at: at.clone() });
        }
        let file = File { format: 1, entries: entries.clone() };
        replace(&self.folder.join("written.json"), &serde_json::to_vec_pretty(&file)?)
    }
}

impl Memory for Written {
    fn recall(&self, subject: &Subject, path: &Path, value: &Value) -> Recall {
        let name = place(subject, path);
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        match entries.get(&name) {
            None => Recall::Never,
            Some(entry) if entry.digest == digest(&self.key, &name, value, subject) => Recall::Same,
            Some(_) => Recall::Differs,
        }
    }

    fn written(&self, subject: &Subject, path: &Path) -> Option<Writing> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let at = entries.get(&place(subject, path))?.at.clone();
        let seconds = at.parse::<jiff::Timestamp>().ok()?.as_second();
        let days = jiff::Timestamp::now().as_second().saturating_sub(seconds) / DAY;
        Some(Writing { at, days: days.try_into().unwrap_or(0) })
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

/// Makes a key and keeps it in a file of this name.
///
/// # Errors
/// When the folder cannot be written.
pub fn make_key(folder: &FilePath, name: &str) -> io::Result<Vec<u8>> {
    let mut key = vec![0; 32];
    getrandom::fill(&mut key).map_err(|error| io::Error::other(error.to_string()))?;
    let text: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    replace(&folder.join(name), text.as_bytes())?;
    Ok(text.into_bytes())
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
    let folder = path.parent().unwrap_or(FilePath::new("."));
    make_folder(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
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
    if folder.file_name().is_some_and(|name| name == ".trueup") && !path.exists() {
        std::fs::write(path, "*\n")?;
    }
    Ok(())
}
