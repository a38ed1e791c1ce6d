//! The lease of a target, as it is written in the settings.

use std::time::Duration;

use crate::diagnostic::SourceSpan;

/// A lease that an apply takes before it writes to a target.
#[derive(Clone)]
pub struct LeaseSettings {
    /// Where it is kept; none for the workspace's own memory.
    pub directory: Option<String>,
    pub duration: Duration,
    /// Where it is written.
    pub span: SourceSpan,
}
