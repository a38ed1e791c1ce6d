//! Rules as gates: an error refuses a plan and an apply, and nothing is sent.

use serde_json::json;
use trueup::kind::WireFormat::Json;

use crate::estate::Estate;

const PARTNER: &str = "carrierx/partner";

fn estate(policies: &str) -> Estate {
    let mut estate = Estate::new(PARTNER, 3, Json);
    estate.documents[1].document["spec"]["company_name"] = json!("North Shore");
    estate.write();
    estate.desk.write("policies/names.yaml", policies);
    estate
}

const NO_NORTH: &str = "\
format: 1
rules:
  no-north:
    message: nobody moves north
    kinds: [carrierx/partner]
    forbid: changes.exists(c, c.path == '/company_name' && c.after.startsWith('North'))
    field: company_name
";

#[test]
fn a_broken_rule_refuses_the_plan_and_the_apply() {
    let estate = estate(NO_NORTH);
    // of a rule about changes nothing can be said offline
    estate.desk.expect(0, &["validate"]);
    let ran = estate.desk.expect(3, &["plan"]);
    ran.says(&["1 to update", "error[no-north]", "nobody moves north"]);
    let ran = estate.desk.expect(3, &["plan", "--detailed-exitcode", "--format", "json"]);
    assert_eq!(ran.json()["diagnostics"][0]["code"], "no-north");
    assert_eq!(ran.json()["summary"]["update"], 1);
    ran.complains(&["no-north", "the rule"]);
    let ran = estate.desk.expect(3, &["apply", "--auto-approve", "--format", "json"]);
    assert_eq!(ran.json()["diagnostics"][0]["code"], "no-north");
    assert_eq!(ran.json()["summary"]["not_started"], 1);
    assert!(estate.writes().is_empty());
}

#[test]
fn a_saved_plan_is_asked_again_where_it_is_applied() {
    let estate = estate("format: 1\n");
    estate.desk.expect(0, &["plan", "-o", "plan.json"]);
    estate.desk.write("policies/names.yaml", NO_NORTH);
    estate.desk.expect(3, &["apply", "plan.json", "--auto-approve"]).complains(&["no-north"]);
    assert!(estate.writes().is_empty());
    estate.desk.remove("policies/names.yaml");
    estate.desk.expect(0, &["apply", "plan.json", "--auto-approve"]).says(&["1 done"]);
}

#[test]
fn a_warning_is_told_and_the_write_goes_on() {
    let estate = estate(&NO_NORTH.replace("    forbid", "    severity: warning\n    forbid"));
    estate.desk.expect(0, &["plan"]).says(&["warning[no-north]"]);
    estate.desk.expect(0, &["apply", "--auto-approve"]).says(&["warning[no-north]", "1 done"]);
}

#[test]
fn a_broken_rule_stands_in_every_format() {
    let estate = estate(NO_NORTH);
    for format in ["text", "json", "markdown", "github", "gitlab", "sarif", "junit", "html"] {
        let report = format!("{format}=-");
        let ran = estate.desk.expect(3, &["plan", "--report", &report]);
        ran.says(&["no-north"]);
    }
}

#[test]
fn unchanged_objects_are_asked_as_well() {
    let estate =
        estate("format: 1\nrules:\n  none: { message: m, severity: warning, require: action == 'update' }\n");
    let ran = estate.desk.expect(0, &["plan"]);
    assert_eq!(ran.out.matches("warning[none]").count(), 2, "{}", ran.all());
}

#[test]
fn drift_tells_broken_rules_and_goes_by_what_moved() {
    let estate = estate("format: 1\nrules:\n  none: { message: m, require: 'false' }\n");
    estate.desk.expect(2, &["drift"]).says(&["error[none]"]);
    assert!(estate.writes().is_empty());
}
