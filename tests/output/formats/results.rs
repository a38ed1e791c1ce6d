//! Results of an apply in every format: what was written, what moved, what a service did not keep.

use serde_json::json;
use trueup::report::github::render_annotations;
use trueup::report::html::render_html;
use trueup::report::junit::render_junit;
use trueup::report::markdown::{MAX_COMMENT_BYTES, render_markdown};
use trueup::report::sarif::render_sarif;
use trueup::report::{ApplyReport, ViewModel};

fn results() -> ApplyReport {
    let result = |name: &str, result: &str, more: serde_json::Value| {
        let mut all = json!({
            "kind": "harbor/gateway", "name": name, "target": "bay", "file": "config/a.yaml", "line": 4,
            "action": "update", "result": result, "attempts": 1, "duration_ms": 5,
        });
        all.as_object_mut().expect("members").extend(more.as_object().expect("members").clone());
        all
    };
    let lost =
        json!([{ "path": "/note", "label": "note", "action": "replace", "before": "old", "after": "sent" }]);
    let reason =
        json!([{ "code": "not-kept", "severity": "error", "message": "the service did not keep `note`" }]);
    let moved = json!([{ "path": "/fee", "label": "fee", "planned": 1, "now": 2, "desired": 3 }]);
    serde_json::from_value(json!({
        "format_version": 1, "tool_version": "0",
        "summary": { "done": 1, "unchanged": 0, "refused": 1, "failed": 1, "unknown": 0, "not_started": 1 },
        "results": [
            result("fine", "done", json!({})),
            result("lossy", "failed", json!({ "reasons": reason, "not_kept": lost })),
            result("restless", "refused", json!({ "conflicts": moved })),
            result("late", "not_started", json!({})),
        ],
    }))
    .expect("results")
}

#[test]
fn results_are_reported_in_every_format() {
    let report = results();
    let view = ViewModel::from_apply_report(&report, "");
    for text in [render_markdown(&view, MAX_COMMENT_BYTES), render_html(&view)] {
        for said in [
            "trueup apply: 1 failed, 1 refused, 1 updated, 1 not started",
            "live, and sent:",
            "changed since the plan; not written:",
            "planned",
            "restless",
        ] {
            assert!(text.contains(said), "no {said:?} in\n{text}");
        }
    }
    let text = render_junit(&view);
    let xml = roxmltree::Document::parse(&text).expect("XML");
    let numbers = ["tests", "failures", "skipped"].map(|name| xml.root_element().attribute(name));
    assert_eq!(numbers, [Some("4"), Some("2"), Some("1")], "{text}");
    let found = "::error title=trueup%3A not-kept,file=config/a.yaml,line=4::harbor/gateway lossy at bay: ";
    assert!(render_annotations(&view).starts_with(found), "{}", render_annotations(&view));
    assert_eq!(render_sarif(&view)["runs"][0]["results"][0]["ruleId"], "not-kept");
}
