//! Where a section of the runbook is run: a repository with twelve zones and a gateway, all applied, and a sandbox.

use std::fmt::Write as _;
use std::process::{Child, Command};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Map, Value as Json};

use super::shell::{PageShell, start_sandbox};
use crate::support::own_api_fixture::descriptions;
use trueup::sandbox::{RunningSandbox, SandboxFault, SandboxObserver};

const ZONE: &str = "parking/zone";

/// A workspace in a repository, and the services.
pub struct RunbookWorkspace {
    shell: PageShell,
    sandbox: RunningSandbox,
    /// Set by the sandbox when it has answered a write.
    has_written: Arc<AtomicBool>,
    /// Sent to the next command after its first write.
    signal: Option<String>,
}

impl RunbookWorkspace {
    pub fn new() -> Self {
        let mut shell = PageShell::new();
        for (name, value) in [
            ("PARKING_KEY", "k-read-write"),
            ("HARBOR_TOKEN", "any"),
            ("HARBOR_MERCHANT_KEY", "k:9,f"),
            ("RIVER_MACHINE_KEY", "m-0003"),
        ] {
            shell.set_variable(name, value);
        }
        let has_written = Arc::new(AtomicBool::new(false));
        let sandbox = start_sandbox(Some(observe_writes(&has_written)));
        let context = Self { shell, sandbox, has_written, signal: None };
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

    fn write_workspace(&self) {
        for (name, text) in descriptions("examples/own-api".as_ref()) {
            self.shell.write(&format!("repo/{name}"), &text);
        }
        let (town, harbor) = (self.sandbox.base_url("parking"), self.sandbox.base_url("bootview"));
        self.shell.write(
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
        self.shell.write("repo/config/zones.yaml", &zones);
        self.shell.write(
            "repo/config/gateways.yaml",
            "kind: bootview/payment-gateway\nname: harbor-cards\nspec:\n  displayName: Card gateway\n  \
             merchantKey: { from_env: HARBOR_MERCHANT_KEY }\n  merchantPin: null\n  maxPaymentAmount: 2500.00\n",
        );
        self.shell.write("repo/.gitignore", ".trueup/\nplan.json\n");
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
            "set" => self.shell.set_variable(pair().0, pair().1),
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
            self.shell.set_variable(name, value);
        }
        self.execute(command, signal.as_deref())
    }

    fn execute(&self, command: &str, signal: Option<&str>) -> (i32, String) {
        self.has_written.store(false, Ordering::Relaxed);
        let Some(name) = signal else { return self.shell.wait(self.shell.start(command)) };
        let mut child = self.shell.start(&format!("exec {command}"));
        self.signal_after_write(&mut child, name);
        self.shell.wait(child)
    }

    fn signal_after_write(&self, child: &mut Child, name: &str) {
        while !self.has_written.load(Ordering::Relaxed) {
            assert!(child.try_wait().expect("a child").is_none(), "it ended before it wrote");
            std::thread::sleep(Duration::from_millis(2));
        }
        let kill = format!("kill -{name} {}", child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().expect("a shell").success(), "{kill}");
    }
}

/// Notes that the sandbox has answered a write.
fn observe_writes(has_written: &Arc<AtomicBool>) -> SandboxObserver {
    let has_written = Arc::clone(has_written);
    Arc::new(move |entry| {
        if entry.method != "GET" {
            has_written.store(true, Ordering::Relaxed);
        }
    })
}
