//! The flags that select objects, in every command that takes them: which are read, planned, written and undone.

use serde_json::{Value as Json, json};
use trueup::kind::WireFormat;

use crate::support::sandbox_fixture::SandboxFixture;
use crate::support::workspace::ProgramOutput;

const PARTNER: &str = "carrierx/partner";

/// So many partners, each with another name of the company than live.
fn cities(count: usize) -> SandboxFixture {
    let mut fixture = SandboxFixture::new(PARTNER, count, WireFormat::Json);
    fixture.documents.iter_mut().for_each(|one| one.document["spec"]["company_name"] = json!("Two Harbors"));
    fixture.write();
    fixture
}

fn names(ran: &ProgramOutput, member: &str) -> Vec<String> {
    let report = ran.json();
    let objects = report[member].as_array().expect("objects").iter();
    objects.map(|own| own["name"].as_str().expect("a name").to_owned()).collect()
}

fn with<'a>(command: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    [command, more].concat()
}

/// The objects whose company name is the one of the documents.
fn written(fixture: &SandboxFixture) -> Vec<usize> {
    let dump = fixture.dump();
    (0..dump.len()).filter(|at| dump[*at]["object"]["company_name"] == "Two Harbors").collect()
}

#[test]
fn a_narrowed_plan_has_the_selected_objects_alone_and_says_so() {
    let fixture = cities(4);
    let plan = |more: &[&str]| fixture.workspace.expect(0, &with(&["plan", "--format", "json"], more));
    assert_eq!(plan(&[]).json()["complete"], true);
    for (more, expected) in [
        (&["--name", "o-0001"][..], &["o-0001"][..]),
        (&["--name", "o-0001,o-0003"], &["o-0001", "o-0003"]),
        (&["--name", "*3", "--name", "*1"], &["o-0001", "o-0003"]),
        (&["--exclude", "o-0001", "--exclude", "carrierx/partner/o-0002"], &["o-0000", "o-0003"]),
        (&["--kind", "carrierx/*", "--name", "*0"], &["o-0000"]),
        (&["--target", "*", "--exclude", "*3"], &["o-0000", "o-0001", "o-0002"]),
        (&["config", "--name", "o-0002"], &["o-0002"]),
    ] {
        let ran = plan(more);
        assert_eq!(names(&ran, "changes"), expected, "{more:?}");
        let report = ran.json();
        assert_eq!(report["complete"], false, "{more:?}");
        assert_eq!(report["selection"]["skipped"], 4 - expected.len(), "{more:?}");
    }
    let selection = plan(&["--kind", PARTNER, "--exclude", "*3"]).json()["selection"].clone();
    assert_eq!(selection, json!({ "kinds": [PARTNER], "exclude": ["*3"], "skipped": 1 }));
    let text = fixture.workspace.expect(0, &["plan", "--name", "o-0001"]);
    text.says(&["Selection: --name o-0001 (3 documents skipped)", "1 to update"]);
    assert!(!text.out.contains("incomplete"), "{}", text.all());
    let files = ["plan", "--name", "o-0001", "--report", "markdown=plan.md,html=plan.html"];
    fixture.workspace.expect(0, &files);
    for file in ["plan.md", "plan.html"] {
        let text = fixture.workspace.read(file).replace('`', "");
        assert!(text.contains("Selection: --name o-0001"), "{file}: {text}");
    }
}

#[test]
fn a_pattern_without_object_is_an_error() {
    let fixture = cities(2);
    for command in ["plan", "drift", "apply"] {
        let ran = fixture.workspace.expect(1, &[command, "--name", "o-00001"]);
        ran.complains(&["nothing-selected", "`--name o-00001`", "did you mean `o-000"]);
    }
    fixture.workspace.expect(1, &["plan", "--kind", "carrierx/partners"]).complains(&["did you mean"]);
    for flag in ["--target", "--kind", "--name", "--exclude", "--since"] {
        fixture.workspace.expect(64, &["plan", "--unmanaged", flag, "x"]);
    }
    assert!(fixture.writes().is_empty());
}

#[test]
fn an_apply_writes_the_selected_objects_alone() {
    let fixture = cities(3);
    let apply = ["apply", "--auto-approve", "--exclude", "o-0001"];
    fixture.workspace.expect(0, &apply).says(&["2 done"]);
    assert_eq!(written(&fixture), [0, 2]);
}

#[test]
fn a_saved_plan_is_applied_in_parts() {
    let fixture = cities(3);
    fixture.workspace.expect(0, &["plan", "-o", "plan.json"]);
    let apply = ["apply", "plan.json", "--auto-approve"];
    fixture.workspace.expect(0, &with(&apply, &["--name", "o-0001"])).says(&["1 done"]);
    assert_eq!(written(&fixture), [1]);
    fixture.workspace.expect(1, &with(&apply, &["--name", "other"])).complains(&["nothing-selected"]);
    fixture.workspace.expect(1, &with(&apply, &["elsewhere"])).complains(&["nothing-selected"]);
    fixture.workspace.expect(0, &with(&apply, &["config/000.yaml", "--exclude", "o-0001"]));
    assert_eq!(written(&fixture), [0, 1, 2]);
}

#[test]
fn drift_looks_at_the_selected_objects_alone() {
    let fixture = SandboxFixture::new(PARTNER, 3, WireFormat::Json);
    fixture.workspace.expect(0, &["apply", "--auto-approve"]);
    fixture.edit(0, json!({ "company_name": "Duluth" }));
    fixture.edit(1, json!({ "company_name": "Duluth" }));
    let drift = ["drift", "--format", "json", "--name", "o-0001"];
    let ran = fixture.workspace.expect(2, &drift);
    assert_eq!(names(&ran, "objects"), ["o-0001"]);
    assert_eq!((&ran.json()["complete"], &ran.json()["selection"]["skipped"]), (&json!(false), &json!(2)));
    fixture.workspace.expect(0, &["drift", "--name", "o-0002"]).says(&["Selection: --name o-0002"]);
}

#[test]
fn an_undo_reverts_the_selected_objects_alone() {
    let fixture = cities(3);
    let before: Vec<Json> = fixture.dump().iter().map(|own| own["object"]["company_name"].clone()).collect();
    fixture.workspace.expect(0, &["apply", "--auto-approve"]);
    let receipts = std::fs::read_dir(fixture.workspace.path(".trueup/receipts")).expect("receipts");
    let receipt = receipts.flatten().next().expect("one").path();
    let receipt = receipt.to_str().expect("a path");
    let undo = ["undo", receipt, "--auto-approve"];
    fixture.workspace.expect(1, &with(&undo, &["--name", "nobody"])).complains(&["nothing-selected"]);
    fixture.workspace.expect(0, &with(&undo, &["--name", "o-0001"])).says(&["1 done"]);
    assert_eq!(written(&fixture), [0, 2]);
    assert_eq!(fixture.dump()[1]["object"]["company_name"], before[1]);
    fixture.workspace.expect(1, &with(&undo, &["elsewhere"])).complains(&["nothing-selected"]);
    fixture.workspace.expect(0, &with(&undo, &["config", "--exclude", "o-0000"]));
    assert_eq!(written(&fixture), [0]);
}

#[test]
fn an_import_writes_the_selected_names_alone() {
    let fixture = cities(3);
    let import = ["import", PARTNER, "-o", "config", "--format", "json"];
    let before = fixture.workspace.read("config/000.yaml");
    let ran = fixture.workspace.expect(0, &with(&import, &["--name", "o-0001"]));
    assert_eq!(names(&ran, "results"), ["o-0001"]);
    let after = fixture.workspace.read("config/000.yaml");
    let changed = before.lines().zip(after.lines()).filter(|(before, after)| before != after).count();
    assert_eq!(changed, 1, "{after}");
    let ran = fixture.workspace.expect(0, &with(&import, &["--exclude", "o-0001"]));
    assert_eq!(names(&ran, "results"), ["o-0000", "o-0002"]);
}
