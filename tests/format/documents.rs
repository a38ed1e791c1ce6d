//! Documents as people write them, right and wrong: what is said, where, and what is never said.

use std::sync::LazyLock;

use proptest::prelude::*;
use trueup::diagnostic::{Diagnostic, NamedSource, SourceLocation, has_errors};
use trueup::document::{self, DesiredNode, DesiredValue, Document, DocumentState, ValueSource};
use trueup::kind::registry::KindRegistry;
use trueup::kind::{FieldType, Shape};
use trueup::report::{DiagnosticRenderOptions, render_diagnostics};
use trueup::value::Value;

/// A service with a field of every sort, beside the built-in ones.
fn registry() -> &'static KindRegistry {
    static REGISTRY: LazyLock<KindRegistry> = LazyLock::new(described);
    &REGISTRY
}

fn described() -> KindRegistry {
    let files = vec![
        ("apis/shop/api.yaml".to_owned(), include_str!("documents/api.yaml").to_owned()),
        ("apis/shop/stall.yaml".to_owned(), include_str!("documents/stall.yaml").to_owned()),
    ];
    let mut faults = Vec::new();
    let registry = KindRegistry::with_workspace(files, &mut faults);
    assert_eq!(lines(&faults), Vec::<String>::new());
    registry
}

/// `line:column code: message (hint)`, one a fault, in order.
fn lines(faults: &[Diagnostic]) -> Vec<String> {
    let mut faults = faults.to_vec();
    trueup::diagnostic::sort_diagnostics(&mut faults);
    faults.iter().map(line).collect()
}

fn line(fault: &Diagnostic) -> String {
    let (line, column) = fault.location.as_ref().map(SourceLocation::find_line_column).unwrap_or_default();
    let also: String = fault
        .related
        .iter()
        .map(|(place, what)| {
            let (line, column) = place.find_line_column();
            format!(" + {line}:{column} {what}")
        })
        .collect();
    let hint = fault.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
    format!("{line}:{column} {}: {}{hint}{also}", fault.code, fault.message)
}

fn read(text: &str) -> (Vec<Document>, Vec<Diagnostic>) {
    let source = NamedSource::new("config/a.yaml", text);
    let mut faults = Vec::new();
    let documents = document::read_documents(&source, registry(), &mut faults);
    (documents, faults)
}

/// A stall with these lines as its spec.
fn stall(spec: &str) -> String {
    let spec: String = spec.lines().map(|line| format!("  {line}\n")).collect();
    format!("kind: shop/stall\nname: one\nid: 5e1f0a77-2c3d-4b4e-8f50-6172839405a6\nspec:\n{spec}")
}

#[track_caller]
fn says(text: &str, expected: &[&str]) {
    let (_, faults) = read(text);
    assert_eq!(lines(&faults), expected, "of\n{text}");
}

/// The spec starts on line 5, its fields in column 3.
#[track_caller]
fn spec_says(spec: &str, expected: &[&str]) {
    says(&stall(spec), expected);
}

// ---- what is wrong around the spec

#[test]
fn a_document_needs_kind_name_and_spec() {
    says(
        "name: x\n",
        &[
            "1:1 missing-key: this document has no `kind` (name the sort of object, like `kind: api/kind`)",
            "1:1 missing-key: this document has no `spec` (write what the object is to be under `spec:`)",
        ],
    );
    says(
        "kind: shop/stall\n",
        &[
            "1:1 missing-key: this document has no `name` (give the object a name that is unique in this repository)",
            "1:1 missing-key: this document has no `spec` (write what the object is to be under `spec:`)",
        ],
    );
    says(
        "kind:\nname: ~\nspec:\n",
        &[
            "1:1 missing-key: this document has no `kind` (name the sort of object, like `kind: api/kind`)",
            "1:1 missing-key: this document has no `name` (give the object a name that is unique in this repository)",
        ],
    );
    says(
        "# nothing but\n- a\n- list\n",
        &[
            "2:1 wrong-type: a document is a mapping, this is a list (start with `kind:`, `name:` and `spec:`)",
        ],
    );
}

#[test]
fn keys_and_words_around_the_spec() {
    says(
        "kind: shop/stal\nnaem: x\nname: [x]\nstate: gone\nspec: {}\n",
        &[
            "1:7 unknown-kind: there is no kind `shop/stal` (did you mean `shop/stall`?)",
            "2:1 unknown-key: a document has no key `naem` (did you mean `name`?)",
            "3:7 wrong-type: `name` takes text, this is a list (write text after the colon)",
            "4:8 wrong-value: `state` is none of present, absent and unmanaged (write `state: present`, `state: absent` or `state: unmanaged`)",
        ],
    );
    says(
        "kind: shop/stall\nname: ''\nprotect: yes\nscope: {market: 1, marketId: x}\nid: zz\nspec: []\n",
        &[
            "2:7 invalid-name: the name is empty (a name is one line of at most 200 characters)",
            "3:10 wrong-value: `protect` is neither true nor false (write `protect: true` or leave it out)",
            "4:9 unknown-scope: `shop/stall` has no scope `market` (did you mean `marketId`?)",
            "4:30 wrong-value: `marketId`: this is not an integer (write an integer)",
            "5:5 wrong-value: `id`: this is not a UUID (like 5e1f0a77-2c3d-4b4e-8f50-6172839405a6, hyphens optional)",
            "6:7 wrong-type: `spec` takes a mapping, this is a list (write `key: value` lines, indented below it)",
        ],
    );
    let bad_name = "invalid-name: the name is more than one line of plain text (a name is one line of at most 200 characters)";
    says(
        "kind: shop/stall\nid: 5e1f0a772c3d4b4e8f506172839405a6\nname: \"a\\nb\"\nspec: {}\n",
        &[&format!("3:7 {bad_name}")],
    );
    says(
        "kind: shop/stall\nid: 5e1f0a772c3d4b4e8f506172839405a6\nname: \"a\\e[2Jb\"\nspec: {}\n",
        &[&format!("3:7 {bad_name}")],
    );
    let long = format!(
        "kind: shop/stall\nid: 5e1f0a772c3d4b4e8f506172839405a6\nname: {}\nspec: {{}}\n",
        "x".repeat(201)
    );
    says(&long, &["3:7 invalid-name: the name is too long (a name is one line of at most 200 characters)"]);
}

#[test]
fn a_document_says_which_object_it_is() {
    let hint = "(name its natural key in `spec`, or its `id`)";
    says(
        "kind: shop/stall\nname: x\nspec: {place: {row: A}}\n",
        &[&format!("1:1 no-identity: missing identity: neither `id` nor `title` is set {hint}")],
    );
    says(
        "kind: shop/stall\nname: x\nspec: {title: a, place: {seat: 1}}\n",
        &[&format!("1:1 no-identity: missing identity: neither `id` nor `place.row` is set {hint}")],
    );
    says("kind: shop/stall\nname: x\nspec: {title: a, place: {row: A}}\n", &[]);
    // what is named wrongly is reported once, at its place
    says(
        "kind: shop/stall\nname: x\nspec: {title: [], place: {row: A}}\n",
        &["3:15 wrong-type: `title` takes a string, this is a list (write a string after the colon)"],
    );
    says(
        "kind: shop/stall\nname: x\nid: 5e1f0a77-2c3d-4b4e-8f50-6172839405a6\nspec: {id: 6e1f0a772c3d4b4e8f506172839405a6}\n",
        &[
            "3:5 conflicting-ids: `id` and `spec.id` name different objects (keep one of the two) + 4:12 the other one",
        ],
    );
    let (documents, faults) =
        read("kind: shop/stall\nname: x\nspec: {id: 6E1F0A772C3D4B4E8F506172839405A6}\n");
    assert!(faults.is_empty());
    assert_eq!(documents[0].locate_span(documents[0].id_span).find_line_column(), (3, 12));
    assert!(matches!(&documents[0].id, Some(Value::Uuid(id)) if id.as_u128() >> 120 == 0x6e));
}

#[test]
fn an_absent_object_needs_no_spec_when_its_id_is_known() {
    let (documents, faults) = read(
        "kind: shop/stall\nname: x\nstate: absent\nprotect: true\nid: 5e1f0a772c3d4b4e8f506172839405a6\n",
    );
    assert_eq!(lines(&faults), Vec::<String>::new());
    assert!(documents[0].state == DocumentState::Absent && documents[0].protect);
    says(
        "kind: shop/stall\nname: x\nstate: absent\n",
        &["1:1 missing-key: this document has no `spec` (write what the object is to be under `spec:`)"],
    );
}

// ---- what is wrong in the spec

#[test]
fn scalars_that_do_not_fit() {
    spec_says(
        "open: 'x'\nrank: 1.5\nrent: 1,5\nsince: 2026-02-30\nuntil: x\nsort: fod\ncolour: rde\ntitle: 123456789012345678901",
        &[
            "5:9 wrong-value: `open`: this is not true or false (write true or false)",
            "6:9 wrong-value: `rank`: this is not an integer (write an integer)",
            "7:9 wrong-value: `rent`: this is not a decimal number (like 12.50, with a point and without separators)",
            "8:10 wrong-value: `since`: this is not a date (2026-01-31) (write a date (2026-01-31))",
            "9:10 wrong-value: `until`: this is not a date and time (2026-01-31T08:00:00Z) (write a date and time (2026-01-31T08:00:00Z))",
            "10:9 wrong-value: `sort`: this is not one of its values (one of: food, books)",
            "11:11 unknown-enum-value: `colour` is not known to take this value (did you mean `red`?)",
            "12:10 wrong-value: `title`: this text has 21 characters, at most 20 fit (shorten it)",
        ],
    );
    spec_says(
        "rent: 0.12345678901234567890123456789",
        &[
            "5:9 wrong-value: `rent`: this decimal number has too many digits to be kept exactly (at most 28 digits fit)",
        ],
    );
}

#[test]
fn values_of_another_sort() {
    spec_says(
        "rent: []\nopen: {a: 1}\nplace: x\nlabels: [a]\nwords: {a: 1}\nsteps: 1\nplace2: 1",
        &[
            "5:9 wrong-type: `rent` takes a decimal number, this is a list (write a decimal number after the colon)",
            "6:9 wrong-type: `open` takes true or false, this is a mapping (write true or false after the colon)",
            "7:10 wrong-type: `place` takes a mapping, this is a single value (write `key: value` lines, indented below it)",
            "8:11 wrong-type: `labels` takes a mapping, this is a list (write `key: value` lines, indented below it)",
            "9:10 wrong-type: `words` takes a list, this is a mapping (write each item on a line of its own after `- `)",
            "10:10 wrong-type: `steps` takes a list, this is a single value (write each item on a line of its own after `- `)",
            "11:3 unknown-field: there is no field `place2` (did you mean `place`?)",
        ],
    );
}

#[test]
fn what_cannot_be_written_or_cleared() {
    spec_says(
        "title: null\nnote:\nseen: 2026-01-01T00:00:00Z\nmarketId: 4\nrent: ~\nowner:\n",
        &[
            "5:3 cannot-clear: `title` is required, so it can't be null (write a value, or leave `title` out so that it stays as it is)",
            "6:3 cannot-clear: `note` can't be cleared in this API, so it can't be null (write a value, or leave `note` out so that it stays as it is)",
            "7:3 computed-field: `seen` is set by the service (leave it out)",
            "8:3 computed-field: `marketId` is a copy that is filled in by itself (leave it out)",
            "10:3 empty-value: `owner:` is empty, which means null: clear it (write `owner: null` to clear the field, or remove `owner`)",
        ],
    );
}

#[test]
fn keys_twice_and_unknown() {
    spec_says(
        "rank: 1\nrank: 2\nplace: {row: A, seta: 1}\nhooks: {opned: x}\nlabels: {any: x}",
        &[
            "6:3 duplicate-key: duplicate key (keep one of the two) + 5:3 first written here",
            "7:19 unknown-field: there is no field `seta` (did you mean `seat`?)",
            "8:11 unknown-map-key: `hooks` is not known to have this key (did you mean `opened`?)",
        ],
    );
}

#[test]
fn items_that_cannot_be_distinguished() {
    spec_says(
        "words: [a, b, a, ~]\nsteps: [1, x, 1]",
        &[
            "5:17 duplicate-item: duplicate item in `words` (keep one of the two) + 5:11 first written here",
            "5:20 wrong-type: each item of `words` is a value, this is nothing (write the item or take it out)",
            "6:14 wrong-value: `steps`: this is not an integer (write an integer)",
        ],
    );
    spec_says(
        "goods:\n- code: a\n- code: A\n- size: 1\n- x\n",
        &[
            "7:5 duplicate-item: two items of `goods` have the same `code` (keep one of the two) + 6:5 first written here",
            "8:5 missing-item-key: this item of `goods` lacks its key `code` (add `code`)",
            "9:5 wrong-type: each item of `goods` is a mapping, this is a single value (write the item or take it out)",
        ],
    );
}

#[test]
fn a_further_key_tells_items_apart() {
    spec_says("goods: [{code: a, size: 1}, {code: a, size: 2}]", &[]);
    spec_says("goods: [{code: a, size: 1}, {code: a}]", &[]);
    spec_says("goods: [{id: 5e1f0a772c3d4b4e8f506172839405a6}]", &[]);
    // the key that confuses the fewest items is named: only the last two are alike in every way
    spec_says(
        "goods: [{code: a, size: 1}, {code: a, size: 2}, {code: a, size: 2.0}]",
        &[
            "5:51 duplicate-item: two items of `goods` have the same `code`, `size` (keep one of the two) + 5:31 first written here",
        ],
    );
}

#[test]
fn slots_stand_where_they_may() {
    let (documents, faults) = read(&stall(
        "pin: {from_env: PIN}\nowner: {from_file: secrets/owner}\nnote: {from_command: [op, read, 'op://x/y']}\nsalary: {from_env: SALARY}\nextra: {from_env: literally}\nplace: {door: {from_env: DOOR}}",
    ));
    assert_eq!(lines(&faults), Vec::<String>::new());
    let slots: Vec<_> = documents[0].spec.iter_value_sources().map(|(slot, _)| slot.clone()).collect();
    assert_eq!(
        slots,
        [
            ValueSource::Command(vec!["op".into(), "read".into(), "op://x/y".into()]),
            ValueSource::Env("PIN".into()),
            ValueSource::File("secrets/owner".into()),
            ValueSource::Env("SALARY".into()),
            ValueSource::Env("DOOR".into()),
        ]
    );
    let forms = "(write { from_env: NAME }, { from_file: PATH }, { from_command: [PROGRAM, ARGUMENT] } or { from_secret: { PROVIDER: NAME } })";
    spec_says(
        "owner: {from_env: X-Y}\npin: {from_evn: X}\nnote: {from_env: X, from_file: y}\nplace: {door: {from_command: op read}}\nrank: {from_env: R}\ntitle: {env: X}",
        &[
            &format!(
                "5:10 unknown-secret-source: the source of this value is not the name of an environment variable {forms}"
            ),
            &format!(
                "6:8 unknown-secret-source: the source of this value has an unknown key; did you mean `from_env`? {forms}"
            ),
            &format!(
                "7:9 unknown-secret-source: the source of this value takes exactly one of its words {forms}"
            ),
            &format!(
                "8:17 unknown-secret-source: the source of this value is not a list of the program and its arguments (no shell is used) {forms}"
            ),
            "9:9 source-not-allowed: `rank` is an integer, which can't come from outside (write the value itself)",
            &format!("10:10 unknown-secret-source: the source of this value has an unknown word {forms}"),
        ],
    );
}

// ---- what is never said

/// Wrong documents, each with this word where a secret could be.
const CANARY: &str = "s3cr3t-c4n4ry";

#[test]
fn a_secret_that_stands_where_it_must_not_is_never_repeated() {
    let forms = "write { from_env: NAME }, { from_file: PATH }, { from_command: [PROGRAM, ARGUMENT] } or { from_secret: { PROVIDER: NAME } }";
    spec_says(
        "pin: hunter2\nplace: {door: 'hunter2'}\ngoods: [{code: a, token: hunter2}]",
        &[
            &format!(
                "5:8 plain-secret: `pin` is a secret and must not be here in clear ({forms}; a secret that was ever committed must be changed)"
            ),
            &format!(
                "6:17 plain-secret: `door` is a secret and must not be here in clear ({forms}; a secret that was ever committed must be changed)"
            ),
            &format!(
                "7:28 plain-secret: `token` is a secret and must not be here in clear ({forms}; a secret that was ever committed must be changed)"
            ),
        ],
    );
}

#[test]
fn no_drawing_shows_a_marked_value() {
    let specs = [
        "pin: X",
        "pin: 'X'",
        "pin: |\n  X\n  more X",
        "pin: >-\n  X",
        "pin: !X y",
        "pin: &X y",
        "pin: !!str X",
        "pin: # X",
        "pin: X # X",
        "pin: [X]",
        "pin:\n  - X\n  - a: X",
        "pin: {X: 1}",
        "pin: {a: X}",
        "pin: {from_env: X}",
        "pin: {from_file: [X]}",
        "pin: {from_command: X}",
        "pin: {from_command: [X, {a: X}]}",
        "pin: {from_nev: X, X: X}",
        "pni: X",
        "pni:\n  a: X\n  b:\n    - X\n  # X",
        "pin: a\npin: X",
        "pin: X\npin: X",
        "place: {row: 1, door: X, seat: a}",
        "place:\n  door: X\n  seat: a",
        "place: &p {door: X}\nrank: *p",
        "x: &p X\npin: *p\nowner: *p",
        "x: &p {pin: X}\n<<: *p\npin: [X]",
        "goods: [{code: a, token: X}, {code: a, token: X}]",
        "goods:\n- token: X\n- code: a\n  tokn: X",
        "hooks: {X: a}",
        "hooks: {opened: [X], X: [a]}",
        "hooks: X",
        "hooks:\n  X: a\n  X: a",
        "hooks: {X: a, X: b}",
        "hooks:\n- X",
        "owner: [X]",
        "owner: {a: X}",
        "salary: X",
        "salary: -X",
        "seen: 1\nowner: {from_env: 'X Y'}",
        "pin: \"X",
        "pin: X\n bad indent: [",
        "pin: X\nopen: a: b",
        "pin: *X",
        "pin: %X",
        "pin: `X",
        "pin: {{ X }}",
        "pin: X\n\tpin: X",
    ];
    for spec in specs {
        let spec = spec.replace('X', CANARY);
        for kind in ["shop/stall", "shop/nothing"] {
            let text = stall(&spec).replace("shop/stall", kind);
            let (_, faults) = read(&text);
            assert!(
                kind == "shop/stall" && spec.contains("from_env") || !faults.is_empty(),
                "a fault in {text}"
            );
            let drawn = render_diagnostics(
                &faults,
                &DiagnosticRenderOptions { limit: 1000, ..DiagnosticRenderOptions::default() },
            );
            let said = lines(&faults).join("\n");
            assert!(!drawn.contains(CANARY) && !said.contains(CANARY), "of\n{text}\n{drawn}\n{said}");
        }
    }
}

/// Every line of a source with a fault drawn on it: what a redaction leaves to be seen.
#[test]
fn no_line_shows_a_marked_value_even_when_nothing_is_wrong_with_it() {
    let text = stall(&format!(
        "title: t\nowner: {CANARY}\nhooks:\n  opened: https://{CANARY}\n  closed: |\n    {CANARY}\nsalary: 12.5 # {CANARY}\nplace: {{row: a, door: {CANARY}}}"
    ));
    let source = NamedSource::new("a.yaml", text.clone());
    let mut faults = Vec::new();
    document::read_documents(&source, registry(), &mut faults);
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let span = trueup::diagnostic::SourceSpan { start, end: start + 1 };
        faults.push(Diagnostic::error("any", "any").with_location(source.locate_span(span)));
        start += line.len() as u32;
    }
    let drawn = render_diagnostics(
        &faults,
        &DiagnosticRenderOptions { limit: 1000, ..DiagnosticRenderOptions::default() },
    );
    assert!(drawn.contains("title: t") && drawn.contains("owner: •••"), "{drawn}");
    assert!(!drawn.contains(CANARY), "{drawn}");
}

// ---- what is right

/// A wish as a person would say it.
fn show(wanted: &DesiredNode, shape: &Shape) -> String {
    let DesiredValue::Object(fields) = &wanted.value else { return show_wish(wanted) };
    let each = fields.iter().map(|(number, wanted)| {
        let field = shape.get_field(*number);
        let shown = match &field.ty {
            FieldType::Object(inner) => show(wanted, inner),
            FieldType::Array(list) => match (&list.item, &wanted.value) {
                (trueup::kind::ItemType::Object(inner), DesiredValue::List(items)) => {
                    format!("[{}]", items.iter().map(|item| show(item, inner)).collect::<Vec<_>>().join(","))
                }
                _ => show_wish(wanted),
            },
            _ => show_wish(wanted),
        };
        format!("{}={shown}", field.name)
    });
    format!("{{{}}}", each.collect::<Vec<_>>().join(","))
}

fn show_wish(wanted: &DesiredNode) -> String {
    match &wanted.value {
        DesiredValue::Clear => "~".into(),
        DesiredValue::Literal(value) => show_value(value),
        DesiredValue::Source(slot) => format!("<{slot}>"),
        DesiredValue::Reference(reference) => {
            format!(
                "the one with {} {}",
                reference.member.as_deref().unwrap_or("the document"),
                reference.name
            )
        }
        DesiredValue::List(items) => {
            format!("[{}]", items.iter().map(show_wish).collect::<Vec<_>>().join(","))
        }
        DesiredValue::Map(entries) => {
            let each = entries.iter().map(|(key, wanted)| format!("{key}:{}", show_wish(wanted)));
            format!("{{{}}}", each.collect::<Vec<_>>().join(","))
        }
        DesiredValue::Object(_) => "{..}".into(),
    }
}

fn show_value(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Boolean(flag) => format!("flag {flag}"),
        Value::Integer(number) => format!("whole {number}"),
        Value::Decimal(number) => format!("decimal {number}"),
        Value::Number(number) => format!("number {number}"),
        Value::KnownAfterApply(name) => format!("the id of {name}"),
        Value::Uuid(guid) => format!("guid {guid}"),
        Value::String(text) => format!("{text:?}"),
        Value::Date(date) => format!("date {}", date.value),
        Value::DateTime(time) => format!("time {}", time.value),
        Value::Array(items) => format!("[{}]", items.iter().map(show_value).collect::<Vec<_>>().join(",")),
        Value::Map(entries) => {
            let each = entries.iter().map(|(key, value)| format!("{key}:{}", show_value(value)));
            format!("{{{}}}", each.collect::<Vec<_>>().join(","))
        }
        Value::Object(_) => "{..}".into(),
    }
}

#[track_caller]
fn spec_reads(spec: &str, expected: &str) {
    reads(&stall(spec), &[expected]);
}

#[track_caller]
fn reads(text: &str, expected: &[&str]) {
    let (documents, faults) = read(text);
    assert_eq!(lines(&faults), Vec::<String>::new(), "of\n{text}");
    let shown: Vec<_> = documents.iter().map(|document| show(&document.spec, &document.kind.shape)).collect();
    assert_eq!(shown, expected, "of\n{text}");
}

#[test]
fn text_stays_text() {
    for (written, text) in [
        ("no", "no"),
        ("012", "012"),
        ("1e3", "1e3"),
        ("+46 70 123", "+46 70 123"),
        ("true", "true"),
        ("0x1F", "0x1F"),
        (".inf", ".inf"),
        ("12:30:45", "12:30:45"),
        ("2026-01-31", "2026-01-31"),
        ("'null'", "null"),
        ("\"~\"", "~"),
        ("''", ""),
        ("=", "="),
        ("a # b", "a"),
        ("a#b", "a#b"),
        ("a: b".replace(": ", ":").as_str(), "a:b"),
        ("'it''s'", "it's"),
        ("\"a\\tb\\u00e9\\n\"", "a\tb\u{e9}\n"),
        ("plain\n  over lines", "plain over lines"),
        ("'quoted\n\n  over lines'", "quoted\nover lines"),
        ("|\n  kept\n    in\n  form\n", "kept\n  in\nform\n"),
        (">-\n  folded\n  text\n", "folded text"),
        ("|+\n  kept\n\n", "kept\n\n"),
        ("!!str 12", "12"),
        ("! 12", "12"),
        ("-", "-"),
        ("?x", "?x"),
        ("日本 😀", "日本 😀"),
    ] {
        let (documents, faults) = read(&stall(&format!("note: {written}")));
        if written == "-" {
            // a lone dash opens a list
            assert!(!faults.is_empty());
            continue;
        }
        assert_eq!(lines(&faults), Vec::<String>::new(), "{written}");
        assert_eq!(
            show(&documents[0].spec, &documents[0].kind.shape),
            format!("{{note={text:?}}}"),
            "{written}"
        );
    }
}

#[test]
fn leaves_have_the_type_of_their_field() {
    spec_reads(
        "rent: 2500.00\nrank: '7'\nopen: \"true\"\nsince: 2026-01-31\nuntil: 2026-01-31T08:00:00+02:00\nsort: books\ncolour: green\nsalary: -0.0000001\nid: 5E1F0A772C3D4B4E8F506172839405A6",
        "{id=guid 5e1f0a77-2c3d-4b4e-8f50-6172839405a6,open=flag true,rank=whole 7,rent=decimal 2500.00,since=date 2026-01-31,until=time 2026-01-31T06:00:00Z,sort=\"books\",colour=\"green\",salary=decimal -0.0000001}",
    );
    spec_reads(
        "extra: {a: 1, b: [yes, true, '1', 1.50, ~], c: {}, d: 123456789012345678901234567890123}",
        "{extra={a:decimal 1,b:[\"yes\",flag true,\"1\",decimal 1.50,null],c:{},d:number 123456789012345678901234567890123}}",
    );
}

#[test]
fn absent_null_and_empty_are_three_things() {
    spec_reads("{}", "{}");
    spec_reads(
        "rent: ~\nwords: null\nplace: Null\nhooks: {opened: null}",
        "{rent=~,place=~,hooks={opened:~},words=~}",
    );
    spec_reads("words: []\nplace: {}\nhooks: {}\nnote: ''", "{note=\"\",place={},hooks={},words=[]}");
}

#[test]
fn anchors_and_merge_keys_across_a_list() {
    spec_reads(
        "goods:\n- &first {code: a, size: 1}\n- <<: *first\n  code: b\n- {<<: [*first, {token: {from_env: T}}], code: c}\nwords: &w [x]\nplace: {row: *r}".replace("*r", "y").as_str(),
        "{place={row=\"y\"},words=[\"x\"],goods=[{code=\"a\",size=decimal 1},{code=\"b\",size=decimal 1},{code=\"c\",size=decimal 1,token=<the environment variable T>}]}",
    );
    // a fault in what was merged in stands where it is written
    spec_says(
        "goods:\n- &first {code: a, sise: 1}\n- <<: *first\n  code: b\n",
        &[
            "6:22 unknown-field: there is no field `sise` (did you mean `size`?)",
            "6:22 unknown-field: there is no field `sise` (did you mean `size`?)",
        ],
    );
}

#[test]
fn several_documents_in_any_dress() {
    let one = "kind: shop/stall\nname: a\nspec: {title: a, place: {row: x}}\n";
    let two = "kind: shop/stall\nname: b\nspec: {title: b, place: {row: x}}\n";
    let shown = ["{title=\"a\",place={row=\"x\"}}", "{title=\"b\",place={row=\"x\"}}"];
    let both = format!("{one}---\n{two}");
    for text in [
        both.clone(),
        format!("%YAML 1.2\n---\n{one}...\n---\n# between\n{two}...\n"),
        format!("---\n---\n{one}---\n~\n---\n{two}---\n"),
        format!("\u{feff}{both}"),
        both.replace('\n', "\r\n"),
        format!("\u{feff}# yaml-language-server: $schema=x\r\n{}", both.replace('\n', "\r\n")),
        format!("{}# no newline at the end", both),
        both.trim_end().to_owned(),
    ] {
        reads(&text, &shown);
    }
}

#[test]
fn places_are_right_in_any_dress() {
    let text = "kind: shop/stall\nname: a\nspec:\n  titel: x\n";
    for dressed in [text.to_owned(), text.replace('\n', "\r\n"), format!("\u{feff}{text}")] {
        let (_, faults) = read(&dressed);
        assert_eq!(lines(&faults)[1], "4:3 unknown-field: there is no field `titel` (did you mean `title`?)");
        let drawn = render_diagnostics(&faults, &DiagnosticRenderOptions::default());
        assert!(drawn.contains("config/a.yaml:4:3"), "{drawn}");
    }
    let (_, faults) = read("\u{feff}knid: shop/stall\n");
    assert!(
        lines(&faults)
            .contains(&"1:1 unknown-key: a document has no key `knid` (did you mean `kind`?)".to_owned())
    );
    // columns count characters, not bytes
    says(
        "kind: shop/stall\nname: åäö\nspec: {title: åäö😀, place: {row: ö}, x: 1}\n",
        &[
            "3:38 unknown-field: there is no field `x` (known here: id, title, note, open, rank, rent, since, until, sort, colour, pin, owner, salary, extra, place, hooks, labels, words, steps, goods)",
        ],
    );
}

#[test]
fn files_with_nothing_and_files_that_are_no_yaml() {
    let empty = "1:1 empty-file: this file holds no document (write one, or remove the file)";
    for text in ["", "\n\n", "# only\n# comments\n", "---\n", "---\n...\n---\n", "\u{feff}", "~\n"] {
        says(text, &[empty]);
    }
    let cut = "look at the indentation, quotes and brackets just before this place";
    for text in [
        "kind: 'shop\n",
        "kind: shop\n\tname: x\n",
        "kind: [shop\nname: x\n",
        "kind: shop\n name: x\n",
        "a: b: c\n",
        "@x\n",
    ] {
        let (documents, faults) = read(text);
        assert!(documents.is_empty());
        assert!(
            faults.iter().any(|fault| fault.code == "yaml-syntax" && fault.hint.as_deref() == Some(cut)),
            "{text}"
        );
    }
    // what stands before the broken place is still read
    let (documents, faults) =
        read("kind: shop/stall\nname: a\nspec: {title: a, place: {row: x}}\n---\nkind: 'x\n");
    assert_eq!((documents.len(), faults.len()), (1, 1));
}

#[test]
fn too_much_of_anything_is_refused() {
    let large = format!("# {}\n", "x".repeat(33 * 1024 * 1024));
    says(&large, &["1:1 file-too-large: this file is larger than 32 MiB (split the file)"]);
    let many = "---\na: 1\n".repeat(100_001);
    let (documents, faults) = read(&many);
    assert!(documents.is_empty());
    assert_eq!(faults.iter().filter(|fault| fault.code == "too-many-documents").count(), 1);
    let deep = stall(&format!("extra: {}1{}", "[".repeat(100), "]".repeat(100)));
    assert!(read(&deep).1.iter().any(|fault| fault.code == "yaml-syntax"));
    let long = stall(&format!("note: {}", "x".repeat(1024 * 1024 + 1)));
    assert_eq!(lines(&read(&long).1), ["5:9 wrong-value: `note` is longer than 1048576 bytes (shorten it)"]);
}

#[test]
fn long_lists_are_checked_in_one_pass() {
    let items: String = (0..100_000).map(|n| format!("  - {{code: c{n}, size: {n}}}\n")).collect();
    let text = format!("{}  goods:\n{items}  - {{code: C5, size: 5.0}}\n", stall("rank: 1"));
    let (_, faults) = read(&text);
    assert_eq!(faults.len(), 1);
    assert_eq!(faults[0].code, "duplicate-item");
}

#[test]
fn a_long_line_of_secrets_is_veiled_in_one_pass() {
    let items: Vec<String> = (0..50_000).map(|n| format!("{{code: c{n}, token: {CANARY}}}")).collect();
    let (_, faults) = read(&stall(&format!("goods: [{}]", items.join(", "))));
    assert_eq!(faults.len(), 50_000);
    let drawn = render_diagnostics(&faults, &DiagnosticRenderOptions::default());
    assert!(drawn.contains("token: •••") && !drawn.contains(CANARY), "{drawn}");
}

// ---- documents together

#[test]
fn two_documents_for_one_object_name_both_places() {
    let document = |name: &str, id: &str, spec: &str| {
        let id = if id.is_empty() { String::new() } else { format!("id: {}\n", id.repeat(16)) };
        format!("kind: shop/stall\nname: {name}\nscope: {{marketId: 1}}\n{id}spec: {spec}\n---\n")
    };
    let says = |parts: &[String], expected: &[&str]| {
        let (documents, mut faults) = read(&parts.concat());
        document::check_duplicates(&documents, &document::ServiceNames::new(), &mut faults);
        assert_eq!(lines(&faults), expected, "of\n{}", parts.concat());
    };
    let hint = "(one object is described by one document: merge the two, or change the identity of one)";
    says(
        &[document("a", "5e", "{}"), document("b", "6e", "{}"), document("a", "7e", "{}")],
        &[&format!(
            "14:7 duplicate-document: two documents of kind `shop/stall` have the same name {hint} + 2:7 the other document"
        )],
    );
    says(
        &[document("a", "5e", "{}"), document("b", "5E", "{}")],
        &[&format!(
            "10:5 duplicate-document: two documents of kind `shop/stall` have the same id {hint} + 2:7 the other document"
        )],
    );
    let (one, other) = ("{title: t, place: {row: '1'}}", "{place: {row: 1}, title: t}");
    says(
        &[document("a", "", one), document("b", "", other)],
        &[&format!(
            "9:32 duplicate-document: two documents of kind `shop/stall` have the same title, place.row {hint} + 2:7 the other document"
        )],
    );
    // one fault a document, however much is alike
    says(
        &[document("a", "5e", one), document("a", "5e", other)],
        &[&format!(
            "8:7 duplicate-document: two documents of kind `shop/stall` have the same name {hint} + 2:7 the other document"
        )],
    );
    // different ids, different scopes, unlike keys, values from outside: different objects
    says(&[document("a", "5e", one), document("b", "6e", other)], &[]);
    says(&[document("a", "", one), document("b", "", other).replace("marketId: 1", "marketId: 2")], &[]);
    says(&[document("a", "", one), document("b", "", "{title: T, place: {row: 1}}")], &[]);
    let outside = "{title: {from_env: T}, place: {row: 1}}";
    says(&[document("a", "", outside), document("b", "", outside)], &[]);
}

// ---- slots filled in

#[test]
fn slots_become_values_of_their_field() {
    let spec = "pin: {from_env: PIN}\nsalary: {from_env: SALARY}\nplace: {door: {from_env: PIN}}\nhooks: {opened: {from_file: f}, closed: x}\nwords: [{from_env: PIN}]\ngoods: [{code: a, token: {from_env: NONE}}]";
    let (mut documents, _) = read(&stall(spec));
    let known = |slot: &ValueSource| match slot {
        ValueSource::Env(name) if name == "NONE" => None,
        ValueSource::Env(name) if name == "SALARY" => Some(secrecy::SecretString::from("1200.50")),
        _ => Some(secrecy::SecretString::from("0123")),
    };
    let mut faults = Vec::new();
    documents[0].resolve_sources(&known, &mut faults);
    assert!(faults.is_empty());
    assert_eq!(
        show(&documents[0].spec, &documents[0].kind.shape),
        "{pin=\"0123\",salary=decimal 1200.50,place={door=\"0123\"},hooks={opened:\"0123\",closed:\"x\"},words=[\"0123\"],goods=[{code=\"a\",token=<the environment variable NONE>}]}"
    );
    assert_eq!(documents[0].spec.iter_value_sources().count(), 1);
}

#[test]
fn a_value_from_outside_that_does_not_fit_is_reported_at_its_slot() {
    let (mut documents, mut faults) = read(&stall("salary: {from_env: SALARY}"));
    documents[0].resolve_sources(&|_| Some(secrecy::SecretString::from(CANARY)), &mut faults);
    assert_eq!(
        lines(&faults),
        [
            "5:11 wrong-value: `salary`: this is not a decimal number (like 12.50, with a point and without separators)"
        ]
    );
    assert!(!render_diagnostics(&faults, &DiagnosticRenderOptions::default()).contains(CANARY));
}

#[test]
fn a_secret_that_became_a_tag_is_veiled() {
    let (_, faults) = read(&format!("kind: shop/stall\nname: one\nspec:\n  place:\n   !door:''{CANARY}'\n"));
    assert!(faults.iter().any(|fault| fault.code == "unknown-tag"));
    assert!(!render_diagnostics(&faults, &DiagnosticRenderOptions::default()).contains(CANARY));
}

#[test]
fn a_value_in_the_place_of_a_key_is_veiled() {
    for key in [format!("? door- '{CANARY}'"), format!("\"{CANARY} \""), format!("door:'{CANARY}'")] {
        let documents = [
            format!("kind: shop/stall\nname: one\nspec:\n  place:\n    {key}: x\n"),
            format!("kind: shop/stall\nname: one\n{key}: x\nspec: {{}}\n"),
            format!("kind: shop/stall\nname: one\nscope:\n  {key}: x\nspec: {{}}\n"),
        ];
        for document in documents {
            let (_, faults) = read(&document);
            assert!(has_errors(&faults), "{document}");
            let drawn = render_diagnostics(&faults, &DiagnosticRenderOptions::default());
            assert!(!drawn.contains(CANARY), "{document}\n{drawn}");
        }
    }
    let (_, faults) = read(&stall("'rank ': 1"));
    assert_eq!(lines(&faults), ["5:3 unknown-field: there is no field of this name (did you mean `rank`?)"]);
}

// ---- properties

/// A scalar of YAML in some dress that means exactly this text.
fn dressed(text: &str, dress: u8) -> String {
    let plain = !text.is_empty()
        && text.chars().all(|c| c.is_ascii_alphanumeric())
        && !matches!(text, "null" | "Null" | "NULL");
    match dress % 3 {
        0 if plain => text.to_owned(),
        1 if text.chars().all(|c| !c.is_control() && c != '\u{feff}') => {
            format!("'{}'", text.replace('\'', "''"))
        }
        // JSON's strings are YAML's, but for what JSON leaves raw
        _ => serde_json::to_string(text).unwrap().replace('\u{7f}', "\\x7f").replace('\u{feff}', "\\ufeff"),
    }
}

fn number() -> impl Strategy<Value = String> {
    ("-?(0|[1-9][0-9]{0,17})", prop::option::of("[0-9]{1,9}"))
        .prop_map(|(whole, part)| part.map_or(whole.clone(), |part| format!("{whole}.{part}")))
}

/// One field as YAML, and what it means.
fn field() -> impl Strategy<Value = (&'static str, String, String)> {
    let text = |name: &'static str| {
        (any::<String>(), any::<u8>()).prop_map(move |(text, dress)| {
            let text: String =
                text.chars().filter(|c| *c != '\u{85}' && *c != '\u{2028}' && *c != '\u{2029}').collect();
            (name, dressed(&text, dress), format!("{text:?}"))
        })
    };
    prop_oneof![
        text("note"),
        text("owner"),
        any::<bool>().prop_map(|flag| ("open", flag.to_string(), format!("flag {flag}"))),
        any::<i64>().prop_map(|rank| ("rank", rank.to_string(), format!("whole {rank}"))),
        number().prop_map(|rent| (
            "rent",
            rent.clone(),
            format!("decimal {}", rent.parse::<rust_decimal::Decimal>().unwrap())
        )),
        any::<u128>().prop_map(|id| {
            let id = uuid::Uuid::from_u128(id);
            ("id", id.simple().to_string().to_uppercase(), format!("guid {id}"))
        }),
        prop::collection::btree_set("[a-z]{1,5}", 0..5).prop_map(|words| {
            let shown: Vec<_> = words.iter().map(|word| format!("{word:?}")).collect();
            let words: Vec<_> = words.into_iter().map(|word| dressed(&word, 1)).collect();
            ("words", format!("[{}]", words.join(", ")), format!("[{}]", shown.join(",")))
        }),
        prop::collection::btree_map("[a-z]{1,5}", any::<String>(), 0..4).prop_map(|labels| {
            let shown: Vec<_> = labels.iter().map(|(key, text)| format!("{key}:{text:?}")).collect();
            let labels: Vec<_> =
                labels.iter().map(|(key, text)| format!("'{key}': {}", dressed(text, 2))).collect();
            ("labels", format!("{{{}}}", labels.join(", ")), format!("{{{}}}", shown.join(",")))
        }),
        "[A-Z_]{1,8}".prop_map(|name| (
            "pin",
            format!("{{from_env: {name}}}"),
            format!("<the environment variable {name}>")
        )),
        Just(("since", "~".to_owned(), "~".to_owned())),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_text_never_panics(text in any::<String>()) {
        render_diagnostics(&read(&text).1, &DiagnosticRenderOptions::default());
    }

    #[test]
    fn text_that_looks_like_yaml_never_panics(
        pieces in prop::collection::vec(prop_oneof![
            Just("kind: shop/stall\n"), Just("name: x\n"), Just("spec:\n"), Just("  "), Just("- "), Just("title:"),
            Just("goods:"), Just("code: a"), Just("pin: "), Just("{from_env: X}"), Just("[a, b]"), Just("&a "), Just("*a"),
            Just("<<: "), Just("|\n"), Just(">-"), Just("'"), Just("\""), Just("\n"), Just("---\n"), Just("!x "), Just("\t"),
            Just("? "), Just(": "), Just("{"), Just("}"), Just("é"), Just("\r\n"), Just("# "), Just("hooks: {opened: x}"),
        ], 0..40)
    ) {
        let (documents, mut faults) = read(&pieces.concat());
        document::check_duplicates(&documents, &document::ServiceNames::new(), &mut faults);
        render_diagnostics(&faults, &DiagnosticRenderOptions::default());
    }

    #[test]
    fn a_valid_spec_reads_back_as_written(fields in prop::collection::vec(field(), 0..8)) {
        let mut seen = std::collections::BTreeSet::new();
        let fields: Vec<_> = fields.into_iter().filter(|(name, ..)| seen.insert(*name)).collect();
        let spec: String = fields.iter().map(|(name, yaml, _)| format!("  {name}: {yaml}\n")).collect();
        let id = if fields.iter().any(|(name, ..)| *name == "id") { "" } else { "id: 5e1f0a772c3d4b4e8f506172839405a6\n" };
        let spec = if spec.is_empty() { "  {}\n".to_owned() } else { spec };
        let text = format!("kind: shop/stall\nname: x\n{id}spec:\n{spec}");
        let (documents, faults) = read(&text);
        // a sensitive value that looks like a mask is refused on purpose
        prop_assume!(!faults.iter().any(|fault| fault.code == "masked-value"));
        prop_assert_eq!(lines(&faults), Vec::<String>::new(), "of\n{}", text);
        let shape = &documents[0].kind.shape;
        let place = |name: &str| shape.fields.iter().position(|field| &*field.name == name);
        let mut expected: Vec<_> = fields.iter().map(|(name, _, shown)| (place(name), format!("{name}={shown}"))).collect();
        expected.sort();
        let expected: Vec<_> = expected.into_iter().map(|(_, shown)| shown).collect();
        prop_assert_eq!(show(&documents[0].spec, shape), format!("{{{}}}", expected.join(",")), "of\n{}", text);
    }

    #[test]
    fn a_secret_in_a_mangled_document_is_never_shown(
        edits in prop::collection::vec((any::<prop::sample::Index>(), prop::sample::select(" \n:-{}[]'\"#&*!|>?,x\t".chars().collect::<Vec<_>>()), any::<bool>()), 1..6)
    ) {
        let mut text: Vec<char> = stall(&format!("title: t\nowner: {CANARY}\npin: {CANARY}\nplace:\n  door: '{CANARY}'\nrank: 1")).chars().collect();
        for (at, c, insert) in edits {
            let at = at.index(text.len());
            if insert { text.insert(at, c) } else { text[at] = c }
        }
        let text: String = text.into_iter().collect();
        // a key is no value, and an open field no secret: whoever makes a secret one of these shows it
        let open = |line: &str| ["kind", "name", "id", "title", "rank"].iter().any(|key| line.trim_start().starts_with(key));
        let is_key = |line: &str| line.contains('?') || line.split(CANARY).skip(1).any(|rest| rest.contains(':'));
        let is_block = |line: &str| open(line) && line.contains(['|', '>']);
        let shows = |line: &str| is_block(line) || line.contains(CANARY) && (open(line) || is_key(line));
        prop_assume!(!text.lines().any(shows));
        let (_, faults) = read(&text);
        let drawn = render_diagnostics(&faults, &DiagnosticRenderOptions { limit: 1000, ..DiagnosticRenderOptions::default() });
        prop_assert!(!drawn.contains(CANARY), "of\n{}\n{}", text, drawn);
    }
}

#[test]
fn whole_and_decimal_numbers_are_spelled_by_one_rule() {
    let fault = |field: &str, text: &str| {
        let mut faults = Vec::new();
        let document = format!("kind: shop/stall\nname: a\nspec: {{ {field}: {text} }}\n");
        document::read_documents(&NamedSource::new("a.yaml", document), registry(), &mut faults);
        lines(&faults).iter().any(|line| line.starts_with("3:"))
    };
    let fields: Vec<String> = {
        let kind = registry().find_kind("shop/stall").expect("a kind");
        let scalar = |wanted: fn(&trueup::kind::ScalarType) -> bool| {
            let is_wanted =
                |ty: &FieldType| matches!(ty, FieldType::Scalar(scalar_field) if wanted(scalar_field));
            let open = kind.shape.fields.iter().filter(|field| !field.behavior.read_only);
            open.into_iter().find(|field| is_wanted(&field.ty)).expect("a field").name.to_string()
        };
        use trueup::kind::ScalarType::{Decimal, Integer};
        vec![
            scalar(|scalar_field| matches!(scalar_field, Integer(_))),
            scalar(|scalar_field| matches!(scalar_field, Decimal(_))),
        ]
    };
    for field in &fields {
        for text in ["017", "1_000", "5.", "'0x10'", "+", "1.e3"] {
            assert!(fault(field, text), "{field}: {text}");
        }
        for text in ["17", "'17'", "0", "5.0", "1e3"] {
            assert!(!fault(field, text), "{field}: {text}");
        }
    }
}

#[test]
fn aliases_add_no_more_than_the_file_is_long() {
    let mut text = "kind: shop/stall\nname: a\nspec:\n".to_owned();
    text.push_str(&format!("  l0: &a0 [{}]\n", vec!["x"; 100].join(", ")));
    for level in 1..4 {
        let row = vec![format!("*a{}", level - 1); 5].join(", ");
        text.push_str(&format!("  l{level}: &a{level} [{row}]\n"));
    }
    // the bound is of the file: documents do not add to it
    let text = format!("{text}---\n{text}");
    let mut faults = Vec::new();
    document::read_documents(&NamedSource::new("a.yaml", text), registry(), &mut faults);
    assert!(faults.iter().any(|fault| fault.code == "too-many-aliases"), "{:?}", lines(&faults));
}
