//! One or several clones of a workspace against a service whose writes take effect late and out of order, and whose
//! lists are incomplete; runs are cut off at any moment, and clocks go back. What is judged is what is really there:
//! no duplicate that no one was reported of, no field lost, no wrong secret called right, and an end once the faults end.
//!
//! `TRUEUP_SEED` plays one seed, `TRUEUP_TRIES` says how many there are.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use secrecy::SecretString;
use serde_json::{Value as Json, json};
use tempfile::TempDir;
use tokio::time::Instant;
use trueup::diagnostic::NamedSource;
use trueup::document::{self, Document, ValueSource};
use trueup::kind::WireFormat;
use trueup::kind::registry::KindRegistry;
use trueup::plan::propose::GrantedPermissions;
use trueup::plan::rotate::NO_ROTATION;
use trueup::plan::step::UpdateMethod;
use trueup::remote::hosts::AllowedHosts;
use trueup::remote::retry::{JitterMode, RetryPolicy};
use trueup::remote::target::{Target, TargetAuth};
use trueup::remote::target_client::TargetClient;
use trueup::run::clock::RunClock;
use trueup::run::fetch::ObjectJob;
use trueup::run::index::ObjectIndex;
use trueup::run::outcome::{OutcomeStatus, StepOutcome};
use trueup::run::refer::ReferenceResolver;
use trueup::run::write_digests::WriteDigests;
use trueup::run::{CancellationToken, RunEvent, RunSession, execute, planning};
use url::Url;

use super::slow_service::SlowService;
use super::storm::RandomSource;
use super::{number, still_clock};
use crate::late_writes::warehouse::{API, ITEM};

/// How many seeds there are where no one says.
const SEEDS: u64 = 200;
/// The documents of a clone; the first ones describe items that are there.
const DOCUMENTS: usize = 5;
const THERE: usize = 2;
/// Runs while things go wrong, and after that.
const FAULTY_RUNS: usize = 4;
const CALM_RUNS: usize = 5;

/// A clone of the workspace, with what it remembers.
struct Clone {
    service: BTreeMap<Arc<str>, TargetClient>,
    write_digests: Mutex<WriteDigests>,
    index: Mutex<ObjectIndex>,
    clock: Mutex<RunClock>,
    folder: TempDir,
    service_log: SlowService,
    number: u64,
}

struct Run {
    outcomes: Vec<StepOutcome>,
    steps: usize,
    refused: BTreeSet<&'static str>,
}

impl Clone {
    fn new(registry: &KindRegistry, service: &SlowService, seed: u64) -> Self {
        let folder = create_folder();
        let target = Target {
            name: "there".into(),
            api: registry.find_api("warehouse").expect("an API"),
            base_url: Url::parse("http://127.0.0.1:9/api").expect("a url"),
            format: WireFormat::Json,
            auth: TargetAuth { bearer: Some("any".into()), ..TargetAuth::default() },
            connection: Default::default(),
            scope: Vec::new(),
            parallelism: 3,
            also_send_nested: false,
            write_personal: true,
        };
        let client = TargetClient::with_transport(
            Arc::new(target),
            &AllowedHosts::default(),
            Some(Arc::new(service.clone())),
        );
        let policy = RetryPolicy { jitter: JitterMode::Seeded(seed), ..RetryPolicy::default() };
        let client = client.unwrap_or_else(|fault| panic!("{}", fault.message));
        let client = client.with_retry_policy(policy).with_writes();
        Self {
            service: BTreeMap::from([("there".into(), client)]),
            write_digests: Mutex::new(WriteDigests::open(folder.path(), None).expect("digests")),
            index: Mutex::new(ObjectIndex::open(folder.path()).expect("an index")),
            clock: Mutex::new(RunClock::start()),
            folder,
            service_log: service.clone(),
            number: seed,
        }
    }

    async fn run(&self, documents: &[Document]) -> Run {
        let (references, stop) = (ReferenceResolver::default(), CancellationToken::default());
        let session = RunSession {
            services: &self.service,
            method: UpdateMethod::Default,
            permissions: GrantedPermissions::default(),
            trust_empty: false,
            write_digests: &self.write_digests,
            index: &self.index,
            references: &references,
            rotation: &NO_ROTATION,
            unrecorded: None,
            unmanaged: false,
            retry_creates: false,
            allow_rename: false,
            other_documents: &trueup::run::other_documents::NoOtherDocuments,
            journal: None,
            clock: *self.clock.lock().expect("a clock"),
            read_back_timeout: None,
            stop: &stop,
            on_event: &|event| self.log_event(&event),
        };
        let mut jobs: Vec<ObjectJob> = documents.iter().map(|document| self.build_job(document)).collect();
        let plan = planning::make_plan(&session, &mut jobs).await;
        let reasons = plan.refused.iter().flat_map(|refused| &refused.reasons);
        let (steps, refused) = (plan.steps.len(), reasons.map(|reason| reason.code).collect());
        Run { outcomes: execute::execute_plan(&session, plan, &jobs).await, steps, refused }
    }

    fn log_event(&self, event: &RunEvent) {
        if let RunEvent::Ended(outcome) = event {
            self.service_log
                .log(|| format!("{} {} {}", self.number, outcome.subject.name, outcome.status.as_str()));
        }
    }

    /// What a machine knows after a power cut: what is on its disk. Its clock begins again, which may be in the past.
    fn restart(&self) {
        let folder = self.folder.path();
        self.service_log.log(|| format!("{} is cut off", self.number));
        *self.write_digests.lock().expect("digests") = WriteDigests::open(folder, None).expect("digests");
        *self.index.lock().expect("an index") = ObjectIndex::open(folder).expect("an index");
        *self.clock.lock().expect("a clock") = RunClock::start();
    }

    /// A run that is cut off after so long, or that ends before.
    async fn run_until(&self, documents: &[Document], cut: Option<Duration>) -> Option<Run> {
        let Some(cut) = cut else { return Some(self.run(documents).await) };
        let ran = tokio::time::timeout(cut, self.run(documents)).await.ok();
        if ran.is_none() {
            self.restart();
        }
        ran
    }

    fn build_job<'d>(&self, document: &'d Document) -> ObjectJob<'d> {
        let index = self.index.lock().expect("an index");
        let entry = index.get("there", &document.kind.name, &document.name);
        ObjectJob {
            document,
            scope: Vec::new(),
            known_id: entry.and_then(|entry| entry.parse_known_id(&document.kind)),
            just_created: entry.is_some_and(|entry| entry.open_create.is_some()),
            excluded_id: None,
            target: "there".into(),
        }
    }
}

/// In memory where the machine has such a folder: thousands of seeds wait for no disk.
fn create_folder() -> TempDir {
    TempDir::new_in("/dev/shm").or_else(|_| TempDir::new()).expect("a folder")
}

/// The label and the PIN of a document.
fn desired(number: usize, version: usize) -> (String, String) {
    (format!("label {number} of {version}"), format!("pin {number} of {version}"))
}

fn documents(registry: &KindRegistry, version: usize) -> Vec<Document> {
    let text = |number: usize| {
        let (label, _) = desired(number, version);
        format!(
            "kind: warehouse/item\nname: d{number}\nspec:\n  code: c{number}\n  label: {label}\n  pin: {{ from_env: PIN_{number} }}\n"
        )
    };
    let texts: Vec<String> = (0..DOCUMENTS).map(text).collect();
    let source = NamedSource::new("config/a.yaml", texts.join("---\n"));
    let mut faults = Vec::new();
    let mut documents = document::read_documents(&source, registry, &mut faults);
    for (number, document) in documents.iter_mut().enumerate() {
        document.target = Some("there".into());
        let known = |source: &ValueSource| match source {
            ValueSource::Env(_) => Some(SecretString::from(desired(number, version).1)),
            _ => None,
        };
        document.resolve_sources(&known, &mut faults);
    }
    let messages: Vec<_> = faults.iter().map(|fault| &fault.message).collect();
    assert!(messages.is_empty() && documents.len() == DOCUMENTS, "{messages:?}");
    documents
}

fn registry() -> KindRegistry {
    let files = vec![
        ("apis/warehouse/api.yaml".to_owned(), API.to_owned()),
        ("apis/warehouse/item.yaml".to_owned(), ITEM.to_owned()),
    ];
    let mut faults = Vec::new();
    let registry = KindRegistry::with_workspace(files, &mut faults);
    assert!(faults.is_empty(), "{:?}", faults.iter().map(|fault| &fault.message).collect::<Vec<_>>());
    registry
}

/// What is there at the start: items of documents, and of someone else.
fn first_items() -> Vec<Json> {
    let item =
        |code: String| json!({ "code": code, "label": "first", "email": format!("{code}@example.com") });
    std::iter::once("other".to_owned())
        .chain((0..THERE).map(|number| format!("c{number}")))
        .map(item)
        .collect()
}

/// Plays one seed.
async fn play(registry: &KindRegistry, (service, seed): (&SlowService, u64)) {
    let mut random = RandomSource(seed);
    let versions = [documents(registry, 0), documents(registry, 1)];
    let clones: Vec<Clone> =
        (0..1 + seed % 3 / 2 * 2).map(|number| Clone::new(registry, service, seed + number)).collect();
    let (mut version, mut unsettled) = (0, BTreeSet::new());
    for _ in 0..FAULTY_RUNS {
        version = random.below(2) as usize;
        let began = Instant::now();
        let runs = clones.iter().map(|clone| {
            let cut = (random.below(3) == 0).then(|| Duration::from_millis(random.below(20_000)));
            clone.run_until(&versions[version], cut)
        });
        let runs: Vec<_> = runs.collect();
        for run in futures_util::future::join_all(runs).await.into_iter().flatten() {
            unsettled.extend(find_reported_duplicates(&run));
            if clones.len() == 1 && !service.was_disturbed(began) {
                judge_outcomes(&run, &service.items(), version);
            }
        }
        tokio::time::sleep(Duration::from_secs(random.below(200))).await;
    }
    service.calm();
    end_calmly(&clones, &versions[version], &mut unsettled).await;
    judge_items(&service.items(), version, &unsettled, clones.len());
}

/// Plays one seed; gives how many faults there were, or nothing where something was violated.
fn try_play(registry: &KindRegistry, seed: u64) -> Option<usize> {
    let service = Mutex::new(None);
    let play = || {
        still_clock().block_on(async {
            let own = SlowService::new(seed, first_items());
            *service.lock().expect("a service") = Some(own.clone());
            play(registry, (&own, seed)).await;
        });
    };
    let played = catch_unwind(AssertUnwindSafe(play));
    let service = service.into_inner().expect("a service")?;
    if played.is_err() && number("TRUEUP_SEED").is_some() {
        service.print_log();
    }
    played.ok().map(|()| service.faults())
}

/// Runs without faults, until nothing is to be done. What was reported before is reported until someone resolves it.
async fn end_calmly(clones: &[Clone], documents: &[Document], unsettled: &mut BTreeSet<String>) {
    for _ in 0..CALM_RUNS {
        tokio::time::sleep(Duration::from_secs(600)).await;
        let (mut open, mut reported_now) = (0, BTreeSet::new());
        for clone in clones {
            let run = clone.run(documents).await;
            reported_now.extend(find_reported_duplicates(&run));
            open += run.steps;
            let others: Vec<_> = run.refused.iter().filter(|code| **code != "ambiguous-object").collect();
            assert!(others.is_empty(), "refused once faults are over: {others:?}");
        }
        assert!(unsettled.is_subset(&reported_now), "told once and no more: {unsettled:?} {reported_now:?}");
        unsettled.extend(reported_now);
        if open == 0 {
            return;
        }
    }
    panic!("there is still something to do");
}

/// What a run says of its objects is so, where nothing came late.
fn judge_outcomes(run: &Run, items: &[Json], version: usize) {
    let settled = run
        .outcomes
        .iter()
        .filter(|own| matches!(own.status, OutcomeStatus::Done | OutcomeStatus::Unchanged));
    for outcome in settled {
        let code = outcome.subject.name.replace('d', "c");
        let (label, pin) = desired(outcome.subject.number, version);
        let is_so = |item: &Json| item["label"] == label && item["pin"] == pin;
        let own: Vec<&Json> = items.iter().filter(|item| item["code"] == code).collect();
        assert!(own.len() == 1 && is_so(own[0]), "{} is not so: {own:#?}", outcome.status.as_str());
    }
}

/// The names of objects of which a run said that there are several.
fn find_reported_duplicates(run: &Run) -> Vec<String> {
    let is_reported = |outcome: &&StepOutcome| {
        let reasons = match &outcome.status {
            OutcomeStatus::Failed(reasons) | OutcomeStatus::Refused(reasons) => reasons,
            _ => return false,
        };
        reasons.iter().any(|reason| ["duplicate-object", "ambiguous-object"].contains(&reason.code))
    };
    run.outcomes.iter().filter(is_reported).map(|outcome| outcome.subject.name.replace('d', "c")).collect()
}

fn judge_items(items: &[Json], version: usize, unsettled: &BTreeSet<String>, clones: usize) {
    let others: Vec<&Json> = items.iter().filter(|item| item["code"] == "other").collect();
    assert_eq!(
        others,
        [&json!({ "id": 1, "code": "other", "label": "first", "email": "other@example.com" })]
    );
    for number in 0..DOCUMENTS {
        let code = format!("c{number}");
        let own: Vec<&Json> = items.iter().filter(|item| item["code"] == *code).collect();
        assert!(!own.is_empty(), "{code} is not there");
        assert!(
            own.len() == 1 || (clones > 1 && unsettled.contains(&code)),
            "{code} is there twice: {own:#?}"
        );
        if own.len() > 1 {
            continue;
        }
        let (label, pin) = desired(number, version);
        assert_eq!((&own[0]["label"], &own[0]["pin"]), (&json!(label), &json!(pin)), "{code}");
        if number < THERE {
            assert_eq!(own[0]["email"], format!("{code}@example.com"), "an unmanaged field of {code}");
        }
    }
}

fn play_all(count: u64) {
    let registry = registry();
    let seeds = match number("TRUEUP_SEED") {
        Some(seed) => seed..seed + 1,
        None => 1..number("TRUEUP_TRIES").unwrap_or(count) + 1,
    };
    let (next, last) = (AtomicU64::new(seeds.start), seeds.end);
    let play_some = || {
        let (mut faults, mut violated) = (0, Vec::new());
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= last {
                return (faults, violated);
            }
            match try_play(&registry, seed) {
                Some(own) => faults += own,
                None => violated.push(seed),
            }
        }
    };
    let (faults, violated) = std::thread::scope(|scope| {
        let threads = [(), ()].map(|()| scope.spawn(play_some));
        threads.into_iter().fold((0, Vec::new()), |(faults, violated), thread| {
            let own = thread.join().expect("seeds");
            (faults + own.0, [violated, own.1].concat())
        })
    });
    println!("{faults} faults");
    assert!(violated.is_empty(), "violated by the seeds {violated:?}; TRUEUP_SEED plays one alone");
    assert!(faults > 0, "nothing went wrong");
}

#[test]
fn clones_converge_on_what_is_really_there() {
    play_all(SEEDS);
}
