//! `trueup api`: descriptions of services of one's own, drafted, checked, tried.
//!
//! Deliberately absent: anything that writes to a service.

pub mod check;
pub mod draft;
pub mod fit;
mod told;
pub mod trial;

use super::args::{ApiCommand, Common};
use super::exit::Exit;
use super::screen::Screen;

/// Runs one of the commands about descriptions.
///
/// # Errors
/// When the result cannot be written.
pub fn run(common: &Common, command: &ApiCommand, screen: &Screen) -> anyhow::Result<Exit> {
    match command {
        ApiCommand::Check(args) => check::run(common, args, screen),
        ApiCommand::Try(args) => trial::run(common, args, screen),
        ApiCommand::New(args) => draft::run(common, args, screen),
    }
}
