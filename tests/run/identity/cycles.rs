//! Documents that wait for each other's creation are found without the network.

use super::{DELETE, Depot, boat, describe_boat};

/// Boats that may be towed by another one.
fn depot(boats: Vec<serde_json::Value>) -> Depot {
    let kind = describe_boat(DELETE, "")
        + "  tug: { type: string, description: The tug., reference: { source: { kind: depot/boat } } }\n";
    Depot::new(&kind, boats)
}

#[test]
fn a_circle_is_found_by_validate() {
    for names in [&["a"][..], &["a", "b"], &["a", "b", "c"]] {
        let depot = depot(Vec::new());
        for (at, name) in names.iter().enumerate() {
            let next = names[(at + 1) % names.len()];
            depot.describe(name, "", &format!("code: {name}, tug: {{ ref: {next} }}"));
        }
        depot.describe("z", "", "code: z, tug: { ref: a }");
        let ran = depot.workspace.expect(1, &["validate"]);
        ran.complains(&["reference-cycle", "config/a.yaml", "set the `id`"]);
        assert_eq!(ran.err.matches("error[reference-cycle]").count(), 1, "{}", ran.all());
        assert!(depot.server.lines().is_empty());
    }
}

#[test]
fn objects_that_are_there_may_refer_to_each_other() {
    let mut boats = vec![boat("b1", "a"), boat("b2", "b")];
    boats[0]["tug"] = "b2".into();
    boats[1]["tug"] = "b1".into();
    let depot = depot(boats);
    depot.describe("a", "", "code: a, tug: { ref: b }");
    depot.describe("b", "", "code: b, tug: { ref: a }");
    depot.workspace.expect(0, &["apply", "--auto-approve"]);
    depot.workspace.expect(0, &["validate"]);
    std::fs::remove_dir_all(depot.workspace.path(".trueup")).expect("a folder");
    depot.describe("a", "id: b1\n", "code: a, tug: { ref: b }");
    depot.workspace.expect(0, &["validate"]);
    depot.workspace.expect(0, &["plan", "--detailed-exitcode"]);
}

#[test]
fn chains_are_no_circles() {
    let depot = depot(Vec::new());
    depot.describe("a", "", "code: a, tug: { ref: b }");
    depot.describe("b", "", "code: b, tug: { ref: c }");
    depot.describe("c", "", "code: c");
    depot.workspace.expect(0, &["validate"]);
}
