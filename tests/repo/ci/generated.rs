//! `trueup init --ci`: what it writes fits the workspace, the schemas of the services, and a runner.
//!
//! `examples/gitops-repo` holds what is written for it, so every other test of these files is a test of the command.

use std::fs;
use std::path::Path;

use serde_json::{Value as Json, json};

use super::document;
use super::flow::{amount, sandbox};
use super::published::{Published, lint_workflows};
use super::runner::Hub;
use crate::support::workspace::Workspace;

const EXAMPLE: &str = "examples/gitops-repo";
const WORKFLOWS: [&str; 4] = ["plan", "apply", "drift", "by-hand"];

/// A workspace whose environments come after each other, with other credentials to read than to write.
const CHAIN: &str = "environments:\n  test: {}\n  2nd: { after: test }\n  live: { after: 2nd }\ntargets:\n\
  \x20 test: { api: bootview, environment: test, auth: { bearer: { from_env: TEST_TOKEN } } }\n\
  \x20 2nd: { api: bootview, environment: 2nd, auth: { bearer: { from_env: SECOND_TOKEN } } }\n\
  \x20 live:\n    api: bootview\n    environment: live\n    base_url: https://live.example.com/bootview\n\
  \x20   auth: { read: { bearer: { from_env: LIVE_READ } }, write: { bearer: { from_env: LIVE_WRITE } } }\n";
const CARDS: &str = "kind: bootview/payment-gateway\nname: cards\n\
  scope: { customerId: 3f2b8c1e-5d4a-4e7f-9a60-1b2c3d4e5f60 }\nspec:\n  displayName: Card gateway\n  \
  maxPaymentAmount: 3000.00\n  merchantKey: { from_env: CARD_KEY }\n  merchantPin: null\n";

fn read_workflow(workspace: &Workspace, name: &str) -> Json {
    let path = format!(".github/workflows/{name}.yml");
    document(&path, &workspace.read(&path))
}

/// The names of the variables of a job.
fn list_variables(workflow: &Json, job: &str) -> Vec<String> {
    workflow["jobs"][job]["env"].as_object().expect("variables").keys().cloned().collect()
}

#[test]
fn the_example_holds_what_is_written_for_it() {
    let workspace = Workspace::new();
    for entry in walkdir::WalkDir::new(EXAMPLE).into_iter().map(|entry| entry.expect("a folder")) {
        let below = entry.path().strip_prefix(EXAMPLE).expect("below").to_string_lossy().into_owned();
        let is_written = below.starts_with(".github/workflows") || below == "atlantis.yaml";
        if entry.file_type().is_file() && !is_written {
            workspace.write(&below, &fs::read_to_string(entry.path()).expect("a text"));
        }
    }
    let mut paths: Vec<String> = WORKFLOWS.map(|name| format!(".github/workflows/trueup-{name}.yml")).into();
    paths.push("atlantis.yaml".to_owned());
    for service in ["github", "atlantis"] {
        workspace.expect(0, &["init", "--ci", service]);
    }
    for path in paths {
        let (written, kept) = (workspace.read(&path), Path::new(EXAMPLE).join(&path));
        if std::env::var_os("TRUEUP_ACCEPT").is_some_and(|accept| accept == "1") {
            fs::write(&kept, &written).expect("a file");
        }
        let there = fs::read_to_string(&kept).unwrap_or_default();
        assert_eq!(written, there, "{path}: TRUEUP_ACCEPT=1 cargo test --test repo ci::generated");
    }
}

#[test]
fn workflows_name_the_variables_of_their_jobs() {
    let workspace = Workspace::new();
    workspace.write("trueup.yaml", CHAIN);
    workspace.write("config/cards.yaml", CARDS);
    let ran = workspace.expect(0, &["init", "--ci", "github"]);
    ran.says(&[
        "wrote .github/workflows/trueup-plan.yml",
        "the environments plan, test, 2nd, live, each with its secrets:\n    TEST_TOKEN\n    SECOND_TOKEN\n",
        "TRUEUP_ALLOWED_HOSTS to live.example.com",
    ]);
    let plan = list_variables(&read_workflow(&workspace, "trueup-plan"), "plan");
    let common = ["TRUEUP_DIGEST_KEY", "TRUEUP_ALLOWED_HOSTS"];
    let expected = [&["TEST_TOKEN", "SECOND_TOKEN", "LIVE_READ", "CARD_KEY"][..], &common].concat();
    assert_eq!(plan, expected, "a plan gets nothing that writes");
    let apply = read_workflow(&workspace, "trueup-apply");
    let live = [&["LIVE_READ", "LIVE_WRITE", "CARD_KEY"][..], &common].concat();
    assert_eq!(list_variables(&apply, "live"), live);
    assert_eq!(list_variables(&apply, "test"), [&["TEST_TOKEN", "CARD_KEY"][..], &common].concat());
    // the id of a job starts with a letter or `_`
    assert_eq!(apply["jobs"]["_2nd"]["needs"], "test");
    assert_eq!(apply["jobs"]["_2nd"]["environment"], "2nd");
    assert_eq!(
        (&apply["jobs"]["live"]["needs"], &apply["jobs"]["test"]["needs"]),
        (&json!("_2nd"), &json!(null))
    );
    let by_hand = read_workflow(&workspace, "trueup-by-hand");
    let options = &by_hand["on"]["workflow_dispatch"]["inputs"]["environment"]["options"];
    assert_eq!(options, &json!(["test", "2nd", "live"]));
    check_workflows(&workspace, "trueup");
}

#[test]
fn workflows_pass_on_what_else_has_to_be_allowed() {
    let workspace = Workspace::new();
    workspace.write(
        "apis/depot/api.yaml",
        "format: 1\ntitle: Depot\ndescription: Things.\nformats: [json]\nauth: [bearer]\n",
    );
    workspace.write(
        "apis/depot/thing.yaml",
        "format: 1\ntitle: Thing\ndescription: A thing.\nidentity: { id: id, natural_key: [name] }\n\
         operations:\n  list: { post: /things/search }\n  get: { get: \"/things/{id}\" }\n\
         properties:\n  id: { type: integer, description: The id., read_only: true }\n  \
         name: { type: string, description: The name. }\n",
    );
    workspace.write(
        "trueup.yaml",
        "targets:\n  here: { api: depot, base_url: \"https://depot.example.com\", proxy: \"http://proxy.example.com:3128\", auth: { bearer: { from_env: KEY } } }\n",
    );
    let needed = ["TRUEUP_ALLOWED_HOSTS", "TRUEUP_ALLOWED_SEARCH_URLS", "TRUEUP_ALLOWED_PROXY_HOSTS"];
    workspace.expect(0, &["init", "--ci", "github"]).says(&needed);
    let plan = list_variables(&read_workflow(&workspace, "trueup-plan"), "plan");
    let allowed: Vec<_> = plan.iter().filter(|name| name.starts_with("TRUEUP_ALLOWED")).collect();
    assert_eq!(allowed, needed.iter().collect::<Vec<_>>());
}

/// They fit the published schema, actionlint has nothing to say, and no placeholder is left.
fn check_workflows(workspace: &Workspace, name: &str) {
    let published = Published::new("github-workflows");
    let paths = WORKFLOWS.map(|end| format!(".github/workflows/{name}-{end}.yml"));
    for path in &paths {
        let text = workspace.read(path);
        assert!(!text.split('@').any(|word| word.starts_with(|c: char| c.is_ascii_uppercase())), "{text}");
        published.fits(path, &document(path, &text));
    }
    let paths = paths.map(|path| workspace.path(&path).to_string_lossy().into_owned());
    lint_workflows(&paths.each_ref().map(String::as_str));
}

#[test]
fn jobs_that_read_share_no_environment_with_one_of_the_workspace() {
    let workspace = Workspace::new();
    workspace.write("trueup.yaml", &CHAIN.replace("test", "Plan"));
    workspace.write("config/cards.yaml", CARDS);
    let ran = workspace.expect(0, &["init", "--ci", "github"]);
    ran.says(&["the environments plan-read-only, Plan, 2nd, live, each with its secrets:"]);
    for (name, job) in [("trueup-plan", "plan"), ("trueup-drift", "drift")] {
        let workflow = read_workflow(&workspace, name);
        assert_eq!(workflow["jobs"][job]["environment"], "plan-read-only", "{workflow:#}");
    }
    assert_eq!(read_workflow(&workspace, "trueup-apply")["jobs"]["Plan"]["environment"], "Plan");
    check_workflows(&workspace, "trueup");
}

#[test]
fn a_workspace_in_a_folder_has_files_of_its_own() {
    let workspace = Workspace::new();
    fs::create_dir_all(workspace.path("sites/harbor")).expect("a folder");
    fs::create_dir(workspace.path(".git")).expect("a folder");
    workspace.write(".github/workflows/trueup-sites-harbor-drift.yml", "name: own\n");
    let init = ["init", "-C", "sites/harbor", "--api", "bootview", "--no-check", "--ci", "github"];
    let ran = workspace.expect(0, &init);
    ran.says(&[
        "kept  ../../.github/workflows/trueup-sites-harbor-drift.yml",
        "trueup-sites-harbor-plan.yml",
        "add to the variables in ../../.github/workflows/trueup-sites-harbor-drift.yml: \
         BOOTVIEW_TOKEN: ${{ secrets.BOOTVIEW_TOKEN }}\n",
    ]);
    ran.says(&[
        "the environments plan, apply, each with its secrets:\n    BOOTVIEW_TOKEN\n    TRUEUP_DIGEST_KEY\n",
    ]);
    assert_eq!(workspace.read(".github/workflows/trueup-sites-harbor-drift.yml"), "name: own\n");
    workspace.remove(".github/workflows/trueup-sites-harbor-drift.yml");
    let report =
        workspace.expect(0, &["init", "-C", "sites/harbor", "--ci", "github", "--format", "json"]).json();
    assert_eq!(report["written"], json!(["../../.github/workflows/trueup-sites-harbor-drift.yml"]));
    let apply = read_workflow(&workspace, "trueup-sites-harbor-apply");
    let with = &apply["jobs"]["apply"]["steps"][1]["with"];
    assert_eq!(with["directory"], "sites/harbor");
    assert_eq!(with["plan-workflow"], "trueup-sites-harbor-plan.yml");
    assert_eq!((&with["environment"], &apply["jobs"]["apply"]["needs"]), (&json!(null), &json!(null)));
    check_workflows(&workspace, "trueup-sites-harbor");
    // what is asked of a new workspace is not asked of one that is there
    workspace.expect(1, &init).complains(&["file-exists"]);
    workspace.expect(64, &["init", "--ci", "gitbub"]);
}

#[test]
fn pipelines_include_the_component_for_each_environment() {
    let workspace = Workspace::new();
    workspace.write("trueup.yaml", CHAIN);
    workspace.expect(0, &["init", "--ci", "gitlab"]).says(&["wrote .gitlab-ci.yml", "TRUEUP_API_TOKEN"]);
    let published = Published::new("gitlab-ci");
    for path in [".gitlab-ci.yml", ".gitlab/trueup.yml"] {
        published.fits(path, &document(path, &workspace.read(path)));
    }
    let jobs = document("jobs", &workspace.read(".gitlab/trueup.yml"));
    assert_eq!(jobs["stages"], json!(["test", "deploy", "deploy-2", "deploy-3"]));
    let inputs: Vec<&Json> =
        jobs["include"].as_array().expect("components").iter().map(|own| &own["inputs"]).collect();
    let words: Vec<_> = inputs.iter().map(|own| (&own["name"], &own["environment"], &own["stage"])).collect();
    let [test, second, live] = [("test", "deploy"), ("2nd", "deploy-2"), ("live", "deploy-3")]
        .map(|(name, stage)| (json!(format!("trueup-{name}")), json!(name), json!(stage)));
    let expected: Vec<_> = [&test, &second, &live].iter().map(|own| (&own.0, &own.1, &own.2)).collect();
    assert_eq!(words, expected);
    assert!(inputs.iter().all(|own| own["deploy_environment"] == own["environment"]));
    // the component has these inputs
    let head = fs::read_to_string("templates/trueup.yml").expect("the component");
    let head = document("the header", head.split_once("\n---\n").expect("two documents").0);
    for name in inputs[0].as_object().expect("inputs").keys() {
        assert!(head["spec"]["inputs"][name].is_object(), "{name}");
    }
    workspace.remove(".gitlab/trueup.yml");
    let again = workspace.expect(0, &["init", "--ci", "gitlab"]);
    again.says(&["kept  .gitlab-ci.yml", "add `include: [{ local: .gitlab/trueup.yml }]`"]);
}

#[test]
fn errors_of_a_workspace_come_first() {
    let workspace = Workspace::new();
    workspace.write("trueup.yaml", CHAIN);
    workspace.write("config/cards.yaml", &CARDS.replace("displayName", "displayNane"));
    workspace.expect(1, &["init", "--ci", "github"]).complains(&["unknown-field"]);
    assert!(!workspace.path(".github").exists(), "nothing was written");
}

#[test]
fn what_is_written_carries_a_change_from_the_pull_request_to_the_service() {
    let service = sandbox();
    let workspace = Workspace::new();
    let url = service.base_url("bootview");
    let scope = "customerId=3f2b8c1e-5d4a-4e7f-9a60-1b2c3d4e5f60";
    workspace.write("config/cards.yaml", CARDS);
    workspace.expect(
        0,
        &["init", "--api", "bootview", "--base-url", &url, "--scope", scope, "--no-check", "--ci", "github"],
    );
    let mut hub = Hub::new(&workspace.root().to_string_lossy(), |text| text);
    for (name, value) in
        [("BOOTVIEW_TOKEN", "any"), ("CARD_KEY", "k:1"), ("TRUEUP_DIGEST_KEY", "a long text")]
    {
        hub.secret(name, value);
    }
    hub.git(&["checkout", "--quiet", "-b", "higher"]);
    fs::write(hub.path("repo/config/cards.yaml"), CARDS.replace("3000.00", "3500.00")).expect("a file");
    let head = hub.commit("higher");
    let planned = hub.run("trueup-plan.yml", "pull_request", &head);
    assert!(planned.ok, "{}", planned.log);
    assert!(hub.read_bodies("comments").concat().contains("3500"), "{}", planned.log);
    let merge = hub.merge("higher");
    let applied = hub.run("trueup-apply.yml", "push", &merge);
    assert!(applied.ok, "{}", applied.log);
    assert_eq!(amount(&service), json!(3500.0), "{}", applied.log);
    let drift = hub.run("trueup-drift.yml", "schedule", &merge);
    assert!(drift.ok && hub.read_bodies("issues").is_empty(), "{}", drift.log);
    let inputs = [("mode", "plan")];
    let by_hand = hub.run_with("trueup-by-hand.yml", "workflow_dispatch", &merge, &inputs);
    assert!(by_hand.ok, "{}", by_hand.log);
}
