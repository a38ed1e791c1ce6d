//! `trueup forget`: objects whose documents were removed are not managed any more. Nothing is sent.
//!
//! Every record of the live object goes, under whatever names it was applied, so that no later run deletes it or
//! speaks of it. An object that a document describes is released by `state: unmanaged` in that document.
//! Deliberately absent: the service. No one is asked whether the object is there.

use std::collections::BTreeSet;

use clap::Args;
use clap_complete::ArgValueCandidates;
use schemars::JsonSchema;
use serde::Serialize;

use super::completion_values;
use super::exit::ExitStatus;
use super::global_args::{GlobalArgs, StdoutFormat};
use super::run_setup;
use super::screen::TerminalScreen;
use super::selection_args::SelectionArgs;
use super::{digest_keys, records};
use crate::diagnostic::Diagnostic;
use crate::report::json::to_json;
use crate::report::plan_report::FORMAT_VERSION;
use crate::run::index::{IndexEntry, ObjectIndex};
use crate::run::last_applied::LastApplied;
use crate::workspace::LoadedWorkspace;
use crate::workspace::state_folder::{STATE_FOLDER, diagnose_unreadable_state};

/// Arguments of `forget`.
#[derive(Args)]
#[command(after_help = "\
The objects stay as they are; only the records in `.trueup` end. While a document describes an object, write \
`state: unmanaged` there instead.

Exit codes: 0 done; 1 no such record, or a document still describes the object.")]
pub struct ForgetArgs {
    /// The name that the document had, as NAME or api/kind/NAME; repeatable
    #[arg(value_name = "OBJECT", required = true, add = ArgValueCandidates::new(completion_values::list_released_names))]
    pub objects: Vec<String>,
    /// The target, if the name was used for several
    #[arg(long, value_name = "NAME", add = ArgValueCandidates::new(completion_values::list_targets), env = "TRUEUP_TARGET", hide_env_values = true)]
    pub target: Option<String>,
}

/// What was forgotten.
#[derive(Serialize, JsonSchema)]
pub struct ForgetReport {
    /// The version of this structure: 1.
    format_version: u32,
    /// The objects, under every name that was on record.
    forgotten: Vec<ForgottenObject>,
}

/// One object.
#[derive(Serialize, JsonSchema)]
struct ForgottenObject {
    /// The kind, `api/kind`.
    kind: String,
    /// The name of its document.
    name: String,
    /// The target.
    target: String,
}

/// Releases objects.
///
/// # Errors
/// When the records or stdout cannot be written.
pub fn run(common: &GlobalArgs, args: &ForgetArgs, screen: &TerminalScreen) -> anyhow::Result<ExitStatus> {
    let opened = run_setup::open_workspace(common, &SelectionArgs::default(), screen)
        .and_then(|workspace| records::enable_writes(workspace, screen));
    let workspace = match opened {
        Ok(workspace) => workspace,
        Err(faults) => return Ok(records::compute_failure(&faults)),
    };
    let folder = workspace.root.join(STATE_FOLDER);
    let keys = digest_keys::DigestKeys::load(&workspace.root);
    let index = keys.and_then(|_| {
        ObjectIndex::open(&folder).map_err(|error| {
            diagnose_unreadable_state("index.json", &error).with_hint("restore it from a backup")
        })
    });
    let chosen = index.and_then(|index| Ok((choose_entries(args, &workspace, &index)?, index)));
    let (entries, mut index) = match chosen {
        Ok(chosen) => chosen,
        Err(fault) => {
            screen.print_diagnostics(&[fault]);
            return Ok(ExitStatus::Error);
        }
    };
    let released: Vec<IndexEntry> = entries.iter().flat_map(|entry| index.release_entry(entry)).collect();
    index.save()?;
    let names = released.iter().map(|own| [&*own.target, &*own.kind, &*own.name]).collect::<Vec<_>>();
    LastApplied::record_released(&folder, &names)?;
    print_released(&released, screen)?;
    Ok(ExitStatus::Done)
}

/// The records of the objects that were named.
fn choose_entries(
    args: &ForgetArgs,
    workspace: &LoadedWorkspace,
    index: &ObjectIndex,
) -> Result<Vec<IndexEntry>, Diagnostic> {
    let mut chosen = Vec::new();
    for object in &args.objects {
        let (kind, name) = split_object(object);
        let is_meant = |entry: &&IndexEntry| {
            entry.name == name
                && kind.is_none_or(|kind| entry.kind == kind)
                && args.target.as_ref().is_none_or(|target| entry.target == *target)
        };
        let found: Vec<&IndexEntry> = index.entries().filter(is_meant).collect();
        let (kinds, targets): (BTreeSet<&str>, BTreeSet<&str>) =
            found.iter().map(|entry| (&*entry.kind, &*entry.target)).unzip();
        if found.is_empty() || kinds.len() > 1 || targets.len() > 1 {
            return Err(diagnose_choice(object, &found));
        }
        for entry in found {
            if let Some(fault) = diagnose_described(workspace, entry) {
                return Err(fault);
            }
            chosen.push(entry.clone());
        }
    }
    Ok(chosen)
}

/// `NAME` or `api/kind/NAME`; names may have slashes too.
fn split_object(object: &str) -> (Option<&str>, &str) {
    let mut slashes = object.match_indices('/').map(|(at, _)| at);
    match (slashes.next(), slashes.next()) {
        (Some(_), Some(second)) => (Some(&object[..second]), &object[second + 1..]),
        _ => (None, object),
    }
}

fn diagnose_choice(object: &str, found: &[&IndexEntry]) -> Diagnostic {
    let object = object.escape_debug();
    if found.is_empty() {
        return Diagnostic::error("no-match", format!("no record of `{object}`"))
            .with_hint("`trueup plan` lists objects whose documents were removed");
    }
    let names = found.iter().map(|own| format!("{}/{} at target {}", own.kind, own.name, own.target));
    let names: Vec<String> = names.collect();
    let message = format!("`{object}` is the name of several objects: {}", names.join(", "));
    Diagnostic::error("ambiguous-object", message).with_hint("write api/kind/NAME, or add `--target`")
}

fn diagnose_described(workspace: &LoadedWorkspace, entry: &IndexEntry) -> Option<Diagnostic> {
    let document = workspace.documents.iter().find(|own| {
        *own.kind.name == *entry.kind
            && *own.name == *entry.name
            && own.target.as_deref() == Some(&entry.target)
    })?;
    let message = format!("this document describes {} {}, so it is managed", entry.kind, entry.name);
    Some(
        Diagnostic::error("still-described", message)
            .with_location(document.locate_span(document.name_span))
            .with_hint("write `state: unmanaged` here, or remove the document first"),
    )
}

fn print_released(released: &[IndexEntry], screen: &TerminalScreen) -> anyhow::Result<()> {
    if screen.format == StdoutFormat::Json {
        let object = |own: &IndexEntry| ForgottenObject {
            kind: own.kind.clone(),
            name: own.name.clone(),
            target: own.target.clone(),
        };
        let forgotten = released.iter().map(object).collect();
        let report = ForgetReport { format_version: FORMAT_VERSION, forgotten };
        return Ok(screen.print_stdout(&to_json(&report)?)?);
    }
    let line = |own: &IndexEntry| {
        format!("{} {} at target {} is not managed any more\n", own.kind, own.name.escape_debug(), own.target)
    };
    let mut text: String = released.iter().map(line).collect();
    text.push_str("\nnothing was sent; the objects stay as they are\n");
    Ok(screen.print_stdout(&text)?)
}
