//! Lists and maps of a proposal: written ones are complete or upserts, as the kind says.
//!
//! Items are overlaid on the live ones they pair with; what is not listed goes or stays; a new item is one
//! change as a whole. The order of live items is kept wherever it means nothing.

use super::{Look, Overlay, Proposal, object_fields};
use crate::diagnostic::{Diagnostic, Span};
use crate::document::{Wanted, Wish};
use crate::kind::{Absent, Clear, Field, Item, ItemsSent, ListType, MapType, Shape, ToldApart};
use crate::plan::Form;
use crate::plan::compare::segment;
use crate::plan::pair::{Reason, Unpaired, pair};
use crate::value::{Mark, Object, Path, Segment, Value};

impl Overlay<'_> {
    pub(super) fn list(
        &mut self,
        field: &Field,
        list: &ListType,
        live: Option<&Value>,
        (items, span): (&[Wanted], Span),
        path: &Path,
    ) -> Option<Value> {
        let before = live.map(Value::items).unwrap_or_default();
        let count = self.out.changes.len();
        let after = match (&list.told_apart, &list.item) {
            (ToldApart::Keys(keys), Item::Object(shape)) => {
                self.keyed(list, (shape, keys), before, items, path)?
            }
            (ToldApart::Order, _) => self.ordered(field, list, before, items, path),
            _ => self.as_set(field, list, before, items, path),
        };
        let settled =
            self.out.changes.len() == count && live.is_some_and(|live| live.items().len() == after.len());
        if settled && list.order_told {
            self.note_order(field, before, (items, span), list);
        }
        Some(Value::List(after))
    }

    fn keyed(
        &mut self,
        list: &ListType,
        (shape, keys): (&Shape, &[Vec<u16>]),
        before: &[Value],
        items: &[Wanted],
        path: &Path,
    ) -> Option<Vec<Value>> {
        let live: Vec<&Object> = before.iter().filter_map(Value::as_object).collect();
        let wanted: Vec<&[(u16, Wanted)]> = items.iter().map(object_fields).collect();
        let pairs = match pair(shape, keys, &wanted, &live) {
            Ok(pairs) => pairs,
            Err(faults) => {
                faults.iter().for_each(|fault| self.unpaired(fault, items));
                return None;
            }
        };
        let look = |span| Look { form: Form::of_item(&list.item), mark: Mark::Open, span };
        let mut rows = Rows::default();
        for (index, item) in before.iter().enumerate() {
            let at = path.then(segment(list, index, item, before));
            match pairs.iter().position(|pair| *pair == Some(index)) {
                Some(wish) => {
                    rows.begin(&self.out);
                    let above = std::mem::replace(&mut self.here, items[wish].span);
                    let (changes, hidden) = (self.out.changes.len(), self.out.hidden.len());
                    let object = self.object(shape, item.as_object(), wanted[wish], &at);
                    self.here = above;
                    let stays = self.out.changes.len() == changes && list.items_sent == ItemsSent::Changed;
                    // a row that is not sent must not be remembered as written
                    self.out.hidden.truncate(if stays { hidden } else { self.out.hidden.len() });
                    let object = Value::Object(Box::new(object));
                    rows.after.push(if stays { item.clone() } else { object });
                }
                None if list.complete || items.is_empty() => {
                    self.change(at, Some(item.clone()), None, look(None));
                }
                None => {
                    if list.items_sent == ItemsSent::All {
                        self.untouched(&list.item, item, &at);
                    }
                    rows.after.push(item.clone());
                }
            }
        }
        // behind all that are there, so that no new item is taken for one that goes
        for (index, wish) in (before.len()..).zip((0..pairs.len()).filter(|wish| pairs[*wish].is_none())) {
            rows.begin(&self.out);
            let item =
                self.new_item(shape, &items[wish], &path.then(Segment::Item { index, key: Vec::new() }));
            let at = path.then(segment(list, index, &item, &rows.after));
            self.change(at, None, Some(item.clone()), look(Some(items[wish].span)));
            rows.after.push(in_full(shape, item));
        }
        rows.name_hidden(list, path, &mut self.out);
        Some(rows.after)
    }

    /// A new item as a whole: its leaves are not changes of their own.
    fn new_item(&mut self, shape: &Shape, item: &Wanted, path: &Path) -> Value {
        let (count, creating) = (self.out.changes.len(), std::mem::replace(&mut self.creating, true));
        let list = path.0.iter().rev().find_map(|segment| match segment {
            Segment::Field(name) => Some(name.clone()),
            _ => None,
        });
        let (above, here) = (std::mem::replace(&mut self.new_item_of, list), self.here);
        self.here = Span { start: item.span.start, end: item.span.start };
        let object = self.object(shape, None, object_fields(item), path);
        (self.new_item_of, self.here) = (above, here);
        self.out.changes.truncate(count);
        self.creating = creating;
        Value::Object(Box::new(object))
    }

    fn ordered(
        &mut self,
        field: &Field,
        list: &ListType,
        before: &[Value],
        items: &[Wanted],
        path: &Path,
    ) -> Vec<Value> {
        let mut after = Vec::with_capacity(items.len());
        for (index, wanted) in items.iter().enumerate() {
            let live = before.get(index);
            let at = path.then(Segment::Item { index, key: Vec::new() });
            match (&list.item, live, &wanted.wish) {
                (Item::Object(shape), Some(Value::Object(live)), Wish::Object(fields)) => {
                    after.push(Value::Object(Box::new(self.object(shape, Some(live), fields, &at))));
                }
                (Item::Object(shape), _, Wish::Object(_)) => {
                    let item = self.new_item(shape, wanted, &at);
                    self.change(
                        at,
                        live.cloned(),
                        Some(item.clone()),
                        Look { form: Form::of_item(&list.item), mark: field.mark, span: Some(wanted.span) },
                    );
                    after.push(in_full(shape, item));
                }
                (_, live, Wish::Leaf(value)) => {
                    if !live.is_some_and(|live| live.same(value)) {
                        self.change(
                            at,
                            live.cloned(),
                            Some(value.clone()),
                            Look {
                                form: Form::of_item(&list.item),
                                mark: field.mark,
                                span: Some(wanted.span),
                            },
                        );
                    }
                    after.push(value.clone());
                }
                _ => {}
            }
        }
        for (index, item) in before.iter().enumerate().skip(items.len()) {
            let at = path.then(Segment::Item { index, key: Vec::new() });
            if list.complete || items.is_empty() {
                self.change(
                    at,
                    Some(item.clone()),
                    None,
                    Look { form: Form::of_item(&list.item), mark: field.mark, span: None },
                );
            } else {
                after.push(item.clone());
            }
        }
        after
    }

    fn as_set(
        &mut self,
        field: &Field,
        list: &ListType,
        before: &[Value],
        items: &[Wanted],
        path: &Path,
    ) -> Vec<Value> {
        let wanted = |item: &&Wanted| match &item.wish {
            Wish::Leaf(value) => Some((value.clone(), item.span)),
            _ => None,
        };
        let wanted: Vec<(Value, Span)> = items.iter().filter_map(|item| wanted(&item)).collect();
        let mut after = Vec::with_capacity(before.len().max(items.len()));
        for (index, item) in before.iter().enumerate() {
            if wanted.iter().any(|(value, _)| value.same(item)) || !(list.complete || items.is_empty()) {
                after.push(item.clone());
            } else {
                let at = path.then(Segment::Item { index, key: Vec::new() });
                self.change(
                    at,
                    Some(item.clone()),
                    None,
                    Look { form: Form::of_item(&list.item), mark: field.mark, span: None },
                );
            }
        }
        let mut index = before.len();
        for (value, span) in wanted {
            if !before.iter().any(|item| item.same(&value)) {
                let at = path.then(Segment::Item { index, key: Vec::new() });
                index += 1;
                self.change(
                    at,
                    None,
                    Some(value.clone()),
                    Look { form: Form::of_item(&list.item), mark: field.mark, span: Some(span) },
                );
                after.push(value);
            }
        }
        after
    }

    pub(super) fn map(
        &mut self,
        field: &Field,
        map: &MapType,
        live: Option<&Value>,
        entries: &[(Box<str>, Wanted)],
        path: &Path,
    ) -> Option<Value> {
        let before = match live {
            Some(Value::Map(before)) => before.as_slice(),
            _ => &[],
        };
        let keep_rest = !map.complete && !entries.is_empty();
        let mut after: Vec<(Box<str>, Value)> = if keep_rest { before.to_vec() } else { Vec::new() };
        after.retain(|(key, _)| !entries.iter().any(|(named, _)| named == key));
        for (key, wanted) in entries {
            if let Wish::Leaf(value) = &wanted.wish {
                after.push((key.clone(), value.clone()));
            }
        }
        // an entry that is null says no more than one that is not there
        let (was, is) = (said(before), said(&after));
        if !self.creating && was.same(&is) {
            return None;
        }
        self.entries(field, map, (&was, &is), (entries, path));
        Some(Value::Map(after))
    }

    fn entries(
        &mut self,
        field: &Field,
        map: &MapType,
        (before, after): (&Value, &Value),
        (entries, path): (&[(Box<str>, Wanted)], &Path),
    ) {
        let (Value::Map(before), Value::Map(after)) = (before, after) else { return };
        let find = |side: &[(Box<str>, Value)], key: &str| {
            side.iter().find(|(k, _)| **k == *key).map(|(_, v)| v.clone())
        };
        let mut keys: Vec<&str> = before.iter().chain(after).map(|(key, _)| &**key).collect();
        keys.sort_unstable();
        keys.dedup();
        for key in keys {
            let (was, is) = (find(before, key), find(after, key));
            if was.as_ref().zip(is.as_ref()).is_some_and(|(was, is)| was.same(is)) {
                continue;
            }
            let span = entries.iter().find(|(named, _)| **named == *key).map(|(_, wanted)| wanted.span);
            let path = path.then(Segment::Key(key.into(), map.key_mark(key, field.mark)));
            self.change(path, was, is, Look { form: Form::Leaf(map.value.clone()), mark: field.mark, span });
        }
    }

    fn unpaired(&mut self, fault: &Unpaired, items: &[Wanted]) {
        let span = items[fault.item].span;
        match &fault.reason {
            Reason::Ambiguous(names) => {
                let hint = match names.is_empty() {
                    true => "the live items are alike; remove one of them by hand".to_owned(),
                    false => format!("name one of these too: {}", names.join(", ")),
                };
                self.fault("ambiguous-item", "several live items match this one".into(), span, &hint);
            }
            Reason::Twice(first) | Reason::Alike(first) => {
                let message = match fault.reason {
                    Reason::Alike(_) => "nothing would tell these two items apart",
                    _ => "two items mean the same live one",
                };
                let first = self.place(items[*first].span);
                let fault = Diagnostic::error("ambiguous-item", message)
                    .at(self.place(span))
                    .also(first, "the other one")
                    .hint("keep one of the two, or name what tells them apart");
                self.out.faults.push(fault);
            }
            Reason::UnknownId(name) => {
                let message = format!("no live item has this `{name}`");
                self.fault("unknown-item", message, span, "leave the id out to add a new item");
            }
        }
    }

    fn note_order(
        &mut self,
        field: &Field,
        before: &[Value],
        (items, span): (&[Wanted], Span),
        list: &ListType,
    ) {
        let (ToldApart::Keys(keys), Item::Object(shape)) = (&list.told_apart, &list.item) else { return };
        let live: Vec<&Object> = before.iter().filter_map(Value::as_object).collect();
        let wanted: Vec<&[(u16, Wanted)]> = items.iter().map(object_fields).collect();
        let in_order = pair(shape, keys, &wanted, &live).is_ok_and(|pairs| pairs.is_sorted());
        if !in_order {
            let message = format!("the items of `{}` stand in another order in the live object", field.name);
            let note = Diagnostic::note("order-differs", message).at(self.place(span));
            self.out.notes.push(note.hint("the order is left as it is"));
        }
    }
}

/// The rows of a list as they are to be.
#[derive(Default)]
struct Rows {
    after: Vec<Value>,
    /// Where the hidden values of a row begin, and which row it is.
    hidden: Vec<(usize, usize)>,
}

impl Rows {
    /// The next row begins.
    fn begin(&mut self, out: &Proposal) {
        self.hidden.push((out.hidden.len(), self.after.len()));
    }

    /// Hidden values are remembered under the row as the next run will find it, not as it was.
    fn name_hidden(&self, list: &ListType, path: &Path, out: &mut Proposal) {
        let ends = self.hidden.iter().skip(1).map(|(start, _)| *start).chain([out.hidden.len()]);
        for ((start, index), end) in self.hidden.iter().zip(ends.collect::<Vec<_>>()) {
            let values = out.hidden.get_mut(*start..end).filter(|values| !values.is_empty());
            let (Some(values), Some(row)) = (values, self.after.get(*index)) else { continue };
            let step = segment(list, *index, row, &self.after);
            for own in values.iter_mut().filter_map(|(own, _)| own.0.get_mut(path.0.len())) {
                *own = step.clone();
            }
        }
    }
}

/// The entries of a map that are not null.
fn said(entries: &[(Box<str>, Value)]) -> Value {
    Value::Map(entries.iter().filter(|(_, value)| !matches!(value, Value::Null)).cloned().collect())
}

/// A new item with everything that can be null and is not named said to be null, as the service itself says it:
/// nobody can tell whether it takes an item in part.
fn in_full(shape: &Shape, mut item: Value) -> Value {
    if let Value::Object(object) = &mut item {
        for field in shape.fields.iter().filter(|field| is_nullable(field)) {
            if object.get(field.number).is_none() {
                object.set(field.number, Value::Null);
            }
        }
    }
    item
}

fn is_nullable(field: &Field) -> bool {
    let ours = !field.access.computed && !field.access.required && field.copy_of.is_none();
    ours && !field.is_nested() && (field.absent, field.clear) == (Absent::Null, Clear::Null)
}
