//! What was reviewed is what is written: object by object, once, and by whoever holds the same workspace.

use serde_json::{Value, json};
use trueup::kind::WireFormat::Json;

use crate::support::sandbox_fixture::SandboxFixture;
use crate::support::workspace::ProgramOutput;

const GATEWAY: &str = "bootview/payment-gateway";
const PARTNER: &str = "carrierx/partner";
const APPLY: [&str; 3] = ["apply", "plan.json", "--auto-approve"];

/// So many partners, each with another company than live, and a saved plan over them.
fn companies(count: usize) -> SandboxFixture {
    saved(PARTNER, count, "company_name", &json!("Grand Marais"))
}

/// So many objects of which one member differs, and a saved plan over them.
fn saved(kind: &str, count: usize, member: &str, value: &Value) -> SandboxFixture {
    let fixture = differing(kind, count, member, value);
    fixture.workspace.expect(0, &["plan", "-o", "plan.json"]).says(&[&format!("{count} to update")]);
    fixture
}

fn differing(kind: &str, count: usize, member: &str, value: &Value) -> SandboxFixture {
    let mut fixture = SandboxFixture::new(kind, count, Json);
    for one in &mut fixture.documents {
        one.document["spec"][member] = value.clone();
    }
    fixture.write();
    fixture
}

fn applied(fixture: &SandboxFixture, code: i32, more: &[&str]) -> ProgramOutput {
    fixture.workspace.expect(code, &[&APPLY[..], more].concat())
}

fn result_of<'r>(report: &'r Value, name: &str) -> &'r Value {
    let results = report["results"].as_array().expect("results");
    results.iter().find(|result| result["name"] == name).unwrap_or_else(|| panic!("no {name}: {report}"))
}

fn member(fixture: &SandboxFixture, number: usize, member: &str) -> Value {
    fixture.dump()[number]["object"][member].clone()
}

#[test]
fn an_untouched_plan_is_applied_in_full_and_once() {
    let fixture = companies(3);
    assert!(fixture.writes().is_empty(), "to plan writes nothing");
    applied(&fixture, 0, &[]).says(&["3 done"]);
    assert!((0..3).all(|number| member(&fixture, number, "company_name") == "Grand Marais"));
    let writes = fixture.writes().len();
    applied(&fixture, 3, &[]).complains(&["plan-applied", "plan again"]);
    // nor when someone has put back what the plan was made from
    fixture.edit(0, json!({ "company_name": "Duluth" }));
    let report = applied(&fixture, 3, &["--format", "json"]).json();
    assert_eq!(report["diagnostics"][0]["code"], "plan-applied");
    assert_eq!(fixture.writes().len(), writes);
}

#[test]
fn of_two_objects_the_edited_one_is_refused_with_three_values_and_the_other_written() {
    for (kind, field, planned, now, wanted) in [
        (PARTNER, "company_name", json!("Lutsen"), json!("Duluth"), json!("Grand Marais")),
        (GATEWAY, "maxPaymentAmount", json!(10), json!(77.5), json!(4321.5)),
    ] {
        let fixture = differing(kind, 2, field, &wanted);
        fixture.edit(0, json!({ field: planned }));
        fixture.workspace.expect(0, &["plan", "-o", "plan.json"]);
        fixture.edit(0, json!({ field: now }));
        let ran = applied(&fixture, 4, &["--format", "json"]);
        let report = ran.json();
        let moved = result_of(&report, "o-0000");
        assert_eq!(moved["result"], "refused");
        assert_eq!(moved["reasons"][0]["code"], "stale-plan");
        assert_eq!(moved["conflicts"].as_array().map(Vec::len), Some(1), "{moved}");
        let column = &moved["conflicts"][0];
        assert_eq!(
            (&column["planned"], &column["now"], &column["desired"]),
            (&planned, &now, &wanted),
            "{column}"
        );
        assert_eq!(result_of(&report, "o-0001")["result"], "done");
        assert_eq!(member(&fixture, 0, field), now, "{kind}");
        assert_eq!(member(&fixture, 1, field), wanted, "{kind}");
        assert_eq!(fixture.writes().len(), 1);
        // the rest of the same plan stays refused
        let text = applied(&fixture, 3, &[]);
        text.says(&["planned", "now", "desired"]);
        assert_eq!(fixture.writes().len(), 1);
    }
}

#[test]
fn all_or_nothing_writes_nothing_when_one_object_moved() {
    let fixture = companies(2);
    fixture.edit(1, json!({ "company_name": "Duluth" }));
    let ran = applied(&fixture, 3, &["--all-or-nothing"]);
    ran.says(&["planned", "Duluth"]).complains(&["all-or-nothing", "1 object is refused"]);
    assert!(fixture.writes().is_empty(), "{}", ran.all());
    applied(&fixture, 4, &[]).says(&["1 done", "1 refused"]);
}

#[test]
fn a_field_that_no_document_names_counts_where_the_whole_object_is_written() {
    let fixture = saved(GATEWAY, 2, "maxPaymentAmount", &json!(4321.5));
    for one in [0, 1] {
        assert!(fixture.documents[one].document["spec"].get("displayName").is_some());
    }
    // drop one from the document, plan, and edit it live
    let mut fixture = fixture;
    for one in &mut fixture.documents {
        one.document["spec"].as_object_mut().expect("a spec").remove("merchantId");
    }
    fixture.write();
    fixture.workspace.expect(0, &["plan", "-o", "plan.json"]);
    fixture.edit(0, json!({ "merchantId": "M-9999" }));
    let report = applied(&fixture, 4, &["--format", "json"]).json();
    let reason = &result_of(&report, "o-0000")["reasons"][0];
    assert_eq!(reason["code"], "stale-plan");
    assert!(reason["message"].as_str().expect("a sentence").contains("`merchantId`"), "{reason}");
    assert_eq!(result_of(&report, "o-0001")["result"], "done");
}

#[test]
fn a_document_that_asks_for_something_else_than_was_reviewed_is_refused() {
    let mut fixture = companies(3);
    fixture.documents[0].document["spec"]["company_name"] = json!("Two Harbors");
    fixture.documents[2].document["name"] = json!("renamed");
    fixture.write();
    let report = applied(&fixture, 4, &["--format", "json"]).json();
    let first = result_of(&report, "o-0000");
    assert_eq!(
        (&first["result"], &first["conflicts"][0]["desired"]),
        (&json!("refused"), &json!("Two Harbors"))
    );
    assert_eq!(result_of(&report, "o-0001")["result"], "done");
    let gone = result_of(&report, "o-0002");
    assert_eq!((&gone["result"], &gone["reasons"][0]["code"]), (&json!("refused"), &json!("stale-plan")));
    assert_eq!(fixture.writes().len(), 1);
}

#[test]
fn a_personal_value_that_somebody_edited_is_reported_under_a_key() {
    let mut fixture = differing(PARTNER, 2, "city", &json!("Grand Marais"));
    fixture.workspace.set("TRUEUP_DIGEST_KEY", "a key");
    fixture.workspace.expect(0, &["plan", "-o", "plan.json"]);
    fixture.edit(0, json!({ "city": "canary-Duluth" }));
    let ran = applied(&fixture, 4, &["--format", "json"]);
    assert_eq!(result_of(&ran.json(), "o-0000")["reasons"][0]["code"], "stale-plan");
    assert_eq!(member(&fixture, 0, "city"), "canary-Duluth");
    assert!(!ran.all().contains("canary"), "{}", ran.all());
    // without a key it cannot be determined, and that is said where the plan is saved
    fixture.workspace.unset("TRUEUP_DIGEST_KEY");
    fixture
        .workspace
        .expect(0, &["plan", "-o", "plan.json"])
        .complains(&["unbound-values", "TRUEUP_DIGEST_KEY"]);
}

#[test]
fn what_somebody_else_did_meanwhile_is_done() {
    let fixture = companies(2);
    fixture.edit(0, json!({ "company_name": "Grand Marais" }));
    let report = applied(&fixture, 0, &["--format", "json"]).json();
    assert_eq!(result_of(&report, "o-0000")["result"], "unchanged");
    assert_eq!(fixture.writes().len(), 1);
}

#[test]
fn documents_that_the_plan_does_not_touch_may_change() {
    let mut fixture = companies(2);
    fixture.documents[1].document["spec"]["company_name"] =
        fixture.dump()[1]["object"]["company_name"].clone();
    fixture.write();
    fixture.workspace.expect(0, &["plan", "-o", "plan.json"]).says(&["1 to update"]);
    fixture.documents[1].document["spec"]["company_name"] = json!("Two Harbors");
    fixture.write();
    fixture
        .workspace
        .write("config/000.yaml", &format!("# a merge\n\n{}", fixture.workspace.read("config/000.yaml")));
    applied(&fixture, 0, &[]).says(&["1 done"]);
    assert_ne!(member(&fixture, 1, "company_name"), "Two Harbors", "it was not reviewed");
}

#[test]
fn a_changed_foreign_or_broken_file_is_an_error_before_any_request() {
    let mut fixture = companies(2);
    let plan = fixture.workspace.read("plan.json");
    let requests = fixture.sandbox.read_log().len();
    let altered: Value = {
        let mut json: Value = serde_json::from_str(&plan).expect("JSON");
        json["report"]["changes"][0]["fields"][0]["after"] = json!("Elsewhere");
        json
    };
    let unsealed = {
        let mut json: Value = serde_json::from_str(&plan).expect("JSON");
        json.as_object_mut().expect("members").remove("seal");
        json
    };
    let cut = &plan[..plan.len() / 2];
    for (text, code) in [
        (altered.to_string(), "tampered-plan"),
        (unsealed.to_string(), "tampered-plan"),
        (cut.to_owned(), "invalid-plan"),
        (plan.replacen("\"trueup_plan\": 1", "\"trueup_plan\": 2", 1), "plan-mismatch"),
        (json!({ "trueup_plan": 1 }).to_string(), "invalid-plan"),
    ] {
        fixture.workspace.write("plan.json", &text);
        applied(&fixture, 1, &[]).complains(&[code]);
        let report = applied(&fixture, 1, &["--format", "json"]).json();
        assert_eq!(report["diagnostics"][0]["code"], code);
    }
    // blanks and the order of members are no one's business
    let sorted: std::collections::BTreeMap<String, Value> = serde_json::from_str(&plan).expect("JSON");
    fixture.workspace.write("plan.json", &serde_json::to_string(&sorted).expect("JSON"));
    fixture.workspace.expect(0, &["show", "plan.json"]);
    // another address under the same name
    fixture.workspace.write("plan.json", &plan);
    let settings = fixture.workspace.read("trueup.yaml");
    fixture.workspace.write("trueup.yaml", &settings.replace("127.0.0.1", "localhost"));
    applied(&fixture, 1, &[]).complains(&["plan-mismatch", "target there differs"]);
    fixture.workspace.write("trueup.yaml", &settings);
    // a key where there was none
    fixture.workspace.set("TRUEUP_DIGEST_KEY", "k-1");
    applied(&fixture, 1, &[]).complains(&["plan-mismatch", "without a key"]);
    assert_eq!(fixture.sandbox.read_log().len(), requests);
    applied_under_a_key(&mut fixture);
}

fn applied_under_a_key(fixture: &mut SandboxFixture) {
    fixture.workspace.expect(0, &["plan", "-o", "plan.json"]);
    fixture.workspace.set("TRUEUP_DIGEST_KEY", "k-2");
    applied(fixture, 1, &[]).complains(&["tampered-plan", "another key"]);
    fixture.workspace.unset("TRUEUP_DIGEST_KEY");
    applied(fixture, 1, &[]).complains(&["no-digest-key"]);
    fixture
        .workspace
        .expect(0, &["show", "plan.json"])
        .says(&["2 to update"])
        .complains(&["unverified-plan"]);
    assert!(fixture.writes().is_empty());
    fixture.workspace.set("TRUEUP_DIGEST_KEY", "k-1");
    applied(fixture, 0, &[]).says(&["2 done"]);
}

#[test]
fn flags_of_the_plan_are_named_again() {
    let fixture = differing(PARTNER, 1, "company_name", &json!("Grand Marais"));
    fixture.workspace.expect(0, &["plan", "-o", "plan.json", "--force-hidden"]);
    applied(&fixture, 3, &[]).complains(&["plan-flags", "--force-hidden"]);
    assert!(fixture.writes().is_empty());
    applied(&fixture, 0, &["--force-hidden"]);
}

#[test]
fn the_method_of_the_plan_is_used() {
    let fixture = differing(PARTNER, 1, "company_name", &json!("Grand Marais"));
    fixture.workspace.expect(0, &["plan", "-o", "plan.json", "--method", "put"]);
    applied(&fixture, 0, &[]);
    assert!(fixture.writes().iter().all(|entry| entry.method == "PUT"));
    assert_eq!(fixture.writes().len(), 1);
}

#[test]
fn show_renders_what_plan_showed() {
    let fixture = differing(PARTNER, 2, "company_name", &json!("Grand Marais"));
    let planned = fixture.workspace.expect(0, &["plan", "-o", "plan.json", "--format", "json"]);
    let shown = fixture.workspace.expect(0, &["show", "plan.json", "--format", "json"]);
    assert_eq!(shown.out, planned.out);
    let text = fixture.workspace.expect(0, &["show", "plan.json"]);
    text.says(&["2 to update", "Grand Marais"]).complains(&["made by trueup", "there"]);
    fixture.workspace.expect(1, &["show", "trueup.yaml"]).complains(&["unknown-file"]);
    fixture.workspace.expect(1, &["show", "nowhere.json"]);
    assert!(fixture.writes().is_empty());
}

/// Every variable of an fixture: its secrets.
fn secrets(fixture: &SandboxFixture) -> Vec<String> {
    fixture.documents.iter().flat_map(|one| one.variables.iter().map(|(_, value)| value.clone())).collect()
}

#[test]
fn a_pin_cannot_be_guessed_from_a_plan_without_a_key() {
    let fixture = SandboxFixture::new(GATEWAY, 1, Json);
    let names: Vec<String> = fixture.documents[0].variables.iter().map(|(name, _)| name.clone()).collect();
    assert!(!names.is_empty());
    let mut fixture = fixture;
    let plan_with = |fixture: &mut SandboxFixture, pin: &str, key: Option<&str>| {
        names.iter().for_each(|name| fixture.workspace.set(name, pin));
        match key {
            Some(key) => fixture.workspace.set("TRUEUP_DIGEST_KEY", key),
            None => fixture.workspace.unset("TRUEUP_DIGEST_KEY"),
        }
        fixture.workspace.expect(0, &["plan", "-o", "plan.json"]).says(&["1 to update"]);
        let plan: Value = serde_json::from_str(&fixture.workspace.read("plan.json")).expect("JSON");
        plan["steps"].clone()
    };
    let (one, other) = (plan_with(&mut fixture, "4711", None), plan_with(&mut fixture, "0815", None));
    assert_eq!(one, other, "nothing in a plan follows from a PIN");
    let keyed = plan_with(&mut fixture, "4711", Some("a key"));
    assert_ne!(keyed, plan_with(&mut fixture, "0815", Some("a key")), "with a key it is told apart");
    assert_ne!(keyed, plan_with(&mut fixture, "4711", Some("another key")));
    assert_eq!(keyed, plan_with(&mut fixture, "4711", Some("a key")));
}

#[test]
fn a_secret_that_changed_since_the_review_is_refused_under_a_key() {
    let mut fixture = SandboxFixture::new(GATEWAY, 1, Json);
    fixture.workspace.set("TRUEUP_DIGEST_KEY", "a key");
    let names: Vec<String> = fixture.documents[0].variables.iter().map(|(name, _)| name.clone()).collect();
    names.iter().for_each(|name| fixture.workspace.set(name, "canary-first"));
    fixture.workspace.expect(0, &["plan", "-o", "plan.json"]);
    names.iter().for_each(|name| fixture.workspace.set(name, "canary-second"));
    let ran = applied(&fixture, 3, &["--format", "json"]);
    assert_eq!(ran.json()["results"][0]["reasons"][0]["code"], "stale-plan");
    assert!(!ran.all().contains("canary"), "{}", ran.all());
    assert!(fixture.writes().is_empty());
    names.iter().for_each(|name| fixture.workspace.set(name, "canary-first"));
    applied(&fixture, 0, &[]);
}

#[test]
fn no_secret_is_in_a_plan_nor_in_what_shows_it() {
    for key in [None, Some("a key")] {
        for kind in [GATEWAY, PARTNER, "bootview/partner", "keypro/customer", "bokamera/customer"] {
            let mut fixture = SandboxFixture::new(kind, 3, Json);
            if let Some(key) = key {
                fixture.workspace.set("TRUEUP_DIGEST_KEY", key);
            }
            fixture.vary(1, 1);
            let names: Vec<String> = fixture
                .documents
                .iter()
                .flat_map(|one| one.variables.iter().map(|(name, _)| name.clone()))
                .collect();
            for (number, name) in names.iter().enumerate() {
                fixture.workspace.set(name, format!("canary-{number:04}"));
            }
            let before = secrets(&fixture);
            fixture.workspace.run(&["plan", "-o", "plan.json"]);
            let mut seen = fixture.workspace.read("plan.json");
            for format in ["text", "json"] {
                seen.push_str(&fixture.workspace.expect(0, &["show", "plan.json", "--format", format]).all());
            }
            assert!(!seen.contains("canary-"), "{kind}: {seen}");
            for secret in before.iter().filter(|secret| secret.len() > 5) {
                assert!(!seen.contains(secret.as_str()), "{kind}: {secret}");
            }
        }
    }
}

#[test]
fn an_apply_resolves_what_its_plan_needs_and_no_more() {
    let fixture = differing(PARTNER, 2, "company_name", &json!("Grand Marais"));
    let settings = fixture.workspace.read("trueup.yaml");
    let other = "  elsewhere:\n    api: bootview\n    auth: { bearer: { from_env: OTHER_TOKEN } }\n    \
                 scope: { customerId: 3f2b8c1e-5d4a-4e7f-9a60-1b2c3d4e5f60 }\n";
    fixture.workspace.write("trueup.yaml", &format!("{}\n{other}", settings.trim_end()));
    let document = "kind: bootview/payment-gateway\nname: other\nspec: { displayName: Other, merchantKey: { from_env: OTHER_KEY } }\n";
    fixture.workspace.write("config/other.yaml", document);
    // a job that applies to one target has the credentials of that target only
    fixture.workspace.expect(0, &["plan", "config/000.yaml", "-o", "plan.json"]);
    applied(&fixture, 0, &[]).says(&["2 done"]);
    fixture.workspace.expect(1, &["plan"]).complains(&["OTHER_TOKEN", "OTHER_KEY"]);
}
