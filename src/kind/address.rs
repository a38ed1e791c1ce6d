//! Where an object or a collection is: paths and queries with their parameters filled in.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{Kind, Leaf, ScopePlace};
use crate::value::Value;

/// What may stand bare in a path segment (RFC 3986, unreserved).
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A path template with scope parameters and the object's id filled in and encoded.
pub fn path(template: &str, kind: &Kind, scope: &[Value], id: Option<&Value>) -> String {
    let mut path = template.to_owned();
    for (parameter, value) in kind.scope.iter().zip(scope) {
        path = path.replace(&format!("{{{}}}", parameter.name), &segment(value, kind));
    }
    match id {
        Some(id) => path.replace(&format!("{{{}}}", kind.id_field().name), &segment(id, kind)),
        None => path,
    }
}

/// Scope parameters that travel in the query.
pub fn scope_query(kind: &Kind, scope: &[Value]) -> Vec<(String, String)> {
    kind.scope
        .iter()
        .zip(scope)
        .filter(|(parameter, value)| parameter.place == ScopePlace::Query && !value.is_blank())
        .map(|(parameter, value)| (parameter.name.to_string(), Leaf::url_text(value, &kind.api)))
        .collect()
}

fn segment(value: &Value, kind: &Kind) -> String {
    utf8_percent_encode(&Leaf::url_text(value, &kind.api), SEGMENT).to_string()
}
