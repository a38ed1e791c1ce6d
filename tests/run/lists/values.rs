//! Values with rules of their own: times as numbers, JSON in a string, limits, and fields that exclude each other.

use std::sync::{Arc, Mutex};

use serde_json::{Value as Json, json};

use super::API;
use crate::support::stub_server::StubServer;
use crate::support::workspace::Workspace;

/// A kind of which an update sends `body`.
fn describe_alarm(body: &str) -> String {
    format!(
        "format: 1
title: Alarm
description: One alarm.
identity: {{ id: id, natural_key: [name] }}
operations:
  list: {{ get: /alarms, items: rows }}
  create: {{ post: /alarms }}
  update: {body}
properties:
  id: {{ type: integer, description: The number., read_only: true, omit_from: [writes], example: 1 }}
  name: {{ type: string, description: The name., required: true, pattern: \"^[a-z]+$\", example: a }}
  start: {{ type: datetime, description: When it starts., encode_as: unix, example: 2026-01-31T08:00:00Z }}
  end: {{ type: datetime, description: When it ends., encode_as: unix_ms, example: 2026-01-31T08:00:00Z }}
  rule: {{ type: string, description: The rule., compare: json, example: \"{{}}\" }}
  port: {{ type: integer, description: The port., minimum: 1, maximum: 65535, example: 80 }}
  mail: {{ type: string, description: Who gets a mail., conflicts_with: [hook], example: a@b.example }}
  hook: {{ type: string, description: What is called., example: /x }}
examples:
  - object: {{ id: 1, name: a, start: 1769846400, end: 1769846400000, rule: \"{{}}\", port: 80, mail: null, hook: /x }}
"
    )
}

/// A server with one alarm, which an update changes.
fn serve_alarm(kind: &str) -> (StubServer, Workspace) {
    let alarm = json!({ "id": 1, "name": "a", "start": 1_769_846_400, "end": 1_769_846_400_250_i64,
        "rule": "{\"b\": 1, \"a\": [2]}", "port": 80, "mail": null, "hook": "/x" });
    let alarm = Arc::new(Mutex::new(alarm));
    let server = StubServer::new(move |request| {
        let mut alarm = alarm.lock().expect("no panic");
        if let (true, Some(own), Some(sent)) =
            (request.verb != "GET", alarm.as_object_mut(), request.body.as_object())
        {
            own.extend(sent.clone());
        }
        (200, if request.verb == "GET" { json!({ "rows": [*alarm] }) } else { alarm.clone() })
    });
    let workspace = Workspace::new();
    workspace.write("apis/orchard/api.yaml", API);
    workspace.write("apis/orchard/alarm.yaml", kind);
    let settings = format!("targets:\n  home:\n    api: orchard\n    base_url: {}\n", server.url);
    workspace.write("trueup.yaml", &settings);
    (server, workspace)
}

const PATCH: &str = "{ patch: \"/alarms/{id}\", body: changes }";
const PUT: &str = "{ put: \"/alarms/{id}\" }";

fn write_document(workspace: &Workspace, spec: &str) {
    workspace.write("config/a.yaml", &format!("kind: orchard/alarm\nname: a\nspec: {{ name: a, {spec} }}\n"));
}

/// What the only write sent.
fn written(server: &StubServer) -> Json {
    let mut writes = server.requested().into_iter().filter(|requested| requested.verb != "GET");
    let body = writes.next().expect("a write").body;
    assert!(writes.next().is_none());
    body
}

#[test]
fn the_same_value_in_another_form_is_no_change() {
    let (_, workspace) = serve_alarm(&describe_alarm(PATCH));
    let times = "start: 2026-01-31T09:00:00+01:00, end: 2026-01-31T08:00:00.25Z";
    write_document(&workspace, &format!("{times}, rule: '{{ \"a\": [2], \"b\": 1 }}'"));
    let plan = workspace.expect(0, &["plan", "--format", "json"]).json();
    assert_eq!(plan["summary"]["unchanged"], 1, "{plan:#}");
}

#[test]
fn a_time_is_written_as_the_number_that_the_service_takes() {
    let (server, workspace) = serve_alarm(&describe_alarm(PATCH));
    write_document(
        &workspace,
        "start: 2026-01-31T08:00:01Z, end: 2026-01-31T08:00:01.5Z, rule: '{\"a\": [3]}'",
    );
    workspace.expect(0, &["apply", "--auto-approve"]);
    let expected = json!({ "start": 1_769_846_401, "end": 1_769_846_401_500_i64, "rule": "{\"a\": [3]}" });
    assert_eq!(written(&server), expected);
    let plan = workspace.expect(0, &["plan", "--format", "json"]).json();
    assert_eq!(plan["summary"]["unchanged"], 1, "{plan:#}");
}

#[test]
fn a_value_outside_its_limits_is_refused_at_its_line() {
    let (_, workspace) = serve_alarm(&describe_alarm(PATCH));
    for (spec, message) in [
        ("port: 0", "`port`: this number is smaller than the minimum 1"),
        ("port: 65536", "`port`: this number is larger than the maximum 65535"),
        ("mail: x, hook: /y", "`mail` and `hook` exclude each other"),
        ("start: soon", "this is not a date and time"),
    ] {
        write_document(&workspace, spec);
        workspace.expect(1, &["validate"]).complains(&[message, "config/a.yaml"]);
    }
    workspace.write("config/a.yaml", "kind: orchard/alarm\nname: a\nspec: { name: A1 }\n");
    workspace.expect(1, &["validate"]).complains(&["`name`: this text does not match the pattern"]);
}

#[test]
fn a_field_takes_the_value_from_one_that_it_excludes() {
    for update in [PATCH, PUT] {
        let (server, workspace) = serve_alarm(&describe_alarm(update));
        write_document(&workspace, "mail: a@b.example");
        let plan = workspace.expect(0, &["plan", "--format", "json"]).json();
        assert!(plan["changes"].to_string().contains("/hook"), "{plan:#}");
        workspace.expect(0, &["apply", "--auto-approve"]);
        let body = written(&server);
        assert_eq!((&body["mail"], &body["hook"]), (&json!("a@b.example"), &Json::Null), "{body}");
        let plan = workspace.expect(0, &["plan", "--format", "json"]).json();
        assert_eq!(plan["summary"]["unchanged"], 1, "{plan:#}");
    }
}

#[test]
fn the_rules_are_checked() {
    for (own, other, message) in [
        ("minimum: 1", "minimum: 70000", "no number is between `minimum` and `maximum`"),
        ("^[a-z]+$", "^[a-z", "this is not a regular expression"),
        ("[hook]", "[hok]", "there is no field `hok`"),
        ("[hook]", "[name]", "`mail` and `name` can't exclude each other"),
        ("compare: json", "encode_as: unix", "`encode_as` does not fit the type `string`"),
        ("encode_as: unix_ms", "encode_as: string", "`encode_as` does not fit the type `datetime`"),
    ] {
        let (_, workspace) = serve_alarm(&describe_alarm(PATCH).replacen(own, other, 1));
        workspace.expect(1, &["api", "check"]).complains(&[message]);
    }
}
