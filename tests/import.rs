//! Import: live objects become documents, with the real program against the sandbox.
//!
//! What is written is read again in every way: by the program, by a plan with the real secrets in its
//! environment, by eye where a line matters. Nothing here may depend on what one kind looks like, unless the
//! test says which.

#[allow(dead_code)] // each test binary uses its part
#[path = "canary/birds.rs"]
mod birds;
#[allow(dead_code)] // each test binary uses its part
#[path = "canary/cages.rs"]
mod cages;
#[allow(dead_code)] // each test binary uses its part
#[path = "end_to_end/desk.rs"]
mod desk;
#[path = "import/estate.rs"]
mod estate;
#[path = "import/leaks.rs"]
mod leaks;
#[path = "import/round_trip.rs"]
mod round_trip;
#[path = "import/second.rs"]
mod second;
#[allow(dead_code)] // each test binary uses its part
#[path = "end_to_end/written.rs"]
mod written;

use estate::{Estate, PLAN, each_kind, options};
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
                let mut estate = Estate::with(&kind.name, format, options());
                let ran = estate.import(0, flags);
                ran.says(&["a plan over these documents is empty"]);
                assert_eq!(ran.err, "", "{}", ran.all());
                estate.supply(&ran);
                let ran = estate.desk.expect(0, &PLAN);
                ran.says(&["Nothing to do"]);
                let before = estate.desk.files();
                let count = estate.live().len();
                let ran = estate.import(0, flags);
                ran.says(&[&format!("{count} unchanged"), "is empty"]);
                assert!(before == estate.desk.files(), "a second import changes nothing\n{}", ran.all());
                assert!(estate.sandbox.read_log().iter().all(|entry| entry.method == "GET"), "only reads");
            }
        }
    });
}

#[test]
fn a_document_looks_as_a_person_would_write_it() {
    let estate = Estate::new(GATEWAY);
    estate.desk.write("schemas/document.json", "{}");
    estate.import(0, &["displayName=Card gateway"]);
    let expected = "\
# yaml-language-server: $schema=../schemas/document.json
# To be set in the environment:
#   BOOTVIEW_CARD_GATEWAY_MERCHANT_KEY  for merchantKey
kind: bootview/payment-gateway
name: card-gateway
id: 5e1f0a77-2c3d-4b4e-8f50-6172839405a6
scope:
  customerId: 3f2b8c1e-5d4a-4e7f-9a60-1b2c3d4e5f60
spec:
  merchantId: M-1001
  merchantKey: { from_env: BOOTVIEW_CARD_GATEWAY_MERCHANT_KEY }
  merchantPin: null  # reads back empty: set a source here if there is one
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
    assert_eq!(estate.desk.read("config/card-gateway.yaml"), expected);
}

#[test]
fn what_the_target_says_is_not_repeated() {
    let mut estate = Estate::new(GATEWAY);
    estate.settle(&[("there", true)]);
    estate.import(0, &[]);
    let text = estate.desk.read("config/card-gateway.yaml");
    assert!(!text.contains("scope:") && !text.contains("target:"), "{text}");
    let mut estate = Estate::new(GATEWAY);
    estate.settle(&[("there", true), ("elsewhere", true)]);
    estate.desk.expect(1, &["import", GATEWAY, "-o", "config"]).complains(&["which-target", "elsewhere"]);
    estate.import(0, &["--target", "there"]);
    let text = estate.desk.read("config/card-gateway.yaml");
    assert!(text.contains("\ntarget: there\n") && !text.contains("scope:"), "{text}");
    // the same name on two targets is two secrets
    assert!(text.contains("BOOTVIEW_THERE_CARD_GATEWAY_MERCHANT_KEY"), "{text}");
    let ran = estate.import(0, &["--target", "elsewhere", "--output", "config/elsewhere"]);
    ran.says(&["config/elsewhere/card-gateway.yaml", "BOOTVIEW_ELSEWHERE_CARD_GATEWAY_MERCHANT_KEY"]);
}

#[test]
fn selectors_choose() {
    let estate = Estate::new(GATEWAY);
    let chosen = |selectors: &[&str]| -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().to_str().unwrap();
        let ran = estate.desk.expect(0, &[&estate.command(&["--output", folder])[..], selectors].concat());
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
        let ran = estate.desk.expect(1, &estate.command(&[selector]));
        ran.complains(said);
        assert_eq!(ran.json()["proven"], json!(false));
    };
    says("displayNme=x", &["unknown-field", "did you mean `displayName`?"]);
    says("merchantKey=k:9,f", &["secret-selector"]);
    says("maxPaymentAmount=much", &["wrong-value"]);
    says("convenienceFees=1", &["odd-selector"]);
    says("x", &["wrong-value", "guid"]);
    // what is there is written all the same
    let both = ["displayName=Card gateway", "displayName=nobody"];
    estate.desk.expect(4, &estate.command(&both)).complains(&["no-match", "nobody"]);
    assert!(estate.desk.path("config/card-gateway.yaml").exists());
    estate.desk.expect(1, &estate.command(&["displayName=nobody"]));
}

#[test]
fn few_ids_are_read_one_by_one() {
    let estate = Estate::new(PARTNER);
    let id = "cccccccc-0000-4000-8000-000000000003";
    estate.import(0, &[id]);
    let paths: Vec<String> = estate.sandbox.read_log().into_iter().map(|entry| entry.path).collect();
    assert!(!paths.is_empty() && paths.iter().all(|path| path.ends_with(id)), "{paths:?}");
    let other = "cccccccc-0000-4000-8000-00000000ffff";
    estate.desk.expect(4, &estate.command(&[id, other])).complains(&["no-match", other]);
}

#[test]
fn objects_of_one_name_are_told_apart_by_their_ids() {
    let estate = Estate::new(GATEWAY);
    estate.edit(1, json!({ "displayName": "CARD – gateway!" }));
    estate.import(0, &[]);
    let names = ["card-gateway-5e1f0a77", "card-gateway-7a40c9d2", "training-desk"];
    for name in names {
        let text = estate.desk.read(&format!("config/{name}.yaml"));
        assert!(text.contains(&format!("\nname: {name}\n")), "{text}");
    }
    // a name that a document has is not taken again
    estate.edit(2, json!({ "displayName": "card gateway 5e1f0a77" }));
    estate.desk.remove("config/training-desk.yaml");
    estate.import(0, &[]).says(&["card-gateway-5e1f0a77-c2f6e8a0"]);
}

#[test]
fn a_file_that_holds_something_else_is_not_touched() {
    let estate = Estate::new(GATEWAY);
    estate.desk.write("out/card-gateway.yaml", "services: { web: {} }\n");
    estate.desk.write("out/training-desk.yaml", "not: [yaml");
    let ran = estate.import(0, &["--output", "out"]);
    ran.says(&["out/card-gateway-bootview-payment-gateway.yaml"]).complains(&["unread-folder"]);
    assert_eq!(estate.desk.read("out/card-gateway.yaml"), "services: { web: {} }\n");
    assert_eq!(estate.desk.read("out/training-desk.yaml"), "not: [yaml");
    // documents outside the patterns of the workspace are found again all the same
    estate.import(0, &["--output", "out"]).says(&["3 unchanged"]);
    for name in ["card-gateway", "card-gateway-bootview-payment-gateway"] {
        estate.desk.write(&format!("more/{name}.yaml"), "a: 1\n");
    }
    let ran = estate.desk.expect(4, &estate.command(&["--output", "more"]));
    ran.complains(&["file-taken"]);
    assert_eq!(ran.json()["results"][0]["result"], "not_written");
}

#[test]
fn what_is_described_elsewhere_is_not_described_twice() {
    let estate = Estate::new(GATEWAY);
    estate.import(0, &["--output", "config/a", "displayName=Card*"]);
    let ran = estate.import(0, &["--output", "config/b"]);
    ran.says(&["elsewhere", "config/a/card-gateway.yaml", "2 new, 1 elsewhere"]);
    assert!(!estate.desk.path("config/b/card-gateway.yaml").exists());
    estate.desk.expect(0, &["validate"]);
}

#[test]
fn one_file_for_a_kind_grows() {
    let estate = Estate::new(GATEWAY);
    estate.desk.write("schemas/document.json", "{}");
    estate.import(0, &["--single-file", "displayName=Card*"]);
    let first = estate.desk.read("config/bootview-payment-gateway.yaml");
    estate.import(0, &["--single-file"]).says(&["2 new, 1 unchanged"]);
    let all = estate.desk.read("config/bootview-payment-gateway.yaml");
    assert!(all.starts_with(&format!("{first}---\n")), "{all}");
    assert_eq!(all.matches("yaml-language-server").count(), 1);
    assert_eq!(all.matches("\n---\n").count(), 2);
    estate.import(0, &["--single-file"]).says(&["3 unchanged"]);
}

/// Without one secret that shows, nobody knows whether there is none: then the document does not say so, and a
/// write that would blank them stays refused.
#[test]
fn secrets_that_do_not_read_back_are_not_declared_none() {
    for secrets in [SandboxSecretMode::Hidden, SandboxSecretMode::Masked] {
        each_kind(|kind| {
            let estate = Estate::with(
                &kind.name,
                WireFormat::Json,
                SandboxOptions { secret_mode: secrets, ..options() },
            );
            estate.import(0, &[]).says(&["is empty"]);
        });
    }
    let hidden = SandboxOptions { secret_mode: SandboxSecretMode::Hidden, ..options() };
    let mut estate = Estate::with(GATEWAY, WireFormat::Json, hidden);
    let ran = estate.import(0, &[]);
    estate.supply(&ran);
    let text = estate.desk.read("config/card-gateway.yaml");
    let line = "  # merchantKey: { from_env: BOOTVIEW_CARD_GATEWAY_MERCHANT_KEY }  # does not read back: name its \
                source, or write null if there is none\n";
    assert!(text.contains(line) && !text.contains("merchantKey: null"), "{text}");
    estate.desk.write("config/card-gateway.yaml", &text.replace("2500.0", "2600.0"));
    estate.desk.expect(3, &PLAN).says(&["would-blank"]);
}

#[test]
fn personal_values_are_written_only_when_asked_for() {
    let estate = Estate::new(CUSTOMER);
    let ran = estate.import(0, &[]);
    ran.says(&["personal or sensitive fields left out"]);
    assert!(estate.texts().contains("# 9 personal or sensitive fields are left out"));
    let estate = Estate::new(CUSTOMER);
    estate.import(0, &["--personal"]);
    assert!(estate.texts().contains("customer_name: Aino Virtanen"));
    assert!(!estate.texts().contains("left out"));
}

#[test]
fn names_are_never_made_of_marked_fields() {
    for flags in [&[][..], &["--personal"]] {
        let estate = Estate::new(PARTNER);
        for number in 0..4 {
            estate.edit(number, json!({ "company_name": null }));
        }
        let ran = estate.import(0, flags);
        ran.says(&["config/partner-cccccccc-0000-4000-8000-000000000003.yaml"]);
        assert!(!ran.all().contains("lakeside"), "{}", ran.all());
        let named =
            |text: &str| text.lines().any(|line| line.starts_with("name:") && line.contains("lakeside"));
        assert!(!named(&estate.texts()), "{}", estate.texts());
    }
}

#[test]
fn names_are_made_of_what_the_kind_says() {
    let estate = Estate::new(PARTNER);
    // two of one name, and one without
    estate.edit(1, json!({ "company_name": "North Pier Storage" }));
    estate.edit(0, json!({ "company_name": "" }));
    let ran = estate.import(0, &[]);
    let own = ["config/lakeside-labs.yaml", "config/partner-cccccccc-0000-4000-8000-000000000003.yaml"];
    ran.says(&own).says(&["is empty"]);
    let twins = ran.out.lines().filter(|line| line.contains("config/north-pier-storage-cccccccc"));
    assert_eq!(twins.count(), 2, "{}", ran.all());
    estate.import(0, &[]).says(&["4 unchanged"]);
}

#[test]
fn what_is_wrong_is_told_before_the_first_request() {
    let estate = Estate::new(GATEWAY);
    let says = |arguments: &[&str], said: &[&str]| {
        let ran = estate.desk.expect(1, &[&["import"], arguments].concat());
        ran.complains(said);
        assert_eq!(ran.out, "", "{}", ran.all());
    };
    says(&["bootview/payment-gatway", "-o", "x"], &["did you mean `bootview/payment-gateway`?"]);
    says(&["keypro/customer", "-o", "x"], &["no-target"]);
    says(&[GATEWAY, "-o", "x", "--target", "ther"], &["unknown-target", "did you mean `there`?"]);
    says(&[GATEWAY, "-o", "x"], &["missing-scope", "--scope customerId="]);
    says(&[GATEWAY, "-o", "x", "--scope", "customer=1"], &["unknown-scope", "customerId"]);
    says(&[GATEWAY, "-o", "x", "--scope", "customerId=1"], &["wrong-value", "guid"]);
    estate.desk.expect(64, &["import", GATEWAY]);
    estate.desk.write("config/broken.yaml", "kind: bootview/payment-gateway\n");
    says(&[GATEWAY, "-o", "x", "nope"], &["missing-key", "missing-scope"]);
    assert_eq!(estate.sandbox.read_log().len(), 0);
}

#[test]
fn a_service_that_fails_leaves_nothing_behind() {
    let estate = Estate::new(GATEWAY);
    for fault in ["401", "html", "truncate", "500"] {
        estate.fail(&format!("GET:{fault}:8"));
        let ran = estate.desk.expect(1, &estate.command(&["--request-timeout", "5"]));
        assert_eq!(ran.json()["results"], json!([]));
        assert!(!estate.desk.path("config").exists(), "{}", ran.all());
        estate.sandbox.reset_state();
    }
}

#[test]
fn an_empty_collection_is_told() {
    let mut estate = Estate::with(GATEWAY, WireFormat::Json, SandboxOptions { count: Some(0), ..options() });
    estate.settle(&[("there", false)]);
    let scope = "customerId=3f2b8c1e-5d4a-4e7f-9a60-1b2c3d4e5f60";
    let ran = estate.desk.run(&["import", GATEWAY, "-o", "config", "--scope", scope]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    ran.says(&["nothing to import"]).complains(&["empty-collection"]);
}

#[test]
fn explain_says_what_a_kind_and_a_field_are() {
    let desk = desk::Desk::new();
    desk.expect(0, &["explain"]).says(&[GATEWAY, CUSTOMER]);
    desk.expect(0, &["explain", GATEWAY]).says(&[
        "KIND:   bootview/payment-gateway",
        "merchantKey",
        "-secret-",
    ]);
    let ran = desk.expect(0, &["explain", "bootview/payment-gateway.convenienceFees"]);
    ran.says(&["FIELD:  convenienceFees <list of objects>", "told apart by", "EXAMPLE:"]);
    let json: Json =
        desk.expect(0, &["explain", "bootview/payment-gateway.merchantKey", "--format", "json"]).json();
    assert_eq!(json["type"], "text");
    assert_eq!(json["example"], json!({ "from_env": "MERCHANT_KEY" }));
    let kinds = desk.expect(0, &["explain", "--format", "json"]).json();
    assert!(kinds["kinds"].as_array().unwrap().iter().any(|kind| kind["name"] == GATEWAY));
    let ran = desk.expect(1, &["explain", "bootview/payment-gateway.convenienceFee"]);
    ran.complains(&["unknown-field", "did you mean `convenienceFees`?"]);
    desk.expect(1, &["explain", "bootview/gateway"]).complains(&["unknown-kind"]);
}
