//! Objects that were created and do not show until someone confirms them: no one knows whether they are as they
//! should be, so that they are pending, and what the answer of the create says counts.

use std::sync::{Arc, Mutex};

use serde_json::{Value as Json, json};
use trueup::kind::WireFormat;
use trueup::sandbox::SandboxOptions;

use crate::identity::describe_boat;
use crate::support::new_documents::new_document;
use crate::support::sandbox_fixture::{SandboxFixture, options};
use crate::support::stub_server::StubServer;
use crate::support::workspace::Workspace;

const APPLY: [&str; 2] = ["apply", "--auto-approve"];
const SETTLED: [&str; 2] = ["plan", "--detailed-exitcode"];

fn edit(fixture: &mut SandboxFixture, field: &str, value: &str) {
    fixture.documents[0].document["spec"][field] = json!(value);
    fixture.write();
}

#[test]
fn a_document_that_changes_before_its_object_shows_is_pending_and_no_drift() {
    let options = SandboxOptions { count: Some(1), auto_verify: false, ..options() };
    let mut fixture = SandboxFixture::with("carrierx/partner", WireFormat::Json, options);
    fixture.documents = vec![new_document(&fixture.kind, "newcomer")];
    fixture.write();
    fixture.workspace.expect(0, &APPLY).says(&["1 done", "not-yet-visible"]);
    fixture.workspace.expect(5, &["drift"]).says(&["pending", "shows once it is verified"]);
    edit(&mut fixture, "company_name", "North Shore");
    fixture.workspace.expect(0, &APPLY).says(&["shows once it is verified"]);
    let report = fixture.workspace.expect(5, &["drift", "--format", "json"]).json();
    assert_eq!((&report["has_drift"], &report["has_pending"]), (&json!(false), &json!(true)));
    assert_eq!(report["unchanged"], json!([]), "nobody knows that");
    assert_eq!(fixture.writes().len(), 1);

    fixture.sandbox.verify_pending();
    let ran = fixture.workspace.expect(5, &["drift"]);
    ran.says(&["company_name", "pending"]);
    assert!(!ran.out.contains("drifted"), "{}", ran.all());
    fixture.workspace.expect(0, &APPLY).says(&["1 done"]);
    fixture.workspace.expect(0, &SETTLED);
    fixture.workspace.expect(0, &["drift"]);
    // from now on, what someone else edits is drift
    fixture.edit(1, json!({ "company_name": "by hand" }));
    fixture.workspace.expect(2, &["drift"]);
}

#[test]
fn what_somebody_edits_before_it_shows_is_not_called_unchanged() {
    let options = SandboxOptions { count: Some(1), auto_verify: false, ..options() };
    let mut fixture = SandboxFixture::with("carrierx/partner", WireFormat::Json, options);
    fixture.documents = vec![new_document(&fixture.kind, "newcomer")];
    fixture.write();
    fixture.workspace.expect(0, &APPLY);
    fixture.edit(1, json!({ "zip": "99999" }));
    for _ in 0..2 {
        fixture.workspace.expect(0, &APPLY);
    }
    fixture.sandbox.verify_pending();
    fixture.workspace.expect(2, &["drift"]).says(&["zip"]);
}

/// Boats, and whether they show.
type Boats = Arc<Mutex<(Vec<Json>, bool)>>;

/// A service that hides new boats, and keeps less of them than it is sent, as its answer says.
fn lenient() -> (StubServer, Boats) {
    let state = Boats::default();
    let own = Arc::clone(&state);
    let server = StubServer::new(move |request| {
        let (boats, shows) = &mut *own.lock().expect("no panic");
        let shown = if *shows { boats.clone() } else { Vec::new() };
        match (request.verb.as_str(), request.path.contains("/boats/")) {
            ("GET", true) if *shows => (200, boats[0].clone()),
            ("GET", false) => (200, json!({ "items": shown })),
            ("POST", _) => {
                let mut made = request.body.clone();
                made["id"] = json!("b1");
                made["crew"] = json!(made["crew"].as_i64().unwrap_or_default().min(4));
                made.as_object_mut().expect("a boat").remove("note");
                boats.push(made.clone());
                (201, made)
            }
            ("PATCH", _) => {
                let sent = request.body.as_object().into_iter().flatten();
                sent.for_each(|(name, value)| boats[0][name] = value.clone());
                (200, boats[0].clone())
            }
            _ => (404, Json::Null),
        }
    });
    (server, state)
}

#[test]
fn the_answer_of_a_create_is_compared_where_nothing_else_shows() {
    let (server, state) = lenient();
    let workspace = Workspace::new();
    workspace.write("apis/depot/api.yaml", "format: 1\ntitle: Depot\ndescription: Boats.\nformats: [json]\n");
    let kind =
        describe_boat("", "").replace("response: object", "response: object, read_after_write: eventual");
    let note = "  note: { type: string, description: A note. }\n  flag: { type: string, description: A flag., update_only: true }\n";
    workspace.write("apis/depot/boat.yaml", &(kind + note));
    let target = format!("targets:\n  there: {{ api: depot, base_url: '{}' }}\n", server.url);
    workspace.write("trueup.yaml", &target);
    let spec = "spec: { code: one, crew: 7, note: blue, flag: red }\n";
    workspace.write("config/one.yaml", &format!("kind: depot/boat\nname: one\n{spec}"));
    let ran = workspace.expect(1, &["apply", "--auto-approve", "--trust-empty"]);
    ran.says(&["not-kept", "`crew`", "`note`", "not-yet-visible"]);
    assert!(!ran.out.contains("did not keep `flag`"), "it was not sent yet: {}", ran.all());
    workspace.expect(5, &["drift", "--trust-empty"]);

    state.lock().expect("no panic").1 = true;
    let ran = workspace.expect(5, &["drift"]);
    ran.says(&["crew", "note", "flag"]);
    assert!(!ran.out.contains("drifted"), "{}", ran.all());
    workspace.expect(0, &APPLY).says(&["1 done"]);
    workspace.expect(0, &SETTLED);
    let writes = server.lines().into_iter().filter(|line| !line.starts_with("GET"));
    assert_eq!(writes.collect::<Vec<_>>(), ["POST /api/v2/boats", "PATCH /api/v2/boats/b1"]);
}
