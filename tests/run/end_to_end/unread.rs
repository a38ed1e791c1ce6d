//! A list that cannot be read: it is reported once, each of its objects is unread in every format, and nothing of
//! the kind is written.

use serde_json::{Value, json};
use trueup::kind::WireFormat;

use crate::support::sandbox_fixture::SandboxFixture;

const GATEWAY: &str = "bootview/payment-gateway";
const APPLY: [&str; 2] = ["apply", "--auto-approve"];

/// So many gateways that ask for something, and a service that refuses to list them.
fn refused(count: usize, status: u16) -> SandboxFixture {
    let mut fixture = SandboxFixture::new(GATEWAY, count, WireFormat::Json);
    for one in &mut fixture.documents {
        one.document["spec"]["maxPaymentAmount"] = json!(4321.5);
    }
    fixture.write();
    fixture.fail(&format!("GET:{status}:1000"));
    fixture
}

fn list<'j>(report: &'j Value, name: &str) -> &'j Vec<Value> {
    report[name].as_array().unwrap_or_else(|| panic!("no {name} in {report:#}"))
}

/// How often a sentence about the service stands in a text.
fn reported(text: &str, status: u16) -> usize {
    text.matches(&format!(" {status}")).count()
}

#[test]
fn a_list_is_reported_once_and_its_objects_are_unread() {
    for status in [403, 503] {
        let fixture = refused(40, status);
        let report = fixture.workspace.expect(1, &["plan", "--format", "json"]).json();
        assert_eq!((&report["complete"], &report["summary"]["unread"]), (&json!(false), &json!(40)));
        assert_eq!(report["summary"]["refused"], 0);
        assert!(list(&report, "refused").is_empty());
        let unread = list(&report, "unread");
        assert_eq!(unread.len(), 40);
        assert!(unread.iter().all(|one| one["file"].is_string() && one.get("reasons").is_none()));
        let said: Vec<&str> = list(&report, "diagnostics")
            .iter()
            .filter_map(|one| one["message"].as_str())
            .filter(|message| {
                message.contains("40 objects of bootview/payment-gateway at target there are unread")
            })
            .collect();
        assert_eq!(said.len(), 1, "{report:#}");
        assert!(said[0].contains("config/000.yaml:") && said[0].ends_with(" and 37 more"), "{}", said[0]);

        let text = fixture.workspace.expect(1, &["plan"]);
        text.says(&["40 unread", "unread  40  o-0000, o-0001"]);
        assert_eq!(reported(&text.out, status), 1, "{}", text.out);
    }
}

#[test]
fn every_report_says_so() {
    let fixture = refused(12, 403);
    let formats = ["text", "json", "markdown", "html", "sarif", "junit", "github", "gitlab"];
    let flags: Vec<String> = formats.iter().map(|format| format!("--report={format}=out.{format}")).collect();
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    fixture.workspace.expect(1, &[&["plan"][..], &flags].concat());
    for format in formats {
        let said = fixture.workspace.read(&format!("out.{format}"));
        assert!(reported(&said, 403) > 0 && reported(&said, 403) < 4, "{format}: {said}");
    }
    let junit = fixture.workspace.read("out.junit");
    assert_eq!(junit.matches("<failure type=\"unread\"").count(), 12, "{junit}");
    let html = fixture.workspace.read("out.html");
    assert_eq!(html.matches("data-action=\"unread\"").count(), 12);
    assert!(fixture.workspace.read("out.markdown").contains("12 unread"));
}

#[test]
fn drift_does_not_know_and_says_why_once() {
    let fixture = refused(12, 403);
    let report = fixture.workspace.expect(1, &["drift", "--format", "json"]).json();
    assert_eq!(list(&report, "unknown").len(), 12);
    assert_eq!(list(&report, "diagnostics").iter().filter(|one| one.to_string().contains(" 403")).count(), 1);
    let text = fixture.workspace.expect(1, &["drift"]);
    text.says(&["12 unknown", "unknown  o-0000"]);
    assert_eq!(reported(&text.out, 403), 1, "{}", text.out);
}

#[test]
fn an_apply_writes_nothing_and_results_say_unread() {
    let fixture = refused(12, 403);
    let ran = fixture.workspace.expect(1, &[&APPLY[..], &["--allow-partial", "--format", "json"]].concat());
    let report = ran.json();
    assert_eq!((&report["summary"]["unread"], &report["summary"]["refused"]), (&json!(12), &json!(0)));
    assert!(list(&report, "results").iter().all(|one| one["result"] == "unread"));
    assert_eq!(list(&report, "diagnostics").iter().filter(|one| one.to_string().contains(" 403")).count(), 1);
    assert!(fixture.writes().is_empty());
}

#[test]
fn one_object_alone_says_why_itself() {
    let fixture = refused(1, 403);
    let report = fixture.workspace.expect(1, &["plan", "--format", "json"]).json();
    assert_eq!(list(&report, "unread")[0]["reasons"].as_array().map(Vec::len), Some(2), "{report:#}");
    fixture.workspace.expect(1, &["plan"]).says(&["1 unread", "unread bootview/payment-gateway o-0000"]);
}
