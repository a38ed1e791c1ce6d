//! What was given, read as a kind says: a body into the typed tree.
//!
//! Two spellings: `Response`, in which the service answers (samples, data files, edits), and `Request`, in which
//! it takes bodies. A service either binds silently, so that what does not fit becomes the type's zero and
//! nothing reports it, or it refuses and names the field. Absent, null and empty stay three things here.
//! Deliberately absent: who may write a field, and what an absent one means; `rules` knows.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::kind::scalar::ScalarToken;
use crate::kind::{
    AbsenceRule, Api, Field, FieldType, ItemType, KeyedMembers, MemberNameCase, ScalarType, Shape, WireFormat,
};
use crate::sandbox::embedded_objects::EmbeddedObject;
use crate::sandbox::raw_body::{RawBodyValue, RawScalar};
use crate::value::{Object, UnknownField, Value};

/// How deep a free-form value may nest.
const MAX_DEPTH: usize = 64;

/// Which names the members have.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum SandboxBodyDirection {
    /// As the service answers.
    Response,
    /// As the service takes.
    Request,
}

/// A fault of one field, in the words of the service's error answer.
#[derive(Clone)]
pub struct SandboxFieldError {
    /// The dotted name; empty when it is about the whole body.
    pub field: String,
    pub message: String,
}

/// Reads what was given under the guidance of a shape.
pub struct SandboxDeserializer<'k> {
    api: &'k Api,
    direction: SandboxBodyDirection,
    pub field_errors: Vec<SandboxFieldError>,
    /// Things that stood whole where their id is the value.
    pub embedded: Vec<EmbeddedObject>,
}

/// Whether the service takes wrong values for zeros instead of refusing them; hosts that speak JSV do.
pub fn is_lenient(api: &Api) -> bool {
    api.formats.contains(&WireFormat::Jsv)
}

/// Whether two member names are the same to this service.
pub fn is_same_name(api: &Api, a: &str, b: &str) -> bool {
    match api.member_names {
        MemberNameCase::Exact | MemberNameCase::PreserveCase => a == b,
        MemberNameCase::CaseInsensitive => a.eq_ignore_ascii_case(b),
    }
}

type RawMembers<'b> = Vec<(Cow<'b, str>, RawBodyValue<'b>)>;

impl<'k> SandboxDeserializer<'k> {
    /// A binder for one body.
    pub fn new(api: &'k Api, spelling: SandboxBodyDirection) -> Self {
        Self { api, direction: spelling, field_errors: Vec::new(), embedded: Vec::new() }
    }

    /// The object that was given, with the members that no field knows as its unknown members.
    pub fn read_object(&mut self, shape: &Shape, given: RawBodyValue, at: &str) -> Object {
        match given.into_members() {
            Some(members) => self.read_members(shape, members, at),
            None => {
                self.add_error(at, "an object is expected");
                Object::default()
            }
        }
    }

    fn read_members(&mut self, shape: &Shape, mut members: RawMembers, at: &str) -> Object {
        let mut object = Object::default();
        for field in &shape.fields {
            let place = join_path(at, &field.name);
            if let Some(given) = self.take_member(field, &mut members) {
                let value = self.read_value(field, given, &place);
                object.set_field(field.number, value);
            }
        }
        object.unknown_fields = self.collect_unknown_fields(shape, members);
        object
    }

    /// The member that belongs to a field; of several the last.
    fn take_member<'b>(&self, field: &Field, members: &mut RawMembers<'b>) -> Option<RawBodyValue<'b>> {
        if field.is_member_name() {
            return None;
        }
        let path = match self.direction {
            SandboxBodyDirection::Request => std::slice::from_ref(&field.write_to),
            SandboxBodyDirection::Response if field.behavior.write_only => {
                std::slice::from_ref(&field.write_to)
            }
            SandboxBodyDirection::Response => &field.read_from,
        };
        let (first, rest) = path.split_first()?;
        let at = members.iter().rposition(|(name, _)| is_same_name(self.api, name, first))?;
        if rest.is_empty() {
            return Some(members.remove(at).1);
        }
        match &mut members[at].1 {
            RawBodyValue::Object(inner) => self.take_nested_member(rest, inner),
            RawBodyValue::Null => Some(RawBodyValue::Null),
            // what is read through an object may also come as the value itself
            _ => Some(members.remove(at).1),
        }
    }

    fn take_nested_member<'b>(
        &self,
        path: &[std::sync::Arc<str>],
        members: &mut RawMembers<'b>,
    ) -> Option<RawBodyValue<'b>> {
        let (first, rest) = path.split_first()?;
        let at = members.iter().rposition(|(name, _)| is_same_name(self.api, name, first))?;
        match (&mut members[at].1, rest) {
            (_, []) => Some(members.remove(at).1),
            (RawBodyValue::Object(inner), rest) => self.take_nested_member(rest, inner),
            _ => None,
        }
    }

    /// What is left over: no field is called so, nor is it what a field is read through.
    fn collect_unknown_fields(&self, shape: &Shape, members: RawMembers) -> Vec<UnknownField> {
        let known = |name: &str| {
            shape.fields.iter().filter(|field| !field.is_member_name()).any(|field| {
                let read =
                    field.read_from.first().filter(|_| self.direction == SandboxBodyDirection::Response);
                let own = read.unwrap_or(&field.write_to);
                is_same_name(self.api, name, own)
            })
        };
        let left = members.into_iter().filter(|(name, _)| !known(name));
        left.map(|(name, given)| UnknownField { name: name.into(), raw: given.to_json().into() }).collect()
    }

    fn read_value(&mut self, field: &Field, given: RawBodyValue, at: &str) -> Value {
        if given.is_null() {
            return Value::Null;
        }
        match &field.ty {
            FieldType::Scalar(scalar_type) => match self.split_embedded(field, given) {
                (RawBodyValue::Null, _) => Value::Null,
                (given, raw) => {
                    let value = self
                        .read_scalar(scalar_type, given, at)
                        .unwrap_or_else(|| self.choose_fallback(field));
                    let whole =
                        raw.map(|raw| EmbeddedObject { field: field.name.clone(), id: value.clone(), raw });
                    self.embedded.extend(whole);
                    value
                }
            },
            FieldType::Object(shape) => match given.into_members() {
                Some(members) => Value::Object(Box::new(self.read_members(shape, members, at))),
                None => self.reject_value(at, "an object is expected"),
            },
            FieldType::Map(map) => match given.into_entries() {
                Some(entries) => self.read_map(&map.value, entries, at),
                None => self.reject_value(at, "an object is expected"),
            },
            FieldType::Array(list) => match (&list.item, list.keyed_members) {
                (ItemType::Object(shape), Some(keyed)) => match given.into_entries() {
                    Some(entries) => self.read_keyed_items(shape, keyed, entries, at),
                    None => self.reject_value(at, "an object is expected"),
                },
                (item, _) => self.read_list(item, given, at),
            },
        }
    }

    /// The id inside and the thing itself, where a thing that is referred to stands whole.
    fn split_embedded<'b>(
        &self,
        field: &Field,
        given: RawBodyValue<'b>,
    ) -> (RawBodyValue<'b>, Option<Box<str>>) {
        match (&field.reference, given) {
            (Some(refers), given @ RawBodyValue::Object(_))
                if self.direction == SandboxBodyDirection::Response =>
            {
                let raw = given.to_json();
                let members = given.into_members().unwrap_or_default();
                let id = members.into_iter().rfind(|(name, _)| is_same_name(self.api, name, &refers.id));
                (id.map_or(RawBodyValue::Null, |(_, id)| id), Some(raw.into()))
            }
            (_, given) => (given, None),
        }
    }

    fn read_map(&mut self, scalar_type: &ScalarType, given: RawMembers, at: &str) -> Value {
        let mut entries: Vec<(Box<str>, Value)> = Vec::with_capacity(given.len());
        let mut places: HashMap<Cow<str>, usize> = HashMap::with_capacity(given.len());
        for (key, given) in given {
            let value = match given.is_null() {
                true => Value::Null,
                false => self.read_scalar(scalar_type, given, &join_path(at, &key)).unwrap_or(Value::Null),
            };
            // of the same key the last counts
            match places.get(&key).and_then(|at| entries.get_mut(*at)) {
                Some((_, own)) => *own = value,
                None => {
                    entries.push((Box::from(&*key), value));
                    places.insert(key, entries.len() - 1);
                }
            }
        }
        Value::Map(entries)
    }

    /// Members as items; one that is null stays a map of its name, which a merge takes out.
    fn read_keyed_items(&mut self, shape: &Shape, keyed: KeyedMembers, given: RawMembers, at: &str) -> Value {
        let mut items: Vec<Value> = Vec::with_capacity(given.len());
        for (name, given) in given {
            let is_null = given.is_null();
            let value = match given.into_members().filter(|_| !is_null) {
                Some(members) => {
                    let mut object = self.read_members(shape, members, &join_path(at, &name));
                    object.set_field(keyed.key, Value::from_text(&*name));
                    Value::Object(Box::new(object))
                }
                None if is_null => Value::Map(vec![(Box::from(&*name), Value::Null)]),
                None => return self.reject_value(&join_path(at, &name), "an object is expected"),
            };
            // of the same name the last counts
            items.retain(|item| get_sent_name(keyed, item) != Some(&*name));
            items.push(value);
        }
        Value::Array(items)
    }

    fn read_list(&mut self, item: &ItemType, given: RawBodyValue, at: &str) -> Value {
        // a silent service takes one bare item for a list of one; the words null and nothing are no list
        let bare = match &given {
            RawBodyValue::Jsv(text) => !text.starts_with('[') && *text != "null",
            RawBodyValue::Object(_) => is_lenient(self.api),
            _ => false,
        };
        let items = if bare { Some(vec![given]) } else { given.into_items() };
        let Some(items) = items else { return self.reject_value(at, "a list is expected") };
        let mut values = Vec::with_capacity(items.len());
        for (index, given) in items.into_iter().enumerate() {
            match self.read_item(item, given, &join_path(at, &index.to_string())) {
                Some(value) => values.push(value),
                // one item that is not an object loses the whole list
                None => return Value::Null,
            }
        }
        Value::Array(values)
    }

    fn read_item(&mut self, item: &ItemType, given: RawBodyValue, at: &str) -> Option<Value> {
        match item {
            ItemType::Scalar(_) if given.is_null() => Some(Value::Null),
            ItemType::Scalar(scalar_type) => Some(
                self.read_scalar(scalar_type, given, at).unwrap_or_else(|| scalar_type.build_zero_value()),
            ),
            ItemType::Object(shape) => match given.into_members() {
                Some(members) => Some(Value::Object(Box::new(self.read_members(shape, members, at)))),
                None => {
                    self.add_error(at, "an object is expected");
                    None
                }
            },
        }
    }

    /// The value of a scalar; nothing when it does not fit.
    fn read_scalar(&mut self, scalar_type: &ScalarType, given: RawBodyValue, at: &str) -> Option<Value> {
        if *scalar_type == ScalarType::Any {
            return Some(read_any(given, MAX_DEPTH));
        }
        let read = given.as_scalar().map(|scalar| self.parse_scalar(scalar_type, &scalar));
        match read {
            Some(Ok(value)) => Some(value),
            Some(Err(message)) => {
                self.add_error(at, &message);
                None
            }
            None => {
                self.add_error(at, &format!("this is not {}", scalar_type.describe_type()));
                None
            }
        }
    }

    fn parse_scalar(&self, scalar_type: &ScalarType, scalar: &RawScalar) -> Result<Value, String> {
        let token = scalar.as_token();
        if is_lenient(self.api)
            && let ScalarToken::String(word) | ScalarToken::Plain(word) | ScalarToken::Number(word) = token
        {
            match scalar_type {
                ScalarType::Boolean => {
                    return Ok(Value::Boolean(matches!(&*word.to_lowercase(), "true" | "1" | "on")));
                }
                // exponents are not understood
                ScalarType::Integer(_) | ScalarType::Decimal(_) if word.contains(['e', 'E']) => {
                    return Err(String::new());
                }
                _ => {}
            }
        }
        scalar_type.read_token(token).map_err(|mismatch| mismatch.message)
    }

    /// What a silent service has instead of a value that does not fit.
    fn choose_fallback(&self, field: &Field) -> Value {
        match field.when_absent {
            AbsenceRule::Zero => field.ty.build_zero_value(),
            _ => Value::Null,
        }
    }

    fn reject_value(&mut self, at: &str, message: &str) -> Value {
        self.add_error(at, message);
        Value::Null
    }

    fn add_error(&mut self, at: &str, message: &str) {
        if self.direction == SandboxBodyDirection::Response || !is_lenient(self.api) {
            self.field_errors.push(SandboxFieldError { field: at.to_owned(), message: message.to_owned() });
        }
    }
}

/// The name of a member that was sent, as an item or as nothing.
pub fn get_sent_name(keyed: KeyedMembers, item: &Value) -> Option<&str> {
    match item {
        Value::Map(entries) => entries.first().map(|(name, _)| &**name),
        item => keyed.read_name(item),
    }
}

/// A free-form value.
fn read_any(given: RawBodyValue, depth: usize) -> Value {
    if depth == 0 || given.is_null() {
        return Value::Null;
    }
    if let Some(scalar) = given.as_scalar().filter(|_| !looks_nested(&given)) {
        return ScalarType::Any.read_token(scalar.as_token()).unwrap_or(Value::Null);
    }
    match given {
        RawBodyValue::Object(_) => read_any_map(given, depth),
        RawBodyValue::Jsv(text) if text.starts_with('{') => read_any_map(given, depth),
        given => {
            let items = given.into_items().unwrap_or_default();
            Value::Array(items.into_iter().map(|item| read_any(item, depth - 1)).collect())
        }
    }
}

fn looks_nested(given: &RawBodyValue) -> bool {
    matches!(given, RawBodyValue::Jsv(text) if text.starts_with(['{', '[']))
}

fn read_any_map(given: RawBodyValue, depth: usize) -> Value {
    let entries = given.into_entries().unwrap_or_default();
    let entry = |(key, given): (Cow<str>, RawBodyValue)| (Box::from(&*key), read_any(given, depth - 1));
    Value::Map(entries.into_iter().map(entry).collect())
}

fn join_path(at: &str, name: &str) -> String {
    if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") }
}
