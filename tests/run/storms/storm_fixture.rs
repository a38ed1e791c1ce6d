//! Everything that every built-in kind has a sample of, described by documents of which most differ, and some
//! that are not there yet; and whole runs over them.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use secrecy::SecretString;
use serde_json::{Value as Json, json};
use tempfile::TempDir;
use trueup::diagnostic::{Diagnostic, NamedSource, has_errors};
use trueup::document::{self, Document, ValueSource};
use trueup::kind::registry::KindRegistry;
use trueup::kind::{Api, AuthScheme, Kind, WireFormat};
use trueup::plan::propose::GrantedPermissions;
use trueup::plan::step::UpdateMethod;
use trueup::plan::{Plan, PlanSubject};
use trueup::remote::hosts::AllowedHosts;
use trueup::remote::retry::{JitterMode, RetryPolicy};
use trueup::remote::retry_budget::RetryBudget;
use trueup::remote::target::{Target, TargetAuth};
use trueup::remote::target_client::TargetClient;
use trueup::remote::target_connection::TargetConnection;
use trueup::remote::wire;
use trueup::run::clock::RunClock;
use trueup::run::fetch::ObjectJob;
use trueup::run::index::ObjectIndex;
use trueup::run::outcome::{OutcomeStatus, StepOutcome};
use trueup::run::refer::ReferenceResolver;
use trueup::run::write_digests::WriteDigests as Remembered;
use trueup::run::{CancellationToken, RunSession, execute, planning};
use trueup::sandbox::{InProcessSandbox, SandboxOptions};
use trueup::value::ValuePath;
use trueup::yaml;
use url::Url;

use super::storm::{Mood, RandomSource, Storm};
use crate::support::new_documents::{kinds, new_document};
use crate::support::written_documents::{self, Say, Spot, WrittenDocument};

/// Objects of each kind that are there, and that are not there yet.
const LIVE: usize = 24;
const NEW: usize = 8;

/// Documents, the service that they are about, and what is remembered between runs.
pub struct StormFixture {
    pub storm: Storm,
    /// Two opinions about the same objects.
    documents: [Vec<Document>; 2],
    turn: Cell<usize>,
    pub kinds: Vec<Arc<Kind>>,
    seed: u64,
    memory: Mutex<Remembered>,
    index: Mutex<ObjectIndex>,
    clock: RunClock,
    _folder: TempDir,
}

/// What one run came to.
pub struct StormRun {
    pub steps: usize,
    pub refused: Vec<(usize, Vec<Diagnostic>)>,
    pub outcomes: Vec<StepOutcome>,
    pub hindrances: Vec<Diagnostic>,
}

impl StormFixture {
    pub fn new(seed: u64, mood: Mood) -> Self {
        let kinds = kinds();
        let options = SandboxOptions {
            count: Some(LIVE),
            seed: Some(seed),
            auto_verify: true,
            ..SandboxOptions::default()
        };
        let still = InProcessSandbox::new(kinds.clone(), options);
        let (dump, mut choices) = (still.dump_state(), RandomSource(seed));
        let documents = [(), ()].map(|()| read(&written(&kinds, &dump, &mut choices)));
        let folder = TempDir::new().expect("a folder");
        Self {
            storm: Storm::new(still, seed, mood),
            documents,
            turn: Cell::new(0),
            kinds,
            seed,
            memory: Mutex::new(Remembered::open(folder.path(), None).expect("a memory")),
            index: Mutex::new(ObjectIndex::open(folder.path()).expect("an index")),
            clock: RunClock::start(),
            _folder: folder,
        }
    }

    /// The documents as they are now.
    pub fn documents(&self) -> &[Document] {
        &self.documents[self.turn.get()]
    }

    /// From now on the documents say something else.
    pub fn turn(&self) {
        self.turn.set(1 - self.turn.get());
    }

    /// The APIs, which are the targets too.
    pub fn apis(&self) -> Vec<Arc<str>> {
        let mut apis: Vec<Arc<str>> = self.kinds.iter().map(|kind| kind.api.name.clone()).collect();
        apis.sort();
        apis.dedup();
        apis
    }

    /// Plans and applies, like the program does.
    pub async fn run(&self, storm: &Storm) -> StormRun {
        let services = self.services(storm);
        let (references, stop) = (ReferenceResolver::default(), CancellationToken::default());
        let session = self.session(&services, &references, &stop);
        let mut jobs = self.jobs();
        let plan = planning::make_plan(&session, &mut jobs).await;
        self.guard(storm, &plan);
        let (steps, refused, unsettled) = (plan.steps.len(), refused(&plan), plan.diagnostics.clone());
        let outcomes = execute::execute_plan(&session, plan, &jobs).await;
        let done = outcomes.iter().all(|outcome| outcome.status.is_certain());
        StormRun {
            steps,
            refused,
            outcomes,
            hindrances: [unsettled, session.collect_run_errors(done)].concat(),
        }
    }

    /// Whether no one knows which value is live at a path, as the outcome of a write was never seen.
    pub fn has_unknown_outcome(&self, subject: &PlanSubject, path: &ValuePath) -> bool {
        self.memory.lock().expect("a memory").find_unknown_until(subject, path).is_some()
    }

    /// Plans in good weather.
    pub async fn truth(&self) -> Plan {
        let weather = self.storm.pause();
        let services = self.services(&self.storm);
        let (references, stop) = (ReferenceResolver::default(), CancellationToken::default());
        let plan = planning::make_plan(&self.session(&services, &references, &stop), &mut self.jobs()).await;
        self.storm.resume(weather);
        assert!(plan.complete, "in good weather everything can be read");
        plan
    }

    fn session<'s>(
        &'s self,
        services: &'s BTreeMap<Arc<str>, TargetClient>,
        references: &'s ReferenceResolver,
        stop: &'s CancellationToken,
    ) -> RunSession<'s> {
        RunSession {
            services,
            method: UpdateMethod::Default,
            permissions: GrantedPermissions::default(),
            trust_empty: true,
            write_digests: &self.memory,
            index: &self.index,
            references,
            rotation: &trueup::plan::rotate::NO_ROTATION,
            unrecorded: None,
            unmanaged: false,
            retry_creates: false,
            allow_rename: false,
            other_documents: &trueup::run::other_documents::NoOtherDocuments,
            journal: None,
            clock: self.clock,
            read_back_timeout: None,
            stop,
            on_event: &|_| {},
        }
    }

    fn services(&self, storm: &Storm) -> BTreeMap<Arc<str>, TargetClient> {
        let allowance = Arc::new(RetryBudget::default());
        let patience = RetryPolicy { jitter: JitterMode::Seeded(self.seed), ..RetryPolicy::default() };
        let connect = |name: &Arc<str>| {
            let kind = self.kinds.iter().find(|kind| kind.api.name == *name).expect("a kind");
            let courier = Arc::new(storm.clone());
            let service = TargetClient::with_transport(
                Arc::new(target(&kind.api)),
                &AllowedHosts::default(),
                Some(courier),
            );
            let service = service.unwrap_or_else(|fault| panic!("{}", fault.message));
            (
                name.clone(),
                service
                    .with_retry_budget(allowance.clone())
                    .with_retry_policy(patience.clone())
                    .with_writes(),
            )
        };
        self.apis().iter().map(connect).collect()
    }

    fn jobs(&self) -> Vec<ObjectJob<'_>> {
        let index = self.index.lock().expect("an index");
        self.documents().iter().map(|document| job(document, &index)).collect()
    }

    /// Tells the storm which updates of this run are not the same twice as once.
    fn guard(&self, storm: &Storm, plan: &Plan) {
        let planned = plan.steps.iter().flat_map(|step| {
            let api = &step.subject.kind.api.name;
            let once = step.requests.iter().filter(|planned| !planned.request.idempotent);
            once.map(move |planned| {
                format!("{} /{api}{}", planned.request.method.as_str(), planned.request.path)
            })
        });
        storm.guard(planned.collect());
    }
}

impl StormRun {
    /// What is said of the run and of what is not done, for messages.
    pub fn unsettled(&self) -> String {
        let mut unsettled: Vec<String> = self.hindrances.iter().map(|found| found.message.clone()).collect();
        for outcome in
            self.outcomes.iter().filter(|outcome| !matches!(outcome.status, OutcomeStatus::Unchanged))
        {
            let codes: Vec<_> = reasons(&outcome.status).iter().map(|reason| &reason.message).collect();
            let (kind, name) = (&outcome.subject.kind.name, &outcome.subject.name);
            unsettled.push(format!("{kind} {name}: {} {codes:?}", outcome.status.as_str()));
        }
        unsettled.join("\n")
    }
}

/// Why an object ended as it did.
pub fn reasons(ending: &OutcomeStatus) -> &[Diagnostic] {
    match ending {
        OutcomeStatus::Refused(reasons)
        | OutcomeStatus::Unread(reasons)
        | OutcomeStatus::Failed(reasons)
        | OutcomeStatus::Unknown(reasons) => reasons,
        _ => &[],
    }
}

pub fn refused(plan: &Plan) -> Vec<(usize, Vec<Diagnostic>)> {
    let why = |refused: &trueup::plan::RefusedObject| match refused.reasons.is_empty() {
        // it is reported once for all of a list
        true => plan.diagnostics.clone(),
        false => refused.reasons.clone(),
    };
    plan.refused.iter().map(|refused| (refused.subject.number, why(refused))).collect()
}

/// The documents of what is there, most of them saying something else, and of what is not.
fn written(kinds: &[Arc<Kind>], dump: &Json, choices: &mut RandomSource) -> Vec<WrittenDocument> {
    let mut all = Vec::new();
    for kind in kinds {
        let objects = dump[&*kind.name].as_array().expect("objects");
        for (number, dumped) in objects.iter().enumerate() {
            let bytes = serde_json::to_vec(&dumped["object"]).expect("JSON");
            let live = wire::read_object(&bytes, WireFormat::Json, kind).expect("an object");
            let name = format!("{}-{number}", kind.name.replace('/', "-"));
            let scope = written_documents::scope(kind, dumped);
            let mut one = written_documents::document(kind, &name, &scope, &live.object);
            if number % 2 == 1 {
                one.document["id"] =
                    written_documents::said(live.object.get_field(kind.identity.id).expect("an id"));
            }
            if choices.below(8) > 0 && !one.places.is_empty() {
                let yaml_path = one.places[choices.below(one.places.len() as u64) as usize].clone();
                vary(&mut one, yaml_path);
            }
            all.push(one);
        }
        if kind.operations.create.is_some() {
            let name = |number| format!("new-{}-{number}", kind.name.replace('/', "-"));
            all.extend((0..NEW).map(|number| new_document(kind, &name(number))));
        }
    }
    all
}

fn vary(one: &mut WrittenDocument, yaml_path: Spot) {
    let spec = &mut one.document["spec"];
    match yaml_path.say {
        Say::Value(value) => *spec.pointer_mut(&yaml_path.wanted).expect("a leaf") = value,
        Say::Variable(name, value) => {
            one.variables
                .iter_mut()
                .filter(|(own, _)| *own == name)
                .for_each(|(_, own)| own.clone_from(&value));
        }
        Say::Less => {
            let (list, _) = yaml_path.wanted.rsplit_once('/').expect("an item");
            spec.pointer_mut(list).and_then(Json::as_array_mut).expect("a list").pop();
        }
    }
}

fn read(written: &[WrittenDocument]) -> Vec<Document> {
    let texts: Vec<String> = written.iter().map(|one| yaml::write_yaml(&one.document)).collect();
    let source = NamedSource::new("config/a.yaml", texts.join("---\n"));
    let variables: BTreeMap<&String, &String> =
        written.iter().flat_map(|one| &one.variables).map(|(name, value)| (name, value)).collect();
    let mut faults = Vec::new();
    let mut documents = document::read_documents(&source, KindRegistry::get_builtin(), &mut faults);
    for document in &mut documents {
        document.target = Some(document.kind.api.name.clone());
        let known = |slot: &ValueSource| match slot {
            ValueSource::Env(name) => variables.get(name).map(|text| SecretString::from(text.as_str())),
            _ => None,
        };
        document.resolve_sources(&known, &mut faults);
    }
    let unsettled: Vec<_> = faults.iter().map(|fault| &fault.message).collect();
    assert!(!has_errors(&faults), "{unsettled:?}");
    documents
}

fn job<'d>(document: &'d Document, index: &ObjectIndex) -> ObjectJob<'d> {
    let kind = &document.kind;
    let target = kind.api.name.clone();
    let entry = index.get(&target, &kind.name, &document.name);
    let mut scope = document.scope.clone();
    scope.sort_by_key(|(number, _)| *number);
    assert_eq!(scope.len(), kind.scope.len(), "{} has its scope", document.name);
    ObjectJob {
        document,
        scope: scope.into_iter().map(|(_, value)| value).collect(),
        known_id: entry.and_then(|entry| entry.parse_known_id(kind)),
        just_created: entry.is_some_and(|entry| entry.open_create.is_some()),
        excluded_id: None,
        target,
    }
}

fn target(api: &Arc<Api>) -> Target {
    Target {
        name: api.name.clone(),
        api: api.clone(),
        base_url: Url::parse(&format!("http://127.0.0.1:9/{}", api.name)).expect("a url"),
        format: WireFormat::Json,
        auth: auth(api),
        connection: TargetConnection::default(),
        scope: Vec::new(),
        parallelism: 6,
        also_send_nested: true,
        write_personal: true,
    }
}

/// A credential of a sort that the API takes.
fn auth(api: &Api) -> TargetAuth {
    let secret = || SecretString::from("any");
    match () {
        () if api.auth.contains(&AuthScheme::Headers) && !api.auth_headers.is_empty() => {
            TargetAuth { headers: vec![(api.auth_headers[0].clone(), secret())], ..TargetAuth::default() }
        }
        () if api.auth.contains(&AuthScheme::Token) => {
            TargetAuth { token: Some(secret()), ..TargetAuth::default() }
        }
        () => TargetAuth { bearer: Some(secret()), ..TargetAuth::default() },
    }
}

/// How often each natural key is there, by kind.
pub fn keys(kind: &Kind, dump: &Json) -> BTreeMap<String, usize> {
    let mut keys = BTreeMap::new();
    for dumped in dump[&*kind.name].as_array().expect("objects") {
        let bytes = serde_json::to_vec(&dumped["object"]).expect("JSON");
        let live = wire::read_object(&bytes, WireFormat::Json, kind).expect("an object");
        // without a natural key the id alone tells
        let Some(key) =
            trueup::run::natural_key::build_live_key(kind, &live.object).filter(|key| !key.is_empty())
        else {
            continue;
        };
        *keys.entry(json!([dumped["scope"], key]).to_string()).or_default() += 1;
    }
    keys
}
