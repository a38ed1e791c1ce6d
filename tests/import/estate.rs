//! A service in the sandbox, and a workspace with nothing but settings.

use std::sync::Arc;

use serde_json::{Map, Value as Json, json};

use trueup::diagnostic::Source;
use trueup::document::{self, Wanted, Wish};
use trueup::kind::file::AuthWord;
use trueup::kind::registry::Registry;
use trueup::kind::{Api, FormatWord, Kind, Leaf};
use trueup::remote::sandbox::{Fault, Options, Running, Sandbox};
use trueup::remote::wire::{self, Live};
use trueup::run::import::fill::{What, fill};
use trueup::yaml;

use crate::desk::{Desk, Ran};

/// A plan whose exit code tells whether there is anything to do.
pub const PLAN: [&str; 2] = ["plan", "--detailed-exitcode"];

pub struct Estate {
    pub desk: Desk,
    pub sandbox: Running,
    pub kind: Arc<Kind>,
    format: FormatWord,
    /// Whether the target fixes the scope, so that the command need not.
    scoped: bool,
}

/// A sandbox in which nothing waits.
pub fn options() -> Options {
    Options { seed: Some(7), verify_at_once: true, ..Options::default() }
}

pub fn each_kind(check: impl Fn(&Arc<Kind>)) {
    let registry = Registry::builtin();
    assert!(registry.kinds().len() >= 5);
    registry.kinds().iter().filter_map(|name| registry.kind(name)).for_each(|kind| check(&kind));
}

impl Estate {
    pub fn new(kind: &str) -> Self {
        Self::with(kind, FormatWord::Json, options())
    }

    pub fn with(kind: &str, format: FormatWord, options: Options) -> Self {
        let kind = Registry::builtin().kind(kind).expect("a kind");
        let sandbox = Sandbox::start(vec![Arc::clone(&kind)], options).expect("a sandbox");
        let mut estate = Self { desk: Desk::new(), sandbox, kind, format, scoped: false };
        estate.desk.set("CREDENTIAL", "any");
        estate.settle(&[("there", false)]);
        estate
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
                "format": if self.format == FormatWord::Jsv { "jsv" } else { "json" },
                "auth": auth(api),
                "personal": "write",
            });
            if *scoped {
                target["scope"] = json!(self.kind.samples[0].scope);
            }
            all.insert((*name).to_owned(), target);
        }
        self.desk.write("trueup.yaml", &yaml::write(&json!({ "targets": all })));
    }

    fn scope(&self) -> Vec<String> {
        let scope = self.kind.samples[0].scope.iter().filter(|_| !self.scoped);
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
    pub fn import(&self, code: i32, more: &[&str]) -> Ran {
        let arguments = self.arguments(more);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        self.desk.expect(code, &arguments)
    }

    /// Every live object, in the order of the sandbox.
    pub fn live(&self) -> Vec<Live> {
        let dump = self.sandbox.dump();
        let objects = dump[&*self.kind.name].as_array().expect("objects").clone();
        let read = |dumped: &Json| {
            let bytes = serde_json::to_vec(&dumped["object"]).expect("JSON");
            wire::read_object(&bytes, FormatWord::Json, &self.kind).expect("an object")
        };
        objects.iter().map(read).collect()
    }

    fn id(&self, live: &Live) -> String {
        let id = live.object.get(self.kind.identity.id).expect("an id");
        Leaf::url_text(id, &self.kind.api)
    }

    /// Changes members of an object by hand.
    pub fn edit(&self, number: usize, members: Json) {
        let members: Map<String, Json> = serde_json::from_value(members).expect("members");
        let id = self.id(&self.live()[number]);
        self.sandbox.edit(&self.kind.name, &id, &members).unwrap_or_else(|why| panic!("{why}"));
    }

    pub fn fail(&self, fault: &str) {
        self.sandbox.arm(Fault::parse(fault).expect("a fault"));
    }

    /// All documents of the workspace, one after the other.
    pub fn texts(&self) -> String {
        let files = self.desk.files().into_iter();
        let yaml = files.filter(|(path, _)| {
            path.extension().is_some_and(|ending| ending == "yaml") && !path.ends_with("trueup.yaml")
        });
        yaml.map(|(_, bytes)| String::from_utf8(bytes).expect("UTF-8")).collect()
    }

    /// Puts the live secrets into the variables that the documents name, and sees that no other were named.
    pub fn supply(&mut self, ran: &Ran) {
        let live = self.live();
        let mut variables = Vec::new();
        for (_, bytes) in
            self.desk.files().into_iter().filter(|(path, _)| path.starts_with(self.desk.path("config")))
        {
            let source = Source::new("imported", String::from_utf8(bytes).expect("UTF-8"));
            for document in document::read(&source, Registry::builtin(), &mut Vec::new()) {
                let id = document.id.as_ref().map(|id| Leaf::url_text(id, &self.kind.api)).expect("an id");
                let live = live.iter().find(|live| self.id(live) == id).expect("its object");
                let filled = fill(&document.spec, &self.kind.shape, &live.object, What::Secrets);
                pick(&document.spec, &filled, &mut variables);
            }
        }
        for (name, value) in variables {
            assert!(ran.out.contains(&name), "{name} is told\n{}", ran.all());
            self.desk.set(name, value);
        }
    }
}

fn pick(written: &Wanted, filled: &Wanted, found: &mut Vec<(String, String)>) {
    match (&written.wish, &filled.wish) {
        (Wish::Slot(document::Slot::Env(name)), Wish::Leaf(value)) => {
            found.push((name.clone(), value.as_text().expect("a text").to_owned()));
        }
        (Wish::Object(written), Wish::Object(filled)) => {
            for ((_, written), (_, filled)) in written.iter().zip(filled) {
                pick(written, filled, found);
            }
        }
        (Wish::List(written), Wish::List(filled)) => {
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
        () if takes(AuthWord::Headers) && !api.auth_headers.is_empty() => {
            json!({ "headers": { api.auth_headers[0].clone(): source } })
        }
        () if takes(AuthWord::Token) => json!({ "token": source }),
        () => json!({ "bearer": source }),
    }
}
