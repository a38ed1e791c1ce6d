//! `trueup api new`: a first draft of a description, written where there is none yet.
//!
//! Nothing is overwritten, and nothing is written unless everything can be.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;

use crate::cli::exit::ExitStatus;
use crate::cli::global_args::{GlobalArgs, StdoutFormat};
use crate::cli::screen::TerminalScreen;
use crate::diagnostic::Diagnostic;
use crate::openapi::{ApiDraft, draft_api};
use crate::report::json::to_json;
use crate::report::plan_report::{DiagnosticView, FORMAT_VERSION, ValidationReport};
use crate::report::sanitize::{escape_line, format_count};
use crate::workspace;
use crate::workspace::API_FOLDER;

/// Arguments of `api new`.
#[derive(Args)]
pub struct ApiNewArgs {
    /// Name of the API: lower-case letters, digits and hyphens
    #[arg(value_name = "NAME")]
    pub name: String,
    /// OpenAPI 3.0 or 3.1 document, JSON or YAML
    #[arg(long, value_name = "FILE")]
    pub from_openapi: PathBuf,
    /// Output folder, relative to the workspace [default: apis/NAME]
    #[arg(short, long, value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// Only these kinds, by the names of a full draft; repeatable
    #[arg(long, value_name = "KIND")]
    pub only: Vec<String>,
}

/// What was drafted from an OpenAPI document.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ApiNewReport")]
pub struct ApiNewReport {
    /// The version of this structure: 1.
    format_version: u32,
    /// The version of the program that made it.
    tool_version: &'static str,
    /// The files that were written.
    files: Vec<DraftedFile>,
    /// What of the document became no kind.
    skipped: Vec<SkippedOperation>,
    /// What is wrong, or worth a look.
    diagnostics: Vec<DiagnosticView>,
}

/// A file that was written.
#[derive(Serialize, JsonSchema)]
struct DraftedFile {
    /// Where it stands.
    path: String,
    /// Remarks that ask for a decision.
    undecided: usize,
}

/// A path that became no kind.
#[derive(Serialize, JsonSchema)]
struct SkippedOperation {
    /// The path in the document.
    path: String,
    /// Why it became none.
    why: String,
}

/// Drafts an API from an OpenAPI document.
///
/// # Errors
/// When a file or the result cannot be written.
pub fn run(common: &GlobalArgs, args: &ApiNewArgs, screen: &TerminalScreen) -> anyhow::Result<ExitStatus> {
    let folder = args.output.clone().unwrap_or_else(|| Path::new(API_FOLDER).join(&args.name));
    let full = common.directory.join(&folder);
    let made = check_folder_name(&folder, &args.name)
        .and_then(|()| workspace::read_source(&args.from_openapi))
        .and_then(|source| draft_api(&args.name, &source, &args.only))
        .and_then(|draft| match diagnose_existing_files(&full, &draft) {
            None => Ok(draft),
            Some(fault) => Err(fault),
        });
    let made = match made {
        Ok(draft) => draft,
        Err(fault) => return report_refusal(fault, screen),
    };
    write_files(&full, &made)?;
    report_draft(&folder, made, screen)?;
    Ok(ExitStatus::Done)
}

fn report_refusal(fault: Diagnostic, screen: &TerminalScreen) -> anyhow::Result<ExitStatus> {
    screen.print_diagnostics(std::slice::from_ref(&fault));
    if screen.format == StdoutFormat::Json {
        screen.print_stdout(&to_json(&ApiNewReport::new(Vec::new(), Vec::new(), &[fault]))?)?;
    }
    Ok(ExitStatus::Error)
}

/// An API is called like the folder in which its files stand.
fn check_folder_name(folder: &Path, name: &str) -> Result<(), Diagnostic> {
    match folder.file_name().is_some_and(|own| own == name) {
        true => Ok(()),
        false => {
            let message = format!(
                "the folder of an API has the name of the API; this one does not end in `{}`",
                name.escape_debug()
            );
            Err(Diagnostic::error("wrong-place", message)
                .with_hint(format!("write -o {API_FOLDER}/NAME, or omit it")))
        }
    }
}

/// A file that stands already where one would be written.
fn diagnose_existing_files(folder: &Path, draft: &ApiDraft) -> Option<Diagnostic> {
    let there = |name: &str| fs::symlink_metadata(folder.join(name)).is_ok();
    let taken: Vec<String> =
        draft.files.iter().filter(|file| there(&file.name)).map(|file| format!("`{}`", file.name)).collect();
    if taken.is_empty() {
        return None;
    }
    let message =
        format!("{} exists already in {}", taken.join(", "), escape_line(&folder.to_string_lossy()));
    Some(
        Diagnostic::error("file-exists", message)
            .with_hint("nothing is overwritten; give the API another name, or another folder with -o"),
    )
}

fn write_files(folder: &Path, draft: &ApiDraft) -> anyhow::Result<()> {
    let cannot = |path: &Path| format!("{} cannot be written", path.display());
    fs::create_dir_all(folder).with_context(|| cannot(folder))?;
    let mut written: Vec<PathBuf> = Vec::new();
    for file in &draft.files {
        let path = folder.join(&file.name);
        let made = OpenOptions::new().write(true).create_new(true).open(&path);
        let made = made.and_then(|mut new| {
            written.push(path.clone());
            new.write_all(file.text.as_bytes())
        });
        if let Err(error) = made {
            // half a draft would stand in the way of the next try
            written.iter().for_each(|path| drop(fs::remove_file(path)));
            return Err(error).with_context(|| cannot(&path));
        }
    }
    Ok(())
}

fn report_draft(folder: &Path, draft: ApiDraft, screen: &TerminalScreen) -> anyhow::Result<()> {
    let path = |name: &str| escape_line(&folder.join(name).to_string_lossy().replace('\\', "/")).into_owned();
    let files: Vec<DraftedFile> = draft
        .files
        .iter()
        .map(|file| DraftedFile { path: path(&file.name), undecided: file.decision_count })
        .collect();
    let clean = |text: String| escape_line(&text).into_owned();
    let skipped: Vec<SkippedOperation> = draft
        .skipped
        .into_iter()
        .map(|one| SkippedOperation { path: clean(one.path), why: clean(one.reason) })
        .collect();
    match screen.format {
        StdoutFormat::Json => screen.print_stdout(&to_json(&ApiNewReport::new(files, skipped, &[]))?)?,
        StdoutFormat::Text => {
            screen.print_stdout(&render_text(&files, &skipped))?;
            screen.print_remark(
                "resolve each `# decide:`; then run `trueup api check`, and `trueup api try TARGET`\n",
            );
        }
    }
    Ok(())
}

fn render_text(files: &[DraftedFile], skipped: &[SkippedOperation]) -> String {
    let width = files.iter().map(|file| file.path.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for DraftedFile { path, undecided } in files {
        text.push_str(&format!("wrote {path:<width$}  {} to decide\n", format_count(*undecided, "place")));
    }
    for SkippedOperation { path, why } in skipped {
        text.push_str(&format!("skipped {path}: {why}\n"));
    }
    text
}

impl ApiNewReport {
    fn new(files: Vec<DraftedFile>, skipped: Vec<SkippedOperation>, faults: &[Diagnostic]) -> Self {
        Self {
            format_version: FORMAT_VERSION,
            tool_version: env!("CARGO_PKG_VERSION"),
            files,
            skipped,
            diagnostics: ValidationReport::from_diagnostics(0, faults).diagnostics,
        }
    }
}
