//! A live object as the document that says it: what a person would write down, and nothing that goes without
//! saying.
//!
//! Left out is what the service sets, copies, what means the same when absent, and marked values: secrets
//! become sources, personal and sensitive ones are written only when asked for. Items of lists are told apart
//! by their keys; row ids stand only where nothing else tells items apart.
//! Deliberately absent: text. The sheet is written elsewhere, behind a gate of its own.

use std::collections::BTreeSet;

use super::fill::{What, fill, object_fields};
use super::names::{Variables, words_of, words_of_field};
use crate::diagnostic::Span;
use crate::document::spec::MAX_TEXT;
use crate::document::write::{Remark, Remarks, is_guarded};
use crate::document::{Slot, Wanted, Wish};
use crate::kind::explain::can_be_cleared;
use crate::kind::leaf::Token;
use crate::kind::{Field, Item, Kind, Leaf, ListType, MapType, Sends, Shape, ToldApart, Type};
use crate::plan::compare::{row_id, same, unseen};
use crate::plan::pair::pair;
use crate::value::{Mark, Object, Value};

/// What stands behind a secret that reads back empty from a service that shows secrets.
pub const READS_EMPTY: &str = "reads back empty: set a source here if there is one";
/// How deep a value of any sort may nest.
const MAX_DEPTH: usize = 32;
/// The most characters of a free key; readers of YAML stop looking for the end of longer ones.
const MAX_KEY: usize = 500;

/// What is to be known before an object is written down.
pub struct Manner<'m> {
    pub kind: &'m Kind,
    /// Whether personal and sensitive values are written.
    pub personal: bool,
    /// Whether the service was seen to show secrets, so that one that reads empty is taken for none.
    pub shows_secrets: bool,
    /// The words with which every variable begins.
    pub words: Vec<String>,
}

/// An object written down.
#[derive(Default)]
pub struct Draft {
    pub fields: Vec<(u16, Wanted)>,
    pub remarks: Remarks,
    pub variables: Vec<Variable>,
    /// How many personal or sensitive fields were left out.
    pub guarded: usize,
}

/// An environment variable from which a secret comes.
#[derive(Clone)]
pub struct Variable {
    pub name: String,
    /// The dotted name of the field.
    pub field: String,
}

/// Writes an object down.
pub fn draft(manner: &Manner, live: &Object, variables: &mut Variables) -> Draft {
    let update = manner.kind.operations.update.as_ref();
    let mut drafting = Drafting {
        manner,
        variables,
        whole: update.is_some_and(|update| update.sends == Sends::Everything),
        out: Draft::default(),
        here: Vec::new(),
        names: Vec::new(),
        words: manner.words.clone(),
    };
    let fields = drafting.object(&manner.kind.shape, live, Mark::Open, &[]);
    Draft { fields, ..drafting.out }
}

impl Draft {
    /// The spec of a document.
    pub fn spec(&self) -> Wanted {
        wanted(Wish::Object(self.fields.clone()))
    }
}

struct Drafting<'d> {
    manner: &'d Manner<'d>,
    variables: &'d mut Variables,
    /// Whether an update sends everything, so that what is not known would be blanked.
    whole: bool,
    out: Draft,
    /// The way to the node at hand, as remarks are found by it.
    here: Vec<u32>,
    /// The same in names.
    names: Vec<String>,
    /// The words of a variable for a secret at hand.
    words: Vec<String>,
}

impl Drafting<'_> {
    /// The fields of an object that are worth saying, and those that `must` be said.
    fn object(&mut self, shape: &Shape, live: &Object, above: Mark, must: &[u16]) -> Vec<(u16, Wanted)> {
        let mut fields = Vec::new();
        for field in &shape.fields {
            if self.is_left_alone(field, must.contains(&field.number)) {
                continue;
            }
            self.here.push(u32::from(field.number));
            self.names.push(field.name.to_string());
            let mark = above.max(field.mark);
            let wish = self.field(field, live.get(field.number), mark, must.contains(&field.number));
            fields.extend(wish.map(|wish| (field.number, wanted(wish))));
            self.names.pop();
            self.here.pop();
        }
        fields
    }

    fn is_left_alone(&self, field: &Field, must: bool) -> bool {
        let rights = field.access;
        let is_id = self.here.is_empty() && field.number == self.manner.kind.identity.id;
        let never = field.copy_of.is_some() || field.never_sent || field.never_imported;
        is_id || never || (rights.computed && !must) || (rights.create_only && rights.write_only)
    }

    fn field(&mut self, field: &Field, live: Option<&Value>, mark: Mark, must: bool) -> Option<Wish> {
        if mark == Mark::Secret && matches!(field.ty, Type::Leaf(_)) {
            return self.secret(field, live);
        }
        let blank = same(field, live, None);
        if is_guarded(mark) && !self.manner.personal {
            self.out.guarded += usize::from(!blank);
            return None;
        }
        if unseen(field, live) {
            if self.whole && !field.access.create_only {
                self.instead(format!("{}: does not read back", field.name));
            }
            return None;
        }
        if blank && !must {
            return None;
        }
        let wish = match (&field.ty, live.filter(|value| !matches!(value, Value::Null))) {
            (Type::List(list), live) => {
                self.list(field, list, live.map(Value::items).unwrap_or_default(), mark)
            }
            (_, None) => return can_be_cleared(field).then_some(Wish::Clear),
            (Type::Leaf(leaf), Some(value)) => is_sayable(leaf, value).then(|| Wish::Leaf(value.clone())),
            (Type::Map(map), Some(Value::Map(entries))) => self.map(map, entries, mark),
            (Type::Object(shape), Some(Value::Object(object))) => {
                let words = self.words.len();
                self.words.push(words_of_field(&field.name));
                let fields = self.object(shape, object, mark, &[]);
                self.words.truncate(words);
                return (!fields.is_empty()).then_some(Wish::Object(fields));
            }
            _ => None,
        };
        if wish.is_none() {
            self.instead(format!("{}: left out, because no document can say its value", field.name));
        }
        wish
    }

    /// A secret is never said: only where it comes from, or that there is none.
    fn secret(&mut self, field: &Field, live: Option<&Value>) -> Option<Wish> {
        if live.is_some_and(|value| !value.is_blank()) {
            return Some(self.slot(words_of_field(&field.name)));
        }
        // a service that never shows secrets does not tell that there is none
        if !unseen(field, live) || !self.whole {
            return None;
        }
        if self.manner.shows_secrets && !field.access.write_only && can_be_cleared(field) {
            self.out.remarks.insert(self.here.clone(), Remark::Beside(READS_EMPTY.into()));
            return Some(Wish::Clear);
        }
        let name = self.variable(words_of_field(&field.name));
        let none = if can_be_cleared(field) { ", or write null if there is none" } else { "" };
        let why = format!("does not read back: name its source{none}");
        self.instead(format!("{}: {{ from_env: {name} }}  # {why}", field.name));
        None
    }

    fn slot(&mut self, word: String) -> Wish {
        let name = self.variable(word);
        self.out.variables.push(Variable { name: name.clone(), field: self.names.join(".") });
        Wish::Slot(Slot::Env(name))
    }

    fn variable(&mut self, word: String) -> String {
        let words: Vec<String> = self.words.iter().cloned().chain([word]).collect();
        self.variables.name(&words)
    }

    fn instead(&mut self, text: String) {
        self.out.remarks.insert(self.here.clone(), Remark::Instead(text));
    }

    fn map(&mut self, map: &MapType, entries: &[(Box<str>, Value)], mark: Mark) -> Option<Wish> {
        let mut said = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            let wish = match value {
                // an entry that is null asks for its removal
                Value::Null => return None,
                value if mark == Mark::Secret => (!value.is_blank()).then(|| self.slot(words_of(key)))?,
                value => is_sayable(&map.value, value).then(|| Wish::Leaf(value.clone()))?,
            };
            said.push((is_key(key).then(|| key.clone())?, wanted(wish)));
        }
        Some(Wish::Map(said))
    }

    fn list(&mut self, field: &Field, list: &ListType, items: &[Value], mark: Mark) -> Option<Wish> {
        match (&list.item, &list.told_apart) {
            (Item::Leaf(leaf), _) => {
                let item = |(at, value): (usize, &Value)| self.leaf_item(field, leaf, (at, value), mark);
                items.iter().enumerate().map(item).collect::<Option<_>>().map(Wish::List)
            }
            (Item::Object(shape), told_apart) => {
                let objects: Vec<&Object> = items.iter().map(Value::as_object).collect::<Option<_>>()?;
                let said = match told_apart {
                    ToldApart::Keys(keys) => self.keyed(shape, keys, &objects, mark)?,
                    ToldApart::Order | ToldApart::Set => self.items(shape, &objects, mark, &[]),
                };
                Some(Wish::List(said.into_iter().map(|fields| wanted(Wish::Object(fields))).collect()))
            }
        }
    }

    fn leaf_item(
        &mut self,
        field: &Field,
        leaf: &Leaf,
        (at, value): (usize, &Value),
        mark: Mark,
    ) -> Option<Wanted> {
        let wish = match value {
            value if mark == Mark::Secret => {
                let word = format!("{}_{}", words_of_field(&field.name), at + 1);
                (!value.is_blank()).then(|| self.slot(word))?
            }
            Value::Null if *leaf != Leaf::Any => return None,
            value => is_sayable(leaf, value).then(|| Wish::Leaf(value.clone()))?,
        };
        Some(wanted(wish))
    }

    /// Items told apart by the first key that does it; else by their row ids; else they can't be said.
    fn keyed(
        &mut self,
        shape: &Shape,
        keys: &[Vec<u16>],
        live: &[&Object],
        mark: Mark,
    ) -> Option<Vec<Vec<(u16, Wanted)>>> {
        let row_id = row_id(shape, keys);
        let is_open = |key: &&Vec<u16>| {
            let may = |number: &u16| self.may_say(mark.max(shape.field(*number).mark));
            key.iter().all(may) && row_id.is_none_or(|row_id| **key != [row_id.number])
        };
        let tells = |key: &&Vec<u16>| {
            let only = |object: &&Object| named(shape, key, object);
            let items: Option<Vec<_>> = live.iter().map(only).collect();
            items.is_some_and(|items| is_told_apart(shape, keys, &items, live))
        };
        let key = keys.iter().filter(is_open).find(tells);
        let before = (self.out.variables.len(), self.out.remarks.clone());
        let mut items = self.items(shape, live, mark, key.map(Vec::as_slice).unwrap_or_default());
        if key.is_some() && is_told_apart(shape, keys, &items, live) {
            return Some(items);
        }
        let row_id = row_id.filter(|row_id| self.may_say(mark.max(row_id.mark)));
        if let Some(row_id) = row_id {
            for (item, object) in items.iter_mut().zip(live) {
                let id = object.get(row_id.number).filter(|id| !id.is_zero()).cloned();
                item.retain(|(number, _)| *number != row_id.number);
                item.extend(id.map(|id| (row_id.number, wanted(Wish::Leaf(id)))));
                item.sort_by_key(|(number, _)| *number);
            }
            let all = items.iter().all(|item| item.iter().any(|(number, _)| *number == row_id.number));
            if all && is_told_apart(shape, keys, &items, live) {
                return Some(items);
            }
        }
        self.out.variables.truncate(before.0);
        self.out.remarks = before.1;
        None
    }

    fn may_say(&self, mark: Mark) -> bool {
        mark == Mark::Open || (is_guarded(mark) && self.manner.personal)
    }

    fn items(
        &mut self,
        shape: &Shape,
        live: &[&Object],
        mark: Mark,
        must: &[u16],
    ) -> Vec<Vec<(u16, Wanted)>> {
        let mut items = Vec::with_capacity(live.len());
        for (at, object) in (0u32..).zip(live) {
            let words = self.words.len();
            self.words.push(self.item_word(shape, object, must, at));
            self.here.push(at);
            items.push(self.object(shape, object, mark, must));
            self.here.pop();
            self.words.truncate(words);
        }
        items
    }

    /// What tells an item apart, as the words of a variable; never a marked value.
    fn item_word(&self, shape: &Shape, object: &Object, key: &[u16], at: u32) -> String {
        let word = |number: &u16| {
            let open = shape.field(*number).mark == Mark::Open;
            object.get(*number).filter(|_| open).and_then(Value::as_text).map(words_of)
        };
        let words: Vec<String> = key.iter().filter_map(word).filter(|word| !word.is_empty()).collect();
        if words.is_empty() { (at + 1).to_string() } else { words.join("_") }
    }
}

/// An item that says only its key; nothing when the key can't be said.
fn named(shape: &Shape, key: &[u16], object: &Object) -> Option<Vec<(u16, Wanted)>> {
    let mut fields: Vec<(u16, Wanted)> = Vec::with_capacity(key.len());
    for number in key {
        let field = shape.field(*number);
        let wish = match (object.get(*number), &field.ty) {
            (Some(Value::List(items)), _) => {
                Wish::List(items.iter().map(|item| wanted(Wish::Leaf(item.clone()))).collect())
            }
            (None | Some(Value::Null), Type::List(_)) => Wish::List(Vec::new()),
            (None | Some(Value::Null), _) => can_be_cleared(field).then_some(Wish::Clear)?,
            (Some(value), _) => Wish::Leaf(value.clone()),
        };
        fields.push((*number, wanted(wish)));
    }
    fields.sort_by_key(|(number, _)| *number);
    Some(fields)
}

/// Whether these items, with their secrets in place, find the live ones in their order.
fn is_told_apart(shape: &Shape, keys: &[Vec<u16>], items: &[Vec<(u16, Wanted)>], live: &[&Object]) -> bool {
    let says_key = |item: &Vec<(u16, Wanted)>| {
        let says = |number: &u16| item.iter().any(|(own, _)| own == number);
        keys.iter().any(|key| key.iter().all(says))
    };
    let filled: Vec<Vec<(u16, Wanted)>> = items
        .iter()
        .zip(live)
        .map(|(item, live)| {
            let item = fill(&wanted(Wish::Object(item.clone())), shape, live, What::Secrets);
            object_fields(&item).to_vec()
        })
        .collect();
    let filled: Vec<&[(u16, Wanted)]> = filled.iter().map(Vec::as_slice).collect();
    let identity = |pairs: Vec<Option<usize>>| pairs.iter().enumerate().all(|(at, pair)| *pair == Some(at));
    items.iter().all(says_key) && pair(shape, keys, &filled, live).is_ok_and(identity)
}

fn wanted(wish: Wish) -> Wanted {
    Wanted { span: Span::default(), wish }
}

/// Whether a document can hold a value: services hold longer texts and other choices than documents may.
pub fn is_sayable(leaf: &Leaf, value: &Value) -> bool {
    let reads = |token: Token| leaf.read(token).as_ref() == Ok(value);
    match value {
        Value::Null => *leaf == Leaf::Any,
        Value::Text(text) => text.len() <= MAX_TEXT && reads(Token::Text(text)),
        Value::Whole(number) => reads(Token::Bare(&number.to_string())),
        Value::Decimal(number) => reads(Token::Bare(&number.to_string())),
        Value::Number(number) => reads(Token::Bare(number)),
        Value::List(_) | Value::Map(_) => *leaf == Leaf::Any && is_bounded(value, MAX_DEPTH),
        Value::Flag(_) | Value::Guid(_) | Value::Date(_) | Value::Time(_) => true,
        Value::Object(_) | Value::Later(_) => false,
    }
}

fn is_bounded(value: &Value, depth: usize) -> bool {
    match value {
        _ if depth == 0 => false,
        Value::List(items) => items.iter().all(|item| is_bounded(item, depth - 1)),
        Value::Map(entries) => {
            let mut keys = BTreeSet::new();
            entries.iter().all(|(key, value)| is_key(key) && keys.insert(key) && is_bounded(value, depth - 1))
        }
        leaf => is_sayable(&Leaf::Any, leaf),
    }
}

fn is_key(key: &str) -> bool {
    key.chars().count() <= MAX_KEY
}

/// Whether an object holds a secret that can be read.
pub fn shows_secret(shape: &Shape, object: &Object, above: Mark) -> bool {
    object.fields().any(|(number, value)| {
        shape.fields.get(number as usize).is_some_and(|field| {
            let mark = above.max(field.mark);
            match (&field.ty, value) {
                (Type::Object(shape), Value::Object(inner)) => shows_secret(shape, inner, mark),
                (Type::List(ListType { item: Item::Object(shape), .. }), Value::List(items)) => {
                    items.iter().filter_map(Value::as_object).any(|inner| shows_secret(shape, inner, mark))
                }
                (_, value) => mark == Mark::Secret && !value.is_blank() && !unseen(field, Some(value)),
            }
        })
    })
}
