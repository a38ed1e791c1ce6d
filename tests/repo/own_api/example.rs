//! `examples/own-api`, as it stands in the repository.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use boon::{Compiler, Schemas};
use serde_json::{Value as Json, json};
use trueup::kind::registry::KindRegistry;
use trueup::kind::schema::WorkspaceNames;
use trueup::sandbox::SandboxOptions;

use crate::support::own_api_fixture::{OwnApiFixture, body, descriptions};
use crate::support::workspace::Workspace;

const EXAMPLE: &str = "examples/own-api";

fn workspace() -> Workspace {
    let mut workspace = Workspace::new();
    for entry in walkdir::WalkDir::new(EXAMPLE) {
        let entry = entry.expect("a readable folder");
        if entry.file_type().is_file() {
            let below = entry.path().strip_prefix(EXAMPLE).expect("below").to_string_lossy().into_owned();
            workspace.write(&below, &fs::read_to_string(entry.path()).expect("a text"));
        }
    }
    workspace.set("PARKING_KEY", "any");
    workspace.set("RIVER_MACHINE_KEY", "canary-m-3");
    workspace
}

fn open() -> OwnApiFixture {
    let workspace = workspace();
    let settings = workspace.read("trueup.yaml").replace("http://127.0.0.1:8080/parking", "URL");
    OwnApiFixture::open(workspace, &settings, SandboxOptions::default())
}

#[test]
fn the_fifth_service_goes_from_check_to_delete() {
    let shop = open();
    let workspace = &shop.workspace;
    workspace.expect(0, &["api", "check"]).says(&["parking/zone", "parking/permit", "1 API, 2 kinds: valid"]);
    workspace.expect(0, &["schema"]);
    workspace.expect(0, &["schema", "--check"]);
    workspace.expect(0, &["validate"]).says(&["4 documents in 2 files: valid"]);
    let stranger = json!({ "paidBy": { "kept": [1, "2", null] } });
    shop.sandbox
        .edit_object("parking/permit", "40017", stranger.as_object().expect("members"))
        .expect("an edit");

    let ran = workspace.expect(2, &["plan", "--detailed-exitcode", "--format", "json"]);
    assert_eq!(ran.json()["summary"]["create"], json!(2));
    assert_eq!(ran.json()["summary"]["update"], json!(2));
    assert!(shop.writes().is_empty(), "a plan writes nothing");
    shop.converges();
    the_writes_are_the_smallest(&shop);

    // what is to go goes, and what is protected stays
    let zones = workspace.read("config/zones.yaml");
    let gone = zones.replace("name: river\nspec:", "name: river\nstate: absent\nspec:");
    assert_ne!(zones, gone);
    workspace.write("config/zones.yaml", &gone);
    workspace.remove("config/permits.yaml");
    workspace.expect(0, &["apply", "--auto-approve", "--allow-delete"]);
    let codes: Vec<Json> = shop.objects("parking/zone").iter().map(|zone| zone["code"].clone()).collect();
    assert_eq!(codes, ["ALT-1", "BHF"]);
    assert!(shop.objects("parking/permit").is_empty(), "their documents are gone");
    for (path, bytes) in workspace.files() {
        let leaks = bytes.windows(10).any(|part| part == b"canary-m-3");
        assert!(!leaks, "{} holds a secret", path.display());
    }
}

/// The PATCH holds what differs, the PUT everything, with what no one describes.
fn the_writes_are_the_smallest(shop: &OwnApiFixture) {
    let writes = shop.writes();
    let of = |verb: &str| body(writes.iter().find(|entry| entry.method == verb).expect("such a write"));
    let patch = of("PATCH");
    let sent: Vec<&String> = patch.as_object().expect("members").keys().collect();
    assert_eq!(sent, ["name", "tariffs", "payment"]);
    let put = of("PUT");
    let live = shop.objects("parking/permit").into_iter().find(|one| one["number"] == 40017).expect("one");
    assert_eq!(put["fee"], json!(290));
    assert_eq!(put["paidBy"], json!({ "kept": [1, "2", null] }));
    for member in ["plate", "holder", "validFrom", "validUntil", "card"] {
        assert_eq!(put[member], live[member], "{member} travels along");
    }
    assert_eq!(put.get("number"), None, "the id stands in the path");
    assert_eq!(writes.len(), 4, "each object is written once");
}

#[test]
fn the_real_sandbox_serves_it_too() {
    let workspace = workspace();
    let mut command = workspace.command(&["sandbox", "--port", "0"]);
    let mut child = command.spawn().expect("the program starts");
    let url = first_url(&mut child, "parking");
    workspace
        .write("trueup.yaml", &workspace.read("trueup.yaml").replace("http://127.0.0.1:8080/parking", &url));
    let applied = workspace.run(&["apply", "--auto-approve"]);
    let tried = workspace.run(&["api", "try", "town", "zone"]);
    child.kill().expect("a sandbox to end");
    child.wait().expect("an end");
    assert_eq!(applied.code, Some(0), "{}", applied.all());
    applied.says(&["4 done"]);
    assert_eq!(tried.code, Some(0), "{}", tried.all());
    tried.says(&["3 objects checked, the description matches"]);
}

/// The URL that the sandbox prints beside the name of an API.
fn first_url(child: &mut std::process::Child, api: &str) -> String {
    use std::io::BufRead;
    let out = std::io::BufReader::new(child.stdout.take().expect("a piped stdout"));
    let line = out.lines().map_while(Result::ok).find(|line| line.trim_start().starts_with(api));
    let line = line.unwrap_or_else(|| panic!("no address of {api}"));
    line.split_whitespace().nth(1).expect("an address").to_owned()
}

#[test]
fn descriptions_and_documents_pass_the_schemas() {
    let mut faults = Vec::new();
    let own = descriptions(Path::new(EXAMPLE));
    let registry = KindRegistry::with_workspace(own.clone(), &mut faults);
    assert!(faults.is_empty(), "{:?}", faults.iter().map(|fault| &fault.message).collect::<Vec<_>>());
    let judge = Judge::new(&registry);
    for (path, text) in own {
        let schema = if path.ends_with("/api.yaml") { "api.json" } else { "kind.json" };
        judge.check(schema, &path, &text);
    }
    for name in ["zones.yaml", "permits.yaml"] {
        let text = fs::read_to_string(format!("{EXAMPLE}/config/{name}")).expect("a text");
        for document in text.split("\n---\n") {
            judge.check("document.json", name, document);
        }
    }
    let settings = fs::read_to_string(format!("{EXAMPLE}/trueup.yaml")).expect("a text");
    judge.check("trueup.json", "trueup.yaml", &settings);
}

/// All schemas that belong to a registry.
pub struct Judge {
    schemas: Schemas,
    by_name: BTreeMap<String, boon::SchemaIndex>,
}

impl Judge {
    pub fn new(registry: &KindRegistry) -> Self {
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        let url = |name: &str| format!("https://schemas.example/{name}");
        let files = trueup::cli::schema::build_schemas(registry, &WorkspaceNames::default());
        for (name, text) in &files {
            let schema: Json = serde_json::from_str(text).expect("JSON");
            compiler.add_resource(&url(name), schema).expect("a resource");
        }
        let compile = |(name, _): (String, String)| {
            let index =
                compiler.compile(&url(&name), &mut schemas).unwrap_or_else(|error| panic!("{error:#}"));
            (name, index)
        };
        Self { by_name: files.into_iter().map(compile).collect(), schemas }
    }

    /// Holds a YAML text against a schema.
    pub fn check(&self, schema: &str, name: &str, text: &str) {
        let value: Json = serde_yaml::from_str(text).unwrap_or_else(|error| panic!("{name}: {error}"));
        let index = self.by_name.get(schema).unwrap_or_else(|| panic!("there is no {schema}"));
        self.schemas.validate(&value, *index).unwrap_or_else(|error| panic!("{name}: {error:#}"));
    }
}

#[test]
fn the_readme_tells_what_works() {
    let readme = fs::read_to_string(format!("{EXAMPLE}/README.md")).expect("a readme");
    let shop = open();
    let commands = readme.lines().filter_map(|line| line.strip_prefix("trueup "));
    let mut run = 0;
    for command in commands.map(|line| line.split('#').next().unwrap_or(line).trim()) {
        let mut words: Vec<&str> = command.split_whitespace().collect();
        match words.first() {
            Some(&"sandbox") => continue,
            Some(&"apply") => words.push("--auto-approve"),
            _ => {}
        }
        run += 1;
        shop.workspace.expect(0, &words);
    }
    assert!(run >= 6, "the commands were found");
}
