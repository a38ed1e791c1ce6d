//! How many objects a run may change: of everything, of each kind at each target, and what an operator sets instead.

use serde_json::json;

use super::{DELETE, Depot, boat, describe_boat};

/// Ten boats that are to go, and thirty other objects that stay: boats of another target, ships of the same one.
fn depot() -> Depot {
    let boats = || (0..20).map(|number| boat(&format!("b{number}"), &format!("code {number}"))).collect();
    let depot = Depot::new(&describe_boat(DELETE, ""), boats());
    let other = Depot::new(&describe_boat(DELETE, ""), boats());
    let ship = describe_boat(DELETE, "").replace("title: Boat", "title: Ship");
    depot.workspace.write("apis/depot/ship.yaml", &ship);
    let settings = depot.workspace.read("trueup.yaml");
    let other = other.workspace.read("trueup.yaml").replace("targets:\n", "").replace("there", "here");
    depot.workspace.write("trueup.yaml", &format!("{settings}{other}"));
    for number in 0..20 {
        let kind = if number < 10 { "boat" } else { "ship" };
        let document = |target: &str, kind: &str| {
            let state = if number < 10 && target == "there" { "state: absent\n" } else { "" };
            let (target, spec) = (format!("target: {target}\n"), format!("code: code {number}, crew: 1"));
            format!("kind: depot/{kind}\nname: n{number}\n{target}{state}spec: {{ {spec} }}\n")
        };
        let text = format!("{}---\n{}", document("there", kind), document("here", "boat"));
        depot.workspace.write(&format!("config/n{number}.yaml"), &text);
    }
    depot
}

#[test]
fn all_of_one_kind_beside_many_others_is_refused() {
    let depot = depot();
    let plan = ["plan", "--allow-delete"];
    depot.workspace.expect(3, &plan).says(&[
        "10 to delete",
        "10 of 10 objects of depot/boat at target there would be deleted, and at",
        "--max-deletes depot/boat@there=10",
    ]);
    for named in ["10", "depot/boat@there=10", "depot/boat=100%", "@there=10", "9,depot/boat@there=10"] {
        depot.workspace.expect(0, &["plan", "--allow-delete", "--max-deletes", named]);
    }
    for other in
        ["depot/ship=10", "@here=100%", "depot/boat@there=9", "9", "depot/boat@there=9,depot/boat=10"]
    {
        depot.workspace.expect(3, &["plan", "--allow-delete", "--max-deletes", other]);
    }
    for wrong in ["boat=3", "depot/boat@there", "@=3", "depot/boat=many"] {
        depot.workspace.expect(64, &["plan", "--allow-delete", "--max-deletes", wrong]);
    }
}

#[test]
fn a_saved_plan_and_one_over_a_part_count_the_same() {
    let depot = depot();
    depot.workspace.expect(3, &["plan", "--allow-delete", "-o", "plan.json"]);
    let apply = ["apply", "plan.json", "--auto-approve", "--allow-delete"];
    depot.workspace.expect(3, &apply).complains(&["10 of 10 objects of depot/boat at target there"]);
    assert_eq!(depot.writes(), [""; 0]);
    // three of the ten, by their files, are all of what this run looks at
    let paths = ["config/n0.yaml", "config/n1.yaml", "config/n2.yaml"];
    depot.workspace.expect(0, &[&["plan", "--allow-delete"], &paths[..]].concat());
    depot.workspace.expect(0, &[&apply[..], &["--max-deletes", "depot/boat@there=10"]].concat());
    assert_eq!(depot.boats().len(), 10);
}

#[test]
fn updates_have_limits_of_their_own() {
    let depot = depot();
    for number in 0..10 {
        let text = depot.workspace.read(&format!("config/n{number}.yaml"));
        let text = text.replace("state: absent\n", "").replacen("crew: 1", "crew: 4", 1);
        depot.workspace.write(&format!("config/n{number}.yaml"), &text);
    }
    depot.workspace.expect(3, &["plan"]).says(&["--max-updates depot/boat@there=10"]);
    let apply = ["apply", "--auto-approve", "--max-updates", "depot/boat@there=10"];
    depot.workspace.expect(0, &apply);
    assert_eq!(depot.boats().iter().filter(|boat| boat["crew"] == json!(4)).count(), 10);
}
