//! `trueup validate`: everything that can be said without the network.

use super::args::{Common, Format, Selection};
use super::exit::Exit;
use super::screen::Screen;
use super::workspace;
use crate::diagnostic::any_error;
use crate::report::json::to_json;
use crate::report::shown::Checked;

/// Checks the documents and settings of a workspace.
///
/// # Errors
/// When the result cannot be written.
pub fn run(common: &Common, args: &Selection, screen: &Screen) -> anyhow::Result<Exit> {
    let (workspace, faults) = workspace::open(&common.directory, &args.paths);
    let documents = workspace.as_ref().map_or(0, |workspace| workspace.documents.len());
    let files = workspace.as_ref().map_or(0, |workspace| workspace.sources.len());
    let wrong = workspace.is_none() || any_error(&faults);
    match screen.format {
        Format::Json => screen.out(&to_json(&Checked::of(documents, &faults))?)?,
        Format::Text => {
            screen.diagnose(&faults);
            // that there is nothing to check is told by a warning
            if !wrong && documents > 0 {
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
    Ok(if wrong { Exit::Error } else { Exit::Done })
}
