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

use crate::diagnostic::{Diagnostic, Place};
use crate::document::Slot;

/// The most bytes of one secret.
const MAX_SECRET: u64 = 64 * 1024;
/// The most further places at which a missing secret is shown.
const MOST_PLACES: usize = 3;
/// How long a program may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often a program that closed its output is asked whether it ended.
const GLANCE: Duration = Duration::from_millis(5);

/// The world in which slots are looked up.
pub struct World<'w> {
    /// The workspace: files are relative to it, programs run in it.
    pub root: &'w Path,
    /// The environment.
    pub env: &'w dyn Fn(&str) -> Option<OsString>,
    /// How long a program may take.
    pub patience: Duration,
}

/// What slots stand for.
#[derive(Default)]
pub struct Secrets {
    known: HashMap<Slot, SecretString>,
}

/// Why a slot has no value: the code, a sentence, what to do.
struct Failure {
    code: &'static str,
    message: String,
    hint: String,
}

type Bytes = Zeroizing<Vec<u8>>;

impl<'w> World<'w> {
    /// The real one.
    pub fn real(root: &'w Path) -> Self {
        Self { root, env: &|name| std::env::var_os(name), patience: PATIENCE }
    }
}

impl Secrets {
    /// The value of a slot, when it is known.
    pub fn get(&self, slot: &Slot) -> Option<&SecretString> {
        self.known.get(slot)
    }
}

/// Looks up every slot; those without a value are reported, each once, with every place that needs it.
pub fn resolve(slots: Vec<(Slot, Place)>, world: &World) -> (Secrets, Vec<Diagnostic>) {
    let (mut secrets, mut faults) = (Secrets::default(), Vec::new());
    for (slot, places) in distinct(slots) {
        match world.look_up(&slot) {
            Ok(secret) => {
                secrets.known.insert(slot, secret);
            }
            Err(failure) => faults.push(failure.diagnostic(places)),
        }
    }
    (secrets, faults)
}

fn distinct(slots: Vec<(Slot, Place)>) -> Vec<(Slot, Vec<Place>)> {
    let mut at: HashMap<Slot, usize> = HashMap::new();
    let mut distinct: Vec<(Slot, Vec<Place>)> = Vec::new();
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

impl Failure {
    fn unresolved(message: String, hint: impl Into<String>) -> Self {
        Self { code: "unresolved-secret", message, hint: hint.into() }
    }

    fn diagnostic(self, places: Vec<Place>) -> Diagnostic {
        let mut fault = Diagnostic::error(self.code, self.message).hint(self.hint);
        let mut places = places.into_iter();
        fault.place = places.next();
        let more = places.len().saturating_sub(MOST_PLACES);
        fault.also = places.take(MOST_PLACES).map(|place| (place, "needed here too".to_owned())).collect();
        if more > 0 {
            fault.message = format!("{}; {more} more places need it", fault.message);
        }
        fault
    }
}

impl World<'_> {
    fn look_up(&self, slot: &Slot) -> Result<SecretString, Failure> {
        let bytes = match slot {
            Slot::Env(name) => self.variable(slot, name),
            Slot::File(path) => self.file(slot, path),
            Slot::Command(words) => self.command(slot, words),
        }?;
        if bytes.len() as u64 > MAX_SECRET {
            let message = format!("{slot} gives more than {} KiB", MAX_SECRET / 1024);
            return Err(Failure::unresolved(message, "a secret is short; check that it is the right source"));
        }
        let Ok(text) = std::str::from_utf8(&bytes) else {
            let message = format!("{slot} gives bytes that are not UTF-8 text");
            return Err(Failure::unresolved(message, "a secret is text; check that it is the right source"));
        };
        let text = text.strip_suffix('\n').map_or(text, |text| text.strip_suffix('\r').unwrap_or(text));
        if text.is_empty() {
            let message = format!("{slot} gives an empty value");
            let hint = "give it a value; to clear a field write null instead".into();
            return Err(Failure { code: "empty-secret", message, hint });
        }
        Ok(SecretString::from(text))
    }

    fn variable(&self, slot: &Slot, name: &str) -> Result<Bytes, Failure> {
        match (self.env)(name) {
            Some(value) => Ok(value.into_encoded_bytes().into()),
            None => {
                Err(Failure::unresolved(format!("{slot} is not set"), format!("set {name} before the run")))
            }
        }
    }

    fn file(&self, slot: &Slot, path: &str) -> Result<Bytes, Failure> {
        let hint = "paths are relative to the workspace; the file must be readable by this user";
        let failed =
            |error: io::Error| Failure::unresolved(format!("{slot} can't be read: {}", error.kind()), hint);
        let path = self.root.join(path);
        // a pipe or a device could keep the run waiting for ever
        if !path.metadata().map_err(failed)?.is_file() {
            return Err(Failure::unresolved(format!("{slot} is not a file"), hint));
        }
        read_some(File::open(path).map_err(failed)?).map_err(failed)
    }

    fn command(&self, slot: &Slot, words: &[String]) -> Result<Bytes, Failure> {
        let failed = |why: String| {
            Failure::unresolved(
                format!("{slot} {why}"),
                "run it by hand in the workspace to see what it says",
            )
        };
        let mut child =
            self.start(words).map_err(|error| failed(format!("can't be started: {}", error.kind())))?;
        let deadline = Instant::now() + self.patience;
        let output = aside(&mut child).recv_timeout(self.patience);
        let whole = matches!(&output, Ok(Ok(bytes)) if bytes.len() as u64 <= MAX_SECRET);
        let status = if whole { end(&mut child, deadline) } else { stop(&mut child) };
        match (output, status) {
            (Ok(Ok(bytes)), _) if !whole => Ok(bytes),
            (Ok(Ok(bytes)), Some(status)) if status.success() => Ok(bytes),
            (Ok(Ok(_)), Some(status)) => Err(failed(ending(status))),
            (Ok(Err(error)), _) => Err(failed(format!("can't be read: {}", error.kind()))),
            (Err(_), _) | (_, None) => {
                Err(failed(format!("did not end within {} s", self.patience.as_secs_f32())))
            }
        }
    }

    /// Without a shell; what it says on its error output is not ours to show.
    fn start(&self, words: &[String]) -> io::Result<Child> {
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
fn aside(child: &mut Child) -> Receiver<io::Result<Bytes>> {
    let (send, receive) = mpsc::channel();
    let output = child.stdout.take();
    std::thread::spawn(move || {
        let read = output.map_or_else(|| Ok(Bytes::default()), read_some);
        // nobody listens any more when the patience is over
        let _ = send.send(read);
    });
    receive
}

fn read_some(from: impl Read) -> io::Result<Bytes> {
    // never grows, so no copy of a secret is left behind in memory
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_SECRET as usize + 1));
    from.take(MAX_SECRET + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Waits for the end of a program until the deadline, then stops it.
fn end(child: &mut Child, deadline: Instant) -> Option<ExitStatus> {
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) if Instant::now() < deadline => std::thread::sleep(GLANCE),
            _ => return stop(child),
        }
    }
}

/// Stops a program; it has no status that means anything.
fn stop(child: &mut Child) -> Option<ExitStatus> {
    // it may have ended by itself in between, which is just as well
    let _ = child.kill();
    let _ = child.wait();
    None
}

fn ending(status: ExitStatus) -> String {
    match status.code() {
        Some(code) => format!("ended with exit status {code}"),
        None => "was ended by a signal".into(),
    }
}
