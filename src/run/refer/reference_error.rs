//! Why a reference is not resolved.

use crate::diagnostic::Diagnostic;
use crate::document::refer::ReferenceSite;

/// Why a reference is not resolved.
pub(super) struct ReferenceError {
    pub diagnostic: Diagnostic,
    pub unread: bool,
}

impl From<Diagnostic> for ReferenceError {
    fn from(why: Diagnostic) -> Self {
        Self { diagnostic: why, unread: false }
    }
}

/// A reference for which there is no place to look.
pub(super) fn build_lookup_error(yaml_path: &ReferenceSite, why: &str) -> ReferenceError {
    let message = format!("what `{}` refers to cannot be looked up: {why}", yaml_path.name);
    Diagnostic::error("unknown-reference", message).with_hint("write the id itself").into()
}
