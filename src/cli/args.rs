//! The command line: every command, flag and variable in one place; help, completions and the manual derive
//! from it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::plan::gate::{CountLimit, PlanLimits};
use crate::plan::permission::{self, Permission, PermissionLimit};
use crate::remote::retry_budget::RetryBudget;
use crate::run::CancellationToken;

/// Keeps SaaS configuration true to what a Git repository says.
///
/// Describe partners, customers and payment gateways in YAML; trueup reads the live services, shows exactly
/// what would change, and sends the smallest request that does it.
#[derive(Parser)]
#[command(
    name = "trueup",
    version,
    max_term_width = 100,
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = "Exit codes: 0 done or nothing differs; 1 error; 2 differences; 3 refused, nothing written; \
4 partly applied; 64 wrong usage; 130 interrupted.\n\nNew here? `trueup demo` shows the whole job on a sandbox."
)]
pub struct CommandLine {
    #[command(subcommand)]
    pub command: CliCommand,
    #[command(flatten)]
    pub common: GlobalArgs,
}

/// The heading of what every command takes.
const GLOBAL_OPTIONS_HEADING: &str = "Options of every command";

/// What every command takes, in any position.
#[derive(Args, Clone)]
pub struct GlobalArgs {
    /// The workspace: the folder with trueup.yaml
    #[arg(
        short = 'C',
        long,
        global = true,
        help_heading = GLOBAL_OPTIONS_HEADING,
        value_name = "DIR",
        default_value = ".",
        env = "TRUEUP_DIRECTORY",
        hide_env_values = true
    )]
    pub directory: PathBuf,
    /// What stands on stdout
    #[arg(long, global = true, help_heading = GLOBAL_OPTIONS_HEADING, value_enum, default_value_t = OutputFormat::Text, env = "TRUEUP_FORMAT", hide_env_values = true)]
    pub format: OutputFormat,
    /// When to use colour
    #[arg(long, global = true, help_heading = GLOBAL_OPTIONS_HEADING, value_enum, default_value_t = ColorMode::Auto, env = "TRUEUP_COLOR", hide_env_values = true)]
    pub color: ColorMode,
    /// Say more on stderr; twice for every request
    #[arg(short, long, global = true, help_heading = GLOBAL_OPTIONS_HEADING, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// No progress and no remarks on stderr, only errors
    #[arg(long, global = true, help_heading = GLOBAL_OPTIONS_HEADING, env = "TRUEUP_QUIET", hide_env_values = true)]
    pub quiet: bool,
}

/// What stands on stdout.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum OutputFormat {
    /// For people
    Text,
    /// For programs; see schemas/report.json
    Json,
    /// What happens while an apply runs, one JSON object a line; see schemas/events.json
    Jsonl,
}

impl OutputFormat {
    /// How documents stand on stdout; events leave no room for one.
    pub fn to_stdout_format(self) -> StdoutFormat {
        match self {
            Self::Text | Self::Jsonl => StdoutFormat::Text,
            Self::Json => StdoutFormat::Json,
        }
    }
}

/// How a document stands on stdout.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StdoutFormat {
    Text,
    Json,
}

/// When to use colour.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum ColorMode {
    Auto,
    Always,
    Never,
}

/// The commands.
#[derive(Subcommand)]
pub enum CliCommand {
    /// Check documents and settings without touching the network
    Validate(ValidateArgs),
    /// Show what would change, and the requests that would do it
    Plan(PlanArgs),
    /// Make the services match: plan, ask, write, read back, prove; or apply a saved plan exactly
    Apply(ApplyArgs),
    /// Take back what an apply did, as far as it is still there: plan, ask, write, read back, prove
    Undo(UndoArgs),
    /// Tell what differs from what was last applied, and which side moved
    Drift(DriftArgs),
    /// Show a saved plan, or the receipt of an apply
    Show(ShowArgs),
    /// Write documents from what is live
    Import(ImportArgs),
    /// Say what a kind or a field is, offline
    Explain(ExplainArgs),
    /// Write the JSON Schemas that editors and checks use
    Schema(SchemaArgs),
    /// Serve every kind over real HTTP, for practice and tests
    Sandbox(SandboxArgs),
    /// Show the whole job on a sandbox: plan, apply, drift
    Demo(DemoArgs),
    /// Lay out the files of a workspace in one way; comments stay
    Fmt(FmtArgs),
    /// Describe services of one's own: draft, check, try
    Api {
        #[command(subcommand)]
        command: ApiCommand,
    },
    /// Rules of one's own over documents and plans
    Policy {
        #[command(subcommand)]
        command: PolicyCommand,
    },
    /// Print a completion script for a shell
    Completions {
        /// Which shell
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
}

/// Which documents.
#[derive(Args, Clone, Default)]
pub struct SelectionArgs {
    /// Files or folders; without any, all documents of the workspace
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
}

/// What a run may ask of the network.
#[derive(Args, Clone, Default)]
pub struct NetworkArgs {
    /// Give up on a request after this many seconds
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds, env = "TRUEUP_REQUEST_TIMEOUT", hide_env_values = true)]
    pub request_timeout: Option<Duration>,
    /// Read a written object back until it shows, for at most this many seconds [default: what its kind says, else 5]
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds, env = "TRUEUP_READ_BACK_TIMEOUT", hide_env_values = true)]
    pub read_back_timeout: Option<Duration>,
    /// End the whole run after this many seconds: what is under way is finished, nothing else is begun
    #[arg(long, value_name = "SECONDS", value_parser = parse_long_seconds, env = "TRUEUP_TIMEOUT", hide_env_values = true)]
    pub timeout: Option<Duration>,
    /// Send at most this many requests again in the whole run [default: 100, and one for every five requests]
    #[arg(long, value_name = "N", env = "TRUEUP_MAX_RETRIES", hide_env_values = true)]
    pub max_retries: Option<u32>,
}

impl NetworkArgs {
    /// What a run that begins now may cost.
    pub fn build_retry_budget(&self) -> Arc<RetryBudget> {
        Arc::new(RetryBudget::new(Arc::new(CancellationToken::with_timeout(self.timeout)), self.max_retries))
    }
}

/// How live state is read and steps are made.
#[derive(Args, Clone, Default)]
pub struct RunArgs {
    /// The most requests under way at once, per target [default: the target's own, else 10]; an API's own limit is kept
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=256), env = "TRUEUP_PARALLELISM", hide_env_values = true)]
    pub parallelism: Option<u32>,
    /// Which way to change objects, where an API has several
    #[arg(long, value_enum, default_value_t = MethodArg::Usual, env = "TRUEUP_METHOD", hide_env_values = true)]
    pub method: MethodArg,
    /// Believe a service that shows no objects at all, and create everything
    #[arg(long, value_name = "N", num_args = 0..=1, require_equals = true, default_value = "no", hide_default_value = true, default_missing_value = "any", value_parser = parse_permission_limit, env = "TRUEUP_TRUST_EMPTY", hide_env_values = true)]
    pub trust_empty: PermissionLimit,
    /// Delete objects that `state: absent` names, and managed ones whose document is gone
    #[arg(long, value_name = "N", num_args = 0..=1, require_equals = true, default_value = "no", hide_default_value = true, default_missing_value = "any", value_parser = parse_permission_limit, env = "TRUEUP_ALLOW_DELETE", hide_env_values = true)]
    pub allow_delete: PermissionLimit,
    /// List live objects that no document describes
    #[arg(long, env = "TRUEUP_UNMANAGED", hide_env_values = true)]
    pub unmanaged: bool,
    /// Send creates again whose outcome is unknown and whose objects do not show
    #[arg(long, value_name = "N", num_args = 0..=1, require_equals = true, default_value = "no", hide_default_value = true, default_missing_value = "any", value_parser = parse_permission_limit, env = "TRUEUP_RETRY_CREATES", hide_env_values = true)]
    pub retry_creates: PermissionLimit,
    /// Write values that cannot be seen, because the service hides or masks them
    #[arg(long, value_name = "N", num_args = 0..=1, require_equals = true, default_value = "no", hide_default_value = true, default_missing_value = "any", value_parser = parse_permission_limit, env = "TRUEUP_FORCE_HIDDEN", hide_env_values = true)]
    pub force_hidden: PermissionLimit,
    /// Write secrets again although they may be the same: a document's name or api/kind/name, and after a colon a field; `*` stands for any letters; repeatable
    #[arg(
        long,
        value_name = "SELECTOR",
        value_delimiter = ',',
        env = "TRUEUP_ROTATE",
        hide_env_values = true
    )]
    pub rotate: Vec<String>,
    /// Allow changes that may lower the protection of an object's data
    #[arg(long, value_name = "N", num_args = 0..=1, require_equals = true, default_value = "no", hide_default_value = true, default_missing_value = "any", value_parser = parse_permission_limit, env = "TRUEUP_ALLOW_LOWER_PROTECTION", hide_env_values = true)]
    pub allow_lower_protection: PermissionLimit,
    /// Overwrite what the person behind an object edited since the last run
    #[arg(long, value_name = "N", num_args = 0..=1, require_equals = true, default_value = "no", hide_default_value = true, default_missing_value = "any", value_parser = parse_permission_limit, env = "TRUEUP_OVERWRITE_EDITS", hide_env_values = true)]
    pub overwrite_edits: PermissionLimit,
    /// Write personal values on targets without `personal: write`
    #[arg(long, value_name = "N", num_args = 0..=1, require_equals = true, default_value = "no", hide_default_value = true, default_missing_value = "any", value_parser = parse_permission_limit, env = "TRUEUP_ALLOW_PERSONAL", hide_env_values = true)]
    pub allow_personal: PermissionLimit,
    /// Write objects that are known by their id and have another natural key than is known of them
    #[arg(long, value_name = "N", num_args = 0..=1, require_equals = true, default_value = "no", hide_default_value = true, default_missing_value = "any", value_parser = parse_permission_limit, env = "TRUEUP_ALLOW_RENAME", hide_env_values = true)]
    pub allow_rename: PermissionLimit,
    /// Apply a plan although some live objects could not be read
    #[arg(long, value_name = "N", num_args = 0..=1, require_equals = true, default_value = "no", hide_default_value = true, default_missing_value = "any", value_parser = parse_permission_limit, env = "TRUEUP_ALLOW_PARTIAL", hide_env_values = true)]
    pub allow_partial: PermissionLimit,
    /// Refuse a plan that updates more objects than this, by number or share [default: 30%, of at least 10 objects]
    #[arg(long, value_name = "N|N%", value_parser = parse_bound, env = "TRUEUP_MAX_UPDATES", hide_env_values = true)]
    pub max_updates: Option<CountLimit>,
    /// Refuse a plan that deletes more objects than this, by number or share [default: 30%, of at least 10 objects]
    #[arg(long, value_name = "N|N%", value_parser = parse_bound, env = "TRUEUP_MAX_DELETES", hide_env_values = true)]
    pub max_deletes: Option<CountLimit>,
    /// Refuse a plan that needs more requests than this to write
    #[arg(long, value_name = "N", env = "TRUEUP_MAX_REQUESTS", hide_env_values = true)]
    pub max_requests: Option<usize>,
    #[command(flatten)]
    pub network: NetworkArgs,
}

impl RunArgs {
    /// What a plan may do without being refused as a whole.
    pub fn build_limits(&self) -> PlanLimits {
        PlanLimits {
            updates: self.max_updates,
            deletes: self.max_deletes,
            requests: self.max_requests,
            permissions: permission::ALL_PERMISSIONS
                .into_iter()
                .map(|own| (own, self.get_permission_limit(own)))
                .collect(),
            unread: self.allow_partial,
        }
    }

    /// For how many objects something is allowed.
    pub fn get_permission_limit(&self, permission: Permission) -> PermissionLimit {
        match permission {
            Permission::Delete => self.allow_delete,
            Permission::Hidden => self.force_hidden,
            Permission::LowerProtection => self.allow_lower_protection,
            Permission::OverwriteEdits => self.overwrite_edits,
            Permission::Personal => self.allow_personal,
            Permission::TrustEmpty => self.trust_empty,
            Permission::RetryCreate => self.retry_creates,
            Permission::Rename => self.allow_rename,
        }
    }
}

/// Which way to change objects.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum MethodArg {
    /// The API's own: PATCH where it has one
    #[default]
    Usual,
    /// The full PUT, made from a fresh read
    Put,
    /// The minimal PATCH
    Patch,
}

/// What else is written, beside stdout.
#[derive(Args, Clone, Default)]
pub struct ReportArgs {
    /// Write a report to a file as well: text, json, markdown, github, github-summary, gitlab, gitlab-changes, sarif, junit, html, or jsonl while an apply runs; repeatable. With `-` as the file it stands on stdout, and the text on stderr
    #[arg(long, value_name = "FORMAT=FILE", value_parser = parse_report_output, value_delimiter = ',', env = "TRUEUP_REPORT", hide_env_values = true)]
    pub report: Vec<(ReportFormat, PathBuf)>,
    /// Annotations and the summary of a CI service
    #[arg(long, value_enum, default_value_t = CiService::Auto, env = "TRUEUP_CI", hide_env_values = true)]
    pub ci: CiService,
}

/// Whose eyes the terminal is for.
#[derive(Args, Clone, Copy, Default)]
pub struct RevealArgs {
    /// Show personal values as they are; on a terminal only, as text, never in a report or a saved plan. Secrets stay hidden
    #[arg(long, env = "TRUEUP_REVEAL", hide_env_values = true)]
    pub reveal: bool,
}

/// Which CI service to speak to.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum CiService {
    /// The one that the environment tells of
    #[default]
    Auto,
    /// GitHub Actions: annotations on stderr, and the step summary
    Github,
    /// None
    None,
}

/// How a report is written to a file.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReportFormat {
    /// As on a terminal, without colour
    Text,
    /// For programs; see schemas/
    Json,
    /// For a comment on a pull request
    Markdown,
    /// Workflow commands of GitHub Actions
    Github,
    /// The step summary of GitHub Actions
    GithubSummary,
    /// The code-quality report of GitLab
    Gitlab,
    /// The numbers that GitLab shows of a plan, as `artifacts:reports:terraform`
    GitlabChanges,
    /// SARIF 2.1.0
    Sarif,
    /// JUnit XML
    Junit,
    /// One page that opens in any browser, without a network
    Html,
    /// What happens while an apply runs, one JSON object a line
    Jsonl,
}

impl ReportFormat {
    /// The word for it on the command line.
    pub fn to_flag_value(self) -> String {
        self.to_possible_value().map_or_else(String::new, |word| word.get_name().to_owned())
    }
}

/// Arguments of `validate`.
#[derive(Args)]
pub struct ValidateArgs {
    #[command(flatten)]
    pub selection: SelectionArgs,
    #[command(flatten)]
    pub beside: ReportArgs,
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

/// Which changes are wanted, by their cause.
#[derive(Args, Clone, Default)]
pub struct CauseArgs {
    /// The commit that this branch is compared with [default: where it parted from the branch that CI, or the remote, calls the main one]
    #[arg(long, value_name = "REF", env = "TRUEUP_BASE", hide_env_values = true)]
    pub base: Option<String>,
    /// Plan only objects that differ for this cause alone; one that differs for others too is refused, because a write may carry the whole object
    #[arg(long, value_enum, value_name = "CAUSE", env = "TRUEUP_ONLY", hide_env_values = true)]
    pub only: Option<CauseArg>,
    /// Refuse to plan a branch that does not contain what is on the main one by now
    #[arg(long, env = "TRUEUP_REQUIRE_UP_TO_DATE", hide_env_values = true)]
    pub require_up_to_date: bool,
}

/// A cause that can be asked for.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum CauseArg {
    /// What this branch edits
    ThisBranch,
}

/// Arguments of `plan`.
#[derive(Args)]
pub struct PlanArgs {
    #[command(flatten)]
    pub selection: SelectionArgs,
    #[command(flatten)]
    pub changed: SinceArgs,
    #[command(flatten)]
    pub reading: RunArgs,
    #[command(flatten)]
    pub beside: ReportArgs,
    #[command(flatten)]
    pub causes: CauseArgs,
    #[command(flatten)]
    pub sight: RevealArgs,
    /// Exit with 2 when something would change
    #[arg(long, env = "TRUEUP_DETAILED_EXITCODE", hide_env_values = true)]
    pub detailed_exitcode: bool,
    /// Save the plan, for review and `trueup apply FILE`; it holds no secrets
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// Arguments of `apply`.
#[derive(Args)]
pub struct ApplyArgs {
    #[command(flatten)]
    pub selection: SelectionArgs,
    #[command(flatten)]
    pub reading: RunArgs,
    #[command(flatten)]
    pub beside: ReportArgs,
    #[command(flatten)]
    pub sight: RevealArgs,
    /// Do not ask
    #[arg(long, env = "TRUEUP_AUTO_APPROVE", hide_env_values = true)]
    pub auto_approve: bool,
    /// Write nothing at all when any object is refused
    #[arg(long, env = "TRUEUP_ALL_OR_NOTHING", hide_env_values = true)]
    pub all_or_nothing: bool,
    /// Write the ids of objects into the documents that have none
    #[arg(long, env = "TRUEUP_WRITE_IDS", hide_env_values = true)]
    pub write_ids: bool,
}

/// Arguments of `undo`.
#[derive(Args)]
#[command(after_help = "\
Only leaves that still hold what that run wrote are touched; every other one is listed with the reason. Objects that \
it created are deleted with `--allow-delete`, objects that it deleted are created again where all of them was kept. \
The documents stay as they are: take the commit back in Git too, or the next apply writes it again.

Exit codes: 0 undone, or nothing left to undo; 3 refused, nothing written; 4 partly undone; 1 error.")]
pub struct UndoArgs {
    /// A receipt: a file in `.trueup/receipts`, or the name of the run
    #[arg(value_name = "RECEIPT")]
    pub receipt: PathBuf,
    #[command(flatten)]
    pub reading: RunArgs,
    #[command(flatten)]
    pub beside: ReportArgs,
    #[command(flatten)]
    pub sight: RevealArgs,
    /// Write nothing, but save the plan, for review and `trueup apply FILE`; it holds no secrets
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Do not ask
    #[arg(long, env = "TRUEUP_AUTO_APPROVE", hide_env_values = true)]
    pub auto_approve: bool,
    /// Write nothing at all when any object is refused
    #[arg(long, env = "TRUEUP_ALL_OR_NOTHING", hide_env_values = true)]
    pub all_or_nothing: bool,
}

/// How a command exits when it finds differences.
#[derive(clap::ValueEnum, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnDifferenceArg {
    #[default]
    Fail,
    Succeed,
}

/// Arguments of `drift`.
#[derive(Args, Default)]
#[command(after_help = "\
An object that was edited since the last known apply has drifted. A document that was edited and not applied is \
pending. What is not known to have been applied is never applied. Objects that no document describes do not count.

Exit codes: 0 no differences; 2 drift; 5 only pending or never applied; 1 the state of some objects is not known.")]
pub struct DriftArgs {
    #[command(flatten)]
    pub selection: SelectionArgs,
    #[command(flatten)]
    pub changed: SinceArgs,
    #[command(flatten)]
    pub beside: ReportArgs,
    #[command(flatten)]
    pub sight: RevealArgs,
    /// The commit whose documents stand for what was applied where there is no record [default: where this branch parted from the one that CI, or the remote, calls the main one]
    #[arg(long, value_name = "REF", env = "TRUEUP_BASE", hide_env_values = true)]
    pub base: Option<String>,
    /// How to exit when there are differences: `fail` with 2 or 5, `succeed` with 0
    #[arg(long, value_enum, default_value_t = OnDifferenceArg::Fail, env = "TRUEUP_ON_DIFFERENCE", hide_env_values = true)]
    pub on_difference: OnDifferenceArg,
    /// List live objects that no document describes
    #[arg(long, env = "TRUEUP_UNMANAGED", hide_env_values = true)]
    pub unmanaged: bool,
    /// Believe a service that shows no objects at all
    #[arg(long, value_name = "N", num_args = 0..=1, require_equals = true, default_value = "no", hide_default_value = true, default_missing_value = "any", value_parser = parse_permission_limit, env = "TRUEUP_TRUST_EMPTY", hide_env_values = true)]
    pub trust_empty: PermissionLimit,
    /// The most requests under way at once, per target [default: the target's own, else 10]; an API's own limit is kept
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=256), env = "TRUEUP_PARALLELISM", hide_env_values = true)]
    pub parallelism: Option<u32>,
    #[command(flatten)]
    pub network: NetworkArgs,
}

/// Arguments of `show`.
#[derive(Args)]
#[command(after_help = "\
A job that plans has told its findings to its CI service already, so a file that is shown is told there with `--ci \
github` only.

Exit codes: 0 shown; 1 it cannot be read, or is no such file.")]
pub struct ShowArgs {
    /// What `plan -o` wrote, a file in `.trueup/receipts` or `.trueup/journal`, or the name of a run
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    #[command(flatten)]
    pub beside: ReportArgs,
}

/// Arguments of `import`.
#[derive(Args)]
#[command(after_help = "\
A second import into the same place changes only what differs, and only fields that a document names; comments, \
order and formatting stay. Secrets are never written: documents say where they come from.

Exit codes: 0 done, and a plan over the documents is empty; 1 error; 4 some objects were not written.

Examples:
  trueup import bootview/payment-gateway -o config
  trueup import carrierx/partner company_name='Lakeside*' -o config/partners --personal")]
pub struct ImportArgs {
    /// What to import, as `api/kind`
    #[arg(value_name = "KIND")]
    pub kind: String,
    /// An id, or field=value with `*` at either end; each adds what it matches, without any all are taken
    #[arg(value_name = "SELECTOR")]
    pub selectors: Vec<String>,
    /// The folder for the documents, relative to the workspace
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,
    /// The target to read from; may be left out where only one serves the API
    #[arg(long, value_name = "NAME", env = "TRUEUP_TARGET", hide_env_values = true)]
    pub target: Option<String>,
    /// Where the objects live, over what the target says; repeatable
    #[arg(long, value_name = "NAME=VALUE")]
    pub scope: Vec<String>,
    /// Write personal and sensitive values too
    #[arg(long, env = "TRUEUP_PERSONAL", hide_env_values = true)]
    pub personal: bool,
    /// Add fields that documents do not name yet
    #[arg(long)]
    pub all_fields: bool,
    /// New documents go into one file for the kind
    #[arg(long)]
    pub single_file: bool,
    /// The most requests under way at once [default: the target's own, else 10]; an API's own limit is kept
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=256), env = "TRUEUP_PARALLELISM", hide_env_values = true)]
    pub parallelism: Option<u32>,
    #[command(flatten)]
    pub network: NetworkArgs,
}

/// Arguments of `explain`.
#[derive(Args)]
pub struct ExplainArgs {
    /// A kind, or a field of it: `api/kind`, `api/kind.field.inner`; without any, all kinds are listed
    #[arg(value_name = "KIND[.PATH]")]
    pub topic: Option<String>,
}

/// Arguments of `schema`.
#[derive(Args)]
pub struct SchemaArgs {
    /// Where the schemas are written
    #[arg(short, long, value_name = "DIR", default_value = "schemas")]
    pub output: PathBuf,
    /// Write nothing; exit with 2 when a file is missing or old
    #[arg(long)]
    pub check: bool,
}

/// Arguments of `sandbox`.
#[derive(Args)]
pub struct SandboxArgs {
    /// The port on loopback; 0 takes a free one
    #[arg(long, default_value_t = 8080, env = "TRUEUP_SANDBOX_PORT", hide_env_values = true)]
    pub port: u16,
    /// Objects to start with: YAML or JSON, from kind to a list of {scope, object}
    #[arg(long, value_name = "FILE")]
    pub data: Option<PathBuf>,
    /// How many objects of each kind to start with, made after the samples
    #[arg(long, value_name = "N")]
    pub count: Option<usize>,
    /// Wait this long before each answer, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub latency: u64,
    /// A fault to practise with, e.g. PUT:503:2, GET:hang, PATCH:keep-nothing; repeatable
    #[arg(long, value_name = "VERB:WHAT[:TIMES]")]
    pub fail: Vec<String>,
    /// How secrets read back
    #[arg(long, value_enum, default_value_t = SecretsArg::Clear)]
    pub secrets: SecretsArg,
}

/// How secrets read back.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum SecretsArg {
    /// As they are
    Clear,
    /// As asterisks
    Masked,
    /// Not at all
    Hidden,
}

/// The commands about descriptions of one's own.
#[derive(Subcommand)]
pub enum ApiCommand {
    /// Report every fault of the descriptions in apis/, or say what they hold
    Check(ApiCheckArgs),
    /// Hold a description against live objects: what it misses, what it mistypes; reads only
    Try(ApiTryArgs),
    /// Draft a description from an OpenAPI document, with a remark at each place to decide
    New(ApiNewArgs),
}

/// Arguments of `api check`.
#[derive(Args)]
pub struct ApiCheckArgs {
    /// Which APIs; without any, all of the workspace
    #[arg(value_name = "API")]
    pub apis: Vec<String>,
}

/// Arguments of `api try`.
#[derive(Args)]
pub struct ApiTryArgs {
    /// A target of the workspace
    #[arg(value_name = "TARGET")]
    pub target: String,
    /// Only this kind of its API
    #[arg(value_name = "KIND")]
    pub kind: Option<String>,
    /// The most objects of each kind to look at
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub count: u32,
    /// A scope parameter that the target does not fix; repeatable
    #[arg(long, value_name = "NAME=VALUE", value_parser = parse_name_value)]
    pub scope: Vec<(String, String)>,
    #[command(flatten)]
    pub network: NetworkArgs,
}

/// Arguments of `api new`.
#[derive(Args)]
pub struct ApiNewArgs {
    /// What the API is to be called: small letters, digits and hyphens
    #[arg(value_name = "NAME")]
    pub name: String,
    /// The OpenAPI 3.0 or 3.1 document, JSON or YAML
    #[arg(long, value_name = "FILE")]
    pub from_openapi: PathBuf,
    /// Where the files are written, below the workspace [default: apis/NAME]
    #[arg(short, long, value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// Only these kinds, as a draft of everything would call them; repeatable
    #[arg(long, value_name = "KIND")]
    pub only: Vec<String>,
}

/// Commands about policies.
#[derive(Subcommand)]
pub enum PolicyCommand {
    /// Ask the rules about their own cases, offline
    Test,
}

/// Arguments of `fmt`.
#[derive(Args)]
#[command(after_help = "\
Two spaces a level, the keys of a document in their order, no blanks at ends of lines, one line break at the end. \
Comments, quotes and wording stay. A file is replaced only when it reads back the same.

Exit codes: 0 done, or nothing to do; 1 a file cannot be read or written; 2 with `--check`, files are not laid out so.")]
pub struct FmtArgs {
    #[command(flatten)]
    pub selection: SelectionArgs,
    /// Change nothing; exit with 2 when a file is not laid out so
    #[arg(long)]
    pub check: bool,
}

/// Arguments of `demo`.
#[derive(Args)]
pub struct DemoArgs {
    /// Keep the workspace of the demo in this folder instead of a temporary one
    #[arg(long, value_name = "DIR")]
    pub keep: Option<PathBuf>,
}

fn parse_bound(text: &str) -> Result<CountLimit, String> {
    let wrong = || "a number of objects, or a share from 0% to 100%".to_owned();
    match text.strip_suffix('%') {
        Some(share) => share.trim_end().parse().ok().filter(|share| *share <= 100).map(CountLimit::Percent),
        None => text.parse().ok().map(CountLimit::Count),
    }
    .ok_or_else(wrong)
}

/// A number of objects, or any number; variables may say `true` and `false` too.
fn parse_permission_limit(text: &str) -> Result<PermissionLimit, String> {
    match text {
        "any" | "true" | "yes" => Ok(PermissionLimit::Unlimited),
        "no" | "false" | "" => Ok(PermissionLimit::Denied),
        number => number
            .parse()
            .map(PermissionLimit::AtMost)
            .map_err(|_| "a number of objects, or nothing for any".to_owned()),
    }
}

/// `FORMAT=FILE`
fn parse_report_output(text: &str) -> Result<(ReportFormat, PathBuf), String> {
    let words = || {
        let words: Vec<_> =
            ReportFormat::value_variants().iter().map(|format| format.to_flag_value()).collect();
        words.join(", ")
    };
    match text.split_once('=') {
        Some((_, "")) => Err("the file is missing: write FORMAT=FILE".into()),
        Some((format, file)) => match ReportFormat::from_str(format, false) {
            Ok(format) => Ok((format, file.into())),
            Err(_) => Err(format!("there is no format `{format}`; known: {}", words())),
        },
        None => Err(format!("write FORMAT=FILE, with one of the formats {}", words())),
    }
}

fn parse_seconds(text: &str) -> Result<Duration, String> {
    parse_bounded_seconds(3600, text)
}

fn parse_long_seconds(text: &str) -> Result<Duration, String> {
    parse_bounded_seconds(24 * 3600, text)
}

fn parse_bounded_seconds(most: u32, text: &str) -> Result<Duration, String> {
    match text.parse::<f64>() {
        Ok(seconds) if seconds > 0.0 && seconds <= f64::from(most) => Ok(Duration::from_secs_f64(seconds)),
        _ => Err(format!("a number of seconds, more than 0 and at most {most}")),
    }
}

fn parse_name_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("a name and a value: NAME=VALUE".into()),
    }
}
