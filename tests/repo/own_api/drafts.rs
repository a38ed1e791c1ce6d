//! `trueup api new`: drafts from OpenAPI documents pass the check at once, are what they were, and work.

use std::fs;
use std::path::Path;

use serde_json::{Value as Json, json};
use trueup::kind::registry::KindRegistry;
use trueup::sandbox::SandboxOptions;

use super::example::Judge;
use crate::support::own_api_fixture::{OwnApiFixture, body, descriptions};
use crate::support::workspace::Workspace;

const DOCUMENTS: [(&str, &str); 2] = [("bikes", "bikes-3.0.yaml"), ("festival", "festival-3.1.json")];

/// A workspace with a draft in it.
fn drafted(name: &str, document: &str) -> Workspace {
    let workspace = Workspace::new();
    workspace.write(document, &fs::read_to_string(format!("tests/openapi/{document}")).expect("a document"));
    workspace.expect(0, &["api", "new", name, "--from-openapi", document]);
    workspace
}

#[test]
fn drafts_are_what_they_were() {
    let accept = std::env::var_os("TRUEUP_ACCEPT").is_some();
    for (name, document) in DOCUMENTS {
        let workspace = drafted(name, document);
        let golden = Path::new("tests/openapi").join(name);
        for (path, text) in descriptions(workspace.root()) {
            let file = golden.join(Path::new(&path).file_name().expect("a name"));
            if accept {
                fs::create_dir_all(&golden).expect("a folder");
                fs::write(&file, &text).expect("a file");
            }
            let wanted = fs::read_to_string(&file).unwrap_or_default();
            assert_eq!(
                text,
                wanted,
                "{} differs; TRUEUP_ACCEPT=1 cargo test --test repo own_api",
                file.display()
            );
        }
        let files = fs::read_dir(&golden).expect("accepted drafts").count();
        assert_eq!(files, descriptions(workspace.root()).len(), "{name} has no other files");
    }
}

#[test]
fn drafts_pass_check_and_schema() {
    for (name, document) in DOCUMENTS {
        let workspace = drafted(name, document);
        let ran = workspace.expect(0, &["api", "check"]);
        ran.says(&[": valid"]);
        assert!(ran.err.is_empty(), "{}", ran.err);
        let judge = Judge::new(KindRegistry::get_builtin());
        for (path, text) in descriptions(workspace.root()) {
            let schema = if path.ends_with("/api.yaml") { "api.json" } else { "kind.json" };
            judge.check(schema, &path, &text);
        }
    }
}

#[test]
fn nothing_is_overwritten() {
    let workspace = drafted("bikes", "bikes-3.0.yaml");
    workspace.write("apis/bikes/dock.yaml", "mine\n");
    workspace.remove("apis/bikes/station.yaml");
    let ran = workspace.expect(1, &["api", "new", "bikes", "--from-openapi", "bikes-3.0.yaml"]);
    ran.complains(&["file-exists", "`api.yaml`, `dock.yaml`", "nothing is overwritten"]);
    assert_eq!(workspace.read("apis/bikes/dock.yaml"), "mine\n");
    assert!(
        !workspace.path("apis/bikes/station.yaml").exists(),
        "nothing is written unless everything can be"
    );
}

#[test]
fn what_became_no_kind_is_reported() {
    let workspace = Workspace::new();
    workspace.write("b.yaml", &fs::read_to_string("tests/openapi/bikes-3.0.yaml").expect("a document"));
    let ran = workspace.expect(0, &["api", "new", "bikes", "--from-openapi", "b.yaml"]);
    ran.says(&[
        "skipped /rentals: it can only be read",
        "skipped /settings: its GET answers one object, not a list",
    ]);
    ran.says(&[
        "wrote apis/bikes/station.yaml",
        "0 places to decide",
        "places can be more precise; --verbose marks them",
    ]);
    let workspace = Workspace::new();
    workspace.write("b.yaml", &fs::read_to_string("tests/openapi/bikes-3.0.yaml").expect("a document"));
    let arguments =
        ["api", "new", "town", "--from-openapi", "b.yaml", "-o", "elsewhere/town", "--only", "dock"];
    let json = workspace.expect(0, &[&arguments[..], &["--format", "json"]].concat()).json();
    let paths: Vec<&Json> =
        json["files"].as_array().expect("files").iter().map(|file| &file["path"]).collect();
    assert_eq!(paths, [&json!("elsewhere/town/api.yaml"), &json!("elsewhere/town/dock.yaml")]);
}

#[test]
fn decisions_come_first() {
    let workspace = Workspace::new();
    workspace.write("f.json", &fs::read_to_string("tests/openapi/festival-3.1.json").expect("a document"));
    let ran = workspace.expect(0, &["api", "new", "festival", "--from-openapi", "f.json"]);
    let first = ran.out.lines().next().unwrap_or_default();
    assert!(first.starts_with("decide apis/festival/api.yaml:"), "{}", ran.out);
    let json = workspace.run(&["api", "check", "--format", "json"]).json();
    let shown = ran.out.lines().filter(|line| line.starts_with("decide ")).count();
    assert_eq!(json["apis"][0]["undecided"], json!(shown));
    assert!(!workspace.read("apis/festival/stage.yaml").contains("# polish"));
    let arguments = ["-v", "api", "new", "all", "--from-openapi", "f.json"];
    workspace.expect(0, &arguments);
    assert!(workspace.read("apis/all/stage.yaml").contains("# polish: "));
}

#[test]
fn kinds_are_added_to_an_api_that_is_there() {
    let workspace = Workspace::new();
    workspace.write("b.yaml", &fs::read_to_string("tests/openapi/bikes-3.0.yaml").expect("a document"));
    let new =
        |only: &str| ["api", "new", "bikes", "--from-openapi", "b.yaml", "--only", only].map(str::to_owned);
    let run = |only: &str, code: i32| workspace.expect(code, &new(only).each_ref().map(String::as_str));
    run("dock", 0);
    let own = workspace.read("apis/bikes/api.yaml").replace("title: City Bikes", "title: Mine");
    workspace.write("apis/bikes/api.yaml", &own);
    run("station", 0).says(&["kept apis/bikes/api.yaml", "wrote apis/bikes/station.yaml"]);
    assert_eq!(workspace.read("apis/bikes/api.yaml"), own);
    run("station", 1).complains(&["file-exists", "`station.yaml`", "--refresh"]);
}

#[test]
fn a_refresh_adds_what_is_new_and_keeps_decisions() {
    let document = fs::read_to_string("tests/openapi/bikes-3.0.yaml").expect("a document");
    let workspace = drafted("bikes", "bikes-3.0.yaml");
    let mine =
        workspace.read("apis/bikes/dock.yaml").replace("  serialNumber:\n", "  # mine\n  serialNumber:\n");
    workspace.write("apis/bikes/dock.yaml", &mine);
    let grown = document.replace("serialNumber: {", "colour: { type: string }\n        serialNumber: {");
    assert_ne!(grown, document);
    workspace.write("bikes-3.0.yaml", &grown);
    let arguments = ["api", "new", "bikes", "--from-openapi", "bikes-3.0.yaml", "--refresh"];
    let ran = workspace.expect(0, &arguments);
    ran.says(&["refreshed apis/bikes/dock.yaml", "  added: colour", "kept apis/bikes/station.yaml"]);
    let text = workspace.read("apis/bikes/dock.yaml");
    let kept = |line: &&str| mine.lines().any(|own| own == *line);
    assert!(
        text.contains("  # mine\n  serialNumber:\n") && text.contains("  colour:\n    type: string\n"),
        "{text}"
    );
    assert!(mine.lines().all(|line| text.lines().any(|own| own == line)), "no line is lost");
    assert!(text.lines().filter(|line| !kept(line)).count() <= 4, "{text}");
    workspace.expect(0, &["api", "check"]);
    workspace.expect(0, &arguments).says(&["kept apis/bikes/dock.yaml"]);
    workspace.write("bikes-3.0.yaml", &document);
    workspace.expect(0, &arguments).says(&["no longer in the document: colour"]);
}

#[test]
fn a_refresh_knows_the_other_kinds_of_the_api_and_writes_all_files_or_none() {
    let document = fs::read_to_string("tests/openapi/bikes-3.0.yaml").expect("a document");
    let workspace = drafted("bikes", "bikes-3.0.yaml");
    // a reference to another kind
    let dock = workspace.read("apis/bikes/dock.yaml");
    let mine = format!(
        "{}\n  home:\n    type: uuid\n    description: Its station.\n    reference: {{ id: id, source: {{ kind: bikes/station }} }}\n",
        dock.trim_end()
    );
    let mine = match dock.contains("\nexamples:") {
        true => dock.replace("\nexamples:", &format!("{}\nexamples:", &mine[dock.trim_end().len()..])),
        false => mine,
    };
    workspace.write("apis/bikes/dock.yaml", &mine);
    workspace.expect(0, &["api", "check"]);
    workspace.write(
        "bikes-3.0.yaml",
        &document.replace("serialNumber: {", "colour: { type: string }\n        serialNumber: {"),
    );
    let arguments = ["api", "new", "bikes", "--from-openapi", "bikes-3.0.yaml", "--refresh"];
    workspace.expect(0, &arguments).says(&["refreshed apis/bikes/dock.yaml", "  added: colour"]);
    workspace.expect(0, &["api", "check"]);
    let names = fs::read_dir(workspace.path("apis/bikes")).expect("a folder");
    let names = names.map(|entry| entry.expect("an entry").file_name().into_string().expect("a name"));
    assert!(names.into_iter().all(|name| name.ends_with(".yaml")), "no temporary file is left");
}

#[test]
fn a_document_may_be_several_files() {
    let workspace = Workspace::new();
    let document = fs::read_to_string("tests/openapi/bikes-3.0.yaml").expect("a document");
    let (paths, components) = document.split_once("\ncomponents:\n").expect("components");
    let paths = paths.replace("\"#/components/", "\"parts/all.yaml#/components/");
    workspace.write("spec/bikes.yaml", &format!("{paths}\n"));
    workspace.write("spec/parts/all.yaml", &format!("components:\n{components}"));
    workspace.expect(0, &["api", "new", "bikes", "--from-openapi", "spec/bikes.yaml", "--only", "station"]);
    let fields = |text: &str| text.split_once("properties:").expect("fields").1.to_owned();
    let whole = drafted("bikes", "bikes-3.0.yaml").read("apis/bikes/station.yaml");
    assert_eq!(fields(&workspace.read("apis/bikes/station.yaml")), fields(&whole));
    // a file that is not there, and one outside of the folder
    workspace.write("spec/parts/all.yaml", "components: {}\n");
    workspace.write("secret.yaml", &format!("components:\n{components}"));
    let outside = paths.replace("parts/all.yaml", "../secret.yaml");
    workspace.write("spec/bikes.yaml", &outside);
    workspace
        .expect(1, &["api", "new", "outside", "--from-openapi", "spec/bikes.yaml"])
        .complains(&["nothing-to-draft"]);
    workspace.write("spec/bikes.yaml", &paths.replace("parts/all.yaml", "gone.yaml"));
    let ran = workspace.expect(1, &["api", "new", "gone", "--from-openapi", "spec/bikes.yaml"]);
    ran.complains(&["nothing-to-draft", "bundle the document first"]);
}

#[test]
fn a_document_of_swagger_2_may_be_several_files() {
    let schema = "{ type: object, required: [name], properties: { id: { type: integer, readOnly: true }, name: { type: string } } }";
    let item = "get: { parameters: [{ $ref: LIMIT }], responses: { \"200\": { $ref: FOUND } } }\n\
                post: { parameters: [{ $ref: BODY }], responses: { \"201\": { description: x, schema: { $ref: BOAT } } } }\n";
    let one = "put: { parameters: [{ $ref: BODY }], responses: { \"204\": { description: x } } }\n\
               delete: { responses: { \"204\": { description: x } } }\n\
               parameters: [{ in: path, name: id, type: integer, required: true }]\n";
    let parts = |boat: &str| {
        format!(
            "parameters:\n  limit: {{ in: query, name: limit, type: integer, maximum: 50 }}\n  \
             boat: {{ in: body, name: boat, schema: {{ $ref: \"{boat}\" }} }}\n\
             responses:\n  found: {{ description: x, schema: {{ type: array, items: {{ $ref: \"{boat}\" }} }} }}\n"
        )
    };
    let head = "swagger: \"2.0\"\ninfo: { title: Boats, version: \"1\" }\nhost: boats.example\n\
                consumes: [application/json]\nproduces: [application/json]\n";
    let refer = |text: &str, at: &dyn Fn(&str) -> String, boat: &str| {
        let text = text.replace("LIMIT", &at("/parameters/limit")).replace("FOUND", &at("/responses/found"));
        text.replace("BODY", &at("/parameters/boat")).replace("BOAT", &format!("\"{boat}\""))
    };
    let indent = |text: &str| text.lines().map(|line| format!("    {line}\n")).collect::<String>();
    let workspace = Workspace::new();
    let own = |text: &str| indent(&refer(text, &|at| format!("\"#{at}\""), "#/definitions/Boat"));
    let whole = format!(
        "{head}paths:\n  /boats:\n{}  \"/boats/{{id}}\":\n{}{}definitions:\n  Boat: {schema}\n",
        own(item),
        own(one),
        parts("#/definitions/Boat"),
    );
    workspace.write("spec/boats.yaml", &whole);
    let arguments = |name| ["api", "new", name, "--from-openapi", "spec/boats.yaml"];
    workspace.expect(0, &arguments("whole"));
    // the paths, the parameters, the responses and the schemas have files of their own
    let apart = |text: &str| refer(text, &|at| format!("\"../parts.yaml#{at}\""), "../boat.json");
    workspace.write("spec/paths/boats.yaml", &apart(item));
    workspace.write("spec/paths/boat.yaml", &apart(one));
    workspace.write("spec/parts.yaml", &parts("boat.json"));
    let boat = json!({
        "type": "object", "required": ["name"],
        "properties": { "id": { "type": "integer", "readOnly": true }, "name": { "type": "string" } },
    });
    workspace.write("spec/boat.json", &boat.to_string());
    workspace.write(
        "spec/boats.yaml",
        &format!("{head}paths:\n  /boats: {{ $ref: paths/boats.yaml }}\n  \"/boats/{{id}}\": {{ $ref: paths/boat.yaml }}\n"),
    );
    workspace.expect(0, &arguments("apart"));
    let text = |name: &str| workspace.read(&format!("apis/{name}/boat.yaml"));
    assert!(
        text("whole").contains("limit: \"50\"") && text("whole").contains("put: /boats/{id}"),
        "{}",
        text("whole")
    );
    assert_eq!(text("apart"), text("whole"));
    assert_eq!(
        workspace.read("apis/apart/api.yaml").replace("apart", "whole"),
        workspace.read("apis/whole/api.yaml")
    );
}

#[test]
fn wrong_wishes_are_refused() {
    let workspace = Workspace::new();
    workspace.write("b.yaml", &fs::read_to_string("tests/openapi/bikes-3.0.yaml").expect("a document"));
    let refused = |name: &str, more: &[&str], says: &[&str]| {
        let ran = workspace.expect(1, &[&["api", "new", name, "--from-openapi", "b.yaml"], more].concat());
        ran.complains(says);
        assert!(!workspace.path("apis").exists(), "nothing is written");
    };
    refused("Bikes", &[], &["wrong-name"]);
    refused("../bikes", &[], &["wrong-"]);
    refused("bootview", &[], &["taken-name"]);
    refused("bikes", &["-o", "apis/other"], &["wrong-place"]);
    refused("bikes", &["--only", "docks"], &["unknown-kind", "did you mean `dock`?"]);
    let ran = workspace.expect(1, &["api", "new", "x", "--from-openapi", "nowhere.yaml"]);
    ran.complains(&["unreadable-file", "nowhere.yaml"]);
    workspace.expect(64, &["api", "new", "x"]);
}

#[test]
fn a_draft_from_3_0_creates_updates_and_deletes() {
    let workspace = drafted("bikes", "bikes-3.0.yaml");
    workspace.write("config/stations.yaml", STATIONS);
    workspace.write("config/docks.yaml", DOCKS);
    let mut shop = OwnApiFixture::open(workspace, BIKES, SandboxOptions::default());
    shop.workspace.set("ADMIN", "canary-admin");
    let json = shop.workspace.run(&["plan", "--trust-empty", "--format", "json"]).json();
    assert_eq!((&json["summary"]["create"], &json["summary"]["update"]), (&json!(2), &json!(1)), "{json:#}");
    shop.workspace.expect(0, &["apply", "--auto-approve", "--trust-empty"]);
    let ran = shop.workspace.expect(0, &["plan", "--detailed-exitcode"]);
    ran.says(&["No changes"]);
    let patch = shop.writes().into_iter().find(|entry| entry.method == "PATCH").expect("an update");
    let patch = body(&patch);
    let sent: Vec<&String> = patch.as_object().expect("members").keys().collect();
    assert_eq!(sent, ["price", "openingHours", "tags", "labels"]);
    assert_eq!(patch["price"], json!("1.80"), "money stays text");
    assert_eq!(patch["tags"], json!(["covered", "lit"]), "an upsert loses nothing");
    assert_eq!(patch["labels"], json!({ "zone": "1" }), "a merge patch holds what differs");
    let labels: Vec<Json> = shop.objects("bikes/station").iter().map(|one| one["labels"].clone()).collect();
    assert_eq!(labels[0], json!({ "district": "centre", "zone": "1" }), "and loses nothing");
    let codes: Vec<Json> = shop.objects("bikes/station").iter().map(|one| one["code"].clone()).collect();
    assert_eq!(codes, ["CENTRAL", "HARBOUR"]);

    // a PUT of everything: what the document does not name stays
    shop.workspace.write("config/docks.yaml", &DOCKS.replace("kind: plain", "kind: charging"));
    shop.converges();
    let dock = shop.objects("bikes/dock").remove(0);
    assert_eq!((&dock["kind"], &dock["serialNumber"]), (&json!("charging"), &json!("D-1")));
    let put = shop.writes().into_iter().rfind(|entry| entry.method == "PUT").expect("a replacement");
    assert_eq!(body(&put).get("stationId"), None, "what only the service sets is not sent");

    shop.workspace.remove("config/docks.yaml");
    shop.workspace.write(
        "config/stations.yaml",
        &STATIONS.replace("name: harbour\n", "name: harbour\nstate: absent\n"),
    );
    shop.workspace.expect(0, &["apply", "--auto-approve", "--allow-delete"]);
    assert!(shop.objects("bikes/dock").is_empty());
    assert_eq!(shop.objects("bikes/station").len(), 1);
    let ran = shop.workspace.expect(0, &["api", "try", "town", "station"]);
    ran.says(&["the description matches"]);
}

#[test]
fn a_draft_from_3_1_creates_and_updates() {
    let workspace = drafted("festival", "festival-3.1.json");
    workspace.write("config/stages.yaml", STAGES);
    let shop = OwnApiFixture::open(workspace, FESTIVAL, SandboxOptions::default());
    shop.converges();
    let stages = shop.objects("festival/stage");
    let slugs: Vec<&Json> = stages.iter().map(|stage| &stage["slug"]).collect();
    assert_eq!(slugs, [&json!("main"), &json!("tent"), &json!("lake")]);
    let patch = shop.writes().into_iter().find(|entry| entry.method == "PATCH").expect("an update");
    let patch = body(&patch);
    assert_eq!(patch["roof"], Json::Null, "what may be null is cleared with null");
    assert_eq!(patch["sponsor"], json!(9), "what is read whole is written as its id");
    let acts = patch["acts"].as_array().expect("acts");
    assert_eq!(acts.len(), 2, "an act that is not listed stays");
    // the second way to update that the document has
    shop.workspace.write("config/stages.yaml", &STAGES.replace("capacity: 900", "capacity: 950"));
    shop.workspace.expect(0, &["apply", "--auto-approve", "--method", "put"]);
    let put = shop.writes().into_iter().find(|entry| entry.method == "PUT").expect("a replacement");
    assert_eq!(body(&put)["capacity"], json!(950));
    assert_eq!(body(&put)["title"], json!("The tent"));
    shop.workspace.expect(0, &["plan", "--detailed-exitcode"]);
}

const BIKES: &str = "\
targets:
  town:
    api: bikes
    base_url: URL
    auth: { bearer: { from_env: KEY }, headers: { X-Bikes-Key: { from_env: KEY } } }
    personal: write
";

const STATIONS: &str = "\
kind: bikes/station
name: central
spec:
  code: CENTRAL
  price: 1.80
  openingHours:
    - { day: mon, from: \"05:30\", until: \"22:00\" }
    - { day: sun, from: \"08:00\" }
  tags: [lit]
  labels: { zone: \"1\" }
---
kind: bikes/station
name: harbour
spec:
  code: HARBOUR
  name: Harbour
  adminPassword: { from_env: ADMIN }
  contactEmail: harbour@citybikes.example
  address: { street: Quay 1, city: Basel }
";

const DOCKS: &str = "\
kind: bikes/dock
name: first
scope: { id: 0f5d2c1e-8a44-4e0b-9d7e-3c2b1a000001 }
spec:
  kind: plain
  serialNumber: D-1
";

const FESTIVAL: &str = "\
targets:
  fields: { api: festival, base_url: \"URL\", auth: { bearer: { from_env: KEY } } }
";

const STAGES: &str = "\
kind: festival/stage
name: tent
spec:
  slug: tent
  capacity: 900
  roof: null
  sponsor: 9
  acts: [{ name: Closing, minutes: 45, fee: 1200.50 }]
---
kind: festival/stage
name: lake
spec:
  slug: lake
  title: By the lake
  colour: red
  anything: { depth: [1, two] }
";
