//! The field that an item of an error response names.
//!
//! Services write a text, a JSON Pointer (RFC 6901, also as a URI fragment: `#/rules/0/port`, RFC 9457), or the steps
//! to the field. Where these are in `loc`, the first may be the part of the request
//! (`["body", "rules", 0, "port"]`, FastAPI). All become `rules[0].port`.
//! Deliberately absent: redaction, which the caller does.

use percent_encoding::percent_decode_str;

use crate::value::Value;

/// The parts of a request, as FastAPI names them.
const REQUEST_PARTS: [&str; 5] = ["body", "query", "path", "header", "cookie"];

/// The name of a field at the path `member` of the item; none where the error is about the whole request.
pub fn render_field_name(value: &Value, member: &str) -> Option<String> {
    let Value::Array(steps) = value else { return format_scalar(value).and_then(render_text) };
    let steps: Vec<String> = steps.iter().filter_map(format_scalar).collect();
    let has_parts = member.rsplit('.').next() == Some("loc");
    let is_part = |step: &String| has_parts && REQUEST_PARTS.contains(&&**step);
    let part = usize::from(steps.first().is_some_and(is_part));
    join_steps(steps.into_iter().skip(part))
}

fn render_text(text: String) -> Option<String> {
    let unescape = |step: &str| step.replace("~1", "/").replace("~0", "~");
    if let Some(fragment) = text.strip_prefix("#/") {
        let decode = |step: &str| unescape(&percent_decode_str(step).decode_utf8_lossy());
        return join_steps(fragment.split('/').map(decode));
    }
    match text.strip_prefix('/') {
        Some(pointer) => join_steps(pointer.split('/').map(unescape)),
        None => Some(text).filter(|text| text != "#"),
    }
}

fn join_steps(steps: impl Iterator<Item = String>) -> Option<String> {
    let is_position = |step: &str| !step.is_empty() && step.bytes().all(|byte| byte.is_ascii_digit());
    let name = steps.fold(String::new(), |name, step| match is_position(&step) {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value {
        Value::String(text.into())
    }

    fn render_steps(steps: &[&str], member: &str) -> Option<String> {
        render_field_name(&Value::Array(steps.iter().map(|step| text(step)).collect()), member)
    }

    #[test]
    fn pointers_become_paths() {
        for (written, expected) in [
            ("/rules/0/port", Some("rules[0].port")),
            ("#/rules/0/port", Some("rules[0].port")),
            ("#/a%20b/c~1d", Some("a b.c/d")),
            // `%7E` is `~`, decoded before the escapes of the pointer
            ("#/a%7E1b", Some("a/b")),
            ("/a%20b", Some("a%20b")),
            ("/a~01b", Some("a~1b")),
            ("#", None),
            ("#/", None),
            ("/", None),
            ("//port", Some("port")),
            ("#name", Some("#name")),
            ("rules", Some("rules")),
        ] {
            assert_eq!(render_field_name(&text(written), "field").as_deref(), expected, "{written}");
        }
    }

    #[test]
    fn the_part_of_the_request_is_left_out_of_loc_alone() {
        let steps = ["body", "rules", "0", "port"];
        assert_eq!(render_steps(&steps, "loc").as_deref(), Some("rules[0].port"));
        assert_eq!(render_steps(&steps, "error.loc").as_deref(), Some("rules[0].port"));
        assert_eq!(render_steps(&steps, "path").as_deref(), Some("body.rules[0].port"));
        assert_eq!(render_steps(&["path"], "path").as_deref(), Some("path"));
        assert_eq!(render_steps(&["body"], "loc"), None);
        assert_eq!(render_steps(&["loc", "body"], "loc").as_deref(), Some("loc.body"));
        assert_eq!(render_steps(&["rules", "", "port"], "loc").as_deref(), Some("rules..port"));
        assert_eq!(render_steps(&[""], "loc"), None);
    }
}
