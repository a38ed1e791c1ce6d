//! `trueup completions`: a completion script for a shell.

use clap::CommandFactory;
use clap_complete::{Shell, generate};

use super::args::CommandLine;
use super::exit::ExitStatus;
use super::screen::TerminalScreen;

/// Prints the script.
///
/// # Errors
/// When stdout cannot be written.
pub fn run(shell: Shell, screen: &TerminalScreen) -> anyhow::Result<ExitStatus> {
    let mut script = Vec::new();
    generate(shell, &mut CommandLine::command(), "trueup", &mut script);
    screen.print_stdout(&String::from_utf8_lossy(&script))?;
    Ok(ExitStatus::Done)
}
