//! What comes back: objects in the spelling in which the service answers, lists in their envelope, bytes in
//! the wire format that was asked for.
//!
//! Hosts that speak JSV choose the format as the real framework does, traps included: no `Accept`, `*/*` or
//! `text/jsv` alone gets a web page with status 200.

use bytes::Bytes;

use crate::exchange::Wire;
use crate::kind::file::{ListFile, PagingFile};
use crate::kind::{Absent, Api, Field, FormatWord, Item, Leaf, Shape, Type};
use crate::remote::wire;
use crate::value::{Mark, Object, Stranger, Value};

use super::Secrets;
use super::bind::binds_silently;
use super::given;
use super::refusal::{place, place_at};
use super::things::Wholes;

/// The format of an answer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Wire(FormatWord),
    Html,
}

/// A whole answer.
pub struct Answer {
    pub status: u16,
    pub content_type: &'static str,
    /// One more header, where there is one.
    pub header: Option<(&'static str, String)>,
    pub body: Bytes,
}

impl Answer {
    /// An answer in the form that was asked for.
    pub fn new(api: &Api, form: Form, status: u16, body: &Wire) -> Self {
        let (content_type, body) = match form {
            Form::Wire(FormatWord::Json) => {
                ("application/json; charset=utf-8", wire::encode(body, FormatWord::Json, api))
            }
            Form::Wire(FormatWord::Jsv) => ("application/jsv", wire::encode(body, FormatWord::Jsv, api)),
            Form::Html => return Self::html(status),
        };
        Self { status, content_type, header: None, body: body.into() }
    }

    /// An answer without a body.
    pub fn empty(status: u16) -> Self {
        Self { status, content_type: "", header: None, body: Bytes::new() }
    }

    /// Plain text.
    pub fn text(status: u16, text: impl Into<String>) -> Self {
        Self { status, content_type: "text/plain; charset=utf-8", header: None, body: text.into().into() }
    }

    /// A web page that says nothing.
    pub fn html(status: u16) -> Self {
        let page = "<!DOCTYPE html>\n<html><head><title>Snapshot</title></head>\n\
                    <body><h1>Snapshot of the answer</h1><p>This page is for people.</p></body></html>\n";
        Self { status, content_type: "text/html; charset=utf-8", header: None, body: page.into() }
    }
}

/// The format that a request asks for; none when nothing that it takes is spoken here.
pub fn form(api: &Api, accept: Option<&str>, asked: Option<FormatWord>) -> Option<Form> {
    let accept = accept.unwrap_or_default().to_lowercase();
    let mut entries = accept.split(',').map(|entry| entry.split(';').next().unwrap_or_default().trim());
    if !binds_silently(api) {
        let taken = |entry: &str| matches!(entry, "" | "*/*" | "application/*" | "application/json");
        return entries.any(taken).then_some(Form::Wire(FormatWord::Json));
    }
    if let Some(format) = asked {
        return Some(Form::Wire(format));
    }
    let known = |entry: &str| match entry {
        "application/json" => Some(Form::Wire(FormatWord::Json)),
        "application/jsv" => Some(Form::Wire(FormatWord::Jsv)),
        "text/html" => Some(Form::Html),
        _ => None,
    };
    Some(entries.find_map(known).unwrap_or(Form::Html))
}

/// How objects are shown.
#[derive(Clone, Copy)]
pub struct Showing<'s> {
    pub secrets: Secrets,
    pub form: Form,
    /// Things that are shown whole, and where the API is; none where only ids are shown.
    pub wholes: Option<(&'s Wholes, &'s str)>,
}

impl Showing<'_> {
    /// An object as the service answers it.
    pub fn object(&self, shape: &Shape, object: &Object) -> Wire {
        let mut members = Vec::with_capacity(shape.fields.len() + object.strangers.len());
        let mut through = Vec::new();
        for field in shape.fields.iter().filter(|field| !field.access.write_only) {
            let shown = self.value(field, object.get(field.number).unwrap_or(&Value::Null));
            match &*field.read_as {
                [name] => members.push((name.to_string(), shown)),
                path => through.push((path, shown)),
            }
        }
        let strangers = object.strangers.iter();
        members.extend(strangers.map(|stranger| (stranger.name.to_string(), self.stranger(stranger))));
        let mut whole = Wire::Object(members);
        for (path, shown) in through {
            place_at(&mut whole, &path.iter().map(|step| &**step).collect::<Vec<_>>(), shown);
        }
        whole
    }

    /// A stranger is kept as JSON.
    fn stranger(&self, stranger: &Stranger) -> Wire {
        match self.form {
            Form::Wire(FormatWord::Jsv) => {
                given::json(&stranger.raw).map_or(Wire::Null, given::Given::into_wire)
            }
            _ => Wire::Raw(stranger.raw.to_string()),
        }
    }

    fn value(&self, field: &Field, value: &Value) -> Wire {
        if self.veils(field, value) {
            let text = matches!(field.ty, Type::Leaf(Leaf::Text { .. })) && self.secrets == Secrets::Masked;
            return if text { Wire::Text("****".into()) } else { Wire::Null };
        }
        match (&field.ty, value) {
            (_, Value::Null) => Wire::Null,
            (Type::Leaf(leaf), value) => {
                let whole = self.wholes.and_then(|(wholes, base)| wholes.shown(field, value, base));
                whole.unwrap_or_else(|| leaf.wire(value))
            }
            (Type::Map(map), Value::Map(entries)) => Wire::Object(
                entries.iter().map(|(key, value)| (key.to_string(), map.value.wire(value))).collect(),
            ),
            (Type::Object(shape), Value::Object(inner)) => self.object(shape, inner),
            (Type::List(list), Value::List(items)) => {
                Wire::List(items.iter().map(|value| self.item(&list.item, value)).collect())
            }
            _ => Wire::Null,
        }
    }

    /// What may be hidden from those who may not see it is hidden from everybody when told so.
    fn veils(&self, field: &Field, value: &Value) -> bool {
        self.secrets != Secrets::Clear
            && field.absent == Absent::Unknown
            && matches!(field.mark, Mark::Secret | Mark::Personal)
            && !value.is_blank()
    }

    fn item(&self, item: &Item, value: &Value) -> Wire {
        match (item, value) {
            (Item::Leaf(leaf), value) => leaf.wire(value),
            (Item::Object(shape), Value::Object(inner)) => self.object(shape, inner),
            (Item::Object(_), _) => Wire::Null,
        }
    }
}

/// Which part of a list is answered.
pub struct Window {
    pub total: usize,
    /// Where the page after this one starts; none when this is the last.
    pub next: Option<usize>,
    /// The URL of the page after this one.
    pub next_url: Option<String>,
}

/// A list in the envelope that the description says.
pub fn envelope(list: &ListFile, items: Vec<Wire>, window: &Window) -> Wire {
    let items = Wire::List(items);
    let Some(at) = &list.items else { return items };
    let mut answer = Wire::Object(Vec::new());
    place(&mut answer, at, items);
    if let Some(paging) = &list.paging {
        say_where(&mut answer, paging, window);
    }
    answer
}

fn say_where(answer: &mut Wire, paging: &PagingFile, window: &Window) {
    if let Some(at) = &paging.has_more {
        place(answer, at, Wire::Flag(window.next.is_some()));
    }
    if let Some(at) = &paging.total {
        place(answer, at, Wire::Number(window.total.to_string()));
    }
    if let Some(at) = &paging.next {
        place(answer, at, window.next_url.clone().map_or(Wire::Null, Wire::Text));
    }
}
