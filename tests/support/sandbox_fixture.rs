//! A service in the sandbox, and a workspace that describes what it holds.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value as Json, json};
use trueup::kind::file::AuthScheme;
use trueup::kind::registry::KindRegistry;
use trueup::kind::{Api, Kind, WireFormat};
use trueup::remote::wire;
use trueup::sandbox::{
    RunningSandbox, SandboxFault, SandboxLauncher, SandboxLogEntry, SandboxObserver, SandboxOptions,
};
use trueup::yaml;

use crate::support::workspace::Workspace;
use crate::support::written_documents::{self, Say, Spot, WrittenDocument};

/// How many documents stand in one file.
const A_FILE: usize = 100;

/// A service and a workspace.
pub struct SandboxFixture {
    pub workspace: Workspace,
    pub sandbox: Arc<RunningSandbox>,
    pub kind: Arc<Kind>,
    pub documents: Vec<WrittenDocument>,
}

/// A built-in kind.
pub fn kind(name: &str) -> Arc<Kind> {
    KindRegistry::get_builtin().find_kind(name).unwrap_or_else(|| panic!("no kind {name}"))
}

/// What a sandbox serves so that runs can be distinguished from each other by what they do alone.
pub fn options() -> SandboxOptions {
    SandboxOptions { seed: Some(7), auto_verify: true, log_bodies: true, ..SandboxOptions::default() }
}

impl SandboxFixture {
    /// `count` objects of a kind, and a document for each that says what is there.
    pub fn new(kind_name: &str, count: usize, format: WireFormat) -> Self {
        Self::with(kind_name, format, SandboxOptions { count: Some(count), ..options() })
    }

    /// The same of a sandbox of one's own.
    pub fn with(kind_name: &str, format: WireFormat, options: SandboxOptions) -> Self {
        let kind = kind(kind_name);
        let sandbox = SandboxLauncher::start_server(vec![Arc::clone(&kind)], options).expect("a sandbox");
        let mut fixture =
            Self { workspace: Workspace::new(), sandbox: Arc::new(sandbox), kind, documents: Vec::new() };
        fixture.workspace.write("trueup.yaml", &fixture.settings(format));
        fixture.workspace.set("CREDENTIAL", "any");
        // most runs here change everything that there is
        fixture.workspace.set("TRUEUP_MAX_UPDATES", "100%");
        fixture.workspace.set("TRUEUP_MAX_DELETES", "100%");
        fixture.documents = fixture.as_live();
        fixture.write();
        fixture
    }

    /// A sandbox that reports each request, and can be edited from there.
    pub fn watched(
        kind_name: &str,
        options: SandboxOptions,
        react: impl Fn(&RunningSandbox, &SandboxLogEntry) + Send + Sync + 'static,
    ) -> Self {
        let own: Arc<std::sync::OnceLock<std::sync::Weak<RunningSandbox>>> = Arc::default();
        let seen = Arc::clone(&own);
        let watch: SandboxObserver = Arc::new(move |entry| {
            if let Some(sandbox) = seen.get().and_then(std::sync::Weak::upgrade) {
                react(&sandbox, entry);
            }
        });
        let fixture =
            Self::with(kind_name, WireFormat::Json, SandboxOptions { observer: Some(watch), ..options });
        own.set(Arc::downgrade(&fixture.sandbox)).expect("set once");
        fixture
    }

    fn settings(&self, format: WireFormat) -> String {
        let api = &self.kind.api;
        let target = json!({
            "api": &*api.name,
            "base_url": self.sandbox.base_url(&api.name),
            "format": if format == WireFormat::Jsv { "jsv" } else { "json" },
            "auth": auth(api),
            "personal": "write",
        });
        yaml::write_yaml(&json!({ "targets": { "there": target } }))
    }

    /// What the sandbox holds.
    pub fn dump(&self) -> Vec<Json> {
        let mut dump = self.sandbox.dump_state();
        match dump[&*self.kind.name].take() {
            Json::Array(objects) => objects,
            _ => panic!("no objects"),
        }
    }

    fn as_live(&self) -> Vec<WrittenDocument> {
        let documents = self.dump().into_iter().enumerate().map(|(number, dumped)| {
            let bytes = serde_json::to_vec(&dumped["object"]).expect("JSON");
            let live = wire::read_object(&bytes, WireFormat::Json, &self.kind).expect("an object");
            assert!(live.mismatches.is_empty(), "{:?}", live.mismatches);
            let scope = written_documents::scope(&self.kind, &dumped);
            let mut one =
                written_documents::document(&self.kind, &format!("o-{number:04}"), &scope, &live.object);
            // every other one is found by its id, the rest by their natural keys
            if number % 2 == 1 {
                let id = live.object.get_field(self.kind.identity.id).expect("an id");
                one.document["id"] = written_documents::said(id);
            }
            one
        });
        documents.collect()
    }

    /// Writes the documents into the workspace, and their secrets into its environment.
    pub fn write(&mut self) {
        for (number, documents) in self.documents.chunks(A_FILE).enumerate() {
            let texts: Vec<String> = documents.iter().map(|one| yaml::write_yaml(&one.document)).collect();
            self.workspace.write(&format!("config/{number:03}.yaml"), &texts.join("---\n"));
        }
        for (name, value) in self.documents.iter().flat_map(|one| one.variables.clone()) {
            self.workspace.set(name, value);
        }
    }

    /// Lets every so many-th document say one value otherwise, another one from object to object, and writes
    /// the documents. Gives what was said, by the number of the object.
    pub fn vary(&mut self, rotation: usize, every: usize) -> BTreeMap<usize, Spot> {
        let mut spots = BTreeMap::new();
        for (number, one) in self.documents.iter_mut().enumerate().step_by(every) {
            let places = one.places.len();
            let yaml_path = one.places[(number / every * 7 + rotation) % places].clone();
            vary(one, &yaml_path);
            spots.insert(number, yaml_path);
        }
        self.write();
        spots
    }

    /// The requests so far that wrote.
    pub fn writes(&self) -> Vec<SandboxLogEntry> {
        self.sandbox.read_log().into_iter().filter(|entry| entry.method != "GET").collect()
    }

    /// The requests so far that read.
    pub fn reads(&self) -> usize {
        self.sandbox.read_log().iter().filter(|entry| entry.method == "GET").count()
    }

    /// Adds a fault, in the words of `trueup sandbox --fail`.
    pub fn fail(&self, fault: &str) {
        self.sandbox.add_fault(SandboxFault::parse_fault(fault).unwrap_or_else(|why| panic!("{why}")));
    }

    /// The id of an object, as the sandbox calls it.
    pub fn id(&self, number: usize) -> String {
        let member = &*self.kind.id_field().read_from[0];
        match &self.dump()[number]["object"][member] {
            Json::String(text) => text.clone(),
            other => other.to_string(),
        }
    }

    /// Changes members of an object by hand.
    pub fn edit(&self, number: usize, members: Json) {
        edit(&self.sandbox, &self.kind.name, &self.id(number), members);
    }
}

/// Changes members of an object by hand.
pub fn edit(sandbox: &RunningSandbox, kind: &str, id: &str, members: Json) {
    let members: Map<String, Json> = serde_json::from_value(members).expect("members");
    sandbox.edit_object(kind, id, &members).unwrap_or_else(|why| panic!("{why}"));
}

/// Lets a document say a value otherwise.
pub fn vary(one: &mut WrittenDocument, yaml_path: &Spot) {
    let spec = &mut one.document["spec"];
    match &yaml_path.say {
        Say::Value(value) => *spec.pointer_mut(&yaml_path.wanted).expect("a leaf") = value.clone(),
        Say::Variable(name, value) => {
            let (_, own) = one.variables.iter_mut().find(|(own, _)| own == name).expect("a variable");
            *own = value.clone();
        }
        Say::Less => {
            let (list, _) = yaml_path.wanted.rsplit_once('/').expect("an item");
            let items = spec.pointer_mut(list).and_then(Json::as_array_mut).expect("a list");
            items.pop();
        }
    }
}

/// A credential of a sort that the API takes.
pub fn auth(api: &Api) -> Json {
    let source = json!({ "from_env": "CREDENTIAL" });
    let takes = |word| api.auth.contains(&word);
    match () {
        () if takes(AuthScheme::Headers) && !api.auth_headers.is_empty() => {
            json!({ "headers": { api.auth_headers[0].clone(): source } })
        }
        () if takes(AuthScheme::Token) => json!({ "token": source }),
        () => json!({ "bearer": source }),
    }
}

/// The places at which two pieces of JSON differ, in order; what is there on one side only counts as one.
pub fn differing(before: &Json, after: &Json) -> Vec<String> {
    let mut found = Vec::new();
    differ(Some(before), Some(after), String::new(), &mut found);
    found
}

fn differ(before: Option<&Json>, after: Option<&Json>, at: String, found: &mut Vec<String>) {
    let step = |name: &str| format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
    match (before, after) {
        (Some(Json::Object(before)), Some(Json::Object(after))) => {
            let mut names: Vec<&String> = before.keys().chain(after.keys()).collect();
            names.sort();
            names.dedup();
            for name in names {
                differ(before.get(name), after.get(name), step(name), found);
            }
        }
        (Some(Json::Array(before)), Some(Json::Array(after))) => {
            for index in 0..before.len().max(after.len()) {
                differ(before.get(index), after.get(index), step(&index.to_string()), found);
            }
        }
        (before, after) if before == after => {}
        _ => found.push(at),
    }
}
