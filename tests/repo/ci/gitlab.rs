//! The scripts of the GitLab component, run against a stub of its API that checks tokens, authors, pages and redirects.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value as Json, json};
use tempfile::TempDir;

use super::gitlab_stub::{API_TOKEN, GitLab, NOTE_TOKEN, job, note};
use super::{document, has_tools};

/// Says how it was called; a plan and a drift write their reports, an apply writes the receipt that $RECEIPT names.
const PROGRAM: &str = r#"#!/bin/sh
echo "trueup $*"
case " $* " in
  *" plan "*) echo reviewed > comment.md ;;
  *" drift "*) echo "report $DRIFT_CODE" > drift.md; exit "$DRIFT_CODE" ;;
  *" apply "*) if [ -n "$RECEIPT" ]; then mkdir -p .trueup/receipts; echo "$RECEIPT" > ".trueup/receipts/$RECEIPT.json"; fi ;;
  *" undo "*) cat "$4" ;;
esac
"#;

/// The jobs of the component, by the name `trueup`.
fn read_component() -> Json {
    let text = fs::read_to_string("templates/trueup.yml").expect("the component");
    let jobs = text.split_once("\n---\n").expect("two documents").1.replace("$[[ inputs.name ]]", "trueup");
    document("templates/trueup.yml", &jobs.replace("$[[ inputs.directory ]]", "."))
}

fn read_lines(job: &Json, key: &str) -> Vec<String> {
    let lines = job[key].as_array().expect("a script").iter();
    lines.map(|line| line.as_str().expect("a line").to_owned()).collect()
}

/// A folder in which jobs run, with that program, and further variables of the pipeline.
struct JobRun {
    folder: TempDir,
    variables: Vec<(String, String)>,
}

impl JobRun {
    fn new(variables: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let program = folder.path().join("trueup");
        fs::write(&program, PROGRAM).expect("a program");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(&program, mode).expect("a mode");
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Self { folder, variables: variables.iter().map(own).collect() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs the script of a job; whether it succeeded, and its log, which has no token.
    fn run(&self, gitlab: &GitLab, job: &str) -> (bool, String) {
        let jobs = read_component();
        let functions =
            read_lines(&jobs[".trueup"], "before_script").into_iter().filter(|own| own.starts_with("api="));
        let script: Vec<String> = functions.chain(read_lines(&jobs[job], "script")).collect();
        self.run_script(gitlab, &script.join("\n"))
    }

    /// As a runner does: in `sh`, up to the first failure.
    fn run_script(&self, gitlab: &GitLab, script: &str) -> (bool, String) {
        let script = format!("if (set -o pipefail) 2> /dev/null; then set -o pipefail; fi\n{script}");
        let folder = self.folder.path();
        let output = Command::new("sh")
            .args(["-e", "-c", &script])
            .current_dir(folder)
            .env("PATH", format!("{}:{}", folder.display(), std::env::var("PATH").unwrap_or_default()))
            .env("CI_PROJECT_DIR", folder)
            .envs([("CI_API_V4_URL", &*gitlab.api), ("CI_PROJECT_ID", "1"), ("CI_COMMIT_SHA", "abc")])
            .envs([("CI_MERGE_REQUEST_IID", "7"), ("CI_DEFAULT_BRANCH", "main"), ("NAME", "trueup")])
            .envs([("DIRECTORY", "."), ("ARGUMENTS", ""), ("ENVIRONMENT", "production"), ("RECEIPT", "")])
            .envs([("PERMISSION_AUTHORS", ""), ("RECEIPT_PIPELINE", ""), ("DRIFT_CODE", "0")])
            .envs([("TRUEUP_API_TOKEN", API_TOKEN), ("TRUEUP_NOTE_TOKEN", NOTE_TOKEN)])
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .output()
            .expect("sh");
        let text =
            [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        assert!(!text.contains("glpat-secret"), "{text}");
        (output.status.success(), text)
    }
}

#[test]
fn the_token_is_sent_to_the_api_and_to_nobody_else() {
    if !has_tools() {
        return;
    }
    let (gitlab, run) = (GitLab::start(), JobRun::new(&[]));
    let (ok, log) = run.run(&gitlab, "trueup-apply");
    assert!(ok && log.contains("trueup -C . apply"), "{log}");
    assert_eq!(fs::read_to_string(run.path("plan.json")).expect("the plan"), "{\"a\":\"plan\"}");
    let stored = gitlab.stored.lock().expect("no panic");
    assert_eq!(stored.len(), 1, "the store was asked once");
    assert!(stored[0].token.is_none(), "the token went to the store");
    let received = gitlab.received.lock().expect("no panic");
    assert!(received.iter().any(|request| request.line.contains("/jobs/41/")), "the last plan of that name");
    assert!(
        received.iter().all(|request| request.token.as_deref() == Some(API_TOKEN)),
        "the token that reads"
    );
}

#[test]
fn the_plan_is_one_note_of_our_own() {
    if !has_tools() {
        return;
    }
    let (gitlab, run) = (GitLab::start(), JobRun::new(&[]));
    let (ok, log) = run.run(&gitlab, "trueup-plan");
    assert!(ok && log.contains("plan --env production "), "{log}");
    let writes = gitlab.list_writes();
    assert!(
        writes.len() == 1 && writes[0].starts_with("PUT /api/v4/projects/1/merge_requests/7/notes/2 "),
        "{writes:?}"
    );
    assert!(gitlab.project()["notes"][2]["body"].as_str().is_some_and(|body| body.contains("reviewed")));
    // a merge request without one gets one
    gitlab.project()["notes"] = json!([]);
    assert!(run.run(&gitlab, "trueup-plan").0);
    assert_eq!(gitlab.project()["notes"].as_array().map(Vec::len), Some(1));
    // and without the token that writes, nothing is written
    let (gitlab, run) = (GitLab::start(), JobRun::new(&[("TRUEUP_NOTE_TOKEN", "")]));
    assert!(run.run(&gitlab, "trueup-plan").0);
    assert!(gitlab.received.lock().expect("no panic").is_empty());
}

#[test]
fn patterns_in_arguments_are_not_names_of_files() {
    if !has_tools() {
        return;
    }
    let run = JobRun::new(&[("ARGUMENTS", "--name harbor-*\n--exclude ca?s --target [ab] --max-updates=4")]);
    for name in ["harbor-plan.txt", "harbor-2", "cads", "a"] {
        fs::write(run.path(name), "").expect("a file");
    }
    for job in ["trueup-plan", "trueup-apply"] {
        let (ok, log) = run.run(&GitLab::start(), job);
        let called = "--name harbor-* --exclude ca?s --target [ab] --max-updates=4";
        assert!(ok && log.contains(called), "{job}: {log}");
    }
}

#[test]
fn a_commit_without_a_reviewed_plan_writes_nothing() {
    if !has_tools() {
        return;
    }
    for (list, left) in
        [("merged", json!([{ "state": "opened", "iid": 6 }])), ("jobs", json!([job(42, 30, "other-plan")]))]
    {
        let (gitlab, run) = (GitLab::start(), JobRun::new(&[]));
        gitlab.project()[list] = left;
        let (ok, log) = run.run(&gitlab, "trueup-apply");
        assert!(
            !ok && log.contains("nothing was written") && !log.contains("trueup -C . apply"),
            "{list}: {log}"
        );
    }
}

#[test]
fn permissions_of_a_merge_request_count_if_all_its_editors_are_listed() {
    if !has_tools() {
        return;
    }
    let edited = |id, author| note(id, author, "changed the description", true);
    let (kim, lee, mallory) = ((8, "kim"), (9, "lee"), (66, "mallory"));
    let ghost = json!({ "id": 20, "author": null, "body": "changed the description", "system": true });
    let cases = [
        (kim, vec![], true),
        (kim, vec![edited(10, lee), edited(11, kim), edited(12, lee)], true),
        // on the last page
        (kim, vec![edited(10, lee), edited(11, kim), edited(12, lee), edited(13, mallory)], false),
        (mallory, vec![edited(10, kim)], false),
        (kim, vec![ghost], false),
        (kim, vec![note(10, mallory, "marked the checklist item **x** as completed", true)], false),
        // what others say, or do to something else, edits no description
        (
            kim,
            vec![
                note(10, mallory, "changed the description", false),
                note(11, mallory, "approved this merge request", true),
            ],
            true,
        ),
    ];
    for (author, notes, counts) in cases {
        for job in ["trueup-plan", "trueup-apply"] {
            let (gitlab, run) = (
                GitLab::start(),
                JobRun::new(&[("PERMISSION_AUTHORS", "lee\n kim"), ("ARGUMENTS", "--allow-rename")]),
            );
            gitlab.project()["request"]["author"] = json!({ "id": author.0, "username": author.1 });
            gitlab.project()["request"]["description"] =
                json!("Raise.\r\n\r\ntrueup: allow max-updates=40\r\ntrueup: allow allow-delete=1\r\n");
            gitlab.project()["notes"] = json!(notes);
            let (ok, log) = run.run(&gitlab, job);
            assert!(ok, "{log}");
            assert_eq!(
                log.contains("--allow-rename --max-updates=40 --allow-delete=1"),
                counts,
                "{job} {notes:?}: {log}"
            );
            assert_eq!(log.contains("may not give them"), !counts, "{log}");
        }
    }
}

#[test]
fn what_is_no_permission_ends_the_job() {
    if !has_tools() {
        return;
    }
    for (line, why) in [
        ("reveal=1", "is not a permission"),
        ("max-updates", "write a number"),
        ("max-updates=1 --reveal", "write a number"),
        ("max-updates=$(touch x)", "write a number"),
    ] {
        for job in ["trueup-plan", "trueup-apply"] {
            let (gitlab, run) = (GitLab::start(), JobRun::new(&[("PERMISSION_AUTHORS", "kim")]));
            gitlab.project()["request"]["description"] = json!(format!("trueup: allow {line}"));
            let (ok, log) = run.run(&gitlab, job);
            assert!(!ok && log.contains(why) && !log.contains("trueup -C"), "{line}: {log}");
            assert!(!run.path("x").exists());
            // without the list no line counts, and none is wrong
            let run = JobRun::new(&[]);
            assert!(run.run(&gitlab, job).0, "{line}");
        }
    }
}

#[test]
fn the_receipt_of_a_job_is_the_one_that_it_wrote() {
    if !has_tools() {
        return;
    }
    let after = read_lines(&read_component()[".trueup"], "after_script").join("\n");
    for receipt in ["", "b"] {
        let (gitlab, run) =
            (GitLab::start(), JobRun::new(&[("RECEIPT", receipt), ("TRUEUP_DIGEST_KEY", "of all")]));
        // one that came with the state, and a file of an earlier job
        fs::create_dir_all(run.path(".trueup/receipts")).expect("a folder");
        fs::write(run.path(".trueup/receipts/a.json"), "a").expect("a file");
        fs::write(run.path("trueup-receipt.json"), "other").expect("a file");
        fs::write(run.path(".trueup/key"), "secret").expect("a file");
        assert!(run.run(&gitlab, "trueup-apply").0);
        let (ok, log) = run.run_script(&gitlab, &after);
        assert!(ok && !run.path(".trueup/key").exists(), "{log}");
        let kept = fs::read_to_string(run.path("trueup-receipt.json")).unwrap_or_default();
        assert_eq!(kept.trim(), receipt, "{log}");
    }
}

#[test]
fn an_undo_takes_the_newest_receipt_of_a_pipeline_or_that_of_a_job() {
    if !has_tools() {
        return;
    }
    let start = |pipeline: Json| {
        let gitlab = GitLab::start();
        let first =
            json!({ "id": 51, "pipeline": 31, "name": "trueup-apply", "status": "failed", "retried": true });
        let jobs =
            [first, job(52, 31, "trueup-apply"), job(53, 31, "other-apply"), job(54, 31, "trueup-apply")];
        gitlab.project()["jobs"] = json!(jobs);
        gitlab.project()["pipelines"].as_array_mut().expect("pipelines").push(pipeline);
        // the last job was refused and wrote none
        let file = |job: u32| format!("{job}/trueup-receipt.json");
        gitlab.project()["artifacts"] =
            json!({ (file(51)): "of job 51", (file(52)): "of job 52", (file(53)): "of job 53" });
        gitlab
    };
    let pushed = json!({ "id": 31, "ref": "main", "source": "push" });
    for (job, expected) in [("", "of job 52"), ("51", "of job 51")] {
        let (gitlab, run) =
            (start(pushed.clone()), JobRun::new(&[("RECEIPT_PIPELINE", "31"), ("RECEIPT_JOB", job)]));
        let (ok, log) = run.run(&gitlab, "trueup-undo");
        assert!(ok && log.contains("trueup -C . undo ") && log.contains(expected), "{log}");
        assert!(gitlab.stored.lock().expect("no panic").iter().all(|request| request.token.is_none()));
        assert!(gitlab.list_writes().is_empty());
    }
    // of a merge request, of another branch, started by another program, none at all, and what is no number
    let refused = [
        (json!({ "id": 31, "ref": "refs/merge-requests/9/head", "source": "merge_request_event" }), "31", ""),
        (json!({ "id": 31, "ref": "other", "source": "push" }), "31", ""),
        (json!({ "id": 31, "ref": "main", "source": "api" }), "31", ""),
        (pushed.clone(), "30", ""),
        (pushed.clone(), "31", "53"),
        (pushed.clone(), "31", "54"),
        (pushed.clone(), "31/../30", ""),
        (pushed.clone(), "31", "52 --all"),
        (pushed, "", ""),
    ];
    for (pipeline, number, job) in refused {
        let (gitlab, run) =
            (start(pipeline.clone()), JobRun::new(&[("RECEIPT_PIPELINE", number), ("RECEIPT_JOB", job)]));
        let (ok, log) = run.run(&gitlab, "trueup-undo");
        assert!(
            !ok && log.contains("nothing was written") && !log.contains("trueup -C"),
            "{pipeline} {number} {job}: {log}"
        );
    }
}

#[test]
fn a_pipeline_undoes_or_plans_and_applies() {
    let jobs = read_component();
    let undo = &jobs["trueup-undo"];
    // it waits for no other environment
    assert_eq!((&undo["extends"], &undo["needs"]), (&json!("trueup-apply"), &json!([])));
    assert_eq!(undo["rules"][0]["when"], "manual");
    let condition =
        |job: &Json| job["rules"].as_array().expect("rules").last().expect("a rule")["if"].to_string();
    let asked = condition(undo);
    assert!(asked.contains("web") && asked.ends_with("&& $RECEIPT_PIPELINE\""), "{asked}");
    for job in ["trueup-plan", "trueup-by-hand"] {
        assert_eq!(condition(&jobs[job]), asked.replace("$RECEIPT_PIPELINE", "$RECEIPT_PIPELINE == null"));
    }
}

#[test]
fn an_issue_follows_the_drift_of_its_environment() {
    if !has_tools() {
        return;
    }
    let gitlab = GitLab::start();
    let issue = |iid: u32, author: u32, labels: &str| json!({ "id": iid + 900, "iid": iid, "author": { "id": author }, "labels": labels, "state": "opened", "description": "" });
    // of another person, and of another environment
    gitlab.project()["issues"] =
        json!([issue(1, 66, "trueup-drift"), issue(2, 66, "trueup-drift"), issue(3, 5, "other-drift")]);
    let read = || {
        let project = gitlab.project();
        let own = project["issues"].as_array().expect("issues").get(3).cloned().unwrap_or_default();
        (
            own["state"].as_str().unwrap_or("none").to_owned(),
            own["description"].as_str().unwrap_or_default().trim().to_owned(),
        )
    };
    for (code, state, description) in [
        ("0", "none", ""),
        ("1", "none", ""),
        ("2", "opened", "report 2"),
        ("2", "opened", "report 2"),
        ("1", "opened", "report 2"),
        ("5", "closed", "report 2"),
    ] {
        let (ok, log) = JobRun::new(&[("DRIFT_CODE", code)]).run(&gitlab, "trueup-drift");
        assert_eq!(ok, code == "0", "{log}");
        assert_eq!(read(), (state.to_owned(), description.to_owned()), "after {code}: {log}");
    }
    let project = gitlab.project().clone();
    let issues = project["issues"].as_array().expect("issues");
    assert_eq!((issues.len(), &issues[3]["title"]), (4, &json!("Drift in production")));
    assert!(
        issues[..3].iter().all(|own| own["state"] == "opened" && own["description"] == ""),
        "{project:#}"
    );
    // without the token, drift is a warning of the job alone
    let gitlab = GitLab::start();
    assert!(!JobRun::new(&[("DRIFT_CODE", "2"), ("TRUEUP_NOTE_TOKEN", "")]).run(&gitlab, "trueup-drift").0);
    assert!(gitlab.received.lock().expect("no panic").is_empty());
}

/// The release for the processor of the runner.
#[test]
fn runners_of_both_processors_get_their_release() {
    let lines = read_lines(&read_component()[".trueup"], "before_script");
    let choice = lines.iter().find(|line| line.contains("uname -m")).expect("a choice");
    for (machine, expected) in [("x86_64", "x86_64"), ("aarch64", "aarch64"), ("riscv64", "")] {
        let script = format!("uname() {{ echo {machine}; }}\n{choice}\necho \"$archive\"");
        let output = Command::new("sh").args(["-e", "-c", &script]).output().expect("sh");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let archive = format!("trueup-{expected}-unknown-linux-musl.tar.gz\n");
        assert_eq!(
            (output.status.success(), text == archive),
            (!expected.is_empty(), !expected.is_empty()),
            "{text}"
        );
    }
}

#[test]
fn receipts_reach_the_stage_of_the_next_environment() {
    let jobs = read_component();
    let apply = &jobs["trueup-apply"];
    assert_eq!(apply["stage"], "$[[ inputs.stage ]]");
    assert!(
        apply["needs"].is_null() && apply["dependencies"].is_null(),
        "artifacts of earlier stages come along"
    );
    assert_eq!(apply["artifacts"]["paths"], json!(["./.trueup/receipts", "trueup-receipt.json"]));
    // what came along is left in place where receipts are sealed under the key of all jobs
    let lines = jobs[".trueup"]["before_script"].as_array().expect("a script").iter();
    let of_state = lines.filter_map(Json::as_str).filter(|line| line.contains("/.trueup"));
    let script = of_state.collect::<Vec<_>>().join("\n");
    for (key, is_kept) in [("the same long text", true), ("", false)] {
        let folder = tempfile::tempdir().expect("a folder");
        let receipts = folder.path().join(".trueup/receipts");
        fs::create_dir_all(&receipts).expect("a folder");
        fs::write(receipts.join("2026.json"), "{}").expect("a file");
        let mut command = Command::new("bash");
        command.args(["-e", "-c", &script]).current_dir(folder.path());
        let status = command.env("DIRECTORY", ".").env("TRUEUP_DIGEST_KEY", key).status().expect("bash");
        assert!(status.success());
        assert_eq!(receipts.join("2026.json").exists(), is_kept, "{key:?}");
    }
}

/// By hand, a pipeline of the default branch applies the plan of its own job, when a person says so.
#[test]
fn a_pipeline_by_hand_applies_its_own_plan_in_the_environment() {
    let jobs = read_component();
    let (apply, by_hand) = (&jobs["trueup-apply"], &jobs["trueup-by-hand"]);
    assert_eq!(apply["environment"]["name"], "$[[ inputs.deploy_environment ]]");
    assert_eq!(apply["rules"][0]["when"], "$[[ inputs.when ]]");
    assert_eq!((&by_hand["extends"], &by_hand["needs"]), (&json!("trueup-apply"), &json!(["trueup-plan"])));
    assert_eq!(by_hand["rules"][0]["when"], "manual");
    let rules = jobs["trueup-plan"]["rules"].as_array().expect("rules");
    assert!(rules.iter().any(|rule| rule["if"] == by_hand["rules"][0]["if"]), "both in one pipeline");
    let (gitlab, run) = (GitLab::start(), JobRun::new(&[("ARGUMENTS", "--allow-delete=1")]));
    let (ok, log) = run.run(&gitlab, "trueup-by-hand");
    assert!(ok && log.contains("plan.json --allow-delete=1 --auto-approve"), "{log}");
    assert!(gitlab.received.lock().expect("no panic").is_empty(), "no plan of another pipeline");
}
