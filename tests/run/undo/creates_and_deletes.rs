//! Objects that came or went as wholes.

use serde_json::json;
use trueup::kind::WireFormat;
use trueup::sandbox::SandboxOptions;

use super::{APPLY, last};
use crate::support::new_documents::new_document;
use crate::support::sandbox_fixture::{SandboxFixture, kind, options};

const CUSTOMER: &str = "keypro/customer";

/// Two objects, and a third that an apply created.
fn created() -> SandboxFixture {
    let mut fixture =
        SandboxFixture::with(CUSTOMER, WireFormat::Json, SandboxOptions { count: Some(2), ..options() });
    fixture.documents = vec![new_document(&kind(CUSTOMER), "newcomer")];
    fixture.write();
    fixture.workspace.expect(0, &APPLY);
    assert_eq!(fixture.dump().len(), 3);
    fixture
}

#[test]
fn what_was_created_is_deleted_only_where_that_is_allowed() {
    let fixture = created();
    let run = last(&fixture);
    fixture.workspace.expect(3, &["undo", &run, "--auto-approve"]).says(&["delete-not-allowed"]);
    assert_eq!(fixture.dump().len(), 3);
    fixture.workspace.expect(0, &["undo", &run, "--auto-approve", "--allow-delete=1"]).says(&["1 done"]);
    assert_eq!(fixture.dump().len(), 2);
    fixture.workspace.expect(3, &["undo", &run, "--auto-approve", "--allow-delete"]).says(&["not-undone"]);
}

#[test]
fn what_was_created_and_changed_since_stays() {
    let fixture = created();
    let run = last(&fixture);
    // a value that no receipt keeps
    let spec = fixture.documents[0].document["spec"].clone();
    let name = spec.as_object().expect("fields").iter().find(|(_, value)| value.is_string()).expect("a text");
    let changed = json!({ (name.0.clone()): "somebody else" });
    let created = fixture.dump().len() - 1;
    fixture.edit(created, changed);
    let ran = fixture.workspace.expect(3, &["undo", &run, "--auto-approve", "--allow-delete"]);
    ran.says(&["not-undone"]);
    assert_eq!(fixture.dump().len(), 3);
}

#[test]
fn a_protected_object_is_not_deleted_by_an_undo() {
    let mut fixture = created();
    let run = last(&fixture);
    fixture.documents[0].document["protect"] = json!(true);
    fixture.write();
    fixture.workspace.expect(3, &["undo", &run, "--auto-approve", "--allow-delete"]).says(&["protected"]);
    assert_eq!(fixture.dump().len(), 3);
}

#[test]
fn what_was_deleted_is_not_made_up() {
    let mut fixture =
        SandboxFixture::with(CUSTOMER, WireFormat::Json, SandboxOptions { count: Some(2), ..options() });
    for one in &mut fixture.documents {
        one.document["state"] = json!("absent");
    }
    fixture.write();
    fixture.workspace.expect(0, &["apply", "--auto-approve", "--allow-delete"]);
    assert!(fixture.dump().is_empty());
    // what is about a person was not kept, so no one is made up from the rest
    let ran = fixture.workspace.expect(3, &["undo", &last(&fixture), "--auto-approve", "--trust-empty"]);
    ran.says(&["not-undone", "was not kept"]);
    assert!(fixture.dump().is_empty());
}
