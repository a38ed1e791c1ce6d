//! `trueup validate`: everything that can be said without the network.

use std::collections::HashMap;
use std::sync::Arc;

use super::args::{Common, Format, ValidateArgs};
use super::exit::Exit;
use super::reports::{Of, Reports, Shown};
use super::screen::Screen;
use super::workspace;
use crate::diagnostic::{Source, any_error};
use crate::document::Document;
use crate::report::json::to_json;
use crate::report::places::Places;
use crate::report::sheet::Stretch;
use crate::report::shown::{Checked, ObjectName};

/// Checks the documents and settings of a workspace.
///
/// # Errors
/// When the result cannot be written.
pub fn run(common: &Common, args: &ValidateArgs, screen: &Screen) -> anyhow::Result<Exit> {
    let Some(reports) = Reports::new(common, &args.beside, Of::Validate, screen) else {
        return Ok(Exit::Usage);
    };
    let screen = &reports.screen(screen);
    let (workspace, mut faults) = workspace::open(&common.directory, &args.selection.paths);
    let documents = workspace.as_ref().map_or(0, |workspace| workspace.documents.len());
    let wrong = workspace.is_none() || any_error(&faults);
    let verdicts = match &workspace {
        // of documents that are not sound the rules would say the same once more
        Some(workspace) if !wrong => workspace.policies.check(&workspace.documents),
        _ => Vec::new(),
    };
    let broken = any_error(&verdicts);
    faults.extend(verdicts);
    let checked = Checked::of(documents, &faults);
    let files = workspace.as_ref().map_or(0, |workspace| workspace.sources.len());
    match screen.format {
        Format::Json => screen.out(&to_json(&checked)?)?,
        Format::Text => {
            screen.diagnose(&faults);
            // that there is nothing to check is told by a warning
            if !wrong && !broken && documents > 0 {
                let noun =
                    |count: usize, one: &str| format!("{count} {one}{}", if count == 1 { "" } else { "s" });
                screen.out(&format!(
                    "{} in {}: all fine\n",
                    noun(documents, "document"),
                    noun(files, "file")
                ))?;
            }
        }
    }
    let documents =
        workspace.as_ref().filter(|_| reports.are_wanted()).map(|workspace| &*workspace.documents);
    let stretches = stretches(documents.unwrap_or_default());
    reports.write(&Shown::Check(&checked, &stretches), screen)?;
    Ok(match (wrong, broken) {
        (true, _) => Exit::Error,
        (false, true) => Exit::Refused,
        (false, false) => Exit::Done,
    })
}

/// The lines of every document, from its `---` to the next one.
fn stretches(documents: &[Document]) -> Vec<Stretch> {
    let (mut sources, places) = (HashMap::<*const Source, Vec<usize>>::new(), Places::default());
    let stretch = |document: &Document| {
        let source = &document.source;
        let borders = sources.entry(Arc::as_ptr(source)).or_insert_with(|| borders(&source.text));
        let line = places.line_column(&document.place(document.name_span)).0;
        let next = borders.partition_point(|border| *border <= line);
        let border = |at: Option<usize>| at.and_then(|at| borders.get(at)).copied();
        let lines = border(next.checked_sub(1)).unwrap_or(1)..border(Some(next)).unwrap_or(usize::MAX);
        Stretch { object: named(document, line), lines }
    };
    documents.iter().map(stretch).collect()
}

/// The lines, from 1, on which a document ends and another one starts.
fn borders(text: &str) -> Vec<usize> {
    let lines = text.lines().enumerate();
    lines.filter(|(_, line)| line.starts_with("---")).map(|(number, _)| number + 1).collect()
}

/// Which object a document is about, as far as that is known without the network.
fn named(document: &Document, line: usize) -> ObjectName {
    ObjectName {
        kind: document.kind.name.to_string(),
        name: document.name.to_string(),
        target: document.target.as_deref().unwrap_or_default().to_owned(),
        id: None,
        file: document.source.path.clone(),
        line,
    }
}
