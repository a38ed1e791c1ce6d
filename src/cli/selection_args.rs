//! Which documents and objects a command is about: the same flags for every command.
//!
//! Deliberately absent: what follows from them (`selection_filter`).

use std::path::{Path, PathBuf};

use clap::Args;
use clap_complete::ArgValueCandidates;

use super::completion_values;

use crate::diagnostic::Diagnostic;
use crate::workspace;
use crate::workspace::LoadedWorkspace;

/// Documents by their files.
#[derive(Args, Clone, Default)]
pub struct PathArgs {
    /// Files or folders [default: all documents of the workspace]
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    #[command(flatten)]
    pub environments: EnvironmentArgs,
}

/// The selected environments.
#[derive(Args, Clone, Default)]
pub struct EnvironmentArgs {
    /// Only objects of this environment; repeatable [default: all environments]
    #[arg(
        long = "env",
        value_name = "ENVIRONMENT",
        add = ArgValueCandidates::new(completion_values::list_environments),
        value_delimiter = ',',
        env = "TRUEUP_ENV",
        hide_env_values = true
    )]
    pub environments: Vec<String>,
}

/// The selected objects: those that every given flag selects.
#[derive(Args, Clone, Default)]
pub struct SelectionArgs {
    #[command(flatten)]
    pub files: PathArgs,
    /// Only objects of these targets; `*` matches any text; repeatable
    #[arg(long, value_name = "TARGET", help_heading = SELECTION_HEADING, value_delimiter = ',', add = ArgValueCandidates::new(completion_values::list_targets), env = "TRUEUP_TARGET", hide_env_values = true)]
    pub target: Vec<String>,
    /// Only objects of these kinds, as `api/kind`; `*` matches any text; repeatable
    #[arg(long, value_name = "KIND", help_heading = SELECTION_HEADING, value_delimiter = ',', add = ArgValueCandidates::new(completion_values::list_kinds), env = "TRUEUP_KIND", hide_env_values = true)]
    pub kind: Vec<String>,
    #[command(flatten)]
    pub names: NameArgs,
    /// Only objects whose documents differ from the merge base with this commit, and objects that refer to them
    #[arg(
        long,
        value_name = "REF",
        help_heading = SELECTION_HEADING,
        env = "TRUEUP_SINCE",
        hide_env_values = true
    )]
    pub since: Option<String>,
}

/// Objects by the names of their documents.
#[derive(Args, Clone, Default)]
pub struct NameArgs {
    /// Only objects with these document names; `*` matches any text; repeatable
    #[arg(long, value_name = "NAME", help_heading = SELECTION_HEADING, value_delimiter = ',', add = ArgValueCandidates::new(completion_values::list_names), env = "TRUEUP_NAME", hide_env_values = true)]
    pub name: Vec<String>,
    /// Not these objects, by NAME or api/kind/NAME; `*` matches any text; repeatable
    #[arg(long, value_name = "NAME", help_heading = SELECTION_HEADING, value_delimiter = ',', add = ArgValueCandidates::new(completion_values::list_names), env = "TRUEUP_EXCLUDE", hide_env_values = true)]
    pub exclude: Vec<String>,
}

/// The help heading of the flags that select objects.
const SELECTION_HEADING: &str = "Selection";

impl PathArgs {
    /// Reads the workspace in a folder, limited to the selected files and environments.
    pub fn open_workspace(&self, folder: &Path) -> (Option<LoadedWorkspace>, Vec<Diagnostic>) {
        workspace::open_environments(folder, &self.paths, &self.environments.environments)
    }
}

impl SelectionArgs {
    /// Whether objects are selected by target, kind or name.
    pub fn has_patterns(&self) -> bool {
        !(self.target.is_empty() && self.kind.is_empty() && self.names.is_empty())
    }

    /// Whether anything narrows the workspace.
    pub fn is_narrowed(&self) -> bool {
        self.has_patterns() || self.since.is_some() || !self.files.paths.is_empty()
    }
}

impl NameArgs {
    /// Whether every name is selected.
    pub fn is_empty(&self) -> bool {
        self.name.is_empty() && self.exclude.is_empty()
    }
}
