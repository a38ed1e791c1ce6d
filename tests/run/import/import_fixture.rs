//! A service in the sandbox, and a workspace with nothing but settings.

use std::sync::Arc;

use serde_json::{Map, Value as Json, json};
use trueup::diagnostic::NamedSource;
use trueup::document::{self, DesiredNode, DesiredValue};
use trueup::kind::file::AuthScheme;
use trueup::kind::registry::KindRegistry;
use trueup::kind::{Api, Kind, ScalarType, WireFormat};
use trueup::remote::wire::{self, Snapshot};
use trueup::run::import::fill::{FillMode, fill_spec};
use trueup::sandbox::{RunningSandbox, SandboxFault, SandboxLauncher, SandboxOptions};
use trueup::yaml;

use crate::support::workspace::{ProgramOutput, Workspace};

/// A plan whose exit code tells whether there is anything to do.
pub const PLAN: [&str; 2] = ["plan", "--detailed-exitcode"];

pub struct ImportFixture {
    pub workspace: Workspace,
    pub sandbox: RunningSandbox,
    pub kind: Arc<Kind>,
    format: WireFormat,
    /// Whether the target fixes the scope, so that the command need not.
    scoped: bool,
}

/// A sandbox in which nothing waits.
pub fn options() -> SandboxOptions {
    SandboxOptions { seed: Some(7), auto_verify: true, ..SandboxOptions::default() }
}

pub fn each_kind(check: impl Fn(&Arc<Kind>)) {
    let registry = KindRegistry::get_builtin();
    assert!(registry.kind_names().len() >= 5);
    registry.kind_names().iter().filter_map(|name| registry.find_kind(name)).for_each(|kind| check(&kind));
}

impl ImportFixture {
    pub fn new(kind: &str) -> Self {
        Self::with(kind, WireFormat::Json, options())
    }

    pub fn with(kind: &str, format: WireFormat, options: SandboxOptions) -> Self {
        let kind = KindRegistry::get_builtin().find_kind(kind).expect("a kind");
        let sandbox = SandboxLauncher::start_server(vec![Arc::clone(&kind)], options).expect("a sandbox");
        let mut fixture = Self { workspace: Workspace::new(), sandbox, kind, format, scoped: false };
        fixture.workspace.set("CREDENTIAL", "any");
        fixture.settle(&[("there", false)]);
        fixture
    }

    /// Settings with these targets, each with the scope of the sample or without.
    pub fn settle(&mut self, targets: &[(&str, bool)]) {
        let api = &self.kind.api;
        let mut all = Map::new();
        for (name, scoped) in targets {
            self.scoped = *scoped;
            let mut target = json!({
                "api": &*api.name,
                "base_url": self.sandbox.base_url(&api.name),
                "format": if self.format == WireFormat::Jsv { "jsv" } else { "json" },
                "auth": auth(api),
                "personal": "write",
            });
            if *scoped {
                target["scope"] = json!(self.kind.examples[0].scope);
            }
            all.insert((*name).to_owned(), target);
        }
        self.workspace.write("trueup.yaml", &yaml::write_yaml(&json!({ "targets": all })));
    }

    fn scope(&self) -> Vec<String> {
        let scope = self.kind.examples[0].scope.iter().filter(|_| !self.scoped);
        scope.flat_map(|(name, value)| ["--scope".to_owned(), format!("{name}={value}")]).collect()
    }

    fn arguments(&self, more: &[&str]) -> Vec<String> {
        let mut arguments = vec!["import".to_owned(), self.kind.name.to_string()];
        arguments.extend(self.scope());
        if !more.contains(&"--output") {
            arguments.extend(["--output".into(), "config".into()]);
        }
        arguments.extend(more.iter().map(|own| (*own).to_owned()));
        arguments
    }

    /// The command line of an import that says what it did in JSON; leaks its words, which a test can afford.
    pub fn command(&self, more: &[&str]) -> Vec<&'static str> {
        let arguments = [self.arguments(more), vec!["--format".into(), "json".into()]].concat();
        arguments.into_iter().map(|own| &*own.leak()).collect()
    }

    /// Imports into `config`, or where the flags say, and expects this exit code.
    pub fn import(&self, code: i32, more: &[&str]) -> ProgramOutput {
        let arguments = self.arguments(more);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        self.workspace.expect(code, &arguments)
    }

    /// Every live object, in the order of the sandbox.
    pub fn live(&self) -> Vec<Snapshot> {
        let dump = self.sandbox.dump_state();
        let objects = dump[&*self.kind.name].as_array().expect("objects").clone();
        let read = |dumped: &Json| {
            let bytes = serde_json::to_vec(&dumped["object"]).expect("JSON");
            wire::read_object(&bytes, WireFormat::Json, &self.kind).expect("an object")
        };
        objects.iter().map(read).collect()
    }

    fn id(&self, live: &Snapshot) -> String {
        let id = live.object.get_field(self.kind.identity.id).expect("an id");
        ScalarType::render_url_text(id, &self.kind.api)
    }

    /// Changes members of an object by hand.
    pub fn edit(&self, number: usize, members: Json) {
        let members: Map<String, Json> = serde_json::from_value(members).expect("members");
        let id = self.id(&self.live()[number]);
        self.sandbox.edit_object(&self.kind.name, &id, &members).unwrap_or_else(|why| panic!("{why}"));
    }

    pub fn fail(&self, fault: &str) {
        self.sandbox.add_fault(SandboxFault::parse_fault(fault).expect("a fault"));
    }

    /// All documents of the workspace, one after the other.
    pub fn texts(&self) -> String {
        let files = self.workspace.files().into_iter();
        let yaml = files.filter(|(path, _)| {
            path.extension().is_some_and(|ending| ending == "yaml") && !path.ends_with("trueup.yaml")
        });
        yaml.map(|(_, bytes)| String::from_utf8(bytes).expect("UTF-8")).collect()
    }

    /// Puts the live secrets into the variables that the documents name, and sees that no other were named.
    pub fn supply(&mut self, ran: &ProgramOutput) {
        let live = self.live();
        let mut variables = Vec::new();
        for (_, bytes) in self
            .workspace
            .files()
            .into_iter()
            .filter(|(path, _)| path.starts_with(self.workspace.path("config")))
        {
            let source = NamedSource::new("imported", String::from_utf8(bytes).expect("UTF-8"));
            for document in document::read_documents(&source, KindRegistry::get_builtin(), &mut Vec::new()) {
                let id = document
                    .id
                    .as_ref()
                    .map(|id| ScalarType::render_url_text(id, &self.kind.api))
                    .expect("an id");
                let live = live.iter().find(|live| self.id(live) == id).expect("its object");
                let filled = fill_spec(&document.spec, &self.kind.shape, &live.object, FillMode::Secrets);
                pick(&document.spec, &filled, &mut variables);
            }
        }
        for (name, value) in variables {
            assert!(ran.out.contains(&name), "{name} is told\n{}", ran.all());
            self.workspace.set(name, value);
        }
    }
}

fn pick(written: &DesiredNode, filled: &DesiredNode, found: &mut Vec<(String, String)>) {
    match (&written.value, &filled.value) {
        (DesiredValue::Source(document::ValueSource::Env(name)), DesiredValue::Literal(value)) => {
            found.push((name.clone(), value.as_str().expect("a text").to_owned()));
        }
        (DesiredValue::Object(written), DesiredValue::Object(filled)) => {
            for ((_, written), (_, filled)) in written.iter().zip(filled) {
                pick(written, filled, found);
            }
        }
        (DesiredValue::List(written), DesiredValue::List(filled)) => {
            written.iter().zip(filled).for_each(|(written, filled)| pick(written, filled, found));
        }
        _ => {}
    }
}

/// A credential of a sort that the API takes.
fn auth(api: &Api) -> Json {
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
