//! The field that an item of an error response names.
//!
//! Services write a text, a JSON Pointer (`#/rules/0/port`, RFC 9457), or the steps to the field, of which the first
//! may be the part of the request (`["body", "rules", 0, "port"]`, FastAPI). All become `rules[0].port`.
//! Deliberately absent: redaction, which the caller does.

use crate::value::Value;

/// The parts of a request, as FastAPI names them.
const REQUEST_PARTS: [&str; 5] = ["body", "query", "path", "header", "cookie"];

/// The name of a field; none where the error is about the whole request.
pub fn render_field_name(value: &Value) -> Option<String> {
    let Value::Array(steps) = value else {
        let text = format_scalar(value)?;
        let pointer = text.strip_prefix("#/").or_else(|| text.strip_prefix('/'));
        let unescape = |step: &str| step.replace("~1", "/").replace("~0", "~");
        return match pointer {
            Some(pointer) => join_steps(pointer.split('/').map(unescape)),
            None => Some(text),
        };
    };
    let steps: Vec<String> = steps.iter().filter_map(format_scalar).collect();
    let part = usize::from(steps.first().is_some_and(|first| REQUEST_PARTS.contains(&&**first)));
    join_steps(steps.into_iter().skip(part))
}

fn join_steps(steps: impl Iterator<Item = String>) -> Option<String> {
    let name = steps.fold(String::new(), |name, step| match step.bytes().all(|byte| byte.is_ascii_digit()) {
        true => format!("{name}[{step}]"),
        false if name.is_empty() => step,
        false => format!("{name}.{step}"),
    });
    Some(name).filter(|name| !name.is_empty())
}

/// The text of a scalar.
pub fn format_scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) | Value::Number(text) => Some(text.to_string()),
        Value::Decimal(number) => Some(number.to_string()),
        Value::Boolean(flag) => Some(flag.to_string()),
        _ => None,
    }
}
