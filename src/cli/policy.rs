//! `trueup policy`: the rules of a workspace, asked about their own cases.
//!
//! Deliberately absent: asking them about documents. `validate`, `plan` and `apply` do.

use super::args::{Common, Format, PolicyCommand};
use super::exit::Exit;
use super::screen::Screen;
use super::workspace;
use crate::diagnostic::any_error;
use crate::report::clean::count;
use crate::report::json::to_json;
use crate::report::shown::Tested;

/// Runs one of the commands about policies.
///
/// # Errors
/// When the result cannot be written.
pub fn run(common: &Common, command: &PolicyCommand, screen: &Screen) -> anyhow::Result<Exit> {
    match command {
        PolicyCommand::Test => test(common, screen),
    }
}

fn test(common: &Common, screen: &Screen) -> anyhow::Result<Exit> {
    let (policies, mut faults) = workspace::policies(&common.directory);
    let (rules, cases) = policies.size();
    let passed = match any_error(&faults) {
        true => 0,
        false => {
            let trial = policies.test();
            faults.extend(trial.faults);
            trial.passed
        }
    };
    match screen.format {
        Format::Json => screen.out(&to_json(&Tested::of((rules, cases, passed), &faults))?)?,
        Format::Text => {
            screen.diagnose(&faults);
            let said = format!("{}, {passed} of {} passed\n", count(rules, "rule"), count(cases, "case"));
            screen.out(&said)?;
        }
    }
    Ok(if any_error(&faults) { Exit::Error } else { Exit::Done })
}
