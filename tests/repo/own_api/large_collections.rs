//! A collection with more pages than there are documents is not listed: the first page tells, and each object is
//! read by itself.

use serde_json::json;
use trueup::diagnostic::NamedSource;
use trueup::sandbox::{RunningSandbox, SandboxData, SandboxLauncher, SandboxOptions};

use crate::support::own_api_fixture::{descriptions, kinds};
use crate::support::workspace::Workspace;

const API: &str = "format: 1\ntitle: Ferry\ndescription: Boats.\nformats: [json]\nauth: [bearer]\n";
const BOAT: &str = "\
format: 1
title: Boat
description: A boat.
identity: { id: id }
operations:
  list: { get: /boats, items: boats, paging: { offset: skip, limit: take, page_size: 2, total: total } }
  get: { get: \"/boats/{id}\" }
  update: { patch: \"/boats/{id}\", body: changes }
properties:
  id: { type: integer, description: The id., read_only: true }
  name: { type: string, description: The name. }
";

/// So many boats, and documents for seven of them, of which one differs.
fn harbour(boats: u32) -> (Workspace, RunningSandbox) {
    let mut workspace = Workspace::new();
    workspace.write("apis/ferry/api.yaml", API);
    workspace.write("apis/ferry/boat.yaml", BOAT);
    let kinds = kinds(descriptions(workspace.root()));
    let boat = |id: u32| json!({ "object": { "id": id, "name": format!("Boat {id}") } });
    let all: Vec<_> = (1..=boats).map(boat).collect();
    let source = NamedSource::new("data.json", json!({ "ferry/boat": all }).to_string());
    let data = SandboxData::parse_source(&source, &kinds, &mut Vec::new());
    let options = SandboxOptions { data: Some(data), seed: Some(7), ..SandboxOptions::default() };
    let sandbox = SandboxLauncher::start_server(kinds, options).expect("a sandbox");
    let auth = json!({ "bearer": { "from_env": "KEY" } });
    let target = json!({ "api": "ferry", "base_url": sandbox.base_url("ferry"), "auth": auth });
    workspace.write("trueup.yaml", &json!({ "targets": { "there": target } }).to_string());
    workspace.set("KEY", "any");
    let document = |id: u32| {
        let name = if id == 1 { "Another name".to_owned() } else { format!("Boat {id}") };
        json!({ "kind": "ferry/boat", "name": format!("b-{id}"), "id": id, "spec": { "name": name } })
            .to_string()
    };
    workspace.write("config/boats.yaml", &(1..=7).map(document).collect::<Vec<_>>().join("\n---\n"));
    (workspace, sandbox)
}

/// How many requests a plan takes, and how many of them are for pages.
fn requested(boats: u32, arguments: &[&str]) -> (usize, usize) {
    let (workspace, sandbox) = harbour(boats);
    let ran =
        workspace.expect(2, &[&["plan", "--detailed-exitcode", "--format", "json"], arguments].concat());
    let plan: serde_json::Value = serde_json::from_str(&ran.out).expect("a report");
    assert_eq!(plan["summary"]["update"], 1, "{}", ran.all());
    assert_eq!(plan["summary"]["unchanged"], 6, "{}", ran.all());
    let log = sandbox.read_log();
    assert_eq!(plan["requests"][0]["planned"], log.len(), "{}", ran.all());
    (log.len(), log.iter().filter(|entry| entry.path.ends_with("/boats")).count())
}

#[test]
fn the_fewest_requests_are_sent() {
    // a page holds two
    assert_eq!(requested(7, &[]), (4, 4));
    assert_eq!(requested(16, &[]), (8, 8));
    assert_eq!(requested(17, &[]), (8, 1));
    assert_eq!(requested(1_000, &[]), (8, 1));
}

#[test]
fn who_wants_to_know_of_all_gets_all() {
    assert_eq!(requested(20, &["--unmanaged"]), (10, 10));
}
