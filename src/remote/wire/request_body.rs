//! Bodies of requests: an object inside its member, in the format of the API or in an encoding of its own.
//!
//! Forms put members in brackets, as most servers read them. Deliberately absent: which members there are.

use url::form_urlencoded::Serializer;

use super::lexer::{
    DecodeError, KeySyntax, TokenKind, WireLexer, WireReadResult, read_scalar_text, read_to_end,
};
use crate::exchange::{BodyEncoding, BodyForm, WireValue};
use crate::kind::{Api, WireFormat};
use crate::remote::{json, jsv};

/// The bytes of a body.
pub fn encode_body(body: &WireValue, format: WireFormat, api: &Api) -> Vec<u8> {
    match format {
        WireFormat::Json => json::encode_body(body, api),
        WireFormat::Jsv => jsv::encode_body(body, api),
    }
}

/// The bytes of a body, with what is around the object.
pub fn encode_request_body(body: &WireValue, form: &BodyForm, format: WireFormat, api: &Api) -> Vec<u8> {
    let wrapped = form.member.as_deref().map(|member| BodyForm::wrap_value(Some(member), body.clone()));
    let body = wrapped.as_ref().unwrap_or(body);
    match form.encoding {
        BodyEncoding::Default => encode_body(body, format, api),
        BodyEncoding::MergePatch => encode_body(body, WireFormat::Json, api),
        BodyEncoding::JsonPatch => encode_body(&build_json_patch(body), WireFormat::Json, api),
        BodyEncoding::Form => encode_form(body, format, api),
    }
}

/// Members as the operations that set or remove them: `add` sets a member also where there is one.
fn build_json_patch(body: &WireValue) -> WireValue {
    let WireValue::Object(members) = body else { return body.clone() };
    let text = |name: &str, text: &str| (name.to_owned(), WireValue::String(text.to_owned()));
    let operation = |(name, value): &(String, WireValue)| {
        let path = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
        WireValue::Object(match value {
            WireValue::Null => vec![text("op", "remove"), text("path", &path)],
            value => vec![text("op", "add"), text("path", &path), ("value".to_owned(), value.clone())],
        })
    };
    WireValue::Array(members.iter().map(operation).collect())
}

/// The media type of an encoding; none where the format of the API says it.
pub fn get_media_type(encoding: BodyEncoding) -> Option<&'static str> {
    match encoding {
        BodyEncoding::Default => None,
        BodyEncoding::Form => Some("application/x-www-form-urlencoded"),
        BodyEncoding::MergePatch => Some("application/merge-patch+json"),
        BodyEncoding::JsonPatch => Some("application/json-patch+json"),
    }
}

fn encode_form(body: &WireValue, format: WireFormat, api: &Api) -> Vec<u8> {
    let mut form = FormEncoder { format, api, pairs: Vec::new() };
    form.add_value(body, String::new());
    Serializer::new(String::new()).extend_pairs(form.pairs).finish().into_bytes()
}

/// Collects the pairs of a form.
struct FormEncoder<'a> {
    /// The format in which values came that are sent back as they were read.
    format: WireFormat,
    api: &'a Api,
    pairs: Vec<(String, String)>,
}

impl FormEncoder<'_> {
    /// Null and empty lists and maps are empty values: that is how forms clear.
    fn add_value(&mut self, value: &WireValue, name: String) {
        match value {
            WireValue::Object(members) if !members.is_empty() => {
                members.iter().for_each(|(member, value)| self.add_value(value, join_name(&name, member)));
            }
            WireValue::Array(items) if !items.is_empty() => {
                for (at, item) in items.iter().enumerate() {
                    let is_scalar = !matches!(item, WireValue::Object(_) | WireValue::Array(_));
                    self.add_value(item, join_name(&name, &format_index(at, is_scalar)));
                }
            }
            WireValue::Raw(raw) => {
                let before = self.pairs.len();
                if self.add_raw(raw, name.clone()).is_err() {
                    self.pairs.truncate(before);
                    self.pairs.push((name, raw.clone()));
                }
            }
            scalar => self.pairs.push((name, render_scalar(scalar, self.api))),
        }
    }

    /// The same for a value that is sent back as it was read, its numbers as they were written.
    fn add_raw(&mut self, raw: &str, name: String) -> Result<(), DecodeError> {
        with_lexer!(raw.as_bytes(), self.format, |lexer| read_to_end(lexer, |lexer| self
            .add_token(lexer, name)))?;
        Ok(())
    }

    fn add_token<'b, L: WireLexer<'b>>(&mut self, lexer: &mut L, name: String) -> WireReadResult<()> {
        let before = self.pairs.len();
        match lexer.peek_token()? {
            TokenKind::Object => lexer.read_members(KeySyntax::AnyText, |member, lexer| {
                self.add_token(lexer, join_name(&name, member))
            })?,
            TokenKind::Array => {
                let mut at = 0;
                lexer.read_array(|lexer| {
                    let is_scalar = matches!(lexer.peek_token()?, TokenKind::Scalar | TokenKind::Null);
                    let index = format_index(at, is_scalar);
                    at += 1;
                    self.add_token(lexer, join_name(&name, &index))
                })?;
            }
            TokenKind::Null | TokenKind::Scalar => {
                let text = read_scalar_text(lexer)?.unwrap_or_default();
                self.pairs.push((name.clone(), text.into()));
            }
        }
        if self.pairs.len() == before {
            self.pairs.push((name, String::new()));
        }
        Ok(())
    }
}

fn join_name(name: &str, member: &str) -> String {
    if name.is_empty() { member.to_owned() } else { format!("{name}[{member}]") }
}

/// Scalars of a list have no index.
fn format_index(at: usize, is_scalar: bool) -> String {
    if is_scalar { String::new() } else { at.to_string() }
}

fn render_scalar(value: &WireValue, api: &Api) -> String {
    match value {
        WireValue::Boolean(flag) => flag.to_string(),
        WireValue::Number(text) | WireValue::String(text) | WireValue::DateTime(text) => text.clone(),
        WireValue::Uuid(uuid) => api.render_uuid(*uuid),
        _ => String::new(),
    }
}
