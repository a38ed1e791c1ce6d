//! A workspace with two environments, each with a sandbox.

use serde_json::{Map, Value as Json};
use trueup::sandbox::{RunningSandbox, SandboxLauncher, SandboxOptions};

use crate::support::own_api_fixture::{descriptions, kinds};
use crate::support::workspace::{ProgramOutput, Workspace};

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
  note: { type: string, description: A note. }
  price: { type: decimal, description: The price. }
  stock: { type: integer, description: How many there are. }
  contact: { type: string, description: Whom to ask., sensitivity: personal }
  token: { type: string, description: A token., sensitivity: secret }
  size: { type: object, description: The size., properties: { width: { type: integer, description: The width. }, height: { type: integer, description: The height. } } }
  tags: { type: array, description: Tags., list_type: set, unlisted_items: delete, items: { type: string } }
  steps: { type: array, description: Steps in order., list_type: atomic, unlisted_items: delete, items: { type: string } }
  hints: { type: map, description: Hints for the staff., items: { type: string }, unlisted_items: delete, sensitivity: internal }
  labels: { type: map, description: Labels., items: { type: string }, unlisted_items: delete }
  fees:
    type: array
    description: Fees.
    list_type: map
    unlisted_items: delete
    list_keys: [[sort]]
    items:
      type: object
      properties:
        sort: { type: string, description: The sort. }
        amount: { type: decimal, description: The amount. }
        text: { type: string, description: The text. }
";
const PART: &str = "\
format: 1
title: Part
description: A part of a shop.
identity: { id: id, natural_key: [code] }
scope: { shop: { type: string, in: path, description: The shop. } }
operations:
  list: { get: '/shops/{shop}/parts', items: parts }
  create: { post: '/shops/{shop}/parts', response: object }
properties:
  id: { type: integer, description: The id., read_only: true }
  code: { type: string, description: The code., required: true }
";
const SETTINGS: &str = "\
environments: { staging: {}, production: {} }
values: { price: { type: decimal, default: 2.5 } }
targets:
  s: { api: depot, environment: staging, base_url: 'STAGING', auth: { bearer: { from_env: T } }, personal: write }
  p: { api: depot, environment: production, base_url: 'PRODUCTION', auth: { bearer: { from_env: T } }, personal: write }
";

/// Two environments of one workspace.
pub struct Depot {
    pub workspace: Workspace,
    pub staging: RunningSandbox,
    pub production: RunningSandbox,
}

impl Depot {
    /// A workspace with these files beside its settings, applied to both environments.
    pub fn new(files: &[(&str, &str)]) -> Self {
        Self::with_values("", files)
    }

    /// The same with more values in the settings.
    pub fn with_values(values: &str, files: &[(&str, &str)]) -> Self {
        let mut workspace = Workspace::new();
        workspace.write("apis/depot/api.yaml", API);
        workspace.write("apis/depot/item.yaml", ITEM);
        workspace.write("apis/depot/part.yaml", PART);
        let start = || {
            let options = SandboxOptions { seed: Some(7), ..SandboxOptions::default() };
            SandboxLauncher::start_server(kinds(descriptions(workspace.root())), options).expect("a sandbox")
        };
        let (staging, production) = (start(), start());
        let settings = SETTINGS.replace("STAGING", &staging.base_url("depot"));
        let settings = settings.replace("default: 2.5 }", &format!("default: 2.5 }}, {values}"));
        workspace.write("trueup.yaml", &settings.replace("PRODUCTION", &production.base_url("depot")));
        for (name, text) in files {
            workspace.write(name, text);
        }
        workspace.set("T", "any");
        workspace.set("TOKEN", "secret-token-1");
        let depot = Self { workspace, staging, production };
        depot.apply();
        depot
    }

    /// Applies everything.
    pub fn apply(&self) {
        self.workspace.expect(0, &["apply", "--trust-empty", "--auto-approve", "--max-updates", "100%"]);
    }

    /// Changes members of a live object by hand.
    pub fn edit(&self, sandbox: &RunningSandbox, code: &str, members: Json) {
        let dump = sandbox.dump_state();
        let own = dump["depot/item"].as_array().expect("objects");
        let object = own.iter().find(|own| own["object"]["code"] == code).expect("an object");
        let members: Map<String, Json> = serde_json::from_value(members).expect("members");
        let id = object["object"]["id"].to_string();
        sandbox.edit_object("depot/item", &id, &members).unwrap_or_else(|why| panic!("{why}"));
    }

    /// What an environment renders.
    pub fn render(&self, environment: &str) -> String {
        self.workspace.expect(0, &["render", "--personal", "--env", environment]).out
    }

    /// Runs `accept` in production and expects this exit code; staging renders as before.
    pub fn accept(&self, code: i32, arguments: &[&str]) -> ProgramOutput {
        let count = |sandbox: &RunningSandbox| {
            sandbox.read_log().iter().filter(|entry| entry.method != "GET").count()
        };
        let (staging, written) = (self.render("staging"), [count(&self.staging), count(&self.production)]);
        let ran = self.workspace.expect(code, &[&["accept", "--env", "production"], arguments].concat());
        assert_eq!(self.render("staging"), staging, "{}", ran.all());
        assert_eq!([count(&self.staging), count(&self.production)], written, "it writes files alone");
        ran
    }

    /// That nothing is planned in an environment.
    pub fn expect_in_sync(&self, environment: &str) {
        self.workspace.expect(0, &["plan", "--env", environment, "--detailed-exitcode"]);
    }
}
