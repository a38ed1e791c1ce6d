//! A small runner of workflows: a fresh clone, the steps of the action in their order, files for caches and
//! artifacts, and a `gh` that answers from a folder. Commands are those of the files, none is written here.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value as Json;
use tempfile::TempDir;

use super::yaml;

/// What answers in place of GitHub's own program: comments, issues, artifacts and merged pull requests are files.
const GH: &str = r#"#!/usr/bin/env bash
set -euo pipefail
echo "$*" >> "$HUB/calls"
path="" method=GET
declare -A fields=()
if [ "$1" = run ]; then
  while [ $# -gt 0 ]; do case "$1" in --name) name=$2; shift ;; --dir) dir=$2; shift ;; esac; shift; done
  cp -r "$HUB/artifacts/$name/." "$dir/"; exit 0
fi
shift
while [ $# -gt 0 ]; do
  case "$1" in
    --method) method=$2; shift ;;
    --field) fields["${2%%=*}"]="${2#*=}"; shift ;;
    --jq) shift ;;
    --paginate | --silent) ;;
    *) path=$1 ;;
  esac
  shift
done
body() { cat "${fields[body]#@}"; }
case "$method $path" in
  "GET "*/comments) for file in "$HUB"/comments/*; do [ -f "$file" ] && [ "$(head -c 4 "$file")" = "<!--" ] && grep -q "trueup:$TITLE " "$file" && basename "$file"; done; true ;;
  "POST "*/comments) body > "$HUB/comments/$(($(ls "$HUB/comments" | wc -l) + 100))" ;;
  "PATCH "*/comments/*) body > "$HUB/comments/${path##*/}" ;;
  "GET "*/pulls) cat "$HUB/merged/$GITHUB_SHA" 2> /dev/null || true ;;
  "GET "*/artifacts\?name=*) [ -d "$HUB/artifacts/${path##*=}" ] && echo 4711 || true ;;
  "GET "*/issues\?*) for file in "$HUB"/issues/*; do [ -f "$file" ] && basename "$file"; done; true ;;
  "POST "*/issues) body > "$HUB/issues/9" ;;
  "PATCH "*/issues/9) if [ "${fields[state]-}" = closed ]; then rm "$HUB/issues/9"; else body > "$HUB/issues/9"; fi ;;
  *) echo "no answer to $method $path" >&2; exit 1 ;;
esac
"#;

/// A repository, what the runner keeps, and what the hub knows.
pub struct Hub {
    folder: TempDir,
    secrets: BTreeMap<String, String>,
    runs: usize,
}

/// How a run of a workflow ended.
pub struct Ended {
    pub ok: bool,
    pub log: String,
    /// The clone in which it ran.
    pub clone: PathBuf,
}

impl Hub {
    /// A repository with the files of a folder, their texts changed by `edit`.
    pub fn new(source: &str, edit: impl Fn(String) -> String) -> Self {
        let hub = Self { folder: tempfile::tempdir().expect("a folder"), secrets: BTreeMap::new(), runs: 0 };
        for name in ["repo", "bin", "hub/comments", "hub/issues", "hub/artifacts", "hub/merged", "cache"] {
            fs::create_dir_all(hub.path(name)).expect("a folder");
        }
        for entry in walkdir::WalkDir::new(source).into_iter().filter_map(Result::ok) {
            let path = hub.path("repo").join(entry.path().strip_prefix(source).expect("a path below"));
            match entry.file_type().is_dir() {
                true => fs::create_dir_all(path).expect("a folder"),
                false => {
                    fs::write(path, edit(fs::read_to_string(entry.path()).expect("a text"))).expect("a file")
                }
            }
        }
        hub.program("gh", GH);
        let binary = format!("#!/usr/bin/env bash\nexec '{}' \"$@\"\n", env!("CARGO_BIN_EXE_trueup"));
        hub.program("trueup", &binary);
        hub.git(&["init", "--quiet", "--initial-branch", "main"]);
        hub.commit("first");
        hub
    }

    fn program(&self, name: &str, text: &str) {
        use std::os::unix::fs::PermissionsExt;
        let path = self.path("bin").join(name);
        fs::write(&path, text).expect("a program");
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("a mode");
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn secret(&mut self, name: &str, value: &str) {
        self.secrets.insert(name.to_owned(), value.to_owned());
    }

    /// Git in the repository; what it says.
    pub fn git(&self, arguments: &[&str]) -> String {
        let who = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"];
        let mut command = self.command("git", &self.path("repo"));
        let output = command.args(who).args(arguments).output().expect("git");
        assert!(output.status.success(), "git {arguments:?}: {}", said(&output));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Commits all that is there; the commit.
    pub fn commit(&self, message: &str) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message", message]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// Merges a branch into main as the hub does: the merge commit, and from which pull request it came.
    pub fn merge(&self, branch: &str) -> String {
        let head = self.git(&["rev-parse", branch]);
        self.git(&["checkout", "--quiet", "main"]);
        self.git(&["merge", "--quiet", "--no-ff", "--message", "merge", branch]);
        let merge = self.git(&["rev-parse", "HEAD"]);
        fs::write(self.path("hub/merged").join(&merge), format!("7 {head}\n")).expect("a file");
        merge
    }

    /// What stands in comments, or issues.
    pub fn texts(&self, of: &str) -> Vec<String> {
        let mut paths: Vec<_> = fs::read_dir(self.path("hub").join(of))
            .expect("a folder")
            .map(|e| e.expect("an entry").path())
            .collect();
        paths.sort();
        paths.iter().map(|path| fs::read_to_string(path).expect("a text")).collect()
    }

    fn command(&self, program: &str, folder: &Path) -> Command {
        let mut command = Command::new(program);
        let path = std::env::var("PATH").unwrap_or_default();
        command.current_dir(folder).env_clear();
        command.env("PATH", format!("{}:{path}", self.path("bin").display()));
        command.env("HOME", self.folder.path()).env("GIT_CONFIG_NOSYSTEM", "1");
        command
    }

    /// Runs a workflow of the repository on a commit.
    pub fn run(&mut self, workflow: &str, event: &str, commit: &str) -> Ended {
        self.runs += 1;
        let clone = self.path(&format!("run-{}/clone", self.runs));
        fs::create_dir_all(self.path(&format!("run-{}/temp", self.runs))).expect("a folder");
        let clone_text = clone.to_string_lossy().into_owned();
        self.git(&["clone", "--quiet", "--no-checkout", ".", &clone_text]);
        let out = self.command("git", &clone).args(["checkout", "--quiet", commit]).output().expect("git");
        assert!(out.status.success(), "{}", said(&out));
        let workflow = yaml(&clone.join(".github/workflows").join(workflow).to_string_lossy());
        let job = workflow["jobs"].as_object().expect("jobs").values().next().expect("a job").clone();
        let own = job["steps"]
            .as_array()
            .expect("steps")
            .iter()
            .find(|step| step["uses"].as_str().is_some_and(|uses| uses.contains("/trueup@")));
        let with = own.expect("our action")["with"].clone();
        let mut run = Run::new(self, &clone, (event, commit), &job["env"], &with);
        let action = yaml("action.yml");
        action["runs"]["steps"].as_array().expect("steps").iter().for_each(|step| run.step(step));
        let Run { ok, log, .. } = run;
        Ended { ok, log, clone }
    }
}

/// One run of the action.
struct Run<'h> {
    hub: &'h Hub,
    clone: &'h Path,
    temp: PathBuf,
    values: BTreeMap<String, String>,
    env: BTreeMap<String, String>,
    ok: bool,
    log: String,
}

impl<'h> Run<'h> {
    fn new(hub: &'h Hub, clone: &'h Path, (event, commit): (&str, &str), env: &Json, with: &Json) -> Self {
        let temp = clone.with_file_name("temp");
        let mut values = BTreeMap::new();
        let action = yaml("action.yml");
        for (name, input) in action["inputs"].as_object().expect("inputs") {
            let given = with[name].as_str().or(input["default"].as_str()).unwrap_or_default();
            values.insert(format!("inputs.{name}"), given.to_owned());
        }
        for (name, value) in [
            ("github.event_name", event),
            ("github.event.pull_request.number", "7"),
            ("github.event.pull_request.head.sha", commit),
            ("github.run_id", &hub.runs.to_string()),
            ("github.run_attempt", "1"),
            ("runner.temp", &temp.to_string_lossy()),
        ] {
            values.insert(name.to_owned(), value.to_owned());
        }
        let secrets = env.as_object().expect("variables").keys();
        let secret = |name: &String| {
            let value = hub.secrets.get(name).unwrap_or_else(|| panic!("no secret {name}"));
            (name.clone(), value.clone())
        };
        let mut env: BTreeMap<String, String> = secrets.map(secret).collect();
        for (name, value) in [
            ("GITHUB_REPOSITORY", "example/estate".to_owned()),
            ("GITHUB_SHA", commit.to_owned()),
            ("GITHUB_ACTIONS", "true".to_owned()),
            ("GITHUB_ACTION_PATH", env!("CARGO_MANIFEST_DIR").to_owned()),
            ("RUNNER_TEMP", temp.to_string_lossy().into_owned()),
            ("HUB", hub.path("hub").to_string_lossy().into_owned()),
        ] {
            env.insert(name.to_owned(), value);
        }
        Self { hub, clone, temp, values, env, ok: true, log: String::new() }
    }

    /// A text with its expressions replaced.
    fn filled(&self, text: &str) -> String {
        let mut parts = text.split("${{");
        let mut out = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (expression, rest) = part.split_once("}}").expect("an end");
            let found = expression.split("||").map(|name| self.value(name.trim()));
            out.push_str(&found.into_iter().find(|value| !value.is_empty()).unwrap_or_default());
            out.push_str(rest);
        }
        out
    }

    fn value(&self, name: &str) -> String {
        match name.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')) {
            Some(text) => text.to_owned(),
            None => self.values.get(name).cloned().unwrap_or_default(),
        }
    }

    fn is_due(&self, step: &Json) -> bool {
        let condition = step["if"].as_str().unwrap_or("true");
        let holds = |part: &str| match (part.split_once("=="), part.split_once("!=")) {
            (Some((a, b)), _) => self.value(a.trim()) == self.value(b.trim()),
            (_, Some((a, b))) => self.value(a.trim()) != self.value(b.trim()),
            _ => ["true", "always()"].contains(&part),
        };
        (self.ok || condition.contains("always()")) && condition.split("&&").all(|part| holds(part.trim()))
    }

    fn step(&mut self, step: &Json) {
        if !self.is_due(step) {
            return;
        }
        self.log.push_str(&format!("--- {}\n", step["name"]));
        match (step["run"].as_str(), step["uses"].as_str()) {
            (Some(run), _) => self.script(run, step),
            (_, Some(uses)) => self.uses(uses.split('@').next().unwrap_or_default(), &step["with"]),
            _ => panic!("{step}"),
        }
    }

    fn script(&mut self, run: &str, step: &Json) {
        let output = self.temp.join("output");
        fs::write(&output, "").expect("a file");
        let mut command = self.hub.command("bash", self.clone);
        command.envs(&self.env).env("GITHUB_OUTPUT", &output).args(["-e", "-c", run]);
        for (name, value) in step["env"].as_object().into_iter().flatten() {
            command.env(name, self.filled(value.as_str().expect("a text")));
        }
        let ended = command.output().expect("a shell");
        self.log.push_str(&said(&ended));
        self.ok &= ended.status.success();
        let id = step["id"].as_str().unwrap_or_default();
        for line in fs::read_to_string(output).expect("outputs").lines() {
            let (name, value) = line.split_once('=').expect("a name and a value");
            self.values.insert(format!("steps.{id}.outputs.{name}"), value.to_owned());
        }
    }

    fn uses(&self, uses: &str, with: &Json) {
        let text = |name: &str| self.filled(with[name].as_str().expect("a text"));
        match uses {
            "actions/cache/restore" => copy(&self.hub.path("cache"), &self.clone.join(".trueup")),
            "actions/cache/save" => {
                assert!(text("path").contains("!./.trueup/key"), "the key is not kept: {}", text("path"));
                copy(&self.clone.join(".trueup"), &self.hub.path("cache"));
                let _ = fs::remove_file(self.hub.path("cache/key"));
            }
            "actions/upload-artifact" => {
                let artifact = self.hub.path("hub/artifacts").join(text("name"));
                copy(&self.clone.join(text("path")), &artifact);
            }
            other => panic!("nothing stands for {other}"),
        }
    }
}

fn copy(from: &Path, to: &Path) {
    for entry in walkdir::WalkDir::new(from).into_iter().filter_map(Result::ok) {
        let path = to.join(entry.path().strip_prefix(from).expect("a path below"));
        match entry.file_type().is_dir() {
            true => fs::create_dir_all(path).expect("a folder"),
            false => drop(fs::copy(entry.path(), path).expect("a file")),
        }
    }
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
