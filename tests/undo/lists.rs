//! Items of lists: those that came go, those that went come back, and those beside them stay as they are by now.

use serde_json::{Value as Json, json};
use trueup::kind::WireFormat;

use crate::estate::Estate;
use crate::{APPLY, last};

const GATEWAY: &str = "bootview/payment-gateway";
const DOCUMENTS: &str = "config/000.yaml";

fn bill_types(estate: &Estate) -> Vec<(i64, bool)> {
    let items = estate.dump()[0]["object"]["billTypes"].as_array().cloned().unwrap_or_default();
    let mut rows: Vec<_> = items
        .iter()
        .map(|row| (row["billTypeId"].as_i64().expect("a number"), row["applyConvenienceFee"] == json!(true)))
        .collect();
    rows.sort_unstable();
    rows
}

/// A gateway of which one row was changed, one taken away and one added.
fn reworked() -> (Estate, Vec<(i64, bool)>) {
    let mut estate = Estate::new(GATEWAY, 1, WireFormat::Json);
    let rows = json!([
        { "billTypeId": 31, "applyConvenienceFee": true },
        { "billTypeId": 32, "applyConvenienceFee": true },
        { "billTypeId": 33, "applyConvenienceFee": false },
    ]);
    estate.documents[0].document["spec"]["billTypes"] = rows;
    estate.write();
    estate.desk.expect(0, &APPLY);
    let before = bill_types(&estate);
    estate.documents[0].document["spec"]["billTypes"] = json!([
        { "billTypeId": 32, "applyConvenienceFee": false },
        { "billTypeId": 33, "applyConvenienceFee": false },
        { "billTypeId": 34, "applyConvenienceFee": true },
    ]);
    estate.write();
    (estate, before)
}

#[test]
fn rows_come_and_go_back() {
    let (estate, before) = reworked();
    let documents = estate.desk.read(DOCUMENTS);
    estate.desk.expect(0, &APPLY);
    assert_eq!(bill_types(&estate), [(32, false), (33, false), (34, true)]);
    estate.desk.expect(0, &["undo", &last(&estate), "--auto-approve"]);
    assert_eq!(bill_types(&estate), before);
    // and once more the other way
    estate.desk.expect(0, &["undo", &last(&estate), "--auto-approve"]);
    assert_eq!(bill_types(&estate), [(32, false), (33, false), (34, true)]);
    estate.desk.write(DOCUMENTS, &documents);
    estate.desk.expect(0, &["plan", "--detailed-exitcode"]);
}

#[test]
fn rows_of_others_stay() {
    let (estate, _) = reworked();
    estate.desk.expect(0, &APPLY);
    let mut rows: Vec<Json> = estate.dump()[0]["object"]["billTypes"].as_array().expect("rows").clone();
    // somebody adds a row, and changes the one that was added
    let mut other = rows[0].clone();
    other["billTypeId"] = json!(99);
    other["id"] = json!("99999999-2222-4333-8444-555555555551");
    rows.push(other);
    for row in rows.iter_mut().filter(|row| row["billTypeId"] == 34) {
        row["applyConvenienceFee"] = json!(false);
    }
    estate.edit(0, json!({ "billTypes": rows }));
    let ran = estate.desk.expect(4, &["undo", &last(&estate), "--auto-approve"]);
    ran.says(&["not-undone", "`billTypes[34]` is not what that run wrote any more"]);
    assert_eq!(bill_types(&estate), [(31, true), (32, true), (33, false), (34, false), (99, false)]);
}
