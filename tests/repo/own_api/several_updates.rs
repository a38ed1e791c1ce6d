//! Kinds whose objects are changed by several operations: each request claims only what it sends, and what the
//! later ones send is sent, compared and reported.

use serde_json::{Value as Json, json};
use trueup::sandbox::SandboxOptions;

use crate::support::own_api_fixture::{OwnApiFixture, body};
use crate::support::workspace::Workspace;

const SETTINGS: &str =
    "targets:\n  here: { api: ferry, base_url: \"URL\", auth: { bearer: { from_env: KEY } } }\n";
const API: &str = "format: 1\ntitle: Ferry\ndescription: Boats.\nformats: [json]\nauth: [bearer]\n";
const BOAT: &str = r#"
format: 1
title: Boat
description: A boat.
identity: { id: id, natural_key: [name] }
operations:
  list: { get: /boats }
  get: { get: "/boats/{id}" }
  create: { post: /boats }
  update: FIRST
  updates: [LATER]
properties:
  id: { type: integer, description: The id., read_only: true }
  name: { type: string, description: The name., required: true }
  seats: { type: integer, description: How many may sit. }
  code: { type: string, description: What opens it., sensitivity: secret, reads_back: never }
  pin: { type: string, description: What starts it., sensitivity: secret, reads_back: never }
  home: { type: string, description: Where it lies. }
examples:
  - object: { id: 1, name: Swan, seats: 40, code: canary-old-code, pin: canary-old-pin, home: A }
"#;
const PATCH: &str = r#"{ patch: "/boats/{id}", body: changes, response: none }"#;

fn harbour(first: &str, later: &str) -> OwnApiFixture {
    let workspace = Workspace::new();
    workspace.write("apis/ferry/api.yaml", API);
    workspace.write("apis/ferry/boat.yaml", &BOAT.replace("FIRST", first).replace("LATER", later));
    let mut shop = OwnApiFixture::open(workspace, SETTINGS, SandboxOptions::default());
    shop.workspace.set("PIN", "canary-new-pin");
    shop.workspace.set("CODE", "canary-new-code");
    shop
}

fn document(shop: &OwnApiFixture, spec: &Json) {
    let document = json!({ "kind": "ferry/boat", "name": "swan", "id": 1, "spec": spec });
    shop.workspace.write("config/swan.yaml", &document.to_string());
}

/// Method and end of the path of the requests that wrote, with their bodies.
fn writes(shop: &OwnApiFixture) -> Vec<(String, Json)> {
    let line = |entry: &trueup::sandbox::SandboxLogEntry| {
        let path = entry.path.rsplit_once("/ferry").map_or(&*entry.path, |(_, path)| path);
        (format!("{} {path}", entry.method), body(entry))
    };
    shop.writes().iter().map(line).collect()
}

#[test]
fn a_hidden_value_of_a_later_update_is_sent() {
    for later in [
        r#"{ patch: "/boats/{id}/pin", body: changes, fields: [pin], response: none }"#,
        r#"{ put: "/boats/{id}/pin", fields: [pin], response: none }"#,
    ] {
        let mut shop = harbour(PATCH, later);
        let secret = |name: &str| json!({ "from_env": name });
        document(
            &shop,
            &json!({ "name": "Swan", "seats": 41, "code": secret("CODE"), "pin": secret("PIN") }),
        );
        shop.workspace.expect(0, &["apply", "--auto-approve"]);
        let boat = &shop.objects("ferry/boat")[0];
        assert_eq!(
            (&boat["seats"], &boat["code"], &boat["pin"]),
            (&json!(41), &json!("canary-new-code"), &json!("canary-new-pin")),
            "{later}"
        );
        assert_eq!(writes(&shop).len(), 2, "{later}");
        shop.workspace.expect(0, &["plan", "--detailed-exitcode"]).says(&["No changes"]);
        // what either request sent is known, each by itself
        for (name, member) in [("CODE", "code"), ("PIN", "pin")] {
            shop.workspace.set(name, "canary-third");
            shop.workspace.expect(0, &["apply", "--auto-approve"]);
            assert_eq!(shop.objects("ferry/boat")[0][member], "canary-third", "{later}");
            shop.workspace.expect(0, &["plan", "--detailed-exitcode"]).says(&["No changes"]);
        }
    }
}

#[test]
fn a_hidden_value_that_only_a_later_update_takes_is_sent_after_the_create() {
    let later = r#"{ put: "/boats/{id}/pin", fields: [pin, home], response: none }"#;
    let mut shop = harbour(PATCH, later);
    let kind =
        shop.workspace.read("apis/ferry/boat.yaml").replace("starts it.,", "starts it., update_only: true,");
    shop.workspace.write("apis/ferry/boat.yaml", &kind);
    let document = |secret: &str| {
        let spec = json!({ "name": "Tern", "seats": 3, "code": { "from_env": "CODE" }, "pin": { "from_env": secret } });
        json!({ "kind": "ferry/boat", "name": "tern", "spec": spec }).to_string()
    };
    shop.workspace.write("config/tern.yaml", &document("PIN"));
    shop.workspace.expect(0, &["apply", "--auto-approve"]);
    let written = writes(&shop);
    assert_eq!(written[0].0, "POST /boats");
    assert_eq!((&written[0].1["pin"], &written[0].1["code"]), (&Json::Null, &json!("canary-new-code")));
    // what the operation takes and the document leaves alone is sent back as it is
    assert_eq!(written[1].1, json!({ "pin": "canary-new-pin", "home": null }));
    shop.workspace.expect(0, &["plan", "--detailed-exitcode"]).says(&["No changes"]);
    // a new value is sent once more, by its own request
    shop.workspace.set("PIN", "canary-third");
    shop.workspace.expect(0, &["apply", "--auto-approve"]);
    assert_eq!(writes(&shop).len(), 3);
    shop.workspace.expect(0, &["plan", "--detailed-exitcode"]).says(&["No changes"]);
}

#[test]
fn secrets_that_are_skipped_are_not_held_against_a_full_body() {
    let first = r#"{ put: "/boats/{id}", response: none }"#;
    let later = r#"{ put: "/boats/{id}/pin", fields: [pin], response: none }"#;
    let shop = harbour(first, later);
    let secret = |name: &str| json!({ "from_env": name });
    let spec = json!({ "name": "Swan", "seats": 41, "code": secret("CODE"), "pin": secret("PIN") });
    document(&shop, &spec);
    shop.workspace.expect(0, &["plan", "--no-secrets"]).says(&["seats", "1 to update"]);
    // without the value of `code` the full body would erase it; `pin` is another request's
    document(&shop, &json!({ "name": "Swan", "seats": 41 }));
    let ran = shop.workspace.expect(3, &["apply", "--auto-approve"]);
    ran.says(&["would-erase", "`code`"]);
    assert!(!ran.all().contains("`pin`"), "{}", ran.all());
}

#[test]
fn an_object_that_is_not_flagged_as_deleted_counts() {
    let workspace = Workspace::new();
    workspace.write("apis/ferry/api.yaml", API);
    let kind = BOAT
        .replace("FIRST", PATCH)
        .replace("  updates: [LATER]\n", "")
        .replace("home: A }", "home: A, active: true }\n  - object: { id: 2, name: Gull, active: false }")
        .replace("examples:", "  active: { type: boolean, description: Whether it is there. }\nexamples:")
        .replace("operations:", "deleted_when: { field: active, values: [\"false\"] }\noperations:");
    workspace.write("apis/ferry/boat.yaml", &kind);
    let shop = OwnApiFixture::open(workspace, SETTINGS, SandboxOptions::default());
    document(&shop, &json!({ "name": "Swan", "seats": 40 }));
    let plan = shop.workspace.expect(0, &["plan", "--unmanaged", "--format", "json"]).json();
    assert_eq!(plan["summary"]["unchanged"], 1, "{plan:#}");
    assert!(!plan.to_string().contains("Gull"), "{plan:#}");
}

#[test]
fn a_plan_shows_the_fixed_query_of_each_request() {
    let first = r#"{ patch: "/boats/{id}", body: changes, response: none, query: { mode: merge } }"#;
    let later =
        r#"{ patch: "/boats/{id}", body: changes, fields: [home], response: none, query: { part: berth } }"#;
    let shop = harbour(first, later);
    let kind = shop.workspace.read("apis/ferry/boat.yaml");
    let delete = "  delete: { delete: \"/boats/{id}\", query: { cascade: \"1\" } }\nproperties:";
    shop.workspace.write("apis/ferry/boat.yaml", &kind.replacen("properties:", delete, 1));
    document(&shop, &json!({ "name": "Swan", "seats": 41, "home": "B" }));
    let plan = shop.workspace.expect(0, &["plan", "--format", "json"]).json();
    let requests = plan["changes"][0]["requests"].as_array().expect("requests");
    let query = |at: usize| (&requests[at]["path"], &requests[at]["query"][0]["value"]);
    assert_eq!(query(0), (&json!("/boats/1"), &json!("merge")), "{plan:#}");
    assert_eq!(query(1), (&json!("/boats/1"), &json!("berth")), "{plan:#}");
    let gone = json!({ "kind": "ferry/boat", "name": "swan", "id": 1, "state": "absent", "spec": { "name": "Swan" } });
    shop.workspace.write("config/swan.yaml", &gone.to_string());
    let plan = shop.workspace.expect(0, &["plan", "--allow-delete", "--format", "json"]).json();
    let deleted = &plan["changes"][0]["requests"][0];
    assert_eq!(
        (&deleted["path"], &deleted["query"][0]["value"]),
        (&json!("/boats/1"), &json!("1")),
        "{plan:#}"
    );
}
