//! `trueup validate`: everything that can be said without the network.

use std::collections::HashMap;
use std::sync::Arc;

use clap::Args;

use super::exit::ExitStatus;
use super::global_args::{GlobalArgs, StdoutFormat};
use super::prepared_run::build_job;
use super::report_args::ReportArgs;
use super::reports::{ReportContent, ReportOutputs, ReportedCommand};
use super::screen::TerminalScreen;
use super::selection_args::PathArgs;
use crate::diagnostic::{Diagnostic, NamedSource, has_errors};
use crate::document::Document;
use crate::report::json::to_json;
use crate::report::line_index::SourceLineIndex;
use crate::report::plan_report::{ObjectName, ValidationReport};
use crate::report::view_model::DocumentLineRange;
use crate::run::index::ObjectIndex;
use crate::run::refer::diagnose_cycles;
use crate::workspace::LoadedWorkspace;
use crate::workspace::state_folder::STATE_FOLDER;

/// Arguments of `validate`.
#[derive(Args)]
pub struct ValidateArgs {
    #[command(flatten)]
    pub selection: PathArgs,
    #[command(flatten)]
    pub beside: ReportArgs,
}

/// Checks the documents and settings of a workspace.
///
/// # Errors
/// When the result cannot be written.
pub fn run(common: &GlobalArgs, args: &ValidateArgs, screen: &TerminalScreen) -> anyhow::Result<ExitStatus> {
    let Some(reports) = ReportOutputs::new(common, &args.beside, ReportedCommand::Validate, screen) else {
        return Ok(ExitStatus::Usage);
    };
    let screen = &reports.select_screen(screen);
    let (workspace, mut faults) = args.selection.open_workspace(&common.directory);
    let documents = workspace.as_ref().map_or(0, |workspace| workspace.documents.len());
    faults.extend(workspace.as_ref().filter(|_| !has_errors(&faults)).into_iter().flat_map(find_cycles));
    let wrong = workspace.is_none() || has_errors(&faults);
    let verdicts = match &workspace {
        // of documents that are not sound the rules would say the same once more
        Some(workspace) if !wrong => workspace.policies.check_documents(&workspace.documents),
        _ => Vec::new(),
    };
    let broken = has_errors(&verdicts);
    faults.extend(verdicts);
    let checked = ValidationReport::from_diagnostics(documents, &faults);
    let files = workspace.as_ref().map_or(0, |workspace| workspace.sources.files.len());
    match screen.format {
        StdoutFormat::Json => screen.print_stdout(&to_json(&checked)?)?,
        StdoutFormat::Text => {
            screen.print_diagnostics(&faults);
            // that there is nothing to check is reported by a warning
            if !wrong && !broken && documents > 0 {
                let noun =
                    |count: usize, one: &str| format!("{count} {one}{}", if count == 1 { "" } else { "s" });
                screen.print_stdout(&format!(
                    "{} in {}: valid\n",
                    noun(documents, "document"),
                    noun(files, "file")
                ))?;
            }
        }
    }
    let documents =
        workspace.as_ref().filter(|_| reports.has_outputs()).map(|workspace| &*workspace.documents);
    let stretches = collect_document_lines(documents.unwrap_or_default());
    reports.write_reports(&ReportContent::Check(&checked, &stretches), screen)?;
    Ok(match (wrong, broken) {
        (true, _) => ExitStatus::Error,
        (false, true) => ExitStatus::Refused,
        (false, false) => ExitStatus::Done,
    })
}

/// Documents that wait for each other's creation; what was applied before is there.
fn find_cycles(workspace: &LoadedWorkspace) -> Vec<Diagnostic> {
    if !workspace.documents.iter().any(Document::needs_lookup) {
        return Vec::new();
    }
    let index = ObjectIndex::open(&workspace.root.join(STATE_FOLDER));
    let index = index.unwrap_or_else(|_| ObjectIndex::new_in_memory());
    let jobs: Vec<_> = workspace.documents.iter().map(|own| build_job(own, &index)).collect();
    diagnose_cycles(&jobs)
}

/// The lines of every document, from its `---` to the next one.
fn collect_document_lines(documents: &[Document]) -> Vec<DocumentLineRange> {
    let (mut sources, places) =
        (HashMap::<*const NamedSource, Vec<usize>>::new(), SourceLineIndex::default());
    let chunk = |document: &Document| {
        let source = &document.source;
        let borders = sources.entry(Arc::as_ptr(source)).or_insert_with(|| find_separators(&source.text));
        let line = places.find_line_column(&document.locate_span(document.name_span)).0;
        let next = borders.partition_point(|border| *border <= line);
        let border = |at: Option<usize>| at.and_then(|at| borders.get(at)).copied();
        let lines = border(next.checked_sub(1)).unwrap_or(1)..border(Some(next)).unwrap_or(usize::MAX);
        DocumentLineRange { object: build_object_name(document, line), lines }
    };
    documents.iter().map(chunk).collect()
}

/// The lines, from 1, on which a document ends and another one starts.
fn find_separators(text: &str) -> Vec<usize> {
    let lines = text.lines().enumerate();
    lines.filter(|(_, line)| line.starts_with("---")).map(|(number, _)| number + 1).collect()
}

/// Which object a document is about, as far as that is known without the network.
fn build_object_name(document: &Document, line: usize) -> ObjectName {
    ObjectName {
        kind: document.kind.name.to_string(),
        name: document.name.to_string(),
        environment: document.environment.as_deref().map(str::to_owned),
        target: document.target.as_deref().unwrap_or_default().to_owned(),
        id: None,
        file: document.source.path.clone(),
        line,
    }
}
