//! Plans that change too much are shown and saved, and nothing of them is written until somebody names how much.

use serde_json::{Value, json};
use trueup::kind::WireFormat::Json;

use crate::estate::Estate;

const PARTNER: &str = "carrierx/partner";

/// Twelve partners, of which so many are to have another name.
fn estate(differing: usize) -> Estate {
    let mut estate = Estate::new(PARTNER, 12, Json);
    for one in estate.documents.iter_mut().take(differing) {
        one.document["spec"]["company_name"] = json!("North Shore");
    }
    estate.write();
    estate.desk.unset("TRUEUP_MAX_UPDATES");
    estate.desk.unset("TRUEUP_MAX_DELETES");
    estate
}

#[test]
fn three_of_ten_pass_and_more_do_not() {
    let small = estate(3);
    small.desk.expect(0, &["plan"]);
    small.desk.expect(0, &["apply", "--auto-approve"]).says(&["3 done"]);

    let large = estate(4);
    let ran = large.desk.expect(3, &["plan"]);
    ran.says(&["4 to update", "4 of 12 objects would be updated, and at most 30 % may be"]);
    let ran = large.desk.expect(3, &["apply", "--auto-approve", "--format", "json"]);
    let report = ran.json();
    assert_eq!(report["diagnostics"][0]["code"], "too-many-updates");
    assert_eq!(report["summary"]["not_started"], 4);
    ran.complains(&["4 to update", "--max-updates 4"]);
    assert!(large.writes().is_empty());
    large.desk.expect(3, &["apply", "--auto-approve", "--max-updates", "3"]);
    assert!(large.writes().is_empty());
    large.desk.expect(0, &["apply", "--auto-approve", "--max-updates", "4"]).says(&["4 done"]);
}

#[test]
fn a_blocked_plan_is_saved_and_applied_once_its_size_is_named() {
    let estate = estate(6);
    estate.desk.expect(3, &["plan", "-o", "plan.json"]);
    let shown: Value = estate.desk.expect(0, &["show", "plan.json", "--format", "json"]).json();
    assert_eq!(shown["diagnostics"][0]["code"], "too-many-updates");
    estate.desk.expect(3, &["apply", "plan.json", "--auto-approve"]).complains(&["too-many-updates"]);
    assert!(estate.writes().is_empty());
    estate
        .desk
        .expect(0, &["apply", "plan.json", "--auto-approve", "--max-updates", "50%"])
        .says(&["6 done"]);
}

#[test]
fn a_part_of_a_plan_is_measured_against_all_that_it_was_made_over() {
    let estate = estate(3);
    estate.desk.expect(0, &["plan", "-o", "plan.json"]);
    // 3 of 12, although the apply reads only these 3
    estate
        .desk
        .expect(0, &["apply", "plan.json", "--auto-approve", "--max-updates", "30%"])
        .says(&["3 done"]);
}

#[test]
fn requests_have_a_limit_of_their_own() {
    let estate = estate(3);
    let ran = estate.desk.expect(3, &["apply", "--auto-approve", "--max-requests", "2"]);
    ran.complains(&["too-many-requests", "3 requests would write, and at most 2 may"]);
    assert!(estate.writes().is_empty());
    estate.desk.expect(0, &["apply", "--auto-approve", "--max-requests", "3"]);
    estate.desk.expect(64, &["plan", "--max-updates", "101%"]);
    estate.desk.expect(64, &["plan", "--max-updates", "many"]);
}

#[test]
fn deletions_need_their_flag_and_a_share() {
    let mut estate = Estate::new("keypro/customer", 12, Json);
    estate.desk.unset("TRUEUP_MAX_DELETES");
    for one in estate.documents.iter_mut().take(4) {
        one.document["state"] = json!("absent");
    }
    estate.write();
    estate.desk.expect(3, &["plan", "--allow-delete"]).says(&["too-many-deletes"]);
    assert!(estate.writes().is_empty());
}

/// Customers of which each is to have another name.
fn customers(count: usize, settings: &str) -> Estate {
    let mut estate = Estate::new("keypro/customer", count, Json);
    for one in &mut estate.documents {
        one.document["spec"]["note"] = json!("canary-note");
    }
    estate.write();
    let text = estate.desk.read("trueup.yaml");
    assert!(text.contains("personal: write"), "{text}");
    estate.desk.write("trueup.yaml", &text.replace("personal: write", settings));
    estate
}

#[test]
fn personal_values_are_written_only_where_the_target_takes_them() {
    for settings in ["personal: refuse", "parallelism: 2"] {
        let estate = customers(2, settings);
        let ran = estate.desk.expect(3, &["plan", "--format", "json"]);
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
        estate.desk.expect(3, &["apply", "--auto-approve"]);
        assert!(estate.writes().is_empty());
        estate.desk.expect(3, &["apply", "--auto-approve", "--allow-personal=1"]).complains(&[
            "personal-not-allowed",
            "2 objects would have personal values written",
            "--allow-personal=2",
        ]);
        assert!(estate.writes().is_empty());
        estate.desk.expect(0, &["apply", "--auto-approve", "--allow-personal=2"]).says(&["2 done"]);
    }
    customers(1, "personal: write").desk.expect(0, &["apply", "--auto-approve"]);
    customers(1, "personal: refuse").desk.expect(0, &["apply", "--auto-approve", "--allow-personal"]);
    customers(1, "personal: perhaps").desk.expect(1, &["validate"]);
}

#[test]
fn an_object_without_personal_changes_goes_on() {
    let mut estate = customers(2, "personal: refuse");
    let spec = estate.documents[1].document["spec"].as_object_mut().expect("a spec");
    spec.insert("note".into(), estate.sandbox.dump_state()["keypro/customer"][1]["object"]["note"].clone());
    spec.insert("coop_sum".into(), json!(4711));
    estate.write();
    estate.desk.expect(4, &["apply", "--auto-approve"]).says(&["1 done, 1 refused", "personal-not-allowed"]);
    assert_eq!(estate.writes().len(), 1);
    assert_eq!(estate.dump()[1]["object"]["coop_sum"], 4711);
}

#[test]
fn the_hint_of_a_missing_permission_names_the_number_and_the_number_is_kept() {
    let mut estate = Estate::new("keypro/customer", 5, Json);
    for one in estate.documents.iter_mut().take(3) {
        one.document["state"] = json!("absent");
    }
    estate.write();
    let ran = estate.desk.expect(3, &["plan"]);
    ran.says(&["delete-not-allowed", "--allow-delete=3"]);
    let ran = estate.desk.expect(3, &["plan", "--allow-delete=2", "-o", "plan.json"]);
    ran.says(&["delete-not-allowed", "3 objects would be deleted", "3 to delete"]);
    let shown: Value = estate.desk.expect(0, &["show", "plan.json", "--format", "json"]).json();
    assert_eq!(shown["summary"]["delete"], 3, "the blocked plan is saved");
    let refused = ["apply", "plan.json", "--auto-approve", "--allow-delete=2"];
    estate.desk.expect(3, &refused).complains(&["--allow-delete=3"]);
    assert!(estate.writes().is_empty());
    estate.desk.expect(64, &["plan", "--allow-delete=few"]);
    estate.desk.set("TRUEUP_ALLOW_DELETE", "false");
    estate.desk.expect(3, &["plan"]);
    for given in ["true", "3"] {
        estate.desk.set("TRUEUP_ALLOW_DELETE", given);
        estate.desk.expect(0, &["plan"]).says(&["3 to delete"]);
    }
    estate.desk.expect(0, &["apply", "plan.json", "--auto-approve", "--allow-delete=3"]).says(&["3 done"]);
}

#[test]
fn a_partial_plan_is_not_carried_out_until_somebody_says_so() {
    let estate = estate(2);
    // the list breaks once; one object of its own cannot be read either
    let other = "targets:\n  other: { api: carrierx, base_url: 'http://127.0.0.1:9', auth: { bearer: { from_env: CREDENTIAL } } }\n";
    let settings = estate.desk.read("trueup.yaml").replacen("targets:\n", other, 1);
    estate.desk.write("trueup.yaml", &settings);
    let texts: Vec<String> = (0..12)
        .map(|file| format!("config/{file:03}.yaml"))
        .filter(|file| estate.desk.path(file).exists())
        .collect();
    for file in texts {
        let text = estate
            .desk
            .read(&file)
            .replace("kind: carrierx/partner\n", "kind: carrierx/partner\ntarget: there\n");
        estate.desk.write(&file, &text);
    }
    estate.desk.write(
        "config/zz.yaml",
        "kind: carrierx/partner\nname: lost\ntarget: other\nid: ed437757-002d-4ecc-aef8-4a4d48fc4102\nspec: { company_name: Lost }\n",
    );
    estate.desk.expect(1, &["plan", "-o", "plan.json"]).says(&["2 to update", "incomplete"]);
    let ran = estate.desk.expect(3, &["apply", "--auto-approve"]);
    ran.complains(&["partial-plan", "1 object could not be read", "--allow-partial=1"]);
    assert!(estate.writes().is_empty());
    estate.desk.expect(3, &["apply", "plan.json", "--auto-approve"]).complains(&["partial-plan"]);
    assert!(estate.writes().is_empty());
    estate.desk.expect(4, &["apply", "--auto-approve", "--allow-partial=1"]).says(&["2 done"]);
}
