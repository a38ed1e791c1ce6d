//! `trueup api`: descriptions of services of one's own, drafted, checked, tried.
//!
//! Deliberately absent: anything that writes to a service.

pub mod check;
pub mod draft;
pub mod fit;
mod fit_text;
mod fit_values;
mod propose;
pub mod try_api;

use clap::Subcommand;

use super::api::check::ApiCheckArgs;
use super::api::draft::ApiNewArgs;
use super::api::try_api::ApiTryArgs;
use super::exit::ExitStatus;
use super::global_args::GlobalArgs;
use super::screen::TerminalScreen;

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

/// Runs one of the commands about descriptions.
///
/// # Errors
/// When the result cannot be written.
pub fn run(common: &GlobalArgs, command: &ApiCommand, screen: &TerminalScreen) -> anyhow::Result<ExitStatus> {
    match command {
        ApiCommand::Check(args) => check::run(common, args, screen),
        ApiCommand::Try(args) => try_api::run(common, args, screen),
        ApiCommand::New(args) => draft::run(common, args, screen),
    }
}
