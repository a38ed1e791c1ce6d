//! Lists that are read by POST: a read, with the page in the body; of a description of the workspace only where the URL
//! is allowed outside the repository.

use serde_json::{Value as Json, json};
use trueup::sandbox::{SandboxFault, SandboxOptions};

use crate::support::own_api_fixture::{OwnApiFixture, body};
use crate::support::workspace::Workspace;

const SETTINGS: &str =
    "targets:\n  here: { api: ferry, base_url: \"URL\", auth: { bearer: { from_env: KEY } } }\n";
const API: &str = "format: 1\ntitle: Ferry\ndescription: Boats.\nformats: [json]\nauth: [bearer]\nerrors: { messages: [message] }\n";
const BOAT: &str = r#"
format: 1
title: Boat
description: A boat.
scope:
  fleet: { type: integer, description: The fleet. }
identity: { id: id, natural_key: [name] }
operations:
  list:
    post: /boats/search
    body: { filter: { fleet: "{fleet}", states: [afloat, "{fleets}"] }, page: { take: 1 } }
    items: data
    PAGING
  get: { get: "/fleets/{fleet}/boats/{id}" }
  create: { post: "/fleets/{fleet}/boats" }
  update: { patch: "/fleets/{fleet}/boats/{id}", body: changes }
properties:
  id: { type: integer, description: The id., read_only: true }
  name: { type: string, description: The name., required: true }
  seats: { type: integer, description: How many may sit. }
"#;
const IN_BODY: &str = "paging: { in: body, offset: page.skip, limit: page.take, page_size: 2, total: total }";
const IN_QUERY: &str = "paging: { style: page, page: p, limit: size, page_size: 2, pages: pages }";

fn open(paging: &str) -> OwnApiFixture {
    let workspace = Workspace::new();
    workspace.write("apis/ferry/api.yaml", API);
    // the second fleet has boats of the same names
    let boat = |(fleet, id): (u32, u32)| {
        let boat = json!({ "id": id, "name": format!("boat-{}", id % 10), "seats": id });
        format!("  - {}\n", json!({ "scope": { "fleet": fleet.to_string() }, "object": boat }))
    };
    let boats: Vec<String> = (1..=5).map(|n| (7, n)).chain((11..=16).map(|n| (8, n))).map(boat).collect();
    let kind = format!("{}examples:\n{}", BOAT.replace("PAGING", paging), boats.concat());
    workspace.write("apis/ferry/boat.yaml", &kind);
    let shop = OwnApiFixture::open(workspace, SETTINGS, SandboxOptions::default());
    let document = |n: u32| {
        format!(
            "kind: ferry/boat\nname: boat-{n}\nscope: {{ fleet: 7 }}\nspec: {{ name: boat-{n}, seats: 9 }}\n"
        )
    };
    let documents: Vec<String> = (2..=6).map(document).collect();
    shop.workspace.write("config/boats.yaml", &documents.join("---\n"));
    shop
}

/// The URL of the search, as the variable takes it.
fn search_url(shop: &OwnApiFixture) -> String {
    format!(
        "{}/boats/search",
        shop.sandbox.base_url("ferry").trim_start_matches("http://").trim_end_matches('/')
    )
}

fn searches(shop: &OwnApiFixture) -> Vec<Json> {
    let log = shop.sandbox.read_log();
    log.iter().filter(|entry| entry.path.ends_with("/boats/search")).map(body).collect()
}

#[test]
fn a_list_by_post_is_a_read_with_its_page_in_the_body() {
    let mut shop = open(IN_BODY);
    let url = search_url(&shop);
    shop.workspace.set("TRUEUP_ALLOWED_SEARCH_URLS", &url);
    // a read is tried again, also by POST
    shop.sandbox.add_fault(SandboxFault::parse_fault("POST:503:1:/search").expect("a fault"));
    let plan = shop.workspace.expect(0, &["plan", "--max-updates=100%"]);
    plan.says(&["1 to create, 4 to update", "listed with POST /boats/search"]);
    let pages: Vec<Json> = searches(&shop).into_iter().skip(1).collect();
    let filter = json!({ "fleet": 7, "states": ["afloat", "{fleets}"] });
    let page = |skip: u32| json!({ "filter": filter, "page": { "take": 2, "skip": skip } });
    assert_eq!(pages, [page(0), page(2), page(4)]);
    shop.workspace.expect(0, &["apply", "--auto-approve", "--max-updates=100%"]);
    shop.workspace.expect(0, &["plan", "--detailed-exitcode"]).says(&["No changes"]);
}

#[test]
fn a_page_in_the_query_goes_with_the_body() {
    let mut shop = open(IN_QUERY);
    let url = search_url(&shop);
    shop.workspace.set("TRUEUP_ALLOWED_SEARCH_URLS", &url);
    shop.workspace.expect(0, &["apply", "--auto-approve", "--max-updates=100%"]);
    let log = shop.sandbox.read_log();
    let first = log.iter().find(|entry| entry.path.ends_with("/boats/search")).expect("a search");
    assert!(first.query.iter().any(|(name, value)| name == "p" && value == "1"), "{:?}", first.query);
    assert_eq!(body(first)["page"], json!({ "take": 1 }));
    shop.workspace.expect(0, &["plan", "--detailed-exitcode"]).says(&["No changes"]);
}

#[test]
fn a_description_of_the_workspace_alone_makes_no_read_a_post() {
    let mut shop = open(IN_BODY);
    let url = search_url(&shop);
    let host = url.split('/').next().expect("a host").to_owned();
    let refused = |shop: &OwnApiFixture| {
        for command in [&["plan"][..], &["apply", "--auto-approve"], &["drift"]] {
            let ran = shop.workspace.run(command);
            assert_ne!(ran.code, Some(0), "{}", ran.all());
            assert!(ran.all().contains("search-not-allowed"), "{}", ran.all());
            assert!(ran.all().contains(&format!("TRUEUP_ALLOWED_SEARCH_URLS={url}")), "{}", ran.all());
        }
        assert_eq!(shop.writes().len(), 0, "nothing was posted");
    };
    refused(&shop);
    // a host without a path allows nothing, and neither does another path, above or below, target or purpose
    let above = url.trim_end_matches("/search").to_owned();
    for other in
        [host.clone(), format!("{host}/ferry/other"), above, format!("{url}/x"), format!("there={url}")]
    {
        shop.workspace.set("TRUEUP_ALLOWED_SEARCH_URLS", &other);
        refused(&shop);
    }
    shop.workspace.unset("TRUEUP_ALLOWED_SEARCH_URLS");
    shop.workspace.set("TRUEUP_ALLOWED_LOGIN_HOSTS", &url);
    refused(&shop);
}

#[test]
fn a_search_needs_its_words() {
    let workspace = Workspace::new();
    workspace.write("apis/ferry/api.yaml", API);
    let kind = BOAT.replace("PAGING", IN_BODY);
    let cases = [
        ("post: /boats/search", "get: \"/fleets/{fleet}\"", "`body` needs `post`"),
        ("post: /boats/search", "post: /boats/search\n    get: /boats", "a list has either `get` or `post`"),
        ("    post: /boats/search\n", "", "a list has `get` or `post`"),
        (
            "body: { filter: { fleet: \"{fleet}\", states: [afloat, \"{fleets}\"] }, page: { take: 1 } }",
            "body: [1]",
            "`body` is a mapping",
        ),
        ("fleet: \"{fleet}\", ", "", "the scope parameter `fleet` is not in this path"),
        (
            "fleet: \"{fleet}\"",
            "fleet: \"x-{fleet}\"",
            "`{fleet}` is filled in only where it is the whole text",
        ),
        (IN_BODY, "paging: { style: link, next: next }", "a search has no URL of the next page"),
    ];
    for (from, to, expected) in cases {
        let broken = kind.replace(from, to);
        assert_ne!(broken, kind, "{from}");
        workspace.write("apis/ferry/boat.yaml", &broken);
        let ran = workspace.run(&["api", "check"]);
        assert_ne!(ran.code, Some(0), "{expected}");
        assert!(ran.all().contains(expected), "{expected}: {}", ran.all());
    }
}
