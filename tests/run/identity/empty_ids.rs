//! An id that is empty, blank or leads upwards never becomes a part of a URL: `DELETE /boats/` may delete all of them.

use serde_json::{Value as Json, json};

use super::{DELETE, Depot, boat, describe_boat};

const APPLY: [&str; 3] = ["apply", "--auto-approve", "--allow-delete"];

/// What services show instead of an id.
fn empty_ids() -> Vec<Json> {
    vec![Json::Null, json!(""), json!("  "), json!("."), json!(".."), json!("\t")]
}

/// The paths that were asked for, but for the list itself.
fn paths_below(depot: &Depot) -> Vec<String> {
    depot.server.lines().into_iter().filter(|line| !line.ends_with("/boats")).collect()
}

#[test]
fn no_verb_goes_to_an_object_without_an_id() {
    for id in empty_ids() {
        for (head, spec) in [("state: absent\n", "code: a"), ("", "code: a, crew: 7")] {
            let boats = vec![json!({ "id": id, "code": "a", "crew": 1 }), boat("b1", "b")];
            let depot = Depot::new(&describe_boat(DELETE, ""), boats.clone());
            depot.describe("a", head, spec);
            let ran = depot.workspace.expect(3, &APPLY);
            ran.says(&["missing-id"]);
            assert_eq!(depot.writes(), [""; 0], "{id}");
            assert_eq!(paths_below(&depot), [""; 0], "{id}");
            assert_eq!(depot.boats(), boats);
        }
    }
}

#[test]
fn a_document_names_no_such_id() {
    for id in ["''", "' '", ".", ".."] {
        for head in ["state: absent\n", ""] {
            let depot = Depot::new(&describe_boat(DELETE, ""), vec![boat("b1", "b")]);
            depot.describe("a", &format!("{head}id: {id}\n"), "crew: 7");
            depot.workspace.expect(1, &APPLY).complains(&["wrong-value", "`id` is empty"]);
            assert_eq!(depot.server.lines(), [""; 0], "{id}");
        }
    }
}

#[test]
fn a_record_of_such_an_id_is_none() {
    for id in ["", " ", "..", "."] {
        let depot = Depot::new(&describe_boat(DELETE, ""), vec![boat("b1", "b"), boat("a1", "a")]);
        depot.describe("a", "", "code: a, crew: 1");
        depot.describe("b", "", "code: b, crew: 1");
        depot.workspace.expect(0, &APPLY);
        let index = depot.workspace.read(".trueup/index.json");
        depot.workspace.write(".trueup/index.json", &index.replace("\"a1\"", &json!(id).to_string()));
        depot.workspace.remove("config/a.yaml");
        let ran = depot.workspace.run(&APPLY);
        assert_eq!(depot.boats().len(), 2, "{id}: {}", ran.all());
        assert_eq!(depot.writes(), [""; 0], "{id}: {}", ran.all());
    }
}
