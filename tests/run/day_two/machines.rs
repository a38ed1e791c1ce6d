//! `init` as a new user runs it against a sandbox, and `doctor` with each thing that can be wrong.

use serde_json::{Value as Json, json};
use trueup::kind::WireFormat;
use trueup::kind::registry::KindRegistry;
use trueup::sandbox::{RunningSandbox, SandboxLauncher, SandboxOptions};

use crate::support::sandbox_fixture::SandboxFixture;
use crate::support::workspace::{ProgramOutput, Workspace};

const GATEWAY: &str = "bootview/payment-gateway";
const PARTNER: &str = "carrierx/partner";

fn start_sandbox() -> RunningSandbox {
    let registry = KindRegistry::get_builtin();
    let kinds = registry.kind_names().iter().filter_map(|name| registry.find_kind(name)).collect();
    let options = SandboxOptions { seed: Some(1), ..SandboxOptions::default() };
    SandboxLauncher::start_server(kinds, options).expect("a sandbox")
}

/// The checks of a report, as `name status`.
fn checks(ran: &ProgramOutput) -> Vec<String> {
    let report = ran.json();
    let word = |own: &Json, member: &str| own[member].as_str().expect("a word").to_owned();
    let checks = report["checks"].as_array().expect("checks").iter();
    checks.map(|own| format!("{} {}", word(own, "name"), word(own, "status"))).collect()
}

fn init_arguments(url: &str) -> Vec<String> {
    let words = ["init", "--api", "bootview", "--target", "harbor", "--base-url", url];
    let scope = ["--scope", "customerId=3f2b8c1e-5d4a-4e7f-9a60-1b2c3d4e5f60"];
    words.into_iter().chain(scope).map(str::to_owned).collect()
}

fn run(workspace: &Workspace, code: i32, arguments: &[String], more: &[&str]) -> ProgramOutput {
    let words: Vec<&str> = arguments.iter().map(String::as_str).chain(more.iter().copied()).collect();
    workspace.expect(code, &words)
}

#[test]
fn a_new_user_has_a_workspace_with_one_command() {
    let sandbox = start_sandbox();
    let mut workspace = Workspace::new();
    workspace.set("HARBOR_TOKEN", "any");
    let arguments = init_arguments(&sandbox.base_url("bootview"));
    let ran = run(&workspace, 0, &arguments, &["--import", GATEWAY]);
    ran.says(&[
        "wrote trueup.yaml",
        "wrote .gitignore",
        "wrote .vscode/settings.json",
        "in schemas/",
        "read",
    ]);
    workspace.expect(0, &["validate"]);
    let plan = workspace.expect(0, &["plan", "--no-secrets"]);
    plan.says(&["No changes", "was not read, so this value"]);
    let editor: Json = serde_json::from_str(&workspace.read(".vscode/settings.json")).expect("JSON");
    assert_eq!(editor["yaml.schemas"]["schemas/trueup.json"], "trueup.yaml");
    // nothing is overwritten, and a second run says so
    let before = workspace.read("trueup.yaml");
    run(&workspace, 1, &arguments, &[]).complains(&["file-exists", "nothing was written"]);
    assert_eq!(workspace.read("trueup.yaml"), before);
}

#[test]
fn an_init_keeps_files_and_says_what_is_wrong() {
    let sandbox = start_sandbox();
    let mut workspace = Workspace::new();
    workspace.write(".gitignore", "out/\n");
    let arguments = init_arguments(&sandbox.base_url("bootview"));
    // the variable is not set yet: the files are written, and what to do is said
    let ran = run(&workspace, 0, &arguments, &[]);
    ran.says(&["kept  .gitignore", "add `.trueup/` to .gitignore", "set HARBOR_TOKEN", "trueup doctor"]);
    assert_eq!(workspace.read(".gitignore"), "out/\n");
    workspace.remove("trueup.yaml");
    workspace.set("HARBOR_TOKEN", "wrong");
    let ran = run(&workspace, 1, &arguments, &["--format", "json"]);
    assert!(checks(&ran).contains(&"read failed".to_owned()), "{}", ran.all());
    workspace.remove("trueup.yaml");
    // what was to be imported is left to do
    let ran = run(&workspace, 1, &arguments, &["--import", GATEWAY]);
    assert!(ran.all().contains(&format!("trueup import {GATEWAY} -o config")), "{}", ran.all());
    workspace.remove("trueup.yaml");
    for (arguments, code) in [
        (&["init"][..], 64),
        (&["init", "--api", "bootvew"], 64),
        (&["init", "--api", "bootview", "--scope", "customerId"], 64),
        (&["init", "--api", "bootview", "--base-url", "http://example.com"], 1),
        (&["init", "--api", "bootview", "--scope", "customer=x"], 1),
    ] {
        workspace.expect(code, arguments);
        assert!(!workspace.path("trueup.yaml").exists(), "{arguments:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn an_init_asks_on_a_terminal() {
    use std::io::Write as _;
    let workspace = Workspace::new();
    let mut command = workspace.command_on_terminal(&["init", "--no-check", "--color", "never"]);
    command.stdin(std::process::Stdio::piped());
    let mut child = command.spawn().expect("script");
    let answers = "carrierx\nlake\n\nLAKE_KEY\natlantis\n";
    child.stdin.take().expect("a pipe").write_all(answers.as_bytes()).expect("typed");
    assert!(child.wait().expect("an end").success());
    let settings = workspace.read("trueup.yaml");
    assert!(settings.contains("  lake:\n    api: carrierx\n"), "{settings}");
    assert!(settings.contains("auth: { bearer: { from_env: LAKE_KEY } }"), "{settings}");
    assert!(
        workspace.read("atlantis.yaml").contains("projects:\n  - dir: .\n    execution_order_group: 1\n")
    );
}

#[test]
fn a_healthy_workspace_passes() {
    let fixture = SandboxFixture::new(PARTNER, 3, WireFormat::Json);
    let ran = fixture.workspace.expect(0, &["doctor", "--format", "json"]);
    assert_eq!(ran.json()["healthy"], true);
    for expected in
        ["files ok", "state ok", "hosts ok", "read ok", "kind ok", "clock ok", "proxy ok", "CA ok"]
    {
        assert!(checks(&ran).contains(&expected.to_owned()), "{expected}: {}", ran.all());
    }
    assert!(fixture.writes().is_empty());
    let before = fixture.sandbox.read_log().len();
    fixture.workspace.expect(0, &["doctor", "--offline"]).says(&["nothing was sent", "none failed"]);
    assert_eq!(fixture.sandbox.read_log().len(), before);
}

#[test]
fn each_fault_has_its_check_and_its_remedy() {
    let mut fixture = SandboxFixture::new(PARTNER, 1, WireFormat::Json);
    let settings = fixture.workspace.read("trueup.yaml");
    let faulty = |fixture: &SandboxFixture, check: &str, said: &[&str]| {
        let ran = fixture.workspace.expect(1, &["doctor", "--format", "json"]);
        assert!(checks(&ran).contains(&format!("{check} failed")), "{check}: {}", ran.all());
        fixture.workspace.expect(1, &["doctor"]).says(said);
    };
    fixture.workspace.set("SSL_CERT_FILE", "/nowhere/ca.pem");
    faulty(&fixture, "CA", &["SSL_CERT_FILE", "help: correct SSL_CERT_FILE"]);
    fixture.workspace.unset("SSL_CERT_FILE");
    fixture.workspace.set("TRUEUP_ALLOWED_HOSTS", "a b");
    faulty(&fixture, "hosts", &["[invalid-host]"]);
    fixture.workspace.unset("TRUEUP_ALLOWED_HOSTS");
    fixture.fail("GET:403:10");
    faulty(&fixture, "read", &["[forbidden]", "carrierx/partner"]);
    fixture.workspace.write("trueup.yaml", &settings.replace("carrierx", "carrierz"));
    faulty(&fixture, "files", &["[unknown-api]", "trueup.yaml:"]);
    fixture.workspace.write("trueup.yaml", &settings);
    fixture.workspace.write("schemas/document.json", "{}");
    let ran = fixture.workspace.run(&["doctor", "--format", "json"]);
    assert!(checks(&ran).contains(&"schemas warning".to_owned()), "{}", ran.all());
    fixture.workspace.set("HTTPS_PROXY", "http://user:hidden-password@127.0.0.1:1");
    let ran = fixture.workspace.run(&["doctor", "--offline"]);
    ran.says(&["the proxy of HTTPS_PROXY"]);
    assert!(!ran.all().contains("hidden-password"), "{}", ran.all());
}

#[test]
fn nothing_is_said_of_credentials_that_cannot_be_read() {
    let fixture = SandboxFixture::new(PARTNER, 1, WireFormat::Json);
    let settings = fixture.workspace.read("trueup.yaml");
    let settings: Json = serde_yaml::from_str(&settings).expect("settings");
    for (wrong, said) in [
        (json!({ "from_vault": "x" }), "not checked, because trueup.yaml has errors"),
        (json!({ "from_secret": { "nowhere": "x" } }), "unknown-secret-provider"),
    ] {
        let mut faulty = settings.clone();
        for target in faulty["targets"].as_object_mut().expect("targets").values_mut() {
            target["auth"] = json!({ "bearer": wrong });
        }
        fixture.workspace.write("trueup.yaml", &trueup::yaml::write_yaml(&faulty));
        let before = fixture.sandbox.read_log().len();
        for arguments in [&["doctor", "--offline"][..], &["doctor"]] {
            let ran = fixture.workspace.expect(1, arguments);
            ran.says(&[said]);
            assert!(!ran.out.contains("every secret has a value"), "{wrong}: {}", ran.all());
        }
        assert_eq!(fixture.sandbox.read_log().len(), before, "nothing is sent without a credential");
    }
}
