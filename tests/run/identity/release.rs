//! Objects that are not managed any more: nothing is sent, no later run deletes them, and no name brings them back.

use serde_json::json;

use super::{DELETE, Depot, boat, codes, describe_boat};

const APPLY: [&str; 3] = ["apply", "--auto-approve", "--allow-delete"];

/// Two boats that were applied.
fn applied() -> Depot {
    let depot = Depot::new(&describe_boat(DELETE, ""), vec![boat("b1", "one"), boat("b2", "two")]);
    depot.describe("one", "", "code: one, crew: 2");
    depot.describe("two", "", "code: two, crew: 2");
    depot.workspace.expect(0, &APPLY);
    assert_eq!(depot.writes().len(), 2);
    depot
}

/// The names that are on record.
fn recorded(depot: &Depot) -> Vec<String> {
    let index: serde_json::Value =
        serde_json::from_str(&depot.workspace.read(".trueup/index.json")).expect("JSON");
    let objects = index["objects"].as_array().expect("objects").iter();
    objects.map(|own| own["name"].as_str().expect("a name").to_owned()).collect()
}

#[test]
fn an_unmanaged_document_sends_nothing_and_ends_the_record() {
    for (name, head, spec) in [
        ("one", "state: unmanaged\n", "code: one, crew: 7"),
        ("one", "state: unmanaged\nid: b1\n", ""),
        ("another", "state: unmanaged\nid: b1\n", ""),
        ("another", "state: unmanaged\n", "code: one"),
    ] {
        let depot = applied();
        depot.workspace.remove("config/one.yaml");
        depot.describe(name, head, spec);
        let report = depot.workspace.expect(0, &["plan", "--allow-delete", "--format", "json"]).json();
        assert_eq!(report["summary"]["unchanged"].as_u64().map(|all| all >= 2), Some(true), "{report:#}");
        assert!(codes(&report).contains(&"released".to_owned()), "{report:#}");
        depot.workspace.expect(0, &APPLY);
        assert_eq!(recorded(&depot), ["two"]);
        depot.boats.lock().expect("no panic")[0]["crew"] = json!(99);
        depot.workspace.expect(0, &["drift"]);
        let ran = depot.workspace.expect(0, &["plan", "--unmanaged"]);
        assert!(!ran.out.contains("is in no document"), "{}", ran.all());
        // afterwards the document may go: no one deletes the object, or calls it an orphan
        depot.workspace.remove(&format!("config/{name}.yaml"));
        depot.workspace.expect(0, &APPLY);
        let ran = depot.workspace.expect(0, &["plan"]);
        assert!(!ran.all().contains("orphan"), "{}", ran.all());
        assert_eq!((depot.boats().len(), depot.writes().len()), (2, 2));
    }
}

#[test]
fn an_object_that_is_to_be_left_has_no_other_document() {
    let depot = applied();
    depot.describe("another", "state: unmanaged\nid: b1\n", "");
    depot.workspace.expect(3, &APPLY);
    depot.describe("one", "state: absent\n", "code: one");
    depot.workspace.expect(0, &APPLY);
    assert_eq!(depot.boats().len(), 2, "what is described is not deleted");
    // an id of another object releases nothing
    let depot = applied();
    depot.describe("one", "state: unmanaged\nid: b2\n", "code: one");
    let report = depot.workspace.run(&["plan", "--format", "json"]).json();
    assert!(codes(&report).iter().any(|code| code == "wrong-object"), "{report:#}");
}

#[test]
fn forget_ends_the_record_of_an_object_whose_document_is_gone() {
    let depot = applied();
    depot.workspace.expect(1, &["forget", "one"]).complains(&["still-described", "config/one.yaml"]);
    depot.workspace.remove("config/one.yaml");
    depot.workspace.expect(0, &["plan"]).all();
    depot.workspace.expect(1, &["forget", "three"]).complains(&["no-match"]);
    depot.workspace.expect(1, &["forget", "other/kind/one"]).complains(&["no-match"]);
    depot.workspace.expect(1, &["forget", "one", "--target", "here"]).complains(&["no-match"]);
    depot.workspace.expect(64, &["forget"]);
    let requests = depot.server.lines().len();
    let ran = depot.workspace.expect(0, &["forget", "depot/boat/one", "--format", "json"]);
    assert_eq!(ran.json()["forgotten"][0]["name"], "one");
    assert_eq!(depot.server.lines().len(), requests, "nothing is sent");
    assert_eq!(recorded(&depot), ["two"]);
    depot.workspace.expect(0, &APPLY);
    assert_eq!((depot.boats().len(), depot.writes().len()), (2, 2));
    // what is not known any more is not called drift
    depot.describe("one", "", "code: one, crew: 5");
    let report = depot.workspace.expect(5, &["drift", "--format", "json"]).json();
    assert!(report.to_string().contains("never_applied"), "{report:#}");
}

#[test]
fn what_has_two_names_is_forgotten_under_both() {
    let depot = applied();
    let index = depot.workspace.read(".trueup/index.json");
    let mut index: serde_json::Value = serde_json::from_str(&index).expect("JSON");
    let mut second = index["objects"][0].clone();
    second["name"] = json!("old");
    index["objects"].as_array_mut().expect("objects").push(second);
    depot.workspace.write(".trueup/index.json", &index.to_string());
    depot.workspace.remove("config/one.yaml");
    depot.workspace.expect(0, &["forget", "old"]).says(&["old", "one"]);
    assert_eq!(recorded(&depot), ["two"]);
    depot.workspace.expect(0, &APPLY);
    assert_eq!(depot.boats().len(), 2);
}
