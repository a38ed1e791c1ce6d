//! A small fixture of made-up kinds with every mark in every position, and plans over it, built by hand from
//! live and wanted JSON: differences and requests are the real ones, documents are not needed.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use serde_json::Value as Json;
use trueup::diagnostic::{Diagnostic, NamedSource, SourceLocation, SourceSpan};
use trueup::kind::registry::KindRegistry;
use trueup::kind::scalar::ScalarToken;
use trueup::kind::{FieldType, ItemType, Kind, ScalarType, Shape, WriteBody};
use trueup::plan::compare::diff_objects;
use trueup::plan::propose::ObjectProposal;
use trueup::plan::request::{self, UpdateOptions};
use trueup::plan::{
    Change, ChangeValueType, Plan, PlanSubject, RefusedObject, Step, StepAction, StepRequest, UnchangedObject,
};
use trueup::value::{Object, PathSegment, UnknownField, Value};

const API: &str = "
format: 1
title: Harbor
description: A harbor office.
base_url: https://api.harbor.example
hosts: [api.harbor.example]
formats: [json]
uuid_format: hyphenated
auth: [bearer]
";

const GATEWAY: &str = "
format: 1
title: Gateway
description: A gateway.
scope:
  customerId: { type: uuid, description: The customer. }
identity: { id: id, natural_key: [displayName] }
operations:
  list: { get: '/customers/{customerId}/gateways' }
  create: { post: '/customers/{customerId}/gateways' }
  update: { put: '/customers/{customerId}/gateways/{id}', body: full }
  delete: { delete: '/customers/{customerId}/gateways/{id}' }
properties:
  id: { type: uuid, description: Its id., read_only: true }
  displayName: { type: string, description: Its name., required: true }
  merchantKey: { type: string, description: Its key., sensitivity: secret, when_absent: hidden }
  merchantPin: { type: string, description: Its PIN., sensitivity: secret, when_absent: hidden }
  contact: { type: string, description: Whom to call., sensitivity: personal }
  callback: { type: string, description: Where results go., sensitivity: internal }
  testMode: { type: integer, description: Whether it is a rehearsal. }
  allowToken: { type: boolean, description: Whether it keeps tokens. }
  maxPaymentAmount: { type: decimal, description: The most it takes. }
  opened: { type: date, description: The first day. }
  receipt: { type: string, description: What a receipt says. }
  note: { type: string, description: A note. }
  raw: { type: any, description: Anything. }
  billTypes:
    type: array
    description: Bill types.
    unlisted_items: delete
    list_type: map
    list_keys: [[billTypeId], [id]]
    items:
      properties:
        id: { type: uuid, description: Its id., read_only: true }
        billTypeId: { type: integer, description: Its number., required: true }
        applyConvenienceFee: { type: boolean, description: Whether it bears a fee. }
        clerk: { type: string, description: Who is responsible., sensitivity: personal }
        token: { type: string, description: A token., sensitivity: secret }
        limits:
          type: object
          description: Limits.
          properties:
            most: { type: decimal, description: The most. }
            least: { type: decimal, description: The least. }
  accessKeys:
    type: array
    description: Keys.
    unlisted_items: delete
    list_type: map
    list_keys: [[value]]
    items:
      properties:
        value: { type: string, description: The key., sensitivity: personal, required: true }
        description: { type: string, description: What it is for. }
  owner:
    type: object
    description: The owner.
    sensitivity: personal
    properties:
      city: { type: string, description: Where. }
      phones: { type: map, description: Numbers., items: { type: string }, unlisted_items: delete }
";

const PARTNER: &str = "
format: 1
title: Partner
description: A partner.
identity: { id: sid, natural_key: [name] }
operations:
  list: { get: /partners }
  create: { post: /partners }
  update:
    patch: '/partners/{sid}'
    body: changes
    nested_fields: { granularity: whole, query: { nested_objects: replace }, also_send: [attributes, hosts] }
properties:
  sid: { type: string, description: Its id., read_only: true, sensitivity: personal }
  name: { type: string, description: Its name., required: true }
  email: { type: string, description: Its address., sensitivity: personal, when_absent: pending }
  attributes: { type: map, description: Free words., items: { type: string }, unlisted_items: delete }
  people: { type: map, description: Who does what., sensitivity: personal, items: { type: string }, unlisted_items: delete }
  hosts: { type: array, description: Hosts., unlisted_items: delete, list_type: set, items: { type: string } }
  members: { type: array, description: Who belongs to it., sensitivity: personal, unlisted_items: delete, list_type: set, items: { type: string } }
";

static REGISTRY: LazyLock<KindRegistry> = LazyLock::new(|| {
    let texts = [("api", API), ("gateway", GATEWAY), ("partner", PARTNER)];
    let files = texts.map(|(name, text)| (format!("apis/harbor/{name}.yaml"), text.to_owned()));
    let mut faults = Vec::new();
    let registry = KindRegistry::with_workspace(files.into(), &mut faults);
    let faults: Vec<_> = faults.iter().map(|fault| format!("{}: {}", fault.code, fault.message)).collect();
    assert!(faults.is_empty(), "{faults:#?}");
    registry
});

pub fn kind(name: &str) -> Arc<Kind> {
    REGISTRY.find_kind(name).unwrap()
}

/// An object as a service might have answered it; what the kind does not know becomes a stranger.
pub fn object(shape: &Shape, json: &Json) -> Object {
    let mut object = Object::default();
    for (name, json) in json.as_object().unwrap() {
        match shape.find_field(name) {
            Some(field) => object.set_field(field.number, value(&field.ty, json)),
            None => object
                .unknown_fields
                .push(UnknownField { name: name.as_str().into(), raw: json.to_string().into() }),
        }
    }
    object
}

pub fn value(ty: &FieldType, json: &Json) -> Value {
    match (ty, json) {
        (_, Json::Null) => Value::Null,
        (FieldType::Scalar(scalar_field), json) => scalar(scalar_field, json),
        (FieldType::Object(shape), json) => Value::Object(Box::new(object(shape, json))),
        (FieldType::Map(map), Json::Object(entries)) => Value::Map(
            entries.iter().map(|(key, json)| (key.as_str().into(), scalar(&map.value, json))).collect(),
        ),
        (FieldType::Array(list), Json::Array(items)) => Value::Array(
            items
                .iter()
                .map(|json| match &list.item {
                    ItemType::Scalar(scalar_field) => scalar(scalar_field, json),
                    ItemType::Object(shape) => Value::Object(Box::new(object(shape, json))),
                })
                .collect(),
        ),
        _ => panic!("no value of this type"),
    }
}

fn scalar(scalar_field: &ScalarType, json: &Json) -> Value {
    let number = json.to_string();
    let token = match json {
        Json::Bool(flag) => ScalarToken::Boolean(*flag),
        Json::Number(_) => ScalarToken::Number(&number),
        Json::String(text) => ScalarToken::String(text),
        Json::Array(items) => {
            return Value::Array(items.iter().map(|item| scalar(scalar_field, item)).collect());
        }
        Json::Object(members) => {
            return Value::Map(
                members.iter().map(|(key, json)| (key.as_str().into(), scalar(scalar_field, json))).collect(),
            );
        }
        Json::Null => return Value::Null,
    };
    scalar_field.read_token(token).unwrap_or_else(|mismatch| panic!("{}", mismatch.message))
}

/// A document, as far as places in it are asked for.
pub fn source(path: &str, text: &str) -> Arc<NamedSource> {
    NamedSource::new(path, text)
}

/// The place of the first `part` in a source.
pub fn place_of(source: &Arc<NamedSource>, part: &str) -> SourceLocation {
    let start = source.text.find(part).unwrap_or_else(|| panic!("no {part}")) as u32;
    source.locate_span(SourceSpan { start, end: start + part.len() as u32 })
}

pub fn subject(kind: &str, name: &str, id: Option<&str>, source: &Arc<NamedSource>) -> PlanSubject {
    let kind = self::kind(kind);
    let customer =
        value(&FieldType::Scalar(ScalarType::Uuid), &Json::from("3f2b8c1e-5d4a-4e7f-9a60-1b2c3d4e5f60"));
    PlanSubject {
        number: 0,
        scope: kind.scope.iter().map(|_| customer.clone()).collect(),
        id: id.map(|id| value(&kind.id_field().ty, &Json::from(id))),
        name: name.into(),
        environment: None,
        target: "bay".into(),
        place: source.locate_span(SourceSpan::default()),
        kind,
    }
}

/// What a step changes; where the document names the field, with its place.
pub fn changes(subject: &PlanSubject, live: &Object, wanted: &Object) -> Vec<Change> {
    let skip = |field: &trueup::kind::Field| field.behavior.read_only;
    let mut changes: Vec<Change> =
        diff_objects(&subject.kind.shape, live, wanted, &skip).into_iter().flat_map(entries).collect();
    for change in &mut changes {
        let line = change.path.top_field().map(|top| format!("  {top}:")).unwrap_or_default();
        let source = &subject.place.source;
        change.place = source.text.contains(&line).then(|| place_of(source, &line));
    }
    changes
}

/// A change of a map, entry by entry.
fn entries(change: Change) -> Vec<Change> {
    let (ChangeValueType::Map(scalar_field), Some(Value::Map(after))) = (&change.value_type, &change.after)
    else {
        return vec![change];
    };
    let before = match &change.before {
        Some(Value::Map(before)) => before.as_slice(),
        _ => &[],
    };
    let find = |side: &[(Box<str>, Value)], key: &str| {
        side.iter().find(|(own, _)| **own == *key).map(|(_, value)| value.clone())
    };
    let mut keys: Vec<&str> = before.iter().chain(after).map(|(key, _)| &**key).collect();
    keys.sort_unstable();
    keys.dedup();
    let sides = |key: &str| (find(before, key), find(after, key));
    let differing = keys.into_iter().filter(|key| {
        let (before, after) = sides(key);
        before != after
    });
    let one = |key: &str| Change {
        path: change.path.join_segment(PathSegment::Key(key.into(), change.sensitivity)),
        before: sides(key).0,
        after: sides(key).1,
        value_type: ChangeValueType::Scalar(scalar_field.clone()),
        ..change.clone()
    };
    differing.map(one).collect()
}

pub fn create(subject: PlanSubject, wanted: &Json) -> Step {
    let wanted = object(&subject.kind.shape, wanted);
    let changes = changes(&subject, &Object::default(), &wanted);
    let write = subject.kind.operations.create.clone().unwrap();
    let proposal = ObjectProposal { desired: wanted, changes, ..ObjectProposal::default() };
    let planned = request::build_create(&subject, &write, &proposal);
    step(subject, StepAction::Create, proposal, vec![planned])
}

pub fn update(subject: PlanSubject, live: &Json, wanted: &Json) -> Step {
    let (live, wanted) = (object(&subject.kind.shape, live), object(&subject.kind.shape, wanted));
    let changes = changes(&subject, &live, &wanted);
    let write = subject.kind.operations.update.clone().unwrap();
    let proposal = ObjectProposal { desired: wanted, changes, ..ObjectProposal::default() };
    let planned =
        request::build_update(&subject, &write, &live, &proposal, UpdateOptions { also_send_nested: true });
    Step {
        live: Some(live),
        body_mode: write.body,
        ..step(subject, StepAction::Update, proposal, vec![planned])
    }
}

pub fn delete(subject: PlanSubject, live: &Json) -> Step {
    let live = object(&subject.kind.shape, live);
    let changes = changes(&subject, &live, &Object::default());
    let request = trueup::exchange::PlannedRequest {
        method: trueup::exchange::Method::Delete,
        path: trueup::kind::address::expand_path(
            &subject.kind.operations.delete.as_ref().unwrap().delete,
            &subject.kind,
            &subject.scope,
            subject.id.as_ref(),
        ),
        query: Vec::new(),
        body: None,
        body_form: Default::default(),
        idempotent: true,
    };
    let planned =
        StepRequest { request, operation: None, changed_pointers: Vec::new(), sent_unchanged: Vec::new() };
    let proposal = ObjectProposal { changes, ..ObjectProposal::default() };
    Step { live: Some(live), ..step(subject, StepAction::Delete, proposal, vec![planned]) }
}

fn step(
    subject: PlanSubject,
    action: StepAction,
    proposal: ObjectProposal,
    requests: Vec<StepRequest>,
) -> Step {
    Step {
        subject,
        action,
        changes: proposal.changes,
        requests,
        body_mode: WriteBody::Full,
        notes: Vec::new(),
        live: None,
        desired: proposal.desired,
        hidden: Vec::new(),
        last_written: proposal.last_written,
        shown_secrets: Vec::new(),
        unsendable_paths: Vec::new(),
        required_permissions: proposal.required_permissions,
        replacement: None,
        without_records: None,
    }
}

pub fn agreeing(subject: PlanSubject, notes: Vec<Diagnostic>) -> UnchangedObject {
    UnchangedObject { notes, ..UnchangedObject::from_subject(&subject) }
}

pub fn refused(subject: PlanSubject, reasons: Vec<Diagnostic>, live: &Json, wanted: &Json) -> RefusedObject {
    let (live, wanted) = (object(&subject.kind.shape, live), object(&subject.kind.shape, wanted));
    let changes = changes(&subject, &live, &wanted);
    RefusedObject { subject, reasons, changes }
}

pub fn plan(steps: Vec<Step>) -> Plan {
    Plan { steps, complete: true, ..Plan::default() }
}

/// A stand-in for the size of a body in a wire format.
pub fn bytes(_: &PlanSubject, planned: &StepRequest) -> usize {
    let names: BTreeMap<_, _> =
        planned.changed_pointers.iter().chain(&planned.sent_unchanged).map(|name| (name, ())).collect();
    names.keys().map(|name| 20 + name.len()).sum()
}
