//! Lists that are objects in the service: each member is an item, and a field of the items has its name.

use std::sync::{Arc, Mutex};

use serde_json::{Map, Value as Json, json};

use super::API;
use crate::support::stub_server::StubServer;
use crate::support::workspace::Workspace;

const APPLY: [&str; 2] = ["apply", "--auto-approve"];
const SETTLED: [&str; 2] = ["plan", "--detailed-exitcode"];

const MERGE_PATCH: &str = "{ patch: \"/gates/{id}\", body: changes, encoding: merge_patch, nested_fields: { granularity: members } }";
const MEMBERS: &str = "{ patch: \"/gates/{id}\", body: changes, nested_fields: { granularity: members } }";
const WHOLE: &str = "{ patch: \"/gates/{id}\", body: changes, nested_fields: { granularity: whole } }";
const PUT: &str = "{ put: \"/gates/{id}\" }";

const TOKEN: &str =
    "        token: { type: string, description: Opens it., sensitivity: secret, reads_back: never }\n";

/// A gate whose ports are the members of an object, and so are the hosts of each port.
fn describe_gate(update: &str, words: &str, token: &str) -> String {
    format!(
        "format: 1
title: Gate
description: One gate.
identity: {{ id: id, natural_key: [code] }}
operations:
  list: {{ get: /gates }}
  create: {{ post: /gates }}
  update: {update}
properties:
  id: {{ type: string, description: The id., read_only: true, omit_from: [writes], example: g1 }}
  code: {{ type: string, description: The code., required: true, example: one }}
  ports:
    type: array
    description: The ports.
    list_type: map
    keyed_by: name
    {words}
    items:
      properties:
        name: {{ type: string, description: The name., required: true }}
        number: {{ type: integer, description: The number., required: true }}
        label: {{ type: string, description: A label. }}
        opened: {{ type: string, description: When it was opened., read_only: true }}
{token}        hosts:
          type: array
          description: Who may pass.
          list_type: map
          keyed_by: host
          unlisted_items: delete
          items:
            properties:
              host: {{ type: string, description: The host., required: true }}
              weight: {{ type: integer, description: The weight. }}
"
    )
}

/// A gate behind a server that takes a body as one of the updates says.
struct Gatehouse {
    server: StubServer,
    workspace: Workspace,
    gate: Arc<Mutex<Json>>,
}

fn gate() -> Json {
    json!({ "id": "g1", "code": "one", "ports": {
        "ssh": { "number": 22, "label": null, "opened": "Monday", "hosts": {} },
        "http": { "number": 80, "label": "web", "opened": "Friday", "name": "inner", "vendor": { "x": [1.50] },
                  "hosts": { "a/b": { "weight": 1, "zone": "north" }, "c.d": { "weight": 2 } } },
    }})
}

impl Gatehouse {
    fn new(update: &'static str, words: &str) -> Self {
        Self::with_token(update, words, "")
    }

    /// With a secret in each port, or not.
    fn with_token(update: &'static str, words: &str, token: &str) -> Self {
        let gate = Arc::new(Mutex::new(gate()));
        let own = Arc::clone(&gate);
        let is_atomic = words.contains("atomic");
        let server = StubServer::new(move |request| {
            let mut gate = own.lock().expect("no panic");
            match request.verb.as_str() {
                "GET" => return (200, json!([without_tokens(&gate)])),
                "PUT" => *gate = stored(&gate, &request.body),
                _ if update == MERGE_PATCH => merge_patch(&mut gate, &request.body),
                _ if update == WHOLE || is_atomic => extend(&mut gate, &request.body),
                _ => merge_members(&mut gate, &request.body),
            }
            (200, without_tokens(&gate))
        });
        let workspace = Workspace::new();
        workspace.write("apis/orchard/api.yaml", API);
        workspace.write("apis/orchard/gate.yaml", &describe_gate(update, words, token));
        let settings = format!("targets:\n  home:\n    api: orchard\n    base_url: {}\n", server.url);
        workspace.write("trueup.yaml", &settings);
        Self { server, workspace, gate }
    }

    fn describe(&self, ports: &Json) {
        let document =
            json!({ "kind": "orchard/gate", "name": "one", "spec": { "code": "one", "ports": ports } });
        self.workspace.write("config/one.yaml", &document.to_string());
    }

    fn ports(&self) -> Json {
        self.gate.lock().expect("no panic")["ports"].clone()
    }

    /// What the writes sent of the ports.
    fn sent(&self) -> Vec<Json> {
        let writes = self.server.requested().into_iter().filter(|requested| requested.verb != "GET");
        writes.map(|requested| requested.body["ports"].clone()).collect()
    }

    /// Undoes the only run.
    fn undo(&self) {
        let files = self.workspace.files();
        let receipt = files.iter().find(|(path, _)| path.to_string_lossy().contains(".trueup/receipts/"));
        let name = receipt.and_then(|(path, _)| path.file_stem()).expect("a receipt").to_string_lossy();
        self.workspace.expect(0, &["undo", &name, "--auto-approve"]);
    }

    fn converge(&self) {
        self.workspace.expect(2, &SETTLED);
        self.workspace.expect(0, &APPLY);
        self.workspace.expect(0, &SETTLED).says(&["No changes"]);
    }
}

/// RFC 7396.
fn merge_patch(live: &mut Json, sent: &Json) {
    let Json::Object(sent) = sent else {
        *live = sent.clone();
        return;
    };
    if !live.is_object() {
        *live = json!({});
    }
    let live = live.as_object_mut().expect("an object");
    for (name, value) in sent {
        match value {
            Json::Null => drop(live.remove(name)),
            value => merge_patch(live.entry(name.clone()).or_insert(Json::Null), value),
        }
    }
}

/// Sets members of the gate, each as a whole.
fn extend(live: &mut Json, sent: &Json) {
    live.as_object_mut().expect("an object").extend(sent.as_object().expect("an object").clone());
}

/// Sets members of the gate; of those that are objects the members, each as a whole.
fn merge_members(live: &mut Json, sent: &Json) {
    for (name, value) in sent.as_object().expect("an object") {
        match (live[name].as_object_mut(), value) {
            (Some(own), Json::Object(value)) => {
                own.extend(value.clone());
                own.retain(|_, value| !value.is_null());
            }
            _ => live[name] = value.clone(),
        }
    }
}

/// What a full write leaves: nothing but what it sent, and the id.
fn stored(live: &Json, sent: &Json) -> Json {
    let mut sent = sent.clone();
    sent["id"] = live["id"].clone();
    sent
}

fn list_names(object: &Json) -> Vec<String> {
    let mut names: Vec<String> = object.as_object().expect("an object").keys().cloned().collect();
    names.sort();
    names
}

fn without_tokens(gate: &Json) -> Json {
    let mut gate = gate.clone();
    for port in gate["ports"].as_object_mut().into_iter().flat_map(Map::values_mut) {
        port.as_object_mut().map(|port| port.remove("token"));
    }
    gate
}

const UPDATES: [&str; 4] = [MERGE_PATCH, MEMBERS, WHOLE, PUT];
const DELETE: &str = "unlisted_items: delete";

#[test]
fn what_is_there_is_no_change_in_any_order() {
    let house = Gatehouse::new(PUT, DELETE);
    house.describe(&json!([
        { "name": "http", "number": 80, "hosts": [{ "host": "c.d", "weight": 2 }, { "host": "a/b" }] },
        { "name": "ssh", "number": 22 },
    ]));
    house.workspace.expect(0, &SETTLED).says(&["No changes"]);
}

#[test]
fn entries_come_change_and_go_under_every_update() {
    for update in UPDATES {
        let house = Gatehouse::new(update, DELETE);
        house.describe(&json!([
            { "name": "http", "number": 8080, "hosts": [{ "host": "a/b", "weight": 5 }, { "host": "new" }] },
            { "name": "https", "number": 443 },
        ]));
        let plan = house.workspace.expect(2, &SETTLED);
        plan.says(&[
            "ports[name=http].number  80 -> 8080",
            "hosts[host=\"a/b\"].weight",
            "- ports[name=ssh]",
            "+ ports[name=https]",
        ]);
        house.converge();
        let ports = house.ports();
        assert_eq!(list_names(&ports), ["http", "https"], "{update}");
        let http = &ports["http"];
        assert_eq!((&http["number"], &http["label"]), (&json!(8080), &json!("web")), "{update}");
        assert_eq!(http["hosts"]["a/b"], json!({ "weight": 5, "zone": "north" }), "{update}");
        assert_eq!((&http["name"], &http["vendor"]), (&json!("inner"), &json!({ "x": [1.5] })), "{update}");
        assert_eq!(list_names(&http["hosts"]), ["a/b", "new"], "{update}");
        assert!(ports["https"]["name"].is_null(), "the key is no member: {ports}");
    }
}

#[test]
fn a_merge_patch_holds_nothing_that_does_not_differ() {
    let house = Gatehouse::new(MERGE_PATCH, DELETE);
    house.describe(&json!([{ "name": "http", "number": 81, "hosts": [{ "host": "c.d", "weight": 3 }] }]));
    house.converge();
    let hosts = json!({ "a/b": null, "c.d": { "weight": 3 } });
    assert_eq!(house.sent(), [json!({ "http": { "number": 81, "hosts": hosts }, "ssh": null })]);
}

#[test]
fn an_update_of_members_holds_the_entries_that_differ() {
    let house = Gatehouse::new(MEMBERS, DELETE);
    house.describe(&json!([{ "name": "ssh", "number": 2222 }]));
    house.converge();
    let sent = house.sent();
    assert_eq!((&sent[0]["http"], &sent[0]["ssh"]["number"]), (&Json::Null, &json!(2222)));
    let house = Gatehouse::new(MEMBERS, "unlisted_items: delete\n    map_type: atomic");
    house.describe(&json!([{ "name": "ssh", "number": 2222 }]));
    house.converge();
    assert_eq!(list_names(&house.sent()[0]), ["ssh"], "the whole map, without nulls");
}

#[test]
fn entries_that_are_not_listed_stay_where_the_kind_keeps_them() {
    for update in UPDATES {
        let house = Gatehouse::new(update, "unlisted_items: keep");
        house.describe(&json!([{ "name": "http", "number": 81 }, { "name": "dns", "number": 53 }]));
        house.converge();
        let ports = house.ports();
        assert_eq!(
            (&ports["ssh"], &ports["dns"]["number"]),
            (&gate()["ports"]["ssh"], &json!(53)),
            "{update}"
        );
        house.describe(&json!([]));
        house.workspace.expect(1, &["validate"]).complains(&["cannot-clear", "one.yaml:"]);
    }
}

#[test]
fn an_emptied_map_has_no_entries() {
    for update in UPDATES {
        for ports in [json!([]), Json::Null] {
            let house = Gatehouse::new(update, DELETE);
            house.describe(&ports);
            house.converge();
            assert_eq!(house.ports(), json!({}), "{update}");
        }
    }
}

#[test]
fn a_secret_in_an_entry_is_written_and_not_sent_along_by_a_merge_patch() {
    let mut house = Gatehouse::with_token(MERGE_PATCH, DELETE, TOKEN);
    house.workspace.set("TOKEN", "canary-token");
    let port = |number: u32| json!([{ "name": "http", "number": number, "token": { "from_env": "TOKEN" } }, { "name": "ssh", "number": 22 }]);
    house.describe(&port(80));
    let ran = house.workspace.expect(0, &["apply", "--auto-approve", "--force-hidden"]);
    assert!(!ran.all().contains("canary"), "{}", ran.all());
    assert_eq!(house.ports()["http"]["token"], "canary-token");
    house.workspace.expect(0, &SETTLED).says(&["No changes"]);
    // the other members of the entry are not touched, so nothing hides
    house.describe(&json!([{ "name": "http", "number": 81 }, { "name": "ssh", "number": 22 }]));
    house.workspace.expect(0, &APPLY);
    assert_eq!(house.sent().last(), Some(&json!({ "http": { "number": 81 } })));
    assert_eq!(house.ports()["http"]["token"], "canary-token");
}

#[test]
fn a_secret_in_an_entry_is_known_as_written_where_an_earlier_entry_goes() {
    let mut house = Gatehouse::with_token(MERGE_PATCH, DELETE, TOKEN);
    house.workspace.set("TOKEN", "canary-token");
    house.gate.lock().expect("no panic")["ports"] =
        json!({ "dns": { "number": 53 }, "http": { "number": 80 } });
    house.describe(&json!([{ "name": "http", "number": 80, "token": { "from_env": "TOKEN" } }]));
    house.workspace.expect(0, &["apply", "--auto-approve", "--force-hidden"]);
    assert_eq!(house.sent(), [json!({ "dns": null, "http": { "token": "canary-token" } })]);
    house.workspace.expect(0, &SETTLED).says(&["No changes"]);
}

const SETTINGS: &str = "  settings:
    type: object
    description: Settings.
    properties:
      auth:
        type: object
        description: Who may enter.
        properties:
          user: { type: string, description: The user. }
          password: { type: string, description: The password., sensitivity: secret, reads_back: never }
";

/// What a merge patch leaves out stays, at every depth.
#[test]
fn a_hidden_value_beside_a_change_is_not_touched_by_a_merge_patch() {
    for (update, is_sent) in [(MERGE_PATCH, true), (MEMBERS, false)] {
        let house = Gatehouse::new(update, DELETE);
        house.workspace.write("apis/orchard/gate.yaml", &(describe_gate(update, DELETE, "") + SETTINGS));
        house.gate.lock().expect("no panic")["settings"] = json!({ "auth": { "user": "ann" } });
        let spec = json!({ "code": "one", "settings": { "auth": { "user": "bo" } } });
        let document = json!({ "kind": "orchard/gate", "name": "one", "spec": spec });
        house.workspace.write("config/one.yaml", &document.to_string());
        let ran = house.workspace.expect(if is_sent { 0 } else { 3 }, &APPLY);
        assert_eq!(ran.all().contains("would-erase"), !is_sent, "{update}: {}", ran.all());
        let user = &house.gate.lock().expect("no panic")["settings"]["auth"]["user"];
        assert_eq!(user, if is_sent { "bo" } else { "ann" }, "{update}");
    }
}

#[test]
fn a_full_write_that_would_erase_a_secret_in_an_entry_is_refused() {
    for update in [PUT, MEMBERS] {
        let house = Gatehouse::with_token(update, DELETE, TOKEN);
        house.describe(&json!([{ "name": "http", "number": 81 }, { "name": "ssh", "number": 22 }]));
        let ran = house.workspace.run(&APPLY);
        assert!(ran.all().contains("the API does not return `ports[http].token`"), "{update}: {}", ran.all());
        assert!(house.sent().is_empty(), "{update}");
    }
}

#[test]
fn an_import_writes_entries_as_items_and_a_plan_of_them_is_empty() {
    let house = Gatehouse::new(MERGE_PATCH, DELETE);
    house.workspace.expect(0, &["import", "orchard/gate", "-o", "config"]);
    let files = house.workspace.files();
    let (_, text) =
        files.iter().find(|(path, _)| path.to_string_lossy().contains("config/")).expect("a file");
    let text = String::from_utf8_lossy(text);
    for line in ["- name: http", "number: 80", "{ host: a/b, weight: 1 }", "{ name: ssh, number: 22 }"] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    house.workspace.expect(0, &SETTLED).says(&["No changes"]);
}

#[test]
fn edits_by_hand_are_drift_that_is_accepted_or_undone() {
    let house = Gatehouse::new(MERGE_PATCH, DELETE);
    let ports = json!([{ "name": "http", "number": 81 }, { "name": "ssh", "number": 22 }]);
    house.describe(&ports);
    house.workspace.expect(0, &APPLY);
    house.undo();
    assert_eq!(house.ports()["http"]["number"], 80);
    house.workspace.expect(0, &APPLY);
    {
        let mut gate = house.gate.lock().expect("no panic");
        gate["ports"]["http"]["number"] = json!(82);
        gate["ports"].as_object_mut().map(|ports| ports.remove("ssh"));
    }
    house.workspace.expect(2, &["drift"]).says(&["ports[name=http].number"]);
    house.workspace.expect(0, &["accept"]);
    house.workspace.expect(0, &SETTLED).says(&["No changes"]);
    let text = house.workspace.read("config/one.yaml");
    assert!(text.contains("82") && !text.contains("ssh"), "{text}");
}

#[test]
fn an_entry_that_a_run_took_out_or_added_is_undone() {
    for update in UPDATES {
        let house = Gatehouse::new(update, DELETE);
        house.describe(&json!([{ "name": "http", "number": 80 }, { "name": "dns", "number": 53 }]));
        house.workspace.expect(0, &APPLY);
        house.undo();
        let ports = house.ports();
        assert_eq!(list_names(&ports), ["http", "ssh"], "{update}");
        assert_eq!(ports["ssh"]["number"], 22, "{update}");
    }
}

#[test]
fn a_member_that_is_null_is_no_entry_and_goes_back_as_it_came() {
    let house = Gatehouse::new(PUT, DELETE);
    house.gate.lock().expect("no panic")["ports"]["gone"] = Json::Null;
    let spec = json!({ "code": "two" });
    let document = json!({ "kind": "orchard/gate", "name": "one", "id": "g1", "spec": spec });
    house.workspace.write("config/one.yaml", &document.to_string());
    house.workspace.expect(0, &["apply", "--auto-approve", "--allow-rename=1"]);
    assert_eq!(list_names(&house.sent()[0]), ["gone", "http", "ssh"]);
}

#[test]
fn what_the_service_says_of_an_entry_stands_at_its_line() {
    let gate = gate();
    let server = StubServer::new(move |request| match request.verb.as_str() {
        "GET" => (200, json!([without_tokens(&gate)])),
        _ => (422, json!({ "ports.ssh.number": ["is taken"] })),
    });
    let workspace = Workspace::new();
    workspace.write("apis/orchard/api.yaml", &format!("{API}errors: {{ maps: [\"\"] }}\n"));
    workspace.write("apis/orchard/gate.yaml", &describe_gate(MEMBERS, DELETE, ""));
    workspace.write(
        "trueup.yaml",
        &format!("targets:\n  home:\n    api: orchard\n    base_url: {}\n", server.url),
    );
    let spec =
        "spec:\n  code: one\n  ports:\n    - { name: http, number: 80 }\n    - { name: ssh, number: 23 }\n";
    workspace.write("config/one.yaml", &format!("kind: orchard/gate\nname: one\n{spec}"));
    workspace.run(&APPLY).says(&["rejected-field", "`number`: is taken", "config/one.yaml:7"]);
}
