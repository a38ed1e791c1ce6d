//! `accept` over lists and maps: whole lists in a document, edits by list keys in an overlay.

use serde_json::json;

use super::depot::Depot;

const DOCUMENT: &str = "\
kind: depot/item
name: one
spec:
  code: O
  tags: [a, b] # tags
  steps: [x, y]
  labels: { k: v, l: w }
  size: { width: 1, height: 2 }
  fees:
    # the first
    - sort: card
      amount: 1.50 # in euro
    - { sort: cash, amount: 2 }
";

fn live() -> serde_json::Value {
    json!({
        "tags": ["b", "c"],
        "steps": ["y", "x", "z"],
        "labels": { "k": "V", "m": "n" },
        "size": { "width": 1, "height": 3 },
        "fees": [{ "sort": "card", "amount": 1.75 }, { "sort": "wire", "amount": 3, "text": "slow" }],
    })
}

#[test]
fn lists_of_a_document_are_edited_in_place() {
    let document = DOCUMENT.replace("name: one\n", "name: one\nenvironments: [production]\n");
    let depot = Depot::new(&[("config/one.yaml", &document)]);
    depot.edit(&depot.production, "O", live());
    depot.accept(0, &[]);
    let text = depot.workspace.read("config/one.yaml");
    assert!(text.contains("  tags: [b, c] # tags\n"), "{text}");
    assert!(text.contains("    # the first\n    - sort: card\n      amount: 1.75 # in euro\n"), "{text}");
    assert!(text.contains("- { sort: wire, amount: 3, text: slow }") && !text.contains("cash"), "{text}");
    depot.expect_in_sync("production");
}

#[test]
fn lists_of_a_shared_document_are_edited_in_an_overlay() {
    let depot = Depot::new(&[("config/one.yaml", DOCUMENT)]);
    depot.edit(&depot.production, "O", live());
    depot.accept(0, &[]);
    assert_eq!(depot.workspace.read("config/one.yaml"), DOCUMENT);
    let text = depot.workspace.read("config/production/one.yaml");
    for part in [
        "remove: [a]",
        "add: [c]",
        "steps: [\"y\", x, z]",
        "- { sort: card, amount: 1.75 }",
        "- { sort: cash }",
    ] {
        assert!(text.contains(part), "no {part} in\n{text}");
    }
    depot.expect_in_sync("production");
    // what came goes again, and what went comes back, in the same overlay
    depot.edit(
        &depot.production,
        "O",
        json!({
            "tags": ["a", "b"],
            "fees": [{ "sort": "card", "amount": 1.25 }, { "sort": "cash", "amount": 4 }],
        }),
    );
    depot.accept(0, &[]);
    depot.expect_in_sync("production");
    let text = depot.workspace.read("config/production/one.yaml");
    assert!(!text.contains("tags") && !text.contains("wire") && !text.contains("remove"), "{text}");
    assert!(text.contains("{ sort: card, amount: 1.25 }"), "{text}");
}

#[test]
fn a_list_in_an_overlay_is_edited_there() {
    let overlay = "\
overlay: production
kind: depot/item
name: one
spec:
  tags: [q]
  fees:
    add:
      - sort: wire # by wire
        amount: 3
    change:
      - { sort: card, amount: 9 } # dear
    remove: [{ sort: cash }]
";
    let depot = Depot::new(&[("config/one.yaml", DOCUMENT), ("config/production/one.yaml", overlay)]);
    depot.edit(
        &depot.production,
        "O",
        json!({
            "tags": ["q", "r"],
            "fees": [{ "sort": "card", "amount": 8 }, { "sort": "wire", "amount": 5 }],
        }),
    );
    depot.accept(0, &[]);
    let expected = overlay
        .replace("[q]", "[q, r]")
        .replace("amount: 9 }", "amount: 8 }")
        .replace("        amount: 3\n", "        amount: 5\n");
    assert_eq!(depot.workspace.read("config/production/one.yaml"), expected);
    depot.expect_in_sync("production");
}

#[test]
fn an_ordered_list_is_emptied_and_filled_in_an_overlay() {
    let depot = Depot::new(&[("config/one.yaml", DOCUMENT)]);
    for (steps, written) in
        [(json!([]), "  steps: []\n"), (json!(["b", "a"]), "  steps: [b, a]\n"), (json!([]), "  steps: []\n")]
    {
        depot.edit(&depot.production, "O", json!({ "steps": steps }));
        depot.accept(0, &[]);
        let text = depot.workspace.read("config/production/one.yaml");
        assert!(text.ends_with(written), "{text}");
        depot.expect_in_sync("production");
    }
    assert_eq!(depot.workspace.read("config/one.yaml"), DOCUMENT);
}
