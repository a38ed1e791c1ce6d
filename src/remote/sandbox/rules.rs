//! What a write makes of an object: create, replace, merge.
//!
//! The nasty reading wins wherever the facts leave one open, so that a tool that relies on kindness is caught:
//! a replace resets what the body leaves out, a merge without the kind's own flag appends to lists, one with
//! it empties what should have ridden along. What the service sets is never taken from a body.
//! Deliberately absent: reading bodies and answering.

use crate::kind::{
    Absent, Appears, Copy, Field, FormatWord, IfMatch, Item, Kind, Leaf, ListType, Shape, Travels, Type,
    Write,
};
use crate::remote::wire;
use crate::value::{Object, Stranger, Value};

use super::bind::{Binder, Spelling, binds_silently, same_name};
use super::given;
use super::mint::Mint;
use super::rows::{keeps_unlisted, new_number, put_in, row_id, same_item, same_row};
use super::store::Record;

/// What a merge does with nested fields.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Nested {
    /// What is sent takes the place of what is there. `Harsh` also empties what should ride along and did not.
    Replace { harsh: bool },
    /// Members that are sent are set, items are put in by their key.
    Parts,
    /// Members that are sent are set, items are appended: the flag that the service wants was left out.
    Append,
}

impl Nested {
    /// What an update operation does, given the query it came with.
    pub fn of(write: &Write, query: &[(String, String)], harsh: bool) -> Self {
        let Some(nested) = &write.nested else { return Self::Replace { harsh: false } };
        if !nested.query.iter().all(|wanted| query.contains(wanted)) {
            return Self::Append;
        }
        match nested.travels {
            Travels::Whole => Self::Replace { harsh: harsh && !nested.query.is_empty() },
            Travels::Parts => Self::Parts,
        }
    }
}

/// Makes the objects of one kind in one scope.
pub struct Rules<'r> {
    pub kind: &'r Kind,
    pub scope: &'r [Value],
    /// An object to take after in what the service makes by itself.
    pub pattern: Option<&'r Object>,
    pub mint: &'r mut Mint,
}

impl Rules<'_> {
    /// A new object with that id.
    pub fn create(&mut self, write: &Write, id: Value, body: &Object) -> Record {
        let mut object = self.whole(&self.kind.shape, body, None);
        object.set(self.kind.identity.id, id);
        self.by_itself(&mut object);
        let mut record = Record::new(object);
        self.hold_back(&mut record, None, |_| true);
        self.wait(&mut record);
        record.unverified |= write.appears == Appears::Later;
        self.finish(record)
    }

    /// The object that a body with everything makes of an old one.
    pub fn replace(&mut self, old: &Record, body: &Object) -> Record {
        let mut object = self.whole(&self.kind.shape, body, Some(&old.object));
        if let Some(id) = old.object.get(self.kind.identity.id) {
            object.set(self.kind.identity.id, id.clone());
        }
        self.remove(&mut object, body);
        let mut record = Record { object, waiting: old.waiting.clone(), unverified: old.unverified };
        self.hold_back(&mut record, Some(&old.object), |_| true);
        self.finish(record)
    }

    /// The object that a body with changes makes of an old one.
    pub fn merge(&mut self, old: &Record, body: &Object, (write, nested): (&Write, Nested)) -> Record {
        let mut record = old.clone();
        let shape = &self.kind.shape;
        for (number, value) in body.fields() {
            let field = shape.field(number);
            if number != self.kind.identity.id && !closed(field, false) {
                let merged = self.merged(field, value, old.object.get(number), nested);
                record.object.set(number, merged);
            }
        }
        if nested == (Nested::Replace { harsh: true })
            && body.fields().any(|(n, _)| shape.field(n).is_nested())
        {
            let along = write.nested.iter().flat_map(|nested| &nested.along);
            for number in along.filter(|number| body.get(**number).is_none()) {
                record.object.set(*number, blank(shape.field(*number)));
            }
        }
        self.merge_strangers(&mut record.object, body);
        self.remove(&mut record.object, body);
        self.hold_back(&mut record, Some(&old.object), |number| body.get(number).is_some());
        self.finish(record)
    }

    /// An object of nothing but what the body says and the service keeps.
    fn whole(&mut self, shape: &Shape, body: &Object, old: Option<&Object>) -> Object {
        let mut made = Object::default();
        for field in &shape.fields {
            let before = old.and_then(|old| old.get(field.number));
            let value = match body.get(field.number) {
                _ if closed(field, old.is_none()) => {
                    before.cloned().unwrap_or_else(|| self.own(shape, field))
                }
                None if field.never_sent => before.cloned().unwrap_or_else(|| blank(field)),
                given => self.replaced(field, given, before),
            };
            made.set(field.number, value);
        }
        made.strangers = self.kept_strangers(old, body);
        made
    }

    /// What the service puts into a field that nobody else may write: its own number for the thing, or the
    /// scope that is called so.
    fn own(&mut self, shape: &Shape, field: &Field) -> Value {
        let scope = self.kind.scope.iter().position(|scope| scope.name == field.name);
        match scope.and_then(|at| self.scope.get(at)).filter(|_| field.access.computed) {
            Some(value) => value.clone(),
            None if row_id(shape).is_some_and(|row_id| row_id.number == field.number) => {
                new_number(field, self.mint)
            }
            None => blank(field),
        }
    }

    fn replaced(&mut self, field: &Field, given: Option<&Value>, before: Option<&Value>) -> Value {
        match (&field.ty, given) {
            (Type::List(list), given) if keeps_unlisted(list) => {
                self.upserted(list, given.map(Value::items).unwrap_or_default(), before)
            }
            (Type::Map(map), given) if !map.complete => put_in(given, before),
            (Type::List(list), Some(Value::List(items))) => self.items(list, items, before),
            (Type::Object(shape), Some(Value::Object(body))) => {
                let before = before.and_then(Value::as_object);
                Value::Object(Box::new(self.whole(shape, body, before)))
            }
            (_, None | Some(Value::Null)) => blank(field),
            (_, Some(value)) => value.clone(),
        }
    }

    fn items(&mut self, list: &ListType, items: &[Value], before: Option<&Value>) -> Value {
        let before = before.map(Value::items).unwrap_or_default();
        let row = |item| before.iter().find(|old| same_row(list, old, item));
        Value::List(items.iter().map(|item| self.item(list, item, row(item))).collect())
    }

    /// One item: the row that it was, or a new one.
    fn item(&mut self, list: &ListType, item: &Value, old: Option<&Value>) -> Value {
        let (Item::Object(shape), Value::Object(body)) = (&list.item, item) else { return item.clone() };
        let old = old.and_then(Value::as_object);
        let mut made = self.whole(shape, body, old);
        if let Some(field) = row_id(shape) {
            let id = old.and_then(|old| old.get(field.number)).cloned();
            made.set(field.number, id.unwrap_or_else(|| new_number(field, self.mint)));
        }
        Value::Object(Box::new(made))
    }

    /// A list in which what is not sent stays.
    fn upserted(&mut self, list: &ListType, items: &[Value], before: Option<&Value>) -> Value {
        let mut all = before.map(Value::items).unwrap_or_default().to_vec();
        for item in items {
            let at = all.iter().position(|old| same_row(list, old, item) || same_item(list, old, item));
            let made = self.item(list, item, at.and_then(|at| all.get(at)));
            match at.and_then(|at| all.get_mut(at)) {
                Some(old) => *old = made,
                None => all.push(made),
            }
        }
        Value::List(all)
    }

    fn merged(&mut self, field: &Field, given: &Value, before: Option<&Value>, nested: Nested) -> Value {
        match (&field.ty, given, nested) {
            (Type::Leaf(_), ..) | (_, _, Nested::Replace { .. }) => self.replaced(field, Some(given), before),
            (Type::Map(_), ..) => put_in(Some(given), before),
            (Type::Object(shape), Value::Object(body), _) => {
                let mut all = before.and_then(Value::as_object).cloned().unwrap_or_default();
                for (number, value) in body.fields() {
                    let inner = shape.field(number);
                    if !closed(inner, false) {
                        let before = all.get(number).cloned();
                        all.set(number, self.merged(inner, value, before.as_ref(), nested));
                    }
                }
                Value::Object(Box::new(all))
            }
            (Type::Object(_), ..) => Value::Null,
            (Type::List(list), given, Nested::Append) => {
                let mut all = before.map(Value::items).unwrap_or_default().to_vec();
                all.extend(given.items().iter().map(|item| self.item(list, item, None)));
                Value::List(all)
            }
            (Type::List(list), given, _) => self.upserted(list, given.items(), before),
        }
    }

    /// Of the strangers in a body those that the object already has: the service knows them, the kind does not.
    fn kept_strangers(&self, old: Option<&Object>, body: &Object) -> Vec<Stranger> {
        let had = old.map(|old| old.strangers.as_slice()).unwrap_or_default();
        had.iter().filter_map(|had| self.sent_stranger(had, body)).collect()
    }

    fn merge_strangers(&self, object: &mut Object, body: &Object) {
        let merged = |had: &Stranger| self.sent_stranger(had, body).unwrap_or_else(|| had.clone());
        object.strangers = object.strangers.iter().map(merged).collect();
    }

    fn sent_stranger(&self, had: &Stranger, body: &Object) -> Option<Stranger> {
        let sent = body.strangers.iter().find(|sent| same_name(&self.kind.api, &sent.name, &had.name))?;
        // a format without types can't tell "1" from 1, nor null from nothing
        let same = binds_silently(&self.kind.api) && self.as_jsv(&sent.raw) == self.as_jsv(&had.raw);
        let raw = if same { &had.raw } else { &sent.raw };
        Some(Stranger { name: had.name.clone(), raw: raw.clone() })
    }

    fn as_jsv(&self, raw: &str) -> Option<Vec<u8>> {
        let wire = given::json(raw).ok()?.into_wire();
        Some(wire::encode(&wire, FormatWord::Jsv, &self.kind.api))
    }

    /// What the service makes by itself in a new object, taking after the pattern.
    fn by_itself(&mut self, object: &mut Object) {
        let Some(pattern) = self.pattern else { return };
        for field in self.kind.shape.fields.iter().filter(|field| field.access.computed) {
            let (number, like) = (field.number, pattern.get(field.number));
            let made = match (&field.ty, like) {
                _ if number == self.kind.identity.id => continue,
                (Type::Leaf(Leaf::Time), Some(Value::Time(_))) => Value::time(self.mint.now()),
                (Type::Leaf(Leaf::Choice { choices, .. }), Some(Value::Text(_))) => {
                    choices.first().map_or(Value::Null, |(choice, _)| Value::text(&**choice))
                }
                (Type::Leaf(Leaf::Text { .. }), Some(Value::Text(like))) => {
                    Value::text(super::seed::numbered(like, self.mint.whole()))
                }
                (Type::Leaf(leaf @ (Leaf::Decimal(_) | Leaf::Whole(_) | Leaf::Flag)), Some(_)) => leaf.zero(),
                _ => continue,
            };
            object.set(number, made);
        }
    }

    /// Written values that wait for somebody: the object keeps the old ones.
    fn hold_back(&self, record: &mut Record, old: Option<&Object>, written: impl Fn(u16) -> bool) {
        for field in self.kind.shape.fields.iter().filter(|field| field.absent == Absent::Pending) {
            let number = field.number;
            if !written(number) || closed(field, old.is_none()) {
                continue;
            }
            let wanted = record.object.get(number).cloned().unwrap_or(Value::Null);
            let before = old.and_then(|old| old.get(number)).cloned().unwrap_or(Value::Null);
            record.waiting.take(number);
            if !wanted.is_blank() && wanted != before {
                record.waiting.set(number, wanted);
                record.object.set(number, before);
            }
        }
    }

    /// A new object of a kind whose objects wait starts so.
    fn wait(&self, record: &mut Record) {
        let Some(waiting) = &self.kind.waiting else { return };
        if let Some(value) = waiting.values.first() {
            record.object.set(waiting.field, Value::text(&**value));
            record.unverified = true;
        }
    }

    fn finish(&mut self, mut record: Record) -> Record {
        self.fill_copies(&mut record.object);
        if let Some(number) = self.kind.history.changed_at {
            record.object.set(number, Value::time(self.mint.now()));
        }
        if let Some(IfMatch::Field(number)) = self.kind.operations.if_match {
            let next = match (&self.kind.shape.field(number).ty, record.object.get(number)) {
                (Type::Leaf(Leaf::Whole(_)), Some(Value::Whole(last))) => {
                    Value::Whole(last.saturating_add(1))
                }
                (Type::Leaf(Leaf::Whole(_)), _) => Value::Whole(1),
                (Type::Leaf(Leaf::Time), _) => Value::time(self.mint.now()),
                (Type::Leaf(Leaf::Guid), _) => Value::Guid(self.mint.guid()),
                _ => Value::text(self.mint.guid().to_string()),
            };
            record.object.set(number, next);
        }
        record
    }

    /// Takes out the items that the body names in the member made for that.
    fn remove(&self, object: &mut Object, body: &Object) {
        for field in &self.kind.shape.fields {
            let Type::List(list) = &field.ty else { continue };
            let (Item::Object(shape), Some(removals)) = (&list.item, &list.removals) else { continue };
            let sent =
                body.strangers.iter().find(|sent| same_name(&self.kind.api, &sent.name, &removals.through));
            let Some(Ok(given)) = sent.map(|sent| given::json(&sent.raw)) else { continue };
            let mut binder = Binder::new(&self.kind.api, Spelling::Written);
            let named = given.into_items().unwrap_or_default().into_iter();
            let named: Vec<Object> = named.map(|item| binder.object(shape, item, "")).collect();
            let goes = |item: &Value| {
                let same = |named: &Object, item: &Object| {
                    removals.with.iter().all(|n| named.get(*n) == item.get(*n))
                };
                item.as_object().is_some_and(|item| named.iter().any(|named| same(named, item)))
            };
            if let Some(Value::List(mut items)) = object.take(field.number) {
                items.retain(|item| !goes(item));
                object.set(field.number, Value::List(items));
            }
        }
    }

    /// Puts the object's own id and scope wherever they are to stand once more.
    pub fn fill_copies(&self, object: &mut Object) {
        let root = object.clone();
        self.copies(&self.kind.shape, object, &root);
    }

    fn copies(&self, shape: &Shape, object: &mut Object, root: &Object) {
        for field in &shape.fields {
            if let Some(value) = field.copy_of.as_ref().and_then(|copy| self.copied(copy, root)) {
                object.set(field.number, value);
                continue;
            }
            let filled = match (&field.ty, object.take(field.number)) {
                (Type::Object(inner), Some(Value::Object(mut object))) => {
                    self.copies(inner, &mut object, root);
                    Some(Value::Object(object))
                }
                (Type::List(list), Some(Value::List(items))) => Some(self.copies_in(list, items, root)),
                (_, value) => value,
            };
            if let Some(value) = filled {
                object.set(field.number, value);
            }
        }
    }

    fn copies_in(&self, list: &ListType, mut items: Vec<Value>, root: &Object) -> Value {
        if let Item::Object(shape) = &list.item {
            for item in &mut items {
                if let Value::Object(object) = item {
                    self.copies(shape, object, root);
                }
            }
        }
        Value::List(items)
    }

    fn copied(&self, copy: &Copy, root: &Object) -> Option<Value> {
        let value = match copy {
            Copy::Field(number) => root.get(*number),
            Copy::Scope(name) => {
                let at = self.kind.scope.iter().position(|scope| scope.name == *name)?;
                self.scope.get(at)
            }
        };
        value.filter(|value| !value.is_blank()).cloned()
    }
}

/// What waits becomes what is; an object that was not verified becomes like the pattern.
pub fn verify(kind: &Kind, record: &mut Record, pattern: Option<&Object>) {
    let waiting = std::mem::take(&mut record.waiting);
    for (number, value) in waiting.fields() {
        record.object.set(number, value.clone());
    }
    let states = kind
        .shape
        .fields
        .iter()
        .filter(|field| field.access.computed && matches!(field.ty, Type::Leaf(Leaf::Choice { .. })));
    for field in states.filter(|_| record.unverified && kind.waiting.is_none()) {
        if let Some(like) = pattern.and_then(|pattern| pattern.get(field.number)) {
            record.object.set(field.number, like.clone());
        }
    }
    if let (true, Some(waiting)) = (std::mem::take(&mut record.unverified), &kind.waiting) {
        let waits =
            |value: &Value| value.as_text().is_some_and(|text| waiting.values.iter().any(|v| **v == *text));
        let like =
            pattern.and_then(|pattern| pattern.get(waiting.field)).filter(|value| !waits(value)).cloned();
        let choice = match &kind.shape.field(waiting.field).ty {
            Type::Leaf(Leaf::Choice { choices, .. }) => {
                choices.iter().map(|(choice, _)| Value::text(&**choice)).find(|value| !waits(value))
            }
            _ => None,
        };
        record.object.set(waiting.field, like.or(choice).unwrap_or(Value::Null));
    }
}

/// Whether the service takes nothing from a body for this field.
pub fn closed(field: &Field, new: bool) -> bool {
    field.access.computed || (field.access.create_only && !new) || (field.access.update_only && new)
}

/// The value of a field that nobody wrote.
pub fn blank(field: &Field) -> Value {
    match field.ty {
        Type::List(_) | Type::Map(_) => field.ty.zero(),
        _ if field.absent == Absent::Zero => field.ty.zero(),
        _ => Value::Null,
    }
}
