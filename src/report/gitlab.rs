//! What GitLab shows in a merge request: findings as a code-quality report, and the numbers of a plan.
//!
//! Fingerprints are unique within a report, since GitLab shows only one finding of each: the second of two
//! that are alike gets a number.

use std::collections::HashMap;

use serde_json::{Value as Json, json};

use super::sarif::{fingerprint, sentence};
use super::sheet::{Sheet, Tone};
use super::shown::Weight;

/// The findings with a place in a file, as `artifacts:reports:codequality` takes them.
pub fn code_quality(sheet: &Sheet) -> Json {
    let mut seen: HashMap<String, usize> = HashMap::new();
    let found = sheet.findings().filter_map(|(finding, entry)| {
        let spot = sheet.place(finding, entry)?;
        let print = fingerprint(sheet, finding, entry);
        let times = seen.entry(print.clone()).or_default();
        *times += 1;
        Some(json!({
            "description": sentence(finding, entry),
            "check_name": finding.code,
            "fingerprint": if *times == 1 { print } else { format!("{print}-{times}") },
            "severity": match finding.severity {
                Weight::Error => "critical",
                Weight::Warning => "minor",
                Weight::Note => "info",
            },
            "location": { "path": spot.file, "lines": { "begin": spot.line.unwrap_or(1).max(1) } },
        }))
    });
    Json::Array(found.collect())
}

/// How many objects are created, updated and deleted, as `artifacts:reports:terraform` takes them.
pub fn changes(sheet: &Sheet) -> Json {
    let count = |tone| sheet.entries.iter().filter(|entry| entry.tone == tone).count();
    json!({ "create": count(Tone::Create), "update": count(Tone::Update), "delete": count(Tone::Delete) })
}
