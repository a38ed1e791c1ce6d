//! A service in the sandbox, and whole runs against it, in this process.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use secrecy::SecretString;
use serde_json::{Map, Value as Json};
use tempfile::TempDir;
use trueup::diagnostic::{Diagnostic, NamedSource, has_errors};
use trueup::document::{self, Document, ValueSource};
use trueup::kind::registry::KindRegistry;
use trueup::kind::scalar::ScalarToken;
use trueup::kind::{Api, AuthScheme, Kind, WireFormat};
use trueup::plan::Plan;
use trueup::plan::propose::GrantedPermissions;
use trueup::plan::step::UpdateMethod;
use trueup::remote::hosts::AllowedHosts;
use trueup::remote::retry::{JitterMode, RetryPolicy};
use trueup::remote::target::{Target, TargetAuth};
use trueup::remote::target_client::TargetClient;
use trueup::remote::target_connection::TargetConnection;
use trueup::report::plan_report::PlanReport;
use trueup::report::text;
use trueup::run::fetch::ObjectJob;
use trueup::run::index::ObjectIndex;
use trueup::run::outcome::{OutcomeStatus, StepOutcome};
use trueup::run::refer::ReferenceResolver;
use trueup::run::write_digests::WriteDigests;
use trueup::run::{CancellationToken, RunSession, execute, planning};
use trueup::sandbox::{RunningSandbox, SandboxFault, SandboxLauncher, SandboxLogEntry, SandboxOptions};
use url::Url;

/// The scope in which the samples live.
pub const COMPANY: &str = "aaaaaaaa-0000-4000-8000-000000000001";

/// A service, and what a workspace keeps of earlier runs.
pub struct ReferenceFixture {
    pub registry: KindRegistry,
    pub permits: GrantedPermissions,
    pub base: Url,
    /// Values of environment variables.
    pub secrets: BTreeMap<&'static str, &'static str>,
    /// Whether the documents are not all there are.
    pub narrowed: bool,
    sandbox: Option<RunningSandbox>,
    folder: TempDir,
}

/// What one run came to.
pub struct ReferenceRun {
    /// The plan as it is shown, without its requests' sizes.
    pub plan: String,
    pub json: Json,
    pub reasons: Vec<Said>,
    pub endings: Vec<String>,
    pub attempts: Vec<u32>,
    pub complete: bool,
}

/// One diagnostic: `code line message (hint)`.
pub struct Said {
    pub code: &'static str,
    pub line: usize,
    pub text: String,
}

impl ReferenceFixture {
    /// These kinds, with their own samples.
    pub fn of(kinds: &[&str]) -> Self {
        Self::with(kinds, SandboxOptions::default())
    }

    /// These kinds, served as `options` say.
    pub fn with(kinds: &[&str], options: SandboxOptions) -> Self {
        let mut faults = Vec::new();
        Self::serving(KindRegistry::with_workspace(Vec::new(), &mut faults), kinds, options)
    }

    /// Kinds of one's own: names and texts of their descriptions.
    pub fn own(files: &[(&str, &str)], kinds: &[&str]) -> Self {
        Self::serving(described(files), kinds, SandboxOptions::default())
    }

    /// The same, at a service that is somewhere else.
    pub fn own_at(files: &[(&str, &str)], base: Url) -> Self {
        Self::at(described(files), base)
    }

    fn serving(registry: KindRegistry, kinds: &[&str], options: SandboxOptions) -> Self {
        let own: Vec<Arc<Kind>> = kinds.iter().map(|name| registry.find_kind(name).expect(name)).collect();
        let api = own[0].api.name.clone();
        let options = SandboxOptions { log_bodies: true, seed: Some(5), ..options };
        let sandbox = SandboxLauncher::start_server(own, options).expect("a sandbox");
        let base = Url::parse(&sandbox.base_url(&api)).expect("a url");
        Self { sandbox: Some(sandbox), ..Self::at(registry, base) }
    }

    /// A service that is somewhere else.
    pub fn at(registry: KindRegistry, base: Url) -> Self {
        Self {
            registry,
            permits: GrantedPermissions::default(),
            base,
            secrets: BTreeMap::new(),
            narrowed: false,
            sandbox: None,
            folder: TempDir::new().expect("a folder"),
        }
    }

    pub fn sandbox(&self) -> &RunningSandbox {
        self.sandbox.as_ref().expect("a sandbox")
    }

    /// Adds a fault, in the words of `trueup sandbox --fail`.
    pub fn fail(&self, fault: &str) {
        self.sandbox().add_fault(SandboxFault::parse_fault(fault).unwrap_or_else(|why| panic!("{why}")));
    }

    /// Changes members of an object by hand.
    pub fn edit(&self, kind: &str, id: &str, members: Json) {
        let members: Map<String, Json> = serde_json::from_value(members).expect("members");
        self.sandbox().edit_object(kind, id, &members).unwrap_or_else(|why| panic!("{why}"));
    }

    /// The live objects of a kind.
    pub fn live(&self, kind: &str) -> Vec<Json> {
        let dump = self.sandbox().dump_state();
        let objects = dump[kind].as_array().cloned().expect("objects");
        objects.into_iter().map(|object| object["object"].clone()).collect()
    }

    /// The live object that has this value in this member.
    pub fn one(&self, kind: &str, member: &str, value: &str) -> Json {
        let found: Vec<Json> =
            self.live(kind).into_iter().filter(|object| object[member] == *value).collect();
        assert_eq!(found.len(), 1, "{} objects have {member} {value}", found.len());
        found[0].clone()
    }

    /// The requests so far.
    pub fn log(&self) -> Vec<SandboxLogEntry> {
        self.sandbox().read_log()
    }

    /// The requests so far that wrote: verb, path below the API, body.
    pub fn writes(&self) -> Vec<(String, Json)> {
        let body = |entry: &SandboxLogEntry| match entry.body.as_deref() {
            None | Some([]) => Json::Null,
            Some(body) => serde_json::from_slice(body).expect("JSON"),
        };
        let writes = self.log().into_iter().filter(|entry| entry.method != "GET");
        writes.map(|entry| (format!("{} {}", entry.method, entry.path), body(&entry))).collect()
    }

    /// How often a path with this piece was read.
    pub fn reads(&self, piece: &str) -> usize {
        self.log().iter().filter(|entry| entry.method == "GET" && entry.path.contains(piece)).count()
    }

    fn service(&self, api: &Arc<Api>) -> TargetClient {
        let patience = RetryPolicy {
            max_attempts: 2,
            initial_delay: Duration::from_millis(1),
            jitter: JitterMode::None,
            ..RetryPolicy::default()
        };
        let service = connect(api, self.base.as_str(), "");
        service.unwrap_or_else(|fault| panic!("{}", fault.message)).with_retry_policy(patience)
    }

    /// The documents of a text; none of them may be faulty.
    pub fn documents(&self, text: &str) -> Vec<Document> {
        let (documents, faults) = self.read(text);
        assert!(!has_errors(&faults), "{}", listed(&faults));
        documents
    }

    /// The documents of a text, and what is wrong with them.
    pub fn read(&self, text: &str) -> (Vec<Document>, Vec<Diagnostic>) {
        let (source, mut faults) = (NamedSource::new("config/a.yaml", text), Vec::new());
        let mut documents = document::read_documents(&source, &self.registry, &mut faults);
        for document in &mut documents {
            document.target = Some("there".into());
            let known = |slot: &ValueSource| match slot {
                ValueSource::Env(name) => {
                    self.secrets.get(name.as_str()).map(|text| SecretString::from(*text))
                }
                _ => None,
            };
            document.resolve_sources(&known, &mut faults);
        }
        if !self.narrowed {
            document::refer::report_dangling_references(&documents, &mut faults);
        }
        (documents, faults)
    }

    /// Plans only.
    pub fn plan(&self, text: &str) -> ReferenceRun {
        self.run(text, false, &|| {})
    }

    /// Plans and applies.
    pub fn apply(&self, text: &str) -> ReferenceRun {
        self.run(text, true, &|| {})
    }

    /// Plans, lets something happen, and applies the plan.
    pub fn apply_after(&self, text: &str, between: &dyn Fn()) -> ReferenceRun {
        self.run(text, true, between)
    }

    fn run(&self, text: &str, go_on: bool, between: &dyn Fn()) -> ReferenceRun {
        let documents = self.documents(text);
        let services: BTreeMap<Arc<str>, TargetClient> =
            documents.iter().take(1).map(|one| ("there".into(), self.service(&one.kind.api))).collect();
        let memory = Mutex::new(WriteDigests::open(self.folder.path(), None).expect("a memory"));
        let index = Mutex::new(ObjectIndex::open(self.folder.path()).expect("an index"));
        let (references, stop) = (ReferenceResolver::default(), CancellationToken::default());
        let session = RunSession {
            services: &services,
            method: UpdateMethod::Default,
            permissions: self.permits,
            trust_empty: true,
            write_digests: &memory,
            index: &index,
            references: &references,
            rotation: &trueup::plan::rotate::NO_ROTATION,
            unrecorded: None,
            unmanaged: false,
            retry_creates: false,
            allow_rename: false,
            other_documents: &trueup::run::other_documents::NoOtherDocuments,
            journal: None,
            clock: trueup::run::clock::RunClock::start(),
            read_back_timeout: Some(std::time::Duration::from_millis(200)),
            stop: &stop,
            on_event: &|_| {},
        };
        let mut jobs: Vec<ObjectJob> =
            documents.iter().map(|document| job(document, &index.lock().expect("an index"))).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let plan = runtime.block_on(planning::make_plan(&session, &mut jobs));
        let mut ran = ReferenceRun::of(&plan);
        if go_on {
            between();
            ran.end(&runtime.block_on(execute::execute_plan(&session, plan, &jobs)));
        }
        ran
    }
}

fn described(files: &[(&str, &str)]) -> KindRegistry {
    let files = files.iter().map(|(name, text)| (format!("apis/{name}.yaml"), (*text).to_owned()));
    let mut faults = Vec::new();
    let registry = KindRegistry::with_workspace(files.collect(), &mut faults);
    assert!(!has_errors(&faults), "{}", listed(&faults));
    registry
}

fn job<'d>(document: &'d Document, index: &ObjectIndex) -> ObjectJob<'d> {
    let kind = &document.kind;
    let entry = index.get("there", &kind.name, &document.name);
    let scope = (0u16..).zip(&kind.scope).map(|(number, parameter)| {
        let own = document.scope.iter().find(|(own, _)| *own == number).map(|(_, value)| value.clone());
        own.unwrap_or_else(|| parameter.ty.read_token(ScalarToken::Plain(COMPANY)).expect("a company"))
    });
    ObjectJob {
        document,
        scope: scope.collect(),
        target: "there".into(),
        known_id: entry.and_then(|entry| entry.parse_known_id(kind)),
        just_created: entry.is_some_and(|entry| entry.open_create.is_some()),
        excluded_id: None,
    }
}

/// A connection to a service, where it is allowed.
pub fn connect(api: &Arc<Api>, base: &str, allowed: &str) -> Result<TargetClient, Diagnostic> {
    let target = Target {
        name: "there".into(),
        api: api.clone(),
        base_url: Url::parse(base).expect("a url"),
        format: WireFormat::Json,
        auth: auth(api),
        connection: TargetConnection::default(),
        scope: Vec::new(),
        parallelism: 4,
        also_send_nested: true,
        write_personal: true,
    };
    TargetClient::connect_target(Arc::new(target), &AllowedHosts::new(allowed)?)
        .map(TargetClient::with_writes)
}

/// A credential of a sort that the API takes.
fn auth(api: &Api) -> TargetAuth {
    let secret = || SecretString::from("any");
    match () {
        () if api.auth.contains(&AuthScheme::Headers) => {
            TargetAuth { headers: vec![(api.auth_headers[0].clone(), secret())], ..TargetAuth::default() }
        }
        () if api.auth.contains(&AuthScheme::Token) => {
            TargetAuth { token: Some(secret()), ..TargetAuth::default() }
        }
        () => TargetAuth { bearer: Some(secret()), ..TargetAuth::default() },
    }
}

impl ReferenceRun {
    fn of(plan: &Plan) -> Self {
        let report = PlanReport::from_plan(plan, &|_, _| 0);
        let refused = plan.refused.iter().flat_map(|refused| &refused.reasons);
        let notes = plan.steps.iter().flat_map(|step| &step.notes);
        let notes = notes.chain(plan.unchanged.iter().flat_map(|agreeing| &agreeing.notes));
        Self {
            plan: anstream::adapter::strip_str(&text::render_plan(&report, 100)).to_string(),
            json: serde_json::to_value(&report).expect("JSON"),
            reasons: refused.chain(notes).map(said).collect(),
            endings: Vec::new(),
            attempts: Vec::new(),
            complete: plan.complete,
        }
    }

    fn end(&mut self, outcomes: &[StepOutcome]) {
        self.reasons.clear();
        for outcome in outcomes {
            self.endings.push(format!("{} {}", outcome.subject.name, outcome.status.as_str()));
            self.attempts.push(outcome.attempts);
            self.reasons.extend(outcome.findings.iter().map(said));
            match &outcome.status {
                OutcomeStatus::Refused(reasons)
                | OutcomeStatus::Unread(reasons)
                | OutcomeStatus::Failed(reasons)
                | OutcomeStatus::Unknown(reasons) => {
                    self.reasons.extend(reasons.iter().map(said));
                }
                _ => {}
            }
        }
    }

    pub fn codes(&self) -> Vec<&str> {
        self.reasons.iter().map(|said| said.code).collect()
    }

    /// Everything that is said.
    pub fn all(&self) -> String {
        let reasons: Vec<String> =
            self.reasons.iter().map(|said| format!("{} {}: {}", said.code, said.line, said.text)).collect();
        format!("{}\n{}\n{}", self.plan, self.endings.join("\n"), reasons.join("\n"))
    }

    /// The outcome of each document.
    #[track_caller]
    pub fn ends(&self, endings: &[&str]) -> &Self {
        assert_eq!(self.endings, endings, "{}", self.all());
        self
    }

    /// Nothing is to be done.
    #[track_caller]
    pub fn agrees(&self) -> &Self {
        assert_eq!(self.json["changes"], Json::Array(Vec::new()), "{}", self.all());
        assert_eq!(self.json["refused"], Json::Array(Vec::new()), "{}", self.all());
        self
    }

    /// One reason with this code, at this line, and these words in it.
    #[track_caller]
    pub fn says(&self, code: &str, line: usize, words: &[&str]) -> &Self {
        let found = self.reasons.iter().find(|said| {
            said.code == code && said.line == line && words.iter().all(|word| said.text.contains(word))
        });
        assert!(found.is_some(), "nothing says {code} at {line} with {words:?}\n{}", self.all());
        self
    }

    #[track_caller]
    pub fn shows(&self, words: &[&str]) -> &Self {
        words.iter().for_each(|word| assert!(self.plan.contains(word), "no {word:?} in\n{}", self.plan));
        self
    }
}

/// A diagnostic with all its places.
fn said(diagnostic: &Diagnostic) -> Said {
    let line = diagnostic.location.as_ref().map_or(0, |place| place.find_line_column().0);
    let hint = diagnostic.hint.as_deref().unwrap_or_default();
    let also =
        diagnostic.related.iter().map(|(place, what)| format!(" [{}: {what}]", place.find_line_column().0));
    let text = format!("{} ({hint}){}", diagnostic.message, also.collect::<String>());
    Said { code: diagnostic.code, line, text }
}

/// Diagnostics as lines.
pub fn listed(faults: &[Diagnostic]) -> String {
    let lines = faults.iter().map(said).map(|said| format!("{} {}: {}\n", said.code, said.line, said.text));
    lines.collect()
}
