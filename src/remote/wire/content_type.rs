//! Whether an answer is in the wire format that was asked for.

use super::lexer::DecodeError;
use crate::exchange::HttpResponse;
use crate::kind::WireFormat;
use crate::remote::sanitize::sanitize_line;

/// The name of a format, for messages.
pub fn format_name(format: WireFormat) -> &'static str {
    match format {
        WireFormat::Json => "JSON",
        WireFormat::Jsv => "JSV",
    }
}

/// Whether a response is in the wire format that was asked for; gives a content type that says otherwise although
/// the body looks right. An empty body needs no type.
///
/// # Errors
/// When the body shows that it is something else.
pub fn check_content_type(
    response: &HttpResponse,
    expected: WireFormat,
) -> Result<Option<String>, DecodeError> {
    let body = response.body.trim_ascii();
    if body.is_empty() {
        return Ok(None);
    }
    let wanted = format_name(expected);
    let named = find_format(&response.content_type);
    if named == Some(expected) && !is_html(body) {
        return Ok(None);
    }
    if let Some(named) = named.filter(|named| *named != expected) {
        let message = format!("the answer is {} where {wanted} was expected", format_name(named));
        return Err(
            DecodeError::new(message).with_hint("set `format` of the target to what the service answers")
        );
    }
    let looks_right = matches!(body.first(), Some(b'{' | b'['));
    if is_html(body) || (response.content_type.contains("html") && !looks_right) {
        return Err(DecodeError::new(format!("the answer is HTML where {wanted} was expected"))
            .with_hint("look at the base URL and the credentials; a login page looks like this"));
    }
    match response.content_type.as_str() {
        "" | "text/plain" => Ok(None),
        other => {
            let other = sanitize_line(other, 60);
            if looks_right {
                return Ok(Some(other));
            }
            Err(DecodeError::new(format!("the answer is `{other}` where {wanted} was expected"))
                .with_hint("look at the base URL; a proxy may have answered"))
        }
    }
}

/// The wire format that a content type names, if it names one.
pub(in crate::remote) fn find_format(content_type: &str) -> Option<WireFormat> {
    match content_type.split_once('/')?.1 {
        "json" => Some(WireFormat::Json),
        "jsv" | "x-jsv" => Some(WireFormat::Jsv),
        other if other.ends_with("+json") => Some(WireFormat::Json),
        _ => None,
    }
}

/// Whether a body shows that it is HTML.
pub(in crate::remote) fn is_html(body: &[u8]) -> bool {
    let start = body.trim_ascii_start();
    let starts = |word: &[u8]| start.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word));
    starts(b"<!doctype") || starts(b"<html") || starts(b"<head") || starts(b"<body")
}
