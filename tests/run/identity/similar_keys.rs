//! A create beside a live object that people would take for the same, and beside one that it may rename.

use serde_json::json;

use super::{DELETE, Depot, boat, codes, describe_boat};

const APPLY: [&str; 2] = ["apply", "--auto-approve"];

#[test]
fn a_natural_key_that_looks_the_same_is_reported() {
    for (live, wanted) in
        [("Harbor", "harbor"), ("Malm\u{f6}", "Malmo\u{308}"), ("north shore", "north  shore"), ("a1", " a1")]
    {
        let depot = Depot::new(&describe_boat(DELETE, ""), vec![boat("b7", live), boat("b8", "other")]);
        depot.describe("a", "", &format!("code: {}, crew: 1", json!(wanted)));
        let report = depot.workspace.expect(0, &["plan", "--format", "json"]).json();
        let note = &report["changes"][0]["notes"][0];
        assert_eq!((&note["code"], &note["severity"]), (&json!("similar-natural-key"), &json!("warning")));
        assert!(note["message"].as_str().is_some_and(|said| said.contains("b7") && !said.contains("b8")));
        depot.workspace.expect(0, &APPLY).says(&["almost the same natural key"]);
        assert_eq!(depot.boats().len(), 3, "it is told, and the kind tells them from each other");
    }
}

#[test]
fn it_is_refused_where_the_kind_does_not_tell_them_apart() {
    let kind = describe_boat(DELETE, ", compare: case_insensitive");
    for (live, wanted) in [("Malm\u{f6}", "malmo\u{308}"), ("North  Shore", "north shore")] {
        let depot = Depot::new(&kind, vec![boat("b7", live)]);
        depot.describe("a", "", &format!("code: {}, crew: 1", json!(wanted)));
        depot.workspace.expect(3, &APPLY).says(&["similar-natural-key", "b7"]);
        assert_eq!(depot.writes(), [""; 0]);
    }
    // case alone is the same object there
    let depot = Depot::new(&kind, vec![boat("b7", "Harbor")]);
    depot.describe("a", "", "code: HARBOR, crew: 5");
    depot.workspace.expect(0, &APPLY);
    assert_eq!((depot.boats().len(), &depot.boats()[0]["crew"]), (1, &json!(5)));
}

#[test]
fn another_key_and_a_document_of_its_own_are_no_such_thing() {
    let depot = Depot::new(&describe_boat(DELETE, ""), vec![boat("b7", "Harbor"), boat("b9", "harbour")]);
    depot.describe("a", "", "code: harbor, crew: 1");
    depot.describe("b", "", "code: Harbor, crew: 1");
    let report = depot.workspace.expect(0, &["plan", "--format", "json"]).json();
    assert!(!codes(&report).contains(&"similar-natural-key".to_owned()), "{report:#}");
}

#[test]
fn a_create_that_may_be_a_rename_is_reported_where_nothing_can_be_deleted() {
    let boats = vec![boat("b1", "one"), boat("b2", "two"), boat("b3", "three")];
    for (operations, reported) in [("", true), (DELETE, false)] {
        let depot = Depot::new(&describe_boat(operations, ""), boats.clone());
        depot.describe("one", "", "code: one, crew: 1");
        depot.describe("two", "id: b2\n", "crew: 1");
        depot.describe("new", "", "code: four, crew: 1");
        for arguments in [&["plan", "--format", "json"][..], &["plan", "config/new.yaml", "--format", "json"]]
        {
            let report = depot.workspace.expect(0, arguments).json();
            let notes: Vec<&str> = report["changes"][0]["notes"]
                .as_array()
                .into_iter()
                .flatten()
                .filter(|note| note["code"] == "possible-rename")
                .filter_map(|note| note["message"].as_str())
                .collect();
            assert_eq!(notes.len(), usize::from(reported), "{report:#}");
            let names = notes.iter().all(|said| said.contains("b3 (three)") && !said.contains("b1"));
            assert!(names, "only what no document describes: {notes:?}");
        }
    }
}
