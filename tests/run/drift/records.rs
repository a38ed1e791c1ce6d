//! With records of what was applied: each difference is put down to the side that moved.

use serde_json::{Map, Value, json};
use trueup::kind::WireFormat::Json;
use trueup::yaml;

use crate::support::sandbox_fixture::{SandboxFixture, edit};

const PARTNER: &str = "carrierx/partner";
const GATEWAY: &str = "bootview/payment-gateway";
const KINDS: [&str; 5] = [PARTNER, GATEWAY, "bootview/partner", "bokamera/customer", "keypro/customer"];
/// The formats in which drift and plans are reported; one more, the numbers of changes, is of plans only.
pub const FORMATS: [&str; 9] =
    ["text", "json", "markdown", "github", "github-summary", "gitlab", "sarif", "junit", "html"];

/// Objects of a kind that were applied as they are.
fn applied(kind: &str, count: usize) -> SandboxFixture {
    let fixture = SandboxFixture::new(kind, count, Json);
    fixture.workspace.expect(0, &["apply", "--auto-approve"]);
    fixture
}

/// What drift tells, with its exit code, after a look that it wrote nothing.
fn drift(fixture: &SandboxFixture, code: i32, more: &[&str]) -> Value {
    let writes = fixture.writes().len();
    let report = fixture.workspace.expect(code, &[&["drift", "--format", "json"], more].concat()).json();
    assert_eq!(fixture.writes().len(), writes, "drift writes nothing");
    report
}

pub fn object<'r>(report: &'r Value, name: &str) -> &'r Value {
    let objects = report["objects"].as_array().expect("objects");
    objects.iter().find(|own| own["name"] == name).unwrap_or_else(|| panic!("no {name}: {report:#}"))
}

pub fn has(report: &Value) -> [bool; 4] {
    ["has_drift", "has_pending", "has_never_applied", "has_unmanaged"]
        .map(|member| report[member].as_bool().expect("a flag"))
}

/// The causes of every field that differs, one after the other.
fn causes(report: &Value) -> Vec<String> {
    let fields = report["objects"].as_array().expect("objects").iter().flat_map(|own| {
        own["fields"].as_array().expect("fields").iter().map(|field| field["causes"].to_string())
    });
    fields.collect()
}

fn say(fixture: &mut SandboxFixture, number: usize, member: &str, value: Value) {
    fixture.documents[number].document["spec"][member] = value;
    fixture.write();
}

#[test]
fn what_agrees_has_no_drift() {
    let fixture = applied(PARTNER, 2);
    let report = drift(&fixture, 0, &[]);
    assert_eq!(has(&report), [false; 4]);
    assert_eq!(
        (report["complete"].as_bool(), report["baseline"]["records"].as_bool()),
        (Some(true), Some(true))
    );
    assert_eq!(report["unchanged"].as_array().map(Vec::len), Some(2));
    fixture.workspace.expect(0, &["drift"]).says(&["No drift: 2 objects unchanged"]);
}

#[test]
fn the_demo_ends_with_drift() {
    let workspace = crate::support::workspace::Workspace::new();
    let ran = workspace.expect(0, &["demo"]);
    ran.says(&[
        "$ trueup plan",
        "$ trueup apply --auto-approve",
        "$ trueup drift",
        "1 drifted, 4 as applied",
    ]);
}

#[test]
fn an_edit_by_hand_is_drift_and_an_edit_of_a_document_is_pending() {
    let mut fixture = applied(PARTNER, 4);
    fixture.edit(0, json!({ "company_name": "Duluth" }));
    say(&mut fixture, 1, "company_name", json!("Lutsen"));
    // both sides of one field
    fixture.edit(2, json!({ "company_name": "Duluth" }));
    say(&mut fixture, 2, "company_name", json!("Lutsen"));
    let report = drift(&fixture, 2, &[]);
    assert_eq!(has(&report), [true, true, false, false]);
    let (moved, edited, both) =
        (object(&report, "o-0000"), object(&report, "o-0001"), object(&report, "o-0002"));
    assert_eq!((&moved["states"], &moved["fields"][0]["causes"]), (&json!(["drift"]), &json!(["drift"])));
    assert_eq!(moved["fields"][0]["before"], "Duluth");
    assert!(moved["applied_at"].is_string());
    let pending = json!(["pending"]);
    assert_eq!((&edited["states"], &edited["fields"][0]["causes"]), (&pending, &pending));
    assert_eq!(both["states"], json!(["drift", "pending"]));
    assert_eq!(both["fields"][0]["causes"], json!(["drift", "pending"]));
    fixture.workspace.expect(2, &["drift"]).says(&[
        "2 drifted, 2 pending, 1 as applied",
        "drifted carrierx/partner o-0000",
        "drift, pending:",
    ]);
}

#[test]
fn what_is_pending_has_an_exit_code_of_its_own() {
    let mut fixture = applied(PARTNER, 2);
    say(&mut fixture, 1, "company_name", json!("Lutsen"));
    assert_eq!(has(&drift(&fixture, 5, &[])), [false, true, false, false]);
    drift(&fixture, 0, &["--on-difference", "succeed"]);
    fixture.workspace.expect(2, &["plan", "--detailed-exitcode"]);
    // once it is applied, it is drift to put back what was there
    fixture.workspace.expect(0, &["apply", "--auto-approve"]);
    assert_eq!(has(&drift(&fixture, 0, &[])), [false; 4]);
    fixture.edit(1, json!({ "company_name": "Duluth" }));
    assert_eq!(has(&drift(&fixture, 2, &[])), [true, false, false, false]);
    drift(&fixture, 0, &["--on-difference", "succeed"]);
}

#[test]
fn what_was_never_there_is_distinguished_from_what_is_gone() {
    let fixture = applied(GATEWAY, 2);
    let mut new = fixture.documents[0].document.clone();
    new["name"] = json!("new");
    new["spec"]["displayName"] = json!("Isle Royale");
    new.as_object_mut().expect("a document").remove("id");
    fixture.workspace.write("config/new.yaml", &yaml::write_yaml(&new));
    let report = drift(&fixture, 5, &[]);
    assert_eq!(has(&report), [false, false, true, false]);
    assert_eq!(object(&report, "new")["states"], json!(["never_applied"]));
    fixture.workspace.expect(0, &["apply", "--auto-approve"]);
    assert_eq!(has(&drift(&fixture, 0, &[])), [false; 4]);
    // another name makes it another object
    fixture.edit(2, json!({ "displayName": "Copper Harbor" }));
    let report = drift(&fixture, 2, &["--unmanaged"]);
    assert!(has(&report)[0], "{report:#}");
}

#[test]
fn an_object_whose_document_was_taken_away_is_pending() {
    let mut fixture = applied("keypro/customer", 2);
    fixture.documents.pop();
    fixture.write();
    let report = drift(&fixture, 5, &[]);
    assert_eq!(object(&report, "o-0001")["states"], json!(["pending"]));
    assert_eq!(
        object(&report, "o-0001")["diagnostics"][0]["message"],
        "keypro/customer o-0001 is marked for deletion and still exists"
    );
}

#[test]
fn an_object_without_a_document_is_unmanaged() {
    let mut fixture = SandboxFixture::new(PARTNER, 3, Json);
    fixture.documents.pop();
    fixture.write();
    fixture.workspace.expect(0, &["apply", "--auto-approve"]);
    assert_eq!(has(&drift(&fixture, 0, &[])), [false; 4]);
    let report = drift(&fixture, 0, &["--unmanaged"]);
    assert_eq!(has(&report), [false, false, false, true]);
    assert_eq!(report["unmanaged"].as_array().map(Vec::len), Some(1));
}

#[test]
fn without_records_nothing_is_called_drift() {
    let fixture = SandboxFixture::new(PARTNER, 2, Json);
    fixture.edit(0, json!({ "company_name": "Duluth" }));
    let report = drift(&fixture, 5, &[]);
    assert_eq!(has(&report), [false, false, true, false]);
    assert_eq!(report["diagnostics"][0]["code"], "no-record");
    assert_eq!(report["baseline"], json!({ "records": false }));
    // under another key they say nothing
    let mut fixture = applied(PARTNER, 2);
    say(&mut fixture, 0, "company_name", json!("Lutsen"));
    drift(&fixture, 5, &[]);
    fixture.workspace.set("TRUEUP_DIGEST_KEY", "another one");
    drift(&fixture, 5, &[]);
    // and a broken file is reported
    fixture.workspace.unset("TRUEUP_DIGEST_KEY");
    fixture.workspace.write(".trueup/ledger.jsonl", "{\"format\":1}\nno record\n");
    fixture.workspace.expect(5, &["drift"]).says(&["unreadable-state", "ledger.jsonl"]);
}

#[test]
fn an_apply_adds_to_the_record_what_is_new_and_nothing_else() {
    for (kind, member) in [(PARTNER, "company_name"), (GATEWAY, "displayName")] {
        let mut fixture = applied(kind, 3);
        let record = |fixture: &SandboxFixture| fixture.workspace.read(".trueup/ledger.jsonl");
        let first = record(&fixture);
        assert_eq!(first.lines().count(), 4, "a head and a line for each: {first}");
        fixture.workspace.expect(0, &["apply", "--auto-approve"]);
        assert_eq!(record(&fixture), first, "{kind}");
        // both sides moved alike: there is nothing to write, and something new to know
        fixture.edit(1, json!({ member: "Lutsen" }));
        say(&mut fixture, 1, member, json!("Lutsen"));
        fixture.workspace.expect(0, &["apply", "--auto-approve"]);
        let second = record(&fixture);
        assert!(second.starts_with(&first) && second.lines().count() == 5, "{second}");
        say(&mut fixture, 2, member, json!("Duluth"));
        fixture.workspace.expect(0, &["apply", "--auto-approve"]);
        let third = record(&fixture);
        assert!(third.starts_with(&second) && third.lines().count() == 6, "{third}");
        fixture.workspace.set("TRUEUP_DIGEST_KEY", "another one");
        fixture.workspace.expect(0, &["apply", "--auto-approve"]);
        assert_eq!(record(&fixture).lines().count(), 9, "records under another key are none");
        assert!(!record(&fixture).contains("Lutsen"), "values never stand there");
    }
}

#[test]
fn what_cannot_be_read_is_an_error_in_every_format() {
    let fixture = applied(PARTNER, 2);
    for format in FORMATS {
        fixture.fail("GET:400:20");
        let report = format!("{format}=out");
        fixture.workspace.expect(1, &["drift", "--report", &report]);
        assert!(fixture.workspace.path("out").exists());
    }
}

#[test]
fn the_codes_are_the_same_in_every_format() {
    let mut fixture = applied(PARTNER, 3);
    let codes = |fixture: &SandboxFixture, drift: i32, plan: i32| {
        for format in FORMATS {
            let report = format!("{format}=out");
            fixture.workspace.expect(drift, &["drift", "--report", &report]);
            fixture.workspace.expect(plan, &["plan", "--detailed-exitcode", "--report", &report]);
            fixture.workspace.expect(0, &["plan", "--report", &report]);
        }
    };
    codes(&fixture, 0, 0);
    say(&mut fixture, 1, "company_name", json!("Lutsen"));
    codes(&fixture, 5, 2);
    fixture.edit(0, json!({ "company_name": "Duluth" }));
    codes(&fixture, 2, 2);
}

#[test]
fn machines_are_reported_at_the_line() {
    let mut fixture = applied(PARTNER, 2);
    fixture.edit(0, json!({ "company_name": "Duluth" }));
    say(&mut fixture, 1, "company_name", json!("Lutsen"));
    fixture
        .workspace
        .expect(2, &["drift", "--report", "sarif=a.sarif,junit=a.xml,gitlab=a.json,html=a.html"]);
    let sarif: Value = serde_json::from_str(&fixture.workspace.read("a.sarif")).expect("JSON");
    let results = sarif["runs"][0]["results"].as_array().expect("results");
    let said: Vec<(&str, &str)> = results
        .iter()
        .map(|own| (own["ruleId"].as_str().expect("a rule"), own["level"].as_str().expect("a level")))
        .collect();
    assert_eq!(said, [("drift", "warning"), ("pending", "note")]);
    let line =
        results[0]["locations"][0]["physicalLocation"]["region"]["startLine"].as_u64().expect("a line");
    let text = fixture.workspace.read("config/000.yaml");
    let line = text.lines().nth(usize::try_from(line).expect("small") - 1).expect("a line");
    assert!(line.contains("company_name"), "{line}");
    let xml = fixture.workspace.read("a.xml");
    let xml = roxmltree::Document::parse(&xml).expect("XML");
    let cases: Vec<(_, bool)> = xml
        .descendants()
        .filter(|node| node.has_tag_name("testcase"))
        .map(|case| {
            (case.attribute("name").expect("a name"), case.children().any(|own| own.has_tag_name("failure")))
        })
        .collect();
    assert_eq!(cases, [("o-0000 at there", true), ("o-0001 at there", false)]);
    assert!(fixture.workspace.read("a.html").contains("drifted"));
}

#[test]
fn who_and_when_are_reported_where_the_service_tells() {
    let fixture = applied("bokamera/customer", 1);
    fixture.edit(0, json!({ "Phone": "+46700000001", "Updated": "2026-11-20T10:00:00Z" }));
    let report = drift(&fixture, 2, &[]);
    assert_eq!(report["objects"][0]["changed_at"], "2026-11-20T10:00:00Z");
    fixture.workspace.expect(2, &["drift"]).says(&["edited 2026-11-20T10:00:00Z"]);
}

/// The causes of fields; first those of hidden secrets that each full PUT clears, then those of all others.
fn split_causes(report: &Value) -> [Vec<String>; 2] {
    let fields = report["objects"].as_array().into_iter().flatten().flat_map(|own| own["fields"].as_array());
    let (cleared, others): (Vec<_>, Vec<_>) =
        fields.flatten().partition(|own| own["after"]["secret"] == "removed" && own["unreadable"] == true);
    [cleared, others].map(|fields| fields.iter().map(|own| own["causes"].to_string()).collect())
}

/// Whatever value of whatever kind: a document that says it otherwise is pending, and once that is applied, an
/// object that is put back has drifted.
#[test]
fn every_scalar_of_every_kind_is_put_down_to_the_side_that_moved() {
    for kind in KINDS {
        for rotation in [0, 3, 11] {
            let mut fixture = applied(kind, 12);
            let before = fixture.dump();
            fixture.vary(rotation, 1);
            let report = drift(&fixture, 5, &[]);
            assert_eq!(has(&report), [false, true, false, false], "{kind} {rotation}: {report:#}");
            let [cleared, others] = split_causes(&report);
            let [tool, pending] = ["tool_or_api", "pending"].map(|cause| json!([cause]).to_string());
            // a hidden secret that the document clears was never edited: the API makes the PUT clear it once more
            assert!(cleared.iter().all(|own| *own == tool), "{kind} {rotation}: {report:#}");
            assert!(others.iter().all(|own| *own == pending), "{kind} {rotation}: {report:#}");
            let applied = fixture.workspace.run(&[
                "apply",
                "--auto-approve",
                "--overwrite-edits",
                "--allow-lower-protection",
            ]);
            assert_eq!(applied.code, Some(0), "{kind} {rotation}\n{}", applied.all());
            put_back(&fixture, &before);
            let report = drift(&fixture, 2, &[]);
            assert_eq!(has(&report), [true, false, false, false], "{kind} {rotation}: {report:#}");
            let drift = json!(["drift"]).to_string();
            let hidden = |own: &&String| **own != drift;
            assert!(causes(&report).iter().find(hidden).is_none(), "{kind} {rotation}: {report:#}");
        }
    }
}

/// Edits every object back by hand to what it was.
fn put_back(fixture: &SandboxFixture, before: &[Value]) {
    let id = &*fixture.kind.id_field().read_from[0];
    for own in before {
        let mut members: Map<String, Value> = own["object"].as_object().expect("an object").clone();
        let own = members.remove(id).expect("an id");
        let own = own.as_str().map_or_else(|| own.to_string(), str::to_owned);
        edit(&fixture.sandbox, &fixture.kind.name, &own, Value::Object(members));
    }
}

#[test]
fn a_read_that_agrees_is_a_baseline() {
    for look in [&["plan"][..], &["drift"]] {
        let fixture = SandboxFixture::new(PARTNER, 2, Json);
        fixture.workspace.expect(0, look);
        fixture.edit(0, json!({ "company_name": "Duluth" }));
        assert_eq!(has(&drift(&fixture, 2, &[])), [true, false, false, false], "{look:?}");
    }
}

/// A document that begins to manage a list of which the live object has items is edited; the object is not.
#[test]
fn a_document_that_begins_to_manage_a_list_is_pending() {
    let mut fixture = SandboxFixture::new(GATEWAY, 2, Json);
    let rows = fixture.documents[0].document["spec"].as_object_mut().expect("fields").remove("billTypes");
    assert!(rows.is_some_and(|rows| rows.as_array().is_some_and(|rows| !rows.is_empty())));
    fixture.write();
    fixture.workspace.expect(0, &["apply", "--auto-approve"]);
    say(&mut fixture, 0, "billTypes", json!([]));
    let report = drift(&fixture, 5, &[]);
    assert_eq!(has(&report), [false, true, false, false], "{report:#}");
    let fields = object(&report, "o-0000")["fields"].as_array().expect("fields");
    let rows =
        fields.iter().filter(|own| own["path"].as_str().is_some_and(|path| path.starts_with("/billTypes")));
    assert!(
        rows.clone().count() > 0 && rows.clone().all(|own| own["causes"] == json!(["pending"])),
        "{report:#}"
    );
}
