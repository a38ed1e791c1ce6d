//! `trueup init`: a new workspace, from answers or flags; its credentials are checked with a read.
//!
//! Nothing is overwritten: a file that exists is kept and named. The settings are checked before they are written. In
//! a workspace that is there, `--ci` adds the files of a CI service.
//! Deliberately absent: credentials. A workspace names the variables that hold them.

mod answers;
mod args;
mod ci;
mod files;
pub mod report;

use std::path::PathBuf;

use self::answers::WorkspaceAnswers;
pub use self::args::InitArgs;
use self::ci::{CiWorkspace, PipelineService};
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

/// Makes a workspace, or adds CI files to one.
///
/// # Errors
/// When a file cannot be written, there is no runtime, or the terminal cannot be read.
pub fn run(common: &GlobalArgs, args: &InitArgs, screen: &TerminalScreen) -> anyhow::Result<ExitStatus> {
    let root = &common.directory;
    let registry = workspace::load_registry(root)?;
    if let Some(fault) = files::diagnose_existing_settings(root) {
        return match args.ci.filter(|_| args.names_ci_only()) {
            Some(service) => add_ci_files(common, service, screen),
            None => {
                screen.print_diagnostics(&[fault]);
                Ok(ExitStatus::Error)
            }
        };
    }
    let answers = match WorkspaceAnswers::collect(args, &registry, screen)? {
        Ok(answers) => answers,
        Err(fault) => {
            screen.print_diagnostics(&[fault]);
            return Ok(ExitStatus::Usage);
        }
    };
    let service = match answers::ask_ci_service(args, screen)? {
        Ok(service) => service,
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
    finish_workspace(common, args, NewWorkspace { answers, service, files, checks }, screen)
}

/// A workspace whose files are written and whose credentials are checked.
struct NewWorkspace {
    answers: WorkspaceAnswers,
    service: Option<PipelineService>,
    files: WrittenFiles,
    checks: Vec<DoctorCheck>,
}

/// Imports, writes the CI files, and says what to do next. CI files come last, because imported documents name
/// variables.
fn finish_workspace(
    common: &GlobalArgs,
    args: &InitArgs,
    mut new: NewWorkspace,
    screen: &TerminalScreen,
) -> anyhow::Result<ExitStatus> {
    let is_denied = new.checks.iter().any(DoctorCheck::is_refused);
    if screen.format == StdoutFormat::Text {
        let mut text = new.files.render_text();
        if !new.checks.is_empty() {
            text.push('\n');
            text.push_str(&render_checks(&new.checks));
        }
        screen.print_stdout(&text)?;
    }
    let mut exit = if is_denied { ExitStatus::Error } else { import_kinds(common, args, screen)? };
    let imported: &[String] = if exit == ExitStatus::Done { &args.import } else { &[] };
    let mut steps = new.answers.render_next_steps(imported);
    if let Some(service) = new.service {
        match write_ci_files(common, service, screen)? {
            Some((files, next)) => {
                steps.push_str(&next);
                if screen.format == StdoutFormat::Text {
                    screen.print_stdout(&format!("\n{}", files.render_text()))?;
                }
                new.files.append(files);
            }
            None => exit = ExitStatus::Error,
        }
    }
    match screen.format {
        StdoutFormat::Text => screen.print_stdout(&format!("\nnext:\n{steps}"))?,
        StdoutFormat::Json => print_report(new.files, new.checks, screen)?,
    }
    Ok(exit)
}

/// Adds CI files to a workspace that is there.
fn add_ci_files(
    common: &GlobalArgs,
    service: PipelineService,
    screen: &TerminalScreen,
) -> anyhow::Result<ExitStatus> {
    let Some((files, next)) = write_ci_files(common, service, screen)? else { return Ok(ExitStatus::Error) };
    match screen.format {
        StdoutFormat::Text => screen.print_stdout(&format!("{}\nnext:\n{next}", files.render_text()))?,
        StdoutFormat::Json => print_report(files, Vec::new(), screen)?,
    }
    Ok(ExitStatus::Done)
}

/// The CI files that were written, and what to do next; nothing where the workspace has errors, which are printed.
fn write_ci_files(
    common: &GlobalArgs,
    service: PipelineService,
    screen: &TerminalScreen,
) -> anyhow::Result<Option<(WrittenFiles, String)>> {
    let workspace = match CiWorkspace::open(&common.directory) {
        Ok(workspace) => workspace,
        Err(faults) => {
            screen.print_diagnostics(&faults);
            return Ok(None);
        }
    };
    let (mut files, mut steps) = (WrittenFiles::default(), String::new());
    for file in workspace.build_files(service) {
        let path = format!("{}{}", workspace.relative_root, file.path);
        files.write_new(&common.directory, &path, &file.text)?;
        if files.kept.last() == Some(&path) {
            let there = std::fs::read_to_string(common.directory.join(&path)).unwrap_or_default();
            for line in file.list_missing_variables(&there) {
                steps.push_str(&format!("  add to the variables in {path}: {line}\n"));
            }
        }
    }
    steps.push_str(&workspace.render_next_steps(service, &files.kept));
    Ok(Some((files, steps)))
}

/// A read of each kind with the credentials of the target.
fn check_access(common: &GlobalArgs, args: &InitArgs) -> anyhow::Result<Vec<DoctorCheck>> {
    let (workspace, _) = workspace::open_workspace(&common.directory, &[]);
    let Some(workspace) = workspace else { return Ok(Vec::new()) };
    let doctor = DoctorArgs { offline: false, network: args.network.clone() };
    doctor::check_access(&workspace, &doctor)
}

fn print_report(
    files: WrittenFiles,
    checks: Vec<DoctorCheck>,
    screen: &TerminalScreen,
) -> anyhow::Result<()> {
    let report = InitReport::new(files.written, files.kept, checks);
    screen.print_stdout(&to_json(&report)?)?;
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
