//! The arguments of `trueup import`.

use std::path::PathBuf;

use clap::Args;
use clap_complete::ArgValueCandidates;

use crate::cli::completion_values;
use crate::cli::run_args::NetworkArgs;
use crate::cli::selection_args::NameArgs;

/// Arguments of `import`.
#[derive(Args, Clone, Default)]
#[command(after_help = "\
A second import into the same folder updates only values that differ, and only fields that a document sets; comments, \
order and formatting are kept. Values of documents with a base, an overlay or several environments go into the level \
that owns them, as with `trueup accept`. There is no `--since`: objects are chosen on the service, where no commit says \
what changed; name them by selectors or `--name`, or use `accept --since` for objects that have documents. Secrets are \
never written: documents name their source.

Exit codes: 0 done and verified; 1 error; 4 some objects were not written.

Examples:
  trueup import bootview/payment-gateway -o config
  trueup import carrierx/partner company_name='Lakeside*' -o config/partners --personal")]
pub struct ImportArgs {
    /// What to import, as `api/kind`
    #[arg(value_name = "KIND", add = ArgValueCandidates::new(completion_values::list_kinds))]
    pub kind: String,
    /// An id, or field=value with `*` at either end; repeatable [default: all objects]
    #[arg(value_name = "SELECTOR")]
    pub selectors: Vec<String>,
    /// The folder for the documents, relative to the workspace
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,
    /// The target to read from; optional if only one target serves the API
    #[arg(long, value_name = "NAME", add = ArgValueCandidates::new(completion_values::list_targets), env = "TRUEUP_TARGET", hide_env_values = true)]
    pub target: Option<String>,
    #[command(flatten)]
    pub names: NameArgs,
    /// The environment to read from, where the workspace has environments
    #[arg(long = "env", value_name = "ENVIRONMENT", add = ArgValueCandidates::new(completion_values::list_environments), env = "TRUEUP_ENV", hide_env_values = true)]
    pub environment: Option<String>,
    /// Scope of the objects, overriding the target; repeatable
    #[arg(long, value_name = "NAME=VALUE")]
    pub scope: Vec<String>,
    /// Write personal and internal values too
    #[arg(long, env = "TRUEUP_PERSONAL", hide_env_values = true)]
    pub personal: bool,
    /// Leave secret fields out of new documents, so that no secret has to be set; they stay unmanaged
    #[arg(long)]
    pub no_secrets: bool,
    /// Add fields that documents do not set yet
    #[arg(long)]
    pub all_fields: bool,
    /// Take live values also where a document has edits that were not applied
    #[arg(long)]
    pub discard_pending: bool,
    /// Write nothing; show what would be written
    #[arg(long)]
    pub dry_run: bool,
    /// Write new documents into one file per kind
    #[arg(long)]
    pub single_file: bool,
    /// Maximum number of concurrent requests [default: the limit of the target, else 10]; the limit of the API still applies
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=256), env = "TRUEUP_PARALLELISM", hide_env_values = true)]
    pub parallelism: Option<u32>,
    #[command(flatten)]
    pub network: NetworkArgs,
}
