//! A value from a source is sensitive in every field, also in one that the kind does not mark.

use serde_json::json;
use trueup::kind::WireFormat;

use crate::support::sandbox_fixture::SandboxFixture;
use crate::support::workspace::ProgramOutput;

const CANARY: &str = "acct-canary-7731";
const FORMATS: [&str; 9] =
    ["text", "json", "markdown", "github", "github-summary", "gitlab", "sarif", "junit", "html"];

/// A gateway whose account, a field without a mark, comes from a source.
fn fixture(source: serde_json::Value) -> SandboxFixture {
    let mut fixture = SandboxFixture::new("bootview/payment-gateway", 2, WireFormat::Json);
    let shared = fixture.workspace.scratch().join("shared");
    std::fs::create_dir_all(&shared).expect("a folder");
    let settings = fixture.workspace.read("trueup.yaml");
    let store = format!("receipts: {{ store: \"file://{}\" }}\n", shared.display());
    fixture.workspace.write("trueup.yaml", &(settings + &store));
    fixture.workspace.write("policies/all.yaml", POLICY);
    fixture.workspace.write("secrets/account", CANARY);
    fixture.workspace.set("ACCOUNT", CANARY);
    fixture.documents[0].document["spec"]["merchantId"] = source;
    fixture.write();
    fixture
}

/// A policy that repeats what it sees.
const POLICY: &str = "rules:\n  - name: repeat\n    check: 'false'\n    message: 'the account'\n";

fn assert_hidden(fixture: &SandboxFixture, ran: &ProgramOutput) {
    assert!(!ran.out.contains(CANARY) && !ran.err.contains(CANARY), "{}", ran.all());
    for (path, bytes) in fixture.workspace.files() {
        let is_input = path.ends_with("secrets/account");
        assert!(is_input || !String::from_utf8_lossy(&bytes).contains(CANARY), "{}", path.display());
    }
}

#[test]
fn a_value_from_outside_is_hidden_in_every_field_and_output() {
    for source in [
        json!({ "from_env": "ACCOUNT" }),
        json!({ "from_file": "secrets/account" }),
        json!({ "from_command": ["cat", "secrets/account"] }),
    ] {
        let fixture = fixture(source);
        fixture.workspace.remove("policies/all.yaml");
        let reports: Vec<String> = FORMATS.iter().map(|format| format!("{format}=out/{format}")).collect();
        let reports = reports.join(",");
        for format in ["text", "json"] {
            let loud = ["-vv", "--format", format];
            let run = |arguments: &[&str]| fixture.workspace.run(&[arguments, &loud[..]].concat());
            let ran = run(&["plan", "-o", "plan.json", "--report", &reports]);
            assert_hidden(&fixture, &ran);
            assert!(ran.out.contains("merchantId") || format == "text", "{}", ran.all());
            assert_hidden(&fixture, &run(&["show", "plan.json"]));
        }
        let ran = fixture.workspace.expect(0, &["apply", "--auto-approve", "-vv", "--report", &reports]);
        assert_hidden(&fixture, &ran);
        assert_eq!(fixture.dump()[0]["object"]["merchantId"], CANARY, "it was written");
        fixture.edit(0, json!({ "merchantId": "somebody else" }));
        assert_hidden(&fixture, &fixture.workspace.run(&["drift", "--report", &reports]));
        assert_hidden(&fixture, &fixture.workspace.run(&["apply", "--auto-approve"]));
    }
}

#[test]
fn an_undo_and_a_deletion_hide_it_too() {
    let fixture = fixture(json!({ "from_env": "ACCOUNT" }));
    fixture.workspace.remove("policies/all.yaml");
    fixture.workspace.expect(0, &["apply", "--auto-approve"]);
    let receipts = std::fs::read_dir(fixture.workspace.path(".trueup/receipts")).expect("receipts");
    let receipt = receipts.flatten().next().expect("a receipt").path();
    let receipt = receipt.to_string_lossy().into_owned();
    for format in ["text", "json"] {
        let ran = fixture.workspace.run(&["undo", &receipt, "-o", "undo.json", "--format", format]);
        assert!(ran.all().contains("o-0000"), "{}", ran.all());
        assert_hidden(&fixture, &ran);
    }
}

fn git(fixture: &SandboxFixture, arguments: &[&str]) {
    let mut command = std::process::Command::new("git");
    command.current_dir(fixture.workspace.root()).args(["-c", "user.name=a", "-c", "user.email=a@b.example"]);
    let ran = command.args(arguments).output().expect("git");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
}

#[test]
fn a_branch_that_takes_the_source_away_does_not_show_the_value() {
    let mut fixture = fixture(json!({ "from_env": "ACCOUNT" }));
    fixture.workspace.remove("policies/all.yaml");
    fixture.workspace.write(".gitignore", ".trueup\nsecrets\nout\n");
    fixture.workspace.expect(0, &["apply", "--auto-approve"]);
    git(&fixture, &["init", "-q", "-b", "main"]);
    git(&fixture, &["add", "."]);
    git(&fixture, &["commit", "-q", "-m", "a source"]);
    git(&fixture, &["checkout", "-q", "-b", "plain"]);
    fixture.documents[0].document["spec"]["merchantId"] = json!("a plain account");
    fixture.write();
    git(&fixture, &["commit", "-q", "-a", "-m", "no source"]);
    let ran = fixture.workspace.expect(0, &["plan", "-o", "plan.json", "--report", "json=out/plan"]);
    assert!(ran.out.contains("1 to update") && ran.out.contains("merchantId"), "{}", ran.all());
    assert_hidden(&fixture, &ran);
}

#[test]
fn an_import_writes_no_live_value_in_the_place_of_a_source() {
    const LIVE: &str = "live-canary-5519";
    for source in [
        json!({ "from_env": "ACCOUNT" }),
        json!({ "from_file": "secrets/account" }),
        json!({ "from_command": ["cat", "secrets/account"] }),
    ] {
        let fixture = fixture(source);
        fixture.workspace.remove("policies/all.yaml");
        fixture.workspace.expect(0, &["apply", "--auto-approve"]);
        fixture.edit(0, json!({ "merchantId": LIVE, "maxPaymentAmount": 77 }));
        let scope = &fixture.documents[0].document["scope"]["customerId"];
        let scope = format!("customerId={}", scope.as_str().expect("a customer"));
        for flags in [&[][..], &["--personal"]] {
            let ran = fixture.workspace.run(
                &[&["import", "bootview/payment-gateway", "-o", "config", "--scope", &scope], flags].concat(),
            );
            assert!(ran.all().contains("config/000.yaml"), "{}", ran.all());
            assert!(!ran.all().contains(LIVE), "{}", ran.all());
            for (path, bytes) in fixture.workspace.files() {
                assert!(!String::from_utf8_lossy(&bytes).contains(LIVE), "{}", path.display());
            }
        }
    }
}

/// A service may keep a credential in a field that no one marked, and no mark or redaction knows that.
#[test]
fn a_credential_in_an_open_field_of_a_live_object_is_taken_out_of_every_output() {
    let mut fixture = fixture(json!("M-1"));
    fixture.workspace.remove("policies/all.yaml");
    fixture.workspace.set("CREDENTIAL", CANARY);
    fixture.edit(0, json!({ "merchantId": CANARY }));
    let reports: Vec<String> = FORMATS.iter().map(|format| format!("{format}=out/{format}")).collect();
    let reports = format!("{},jsonl=out/jsonl", reports.join(","));
    for format in ["text", "json"] {
        let ran = fixture.workspace.run(&["plan", "-vv", "--format", format]);
        assert!(ran.out.contains("•••"), "{}", ran.all());
        assert_hidden(&fixture, &ran);
    }
    let ran = fixture.workspace.expect(1, &["plan", "-o", "plan.json"]);
    ran.complains(&["holds a secret of this run"]);
    assert_hidden(&fixture, &fixture.workspace.run(&["drift"]));
    let ran = fixture.workspace.expect(0, &["apply", "--auto-approve", "-vv", "--report", &reports]);
    assert_eq!(fixture.dump()[0]["object"]["merchantId"], "M-1", "it was written");
    assert_hidden(&fixture, &ran);
}
