//! A workspace on disk and the real program in it, with an environment of its own.
//!
//! Nothing of the machine's environment reaches the program, so a run on CI and one on a workspace are the same.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value as Json;
use tempfile::TempDir;

/// Longer than any run may take; a run that hangs fails the test that started it.
const PATIENCE: Duration = Duration::from_secs(120);

/// A workspace and its environment.
pub struct Workspace {
    root: TempDir,
    /// Where the program may put temporary files.
    scratch: TempDir,
    env: BTreeMap<String, String>,
}

/// What a run left.
pub struct ProgramOutput {
    /// None when a signal ended it.
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Workspace {
    /// An empty workspace.
    pub fn new() -> Self {
        let folder = || tempfile::tempdir().expect("a temporary folder");
        // what a service does not show is not waited for
        let env = BTreeMap::from([("TRUEUP_READ_BACK_TIMEOUT".to_owned(), "0.2".to_owned())]);
        Self { root: folder(), scratch: folder(), env }
    }

    /// The workspace.
    pub fn root(&self) -> &Path {
        self.root.path()
    }

    /// Where temporary files go.
    pub fn scratch(&self) -> &Path {
        self.scratch.path()
    }

    /// Writes a file of the workspace.
    pub fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }

    /// Takes a file of the workspace away.
    pub fn remove(&self, name: &str) {
        fs::remove_file(self.path(name)).expect("a file to remove");
    }

    /// The path of a file of the workspace.
    pub fn path(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    /// The text of a file of the workspace.
    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).expect("a file to read")
    }

    /// Lets the time pass in which services may still carry out what was sent.
    pub fn pass_time(&self) {
        for path in [".trueup/index.json", ".trueup/written.jsonl"] {
            let Ok(text) = fs::read_to_string(self.path(path)) else { continue };
            let pass = |line: &str| match serde_json::from_str(line) {
                Ok(mut stored) => {
                    end_waits(&mut stored);
                    stored.to_string()
                }
                // the end of a line that a kill cut
                Err(_) => line.to_owned(),
            };
            let whole: Vec<String> = match path.ends_with("jsonl") {
                true => text.split('\n').map(pass).collect(),
                false => vec![pass(&text)],
            };
            self.write(path, &whole.join("\n"));
        }
    }

    /// Sets a variable for every run from now on.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.env.insert(name.into(), value.into());
    }

    /// Takes a variable away.
    pub fn unset(&mut self, name: &str) {
        self.env.remove(name);
    }

    /// The program with these arguments, ready to start in the workspace, its output piped.
    pub fn command(&self, arguments: &[&str]) -> Command {
        self.run_by(Command::new(env!("CARGO_BIN_EXE_trueup")), arguments)
    }

    /// The same through another program, which gets the whole command line as its last arguments.
    pub fn command_by(&self, mut wrapper: Command, arguments: &[&str]) -> Command {
        wrapper.arg(env!("CARGO_BIN_EXE_trueup"));
        self.run_by(wrapper, arguments)
    }

    /// The program on a terminal of its own, 120 columns wide, whose other end is the output of this command.
    /// What is written to its input is typed there.
    #[cfg(target_os = "linux")]
    pub fn command_on_terminal(&self, arguments: &[&str]) -> Command {
        let words = std::iter::once(env!("CARGO_BIN_EXE_trueup")).chain(arguments.iter().copied());
        let words: Vec<String> = words.map(|word| format!("'{}'", word.replace('\'', "'\\''"))).collect();
        let mut script = Command::new("script");
        script.args(["-qec", &format!("stty cols 120; exec {}", words.join(" ")), "/dev/null"]);
        let mut command = self.run_by(script, &[]);
        command.env("SHELL", "/bin/sh").env("TERM", "xterm");
        command
    }

    fn run_by(&self, mut command: Command, arguments: &[&str]) -> Command {
        command.args(arguments).current_dir(self.root()).env_clear();
        // Windows starts nothing without the first two
        for name in ["SYSTEMROOT", "PATHEXT", "PATH"] {
            command.envs(std::env::var_os(name).map(|value| (name, value)));
        }
        for name in ["TMPDIR", "TEMP", "TMP", "HOME"] {
            command.env(name, self.scratch());
        }
        command.envs(&self.env);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs the program to its end.
    pub fn run(&self, arguments: &[&str]) -> ProgramOutput {
        RunningProgram::start(&mut self.command(arguments)).finish()
    }

    /// Runs the program and expects this exit code.
    pub fn expect(&self, code: i32, arguments: &[&str]) -> ProgramOutput {
        let ran = self.run(arguments);
        assert_eq!(ran.code, Some(code), "`trueup {}`\n{}", arguments.join(" "), ran.all());
        ran
    }

    /// Every file below the workspace and the temporary folder, by its path, with its bytes.
    pub fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut files = Vec::new();
        for folder in [self.root(), self.scratch()] {
            for entry in walkdir::WalkDir::new(folder).sort_by_file_name() {
                let entry = entry.expect("a readable folder");
                if entry.file_type().is_file() {
                    files.push((entry.path().to_owned(), fs::read(entry.path()).expect("a readable file")));
                }
            }
        }
        files
    }
}

impl ProgramOutput {
    /// Both outputs, for messages.
    pub fn all(&self) -> String {
        format!("exit {:?}\n--- stdout\n{}\n--- stderr\n{}", self.code, self.out, self.err)
    }

    /// The one JSON document on stdout.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}\n{}", self.all()))
    }

    /// Fails unless stdout holds every one of these texts.
    pub fn says(&self, texts: &[&str]) -> &Self {
        for text in texts {
            assert!(self.out.contains(text), "no {text:?} on stdout\n{}", self.all());
        }
        self
    }

    /// Fails unless stderr holds every one of these texts.
    pub fn complains(&self, texts: &[&str]) -> &Self {
        for text in texts {
            assert!(self.err.contains(text), "no {text:?} on stderr\n{}", self.all());
        }
        self
    }
}

/// A run under way.
pub struct RunningProgram {
    child: Child,
    readers: [std::thread::JoinHandle<Vec<u8>>; 2],
    started: Instant,
}

impl RunningProgram {
    /// Starts a command whose outputs are piped.
    pub fn start(command: &mut Command) -> Self {
        let mut child = command.spawn().expect("the program starts");
        let out = child.stdout.take().expect("a piped stdout");
        let err = child.stderr.take().expect("a piped stderr");
        Self { child, readers: [read_aside(out), read_aside(err)], started: Instant::now() }
    }

    /// Sends a signal, by its name.
    #[cfg(unix)]
    pub fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        let status = Command::new("sh").args(["-c", &kill]).status().expect("a shell");
        assert!(status.success(), "{kill}");
    }

    /// Waits for the end.
    pub fn finish(mut self) -> ProgramOutput {
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("a child to wait for") {
                break status;
            }
            if self.started.elapsed() > PATIENCE {
                let _ = self.child.kill();
                let [out, err] = self.readers.map(text_of);
                panic!("no end within {PATIENCE:?}\n--- stdout\n{out}\n--- stderr\n{err}");
            }
            std::thread::sleep(Duration::from_millis(3));
        };
        let [out, err] = self.readers.map(text_of);
        ProgramOutput { code: status.code(), out, err }
    }
}

fn read_aside(mut from: impl std::io::Read + Send + 'static) -> std::thread::JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = from.read_to_end(&mut bytes);
        bytes
    })
}

fn text_of(reader: std::thread::JoinHandle<Vec<u8>>) -> String {
    String::from_utf8(reader.join().expect("a reader")).expect("output is UTF-8")
}

/// Every time until which something is unknown is over.
fn end_waits(json: &mut Json) {
    match json {
        Json::Array(items) => items.iter_mut().for_each(end_waits),
        Json::Object(members) => members.iter_mut().for_each(|(name, value)| match value {
            Json::String(until) if name.ends_with("_until") => *until = "2000-01-01T00:00:00Z".into(),
            _ => end_waits(value),
        }),
        _ => {}
    }
}
