//! `trueup completions`: a completion script for a shell.

use clap::CommandFactory;
use clap_complete::{Shell, generate};

use super::args::Cli;
use super::exit::Exit;
use super::screen::Screen;

/// Prints the script.
///
/// # Errors
/// When stdout cannot be written.
pub fn run(shell: Shell, screen: &Screen) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    generate(shell, &mut Cli::command(), "trueup", &mut script);
    screen.out(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}
