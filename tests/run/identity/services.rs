//! Two targets that are one service: one object is not described, created or forgotten twice.

use serde_json::json;

use super::{DELETE, Depot, boat, describe_boat};

const API: &str = "format: 1\ntitle: Depot\ndescription: Boats.\nformats: [json]\nauth: [bearer]\n";

/// A depot with these targets; `URL` is its address, `PORT` its port.
fn depot(targets: &str) -> Depot {
    let mut depot = Depot::new(&describe_boat(DELETE, ""), vec![boat("b1", "other")]);
    let port = depot.server.url.port().expect("a port").to_string();
    let targets = targets.replace("URL", depot.server.url.as_str()).replace("PORT", &port);
    depot.workspace.write("apis/depot/api.yaml", API);
    depot.workspace.write("trueup.yaml", &targets);
    for name in ["ONE", "OTHER"] {
        depot.workspace.set(name, format!("token of {name}"));
    }
    depot
}

fn describe(depot: &Depot, name: &str, target: &str, code: &str) {
    depot.describe(name, &format!("target: {target}\n"), &format!("code: {code}, crew: 1"));
}

fn target(name: &str, url: &str, auth: &str) -> String {
    format!("  {name}: {{ api: depot, base_url: '{url}', auth: {{ {auth} }} }}\n")
}

const ONE: &str = "bearer: { from_env: ONE }";
const OTHER: &str = "bearer: { from_env: OTHER }";
const APPLY: [&str; 3] = ["apply", "--auto-approve", "--max-updates=100%"];

#[test]
fn two_documents_of_one_natural_key_are_refused_however_the_address_is_spelled() {
    for url in ["URL", "URL//", "HTTP://127.0.0.1:PORT/api/v2", "http://LocalHost:PORT/api/v2/"] {
        let depot = depot(&["targets:\n", &target("main", "URL", ONE), &target("second", url, ONE)].concat());
        describe(&depot, "a", "main", "A");
        describe(&depot, "b", "second", "A");
        let ran = depot.workspace.expect(1, &["validate"]);
        ran.complains(&["duplicate-document", "`second` and `main` are one service", "correct `base_url`"]);
        depot.workspace.expect(1, &APPLY);
        assert_eq!(depot.server.lines(), [""; 0], "{url}");
        // other objects of one service may be reached by two targets
        describe(&depot, "b", "second", "B");
        depot.workspace.expect(0, &APPLY);
        assert_eq!(depot.boats().len(), 3, "{url}");
    }
}

#[test]
fn environments_that_were_copied_with_their_address_are_reported() {
    let environments = "environments: { staging: {}, production: {} }\n";
    let with = |name: &str| target(name, "URL", ONE).replace("api:", &format!("environment: {name}, api:"));
    let depot = depot(&[environments, "targets:\n", &with("staging"), &with("production")].concat());
    depot.describe("a", "", "code: A, crew: 1");
    let ran = depot.workspace.expect(1, &["validate"]);
    ran.complains(&["duplicate-document", "`production` and `staging` are one service"]);
}

const SHOP: &str = "format: 1
title: Shop
description: A shop.
identity: { id: id, natural_key: [code] }
operations: { list: { get: /shops }, create: { post: /shops, response: object } }
properties:
  id: { type: string, description: The id., read_only: true }
  code: { type: string, description: The code., required: true }
";
const RULE: &str = "format: 1
title: Rule
description: A rule of a shop.
scope: { shop: { type: string, description: The shop., reference: { kind: depot/shop } } }
identity: { id: id, natural_key: [code] }
operations: { list: { get: '/shops/{shop}/rules' }, create: { post: '/shops/{shop}/rules', response: object } }
properties:
  id: { type: string, description: The id., read_only: true }
  code: { type: string, description: The code., required: true }
";

#[test]
fn children_of_parents_of_one_name_are_no_duplicates() {
    let settings = |url: &str| {
        let with = |name: &str| target(name, url, ONE).replace("api:", &format!("environment: {name}, api:"));
        let head = "environments: { staging: {}, production: {} }\nvalues: { shop_code: { type: string } }\n";
        [head, "targets:\n", &with("staging"), &with("production")].concat()
    };
    let depot = depot(&settings("URL"));
    depot.workspace.write("apis/depot/shop.yaml", SHOP);
    depot.workspace.write("apis/depot/rule.yaml", RULE);
    let write_code = |environment: &str, code: &str| {
        depot.workspace.write(&format!("values/{environment}.yaml"), &format!("shop_code: {code}\n"));
    };
    write_code("staging", "s");
    write_code("production", "p");
    depot.workspace.write(
        "config/rules.yaml",
        "kind: depot/shop\nname: shop\nspec: { code: { value: shop_code } }\n---\n\
         kind: depot/rule\nname: rule\nscope: { shop: { ref: shop } }\nspec: { code: R }\n",
    );
    depot.workspace.expect(0, &["validate"]);
    // one shop in both environments is a duplicate
    write_code("production", "s");
    let ran = depot.workspace.expect(1, &["validate"]);
    ran.complains(&["duplicate-document", "two documents of kind `depot/shop`", "values/production.yaml:1"]);
    // so are two rules below one shop in one environment
    write_code("production", "p");
    let text = depot.workspace.read("config/rules.yaml");
    let second = "---\nkind: depot/rule\nname: other\nscope: { shop: { ref: shop } }\nspec: { code: R }\n";
    depot.workspace.write("config/rules.yaml", &(text + second));
    let ran = depot.workspace.expect(1, &["validate"]);
    ran.complains(&["duplicate-document", "two documents of kind `depot/rule`"]);
}

#[test]
fn other_paths_and_other_accounts_are_other_services() {
    for (url, auth) in [("URL/tenants/7", ONE), ("URL", OTHER)] {
        let depot =
            depot(&["targets:\n", &target("main", "URL", ONE), &target("second", url, auth)].concat());
        describe(&depot, "a", "main", "A");
        describe(&depot, "b", "second", "A");
        depot.workspace.expect(0, &["validate"]);
    }
    // the same account, reported by the values alone
    let mut depot =
        depot(&["targets:\n", &target("main", "URL", ONE), &target("second", "URL", OTHER)].concat());
    describe(&depot, "a", "main", "A");
    describe(&depot, "b", "second", "A");
    depot.workspace.set("OTHER", "token of ONE");
    depot.workspace.expect(0, &["validate"]);
    let plan = depot.workspace.expect(3, &["plan", "--format", "json"]).json();
    assert_eq!((&plan["summary"]["create"], &plan["summary"]["refused"]), (&json!(0), &json!(2)), "{plan:#}");
    assert!(plan.to_string().contains("are one service"), "{plan:#}");
}

#[test]
fn what_is_known_of_an_object_holds_for_every_target_of_its_service() {
    let depot = depot(&["targets:\n", &target("main", "URL", ONE), &target("second", "URL", ONE)].concat());
    describe(&depot, "a", "main", "A");
    depot.workspace.expect(0, &APPLY);
    // the document moves to the other target: one entry, and nothing to do
    depot.workspace.remove("config/a.yaml");
    describe(&depot, "moved", "second", "A");
    depot.workspace.expect(0, &APPLY);
    let index: serde_json::Value =
        serde_json::from_str(&depot.workspace.read(".trueup/index.json")).expect("JSON");
    let known: Vec<_> =
        index["objects"].as_array().expect("objects").iter().map(|own| &own["name"]).collect();
    assert_eq!(known, ["moved"], "{index:#}");
    assert_eq!(depot.boats().len(), 2);
}
