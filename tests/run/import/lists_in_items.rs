//! Lists of every type, in every style and at every depth: what comes and goes in the service comes and goes in the
//! document, whose style stays.

use serde_json::{Value as Json, json};

use crate::identity::{DELETE, Depot, boat, describe_boat};

const IMPORT: [&str; 4] = ["import", "depot/boat", "-o", "config"];

const FIELDS: &str = "  tags: { type: array, description: Tags., list_type: set, unlisted_items: delete, items: { type: string } }
  marks: { type: array, description: Marks., list_type: set, unlisted_items: delete, items: { type: any } }
  stops: { type: array, description: Stops., list_type: atomic, unlisted_items: delete, items: { type: integer } }
  berths:
    type: array
    description: Where it may lie.
    unlisted_items: delete
    list_type: map
    list_keys: [[quay]]
    items:
      properties:
        quay: { type: string, description: The quay., required: true }
        days: { type: array, description: Days., list_type: set, unlisted_items: delete, items: { type: string } }
        fees: { type: map, description: Fees., unlisted_items: delete, items: { type: decimal } }
        times:
          type: array
          description: Times.
          unlisted_items: delete
          list_type: map
          list_keys: [[from]]
          items:
            properties:
              from: { type: integer, description: From., required: true }
              until: { type: integer, description: Until. }
";

fn depot(live: Json) -> Depot {
    let kind = (describe_boat(DELETE, "") + FIELDS)
        .replace("body: changes", "body: changes, nested_fields: { granularity: whole }");
    let mut own = boat("b1", "one");
    own.as_object_mut().expect("a boat").extend(live.as_object().expect("members").clone());
    Depot::new(&kind, vec![own])
}

fn live() -> Json {
    json!({
        "tags": ["a", "b"], "marks": [{ "of": { "x": 1 } }, { "of": [null, 2.50] }], "stops": [1, 2],
        "berths": [
            { "quay": "north", "days": ["mon", "tue"], "fees": { "day": 3, "week": 12.5 },
              "times": [{ "from": 6, "until": 9 }, { "from": 12, "until": 13 }] },
            { "quay": "south", "days": ["sat"], "fees": {}, "times": [] },
        ],
    })
}

/// The same object, written as a person may write it.
const STYLES: [&str; 3] = [
    "spec: { code: one, crew: 1, tags: [a, b, ], marks: [{ of: { x: 1 } }, { of: [~, 2.5] }], stops: [ 1, 2, ],
  berths: [{ quay: south, days: [sat], fees: {}, times: [] }, { quay: north, days: [ mon, tue ], fees: { day: 3, week: 12.5 }, times: [{ from: 6, until: 9 }, { from: 12, until: 13 }] }] }
",
    "spec:
  code: one
  crew: 1
  tags: [a, 'b'] # both
  marks: [{ of: { x: 1 } }, { of: [null, 2.5] }]
  stops: [
    1,
    2,
    ]
  berths:
    - quay: north
      days: [mon, tue]
      fees: { day: 3, week: 12.5 }
      times: [{ from: 6, until: 9 }, { from: 12, until: 13 }]
    - { quay: south, days: [sat], fees: {}, times: [] }
",
    "spec:
  code: one
  crew: 1
  tags:
  - a
  - b
  marks:
  - of:
      x: 1
  - of: [null, 2.5]
  stops:
  - 1
  - 2
  berths:
  - quay: south
    days: [sat]
    fees: {}
    times: []
  - quay: north
    days:
    - mon
    - tue
    fees:
      day: 3
      week: 12.5
    times:
    - from: 6
      until: 9
    - from: 12
      until: 13
",
];

#[test]
fn lists_change_in_every_style_at_every_depth() {
    let north = "/berths/0";
    let edits = [
        ("/tags".to_owned(), json!(["b", "c"])),
        ("/tags".to_owned(), json!([])),
        ("/marks".to_owned(), json!([{ "of": [null, 2.5] }, { "new": { "y": ["z"] } }])),
        ("/stops".to_owned(), json!([1, 7, 8])),
        ("/stops".to_owned(), json!([])),
        (format!("{north}/days"), json!(["tue", "wed"])),
        (format!("{north}/days"), json!([])),
        ("/berths/1/days".to_owned(), json!(["sat", "sun"])),
        (format!("{north}/fees"), json!({ "week": 12.5, "month": 40 })),
        (format!("{north}/fees/day"), json!(4)),
        (format!("{north}/times"), json!([{ "from": 12, "until": 14 }, { "from": 20, "until": 22 }])),
        ("/berths/1/times".to_owned(), json!([{ "from": 1, "until": 2 }])),
    ];
    for style in STYLES {
        for (pointer, value) in &edits {
            let depot = depot(live());
            let text = format!("kind: depot/boat\nname: one\nid: b1\n{style}");
            depot.workspace.write("config/one.yaml", &text);
            depot.workspace.expect(0, &IMPORT).says(&["1 unchanged", "shows no changes"]);
            *depot.boats.lock().expect("no panic")[0].pointer_mut(pointer).expect("a place") = value.clone();
            let ran = depot.workspace.run(&IMPORT);
            assert_eq!(ran.code, Some(0), "{pointer} {value}\n{style}\n{}", ran.all());
            ran.says(&["1 updated", "shows no changes"]);
            depot.workspace.expect(0, &["plan", "--detailed-exitcode"]);
        }
    }
}

/// A service may hold an item of a set twice; a document says it once.
#[test]
fn a_set_that_holds_an_item_twice_comes_in() {
    let twice = json!({ "tags": ["a", "b", "a"], "marks": [{ "k": 1 }, { "k": 1 }, { "k": [{}] }] });
    let depot = depot(twice);
    depot.workspace.expect(0, &IMPORT).says(&["1 new", "shows no changes"]);
    let text = depot.workspace.read("config/one.yaml");
    assert_eq!(text.matches("- { k: 1 }").count(), 1, "{text}");
    assert!(text.contains("tags: [a, b]\n"), "{text}");
    depot.workspace.expect(0, &["plan", "--detailed-exitcode"]);
    depot.boats.lock().expect("no panic")[0]["tags"] = json!(["c", "b", "c", "a", "d"]);
    depot.workspace.expect(0, &IMPORT).says(&["1 updated", "shows no changes"]);
    depot.workspace.expect(0, &["plan", "--detailed-exitcode"]);
}
