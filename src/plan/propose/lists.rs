//! Lists and maps of a proposal: written ones are complete or upserts, as the kind says.
//!
//! Items are overlaid on the live ones they pair with; what is not listed goes or stays; a new item is one
//! change as a whole. The order of live items is kept wherever it means nothing.

use super::{ChangeContext, ObjectProposal, ProposalBuilder, as_object_fields, build_cleared_value};
use crate::diagnostic::{Diagnostic, SourceSpan};
use crate::document::{DesiredNode, DesiredValue};
use crate::kind::equality::is_equal;
use crate::kind::identity::{ItemIdentity, UnmatchedItem, UnmatchedReason};
use crate::kind::{
    AbsenceRule, ArrayType, ClearValue, Field, ItemType, ListType, MapType, Shape, WrittenItems,
};
use crate::plan::ChangeValueType;
use crate::value::{Object, PathSegment, Sensitivity, Value, ValuePath};

impl ProposalBuilder<'_> {
    pub(super) fn merge_list(
        &mut self,
        field: &Field,
        list: &ArrayType,
        live: Option<&Value>,
        (items, span): (&[DesiredNode], SourceSpan),
        path: &ValuePath,
    ) -> Option<Value> {
        let before = live.map(Value::items).unwrap_or_default();
        let count = self.proposal.changes.len();
        let after = match (list.item_identity(), &list.list_type) {
            (Some(identity), _) => self.merge_keyed_list((list, identity), before, items, path)?,
            (None, ListType::Atomic) => self.merge_ordered_list(field, list, before, items, path),
            _ => self.merge_set(field, list, before, items, path),
        };
        let settled = self.proposal.changes.len() == count
            && live.is_some_and(|live| live.items().len() == after.len());
        if settled && list.reports_order {
            self.note_order(field, before, (items, span), list);
        }
        Some(Value::Array(after))
    }

    fn merge_keyed_list(
        &mut self,
        (list, identity): (&ArrayType, ItemIdentity),
        before: &[Value],
        items: &[DesiredNode],
        path: &ValuePath,
    ) -> Option<Vec<Value>> {
        let live: Vec<&Object> = before.iter().filter_map(Value::as_object).collect();
        let wanted: Vec<&[(u16, DesiredNode)]> = items.iter().map(as_object_fields).collect();
        let shape = identity.shape;
        let pairs = match identity.match_items(&wanted, &live) {
            Ok(pairs) => pairs,
            Err(faults) => {
                faults.iter().for_each(|fault| self.report_unmatched_item(fault, items));
                return None;
            }
        };
        let look = |span| ChangeContext {
            value_type: ChangeValueType::from_item(&list.item),
            sensitivity: Sensitivity::Public,
            span,
        };
        let mut rows = MergedRows::default();
        for (index, item) in before.iter().enumerate() {
            let at = path.join_segment(list.build_item_segment(index, item, before));
            match pairs.iter().position(|pair| *pair == Some(index)) {
                Some(desired) => {
                    rows.begin_row(&self.proposal);
                    let above = std::mem::replace(&mut self.current_span, items[desired].span);
                    let (changes, hidden) = (self.proposal.changes.len(), self.proposal.hidden.len());
                    let (risks, clears, shown) = (
                        self.proposal.carry_risks.len(),
                        self.proposal.hidden_clears.len(),
                        self.proposal.shown_secrets.len(),
                    );
                    let object = self.merge_object(shape, item.as_object(), wanted[desired], &at);
                    self.current_span = above;
                    let stays =
                        self.proposal.changes.len() == changes && list.write_items == WrittenItems::Changed;
                    // a row that is not sent is not remembered as written and carries nothing
                    if stays {
                        self.proposal.hidden.truncate(hidden);
                        self.proposal.carry_risks.truncate(risks);
                        self.proposal.hidden_clears.truncate(clears);
                        self.proposal.shown_secrets.truncate(shown);
                    }
                    let object = Value::Object(Box::new(object));
                    rows.after.push(if stays { item.clone() } else { object });
                }
                None if list.deletes_unlisted => {
                    self.push_change(at, Some(item.clone()), None, look(None));
                }
                None if items.is_empty() => {
                    rows.after.push(self.clear_item(list, item, &at));
                }
                None => {
                    if list.write_items == WrittenItems::All {
                        self.check_unmanaged_item(&list.item, Some(item), &at);
                    }
                    rows.after.push(item.clone());
                }
            }
        }
        // behind all that are there, so that no new item is taken for one that goes
        for (index, desired) in
            (before.len()..).zip((0..pairs.len()).filter(|desired| pairs[*desired].is_none()))
        {
            rows.begin_row(&self.proposal);
            let item = self.build_new_item(
                shape,
                &items[desired],
                &path.join_segment(PathSegment::Item { index, key: Vec::new() }),
            );
            let at = path.join_segment(list.build_item_segment(index, &item, &rows.after));
            self.push_change(at, None, Some(item.clone()), look(Some(items[desired].span)));
            rows.after.push(fill_null_fields(shape, item));
        }
        rows.rekey_hidden_values(list, path, &mut self.proposal);
        Some(rows.after)
    }

    /// An item of an emptied list that the service keeps: without the values that make it count.
    fn clear_item(&mut self, list: &ArrayType, item: &Value, path: &ValuePath) -> Value {
        let (ItemType::Object(shape), Some(object)) = (&list.item, item.as_object()) else {
            return item.clone();
        };
        let mut object = object.clone();
        for field in list.cleared_item_fields.iter().map(|number| shape.get_field(*number)) {
            let (before, after) = (object.get_field(field.number).cloned(), build_cleared_value(field));
            if is_equal(field, before.as_ref(), Some(&after)) {
                continue;
            }
            object.set_field(field.number, after.clone());
            let context = ChangeContext {
                value_type: ChangeValueType::from_type(&field.ty),
                sensitivity: field.sensitivity,
                span: Some(self.current_span),
            };
            let at = path.join_segment(PathSegment::Field(field.name.clone()));
            self.push_change(at, before, Some(after), context);
        }
        let item = Value::Object(Box::new(object));
        self.check_unmanaged_item(&list.item, Some(&item), path);
        item
    }

    /// A new item as a whole: its values are not changes of their own.
    fn build_new_item(&mut self, shape: &Shape, item: &DesiredNode, path: &ValuePath) -> Value {
        let (count, creating) = (self.proposal.changes.len(), std::mem::replace(&mut self.creating, true));
        let list = path.0.iter().rev().find_map(|segment| match segment {
            PathSegment::Field(name) => Some(name.clone()),
            _ => None,
        });
        let (above, here) = (std::mem::replace(&mut self.new_item_list, list), self.current_span);
        self.current_span = SourceSpan { start: item.span.start, end: item.span.start };
        let object = self.merge_object(shape, None, as_object_fields(item), path);
        (self.new_item_list, self.current_span) = (above, here);
        self.proposal.changes.truncate(count);
        self.creating = creating;
        Value::Object(Box::new(object))
    }

    fn merge_ordered_list(
        &mut self,
        field: &Field,
        list: &ArrayType,
        before: &[Value],
        items: &[DesiredNode],
        path: &ValuePath,
    ) -> Vec<Value> {
        let mut after = Vec::with_capacity(items.len());
        for (index, wanted) in items.iter().enumerate() {
            let live = before.get(index);
            let at = path.join_segment(PathSegment::Item { index, key: Vec::new() });
            match (&list.item, live, &wanted.value) {
                (ItemType::Object(shape), Some(Value::Object(live)), DesiredValue::Object(fields)) => {
                    after.push(Value::Object(Box::new(self.merge_object(shape, Some(live), fields, &at))));
                }
                (ItemType::Object(shape), _, DesiredValue::Object(_)) => {
                    let item = self.build_new_item(shape, wanted, &at);
                    self.push_change(
                        at,
                        live.cloned(),
                        Some(item.clone()),
                        ChangeContext {
                            value_type: ChangeValueType::from_item(&list.item),
                            sensitivity: field.sensitivity,
                            span: Some(wanted.span),
                        },
                    );
                    after.push(fill_null_fields(shape, item));
                }
                (_, live, DesiredValue::Literal(value)) => {
                    if !live.is_some_and(|live| live.is_equivalent(value)) {
                        self.push_change(
                            at,
                            live.cloned(),
                            Some(value.clone()),
                            ChangeContext {
                                value_type: ChangeValueType::from_item(&list.item),
                                sensitivity: field.sensitivity,
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
            let at = path.join_segment(PathSegment::Item { index, key: Vec::new() });
            if list.deletes_unlisted {
                self.push_change(
                    at,
                    Some(item.clone()),
                    None,
                    ChangeContext {
                        value_type: ChangeValueType::from_item(&list.item),
                        sensitivity: field.sensitivity,
                        span: None,
                    },
                );
            } else {
                after.push(item.clone());
            }
        }
        after
    }

    fn merge_set(
        &mut self,
        field: &Field,
        list: &ArrayType,
        before: &[Value],
        items: &[DesiredNode],
        path: &ValuePath,
    ) -> Vec<Value> {
        let wanted = |item: &&DesiredNode| match &item.value {
            DesiredValue::Literal(value) => Some((value.clone(), item.span)),
            _ => None,
        };
        let wanted: Vec<(Value, SourceSpan)> = items.iter().filter_map(|item| wanted(&item)).collect();
        let mut after = Vec::with_capacity(before.len().max(items.len()));
        for (index, item) in before.iter().enumerate() {
            if wanted.iter().any(|(value, _)| value.is_equivalent(item)) || !list.deletes_unlisted {
                after.push(item.clone());
            } else {
                let at = path.join_segment(PathSegment::Item { index, key: Vec::new() });
                self.push_change(
                    at,
                    Some(item.clone()),
                    None,
                    ChangeContext {
                        value_type: ChangeValueType::from_item(&list.item),
                        sensitivity: field.sensitivity,
                        span: None,
                    },
                );
            }
        }
        let mut index = before.len();
        for (value, span) in wanted {
            if !before.iter().any(|item| item.is_equivalent(&value)) {
                let at = path.join_segment(PathSegment::Item { index, key: Vec::new() });
                index += 1;
                self.push_change(
                    at,
                    None,
                    Some(value.clone()),
                    ChangeContext {
                        value_type: ChangeValueType::from_item(&list.item),
                        sensitivity: field.sensitivity,
                        span: Some(span),
                    },
                );
                after.push(value);
            }
        }
        after
    }

    pub(super) fn merge_map(
        &mut self,
        field: &Field,
        map: &MapType,
        live: Option<&Value>,
        entries: &[(Box<str>, DesiredNode)],
        path: &ValuePath,
    ) -> Option<Value> {
        let before = match live {
            Some(Value::Map(before)) => before.as_slice(),
            _ => &[],
        };
        let is_live = |key: &str| before.iter().any(|(own, value)| **own == *key && *value != Value::Null);
        let keep_rest = !map.deletes_unlisted && !entries.is_empty();
        let mut after: Vec<(Box<str>, Value)> = if keep_rest { before.to_vec() } else { Vec::new() };
        after.retain(|(key, _)| !entries.iter().any(|(named, _)| named == key));
        self.check_carried_entries(field, &after, &|| path.clone());
        for (key, wanted) in entries {
            match &wanted.value {
                DesiredValue::Literal(value) => after.push((key.clone(), value.clone())),
                // where the service keeps what is not sent, null takes an entry out
                DesiredValue::Clear if !map.deletes_unlisted && is_live(key) => {
                    after.push((key.clone(), Value::Null));
                }
                _ => {}
            }
        }
        if !map.deletes_unlisted && entries.is_empty() {
            after.extend(before.iter().map(|(key, _)| (key.clone(), Value::Null)));
        }
        // an entry that is null says no more than one that is not there
        let (was, is) = (drop_null_entries(before), drop_null_entries(&after));
        if !self.creating && was.is_equivalent(&is) {
            return None;
        }
        self.push_entry_changes(field, map, (&was, &is), (entries, path));
        Some(Value::Map(after))
    }

    fn push_entry_changes(
        &mut self,
        field: &Field,
        map: &MapType,
        (before, after): (&Value, &Value),
        (entries, path): (&[(Box<str>, DesiredNode)], &ValuePath),
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
            if was.as_ref().zip(is.as_ref()).is_some_and(|(was, is)| was.is_equivalent(is)) {
                continue;
            }
            let span = entries.iter().find(|(named, _)| **named == *key).map(|(_, wanted)| wanted.span);
            let path = path.join_segment(PathSegment::Key(
                key.into(),
                map.resolve_key_sensitivity(key, field.sensitivity),
            ));
            self.push_change(
                path,
                was,
                is,
                ChangeContext {
                    value_type: ChangeValueType::Scalar(map.value.clone()),
                    sensitivity: field.sensitivity,
                    span,
                },
            );
        }
    }

    fn report_unmatched_item(&mut self, fault: &UnmatchedItem, items: &[DesiredNode]) {
        let span = items[fault.item].span;
        match &fault.reason {
            UnmatchedReason::Ambiguous(names) => {
                let hint = match names.is_empty() {
                    true => "the live items are alike; remove one of them by hand".to_owned(),
                    false => format!("name one of these too: {}", names.join(", ")),
                };
                self.push_error("ambiguous-item", "several live items match this one".into(), span, &hint);
            }
            UnmatchedReason::DuplicateMatch(first) | UnmatchedReason::DuplicateKey(first) => {
                let message = match fault.reason {
                    UnmatchedReason::DuplicateKey(_) => "these two items have no distinguishing key",
                    _ => "two items mean the same live one",
                };
                let first = self.locate_span(items[*first].span);
                let fault = Diagnostic::error("ambiguous-item", message)
                    .with_location(self.locate_span(span))
                    .with_related(first, "the other one")
                    .with_hint("keep one of the two, or add the key that distinguishes them");
                self.proposal.errors.push(fault);
            }
            UnmatchedReason::UnknownId(name) => {
                let message = format!("no live item has this `{name}`");
                self.push_error("unknown-item", message, span, "leave the id out to add a new item");
            }
        }
    }

    fn note_order(
        &mut self,
        field: &Field,
        before: &[Value],
        (items, span): (&[DesiredNode], SourceSpan),
        list: &ArrayType,
    ) {
        let Some(identity) = list.item_identity() else { return };
        let live: Vec<&Object> = before.iter().filter_map(Value::as_object).collect();
        let wanted: Vec<&[(u16, DesiredNode)]> = items.iter().map(as_object_fields).collect();
        let in_order = identity.match_items(&wanted, &live).is_ok_and(|pairs| pairs.is_sorted());
        if !in_order {
            let message = format!("the items of `{}` stand in another order in the live object", field.name);
            let note = Diagnostic::note("order-differs", message).with_location(self.locate_span(span));
            self.proposal.notes.push(note.with_hint("the order is left as it is"));
        }
    }
}

/// The rows of a list as they are to be.
#[derive(Default)]
struct MergedRows {
    after: Vec<Value>,
    /// Where the hidden values of a row begin, and which row it is.
    hidden_starts: Vec<(usize, usize)>,
}

impl MergedRows {
    /// The next row begins.
    fn begin_row(&mut self, out: &ObjectProposal) {
        self.hidden_starts.push((out.hidden.len(), self.after.len()));
    }

    /// Hidden values are remembered under the row as the next run will find it, not as it was.
    fn rekey_hidden_values(&self, list: &ArrayType, path: &ValuePath, out: &mut ObjectProposal) {
        let ends = self.hidden_starts.iter().skip(1).map(|(start, _)| *start).chain([out.hidden.len()]);
        for ((start, index), end) in self.hidden_starts.iter().zip(ends.collect::<Vec<_>>()) {
            let values = out.hidden.get_mut(*start..end).filter(|values| !values.is_empty());
            let (Some(values), Some(row)) = (values, self.after.get(*index)) else { continue };
            let step = list.build_item_segment(*index, row, &self.after);
            for own in values.iter_mut().filter_map(|(own, _)| own.0.get_mut(path.0.len())) {
                *own = step.clone();
            }
        }
    }
}

/// The entries of a map that are not null.
fn drop_null_entries(entries: &[(Box<str>, Value)]) -> Value {
    Value::Map(entries.iter().filter(|(_, value)| !matches!(value, Value::Null)).cloned().collect())
}

/// A new item with everything that can be null and is not named said to be null, as the service itself says it:
/// no one can tell whether it takes an item in part.
fn fill_null_fields(shape: &Shape, mut item: Value) -> Value {
    if let Value::Object(object) = &mut item {
        for field in shape.fields.iter().filter(|field| is_nullable(field)) {
            if object.get_field(field.number).is_none() {
                object.set_field(field.number, Value::Null);
            }
        }
    }
    item
}

fn is_nullable(field: &Field) -> bool {
    let ours = !field.behavior.read_only && !field.behavior.required && field.copy_of.is_none();
    ours && !field.is_nested()
        && (field.when_absent, field.clear_with) == (AbsenceRule::Null, ClearValue::Null)
}
