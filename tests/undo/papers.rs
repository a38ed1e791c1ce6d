//! Receipts that are not to be believed, plans of an undo that are saved, and what must never be in either.

use serde_json::json;
use trueup::kind::WireFormat;

use crate::estate::Estate;
use crate::{APPLY, last};

fn partners() -> Estate {
    let mut estate = Estate::new("carrierx/partner", 2, WireFormat::Json);
    for one in &mut estate.documents {
        one.document["spec"]["company_name"] = json!("North Shore");
    }
    estate.write();
    estate
}

#[test]
fn a_changed_or_foreign_receipt_is_an_error_before_any_request() {
    let mut estate = partners();
    estate.desk.set("TRUEUP_DIGEST_KEY", "a key of the operator's own");
    estate.desk.expect(0, &APPLY);
    let file = format!(".trueup/receipts/{}.json", last(&estate));
    let text = estate.desk.read(&file);
    let (reads, writes) = (estate.reads(), estate.writes().len());
    let refused = |estate: &Estate, text: &str, code: &str| {
        estate.desk.write("receipt.json", text);
        let ran = estate.desk.expect(1, &["undo", "receipt.json", "--auto-approve", "--format", "json"]);
        ran.complains(&[code]);
        assert_eq!(ran.json()["diagnostics"][0]["code"], code);
        assert_eq!((estate.reads(), estate.writes().len()), (reads, writes));
    };
    refused(&estate, &text.replace("North Shore", "South Shore"), "tampered-receipt");
    refused(&estate, &text.replace("\"seal\"", "\"other\""), "tampered-receipt");
    refused(&estate, &text[..text.len() / 2], "broken-receipt");
    refused(&estate, "{}", "broken-receipt");
    refused(&estate, &text.replacen("\"trueup_receipt\": 1", "\"trueup_receipt\": 9", 1), "foreign-receipt");
    estate.desk.set("TRUEUP_DIGEST_KEY", "another key");
    refused(&estate, &text, "tampered-receipt");
    estate.desk.unset("TRUEUP_DIGEST_KEY");
    refused(&estate, &text, "no-digest-key");
    estate.desk.set("TRUEUP_DIGEST_KEY", "a key of the operator's own");
    // another place than the one that it was made at
    let other = partners();
    estate.desk.write("trueup.yaml", &other.desk.read("trueup.yaml"));
    refused(&estate, &text, "foreign-receipt");
    estate.desk.expect(1, &["undo", "nothing-there", "--auto-approve"]).complains(&["no-receipt"]);
    assert!(other.writes().is_empty());
}

#[test]
fn an_undo_is_reviewed_and_applied_like_any_plan() {
    let estate = partners();
    let before = estate.dump();
    estate.desk.expect(0, &APPLY);
    let (run, writes) = (last(&estate), estate.writes().len());
    estate.desk.expect(0, &["undo", &run, "-o", "undo.json"]).says(&["2 to update", "documents-differ"]);
    assert_eq!(estate.writes().len(), writes, "a plan writes nothing");
    assert_eq!(crate::receipts(&estate).len(), 1);
    // of two objects one moves meanwhile
    estate.edit(1, json!({ "company_name": "by hand" }));
    let ran = estate.desk.expect(4, &["apply", "undo.json", "--auto-approve"]);
    ran.says(&["not-undone", "1 done"]);
    let now = estate.dump();
    assert_eq!(now[0]["object"]["company_name"], before[0]["object"]["company_name"]);
    assert_eq!(now[1]["object"]["company_name"], "by hand");
    // it is asked like any apply, and gates hold
    estate.edit(0, json!({ "company_name": "North Shore" }));
    estate.desk.expect(3, &["undo", &run]).complains(&["no-terminal"]);
    estate.desk.expect(3, &["undo", &run, "--auto-approve", "--max-updates", "0"]);
    assert_eq!(estate.writes().len(), writes + 1);
}
