//! What comes back: objects in the spelling in which the service answers, lists in their envelope, bytes in
//! the wire format that was asked for.
//!
//! Hosts that speak JSV choose the format as the real framework does, traps included: no `Accept`, `*/*` or
//! `text/jsv` alone gets a web page with status 200.

use bytes::Bytes;

use crate::exchange::WireValue;
use crate::kind::{
    AbsenceRule, Api, Field, FieldType, ItemType, ScalarType, SecretReadback, Shape, WireFormat,
};
use crate::remote::wire;
use crate::sandbox::deserialize::is_lenient;
use crate::sandbox::embedded_objects::EmbeddedObjects;
use crate::sandbox::error::set_member_at;
use crate::sandbox::options::SandboxSecretMode;
use crate::sandbox::raw_body;
use crate::value::{Object, Sensitivity, UnknownField, Value};

/// The format of an answer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum SandboxFormat {
    Wire(WireFormat),
    Html,
}

/// A whole answer.
#[derive(Clone)]
pub struct SandboxResponse {
    pub status: u16,
    pub content_type: &'static str,
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
}

impl SandboxResponse {
    /// An answer in the form that was asked for.
    pub fn new(api: &Api, form: SandboxFormat, status: u16, body: &WireValue) -> Self {
        let (content_type, body) = match form {
            SandboxFormat::Wire(WireFormat::Json) => {
                ("application/json; charset=utf-8", wire::encode_body(body, WireFormat::Json, api))
            }
            SandboxFormat::Wire(WireFormat::Jsv) => {
                ("application/jsv", wire::encode_body(body, WireFormat::Jsv, api))
            }
            SandboxFormat::Html => return Self::new_html(status),
        };
        Self { status, content_type, headers: Vec::new(), body: body.into() }
    }

    /// An answer without a body.
    pub fn from_status(status: u16) -> Self {
        Self { status, content_type: "", headers: Vec::new(), body: Bytes::new() }
    }

    /// Plain text.
    pub fn from_text(status: u16, text: impl Into<String>) -> Self {
        Self {
            status,
            content_type: "text/plain; charset=utf-8",
            headers: Vec::new(),
            body: text.into().into(),
        }
    }

    /// A web page that says nothing.
    pub fn new_html(status: u16) -> Self {
        let page = "<!DOCTYPE html>\n<html><head><title>Snapshot</title></head>\n\
                    <body><h1>Snapshot of the answer</h1><p>This page is for people.</p></body></html>\n";
        Self { status, content_type: "text/html; charset=utf-8", headers: Vec::new(), body: page.into() }
    }
}

/// The format that a request asks for; none when nothing that it takes is spoken here.
pub fn negotiate_format(
    api: &Api,
    accept: Option<&str>,
    requested: Option<WireFormat>,
) -> Option<SandboxFormat> {
    let accept = accept.unwrap_or_default().to_lowercase();
    let mut entries = accept.split(',').map(|entry| entry.split(';').next().unwrap_or_default().trim());
    if !is_lenient(api) {
        let taken = |entry: &str| matches!(entry, "" | "*/*" | "application/*" | "application/json");
        return entries.any(taken).then_some(SandboxFormat::Wire(WireFormat::Json));
    }
    if let Some(format) = requested {
        return Some(SandboxFormat::Wire(format));
    }
    let known = |entry: &str| match entry {
        "application/json" => Some(SandboxFormat::Wire(WireFormat::Json)),
        "application/jsv" => Some(SandboxFormat::Wire(WireFormat::Jsv)),
        "text/html" => Some(SandboxFormat::Html),
        _ => None,
    };
    Some(entries.find_map(known).unwrap_or(SandboxFormat::Html))
}

/// How objects are shown.
#[derive(Clone, Copy)]
pub struct SandboxEncoder<'s> {
    pub secrets: SandboxSecretMode,
    /// Whether secrets come as the kind says that they read back; else as they are kept.
    pub as_read: bool,
    pub format: SandboxFormat,
    /// Things that are shown whole, and where the API is; none where only ids are shown.
    pub embedded: Option<(&'s EmbeddedObjects, &'s str)>,
}

impl SandboxEncoder<'_> {
    /// An object as the service answers it.
    pub fn encode_object(&self, shape: &Shape, object: &Object) -> WireValue {
        let mut members = Vec::with_capacity(shape.fields.len() + object.unknown_fields.len());
        let mut through = Vec::new();
        for field in shape.fields.iter().filter(|field| !field.behavior.write_only && !field.is_composed()) {
            let shown = self.encode_value(field, object.get_field(field.number).unwrap_or(&Value::Null));
            match &*field.read_from {
                [name] => members.push((name.to_string(), shown)),
                path => through.push((path, shown)),
            }
        }
        let unknown_members = object.unknown_fields.iter();
        members.extend(
            unknown_members.map(|unknown| (unknown.name.to_string(), self.encode_unknown_field(unknown))),
        );
        let mut whole = WireValue::Object(members);
        for (path, shown) in through {
            set_member_at(&mut whole, &path.iter().map(|step| &**step).collect::<Vec<_>>(), shown);
        }
        whole
    }

    /// An unknown member is kept as JSON.
    fn encode_unknown_field(&self, unknown: &UnknownField) -> WireValue {
        match self.format {
            SandboxFormat::Wire(WireFormat::Jsv) => {
                raw_body::parse_json(&unknown.raw).map_or(WireValue::Null, raw_body::RawBodyValue::into_wire)
            }
            _ => WireValue::Raw(unknown.raw.to_string()),
        }
    }

    fn encode_value(&self, field: &Field, value: &Value) -> WireValue {
        match field.reads_back.filter(|_| self.as_read && !value.is_blank()) {
            Some(SecretReadback::Never) => return WireValue::Null,
            Some(SecretReadback::Masked) => {
                let mask = field.masked_as.first().map_or("****", |mask| &**mask);
                return WireValue::String(mask.to_owned());
            }
            Some(SecretReadback::Clear) | None => {}
        }
        if self.is_hidden(field, value) {
            let text = matches!(field.ty, FieldType::Scalar(ScalarType::String { .. }))
                && self.secrets == SandboxSecretMode::Masked;
            return if text { WireValue::String("****".into()) } else { WireValue::Null };
        }
        match (&field.ty, value) {
            (_, Value::Null) => WireValue::Null,
            (FieldType::Scalar(scalar), value) => {
                let whole =
                    self.embedded.and_then(|(wholes, base)| wholes.expand_reference(field, value, base));
                whole.unwrap_or_else(|| scalar.encode_value(value))
            }
            (FieldType::Map(map), Value::Map(entries)) => WireValue::Object(
                entries.iter().map(|(key, value)| (key.to_string(), map.value.encode_value(value))).collect(),
            ),
            (FieldType::Object(shape), Value::Object(inner)) => self.encode_object(shape, inner),
            (FieldType::Array(list), Value::Array(items)) if list.keyed_members.is_some() => {
                let name = |item| list.keyed_members.and_then(|keyed| keyed.read_name(item));
                let member = |item| Some((name(item)?.to_owned(), self.encode_item(&list.item, item)));
                WireValue::Object(items.iter().filter_map(member).collect())
            }
            (FieldType::Array(list), Value::Array(items)) => {
                WireValue::Array(items.iter().map(|value| self.encode_item(&list.item, value)).collect())
            }
            _ => WireValue::Null,
        }
    }

    /// What may be hidden from those who may not see it is hidden from everybody when asked to.
    fn is_hidden(&self, field: &Field, value: &Value) -> bool {
        self.secrets != SandboxSecretMode::Clear
            && field.when_absent == AbsenceRule::Hidden
            && matches!(field.sensitivity, Sensitivity::Secret | Sensitivity::Personal)
            && !value.is_blank()
    }

    fn encode_item(&self, item: &ItemType, value: &Value) -> WireValue {
        match (item, value) {
            (ItemType::Scalar(scalar), value) => scalar.encode_value(value),
            (ItemType::Object(shape), Value::Object(inner)) => self.encode_object(shape, inner),
            (ItemType::Object(_), _) => WireValue::Null,
        }
    }
}
