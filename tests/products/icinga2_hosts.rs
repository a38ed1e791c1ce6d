//! Icinga 2: TLS with an authority of its own, ids that the client chooses, attributes that move by themselves,
//! passwords that no read shows.

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

use crate::product::{
    Product, StartedProduct, converge, find_last_receipt, find_port, find_program, run_program,
};
use crate::support::workspace::Workspace;

const HOSTS: &str = "/objects/hosts";
const USERS: &str = "/objects/apiusers";
const SECRET: &str = "icinga-canary-41d9";
const OTHER_SECRET: &str = "other-icinga-canary-52ea";
/// How long Icinga 2 may take until it answers.
const START_TIME: Duration = Duration::from_secs(60);

/// The name that `id` prints for this user or group.
fn read_own_name(flag: &str) -> String {
    let ran = Command::new("id").arg(flag).output().expect("id runs");
    String::from_utf8_lossy(&ran.stdout).trim().to_owned()
}

fn build_settings(port: u16) -> String {
    format!(
        r#"const NodeName = "localhost"
const ZoneName = NodeName
include <itl>
object Endpoint NodeName {{ }}
object Zone ZoneName {{ endpoints = [ NodeName ] }}
object ApiListener "api" {{
  bind_host = "127.0.0.1"
  bind_port = {port}
}}
object ApiUser "root" {{
  password = "icinga-pw"
  permissions = [ "*" ]
}}
template Host "checked-host" {{ check_command = "dummy" }}
"#
    )
}

/// A product with an authority of its own.
fn start_icinga() -> Option<Product> {
    let program = find_program("icinga2", None)?;
    let folder = tempfile::tempdir().expect("a folder");
    let place = |name: &str| folder.path().join(name).display().to_string();
    for name in ["data/certs", "cache", "log", "run", "conf"] {
        std::fs::create_dir_all(folder.path().join(name)).expect("a folder");
    }
    let user = format!("-DRunAsUser={}", read_own_name("-un"));
    let group = format!("-DRunAsGroup={}", read_own_name("-gn"));
    let data = format!("-DDataDir={}", place("data"));
    let (key, request) = (place("data/certs/localhost.key"), place("localhost.csr"));
    let certificate = place("data/certs/localhost.crt");
    let common = [&*user, &*group, &*data];
    run_program(&program, &[&["pki", "new-ca"], &common[..]].concat(), folder.path());
    let new = ["pki", "new-cert", "--cn", "localhost", "--key", &key, "--csr", &request];
    run_program(&program, &[&new[..], &common].concat(), folder.path());
    let sign = ["pki", "sign-csr", "--csr", &request, "--cert", &certificate];
    run_program(&program, &[&sign[..], &common].concat(), folder.path());
    let authority = place("data/certs/ca.crt");
    std::fs::copy(folder.path().join("data/ca/ca.crt"), &authority).expect("a certificate");
    let port = find_port();
    std::fs::write(folder.path().join("icinga2.conf"), build_settings(port)).expect("settings");
    let folders = [("Cache", "cache"), ("Log", "log"), ("InitRun", "run"), ("Config", "conf")];
    let folders = folders.map(|(name, own)| format!("-D{name}Dir={}", place(own)));
    let (settings, pid) = (place("icinga2.conf"), format!("-DPidPath={}", place("run/pid")));
    let mut arguments = vec!["daemon", "-c", &settings, &pid];
    arguments.extend(common);
    arguments.extend(folders.iter().map(String::as_str));
    let product = Product::start(
        folder,
        &StartedProduct {
            program: &program,
            arguments: &arguments,
            origin: "https://localhost",
            port,
            path: "/v1",
            credentials: &["--cacert", &authority, "-u", "root:icinga-pw", "-H", "accept: application/json"],
        },
    );
    wait_for_answer(&product);
    Some(product)
}

/// It listens a little before it answers.
fn wait_for_answer(product: &Product) {
    let began = Instant::now();
    let asks = || {
        let mut command = Command::new("curl");
        let command =
            command.args(["-sf"]).args(&product.credentials).arg(format!("{}{HOSTS}", product.base_url));
        command.output().expect("curl runs").status.success()
    };
    while !asks() {
        assert!(began.elapsed() < START_TIME, "Icinga 2 does not answer");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn open_workspace(product: &Product) -> Workspace {
    let auth = json!({ "basic": { "username": { "from_env": "ICINGA_USER" }, "password": { "from_env": "ICINGA_PASSWORD" } } });
    let target =
        json!({ "api": "icinga2", "auth": auth, "certificate_authority": { "from_file": "certs/ca.crt" } });
    let mut workspace = product.open_workspace("icinga2", &target);
    let authority = std::fs::read_to_string(product.folder.path().join("data/certs/ca.crt"));
    workspace.write("certs/ca.crt", &authority.expect("a certificate"));
    workspace.set("ICINGA_USER", "root");
    workspace.set("ICINGA_PASSWORD", "icinga-pw");
    workspace
}

/// The attributes of a host.
fn read_host(product: &Product, name: &str) -> Json {
    product.curl("GET", &format!("{HOSTS}/{name}"), None)["results"][0]["attrs"].clone()
}

fn count_objects(product: &Product, path: &str) -> usize {
    product.curl("GET", path, None)["results"].as_array().map_or(0, Vec::len)
}

/// Whether the product takes a password of the user `reader`.
fn accepts_password(product: &Product, password: &str) -> bool {
    let user = format!("reader:{password}");
    let authority = product.folder.path().join("data/certs/ca.crt");
    let mut command = Command::new("curl");
    command.args(["-sf", "-u", &user, "--cacert"]).arg(authority).arg(format!("{}{HOSTS}", product.base_url));
    command.output().expect("curl runs").status.success()
}

#[test]
fn icinga2_goes_through_every_step() {
    let Some(product) = start_icinga() else { return };
    let web =
        json!({ "templates": ["checked-host"], "attrs": { "address": "192.0.2.1", "vars.os": "Linux" } });
    product.curl("PUT", &format!("{HOSTS}/web1"), Some(&web));
    let vars = json!({ "os": "Linux", "disks": { "/": { "size": 5 } } });
    let mail = json!({ "templates": ["checked-host"], "attrs": { "address": "192.0.2.2", "vars": vars } });
    product.curl("PUT", &format!("{HOSTS}/mail1"), Some(&mail));
    let user = json!({ "attrs": { "password": SECRET, "permissions": ["objects/query/Host"] } });
    product.curl("PUT", &format!("{USERS}/ci"), Some(&user));
    let mut workspace = open_workspace(&product);
    workspace.expect(0, &["api", "check"]);
    workspace.expect(0, &["api", "try", "product"]).says(&["the description matches", "2 objects on 1 page"]);
    for kind in ["icinga2/host", "icinga2/apiuser"] {
        workspace.expect(0, &["import", kind, "--target", "product", "--output", "config"]);
    }
    assert!(!workspace.path("config/root.yaml").exists(), "the user of the settings is not imported");
    workspace.expect(0, &["plan", "--detailed-exitcode"]).says(&["No changes: 3 objects unchanged"]);
    workspace.expect(0, &["doctor"]).says(&["trusts the authorities of the file certs/ca.crt alone"]);

    // edit a member inside of attributes and inside of variables, and create
    let edited =
        workspace.read("config/mail1.yaml").replace("192.0.2.2", "192.0.2.22").replace("size: 5", "size: 6");
    workspace.write("config/mail1.yaml", &edited);
    let attrs = json!({ "address": "192.0.2.9", "vars": { "os": "Debian" } });
    let spec = json!({ "name": "db1", "templates": ["checked-host"], "attrs": attrs });
    let host = json!({ "kind": "icinga2/host", "name": "db1", "id": "db1", "spec": spec });
    workspace.write("config/db1.yaml", &host.to_string());
    let attrs = json!({ "password": { "from_env": "READER_PASSWORD" }, "permissions": ["objects/query/*"] });
    let spec = json!({ "name": "reader", "attrs": attrs });
    let user = json!({ "kind": "icinga2/apiuser", "name": "reader", "id": "reader", "spec": spec });
    workspace.write("config/reader.yaml", &user.to_string());
    workspace.set("READER_PASSWORD", OTHER_SECRET);
    let planned = workspace.expect(2, &["plan", "--detailed-exitcode"]);
    assert!(!planned.all().contains(OTHER_SECRET), "{}", planned.all());
    converge(&workspace, &[]);
    let host = read_host(&product, "mail1");
    assert!(host["address"] == "192.0.2.22" && host["vars"]["disks"]["/"]["size"] == 6, "{host}");
    assert_eq!(host["vars"]["os"], "Linux", "what is beside the edit stays");
    let templates = read_host(&product, "db1")["templates"].to_string();
    assert!(templates.contains("checked-host"), "{templates}");
    assert!(accepts_password(&product, OTHER_SECRET));

    // a hand edit is drift; the apply takes it back, the undo brings it again, and accept takes it into the file
    let by_hand = json!({ "attrs": { "notes": "somebody was here" } });
    product.curl("POST", &format!("{HOSTS}/mail1"), Some(&by_hand));
    let managed = workspace.read("config/mail1.yaml").replace("  attrs:\n", "  attrs:\n    notes: ours\n");
    workspace.write("config/mail1.yaml", &managed);
    converge(&workspace, &[]);
    assert_eq!(read_host(&product, "mail1")["notes"], "ours");
    product.curl("POST", &format!("{HOSTS}/mail1"), Some(&by_hand));
    workspace.expect(2, &["drift"]).says(&["drifted", "\"somebody was here\" -> \"ours\""]);
    converge(&workspace, &[]);
    workspace.expect(0, &["undo", "--auto-approve", &find_last_receipt(&workspace)]);
    assert_eq!(read_host(&product, "mail1")["notes"], "somebody was here");
    converge(&workspace, &[]);
    product.curl("POST", &format!("{HOSTS}/mail1"), Some(&by_hand));
    workspace.expect(0, &["accept"]);
    assert!(workspace.read("config/mail1.yaml").contains("somebody was here"));
    workspace.expect(0, &["plan", "--detailed-exitcode"]).says(&["No changes"]);

    // what it refuses with a status of success is an error with its words
    let sound = workspace.read("config/db1.yaml");
    workspace.write("config/db1.yaml", &sound.replace("\"vars\"", "\"check_interval\":-1,\"vars\""));
    workspace.expect(1, &["apply", "--auto-approve"]).says(&["Interval must be greater than 0"]);
    workspace.write("config/db1.yaml", &sound);
    workspace.expect(0, &["plan", "--detailed-exitcode"]).says(&["No changes"]);

    // another password is written and never shown
    workspace.set("READER_PASSWORD", SECRET);
    let planned = workspace.expect(2, &["plan", "--detailed-exitcode"]);
    assert!(!planned.all().contains(SECRET) && !planned.all().contains(OTHER_SECRET), "{}", planned.all());
    converge(&workspace, &[]);
    assert!(accepts_password(&product, SECRET) && !accepts_password(&product, OTHER_SECRET));
    let shows = |text: &[u8]| {
        [SECRET, OTHER_SECRET, "icinga-pw"].iter().any(|own| String::from_utf8_lossy(text).contains(own))
    };
    assert!(!workspace.files().iter().any(|(_, text)| shows(text)), "no file holds a secret");

    // several at once; then they go
    let document = |number: usize, state: &str| {
        let name = format!("many{number}");
        let attrs = json!({ "address": format!("192.0.2.{}", 100 + number) });
        let spec = json!({ "name": name, "templates": ["checked-host"], "attrs": attrs });
        json!({ "kind": "icinga2/host", "name": name, "id": name, "state": state, "spec": spec }).to_string()
    };
    let all = |state| (0..8).map(|number| document(number, state)).collect::<Vec<_>>().join("\n---\n");
    workspace.write("config/many.yaml", &all("present"));
    converge(&workspace, &["--parallelism", "8"]);
    assert_eq!(count_objects(&product, HOSTS), 11);
    workspace.write("config/many.yaml", &all("absent"));
    converge(&workspace, &["--allow-delete=8", "--max-deletes=100%"]);
    assert_eq!((count_objects(&product, HOSTS), count_objects(&product, USERS)), (3, 3));
}
