//! Items of lists: those that came go, those that went come back, and those beside them stay as they are by now.

use serde_json::{Value as Json, json};
use trueup::kind::WireFormat;

use super::{APPLY, last};
use crate::support::sandbox_fixture::SandboxFixture;

const GATEWAY: &str = "bootview/payment-gateway";
const DOCUMENTS: &str = "config/000.yaml";

fn bill_types(fixture: &SandboxFixture) -> Vec<(i64, bool)> {
    let items = fixture.dump()[0]["object"]["billTypes"].as_array().cloned().unwrap_or_default();
    let mut rows: Vec<_> = items
        .iter()
        .map(|row| (row["billTypeId"].as_i64().expect("a number"), row["applyConvenienceFee"] == json!(true)))
        .collect();
    rows.sort_unstable();
    rows
}

/// A gateway of which one row was changed, one taken away and one added.
fn reworked() -> (SandboxFixture, Vec<(i64, bool)>) {
    let mut fixture = SandboxFixture::new(GATEWAY, 1, WireFormat::Json);
    let rows = json!([
        { "billTypeId": 31, "applyConvenienceFee": true },
        { "billTypeId": 32, "applyConvenienceFee": true },
        { "billTypeId": 33, "applyConvenienceFee": false },
    ]);
    fixture.documents[0].document["spec"]["billTypes"] = rows;
    fixture.write();
    fixture.workspace.expect(0, &APPLY);
    let before = bill_types(&fixture);
    fixture.documents[0].document["spec"]["billTypes"] = json!([
        { "billTypeId": 32, "applyConvenienceFee": false },
        { "billTypeId": 33, "applyConvenienceFee": false },
        { "billTypeId": 34, "applyConvenienceFee": true },
    ]);
    fixture.write();
    (fixture, before)
}

#[test]
fn rows_come_and_go_back() {
    let (fixture, before) = reworked();
    let documents = fixture.workspace.read(DOCUMENTS);
    fixture.workspace.expect(0, &APPLY);
    assert_eq!(bill_types(&fixture), [(32, false), (33, false), (34, true)]);
    fixture.workspace.expect(0, &["undo", &last(&fixture), "--auto-approve"]);
    assert_eq!(bill_types(&fixture), before);
    // and once more the other way
    fixture.workspace.expect(0, &["undo", &last(&fixture), "--auto-approve"]);
    assert_eq!(bill_types(&fixture), [(32, false), (33, false), (34, true)]);
    fixture.workspace.write(DOCUMENTS, &documents);
    fixture.workspace.expect(0, &["plan", "--detailed-exitcode"]);
}

#[test]
fn rows_of_others_stay() {
    let (fixture, _) = reworked();
    fixture.workspace.expect(0, &APPLY);
    let mut rows: Vec<Json> = fixture.dump()[0]["object"]["billTypes"].as_array().expect("rows").clone();
    // someone adds a row, and changes the one that was added
    let mut other = rows[0].clone();
    other["billTypeId"] = json!(99);
    other["id"] = json!("99999999-2222-4333-8444-555555555551");
    rows.push(other);
    for row in rows.iter_mut().filter(|row| row["billTypeId"] == 34) {
        row["applyConvenienceFee"] = json!(false);
    }
    fixture.edit(0, json!({ "billTypes": rows }));
    let ran = fixture.workspace.expect(4, &["undo", &last(&fixture), "--auto-approve"]);
    ran.says(&["not-undone", "`billTypes[34]` is not what that run wrote any more"]);
    assert_eq!(bill_types(&fixture), [(31, true), (32, true), (33, false), (34, false), (99, false)]);
}
