//! Items of one written list told apart: each key must name one item, and a set must not say a thing twice.
//!
//! Keys are tried in the kind's order, as they are against the live list: only when none of them tells all
//! items apart is that a fault. Values are compared through a canonical text, so a long list costs one pass
//! a key; what means the same live (nothing and empty, a set in another order) has the same text.
//! Deliberately absent: messages with values in them; the two places say enough.

use std::collections::HashMap;
use std::fmt::Write;

use super::read::Reading;
use super::{Wanted, Wish};
use crate::diagnostic::{Diagnostic, Span};
use crate::kind::{Absent, Compare, Field, Item, Leaf, ListType, Shape, ToldApart, Type};
use crate::value::Value;

/// Two items that can't be told apart.
type Twins<'w> = Vec<(&'w Wanted, &'w Wanted)>;

/// Checks the items of one list; of those whose key is wrong, that was told already.
pub(super) fn check(reading: &mut Reading, items: &[&Wanted], list: &ListType, name: &str) {
    match (&list.told_apart, &list.item) {
        (ToldApart::Keys(keys), Item::Object(shape)) => {
            let keyed = Keyed { keys, shape, name };
            items.iter().for_each(|item| keyed.missing(reading, item));
            keyed.doubled(reading, items);
        }
        (ToldApart::Set, _) => {
            let message = format!("this item stands twice in `{name}`");
            for (first, second) in twins(items, |item| canonical(item, Compare::Exact)) {
                twice(reading, first.span, second.span, message.clone());
            }
        }
        _ => {}
    }
}

/// A list whose items are told apart by fields.
struct Keyed<'k> {
    keys: &'k [Vec<u16>],
    shape: &'k Shape,
    name: &'k str,
}

impl Keyed<'_> {
    /// An item that has all fields of no key can't be matched with a live one.
    fn missing(&self, reading: &mut Reading, item: &Wanted) {
        let has = |number: &u16| item.field(*number).is_some();
        let Some(first) = self.keys.first() else { return };
        if self.keys.iter().any(|key| key.iter().all(has)) {
            return;
        }
        let missing: Vec<u16> = first.iter().filter(|number| !has(number)).copied().collect();
        let missing = self.names(&missing);
        let message = format!("this item of `{}` lacks {missing}, which tells it apart", self.name);
        let fault = Diagnostic::error("missing-item-key", message);
        reading.put(opening(item), fault.hint(format!("add {missing}")));
    }

    fn doubled(&self, reading: &mut Reading, items: &[&Wanted]) {
        let mut best: Option<(&[u16], Twins)> = None;
        for key in self.keys {
            let twins = twins(items, |item| self.canonical(item, key));
            // the key that confuses the fewest items is the one the writer went by
            if best.as_ref().is_none_or(|(_, fewest)| twins.len() < fewest.len()) {
                best = Some((key, twins));
            }
            if best.as_ref().is_some_and(|(_, twins)| twins.is_empty()) {
                return;
            }
        }
        let Some((key, twins)) = best else { return };
        let message = format!("two items of `{}` have the same {}", self.name, self.names(key));
        for (first, second) in twins {
            twice(reading, opening(first), opening(second), message.clone());
        }
    }

    fn canonical(&self, item: &Wanted, key: &[u16]) -> String {
        let leaf = |number: &u16| canonical_field(self.shape.field(*number), item.field(*number));
        key.iter().map(leaf).collect::<Vec<_>>().concat()
    }

    fn names(&self, key: &[u16]) -> String {
        let names: Vec<_> =
            key.iter().map(|number| format!("`{}`", self.shape.field(*number).name)).collect();
        names.join(", ")
    }
}

/// Each item that an earlier one equals, with that earlier one.
fn twins<'w>(items: &[&'w Wanted], canonical: impl Fn(&Wanted) -> String) -> Twins<'w> {
    let mut twins = Vec::new();
    if items.len() < 2 {
        return twins;
    }
    let mut seen = HashMap::with_capacity(items.len());
    for item in items.iter().copied() {
        match seen.entry(canonical(item)) {
            std::collections::hash_map::Entry::Occupied(first) => twins.push((*first.get(), item)),
            std::collections::hash_map::Entry::Vacant(place) => {
                place.insert(item);
            }
        }
    }
    twins
}

fn twice(reading: &mut Reading, first: Span, second: Span, message: String) {
    let also = reading.source.place(first);
    let fault = Diagnostic::error("duplicate-item", message);
    reading.put(second, fault.also(also, "first written here").hint("keep one of the two"));
}

/// Where an item starts, so that not all of it is underlined.
fn opening(item: &Wanted) -> Span {
    Span { start: item.span.start, end: item.span.start }
}

/// Whether an item says all that it names of its keys: a value that does not fit its field is not in it.
pub(super) fn has_its_keys(list: &ListType, item: &Wanted, names: impl Fn(&str) -> bool) -> bool {
    let (ToldApart::Keys(keys), Item::Object(shape)) = (&list.told_apart, &list.item) else { return true };
    keys.iter().flatten().all(|number| item.field(*number).is_some() || !names(&shape.field(*number).name))
}

/// A text that is the same for equal values only.
pub(super) fn canonical(wanted: &Wanted, compare: Compare) -> String {
    let mut out = String::new();
    write_wish(&mut out, &wanted.wish, compare);
    out
}

/// A text that is the same for what means the same in a field.
fn canonical_field(field: &Field, wanted: Option<&Wanted>) -> String {
    let Some(wanted) = wanted.filter(|wanted| !means_nothing(field, &wanted.wish)) else { return "-".into() };
    match (&field.ty, &wanted.wish) {
        (Type::List(ListType { told_apart: ToldApart::Set, .. }), Wish::List(items)) => {
            let mut items: Vec<_> = items.iter().map(|item| canonical(item, field.compare)).collect();
            items.sort_unstable();
            format!("[{}]", items.concat())
        }
        _ => canonical(wanted, field.compare),
    }
}

/// Whether a wish says no more than its absence would.
fn means_nothing(field: &Field, wish: &Wish) -> bool {
    match (&field.ty, wish) {
        (_, Wish::Clear) => true,
        (Type::Leaf(Leaf::Text { .. } | Leaf::Choice { .. }), Wish::Leaf(value)) => value.is_blank(),
        (Type::Leaf(_), Wish::Leaf(value)) => field.absent == Absent::Zero && value.is_zero(),
        (_, Wish::List(items)) => items.is_empty(),
        (_, Wish::Map(entries)) => entries.is_empty(),
        _ => false,
    }
}

fn write_wish(out: &mut String, wish: &Wish, compare: Compare) {
    match wish {
        Wish::Clear => out.push('~'),
        Wish::Leaf(value) => write_value(out, value, compare),
        Wish::Slot(slot) => put(out, '$', &format!("{slot:?}")),
        Wish::Reference(reference) => {
            put(out, '&', reference.by.as_deref().unwrap_or_default());
            put(out, '=', &reference.name);
        }
        Wish::Object(fields) => {
            out.push('{');
            for (number, wanted) in fields {
                put(out, '.', &number.to_string());
                write_wish(out, &wanted.wish, compare);
            }
            out.push('}');
        }
        Wish::Map(entries) => {
            let mut sorted: Vec<_> = entries.iter().collect();
            sorted.sort_by(|(a, _), (b, _)| a.cmp(b));
            out.push('{');
            for (key, wanted) in sorted {
                put(out, '.', key);
                write_wish(out, &wanted.wish, compare);
            }
            out.push('}');
        }
        Wish::List(items) => {
            out.push('[');
            items.iter().for_each(|item| write_wish(out, &item.wish, compare));
            out.push(']');
        }
    }
}

/// A text that is the same for equal values only; leaves of one type are compared, so most need no tag.
pub(super) fn write_value(out: &mut String, value: &Value, compare: Compare) {
    match value {
        Value::Null => out.push('~'),
        Value::Flag(flag) => put(out, 'f', &flag.to_string()),
        Value::Whole(number) => put(out, 'n', &number.to_string()),
        Value::Decimal(number) => put(out, 'n', &number.normalize().to_string()),
        Value::Number(number) => put(out, 'n', number),
        Value::Later(name) => put(out, 'l', name),
        Value::Guid(guid) => put(out, 'g', &guid.simple().to_string()),
        Value::Text(text) if compare == Compare::IgnoreCase => put(out, 't', &text.to_lowercase()),
        Value::Text(text) => put(out, 't', text),
        Value::Date(date) => put(out, 'd', &date.is.to_string()),
        Value::Time(time) => put(out, 'm', &time.is.to_string()),
        Value::List(items) => {
            out.push('[');
            items.iter().for_each(|item| write_value(out, item, compare));
            out.push(']');
        }
        Value::Map(entries) => {
            let mut sorted: Vec<_> = entries.iter().collect();
            sorted.sort_by(|(a, _), (b, _)| a.cmp(b));
            out.push('{');
            for (key, value) in sorted {
                put(out, '.', key);
                write_value(out, value, compare);
            }
            out.push('}');
        }
        Value::Object(object) => {
            out.push('{');
            for (number, value) in object.fields() {
                put(out, '.', &number.to_string());
                write_value(out, value, compare);
            }
            out.push('}');
        }
    }
}

/// With its length, so that no text can run into the next.
fn put(out: &mut String, tag: char, text: &str) {
    // writing to a string can't fail
    let _ = write!(out, "{tag}{}:{text}", text.len());
}
