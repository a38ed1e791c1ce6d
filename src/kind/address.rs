//! Where an object or a collection is: paths and queries with their parameters filled in.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::{Field, Kind, ParameterLocation, ScalarType};
use crate::value::Value;

/// What may stand bare in a path segment (RFC 3986, unreserved).
const SEGMENT_ENCODE_SET: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The id of the only object of a scope.
const SINGLETON_ID: &str = "singleton";

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
    match (id, &kind.identity.composition) {
        (Some(id), None) => fill(path, &kind.id_field().name, id),
        (Some(id), Some(_)) => split_id(kind, id)
            .into_iter()
            .fold(path, |path, (field, text)| fill(path, &field.name, &Value::from_text(text))),
        (None, _) => path,
    }
}

/// The id of an object whose id is no member: the values of its fields, in the form of path segments. Nothing where
/// one is missing, or where the kind has ids.
pub fn compose_id<'v>(kind: &Kind, find: impl Fn(u16) -> Option<&'v Value>) -> Option<Value> {
    let parts = kind.identity.composition.as_ref()?;
    let value = |number: &u16| find(*number).filter(|value| !is_empty_segment(value, kind));
    let texts = parts.iter().map(|number| value(number).map(|value| encode_segment(value, kind)));
    texts.collect::<Option<Vec<String>>>().map(|texts| join_id_parts(&texts))
}

/// The id that is made of these path segments.
pub fn join_id_parts(segments: &[String]) -> Value {
    match segments {
        [] => Value::from_text(SINGLETON_ID),
        segments => Value::from_text(segments.join("/")),
    }
}

/// The fields of which an id is made, with their values as text.
pub fn split_id<'k>(kind: &'k Kind, id: &Value) -> Vec<(&'k Field, String)> {
    let Some(parts) = &kind.identity.composition else { return Vec::new() };
    let fields = parts.iter().map(|number| kind.shape.get_field(*number));
    let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    fields.zip(id.as_str().unwrap_or_default().split('/').map(decode)).collect()
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

/// A value in the form of a path segment.
pub fn encode_segment(value: &Value, kind: &Kind) -> String {
    utf8_percent_encode(&ScalarType::render_url_text(value, &kind.api), SEGMENT_ENCODE_SET).to_string()
}
