//! A second import takes what moved in the service, and leaves what people wrote and did not apply yet.

use serde_json::{Value as Json, json};
use trueup::diagnostic::{Diagnostic, NamedSource, SourceLocation, SourceSpan};
use trueup::kind::ScalarType;
use trueup::plan::{Change, ChangeValueType};
use trueup::run::import::pending::is_answered;
use trueup::value::{Sensitivity, ValuePath};

use crate::identity::{DELETE, Depot, boat, describe_boat};

const IMPORT: [&str; 4] = ["import", "depot/boat", "-o", "config"];

/// Three boats, imported; each has a crew and a note.
fn imported() -> Depot {
    let kind = describe_boat(DELETE, "") + "  note: { type: string, description: A note. }\n";
    let mut boats = vec![boat("b1", "one"), boat("b2", "two"), boat("b3", "three")];
    boats.iter_mut().for_each(|boat| boat["note"] = json!("old"));
    let depot = Depot::new(&kind, boats);
    depot
        .workspace
        .expect(0, &IMPORT)
        .says(&["3 new", "verified: planning these documents shows no changes\n"]);
    depot
}

fn edit(depot: &Depot, name: &str, before: &str, after: &str) {
    let path = format!("config/{name}.yaml");
    let text = depot.workspace.read(&path);
    assert!(text.contains(before), "{text}");
    depot.workspace.write(&path, &text.replace(before, after));
}

fn edit_live(depot: &Depot, number: usize, field: &str, value: Json) {
    depot.boats.lock().expect("no panic")[number][field] = value;
}

fn result<'r>(report: &'r Json, name: &str) -> &'r Json {
    let results = report["results"].as_array().expect("results").iter();
    results.into_iter().find(|own| own["name"] == name).expect("a result")
}

#[test]
fn an_edit_that_was_not_applied_stays() {
    let depot = imported();
    edit(&depot, "one", "crew: 1", "crew: 5");
    edit_live(&depot, 1, "crew", json!(9));
    let ran = depot.workspace.expect(0, &IMPORT);
    ran.says(&[
        "pending",
        "two changes:",
        "1 -> 9",
        "one keeps:",
        "verified: planning 2 of 3 documents shows",
    ]);
    assert!(depot.workspace.read("config/one.yaml").contains("crew: 5"));
    assert!(depot.workspace.read("config/two.yaml").contains("crew: 9"));
    let report = depot.workspace.expect(0, &[&IMPORT[..], &["--format", "json"]].concat()).json();
    let own = result(&report, "one");
    assert_eq!((&own["result"], &own["pending"][0]["path"]), (&json!("pending"), &json!("/crew")));
    assert_eq!(result(&report, "two")["result"], "unchanged");
    // what was kept is what an apply writes
    depot.workspace.expect(0, &["apply", "--auto-approve"]).says(&["1 done"]);
    assert_eq!(depot.boats()[0]["crew"], 5);
    let report = depot.workspace.expect(0, &[&IMPORT[..], &["--format", "json"]].concat()).json();
    assert_eq!(result(&report, "one")["result"], "unchanged");
}

#[test]
fn one_document_may_have_both() {
    let depot = imported();
    edit(&depot, "one", "crew: 1", "crew: 5");
    edit_live(&depot, 0, "note", json!("by hand"));
    depot.workspace.expect(0, &IMPORT).says(&["by hand"]);
    let text = depot.workspace.read("config/one.yaml");
    assert!(text.contains("crew: 5") && text.contains("note: by hand"), "{text}");
    // the same field on both sides is for a person to decide
    edit_live(&depot, 0, "crew", json!(7));
    depot.workspace.expect(0, &IMPORT).complains(&["edited-on-both-sides", "config/one.yaml"]);
    assert!(depot.workspace.read("config/one.yaml").contains("crew: 5"));
    depot.workspace.expect(0, &[&IMPORT[..], &["--discard-pending"]].concat());
    assert!(depot.workspace.read("config/one.yaml").contains("crew: 7"));
}

#[test]
fn a_dry_run_shows_and_writes_nothing() {
    let depot = imported();
    edit_live(&depot, 1, "crew", json!(9));
    depot.boats.lock().expect("no panic").push(boat("b4", "four"));
    let files = |depot: &Depot| depot.workspace.files();
    let before = files(&depot);
    let ran = depot.workspace.expect(0, &[&IMPORT[..], &["--dry-run"]].concat());
    ran.says(&["1 new, 1 updated", "two changes:", "dry run: nothing was written"]);
    assert!(files(&depot) == before, "{}", ran.all());
    let report =
        depot.workspace.expect(0, &[&IMPORT[..], &["--dry-run", "--format", "json"]].concat()).json();
    assert_eq!((&report["dry_run"], &result(&report, "two")["result"]), (&json!(true), &json!("updated")));
    depot.workspace.expect(0, &IMPORT);
    assert!(depot.workspace.read("config/two.yaml").contains("crew: 9"));
}

#[test]
fn commits_tell_where_there_are_no_records() {
    let depot = imported();
    let git = |arguments: &[&str]| {
        let mut command = std::process::Command::new("git");
        command.current_dir(depot.workspace.root());
        command.args(["-c", "user.name=a", "-c", "user.email=a@b.example"]).args(arguments);
        command.output().is_ok_and(|ran| ran.status.success())
    };
    if !git(&["init", "-q", "-b", "main"]) {
        return;
    }
    depot.workspace.write(".gitignore", ".trueup\n");
    assert!(git(&["add", "."]) && git(&["commit", "-q", "-m", "as it is live"]));
    std::fs::remove_dir_all(depot.workspace.path(".trueup")).expect("a folder");
    edit(&depot, "one", "crew: 1", "crew: 5");
    edit_live(&depot, 1, "crew", json!(9));
    depot.workspace.expect(0, &IMPORT).says(&["pending"]);
    assert!(depot.workspace.read("config/one.yaml").contains("crew: 5"));
    assert!(depot.workspace.read("config/two.yaml").contains("crew: 9"));
}

#[test]
fn the_closing_line_says_what_was_proven() {
    let mut depot = imported();
    edit(&depot, "one", "note: old", "note: { from_env: NOTE }");
    let ran = depot.workspace.expect(0, &IMPORT);
    ran.says(&["verified: planning these documents shows no changes; 1 value from variables"]);
    let report = depot.workspace.expect(0, &[&IMPORT[..], &["--format", "json"]].concat()).json();
    assert_eq!(report["uncompared_sources"], 1);
    depot.workspace.set("NOTE", "another");
    depot.workspace.expect(2, &["plan", "--detailed-exitcode"]);
    // an object that cannot be written is not among those that were verified
    std::fs::create_dir(depot.workspace.path("config/four.yaml")).expect("a folder");
    std::fs::create_dir(depot.workspace.path("config/four-depot-boat.yaml")).expect("a folder");
    depot.boats.lock().expect("no panic").push(boat("b4", "four"));
    let ran = depot.workspace.expect(4, &IMPORT);
    ran.says(&["1 not written", "verified: planning 3 of 4 documents shows no changes"]);
}

#[test]
fn a_fault_of_another_file_is_not_answered() {
    let source = |path: &str| NamedSource::new(path, "spec: { code: T1 }\n");
    let place = |path: &str, at: u32| SourceLocation {
        source: source(path),
        span: SourceSpan { start: at, end: at + 2 },
    };
    let change = Change {
        path: ValuePath::default(),
        before: None,
        after: None,
        value_type: ChangeValueType::Scalar(ScalarType::Boolean),
        sensitivity: Sensitivity::Public,
        place: Some(place("config/a.yaml", 14)),
        unreadable: false,
        causes: Vec::new(),
    };
    let fault = |path, at| Diagnostic::error("not-comparable", "text").with_location(place(path, at));
    let is_answered = |fault: Diagnostic| is_answered(&fault, std::slice::from_ref(&change));
    assert!(is_answered(fault("config/a.yaml", 14)));
    assert!(!is_answered(fault("config/a.yaml", 13)), "another value");
    assert!(!is_answered(fault("values/production.yaml", 14)), "another file");
}

#[test]
fn names_that_windows_reserves_are_no_files() {
    let boats = ["con", "NUL", "lpt1", "console"].map(|code| boat(code, code));
    let depot = Depot::new(&describe_boat(DELETE, ""), boats.to_vec());
    depot.workspace.expect(0, &IMPORT);
    let names = std::fs::read_dir(depot.workspace.path("config")).expect("a folder").flatten();
    let mut names: Vec<String> = names.map(|own| own.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    let own = ["con-depot-boat.yaml", "console.yaml", "lpt1-depot-boat.yaml", "nul-depot-boat.yaml"];
    assert_eq!(names, own);
}
