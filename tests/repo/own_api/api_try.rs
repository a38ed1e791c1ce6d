//! `trueup api try`: a description against live objects that are not as it says.

use serde_json::{Value as Json, json};
use trueup::sandbox::{SandboxFault, SandboxOptions};

use crate::support::own_api_fixture::OwnApiFixture;
use crate::support::workspace::Workspace;

const SETTINGS: &str =
    "targets:\n  here: { api: ferry, base_url: \"URL\", auth: { bearer: { from_env: KEY } } }\n";
const API: &str =
    "format: 1\ntitle: Ferry\nis: Boats.\nformats: [json]\nauth: [bearer]\nerrors: { messages: [message] }\n";
const BOAT: &str = r#"
format: 1
title: Boat
is: A boat.
identity: { id: id, natural_key: [name] }
operations:
  list: { get: /boats, items: boats, paging: { offset: skip, limit: take, page: 100, total: total } }
  get: { get: "/boats/{id}" }
fields:
  id: { type: whole, is: The id., access: computed }
  name: { type: text, is: The name. }
  seats: { type: whole, is: How many may sit. }
  owner: { type: guid, is: Whose it is. }
  built: { type: date, is: When it was built. }
  price: { type: decimal, is: What it costs. }
  pin: { type: text, is: What starts it., mark: secret }
  state: { type: choice, is: How it is., choices: { afloat: In the water, ashore: On land } }
  route:
    type: object
    is: Where it goes.
    fields:
      from: { type: text, is: From where. }
      minutes: { type: whole, is: How long. }
  stops:
    type: list
    is: Where it halts.
    listed: complete
    told_apart: { key: [pier] }
    items:
      fields:
        pier: { type: text, is: The pier., access: required }
        wait: { type: whole, is: How long it waits. }
  flags: { type: list, is: Its flags., listed: complete, told_apart: set, items: { type: text } }
samples:
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
fn shop(told: impl Fn(&str) -> String) -> OwnApiFixture {
    let workspace = Workspace::new();
    workspace.write("apis/ferry/api.yaml", API);
    workspace.write("apis/ferry/boat.yaml", BOAT);
    let shop = OwnApiFixture::open(workspace, SETTINGS, SandboxOptions::default());
    let (head, samples) = BOAT.split_once("samples:").expect("samples");
    assert!(!samples.is_empty());
    shop.workspace.write("apis/ferry/boat.yaml", &told(head));
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
    assert_eq!(kind["never_came"], json!([]), "null is not nothing");
    assert_eq!(kind["natural_key"], json!({ "fields": ["name"], "unique": true, "shared": [], "absent": 0 }));
    assert_eq!(kind["lists"][1]["path"], "stops");
    shop.workspace.expect(0, &["api", "try", "here", "ferry/boat"]).says(&["the description fits"]);
}

#[test]
fn what_is_missing_is_named_with_its_type() {
    let shop = shop(|text| {
        let fields = ["seats", "owner", "built", "price", "flags"];
        let kept = |line: &&str| !fields.iter().any(|field| line.starts_with(&format!("  {field}:")));
        let kept: Vec<&str> = text.lines().filter(kept).collect();
        let kept = kept.join("\n") + "\n";
        let kept = kept.replace("      minutes: { type: whole, is: How long. }\n", "");
        kept.replace("        wait: { type: whole, is: How long it waits. }\n", "")
    });
    let kind = found(&shop, 2, &[]);
    let missing = kind["missing"].as_array().expect("some");
    let said = |one: &Json| {
        format!("{} {} {} {}", one["path"], one["came"], one["suggested"], one["objects"]).replace('"', "")
    };
    let said: Vec<String> = missing.iter().map(said).collect();
    let wanted = [
        "built [null,string] date 2",
        "flags [array] list 2",
        "owner [null,string] guid 2",
        "price [null,number] decimal 2",
        "route.minutes [number] whole 1",
        "seats [null,number] whole 2",
        "stops[].wait [null,number] whole 1",
    ];
    assert_eq!(said, wanted);
    let ran = shop.workspace.expect(2, &["api", "try", "here"]);
    ran.says(&[
        "does not fit",
        "not described\n",
        "    owner: null, string, perhaps `type: guid` (in 2 of 2)\n",
    ]);
}

#[test]
fn what_is_mistyped_is_named_with_both_types() {
    let shop = shop(|text| {
        text.replace("seats: { type: whole", "seats: { type: flag")
            .replace("minutes: { type: whole", "minutes: { type: date")
            .replace("wait: { type: whole", "wait: { type: guid")
            .replace("flags: { type: list, is: Its flags., listed: complete, told_apart: set, items: { type: text } }",
                "flags: { type: list, is: Its flags., listed: complete, told_apart: set, items: { type: whole } }")
            .replace("price: { type: decimal, is: What it costs. }", "price: { type: map, is: M., listed: complete, items: { type: text } }")
            .replace("afloat: In the water, ", "")
    });
    let kind = found(&shop, 2, &[]);
    let said = |one: &Json| format!("{} {} {}", one["path"], one["described"], one["came"]).replace('"', "");
    let said: Vec<String> = kind["mistyped"].as_array().expect("some").iter().map(said).collect();
    let wanted = [
        "flags[] whole [string]",
        "price map [number]",
        "route.minutes date [number]",
        "seats flag [number]",
        "stops[].wait guid [number]",
    ];
    assert_eq!(said, wanted);
    assert_eq!(kind["missing"], json!([]), "what is mistyped is not missing");
    let unlisted = json!([{ "path": "state", "values": ["afloat"], "open": false, "objects": 1 }]);
    assert_eq!(kind["unlisted"], unlisted);
    shop.workspace
        .expect(2, &["api", "try", "here"])
        .says(&["seats: described as flag, came as number; this is not"]);
}

#[test]
fn what_never_came_and_what_tells_nothing_apart_is_told() {
    let shop = shop(|text| {
        text.replace("natural_key: [name]", "natural_key: [state]")
            .replace("key: [pier]", "key: [halt]")
            .replace("        pier:", "        halt: { type: text, is: The halt. }\n        pier:")
            .replace("  seats:", "  ghost: { type: text, is: Nobody saw it. }\n  seats:")
    });
    let state = json!({ "state": "ashore", "price": null, "built": null });
    shop.sandbox.edit_object("ferry/boat", "1", state.as_object().expect("members")).expect("an edit");
    let kind = found(&shop, 2, &["boat"]);
    assert_eq!(kind["never_came"], json!(["ghost", "stops[].halt"]));
    assert_eq!(kind["only_null"], json!(["built", "price"]));
    assert_eq!(kind["natural_key"]["shared"], json!([["1", "2"]]));
    let stops = kind["lists"].as_array().expect("lists").iter().find(|list| list["path"] == "stops");
    assert_eq!(stops.expect("the list")["unique"], json!(false));
    let ran = shop.workspace.expect(2, &["api", "try", "here"]);
    ran.says(&[
        "natural key (state): shared by 1 and 2",
        "stops: halt does not tell the items apart in 1 of 2",
    ]);
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
    assert_eq!(log.len(), 1, "one page is read");
    assert!(log[0].query.contains(&("take".into(), "7".into())), "{:?}", log[0].query);
}

#[test]
fn what_cannot_be_read_is_told_without_the_credential() {
    let mut shop = shop(str::to_owned);
    for (fault, code) in
        [("GET:500", "service-error"), ("GET:html", "unreadable-answer"), ("GET:403", "forbidden")]
    {
        shop.sandbox.add_fault(SandboxFault::parse_fault(&format!("{fault}:1")).expect("a fault"));
        let ran = shop.workspace.expect(1, &["api", "try", "here", "--request-timeout", "5"]);
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
    let scoped = "is: A boat.\nscope: { pier: { type: whole, is: The pier. } }";
    let text = shop.workspace.read("apis/ferry/boat.yaml").replace("is: A boat.", scoped);
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
