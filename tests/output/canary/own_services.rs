//! Services of one's own in which every way out is new: parents, statuses of operations at URLs
//! with secrets, JSON Patch bodies, shared receipts with digests, proxies with credentials. The service repeats all
//! that it was sent, in every answer.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::{Value as Json, json};

use crate::support::canaries::Canaries;
use crate::support::stub_server::{RawAnswer, ReceivedRequest, StubServer};
use crate::support::tls_server::TestAuthority;
use crate::support::workspace::{ProgramOutput, Workspace};

/// Flags that make the program say as much as it can.
const LOUD: [&str; 2] = ["-vv", "--color=always"];
const REPORTS: [&str; 8] =
    ["json", "markdown", "github", "gitlab", "sarif", "junit", "html", "github-summary"];

const API: &str = "format: 1
title: Estate
description: Homes.
formats: [json]
auth: [bearer]
errors: { messages: [message] }
";
const STATUS: &str =
    "operation_status: { url_from: Location, done: { status: [done] }, failed: { status: [failed] } }\n";
const HOME: &str = r#"
format: 1
title: Home
description: A home.
identity: { id: number, id_assigned_by: client }
operations:
  list: { get: /homes }
  get: { get: "/homes/{number}" }
  create: { put: "/homes/{number}" }
  delete: { delete: "/homes/{number}" }
properties:
  number: { type: string, description: The number., required: true, immutable: true }
  owner: { type: string, description: Whose it is., required: true, immutable: true, sensitivity: personal }
"#;
const LOCK: &str = r#"
format: 1
title: Lock
description: A lock.
scope:
  home: { type: string, description: The home., reference: { kind: estate/home } }
identity: { id: name, id_assigned_by: client }
operations:
  list: { get: "/homes/{home}/locks" }
  get: { get: "/homes/{home}/locks/{name}" }
  create: { put: "/homes/{home}/locks/{name}", response: none }
  update: { patch: "/homes/{home}/locks/{name}", body: changes, nested_fields: { granularity: whole }, encoding: json_patch, response: none }
  delete: { delete: "/homes/{home}/locks/{name}" }
properties:
  name: { type: string, description: The name., required: true, immutable: true }
  code: { type: string, description: Opens it., sensitivity: secret, reads_back: clear }
  holder: { type: string, description: Who has the key., sensitivity: personal }
  tags: { type: map, description: Tags., sensitivity: internal, unlisted_items: delete, items: { type: string } }
  kind: { type: string, description: What it is. }
"#;

/// What a service does that is not to be trusted.
#[derive(Clone, Copy, PartialEq)]
enum Answers {
    /// As it should.
    Well,
    /// Writes end with an error that repeats the request.
    Refuses,
    /// Writes are accepted and fail at a URL with a secret in it.
    FailsLater,
    /// Writes are accepted, and their status is never said.
    NeverSays,
    /// Writes are accepted, and the status is at another host.
    LeadsAway,
}

/// A workspace, a service that repeats everything, and the canaries in both.
struct Estate {
    workspace: Workspace,
    canaries: Canaries,
    answers: Arc<Mutex<Answers>>,
    server: StubServer,
    inputs: Vec<std::path::PathBuf>,
}

impl Estate {
    fn new() -> Self {
        let (mut canaries, mut workspace) = (Canaries::default(), Workspace::new());
        let (owner, other) = (canaries.word("owner"), canaries.word("other owner"));
        let (token, location) = (canaries.word("credential"), canaries.word("status URL"));
        let (code, holder) = (canaries.text("live code"), canaries.word("live holder"));
        let (key, tag) = (canaries.word("live key"), canaries.word("live tag"));
        let live =
            json!({ "name": "front", "code": code, "holder": holder, "tags": { key: tag }, "kind": "old" });
        let bare = json!({ "name": "shed", "kind": "old" });
        let objects = BTreeMap::from([
            ("/homes/h1".to_owned(), json!({ "number": "h1", "owner": owner })),
            ("/homes/h1/locks/front".to_owned(), live),
            ("/homes/h1/locks/shed".to_owned(), bare),
        ]);
        let (objects, answers) = (Mutex::new(objects), Arc::new(Mutex::new(Answers::Well)));
        let mode = Arc::clone(&answers);
        let server = StubServer::with_headers(move |request| {
            let mode = *mode.lock().expect("no panic");
            respond(request, &mut objects.lock().expect("no panic"), mode, &location)
        });
        workspace.write("apis/estate/api.yaml", &format!("{API}{STATUS}"));
        workspace.write("apis/estate/home.yaml", HOME);
        workspace.write("apis/estate/lock.yaml", LOCK);
        workspace.set("KEY", token);
        workspace.set("TRUEUP_DIGEST_KEY", canaries.text("digest key"));
        let mut estate = Self { workspace, canaries, answers, server, inputs: Vec::new() };
        let shared = estate.workspace.scratch().join("shared");
        std::fs::create_dir_all(&shared).expect("a folder");
        let settings = format!(
            "targets:\n  here: {{ api: estate, base_url: '{}', auth: {{ bearer: {{ from_env: KEY }} }}, personal: write }}\n\
             receipts: {{ store: 'file://{}' }}\n",
            estate.server.url,
            shared.display()
        );
        estate.workspace.write("trueup.yaml", &settings);
        estate.describe(&owner, &other);
        estate
    }

    /// Documents that change the one lock, add to the other, and create a home with a lock.
    fn describe(&mut self, owner: &str, other: &str) {
        let variables = ["FRONT", "SHED", "NEW"];
        for name in variables {
            let value = self.canaries.text(&format!("code of {name}"));
            self.workspace.set(name, value);
        }
        let (holder, key, tag) =
            (self.canaries.word("holder"), self.canaries.word("key"), self.canaries.word("tag"));
        let lock = |name: &str, parent: &str, variable: &str| {
            format!(
                "kind: estate/lock\nname: {parent}-{name}\nscope: {{ home: {{ ref: {parent} }} }}\nid: {name}\n\
                 spec: {{ name: {name}, code: {{ from_env: {variable} }}, holder: {holder}, tags: {{ {key}: {tag} }}, kind: new }}\n"
            )
        };
        let home = |name: &str, number: &str, owner: &str| {
            format!("kind: estate/home\nname: {name}\nspec: {{ number: {number}, owner: {owner} }}\n")
        };
        let documents = [
            home("old", "h1", owner),
            lock("front", "old", "FRONT"),
            lock("shed", "old", "SHED"),
            home("new", "h2", other),
            lock("door", "new", "NEW"),
        ];
        self.workspace.write("config/all.yaml", &documents.join("---\n"));
        self.inputs.push(self.workspace.path("config/all.yaml"));
    }

    fn answer(&self, answers: Answers) {
        *self.answers.lock().expect("no panic") = answers;
    }

    /// Runs the program and searches all that it says and writes.
    #[track_caller]
    fn run(&self, arguments: &[&str]) -> ProgramOutput {
        let reports: Vec<String> = match arguments[0] {
            "plan" | "apply" | "undo" | "show" | "drift" => REPORTS
                .iter()
                .map(|format| format!("--report={format}=out/{}-{format}", arguments[0]))
                .collect(),
            _ => Vec::new(),
        };
        let reports: Vec<&str> = reports.iter().map(String::as_str).collect();
        let ran = self.workspace.run(&[arguments, &reports, &LOUD[..]].concat());
        assert!(ran.code != Some(64) && !ran.err.contains("panicked"), "{}", ran.all());
        let said = format!("{}\n{}", ran.out, ran.err);
        let lines: Vec<&str> =
            said.lines().filter(|line| !self.canaries.found_in(line.as_bytes()).is_empty()).collect();
        let leaks = self.canaries.found_in(said.as_bytes());
        assert!(leaks.is_empty(), "`{}` leaks {leaks:?}\n{}", arguments.join(" "), lines.join("\n"));
        self.search_files(&arguments.join(" "));
        ran
    }

    /// Searches every file that a run left, here and in the shared folder.
    #[track_caller]
    fn search_files(&self, command: &str) {
        let shared = walkdir::WalkDir::new(self.workspace.scratch().join("shared")).into_iter().flatten();
        let shared = shared.filter(|entry| entry.file_type().is_file());
        let shared =
            shared.map(|entry| (entry.path().to_owned(), std::fs::read(entry.path()).expect("a file")));
        for (path, bytes) in self.workspace.files().into_iter().chain(shared) {
            if !self.inputs.contains(&path) {
                let mut found = self.canaries.found_in(&bytes);
                found.extend(self.canaries.found_in(path.to_string_lossy().as_bytes()));
                assert!(found.is_empty(), "`{command}` leaves {found:?} in {}", path.display());
            }
        }
    }
}

/// An answer that repeats the request in its body and in its headers.
fn repeat(status: u16, headers: &str, request: &ReceivedRequest, mut body: Json) -> RawAnswer {
    if status >= 400 || body.is_null() {
        let message = format!("{} {} failed with {}", request.verb, request.path, request.body);
        body = json!({ "message": message });
    }
    let id = request.path.rsplit('/').next().unwrap_or_default().to_owned();
    let headers = format!("content-type: application/json\r\nx-request-id: {id}\r\n{headers}");
    RawAnswer { status, headers, body: body.to_string() }
}

fn respond(
    request: &ReceivedRequest,
    objects: &mut BTreeMap<String, Json>,
    answers: Answers,
    secret: &str,
) -> RawAnswer {
    let path = request.path.trim_start_matches("/api/v2").split('?').next().unwrap_or_default().to_owned();
    if path.starts_with("/jobs/") {
        return match answers {
            Answers::FailsLater => {
                let said =
                    json!({ "status": "failed", "message": format!("no room for {secret} at {path}") });
                RawAnswer {
                    status: 200,
                    headers: "content-type: application/json\r\n".to_owned(),
                    body: said.to_string(),
                }
            }
            Answers::NeverSays => repeat(500, "", request, Json::Null),
            _ => repeat(200, "", request, json!({ "status": "done" })),
        };
    }
    let job = format!("location: /api/v2/jobs/7?token={secret}\r\n");
    match (request.verb.as_str(), answers) {
        ("GET", _) => match (objects.get(&path), path.ends_with("/locks") || path == "/homes") {
            (_, true) => {
                let depth = path.matches('/').count() + 1;
                let is_in = |own: &&String| own.starts_with(&path) && own.matches('/').count() == depth;
                let all: Vec<&Json> =
                    objects.iter().filter(|(own, _)| is_in(own)).map(|(_, own)| own).collect();
                repeat(200, "", request, json!(all))
            }
            (Some(object), _) => repeat(200, "", request, object.clone()),
            (None, _) => repeat(404, "", request, Json::Null),
        },
        (_, Answers::Refuses) => repeat(422, "", request, Json::Null),
        (_, Answers::FailsLater | Answers::NeverSays) => repeat(202, &job, request, Json::Null),
        (_, Answers::LeadsAway) => {
            let away = format!("location: https://elsewhere.example.com/{secret}\r\n");
            repeat(202, &away, request, Json::Null)
        }
        ("DELETE", _) => {
            objects.remove(&path);
            repeat(202, &job, request, json!({}))
        }
        (verb, Answers::Well) => {
            let object = objects.entry(path).or_insert(json!({}));
            match verb {
                "PATCH" => apply_patch(object, &request.body),
                _ => *object = request.body.clone(),
            }
            repeat(202, &job, request, json!({}))
        }
    }
}

fn apply_patch(object: &mut Json, patch: &Json) {
    for step in patch.as_array().into_iter().flatten() {
        let name = step["path"].as_str().unwrap_or_default().trim_start_matches('/').to_owned();
        match step["op"].as_str() {
            Some("remove") => drop(object.as_object_mut().expect("an object").remove(&name)),
            _ => object[name] = step["value"].clone(),
        }
    }
}

#[test]
fn parents_patches_and_statuses_of_operations_repeat_nothing() {
    for answers in [Answers::Refuses, Answers::FailsLater, Answers::NeverSays, Answers::LeadsAway] {
        let estate = Estate::new();
        estate.run(&["plan"]);
        estate.answer(answers);
        let ran = estate.run(&["apply", "--auto-approve", "--request-timeout", "2"]);
        assert!([Some(1), Some(4)].contains(&ran.code), "{}", ran.all());
        for after in [&["plan"][..], &["drift"], &["apply", "--auto-approve", "--format", "json"]] {
            estate.run(after);
        }
        let patches = estate.server.requested().into_iter().filter(|request| request.body.is_array()).count();
        assert!(patches > 0, "JSON Patch bodies were sent");
    }
}

#[test]
fn shared_receipts_saved_plans_and_undo_hold_no_value() {
    let estate = Estate::new();
    estate.run(&["plan", "-o", "plan.json"]);
    for format in ["text", "json"] {
        estate.run(&["show", "plan.json", "--format", format]);
    }
    let ran = estate.run(&["apply", "plan.json", "--auto-approve"]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    for more in [&["plan"][..], &["drift"], &["plan", "--unmanaged"], &["validate"]] {
        estate.run(more);
    }
    let folder = estate.workspace.scratch().join("shared");
    let receipt = walkdir::WalkDir::new(folder).into_iter().flatten().find(|own| own.file_type().is_file());
    let receipt = std::fs::read_to_string(receipt.expect("a shared receipt").path()).expect("a text");
    assert!(receipt.contains("\"digests\""), "additions under a mark are there as digests: {receipt}");
    let names = std::fs::read_dir(estate.workspace.path(".trueup/receipts")).expect("receipts");
    let name = names.map(|own| own.expect("a file").file_name().to_string_lossy().into_owned()).max();
    let name = name.expect("a receipt").trim_end_matches(".json").to_owned();
    estate.run(&["undo", &name, "-o", "undo.json", "--allow-delete"]);
    estate.run(&["show", "undo.json"]);
    let ran = estate.run(&["undo", &name, "--auto-approve", "--allow-delete"]);
    assert!([Some(0), Some(4)].contains(&ran.code), "{}", ran.all());
    // a fresh clone reads the shared receipts
    std::fs::remove_dir_all(estate.workspace.path(".trueup")).expect("a folder");
    estate.run(&["drift"]);
}

#[test]
fn proxies_and_their_credentials_are_not_repeated() {
    let authority = TestAuthority::new();
    for status in [407, 403, 502] {
        let mut estate = Estate::new();
        let (user, password) = (estate.canaries.word("proxy user"), estate.canaries.word("proxy password"));
        let proxy = StubServer::with_headers(move |request| RawAnswer {
            status,
            headers: format!("proxy-authenticate: Basic realm=\"{}\"\r\n", request.path),
            body: format!("refused {}", request.body),
        });
        let settings = estate.workspace.read("trueup.yaml");
        let server = estate.server.url.to_string();
        let settings = settings.replace(&server, "https://estate.example.com/api/v2");
        estate.workspace.write("trueup.yaml", &settings);
        estate.workspace.set("TRUEUP_ALLOWED_HOSTS", "estate.example.com");
        let port = proxy.url.port().expect("a port");
        estate.workspace.set("HTTPS_PROXY", format!("http://{user}:{password}@127.0.0.1:{port}"));
        for arguments in [
            &["plan"][..],
            &["plan", "--format", "json"],
            &["drift"],
            &["import", "estate/home", "-o", "config"],
        ] {
            let ran = estate.run(arguments);
            assert_eq!(ran.code, Some(1), "{}", ran.all());
        }
        // no one listens
        estate.workspace.set("HTTPS_PROXY", format!("http://{user}:{password}@127.0.0.1:9"));
        estate.run(&["plan"]);
        // the same for the proxy of a target, with a client certificate
        let (settings, key) = (estate.workspace.read("trueup.yaml"), estate.canaries.word("client key"));
        let connection =
            "{ api: estate, proxy: { from_env: PROXY }, certificate_authority: { from_env: CA },";
        let settings = settings.replace("{ api: estate,", connection);
        let auth = "auth: { client_certificate: { from_env: CA }, client_key: { from_env: CLIENT_KEY },";
        estate.workspace.write("trueup.yaml", &settings.replace("auth: {", auth));
        let client = authority.issue("ci.example.com", 2100);
        estate.workspace.set("CA", client.certificate_pem());
        estate.workspace.set("PROXY", format!("http://{user}:{password}@127.0.0.1:{port}"));
        // the key and what is around it, then one that is none
        for key in [format!("{key}\n{}", client.key_pem()), key] {
            estate.workspace.set("CLIENT_KEY", key);
            for arguments in [&["plan"][..], &["plan", "--format", "json"], &["doctor"]] {
                assert_eq!(estate.run(arguments).code, Some(1));
            }
        }
        estate.workspace.set("PROXY", format!("ftp://{user}:{password}@127.0.0.1:{port}"));
        estate.run(&["plan"]);
    }
}
