//! A refusal in the API's own error shape, made from the same words from which clients read it.
//!
//! Hosts that speak JSV name fields with a capital and items in brackets, as the real framework does; that is
//! not derivable from the words, but it follows from the wire format.

use crate::exchange::WireValue;
use crate::kind::Api;
use crate::sandbox::deserialize::{SandboxFieldError, is_lenient};
use crate::sandbox::route::SandboxParameterError;

/// Why a request is refused.
pub struct SandboxError {
    pub status: u16,
    pub code: &'static str,
    pub message: String,
    pub field_errors: Vec<SandboxFieldError>,
}

impl SandboxError {
    /// A refusal that is not about a field.
    pub fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), field_errors: Vec::new() }
    }

    /// A refusal about fields, with the status that such an API has for them.
    pub fn from_field_errors(api: &Api, fields: Vec<SandboxFieldError>) -> Self {
        let by_name = api.errors.maps.iter().any(String::is_empty);
        let status = if is_lenient(api) || by_name { 400 } else { 422 };
        let message = fields.first().map(|first| first.message.clone()).unwrap_or_default();
        Self { status, code: "ValidationException", message, field_errors: fields }
    }

    /// The error answer.
    pub fn to_wire(&self, api: &Api) -> WireValue {
        let words = &api.errors;
        let (about, rest): (Vec<_>, Vec<_>) =
            self.field_errors.iter().partition(|field| !field.field.is_empty());
        let list = words.lists.first().filter(|_| !about.is_empty());
        let map = words.maps.first().filter(|_| !about.is_empty() && list.is_none());
        let mut answer = WireValue::Object(Vec::new());
        let whole_map = map.is_some_and(String::is_empty) && rest.is_empty();
        if !whole_map {
            self.write_message(api, &mut answer);
        }
        if let Some(list) = list {
            let item = |field: &&SandboxFieldError| {
                let mut item = WireValue::Object(Vec::new());
                set_member(&mut item, &list.field, WireValue::String(format_field_name(api, &field.field)));
                set_member(&mut item, &list.message, WireValue::String(field.message.clone()));
                item
            };
            set_member(&mut answer, &list.at, WireValue::Array(about.iter().map(item).collect()));
        }
        if let Some(map) = map {
            for field in about {
                let at = if map.is_empty() { Vec::new() } else { map.split('.').collect() };
                let at: Vec<&str> = at.into_iter().chain([&*field.field]).collect();
                set_member_at(
                    &mut answer,
                    &at,
                    WireValue::Array(vec![WireValue::String(field.message.clone())]),
                );
            }
        }
        answer
    }

    /// The sentence and the code.
    fn write_message(&self, api: &Api, answer: &mut WireValue) {
        let words = &api.errors;
        let names: Vec<&str> = self.field_errors.iter().map(|field| &*field.field).collect();
        let is_complete = !words.lists.is_empty() || !words.maps.is_empty() || names.is_empty();
        let message = if is_complete {
            self.message.clone()
        } else {
            format!("{}: {}", names.join(", "), self.message)
        };
        if let Some(at) = words.codes.first() {
            set_member(answer, at, WireValue::String(self.code.to_owned()));
        }
        match words.messages.first() {
            Some(at) => set_member(answer, at, WireValue::String(message)),
            None => set_member(answer, "message", WireValue::String(message)),
        }
    }
}

impl From<SandboxParameterError> for SandboxError {
    fn from(unfit: SandboxParameterError) -> Self {
        let grievance = SandboxFieldError { field: unfit.name, message: unfit.message.clone() };
        Self {
            status: 400,
            code: "RequestBindingException",
            message: unfit.message,
            field_errors: vec![grievance],
        }
    }
}

/// A field's name as the error answer spells it.
fn format_field_name(api: &Api, dotted: &str) -> String {
    if !is_lenient(api) {
        return dotted.to_owned();
    }
    let mut shown = String::new();
    for part in dotted.split('.') {
        if part.bytes().all(|byte| byte.is_ascii_digit()) {
            shown.push_str(&format!("[{part}]"));
            continue;
        }
        if !shown.is_empty() {
            shown.push('.');
        }
        let mut letters = part.chars();
        shown.extend(letters.next().into_iter().flat_map(char::to_uppercase));
        shown.extend(letters);
    }
    shown
}

/// Puts a value where a dotted name leads; the empty name is the whole.
pub fn set_member(whole: &mut WireValue, dotted: &str, value: WireValue) {
    match dotted.is_empty() {
        true => *whole = value,
        false => set_member_at(whole, &dotted.split('.').collect::<Vec<_>>(), value),
    }
}

/// Puts a value at the end of a path of members. Nothing at the end of a path makes nothing of the way there.
pub fn set_member_at(whole: &mut WireValue, path: &[&str], value: WireValue) {
    let Some((first, rest)) = path.split_first() else { return *whole = value };
    if !matches!(whole, WireValue::Object(_)) {
        *whole = WireValue::Object(Vec::new());
    }
    let WireValue::Object(members) = whole else { return };
    let at = match members.iter().position(|(name, _)| name == first) {
        Some(at) => at,
        None => {
            members.push(((*first).to_owned(), WireValue::Null));
            members.len() - 1
        }
    };
    let Some((_, member)) = members.get_mut(at) else { return };
    let nothing_there = matches!(member, WireValue::Null) && matches!(value, WireValue::Null);
    if rest.is_empty() || !nothing_there {
        set_member_at(member, rest, value);
    }
}
