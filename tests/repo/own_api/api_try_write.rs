//! `api try --write`: a description that lacks something is finished from live objects, and no other line changes.

use serde_json::{Value as Json, json};
use trueup::sandbox::{SandboxOptions, SandboxSecretMode};

use crate::support::own_api_fixture::OwnApiFixture;
use crate::support::stub_server::StubServer;
use crate::support::workspace::Workspace;

const SETTINGS: &str =
    "targets:\n  here: { api: ferry, base_url: \"URL\", auth: { bearer: { from_env: KEY } } }\n";
const API: &str = "format: 1\ntitle: Ferry\ndescription: Boats.\nformats: [json]\nauth: [bearer]\n";
const BOAT: &str = r#"
format: 1
title: Boat
description: A boat.
identity:
  id: id
  natural_key: [name]
operations:
  list: { get: /boats }
  get: { get: "/boats/{id}" }
properties:
  id: { type: integer, description: The id., read_only: true }
  # what people call it
  name: { type: string, description: The name. }
  pin:
    type: string
    description: What starts it.
    sensitivity: secret
    reads_back: masked
    masked_as: ["****"]
  home:
    type: object
    description: Where it lies.
    properties:
      pier: { type: string, description: The pier. }
      berth: { type: integer, description: The berth. }
  seats: { type: integer, description: How many may sit. }
  flags: { type: array, description: Its flags., unlisted_items: delete, list_type: set, items: { type: string } }
examples:
  - object: { id: 1, name: Swan, pin: s-1, home: { pier: A, berth: 3 }, seats: 40, flags: [x] }
  - object: { id: 2, name: Gull, pin: s-2, home: { pier: A, berth: 3 }, seats: 40, flags: [] }
  - object: { id: 3, name: Tern, pin: s-3, home: { pier: B, berth: 1 }, seats: 12, flags: [] }
"#;

#[test]
fn what_is_missing_is_proposed_and_added() {
    let workspace = Workspace::new();
    workspace.write("apis/ferry/api.yaml", API);
    workspace.write("apis/ferry/boat.yaml", BOAT);
    let options = SandboxOptions { secret_mode: SandboxSecretMode::Masked, ..SandboxOptions::default() };
    let shop = OwnApiFixture::open(workspace, SETTINGS, options);
    let (head, _) = BOAT.split_once("examples:").expect("samples");
    let left_out = ["natural_key", "berth:", "seats:", "flags:", "masked_as"];
    let kept = head.lines().filter(|line| !left_out.iter().any(|word| line.trim_start().starts_with(word)));
    let poor = kept.collect::<Vec<_>>().join("\n") + "\n";
    shop.workspace.write("apis/ferry/boat.yaml", &poor);

    let json = shop.workspace.expect(2, &["api", "try", "here", "--format", "json"]).json();
    let at: Vec<&Json> = json["proposals"].as_array().expect("some").iter().map(|one| &one["at"]).collect();
    assert_eq!(at, ["properties", "properties.home.properties", "identity", "properties.pin"]);
    assert_eq!(shop.workspace.read("apis/ferry/boat.yaml"), poor, "without --write nothing is written");
    assert_eq!(json["proposals"][2]["lines"], json!("natural_key: [name]\n"));

    // what is wrong with another API is no reason
    shop.workspace.write("apis/other/api.yaml", "format: [\n");
    let ran = shop.workspace.expect(2, &["api", "try", "here", "--write"]);
    shop.workspace.remove("apis/other/api.yaml");
    ran.says(&["added to apis/ferry/boat.yaml, properties.home.properties:", "    berth:"]);
    let text = shop.workspace.read("apis/ferry/boat.yaml");
    assert!(poor.lines().all(|line| text.lines().any(|own| own == line)), "no line is lost\n{text}");
    for wanted in [
        "  id: id\n  natural_key: [name]\n",
        "description: The pier. }\n      berth:\n        type: integer\n",
        "  seats:\n    type: integer\n    description: Returned by the service.\n    read_only: true\n",
        "  flags:\n    type: any\n",
        "    masked_as: [\"****\"]\n",
    ] {
        assert!(text.contains(wanted), "no {wanted}\n{text}");
    }
    shop.workspace.expect(0, &["api", "check"]);
    shop.workspace.expect(0, &["api", "try", "here"]).says(&["the description matches"]);
    assert!(shop.writes().is_empty(), "nothing is written to the service");
}

#[test]
fn a_member_with_a_dot_in_its_name_is_named_and_not_proposed() {
    let boat = json!({ "id": 1, "name": "Swan", "a.b": 1, "seats": 4 });
    let server = StubServer::new(move |request| match request.path.trim_start_matches("/api/v2") {
        "/boats" => (200, json!([boat])),
        "/boats/1" => (200, boat.clone()),
        _ => (404, json!({})),
    });
    let mut workspace = Workspace::new();
    workspace.write("apis/ferry/api.yaml", API);
    let (head, _) = BOAT.split_once("  pin:").expect("fields");
    workspace.write("apis/ferry/boat.yaml", head);
    workspace.write("trueup.yaml", &SETTINGS.replace("URL", server.url.as_str()));
    workspace.set("KEY", "any");
    let ran = workspace.expect(2, &["api", "try", "here", "--write"]);
    ran.says(&["a.b: number", "    seats:"]);
    let text = workspace.read("apis/ferry/boat.yaml");
    assert!(text.contains("seats:") && !text.contains(" b:") && !text.contains("a.b"), "{text}");
}
