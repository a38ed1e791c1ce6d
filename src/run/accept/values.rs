//! What a document writes for one live value, and where it is in its object.

use crate::diagnostic::Diagnostic;
use crate::document::write::layout::LayoutNode;
use crate::document::write::tree;
use crate::kind::FieldType;
use crate::plan::Change;
use crate::plan::path_label::format_path;
use crate::run::import::draft::can_represent;
use crate::run::import::live_layout::{LiveLayout, resolve_field};
use crate::value::{PathSegment, Sensitivity};

/// What to do where a text cannot be edited.
const HINT_BY_HAND: &str = "change it by hand";

/// The names of fields and map keys up to the first list, and the rest.
pub fn split_path(path: &[PathSegment]) -> (Vec<&str>, &[PathSegment]) {
    let at =
        path.iter().position(|segment| matches!(segment, PathSegment::Item { .. })).unwrap_or(path.len());
    let (head, rest) = path.split_at(at);
    let names = head.iter().filter_map(|segment| match segment {
        PathSegment::Field(name) => Some(&**name),
        PathSegment::Key(key, _) => Some(&**key),
        PathSegment::Item { .. } => None,
    });
    (names.collect(), rest)
}

/// What a document writes for the live value of a change; nothing where the field is to be left out.
///
/// # Errors
/// When there is a live value that no document can say.
pub fn build_value(layout: &LiveLayout, change: &Change) -> Result<Option<LayoutNode>, Diagnostic> {
    let Some((mark, field)) = resolve_field(layout.kind, &change.path) else {
        return Err(diagnose_unsafe(change));
    };
    let live = change.before.as_ref().filter(|value| !value.is_blank());
    let tree = match (change.path.0.last(), &field.ty) {
        (Some(PathSegment::Key(..)), FieldType::Map(map)) => live
            .filter(|value| mark != Sensitivity::Secret && can_represent(&map.value, value))
            .map(tree::build_literal),
        _ => layout.build_field(change, mark, field).map(|live| live.tree),
    };
    match (tree, live) {
        (None, Some(_)) => Err(Diagnostic::warning(
            "unsafe-edit",
            format!("no document can say the live value of `{}`", format_path(&change.path)),
        )
        .with_hint(HINT_BY_HAND)),
        (tree, _) => Ok(tree),
    }
}

/// The fault of a change that cannot be written.
pub fn diagnose_unsafe(change: &Change) -> Diagnostic {
    let message = format!(
        "`{}` differs from the live object in a way that can't be written here",
        format_path(&change.path)
    );
    Diagnostic::warning("unsafe-edit", message).with_hint(HINT_BY_HAND)
}
