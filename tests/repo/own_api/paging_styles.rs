//! Each style of paging against the sandbox: every object is read, `api try` turns the pages, and the number of
//! requests is the one that the plan foresees.

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
identity: { id: id, natural_key: [name] }
operations:
  list: { get: /boats, items: boats, paging: { PAGING } }
  create: { post: /boats }
  update: { patch: \"/boats/{id}\", body: changes }
properties:
  id: { type: integer, description: The id., read_only: true }
  name: { type: string, description: The name. }
";
const BOATS: u32 = 23;

fn describe(paging: &str) -> String {
    let none = BOAT.replace(", paging: { PAGING }", "");
    if paging.is_empty() { none } else { BOAT.replace("PAGING", paging) }
}

/// A sandbox with boats, and a workspace that describes their paging.
fn harbour(served: &str, described: &str) -> (Workspace, RunningSandbox) {
    let mut workspace = Workspace::new();
    workspace.write("apis/ferry/api.yaml", API);
    workspace.write("apis/ferry/boat.yaml", &describe(served));
    let kinds = kinds(descriptions(workspace.root()));
    let boat = |id: u32| json!({ "object": { "id": id, "name": format!("Boat {id}") } });
    let all: Vec<_> = (1..=BOATS).map(boat).collect();
    let source = NamedSource::new("data.json", json!({ "ferry/boat": all }).to_string());
    let data = SandboxData::parse_source(&source, &kinds, &mut Vec::new());
    let options = SandboxOptions { data: Some(data), seed: Some(7), ..SandboxOptions::default() };
    let sandbox = SandboxLauncher::start_server(kinds, options).expect("a sandbox");
    let auth = json!({ "bearer": { "from_env": "KEY" } });
    let target = json!({ "api": "ferry", "base_url": sandbox.base_url("ferry"), "auth": auth });
    workspace.write("trueup.yaml", &json!({ "targets": { "there": target } }).to_string());
    workspace.write("apis/ferry/boat.yaml", &describe(described));
    workspace.set("KEY", "any");
    let document = |id: u32| {
        json!({ "kind": "ferry/boat", "name": format!("b-{id}"), "spec": { "name": format!("Boat {id}") } })
            .to_string()
    };
    let documents: Vec<String> = (1..=BOATS + 1).map(document).collect();
    workspace.write("config/boats.yaml", &documents.join("\n---\n"));
    (workspace, sandbox)
}

#[test]
fn every_style_reads_every_object() {
    let sized = "limit: take, page_size: 5";
    for (paging, pages) in [
        (format!("offset: skip, {sized}"), 6),
        (format!("offset: skip, {sized}, total: meta.total"), 5),
        (format!("style: page, page: page, {sized}"), 6),
        (format!("style: page, page: p, first_page: 0, {sized}, pages: meta.pages"), 5),
        (format!("style: page, page: p, {sized}, total_header: X-Total-Count"), 5),
        (format!("style: cursor, cursor: after, {sized}, next: meta.next"), 5),
        (format!("style: cursor, cursor: after, {sized}, next_header: X-Next-Cursor, has_more: more"), 5),
        (format!("style: cursor, cursor: after, {sized}, cursor_from_item: id, has_more: more"), 5),
        (format!("style: cursor, cursor: after, {sized}, cursor_from_item: id"), 6),
        (format!("style: link, {sized}, next: links.next"), 5),
        ("style: link, next_header: Link".to_owned(), 3),
        ("style: link, next_header: Next-Page, total: all".to_owned(), 3),
    ] {
        let (workspace, sandbox) = harbour(&paging, &paging);
        let ran = workspace.expect(2, &["plan", "--detailed-exitcode", "--format", "json"]);
        let plan = ran.json();
        assert_eq!(
            (&plan["summary"]["unchanged"], &plan["summary"]["create"]),
            (&json!(BOATS), &json!(1)),
            "{paging}\n{}",
            ran.all()
        );
        assert_eq!(sandbox.read_log().len(), pages, "{paging}");
        workspace.expect(0, &["apply", "--auto-approve"]);
        workspace.expect(0, &["plan", "--detailed-exitcode"]).says(&["No changes"]);
        workspace.expect(0, &["api", "try", "there"]).says(&["the description matches", "24 objects on"]);
    }
}

#[test]
fn a_trial_turns_the_pages_of_a_short_list() {
    let sized = "limit: take, page_size: 100";
    for (served, described, says) in [
        // the service reads another parameter, so every page is the first one
        (format!("offset: start, {sized}"), format!("offset: skip, {sized}"), "a page repeats items"),
        (
            format!("style: page, page: p, first_page: 0, {sized}"),
            format!("style: page, page: p, {sized}"),
            "a page before `first_page` holds other objects",
        ),
        (
            String::new(),
            format!("style: link, {sized}, next: next"),
            "more objects at a time than `limit` asks for",
        ),
        (
            format!("style: cursor, cursor: c, {sized}, next: next"),
            format!("offset: skip, {sized}, total: all"),
            "a page repeats items",
        ),
    ] {
        let (workspace, _sandbox) = harbour(&served, &described);
        let ran = workspace.run(&["api", "try", "there"]);
        assert_eq!(ran.code, Some(2), "{described}\n{}", ran.all());
        ran.says(&[says]);
    }
}

#[test]
fn contradicting_words_are_refused_at_their_lines() {
    for (paging, says) in [
        ("style: page, offset: skip", "`style: page` needs `page`"),
        ("style: page, offset: skip, page: p", "`offset` needs `style: offset`"),
        ("style: page, page: p, next: next", "use `style: cursor`"),
        ("style: cursor, cursor: c", "`style: cursor` needs `next`, `next_header` or `cursor_from_item`"),
        ("style: cursor, cursor: c, next: n, cursor_from_item: id", "not from both"),
        ("style: cursor, cursor: c, cursor_from_item: nme", "nme"),
        ("style: link", "`style: link` needs `next` or `next_header`"),
        ("style: link, next: n, next_header: Link", "exclude each other"),
        ("offset: skip, page_size: 5", "`limit` and `page_size` need each other"),
        ("style: page, page: p, limit: p, page_size: 5", "two parameters, not one"),
        ("offset: skip, limit: take, page_size: 0", "at least 1 item"),
    ] {
        let workspace = Workspace::new();
        workspace.write("apis/ferry/api.yaml", API);
        workspace.write("apis/ferry/boat.yaml", &describe(paging));
        workspace.expect(1, &["api", "check"]).complains(&[says, "boat.yaml:6"]);
    }
}

#[test]
fn a_filter_escapes_what_the_kind_says() {
    let find = "find: { query: { filter: \"name eq '{name}'\" }, escape: { \"'\": \"''\" } }";
    let mut workspace = Workspace::new();
    workspace.write("apis/ferry/api.yaml", API);
    let kind = describe("offset: skip, limit: take, page_size: 5, total: all");
    workspace.write("apis/ferry/boat.yaml", &kind.replace("  create:", &format!("  {find}\n  create:")));
    let kinds = kinds(descriptions(workspace.root()));
    let boat = |id: u32, name: &str| json!({ "object": { "id": id, "name": name } });
    let all = [boat(1, "O'Hara"), boat(2, "Sven")];
    let source = NamedSource::new("data.json", json!({ "ferry/boat": all }).to_string());
    let data = SandboxData::parse_source(&source, &kinds, &mut Vec::new());
    let options = SandboxOptions { data: Some(data), seed: Some(7), ..SandboxOptions::default() };
    let sandbox = SandboxLauncher::start_server(kinds, options).expect("a sandbox");
    let auth = json!({ "bearer": { "from_env": "KEY" } });
    let target = json!({ "api": "ferry", "base_url": sandbox.base_url("ferry"), "auth": auth });
    workspace.write("trueup.yaml", &json!({ "targets": { "there": target } }).to_string());
    workspace.set("KEY", "any");
    let document = json!({ "kind": "ferry/boat", "name": "ohara", "spec": { "name": "O'Hara" } });
    workspace.write("config/boats.yaml", &document.to_string());
    workspace.expect(0, &["plan", "--detailed-exitcode"]).says(&["No changes"]);
    let log = sandbox.read_log();
    assert_eq!(log.len(), 1, "the filter finds it");
}
