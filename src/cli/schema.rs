//! `trueup schema`: the JSON Schemas for editors and checks, written or held against what is there.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use schemars::{JsonSchema, Schema};
use serde::Serialize;
use serde_json::Value as Json;

use super::api;
use super::exit::ExitStatus;
use super::forget::ForgetReport;
use super::global_args::{GlobalArgs, StdoutFormat};
use super::import::ImportReport;
use super::output_file::write_output;
use super::screen::TerminalScreen;
use crate::compose::settings::ValueDefinition;
use crate::kind::registry::KindRegistry;
use crate::kind::schema::{self, NamedTarget, NamedValue, WorkspaceNames};
use crate::policy::file::PolicyFile;
use crate::report::DriftReport;
use crate::report::event::EventLine;
use crate::report::outcome::ApplyReport;
use crate::report::plan_report::{PlanReport, PolicyTestReport, ValidationReport};
use crate::report::receipt::Receipt;
use crate::report::saved_plan::SavedPlan;
use crate::report::to_json;
use crate::workspace;
use crate::workspace::settings::file::SettingsFile;
use crate::workspace::settings::{TargetSettings, WorkspaceSettings};

/// Arguments of `schema`.
#[derive(Args)]
pub struct SchemaArgs {
    /// Output folder
    #[arg(short, long, value_name = "DIR", default_value = "schemas")]
    pub output: PathBuf,
    /// Write nothing; exit with 2 when a file is missing or out of date
    #[arg(long)]
    pub check: bool,
}

/// What `schema` found.
#[derive(Serialize, JsonSchema)]
pub struct SchemaReport {
    /// Whether files were only checked.
    check: bool,
    /// How many schemas there are.
    total: usize,
    /// The files that are missing or out of date; without `--check` they were written.
    changed: Vec<String>,
}

/// Writes the schemas, or tells which are missing or old.
///
/// # Errors
/// When a file cannot be read or written.
pub fn run(common: &GlobalArgs, args: &SchemaArgs, screen: &TerminalScreen) -> anyhow::Result<ExitStatus> {
    let files = load_schemas(&common.directory)?;
    let folder = common.directory.join(&args.output);
    let mut old = Vec::new();
    for (name, text) in &files {
        let path = folder.join(name);
        if fs::read_to_string(&path).is_ok_and(|there| there == *text) {
            continue;
        }
        old.push(name);
        if !args.check {
            write_output(&path, text.as_bytes())
                .with_context(|| format!("{} cannot be written", path.display()))?;
        }
    }
    let (total, place) = (files.len(), args.output.display());
    if screen.format == StdoutFormat::Json {
        let changed = old.iter().map(|name| (*name).clone()).collect::<Vec<_>>();
        let differs = args.check && !changed.is_empty();
        screen.print_stdout(&to_json(&SchemaReport { check: args.check, total, changed })?)?;
        return Ok(if differs { ExitStatus::Differs } else { ExitStatus::Done });
    }
    match (old.is_empty(), args.check) {
        (true, _) => screen.print_stdout(&format!("{total} schemas in {place} are up to date\n"))?,
        (false, false) => {
            screen.print_stdout(&format!("wrote {} of {total} schemas in {place}\n", old.len()))?
        }
        (false, true) => {
            for name in &old {
                screen.print_stdout(&format!("{place}/{name} is missing or out of date\n"))?;
            }
            screen.print_stderr("  help: run `trueup schema`\n");
            return Ok(ExitStatus::Differs);
        }
    }
    Ok(ExitStatus::Done)
}

/// Every schema with its path: of the kinds, a workspace's own included, and of the files and reports that
/// this program reads and writes.
fn load_schemas(root: &Path) -> anyhow::Result<Vec<(String, String)>> {
    let names = match workspace::open_config(root).0 {
        Some(config) => list_workspace_names(&config.settings),
        None => WorkspaceNames::default(),
    };
    Ok(build_schemas(&workspace::load_registry(root)?, &names))
}

/// What an editor offers by the settings of a workspace.
pub fn list_workspace_names(settings: &WorkspaceSettings) -> WorkspaceNames {
    let own = &settings.composition;
    let value = |own: &ValueDefinition| NamedValue {
        name: own.name.to_string(),
        description: own.description.clone(),
        ty: own.ty.clone(),
        sensitivity: own.sensitivity,
    };
    WorkspaceNames {
        environments: own.environments.iter().map(|own| own.name.to_string()).collect(),
        targets: settings.targets.iter().map(name_target).collect(),
        values: own.values.iter().map(value).collect(),
        kinds_with_defaults: own.defaults.iter().map(|own| own.kind.to_string()).collect(),
        is_workspace: true,
    }
}

fn name_target(target: &TargetSettings) -> NamedTarget {
    NamedTarget { name: target.name.to_string(), api: target.api.name.to_string() }
}

/// The schema of `trueup.yaml`, whose targets name the APIs that there are.
fn build_settings_schema(registry: &KindRegistry) -> Schema {
    const API: &str = "/properties/targets/additionalProperties/properties/api";
    let mut schema = schema::generate_input_schema::<SettingsFile>();
    if let Some(Json::Object(api)) = schema.pointer_mut(API) {
        api.insert("enum".to_owned(), registry.list_api_names().into());
    }
    schema
}

/// The schemas that belong to these kinds and names.
pub fn build_schemas(registry: &KindRegistry, names: &WorkspaceNames) -> Vec<(String, String)> {
    let extra = vec![
        ("trueup.json", build_settings_schema(registry)),
        ("report.json", schema::generate_output_schema::<PlanReport>()),
        ("plan.json", schema::generate_output_schema::<SavedPlan>()),
        ("receipt.json", schema::generate_output_schema::<Receipt>()),
        ("apply.json", schema::generate_output_schema::<ApplyReport>()),
        ("drift.json", schema::generate_output_schema::<DriftReport>()),
        ("events.json", schema::generate_output_schema::<EventLine>()),
        ("validate.json", schema::generate_output_schema::<ValidationReport>()),
        ("forget.json", schema::generate_output_schema::<ForgetReport>()),
        ("accept.json", schema::generate_output_schema::<super::accept::AcceptReport>()),
        ("import.json", schema::generate_output_schema::<ImportReport>()),
        ("write-back.json", schema::generate_output_schema::<super::write_back::report::WriteBackReport>()),
        ("render.json", schema::generate_output_schema::<super::render::RenderReport>()),
        ("why.json", schema::generate_output_schema::<super::why::WhyReport>()),
        ("fmt.json", schema::generate_output_schema::<super::fmt::FormatReport>()),
        ("schema.json", schema::generate_output_schema::<SchemaReport>()),
        ("api-check.json", schema::generate_output_schema::<api::check::ApiCheckReport>()),
        ("api-new.json", schema::generate_output_schema::<api::draft::ApiNewReport>()),
        ("api-try.json", schema::generate_output_schema::<api::try_api::ApiTryReport>()),
        ("doctor.json", schema::generate_output_schema::<super::doctor::check::DoctorReport>()),
        ("init.json", schema::generate_output_schema::<super::init::report::InitReport>()),
        ("policy.json", schema::generate_input_schema::<PolicyFile>()),
        ("policy-test.json", schema::generate_output_schema::<PolicyTestReport>()),
    ];
    schema::generate_schemas(registry, names, extra)
}
