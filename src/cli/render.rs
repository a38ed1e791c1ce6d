//! `trueup render`: effective documents, as they are compared with live objects.
//!
//! Offline. Secrets are shown as their source; personal and internal values are left out unless asked for.

use std::collections::BTreeMap;

use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;

use super::exit::ExitStatus;
use super::global_args::{GlobalArgs, StdoutFormat};
use super::object_patterns::ObjectPatterns;
use super::run_setup;
use super::screen::TerminalScreen;
use super::selection_args::SelectionArgs;
use super::selection_filter::label_document;
use super::since_filter::SinceFilter;
use crate::compose::origin::{ValueOrigin, list_origins};
use crate::diagnostic::Diagnostic;
use crate::document::Document;
use crate::document::write::layout::{LayoutEntry, entries_to_json};
use crate::document::write::{self, CommentMap, DocumentContent, NodeComment};
use crate::report::to_json;
use crate::workspace::LoadedWorkspace;

/// Arguments of `render`.
#[derive(Args)]
#[command(after_help = "\
The output is YAML that reads back as the same documents.

Exit codes: 0 done; 1 a document or the settings have errors.

Examples:
  trueup render --env production
  trueup render config/gateways.yaml --origins")]
pub struct RenderArgs {
    #[command(flatten)]
    pub selection: SelectionArgs,
    /// Show where each value comes from: file, line and level
    #[arg(long)]
    pub origins: bool,
    /// Show personal and internal values too
    #[arg(long, env = "TRUEUP_PERSONAL", hide_env_values = true)]
    pub personal: bool,
}

/// The output of `render` as JSON.
#[derive(Serialize, JsonSchema)]
pub struct RenderReport {
    /// The effective documents, in the order of their files.
    pub documents: Vec<RenderedDocument>,
}

/// One effective document.
#[derive(Serialize, JsonSchema)]
pub struct RenderedDocument {
    /// The environment, where the workspace has environments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// The file of the document, relative to the workspace.
    pub file: String,
    /// The line on which the document starts, from 1.
    pub line: usize,
    /// The keys of the document, as in YAML.
    pub document: serde_json::Value,
    /// By the JSON Pointer of each value in `spec`: where it comes from.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub origins: BTreeMap<String, OriginView>,
}

/// Where a value comes from.
#[derive(Serialize, JsonSchema)]
pub struct OriginView {
    /// The file, relative to the workspace.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column, in characters from 1.
    pub column: usize,
    /// `base NAME`, `document`, `overlay ENVIRONMENT`, `values ENVIRONMENT` or `value default`.
    pub level: String,
}

impl OriginView {
    /// What is shown of an origin.
    pub fn new(origin: &ValueOrigin) -> Self {
        let (line, column) = origin.location.find_line_column();
        let (file, level) = (origin.location.source.path.clone(), origin.level.describe());
        Self { file, line, column, level }
    }

    /// The same on one line.
    fn format_comment(&self) -> String {
        format!("{}:{} ({})", self.file, self.line, self.level)
    }
}

/// Prints the effective documents of a workspace.
///
/// # Errors
/// When stdout cannot be written.
pub fn run(common: &GlobalArgs, args: &RenderArgs, screen: &TerminalScreen) -> anyhow::Result<ExitStatus> {
    let Ok(mut workspace) = run_setup::open_workspace(common, &args.selection, screen) else {
        return Ok(ExitStatus::Error);
    };
    if let Err(faults) = select_documents(&mut workspace, &args.selection) {
        screen.print_diagnostics(&faults);
        return Ok(ExitStatus::Error);
    }
    match screen.format {
        StdoutFormat::Json => {
            let documents = workspace.documents.iter().map(|own| build_view(own, args)).collect();
            screen.print_stdout(&to_json(&RenderReport { documents })?)?;
        }
        StdoutFormat::Text => {
            let texts: Vec<String> = workspace.documents.iter().map(|own| render_text(own, args)).collect();
            screen.print_stdout(&texts.join("---\n"))?;
        }
    }
    Ok(ExitStatus::Done)
}

/// Leaves the selected documents in a workspace.
///
/// # Errors
/// When a pattern matches nothing, or the history that `--since` needs is not there.
pub fn select_documents(
    workspace: &mut LoadedWorkspace,
    selection: &SelectionArgs,
) -> Result<(), Vec<Diagnostic>> {
    let patterns = ObjectPatterns::from_args(selection);
    let labels: Vec<_> = workspace.documents.iter().map(label_document).collect();
    let unmatched = patterns.diagnose_unmatched(&labels);
    if !unmatched.is_empty() {
        return Err(unmatched);
    }
    let has_paths = !selection.files.paths.is_empty();
    let since = selection.since.as_deref().map(|name| SinceFilter::new(workspace, name, has_paths));
    let since = since.transpose().map_err(|fault| vec![fault])?;
    workspace.documents.retain(|own| {
        patterns.selects(label_document(own)) && since.as_ref().is_none_or(|since| since.is_chosen(own))
    });
    Ok(())
}

fn build_view(document: &Document, args: &RenderArgs) -> RenderedDocument {
    let location = document.locate_span(document.name_span);
    let origins = if args.origins { list_origins(document) } else { Vec::new() };
    RenderedDocument {
        environment: document.environment.as_deref().map(str::to_owned),
        file: location.source.path.clone(),
        line: location.find_line_column().0,
        document: entries_to_json(&build_entries(document, args.personal, &CommentMap::new())),
        origins: origins.iter().map(|own| (own.pointer.clone(), OriginView::new(own))).collect(),
    }
}

fn render_text(document: &Document, args: &RenderArgs) -> String {
    let comment = |origin: &ValueOrigin| NodeComment::Trailing(OriginView::new(origin).format_comment());
    let origins = if args.origins { list_origins(document) } else { Vec::new() };
    let comments: CommentMap = origins.iter().map(|own| (own.path.clone(), comment(own))).collect();
    let header: Vec<String> = document.environment.iter().map(|own| format!("environment: {own}")).collect();
    write::render_entries(&build_entries(document, args.personal, &comments), &header)
}

fn build_entries(document: &Document, personal: bool, comments: &CommentMap) -> Vec<LayoutEntry> {
    let content = DocumentContent {
        kind: &document.kind,
        name: &document.name,
        target: document.target.as_deref(),
        state: document.state,
        id: document.id.as_ref(),
        protect: document.protect,
        depends_on: &document.depends_on,
        scope: &document.scope,
        spec: &document.spec,
        comments,
        header_comments: &[],
        allow_personal: personal,
        omit_guarded: true,
    };
    // nothing guarded is an error here
    write::build_document(&content).unwrap_or_default()
}
