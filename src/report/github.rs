//! GitHub Actions: findings as workflow commands, which the runner turns into annotations at file and line.
//!
//! The runner keeps ten of each level in a step, so those that weigh most come first and the rest is said in
//! one line. Nothing in a message can end its command or begin another.
//! Deliberately absent: the step summary, which is Markdown.

use std::cmp::Reverse;
use std::fmt::Write;

use super::plan_report::{DiagnosticView, SeverityView};
use super::sanitize::{self, format_count};
use super::sarif::format_sentence;
use super::view_model::{ViewEntry, ViewModel};

/// The most annotations of a level that the runner keeps of a step.
const MAX_ANNOTATIONS: usize = 10;
/// The most characters of a message.
const MAX_CHARACTERS: usize = 4_000;

/// The findings as workflow commands, one a line.
pub fn render_annotations(view: &ViewModel) -> String {
    let mut found: Vec<_> = view.iter_diagnostics().collect();
    // of one weight, those of objects that went wrong come before those of others
    found.sort_by_key(|(finding, entry)| {
        (Reverse(finding.severity), entry.is_some_and(|entry| !entry.status.is_failure()))
    });
    let mut commands = String::new();
    for weight in [SeverityView::Error, SeverityView::Warning, SeverityView::Note] {
        let of_weight: Vec<_> = found.iter().filter(|(finding, _)| finding.severity == weight).collect();
        for (finding, entry) in of_weight.iter().take(MAX_ANNOTATIONS) {
            write_command(&mut commands, view, finding, *entry);
        }
        if of_weight.len() > MAX_ANNOTATIONS {
            let more = format_count(of_weight.len() - MAX_ANNOTATIONS, "more finding");
            let _ = writeln!(commands, "{more} of the level {} without an annotation", format_level(weight));
        }
    }
    commands
}

fn write_command(
    commands: &mut String,
    view: &ViewModel,
    finding: &DiagnosticView,
    entry: Option<&ViewEntry>,
) {
    let mut properties = vec![("title", format!("trueup: {}", finding.code))];
    if let Some(location) = view.locate_diagnostic(finding, entry) {
        properties.push(("file", sanitize::escape_line(&location.file).into_owned()));
        let numbers = [("line", location.line), ("col", location.column)];
        properties.extend(numbers.into_iter().filter_map(|(name, at)| Some((name, at?.to_string()))));
    }
    let properties: Vec<_> =
        properties.iter().map(|(name, value)| format!("{name}={}", escape_property(value))).collect();
    let message = format_sentence(finding, entry);
    let message = escape_data(&sanitize::truncate_line(&message, MAX_CHARACTERS));
    let _ = writeln!(commands, "::{} {}::{message}", format_level(finding.severity), properties.join(","));
}

fn format_level(weight: SeverityView) -> &'static str {
    match weight {
        SeverityView::Error => "error",
        SeverityView::Warning => "warning",
        SeverityView::Note => "notice",
    }
}

fn escape_data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn escape_property(text: &str) -> String {
    escape_data(text).replace(':', "%3A").replace(',', "%2C")
}
