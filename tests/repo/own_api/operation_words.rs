//! The words of operations against the sandbox: members around objects, encodings, queries, summaries, late and soft
//! deletes, several updates. Each description converges: create, update, delete, and an empty plan.

use serde_json::{Value as Json, json};
use trueup::sandbox::SandboxOptions;

use crate::support::own_api_fixture::{OwnApiFixture, body};
use crate::support::workspace::{ProgramOutput, Workspace};

const SETTINGS: &str =
    "targets:\n  here: { api: ferry, base_url: \"URL\", auth: { bearer: { from_env: KEY } } }\n";
const API: &str = "format: 1\ntitle: Ferry\ndescription: Boats.\nformats: [json]\nauth: [bearer]\nerrors: { messages: [message] }\n";
const BOAT: &str = r#"
format: 1
title: Boat
description: A boat.
identity: { id: id, natural_key: [name] }
WORDS
operations:
OPERATIONS
properties:
  id: { type: integer, description: The id., read_only: true }
  name: { type: string, description: The name., required: true }
  seats: { type: integer, description: How many may sit. }
  state: { type: string, description: How it is. }
  home:
    type: object
    description: Where it lies.
    properties:
      pier: { type: string, description: The pier. }
      berth: { type: integer, description: The berth. }
  flags: { type: array, description: Its flags., unlisted_items: delete, list_type: set, items: { type: string } }
examples:
  - object: { id: 1, name: Swan, seats: 40, state: afloat, home: { pier: A, berth: 3 }, flags: [x] }
  - object: { id: 2, name: Gull, seats: 12, state: afloat, home: { pier: B, berth: 1 }, flags: [] }
"#;
fn describe(words: &str, operations: &str) -> String {
    let lines: String = operations.lines().map(|line| format!("  {}\n", line.trim())).collect();
    BOAT.replace("WORDS\n", words).replace("OPERATIONS\n", &lines)
}

fn harbour(words: &str, operations: &str) -> OwnApiFixture {
    let workspace = Workspace::new();
    workspace.write("apis/ferry/api.yaml", API);
    workspace.write("apis/ferry/boat.yaml", &describe(words, operations));
    let shop = OwnApiFixture::open(workspace, SETTINGS, SandboxOptions::default());
    for (name, text) in documents() {
        shop.workspace.write(&format!("config/{name}.yaml"), &text);
    }
    shop
}

/// One document a file.
fn documents() -> Vec<(&'static str, String)> {
    let swan = json!({ "kind": "ferry/boat", "name": "swan", "id": 1, "spec": { "name": "Swan", "seats": 41, "home": { "pier": "C" }, "flags": ["x", "y"] } });
    let tern = json!({ "kind": "ferry/boat", "name": "tern", "spec": { "name": "Tern", "seats": 7, "home": { "pier": "A", "berth": 2 } } });
    let gull = json!({ "kind": "ferry/boat", "name": "gull", "state": "absent", "id": 2, "spec": { "name": "Gull" } });
    [("swan", swan), ("tern", tern), ("gull", gull)].map(|(name, one)| (name, one.to_string())).into()
}

/// Creates, updates and deletes, then plans without changes; gives the requests that wrote.
fn converge(shop: &OwnApiFixture) -> Vec<(String, Json)> {
    let planned = shop.workspace.run(&["plan", "--allow-delete", "--format", "json"]).json();
    let counts = ["create", "update", "delete"].map(|action| planned["summary"][action].clone());
    assert_eq!(counts, [json!(1), json!(1), json!(1)], "{planned:#}");
    let ran: ProgramOutput = shop.workspace.run(&["apply", "--auto-approve", "--allow-delete"]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    shop.workspace.expect(0, &["plan", "--detailed-exitcode"]).says(&["No changes"]);
    let line = |entry: &trueup::sandbox::SandboxLogEntry| {
        let query: Vec<String> = entry.query.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let path = entry.path.rsplit_once("/ferry").map_or(&*entry.path, |(_, path)| path);
        let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
        (format!("{} {path}{query}", entry.method), body(entry))
    };
    let mut lines: Vec<_> = shop.writes().iter().map(line).collect();
    lines.sort_by(|a, b| a.0.cmp(&b.0));
    lines
}

fn first<'l>(lines: &'l [(String, Json)], start: &str) -> &'l Json {
    let found = lines.iter().find(|(line, _)| line.starts_with(start));
    &found.unwrap_or_else(|| panic!("{start}: {lines:#?}")).1
}

#[test]
fn objects_stand_inside_members() {
    let shop = harbour(
        "",
        r#"list: { get: /boats, items: data }
        get: { get: "/boats/{id}", response_member: "result.data[]" }
        create: { post: /boats, request_member: data, response_member: data }
        update: { patch: "/boats/{id}", body: changes, nested_fields: { granularity: members }, request_member: "boats[]", response_member: result.boat }
        delete: { delete: "/boats/{id}" }"#,
    );
    let lines = converge(&shop);
    assert_eq!(first(&lines, "POST /boats")["data"]["name"], "Tern");
    assert_eq!(
        *first(&lines, "PATCH /boats/1"),
        json!({ "boats": [{ "seats": 41, "home": { "pier": "C" }, "flags": ["x", "y"] }] })
    );
}

#[test]
fn only_the_id_stands_in_a_member_or_in_the_location() {
    for create in [
        "create: { post: /boats, response: id, response_member: created.id }",
        "create: { post: /boats, response: location, read_after_write: { within: 3s } }",
    ] {
        let operations = format!(
            "list: {{ get: /boats }}\nget: {{ get: \"/boats/{{id}}\" }}\n{create}\n\
             update: {{ put: \"/boats/{{id}}\", response: none }}\ndelete: {{ delete: \"/boats/{{id}}\" }}"
        );
        let shop = harbour("", &operations);
        let lines = converge(&shop);
        assert_eq!(first(&lines, "PUT /boats/1")["home"], json!({ "pier": "C", "berth": 3 }));
        // the object is read by the id that the response says, before any list
        let log = shop.sandbox.read_log();
        let created = log.iter().position(|entry| entry.method == "POST").expect("a create");
        let next = log[created + 1..].iter().find(|entry| entry.method == "GET").expect("a read");
        assert!(next.path.contains("/boats/"), "{create}: {}", next.path);
    }
}

#[test]
fn forms_have_members_in_brackets() {
    let shop = harbour(
        "",
        r#"list: { get: /boats }
        get: { get: "/boats/{id}" }
        create: { post: /boats, encoding: form }
        update: { post: "/boats/{id}", body: changes, nested_fields: { granularity: whole }, encoding: form }
        delete: { delete: "/boats/{id}" }"#,
    );
    converge(&shop);
    let texts: Vec<String> = shop
        .writes()
        .iter()
        .map(|entry| String::from_utf8_lossy(entry.body.as_deref().unwrap_or_default()).into_owned())
        .collect();
    assert!(texts.iter().any(|text| text.contains("home%5Bpier%5D=C")), "{texts:?}");
    assert!(texts.iter().any(|text| text.contains("flags%5B%5D=x&flags%5B%5D=y")), "{texts:?}");
}

#[test]
fn a_merge_patch_holds_what_differs() {
    let shop = harbour(
        "",
        r#"list: { get: /boats }
        get: { get: "/boats/{id}" }
        create: { post: /boats }
        update: { patch: "/boats/{id}", body: changes, nested_fields: { granularity: members }, encoding: merge_patch }
        delete: { delete: "/boats/{id}" }"#,
    );
    let lines = converge(&shop);
    let patch = first(&lines, "PATCH /boats/1");
    assert_eq!(*patch, json!({ "seats": 41, "home": { "pier": "C" }, "flags": ["x", "y"] }));
}

#[test]
fn a_json_patch_sets_and_removes_members() {
    let shop = harbour(
        "",
        r#"list: { get: /boats }
        get: { get: "/boats/{id}" }
        create: { post: /boats }
        update: { patch: "/boats/{id}", body: changes, nested_fields: { granularity: whole }, encoding: json_patch }
        delete: { delete: "/boats/{id}" }"#,
    );
    let lines = converge(&shop);
    let set = |path: &str, value: Json| json!({ "op": "add", "path": path, "value": value });
    let home = json!({ "pier": "C", "berth": 3 });
    let operations = [set("/seats", json!(41)), set("/home", home), set("/flags", json!(["x", "y"]))];
    assert_eq!(*first(&lines, "PATCH /boats/1"), json!(operations));
    shop.sandbox.clear_log();
    let swan =
        json!({ "kind": "ferry/boat", "name": "swan", "id": 1, "spec": { "name": "Swan", "state": null } });
    shop.workspace.write("config/swan.yaml", &swan.to_string());
    shop.workspace.expect(0, &["apply", "--auto-approve"]);
    let sent: Vec<Json> = shop.writes().iter().map(body).collect();
    assert_eq!(sent, [json!([{ "op": "remove", "path": "/state" }])]);
    shop.workspace.expect(0, &["plan", "--detailed-exitcode"]).says(&["No changes"]);
}

#[test]
fn items_may_be_the_members_of_an_object() {
    for list in
        ["list: { get: /boats, keyed_by: name }", "list: { get: /boats, items: data.boats, keyed_by: name }"]
    {
        let operations = format!(
            "{list}\nget: {{ get: \"/boats/{{id}}\" }}\ncreate: {{ post: /boats }}\n\
             update: {{ put: \"/boats/{{id}}\", response: none }}\ndelete: {{ delete: \"/boats/{{id}}\" }}"
        );
        let shop = harbour("", &operations);
        converge(&shop);
        let ran = shop.workspace.run(&["import", "ferry/boat", "--output", "imported", "--format", "json"]);
        assert_eq!(ran.json()["verified"], json!(true), "{}", ran.all());
    }
}

#[test]
fn operations_have_queries_and_an_empty_list_may_be_a_404() {
    let shop = harbour(
        "",
        r#"list: { get: /boats, items: rows, none: [404, absent], access_check: /boats-there }
        get: { get: "/boats/{id}", query: { expand: all } }
        create: { post: /boats, query: { notify: "no" } }
        update: { patch: "/boats/{id}", body: changes, nested_fields: { granularity: whole }, query: { mode: merge } }
        delete: { delete: "/boats/{id}", query: { cascade: "1" }, body: { reason: retired } }"#,
    );
    let lines = converge(&shop);
    assert_eq!(*first(&lines, "DELETE /boats/2?cascade=1"), json!({ "reason": "retired" }));
    first(&lines, "POST /boats?notify=no");
    first(&lines, "PATCH /boats/1?mode=merge");
    // without objects the sandbox answers 404
    for name in ["swan", "tern"] {
        let text = std::fs::read_to_string(shop.workspace.root().join(format!("config/{name}.yaml")))
            .expect("a document");
        let mut document: Json = serde_json::from_str(&text).expect("JSON");
        document["state"] = json!("absent");
        shop.workspace.write(&format!("config/{name}.yaml"), &document.to_string());
    }
    shop.workspace.expect(0, &["apply", "--auto-approve", "--allow-delete"]);
    shop.workspace.expect(0, &["plan", "--detailed-exitcode", "--unmanaged"]).says(&["No changes"]);
}

#[test]
fn a_deleted_object_may_stay() {
    let shop = harbour(
        "deleted_when: { field: state, values: [scrapped] }\n",
        r#"list: { get: /boats }
        get: { get: "/boats/{id}" }
        create: { post: /boats }
        update: { patch: "/boats/{id}", body: changes, nested_fields: { granularity: whole } }
        delete: { delete: "/boats/{id}" }"#,
    );
    converge(&shop);
    let states: Vec<Json> = shop.objects("ferry/boat").iter().map(|boat| boat["state"].clone()).collect();
    assert!(states.contains(&json!("scrapped")), "{states:?}");
}

#[test]
fn a_summary_leads_to_reads_of_each_object() {
    let shop = harbour(
        "",
        r#"list: { get: /boats, shows: summary }
        get: { get: "/boats/{id}" }
        create: { post: /boats }
        update: { patch: "/boats/{id}", body: changes, nested_fields: { granularity: whole } }
        delete: { delete: "/boats/{id}" }"#,
    );
    converge(&shop);
    let imported = shop.workspace.run(&["import", "ferry/boat", "--target", "here", "--output", "imported"]);
    assert_eq!(imported.code, Some(0), "{}", imported.all());
    shop.workspace.expect(0, &["api", "try", "here"]).says(&["the description matches"]);
}

#[test]
fn several_updates_take_their_own_fields() {
    let shop = harbour(
        "",
        r#"list: { get: /boats }
        get: { get: "/boats/{id}" }
        create: { post: /boats }
        update: { put: "/boats/{id}", response: none }
        updates: [{ patch: "/boats/{id}/berth", body: changes, nested_fields: { granularity: whole }, fields: [home], response: none }, { put: "/boats/{id}/flags", fields: [flags], response: none }]
        delete: { delete: "/boats/{id}" }"#,
    );
    let lines = converge(&shop);
    assert_eq!(
        *first(&lines, "PUT /boats/1"),
        json!({ "id": 1, "name": "Swan", "seats": 41, "state": "afloat" })
    );
    assert_eq!(*first(&lines, "PATCH /boats/1/berth"), json!({ "home": { "pier": "C", "berth": 3 } }));
    assert_eq!(*first(&lines, "PUT /boats/1/flags"), json!({ "flags": ["x", "y"] }));
}

#[test]
fn words_that_cannot_be_served_are_refused() {
    let get = "get: { get: \"/boats/{id}\" }\n";
    for (operations, says) in [
        ("list: { get: /boats, shows: summary }", "the list shows summaries, and no path reads one object"),
        (
            "list: { get: /boats }\ncreate: { post: /boats, request_member: \"a..b\" }",
            "`request_member` names no member",
        ),
        (
            "list: { get: /boats }\nGETupdate: { put: \"/boats/{id}\", encoding: merge_patch }",
            "`merge_patch` needs `body: changes`",
        ),
        (
            "list: { get: /boats }\nGETupdate: { patch: \"/boats/{id}\", body: changes, nested_fields: { granularity: whole }, encoding: merge_patch }",
            "needs `granularity: members`",
        ),
        (
            "list: { get: /boats }\nGETupdate: { put: \"/boats/{id}\", fields: [name] }",
            "`fields` belongs to `updates`",
        ),
        (
            "list: { get: /boats }\nGETupdates: [{ put: \"/boats/{id}\" }]",
            "each of several updates names its `fields`",
        ),
        (
            "list: { get: /boats }\nGETupdates: [{ put: \"/a/{id}\", fields: [name] }, { put: \"/b/{id}\", fields: [name] }]",
            "`name` belongs to two updates",
        ),
        (
            "list: { get: /boats }\nGETupdate: { put: \"/boats/{id}\", encoding: json_patch }",
            "`json_patch` needs `body: changes`",
        ),
        (
            "list: { get: /boats }\nGETupdate: { patch: \"/boats/{id}\", body: changes, nested_fields: { granularity: members }, encoding: json_patch }",
            "needs `granularity: whole`",
        ),
        ("list: { get: /boats, keyed_by: home }", "`home` is not a `string`, an `integer` or a `uuid`"),
        ("list: { get: /boats, keyed_by: name, response: one_or_list }", "either the items by their names"),
        ("list: { get: /boats }\nGETupdates: [{ put: \"/a/{id}\", fields: [id] }]", "`id` is never updated"),
        (
            "list: { get: /boats }\nGETupdate: { put: \"/boats/{id}\", response: location }",
            "only a create answers the URL",
        ),
        (
            "list: { get: /boats }\nget: { list_with: { id: \"{id}\" }, response_member: data }",
            "`response_member` needs a path",
        ),
        (
            "list: { get: /boats }\nGETdelete: { delete: \"/boats/{id}\", body: [1] }",
            "`body` is not an object",
        ),
    ] {
        let workspace = Workspace::new();
        workspace.write("apis/ferry/api.yaml", API);
        workspace.write("apis/ferry/boat.yaml", &describe("", &operations.replace("GET", get)));
        workspace.expect(1, &["api", "check"]).complains(&[says, "boat.yaml:"]);
    }
    let workspace = Workspace::new();
    workspace.write("apis/ferry/api.yaml", API);
    let operations = "list: { get: /boats }\ncreate: { post: /boats, read_after_write: { within: 10 } }";
    workspace.write("apis/ferry/boat.yaml", &describe("deleted_when: { field: home }\n", operations));
    workspace.expect(1, &["api", "check"]).complains(&["boat.yaml:"]);
}
