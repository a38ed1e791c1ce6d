//! `--since REF`: only objects whose documents changed are read and planned, whatever else differs.

use std::path::Path;

use serde_json::{Value, json};
use trueup::kind::WireFormat::Json;

use super::branches::{commit, git, has_git, say};
use crate::support::sandbox_fixture::SandboxFixture;

const PARTNER: &str = "carrierx/partner";

/// A branch that edits one document and the layout of another one; a third object was edited by hand, and a
/// document on the main branch.
fn branch(count: usize, edited: usize) -> SandboxFixture {
    let mut fixture = SandboxFixture::new(PARTNER, count, Json);
    git(fixture.workspace.root(), &["init", "-q", "-b", "main"]);
    fixture.workspace.write(".gitignore", ".trueup\n*.json\nout\n");
    commit(&fixture, "as it is");
    git(fixture.workspace.root(), &["checkout", "-qb", "work"]);
    say(&mut fixture, edited, "company_name", "Silver Bay");
    let text = fixture.workspace.read("config/000.yaml");
    fixture.workspace.write("config/000.yaml", &text.replacen("kind: ", "# as it was\nkind:   ", 1));
    commit(&fixture, "what this branch is about");
    git(fixture.workspace.root(), &["checkout", "-q", "main"]);
    let own = fixture.workspace.read("config/000.yaml");
    let name = fixture.documents[1].document["spec"]["company_name"].as_str().expect("a name").to_owned();
    fixture.workspace.write("config/000.yaml", &own.replace(&name, "Lutsen"));
    commit(&fixture, "on the main branch meanwhile");
    git(fixture.workspace.root(), &["checkout", "-q", "work"]);
    fixture.edit(0, json!({ "company_name": "Duluth" }));
    fixture
}

fn names(report: &Value, of: &str) -> Vec<String> {
    let objects = report[of].as_array().expect("objects").iter();
    objects.map(|own| own["name"].as_str().expect("a name").to_owned()).collect()
}

#[test]
fn only_what_changed_is_read_and_planned() {
    if !has_git() {
        return;
    }
    let fixture = branch(20, 3);
    let before = fixture.sandbox.read_log().len();
    let plan = ["plan", "--since", "main", "--format", "json", "--detailed-exitcode", "-o", "plan.json"];
    let ran = fixture.workspace.expect(2, &plan);
    let requested: Vec<String> =
        fixture.sandbox.read_log()[before..].iter().map(|entry| entry.path.clone()).collect();
    assert_eq!(requested, [format!("/carrierx/partners/{}", fixture.id(3))], "it is found by its id");
    let report = ran.json();
    assert_eq!(names(&report, "changes"), ["o-0003"]);
    assert_eq!((names(&report, "unchanged").len(), names(&report, "refused").len()), (0, 0));
    let since = &report["since"];
    assert_eq!((&since["name"], &since["skipped"]), (&json!("main"), &json!(19)), "{since}");
    assert_eq!(since["commit"].as_str().map(str::len), Some(40));
    assert_eq!(report["complete"], false, "other documents were not looked at");
    let codes: Vec<_> =
        report["diagnostics"].as_array().expect("some").iter().map(|own| &own["code"]).collect();
    assert_eq!(codes, ["not-selected"], "{report:#}");
    // what is applied of it is that one object
    fixture.workspace.expect(0, &["apply", "plan.json", "--auto-approve"]).says(&["1 done"]);
    assert_eq!(fixture.dump()[0]["object"]["company_name"], "Duluth");
    fixture
        .workspace
        .expect(0, &["plan", "--since", "main", "--detailed-exitcode"])
        .says(&["19 documents that do not"]);
}

#[test]
fn it_goes_with_the_other_choices() {
    if !has_git() {
        return;
    }
    let mut fixture = branch(4, 2);
    let planned = |fixture: &SandboxFixture, code: i32, more: &[&str]| {
        let plan = [&["plan", "--since", "main", "--format", "json"], more].concat();
        names(&fixture.workspace.expect(code, &plan).json(), "changes")
    };
    // what is not committed yet counts; what was moved and asks the same does not
    say(&mut fixture, 3, "city", "Two Harbors");
    assert_eq!(planned(&fixture, 0, &[]), ["o-0002", "o-0003"]);
    let text = fixture.workspace.read("config/000.yaml");
    fixture.workspace.remove("config/000.yaml");
    fixture.workspace.write("config/elsewhere/partners.yaml", &text);
    assert_eq!(planned(&fixture, 0, &[]), ["o-0002", "o-0003"]);
    assert_eq!(planned(&fixture, 0, &["--only", "this-branch"]), ["o-0002", "o-0003"]);
    assert_eq!(planned(&fixture, 0, &["config/elsewhere"]), ["o-0002", "o-0003"]);
    assert_eq!(planned(&fixture, 0, &["--base", "main"]), ["o-0002", "o-0003"]);
    // an edit by hand of what the branch edits is reported as what it is
    fixture.edit(2, json!({ "company_name": "Duluth" }));
    let drift = ["drift", "--since", "main", "--format", "json"];
    let report = fixture.workspace.expect(5, &drift).json();
    assert_eq!(names(&report, "objects"), ["o-0002", "o-0003"]);
    assert_eq!(report["since"]["skipped"], 2);
    // against a commit of the branch itself
    let report = fixture.workspace.expect(0, &["plan", "--since", "HEAD", "--format", "json"]).json();
    assert_eq!(names(&report, "changes"), ["o-0003"]);
}

#[test]
fn gates_count_all_objects() {
    if !has_git() {
        return;
    }
    let mut fixture = SandboxFixture::new(PARTNER, 40, Json);
    git(fixture.workspace.root(), &["init", "-q", "-b", "main"]);
    fixture.workspace.write(".gitignore", ".trueup\n*.json\n");
    commit(&fixture, "as it is");
    git(fixture.workspace.root(), &["checkout", "-qb", "work"]);
    (0..12).for_each(|number| fixture.documents[number].document["spec"]["city"] = json!("Two Harbors"));
    fixture.write();
    fixture.workspace.unset("TRUEUP_MAX_UPDATES");
    // twelve of twelve would be too many, twelve of forty are thirty percent
    let plan = ["plan", "--since", "main", "-o", "plan.json"];
    fixture.workspace.expect(0, &plan).says(&["12 to update"]);
    fixture.workspace.expect(0, &["apply", "plan.json", "--auto-approve"]).says(&["12 done"]);
    fixture.documents[12].document["spec"]["city"] = json!("Two Harbors");
    (0..12).for_each(|number| fixture.documents[number].document["spec"]["city"] = json!("Knife River"));
    fixture.write();
    fixture.workspace.expect(3, &plan).says(&["13 of 40 objects"]);
}

#[test]
fn what_refers_and_what_is_referred_to() {
    if !has_git() {
        return;
    }
    // a partner, its parent, and one that stands alone
    let mut fixture = SandboxFixture::new(PARTNER, 4, Json);
    let parent = fixture.id(0);
    (1..3).for_each(|number| fixture.edit(number, json!({ "parent_sid": parent })));
    fixture.documents[1].document["spec"]["parent_sid"] = json!({ "ref": "o-0000" });
    fixture.documents[2].document["spec"]["parent_sid"] = json!({ "ref": "o-0000" });
    fixture.write();
    git(fixture.workspace.root(), &["init", "-q", "-b", "main"]);
    fixture.workspace.write(".gitignore", ".trueup\n*.json\n");
    commit(&fixture, "as it is");
    git(fixture.workspace.root(), &["checkout", "-qb", "work"]);
    let plan = ["plan", "--since", "main", "--format", "json"];
    // one that refers to another one that did not change, which no one has a record of
    say(&mut fixture, 1, "city", "Two Harbors");
    let report = fixture.workspace.run(&plan).json();
    let said = [names(&report, "changes"), names(&report, "refused"), names(&report, "unchanged")].concat();
    assert_eq!(said, ["o-0001"], "{report:#}");
    assert_eq!(names(&report, "changes"), ["o-0001"], "{report:#}");
    assert_eq!(report["since"]["skipped"], 3);
    // the saved plan is applied where no one has a record of it either
    fixture.workspace.expect(0, &["plan", "--since", "main", "-o", "plan.json"]);
    fixture.workspace.expect(0, &["apply", "plan.json", "--auto-approve"]).says(&["1 done"]);
    assert_eq!(fixture.dump()[1]["object"]["city"], "Two Harbors");
    assert_eq!(fixture.writes().len(), 1);
    // the one to which they refer
    commit(&fixture, "a child");
    say(&mut fixture, 0, "city", "Two Harbors");
    let report = fixture.workspace.run(&["plan", "--since", "HEAD", "--format", "json"]).json();
    let mut said =
        [names(&report, "changes"), names(&report, "refused"), names(&report, "unchanged")].concat();
    said.sort();
    assert_eq!(said, ["o-0000", "o-0001", "o-0002"], "{report:#}");
}

#[test]
fn a_document_that_went_away_is_deleted_or_reported() {
    if !has_git() {
        return;
    }
    let mut fixture = SandboxFixture::new("keypro/customer", 4, Json);
    git(fixture.workspace.root(), &["init", "-q", "-b", "main"]);
    fixture.workspace.write(".gitignore", ".trueup\n");
    commit(&fixture, "as it is");
    fixture.workspace.expect(0, &["apply", "--auto-approve"]);
    // one went away before, one on this branch
    fixture.documents.remove(3);
    fixture.write();
    commit(&fixture, "one less");
    git(fixture.workspace.root(), &["checkout", "-qb", "work"]);
    fixture.documents.remove(2);
    fixture.write();
    commit(&fixture, "another one less");
    let since = ["plan", "--since", "main", "--format", "json"];
    let ran = fixture.workspace.expect(0, &since);
    assert_eq!(names(&ran.json(), "changes"), Vec::<String>::new());
    ran.complains(&["orphan", "o-0002"]);
    assert!(!ran.err.contains("o-0003"), "{}", ran.all());
    let report = fixture.workspace.expect(0, &[&since[..], &["--allow-delete"]].concat()).json();
    assert_eq!(names(&report, "changes"), ["o-0002"]);
    assert_eq!(report["changes"][0]["action"], "delete");
    // paths know nothing of what is gone
    let report = fixture.workspace.expect(0, &[&since[..], &["--allow-delete", "config"]].concat()).json();
    assert_eq!(names(&report, "changes"), Vec::<String>::new());
}

#[test]
fn settings_that_changed_are_reported() {
    if !has_git() {
        return;
    }
    let fixture = branch(3, 2);
    let settings = fixture.workspace.read("trueup.yaml");
    fixture.workspace.write("trueup.yaml", &format!("# of this branch\n{settings}"));
    let report = fixture.workspace.expect(0, &["plan", "--since", "main", "--format", "json"]).json();
    let codes: Vec<_> =
        report["diagnostics"].as_array().expect("some").iter().map(|own| &own["code"]).collect();
    assert_eq!(codes, ["not-selected", "settings-changed"], "{report:#}");
}

#[test]
fn without_history_it_is_an_error_that_says_what_to_fetch() {
    if !has_git() {
        return;
    }
    let mut fixture = branch(3, 2);
    let copies = tempfile::tempdir().expect("a folder");
    let source = format!("file://{}", fixture.workspace.root().display());
    let clone = |more: &[&str], name: &str| {
        git(copies.path(), &[&["clone", "-q", "-b", "work"], more, &[&source, name]].concat());
        copies.path().join(name).display().to_string()
    };
    let plan = |fixture: &SandboxFixture, folder: &str, code: i32| {
        fixture.workspace.expect(code, &["plan", "-C", folder, "--since", "origin/main", "--format", "json"])
    };
    let whole = clone(&[], "whole");
    assert_eq!(names(&plan(&fixture, &whole, 0).json(), "changes"), ["o-0002"]);
    let shallow = clone(&["--depth", "1", "--no-single-branch"], "shallow");
    let ran = plan(&fixture, &shallow, 1);
    ran.complains(&["history-missing", "shallow clone", "fetch-depth: 0"]);
    assert_eq!(ran.json()["diagnostics"][0]["code"], "history-missing");
    let single = clone(&["--depth", "1", "--single-branch"], "single");
    plan(&fixture, &single, 1).complains(&["unknown-commit", "shallow clone"]);
    assert!(Path::new(&single).exists());
    fixture.workspace.expect(1, &["plan", "--since", "nobody"]).complains(&["unknown-commit", "nobody"]);
    fixture.workspace.expect(1, &["drift", "--since", "nobody"]).complains(&["unknown-commit"]);
    fixture.workspace.expect(64, &["plan", "--since", "main", "--unmanaged"]);
    fixture.workspace.set("TRUEUP_SINCE", "main");
    let report = fixture.workspace.expect(0, &["plan", "--format", "json"]).json();
    assert_eq!(names(&report, "changes"), ["o-0002"]);
    let none = SandboxFixture::new(PARTNER, 1, Json);
    none.workspace.expect(1, &["plan", "--since", "main"]).complains(&["no-repository", "--since"]);
}
