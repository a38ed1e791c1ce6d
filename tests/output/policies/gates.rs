//! Rules as gates: an error refuses a plan and an apply, and nothing is sent.

use serde_json::json;
use trueup::kind::WireFormat::Json;

use crate::support::sandbox_fixture::SandboxFixture;

const PARTNER: &str = "carrierx/partner";

fn fixture(policies: &str) -> SandboxFixture {
    let mut fixture = SandboxFixture::new(PARTNER, 3, Json);
    fixture.documents[1].document["spec"]["company_name"] = json!("North Shore");
    fixture.write();
    fixture.workspace.write("policies/names.yaml", policies);
    fixture
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
fn a_saved_plan_that_a_rule_refused_is_not_applied_once_the_rule_is_gone() {
    let fixture = fixture(NO_NORTH);
    fixture.workspace.expect(3, &["plan", "-o", "p.json"]);
    fixture.workspace.remove("policies/names.yaml");
    let apply = ["apply", "p.json", "--auto-approve"];
    fixture.workspace.expect(3, &apply).complains(&["stale-plan", "saved with the error `no-north`"]);
    assert!(fixture.writes().is_empty());
    fixture.workspace.expect(0, &["plan", "-o", "p.json"]);
    fixture.workspace.expect(0, &apply);
}

#[test]
fn a_broken_rule_refuses_the_plan_and_the_apply() {
    let fixture = fixture(NO_NORTH);
    // of a rule about changes nothing can be said offline
    fixture.workspace.expect(0, &["validate"]);
    let ran = fixture.workspace.expect(3, &["plan"]);
    ran.says(&["1 to update", "error[no-north]", "nobody moves north"]);
    let ran = fixture.workspace.expect(3, &["plan", "--detailed-exitcode", "--format", "json"]);
    assert_eq!(ran.json()["diagnostics"][0]["code"], "no-north");
    assert_eq!(ran.json()["summary"]["update"], 1);
    ran.complains(&["no-north", "the rule"]);
    let ran = fixture.workspace.expect(3, &["apply", "--auto-approve", "--format", "json"]);
    assert_eq!(ran.json()["diagnostics"][0]["code"], "no-north");
    assert_eq!(ran.json()["summary"]["not_started"], 1);
    assert!(fixture.writes().is_empty());
}

#[test]
fn a_saved_plan_is_asked_again_where_it_is_applied() {
    let fixture = fixture("format: 1\n");
    fixture.workspace.expect(0, &["plan", "-o", "plan.json"]);
    fixture.workspace.write("policies/names.yaml", NO_NORTH);
    fixture.workspace.expect(3, &["apply", "plan.json", "--auto-approve"]).complains(&["no-north"]);
    assert!(fixture.writes().is_empty());
    fixture.workspace.remove("policies/names.yaml");
    fixture.workspace.expect(0, &["apply", "plan.json", "--auto-approve"]).says(&["1 done"]);
}

#[test]
fn a_warning_is_reported_and_the_write_goes_on() {
    let fixture = fixture(&NO_NORTH.replace("    forbid", "    severity: warning\n    forbid"));
    fixture.workspace.expect(0, &["plan"]).says(&["warning[no-north]"]);
    fixture.workspace.expect(0, &["apply", "--auto-approve"]).says(&["warning[no-north]", "1 done"]);
}

#[test]
fn a_broken_rule_stands_in_every_format() {
    let fixture = fixture(NO_NORTH);
    for format in ["text", "json", "markdown", "github", "gitlab", "sarif", "junit", "html"] {
        let report = format!("{format}=-");
        let ran = fixture.workspace.expect(3, &["plan", "--report", &report]);
        ran.says(&["no-north"]);
    }
}

#[test]
fn unchanged_objects_are_asked_as_well() {
    let fixture = fixture(
        "format: 1\nrules:\n  none: { message: m, severity: warning, require: action == 'update' }\n",
    );
    let ran = fixture.workspace.expect(0, &["plan"]);
    assert_eq!(ran.out.matches("warning[none]").count(), 2, "{}", ran.all());
}

#[test]
fn drift_tells_broken_rules_and_goes_by_what_moved() {
    let fixture = fixture("format: 1\nrules:\n  none: { message: m, require: 'false' }\n");
    fixture.workspace.expect(5, &["drift"]).says(&["error[none]"]);
    assert!(fixture.writes().is_empty());
}
