//! Maps of objects, drawn at random: one write makes the live map what a document lists, whichever update there is,
//! and loses nothing of the entries that stay. The service is RFC 7396 and two shorter rules, on plain JSON.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Map, Value as Json, json};
use trueup::diagnostic::NamedSource;
use trueup::document::{self, Document};
use trueup::kind::WireFormat;
use trueup::kind::registry::KindRegistry;
use trueup::plan::EmptyWriteHistory;
use trueup::plan::step::{DecideOptions, PlanDecision};
use trueup::remote::wire;

use super::{GrantedPermissions, UpdateMethod, UpdateOptions};
use crate::support::decisions::{decided, subject};

const API: &str = "format: 1\ntitle: Shop\ndescription: A shop.\nformats: [json]\n";
const KIND: &str = r#"
format: 1
title: Gate
description: A gate.
identity: { id: id, natural_key: [code] }
operations: { list: { get: /gates }, update: UPDATE }
properties:
  id: { type: integer, description: The id., read_only: true, omit_from: [writes] }
  code: { type: string, description: The code., required: true }
  ports:
    type: array
    description: The ports.
    list_type: map
    keyed_by: name
    unlisted_items: UNLISTED
    items:
      properties:
        name: { type: string, description: The name., required: true }
        number: { type: integer, description: The number., required: true }
        label: { type: string, description: A label. }
        hosts:
          type: array
          description: The hosts.
          list_type: map
          keyed_by: host
          unlisted_items: delete
          items: { properties: { host: { type: string, description: The host. }, weight: { type: integer, description: W. } } }
"#;

/// Makes the member of the live object what a body has for it.
type StoreRule = fn(&mut Json, &Json);

/// What an update sends, and what becomes of a member of the body.
const UPDATES: [(&str, StoreRule); 4] = [
    (
        "{ patch: \"/gates/{id}\", body: changes, encoding: merge_patch, nested_fields: { granularity: members } }",
        merge,
    ),
    ("{ patch: \"/gates/{id}\", body: changes, nested_fields: { granularity: members } }", merge_entries),
    ("{ patch: \"/gates/{id}\", body: changes, nested_fields: { granularity: whole } }", replace),
    ("{ put: \"/gates/{id}\" }", replace),
];

/// RFC 7396.
fn merge(live: &mut Json, sent: &Json) {
    let Json::Object(sent) = sent else { return *live = sent.clone() };
    if !live.is_object() {
        *live = json!({});
    }
    let live = live.as_object_mut().expect("an object");
    for (name, value) in sent {
        match value {
            Json::Null => drop(live.remove(name)),
            value => merge(live.entry(name.clone()).or_insert(Json::Null), value),
        }
    }
}

/// Entries as wholes; null takes one out.
fn merge_entries(live: &mut Json, sent: &Json) {
    match (live.as_object_mut(), sent) {
        (Some(live), Json::Object(sent)) => {
            live.extend(sent.clone());
            live.retain(|_, value| !value.is_null());
        }
        _ => *live = sent.clone(),
    }
}

fn replace(live: &mut Json, sent: &Json) {
    *live = sent.clone();
}

/// Names that some format has to quote, or some reader takes for something else.
const NAMES: [&str; 6] = ["http", "a/b~c.d", "1", "null", "name", "é \"x\""];

#[derive(Clone, Debug)]
struct Port {
    number: i64,
    label: Option<String>,
    hosts: BTreeMap<usize, i64>,
}

fn ports() -> impl Strategy<Value = BTreeMap<usize, Port>> {
    let hosts = prop::collection::btree_map(0..NAMES.len(), 0..3_i64, 0..4);
    let port = (0..3_i64, prop::option::of("[ab]"), hosts);
    let port = port.prop_map(|(number, label, hosts)| Port { number, label, hosts });
    prop::collection::btree_map(0..NAMES.len(), port, 0..5)
}

/// The ports as the service holds them, with a member in each that no description knows.
fn live(ports: &BTreeMap<usize, Port>) -> Json {
    let host =
        |(name, weight): (&usize, &i64)| (NAMES[*name].to_owned(), json!({ "weight": weight, "z": [name] }));
    let port = |(name, port): (&usize, &Port)| {
        let hosts: Map<String, Json> = port.hosts.iter().map(host).collect();
        let port =
            json!({ "number": port.number, "label": port.label, "hosts": hosts, "name": "inner", "z": name });
        (NAMES[*name].to_owned(), port)
    };
    let ports: Map<String, Json> = ports.iter().map(port).collect();
    json!({ "id": 1, "code": "one", "ports": ports })
}

/// The same as a document lists them.
fn listed(ports: &BTreeMap<usize, Port>) -> Json {
    let host = |(name, weight): (&usize, &i64)| json!({ "host": NAMES[*name], "weight": weight });
    let port = |(name, port): (&usize, &Port)| {
        let hosts: Vec<Json> = port.hosts.iter().map(host).collect();
        json!({ "name": NAMES[*name], "number": port.number, "label": port.label, "hosts": hosts })
    };
    ports.iter().map(port).collect()
}

fn read_document(registry: &KindRegistry, ports: &Json) -> Document {
    let text =
        json!({ "kind": "shop/gate", "name": "one", "spec": { "code": "one", "ports": ports } }).to_string();
    let mut faults = Vec::new();
    let mut documents =
        document::read_documents(&NamedSource::new("one.yaml", &*text), registry, &mut faults);
    assert!(
        faults.is_empty(),
        "{:?} in {text}",
        faults.iter().map(|fault| &fault.message).collect::<Vec<_>>()
    );
    documents.pop().expect("a document")
}

fn decide(document: &Document, live: &Json) -> PlanDecision {
    let read = wire::read_object(live.to_string().as_bytes(), WireFormat::Json, &document.kind);
    let read = read.unwrap_or_else(|why| panic!("{}", why.message));
    assert!(read.mismatches.is_empty(), "{:?} in {live}", read.mismatches);
    let rules = DecideOptions {
        method: UpdateMethod::Default,
        update_options: UpdateOptions { also_send_nested: true },
        permissions: GrantedPermissions::default(),
        just_created: false,
    };
    let subject = subject(document, Vec::new(), Some(&read.object));
    decided(document, &subject, Some(&read.object), &EmptyWriteHistory, rules)
}

/// What an entry is after the write: what the document says, and what no one asked to change.
fn expect_port(name: usize, before: Option<&Port>, port: &Port) -> Json {
    let mut all = live(&BTreeMap::from([(name, port.clone())]))["ports"][NAMES[name]].clone();
    let is_old = |host: &usize| before.is_some_and(|before| before.hosts.contains_key(host));
    for host in port.hosts.keys().filter(|host| !is_old(host)) {
        all["hosts"][NAMES[*host]].as_object_mut().map(|host| host.remove("z"));
    }
    if let (None, Some(new)) = (before, all.as_object_mut()) {
        new.retain(|member, _| !["name", "z"].contains(&&**member));
    }
    all
}

fn without_nulls(value: &Json) -> Json {
    super::body_oracle::without_nulls(value.clone())
}

fn check(at: usize, keeps: bool, before: &BTreeMap<usize, Port>, after: &BTreeMap<usize, Port>) {
    let (update, store) = UPDATES[at];
    let kind = KIND.replace("UPDATE", update).replace("UNLISTED", if keeps { "keep" } else { "delete" });
    let files = [("apis/shop/api.yaml", API), ("apis/shop/gate.yaml", &kind)];
    let files = files.map(|(path, text)| (path.to_owned(), text.to_owned())).to_vec();
    let registry = KindRegistry::with_workspace(files, &mut Vec::new());
    let document = read_document(&registry, &listed(after));
    let mut now = live(before);
    if let PlanDecision::Step(step) = decide(&document, &now) {
        assert_eq!(step.requests.len(), 1);
        let body = step.requests[0].request.body.as_ref().expect("a body");
        let sent = wire::encode_body(body, WireFormat::Json, &document.kind.api);
        let sent: Json = serde_json::from_slice(&sent).expect("JSON");
        store(&mut now["ports"], &sent["ports"]);
    }
    let again = decide(&document, &now);
    assert!(matches!(again, PlanDecision::Unchanged(_)), "{update} leaves {now}: {}", super::summary(&again));
    let mut expected: BTreeMap<usize, Json> =
        after.iter().map(|(name, port)| (*name, expect_port(*name, before.get(name), port))).collect();
    for (name, port) in before.iter().filter(|(name, _)| keeps && !after.contains_key(name)) {
        expected.insert(*name, expect_port(*name, Some(port), port));
    }
    let expected: Map<String, Json> =
        expected.into_iter().map(|(name, port)| (NAMES[name].to_owned(), port)).collect();
    assert_eq!(without_nulls(&now["ports"]), without_nulls(&Json::Object(expected)), "{update} {keeps}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn one_write_makes_a_map_what_a_document_lists(
        at in 0..UPDATES.len(), keeps in any::<bool>(), before in ports(), after in ports(),
    ) {
        // of a map that keeps its entries nothing lists none
        prop_assume!(!(keeps && after.is_empty()));
        check(at, keeps, &before, &after);
    }
}
