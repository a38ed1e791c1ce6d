//! Secrets from their sources: the environment, a file, or the output of a program.
//!
//! Each distinct source is read once, programs at the same time; all that give nothing are reported together, before
//! any request. A secret appears in no message: of a program that fails only its exit status is shown.
//! Deliberately absent: shells, caches, and any knowledge of one particular vault.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::diagnostic::{Diagnostic, NamedSource, SourceLocation, SourceSpan};
use crate::document::ValueSource;
use crate::output_filter::hide_texts;
use crate::workspace::boundary::{BoundaryError, OUTSIDE_HINT, WorkspaceBoundary};

/// The most bytes of one secret.
const MAX_SECRET_BYTES: u64 = 64 * 1024;
/// The most further places at which a missing secret is shown.
const MAX_PLACES: usize = 3;
/// How long a program may take.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(30);
/// How many programs run at the same time.
const MAX_RUNNING_COMMANDS: usize = 32;
/// The variable that switches programs off.
pub const NO_COMMANDS_VARIABLE: &str = "TRUEUP_NO_COMMANDS";
/// How often a program that closed its output is asked whether it ended.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// Where sources are read.
pub struct SecretEnvironment<'w> {
    /// The workspace: files are relative to it, programs run in it.
    pub root: &'w Path,
    /// The environment.
    pub env: &'w dyn Fn(&str) -> Option<OsString>,
    /// How long a program may take.
    pub timeout: Duration,
}

/// The values of sources.
#[derive(Default)]
pub struct ResolvedSecrets {
    values: HashMap<ValueSource, SecretString>,
}

/// Why a source has no value: the code, a sentence, what to do.
struct SecretSourceError {
    code: &'static str,
    message: String,
    hint: String,
}

type SecretBytes = Zeroizing<Vec<u8>>;

impl<'w> SecretEnvironment<'w> {
    /// The environment of the process.
    pub fn from_process(root: &'w Path) -> Self {
        Self { root, env: &|name| std::env::var_os(name), timeout: COMMAND_TIMEOUT }
    }
}

impl ResolvedSecrets {
    /// The values of all sources that are wanted.
    pub fn list_texts(&self, is_wanted: impl Fn(&ValueSource) -> bool) -> impl Iterator<Item = &str> {
        let wanted = self.values.iter().filter(move |(source, _)| is_wanted(source));
        wanted.map(|(_, secret)| secret.expose_secret())
    }

    /// The value of a source, when it is known.
    pub fn get(&self, source: &ValueSource) -> Option<&SecretString> {
        self.values.get(source)
    }
}

/// Reads every source; those without a value are reported, each once, with every place that needs it.
pub fn resolve_secrets(
    sources: Vec<(ValueSource, SourceLocation)>,
    world: &SecretEnvironment,
) -> (ResolvedSecrets, Vec<Diagnostic>) {
    let (mut secrets, mut faults) = (ResolvedSecrets::default(), Vec::new());
    let sources = group_by_source(sources);
    let mut outputs = world.run_commands(sources.iter().map(|(source, _)| source));
    for (source, places) in sources {
        let bytes = outputs.remove(&source).unwrap_or_else(|| world.read_source(&source));
        match bytes.and_then(|bytes| parse_secret(&source, &bytes)) {
            Ok(secret) => {
                secrets.values.insert(source, secret);
            }
            Err(failure) => faults.push(failure.into_diagnostic(places)),
        }
    }
    (secrets, faults)
}

/// Reads sources once more; those without a value are left out. What comes is hidden in outputs like the rest.
pub fn read_sources_again(
    sources: impl Iterator<Item = ValueSource>,
    world: &SecretEnvironment,
) -> ResolvedSecrets {
    let place = NamedSource::new("", "").locate_span(SourceSpan::default());
    let (secrets, _) = resolve_secrets(sources.map(|source| (source, place.clone())).collect(), world);
    hide_texts(secrets.list_texts(|source| matches!(source, ValueSource::Command(_))));
    secrets
}

/// The text in what a source gave, without the newline at its end.
fn parse_secret(source: &ValueSource, bytes: &[u8]) -> Result<SecretString, SecretSourceError> {
    if bytes.len() as u64 > MAX_SECRET_BYTES {
        let message = format!("{source} returns more than {} KiB", MAX_SECRET_BYTES / 1024);
        return Err(SecretSourceError::new(message, "a secret is short; check that it is the right source"));
    }
    let Ok(text) = std::str::from_utf8(bytes) else {
        let message = format!("{source} returns bytes that are not UTF-8 text");
        return Err(SecretSourceError::new(message, "a secret is text; check that it is the right source"));
    };
    let text = text.strip_suffix('\n').map_or(text, |text| text.strip_suffix('\r').unwrap_or(text));
    if text.is_empty() {
        let message = format!("{source} returns an empty value");
        let hint = "give it a value; to clear a field write null instead".into();
        return Err(SecretSourceError { code: "empty-secret", message, hint });
    }
    Ok(SecretString::from(text))
}

fn group_by_source(sources: Vec<(ValueSource, SourceLocation)>) -> Vec<(ValueSource, Vec<SourceLocation>)> {
    let mut at: HashMap<ValueSource, usize> = HashMap::new();
    let mut distinct: Vec<(ValueSource, Vec<SourceLocation>)> = Vec::new();
    for (source, place) in sources {
        match at.get(&source).and_then(|at| distinct.get_mut(*at)) {
            Some((_, places)) => places.push(place),
            None => {
                at.insert(source.clone(), distinct.len());
                distinct.push((source, vec![place]));
            }
        }
    }
    distinct
}

impl SecretSourceError {
    fn new(message: String, hint: impl Into<String>) -> Self {
        Self { code: "unresolved-secret", message, hint: hint.into() }
    }

    fn into_diagnostic(self, places: Vec<SourceLocation>) -> Diagnostic {
        let mut fault = Diagnostic::error(self.code, self.message).with_hint(self.hint);
        let mut places = places.into_iter();
        fault.location = places.next();
        let more = places.len().saturating_sub(MAX_PLACES);
        fault.related = places.take(MAX_PLACES).map(|place| (place, "needed here too".to_owned())).collect();
        if more > 0 {
            fault.message = format!("{}; {more} more places need it", fault.message);
        }
        fault
    }
}

impl SecretEnvironment<'_> {
    fn read_source(&self, source: &ValueSource) -> Result<SecretBytes, SecretSourceError> {
        match source {
            ValueSource::Env(name) => self.read_variable(source, name),
            ValueSource::File(path) => self.read_file(source, path),
            ValueSource::Command(_) if self.forbids_commands() => Err(SecretSourceError::new(
                format!("{source} is not run, because {NO_COMMANDS_VARIABLE} is set"),
                format!("take the value from a variable or a file, or unset {NO_COMMANDS_VARIABLE}"),
            )),
            ValueSource::Command(words) => CommandRunner::new(self).run_command(source, words),
        }
    }

    fn forbids_commands(&self) -> bool {
        (self.env)(NO_COMMANDS_VARIABLE).is_some_and(|word| !word.is_empty() && word != "0")
    }

    /// Runs every program among the sources, several at the same time.
    fn run_commands<'s>(&self, sources: impl Iterator<Item = &'s ValueSource>) -> CommandOutputs {
        if self.forbids_commands() {
            return CommandOutputs::new();
        }
        let is_command = |source: &&ValueSource| matches!(source, ValueSource::Command(_));
        let (runner, queue) = (CommandRunner::new(self), sources.filter(is_command).collect::<Vec<_>>());
        let (next, outputs) = (AtomicUsize::new(0), Mutex::new(CommandOutputs::new()));
        let work = || {
            while let Some(source) = queue.get(next.fetch_add(1, Ordering::Relaxed)) {
                let ValueSource::Command(words) = source else { continue };
                let output = runner.run_command(source, words);
                outputs.lock().unwrap_or_else(PoisonError::into_inner).insert((*source).clone(), output);
            }
        };
        std::thread::scope(|scope| {
            (0..queue.len().min(MAX_RUNNING_COMMANDS)).for_each(|_| drop(scope.spawn(work)));
        });
        outputs.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn read_variable(&self, source: &ValueSource, name: &str) -> Result<SecretBytes, SecretSourceError> {
        match (self.env)(name) {
            Some(value) => Ok(value.into_encoded_bytes().into()),
            None => Err(SecretSourceError::new(
                format!("{source} is not set"),
                format!("set {name} before the run"),
            )),
        }
    }

    fn read_file(&self, source: &ValueSource, path: &str) -> Result<SecretBytes, SecretSourceError> {
        let hint = "paths are relative to the workspace; the file must be readable by this user";
        let unreadable =
            |kind: io::ErrorKind| SecretSourceError::new(format!("{source} can't be read: {kind}"), hint);
        let failed = |error: io::Error| unreadable(error.kind());
        let boundary = WorkspaceBoundary::new(self.root, self.env);
        let path = boundary.resolve_value(&self.root.join(path)).map_err(|error| match error {
            BoundaryError::Unreadable(kind) => unreadable(kind),
            BoundaryError::Outside => {
                SecretSourceError::new(format!("{source} is outside the workspace"), OUTSIDE_HINT)
            }
        })?;
        // a pipe or a device could keep the run waiting for ever
        if !path.metadata().map_err(failed)?.is_file() {
            return Err(SecretSourceError::new(format!("{source} is not a file"), hint));
        }
        read_bounded(File::open(path).map_err(failed)?).map_err(failed)
    }
}

/// What programs printed.
type CommandOutputs = HashMap<ValueSource, Result<SecretBytes, SecretSourceError>>;

/// Runs programs in the workspace. It does not know the environment, so that threads can share it.
struct CommandRunner<'w> {
    root: &'w Path,
    timeout: Duration,
}

impl<'w> CommandRunner<'w> {
    fn new(world: &SecretEnvironment<'w>) -> Self {
        Self { root: world.root, timeout: world.timeout }
    }

    fn run_command(&self, source: &ValueSource, words: &[String]) -> Result<SecretBytes, SecretSourceError> {
        let failed = |why: String| {
            SecretSourceError::new(
                format!("{source} {why}"),
                "run it by hand in the workspace to see what it says",
            )
        };
        let mut child = self
            .spawn_command(words)
            .map_err(|error| failed(format!("can't be started: {}", error.kind())))?;
        let deadline = Instant::now() + self.timeout;
        let output = read_output(&mut child).recv_timeout(self.timeout);
        let whole = matches!(&output, Ok(Ok(bytes)) if bytes.len() as u64 <= MAX_SECRET_BYTES);
        let status = if whole { wait_for_exit(&mut child, deadline) } else { kill_child(&mut child) };
        match (output, status) {
            (Ok(Ok(bytes)), _) if !whole => Ok(bytes),
            (Ok(Ok(bytes)), Some(status)) if status.success() => Ok(bytes),
            (Ok(Ok(_)), Some(status)) => Err(failed(describe_exit(status))),
            (Ok(Err(error)), _) => Err(failed(format!("can't be read: {}", error.kind()))),
            (Err(_), _) | (_, None) => {
                Err(failed(format!("did not end within {} s", self.timeout.as_secs_f32())))
            }
        }
    }

    /// Without a shell; its error output may hold a secret and is not shown.
    fn spawn_command(&self, words: &[String]) -> io::Result<Child> {
        let (program, arguments) = words.split_first().ok_or(io::ErrorKind::InvalidInput)?;
        let near = Path::new(program).components().count() > 1;
        let program = if near { self.root.join(program) } else { program.into() };
        Command::new(program)
            .args(arguments)
            .current_dir(self.root)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
    }
}

/// Reads the output of a program in a thread of its own. The thread is left behind when a grandchild keeps
/// the pipe open; it ends with the process.
fn read_output(child: &mut Child) -> Receiver<io::Result<SecretBytes>> {
    let (send, receive) = mpsc::channel();
    let output = child.stdout.take();
    std::thread::spawn(move || {
        let read = output.map_or_else(|| Ok(SecretBytes::default()), read_bounded);
        // nobody listens any more after the timeout
        let _ = send.send(read);
    });
    receive
}

fn read_bounded(from: impl Read) -> io::Result<SecretBytes> {
    // never grows, so no copy of a secret is left behind in memory
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_SECRET_BYTES as usize + 1));
    from.take(MAX_SECRET_BYTES + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Waits for the end of a program until the deadline, then stops it.
fn wait_for_exit(child: &mut Child, deadline: Instant) -> Option<ExitStatus> {
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) if Instant::now() < deadline => std::thread::sleep(POLL_INTERVAL),
            _ => return kill_child(child),
        }
    }
}

/// Stops a program; it has no status that means anything.
fn kill_child(child: &mut Child) -> Option<ExitStatus> {
    // it may have ended by itself in between, which is just as well
    let _ = child.kill();
    let _ = child.wait();
    None
}

fn describe_exit(status: ExitStatus) -> String {
    match status.code() {
        Some(code) => format!("ended with exit status {code}"),
        None => "was ended by a signal".into(),
    }
}
