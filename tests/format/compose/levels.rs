//! Bases, documents, overlays and values, merged field by field, each value with its origin.

use serde_json::json;

use super::{PLAIN, compose};

const BASE: &str = "\
base: usual
kind: depot/item
spec:
  price: { value: price }
  size: { width: 10, depth: 20 }
  labels: { a: one, b: two }
  pin: { value: pin }
";
const ITEMS: &str = "\
kind: depot/item
extends: [usual]
objects:
  anvil: { spec: { code: A, size: { depth: 30 } } }
  bolt: { environments: [production], unset: [size.width, labels.a], spec: { code: B, price: 1 } }
";
const OVERLAY: &str = "\
overlay: production
kind: depot/item
name: anvil
id: 7
scope: { yard: west }
unset: [size.depth]
spec: { label: Anvil, labels: { b: null, c: three } }
";

#[test]
fn objects_merge_field_by_field_and_maps_by_key() {
    let composed = compose(&[("bases/b.yaml", BASE), ("config/i.yaml", ITEMS), ("config/o.yaml", OVERLAY)]);
    assert_eq!(
        composed.spec("s/anvil"),
        json!({ "code": "A", "price": 2.5, "pin": { "from_env": "PIN" }, "size": { "width": 10, "depth": 30 }, "labels": { "a": "one", "b": "two" } })
    );
    assert_eq!(
        composed.spec("p/anvil"),
        json!({ "code": "A", "label": "Anvil", "price": 5, "pin": { "from_env": "PIN" }, "size": { "width": 10 }, "labels": { "a": "one", "b": null, "c": "three" } })
    );
    assert_eq!(
        composed.spec("p/bolt"),
        json!({ "code": "B", "price": 1, "pin": { "from_env": "PIN" }, "size": { "depth": 20 }, "labels": { "b": "two" } })
    );
    assert_eq!(composed.documents.len(), 3);
    let all = composed.all();
    assert_eq!(all["p/anvil"]["id"], json!(7));
    assert_eq!(
        (&all["s/anvil"]["scope"], &all["p/anvil"]["scope"]),
        (&json!({ "yard": "north" }), &json!({ "yard": "west" }))
    );
}

#[test]
fn each_value_knows_the_line_of_its_level() {
    let composed = compose(&[("bases/b.yaml", BASE), ("config/i.yaml", ITEMS), ("config/o.yaml", OVERLAY)]);
    let origins = composed.origins("p/anvil");
    let expected = [
        ("/code", "config/i.yaml:4 document"),
        ("/label", "config/o.yaml:7 overlay production"),
        ("/labels/a", "bases/b.yaml:6 base usual"),
        ("/labels/b", "config/o.yaml:7 overlay production"),
        ("/labels/c", "config/o.yaml:7 overlay production"),
        ("/pin", "trueup.yaml:7 value default"),
        ("/price", "values/production.yaml:2 values production"),
        ("/size/width", "bases/b.yaml:5 base usual"),
    ];
    assert_eq!(origins, expected.map(|(path, origin)| (path.to_owned(), origin.to_owned())).into());
}

#[test]
fn a_workspace_without_environments_has_bases_and_defaults_too() {
    let base = "base: usual\nkind: depot/item\nspec: { price: { value: price } }\n";
    let settings = format!(
        "{PLAIN}values: {{ price: {{ type: decimal, default: 1.5 }} }}\ndefaults: {{ depot/item: [usual] }}\n"
    );
    let items = "kind: depot/item\nname: a\nspec: { code: A }\n---\nkind: depot/item\nname: b\nextends: []\nspec: { code: B }\n";
    let composed = compose(&[("bases/b.yaml", base), ("config/i.yaml", items), ("trueup.yaml", &settings)]);
    assert_eq!(composed.spec("s/a"), json!({ "code": "A", "price": 1.5 }));
    assert_eq!(composed.spec("s/b"), json!({ "code": "B" }));
}

#[test]
fn documents_stay_in_the_order_of_their_files() {
    let base = "base: usual\nkind: depot/item\nspec: { price: 1 }\n";
    let one =
        |name: &str, more: &str| format!("kind: depot/item\nname: {name}\n{more}spec: {{ code: {name} }}\n");
    let items = [one("d", ""), one("b", "extends: [usual]\n"), one("c", "")].join("---\n");
    let last = one("a", "extends: [usual]\n");
    let files = [
        ("bases/b.yaml", base),
        ("config/1.yaml", &*items),
        ("config/2.yaml", &*last),
        ("trueup.yaml", PLAIN),
    ];
    let composed = compose(&files);
    composed.expect_faults(&[]);
    let names: Vec<_> = composed.documents.iter().map(|own| &*own.name).collect();
    assert_eq!(names, ["d", "b", "c", "a"]);
}

#[test]
fn a_document_with_a_target_is_in_its_environment_only() {
    let composed = compose(&[(
        "config/i.yaml",
        "kind: depot/item\nname: a\ntarget: p\nspec: { code: A, price: { value: price }, pin: { value: pin } }\n",
    )]);
    assert_eq!(composed.spec("p/a"), json!({ "code": "A", "price": 5, "pin": { "from_env": "PIN" } }));
    assert_eq!(composed.documents.len(), 1);
}

#[test]
fn bases_that_disagree_are_decided_by_a_higher_level() {
    let bases = "base: a\nkind: depot/item\nspec: { count: 1, label: x }\n---\nbase: b\nkind: depot/item\nspec: { count: 2, label: x }\n";
    let item = |more: &str| format!("kind: depot/item\nname: i\nextends: [b, a]\n{more}");
    let check = |more: &str, count: serde_json::Value| {
        let composed =
            compose(&[("bases/b.yaml", bases), ("config/i.yaml", &item(more)), ("trueup.yaml", PLAIN)]);
        assert_eq!(composed.spec("s/i")["count"], count);
    };
    check("spec: { code: I, count: 3 }\n", json!(3));
    check("spec: { code: I, count: null }\n", json!(null));
    check("unset: [count]\nspec: { code: I }\n", json!(null));
    let composed = compose(&[
        ("bases/b.yaml", bases),
        ("config/i.yaml", &item("spec: { code: I }\n")),
        ("trueup.yaml", PLAIN),
    ]);
    composed.expect_faults(&["conflicting-bases bases/b.yaml:3:16 + bases/b.yaml:7:16"]);
}

#[test]
fn bases_that_disagree_are_decided_by_the_value_that_one_of_them_names() {
    let bases = "base: a\nkind: depot/item\nspec: { price: { value: price }, labels: { x: one }, size: { width: 1 }, pin: { value: pin } }\n---\nbase: b\nkind: depot/item\nspec: { price: 7, labels: { x: two }, size: { width: 2 } }\n";
    let item = |more: &str| format!("kind: depot/item\nname: i\nextends: [a, b]\n{more}");
    let decided = "unset: [labels.x]\nspec: { code: I, size: { width: 2 }";
    for (document, overlay) in [
        (format!("{decided}, price: {{ value: price }} }}\n"), ""),
        (
            format!("{decided} }}\n"),
            "overlay: staging\nkind: depot/item\nname: i\nspec: { price: { value: price } }\n---\noverlay: production\nkind: depot/item\nname: i\nspec: { price: { value: price } }\n",
        ),
    ] {
        let files =
            [("bases/b.yaml", bases), ("config/i.yaml", &item(&document)), ("config/o.yaml", overlay)];
        let written = files.iter().filter(|(_, text)| !text.is_empty()).copied().collect::<Vec<_>>();
        let composed = compose(&written);
        for (key, price) in [("s/i", json!(2.5)), ("p/i", json!(5))] {
            let spec = composed.spec(key);
            assert_eq!((&spec["price"], &spec["size"]), (&price, &json!({ "width": 2 })), "{document}");
        }
    }
    // one decision settles nothing else
    let composed = compose(&[
        ("bases/b.yaml", bases),
        ("config/i.yaml", &item("spec: { code: I, price: { value: price }, size: { depth: 3 } }\n")),
    ]);
    composed.expect_faults(&[
        "conflicting-bases bases/b.yaml:3:47 + bases/b.yaml:7:32",
        "conflicting-bases bases/b.yaml:3:69 + bases/b.yaml:7:54",
    ]);
}
