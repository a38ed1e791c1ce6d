//! How a target is reached: authorities and client certificates of its own over real TLS, and proxies.

use std::sync::Mutex;

use serde_json::{Value as Json, json};

use crate::support::stub_server::StubServer;
use crate::support::tls_server::{TestAuthority, TunnelProxy, start_tls_front};
use crate::support::workspace::Workspace;

const API: &str = "format: 1\ntitle: Depot\ndescription: Bays.\nformats: [json]\nauth: [bearer]\n";
const BAY: &str = r#"
format: 1
title: Bay
description: A bay.
identity: { id: id, natural_key: [code] }
operations:
  list: { get: /bays }
  get: { get: "/bays/{id}" }
  create: { post: /bays }
  update: { patch: "/bays/{id}", body: changes, nested_fields: { granularity: whole } }
  delete: { delete: "/bays/{id}" }
properties:
  id: { type: integer, description: The id., read_only: true }
  code: { type: string, description: The code., required: true }
  note: { type: string, description: What is kept there. }
"#;
const TRUSTED: &str = "certificate_authority: { from_file: certs/ca.pem }";

/// A workspace, and a service that speaks TLS alone.
struct SecureDepot {
    workspace: Workspace,
    service: StubServer,
    port: u16,
}

impl SecureDepot {
    /// A service whose certificate of `authority` is for `name`; with `clients`, it takes their certificates alone.
    fn open(authority: &TestAuthority, name: &str, clients: Option<&TestAuthority>) -> Self {
        let mut workspace = Workspace::new();
        workspace.write("apis/depot/api.yaml", API);
        workspace.write("apis/depot/bay.yaml", BAY);
        workspace.write("config/bay.yaml", "kind: depot/bay\nname: one\nspec: { code: one, note: new }\n");
        workspace.write("certs/ca.pem", &authority.pem);
        workspace.set("KEY", "any");
        let bay = Mutex::new(json!({ "id": 1, "code": "one", "note": "old" }));
        let service = StubServer::new(move |request| {
            let mut bay = bay.lock().expect("no panic");
            match (request.verb.as_str(), request.path.ends_with("/bays")) {
                ("GET", true) => (200, json!([*bay])),
                ("GET", false) => (200, bay.clone()),
                ("PATCH", false) => {
                    bay["note"] = request.body["note"].clone();
                    (200, bay.clone())
                }
                _ => (405, Json::Null),
            }
        });
        let config = authority.issue(name, 2100).build_server_config("http/1.1", clients);
        let port = start_tls_front(config, service.url.port().expect("a port"));
        Self { workspace, service, port }
    }

    /// Sets the target: its host, further lines, and those of `auth`. Each of them is a line.
    fn set_target(&self, host: &str, connection: &str, auth: &str) {
        let port = self.port;
        let auth = if auth.is_empty() { String::new() } else { format!("\n      {auth}") };
        let connection = if connection.is_empty() { String::new() } else { format!("    {connection}\n") };
        self.workspace.write(
            "trueup.yaml",
            &format!(
                "targets:\n  here:\n    api: depot\n    base_url: https://{host}:{port}/api/v2\n{connection}    \
                 auth:\n      bearer: {{ from_env: KEY }}{auth}\n"
            ),
        );
    }

    /// Plans a difference, applies it, and plans again without any.
    #[track_caller]
    fn converges(&self) {
        self.workspace.expect(2, &["plan", "--detailed-exitcode"]);
        self.workspace.expect(0, &["apply", "--auto-approve"]);
        self.workspace.expect(0, &["plan", "--detailed-exitcode"]).says(&["No changes"]);
    }

    /// Fails with this code at this line of the settings, before any request.
    #[track_caller]
    fn refuses(&self, code: &str, line: usize) {
        let before = self.service.requested().len();
        let ran = self.workspace.run(&["plan"]);
        assert_eq!(ran.code, Some(1), "{}", ran.all());
        assert!(ran.all().contains(&format!("[{code}]")), "no {code}: {}", ran.all());
        assert!(ran.all().contains(&format!("trueup.yaml:{line}:")), "not at line {line}: {}", ran.all());
        assert_eq!(self.service.requested().len(), before, "a request was sent");
    }
}

#[test]
fn a_target_trusts_its_own_authorities_alone() {
    let (authority, other) = (TestAuthority::new(), TestAuthority::new());
    let mut depot = SecureDepot::open(&authority, "localhost", None);
    depot.set_target("localhost", "", "");
    depot.refuses("tls", 2);
    depot.workspace.write("certs/other.pem", &other.pem);
    depot.set_target("localhost", "certificate_authority: { from_file: certs/other.pem }", "");
    depot.refuses("tls", 2);

    depot.set_target("localhost", TRUSTED, "");
    depot.converges();
    depot.workspace.expect(0, &["doctor"]).says(&["trusts the authorities of the file certs/ca.pem alone"]);
    // several in one text, from a variable
    depot.workspace.set("DEPOT_CA", format!("{}{}", other.pem, authority.pem));
    depot.set_target("localhost", "certificate_authority: { from_env: DEPOT_CA }", "");
    depot.workspace.expect(0, &["plan", "--detailed-exitcode"]);
}

#[test]
fn a_saved_plan_is_bound_to_the_authorities_that_it_trusted() {
    let (authority, other) = (TestAuthority::new(), TestAuthority::new());
    let depot = SecureDepot::open(&authority, "localhost", None);
    depot.set_target("localhost", TRUSTED, "");
    depot.workspace.expect(0, &["plan", "-o", "plan.json"]);
    depot.workspace.write("certs/ca.pem", &format!("{}{}", authority.pem, other.pem));
    let ran = depot.workspace.run(&["apply", "plan.json", "--auto-approve"]);
    assert!(ran.code == Some(1) && ran.err.contains("[plan-mismatch]"), "{}", ran.all());
    assert!(depot.service.bodies().is_empty());
    depot.workspace.write("certs/ca.pem", &authority.pem);
    depot.workspace.expect(0, &["apply", "plan.json", "--auto-approve"]);
}

#[test]
fn a_client_certificate_is_presented_and_its_key_is_in_no_output() {
    let (authority, clients) = (TestAuthority::new(), TestAuthority::new());
    let mut depot = SecureDepot::open(&authority, "localhost", Some(&clients));
    depot.set_target("localhost", TRUSTED, "");
    let ran = depot.workspace.run(&["plan"]);
    assert_eq!(ran.code, Some(1), "{}", ran.all());
    assert!(depot.service.requested().is_empty(), "a client without a certificate gets no answer");

    let client = clients.issue("ci.example.com", 2100);
    depot.workspace.write("certs/client.pem", &client.certificate_pem());
    depot.workspace.set("CLIENT_KEY", client.key_pem());
    let auth =
        "client_certificate: { from_file: certs/client.pem }\n      client_key: { from_env: CLIENT_KEY }";
    depot.set_target("localhost", TRUSTED, auth);
    depot.converges();
    let key = client.key_pem();
    let lines: Vec<&str> = key.lines().filter(|line| !line.starts_with('-')).collect();
    let shows = |bytes: &[u8]| lines.iter().any(|line| String::from_utf8_lossy(bytes).contains(line));
    for arguments in [&["plan", "-vv"][..], &["doctor"], &["plan", "-o", "plan.json"], &["drift", "-vv"]] {
        let ran = depot.workspace.run(arguments);
        assert!(ran.code == Some(0) && !shows(ran.all().as_bytes()), "{}", ran.all());
    }
    for (path, bytes) in depot.workspace.files() {
        assert!(!shows(&bytes), "{}", path.display());
    }
}

#[test]
fn what_does_not_fit_is_an_error_at_its_line_before_any_request() {
    let authority = TestAuthority::new();
    let mut depot = SecureDepot::open(&authority, "localhost", None);
    let (client, other) =
        (authority.issue("ci.example.com", 2100), authority.issue("other.example.com", 2100));
    depot.workspace.write("certs/client.pem", &client.certificate_pem());
    depot.workspace.write("certs/empty.pem", "nothing\n");
    let broken = client.certificate_pem().replacen("MII", "AAA", 1);
    depot.workspace.write("certs/broken.pem", &broken);
    let workspace = &mut depot.workspace;
    workspace.set("CLIENT_KEY", client.key_pem());
    workspace.set("OTHER_KEY", other.key_pem());
    workspace.set("LOCKED_KEY", client.key_pem().replace("PRIVATE", "ENCRYPTED PRIVATE"));
    workspace.set("NO_KEY", "canary-that-is-no-key");
    for (connection, code) in [
        ("certificate_authority: { from_file: certs/none.pem }", "unresolved-secret"),
        ("certificate_authority: { from_file: /etc/hostname }", "unresolved-secret"),
        ("certificate_authority: { from_file: certs/empty.pem }", "invalid-certificate-authority"),
        ("certificate_authority: { from_file: certs/broken.pem }", "invalid-certificate-authority"),
        ("certificate_authority: certs/ca.pem", "invalid-certificate-authority"),
        ("proxy: ftp://proxy.example.com", "invalid-proxy"),
        ("proxy: http://user:canary-pass@proxy.example.com", "plain-secret"),
        ("proxy: { from_env: NO_KEY }", "invalid-proxy"),
        ("proxy: http://proxy.example.com:3128", "proxy-not-allowed"),
    ] {
        depot.set_target("localhost", connection, "");
        depot.refuses(code, 5);
        let ran = depot.workspace.run(&["plan"]);
        assert!(!ran.all().contains("canary"), "{}", ran.all());
    }
    let certificate = "client_certificate: { from_file: certs/client.pem }\n      client_key:";
    for (auth, code, line) in [
        (format!("{certificate} {{ from_env: OTHER_KEY }}"), "client-key-mismatch", 9),
        (format!("{certificate} {{ from_env: LOCKED_KEY }}"), "invalid-client-key", 9),
        (format!("{certificate} {{ from_env: NO_KEY }}"), "invalid-client-key", 9),
        (format!("{certificate} canary-in-clear"), "plain-secret", 9),
        ("client_certificate: { from_file: certs/client.pem }".into(), "missing-key", 8),
        ("client_key: { from_env: CLIENT_KEY }".into(), "missing-key", 8),
        (
            "client_certificate: { from_file: certs/empty.pem }\n      client_key: { from_env: CLIENT_KEY }"
                .into(),
            "invalid-client-certificate",
            8,
        ),
    ] {
        depot.set_target("localhost", TRUSTED, &auth);
        depot.refuses(code, line);
        let ran = depot.workspace.run(&["plan"]);
        assert!(!ran.all().contains("canary"), "{}", ran.all());
    }
}

#[test]
fn requests_pass_through_the_proxy_of_the_target_and_no_other() {
    let authority = TestAuthority::new();
    let mut depot = SecureDepot::open(&authority, "depot.example.com", None);
    let proxy = TunnelProxy::start(depot.port, None);
    let other = TunnelProxy::start(depot.port, None);
    let workspace = &mut depot.workspace;
    workspace.set("TRUEUP_ALLOWED_HOSTS", format!("depot.example.com:{}", depot.port));
    workspace.set("HTTPS_PROXY", format!("http://127.0.0.1:{}", other.port));
    workspace.set("DEPOT_PROXY", format!("http://ci:p%40ss-canary@127.0.0.1:{}", proxy.port));
    depot.set_target("depot.example.com", &format!("{TRUSTED}\n    proxy: {{ from_env: DEPOT_PROXY }}"), "");
    depot.converges();
    let heard = proxy.heard();
    assert!(!heard.is_empty() && other.heard().is_empty(), "{heard:?}");
    let authorization = format!("basic {}", "Y2k6cEBzcy1jYW5hcnk=").to_lowercase();
    for head in &heard {
        assert!(head.starts_with(&format!("CONNECT depot.example.com:{} ", depot.port)), "{head}");
        assert!(head.to_lowercase().contains(&authorization), "{head}");
    }
    let ran = depot.workspace.expect(0, &["doctor", "-vv"]);
    ran.says(&["requests go through the proxy of the environment variable DEPOT_PROXY"]);
    assert!(!ran.all().contains("ss-canary"), "{}", ran.all());
    // a URL without a password may be written itself
    let written = format!("{TRUSTED}\n    proxy: http://127.0.0.1:{}", proxy.port);
    depot.set_target("depot.example.com", &written, "");
    depot.workspace.expect(0, &["plan", "--detailed-exitcode"]);
    assert!(other.heard().is_empty());
}

#[test]
fn a_proxy_that_refuses_is_named_at_its_line() {
    let authority = TestAuthority::new();
    let mut depot = SecureDepot::open(&authority, "depot.example.com", None);
    let refusal =
        "HTTP/1.1 407 Proxy Authentication Required\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    let proxy = TunnelProxy::start(depot.port, Some(refusal));
    depot.workspace.set("TRUEUP_ALLOWED_HOSTS", format!("depot.example.com:{}", depot.port));
    depot.set_target("depot.example.com", &format!("proxy: http://127.0.0.1:{}", proxy.port), "");
    depot.refuses("proxy-refused", 5);
    assert_eq!(proxy.heard().len(), 1, "a refusal is not tried again");
}

#[test]
fn a_proxy_is_used_only_where_it_is_allowed_for_that() {
    let authority = TestAuthority::new();
    let mut depot = SecureDepot::open(&authority, "depot.example.com", None);
    let workspace = &mut depot.workspace;
    let host = format!("depot.example.com:{}", depot.port);
    workspace.set("TRUEUP_ALLOWED_HOSTS", format!("{host}, proxy.example.com:3128"));
    depot.set_target("depot.example.com", "proxy: http://proxy.example.com:3128", "");
    depot.refuses("proxy-not-allowed", 5);
    for list in ["proxy.example.com", "other=proxy.example.com:3128"] {
        depot.workspace.set("TRUEUP_ALLOWED_PROXY_HOSTS", list);
        depot.refuses("proxy-not-allowed", 5);
    }
    depot.workspace.set("TRUEUP_ALLOWED_PROXY_HOSTS", "here=proxy.example.com:3128");
    let ran = depot.workspace.expect(0, &["doctor", "--offline"]);
    ran.says(&["requests go through the proxy proxy.example.com:3128"]);
}

/// 0.0.0.0 is no address of loopback, so the environment's proxy would be used, and it leads to this machine.
#[cfg(unix)]
#[test]
fn without_a_proxy_that_of_the_environment_is_not_used() {
    let authority = TestAuthority::new();
    let mut depot = SecureDepot::open(&authority, "0.0.0.0", None);
    let other = TunnelProxy::start(depot.port, None);
    let workspace = &mut depot.workspace;
    workspace.set("TRUEUP_ALLOWED_HOSTS", format!("0.0.0.0:{}", depot.port));
    workspace.set("HTTPS_PROXY", format!("http://127.0.0.1:{}", other.port));
    depot.set_target("0.0.0.0", &format!("{TRUSTED}\n    proxy: none"), "");
    depot.converges();
    assert!(other.heard().is_empty());
    depot.set_target("0.0.0.0", TRUSTED, "");
    depot.workspace.expect(0, &["plan", "--detailed-exitcode"]);
    assert!(!other.heard().is_empty());
}
