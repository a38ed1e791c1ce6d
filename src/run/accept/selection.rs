//! Which differences are accepted: those at the paths that are asked for, without secrets, hidden values, personal
//! values unless they are asked for, and fields with edits that were not applied.

use super::{AcceptOptions, AcceptedObject};
use crate::diagnostic::Diagnostic;
use crate::document::Document;
use crate::document::write::is_guarded;
use crate::plan::Change;
use crate::plan::path_label::format_path;
use crate::run::import::live_layout::resolve_field;
use crate::run::import::pending::is_in_pending_field;
use crate::value::{PathSegment, Sensitivity, ValuePath};

/// Differences that are accepted, and what is said of others.
#[derive(Default)]
pub struct SelectedChanges {
    pub accepted: Vec<Change>,
    pub refused: Vec<Diagnostic>,
}

/// Selects the differences of an object.
pub fn select_changes(
    document: &Document,
    object: &AcceptedObject,
    changes: Vec<Change>,
    options: &AcceptOptions,
) -> SelectedChanges {
    let mut selected = SelectedChanges::default();
    for change in changes {
        if !is_asked(&change, &options.paths) || is_in_pending_field(&change, &object.pending) {
            continue;
        }
        let is_misread = |field: &str| object.misread.iter().any(|own| **own == *field);
        let misread = change.path.top_field().is_some_and(is_misread).then(|| diagnose_misread(&change));
        match misread.or_else(|| diagnose_unacceptable(document, &change, options)) {
            Some(fault) => {
                let place = change.place.unwrap_or_else(|| document.locate_span(document.name_span));
                selected.refused.push(fault.with_location(place));
            }
            None => selected.accepted.push(change),
        }
    }
    selected
}

/// The names of the fields and map keys of a path, with dots; items of lists add nothing.
pub fn format_dotted(path: &[PathSegment]) -> String {
    let name = |segment: &PathSegment| match segment {
        PathSegment::Field(name) => Some(name.to_string()),
        PathSegment::Key(key, _) => Some(key.to_string()),
        PathSegment::Item { .. } => None,
    };
    path.iter().filter_map(name).collect::<Vec<_>>().join(".")
}

fn is_asked(change: &Change, paths: &[String]) -> bool {
    let ValuePath(segments) = &change.path;
    let own = format_dotted(segments);
    let is_below = |path: &String| {
        own.strip_prefix(path.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    paths.is_empty() || paths.iter().any(is_below)
}

/// A live value that was not understood seems to be absent.
fn diagnose_misread(change: &Change) -> Diagnostic {
    let message =
        format!("the live `{}` is not what the kind says, so it is not accepted", format_path(&change.path));
    Diagnostic::error("misread-field", message).with_hint("correct the description of the kind")
}

/// Why a live value is never written down.
fn diagnose_unacceptable(
    document: &Document,
    change: &Change,
    options: &AcceptOptions,
) -> Option<Diagnostic> {
    let label = format_path(&change.path);
    if change.unreadable {
        let message = format!("the API does not return `{label}`; the documents are unchanged");
        let fault = Diagnostic::warning("not-comparable", message);
        return Some(fault.with_hint("check that it is the value last written"));
    }
    let (mark, _) = resolve_field(&document.kind, &change.path)?;
    if mark == Sensitivity::Secret {
        let message = format!("`{label}` is a secret and differs; secrets are never written down");
        let fault = Diagnostic::warning("sensitive-value", message);
        return Some(fault.with_hint("name its source, or apply to restore it"));
    }
    (is_guarded(mark) && !options.personal).then(|| {
        let message = format!("`{label}` is {} and differs", mark.as_str());
        Diagnostic::warning("sensitive-value", message).with_hint("`--personal` writes such values")
    })
}
