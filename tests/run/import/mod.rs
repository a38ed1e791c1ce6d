//! Import: live objects become documents, with the real program against the sandbox.
//!
//! What is written is read again in every way: by the program, by a plan with the real secrets in its
//! environment, by eye where a line matters. Nothing here may depend on what one kind looks like, unless the
//! test says which.

mod composed;
mod import_fixture;
mod leaks;
mod lists_in_items;
mod pending;
mod removed_items;
mod round_trip;
mod second_import;

use import_fixture::{ImportFixture, PLAN, each_kind, options};
use serde_json::{Value as Json, json};
use trueup::kind::WireFormat;
use trueup::sandbox::{SandboxOptions, SandboxSecretMode};

const GATEWAY: &str = "bootview/payment-gateway";
const PARTNER: &str = "carrierx/partner";
const CUSTOMER: &str = "keypro/customer";

#[test]
fn every_kind_comes_in_and_a_plan_over_it_is_empty() {
    each_kind(|kind| {
        for format in kind.api.formats.clone() {
            for flags in [&[][..], &["--personal"], &["--single-file"]] {
                let mut fixture = ImportFixture::with(&kind.name, format, options());
                let ran = fixture.import(0, flags);
                ran.says(&["planning these documents shows no changes"]);
                assert_eq!(ran.err, "", "{}", ran.all());
                fixture.supply(&ran);
                let ran = fixture.workspace.expect(0, &PLAN);
                ran.says(&["No changes"]);
                let before = fixture.workspace.files();
                let count = fixture.live().len();
                let ran = fixture.import(0, flags);
                ran.says(&[&format!("{count} unchanged"), "shows no changes"]);
                assert!(
                    before == fixture.workspace.files(),
                    "a second import changes nothing\n{}",
                    ran.all()
                );
                assert!(fixture.sandbox.read_log().iter().all(|entry| entry.method == "GET"), "only reads");
            }
        }
    });
}

#[test]
fn an_import_without_secrets_needs_none() {
    each_kind(|kind| {
        let fixture = ImportFixture::new(&kind.name);
        let ran = fixture.import(0, &["--no-secrets"]);
        ran.says(&["planning these documents shows no changes"]);
        for (path, text) in fixture.workspace.files() {
            let text = String::from_utf8_lossy(&text).into_owned();
            let is_document = path.starts_with(fixture.workspace.path("config"));
            assert!(!is_document || !text.contains("from_env"), "{}: {text}", path.display());
        }
        // nothing is set
        fixture.workspace.expect(0, &PLAN).says(&["No changes"]);
    });
    // a source that a document has stays
    let fixture = ImportFixture::new(GATEWAY);
    fixture.import(0, &[]);
    fixture.import(0, &["--no-secrets"]).says(&["unchanged"]);
    let texts =
        fixture.workspace.files().into_iter().map(|(_, text)| String::from_utf8_lossy(&text).into_owned());
    assert!(texts.into_iter().any(|text| text.contains("merchantKey: { from_env:")));
}

#[test]
fn a_document_looks_as_a_person_would_write_it() {
    let fixture = ImportFixture::new(GATEWAY);
    fixture.workspace.write("schemas/document.json", "{}");
    fixture.import(0, &["displayName=Card gateway"]);
    let expected = "\
# yaml-language-server: $schema=../schemas/document.json
# Set in the environment:
#   BOOTVIEW_CARD_GATEWAY_MERCHANT_KEY  for merchantKey
kind: bootview/payment-gateway
name: card-gateway
id: 5e1f0a77-2c3d-4b4e-8f50-6172839405a6
scope:
  customerId: 3f2b8c1e-5d4a-4e7f-9a60-1b2c3d4e5f60
spec:
  merchantId: M-1001
  merchantKey: { from_env: BOOTVIEW_CARD_GATEWAY_MERCHANT_KEY }
  # merchantPin: { from_env: BOOTVIEW_CARD_GATEWAY_MERCHANT_PIN }  # not returned by the API: set its source, or write null if there is none
  displayName: Card gateway
  allowToken: true
  maxPaymentAmount: 2500.0
  minPaymentAmount: 1.0
  billTypes:
    - { billTypeId: 3, applyConvenienceFee: true }
  paymentTypes:
    - { paymentType: CC }
  convenienceFees:
    - paymentType: CC
      minRange: 0.0
      maxRange: 100.0
      feeAmount: 2.95
      applyAtPaymentOfBoot: true
      applyAtPaymentOfNotice: false
  applications:
    - { applicationId: 77777777-8888-4999-8aaa-bbbbbbbbbbbb, isActive: true }
";
    assert_eq!(fixture.workspace.read("config/card-gateway.yaml"), expected);
}

#[test]
fn what_the_target_says_is_not_repeated() {
    let mut fixture = ImportFixture::new(GATEWAY);
    fixture.settle(&[("there", true)]);
    fixture.import(0, &[]);
    let text = fixture.workspace.read("config/card-gateway.yaml");
    assert!(!text.contains("scope:") && !text.contains("target:"), "{text}");
    let mut fixture = ImportFixture::new(GATEWAY);
    fixture.settle(&[("there", true), ("elsewhere", true)]);
    fixture
        .workspace
        .expect(1, &["import", GATEWAY, "-o", "config"])
        .complains(&["ambiguous-target", "elsewhere"]);
    fixture.import(0, &["--target", "there"]);
    let text = fixture.workspace.read("config/card-gateway.yaml");
    assert!(text.contains("\ntarget: there\n") && !text.contains("scope:"), "{text}");
    // the same name on two targets is two secrets
    assert!(text.contains("BOOTVIEW_THERE_CARD_GATEWAY_MERCHANT_KEY"), "{text}");
    let ran = fixture.import(0, &["--target", "elsewhere", "--output", "config/elsewhere"]);
    ran.says(&["config/elsewhere/card-gateway.yaml", "BOOTVIEW_ELSEWHERE_CARD_GATEWAY_MERCHANT_KEY"]);
}

#[test]
fn selectors_choose() {
    let fixture = ImportFixture::new(GATEWAY);
    let chosen = |selectors: &[&str]| -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().to_str().unwrap();
        let ran =
            fixture.workspace.expect(0, &[&fixture.command(&["--output", folder])[..], selectors].concat());
        ran.json()["results"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["name"].as_str().unwrap().into())
            .collect()
    };
    assert_eq!(chosen(&["displayName=Card gateway"]), ["card-gateway"]);
    assert_eq!(chosen(&["displayName=Card*"]), ["card-gateway"]);
    assert_eq!(chosen(&["displayName=*desk"]), ["training-desk"]);
    assert_eq!(chosen(&["displayName=*a*"]).len(), 3);
    assert_eq!(chosen(&["5E1F0A772C3D4B4E8F506172839405A6"]), ["card-gateway"]);
    assert_eq!(chosen(&["maxPaymentAmount=2500.000", "testMode=1"]), ["card-gateway", "training-desk"]);
    assert_eq!(chosen(&["billTypes.billTypeId=7"]), ["harbor-city-checks"]);
    let says = |selector: &str, said: &[&str]| {
        let ran = fixture.workspace.expect(1, &fixture.command(&[selector]));
        ran.complains(said);
        assert_eq!(ran.json()["verified"], json!(false));
    };
    says("displayNme=x", &["unknown-field", "did you mean `displayName`?"]);
    says("merchantKey=k:9,f", &["secret-selector"]);
    says("maxPaymentAmount=much", &["wrong-value"]);
    says("convenienceFees=1", &["invalid-selector"]);
    says("x", &["wrong-value", "UUID"]);
    // what is there is written all the same
    let both = ["displayName=Card gateway", "displayName=nobody"];
    fixture.workspace.expect(4, &fixture.command(&both)).complains(&["no-match", "nobody"]);
    assert!(fixture.workspace.path("config/card-gateway.yaml").exists());
    fixture.workspace.expect(1, &fixture.command(&["displayName=nobody"]));
}

#[test]
fn few_ids_are_read_one_by_one() {
    let fixture = ImportFixture::new(PARTNER);
    let id = "cccccccc-0000-4000-8000-000000000003";
    fixture.import(0, &[id]);
    let paths: Vec<String> = fixture.sandbox.read_log().into_iter().map(|entry| entry.path).collect();
    assert!(!paths.is_empty() && paths.iter().all(|path| path.ends_with(id)), "{paths:?}");
    let other = "cccccccc-0000-4000-8000-00000000ffff";
    fixture.workspace.expect(4, &fixture.command(&[id, other])).complains(&["no-match", other]);
}

#[test]
fn objects_of_one_name_are_distinguished_by_their_ids() {
    let fixture = ImportFixture::new(GATEWAY);
    fixture.edit(1, json!({ "displayName": "CARD – gateway!" }));
    fixture.import(0, &[]);
    let names = ["card-gateway-5e1f0a77", "card-gateway-7a40c9d2", "training-desk"];
    for name in names {
        let text = fixture.workspace.read(&format!("config/{name}.yaml"));
        assert!(text.contains(&format!("\nname: {name}\n")), "{text}");
    }
    // a name that a document has is not taken again
    fixture.edit(2, json!({ "displayName": "card gateway 5e1f0a77" }));
    fixture.workspace.remove("config/training-desk.yaml");
    fixture.import(0, &[]).says(&["card-gateway-5e1f0a77-c2f6e8a0"]);
}

#[test]
fn a_file_that_holds_something_else_is_not_touched() {
    let fixture = ImportFixture::new(GATEWAY);
    fixture.workspace.write("out/card-gateway.yaml", "services: { web: {} }\n");
    fixture.workspace.write("out/training-desk.yaml", "not: [yaml");
    let ran = fixture.import(0, &["--output", "out"]);
    ran.says(&["out/card-gateway-bootview-payment-gateway.yaml"]).complains(&["unreadable-folder"]);
    assert_eq!(fixture.workspace.read("out/card-gateway.yaml"), "services: { web: {} }\n");
    assert_eq!(fixture.workspace.read("out/training-desk.yaml"), "not: [yaml");
    // documents outside the patterns of the workspace are found again all the same
    fixture.import(0, &["--output", "out"]).says(&["3 unchanged"]);
    for name in ["card-gateway", "card-gateway-bootview-payment-gateway"] {
        fixture.workspace.write(&format!("more/{name}.yaml"), "a: 1\n");
    }
    let ran = fixture.workspace.expect(4, &fixture.command(&["--output", "more"]));
    ran.complains(&["file-exists"]);
    assert_eq!(ran.json()["results"][0]["result"], "not_written");
}

#[test]
fn what_is_described_elsewhere_is_not_described_twice() {
    let fixture = ImportFixture::new(GATEWAY);
    fixture.import(0, &["--output", "config/a", "displayName=Card*"]);
    let ran = fixture.import(0, &["--output", "config/b"]);
    ran.says(&["elsewhere", "config/a/card-gateway.yaml", "2 new, 1 elsewhere"]);
    assert!(!fixture.workspace.path("config/b/card-gateway.yaml").exists());
    fixture.workspace.expect(0, &["validate"]);
}

#[test]
fn one_file_for_a_kind_grows() {
    let fixture = ImportFixture::new(GATEWAY);
    fixture.workspace.write("schemas/document.json", "{}");
    fixture.import(0, &["--single-file", "displayName=Card*"]);
    let first = fixture.workspace.read("config/bootview-payment-gateway.yaml");
    fixture.import(0, &["--single-file"]).says(&["2 new, 1 unchanged"]);
    let all = fixture.workspace.read("config/bootview-payment-gateway.yaml");
    assert!(all.starts_with(&format!("{first}---\n")), "{all}");
    assert_eq!(all.matches("yaml-language-server").count(), 1);
    assert_eq!(all.matches("\n---\n").count(), 2);
    fixture.import(0, &["--single-file"]).says(&["3 unchanged"]);
}

/// Without one secret that shows, no one knows whether there is none: then the document does not say so, and a
/// write that would blank them stays refused.
#[test]
fn secrets_that_do_not_read_back_are_not_declared_none() {
    for secrets in [SandboxSecretMode::Hidden, SandboxSecretMode::Masked] {
        each_kind(|kind| {
            let fixture = ImportFixture::with(
                &kind.name,
                WireFormat::Json,
                SandboxOptions { secret_mode: secrets, ..options() },
            );
            fixture.import(0, &[]).says(&["shows no changes"]);
        });
    }
    let hidden = SandboxOptions { secret_mode: SandboxSecretMode::Hidden, ..options() };
    let mut fixture = ImportFixture::with(GATEWAY, WireFormat::Json, hidden);
    let ran = fixture.import(0, &[]);
    fixture.supply(&ran);
    let text = fixture.workspace.read("config/card-gateway.yaml");
    let line = "  # merchantKey: { from_env: BOOTVIEW_CARD_GATEWAY_MERCHANT_KEY }  # not returned by the API: set \
                its source, or write null if there is none\n";
    assert!(text.contains(line) && !text.contains("merchantKey: null"), "{text}");
    fixture.workspace.write("config/card-gateway.yaml", &text.replace("2500.0", "2600.0"));
    fixture.workspace.expect(3, &PLAN).says(&["would-erase"]);
}

#[test]
fn personal_values_are_written_only_when_asked_for() {
    let fixture = ImportFixture::new(CUSTOMER);
    let ran = fixture.import(0, &[]);
    ran.says(&["personal or internal fields omitted"]);
    assert!(fixture.texts().contains("# 9 personal or internal fields are omitted"));
    let fixture = ImportFixture::new(CUSTOMER);
    fixture.import(0, &["--personal"]);
    assert!(fixture.texts().contains("customer_name: Aino Virtanen"));
    assert!(!fixture.texts().contains("omitted"));
}

#[test]
fn names_are_never_made_of_marked_fields() {
    for flags in [&[][..], &["--personal"]] {
        let fixture = ImportFixture::new(PARTNER);
        for number in 0..4 {
            fixture.edit(number, json!({ "company_name": null }));
        }
        let ran = fixture.import(0, flags);
        ran.says(&["config/partner-cccccccc-0000-4000-8000-000000000003.yaml"]);
        assert!(!ran.all().contains("lakeside"), "{}", ran.all());
        let named =
            |text: &str| text.lines().any(|line| line.starts_with("name:") && line.contains("lakeside"));
        assert!(!named(&fixture.texts()), "{}", fixture.texts());
    }
}

#[test]
fn names_are_made_of_what_the_kind_says() {
    let fixture = ImportFixture::new(PARTNER);
    // two of one name, and one without
    fixture.edit(1, json!({ "company_name": "North Pier Storage" }));
    fixture.edit(0, json!({ "company_name": "" }));
    let ran = fixture.import(0, &[]);
    let own = ["config/lakeside-labs.yaml", "config/partner-cccccccc-0000-4000-8000-000000000003.yaml"];
    ran.says(&own).says(&["shows no changes"]);
    let duplicates = ran.out.lines().filter(|line| line.contains("config/north-pier-storage-cccccccc"));
    assert_eq!(duplicates.count(), 2, "{}", ran.all());
    fixture.import(0, &[]).says(&["4 unchanged"]);
}

#[test]
fn what_is_wrong_is_reported_before_the_first_request() {
    let fixture = ImportFixture::new(GATEWAY);
    let says = |arguments: &[&str], said: &[&str]| {
        let ran = fixture.workspace.expect(1, &[&["import"], arguments].concat());
        ran.complains(said);
        assert_eq!(ran.out, "", "{}", ran.all());
    };
    says(&["bootview/payment-gatway", "-o", "x"], &["did you mean `bootview/payment-gateway`?"]);
    says(&["keypro/customer", "-o", "x"], &["no-target"]);
    says(&[GATEWAY, "-o", "x", "--target", "ther"], &["unknown-target", "did you mean `there`?"]);
    says(&[GATEWAY, "-o", "x"], &["missing-scope", "--scope customerId="]);
    says(&[GATEWAY, "-o", "x", "--scope", "customer=1"], &["unknown-scope", "customerId"]);
    says(&[GATEWAY, "-o", "x", "--scope", "customerId=1"], &["wrong-value", "UUID"]);
    fixture.workspace.expect(64, &["import", GATEWAY]);
    fixture.workspace.write("config/broken.yaml", "kind: bootview/payment-gateway\n");
    says(&[GATEWAY, "-o", "x", "nope"], &["missing-key", "missing-scope"]);
    assert_eq!(fixture.sandbox.read_log().len(), 0);
}

#[test]
fn a_service_that_fails_leaves_nothing_behind() {
    let fixture = ImportFixture::new(GATEWAY);
    for fault in ["401", "html", "truncate", "500"] {
        fixture.fail(&format!("GET:{fault}:8"));
        let ran = fixture.workspace.expect(1, &fixture.command(&["--request-timeout", "5"]));
        assert_eq!(ran.json()["results"], json!([]));
        assert!(!fixture.workspace.path("config").exists(), "{}", ran.all());
        fixture.sandbox.reset_state();
    }
}

#[test]
fn an_empty_collection_is_reported() {
    let mut fixture =
        ImportFixture::with(GATEWAY, WireFormat::Json, SandboxOptions { count: Some(0), ..options() });
    fixture.settle(&[("there", false)]);
    let scope = "customerId=3f2b8c1e-5d4a-4e7f-9a60-1b2c3d4e5f60";
    let ran = fixture.workspace.run(&["import", GATEWAY, "-o", "config", "--scope", scope]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    ran.says(&["nothing to import"]).complains(&["empty-collection"]);
}

#[test]
fn explain_says_what_a_kind_and_a_field_are() {
    let workspace = crate::support::workspace::Workspace::new();
    workspace.expect(0, &["explain"]).says(&[GATEWAY, CUSTOMER]);
    workspace.expect(0, &["explain", GATEWAY]).says(&[
        "KIND:   bootview/payment-gateway",
        "merchantKey",
        "-secret-",
    ]);
    let ran = workspace.expect(0, &["explain", "bootview/payment-gateway.convenienceFees"]);
    ran.says(&["FIELD:  convenienceFees <array of objects>", "matched by", "EXAMPLE:"]);
    let json: Json =
        workspace.expect(0, &["explain", "bootview/payment-gateway.merchantKey", "--format", "json"]).json();
    assert_eq!(json["type"], "string");
    assert_eq!(json["example"], json!({ "from_env": "MERCHANT_KEY" }));
    let kinds = workspace.expect(0, &["explain", "--format", "json"]).json();
    assert!(kinds["kinds"].as_array().unwrap().iter().any(|kind| kind["name"] == GATEWAY));
    let ran = workspace.expect(1, &["explain", "bootview/payment-gateway.convenienceFee"]);
    ran.complains(&["unknown-field", "did you mean `convenienceFees`?"]);
    workspace.expect(1, &["explain", "bootview/gateway"]).complains(&["unknown-kind"]);
}
