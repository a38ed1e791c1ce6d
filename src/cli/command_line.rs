//! The command line: the commands, and the options of all. Help, completions and man pages are generated from it.
//!
//! The arguments of a command stand in the file of the command.

use clap::{Parser, Subcommand};

use super::accept::AcceptArgs;
use super::api::ApiCommand;
use super::apply::ApplyArgs;
use super::completions::CompletionsArgs;
use super::demo::DemoArgs;
use super::doctor::DoctorArgs;
use super::drift::DriftArgs;
use super::explain::ExplainArgs;
use super::fmt::FmtArgs;
use super::forget::ForgetArgs;
use super::global_args::GlobalArgs;
use super::import::ImportArgs;
use super::init::InitArgs;
use super::man::ManArgs;
use super::plan::PlanArgs;
use super::policy::PolicyCommand;
use super::promote::PromoteArgs;
use super::render::RenderArgs;
use super::sandbox::SandboxArgs;
use super::schema::SchemaArgs;
use super::share::ShareArgs;
use super::show::ShowArgs;
use super::undo::UndoArgs;
use super::validate::ValidateArgs;
use super::why::WhyArgs;

/// Version, commit and features. `build.rs` sets the commit of release builds.
fn version_text() -> String {
    let commit = option_env!("TRUEUP_COMMIT").filter(|commit| !commit.is_empty()).unwrap_or("unknown");
    let optional = [("cloud", cfg!(feature = "cloud")), ("encryption", cfg!(feature = "encryption"))];
    let features: Vec<&str> = optional.iter().filter(|(_, is_on)| *is_on).map(|(name, _)| *name).collect();
    let features = if features.is_empty() { "none".to_owned() } else { features.join(", ") };
    format!("{} (commit {commit}, features: {features})", env!("CARGO_PKG_VERSION"))
}

/// Manages objects of SaaS APIs from YAML in Git.
///
/// Describe partners, customers and payment gateways in YAML. trueup reads the live objects, shows exactly
/// what would change, sends the smallest request that does it, and verifies every write.
#[derive(Parser)]
#[command(
    name = "trueup",
    version = version_text(),
    max_term_width = 100,
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = "Exit codes: 0 done or no differences; 1 error; 2 differences; 3 refused, nothing written; \
4 partly applied; 5 drift: only pending or never applied changes; 64 usage error; 130, 143, 129 interrupted by SIGINT, SIGTERM, SIGHUP.\n\nNew here? `trueup demo` shows a plan, an apply and drift against a sandbox."
)]
pub struct CommandLine {
    #[command(subcommand)]
    pub command: CliCommand,
    #[command(flatten)]
    pub common: GlobalArgs,
}

/// The commands.
#[derive(Subcommand)]
pub enum CliCommand {
    /// Check documents and settings, offline
    Validate(ValidateArgs),
    /// Show effective documents: with bases, overlays and values
    Render(RenderArgs),
    /// Show where a value comes from, and how the live value differs
    Why(WhyArgs),
    /// Show what would change, and the requests that change it
    Plan(PlanArgs),
    /// Apply the documents: plan, ask, write, verify; or apply a saved plan exactly
    Apply(ApplyArgs),
    /// Revert what an apply wrote, where it is unchanged since: plan, ask, write, verify
    Undo(UndoArgs),
    /// Show drift since the last apply, and which side changed
    Drift(DriftArgs),
    /// Write drifted live values into the level of the documents that owns them
    Accept(AcceptArgs),
    /// Move what one environment says of objects on to another one
    Promote(PromoteArgs),
    /// Propose a base of what documents of one kind have in common
    Share(ShareArgs),
    /// Show a saved plan, or the receipt of an apply
    Show(ShowArgs),
    /// Write documents from live objects
    Import(ImportArgs),
    /// Stop managing objects whose documents were removed; nothing is sent
    Forget(ForgetArgs),
    /// Create a workspace: settings, editor files and schemas; check the credentials with a read
    Init(InitArgs),
    /// Check settings, credentials, hosts, clock, Git and kinds, each with its remedy
    Doctor(DoctorArgs),
    /// Describe a kind, a field or a diagnostic code, offline
    Explain(ExplainArgs),
    /// Write JSON Schemas for editors and checks
    Schema(SchemaArgs),
    /// Serve every kind over HTTP, for practice and tests
    ///
    /// `/_sandbox/` has controls: GET log and dump, POST edit, verify, reset and token. An edit is JSON with `kind`, `id`
    /// and `set`, and changes a live object as another client would.
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
    /// Write man pages
    Man(ManArgs),
    /// Print a completion script for a shell
    Completions(CompletionsArgs),
}
