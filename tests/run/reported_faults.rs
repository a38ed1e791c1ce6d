//! Faults that were reported of plans, results and records, each with another example than the one of the report.

use serde_json::{Value as Json, json};

use crate::environments::Depot;

const STAGING: [&str; 5] = ["apply", "--auto-approve", "--trust-empty", "--env", "staging"];

fn text(value: &Json) -> String {
    value.as_str().expect("a text").to_owned()
}

/// The causes of the first field of each change that a plan reports, by action.
fn list_causes(depot: &Depot, arguments: &[&str]) -> Vec<(String, Json)> {
    let arguments = [&["plan", "--format", "json", "--env", "staging"], arguments].concat();
    let json = depot.workspace.run(&arguments).json();
    let changes = json["changes"].as_array().expect("changes").iter();
    changes.map(|own| (text(&own["action"]), own["fields"][0]["causes"].clone())).collect()
}

#[test]
fn a_personal_value_that_does_not_read_back_is_written_and_not_cleared() {
    let mut depot = Depot::new();
    let own = &mut depot.workspace;
    let hidden = "contact: { type: string, description: Whom to ask., sensitivity: personal";
    let item = own.read("apis/depot/item.yaml").replace(hidden, &format!("{hidden}, write_only: true"));
    own.write("apis/depot/item.yaml", &item);
    own.set("TRUEUP_DIGEST_KEY", "a key under which there are pseudonyms");
    own.expect(0, &STAGING);
    let items = own.read("config/items.yaml");
    own.write("config/items.yaml", &items.replace("code: A }", "code: A, contact: Ann Example }"));
    let reports = "markdown=out/plan.md,html=out/plan.html";
    let ran =
        own.run(&["plan", "--env", "staging", "--allow-personal", "--force-hidden", "--report", reports]);
    ran.says(&["contact", "not returned by the API; will be written"]);
    for shown in [ran.out.clone(), own.read("out/plan.md"), own.read("out/plan.html")] {
        assert!(!shown.contains("will be cleared") && !shown.contains("Ann Example"), "{shown}");
    }
    // what is cleared is still called so
    own.write("config/items.yaml", &items.replace("code: A }", "code: A, contact: null }"));
    own.run(&["plan", "--env", "staging", "--allow-personal", "--force-hidden"]).says(&["will be cleared"]);
}

#[test]
fn a_change_has_one_label_that_is_true() {
    let depot = Depot::new();
    let own = &depot.workspace;
    let with_delete = own
        .read("apis/depot/item.yaml")
        .replace("operations:\n", "operations:\n  delete: { delete: '/items/{id}' }\n");
    own.write("apis/depot/item.yaml", &with_delete);
    own.expect(0, &STAGING);
    let items = own.read("config/items.yaml");
    // the document asks for the deletion, no one touched the object
    own.write("config/items.yaml", &items.replace("anvil: { spec", "anvil: { state: absent, spec"));
    assert_eq!(list_causes(&depot, &["--allow-delete"]), [("delete".to_owned(), json!(["pending"]))]);
    let drift = own.run(&["drift", "--env", "staging"]);
    assert_eq!(drift.code, Some(5), "{}", drift.all());
    assert!(!drift.out.contains("never applied"), "{}", drift.all());
    // an edit that was never applied is that, and no drift
    own.write("config/items.yaml", &items.replace("price: 1", "price: 3"));
    assert_eq!(list_causes(&depot, &[]), [("update".to_owned(), json!(["pending"]))]);
    own.write("config/items.yaml", &format!("{items}  crane: {{ spec: {{ code: C }} }}\n"));
    assert_eq!(list_causes(&depot, &[]), [("create".to_owned(), json!(["never_applied"]))]);
    let drift = own.run(&["drift", "--env", "staging"]);
    assert_eq!(drift.code, Some(5), "{}", drift.all());
    assert!(drift.out.contains("never applied") && !drift.out.contains("pending"), "{}", drift.all());
}

#[test]
fn results_name_their_targets_where_there_are_several() {
    let depot = Depot::new();
    let own = &depot.workspace;
    let ran = own.expect(0, &["apply", "--auto-approve", "--trust-empty", "--allow-unverified"]);
    let lines: Vec<Vec<&str>> = ran
        .out
        .lines()
        .filter(|line| line.starts_with('✓'))
        .map(|line| line.split_whitespace().collect())
        .collect();
    let mut named: Vec<String> = lines.iter().map(|words| format!("{} {}", words[3], words[4])).collect();
    named.sort();
    assert_eq!(named, ["anvil p", "anvil s", "bolt p", "bolt s"], "{}", ran.all());
    // the environment is named even where there is one target
    own.write("config/items.yaml", &own.read("config/items.yaml").replace("price: 1", "price: 3"));
    let ran = own.expect(0, &STAGING);
    let line = ran.out.lines().find(|line| line.starts_with('✓')).expect("a result");
    assert!(line.contains("  s in staging  "), "{line}");
}

#[test]
fn a_refused_plan_is_called_so_and_a_long_one_ends_with_its_numbers() {
    let depot = Depot::new();
    let own = &depot.workspace;
    own.expect(0, &STAGING);
    let items = own.read("config/items.yaml");
    own.write("config/items.yaml", &items.replace("price: 1", "price: 3"));
    let reports = "markdown=out/plan.md,html=out/plan.html";
    own.expect(3, &["plan", "--env", "staging", "--max-updates", "0", "--report", reports]);
    assert!(
        own.read("out/plan.md").contains("### trueup plan: refused: 1 to update"),
        "{}",
        own.read("out/plan.md")
    );
    assert!(own.read("out/plan.html").contains("trueup plan: refused: 1 to update"));
    own.expect(0, &["plan", "--env", "staging", "--report", reports]);
    assert!(own.read("out/plan.md").contains("### trueup plan: 1 to update"));
    let many: String = (0..24).map(|at| format!("  i{at}: {{ spec: {{ code: I{at} }} }}\n")).collect();
    own.write("config/items.yaml", &(items + &many));
    let ran = own.expect(0, &["plan", "--env", "staging"]);
    let numbers: Vec<usize> = ran
        .out
        .lines()
        .enumerate()
        .filter(|(_, line)| *line == "24 to create, 2 unchanged")
        .map(|(at, _)| at)
        .collect();
    assert!(numbers.len() == 2 && numbers[1] + 4 > ran.out.lines().count(), "{}", ran.all());
}

#[test]
fn errors_of_a_connection_name_the_settings_and_no_document() {
    let mut depot = Depot::new();
    let own = &mut depot.workspace;
    let settings = own.read("trueup.yaml");
    own.set("T", "wrong");
    let ran = own.expect(1, &["plan", "--env", "staging", "--max-retries", "0"]);
    ran.says(&["[unauthorized]", "--> trueup.yaml:4", "T"]);
    assert!(!ran.out.contains("--> config/"), "{}", ran.all());
    own.set("T", "any");
    // no one listens there
    own.write("trueup.yaml", &settings.replace(&depot.staging.base_url("depot"), "http://127.0.0.1:1/depot"));
    let ran = own.expect(1, &["plan", "--env", "staging"]);
    ran.says(&["[cannot-connect]", "--> trueup.yaml:4", "http://127.0.0.1:1/depot"]);
    assert!(!ran.out.contains("--> config/") && ran.err.contains("waiting for s"), "{}", ran.all());
}

#[test]
fn an_apply_that_cannot_be_recorded_is_an_error() {
    let depot = Depot::new();
    let own = &depot.workspace;
    own.expect(0, &STAGING);
    own.write("config/items.yaml", &own.read("config/items.yaml").replace("price: 1", "price: 3"));
    // a folder is in the place of the record
    own.remove(".trueup/ledger.jsonl");
    std::fs::create_dir(own.path(".trueup/ledger.jsonl")).expect("a folder");
    let ran = own.run(&STAGING);
    ran.says(&["1 done"]);
    assert_eq!(ran.code, Some(1), "{}", ran.all());
    ran.complains(&["error[not-recorded]", "ledger.jsonl"]);
    // nor does a run without changes pass for one that is on record
    let ran = own.run(&STAGING);
    assert_eq!(ran.code, Some(1), "{}", ran.all());
}

/// A plan of two fields, saved; then the object or the document moves.
fn stale(depot: &Depot, change: impl Fn(&Depot)) -> crate::support::workspace::ProgramOutput {
    let own = &depot.workspace;
    let items = own.read("config/items.yaml");
    own.write("config/items.yaml", &items.replace("price: 1", "price: 3, label: Bolt"));
    own.expect(0, &["plan", "--env", "staging", "-o", "out/plan.json"]);
    change(depot);
    let ran = own.expect(3, &["apply", "out/plan.json", "--auto-approve"]);
    own.write("config/items.yaml", &items);
    ran
}

fn edit_bolt(depot: &Depot, members: &Json) {
    let dump = depot.staging.dump_state();
    let items = dump["depot/item"].as_array().expect("items");
    let bolt = items.iter().find(|item| item["object"]["code"] == "B").expect("the bolt");
    let members = members.as_object().expect("members");
    depot
        .staging
        .edit_object("depot/item", &bolt["object"]["id"].to_string(), members)
        .unwrap_or_else(|why| panic!("{why}"));
}

#[test]
fn a_stale_plan_says_which_side_moved() {
    let depot = Depot::new();
    depot.workspace.expect(0, &STAGING);
    // the document
    let ran = stale(&depot, |depot| {
        let items = depot.workspace.read("config/items.yaml");
        depot.workspace.write("config/items.yaml", &items.replace("price: 3", "price: 4"));
    });
    says_anywhere(&ran, &["[stale-plan]", "document"]);
    assert!(!ran.all().contains("live object changed"), "{}", ran.all());
    // the object, to the very value that is wanted
    let ran = stale(&depot, |depot| edit_bolt(depot, &json!({ "price": 3 })));
    says_anywhere(&ran, &["[stale-plan]", "price", "planned", "now", "desired"]);
}

#[track_caller]
fn says_anywhere(ran: &crate::support::workspace::ProgramOutput, parts: &[&str]) {
    let all = ran.all();
    parts.iter().for_each(|part| assert!(all.contains(part), "no {part:?} in\n{all}"));
}
