//! A second import into documents with bases, values and environments: each value goes into the level that owns it.

use serde_json::json;

use crate::write_back::depot::Depot;

const BASE: &str = "base: usual\nkind: depot/item\nspec:\n  price: { value: price }\n  stock: 4 # of each\n";
const ITEMS: &str = "\
kind: depot/item
extends: [usual]
objects:
  anvil:
    spec: { code: A, label: Anvil }   # heavy
  bolt:
    environments: [production]
    spec:
      code: B   # a bolt
      hints: { staff: { value: hint } }
";
const IMPORT: [&str; 6] = ["import", "depot/item", "--env", "production", "-o", "config"];

fn build_depot() -> Depot {
    Depot::with_values(
        "hint: { type: string, sensitivity: internal }",
        &[
            ("bases/usual.yaml", BASE),
            ("config/items.yaml", ITEMS),
            ("values/production.yaml", "price: 5\nhint: old\n"),
        ],
    )
}

#[test]
fn values_of_composed_documents_go_into_the_level_that_owns_them() {
    let depot = build_depot();
    let staging = depot.render("staging");
    depot.workspace.expect(0, &IMPORT).says(&["2 unchanged"]);
    depot.edit(&depot.production, "A", json!({ "label": "Heavy anvil", "price": 7 }));
    depot.edit(&depot.production, "B", json!({ "stock": 9 }));
    let dry = depot.workspace.expect(0, &[&IMPORT[..], &["--dry-run"]].concat());
    dry.says(&["2 updated", "anvil changes", "nothing was written"]);
    assert_eq!(depot.workspace.read("config/items.yaml"), ITEMS);
    depot.workspace.expect(0, &IMPORT).says(&["2 updated", "config/items.yaml", "Heavy anvil"]);
    assert_eq!(depot.workspace.read("config/items.yaml"), ITEMS.to_owned() + "      stock: 9\n");
    let overlay = depot.workspace.read("config/production/items.yaml");
    assert!(overlay.starts_with("overlay: production\n"), "{overlay}");
    assert!(overlay.contains("label: Heavy anvil") && overlay.contains("price: 7"), "{overlay}");
    assert_eq!(depot.workspace.read("bases/usual.yaml"), BASE);
    assert_eq!(depot.render("staging"), staging);
    depot.expect_in_sync("production");
    depot.workspace.expect(0, &IMPORT).says(&["2 unchanged"]);
}

#[test]
fn a_value_of_a_composed_document_that_is_left_is_no_success() {
    let depot = build_depot();
    depot.edit(&depot.production, "B", json!({ "hints": { "staff": "new" } }));
    let ran = depot.workspace.expect(4, &[&IMPORT[..], &["--personal"]].concat());
    ran.says(&["1 not written"]).complains(&["named-value"]);
    depot.edit(&depot.production, "B", json!({ "stock": 9 }));
    let ran = depot.workspace.expect(4, &[&IMPORT[..], &["--personal"]].concat());
    ran.says(&["1 updated"]).complains(&["named-value"]);
    assert!(depot.workspace.read("config/items.yaml").contains("stock: 9"));
}

#[test]
fn edits_of_composed_documents_that_were_not_applied_stay() {
    let depot = build_depot();
    let edited = ITEMS.replace("label: Anvil", "label: Great anvil");
    depot.workspace.write("config/items.yaml", &edited);
    depot.workspace.expect(0, &IMPORT).says(&["1 pending"]).complains(&["pending-edit"]);
    assert_eq!(depot.workspace.read("config/items.yaml"), edited);
}
