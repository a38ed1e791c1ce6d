//! What a document asks, as a tree of digests: what is kept of a document that was applied, and what two
//! versions of one are compared by.
//!
//! The tree follows the document, leaf by leaf, so the place of a change can be found in it again: items of
//! lists by their keys, keys that must not be seen by their digest. Everything that compares as the same has
//! the same digest. A digest is made under a key that stays with its owner, so it says nothing by itself.
//! Deliberately absent: what a difference between two trees means (`cause`).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Change;
use super::compare::means_nothing;
use super::digest::{self, Canon};
use crate::document::{Document, Slot, State, Wanted, Wish};
use crate::kind::{Compare, Field, Item, Kind, Leaf, ListType, Shape, ToldApart, Type};
use crate::value::{KeyLeaf, Mark, Segment, Value};

/// Before a digest that is of a source and not of its value, so that no live value can be held against it.
const OF_A_SOURCE: char = '?';

/// One node of what a document asks.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq)]
#[serde(untagged)]
pub enum Asked {
    /// The digest of a leaf; that of nothing for what is to be cleared.
    Leaf(String),
    /// The fields of an object or the entries of a map, by name.
    Fields(BTreeMap<String, Asked>),
    Items(Vec<Asked>),
}

/// What is found at the place of a change.
#[derive(Clone, Copy)]
pub enum Spot<'a> {
    /// The document says what is to be there.
    Said(&'a Asked),
    /// The document names the list or map, and nothing is to be there.
    Unlisted,
    /// The document says nothing about the place.
    Unnamed,
}

impl PartialEq for Spot<'_> {
    /// A list that is not named and one that does not list the item ask nothing of it alike.
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Said(a), Self::Said(b)) => a == b,
            (Self::Unlisted | Self::Unnamed, Self::Unlisted | Self::Unnamed) => true,
            _ => false,
        }
    }
}

impl Asked {
    /// What a document asks; `key` is what digests are made under. One that wants no object asks for no field.
    pub fn of(document: &Document, key: &[u8]) -> Self {
        let mut tree = Tree { maker: Maker { key }, open: Vec::new(), root: None };
        tell(document, &mut tree);
        tree.root.unwrap_or_else(|| tree.maker.nothing())
    }

    /// This with what another one asks beyond it or instead; lists count as wholes.
    #[must_use]
    pub fn over(self, by: Self) -> Self {
        match (self, by) {
            (Self::Fields(mut own), Self::Fields(by)) => {
                for (name, asked) in by {
                    let asked = match own.remove(&name) {
                        Some(before) => before.over(asked),
                        None => asked,
                    };
                    own.insert(name, asked);
                }
                Self::Fields(own)
            }
            (_, by) => by,
        }
    }

    /// Whether it asks that there be an object.
    pub fn is_present(&self) -> bool {
        matches!(self, Self::Fields(_))
    }

    /// What it asks at the place of a change.
    pub fn at<'a>(&'a self, kind: &Kind, change: &Change, key: &[u8]) -> Spot<'a> {
        let maker = Maker { key };
        let (mut node, mut shape, mut list) = (self, Some(&*kind.shape), None);
        let mut mark = Mark::Open;
        for segment in &change.path.0 {
            let next = match (segment, node) {
                (Segment::Field(name), Self::Fields(fields)) => {
                    let field = shape.and_then(|shape| shape.named(name));
                    shape = field.and_then(|field| field.ty.inner()).map(|shape| &**shape);
                    mark = mark.max(field.map_or(Mark::Open, |field| field.mark));
                    list = field.and_then(|field| match &field.ty {
                        Type::List(list) => Some(list),
                        _ => None,
                    });
                    match fields.get(&**name) {
                        Some(next) => next,
                        None => return Spot::Unnamed,
                    }
                }
                (Segment::Key(name, _), Self::Fields(entries)) => {
                    match entries.get(&maker.entry(name, mark)) {
                        Some(next) => next,
                        None => return Spot::Unlisted,
                    }
                }
                (Segment::Item { index, key }, Self::Items(items)) => {
                    match maker.item(items, (list, shape), (*index, key), change) {
                        Some(next) => next,
                        None => return Spot::Unlisted,
                    }
                }
                // what is above is to be cleared as a whole
                (_, Self::Leaf(_)) => return Spot::Said(node),
                _ => return Spot::Unnamed,
            };
            node = next;
        }
        Spot::Said(node)
    }
}

impl Spot<'_> {
    /// Whether a live value at the place of a change is what was asked; nothing where nobody can tell.
    pub fn is(&self, kind: &Kind, change: &Change, key: &[u8]) -> Option<bool> {
        match self {
            Self::Said(asked) => Maker { key }.says(asked, whose(kind, change), change.before.as_ref()),
            Self::Unlisted => Some(change.before.is_none()),
            Self::Unnamed => None,
        }
    }
}

/// What the value at the end of a path is.
enum Whose<'k> {
    Field(&'k Field),
    Item(&'k Item),
    Entry,
}

fn whose<'k>(kind: &'k Kind, change: &Change) -> Whose<'k> {
    let (mut shape, mut found) = (Some(&*kind.shape), Whose::Entry);
    for segment in &change.path.0 {
        found = match (segment, found) {
            (Segment::Field(name), _) => match shape.and_then(|shape| shape.named(name)) {
                Some(field) => {
                    shape = field.ty.inner().map(|shape| &**shape);
                    Whose::Field(field)
                }
                None => Whose::Entry,
            },
            (Segment::Item { .. }, Whose::Field(Field { ty: Type::List(list), .. })) => {
                Whose::Item(&list.item)
            }
            _ => Whose::Entry,
        };
    }
    found
}

struct Maker<'k> {
    key: &'k [u8],
}

impl Maker<'_> {
    fn nothing(&self) -> Asked {
        Asked::Leaf(self.digest(None, None))
    }

    fn digest(&self, field: Option<&Field>, value: Option<&Value>) -> String {
        let (value, compare) = said(field, value);
        digest::value(value, compare, self.key)
    }

    /// The name of a map's entry; what must not be seen of it is not in it.
    fn entry(&self, name: &str, mark: Mark) -> String {
        match mark {
            Mark::Open => name.to_owned(),
            _ => self.digest(None, Some(&Value::text(name))),
        }
    }

    /// The item of a list that a path means.
    fn item<'a>(
        &self,
        items: &'a [Asked],
        (list, shape): (Option<&ListType>, Option<&Shape>),
        (index, key): (usize, &[KeyLeaf]),
        change: &Change,
    ) -> Option<&'a Asked> {
        if !key.is_empty() {
            return items.iter().find(|item| self.has_key(item, shape, key));
        }
        if list.is_some_and(|list| matches!(list.told_apart, ToldApart::Set)) {
            let value = change.after.as_ref().or(change.before.as_ref());
            let own = Asked::Leaf(self.digest(None, value));
            return items.iter().find(|item| **item == own);
        }
        items.get(index)
    }

    /// Whether an item names this key. What it does not name speaks neither for it nor against it.
    fn has_key(&self, item: &Asked, shape: Option<&Shape>, key: &[KeyLeaf]) -> bool {
        let Asked::Fields(fields) = item else { return false };
        let mut named = 0;
        for leaf in key {
            let field = shape.and_then(|shape| shape.named(&leaf.name));
            let (Some(own), Some(field)) = (fields.get(&*leaf.name), field) else { continue };
            if self.says(own, Whose::Field(field), Some(&leaf.value)) == Some(false) {
                return false;
            }
            named += 1;
        }
        named > 0
    }

    /// Whether a value is what was asked; of an object only what was named counts.
    fn says(&self, asked: &Asked, whose: Whose, value: Option<&Value>) -> Option<bool> {
        match (asked, whose) {
            (Asked::Leaf(own), _) if own.starts_with(OF_A_SOURCE) => None,
            (Asked::Leaf(own), Whose::Field(field)) => Some(*own == self.digest(Some(field), value)),
            (Asked::Leaf(own), _) => Some(*own == self.digest(None, value)),
            (Asked::Fields(fields), whose) => match (whose, value) {
                (Whose::Field(Field { ty: Type::Object(shape), .. }), Some(Value::Object(object))) => {
                    self.all_said(shape, fields, object)
                }
                (Whose::Item(Item::Object(shape)), Some(Value::Object(object))) => {
                    self.all_said(shape, fields, object)
                }
                (_, None | Some(Value::Null)) => Some(fields.is_empty()),
                _ => None,
            },
            (Asked::Items(items), whose) => match (whose, value) {
                (_, None | Some(Value::Null)) => Some(items.is_empty()),
                (Whose::Field(Field { ty: Type::List(list), .. }), Some(Value::List(values))) => {
                    self.all_there(list, items, values)
                }
                _ => None,
            },
        }
    }

    /// Whether a list holds what was asked and nothing else, in any order.
    fn all_there(&self, list: &ListType, items: &[Asked], values: &[Value]) -> Option<bool> {
        if items.len() != values.len() {
            return Some(false);
        }
        let mut free: Vec<&Value> = values.iter().collect();
        for item in items {
            let is = |value: &&Value| self.says(item, Whose::Item(&list.item), Some(value)) != Some(false);
            match free.iter().position(is) {
                Some(at) => drop(free.swap_remove(at)),
                None => return Some(false),
            }
        }
        Some(true)
    }

    fn all_said(
        &self,
        shape: &Shape,
        fields: &BTreeMap<String, Asked>,
        object: &crate::value::Object,
    ) -> Option<bool> {
        let mut all = Some(true);
        for (name, asked) in fields {
            let field = shape.named(name)?;
            match self.says(asked, Whose::Field(field), object.get(field.number)) {
                Some(true) => {}
                Some(false) => return Some(false),
                None => all = None,
            }
        }
        all
    }
}

/// Makes one digest of all that a document asks: where it is the same, [`Asked`] is too. It costs a tenth.
pub struct Whole<'k> {
    key: &'k [u8],
    all: Canon,
}

impl<'k> Whole<'k> {
    /// Under this key.
    pub fn new(key: &'k [u8]) -> Self {
        Self { key, all: Canon::new(true) }
    }

    /// Of a document.
    pub fn of(&mut self, document: &Document) -> String {
        self.all.clear();
        tell(document, &mut self.all);
        self.all.digest(Some(self.key), 16)
    }
}

/// Who hears what a document asks, node by node.
trait Ear {
    /// An object or a map begins.
    fn fields(&mut self);
    /// A list begins.
    fn items(&mut self);
    /// The name of the next node; with the mark of what must not be seen of it.
    fn name(&mut self, name: &str, mark: Mark);
    fn leaf(&mut self, value: &Value, compare: Compare);
    fn source(&mut self, text: &str);
    /// What began last ends.
    fn end(&mut self);
}

fn tell(document: &Document, ear: &mut impl Ear) {
    match (document.state, &document.spec.wish) {
        (State::Present, Wish::Object(fields)) => {
            tell_object(&document.kind.shape, fields, Mark::Open, ear);
        }
        _ => ear.leaf(&Value::Null, Compare::Exact),
    }
}

fn tell_object(shape: &Shape, fields: &[(u16, Wanted)], above: Mark, ear: &mut impl Ear) {
    ear.fields();
    for (number, wanted) in fields {
        let field = shape.field(*number);
        ear.name(&field.name, Mark::Open);
        tell_field(field, wanted, above.max(field.mark), ear);
    }
    ear.end();
}

/// `mark` is the strictest one on the way to the field.
fn tell_field(field: &Field, wanted: &Wanted, mark: Mark, ear: &mut impl Ear) {
    match (&field.ty, &wanted.wish) {
        (Type::Object(shape), Wish::Object(fields)) => tell_object(shape, fields, mark, ear),
        (Type::Map(_), Wish::Map(entries)) => {
            ear.fields();
            for (name, wanted) in entries {
                ear.name(name, mark);
                tell_leaf(None, wanted, ear);
            }
            ear.end();
        }
        (Type::List(list), Wish::List(items)) => {
            ear.items();
            items.iter().for_each(|item| tell_item(list, item, mark, ear));
            ear.end();
        }
        (Type::List(_), Wish::Clear) => {
            ear.items();
            ear.end();
        }
        (Type::Map(_), Wish::Clear) => {
            ear.fields();
            ear.end();
        }
        _ => tell_leaf(Some(field), wanted, ear),
    }
}

fn tell_item(list: &ListType, wanted: &Wanted, mark: Mark, ear: &mut impl Ear) {
    match (&list.item, &wanted.wish) {
        (Item::Object(shape), Wish::Object(fields)) => tell_object(shape, fields, mark, ear),
        _ => tell_leaf(None, wanted, ear),
    }
}

fn tell_leaf(field: Option<&Field>, wanted: &Wanted, ear: &mut impl Ear) {
    match &wanted.wish {
        Wish::Leaf(value) => {
            let (value, compare) = said(field, Some(value));
            ear.leaf(value, compare);
        }
        Wish::Slot(slot) => ear.source(&told(slot)),
        Wish::Reference(reference) => {
            ear.source(&format!("{}\n{}", reference.by.as_deref().unwrap_or_default(), reference.name));
        }
        _ => ear.leaf(&Value::Null, Compare::Exact),
    }
}

/// What a value says, and how it compares. What says no more than its absence says nothing.
fn said<'v>(field: Option<&Field>, value: Option<&'v Value>) -> (&'v Value, Compare) {
    let value = value.filter(|value| !value.is_blank());
    let value = value.filter(|value| !field.is_some_and(|field| means_nothing(field, value)));
    (value.unwrap_or(&Value::Null), field.map_or(Compare::Exact, |field| field.compare))
}

impl Ear for Canon {
    fn fields(&mut self) {
        self.put(b'{', b"");
    }

    fn items(&mut self) {
        self.put(b'[', b"");
    }

    fn name(&mut self, name: &str, mark: Mark) {
        self.put(if mark == Mark::Open { b'n' } else { b'N' }, name.as_bytes());
    }

    fn leaf(&mut self, value: &Value, compare: Compare) {
        // a leaf may be a list, which is told from so many leaves
        self.put(b'v', b"");
        Canon::leaf(self, value, compare, Mark::Open);
    }

    fn source(&mut self, text: &str) {
        self.put(b's', text.as_bytes());
    }

    fn end(&mut self) {
        self.put(b'.', b"");
    }
}

/// A tree under way: what has begun and not ended, each with its name in what it is part of.
struct Tree<'k> {
    maker: Maker<'k>,
    open: Vec<Open>,
    root: Option<Asked>,
}

enum Open {
    /// With the name of the next node.
    Fields(BTreeMap<String, Asked>, String),
    Items(Vec<Asked>),
}

impl Tree<'_> {
    fn put(&mut self, asked: Asked) {
        match self.open.last_mut() {
            Some(Open::Fields(fields, name)) => drop(fields.insert(std::mem::take(name), asked)),
            Some(Open::Items(items)) => items.push(asked),
            None => self.root = Some(asked),
        }
    }
}

impl Ear for Tree<'_> {
    fn fields(&mut self) {
        self.open.push(Open::Fields(BTreeMap::new(), String::new()));
    }

    fn items(&mut self) {
        self.open.push(Open::Items(Vec::new()));
    }

    fn name(&mut self, name: &str, mark: Mark) {
        if let Some(Open::Fields(_, next)) = self.open.last_mut() {
            *next = self.maker.entry(name, mark);
        }
    }

    fn leaf(&mut self, value: &Value, compare: Compare) {
        self.put(Asked::Leaf(digest::value(value, compare, self.maker.key)));
    }

    fn source(&mut self, text: &str) {
        let digest = digest::value(&Value::text(text), Compare::Exact, self.maker.key);
        self.put(Asked::Leaf(format!("{OF_A_SOURCE}{digest}")));
    }

    fn end(&mut self) {
        match self.open.pop() {
            Some(Open::Fields(fields, _)) => self.put(Asked::Fields(fields)),
            Some(Open::Items(items)) => self.put(Asked::Items(items)),
            None => {}
        }
    }
}

/// A source, told from every other one.
fn told(slot: &Slot) -> String {
    match slot {
        Slot::Env(name) => format!("env\n{name}"),
        Slot::File(path) => format!("file\n{path}"),
        Slot::Command(words) => format!("command\n{}", words.join("\n")),
    }
}

/// The key leaves of a live item that a reader may see stand in the name of its place; the others as a digest.
pub fn place(change: &Change, kind: &Kind, key: &[u8]) -> String {
    let maker = Maker { key };
    let text = |value: &Value| Leaf::url_text(value, &kind.api);
    let mut place = String::new();
    for segment in &change.path.0 {
        place.push('/');
        match segment {
            Segment::Field(name) => place.push_str(name),
            Segment::Key(name, mark) => place.push_str(&maker.entry(name, change.mark.max(*mark))),
            Segment::Item { index, key } if key.is_empty() => place.push_str(&index.to_string()),
            Segment::Item { key, .. } => {
                let leaves = key.iter().map(|leaf| match leaf.mark.max(change.mark) {
                    Mark::Open => text(&leaf.value),
                    _ => maker.digest(None, Some(&leaf.value)),
                });
                place.push_str(&leaves.collect::<Vec<_>>().join(","));
            }
        }
    }
    place
}
