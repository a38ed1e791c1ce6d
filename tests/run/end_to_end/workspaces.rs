//! What may be wrong with a workspace: each fault with its code, its place and what to do about it, all of
//! them in one run, and before the first request.

use trueup::kind::WireFormat::Json;

use crate::support::sandbox_fixture::SandboxFixture;

fn sound() -> SandboxFixture {
    SandboxFixture::new("bootview/payment-gateway", 2, Json)
}

/// Runs a plan that must end with these sentences on stderr, and without a request.
fn stops(fixture: &SandboxFixture, sentences: &[&str]) {
    let ran = fixture.workspace.expect(1, &["plan"]);
    ran.complains(sentences);
    assert!(ran.out.is_empty(), "{}", ran.all());
    assert!(fixture.sandbox.read_log().is_empty(), "nothing was asked");
}

fn resettle(fixture: &SandboxFixture, from: &str, to: &str) {
    let settings = fixture.workspace.read("trueup.yaml");
    assert!(settings.contains(from), "{settings}");
    fixture.workspace.write("trueup.yaml", &settings.replace(from, to));
}

#[test]
fn no_workspace() {
    let fixture = sound();
    fixture.workspace.remove("trueup.yaml");
    stops(&fixture, &["no-workspace", "there is no trueup.yaml in", "-C DIR"]);
    let ran = fixture.workspace.expect(1, &["-C", "nowhere", "validate"]);
    ran.complains(&["no-workspace", "nowhere is not a directory"]);
}

#[test]
fn no_documents_are_an_error_unless_the_settings_allow_it() {
    let fixture = sound();
    fixture.workspace.write("notes/readme.yaml", "kind: nothing\n");
    let ran = fixture.workspace.expect(1, &["plan", "notes"]);
    ran.complains(&["no-document", "notes holds no document", "`documents` in trueup.yaml"]);
    let ran = fixture.workspace.expect(1, &["plan", "nowhere"]);
    ran.complains(&["no-such-path", "nowhere", "relative to the workspace"]);
    fixture.workspace.remove("config/000.yaml");
    for command in [&["validate"][..], &["plan"], &["drift"], &["apply", "--auto-approve"]] {
        let ran = fixture.workspace.expect(1, command);
        ran.complains(&["error[no-document]", "`config/**/*.yaml`", "allow_empty: true"]);
    }
    let settings = fixture.workspace.read("trueup.yaml");
    fixture.workspace.write("trueup.yaml", &format!("{settings}allow_empty: true\n"));
    fixture.workspace.expect(0, &["validate"]);
    fixture.workspace.expect(0, &["plan"]).says(&["there are no documents"]);
}

#[test]
fn broken_yaml() {
    let fixture = sound();
    fixture.workspace.write("config/zz.yaml", "kind: bootview/payment-gateway\nname: [a\nspec:\n");
    stops(
        &fixture,
        &["yaml-syntax", "--> config/zz.yaml:3:", "look at the indentation, quotes and brackets"],
    );
}

#[test]
fn unknown_kinds_fields_and_targets() {
    let fixture = sound();
    let text = "kind: bootview/payment-gatway\nname: a\nspec: {}\n---\n\
                kind: bootview/payment-gateway\nname: b\ntarget: her\nspec:\n  displayNme: B\n  displayName: B\n";
    fixture.workspace.write("config/zz.yaml", text);
    stops(
        &fixture,
        &[
            "unknown-kind",
            "did you mean `bootview/payment-gateway`?",
            "--> config/zz.yaml:1:7",
            "unknown-target",
            "--> config/zz.yaml:7:9",
            "unknown-field",
            "did you mean `displayName`?",
            "--> config/zz.yaml:9:3",
            "3 errors in 1 file",
        ],
    );
}

#[test]
fn unset_variables_are_all_reported() {
    let mut fixture = sound();
    fixture.workspace.unset("CREDENTIAL");
    fixture.workspace.unset("SECRET_o_0000_0");
    stops(
        &fixture,
        &[
            "unresolved-secret",
            "the environment variable CREDENTIAL is not set",
            "the environment variable SECRET_o_0000_0 is not set",
            "--> config/000.yaml:",
            "--> trueup.yaml:",
        ],
    );
    // offline, no one asks for them
    fixture.workspace.expect(0, &["validate"]);
}

#[test]
fn a_host_must_be_allowed_from_outside() {
    let mut fixture = sound();
    let own = format!("http://{}", fixture.sandbox.addr());
    resettle(&fixture, &own, "https://api.paylock.example");
    let refusal = ["host-not-allowed", "may not go to `api.paylock.example`", "--> trueup.yaml:2:"];
    stops(&fixture, &refusal);
    fixture.workspace.set("TRUEUP_ALLOWED_HOSTS", "paylock.example, api.paylock.example:8443");
    stops(&fixture, &refusal);
    fixture.workspace.set("TRUEUP_ALLOWED_HOSTS", "not a host");
    stops(&fixture, &["invalid-host", "TRUEUP_ALLOWED_HOSTS"]);
    // allowed, it is asked; that no one answers is another matter
    fixture.workspace.set("TRUEUP_ALLOWED_HOSTS", "*.paylock.example");
    let ran = fixture.workspace.expect(1, &["plan", "--request-timeout", "0.2"]);
    assert!(!ran.all().contains("host-not-allowed"), "{}", ran.all());
}

#[test]
fn plain_http_is_for_this_machine() {
    let fixture = sound();
    resettle(&fixture, &format!("http://{}", fixture.sandbox.addr()), "http://api.paylock.com");
    stops(&fixture, &["unsafe-url", "--> trueup.yaml:", "use https"]);
}

#[test]
fn a_credential_in_clear_is_reported_once_and_not_repeated() {
    let fixture = sound();
    resettle(&fixture, "from_env: CREDENTIAL", "hunter2-in-clear:");
    let ran = fixture.workspace.expect(1, &["plan"]);
    ran.complains(&["--> trueup.yaml:", "{ from_env: NAME }", "1 error in 1 file"]);
    assert!(!ran.all().contains("hunter2"), "{}", ran.all());
}

#[test]
fn wrong_settings_are_reported_together() {
    let fixture = sound();
    resettle(&fixture, "api: bootview", "api: bootveiw\n    formt: json");
    stops(&fixture, &["unknown-api", "did you mean `bootview`?"]);
    let fixture = sound();
    resettle(&fixture, "format: json", "format: jsn\n    scop: {}");
    stops(&fixture, &["--> trueup.yaml:", "scop"]);
}

#[test]
fn a_broken_memory_is_reported_and_not_overwritten() {
    let fixture = sound();
    for name in ["written.jsonl", "index.json"] {
        fixture.workspace.write(&format!(".trueup/{name}"), "{ \"half\": ");
        stops(&fixture, &["unreadable-state", name, "help: "]);
        assert_eq!(fixture.workspace.read(&format!(".trueup/{name}")), "{ \"half\": ");
        fixture.workspace.remove(&format!(".trueup/{name}"));
    }
}

#[test]
fn two_documents_for_one_object_name_both_places() {
    let mut fixture = sound();
    let mut again = fixture.documents[0].document.clone();
    again["name"] = "again".into();
    fixture.workspace.write("config/zz.yaml", &trueup::yaml::write_yaml(&again));
    let ran = fixture.workspace.expect(1, &["plan"]);
    ran.complains(&["config/zz.yaml:", "config/000.yaml:"]);
    // the same by id in one and by natural key in the other shows only when the live object is known
    fixture.documents[0].document["id"] = fixture.id(0).into();
    fixture.write();
    let ran = fixture.workspace.run(&["plan"]);
    assert_ne!(ran.code, Some(0), "{}", ran.all());
}

/// Commands that only read do not even look up where the credentials that write come from.
#[test]
fn a_plan_needs_no_credentials_that_write() {
    let mut fixture = SandboxFixture::new("carrierx/partner", 3, Json);
    fixture.vary(0, 1);
    let settle = |fixture: &SandboxFixture, auth: &str| {
        let url = fixture.sandbox.base_url("carrierx");
        let target = format!("{{api: carrierx, base_url: {url:?}, auth: {{{auth}}}, personal: write}}");
        fixture.workspace.write("trueup.yaml", &format!("targets:\n  there: {target}\n"));
    };
    let reader = "read: {bearer: {from_env: READER}}";
    settle(&fixture, &format!("{reader}, write: {{bearer: {{from_env: WRITER}}}}"));
    fixture.workspace.set("READER", "read-only");

    fixture.workspace.expect(2, &["plan", "--detailed-exitcode"]);
    fixture.workspace.expect(0, &["validate"]);
    fixture.workspace.expect(0, &["import", "carrierx/partner", "-o", "elsewhere"]);
    let ran = fixture.workspace.expect(1, &["apply", "--auto-approve"]);
    ran.complains(&["unresolved-secret", "WRITER"]);
    assert!(fixture.writes().is_empty());

    fixture.workspace.set("WRITER", "read-only");
    let ran = fixture.workspace.expect(1, &["apply", "--auto-approve"]);
    assert!(ran.all().contains("error[forbidden]"), "{}", ran.all());
    assert_eq!(fixture.writes().len(), 3, "it is the service that refuses");

    fixture.workspace.set("WRITER", "any");
    fixture.workspace.unset("READER");
    fixture.workspace.expect(0, &["apply", "--auto-approve"]);
    fixture.workspace.set("READER", "read-only");
    fixture.workspace.expect(0, &["plan", "--detailed-exitcode"]);

    settle(&fixture, reader);
    fixture.workspace.expect(0, &["plan", "--detailed-exitcode"]);
    fixture.workspace.expect(1, &["apply", "--auto-approve"]).complains(&["read-only-target"]);
}
