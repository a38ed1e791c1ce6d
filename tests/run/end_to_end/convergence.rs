//! Plan, apply, plan again gives no changes: for each kind and wire format, with one object and with many.
//!
//! And nothing else happens: after the apply the service's state differs from before at exactly the values that
//! documents said otherwise, with strangers, row ids, order and unmanaged fields as they were; each object is
//! written once; planning never writes.

use serde_json::{Value, json};
use trueup::kind::WireFormat::{self, Json, Jsv};
use trueup::kind::registry::KindRegistry;

use crate::support::sandbox_fixture::{SandboxFixture, differing};

/// The kinds that this suite runs.
pub const KINDS: [&str; 5] = [
    "bootview/payment-gateway",
    "bootview/partner",
    "carrierx/partner",
    "bokamera/customer",
    "keypro/customer",
];

/// Every object said otherwise.
fn converges(kind: &str, format: WireFormat, count: usize, flags: &[&str]) {
    some_converge(kind, format, count, 1, flags);
}

/// Every so many-th object said otherwise, all of them managed.
fn some_converge(kind: &str, format: WireFormat, count: usize, every: usize, flags: &[&str]) {
    let mut fixture = SandboxFixture::new(kind, count, format);
    fixture.edit(0, json!({ "zzStranger": { "kept": [1, "2", null] }, "zzOther": "kept too" }));
    let with = |words: &[&'static str]| -> Vec<&str> { words.iter().chain(flags).copied().collect() };

    let ran = fixture.workspace.expect(0, &with(&["plan", "--detailed-exitcode"]));
    ran.says(&["No changes"]);
    let reads = fixture.reads();
    assert!(reads <= 10 + count / 50, "{reads} requests to read {count} objects");

    let spots = fixture.vary(count, every);
    let varied = spots.len();
    let ran = fixture.workspace.expect(2, &with(&["plan", "--detailed-exitcode", "--format", "json"]));
    let report = ran.json();
    assert_eq!(report["summary"]["update"], json!(varied), "{}", report["refused"]);
    assert!(fixture.writes().is_empty(), "a plan writes nothing");

    let before = fixture.dump();
    let ran = fixture.workspace.expect(0, &with(&["apply", "--auto-approve"]));
    ran.says(&[&format!("{} done", grouped(varied))]);
    let after = fixture.dump();
    for number in 0..count {
        let wanted: Vec<String> =
            spots.get(&number).map(|yaml_path| yaml_path.live.clone()).into_iter().collect();
        let moved = moved(&fixture, number, &before[number], &after[number]);
        assert_eq!(moved, wanted, "object {number} of {kind}");
    }
    let writes = fixture.writes();
    assert_eq!(writes.len(), varied, "each object is written once");
    assert!(writes.iter().all(|entry| matches!(entry.status, Some(200..=204))));

    let ran = fixture.workspace.expect(0, &with(&["plan", "--detailed-exitcode"]));
    ran.says(&["No changes"]);
    assert_eq!(fixture.writes().len(), varied);
}

/// The values of an object that are not what they were: neither those that move by themselves, nor those that
/// were nothing, are asked to be nothing, and are empty.
fn moved(fixture: &SandboxFixture, number: usize, before: &Value, after: &Value) -> Vec<String> {
    let (before, after) = (&before["object"], &after["object"]);
    let by_itself = fixture.kind.history.changed_at.map(|field| fixture.kind.shape.get_field(field));
    let mut moved = differing(before, after);
    moved.retain(|at| by_itself.is_none_or(|field| *at != format!("/{}", field.read_from[0])));
    let cleared = &fixture.documents[number].cleared;
    moved.retain(|at| !(cleared.contains(at) && after.pointer(at) == Some(&json!(""))));
    moved
}

/// As people read numbers.
fn grouped(count: usize) -> String {
    if count < 1000 { count.to_string() } else { format!("{},{:03}", count / 1000, count % 1000) }
}

/// Every value that a document may say otherwise, one run each.
fn every_scalar(kind: &str, format: WireFormat, flags: &[&str]) {
    let places = SandboxFixture::new(kind, 2, format).documents[1].places.len();
    assert!(places > 5, "{kind} has something to change");
    for rotation in 0..places {
        let mut fixture = SandboxFixture::new(kind, 2, format);
        let yaml_path = fixture.documents[1].places[rotation].clone();
        crate::support::sandbox_fixture::vary(&mut fixture.documents[1], &yaml_path);
        fixture.write();
        let before = fixture.dump();
        let apply = [&["apply", "--auto-approve"], flags].concat();
        let ran = fixture.workspace.run(&apply);
        assert_eq!(ran.code, Some(0), "{kind} {}\n{}", yaml_path.wanted, ran.all());
        let after = fixture.dump();
        assert_eq!(moved(&fixture, 1, &before[1], &after[1]), [yaml_path.live], "{kind}");
        assert_eq!(before[0], after[0], "the other object is left alone");
        fixture.workspace.expect(0, &[&["plan", "--detailed-exitcode"], flags].concat());
    }
}

#[test]
fn the_suite_knows_every_format() {
    for kind in KINDS {
        let formats = KindRegistry::get_builtin().find_kind(kind).expect("a kind").api.formats.len();
        assert_eq!(formats, if kind.starts_with("bootview/") { 2 } else { 1 }, "{kind}");
    }
}

#[test]
fn one_gateway() {
    converges("bootview/payment-gateway", Json, 1, &[]);
    converges("bootview/payment-gateway", Jsv, 1, &[]);
}

#[test]
fn one_bootview_partner() {
    converges("bootview/partner", Json, 1, &[]);
    converges("bootview/partner", Jsv, 1, &[]);
}

#[test]
fn one_carrierx_partner() {
    converges("carrierx/partner", Json, 1, &[]);
    converges("carrierx/partner", Json, 1, &["--method", "put"]);
}

#[test]
fn a_hundred_gateways() {
    converges("bootview/payment-gateway", Json, 100, &[]);
    converges("bootview/payment-gateway", Jsv, 100, &[]);
}

#[test]
fn a_hundred_bootview_partners() {
    converges("bootview/partner", Json, 100, &[]);
    converges("bootview/partner", Jsv, 100, &[]);
}

#[test]
fn a_hundred_carrierx_partners() {
    converges("carrierx/partner", Json, 100, &["--method", "put"]);
}

#[test]
fn one_bokamera_customer() {
    converges("bokamera/customer", Json, 1, &[]);
}

#[test]
fn one_keypro_customer() {
    converges("keypro/customer", Json, 1, &[]);
}

#[test]
fn a_hundred_bokamera_customers() {
    converges("bokamera/customer", Json, 100, &[]);
}

#[test]
fn a_hundred_keypro_customers() {
    converges("keypro/customer", Json, 100, &[]);
}

#[test]
fn every_scalar_of_a_bokamera_customer() {
    every_scalar("bokamera/customer", Json, &[]);
}

#[test]
fn every_scalar_of_a_keypro_customer() {
    every_scalar("keypro/customer", Json, &[]);
}

#[test]
fn a_thousand_gateways() {
    some_converge("bootview/payment-gateway", Jsv, 1000, 20, &[]);
}

#[test]
fn a_thousand_carrierx_partners() {
    some_converge("carrierx/partner", Json, 1000, 4, &[]);
}

#[test]
#[ignore = "a thousand writes each, minutes in a debug build: cargo test --release --test run end_to_end -- --ignored"]
fn a_thousand_of_everything() {
    for kind in KINDS {
        for format in &KindRegistry::get_builtin().find_kind(kind).expect("a kind").api.formats {
            converges(kind, *format, 1000, &[]);
        }
    }
    converges("carrierx/partner", Json, 1000, &["--method", "put"]);
}

#[test]
fn every_scalar_of_a_gateway() {
    every_scalar("bootview/payment-gateway", Json, &[]);
}

#[test]
fn every_scalar_of_a_bootview_partner() {
    every_scalar("bootview/partner", Jsv, &[]);
}

#[test]
fn every_scalar_of_a_carrierx_partner() {
    every_scalar("carrierx/partner", Json, &[]);
    every_scalar("carrierx/partner", Json, &["--method", "put"]);
}
