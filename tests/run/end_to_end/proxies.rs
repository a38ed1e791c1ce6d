//! A service behind a proxy: what the proxy refuses is said of the proxy, by its name and without its credentials.

use std::net::TcpListener;

use serde_json::json;

use crate::support::stub_server::StubServer;
use crate::support::workspace::Workspace;

const API: &str = "format: 1\ntitle: Orchard\ndescription: Trees.\nformats: [json]\n";
const TREE: &str = "\
format: 1
title: Tree
description: One tree.
identity: { id: id, natural_key: [code] }
operations:
  list: { get: /trees }
properties:
  id: { type: integer, description: The number., read_only: true }
  code: { type: string, description: The code., required: true }
";

/// A workspace whose service is reached through the proxy at an address.
fn workspace(proxy: &str) -> Workspace {
    let mut workspace = Workspace::new();
    workspace.write("apis/orchard/api.yaml", API);
    workspace.write("apis/orchard/tree.yaml", TREE);
    let target = json!({ "api": "orchard", "base_url": "https://orchard.example.com/v1" });
    workspace.write("trueup.yaml", &json!({ "targets": { "home": target } }).to_string());
    workspace.write("config/a.yaml", "kind: orchard/tree\nname: a\nspec: { code: A }\n");
    workspace.set("TRUEUP_ALLOWED_HOSTS", "orchard.example.com");
    workspace.set("HTTPS_PROXY", format!("http://user:canary-word@{proxy}"));
    workspace
}

fn authority(server: &StubServer) -> String {
    format!("127.0.0.1:{}", server.url.port().expect("a port"))
}

#[test]
fn a_proxy_that_refuses_is_named_and_asked_once() {
    for (status, says) in [(407, "asks for credentials (407)"), (403, "refused the connection")] {
        let proxy = StubServer::new(move |_| (status, json!(null)));
        let workspace = workspace(&authority(&proxy));
        let ran = workspace.run(&["plan", "--format", "json"]);
        assert_eq!(ran.code, Some(1), "{}", ran.all());
        let message = format!("the proxy {} {says}", authority(&proxy));
        assert!(ran.all().contains("proxy-refused") && ran.all().contains(&message), "{}", ran.all());
        assert!(!ran.all().contains("canary-word"), "{}", ran.all());
        assert_eq!(proxy.lines(), ["CONNECT orchard.example.com:443"], "asking again does not help");
    }
}

#[test]
fn a_proxy_that_is_not_there_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address").to_string();
    drop(listener);
    let ran = workspace(&address).run(&["plan", "--format", "json"]);
    assert_eq!(ran.code, Some(1), "{}", ran.all());
    let message = format!("no connection to the proxy {address}: connection refused");
    assert!(ran.all().contains("proxy-unreachable") && ran.all().contains(&message), "{}", ran.all());
    assert!(!ran.all().contains("canary-word"), "{}", ran.all());
}

#[test]
fn a_host_that_is_reached_directly_has_no_proxy_to_name() {
    let mut workspace = workspace("127.0.0.1:9");
    workspace.set("NO_PROXY", "example.com");
    let ran = workspace.run(&["plan"]);
    assert!(!ran.all().contains("proxy-"), "{}", ran.all());
    assert!(ran.all().contains("cannot-connect"), "{}", ran.all());
}
