//! Maps of objects against the sandbox: entries come, change and go under every update, at two depths.

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
  update: UPDATE
properties:
  id: { type: integer, description: The id., read_only: true }
  name: { type: string, description: The name., required: true }
  labels: { type: map, description: Labels., unlisted_items: delete, map_type: TYPE, items: { type: string } }
  cabins:
    type: array
    description: The cabins.
    list_type: map
    keyed_by: number
    map_type: TYPE
    unlisted_items: delete
    items:
      properties:
        number: { type: string, description: The number on the door., required: true }
        beds: { type: integer, description: How many beds., required: true }
        made: { type: integer, description: Set by the service., read_only: true, omit_from: [writes] }
        labels: { type: map, description: Labels., unlisted_items: delete, items: { type: string } }
        guests:
          type: array
          description: Who sleeps there.
          list_type: map
          keyed_by: name
          unlisted_items: delete
          items:
            properties:
              name: { type: string, description: The name., required: true }
              age: { type: integer, description: The age. }
examples:
  - object:
      id: 1
      name: Swan
      labels: { deck: upper, side: left }
      cabins:
        "12": { beds: 2, made: 1, labels: { view: sea, door: red }, guests: { Ann: { age: 40 } } }
        "13": { beds: 1, made: 2, labels: {}, guests: { Bob: { age: 41 }, Cy: {} } }
        "14": { beds: 3, made: 3, labels: {}, guests: {} }
"#;

const UPDATES: [(&str, &str); 5] = [
    (
        r#"{ patch: "/boats/{id}", body: changes, encoding: merge_patch, nested_fields: { granularity: members } }"#,
        "granular",
    ),
    (r#"{ patch: "/boats/{id}", body: changes, nested_fields: { granularity: members } }"#, "granular"),
    (r#"{ patch: "/boats/{id}", body: changes, nested_fields: { granularity: members } }"#, "atomic"),
    (r#"{ patch: "/boats/{id}", body: changes, nested_fields: { granularity: whole } }"#, "granular"),
    (r#"{ put: "/boats/{id}" }"#, "granular"),
];

fn harbour((update, map_type): (&str, &str)) -> OwnApiFixture {
    let workspace = Workspace::new();
    workspace.write("apis/ferry/api.yaml", API);
    workspace.write("apis/ferry/boat.yaml", &BOAT.replace("UPDATE", update).replace("TYPE", map_type));
    OwnApiFixture::open(workspace, SETTINGS, SandboxOptions::default())
}

fn describe(shop: &OwnApiFixture, name: &str, labels: &Json, cabins: &Json) {
    let spec = json!({ "name": name, "labels": labels, "cabins": cabins });
    let document = json!({ "kind": "ferry/boat", "name": "boat", "spec": spec });
    shop.workspace.write("config/boat.yaml", &document.to_string());
}

#[test]
fn entries_come_change_and_go_at_every_depth() {
    for update in UPDATES {
        let shop = harbour(update);
        shop.workspace.expect(0, &["api", "check"]).says(&["1 kind: valid"]);
        let explained = shop.workspace.expect(0, &["explain", "ferry/boat.cabins"]);
        explained.says(&["the names of its members are `number`", "by sending the empty map", "-required-"]);
        let mut undescribed = shop.objects("ferry/boat")[0]["cabins"].clone();
        undescribed["12"]["paint"] = json!("white");
        undescribed["12"]["guests"]["Ann"]["note"] = json!("late");
        let undescribed = json!({ "cabins": undescribed });
        let members = undescribed.as_object().expect("members");
        shop.sandbox.edit_object("ferry/boat", "1", members).expect("an edit");
        let cabins = json!([
            { "number": "12", "beds": 4, "labels": { "view": "port" }, "guests": [{ "name": "Ann" }, { "name": "Dee", "age": 2 }] },
            { "number": "13", "beds": 1, "guests": [{ "name": "Cy" }] },
            { "number": "a/b~c.d", "beds": 5 },
        ]);
        describe(&shop, "Swan", &json!({ "deck": "lower" }), &cabins);
        shop.converges();
        let boat = &shop.objects("ferry/boat")[0];
        assert_eq!(boat["labels"], json!({ "deck": "lower" }), "{update:?}");
        let cabins = &boat["cabins"];
        assert_eq!(cabins.as_object().map(|cabins| cabins.len()), Some(3), "{update:?} {cabins}");
        let twelve = &cabins["12"];
        assert_eq!(
            (&twelve["beds"], &twelve["made"], &twelve["paint"]),
            (&json!(4), &json!(1), &json!("white"))
        );
        assert_eq!(twelve["labels"], json!({ "view": "port" }), "{update:?}");
        assert_eq!(twelve["guests"]["Ann"], json!({ "age": 40, "note": "late" }), "{update:?}");
        assert_eq!(twelve["guests"]["Dee"]["age"], 2, "{update:?}");
        assert_eq!(cabins["13"]["guests"].as_object().map(|guests| guests.len()), Some(1), "{update:?}");
        assert_eq!((&cabins["14"], &cabins["a/b~c.d"]["beds"]), (&Json::Null, &json!(5)), "{update:?}");
    }
}

#[test]
fn a_create_sends_the_entries_by_their_keys() {
    let shop = harbour(UPDATES[0]);
    let cabins = json!([{ "number": "1", "beds": 2, "guests": [{ "name": "Ann", "age": 3 }] }]);
    describe(&shop, "Tern", &json!({}), &cabins);
    shop.converges();
    let sent = body(&shop.writes()[0])["cabins"].clone();
    assert_eq!(sent["1"]["beds"], 2, "{sent}");
    assert_eq!(
        (&sent["1"]["guests"]["Ann"]["age"], &sent["1"]["number"]),
        (&json!(3), &Json::Null),
        "{sent}"
    );
}

#[test]
fn an_import_of_the_sandbox_plans_nothing() {
    for update in UPDATES {
        let shop = harbour(update);
        shop.workspace.expect(0, &["import", "ferry/boat", "-o", "config"]);
        shop.workspace.expect(0, &["plan", "--detailed-exitcode"]).says(&["No changes"]);
        shop.workspace.expect(0, &["api", "try", "here", "boat"]);
    }
}

#[test]
fn an_entry_without_its_key_or_with_a_key_twice_is_refused_at_its_line() {
    let shop = harbour(UPDATES[0]);
    for (cabins, code) in [
        (json!([{ "beds": 1 }]), "missing-item-key"),
        (json!([{ "number": "1", "beds": 1 }, { "number": "1", "beds": 2 }]), "duplicate-item"),
        (json!({ "1": { "beds": 1 } }), "wrong-type"),
        (json!([{ "number": "1", "beds": 1, "made": 2 }]), "computed-field"),
    ] {
        describe(&shop, "Swan", &json!({}), &cabins);
        shop.workspace.expect(1, &["validate"]).complains(&[code, "boat.yaml:1"]);
    }
}

#[test]
fn levels_add_change_and_remove_entries_by_their_keys() {
    let shop = harbour(UPDATES[0]);
    let base = r#"
base: usual
kind: ferry/boat
spec:
  cabins:
    - { number: "12", beds: 2, guests: [{ name: Ann, age: 40 }] }
    - { number: "13", beds: 1, guests: [{ name: Bob, age: 41 }, { name: Cy }] }
    - { number: "14", beds: 3 }
"#;
    let boat = r#"
kind: ferry/boat
name: boat
extends: [usual]
spec:
  name: Swan
  cabins:
    change: [{ number: "13", beds: 5, guests: { remove: [{ name: Bob }] } }]
    remove: [{ number: "14" }]
    add: [{ number: "15", beds: 1 }]
"#;
    shop.workspace.write("bases/usual.yaml", base);
    shop.workspace.write("config/boat.yaml", boat);
    shop.workspace.expect(0, &["why", "boat.cabins"]).says(&["bases/usual.yaml", "config/boat.yaml"]);
    shop.converges();
    let thirteen = json!({ "beds": 5, "guests": { "Bob": null } });
    let cabins = json!({ "13": thirteen, "14": null, "15": { "beds": 1 } });
    assert_eq!(without_nulls_of_new(body(&shop.writes()[0]))["cabins"], cabins);
    let boat = boat.replace("extends: [usual]", "extends: [usual]\nunset: [cabins]");
    let boat = boat.split("  cabins:").next().unwrap_or_default();
    shop.workspace.write("config/boat.yaml", boat);
    shop.workspace.expect(0, &["plan", "--detailed-exitcode"]).says(&["No changes"]);
}

/// A new entry says that what it does not name is null.
fn without_nulls_of_new(mut body: Json) -> Json {
    body["cabins"]["15"].as_object_mut().expect("an entry").retain(|_, value| !value.is_null());
    body
}

#[test]
fn what_a_format_or_an_api_cannot_write_is_refused() {
    for (from, to, says) in [
        ("formats: [json]", "formats: [jsv]", "which JSV can't say"),
        ("formats: [json]", "formats: [json]\nmember_names: preserve_case", "`member_names: preserve_case`"),
    ] {
        let workspace = Workspace::new();
        workspace.write("apis/ferry/api.yaml", &API.replace(from, to));
        let (update, map_type) = UPDATES[1];
        workspace.write("apis/ferry/boat.yaml", &BOAT.replace("UPDATE", update).replace("TYPE", map_type));
        workspace.expect(1, &["api", "check"]).complains(&[says, "boat.yaml:"]);
    }
}
