//! The boundary of a workspace: the paths from which its files and values may be read.
//!
//! Whoever can merge a file can also merge a link. So every link is resolved first: the real path must be inside
//! the workspace, or inside a folder that is named outside the repository. `.git`, `.trueup` and other hidden
//! folders hold no documents and no values, wherever a link to them is.
//! Deliberately absent: reading. A path that a person types as an argument needs no check.

use std::ffi::OsString;
use std::io;
use std::path::{Component, Path, PathBuf};

/// The variable in which an operator names further folders.
pub const ALLOWED_PATHS_VARIABLE: &str = "TRUEUP_ALLOW_PATHS";
/// What to do about a path that is outside.
pub const OUTSIDE_HINT: &str = "put the file itself into the workspace, or name its folder in TRUEUP_ALLOW_PATHS, outside the repository";

/// The folders from which a workspace may read.
pub struct WorkspaceBoundary {
    /// Links resolved; none when the workspace does not exist.
    root: Option<PathBuf>,
    allowed: Vec<PathBuf>,
}

/// Why a path is not read.
pub enum BoundaryError {
    /// It does not exist or cannot be resolved.
    Unreadable(io::ErrorKind),
    /// Its real path is outside.
    Outside,
}

impl WorkspaceBoundary {
    /// The boundary of the workspace in `root`; `env` is where the further folders are named.
    pub fn new(root: &Path, env: &dyn Fn(&str) -> Option<OsString>) -> Self {
        let named = env(ALLOWED_PATHS_VARIABLE).unwrap_or_default();
        let folders = std::env::split_paths(&named).filter(|path| path.is_absolute());
        Self {
            root: root.canonicalize().ok(),
            allowed: folders.filter_map(|path| path.canonicalize().ok()).collect(),
        }
    }

    /// The boundary in the environment of the process.
    pub fn from_process(root: &Path) -> Self {
        Self::new(root, &|name| std::env::var_os(name))
    }

    /// The real path of a document, a description, a policy or the settings.
    ///
    /// # Errors
    /// When it cannot be resolved or leads outside.
    pub fn resolve_file(&self, path: &Path) -> Result<PathBuf, BoundaryError> {
        self.resolve_path(path, is_hidden)
    }

    /// The real path of a file that holds a value; `.env` and the like are good places for one.
    ///
    /// # Errors
    /// When it cannot be resolved or leads outside.
    pub fn resolve_value(&self, path: &Path) -> Result<PathBuf, BoundaryError> {
        self.resolve_path(path, |part| [".git", ".trueup"].iter().any(|own| part.eq_ignore_ascii_case(own)))
    }

    fn resolve_path(&self, path: &Path, is_refused: impl Fn(&str) -> bool) -> Result<PathBuf, BoundaryError> {
        let real = path.canonicalize().map_err(|error| BoundaryError::Unreadable(error.kind()))?;
        let inside = self.root.as_ref().and_then(|root| real.strip_prefix(root).ok()).is_some_and(|inner| {
            let mut parts = inner.components().filter_map(|part| match part {
                Component::Normal(part) => Some(part.to_string_lossy()),
                _ => None,
            });
            !parts.any(|part| is_refused(&part))
        });
        let is_allowed = inside || self.allowed.iter().any(|folder| real.starts_with(folder));
        if is_allowed { Ok(real) } else { Err(BoundaryError::Outside) }
    }
}

/// Names that begin with two dots are those of mounted volumes, whose files are links to the current version.
fn is_hidden(part: &str) -> bool {
    part.starts_with('.') && !part.starts_with("..")
}
