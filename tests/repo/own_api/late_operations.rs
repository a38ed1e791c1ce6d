//! Writes that take their time or must not be carried out twice: statuses of operations, objects that are ready later,
//! keys of requests, one write at a time.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value as Json, json};
use trueup::sandbox::{SandboxFault, SandboxOptions};

use crate::support::own_api_fixture::OwnApiFixture;
use crate::support::stub_server::{RawAnswer, ReceivedRequest, StubServer};
use crate::support::workspace::Workspace;

const SETTINGS: &str =
    "targets:\n  here: { api: cloud, base_url: \"URL\", auth: { bearer: { from_env: KEY } } }\n";
const API: &str = "format: 1\ntitle: Cloud\ndescription: Clusters.\nformats: [json]\nauth: [bearer]\nerrors: { messages: [message] }\n";
const CLUSTER: &str = r#"
format: 1
title: Cluster
description: A cluster.
identity: { id: key, id_assigned_by: client }
WORDS
operations:
  get: { get: "/clusters/{key}" }
  create: { CREATE "/clusters/{key}", read_after_write: { within: 5s }, response: none }
  update: { patch: "/clusters/{key}", body: changes, response: none }
  delete: { delete: "/clusters/{key}" }
properties:
  key: { type: string, description: The key., required: true, immutable: true }
  size: { type: integer, description: How many nodes. }
  status: { type: string, description: Its state., read_only: true, enum: { active: Ready., making: Being made., broken: Not usable. } }
examples:
  - object: { key: main, size: 3, status: active }
"#;
const DOCUMENTS: &str = "kind: cloud/cluster\nname: main\nspec: { key: main, size: 4 }\n---\n\
                         kind: cloud/cluster\nname: new\nspec: { key: new, size: 1 }\n";

fn describe(words: &str, create: &str) -> String {
    CLUSTER.replace("WORDS\n", words).replace("CREATE", create)
}

fn prepare(api_words: &str, kind: &str) -> Workspace {
    let workspace = Workspace::new();
    workspace.write("apis/cloud/api.yaml", &format!("{API}{api_words}"));
    workspace.write("apis/cloud/cluster.yaml", kind);
    workspace.write("config/all.yaml", DOCUMENTS);
    workspace
}

fn open(api_words: &str, kind: &str) -> OwnApiFixture {
    OwnApiFixture::open(prepare(api_words, kind), SETTINGS, SandboxOptions::default())
}

/// A workspace whose API is a stub: objects are kept as they are put.
fn serve(
    api_words: &str,
    kind: &str,
    answer: impl Fn(&ReceivedRequest, &mut BTreeMap<String, Json>) -> RawAnswer + Send + Sync + 'static,
) -> (Workspace, StubServer) {
    let mut workspace = prepare(api_words, kind);
    let objects = Mutex::new(BTreeMap::from([("main".to_owned(), json!({ "key": "main", "size": 4 }))]));
    let server =
        StubServer::with_headers(move |request| answer(request, &mut objects.lock().expect("the objects")));
    workspace.write("trueup.yaml", &SETTINGS.replace("URL", server.url.as_str()));
    workspace.set("KEY", "any");
    (workspace, server)
}

fn respond(status: u16, headers: &str, body: &Json) -> RawAnswer {
    let headers = format!("content-type: application/json\r\n{headers}");
    RawAnswer { status, headers, body: if body.is_null() { String::new() } else { body.to_string() } }
}

/// Gives and takes objects.
fn keep(request: &ReceivedRequest, objects: &mut BTreeMap<String, Json>) -> RawAnswer {
    let key = request.path.rsplit('/').next().unwrap_or_default().to_owned();
    match request.verb.as_str() {
        "GET" => match objects.get(&key) {
            Some(object) => respond(200, "", object),
            None => respond(404, "", &json!({ "message": "none" })),
        },
        _ => {
            objects.insert(key, request.body.clone());
            respond(201, "", &Json::Null)
        }
    }
}

#[test]
fn an_accepted_write_is_followed_to_its_end() {
    for status in ["url_from: Location", "url_member: links.status"] {
        let words = format!("operation_status: {{ {status}, done: {{ state.name: [succeeded] }} }}\n");
        let shop = open(&words, &describe("", "put:"));
        shop.converges();
        let log = shop.sandbox.read_log();
        let looks = log.iter().filter(|entry| entry.path.contains("/_operations/")).count();
        // two writes, each with two answers that it is under way
        assert_eq!(looks, 6, "{status}");
    }
}

#[test]
fn an_accepted_write_that_fails_is_an_error() {
    let words =
        "operation_status: { url_from: Location, done: { status: [done] }, failed: { status: [failed] } }\n";
    let (workspace, server) = serve(words, &describe("", "put:"), |request, objects| {
        if request.path.contains("/jobs/") {
            return respond(200, "", &json!({ "status": "failed", "message": "no room left" }));
        }
        match request.verb.as_str() {
            "GET" => keep(request, objects),
            _ => respond(202, "location: /api/v2/jobs/7\r\n", &Json::Null),
        }
    });
    let ran = workspace.expect(1, &["apply", "--auto-approve"]);
    ran.says(&["operation-failed", "accepted the request and then failed", "no room left"]);
    assert!(server.requested().iter().any(|request| request.path == "/api/v2/jobs/7"));
}

#[test]
fn an_accepted_write_whose_status_cannot_be_asked_for_has_an_unknown_outcome() {
    let words = "operation_status: { url_from: Location, done: { status: [done] } }\n";
    for location in ["", "location: https://198.51.100.7/jobs/7\r\n"] {
        let (workspace, server) =
            serve(words, &describe("", "put:"), move |request, objects| match request.verb.as_str() {
                "GET" => keep(request, objects),
                _ => respond(202, location, &Json::Null),
            });
        let ran = workspace.expect(1, &["apply", "--auto-approve"]);
        ran.says(&["operation-pending", "names no status URL that can be", "1 unknown"]);
        assert!(!server.requested().iter().any(|request| request.path.contains("/jobs/")));
        workspace.expect(3, &["apply", "--auto-approve"]).says(&["create-unknown"]);
    }
}

#[test]
fn a_relative_status_url_is_one_to_the_url_of_the_request() {
    let words = "operation_status: { url_from: Location, done: { status: [done] } }\n";
    let (workspace, server) = serve(words, &describe("", "put:"), |request, objects| {
        if request.path.ends_with("/jobs/7") {
            return respond(200, "", &json!({ "status": "done" }));
        }
        match request.verb.as_str() {
            "GET" => keep(request, objects),
            _ => respond(202, "location: jobs/7\r\n", &keep_and_empty(request, objects)),
        }
    });
    workspace.expect(0, &["apply", "--auto-approve"]).says(&["1 done"]);
    let asked: Vec<String> = server.requested().into_iter().map(|own| own.path).collect();
    assert!(asked.contains(&"/api/v2/clusters/jobs/7".to_owned()), "{asked:?}");
}

/// Keeps what was sent, and answers nothing of it.
fn keep_and_empty(request: &ReceivedRequest, objects: &mut BTreeMap<String, Json>) -> Json {
    keep(request, objects);
    Json::Null
}

#[test]
fn an_object_is_read_until_it_is_ready() {
    let words = "pending_until: { field: status, values: [active], failed: [broken] }\n";
    let shop = open("", &describe(words, "put:"));
    shop.converges();
    let log = shop.sandbox.read_log();
    let written = log.iter().position(|entry| entry.method == "PUT").expect("a create");
    let reads = log[written..].iter().filter(|entry| entry.path.ends_with("/clusters/new")).count();
    assert!(reads >= 4, "a write and three reads: {reads}");
    // one that breaks is an error at once
    let (workspace, _server) = serve("", &describe(words, "put:"), |request, objects| {
        let answer = keep(request, objects);
        objects.values_mut().for_each(|object| object["status"] = json!("broken"));
        answer
    });
    let ran = workspace.expect(1, &["apply", "--auto-approve"]);
    ran.says(&["not-ready", "this cluster was written and is not usable: its `status` is `broken`"]);
}

#[test]
fn a_key_makes_a_post_safe_to_repeat() {
    let kind = describe("", "post:");
    let shop = open("idempotency_header: Idempotency-Key\n", &kind);
    shop.sandbox.add_fault(SandboxFault::parse_fault("POST:reset-after:1").expect("a fault"));
    shop.converges();
    let posts = shop.writes().iter().filter(|entry| entry.method == "POST").count();
    assert_eq!((posts, shop.objects("cloud/cluster").len()), (2, 2));
    // without a key, what came of it is looked up, and nothing is sent again
    let shop = open("", &kind);
    shop.sandbox.add_fault(SandboxFault::parse_fault("POST:reset-after:1").expect("a fault"));
    shop.converges();
    let posts = shop.writes().iter().filter(|entry| entry.method == "POST").count();
    assert_eq!(posts, 1);
}

#[test]
fn one_write_is_sent_at_a_time() {
    let (under_way, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    for (words, expected) in [("limits: { writes: 1 }\n", 1), ("", 2)] {
        most.store(0, Ordering::SeqCst);
        let mut workspace = prepare(words, &describe("", "put:"));
        let objects = Mutex::new(BTreeMap::new());
        let (own, peak) = (Arc::clone(&under_way), Arc::clone(&most));
        let server = StubServer::with_headers(move |request| {
            if request.verb != "GET" {
                let now = own.fetch_add(1, Ordering::SeqCst) + 1;
                peak.fetch_max(now, Ordering::SeqCst);
                std::thread::sleep(Duration::from_millis(150));
                own.fetch_sub(1, Ordering::SeqCst);
            }
            keep(request, &mut objects.lock().expect("the objects"))
        });
        workspace.write("trueup.yaml", &SETTINGS.replace("URL", server.url.as_str()));
        workspace.set("KEY", "any");
        workspace.expect(0, &["apply", "--auto-approve"]);
        assert!(most.load(Ordering::SeqCst).min(2) == expected, "{words}: {}", most.load(Ordering::SeqCst));
    }
}

#[test]
fn words_that_cannot_be_served_are_refused() {
    for (api, words, says) in [
        ("operation_status: { done: { status: [ok] } }\n", "", "exactly one of `url_from` and `url_member`"),
        ("operation_status: { url_from: Location, done: {} }\n", "", "`done` names no member"),
        (
            "operation_status: { url_from: Location, done: { status: [ok] }, failed: { status: [ok] } }\n",
            "",
            "`ok` means both success and failure",
        ),
        ("idempotency_header: \"a b\"\n", "", "this is not the name of a header"),
        ("limits: { writes: 0 }\n", "", "`writes` is at least 1"),
        ("", "pending_until: { field: size, values: [active] }\n", "that the service sets"),
        ("", "pending_until: { field: status, values: [active], failed: [active] }\n", "means both that"),
        ("", "pending_until: { field: status, values: [activ] }\n", "there is no value `activ`"),
        (
            "",
            "pending_until: { field: status, values: [active], failed: [broke] }\n",
            "there is no value `broke`",
        ),
    ] {
        let workspace = prepare(api, &describe(words, "put:"));
        workspace.expect(1, &["api", "check"]).complains(&[says, ".yaml:"]);
    }
}
