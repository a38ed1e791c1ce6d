//! Additions under a mark, without sealing: that nothing was there is kept, so that they are undone, and no value of
//! them is in any file.

use serde_json::{Value as Json, json};
use trueup::kind::WireFormat;
use trueup::sandbox::SandboxOptions;

use super::{APPLY, last, receipt};
use crate::identity::{DELETE, Depot, boat, describe_boat};
use crate::support::sandbox_fixture::{SandboxFixture, options};

/// Partners without an address and without attributes, which their documents leave alone.
fn partners() -> SandboxFixture {
    let mut fixture = SandboxFixture::with(
        "carrierx/partner",
        WireFormat::Json,
        SandboxOptions { count: Some(2), ..options() },
    );
    for number in 0..2 {
        fixture.edit(number, json!({ "city": null, "address2": null, "attributes": { "tier": "gold" } }));
    }
    for one in &mut fixture.documents {
        let spec = one.document["spec"].as_object_mut().expect("a spec");
        for field in ["city", "address2", "attributes"] {
            spec.remove(field);
        }
    }
    fixture.write();
    fixture.workspace.expect(0, &APPLY).says(&["No changes"]);
    fixture
}

fn left(fixture: &SandboxFixture) -> String {
    let folders = [".trueup/receipts", ".trueup/journal"].map(|folder| fixture.workspace.path(folder));
    let files = folders.iter().filter_map(|folder| std::fs::read_dir(folder).ok()).flatten();
    files.map(|file| std::fs::read_to_string(file.expect("an entry").path()).expect("a text")).collect()
}

#[test]
fn what_was_added_under_a_mark_goes_again() {
    let mut fixture = partners();
    let before = fixture.dump();
    for one in &mut fixture.documents {
        one.document["spec"]["city"] = json!("canary-city");
        one.document["spec"]["attributes"] = json!({ "tier": "gold", "canary-key": "canary-value" });
    }
    fixture.write();
    fixture.workspace.expect(0, &APPLY).says(&["2 done"]);
    assert!(!left(&fixture).contains("canary"), "{}", left(&fixture));
    let ran = fixture.workspace.expect(0, &["undo", &last(&fixture), "--auto-approve"]);
    ran.says(&["2 done"]);
    assert!(!ran.all().contains("not-undone") && !ran.all().contains("canary"), "{}", ran.all());
    let now = fixture.dump();
    for (before, now) in before.iter().zip(&now) {
        assert_eq!(now["object"], before["object"]);
    }
}

#[test]
fn what_somebody_wrote_since_and_what_was_overwritten_stay() {
    let mut fixture = partners();
    for one in &mut fixture.documents {
        one.document["spec"]["city"] = json!("Superior");
        one.document["spec"]["address2"] = json!("Floor 3");
        one.document["spec"]["name"] = json!("Ann Example");
    }
    fixture.write();
    fixture.workspace.expect(0, &APPLY).says(&["2 done"]);
    fixture.edit(1, json!({ "city": "by hand" }));
    let ran = fixture.workspace.expect(4, &["undo", &last(&fixture), "--auto-approve"]);
    // a name was there before, which no one kept
    ran.says(&["not-undone", "`name` is personal", "`city` is not what that run wrote any more"]);
    let now = fixture.dump();
    assert_eq!((&now[0]["object"]["city"], &now[0]["object"]["address2"]), (&Json::Null, &Json::Null));
    assert_eq!((&now[1]["object"]["city"], &now[1]["object"]["address2"]), (&json!("by hand"), &Json::Null));
    assert!(now.iter().all(|own| own["object"]["name"] == "Ann Example"));
}

const GATES: &str = "  gates:
    type: array
    description: The gates that open for it.
    unlisted_items: delete
    list_type: map
    list_keys: [[quay]]
    items:
      properties:
        quay: { type: string, description: The quay., required: true }
        code: { type: string, description: Opens the gate., sensitivity: secret, reads_back: clear }
        fee: { type: decimal, description: The fee. }
  tags: { type: array, description: Tags., list_type: set, unlisted_items: delete, sensitivity: internal, items: { type: string } }
";

fn gated_boat() -> String {
    (describe_boat(DELETE, "") + GATES)
        .replace("body: changes", "body: changes, nested_fields: { granularity: whole }")
}

#[test]
fn items_with_secrets_and_marked_items_go_again() {
    let mut live = boat("b1", "one");
    (live["gates"], live["tags"]) = (json!([]), json!(["old"]));
    let mut depot = Depot::new(&gated_boat(), vec![live]);
    let asked = |changed: &str| {
        format!(
            "code: one, tags: [canary-tag, old], gates: [{{ quay: north, fee: 3, code: {{ from_env: {changed} }} }}]"
        )
    };
    depot.describe("one", "", &asked("GATE"));
    depot.workspace.set("GATE", "canary-gate-code");
    depot.workspace.expect(0, &APPLY).says(&["1 done"]);
    let run = || receipts_of(&depot).pop().expect("a receipt");
    let receipt = depot.workspace.read(&format!(".trueup/receipts/{}.json", run()));
    assert!(!receipt.contains("canary") && receipt.contains("digests"), "{receipt}");
    // someone changes the secret: the item is not what was written
    let written = depot.boats()[0]["gates"].clone();
    depot.boats.lock().expect("no panic")[0]["gates"][0]["code"] = json!("another code");
    let ran = depot.workspace.expect(4, &["undo", &run(), "--auto-approve"]);
    ran.says(&["is not what that run wrote any more"]);
    assert_eq!(depot.boats()[0]["tags"], json!(["old"]), "the tag went");
    depot.boats.lock().expect("no panic")[0]["gates"] = written;
    let first = receipts_of(&depot).remove(0);
    depot.workspace.expect(0, &["undo", &first, "--auto-approve"]).says(&["1 done"]);
    assert_eq!(depot.boats()[0]["gates"], json!([]));
}

#[test]
fn what_was_added_in_a_field_that_the_kind_no_longer_has_is_said_to_stay() {
    let mut live = boat("b1", "one");
    live["tags"] = json!(["old"]);
    let depot = Depot::new(&gated_boat(), vec![live]);
    depot.describe("one", "", "code: one, tags: [canary-tag, old]");
    depot.workspace.expect(0, &APPLY).says(&["1 done"]);
    depot.workspace.write("apis/depot/boat.yaml", &describe_boat(DELETE, ""));
    depot.describe("one", "", "code: one");
    let run = receipts_of(&depot).pop().expect("a receipt");
    let ran = depot.workspace.expect(3, &["undo", &run, "--auto-approve"]);
    ran.says(&["not-undone", "`tags", "is not understood in full"]);
    assert_eq!(depot.boats()[0]["tags"], json!(["old", "canary-tag"]));
}

fn receipts_of(depot: &Depot) -> Vec<String> {
    let folder = std::fs::read_dir(depot.workspace.path(".trueup/receipts")).expect("receipts");
    let names = folder.map(|file| file.expect("a file").file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.map(|name| name.trim_end_matches(".json").to_owned()).collect();
    names.sort();
    names
}

/// The label and the reason are there, the values are not.
#[test]
fn a_receipt_says_that_nothing_was_there() {
    let mut fixture = partners();
    fixture.documents[0].document["spec"]["city"] = json!("Superior");
    fixture.write();
    fixture.workspace.expect(0, &APPLY);
    let scalar_field = receipt(&fixture, &last(&fixture))["objects"][0]["leaves"][0].clone();
    assert_eq!((&scalar_field["label"], &scalar_field["withheld"]), (&json!("city"), &json!("personal")));
    assert_eq!(scalar_field["path"], json!([{ "field": "city" }]));
    assert!(
        scalar_field.get("after").is_none()
            && scalar_field["digests"][0]["digest"].as_str().is_some_and(|own| own.len() > 20)
    );
}
