//! `trueup sandbox`: every kind over real HTTP on loopback, for practice and tests.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};

use super::args::{Common, SandboxArgs, SecretsWord};
use super::exit::Exit;
use super::screen::Screen;
use super::{session, workspace};
use crate::diagnostic::{Place, Source, Span, any_error};
use crate::kind::Kind;
use crate::remote::sandbox::{Data, Entry, Fault, Options, Sandbox, Secrets, Watch};

/// Serves until interrupted.
///
/// # Errors
/// When the port is taken, or the data or faults cannot be read.
pub fn run(common: &Common, args: &SandboxArgs, screen: &Screen) -> anyhow::Result<Exit> {
    let registry = workspace::own_kinds(&common.directory)?;
    let kinds: Vec<Arc<Kind>> = registry.kinds().iter().filter_map(|name| registry.kind(name)).collect();
    let data = match &args.data {
        Some(path) => Some(data(path, &kinds, screen)?),
        None => None,
    };
    let options = Options { data, watch: watch(common), ..options(args)? };
    let port = options.port;
    let sandbox =
        Sandbox::start(kinds.clone(), options).with_context(|| format!("port {port} cannot be opened"))?;
    screen.out(&format!("sandbox at http://{}\n", sandbox.addr()))?;
    for api in registry.apis() {
        screen.out(&format!("  {api:<12} {}\n", sandbox.base_url(api)))?;
    }
    screen.say("any credential but `wrong` is taken; Ctrl-C ends it\n");
    if kinds.iter().any(|kind| kind.api.oauth.is_some()) {
        let tokens = format!("http://{}/_sandbox/token", sandbox.addr());
        screen.say(&format!("tokens for `oauth_password` come from the `url` {tokens}\n"));
    }
    session::runtime()?.block_on(tokio::signal::ctrl_c()).context("no signal to wait for")?;
    sandbox.stop();
    Ok(Exit::Done)
}

fn options(args: &SandboxArgs) -> anyhow::Result<Options> {
    let faults =
        args.fail.iter().map(|fault| Fault::parse(fault).map_err(|why| anyhow!("--fail {fault}: {why}")));
    Ok(Options {
        port: args.port,
        count: args.count,
        latency: Duration::from_millis(args.latency),
        faults: faults.collect::<Result<_, _>>()?,
        secrets: match args.secrets {
            SecretsWord::Clear => Secrets::Clear,
            SecretsWord::Masked => Secrets::Masked,
            SecretsWord::Hidden => Secrets::Hidden,
        },
        ..Options::default()
    })
}

/// One line for each request, on stderr.
fn watch(common: &Common) -> Option<Watch> {
    let screen = Screen::new(common);
    (!screen.quiet)
        .then(|| -> Watch { Arc::new(move |entry: &Entry| screen.say(&format!("{}\n", entry.line()))) })
}

/// The objects to start with, from a file.
fn data(path: &Path, kinds: &[Arc<Kind>], screen: &Screen) -> anyhow::Result<Data> {
    let text = fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let source = Source::new(path.display().to_string(), text);
    let mut faults = Vec::new();
    let data = Data::read(&source, kinds, &mut faults);
    // data may be taken from a real service, and of what does not fit nobody knows whether it may be seen
    faults.iter().filter_map(|fault| fault.place.as_ref()).for_each(veil_line);
    screen.diagnose(&faults);
    if any_error(&faults) { Err(anyhow!("{} does not fit the kinds", path.display())) } else { Ok(data) }
}

/// Hides whatever stands behind the first colon of a line.
fn veil_line(place: &Place) {
    let text = &place.source.text;
    let at = (place.span.start as usize).min(text.len());
    let start = text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |line| line + 1);
    let line = text.get(start..).and_then(|rest| rest.lines().next()).unwrap_or_default();
    let from = line.find(": ").map_or_else(|| line.len() - line.trim_start().len(), |colon| colon + 2);
    place.source.veil(Span { start: (start + from) as u32, end: (start + line.len()) as u32 });
}
