//! The complete request of a step, in the API's own names and forms.
//!
//! A write of everything carries the whole proposal: managed and unmanaged fields, strangers, row ids. A write
//! of changes carries the top-level fields that differ, nested ones whole or in parts as the kind says, with
//! those riding along that the service might otherwise empty.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::exchange::{Request, Verb, Wire};
use crate::kind::address;
use crate::kind::{Absent, Field, Item, ItemsSent, ListType, Sends, Shape, ToldApart, Travels, Type, Write};
use crate::plan::compare::{row_id, unseen};
use crate::plan::propose::Proposal;
use crate::plan::{Planned, Step, Subject};
use crate::value::{Object, Path, Segment, Value};

/// How a request is to be made.
#[derive(Clone, Copy)]
pub struct Manner {
    /// Unchanged nested fields ride along with changed ones, where the kind asks for it.
    pub carry_nested: bool,
}

/// The request that makes the live object what was proposed.
pub fn update(
    subject: &Subject,
    write: &Write,
    live: &Object,
    proposal: &Proposal,
    manner: Manner,
) -> Planned {
    let mut planned = match write.sends {
        Sends::Everything => everything(subject, write, live, proposal),
        Sends::Changes => changes(subject, write, proposal, manner),
    };
    planned.request.repeatable &= !makes_rows(&subject.kind.shape, proposal);
    planned
}

/// Whether the service makes rows for new list items: sent twice, they might be there twice.
fn makes_rows(shape: &Shape, proposal: &Proposal) -> bool {
    proposal.changes.iter().any(|change| {
        let list = change.path.top().and_then(|name| shape.named(name)).map(|field| &field.ty);
        let Some(Type::List(ListType {
            item: Item::Object(item), told_apart: ToldApart::Keys(keys), ..
        })) = list
        else {
            return false;
        };
        let is_item = matches!(change.path.0.as_slice(), [_, Segment::Item { .. }]);
        is_item && change.before.is_none() && row_id(item, keys).is_some()
    })
}

/// In lists of which only changed items travel: leaves the unchanged ones out, and says which are removed.
fn only_changed_items(shape: &Shape, live: &Object, proposal: &Proposal, members: &mut Vec<(String, Wire)>) {
    for field in &shape.fields {
        let Type::List(list) = &field.ty else { continue };
        if list.items_sent == ItemsSent::All {
            continue;
        }
        let items =
            |object: &Object| object.get(field.number).map(|v| v.items().to_vec()).unwrap_or_default();
        let (before, after) = (items(live), items(&proposal.wanted));
        let asked = |index: usize| {
            proposal.changes.iter().any(|change| match change.path.0.as_slice() {
                [Segment::Field(name), Segment::Item { index: at, .. }, ..] => {
                    *name == field.name && *at == index
                }
                _ => false,
            })
        };
        let (changed, removed) = item_changes(list, (&before, &after), &asked);
        if let Some((_, wire)) = members.iter_mut().find(|(name, _)| *name == *field.written_as) {
            *wire = whole(field, &Value::List(changed), Moment::Update);
        }
        if let (Some(removals), Item::Object(item)) = (&list.removals, &list.item) {
            let gone = removed.iter().filter_map(Value::as_object).map(|object| {
                let fields = removals.with.iter().map(|number| item.field(*number));
                let member = |field: &Field| {
                    let value = object.get(field.number).unwrap_or(&Value::Null);
                    (field.written_as.to_string(), whole(field, value, Moment::Update))
                };
                Wire::Object(fields.map(member).collect())
            });
            members.push((removals.through.to_string(), Wire::List(gone.collect())));
        }
    }
}

/// The items that are new or of which a change is asked for, and those that are gone; by row id. An item with a
/// value that cannot be seen and is left alone differs, and is no change.
fn item_changes(
    list: &ListType,
    (before, after): (&[Value], &[Value]),
    asked: &dyn Fn(usize) -> bool,
) -> (Vec<Value>, Vec<Value>) {
    let (Item::Object(shape), ToldApart::Keys(keys)) = (&list.item, &list.told_apart) else {
        return (after.to_vec(), Vec::new());
    };
    let id = |item: &Value| {
        let row = row_id(shape, keys)?;
        item.as_object()?.get(row.number).filter(|id| !id.is_zero()).cloned()
    };
    let was = |item: &&Value| {
        let own = id(item);
        let partner = before.iter().position(|other| own.is_some() && id(other) == own);
        partner.is_none_or(asked)
    };
    let stays = |item: &&Value| !after.iter().any(|other| id(other).is_some() && id(other) == id(item));
    (after.iter().filter(was).cloned().collect(), before.iter().filter(stays).cloned().collect())
}

fn everything(subject: &Subject, write: &Write, live: &Object, proposal: &Proposal) -> Planned {
    let mut body = whole_object(&subject.kind.shape, &proposal.wanted, Moment::Update);
    if let Wire::Object(members) = &mut body {
        only_changed_items(&subject.kind.shape, live, proposal, members);
    }
    let changed: BTreeSet<&str> = proposal.changes.iter().filter_map(|change| change.path.top()).collect();
    let along = carried(&subject.kind.shape, &proposal.wanted, &changed);
    planned(subject, write, (body, Vec::new()), (sends(proposal), along))
}

/// Names of what travels unchanged, strangers last.
fn carried(shape: &Shape, wanted: &Object, changed: &BTreeSet<&str>) -> Vec<String> {
    let known = shape.fields.iter().filter(|field| {
        travels(field, wanted.get(field.number), Moment::Update) && !changed.contains(&*field.name)
    });
    let strangers = wanted.strangers.iter().map(|stranger| stranger.name.to_string());
    known.map(|field| field.name.to_string()).chain(strangers).collect()
}

fn changes(subject: &Subject, write: &Write, proposal: &Proposal, manner: Manner) -> Planned {
    let shape = &subject.kind.shape;
    let (mut body, mut along, mut query) = (Vec::new(), Vec::new(), Vec::new());
    let changed: BTreeSet<&str> = proposal.changes.iter().filter_map(|change| change.path.top()).collect();
    let fields = || shape.fields.iter().filter(|field| changed.contains(&*field.name));
    let nested = write.nested.as_ref().filter(|_| fields().any(Field::is_nested));
    let parts = nested.is_none_or(|nested| nested.travels == Travels::Parts);
    for field in fields() {
        let value = proposal.wanted.get(field.number).unwrap_or(&Value::Null);
        let wire =
            if parts { part(field, value, &proposal.changes) } else { whole(field, value, Moment::Update) };
        body.push((field.written_as.to_string(), wire));
    }
    if let Some(nested) = nested {
        query.clone_from(&nested.query);
        let riders = nested.along.iter().map(|number| shape.field(*number));
        for field in riders.filter(|field| manner.carry_nested && !changed.contains(&*field.name)) {
            let value = proposal.wanted.get(field.number).filter(|value| !matches!(value, Value::Null));
            let value = value.cloned().unwrap_or_else(|| field.ty.zero());
            body.push((field.written_as.to_string(), whole(field, &value, Moment::Update)));
            along.push(field.name.to_string());
        }
    }
    planned(subject, write, (Wire::Object(body), query), (sends(proposal), along))
}

/// The request of a step with the values of all required fields added, for a service that asks for them even
/// of a write of changes; `None` where that is not known to happen.
///
/// # Errors
/// The required fields whose live value cannot be seen; nothing is sent in their place.
pub fn in_full(step: &Step) -> Option<Result<Request, Vec<Arc<str>>>> {
    let mut request = step.requests.first()?.request.clone();
    let operations = &step.subject.kind.operations;
    let asks = |write: &&Write| write.adds_required_when_asked && write.verb == request.verb;
    [&operations.update, &operations.replace].into_iter().flatten().find(asks)?;
    let Some(Wire::Object(members)) = &mut request.body else { return None };
    let mut hidden = Vec::new();
    for field in &step.subject.kind.shape.fields {
        if !is_left_out(field, members) {
            continue;
        }
        let live = step.live.as_ref().and_then(|live| live.get(field.number));
        match step.wanted.get(field.number) {
            Some(value) if !unseen(field, live) && !value.is_blank() => {
                members.push((field.written_as.to_string(), whole(field, value, Moment::Update)));
            }
            _ => hidden.push(field.name.clone()),
        }
    }
    Some(if hidden.is_empty() { Ok(request) } else { Err(hidden) })
}

/// Whether a body lacks a required field that an update may hold.
pub fn is_left_out(field: &Field, members: &[(String, Wire)]) -> bool {
    let rights = field.access;
    let ours = rights.required && !rights.computed && !rights.create_only && !field.never_sent;
    ours && !members.iter().any(|(name, _)| **name == *field.written_as)
}

/// Whether a request replaces what stands at a path, so that what it does not know of it is lost.
pub fn replaces(write: &Write, proposal: &Proposal, planned: &Planned, path: &Path) -> bool {
    if write.sends == Sends::Everything {
        return true;
    }
    let Some(top) = path.top().filter(|_| path.0.len() > 1) else { return false };
    let whole = write.nested.as_ref().is_some_and(|nested| nested.travels == Travels::Whole);
    let sent = proposal.changes.iter().any(|change| change.path.top() == Some(top))
        || planned.along.iter().any(|name| name == top);
    // a list always travels complete
    sent && (whole || matches!(path.0.get(1), Some(Segment::Item { .. })))
}

/// The request that makes a new object.
pub fn create(subject: &Subject, write: &Write, proposal: &Proposal) -> Planned {
    let shape = &subject.kind.shape;
    let body = whole_object(shape, &proposal.wanted, Moment::Create);
    let taken = |path: &Path| {
        !path.top().and_then(|name| shape.named(name)).is_some_and(|field| field.access.update_only)
    };
    let sends = proposal.changes.iter().filter(|c| taken(&c.path)).map(|c| c.path.pointer()).collect();
    planned(subject, write, (body, Vec::new()), (sends, Vec::new()))
}

/// The update after a create, for fields that a create does not take. It is made anew once the object is
/// there; until then its path keeps the `{id}`, and its body is what is known.
pub fn finish(subject: &Subject, write: &Write, proposal: &Proposal) -> Option<Planned> {
    let shape = &subject.kind.shape;
    let late = |path: &Path| {
        path.top().and_then(|name| shape.named(name)).is_some_and(|field| field.access.update_only)
    };
    let sends: Vec<String> =
        proposal.changes.iter().filter(|c| late(&c.path)).map(|c| c.path.pointer()).collect();
    if sends.is_empty() {
        return None;
    }
    let body = whole_object(shape, &proposal.wanted, Moment::Update);
    Some(planned(subject, write, (body, Vec::new()), (sends, Vec::new())))
}

/// The request that deletes an object.
pub fn delete(subject: &Subject) -> Option<Planned> {
    let delete = subject.kind.operations.delete.as_ref()?;
    let request = Request {
        verb: Verb::Delete,
        path: address::path(&delete.delete, &subject.kind, &subject.scope, subject.id.as_ref()),
        query: address::scope_query(&subject.kind, &subject.scope),
        body: None,
        repeatable: true,
    };
    Some(Planned { request, sends: Vec::new(), along: Vec::new() })
}

fn planned(
    subject: &Subject,
    write: &Write,
    (body, mut query): (Wire, Vec<(String, String)>),
    (sends, along): (Vec<String>, Vec<String>),
) -> Planned {
    query.splice(0..0, address::scope_query(&subject.kind, &subject.scope));
    let request = Request {
        verb: write.verb,
        path: address::path(&write.path, &subject.kind, &subject.scope, subject.id.as_ref()),
        query,
        body: Some(body),
        repeatable: write.verb != Verb::Post,
    };
    Planned { request, sends, along }
}

fn sends(proposal: &Proposal) -> Vec<String> {
    proposal.changes.iter().map(|change| change.path.pointer()).collect()
}

/// When an object is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Moment {
    Create,
    Update,
}

/// Whether a field belongs into a body that holds everything.
fn travels(field: &Field, value: Option<&Value>, moment: Moment) -> bool {
    let wrong_moment = match moment {
        Moment::Create => field.access.update_only || (field.access.computed && field.copy_of.is_none()),
        Moment::Update => field.access.create_only && field.access.write_only,
    };
    let always =
        moment == Moment::Update && matches!(field.ty, Type::List(_)) && field.absent == Absent::Zero;
    !field.never_sent && !wrong_moment && (value.is_some() || always)
}

fn whole_object(shape: &Shape, object: &Object, moment: Moment) -> Wire {
    let mut members = Vec::with_capacity(shape.fields.len());
    for field in &shape.fields {
        let value = object.get(field.number);
        if !travels(field, value, moment) {
            continue;
        }
        // a list that the service might keep when it is null is always said in full
        let value = match value {
            None | Some(Value::Null) if field.absent == Absent::Zero && field.is_nested() => field.ty.zero(),
            None => continue,
            Some(Value::Null) if moment == Moment::Create => continue,
            Some(value) => value.clone(),
        };
        members.push((field.written_as.to_string(), whole(field, &value, moment)));
    }
    let strangers = object.strangers.iter();
    members
        .extend(strangers.map(|stranger| (stranger.name.to_string(), Wire::Raw(stranger.raw.to_string()))));
    Wire::Object(members)
}

/// A value in full.
fn whole(field: &Field, value: &Value, moment: Moment) -> Wire {
    match (&field.ty, value) {
        (_, Value::Null) => Wire::Null,
        (Type::Leaf(leaf), value) => leaf.wire(value),
        (Type::Map(map), Value::Map(entries)) => Wire::Object(
            entries.iter().map(|(key, value)| (key.to_string(), map.value.wire(value))).collect(),
        ),
        (Type::Object(shape), Value::Object(object)) => whole_object(shape, object, moment),
        (Type::List(list), Value::List(items)) => Wire::List(
            items
                .iter()
                .map(|item| match (&list.item, item) {
                    (Item::Leaf(leaf), item) => leaf.wire(item),
                    (Item::Object(shape), Value::Object(object)) => whole_object(shape, object, moment),
                    (Item::Object(_), _) => Wire::Null,
                })
                .collect(),
        ),
        _ => Wire::Null,
    }
}

/// A value reduced to what differs: of objects and maps the members that do, anything else in full.
fn part(field: &Field, value: &Value, changes: &[crate::plan::Change]) -> Wire {
    let under: Vec<&Path> =
        changes.iter().map(|change| &change.path).filter(|p| p.top() == Some(&*field.name)).collect();
    let touched = |name: &str| {
        under.iter().any(|path| match path.0.get(1) {
            None => true,
            Some(Segment::Field(next)) => **next == *name,
            Some(Segment::Key(next, _)) => **next == *name,
            Some(Segment::Item { .. }) => true,
        })
    };
    match (&field.ty, value) {
        (Type::Object(shape), Value::Object(object)) => {
            let members = shape.fields.iter().filter(|inner| touched(&inner.name)).map(|inner| {
                let value = object.get(inner.number).unwrap_or(&Value::Null);
                (inner.written_as.to_string(), whole(inner, value, Moment::Update))
            });
            Wire::Object(members.collect())
        }
        (Type::Map(map), Value::Map(entries)) => {
            let mut members: Vec<(String, Wire)> = entries
                .iter()
                .filter(|(key, _)| touched(key))
                .map(|(key, value)| (key.to_string(), map.value.wire(value)))
                .collect();
            for path in under {
                // an entry that goes is said to be null
                if let Some(Segment::Key(key, _)) = path.0.get(1)
                    && !entries.iter().any(|(own, _)| own == key)
                {
                    members.push((key.to_string(), Wire::Null));
                }
            }
            Wire::Object(members)
        }
        _ => whole(field, value, Moment::Update),
    }
}
