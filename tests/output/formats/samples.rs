//! Reports to render: with hostile text everywhere, with values that must not be seen, and with very many changes.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};
use trueup::diagnostic::Diagnostic;
use trueup::plan::Plan;
use trueup::report::PlanReport;

use crate::support::report_fixture::{
    agreeing, bytes, create, delete, place_of, refused, source, subject, update,
};

pub const ID: &str = "5e1f0a77-2c3d-4b4e-8f50-6172839405a6";

/// What someone might write to be obeyed by a page, a parser or a terminal.
pub const HOSTILE: &[&str] = &[
    "<script>alert(1)</script>",
    "</details></summary><img src=x onerror=alert(1)>",
    "@everyone #1 GH-2 octo/cat#3 0123456789abcdef0123456789abcdef01234567",
    "[a](https://evil.example) ![b](https://evil.example/x.png) <https://evil.example>",
    "https://evil.example www.evil.example me@evil.example",
    "a | b \\| c `d` ``e`` ```f",
    "```\n</code></pre>\n# heading\n- item\n",
    "::error file=a,line=1::gotcha\n::stop-commands::x\r\n%0A::warning::y",
    "]]><failure/>&amp;&#0;\u{0}\u{b}\u{fffe}\u{ffff}",
    "\u{1b}[31mred\u{9b}2J\u{202e}backwards\u{200b}",
    "`",
    " ",
    "\\",
    "*a* _b_ ~c~ **d** <!-- e -->",
    "'\"><svg/onload=alert(1)>",
];

/// A plan that changes, creates, deletes and refuses objects, with `text` wherever text can stand.
pub fn hostile(text: &str) -> PlanReport {
    let file = format!("config/{text}.yaml");
    let document = source(&file, &format!("  name: {text}\n"));
    let subject = |name: &str| {
        let mut subject = subject("harbor/partner", name, Some("x"), &document);
        subject.target = text.into();
        subject
    };
    let live = json!({ "name": text, "attributes": { text: text }, text: text });
    let wanted = json!({ "name": format!("{text} and more {text}"), "attributes": {}, text: 1 });
    let said = || {
        let reported = format!("the service said {text} about `{text}`");
        vec![
            Diagnostic::error("odd", reported)
                .with_location(place_of(&document, "name"))
                .with_hint(format!("look at {text}")),
            Diagnostic::warning("odder", text),
        ]
    };
    let mut step = update(subject(text), &live, &wanted);
    step.notes = said();
    let plan = Plan {
        collections: Vec::new(),
        steps: vec![step],
        refused: vec![refused(subject(&format!("{text}2")), said(), &live, &wanted)],
        unchanged: vec![agreeing(subject(&format!("{text}3")), said())],
        diagnostics: said(),
        complete: false,
        unread: BTreeSet::new(),
    };
    PlanReport::from_plan(&plan, &bytes)
}

/// An ordinary plan.
pub fn everyday() -> PlanReport {
    let document = source("config/gateways.yaml", "kind: harbor/gateway\nspec:\n  displayName: x\n");
    let gateway = |name: &str, id: Option<&str>| subject("harbor/gateway", name, id, &document);
    let live = json!({ "displayName": "Harbor", "maxPaymentAmount": 1000, "testMode": 1 });
    let wanted = json!({ "displayName": "Harbor City", "maxPaymentAmount": 2500.5, "testMode": 0 });
    let steps = vec![
        update(gateway("harbor-cards", Some(ID)), &live, &wanted),
        update(gateway("dock-cards", Some(ID)), &live, &wanted),
        create(gateway("ferry-cards", None), &json!({ "displayName": "Ferry", "merchantKey": "f3rry" })),
        delete(gateway("old-cards", Some(ID)), &json!({ "displayName": "Old" })),
    ];
    let why = Diagnostic::error("immutable-field", "`displayName` cannot be changed after creation")
        .with_location(place_of(&document, "displayName"))
        .with_hint("take it out of the document");
    let plan = Plan {
        collections: Vec::new(),
        steps,
        refused: vec![refused(gateway("pier-cards", Some(ID)), vec![why], &live, &wanted)],
        unchanged: vec![agreeing(gateway("calm", Some(ID)), Vec::new())],
        diagnostics: vec![Diagnostic::warning("slow-target", "the target `bay` asked for patience")],
        complete: true,
        unread: BTreeSet::new(),
    };
    PlanReport::from_plan(&plan, &bytes)
}

/// A plan in which a canary stands behind every mark, before and after.
pub fn seeded() -> PlanReport {
    let document = source("config/gateways.yaml", "  displayName: x\n");
    let values = |canary: &str| -> Json {
        json!({
            "displayName": format!("Harbor {}", canary.len()), "merchantKey": format!("CANARY-{canary}-key"),
            "contact": format!("CANARY-{canary}-contact\nCANARY-line"),
            "callback": format!("https://u:CANARY-{canary}@x.example"),
            "billTypes": [
                { "billTypeId": 3, "clerk": format!("CANARY-{canary}-clerk") },
                { "billTypeId": canary.len(), "token": format!("CANARY-{canary}-token") },
            ],
            "accessKeys": [{ "value": format!("CANARY-{canary}-access"), "description": canary }],
            "owner": { "city": format!("CANARY-{canary}-city"), "phones": { format!("CANARY-{canary}"): "CANARY" } },
            "stranger": format!("CANARY-{canary}-stranger"),
        })
    };
    let people = |canary: &str| {
        json!({
            "sid": "CANARY-sid", "name": format!("Acme {canary}"), "email": format!("CANARY-{canary}@x.example"),
            "people": { format!("CANARY-{canary}-who"): "CANARY" }, "members": [format!("CANARY-{canary}-member")],
        })
    };
    let gateway = |id: Option<&str>| subject("harbor/gateway", "cards", id, &document);
    let partner = || subject("harbor/partner", "acme", Some("CANARY-sid"), &document);
    let mut unseen = update(gateway(Some(ID)), &values("old"), &values("later"));
    unseen.changes.iter_mut().for_each(|change| change.unreadable = true);
    let plan = Plan {
        collections: Vec::new(),
        steps: vec![
            update(gateway(Some(ID)), &values("old"), &values("later")),
            unseen,
            create(gateway(None), &values("new")),
            delete(gateway(Some(ID)), &values("gone")),
            update(partner(), &people("old"), &people("later")),
        ],
        refused: vec![refused(partner(), Vec::new(), &people("old"), &people("later"))],
        complete: true,
        unread: BTreeSet::new(),
        ..Plan::default()
    };
    PlanReport::from_plan(&plan, &bytes)
}

/// A report with `count` changes, no two alike.
pub fn many(count: usize) -> PlanReport {
    let mut report = everyday();
    let updated = report.changes[0].clone();
    let actions = report.changes.clone();
    report.changes = (0..count)
        .map(|number| {
            let mut change = actions[if number % 7 == 0 { 2 + number % 2 } else { 0 }].clone();
            change.object.name = format!("gateway-{number:05}");
            change.object.line = number + 1;
            change.object.target = format!("harbor-{}", number % 3);
            if let Some(field) = change.fields.first_mut() {
                field.after = Some(Json::from(format!("Harbor {number}")));
            }
            change.fields.extend(updated.fields.iter().skip(1).cloned());
            change
        })
        .collect();
    report
}

/// The rendering of 5,000 changes, which must not take more than some seconds of an unoptimized build.
#[track_caller]
pub fn in_time(render: impl Fn(&PlanReport) -> String) -> String {
    let report = many(5_000);
    let began = Instant::now();
    let text = render(&report);
    let took = began.elapsed();
    assert!(took < Duration::from_secs(20), "{took:?}");
    text
}

#[track_caller]
pub fn no_canary(text: &str) {
    assert!(!text.contains("CANARY"), "a canary got out:\n{text}");
}
