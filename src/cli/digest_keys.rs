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

use crate::diagnostic::Diagnostic;
use crate::report::pseudonyms;
use crate::report::pseudonyms::PseudonymKey;
use crate::state::key_file::{KEY_FILE, KeyPurpose, load_or_create_key_locked, read_key};
use crate::workspace::state_folder::check_state_folder;
use crate::workspace::state_folder::{STATE_FOLDER, diagnose_unreadable_state};

/// The variable with the key under which digests of secrets are kept.
pub const DIGEST_KEY_VARIABLE: &str = "TRUEUP_DIGEST_KEY";
/// The variable that CI services set.
const CI_VARIABLE: &str = "CI";

/// What keys there are.
#[derive(Default)]
pub struct DigestKeys {
    environment_key: Option<Zeroizing<String>>,
    workspace_key: Option<Zeroizing<Vec<u8>>>,
    folder: PathBuf,
    /// That for short names, once one was needed.
    pseudonym_key: OnceLock<Option<Zeroizing<Vec<u8>>>>,
}

impl DigestKeys {
    /// The keys of the workspace in `root`.
    ///
    /// # Errors
    /// When its own is there and cannot be read.
    pub fn load(root: &Path) -> Result<Self, Diagnostic> {
        let named = std::env::var(DIGEST_KEY_VARIABLE).ok().filter(|key| !key.is_empty()).map(Zeroizing::new);
        check_state_folder(root)?;
        let folder = root.join(STATE_FOLDER);
        let own = read_key(&folder, KeyPurpose::Digests).map_err(|error| {
            diagnose_unreadable_state(KEY_FILE, &error)
                .with_hint("give access to it, or name another in TRUEUP_DIGEST_KEY")
        })?;
        Ok(Self { environment_key: named, workspace_key: own, folder, pseudonym_key: OnceLock::new() })
    }

    /// The key that the environment names.
    pub fn environment_key(&self) -> Option<&str> {
        self.environment_key.as_ref().map(|key| key.as_str())
    }

    /// The key for what is made now.
    pub fn key(&self) -> Option<&[u8]> {
        let own = || self.workspace_key.as_ref().map(|key| key.as_slice());
        self.environment_key().map(str::as_bytes).or_else(own)
    }

    /// The key for what was made before: the workspace's own counts only where one was used.
    pub fn select_key(&self, keyed: bool) -> Option<&[u8]> {
        if keyed { self.key() } else { self.environment_key().map(str::as_bytes) }
    }

    /// What tells the key under which short names were made; nothing when there are none.
    pub fn identify_pseudonym_key(&self) -> Option<String> {
        self.pseudonym_key.get()?.as_ref().map(|key| pseudonyms::fingerprint_key(key))
    }

    /// Where nothing can be kept there is none, and persons are masked.
    fn find_pseudonym_key(&self) -> Option<Zeroizing<Vec<u8>>> {
        if let Some(named) = self.environment_key() {
            return Some(Zeroizing::new(named.as_bytes().to_vec()));
        }
        if let Some(made) = read_key(&self.folder, KeyPurpose::Pseudonyms).ok()? {
            return Some(made);
        }
        if self.workspace_key.is_some() || is_on_ci() {
            return self.workspace_key.clone();
        }
        load_or_create_key_locked(&self.folder, KeyPurpose::Pseudonyms).ok()
    }
}

impl PseudonymKey for DigestKeys {
    fn name_key(&self) -> Option<&[u8]> {
        self.pseudonym_key.get_or_init(|| self.find_pseudonym_key()).as_ref().map(|key| key.as_slice())
    }
}

fn is_on_ci() -> bool {
    std::env::var_os(CI_VARIABLE).is_some_and(|word| !word.is_empty() && word != "false" && word != "0")
}
