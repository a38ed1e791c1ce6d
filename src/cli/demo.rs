//! `trueup demo`: the whole job in front of one's eyes, on a sandbox of its own.
//!
//! The quickstart workspace is planned, applied and planned again; then an object is edited behind trueup's
//! back, and `drift` tells which side moved. Everything is real: HTTP on loopback, files on disk, the same commands.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, anyhow};

use super::args::{Common, DemoArgs, DriftArgs, FormatWord, Reading, Selection};
use super::exit::Exit;
use super::reports::Reports;
use super::screen::Screen;
use super::session::{self, Env, Reach};
use super::{apply, drift, plan};
use crate::kind::Kind;
use crate::kind::registry::Registry;
use crate::remote::sandbox::{Options, Running, Sandbox};

/// The quickstart workspace, as it stands in `examples/quickstart`.
const FILES: [(&str, &str); 3] = [
    ("trueup.yaml", include_str!("../../examples/quickstart/trueup.yaml")),
    ("config/gateways.yaml", include_str!("../../examples/quickstart/config/gateways.yaml")),
    ("config/partners.yaml", include_str!("../../examples/quickstart/config/partners.yaml")),
];
/// Where the quickstart expects its sandbox.
const ADDRESS: &str = "http://127.0.0.1:8080";
/// What the quickstart takes from the environment.
const VARIABLES: [(&str, &str); 4] = [
    ("HARBOR_TOKEN", "demo"),
    ("PHONES_TOKEN", "demo"),
    ("HARBOR_MERCHANT_KEY", "k:9,f"),
    ("ACME_PASSWORD", "p\"w,1"),
];
/// What somebody changes by hand in the meantime: the kind, its name in the sandbox, and the member.
const EDIT: &str = include_str!("../../examples/quickstart/edit-by-hand.json");

/// Runs the demo.
///
/// # Errors
/// When no port is free, or the workspace cannot be written.
pub fn run(common: &Common, args: &DemoArgs, screen: &Screen) -> anyhow::Result<Exit> {
    let sandbox = start()?;
    let temporary = tempfile::tempdir().context("no temporary folder")?;
    let root = args.keep.as_deref().unwrap_or(temporary.path());
    write_workspace(root, &sandbox)?;
    let shown = root.display();
    screen.out(&format!("A sandbox answers at http://{}; the workspace is {shown}.\n", sandbox.addr()))?;
    let show = Show {
        common: Common { directory: root.to_owned(), format: FormatWord::Text, ..common.clone() },
        screen,
    };
    show.say("trueup plan", "Five documents, read against the live objects. Nothing is written.")?;
    show.plan()?;
    show.say("trueup apply --auto-approve", "Each object is read again, written, read back and compared.")?;
    let applied = show.apply()?;
    show.say("trueup plan", "The services match now.")?;
    show.plan()?;
    edit_by_hand(&sandbox)?;
    show.say(
        "trueup drift",
        "Somebody changed a fee by hand meanwhile; what was applied tells which side moved. Exit code 2.",
    )?;
    let drifted = show.drift()?;
    sandbox.stop();
    Ok(if applied == Exit::Done && drifted == Exit::Differs { Exit::Done } else { Exit::Error })
}

fn start() -> anyhow::Result<Running> {
    let registry = Registry::builtin();
    let kinds: Vec<Arc<Kind>> = registry.kinds().iter().filter_map(|name| registry.kind(name)).collect();
    Sandbox::start(kinds, Options { seed: Some(1), ..Options::default() }).context("no free port on loopback")
}

fn write_workspace(root: &Path, sandbox: &Running) -> anyhow::Result<()> {
    let address = format!("http://{}", sandbox.addr());
    for (name, text) in FILES {
        let path = root.join(name);
        let folder = path.parent().unwrap_or(root);
        fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
        fs::write(&path, text.replace(ADDRESS, &address))
            .with_context(|| format!("{} cannot be written", path.display()))?;
    }
    Ok(())
}

fn edit_by_hand(sandbox: &Running) -> anyhow::Result<()> {
    let edit: serde_json::Value = serde_json::from_str(EDIT).context("the edit of the quickstart")?;
    let text = |name: &str| edit.get(name).and_then(serde_json::Value::as_str).unwrap_or_default();
    let set = edit.get("set").and_then(serde_json::Value::as_object).cloned().unwrap_or_default();
    sandbox.edit(text("kind"), text("id"), &set).map_err(|why| anyhow!(why))
}

/// Runs the commands of the demo, in its workspace and with its environment.
struct Show<'s> {
    common: Common,
    screen: &'s Screen,
}

impl Show<'_> {
    fn say(&self, command: &str, what: &str) -> anyhow::Result<()> {
        let bold = anstyle::Style::new().bold();
        let dim = anstyle::Style::new().dimmed();
        self.screen.out(&format!("\n{bold}$ {command}{bold:#}\n{dim}{what}{dim:#}\n\n"))?;
        Ok(())
    }

    fn plan(&self) -> anyhow::Result<Exit> {
        match self.prepare() {
            Ok(prepared) => {
                let wish = plan::Wish { detailed: true, ..plan::Wish::default() };
                plan::planned(&prepared, &Reading::default(), self.screen, wish)
            }
            Err(_) => Ok(Exit::Error),
        }
    }

    fn drift(&self) -> anyhow::Result<Exit> {
        let args = DriftArgs::default();
        match self.prepare() {
            Ok(prepared) => {
                let what = (&drift::reading(&args), &args);
                drift::drifted(&prepared, what, self.screen, &Reports::default())
            }
            Err(_) => Ok(Exit::Error),
        }
    }

    fn apply(&self) -> anyhow::Result<Exit> {
        match self.prepare() {
            Ok(prepared) => {
                let way = apply::Way { approved: true, ..apply::Way::default() };
                apply::applied(&prepared.for_writing(), &Reading::default(), self.screen, way)
            }
            Err(_) => Ok(Exit::Error),
        }
    }

    fn prepare(&self) -> Result<session::Prepared, session::Faults> {
        let environment = |name: &str| {
            VARIABLES.iter().find(|(own, _)| *own == name).map(|(_, value)| OsString::from(value))
        };
        let env: Env = &environment;
        let everything = Selection { paths: Vec::new() };
        session::open(&self.common, &everything, self.screen).and_then(|workspace| {
            session::prepare(workspace, &Reading::default(), Reach::WHOLE, self.screen, env)
        })
    }
}
