//! `trueup policy`: the rules of a workspace, asked about their own cases.
//!
//! Deliberately absent: asking them about documents. `validate`, `plan` and `apply` do.

use clap::Subcommand;

use super::exit::ExitStatus;
use super::global_args::{GlobalArgs, StdoutFormat};
use super::screen::TerminalScreen;
use crate::diagnostic::has_errors;
use crate::report::json::to_json;
use crate::report::plan_report::PolicyTestReport;
use crate::report::sanitize::format_count;
use crate::workspace;

/// Commands about policies.
#[derive(Subcommand)]
pub enum PolicyCommand {
    /// Run the cases of all rules, offline
    Test,
}

/// Runs one of the commands about policies.
///
/// # Errors
/// When the result cannot be written.
pub fn run(
    common: &GlobalArgs,
    command: &PolicyCommand,
    screen: &TerminalScreen,
) -> anyhow::Result<ExitStatus> {
    match command {
        PolicyCommand::Test => run_tests(common, screen),
    }
}

fn run_tests(common: &GlobalArgs, screen: &TerminalScreen) -> anyhow::Result<ExitStatus> {
    let (policies, mut faults) = workspace::open_policies(&common.directory);
    let (rules, cases) = policies.count_contents();
    let passed = match has_errors(&faults) {
        true => 0,
        false => {
            let trial = policies.run_cases();
            faults.extend(trial.diagnostics);
            trial.passed
        }
    };
    match screen.format {
        StdoutFormat::Json => {
            screen.print_stdout(&to_json(&PolicyTestReport::from_results(rules, cases, passed, &faults))?)?
        }
        StdoutFormat::Text => {
            screen.print_diagnostics(&faults);
            let said = format!(
                "{}, {passed} of {} passed\n",
                format_count(rules, "rule"),
                format_count(cases, "case")
            );
            screen.print_stdout(&said)?;
        }
    }
    Ok(if has_errors(&faults) { ExitStatus::Error } else { ExitStatus::Done })
}
