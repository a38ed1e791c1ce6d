//! Secret providers: one call for many names, in every form of output; faults at the line of the provider.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::json;
use trueup::kind::WireFormat;

use crate::support::sandbox_fixture::SandboxFixture;

const GATEWAY: &str = "bootview/payment-gateway";

/// A workspace of gateways whose keys come from a provider, and a program that notes each of its calls.
fn fixture(provider: &str, script: &str) -> SandboxFixture {
    let mut fixture = SandboxFixture::new(GATEWAY, 3, WireFormat::Json);
    for (at, one) in fixture.documents.iter_mut().enumerate() {
        one.document["spec"]["merchantKey"] = json!({ "from_secret": { "vault": format!("key-{at}") } });
    }
    fixture.write();
    let settings = fixture.workspace.read("trueup.yaml");
    fixture.workspace.write("trueup.yaml", &format!("{settings}\nsecrets:\n  vault: {provider}\n"));
    write_program(&fixture, "vault", script);
    fixture
}

fn write_program(fixture: &SandboxFixture, name: &str, script: &str) {
    fixture.workspace.write(name, &format!("#!/bin/sh\necho call >> calls\n{script}\n"));
    fs::set_permissions(fixture.workspace.path(name), fs::Permissions::from_mode(0o755)).expect("a mode");
}

fn calls(fixture: &SandboxFixture) -> usize {
    fs::read_to_string(fixture.workspace.path("calls")).map_or(0, |text| text.lines().count())
}

/// The keys that the sandbox holds after an apply.
fn applied_keys(fixture: &SandboxFixture) -> Vec<String> {
    fixture.workspace.expect(0, &["apply", "--auto-approve", "--rotate", "*:merchantKey"]);
    let dump = fixture.dump();
    let key = |own: &serde_json::Value| own["object"]["merchantKey"].as_str().expect("a key").to_owned();
    dump.iter().map(key).collect()
}

#[test]
fn one_call_gives_many_secrets_by_names_on_stdin() {
    let script = r#"
printf '{'
while read -r name; do printf '%s"%s": "secret-of-%s"' "$comma" "$name" "$name"; comma=', '; done
printf '}'"#;
    let fixture = fixture("{ command: [./vault] }", script);
    assert_eq!(applied_keys(&fixture), ["secret-of-key-0", "secret-of-key-1", "secret-of-key-2"]);
    assert_eq!(calls(&fixture), 1, "one call for all names");
    let plan = fixture.workspace.expect(0, &["plan"]);
    assert!(!plan.all().contains("secret-of-"), "{}", plan.all());
}

#[test]
fn names_may_be_arguments_and_outputs_lists() {
    let script = r#"printf '['
for name in "$@"; do printf '%s{"name": "%s", "value": "v-%s"}' "$comma" "$name" "$name"; comma=', '; done
printf ']'"#;
    let fixture = fixture("{ command: [./vault], names: arguments }", script);
    assert_eq!(applied_keys(&fixture), ["v-key-0", "v-key-1", "v-key-2"]);
}

/// What the programs of four vaults print, as their manuals show it; each in the place of the real one.
#[test]
fn the_outputs_of_known_vaults_are_read() {
    for (output, name) in [
        // vault kv get -format=json secret/harbor
        (
            r#"{"request_id":"1","data":{"data":{"key":"the-secret"},"metadata":{"version":2}}}"#,
            "data.data.key",
        ),
        // aws secretsmanager batch-get-secret-value --query 'SecretValues[].{name:Name,value:SecretString}'
        (r#"[{"name":"harbor/key","value":"the-secret"},{"name":"other","value":"x"}]"#, "harbor/key"),
        // op item get harbor --format json | jq '[.fields[] | {name: .label, value}]'
        (
            r#"[{"name":"username","value":null},{"name":"merchant key","value":"the-secret"}]"#,
            "merchant key",
        ),
        // sops --decrypt --output-type json secrets.yaml
        (r#"{"harbor":{"key":"the-secret"}}"#, "harbor.key"),
    ] {
        let mut fixture = fixture("{ command: [./vault] }", &format!("cat <<'EOF'\n{output}\nEOF"));
        for one in &mut fixture.documents {
            one.document["spec"]["merchantKey"] = json!({ "from_secret": { "vault": name } });
        }
        let settings = fixture.workspace.read("trueup.yaml");
        fixture.write();
        fixture.workspace.write("trueup.yaml", &settings);
        assert_eq!(applied_keys(&fixture), ["the-secret"; 3], "{output}");
    }
}

/// A program in the place of a real one: it checks how it is called, and prints what the real one would.
const STAND_INS: [(&str, &str, &str); 4] = [
    (
        "vault",
        "kv get -format=json secret/harbor",
        r#"{"request_id":"1","data":{"data":{"merchant_key":"the-secret"},"metadata":{"version":2}}}"#,
    ),
    (
        "aws",
        "secretsmanager batch-get-secret-value --query SecretValues[].{name:Name,value:SecretString} --output json --secret-id-list harbor/merchant-key",
        r#"[{"name":"harbor/merchant-key","value":"the-secret"}]"#,
    ),
    (
        "op",
        "item get harbor --format json",
        r#"{"id":"x","fields":[{"id":"u","label":"username"},{"id":"k","label":"merchant key","value":"the-secret"}]}"#,
    ),
    ("sops", "--decrypt --output-type json secrets.yaml", r#"{"harbor":{"merchant_key":"the-secret"}}"#),
];

/// The entries of the page about secrets: the name of each provider, its settings, and a source.
fn documented_providers() -> Vec<(String, String)> {
    let page = fs::read_to_string("docs/secrets.md").expect("the page");
    let entries = page.split("\n### ").skip(1).map(|section| {
        let block = section.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next());
        let source = section.split("`{ from_secret: ").nth(1).and_then(|rest| rest.split('`').next());
        (block.expect("an entry").to_owned(), format!("{{ from_secret: {}", source.expect("a source")))
    });
    entries.collect()
}

#[test]
fn the_documented_providers_work_with_stand_ins() {
    let has_jq = std::process::Command::new("jq").arg("--version").output().is_ok();
    assert!(has_jq || std::env::var_os("TRUEUP_REQUIRE_CI_TOOLS").is_none(), "there is no jq");
    let providers = documented_providers();
    assert_eq!(providers.len(), STAND_INS.len());
    for ((settings, source), (program, words, output)) in providers.into_iter().zip(STAND_INS) {
        if program == "op" && !has_jq {
            continue;
        }
        let mut fixture = SandboxFixture::new(GATEWAY, 2, WireFormat::Json);
        for one in &mut fixture.documents {
            one.document["spec"]["merchantKey"] = serde_yaml::from_str(&source).expect("a source");
        }
        fixture.write();
        let own = fixture.workspace.read("trueup.yaml");
        fixture.workspace.write("trueup.yaml", &format!("{own}\n{settings}"));
        let script = format!("[ \"$*\" = '{words}' ] || exit 9\ncat <<'EOF'\n{output}\nEOF");
        write_program(&fixture, &format!("bin/{program}"), &script);
        let path = std::env::var("PATH").unwrap_or_default();
        let bin = fixture.workspace.path("bin");
        fixture.workspace.set("PATH", format!("{}:{path}", bin.display()));
        assert_eq!(applied_keys(&fixture), ["the-secret"; 2], "{program}");
        assert_eq!(calls(&fixture), 1, "one call for all names");
    }
}

#[test]
fn a_provider_that_fails_is_named_once_at_its_line() {
    let broken = "echo the-secret-on-stderr >&2; echo the-secret; exit 3";
    for (script, said) in [
        (broken, "the secret provider vault ended with exit status 3"),
        ("echo '\"the-secret\"'", "the secret provider vault prints no JSON object or list"),
        ("echo the-secret", "the secret provider vault prints no JSON object or list"),
    ] {
        let fixture = fixture("{ command: [./vault] }", script);
        let ran = fixture.workspace.expect(1, &["plan"]);
        ran.complains(&["unresolved-secret", said, "trueup.yaml:", "1 error"]);
        assert!(!ran.all().contains("the-secret"), "{}", ran.all());
    }
    let slow = fixture("{ command: [./vault], timeout: 1 }", "sleep 20");
    slow.workspace.expect(1, &["plan"]).complains(&["did not end within 1 s"]);
    let partly = fixture("{ command: [./vault] }", r#"echo '{"key-0": "a", "key-1": 7}'"#);
    let ran = partly.workspace.expect(1, &["plan"]);
    ran.complains(&["the secret key-1 of provider vault", "the secret key-2 of provider vault", "2 errors"]);
}

#[test]
fn providers_are_checked_offline_and_can_be_switched_off() {
    let mut fixture = fixture("{ command: [./vault] }", "echo '{}'");
    fixture.workspace.expect(0, &["validate"]);
    fixture.workspace.set("TRUEUP_NO_COMMANDS", "1");
    fixture.workspace.expect(1, &["plan"]).complains(&["TRUEUP_NO_COMMANDS is set"]);
    assert_eq!(calls(&fixture), 0);
    let settings = fixture.workspace.read("trueup.yaml");
    fixture.workspace.write("trueup.yaml", &settings.replace("  vault:", "  vaults:"));
    let ran = fixture.workspace.expect(1, &["validate"]);
    ran.complains(&["unknown-secret-provider", "did you mean `vaults`?", "config/000.yaml"]);
    fixture.workspace.write("trueup.yaml", &settings.replace("command: [./vault]", "command: []"));
    fixture.workspace.expect(1, &["validate"]);
}

#[test]
fn a_plan_without_secrets_compares_everything_else_and_says_so() {
    let mut fixture = fixture("{ command: [./vault] }", "exit 1");
    let plan = ["plan", "--no-secrets", "--format", "json"];
    let report = fixture.workspace.expect(0, &plan).json();
    assert_eq!((&report["summary"]["unchanged"], &report["summary"]["refused"]), (&json!(3), &json!(0)));
    assert_eq!(calls(&fixture), 0, "no program runs");
    for unchanged in report["unchanged"].as_array().expect("objects") {
        assert_eq!(unchanged["notes"][0]["code"], "not-compared", "{unchanged}");
    }
    let settings = fixture.workspace.read("trueup.yaml");
    fixture.documents[1].document["spec"]["maxPaymentAmount"] = json!(4321.5);
    fixture.write();
    fixture.workspace.write("trueup.yaml", &settings);
    let report = fixture.workspace.expect(0, &plan).json();
    assert_eq!(report["summary"]["update"], 1, "{report:#}");
    let paths: Vec<_> = report["changes"][0]["fields"].as_array().expect("fields").iter().collect();
    assert_eq!(paths.len(), 1, "{paths:?}");
    let ran = fixture.workspace.expect(0, &["plan", "--no-secrets"]);
    ran.says(&["1 to update, 2 unchanged", "the secret key-1 of provider vault was not read"]);
    // an object that does not exist yet
    let text = fixture.workspace.read("config/000.yaml");
    let (first, _) = text.split_once("\n---").expect("several documents");
    let name = fixture.documents[0].document["spec"]["displayName"].as_str().expect("a name").to_owned();
    let fresh = first.replace("o-0000", "fresh").replace(&name, "A fresh gateway");
    let fresh: String =
        fresh.lines().filter(|line| !line.starts_with("id:")).map(|line| format!("{line}\n")).collect();
    fixture.workspace.write("config/fresh.yaml", &fresh);
    let report = fixture.workspace.expect(0, &[&plan[..], &["--name", "fresh"]].concat()).json();
    assert_eq!(report["summary"]["create"], 1, "{report:#}");
    // what was not compared is neither saved nor applied
    fixture.workspace.expect(64, &["plan", "--no-secrets", "-o", "plan.json"]);
    fixture.workspace.expect(64, &["apply", "--no-secrets"]);
}

#[test]
fn a_credential_of_a_provider_is_read_again_after_401_and_hidden() {
    const CANARY: &str = "renewed-canary-8802";
    // the sandbox refuses the word `wrong`: the token that ran out
    let script = format!(
        "if [ $(wc -l < calls) = 1 ]; then printf '{{\"token\": \"wrong\"}}'; else printf '{{\"token\": \"{CANARY}\"}}'; fi"
    );
    let mut fixture = SandboxFixture::new(GATEWAY, 2, WireFormat::Json);
    let settings = fixture.workspace.read("trueup.yaml");
    let mut settings: serde_json::Value = serde_yaml::from_str(&settings).expect("settings");
    settings["secrets"] = json!({ "vault": { "command": ["./vault"] } });
    for target in settings["targets"].as_object_mut().expect("targets").values_mut() {
        target["auth"] = json!({ "bearer": { "from_secret": { "vault": "token" } } });
    }
    fixture.workspace.write("trueup.yaml", &trueup::yaml::write_yaml(&settings));
    write_program(&fixture, "vault", &script);
    // a service may show the token in a field that no one marked
    fixture.edit(0, json!({ "merchantId": format!("of {CANARY}") }));
    fixture.documents[0].document["spec"]["merchantId"] = json!("another");
    fixture.write();
    let ran = fixture.workspace.expect(0, &["plan", "-vv", "--report", "json=out/plan"]);
    assert_eq!(calls(&fixture), 2, "once more after 401");
    ran.says(&["merchantId", "of •••"]);
    assert!(
        !ran.all().contains(CANARY) && !fixture.workspace.read("out/plan").contains(CANARY),
        "{}",
        ran.all()
    );
}
