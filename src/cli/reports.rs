//! Reports beside stdout: `--report FORMAT=FILE`, any number of them.
//!
//! They are written last, whatever the run came to, so that a failed run on CI leaves its reports as well.
//! A file is named from the root of the repository in them, because that is what CI services match.
//! Deliberately absent: how a report looks. `report` renders.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::args::{Beside, Ci, Common, FormatWord, ReportFormat, Sight};
use super::screen::Screen;
use crate::diagnostic::Diagnostic;
use crate::report::markdown::{self, markdown};
use crate::report::receipt::Receipt;
use crate::report::sheet::Stretch;
use crate::report::shown::{Checked, Report};
use crate::report::{
    ApplyReport, DriftReport, Sheet, drift, github, gitlab, html, junit, outcome, sarif, text, to_json,
};

/// The width of text in files.
const WIDTH: usize = 100;
/// Where GitHub Actions wants the summary of a step.
const STEP_SUMMARY: &str = "GITHUB_STEP_SUMMARY";
/// The file that stands for stdout.
const STDOUT: &str = "-";

/// What a run has to show.
pub enum Shown<'r> {
    Plan(&'r Report),
    Results(&'r ApplyReport),
    Drift(&'r DriftReport),
    /// What a check found, and the documents that were checked.
    Check(&'r Checked, &'r [Stretch]),
    /// What an earlier apply did.
    Receipt(&'r Receipt),
}

/// Whose result is told.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Of {
    Validate,
    Plan,
    Apply,
    Drift,
    /// A file that an earlier run wrote.
    File,
}

impl Of {
    /// Why a format says nothing of this.
    fn misfit(self, format: ReportFormat) -> Option<Diagnostic> {
        let command = match (format, self) {
            (ReportFormat::Jsonl, Self::Validate | Self::Plan | Self::Drift | Self::File) => {
                return Some(only_of_apply());
            }
            (ReportFormat::GitlabChanges, Self::Validate) => "validate",
            (ReportFormat::GitlabChanges, Self::Drift) => "drift",
            _ => return None,
        };
        let message = format!(
            "`gitlab-changes` has no meaning for `{command}`: it counts what a plan or an apply changes"
        );
        Some(Diagnostic::error("usage", message).hint("`--report gitlab=FILE` tells what it finds"))
    }
}

/// Only an apply has events.
pub fn only_of_apply() -> Diagnostic {
    let message = "`jsonl` tells what happens while an apply runs, and this is none";
    Diagnostic::error("usage", message).hint("`json` tells the result")
}

/// The reports that were asked for.
#[derive(Default)]
pub struct Reports {
    wanted: Vec<(ReportFormat, PathBuf)>,
    /// Where it is told what happens meanwhile.
    pub events: Vec<PathBuf>,
    /// From the root of the repository to the workspace, with a slash at the end.
    base: String,
    /// Whether GitHub Actions runs us.
    on_github: bool,
}

impl Reports {
    /// The reports of a run; nothing, told on the screen, when one would say nothing of it or two documents would
    /// stand on stdout.
    pub fn new(common: &Common, beside: &Beside, of: Of, screen: &Screen) -> Option<Self> {
        let mut asked = beside.report.clone();
        asked.extend((common.format == FormatWord::Jsonl).then(|| (ReportFormat::Jsonl, STDOUT.into())));
        let misfits: Vec<_> = asked.iter().filter_map(|(format, _)| of.misfit(*format)).collect();
        if !misfits.is_empty() {
            screen.diagnose(&misfits);
            return None;
        }
        let on_stdout = asked.iter().filter(|(_, file)| is_stdout(file)).count();
        if on_stdout + usize::from(common.format == FormatWord::Json) > 1 {
            let message = "two documents cannot stand on stdout";
            let hint = "give all but one of them a file: `--report FORMAT=FILE`";
            screen.diagnose(&[Diagnostic::error("usage", message).hint(hint)]);
            return None;
        }
        let on_github = match beside.ci {
            // the run that made the file told it already
            Ci::Auto if of == Of::File => false,
            Ci::Auto => std::env::var_os("GITHUB_ACTIONS").is_some_and(|value| value == "true"),
            Ci::Github => true,
            Ci::None => false,
        };
        let (events, wanted): (Vec<_>, Vec<_>) =
            asked.into_iter().partition(|(format, _)| *format == ReportFormat::Jsonl);
        let events = events.into_iter().map(|(_, file)| file).collect();
        Some(Self { wanted, events, base: base(&common.directory), on_github })
    }

    /// The screen for the run: without stdout where a report stands there.
    pub fn screen(&self, screen: &Screen) -> Screen {
        match self.wanted.iter().map(|(_, file)| file).chain(&self.events).any(|file| is_stdout(file)) {
            true => screen.aside(),
            false => screen.clone(),
        }
    }

    /// The same with what its eyes may see; nothing, told on the screen, when these are not there.
    pub fn sighted(&self, screen: &Screen, sight: Sight) -> Option<Screen> {
        self.screen(screen).sighted(sight).map_err(|fault| screen.diagnose(&[fault])).ok()
    }

    /// Whether any is written.
    pub fn are_wanted(&self) -> bool {
        self.on_github || !self.wanted.is_empty()
    }

    /// Writes each report.
    ///
    /// # Errors
    /// When one of them cannot be written.
    pub fn write(&self, shown: &Shown, screen: &Screen) -> anyhow::Result<()> {
        let sheet = shown.sheet(&self.base);
        for (format, file) in &self.wanted {
            let text = render(*format, shown, &sheet)?;
            match is_stdout(file) {
                true => screen.report(*format, &text)?,
                false => save(file, &text)?,
            }
        }
        if self.on_github {
            // the runner reads commands from both streams; stdout holds one document and no more
            screen.command(&github::annotations(&sheet));
            step_summary(&sheet)?;
        }
        Ok(())
    }
}

/// Adds to the summary of the step, of which steps before may have filled a part.
fn step_summary(sheet: &Sheet) -> anyhow::Result<()> {
    let Some(file) = std::env::var_os(STEP_SUMMARY).map(PathBuf::from) else { return Ok(()) };
    let there = fs::metadata(&file).map_or(0, |meta| usize::try_from(meta.len()).unwrap_or(usize::MAX));
    let most = markdown::STEP_SUMMARY.saturating_sub(there);
    if most < markdown::COMMENT {
        return Ok(());
    }
    let failed = || format!("the step summary {} cannot be written", file.display());
    let mut summary = fs::File::options().create(true).append(true).open(&file).with_context(failed)?;
    summary.write_all(markdown(sheet, most).as_bytes()).with_context(failed)
}

/// Whether a file stands for stdout.
pub fn is_stdout(file: &Path) -> bool {
    file.as_os_str() == STDOUT
}

fn save(file: &Path, text: &str) -> anyhow::Result<()> {
    let folder = file.parent().unwrap_or(Path::new(""));
    fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    fs::write(file, text).with_context(|| format!("{} cannot be written", file.display()))
}

fn render(format: ReportFormat, shown: &Shown, sheet: &Sheet) -> anyhow::Result<String> {
    Ok(match format {
        ReportFormat::Text => anstream::adapter::strip_str(&shown.text(sheet)).to_string(),
        ReportFormat::Json => shown.json()?,
        ReportFormat::Markdown => markdown(sheet, markdown::COMMENT),
        ReportFormat::Github => github::annotations(sheet),
        ReportFormat::GithubSummary => markdown(sheet, markdown::STEP_SUMMARY),
        ReportFormat::Gitlab => to_json(&gitlab::code_quality(sheet))?,
        ReportFormat::GitlabChanges => to_json(&gitlab::changes(sheet))?,
        ReportFormat::Sarif => to_json(&sarif::sarif(sheet))?,
        ReportFormat::Junit => junit::junit(sheet),
        ReportFormat::Html => html::html(sheet),
        ReportFormat::Jsonl => anyhow::bail!("events are told while they happen"),
    })
}

impl Shown<'_> {
    /// One view for pages of other programs.
    pub fn sheet<'s>(&'s self, base: &'s str) -> Sheet<'s> {
        match self {
            Self::Plan(report) => Sheet::of_plan(report, base),
            Self::Results(report) => Sheet::of_results(report, base),
            Self::Drift(report) => Sheet::of_drift(report, base),
            Self::Check(checked, documents) => Sheet::of_check(checked, documents, base),
            Self::Receipt(receipt) => Sheet::of_results(&receipt.results, base),
        }
    }

    /// The JSON of the report.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn json(&self) -> serde_json::Result<String> {
        match self {
            Self::Plan(report) => to_json(report),
            Self::Results(report) => to_json(report),
            Self::Drift(report) => to_json(report),
            Self::Check(checked, _) => to_json(checked),
            Self::Receipt(receipt) => to_json(receipt),
        }
    }

    fn text(&self, sheet: &Sheet) -> String {
        match self {
            Self::Plan(report) => text::text(report, WIDTH),
            Self::Results(report) => outcome::text(report, WIDTH),
            Self::Drift(report) => drift::text(report, WIDTH),
            Self::Check(checked, _) => text::check(checked, &sheet.headline(), WIDTH),
            Self::Receipt(receipt) => receipt.text(WIDTH),
        }
    }
}

/// From the root of the repository to a workspace, with a slash at the end; nothing outside of one.
fn base(directory: &Path) -> String {
    let Ok(workspace) = directory.canonicalize() else { return String::new() };
    let root = workspace.ancestors().find(|folder| folder.join(".git").exists());
    let below = root.and_then(|root| workspace.strip_prefix(root).ok());
    let parts = below.into_iter().flat_map(Path::iter);
    parts.map(|part| format!("{}/", part.to_string_lossy())).collect()
}
