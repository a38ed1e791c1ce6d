//! Slots to secrets: the environment, a file, or what a program prints.
//!
//! Every distinct slot is looked up once, in the order in which documents name it; all that stay unresolved
//! are reported together, before any request. What comes back is a secret from its first byte: it appears in
//! no message, and of a program that fails only its exit status is told.
//! Deliberately absent: shells, caches, and any knowledge of one particular vault.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::diagnostic::{Diagnostic, SourceLocation};
use crate::document::ValueSource;
use crate::workspace::boundary::{BoundaryError, OUTSIDE_HINT, WorkspaceBoundary};

/// The most bytes of one secret.
const MAX_SECRET_BYTES: u64 = 64 * 1024;
/// The most further places at which a missing secret is shown.
const MAX_PLACES: usize = 3;
/// How long a program may take.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(30);
/// How often a program that closed its output is asked whether it ended.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// The world in which slots are looked up.
pub struct SecretEnvironment<'w> {
    /// The workspace: files are relative to it, programs run in it.
    pub root: &'w Path,
    /// The environment.
    pub env: &'w dyn Fn(&str) -> Option<OsString>,
    /// How long a program may take.
    pub timeout: Duration,
}

/// What slots stand for.
#[derive(Default)]
pub struct ResolvedSecrets {
    values: HashMap<ValueSource, SecretString>,
}

/// Why a slot has no value: the code, a sentence, what to do.
struct SecretSourceError {
    code: &'static str,
    message: String,
    hint: String,
}

type SecretBytes = Zeroizing<Vec<u8>>;

impl<'w> SecretEnvironment<'w> {
    /// The real one.
    pub fn from_process(root: &'w Path) -> Self {
        Self { root, env: &|name| std::env::var_os(name), timeout: COMMAND_TIMEOUT }
    }
}

impl ResolvedSecrets {
    /// The value of a slot, when it is known.
    pub fn get(&self, slot: &ValueSource) -> Option<&SecretString> {
        self.values.get(slot)
    }
}

/// Looks up every slot; those without a value are reported, each once, with every place that needs it.
pub fn resolve_secrets(
    slots: Vec<(ValueSource, SourceLocation)>,
    world: &SecretEnvironment,
) -> (ResolvedSecrets, Vec<Diagnostic>) {
    let (mut secrets, mut faults) = (ResolvedSecrets::default(), Vec::new());
    for (slot, places) in group_by_source(slots) {
        match world.resolve_source(&slot) {
            Ok(secret) => {
                secrets.values.insert(slot, secret);
            }
            Err(failure) => faults.push(failure.into_diagnostic(places)),
        }
    }
    (secrets, faults)
}

fn group_by_source(slots: Vec<(ValueSource, SourceLocation)>) -> Vec<(ValueSource, Vec<SourceLocation>)> {
    let mut at: HashMap<ValueSource, usize> = HashMap::new();
    let mut distinct: Vec<(ValueSource, Vec<SourceLocation>)> = Vec::new();
    for (slot, place) in slots {
        match at.get(&slot).and_then(|at| distinct.get_mut(*at)) {
            Some((_, places)) => places.push(place),
            None => {
                at.insert(slot.clone(), distinct.len());
                distinct.push((slot, vec![place]));
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
    fn resolve_source(&self, slot: &ValueSource) -> Result<SecretString, SecretSourceError> {
        let bytes = match slot {
            ValueSource::Env(name) => self.read_variable(slot, name),
            ValueSource::File(path) => self.read_file(slot, path),
            ValueSource::Command(words) => self.run_command(slot, words),
        }?;
        if bytes.len() as u64 > MAX_SECRET_BYTES {
            let message = format!("{slot} gives more than {} KiB", MAX_SECRET_BYTES / 1024);
            return Err(SecretSourceError::new(
                message,
                "a secret is short; check that it is the right source",
            ));
        }
        let Ok(text) = std::str::from_utf8(&bytes) else {
            let message = format!("{slot} gives bytes that are not UTF-8 text");
            return Err(SecretSourceError::new(
                message,
                "a secret is text; check that it is the right source",
            ));
        };
        let text = text.strip_suffix('\n').map_or(text, |text| text.strip_suffix('\r').unwrap_or(text));
        if text.is_empty() {
            let message = format!("{slot} gives an empty value");
            let hint = "give it a value; to clear a field write null instead".into();
            return Err(SecretSourceError { code: "empty-secret", message, hint });
        }
        Ok(SecretString::from(text))
    }

    fn read_variable(&self, slot: &ValueSource, name: &str) -> Result<SecretBytes, SecretSourceError> {
        match (self.env)(name) {
            Some(value) => Ok(value.into_encoded_bytes().into()),
            None => Err(SecretSourceError::new(
                format!("{slot} is not set"),
                format!("set {name} before the run"),
            )),
        }
    }

    fn read_file(&self, slot: &ValueSource, path: &str) -> Result<SecretBytes, SecretSourceError> {
        let hint = "paths are relative to the workspace; the file must be readable by this user";
        let unreadable =
            |kind: io::ErrorKind| SecretSourceError::new(format!("{slot} can't be read: {kind}"), hint);
        let failed = |error: io::Error| unreadable(error.kind());
        let boundary = WorkspaceBoundary::new(self.root, self.env);
        let path = boundary.resolve_value(&self.root.join(path)).map_err(|error| match error {
            BoundaryError::Unreadable(kind) => unreadable(kind),
            BoundaryError::Outside => {
                SecretSourceError::new(format!("{slot} is outside the workspace"), OUTSIDE_HINT)
            }
        })?;
        // a pipe or a device could keep the run waiting for ever
        if !path.metadata().map_err(failed)?.is_file() {
            return Err(SecretSourceError::new(format!("{slot} is not a file"), hint));
        }
        read_bounded(File::open(path).map_err(failed)?).map_err(failed)
    }

    fn run_command(&self, slot: &ValueSource, words: &[String]) -> Result<SecretBytes, SecretSourceError> {
        let failed = |why: String| {
            SecretSourceError::new(
                format!("{slot} {why}"),
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

    /// Without a shell; what it says on its error output is not ours to show.
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
        // nobody listens any more when the patience is over
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
