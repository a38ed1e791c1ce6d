//! Kinds whose services know the state of each object: a write is bound to the state that was read, by its ETag or
//! by a field, and what someone else writes in the moment between is not lost.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use serde_json::{Map, Value as Json, json};
use trueup::diagnostic::NamedSource;
use trueup::sandbox::{
    RunningSandbox, SandboxData, SandboxFault, SandboxLauncher, SandboxLogEntry, SandboxObserver,
    SandboxOptions,
};

use crate::support::own_api_fixture::{descriptions, kinds};
use crate::support::workspace::{ProgramOutput, Workspace};

const API: &str = "format: 1\ntitle: Ferry\ndescription: Boats.\nformats: [json]\nauth: [bearer]\n";
const BOAT: &str = "\
format: 1
title: Boat
description: A boat.
identity:
  id: id
operations:
  list:
    get: /boats
  get:
    get: /boats/{id}
  update:
    patch: /boats/{id}
    body: changes
  delete:
    delete: /boats/{id}
  if_match: STATE
properties:
  id:
    type: integer
    description: The id.
    read_only: true
  name:
    type: string
    description: The name.
  deck:
    type: string
    description: What the deck is made of.
  revision:
    type: integer
    description: Counts the writes.
    read_only: true
";
const STATES: [&str; 2] = ["etag", "{ field: revision }"];

/// Two boats, and documents that call both otherwise.
struct Harbour {
    workspace: Workspace,
    sandbox: Arc<RunningSandbox>,
}

impl Harbour {
    /// `edit` is made by someone else as soon as the first boat was read for the second time.
    fn new(state: &str, edit: Option<Json>) -> Self {
        let mut workspace = Workspace::new();
        workspace.write("apis/ferry/api.yaml", API);
        workspace.write("apis/ferry/boat.yaml", &BOAT.replace("STATE", state));
        let boat = |id: u32| json!({ "object": { "id": id, "name": "Old", "deck": "oak", "revision": 7 } });
        let source = NamedSource::new("data.json", json!({ "ferry/boat": [boat(1), boat(2)] }).to_string());
        let kinds = kinds(descriptions(workspace.root()));
        let data = SandboxData::parse_source(&source, &kinds, &mut Vec::new());
        let own: Arc<OnceLock<Weak<RunningSandbox>>> = Arc::default();
        let (seen, reads) = (Arc::clone(&own), AtomicUsize::new(0));
        let watch: SandboxObserver = Arc::new(move |entry: &SandboxLogEntry| {
            let first = entry.method == "GET" && entry.path.ends_with("/boats/1");
            let second_time = first && reads.fetch_add(1, Ordering::SeqCst) == 1;
            if let (true, Some(edit), Some(sandbox)) =
                (second_time, &edit, seen.get().and_then(Weak::upgrade))
            {
                let members: Map<String, Json> = serde_json::from_value(edit.clone()).expect("members");
                sandbox.edit_object("ferry/boat", "1", &members).expect("an edit");
            }
        });
        let options = SandboxOptions {
            data: Some(data),
            seed: Some(7),
            observer: Some(watch),
            ..SandboxOptions::default()
        };
        let sandbox = Arc::new(SandboxLauncher::start_server(kinds, options).expect("a sandbox"));
        own.set(Arc::downgrade(&sandbox)).expect("set once");
        let auth = json!({ "bearer": { "from_env": "KEY" } });
        let target = json!({ "api": "ferry", "base_url": sandbox.base_url("ferry"), "auth": auth });
        workspace.write("trueup.yaml", &json!({ "targets": { "there": target } }).to_string());
        workspace.set("KEY", "any");
        let document = |id: u32| json!({ "kind": "ferry/boat", "name": format!("b-{id}"), "id": id, "spec": { "name": "New" } });
        workspace
            .write("config/boats.yaml", &[document(1).to_string(), document(2).to_string()].join("\n---\n"));
        Self { workspace, sandbox }
    }

    fn apply(&self) -> ProgramOutput {
        self.workspace.run(&["apply", "--auto-approve", "--format", "json"])
    }

    fn boat(&self, number: usize) -> Json {
        self.sandbox.dump_state()["ferry/boat"][number]["object"].clone()
    }

    /// The status of each write to a boat.
    fn written(&self, id: u32) -> Vec<u16> {
        let log = self.sandbox.read_log().into_iter();
        let own = log.filter(|entry| entry.method != "GET" && entry.path.ends_with(&format!("/boats/{id}")));
        own.map(|entry| entry.status.unwrap_or(0)).collect()
    }
}

#[test]
fn what_somebody_writes_in_the_last_moment_is_not_lost() {
    for state in STATES {
        let harbour = Harbour::new(state, Some(json!({ "name": "Theirs", "revision": 8 })));
        let ran = harbour.apply();
        assert_eq!(ran.code, Some(4), "{state}\n{}", ran.all());
        let results = &ran.json()["results"];
        assert_eq!((&results[0]["result"], &results[1]["result"]), (&json!("refused"), &json!("done")));
        let moved = &results[0]["conflicts"][0];
        let columns = ["planned", "now", "desired"].map(|when| moved[when].as_str().unwrap_or_default());
        assert_eq!(columns, ["Old", "Theirs", "New"], "{}", ran.all());
        assert_eq!(harbour.boat(0)["name"], "Theirs");
        assert_eq!((harbour.written(1), harbour.written(2)), (vec![412], vec![200]), "nothing is sent again");
        // another look, another state: the next run writes
        harbour.workspace.expect(0, &["apply", "--auto-approve"]);
        assert_eq!(harbour.boat(0)["name"], "New");
    }
}

#[test]
fn an_object_that_moved_elsewhere_is_left_alone_too() {
    for state in STATES {
        let harbour = Harbour::new(state, Some(json!({ "deck": "steel", "revision": 8 })));
        let ran = harbour.apply();
        assert_eq!(ran.code, Some(4), "{state}\n{}", ran.all());
        assert_eq!(ran.json()["results"][0]["reasons"][0]["code"], "concurrent-edit", "{}", ran.all());
        assert_eq!((&harbour.boat(0)["name"], &harbour.boat(0)["deck"]), (&json!("Old"), &json!("steel")));
        assert_eq!(harbour.written(1), [412]);
    }
}

#[test]
fn a_write_whose_answer_was_lost_is_looked_up_and_not_refused() {
    for state in STATES {
        let harbour = Harbour::new(state, None);
        harbour.sandbox.add_fault(SandboxFault::parse_fault("PATCH:reset-after:1").expect("a fault"));
        let ran = harbour.apply();
        assert_eq!(ran.code, Some(0), "{state}\n{}", ran.all());
        assert_eq!((&harbour.boat(0)["name"], &harbour.boat(1)["name"]), (&json!("New"), &json!("New")));
    }
}

#[test]
fn deletes_are_bound_as_well() {
    for state in STATES {
        let harbour = Harbour::new(state, Some(json!({ "deck": "steel", "revision": 8 })));
        let text =
            harbour.workspace.read("config/boats.yaml").replace("\"spec\"", "\"state\":\"absent\",\"spec\"");
        harbour.workspace.write("config/boats.yaml", &text);
        let ran = harbour.workspace.run(&["apply", "--auto-approve", "--allow-delete"]);
        assert_eq!(ran.code, Some(4), "{state}\n{}", ran.all());
        assert_eq!((harbour.written(1), harbour.written(2)), (vec![412], vec![204]));
    }
}

#[test]
fn without_a_state_nothing_is_written() {
    let harbour = Harbour::new("{ field: revision }", Some(json!({ "revision": null })));
    // the edit comes after the second read, so the second run meets it
    harbour.workspace.run(&["plan"]);
    harbour.workspace.run(&["plan"]);
    let ran = harbour.apply();
    assert_eq!(ran.json()["results"][0]["reasons"][0]["code"], "no-state", "{}", ran.all());
    assert!(harbour.written(1).is_empty());
}

#[test]
fn the_word_is_checked() {
    let faulty = |from: &str, to: &str, said: &[&str]| {
        let workspace = Workspace::new();
        workspace.write("apis/ferry/api.yaml", API);
        workspace.write("apis/ferry/boat.yaml", &BOAT.replace("STATE", "etag").replace(from, to));
        let ran = workspace.expect(1, &["api", "check"]);
        ran.complains(said);
    };
    faulty("  get:\n    get: /boats/{id}\n", "", &["contradiction", "no path reads one object"]);
    faulty("if_match: etag", "if_match: { field: reversion }", &["reversion"]);
    faulty("if_match: etag", "if_match: { field: name }", &["word-does-not-fit", "only the service sets"]);
    faulty("if_match: etag", "if_match: yes", &["if_match"]);
    let writes = "  update:\n    patch: /boats/{id}\n    body: changes\n  delete:\n    delete: /boats/{id}\n";
    faulty(writes, "", &["contradiction", "nothing here changes or deletes an object"]);
}
