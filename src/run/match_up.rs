//! Which live object belongs to which document: by id, else by natural key.
//!
//! Objects come one by one as pages arrive; what no document needs is dropped at once, so a large collection
//! of which few objects are managed costs no memory.

use std::collections::HashMap;

use crate::document::{Document, Wanted, Wish};
use crate::kind::{Compare, Kind, Leaf, Type};
use crate::remote::wire::Live;
use crate::value::{Object, Value};

/// What was found for one document.
#[derive(Default)]
pub enum Found {
    #[default]
    Nothing,
    One(Box<Live>),
    /// The ids of all that match.
    Several(Vec<Value>),
}

/// Documents of one kind, target and scope, waiting for their objects.
pub struct Matching<'d> {
    kind: &'d Kind,
    by_id: HashMap<String, Vec<usize>>,
    by_key: HashMap<String, Vec<usize>>,
    found: Vec<Found>,
    /// Which were found by their id.
    sure: Vec<bool>,
    open: usize,
}

impl<'d> Matching<'d> {
    /// Waits for the objects of these documents; `ids` are those known from elsewhere than the document.
    pub fn new(kind: &'d Kind, documents: &[&Document], ids: &[Option<Value>]) -> Self {
        let (mut by_id, mut by_key): (HashMap<_, Vec<_>>, HashMap<_, Vec<_>>) = Default::default();
        for (number, document) in documents.iter().enumerate() {
            let known = ids.get(number).and_then(Option::as_ref);
            if let Some(id) = document.id.as_ref().or(known) {
                by_id.entry(Leaf::url_text(id, &kind.api)).or_default().push(number);
            }
            // an id that only we remember may be stale, so the natural key counts beside it
            if document.id.is_none()
                && let Some(key) = wanted_key(kind, document)
            {
                by_key.entry(key).or_default().push(number);
            }
        }
        let found = documents.iter().map(|_| Found::Nothing).collect();
        Self { kind, by_id, by_key, found, sure: vec![false; documents.len()], open: documents.len() }
    }

    /// Takes one live object, or gives it back when no document needs it.
    pub fn offer(&mut self, mut live: Live) -> Option<Live> {
        let id = live.object.get(self.kind.identity.id).map(|id| Leaf::url_text(id, &self.kind.api));
        let by_id = id.and_then(|id| self.by_id.get(&id)).cloned().unwrap_or_default();
        let by_key = match self.by_key.is_empty() {
            true => Vec::new(),
            false => live_key(self.kind, &live.object)
                .and_then(|key| self.by_key.get(&key))
                .cloned()
                .unwrap_or_default(),
        };
        if by_id.is_empty() && by_key.is_empty() {
            return Some(live);
        }
        live.object.shrink();
        let by_key = by_key.iter().filter(|taker| !by_id.contains(taker)).map(|taker| (*taker, false));
        let mut takers: Vec<(usize, bool)> = by_key.chain(by_id.iter().map(|taker| (*taker, true))).collect();
        let last = takers.pop();
        for (taker, sure) in takers {
            self.hand(taker, live.clone(), sure);
        }
        if let Some((taker, sure)) = last {
            self.hand(taker, live, sure);
        }
        None
    }

    /// An object found by its id is the one, whatever else has the natural key.
    fn hand(&mut self, taker: usize, live: Live, sure: bool) {
        let number = self.kind.identity.id;
        let id = |live: &Live| live.object.get(number).cloned().unwrap_or(Value::Null);
        if self.sure[taker] && !sure {
            return;
        }
        let found = std::mem::take(&mut self.found[taker]);
        self.found[taker] = match found {
            Found::Nothing => {
                self.open -= 1;
                Found::One(Box::new(live))
            }
            _ if sure => Found::One(Box::new(live)),
            // pages may overlap while a collection grows: the same object twice is one object
            Found::One(first) if id(&first) == id(&live) => Found::One(Box::new(live)),
            Found::One(first) => Found::Several(vec![id(&first), id(&live)]),
            Found::Several(mut ids) => {
                let id = id(&live);
                if !ids.contains(&id) {
                    ids.push(id);
                }
                Found::Several(ids)
            }
        };
        self.sure[taker] |= sure;
    }

    /// How many documents have no object yet.
    pub fn open(&self) -> usize {
        self.open
    }

    /// The documents, by number, that have no object yet.
    pub fn unmatched(&self) -> impl Iterator<Item = usize> + '_ {
        self.found.iter().enumerate().filter(|(_, found)| matches!(found, Found::Nothing)).map(|(at, _)| at)
    }

    /// What was found, in the order of the documents.
    pub fn into_found(self) -> Vec<Found> {
        self.found
    }
}

/// The natural key that a document names; `None` when it does not name all of it.
pub fn wanted_key(kind: &Kind, document: &Document) -> Option<String> {
    key_text(kind, |path| wanted_leaf(&document.spec, path))
}

/// The natural key of a live object.
pub fn live_key(kind: &Kind, object: &Object) -> Option<String> {
    key_text(kind, |path| live_leaf(object, path))
}

/// The value that a document wants at a path of field numbers.
pub fn wanted_leaf<'w>(wanted: &'w Wanted, path: &[u16]) -> Option<&'w Value> {
    let leaf = path.iter().try_fold(wanted, |node, number| match &node.wish {
        Wish::Object(fields) => fields.iter().find(|(own, _)| own == number).map(|(_, inner)| inner),
        _ => None,
    })?;
    match &leaf.wish {
        Wish::Leaf(value) => Some(value),
        _ => None,
    }
}

/// The value that an object has at a path of field numbers.
pub fn live_leaf<'o>(object: &'o Object, path: &[u16]) -> Option<&'o Value> {
    let (last, inner) = path.split_last()?;
    inner.iter().try_fold(object, |object, number| object.get(*number)?.as_object())?.get(*last)
}

fn key_text<'v>(kind: &Kind, leaf: impl Fn(&[u16]) -> Option<&'v Value>) -> Option<String> {
    if kind.identity.natural_key.is_empty() {
        return None;
    }
    let mut key = String::new();
    for path in &kind.identity.natural_key {
        let value = leaf(path).filter(|value| !value.is_blank())?;
        let text = Leaf::url_text(value, &kind.api);
        let compare = key_field(kind, path).map_or(Compare::Exact, |field| field.compare);
        key.push_str(&if compare == Compare::Exact { text } else { text.trim().to_lowercase() });
        key.push('\u{1f}');
    }
    Some(key)
}

/// The field at the end of a path of field numbers.
pub fn key_field<'k>(kind: &'k Kind, path: &[u16]) -> Option<&'k crate::kind::Field> {
    let (last, inner) = path.split_last()?;
    let shape = inner.iter().try_fold(&kind.shape, |shape, number| {
        match &shape.fields.get(*number as usize)?.ty {
            Type::Object(inner) => Some(inner),
            _ => None,
        }
    })?;
    shape.fields.get(*last as usize)
}
