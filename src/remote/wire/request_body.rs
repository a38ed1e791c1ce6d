//! Bodies of requests: an object inside its member, in the format of the API or in an encoding of its own.
//!
//! Forms put members in brackets, as most servers read them. Deliberately absent: which members there are.

use url::form_urlencoded::Serializer;

use super::encode_body;
use crate::exchange::{BodyEncoding, BodyForm, WireValue};
use crate::kind::{Api, WireFormat};

/// The bytes of a body, with what is around the object.
pub fn encode_request_body(body: &WireValue, form: &BodyForm, format: WireFormat, api: &Api) -> Vec<u8> {
    let wrapped = form.member.as_deref().map(|member| BodyForm::wrap_value(Some(member), body.clone()));
    let body = wrapped.as_ref().unwrap_or(body);
    match form.encoding {
        BodyEncoding::Default => encode_body(body, format, api),
        BodyEncoding::MergePatch => encode_body(body, WireFormat::Json, api),
        BodyEncoding::Form => encode_form(body, api),
    }
}

/// The media type of an encoding; none where the format of the API says it.
pub fn get_media_type(encoding: BodyEncoding) -> Option<&'static str> {
    match encoding {
        BodyEncoding::Default => None,
        BodyEncoding::Form => Some("application/x-www-form-urlencoded"),
        BodyEncoding::MergePatch => Some("application/merge-patch+json"),
    }
}

fn encode_form(body: &WireValue, api: &Api) -> Vec<u8> {
    let mut pairs = Vec::new();
    collect_pairs(body, String::new(), api, &mut pairs);
    Serializer::new(String::new()).extend_pairs(pairs).finish().into_bytes()
}

/// Null and empty lists and maps are empty values: that is how forms clear.
fn collect_pairs(value: &WireValue, name: String, api: &Api, pairs: &mut Vec<(String, String)>) {
    let inside = |member: &str| if name.is_empty() { member.to_owned() } else { format!("{name}[{member}]") };
    match value {
        WireValue::Object(members) if !members.is_empty() => {
            members.iter().for_each(|(member, value)| collect_pairs(value, inside(member), api, pairs));
        }
        WireValue::Array(items) if !items.is_empty() => {
            for (at, item) in items.iter().enumerate() {
                let is_scalar = !matches!(item, WireValue::Object(_) | WireValue::Array(_));
                let index = if is_scalar { String::new() } else { at.to_string() };
                collect_pairs(item, inside(&index), api, pairs);
            }
        }
        WireValue::Raw(raw) => match serde_json::from_str::<serde_json::Value>(raw) {
            Ok(value) => collect_json_pairs(&value, name, pairs),
            Err(_) => pairs.push((name, raw.clone())),
        },
        scalar => pairs.push((name, render_scalar(scalar, api))),
    }
}

/// The same for a value that is sent back as it was read.
fn collect_json_pairs(value: &serde_json::Value, name: String, pairs: &mut Vec<(String, String)>) {
    match value {
        serde_json::Value::Object(members) if !members.is_empty() => {
            members
                .iter()
                .for_each(|(member, value)| collect_json_pairs(value, format!("{name}[{member}]"), pairs));
        }
        serde_json::Value::Array(items) if !items.is_empty() => {
            for (at, item) in items.iter().enumerate() {
                let index = if item.is_object() || item.is_array() { at.to_string() } else { String::new() };
                collect_json_pairs(item, format!("{name}[{index}]"), pairs);
            }
        }
        serde_json::Value::String(text) => pairs.push((name, text.clone())),
        serde_json::Value::Bool(_) | serde_json::Value::Number(_) => pairs.push((name, value.to_string())),
        _ => pairs.push((name, String::new())),
    }
}

fn render_scalar(value: &WireValue, api: &Api) -> String {
    match value {
        WireValue::Boolean(flag) => flag.to_string(),
        WireValue::Number(text) | WireValue::String(text) | WireValue::DateTime(text) => text.clone(),
        WireValue::Uuid(uuid) => api.render_uuid(*uuid),
        _ => String::new(),
    }
}
