//! What an import says: a line for each object, what has to be set, and whether the proof held.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Serialize;

use super::super::args::Format;
use super::super::exit::Exit;
use super::super::screen::Screen;
use crate::diagnostic::{self, Diagnostic, any_error};
use crate::document::Document;
use crate::report::shown::{Checked, FORMAT_VERSION, Finding};
use crate::report::to_json;
use crate::run::import::Composed;

/// What became of one object.
pub struct Row {
    pub name: String,
    /// As people name it.
    pub file: Option<String>,
    /// The file in the making.
    pub page: Option<PathBuf>,
    pub word: Word,
    variables: Vec<(String, String)>,
    guarded: usize,
    reasons: Vec<Diagnostic>,
}

/// How an object ended.
#[derive(Serialize, JsonSchema, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Word {
    /// There was no document of it.
    New,
    /// Its document was changed to what is live.
    Updated,
    /// Its document says what is live.
    Unchanged,
    /// Its document stands outside the folder of this import.
    Elsewhere,
    /// See the reasons.
    NotWritten,
}

/// What an import says.
pub struct Told {
    kind: String,
    /// Once it is known.
    pub target: Option<String>,
    pub rows: Vec<Row>,
    pub diagnostics: Vec<Diagnostic>,
    pub proven: bool,
}

/// What an import wrote, and whether it was proven to be what is live.
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
    /// Whether a plan over all documents is empty.
    proven: bool,
    /// Each object, in the order of the service.
    results: Vec<Result<'t>>,
    /// What is not about one object.
    diagnostics: Vec<Finding>,
}

/// What became of one object.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ImportResult")]
struct Result<'t> {
    /// The name of its document.
    name: &'t str,
    /// The file of its document.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'t str>,
    /// How it ended.
    result: Word,
    /// Environment variables that have to be set before a run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    variables: Vec<&'t str>,
    /// How many personal or sensitive fields were left out.
    #[serde(skip_serializing_if = "is_zero")]
    left_out: usize,
    /// Why it was not written.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reasons: Vec<Finding>,
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}

impl Word {
    fn text(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Updated => "updated",
            Self::Unchanged => "unchanged",
            Self::Elsewhere => "elsewhere",
            Self::NotWritten => "not written",
        }
    }
}

impl Row {
    /// The line of an object of which nothing is written yet.
    pub fn of(composed: &Composed) -> Self {
        let variable = |own: &crate::run::import::draft::Variable| (own.name.clone(), own.field.clone());
        Self {
            name: composed.name.clone(),
            file: None,
            page: None,
            word: Word::NotWritten,
            variables: composed.variables.iter().map(variable).collect(),
            guarded: composed.guarded,
            reasons: Vec::new(),
        }
    }

    /// It stands, or will stand, in this file.
    pub fn at(&mut self, file: String, word: Word) {
        (self.file, self.word) = (Some(file), word);
    }

    /// It stands where this document does.
    pub fn found(&mut self, document: &Document, word: Word) {
        self.at(document.source.path.clone(), word);
    }

    fn result(&self) -> Result<'_> {
        Result {
            name: &self.name,
            file: self.file.as_deref(),
            result: self.word,
            variables: self.variables.iter().map(|(name, _)| name.as_str()).collect(),
            left_out: self.guarded,
            reasons: findings(&self.reasons),
        }
    }

    /// It is not written.
    pub fn refuse(&mut self, reasons: Vec<Diagnostic>) {
        self.word = Word::NotWritten;
        self.variables.clear();
        self.reasons.extend(reasons);
    }
}

impl Told {
    /// Nothing yet.
    pub fn new(kind: &str) -> Self {
        Self { kind: kind.to_owned(), target: None, rows: Vec::new(), diagnostics: Vec::new(), proven: false }
    }

    /// Says it, in the format asked for.
    ///
    /// # Errors
    /// When stdout cannot be written.
    pub fn show(&self, screen: &Screen) -> anyhow::Result<()> {
        let reasons = self.rows.iter().flat_map(|row| &row.reasons);
        let mut said: Vec<Diagnostic> = self.diagnostics.iter().chain(reasons).cloned().collect();
        diagnostic::sort(&mut said);
        match screen.format {
            Format::Json => screen.out(&to_json(&self.report())?)?,
            // where nothing was read there is nothing to tell but why
            Format::Text if self.rows.is_empty() && any_error(&said) => {}
            Format::Text => screen.out(&self.text())?,
        }
        screen.diagnose(&said);
        Ok(())
    }

    fn report(&self) -> ImportReport<'_> {
        ImportReport {
            format_version: FORMAT_VERSION,
            tool_version: env!("CARGO_PKG_VERSION"),
            kind: &self.kind,
            target: self.target.as_deref(),
            proven: self.proven,
            results: self.rows.iter().map(Row::result).collect(),
            diagnostics: findings(&self.diagnostics),
        }
    }

    fn text(&self) -> String {
        let mut out = String::new();
        let widest = |of: fn(&Row) -> usize| self.rows.iter().map(of).max().unwrap_or(0).min(60);
        let words = widest(|row| row.word.text().len());
        let names = widest(|row| row.name.chars().count());
        for row in &self.rows {
            let file = row.file.as_deref().unwrap_or("-").escape_debug();
            let name = row.name.escape_debug().to_string();
            let line = format!("{:words$}  {name:names$}  {file}", row.word.text());
            out.push_str(line.trim_end());
            out.push('\n');
        }
        self.variables(&mut out);
        self.headline(&mut out);
        out
    }

    fn variables(&self, out: &mut String) {
        let mut needed =
            self.rows.iter().flat_map(|row| row.variables.iter().map(move |own| (row, own))).peekable();
        if needed.peek().is_some() {
            out.push_str("\nto be set in the environment before a run:\n");
        }
        for (row, (name, field)) in needed {
            out.push_str(&format!("  {name}  for {field} of {}\n", row.name.escape_debug()));
        }
    }

    fn headline(&self, out: &mut String) {
        let count = |word: Word| self.rows.iter().filter(|row| row.word == word).count();
        let words = [Word::New, Word::Updated, Word::Unchanged, Word::Elsewhere, Word::NotWritten];
        let parts: Vec<String> = words
            .into_iter()
            .map(|word| (count(word), word.text()))
            .filter(|(count, _)| *count > 0)
            .map(|(count, word)| format!("{count} {word}"))
            .collect();
        let guarded: usize = self.rows.iter().map(|row| row.guarded).sum();
        out.push_str(if self.rows.is_empty() { "nothing to import" } else { "\n" });
        out.push_str(&parts.join(", "));
        if guarded > 0 {
            out.push_str(&format!("; {guarded} personal or sensitive fields left out"));
        }
        let proved = count(Word::New) + count(Word::Updated) + count(Word::Unchanged) > 0;
        match (proved, self.proven) {
            (true, true) => out.push_str("\na plan over these documents is empty: they say what is live\n"),
            (true, false) => out.push_str("\nit is not proved that a plan over these documents is empty\n"),
            (false, _) => out.push('\n'),
        }
    }

    /// What an import says to scripts.
    pub fn exit(&self) -> Exit {
        let count = |is: fn(&Word) -> bool| self.rows.iter().filter(|row| is(&row.word)).count();
        let failed = count(|word| *word == Word::NotWritten);
        let good = self.rows.len() - failed;
        match (self.proven, any_error(&self.diagnostics) || failed > 0, good) {
            (false, ..) | (true, true, 0) => Exit::Error,
            (true, true, _) => Exit::Partly,
            (true, false, _) => Exit::Done,
        }
    }
}

fn findings(diagnostics: &[Diagnostic]) -> Vec<Finding> {
    Checked::of(0, diagnostics).diagnostics
}
