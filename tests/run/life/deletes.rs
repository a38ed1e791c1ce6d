//! Deletes: only where the service has one, only when allowed, only of what is ours, never of what is protected;
//! and everything that must not look like one.

use std::fs;
use std::sync::Arc;

use serde_json::{Value as Json, json};
use trueup::kind::{Kind, ReadConsistency, WireFormat};
use trueup::sandbox::SandboxOptions;

use super::state::index;
use crate::support::new_documents::{kinds, new_document};
use crate::support::sandbox_fixture::{SandboxFixture, options, vary};
use crate::support::written_documents::WrittenDocument;

const APPLY: [&str; 2] = ["apply", "--auto-approve"];
const DELETE: [&str; 3] = ["apply", "--auto-approve", "--allow-delete"];

fn deletable() -> impl Iterator<Item = Arc<Kind>> {
    kinds().into_iter().filter(|kind| kind.operations.delete.is_some())
}

fn lasting() -> impl Iterator<Item = Arc<Kind>> {
    kinds().into_iter().filter(|kind| kind.operations.delete.is_none())
}

/// Three objects and their documents.
fn three(kind: &Kind) -> SandboxFixture {
    SandboxFixture::with(&kind.name, WireFormat::Json, SandboxOptions { count: Some(3), ..options() })
}

/// The same, and all three ours.
fn managed(kind: &Kind) -> SandboxFixture {
    let fixture = three(kind);
    fixture.workspace.expect(0, &APPLY);
    assert_eq!(index(&fixture).len(), 3, "{}", kind.name);
    fixture
}

fn say(fixture: &mut SandboxFixture, number: usize, word: &str, value: Json) {
    fixture.documents[number].document[word] = value;
    fixture.write();
}

/// The first object is gone, and nothing else has changed.
fn first_is_gone(fixture: &SandboxFixture, before: &[Json]) {
    assert_eq!(fixture.dump(), before[1..], "{}", fixture.kind.name);
    let verbs: Vec<String> = fixture.writes().into_iter().map(|entry| entry.method).collect();
    assert_eq!(verbs, ["DELETE"], "{}", fixture.kind.name);
}

fn all_are_there(fixture: &SandboxFixture, before: &[Json]) {
    assert_eq!(fixture.dump(), before, "{}", fixture.kind.name);
    assert!(fixture.writes().is_empty(), "{}", fixture.kind.name);
}

#[test]
fn what_is_to_be_absent_goes_when_allowed() {
    assert!(deletable().count() > 1, "there are such kinds");
    for kind in deletable() {
        let mut fixture = three(&kind);
        let before = fixture.dump();
        say(&mut fixture, 0, "state", json!("absent"));
        let ran = fixture.workspace.expect(3, &["plan"]);
        ran.says(&["delete-not-allowed", "--allow-delete"]);
        fixture.workspace.expect(3, &APPLY).says(&["delete-not-allowed"]);
        all_are_there(&fixture, &before);

        fixture
            .workspace
            .expect(2, &["plan", "--allow-delete", "--detailed-exitcode"])
            .says(&["1 to delete"]);
        all_are_there(&fixture, &before);
        fixture.workspace.expect(0, &DELETE).says(&["1 done"]);
        first_is_gone(&fixture, &before);
        fixture.workspace.expect(0, &["plan", "--detailed-exitcode"]).says(&["No changes"]);
        assert!(index(&fixture).iter().all(|entry| entry["name"] != "o-0000"));
    }
}

#[test]
fn what_was_ours_and_has_no_document_goes_when_allowed() {
    for kind in deletable() {
        let mut fixture = managed(&kind);
        let before = fixture.dump();
        fixture.documents.remove(0);
        fixture.write();
        for command in [&["plan"][..], &APPLY] {
            fixture.workspace.expect(0, command).complains(&["orphan", "o-0000", "--allow-delete"]);
        }
        all_are_there(&fixture, &before);
        // a run over a part cannot know what has no document
        fixture.workspace.expect(0, &[&DELETE[..], &["config/000.yaml"]].concat());
        all_are_there(&fixture, &before);

        fixture.workspace.expect(0, &DELETE).says(&["1 to delete", "1 done"]);
        first_is_gone(&fixture, &before);
        let quiet = fixture.workspace.expect(0, &["plan", "--detailed-exitcode"]);
        assert!(!quiet.err.contains("orphan"), "it is forgotten\n{}", quiet.all());
    }
}

#[test]
fn what_was_created_and_does_not_show_is_not_forgotten() {
    let late = |kind: &Arc<Kind>| {
        kind.operations
            .create
            .as_ref()
            .is_some_and(|create| create.read_after_write == ReadConsistency::Eventual)
    };
    let late: Vec<_> = kinds().into_iter().filter(late).collect();
    assert!(!late.is_empty(), "there are such kinds");
    for kind in late {
        let hiding = SandboxOptions { count: Some(2), auto_verify: false, ..options() };
        let mut fixture = SandboxFixture::with(&kind.name, WireFormat::Json, hiding);
        fixture.documents = vec![new_document(&kind, "newcomer")];
        fixture.write();
        fixture.workspace.expect(0, &APPLY).says(&["1 done"]);
        say(&mut fixture, 0, "state", json!("absent"));
        fixture.workspace.expect(3, &APPLY).says(&["not-yet-visible"]);
        let known = index(&fixture);
        assert!(
            known
                .iter()
                .any(|entry| entry["name"] == "newcomer" && entry["open_create"]["answered_id"].is_string()),
            "{known:?}"
        );
    }
}

#[test]
fn what_is_known_of_one_scope_says_nothing_of_another() {
    let scoped: Vec<_> = kinds().into_iter().filter(|kind| !kind.scope.is_empty()).collect();
    assert!(!scoped.is_empty(), "there are such kinds");
    for kind in scoped {
        let fixture = managed(&kind);
        let path = fixture.workspace.path(".trueup/index.json");
        let mut known: Json = serde_json::from_slice(&fs::read(&path).expect("an index")).expect("JSON");
        let objects = known["objects"].as_array_mut().expect("objects");
        let other = objects[1]["id"].clone();
        objects[0]["id"] = other;
        for value in objects[0]["scope"].as_object_mut().expect("a scope").values_mut() {
            *value = json!("00000000-0000-4000-8000-000000000000");
        }
        fs::write(&path, known.to_string()).expect("an index");
        let ran = fixture.workspace.expect(0, &["plan", "--detailed-exitcode"]);
        ran.complains(&["was managed in another scope"]);
        fixture.workspace.expect(0, &APPLY);
        let quiet = fixture.workspace.expect(0, &["plan"]);
        assert!(!quiet.err.contains("another scope"), "{}", quiet.all());
    }
}

#[test]
fn what_went_by_another_hand_is_forgotten() {
    for kind in deletable() {
        let mut fixture = managed(&kind);
        fixture.documents.remove(0);
        fixture.write();
        // as if someone else had the same workspace
        let index_before = fixture.workspace.read(".trueup/index.json");
        fixture.workspace.expect(0, &DELETE);
        fixture.workspace.write(".trueup/index.json", &index_before);
        fixture.sandbox.clear_log();
        fixture.workspace.expect(0, &DELETE).says(&["No changes"]);
        assert!(fixture.writes().is_empty());
        assert_eq!(index(&fixture).len(), 2, "{}", kind.name);
    }
}

#[test]
fn what_nobody_managed_stays() {
    for kind in kinds() {
        let mut fixture = three(&kind);
        let before = fixture.dump();
        fixture.documents.remove(0);
        fixture.write();
        fixture.workspace.expect(0, &DELETE).says(&["No changes"]);
        all_are_there(&fixture, &before);
    }
}

#[test]
fn protection_outlives_the_document() {
    for kind in deletable() {
        let mut fixture = three(&kind);
        let before = fixture.dump();
        say(&mut fixture, 0, "protect", json!(true));
        fixture.workspace.expect(0, &APPLY);
        say(&mut fixture, 0, "state", json!("absent"));
        fixture.workspace.expect(3, &DELETE).says(&["protected", "in a run of its own"]);
        all_are_there(&fixture, &before);

        let document = fixture.documents.remove(0);
        fixture.write();
        fixture.workspace.expect(0, &APPLY).complains(&["orphan", "it is protected"]);
        fixture.workspace.expect(3, &DELETE).says(&["protected"]);
        all_are_there(&fixture, &before);

        // protection is taken away first
        fixture.documents.insert(0, document);
        let fields = fixture.documents[0].document.as_object_mut().expect("a document");
        fields.retain(|name, _| name != "protect" && name != "state");
        fixture.write();
        fixture.workspace.expect(0, &DELETE);
        all_are_there(&fixture, &before);
        fixture.documents.remove(0);
        fixture.write();
        fixture.workspace.expect(0, &DELETE);
        first_is_gone(&fixture, &before);
    }
}

#[test]
fn a_service_without_delete_is_reported_as_such() {
    assert!(lasting().count() > 1, "there are such kinds");
    for kind in lasting() {
        let mut fixture = managed(&kind);
        let before = fixture.dump();
        say(&mut fixture, 0, "state", json!("absent"));
        fixture.workspace.expect(3, &DELETE).says(&["no-delete", "delete it by hand"]);
        fixture.documents.remove(0);
        fixture.write();
        let ran = fixture.workspace.expect(0, &DELETE);
        ran.complains(&["orphan", "this API cannot delete"]).says(&["No changes"]);
        all_are_there(&fixture, &before);
    }
}

/// The object of a document that got another name is still described.
#[test]
fn another_name_of_a_document_deletes_nothing() {
    for kind in kinds() {
        let mut fixture = managed(&kind);
        let before = fixture.dump();
        say(&mut fixture, 0, "name", json!("called-otherwise"));
        fixture.workspace.expect(0, &["plan", "--allow-delete", "--detailed-exitcode"]);
        fixture.workspace.expect(0, &DELETE);
        all_are_there(&fixture, &before);
        assert_eq!(names(&fixture), ["called-otherwise", "o-0001", "o-0002"], "{}", kind.name);

        say(&mut fixture, 0, "name", json!("called-anew"));
        fixture.workspace.expect(0, &APPLY);
        assert_eq!(names(&fixture), ["called-anew", "o-0001", "o-0002"], "{}", kind.name);
        let ran = fixture.workspace.expect(0, &DELETE);
        assert!(!ran.all().contains("orphan"), "{}", ran.all());
        all_are_there(&fixture, &before);
    }
}

/// By which names the workspace knows its objects.
fn names(fixture: &SandboxFixture) -> Vec<String> {
    index(fixture).iter().map(|entry| entry["name"].as_str().expect("a name").to_owned()).collect()
}

/// As long as no one knows which object a document means, it may be the one that would be deleted.
#[test]
fn nothing_is_deleted_beside_an_object_that_is_not_known() {
    let mut tried = 0;
    for kind in deletable().filter(|kind| kind.operations.get.is_some() && kind.operations.find.is_some()) {
        let mut fixture = managed(&kind);
        let before = fixture.dump();
        // the old name is read by its id; the new one has to be found, which fails
        say(&mut fixture, 0, "name", json!("called-otherwise"));
        fixture.fail("GET:403:1");
        let ran = fixture.workspace.expect(1, &[&DELETE[..], &["--parallelism", "1"]].concat());
        ran.says(&["possibly-described", "does not allow this"]);
        all_are_there(&fixture, &before);
        tried += 1;
    }
    assert!(tried > 0, "there is such a kind");
}

/// One document finds the object by its natural key and the other one by its id: only the live object tells.
#[test]
fn two_documents_of_one_object_are_both_refused() {
    for kind in kinds() {
        let mut fixture = three(&kind);
        let before = fixture.dump();
        let mut twin = fixture.documents[2].document.clone();
        twin["name"] = json!("twin");
        twin["id"] = json!(fixture.id(2));
        let spec = twin["spec"].as_object_mut().expect("a spec");
        for path in &kind.identity.natural_key {
            spec.remove(&*kind.shape.get_field(path[0]).name);
        }
        let first = &mut fixture.documents[2];
        first.document["spec"].as_object_mut().expect("a spec").remove(&*kind.id_field().name);
        let yaml_path =
            first.places.iter().find(|yaml_path| !yaml_path.wanted.contains(&*kind.id_field().name));
        vary(first, &yaml_path.expect("a leaf").clone());
        fixture.documents.push(WrittenDocument {
            document: twin,
            variables: Vec::new(),
            places: Vec::new(),
            cleared: Vec::new(),
        });
        fixture.write();
        let ran = fixture.workspace.expect(3, &APPLY);
        ran.says(&["duplicate-document", "2 refused, 2 unchanged", "`twin`", "`o-0002`"]);
        all_are_there(&fixture, &before);
    }
}

#[test]
fn what_no_document_describes_is_listed_on_request() {
    for kind in kinds() {
        let mut fixture = three(&kind);
        let id = fixture.id(0);
        fixture.documents.remove(0);
        fixture.write();
        let ran = fixture.workspace.expect(0, &["plan", "--unmanaged"]);
        let text = ran.out.replace('-', "");
        assert!(text.contains(&id.replace('-', "")), "{id}\n{}", ran.all());
        assert_eq!(ran.out.matches("note[unmanaged]").count(), 1, "{}", ran.all());
        let ran = fixture.workspace.expect(0, &["plan"]);
        assert!(!ran.all().contains("unmanaged"));
    }
}
