//! In a Git repository: what a branch edits is distinguished from what was edited by hand and from what was merged and
//! never applied, with records of what was applied and without.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use trueup::kind::WireFormat::Json;

use super::records::FORMATS;
use crate::support::sandbox_fixture::SandboxFixture;

const PARTNER: &str = "carrierx/partner";

/// Runs git in a folder, with an identity of its own and no settings of the machine.
pub fn git(folder: &Path, arguments: &[&str]) -> bool {
    let mut command = Command::new("git");
    command.current_dir(folder).env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    for (name, value) in [("NAME", "A"), ("EMAIL", "a@example.com")] {
        command.env(format!("GIT_AUTHOR_{name}"), value).env(format!("GIT_COMMITTER_{name}"), value);
    }
    let ran = command.args(["-c", "protocol.file.allow=always"]).args(arguments).output();
    match ran {
        Ok(ran) if ran.status.success() => true,
        Ok(ran) => panic!("git {arguments:?}: {}", String::from_utf8_lossy(&ran.stderr)),
        Err(_) => false,
    }
}

pub fn has_git() -> bool {
    let has = Command::new("git").arg("--version").output().is_ok();
    if !has {
        eprintln!("skipped: there is no git on this machine");
    }
    has
}

pub fn commit(fixture: &SandboxFixture, message: &str) {
    git(fixture.workspace.root(), &["add", "-A"]);
    git(fixture.workspace.root(), &["commit", "-qm", message]);
}

pub fn say(fixture: &mut SandboxFixture, number: usize, member: &str, value: &str) {
    fixture.documents[number].document["spec"][member] = json!(value);
    fixture.write();
}

/// The main branch as it was applied, and with a commit that was not; a branch from there that edits another
/// object; and a third object that was edited by hand.
fn three_causes(records: bool) -> SandboxFixture {
    let mut fixture = SandboxFixture::new(PARTNER, 5, Json);
    git(fixture.workspace.root(), &["init", "-q", "-b", "main"]);
    fixture.workspace.write(".gitignore", ".trueup\n*.json\nout\n");
    commit(&fixture, "as it is");
    if records {
        fixture.workspace.expect(0, &["apply", "--auto-approve"]);
    }
    say(&mut fixture, 1, "company_name", "Lutsen");
    commit(&fixture, "merged and not applied");
    git(fixture.workspace.root(), &["checkout", "-qb", "work"]);
    say(&mut fixture, 2, "company_name", "Silver Bay");
    commit(&fixture, "what this branch is about");
    fixture.edit(0, json!({ "company_name": "Duluth" }));
    fixture
}

/// The causes of each object of a plan or of drift, by its name.
fn causes(report: &Value, of: &str) -> Vec<(String, Vec<Value>)> {
    let objects = report[of].as_array().expect("objects").iter().map(|own| {
        let fields = own["fields"].as_array().expect("fields");
        let causes = fields.iter().map(|field| field["causes"].clone()).collect();
        (own["name"].as_str().expect("a name").to_owned(), causes)
    });
    objects.collect()
}

/// Without a record no one knows that what was edited by hand was ever applied.
fn expected(records: bool) -> Vec<(String, Vec<Value>)> {
    let by_hand = if records { "drift" } else { "never_applied" };
    [("o-0000", by_hand), ("o-0001", "pending"), ("o-0002", "this_branch")]
        .map(|(name, cause)| (name.to_owned(), vec![json!([cause])]))
        .to_vec()
}

#[test]
fn each_cause_is_labelled_right_with_records_and_without() {
    if !has_git() {
        return;
    }
    for records in [true, false] {
        let fixture = three_causes(records);
        let plan = fixture.workspace.expect(2, &["plan", "--detailed-exitcode", "--format", "json"]).json();
        assert_eq!(causes(&plan, "changes"), expected(records), "records {records}: {plan:#}");
        let code = if records { 2 } else { 5 };
        let drift = fixture.workspace.expect(code, &["drift", "--format", "json"]).json();
        assert_eq!(causes(&drift, "objects"), expected(records), "records {records}: {drift:#}");
        assert_eq!((&drift["has_drift"], &drift["has_pending"]), (&json!(records), &json!(true)));
        for format in ["text", "markdown", "html"] {
            fixture.workspace.expect(0, &["plan", "--report", &format!("{format}=out")]);
            let text = fixture.workspace.read("out");
            let by_hand = if records { "drift" } else { "never applied" };
            assert!(["this branch", by_hand, "pending"].iter().all(|own| text.contains(own)), "{text}");
        }
    }
}

#[test]
fn whoever_applies_sees_the_causes_too() {
    if !has_git() {
        return;
    }
    let labels = ["  drift:", "  pending:", "  this branch:"];
    let fixture = three_causes(true);
    // the plan is shown before anybody is asked
    fixture.workspace.expect(3, &["apply"]).says(&labels);
    fixture.workspace.expect(3, &["apply", "--format", "json"]).complains(&labels);
    fixture.workspace.expect(0, &["apply", "--auto-approve"]).says(&labels).says(&["3 done"]);
}

#[test]
fn the_codes_are_those_of_the_causes_in_every_format() {
    if !has_git() {
        return;
    }
    for (hand, merged, own) in (0..8).map(|bits| (bits & 1 > 0, bits & 2 > 0, bits & 4 > 0)) {
        let mut fixture = SandboxFixture::new(PARTNER, 3, Json);
        git(fixture.workspace.root(), &["init", "-q", "-b", "main"]);
        fixture.workspace.write(".gitignore", "out\n");
        commit(&fixture, "as it is");
        if merged {
            say(&mut fixture, 1, "company_name", "Lutsen");
            commit(&fixture, "merged and not applied");
        }
        git(fixture.workspace.root(), &["checkout", "-qb", "work"]);
        if own {
            say(&mut fixture, 2, "company_name", "Silver Bay");
            commit(&fixture, "what this branch is about");
        }
        if hand {
            fixture.edit(0, json!({ "company_name": "Duluth" }));
        }
        let two = |differs: bool| if differs { 2 } else { 0 };
        for format in [&FORMATS[..], &["gitlab-changes"]].concat() {
            let report = format!("{format}=out");
            let any = two(hand || merged || own);
            // numbers of changes are nothing that drift has
            if format != "gitlab-changes" {
                // nothing was applied, so nothing is called drift
                let drift = if any > 0 { 5 } else { 0 };
                fixture.workspace.expect(drift, &["drift", "--report", &report]);
            }
            fixture.workspace.expect(any, &["plan", "--detailed-exitcode", "--report", &report]);
            let only = ["plan", "--detailed-exitcode", "--only", "this-branch", "--report", &report];
            fixture.workspace.expect(two(own), &only);
        }
    }
}

#[test]
fn only_what_the_branch_edits_is_planned_and_applied() {
    if !has_git() {
        return;
    }
    let mut fixture = three_causes(true);
    let plan = ["plan", "--only", "this-branch", "-o", "plan.json", "--format", "json"];
    let report = fixture.workspace.expect(0, &plan).json();
    assert_eq!(causes(&report, "changes"), expected(false)[2..]);
    assert_eq!(report["diagnostics"][0]["code"], "not-selected");
    let saved: Value = serde_json::from_str(&fixture.workspace.read("plan.json")).expect("JSON");
    assert_eq!(saved["commit"].as_str().map(str::len), Some(40));
    fixture.workspace.expect(0, &["show", "plan.json"]).complains(&["at commit "]);
    // merged by a commit of its own that changes no document, it is still what was reviewed
    git(fixture.workspace.root(), &["checkout", "-q", "main"]);
    git(fixture.workspace.root(), &["merge", "-q", "--no-ff", "--no-edit", "work"]);
    fixture.workspace.expect(0, &["apply", "plan.json", "--auto-approve"]).says(&["1 done"]);
    assert_eq!(
        fixture.dump()[0]["object"]["company_name"],
        "Duluth",
        "what was edited by hand is left alone"
    );
    // an object with several causes is refused
    git(fixture.workspace.root(), &["checkout", "-q", "work"]);
    say(&mut fixture, 0, "city", "Grand Marais");
    let report = fixture.workspace.expect(3, &plan).json();
    assert_eq!(report["refused"][0]["name"], "o-0000");
    assert_eq!(report["refused"][0]["reasons"][0]["code"], "mixed-causes");
}

#[test]
fn a_branch_that_is_behind_is_refused_when_asked() {
    if !has_git() {
        return;
    }
    let fixture = three_causes(true);
    let plan = ["plan", "--require-up-to-date"];
    fixture.workspace.expect(0, &plan);
    git(fixture.workspace.root(), &["checkout", "-q", "main"]);
    fixture.workspace.write("README.md", "more\n");
    commit(&fixture, "meanwhile");
    git(fixture.workspace.root(), &["checkout", "-q", "work"]);
    fixture.workspace.expect(3, &plan).complains(&["not-up-to-date", "main"]);
    fixture.workspace.expect(0, &["plan"]);
    fixture.workspace.expect(1, &["plan", "--base", "nobody"]).complains(&["unknown-commit", "nobody"]);
    fixture.workspace.expect(0, &["plan", "--base", "work~1"]);
}

#[test]
fn the_target_of_a_merge_is_taken_from_ci() {
    if !has_git() {
        return;
    }
    for name in ["GITHUB_BASE_REF", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME"] {
        let mut fixture = three_causes(true);
        git(fixture.workspace.root(), &["branch", "release", "work"]);
        fixture.workspace.set(name, "release");
        let plan = fixture.workspace.expect(0, &["plan", "--format", "json"]).json();
        assert_eq!(causes(&plan, "changes")[2].1, [json!(["pending"])], "{name}: {plan:#}");
    }
}

#[test]
fn clones_of_every_sort() {
    if !has_git() {
        return;
    }
    let mut fixture = three_causes(false);
    let copies = tempfile::tempdir().expect("a folder");
    let at = |name: &str| copies.path().join(name);
    let source = format!("file://{}", fixture.workspace.root().display());
    // what a clone calls the main branch is what was checked out where it was cloned from
    let plan = |folder: &str, base: &str| {
        let folder = at(folder).display().to_string();
        fixture.workspace.expect(0, &["plan", "-C", &folder, "--format", "json", "--base", base])
    };
    // a work tree of its own
    let tree = at("tree").display().to_string();
    git(fixture.workspace.root(), &["worktree", "add", "-q", "--detach", &tree]);
    assert_eq!(causes(&plan("tree", "main").json(), "changes"), expected(false));
    // of a bare clone
    git(copies.path(), &["clone", "-q", "--bare", &source, "bare.git"]);
    git(&at("bare.git"), &["worktree", "add", "-q", &at("of-bare").display().to_string(), "work"]);
    assert_eq!(causes(&plan("of-bare", "main").json(), "changes"), expected(false));
    // a submodule
    git(copies.path(), &["init", "-q", "outer"]);
    git(&at("outer"), &["submodule", "-q", "add", "-b", "work", &source, "inner"]);
    assert_eq!(causes(&plan("outer/inner", "origin/main").json(), "changes"), expected(false));
    // without the history that tells when the branches parted
    let shallow = ["clone", "-q", "--depth", "1", "--no-single-branch", "-b", "work", &source, "shallow"];
    git(copies.path(), &shallow);
    let shallow = at("shallow").display().to_string();
    let missing = ["history-missing", "shallow clone", "fetch-depth: 0"];
    let plan = ["plan", "-C", &shallow, "--format", "json"];
    fixture.workspace.set("GITHUB_BASE_REF", "main");
    let ran = fixture.workspace.expect(0, &plan);
    ran.complains(&missing);
    assert!(causes(&ran.json(), "changes").iter().all(|(_, own)| own == &[Value::Null]), "{}", ran.all());
    fixture.workspace.unset("GITHUB_BASE_REF");
    // a folder in no repository
    let mut none = SandboxFixture::new(PARTNER, 1, Json);
    say(&mut none, 0, "city", "Two Harbors");
    let ran = none.workspace.expect(0, &["plan", "--format", "json"]);
    assert_eq!(causes(&ran.json(), "changes")[0].1, [Value::Null]);
    none.workspace.expect(1, &["plan", "--base", "main"]).complains(&["no-repository"]);
    // and a damaged one is none
    none.workspace.write(".git/HEAD", "nothing\n");
    none.workspace.expect(0, &["plan"]);
}

#[test]
fn documents_that_come_and_go_on_a_branch() {
    if !has_git() {
        return;
    }
    let mut fixture = SandboxFixture::new("keypro/customer", 3, Json);
    git(fixture.workspace.root(), &["init", "-q", "-b", "main"]);
    fixture.workspace.write(".gitignore", ".trueup\n");
    commit(&fixture, "as it is");
    fixture.workspace.expect(0, &["apply", "--auto-approve"]);
    git(fixture.workspace.root(), &["checkout", "-qb", "work"]);
    fixture.documents.pop();
    fixture.write();
    commit(&fixture, "one less");
    let report = fixture.workspace.expect(0, &["plan", "--allow-delete", "--format", "json"]).json();
    assert_eq!(report["changes"][0]["action"], "delete");
    let own = &causes(&report, "changes")[0].1;
    assert!(!own.is_empty() && own.iter().all(|own| *own == json!(["this_branch"])), "{report:#}");
}

/// Two branches that merged each other have two best common ancestors, none of which has all that both had.
#[test]
fn what_both_sides_merged_is_not_this_branch() {
    if !has_git() {
        return;
    }
    let mut fixture = SandboxFixture::new(PARTNER, 5, Json);
    let root = fixture.workspace.root().to_owned();
    let run = |arguments: &[&str]| assert!(git(&root, arguments));
    run(&["init", "-q", "-b", "main"]);
    fixture.workspace.write(".gitignore", ".trueup\n");
    commit(&fixture, "as it is");
    let original = fixture.documents[1].document["spec"]["company_name"].as_str().expect("a name").to_owned();
    say(&mut fixture, 1, "company_name", "Lutsen");
    commit(&fixture, "of the main branch");
    run(&["checkout", "-qb", "work", "HEAD~1"]);
    say(&mut fixture, 1, "company_name", &original);
    say(&mut fixture, 3, "company_name", "Silver Bay");
    commit(&fixture, "of the branch");
    run(&["tag", "first"]);
    run(&["merge", "-q", "--no-edit", "main"]);
    run(&["checkout", "-q", "main"]);
    run(&["merge", "-q", "--no-edit", "first"]);
    run(&["checkout", "-q", "work"]);
    say(&mut fixture, 1, "company_name", "Lutsen");
    say(&mut fixture, 2, "company_name", "Two Harbors");
    commit(&fixture, "new on the branch");
    let report = fixture.workspace.expect(0, &["plan", "--format", "json"]).json();
    let own: Vec<(String, bool)> = causes(&report, "changes")
        .into_iter()
        .map(|(name, causes)| (name, causes.iter().all(|own| *own == json!(["this_branch"]))))
        .collect();
    let expected = [("o-0001", false), ("o-0002", true), ("o-0003", false)];
    assert_eq!(own, expected.map(|(name, is)| (name.to_owned(), is)).to_vec(), "{report:#}");
}
