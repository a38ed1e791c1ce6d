//! Before-values under a mark, sealed: they come back for whoever has an identity, and are in no file in clear.

use age::secrecy::ExposeSecret;
use serde_json::json;
use trueup::kind::WireFormat;
use trueup::sandbox::SandboxOptions;

use crate::estate::{Estate, options};
use crate::{APPLY, last, receipt};

fn sealing(estate: &Estate, recipient: &str) {
    let settings = estate.desk.read("trueup.yaml");
    let receipts = format!("receipts: {{ before_values: encrypted, recipients: [{recipient}] }}\n");
    estate.desk.write("trueup.yaml", &format!("{}\n{receipts}", settings.trim_end()));
}

/// An identity in a file outside the workspace, and its recipient.
fn identity(estate: &mut Estate) -> String {
    let identity = age::x25519::Identity::generate();
    let file = estate.desk.scratch().join("identity");
    let text = format!("# for the night shift\n{}\n", identity.to_string().expose_secret());
    std::fs::write(&file, text).expect("a file");
    estate.desk.set("TRUEUP_AGE_IDENTITY", file.display().to_string());
    identity.to_public().to_string()
}

/// Every file that runs left in the workspace.
fn left(estate: &Estate) -> String {
    let folders = [".trueup/receipts", ".trueup/journal"].map(|folder| estate.desk.path(folder));
    let files = folders.iter().flat_map(|folder| std::fs::read_dir(folder).expect("a folder"));
    files.map(|file| std::fs::read_to_string(file.expect("an entry").path()).expect("a text")).collect()
}

#[test]
fn values_under_a_mark_come_back_for_whoever_has_an_identity() {
    for kind in ["keypro/customer", "bokamera/customer", "bootview/partner"] {
        let mut estate = Estate::new(kind, 30, WireFormat::Json);
        let recipient = identity(&mut estate);
        sealing(&estate, &recipient);
        let (documents, variables) = (
            estate.desk.read("config/000.yaml"),
            estate.documents.iter().flat_map(|one| one.variables.clone()).collect::<Vec<_>>(),
        );
        estate.vary(1, 1);
        estate.desk.expect(0, &APPLY);
        let run = last(&estate);
        let objects = receipt(&estate, &run)["objects"].as_array().expect("objects").clone();
        let is_sealed = |object: &&serde_json::Value| object.get("sealed").is_some();
        assert!(objects.iter().filter(is_sealed).count() > 0, "{kind} has marked leaves");
        estate.desk.expect(0, &["undo", &run, "--auto-approve"]).says(&["30 done"]);
        estate.desk.write("config/000.yaml", &documents);
        variables.iter().for_each(|(name, value)| estate.desk.set(name, value));
        estate.desk.expect(0, &["plan", "--detailed-exitcode"]);
    }
}

#[test]
fn sealed_values_stand_nowhere_in_clear_and_open_only_for_the_right_identity() {
    let mut estate =
        Estate::with("carrierx/partner", WireFormat::Json, SandboxOptions { count: Some(2), ..options() });
    let recipient = identity(&mut estate);
    sealing(&estate, &recipient);
    let say = |estate: &mut Estate, city: &str| {
        for one in &mut estate.documents {
            one.document["spec"]["city"] = json!(city);
        }
        estate.write();
        estate.desk.expect(0, &APPLY);
    };
    say(&mut estate, "canary-before");
    say(&mut estate, "canary-after");
    let run = last(&estate);
    assert!(!left(&estate).contains("canary"));
    // somebody else's identity opens nothing, and neither does none
    let own = std::fs::read_to_string(estate.desk.scratch().join("identity")).expect("an identity");
    identity(&mut estate);
    let other = estate.desk.expect(3, &["undo", &run, "--auto-approve"]);
    other.says(&["is sealed, and there is no identity to open it"]);
    estate.desk.set("TRUEUP_AGE_IDENTITY", "no-such-file");
    estate.desk.expect(1, &["undo", &run, "--auto-approve"]).complains(&["bad-identity"]);
    estate.desk.unset("TRUEUP_AGE_IDENTITY");
    let none = estate.desk.expect(3, &["undo", &run, "--auto-approve", "--format", "json"]);
    // the identity itself
    let key = own.lines().last().expect("a key").to_owned();
    estate.desk.set("TRUEUP_AGE_IDENTITY", key.clone());
    let undone = estate.desk.expect(0, &["undo", &run, "--auto-approve"]);
    assert_eq!(
        estate.dump()[0]["object"]["address"]["city"]
            .as_str()
            .or(estate.dump()[0]["object"]["city"].as_str()),
        Some("canary-before")
    );
    for told in [other.all(), none.all(), undone.all(), left(&estate)] {
        assert!(!told.contains("canary") && !told.contains(&key), "{told}");
    }
}

#[test]
fn what_was_deleted_is_created_again_where_all_of_it_was_kept() {
    let mut estate =
        Estate::with("keypro/customer", WireFormat::Json, SandboxOptions { count: Some(2), ..options() });
    let recipient = identity(&mut estate);
    sealing(&estate, &recipient);
    let documents = estate.desk.read("config/000.yaml");
    estate.documents.pop();
    estate.documents[0].document["state"] = json!("absent");
    estate.write();
    estate.desk.expect(0, &["apply", "--auto-approve", "--allow-delete"]);
    assert_eq!(estate.dump().len(), 1);
    estate.desk.expect(0, &["undo", &last(&estate), "--auto-approve"]).says(&["1 done"]);
    assert_eq!(estate.dump().len(), 2);
    let first = documents.split("---\n").next().expect("a document");
    estate.desk.write("config/000.yaml", first);
    estate.desk.expect(0, &["plan", "--detailed-exitcode"]);
}
