//! Two clones of a workspace that share their receipts: what one applied the other knows.

use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use trueup::kind::WireFormat::Json;
use trueup::sandbox::{SandboxOptions, SandboxSecretMode};

use super::records::{has, object};
use crate::support::sandbox_fixture::{SandboxFixture, options};
use crate::support::workspace::Workspace;

const PARTNER: &str = "carrierx/partner";
const CUSTOMER: &str = "keypro/customer";
const APPLY: [&str; 2] = ["apply", "--auto-approve"];
const DRIFT: [&str; 3] = ["drift", "--format", "json"];

/// A workspace, and a place for its receipts.
struct Home {
    fixture: SandboxFixture,
    place: TempDir,
}

impl Home {
    fn new(kind: &str, count: usize) -> Self {
        Self::of(SandboxFixture::new(kind, count, Json))
    }

    fn of(mut fixture: SandboxFixture) -> Self {
        fixture.workspace.set("TRUEUP_DIGEST_KEY", "a key of the operator's own");
        let place = tempfile::tempdir().expect("a folder");
        share(&fixture.workspace, &place);
        Self { fixture, place }
    }

    fn say(&mut self, number: usize, name: &str) {
        self.fixture.documents[number].document["spec"]["company_name"] = json!(name);
        self.fixture.write();
    }

    /// The files of the workspace in another folder, with nothing of `.trueup`.
    fn cloned(&self) -> Workspace {
        let mut workspace = Workspace::new();
        self.pull(&workspace);
        workspace.set("CREDENTIAL", "any");
        workspace.set("TRUEUP_MAX_UPDATES", "100%");
        workspace.set("TRUEUP_DIGEST_KEY", "a key of the operator's own");
        for (name, value) in self.fixture.documents.iter().flat_map(|one| one.variables.clone()) {
            workspace.set(name, value);
        }
        workspace
    }

    fn pull(&self, workspace: &Workspace) {
        for name in ["trueup.yaml", "config/000.yaml"] {
            workspace.write(name, &self.fixture.workspace.read(name));
        }
    }
}

fn share(workspace: &Workspace, place: &TempDir) {
    let place = url::Url::from_directory_path(place.path()).expect("a URL");
    let settings = workspace.read("trueup.yaml");
    workspace.write("trueup.yaml", &format!("{}\nreceipts: {{ store: \"{place}\" }}\n", settings.trim_end()));
}

/// The settings, and what they say of receipts.
fn settings(workspace: &Workspace) -> (String, String) {
    let text = workspace.read("trueup.yaml");
    let (own, receipts) = text.split_once("receipts:").expect("receipts");
    (own.to_owned(), receipts.to_owned())
}

fn codes(report: &Value) -> Vec<&str> {
    let said = report["diagnostics"].as_array().expect("diagnostics");
    said.iter().map(|own| own["code"].as_str().expect("a code")).collect()
}

/// Times are reported to the second.
fn a_second_later() {
    std::thread::sleep(Duration::from_millis(1100));
}

/// One object that was edited by hand, and one whose document was.
fn moved() -> Home {
    let mut home = Home::new(PARTNER, 3);
    home.say(0, "Lutsen");
    home.say(1, "Tofte");
    home.fixture.workspace.expect(0, &APPLY);
    home.fixture.edit(0, json!({ "company_name": "Duluth" }));
    home.say(1, "Silver Bay");
    home
}

#[test]
fn a_fresh_clone_knows_by_shared_receipts_which_side_moved() {
    let home = moved();
    let clone = home.cloned();
    let report = clone.expect(2, &DRIFT).json();
    assert_eq!(has(&report), [true, true, false, false], "{report:#}");
    assert_eq!(object(&report, "o-0000")["states"], json!(["drift"]));
    assert_eq!(object(&report, "o-0001")["states"], json!(["pending"]));
    assert!(object(&report, "o-0000")["applied_at"].is_string());
    assert_eq!(report["baseline"], json!({ "records": true }));
    assert_eq!(codes(&report), ["applied-elsewhere"]);
    // the same as where it was applied, which knows it by itself
    let own = home.fixture.workspace.expect(2, &DRIFT).json();
    assert_eq!(own["objects"], report["objects"]);
    assert_eq!(codes(&own), [""; 0]);
    clone
        .expect(2, &["drift"])
        .says(&["1 drifted, 1 pending, 1 as applied", "note[applied-elsewhere]: receipts in file:///"]);
}

#[test]
fn receipts_under_another_key_are_reported_and_do_not_count() {
    let home = moved();
    for key in [Some("another one"), None] {
        let mut clone = home.cloned();
        match key {
            Some(key) => clone.set("TRUEUP_DIGEST_KEY", key),
            None => clone.unset("TRUEUP_DIGEST_KEY"),
        }
        let report = clone.expect(5, &DRIFT).json();
        assert_eq!(codes(&report), ["no-record", "receipt-key-mismatch"], "{report:#}");
        assert_eq!(report["baseline"], json!({ "records": false }));
        assert_eq!(object(&report, "o-0001")["states"], json!(["never_applied"]));
    }
}

#[test]
fn a_receipt_that_was_changed_is_not_believed() {
    let home = moved();
    let entry = std::fs::read_dir(home.place.path()).expect("a folder").next().expect("a receipt");
    let path = entry.expect("an entry").path();
    let text = std::fs::read_to_string(&path).expect("a receipt");
    std::fs::write(&path, text.replacen("\"retries\": 0", "\"retries\": 1", 1)).expect("written");
    let report = home.cloned().expect(5, &DRIFT).json();
    assert_eq!(codes(&report), ["no-record", "untrusted-receipts"], "{report:#}");
    // what is no receipt at all is passed over
    std::fs::write(home.place.path().join("2999-01-01.json"), "{").expect("written");
    std::fs::write(home.place.path().join("readme.json"), "{}").expect("written");
    std::fs::write(&path, &text).expect("written");
    assert_eq!(codes(&home.cloned().expect(2, &DRIFT).json()), ["applied-elsewhere"]);
}

#[test]
fn receipts_of_another_service_do_not_count() {
    let home = moved();
    let other = Home::new(PARTNER, 3);
    other.fixture.edit(0, json!({ "company_name": "Duluth" }));
    let clone = other.cloned();
    let (_, store) = settings(&home.fixture.workspace);
    let (own, _) = settings(&clone);
    clone.write("trueup.yaml", &format!("{own}receipts:{store}"));
    assert_eq!(codes(&clone.expect(5, &DRIFT).json()), ["no-record"]);
}

#[test]
fn a_place_that_cannot_be_read_is_reported_and_the_rest_counts() {
    let home = moved();
    let clone = home.cloned();
    drop(home.place);
    let report = clone.expect(5, &DRIFT).json();
    assert_eq!(codes(&report), ["no-record", "unreadable-receipts"], "{report:#}");
    let own = home.fixture.workspace.expect(2, &DRIFT).json();
    assert_eq!((codes(&own), has(&own)), (vec!["unreadable-receipts"], [true, true, false, false]));
}

#[test]
fn what_the_other_clone_applied_later_counts_more_than_what_was_applied_here() {
    let mut home = Home::new(PARTNER, 2);
    home.say(0, "Lutsen");
    home.fixture.workspace.expect(0, &APPLY);
    a_second_later();
    home.say(0, "Tofte");
    let other = home.cloned();
    other.expect(0, &APPLY);
    // someone puts back what was here before: not what was applied last
    home.fixture.edit(0, json!({ "company_name": "Lutsen" }));
    let report = home.fixture.workspace.expect(2, &DRIFT).json();
    assert_eq!(object(&report, "o-0000")["states"], json!(["drift"]), "{report:#}");
    assert_eq!(codes(&report), ["applied-elsewhere"]);
    // and what is applied here again counts more than what the other one did
    home.fixture.edit(0, json!({ "company_name": "Tofte" }));
    a_second_later();
    home.say(0, "Lutsen");
    home.say(1, "Grand Portage");
    home.fixture.workspace.expect(0, &APPLY);
    a_second_later();
    home.fixture.edit(0, json!({ "company_name": "Tofte" }));
    for workspace in [&home.fixture.workspace, &home.cloned()] {
        let report = workspace.expect(2, &DRIFT).json();
        assert_eq!(object(&report, "o-0000")["states"], json!(["drift"]), "{report:#}");
    }
}

#[test]
fn what_was_deleted_elsewhere_was_not_applied_last() {
    let mut home = Home::new(CUSTOMER, 2);
    home.fixture.vary(0, 1);
    let there = home.fixture.workspace.read("config/000.yaml");
    home.fixture.workspace.expect(0, &APPLY);
    home.fixture.documents[0].document["state"] = json!("absent");
    home.fixture.write();
    home.fixture.workspace.expect(0, &["apply", "--auto-approve", "--allow-delete"]);
    home.fixture.workspace.write("config/000.yaml", &there);
    let report = home.cloned().expect(5, &DRIFT).json();
    assert_eq!(has(&report), [false, false, true, false], "{report:#}");
}

/// One object whose secrets read back in no clear form, written with the values of its document.
fn hidden(secret_mode: SandboxSecretMode) -> Home {
    let options = SandboxOptions { count: Some(1), secret_mode, ..options() };
    let mut home = Home::of(SandboxFixture::with("bootview/payment-gateway", Json, options));
    home.fixture.documents[0].document["spec"]["maxPaymentAmount"] = json!(4321.5);
    home.fixture.write();
    home.fixture.workspace.expect(0, &APPLY);
    home
}

#[test]
fn a_rotation_in_a_fresh_clone_is_seen_by_what_another_one_wrote() {
    for mode in [SandboxSecretMode::Masked, SandboxSecretMode::Hidden] {
        let home = hidden(mode);
        let mut clone = home.cloned();
        clone.expect(0, &["plan", "--detailed-exitcode"]).says(&["No changes"]);
        let (name, _) = home.fixture.documents[0].variables[0].clone();
        clone.set(name.clone(), "canary-rotated");
        let planned = clone.expect(2, &["plan", "--detailed-exitcode"]);
        assert!(!planned.all().contains("canary"), "{}", planned.all());
        a_second_later();
        clone.expect(0, &APPLY);
        assert!(home.fixture.dump()[0].to_string().contains("canary-rotated"));
        // and the first one learns that its own value is not the last one any more
        let first = home.fixture.workspace.expect(2, &["plan", "--detailed-exitcode", "--format", "json"]);
        assert_eq!(first.json()["summary"]["update"], 1, "{}", first.all());
    }
}

#[test]
fn without_a_shared_key_nothing_is_known_of_what_others_wrote() {
    let home = hidden(SandboxSecretMode::Masked);
    let receipts = std::fs::read_dir(home.place.path()).expect("a folder").flatten();
    let texts: Vec<String> =
        receipts.filter_map(|entry| std::fs::read_to_string(entry.path()).ok()).collect();
    assert!(texts.iter().any(|text| text.contains("\"written\"")), "{texts:?}");
    let mut clone = home.cloned();
    clone.unset("TRUEUP_DIGEST_KEY");
    let plan = clone.expect(0, &["plan", "--format", "json"]).json();
    let hidden = plan["unchanged"][0]["hidden"].as_array().expect("hidden values");
    assert!(hidden.iter().all(|own| own["status"] == "never_written"), "{plan:#}");
}
