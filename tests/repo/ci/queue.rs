//! Concurrent runs: which earlier run an apply waits for, which receipt an undo takes, and what a drift leaves
//! of the state.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use serde_json::{Value as Json, json};
use tempfile::TempDir;

use super::runner::{FORK_ID, artifact};
use super::{has_tools, yaml};

/// Runs a script of the action as job `staging` of run 50, which began at 12:50, with these runs on the hub.
fn run_script(script: &str, runs: &[Json], variables: &[(&str, &str)]) -> (bool, String, TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    fs::create_dir_all(path("bin")).expect("a folder");
    for (name, text) in [("gh", include_str!("gh-stub.sh")), ("trueup", "#!/bin/sh\necho \"trueup $*\"\n")] {
        fs::write(path("bin").join(name), text).expect("a program");
        fs::set_permissions(path("bin").join(name), fs::Permissions::from_mode(0o755)).expect("a mode");
    }
    let artifacts: Vec<Json> = runs
        .iter()
        .flat_map(|run| run["receipts"].as_array().into_iter().flatten().map(move |name| (run, name)))
        .map(|(run, name)| {
            let (name, id) = (name.as_str().expect("a name"), run["id"].to_string());
            let own = path("artifacts").join(&id).join(name);
            fs::create_dir_all(&own).expect("a folder");
            fs::write(own.join("receipt.json"), "{}").expect("a receipt");
            artifact(name, &id, "abc", 1)
        })
        .collect();
    let own = run(50, "apply.yml", json!({ "run_started_at": "2026-11-30T12:50:00Z" }));
    let runs = [runs, &[own]].concat();
    fs::write(path("runs.json"), Json::from(runs).to_string()).expect("a list");
    fs::write(path("artifacts.json"), Json::from(artifacts).to_string()).expect("a list");
    let search = format!("{}:{}", path("bin").display(), std::env::var("PATH").unwrap_or_default());
    let names = [("FOLDER", "receipts"), ("GITHUB_OUTPUT", "output")].map(|(name, file)| (name, path(file)));
    let output = Command::new("bash")
        .arg(format!("ci/github/{script}"))
        .env("PATH", search)
        .envs(names)
        .env("HUB", folder.path())
        .env("RUNNER_TEMP", folder.path())
        .envs([("GITHUB_REPOSITORY", "example/estate"), ("GH_TOKEN", "token"), ("GITHUB_RUN_ID", "50")])
        .envs([("GITHUB_JOB", "staging"), ("ID", "trueup"), ("DIRECTORY", "."), ("WAIT_MINUTES", "0")])
        .envs(variables.iter().copied())
        .output()
        .expect("bash");
    let text =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    (output.status.success(), text, folder)
}

/// A run of a workflow that a push started, which still goes on, with other members.
fn run(id: u32, workflow: &str, other: Json) -> Json {
    let mut run = json!({ "id": id, "workflow_id": workflow, "path": format!(".github/workflows/{workflow}@main"),
        "event": "push", "status": "in_progress", "run_started_at": format!("2026-11-30T12:{id:0>2}:00Z"),
        "repository": { "id": 1 }, "head_repository": { "id": 1 } });
    let members = other.as_object().expect("members").clone();
    run.as_object_mut().expect("an object").extend(members);
    run
}

#[test]
fn an_apply_waits_for_earlier_runs_that_may_still_apply_its_environment() {
    if !has_tools() {
        return;
    }
    let jobs = |staging: &str, production: &str| {
        json!({ "status": "waiting", "jobs": [{ "name": "other", "status": "completed" },
            { "name": "lint", "status": "completed" }, { "name": "staging", "status": staging },
            { "name": "production", "status": production }] })
    };
    let started = |at: &str| json!({ "run_started_at": format!("2026-11-30T12:{at}:00Z") });
    let runs = [
        // its jobs are not known yet
        run(10, "apply.yml", json!({})),
        run(11, "apply.yml", jobs("in_progress", "queued")),
        // only production waits
        run(12, "apply.yml", jobs("completed", "waiting")),
        run(13, "apply.yml", json!({ "status": "completed" })),
        // a later attempt of an earlier run, and the other way round
        run(14, "apply.yml", started("55")),
        run(60, "apply.yml", started("40")),
        run(61, "apply.yml", json!({ "run_started_at": "2026-11-30T13:01:00Z" })),
        run(15, "by-hand.yml", json!({})),
        // it saves the state at its end
        run(17, "apply.yml", jobs("completed", "in_progress")),
        // a workflow that writes nothing
        run(16, "plan.yml", json!({})),
    ];
    let both = ("WAIT_FOR", "apply.yml by-hand.yml");
    for (runs, job, expected) in [(&runs[..], "staging", "10 11 15 17 60"), (&runs[2..4], "production", "12")]
    {
        let (ok, log, _) = run_script("wait.sh", runs, &[("GITHUB_JOB", job), both]);
        assert!(!ok && log.contains(&format!("have not ended ({expected});")), "{job}: {log}");
    }
    // started by hand, the job is named by its environment
    let variables = [("GITHUB_JOB", "by-hand"), ("ENVIRONMENT", "staging"), both];
    let (ok, log, _) = run_script("wait.sh", &runs[2..4], &variables);
    assert!(ok, "{log}");
}

#[test]
fn an_undo_takes_the_receipt_of_the_newest_attempt_or_of_the_one_that_is_named() {
    if !has_tools() {
        return;
    }
    let attempts = ["1", "2", "10"].map(|attempt| format!("trueup-receipt-7-{attempt}"));
    let runs = [run(7, "apply.yml", json!({ "receipts": attempts }))];
    for (attempt, expected) in [("", "7-10/"), ("2", "")] {
        let variables = [("RECEIPT_RUN", "7"), ("RECEIPT_ATTEMPT", attempt)];
        let (ok, log, folder) = run_script("undo.sh", &runs, &variables);
        assert!(ok && log.contains("trueup -C . undo ") && log.contains(expected), "{attempt}: {log}");
        // a name without a pattern is the only one that is downloaded
        let calls = fs::read_to_string(folder.path().join("calls")).expect("calls");
        let pattern = format!("trueup-receipt-7-{}", if attempt.is_empty() { "*" } else { attempt });
        assert!(calls.contains(&pattern), "{calls}");
    }
    for attempt in ["3", "2 --all"] {
        let variables = [("RECEIPT_RUN", "7"), ("RECEIPT_ATTEMPT", attempt)];
        let (ok, log, _) = run_script("undo.sh", &runs, &variables);
        assert!(!ok && log.contains("nothing was written") && !log.contains("trueup -C"), "{attempt}: {log}");
    }
}

#[test]
fn receipts_of_forks_pull_requests_and_other_workflows_are_not_undone() {
    if !has_tools() {
        return;
    }
    for (other, is_undone) in [
        (json!({}), true),
        (json!({ "event": "workflow_dispatch" }), true),
        (json!({ "event": "pull_request" }), false),
        (json!({ "head_repository": { "id": FORK_ID } }), false),
        (json!({ "path": ".github/workflows/my-apply.yml" }), false),
    ] {
        let mut made = run(7, "apply.yml", json!({ "receipts": ["trueup-receipt-7-1"] }));
        made.as_object_mut().expect("an object").extend(other.as_object().expect("members").clone());
        let variables = [("RECEIPT_RUN", "7"), ("RECEIPT_WORKFLOWS", "apply.yml by-hand.yml")];
        let (ok, log, _) = run_script("undo.sh", &[made], &variables);
        assert_eq!(ok, is_undone, "{other}: {log}");
        assert_eq!(log.contains("trueup -C . undo "), is_undone, "{other}: {log}");
    }
}

/// A drift that began before an apply and ends after it has the older state.
#[test]
fn only_modes_that_write_save_the_state() {
    let action = yaml("action.yml");
    let steps = action["runs"]["steps"].as_array().expect("steps").iter();
    let saves = |step: &&Json| {
        step["uses"].as_str().is_some_and(|uses| uses.starts_with("actions/cache/save"))
            || step["run"].as_str().is_some_and(|run| run.ends_with("state.sh\" save"))
    };
    let saving: Vec<_> = steps.filter(saves).collect();
    assert_eq!(saving.len(), 4);
    for step in saving {
        let condition = step["if"].as_str().expect("a condition");
        assert!(condition.contains("(inputs.mode == 'apply' || inputs.mode == 'undo')"), "{condition}");
    }
}
