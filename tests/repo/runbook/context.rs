//! Where a section is played: a repository with twelve zones and a gateway, all applied, and a sandbox.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Map, Value as Json};
use tempfile::TempDir;

use trueup::sandbox::{RunningSandbox, SandboxFault, SandboxLauncher, SandboxOptions, SandboxSecretMode};

use crate::support::own_api_fixture::descriptions;
use trueup::kind::registry::KindRegistry;

const ZONE: &str = "parking/zone";

/// A workspace in a repository, and the services.
pub struct Scene {
    folder: TempDir,
    sandbox: RunningSandbox,
    env: BTreeMap<String, String>,
    /// Set by the sandbox when it has answered a write.
    has_written: Arc<AtomicBool>,
    /// Sent to the next command after its first write.
    signal: Option<String>,
}

impl Scene {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let has_written = Arc::new(AtomicBool::new(false));
        let sandbox = start_sandbox(&has_written);
        let env = BTreeMap::from(
            [
                ("PARKING_KEY", "k-read-write"),
                ("HARBOR_TOKEN", "any"),
                ("HARBOR_MERCHANT_KEY", "k:9,f"),
                ("RIVER_MACHINE_KEY", "m-0003"),
                ("TRUEUP_READ_BACK_TIMEOUT", "0.2"),
                ("GIT_CONFIG_NOSYSTEM", "1"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned())),
        );
        let context = Self { folder, sandbox, env, has_written, signal: None };
        context.write_workspace();
        for command in [
            "git init -q -b main . && git add --all && git commit -q -m first",
            "trueup apply --auto-approve",
            "trueup plan --detailed-exitcode",
        ] {
            let (code, output) = context.execute(command, None);
            assert_eq!(code, 0, "{command}\n{output}");
        }
        context
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }

    fn write_workspace(&self) {
        for (name, text) in descriptions("examples/own-api".as_ref()) {
            self.write(&format!("repo/{name}"), &text);
        }
        let (town, harbor) = (self.sandbox.base_url("parking"), self.sandbox.base_url("bootview"));
        self.write(
            "repo/trueup.yaml",
            &format!(
                "targets:\n  town:\n    api: parking\n    base_url: {town}\n    auth: {{ headers: {{ X-Parking-Key: {{ from_env: PARKING_KEY }} }} }}\n  \
                 harbor:\n    api: bootview\n    base_url: {harbor}\n    auth: {{ bearer: {{ from_env: HARBOR_TOKEN }} }}\n    \
                 scope: {{ customerId: 3f2b8c1e-5d4a-4e7f-9a60-1b2c3d4e5f60 }}\n"
            ),
        );
        let mut zones = String::new();
        for number in 1..=12 {
            let separator = if number == 1 { "" } else { "---\n" };
            let _ = write!(
                zones,
                "{separator}kind: parking/zone\nname: zone-{number:02}\nspec:\n  code: Z{number:02}\n  name: Zone {number:02}\n  kind: mixed\n  payment: [card, app]\n  longestStay: 120\n"
            );
        }
        zones.push_str("  machineKey: { from_env: RIVER_MACHINE_KEY }\n");
        self.write("repo/config/zones.yaml", &zones);
        self.write(
            "repo/config/gateways.yaml",
            "kind: bootview/payment-gateway\nname: harbor-cards\nspec:\n  displayName: Card gateway\n  \
             merchantKey: { from_env: HARBOR_MERCHANT_KEY }\n  merchantPin: null\n  maxPaymentAmount: 2500.00\n",
        );
        self.write("repo/.gitignore", ".trueup/\nplan.json\n");
        let program = format!("#!/bin/sh\nexec '{}' \"$@\"\n", env!("CARGO_BIN_EXE_trueup"));
        self.write("bin/trueup", &program);
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(self.path("bin/trueup"), mode).expect("a mode");
    }

    /// One line of a situation: a directive, or a command of the shell.
    ///
    /// `edit CODE MEMBER=JSON` changes a zone by hand, `fail FAULT` breaks requests, `set NAME=VALUE` a variable,
    /// `signal NAME` is sent to the next command after its first write.
    pub fn prepare(&mut self, line: &str) {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let pair = || rest.split_once('=').expect("NAME=VALUE");
        match word {
            "edit" => self.edit(rest),
            "fail" => {
                self.sandbox.add_fault(SandboxFault::parse_fault(rest).unwrap_or_else(|why| panic!("{why}")));
            }
            "set" => drop(self.env.insert(pair().0.to_owned(), pair().1.to_owned())),
            "signal" => self.signal = Some(rest.to_owned()),
            _ => {
                let (code, output) = self.execute(line, None);
                assert_eq!(code, 0, "{line}\n{output}");
            }
        }
    }

    fn edit(&self, text: &str) {
        let (code, member) = text.split_once(' ').expect("CODE MEMBER=JSON");
        let (member, value) = member.split_once('=').expect("MEMBER=JSON");
        let dump = self.sandbox.dump_state();
        let zones = dump[ZONE].as_array().expect("zones");
        let zone = zones.iter().find(|zone| zone["object"]["code"] == code).expect("a zone");
        let value: Json = serde_json::from_str(value).expect("JSON");
        let members = Map::from_iter([(member.to_owned(), value)]);
        let id = zone["object"]["id"].as_str().expect("an id");
        self.sandbox.edit_object(ZONE, id, &members).unwrap_or_else(|why| panic!("{why}"));
    }

    /// Runs a command of the page: its exit code, and both outputs in the order in which they came.
    pub fn run(&mut self, command: &str) -> (i32, String) {
        let signal = self.signal.take();
        if let Some((name, value)) = command.strip_prefix("export ").and_then(|rest| rest.split_once('=')) {
            self.env.insert(name.to_owned(), value.to_owned());
        }
        self.execute(command, signal.as_deref())
    }

    fn execute(&self, command: &str, signal: Option<&str>) -> (i32, String) {
        self.has_written.store(false, Ordering::Relaxed);
        let output = self.path("output");
        let file = fs::File::create(&output).expect("a file");
        let path = std::env::var("PATH").unwrap_or_default();
        let exec = if signal.is_some() { "exec " } else { "" };
        let mut child = Command::new("bash")
            .args(["-c", &format!("{exec}{command}")])
            .current_dir(self.path("repo"))
            .env_clear()
            .env("PATH", format!("{}:{path}", self.path("bin").display()))
            .env("HOME", self.folder.path())
            .envs(["AUTHOR", "COMMITTER"].into_iter().flat_map(|who| {
                [(format!("GIT_{who}_NAME"), "a"), (format!("GIT_{who}_EMAIL"), "a@example.com")]
            }))
            .envs(&self.env)
            .stdin(Stdio::null())
            .stdout(file.try_clone().expect("a handle"))
            .stderr(file)
            .spawn()
            .expect("bash");
        if let Some(name) = signal {
            self.signal_after_write(&mut child, name);
        }
        let status = child.wait().expect("an end");
        let code =
            status.code().or_else(|| status.signal().map(|number| 128 + number)).expect("an exit code");
        (code, fs::read_to_string(output).expect("text").replace(&*self.folder.path().to_string_lossy(), "~"))
    }

    fn signal_after_write(&self, child: &mut std::process::Child, name: &str) {
        while !self.has_written.load(Ordering::Relaxed) {
            assert!(child.try_wait().expect("a child").is_none(), "it ended before it wrote");
            std::thread::sleep(Duration::from_millis(2));
        }
        let kill = format!("kill -{name} {}", child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().expect("a shell").success(), "{kill}");
    }
}

fn start_sandbox(has_written: &Arc<AtomicBool>) -> RunningSandbox {
    let mut faults = Vec::new();
    let registry = KindRegistry::with_workspace(descriptions("examples/own-api".as_ref()), &mut faults);
    assert!(faults.is_empty());
    let kinds = registry.kind_names().iter().filter_map(|name| registry.find_kind(name)).collect();
    let seen = Arc::clone(has_written);
    let observer: trueup::sandbox::SandboxObserver = Arc::new(move |entry| {
        if entry.method != "GET" {
            seen.store(true, Ordering::Relaxed);
        }
    });
    let options = SandboxOptions {
        seed: Some(1),
        secret_mode: SandboxSecretMode::Masked,
        observer: Some(observer),
        ..SandboxOptions::default()
    };
    SandboxLauncher::start_server(kinds, options).expect("a sandbox")
}
