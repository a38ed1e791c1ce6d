//! A small runner of workflows: a fresh clone, the steps of the action in their order, files for caches and
//! artifacts, and a `gh` that answers from a folder. Commands are those of the files, none is written here.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value as Json, json};
use tempfile::TempDir;

use super::{document, yaml};

/// Answers in place of GitHub's own program, from JSON files.
const GH: &str = include_str!("gh-stub.sh");

/// The numbers of this repository and of a fork.
const REPOSITORY_ID: u32 = 1;
pub const FORK_ID: u32 = 2;

/// A repository, what the runner keeps, and what the hub knows.
pub struct Hub {
    folder: TempDir,
    secrets: BTreeMap<String, String>,
    variables: BTreeMap<String, String>,
    is_fork: bool,
    runs: usize,
    action: Json,
}

/// How a run of a workflow ended.
pub struct Ended {
    pub ok: bool,
    pub log: String,
    /// The exit codes of the commands, one for each job.
    pub codes: Vec<String>,
    /// The clone in which it ran.
    pub clone: PathBuf,
}

impl Hub {
    /// A repository with the files of a folder, their texts changed by `edit`.
    pub fn new(source: &str, edit: impl Fn(String) -> String) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let hub = Self {
            folder,
            secrets: BTreeMap::new(),
            variables: BTreeMap::new(),
            is_fork: false,
            runs: 0,
            action: yaml("action.yml"),
        };
        for name in ["repo", "bin", "hub/artifacts", "hub/merged", "cache"] {
            fs::create_dir_all(hub.path(name)).expect("a folder");
        }
        ["comments", "issues", "artifacts", "runs"].iter().for_each(|name| hub.write_list(name, &[]));
        hub.describe_pull("", "author", None);
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

    pub fn forget(&mut self, name: &str) {
        self.secrets.remove(name);
    }

    /// What the description of the pull request says, who opened it, and who edited it last.
    pub fn describe_pull(&self, body: &str, author: &str, editor: Option<&str>) {
        let editors: Vec<Option<&str>> = editor.iter().map(|login| Some(*login)).collect();
        self.describe_edits(body, author, (&editors, editors.len()));
    }

    /// The same with all its editors, the last one first, as far as they are reported, and the number of all edits.
    pub fn describe_edits(&self, body: &str, author: &str, edits: (&[Option<&str>], usize)) {
        let (editors, total) = edits;
        let person = |login: &Option<&str>| login.map(|login| json!({ "login": login }));
        let nodes: Vec<Json> = editors.iter().map(|editor| json!({ "editor": person(editor) })).collect();
        let pull = json!({
            "body": body,
            "author": { "login": author },
            "editor": editors.first().and_then(person),
            "userContentEdits": { "totalCount": total, "nodes": nodes },
        });
        fs::write(self.path("hub/pull.json"), pull.to_string()).expect("a file");
    }

    /// Sets a variable of every runner, such as the address of a server of one's own.
    pub fn variable(&mut self, name: &str, value: &str) {
        self.variables.insert(name.to_owned(), value.to_owned());
    }

    /// Uses another action than the one of this repository.
    pub fn use_action(&mut self, action: Json) {
        self.action = action;
    }

    /// The number of the last run.
    pub fn last_run(&self) -> String {
        self.runs.to_string()
    }

    /// Git in the repository; what it says.
    pub fn git(&self, arguments: &[&str]) -> String {
        let who = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"];
        let mut command = self.command("git", &self.path("repo"));
        let output = command.args(who).args(arguments).output().expect("git");
        assert!(output.status.success(), "git {arguments:?}: {}", said(&output));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// A script in the repository, with the secrets of the runner.
    pub fn shell(&self, script: &str) -> Command {
        let mut command = self.command("bash", &self.path("repo"));
        command.envs(&self.secrets).args(["-e", "-c", script]);
        command
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
        let pulls = json!([{ "number": 7, "merged_at": "2026-11-30T12:00:00Z", "head": { "sha": head } }]);
        fs::write(self.path("hub/merged").join(format!("{merge}.json")), pulls.to_string()).expect("a file");
        merge
    }

    /// What GitHub holds: `comments`, `issues`, `artifacts` or `runs`.
    pub fn read_list(&self, name: &str) -> Vec<Json> {
        let text = fs::read_to_string(self.path(&format!("hub/{name}.json"))).expect("a list");
        serde_json::from_str(&text).expect("JSON")
    }

    pub fn write_list(&self, name: &str, entries: &[Json]) {
        fs::write(self.path(&format!("hub/{name}.json")), Json::from(entries).to_string()).expect("a file");
    }

    pub fn push(&self, name: &str, entry: Json) {
        let mut entries = self.read_list(name);
        entries.push(entry);
        self.write_list(name, &entries);
    }

    /// The bodies of comments, or of open issues.
    pub fn read_bodies(&self, name: &str) -> Vec<String> {
        let entries = self.read_list(name).into_iter().filter(|entry| entry["state"] != "closed");
        entries.map(|entry| entry["body"].as_str().expect("a body").to_owned()).collect()
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
        self.run_with(workflow, event, commit, &[])
    }

    /// A plan for a pull request of a fork: without secrets, as it should be, or with them, to see what happens.
    pub fn run_for_fork(&mut self, workflow: &str, commit: &str, with_secrets: bool) -> Ended {
        let secrets = if with_secrets { BTreeMap::new() } else { std::mem::take(&mut self.secrets) };
        self.is_fork = true;
        let ended = self.run_with(workflow, "pull_request", commit, &[]);
        self.is_fork = false;
        self.secrets.extend(secrets);
        ended
    }

    /// The same, with other inputs of the action than the workflow gives.
    pub fn run_with(&mut self, workflow: &str, event: &str, commit: &str, inputs: &[(&str, &str)]) -> Ended {
        self.runs += 1;
        let file = format!(".github/workflows/{workflow}");
        self.push(
            "runs",
            json!({ "id": self.runs, "run_number": self.runs, "workflow_id": workflow, "path": file, "event": event,
                "head_sha": commit, "status": "in_progress", "head_repository": { "id": REPOSITORY_ID },
                "repository": { "id": REPOSITORY_ID },
                "run_started_at": format!("2026-11-30T12:{:0>2}:00Z", self.runs) }),
        );
        let text = self.git(&["show", &format!("{commit}:{file}")]);
        let jobs = document(&file, &text)["jobs"].as_object().expect("jobs").clone();
        let mut ended = Ended { ok: true, log: String::new(), codes: Vec::new(), clone: PathBuf::new() };
        for (name, job) in jobs {
            if ended.ok {
                let ran = self.run_job((&name, &job), event, commit, inputs);
                ended.codes.extend(ran.codes);
                ended = Ended { log: ended.log + &ran.log, codes: ended.codes, ..ran };
            }
        }
        let mut runs = self.read_list("runs");
        runs.last_mut().expect("this run")["status"] = Json::from("completed");
        self.write_list("runs", &runs);
        ended
    }

    /// One job of a workflow, on a machine of its own.
    fn run_job(&self, job: (&str, &Json), event: &str, commit: &str, inputs: &[(&str, &str)]) -> Ended {
        let (name, job) = job;
        let clone = self.path(&format!("run-{}/{name}/clone", self.runs));
        fs::create_dir_all(clone.with_file_name("temp")).expect("a folder");
        self.git(&["clone", "--quiet", "--no-checkout", ".", &clone.to_string_lossy()]);
        let out = self.command("git", &clone).args(["checkout", "--quiet", commit]).output().expect("git");
        assert!(out.status.success(), "{}", said(&out));
        let mut steps = job["steps"].as_array().expect("steps").iter();
        let own = steps.find(|step| step["uses"].as_str().is_some_and(|uses| uses.contains("/trueup@")));
        let mut with = own.expect("our action")["with"].clone();
        inputs.iter().for_each(|(name, value)| with[*name] = Json::from(*value));
        let mut run = Run::new(self, &clone, event, commit);
        run.read_inputs(&with);
        run.read_environment(&job["env"]);
        run.env.insert("GITHUB_JOB".to_owned(), name.to_owned());
        self.action["runs"]["steps"].as_array().expect("steps").iter().for_each(|step| run.step(step));
        let Run { ok, log, values, .. } = run;
        let codes =
            values.into_iter().filter(|(name, code)| name.ends_with(".outputs.exitcode") && !code.is_empty());
        Ended { ok, log, codes: codes.map(|(_, code)| code).collect(), clone }
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
    fn new(hub: &'h Hub, clone: &'h Path, event: &str, commit: &str) -> Self {
        let temp = clone.with_file_name("temp");
        let (number, temp_text) = (hub.runs.to_string(), temp.to_string_lossy().into_owned());
        let mut values = BTreeMap::from(
            [
                ("github.event_name", event),
                ("github.run_id", &number),
                ("github.run_attempt", "1"),
                ("github.sha", commit),
                ("github.repository", "example/estate"),
                ("runner.temp", &temp_text),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned())),
        );
        if event == "pull_request" {
            values.insert("github.event.pull_request.number".to_owned(), "7".to_owned());
            values.insert("github.event.pull_request.head.sha".to_owned(), commit.to_owned());
            let head = if hub.is_fork { "mallory/estate" } else { "example/estate" };
            values.insert("github.event.pull_request.head.repo.full_name".to_owned(), head.to_owned());
        }
        let env = BTreeMap::from(
            [
                ("GITHUB_REPOSITORY", "example/estate"),
                ("GITHUB_SHA", commit),
                ("GITHUB_RUN_ID", &number),
                ("GITHUB_RUN_NUMBER", &number),
                ("GITHUB_ACTIONS", "true"),
                ("GITHUB_ACTION_PATH", env!("CARGO_MANIFEST_DIR")),
                ("RUNNER_TEMP", &temp_text),
                ("WAIT_SECONDS", "0.2"),
                ("HUB", &hub.path("hub").to_string_lossy()),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned())),
        );
        let env = env.into_iter().chain(hub.variables.clone()).collect();
        Self { hub, clone, temp, values, env, ok: true, log: String::new() }
    }

    /// The inputs that a workflow gives, and the action's own defaults.
    fn read_inputs(&mut self, with: &Json) {
        for (name, input) in self.hub.action["inputs"].as_object().expect("inputs") {
            let default = input["default"].as_str().unwrap_or_default();
            let default = if default.starts_with("${{") { "token" } else { default };
            let given = with[name].as_str().filter(|text| !text.starts_with("${{")).unwrap_or(default);
            self.values.insert(format!("inputs.{name}"), given.to_owned());
        }
    }

    /// The secrets that a job names.
    fn read_environment(&mut self, env: &Json) {
        for name in env.as_object().expect("variables").keys() {
            if let Some(value) = self.hub.secrets.get(name) {
                self.env.insert(name.clone(), value.clone());
            }
        }
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
        (self.ok || condition.contains("always()")) && self.holds(condition)
    }

    /// `a && (b || c)`, with comparisons of values and texts.
    fn holds(&self, condition: &str) -> bool {
        let split = |separator: &str| {
            let mut depth = 0;
            let at = condition.char_indices().find(|(at, c)| {
                depth += i32::from(*c == '(') - i32::from(*c == ')');
                depth == 0 && condition[*at..].starts_with(separator)
            });
            at.map(|(at, _)| (condition[..at].trim(), condition[at + separator.len()..].trim()))
        };
        if let Some((left, right)) = split("||") {
            return self.holds(left) || self.holds(right);
        }
        if let Some((left, right)) = split("&&") {
            return self.holds(left) && self.holds(right);
        }
        if let Some(inner) = condition.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
            return self.holds(inner);
        }
        match (condition.split_once("=="), condition.split_once("!=")) {
            (Some((left, right)), _) => self.value(left.trim()) == self.value(right.trim()),
            (_, Some((left, right))) => self.value(left.trim()) != self.value(right.trim()),
            _ => ["true", "always()"].contains(&condition),
        }
    }

    fn step(&mut self, step: &Json) {
        if !self.is_due(step) {
            return;
        }
        self.log.push_str(&format!("--- {}\n", step["name"]));
        match (step["run"].as_str(), step["uses"].as_str()) {
            (Some(run), _) => self.script(run, step),
            (_, Some(uses)) => self.uses(uses.split('@').next().unwrap_or_default(), step),
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

    fn uses(&mut self, uses: &str, step: &Json) {
        let with = &step["with"];
        let text = |name: &str| self.filled(with[name].as_str().expect("a text"));
        let cache = |key: &str| self.hub.path("cache").join(key);
        match uses {
            "actions/cache/restore" => {
                let newest = newest_folder(&self.hub.path("cache"), &text("restore-keys"));
                let folder = newest.iter().filter(|_| with["lookup-only"] != true);
                folder.for_each(|folder| copy(folder, Path::new(&text("path"))));
                let name = newest.iter().filter_map(|folder| folder.file_name());
                let key = name.map(|name| name.to_string_lossy().into_owned()).collect();
                let id = step["id"].as_str().unwrap_or_default();
                self.values.insert(format!("steps.{id}.outputs.cache-matched-key"), key);
            }
            "actions/cache/save" => copy(Path::new(&text("path")), &cache(&text("key"))),
            "actions/upload-artifact" => {
                let (name, from) = (text("name"), self.clone.join(text("path")));
                if !from.exists() {
                    return;
                }
                let run = &self.values["github.run_id"];
                copy(&from, &self.hub.path("hub/artifacts").join(run).join(&name));
                self.hub.push("artifacts", artifact(&name, run, &self.env["GITHUB_SHA"], REPOSITORY_ID));
            }
            other => panic!("nothing stands for {other}"),
        }
    }
}

/// An artifact of a run, as GitHub lists it.
pub fn artifact(name: &str, run: &str, commit: &str, head_repository: u32) -> Json {
    json!({ "id": 4000 + run.parse::<u32>().expect("a number"), "name": name, "expired": false,
        "created_at": format!("2026-11-30T12:00:{run:0>2}Z"),
        "workflow_run": { "id": run.parse::<u32>().expect("a number"), "head_sha": commit,
            "head_repository_id": head_repository, "repository_id": REPOSITORY_ID } })
}

/// The newest folder below `folder` whose name begins so.
fn newest_folder(folder: &Path, prefix: &str) -> Option<PathBuf> {
    let folders = fs::read_dir(folder).expect("a cache").map(|entry| entry.expect("an entry").path());
    let named = folders
        .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(prefix)));
    named.max_by_key(|path| fs::metadata(path).and_then(|of| of.modified()).expect("a time"))
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
