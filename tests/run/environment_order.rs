//! `after: staging`: production is refused until this commit was applied in staging and verified there.

use serde_json::json;

use crate::environments::{Depot, git};
use crate::support::workspace::ProgramOutput;

const STAGING: [&str; 5] = ["apply", "--auto-approve", "--trust-empty", "--env", "staging"];
const PRODUCTION: [&str; 5] = ["apply", "--auto-approve", "--trust-empty", "--env", "production"];

/// A depot in a repository, with one commit.
fn committed() -> Depot {
    let depot = Depot::new();
    depot.workspace.write(".gitignore", ".trueup/\nout/\n");
    git(depot.workspace.root(), &["init", "-q", "-b", "main"]);
    commit(&depot);
    depot
}

fn commit(depot: &Depot) {
    git(depot.workspace.root(), &["add", "-A"]);
    git(depot.workspace.root(), &["commit", "-q", "--allow-empty", "-m", "documents"]);
}

/// An apply that is refused for this reason alone, and writes nothing.
#[track_caller]
fn refused(depot: &Depot, arguments: &[&str], said: &[&str]) -> ProgramOutput {
    depot.production.clear_log();
    let ran = depot.workspace.expect(3, arguments);
    ran.complains(&[&["[environment-order]", "--allow-unverified"], said].concat());
    assert!(depot.production.read_log().iter().all(|entry| entry.method == "GET"), "{}", ran.all());
    ran
}

#[test]
fn production_waits_for_a_verified_apply_of_the_same_commit() {
    let depot = committed();
    let own = &depot.workspace;
    refused(
        &depot,
        &PRODUCTION,
        &["`production` comes after `staging`", "no receipt says that commit", "apply `staging` first"],
    );
    // both in one run: what is before is not verified when the run begins
    refused(&depot, &["apply", "--auto-approve", "--trust-empty"], &["no receipt"]);
    let verified = own.expect(0, &STAGING);
    assert!(verified.err.contains("verified: staging is as commit"), "{}", verified.all());
    own.expect(0, &PRODUCTION);
    // another commit is another question, even if it changes nothing in staging
    own.write("values/production.yaml", "price: 6\n");
    commit(&depot);
    refused(&depot, &PRODUCTION, &["no receipt"]);
    let verified = own.expect(0, &STAGING);
    assert!(verified.err.contains("verified: staging"), "{}", verified.all());
    own.expect(0, &PRODUCTION);
    // an environment without changes is asked nothing
    commit(&depot);
    own.expect(0, &PRODUCTION).says(&["No changes"]);
}

#[test]
fn a_receipt_names_the_environments_that_are_verified() {
    let depot = committed();
    depot.workspace.expect(0, &STAGING);
    depot.workspace.expect(0, &STAGING);
    let receipts = std::fs::read_dir(depot.workspace.path(".trueup/receipts")).expect("receipts");
    let receipts: Vec<_> = receipts.map(|own| own.expect("an entry").path()).collect();
    assert_eq!(receipts.len(), 2, "also of the run that wrote nothing");
    for path in receipts {
        let text = std::fs::read_to_string(&path).expect("a receipt");
        let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(json["verified"], json!(["staging"]));
        let shown = depot.workspace.expect(0, &["show", &path.to_string_lossy()]);
        shown.says(&["staging verified"]);
    }
}

#[test]
fn what_was_not_wholly_applied_is_not_verified() {
    let depot = committed();
    let own = &depot.workspace;
    // a selection
    let ran = own.expect(0, &[&STAGING[..], &["--name", "anvil"]].concat());
    ran.complains(&["environment-not-verified", "1 object not in sync"]);
    refused(&depot, &PRODUCTION, &["no receipt"]);
    // somebody edits by hand between the write and the look
    own.expect(0, &STAGING);
    own.write("config/items.yaml", &own.read("config/items.yaml").replace("price: 1", "price: 4"));
    commit(&depot);
    let id = depot.staging.dump_state()["depot/item"]
        .as_array()
        .expect("items")
        .iter()
        .find(|item| item["object"]["code"] == "A")
        .expect("the anvil")["object"]["id"]
        .clone();
    depot
        .staging
        .edit_object("depot/item", &id.to_string(), json!({ "price": 77 }).as_object().expect("members"))
        .unwrap_or_else(|why| panic!("{why}"));
    let ran = own.expect(0, &[&STAGING[..], &["--name", "bolt"]].concat());
    ran.complains(&["environment-not-verified"]);
    refused(&depot, &PRODUCTION, &["no receipt"]);
}

#[test]
fn edits_that_are_not_committed_do_not_count() {
    let depot = committed();
    let own = &depot.workspace;
    own.expect(0, &STAGING);
    for (path, text) in [
        ("config/items.yaml", own.read("config/items.yaml").replace("price: 1", "price: 9")),
        ("config/new.yaml", "kind: depot/item\nname: new\nspec: { code: N }\n".to_owned()),
        ("values/production.yaml", "price: 8\n".to_owned()),
        ("trueup.yaml", own.read("trueup.yaml") + "# edited\n"),
    ] {
        let before = std::fs::read_to_string(own.path(path)).ok();
        own.write(path, &text);
        refused(&depot, &PRODUCTION, &[&format!("`{path}` differs from the commit"), "commit the edit"]);
        // nor does an apply of staging verify the commit
        let ran = own.expect(0, &STAGING);
        ran.complains(&["environment-not-verified", path]);
        match before {
            Some(before) => own.write(path, &before),
            None => own.remove(path),
        }
    }
    // other files are no part of it
    own.write("notes.txt", "x");
    own.expect(0, &STAGING);
    own.expect(0, &PRODUCTION);
}

#[test]
fn without_a_commit_the_order_is_not_known() {
    let depot = Depot::new();
    let own = &depot.workspace;
    own.expect(0, &STAGING).complains(&["environment-not-verified", "no Git commit"]);
    refused(&depot, &PRODUCTION, &["these documents are in no Git commit"]);
    own.expect(0, &[&PRODUCTION[..], &["--allow-unverified"]].concat());
}

#[test]
fn another_clone_knows_by_shared_receipts() {
    const KEY: &str = "the same long text on every machine";
    let mut depot = Depot::new();
    let shared = depot.workspace.scratch().join("shared");
    std::fs::create_dir_all(&shared).expect("a folder");
    let settings = depot.workspace.read("trueup.yaml");
    let store = format!("receipts: {{ store: \"file://{}\" }}\n", shared.display());
    depot.workspace.write("trueup.yaml", &(settings.clone() + &store));
    depot.workspace.write(".gitignore", ".trueup/\n");
    git(depot.workspace.root(), &["init", "-q", "-b", "main"]);
    commit(&depot);
    let forget = |depot: &Depot| {
        std::fs::remove_dir_all(depot.workspace.path(".trueup")).expect("a folder");
    };
    // without a key of all machines, a receipt is taken as it is
    depot.workspace.expect(0, &STAGING);
    forget(&depot);
    depot.workspace.set("TRUEUP_DIGEST_KEY", KEY);
    // with one, it has to be sealed under it
    refused(&depot, &PRODUCTION, &["no receipt"]);
    depot.workspace.expect(0, &STAGING);
    forget(&depot);
    // a receipt that somebody changed proves nothing
    let newest = std::fs::read_dir(&shared)
        .expect("receipts")
        .map(|own| own.expect("an entry").path())
        .max()
        .expect("a receipt");
    let sound = std::fs::read_to_string(&newest).expect("a receipt");
    std::fs::write(&newest, sound.replace("\"started_by\":", "\"started_by\": \"x\", \"other\":"))
        .expect("a file");
    refused(&depot, &PRODUCTION, &["no receipt"]);
    std::fs::write(&newest, sound).expect("a file");
    depot.workspace.expect(0, &PRODUCTION);
    // without the shared place, the hint says how another machine would know
    depot.workspace.write("trueup.yaml", &settings);
    depot.workspace.write("values/production.yaml", "price: 6\n");
    commit(&depot);
    refused(&depot, &PRODUCTION, &["share receipts in trueup.yaml"]);
}

#[test]
fn saved_plans_are_applied_in_order_too() {
    let depot = committed();
    let own = &depot.workspace;
    for environment in ["staging", "production"] {
        let file = format!("out/{environment}.json");
        own.expect(0, &["plan", "--trust-empty", "--env", environment, "-o", &file]);
    }
    let staging = ["apply", "out/staging.json", "--auto-approve", "--trust-empty"];
    let production = ["apply", "out/production.json", "--auto-approve", "--trust-empty"];
    refused(&depot, &production, &["no receipt"]);
    own.expect(0, &staging);
    own.expect(0, &production);
    // a plan of staging without a step verifies it as well
    own.write("values/production.yaml", "price: 6\n");
    commit(&depot);
    for environment in ["staging", "production"] {
        let file = format!("out/{environment}.json");
        own.expect(0, &["plan", "--env", environment, "-o", &file]);
    }
    refused(&depot, &production, &["no receipt"]);
    let ran = own.expect(0, &staging);
    assert!(ran.err.contains("verified: staging"), "{}", ran.all());
    own.expect(0, &production);
}
