//! `docs/own-apis.md`, run from its first command to its last: against a server with 500 lamps, with the real program.
//!
//! A block marked `console` holds commands behind `$ ` and what they print; `...` stands for any lines. A `yaml` block
//! that begins with a comment of one path is that file. The commands of the nightly job run too.

use std::fs;
use std::process::Command;
use std::sync::{Arc, Mutex};

use serde_json::Value as Json;

use super::draft_estates::{self, Estate};
use crate::support::workspace::Workspace;

/// What the page says, in its order.
enum Step {
    File(String, String),
    Command(String, Vec<String>),
}

/// The steps of the page.
fn read_steps(page: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    for block in page.split("\n```").skip(1).step_by(2) {
        let (mark, text) = block.split_once('\n').unwrap_or((block, ""));
        if mark == "yaml" {
            let (name, _) = text.split_once('\n').expect("a file");
            steps.push(Step::File(name.trim_start_matches("# ").to_owned(), text.to_owned()));
        }
        for line in text.lines().filter(|_| mark == "console") {
            match (line.strip_prefix("$ "), steps.last_mut()) {
                (Some(command), _) => steps.push(Step::Command(command.to_owned(), Vec::new())),
                (None, Some(Step::Command(_, output))) => output.push(line.to_owned()),
                _ => panic!("output without a command: {line}"),
            }
        }
    }
    steps
}

/// Runs a command in the shell: both outputs.
fn run(workspace: &Workspace, command: &str) -> String {
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_trueup")).parent().expect("a folder").to_owned();
    let path = std::env::var("PATH").unwrap_or_default();
    let made = Command::new("bash")
        .args(["-c", command])
        .current_dir(workspace.root())
        .env("PATH", format!("{}:{path}", program.display()))
        .env("LIGHTHOUSES_TOKEN", "any")
        .env("TRUEUP_ALLOWED_HOSTS", "127.0.0.1")
        .output()
        .expect("bash");
    let text = String::from_utf8_lossy(&made.stdout).into_owned();
    assert!(made.status.success(), "{command}\n{text}{}", String::from_utf8_lossy(&made.stderr));
    text
}

#[test]
fn the_tutorial_goes_from_a_document_to_a_nightly_job() {
    let estate: Estate = Arc::new(Mutex::new((1..=500).map(draft_estates::make_lamp).collect()));
    let server = draft_estates::serve_lamps(&estate);
    let workspace = Workspace::new();
    let document = fs::read_to_string("tests/openapi/estates/cursor.yaml").expect("a document");
    workspace.write("openapi.yaml", &document);
    let page = fs::read_to_string("docs/own-apis.md").expect("the page");
    let steps = read_steps(&page);
    assert!(steps.iter().filter(|step| matches!(step, Step::Command(..))).count() >= 8);
    for step in steps {
        match step {
            Step::File(name, text) => {
                let own = text.replace("https://api.lighthouses.example/v1", server.url.as_str());
                workspace.write(&name, &own);
                let jobs: Json = serde_yaml::from_str(&own).expect("YAML");
                for step in jobs["jobs"]["drift"]["steps"].as_array().into_iter().flatten() {
                    step["run"].as_str().into_iter().for_each(|command| drop(run(&workspace, command)));
                }
            }
            Step::Command(command, shown) => {
                let output = run(&workspace, &command);
                let mut lines = output.lines();
                for line in shown.iter().filter(|line| *line != "...") {
                    assert!(lines.any(|own| own == line), "$ {command}\nno line `{line}` in\n{output}");
                }
            }
        }
    }
    // the job sees what someone changes by hand
    estate.lock().expect("no panic")[249]["colour"] = Json::from("white");
    let changed = run(&workspace, "trueup drift; test $? = 2");
    assert!(changed.contains("lamp-250"), "{changed}");
}
