//! The keys under which values that must not be seen enter digests: the one in `TRUEUP_DIGEST_KEY`, else the
//! workspace's own in `.trueup/key`, which the first write of a hidden value makes.
//!
//! A plan that was made without a key is opened without one, whatever a later run left in the workspace.
//! Deliberately absent: what is done with them.

use std::path::Path;

use zeroize::Zeroizing;

use super::session::{FOLDER, forgotten};
use crate::diagnostic::Diagnostic;
use crate::run::memory::read_if_there;

/// The variable with the key under which digests of secrets are kept.
const DIGEST_KEY: &str = "TRUEUP_DIGEST_KEY";
/// The file with the workspace's own.
const FILE: &str = "key";

/// What keys there are.
#[derive(Default)]
pub struct Keys {
    named: Option<Zeroizing<String>>,
    own: Option<Zeroizing<Vec<u8>>>,
}

impl Keys {
    /// The keys of the workspace in `root`.
    ///
    /// # Errors
    /// When its own is there and cannot be read.
    pub fn of(root: &Path) -> Result<Self, Diagnostic> {
        let named = std::env::var(DIGEST_KEY).ok().filter(|key| !key.is_empty()).map(Zeroizing::new);
        let own = read_if_there(&root.join(FOLDER).join(FILE)).map_err(|error| {
            forgotten(FILE, &error).hint("give access to it, or name another in TRUEUP_DIGEST_KEY")
        })?;
        Ok(Self { named, own: own.filter(|key| !key.is_empty()).map(Zeroizing::new) })
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
}
