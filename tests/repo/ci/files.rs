//! Files for CI services: each is YAML, and what it runs is there.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value as Json;

use super::published::WORKFLOWS;
use super::yaml;
use crate::support::workspace::Workspace;

fn steps(workflow: &Json) -> impl Iterator<Item = &Json> {
    let jobs = workflow["jobs"].as_object().expect("jobs");
    jobs.values().flat_map(|job| job["steps"].as_array().expect("steps"))
}

#[test]
fn workflows_ask_for_little_and_end() {
    for path in WORKFLOWS {
        let workflow = yaml(path);
        assert!(workflow["permissions"].is_object(), "{path} takes what it is given");
        for (name, job) in workflow["jobs"].as_object().expect("jobs") {
            assert!(job["timeout-minutes"].is_u64(), "{path}: {name} has no end");
            assert!(job["runs-on"].is_string(), "{path}: {name}");
        }
        for step in steps(&workflow) {
            let (uses, run) = (step["uses"].as_str(), step["run"].as_str());
            assert!(uses.is_some() != run.is_some(), "{path}: {step}");
            if let Some(uses) = uses {
                assert!(uses.contains("@v"), "{path}: {uses} has no version");
            }
            // what comes from outside reaches a shell by variables only
            assert!(!run.is_some_and(|run| run.contains("${{")), "{path}: {step}");
        }
    }
}

#[test]
fn the_action_is_whole() {
    let action = yaml("action.yml");
    let inputs: BTreeSet<&str> = action["inputs"].as_object().expect("inputs").keys().map(|k| &**k).collect();
    let text = fs::read_to_string("action.yml").expect("the action");
    for used in text.split("inputs.").skip(1) {
        let name: String = used.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
        assert!(inputs.contains(&*name), "there is no input `{name}`");
    }
    for step in action["runs"]["steps"].as_array().expect("steps") {
        assert!(step["name"].is_string(), "{step}");
        if let Some(run) = step["run"].as_str() {
            assert_eq!(step["shell"], "bash", "{step}");
            assert!(!run.contains("${{"), "{step}");
        }
    }
    for path in WORKFLOWS.iter().filter(|path| path.starts_with("examples")) {
        let workflow = yaml(path);
        let own = steps(&workflow).find(|step| step["uses"].as_str().is_some_and(|u| u.contains("/trueup@")));
        for given in own.expect("our action")["with"].as_object().expect("inputs").keys() {
            assert!(inputs.contains(&**given), "{path}: {given}");
        }
    }
}

#[test]
fn hooks_and_pipelines_run_commands_that_there_are() {
    let workspace = Workspace::new();
    let mut commands = BTreeSet::new();
    for hook in yaml(".pre-commit-hooks.yaml").as_array().expect("hooks") {
        for member in ["id", "name", "entry", "language", "files"] {
            assert!(hook[member].is_string(), "{hook}");
        }
        commands.insert(hook["entry"].as_str().expect("an entry").to_owned());
    }
    let files = ["action.yml", "templates/trueup.yml", "ci/atlantis.yaml", "docs/ci.md"];
    for line in files.iter().flat_map(|file| {
        fs::read_to_string(file).expect("a file").lines().map(str::to_owned).collect::<Vec<_>>()
    }) {
        let line = line.trim().trim_start_matches(['-', '$', ' ']).trim_start_matches("run: ");
        if line.starts_with("trueup ") {
            commands.insert(line.split(['#', '|', '>', '\\']).next().unwrap_or_default().trim().to_owned());
        }
    }
    assert!(commands.len() >= 8, "{commands:?}");
    for command in commands {
        // the words, and the flags; whatever a value is
        let words: Vec<&str> = command
            .split(' ')
            .skip(1)
            .filter(|word| word.chars().all(|c| c.is_ascii_lowercase() || c == '-'))
            .collect();
        let verbs: Vec<&str> =
            words.iter().take_while(|word| !word.starts_with('-')).copied().take(2).collect();
        let help = workspace.expect(0, &[&verbs[..], &["--help"]].concat());
        for flag in words.iter().filter(|word| word.starts_with("--")) {
            help.says(&[flag]);
        }
    }
}

#[test]
fn the_other_files_are_sound() {
    let hooks = yaml(".pre-commit-hooks.yaml");
    let known: Vec<&Json> = hooks.as_array().expect("hooks").iter().map(|hook| &hook["id"]).collect();
    let config = yaml("examples/gitops-repo/.pre-commit-config.yaml");
    for hook in config["repos"][0]["hooks"].as_array().expect("hooks") {
        assert!(known.contains(&&hook["id"]), "{hook}");
    }
    // a header and the jobs
    let text = fs::read_to_string("templates/trueup.yml").expect("the component");
    let (head, jobs) = text.split_once("\n---\n").expect("two documents");
    let head: Json = serde_yaml::from_str(head).expect("a header");
    let jobs: Json = serde_yaml::from_str(&jobs.replace("$[[ inputs.name ]]", "trueup")).expect("jobs");
    for used in text.split("$[[ inputs.").skip(1) {
        let name = used.split(" ]]").next().unwrap_or_default();
        assert!(head["spec"]["inputs"][name].is_object(), "{name}");
    }
    for (name, job) in jobs.as_object().expect("jobs").iter().filter(|(name, _)| !name.starts_with('.')) {
        assert!(job["script"].is_array() && job["rules"].is_array(), "{name}");
        let base = job["extends"].as_str().expect("a base");
        assert!(base == ".trueup" || jobs[base]["extends"] == ".trueup", "{name}");
    }
    let atlantis = yaml("ci/atlantis.yaml");
    let workflow = atlantis["repos"][0]["workflow"].as_str().expect("a workflow");
    assert!(atlantis["workflows"][workflow]["plan"]["steps"].is_array());
    let docker = fs::read_to_string("Dockerfile").expect("the Dockerfile");
    let last = docker.rsplit("FROM ").next().expect("a stage");
    assert!(last.starts_with("scratch") && last.contains("USER 65532") && last.contains("ca-certificates"));
}

#[test]
fn the_example_is_sound_by_itself() {
    let workspace = Workspace::new();
    for arguments in [&["validate"][..], &["policy", "test"], &["fmt", "--check"]] {
        workspace.expect(0, &[&["-C", &root()][..], arguments].concat());
    }
}

fn root() -> String {
    format!("{}/examples/gitops-repo", env!("CARGO_MANIFEST_DIR"))
}
