//! Before-values under a mark, sealed: they come back for whoever has an identity, and are in no file in clear.

use age::secrecy::ExposeSecret;
use serde_json::json;
use trueup::kind::WireFormat;
use trueup::sandbox::SandboxOptions;

use super::{APPLY, last, receipt};
use crate::support::sandbox_fixture::{SandboxFixture, options};

fn sealing(fixture: &SandboxFixture, recipient: &str) {
    let settings = fixture.workspace.read("trueup.yaml");
    let receipts = format!("receipts: {{ before_values: encrypted, recipients: [{recipient}] }}\n");
    fixture.workspace.write("trueup.yaml", &format!("{}\n{receipts}", settings.trim_end()));
}

/// An identity in a file outside the workspace, and its recipient.
fn identity(fixture: &mut SandboxFixture) -> String {
    let identity = age::x25519::Identity::generate();
    let file = fixture.workspace.scratch().join("identity");
    let text = format!("# for the night shift\n{}\n", identity.to_string().expose_secret());
    std::fs::write(&file, text).expect("a file");
    fixture.workspace.set("TRUEUP_AGE_IDENTITY", file.display().to_string());
    identity.to_public().to_string()
}

/// Every file that runs left in the workspace.
fn left(fixture: &SandboxFixture) -> String {
    let folders = [".trueup/receipts", ".trueup/journal"].map(|folder| fixture.workspace.path(folder));
    let files = folders.iter().flat_map(|folder| std::fs::read_dir(folder).expect("a folder"));
    files.map(|file| std::fs::read_to_string(file.expect("an entry").path()).expect("a text")).collect()
}

#[test]
fn values_under_a_mark_come_back_for_whoever_has_an_identity() {
    for kind in ["keypro/customer", "bokamera/customer", "bootview/partner"] {
        let mut fixture = SandboxFixture::new(kind, 30, WireFormat::Json);
        let recipient = identity(&mut fixture);
        sealing(&fixture, &recipient);
        let (documents, variables) = (
            fixture.workspace.read("config/000.yaml"),
            fixture.documents.iter().flat_map(|one| one.variables.clone()).collect::<Vec<_>>(),
        );
        fixture.vary(1, 1);
        fixture.workspace.expect(0, &APPLY);
        let run = last(&fixture);
        let objects = receipt(&fixture, &run)["objects"].as_array().expect("objects").clone();
        let is_sealed = |object: &&serde_json::Value| object.get("sealed").is_some();
        assert!(objects.iter().filter(is_sealed).count() > 0, "{kind} has marked leaves");
        fixture.workspace.expect(0, &["undo", &run, "--auto-approve"]).says(&["30 done"]);
        fixture.workspace.write("config/000.yaml", &documents);
        variables.iter().for_each(|(name, value)| fixture.workspace.set(name, value));
        fixture.workspace.expect(0, &["plan", "--detailed-exitcode"]);
    }
}

#[test]
fn sealed_values_stand_nowhere_in_clear_and_open_only_for_the_right_identity() {
    let mut fixture = SandboxFixture::with(
        "carrierx/partner",
        WireFormat::Json,
        SandboxOptions { count: Some(2), ..options() },
    );
    let recipient = identity(&mut fixture);
    sealing(&fixture, &recipient);
    let say = |fixture: &mut SandboxFixture, city: &str| {
        for one in &mut fixture.documents {
            one.document["spec"]["city"] = json!(city);
        }
        fixture.write();
        fixture.workspace.expect(0, &APPLY);
    };
    say(&mut fixture, "canary-before");
    say(&mut fixture, "canary-after");
    let run = last(&fixture);
    assert!(!left(&fixture).contains("canary"));
    // someone else's identity opens nothing, and neither does none
    let own = std::fs::read_to_string(fixture.workspace.scratch().join("identity")).expect("an identity");
    identity(&mut fixture);
    let other = fixture.workspace.expect(3, &["undo", &run, "--auto-approve"]);
    other.says(&["is sealed, and there is no identity to open it"]);
    fixture.workspace.set("TRUEUP_AGE_IDENTITY", "no-such-file");
    fixture.workspace.expect(1, &["undo", &run, "--auto-approve"]).complains(&["invalid-identity"]);
    fixture.workspace.unset("TRUEUP_AGE_IDENTITY");
    let none = fixture.workspace.expect(3, &["undo", &run, "--auto-approve", "--format", "json"]);
    // the identity itself
    let key = own.lines().last().expect("a key").to_owned();
    fixture.workspace.set("TRUEUP_AGE_IDENTITY", key.clone());
    let undone = fixture.workspace.expect(0, &["undo", &run, "--auto-approve"]);
    assert_eq!(
        fixture.dump()[0]["object"]["address"]["city"]
            .as_str()
            .or(fixture.dump()[0]["object"]["city"].as_str()),
        Some("canary-before")
    );
    for said in [other.all(), none.all(), undone.all(), left(&fixture)] {
        assert!(!said.contains("canary") && !said.contains(&key), "{said}");
    }
}

#[test]
fn what_was_deleted_is_created_again_where_all_of_it_was_kept() {
    let mut fixture = SandboxFixture::with(
        "keypro/customer",
        WireFormat::Json,
        SandboxOptions { count: Some(2), ..options() },
    );
    let recipient = identity(&mut fixture);
    sealing(&fixture, &recipient);
    let documents = fixture.workspace.read("config/000.yaml");
    fixture.documents.pop();
    fixture.documents[0].document["state"] = json!("absent");
    fixture.write();
    fixture.workspace.expect(0, &["apply", "--auto-approve", "--allow-delete"]);
    assert_eq!(fixture.dump().len(), 1);
    fixture.workspace.expect(0, &["undo", &last(&fixture), "--auto-approve"]).says(&["1 done"]);
    assert_eq!(fixture.dump().len(), 2);
    let first = documents.split("---\n").next().expect("a document");
    fixture.workspace.write("config/000.yaml", first);
    fixture.workspace.expect(0, &["plan", "--detailed-exitcode"]);
}
