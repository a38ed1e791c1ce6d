//! Which live objects are in no document, seen from a run over some of the documents.

use super::{DELETE, Depot, boat, describe_boat};

fn depot() -> Depot {
    let boats = vec![boat("b1", "one"), boat("b2", "two"), boat("b3", "three"), boat("b4", "four")];
    let depot = Depot::new(&describe_boat(DELETE, ""), boats);
    depot.describe("one", "", "code: one, crew: 1");
    depot.describe("two", "id: b2\n", "crew: 1");
    depot.describe("three", "", "code: three, crew: 1");
    depot
}

#[test]
fn objects_of_other_files_are_not_unmanaged() {
    let depot = depot();
    for arguments in [&["config/one.yaml"][..], &["config/two.yaml", "config/three.yaml"], &[]] {
        for command in ["plan", "drift"] {
            let ran = depot.workspace.run(&[&[command, "--unmanaged"], arguments].concat());
            ran.says(&["b4 (four)"]);
            for documented in ["b1 (one)", "b2 (two)", "b3 (three)"] {
                assert!(!ran.out.contains(documented), "{command} {arguments:?}\n{}", ran.all());
            }
        }
    }
}

#[test]
fn a_key_that_only_the_record_of_an_apply_tells_counts() {
    let depot = depot();
    depot.workspace.expect(0, &["apply", "--auto-approve"]);
    // the document is renamed and not applied: its object has the old key
    depot.describe("three", "", "code: drei, crew: 1");
    let ran = depot.workspace.expect(0, &["plan", "config/one.yaml", "--unmanaged"]);
    assert!(ran.out.contains("b4") && !ran.out.contains("b3"), "{}", ran.all());
}

#[test]
fn where_other_files_have_errors_nothing_is_called_unmanaged() {
    let depot = depot();
    depot.workspace.write("config/three.yaml", "kind: depot/boat\nname: three\nspec: { cod: three }\n");
    let ran = depot.workspace.expect(0, &["plan", "config/one.yaml", "--unmanaged"]);
    ran.says(&["unmanaged-unknown"]);
    assert!(!ran.out.contains("is in no document"), "{}", ran.all());
}
