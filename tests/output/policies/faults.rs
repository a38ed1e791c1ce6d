//! Broken policies: each fault at its line and column, before anything else happens.

use crate::support::workspace::Workspace;

const SETTINGS: &str =
    "targets: { a: { api: bootview, scope: { customerId: 3f2b8c1e-5d4a-4e7f-9a60-1b2c3d4e5f60 } } }\n";
const DOCUMENT: &str = "kind: bootview/payment-gateway\nname: a\nspec: { displayName: A }\n";

/// What `validate` says of a file of policies: code, line and column.
fn said(policies: &str) -> Vec<String> {
    let workspace = Workspace::new();
    workspace.write("trueup.yaml", SETTINGS);
    workspace.write("config/a.yaml", DOCUMENT);
    workspace.write("policies/p.yaml", policies);
    let ran = workspace.expect(1, &["validate", "--format", "json"]);
    let said = ran.json();
    let one = |d: &serde_json::Value| {
        format!("{} {}:{} {}", d["code"].as_str().unwrap_or_default(), d["line"], d["column"], d["message"])
    };
    said["diagnostics"].as_array().expect("diagnostics").iter().map(one).collect()
}

fn rule(rest: &str) -> String {
    format!("format: 1\nrules:\n  one:\n    message: m\n    {rest}\n")
}

#[track_caller]
fn fails(policies: &str, start: &str) {
    let said = said(policies);
    assert!(said.iter().any(|one| one.starts_with(start)), "no `{start}` in {said:#?}");
}

#[test]
fn an_expression_that_is_none_is_reported_at_its_character() {
    fails(&rule("require: spec.displayName =="), "policy-expression 5:33 \"invalid CEL expression: ");
    fails(&rule("require: 'name == \"å\" && )'"), "policy-expression 5:30");
    fails(
        &rule("require: |\n      name != '' &&\n      nam == 'a'"),
        "policy-expression 7:7 \"there is no `nam` here",
    );
}

#[test]
fn names_functions_and_fields_that_there_are_not_are_reported() {
    fails(&rule("require: name.startWith('a')"), "policy-expression 5:19 \"there is no function `startWith`");
    fails(&rule("require: nmae == 'a'"), "policy-expression 5:14 \"there is no `nmae` here");
    fails(&rule("require: item.x == 1"), "policy-expression 5:14 \"`item` exists only in rules with `each`");
    let about = "kinds: [bootview/payment-gateway]\n    ";
    fails(&rule(&format!("{about}require: spec.displayNam == 'a'")), "policy-field 6:14");
    fails(&rule(&format!("{about}field: displayNam\n    require: name == 'a'")), "policy-field 6:12");
    fails(&rule(&format!("{about}each: displayName\n    require: item == 'a'")), "policy-field 6:11");
    let each = "each: convenienceFees\n    ";
    fails(&rule(&format!("{about}{each}require: item.fee < 1")), "policy-field 7:14");
    // what a loop names is its own
    let sound = rule("require: '[1, 2].all(x, x > 0) && [1].map(x, x + 1) == [2] && type(name) == string'");
    let workspace = Workspace::new();
    workspace.write("trueup.yaml", SETTINGS);
    workspace.write("config/a.yaml", DOCUMENT);
    workspace.write("policies/p.yaml", &sound);
    workspace.expect(0, &["validate"]);
}

#[test]
fn the_form_of_the_file_is_checked() {
    fails("format: 2\nrules: {}\n", "");
    fails("format: 1\nrules:\n  One: { message: m, require: 'true' }\n", "policy-code 3:3");
    // codes of the program are its own, those of rules included
    for code in ["duplicate-document", "too-many-updates", "policy-not-evaluated"] {
        let rules = format!("format: 1\nrules:\n  {code}: {{ message: m, require: 'true' }}\n");
        fails(&rules, &format!("policy-code 3:3 \"`{code}` is a code of trueup itself"));
    }
    fails(&rule("severity: fatal\n    require: 'true'"), "");
    fails(&rule("hint: only a hint"), "policy-expression 3:3 \"a rule has one of");
    fails(&rule("require: 'true'\n    forbid: 'false'"), "policy-expression 3:3");
    fails(&rule("kinds: [bootview/gateway]\n    require: 'true'"), "unknown-kind 5:13");
    fails(
        "format: 1\ncases:\n  - { name: n, document: { kind: bootview/payment-gateway, name: a, spec: { displayNam: 1 } }, expect: [] }\n",
        "unknown-field 3:",
    );
}

#[test]
fn a_secret_in_a_case_is_not_repeated() {
    let workspace = Workspace::new();
    workspace.write("trueup.yaml", SETTINGS);
    workspace.write("config/a.yaml", DOCUMENT);
    let case = "  - { name: n, document: { kind: bootview/payment-gateway, name: a, spec: { displayName: A, merchantKey: hunter2 } }, expect: 1 }\n";
    workspace.write("policies/p.yaml", &format!("format: 1\ncases:\n{case}"));
    for arguments in [&["validate"][..], &["policy", "test"], &["validate", "--format", "json"]] {
        let ran = workspace.expect(1, arguments);
        assert!(!ran.all().contains("hunter2"), "{}", ran.all());
        assert!(ran.all().contains("plain-secret"), "{}", ran.all());
    }
}

#[test]
fn the_same_code_twice_is_one_too_many() {
    let workspace = Workspace::new();
    workspace.write("trueup.yaml", SETTINGS);
    workspace.write("config/a.yaml", DOCUMENT);
    for file in ["policies/a.yaml", "policies/b.yml"] {
        workspace.write(file, &rule("require: 'true'"));
    }
    workspace.expect(1, &["validate"]).complains(&["policy-code", "policies/a.yaml:3", "policies/b.yml:3"]);
}
