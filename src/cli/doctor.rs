//! `trueup doctor`: whether a workspace and a machine are ready, each check with its remedy.
//!
//! Everything is checked, whatever failed before. Services are read and never written.
//! Deliberately absent: mending what is wrong.

mod args;
pub mod check;
mod local;
mod service;

pub use self::args::DoctorArgs;
use self::check::{DoctorCheck, DoctorReport, render_checks};
use super::exit::ExitStatus;
use super::global_args::{GlobalArgs, StdoutFormat};
use super::screen::TerminalScreen;
use crate::cli::runtime::build_runtime;
use crate::report::to_json;
use crate::workspace;
use crate::workspace::LoadedWorkspace;

/// Checks the targets of a workspace with reads.
///
/// # Errors
/// When there is no runtime.
pub fn check_access(workspace: &LoadedWorkspace, args: &DoctorArgs) -> anyhow::Result<Vec<DoctorCheck>> {
    Ok(build_runtime()?.block_on(service::check_targets(workspace, args)))
}

/// Runs every check.
///
/// # Errors
/// When there is no runtime, or stdout cannot be written.
pub fn run(common: &GlobalArgs, args: &DoctorArgs, screen: &TerminalScreen) -> anyhow::Result<ExitStatus> {
    let mut checks = local::check_machine(&common.directory);
    let (workspace, faults) = workspace::open_workspace(&common.directory, &[]);
    checks.extend(local::check_settings(workspace.as_ref(), &faults));
    if let Some(workspace) = &workspace {
        checks.extend(local::check_workspace(workspace));
        checks.extend(check_access(workspace, args)?);
    }
    let report = DoctorReport::new(checks);
    match screen.format {
        StdoutFormat::Json => screen.print_stdout(&to_json(&report)?)?,
        StdoutFormat::Text => screen.print_stdout(&render_checks(&report.checks))?,
    }
    Ok(if report.healthy { ExitStatus::Done } else { ExitStatus::Error })
}
