//! `trueup why`: what each level says of a value, which one counts, and how the live value differs.

use clap::Args;
use clap_complete::ArgValueCandidates;
use schemars::JsonSchema;
use serde::Serialize;

use super::completion_values;
use super::exit::ExitStatus;
use super::field_paths::diagnose_unknown_paths;
use super::global_args::{GlobalArgs, StdoutFormat};
use super::run_args::RunArgs;
use super::run_setup::{self, RunSelection};
use super::screen::TerminalScreen;
use super::selection_args::{EnvironmentArgs, PathArgs, SelectionArgs};
use super::{causes, plan};
use crate::compose::explain::LevelStatement;
use crate::compose::origin::{ValueOrigin, list_origins};
use crate::diagnostic::{Diagnostic, suggest_word};
use crate::document::Document;
use crate::report::plan_report::FieldChange;
use crate::report::sanitize::escape_line;
use crate::report::text::render_field_changes;
use crate::report::{align_columns, to_json};
use crate::workspace::LoadedWorkspace;

/// Arguments of `why`.
#[derive(Args)]
#[command(after_help = "\
Exit codes: 0 done; 1 there is no such object, or documents or settings have errors.

Examples:
  trueup why harbor-cards.maxPaymentAmount --env production
  trueup why bootview/payment-gateway/harbor-cards --offline")]
pub struct WhyArgs {
    /// An object, as NAME or api/kind/NAME, with an optional .FIELD
    #[arg(value_name = "OBJECT[.PATH]", add = ArgValueCandidates::new(completion_values::list_names))]
    pub object: String,
    #[command(flatten)]
    pub environments: EnvironmentArgs,
    /// Do not read the live object
    #[arg(long)]
    pub offline: bool,
}

/// The output of `why` as JSON.
#[derive(Serialize, JsonSchema)]
pub struct WhyReport {
    /// The object in each environment.
    pub objects: Vec<WhyObject>,
}

/// One object.
#[derive(Serialize, JsonSchema)]
pub struct WhyObject {
    /// The kind, `api/kind`.
    pub kind: String,
    /// The name of its document.
    pub name: String,
    /// The target on which it lives.
    pub target: String,
    /// The environment of the target, where the workspace has environments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// What levels say, from the lowest to the highest.
    pub levels: Vec<WhyLevel>,
    /// Where the live object differs; absent when it was not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub differences: Option<Vec<FieldChange>>,
}

/// What one level says.
#[derive(Serialize, JsonSchema)]
pub struct WhyLevel {
    /// The field, with dots.
    pub path: String,
    /// `base NAME`, `document`, `overlay ENVIRONMENT`, `values ENVIRONMENT` or `value default`.
    pub level: String,
    /// The file, relative to the workspace.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column, in characters from 1.
    pub column: usize,
    /// As it is written; absent for values that are not shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The level leaves the value unmanaged.
    pub unset: bool,
    /// This is the one that counts.
    pub decides: bool,
}

/// Says why a value is what it is.
///
/// # Errors
/// When there is no runtime, or stdout cannot be written.
pub fn run(common: &GlobalArgs, args: &WhyArgs, screen: &TerminalScreen) -> anyhow::Result<ExitStatus> {
    let files = PathArgs { environments: args.environments.clone(), ..PathArgs::default() };
    let selection = SelectionArgs { files, ..SelectionArgs::default() };
    let Ok(mut workspace) = run_setup::open_workspace(common, &selection, screen) else {
        return Ok(ExitStatus::Error);
    };
    let path = match select_object(&mut workspace, &args.object) {
        Ok(path) => path,
        Err(fault) => {
            screen.print_diagnostics(&[fault]);
            return Ok(ExitStatus::Error);
        }
    };
    // items of lists are named in brackets
    let paths: Vec<String> =
        (!path.is_empty() && !path.contains('[')).then(|| path.clone()).into_iter().collect();
    let unknown = diagnose_unknown_paths(&paths, workspace.documents.iter());
    if !unknown.is_empty() {
        screen.print_diagnostics(&unknown);
        return Ok(ExitStatus::Error);
    }
    let mut objects: Vec<WhyObject> =
        workspace.documents.iter().map(|own| explain_object(&workspace, own, &path)).collect();
    let is_read = args.offline || add_differences(workspace, &path, &mut objects, screen)?;
    match screen.format {
        StdoutFormat::Json => screen.print_stdout(&to_json(&WhyReport { objects })?)?,
        StdoutFormat::Text => {
            let texts: Vec<String> = objects.iter().map(|own| render_object(own, screen.width())).collect();
            screen.print_stdout(&texts.join("\n"))?;
        }
    }
    Ok(if is_read { ExitStatus::Done } else { ExitStatus::Error })
}

/// Limits a workspace to the object that is named; gives the path in it.
fn select_object(workspace: &mut LoadedWorkspace, named: &str) -> Result<String, Diagnostic> {
    let full = |own: &Document| [format!("{}/{}", own.kind.name, own.name), own.name.to_string()];
    let is_named = |name: &String| {
        named.strip_prefix(&**name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    let names = workspace.documents.iter().flat_map(full);
    let Some(found) = names.filter(is_named).max_by_key(String::len) else {
        let message = format!("there is no object `{}`", named.escape_debug());
        let known: Vec<&str> = workspace.documents.iter().map(|own| &*own.name).collect();
        let hint = suggest_word(named, known);
        let fault = Diagnostic::error("unknown-object", message);
        return Err(fault.with_hint(hint.unwrap_or_else(|| "write a document first".to_owned())));
    };
    workspace.documents.retain(|own| full(own).contains(&found));
    let kinds: std::collections::BTreeSet<&str> =
        workspace.documents.iter().map(|own| &*own.kind.name).collect();
    if kinds.len() > 1 {
        let message = format!("objects of several kinds are named `{}`", found.escape_debug());
        let forms: Vec<_> = kinds.iter().map(|kind| format!("`{kind}/{found}`")).collect();
        let fault = Diagnostic::error("ambiguous-name", message);
        return Err(fault.with_hint(format!("write {}", forms.join(" or "))));
    }
    Ok(named.get(found.len()..).unwrap_or_default().trim_start_matches('.').to_owned())
}

fn explain_object(workspace: &LoadedWorkspace, document: &Document, path: &str) -> WhyObject {
    let origins = list_origins(document);
    let levels = match path.is_empty() {
        true => origins.iter().map(WhyLevel::from_origin).collect(),
        false => {
            let statements = workspace.list_statements(document, path);
            statements.iter().map(|own| WhyLevel::from_statement(own, path, &origins)).collect()
        }
    };
    WhyObject {
        kind: document.kind.name.to_string(),
        name: document.name.to_string(),
        target: document.target.as_deref().unwrap_or_default().to_owned(),
        environment: document.environment.as_deref().map(str::to_owned),
        levels,
        differences: None,
    }
}

impl WhyLevel {
    fn from_origin(origin: &ValueOrigin) -> Self {
        let (line, column) = origin.location.find_line_column();
        Self {
            path: origin.pointer.trim_start_matches('/').replace('/', "."),
            level: origin.level.describe(),
            file: origin.location.source.path.clone(),
            line,
            column,
            text: None,
            unset: false,
            decides: true,
        }
    }

    fn from_statement(own: &LevelStatement, path: &str, origins: &[ValueOrigin]) -> Self {
        let (line, column) = own.location.find_line_column();
        let span = own.location.span;
        let holds = |origin: &ValueOrigin| {
            let place = &origin.location;
            place.source.path == own.location.source.path
                && span.start <= place.span.start
                && place.span.end <= span.end
        };
        Self {
            path: path.to_owned(),
            level: own.level.describe(),
            file: own.location.source.path.clone(),
            line,
            column,
            text: own.text.clone(),
            unset: own.unsets,
            decides: !own.unsets && origins.iter().any(holds),
        }
    }
}

/// Reads the live objects, and says where they differ; whether that could be found out for each of them.
fn add_differences(
    workspace: LoadedWorkspace,
    path: &str,
    objects: &mut [WhyObject],
    screen: &TerminalScreen,
) -> anyhow::Result<bool> {
    let reading = RunArgs::default();
    let prepared =
        run_setup::prepare_run(workspace, &reading, RunSelection::PART, screen, run_setup::PROCESS_ENV);
    // what is wrong was printed
    let Ok(prepared) = prepared else { return Ok(false) };
    let mut plan = plan::make_plan(&prepared, &reading, screen)?;
    let jobs = prepared.build_jobs();
    if let Err(fault) = causes::explain_plan(&mut plan, &jobs, &prepared, None) {
        screen.print_diagnostics(&[fault.diagnostic]);
    }
    let report = plan::build_report(&plan, &prepared);
    let is_below = |label: &str| {
        let rest = label.strip_prefix(path);
        path.is_empty() || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    let mut is_read = true;
    for object in objects {
        let is_one = |own: &crate::report::plan_report::ObjectName| {
            own.target == object.target && own.name == object.name && own.kind == object.kind
        };
        let unread = report.unread.iter().any(|own| is_one(&own.object));
        let changes = report.changes.iter().filter(|own| is_one(&own.object)).flat_map(|own| &own.fields);
        let refused = report.refused.iter().filter(|own| is_one(&own.object)).flat_map(|own| &own.fields);
        let fields = changes.chain(refused).filter(|own| is_below(&own.label)).cloned().collect();
        object.differences = (!unread).then_some(fields);
        is_read &= !unread;
    }
    Ok(is_read)
}

/// The field, the level, the place, and what stands there.
fn list_cells(level: &WhyLevel) -> Vec<String> {
    let sign = if level.decides { '>' } else { ' ' };
    let value = match (&level.text, level.unset) {
        (_, true) => "unset".to_owned(),
        (Some(text), _) => escape_line(text).into_owned(),
        (None, _) => String::new(),
    };
    let place = format!("{}:{}:{}", escape_line(&level.file), level.line, level.column);
    vec![format!("{sign} {}", escape_line(&level.path)), level.level.clone(), place, value]
}

fn render_object(object: &WhyObject, width: usize) -> String {
    let environment =
        object.environment.as_ref().map_or_else(String::new, |own| format!("environment {own}, "));
    let mut text =
        format!("{} {} ({environment}target {})\n", object.kind, escape_line(&object.name), object.target);
    if object.levels.is_empty() {
        text.push_str("  no level sets it\n");
    }
    let rows: Vec<Vec<String>> = object.levels.iter().map(list_cells).collect();
    align_columns(&rows).iter().for_each(|line| text.push_str(&format!("{line}\n")));
    match &object.differences {
        None => {}
        Some(fields) if fields.is_empty() => text.push_str("  live: no difference\n"),
        Some(fields) => {
            text.push_str("  live:\n");
            text.push_str(&render_field_changes(fields, width));
        }
    }
    text
}
