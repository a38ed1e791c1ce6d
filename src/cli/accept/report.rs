//! What an accept says: the values of each object, the changes of files, and what was not written.

use schemars::JsonSchema;
use serde::Serialize;

use crate::cli::exit::ExitStatus;
use crate::cli::global_args::StdoutFormat;
use crate::cli::screen::TerminalScreen;
use crate::cli::write_back::EditedFileView;
use crate::diagnostic::{Diagnostic, has_errors, sort_diagnostics};
use crate::plan::{Change, PlanSubject};
use crate::report::import_changes::{render_fields, show_changes, show_document_changes};
use crate::report::plan_report::{DiagnosticView, FORMAT_VERSION, FieldChange, ValidationReport};
use crate::report::sanitize::{escape_line, format_count};
use crate::report::to_json;

/// What became of the values of an object.
#[derive(Serialize, JsonSchema, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum ObjectStatus {
    /// They are written into the documents.
    Accepted,
    /// Their document was edited and not applied; it stays as it is.
    Pending,
}

/// The values of one object.
#[derive(Serialize, JsonSchema)]
pub struct AcceptedObjectView {
    /// The kind, `api/kind`.
    pub kind: String,
    /// The name of its document.
    pub name: String,
    /// The target on which it lives.
    pub target: String,
    /// The environment of the target, where the workspace has environments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// What became of the values.
    pub result: ObjectStatus,
    /// Accepted: from the value of the document (`before`) to the live one (`after`). Pending: live and wanted value.
    pub fields: Vec<FieldChange>,
}

/// The output of `accept` as JSON.
#[derive(Serialize, JsonSchema)]
pub struct AcceptReport<'t> {
    /// The version of this structure: 1.
    format_version: u32,
    /// The version of the program that made it.
    tool_version: &'static str,
    /// Whether nothing was put on disk.
    dry_run: bool,
    /// Each object with values that are written or kept.
    objects: &'t [AcceptedObjectView],
    /// The files that change.
    files: &'t [EditedFileView],
    /// Values that are not written, and why.
    refused: Vec<DiagnosticView>,
    /// What else there is to say.
    diagnostics: Vec<DiagnosticView>,
}

/// What is gathered while values are accepted.
pub struct AcceptSummary {
    dry_run: bool,
    objects: Vec<AcceptedObjectView>,
    pub files: Vec<EditedFileView>,
    pub refused: Vec<Diagnostic>,
    pub diagnostics: Vec<Diagnostic>,
}

impl AcceptSummary {
    /// Nothing yet.
    pub fn new(dry_run: bool) -> Self {
        let (objects, files) = (Vec::new(), Vec::new());
        Self { dry_run, objects, files, refused: Vec::new(), diagnostics: Vec::new() }
    }

    /// Adds the values of an object.
    pub fn add_object(&mut self, subject: &PlanSubject, changes: &[Change], result: ObjectStatus) {
        let fields = match result {
            ObjectStatus::Accepted => show_document_changes(&subject.kind, changes),
            ObjectStatus::Pending => show_changes(&subject.kind, changes),
        };
        self.objects.push(AcceptedObjectView {
            kind: subject.kind.name.to_string(),
            name: subject.name.to_string(),
            target: subject.target.to_string(),
            environment: subject.environment.as_deref().map(str::to_owned),
            result,
            fields,
        });
    }

    /// Prints it, in the format asked for.
    ///
    /// # Errors
    /// When stdout cannot be written.
    pub fn print(&self, screen: &TerminalScreen) -> anyhow::Result<()> {
        self.print_stdout(screen)?;
        screen.print_diagnostics(&self.list_faults());
        Ok(())
    }

    /// Prints the result without its diagnostics.
    ///
    /// # Errors
    /// When stdout cannot be written.
    pub fn print_stdout(&self, screen: &TerminalScreen) -> anyhow::Result<()> {
        match screen.format {
            StdoutFormat::Json => screen.print_stdout(&to_json(&self.build_report())?)?,
            StdoutFormat::Text if self.objects.is_empty() && has_errors(&self.list_faults()) => {}
            StdoutFormat::Text => screen.print_stdout(&self.render_text(screen.width()))?,
        }
        Ok(())
    }

    fn list_faults(&self) -> Vec<Diagnostic> {
        let mut faults = [&self.refused[..], &self.diagnostics[..]].concat();
        sort_diagnostics(&mut faults);
        faults
    }

    fn build_report(&self) -> AcceptReport<'_> {
        let views = |faults: &[Diagnostic]| ValidationReport::from_diagnostics(0, faults).diagnostics;
        AcceptReport {
            format_version: FORMAT_VERSION,
            tool_version: env!("CARGO_PKG_VERSION"),
            dry_run: self.dry_run,
            objects: &self.objects,
            files: &self.files,
            refused: views(&self.refused),
            diagnostics: views(&self.diagnostics),
        }
    }

    fn render_text(&self, width: usize) -> String {
        let mut text = String::new();
        for object in &self.objects {
            let environment =
                object.environment.as_ref().map_or_else(String::new, |own| format!("environment {own}, "));
            let result = match object.result {
                ObjectStatus::Accepted => "",
                ObjectStatus::Pending => ", pending: the document is unchanged",
            };
            let AcceptedObjectView { kind, name, target, fields, .. } = object;
            let name = escape_line(name);
            text.push_str(&format!("{kind} {name} ({environment}target {target}{result})\n"));
            text.push_str(&render_fields(fields, width));
        }
        if self.dry_run {
            self.files.iter().for_each(|file| text.push_str(&format!("\n{}", file.patch)));
        }
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&self.render_headline());
        text
    }

    fn render_headline(&self) -> String {
        let accepted = self.objects.iter().filter(|own| own.result == ObjectStatus::Accepted);
        let values: usize = accepted.map(|own| own.fields.len()).sum();
        let files: Vec<&str> = self.files.iter().map(|own| own.file.as_str()).collect();
        match (values, self.dry_run) {
            (0, _) => "nothing to accept\n".to_owned(),
            (_, true) => format!("dry run: {} would be written\n", format_count(values, "value")),
            (_, false) => {
                format!("{} written into {}\n", format_count(values, "value"), escape_line(&files.join(", ")))
            }
        }
    }

    /// What an accept says to scripts.
    pub fn compute_exit_status(&self) -> ExitStatus {
        let is_written = self.objects.iter().any(|own| own.result == ObjectStatus::Accepted);
        let failed = has_errors(&self.diagnostics);
        match (is_written, failed, self.refused.is_empty()) {
            (_, false, true) => ExitStatus::Done,
            (true, _, _) => ExitStatus::Partial,
            (false, true, _) => ExitStatus::Error,
            (false, false, false) => ExitStatus::Refused,
        }
    }
}

/// What is said of a document without a live object.
pub fn diagnose_missing(subject: &PlanSubject) -> Diagnostic {
    let message = format!("there is no live object of `{}`", subject.name);
    Diagnostic::warning("no-live-object", message)
        .with_location(subject.place.clone())
        .with_hint("`trueup plan` creates it; remove the document if the object was deleted for good")
}
