//! What GitLab shows in a merge request: findings as a code-quality report, and the numbers of a plan.
//!
//! Fingerprints are unique within a report, since GitLab shows only one finding of each: the second of two
//! that are alike gets a number.

use std::collections::HashMap;

use serde_json::{Value as Json, json};

use super::plan_report::SeverityView;
use super::sarif::{compute_fingerprint, format_sentence};
use super::view_model::{ViewEntryStatus, ViewModel};

/// The findings with a place in a file, as `artifacts:reports:codequality` takes them.
pub fn render_code_quality(view: &ViewModel) -> Json {
    let mut seen: HashMap<String, usize> = HashMap::new();
    let found = view.iter_diagnostics().filter_map(|(finding, entry)| {
        let location = view.locate_diagnostic(finding, entry)?;
        let print = compute_fingerprint(view, finding, entry);
        let times = seen.entry(print.clone()).or_default();
        *times += 1;
        Some(json!({
            "description": format_sentence(finding, entry),
            "check_name": finding.code,
            "fingerprint": if *times == 1 { print } else { format!("{print}-{times}") },
            "severity": match finding.severity {
                SeverityView::Error => "critical",
                SeverityView::Warning => "minor",
                SeverityView::Note => "info",
            },
            "location": { "path": location.file, "lines": { "begin": location.line.unwrap_or(1).max(1) } },
        }))
    });
    Json::Array(found.collect())
}

/// How many objects are created, updated and deleted, as `artifacts:reports:terraform` takes them; it counts one that
/// is replaced as both a delete and a create.
pub fn render_change_counts(view: &ViewModel) -> Json {
    let count = |tone| view.entries.iter().filter(|entry| entry.status == tone).count();
    let replaced = count(ViewEntryStatus::Replace);
    json!({
        "create": count(ViewEntryStatus::Create) + replaced,
        "update": count(ViewEntryStatus::Update),
        "delete": count(ViewEntryStatus::Delete) + replaced,
    })
}
