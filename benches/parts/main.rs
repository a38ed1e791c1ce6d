//! The parts of a run, each by itself: YAML to documents, wire to snapshots, comparison, requests, report.
//!
//! `cargo bench --bench parts` tells times. `-- --count` counts instructions under valgrind, which are the same
//! however busy the machine is, and fails when one part takes over 5 % more than `benches/counts.json` says;
//! `-- --accept NOTE` keeps the new counts, with the reason for the growth.

mod counts;
#[path = "../ratios/estate.rs"]
#[allow(dead_code, reason = "the other benchmark writes whole workspaces of it")]
mod estate;

use std::hint::black_box;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use trueup::diagnostic::NamedSource;
use trueup::document::{self, Document};
use trueup::exchange::{PlannedRequest, WireValue};
use trueup::kind::registry::KindRegistry;
use trueup::kind::{Kind, WireFormat};
use trueup::plan::propose::{GrantedPermissions, ProposalInput};
use trueup::plan::rotate::NO_ROTATION;
use trueup::plan::step::{DecideOptions, PlanDecision, decide_object};
use trueup::plan::{EmptyWriteHistory, Plan, PlanSubject};
use trueup::remote::wire::{self, Snapshot};
use trueup::report::plan_report::PlanReport;
use trueup::report::text;

/// Objects in each part.
const OBJECTS: usize = 100;
/// How long a part is timed.
const WHILE: Duration = Duration::from_millis(500);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["--count"] => counts::check(),
        ["--accept", note] => counts::accept(note),
        ["--times", part, times] => {
            let (checker, times) = (Desk::new(), times.parse().unwrap_or(1));
            PARTS.iter().filter(|(name, _)| name == part).for_each(|(_, work)| {
                (0..times).for_each(|_| work(&checker));
            });
            ExitCode::SUCCESS
        }
        _ => {
            let checker = Desk::new();
            PARTS.iter().for_each(|(name, work)| time(name, &|| work(&checker)));
            ExitCode::SUCCESS
        }
    }
}

/// A part, by name.
pub type Part = (&'static str, fn(&Desk));

/// Every part; each does its work for all objects once.
pub const PARTS: [Part; 7] = [
    ("yaml-to-document", |checker| {
        black_box(read(&checker.plain).len());
    }),
    ("odd-yaml-to-document", |checker| {
        black_box(read(&checker.odd).len());
    }),
    ("wire-to-snapshot", |checker| {
        black_box(lives(&checker.page, &checker.kind).len());
    }),
    ("compare", |checker| {
        black_box(checker.plan(&checker.same).unchanged.len());
    }),
    ("request", |checker| {
        let plan = checker.plan(&checker.different);
        let bodies = plan.steps.iter().flat_map(|step| &step.requests);
        black_box(bodies.map(|planned| bytes(&planned.request, &checker.kind)).sum::<usize>());
    }),
    ("report-of-agreement", |checker| {
        black_box(shown(&checker.agreement));
    }),
    ("report-of-changes", |checker| {
        black_box(shown(&checker.changes));
    }),
];

/// What the parts work on.
pub struct Desk {
    kind: Arc<Kind>,
    plain: Arc<NamedSource>,
    odd: Arc<NamedSource>,
    page: Vec<u8>,
    same: Vec<Document>,
    different: Vec<Document>,
    lives: Vec<Snapshot>,
    agreement: Plan,
    changes: Plan,
}

impl Desk {
    fn new() -> Self {
        let stream =
            |differ| (0..OBJECTS).map(|n| estate::document(n, differ)).collect::<Vec<_>>().join("---\n");
        let plain = NamedSource::new("plain.yaml", stream(false));
        // a text over two lines is beyond the plain reader
        let odd = NamedSource::new("odd.yaml", stream(false).replace("Duluth", "|-\n    Duluth"));
        let different = NamedSource::new("different.yaml", stream(true));
        let items: Vec<_> = (0..OBJECTS).map(estate::partner).collect();
        let page = serde_json::json!({ "items": items, "has_more": false, "total": OBJECTS });
        let page = page.to_string().into_bytes();
        let kind = KindRegistry::get_builtin()
            .find_kind("carrierx/partner")
            .expect("a kind that comes with the program");
        let mut checker = Self {
            lives: lives(&page, &kind),
            same: read(&plain),
            different: read(&different),
            agreement: Plan::default(),
            changes: Plan::default(),
            kind,
            plain,
            odd,
            page,
        };
        checker.agreement = checker.plan(&checker.same);
        checker.changes = checker.plan(&checker.different);
        assert_eq!((checker.agreement.unchanged.len(), checker.changes.steps.len()), (OBJECTS, OBJECTS));
        assert_eq!(read(&checker.odd).len(), OBJECTS);
        checker
    }

    fn plan(&self, documents: &[Document]) -> Plan {
        let mut plan = Plan { complete: true, ..Plan::default() };
        for (number, (document, live)) in documents.iter().zip(&self.lives).enumerate() {
            let subject = subject(number, document, live);
            let live = Some(&live.object);
            let question = ProposalInput {
                document,
                subject: &subject,
                live,
                write_history: &EmptyWriteHistory,
                rotation: &NO_ROTATION,
            };
            let permits = GrantedPermissions { personal: true, ..GrantedPermissions::default() };
            match decide_object(&question, DecideOptions { permissions: permits, ..DecideOptions::default() })
            {
                PlanDecision::Step(step) => plan.steps.push(*step),
                PlanDecision::Unchanged(agreeing) => plan.unchanged.push(agreeing),
                PlanDecision::Refused(refused) => plan.refused.push(refused),
            }
        }
        plan
    }
}

fn read(source: &Arc<NamedSource>) -> Vec<Document> {
    let mut faults = Vec::new();
    let documents = document::read_documents(source, KindRegistry::get_builtin(), &mut faults);
    assert!(faults.is_empty(), "the documents have faults");
    documents
}

fn lives(page: &[u8], kind: &Kind) -> Vec<Snapshot> {
    match wire::read_page(page, WireFormat::Json, kind) {
        Ok(page) => page.items,
        Err(error) => panic!("{}", error.message),
    }
}

fn subject(number: usize, document: &Document, live: &Snapshot) -> PlanSubject {
    PlanSubject {
        environment: None,
        number,
        kind: document.kind.clone(),
        name: document.name.clone(),
        target: "bench".into(),
        scope: Vec::new(),
        id: live.object.get_field(document.kind.identity.id).cloned(),
        place: document.locate_span(document.name_span),
    }
}

fn bytes(request: &PlannedRequest, kind: &Kind) -> usize {
    let body = |body: &WireValue| wire::encode_body(body, WireFormat::Json, &kind.api).len();
    request.body.as_ref().map_or(0, body)
}

fn shown(plan: &Plan) -> usize {
    text::render_plan(&PlanReport::from_plan(plan, &|_, _| 0), 100).len()
}

/// Tells the median time of a part, for one object.
fn time(name: &str, work: &dyn Fn()) {
    let (mut times, began) = (Vec::new(), Instant::now());
    while began.elapsed() < WHILE || times.len() < 5 {
        let start = Instant::now();
        work();
        times.push(start.elapsed());
    }
    times.sort();
    let per_object = |time: Duration| time.as_secs_f64() * 1e6 / OBJECTS as f64;
    let (median, least) = (per_object(times[times.len() / 2]), per_object(times[0]));
    println!("{name:<24} {median:>8.2} µs an object (at least {least:.2}, {} runs)", times.len());
}
