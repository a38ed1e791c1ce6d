//! `trueup api check`: every fault of a description with its line and column, and what was found where all is fine.

use serde_json::json;

use crate::support::workspace::Workspace;

const API: &str = "format: 1\ntitle: Ferry\ndescription: Boats.\nformats: [json]\n";
const BOAT: &str = "\
format: 1
title: Boat
description: A boat.
identity:
  id: id
operations:
  list:
    get: /boats
properties:
  id:
    type: integer
    description: The id.
    read_only: true
  name:
    type: string
    description: The name.
";

fn workspace(boat: &str) -> Workspace {
    let workspace = Workspace::new();
    workspace.write("apis/ferry/api.yaml", API);
    workspace.write("apis/ferry/boat.yaml", boat);
    workspace
}

#[test]
fn what_is_fine_is_reported_by_what_was_found() {
    let workspace = workspace(BOAT);
    // no workspace is needed
    let ran = workspace.expect(0, &["api", "check"]);
    ran.says(&[
        "ferry: Ferry\n",
        "ferry/boat",
        "2 fields",
        "0 examples",
        "  list\n",
        "1 API, 1 kind: valid\n",
    ]);
    let found = workspace.expect(0, &["api", "check", "ferry", "--format", "json"]).json();
    assert_eq!(found["apis"][0]["kinds"][0]["kind"], "ferry/boat");
    assert_eq!(found["apis"][0]["kinds"][0]["operations"], json!(["list"]));
    assert_eq!(found["diagnostics"], json!([]));
}

#[test]
fn all_faults_are_reported_with_their_places() {
    let boat = BOAT
        .replace("id: id\n", "id: idd\n")
        .replace("get: /boats", "get: boats/{harbour}")
        .replace("type: string", "type: txt")
        .replace("    description: The name.\n", "    description: The name.\n    list_type: atomic\n");
    let workspace = workspace(&boat);
    workspace.write("apis/ferry/api.yaml", &API.replace("formats: [json]", "formats: [xml]\nbase: x"));
    workspace.write("apis/other/thing.yaml", BOAT);
    let ran = workspace.expect(1, &["api", "check"]);
    ran.complains(&[
        "--> apis/ferry/api.yaml:4:11",
        "--> apis/ferry/api.yaml:5:1",
        "--> apis/ferry/boat.yaml:5:7",
        "did you mean `id`?",
        "--> apis/ferry/boat.yaml:8:10",
        "--> apis/ferry/boat.yaml:15:11",
        "--> apis/other/thing.yaml:1:1",
        "missing-api",
    ]);
    assert!(!ran.out.contains(": valid"), "{}", ran.out);
    let json = workspace.expect(1, &["api", "check", "--format", "json"]).json();
    let places = json["diagnostics"].as_array().expect("findings").iter();
    let places: Vec<_> =
        places.map(|one| (one["file"].as_str(), one["line"].as_u64(), one["column"].as_u64())).collect();
    assert!(places.contains(&(Some("apis/ferry/boat.yaml"), Some(5), Some(7))), "{places:?}");
}

#[test]
fn one_api_can_be_looked_at_alone() {
    let workspace = workspace(BOAT);
    workspace.write("apis/other/api.yaml", "format: 2\n");
    workspace.expect(1, &["api", "check"]).complains(&["apis/other/api.yaml:1:9"]);
    let ran = workspace.expect(0, &["api", "check", "ferry"]);
    ran.says(&["1 API, 1 kind: valid"]);
    assert!(ran.err.is_empty(), "{}", ran.err);
    workspace.expect(1, &["api", "check", "fery"]).complains(&["unknown-api", "did you mean `ferry`?"]);
    workspace
        .expect(1, &["api", "check", "carrierx"])
        .complains(&["`carrierx` is built in and always valid"]);
}

#[test]
fn nothing_to_check_is_said() {
    let workspace = Workspace::new();
    workspace.expect(1, &["api", "check"]).complains(&[
        "no-description",
        "apis/ has no description",
        "api new",
    ]);
}

#[test]
fn remarks_that_ask_for_a_decision_are_counted() {
    let workspace = workspace(
        &BOAT.replace("  name:\n", "  # decide: one\n  name:\n    # decide: two\n    # something else\n"),
    );
    workspace.expect(0, &["api", "check"]).says(&["2 places still marked `# decide:`"]);
}
