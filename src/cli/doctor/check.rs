//! One check of `trueup doctor`, and how checks are shown.

use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::Serialize;

use crate::diagnostic::{Diagnostic, DiagnosticSeverity};
use crate::report::plan_report::FORMAT_VERSION;
use crate::report::sanitize::{escape_line, format_count};

/// What the checks found.
#[derive(Serialize, JsonSchema)]
pub struct DoctorReport {
    /// The version of this structure: 1.
    format_version: u32,
    /// The version of the program that made it.
    tool_version: &'static str,
    /// Whether no check failed.
    pub healthy: bool,
    /// The checks, in order.
    pub checks: Vec<DoctorCheck>,
}

impl DoctorReport {
    /// What these checks found.
    pub fn new(checks: Vec<DoctorCheck>) -> Self {
        let healthy = !checks.iter().any(|check| check.status == CheckStatus::Failed);
        Self { format_version: FORMAT_VERSION, tool_version: env!("CARGO_PKG_VERSION"), healthy, checks }
    }
}

/// What a check found.
#[derive(Serialize, JsonSchema)]
pub struct DoctorCheck {
    /// What is checked: `machine`, `workspace`, `git`, or `target NAME`.
    pub area: String,
    /// Which property of it.
    pub name: &'static str,
    /// What came of it.
    pub status: CheckStatus,
    /// What was found.
    pub message: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
    /// The code of the diagnostic; `trueup explain CODE` describes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'static str>,
    /// The file that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
}

/// What came of a check.
#[derive(Serialize, JsonSchema, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum CheckStatus {
    /// It is as it should be.
    Ok,
    /// It is not known, or needs no action.
    Note,
    /// It may lead to an error.
    Warning,
    /// Commands will fail.
    Failed,
}

impl DoctorCheck {
    /// Everything is as it should be.
    pub fn ok(area: &str, name: &'static str, message: impl Into<String>) -> Self {
        Self::new(area, name, CheckStatus::Ok, message)
    }

    /// Something that needs no action.
    pub fn note(area: &str, name: &'static str, message: impl Into<String>) -> Self {
        Self::new(area, name, CheckStatus::Note, message)
    }

    /// Something that may lead to an error.
    pub fn warning(area: &str, name: &'static str, message: impl Into<String>) -> Self {
        Self::new(area, name, CheckStatus::Warning, message)
    }

    fn new(area: &str, name: &'static str, status: CheckStatus, message: impl Into<String>) -> Self {
        let (code, file, line) = (None, None, None);
        Self { area: area.to_owned(), name, status, message: message.into(), remedy: None, code, file, line }
    }

    /// What a diagnostic says.
    pub fn from_diagnostic(area: &str, name: &'static str, said: &Diagnostic) -> Self {
        let status = match said.severity {
            DiagnosticSeverity::Error => CheckStatus::Failed,
            DiagnosticSeverity::Warning => CheckStatus::Warning,
            DiagnosticSeverity::Note => CheckStatus::Note,
        };
        Self {
            remedy: said.hint.clone(),
            code: Some(said.code),
            file: said.location.as_ref().map(|place| place.source.path.clone()),
            line: said.location.as_ref().map(|place| place.find_line_column().0),
            ..Self::new(area, name, status, said.message.clone())
        }
    }

    /// Whether a service refused a request; a secret without a value is not known to be wrong.
    pub fn is_refused(&self) -> bool {
        self.status == CheckStatus::Failed && !matches!(self.code, Some("unresolved-secret" | "empty-secret"))
    }

    /// With what to do.
    #[must_use]
    pub fn with_remedy(self, remedy: impl Into<String>) -> Self {
        Self { remedy: Some(remedy.into()), ..self }
    }
}

impl CheckStatus {
    fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Failed => "failed",
        }
    }
}

/// The checks for a terminal, area by area.
pub fn render_checks(checks: &[DoctorCheck]) -> String {
    let (mut text, mut area) = (String::new(), "");
    for check in checks {
        if check.area != area {
            let gap = if area.is_empty() { "" } else { "\n" };
            let _ = writeln!(text, "{gap}{}", escape_line(&check.area));
            area = &check.area;
        }
        let place = check.file.as_ref().map_or_else(String::new, |file| match check.line {
            Some(line) => format!(" ({}:{line})", escape_line(file)),
            None => format!(" ({})", escape_line(file)),
        });
        let code = check.code.map_or_else(String::new, |code| format!("[{code}]"));
        let (status, message) = (check.status.as_str(), escape_line(&check.message));
        let _ = writeln!(text, "  {:<10} {}{code}: {message}{place}", check.name, status);
        if let Some(remedy) = check.remedy.as_ref().filter(|_| check.status != CheckStatus::Ok) {
            let _ = writeln!(text, "             help: {}", escape_line(remedy));
        }
    }
    let count = |status| checks.iter().filter(|check| check.status == status).count();
    let _ = match count(CheckStatus::Failed) {
        0 => writeln!(text, "\n{} passed, none failed", format_count(count(CheckStatus::Ok), "check")),
        failed => writeln!(text, "\n{} failed", format_count(failed, "check")),
    };
    text
}
