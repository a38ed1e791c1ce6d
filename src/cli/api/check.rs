//! `trueup api check`: every fault of the workspace's own descriptions, each at its line.
//!
//! What is fine is told by what was found, so that a kind that is missing shows by its absence.

use std::collections::BTreeMap;
use std::path::Path;

use schemars::JsonSchema;
use serde::Serialize;

use crate::cli::args::{ApiCheckArgs, Common, Format};
use crate::cli::exit::Exit;
use crate::cli::screen::Screen;
use crate::cli::workspace::{self, KINDS};
use crate::diagnostic::{Diagnostic, any_error, did_you_mean};
use crate::kind::draft::undecided;
use crate::kind::registry::Registry;
use crate::kind::{Item, Kind, Shape, Type};
use crate::report::clean::count;
use crate::report::json::to_json;
use crate::report::shown::{Checked, FORMAT_VERSION, Finding};

/// What a check of descriptions found.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ApiCheckReport")]
pub struct Found {
    /// The version of this structure: 1.
    format_version: u32,
    /// The version of the program that made it.
    tool_version: &'static str,
    /// What has no fault, by API.
    apis: Vec<ApiFound>,
    /// What is wrong, or worth a look.
    diagnostics: Vec<Finding>,
}

/// A described service.
#[derive(Serialize, JsonSchema)]
struct ApiFound {
    /// Its name, which is that of its folder.
    name: String,
    /// What people call it.
    title: String,
    /// Remarks that still ask for a decision.
    undecided: usize,
    /// Its kinds.
    kinds: Vec<KindFound>,
}

/// A described kind.
#[derive(Serialize, JsonSchema)]
struct KindFound {
    /// Its name, `api/kind`.
    kind: String,
    /// What one object is called.
    title: String,
    /// How many fields it has, with those inside others.
    fields: usize,
    /// What the service can do with its objects.
    operations: Vec<&'static str>,
    /// How many sample objects it has.
    samples: usize,
}

/// Checks the descriptions of a workspace.
///
/// # Errors
/// When the result cannot be written.
pub fn run(common: &Common, args: &ApiCheckArgs, screen: &Screen) -> anyhow::Result<Exit> {
    let (apis, faults) = checked(&common.directory, &args.apis);
    let wrong = any_error(&faults);
    match screen.format {
        Format::Json => {
            let diagnostics = Checked::of(0, &faults).diagnostics;
            let tool_version = env!("CARGO_PKG_VERSION");
            screen.out(&to_json(&Found {
                format_version: FORMAT_VERSION,
                tool_version,
                apis,
                diagnostics,
            })?)?;
        }
        Format::Text => {
            screen.diagnose(&faults);
            if !wrong {
                screen.out(&text(&apis))?;
            }
        }
    }
    Ok(if wrong { Exit::Error } else { Exit::Done })
}

/// The APIs without faults, and the faults of the others.
fn checked(root: &Path, wanted: &[String]) -> (Vec<ApiFound>, Vec<Diagnostic>) {
    let (found, mut faults) = workspace::descriptions(root);
    let Some(found) = found else { return (Vec::new(), faults) };
    let mut texts: BTreeMap<String, usize> = BTreeMap::new();
    for (path, text) in &found.files {
        *texts.entry(api_of(path).to_owned()).or_default() += undecided(text);
    }
    if let Some(fault) = unknown(&texts, wanted) {
        faults.push(fault);
    }
    let chosen = |name: &str| wanted.is_empty() || wanted.iter().any(|one| one == name);
    let registry = Registry::with_workspace(found.files, &mut faults);
    faults.retain(|fault| fault.place.as_ref().is_none_or(|place| chosen(api_of(&place.source.path))));
    let names = texts.into_iter().filter(|(name, _)| chosen(name));
    (names.filter_map(|(name, undecided)| api_found(&registry, &name, undecided)).collect(), faults)
}

/// The name of the API to which a description belongs: that of its folder.
fn api_of(path: &str) -> &str {
    path.rsplit('/').nth(1).unwrap_or(path)
}

fn unknown(texts: &BTreeMap<String, usize>, wanted: &[String]) -> Option<Diagnostic> {
    if texts.is_empty() {
        let fault = Diagnostic::error("no-description", format!("{KINDS}/ holds no description"));
        return Some(fault.hint("`trueup api new NAME --from-openapi FILE` drafts one"));
    }
    let odd = wanted.iter().find(|name| !texts.contains_key(*name))?;
    let message = match Registry::builtin().apis().contains(&odd.as_str()) {
        true => format!("`{odd}` comes with trueup, and was checked when trueup was made"),
        false => format!("there is no folder {KINDS}/{}", odd.escape_debug()),
    };
    let mut fault = Diagnostic::error("unknown-api", message);
    fault.hint = did_you_mean(odd, texts.keys().map(String::as_str));
    Some(fault)
}

fn api_found(registry: &Registry, name: &str, undecided: usize) -> Option<ApiFound> {
    let api = registry.api(name)?;
    let own = format!("{name}/");
    let kinds = registry.kinds().iter().filter(|kind| kind.starts_with(&own));
    let kinds = kinds.filter_map(|kind| registry.kind(kind)).map(|kind| kind_found(&kind)).collect();
    Some(ApiFound { name: name.to_owned(), title: api.title.clone(), undecided, kinds })
}

fn kind_found(kind: &Kind) -> KindFound {
    let all = &kind.operations;
    let operations = [
        ("list", true),
        ("get", all.get.is_some()),
        ("find", all.find.is_some()),
        ("create", all.create.is_some()),
        ("update", all.update.is_some()),
        ("replace", all.replace.is_some()),
        ("delete", all.delete.is_some()),
    ];
    KindFound {
        kind: kind.name.to_string(),
        title: kind.title.clone(),
        fields: fields(&kind.shape),
        operations: operations.into_iter().filter(|(_, there)| *there).map(|(word, _)| word).collect(),
        samples: kind.samples.len(),
    }
}

/// How many fields an object has, with those inside others.
fn fields(shape: &Shape) -> usize {
    let inside = |ty: &Type| match ty {
        Type::Object(shape) => fields(shape),
        Type::List(list) => match &list.item {
            Item::Object(shape) => fields(shape),
            Item::Leaf(_) => 0,
        },
        Type::Map(_) | Type::Leaf(_) => 0,
    };
    shape.fields.iter().map(|field| 1 + inside(&field.ty)).sum()
}

fn text(apis: &[ApiFound]) -> String {
    let mut text = String::new();
    let all = || apis.iter().flat_map(|api| &api.kinds);
    let width = all().map(|kind| kind.kind.len()).max().unwrap_or(0);
    for api in apis {
        text.push_str(&format!("{}: {}\n", api.name, crate::report::clean::line(&api.title)));
        for kind in &api.kinds {
            let (name, fields) = (&kind.kind, count(kind.fields, "field"));
            let samples = count(kind.samples, "sample");
            text.push_str(&format!(
                "  {name:<width$}  {fields:>10}  {samples:>9}  {}\n",
                kind.operations.join(", ")
            ));
        }
        if api.undecided > 0 {
            text.push_str(&format!("  {} still marked `# decide:`\n", count(api.undecided, "place")));
        }
    }
    let apis = count(apis.len(), "API");
    text.push_str(&format!("{apis}, {}: all fine\n", count(all().count(), "kind")));
    text
}
