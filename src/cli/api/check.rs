//! `trueup api check`: every fault of the workspace's own descriptions, each at its line.
//!
//! What is fine is reported by what was found, so that a kind that is missing shows by its absence.

use std::collections::BTreeMap;
use std::path::Path;

use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;

use crate::cli::exit::ExitStatus;
use crate::cli::global_args::{GlobalArgs, StdoutFormat};
use crate::cli::screen::TerminalScreen;
use crate::diagnostic::{Diagnostic, has_errors, suggest_word};
use crate::kind::Kind;
use crate::kind::registry::KindRegistry;
use crate::openapi::count_decisions;
use crate::report::json::to_json;
use crate::report::plan_report::{DiagnosticView, FORMAT_VERSION, ValidationReport};
use crate::report::sanitize::format_count;
use crate::workspace;
use crate::workspace::API_FOLDER;

/// Arguments of `api check`.
#[derive(Args)]
pub struct ApiCheckArgs {
    /// APIs [default: all APIs of the workspace]
    #[arg(value_name = "API")]
    pub apis: Vec<String>,
}

/// What a check of descriptions found.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ApiCheckReport")]
pub struct ApiCheckReport {
    /// The version of this structure: 1.
    format_version: u32,
    /// The version of the program that made it.
    tool_version: &'static str,
    /// What has no fault, by API.
    apis: Vec<CheckedApi>,
    /// What is wrong, or worth a look.
    diagnostics: Vec<DiagnosticView>,
}

/// A described service.
#[derive(Serialize, JsonSchema)]
struct CheckedApi {
    /// Its name, which is that of its folder.
    name: String,
    /// What people call it.
    title: String,
    /// Remarks that still ask for a decision.
    undecided: usize,
    /// Its kinds.
    kinds: Vec<CheckedKind>,
}

/// A described kind.
#[derive(Serialize, JsonSchema)]
struct CheckedKind {
    /// Its name, `api/kind`.
    kind: String,
    /// What one object is called.
    title: String,
    /// How many fields it has, with those inside others.
    fields: usize,
    /// What the service can do with its objects.
    operations: Vec<&'static str>,
    /// How many examples it has.
    examples: usize,
}

/// Checks the descriptions of a workspace.
///
/// # Errors
/// When the result cannot be written.
pub fn run(common: &GlobalArgs, args: &ApiCheckArgs, screen: &TerminalScreen) -> anyhow::Result<ExitStatus> {
    let (apis, faults) = check_descriptions(&common.directory, &args.apis);
    let wrong = has_errors(&faults);
    match screen.format {
        StdoutFormat::Json => {
            let diagnostics = ValidationReport::from_diagnostics(0, &faults).diagnostics;
            let tool_version = env!("CARGO_PKG_VERSION");
            screen.print_stdout(&to_json(&ApiCheckReport {
                format_version: FORMAT_VERSION,
                tool_version,
                apis,
                diagnostics,
            })?)?;
        }
        StdoutFormat::Text => {
            screen.print_diagnostics(&faults);
            if !wrong {
                screen.print_stdout(&render_text(&apis))?;
            }
        }
    }
    Ok(if wrong { ExitStatus::Error } else { ExitStatus::Done })
}

/// The APIs without faults, and the faults of the others.
fn check_descriptions(root: &Path, wanted: &[String]) -> (Vec<CheckedApi>, Vec<Diagnostic>) {
    let (found, mut faults) = workspace::open_descriptions(root);
    let Some(found) = found else { return (Vec::new(), faults) };
    let mut texts: BTreeMap<String, usize> = BTreeMap::new();
    for (path, text) in &found.files {
        *texts.entry(find_api_name(path).to_owned()).or_default() += count_decisions(text);
    }
    if let Some(fault) = diagnose_unknown_api(&texts, wanted) {
        faults.push(fault);
    }
    let chosen = |name: &str| wanted.is_empty() || wanted.iter().any(|one| one == name);
    let registry = KindRegistry::with_workspace(found.files, &mut faults);
    faults.retain(|fault| {
        fault.location.as_ref().is_none_or(|place| chosen(find_api_name(&place.source.path)))
    });
    let names = texts.into_iter().filter(|(name, _)| chosen(name));
    (names.filter_map(|(name, undecided)| describe_api(&registry, &name, undecided)).collect(), faults)
}

/// The name of the API to which a description belongs: that of its folder.
fn find_api_name(path: &str) -> &str {
    path.rsplit('/').nth(1).unwrap_or(path)
}

fn diagnose_unknown_api(texts: &BTreeMap<String, usize>, wanted: &[String]) -> Option<Diagnostic> {
    if texts.is_empty() {
        let fault = Diagnostic::error("no-description", format!("{API_FOLDER}/ has no description"));
        return Some(fault.with_hint("`trueup api new NAME --from-openapi FILE` drafts one"));
    }
    let odd = wanted.iter().find(|name| !texts.contains_key(*name))?;
    let message = match KindRegistry::get_builtin().list_api_names().contains(&odd.as_str()) {
        true => format!("`{odd}` is built in and always valid"),
        false => format!("there is no folder {API_FOLDER}/{}", odd.escape_debug()),
    };
    let mut fault = Diagnostic::error("unknown-api", message);
    fault.hint = suggest_word(odd, texts.keys().map(String::as_str));
    Some(fault)
}

fn describe_api(registry: &KindRegistry, name: &str, undecided: usize) -> Option<CheckedApi> {
    let api = registry.find_api(name)?;
    let own = format!("{name}/");
    let kinds = registry.kind_names().iter().filter(|kind| kind.starts_with(&own));
    let kinds = kinds.filter_map(|kind| registry.find_kind(kind)).map(|kind| describe_kind(&kind)).collect();
    Some(CheckedApi { name: name.to_owned(), title: api.title.clone(), undecided, kinds })
}

fn describe_kind(kind: &Kind) -> CheckedKind {
    let all = &kind.operations;
    let operations = [
        ("list", all.is_listed),
        ("get", all.get.is_some()),
        ("find", all.find.is_some()),
        ("create", all.create.is_some()),
        ("update", all.update.is_some()),
        ("replace", all.replace.is_some()),
        ("delete", all.delete.is_some()),
    ];
    CheckedKind {
        kind: kind.name.to_string(),
        title: kind.title.clone(),
        fields: kind.shape.list_all_fields().len(),
        operations: operations.into_iter().filter(|(_, there)| *there).map(|(word, _)| word).collect(),
        examples: kind.examples.len(),
    }
}

fn render_text(apis: &[CheckedApi]) -> String {
    let mut text = String::new();
    let all = || apis.iter().flat_map(|api| &api.kinds);
    let width = all().map(|kind| kind.kind.len()).max().unwrap_or(0);
    for api in apis {
        text.push_str(&format!("{}: {}\n", api.name, crate::report::sanitize::escape_line(&api.title)));
        for kind in &api.kinds {
            let (name, fields) = (&kind.kind, format_count(kind.fields, "field"));
            let examples = format_count(kind.examples, "example");
            text.push_str(&format!(
                "  {name:<width$}  {fields:>10}  {examples:>10}  {}\n",
                kind.operations.join(", ")
            ));
        }
        if api.undecided > 0 {
            text.push_str(&format!("  {} still marked `# decide:`\n", format_count(api.undecided, "place")));
        }
    }
    let apis = format_count(apis.len(), "API");
    text.push_str(&format!("{apis}, {}: valid\n", format_count(all().count(), "kind")));
    text
}
