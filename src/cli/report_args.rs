//! Arguments for reports in files, CI services and personal values on the terminal.
//!
//! Deliberately absent: writing a report (`reports`).

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Reports besides stdout.
#[derive(Args, Clone, Default)]
pub struct ReportArgs {
    /// Write a report to a file: text, json, markdown, github, github-summary, gitlab, gitlab-changes, sarif, junit, html, or jsonl for the events of an apply; repeatable. With `-` as FILE the report goes to stdout and the text to stderr
    #[arg(long, value_name = "FORMAT=FILE", value_parser = parse_report_output, value_delimiter = ',', env = "TRUEUP_REPORT", hide_env_values = true)]
    pub report: Vec<(ReportFormat, PathBuf)>,
    /// Annotations and the summary of a CI service
    #[arg(long, value_enum, default_value_t = CiService::Auto, env = "TRUEUP_CI", hide_env_values = true)]
    pub ci: CiService,
}

/// Whether the terminal shows personal values.
#[derive(Args, Clone, Copy, Default)]
pub struct RevealArgs {
    /// Show personal values in clear: on a terminal only, as text, never in a report or a saved plan. Secrets stay hidden
    #[arg(long, env = "TRUEUP_REVEAL", hide_env_values = true)]
    pub reveal: bool,
}

/// The CI service that gets annotations.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum CiService {
    /// Detect it from the environment
    #[default]
    Auto,
    /// GitHub Actions: annotations on stderr, and the step summary
    Github,
    /// None
    None,
}

/// How a report is written to a file.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReportFormat {
    /// Text without colour
    Text,
    /// JSON; see schemas/
    Json,
    /// Markdown for a pull request comment
    Markdown,
    /// Workflow commands of GitHub Actions
    Github,
    /// The step summary of GitHub Actions
    GithubSummary,
    /// The code-quality report of GitLab
    Gitlab,
    /// The counts that GitLab shows for a plan, as `artifacts:reports:terraform`
    GitlabChanges,
    /// SARIF 2.1.0
    Sarif,
    /// JUnit XML
    Junit,
    /// A self-contained HTML page
    Html,
    /// Events of an apply, one JSON object a line
    Jsonl,
}

impl ReportFormat {
    /// The value of the flag.
    pub fn to_flag_value(self) -> String {
        self.to_possible_value().map_or_else(String::new, |word| word.get_name().to_owned())
    }
}

/// `FORMAT=FILE`
fn parse_report_output(text: &str) -> Result<(ReportFormat, PathBuf), String> {
    let words = || {
        let words: Vec<_> =
            ReportFormat::value_variants().iter().map(|format| format.to_flag_value()).collect();
        words.join(", ")
    };
    match text.split_once('=') {
        Some((_, "")) => Err("the file is missing: write FORMAT=FILE".into()),
        Some((format, file)) => match ReportFormat::from_str(format, false) {
            Ok(format) => Ok((format, file.into())),
            Err(_) => Err(format!("unknown format `{format}`; known formats: {}", words())),
        },
        None => Err(format!("write FORMAT=FILE, with one of the formats {}", words())),
    }
}
