//! The complete request of a step, in the API's own names and forms.
//!
//! A write of everything carries the whole proposal: managed and unmanaged fields, strangers, row ids. A write
//! of changes carries the top-level fields that differ, nested ones whole or in parts as the kind says, with
//! those riding along that the service might otherwise empty.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::exchange::{BodyEncoding, BodyForm, Method, PlannedRequest, WireValue};
use crate::kind::mask::is_unreadable;
use crate::kind::visit::{PathStep, walk_path};
use crate::kind::{
    AbsenceRule, ArrayType, Field, FieldType, ItemType, MapTypeName, NestedFields, NestedGranularity, Shape,
    WriteBody, WriteOperation, WrittenItems, address,
};
use crate::plan::encode::{
    PathTail, WriteMode, encode_changed_members, encode_object, encode_value, is_sent, list_carried_members,
};
use crate::plan::propose::ObjectProposal;
use crate::plan::{Change, PlanSubject, Step, StepAction, StepRequest};
use crate::value::{Object, PathSegment, Value, ValuePath};

/// How a request is to be made.
#[derive(Clone, Copy)]
pub struct UpdateOptions {
    /// Unchanged nested fields ride along with changed ones, where the kind asks for it.
    pub also_send_nested: bool,
}

/// The request that makes the live object what was proposed.
pub fn build_update(
    subject: &PlanSubject,
    write: &WriteOperation,
    live: &Object,
    proposal: &ObjectProposal,
    manner: UpdateOptions,
) -> StepRequest {
    let mut planned = match write.body {
        WriteBody::Full => build_full_update(subject, write, live, proposal),
        WriteBody::Changes => build_partial_update(subject, write, proposal, manner),
    };
    let shape = &subject.kind.shape;
    planned.request.idempotent &=
        !creates_rows(shape, proposal) && !starts_confirmation(shape, &proposal.changes);
    planned
}

/// Whether a change makes the service ask someone to confirm it: sent twice, it would ask twice.
pub fn starts_confirmation(shape: &Shape, changes: &[Change]) -> bool {
    let field = |change: &Change| change.path.top_field().and_then(|name| shape.find_field(name));
    changes.iter().filter_map(field).any(|field| field.when_absent == AbsenceRule::Pending)
}

/// Whether the service makes rows for new list items: sent twice, they might be there twice.
fn creates_rows(shape: &Shape, proposal: &ObjectProposal) -> bool {
    proposal.changes.iter().any(|change| {
        let field = change.path.top_field().and_then(|name| shape.find_field(name));
        let Some(FieldType::Array(list)) = field.map(|field| &field.ty) else { return false };
        let is_item = matches!(change.path.0.as_slice(), [_, PathSegment::Item { .. }]);
        let has_row_ids = list.item_identity().is_some_and(|identity| identity.row_id_field().is_some());
        is_item && change.before.is_none() && has_row_ids
    })
}

/// In lists of which only changed items travel: leaves the unchanged ones out, and says which are removed.
fn keep_changed_items(
    shape: &Shape,
    live: &Object,
    proposal: &ObjectProposal,
    members: &mut Vec<(String, WireValue)>,
) {
    for field in &shape.fields {
        let FieldType::Array(list) = &field.ty else { continue };
        if list.write_items == WrittenItems::All {
            continue;
        }
        let items =
            |object: &Object| object.get_field(field.number).map(|v| v.items().to_vec()).unwrap_or_default();
        let (before, after) = (items(live), items(&proposal.desired));
        let requested = |index: usize| {
            proposal.changes.iter().any(|change| match change.path.0.as_slice() {
                [PathSegment::Field(name), PathSegment::Item { index: at, .. }, ..] => {
                    *name == field.name && *at == index
                }
                _ => false,
            })
        };
        let (changed, removed) = split_item_changes(list, (&before, &after), &requested);
        if let Some((_, wire)) = members.iter_mut().find(|(name, _)| *name == *field.write_to) {
            *wire = encode_value(field, &Value::Array(changed), WriteMode::Update);
        }
        if let (Some(removals), ItemType::Object(item)) = (&list.delete_items_through, &list.item) {
            let gone = removed.iter().filter_map(Value::as_object).map(|object| {
                let fields = removals.keys.iter().map(|number| item.get_field(*number));
                let member = |field: &Field| {
                    let value = object.get_field(field.number).unwrap_or(&Value::Null);
                    (field.write_to.to_string(), encode_value(field, value, WriteMode::Update))
                };
                WireValue::Object(fields.map(member).collect())
            });
            members.push((removals.member.to_string(), WireValue::Array(gone.collect())));
        }
    }
}

/// The items that are new or of which a change is asked for, and those that are gone; by row id. An item with a
/// value that cannot be seen and is left alone differs, and is no change.
fn split_item_changes(
    list: &ArrayType,
    (before, after): (&[Value], &[Value]),
    requested: &dyn Fn(usize) -> bool,
) -> (Vec<Value>, Vec<Value>) {
    let Some(identity) = list.item_identity() else { return (after.to_vec(), Vec::new()) };
    let find_row = |rows: &[Value], item: &Value| rows.iter().position(|row| identity.is_same_row(row, item));
    let is_sent = |item: &&Value| find_row(before, item).is_none_or(requested);
    let is_gone = |item: &&Value| find_row(after, item).is_none();
    (after.iter().filter(is_sent).cloned().collect(), before.iter().filter(is_gone).cloned().collect())
}

fn build_full_update(
    subject: &PlanSubject,
    write: &WriteOperation,
    live: &Object,
    proposal: &ObjectProposal,
) -> StepRequest {
    let mut body = encode_object(&subject.kind.shape, &proposal.desired, WriteMode::Update);
    if let WireValue::Object(members) = &mut body {
        keep_own_members(subject, write, members);
        keep_changed_items(&subject.kind.shape, live, proposal, members);
    }
    let changed: BTreeSet<&str> =
        proposal.changes.iter().filter_map(|change| change.path.top_field()).collect();
    let mut along = list_unchanged_fields(&subject.kind.shape, &proposal.desired, &changed);
    along.retain(|name| is_own_member(subject, write, name, |field| &field.name));
    build_step_request(subject, write, (body, Vec::new()), (list_changed_pointers(proposal), along))
}

/// Of several updates: leaves out what the others take.
fn keep_own_members(subject: &PlanSubject, write: &WriteOperation, members: &mut Vec<(String, WireValue)>) {
    members.retain(|(name, _)| is_own_member(subject, write, name, |field| &field.write_to));
}

/// Whether an update takes a member; what no field describes goes with the update of all other fields.
fn is_own_member(
    subject: &PlanSubject,
    write: &WriteOperation,
    name: &str,
    spell: impl Fn(&Field) -> &Arc<str>,
) -> bool {
    let kind = &subject.kind;
    let field = kind.shape.fields.iter().find(|field| **spell(field) == *name);
    let is_rest = || kind.operations.updates.iter().all(|other| other.fields != write.fields);
    field.map_or_else(is_rest, |field| write.takes_field(field.number))
}

/// Names of what travels unchanged, strangers last.
fn list_unchanged_fields(shape: &Shape, wanted: &Object, changed: &BTreeSet<&str>) -> Vec<String> {
    let known = shape.fields.iter().filter(|field| {
        is_sent(field, wanted.get_field(field.number), WriteMode::Update) && !changed.contains(&*field.name)
    });
    let carried = list_carried_members(shape, wanted).map(|own| own.name.to_string());
    known.map(|field| field.name.to_string()).chain(carried).collect()
}

fn build_partial_update(
    subject: &PlanSubject,
    write: &WriteOperation,
    proposal: &ObjectProposal,
    manner: UpdateOptions,
) -> StepRequest {
    let shape = &subject.kind.shape;
    let (mut body, mut along, mut query) = (Vec::new(), Vec::new(), Vec::new());
    let changed: BTreeSet<&str> =
        proposal.changes.iter().filter_map(|change| change.path.top_field()).collect();
    let fields = || shape.fields.iter().filter(|field| changed.contains(&*field.name));
    let nested = write.nested_fields.as_ref().filter(|_| fields().any(Field::is_nested));
    let parts = nested.is_none_or(|nested| nested.granularity == NestedGranularity::Members);
    for field in fields() {
        let value = proposal.desired.get_field(field.number).unwrap_or(&Value::Null);
        let wire = if parts {
            let paths = proposal.changes.iter().map(|change| &change.path);
            let below = paths.filter(|path| path.top_field() == Some(&*field.name));
            let below: Vec<PathTail> = below.map(|path| &path.0[1..]).collect();
            encode_changed_members(field, value, &below, merges_deeply(write))
        } else {
            encode_value(field, value, WriteMode::Update)
        };
        body.push((field.write_to.to_string(), wire));
    }
    if let Some(nested) = nested {
        query.clone_from(&nested.query);
        let riders = list_protected_fields(shape, nested, &proposal.desired);
        for field in riders.filter(|field| manner.also_send_nested && !changed.contains(&*field.name)) {
            body.push((field.write_to.to_string(), encode_carried_field(field, &proposal.desired)));
            along.push(field.name.to_string());
        }
    }
    build_step_request(
        subject,
        write,
        (WireValue::Object(body), query),
        (list_changed_pointers(proposal), along),
    )
}

/// Whether an update merges objects in objects too.
fn merges_deeply(write: &WriteOperation) -> bool {
    write.body_form.encoding == BodyEncoding::MergePatch
}

/// The fields that are sent with a changed nested one, so that the service empties none of them: those that the kind
/// names, and any other nested field that holds something.
fn list_protected_fields<'s>(
    shape: &'s Shape,
    nested: &'s NestedFields,
    object: &'s Object,
) -> impl Iterator<Item = &'s Field> {
    let named = nested.also_send.iter().map(|number| shape.get_field(*number));
    let holds = |field: &&Field| {
        let is_ours = field.is_nested() && !field.behavior.read_only && !field.omit_from_writes;
        is_ours
            && !nested.also_send.is_empty()
            && !nested.also_send.contains(&field.number)
            && object.get_field(field.number).is_some_and(|value| !value.is_blank())
    };
    named.chain(shape.fields.iter().filter(holds))
}

/// A live value in full, in the form in which it was read.
fn encode_carried_field(field: &Field, object: &Object) -> WireValue {
    let value = object.get_field(field.number).filter(|value| !matches!(value, Value::Null));
    let value = value.cloned().unwrap_or_else(|| field.ty.build_zero_value());
    match object.find_source(field.number) {
        Some(source) => WireValue::Raw(source.to_owned()),
        None => encode_value(field, &value, WriteMode::Update),
    }
}

/// The request of a step with the values of all required fields added, for a service that asks for them even
/// of a write of changes; `None` where that is not known to happen.
///
/// # Errors
/// The required fields whose live value cannot be seen; nothing is sent in their place.
pub fn add_required_fields(step: &Step) -> Option<Result<PlannedRequest, Vec<Arc<str>>>> {
    let planned = step.requests.first().filter(|_| step.action == StepAction::Update)?;
    let write = planned.operation.as_ref().filter(|write| write.retry_with_required)?;
    let mut request = planned.request.clone();
    let Some(WireValue::Object(members)) = &mut request.body else { return None };
    let mut hidden = Vec::new();
    for field in &step.subject.kind.shape.fields {
        if !write.takes_field(field.number) || !is_missing_required(field, members) {
            continue;
        }
        let live = step.live.as_ref().and_then(|live| live.get_field(field.number));
        let is_risky = step.unsendable_paths.iter().any(|path| path.top_field() == Some(&*field.name));
        match step.desired.get_field(field.number) {
            Some(value) if !is_risky && !is_unreadable(field, live) && !value.is_blank() => {
                members.push((field.write_to.to_string(), encode_value(field, value, WriteMode::Update)));
            }
            _ => hidden.push(field.name.clone()),
        }
    }
    Some(if hidden.is_empty() { Ok(request) } else { Err(hidden) })
}

/// Whether a body lacks a required field that an update may hold.
pub fn is_missing_required(field: &Field, members: &[(String, WireValue)]) -> bool {
    let rights = field.behavior;
    let ours = rights.required && !rights.read_only && !rights.immutable && !field.omit_from_writes;
    ours && !members.iter().any(|(name, _)| **name == *field.write_to)
}

/// Whether a request carries the live value at a path that the document does not name.
pub fn replaces_path(
    shape: &Shape,
    write: &WriteOperation,
    proposal: &ObjectProposal,
    planned: &StepRequest,
    path: &ValuePath,
) -> bool {
    if write.body == WriteBody::Full {
        return true;
    }
    let Some(top) = path.top_field().filter(|_| path.0.len() > 1) else { return false };
    let under_top = || proposal.changes.iter().filter(|change| change.path.top_field() == Some(top));
    let sent = under_top().next().is_some() || planned.sent_unchanged.iter().any(|name| name == top);
    let whole =
        write.nested_fields.as_ref().is_some_and(|nested| nested.granularity == NestedGranularity::Whole);
    if merges_deeply(write) && !whole {
        let is_carried = planned.sent_unchanged.iter().any(|name| name == top);
        return is_carried || under_top().any(|change| is_in_merged_value(shape, &change.path, path));
    }
    if splits_list(shape, write, path) {
        return under_top().any(|change| is_in_sent_item(write, &change.path, path));
    }
    // lists are sent in full, and so is each member of an object that is sent in parts
    let is_in_list = matches!(path.0.get(1), Some(PathSegment::Item { .. }));
    let is_in_sent_member =
        path.0.len() > 2 && under_top().any(|change| change.path.0.get(1) == path.0.get(1));
    // a change of the object as a whole
    let is_under_change = under_top().any(|change| change.path.0.len() == 1);
    sent && (whole || is_in_list || is_in_sent_member || is_under_change)
}

/// Whether a path leads into a list of which an update sends single items, by the names of their members.
pub fn splits_list(shape: &Shape, write: &WriteOperation, path: &ValuePath) -> bool {
    let field = path.top_field().and_then(|name| shape.find_field(name));
    let Some(FieldType::Array(list)) = field.map(|field| &field.ty) else { return false };
    let is_whole = |nested: &NestedFields| nested.granularity == NestedGranularity::Whole;
    let is_granular = list.keyed_members.is_some_and(|keyed| keyed.map_type == MapTypeName::Granular);
    is_granular && write.body == WriteBody::Changes && !write.nested_fields.as_ref().is_some_and(is_whole)
}

/// Whether a change of such a list sends what is at a path: in the same item, or in the same member of it where the
/// service merges those too.
pub fn is_in_sent_item(write: &WriteOperation, change: &ValuePath, path: &ValuePath) -> bool {
    let depth = change.0.len().min(if merges_deeply(write) { 3 } else { 2 });
    change.count_common_segments(path) >= depth
}

/// Whether a merge of a change sends what is at a path: the change is of something above or below it, or both are in
/// a list that is sent whole.
fn is_in_merged_value(shape: &Shape, change: &ValuePath, path: &ValuePath) -> bool {
    let common = change.count_common_segments(path);
    let is_granular = |field: &Field| match &field.ty {
        FieldType::Array(list) => {
            list.keyed_members.is_some_and(|keyed| keyed.map_type == MapTypeName::Granular)
        }
        FieldType::Map(map) => map.map_type == MapTypeName::Granular,
        _ => true,
    };
    let steps = walk_path(shape, path);
    let is_whole = |step: &PathStep| {
        matches!(step.segment, PathSegment::Field(_)) && step.field.is_some_and(|field| !is_granular(field))
    };
    let is_one_in_the_other = common == change.0.len() || common == path.0.len();
    is_one_in_the_other || steps.iter().take(common).any(is_whole)
}

/// The request that makes a new object.
pub fn build_create(subject: &PlanSubject, write: &WriteOperation, proposal: &ObjectProposal) -> StepRequest {
    let shape = &subject.kind.shape;
    let body = encode_object(shape, &proposal.desired, WriteMode::Create);
    let taken = |path: &ValuePath| {
        !path
            .top_field()
            .and_then(|name| shape.find_field(name))
            .is_some_and(|field| field.behavior.update_only)
    };
    let sends = proposal.changes.iter().filter(|c| taken(&c.path)).map(|c| c.path.to_pointer()).collect();
    build_step_request(subject, write, (body, Vec::new()), (sends, Vec::new()))
}

/// The update after a create, for fields that a create does not take. It is made anew once the object is
/// there; until then its path keeps the `{id}`, and its body is what is known.
pub fn build_create_followup(
    subject: &PlanSubject,
    write: &WriteOperation,
    proposal: &ObjectProposal,
    options: UpdateOptions,
) -> Option<StepRequest> {
    let shape = &subject.kind.shape;
    let late = |path: &ValuePath| {
        path.top_field()
            .and_then(|name| shape.find_field(name))
            .is_some_and(|field| field.behavior.update_only && write.takes_field(field.number))
    };
    let changes: Vec<Change> = proposal.changes.iter().filter(|change| late(&change.path)).cloned().collect();
    if changes.is_empty() {
        return None;
    }
    let late = ObjectProposal { desired: proposal.desired.clone(), changes, ..ObjectProposal::default() };
    if write.body == WriteBody::Changes {
        return Some(build_partial_update(subject, write, &late, options));
    }
    let mut body = encode_object(shape, &late.desired, WriteMode::Update);
    if let WireValue::Object(members) = &mut body {
        keep_own_members(subject, write, members);
    }
    Some(build_step_request(subject, write, (body, Vec::new()), (list_changed_pointers(&late), Vec::new())))
}

/// The request that deletes an object.
pub fn build_delete(subject: &PlanSubject) -> Option<StepRequest> {
    let delete = subject.kind.operations.delete.as_ref()?;
    let mut query = address::build_scope_query(&subject.kind, &subject.scope);
    query.extend(delete.query.iter().map(|(name, value)| (name.clone(), value.clone())));
    let members = delete.body.as_ref().and_then(serde_json::Value::as_object);
    let body = members.map(|members| {
        let raw = |value: &serde_json::Value| WireValue::Raw(value.to_string());
        WireValue::Object(members.iter().map(|(name, value)| (name.clone(), raw(value))).collect())
    });
    let request = PlannedRequest {
        method: Method::Delete,
        path: address::expand_path(&delete.delete, &subject.kind, &subject.scope, subject.id.as_ref()),
        query,
        body,
        body_form: BodyForm::default(),
        idempotent: true,
    };
    Some(StepRequest { request, operation: None, changed_pointers: Vec::new(), sent_unchanged: Vec::new() })
}

fn build_step_request(
    subject: &PlanSubject,
    write: &WriteOperation,
    (body, mut query): (WireValue, Vec<(String, String)>),
    (sends, along): (Vec<String>, Vec<String>),
) -> StepRequest {
    query.splice(0..0, write.query.iter().cloned());
    query.splice(0..0, address::build_scope_query(&subject.kind, &subject.scope));
    let request = PlannedRequest {
        method: write.method,
        path: address::expand_path(&write.path, &subject.kind, &subject.scope, subject.id.as_ref()),
        query,
        body: Some(body),
        body_form: write.body_form.clone(),
        idempotent: write.method != Method::Post,
    };
    let operation = Some(Box::new(write.clone()));
    StepRequest { request, operation, changed_pointers: sends, sent_unchanged: along }
}

fn list_changed_pointers(proposal: &ObjectProposal) -> Vec<String> {
    proposal.changes.iter().map(|change| change.path.to_pointer()).collect()
}
