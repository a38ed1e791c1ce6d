//! Which documents and objects a command is about.

use std::path::PathBuf;

use clap::Args;

/// The selected documents.
#[derive(Args, Clone, Default)]
pub struct SelectionArgs {
    /// Files or folders [default: all documents of the workspace]
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
}

/// Which documents, by when they changed.
#[derive(Args, Clone, Default)]
pub struct SinceArgs {
    /// Look only at objects whose documents ask something else than where this branch parted from a commit, and at those that refer to them
    #[arg(
        long,
        value_name = "REF",
        conflicts_with = "unmanaged",
        env = "TRUEUP_SINCE",
        hide_env_values = true
    )]
    pub since: Option<String>,
}
