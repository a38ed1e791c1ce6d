//! `trueup sandbox`: every kind over real HTTP on loopback, for practice and tests.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use clap::{Args, ValueEnum};

use super::exit::ExitStatus;
use super::global_args::GlobalArgs;
use super::screen::TerminalScreen;
use crate::cli::runtime::build_runtime;
use crate::diagnostic::{NamedSource, SourceLocation, SourceSpan, has_errors};
use crate::kind::Kind;
use crate::sandbox::{
    SandboxData, SandboxFault, SandboxLauncher, SandboxLogEntry, SandboxObserver, SandboxOptions,
    SandboxSecretMode,
};
use crate::workspace;

/// Arguments of `sandbox`.
#[derive(Args)]
pub struct SandboxArgs {
    /// Port on loopback; 0 selects a free port
    #[arg(long, default_value_t = 8080, env = "TRUEUP_SANDBOX_PORT", hide_env_values = true)]
    pub port: u16,
    /// Initial objects: YAML or JSON, from kind to a list of {scope, object}
    #[arg(long, value_name = "FILE")]
    pub data: Option<PathBuf>,
    /// Number of generated objects of each kind
    #[arg(long, value_name = "N")]
    pub count: Option<usize>,
    /// Latency of each response, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub latency: u64,
    /// Inject a fault, e.g. PUT:503:2, GET:hang, PATCH:keep-nothing; repeatable
    #[arg(long, value_name = "METHOD:FAULT[:TIMES]")]
    pub fail: Vec<String>,
    /// How responses show secrets
    #[arg(long, value_enum, default_value_t = SecretsArg::Clear)]
    pub secrets: SecretsArg,
}

/// How responses show secrets.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum SecretsArg {
    /// In clear
    Clear,
    /// As asterisks
    Masked,
    /// Omitted
    Hidden,
}

/// Serves until interrupted.
///
/// # Errors
/// When the port is taken, or the data or faults cannot be read.
pub fn run(common: &GlobalArgs, args: &SandboxArgs, screen: &TerminalScreen) -> anyhow::Result<ExitStatus> {
    let registry = workspace::load_registry(&common.directory)?;
    let kinds: Vec<Arc<Kind>> =
        registry.kind_names().iter().filter_map(|name| registry.find_kind(name)).collect();
    let data = match &args.data {
        Some(path) => Some(read_data(path, &kinds, screen)?),
        None => None,
    };
    let options = SandboxOptions { data, observer: build_watch(common), ..build_options(args)? };
    let port = options.port;
    let sandbox = SandboxLauncher::start_server(kinds.clone(), options)
        .with_context(|| format!("port {port} cannot be opened"))?;
    screen.print_stdout(&format!("sandbox at http://{}\n", sandbox.addr()))?;
    for api in registry.list_api_names() {
        screen.print_stdout(&format!("  {api:<12} {}\n", sandbox.base_url(api)))?;
    }
    screen.print_remark("any credential except `wrong` is accepted; Ctrl-C stops it\n");
    if kinds.iter().any(|kind| kind.api.oauth.is_some()) {
        let tokens = format!("http://{}/_sandbox/token", sandbox.addr());
        screen.print_remark(&format!("tokens for `oauth_password` come from the `url` {tokens}\n"));
    }
    build_runtime()?.block_on(tokio::signal::ctrl_c()).context("no signal to wait for")?;
    sandbox.shut_down();
    Ok(ExitStatus::Done)
}

fn build_options(args: &SandboxArgs) -> anyhow::Result<SandboxOptions> {
    let faults = args
        .fail
        .iter()
        .map(|fault| SandboxFault::parse_fault(fault).map_err(|why| anyhow!("--fail {fault}: {why}")));
    Ok(SandboxOptions {
        port: args.port,
        count: args.count,
        latency: Duration::from_millis(args.latency),
        faults: faults.collect::<Result<_, _>>()?,
        secret_mode: match args.secrets {
            SecretsArg::Clear => SandboxSecretMode::Clear,
            SecretsArg::Masked => SandboxSecretMode::Masked,
            SecretsArg::Hidden => SandboxSecretMode::Hidden,
        },
        ..SandboxOptions::default()
    })
}

/// One line for each request, on stderr.
fn build_watch(common: &GlobalArgs) -> Option<SandboxObserver> {
    let screen = TerminalScreen::new(common);
    (!screen.quiet).then(|| -> SandboxObserver {
        Arc::new(move |entry: &SandboxLogEntry| screen.print_remark(&format!("{}\n", entry.to_json_line())))
    })
}

/// The objects to start with, from a file.
fn read_data(path: &Path, kinds: &[Arc<Kind>], screen: &TerminalScreen) -> anyhow::Result<SandboxData> {
    let text = fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let source = NamedSource::new(path.display().to_string(), text);
    let mut faults = Vec::new();
    let data = SandboxData::parse_source(&source, kinds, &mut faults);
    // data may be taken from a real service, and of what does not fit no one knows whether it may be seen
    faults.iter().filter_map(|fault| fault.location.as_ref()).for_each(redact_line);
    screen.print_diagnostics(&faults);
    if has_errors(&faults) { Err(anyhow!("{} does not fit the kinds", path.display())) } else { Ok(data) }
}

/// Hides whatever stands behind the first colon of a line.
fn redact_line(place: &SourceLocation) {
    let text = &place.source.text;
    let at = (place.span.start as usize).min(text.len());
    let start = text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |line| line + 1);
    let line = text.get(start..).and_then(|rest| rest.lines().next()).unwrap_or_default();
    let from = line.find(": ").map_or_else(|| line.len() - line.trim_start().len(), |colon| colon + 2);
    place.source.redact_span(SourceSpan { start: (start + from) as u32, end: (start + line.len()) as u32 });
}
