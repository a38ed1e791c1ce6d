//! An object that is written by several requests, of which one is refused: what was written is reported and on
//! record, and the next run sends only the rest.

use std::sync::{Arc, Mutex};

use serde_json::{Value as Json, json};

use crate::support::stub_server::{RawAnswer, ReceivedRequest, StubServer};
use crate::support::workspace::{ProgramOutput, Workspace};

const API: &str = "format: 1\ntitle: Ferry\ndescription: Boats.\nformats: [json]\nerrors: { maps: [\"\"] }\n";
const BOAT: &str = r#"
format: 1
title: Boat
description: A boat.
identity: { id: id, natural_key: [name] }
operations:
  list: { get: /boats }
  get: { get: "/boats/{id}" }
  create: { post: /boats }
  update: { patch: "/boats/{id}", body: changes, response: none }
  updates: [LATER]
EXTRA
properties:
  id: { type: integer, description: The id., read_only: true }
  name: { type: string, description: The name., required: true }
  seats: { type: integer, description: How many may sit. }
  pier: { type: string, description: Where it is. PIER}
  home: { type: string, description: Where it is in winter. HOME}
  version: { type: integer, description: Counts the writes., read_only: true }
"#;
const BERTH: &str = r#"{ patch: "/boats/{id}/berth", body: changes, fields: [pier, home], response: none }"#;

/// Answers a request instead of the service, from the boat as it is.
type Hook = dyn Fn(&ReceivedRequest, &mut Json) -> Option<(u16, Json)> + Send + Sync;

/// One boat behind a server, and a document of it.
struct Dock {
    server: StubServer,
    workspace: Workspace,
    boat: Arc<Mutex<Json>>,
}

impl Dock {
    fn new(
        kind: &str,
        boat: Json,
        hook: impl Fn(&ReceivedRequest, &mut Json) -> Option<(u16, Json)> + Send + Sync + 'static,
    ) -> Self {
        let boat = Arc::new(Mutex::new(boat));
        let (own, hook): (_, Box<Hook>) = (Arc::clone(&boat), Box::new(hook));
        let server = StubServer::with_headers(move |request| {
            let mut boat = own.lock().expect("no panic");
            let (status, body) = hook(request, &mut boat).unwrap_or_else(|| serve(request, &mut boat));
            let headers = format!("content-type: application/json\r\netag: \"{}\"\r\n", boat["version"]);
            RawAnswer { status, headers, body: if body.is_null() { String::new() } else { body.to_string() } }
        });
        let workspace = Workspace::new();
        workspace.write("apis/ferry/api.yaml", API);
        workspace.write("apis/ferry/boat.yaml", kind);
        workspace.write(
            "trueup.yaml",
            &format!("targets:\n  here: {{ api: ferry, base_url: \"{}\" }}\n", server.url),
        );
        Self { server, workspace, boat }
    }

    fn document(self, spec: &Json) -> Self {
        let document = json!({ "kind": "ferry/boat", "name": "swan", "spec": spec });
        self.workspace.write("config/swan.yaml", &document.to_string());
        self
    }

    fn apply(&self, code: i32) -> ProgramOutput {
        self.workspace.expect(code, &["apply", "--auto-approve", "--trust-empty=1", "--format", "json"])
    }

    fn boat(&self) -> Json {
        self.boat.lock().expect("no panic").clone()
    }

    /// Verb and path of the requests so far that wrote.
    fn writes(&self) -> Vec<String> {
        let lines = self.server.lines().into_iter().filter(|line| !line.starts_with("GET"));
        lines.map(|line| line.replace("/api/v2", "")).collect()
    }

    /// The texts of all journals.
    fn journals(&self) -> String {
        let files = self.workspace.files().into_iter();
        let journals = files.filter(|(path, _)| path.to_string_lossy().contains(".trueup/journal"));
        journals.map(|(_, bytes)| String::from_utf8_lossy(&bytes).into_owned()).collect()
    }
}

/// Merges every body into the one boat.
fn serve(request: &ReceivedRequest, boat: &mut Json) -> (u16, Json) {
    let is_list = request.path.ends_with("/boats");
    match &*request.verb {
        "GET" if is_list && boat["id"].is_null() => (200, json!([])),
        "GET" if is_list => (200, json!([boat])),
        "GET" => (200, boat.clone()),
        verb => {
            let members = boat.as_object_mut().expect("an object");
            members.extend(request.body.as_object().expect("an object").clone());
            members.insert("id".to_owned(), json!(1));
            let version = members["version"].as_u64().unwrap_or(0) + 1;
            members.insert("version".to_owned(), json!(version));
            if verb == "POST" { (201, boat.clone()) } else { (200, Json::Null) }
        }
    }
}

fn kind(later: &str, extra: &str) -> String {
    BOAT.replace("LATER", later).replace("EXTRA\n", extra).replace(" PIER}", " }").replace(" HOME}", " }")
}

fn swan() -> Json {
    json!({ "id": 1, "name": "Swan", "seats": 40, "pier": "A", "home": "X", "version": 7 })
}

/// Refuses every berth that is called `Z`.
fn refuse_z(request: &ReceivedRequest, _: &mut Json) -> Option<(u16, Json)> {
    (request.path.ends_with("/berth") && request.body["pier"] == "Z")
        .then(|| (422, json!({ "pier": ["there is no such pier"] })))
}

#[test]
fn a_later_request_that_is_refused_leaves_an_object_in_part() {
    let dock = Dock::new(&kind(BERTH, ""), swan(), refuse_z)
        .document(&json!({ "name": "Swan", "seats": 41, "pier": "Z" }));
    let ran = dock.apply(4);
    let (report, all) = (ran.json(), ran.all());
    assert_eq!((&report["summary"]["partial"], &report["summary"]["done"]), (&json!(1), &json!(0)), "{all}");
    let result = &report["results"][0];
    assert_eq!((&result["result"], &result["action"]), (&json!("partial"), &json!("update")), "{all}");
    assert!(result["reasons"].to_string().contains("there is no such pier"), "{all}");
    assert_eq!(result["diagnostics"][0]["code"], "partly-written", "{all}");
    assert_eq!(result["not_kept"][0]["path"], "/pier", "{all}");
    assert!(dock.journals().contains("\"partial\""), "{}", dock.journals());
    assert_eq!(dock.boat()["seats"], 41);
    // what is missing is this tool's own work to do, no edit by hand
    dock.workspace.expect(5, &["drift"]);
    let dock = dock.document(&json!({ "name": "Swan", "seats": 41, "pier": "B" }));
    dock.apply(0);
    assert_eq!(dock.writes(), ["PATCH /boats/1", "PATCH /boats/1/berth", "PATCH /boats/1/berth"]);
    dock.workspace.expect(0, &["plan", "--detailed-exitcode"]).says(&["No changes"]);
}

#[test]
fn what_was_written_in_part_is_undone_and_nothing_else() {
    let dock = Dock::new(&kind(BERTH, ""), swan(), refuse_z)
        .document(&json!({ "name": "Swan", "seats": 41, "pier": "Z" }));
    dock.apply(4);
    let receipts = std::fs::read_dir(dock.workspace.path(".trueup/receipts")).expect("receipts");
    let receipt = receipts.last().expect("a receipt").expect("an entry").path();
    let name = receipt.file_stem().expect("a name").to_string_lossy().into_owned();
    dock.workspace.expect(0, &["undo", &name, "--auto-approve"]);
    assert_eq!((&dock.boat()["seats"], &dock.boat()["pier"]), (&json!(40), &json!("A")));
    assert_eq!(dock.writes().last().map(String::as_str), Some("PATCH /boats/1"));
}

#[test]
fn a_create_whose_second_request_is_refused_is_not_sent_again() {
    let kind = BOAT
        .replace("LATER", BERTH)
        .replace("EXTRA\n", "")
        .replace(" PIER}", ", update_only: true }")
        .replace(" HOME}", " }");
    let dock = Dock::new(&kind, json!({ "version": 0 }), refuse_z)
        .document(&json!({ "name": "Swan", "seats": 41, "pier": "Z" }));
    let ran = dock.apply(4);
    let result = &ran.json()["results"][0];
    assert_eq!(
        (&result["result"], &result["action"]),
        (&json!("partial"), &json!("create")),
        "{}",
        ran.all()
    );
    let dock = dock.document(&json!({ "name": "Swan", "seats": 41, "pier": "B" }));
    dock.apply(0);
    assert_eq!(dock.writes(), ["POST /boats", "PATCH /boats/1/berth", "PATCH /boats/1/berth"]);
}

#[test]
fn a_later_request_is_made_from_the_state_to_which_it_is_bound() {
    let later = r#"{ put: "/boats/{id}/berth", fields: [pier, home], response: none }"#;
    for (member, value, code) in [("home", "Theirs", 4), ("version", "9", 0)] {
        let reads = Mutex::new(0);
        let dock = Dock::new(&kind(later, "  if_match: etag\n"), swan(), move |request, boat| {
            let is_read_back = request.verb == "GET" && request.path.ends_with("/1") && boat["seats"] == 41;
            let mut reads = reads.lock().expect("no panic");
            *reads += u32::from(is_read_back);
            // an edit between the read after the first request and the second request
            if is_read_back && *reads == 2 {
                boat[member] = value.parse::<u32>().map_or(json!(value), |number| json!(number));
            }
            None
        });
        let dock = dock.document(&json!({ "name": "Swan", "seats": 41, "pier": "B" }));
        let ran = dock.apply(code);
        let sent = dock.server.bodies();
        match code {
            0 => assert_eq!(sent[1], json!({ "pier": "B", "home": "X" }), "{}", ran.all()),
            _ => {
                assert_eq!((sent.len(), &dock.boat()["home"]), (1, &json!("Theirs")), "{}", ran.all());
                let result = &ran.json()["results"][0];
                assert_eq!(result["conflicts"][0]["path"], "/home", "{}", ran.all());
            }
        }
    }
}

#[test]
fn required_fields_are_added_to_the_request_that_takes_them() {
    let later = BERTH.replace("fields:", "retry_with_required: true, fields:");
    let kind = BOAT
        .replace("LATER", &later)
        .replace("EXTRA\n", "")
        .replace(" PIER}", " }")
        .replace(" HOME}", ", required: true }");
    let dock = Dock::new(&kind, swan(), |request, _| {
        (request.path.ends_with("/berth") && request.body["home"].is_null())
            .then(|| (400, json!({ "home": ["is required"] })))
    });
    let dock = dock.document(&json!({ "name": "Swan", "seats": 40, "pier": "B", "home": "X" }));
    dock.apply(0);
    let bodies = dock.server.bodies();
    assert_eq!(bodies, [json!({ "pier": "B" }), json!({ "pier": "B", "home": "X" })]);
    // the other update does not ask for them
    let dock = Dock::new(&kind, swan(), |request, _| {
        (request.path.ends_with("/boats/1") && request.verb == "PATCH" && request.body["name"].is_null())
            .then(|| (400, json!({ "name": ["is required"] })))
    });
    let dock = dock.document(&json!({ "name": "Swan", "seats": 41, "home": "X" }));
    dock.apply(1);
    assert_eq!(dock.server.bodies(), [json!({ "seats": 41 })]);
}

#[test]
fn several_updates_say_what_is_not_compared_and_leave_it_out() {
    let kind = BOAT
        .replace("LATER", BERTH)
        .replace("EXTRA\n", "")
        .replace(" PIER}", " }")
        .replace(" HOME}", ", when_absent: hidden }");
    let mut boat = swan();
    boat.as_object_mut().expect("an object").remove("home");
    for (spec, hint) in [
        (json!({ "name": "Swan", "seats": 41, "home": "Y" }), "`--force-hidden` writes it"),
        (json!({ "name": "Swan", "pier": "B", "home": "Y" }), "`--force-hidden` writes it"),
    ] {
        let dock = Dock::new(&kind, boat.clone(), |_, _| None).document(&spec);
        dock.workspace.expect(0, &["plan"]).says(&["the API does not return `home`", hint]);
        dock.workspace.expect(0, &["plan", "--force-hidden"]).says(&["home"]);
    }
}
