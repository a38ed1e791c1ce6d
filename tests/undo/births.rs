//! Objects that came or went as wholes.

use serde_json::json;
use trueup::kind::WireFormat;
use trueup::sandbox::SandboxOptions;

use crate::estate::{Estate, kind, options};
use crate::newborn::newborn;
use crate::{APPLY, last};

const CUSTOMER: &str = "keypro/customer";

/// Two objects, and a third that an apply created.
fn created() -> Estate {
    let mut estate = Estate::with(CUSTOMER, WireFormat::Json, SandboxOptions { count: Some(2), ..options() });
    estate.documents = vec![newborn(&kind(CUSTOMER), "newcomer")];
    estate.write();
    estate.desk.expect(0, &APPLY);
    assert_eq!(estate.dump().len(), 3);
    estate
}

#[test]
fn what_was_created_is_deleted_only_where_that_is_allowed() {
    let estate = created();
    let run = last(&estate);
    estate.desk.expect(3, &["undo", &run, "--auto-approve"]).says(&["delete-not-allowed"]);
    assert_eq!(estate.dump().len(), 3);
    estate.desk.expect(0, &["undo", &run, "--auto-approve", "--allow-delete=1"]).says(&["1 done"]);
    assert_eq!(estate.dump().len(), 2);
    estate.desk.expect(3, &["undo", &run, "--auto-approve", "--allow-delete"]).says(&["not-undone"]);
}

#[test]
fn what_was_created_and_changed_since_stays() {
    let estate = created();
    let run = last(&estate);
    // a leaf that no receipt keeps
    let spec = estate.documents[0].document["spec"].clone();
    let name = spec.as_object().expect("fields").iter().find(|(_, value)| value.is_string()).expect("a text");
    let changed = json!({ (name.0.clone()): "somebody else" });
    let created = estate.dump().len() - 1;
    estate.edit(created, changed);
    let ran = estate.desk.expect(3, &["undo", &run, "--auto-approve", "--allow-delete"]);
    ran.says(&["not-undone"]);
    assert_eq!(estate.dump().len(), 3);
}

#[test]
fn a_protected_object_is_not_deleted_by_an_undo() {
    let mut estate = created();
    let run = last(&estate);
    estate.documents[0].document["protect"] = json!(true);
    estate.write();
    estate.desk.expect(3, &["undo", &run, "--auto-approve", "--allow-delete"]).says(&["protected"]);
    assert_eq!(estate.dump().len(), 3);
}

#[test]
fn what_was_deleted_is_not_made_up() {
    let mut estate = Estate::with(CUSTOMER, WireFormat::Json, SandboxOptions { count: Some(2), ..options() });
    for one in &mut estate.documents {
        one.document["state"] = json!("absent");
    }
    estate.write();
    estate.desk.expect(0, &["apply", "--auto-approve", "--allow-delete"]);
    assert!(estate.dump().is_empty());
    // what is about a person was not kept, so nobody is made up from the rest
    let ran = estate.desk.expect(3, &["undo", &last(&estate), "--auto-approve", "--trust-empty"]);
    ran.says(&["not-undone", "was not kept"]);
    assert!(estate.dump().is_empty());
}
