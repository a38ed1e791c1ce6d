//! `trueup api`: descriptions of services of one's own, drafted, checked, tried.
//!
//! Deliberately absent: anything that writes to a service.

pub mod check;
pub mod draft;
pub mod fit;
mod fit_text;
pub mod try_api;

use super::args::{ApiCommand, GlobalArgs};
use super::exit::ExitStatus;
use super::screen::TerminalScreen;

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
