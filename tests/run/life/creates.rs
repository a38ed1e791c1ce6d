//! Creates: of every kind that has one, found by the natural key first, recorded, and made once.

use std::sync::Arc;

use serde_json::{Value as Json, json};
use trueup::kind::{Field, FieldType, Kind, ReadConsistency, ScalarType, WireFormat};
use trueup::sandbox::SandboxOptions;

use super::state::index;
use crate::support::new_documents::{bare, kinds, new_document, plain};
use crate::support::own_api_fixture::body as own_body;
use crate::support::sandbox_fixture::{SandboxFixture, options};
use crate::support::written_documents::WrittenDocument;

const APPLY: [&str; 2] = ["apply", "--auto-approve"];
const SETTLED: [&str; 2] = ["plan", "--detailed-exitcode"];

/// The kinds whose objects can be created.
fn creatable() -> impl Iterator<Item = Arc<Kind>> {
    kinds().into_iter().filter(|kind| kind.operations.create.is_some())
}

/// A service with two objects and a workspace with one document of a third.
fn expecting(kind: &Kind, options: SandboxOptions) -> SandboxFixture {
    let mut fixture =
        SandboxFixture::with(&kind.name, WireFormat::Json, SandboxOptions { count: Some(2), ..options });
    fixture.documents = vec![new_document(kind, "newcomer")];
    fixture.write();
    fixture
}

fn verbs(fixture: &SandboxFixture) -> Vec<String> {
    fixture.writes().into_iter().map(|entry| entry.method).collect()
}

/// What a document says of a field: the text behind a variable, a number or a flag as it stands.
fn requested(written: &WrittenDocument, field: &Field) -> Option<Json> {
    let said = written.document["spec"].get(&*field.name)?;
    let Some(Json::String(variable)) = said.get("from_env") else { return Some(said.clone()) };
    let (_, value) = written.variables.iter().find(|(name, _)| name == variable)?;
    Some(json!(value))
}

/// Every value that the document names is there, those that never read back too.
fn kept(fixture: &SandboxFixture, written: &WrittenDocument, object: &Json) {
    let named = |field: &&Field| matches!(&field.ty, FieldType::Scalar(scalar_field) if *scalar_field != ScalarType::Uuid);
    let fields = fixture.kind.shape.fields.iter().filter(named);
    let mut checked = 0;
    for field in fields {
        let Some(requested) = requested(written, field) else { continue };
        let member = if field.behavior.write_only { &field.write_to } else { &field.read_from[0] };
        let there = bare(field, &object[&**member]);
        assert_eq!(plain(there), plain(&requested), "{} {}", fixture.kind.name, field.name);
        checked += 1;
    }
    assert!(checked > 3, "{} has fields to look at", fixture.kind.name);
}

#[test]
fn what_is_not_there_is_made_once_and_recorded() {
    for kind in creatable() {
        let fixture = expecting(&kind, options());
        let report = fixture.workspace.expect(2, &["plan", "--detailed-exitcode", "--format", "json"]).json();
        assert_eq!(report["summary"]["create"], 1, "{}", kind.name);
        assert!(fixture.writes().is_empty() && index(&fixture).is_empty(), "a plan does nothing");

        fixture.workspace.expect(0, &APPLY).says(&["1 done"]);
        let objects = fixture.dump();
        assert_eq!(objects.len(), 3, "{}", kind.name);
        kept(&fixture, &fixture.documents[0], &objects[2]["object"]);

        let entries = index(&fixture);
        assert_eq!(entries.len(), 1);
        assert_eq!(plain(&entries[0]["id"]).replace('-', ""), fixture.id(2).replace('-', ""));
        let modes = verbs(&fixture);
        fixture.workspace.expect(0, &SETTLED);
        fixture.workspace.expect(0, &APPLY).says(&["No changes"]);
        assert_eq!(verbs(&fixture), modes, "{}: nothing is sent any more", kind.name);
    }
}

#[test]
fn what_only_an_update_takes_follows_in_one() {
    let late = |kind: &Arc<Kind>| kind.shape.fields.iter().any(|field| field.behavior.update_only);
    for kind in creatable() {
        let fixture = expecting(&kind, options());
        fixture.workspace.expect(0, &APPLY);
        let update = kind.operations.update.as_ref().filter(|_| late(&kind));
        let wanted: Vec<&str> =
            std::iter::once("POST").chain(update.map(|own| own.method.as_str())).collect();
        assert_eq!(verbs(&fixture), wanted, "{}", kind.name);
        for field in kind.shape.fields.iter().filter(|field| field.behavior.update_only) {
            let writes: Vec<Json> = fixture.writes().iter().map(own_body).collect();
            let holds = |at: usize| !writes[at][&*field.write_to].is_null();
            assert_eq!((holds(0), holds(1)), (false, true), "{} {}", kind.name, field.name);
        }
    }
    assert!(creatable().any(|kind| late(&kind)), "there is such a kind");
}

#[test]
fn what_has_the_natural_key_is_the_object() {
    for kind in creatable() {
        let mut fixture = SandboxFixture::with(
            &kind.name,
            WireFormat::Json,
            SandboxOptions { count: Some(3), ..options() },
        );
        for one in &mut fixture.documents {
            one.document.as_object_mut().expect("a document").remove("id");
            crate::support::sandbox_fixture::vary(one, &one.places[0].clone());
        }
        fixture.write();
        let report = fixture.workspace.expect(0, &["plan", "--format", "json"]).json();
        assert_eq!((&report["summary"]["create"], &report["summary"]["update"]), (&json!(0), &json!(3)));
        fixture.workspace.expect(0, &APPLY);
        assert_eq!(fixture.dump().len(), 3);
        assert!(!verbs(&fixture).contains(&"POST".to_owned()), "{}", kind.name);
        assert_eq!(index(&fixture).len(), 3, "what was written is ours");
    }
}

/// The one value of the natural key, when it stands at the root.
fn key(kind: &Kind) -> Option<&Field> {
    match kind.identity.natural_key.as_slice() {
        [path] if path.len() == 1 => Some(kind.shape.get_field(path[0])),
        _ => None,
    }
}

#[test]
fn another_natural_key_of_a_known_object_is_an_update() {
    let mut renamed = 0;
    for kind in creatable() {
        let Some(key) = key(&kind) else { continue };
        let mut fixture = expecting(&kind, options());
        fixture.workspace.expect(0, &APPLY);
        fixture.sandbox.clear_log();
        let name = &mut fixture.documents[0].document["spec"][&*key.name];
        *name = json!(format!("renamed-{}", name.as_str().expect("a text")));
        let name = name.clone();
        fixture.write();
        if key.behavior.immutable {
            fixture.workspace.expect(3, &APPLY).says(&["immutable-field"]);
            assert!(fixture.writes().is_empty());
            continue;
        }
        fixture.workspace.expect(0, &APPLY).says(&["1 to update", "1 done"]);
        assert!(!verbs(&fixture).contains(&"POST".to_owned()), "{}", kind.name);
        let objects = fixture.dump();
        assert_eq!((objects.len(), &objects[2]["object"][&*key.read_from[0]]), (3, &name));
        fixture.workspace.expect(0, &SETTLED);
        renamed += 1;
    }
    assert!(renamed > 1, "there are such kinds");
}

#[test]
fn what_shows_late_is_not_made_again() {
    let later = |kind: &Arc<Kind>| {
        kind.operations.create.as_ref().is_some_and(|c| c.read_after_write == ReadConsistency::Eventual)
    };
    assert!(creatable().any(|kind| later(&kind)), "there is such a kind");
    for kind in creatable().filter(later) {
        let fixture = expecting(&kind, SandboxOptions { auto_verify: false, ..options() });
        fixture.workspace.expect(0, &APPLY).says(&["1 done", "not-yet-visible"]);
        for command in [&SETTLED[..], &APPLY, &["apply", "--auto-approve", "--retry-creates"]] {
            fixture.workspace.expect(0, command);
        }
        assert_eq!(verbs(&fixture), ["POST"]);
        fixture.sandbox.verify_pending();
        if kind.shape.fields.iter().any(|field| field.behavior.update_only) {
            // what a create does not take is sent as soon as the object shows
            fixture.workspace.expect(2, &SETTLED).says(&["1 to update", "PATCH"]);
            fixture.workspace.expect(5, &["drift"]);
            fixture.workspace.expect(0, &APPLY);
            assert_eq!(verbs(&fixture), ["POST", "PATCH"]);
        }
        fixture.workspace.expect(0, &SETTLED);
        assert_eq!(fixture.dump().len(), 3);
    }
}

#[test]
fn what_was_seen_and_is_gone_is_made_again() {
    for kind in creatable() {
        let fixture = expecting(&kind, options());
        for _ in 0..2 {
            fixture.workspace.expect(0, &APPLY);
        }
        // later, the same workspace, and a service that lost the object
        let other = expecting(&kind, options());
        let api = &*kind.api.name;
        let index = fixture.workspace.read(".trueup/index.json");
        let index = index.replace(&fixture.sandbox.base_url(api), &other.sandbox.base_url(api));
        let mut index: Json = serde_json::from_str(&index).expect("JSON");
        for entry in index["objects"].as_array_mut().into_iter().flatten() {
            entry.as_object_mut().expect("an entry").remove("may_be_missed_until");
        }
        other.workspace.write(".trueup/index.json", &index.to_string());
        other.workspace.expect(2, &SETTLED).says(&["1 to create"]);
        other.workspace.expect(0, &APPLY);
        assert_eq!(other.dump().len(), 3, "{}", kind.name);
    }
}

#[test]
fn an_empty_service_is_not_filled_unasked() {
    for kind in creatable().filter(|kind| kind.operations.find.is_none()) {
        let mut fixture = SandboxFixture::with(
            &kind.name,
            WireFormat::Json,
            SandboxOptions { count: Some(0), ..options() },
        );
        fixture.documents = vec![new_document(&kind, "newcomer")];
        fixture.write();
        let has_check = kind.operations.list.access_check.is_some();
        let hint = if has_check { "the access check failed" } else { "--trust-empty" };
        fixture.workspace.expect(3, &APPLY).says(&["empty-collection", hint]);
        assert!(fixture.writes().is_empty());
        if has_check {
            // the sandbox knows no empty scope: what the check says is believed
            fixture.workspace.expect(3, &["apply", "--auto-approve", "--trust-empty"]).says(&["404"]);
            assert!(fixture.writes().is_empty());
            continue;
        }
        fixture.workspace.expect(0, &["apply", "--auto-approve", "--trust-empty"]);
        assert_eq!(fixture.dump().len(), 1, "{}", kind.name);
    }
}
