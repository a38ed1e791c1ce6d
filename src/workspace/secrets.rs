//! Secrets from their sources: the environment, a file, the output of a program, or a provider of many.
//!
//! Each distinct source is read once, each provider runs once, programs run at the same time; all that give nothing are reported together, before
//! any request. A secret appears in no message: of a program that fails only its exit status is shown.
//! Deliberately absent: shells, caches, and any knowledge of one particular vault.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Write as _};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::diagnostic::{Diagnostic, NamedSource, SourceLocation, SourceSpan, describe_io_error};
use crate::document::ValueSource;
use crate::workspace::boundary::{BoundaryError, OUTSIDE_HINT, WorkspaceBoundary};
use crate::workspace::secret_provider::{SecretProvider, find_secret};

/// The most bytes of one secret.
const MAX_SECRET_BYTES: u64 = 64 * 1024;
/// The most bytes that a provider prints.
const MAX_PROVIDER_BYTES: u64 = 4 * 1024 * 1024;
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
    /// The providers of the settings.
    pub providers: &'w [SecretProvider],
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
        Self { root, env: &|name| std::env::var_os(name), timeout: COMMAND_TIMEOUT, providers: &[] }
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
    secret_environment: &SecretEnvironment,
) -> (ResolvedSecrets, Vec<Diagnostic>) {
    let (mut secrets, mut faults) = (ResolvedSecrets::default(), Vec::new());
    let sources = group_by_source(sources);
    let mut outputs = secret_environment.run_commands(sources.iter().map(|(source, _)| source));
    for (source, places) in sources {
        if let Some(failed) = outputs.find_failed_provider(&source) {
            failed.places.extend(places);
            continue;
        }
        let bytes = outputs.texts.remove(&source).unwrap_or_else(|| secret_environment.read_source(&source));
        match bytes.and_then(|bytes| parse_secret(&source, &bytes)) {
            Ok(secret) => {
                secrets.values.insert(source, secret);
            }
            Err(failure) => faults.push(failure.into_diagnostic(places)),
        }
    }
    faults.extend(outputs.failed.into_iter().map(FailedProvider::into_diagnostic));
    (secrets, faults)
}

/// Reads sources once more; those without a value are left out.
pub fn read_sources_again(
    sources: impl Iterator<Item = ValueSource>,
    secret_environment: &SecretEnvironment,
) -> ResolvedSecrets {
    let place = NamedSource::new("", "").locate_span(SourceSpan::default());
    resolve_secrets(sources.map(|source| (source, place.clone())).collect(), secret_environment).0
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
            ValueSource::Command(_) if self.forbids_commands() => Err(self.refuse_command(source)),
            ValueSource::Command(words) => CommandRunner::new(self).run_command(source, words),
            // a provider that ran gave no text of this name, or the settings have no such provider
            ValueSource::Provider(..) if self.forbids_commands() => Err(self.refuse_command(source)),
            ValueSource::Provider(..) => Err(SecretSourceError::new(
                format!("{source} is not in what the provider printed"),
                "check the name; dots lead into inner objects, and the value is a text",
            )),
        }
    }

    fn refuse_command(&self, source: &ValueSource) -> SecretSourceError {
        SecretSourceError::new(
            format!("{source} is not run, because {NO_COMMANDS_VARIABLE} is set"),
            format!("take the value from a variable or a file, or unset {NO_COMMANDS_VARIABLE}"),
        )
    }

    fn forbids_commands(&self) -> bool {
        (self.env)(NO_COMMANDS_VARIABLE).is_some_and(|word| !word.is_empty() && word != "0")
    }

    /// Runs every program among the sources and every provider that they need, several at the same time.
    fn run_commands<'s>(&'s self, sources: impl Iterator<Item = &'s ValueSource>) -> CommandOutputs {
        if self.forbids_commands() {
            return CommandOutputs::default();
        }
        let queue = self.list_jobs(sources);
        let runner = CommandRunner::new(self);
        let (next, outputs) = (AtomicUsize::new(0), Mutex::new(CommandOutputs::default()));
        let work = || {
            while let Some(job) = queue.get(next.fetch_add(1, Ordering::Relaxed)) {
                let result = runner.run_job(job);
                outputs.lock().unwrap_or_else(PoisonError::into_inner).add_result(job, result);
            }
        };
        std::thread::scope(|scope| {
            (0..queue.len().min(MAX_RUNNING_COMMANDS)).for_each(|_| drop(scope.spawn(work)));
        });
        outputs.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// A job for each program, and one for each provider with the names that are needed of it.
    fn list_jobs<'s>(&'s self, sources: impl Iterator<Item = &'s ValueSource>) -> Vec<CommandJob<'s>> {
        let mut jobs = Vec::new();
        let mut names: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for source in sources {
            match source {
                ValueSource::Command(words) => jobs.push(CommandJob::Program { source, words }),
                ValueSource::Provider(provider, name) => names.entry(provider).or_default().push(name),
                ValueSource::Env(_) | ValueSource::File(_) => {}
            }
        }
        let provider = |name: &str| self.providers.iter().find(|own| *own.name == *name);
        let each = names.into_iter().filter_map(|(name, names)| Some((provider(name)?, names)));
        jobs.extend(each.map(|(provider, names)| CommandJob::Provider { provider, names }));
        jobs
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
        let unreadable = |kind: io::ErrorKind| {
            SecretSourceError::new(format!("{source} cannot be read: {}", describe_io_error(kind)), hint)
        };
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
        read_bounded(File::open(path).map_err(failed)?, MAX_SECRET_BYTES).map_err(failed)
    }
}

/// A program to run.
enum CommandJob<'s> {
    /// One that prints a value.
    Program { source: &'s ValueSource, words: &'s [String] },
    /// One that prints the values of these names.
    Provider { provider: &'s SecretProvider, names: Vec<&'s str> },
}

/// What programs printed.
#[derive(Default)]
struct CommandOutputs {
    texts: HashMap<ValueSource, Result<SecretBytes, SecretSourceError>>,
    failed: Vec<FailedProvider>,
}

/// A provider that gave nothing.
struct FailedProvider {
    name: Arc<str>,
    location: SourceLocation,
    error: SecretSourceError,
    /// The places that need it.
    places: Vec<SourceLocation>,
}

impl FailedProvider {
    /// The error at the provider in the settings, with the places that need it.
    fn into_diagnostic(self) -> Diagnostic {
        let places = std::iter::once(self.location).chain(self.places);
        self.error.into_diagnostic(places.collect())
    }
}

impl CommandOutputs {
    fn find_failed_provider(&mut self, source: &ValueSource) -> Option<&mut FailedProvider> {
        let ValueSource::Provider(provider, _) = source else { return None };
        self.failed.iter_mut().find(|failed| *failed.name == **provider)
    }

    fn add_result(&mut self, job: &CommandJob, result: Result<SecretBytes, SecretSourceError>) {
        let (provider, names) = match job {
            CommandJob::Program { source, .. } => {
                self.texts.insert((*source).clone(), result);
                return;
            }
            CommandJob::Provider { provider, names } => (provider, names),
        };
        let parsed = result.and_then(|bytes| parse_output(provider, &bytes));
        let output = match parsed {
            Ok(output) => output,
            Err(error) => {
                let (name, location) = (Arc::clone(&provider.name), provider.location.clone());
                return self.failed.push(FailedProvider { name, location, error, places: Vec::new() });
            }
        };
        for name in names {
            if let Some(text) = find_secret(&output, name) {
                let source = ValueSource::Provider(provider.name.to_string(), (*name).to_owned());
                self.texts.insert(source, Ok(Zeroizing::new(text.as_bytes().to_vec())));
            }
        }
    }
}

/// The JSON that a provider printed; nothing of it is ever shown.
fn parse_output(provider: &SecretProvider, bytes: &[u8]) -> Result<serde_json::Value, SecretSourceError> {
    let failed = |what: &str| {
        SecretSourceError::new(
            format!("the secret provider {} {what}", provider.name.escape_debug()),
            "it prints an object from name to text, or a list of objects with `name` and `value`",
        )
    };
    if bytes.len() as u64 > MAX_PROVIDER_BYTES {
        return Err(failed("prints more than 4 MiB"));
    }
    serde_json::from_slice(bytes)
        .ok()
        .filter(|json: &serde_json::Value| json.is_object() || json.is_array())
        .ok_or_else(|| failed("prints no JSON object or list"))
}

/// A program, what it gets, and how much it may print for how long.
struct CommandCall<'c> {
    words: &'c [String],
    input: Option<String>,
    timeout: Duration,
    most: u64,
}

/// Runs programs in the workspace. It does not know the environment, so that threads can share it.
struct CommandRunner<'w> {
    root: &'w Path,
    timeout: Duration,
}

impl<'w> CommandRunner<'w> {
    fn new(secret_environment: &SecretEnvironment<'w>) -> Self {
        Self { root: secret_environment.root, timeout: secret_environment.timeout }
    }

    fn run_job(&self, job: &CommandJob) -> Result<SecretBytes, SecretSourceError> {
        match job {
            CommandJob::Program { source, words } => self.run_command(source, words),
            CommandJob::Provider { provider, names } => {
                let (words, input) = (provider.build_command(names), provider.build_input(names));
                let call =
                    CommandCall { words: &words, input, timeout: provider.timeout, most: MAX_PROVIDER_BYTES };
                self.run_call(&format!("the secret provider {}", provider.name.escape_debug()), &call)
            }
        }
    }

    fn run_command(&self, source: &ValueSource, words: &[String]) -> Result<SecretBytes, SecretSourceError> {
        let call = CommandCall { words, input: None, timeout: self.timeout, most: MAX_SECRET_BYTES };
        self.run_call(&source.to_string(), &call)
    }

    /// What a program prints; `what` names it in errors.
    fn run_call(&self, what: &str, call: &CommandCall) -> Result<SecretBytes, SecretSourceError> {
        let failed = |why: String| {
            SecretSourceError::new(
                format!("{what} {why}"),
                "run it by hand in the workspace to see its output",
            )
        };
        let mut child = self
            .spawn_command(call)
            .map_err(|error| failed(format!("cannot be started: {}", describe_io_error(error.kind()))))?;
        let deadline = Instant::now() + call.timeout;
        write_input(&mut child, call.input.clone());
        let output = read_output(&mut child, call.most).recv_timeout(call.timeout);
        let whole = matches!(&output, Ok(Ok(bytes)) if bytes.len() as u64 <= call.most);
        let status = if whole { wait_for_exit(&mut child, deadline) } else { kill_child(&mut child) };
        match (output, status) {
            (Ok(Ok(bytes)), _) if !whole => Ok(bytes),
            (Ok(Ok(bytes)), Some(status)) if status.success() => Ok(bytes),
            (Ok(Ok(_)), Some(status)) => Err(failed(describe_exit(status))),
            (Ok(Err(error)), _) => {
                Err(failed(format!("cannot be read: {}", describe_io_error(error.kind()))))
            }
            (Err(_), _) | (_, None) => {
                Err(failed(format!("did not end within {} s", call.timeout.as_secs_f32())))
            }
        }
    }

    /// Without a shell; its error output may hold a secret and is not shown.
    fn spawn_command(&self, call: &CommandCall) -> io::Result<Child> {
        let (program, arguments) = call.words.split_first().ok_or(io::ErrorKind::InvalidInput)?;
        let near = Path::new(program).components().count() > 1;
        let program = if near { self.root.join(program) } else { program.into() };
        Command::new(program)
            .args(arguments)
            .current_dir(self.root)
            .stdin(if call.input.is_some() { Stdio::piped() } else { Stdio::null() })
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
    }
}

/// Reads the output of a program in a thread of its own. The thread is left behind when a grandchild keeps
/// the pipe open; it ends with the process.
fn read_output(child: &mut Child, most: u64) -> Receiver<io::Result<SecretBytes>> {
    let (send, receive) = mpsc::channel();
    let output = child.stdout.take();
    std::thread::spawn(move || {
        let read = output.map_or_else(|| Ok(SecretBytes::default()), |output| read_bounded(output, most));
        // no one listens any more after the timeout
        let _ = send.send(read);
    });
    receive
}

/// Writes the input of a program in a thread of its own; one that does not read it is no error.
fn write_input(child: &mut Child, input: Option<String>) {
    let Some((mut pipe, input)) = child.stdin.take().zip(input) else { return };
    std::thread::spawn(move || {
        // a program that knows its names already closes its input
        let _ = pipe.write_all(input.as_bytes());
    });
}

fn read_bounded(from: impl Read, most: u64) -> io::Result<SecretBytes> {
    // never grows, so no copy of a secret is left behind in memory
    let mut bytes = Zeroizing::new(Vec::with_capacity(most as usize + 1));
    from.take(most + 1).read_to_end(&mut bytes)?;
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
