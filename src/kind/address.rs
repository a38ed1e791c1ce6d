//! Where an object or a collection is: paths and queries with their parameters filled in.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{Kind, ParameterLocation, ScalarType};
use crate::value::Value;

/// What may stand bare in a path segment (RFC 3986, unreserved).
const SEGMENT_ENCODE_SET: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A path template with scope parameters and the object's id filled in and encoded.
pub fn expand_path(template: &str, kind: &Kind, scope: &[Value], id: Option<&Value>) -> String {
    let mut path = template.to_owned();
    for (parameter, value) in kind.scope.iter().zip(scope) {
        path = path.replace(&format!("{{{}}}", parameter.name), &encode_segment(value, kind));
    }
    match id {
        Some(id) => path.replace(&format!("{{{}}}", kind.id_field().name), &encode_segment(id, kind)),
        None => path,
    }
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
