//! A refusal in the API's own error shape, made from the same words from which clients read it.
//!
//! Hosts that speak JSV name fields with a capital and items in brackets, as the real framework does; that is
//! not derivable from the words, but it follows from the wire format.

use crate::exchange::Wire;
use crate::kind::Api;

use super::bind::{Grievance, binds_silently};
use super::route::Unfit;

/// Why a request is refused.
pub struct Refusal {
    pub status: u16,
    pub code: &'static str,
    pub message: String,
    pub fields: Vec<Grievance>,
}

impl Refusal {
    /// A refusal that is not about a field.
    pub fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), fields: Vec::new() }
    }

    /// A refusal about fields, with the status that such an API has for them.
    pub fn fields(api: &Api, fields: Vec<Grievance>) -> Self {
        let by_name = api.errors.maps.iter().any(String::is_empty);
        let status = if binds_silently(api) || by_name { 400 } else { 422 };
        let message = fields.first().map(|first| first.message.clone()).unwrap_or_default();
        Self { status, code: "ValidationException", message, fields }
    }

    /// The error answer.
    pub fn wire(&self, api: &Api) -> Wire {
        let words = &api.errors;
        let (about, rest): (Vec<_>, Vec<_>) = self.fields.iter().partition(|field| !field.field.is_empty());
        let list = words.lists.first().filter(|_| !about.is_empty());
        let map = words.maps.first().filter(|_| !about.is_empty() && list.is_none());
        let mut answer = Wire::Object(Vec::new());
        let whole_map = map.is_some_and(String::is_empty) && rest.is_empty();
        if !whole_map {
            self.say(api, &mut answer);
        }
        if let Some(list) = list {
            let item = |field: &&Grievance| {
                let mut item = Wire::Object(Vec::new());
                place(&mut item, &list.field, Wire::Text(shown(api, &field.field)));
                place(&mut item, &list.message, Wire::Text(field.message.clone()));
                item
            };
            place(&mut answer, &list.at, Wire::List(about.iter().map(item).collect()));
        }
        if let Some(map) = map {
            for field in about {
                let at = if map.is_empty() { Vec::new() } else { map.split('.').collect() };
                let at: Vec<&str> = at.into_iter().chain([&*field.field]).collect();
                place_at(&mut answer, &at, Wire::List(vec![Wire::Text(field.message.clone())]));
            }
        }
        answer
    }

    /// The sentence and the code.
    fn say(&self, api: &Api, answer: &mut Wire) {
        let words = &api.errors;
        let names: Vec<&str> = self.fields.iter().map(|field| &*field.field).collect();
        let told = !words.lists.is_empty() || !words.maps.is_empty() || names.is_empty();
        let message =
            if told { self.message.clone() } else { format!("{}: {}", names.join(", "), self.message) };
        if let Some(at) = words.codes.first() {
            place(answer, at, Wire::Text(self.code.to_owned()));
        }
        match words.messages.first() {
            Some(at) => place(answer, at, Wire::Text(message)),
            None => place(answer, "message", Wire::Text(message)),
        }
    }
}

impl From<Unfit> for Refusal {
    fn from(unfit: Unfit) -> Self {
        let grievance = Grievance { field: unfit.name, message: unfit.message.clone() };
        Self { status: 400, code: "RequestBindingException", message: unfit.message, fields: vec![grievance] }
    }
}

/// A field's name as the error answer spells it.
fn shown(api: &Api, dotted: &str) -> String {
    if !binds_silently(api) {
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
pub fn place(whole: &mut Wire, dotted: &str, value: Wire) {
    match dotted.is_empty() {
        true => *whole = value,
        false => place_at(whole, &dotted.split('.').collect::<Vec<_>>(), value),
    }
}

/// Puts a value at the end of a path of members. Nothing at the end of a path makes nothing of the way there.
pub fn place_at(whole: &mut Wire, path: &[&str], value: Wire) {
    let Some((first, rest)) = path.split_first() else { return *whole = value };
    if !matches!(whole, Wire::Object(_)) {
        *whole = Wire::Object(Vec::new());
    }
    let Wire::Object(members) = whole else { return };
    let at = match members.iter().position(|(name, _)| name == first) {
        Some(at) => at,
        None => {
            members.push(((*first).to_owned(), Wire::Null));
            members.len() - 1
        }
    };
    let Some((_, member)) = members.get_mut(at) else { return };
    let nothing_there = matches!(member, Wire::Null) && matches!(value, Wire::Null);
    if rest.is_empty() || !nothing_there {
        place_at(member, rest, value);
    }
}
