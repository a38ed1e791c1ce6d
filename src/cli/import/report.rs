//! What an import says: a line for each object, what has to be set, and whether the proof held.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Serialize;

use crate::cli::exit::ExitStatus;
use crate::cli::global_args::StdoutFormat;
use crate::cli::screen::TerminalScreen;
use crate::diagnostic::{self, Diagnostic, has_errors};
use crate::document::Document;
use crate::report::import_changes::{render_fields, show_changes, show_document_changes};
use crate::report::plan_report::{DiagnosticView, FORMAT_VERSION, FieldChange, ValidationReport};
use crate::report::sanitize::format_count;
use crate::report::to_json;
use crate::run::import::ImportedObject;

/// What became of one object.
pub struct ImportRow {
    pub name: String,
    /// As people name it.
    pub file: Option<String>,
    /// The file in the making.
    pub pending_file: Option<PathBuf>,
    pub status: ImportStatus,
    variables: Vec<(String, String)>,
    omitted_fields: usize,
    /// How many values come from sources, and were not compared.
    sources: usize,
    changes: Vec<FieldChange>,
    pending: Vec<FieldChange>,
    reasons: Vec<Diagnostic>,
}

/// How an object ended.
#[derive(Serialize, JsonSchema, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum ImportStatus {
    /// There was no document of it.
    New,
    /// Its document was changed to what is live.
    Updated,
    /// Its document says what is live.
    Unchanged,
    /// Its document differs by edits that were not applied, and is left as it is.
    Pending,
    /// Its document stands outside the folder of this import.
    Elsewhere,
    /// See the reasons.
    NotWritten,
}

/// What an import says.
pub struct ImportSummary {
    kind: String,
    /// Once it is known.
    pub target: Option<String>,
    pub rows: Vec<ImportRow>,
    pub diagnostics: Vec<Diagnostic>,
    pub verified: bool,
    /// Live values were not written that documents of several levels do not say.
    pub values_left: bool,
    /// Nothing was put on disk.
    pub dry_run: bool,
}

/// What an import wrote, and whether it was verified to be what is live.
#[derive(Serialize, JsonSchema)]
pub struct ImportReport<'t> {
    /// The version of this structure: 1.
    format_version: u32,
    /// The version of the program that made it.
    tool_version: &'static str,
    /// The kind that was imported, `api/kind`.
    kind: &'t str,
    /// The target that was read, once it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<&'t str>,
    /// Whether a plan over the documents that are new, updated or unchanged is empty, with the live values in the
    /// place of their sources.
    verified: bool,
    /// Whether nothing was put on disk.
    dry_run: bool,
    /// How many values of these documents come from sources, and were not compared.
    uncompared_sources: usize,
    /// Each object, in the order of the service.
    results: Vec<ImportResult<'t>>,
    /// What is not about one object.
    diagnostics: Vec<DiagnosticView>,
}

/// What became of one object.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ImportResult")]
struct ImportResult<'t> {
    /// The name of its document.
    name: &'t str,
    /// The file of its document.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'t str>,
    /// How it ended.
    result: ImportStatus,
    /// Environment variables that have to be set before a run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    variables: Vec<&'t str>,
    /// How many personal or sensitive fields were left out.
    #[serde(skip_serializing_if = "is_zero")]
    omitted_fields: usize,
    /// What changes in its document: from the value there (`before`) to the live one (`after`).
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    changes: &'t [FieldChange],
    /// Edits of its document that were not applied and stay: live value (`before`) and wanted value (`after`).
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pending: &'t [FieldChange],
    /// Why it was not written.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reasons: Vec<DiagnosticView>,
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}

impl ImportStatus {
    fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Updated => "updated",
            Self::Unchanged => "unchanged",
            Self::Pending => "pending",
            Self::Elsewhere => "elsewhere",
            Self::NotWritten => "not written",
        }
    }
}

impl ImportRow {
    /// The line of an object of which nothing is written yet.
    pub fn from_composed(composed: &ImportedObject) -> Self {
        let variable =
            |own: &crate::run::import::draft::SecretVariable| (own.name.clone(), own.field.clone());
        Self {
            name: composed.name.clone(),
            file: None,
            pending_file: None,
            status: ImportStatus::NotWritten,
            variables: composed.variables.iter().map(variable).collect(),
            omitted_fields: composed.omitted,
            sources: composed.variables.len(),
            changes: show_document_changes(&composed.kind, &composed.changes),
            pending: show_changes(&composed.kind, &composed.pending),
            reasons: Vec::new(),
        }
    }

    /// Values that a document takes from sources are not compared.
    pub fn count_sources(&mut self, document: &Document) {
        self.sources += document.spec.iter_value_sources().count();
    }

    /// It stands, or will stand, in this file.
    pub fn set_file(&mut self, file: String, word: ImportStatus) {
        (self.file, self.status) = (Some(file), word);
    }

    /// It stands where this document does.
    pub fn set_document(&mut self, document: &Document, word: ImportStatus) {
        self.set_file(document.source.path.clone(), word);
    }

    fn to_result(&self) -> ImportResult<'_> {
        ImportResult {
            name: &self.name,
            file: self.file.as_deref(),
            result: self.status,
            variables: self.variables.iter().map(|(name, _)| name.as_str()).collect(),
            omitted_fields: self.omitted_fields,
            changes: &self.changes,
            pending: &self.pending,
            reasons: to_findings(&self.reasons),
        }
    }

    /// It is not written.
    pub fn mark_refused(&mut self, reasons: Vec<Diagnostic>) {
        self.status = ImportStatus::NotWritten;
        self.variables.clear();
        self.reasons.extend(reasons);
    }
}

impl ImportSummary {
    /// Nothing yet.
    pub fn new(kind: &str) -> Self {
        Self {
            kind: kind.to_owned(),
            target: None,
            rows: Vec::new(),
            diagnostics: Vec::new(),
            verified: false,
            values_left: false,
            dry_run: false,
        }
    }

    /// Says it, in the format asked for.
    ///
    /// # Errors
    /// When stdout cannot be written.
    pub fn print_summary(&self, screen: &TerminalScreen) -> anyhow::Result<()> {
        let reasons = self.rows.iter().flat_map(|row| &row.reasons);
        let mut said: Vec<Diagnostic> = self.diagnostics.iter().chain(reasons).cloned().collect();
        diagnostic::sort_diagnostics(&mut said);
        match screen.format {
            StdoutFormat::Json => screen.print_stdout(&to_json(&self.to_report())?)?,
            // where nothing was read there is nothing to tell but why
            StdoutFormat::Text if self.rows.is_empty() && has_errors(&said) => {}
            StdoutFormat::Text => screen.print_stdout(&self.render_text(screen.width()))?,
        }
        screen.print_diagnostics(&said);
        Ok(())
    }

    fn to_report(&self) -> ImportReport<'_> {
        ImportReport {
            format_version: FORMAT_VERSION,
            tool_version: env!("CARGO_PKG_VERSION"),
            kind: &self.kind,
            target: self.target.as_deref(),
            verified: self.verified,
            dry_run: self.dry_run,
            uncompared_sources: self.count_sources(),
            results: self.rows.iter().map(ImportRow::to_result).collect(),
            diagnostics: to_findings(&self.diagnostics),
        }
    }

    fn render_text(&self, width: usize) -> String {
        let mut out = String::new();
        let widest = |of: fn(&ImportRow) -> usize| self.rows.iter().map(of).max().unwrap_or(0).min(60);
        let words = widest(|row| row.status.as_str().len());
        let names = widest(|row| row.name.chars().count());
        for row in &self.rows {
            let file = row.file.as_deref().unwrap_or("-").escape_debug();
            let name = row.name.escape_debug().to_string();
            let line = format!("{:words$}  {name:names$}  {file}", row.status.as_str());
            out.push_str(line.trim_end());
            out.push('\n');
        }
        self.render_changes(&mut out, width);
        self.render_variables(&mut out);
        self.render_headline(&mut out);
        out
    }

    /// What changes in documents, and what stays in them.
    fn render_changes(&self, out: &mut String, width: usize) {
        for row in &self.rows {
            for (title, fields) in [("changes", &row.changes), ("keeps", &row.pending)] {
                if fields.is_empty() {
                    continue;
                }
                let fields = render_fields(fields, width);
                out.push_str(&format!("\n{} {title}:\n{fields}", row.name.escape_debug()));
            }
        }
    }

    fn render_variables(&self, out: &mut String) {
        let mut needed =
            self.rows.iter().flat_map(|row| row.variables.iter().map(move |own| (row, own))).peekable();
        if needed.peek().is_some() {
            out.push_str("\nset these environment variables before a run:\n");
        }
        for (row, (name, field)) in needed {
            out.push_str(&format!("  {name}  for {field} of {}\n", row.name.escape_debug()));
        }
    }

    fn render_headline(&self, out: &mut String) {
        let count = |word: ImportStatus| self.rows.iter().filter(|row| row.status == word).count();
        let words = [
            ImportStatus::New,
            ImportStatus::Updated,
            ImportStatus::Unchanged,
            ImportStatus::Pending,
            ImportStatus::Elsewhere,
            ImportStatus::NotWritten,
        ];
        let parts: Vec<String> = words
            .into_iter()
            .map(|word| (count(word), word.as_str()))
            .filter(|(count, _)| *count > 0)
            .map(|(count, word)| format!("{count} {word}"))
            .collect();
        let guarded: usize = self.rows.iter().map(|row| row.omitted_fields).sum();
        out.push_str(if self.rows.is_empty() { "nothing to import" } else { "\n" });
        out.push_str(&parts.join(", "));
        if guarded > 0 {
            out.push_str(&format!("; {guarded} personal or internal fields omitted"));
        }
        out.push('\n');
        if self.dry_run && !self.rows.is_empty() {
            out.push_str("dry run: nothing was written\n");
        }
        self.render_proof(out);
    }

    /// What was proven, and of how much.
    fn render_proof(&self, out: &mut String) {
        let is_proven = |row: &&ImportRow| {
            let is_like_live =
                matches!(row.status, ImportStatus::New | ImportStatus::Updated | ImportStatus::Unchanged);
            is_like_live && row.pending.is_empty()
        };
        let proven = self.rows.iter().filter(is_proven).count();
        let what = match proven == self.rows.len() {
            true => "these documents".to_owned(),
            false => format!("{proven} of {}", format_count(self.rows.len(), "document")),
        };
        match (proven > 0, self.verified) {
            (true, true) => out.push_str(&format!("verified: planning {what} shows no changes")),
            (true, false) => out.push_str(&format!("not verified: planning {what} may show changes")),
            (false, _) => return,
        }
        let sources = self.count_sources();
        if sources > 0 && self.verified {
            let values = format_count(sources, "value");
            out.push_str(&format!("; {values} from variables, files or commands not compared"));
        }
        out.push('\n');
    }

    fn count_sources(&self) -> usize {
        self.rows.iter().map(|row| row.sources).sum()
    }

    /// What an import says to scripts.
    pub fn compute_exit_status(&self) -> ExitStatus {
        let count = |is: fn(&ImportStatus) -> bool| self.rows.iter().filter(|row| is(&row.status)).count();
        let failed = count(|word| *word == ImportStatus::NotWritten);
        let good = self.rows.len() - failed;
        let is_partial = has_errors(&self.diagnostics) || failed > 0 || self.values_left;
        match (self.verified, is_partial, good) {
            (false, ..) | (true, true, 0) => ExitStatus::Error,
            (true, true, _) => ExitStatus::Partial,
            (true, false, _) => ExitStatus::Done,
        }
    }
}

fn to_findings(diagnostics: &[Diagnostic]) -> Vec<DiagnosticView> {
    ValidationReport::from_diagnostics(0, diagnostics).diagnostics
}
