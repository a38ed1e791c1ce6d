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
