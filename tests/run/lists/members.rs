//! Members and objects that no one manages: links and counters, members that no field describes, built-in objects
//! and objects of another kind in the same list.

use std::sync::{Arc, Mutex};

use serde_json::{Value as Json, json};

use super::API;
use crate::support::stub_server::StubServer;
use crate::support::workspace::Workspace;

/// A kind with full PUTs; `words` are lines of the kind, `list` words of its list.
fn describe_tab(words: &str, list: &str) -> String {
    format!(
        "format: 1
title: Tab
description: One tab.
{words}identity: {{ id: id, natural_key: [name] }}
operations:
  list: {{ get: /tabs, items: rows{list} }}
  get: {{ get: \"/tabs/{{id}}\" }}
  create: {{ post: /tabs }}
  update: {{ put: \"/tabs/{{id}}\" }}
  delete: {{ delete: \"/tabs/{{id}}\" }}
properties:
  id: {{ type: integer, description: The number., read_only: true, omit_from: [writes], example: 1 }}
  name: {{ type: string, description: The name., required: true, example: a }}
  type: {{ type: string, description: The type., example: tab }}
  size: {{ type: integer, description: The size., example: 3 }}
  look: {{ type: object, description: Its look., properties: {{ color: {{ type: string, description: The color., example: red }} }} }}
examples:
  - object: {{ id: 1, name: a, type: tab, size: 3, look: {{ color: red }}, reads: 0 }}
"
    )
}

/// A server with these tabs, whose `reads` move with every request, and which keeps only what a PUT sends.
fn serve_tabs(kind: &str, tabs: Vec<Json>) -> (StubServer, Workspace) {
    let tabs = Arc::new(Mutex::new(tabs));
    let server = StubServer::new(move |request| {
        let mut tabs = tabs.lock().expect("no panic");
        tabs.iter_mut().for_each(|tab| {
            if let Some(reads) = tab["reads"].as_i64() {
                tab["reads"] = json!(reads + 1);
            }
        });
        let path = request.path.split('?').next().unwrap_or_default();
        let id = path.rsplit('/').next().and_then(|id| id.parse::<i64>().ok());
        let at = tabs.iter().position(|tab| tab["id"].as_i64() == id);
        match (request.verb.as_str(), id, at) {
            ("GET", None, _) => (200, json!({ "rows": *tabs })),
            ("GET", _, Some(at)) => (200, tabs[at].clone()),
            ("PUT", Some(id), Some(at)) => {
                let mut made = request.body.clone();
                made["id"] = json!(id);
                tabs[at] = made.clone();
                (200, made)
            }
            _ => (404, json!({})),
        }
    });
    let workspace = Workspace::new();
    workspace.write("apis/orchard/api.yaml", API);
    workspace.write("apis/orchard/tab.yaml", kind);
    let settings = format!("targets:\n  home:\n    api: orchard\n    base_url: {}\n", server.url);
    workspace.write("trueup.yaml", &settings);
    (server, workspace)
}

fn tab(id: i64, name: &str) -> Json {
    json!({ "id": id, "name": name, "type": "tab", "size": 3, "look": { "color": "red", "rev": 7 }, "reads": 0, "_links": { "self": "x" } })
}

const EDIT: &str = "kind: orchard/tab\nname: a\nspec: { name: a, size: 4 }\n";

/// The body of the only PUT.
fn put_body(server: &StubServer) -> Json {
    let mut puts = server.requested().into_iter().filter(|requested| requested.verb == "PUT");
    let body = puts.next().expect("one PUT").body;
    assert!(puts.next().is_none());
    body
}

#[test]
fn a_member_that_moves_by_itself_is_no_failure() {
    let (server, workspace) = serve_tabs(&describe_tab("", ""), vec![tab(1, "a")]);
    workspace.write("config/a.yaml", EDIT);
    workspace.expect(0, &["plan", "-o", "plan.json"]);
    workspace.expect(0, &["apply", "plan.json", "--auto-approve"]);
    let body = put_body(&server);
    assert_eq!((&body["size"], &body["_links"]), (&json!(4), &json!({ "self": "x" })), "carried");
    assert!(body["reads"].as_i64() > Some(0), "as it was read last: {body}");
}

#[test]
fn ignored_members_are_sent_back_and_never_compared() {
    let words = "ignore_members: [\"_*\", reads, look.rev]\n";
    let (server, workspace) = serve_tabs(&describe_tab(words, ""), vec![tab(1, "a")]);
    workspace.write("config/a.yaml", EDIT);
    let plan = workspace.expect(0, &["plan", "-o", "plan.json", "--format", "json"]).json();
    assert_eq!(plan["changes"][0]["fields"].as_array().map(Vec::len), Some(1), "{plan:#}");
    // the counter moves between plan and apply
    workspace.expect(0, &["apply", "plan.json", "--auto-approve"]);
    let mut body = put_body(&server);
    let reads = body.as_object_mut().and_then(|members| members.remove("reads"));
    assert!(reads.and_then(|reads| reads.as_i64()) > Some(1), "as it was read last");
    let look = json!({ "color": "red", "rev": 7 });
    let expected = json!({ "name": "a", "type": "tab", "size": 4, "look": look, "_links": { "self": "x" } });
    assert_eq!(body, expected);
    workspace.expect(0, &["plan", "--detailed-exitcode"]).says(&["No changes"]);
}

#[test]
fn ignored_members_are_dropped_with_the_unknown_ones() {
    let words = "ignore_members: [\"_*\", reads, look.rev]\nunknown_members: dropped\n";
    let (server, workspace) = serve_tabs(&describe_tab(words, ""), vec![tab(1, "a")]);
    workspace.write("config/a.yaml", EDIT);
    workspace.expect(0, &["apply", "--auto-approve"]);
    let expected = json!({ "name": "a", "type": "tab", "size": 4, "look": { "color": "red" } });
    assert_eq!(put_body(&server), expected);
}

#[test]
fn unknown_members_are_dropped_where_the_kind_says_so() {
    let (server, workspace) = serve_tabs(&describe_tab("unknown_members: dropped\n", ""), vec![tab(1, "a")]);
    workspace.write("config/a.yaml", EDIT);
    workspace.expect(0, &["apply", "--auto-approve"]);
    let expected = json!({ "name": "a", "type": "tab", "size": 4, "look": { "color": "red" } });
    assert_eq!(put_body(&server), expected);
}

#[test]
fn ignored_members_are_checked() {
    for (pattern, message) in [
        ("size", "`size` is a field, so it is not ignored"),
        ("lok.rev", "there is no field `lok`"),
        ("name.x", "`name` has no members of its own"),
    ] {
        let (_, workspace) =
            serve_tabs(&describe_tab(&format!("ignore_members: [{pattern}]\n"), ""), Vec::new());
        workspace.expect(1, &["api", "check"]).complains(&[message]);
    }
}

#[test]
fn a_list_holds_other_objects_and_built_in_ones() {
    let mut foreign = tab(2, "b");
    foreign["type"] = json!("panel");
    let kind = describe_tab("", ", only: { type: [tab] }, built_in: { name: [\"amq.*\"] }");
    let (_, workspace) = serve_tabs(&kind, vec![tab(1, "a"), foreign, tab(3, "amq.direct"), tab(4, "d")]);
    workspace.write("config/a.yaml", EDIT);
    let plan = workspace.expect(0, &["plan", "--unmanaged", "--format", "json"]).json();
    let text = plan.to_string();
    assert_eq!(text.matches("\"unmanaged\"").count(), 1, "{plan:#}");
    assert!(text.contains("orchard/tab 4 (d)"), "{plan:#}");
    workspace.write(
        "config/b.yaml",
        "kind: orchard/tab\nname: b\nid: 3\nstate: absent\nspec: { name: amq.direct }\n",
    );
    let plan = workspace.expect(3, &["plan", "--format", "json"]).json();
    assert!(plan.to_string().contains("built-in-object"), "{plan:#}");
    workspace.remove("config/b.yaml");
    workspace.expect(0, &["import", "orchard/tab", "--target", "home", "--output", "config"]);
    let imported: Vec<_> =
        workspace.files().into_iter().map(|(path, _)| path.display().to_string()).collect();
    assert!(imported.iter().any(|path| path.contains("d.yaml")), "{imported:?}");
    assert!(!imported.iter().any(|path| path.contains("amq")), "{imported:?}");
}
