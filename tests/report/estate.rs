//! A small estate of made-up kinds with every mark in every position, and plans over it, built by hand from
//! live and wanted JSON: differences and requests are the real ones, documents are not needed.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use serde_json::Value as Json;
use trueup::diagnostic::{Diagnostic, Place, Source, Span};
use trueup::kind::leaf::Token;
use trueup::kind::registry::Registry;
use trueup::kind::{Item, Kind, Leaf, Sends, Shape, Type};
use trueup::plan::compare::differences;
use trueup::plan::propose::Proposal;
use trueup::plan::request::{self, Manner};
use trueup::plan::{Action, Agreeing, Change, Form, Plan, Planned, Refused, Step, Subject};
use trueup::value::{Object, Segment, Stranger, Value};

const API: &str = "
format: 1
title: Harbor
is: A harbor office.
base_url: https://api.harbor.example
hosts: [api.harbor.example]
formats: [json]
guids: hyphenated
auth: [bearer]
";

const GATEWAY: &str = "
format: 1
title: Gateway
is: A gateway.
scope:
  customerId: { type: guid, is: The customer. }
identity: { id: id, natural_key: [displayName] }
operations:
  list: { get: '/customers/{customerId}/gateways' }
  create: { post: '/customers/{customerId}/gateways' }
  update: { put: '/customers/{customerId}/gateways/{id}', sends: everything }
  delete: { delete: '/customers/{customerId}/gateways/{id}' }
fields:
  id: { type: guid, is: Its id., access: computed }
  displayName: { type: text, is: Its name., access: required }
  merchantKey: { type: text, is: Its key., mark: secret, absent: unknown }
  merchantPin: { type: text, is: Its PIN., mark: secret, absent: unknown }
  contact: { type: text, is: Whom to call., mark: personal }
  callback: { type: text, is: Where results go., mark: sensitive }
  testMode: { type: whole, is: Whether it is a rehearsal. }
  allowToken: { type: flag, is: Whether it keeps tokens. }
  maxPaymentAmount: { type: decimal, is: The most it takes. }
  opened: { type: date, is: The first day. }
  receipt: { type: text, is: What a receipt says. }
  note: { type: text, is: A note. }
  raw: { type: any, is: Anything. }
  billTypes:
    type: list
    is: Bill types.
    listed: complete
    told_apart: { key: [billTypeId], else: [[id]] }
    items:
      fields:
        id: { type: guid, is: Its id., access: computed }
        billTypeId: { type: whole, is: Its number., access: required }
        applyConvenienceFee: { type: flag, is: Whether it bears a fee. }
        clerk: { type: text, is: Who is responsible., mark: personal }
        token: { type: text, is: A token., mark: secret }
        limits:
          type: object
          is: Limits.
          fields:
            most: { type: decimal, is: The most. }
            least: { type: decimal, is: The least. }
  accessKeys:
    type: list
    is: Keys.
    listed: complete
    told_apart: { key: [value] }
    items:
      fields:
        value: { type: text, is: The key., mark: personal, access: required }
        description: { type: text, is: What it is for. }
  owner:
    type: object
    is: The owner.
    mark: personal
    fields:
      city: { type: text, is: Where. }
      phones: { type: map, is: Numbers., items: { type: text }, listed: complete }
";

const PARTNER: &str = "
format: 1
title: Partner
is: A partner.
identity: { id: sid, natural_key: [name] }
operations:
  list: { get: /partners }
  create: { post: /partners }
  update:
    patch: '/partners/{sid}'
    sends: changes
    nested: { travels: whole, query: { nested_objects: replace }, along: [attributes, hosts] }
fields:
  sid: { type: text, is: Its id., access: computed, mark: personal }
  name: { type: text, is: Its name., access: required }
  email: { type: text, is: Its address., mark: personal, absent: pending }
  attributes: { type: map, is: Free words., items: { type: text }, listed: complete }
  people: { type: map, is: Who does what., mark: personal, items: { type: text }, listed: complete }
  hosts: { type: list, is: Hosts., listed: complete, told_apart: set, items: { type: text } }
  members: { type: list, is: Who belongs to it., mark: personal, listed: complete, told_apart: set, items: { type: text } }
";

static REGISTRY: LazyLock<Registry> = LazyLock::new(|| {
    let texts = [("api", API), ("gateway", GATEWAY), ("partner", PARTNER)];
    let files = texts.map(|(name, text)| (format!("apis/harbor/{name}.yaml"), text.to_owned()));
    let mut faults = Vec::new();
    let registry = Registry::with_workspace(files.into(), &mut faults);
    let faults: Vec<_> = faults.iter().map(|fault| format!("{}: {}", fault.code, fault.message)).collect();
    assert!(faults.is_empty(), "{faults:#?}");
    registry
});

pub fn kind(name: &str) -> Arc<Kind> {
    REGISTRY.kind(name).unwrap()
}

/// An object as a service might have answered it; what the kind does not know becomes a stranger.
pub fn object(shape: &Shape, json: &Json) -> Object {
    let mut object = Object::default();
    for (name, json) in json.as_object().unwrap() {
        match shape.named(name) {
            Some(field) => object.set(field.number, value(&field.ty, json)),
            None => {
                object.strangers.push(Stranger { name: name.as_str().into(), raw: json.to_string().into() })
            }
        }
    }
    object
}

pub fn value(ty: &Type, json: &Json) -> Value {
    match (ty, json) {
        (_, Json::Null) => Value::Null,
        (Type::Leaf(leaf), json) => scalar(leaf, json),
        (Type::Object(shape), json) => Value::Object(Box::new(object(shape, json))),
        (Type::Map(map), Json::Object(entries)) => Value::Map(
            entries.iter().map(|(key, json)| (key.as_str().into(), scalar(&map.value, json))).collect(),
        ),
        (Type::List(list), Json::Array(items)) => Value::List(
            items
                .iter()
                .map(|json| match &list.item {
                    Item::Leaf(leaf) => scalar(leaf, json),
                    Item::Object(shape) => Value::Object(Box::new(object(shape, json))),
                })
                .collect(),
        ),
        _ => panic!("no value of this type"),
    }
}

fn scalar(leaf: &Leaf, json: &Json) -> Value {
    let number = json.to_string();
    let token = match json {
        Json::Bool(flag) => Token::Flag(*flag),
        Json::Number(_) => Token::Number(&number),
        Json::String(text) => Token::Text(text),
        Json::Array(items) => return Value::List(items.iter().map(|item| scalar(leaf, item)).collect()),
        Json::Object(members) => {
            return Value::Map(
                members.iter().map(|(key, json)| (key.as_str().into(), scalar(leaf, json))).collect(),
            );
        }
        Json::Null => return Value::Null,
    };
    leaf.read(token).unwrap_or_else(|mismatch| panic!("{}", mismatch.message))
}

/// A document, as far as places in it are asked for.
pub fn source(path: &str, text: &str) -> Arc<Source> {
    Source::new(path, text)
}

/// The place of the first `part` in a source.
pub fn place_of(source: &Arc<Source>, part: &str) -> Place {
    let start = source.text.find(part).unwrap_or_else(|| panic!("no {part}")) as u32;
    source.place(Span { start, end: start + part.len() as u32 })
}

pub fn subject(kind: &str, name: &str, id: Option<&str>, source: &Arc<Source>) -> Subject {
    let kind = self::kind(kind);
    let customer = value(&Type::Leaf(Leaf::Guid), &Json::from("3f2b8c1e-5d4a-4e7f-9a60-1b2c3d4e5f60"));
    Subject {
        number: 0,
        scope: kind.scope.iter().map(|_| customer.clone()).collect(),
        id: id.map(|id| value(&kind.id_field().ty, &Json::from(id))),
        name: name.into(),
        target: "bay".into(),
        place: source.place(Span::default()),
        kind,
    }
}

/// What a step changes; where the document names the field, with its place.
pub fn changes(subject: &Subject, live: &Object, wanted: &Object) -> Vec<Change> {
    let skip = |field: &trueup::kind::Field| field.access.computed;
    let mut changes: Vec<Change> =
        differences(&subject.kind.shape, live, wanted, &skip).into_iter().flat_map(entries).collect();
    for change in &mut changes {
        let line = change.path.top().map(|top| format!("  {top}:")).unwrap_or_default();
        let source = &subject.place.source;
        change.place = source.text.contains(&line).then(|| place_of(source, &line));
    }
    changes
}

/// A change of a map, entry by entry.
fn entries(change: Change) -> Vec<Change> {
    let (Form::Map(leaf), Some(Value::Map(after))) = (&change.form, &change.after) else {
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
        path: change.path.then(Segment::Key(key.into(), change.mark)),
        before: sides(key).0,
        after: sides(key).1,
        form: Form::Leaf(leaf.clone()),
        ..change.clone()
    };
    differing.map(one).collect()
}

pub fn create(subject: Subject, wanted: &Json) -> Step {
    let wanted = object(&subject.kind.shape, wanted);
    let changes = changes(&subject, &Object::default(), &wanted);
    let write = subject.kind.operations.create.clone().unwrap();
    let proposal = Proposal { wanted, changes, ..Proposal::default() };
    let planned = request::create(&subject, &write, &proposal);
    step(subject, Action::Create, proposal, vec![planned])
}

pub fn update(subject: Subject, live: &Json, wanted: &Json) -> Step {
    let (live, wanted) = (object(&subject.kind.shape, live), object(&subject.kind.shape, wanted));
    let changes = changes(&subject, &live, &wanted);
    let write = subject.kind.operations.update.clone().unwrap();
    let proposal = Proposal { wanted, changes, ..Proposal::default() };
    let planned = request::update(&subject, &write, &live, &proposal, Manner { carry_nested: true });
    Step { live: Some(live), sends: write.sends, ..step(subject, Action::Update, proposal, vec![planned]) }
}

pub fn delete(subject: Subject, live: &Json) -> Step {
    let live = object(&subject.kind.shape, live);
    let changes = changes(&subject, &live, &Object::default());
    let request = trueup::exchange::Request {
        verb: trueup::exchange::Verb::Delete,
        path: trueup::kind::address::path(
            &subject.kind.operations.delete.as_ref().unwrap().delete,
            &subject.kind,
            &subject.scope,
            subject.id.as_ref(),
        ),
        query: Vec::new(),
        body: None,
        repeatable: true,
    };
    let planned = Planned { request, sends: Vec::new(), along: Vec::new() };
    let proposal = Proposal { changes, ..Proposal::default() };
    Step { live: Some(live), ..step(subject, Action::Delete, proposal, vec![planned]) }
}

fn step(subject: Subject, action: Action, proposal: Proposal, requests: Vec<Planned>) -> Step {
    Step {
        subject,
        action,
        changes: proposal.changes,
        requests,
        sends: Sends::Everything,
        notes: Vec::new(),
        live: None,
        wanted: proposal.wanted,
        hidden: Vec::new(),
        recalled: proposal.recalled,
        needs: proposal.needs,
    }
}

pub fn agreeing(subject: Subject, notes: Vec<Diagnostic>) -> Agreeing {
    Agreeing { notes, ..Agreeing::plain(&subject) }
}

pub fn refused(subject: Subject, reasons: Vec<Diagnostic>, live: &Json, wanted: &Json) -> Refused {
    let (live, wanted) = (object(&subject.kind.shape, live), object(&subject.kind.shape, wanted));
    let changes = changes(&subject, &live, &wanted);
    Refused { subject, reasons, changes }
}

pub fn plan(steps: Vec<Step>) -> Plan {
    Plan { steps, complete: true, ..Plan::default() }
}

/// A stand-in for the size of a body in a wire format.
pub fn bytes(_: &Subject, planned: &Planned) -> usize {
    let names: BTreeMap<_, _> = planned.sends.iter().chain(&planned.along).map(|name| (name, ())).collect();
    names.keys().map(|name| 20 + name.len()).sum()
}
