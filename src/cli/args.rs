//! The command line: every command, flag and variable. Help, completions and the manual are generated from it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::plan::gate::{CountLimit, PlanLimits};
use crate::plan::permission::{self, Permission, PermissionLimit};
use crate::remote::retry_budget::RetryBudget;
use crate::run::CancellationToken;

/// Manages objects of SaaS APIs from YAML in Git.
///
/// Describe partners, customers and payment gateways in YAML. trueup reads the live objects, shows exactly
/// what would change, sends the smallest request that does it, and verifies every write.
#[derive(Parser)]
#[command(
    name = "trueup",
    version,
    max_term_width = 100,
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = "Exit codes: 0 done or no differences; 1 error; 2 differences; 3 refused, nothing written; \
4 partly applied; 64 usage error; 130, 143, 129 interrupted by SIGINT, SIGTERM, SIGHUP.\n\nNew here? `trueup demo` shows a plan, an apply and drift against a sandbox."
)]
pub struct CommandLine {
    #[command(subcommand)]
    pub command: CliCommand,
    #[command(flatten)]
    pub common: GlobalArgs,
}

/// The help heading of the options of every command.
const GLOBAL_OPTIONS_HEADING: &str = "Global options";

/// Options of every command, in any position.
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
    /// Output format
    #[arg(long, global = true, help_heading = GLOBAL_OPTIONS_HEADING, value_enum, default_value_t = OutputFormat::Text, env = "TRUEUP_FORMAT", hide_env_values = true)]
    pub format: OutputFormat,
    /// When to use colour
    #[arg(long, global = true, help_heading = GLOBAL_OPTIONS_HEADING, value_enum, default_value_t = ColorMode::Auto, env = "TRUEUP_COLOR", hide_env_values = true)]
    pub color: ColorMode,
    /// Verbose: more messages on stderr; twice to log every request
    #[arg(short, long, global = true, help_heading = GLOBAL_OPTIONS_HEADING, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Quiet: only errors on stderr
    #[arg(long, global = true, help_heading = GLOBAL_OPTIONS_HEADING, env = "TRUEUP_QUIET", hide_env_values = true)]
    pub quiet: bool,
}

/// The output format of stdout.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum OutputFormat {
    /// Text for a terminal
    Text,
    /// JSON; see schemas/report.json
    Json,
    /// Events of an apply, one JSON object a line; see schemas/events.json
    Jsonl,
}

impl OutputFormat {
    /// The format of a document on stdout.
    pub fn to_stdout_format(self) -> StdoutFormat {
        match self {
            Self::Text | Self::Jsonl => StdoutFormat::Text,
            Self::Json => StdoutFormat::Json,
        }
    }
}

/// The format of a document on stdout.
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
    /// Show what would change, and the requests that change it
    Plan(PlanArgs),
    /// Apply the documents: plan, ask, write, verify; or apply a saved plan exactly
    Apply(ApplyArgs),
    /// Revert what an apply wrote, where it is unchanged since: plan, ask, write, verify
    Undo(UndoArgs),
    /// Show drift since the last apply, and which side changed
    Drift(DriftArgs),
    /// Show a saved plan, or the receipt of an apply
    Show(ShowArgs),
    /// Write documents from live objects
    Import(ImportArgs),
    /// Describe a kind or a field, offline
    Explain(ExplainArgs),
    /// Write JSON Schemas for editors and checks
    Schema(SchemaArgs),
    /// Serve every kind over HTTP, for practice and tests
    Sandbox(SandboxArgs),
    /// Run plan, apply and drift against a sandbox
    Demo(DemoArgs),
    /// Format files; comments are kept
    Fmt(FmtArgs),
    /// Describe your own APIs: draft, check, try
    Api {
        #[command(subcommand)]
        command: ApiCommand,
    },
    /// Test your own rules over documents and plans
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

/// The selected documents.
#[derive(Args, Clone, Default)]
pub struct SelectionArgs {
    /// Files or folders [default: all documents of the workspace]
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
}

/// Network limits of a run.
#[derive(Args, Clone, Default)]
pub struct NetworkArgs {
    /// Time limit of a request, in seconds
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds, env = "TRUEUP_REQUEST_TIMEOUT", hide_env_values = true)]
    pub request_timeout: Option<Duration>,
    /// Time limit of the read-back after a write, in seconds [default: `read_after_write` of the kind, else 5]
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds, env = "TRUEUP_READ_BACK_TIMEOUT", hide_env_values = true)]
    pub read_back_timeout: Option<Duration>,
    /// Time limit of the run, in seconds: requests in progress are finished, no others are started
    #[arg(long, value_name = "SECONDS", value_parser = parse_long_seconds, env = "TRUEUP_TIMEOUT", hide_env_values = true)]
    pub timeout: Option<Duration>,
    /// Maximum number of retries of the run [default: 100, and one for every five requests]
    #[arg(long, value_name = "N", env = "TRUEUP_MAX_RETRIES", hide_env_values = true)]
    pub max_retries: Option<u32>,
}

impl NetworkArgs {
    /// The retry budget of a run that starts now.
    pub fn build_retry_budget(&self) -> Arc<RetryBudget> {
        Arc::new(RetryBudget::new(Arc::new(CancellationToken::with_timeout(self.timeout)), self.max_retries))
    }
}

/// How live state is read and steps are planned.
#[derive(Args, Clone, Default)]
pub struct RunArgs {
    /// Maximum number of concurrent requests per target [default: the limit of the target, else 10]; the limit of the API still applies
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=256), env = "TRUEUP_PARALLELISM", hide_env_values = true)]
    pub parallelism: Option<u32>,
    /// HTTP method of updates, where an API has several
    #[arg(long, value_enum, default_value_t = MethodArg::Usual, env = "TRUEUP_METHOD", hide_env_values = true)]
    pub method: MethodArg,
    /// Proceed when the service lists no objects, and create everything
    #[arg(long, value_name = "N", num_args = 0..=1, require_equals = true, default_value = "no", hide_default_value = true, default_missing_value = "any", value_parser = parse_permission_limit, env = "TRUEUP_TRUST_EMPTY", hide_env_values = true)]
    pub trust_empty: PermissionLimit,
    /// Delete objects with `state: absent`, and managed objects whose document was removed
    #[arg(long, value_name = "N", num_args = 0..=1, require_equals = true, default_value = "no", hide_default_value = true, default_missing_value = "any", value_parser = parse_permission_limit, env = "TRUEUP_ALLOW_DELETE", hide_env_values = true)]
    pub allow_delete: PermissionLimit,
    /// List live objects that no document describes
    #[arg(long, env = "TRUEUP_UNMANAGED", hide_env_values = true)]
    pub unmanaged: bool,
    /// Retry creates whose outcome is unknown and whose objects are not visible
    #[arg(long, value_name = "N", num_args = 0..=1, require_equals = true, default_value = "no", hide_default_value = true, default_missing_value = "any", value_parser = parse_permission_limit, env = "TRUEUP_RETRY_CREATES", hide_env_values = true)]
    pub retry_creates: PermissionLimit,
    /// Write values that the API does not return or masks
    #[arg(long, value_name = "N", num_args = 0..=1, require_equals = true, default_value = "no", hide_default_value = true, default_missing_value = "any", value_parser = parse_permission_limit, env = "TRUEUP_FORCE_HIDDEN", hide_env_values = true)]
    pub force_hidden: PermissionLimit,
    /// Write secrets again even if unchanged: NAME or api/kind/NAME, with an optional :FIELD; `*` matches any text; repeatable
    #[arg(
        long,
        value_name = "SELECTOR",
        value_delimiter = ',',
        env = "TRUEUP_ROTATE",
        hide_env_values = true
    )]
    pub rotate: Vec<String>,
    /// Allow changes that may lower the protection level of an object
    #[arg(long, value_name = "N", num_args = 0..=1, require_equals = true, default_value = "no", hide_default_value = true, default_missing_value = "any", value_parser = parse_permission_limit, env = "TRUEUP_ALLOW_LOWER_PROTECTION", hide_env_values = true)]
    pub allow_lower_protection: PermissionLimit,
    /// Overwrite what the account owner edited since the last run
    #[arg(long, value_name = "N", num_args = 0..=1, require_equals = true, default_value = "no", hide_default_value = true, default_missing_value = "any", value_parser = parse_permission_limit, env = "TRUEUP_OVERWRITE_EDITS", hide_env_values = true)]
    pub overwrite_edits: PermissionLimit,
    /// Write personal values on targets without `personal: write`
    #[arg(long, value_name = "N", num_args = 0..=1, require_equals = true, default_value = "no", hide_default_value = true, default_missing_value = "any", value_parser = parse_permission_limit, env = "TRUEUP_ALLOW_PERSONAL", hide_env_values = true)]
    pub allow_personal: PermissionLimit,
    /// Write objects whose natural key differs from the recorded one
    #[arg(long, value_name = "N", num_args = 0..=1, require_equals = true, default_value = "no", hide_default_value = true, default_missing_value = "any", value_parser = parse_permission_limit, env = "TRUEUP_ALLOW_RENAME", hide_env_values = true)]
    pub allow_rename: PermissionLimit,
    /// Apply a plan even if some live objects could not be read
    #[arg(long, value_name = "N", num_args = 0..=1, require_equals = true, default_value = "no", hide_default_value = true, default_missing_value = "any", value_parser = parse_permission_limit, env = "TRUEUP_ALLOW_PARTIAL", hide_env_values = true)]
    pub allow_partial: PermissionLimit,
    /// Refuse a plan with more updates, as a number or percentage [default: 30%, of at least 10 objects]
    #[arg(long, value_name = "N|N%", value_parser = parse_bound, env = "TRUEUP_MAX_UPDATES", hide_env_values = true)]
    pub max_updates: Option<CountLimit>,
    /// Refuse a plan with more deletes, as a number or percentage [default: 30%, of at least 10 objects]
    #[arg(long, value_name = "N|N%", value_parser = parse_bound, env = "TRUEUP_MAX_DELETES", hide_env_values = true)]
    pub max_deletes: Option<CountLimit>,
    /// Refuse a plan that needs more write requests
    #[arg(long, value_name = "N", env = "TRUEUP_MAX_REQUESTS", hide_env_values = true)]
    pub max_requests: Option<usize>,
    #[command(flatten)]
    pub network: NetworkArgs,
}

impl RunArgs {
    /// The limits above which a plan is refused as a whole.
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

    /// The number of objects for which a permission is given.
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

/// The HTTP method of updates.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum MethodArg {
    /// PATCH where the API has one, else PUT
    #[default]
    Usual,
    /// A full PUT, built from a fresh read
    Put,
    /// A minimal PATCH
    Patch,
}

/// Reports besides stdout.
#[derive(Args, Clone, Default)]
pub struct ReportArgs {
    /// Write a report to a file: text, json, markdown, github, github-summary, gitlab, gitlab-changes, sarif, junit, html, or jsonl for the events of an apply; repeatable. With `-` as FILE the report goes to stdout and the text to stderr
    #[arg(long, value_name = "FORMAT=FILE", value_parser = parse_report_output, value_delimiter = ',', env = "TRUEUP_REPORT", hide_env_values = true)]
    pub report: Vec<(ReportFormat, PathBuf)>,
    /// Annotations and the summary of a CI service
    #[arg(long, value_enum, default_value_t = CiService::Auto, env = "TRUEUP_CI", hide_env_values = true)]
    pub ci: CiService,
}

/// Whether the terminal shows personal values.
#[derive(Args, Clone, Copy, Default)]
pub struct RevealArgs {
    /// Show personal values in clear: on a terminal only, as text, never in a report or a saved plan. Secrets stay hidden
    #[arg(long, env = "TRUEUP_REVEAL", hide_env_values = true)]
    pub reveal: bool,
}

/// The CI service that gets annotations.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum CiService {
    /// Detect it from the environment
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
    /// Text without colour
    Text,
    /// JSON; see schemas/
    Json,
    /// Markdown for a pull request comment
    Markdown,
    /// Workflow commands of GitHub Actions
    Github,
    /// The step summary of GitHub Actions
    GithubSummary,
    /// The code-quality report of GitLab
    Gitlab,
    /// The counts that GitLab shows for a plan, as `artifacts:reports:terraform`
    GitlabChanges,
    /// SARIF 2.1.0
    Sarif,
    /// JUnit XML
    Junit,
    /// A self-contained HTML page
    Html,
    /// Events of an apply, one JSON object a line
    Jsonl,
}

impl ReportFormat {
    /// The value of the flag.
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
    /// The commit to compare this branch with [default: the merge base with the main branch of CI or of the remote]
    #[arg(long, value_name = "REF", env = "TRUEUP_BASE", hide_env_values = true)]
    pub base: Option<String>,
    /// Plan only objects that differ for this cause alone; objects with other causes too are refused, because a write may replace the whole object
    #[arg(long, value_enum, value_name = "CAUSE", env = "TRUEUP_ONLY", hide_env_values = true)]
    pub only: Option<CauseArg>,
    /// Refuse to plan a branch that does not contain the latest commits of the main branch
    #[arg(long, env = "TRUEUP_REQUIRE_UP_TO_DATE", hide_env_values = true)]
    pub require_up_to_date: bool,
}

/// A cause to select.
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
    /// Exit with 2 when there are changes
    #[arg(long, env = "TRUEUP_DETAILED_EXITCODE", hide_env_values = true)]
    pub detailed_exitcode: bool,
    /// Save the plan, for review and `trueup apply FILE`; it contains no secrets
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
    /// Apply without a prompt
    #[arg(long, env = "TRUEUP_AUTO_APPROVE", hide_env_values = true)]
    pub auto_approve: bool,
    /// Write nothing when any object is refused
    #[arg(long, env = "TRUEUP_ALL_OR_NOTHING", hide_env_values = true)]
    pub all_or_nothing: bool,
    /// Write the ids of objects into documents without one
    #[arg(long, env = "TRUEUP_WRITE_IDS", hide_env_values = true)]
    pub write_ids: bool,
}

/// Arguments of `undo`.
#[derive(Args)]
#[command(after_help = "\
Only values that are unchanged since that run are reverted; the others are listed with the reason. Objects that it \
created are deleted with `--allow-delete`; objects that it deleted are created again if the receipt has all values. \
Documents are not changed: revert the commit in Git too, or the next apply writes the change again.

Exit codes: 0 undone, or nothing left to undo; 3 refused, nothing written; 4 partly undone; 1 error.")]
pub struct UndoArgs {
    /// A receipt: a file in `.trueup/receipts`, or the name of a run
    #[arg(value_name = "RECEIPT")]
    pub receipt: PathBuf,
    #[command(flatten)]
    pub reading: RunArgs,
    #[command(flatten)]
    pub beside: ReportArgs,
    #[command(flatten)]
    pub sight: RevealArgs,
    /// Write nothing; save the plan, for review and `trueup apply FILE`; it contains no secrets
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Apply without a prompt
    #[arg(long, env = "TRUEUP_AUTO_APPROVE", hide_env_values = true)]
    pub auto_approve: bool,
    /// Write nothing when any object is refused
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
    /// The commit whose documents are the baseline where no apply is recorded [default: the merge base with the main branch of CI or of the remote]
    #[arg(long, value_name = "REF", env = "TRUEUP_BASE", hide_env_values = true)]
    pub base: Option<String>,
    /// How to exit when there are differences: `fail` with 2 or 5, `succeed` with 0
    #[arg(long, value_enum, default_value_t = OnDifferenceArg::Fail, env = "TRUEUP_ON_DIFFERENCE", hide_env_values = true)]
    pub on_difference: OnDifferenceArg,
    /// List live objects that no document describes
    #[arg(long, env = "TRUEUP_UNMANAGED", hide_env_values = true)]
    pub unmanaged: bool,
    /// Proceed when the service lists no objects
    #[arg(long, value_name = "N", num_args = 0..=1, require_equals = true, default_value = "no", hide_default_value = true, default_missing_value = "any", value_parser = parse_permission_limit, env = "TRUEUP_TRUST_EMPTY", hide_env_values = true)]
    pub trust_empty: PermissionLimit,
    /// Maximum number of concurrent requests per target [default: the limit of the target, else 10]; the limit of the API still applies
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=256), env = "TRUEUP_PARALLELISM", hide_env_values = true)]
    pub parallelism: Option<u32>,
    #[command(flatten)]
    pub network: NetworkArgs,
}

/// Arguments of `show`.
#[derive(Args)]
#[command(after_help = "\
The job that made the plan has written its annotations already, so `show` writes annotations with `--ci github` only.

Exit codes: 0 shown; 1 the file cannot be read.")]
pub struct ShowArgs {
    /// A saved plan, a file in `.trueup/receipts` or `.trueup/journal`, or the name of a run
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    #[command(flatten)]
    pub beside: ReportArgs,
}

/// Arguments of `import`.
#[derive(Args)]
#[command(after_help = "\
A second import into the same folder updates only values that differ, and only fields that a document sets; comments, \
order and formatting are kept. Secrets are never written: documents name their source.

Exit codes: 0 done and verified; 1 error; 4 some objects were not written.

Examples:
  trueup import bootview/payment-gateway -o config
  trueup import carrierx/partner company_name='Lakeside*' -o config/partners --personal")]
pub struct ImportArgs {
    /// What to import, as `api/kind`
    #[arg(value_name = "KIND")]
    pub kind: String,
    /// An id, or field=value with `*` at either end; repeatable [default: all objects]
    #[arg(value_name = "SELECTOR")]
    pub selectors: Vec<String>,
    /// The folder for the documents, relative to the workspace
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,
    /// The target to read from; optional if only one target serves the API
    #[arg(long, value_name = "NAME", env = "TRUEUP_TARGET", hide_env_values = true)]
    pub target: Option<String>,
    /// Scope of the objects, overriding the target; repeatable
    #[arg(long, value_name = "NAME=VALUE")]
    pub scope: Vec<String>,
    /// Write personal and internal values too
    #[arg(long, env = "TRUEUP_PERSONAL", hide_env_values = true)]
    pub personal: bool,
    /// Add fields that documents do not set yet
    #[arg(long)]
    pub all_fields: bool,
    /// Write new documents into one file per kind
    #[arg(long)]
    pub single_file: bool,
    /// Maximum number of concurrent requests [default: the limit of the target, else 10]; the limit of the API still applies
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=256), env = "TRUEUP_PARALLELISM", hide_env_values = true)]
    pub parallelism: Option<u32>,
    #[command(flatten)]
    pub network: NetworkArgs,
}

/// Arguments of `explain`.
#[derive(Args)]
pub struct ExplainArgs {
    /// A kind or a field: `api/kind`, `api/kind.field.inner` [default: list all kinds]
    #[arg(value_name = "KIND[.PATH]")]
    pub topic: Option<String>,
}

/// Arguments of `schema`.
#[derive(Args)]
pub struct SchemaArgs {
    /// Output folder
    #[arg(short, long, value_name = "DIR", default_value = "schemas")]
    pub output: PathBuf,
    /// Write nothing; exit with 2 when a file is missing or out of date
    #[arg(long)]
    pub check: bool,
}

/// Arguments of `sandbox`.
#[derive(Args)]
pub struct SandboxArgs {
    /// Port on loopback; 0 selects a free port
    #[arg(long, default_value_t = 8080, env = "TRUEUP_SANDBOX_PORT", hide_env_values = true)]
    pub port: u16,
    /// Initial objects: YAML or JSON, from kind to a list of {scope, object}
    #[arg(long, value_name = "FILE")]
    pub data: Option<PathBuf>,
    /// Number of generated objects of each kind
    #[arg(long, value_name = "N")]
    pub count: Option<usize>,
    /// Latency of each response, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub latency: u64,
    /// Inject a fault, e.g. PUT:503:2, GET:hang, PATCH:keep-nothing; repeatable
    #[arg(long, value_name = "METHOD:FAULT[:TIMES]")]
    pub fail: Vec<String>,
    /// How responses show secrets
    #[arg(long, value_enum, default_value_t = SecretsArg::Clear)]
    pub secrets: SecretsArg,
}

/// How responses show secrets.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum SecretsArg {
    /// In clear
    Clear,
    /// As asterisks
    Masked,
    /// Omitted
    Hidden,
}

/// Commands for API descriptions of a workspace.
#[derive(Subcommand)]
pub enum ApiCommand {
    /// Check the descriptions in apis/
    Check(ApiCheckArgs),
    /// Compare a description with live objects, read-only: missing fields, wrong types
    Try(ApiTryArgs),
    /// Draft a description from an OpenAPI document, with a comment at each open decision
    New(ApiNewArgs),
}

/// Arguments of `api check`.
#[derive(Args)]
pub struct ApiCheckArgs {
    /// APIs [default: all APIs of the workspace]
    #[arg(value_name = "API")]
    pub apis: Vec<String>,
}

/// Arguments of `api try`.
#[derive(Args)]
pub struct ApiTryArgs {
    /// A target of the workspace
    #[arg(value_name = "TARGET")]
    pub target: String,
    /// Only this kind of the API
    #[arg(value_name = "KIND")]
    pub kind: Option<String>,
    /// Maximum number of objects of each kind
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub count: u32,
    /// Scope parameter that the target does not set; repeatable
    #[arg(long, value_name = "NAME=VALUE", value_parser = parse_name_value)]
    pub scope: Vec<(String, String)>,
    #[command(flatten)]
    pub network: NetworkArgs,
}

/// Arguments of `api new`.
#[derive(Args)]
pub struct ApiNewArgs {
    /// Name of the API: lower-case letters, digits and hyphens
    #[arg(value_name = "NAME")]
    pub name: String,
    /// OpenAPI 3.0 or 3.1 document, JSON or YAML
    #[arg(long, value_name = "FILE")]
    pub from_openapi: PathBuf,
    /// Output folder, relative to the workspace [default: apis/NAME]
    #[arg(short, long, value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// Only these kinds, by the names of a full draft; repeatable
    #[arg(long, value_name = "KIND")]
    pub only: Vec<String>,
}

/// Commands about policies.
#[derive(Subcommand)]
pub enum PolicyCommand {
    /// Run the cases of all rules, offline
    Test,
}

/// Arguments of `fmt`.
#[derive(Args)]
#[command(after_help = "\
Two spaces a level, the keys of a document in their order, no spaces at line ends, one line break at the end. \
Comments and quotes are kept. A file is replaced only if its content is unchanged.

Exit codes: 0 done; 1 a file cannot be read or written; 2 with `--check`, a file is not formatted.")]
pub struct FmtArgs {
    #[command(flatten)]
    pub selection: SelectionArgs,
    /// Write nothing; exit with 2 when a file is not formatted
    #[arg(long)]
    pub check: bool,
}

/// Arguments of `demo`.
#[derive(Args)]
pub struct DemoArgs {
    /// Keep the workspace of the demo in this folder
    #[arg(long, value_name = "DIR")]
    pub keep: Option<PathBuf>,
}

fn parse_bound(text: &str) -> Result<CountLimit, String> {
    let wrong = || "expected a number of objects, or a percentage from 0% to 100%".to_owned();
    match text.strip_suffix('%') {
        Some(share) => share.trim_end().parse().ok().filter(|share| *share <= 100).map(CountLimit::Percent),
        None => text.parse().ok().map(CountLimit::Count),
    }
    .ok_or_else(wrong)
}

/// A number of objects, or any number; environment variables may be `true` or `false` too.
fn parse_permission_limit(text: &str) -> Result<PermissionLimit, String> {
    match text {
        "any" | "true" | "yes" => Ok(PermissionLimit::Unlimited),
        "no" | "false" | "" => Ok(PermissionLimit::Denied),
        number => number
            .parse()
            .map(PermissionLimit::AtMost)
            .map_err(|_| "expected a number of objects, or no value for any number".to_owned()),
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
            Err(_) => Err(format!("unknown format `{format}`; known formats: {}", words())),
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
        _ => Err(format!("expected a number of seconds, more than 0 and at most {most}")),
    }
}

fn parse_name_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("expected NAME=VALUE".into()),
    }
}
