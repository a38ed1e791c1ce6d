//! The runtime in which a command waits for answers.

use anyhow::Context;

/// A runtime on this thread, enough to wait for many answers.
///
/// # Errors
/// When the system gives none.
pub fn build_runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("no runtime to wait for answers in")
}
