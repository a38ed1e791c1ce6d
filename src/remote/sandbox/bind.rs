//! What was given, read as a kind says: a body into the typed tree.
//!
//! Two spellings: `Read`, in which the service answers (samples, data files, edits), and `Written`, in which
//! it takes bodies. A service either binds silently, so that what does not fit becomes the type's zero and
//! nobody is told, or it refuses and names the field. Absent, null and empty stay three things here.
//! Deliberately absent: who may write a field, and what an absent one means; `rules` knows.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::kind::leaf::Token;
use crate::kind::{Absent, Api, Field, FormatWord, Item, Leaf, NamesWord, Shape, Type};
use crate::value::{Object, Stranger, Value};

use super::given::{Given, Scalar};
use super::things::Whole;

/// How deep a free-form value may nest.
const MAX_DEPTH: usize = 64;

/// Which names the members have.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Spelling {
    /// As the service answers.
    Read,
    /// As the service takes.
    Written,
}

/// A fault of one field, in the words of the service's error answer.
#[derive(Clone)]
pub struct Grievance {
    /// The dotted name; empty when it is about the whole body.
    pub field: String,
    pub message: String,
}

/// Reads what was given under the guidance of a shape.
pub struct Binder<'k> {
    api: &'k Api,
    spelling: Spelling,
    pub grievances: Vec<Grievance>,
    /// Things that stood whole where their id is the value.
    pub wholes: Vec<Whole>,
}

/// Whether the service takes wrong values for zeros instead of refusing them; hosts that speak JSV do.
pub fn binds_silently(api: &Api) -> bool {
    api.formats.contains(&FormatWord::Jsv)
}

/// Whether two member names are the same to this service.
pub fn same_name(api: &Api, a: &str, b: &str) -> bool {
    match api.names {
        NamesWord::Exact | NamesWord::AsRead => a == b,
        NamesWord::CaseInsensitive => a.eq_ignore_ascii_case(b),
    }
}

type Members<'b> = Vec<(Cow<'b, str>, Given<'b>)>;

impl<'k> Binder<'k> {
    /// A binder for one body.
    pub fn new(api: &'k Api, spelling: Spelling) -> Self {
        Self { api, spelling, grievances: Vec::new(), wholes: Vec::new() }
    }

    /// The object that was given, with the members that no field knows as its strangers.
    pub fn object(&mut self, shape: &Shape, given: Given, at: &str) -> Object {
        match given.into_members() {
            Some(members) => self.members(shape, members, at),
            None => {
                self.complain(at, "an object is expected");
                Object::default()
            }
        }
    }

    fn members(&mut self, shape: &Shape, mut members: Members, at: &str) -> Object {
        let mut object = Object::default();
        for field in &shape.fields {
            let place = join(at, &field.name);
            if let Some(given) = self.take(field, &mut members) {
                let value = self.value(field, given, &place);
                object.set(field.number, value);
            }
        }
        object.strangers = self.strangers(shape, members);
        object
    }

    /// The member that belongs to a field; of several the last.
    fn take<'b>(&self, field: &Field, members: &mut Members<'b>) -> Option<Given<'b>> {
        let path = match self.spelling {
            Spelling::Written => std::slice::from_ref(&field.written_as),
            Spelling::Read if field.access.write_only => std::slice::from_ref(&field.written_as),
            Spelling::Read => &field.read_as,
        };
        let (first, rest) = path.split_first()?;
        let at = members.iter().rposition(|(name, _)| same_name(self.api, name, first))?;
        if rest.is_empty() {
            return Some(members.remove(at).1);
        }
        match &mut members[at].1 {
            Given::Object(inner) => self.take_inside(rest, inner),
            Given::Null => Some(Given::Null),
            // what is read through an object may also come as the value itself
            _ => Some(members.remove(at).1),
        }
    }

    fn take_inside<'b>(&self, path: &[std::sync::Arc<str>], members: &mut Members<'b>) -> Option<Given<'b>> {
        let (first, rest) = path.split_first()?;
        let at = members.iter().rposition(|(name, _)| same_name(self.api, name, first))?;
        match (&mut members[at].1, rest) {
            (_, []) => Some(members.remove(at).1),
            (Given::Object(inner), rest) => self.take_inside(rest, inner),
            _ => None,
        }
    }

    /// What is left over: no field is called so, nor is it what a field is read through.
    fn strangers(&self, shape: &Shape, members: Members) -> Vec<Stranger> {
        let known = |name: &str| {
            shape.fields.iter().any(|field| {
                let read = field.read_as.first().filter(|_| self.spelling == Spelling::Read);
                let own = read.unwrap_or(&field.written_as);
                same_name(self.api, name, own)
            })
        };
        let left = members.into_iter().filter(|(name, _)| !known(name));
        left.map(|(name, given)| Stranger { name: name.into(), raw: given.to_json().into() }).collect()
    }

    fn value(&mut self, field: &Field, given: Given, at: &str) -> Value {
        if given.is_null() {
            return Value::Null;
        }
        match &field.ty {
            Type::Leaf(leaf) => match self.take_whole(field, given) {
                (Given::Null, _) => Value::Null,
                (given, raw) => {
                    let value = self.leaf(leaf, given, at).unwrap_or_else(|| self.instead(field));
                    let whole = raw.map(|raw| Whole { field: field.name.clone(), id: value.clone(), raw });
                    self.wholes.extend(whole);
                    value
                }
            },
            Type::Object(shape) => match given.into_members() {
                Some(members) => Value::Object(Box::new(self.members(shape, members, at))),
                None => self.refuse(at, "an object is expected"),
            },
            Type::Map(map) => match given.into_entries() {
                Some(entries) => self.map(&map.value, entries, at),
                None => self.refuse(at, "an object is expected"),
            },
            Type::List(list) => self.list(&list.item, given, at),
        }
    }

    /// The id inside and the thing itself, where a thing that is referred to stands whole.
    fn take_whole<'b>(&self, field: &Field, given: Given<'b>) -> (Given<'b>, Option<Box<str>>) {
        match (&field.refers_to, given) {
            (Some(refers), given @ Given::Object(_)) if self.spelling == Spelling::Read => {
                let raw = given.to_json();
                let members = given.into_members().unwrap_or_default();
                let id = members.into_iter().rfind(|(name, _)| same_name(self.api, name, &refers.id));
                (id.map_or(Given::Null, |(_, id)| id), Some(raw.into()))
            }
            (_, given) => (given, None),
        }
    }

    fn map(&mut self, leaf: &Leaf, given: Members, at: &str) -> Value {
        let mut entries: Vec<(Box<str>, Value)> = Vec::with_capacity(given.len());
        let mut places: HashMap<Cow<str>, usize> = HashMap::with_capacity(given.len());
        for (key, given) in given {
            let value = match given.is_null() {
                true => Value::Null,
                false => self.leaf(leaf, given, &join(at, &key)).unwrap_or(Value::Null),
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

    fn list(&mut self, item: &Item, given: Given, at: &str) -> Value {
        // a silent service takes one bare item for a list of one; the words null and nothing are no list
        let bare = match &given {
            Given::Jsv(text) => !text.starts_with('[') && *text != "null",
            Given::Object(_) => binds_silently(self.api),
            _ => false,
        };
        let items = if bare { Some(vec![given]) } else { given.into_items() };
        let Some(items) = items else { return self.refuse(at, "a list is expected") };
        let mut values = Vec::with_capacity(items.len());
        for (index, given) in items.into_iter().enumerate() {
            match self.item(item, given, &join(at, &index.to_string())) {
                Some(value) => values.push(value),
                // one item that is not an object loses the whole list
                None => return Value::Null,
            }
        }
        Value::List(values)
    }

    fn item(&mut self, item: &Item, given: Given, at: &str) -> Option<Value> {
        match item {
            Item::Leaf(_) if given.is_null() => Some(Value::Null),
            Item::Leaf(leaf) => Some(self.leaf(leaf, given, at).unwrap_or_else(|| leaf.zero())),
            Item::Object(shape) => match given.into_members() {
                Some(members) => Some(Value::Object(Box::new(self.members(shape, members, at)))),
                None => {
                    self.complain(at, "an object is expected");
                    None
                }
            },
        }
    }

    /// The value of a leaf; nothing when it does not fit.
    fn leaf(&mut self, leaf: &Leaf, given: Given, at: &str) -> Option<Value> {
        if *leaf == Leaf::Any {
            return Some(any(given, MAX_DEPTH));
        }
        let read = given.scalar().map(|scalar| self.read(leaf, &scalar));
        match read {
            Some(Ok(value)) => Some(value),
            Some(Err(message)) => {
                self.complain(at, &message);
                None
            }
            None => {
                self.complain(at, &format!("this is not {}", leaf.noun()));
                None
            }
        }
    }

    fn read(&self, leaf: &Leaf, scalar: &Scalar) -> Result<Value, String> {
        let token = scalar.token();
        if binds_silently(self.api)
            && let Token::Text(word) | Token::Bare(word) | Token::Number(word) = token
        {
            match leaf {
                Leaf::Flag => return Ok(Value::Flag(matches!(&*word.to_lowercase(), "true" | "1" | "on"))),
                // exponents are not understood
                Leaf::Whole(_) | Leaf::Decimal(_) if word.contains(['e', 'E']) => return Err(String::new()),
                _ => {}
            }
        }
        leaf.read(token).map_err(|mismatch| mismatch.message)
    }

    /// What a silent service has instead of a value that does not fit.
    fn instead(&self, field: &Field) -> Value {
        match field.absent {
            Absent::Zero => field.ty.zero(),
            _ => Value::Null,
        }
    }

    fn refuse(&mut self, at: &str, message: &str) -> Value {
        self.complain(at, message);
        Value::Null
    }

    fn complain(&mut self, at: &str, message: &str) {
        if self.spelling == Spelling::Read || !binds_silently(self.api) {
            self.grievances.push(Grievance { field: at.to_owned(), message: message.to_owned() });
        }
    }
}

/// A free-form value.
fn any(given: Given, depth: usize) -> Value {
    if depth == 0 || given.is_null() {
        return Value::Null;
    }
    if let Some(scalar) = given.scalar().filter(|_| !looks_nested(&given)) {
        return Leaf::Any.read(scalar.token()).unwrap_or(Value::Null);
    }
    match given {
        Given::Object(_) => any_map(given, depth),
        Given::Jsv(text) if text.starts_with('{') => any_map(given, depth),
        given => {
            let items = given.into_items().unwrap_or_default();
            Value::List(items.into_iter().map(|item| any(item, depth - 1)).collect())
        }
    }
}

fn looks_nested(given: &Given) -> bool {
    matches!(given, Given::Jsv(text) if text.starts_with(['{', '[']))
}

fn any_map(given: Given, depth: usize) -> Value {
    let entries = given.into_entries().unwrap_or_default();
    let entry = |(key, given): (Cow<str>, Given)| (Box::from(&*key), any(given, depth - 1));
    Value::Map(entries.into_iter().map(entry).collect())
}

fn join(at: &str, name: &str) -> String {
    if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") }
}
