//! What became of a write: someone else was there first, the answer was lost, the service was busy, lied, or did
//! not do it. Each is reported as what it is, and nothing is there twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value as Json, json};
use trueup::kind::{Kind, ReadConsistency, WireFormat};
use trueup::sandbox::SandboxOptions;

use super::changed_lists::stir;
use super::state::{index, state};
use crate::support::new_documents::{kinds, new_document};
use crate::support::sandbox_fixture::{SandboxFixture, edit, options, vary};
use crate::support::workspace::ProgramOutput;
use crate::support::written_documents::{Say, Spot, WrittenDocument};

const APPLY: [&str; 4] = ["apply", "--auto-approve", "--format", "json"];
const DELETE: [&str; 5] = ["apply", "--auto-approve", "--allow-delete", "--format", "json"];

fn creatable() -> impl Iterator<Item = Arc<Kind>> {
    kinds().into_iter().filter(|kind| kind.operations.create.is_some())
}

fn shows_late(kind: &Kind) -> bool {
    kind.operations.create.as_ref().is_some_and(|create| create.read_after_write == ReadConsistency::Eventual)
}

fn results(ran: &ProgramOutput) -> Vec<String> {
    let report = ran.json();
    let results = report["results"].as_array().expect("results").iter();
    results.map(|result| result["result"].as_str().expect("a word").to_owned()).collect()
}

fn codes(ran: &ProgramOutput) -> Vec<String> {
    let report = ran.json();
    let results = report["results"].as_array().expect("results").iter();
    let reasons = results.flat_map(|result| result["reasons"].as_array().cloned().unwrap_or_default());
    reasons.map(|reason| reason["code"].as_str().expect("a code").to_owned()).collect()
}

/// A text at the root that a document may say otherwise.
fn text(one: &WrittenDocument) -> Spot {
    let is_text = |yaml_path: &&Spot| {
        matches!(&yaml_path.say, Say::Value(Json::String(_))) && yaml_path.live.matches('/').count() == 1
    };
    one.places.iter().find(is_text).expect("a text").clone()
}

/// So many objects whose documents each say a text otherwise. As soon as a plan has read them, someone else
/// gives the first one's another value.
fn contested(kind: &Kind, count: usize) -> (SandboxFixture, Spot) {
    let name = kind.name.to_string();
    let (reads, seen) = (Arc::new(AtomicUsize::new(0)), AtomicUsize::new(0));
    let raid: Arc<std::sync::OnceLock<(String, Json)>> = Arc::default();
    let (own_reads, own_raid) = (Arc::clone(&reads), Arc::clone(&raid));
    let options = SandboxOptions { count: Some(count), ..options() };
    let mut fixture = SandboxFixture::watched(&kind.name, options, move |sandbox, _| {
        let Some((id, members)) = own_raid.get() else { return };
        if seen.fetch_add(1, Ordering::SeqCst) + 1 == own_reads.load(Ordering::SeqCst) {
            edit(sandbox, &name, id, members.clone());
        }
    });
    let yaml_path = text(&fixture.documents[0]);
    for one in &mut fixture.documents {
        let yaml_path = text(one);
        vary(one, &yaml_path);
    }
    fixture.write();
    fixture.workspace.expect(0, &["plan"]);
    reads.store(fixture.reads(), Ordering::SeqCst);
    let member = yaml_path.live.trim_start_matches('/').to_owned();
    raid.set((fixture.id(0), json!({ member: "third" }))).expect("set once");
    (fixture, yaml_path)
}

#[test]
fn what_moved_since_the_plan_is_left_alone() {
    for kind in kinds() {
        let (fixture, yaml_path) = contested(&kind, 1);
        let ran = fixture.workspace.expect(3, &APPLY);
        let moved = &ran.json()["results"][0]["conflicts"];
        assert_eq!(moved[0]["path"], yaml_path.wanted.as_str(), "{} {}", kind.name, ran.all());
        assert!(fixture.writes().is_empty(), "{}", kind.name);
        assert_eq!(fixture.dump()[0]["object"].pointer(&yaml_path.live), Some(&json!("third")));

        // the next plan starts from what is there now
        assert_eq!(results(&fixture.workspace.expect(0, &APPLY)), ["done"], "{}", kind.name);
    }
}

#[test]
fn what_did_not_move_goes_on() {
    for kind in kinds() {
        let (fixture, yaml_path) = contested(&kind, 3);
        let ran = fixture.workspace.expect(4, &APPLY);
        assert_eq!(results(&ran), ["refused", "done", "done"], "{}", kind.name);
        assert_eq!(fixture.dump()[0]["object"].pointer(&yaml_path.live), Some(&json!("third")));
        assert_eq!(fixture.writes().len(), 2);
    }
}

/// A service with two objects and a document of a third.
fn expecting(kind: &Kind, options: SandboxOptions) -> SandboxFixture {
    let mut fixture =
        SandboxFixture::with(&kind.name, WireFormat::Json, SandboxOptions { count: Some(2), ..options });
    fixture.documents = vec![new_document(kind, "newcomer")];
    fixture.write();
    fixture
}

/// The object is there once, known by its id, and nothing is left to do. A create that was not answered stays open
/// until the service can no longer carry it out.
fn there_once(fixture: &SandboxFixture) {
    assert!(index(fixture).iter().all(|entry| entry["id"].is_string()));
    fixture.workspace.pass_time();
    assert_eq!(results(&fixture.workspace.expect(0, &APPLY)), ["unchanged"], "{}", fixture.kind.name);
    assert!(index(fixture).iter().all(|entry| entry["id"].is_string() && entry["open_create"].is_null()));
    assert_eq!(fixture.dump().len(), 3, "{}", fixture.kind.name);
    fixture.workspace.expect(0, &["plan", "--detailed-exitcode"]);
}

#[test]
fn a_create_whose_answer_is_lost_is_looked_up() {
    for kind in creatable() {
        for fault in ["POST:reset-after", "POST:truncate"] {
            let fixture = expecting(&kind, options());
            fixture.fail(fault);
            let ran = fixture.workspace.expect(0, &APPLY);
            assert_eq!(results(&ran), ["done"], "{} {fault}", kind.name);
            there_once(&fixture);
        }
    }
}

#[test]
fn a_create_whose_answer_is_lost_and_that_shows_late_is_reported_as_unknown() {
    for kind in creatable().filter(|kind| shows_late(kind)) {
        let fixture = expecting(&kind, SandboxOptions { auto_verify: false, ..options() });
        fixture.fail("POST:reset-after");
        assert_eq!(results(&fixture.workspace.expect(1, &APPLY)), ["unknown"], "{}", kind.name);
        let ran = fixture.workspace.expect(3, &APPLY);
        assert_eq!((results(&ran), codes(&ran)), (vec!["refused".into()], vec!["create-unknown".into()]));
        assert_eq!(fixture.writes().len(), 1, "it was sent once");
        fixture.sandbox.verify_pending();
        fixture.workspace.expect(0, &APPLY);
        there_once(&fixture);
    }
}

#[test]
fn a_create_that_did_not_happen_is_reported_and_made_by_the_next_run() {
    for kind in creatable().filter(|kind| !shows_late(kind)) {
        for (fault, code) in [("POST:400", "rejected"), ("POST:501", "service-error")] {
            let fixture = expecting(&kind, options());
            fixture.fail(fault);
            let ran = fixture.workspace.expect(1, &APPLY);
            assert_eq!(results(&ran), ["failed"], "{} {fault}", kind.name);
            assert!(codes(&ran).iter().any(|own| own.contains(code)), "{fault}: {:?}", codes(&ran));
            assert!(index(&fixture).is_empty(), "{fault} leaves nothing behind");
            assert_eq!(fixture.writes().len(), 1, "{} {fault}: it is sent once", kind.name);
            fixture.workspace.expect(0, &APPLY);
            there_once(&fixture);
        }
    }
}

/// Neither an answer of a gateway nor none tells whether the service still carries a create out.
#[test]
fn a_create_without_an_answer_is_not_repeated_while_it_may_be_carried_out() {
    for kind in creatable().filter(|kind| !shows_late(kind)) {
        for (fault, code) in [
            ("POST:502", "service-error"),
            ("POST:503", "service-error"),
            ("POST:504", "service-error"),
            ("POST:reset", "broken"),
            ("POST:html", "unreadable-answer"),
        ] {
            let fixture = expecting(&kind, options());
            fixture.fail(fault);
            let ran = fixture.workspace.expect(1, &APPLY);
            assert_eq!(results(&ran), ["unknown"], "{} {fault}", kind.name);
            assert!(codes(&ran).iter().any(|own| own.contains(code)), "{fault}: {:?}", codes(&ran));
            let ran = fixture.workspace.expect(3, &APPLY);
            assert_eq!((results(&ran), codes(&ran)), (vec!["refused".into()], vec!["create-unknown".into()]));
            assert_eq!(fixture.writes().len(), 1, "{} {fault}: it is sent once", kind.name);
            match fault {
                "POST:reset" => {
                    drop(fixture.workspace.expect(0, &[&APPLY[..], &["--retry-creates"]].concat()))
                }
                _ => {
                    fixture.workspace.pass_time();
                    fixture.workspace.expect(0, &APPLY);
                }
            }
            there_once(&fixture);
        }
    }
}

#[test]
fn a_create_that_is_only_said_to_have_happened_is_reported_and_made_by_a_later_run() {
    for kind in creatable().filter(|kind| !shows_late(kind)) {
        let fixture = expecting(&kind, options());
        fixture.fail("POST:keep-nothing");
        let ran = fixture.workspace.expect(1, &APPLY);
        assert_eq!(codes(&ran), ["not-found-after-write"], "{}", kind.name);
        assert_eq!(codes(&fixture.workspace.expect(3, &APPLY)), ["create-unknown"], "{}", kind.name);
        assert_eq!(fixture.writes().len(), 1);
        fixture.workspace.pass_time();
        fixture.workspace.expect(0, &APPLY);
        there_once(&fixture);
    }
}

#[test]
fn a_create_that_is_asked_to_wait_and_that_shows_late_is_reported_as_unknown() {
    for kind in creatable().filter(|kind| shows_late(kind)) {
        let fixture = expecting(&kind, options());
        fixture.fail("POST:429");
        assert_eq!(results(&fixture.workspace.expect(1, &APPLY)), ["unknown"], "{}", kind.name);
        assert_eq!(codes(&fixture.workspace.expect(3, &APPLY)), ["create-unknown"], "{}", kind.name);
        assert_eq!(fixture.writes().len(), 1, "no look tells whether it was carried out");
    }
}

#[test]
fn a_create_that_is_asked_to_wait_is_sent_again_after_a_look() {
    for kind in creatable().filter(|kind| !shows_late(kind)) {
        let fixture = expecting(&kind, options());
        fixture.fail("POST:429");
        let ran = fixture.workspace.expect(0, &APPLY);
        assert_eq!(results(&ran), ["done"], "{}", kind.name);
        there_once(&fixture);
    }
}

/// Changed, new and removed items of one object, or a text where a kind has no lists.
fn changed(kind: &Kind) -> SandboxFixture {
    let mut fixture =
        SandboxFixture::with(&kind.name, WireFormat::Json, SandboxOptions { count: Some(3), ..options() });
    let mut one = fixture.documents.remove(1);
    if stir(kind, &mut one).is_empty() {
        let yaml_path = text(&one);
        vary(&mut one, &yaml_path);
    }
    fixture.documents = vec![one];
    fixture.write();
    fixture
}

#[test]
fn an_update_whose_answer_is_lost_is_looked_up_or_safely_repeated() {
    for kind in kinds() {
        let undisturbed = changed(&kind);
        let before = Json::Array(undisturbed.dump());
        undisturbed.workspace.expect(0, &APPLY);
        for fault in ["PUT:reset-after", "PATCH:reset-after", "PUT:truncate", "PATCH:truncate"] {
            let fixture = changed(&kind);
            fixture.fail(fault);
            assert_eq!(results(&fixture.workspace.expect(0, &APPLY)), ["done"], "{} {fault}", kind.name);
            assert_eq!(state(&fixture, &before), state(&undisturbed, &before), "{} {fault}", kind.name);
            fixture.workspace.expect(0, &["plan", "--detailed-exitcode"]);
        }
    }
}

#[test]
fn a_delete_whose_answer_is_lost_is_looked_up_or_safely_repeated() {
    for kind in kinds().iter().filter(|kind| kind.operations.delete.is_some()) {
        for fault in ["DELETE:reset-after", "DELETE:reset", "DELETE:503", "DELETE:truncate"] {
            let mut fixture = SandboxFixture::with(
                &kind.name,
                WireFormat::Json,
                SandboxOptions { count: Some(3), ..options() },
            );
            let before = fixture.dump();
            fixture.documents.truncate(1);
            fixture.documents[0].document["state"] = json!("absent");
            fixture.write();
            fixture.fail(fault);
            assert_eq!(results(&fixture.workspace.expect(0, &DELETE)), ["done"], "{} {fault}", kind.name);
            assert_eq!(fixture.dump(), before[1..], "{} {fault}", kind.name);
        }
    }
}

#[test]
fn a_delete_that_is_only_said_to_have_happened_is_reported() {
    for kind in kinds().iter().filter(|kind| kind.operations.delete.is_some()) {
        let mut fixture = SandboxFixture::with(
            &kind.name,
            WireFormat::Json,
            SandboxOptions { count: Some(3), ..options() },
        );
        fixture.documents.truncate(1);
        fixture.documents[0].document["state"] = json!("absent");
        fixture.write();
        fixture.fail("DELETE:keep-nothing");
        assert_eq!(codes(&fixture.workspace.expect(1, &DELETE)), ["not-deleted"], "{}", kind.name);
        assert_eq!(results(&fixture.workspace.expect(0, &DELETE)), ["done"], "{}", kind.name);
    }
}
