//! Plans that change too much are shown and saved, and nothing of them is written until someone names how much.

use serde_json::{Value, json};
use trueup::kind::WireFormat::Json;

use crate::support::sandbox_fixture::SandboxFixture;

const PARTNER: &str = "carrierx/partner";

/// Twelve partners, of which so many are to have another name.
fn fixture(differing: usize) -> SandboxFixture {
    let mut fixture = SandboxFixture::new(PARTNER, 12, Json);
    for one in fixture.documents.iter_mut().take(differing) {
        one.document["spec"]["company_name"] = json!("North Shore");
    }
    fixture.write();
    fixture.workspace.unset("TRUEUP_MAX_UPDATES");
    fixture.workspace.unset("TRUEUP_MAX_DELETES");
    fixture
}

#[test]
fn three_of_ten_pass_and_more_do_not() {
    let small = fixture(3);
    small.workspace.expect(0, &["plan"]);
    small.workspace.expect(0, &["apply", "--auto-approve"]).says(&["3 done"]);

    let large = fixture(4);
    let ran = large.workspace.expect(3, &["plan"]);
    ran.says(&["4 to update", "4 of 12 objects would be updated, and at most 30 % may be"]);
    let ran = large.workspace.expect(3, &["apply", "--auto-approve", "--format", "json"]);
    let report = ran.json();
    assert_eq!(report["diagnostics"][0]["code"], "too-many-updates");
    assert_eq!(report["summary"]["not_started"], 4);
    ran.complains(&["4 to update", "--max-updates 4"]);
    assert!(large.writes().is_empty());
    large.workspace.expect(3, &["apply", "--auto-approve", "--max-updates", "3"]);
    assert!(large.writes().is_empty());
    large.workspace.expect(0, &["apply", "--auto-approve", "--max-updates", "4"]).says(&["4 done"]);
}

#[test]
fn a_blocked_plan_is_saved_and_applied_once_its_size_is_named() {
    let fixture = fixture(6);
    fixture.workspace.expect(3, &["plan", "-o", "plan.json"]);
    let shown: Value = fixture.workspace.expect(0, &["show", "plan.json", "--format", "json"]).json();
    assert_eq!(shown["diagnostics"][0]["code"], "too-many-updates");
    fixture.workspace.expect(3, &["apply", "plan.json", "--auto-approve"]).complains(&["too-many-updates"]);
    assert!(fixture.writes().is_empty());
    fixture
        .workspace
        .expect(0, &["apply", "plan.json", "--auto-approve", "--max-updates", "50%"])
        .says(&["6 done"]);
}

#[test]
fn a_part_of_a_plan_is_measured_against_all_that_it_was_made_over() {
    let fixture = fixture(3);
    fixture.workspace.expect(0, &["plan", "-o", "plan.json"]);
    // 3 of 12, although the apply reads only these 3
    fixture
        .workspace
        .expect(0, &["apply", "plan.json", "--auto-approve", "--max-updates", "30%"])
        .says(&["3 done"]);
}

#[test]
fn requests_have_a_limit_of_their_own() {
    let fixture = fixture(3);
    let ran = fixture.workspace.expect(3, &["apply", "--auto-approve", "--max-requests", "2"]);
    ran.complains(&["too-many-requests", "3 requests would write, and at most 2 may"]);
    assert!(fixture.writes().is_empty());
    fixture.workspace.expect(0, &["apply", "--auto-approve", "--max-requests", "3"]);
    fixture.workspace.expect(64, &["plan", "--max-updates", "101%"]);
    fixture.workspace.expect(64, &["plan", "--max-updates", "many"]);
}

#[test]
fn deletions_need_their_flag_and_a_share() {
    let mut fixture = SandboxFixture::new("keypro/customer", 12, Json);
    fixture.workspace.unset("TRUEUP_MAX_DELETES");
    for one in fixture.documents.iter_mut().take(4) {
        one.document["state"] = json!("absent");
    }
    fixture.write();
    fixture.workspace.expect(3, &["plan", "--allow-delete"]).says(&["too-many-deletes"]);
    assert!(fixture.writes().is_empty());
}

/// Customers of which each is to have another name.
fn customers(count: usize, settings: &str) -> SandboxFixture {
    let mut fixture = SandboxFixture::new("keypro/customer", count, Json);
    for one in &mut fixture.documents {
        one.document["spec"]["note"] = json!("canary-note");
    }
    fixture.write();
    let text = fixture.workspace.read("trueup.yaml");
    assert!(text.contains("personal: write"), "{text}");
    fixture.workspace.write("trueup.yaml", &text.replace("personal: write", settings));
    fixture
}

#[test]
fn personal_values_are_written_only_where_the_target_takes_them() {
    for settings in ["personal: refuse", "parallelism: 2"] {
        let fixture = customers(2, settings);
        let ran = fixture.workspace.expect(3, &["plan", "--format", "json"]);
        let refused = ran.json()["refused"].as_array().expect("refused").clone();
        assert_eq!(refused.len(), 2, "{}", ran.all());
        for one in &refused {
            let reason = &one["reasons"][0];
            assert_eq!(reason["code"], "personal-not-allowed");
            assert!(reason["message"].as_str().is_some_and(|said| said.starts_with("`note` is personal")));
            let hint = reason["hint"].as_str().expect("a hint");
            assert!(hint.contains("`personal: write`") && hint.contains("`--allow-personal=2`"), "{hint}");
            assert!(reason["line"].as_u64().is_some_and(|line| line > 3), "the line of the field");
        }
        fixture.workspace.expect(3, &["apply", "--auto-approve"]);
        assert!(fixture.writes().is_empty());
        fixture.workspace.expect(3, &["apply", "--auto-approve", "--allow-personal=1"]).complains(&[
            "personal-not-allowed",
            "2 objects would have personal values written",
            "--allow-personal=2",
        ]);
        assert!(fixture.writes().is_empty());
        fixture.workspace.expect(0, &["apply", "--auto-approve", "--allow-personal=2"]).says(&["2 done"]);
    }
    customers(1, "personal: write").workspace.expect(0, &["apply", "--auto-approve"]);
    customers(1, "personal: refuse").workspace.expect(0, &["apply", "--auto-approve", "--allow-personal"]);
    customers(1, "personal: perhaps").workspace.expect(1, &["validate"]);
}

#[test]
fn an_object_without_personal_changes_goes_on() {
    let mut fixture = customers(2, "personal: refuse");
    let spec = fixture.documents[1].document["spec"].as_object_mut().expect("a spec");
    spec.insert("note".into(), fixture.sandbox.dump_state()["keypro/customer"][1]["object"]["note"].clone());
    spec.insert("coop_sum".into(), json!(4711));
    fixture.write();
    fixture
        .workspace
        .expect(4, &["apply", "--auto-approve"])
        .says(&["1 done, 1 refused", "personal-not-allowed"]);
    assert_eq!(fixture.writes().len(), 1);
    assert_eq!(fixture.dump()[1]["object"]["coop_sum"], 4711);
}

#[test]
fn the_hint_of_a_missing_permission_names_the_number_and_the_number_is_kept() {
    let mut fixture = SandboxFixture::new("keypro/customer", 5, Json);
    for one in fixture.documents.iter_mut().take(3) {
        one.document["state"] = json!("absent");
    }
    fixture.write();
    let ran = fixture.workspace.expect(3, &["plan"]);
    ran.says(&["delete-not-allowed", "--allow-delete=3"]);
    let ran = fixture.workspace.expect(3, &["plan", "--allow-delete=2", "-o", "plan.json"]);
    ran.says(&["delete-not-allowed", "3 objects would be deleted", "3 to delete"]);
    let shown: Value = fixture.workspace.expect(0, &["show", "plan.json", "--format", "json"]).json();
    assert_eq!(shown["summary"]["delete"], 3, "the blocked plan is saved");
    let refused = ["apply", "plan.json", "--auto-approve", "--allow-delete=2"];
    fixture.workspace.expect(3, &refused).complains(&["--allow-delete=3"]);
    assert!(fixture.writes().is_empty());
    fixture.workspace.expect(64, &["plan", "--allow-delete=few"]);
    fixture.workspace.set("TRUEUP_ALLOW_DELETE", "false");
    fixture.workspace.expect(3, &["plan"]);
    for given in ["true", "3"] {
        fixture.workspace.set("TRUEUP_ALLOW_DELETE", given);
        fixture.workspace.expect(0, &["plan"]).says(&["3 to delete"]);
    }
    fixture
        .workspace
        .expect(0, &["apply", "plan.json", "--auto-approve", "--allow-delete=3"])
        .says(&["3 done"]);
}

#[test]
fn a_partial_plan_is_not_carried_out_until_somebody_says_so() {
    let fixture = fixture(2);
    // the list breaks once; one object of its own cannot be read either
    let other = "targets:\n  other: { api: carrierx, base_url: 'http://127.0.0.1:9', auth: { bearer: { from_env: CREDENTIAL } } }\n";
    let settings = fixture.workspace.read("trueup.yaml").replacen("targets:\n", other, 1);
    fixture.workspace.write("trueup.yaml", &settings);
    let texts: Vec<String> = (0..12)
        .map(|file| format!("config/{file:03}.yaml"))
        .filter(|file| fixture.workspace.path(file).exists())
        .collect();
    for file in texts {
        let text = fixture
            .workspace
            .read(&file)
            .replace("kind: carrierx/partner\n", "kind: carrierx/partner\ntarget: there\n");
        fixture.workspace.write(&file, &text);
    }
    fixture.workspace.write(
        "config/zz.yaml",
        "kind: carrierx/partner\nname: lost\ntarget: other\nid: ed437757-002d-4ecc-aef8-4a4d48fc4102\nspec: { company_name: Lost }\n",
    );
    fixture.workspace.expect(1, &["plan", "-o", "plan.json"]).says(&["2 to update", "incomplete"]);
    let ran = fixture.workspace.expect(3, &["apply", "--auto-approve"]);
    ran.complains(&["partial-plan", "1 object could not be read", "--allow-partial=1"]);
    assert!(fixture.writes().is_empty());
    fixture.workspace.expect(3, &["apply", "plan.json", "--auto-approve"]).complains(&["partial-plan"]);
    assert!(fixture.writes().is_empty());
    fixture.workspace.expect(4, &["apply", "--auto-approve", "--allow-partial=1"]).says(&["2 done"]);
}
