//! Secrets that do not read back: what the plan knows of them, how old they are, and how they are rotated.

use serde_json::{Value, json};
use trueup::kind::WireFormat::Json;
use trueup::sandbox::{SandboxOptions, SandboxSecretMode};

use crate::support::sandbox_fixture::{SandboxFixture, options};

const GATEWAY: &str = "bootview/payment-gateway";

fn gateways(count: usize, secrets: SandboxSecretMode) -> SandboxFixture {
    SandboxFixture::with(
        GATEWAY,
        Json,
        SandboxOptions { count: Some(count), secret_mode: secrets, ..options() },
    )
}

/// The names of the variables with the secrets of an object's document.
fn variables(fixture: &SandboxFixture, number: usize) -> Vec<String> {
    fixture.documents[number].variables.iter().map(|(name, _)| name.clone()).collect()
}

fn known(report: &Value) -> Vec<(&str, Option<u64>)> {
    let objects =
        ["changes", "unchanged"].into_iter().flat_map(|list| report[list].as_array().expect("a list"));
    let hidden = objects.flat_map(|object| object["hidden"].as_array().into_iter().flatten());
    hidden.map(|own| (own["status"].as_str().expect("a word"), own["written_days_ago"].as_u64())).collect()
}

fn planned(fixture: &SandboxFixture, more: &[&str]) -> Value {
    fixture.workspace.expect(0, &[&["plan", "--format", "json"], more].concat()).json()
}

fn apply(fixture: &SandboxFixture, more: &[&str]) {
    fixture.workspace.expect(0, &[&["apply", "--auto-approve"], more].concat());
}

/// Lets everything that was written be as old as that.
fn age(fixture: &SandboxFixture, days: i64) {
    let now = jiff::Timestamp::now();
    let then = now - jiff::SignedDuration::from_hours(24 * days);
    let day = |time: jiff::Timestamp| time.strftime("\"%Y-%m-%dT").to_string();
    let text = fixture.workspace.read(".trueup/written.jsonl");
    fixture.workspace.write(".trueup/written.jsonl", &text.replace(&day(now), &day(then)));
}

#[test]
fn a_hidden_secret_is_never_written_then_the_same_then_another_and_its_age_is_reported() {
    let mut fixture = gateways(1, SandboxSecretMode::Hidden);
    let names = variables(&fixture, 0);
    let first = planned(&fixture, &[]);
    assert_eq!(known(&first), vec![("never_written", None); names.len()]);
    fixture.workspace.expect(0, &["plan"]).says(&["merchantKey: never written from this workspace"]);
    apply(&fixture, &[]);

    // what the documents clear is recorded too
    let same = known(&planned(&fixture, &[])).len();
    assert!(same >= names.len());
    assert_eq!(known(&planned(&fixture, &[])), vec![("same", Some(0)); same]);
    age(&fixture, 41);
    assert_eq!(known(&planned(&fixture, &[])), vec![("same", Some(41)); same]);
    let number = same;
    fixture
        .workspace
        .expect(0, &["plan"])
        .says(&[&format!("{number} value"), "unchanged since the last write, the oldest 41 days"]);

    names.iter().for_each(|name| fixture.workspace.set(name, "canary-other"));
    let differs = fixture.workspace.expect(0, &["plan", "--format", "json"]);
    let (report, changed) = (differs.json(), ("differs", Some(41)));
    assert_eq!(known(&report).iter().filter(|own| **own == changed).count(), names.len());
    let text = fixture.workspace.expect(0, &["plan"]);
    text.says(&["merchantKey: differs from what was written 41 days ago"]);
    assert!(!text.all().contains("canary") && !differs.all().contains("canary"));
}

#[test]
fn a_rotation_writes_what_is_the_same_and_leaves_the_others_alone() {
    for secrets in [SandboxSecretMode::Clear, SandboxSecretMode::Hidden, SandboxSecretMode::Masked] {
        let fixture = gateways(3, secrets);
        apply(&fixture, &["--force-hidden"]);
        fixture.workspace.expect(0, &["plan", "--detailed-exitcode"]);
        let before = fixture.writes().len();
        let rotate = ["--rotate", "bootview/payment-gateway/o-0001:merchant*"];
        let report = planned(&fixture, &rotate);
        let changes = report["changes"].as_array().expect("changes");
        assert_eq!(changes.len(), 1, "{report}");
        assert_eq!(changes[0]["name"], "o-0001");
        assert_eq!(changes[0]["fields"].as_array().map(Vec::len), Some(variables(&fixture, 1).len()));
        let rotated = changes[0]["hidden"].as_array().expect("hidden values");
        assert!(!rotated.is_empty() && rotated.iter().all(|own| own["rotated"] == true), "{rotated:?}");
        fixture.workspace.expect(0, &[&["plan"], &rotate[..]].concat()).says(&["merchantKey: rotated"]);
        apply(&fixture, &rotate);
        assert_eq!(fixture.writes().len(), before + 1);
        // what was asked for once is not asked for again
        fixture.workspace.expect(0, &["plan", "--detailed-exitcode"]);
    }
}

#[test]
fn a_rotation_is_part_of_a_saved_plan_and_never_slips_into_another() {
    let fixture = gateways(2, SandboxSecretMode::Hidden);
    apply(&fixture, &[]);
    let before = fixture.writes().len();
    fixture.workspace.expect(0, &["plan", "-o", "plan.json", "--rotate", "o-0000"]).says(&["1 to update"]);
    let other = ["apply", "plan.json", "--auto-approve", "--rotate", "o-0001"];
    fixture.workspace.expect(3, &other).complains(&["plan-flags", "--rotate o-0001"]);
    fixture.workspace.expect(0, &["apply", "plan.json", "--auto-approve"]).says(&["1 done"]);
    assert_eq!(fixture.writes().len(), before + 1);
}

#[test]
fn a_rotation_of_nothing_is_an_error_before_any_request() {
    let fixture = gateways(1, SandboxSecretMode::Clear);
    for selector in ["o-9999", "o-0000:displayName", "bootview/partner/*", ":merchantKey"] {
        let ran = fixture.workspace.run(&["plan", "--rotate", selector]);
        assert_eq!(ran.code, Some(1), "{selector}: {}", ran.all());
        ran.complains(&["unmatched-rotate"]);
    }
    assert!(fixture.sandbox.read_log().is_empty());
}

#[test]
fn a_mask_is_neither_sent_nor_compared() {
    let mut fixture = gateways(1, SandboxSecretMode::Masked);
    // nothing of it is known, and the mask is not taken for a value that differs
    let report = planned(&fixture, &[]);
    assert_eq!(report["summary"]["update"], 0, "{report}");
    assert!(known(&report).iter().all(|(known, _)| *known == "never_written"));
    // a write of the whole object carries the document's values, not what was read
    fixture.documents[0].document["spec"]["maxPaymentAmount"] = json!(4321.5);
    fixture.write();
    apply(&fixture, &[]);
    let writes = fixture.writes();
    assert_eq!(writes.len(), 1);
    let body = writes[0].body.as_deref().expect("bodies are kept");
    let body = String::from_utf8_lossy(body);
    assert!(!body.contains("***"), "{body}");
    for (_, value) in &fixture.documents[0].variables {
        assert!(body.contains(value.as_str()));
    }
    // and a document that leaves the secret out cannot be written at all
    let spec = fixture.documents[0].document["spec"].as_object_mut().expect("a spec");
    spec.retain(|_, value| value.get("from_env").is_none());
    spec.insert("maxPaymentAmount".to_owned(), json!(17));
    fixture.write();
    fixture.workspace.expect(3, &["apply", "--auto-approve"]).says(&["would-write-mask"]);
    assert_eq!(fixture.writes().len(), 1);
}

#[test]
fn without_a_key_the_size_of_what_is_not_shown_counts_and_the_rest_is_said_not_to() {
    for (key, now, code) in [(None, "a-much-longer-value", 3), (None, "other", 0), (Some("k"), "other", 3)] {
        let mut fixture = gateways(1, SandboxSecretMode::Hidden);
        let (name, value) = fixture.documents[0].variables[0].clone();
        assert!(!value.is_empty());
        fixture.workspace.set(name.clone(), "first");
        if let Some(key) = key {
            fixture.workspace.set("TRUEUP_DIGEST_KEY", key);
        }
        fixture.workspace.expect(0, &["plan", "-o", "p.json"]);
        fixture.workspace.set(name, now);
        let ran = fixture.workspace.expect(code, &["apply", "p.json", "--auto-approve"]);
        match (key, code) {
            (None, 0) => drop(ran.complains(&["unbound-values", "cannot be compared", "only their sizes"])),
            (None, _) => drop(ran.says(&["or a value that is not shown"])),
            (Some(_), _) => assert!(!ran.err.contains("unbound-values"), "{}", ran.all()),
        }
        assert_eq!(fixture.writes().is_empty(), code == 3, "{}", ran.all());
    }
}
