//! SARIF 2.1.0: every finding and every object that was refused, for code scanning.
//!
//! One run, one rule for each code, one result for each finding. A result's fingerprint is made of its code,
//! file, object and sentence and not of its line, so that it is the same alert when lines above it move.
//! Deliberately absent: changes. What is to be changed is no fault.

use std::collections::BTreeMap;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use super::plan_report::{DiagnosticView, SeverityView};
use super::sanitize;
use super::view_model::{ViewEntry, ViewModel};

/// The most results that GitHub takes of one run.
const MAX_RESULTS: usize = 25_000;
/// What cannot stand in the path of a URI.
const PATH_ENCODE_SET: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b']')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}')
    .add(b':');

/// The findings of a report as a SARIF log.
pub fn render_sarif(view: &ViewModel) -> Json {
    let mut found: Vec<_> = view.iter_diagnostics().collect();
    found.sort_by_key(|(finding, _)| std::cmp::Reverse(finding.severity));
    found.truncate(MAX_RESULTS);
    let mut rules: BTreeMap<&str, usize> = found.iter().map(|(finding, _)| (&*finding.code, 0)).collect();
    rules.values_mut().enumerate().for_each(|(at, number)| *number = at);
    let results: Vec<_> = found
        .iter()
        .map(|(finding, entry)| build_result(view, finding, *entry, rules.get(&*finding.code).copied()))
        .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "trueup",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules.keys().map(|code| build_rule(code)).collect::<Vec<_>>(),
            } },
            "automationDetails": { "id": format!("trueup/{}/", view.title) },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn build_rule(code: &str) -> Json {
    json!({ "id": code, "shortDescription": { "text": code.replace('-', " ") } })
}

fn build_result(
    view: &ViewModel,
    finding: &DiagnosticView,
    entry: Option<&ViewEntry>,
    rule: Option<usize>,
) -> Json {
    let mut result = json!({
        "ruleId": finding.code,
        "ruleIndex": rule,
        "level": match finding.severity {
            SeverityView::Error => "error",
            SeverityView::Warning => "warning",
            SeverityView::Note => "note",
        },
        "message": { "text": format_sentence(finding, entry) },
        "partialFingerprints": { "trueup/v1": compute_fingerprint(view, finding, entry) },
    });
    if let Some(location) = build_location(view, finding, entry) {
        result["locations"] = json!([location]);
    }
    result
}

fn build_location(view: &ViewModel, finding: &DiagnosticView, entry: Option<&ViewEntry>) -> Option<Json> {
    let file_location = view.locate_diagnostic(finding, entry)?;
    let mut artifact =
        json!({ "uri": utf8_percent_encode(&file_location.file, PATH_ENCODE_SET).to_string() });
    if !std::path::Path::new(&file_location.file).is_absolute() {
        artifact["uriBaseId"] = "%SRCROOT%".into();
    }
    let mut place = json!({ "artifactLocation": artifact });
    if let Some(line) = file_location.line {
        place["region"] = json!({ "startLine": line.max(1) });
        if let Some(column) = file_location.column {
            place["region"]["startColumn"] = column.max(1).into();
        }
    }
    Some(json!({ "physicalLocation": place }))
}

/// What is to be said: about which object, what, and what to do.
pub fn format_sentence(finding: &DiagnosticView, entry: Option<&ViewEntry>) -> String {
    let about = entry.map_or(String::new(), |entry| {
        let object = entry.object;
        format!("{} {} at {}: ", object.kind, object.name, object.describe_target())
    });
    let hint = finding.hint.as_ref().map_or(String::new(), |hint| format!(" ({hint})"));
    sanitize::escape_line(&format!("{about}{}{hint}", finding.message)).into_owned()
}

/// The same for the same finding, wherever its lines have moved.
pub fn compute_fingerprint(view: &ViewModel, finding: &DiagnosticView, entry: Option<&ViewEntry>) -> String {
    let file =
        view.locate_diagnostic(finding, entry).map(|file_location| file_location.file).unwrap_or_default();
    let (kind, name, target) =
        entry.map_or(("", "", ""), |entry| (&*entry.object.kind, &*entry.object.name, &*entry.object.target));
    let mut digest = Sha256::new();
    for part in [&*finding.code, &file, kind, name, target, &finding.message] {
        digest.update(part.as_bytes());
        digest.update([0]);
    }
    digest.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}
