//! Reports beside stdout: `--report FORMAT=FILE`, any number of them.
//!
//! They are written last, whatever the run came to, so that a failed run on CI leaves its reports as well.
//! A file is named from the root of the repository in them, because that is what CI services match.
//! Deliberately absent: how a report looks. `report` renders.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::global_args::{GlobalArgs, OutputFormat};
use super::output_file::write_output;
use super::report_args::{CiService, ReportArgs, ReportFormat, RevealArgs};
use super::screen::TerminalScreen;
use crate::diagnostic::Diagnostic;
use crate::output_filter::filter_bytes;
use crate::report::markdown::{self, render_markdown};
use crate::report::plan_report::{PlanReport, ValidationReport};
use crate::report::receipt::Receipt;
use crate::report::view_model::DocumentLineRange;
use crate::report::{
    ApplyReport, DriftReport, ViewModel, drift, github, gitlab, html, junit, outcome, sarif, text, to_json,
};

/// The width of text in files.
const FILE_WIDTH: usize = 100;
/// Where GitHub Actions wants the summary of a step.
const STEP_SUMMARY: &str = "GITHUB_STEP_SUMMARY";
/// The file that stands for stdout.
const STDOUT_NAME: &str = "-";

/// What a run has to show.
pub enum ReportContent<'r> {
    Plan(&'r PlanReport),
    Results(&'r ApplyReport),
    Drift(&'r DriftReport),
    /// What a check found, and the documents that were checked.
    Check(&'r ValidationReport, &'r [DocumentLineRange]),
    /// What an earlier apply did.
    Receipt(&'r Receipt),
}

/// Whose result is reported.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum ReportedCommand {
    Validate,
    Plan,
    Apply,
    Drift,
    /// A file that an earlier run wrote.
    File,
}

impl ReportedCommand {
    /// Why a format says nothing of this.
    fn check_format(self, format: ReportFormat) -> Option<Diagnostic> {
        let command = match (format, self) {
            (ReportFormat::Jsonl, Self::Validate | Self::Plan | Self::Drift | Self::File) => {
                return Some(diagnose_events_without_apply());
            }
            (ReportFormat::GitlabChanges, Self::Validate) => "validate",
            (ReportFormat::GitlabChanges, Self::Drift) => "drift",
            _ => return None,
        };
        let message = format!(
            "`gitlab-changes` counts the changes of a plan or an apply, so it does not support `{command}`"
        );
        Some(Diagnostic::error("usage", message).with_hint("`--report gitlab=FILE` reports its diagnostics"))
    }
}

/// Only an apply has events.
pub fn diagnose_events_without_apply() -> Diagnostic {
    let message = "`jsonl` reports the events of an apply, so it does not support this command";
    Diagnostic::error("usage", message).with_hint("use `json` for the result")
}

/// The reports that were asked for.
#[derive(Default)]
pub struct ReportOutputs {
    outputs: Vec<(ReportFormat, PathBuf)>,
    /// Where it is reported what happens meanwhile.
    pub event_files: Vec<PathBuf>,
    /// From the root of the repository to the workspace, with a slash at the end.
    path_prefix: String,
    /// Whether GitHub Actions runs us.
    is_on_github: bool,
}

impl ReportOutputs {
    /// The reports of a run; nothing, reported on the screen, when one would say nothing of it or two documents would
    /// stand on stdout.
    pub fn new(
        common: &GlobalArgs,
        beside: &ReportArgs,
        of: ReportedCommand,
        screen: &TerminalScreen,
    ) -> Option<Self> {
        let mut requested = beside.report.clone();
        requested.extend(
            (common.format == OutputFormat::Jsonl).then(|| (ReportFormat::Jsonl, STDOUT_NAME.into())),
        );
        let misfits: Vec<_> = requested.iter().filter_map(|(format, _)| of.check_format(*format)).collect();
        if !misfits.is_empty() {
            screen.print_diagnostics(&misfits);
            return None;
        }
        let on_stdout = requested.iter().filter(|(_, file)| is_stdout(file)).count();
        if on_stdout + usize::from(common.format == OutputFormat::Json) > 1 {
            let message = "stdout takes only one document";
            let hint = "write the others to files: `--report FORMAT=FILE`";
            screen.print_diagnostics(&[Diagnostic::error("usage", message).with_hint(hint)]);
            return None;
        }
        let on_github = match beside.ci {
            // the run that made the file said it already
            CiService::Auto if of == ReportedCommand::File => false,
            CiService::Auto => std::env::var_os("GITHUB_ACTIONS").is_some_and(|value| value == "true"),
            CiService::Github => true,
            CiService::None => false,
        };
        let (events, wanted): (Vec<_>, Vec<_>) =
            requested.into_iter().partition(|(format, _)| *format == ReportFormat::Jsonl);
        let events = events.into_iter().map(|(_, file)| file).collect();
        Some(Self {
            outputs: wanted,
            event_files: events,
            path_prefix: find_path_prefix(&common.directory),
            is_on_github: on_github,
        })
    }

    /// The screen for the run: without stdout where a report stands there.
    pub fn select_screen(&self, screen: &TerminalScreen) -> TerminalScreen {
        match self.outputs.iter().map(|(_, file)| file).chain(&self.event_files).any(|file| is_stdout(file)) {
            true => screen.with_stdout_redirected(),
            false => screen.clone(),
        }
    }

    /// The same with what its eyes may see; nothing, reported on the screen, when these are not there.
    pub fn prepare_screen(&self, screen: &TerminalScreen, sight: RevealArgs) -> Option<TerminalScreen> {
        self.select_screen(screen).with_reveal(sight).map_err(|fault| screen.print_diagnostics(&[fault])).ok()
    }

    /// Whether any is written.
    pub fn has_outputs(&self) -> bool {
        self.is_on_github || !self.outputs.is_empty()
    }

    /// Writes each report.
    ///
    /// # Errors
    /// When one of them cannot be written.
    pub fn write_reports(&self, shown: &ReportContent, screen: &TerminalScreen) -> anyhow::Result<()> {
        let view = shown.build_view(&self.path_prefix);
        for (format, file) in &self.outputs {
            let text = render_report(*format, shown, &view)?;
            match is_stdout(file) {
                true => screen.print_report(*format, &text)?,
                false => write_output(file, text.as_bytes())
                    .with_context(|| format!("{} cannot be written", file.display()))?,
            }
        }
        if self.is_on_github {
            // the runner reads commands from both streams; stdout holds one document and no more
            screen.print_runner_commands(&github::render_annotations(&view));
            append_step_summary(&view)?;
        }
        Ok(())
    }
}

/// Adds to the summary of the step, of which steps before may have filled a part.
fn append_step_summary(view: &ViewModel) -> anyhow::Result<()> {
    let Some(file) = std::env::var_os(STEP_SUMMARY).map(PathBuf::from) else { return Ok(()) };
    let there = fs::metadata(&file).map_or(0, |meta| usize::try_from(meta.len()).unwrap_or(usize::MAX));
    let most = markdown::MAX_STEP_SUMMARY_BYTES.saturating_sub(there);
    if most < markdown::MAX_COMMENT_BYTES {
        return Ok(());
    }
    let failed = || format!("the step summary {} cannot be written", file.display());
    let mut summary = fs::File::options().create(true).append(true).open(&file).with_context(failed)?;
    summary.write_all(&filter_bytes(render_markdown(view, most).as_bytes())).with_context(failed)
}

/// Whether a file stands for stdout.
pub fn is_stdout(file: &Path) -> bool {
    file.as_os_str() == STDOUT_NAME
}

fn render_report(format: ReportFormat, shown: &ReportContent, view: &ViewModel) -> anyhow::Result<String> {
    Ok(match format {
        ReportFormat::Text => anstream::adapter::strip_str(&shown.render_text(view)).to_string(),
        ReportFormat::Json => shown.render_json()?,
        ReportFormat::Markdown => render_markdown(view, markdown::MAX_COMMENT_BYTES),
        ReportFormat::Github => github::render_annotations(view),
        ReportFormat::GithubSummary => render_markdown(view, markdown::MAX_STEP_SUMMARY_BYTES),
        ReportFormat::Gitlab => to_json(&gitlab::render_code_quality(view))?,
        ReportFormat::GitlabChanges => to_json(&gitlab::render_change_counts(view))?,
        ReportFormat::Sarif => to_json(&sarif::render_sarif(view))?,
        ReportFormat::Junit => junit::render_junit(view),
        ReportFormat::Html => html::render_html(view),
        ReportFormat::Jsonl => anyhow::bail!("events are written while they happen"),
    })
}

impl ReportContent<'_> {
    /// One view for pages of other programs.
    pub fn build_view<'s>(&'s self, base: &'s str) -> ViewModel<'s> {
        match self {
            Self::Plan(report) => ViewModel::from_plan_report(report, base),
            Self::Results(report) => ViewModel::from_apply_report(report, base),
            Self::Drift(report) => ViewModel::from_drift_report(report, base),
            Self::Check(checked, documents) => ViewModel::from_check_report(checked, documents, base),
            Self::Receipt(receipt) => ViewModel::from_apply_report(&receipt.results, base),
        }
    }

    /// The JSON of the report.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn render_json(&self) -> serde_json::Result<String> {
        match self {
            Self::Plan(report) => to_json(report),
            Self::Results(report) => to_json(report),
            Self::Drift(report) => to_json(report),
            Self::Check(checked, _) => to_json(checked),
            Self::Receipt(receipt) => to_json(receipt),
        }
    }

    fn render_text(&self, view: &ViewModel) -> String {
        match self {
            Self::Plan(report) => text::render_plan(report, FILE_WIDTH),
            Self::Results(report) => outcome::render_results(report, FILE_WIDTH),
            Self::Drift(report) => drift::render_drift(report, FILE_WIDTH),
            Self::Check(checked, _) => text::render_check(checked, &view.format_headline(), FILE_WIDTH),
            Self::Receipt(receipt) => receipt.render_text(FILE_WIDTH),
        }
    }
}

/// From the root of the repository to a workspace, with a slash at the end; nothing outside of one.
fn find_path_prefix(directory: &Path) -> String {
    let Ok(workspace) = directory.canonicalize() else { return String::new() };
    let root = workspace.ancestors().find(|folder| folder.join(".git").exists());
    let below = root.and_then(|root| workspace.strip_prefix(root).ok());
    let parts = below.into_iter().flat_map(Path::iter);
    parts.map(|part| format!("{}/", part.to_string_lossy())).collect()
}
