//! Items of one written list distinguished: each key must name one item, and a set must not say a thing twice.
//!
//! Keys are tried in the kind's order, as they are against the live list: only when none of them tells all
//! items apart is that a fault. Values are compared through a canonical text, so a long list costs one pass
//! a key; what means the same live (nothing and empty, a set in another order) has the same text.
//! Deliberately absent: messages with values in them; the two places say enough.

use std::collections::{HashMap, HashSet};
use std::fmt::Write;

use super::source_reader::SourceReader;
use super::{DesiredNode, DesiredValue};
use crate::diagnostic::{Diagnostic, SourceSpan};
use crate::kind::identity::ItemIdentity;
use crate::kind::{AbsenceRule, ArrayType, ComparisonRule, Field, FieldType, ListType, ScalarType};
use crate::value::Value;

/// Two items that can't be distinguished.
type DuplicateItems<'w> = Vec<(&'w DesiredNode, &'w DesiredNode)>;

/// Checks the items of one list; of those whose key is wrong, that was reported already.
pub(super) fn check_items(reading: &mut SourceReader, items: &[&DesiredNode], list: &ArrayType, name: &str) {
    match (list.item_identity(), &list.list_type) {
        (Some(identity), _) => {
            let keyed = KeyedListCheck { identity, name };
            items.iter().for_each(|item| keyed.report_missing_key(reading, item));
            keyed.report_duplicate_keys(reading, items);
        }
        (None, ListType::Set) => {
            let message = format!("duplicate item in `{name}`");
            for (first, second) in find_duplicates(items, |item| encode_node(item, ComparisonRule::Exact)) {
                report_duplicate(reading, first.span, second.span, message.clone());
            }
        }
        _ => {}
    }
}

/// The items of one list that differ: a set as a service holds it may have an item twice, and no document may.
#[derive(Default)]
pub struct DistinctItems(HashSet<String>);

impl DistinctItems {
    /// Whether no item before this one is the same; items of other lists than sets are never the same.
    pub fn add(&mut self, list: &ArrayType, item: &DesiredValue) -> bool {
        if !matches!(list.list_type, ListType::Set) {
            return true;
        }
        let mut text = String::new();
        write_desired(&mut text, item, ComparisonRule::Exact);
        self.0.insert(text)
    }
}

/// A list whose items are distinguished by fields.
struct KeyedListCheck<'k> {
    identity: ItemIdentity<'k>,
    name: &'k str,
}

impl KeyedListCheck<'_> {
    /// An item that has all fields of no key can't be matched with a live one.
    fn report_missing_key(&self, reading: &mut SourceReader, item: &DesiredNode) {
        let DesiredValue::Object(fields) = &item.value else { return };
        let Some(first) = self.identity.keys().next() else { return };
        if self.identity.has_full_key(fields.as_slice()) {
            return;
        }
        let missing: Vec<u16> =
            first.iter().filter(|number| item.get_field(**number).is_none()).copied().collect();
        let missing = self.format_key_names(&missing);
        let message = format!("this item of `{}` lacks its key {missing}", self.name);
        let fault = Diagnostic::error("missing-item-key", message);
        reading.add_diagnostic(locate_item_start(item), fault.with_hint(format!("add {missing}")));
    }

    fn report_duplicate_keys(&self, reading: &mut SourceReader, items: &[&DesiredNode]) {
        let mut best: Option<(&[u16], DuplicateItems)> = None;
        for key in self.identity.keys() {
            let duplicates = find_duplicates(items, |item| self.encode_key(item, key));
            // the key that confuses the fewest items is the one the writer went by
            if best.as_ref().is_none_or(|(_, fewest)| duplicates.len() < fewest.len()) {
                best = Some((key, duplicates));
            }
            if best.as_ref().is_some_and(|(_, duplicates)| duplicates.is_empty()) {
                return;
            }
        }
        let Some((key, duplicates)) = best else { return };
        let message = format!("two items of `{}` have the same {}", self.name, self.format_key_names(key));
        for (first, second) in duplicates {
            report_duplicate(reading, locate_item_start(first), locate_item_start(second), message.clone());
        }
    }

    fn encode_key(&self, item: &DesiredNode, key: &[u16]) -> String {
        let scalar =
            |number: &u16| encode_field(self.identity.shape.get_field(*number), item.get_field(*number));
        key.iter().map(scalar).collect::<Vec<_>>().concat()
    }

    fn format_key_names(&self, key: &[u16]) -> String {
        let names: Vec<_> =
            key.iter().map(|number| format!("`{}`", self.identity.shape.get_field(*number).name)).collect();
        names.join(", ")
    }
}

/// Each item that an earlier one equals, with that earlier one.
fn find_duplicates<'w>(
    items: &[&'w DesiredNode],
    canonical: impl Fn(&DesiredNode) -> String,
) -> DuplicateItems<'w> {
    let mut duplicates = Vec::new();
    if items.len() < 2 {
        return duplicates;
    }
    let mut seen = HashMap::with_capacity(items.len());
    for item in items.iter().copied() {
        match seen.entry(canonical(item)) {
            std::collections::hash_map::Entry::Occupied(first) => duplicates.push((*first.get(), item)),
            std::collections::hash_map::Entry::Vacant(place) => {
                place.insert(item);
            }
        }
    }
    duplicates
}

fn report_duplicate(reading: &mut SourceReader, first: SourceSpan, second: SourceSpan, message: String) {
    let also = reading.locate_span(first);
    let fault = Diagnostic::error("duplicate-item", message);
    reading.add_diagnostic(
        second,
        fault.with_related(also, "first written here").with_hint("keep one of the two"),
    );
}

/// Where an item starts, so that not all of it is underlined.
fn locate_item_start(item: &DesiredNode) -> SourceSpan {
    SourceSpan { start: item.span.start, end: item.span.start }
}

/// Whether an item says all that it names of its keys: a value that does not fit its field is not in it.
pub(super) fn has_readable_keys(list: &ArrayType, item: &DesiredNode, names: impl Fn(&str) -> bool) -> bool {
    let Some(identity) = list.item_identity() else { return true };
    let is_readable =
        |number: &u16| item.get_field(*number).is_some() || !names(&identity.shape.get_field(*number).name);
    identity.keys().flatten().all(is_readable)
}

/// The items of a set, in an order that says nothing; nothing for anything else.
pub(super) fn encode_items(field: &Field, wanted: &DesiredNode) -> Option<String> {
    match (&field.ty, &wanted.value) {
        (FieldType::Array(ArrayType { list_type: ListType::Set, .. }), DesiredValue::List(items)) => {
            let mut items: Vec<_> = items.iter().map(|item| encode_node(item, field.compare)).collect();
            items.sort_unstable();
            Some(format!("[{}]", items.concat()))
        }
        _ => None,
    }
}

/// A text that is the same for equal values only.
pub(super) fn encode_node(wanted: &DesiredNode, compare: ComparisonRule) -> String {
    let mut out = String::new();
    write_desired(&mut out, &wanted.value, compare);
    out
}

/// A text that is the same for what means the same in a field.
fn encode_field(field: &Field, wanted: Option<&DesiredNode>) -> String {
    let Some(wanted) = wanted.filter(|wanted| !equals_absent(field, &wanted.value)) else {
        return "-".into();
    };
    encode_items(field, wanted).unwrap_or_else(|| encode_node(wanted, field.compare))
}

/// Whether a wish says no more than its absence would.
fn equals_absent(field: &Field, desired: &DesiredValue) -> bool {
    match (&field.ty, desired) {
        (_, DesiredValue::Clear) => true,
        (
            FieldType::Scalar(ScalarType::String { .. } | ScalarType::Enum { .. }),
            DesiredValue::Literal(value),
        ) => value.is_blank(),
        (FieldType::Scalar(_), DesiredValue::Literal(value)) => {
            field.when_absent == AbsenceRule::Zero && value.is_zero()
        }
        (_, DesiredValue::List(items)) => items.is_empty(),
        (_, DesiredValue::Map(entries)) => entries.is_empty(),
        _ => false,
    }
}

fn write_desired(out: &mut String, desired: &DesiredValue, compare: ComparisonRule) {
    match desired {
        DesiredValue::Clear => out.push('~'),
        DesiredValue::Literal(value) => write_value(out, value, compare),
        DesiredValue::Source(slot) => write_tagged(out, '$', &format!("{slot:?}")),
        DesiredValue::Reference(reference) => {
            write_tagged(out, '&', reference.member.as_deref().unwrap_or_default());
            write_tagged(out, '=', &reference.name);
        }
        DesiredValue::Object(fields) => {
            out.push('{');
            for (number, wanted) in fields {
                write_tagged(out, '.', &number.to_string());
                write_desired(out, &wanted.value, compare);
            }
            out.push('}');
        }
        DesiredValue::Map(entries) => {
            let mut sorted: Vec<_> = entries.iter().collect();
            sorted.sort_by(|(a, _), (b, _)| a.cmp(b));
            out.push('{');
            for (key, wanted) in sorted {
                write_tagged(out, '.', key);
                write_desired(out, &wanted.value, compare);
            }
            out.push('}');
        }
        DesiredValue::List(items) => {
            out.push('[');
            items.iter().for_each(|item| write_desired(out, &item.value, compare));
            out.push(']');
        }
    }
}

/// A text that is the same for equal values only; values of one type are compared, so most need no tag.
pub(super) fn write_value(out: &mut String, value: &Value, compare: ComparisonRule) {
    match value {
        Value::Null => out.push('~'),
        Value::Boolean(flag) => write_tagged(out, 'f', &flag.to_string()),
        Value::Integer(number) => write_tagged(out, 'n', &number.to_string()),
        Value::Decimal(number) => write_tagged(out, 'n', &number.normalize().to_string()),
        Value::Number(number) => write_tagged(out, 'n', number),
        Value::KnownAfterApply(name) => write_tagged(out, 'l', name),
        Value::Uuid(guid) => write_tagged(out, 'g', &guid.simple().to_string()),
        Value::String(text) if compare == ComparisonRule::CaseInsensitive => {
            write_tagged(out, 't', &text.to_lowercase())
        }
        Value::String(text) => write_tagged(out, 't', text),
        Value::Date(date) => write_tagged(out, 'd', &date.value.to_string()),
        Value::DateTime(time) => write_tagged(out, 'm', &time.value.to_string()),
        Value::Array(items) => {
            out.push('[');
            items.iter().for_each(|item| write_value(out, item, compare));
            out.push(']');
        }
        Value::Map(entries) => {
            let mut sorted: Vec<_> = entries.iter().collect();
            sorted.sort_by(|(a, _), (b, _)| a.cmp(b));
            out.push('{');
            for (key, value) in sorted {
                write_tagged(out, '.', key);
                write_value(out, value, compare);
            }
            out.push('}');
        }
        Value::Object(object) => {
            out.push('{');
            for (number, value) in object.fields() {
                write_tagged(out, '.', &number.to_string());
                write_value(out, value, compare);
            }
            out.push('}');
        }
    }
}

/// With its length, so that no text can run into the next.
fn write_tagged(out: &mut String, tag: char, text: &str) {
    // writing to a string can't fail
    let _ = write!(out, "{tag}{}:{text}", text.len());
}
