//! `trueup fmt`: the files of a workspace, laid out in one way.
//!
//! Documents, and without paths also settings and policies. A text that is not sound YAML is reported and left alone.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;

use super::exit::ExitStatus;
use super::global_args::{GlobalArgs, StdoutFormat};
use super::import::folder::replace_file;
use super::output_file::check_no_links_below;
use super::screen::TerminalScreen;
use crate::diagnostic::{Diagnostic, NamedSource, SourceSpan, has_errors};
use crate::document::format::{FormatOutcome, format_source};
use crate::report::plan_report::{DiagnosticView, ValidationReport};
use crate::report::sanitize::{escape_line, format_count};
use crate::report::to_json;
use crate::workspace::WorkspaceSources;
use crate::{workspace, yaml};

/// Arguments of `fmt`.
#[derive(Args)]
#[command(after_help = "\
Two spaces a level, the keys of a document in their order, no spaces at line ends, one line break at the end. \
Comments and quotes are kept. A file is replaced only if its content is unchanged.

Exit codes: 0 done; 1 a file cannot be read or written; 2 with `--check`, a file is not formatted.")]
pub struct FmtArgs {
    /// Files or folders [default: all files of the workspace]
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Write nothing; exit with 2 when a file is not formatted
    #[arg(long)]
    pub check: bool,
}

/// Lays out files, or tells which are not laid out so.
///
/// # Errors
/// When stdout cannot be written.
pub fn run(common: &GlobalArgs, args: &FmtArgs, screen: &TerminalScreen) -> anyhow::Result<ExitStatus> {
    let (texts, mut faults) = workspace::open_sources(&common.directory, &args.paths);
    let mut work = FormatJob { check: args.check, changed: Vec::new(), faults: Vec::new(), total: 0 };
    if let Some(texts) = &texts {
        texts.documents.iter().for_each(|source| work.format_source(texts, source, true));
        texts.others.iter().for_each(|source| work.format_source(texts, source, false));
    }
    faults.append(&mut work.faults);
    screen.print_diagnostics(&faults);
    if screen.format == StdoutFormat::Json {
        let diagnostics = ValidationReport::from_diagnostics(work.total, &faults).diagnostics;
        let (check, changed) = (args.check, work.changed.clone());
        screen.print_stdout(&to_json(&FormatReport { check, total: work.total, changed, diagnostics })?)?;
    } else {
        for path in &work.changed {
            screen.print_stdout(&format!("{}\n", escape_line(path)))?;
        }
    }
    let (changed, total) = (work.changed.len(), format_count(work.total, "file"));
    let differs = args.check && changed > 0;
    let is = if work.total == 1 { "is" } else { "are" };
    match differs {
        true => screen
            .print_stderr(&format!("{changed} of {total} {is} not formatted\n  help: run `trueup fmt`\n")),
        false => screen.print_remark(&format!("{changed} of {total} changed\n")),
    }
    Ok(match (has_errors(&faults), differs) {
        (true, _) => ExitStatus::Error,
        (false, true) => ExitStatus::Differs,
        (false, false) => ExitStatus::Done,
    })
}

/// What `fmt` found.
#[derive(Serialize, JsonSchema)]
pub struct FormatReport {
    /// Whether files were only checked.
    check: bool,
    /// How many files there are.
    total: usize,
    /// The files that are not formatted; without `--check` they were rewritten.
    changed: Vec<String>,
    /// What is wrong with files.
    diagnostics: Vec<DiagnosticView>,
}

/// Whether a link leads to a text: what it leads to is another file, or no document at all.
fn is_link(texts: &WorkspaceSources, source: &NamedSource) -> bool {
    check_no_links_below(&texts.root, &texts.root.join(&source.path)).is_err()
}

struct FormatJob {
    check: bool,
    changed: Vec<String>,
    faults: Vec<Diagnostic>,
    total: usize,
}

impl FormatJob {
    fn format_source(&mut self, texts: &WorkspaceSources, source: &Arc<NamedSource>, documents: bool) {
        self.total += 1;
        let mut found = Vec::new();
        drop(yaml::read_documents(source, &mut found));
        if has_errors(&found) {
            // lines of a text of which nothing is known may show a secret
            source.redact_span(SourceSpan { start: 0, end: source.text.len() as u32 });
            return self.faults.append(&mut found);
        }
        match format_source(source, documents) {
            FormatOutcome::Unchanged => {}
            FormatOutcome::Skipped => {
                let fault =
                    Diagnostic::note("not-selected", "this file has content that cannot be formatted");
                let place = source.locate_span(SourceSpan::default());
                self.faults
                    .push(fault.with_hint("the file is still valid; format it by hand").with_location(place));
            }
            FormatOutcome::Changed(_) if is_link(texts, source) => {
                let place = source.locate_span(SourceSpan::default());
                let note =
                    Diagnostic::note("not-selected", "this file is a link, and is not written through it");
                self.faults.push(note.with_hint("format the file to which it leads").with_location(place));
            }
            FormatOutcome::Changed(text) => match self.write_text(texts, source, &text) {
                Ok(()) => self.changed.push(source.path.clone()),
                Err(error) => {
                    let message = format!("this file can't be written: {}", error.kind());
                    let fault = Diagnostic::error("unwritable-file", message);
                    self.faults.push(fault.with_location(source.locate_span(SourceSpan::default())));
                }
            },
        }
    }

    fn write_text(&self, texts: &WorkspaceSources, source: &NamedSource, text: &str) -> std::io::Result<()> {
        match self.check {
            true => Ok(()),
            false => replace_file(&texts.root.join(&source.path), text.as_bytes()),
        }
    }
}
