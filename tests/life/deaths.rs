//! Deletes: only where the service has one, only when allowed, only of what is ours, never of what is protected;
//! and everything that must not look like one.

use std::fs;
use std::sync::Arc;

use serde_json::{Value as Json, json};
use trueup::kind::{Kind, ReadConsistency, WireFormat};
use trueup::sandbox::SandboxOptions;

use crate::estate::{Estate, options, vary};
use crate::newborn::{kinds, newborn};
use crate::state::index;
use crate::written::Written;

const APPLY: [&str; 2] = ["apply", "--auto-approve"];
const DELETE: [&str; 3] = ["apply", "--auto-approve", "--allow-delete"];

fn deletable() -> impl Iterator<Item = Arc<Kind>> {
    kinds().into_iter().filter(|kind| kind.operations.delete.is_some())
}

fn lasting() -> impl Iterator<Item = Arc<Kind>> {
    kinds().into_iter().filter(|kind| kind.operations.delete.is_none())
}

/// Three objects and their documents.
fn three(kind: &Kind) -> Estate {
    Estate::with(&kind.name, WireFormat::Json, SandboxOptions { count: Some(3), ..options() })
}

/// The same, and all three ours.
fn managed(kind: &Kind) -> Estate {
    let estate = three(kind);
    estate.desk.expect(0, &APPLY);
    assert_eq!(index(&estate).len(), 3, "{}", kind.name);
    estate
}

fn say(estate: &mut Estate, number: usize, word: &str, value: Json) {
    estate.documents[number].document[word] = value;
    estate.write();
}

/// The first object is gone, and nothing else has changed.
fn first_is_gone(estate: &Estate, before: &[Json]) {
    assert_eq!(estate.dump(), before[1..], "{}", estate.kind.name);
    let verbs: Vec<String> = estate.writes().into_iter().map(|entry| entry.method).collect();
    assert_eq!(verbs, ["DELETE"], "{}", estate.kind.name);
}

fn all_are_there(estate: &Estate, before: &[Json]) {
    assert_eq!(estate.dump(), before, "{}", estate.kind.name);
    assert!(estate.writes().is_empty(), "{}", estate.kind.name);
}

#[test]
fn what_is_to_be_absent_goes_when_allowed() {
    assert!(deletable().count() > 1, "there are such kinds");
    for kind in deletable() {
        let mut estate = three(&kind);
        let before = estate.dump();
        say(&mut estate, 0, "state", json!("absent"));
        let ran = estate.desk.expect(3, &["plan"]);
        ran.says(&["delete-not-allowed", "--allow-delete"]);
        estate.desk.expect(3, &APPLY).says(&["delete-not-allowed"]);
        all_are_there(&estate, &before);

        estate.desk.expect(2, &["plan", "--allow-delete", "--detailed-exitcode"]).says(&["1 to delete"]);
        all_are_there(&estate, &before);
        estate.desk.expect(0, &DELETE).says(&["1 done"]);
        first_is_gone(&estate, &before);
        estate.desk.expect(0, &["plan", "--detailed-exitcode"]).says(&["Nothing to do"]);
        assert!(index(&estate).iter().all(|entry| entry["name"] != "o-0000"));
    }
}

#[test]
fn what_was_ours_and_has_no_document_goes_when_allowed() {
    for kind in deletable() {
        let mut estate = managed(&kind);
        let before = estate.dump();
        estate.documents.remove(0);
        estate.write();
        for command in [&["plan"][..], &APPLY] {
            estate.desk.expect(0, command).complains(&["orphan", "o-0000", "--allow-delete"]);
        }
        all_are_there(&estate, &before);
        // a run over a part cannot know what has no document
        estate.desk.expect(0, &[&DELETE[..], &["config/000.yaml"]].concat());
        all_are_there(&estate, &before);

        estate.desk.expect(0, &DELETE).says(&["1 to delete", "1 done"]);
        first_is_gone(&estate, &before);
        let quiet = estate.desk.expect(0, &["plan", "--detailed-exitcode"]);
        assert!(!quiet.err.contains("orphan"), "it is forgotten\n{}", quiet.all());
    }
}

#[test]
fn what_was_created_and_does_not_show_is_not_forgotten() {
    let late = |kind: &Arc<Kind>| {
        kind.operations
            .create
            .as_ref()
            .is_some_and(|create| create.read_after_write == ReadConsistency::Later)
    };
    let late: Vec<_> = kinds().into_iter().filter(late).collect();
    assert!(!late.is_empty(), "there are such kinds");
    for kind in late {
        let hiding = SandboxOptions { count: Some(2), auto_verify: false, ..options() };
        let mut estate = Estate::with(&kind.name, WireFormat::Json, hiding);
        estate.documents = vec![newborn(&kind, "newcomer")];
        estate.write();
        estate.desk.expect(0, &APPLY).says(&["1 done"]);
        say(&mut estate, 0, "state", json!("absent"));
        estate.desk.expect(3, &APPLY).says(&["not-shown-yet"]);
        let known = index(&estate);
        assert!(
            known.iter().any(|entry| entry["name"] == "newcomer" && entry["id"].is_string()),
            "{known:?}"
        );
    }
}

#[test]
fn what_is_known_of_one_scope_says_nothing_of_another() {
    let scoped: Vec<_> = kinds().into_iter().filter(|kind| !kind.scope.is_empty()).collect();
    assert!(!scoped.is_empty(), "there are such kinds");
    for kind in scoped {
        let estate = managed(&kind);
        let path = estate.desk.path(".trueup/index.json");
        let mut known: Json = serde_json::from_slice(&fs::read(&path).expect("an index")).expect("JSON");
        let objects = known["objects"].as_array_mut().expect("objects");
        let other = objects[1]["id"].clone();
        objects[0]["id"] = other;
        for value in objects[0]["scope"].as_object_mut().expect("a scope").values_mut() {
            *value = json!("00000000-0000-4000-8000-000000000000");
        }
        fs::write(&path, known.to_string()).expect("an index");
        let ran = estate.desk.expect(0, &["plan", "--detailed-exitcode"]);
        ran.complains(&["was managed in another scope"]);
        estate.desk.expect(0, &APPLY);
        let quiet = estate.desk.expect(0, &["plan"]);
        assert!(!quiet.err.contains("another scope"), "{}", quiet.all());
    }
}

#[test]
fn what_went_by_another_hand_is_forgotten() {
    for kind in deletable() {
        let mut estate = managed(&kind);
        estate.documents.remove(0);
        estate.write();
        // as if somebody else had the same workspace
        let index_before = estate.desk.read(".trueup/index.json");
        estate.desk.expect(0, &DELETE);
        estate.desk.write(".trueup/index.json", &index_before);
        estate.sandbox.clear_log();
        estate.desk.expect(0, &DELETE).says(&["Nothing to do"]);
        assert!(estate.writes().is_empty());
        assert_eq!(index(&estate).len(), 2, "{}", kind.name);
    }
}

#[test]
fn what_nobody_managed_stays() {
    for kind in kinds() {
        let mut estate = three(&kind);
        let before = estate.dump();
        estate.documents.remove(0);
        estate.write();
        estate.desk.expect(0, &DELETE).says(&["Nothing to do"]);
        all_are_there(&estate, &before);
    }
}

#[test]
fn protection_outlives_the_document() {
    for kind in deletable() {
        let mut estate = three(&kind);
        let before = estate.dump();
        say(&mut estate, 0, "protect", json!(true));
        estate.desk.expect(0, &APPLY);
        say(&mut estate, 0, "state", json!("absent"));
        estate.desk.expect(3, &DELETE).says(&["protected", "in a run of its own"]);
        all_are_there(&estate, &before);

        let document = estate.documents.remove(0);
        estate.write();
        estate.desk.expect(0, &APPLY).complains(&["orphan", "it is protected"]);
        estate.desk.expect(3, &DELETE).says(&["protected"]);
        all_are_there(&estate, &before);

        // protection is taken away first
        estate.documents.insert(0, document);
        let fields = estate.documents[0].document.as_object_mut().expect("a document");
        fields.retain(|name, _| name != "protect" && name != "state");
        estate.write();
        estate.desk.expect(0, &DELETE);
        all_are_there(&estate, &before);
        estate.documents.remove(0);
        estate.write();
        estate.desk.expect(0, &DELETE);
        first_is_gone(&estate, &before);
    }
}

#[test]
fn a_service_without_delete_is_told_as_such() {
    assert!(lasting().count() > 1, "there are such kinds");
    for kind in lasting() {
        let mut estate = managed(&kind);
        let before = estate.dump();
        say(&mut estate, 0, "state", json!("absent"));
        estate.desk.expect(3, &DELETE).says(&["no-delete", "delete it by hand"]);
        estate.documents.remove(0);
        estate.write();
        let ran = estate.desk.expect(0, &DELETE);
        ran.complains(&["orphan", "this API cannot delete"]).says(&["Nothing to do"]);
        all_are_there(&estate, &before);
    }
}

/// The object of a document that got another name is still described.
#[test]
fn another_name_of_a_document_deletes_nothing() {
    for kind in kinds() {
        let mut estate = managed(&kind);
        let before = estate.dump();
        say(&mut estate, 0, "name", json!("called-otherwise"));
        estate.desk.expect(0, &["plan", "--allow-delete", "--detailed-exitcode"]);
        estate.desk.expect(0, &DELETE);
        all_are_there(&estate, &before);
        assert_eq!(names(&estate), ["called-otherwise", "o-0001", "o-0002"], "{}", kind.name);

        say(&mut estate, 0, "name", json!("called-anew"));
        estate.desk.expect(0, &APPLY);
        assert_eq!(names(&estate), ["called-anew", "o-0001", "o-0002"], "{}", kind.name);
        let ran = estate.desk.expect(0, &DELETE);
        assert!(!ran.all().contains("orphan"), "{}", ran.all());
        all_are_there(&estate, &before);
    }
}

/// By which names the workspace knows its objects.
fn names(estate: &Estate) -> Vec<String> {
    index(estate).iter().map(|entry| entry["name"].as_str().expect("a name").to_owned()).collect()
}

/// As long as nobody knows which object a document means, it may be the one that would be deleted.
#[test]
fn nothing_is_deleted_beside_an_object_that_is_not_known() {
    let mut tried = 0;
    for kind in deletable().filter(|kind| kind.operations.get.is_some() && kind.operations.find.is_some()) {
        let mut estate = managed(&kind);
        let before = estate.dump();
        // the old name is read by its id; the new one has to be found, which fails
        say(&mut estate, 0, "name", json!("called-otherwise"));
        estate.fail("GET:400:1");
        let ran = estate.desk.expect(1, &[&DELETE[..], &["--parallelism", "1"]].concat());
        ran.says(&["perhaps-described", "did not accept the request"]);
        all_are_there(&estate, &before);
        tried += 1;
    }
    assert!(tried > 0, "there is such a kind");
}

/// One document finds the object by its natural key and the other one by its id: only the live object tells.
#[test]
fn two_documents_of_one_object_are_both_refused() {
    for kind in kinds() {
        let mut estate = three(&kind);
        let before = estate.dump();
        let mut twin = estate.documents[2].document.clone();
        twin["name"] = json!("twin");
        twin["id"] = json!(estate.id(2));
        let spec = twin["spec"].as_object_mut().expect("a spec");
        for path in &kind.identity.natural_key {
            spec.remove(&*kind.shape.get_field(path[0]).name);
        }
        let first = &mut estate.documents[2];
        first.document["spec"].as_object_mut().expect("a spec").remove(&*kind.id_field().name);
        let spot = first.leaves.iter().find(|spot| !spot.wanted.contains(&*kind.id_field().name));
        vary(first, &spot.expect("a leaf").clone());
        estate.documents.push(Written {
            document: twin,
            variables: Vec::new(),
            leaves: Vec::new(),
            cleared: Vec::new(),
        });
        estate.write();
        let ran = estate.desk.expect(3, &APPLY);
        ran.says(&["duplicate-document", "2 refused, 2 as wanted", "`twin`", "`o-0002`"]);
        all_are_there(&estate, &before);
    }
}

#[test]
fn what_no_document_describes_is_listed_on_request() {
    for kind in kinds() {
        let mut estate = three(&kind);
        let id = estate.id(0);
        estate.documents.remove(0);
        estate.write();
        let ran = estate.desk.expect(0, &["plan", "--unmanaged"]);
        let text = ran.out.replace('-', "");
        assert!(text.contains(&id.replace('-', "")), "{id}\n{}", ran.all());
        assert_eq!(ran.out.matches("note[unmanaged]").count(), 1, "{}", ran.all());
        let ran = estate.desk.expect(0, &["plan"]);
        assert!(!ran.all().contains("unmanaged"));
    }
}
