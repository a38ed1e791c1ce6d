//! A folder with the program on its PATH, in which bash runs what a page shows.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::support::own_api_fixture::descriptions;
use trueup::kind::registry::KindRegistry;
use trueup::sandbox::{RunningSandbox, SandboxLauncher, SandboxObserver, SandboxOptions, SandboxSecretMode};

/// A folder for the commands of a page, with an environment of its own.
pub struct PageShell {
    folder: TempDir,
    env: BTreeMap<String, String>,
}

impl PageShell {
    /// A folder whose `repo` is empty. The sandboxes of the test answer for `trueup sandbox`.
    pub fn new() -> Self {
        let shell = Self { folder: tempfile::tempdir().expect("a folder"), env: BTreeMap::new() };
        fs::create_dir(shell.path("repo")).expect("a folder");
        let program = env!("CARGO_BIN_EXE_trueup");
        shell.write_program("trueup", &format!("[ \"$1\" = sandbox ] && exit 0\nexec '{program}' \"$@\""));
        shell
    }

    pub fn root(&self) -> &Path {
        self.folder.path()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }

    /// Puts a shell script on the PATH.
    pub fn write_program(&self, name: &str, script: &str) {
        let name = format!("bin/{name}");
        self.write(&name, &format!("#!/bin/sh\n{script}\n"));
        fs::set_permissions(self.path(&name), fs::Permissions::from_mode(0o755)).expect("a mode");
    }

    pub fn set_variable(&mut self, name: &str, value: &str) {
        self.env.insert(name.to_owned(), value.to_owned());
    }

    /// Starts a script in `repo`. Both of its outputs go to one file, in the order in which they come.
    pub fn start(&self, script: &str) -> Child {
        let file = fs::File::create(self.path("output")).expect("a file");
        let path = std::env::var("PATH").unwrap_or_default();
        Command::new("bash")
            .args(["-c", script])
            .current_dir(self.path("repo"))
            .env_clear()
            .env("PATH", format!("{}:{path}", self.path("bin").display()))
            .env("HOME", self.root())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("TRUEUP_READ_BACK_TIMEOUT", "0.2")
            .envs(["AUTHOR", "COMMITTER"].into_iter().flat_map(|role| {
                [(format!("GIT_{role}_NAME"), "a"), (format!("GIT_{role}_EMAIL"), "a@example.com")]
            }))
            .envs(&self.env)
            .stdin(Stdio::null())
            .stdout(file.try_clone().expect("a handle"))
            .stderr(file)
            .spawn()
            .expect("bash")
    }

    /// The exit code of a script, and its output.
    pub fn wait(&self, mut child: Child) -> (i32, String) {
        let status = child.wait().expect("an end");
        let code =
            status.code().or_else(|| status.signal().map(|number| 128 + number)).expect("an exit code");
        let output = fs::read_to_string(self.path("output")).expect("text");
        (code, output.replace(&*self.root().to_string_lossy(), "~"))
    }
}

/// A sandbox with the built-in kinds and those of `examples/own-api`.
pub fn start_sandbox(observer: Option<SandboxObserver>) -> RunningSandbox {
    let mut faults = Vec::new();
    let registry = KindRegistry::with_workspace(descriptions("examples/own-api".as_ref()), &mut faults);
    assert!(faults.is_empty());
    let kinds = registry.kind_names().iter().filter_map(|name| registry.find_kind(name)).collect();
    let options = SandboxOptions {
        seed: Some(1),
        secret_mode: SandboxSecretMode::Masked,
        observer,
        ..SandboxOptions::default()
    };
    SandboxLauncher::start_server(kinds, options).expect("a sandbox")
}
