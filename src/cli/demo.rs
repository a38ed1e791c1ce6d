//! `trueup demo`: the whole job in front of one's eyes, on a sandbox of its own.
//!
//! The quickstart workspace is planned, applied and planned again; then an object is edited behind trueup's
//! back, and `drift` tells which side moved. Everything is real: HTTP on loopback, files on disk, the same commands.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use clap::Args;

use super::drift::DriftArgs;
use super::exit::ExitStatus;
use super::global_args::{GlobalArgs, OutputFormat};
use super::prepared_run::PreparedRun;
use super::reports::ReportOutputs;
use super::run_args::RunArgs;
use super::run_setup::{self, EnvLookup, RunSelection};
use super::screen::TerminalScreen;
use super::selection_args::SelectionArgs;
use super::{apply, drift, plan};
use crate::kind::Kind;
use crate::kind::registry::KindRegistry;
use crate::sandbox::{RunningSandbox, SandboxLauncher, SandboxOptions};

/// Arguments of `demo`.
#[derive(Args)]
pub struct DemoArgs {
    /// Keep the workspace of the demo in this folder
    #[arg(long, value_name = "DIR")]
    pub keep: Option<PathBuf>,
}

/// The quickstart workspace, as it stands in `examples/quickstart`.
const QUICKSTART_FILES: [(&str, &str); 3] = [
    ("trueup.yaml", include_str!("../../examples/quickstart/trueup.yaml")),
    ("config/gateways.yaml", include_str!("../../examples/quickstart/config/gateways.yaml")),
    ("config/partners.yaml", include_str!("../../examples/quickstart/config/partners.yaml")),
];
/// Where the quickstart expects its sandbox.
const ADDRESS: &str = "http://127.0.0.1:8080";
/// What the quickstart takes from the environment.
const DEMO_VARIABLES: [(&str, &str); 6] = [
    ("HARBOR_TOKEN", "demo"),
    ("PHONES_TOKEN", "demo"),
    ("HARBOR_MERCHANT_KEY", "k:9,f"),
    ("HARBOR_CHECKS_KEY", "sandbox-key-2040"),
    ("HARBOR_CHECKS_PIN", "4711"),
    ("ACME_PASSWORD", "p\"w,1"),
];
/// What someone changes by hand in the meantime: the kind, its name in the sandbox, and the member.
const EDIT_JSON: &str = include_str!("../../examples/quickstart/edit-by-hand.json");

/// Runs the demo.
///
/// # Errors
/// When no port is free, or the workspace cannot be written.
pub fn run(common: &GlobalArgs, args: &DemoArgs, screen: &TerminalScreen) -> anyhow::Result<ExitStatus> {
    let sandbox = start_sandbox()?;
    let temporary = tempfile::tempdir().context("no temporary folder")?;
    let root = args.keep.as_deref().unwrap_or(temporary.path());
    write_workspace(root, &sandbox)?;
    let shown = root.display();
    screen.print_stdout(&format!(
        "A sandbox answers at http://{}; the workspace is {shown}.\n",
        sandbox.addr()
    ))?;
    let show = DemoRun {
        common: GlobalArgs { directory: root.to_owned(), format: OutputFormat::Text, ..common.clone() },
        screen,
    };
    show.print_step("trueup plan", "Five documents, read against the live objects. Nothing is written.")?;
    show.run_plan()?;
    show.print_step(
        "trueup apply --auto-approve",
        "Each object is read again, written, read back and compared.",
    )?;
    let applied = show.run_apply()?;
    show.print_step("trueup plan", "The services match now.")?;
    show.run_plan()?;
    edit_by_hand(&sandbox)?;
    show.print_step(
        "trueup drift",
        "A fee was changed by hand; the record of the last apply shows which side changed. Exit code 2.",
    )?;
    let drifted = show.run_drift()?;
    sandbox.shut_down();
    Ok(if applied == ExitStatus::Done && drifted == ExitStatus::Differs {
        ExitStatus::Done
    } else {
        ExitStatus::Error
    })
}

fn start_sandbox() -> anyhow::Result<RunningSandbox> {
    let registry = KindRegistry::get_builtin();
    let kinds: Vec<Arc<Kind>> =
        registry.kind_names().iter().filter_map(|name| registry.find_kind(name)).collect();
    SandboxLauncher::start_server(kinds, SandboxOptions { seed: Some(1), ..SandboxOptions::default() })
        .context("no free port on loopback")
}

fn write_workspace(root: &Path, sandbox: &RunningSandbox) -> anyhow::Result<()> {
    let address = format!("http://{}", sandbox.addr());
    for (name, text) in QUICKSTART_FILES {
        let path = root.join(name);
        let folder = path.parent().unwrap_or(root);
        fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
        fs::write(&path, text.replace(ADDRESS, &address))
            .with_context(|| format!("{} cannot be written", path.display()))?;
    }
    Ok(())
}

fn edit_by_hand(sandbox: &RunningSandbox) -> anyhow::Result<()> {
    let edit: serde_json::Value = serde_json::from_str(EDIT_JSON).context("the edit of the quickstart")?;
    let text = |name: &str| edit.get(name).and_then(serde_json::Value::as_str).unwrap_or_default();
    let set = edit.get("set").and_then(serde_json::Value::as_object).cloned().unwrap_or_default();
    sandbox.edit_object(text("kind"), text("id"), &set).map_err(|why| anyhow!(why))
}

/// Runs the commands of the demo, in its workspace and with its environment.
struct DemoRun<'s> {
    common: GlobalArgs,
    screen: &'s TerminalScreen,
}

impl DemoRun<'_> {
    fn print_step(&self, command: &str, what: &str) -> anyhow::Result<()> {
        let bold = anstyle::Style::new().bold();
        let dim = anstyle::Style::new().dimmed();
        self.screen.print_stdout(&format!("\n{bold}$ {command}{bold:#}\n{dim}{what}{dim:#}\n\n"))?;
        Ok(())
    }

    fn run_plan(&self) -> anyhow::Result<ExitStatus> {
        match self.prepare_demo_run() {
            Ok(prepared) => {
                let desired = plan::PlanOutputOptions {
                    detailed_exit_code: true,
                    ..plan::PlanOutputOptions::default()
                };
                plan::plan_workspace(&prepared, &RunArgs::default(), self.screen, desired)
            }
            Err(_) => Ok(ExitStatus::Error),
        }
    }

    fn run_drift(&self) -> anyhow::Result<ExitStatus> {
        let args = DriftArgs::default();
        match self.prepare_demo_run() {
            Ok(prepared) => {
                let run_args = drift::build_run_args(&args);
                drift::report_drift(&prepared, &run_args, &args, self.screen, &ReportOutputs::default())
            }
            Err(_) => Ok(ExitStatus::Error),
        }
    }

    fn run_apply(&self) -> anyhow::Result<ExitStatus> {
        match self.prepare_demo_run() {
            Ok(prepared) => {
                let way = apply::ApplyOptions { approved: true, ..apply::ApplyOptions::default() };
                apply::apply_workspace(&prepared.into_writable(), &RunArgs::default(), self.screen, way)
            }
            Err(_) => Ok(ExitStatus::Error),
        }
    }

    fn prepare_demo_run(&self) -> Result<PreparedRun, run_setup::DiagnosticList> {
        let environment = |name: &str| {
            DEMO_VARIABLES.iter().find(|(own, _)| *own == name).map(|(_, value)| OsString::from(value))
        };
        let env: EnvLookup = &environment;
        let everything = SelectionArgs::default();
        run_setup::open_workspace(&self.common, &everything, self.screen).and_then(|workspace| {
            run_setup::prepare_run(workspace, &RunArgs::default(), RunSelection::WHOLE, self.screen, env)
        })
    }
}
