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
