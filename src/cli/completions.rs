//! `trueup completions`: what a shell needs to complete commands, flags and values.
//!
//! The script asks the program itself at each completion, so that it offers the kinds, targets and names of the
//! workspace (`completion_values`).

use clap::Args;
use clap_complete::Shell;
use clap_complete::env::Shells;

use super::exit::ExitStatus;
use super::screen::TerminalScreen;

/// The variable in which a shell asks for completions.
pub const COMPLETION_VARIABLE: &str = "COMPLETE";
/// The name of the program.
const PROGRAM: &str = "trueup";

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
pub fn run(args: &CompletionsArgs, screen: &TerminalScreen) -> anyhow::Result<ExitStatus> {
    let shells = Shells::builtins();
    let completer = shells.completer(&args.shell.to_string());
    let completer = completer.ok_or_else(|| anyhow::anyhow!("there is no completion for {}", args.shell))?;
    let mut script = Vec::new();
    completer.write_registration(COMPLETION_VARIABLE, PROGRAM, PROGRAM, PROGRAM, &mut script)?;
    screen.print_stdout(&String::from_utf8_lossy(&script))?;
    Ok(ExitStatus::Done)
}
