//! The schemas in an editor's hands: the real YAML language servers, driven over LSP.
//!
//! A right document is silent, each mistake gives one message at its line, completion offers the fields with
//! their descriptions, hover shows them. Skipped where Node or the servers are missing; with
//! `TRUEUP_REQUIRE_EDITOR` set, as CI does, that is a failure.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value as Json, json};
use trueup::kind::explain;
use trueup::kind::registry::KindRegistry;
use trueup::yaml;

const FOLDER: &str = "tests/editor";
const INSTALL: &str = "npm ci --prefix tests/editor";
const SERVERS: [&str; 2] = ["yaml-language-server", "yaml-language-server-2"];
/// A first start reads megabytes of JavaScript, on a machine that may be busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// The line that a document has on top.
pub const DOCUMENT: &str = "# yaml-language-server: $schema=../../schemas/document.json\n";
pub const SETTINGS: &str = "# yaml-language-server: $schema=../../schemas/trueup.json\n";
pub const GATEWAY: &str = "kind: bootview/payment-gateway\nname: harbor\n";

// -- the servers ---------------------------------------------------------------------------------------------

/// A language server that runs, and what it has said.
pub struct Server {
    pub name: &'static str,
    child: Child,
    input: ChildStdin,
    output: Receiver<Json>,
    requests: u64,
    documents: u64,
    settings: Json,
}

/// What is wrong, as the editor underlines it.
#[derive(Debug)]
pub struct Squiggle {
    /// From 1.
    pub line: u64,
    pub message: String,
}

/// Runs `work` with each server that is installed.
pub fn each_server(settings: &Json, work: impl Fn(&mut Server)) {
    for name in SERVERS {
        match missing(name) {
            None => work(&mut Server::start(name, settings)),
            Some(why) if std::env::var_os("TRUEUP_REQUIRE_EDITOR").is_some() => panic!("{why}"),
            Some(why) => skip(name, &why),
        }
    }
}

/// Said once, and past the test harness, which would swallow it.
fn skip(name: &str, why: &str) {
    static SAID: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    if SAID.lock().expect("a set").insert(name.to_owned()) {
        let _ = writeln!(std::io::stderr(), "editor tests skipped with {name}: {why}");
    }
}

fn missing(name: &str) -> Option<String> {
    let version = Command::new("node").arg("--version").output().ok().filter(|out| out.status.success());
    let version = version.map(|out| String::from_utf8_lossy(&out.stdout).trim().to_owned());
    let Some(version) = version else { return Some("there is no `node`".into()) };
    let major = version.trim_start_matches('v').split('.').next().and_then(|major| major.parse::<u32>().ok());
    if major.is_none_or(|major| major < 20) {
        return Some(format!("Node {version} is too old, 20 is needed"));
    }
    let there = Path::new(FOLDER).join("node_modules").join(name).exists();
    (!there).then(|| format!("it is not installed; run `{INSTALL}`"))
}

impl Server {
    fn start(name: &'static str, settings: &Json) -> Self {
        let program = format!("{FOLDER}/node_modules/{name}/bin/yaml-language-server");
        let mut child = Command::new("node")
            .args([&program, "--stdio"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the server starts");
        let (send, output) = channel();
        let stdout = BufReader::new(child.stdout.take().expect("its output"));
        std::thread::spawn(move || {
            let mut stdout = stdout;
            while let Some(message) = read_message(&mut stdout) {
                if send.send(message).is_err() {
                    return;
                }
            }
        });
        let input = child.stdin.take().expect("its input");
        let mut yaml = json!({ "validate": true, "hover": true, "completion": true, "schemaStore": { "enable": false } });
        yaml.as_object_mut().expect("a mapping").extend(settings.as_object().cloned().unwrap_or_default());
        let settings = json!({ "yaml": yaml });
        let mut server = Self { name, child, input, output, requests: 0, documents: 0, settings };
        server.initialize();
        server
    }

    fn initialize(&mut self) {
        let capabilities = json!({
            "textDocument": {
                "completion": {
                    "completionItem": { "snippetSupport": true, "documentationFormat": ["markdown", "plaintext"] },
                },
                "hover": { "contentFormat": ["markdown"] },
            },
            "workspace": { "configuration": true },
        });
        self.request(
            "initialize",
            json!({ "processId": std::process::id(), "rootUri": null, "capabilities": capabilities }),
        );
        self.notify("initialized", json!({}));
        let settings = self.settings.clone();
        self.notify("workspace/didChangeConfiguration", json!({ "settings": settings }));
    }

    fn send(&mut self, mut message: Json) {
        message["jsonrpc"] = "2.0".into();
        let body = message.to_string();
        write!(self.input, "Content-Length: {}\r\n\r\n{body}", body.len()).expect("the server listens");
        self.input.flush().expect("the server listens");
    }

    fn notify(&mut self, method: &str, params: Json) {
        self.send(json!({ "method": method, "params": params }));
    }

    fn request(&mut self, method: &str, params: Json) -> Json {
        self.requests += 1;
        let id = self.requests;
        self.send(json!({ "id": id, "method": method, "params": params }));
        let answer = self.wait(|message| message.get("method").is_none() && message["id"] == id);
        assert!(answer.get("error").is_none(), "{}: {method}: {}", self.name, answer["error"]);
        answer["result"].clone()
    }

    /// The next message that is wanted; what the server asks meanwhile is answered.
    fn wait(&mut self, wanted: impl Fn(&Json) -> bool) -> Json {
        loop {
            let message =
                self.output.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("{} is silent", self.name));
            if wanted(&message) {
                return message;
            }
            if message.get("id").is_some() && message.get("method").is_some() {
                self.answer(&message);
            }
        }
    }

    fn answer(&mut self, message: &Json) {
        let result = if message["method"] == "workspace/configuration" {
            let items = message["params"]["items"].as_array().cloned().unwrap_or_default();
            let one = |item: &Json| self.settings[item["section"].as_str().unwrap_or_default()].clone();
            Json::from(items.iter().map(one).collect::<Vec<_>>())
        } else {
            Json::Null
        };
        self.send(json!({ "id": message["id"], "result": result }));
    }

    /// Opens a text as a file beside the servers: its address, and what is wrong with it.
    pub fn open(&mut self, text: &str) -> (String, Vec<Squiggle>) {
        self.open_all(&[text]).remove(0)
    }

    /// Opens several at once: a server waits for a pause in typing before it checks.
    pub fn open_all(&mut self, texts: &[&str]) -> Vec<(String, Vec<Squiggle>)> {
        let folder = std::env::current_dir().expect("a folder").join(FOLDER);
        let folder = folder.to_string_lossy().replace('\\', "/");
        let root = if folder.starts_with('/') { "file://" } else { "file:///" };
        let mut uris = Vec::new();
        for text in texts {
            self.documents += 1;
            let uri = format!("{root}{folder}/{}.yaml", self.documents);
            let item = json!({ "uri": uri, "languageId": "yaml", "version": 1, "text": text });
            self.notify("textDocument/didOpen", json!({ "textDocument": item }));
            uris.push(uri);
        }
        let mut said: BTreeMap<String, Vec<Squiggle>> = BTreeMap::new();
        while said.len() < uris.len() {
            let message = self.wait(|message| message["method"] == "textDocument/publishDiagnostics");
            let uri = message["params"]["uri"].as_str().expect("an address");
            // a check of an earlier document may come late
            if uris.iter().any(|own| own == uri) {
                said.insert(uri.to_owned(), squiggles(&message));
            }
        }
        let found = |uri: String| said.remove(&uri).map(|found| (uri, found));
        uris.into_iter().filter_map(found).collect()
    }

    /// What is offered at the `|` of a text, by label.
    pub fn offers(&mut self, text: &str) -> BTreeMap<String, Json> {
        let (uri, position, _) = self.at_bar(text);
        let at = json!({ "textDocument": { "uri": uri }, "position": position });
        let list = self.request("textDocument/completion", at);
        let items = list["items"].as_array().cloned().unwrap_or_default();
        items.into_iter().map(|item| (item["label"].as_str().unwrap_or_default().to_owned(), item)).collect()
    }

    /// What is shown at the `|` of a text, which may well stand inside a word.
    pub fn hover(&mut self, text: &str) -> String {
        let (uri, position, _) = self.at_bar(text);
        let shown = self
            .request("textDocument/hover", json!({ "textDocument": { "uri": uri }, "position": position }));
        shown["contents"]["value"].as_str().unwrap_or_default().to_owned()
    }

    fn at_bar(&mut self, text: &str) -> (String, Json, Vec<Squiggle>) {
        let (before, after) = text.split_once('|').expect("a bar");
        let line = before.matches('\n').count();
        let character = before.rsplit('\n').next().unwrap_or_default().encode_utf16().count();
        let (uri, found) = self.open(&format!("{before}{after}"));
        (uri, json!({ "line": line, "character": character }), found)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Errors and warnings; what is weaker is a matter of taste, such as an anchor that no one uses.
fn squiggles(message: &Json) -> Vec<Squiggle> {
    let weighs = |one: &&Json| one["severity"].as_u64().is_none_or(|severity| severity <= 2);
    let squiggle = |one: &Json| Squiggle {
        line: one["range"]["start"]["line"].as_u64().expect("a line") + 1,
        message: one["message"].as_str().expect("a message").to_owned(),
    };
    let all = message["params"]["diagnostics"].as_array().expect("a list");
    all.iter().filter(weighs).map(squiggle).collect()
}

/// One message, or nothing when the server has gone.
fn read_message(from: &mut impl BufRead) -> Option<Json> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if from.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end().split_once(':') {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.trim().parse().ok()?
            }
            Some(_) => {}
            None => break,
        }
    }
    let mut body = vec![0; length];
    from.read_exact(&mut body).ok()?;
    serde_json::from_slice(&body).ok()
}

// -- documents -----------------------------------------------------------------------------------------------

pub fn silent(server: &mut Server, why: &str, text: &str) {
    let (_, found) = server.open(text);
    assert!(found.is_empty(), "{}: {why}: {found:#?}\n{text}", server.name);
}

pub fn one(server: &mut Server, why: &str, text: &str, says: &str) {
    ones(server, &[(why, text.to_owned(), says)]);
}

/// Each of the texts gets exactly one message, at the line that is marked with `# here`.
pub fn ones(server: &mut Server, cases: &[(&str, String, &str)]) {
    let texts: Vec<_> = cases.iter().map(|(_, text, _)| text.as_str()).collect();
    for ((why, text, says), (_, found)) in cases.iter().zip(server.open_all(&texts)) {
        let marked = text.lines().position(|line| line.ends_with("# here")).expect("a marked line");
        let [only] = found.as_slice() else { panic!("{}: {why}: {found:#?}\n{text}", server.name) };
        assert_eq!(only.line, marked as u64 + 1, "{}: {why}: {only:?}\n{text}", server.name);
        assert!(only.message.contains(says), "{}: {why}: {}", server.name, only.message);
    }
}

#[test]
fn right_documents_are_silent() {
    each_server(&json!({}), |server| {
        for name in KindRegistry::get_builtin().kind_names() {
            let kind = KindRegistry::get_builtin().find_kind(name).expect("a kind without faults");
            let mut sample = explain::build_document_example(&kind);
            sample["id"] = kind.id_field().example.clone().expect("an example");
            silent(server, name, &format!("{DOCUMENT}{}", yaml::write_yaml(&sample)));
        }
        let spellings = "spec:\n  displayName: 012\n  merchantId: 1e3\n  maxPaymentAmount: \"12.50\"\n  \
            minPaymentAmount: 1.00\n  testMode: 0\n  merchantKey: { from_file: keys/harbor.txt }\n  \
            merchantPin: null\n  billTypes: []\n  paymentTypes:\n    - { paymentType: XX }\n";
        silent(server, "text that looks like something else", &format!("{DOCUMENT}{GATEWAY}{spellings}"));
        let guid = "id: 11111111222243338444555555555551\nspec: {}\n";
        silent(server, "a guid of digits only", &format!("{DOCUMENT}{GATEWAY}{guid}"));
        let gone = "id: 5E1F0A772C3D4B4E8F506172839405A6\nstate: absent\n";
        silent(server, "an object that is to go", &format!("{DOCUMENT}{GATEWAY}{gone}"));
    });
}

#[test]
fn merge_keys_are_silent() {
    each_server(&json!({}), |server| {
        let items = "spec:\n  displayName: Harbor\n  billTypes:\n    - &first { billTypeId: 3, applyConvenienceFee: true }\n    \
            - { <<: *first, billTypeId: 7 }\n    - <<: *first\n      applyConvenienceFee: false\n";
        silent(server, "an item from another", &format!("{DOCUMENT}{GATEWAY}{items}"));
        let several = "spec:\n  displayName: Harbor\n  convenienceFees:\n    \
            - &cards { paymentType: CC, minRange: 0, maxRange: 100 }\n    \
            - &fee { paymentType: DC, minRange: 0, maxRange: 100, feeAmount: 1 }\n    \
            - { <<: [*cards, *fee], minRange: 100.01, maxRange: 200 }\n";
        silent(server, "an item from several", &format!("{DOCUMENT}{GATEWAY}{several}"));
        let wrong = "spec:\n  displayName: Harbor\n  billTypes:\n    - &first { billTypeId: 3 }\n    \
            - { <<: *first, applyConvenienceFe: true } # here\n";
        one(server, "a wrong key beside", &format!("{DOCUMENT}{GATEWAY}{wrong}"), "applyConvenienceFe");
    });
}

#[test]
fn each_mistake_gives_one_message_at_its_line() {
    let spec = |line: &str| format!("{DOCUMENT}{GATEWAY}spec:\n  displayName: Harbor\n  {line} # here\n");
    let cases = [
        ("a wrong key", spec("dispayName: x"), "Property dispayName is not allowed"),
        (
            "a key of the envelope",
            format!("{DOCUMENT}{GATEWAY}traget: x # here\nspec: {{ displayName: x }}\n"),
            "traget",
        ),
        ("a wrong flag", spec("allowToken: 3"), "this is not true or false"),
        ("a wrong decimal", spec("maxPaymentAmount: a lot"), "this is not a decimal number"),
        ("a wrong whole number", spec("testMode: true"), "this is not an integer"),
        ("a list for a text", spec("merchantId: [a]"), "this is not a string"),
        ("a text for a list", spec("billTypes: none"), "Expected one of array, null"),
        ("a text for an item", spec("billTypes: [none]"), "billTypes item"),
        (
            "a wrong key in an item",
            spec("billTypes: [{ billTypeId: 3, foo: 1 }]"),
            "Property foo is not allowed",
        ),
        ("an item without its key", spec("billTypes: [{ applyConvenienceFee: true }]"), "billTypeId"),
        ("no value where one must be", spec("testMode: null"), "this is not an integer"),
        ("what trueup fills in", spec("customerId: x"), "a document can't"),
        ("a plain secret", spec("merchantKey: topsecret"), "a secret is never plain text"),
        ("a plain secret of digits", spec("merchantPin: 1234"), "a secret is never plain text"),
        (
            "two sources",
            spec("merchantKey: { from_env: A, from_file: b }"),
            "more properties than limit of 1",
        ),
        ("no source", spec("merchantKey: {}"), "fewer properties"),
        ("a misspelt source", spec("merchantKey: { from_evn: A }"), "write exactly one of"),
        ("a misspelt source of a text", spec("merchantId: { from_evn: A }"), "write exactly one of"),
        (
            "an unknown kind",
            format!("{DOCUMENT}kind: bootview/gateway # here\nname: a\nspec: {{ x: 1 }}\n"),
            "Valid values",
        ),
        ("no kind", format!("{DOCUMENT}name: a # here\nspec: {{}}\n"), "\"kind\""),
        (
            "no name",
            format!("{DOCUMENT}kind: bootview/payment-gateway # here\nspec: {{ displayName: x }}\n"),
            "\"name\"",
        ),
        ("no spec", format!("{DOCUMENT}kind: bootview/payment-gateway # here\nname: x\n"), "\"spec\""),
        ("no natural key", format!("{DOCUMENT}{GATEWAY}spec: # here\n  merchantId: a\n"), "\"displayName\""),
        ("a wrong id", format!("{DOCUMENT}{GATEWAY}id: seven # here\nspec: {{}}\n"), "this is not a UUID"),
        (
            "a wrong scope",
            format!("{DOCUMENT}{GATEWAY}scope: {{ customer: x }} # here\nspec: {{ displayName: x }}\n"),
            "customer",
        ),
    ];
    each_server(&json!({}), |server| ones(server, &cases));
}

#[test]
fn two_mistakes_give_two_messages() {
    each_server(&json!({}), |server| {
        let text = format!(
            "{DOCUMENT}{GATEWAY}spec:\n  dispayName: x\n  merchantKey: topsecret\n  displayName: x\n"
        );
        let (_, mut found) = server.open(&text);
        found.sort_by_key(|squiggle| squiggle.line);
        let lines: Vec<_> = found.iter().map(|squiggle| squiggle.line).collect();
        assert_eq!(lines, [5, 6], "{}: {found:#?}", server.name);
        assert!(!format!("{found:?}").contains("topsecret"), "{}: a secret is repeated", server.name);
    });
}

#[test]
fn several_documents_of_a_file_are_checked_each_by_its_kind() {
    let second = "kind: carrierx/partner\nname: b\nspec:\n  login: b\n  displayName: x # here\n";
    // the line on top speaks for the document below it; an editor's settings speak for all of a file
    let lines = format!("{DOCUMENT}{GATEWAY}spec: {{ displayName: x }}\n---\n{DOCUMENT}{second}");
    each_server(&json!({}), |server| one(server, "a line for each", &lines, "Property displayName"));
    let file = std::env::current_dir().expect("a folder").join("schemas/document.json");
    let schemas = json!({ "schemas": { (file.to_string_lossy()): "*.yaml" } });
    let settings = format!("{GATEWAY}spec: {{ displayName: x }}\n---\n{second}");
    each_server(&schemas, |server| one(server, "settings for all", &settings, "Property displayName"));
}

// -- completion and hover ------------------------------------------------------------------------------------

pub fn documentation(item: &Json) -> &str {
    item["documentation"]["value"].as_str().or_else(|| item["documentation"].as_str()).unwrap_or_default()
}

pub fn inserts(item: &Json) -> &str {
    item["textEdit"]["newText"].as_str().or_else(|| item["insertText"].as_str()).unwrap_or_default()
}

#[test]
fn completion_offers_every_field_that_can_be_written_and_says_what_it_is() {
    each_server(&json!({}), |server| {
        for name in KindRegistry::get_builtin().kind_names() {
            let kind = KindRegistry::get_builtin().find_kind(name).expect("a kind without faults");
            let offers = server.offers(&format!("{DOCUMENT}kind: {name}\nname: a\nspec:\n  |\n"));
            let mut wrong = Vec::new();
            for field in &kind.shape.fields {
                let (name, offer) = (&field.name, offers.get(&*field.name));
                let described = offer.is_some_and(|offer| documentation(offer).contains(&field.description));
                let complete = offer.is_some_and(|offer| inserts(offer).starts_with(&format!("{name}:")));
                match explain::is_set_by_service(field) {
                    true if offer.is_some() => wrong.push(format!("{name} is offered")),
                    false if !described => wrong.push(format!("{name} is not offered, or not described")),
                    false if !complete => wrong.push(format!("{name} is completed without a colon")),
                    _ => {}
                }
            }
            assert!(wrong.is_empty(), "{}: {}: {wrong:#?}", server.name, kind.name);
        }
    });
}

#[test]
fn completion_leads_through_a_document() {
    each_server(&json!({}), |server| {
        let labels = |offers: BTreeMap<String, Json>| offers.into_keys().collect::<BTreeSet<_>>();
        let kinds: BTreeSet<String> = KindRegistry::get_builtin().kind_names().iter().cloned().collect();
        let offers = server.offers(&format!("{DOCUMENT}kind: |\n"));
        assert!(
            offers.values().all(|offer| documentation(offer).len() > 20),
            "{}: kinds are described",
            server.name
        );
        assert_eq!(labels(offers), kinds, "{}", server.name);

        let offers = server.offers(&format!("{DOCUMENT}kind: bootview/payment-gateway\n|\n"));
        let start = offers.get("Payment gateway: name and spec").expect("the rest of a document");
        assert_eq!(inserts(start), "name: $1\nspec:\n  displayName: $2", "{}", server.name);
        for word in ["name", "target", "state", "id", "protect", "scope", "spec"] {
            assert!(
                offers.get(word).is_some_and(|offer| !documentation(offer).is_empty()),
                "{}: {word}",
                server.name
            );
        }

        let offers =
            server.offers(&format!("{DOCUMENT}{GATEWAY}spec:\n  paymentTypes:\n    - paymentType: |\n"));
        assert_eq!(documentation(&offers["CC"]), "Credit card", "{}", server.name);

        let offers = server.offers(&format!("{DOCUMENT}{GATEWAY}spec:\n  billTypes:\n    - |\n"));
        assert!(
            documentation(&offers["billTypeId"]).contains("The number of the bill type"),
            "{}",
            server.name
        );
        assert!(!offers.contains_key("paymentGatewayId"), "{}: what trueup fills in", server.name);
    });
}

#[test]
fn completion_writes_where_a_secret_comes_from() {
    each_server(&json!({}), |server| {
        let offers = server.offers(&format!("{DOCUMENT}{GATEWAY}spec:\n  |\n"));
        assert_eq!(
            inserts(&offers["merchantKey"]),
            "merchantKey: { from_env: ${1:MERCHANT_KEY} }",
            "{}",
            server.name
        );
        for text in ["merchantKey:\n    |\n", "merchantKey: { f| }\n"] {
            let offers = server.offers(&format!("{DOCUMENT}{GATEWAY}spec:\n  {text}"));
            for word in ["from_env", "from_file", "from_command"] {
                assert!(offers.contains_key(word), "{}: {word} at {text}", server.name);
            }
        }
        let offers = server.offers(&format!("{DOCUMENT}{GATEWAY}spec:\n  displayName: |\n"));
        for word in ["true", "false", "null"] {
            assert!(!offers.contains_key(word), "{}: {word} is offered as a text", server.name);
        }
    });
}

#[test]
fn hover_shows_what_a_field_is() {
    each_server(&json!({}), |server| {
        let spec = |line: &str| format!("{DOCUMENT}{GATEWAY}spec:\n  {line}\n");
        for (text, says) in [
            (
                spec("display|Name: x"),
                vec![
                    "`string` The name under which people see the gateway",
                    "required on create",
                    "Harbor City",
                ],
            ),
            (
                spec("merchant|Key: { from_env: A }"),
                vec!["The key with which", "secret, never written in plain text"],
            ),
            (spec("merchantKey: { from_|env: A }"), vec!["The value of this environment variable"]),
            (
                spec("convenience|Fees: []"),
                vec!["matched by `paymentType`, `minRange` and `maxRange`", "complete", "feeAmount: 2.95"],
            ),
            (spec("convenienceFees: [{ fee|Amount: 1 }]"), vec!["`decimal` The fee."]),
            (spec("paymentTypes: [{ paymentType: C|C }]"), vec!["The way to pay", "Credit card"]),
            (
                format!("{DOCUMENT}ki|nd: bootview/payment-gateway\n"),
                vec!["A merchant account", "carrierx/partner"],
            ),
            (format!("{DOCUMENT}{GATEWAY}sp|ec: {{}}\n"), vec!["The desired fields"]),
            (
                format!("{DOCUMENT}{GATEWAY}scope: {{ customer|Id: x }}\n"),
                vec!["The customer (municipality)"],
            ),
        ] {
            let shown = server.hover(&text);
            for says in says {
                assert!(shown.contains(says), "{}: {text}\n{shown}", server.name);
            }
        }
    });
}

// -- settings and descriptions -------------------------------------------------------------------------------

#[test]
fn settings_are_checked_and_completed() {
    let target =
        |auth: &str| format!("{SETTINGS}targets:\n  harbor:\n    api: bootview\n    auth:\n      {auth}\n");
    each_server(&json!({}), |server| {
        silent(server, "a bearer", &target("bearer: { from_env: TOKEN }"));
        silent(
            server,
            "a session",
            &target("login: { username: { from_env: A }, password: { from_file: b }, sends: bearer }"),
        );
        silent(
            server,
            "a token in a header",
            &target("login: { username: { from_env: A }, password: { from_file: b }, sends: { header: X } }"),
        );
        one(
            server,
            "a plain credential",
            &target("bearer: topsecret # here"),
            "write exactly one of from_env",
        );
        let unknown = target("bearer: { from_env: TOKEN }").replace("bootview", "bootvew # here");
        one(server, "an unknown API", &unknown, "Valid values");
        one(server, "a wrong key", &target("barer: { from_env: TOKEN } # here"), "Property barer");
        one(
            server,
            "a misspelt source",
            &target("bearer: { from_evn: TOKEN } # here"),
            "write exactly one of",
        );
        one(server, "half a pair", &target("basic: { username: { from_env: A } } # here"), "\"password\"");
        let offers = server.offers(&format!("{SETTINGS}targets:\n  harbor:\n    |\n"));
        for word in ["api", "base_url", "format", "auth", "scope", "parallelism"] {
            let offer = offers.get(word).unwrap_or_else(|| panic!("{}: {word}", server.name));
            assert!(inserts(offer).starts_with(&format!("{word}:")), "{}: {offer}", server.name);
            assert!(!documentation(offer).is_empty(), "{}: {word}", server.name);
        }
        let shown = server.hover(&target("bea|rer: { from_env: TOKEN }"));
        assert!(shown.contains("Authorization: Bearer"), "{}: {shown}", server.name);
    });
}

#[test]
fn the_built_in_descriptions_are_silent() {
    each_server(&json!({}), |server| {
        for api in std::fs::read_dir("src/kind/builtin").expect("the descriptions").flatten() {
            for file in std::fs::read_dir(api.path()).into_iter().flatten().flatten() {
                if file.path().extension().is_none_or(|ending| ending != "yaml") {
                    continue;
                }
                let text = std::fs::read_to_string(file.path()).expect("a text file");
                let schema = if file.file_name() == "api.yaml" { "api" } else { "kind" };
                let line = format!("# yaml-language-server: $schema=../../schemas/{schema}.json\n");
                silent(server, &file.path().to_string_lossy(), &format!("{line}{text}"));
            }
        }
        let kind = "# yaml-language-server: $schema=../../schemas/kind.json\nformat: 1\ntitle: Thing\ndescription: A thing.\n\
            identity: { id: id }\noperations: { list: { get: /things } }\nproperties:\n  id:\n    type: uiud # here\n    description: Its id.\n";
        one(server, "a wrong type word", kind, "\"uuid\"");
    });
}
