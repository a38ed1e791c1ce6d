//! What is to be wanted of an object so that leaves that a run wrote become what they were before.
//!
//! Only leaves count that still hold what the run wrote; every other one stays as it is, and why is said. What
//! comes out is an ordinary wish that names these leaves and nothing else; of a list that is written as a whole
//! it names every item as it is by now. So what follows is an ordinary plan.
//! Deliberately absent: where records of a run are, and objects that came or went as a whole.

use std::collections::BTreeMap;

use crate::diagnostic::Span;
use crate::document::{Wanted, Wish};
use crate::kind::{Clear, Field, Item, Kind, ListType, MapType, Shape, ToldApart, Type};
use crate::plan::compare::{is_row_id, row_id, same, unseen};
use crate::value::{KeyLeaf, Object, Path, Segment, Value};

/// A leaf that a run wrote; or an item or entry that came or went as a whole.
pub struct Written {
    pub path: Path,
    /// The ids of the rows on the path, by the number of the segment.
    pub rows: Vec<(usize, Value)>,
    /// Where it stands, for people.
    pub label: String,
    pub before: Option<Value>,
    pub after: Option<Value>,
}

/// Why a leaf stays as it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stays {
    /// It is already what it was before.
    Back,
    /// It holds something else by now, or what it stands in is not there any more.
    Moved,
    /// The service does not show what it holds.
    Unseen,
    /// The service takes nothing away from this list.
    NoRemoval,
    /// It cannot be written any more.
    Fixed,
}

/// What undoing comes to, for one object.
pub struct Back {
    /// What is to be wanted of the object.
    pub spec: Wanted,
    /// The root fields that it touches.
    pub touched: Vec<u16>,
    /// Leaves that stay, by their number.
    pub stays: Vec<(usize, Stays)>,
}

/// What is to be wanted so that these leaves are undone.
pub fn back(kind: &Kind, live: &Object, leaves: &[Written]) -> Back {
    let mut undoing = Undoing { stays: Vec::new(), undone: 0 };
    let ways: Vec<Way> = (0..).zip(leaves).map(|(number, leaf)| Way { number, leaf, at: 0 }).collect();
    let fields = undoing.object(&kind.shape, Some(live), &ways);
    undoing.stays.sort_by_key(|(number, _)| *number);
    let touched = fields.iter().map(|(number, _)| *number).collect();
    Back { spec: wanted(Wish::Object(fields)), touched, stays: undoing.stays }
}

/// What is to be wanted of a new object so that it is as the one that is gone; nothing when a leaf has no place
/// in the kind.
pub fn again(kind: &Kind, leaves: &[Written]) -> Option<Wanted> {
    let mut fields: BTreeMap<u16, Vec<Wanted>> = BTreeMap::new();
    let mut lists = BTreeMap::new();
    for leaf in leaves {
        let Some(Segment::Field(name)) = leaf.path.0.first() else { return None };
        let field = kind.shape.named(name)?;
        let value = leaf.before.as_ref()?;
        match (&field.ty, leaf.path.0.len()) {
            (Type::List(list), 2) => {
                lists.entry(field.number).or_insert_with(Vec::new).push(wanted(item_wish(&list.item, value)));
            }
            (ty, 1) => fields.entry(field.number).or_default().push(wanted(wish(ty, Some(value)))),
            _ => return None,
        }
    }
    let lists = lists.into_iter().map(|(number, items)| (number, wanted(Wish::List(items))));
    let mut all: Vec<(u16, Wanted)> =
        fields.into_iter().filter_map(|(number, mut own)| Some((number, own.pop()?))).chain(lists).collect();
    all.sort_by_key(|(number, _)| *number);
    Some(wanted(Wish::Object(all)))
}

/// Whether a leaf of a new object can be asked for; what the service sets comes by itself.
pub fn is_asked(kind: &Kind, path: &Path) -> bool {
    let field = path.top().and_then(|name| kind.shape.named(name));
    field.is_none_or(|field| !is_given(field))
}

/// Whether a field is not for documents to set.
pub fn is_given(field: &Field) -> bool {
    field.access.computed || field.copy_of.is_some() || field.never_sent
}

/// The way to a leaf from where it is looked at.
#[derive(Clone, Copy)]
struct Way<'w> {
    number: usize,
    leaf: &'w Written,
    /// How many segments are behind.
    at: usize,
}

impl<'w> Way<'w> {
    fn segment(&self) -> Option<&'w Segment> {
        self.leaf.path.0.get(self.at)
    }

    fn next(self) -> Self {
        Self { at: self.at + 1, ..self }
    }

    fn ends(&self) -> bool {
        self.at >= self.leaf.path.0.len()
    }

    /// The item that is meant by the segment at hand; nothing when none is, or several are.
    fn item(&self, shape: &Shape, keys: &[Vec<u16>], items: &[Value]) -> Option<usize> {
        let is = |of: &dyn Fn(&Object) -> bool| {
            let mut found = (0..).zip(items).filter(|(_, item)| item.as_object().is_some_and(of));
            found.next().map(|(at, _)| at).filter(|_| found.next().is_none())
        };
        let row = self.leaf.rows.iter().find(|(at, _)| *at == self.at).map(|(_, id)| id);
        if let (Some(id), Some(field)) = (row, row_id(shape, keys)) {
            return is(&|item| same(field, item.get(field.number), Some(id)));
        }
        let Some(Segment::Item { key, .. }) = self.segment() else { return None };
        is(&|item| !key.is_empty() && key.iter().all(|leaf| has(shape, item, leaf)))
    }
}

fn has(shape: &Shape, item: &Object, leaf: &KeyLeaf) -> bool {
    let field = shape.named(&leaf.name);
    field.is_some_and(|field| same(field, item.get(field.number), Some(&leaf.value)))
}

struct Undoing {
    stays: Vec<(usize, Stays)>,
    undone: usize,
}

impl Undoing {
    fn stay(&mut self, way: &Way, why: Stays) {
        self.stays.push((way.number, why));
    }

    fn all_stay(&mut self, ways: &[Way], why: Stays) {
        ways.iter().for_each(|way| self.stay(way, why));
    }

    /// Whether a leaf still holds what was written; notes why not.
    fn holds(&mut self, way: &Way, is: &dyn Fn(Option<&Value>) -> bool) -> bool {
        let holds = is(way.leaf.after.as_ref());
        if holds {
            self.undone += 1;
        } else {
            let back = is(way.leaf.before.as_ref());
            self.stay(way, if back { Stays::Back } else { Stays::Moved });
        }
        holds
    }

    fn object(&mut self, shape: &Shape, live: Option<&Object>, ways: &[Way]) -> Vec<(u16, Wanted)> {
        let mut fields: BTreeMap<u16, Vec<Way>> = BTreeMap::new();
        for way in ways {
            match way.segment() {
                Some(Segment::Field(name)) if shape.named(name).is_some() => {
                    let number = shape.named(name).map_or(0, |field| field.number);
                    fields.entry(number).or_default().push(way.next());
                }
                _ => self.stay(way, Stays::Moved),
            }
        }
        let wish = |(number, ways): (u16, Vec<Way>)| {
            let now = live.and_then(|live| live.get(number));
            Some((number, wanted(self.field(shape.field(number), now, &ways)?)))
        };
        fields.into_iter().filter_map(wish).collect()
    }

    /// What is to be wanted of a field; nothing when nothing of it is undone.
    fn field(&mut self, field: &Field, now: Option<&Value>, ways: &[Way]) -> Option<Wish> {
        if let Some(way) = ways.iter().find(|way| way.ends()) {
            return self.whole(field, now, way);
        }
        let undone = self.undone;
        let wish = match &field.ty {
            Type::Object(shape) => Wish::Object(self.object(shape, now.and_then(Value::as_object), ways)),
            Type::Map(map) => self.map(map, now, ways),
            Type::List(list) => self.list(list, now.map(Value::items).unwrap_or_default(), ways),
            Type::Leaf(_) => {
                self.all_stay(ways, Stays::Moved);
                return None;
            }
        };
        (self.undone > undone).then_some(wish)
    }

    fn whole(&mut self, field: &Field, now: Option<&Value>, way: &Way) -> Option<Wish> {
        let clears = matches!(way.leaf.before, None | Some(Value::Null));
        if field.access.create_only || is_given(field) || (clears && field.clear == Clear::Never) {
            self.stay(way, Stays::Fixed);
            return None;
        }
        if unseen(field, now) {
            self.stay(way, Stays::Unseen);
            return None;
        }
        let is = |value: Option<&Value>| same(field, now, value);
        self.holds(way, &is).then(|| wish(&field.ty, way.leaf.before.as_ref()))
    }

    fn map(&mut self, map: &MapType, now: Option<&Value>, ways: &[Way]) -> Wish {
        let now: &[(Box<str>, Value)] = match now {
            Some(Value::Map(entries)) => entries,
            _ => &[],
        };
        let said = |value: &Value| !matches!(value, Value::Null);
        let mut touched: Vec<(Box<str>, Option<Value>)> = Vec::new();
        for way in ways {
            let Some(Segment::Key(key, _)) = way.segment() else {
                self.stay(way, Stays::Moved);
                continue;
            };
            let value =
                now.iter().find(|(own, _)| own == key).map(|(_, value)| value).filter(|own| said(own));
            let is = |other: Option<&Value>| match (value, other.filter(|own| said(own))) {
                (Some(a), Some(b)) => a.same(b),
                (a, b) => a.is_none() && b.is_none(),
            };
            if self.holds(way, &is) {
                touched.push((key.clone(), way.leaf.before.clone().filter(said)));
            }
        }
        let is_touched = |key: &str| touched.iter().any(|(own, _)| **own == *key);
        let rest = now.iter().filter(|(key, value)| map.complete && said(value) && !is_touched(key)).cloned();
        let own = touched.iter().filter_map(|(key, value)| match value {
            Some(value) => Some((key.clone(), value.clone())),
            None => (!map.complete).then(|| (key.clone(), Value::Null)),
        });
        Wish::Map(rest.chain(own).map(|(key, value)| (key, wanted(Wish::Leaf(value)))).collect())
    }

    fn list(&mut self, list: &ListType, items: &[Value], ways: &[Way]) -> Wish {
        Wish::List(match (&list.item, &list.told_apart) {
            (Item::Object(shape), ToldApart::Keys(keys)) => self.keyed(list, (shape, keys), items, ways),
            (_, ToldApart::Order) => self.ordered(list, items, ways),
            _ => self.as_set(list, items, ways),
        })
    }

    fn keyed(
        &mut self,
        list: &ListType,
        (shape, keys): (&Shape, &[Vec<u16>]),
        items: &[Value],
        ways: &[Way],
    ) -> Vec<Wanted> {
        let (mut gone, mut again) = (Vec::new(), Vec::new());
        let mut inner: BTreeMap<usize, Vec<Way>> = BTreeMap::new();
        for way in ways {
            let at = way.item(shape, keys, items);
            match (at, way.next().ends()) {
                (Some(at), false) => inner.entry(at).or_default().push(way.next()),
                (None, false) => self.stay(way, Stays::Moved),
                (at, true) => match self.item(list, shape, at.map(|at| &items[at]), way) {
                    Some(Turn::Goes) => gone.extend(at),
                    Some(Turn::Comes(wish)) => again.push(wanted(wish)),
                    None => {}
                },
            }
        }
        let mut wishes = Vec::new();
        for (at, item) in items.iter().enumerate().filter(|(at, _)| !gone.contains(at)) {
            let ways = inner.remove(&at).unwrap_or_default();
            let Some(object) = item.as_object() else { continue };
            let own = self.named_item(shape, keys, object, &ways);
            if list.complete || own.1 {
                wishes.push(wanted(Wish::Object(own.0)));
            }
        }
        wishes.extend(again);
        wishes
    }

    /// An item with what tells it apart, and whether anything in it is undone.
    fn named_item(
        &mut self,
        shape: &Shape,
        keys: &[Vec<u16>],
        item: &Object,
        ways: &[Way],
    ) -> (Vec<(u16, Wanted)>, bool) {
        let row = row_id(shape, keys).filter(|field| item.get(field.number).is_some_and(|id| !id.is_zero()));
        let own: Vec<u16> = match row {
            Some(field) => vec![field.number],
            None => keys.iter().filter(|key| !is_row_id(shape, key)).flatten().copied().collect(),
        };
        let tells = |way: &&Way| {
            let field = match way.segment() {
                Some(Segment::Field(name)) => shape.named(name),
                _ => None,
            };
            field.is_some_and(|field| own.contains(&field.number))
        };
        // without what tells it apart it would be another item
        let (fixed, free): (Vec<&Way>, Vec<&Way>) = ways.iter().partition(tells);
        fixed.into_iter().for_each(|way| self.stay(way, Stays::Fixed));
        let free: Vec<Way> = free.into_iter().copied().collect();
        let mut fields = self.object(shape, Some(item), &free);
        let undone = !fields.is_empty();
        for number in own {
            let value = item.get(number).filter(|value| !matches!(value, Value::Null));
            let is_there = fields.iter().any(|(named, _)| *named == number);
            if let (Some(value), false) = (value, is_there) {
                fields.push((number, wanted(wish(&shape.field(number).ty, Some(value)))));
            }
        }
        fields.sort_by_key(|(number, _)| *number);
        (fields, undone)
    }

    /// What becomes of an item that came or went as a whole.
    fn item(&mut self, list: &ListType, shape: &Shape, now: Option<&Value>, way: &Way) -> Option<Turn> {
        let is =
            |side: Option<&Value>| match (now.and_then(Value::as_object), side.and_then(Value::as_object)) {
                (Some(now), Some(side)) => covers(shape, side, now),
                (None, None) => true,
                _ => false,
            };
        if !list.complete && way.leaf.before.is_none() {
            self.stay(way, if now.is_none() { Stays::Back } else { Stays::NoRemoval });
            return None;
        }
        let before = way.leaf.before.as_ref();
        self.holds(way, &is)
            .then(|| before.map_or(Turn::Goes, |item| Turn::Comes(item_wish(&list.item, item))))
    }

    fn ordered(&mut self, list: &ListType, items: &[Value], ways: &[Way]) -> Vec<Wanted> {
        let mut goal: Vec<Wish> = items.iter().map(|item| kept(&list.item, item)).collect();
        let mut inner: BTreeMap<usize, Vec<Way>> = BTreeMap::new();
        let (mut whole, index) = (Vec::new(), |way: &Way| match way.segment() {
            Some(Segment::Item { index, .. }) => *index,
            _ => usize::MAX,
        });
        for way in ways {
            match way.next().ends() {
                true => whole.push(*way),
                false => inner.entry(index(way)).or_default().push(way.next()),
            }
        }
        for (at, ways) in inner {
            match (&list.item, items.get(at).and_then(Value::as_object)) {
                (Item::Object(shape), Some(object)) => {
                    goal[at] = Wish::Object(self.object(shape, Some(object), &ways));
                }
                _ => self.all_stay(&ways, Stays::Moved),
            }
        }
        // what was added goes from the end, what was cut off comes back at it
        whole.sort_by_key(|way| (way.leaf.before.is_some(), way.leaf.after.is_none(), index(way)));
        let added = whole.iter().take_while(|way| way.leaf.before.is_none()).count();
        whole[..added].reverse();
        for way in &whole {
            self.placed(list, items, (index(way), way), &mut goal);
        }
        goal.into_iter().map(wanted).collect()
    }

    /// One item of a list in which places tell items apart.
    fn placed(&mut self, list: &ListType, items: &[Value], (at, way): (usize, &Way), goal: &mut Vec<Wish>) {
        let now = items.get(at);
        let is = |side: Option<&Value>| alike(&list.item, side, now);
        let ends = match (&way.leaf.before, &way.leaf.after) {
            (None, _) => at + 1 == goal.len(),
            (_, None) => at == goal.len() || now.is_some(),
            _ => true,
        };
        if way.leaf.before.is_none() && !list.complete && now.is_some() {
            return self.stay(way, Stays::NoRemoval);
        }
        if !ends {
            return self.stay(way, if is(way.leaf.before.as_ref()) { Stays::Back } else { Stays::Moved });
        }
        if !self.holds(way, &is) {
            return;
        }
        match &way.leaf.before {
            None => drop(goal.pop()),
            Some(before) if at == goal.len() => goal.push(item_wish(&list.item, before)),
            Some(before) => goal[at] = item_wish(&list.item, before),
        }
    }

    fn as_set(&mut self, list: &ListType, items: &[Value], ways: &[Way]) -> Vec<Wanted> {
        let mut goal: Vec<Value> = if list.complete { items.to_vec() } else { Vec::new() };
        for way in ways {
            let value = way.leaf.before.as_ref().or(way.leaf.after.as_ref());
            let now = value.and_then(|value| items.iter().find(|item| item.same(value)));
            if !list.complete && way.leaf.before.is_none() && now.is_some() {
                self.stay(way, Stays::NoRemoval);
                continue;
            }
            let is = |side: Option<&Value>| side.is_some() == now.is_some();
            if self.holds(way, &is) {
                goal.retain(|item| value.is_none_or(|value| !item.same(value)));
                goal.extend(way.leaf.before.clone());
            }
        }
        goal.into_iter().map(|value| wanted(Wish::Leaf(value))).collect()
    }
}

/// What becomes of an item.
enum Turn {
    Goes,
    Comes(Wish),
}

fn wanted(wish: Wish) -> Wanted {
    Wanted { span: Span::default(), wish }
}

/// The wish for a value as it was.
fn wish(ty: &Type, value: Option<&Value>) -> Wish {
    match (ty, value) {
        (_, None | Some(Value::Null)) => Wish::Clear,
        (Type::Object(shape), Some(Value::Object(object))) => Wish::Object(members(shape, object)),
        (Type::Map(_), Some(Value::Map(entries))) => {
            let entry = |(key, value): &(Box<str>, Value)| (key.clone(), wanted(Wish::Leaf(value.clone())));
            Wish::Map(entries.iter().map(entry).collect())
        }
        (Type::List(list), Some(Value::List(items))) => {
            Wish::List(items.iter().map(|item| wanted(item_wish(&list.item, item))).collect())
        }
        (_, Some(value)) => Wish::Leaf(value.clone()),
    }
}

/// The wish for an item as it was; a new row gets a new id.
fn item_wish(item: &Item, value: &Value) -> Wish {
    match (item, value) {
        (Item::Object(shape), Value::Object(object)) => Wish::Object(members(shape, object)),
        _ => Wish::Leaf(value.clone()),
    }
}

fn members(shape: &Shape, object: &Object) -> Vec<(u16, Wanted)> {
    let own = object
        .fields()
        .filter(|(number, value)| !is_given(shape.field(*number)) && !matches!(value, Value::Null));
    own.map(|(number, value)| (number, wanted(wish(&shape.field(number).ty, Some(value))))).collect()
}

/// The wish for an item that stays as it is.
fn kept(item: &Item, value: &Value) -> Wish {
    match item {
        Item::Object(_) => Wish::Object(Vec::new()),
        Item::Leaf(_) => Wish::Leaf(value.clone()),
    }
}

fn alike(item: &Item, written: Option<&Value>, now: Option<&Value>) -> bool {
    match (item, written, now) {
        (_, None, None) => true,
        (Item::Object(shape), Some(Value::Object(written)), Some(Value::Object(now))) => {
            covers(shape, written, now)
        }
        (_, Some(written), Some(now)) => written.same(now),
        _ => false,
    }
}

/// Whether an object holds everything that was written of it; what the service adds counts for nothing.
fn covers(shape: &Shape, written: &Object, now: &Object) -> bool {
    written.fields().all(|(number, value)| {
        let (field, now) = (shape.field(number), now.get(number));
        is_given(field)
            || unseen(field, now)
            || same(field, now, Some(value))
            || covers_nested(field, value, now)
    })
}

fn covers_nested(field: &Field, written: &Value, now: Option<&Value>) -> bool {
    match (&field.ty, written, now) {
        (Type::Object(shape), Value::Object(written), Some(Value::Object(now))) => {
            covers(shape, written, now)
        }
        (Type::List(list), Value::List(written), Some(Value::List(now))) => {
            let all = |written: &Value| now.iter().any(|now| alike(&list.item, Some(written), Some(now)));
            written.len() == now.len() && written.iter().all(all)
        }
        _ => false,
    }
}
