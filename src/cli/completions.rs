//! `trueup completions`: a completion script for a shell.

use clap::Args;
use clap::Command;
use clap_complete::{Shell, generate};

use super::exit::ExitStatus;
use super::screen::TerminalScreen;

/// Arguments of `completions`.
#[derive(Args)]
pub struct CompletionsArgs {
    /// Which shell
    #[arg(value_enum)]
    pub shell: Shell,
}

/// Prints the script.
///
/// # Errors
/// When stdout cannot be written.
pub fn run(
    args: &CompletionsArgs,
    mut command: Command,
    screen: &TerminalScreen,
) -> anyhow::Result<ExitStatus> {
    let mut script = Vec::new();
    generate(args.shell, &mut command, "trueup", &mut script);
    screen.print_stdout(&String::from_utf8_lossy(&script))?;
    Ok(ExitStatus::Done)
}
