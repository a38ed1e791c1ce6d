//! Plans that change too much are shown and saved, and nothing of them is written until somebody names how much.

use serde_json::{Value, json};

use trueup::kind::FormatWord::Json;

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
