//! A value from a source is sensitive in every field, also in one that the kind does not mark.

use serde_json::json;
use trueup::kind::WireFormat;

use crate::desk::Ran;
use crate::estate::Estate;

const CANARY: &str = "acct-canary-7731";
const FORMATS: [&str; 9] =
    ["text", "json", "markdown", "github", "github-summary", "gitlab", "sarif", "junit", "html"];

/// A gateway whose account, a field without a mark, comes from a source.
fn estate(source: serde_json::Value) -> Estate {
    let mut estate = Estate::new("bootview/payment-gateway", 2, WireFormat::Json);
    let shared = estate.desk.scratch().join("shared");
    std::fs::create_dir_all(&shared).expect("a folder");
    let settings = estate.desk.read("trueup.yaml");
    let store = format!("receipts: {{ store: \"file://{}\" }}\n", shared.display());
    estate.desk.write("trueup.yaml", &(settings + &store));
    estate.desk.write("policies/all.yaml", POLICY);
    estate.desk.write("secrets/account", CANARY);
    estate.desk.set("ACCOUNT", CANARY);
    estate.documents[0].document["spec"]["merchantId"] = source;
    estate.write();
    estate
}

/// A policy that repeats what it sees.
const POLICY: &str = "rules:\n  - name: repeat\n    check: 'false'\n    message: 'the account'\n";

fn assert_hidden(estate: &Estate, ran: &Ran) {
    assert!(!ran.out.contains(CANARY) && !ran.err.contains(CANARY), "{}", ran.all());
    for (path, bytes) in estate.desk.files() {
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
        let estate = estate(source);
        estate.desk.remove("policies/all.yaml");
        let reports: Vec<String> = FORMATS.iter().map(|format| format!("{format}=out/{format}")).collect();
        let reports = reports.join(",");
        for format in ["text", "json"] {
            let loud = ["-vv", "--format", format];
            let run = |arguments: &[&str]| estate.desk.run(&[arguments, &loud[..]].concat());
            let ran = run(&["plan", "-o", "plan.json", "--report", &reports]);
            assert_hidden(&estate, &ran);
            assert!(ran.out.contains("merchantId") || format == "text", "{}", ran.all());
            assert_hidden(&estate, &run(&["show", "plan.json"]));
        }
        let ran = estate.desk.expect(0, &["apply", "--auto-approve", "-vv", "--report", &reports]);
        assert_hidden(&estate, &ran);
        assert_eq!(estate.dump()[0]["object"]["merchantId"], CANARY, "it was written");
        estate.edit(0, json!({ "merchantId": "somebody else" }));
        assert_hidden(&estate, &estate.desk.run(&["drift", "--report", &reports]));
        assert_hidden(&estate, &estate.desk.run(&["apply", "--auto-approve"]));
    }
}

#[test]
fn an_undo_and_a_deletion_hide_it_too() {
    let estate = estate(json!({ "from_env": "ACCOUNT" }));
    estate.desk.remove("policies/all.yaml");
    estate.desk.expect(0, &["apply", "--auto-approve"]);
    let receipts = std::fs::read_dir(estate.desk.path(".trueup/receipts")).expect("receipts");
    let receipt = receipts.flatten().next().expect("a receipt").path();
    let receipt = receipt.to_string_lossy().into_owned();
    for format in ["text", "json"] {
        let ran = estate.desk.run(&["undo", &receipt, "-o", "undo.json", "--format", format]);
        assert!(ran.all().contains("o-0000"), "{}", ran.all());
        assert_hidden(&estate, &ran);
    }
}
