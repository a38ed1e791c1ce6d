//! PowerDNS: lists that are summaries, secrets that only a read of one key shows, one writer at a time.

use std::path::Path;

use serde_json::{Value as Json, json};

use crate::product::{
    Product, StartedProduct, converge, find_last_receipt, find_port, find_program, run_program,
};
use crate::support::workspace::Workspace;

const ZONES: &str = "/servers/localhost/zones";
const KEYS: &str = "/servers/localhost/tsigkeys";
const SCHEMA: &str = "/usr/share/doc/pdns-backend-sqlite3/schema.sqlite3.sql";
const SECRET: &str = "cGRucy1jYW5hcnktc2VjcmV0LXZhbHVlLTEyMzQ1Njc4";
const OTHER_SECRET: &str = "b3RoZXItY2FuYXJ5LXNlY3JldC12YWx1ZS0xMjM0NTY3OA==";

fn start_powerdns() -> Option<Product> {
    let program = find_program("pdns_server", None)?;
    let database = find_program("sqlite3", None)?;
    let folder = tempfile::tempdir().expect("a folder");
    assert!(Path::new(SCHEMA).is_file(), "{SCHEMA} comes with pdns-backend-sqlite3");
    run_program(&database, &["db", &format!(".read {SCHEMA}")], folder.path());
    let (port, place) = (find_port(), folder.path().display());
    let settings = format!(
        "launch=gsqlite3\ngsqlite3-database={place}/db\nlocal-address=127.0.0.1\nlocal-port={}\napi=yes\n\
         api-key=pdns-key\nwebserver-address=127.0.0.1\nwebserver-port={port}\nsocket-dir={place}\n",
        find_port()
    );
    std::fs::write(folder.path().join("pdns.conf"), settings).expect("settings");
    let config = format!("--config-dir={place}");
    Some(Product::start(
        folder,
        &StartedProduct {
            program: &program,
            arguments: &["--daemon=no", "--guardian=no", &config],
            origin: "http://127.0.0.1",
            port,
            path: "/api/v1",
            credentials: &["-H", "X-API-Key: pdns-key"],
        },
    ))
}

fn open_workspace(product: &Product) -> Workspace {
    let auth = json!({ "headers": { "X-API-Key": { "from_env": "PDNS_KEY" } } });
    let scope = json!({ "server_id": "localhost" });
    let mut workspace =
        product.open_workspace("powerdns", &json!({ "api": "pdns", "auth": auth, "scope": scope }));
    workspace.set("PDNS_KEY", "pdns-key");
    workspace
}

fn read_zone(product: &Product, name: &str) -> Json {
    product.curl("GET", &format!("{ZONES}/{name}"), None)
}

#[test]
fn powerdns_goes_through_every_step() {
    let Some(product) = start_powerdns() else { return };
    for name in ["example.org.", "example.net."] {
        let zone = json!({ "name": name, "kind": "Native", "nameservers": ["ns1.example.org."] });
        product.curl("POST", ZONES, Some(&zone));
    }
    product.curl(
        "POST",
        KEYS,
        Some(&json!({ "name": "transfer", "algorithm": "hmac-sha256", "key": SECRET })),
    );
    let mut workspace = open_workspace(&product);
    workspace.expect(0, &["api", "check"]);
    workspace.expect(0, &["api", "try", "product"]).says(&["the description matches", "2 objects on 1 page"]);
    for kind in ["pdns/zone", "pdns/tsigkey"] {
        let ran = workspace.expect(0, &["import", kind, "--target", "product", "--output", "config"]);
        assert!(!ran.all().contains(SECRET), "{}", ran.all());
    }
    workspace.set("PDNS_TRANSFER_KEY", SECRET);
    workspace.expect(0, &["plan", "--detailed-exitcode"]).says(&["No changes: 3 objects unchanged"]);

    // edit and create
    let edited = workspace.read("config/example-org.yaml").replace("spec:\n", "spec:\n  account: ops\n");
    workspace.write("config/example-org.yaml", &edited);
    let spec = json!({ "name": "two.example.", "kind": "Native", "account": "ops", "nameservers": ["ns1.two.example."] });
    workspace
        .write("config/two.yaml", &json!({ "kind": "pdns/zone", "name": "two", "spec": spec }).to_string());
    let spec = json!({ "name": "second", "algorithm": "hmac-sha512", "key": { "from_env": "SECOND_KEY" } });
    workspace.write(
        "config/second.yaml",
        &json!({ "kind": "pdns/tsigkey", "name": "second", "spec": spec }).to_string(),
    );
    workspace.set("SECOND_KEY", OTHER_SECRET);
    converge(&workspace, &[]);
    assert_eq!(read_zone(&product, "example.org.")["account"], "ops");
    let records = read_zone(&product, "two.example.")["rrsets"].to_string();
    assert!(records.contains("ns1.two.example."), "{records}");
    assert_eq!(product.curl("GET", &format!("{KEYS}/second."), None)["key"], OTHER_SECRET);

    // a hand edit is drift; the apply takes it back, the undo brings it again
    product.curl("PUT", &format!("{ZONES}/example.org."), Some(&json!({ "account": "somebody" })));
    workspace.expect(2, &["drift"]).says(&["drifted", "\"somebody\" -> \"ops\""]);
    converge(&workspace, &[]);
    assert_eq!(read_zone(&product, "example.org.")["account"], "ops");
    workspace.expect(0, &["undo", "--auto-approve", &find_last_receipt(&workspace)]);
    assert_eq!(read_zone(&product, "example.org.")["account"], "somebody");
    converge(&workspace, &[]);

    // another secret is written and never shown
    workspace.set("SECOND_KEY", SECRET);
    let planned = workspace.expect(2, &["plan", "--detailed-exitcode"]);
    assert!(!planned.all().contains(SECRET) && !planned.all().contains(OTHER_SECRET), "{}", planned.all());
    converge(&workspace, &[]);
    assert_eq!(product.curl("GET", &format!("{KEYS}/second."), None)["key"], SECRET);
    let shows =
        |text: &[u8]| [SECRET, OTHER_SECRET].iter().any(|own| String::from_utf8_lossy(text).contains(own));
    assert!(!workspace.files().iter().any(|(_, text)| shows(text)), "no file holds a secret");

    // several at once, one writer at a time; then they go
    let document = |number: usize, state: &str| {
        let spec = json!({ "name": format!("many{number}.example."), "kind": "Native" });
        json!({ "kind": "pdns/zone", "name": format!("many{number}"), "state": state, "spec": spec })
            .to_string()
    };
    let all = |state| (0..8).map(|number| document(number, state)).collect::<Vec<_>>().join("\n---\n");
    workspace.write("config/many.yaml", &all("present"));
    converge(&workspace, &["--parallelism", "8"]);
    assert_eq!(product.curl("GET", ZONES, None).as_array().map(Vec::len), Some(11));
    workspace.write("config/many.yaml", &all("absent"));
    converge(&workspace, &["--allow-delete=8", "--max-deletes=100%"]);
    assert_eq!(product.curl("GET", ZONES, None).as_array().map(Vec::len), Some(3));
}
