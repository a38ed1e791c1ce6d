//! Paths of values for sentences.

use crate::kind::visit::walk_path;
use crate::kind::{Kind, ScalarType};
use crate::value::{PathSegment, Sensitivity, ValuePath};

/// A path for sentences, with the keys of items that anybody may see.
pub fn format_path_with_keys(kind: &Kind, path: &ValuePath) -> String {
    let mut name = String::new();
    for step in walk_path(&kind.shape, path) {
        match step.segment {
            PathSegment::Field(field) => {
                name.push_str(if name.is_empty() { "" } else { "." });
                name.push_str(field);
            }
            PathSegment::Item { key, .. } => {
                let open = key
                    .iter()
                    .filter(|scalar| step.sensitivity.max(scalar.sensitivity) == Sensitivity::Public);
                let scalars: Vec<_> =
                    open.map(|scalar| ScalarType::render_url_text(&scalar.value, &kind.api)).collect();
                name.push_str(&format!("[{}]", scalars.join(", ")));
            }
            PathSegment::Key(..) => name.push_str("[]"),
        }
    }
    name
}

/// The field names of a path, for sentences; keys of items may be secret, so they stay out.
pub fn format_path(path: &ValuePath) -> String {
    let mut name = String::new();
    for segment in &path.0 {
        match segment {
            PathSegment::Field(field) if name.is_empty() => name.push_str(field),
            PathSegment::Field(field) => {
                name.push('.');
                name.push_str(field);
            }
            PathSegment::Item { .. } | PathSegment::Key(..) => name.push_str("[]"),
        }
    }
    name
}
