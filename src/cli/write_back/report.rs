//! What `promote` and `share` say: which fields of which objects move, and the changes of files.

use schemars::JsonSchema;
use serde::Serialize;

use super::{EditedFileView, show_edits, write_edits};
use crate::cli::exit::ExitStatus;
use crate::cli::global_args::StdoutFormat;
use crate::cli::screen::TerminalScreen;
use crate::diagnostic::{Diagnostic, has_errors};
use crate::report::plan_report::{DiagnosticView, FORMAT_VERSION, ValidationReport};
use crate::report::sanitize::escape_line;
use crate::report::to_json;
use crate::workspace::LoadedWorkspace;
use crate::workspace::edited::FileEdits;

/// The fields of one object, or of a base, that move.
#[derive(Serialize, JsonSchema)]
pub struct MovedFields {
    /// The kind, `api/kind`.
    pub kind: String,
    /// The name of the document, or of the base.
    pub name: String,
    /// The fields, with dots.
    pub fields: Vec<String>,
}

/// The output of `promote` and `share` as JSON.
#[derive(Serialize, JsonSchema)]
pub struct WriteBackReport<'r> {
    /// The version of this structure: 1.
    format_version: u32,
    /// The version of the program that made it.
    tool_version: &'static str,
    /// Whether nothing was put on disk.
    dry_run: bool,
    /// What moves.
    moved: &'r [MovedFields],
    /// The files that change.
    files: &'r [EditedFileView],
    /// What else there is to say.
    diagnostics: Vec<DiagnosticView>,
}

/// What is gathered by a command that moves values.
pub struct WriteBackSummary {
    pub dry_run: bool,
    /// What is said where nothing moves.
    pub nothing: &'static str,
    pub moved: Vec<MovedFields>,
    pub files: Vec<EditedFileView>,
    pub diagnostics: Vec<Diagnostic>,
    /// Whether the edits did not hold, so that nothing was written.
    pub is_refused: bool,
}

impl WriteBackSummary {
    /// Nothing yet.
    pub fn new(dry_run: bool, nothing: &'static str) -> Self {
        let (moved, files, diagnostics) = (Vec::new(), Vec::new(), Vec::new());
        Self { dry_run, nothing, moved, files, diagnostics, is_refused: false }
    }

    /// Shows the edits of files and, unless nothing is to be put on disk, writes them.
    pub fn finish(&mut self, workspace: &LoadedWorkspace, edits: &FileEdits) {
        self.files = show_edits(workspace, edits);
        if !self.dry_run
            && let Err(faults) = write_edits(workspace, edits)
        {
            self.files.clear();
            self.moved.clear();
            self.diagnostics.extend(faults);
        }
    }

    /// Prints it, in the format asked for, and gives what it says to scripts.
    ///
    /// # Errors
    /// When stdout cannot be written.
    pub fn conclude(&self, screen: &TerminalScreen) -> anyhow::Result<ExitStatus> {
        match screen.format {
            StdoutFormat::Json => screen.print_stdout(&to_json(&WriteBackReport {
                format_version: FORMAT_VERSION,
                tool_version: env!("CARGO_PKG_VERSION"),
                dry_run: self.dry_run,
                moved: &self.moved,
                files: &self.files,
                diagnostics: ValidationReport::from_diagnostics(0, &self.diagnostics).diagnostics,
            })?)?,
            StdoutFormat::Text if has_errors(&self.diagnostics) => {}
            StdoutFormat::Text => screen.print_stdout(&self.render_text())?,
        }
        screen.print_diagnostics(&self.diagnostics);
        Ok(match (has_errors(&self.diagnostics), self.is_refused) {
            (false, _) => ExitStatus::Done,
            (true, true) => ExitStatus::Refused,
            (true, false) => ExitStatus::Error,
        })
    }

    fn render_text(&self) -> String {
        if self.moved.is_empty() {
            return format!("{}\n", self.nothing);
        }
        let mut text = String::new();
        for MovedFields { kind, name, fields } in &self.moved {
            text.push_str(&format!("{kind} {}: {}\n", escape_line(name), escape_line(&fields.join(", "))));
        }
        if self.dry_run {
            self.files.iter().for_each(|file| text.push_str(&format!("\n{}", file.patch)));
        }
        let files: Vec<&str> = self.files.iter().map(|file| file.file.as_str()).collect();
        let what = if self.dry_run { "dry run: nothing was written" } else { "written" };
        text.push_str(&format!("\n{what}: {}\n", escape_line(&files.join(", "))));
        text
    }
}
