//! Edits of lists: by the list keys of the kind, strictly.

use serde_json::json;

use super::{Composed, PLAIN, compose};

const BASE: &str = "\
base: usual
kind: depot/item
spec:
  tags: [red, blue]
  steps: [wash, dry]
  fees:
    - { way: card, from: 0, fee: 1.5, notes: [a] }
    - { way: card, from: 10.0, fee: 2 }
    - { way: invoice, from: 0, fee: 9 }
";

fn edit(spec: &str) -> Composed {
    let item = format!("kind: depot/item\nname: i\nextends: [usual]\nspec:\n  code: I\n{spec}");
    compose(&[("bases/b.yaml", BASE), ("config/i.yaml", &item), ("trueup.yaml", PLAIN)])
}

#[test]
fn items_are_found_by_their_keys_whatever_their_spelling() {
    let composed = edit(
        "  tags: { add: [green], remove: [red] }
  fees:
    add: [{ way: cash, from: 0, fee: 0 }]
    change: [{ way: card, from: '0.00', fee: 3, notes: { add: [b] } }]
    remove: [{ from: 1.0e1, way: card }]
",
    );
    let spec = composed.spec("s/i");
    assert_eq!(spec["tags"], json!(["blue", "green"]));
    assert_eq!(
        spec["fees"],
        json!([
            { "way": "card", "from": 0, "fee": 3, "notes": ["a", "b"] },
            { "way": "invoice", "from": 0, "fee": 9 },
            { "way": "cash", "from": 0, "fee": 0 },
        ])
    );
    let origins = composed.origins("s/i");
    assert_eq!(origins["/fees/0/way"], "bases/b.yaml:7 base usual");
    assert_eq!(origins["/fees/0/fee"], "config/i.yaml:9 document");
    assert_eq!(origins["/fees/2/fee"], "config/i.yaml:8 document");
}

#[test]
fn what_is_not_there_cannot_be_edited() {
    let check = |spec: &str, lines: &[&str], hint: &str| {
        let composed = edit(spec);
        composed.expect_faults(lines);
        assert!(composed.hint().contains(hint), "{}", composed.hint());
    };
    check(
        "  fees: { remove: [{ way: card, from: 11 }] }\n",
        &["nothing-to-remove config/i.yaml:6:20 + bases/b.yaml:8:7"],
        "the nearest item differs in `from`",
    );
    check(
        "  fees: { change: [{ way: cart, from: 3, fee: 1 }] }\n",
        &["nothing-to-change config/i.yaml:6:20 + bases/b.yaml:7:7"],
        "did you mean `way: card`?",
    );
    check(
        "  tags: { remove: [pink] }\n",
        &["nothing-to-remove config/i.yaml:6:20"],
        "use the key of an item",
    );
    check(
        "  fees: { add: [{ way: card, from: 0, fee: 1 }] }\n",
        &["item-exists config/i.yaml:6:17 + bases/b.yaml:7:7"],
        "use `change`",
    );
    check(
        "  tags: { add: [blue] }\n",
        &["item-exists config/i.yaml:6:17 + bases/b.yaml:4:15"],
        "use `change`",
    );
    check(
        "  fees: { change: [{ way: card, fee: 1 }] }\n",
        &["missing-item-key config/i.yaml:6:20"],
        "`way` and `from`",
    );
    check("  steps: { add: [fold] }\n", &["ordered-list config/i.yaml:6:3 + bases/b.yaml:5:10"], "in full");
    check("  tags: { change: [blue] }\n", &["change-in-set config/i.yaml:6:20"], "remove the old item");
    check(
        "  fees: { remove: [{ way: invoice, from: 0, fee: 9 }] }\n",
        &["not-a-key config/i.yaml:6:45"],
        "`way` and `from`",
    );
}

#[test]
fn a_change_does_not_move_a_key() {
    let base = "base: usual\nkind: depot/item\nspec: { fees: [{ id: 1, way: card, from: 0 }, { id: 2, way: card, from: 0 }] }\n";
    let item = |fees: &str| {
        format!("kind: depot/item\nname: i\nextends: [usual]\nspec:\n  code: I\n  fees: {fees}\n")
    };
    let compose = |fees: &str| {
        compose(&[("bases/b.yaml", base), ("config/i.yaml", &item(fees)), ("trueup.yaml", PLAIN)])
    };
    let moved = compose("{ change: [{ id: 1, way: invoice, from: 0 }] }");
    moved.expect_faults(&["moved-key config/i.yaml:6:20 + bases/b.yaml:3:16"]);
    let ambiguous = compose("{ change: [{ way: card, from: 0, fee: 1 }] }");
    ambiguous.expect_faults(&["ambiguous-item config/i.yaml:6:20 + bases/b.yaml:3:47"]);
    let by_id = compose("{ change: [{ id: 2, way: card, from: 0, fee: 1 }] }");
    assert_eq!(by_id.spec("s/i")["fees"][1]["fee"], json!(1));
}

#[test]
fn an_edit_needs_a_list_below_it() {
    let composed = edit("  size: { width: 1 }\n  tags: [x]\n");
    assert_eq!(composed.spec("s/i")["tags"], json!(["x"]));
    let item = "kind: depot/item\nname: i\nspec: { code: I, tags: { add: [x] } }\n";
    let composed = compose(&[("config/i.yaml", item), ("trueup.yaml", PLAIN)]);
    composed.expect_faults(&["edit-without-list config/i.yaml:3:24"]);
    let base = "base: b\nkind: depot/item\nspec: { tags: { remove: [x] } }\n";
    let item = "kind: depot/item\nname: i\nextends: [b]\nspec: { code: I }\n";
    let composed = compose(&[("bases/b.yaml", base), ("config/i.yaml", item), ("trueup.yaml", PLAIN)]);
    composed.expect_faults(&["edit-without-list bases/b.yaml:3:15"]);
}
