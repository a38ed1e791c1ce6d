//! `why` for items of lists: each level that says something of an item, by the labels that `plan` and `why` print.

use serde_json::json;

use super::depot::Depot;

const BASE: &str = "\
base: usual
kind: depot/item
spec:
  fees:
    - { sort: card, amount: 1.5 }
    - { sort: cash, amount: 2 }
    - { sort: wire, amount: 3 }
  token: null
";
const DOCUMENT: &str = "\
kind: depot/item
name: one
extends: [usual]
spec:
  code: O
  tags: [a, b]
  fees:
    change: [{ sort: card, amount: 1.75 }]
    add: [{ sort: cheque, amount: 4 }]
";
const OVERLAY: &str = "\
overlay: production
kind: depot/item
name: one
spec:
  fees: { change: [{ sort: card, text: slow }], remove: [{ sort: cash }] }
";

fn depot() -> Depot {
    Depot::new(&[
        ("bases/usual.yaml", BASE),
        ("config/one.yaml", DOCUMENT),
        ("config/production/one.yaml", OVERLAY),
    ])
}

fn levels(depot: &Depot, environment: &str, path: &str) -> Vec<(String, String, bool)> {
    let why = ["why", path, "--env", environment, "--offline", "--format", "json"];
    let report = depot.workspace.expect(0, &why).json();
    let levels = report["objects"][0]["levels"].as_array().expect("levels").clone();
    let word = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let row =
        |own: &serde_json::Value| (word(&own["level"]), word(&own["edit"]), own["decides"] == json!(true));
    levels.iter().map(row).collect()
}

#[test]
fn each_level_that_says_something_of_an_item_is_named() {
    let depot = depot();
    let row = |level: &str, edit: &str, decides: bool| (level.to_owned(), edit.to_owned(), decides);
    let card = [row("base usual", "", false), row("document", "change", true)];
    assert_eq!(levels(&depot, "staging", "one.fees[sort=card].amount"), card);
    assert_eq!(levels(&depot, "production", "one.fees[0].amount"), card);
    let whole = levels(&depot, "production", "one.fees[sort=card]");
    assert_eq!(whole.iter().map(|own| &*own.1).collect::<Vec<_>>(), ["", "change", "change"]);
    // what takes it out counts, where it does
    let removed = [row("base usual", "", false), row("overlay production", "remove", true)];
    assert_eq!(levels(&depot, "production", "one.fees[sort=\"cash\"]"), removed);
    assert_eq!(levels(&depot, "staging", "one.fees[sort=cash]"), [row("base usual", "", true)]);
    assert_eq!(levels(&depot, "staging", "one.fees[sort=cheque].amount"), [row("document", "add", true)]);
    assert_eq!(levels(&depot, "staging", "one.tags[1]"), [row("document", "", true)]);
    // a removal of one environment is no difference of the other one
    depot.workspace.expect(0, &["why", "one.fees[sort=cash]", "--offline"]).says(&[
        "> fees[sort=cash]  base usual  bases/usual.yaml:6:7  { sort: cash, amount: 2 }\n",
        "overlay production, remove",
    ]);
}

#[test]
fn the_labels_of_why_and_plan_are_paths() {
    let depot = depot();
    depot.edit(&depot.staging, "O", json!({ "fees": [{ "sort": "card", "amount": 9 }] }));
    let plan = depot.workspace.expect(0, &["plan", "--env", "staging", "--format", "json"]).json();
    let of_plan = plan["changes"][0]["fields"].as_array().expect("fields").clone();
    let of_why =
        depot.workspace.expect(0, &["why", "one", "--env", "staging", "--offline", "--format", "json"]);
    let of_why = of_why.json()["objects"][0]["levels"].as_array().expect("levels").clone();
    let labels = of_plan.iter().map(|own| &own["label"]).chain(of_why.iter().map(|own| &own["path"]));
    let labels: Vec<&str> = labels.filter_map(serde_json::Value::as_str).collect();
    assert!(labels.contains(&"fees[sort=card].amount") && labels.contains(&"fees[sort=wire]"), "{labels:?}");
    for label in labels {
        let found = levels(&depot, "staging", &format!("one.{label}"));
        assert!(found.iter().any(|own| own.2), "{label} {found:?}");
    }
    // null is no hidden text
    depot.workspace.expect(0, &["why", "one.token", "--offline"]).says(&["bases/usual.yaml:8:10  null\n"]);
}

#[test]
fn an_item_that_no_level_has_is_an_error() {
    let depot = depot();
    for (path, parts) in [
        ("one.fees[sort=crad].amount", &["no level has the item", "fees[sort=card]"][..]),
        ("one.fees[7]", &["no level has the item"]),
        ("one.fees[nonsense]", &["no item of the list `fees`", "fees[sort=VALUE]"]),
        ("one.fees[sort=card", &["no item of the list `fees`"]),
        ("one.fees.amount", &["no item of the list `fees`"]),
        ("one.price[0]", &["`price` has no fields and no items"]),
    ] {
        let ran = depot.workspace.expect(1, &["why", path, "--offline"]);
        ran.complains(&[&["unknown-item"], parts].concat());
    }
}
