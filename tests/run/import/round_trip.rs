//! Whatever a live object holds: what is written of it reads back as the same.

use std::sync::{Arc, LazyLock};

use proptest::prelude::*;
use serde_json::{Map, Value as Json, json};
use trueup::diagnostic::{Diagnostic, NamedSource, has_errors};
use trueup::document::write::{CommentMap, DocumentContent, render_document};
use trueup::document::{self, DesiredNode, DesiredValue, Document, DocumentState};
use trueup::kind::mask::may_be_mask;
use trueup::kind::registry::KindRegistry;
use trueup::kind::{Kind, WireFormat};
use trueup::remote::wire::{self, Snapshot};
use trueup::run::import::ImportJob;
use trueup::run::import::draft::{DraftOptions, ObjectDraft, draft_object};
use trueup::run::import::edited_file::{EditedDocument, EditedFile};
use trueup::run::import::imported_references::ImportedReferences;
use trueup::run::import::names::VariableNames;
use trueup::run::import::revise::{compare_document, revise_document};
use trueup::value::{Object, Sensitivity, Value};

/// A kind with a field of every sort.
fn stall() -> Arc<Kind> {
    static REGISTRY: LazyLock<KindRegistry> = LazyLock::new(|| {
        let files = vec![
            ("apis/shop/api.yaml".to_owned(), include_str!("../../format/documents/api.yaml").to_owned()),
            ("apis/shop/stall.yaml".to_owned(), include_str!("../../format/documents/stall.yaml").to_owned()),
        ];
        let mut faults = Vec::new();
        let registry = KindRegistry::with_workspace(files, &mut faults);
        assert!(!has_errors(&faults));
        registry
    });
    REGISTRY.find_kind("shop/stall").expect("a kind")
}

fn registry() -> KindRegistry {
    let files = vec![
        ("apis/shop/api.yaml".to_owned(), include_str!("../../format/documents/api.yaml").to_owned()),
        ("apis/shop/stall.yaml".to_owned(), include_str!("../../format/documents/stall.yaml").to_owned()),
    ];
    KindRegistry::with_workspace(files, &mut Vec::new())
}

fn object(json: &Json) -> Object {
    let live = wire::read_object(json.to_string().as_bytes(), WireFormat::Json, &stall()).expect("an object");
    assert!(live.mismatches.is_empty(), "{:?}", live.mismatches);
    live.object
}

fn drafted(object: &Object, personal: bool) -> ObjectDraft {
    let kind = stall();
    let manner = DraftOptions { kind: &kind, personal, no_secrets: false, words: vec!["SHOP".into()] };
    draft_object(&manner, object, &mut VariableNames::new(Default::default()))
}

fn text(draft: &ObjectDraft, personal: bool) -> Result<String, Diagnostic> {
    let (kind, spec) = (stall(), draft.build_spec());
    let id = Value::Uuid("5e1f0a77-2c3d-4b4e-8f50-6172839405a6".parse().expect("a guid"));
    let sheet = DocumentContent {
        kind: &kind,
        name: "no",
        target: Some("1e3"),
        id: Some(&id),
        scope: &[(0, Value::Integer(7))],
        spec: &spec,
        comments: &draft.remarks,
        header_comments: &[],
        allow_personal: personal,
        omit_guarded: false,
        state: DocumentState::Present,
        protect: false,
        depends_on: &[],
    };
    render_document(&sheet)
}

fn read(text: &str) -> Document {
    let (source, mut faults) = (NamedSource::new("t.yaml", text), Vec::new());
    let mut documents = document::read_documents(&source, &registry(), &mut faults);
    let said: Vec<&str> = faults.iter().map(|fault| &*fault.message).collect();
    assert!(!has_errors(&faults) && documents.len() == 1, "{said:?}\n{text}");
    documents.remove(0)
}

/// Whether two wishes are the same, wherever they stand.
fn same(a: &DesiredNode, b: &DesiredNode) -> bool {
    match (&a.value, &b.value) {
        (DesiredValue::Clear, DesiredValue::Clear) => true,
        (DesiredValue::Literal(a), DesiredValue::Literal(b)) => a.is_equivalent(b),
        (DesiredValue::Source(a), DesiredValue::Source(b)) => a == b,
        (DesiredValue::Object(a), DesiredValue::Object(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|((m, a), (n, b))| m == n && same(a, b))
        }
        (DesiredValue::Map(a), DesiredValue::Map(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|((m, a), (n, b))| m == n && same(a, b))
        }
        (DesiredValue::List(a), DesiredValue::List(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        _ => false,
    }
}

fn comes_back(json: &Json) -> String {
    let draft = drafted(&object(json), true);
    let text = text(&draft, true).unwrap_or_else(|fault| panic!("{}", fault.message));
    let document = read(&text);
    assert!(same(&draft.build_spec(), &document.spec), "{json}\n{text}");
    assert_eq!((&*document.name, document.target.as_deref()), ("no", Some("1e3")));
    text
}

/// Texts that some reader of YAML takes for something else, or that break a careless writer.
const AWKWARD: [&str; 66] = [
    "no",
    "Yes",
    "on",
    "OFF",
    "y",
    "N",
    "true",
    "False",
    "null",
    "NULL",
    "~",
    "",
    " ",
    "012",
    "0o17",
    "0x1F",
    "1e3",
    "1_000",
    "1.",
    ".5",
    "-.5",
    "+1",
    "+46 70",
    "12:30",
    "190:20:30",
    ".inf",
    "-.INF",
    ".nan",
    "NaN",
    "2026-01-31",
    "2026-01-31T08:00:00Z",
    "=",
    "<<",
    "-",
    "- x",
    "--- x",
    "---",
    "...",
    "?",
    "? x",
    ":",
    ": x",
    "a: b",
    "a:",
    "a #b",
    "#a",
    "&a",
    "*a",
    "!a",
    "|",
    ">",
    "%a",
    "@a",
    "`a",
    "'",
    "\"",
    "\\",
    "{",
    "[a]",
    "a, b",
    "a\nb",
    "a\n",
    "\n",
    "a\r\nb",
    "\t",
    "\u{0}\u{7}\u{85}\u{2028}\u{feff}",
];

/// What a service may show in place of a value is never written.
fn unmasked(texts: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    texts.prop_filter("a mask is no value", |text| !may_be_mask(text))
}

fn awkward() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(&AWKWARD[..]).prop_map(str::to_owned),
        unmasked(
            (prop::sample::select(&AWKWARD[..]), prop::sample::select(&AWKWARD[..]))
                .prop_map(|(a, b)| format!("{a}{b}"))
        ),
        unmasked(any::<String>()),
        unmasked("[ -~\n]{0,40}"),
        unmasked("([a-z:#, ]{0,12}\n){1,4}"),
    ]
}

/// Any JSON, for the field that takes any; numbers that a decimal holds.
fn anything() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        (-1_000_000i64..1_000_000).prop_map(|n| json!(n as f64 / 64.0)),
        awkward().prop_map(Json::from),
    ];
    leaf.prop_recursive(3, 20, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            prop::collection::btree_map(awkward(), inner, 0..4)
                .prop_map(|map| Json::Object(map.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

fn stalls() -> impl Strategy<Value = Json> {
    let texts = prop::collection::vec(awkward(), 7);
    let labels = prop::collection::btree_map(awkward(), awkward(), 0..4);
    let goods = prop::collection::btree_map("[a-c]{1,2}", (0i64..50, awkward()), 0..4);
    (texts, labels, prop::collection::vec(awkward(), 0..4), goods, anything(), any::<(bool, i64)>()).prop_map(
        |(texts, labels, words, goods, extra, (open, rank))| {
            let goods: Vec<Json> = goods
                .into_iter()
                .map(|(code, (size, token))| json!({ "code": code, "size": size, "token": token }))
                .collect();
            let mut words = words;
            words.sort();
            words.dedup();
            json!({
                "id": "5e1f0a772c3d4b4e8f506172839405a6",
                "title": "t", "note": texts[0], "open": open, "rank": rank, "rent": "12.50",
                "since": "2026-01-31", "until": "2026-01-31T08:00:00Z", "colour": texts[1], "pin": texts[2],
                "owner": texts[3], "extra": extra, "place": { "row": texts[4], "door": texts[5], "seat": rank },
                "hooks": { "opened": texts[6] }, "labels": labels, "words": words, "steps": [rank, 0, rank],
                "goods": goods,
            })
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn what_is_written_reads_back(stall in stalls()) {
        let text = comes_back(&stall);
        // and so it does for another reader, of which only the shape is known
        let generic: Result<Json, _> = serde_yaml_reader(&text);
        prop_assert!(generic.is_ok(), "{text}");
        prop_assert_eq!(&generic.unwrap()["spec"]["note"], &awaited(&stall["note"]));
    }

    #[test]
    fn nothing_marked_is_written_unasked(stall in stalls()) {
        let draft = drafted(&object(&stall), false);
        let text = text(&draft, false).unwrap_or_else(|fault| panic!("{}", fault.message));
        let document = read(&text);
        for name in ["owner", "hooks", "salary"] {
            let number = document.kind.shape.find_field(name).expect("a field").number;
            prop_assert!(document.spec.get_field(number).is_none(), "{}", text);
        }
    }
}

/// Imports one state, then another over it; the second text, or why it was left alone. Every text is proved by
/// the page itself.
fn twice(first: &Json, second: &Json) -> (String, Result<String, Vec<Diagnostic>>) {
    let (kind, registry) = (stall(), registry());
    let import = ImportJob {
        kind: Arc::clone(&kind),
        target: "1e3".into(),
        scope: vec![Value::Integer(7)],
        own_scope: vec![(0, Value::Integer(7))],
        names_target: true,
        personal: true,
        no_secrets: false,
        all_fields: false,
    };
    let before =
        text(&drafted(&object(first), true), true).unwrap_or_else(|fault| panic!("{}", fault.message));
    let document = read(&before);
    let live = Snapshot { object: object(second), mismatches: Vec::new(), links: Vec::new(), etag: None };
    let meanings = ImportedReferences::default();
    let subject = import.build_subject(&document, &live.object);
    let proposal = compare_document(&document, &meanings, &subject, &live.object);
    let nodes = trueup::yaml::read_documents(&document.source, &mut Vec::new());
    let revision =
        match revise_document(&import, &document, &nodes[0], &proposal, &drafted(&live.object, true)) {
            Ok(None) => return (before.clone(), Ok(before)),
            Ok(Some(revision)) => revision,
            Err(faults) => return (before, Err(faults)),
        };
    let (cuts, touched) = (revision.cuts, revision.touched);
    let pending = Vec::new();
    let revised =
        EditedDocument { document: &document, live: &live, references: meanings, pending, cuts, touched };
    let page = EditedFile {
        path: "t.yaml".into(),
        before: Some(Arc::clone(&document.source)),
        edited: vec![revised],
        new: Vec::new(),
        first_line: None,
    };
    let after = page.verify_file(&import, &registry).map(|proof| proof.text);
    (before.clone(), after)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    /// Values that change can always be written, and lines without them stay.
    #[test]
    fn values_that_change_change_where_they_stand(stall in stalls(), other in stalls()) {
        let mut second = stall.clone();
        for name in ["note", "open", "rank", "colour", "owner", "place"] {
            second[name] = other[name].clone();
        }
        let (before, after) = twice(&stall, &second);
        let after = match after {
            Ok(after) => after,
            Err(faults) => return Err(TestCaseError::fail(format!("{}\n{before}", faults[0].message))),
        };
        let kept = |line: &&str| line.starts_with("  labels") || line.starts_with("  since") || line.starts_with("    - { code");
        prop_assert!(before.lines().filter(kept).eq(after.lines().filter(kept)), "{}\n{}", before, after);
    }

    /// Whatever else changes is written or told; the page proves what is written.
    #[test]
    fn whatever_changes_is_written_or_told(stall in stalls(), other in stalls()) {
        let (before, after) = twice(&stall, &other);
        match after {
            Ok(after) => {
                // the same once more changes nothing
                let document = read(&after);
                let subject = common_subject(&document, &object(&other));
                let again = compare_document(&document, &ImportedReferences::default(), &subject, &object(&other));
                prop_assert!(again.changes.is_empty() && again.errors.is_empty(), "{}\n{}", before, after);
            }
            Err(faults) => prop_assert!(has_errors(&faults)),
        }
        prop_assert_eq!(twice(&stall, &stall).1.ok(), Some(before));
    }
}

fn common_subject(document: &Document, live: &Object) -> trueup::plan::PlanSubject {
    trueup::plan::PlanSubject {
        number: 0,
        kind: stall(),
        name: document.name.clone(),
        environment: document.environment.clone(),
        target: "1e3".into(),
        scope: vec![Value::Integer(7)],
        id: live.get_field(stall().identity.id).cloned(),
        place: document.locate_span(document.name_span),
    }
}

/// A text that says nothing is left out.
fn awaited(note: &Json) -> Json {
    if note == "" { Json::Null } else { note.clone() }
}

/// A reader that knows no kind: YAML to JSON as it stands.
fn serde_yaml_reader(text: &str) -> Result<Json, String> {
    let source = NamedSource::new("t.yaml", text);
    let mut faults = Vec::new();
    let nodes = trueup::yaml::read_documents(&source, &mut faults);
    let plain = |node: &trueup::yaml::YamlNode| -> Json { as_json(node) };
    if faults.is_empty() { Ok(plain(&nodes[0])) } else { Err(faults[0].message.clone()) }
}

fn as_json(node: &trueup::yaml::YamlNode) -> Json {
    use trueup::yaml::YamlData;
    match &node.data {
        _ if node.is_null() => Json::Null,
        YamlData::Scalar { text, .. } => Json::String(text.to_string()),
        YamlData::Sequence(items) => Json::Array(items.iter().map(as_json).collect()),
        YamlData::Mapping(entries) => {
            Json::Object(entries.iter().map(|entry| (entry.key.to_string(), as_json(&entry.value))).collect())
        }
    }
}

/// A bare word must be a text to readers of YAML 1.1 too (its implicit types, as they stand in the specification
/// and in the readers that follow it).
#[test]
fn bare_words_are_texts_to_everybody() {
    let special = |word: &str| {
        let lower = word.to_lowercase();
        let words = [
            "y", "n", "yes", "no", "on", "off", "true", "false", "null", "~", "", "=", "<<", ".nan", ".inf",
            "-.inf", "+.inf",
        ];
        let digit = |c: char| c.is_ascii_digit();
        let number = word.starts_with(|c: char| digit(c) || "+-.".contains(c))
            && word.contains(digit)
            && word.chars().all(|c| digit(c) || "+-._:eExXoObBaAcCdDfFT Z".contains(c));
        words.contains(&&*lower) || number
    };
    for word in AWKWARD {
        for in_flow in [false, true] {
            let written = trueup::yaml::format_scalar(word, in_flow);
            let bare = written == word;
            assert!(!bare || word == "+46 70" || !special(word), "{word:?} stands bare");
        }
    }
}

#[test]
fn items_are_told_apart_by_keys_else_by_rows_else_not_at_all() {
    let goods =
        |goods: Json| json!({ "id": "5e1f0a772c3d4b4e8f506172839405a6", "title": "t", "goods": goods });
    let row = |number: u8| format!("0000000{number}-0000-4000-8000-000000000000");
    let by_key = comes_back(&goods(
        json!([{ "id": row(1), "code": "a", "size": 1 }, { "id": row(2), "code": "b", "size": 1 }]),
    ));
    assert!(by_key.contains("- { code: a, size: 1 }\n    - { code: b, size: 1 }"), "{by_key}");
    let further = comes_back(&goods(
        json!([{ "id": row(1), "code": "a", "size": 1 }, { "id": row(2), "code": "A", "size": 2 }]),
    ));
    assert!(further.contains("- { code: a, size: 1 }\n    - { code: A, size: 2 }"), "{further}");
    let rows = comes_back(&goods(
        json!([{ "id": row(1), "code": "a", "size": 1 }, { "id": row(2), "code": "a", "size": 1 }]),
    ));
    assert!(rows.contains(&format!("- {{ id: {}, code: a, size: 1 }}", row(1))), "{rows}");
    let alike = comes_back(&goods(json!([{ "code": "a", "size": 1 }, { "code": "a", "size": 1 }])));
    assert!(alike.contains("# goods: left out, because no document can say its value"), "{alike}");
}

#[test]
fn what_no_document_can_say_is_left_out() {
    let live = json!({
        "id": "5e1f0a772c3d4b4e8f506172839405a6", "title": "longer than twenty characters", "sort": "flowers",
        "labels": { "a": null }, "note": "fine",
    });
    let text = comes_back(&live);
    for field in ["title", "sort", "labels"] {
        assert!(text.contains(&format!("  # {field}: left out")), "{text}");
    }
    assert!(text.contains("  note: fine\n"), "{text}");
}

/// The gate of the writer holds whatever it is handed.
#[test]
fn the_writer_refuses_what_must_not_be_written() {
    let kind = stall();
    let leaf = |name: &str| {
        let number = kind.shape.find_field(name).expect("a field").number;
        let desired = DesiredValue::Literal(Value::from_text("told"));
        let wanted = |desired| DesiredNode { span: Default::default(), value: desired };
        ObjectDraft { fields: vec![(number, wanted(desired))], ..ObjectDraft::default() }
    };
    for (name, personal) in [("pin", false), ("pin", true), ("owner", false)] {
        let fault = text(&leaf(name), personal).expect_err("a refusal");
        assert_eq!(fault.code, "sensitive-value");
        assert!(!fault.message.contains("told"));
    }
    assert!(text(&leaf("owner"), true).is_ok());
    assert!(kind.id_field().sensitivity == Sensitivity::Public && CommentMap::default().is_empty());
}
