//! The scripts of the GitLab component, run against a stub of its API that checks tokens, authors, pages and redirects.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use serde_json::{Value as Json, json};

use super::{document, has_tools};

const TOKEN: &str = "glpat-secret-of-the-project";

/// What one request was.
struct Received {
    line: String,
    token: Option<String>,
    body: String,
}

/// An API and an object store, on two ports.
struct GitLab {
    api: String,
    received: Arc<Mutex<Vec<Received>>>,
    stored: Arc<Mutex<Vec<Received>>>,
}

/// The answer to a request: status, headers, body.
type Answer = (u16, String, String);

fn listen(
    answer: impl Fn(&Received) -> Answer + Send + Sync + 'static,
) -> (String, Arc<Mutex<Vec<Received>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let received: Arc<Mutex<Vec<Received>>> = Arc::default();
    let kept = Arc::clone(&received);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let request = read_request(&stream);
            let (status, headers, body) = answer(&request);
            kept.lock().expect("no panic").push(request);
            let length = body.len();
            let head = format!(
                "HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n"
            );
            let _ = (&stream).write_all(format!("{head}{body}").as_bytes());
        }
    });
    (url, received)
}

fn read_request(stream: &TcpStream) -> Received {
    let mut reader = BufReader::new(stream);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) < 3 {
            break;
        }
        head.push(line.trim_end().to_owned());
    }
    let header = |name: &str| {
        let find = |line: &String| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then(|| value.to_owned())
        };
        head.iter().find_map(find)
    };
    let mut body = vec![0; header("content-length").and_then(|text| text.parse().ok()).unwrap_or(0)];
    let _ = reader.read_exact(&mut body);
    let body = String::from_utf8_lossy(&body).into_owned();
    Received { line: head.first().cloned().unwrap_or_default(), token: header("private-token"), body }
}

/// Merge request 7 of project 1 with its pipeline; two pages of notes, of which one is a forgery.
fn start() -> GitLab {
    let (store, stored) = listen(|_| (200, String::new(), "{\"a\":\"plan\"}".to_owned()));
    let (url, received) = listen(move |request| {
        let path =
            request.line.split(' ').nth(1).unwrap_or_default().trim_start_matches("/api/v4").to_owned();
        let none = String::new;
        if request.token.as_deref() != Some(TOKEN) {
            return (401, none(), none());
        }
        let notes = "/projects/1/merge_requests/7/notes";
        let forged = json!([{ "id": 1, "author": { "id": 66 }, "body": "<!-- trueup:plan -->\nlooks good" }]);
        let own = json!([{ "id": 2, "author": { "id": 5 }, "body": "<!-- trueup:plan -->\nold" }]);
        let of = |id: u32, name: &str| json!({ "id": id, "name": name, "status": "success" });
        let body = match path.as_str() {
            "/user" => json!({ "id": 5 }),
            _ if path == format!("{notes}?per_page=100&page=1") => {
                return (200, "x-next-page: 2\r\n".to_owned(), forged.to_string());
            }
            _ if path == format!("{notes}?per_page=100&page=2") => own,
            "/projects/1/merge_requests/7/notes/2" | "/projects/1/merge_requests/7/notes" => json!({}),
            "/projects/1/repository/commits/abc/merge_requests" => {
                json!([{ "state": "opened", "iid": 6 }, { "state": "merged", "iid": 7 }])
            }
            "/projects/1/merge_requests/7" => {
                json!({ "source_project_id": 1, "head_pipeline": { "id": 30 } })
            }
            "/projects/1/pipelines/30/jobs?per_page=100&page=1" => {
                let jobs = json!([of(40, "trueup-plan"), of(42, "other-plan")]);
                return (200, "x-next-page: 2\r\n".to_owned(), jobs.to_string());
            }
            "/projects/1/pipelines/30/jobs?per_page=100&page=2" => {
                json!([of(41, "trueup-plan"), of(39, "trueup-plan")])
            }
            "/projects/1/jobs/41/artifacts/plan.json" => {
                return (302, format!("location: {store}/signed?x=1\r\n"), none());
            }
            _ => return (404, none(), none()),
        };
        (200, none(), body.to_string())
    });
    GitLab { api: format!("{url}/api/v4"), received, stored }
}

/// Runs the script of a job in a folder, with a `trueup` that says how it was called.
fn run_job(gitlab: &GitLab, job: &str, folder: &Path) -> (bool, String) {
    run_job_with(gitlab, job, folder, "")
}

/// The same with further arguments.
fn run_job_with(gitlab: &GitLab, job: &str, folder: &Path, arguments: &str) -> (bool, String) {
    let text = fs::read_to_string("templates/trueup.yml").expect("the component");
    let jobs = text.split_once("\n---\n").expect("two documents").1.replace("$[[ inputs.name ]]", "trueup");
    let jobs: Json = document("templates/trueup.yml", &jobs);
    let lines = jobs[job]["script"].as_array().expect("a script").iter();
    let script: String = lines.map(|line| format!("{}\n", line.as_str().expect("a line"))).collect();
    let program = folder.join("trueup");
    let fake = "#!/bin/sh\necho \"trueup $*\"\ncase \"$*\" in *plan*) echo reviewed > comment.md ;; esac\n";
    fs::write(&program, fake).expect("a program");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(&program, mode).expect("a mode");
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap_or_default());
    let output = Command::new("bash")
        .args(["-e", "-o", "pipefail", "-c", &script])
        .current_dir(folder)
        .env("PATH", path)
        .env("CI_PROJECT_DIR", folder)
        .envs([("CI_API_V4_URL", &*gitlab.api), ("CI_PROJECT_ID", "1"), ("CI_COMMIT_SHA", "abc")])
        .envs([
            ("CI_MERGE_REQUEST_IID", "7"),
            ("NAME", "trueup"),
            ("DIRECTORY", "."),
            ("ARGUMENTS", arguments),
            ("ENVIRONMENT", "production"),
        ])
        .envs([("TRUEUP_API_TOKEN", TOKEN), ("TRUEUP_NOTE_TOKEN", TOKEN)])
        .output()
        .expect("bash");
    let text =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    (output.status.success(), text)
}

#[test]
fn the_token_is_sent_to_the_api_and_to_nobody_else() {
    if !has_tools() {
        return;
    }
    let (gitlab, folder) = (start(), tempfile::tempdir().expect("a folder"));
    let (ok, log) = run_job(&gitlab, "trueup-apply", folder.path());
    assert!(ok && log.contains("trueup -C . apply") && !log.contains(TOKEN), "{log}");
    assert_eq!(fs::read_to_string(folder.path().join("plan.json")).expect("the plan"), "{\"a\":\"plan\"}");
    let stored = gitlab.stored.lock().expect("no panic");
    assert_eq!(stored.len(), 1, "the store was asked once");
    assert!(stored[0].token.is_none(), "the token went to the store");
    let received = gitlab.received.lock().expect("no panic");
    assert!(received.iter().any(|request| request.line.contains("/jobs/41/")), "the last plan of that name");
}

#[test]
fn the_plan_is_one_note_of_our_own() {
    if !has_tools() {
        return;
    }
    let (gitlab, folder) = (start(), tempfile::tempdir().expect("a folder"));
    let (ok, log) = run_job(&gitlab, "trueup-plan", folder.path());
    assert!(ok && log.contains("plan --env production "), "{log}");
    let received = gitlab.received.lock().expect("no panic");
    let writes: Vec<_> = received.iter().filter(|request| !request.line.starts_with("GET ")).collect();
    assert_eq!(writes.len(), 1, "{log}");
    assert!(
        writes[0].line.starts_with("PUT /api/v4/projects/1/merge_requests/7/notes/2 "),
        "{}",
        writes[0].line
    );
    assert!(writes[0].body.contains("reviewed"), "{}", writes[0].body);
}

#[test]
fn patterns_in_arguments_are_not_names_of_files() {
    if !has_tools() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["harbor-plan.txt", "harbor-2", "cads", "a"] {
        fs::write(folder.path().join(name), "").expect("a file");
    }
    let arguments = "--name harbor-*\n--exclude ca?s --target [ab] --max-updates=4";
    for job in ["trueup-plan", "trueup-apply"] {
        let (ok, log) = run_job_with(&start(), job, folder.path(), arguments);
        let called = "--name harbor-* --exclude ca?s --target [ab] --max-updates=4";
        assert!(ok && log.contains(called), "{job}: {log}");
    }
}

#[test]
fn a_commit_without_a_reviewed_plan_writes_nothing() {
    if !has_tools() {
        return;
    }
    let (url, _) = listen(|_| (200, String::new(), "[]".to_owned()));
    let gitlab = GitLab { api: url, received: Arc::default(), stored: Arc::default() };
    let folder = tempfile::tempdir().expect("a folder");
    let (ok, log) = run_job(&gitlab, "trueup-apply", folder.path());
    assert!(!ok && log.contains("nothing was written") && !log.contains("trueup -C . apply"), "{log}");
}

#[test]
fn receipts_reach_the_stage_of_the_next_environment() {
    let text = fs::read_to_string("templates/trueup.yml").expect("the component");
    let jobs = text.split_once("\n---\n").expect("two documents").1;
    let jobs = jobs.replace("$[[ inputs.name ]]", "trueup").replace("$[[ inputs.directory ]]", ".");
    let jobs: Json = document("templates/trueup.yml", &jobs);
    let apply = &jobs["trueup-apply"];
    assert_eq!(apply["stage"], "$[[ inputs.stage ]]");
    assert!(
        apply["needs"].is_null() && apply["dependencies"].is_null(),
        "artifacts of earlier stages come along"
    );
    assert_eq!(apply["artifacts"]["paths"], json!(["./.trueup/receipts"]));
    // what came along is left in place where receipts are sealed under the key of all jobs
    let lines = jobs[".trueup"]["before_script"].as_array().expect("a script").iter();
    let of_state = lines.filter_map(Json::as_str).filter(|line| line.contains(".trueup"));
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
    let text = fs::read_to_string("templates/trueup.yml").expect("the component");
    let jobs = text.split_once("\n---\n").expect("two documents").1.replace("$[[ inputs.name ]]", "trueup");
    let jobs: Json = document("templates/trueup.yml", &jobs);
    let (apply, by_hand) = (&jobs["trueup-apply"], &jobs["trueup-by-hand"]);
    assert_eq!(apply["environment"]["name"], "$[[ inputs.deploy_environment ]]");
    assert_eq!(apply["rules"][0]["when"], "$[[ inputs.when ]]");
    assert_eq!((&by_hand["extends"], &by_hand["needs"]), (&json!("trueup-apply"), &json!(["trueup-plan"])));
    assert_eq!(by_hand["rules"][0]["when"], "manual");
    let rules = jobs["trueup-plan"]["rules"].as_array().expect("rules");
    assert!(rules.iter().any(|rule| rule["if"] == by_hand["rules"][0]["if"]), "both in one pipeline");
    let (gitlab, folder) = (start(), tempfile::tempdir().expect("a folder"));
    let (ok, log) = run_job_with(&gitlab, "trueup-by-hand", folder.path(), "--allow-delete=1");
    assert!(ok && log.contains("plan.json --allow-delete=1 --auto-approve"), "{log}");
    assert!(gitlab.received.lock().expect("no panic").is_empty(), "no plan of another pipeline");
}
