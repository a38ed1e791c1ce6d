//! `trueup why`: what each level says of a value, which one counts, and how the live value differs.

use clap::Args;
use clap_complete::ArgValueCompleter;
use schemars::JsonSchema;
use serde::Serialize;

use super::completion_values;
use super::exit::ExitStatus;
use super::field_paths::diagnose_unknown_paths;
use super::global_args::{GlobalArgs, StdoutFormat};
use super::plan_report_builder::build_report;
use super::run_args::RunArgs;
use super::run_setup::{self, RunSelection};
use super::screen::TerminalScreen;
use super::selection_args::{EnvironmentArgs, PathArgs, SelectionArgs};
use super::{causes, plan};
use crate::compose::explain::{AskedValue, LevelStatement};
use crate::compose::item_path::{AskedStep, ItemEdit, parse_path, strip_items};
use crate::compose::origin::{ValueOrigin, list_origins};
use crate::diagnostic::{Diagnostic, suggest_word};
use crate::document::Document;
use crate::report::mask::redact_path;
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
  trueup why 'harbor-cards.billTypes[billTypeId=3]' --env staging
  trueup why bootview/payment-gateway/harbor-cards --offline")]
pub struct WhyArgs {
    /// An object, as NAME or api/kind/NAME, with an optional .FIELD; items of lists in brackets, as `plan` shows them
    #[arg(value_name = "OBJECT[.PATH]", add = ArgValueCompleter::new(completion_values::complete_object))]
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
    /// The field, with dots; items of lists in brackets, as in `plan`.
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
    /// It is not shown.
    #[serde(skip)]
    pub is_hidden: bool,
    /// The level leaves the value unmanaged.
    pub unset: bool,
    /// What an edit of the list does with the item: `add`, `change` or `remove`; absent outside edits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edit: Option<&'static str>,
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
    let explained = parse_value(&workspace, &path).and_then(|steps| {
        let asked = AskedValue { path: &path, steps: &steps };
        let own = workspace.documents.iter().map(|own| explain_object(&workspace, own, &asked));
        let objects: Vec<WhyObject> = own.collect();
        match diagnose_unknown_item(&workspace, &asked, &objects) {
            Some(fault) => Err(vec![fault]),
            None => Ok(objects),
        }
    });
    let mut objects = match explained {
        Ok(objects) => objects,
        Err(faults) => {
            screen.print_diagnostics(&faults);
            return Ok(ExitStatus::Error);
        }
    };
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

/// The steps of a path, which must be one of the kind.
fn parse_value(workspace: &LoadedWorkspace, path: &str) -> Result<Vec<AskedStep>, Vec<Diagnostic>> {
    let Some(first) = workspace.documents.first().filter(|_| !path.is_empty()) else {
        return Ok(Vec::new());
    };
    let unknown = diagnose_unknown_paths(&[strip_items(path)], workspace.documents.iter());
    if !unknown.is_empty() {
        return Err(unknown);
    }
    parse_path(path, &first.kind.shape).map_err(|fault| vec![fault])
}

/// That no level says anything of an item, in any environment.
fn diagnose_unknown_item(
    workspace: &LoadedWorkspace,
    asked: &AskedValue,
    objects: &[WhyObject],
) -> Option<Diagnostic> {
    let at = asked.steps.iter().rposition(|step| matches!(step, AskedStep::Item(_)))?;
    if objects.iter().any(|own| !own.levels.is_empty()) {
        return None;
    }
    let item = AskedValue { path: asked.path, steps: asked.steps.get(..=at)? };
    if workspace.documents.iter().any(|own| !workspace.list_statements(own, &item).is_empty()) {
        return None;
    }
    let message = format!("no level has the item of `{}`", asked.path.escape_debug());
    let list = asked.path.split('[').next().unwrap_or_default();
    let labels = workspace.documents.iter().flat_map(|own| {
        let label = |origin: &ValueOrigin| redact_path(&own.kind, &origin.route).label;
        list_origins(own).iter().map(label).collect::<Vec<_>>()
    });
    let known: std::collections::BTreeSet<String> = labels
        .filter(|label| label.strip_prefix(list).is_some_and(|rest| rest.starts_with('[')))
        .filter_map(|label| label.rfind(']').and_then(|end| label.get(..=end).map(str::to_owned)))
        .collect();
    let hint = suggest_word(asked.path, known.iter().map(String::as_str));
    let hint = hint.unwrap_or_else(|| "name an item of the list".to_owned());
    Some(Diagnostic::error("unknown-item", message).with_hint(hint))
}

fn explain_object(workspace: &LoadedWorkspace, document: &Document, asked: &AskedValue) -> WhyObject {
    let origins = list_origins(document);
    let levels = match asked.path.is_empty() {
        true => origins.iter().map(|origin| WhyLevel::from_origin(origin, document)).collect(),
        false => {
            let statements = workspace.list_statements(document, asked);
            let level = |own: &LevelStatement| WhyLevel::from_statement(own, asked.path, &origins);
            let mut levels: Vec<WhyLevel> = statements.iter().map(level).collect();
            // what takes the item out counts where no higher level brings it back
            if let Some(last) = levels.last_mut() {
                last.decides |= last.edit == Some(ItemEdit::Remove.as_str());
            }
            levels
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
    fn from_origin(origin: &ValueOrigin, document: &Document) -> Self {
        let (line, column) = origin.location.find_line_column();
        Self {
            path: redact_path(&document.kind, &origin.route).label,
            level: origin.level.describe(),
            file: origin.location.source.path.clone(),
            line,
            column,
            text: None,
            is_hidden: false,
            unset: false,
            edit: None,
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
            is_hidden: own.text.is_none(),
            unset: own.unsets,
            edit: own.edit.map(ItemEdit::as_str),
            decides: own.is_effective || (!own.unsets && origins.iter().any(holds)),
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
    let report = build_report(&plan, &prepared);
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
        (None, _) if level.is_hidden => "(not shown)".to_owned(),
        (None, _) => String::new(),
    };
    let edit = level.edit.map_or_else(String::new, |edit| format!(", {edit}"));
    let place = format!("{}:{}:{}", escape_line(&level.file), level.line, level.column);
    vec![format!("{sign} {}", escape_line(&level.path)), format!("{}{edit}", level.level), place, value]
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
