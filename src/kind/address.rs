//! Where an object or a collection is: paths and queries with their parameters filled in.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{Kind, ParameterLocation, ScalarType};
use crate::value::Value;

/// What may stand bare in a path segment (RFC 3986, unreserved).
const SEGMENT_ENCODE_SET: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A path template with scope parameters and the object's id filled in and encoded. An empty value fills nothing in:
/// the parameter stays in braces, which no request may have.
pub fn expand_path(template: &str, kind: &Kind, scope: &[Value], id: Option<&Value>) -> String {
    let fill = |path: String, name: &str, value: &Value| match is_empty_segment(value, kind) {
        true => path,
        false => path.replace(&format!("{{{name}}}"), &encode_segment(value, kind)),
    };
    let scoped = kind.scope.iter().zip(scope);
    let path =
        scoped.fold(template.to_owned(), |path, (parameter, value)| fill(path, &parameter.name, value));
    match id {
        Some(id) => fill(path, &kind.id_field().name, id),
        None => path,
    }
}

/// Whether a value leads to another place than its own: nothing, blanks, what is not known yet, and the segments that
/// lead upwards, which URLs take out.
pub fn is_empty_segment(value: &Value, kind: &Kind) -> bool {
    matches!(value, Value::KnownAfterApply(_))
        || matches!(ScalarType::render_url_text(value, &kind.api).trim(), "" | "." | "..")
}

/// Whether a path lacks the value of a parameter.
pub fn is_incomplete(path: &str) -> bool {
    path.contains('{')
}

/// Scope parameters that travel in the query.
pub fn build_scope_query(kind: &Kind, scope: &[Value]) -> Vec<(String, String)> {
    kind.scope
        .iter()
        .zip(scope)
        .filter(|(parameter, value)| parameter.location == ParameterLocation::Query && !value.is_blank())
        .map(|(parameter, value)| (parameter.name.to_string(), ScalarType::render_url_text(value, &kind.api)))
        .collect()
}

fn encode_segment(value: &Value, kind: &Kind) -> String {
    utf8_percent_encode(&ScalarType::render_url_text(value, &kind.api), SEGMENT_ENCODE_SET).to_string()
}
