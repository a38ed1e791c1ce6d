//! GitHub Enterprise Server: the copy of the action that `docs/ci.md` describes is made, fits the published schema and
//! actionlint, and carries a change from a pull request to the service with the stub of `gh` as such a server.

use std::fs;

use serde_json::{Value as Json, json};

use super::document;
use super::flow::{amount, change, fixture};
use super::published::{Published, lint_workflows};

/// The replacement that the table of `docs/ci.md` names, as `OLD` and `NEW`.
fn read_replacement() -> (String, String) {
    let page = fs::read_to_string("docs/ci.md").expect("the page");
    let section = page.split("### GitHub Enterprise Server").nth(1).expect("the section");
    let section = section.split("\n## ").next().unwrap_or_default();
    let line = section.lines().find(|line| line.starts_with("sed ")).expect("the command");
    let (_, rest) = line.split_once("'s#").expect("a replacement");
    let (old, rest) = rest.split_once('#').expect("what is replaced");
    let (new, _) = rest.split_once('#').expect("by what");
    (old.to_owned(), new.to_owned())
}

fn list_actions(action: &Json) -> Vec<String> {
    let steps = action["runs"]["steps"].as_array().expect("steps").iter();
    steps.filter_map(|step| step["uses"].as_str().map(str::to_owned)).collect()
}

#[test]
fn the_copy_for_a_server_is_a_valid_action() {
    let (old, new) = read_replacement();
    let text = fs::read_to_string("action.yml").expect("the action");
    assert!(text.contains(&old), "{old} is in the action");
    let copy = document("action.yml", &text.replace(&old, &new));
    Published::new("github-actions").fits("the copy of action.yml", &copy);
    let uses = list_actions(&copy);
    assert_eq!(uses.iter().filter(|own| **own == "actions/upload-artifact@v3").count(), 2, "{uses:?}");
    // nothing else stores or gets artifacts by an action that the server does not have
    let others = uses.iter().filter(|own| !own.starts_with("actions/cache/"));
    assert!(others.into_iter().all(|own| own == "actions/upload-artifact@v3"), "{uses:?}");
    // version 3 knows each input that is given, but not `overwrite`, which it ignores with a warning: it always does
    let known = ["name", "path", "if-no-files-found", "retention-days", "overwrite"];
    for step in copy["runs"]["steps"].as_array().expect("steps") {
        if step["uses"] == "actions/upload-artifact@v3" {
            let given = step["with"].as_object().expect("inputs").keys();
            assert!(given.clone().all(|name| known.contains(&name.as_str())), "{given:?}");
        }
    }
    // a workflow that uses the copy
    let folder = tempfile::tempdir().expect("a folder");
    let workflow = folder.path().join("plan.yml");
    fs::write(
        &workflow,
        "on: pull_request\njobs:\n  plan:\n    runs-on: [self-hosted]\n    steps:\n      \
        - uses: example/trueup@v0.1.0\n        with: { mode: plan }\n",
    )
    .expect("a file");
    lint_workflows(&[&workflow.to_string_lossy()]);
}

#[test]
fn a_change_goes_through_a_server() {
    let (mut hub, _staging, production) = fixture();
    hub.variable("GITHUB_SERVER_URL", "https://github.example.com");
    let (old, new) = read_replacement();
    let text = fs::read_to_string("action.yml").expect("the action");
    hub.use_action(document("the copy of action.yml", &text.replace(&old, &new)));
    hub.git(&["checkout", "--quiet", "-b", "higher"]);
    let head = change(&hub, "3000.00", "3500.00");
    let planned = hub.run("trueup-plan.yml", "pull_request", &head);
    assert!(planned.ok && hub.read_bodies("comments").len() == 1, "{}", planned.log);
    let merge = hub.merge("higher");
    let applied = hub.run("trueup-apply.yml", "push", &merge);
    assert!(applied.ok, "{}", applied.log);
    assert_eq!(amount(&production), json!(3500.0));
    // with the program on PATH nothing is downloaded, and no provenance is asked for
    let calls = fs::read_to_string(hub.path("hub/calls")).expect("calls");
    assert!(!calls.contains("release download") && !calls.contains("attestation"), "{calls}");
    let drift = hub.run("trueup-drift.yml", "schedule", &merge);
    assert!(drift.ok, "{}", drift.log);
}
