//! `trueup init`: a new workspace, from answers or flags; its credentials are checked with a read.
//!
//! Nothing is overwritten: a file that exists is kept and named. The settings are checked before they are written.
//! Deliberately absent: credentials. A workspace names the variables that hold them.

mod answers;
mod args;
mod files;
pub mod report;

use std::path::PathBuf;

use self::answers::WorkspaceAnswers;
pub use self::args::InitArgs;
use self::files::WrittenFiles;
use self::report::InitReport;
use super::doctor::check::{DoctorCheck, render_checks};
use super::doctor::{self, DoctorArgs};
use super::exit::ExitStatus;
use super::global_args::{GlobalArgs, StdoutFormat};
use super::import::{self, ImportArgs};
use super::screen::TerminalScreen;
use crate::diagnostic::has_errors;
use crate::report::to_json;
use crate::workspace;

/// Where an import writes documents.
const DOCUMENT_FOLDER: &str = "config";

/// Makes a workspace.
///
/// # Errors
/// When a file cannot be written, there is no runtime, or the terminal cannot be read.
pub fn run(common: &GlobalArgs, args: &InitArgs, screen: &TerminalScreen) -> anyhow::Result<ExitStatus> {
    let root = &common.directory;
    let registry = workspace::load_registry(root)?;
    if let Some(fault) = files::diagnose_existing_settings(root) {
        screen.print_diagnostics(&[fault]);
        return Ok(ExitStatus::Error);
    }
    let answers = match WorkspaceAnswers::collect(args, &registry, screen)? {
        Ok(answers) => answers,
        Err(fault) => {
            screen.print_diagnostics(&[fault]);
            return Ok(ExitStatus::Usage);
        }
    };
    let text = answers.render_settings();
    let faults = files::check_settings(&text, &registry);
    screen.print_diagnostics(&faults);
    if has_errors(&faults) {
        return Ok(ExitStatus::Error);
    }
    let files = files::write_workspace(root, &text, &registry)?;
    let checks = if args.no_check { Vec::new() } else { check_access(common, args)? };
    let is_denied = checks.iter().any(DoctorCheck::is_refused);
    print_result(&files, checks, &answers, screen)?;
    if is_denied {
        return Ok(ExitStatus::Error);
    }
    import_kinds(common, args, screen)
}

/// A read of each kind with the credentials of the target.
fn check_access(common: &GlobalArgs, args: &InitArgs) -> anyhow::Result<Vec<DoctorCheck>> {
    let (workspace, _) = workspace::open_workspace(&common.directory, &[]);
    let Some(workspace) = workspace else { return Ok(Vec::new()) };
    let doctor = DoctorArgs { offline: false, network: args.network.clone() };
    doctor::check_access(&workspace, &doctor)
}

fn print_result(
    files: &WrittenFiles,
    checks: Vec<DoctorCheck>,
    answers: &WorkspaceAnswers,
    screen: &TerminalScreen,
) -> anyhow::Result<()> {
    if screen.format == StdoutFormat::Json {
        let report = InitReport::new(files.written.clone(), files.kept.clone(), checks);
        screen.print_stdout(&to_json(&report)?)?;
        return Ok(());
    }
    let mut text = files.render_text();
    if !checks.is_empty() {
        text.push('\n');
        text.push_str(&render_checks(&checks));
    }
    text.push_str(&answers.render_next_steps());
    screen.print_stdout(&text)?;
    Ok(())
}

/// The imports that were asked for. With JSON their results go to stderr: stdout holds one document.
fn import_kinds(common: &GlobalArgs, args: &InitArgs, screen: &TerminalScreen) -> anyhow::Result<ExitStatus> {
    let redirected = (screen.format == StdoutFormat::Json).then(|| screen.with_stdout_redirected());
    let screen = redirected.as_ref().unwrap_or(screen);
    let mut exit = ExitStatus::Done;
    for kind in &args.import {
        let import = ImportArgs {
            kind: kind.clone(),
            output: PathBuf::from(DOCUMENT_FOLDER),
            network: args.network.clone(),
            ..ImportArgs::default()
        };
        match import::run(common, &import, screen)? {
            ExitStatus::Done => {}
            other => exit = other,
        }
    }
    Ok(exit)
}
