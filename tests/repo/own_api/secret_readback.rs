//! Secrets that read back in clear, as a mask, or never: what a full write carries, and what is compared.

use serde_json::json;
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
  update: { put: "/boats/{id}" }
properties:
  id: { type: integer, description: The id., read_only: true }
  name: { type: string, description: The name., required: true }
  seats: { type: integer, description: How many may sit. }
  pin: { type: string, description: What starts it., WORDS }
examples:
  - object: { id: 1, name: Swan, seats: 40, pin: canary-real-pin }
"#;

fn harbour(words: &str, pin: Option<&str>) -> OwnApiFixture {
    let workspace = Workspace::new();
    workspace.write("apis/ferry/api.yaml", API);
    workspace.write("apis/ferry/boat.yaml", &BOAT.replace("WORDS", words));
    let mut shop = OwnApiFixture::open(workspace, SETTINGS, SandboxOptions::default());
    let mut document =
        json!({ "kind": "ferry/boat", "name": "swan", "id": 1, "spec": { "name": "Swan", "seats": 41 } });
    if let Some(pin) = pin {
        shop.workspace.set("PIN", pin);
        document["spec"]["pin"] = json!({ "from_env": "PIN" });
    }
    shop.workspace.write("config/swan.yaml", &document.to_string());
    shop
}

#[test]
fn a_full_write_carries_only_a_secret_that_comes_back_in_clear() {
    let shop = harbour("sensitivity: secret, reads_back: clear", None);
    shop.workspace.expect(0, &["apply", "--auto-approve"]);
    assert_eq!(body(&shop.writes()[0])["pin"], "canary-real-pin");
    for (words, says) in [
        ("sensitivity: secret", "unconfirmed-secret"),
        ("sensitivity: secret, reads_back: masked, masked_as: [kept safe]", "would-write-mask"),
        ("sensitivity: secret, reads_back: never", "would-erase"),
    ] {
        let shop = harbour(words, None);
        let ran = shop.workspace.run(&["apply", "--auto-approve"]);
        assert!(ran.all().contains(says), "{words}: {}", ran.all());
        assert!(shop.writes().is_empty(), "{words}");
    }
}

#[test]
fn a_secret_that_does_not_come_back_is_compared_with_what_was_written() {
    for words in ["reads_back: masked, masked_as: [kept safe]", "reads_back: masked", "reads_back: never"] {
        let mut shop = harbour(&format!("sensitivity: secret, {words}"), Some("canary-first-pin"));
        shop.workspace.expect(0, &["apply", "--auto-approve"]);
        assert_eq!(shop.objects("ferry/boat")[0]["pin"], "canary-first-pin", "{words}");
        shop.workspace.expect(0, &["plan", "--detailed-exitcode"]).says(&["No changes"]);
        shop.workspace.set("PIN", "canary-second-pin");
        let planned = shop.workspace.expect(2, &["plan", "--detailed-exitcode"]);
        assert!(!planned.all().contains("canary"), "{}", planned.all());
        shop.workspace.expect(0, &["apply", "--auto-approve"]);
        assert_eq!(shop.objects("ferry/boat")[0]["pin"], "canary-second-pin", "{words}");
    }
}

#[test]
fn words_about_reads_belong_to_secrets() {
    for (words, says) in [
        ("reads_back: clear", "`reads_back` needs `sensitivity: secret`"),
        ("masked_as: [x]", "`masked_as` needs `sensitivity: secret`"),
        ("sensitivity: secret, reads_back: clear, masked_as: [x]", "only a secret with `reads_back: masked`"),
        ("sensitivity: secret, write_only: true, reads_back: clear", "never comes back"),
    ] {
        let workspace = Workspace::new();
        workspace.write("apis/ferry/api.yaml", API);
        let head = BOAT.split("examples:").next().unwrap_or_default();
        workspace.write("apis/ferry/boat.yaml", &head.replace("WORDS", words));
        workspace.expect(1, &["api", "check"]).complains(&[says, "boat.yaml:"]);
    }
}

/// The only document, with this `spec` and no id.
fn create(shop: &OwnApiFixture, spec: &serde_json::Value) {
    let document = json!({ "kind": "ferry/boat", "name": "tern", "spec": spec });
    shop.workspace.write("config/swan.yaml", &document.to_string());
    shop.workspace.expect(0, &["apply", "--auto-approve"]);
}

#[test]
fn a_secret_that_a_create_left_out_is_known_to_be_none() {
    for words in ["reads_back: never", "when_absent: hidden", "write_only: true"] {
        let shop = harbour(&format!("sensitivity: secret, {words}"), None);
        create(&shop, &json!({ "name": "Tern", "seats": 3 }));
        create(&shop, &json!({ "name": "Tern", "seats": 4 }));
        let writes = shop.writes();
        let lines: Vec<&str> = writes.iter().map(|entry| &*entry.method).collect();
        assert_eq!(lines, ["POST", "PUT"], "{words}");
        assert!(body(&writes[1])["pin"].is_null(), "{words}");
        shop.workspace.expect(0, &["plan", "--detailed-exitcode"]).says(&["No changes"]);
    }
}

#[test]
fn one_secret_on_several_objects_is_not_carried() {
    let workspace = Workspace::new();
    workspace.write("apis/ferry/api.yaml", API);
    let second = "\n  - object: { id: 2, name: Gull, seats: 12, pin: as before }\n";
    let kind = BOAT.replace("WORDS", "sensitivity: secret").replace("canary-real-pin", "as before");
    workspace.write("apis/ferry/boat.yaml", &format!("{}{second}", kind.trim_end()));
    let shop = OwnApiFixture::open(workspace, SETTINGS, SandboxOptions::default());
    for (id, name) in [(1, "Swan"), (2, "Gull")] {
        let spec = json!({ "name": name, "seats": 41 });
        let document = json!({ "kind": "ferry/boat", "name": name.to_lowercase(), "id": id, "spec": spec });
        shop.workspace.write(&format!("config/{name}.yaml"), &document.to_string());
    }
    let ran = shop.workspace.expect(3, &["apply", "--auto-approve"]);
    assert_eq!(ran.all().matches("unconfirmed-secret]").count(), 2, "{}", ran.all());
    assert!(shop.writes().is_empty());
}

const DEEP: &str = r#"
format: 1
title: Boat
description: A boat.
identity: { id: id, natural_key: [name] }
operations:
  list: { get: /boats }
  get: { get: "/boats/{id}" }
  update: { patch: "/boats/{id}", body: changes, nested_fields: { granularity: GRANULARITY } }
properties:
  id: { type: integer, description: The id., read_only: true }
  name: { type: string, description: The name., required: true }
  cabin:
    type: object
    description: The cabin.
    properties:
      beds: { type: integer, description: How many beds. }
      lock:
        type: object
        description: Its lock.
        properties:
          label: { type: string, description: Its label. }
          code: { type: string, description: What opens it., sensitivity: secret }
  doors:
    type: array
    description: The doors.
    unlisted_items: keep
    list_type: map
    list_keys: [[side]]
    items:
      properties:
        side: { type: string, description: The side., required: true }
        width: { type: integer, description: The width. }
        code: { type: string, description: What opens it., sensitivity: secret }
examples:
  - object: { id: 1, name: Swan, cabin: { beds: 2, lock: { label: A, code: "••••" } }, doors: [{ side: port, width: 1, code: "****" }, { side: aft, width: 2, code: "xxxx1234" }] }
"#;

#[test]
fn a_mask_does_not_travel_with_what_is_beside_it_at_any_depth() {
    for (granularity, spec, refused) in [
        ("whole", json!({ "cabin": { "beds": 3 } }), true),
        ("whole", json!({ "cabin": { "lock": { "label": "B" } } }), true),
        ("members", json!({ "cabin": { "beds": 3 } }), false),
        ("members", json!({ "cabin": { "lock": { "label": "B" } } }), true),
        ("members", json!({ "doors": [{ "side": "port", "width": 9 }] }), true),
        ("whole", json!({ "doors": [{ "side": "port", "width": 9 }] }), true),
        // another door travels in the list too
        (
            "members",
            json!({ "doors": [{ "side": "port", "width": 9, "code": { "from_env": "PIN" } }] }),
            true,
        ),
    ] {
        let mut workspace = Workspace::new();
        workspace.set("PIN", "canary-new-pin");
        workspace.write("apis/ferry/api.yaml", API);
        workspace.write("apis/ferry/boat.yaml", &DEEP.replace("GRANULARITY", granularity));
        let shop = OwnApiFixture::open(workspace, SETTINGS, SandboxOptions::default());
        let mut all = json!({ "name": "Swan" });
        all.as_object_mut().expect("an object").extend(spec.as_object().expect("an object").clone());
        let document = json!({ "kind": "ferry/boat", "name": "swan", "id": 1, "spec": all });
        shop.workspace.write("config/swan.yaml", &document.to_string());
        let ran = shop.workspace.run(&["apply", "--auto-approve"]);
        let sent: Vec<String> = shop.writes().iter().map(|entry| body(entry).to_string()).collect();
        assert_eq!(
            ran.code,
            Some(if refused { 3 } else { 0 }),
            "{granularity} {spec}: {sent:?}\n{}",
            ran.all()
        );
        assert_eq!(sent.len(), usize::from(!refused), "{granularity} {spec}: {sent:?}");
        assert!(!sent.concat().contains("code"), "{granularity} {spec}: {sent:?}");
    }
}

#[test]
fn a_secret_that_never_changes_is_not_rotated_in_silence() {
    let shop = harbour("sensitivity: secret, immutable: true, write_only: true", Some("canary-first-pin"));
    let ran = shop.workspace.run(&["plan", "--rotate", "swan:pin"]);
    assert_eq!(ran.code, Some(1), "{}", ran.all());
    ran.complains(&["unmatched-rotate", "cannot be changed after creation"]);
}
