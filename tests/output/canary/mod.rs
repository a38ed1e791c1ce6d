//! No marked value ever leaves the program: not on stdout, not on stderr, not into a file, in no command, in no
//! format, however loud, and whatever goes wrong.
//!
//! Every marked value of every built-in kind holds a canary, in the live object and, another one, in its
//! document; so do the credentials of the target. Then everything is done that can be done and everything is
//! broken that can be broken, and all that came out is searched.

mod echo_server;
mod mistakes;
mod own_services;
mod settings;
mod write_back;

use std::collections::{BTreeSet, HashSet};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, Weak};

use crate::support::canaries::Canaries;
use crate::support::marked_documents::Way;
use crate::support::workspace::{ProgramOutput, Workspace};
use echo_server::{EchoMode, EchoServer};
use serde_json::{Map, Value as Json, json};
use trueup::diagnostic::{NamedSource, has_errors};
use trueup::kind::registry::KindRegistry;
use trueup::kind::{FieldType, Kind, ScalarType, Shape, WireFormat};
use trueup::remote::wire;
use trueup::sandbox::{
    RunningSandbox, SandboxData, SandboxFault, SandboxLauncher, SandboxObserver, SandboxOptions,
    SandboxSecretMode,
};
use trueup::value::Sensitivity;
use trueup::yaml;

/// Flags that make the program say as much as it can.
const LOUD: [&str; 4] = ["-vv", "--color", "always", "--format"];

/// What drift can say.
const DRIFT: [&str; 4] = ["drift", "--on-difference=fail", "--unmanaged", "--ci=github"];

/// The formats in which every command tells its result.
const FORMATS: [&str; 9] =
    ["text", "json", "markdown", "github", "github-summary", "gitlab", "sarif", "junit", "html"];

/// A report in every format that has a meaning for a command.
fn reports(command: &str) -> Vec<String> {
    let more: &[&str] = match command {
        "plan" | "show" | "undo" => &["gitlab-changes"],
        "apply" => &["gitlab-changes", "jsonl"],
        "validate" | "drift" => &[],
        _ => return Vec::new(),
    };
    FORMATS.iter().chain(more).map(|format| format!("{format}=out/{command}-{format}")).collect()
}

fn kinds() -> Vec<Arc<Kind>> {
    let registry = KindRegistry::get_builtin();
    registry.kind_names().iter().filter_map(|name| registry.find_kind(name)).collect()
}

/// A workspace, a service, and the canaries in both.
struct House {
    kind: Arc<Kind>,
    canaries: Canaries,
    workspace: Workspace,
    sandbox: Arc<RunningSandbox>,
    /// What was put there by the test, and may hold canaries.
    inputs: HashSet<PathBuf>,
    /// Hears of each request.
    react: Arc<Mutex<Option<Reaction>>>,
    runs: usize,
}

type Reaction = Box<dyn FnMut(&RunningSandbox) + Send>;

impl House {
    /// A service whose objects are full of canaries, and documents that want other ones.
    fn new(kind: &Arc<Kind>, way: Way, everything: bool, options: SandboxOptions) -> Self {
        let mut canaries = Canaries::default();
        let data = live(&mut canaries, kind);
        let source = NamedSource::new("data.json", data.to_string());
        let mut faults = Vec::new();
        let read = SandboxData::parse_source(&source, std::slice::from_ref(kind), &mut faults);
        assert!(!has_errors(&faults), "{}", faults[0].message);
        let react: Arc<Mutex<Option<Reaction>>> = Arc::default();
        let own: Arc<OnceLock<Weak<RunningSandbox>>> = Arc::default();
        let (seen, reacts) = (Arc::clone(&own), Arc::clone(&react));
        let watch: SandboxObserver = Arc::new(move |entry| {
            let sandbox = seen.get().and_then(Weak::upgrade);
            if let (Some(sandbox), "GET", Ok(mut react)) = (sandbox, &*entry.method, reacts.lock())
                && let Some(mut react) = react.take()
            {
                react(&sandbox);
            }
        });
        let options = SandboxOptions { data: Some(read), seed: Some(5), observer: Some(watch), ..options };
        let sandbox =
            Arc::new(SandboxLauncher::start_server(vec![Arc::clone(kind)], options).expect("a sandbox"));
        own.set(Arc::downgrade(&sandbox)).expect("set once");
        let (workspace, inputs) = (Workspace::new(), HashSet::new());
        let mut house = Self { kind: Arc::clone(kind), canaries, workspace, sandbox, inputs, react, runs: 0 };
        house.workspace.set("RUST_BACKTRACE", "1");
        house.settle(house.sandbox.addr());
        house.document(way, everything);
        house
    }

    /// The settings, with a canary for every credential that the API takes.
    fn settle(&mut self, addr: SocketAddr) {
        let api = &self.kind.api;
        let (auth, variables) = settings::credentials(&mut self.canaries, api);
        for (name, value) in variables {
            self.workspace.set(name, value);
        }
        self.workspace.set("TRUEUP_DIGEST_KEY", self.canaries.text("digest key"));
        let target = json!({ "api": &*api.name, "base_url": format!("http://{addr}/{}", api.name), "auth": auth,
                "personal": "write" });
        self.input("trueup.yaml", &yaml::write_yaml(&json!({ "targets": { "there": target } })));
    }

    /// Receipts go to a second place as well, and where the program can, what is under a mark is sealed in them.
    fn share_receipts(&mut self) {
        let shared = self.workspace.scratch().join("shared");
        std::fs::create_dir_all(&shared).expect("a folder");
        let store = format!("file://{}", shared.display());
        #[cfg(not(feature = "encryption"))]
        let receipts = json!({ "store": store });
        #[cfg(feature = "encryption")]
        let receipts = {
            use age::secrecy::ExposeSecret;
            let identity = age::x25519::Identity::generate();
            self.workspace.set("TRUEUP_AGE_IDENTITY", identity.to_string().expose_secret());
            json!({ "store": store, "before_values": "encrypted", "recipients": [identity.to_public().to_string()] })
        };
        let settings = self.workspace.read("trueup.yaml");
        self.input("trueup.yaml", &format!("{settings}receipts: {receipts}\n"));
    }

    fn document(&mut self, way: Way, everything: bool) {
        let dump = self.sandbox.dump_state();
        let dumped = dump[&*self.kind.name].as_array().expect("objects").clone();
        let mut texts = Vec::new();
        for (number, dumped) in dumped.iter().enumerate() {
            let name = format!("o-{number}");
            let marked = crate::support::marked_documents::document(
                &mut self.canaries,
                &self.kind,
                dumped,
                (&name, way, everything),
            );
            texts.push(yaml::write_yaml(&marked.document));
            for (name, value) in marked.variables {
                self.workspace.set(name, value);
            }
            for (path, value) in marked.files {
                self.input(&path, &value);
            }
        }
        self.input("config/all.yaml", &texts.join("---\n"));
    }

    /// Writes a file that may hold canaries.
    fn input(&mut self, name: &str, text: &str) {
        self.workspace.write(name, text);
        self.inputs.insert(self.workspace.path(name));
    }

    /// Runs the program in both formats and searches all that it says and writes.
    fn run(&mut self, arguments: &[&str]) -> Vec<ProgramOutput> {
        let formats = ["text", "json"];
        formats.map(|format| self.run_in(format, arguments)).into_iter().collect()
    }

    fn run_in(&mut self, format: &str, arguments: &[&str]) -> ProgramOutput {
        // once is enough: reports are the same whatever stands on stdout
        let reports = if format == "json" { Vec::new() } else { reports(arguments[0]) };
        let beside: Vec<&str> = reports.iter().flat_map(|report| ["--report", report]).collect();
        let ran = self.workspace.run(&[arguments, &beside[..], &LOUD, &[format]].concat());
        // no command takes every format; that each of these does is what is looked at here
        let taken = reports.is_empty() || arguments.contains(&"--reveal");
        assert!(taken || ran.code != Some(64), "{}", ran.all());
        self.runs += 1;
        let said = format!("{}\n{}", ran.out, ran.err);
        let leaks = self.canaries.found_in(said.as_bytes());
        let lines: Vec<&str> =
            said.lines().filter(|line| !self.canaries.found_in(line.as_bytes()).is_empty()).collect();
        let (command, lines) = (arguments.join(" "), lines.join("\n"));
        assert!(leaks.is_empty(), "`{command}` leaks {leaks:?}\n{lines}");
        assert!(!ran.err.contains("panicked"), "{}", ran.all());
        let written = self.written();
        assert!(written.is_empty(), "{} leaves {written:#?} in files", arguments.join(" "));
        ran
    }

    /// Whose canaries stand in files that the test did not write itself.
    fn written(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for (path, bytes) in self.workspace.files() {
            if !self.inputs.contains(&path) {
                found.extend(self.canaries.found_in(path.to_string_lossy().as_bytes()));
                found.extend(self.canaries.found_in(&bytes));
            }
        }
        found
    }

    /// A document for an object that is not there yet, like the first one but for its natural key. Nothing
    /// comes back where no such document can be written.
    fn unborn(&mut self, way: Way) -> Option<String> {
        let kind = Arc::clone(&self.kind);
        kind.operations.create.as_ref()?;
        let dumped = self.sandbox.dump_state()[&*kind.name][0].clone();
        let bytes = serde_json::to_vec(&dumped["object"]).expect("JSON");
        let object = wire::read_object(&bytes, WireFormat::Json, &kind).expect("an object").object;
        let scope = crate::support::written_documents::scope(&kind, &dumped);
        let open = crate::support::written_documents::document(&kind, "unborn", &scope, &object);
        let marked = crate::support::marked_documents::document(
            &mut self.canaries,
            &kind,
            &dumped,
            ("unborn", way, true),
        );
        let mut document = open.document;
        for (name, value) in marked.document["spec"].as_object().expect("a spec") {
            document["spec"][name] = value.clone();
        }
        for path in &kind.identity.natural_key {
            let field = kind.shape.get_field(path[0]);
            if field.behavior.read_only {
                return None;
            }
            let value = if field.sensitivity > Sensitivity::Public {
                self.canaries.word("unborn, natural key")
            } else {
                "unborn".into()
            };
            document["spec"][&*field.name] = json!(value);
        }
        open.variables
            .into_iter()
            .chain(marked.variables)
            .for_each(|(name, value)| self.workspace.set(name, value));
        marked.files.into_iter().for_each(|(path, value)| self.input(&path, &value));
        Some(yaml::write_yaml(&document))
    }

    fn fail(&self, fault: &str) {
        self.sandbox.add_fault(SandboxFault::parse_fault(fault).expect("a fault"));
    }
}

/// What the sandbox starts with: the first two samples of a kind, full of canaries.
fn live(canaries: &mut Canaries, kind: &Kind) -> Json {
    let objects = kind.examples.iter().take(2).enumerate().map(|(number, sample)| {
        let mut object = sample.object.clone();
        crate::support::marked_documents::fill(
            canaries,
            &kind.shape,
            Sensitivity::Public,
            &mut object,
            &format!("live {number}"),
        );
        // a natural key that can be asked for, and one that cannot
        for path in kind.identity.natural_key.iter().filter(|path| number == 0 && path.len() == 1) {
            let field = kind.shape.get_field(path[0]);
            if field.sensitivity > Sensitivity::Public {
                object.insert(field.read_from[0].to_string(), json!(canaries.word("live 0, natural key")));
            }
        }
        json!({ "scope": sample.scope, "object": object })
    });
    json!({ &*kind.name: objects.collect::<Vec<_>>() })
}

fn codes(ran: &[ProgramOutput]) -> Vec<Option<i32>> {
    ran.iter().map(|ran| ran.code).collect()
}

/// Every kind, with its values in the document in every way.
fn everywhere(check: impl Fn(&Arc<Kind>, Way)) {
    for kind in kinds() {
        for way in [Way::Plain, Way::Env, Way::File, Way::Command] {
            check(&kind, way);
        }
    }
}

fn open() -> SandboxOptions {
    SandboxOptions { auto_verify: true, ..SandboxOptions::default() }
}

#[test]
fn the_marks_are_many() {
    fn marked(shape: &Shape, above: Sensitivity) -> usize {
        let of = |field: &trueup::kind::Field| match &field.ty {
            FieldType::Object(inner) => marked(inner, above.max(field.sensitivity)),
            FieldType::Array(trueup::kind::ArrayType {
                item: trueup::kind::ItemType::Object(inner), ..
            }) => marked(inner, above.max(field.sensitivity)),
            _ => usize::from(above.max(field.sensitivity) > Sensitivity::Public),
        };
        shape.fields.iter().map(of).sum()
    }
    let all: usize = kinds().iter().map(|kind| marked(&kind.shape, Sensitivity::Public)).sum();
    assert!(kinds().len() >= 5 && all >= 40, "{all} marked leaves");
}

#[test]
fn a_deliberate_leak_is_found_in_a_real_run() {
    for kind in kinds() {
        let mut house = House::new(&kind, Way::Plain, false, open());
        let field = kind.shape.fields.iter().find(|field| {
            let key = kind.identity.natural_key.iter().any(|path| path[0] == field.number);
            let text = matches!(field.ty, FieldType::Scalar(ScalarType::String { max_length: None }));
            text && field.sensitivity == Sensitivity::Public
                && !key
                && field.behavior == trueup::kind::FieldBehavior::default()
        });
        // one kind has no such field but a required one
        let Some(field) = field else { continue };
        let word = house.canaries.text("an open field");
        let text = house.workspace.read("config/all.yaml");
        let line = format!("spec:\n  {}: {}\n", field.name, json!(word));
        house.input("config/all.yaml", &text.replacen("spec:\n", &line, 1));
        for format in ["text", "json"] {
            let ran = house.workspace.run(&[&["plan"], &LOUD[..], &[format]].concat());
            let found = house.canaries.found_in(ran.out.as_bytes());
            assert_eq!(found, BTreeSet::from(["an open field".to_owned()]), "{}\n{}", kind.name, ran.all());
        }
        house.workspace.write(".trueup/left-behind", &word.to_uppercase());
        assert_eq!(house.written().len(), 1);
    }
}

#[test]
fn validate_plan_apply_and_plan_again() {
    everywhere(|kind, way| {
        let mut house = House::new(kind, way, false, open());
        assert_eq!(codes(&house.run(&["validate"])), [Some(0); 2]);
        let ran = house.run(&["plan", "--detailed-exitcode"]);
        assert_eq!(codes(&ran), [Some(2); 2], "{} {way:?}\n{}", kind.name, ran[0].all());
        assert_eq!(codes(&house.run(&["apply"])), [Some(3); 2]);
        // before there is a record, with one of the same, and with one of something else
        house.run(&DRIFT);
        let ran = house.run_in("text", &["apply", "--auto-approve"]);
        assert_eq!(ran.code, Some(0), "{} {way:?}\n{}", kind.name, ran.all());
        house.run(&DRIFT);
        house.document(way, false);
        let ran = house.run(&DRIFT);
        assert_eq!(codes(&ran), [Some(5); 2], "{} {way:?}\n{}", kind.name, ran[0].all());
        let ran = house.run_in("text", &["apply", "--auto-approve"]);
        assert_eq!(ran.code, Some(0), "{} {way:?}\n{}", kind.name, ran.all());
        let ran = house.run(&["plan", "--detailed-exitcode"]);
        assert_eq!(codes(&ran), [Some(0); 2], "{} {way:?}\n{}", kind.name, ran[0].all());
        assert!(house.runs >= 9);
    });
}

#[test]
fn an_apply_in_json() {
    everywhere(|kind, way| {
        for format in ["json", "jsonl"] {
            let mut house = House::new(kind, way, false, open());
            let ran = house.run_in(format, &["apply", "--auto-approve"]);
            assert_eq!(ran.code, Some(0), "{} {way:?}\n{}", kind.name, ran.all());
            let ended = |reported: &str| reported.matches("\"object_ended\"").count();
            assert_eq!(ended(&ran.out), if format == "jsonl" { 2 } else { 0 }, "{}", ran.all());
        }
    });
}

#[test]
fn files_that_are_shown() {
    everywhere(|kind, way| {
        let mut house = House::new(kind, way, false, open());
        house.run(&["plan", "-o", "plan.json"]);
        house.run(&["show", "plan.json"]);
        house.run_in("text", &["apply", "plan.json", "--auto-approve"]);
        let receipts = std::fs::read_dir(house.workspace.path(".trueup/receipts")).expect("receipts");
        for receipt in receipts.map(|entry| entry.expect("an entry").path()) {
            house.run(&["show", &receipt.display().to_string()]);
        }
        for format in FORMATS {
            let reported = house.workspace.read(&format!("out/show-{format}"));
            assert!(format.starts_with("g") || format == "sarif" || !reported.is_empty(), "{format}");
        }
    });
}

#[test]
fn what_may_not_be_changed_is_refused() {
    everywhere(|kind, way| {
        let mut house = House::new(kind, way, true, open());
        house.run(&["validate"]);
        house.run(&["plan"]);
        house.run(&["apply", "--auto-approve"]);
    });
}

#[test]
fn values_that_read_back_masked_or_not_at_all() {
    for kind in kinds() {
        for secrets in [SandboxSecretMode::Masked, SandboxSecretMode::Hidden] {
            let mut house =
                House::new(&kind, Way::Env, false, SandboxOptions { secret_mode: secrets, ..open() });
            house.run(&["plan"]);
            house.run(&["apply", "--auto-approve"]);
            house.run(&["plan"]);
            // what was remembered is compared
            house.run(&["plan", "--force-hidden"]);
            // nothing of it is wanted any more
            let ids = house.workspace.read("config/all.yaml").replace("from_env", "from_file");
            house.input("config/all.yaml", &ids);
            house.run(&["plan"]);
        }
    }
}

#[test]
fn services_that_refuse_lie_and_break() {
    for kind in kinds() {
        for fault in ["echo", "keep-nothing", "html", "400", "500", "truncate", "401", "409"] {
            let mut house = House::new(&kind, Way::Plain, false, open());
            for format in ["text", "json"] {
                // what is tried again comes through in the end, so that no time is lost
                let times = if fault == "truncate" { 1 } else { 2 };
                for verb in ["PUT", "PATCH", "POST"] {
                    house.fail(&format!("{verb}:{fault}:{times}"));
                }
                let ran = house.run_in(format, &["apply", "--auto-approve"]);
                assert_ne!(ran.code, Some(64), "{}", ran.all());
            }
            house.fail(&format!("GET:{fault}:1"));
            house.run(&["plan"]);
        }
    }
}

#[test]
fn objects_that_move_in_between() {
    for kind in kinds() {
        let mut house = House::new(&kind, Way::Env, false, open());
        for format in ["text", "json"] {
            let moved = live(&mut house.canaries, &kind);
            let objects = moved[&*kind.name].as_array().expect("objects").clone();
            let name = kind.name.to_string();
            let id = kind.id_field().read_from[0].to_string();
            let keys: Vec<String> = kind
                .identity
                .natural_key
                .iter()
                .map(|path| kind.shape.get_field(path[0]).read_from[0].to_string())
                .collect();
            let reaction: Reaction = Box::new(move |sandbox| {
                for moved in &objects {
                    let mut members: Map<String, Json> =
                        moved["object"].as_object().expect("an object").clone();
                    let own = members.remove(&id).expect("an id");
                    keys.iter().for_each(|key| drop(members.remove(key)));
                    let own = own.as_str().map_or_else(|| own.to_string(), str::to_owned);
                    sandbox.edit_object(&name, &own, &members).unwrap_or_else(|why| panic!("{why}"));
                }
            });
            *house.react.lock().expect("no panic") = Some(reaction);
            let ran = house.run_in(format, &["apply", "--auto-approve"]);
            assert!(matches!(ran.code, Some(3 | 4)), "{}\n{}", kind.name, ran.all());
            let sign = if format == "json" { "\"conflicts\"" } else { "changed since the plan" };
            assert!(ran.out.contains(sign), "{}", ran.all());
        }
    }
}

#[test]
fn services_that_repeat_what_they_are_sent() {
    let cries = [
        EchoMode::Complaints,
        EchoMode::Names,
        EchoMode::Plain,
        EchoMode::Broken,
        EchoMode::Html,
        EchoMode::Redirect,
        EchoMode::Headers,
        EchoMode::Success,
        EchoMode::Base64,
        EchoMode::Percent,
    ];
    for kind in kinds() {
        for cry in cries {
            let mut house = House::new(&kind, Way::Plain, false, open());
            let echo_server = EchoServer::new(house.sandbox.addr());
            house.settle(echo_server.addr);
            echo_server.repeat("PUT|PATCH|POST", cry);
            house.run(&["apply", "--auto-approve", "--request-timeout", "5"]);
            echo_server.repeat("GET|POST", cry);
            house.run(&["plan", "--request-timeout", "5"]);
        }
    }
}

#[test]
fn objects_that_are_born_and_die() {
    for kind in kinds() {
        for (way, fault) in
            [(Way::Plain, "echo"), (Way::Env, "reset-after"), (Way::File, "keep-nothing"), (Way::Command, "")]
        {
            let mut house = House::new(&kind, way, false, open());
            let Some(text) = house.unborn(way) else { continue };
            house.input("config/all.yaml", &text);
            house.run(&["plan"]);
            if !fault.is_empty() {
                house.fail(&format!("POST:{fault}:1"));
                house.run(&["apply", "--auto-approve"]);
            }
            let ran = house.run(&["apply", "--auto-approve"]);
            let objects = house.sandbox.dump_state()[&*kind.name].as_array().map_or(0, Vec::len);
            // what shows later cannot be missed at once
            let born = if fault == "keep-nothing" { objects >= 2 } else { objects == 3 };
            assert!(born, "{} {way:?}\n{}", kind.name, ran[0].all());
            house.run(&["plan", "--unmanaged"]);
            // its document goes, and with it the object
            house.input("config/all.yaml", "");
            house.run(&["plan"]);
            house.run(&["plan", "--allow-delete"]);
            house.run(&["apply", "--allow-delete", "--auto-approve"]);
        }
    }
}

#[test]
fn saved_plans() {
    for kind in kinds() {
        let mut house = House::new(&kind, Way::Plain, false, open());
        for key in [true, false] {
            if !key {
                house.workspace.unset("TRUEUP_DIGEST_KEY");
            }
            house.run(&["plan", "--output", "plan.json"]);
            house.run(&["show", "plan.json"]);
            house.run(&["apply", "plan.json"]);
            // no terminal for the prompt
            for command in ["plan", "drift", "apply"] {
                assert_eq!(codes(&house.run(&[command, "--reveal"])), [Some(64); 2]);
            }
        }
        let text = house.workspace.read("config/all.yaml");
        house.input("config/all.yaml", &text.replacen(" \"é", " \"ë", 3));
        house.run(&["apply", "plan.json", "--auto-approve"]);
        house.input("config/all.yaml", &text);
        house.run(&["apply", "plan.json", "--auto-approve"]);
        house.run(&["apply", "plan.json", "--auto-approve"]);
    }
}

#[test]
fn what_is_undone() {
    for kind in kinds() {
        let mut house = House::new(&kind, Way::Plain, false, open());
        house.share_receipts();
        let ran = house.run_in("text", &["apply", "--auto-approve"]);
        assert!(matches!(ran.code, Some(0 | 4)), "{}\n{}", kind.name, ran.all());
        let run = runs(&house).pop().expect("a receipt");
        let shared = house.workspace.scratch().join(format!("shared/{run}.json"));
        assert!(shared.is_file(), "{}", ran.all());
        house.run(&["undo", &run, "--output", "undo.json"]);
        house.run(&["show", "undo.json"]);
        let ran = house.run_in("text", &["undo", &run, "--auto-approve"]);
        assert!(matches!(ran.code, Some(0 | 3 | 4)), "{}\n{}", kind.name, ran.all());
        for run in runs(&house) {
            house.run(&["show", &format!(".trueup/receipts/{run}.json")]);
        }
        // the shared copy serves where the own one is gone, and a changed one is reported
        let own = house.workspace.path(&format!(".trueup/receipts/{run}.json"));
        std::fs::remove_file(own).expect("the receipt");
        house.run(&["undo", &run, "--output", "again.json"]);
        // so it does for who asks what was applied last, where nothing is known of that here
        std::fs::remove_file(house.workspace.path(".trueup/ledger.jsonl")).expect("the ledger");
        house.run(&DRIFT);
        let text = std::fs::read_to_string(&shared).expect("the shared one");
        std::fs::write(&shared, text.replacen("\"run\"", "\"ran\"", 1)).expect("a file");
        let ran = house.run(&["undo", &run, "--auto-approve"]);
        assert_eq!(codes(&ran), [Some(1); 2], "{}", ran[0].all());
    }
}

/// The names of the runs that have receipts.
fn runs(house: &House) -> Vec<String> {
    let receipts = std::fs::read_dir(house.workspace.path(".trueup/receipts")).expect("receipts");
    let name = |path: PathBuf| path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let mut runs: Vec<String> = receipts.filter_map(|entry| name(entry.expect("an entry").path())).collect();
    runs.sort();
    runs
}

#[test]
fn imports() {
    for kind in kinds() {
        let mut house = House::new(&kind, Way::Env, false, open());
        house.input("config/all.yaml", "");
        for flags in [&[][..], &["--all-fields"], &["--single-file"]] {
            let ran = house.run(&[&["import", &kind.name, "--output", "config/new"], flags].concat());
            assert!(ran.iter().all(|ran| ran.code != Some(64)), "{}", ran[0].all());
        }
        house.run(&["import", &kind.name, "no-such-id", "--output", "config/new"]);
        house.fail("GET:echo:2");
        house.run(&["import", &kind.name, "--output", "config/other"]);
    }
}

#[test]
fn imports_of_personal_values_leave_the_secrets_out() {
    for kind in kinds() {
        let mut house = House::new(&kind, Way::Env, false, open());
        house.input("config/all.yaml", "");
        let import = ["import", &kind.name, "--personal", "--output", "config/new"];
        let ran = house.workspace.run(&[&import[..], &LOUD, &["text"]].concat());
        let said = house.canaries.found_in(format!("{}{}", ran.out, ran.err).as_bytes());
        // names of documents are made of the natural key, which was asked for
        let key = |whose: &String| {
            let names = kind.list_natural_key_names();
            whose.ends_with("natural key") || names.iter().any(|name| whose.ends_with(&format!("/{name}")))
        };
        assert!(said.iter().all(key), "{} says {said:?}\n{}", kind.name, ran.all());
        let written = house.written();
        assert!(written.iter().all(|whose| !whose.contains("secret ")), "{} writes {written:?}", kind.name);
        assert!(
            written.iter().any(|whose| whose.starts_with("live ")) || ran.code != Some(0),
            "{}",
            ran.all()
        );
    }
}

#[test]
fn descriptions_held_against_live_objects() {
    for kind in kinds() {
        let mut house = House::new(&kind, Way::Env, false, open());
        let sample = &kind.examples[0];
        let scope: Vec<String> =
            sample.scope.iter().map(|(name, value)| format!("--scope={name}={value}")).collect();
        let scope: Vec<&str> = scope.iter().map(String::as_str).collect();
        let ran = house.run(
            &[&["api", "try", "there", kind.name.split('/').next_back().expect("a name")], &scope[..]]
                .concat(),
        );
        assert!(ran.iter().all(|ran| ran.code != Some(64)), "{}", ran[0].all());
        house.run(&[&["api", "try", "there"], &scope[..]].concat());
        house.run(&["api", "check"]);
        house.run(&["explain", &kind.name]);
        house.run(&["doctor", "-vv"]);
        house.run(&["doctor", "--offline"]);
        house.run(&["plan", "--no-secrets"]);
        assert_eq!(codes(&house.run(&["explain", "plain-secret"])), [Some(0); 2]);
        house.run(&["explain", "plain-secre"]);
        // a file of settings with a fault beside every credential
        let settings = house.workspace.read("trueup.yaml");
        house.input("trueup.yaml", &settings.replace("auth:", "oauth:"));
        house.run(&["doctor"]);
    }
}

#[test]
fn ids_in_documents() {
    for kind in kinds() {
        for way in [Way::Plain, Way::Env, Way::File] {
            let mut house = House::new(&kind, way, false, open());
            let Some(text) = house.unborn(way) else { continue };
            // one that can be edited, and one between braces, which is reported instead
            for (file, text) in [("config/all.yaml", text.clone()), ("config/all.yaml", in_braces(&text))] {
                house.input(file, &text);
                house.run(&["apply", "--auto-approve", "--write-ids"]);
            }
        }
    }
}

/// The same document as JSON.
fn in_braces(document: &str) -> String {
    let document: Json = serde_yaml::from_str(document).expect("a document");
    format!("{document}\n")
}

/// A run that is killed while a service keeps it waiting leaves a journal, and what tells of it later.
#[cfg(unix)]
#[test]
fn journals_of_killed_runs() {
    for kind in kinds() {
        for way in [Way::Plain, Way::Env] {
            let mut house = House::new(&kind, way, false, open());
            for verb in ["POST", "PUT", "PATCH"] {
                house.fail(&format!("{verb}:hang:9"));
            }
            let apply = ["apply", "--auto-approve", "--max-updates=100%", "-vv"];
            let running =
                crate::support::workspace::RunningProgram::start(&mut house.workspace.command(&apply));
            let began = std::time::Instant::now();
            let is_sent = |house: &House| house.sandbox.read_log().iter().any(|entry| entry.method != "GET");
            while !is_sent(&house) && began.elapsed().as_secs() < 30 {
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
            assert!(is_sent(&house), "{} sends something", kind.name);
            running.signal("KILL");
            let ran = running.finish();
            assert!(house.canaries.found_in(format!("{}{}", ran.out, ran.err).as_bytes()).is_empty());
            let journals = std::fs::read_dir(house.workspace.path(".trueup/journal")).expect("a journal");
            assert!(journals.count() > 0);
            let written = house.written();
            assert!(written.is_empty(), "{} leaves {written:#?} in files", kind.name);
            house.run(&["plan"]);
            house.run(&["validate"]);
        }
    }
}

/// What the words of a kind and of someone's OpenAPI document become holds nothing of a workspace.
#[test]
fn words_about_fields_and_drafts() {
    const SERVICE: &str = include_str!("../../openapi/bikes-3.0.yaml");
    for kind in kinds() {
        let mut house = House::new(&kind, Way::Env, false, open());
        for field in &kind.shape.fields {
            let path = format!("{}.{}", kind.name, field.name);
            assert_eq!(codes(&house.run(&["explain", &path])), [Some(0); 2], "{path}");
        }
        house.workspace.write("bikes.yaml", SERVICE);
        let ran = house.run_in("text", &["api", "new", "bikes", "--from-openapi", "bikes.yaml"]);
        assert_eq!(ran.code, Some(0), "{}", ran.all());
        for shell in ["bash", "zsh", "fish"] {
            assert_eq!(codes(&house.run(&["completions", shell])), [Some(0); 2]);
        }
    }
}

#[test]
fn commands_without_a_workspace() {
    let kind = &kinds()[0];
    let mut house = House::new(kind, Way::Env, false, open());
    std::fs::create_dir(house.workspace.path("fresh")).expect("a folder");
    for arguments in [
        &["schema", "--output", "out"][..],
        &["schema", "--check"],
        &["completions", "bash"],
        &["man"],
        &["init"],
        &["init", "-C", "fresh", "--api", "bootview", "--no-check"],
        &["init", "--ci", "github"],
        &["init", "--ci", "gitlab"],
        &["demo"],
        &["help"],
    ] {
        let ran = house.run(arguments);
        assert!(ran.iter().all(|ran| ran.code.is_some()), "{}", arguments.join(" "));
    }
}

#[test]
fn rules_that_speak_of_every_field_and_fail_in_every_way() {
    for kind in kinds() {
        // in clear, so that rules could see most
        let mut house = House::new(&kind, Way::Plain, false, open());
        let text = house.workspace.read("config/all.yaml");
        let first = text.split("---\n").next().expect("a document");
        let document: Json = serde_yaml::from_str(first).expect("a document");
        house.input("policies/all.yaml", &yaml::write_yaml(&rules(&kind, &document)));
        let ran = house.run(&["validate"]);
        assert_eq!(codes(&ran), [Some(0); 2], "{}\n{}", kind.name, ran[0].all());
        assert!(ran[1].out.contains("policy-not-evaluated"), "{}", ran[1].all());
        assert_eq!(codes(&house.run(&["policy", "test"])), [Some(1); 2]);
        house.run(&["plan", "--report", "html=report.html,sarif=report.sarif,markdown=report.md"]);
        house.run_in("text", &["apply", "--auto-approve"]);
        // a file that is broken after its documents
        let broken = house.workspace.read("policies/all.yaml").replace("expect:", "expects:");
        house.input("policies/all.yaml", &broken);
        assert_eq!(codes(&house.run(&["validate"])), [Some(1); 2]);
    }
}

#[test]
fn what_webhooks_are_sent() {
    for kind in kinds() {
        let mut house = House::new(&kind, Way::Env, false, open());
        let listener = crate::support::webhook_listener::WebhookListener::start("200 OK");
        house.workspace.set("HOOK", &listener.url);
        let hooks = ["json", "slack", "teams"]
            .map(|format| format!("  - {{ url: {{ from_env: HOOK }}, format: {format} }}\n"));
        let settings = house.workspace.read("trueup.yaml");
        house.input("trueup.yaml", &format!("{settings}notify:\n{}", hooks.concat()));
        house.run(&["drift"]);
        let ran = house.run_in("text", &["apply", "--auto-approve"]);
        assert_eq!(ran.code, Some(0), "{}\n{}", kind.name, ran.all());
        let messages = listener.messages();
        assert_eq!(messages.len(), 9, "{}", kind.name);
        for message in messages {
            let found = house.canaries.found_in(&message.body);
            assert!(found.is_empty(), "{}: a webhook is told {found:?}", kind.name);
        }
    }
}

/// Rules that ask each field in ways that fail or speak, and a case that expects something else.
fn rules(kind: &Kind, document: &Json) -> Json {
    let mut rules = Map::new();
    let mut add = |code: String, field: &str, expression: String| {
        let rule = json!({ "message": "m", "severity": "warning", "field": field, "require": expression });
        rules.insert(code, rule);
    };
    for (number, field) in kind.shape.fields.iter().enumerate() {
        let name = &field.name;
        add(format!("text-{number}"), name, format!("string(spec['{name}']) == ''"));
        add(format!("more-{number}"), name, format!("spec['{name}'] > 1"));
        add(format!("key-{number}"), name, format!("{{'a': 1}}[spec['{name}']] == 1"));
        add(format!("same-{number}"), name, format!("has(spec.{name}) && spec['{name}'] == ''"));
        add(format!("search-{number}"), name, format!("'a'.matches(spec['{name}'])"));
    }
    add("changes".to_owned(), "none", "changes.all(c, c.after == c.before)".to_owned());
    json!({ "format": 1, "rules": rules, "cases": [{ "name": "n", "document": document, "expect": ["none"] }] })
}
