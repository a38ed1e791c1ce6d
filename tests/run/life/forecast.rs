//! The forecast of a plan against what the service was really sent: the counting rule is right for every kind and
//! every sort of change, by the sandbox's own log.

use std::sync::Arc;

use serde_json::{Value as Json, json};
use trueup::kind::{Kind, WireFormat};
use trueup::sandbox::SandboxOptions;

use crate::support::new_documents::{kinds, new_document};
use crate::support::sandbox_fixture::{SandboxFixture, options};

/// More than are read one by one, and more than one portion of what is written side by side.
const MANY: usize = 12;

/// As the service of a kind really behaves: what shows later does.
fn slow() -> SandboxOptions {
    SandboxOptions { auto_verify: false, ..options() }
}

fn there(kind: &Kind, count: usize) -> SandboxFixture {
    SandboxFixture::with(&kind.name, WireFormat::Json, SandboxOptions { count: Some(count), ..slow() })
}

/// Where objects are dealt with one by one, lists grow under those who read them beside: one at a time, so that the
/// count is exact.
fn alone(kind: &Kind) -> &'static [&'static str] {
    if kind.operations.get.is_some() { &["--parallelism", "1"] } else { &[] }
}

/// Plans and applies; gives what was foreseen for the one target.
fn holds(fixture: &SandboxFixture, flags: &[&str], what: &str) -> u64 {
    let about = format!("{} {what}", fixture.kind.name);
    let with = |words: &[&'static str]| -> Vec<&str> { words.iter().chain(flags).copied().collect() };
    let log = || fixture.sandbox.read_log().len() as u64;
    let start = log();
    let plan = fixture.workspace.expect(0, &with(&["plan", "--format", "json"])).json();
    let foreseen = &plan["requests"][0];
    let planned = log() - start;
    assert_eq!(foreseen["planned"], json!(planned), "{about}: the plan counts what it sent");
    let start = log();
    let applied = fixture.workspace.expect(0, &with(&["apply", "--auto-approve", "--format", "json"])).json();
    let requests = &applied["requests"][0];
    let sent = log() - start - planned;
    assert_eq!(requests["sent"], json!(sent), "{about}: the apply counts what it sent");
    assert_eq!(requests["estimated"], foreseen["apply"], "{about}");
    assert_eq!(foreseen["apply"], json!(sent), "{about}: {:?}", tail(fixture, sent));
    assert_eq!(requests["retried"], json!(0), "{about}");
    sent
}

/// The last requests, to see where a forecast went wrong.
fn tail(fixture: &SandboxFixture, sent: u64) -> Vec<String> {
    let log = fixture.sandbox.read_log();
    let skip = log.len().saturating_sub(usize::try_from(sent).unwrap_or(usize::MAX));
    log.into_iter().skip(skip).map(|entry| format!("{} {}", entry.method, entry.path)).collect()
}

#[test]
fn updates_take_what_was_foreseen() {
    for kind in kinds() {
        for count in [1, 4, MANY] {
            let mut fixture = there(&kind, count);
            fixture.vary(0, 1);
            let sent = holds(&fixture, &[], &format!("{count} updates"));
            if kind.operations.get.is_some() {
                assert_eq!(sent, 3 * count as u64, "{}: read, write, read back", kind.name);
            }
        }
    }
}

#[test]
fn creates_take_what_was_foreseen() {
    for kind in kinds().into_iter().filter(|kind| kind.operations.create.is_some()) {
        for (here, count) in [(2, 1), (2, 4), (2, MANY), (MANY, 4)] {
            let mut fixture = there(&kind, here);
            fixture.documents =
                (0..count).map(|number| new_document(&kind, &format!("new-{number}"))).collect();
            fixture.write();
            holds(&fixture, alone(&kind), &format!("{count} creates beside {here}"));
        }
    }
}

#[test]
fn creates_where_nothing_is_take_what_was_foreseen() {
    // the sandbox knows no empty scope, so an access check would fail there
    let unchecked = |kind: &Arc<Kind>| kind.operations.list.access_check.is_none();
    for kind in kinds().into_iter().filter(|kind| kind.operations.create.is_some()).filter(unchecked) {
        for count in [1, MANY] {
            let mut fixture = there(&kind, 0);
            fixture.documents =
                (0..count).map(|number| new_document(&kind, &format!("new-{number}"))).collect();
            fixture.write();
            let flags = [&["--trust-empty"], alone(&kind)].concat();
            holds(&fixture, &flags, &format!("{count} creates where nothing is"));
        }
    }
}

#[test]
fn deletes_take_what_was_foreseen() {
    for kind in deletable() {
        for count in [1, 4, MANY] {
            let mut fixture = there(&kind, count + 1);
            for one in fixture.documents.iter_mut().skip(1) {
                one.document["state"] = json!("absent");
            }
            fixture.write();
            holds(&fixture, &["--allow-delete"], &format!("{count} deletes"));
        }
    }
}

fn deletable() -> impl Iterator<Item = Arc<Kind>> {
    kinds().into_iter().filter(|kind| kind.operations.delete.is_some())
}

#[test]
fn all_at_once_take_what_was_foreseen() {
    for kind in deletable() {
        let mut fixture = there(&kind, MANY);
        fixture.vary(0, 3);
        for one in fixture.documents.iter_mut().skip(1).step_by(3) {
            one.document["state"] = json!("absent");
        }
        fixture.documents.push(new_document(&kind, "newcomer"));
        fixture.write();
        holds(&fixture, &[&["--allow-delete"], alone(&kind)].concat(), "some of each");
    }
}

#[test]
fn nothing_to_do_foresees_nothing() {
    for kind in kinds() {
        let fixture = there(&kind, 2);
        let plan = fixture.workspace.expect(0, &["plan", "--format", "json"]).json();
        assert_eq!(plan["requests"][0]["planned"], json!(fixture.sandbox.read_log().len()), "{}", kind.name);
        assert_eq!(plan["requests"][0].get("apply"), None::<&Json>);
        assert!(!fixture.workspace.expect(0, &["plan"]).out.contains("about "), "{}", kind.name);
    }
}

#[test]
fn what_is_sent_again_is_counted_beside() {
    let mut fixture = there(&kinds()[0], 3);
    fixture.vary(0, 1);
    let plan = fixture.workspace.expect(0, &["plan"]);
    plan.says(&["about 9 requests to there"]);
    fixture.fail("PUT:429:2");
    let applied = fixture.workspace.expect(0, &["apply", "--auto-approve", "--format", "json"]).json();
    let want = json!([{ "target": "there", "estimated": 9, "sent": 9, "retried": 2 }]);
    assert_eq!(applied["requests"], want);
    let receipt = fixture.workspace.path(".trueup/receipts");
    let receipt = std::fs::read_dir(receipt).expect("receipts").next().expect("one").expect("a file");
    let receipt = std::fs::read_to_string(receipt.path()).expect("a text");
    let receipt: Json = serde_json::from_str(&receipt).expect("JSON");
    assert_eq!(receipt["results"]["requests"], want, "the receipt has it too");
}
