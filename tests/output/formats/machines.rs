//! SARIF, JUnit, GitLab and GitHub: held against published schemas, or read the way their consumers read them.

use std::collections::HashSet;

use serde_json::{Value as Json, json};
use trueup::report::github::render_annotations;
use trueup::report::gitlab::{render_change_counts, render_code_quality};
use trueup::report::junit::render_junit;
use trueup::report::plan_report::{DiagnosticView, PlanReport, SeverityView, ValidationReport};
use trueup::report::sarif::render_sarif;
use trueup::report::{ApplyReport, ViewModel, to_json};

use super::samples::{self, HOSTILE};

/// The elements of a code-quality report that GitLab's documentation asks for.
fn code_quality_schema() -> Json {
    json!({
        "type": "array",
        "items": {
            "type": "object",
            "required": ["description", "check_name", "fingerprint", "severity", "location"],
            "properties": {
                "description": { "type": "string", "minLength": 1 },
                "check_name": { "type": "string", "minLength": 1 },
                "fingerprint": { "type": "string", "minLength": 1 },
                "severity": { "enum": ["info", "minor", "major", "critical", "blocker"] },
                "location": {
                    "type": "object",
                    "required": ["path", "lines"],
                    "properties": {
                        "path": { "type": "string", "not": { "pattern": "^(\\./|/)" } },
                        "lines": {
                            "type": "object",
                            "required": ["begin"],
                            "properties": { "begin": { "type": "integer", "minimum": 1 } },
                        },
                    },
                },
            },
        },
    })
}

fn sarif_schema() -> Json {
    serde_json::from_str(include_str!("schemas/sarif-2.1.0.json")).expect("a schema")
}

/// Fails unless `document` fits `schema`.
#[track_caller]
fn fits(schema: Json, document: &Json) {
    let (mut schemas, mut compiler) = (boon::Schemas::new(), boon::Compiler::new());
    compiler.enable_format_assertions();
    compiler.add_resource("mem:///schema.json", schema).expect("a schema");
    let index = compiler.compile("mem:///schema.json", &mut schemas).expect("a schema");
    schemas.validate(document, index).unwrap_or_else(|error| panic!("{error:#}\n{document:#}"));
}

fn with<T>(report: &PlanReport, render: impl Fn(&ViewModel) -> T) -> T {
    render(&ViewModel::from_plan_report(report, "deep/"))
}

/// Reports of every sort that must come out right.
fn all() -> Vec<PlanReport> {
    let hostile = HOSTILE.iter().map(|text| samples::hostile(text));
    hostile.chain([samples::everyday(), samples::seeded()]).collect()
}

fn finding(code: &str, severity: SeverityView, line: usize) -> DiagnosticView {
    let (hint, file) = (None, Some("config/a.yaml".to_owned()));
    let message = format!("{code} is said");
    DiagnosticView { code: code.to_owned(), severity, message, hint, file, line: Some(line), column: Some(3) }
}

#[test]
fn sarif_fits_its_published_schema() {
    for report in all() {
        let log = with(&report, render_sarif);
        fits(sarif_schema(), &log);
        let printed: Json = serde_json::from_str(&to_json(&log).expect("JSON")).expect("JSON");
        assert_eq!(printed, log);
    }
    let log = with(&samples::everyday(), render_sarif);
    let results = log["runs"][0]["results"].as_array().expect("results");
    assert_eq!(results.len(), 2);
    let refused = results.iter().find(|result| result["ruleId"] == "immutable-field").expect("a result");
    assert_eq!(refused["level"], "error");
    assert_eq!(
        refused["locations"][0]["physicalLocation"],
        json!({
            "artifactLocation": { "uri": "deep/config/gateways.yaml", "uriBaseId": "%SRCROOT%" },
            "region": { "startLine": 3, "startColumn": 3 },
        })
    );
    let rule = refused["ruleIndex"].as_u64().expect("an index") as usize;
    assert_eq!(log["runs"][0]["tool"]["driver"]["rules"][rule]["id"], "immutable-field");
    let wrong = json!({ "version": "2.1.0", "runs": [{ "results": [{ "level": "bad" }] }] });
    assert!(std::panic::catch_unwind(|| fits(sarif_schema(), &wrong)).is_err(), "the schema takes anything");
}

#[test]
fn an_alert_stays_the_same_when_lines_move() {
    let prints = |line: usize| {
        let mut report = samples::everyday();
        report.diagnostics = vec![finding("odd", SeverityView::Error, line)];
        with(&report, render_sarif)["runs"][0]["results"][0]["partialFingerprints"].clone()
    };
    assert_eq!(prints(3), prints(300));
}

#[test]
fn gitlab_takes_the_findings() {
    for report in all() {
        fits(code_quality_schema(), &with(&report, render_code_quality));
    }
    let mut report = samples::everyday();
    report.diagnostics = (1..=5).map(|line| finding("odd", SeverityView::Warning, line)).collect();
    let found = with(&report, render_code_quality);
    let found = found.as_array().expect("a list");
    let prints: HashSet<&str> = found.iter().filter_map(|one| one["fingerprint"].as_str()).collect();
    assert_eq!((found.len(), prints.len()), (6, 6), "one of each fingerprint is shown");
    assert!(found.iter().all(|one| one["location"]["path"].as_str().is_some_and(|p| p.starts_with("deep/"))));
}

#[test]
fn gitlab_takes_the_numbers() {
    let numbers = with(&samples::everyday(), render_change_counts);
    assert_eq!(numbers, json!({ "create": 1, "update": 2, "delete": 1 }));
}

#[test]
fn junit_is_xml_with_right_numbers() {
    for report in all() {
        let text = with(&report, render_junit);
        let xml = roxmltree::Document::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let root = xml.root_element();
        let cases: Vec<_> = root.descendants().filter(|node| node.has_tag_name("testcase")).collect();
        let failures = root.descendants().filter(|node| node.has_tag_name("failure")).count();
        let number = |name: &str| root.attribute(name).and_then(|value| value.parse::<usize>().ok());
        assert_eq!((number("tests"), number("failures")), (Some(cases.len()), Some(failures)), "{text}");
        for suite in root.children().filter(|node| node.has_tag_name("testsuite")) {
            let inside = suite.children().filter(|node| node.has_tag_name("testcase")).count();
            assert_eq!(suite.attribute("tests"), Some(&*inside.to_string()), "{text}");
        }
        assert!(cases.iter().all(|case| case.attribute("name").is_some_and(|name| !name.is_empty())));
    }
}

#[test]
fn junit_tells_what_failed_and_where() {
    let text = with(&samples::everyday(), render_junit);
    let xml = roxmltree::Document::parse(&text).expect("XML");
    let failed = xml.descendants().find(|node| node.has_tag_name("failure")).expect("a failure");
    let case = failed.parent_element().expect("a case");
    assert_eq!(case.attribute("name"), Some("pier-cards at bay"));
    assert_eq!(case.attribute("file"), Some("deep/config/gateways.yaml"));
    assert_eq!(failed.attribute("type"), Some("immutable-field"));
    let said = failed.text().expect("a text");
    assert!(said.starts_with("deep/config/gateways.yaml:3:3: error[immutable-field]: "), "{said}");
}

/// A workflow command: its word, its properties, its text.
type Command = (String, Vec<(String, String)>, String);

/// A workflow command, as the runner reads it: its name, its properties, its message.
fn command(line: &str) -> Option<Command> {
    let rest = line.trim_start().strip_prefix("::")?;
    let (head, message) = rest.split_once("::")?;
    let (name, properties) = head.split_once(' ').unwrap_or((head, ""));
    let back = |text: &str| {
        text.replace("%0D", "\r")
            .replace("%0A", "\n")
            .replace("%3A", ":")
            .replace("%2C", ",")
            .replace("%25", "%")
    };
    let properties = properties.split(',').filter_map(|property| property.split_once('='));
    let properties = properties.map(|(name, value)| (name.trim().to_owned(), back(value))).collect();
    Some((name.to_owned(), properties, back(message)))
}

#[test]
fn github_reads_annotations_and_nothing_else() {
    for (report, hostile) in HOSTILE.iter().map(|text| (samples::hostile(text), text)) {
        let text = with(&report, render_annotations);
        let commands: Vec<_> = text.lines().filter_map(command).collect();
        assert_eq!(commands.len(), text.lines().count(), "{hostile:?}\n{text}");
        assert_eq!(commands.len(), 8, "{hostile:?}\n{text}");
        for (name, properties, message) in &commands {
            assert!(matches!(&**name, "error" | "warning"), "{name} of\n{text}");
            let names: Vec<_> = properties.iter().map(|(name, _)| &**name).collect();
            let placed = ["title", "file", "line", "col"];
            assert!(names.iter().all(|name| placed.contains(name)), "{names:?} of\n{text}");
            assert!(!message.is_empty() && !message.contains(['\n', '\r', '\u{1b}']), "{message:?}");
        }
    }
    let text = with(&samples::everyday(), render_annotations);
    let expected = "::error title=trueup%3A immutable-field,file=deep/config/gateways.yaml,line=3,col=3::\
                    harbor/gateway pier-cards at bay: `displayName` cannot be changed after creation \
                    (take it out of the document)\n";
    assert!(text.starts_with(expected), "{text}");
}

#[test]
fn github_gets_ten_of_a_level_the_weightiest_first() {
    let mut report = samples::everyday();
    let of = |weight| (1..=25).map(move |line| finding("odd", weight, line));
    report.diagnostics =
        of(SeverityView::Note).chain(of(SeverityView::Warning)).chain(of(SeverityView::Error)).collect();
    let text = with(&report, render_annotations);
    let count = |level: &str| text.lines().filter(|line| line.starts_with(&format!("::{level} "))).count();
    assert_eq!((count("error"), count("warning"), count("notice")), (10, 10, 10), "{text}");
    assert!(text.starts_with("::error") && text.contains("16 more findings of the level error"), "{text}");
    assert!(text.contains("15 more findings of the level notice"), "{text}");
}

#[test]
fn thousands_of_changes_take_no_time_and_no_room() {
    assert!(samples::in_time(|report| with(report, render_annotations)).len() < 100_000);
    let xml = samples::in_time(|report| with(report, render_junit));
    assert_eq!(
        roxmltree::Document::parse(&xml).expect("XML").root_element().attribute("tests"),
        Some("5002")
    );
    let log = samples::in_time(|report| to_json(&with(report, render_sarif)).expect("JSON"));
    fits(sarif_schema(), &serde_json::from_str(&log).expect("JSON"));
    let found = samples::in_time(|report| to_json(&with(report, render_code_quality)).expect("JSON"));
    fits(code_quality_schema(), &serde_json::from_str(&found).expect("JSON"));
    let numbers = samples::in_time(|report| with(report, render_change_counts).to_string());
    let numbers: Json = serde_json::from_str(&numbers).expect("JSON");
    let sum: u64 = numbers.as_object().expect("numbers").values().filter_map(Json::as_u64).sum();
    assert_eq!(sum, 5_000);
    let json: Json =
        serde_json::from_str(&samples::in_time(|report| to_json(report).expect("JSON"))).expect("JSON");
    fits(serde_json::from_str(include_str!("../../../schemas/report.json")).expect("a schema"), &json);
    assert_eq!(json["changes"].as_array().map(Vec::len), Some(5_000));
    let text = samples::in_time(|report| trueup::report::text::render_plan(report, 100));
    assert!(text.contains("gateway-00000") && text.contains("gateway-04999"));
    let mut report = samples::everyday();
    report.diagnostics = (0..30_000).map(|line| finding("odd", SeverityView::Warning, line)).collect();
    let log = with(&report, render_sarif);
    let results = log["runs"][0]["results"].as_array().expect("results");
    assert_eq!((results.len(), &results[0]["level"]), (25_000, &json!("error")));
}

#[test]
fn no_marked_value_gets_out() {
    let report = samples::seeded();
    samples::no_canary(&with(&report, render_annotations));
    samples::no_canary(&with(&report, render_junit));
    samples::no_canary(&with(&report, render_sarif).to_string());
    samples::no_canary(&with(&report, render_code_quality).to_string());
}

#[test]
fn nothing_at_all_is_a_report_too() {
    let checked = ValidationReport::from_diagnostics(0, &[]);
    let applied = ApplyReport::from_outcomes(&[]);
    for view in [ViewModel::from_check_report(&checked, &[], ""), ViewModel::from_apply_report(&applied, "")]
    {
        fits(sarif_schema(), &render_sarif(&view));
        fits(code_quality_schema(), &render_code_quality(&view));
        roxmltree::Document::parse(&render_junit(&view)).expect("XML");
        assert_eq!(render_annotations(&view), "");
    }
}
