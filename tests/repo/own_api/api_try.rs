//! `trueup api try`: a description against live objects that are not as it says.

use serde_json::{Value as Json, json};
use trueup::sandbox::{SandboxFault, SandboxOptions};

use crate::support::own_api_fixture::OwnApiFixture;
use crate::support::workspace::Workspace;

const SETTINGS: &str =
    "targets:\n  here: { api: ferry, base_url: \"URL\", auth: { bearer: { from_env: KEY } } }\n";
const API: &str = "format: 1\ntitle: Ferry\ndescription: Boats.\nformats: [json]\nauth: [bearer]\nerrors: { messages: [message] }\n";
const BOAT: &str = r#"
format: 1
title: Boat
description: A boat.
identity: { id: id, natural_key: [name] }
operations:
  list: { get: /boats, items: boats, paging: { offset: skip, limit: take, page_size: 100, total: total } }
  get: { get: "/boats/{id}" }
properties:
  id: { type: integer, description: The id., read_only: true }
  name: { type: string, description: The name. }
  seats: { type: integer, description: How many may sit. }
  owner: { type: uuid, description: Whose it is. }
  built: { type: date, description: When it was built. }
  price: { type: decimal, description: What it costs. }
  pin: { type: string, description: What starts it., sensitivity: secret }
  state: { type: string, description: How it is., enum: { afloat: In the water, ashore: On land } }
  route:
    type: object
    description: Where it goes.
    properties:
      from: { type: string, description: From where. }
      minutes: { type: integer, description: How long. }
  stops:
    type: array
    description: Where it halts.
    unlisted_items: delete
    list_type: map
    list_keys: [[pier]]
    items:
      properties:
        pier: { type: string, description: The pier., required: true }
        wait: { type: integer, description: How long it waits. }
  flags: { type: array, description: Its flags., unlisted_items: delete, list_type: set, items: { type: string } }
examples:
  - object:
      id: 1
      name: canary-name
      seats: 4711
      owner: 0f5d2c1e-8a44-4e0b-9d7e-3c2b1a000001
      built: "1999-12-31"
      price: 12.5
      pin: canary-pin
      state: afloat
      route: { from: canary-from, minutes: 20 }
      stops: [{ pier: A, wait: 3 }, { pier: B, wait: null }]
      flags: [x, y]
  - object: { id: 2, name: canary-other, seats: null, owner: null, route: null, stops: [], flags: [], state: ashore }
"#;

/// A sandbox of the true description, and a workspace with another one.
fn shop(reported: impl Fn(&str) -> String) -> OwnApiFixture {
    let workspace = Workspace::new();
    workspace.write("apis/ferry/api.yaml", API);
    workspace.write("apis/ferry/boat.yaml", BOAT);
    let shop = OwnApiFixture::open(workspace, SETTINGS, SandboxOptions::default());
    let (head, samples) = BOAT.split_once("examples:").expect("samples");
    assert!(!samples.is_empty());
    shop.workspace.write("apis/ferry/boat.yaml", &reported(head));
    shop
}

/// The findings about the one kind.
fn found(shop: &OwnApiFixture, code: i32, arguments: &[&str]) -> Json {
    let ran = shop.workspace.expect(code, &[&["api", "try", "here", "--format", "json"], arguments].concat());
    for value in ["canary", "4711", "0f5d2c1e", "1999", "12.5"] {
        assert!(!ran.all().contains(value), "{value} is shown\n{}", ran.all());
    }
    assert!(shop.writes().is_empty(), "a trial writes nothing");
    ran.json()["kinds"][0].clone()
}

#[test]
fn a_true_description_fits() {
    let shop = shop(str::to_owned);
    let kind = found(&shop, 0, &[]);
    assert_eq!((&kind["objects"], &kind["missing"], &kind["mistyped"]), (&json!(2), &json!([]), &json!([])));
    assert_eq!(kind["never_returned"], json!([]), "null is not nothing");
    assert_eq!(kind["natural_key"], json!({ "fields": ["name"], "unique": true, "shared": [], "absent": 0 }));
    assert_eq!(kind["lists"][1]["path"], "stops");
    shop.workspace.expect(0, &["api", "try", "here", "ferry/boat"]).says(&["the description matches"]);
}

#[test]
fn what_is_missing_is_named_with_its_type() {
    let shop = shop(|text| {
        let fields = ["seats", "owner", "built", "price", "flags"];
        let kept = |line: &&str| !fields.iter().any(|field| line.starts_with(&format!("  {field}:")));
        let kept: Vec<&str> = text.lines().filter(kept).collect();
        let kept = kept.join("\n") + "\n";
        let kept = kept.replace("      minutes: { type: integer, description: How long. }\n", "");
        kept.replace("        wait: { type: integer, description: How long it waits. }\n", "")
    });
    let kind = found(&shop, 2, &[]);
    let missing = kind["missing"].as_array().expect("some");
    let said = |one: &Json| {
        format!("{} {} {} {}", one["path"], one["actual_types"], one["suggested"], one["objects"])
            .replace('"', "")
    };
    let said: Vec<String> = missing.iter().map(said).collect();
    let wanted = [
        "built [null,string] date 2",
        "flags [array] array 2",
        "owner [null,string] uuid 2",
        "price [null,number] decimal 2",
        "route.minutes [number] integer 1",
        "seats [null,number] integer 2",
        "stops[].wait [null,number] integer 1",
    ];
    assert_eq!(said, wanted);
    let ran = shop.workspace.expect(2, &["api", "try", "here"]);
    ran.says(&[
        "the description does not match",
        "not described\n",
        "    owner: null, string, perhaps `type: uuid` (in 2 of 2)\n",
    ]);
}

#[test]
fn what_is_mistyped_is_named_with_both_types() {
    let shop = shop(|text| {
        text.replace("seats: { type: integer", "seats: { type: boolean")
            .replace("minutes: { type: integer", "minutes: { type: date")
            .replace("wait: { type: integer", "wait: { type: uuid")
            .replace("flags: { type: array, description: Its flags., unlisted_items: delete, list_type: set, items: { type: string } }",
                "flags: { type: array, description: Its flags., unlisted_items: delete, list_type: set, items: { type: integer } }")
            .replace("price: { type: decimal, description: What it costs. }", "price: { type: map, description: M., unlisted_items: delete, items: { type: string } }")
            .replace("afloat: In the water, ", "")
    });
    let kind = found(&shop, 2, &[]);
    let said =
        |one: &Json| format!("{} {} {}", one["path"], one["described"], one["actual_types"]).replace('"', "");
    let said: Vec<String> = kind["mistyped"].as_array().expect("some").iter().map(said).collect();
    let wanted = [
        "flags[] integer [string]",
        "price map [number]",
        "route.minutes date [number]",
        "seats boolean [number]",
        "stops[].wait uuid [number]",
    ];
    assert_eq!(said, wanted);
    assert_eq!(kind["missing"], json!([]), "what is mistyped is not missing");
    let unlisted = json!([{ "path": "state", "values": ["afloat"], "open": false, "objects": 1 }]);
    assert_eq!(kind["unlisted"], unlisted);
    shop.workspace
        .expect(2, &["api", "try", "here"])
        .says(&["seats: described as boolean, returned as number; this is not"]);
}

#[test]
fn what_never_came_and_what_tells_nothing_apart_is_reported() {
    let shop = shop(|text| {
        text.replace("natural_key: [name]", "natural_key: [state]")
            .replace("list_keys: [[pier]]", "list_keys: [[halt]]")
            .replace("        pier:", "        halt: { type: string, description: The halt. }\n        pier:")
            .replace("  seats:", "  ghost: { type: string, description: Nobody saw it. }\n  seats:")
    });
    let state = json!({ "state": "ashore", "price": null, "built": null });
    shop.sandbox.edit_object("ferry/boat", "1", state.as_object().expect("members")).expect("an edit");
    let kind = found(&shop, 2, &["boat"]);
    assert_eq!(kind["never_returned"], json!(["ghost", "stops[].halt"]));
    assert_eq!(kind["only_null"], json!(["built", "price"]));
    assert_eq!(kind["natural_key"]["shared"], json!([["1", "2"]]));
    let stops = kind["lists"].as_array().expect("lists").iter().find(|list| list["path"] == "stops");
    assert_eq!(stops.expect("the list")["unique"], json!(false));
    let ran = shop.workspace.expect(2, &["api", "try", "here"]);
    ran.says(&["natural key (state): shared by 1 and 2", "stops: halt is not unique in 1 of 2"]);
}

#[test]
fn few_objects_are_asked_for() {
    let workspace = Workspace::new();
    workspace.write("apis/ferry/api.yaml", API);
    workspace.write("apis/ferry/boat.yaml", BOAT);
    let shop = OwnApiFixture::open(
        workspace,
        SETTINGS,
        SandboxOptions { count: Some(250), ..SandboxOptions::default() },
    );
    let kind = found(&shop, 0, &["--count", "7"]);
    assert_eq!(kind["objects"], json!(7));
    let log = shop.sandbox.read_log();
    assert_eq!(log.len(), 1 + 3, "one page, and all pages for the trial of paging");
    assert!(log[0].query.contains(&("take".into(), "7".into())), "{:?}", log[0].query);
}

#[test]
fn what_cannot_be_read_is_reported_without_the_credential() {
    let mut shop = shop(str::to_owned);
    for (fault, code) in
        [("GET:500", "service-error"), ("GET:html", "unreadable-answer"), ("GET:403", "forbidden")]
    {
        shop.sandbox.add_fault(SandboxFault::parse_fault(&format!("{fault}:1")).expect("a fault"));
        let ran =
            shop.workspace.expect(1, &["api", "try", "here", "--request-timeout", "5", "--max-retries", "0"]);
        ran.complains(&[code, "ferry/boat"]);
    }
    shop.workspace.set("KEY", "wrong");
    let ran = shop.workspace.expect(1, &["api", "try", "here"]);
    ran.complains(&["unauthorized", "check the credentials of the target `here`"]);
    shop.workspace.unset("KEY");
    let ran = shop.workspace.expect(1, &["api", "try", "here", "--format", "json"]);
    assert_eq!(ran.json()["complete"], json!(false));
    ran.complains(&["unresolved-secret", "--> trueup.yaml:2:"]);
}

#[test]
fn targets_kinds_and_scopes_are_looked_up() {
    let shop = shop(str::to_owned);
    shop.workspace.expect(1, &["api", "try", "her"]).complains(&["unknown-target", "did you mean `here`?"]);
    shop.workspace.expect(1, &["api", "try", "here", "bot"]).complains(&["unknown-kind", "ferry/boat"]);
    shop.workspace.expect(64, &["api", "try"]);
    let scoped = "description: A boat.\nscope: { pier: { type: integer, description: The pier. } }";
    let text = shop.workspace.read("apis/ferry/boat.yaml").replace("description: A boat.", scoped);
    let text = text
        .replace("get: /boats,", "get: \"/piers/{pier}/boats\",")
        .replace("\"/boats/{id}\"", "\"/piers/{pier}/boats/{id}\"");
    shop.workspace.write("apis/ferry/boat.yaml", &text);
    shop.workspace.expect(1, &["api", "try", "here"]).complains(&["missing-scope", "--scope pier=…"]);
    shop.workspace.expect(1, &["api", "try", "here", "--scope", "pier=x"]).complains(&["wrong-scope"]);
    shop.workspace.expect(64, &["api", "try", "here", "--scope", "pier"]);
    // the sandbox does not know the path, but it was asked for
    shop.workspace.expect(1, &["api", "try", "here", "--scope", "pier=7"]).complains(&["not-found"]);
    let paths: Vec<String> = shop.sandbox.read_log().into_iter().map(|entry| entry.path).collect();
    assert_eq!(paths, ["/ferry/piers/7/boats"]);
}

#[test]
fn faulty_documents_do_not_stand_in_the_way() {
    let shop = shop(str::to_owned);
    shop.workspace.write("config/broken.yaml", "kind: [\n");
    shop.workspace.expect(0, &["api", "try", "here"]);
}
