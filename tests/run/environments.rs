//! One set of documents and two environments, each with a sandbox of its own: only the selected one is read and
//! written, every line names its environment, and a change of one level concerns exactly the objects that it reaches.

use std::path::Path;
use std::process::Command;

use trueup::sandbox::{RunningSandbox, SandboxLauncher, SandboxOptions};

use crate::support::own_api_fixture::{descriptions, kinds};
use crate::support::workspace::Workspace;

const API: &str = "format: 1\ntitle: Depot\ndescription: Items.\nformats: [json]\nauth: [bearer]\n";
const ITEM: &str = "\
format: 1
title: Item
description: An item of the depot.
identity: { id: id, natural_key: [code] }
operations:
  list: { get: /items, items: items }
  create: { post: /items, response: object }
  update: { patch: '/items/{id}', body: changes, nested_fields: { granularity: whole } }
properties:
  id: { type: integer, description: The id., read_only: true }
  code: { type: string, description: The code., required: true }
  label: { type: string, description: The label. }
  price: { type: decimal, description: The price. }
  contact: { type: string, description: Whom to ask., sensitivity: personal }
  mails: { type: array, description: Addresses., sensitivity: personal, list_type: set, unlisted_items: delete, items: { type: string } }
  logins:
    type: array
    description: Accounts.
    list_type: map
    unlisted_items: delete
    list_keys: [[user]]
    items:
      type: object
      properties:
        user: { type: string, description: The name. }
        password: { type: string, description: The password., sensitivity: secret, when_absent: hidden }
";
const SETTINGS: &str = "\
environments: { staging: {}, production: { after: staging } }
values: { price: { type: decimal, default: 2.5 } }
targets:
  s: { api: depot, environment: staging, base_url: 'STAGING', auth: { bearer: { from_env: T } } }
  p: { api: depot, environment: production, base_url: 'PRODUCTION', auth: { bearer: { from_env: T } } }
";
const ITEMS: &str = "\
kind: depot/item
extends: [usual]
objects:
  anvil: { spec: { code: A } }
  bolt: { spec: { code: B, price: 1 } }
";

pub struct Depot {
    pub workspace: Workspace,
    pub staging: RunningSandbox,
    pub production: RunningSandbox,
}

impl Depot {
    pub fn new() -> Self {
        let mut workspace = Workspace::new();
        workspace.write("apis/depot/api.yaml", API);
        workspace.write("apis/depot/item.yaml", ITEM);
        let start = || {
            let options = SandboxOptions { seed: Some(7), ..SandboxOptions::default() };
            SandboxLauncher::start_server(kinds(descriptions(workspace.root())), options).expect("a sandbox")
        };
        let (staging, production) = (start(), start());
        let settings = SETTINGS.replace("STAGING", &staging.base_url("depot"));
        workspace.write("trueup.yaml", &settings.replace("PRODUCTION", &production.base_url("depot")));
        workspace.write("values/production.yaml", "price: 5\n");
        workspace
            .write("bases/usual.yaml", "base: usual\nkind: depot/item\nspec: { price: { value: price } }\n");
        workspace.write("config/items.yaml", ITEMS);
        workspace.write(
            "config/production.yaml",
            "overlay: production\nkind: depot/item\nname: bolt\nspec: { label: Bolt }\n",
        );
        workspace.set("T", "any");
        Self { workspace, staging, production }
    }

    /// How many objects each environment has.
    pub fn count(&self) -> [usize; 2] {
        let count = |sandbox: &RunningSandbox| {
            let dump = sandbox.dump_state();
            dump["depot/item"].as_array().map_or(0, Vec::len)
        };
        [count(&self.staging), count(&self.production)]
    }
}

pub fn git(folder: &Path, arguments: &[&str]) {
    let mut command = Command::new("git");
    command.current_dir(folder).args(["-c", "user.name=t", "-c", "user.email=t@example.com"]);
    let ran = command.args(arguments).output().expect("git");
    assert!(ran.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&ran.stderr));
}

#[test]
fn only_the_selected_environment_is_read_and_written() {
    let depot = Depot::new();
    let created = depot.count()[0];
    let own = &depot.workspace;
    own.expect(0, &["validate"]).says(&["4 documents"]);
    let empty = ["--trust-empty", "--auto-approve"];
    let ran = own.expect(0, &[&["apply", "--env", "staging"], &empty[..]].concat());
    assert!(!ran.all().contains("environment-order"), "{}", ran.all());
    assert_eq!(depot.count(), [created + 2, created]);
    own.expect(0, &["plan", "--env", "staging", "--detailed-exitcode"]);
    let planned = own.expect(2, &["plan", "--detailed-exitcode", "--trust-empty"]);
    planned.says(&["environment production, target p, config/items.yaml:4", "(values/production.yaml:1)"]);
    assert!(!planned.out.contains("environment staging, target s"));
    let json = own.expect(2, &["plan", "--format", "json", "--detailed-exitcode", "--trust-empty"]).json();
    let bolt = &json["changes"][1];
    assert_eq!(bolt["environment"], "production");
    let label =
        bolt["fields"].as_array().expect("fields").iter().find(|own| own["path"] == "/label").expect("label");
    assert_eq!((&label["file"], &label["line"]), (&"config/production.yaml".into(), &4.into()));
    let ran = own.expect(3, &[&["apply"], &empty[..]].concat());
    ran.complains(&["environment-order", "trueup.yaml:1", "`production` comes after `staging`"]);
    own.expect(0, &[&["apply", "--allow-unverified"], &empty[..]].concat());
    own.expect(0, &["plan", "--detailed-exitcode"]).says(&["No changes"]);
    own.expect(1, &["plan", "--env", "prodution"]).complains(&["did you mean `production`?"]);
}

#[test]
fn a_saved_plan_is_applied_to_the_selected_environment_only() {
    let depot = Depot::new();
    let own = &depot.workspace;
    let planned = own.expect(0, &["plan", "--trust-empty", "-o", "plan.json", "--env", "staging,production"]);
    planned.says(&["Selection: --env staging --env production"]);
    own.expect(1, &["apply", "plan.json", "--env", "stagin", "--auto-approve", "--trust-empty"])
        .complains(&["did you mean `staging`?"]);
    own.expect(0, &["apply", "plan.json", "--env", "staging", "--auto-approve", "--trust-empty"]);
    let writes = |sandbox: &RunningSandbox| sandbox.read_log().iter().any(|entry| entry.method != "GET");
    assert!(writes(&depot.staging) && !writes(&depot.production));
    let json = own.expect(0, &["plan", "--env", "staging", "--format", "json"]).json();
    assert_eq!(json["selection"]["environments"], serde_json::json!(["staging"]));
    assert_eq!(json["complete"], false);
}

#[test]
fn an_environment_without_its_values_and_an_object_without_an_environment_are_errors() {
    let depot = Depot::new();
    let own = &depot.workspace;
    own.write("values/live.yaml", "price: 7\n");
    own.expect(1, &["validate"]).complains(&[
        "unused-values-file",
        "values/live.yaml",
        "`values/production.yaml`",
    ]);
    own.remove("values/live.yaml");
    own.write(
        "config/lost.yaml",
        "kind: depot/item\nname: lost\ntarget: p\nenvironments: [staging]\nspec: { code: L }\n",
    );
    own.expect(1, &["validate"]).complains(&["no-environment", "config/lost.yaml:2"]);
}

#[test]
fn a_required_field_that_no_level_sets_is_refused() {
    let depot = Depot::new();
    let own = &depot.workspace;
    let required = "price: { type: decimal, description: The price., required: true }";
    own.write(
        "apis/depot/item.yaml",
        &ITEM.replace("price: { type: decimal, description: The price. }", required),
    );
    own.write("bases/usual.yaml", "# shared\nbase: usual\nkind: depot/item\nspec: { label: Usual }\n");
    let settings = own.read("trueup.yaml");
    let values = "values: { price: { type: decimal, default: 2.5 } }\n";
    own.write("trueup.yaml", &settings.replace(values, ""));
    own.remove("values/production.yaml");
    let ran = own
        .expect(0, &["plan", "--env", "production", "--name", "bolt", "--trust-empty=1", "--format", "json"]);
    assert_eq!(ran.json()["summary"]["create"], 1, "the document sets it");
    own.write("config/items.yaml", &ITEMS.replace(", price: 1", ""));
    let ran = own.run(&["plan", "--env", "production", "--name", "bolt", "--trust-empty=1"]);
    for said in ["missing-field", "a new object needs `price`", "config/items.yaml:5"] {
        assert!(ran.all().contains(said), "{said}\n{}", ran.all());
    }
}

#[test]
fn an_edit_that_is_refused_shows_no_sensitive_value() {
    const CANARY: &str = "canary-4410";
    let depot = Depot::new();
    let own = &depot.workspace;
    let overlay = "overlay: production\nkind: depot/item\nname: bolt\nspec:\n";
    for below in ["", "  mails: [a@b.example]\n  logins: [{ user: ann, password: { from_env: T } }]\n"] {
        let item = "kind: depot/item\nname: bolt\nspec:\n  code: B\n";
        own.write("config/items.yaml", &format!("{item}{below}"));
        for edit in [
            format!("  logins: {{ change: [{{ user: bob, password: {CANARY} }}] }}\n"),
            format!("  logins:\n    remove:\n      - password: {CANARY}\n        user: bob\n"),
            format!("  logins: {{ remove: [{{ user: ann, password: {CANARY} }}] }}\n"),
            format!("  logins: {{ change: [{{ user: ann, pasword: {CANARY} }}] }}\n"),
            format!("  mails: {{ remove: [{CANARY}@b.example] }}\n"),
            format!("  mails: {{ change: [{CANARY}] }}\n"),
        ] {
            own.write("config/production.yaml", &format!("{overlay}{edit}"));
            for arguments in [&["validate"][..], &["render"], &["plan", "--format", "json"]] {
                let ran = own.expect(1, arguments);
                assert!(!ran.all().contains(CANARY), "{edit}{}", ran.all());
            }
        }
    }
}

#[test]
fn why_names_each_level_and_the_live_value() {
    let depot = Depot::new();
    let own = &depot.workspace;
    let why = own.expect(0, &["why", "anvil.price", "--env", "production", "--offline"]);
    why.says(&[
        "  price  base usual         bases/usual.yaml:3:16       { value: price }\n",
        "> price  values production  values/production.yaml:1:8  5\n",
    ]);
    let anyway = ["--trust-empty", "--auto-approve", "--allow-unverified"];
    own.expect(0, &[&["apply", "--env", "production"], &anyway[..]].concat());
    own.expect(0, &["why", "depot/item/anvil.price", "--env", "production"]).says(&["live: no difference"]);
    own.write("values/production.yaml", "price: 6\n");
    own.expect(0, &["why", "anvil.price", "--env", "production"]).says(&["live:", "5", "6"]);
    own.expect(1, &["why", "anvl.price"]).complains(&["unknown-object"]);
    let unknown = own.expect(1, &["why", "anvil.prise", "--offline"]);
    unknown.complains(&["unknown-field", "`prise` is no field of depot/item", "did you mean `price`?"]);
}

#[test]
fn results_name_the_environment_in_every_form() {
    let depot = Depot::new();
    let own = &depot.workspace;
    let both = own.expect(0, &["plan", "--trust-empty", "--report", "markdown=plan.md"]);
    both.says(&["anvil (staging), anvil (production), bolt (staging), bolt (production)"]);
    assert!(
        own.read("plan.md").contains("`anvil (staging)`, `anvil (production)`"),
        "{}",
        own.read("plan.md")
    );
    let apply = ["apply", "--env", "staging", "--trust-empty", "--auto-approve"];
    let reports = ["--report", "junit=results.xml,sarif=results.sarif", "--report", "markdown=results.md"];
    let ran = own.expect(0, &[&apply[..], &reports].concat());
    ran.says(&["anvil  s in staging", "bolt   s in staging"]);
    assert!(own.read("results.xml").contains("anvil at s in staging"), "{}", own.read("results.xml"));
    own.write("config/items.yaml", &ITEMS.replace("price: 1", "price: 3"));
    let results = own.expect(0, &[&apply[..], &["--format", "json"]].concat()).json();
    assert_eq!(results["results"][1]["environment"], "staging", "{results}");
    let receipts = std::fs::read_dir(own.path(".trueup/receipts")).expect("receipts");
    let mut receipts: Vec<_> = receipts.map(|entry| entry.expect("an entry").path()).collect();
    receipts.sort();
    let last = receipts.last().expect("a receipt").to_string_lossy().into_owned();
    own.expect(0, &["show", &last]).says(&["bolt  s in staging"]);
    let undone = own.expect(0, &["undo", &last, "--auto-approve", "--format", "json"]).json();
    let named = undone["results"].as_array().expect("results").iter().find(|own| own["name"] == "bolt");
    assert_eq!(named.expect("the bolt")["environment"], "staging", "{undone}");
}

#[test]
fn a_change_of_a_level_concerns_the_objects_that_it_reaches() {
    let depot = Depot::new();
    let own = &depot.workspace;
    own.expect(0, &["apply", "--trust-empty", "--auto-approve", "--allow-unverified"]);
    own.write(".gitignore", ".trueup/\n");
    git(own.root(), &["init", "-q", "-b", "main"]);
    git(own.root(), &["add", "-A"]);
    git(own.root(), &["commit", "-q", "-m", "all"]);
    git(own.root(), &["checkout", "-q", "-b", "edit"]);
    let names = |arguments: &[&str]| -> Vec<String> {
        let json = own.expect(0, &[arguments, &["--format", "json"]].concat()).json();
        let changes = json["changes"].as_array().expect("changes").clone();
        let name =
            |change: &serde_json::Value| format!("{}/{}", change["target"], change["name"]).replace('"', "");
        changes.iter().map(name).collect()
    };
    own.write(
        "bases/usual.yaml",
        "base: usual\nkind: depot/item\nspec: { price: { value: price }, label: Any }\n",
    );
    assert_eq!(names(&["plan", "--since", "main"]), ["s/anvil", "p/anvil", "s/bolt"]);
    let json = own.expect(0, &["plan", "--base", "main", "--format", "json"]).json();
    assert_eq!(json["changes"][0]["fields"][0]["causes"], serde_json::json!(["this_branch"]));
    own.write("bases/usual.yaml", "base: usual\nkind: depot/item\nspec: { price: { value: price } }\n");
    own.write("values/production.yaml", "price: 7\n");
    assert_eq!(names(&["plan", "--since", "main"]), ["p/anvil"]);
    own.write(
        "config/production.yaml",
        "overlay: production\nkind: depot/item\nname: bolt\nspec: { label: Bolts }\n",
    );
    assert_eq!(names(&["plan", "--since", "main"]), ["p/anvil", "p/bolt"]);
}

#[test]
fn a_render_shows_no_personal_value_unless_asked() {
    let depot = Depot::new();
    let own = &depot.workspace;
    own.write(
        "config/c.yaml",
        "kind: depot/item\nname: c\nenvironments: [staging]\nspec: { code: C, contact: Ann Example }\n",
    );
    let shown = own.expect(0, &["render", "config/c.yaml"]);
    shown.says(&["# contact: personal, not shown"]);
    assert!(!shown.all().contains("Ann"));
    own.expect(0, &["render", "config/c.yaml", "--personal"]).says(&["contact: Ann Example"]);
    let json = own.expect(0, &["render", "config/c.yaml", "--format", "json", "--origins"]);
    assert!(!json.all().contains("Ann"));
    assert_eq!(json.json()["documents"][0]["origins"]["/code"]["level"], "document");
    assert!(!own.expect(0, &["why", "c.contact", "--offline"]).all().contains("Ann"));
}

#[test]
fn why_keeps_objects_of_one_name_apart() {
    let depot = Depot::new();
    let own = &depot.workspace;
    let item = |environment: &str, label: &str| {
        format!(
            "kind: depot/item\nname: crane\nenvironments: [{environment}]\nspec: {{ code: C, label: {label} }}\n"
        )
    };
    own.write("config/crane.yaml", &[item("staging", "first"), item("production", "second")].join("---\n"));
    for (environment, line, label) in [("staging", 4, "first"), ("production", 9, "second")] {
        let arguments = ["why", "crane.label", "--offline", "--env", environment, "--format", "json"];
        let json = own.expect(0, &arguments).json();
        let levels = &json["objects"][0]["levels"];
        let expected = serde_json::json!([{ "path": "label", "level": "document", "file": "config/crane.yaml",
            "line": line, "column": 25, "text": label, "unset": false, "decides": true }]);
        assert_eq!(levels, &expected, "{environment}");
    }
    // of several kinds, the kind has to be named
    own.write(
        "apis/depot/crate.yaml",
        &ITEM.replace("/items", "/crates").replace("title: Item", "title: Crate"),
    );
    own.write("config/crate.yaml", "kind: depot/crate\nname: crane\nspec: { code: C, label: third }\n");
    let ambiguous = own.expect(1, &["why", "crane.label", "--offline"]);
    ambiguous.complains(&["ambiguous-name", "`depot/crate/crane` or `depot/item/crane`"]);
    let chosen = own.expect(0, &["why", "depot/crate/crane.label", "--offline"]);
    chosen.says(&["depot/crate crane", "third"]);
    assert!(!chosen.out.contains("first"), "{}", chosen.out);
}
