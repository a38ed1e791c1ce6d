//! Masks in members that a full write sends back: with any sensitivity, and in what no field describes.

use std::sync::{Arc, Mutex};

use serde_json::{Value as Json, json};

use crate::support::stub_server::StubServer;
use crate::support::workspace::Workspace;

const API: &str = "format: 1\ntitle: Depot\ndescription: Items.\nformats: [json]\n";

fn describe_item(key: &str) -> String {
    format!(
        "format: 1
title: Item
description: One item.
identity: {{ id: id, natural_key: [code] }}
operations:
  list: {{ get: /items }}
  create: {{ post: /items, response: object }}
  update: {{ put: '/items/{{id}}', body: full, response: object }}
properties:
  id: {{ type: integer, description: The number., read_only: true, omit_from: [writes] }}
  code: {{ type: string, description: The code., required: true }}
  note: {{ type: string, description: A note. }}
{key}"
    )
}

/// What the service is sent as `key` when a document changes the note beside it.
fn send_beside(key: &str, live: &Json) -> (Option<Json>, String) {
    let sent: Arc<Mutex<Option<Json>>> = Arc::default();
    let (own, live) = (Arc::clone(&sent), live.clone());
    let server = StubServer::new(move |request| match request.verb.as_str() {
        "GET" => (200, json!([{ "id": 1, "code": "A", "note": "x", "key": live }])),
        _ => {
            *own.lock().expect("no panic") = Some(request.body["key"].clone());
            (200, request.body.clone())
        }
    });
    let workspace = Workspace::new();
    workspace.write("apis/depot/api.yaml", API);
    workspace.write("apis/depot/item.yaml", &describe_item(key));
    let settings =
        format!("targets:\n  there:\n    api: depot\n    base_url: {}\n    personal: write\n", server.url);
    workspace.write("trueup.yaml", &settings);
    workspace.write("config/a.yaml", "kind: depot/item\nname: a\nspec: { code: A, note: y }\n");
    let said = workspace.run(&["apply", "--auto-approve"]).all();
    let sent = sent.lock().expect("no panic").clone();
    (sent, said)
}

const UNDESCRIBED: &str = "";
const IGNORED: &str = "ignore_members: [key]\n";
const ANY: &str = "  key: { type: any, description: K. }\n";
const MAP: &str = "  key: { type: map, description: K., unlisted_items: keep, items: { type: string } }\n";
const PUBLIC: &str = "  key: { type: string, description: K. }\n";
const PERSONAL: &str = "  key: { type: string, description: K., sensitivity: personal }\n";
const SECRET: &str = "  key: { type: string, description: K., sensitivity: secret }\n";

#[test]
fn a_mask_is_never_sent_back() {
    let masks = ["********", "＊＊＊＊", "◼◼◼◼", "sk_****1234", "[REDACTED]", "(protected)"];
    for mask in masks {
        for (key, live) in [
            (UNDESCRIBED, json!(mask)),
            (UNDESCRIBED, json!({ "inner": [mask] })),
            (IGNORED, json!(mask)),
            (ANY, json!({ "token": mask })),
            (MAP, json!({ "a": mask })),
            (PUBLIC, json!(mask)),
        ] {
            let (sent, said) = send_beside(key, &live);
            assert_eq!(sent, None, "{live} {said}");
            assert!(said.contains("would-write-mask"), "{live} {said}");
        }
    }
}

#[test]
fn a_partly_hidden_personal_value_is_not_sent_back() {
    for mask in
        ["XXX-XX-1234", "xxxxxx1234", "j**@e.com", "** ** 67", "4111 11XX XXXX 1111", "######", "…1234"]
    {
        let (sent, said) = send_beside(PERSONAL, &json!(mask));
        assert_eq!(sent, None, "{mask} {said}");
        assert!(said.contains("would-write-mask"), "{mask} {said}");
    }
}

#[test]
fn an_empty_secret_is_not_sent_back_unless_the_kind_says_that_it_is_shown() {
    for live in [json!(""), Json::Null] {
        let (sent, said) = send_beside(SECRET, &live);
        assert_eq!(sent, None, "{live} {said}");
        assert!(said.contains("would-erase"), "{live} {said}");
        let clear = SECRET.replace("secret }", "secret, reads_back: clear }");
        assert_eq!(send_beside(&clear, &live).0, Some(live));
    }
}

#[test]
fn ordinary_values_are_sent_back_as_they_came() {
    for (key, live) in [
        (UNDESCRIBED, json!({ "pattern": "*", "cron": "* * * * *", "title": "***URGENT***" })),
        (ANY, json!(["*", "redacted", "xxxx"])),
        (PUBLIC, json!("**")),
        (PERSONAL, json!("+46 70 123 45 67")),
    ] {
        let (sent, said) = send_beside(key, &live);
        assert_eq!(sent, Some(live), "{said}");
    }
}
