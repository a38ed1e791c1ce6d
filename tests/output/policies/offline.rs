//! Rules over documents: what `validate` says, and what `policy test` says of the rules themselves.

use crate::support::workspace::Workspace;

const SETTINGS: &str = "\
targets:
  staging: { api: bootview, base_url: 'http://127.0.0.1:9/bootview', scope: { customerId: 3f2b8c1e-5d4a-4e7f-9a60-1b2c3d4e5f60 } }
  production: { api: bootview, base_url: 'http://127.0.0.1:9/bootview', scope: { customerId: 7d2b8c1e-5d4a-4e7f-9a60-1b2c3d4e5f60 } }
";
const GATEWAYS: &str = "\
kind: bootview/payment-gateway
name: harbor-cards
target: production
spec:
  displayName: Cards
  merchantKey: { from_env: HARBOR_KEY }
  testMode: 1
  maxPaymentAmount: 2500.00
  convenienceFees:
    - { paymentType: CC, minRange: 0, maxRange: 100, feeAmount: 3.25 }
    - { paymentType: CC, minRange: 100, maxRange: 900, feeAmount: 7.00 }
---
kind: bootview/payment-gateway
name: Checks
target: staging
spec:
  displayName: Checks
  testMode: 1
";
pub const POLICIES: &str = r#"
format: 1
rules:
  no-test-mode-in-production:
    message: a gateway in production is in test mode
    hint: take `testMode` out
    kinds: [bootview/payment-gateway]
    targets: ["prod*"]
    forbid: has(spec.testMode) && spec.testMode == 1
    field: testMode
  fee-at-most-5:
    message: the convenience fee is above 5
    kinds: [bootview/*]
    each: convenienceFees
    require: item.feeAmount <= 5
    field: feeAmount
  names-are-lower-case:
    message: names are written in small letters, digits and hyphens
    severity: warning
    require: name.matches("^[a-z][a-z0-9-]*$")
  gateway-has-a-maximum:
    message: there is no highest amount
    kinds: [bootview/payment-gateway]
    require: has(spec.maxPaymentAmount) && spec.maxPaymentAmount != null
  the-key-comes-from-somewhere:
    message: there is no merchant key
    severity: warning
    kinds: [bootview/payment-gateway]
    require: has(spec.merchantKey)
  large-changes-are-looked-at:
    message: the highest amount rises
    kinds: [bootview/payment-gateway]
    forbid: action == 'update' && changes.exists(c, c.path == '/maxPaymentAmount' && c.after > c.before)
cases:
  - name: test mode in staging is fine
    document:
      kind: bootview/payment-gateway
      name: a
      target: staging
      spec: { displayName: A, testMode: 1, maxPaymentAmount: 1, merchantKey: { from_env: A } }
    expect: []
  - name: everything at once
    document:
      kind: bootview/payment-gateway
      name: A
      target: production
      spec:
        displayName: A
        testMode: 1
        convenienceFees: [{ paymentType: CC, minRange: 0, maxRange: 1, feeAmount: 5.01 }]
    expect:
      - no-test-mode-in-production
      - fee-at-most-5
      - names-are-lower-case
      - gateway-has-a-maximum
      - the-key-comes-from-somewhere
  - name: a rise is told
    document:
      kind: bootview/payment-gateway
      name: a
      target: staging
      spec: { displayName: A, maxPaymentAmount: 2, merchantKey: { from_env: A } }
    action: update
    changes: [{ path: /maxPaymentAmount, before: 1, after: 2.5 }]
    expect: [large-changes-are-looked-at]
"#;

fn workspace() -> Workspace {
    let workspace = Workspace::new();
    workspace.write("trueup.yaml", SETTINGS);
    workspace.write("config/gateways.yaml", GATEWAYS);
    workspace.write("policies/payments.yaml", POLICIES);
    workspace
}

#[test]
fn broken_rules_are_reported_with_their_codes_and_lines_and_refuse() {
    let ran = workspace().expect(3, &["validate", "--format", "json"]);
    let report = ran.json();
    let said: Vec<String> = report["diagnostics"]
        .as_array()
        .expect("diagnostics")
        .iter()
        .map(|d| format!("{} {} {}:{}", d["code"], d["severity"], d["line"], d["column"]).replace('"', ""))
        .collect();
    let expected = [
        "no-test-mode-in-production error 7:13",
        "fee-at-most-5 error 11:67",
        "names-are-lower-case warning 14:7",
        "gateway-has-a-maximum error 14:7",
        "the-key-comes-from-somewhere warning 14:7",
    ];
    assert_eq!(said, expected, "{}", ran.all());
    let first = &report["diagnostics"][0];
    assert_eq!(first["message"], "harbor-cards: a gateway in production is in test mode");
    assert_eq!(first["hint"], "take `testMode` out");
    assert_eq!(first["file"], "config/gateways.yaml");
}

#[test]
fn the_text_shows_the_line_and_the_rule() {
    let ran = workspace().expect(3, &["validate"]);
    ran.complains(&[
        "error[fee-at-most-5]: harbor-cards: the convenience fee is above 5",
        "config/gateways.yaml:11",
        "policies/payments.yaml:11",
        "the rule",
    ]);
    assert!(!ran.out.contains(": valid"), "{}", ran.all());
}

#[test]
fn warnings_alone_refuse_nothing() {
    let workspace = workspace();
    workspace.write(
        "config/gateways.yaml",
        &GATEWAYS.replace("testMode: 1\n", "testMode: 0\n  allowToken: true\n"),
    );
    workspace.write(
        "policies/payments.yaml",
        "format: 1\nrules:\n  a-b:\n    { message: m, severity: warning, require: 'false' }\n",
    );
    workspace.expect(0, &["validate"]).says(&["2 documents in 1 file: valid"]).complains(&["warning[a-b]"]);
}

#[test]
fn the_rules_pass_their_own_cases_and_a_wrong_case_is_reported() {
    let workspace = workspace();
    workspace.expect(0, &["policy", "test"]).says(&["6 rules, 3 of 3 cases passed"]);
    let json = workspace.expect(0, &["policy", "test", "--format", "json"]).json();
    assert_eq!((&json["rules"], &json["cases"], &json["passed"]), (&6.into(), &3.into(), &3.into()));
    workspace.write("policies/payments.yaml", &POLICIES.replace("feeAmount: 5.01", "feeAmount: 4.99"));
    let ran = workspace.expect(1, &["policy", "test"]);
    ran.says(&["2 of 3 cases passed"]).complains(&["policy-case", "everything at once", "payments.yaml:42"]);
}

#[test]
fn cases_are_asked_of_the_rules_of_their_own_file() {
    let workspace = workspace();
    workspace.write(
        "policies/more/strict.yaml",
        "format: 1\nrules:\n  nothing-at-all: { message: no, require: 'false' }\n",
    );
    workspace.expect(0, &["policy", "test"]).says(&["7 rules, 3 of 3 cases passed"]);
    workspace.expect(3, &["validate"]).complains(&["nothing-at-all"]);
}

#[test]
fn without_policies_nothing_is_asked() {
    let workspace = workspace();
    workspace.remove("policies/payments.yaml");
    workspace.expect(0, &["validate"]);
    workspace.expect(0, &["policy", "test"]).says(&["0 rules, 0 of 0 cases passed"]);
}

#[test]
fn a_value_from_outside_is_not_judged_before_it_is_there() {
    let workspace = Workspace::new();
    workspace.write("trueup.yaml", "targets: { a: { api: carrierx } }\n");
    workspace.write(
        "config/a.yaml",
        "kind: carrierx/partner\nname: a\nspec: { login: a, company_name: { from_env: NAME } }\n",
    );
    workspace.write(
        "policies/p.yaml",
        "format: 1\nrules:\n  city: { message: m, forbid: spec.company_name.startsWith('D') }\n",
    );
    // what comes from a source is sensitive in every field, so a rule sees only that it is there
    workspace.expect(3, &["validate"]).complains(&["policy-not-evaluated"]);
    workspace.write(
        "config/a.yaml",
        "kind: carrierx/partner\nname: a\nspec: { login: a, company_name: Duluth }\n",
    );
    workspace.expect(3, &["validate"]).complains(&["city"]);
}

#[test]
fn a_marked_value_is_a_mask_to_every_rule() {
    let workspace = workspace();
    let rules = [
        "a: { message: m, forbid: 'string(spec.merchantKey) == \"x\"' }",
        "b: { message: m, forbid: 'spec.merchantKey.secret != \"given\"' }",
        "c: { message: m, forbid: 'has(spec.merchantKey.from_env)' }",
    ];
    let kinds = ", kinds: [bootview/payment-gateway], targets: [production] }";
    let rules = rules.map(|rule| format!("  {}{kinds}\n", rule.strip_suffix(" }").expect("a brace")));
    workspace.write("policies/payments.yaml", &format!("format: 1\nrules:\n{}", rules.concat()));
    let ran = workspace.expect(3, &["validate"]);
    // only the first fails, for want of an answer
    ran.complains(&[
        "policy-not-evaluated",
        "the rule `a` could not be evaluated: `string` does not support map",
    ]);
    assert!(!ran.err.contains("[b]") && !ran.err.contains("[c]"), "{}", ran.all());
}

#[test]
fn the_example_of_the_documentation_passes_its_cases() {
    let page = include_str!("../../../docs/policies.md");
    let example =
        page.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("an example");
    let workspace = workspace();
    workspace.write("policies/payments.yaml", example);
    workspace.expect(0, &["policy", "test"]).says(&["4 rules, 2 of 2 cases passed"]);
    workspace.expect(3, &["validate"]).complains(&["[fee-at-most-5]", "[no-test-mode-in-production]"]);
}
