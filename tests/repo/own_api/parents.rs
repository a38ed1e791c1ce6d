//! Objects below objects: scope parameters that refer to another kind. Parents are created before their children and
//! deleted after them, whoever assigns their ids; imports go through all parents.

use serde_json::{Value as Json, json};
use trueup::sandbox::{SandboxFault, SandboxOptions};

use crate::support::own_api_fixture::OwnApiFixture;
use crate::support::stub_server::StubServer;
use crate::support::workspace::Workspace;

pub const SETTINGS: &str =
    "targets:\n  here: { api: broker, base_url: \"URL\", auth: { bearer: { from_env: KEY } } }\n";
pub const API: &str = "format: 1\ntitle: Broker\ndescription: Queues.\nformats: [json]\nauth: [bearer]\nerrors: { messages: [message] }\n";
/// The client names it.
pub const HOST: &str = r#"
format: 1
title: Host
description: A virtual host.
identity: { id: name, id_assigned_by: client }
operations:
  list: { get: /hosts }
  get: { get: "/hosts/{name}" }
  create: { put: "/hosts/{name}" }
  delete: { delete: "/hosts/{name}" }
properties:
  name: { type: string, description: The name., required: true, immutable: true }
  note: { type: string, description: A note. }
examples:
  - object: { name: main, note: First }
  - object: { name: side, note: Second }
"#;
/// The service numbers it.
pub const QUEUE: &str = r#"
format: 1
title: Queue
description: A queue.
scope:
  host: { type: string, description: The virtual host., reference: { kind: broker/host }, each: true }
identity: { id: id, natural_key: [name] }
operations:
  list: { get: "/hosts/{host}/queues" }
  get: { get: "/hosts/{host}/queues/{id}" }
  create: { post: "/hosts/{host}/queues" }
  update: { patch: "/hosts/{host}/queues/{id}", body: changes }
  delete: { delete: "/hosts/{host}/queues/{id}" }
properties:
  id: { type: integer, description: The number., read_only: true }
  name: { type: string, description: The name., required: true }
  limit: { type: integer, description: The most messages. }
examples:
  - { scope: { host: main }, object: { id: 1, name: orders, limit: 10 } }
  - { scope: { host: side }, object: { id: 2, name: orders, limit: 20 } }
"#;
pub const BINDING: &str = r#"
format: 1
title: Binding
description: What a queue takes.
scope:
  host: { type: string, description: The virtual host., reference: { kind: broker/host }, each: true }
  queue: { type: integer, description: The queue., reference: { kind: broker/queue }, each: true }
identity: { id: key, id_assigned_by: client }
operations:
  list: { get: "/hosts/{host}/queues/{queue}/bindings" }
  get: { get: "/hosts/{host}/queues/{queue}/bindings/{key}" }
  create: { put: "/hosts/{host}/queues/{queue}/bindings/{key}" }
  update: { patch: "/hosts/{host}/queues/{queue}/bindings/{key}", body: changes }
  delete: { delete: "/hosts/{host}/queues/{queue}/bindings/{key}" }
properties:
  key: { type: string, description: The key., required: true, immutable: true }
  weight: { type: integer, description: The weight. }
examples:
  - { scope: { host: main, queue: "1" }, object: { key: "a", weight: 1 } }
"#;

fn open() -> OwnApiFixture {
    open_with(HOST, QUEUE)
}

fn open_with(host: &str, queue: &str) -> OwnApiFixture {
    let workspace = Workspace::new();
    workspace.write("apis/broker/api.yaml", API);
    for (name, text) in [("host", host), ("queue", queue), ("binding", BINDING)] {
        workspace.write(&format!("apis/broker/{name}.yaml"), text);
    }
    OwnApiFixture::open(workspace, SETTINGS, SandboxOptions::default())
}

/// One file of documents: a new host, a queue in it, a binding of that queue.
fn write_new(shop: &OwnApiFixture, state: &str) {
    let text = format!(
        "kind: broker/binding\nname: green-b\nstate: {state}\nscope: {{ host: {{ ref: green }}, queue: {{ ref: green-jobs }} }}\n\
         spec: {{ key: b, weight: 3 }}\n---\n\
         kind: broker/queue\nname: green-jobs\nstate: {state}\nscope: {{ host: {{ ref: green }} }}\nspec: {{ name: jobs, limit: 5 }}\n---\n\
         kind: broker/host\nname: green\nstate: {state}\nspec: {{ name: green-host, note: New }}\n"
    );
    shop.workspace.write("config/green.yaml", &text);
}

pub fn requests(shop: &OwnApiFixture) -> Vec<String> {
    let path = |path: &str| path.rsplit_once("/broker").map_or(path.to_owned(), |(_, path)| path.to_owned());
    shop.writes().iter().map(|entry| format!("{} {}", entry.method, path(&entry.path))).collect()
}

#[test]
fn parents_are_created_first_and_deleted_last() {
    let shop = open();
    write_new(&shop, "present");
    let planned = shop.workspace.run(&["plan", "--format", "json"]).json();
    assert_eq!(planned["summary"]["create"], json!(3), "{planned:#}");
    let text = planned.to_string();
    // the number of the queue is the service's; the name of the host is known
    assert!(text.contains("/hosts/green-host/queues/{queue}/bindings/b"), "{text}");
    shop.converges();
    assert_eq!(
        requests(&shop),
        [
            "PUT /hosts/green-host",
            "POST /hosts/green-host/queues",
            "PUT /hosts/green-host/queues/3/bindings/b"
        ]
    );
    shop.sandbox.clear_log();
    write_new(&shop, "absent");
    shop.workspace.expect(0, &["apply", "--auto-approve", "--allow-delete"]);
    assert_eq!(
        requests(&shop),
        [
            "DELETE /hosts/green-host/queues/3/bindings/b",
            "DELETE /hosts/green-host/queues/3",
            "DELETE /hosts/green-host"
        ]
    );
    shop.workspace.expect(0, &["plan", "--detailed-exitcode"]).says(&["No changes"]);
}

#[test]
fn a_removed_file_takes_children_before_parents() {
    let shop = open();
    write_new(&shop, "present");
    shop.workspace.expect(0, &["apply", "--auto-approve"]);
    shop.sandbox.clear_log();
    shop.workspace
        .write("config/green.yaml", "kind: broker/host\nname: main\nspec: { name: main, note: First }\n");
    shop.workspace.expect(0, &["apply", "--auto-approve", "--allow-delete"]);
    let all = requests(&shop);
    assert_eq!(all.last().map(String::as_str), Some("DELETE /hosts/green-host"), "{all:?}");
    assert_eq!(all.len(), 3, "{all:?}");
}

#[test]
fn an_undo_takes_back_what_was_created_below_a_new_parent() {
    let shop = open();
    write_new(&shop, "present");
    shop.workspace.expect(0, &["apply", "--auto-approve"]);
    shop.sandbox.clear_log();
    let receipts = std::fs::read_dir(shop.workspace.root().join(".trueup/receipts")).expect("receipts");
    let receipt =
        receipts.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).max().expect("a receipt");
    let run = receipt.trim_end_matches(".json").to_owned();
    shop.workspace.expect(0, &["undo", &run, "--auto-approve", "--allow-delete"]);
    let all = requests(&shop);
    assert_eq!(all.last().map(String::as_str), Some("DELETE /hosts/green-host"), "{all:?}");
    assert_eq!(all.len(), 3, "{all:?}");
}

#[test]
fn a_parent_that_is_refused_leaves_its_children_alone() {
    let shop = open();
    write_new(&shop, "present");
    shop.sandbox.add_fault(SandboxFault::parse_fault("PUT:422:1:/hosts").expect("a fault"));
    let ran = shop.workspace.run(&["apply", "--auto-approve"]);
    assert_ne!(ran.code, Some(0), "{}", ran.all());
    ran.says(&["refused  broker/binding", "to which `host` refers, is not there and was not created"]);
    assert_eq!(requests(&shop), ["PUT /hosts/green-host"]);
    // once the service takes it, the next run creates all
    shop.converges();
}

#[test]
fn a_value_or_a_name_says_where_an_object_is() {
    let shop = open();
    shop.workspace.write(
        "config/all.yaml",
        "kind: broker/queue\nname: a\nscope: { host: main }\nspec: { name: orders, limit: 11 }\n---\n\
         kind: broker/queue\nname: b\nscope: { host: { ref: side } }\nspec: { name: orders, limit: 21 }\n---\n\
         kind: broker/host\nname: side\nspec: { name: side, note: Second }\n",
    );
    shop.converges();
    assert_eq!(
        requests(&shop).into_iter().collect::<std::collections::BTreeSet<_>>(),
        ["PATCH /hosts/main/queues/1", "PATCH /hosts/side/queues/2"].map(str::to_owned).into()
    );
    shop.sandbox
        .edit_object("broker/queue", "2", json!({ "limit": 7 }).as_object().expect("an object"))
        .expect("an edit");
    shop.workspace.expect(2, &["drift"]).says(&["limit"]);
    let undone = shop.workspace.expect(0, &["render", "--name", "b"]);
    undone.says(&["ref: side"]);
    shop.workspace.write(
        "config/all.yaml",
        "kind: broker/queue\nname: b\nscope: { host: { ref: nowhere } }\nspec: { name: orders }\n",
    );
    shop.workspace
        .expect(1, &["validate"])
        .complains(&["no document of kind `broker/host`", "config/all.yaml:3"]);
    shop.workspace.write(
        "config/all.yaml",
        "kind: broker/queue\nname: b\nscope: { host: { of: side } }\nspec: { name: orders }\n",
    );
    shop.workspace.expect(1, &["validate"]).complains(&["`host` is not named by `of`"]);
}

#[test]
fn an_import_goes_through_all_parents() {
    let shop = open();
    shop.workspace.expect(0, &["import", "broker/host", "--output", "config"]);
    let ran = shop.workspace.expect(0, &["import", "broker/queue", "--output", "config", "--format", "json"]);
    let report = ran.json();
    assert_eq!(report["verified"], json!(true), "{report:#}");
    assert_eq!(report["results"].as_array().map(Vec::len), Some(2), "{report:#}");
    let texts: Vec<String> = report["results"]
        .as_array()
        .expect("results")
        .iter()
        .map(|row| row["file"].as_str().expect("a file").to_owned())
        .map(|file| std::fs::read_to_string(shop.workspace.root().join(file)).expect("a file"))
        .collect();
    assert!(texts.iter().any(|text| text.contains("host:\n    ref: host-main")), "{texts:?}");
    // parents of parents
    let ran =
        shop.workspace.expect(0, &["import", "broker/binding", "--output", "config", "--format", "json"]);
    assert_eq!(ran.json()["results"].as_array().map(Vec::len), Some(1), "{}", ran.all());
    shop.workspace.expect(0, &["plan", "--detailed-exitcode"]).says(&["No changes"]);
    // again: what is there is found again
    let ran = shop.workspace.expect(0, &["import", "broker/queue", "--output", "config", "--format", "json"]);
    let words: Vec<Json> =
        ran.json()["results"].as_array().expect("results").iter().map(|row| row["result"].clone()).collect();
    assert_eq!(words, [json!("unchanged"), json!("unchanged")]);
    // one scope alone
    let one = ["import", "broker/queue", "--output", "other", "--scope", "host=side", "--format", "json"];
    let ran = shop.workspace.expect(0, &one);
    assert_eq!(ran.json()["results"].as_array().map(Vec::len), Some(1), "{}", ran.all());
}

/// The results of an import of a kind, by the names of documents.
fn import_results(shop: &OwnApiFixture, kind: &str) -> Vec<(String, String)> {
    let ran = shop.workspace.expect(0, &["import", kind, "--output", "config", "--format", "json"]);
    let report = ran.json();
    assert_eq!(report["verified"], json!(true), "{report:#}");
    let text = |row: &Json, key: &str| row[key].as_str().expect("a text").to_owned();
    let rows = report["results"].as_array().expect("results").iter();
    rows.map(|row| (text(row, "name"), text(row, "result"))).collect()
}

#[test]
fn a_file_with_documents_of_several_parents_is_imported_at_once() {
    let shop = open();
    let document = |kind: &str, name: &str, scope: &str, spec: &str| {
        format!("kind: broker/{kind}\nname: {name}\nscope: {{ {scope} }}\nspec: {{ {spec} }}\n")
    };
    let documents = [
        document("queue", "q1", "host: main", "name: orders, limit: 10"),
        document("queue", "q2", "host: side", "name: orders, limit: 20"),
        document("binding", "b1", "host: main, queue: 1", "key: a, weight: 1"),
        document("binding", "b2", "host: side, queue: 2", "key: b, weight: 2"),
    ];
    shop.workspace.write("config/all.yaml", &documents.join("---\n"));
    shop.workspace.expect(0, &["apply", "--auto-approve", "--trust-empty"]);
    for (kind, ids, field, names) in [
        ("broker/queue", ["1", "2"], "limit", ["q1", "q2"]),
        ("broker/binding", ["a", "b"], "weight", ["b1", "b2"]),
    ] {
        for (id, value) in ids.iter().zip([41, 42]) {
            let members = json!({ field: value });
            shop.sandbox.edit_object(kind, id, members.as_object().expect("members")).expect("an edit");
        }
        assert_eq!(import_results(&shop, kind), names.map(|name| (name.to_owned(), "updated".to_owned())));
        let text = shop.workspace.read("config/all.yaml");
        assert!([41, 42].iter().all(|value| text.contains(&format!("{field}: {value}"))), "{text}");
    }
    shop.workspace.expect(0, &["plan", "--detailed-exitcode"]).says(&["No changes"]);
}

#[test]
fn an_import_without_parents_says_so() {
    let shop = open_with(HOST.split_once("examples:").expect("examples").0, QUEUE);
    let ran = shop.workspace.expect(1, &["import", "broker/queue", "--output", "config", "--format", "json"]);
    assert_eq!(ran.json()["verified"], json!(false), "{}", ran.all());
    ran.says(&[
        "empty-collection",
        "the service lists no `broker/host`, so nothing below them was read",
        "--scope host=",
    ]);
}

#[test]
fn parents_without_an_id_are_counted() {
    let server = StubServer::new(|request| match request.path.trim_start_matches("/api/v2") {
        "/hosts" => (200, json!([{ "name": "main" }, { "note": "x" }, { "name": "" }])),
        "/hosts/main/queues" => (200, json!([{ "id": 1, "name": "orders", "limit": 10 }])),
        "/hosts/main/queues/1" => (200, json!({ "id": 1, "name": "orders", "limit": 10 })),
        _ => (404, json!({ "message": "not here" })),
    });
    let mut workspace = open().workspace;
    workspace.write("trueup.yaml", &SETTINGS.replace("URL", server.url.as_str()));
    workspace.set("KEY", "any");
    let ran = workspace.expect(1, &["import", "broker/queue", "--output", "config"]);
    ran.complains(&["incomplete-list", "2 objects in the list of `broker/host` without `name`"]);
    assert!(workspace.path("config/orders.yaml").exists(), "{}", ran.all());
}

#[test]
fn a_dry_run_gives_the_names_of_the_import() {
    for more in [&[][..], &["--single-file"]] {
        let shop = open();
        let import = |flags: &[&str]| {
            let words =
                [&["import", "broker/queue", "--output", "config", "--format", "json"], more, flags].concat();
            let report = shop.workspace.expect(0, &words).json();
            let rows = report["results"].as_array().expect("results").clone();
            rows.iter().map(|row| row["name"].as_str().expect("a name").to_owned()).collect::<Vec<_>>()
        };
        let (dry, names) = (import(&["--dry-run"]), import(&[]));
        assert_eq!(dry, names);
        assert_eq!(names.iter().collect::<std::collections::BTreeSet<_>>().len(), 2, "{names:?}");
    }
}

#[test]
fn a_parent_is_named_in_its_scope_and_while_it_is_there() {
    let queue = |name: &str, host: &str, state: &str| {
        format!(
            "kind: broker/queue\nname: {name}\nid: 1\nstate: {state}\nscope: {{ host: {host} }}\nspec: {{ name: orders }}\n"
        )
    };
    let host = "kind: broker/host\nname: first\nspec: { name: main }\n";
    for (documents, named) in [
        ([queue("other", "side", "present"), queue("right", "main", "present")], "ref: right"),
        ([queue("other", "side", "present"), queue("right", "{ ref: first }", "present")], "ref: right"),
        ([queue("other", "side", "present"), queue("gone", "main", "absent")], "queue: 1"),
    ] {
        let shop = open();
        shop.workspace.write("config/all.yaml", &[&*documents[0], &*documents[1], host].join("---\n"));
        let ran = shop.workspace.run(&[
            "import",
            "broker/binding",
            "--output",
            "config",
            "--scope",
            "host=main",
            "--scope",
            "queue=1",
        ]);
        let path = shop.workspace.path("config/binding-a.yaml");
        let text = std::fs::read_to_string(path).unwrap_or_else(|_| panic!("{}", ran.all()));
        assert!(text.contains(named), "{named}\n{text}");
    }
}

#[test]
fn parents_that_cannot_be_served_are_refused() {
    for (from, to, says) in [
        (
            "type: string, description: The virtual host.,",
            "type: integer, description: The virtual host.,",
            "the id `name` of `broker/host` is of type `string`, not `integer`",
        ),
        ("reference: { kind: broker/host }, each", "each", "`each` needs `reference`"),
        ("kind: broker/host", "kind: broker/hosts", "there is no kind `broker/hosts`"),
        ("kind: broker/host", "kind: bootview/partner", "belongs to another API"),
        ("kind: broker/host", "kind: broker/queue", "lead back to it"),
        ("kind: broker/host", "kind: broker/owner", "the id of `broker/owner` is personal"),
    ] {
        let workspace = Workspace::new();
        workspace.write("apis/broker/api.yaml", API);
        workspace.write("apis/broker/host.yaml", HOST);
        let (owner, _) = HOST.split_once("examples:").expect("examples");
        let owner = owner.replace("The name., required", "The name., sensitivity: personal, required");
        workspace.write("apis/broker/owner.yaml", &owner.replace("/hosts", "/owners"));
        let (queue, _) = QUEUE.split_once("examples:").expect("examples");
        workspace.write("apis/broker/queue.yaml", &queue.replace(from, to));
        workspace.expect(1, &["api", "check"]).complains(&[says, "queue.yaml:6"]);
    }
}

#[test]
fn nothing_is_written_below_a_parent_whose_remembered_id_is_another_object_by_now() {
    let shop = open();
    let write = |limit: u32| {
        let text = format!(
            "kind: broker/queue\nname: orders\nscope: {{ host: main }}\nspec: {{ name: orders, limit: 10 }}\n---\n\
             kind: broker/binding\nname: a\nscope: {{ host: main, queue: {{ ref: orders }} }}\n\
             spec: {{ key: a, weight: {limit} }}\n"
        );
        shop.workspace.write("config/all.yaml", &text);
    };
    write(1);
    shop.workspace.expect(0, &["apply", "--auto-approve"]);
    // the queue of that number has another name now
    rename_queue(&shop, "foreign");
    shop.sandbox.clear_log();
    write(9);
    let ran = shop.workspace.expect(3, &["apply", "--auto-approve", "--max-updates=100%"]);
    assert_eq!(requests(&shop), [""; 0], "{}", ran.all());
    ran.says(&["reference-refused"]);
    // nor where the document of the parent is not in the run
    let text = shop.workspace.read("config/all.yaml");
    let (queue, binding) = text.split_once("---\n").expect("two documents");
    shop.workspace.write("config/all.yaml", binding);
    shop.workspace.write("config/queue.yaml", queue);
    let ran = shop.workspace.expect(3, &["apply", "config/all.yaml", "--auto-approve", "--max-updates=100%"]);
    assert_eq!(requests(&shop), [""; 0], "{}", ran.all());
    ran.says(&["reference-refused", "wrong-object", "config/queue.yaml:2"]);
    // nor where the parents of the parent are not in the run either
    shop.workspace.write("config/queue.yaml", &queue.replace("host: main", "host: { ref: main }"));
    shop.workspace.write("config/host.yaml", "kind: broker/host\nname: main\nspec: { name: main }\n");
    let ran = shop.workspace.expect(3, &["apply", "config/all.yaml", "--auto-approve", "--max-updates=100%"]);
    assert_eq!(requests(&shop), [""; 0], "{}", ran.all());
    ran.says(&["reference-refused"]);
    rename_queue(&shop, "orders");
    // nor where no one knows which documents there are
    shop.workspace.write("config/broken.yaml", "kind: broker/queue\nname: broken\nspec: [\n");
    let ran = shop.workspace.run(&["apply", "config/all.yaml", "--auto-approve", "--max-updates=100%"]);
    assert_eq!(requests(&shop), [""; 0], "{}", ran.all());
    ran.says(&["reference-unread", "`trueup validate` lists them"]);
    shop.workspace.remove("config/broken.yaml");
    shop.workspace.expect(0, &["apply", "config/all.yaml", "--auto-approve", "--max-updates=100%"]);
    assert_eq!(requests(&shop), ["PATCH /hosts/main/queues/1/bindings/a"]);
}

#[test]
fn a_parent_that_is_left_out_may_be_below_one_of_the_run() {
    let shop = open();
    let queue = "kind: broker/queue\nname: orders\nscope: { host: { ref: main } }\nspec: { name: orders }\n";
    shop.workspace.write("config/queue.yaml", queue);
    shop.workspace.write(
        "config/all.yaml",
        "kind: broker/host\nname: main\nspec: { name: main }\n---\n\
         kind: broker/binding\nname: a\nscope: { host: { ref: main }, queue: { ref: orders } }\n\
         spec: { key: a, weight: 9 }\n",
    );
    // no run has seen the queue before
    shop.workspace.expect(0, &["apply", "config/all.yaml", "--auto-approve", "--max-updates=100%"]);
    assert_eq!(requests(&shop), ["PATCH /hosts/main/queues/1/bindings/a"]);
}

#[test]
fn why_a_parent_that_is_left_out_is_not_known_is_said() {
    let shop = open();
    let queue =
        "kind: broker/queue\nname: orders\nstate: STATE\nscope: { host: main }\nspec: { name: orders }\n";
    shop.workspace.write("config/queue.yaml", &queue.replace("STATE", "present"));
    let binding = "kind: broker/binding\nname: new\nstate: STATE\nscope: { host: main, queue: { ref: orders } }\nspec: { key: KEY, weight: 9 }\n";
    let write = |state: &str, key: &str| {
        let text = binding.replace("STATE", state).replace("KEY", key);
        shop.workspace.write("config/all.yaml", &text);
    };
    write("present", "new");
    shop.sandbox.add_fault(SandboxFault::parse_fault("GET:403:1:/queues").expect("a fault"));
    let ran = shop.workspace.run(&["plan", "config/all.yaml"]);
    ran.says(&["reference-unread", "403", "config/queue.yaml:2"]);
    // below an object that is to go nothing is created; its children may go
    shop.workspace.write("config/queue.yaml", &queue.replace("STATE", "absent"));
    let ran = shop.workspace.expect(3, &["apply", "config/all.yaml", "--auto-approve"]);
    ran.says(&["reference-gone", "`orders`"]);
    assert_eq!(requests(&shop), [""; 0], "{}", ran.all());
    write("absent", "a");
    shop.workspace
        .expect(0, &["apply", "config/all.yaml", "--auto-approve", "--allow-delete", "--max-deletes=100%"]);
    assert_eq!(requests(&shop), ["DELETE /hosts/main/queues/1/bindings/a"]);
}

#[test]
fn parents_that_are_left_out_share_their_list() {
    let shop = open_with(HOST, &QUEUE.replace("  get: { get: \"/hosts/{host}/queues/{id}\" }\n", ""));
    let (mut queues, mut bindings) = (Vec::new(), Vec::new());
    for name in ["one", "two", "three"] {
        queues.push(format!(
            "kind: broker/queue\nname: {name}\nscope: {{ host: main }}\nspec: {{ name: {name}, limit: 1 }}\n"
        ));
        bindings.push(format!(
            "kind: broker/binding\nname: {name}\nscope: {{ host: main, queue: {{ ref: {name} }} }}\n\
             spec: {{ key: {name}, weight: 1 }}\n"
        ));
    }
    shop.workspace.write("config/queues.yaml", &queues.join("---\n"));
    shop.workspace.expect(0, &["apply", "--auto-approve"]);
    shop.workspace.write("config/bindings.yaml", &bindings.join("---\n"));
    shop.sandbox.clear_log();
    shop.workspace.expect(0, &["plan", "config/bindings.yaml", "--trust-empty=3"]).says(&["3 to create"]);
    let log = shop.sandbox.read_log();
    let lists = log.iter().filter(|entry| entry.path.ends_with("/hosts/main/queues"));
    assert_eq!(lists.count(), 1);
}

/// Gives the queue 1 another name in the service.
fn rename_queue(shop: &OwnApiFixture, name: &str) {
    let queue = json!({ "name": name });
    shop.sandbox
        .edit_object("broker/queue", "1", queue.as_object().expect("members"))
        .unwrap_or_else(|why| panic!("{why}"));
}
