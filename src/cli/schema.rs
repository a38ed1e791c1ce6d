//! `trueup schema`: the JSON Schemas for editors and checks, written or held against what is there.

use std::fs;
use std::path::Path;

use anyhow::Context;

use super::api;
use super::args::{Common, SchemaArgs};
use super::exit::Exit;
use super::import::ImportReport;
use super::screen::Screen;
use super::settings::file::SettingsFile;
use super::workspace;
use crate::kind::registry::Registry;
use crate::kind::schema;
use crate::policy::file::PolicyFile;
use crate::report::DriftReport;
use crate::report::event::EventLine;
use crate::report::outcome::ApplyReport;
use crate::report::receipt::Receipt;
use crate::report::saved::SavedPlan;
use crate::report::shown::{Checked, Report, Tested};
use crate::run::memory::replace;

/// Writes the schemas, or tells which are missing or old.
///
/// # Errors
/// When a file cannot be read or written.
pub fn run(common: &Common, args: &SchemaArgs, screen: &Screen) -> anyhow::Result<Exit> {
    let files = files(&common.directory)?;
    let folder = common.directory.join(&args.output);
    let mut old = Vec::new();
    for (name, text) in &files {
        let path = folder.join(name);
        if fs::read_to_string(&path).is_ok_and(|there| there == *text) {
            continue;
        }
        old.push(name);
        if !args.check {
            replace(&path, text.as_bytes())
                .with_context(|| format!("{} cannot be written", path.display()))?;
        }
    }
    let (total, place) = (files.len(), args.output.display());
    match (old.is_empty(), args.check) {
        (true, _) => screen.out(&format!("{total} schemas in {place} are fresh\n"))?,
        (false, false) => screen.out(&format!("wrote {} of {total} schemas in {place}\n", old.len()))?,
        (false, true) => {
            for name in &old {
                screen.out(&format!("{place}/{name} is missing or old\n"))?;
            }
            screen.err("  help: run `trueup schema`\n");
            return Ok(Exit::Differs);
        }
    }
    Ok(Exit::Done)
}

/// Every schema with its path: of the kinds, a workspace's own included, and of the files and reports that
/// this program reads and writes.
fn files(root: &Path) -> anyhow::Result<Vec<(String, String)>> {
    Ok(all(&workspace::own_kinds(root)?))
}

/// The schemas that belong to these kinds.
pub fn all(registry: &Registry) -> Vec<(String, String)> {
    let extra = vec![
        ("trueup.json", schema::typed::<SettingsFile>()),
        ("report.json", schema::printed::<Report>()),
        ("plan.json", schema::printed::<SavedPlan>()),
        ("receipt.json", schema::printed::<Receipt>()),
        ("apply.json", schema::printed::<ApplyReport>()),
        ("drift.json", schema::printed::<DriftReport>()),
        ("events.json", schema::printed::<EventLine>()),
        ("validate.json", schema::printed::<Checked>()),
        ("import.json", schema::printed::<ImportReport>()),
        ("api-check.json", schema::printed::<api::check::Found>()),
        ("api-new.json", schema::printed::<api::draft::Drafted>()),
        ("api-try.json", schema::printed::<api::trial::Tried>()),
        ("policy.json", schema::typed::<PolicyFile>()),
        ("policy-test.json", schema::printed::<Tested>()),
    ];
    schema::all(registry, extra)
}
