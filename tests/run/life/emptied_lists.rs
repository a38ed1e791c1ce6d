//! Lists and maps whose unlisted items the service keeps, and that a document asks to be empty: the items lose what
//! makes them count, or the document is refused. In no case is nothing done and said.

use serde_json::{Value as Json, json};
use trueup::kind::WireFormat;

use crate::identity::Depot;
use crate::support::own_api_fixture::body;
use crate::support::sandbox_fixture::SandboxFixture;

const APPLY: [&str; 2] = ["apply", "--auto-approve"];
const SETTLED: [&str; 2] = ["plan", "--detailed-exitcode"];

/// A boat with answers and labels that a request only adds to and changes; `answers` are words of the first list.
fn describe_boat(update: &str, answers: &str) -> String {
    format!(
        "format: 1
title: Boat
description: One boat.
identity: {{ id: id, natural_key: [code] }}
operations:
  list: {{ get: /boats, items: items }}
  get: {{ get: '/boats/{{id}}' }}
  update: {update}
properties:
  id: {{ type: string, description: The id., read_only: true }}
  code: {{ type: string, description: The code., required: true }}
  answers:
    type: array
    description: The answers.
    unlisted_items: keep
    list_type: map
    list_keys: [[question]]
{answers}    items:
      properties:
        question: {{ type: integer, description: The question., required: true }}
        text: {{ type: string, description: The answer. }}
        points: {{ type: integer, description: What it is worth., clear_with: zero }}
        by: {{ type: string, description: Who answered. }}
  labels: {{ type: map, description: The labels., unlisted_items: keep, items: {{ type: string }} }}
"
    )
}

const CLEARS: &str = "    clear_item_fields: [text, points]\n";

/// A service that keeps what a request does not name.
fn upsert(live: &mut Json, sent: &Json) {
    for answer in sent["answers"].as_array().into_iter().flatten() {
        let all = live["answers"].as_array_mut().expect("answers");
        match all.iter_mut().find(|own| own["question"] == answer["question"]) {
            Some(own) => *own = answer.clone(),
            None => all.push(answer.clone()),
        }
    }
    for (name, value) in sent["labels"].as_object().into_iter().flatten() {
        let all = live["labels"].as_object_mut().expect("labels");
        match value {
            Json::Null => drop(all.remove(name)),
            value => drop(all.insert(name.clone(), value.clone())),
        }
    }
}

fn boat() -> Json {
    json!({
        "id": "b1", "code": "one", "labels": { "zone": "north", "berth": "4" },
        "answers": [
            { "question": 1, "text": "yes", "points": 3, "by": "Ann" },
            { "question": 2, "text": "", "points": 0, "by": "Bob" },
        ],
    })
}

fn depot(kind: &str) -> Depot {
    Depot::with_writes(kind, vec![boat()], upsert)
}

fn ask(depot: &Depot, spec: &str) {
    let text = format!("kind: depot/boat\nname: one\nspec: {{ code: one, {spec} }}\n");
    depot.workspace.write("config/one.yaml", &text);
}

const UPDATES: [&str; 3] = [
    "{ patch: '/boats/{id}', body: changes, nested_fields: { granularity: members } }",
    "{ patch: '/boats/{id}', body: changes, nested_fields: { granularity: whole } }",
    "{ put: '/boats/{id}', body: full }",
];

#[test]
fn an_emptied_list_clears_what_makes_its_items_count() {
    for update in UPDATES {
        for asks in ["answers: []", "answers: null"] {
            let depot = depot(&describe_boat(update, CLEARS));
            ask(&depot, asks);
            depot.workspace.expect(2, &SETTLED).says(&["1 to update", "text", "points"]);
            depot.workspace.expect(0, &APPLY).says(&["1 done"]);
            let answers = depot.boats()[0]["answers"].clone();
            assert_eq!(answers[0]["by"], "Ann", "the rest stays");
            assert_eq!((&answers[0]["text"], &answers[0]["points"]), (&Json::Null, &json!(0)), "{update}");
            depot.workspace.expect(0, &SETTLED);
        }
    }
}

#[test]
fn an_emptied_map_takes_its_entries_out() {
    for update in UPDATES {
        for (asks, left) in [
            ("labels: {}", json!({})),
            ("labels: { berth: null }", json!({ "zone": "north" })),
            ("labels: { zone: null, berth: null, quay: null }", json!({})),
        ] {
            let depot = depot(&describe_boat(update, CLEARS));
            ask(&depot, asks);
            depot.workspace.expect(0, &APPLY).says(&["1 done"]);
            assert_eq!(depot.boats()[0]["labels"], left, "{update} {asks}");
            depot.workspace.expect(0, &SETTLED);
        }
    }
}

#[test]
fn a_list_that_nothing_empties_is_refused_at_its_line() {
    let depot = depot(&describe_boat(UPDATES[0], ""));
    for asks in ["answers: []", "answers: null"] {
        ask(&depot, asks);
        let ran = depot.workspace.expect(1, &["validate"]);
        ran.complains(&["cannot-clear", "an empty list deletes nothing", "config/one.yaml:3"]);
    }
    assert!(depot.server.lines().is_empty());
}

#[test]
fn answers_of_a_booker_are_taken_away_and_stay_away() {
    let mut fixture = SandboxFixture::new("bokamera/customer", 3, WireFormat::Json);
    let answers = |dump: &[Json], at: usize| dump[at]["object"]["CustomFieldValues"].clone();
    let before = fixture.dump();
    for one in &mut fixture.documents {
        one.document["spec"]["CustomFields"] = json!([]);
    }
    fixture.write();
    fixture.workspace.expect(0, &APPLY);
    let now = fixture.dump();
    assert_eq!(fixture.writes().len(), 2, "one customer has no answers");
    let mut numbers = Vec::new();
    for entry in &fixture.writes() {
        let sent = body(entry)["CustomFields"].as_array().expect("answers").clone();
        assert!(sent.iter().all(|own| own["Value"] == "" && own["Id"].is_i64()), "{sent:?}");
        numbers.push(sent.len());
    }
    // the writes of different customers come in any order
    let given = (0..3).map(|at| answers(&before, at).as_array().map_or(0, Vec::len));
    let mut given: Vec<usize> = given.filter(|number| *number > 0).collect();
    numbers.sort_unstable();
    given.sort_unstable();
    assert_eq!(numbers, given);
    let is_blank = |own: &Json| own["Value"].as_str().unwrap_or_default().is_empty();
    assert!((0..3).all(|at| answers(&now, at).as_array().into_iter().flatten().all(is_blank)), "{now:?}");
    fixture.workspace.expect(0, &SETTLED);
    // an answer that someone gives is drift
    fixture.edit(0, json!({ "CustomFieldValues": answers(&before, 0) }));
    fixture.workspace.expect(2, &["drift"]);
}
