//! What leaves the program: plans and results on the terminal and as JSON, drawn diagnostics.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::support::report_fixture::{
    agreeing, bytes, changes, create, delete, kind, object, place_of, plan, refused, source, subject, update,
};
use serde_json::{Value as Json, json};
use trueup::diagnostic::{Diagnostic, SourceSpan};
use trueup::plan::step::FieldConflict;
use trueup::plan::{ChangeValueType, Plan, StepAction};
use trueup::report::{
    ApplyReport, DiagnosticRenderOptions, PlanReport, outcome, render_diagnostics, text, to_json,
};
use trueup::run::outcome::{OutcomeStatus, StepOutcome};
use trueup::value::{PathSegment, Sensitivity, Value, ValuePath as Paths};

const ID: &str = "5e1f0a77-2c3d-4b4e-8f50-6172839405a6";

/// Compares with a file under `tests/golden/report`.
#[track_caller]
fn golden(name: &str, actual: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/report").join(name);
    if std::env::var_os("TRUEUP_ACCEPT").is_some_and(|accept| accept == "1") {
        std::fs::write(&path, actual).unwrap();
        return;
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    let diff = similar::TextDiff::from_lines(&*expected, actual);
    assert!(
        expected == actual,
        "tests/golden/report/{name} differs:\n{}\naccept what is there now with: TRUEUP_ACCEPT=1 cargo test --test output report",
        diff.unified_diff().header("expected", "actual")
    );
}

fn plain(styled: &str) -> String {
    anstream::adapter::strip_str(styled).to_string()
}

fn text_of(plan: &Plan, width: usize) -> String {
    text::render_plan(&PlanReport::from_plan(plan, &bytes), width)
}

fn document() -> std::sync::Arc<trueup::diagnostic::NamedSource> {
    source(
        "config/gateways.yaml",
        "kind: harbor/gateway\nname: harbor-cards\nspec:\n  displayName: Harbor City – cards\n  merchantKey: { from_env: KEY }\n  maxPaymentAmount: 2500.00\n  billTypes:\n    - { billTypeId: 3, applyConvenienceFee: true }\n  hosts: [a]\n  attributes: {}\n",
    )
}

const RECEIPT: &str = "Harbor City\nThank you for your payment.\nYour boot is released within the hour.\nQuestions: call the office.\nOpen every day.\nKeep this receipt.\nIt is your proof.\n";

/// A plan with something of everything that an operator meets.
fn everyday() -> Plan {
    let document = document();
    let live = json!({
        "id": ID, "displayName": "Harbor City", "merchantKey": null, "contact": "Ada", "testMode": 1,
        "maxPaymentAmount": 1000.00, "receipt": RECEIPT, "opened": "2024-01-31",
        "note": "The gateway takes cards of all kinds, bears a fee of 2.95 for each payment above 100.00, and is closed on Sundays.",
        "billTypes": [
            { "id": "11111111-2222-4333-8444-555555555551", "billTypeId": 3, "applyConvenienceFee": false, "clerk": "Bo" },
            { "id": "11111111-2222-4333-8444-555555555552", "billTypeId": 7, "applyConvenienceFee": true, "clerk": "Cy", "shade": 1 },
        ],
        "accessKeys": [{ "value": "K-1", "description": "front door" }],
        "raw": { "a": 1 },
        "foo": 1, "bar": { "x": 2 },
    });
    let wanted = json!({
        "id": ID, "displayName": "Harbor City – cards", "merchantKey": "k:9,f", "contact": "Eve", "testMode": 0,
        "maxPaymentAmount": 2500.50, "receipt": RECEIPT.replace("within the hour", "within two hours"),
        "note": "The gateway takes cards of all kinds, bears a fee of 3.25 for each payment above 100.00, and is closed on Sundays.",
        "billTypes": [
            { "id": "11111111-2222-4333-8444-555555555551", "billTypeId": 3, "applyConvenienceFee": true, "clerk": "Bo" },
            { "billTypeId": 4, "applyConvenienceFee": false, "clerk": "Di", "token": "t0k", "limits": { "most": 12.50, "least": 0.1 } },
        ],
        "accessKeys": [{ "value": "K-1", "description": "back door" }],
        "raw": { "a": 2, "b": [1, "x"] },
        "foo": 1, "bar": { "x": 2 },
    });
    let mut cards = update(subject("harbor/gateway", "harbor-cards", Some(ID), &document), &live, &wanted);
    let key = cards.changes.iter_mut().find(|change| change.path.top_field() == Some("merchantKey")).unwrap();
    key.unreadable = true;
    let partner_live = json!({
        "sid": "P-1", "name": "Acme", "email": "a@x.example", "attributes": { "env": "test", "zone b": "1" },
        "hosts": ["a", "b"], "people": {}, "members": [], "left": 1,
    });
    let partner_wanted = json!({
        "sid": "P-1", "name": "Acme", "email": "a@x.example", "attributes": { "env": "live" },
        "hosts": ["a", "c"], "people": { "Ada": "boss" }, "members": ["Bo"], "left": 1,
    });
    let mut partner =
        update(subject("harbor/partner", "acme", Some("P-1"), &document), &partner_live, &partner_wanted);
    partner.notes.push(
        Diagnostic::note("pending", "`email` waits for verification")
            .with_hint("it was sent; the service shows it once it is verified"),
    );
    let ferry = create(
        subject("harbor/gateway", "ferry-cards", None, &document),
        &json!({ "displayName": "Ferry", "merchantKey": "f3rry", "testMode": 0, "billTypes": [{ "billTypeId": 1 }] }),
    );
    let old = delete(
        subject("harbor/gateway", "old-cards", Some("7a40c9d2-b1e8-4f6f-a315-0d2c4b6e8f91"), &document),
        &json!({ "displayName": "Old", "contact": "Gus" }),
    );
    let steps = vec![cards, partner, ferry, old];
    let towing = refused(
        subject("harbor/partner", "city-tow", Some("P-2"), &document),
        vec![
            Diagnostic::error("immutable-field", "`name` cannot be changed after creation")
                .with_location(place_of(&document, "displayName"))
                .with_hint("take it out of the document, or write what the live object has"),
        ],
        &json!({ "name": "City Tow" }),
        &json!({ "name": "City Towing" }),
    );
    let calm = ["dock", "pier"]
        .map(|name| agreeing(subject("harbor/gateway", name, Some(ID), &document), Vec::new()));
    let waiting = agreeing(
        subject("harbor/partner", "waiting", Some("P-3"), &document),
        vec![Diagnostic::note("pending", "`email` waits for verification")],
    );
    Plan {
        collections: Vec::new(),
        steps,
        unchanged: calm.into_iter().chain([waiting]).collect(),
        refused: vec![towing],
        diagnostics: vec![
            Diagnostic::warning("slow-target", "the target `bay` asked for patience twice")
                .with_hint("lower `--parallelism`"),
        ],
        complete: true,
        unread: BTreeSet::new(),
    }
}

#[test]
fn a_plan_on_the_terminal() {
    let plan = everyday();
    for width in [80, 120] {
        let shown = text_of(&plan, width);
        golden(&format!("plan-{width}.txt"), &plain(&shown));
        let widest = plain(&shown).lines().map(unicode_width::UnicodeWidthStr::width).max();
        assert!(widest <= Some(width), "{widest:?}");
    }
    golden("plan-80-styled.txt", &text_of(&plan, 80));
}

#[test]
fn a_plan_as_json() {
    let json = to_json(&PlanReport::from_plan(&everyday(), &bytes)).unwrap();
    golden("plan.json", &json.replace(env!("CARGO_PKG_VERSION"), "VERSION"));
}

#[test]
fn nothing_to_do_is_one_line() {
    let document = document();
    let agreeing = |count: usize| {
        let one = || agreeing(subject("harbor/gateway", "dock", Some(ID), &document), Vec::new());
        Plan { unchanged: (0..count).map(|_| one()).collect(), complete: true, ..Plan::default() }
    };
    let line = |plan: &Plan| plain(&text_of(plan, 80));
    assert_eq!(line(&agreeing(12)), "No changes: 12 objects unchanged\n");
    assert_eq!(line(&agreeing(1)), "No changes: 1 object unchanged\n");
    assert_eq!(line(&agreeing(0)), "No changes: there are no documents\n");
    let incomplete = Plan { complete: false, ..agreeing(1) };
    assert!(line(&incomplete).starts_with("This plan is incomplete"), "{}", line(&incomplete));
    assert!(!line(&incomplete).contains("unchanged"));
}

#[test]
fn reports_fit_their_schemas_and_read_back() {
    let report = PlanReport::from_plan(&everyday(), &bytes);
    fits(schemars::schema_for!(PlanReport), &report);
    let back: PlanReport = serde_json::from_str(&to_json(&report).unwrap()).unwrap();
    assert!(back == report, "a report that went through JSON is another one");
    let applied = ApplyReport::from_outcomes(&outcomes());
    fits(schemars::schema_for!(ApplyReport), &applied);
    let back: ApplyReport = serde_json::from_str(&to_json(&applied).unwrap()).unwrap();
    assert!(back == applied, "a report that went through JSON is another one");
    let broken = json!({ "format_version": "one" });
    assert!(!is_valid(schemars::schema_for!(PlanReport), &broken), "the schema accepts anything");
}

#[track_caller]
fn fits(schema: schemars::Schema, shown: &impl serde::Serialize) {
    let json = serde_json::to_value(shown).unwrap();
    assert!(is_valid(schema, &json), "{json:#}");
}

fn is_valid(schema: schemars::Schema, json: &Json) -> bool {
    let (mut schemas, mut compiler) = (boon::Schemas::new(), boon::Compiler::new());
    compiler.add_resource("mem:///schema.json", schema.to_value()).unwrap();
    let index = compiler.compile("mem:///schema.json", &mut schemas).unwrap();
    schemas.validate(json, index).is_ok()
}

/// Values that must never be seen; each stands somewhere else in [`seeded`].
const CANARIES: [&str; 22] = [
    "CANARY-key-before",
    "CANARY-key-after",
    "CANARY-contact-before",
    "CANARY-contact-after",
    "CANARY-callback",
    "CANARY-clerk-before",
    "CANARY-clerk-after",
    "CANARY-token-added",
    "CANARY-token-removed",
    "CANARY-access-stays",
    "CANARY-access-added",
    "CANARY-access-removed",
    "CANARY-city",
    "CANARY-phone-key",
    "CANARY-phone",
    "CANARY-people-key",
    "CANARY-people",
    "CANARY-member",
    "CANARY-sid",
    "CANARY-stranger",
    "CANARY-inner-stranger",
    "CANARY-old-stranger",
];

fn seeded() -> (Json, Json) {
    let long = |canary: &str| format!("{canary} {}\nsecond line {canary}\n", "and more words ".repeat(20));
    let live = json!({
        "id": ID, "displayName": "Harbor", "merchantKey": "CANARY-key-before",
        "contact": long("CANARY-contact-before"), "callback": "https://u:CANARY-callback@x.example/1",
        "billTypes": [
            { "billTypeId": 3, "clerk": "CANARY-clerk-before", "applyConvenienceFee": true },
            { "billTypeId": 7, "token": "CANARY-token-removed", "odd": { "x": "CANARY-inner-stranger" } },
        ],
        "accessKeys": [
            { "value": "CANARY-access-stays", "description": "front" },
            { "value": "CANARY-access-removed", "description": "side" },
        ],
        "owner": { "city": "Bergen", "phones": { "CANARY-phone-key": "CANARY-phone" } },
        "stranger": "CANARY-old-stranger",
    });
    let wanted = json!({
        "id": ID, "displayName": "Harbor City", "merchantKey": "CANARY-key-after",
        "contact": long("CANARY-contact-after"), "callback": "https://u:CANARY-callback@x.example/2",
        "billTypes": [
            { "billTypeId": 3, "clerk": "CANARY-clerk-after", "applyConvenienceFee": false },
            { "billTypeId": 4, "token": "CANARY-token-added" },
        ],
        "accessKeys": [
            { "value": "CANARY-access-stays", "description": "back" },
            { "value": "CANARY-access-added", "description": "new" },
        ],
        "owner": { "city": "CANARY-city", "phones": {} },
        "stranger": "CANARY-stranger",
    });
    (live, wanted)
}

/// Every way out, for a plan.
fn outputs(plan: &Plan) -> Vec<String> {
    let report = PlanReport::from_plan(plan, &bytes);
    vec![
        text::render_plan(&report, 80),
        text::render_plan(&report, 120),
        to_json(&report).unwrap(),
        serde_json::to_string(&report).unwrap(),
        format!("{report:?}"),
    ]
}

#[track_caller]
fn no_canary(outputs: &[String]) {
    for output in outputs {
        for canary in CANARIES {
            assert!(!output.contains(canary), "{canary} got out:\n{output}");
        }
        assert!(!output.contains("CANARY"), "a canary got out:\n{output}");
    }
}

#[test]
fn no_marked_value_gets_out() {
    let document = document();
    let (live, wanted) = seeded();
    let gateway = || subject("harbor/gateway", "harbor-cards", Some(ID), &document);
    let partner = || subject("harbor/partner", "acme", Some("CANARY-sid"), &document);
    let people = json!({
        "sid": "CANARY-sid", "name": "Acme", "email": "CANARY-contact-before",
        "people": { "CANARY-people-key": "CANARY-people" }, "members": ["CANARY-member"],
        "more": { "x": "CANARY-stranger" },
    });
    let nobody =
        json!({ "sid": "CANARY-sid", "name": "Acme AS", "people": {}, "members": [], "email": null });
    let mut unseen = update(gateway(), &live, &wanted);
    unseen.changes.iter_mut().for_each(|change| change.unreadable = true);
    // a mark that got lost on the way is found again in the kind
    let mut unmarked = update(gateway(), &live, &wanted);
    let forget = |segment: &mut PathSegment| match segment {
        PathSegment::Key(_, mark) => *mark = Sensitivity::Public,
        PathSegment::Item { key, .. } => {
            key.iter_mut().for_each(|scalar_field| scalar_field.sensitivity = Sensitivity::Public)
        }
        PathSegment::Field(_) => {}
    };
    for change in &mut unmarked.changes {
        change.sensitivity = Sensitivity::Public;
        change.path.0.iter_mut().for_each(forget);
    }
    unmarked.requests[0].changed_pointers =
        unmarked.changes.iter().map(|change| change.path.to_pointer()).collect();
    unmarked.requests[0].changed_pointers.push("/owner/phones/CANARY-phone".into());
    let steps = vec![
        update(gateway(), &live, &wanted),
        update(gateway(), &wanted, &live),
        unseen,
        create(subject("harbor/gateway", "new", None, &document), &wanted),
        delete(gateway(), &live),
        update(partner(), &people, &nobody),
        update(partner(), &nobody, &people),
    ];
    let refused = vec![
        refused(gateway(), Vec::new(), &live, &wanted),
        refused(partner(), Vec::new(), &people, &nobody),
    ];
    let agreeing = vec![agreeing(partner(), vec![Diagnostic::note("pending", "`email` waits")])];
    no_canary(&outputs(&Plan { steps, refused, unchanged: agreeing, ..Plan::default() }));
    no_canary(&outputs(&plan(vec![unmarked])));
}

#[test]
fn what_the_canaries_stand_in_is_still_reported() {
    let document = document();
    let (live, wanted) = seeded();
    let step = update(subject("harbor/gateway", "harbor-cards", Some(ID), &document), &live, &wanted);
    let shown = plain(&text_of(&plan(vec![step]), 120));
    for said in [
        "merchantKey                    (secret, changed)",
        "contact                        (personal, changed)",
        "callback                       (sensitive, changed)",
        "billTypes[billTypeId=3].clerk  (personal, changed)",
        "accessKeys[value=•••]",
        "- owner.phones[•••]              (personal, removed)",
    ] {
        assert!(shown.contains(said), "{said} is not in\n{shown}");
    }
}

#[test]
fn a_query_and_a_path_show_only_what_may_be_seen() {
    let document = document();
    let mut step = update(
        subject("harbor/partner", "acme", Some("CANARY-sid"), &document),
        &json!({ "sid": "CANARY-sid", "name": "A", "hosts": ["a"] }),
        &json!({ "sid": "CANARY-sid", "name": "A", "hosts": ["b"] }),
    );
    step.requests[0].request.query.push(("email".into(), "CANARY-contact-after".into()));
    let mut odd = update(
        subject("harbor/partner", "odd", Some("x"), &document),
        &json!({ "name": "A" }),
        &json!({ "name": "B" }),
    );
    odd.requests[0].request.path = "/elsewhere/CANARY-sid/x".into();
    let plan = plan(vec![step, odd]);
    no_canary(&outputs(&plan));
    let shown = plain(&text_of(&plan, 80));
    assert!(shown.contains("PATCH /partners/{sid}?nested_objects=replace&email=…\n"), "{shown}");
    assert!(shown.contains("sends hosts (whole array); 1 unmanaged field sent back unchanged"), "{shown}");
    assert!(shown.contains("PATCH /…\n"), "{shown}");
}

/// Text that tries to escape from where it is shown.
const HOSTILE: &str = "x\u{1b}[2J\u{1b}]0;t\u{7}\r\n+ fake  \"line\"\u{202e}\u{9b}31m\u{200b}\u{2028}\u{0}";

#[test]
fn hostile_text_stays_in_its_place() {
    let document = source(&format!("config/{HOSTILE}.yaml"), &format!("  displayName: {HOSTILE}\n"));
    let subject = || {
        let mut subject = subject("harbor/partner", HOSTILE, Some("x"), &document);
        subject.target = HOSTILE.into();
        subject
    };
    let live = json!({ "name": HOSTILE, "attributes": { HOSTILE: HOSTILE }, HOSTILE: HOSTILE });
    let wanted = json!({ "name": HOSTILE.repeat(3), "attributes": {}, HOSTILE: 1 });
    let said = || {
        let place = document.locate_span(SourceSpan { start: 2, end: 9 });
        vec![
            Diagnostic::error("odd", HOSTILE)
                .with_location(place.clone())
                .with_hint(HOSTILE)
                .with_related(place, HOSTILE),
        ]
    };
    let mut step = update(subject(), &live, &wanted);
    step.notes = said();
    let plan = Plan {
        collections: Vec::new(),
        steps: vec![step],
        refused: vec![refused(subject(), said(), &live, &wanted)],
        unchanged: vec![agreeing(subject(), said())],
        diagnostics: said(),
        complete: false,
        unread: BTreeSet::new(),
    };
    let applied = ApplyReport::from_outcomes(&[StepOutcome {
        subject: subject(),
        action: Some(StepAction::Update),
        status: OutcomeStatus::Failed(said()),
        findings: said(),
        lost_changes: changes(
            &subject(),
            &object(&kind("harbor/partner").shape, &live),
            &object(&kind("harbor/partner").shape, &wanted),
        ),
        after_digest: None,
        attempts: 1,
        millis: 5,
    }]);
    let report = PlanReport::from_plan(&plan, &bytes);
    for shown in [
        text::render_plan(&report, 80),
        outcome::render_results(&applied, 80),
        render_diagnostics(
            &said(),
            &DiagnosticRenderOptions { color: true, ..DiagnosticRenderOptions::default() },
        ),
        to_json(&report).unwrap(),
        to_json(&applied).unwrap(),
    ] {
        harmless(&shown);
    }
}

/// Nothing but our own styles may be there to be obeyed by a terminal.
#[track_caller]
fn harmless(shown: &str) {
    let mut rest = shown;
    while let Some(at) = rest.find('\u{1b}') {
        let style = &rest[at..];
        let end = style.find('m').unwrap_or(0);
        let codes = style.get(2..end).unwrap_or("x");
        let ours = style.starts_with("\u{1b}[") && codes.chars().all(|c| c.is_ascii_digit() || c == ';');
        assert!(ours, "a foreign escape at {:?}", &style[..style.len().min(20)]);
        rest = &style[end..];
    }
    let bad =
        |c: char| (c.is_control() && c != '\n' && c != '\u{1b}') || "\u{202e}\u{200b}\u{2028}".contains(c);
    assert!(!plain(shown).contains(bad), "{shown:?}");
    assert!(
        !plain(shown).lines().any(|line| line.starts_with("+ fake") || line.starts_with("  + fake")),
        "{shown}"
    );
}

#[test]
fn a_thousand_objects_take_no_time() {
    let lines: String = (0..1000).map(|i| format!("name: gateway-{i}\n  displayName: x\n")).collect();
    let document = source("config/all.yaml", &lines);
    let took = |count: usize| {
        let steps = (0..count).map(|i| {
            let mut step = update(
                subject("harbor/gateway", &format!("gateway-{i}"), Some(ID), &document),
                &json!({ "displayName": format!("old {i}"), "note": "one two three ".repeat(30), "receipt": RECEIPT }),
                &json!({ "displayName": format!("new {i}"), "note": "one two four ".repeat(30), "receipt": RECEIPT.replace("boot", "car") }),
            );
            let start = lines.find(&format!("gateway-{i}\n")).unwrap() as u32;
            step.subject.place = document.locate_span(SourceSpan { start, end: start + 1 });
            step
        });
        let plan = plan(steps.collect());
        let began = Instant::now();
        let shown = text_of(&plan, 100);
        // the numbers, above and, where there are many objects, below too
        let numbers = 2 + usize::from(count > 20);
        assert_eq!(shown.matches("update").count(), count + numbers, "one heading each");
        began.elapsed()
    };
    took(10);
    let (some, many) = (took(100), took(1000));
    // ten times the work in ten times the time, with room for a busy machine
    assert!(many < some * 40 + Duration::from_millis(500), "{some:?} for 100, {many:?} for 1000");
}

fn outcomes() -> Vec<StepOutcome> {
    let document = document();
    let shape = &kind("harbor/gateway").shape;
    let outcome =
        |name: &str, action: Option<StepAction>, ending: OutcomeStatus, attempts: u32, millis: u64| {
            StepOutcome {
                subject: subject("harbor/gateway", name, Some(ID), &document),
                action,
                status: ending,
                findings: Vec::new(),
                lost_changes: Vec::new(),
                after_digest: None,
                attempts,
                millis,
            }
        };
    let said = |code: &'static str, message: &str| {
        vec![
            Diagnostic::error(code, message)
                .with_location(place_of(&document, "displayName"))
                .with_hint("look at it"),
        ]
    };
    let field = |name: &str| Paths(vec![PathSegment::Field(name.into())]);
    let moved = |name: &str, mark| {
        let value = |text: &str| Some(Value::from_text(text));
        let Some(field_type) = shape.find_field(name) else { panic!("no {name}") };
        FieldConflict {
            path: field(name),
            planned: value("CANARY-key-before"),
            live: value("CANARY-key-after"),
            desired: None,
            value_type: ChangeValueType::from_type(&field_type.ty),
            sensitivity: mark,
        }
    };
    let mut name = moved("displayName", Sensitivity::Public);
    (name.planned, name.live, name.desired) = (
        Some(Value::from_text("Harbor")),
        Some(Value::from_text("Harbour")),
        Some(Value::from_text("Harbor City")),
    );
    let gone = FieldConflict {
        path: Paths::default(),
        planned: Some(Value::Object(Box::new(object(shape, &seeded().0)))),
        live: None,
        desired: Some(Value::Object(Box::new(object(shape, &seeded().1)))),
        value_type: ChangeValueType::Object(shape.clone()),
        sensitivity: Sensitivity::Public,
    };
    let mut failed = outcome(
        "lost",
        Some(StepAction::Update),
        OutcomeStatus::Failed(said("not-kept", "the service did not keep `displayName`")),
        1,
        640,
    );
    failed.lost_changes = changes(&failed.subject, &object(shape, &seeded().0), &object(shape, &seeded().1));
    let mut warned = outcome("warned", Some(StepAction::Create), OutcomeStatus::Done, 2, 1_250);
    warned.findings = vec![Diagnostic::note("pending", "`contact` waits for verification")];
    vec![
        outcome("harbor-cards", Some(StepAction::Update), OutcomeStatus::Done, 1, 412),
        warned,
        outcome("old", Some(StepAction::Delete), OutcomeStatus::Done, 1, 98),
        outcome("dock", None, OutcomeStatus::Unchanged, 0, 0),
        outcome(
            "moved",
            Some(StepAction::Update),
            OutcomeStatus::Conflict(vec![
                name,
                moved("merchantKey", Sensitivity::Secret),
                moved("contact", Sensitivity::Public),
            ]),
            0,
            90,
        ),
        outcome("gone", Some(StepAction::Update), OutcomeStatus::Conflict(vec![gone]), 0, 90),
        outcome(
            "refused",
            Some(StepAction::Update),
            OutcomeStatus::Refused(said("too-many", "30 updates are more than the gate lets through")),
            0,
            0,
        ),
        failed,
        outcome(
            "unknown",
            Some(StepAction::Update),
            OutcomeStatus::Unknown(said("no-answer", "the connection broke before the answer came")),
            3,
            61_000,
        ),
        outcome("later", Some(StepAction::Update), OutcomeStatus::NotStarted, 0, 0),
    ]
}

#[test]
fn results_of_an_apply() {
    let report = ApplyReport::from_outcomes(&outcomes());
    let shown = outcome::render_results(&report, 100);
    golden("apply.txt", &plain(&shown));
    golden("apply-styled.txt", &shown);
    let json = to_json(&report).unwrap();
    golden("apply.json", &json.replace(env!("CARGO_PKG_VERSION"), "VERSION"));
    no_canary(&[shown, json, format!("{report:?}")]);
    assert_eq!(plain(&outcome::render_results(&ApplyReport::from_outcomes(&[]), 100)), "No changes\n");
}

#[test]
fn diagnostics_are_drawn_on_their_source() {
    let gateways = source(
        "config/gateways.yaml",
        "kind: harbor/gateway\nname: harbor-cards\nspec:\n  dispayName: Harbor\n  merchantKey: CANARY-key-after\n  limits: { pin: CANARY-token-added, mst: 3 }\n  note: |\n    CANARY-contact-after\n    second CANARY-contact-after\n",
    );
    let partners = source("config/partners.yaml", "name: acme\nname: acme\n");
    let secret = place_of(&gateways, "CANARY-key-after");
    for redacted in [
        "CANARY-key-after",
        "CANARY-token-added",
        "|\n    CANARY-contact-after\n    second CANARY-contact-after",
    ] {
        gateways.redact_span(place_of(&gateways, redacted).span);
    }
    let long = format!("kind: harbor/gateway\nnote: {} bad {}\n", "left ".repeat(300), "right ".repeat(300));
    let long = source("config/long.yaml", &long);
    let mut said = vec![
        Diagnostic::warning("duplicate-name", "two documents are called `acme`")
            .with_location(partners.locate_span(SourceSpan { start: 17, end: 21 }))
            .with_related(partners.locate_span(SourceSpan { start: 6, end: 10 }), "the first one")
            .with_related(place_of(&gateways, "name: harbor-cards"), "elsewhere")
            .with_hint("rename one of them"),
        Diagnostic::error("unknown-field", "`dispayName` is not a field of harbor/gateway")
            .with_location(place_of(&gateways, "dispayName"))
            .with_hint("did you mean `displayName`?"),
        Diagnostic::error("plain-secret", "`merchantKey` is a secret and must not stand here")
            .with_location(secret)
            .with_hint("say where it comes from: `{ from_env: NAME }`"),
        Diagnostic::error("unknown-field", "`mst` is not a field").with_location(place_of(&gateways, "mst")),
        Diagnostic::error("too-long", "this text is too long")
            .with_location(place_of(&gateways, "|\n    CANARY")),
        Diagnostic::error("odd-word", "`bad` is no word").with_location(place_of(&long, "bad")),
        Diagnostic::note("no-place", "nothing was read").with_hint("look elsewhere"),
        // a file that cannot be read has a name and no line
        Diagnostic::error("unreadable-file", "this file was not found")
            .with_location(place_of(&source("config/gone.yaml", ""), ""))
            .with_hint("correct its name"),
    ];
    let drawn = render_diagnostics(
        &said,
        &DiagnosticRenderOptions { width: 80, ..DiagnosticRenderOptions::default() },
    );
    golden("diagnostics.txt", &drawn);
    let styled = render_diagnostics(
        &said,
        &DiagnosticRenderOptions { width: 80, color: true, ..DiagnosticRenderOptions::default() },
    );
    assert_eq!(plain(&styled), drawn, "colour says nothing that is not said without it");
    let lines: Vec<&str> = drawn.lines().collect();
    let below = |title: &str| {
        let at = lines.iter().position(|line| line.contains(title)).expect("a title");
        lines[at + 1..].iter().copied().take_while(|line| !line.is_empty()).collect::<Vec<_>>()
    };
    assert_eq!(below("[no-place]"), [" = help: look elsewhere"], "no gutter without a source");
    assert_eq!(below("[unreadable-file]"), ["--> config/gone.yaml", " = help: correct its name"]);
    said.reverse();
    assert_eq!(
        render_diagnostics(
            &said,
            &DiagnosticRenderOptions { width: 80, ..DiagnosticRenderOptions::default() }
        ),
        drawn,
        "the order is always the same"
    );
    no_canary(&[drawn, styled]);
}

#[test]
fn only_so_many_diagnostics_are_drawn_and_errors_first() {
    let document = document();
    let said = |severity: fn(&'static str, String) -> Diagnostic, at: usize| {
        severity("odd", format!("finding {at}"))
            .with_location(document.locate_span(SourceSpan { start: at as u32, end: at as u32 }))
    };
    let mut all: Vec<_> = (0..30).map(|at| said(Diagnostic::warning, at)).collect();
    all.push(said(Diagnostic::error, 40));
    let drawn =
        render_diagnostics(&all, &DiagnosticRenderOptions { limit: 3, ..DiagnosticRenderOptions::default() });
    assert!(drawn.contains("error[odd]: finding 40"), "{drawn}");
    assert_eq!(drawn.matches("warning[odd]").count(), 2);
    assert!(drawn.ends_with("… and 28 more\n\n1 error, 30 warnings in 1 file\n"), "{drawn}");
    assert_eq!(render_diagnostics(&[], &DiagnosticRenderOptions::default()), "");
}

#[test]
fn any_place_can_be_drawn() {
    for text in ["", "\n", "a", "å: 1\r\n\r\nb: \u{1b}", "\t\tx: \"東京\"\n\n", "e\u{301}\n\u{feff}"] {
        let source = source("t.yaml", text);
        for start in 0..=text.len() as u32 + 2 {
            for end in start..=text.len() as u32 + 2 {
                let place = source.locate_span(SourceSpan { start, end });
                let said = Diagnostic::error("odd", "x")
                    .with_location(place.clone())
                    .with_related(place, "y")
                    .with_hint("z");
                let drawn =
                    render_diagnostics(std::slice::from_ref(&said), &DiagnosticRenderOptions::default());
                let (line, column) = said.location.as_ref().unwrap().find_line_column();
                // without a text there is no line
                let named = match text {
                    "" => "t.yaml\n".to_owned(),
                    _ => format!("t.yaml:{line}:{column}\n"),
                };
                assert!(drawn.contains(&named), "{text:?} {start}..{end}\n{drawn}");
                source.redact_span(SourceSpan { start, end });
                render_diagnostics(&[said], &DiagnosticRenderOptions { color: true, width: 0, limit: 1 });
            }
        }
    }
}
