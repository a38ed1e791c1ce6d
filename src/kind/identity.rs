//! Which list item is which: the one place that answers it.
//!
//! Items of a `list_type: map` are matched by the kind's keys: the first that an item names in full finds
//! candidates, the others narrow them down by what the item names and the service shows. An item that names its
//! row id means that row. Two candidates left are an error, never a guess; of two items that find the same row,
//! the one that its further keys deny is a new one. Deliberately absent: what happens to an item.

use std::borrow::Cow;

use crate::kind::equality::is_equal;
use crate::kind::mask::is_unreadable;
use crate::kind::{ArrayType, Field, ItemType, ListType, Shape};
use crate::value::{ItemKeyField, Object, PathSegment, Value};

/// How the items of a list of objects are distinguished.
#[derive(Clone, Copy)]
pub struct ItemIdentity<'k> {
    pub shape: &'k Shape,
    keys: &'k [Vec<u16>],
}

/// An item, wanted or live: what it says of the fields of its key.
pub trait KeyedItem {
    /// The value of a field; `None` when the item does not name it.
    fn find_named_value(&self, number: u16) -> Option<Cow<'_, Value>>;
}

impl KeyedItem for Object {
    fn find_named_value(&self, number: u16) -> Option<Cow<'_, Value>> {
        self.get_field(number).map(Cow::Borrowed)
    }
}

impl ArrayType {
    /// How its items are distinguished; `None` for a list whose items have no keys.
    pub fn item_identity(&self) -> Option<ItemIdentity<'_>> {
        match (&self.item, &self.list_type) {
            (ItemType::Object(shape), ListType::Map(keys)) => Some(ItemIdentity { shape, keys }),
            _ => None,
        }
    }

    /// The segment of a path that leads to an item, with the key that tells it from those `among` which it stands.
    pub fn build_item_segment(&self, index: usize, item: &Value, among: &[Value]) -> PathSegment {
        let key = self.item_identity().map(|identity| identity.item_key(item, among)).unwrap_or_default();
        PathSegment::Item { index, key }
    }

    /// Whether no two items mean the same thing.
    pub fn has_distinct_items(&self, items: &[Value]) -> bool {
        let is_distinct = |is_same: &dyn Fn(&Value, &Value) -> bool| {
            items.iter().enumerate().all(|(at, item)| !items[..at].iter().any(|other| is_same(item, other)))
        };
        match (self.item_identity(), &self.list_type) {
            (Some(identity), _) => identity.keys.iter().any(|key| {
                is_distinct(&|a, b| match (a.as_object(), b.as_object()) {
                    (Some(a), Some(b)) => identity.is_equal_key(key, a, b),
                    _ => false,
                })
            }),
            (None, ListType::Set) => is_distinct(&Value::is_equivalent),
            (None, _) => true,
        }
    }

    /// Which of the free items is the same thing as this one, perhaps in another state; its place in `free`.
    pub fn find_partner(&self, index: usize, item: &Value, free: &[(usize, &Value)]) -> Option<usize> {
        match (self.item_identity().zip(item.as_object()), &self.list_type) {
            (_, ListType::Atomic) => free.iter().position(|(at, _)| *at == index),
            (Some((identity, object)), _) => identity.find_partner(object, free),
            (None, _) => free.iter().position(|(_, other)| item.is_equivalent(other)),
        }
    }
}

impl<'k> ItemIdentity<'k> {
    /// The keys, row ids included, in the order in which they are tried.
    pub fn keys(self) -> impl Iterator<Item = &'k [u16]> {
        self.keys.iter().map(Vec::as_slice)
    }

    /// The keys that a document can name for a new item.
    pub fn own_keys(self) -> impl Iterator<Item = &'k [u16]> {
        self.keys().filter(move |key| !self.is_row_id(key))
    }

    /// A key of one field that the service sets is a row id.
    fn is_row_id(self, key: &[u16]) -> bool {
        matches!(key, [number] if self.shape.get_field(*number).behavior.read_only)
    }

    /// The field that holds the row ids, where the items have one.
    pub fn row_id_field(self) -> Option<&'k Field> {
        let key = self.keys.iter().find(|key| self.is_row_id(key))?;
        key.first().map(|number| self.shape.get_field(*number))
    }

    /// The row id of a live item, once it has one.
    pub fn read_row_id(self, item: &Object) -> Option<&Value> {
        item.get_field(self.row_id_field()?.number).filter(|id| !id.is_zero())
    }

    /// Whether both items are the same row; two items of which one has no row id yet are not.
    pub fn is_same_row(self, a: &Value, b: &Value) -> bool {
        let read = |item: &'_ Value| item.as_object().and_then(|item| self.read_row_id(item).cloned());
        read(a).is_some_and(|own| read(b) == Some(own))
    }

    /// The only item with this row id.
    pub fn find_row(self, items: &[Value], id: &Value) -> Option<usize> {
        let field = self.row_id_field()?;
        find_single(items, |item| is_equal(field, item.get_field(field.number), Some(id)))
    }

    /// The only item that has these key values.
    pub fn find_item(self, items: &[Value], key: &[ItemKeyField]) -> Option<usize> {
        let has = |item: &Object, own: &ItemKeyField| {
            let field = self.shape.find_field(&own.name);
            field.is_some_and(|field| is_equal(field, item.get_field(field.number), Some(&own.value)))
        };
        find_single(items, |item| !key.is_empty() && key.iter().all(|own| has(item, own)))
    }

    /// Whether an item names all fields of one of the keys.
    pub fn has_full_key(self, item: &(impl KeyedItem + ?Sized)) -> bool {
        self.keys().any(|key| names_all(item, key))
    }

    /// Whether both items have the same values in a key.
    pub fn is_equal_key(self, key: &[u16], a: &Object, b: &Object) -> bool {
        key.iter()
            .all(|number| is_equal(self.shape.get_field(*number), a.get_field(*number), b.get_field(*number)))
    }

    /// The key that tells an item from those among which it stands: the first that does; row ids come last, because
    /// a new item has none yet.
    pub fn item_key(self, item: &Value, among: &[Value]) -> Vec<ItemKeyField> {
        let Some(object) = item.as_object() else { return Vec::new() };
        let others = || among.iter().filter(|other| !std::ptr::eq(*other, item)).filter_map(Value::as_object);
        let is_unique = |key: &&[u16]| {
            key.iter().any(|number| object.get_field(*number).is_some_and(|value| !value.is_blank()))
                && !others().any(|other| self.is_equal_key(key, object, other))
        };
        let read_field = |number: &u16| {
            let field = self.shape.get_field(*number);
            let value = object.get_field(*number).cloned().unwrap_or(Value::Null);
            ItemKeyField { name: field.name.clone(), value, sensitivity: field.sensitivity }
        };
        let keys = || self.own_keys().chain(self.keys().filter(|key| self.is_row_id(key)));
        let key = keys().find(is_unique).or_else(|| keys().next());
        key.map(|key| key.iter().map(read_field).collect()).unwrap_or_default()
    }

    /// By row id, else by the keys, the further ones deciding among those that the first finds.
    fn find_partner(self, item: &Object, free: &[(usize, &Value)]) -> Option<usize> {
        let others = || free.iter().enumerate().filter_map(|(at, (_, other))| Some((at, other.as_object()?)));
        if let Some(own) = self.read_row_id(item)
            && let Some((at, _)) = others().find(|(_, other)| self.read_row_id(other) == Some(own))
        {
            return Some(at);
        }
        let mut keys = self.own_keys();
        let first = keys.next()?;
        let mut found: Vec<_> = others().filter(|(_, other)| self.is_equal_key(first, item, other)).collect();
        for key in keys {
            let nearer = || found.iter().filter(|(_, other)| self.is_equal_key(key, item, other));
            if nearer().next().is_some() {
                found = nearer().copied().collect();
            }
        }
        found.first().map(|(at, _)| *at)
    }

    /// Pairs wanted items with live ones: for each the place of its live partner, `None` for a new one.
    ///
    /// # Errors
    /// Every item that cannot be paired.
    pub fn match_items<W: KeyedItem + ?Sized>(
        self,
        wanted: &[&W],
        live: &[&Object],
    ) -> Result<ItemMatches, Vec<UnmatchedItem>> {
        ItemMatcher { identity: self, wanted, live }.match_items()
    }
}

fn find_single(items: &[Value], is: impl Fn(&Object) -> bool) -> Option<usize> {
    let mut found = (0..).zip(items).filter(|(_, item)| item.as_object().is_some_and(&is));
    found.next().map(|(at, _)| at).filter(|_| found.next().is_none())
}

fn names_all(item: &(impl KeyedItem + ?Sized), key: &[u16]) -> bool {
    key.iter().all(|number| item.find_named_value(*number).is_some())
}

/// The live partner of each wanted item; `None` for a new one.
pub type ItemMatches = Vec<Option<usize>>;

/// Why an item cannot be paired: its number among the wanted ones, and what is wrong.
pub struct UnmatchedItem {
    pub item: usize,
    pub reason: UnmatchedReason,
}

/// What keeps an item from being paired.
#[derive(Debug, PartialEq, Eq)]
pub enum UnmatchedReason {
    /// Several live items match; naming one of these fields may help.
    Ambiguous(Vec<String>),
    /// Another wanted item, by its number, means the same live one.
    DuplicateMatch(usize),
    /// Another item, by its number, is to have the same keys: the next run could not tell the rows apart.
    DuplicateKey(usize),
    /// It names a row id that no live item has.
    UnknownId(String),
}

struct ItemMatcher<'m, W: ?Sized> {
    identity: ItemIdentity<'m>,
    wanted: &'m [&'m W],
    live: &'m [&'m Object],
}

impl<'m, W: KeyedItem + ?Sized> ItemMatcher<'m, W> {
    fn match_items(&self) -> Result<ItemMatches, Vec<UnmatchedItem>> {
        let (mut pairs, mut faults): (ItemMatches, Vec<UnmatchedItem>) = (Vec::new(), Vec::new());
        for (number, item) in self.wanted.iter().enumerate() {
            pairs.push(self.find_match(item).unwrap_or_else(|reason| {
                faults.push(UnmatchedItem { item: number, reason });
                None
            }));
        }
        for at in find_contested(&pairs, self.live.len()) {
            let rivals: Vec<usize> = (0..pairs.len()).filter(|number| pairs[*number] == Some(at)).collect();
            match self.resolve_contested(&rivals, self.live[at]) {
                Some(own) => {
                    rivals.iter().filter(|number| **number != own).for_each(|number| pairs[*number] = None);
                }
                None => faults.extend(rivals[1..].iter().map(|item| UnmatchedItem {
                    item: *item,
                    reason: UnmatchedReason::DuplicateMatch(rivals[0]),
                })),
            }
        }
        faults.sort_by_key(|fault| fault.item);
        if faults.is_empty() {
            faults = self.find_duplicate_keys(&pairs);
        }
        if faults.is_empty() { Ok(pairs) } else { Err(faults) }
    }

    fn find_match(&self, item: &W) -> Result<Option<usize>, UnmatchedReason> {
        if let Some(found) = self.match_by_row_id(item) {
            return found.map(Some);
        }
        let own: Vec<&[u16]> = self.identity.own_keys().collect();
        // the first key that the item names in full; without one, what it leaves out of the first counts as nothing
        let whole = own.iter().position(|key| names_all(item, key));
        let Some(first) = own.get(whole.unwrap_or(0)) else { return Ok(None) };
        let mut candidates: Vec<usize> =
            (0..self.live.len()).filter(|at| self.matches_key(first, item, self.live[*at], false)).collect();
        for key in &own {
            if candidates.len() > 1 {
                candidates.retain(|at| self.matches_key(key, item, self.live[*at], true));
            }
        }
        let shape = self.identity.shape;
        let hidden =
            |live: &&Object| first.iter().any(|n| is_unreadable(shape.get_field(*n), live.get_field(*n)));
        match candidates.as_slice() {
            [one] => Ok(Some(*one)),
            [] if !self.live.iter().any(hidden) => Ok(None),
            _ => Err(UnmatchedReason::Ambiguous(self.list_unnamed_fields(item))),
        }
    }

    /// An item that names its row id means that row.
    fn match_by_row_id(&self, item: &W) -> Option<Result<usize, UnmatchedReason>> {
        let row_id = self.identity.row_id_field()?;
        let wanted = item.find_named_value(row_id.number).filter(|value| !matches!(**value, Value::Null))?;
        let is_row = |live: &&Object| is_equal(row_id, live.get_field(row_id.number), Some(&wanted));
        let at = self.live.iter().position(is_row);
        Some(at.ok_or_else(|| UnmatchedReason::UnknownId(row_id.name.to_string())))
    }

    /// Which of several wanted items a live one is: the only one that it fits in everything that they name of their
    /// keys, where each of the others says otherwise. These were beside it and are gone, or are yet to come.
    fn resolve_contested(&self, rivals: &[usize], live: &Object) -> Option<usize> {
        let fits = |number: &&usize| {
            self.identity.own_keys().all(|key| self.matches_key(key, self.wanted[**number], live, true))
        };
        let fitting: Vec<&usize> = rivals.iter().filter(fits).collect();
        let [one] = fitting[..] else { return None };
        let differ = |other: usize, number: u16| {
            let named = |at: usize| self.wanted[at].find_named_value(number);
            let field = self.identity.shape.get_field(number);
            named(*one).zip(named(other)).is_some_and(|(a, b)| !is_equal(field, Some(&a), Some(&b)))
        };
        // so that the next run can tell them apart
        let is_distinguished =
            |other: usize| self.identity.own_keys().flatten().any(|number| differ(other, *number));
        let mut others = rivals.iter().copied().filter(|other| other != one);
        others.all(|other| !self.names_row(other) && is_distinguished(other)).then_some(*one)
    }

    fn names_row(&self, number: usize) -> bool {
        let row = self.identity.row_id_field();
        row.is_some_and(|row| self.wanted[number].find_named_value(row.number).is_some())
    }

    /// Items that are to have the same keys, unless row ids tell both. Only new rows, and those named by their id,
    /// can come to the key of another.
    fn find_duplicate_keys(&self, pairs: &ItemMatches) -> Vec<UnmatchedItem> {
        let numbers: Vec<u16> = self.identity.own_keys().flatten().copied().collect();
        if numbers.is_empty() {
            return Vec::new();
        }
        let read_key = |item: &'m W| numbers.iter().map(|number| item.find_named_value(*number)).collect();
        let keys: Vec<Vec<Option<Cow<Value>>>> = self.wanted.iter().map(|item| read_key(item)).collect();
        let by_id: Vec<bool> = (0..self.wanted.len()).map(|number| self.names_row(number)).collect();
        let moves = |at: usize| by_id[at] || pairs[at].is_none();
        let is_alike = |a: usize, b: usize| {
            let mut both = numbers.iter().zip(keys[a].iter().zip(&keys[b]));
            both.all(|(number, (a, b))| {
                is_equal(self.identity.shape.get_field(*number), a.as_deref(), b.as_deref())
            })
        };
        let find_twin = |number: usize| {
            let open = |other: &usize| (moves(number) || moves(*other)) && !(by_id[number] && by_id[*other]);
            let first = (0..number).find(|other| open(other) && is_alike(number, *other))?;
            Some(UnmatchedItem { item: number, reason: UnmatchedReason::DuplicateKey(first) })
        };
        (0..self.wanted.len()).filter_map(find_twin).collect()
    }

    /// Whether a live item has what a wanted one names of a key. `only_named`: what is not named, or cannot be
    /// seen, speaks neither for it nor against it.
    fn matches_key(&self, key: &[u16], item: &W, live: &Object, only_named: bool) -> bool {
        key.iter().map(|number| self.identity.shape.get_field(*number)).all(|field| {
            let (named, live) = (item.find_named_value(field.number), live.get_field(field.number));
            let silent = named.is_none() || is_unreadable(field, live);
            (only_named && silent) || is_equal(field, live, named.as_deref())
        })
    }

    fn list_unnamed_fields(&self, item: &W) -> Vec<String> {
        let mut names = Vec::new();
        for number in self.identity.keys().flatten() {
            let name = self.identity.shape.get_field(*number).name.to_string();
            if item.find_named_value(*number).is_none() && !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }
}

/// The live items that several wanted ones mean.
fn find_contested(pairs: &ItemMatches, live: usize) -> Vec<usize> {
    let mut claims = vec![0_u32; live];
    for at in pairs.iter().flatten() {
        claims[*at] += 1;
    }
    (0..live).filter(|at| claims[*at] > 1).collect()
}
