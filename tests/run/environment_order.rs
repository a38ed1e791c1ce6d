//! `after: staging`: production is refused until this commit was applied in staging and verified there.

#[cfg(unix)]
use std::sync::Mutex;
#[cfg(unix)]
use std::sync::atomic::{AtomicUsize, Ordering};
#[cfg(unix)]
use std::time::{Duration, Instant};

use serde_json::json;

use crate::environments::{Depot, git};
#[cfg(unix)]
use crate::support::stub_server::StubServer;
#[cfg(unix)]
use crate::support::workspace::RunningProgram;
use crate::support::workspace::{ProgramOutput, Workspace};

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
    assert!(ran.err.contains("in sync: depot/item bolt (create)"), "{}", ran.all());
    refused(&depot, &PRODUCTION, &["no receipt"]);
    // someone edits by hand between the write and the look
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
fn a_protected_object_without_a_document_is_named_and_can_be_released() {
    const PIN: &str = "kind: depot/item\nname: pin\nspec: { code: P }\n";
    let depot = committed();
    let own = &depot.workspace;
    let deletable = own
        .read("apis/depot/item.yaml")
        .replace("  update:", "  delete: { delete: '/items/{id}' }\n  update:");
    own.write("apis/depot/item.yaml", &deletable);
    own.write("config/nut.yaml", "kind: depot/item\nname: nut\nprotect: true\nspec: { code: N }\n");
    own.write("config/pin.yaml", PIN);
    commit(&depot);
    own.expect(0, &STAGING);
    own.remove("config/nut.yaml");
    own.remove("config/pin.yaml");
    commit(&depot);
    let ran = own.expect(0, &STAGING);
    ran.complains(&[
        "2 objects not in sync: depot/item nut (protected), depot/item pin (delete)",
        "`trueup forget` releases",
        "`--allow-delete` deletes",
    ]);
    own.write("config/pin.yaml", PIN);
    commit(&depot);
    let ran = own.expect(0, &STAGING);
    ran.complains(&["1 object not in sync: depot/item nut (protected)"]);
    assert!(!ran.err.contains("`--allow-delete` deletes"), "{}", ran.all());
    refused(&depot, &PRODUCTION, &["no receipt"]);
    own.expect(0, &["forget", "nut"]);
    own.expect(0, &STAGING);
    own.expect(0, &PRODUCTION);
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
    refused(&depot, &PRODUCTION, &["is not believed", "sealed without a key"]);
    depot.workspace.expect(0, &STAGING);
    forget(&depot);
    // a receipt that someone changed proves nothing
    let newest = std::fs::read_dir(&shared)
        .expect("receipts")
        .map(|own| own.expect("an entry").path())
        .max()
        .expect("a receipt");
    let sound = std::fs::read_to_string(&newest).expect("a receipt");
    std::fs::write(&newest, sound.replace("\"started_by\":", "\"started_by\": \"x\", \"other\":"))
        .expect("a file");
    refused(&depot, &PRODUCTION, &["is not believed", "was changed"]);
    // one that no one can read is not the same as none
    std::fs::write(&newest, "{").expect("a file");
    let name = newest.file_stem().expect("a name").to_string_lossy().into_owned();
    std::fs::remove_dir_all(depot.workspace.path(".trueup")).expect("a folder");
    let others: Vec<_> = std::fs::read_dir(&shared).expect("receipts").flatten().collect();
    others.iter().map(|own| own.path()).filter(|path| *path != newest).for_each(|path| {
        std::fs::remove_file(path).expect("a file to remove");
    });
    refused(&depot, &PRODUCTION, &["no receipt says", &format!("the receipt {name} cannot be read")]);
    std::fs::write(&newest, &sound).expect("a file");
    // nor is one under another key, and what cannot be read is named too
    depot.workspace.set("TRUEUP_DIGEST_KEY", "another long text of one machine");
    let older = others.iter().map(|own| own.path()).find(|path| *path != newest).expect("another receipt");
    std::fs::write(&older, "{").expect("a file");
    let unreadable = format!("the receipt {} cannot be read", older.file_stem().expect("a name").display());
    refused(&depot, &PRODUCTION, &["is not believed", "sealed with another key", &unreadable]);
    depot.workspace.set("TRUEUP_DIGEST_KEY", KEY);
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

/// Environments of which the first is a server that answers no list after so many.
#[cfg(unix)]
fn slow_depot(lists: usize) -> (StubServer, Workspace) {
    let count = AtomicUsize::new(0);
    let items = Mutex::new(vec![json!({ "id": 1, "code": "Z" })]);
    let server = StubServer::new(move |request| {
        let mut items = items.lock().expect("no panic");
        if request.verb == "POST" {
            let mut made = request.body.clone();
            made["id"] = json!(items.len() + 1);
            items.push(made.clone());
            return (201, made);
        }
        let shown = json!({ "items": *items });
        drop(items);
        if count.fetch_add(1, Ordering::SeqCst) >= lists {
            std::thread::sleep(Duration::from_secs(60));
        }
        (200, shown)
    });
    let mut workspace = Workspace::new();
    for (path, text) in Depot::new().workspace.files().into_iter().filter_map(|(path, bytes)| {
        let name = path.file_name()?.to_string_lossy().into_owned();
        (name == "item.yaml" || name == "api.yaml")
            .then(|| (name, String::from_utf8_lossy(&bytes).into_owned()))
    }) {
        workspace.write(&format!("apis/depot/{path}"), &text);
    }
    let url = &server.url;
    workspace.write(
        "trueup.yaml",
        &format!(
            "environments: {{ staging: {{}}, production: {{ after: staging }} }}
targets:
  s: {{ api: depot, environment: staging, base_url: '{url}', auth: {{ bearer: {{ from_env: T }} }} }}
  p: {{ api: depot, environment: production, base_url: '{url}/other', auth: {{ bearer: {{ from_env: T }} }} }}
"
        ),
    );
    workspace.write("config/a.yaml", "kind: depot/item\nname: a\nspec: { code: A }\n");
    workspace.set("T", "any");
    workspace.write(".gitignore", ".trueup/\n");
    git(workspace.root(), &["init", "-q", "-b", "main"]);
    git(workspace.root(), &["add", "-A"]);
    git(workspace.root(), &["commit", "-q", "-m", "documents"]);
    (server, workspace)
}

/// The receipts of a workspace.
fn receipts(workspace: &Workspace) -> Vec<serde_json::Value> {
    let folder = workspace.path(".trueup/receipts");
    let Ok(files) = std::fs::read_dir(folder) else { return Vec::new() };
    let text = |path: std::path::PathBuf| std::fs::read_to_string(path).expect("a receipt");
    let mut texts: Vec<String> = files.map(|own| text(own.expect("an entry").path())).collect();
    texts.sort();
    texts.iter().map(|text| serde_json::from_str(text).expect("JSON")).collect()
}

#[cfg(unix)]
#[test]
fn an_interrupt_ends_the_look_at_the_end_and_keeps_the_results() {
    // a plan, the look before the write, the look after it, the look for duplicates; then the environment
    let (server, workspace) = slow_depot(4);
    let run = RunningProgram::start(&mut workspace.command(&STAGING));
    let began = Instant::now();
    while server.lines().len() < 6 && began.elapsed() < Duration::from_secs(30) {
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(Duration::from_millis(300));
    run.signal("INT");
    let ran = run.finish();
    assert!(began.elapsed() < Duration::from_secs(40), "{}", ran.all());
    assert_eq!(ran.code, Some(130), "{}", ran.all());
    ran.says(&["1 done"]).complains(&["environment-not-verified", "interrupted", "receipt: .trueup"]);
    let receipts = receipts(&workspace);
    assert_eq!((receipts.len(), &receipts[0]["verified"]), (1, &json!(null)), "{receipts:#?}");
    assert_eq!(receipts[0]["results"]["summary"]["done"], 1);
}

#[cfg(unix)]
#[test]
fn the_look_at_the_end_is_within_the_time_of_the_run() {
    let (_server, workspace) = slow_depot(4);
    let began = Instant::now();
    let ran = workspace.expect(0, &[&STAGING[..], &["--timeout", "4"]].concat());
    assert!(began.elapsed() < Duration::from_secs(30), "{}", ran.all());
    ran.complains(&["environment-not-verified", "the time of the run was over"]);
    assert_eq!(receipts(&workspace).len(), 1);
}

#[test]
fn a_receipt_that_could_not_be_written_is_made_from_the_journal_by_the_next_apply() {
    let depot = committed();
    let own = &depot.workspace;
    own.write(".trueup/receipts", "in the way");
    let ran = own.expect(1, &STAGING);
    ran.says(&["2 done"]).complains(&["error[no-receipt]", "free disk space"]);
    assert!(ran.err.contains("verified: staging"), "{}", ran.all());
    own.expect(0, &["plan", "--env", "staging"]).complains(&["warning[no-receipt]", "came to its end"]);
    refused(&depot, &PRODUCTION, &["no receipt"]);
    own.remove(".trueup/receipts");
    // nothing is left to write, and the receipt says what the journal says
    let ran = own.expect(0, &[&STAGING[..], &["--name", "anvil"]].concat());
    ran.says(&["No changes"]);
    let receipts = receipts(own);
    let first = receipts.iter().find(|own| own["results"]["summary"]["done"] == 2).expect("a receipt");
    assert_eq!(first["verified"], json!(["staging"]), "{receipts:#?}");
    assert!(first["ended"].is_string(), "{first:#}");
    let ran = own.expect(0, &PRODUCTION);
    assert!(!ran.err.contains("no-receipt") && !ran.err.contains("interrupted-run"), "{}", ran.all());
}
