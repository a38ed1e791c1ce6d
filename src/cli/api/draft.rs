//! `trueup api new`: a first draft of a description, written where there is none yet.
//!
//! Nothing is overwritten, and nothing is written unless everything can be. A refresh adds lines to files that are
//! there and leaves every other line as it is.

use std::collections::BTreeMap;
use std::fs;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;

use crate::cli::exit::ExitStatus;
use crate::cli::global_args::{GlobalArgs, StdoutFormat};
use crate::cli::output_file::check_no_links;
use crate::cli::screen::TerminalScreen;
use crate::cli::write_back::staged_file::{StagedFile, put_files};
use crate::diagnostic::{Diagnostic, NamedSource};
use crate::openapi::{ApiDraft, DraftFile, DraftRequest, draft_api};
use crate::report::json::to_json;
use crate::report::plan_report::{DiagnosticView, FORMAT_VERSION, ValidationReport};
use crate::report::sanitize::{escape_line, format_count};
use crate::workspace;
use crate::workspace::API_FOLDER;

/// The most bytes of a document on stdin.
const MAX_STDIN_BYTES: u64 = 64 * 1024 * 1024;
/// The most decisions that the text names one by one.
const MAX_SHOWN_DECISIONS: usize = 20;

/// Arguments of `api new`.
#[derive(Args)]
pub struct ApiNewArgs {
    /// Name of the API: lower-case letters, digits and hyphens
    #[arg(value_name = "NAME")]
    pub name: String,
    /// OpenAPI 3.0 or 3.1 or Swagger 2.0 document, JSON or YAML; `-` reads stdin
    #[arg(long, value_name = "FILE")]
    pub from_openapi: PathBuf,
    /// Output folder, relative to the workspace [default: apis/NAME]
    #[arg(short, long, value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// Only these kinds, by the names of a full draft; added to an API that is there; repeatable
    #[arg(long, value_name = "KIND")]
    pub only: Vec<String>,
    /// Add what is new in the document to the files that are there; nothing else in them changes
    #[arg(long)]
    pub refresh: bool,
}

/// What was drafted from an OpenAPI document.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ApiNewReport")]
pub struct ApiNewReport {
    /// The version of this structure: 1.
    format_version: u32,
    /// The version of the program that made it.
    tool_version: &'static str,
    /// What a person must decide.
    decisions: Vec<OpenDecision>,
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
    /// Its path.
    path: String,
    /// Remarks that ask for a decision.
    undecided: usize,
    /// Places that are safe and can be more precise; `--verbose` marks them in the file.
    polish: usize,
    /// Whether it is new.
    created: bool,
    /// The paths of what a refresh added.
    added: Vec<String>,
    /// The paths of what the document has no more, and was kept.
    gone: Vec<String>,
}

/// A place that may not work, or may write something wrong, until a person decides.
#[derive(Serialize, JsonSchema)]
struct OpenDecision {
    /// The file.
    path: String,
    /// The line of the remark.
    line: usize,
    /// What to decide.
    question: String,
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
    let read_file = |path: &str| read_neighbour(&args.from_openapi, path);
    let existing = read_existing_files(&full, args);
    let made = check_folder_name(&folder, &args.name)
        .and_then(|()| read_document(&args.from_openapi))
        .and_then(|source| {
            let with_polish = common.verbose > 0;
            draft_api(&DraftRequest {
                api: &args.name,
                source: &source,
                read_file: &read_file,
                only: &args.only,
                existing: &existing,
                with_polish,
            })
        })
        .and_then(|draft| match diagnose_existing_files(&full, &draft) {
            None => Ok(draft),
            Some(fault) => Err(fault),
        });
    let made = match made {
        Ok(draft) => draft,
        Err(fault) => return report_refusal(fault, screen),
    };
    if let Err(fault) = write_files(&full, &existing, &made) {
        return report_refusal(fault, screen);
    }
    report_draft(&folder, made, screen)?;
    Ok(ExitStatus::Done)
}

/// The files that stay: all of them for a refresh, `api.yaml` where kinds are added to it.
fn read_existing_files(folder: &Path, args: &ApiNewArgs) -> BTreeMap<String, String> {
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let kept = |name: &String| match name.as_str() {
        "api.yaml" => args.refresh || !args.only.is_empty(),
        other => args.refresh && other.ends_with(".yaml"),
    };
    let files = names.filter(kept);
    files
        .filter_map(|name| Some((fs::read_to_string(folder.join(&name)).ok()?, name)))
        .map(|(text, name)| (name, text.strip_prefix('\u{feff}').map_or(text.clone(), str::to_owned)))
        .collect()
}

/// The document: a file, or stdin.
fn read_document(path: &Path) -> Result<Arc<NamedSource>, Diagnostic> {
    if path != Path::new("-") {
        return workspace::read_source(path);
    }
    let mut text = String::new();
    let read = std::io::stdin().take(MAX_STDIN_BYTES + 1).read_to_string(&mut text);
    match read {
        Ok(bytes) if bytes as u64 <= MAX_STDIN_BYTES => Ok(NamedSource::new("stdin", text)),
        Ok(_) => Err(Diagnostic::error("file-too-large", "the document on stdin is larger than 64 MiB")),
        Err(error) => {
            let message = format!("stdin cannot be read: {error}");
            Err(Diagnostic::error("unreadable-file", message))
        }
    }
}

/// Another file of the document, in its folder or below it.
fn read_neighbour(document: &Path, path: &str) -> Option<Arc<NamedSource>> {
    if document == Path::new("-") {
        return None;
    }
    let folder = document.canonicalize().ok()?.parent()?.to_owned();
    let file = folder.join(path).canonicalize().ok()?;
    // a link may lead out of the folder
    file.starts_with(&folder).then(|| workspace::read_source(&file).ok())?
}

fn report_refusal(fault: Diagnostic, screen: &TerminalScreen) -> anyhow::Result<ExitStatus> {
    screen.print_diagnostics(std::slice::from_ref(&fault));
    if screen.format == StdoutFormat::Json {
        screen.print_stdout(&to_json(&ApiNewReport::from_fault(Some(fault)))?)?;
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
    let taken: Vec<String> = draft
        .files
        .iter()
        .filter(|file| file.changes.is_none() && there(&file.name))
        .map(|file| format!("`{}`", file.name))
        .collect();
    if taken.is_empty() {
        return None;
    }
    let message =
        format!("{} exists already in {}", taken.join(", "), escape_line(&folder.to_string_lossy()));
    Some(Diagnostic::error("file-exists", message).with_hint(
        "nothing is overwritten; --refresh adds what is new in the document, -o names another folder",
    ))
}

/// Writes every file, or none: all texts are on disk before the first one is put in its place.
fn write_files(
    folder: &Path,
    existing: &BTreeMap<String, String>,
    draft: &ApiDraft,
) -> Result<(), Diagnostic> {
    check_no_links(folder).map_err(|error| diagnose_unwritable(folder, &error))?;
    let is_new = |file: &&DraftFile| file.changes.as_ref().is_none_or(|one| !one.added.is_empty());
    let mut staged = Vec::new();
    for file in draft.files.iter().filter(is_new) {
        let before = file.changes.as_ref().and_then(|_| existing.get(&file.name));
        let before = before.map(|text| NamedSource::new(file.name.clone(), text.clone()));
        staged.push(StagedFile::new(folder, &file.name, before, Some(&file.text))?);
    }
    put_files(staged).map_err(|faults| {
        faults.into_iter().next().unwrap_or_else(|| diagnose_unwritable(folder, &ErrorKind::Other.into()))
    })
}

fn diagnose_unwritable(folder: &Path, error: &std::io::Error) -> Diagnostic {
    let message = format!("{} cannot be written: {error}", escape_line(&folder.to_string_lossy()));
    Diagnostic::error("unwritable-file", message).with_hint("check the folder and its permissions")
}

fn report_draft(folder: &Path, draft: ApiDraft, screen: &TerminalScreen) -> anyhow::Result<()> {
    let report = ApiNewReport::from_draft(folder, draft);
    match screen.format {
        StdoutFormat::Json => screen.print_stdout(&to_json(&report)?)?,
        StdoutFormat::Text => {
            screen.print_stdout(&render_text(&report))?;
            screen.print_remark(match report.decisions.is_empty() {
                true => "run `trueup api check`, and `trueup api try TARGET`\n",
                false => {
                    "resolve each `# decide:`; then run `trueup api check`, and `trueup api try TARGET`\n"
                }
            });
        }
    }
    Ok(())
}

/// The decisions first, then what was written and what was not.
fn render_text(report: &ApiNewReport) -> String {
    let mut text = String::new();
    for OpenDecision { path, line, question } in report.decisions.iter().take(MAX_SHOWN_DECISIONS) {
        text.push_str(&format!("decide {path}:{line}: {question}\n"));
    }
    let more = report.decisions.len().saturating_sub(MAX_SHOWN_DECISIONS);
    if more > 0 {
        text.push_str(&format!(
            "and {} to decide, each marked `# decide:`\n",
            format_count(more, "more place")
        ));
    }
    let width = report.files.iter().map(|file| file.path.chars().count()).max().unwrap_or(0);
    for file in &report.files {
        text.push_str(&render_file(file, width));
    }
    for SkippedOperation { path, why } in &report.skipped {
        text.push_str(&format!("skipped {path}: {why}\n"));
    }
    let polish: usize = report.files.iter().map(|file| file.polish).sum();
    if polish > 0 {
        let places = format_count(polish, "place");
        text.push_str(&format!("{places} can be more precise; --verbose marks them `# polish:`\n"));
    }
    text
}

fn render_file(file: &DraftedFile, width: usize) -> String {
    let DraftedFile { path, undecided, created, added, gone, .. } = file;
    let word = match (created, added.is_empty()) {
        (true, _) => "wrote",
        (false, true) => "kept",
        (false, false) => "refreshed",
    };
    let mut text = format!("{word} {path:<width$}  {} to decide\n", format_count(*undecided, "place"));
    for (what, paths) in [("added", added), ("no longer in the document", gone)] {
        if !paths.is_empty() {
            text.push_str(&format!("  {what}: {}\n", paths.join(", ")));
        }
    }
    text
}

impl ApiNewReport {
    fn from_draft(folder: &Path, draft: ApiDraft) -> Self {
        let mut report = Self::from_fault(None);
        for file in draft.files {
            let path = folder.join(&file.name).to_string_lossy().replace('\\', "/");
            let path = escape_line(&path).into_owned();
            let decisions = file.decisions.iter().map(|one| OpenDecision {
                path: path.clone(),
                line: one.line,
                question: escape_line(&one.text).into_owned(),
            });
            report.decisions.extend(decisions);
            let clean =
                |paths: Vec<String>| paths.iter().map(|path| escape_line(path).into_owned()).collect();
            let (created, changes) = (file.changes.is_none(), file.changes.unwrap_or_default());
            report.files.push(DraftedFile {
                path,
                undecided: file.decisions.len(),
                polish: file.polish_count,
                created,
                added: clean(changes.added),
                gone: clean(changes.gone),
            });
        }
        let clean = |text: String| escape_line(&text).into_owned();
        let skipped = draft.skipped.into_iter();
        report.skipped =
            skipped.map(|one| SkippedOperation { path: clean(one.path), why: clean(one.reason) }).collect();
        report
    }

    fn from_fault(fault: Option<Diagnostic>) -> Self {
        let faults: Vec<Diagnostic> = fault.into_iter().collect();
        Self {
            format_version: FORMAT_VERSION,
            tool_version: env!("CARGO_PKG_VERSION"),
            decisions: Vec::new(),
            files: Vec::new(),
            skipped: Vec::new(),
            diagnostics: ValidationReport::from_diagnostics(0, &faults).diagnostics,
        }
    }
}
