//! The examples with environments: `examples/gitops-repo`, whose renders equal the copies that it replaced, and
//! `examples/forty-gateways`, with one exception of each sort.

use std::fs;
use std::path::Path;

use serde_json::{Value as Json, json};
use trueup::kind::registry::KindRegistry;
use trueup::sandbox::{RunningSandbox, SandboxLauncher, SandboxOptions};

use crate::support::workspace::Workspace;

/// A service with its examples.
fn sandbox() -> RunningSandbox {
    let kind = KindRegistry::get_builtin().find_kind("bootview/payment-gateway").expect("a kind");
    let options = SandboxOptions { seed: Some(1), ..SandboxOptions::default() };
    SandboxLauncher::start_server(vec![kind], options).expect("a sandbox")
}

const ENVIRONMENTS: [&str; 2] = ["staging", "production"];

/// An example in a folder of its own, with a sandbox for each environment.
struct Example {
    workspace: Workspace,
    _sandboxes: [RunningSandbox; 2],
}

impl Example {
    fn open(folder: &str) -> Self {
        let (mut workspace, sandboxes) = (Workspace::new(), [sandbox(), sandbox()]);
        let url = |at: usize| format!("http://{}/", sandboxes[at].addr());
        for entry in walkdir::WalkDir::new(folder).into_iter().map(|entry| entry.expect("a readable folder"))
        {
            if entry.file_type().is_file() {
                let below = entry.path().strip_prefix(folder).expect("below").to_string_lossy().into_owned();
                let text = fs::read_to_string(entry.path()).expect("a text");
                let text = text.replace("http://127.0.0.1:8080/", &url(0));
                workspace.write(&below, &text.replace("http://127.0.0.1:8081/", &url(1)));
            }
        }
        for name in ["BOOTVIEW_STAGING_TOKEN", "BOOTVIEW_PRODUCTION_TOKEN"] {
            workspace.set(name, "any");
        }
        for name in ["HARBOR_STAGING_MERCHANT_KEY", "HARBOR_PRODUCTION_MERCHANT_KEY"] {
            workspace.set(name, "k:1");
        }
        for name in ["STAGING_CARD_KEY", "PRODUCTION_CARD_KEY"] {
            workspace.set(name, "k:2");
        }
        Self { workspace, _sandboxes: sandboxes }
    }

    /// The effective documents of an environment.
    fn render(&self, environment: &str) -> Vec<Json> {
        let ran = self.workspace.expect(0, &["render", "--env", environment, "--format", "json"]);
        let documents = ran.json()["documents"].as_array().cloned().expect("documents");
        documents.into_iter().map(|own| own["document"].clone()).collect()
    }

    /// Plans both environments.
    fn plans(&self, action: &str, counts: [usize; 2]) {
        for (environment, count) in ENVIRONMENTS.iter().zip(counts) {
            let plan = ["plan", "--env", environment, "--detailed-exitcode", "--format", "json"];
            assert_eq!(self.workspace.expect(2, &plan).json()["summary"][action], json!(count));
        }
    }

    /// Applies both, after which nothing is left to do.
    fn converges(&self) {
        for environment in ENVIRONMENTS {
            let plan = ["plan", "--env", environment, "--detailed-exitcode"];
            self.workspace.expect(0, &["apply", "--env", environment, "--auto-approve"]);
            self.workspace.expect(0, &plan);
        }
    }
}

/// Numbers as a reader of JSON compares them: 3000.0 is 3000.
fn normalize(value: &Json) -> Json {
    match value {
        Json::Number(number) => json!(number.as_f64()),
        Json::Array(items) => items.iter().map(normalize).collect(),
        Json::Object(entries) => entries.iter().map(|(key, own)| (key.clone(), normalize(own))).collect(),
        other => other.clone(),
    }
}

#[test]
fn the_repository_renders_the_copies_that_it_replaced() {
    let example = Example::open("examples/gitops-repo");
    for environment in ENVIRONMENTS {
        let committed = Path::new("tests/repo/environments").join(format!("{environment}.yaml"));
        let committed = fs::read_to_string(committed).expect("the former document");
        let mut committed: Json = serde_yaml::from_str(&committed).expect("YAML");
        // the scope was the target's, and still is
        committed["scope"] = json!({ "customerId": "3f2b8c1e-5d4a-4e7f-9a60-1b2c3d4e5f60" });
        let rendered: Vec<Json> = example.render(environment).iter().map(normalize).collect();
        assert_eq!(rendered, [normalize(&committed)], "{environment}");
    }
    example.workspace.expect(0, &["validate"]).says(&["2 documents in 3 files: valid"]);
    example.workspace.expect(0, &["fmt", "--check"]);
    // the sandbox has this gateway already
    example.plans("update", [1, 1]);
}

#[test]
fn forty_gateways_have_one_exception_of_each_sort() {
    let example = Example::open("examples/forty-gateways");
    example.workspace.expect(0, &["validate"]).says(&["79 documents in 3 files: valid"]);
    example.workspace.expect(0, &["fmt", "--check"]);
    let [staging, production] = ENVIRONMENTS.map(|environment| example.render(environment));
    assert_eq!((staging.len(), production.len()), (39, 40));
    let find = |documents: &[Json], name: &str| documents.iter().find(|own| own["name"] == name).cloned();
    assert!(find(&staging, "winter-cards").is_none() && find(&production, "winter-cards").is_some());
    let bills = |document: &Json| {
        let items = document["spec"]["billTypes"].as_array().cloned().unwrap_or_default();
        items.iter().map(|item| item["billTypeId"].clone()).collect::<Vec<_>>()
    };
    let fee = |document: &Json| document["spec"]["convenienceFees"][0]["feeAmount"].clone();
    for usual in &staging {
        assert_eq!((bills(usual), fee(usual)), (vec![json!(3), json!(7)], json!(2.95)), "{usual}");
        assert_eq!(normalize(&usual["spec"]["maxPaymentAmount"]), json!(2500.0));
    }
    for own in &production {
        let name = own["name"].as_str().expect("a name");
        let expected = match name {
            "lakeside-cards" => vec![json!(3), json!(7), json!(9)],
            "mill-cards" => vec![json!(3)],
            _ => vec![json!(3), json!(7)],
        };
        assert_eq!(bills(own), expected, "{name}");
        assert_eq!(fee(own), if name == "orchard-cards" { json!(1.95) } else { json!(2.95) }, "{name}");
        let amount = own["spec"].get("maxPaymentAmount").map(normalize);
        assert_eq!(amount, (name != "quarry-cards").then(|| json!(5000.0)), "{name}");
    }
    example.plans("create", [39, 40]);
    example.converges();
}
