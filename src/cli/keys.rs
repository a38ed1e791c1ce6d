//! The keys under which values that must not be seen enter digests: the one in `TRUEUP_DIGEST_KEY`, else the
//! workspace's own in `.trueup/key`, which the first write of a hidden value makes.
//!
//! A plan that was made without a key is opened without one, whatever a later run left in the workspace. The short
//! names of persons have a key of their own where nothing else was there first, so that a look at a plan binds no
//! saved plan to this machine; on CI, where a key would not outlive the job, none is made.
//! Deliberately absent: what is done with them.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use zeroize::Zeroizing;

use super::session::{FOLDER, forgotten};
use crate::diagnostic::Diagnostic;
use crate::report::persons::{self, NameKey};
use crate::run::memory::{made_key, read_if_there};

/// The variable with the key under which digests of secrets are kept.
const DIGEST_KEY: &str = "TRUEUP_DIGEST_KEY";
/// The file with the workspace's own.
const FILE: &str = "key";
/// The file with the one for short names.
const NAMES: &str = "names.key";
/// The variable that CI services set.
const CI: &str = "CI";

/// What keys there are.
#[derive(Default)]
pub struct Keys {
    named: Option<Zeroizing<String>>,
    own: Option<Zeroizing<Vec<u8>>>,
    folder: PathBuf,
    /// That for short names, once one was needed.
    names: OnceLock<Option<Zeroizing<Vec<u8>>>>,
}

impl Keys {
    /// The keys of the workspace in `root`.
    ///
    /// # Errors
    /// When its own is there and cannot be read.
    pub fn of(root: &Path) -> Result<Self, Diagnostic> {
        let named = std::env::var(DIGEST_KEY).ok().filter(|key| !key.is_empty()).map(Zeroizing::new);
        let folder = root.join(FOLDER);
        let own = read_if_there(&folder.join(FILE)).map_err(|error| {
            forgotten(FILE, &error).hint("give access to it, or name another in TRUEUP_DIGEST_KEY")
        })?;
        let own = own.filter(|key| !key.is_empty()).map(Zeroizing::new);
        Ok(Self { named, own, folder, names: OnceLock::new() })
    }

    /// The key that the environment names.
    pub fn named(&self) -> Option<&str> {
        self.named.as_ref().map(|key| key.as_str())
    }

    /// The key for what is made now.
    pub fn key(&self) -> Option<&[u8]> {
        let own = || self.own.as_ref().map(|key| key.as_slice());
        self.named().map(str::as_bytes).or_else(own)
    }

    /// The key for what was made before: the workspace's own counts only where one was used.
    pub fn key_for(&self, keyed: bool) -> Option<&[u8]> {
        if keyed { self.key() } else { self.named().map(str::as_bytes) }
    }

    /// What tells the key under which short names were made; nothing when there are none.
    pub fn names_told(&self) -> Option<String> {
        self.names.get()?.as_ref().map(|key| persons::told(key))
    }

    /// Where nothing can be kept there is none, and persons are masked.
    fn find_name_key(&self) -> Option<Zeroizing<Vec<u8>>> {
        if let Some(named) = self.named() {
            return Some(Zeroizing::new(named.as_bytes().to_vec()));
        }
        let made = read_if_there(&self.folder.join(NAMES)).ok()?.filter(|key| !key.is_empty());
        if let Some(made) = made {
            return Some(Zeroizing::new(made));
        }
        if self.own.is_some() || is_on_ci() {
            return self.own.clone();
        }
        made_key(&self.folder, NAMES).ok().map(Zeroizing::new)
    }
}

impl NameKey for Keys {
    fn name_key(&self) -> Option<&[u8]> {
        self.names.get_or_init(|| self.find_name_key()).as_ref().map(|key| key.as_slice())
    }
}

fn is_on_ci() -> bool {
    std::env::var_os(CI).is_some_and(|word| !word.is_empty() && word != "false" && word != "0")
}
