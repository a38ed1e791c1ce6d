//! Permissions in the description of a pull request, and Atlantis.

use std::fs;
use std::process::Command;

use super::flow::{amount, change, fixture};
use super::{has_tools, yaml};
use serde_json::json;

const LISTED: [(&str, &str); 1] = [("permission-authors", "lee kim")];

#[test]
fn a_listed_person_allows_a_number_for_one_pull_request() {
    let (mut hub, _staging, production) = fixture();
    hub.git(&["checkout", "--quiet", "-b", "higher"]);
    let head = change(&hub, "3000.00", "3500.00");
    let limit = [LISTED[0], ("arguments", "--max-requests 0")];
    let refused = hub.run_with("trueup-plan.yml", "pull_request", &head, &limit);
    assert!(!refused.ok && refused.log.contains("too-many-requests"), "{}", refused.log);

    hub.describe_pull("Raise the limit.\r\n\r\ntrueup: allow max-requests=1\r\n", "kim", Some("lee"));
    let planned = hub.run_with("trueup-plan.yml", "pull_request", &head, &LISTED);
    assert!(planned.ok && planned.log.contains("--max-requests=1"), "{}", planned.log);
    let merge = hub.merge("higher");
    let applied = hub.run_with("trueup-apply.yml", "push", &merge, &LISTED);
    assert!(applied.ok && applied.log.contains("--max-requests=1"), "{}", applied.log);
    assert_eq!(amount(&production), json!(3500.0));
}

#[test]
fn nobody_else_allows_anything() {
    let (mut hub, _staging, _production) = fixture();
    hub.git(&["checkout", "--quiet", "-b", "higher"]);
    let head = change(&hub, "3000.00", "3500.00");
    let requested = "trueup: allow max-updates=40";
    for (author, editor, inputs) in [
        ("mallory", None, &LISTED[..]),
        ("kim", Some("mallory"), &LISTED),
        ("mallory", Some("kim"), &LISTED),
        ("kim", None, &[]),
    ] {
        hub.describe_pull(requested, author, editor);
        let ended = hub.run_with("trueup-plan.yml", "pull_request", &head, inputs);
        assert!(ended.ok && !ended.log.contains("--max-updates=40"), "{author} {editor:?}\n{}", ended.log);
        assert_eq!(ended.log.contains("may not give them"), !inputs.is_empty(), "{}", ended.log);
    }
    for (line, why) in [
        ("trueup: allow reveal=1", "is not a permission"),
        ("trueup: allow max-updates", "write a number"),
        ("trueup: allow max-updates=1 --reveal", "write a number"),
        ("trueup: allow max-updates=$(touch x)", "write a number"),
    ] {
        hub.describe_pull(line, "kim", None);
        let ended = hub.run_with("trueup-plan.yml", "pull_request", &head, &LISTED);
        assert!(!ended.ok && ended.log.contains(why), "{line}\n{}", ended.log);
    }
}

#[test]
fn every_editor_of_a_description_is_asked_for() {
    let (mut hub, _staging, _production) = fixture();
    hub.git(&["checkout", "--quiet", "-b", "higher"]);
    let head = change(&hub, "3000.00", "3500.00");
    let requested = "trueup: allow max-updates=40";
    let many = vec![Some("lee"); 100];
    let cases: [(&[Option<&str>], usize, bool); 5] = [
        (&[Some("lee"), Some("kim")], 2, true),
        (&[Some("lee"), Some("mallory"), Some("kim")], 3, false),
        (&[Some("lee"), None], 2, false),
        (&many, 100, true),
        (&many, 101, false),
    ];
    for (editors, total, counts) in cases {
        hub.describe_edits(requested, "kim", (editors, total));
        let ended = hub.run_with("trueup-plan.yml", "pull_request", &head, &LISTED);
        assert!(ended.ok, "{}", ended.log);
        assert_eq!(ended.log.contains("--max-updates=40"), counts, "{editors:?} {total}\n{}", ended.log);
        assert_eq!(ended.log.contains("may not give them"), !counts, "{}", ended.log);
    }
}

#[test]
fn atlantis_plans_and_applies_by_its_workflow() {
    if !has_tools() {
        return;
    }
    let (hub, staging, production) = fixture();
    let server = yaml("ci/atlantis.yaml");
    let repository = yaml("examples/gitops-repo/atlantis.yaml");
    let names: Vec<_> =
        repository["projects"].as_array().expect("projects").iter().map(|own| own["name"].clone()).collect();
    assert_eq!(names, ["staging", "production"]);
    let workflow = &server["workflows"][server["repos"][0]["workflow"].as_str().expect("a workflow")];
    change(&hub, "3000.00", "3500.00");
    let run = |phase: &str, project: &str, head_owner: &str| {
        let plan_file = hub.path(&format!("plan-{project}.json"));
        let mut log = String::new();
        let mut own = Vec::new();
        for step in workflow[phase]["steps"].as_array().expect("steps") {
            let (name, script) = match &step["env"]["name"] {
                serde_json::Value::String(name) => (Some(name.clone()), step["env"]["command"].as_str()),
                _ => (None, step["run"].as_str()),
            };
            let mut command: Command = hub.shell(script.expect("a script"));
            command
                .env("PLANFILE", &plan_file)
                .env("PROJECT_NAME", project)
                .env("HEAD_REPO_OWNER", head_owner)
                .env("BASE_REPO_OWNER", "example");
            let output = command.envs(own.iter().cloned()).output().expect("a shell");
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            match name {
                Some(name) => own.push((name, said.trim().to_owned())),
                None if !output.status.success() => {
                    return (false, String::from_utf8_lossy(&output.stderr).into_owned(), own);
                }
                None => log.push_str(&said),
            }
        }
        (true, log, own)
    };
    let (ok, log, own) = run("plan", "production", "example");
    assert!(ok && log.contains("3500") && own == [("TRUEUP_NO_COMMANDS".to_owned(), String::new())], "{log}");
    assert_eq!(run("plan", "production", "mallory").2, [("TRUEUP_NO_COMMANDS".to_owned(), "1".to_owned())]);
    // the projects are applied in their order
    let (ok, log, _) = run("apply", "production", "example");
    assert!(!ok && log.contains("environment-order"), "{log}");
    for phase in ["plan", "apply"] {
        let (ok, log, _) = run(phase, "staging", "example");
        assert!(ok, "{log}");
    }
    let applied = amount(&staging);
    let (ok, log, _) = run("apply", "production", "example");
    assert!(ok, "{log}");
    assert_eq!(amount(&production), json!(3500.0));
    assert_eq!(amount(&staging), applied, "the other environment");
    assert!(fs::metadata(hub.path("plan-production.json")).is_ok());
}
