//! Lists that show summaries: an object that the list shows is there, whatever a read of it says.

use serde_json::{Value as Json, json};

use super::{GET, Orchard, answer, describe_tree};

const SUMMARY: &str = "{ get: /trees, items: rows, shows: summary }";
const STATES: [&str; 2] = ["present", "absent"];

/// A document of a tree that is to be there, or not.
fn write_tree(orchard: &Orchard, state: &str) {
    let text = format!("kind: orchard/tree\nname: t7\nstate: {state}\nspec: {{ code: T7, height: 7 }}\n");
    orchard.workspace.write("config/t7.yaml", &text);
}

/// Trees of which a list shows these rows; single trees up to `count` are read.
fn summaries(operations: &str, count: usize, rows: Json) -> Orchard {
    let kind = describe_tree(SUMMARY, operations);
    Orchard::new(&kind, count, move |_| answer(200, &json!({ "rows": rows })))
}

#[test]
fn a_listed_object_that_cannot_be_read_is_neither_created_nor_called_gone() {
    for state in STATES {
        let orchard = summaries(GET, 6, json!([{ "id": 7, "code": "T7" }]));
        write_tree(&orchard, state);
        let plan = orchard.plan(1);
        let all = plan.to_string();
        assert!(all.contains("the list shows this tree, and reading it finds nothing"), "{plan:#}");
        assert_eq!(
            (&plan["summary"]["create"], &plan["summary"]["unchanged"]),
            (&json!(0), &json!(0)),
            "{plan:#}"
        );
        orchard.workspace.expect(1, &["apply", "--auto-approve", "--allow-partial=100"]);
        assert_eq!(orchard.written(), Vec::<String>::new());
    }
}

#[test]
fn a_summary_without_an_id_is_an_error() {
    for state in STATES {
        let orchard = summaries(GET, 9, json!([{ "code": "T7" }]));
        write_tree(&orchard, state);
        let plan = orchard.plan(1);
        assert!(plan.to_string().contains("the list shows this tree without an id"), "{plan:#}");
        assert_eq!(plan["summary"]["create"], 0, "{plan:#}");
    }
}

#[test]
fn an_import_tells_of_a_listed_object_that_it_cannot_read() {
    let orchard = summaries(GET, 6, json!([{ "id": 5, "code": "T5" }, { "id": 7, "code": "T7" }]));
    let said = orchard.workspace.expect(1, &["import", "--output", "out", "orchard/tree"]).all();
    assert!(said.contains("the list shows this tree, and reading it finds nothing"), "{said}");
}

#[test]
fn an_object_that_its_read_calls_deleted_is_created_again() {
    let kind = describe_tree(SUMMARY, GET)
        .replace("operations:\n", "deleted_when: { field: height, values: [\"7\"] }\noperations:\n");
    let orchard = Orchard::new(&kind, 9, |_| answer(200, &json!({ "rows": [{ "id": 7, "code": "T7" }] })));
    let text = "kind: orchard/tree\nname: t7\nspec: { code: T7, height: 8 }\n";
    orchard.workspace.write("config/t7.yaml", text);
    let plan = orchard.plan(0);
    assert_eq!(plan["summary"]["create"], 1, "{plan:#}");
}
