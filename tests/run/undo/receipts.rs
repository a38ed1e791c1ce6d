//! Receipts that are not to be believed, plans of an undo that are saved, and what must never be in either.

use serde_json::json;
use trueup::kind::WireFormat;

use super::{APPLY, last};
use crate::support::sandbox_fixture::SandboxFixture;

fn partners() -> SandboxFixture {
    let mut fixture = SandboxFixture::new("carrierx/partner", 2, WireFormat::Json);
    for one in &mut fixture.documents {
        one.document["spec"]["company_name"] = json!("North Shore");
    }
    fixture.write();
    fixture
}

#[test]
fn a_changed_or_foreign_receipt_is_an_error_before_any_request() {
    let mut fixture = partners();
    fixture.workspace.set("TRUEUP_DIGEST_KEY", "a key of the operator's own");
    fixture.workspace.expect(0, &APPLY);
    let file = format!(".trueup/receipts/{}.json", last(&fixture));
    let text = fixture.workspace.read(&file);
    let (reads, writes) = (fixture.reads(), fixture.writes().len());
    let refused = |fixture: &SandboxFixture, text: &str, code: &str| {
        fixture.workspace.write("receipt.json", text);
        let ran =
            fixture.workspace.expect(1, &["undo", "receipt.json", "--auto-approve", "--format", "json"]);
        ran.complains(&[code]);
        assert_eq!(ran.json()["diagnostics"][0]["code"], code);
        assert_eq!((fixture.reads(), fixture.writes().len()), (reads, writes));
    };
    refused(&fixture, &text.replace("North Shore", "South Shore"), "tampered-receipt");
    refused(&fixture, &text.replace("\"seal\"", "\"other\""), "tampered-receipt");
    refused(&fixture, &text[..text.len() / 2], "invalid-receipt");
    refused(&fixture, "{}", "invalid-receipt");
    refused(
        &fixture,
        &text.replacen("\"trueup_receipt\": 1", "\"trueup_receipt\": 9", 1),
        "receipt-mismatch",
    );
    fixture.workspace.set("TRUEUP_DIGEST_KEY", "another key");
    refused(&fixture, &text, "tampered-receipt");
    fixture.workspace.unset("TRUEUP_DIGEST_KEY");
    refused(&fixture, &text, "no-digest-key");
    fixture.workspace.set("TRUEUP_DIGEST_KEY", "a key of the operator's own");
    // another place than the one that it was made at
    let other = partners();
    fixture.workspace.write("trueup.yaml", &other.workspace.read("trueup.yaml"));
    refused(&fixture, &text, "receipt-mismatch");
    fixture.workspace.expect(1, &["undo", "nothing-there", "--auto-approve"]).complains(&["no-receipt"]);
    assert!(other.writes().is_empty());
}

#[test]
fn an_undo_is_reviewed_and_applied_like_any_plan() {
    let fixture = partners();
    let before = fixture.dump();
    fixture.workspace.expect(0, &APPLY);
    let (run, writes) = (last(&fixture), fixture.writes().len());
    fixture
        .workspace
        .expect(0, &["undo", &run, "-o", "undo.json"])
        .says(&["2 to update", "documents-differ"]);
    assert_eq!(fixture.writes().len(), writes, "a plan writes nothing");
    assert_eq!(super::receipts(&fixture).len(), 1);
    // of two objects one moves meanwhile
    fixture.edit(1, json!({ "company_name": "by hand" }));
    let ran = fixture.workspace.expect(4, &["apply", "undo.json", "--auto-approve"]);
    ran.says(&["not-undone", "1 done"]);
    let now = fixture.dump();
    assert_eq!(now[0]["object"]["company_name"], before[0]["object"]["company_name"]);
    assert_eq!(now[1]["object"]["company_name"], "by hand");
    // it is asked like any apply, and gates hold
    fixture.edit(0, json!({ "company_name": "North Shore" }));
    fixture.workspace.expect(3, &["undo", &run]).complains(&["no-terminal"]);
    fixture.workspace.expect(3, &["undo", &run, "--auto-approve", "--max-updates", "0"]);
    assert_eq!(fixture.writes().len(), writes + 1);
}
