//! Receipts in a place that machines share.

use serde_json::json;
use trueup::kind::WireFormat;
use trueup::state::receipt_error::ReceiptStoreError;
use trueup::state::receipt_store::ReceiptStore;

use super::{APPLY, last};
use crate::support::sandbox_fixture::SandboxFixture;

fn partners() -> SandboxFixture {
    let mut fixture = SandboxFixture::new("carrierx/partner", 2, WireFormat::Json);
    for one in &mut fixture.documents {
        one.document["spec"]["company_name"] = json!("North Shore");
    }
    fixture.write();
    // digests and seals mean the same on every machine
    fixture.workspace.set("TRUEUP_DIGEST_KEY", "a key of the operator's own");
    fixture
}

/// How many requests there were.
#[cfg(not(all(feature = "cloud", feature = "encryption")))]
fn requested(fixture: &SandboxFixture) -> usize {
    fixture.reads() + fixture.writes().len()
}

fn sharing(fixture: &SandboxFixture, store: &str) {
    let settings = fixture.workspace.read("trueup.yaml");
    fixture
        .workspace
        .write("trueup.yaml", &format!("{}\nreceipts: {{ store: \"{store}\" }}\n", settings.trim_end()));
}

#[test]
fn another_machine_shows_and_undoes_a_shared_receipt() {
    let fixture = partners();
    let folder = fixture.workspace.scratch().join("shared receipts");
    std::fs::create_dir(&folder).expect("a folder");
    sharing(&fixture, url::Url::from_directory_path(&folder).expect("a URL").as_str());
    let before = fixture.dump();
    fixture.workspace.expect(0, &APPLY).complains(&[".json in file:///"]);
    let run = last(&fixture);
    let own = fixture.workspace.read(&format!(".trueup/receipts/{run}.json"));
    assert_eq!(std::fs::read_to_string(folder.join(format!("{run}.json"))).expect("a receipt"), own);
    // nothing of the first machine is left but what is shared
    std::fs::remove_dir_all(fixture.workspace.path(".trueup")).expect("taken away");
    fixture.workspace.expect(0, &["show", &run]).says(&["2 done"]);
    fixture.workspace.expect(0, &["undo", &run, "--auto-approve"]).says(&["2 done"]);
    assert_eq!(fixture.dump()[0]["object"]["company_name"], before[0]["object"]["company_name"]);
    assert_eq!(std::fs::read_dir(&folder).expect("a folder").count(), 2, "the undo has its own");
    fixture
        .workspace
        .expect(1, &["undo", "2020-01-01T00-00-00.000", "--auto-approve"])
        .complains(&["no-receipt", "it is not there"]);
}

#[test]
fn no_receipt_is_written_over_another_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = url::Url::from_directory_path(folder.path()).expect("a URL");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let archive = ReceiptStore::open(&url).expect("a place");
    let put = |text: &str| runtime.block_on(archive.put_receipt("run", text)).expect("it is put");
    // the same once more is the same, another one of that name gets another
    assert_eq!(
        [put("one"), put("one"), put("two"), put("two"), put("three")],
        ["run", "run", "run-1", "run-1", "run-2"]
    );
    assert_eq!(runtime.block_on(archive.get_receipt("run")).as_deref(), Ok("one"));
    assert_eq!(runtime.block_on(archive.get_receipt("none")), Err(ReceiptStoreError::NotFound));
}

#[test]
fn a_receipt_that_cannot_be_shared_is_reported_and_kept() {
    let fixture = partners();
    sharing(&fixture, "file:///nowhere/at/all");
    let ran = fixture.workspace.expect(0, &APPLY);
    ran.complains(&["not-shared", "the folder is not there", "which is kept"]);
    fixture.workspace.expect(0, &["show", &last(&fixture)]).says(&["2 done"]);
}

#[test]
fn a_run_that_was_killed_before_it_shared_its_receipt_is_shared_by_the_next_one() {
    let fixture = partners();
    let folder = tempfile::tempdir().expect("a folder");
    fixture.workspace.expect(0, &APPLY);
    let run = last(&fixture);
    // as it is when a run is killed behind its receipt: the journal has no last line
    let journal = format!(".trueup/journal/{run}.jsonl");
    let text = fixture.workspace.read(&journal);
    let (rest, _) = text.trim_end().rsplit_once('\n').expect("lines");
    fixture.workspace.write(&journal, &format!("{rest}\n"));
    sharing(&fixture, url::Url::from_directory_path(folder.path()).expect("a URL").as_str());
    let ran = fixture.workspace.expect(0, &APPLY);
    ran.complains(&[".json in file:///"]);
    let own = fixture.workspace.read(&format!(".trueup/receipts/{run}.json"));
    assert!(own.contains("\"results\""), "the one that tells more stays");
    assert_eq!(std::fs::read_to_string(folder.path().join(format!("{run}.json"))).expect("a receipt"), own);
}

#[test]
fn a_receipt_that_did_not_reach_its_place_is_shared_by_the_next_run() {
    let mut fixture = partners();
    let settings = fixture.workspace.read("trueup.yaml");
    sharing(&fixture, "file:///nowhere/at/all");
    fixture.workspace.expect(0, &APPLY).complains(&["not-shared", "the next apply uploads"]);
    let first = last(&fixture);
    // nothing to do, and the place is still not there
    fixture.workspace.expect(0, &APPLY).complains(&["not-shared"]);
    let folder = tempfile::tempdir().expect("a folder");
    fixture.workspace.write("trueup.yaml", &settings);
    sharing(&fixture, url::Url::from_directory_path(folder.path()).expect("a URL").as_str());
    fixture.documents[0].document["spec"]["company_name"] = json!("Lutsen");
    fixture.write();
    fixture.workspace.expect(0, &APPLY).says(&["1 done"]);
    let second = last(&fixture);
    for run in [&first, &second] {
        let own = fixture.workspace.read(&format!(".trueup/receipts/{run}.json"));
        assert_eq!(
            std::fs::read_to_string(folder.path().join(format!("{run}.json"))).expect("a receipt"),
            own
        );
    }
    // what is shared is not shared again, even where someone takes it away
    std::fs::remove_file(folder.path().join(format!("{first}.json"))).expect("taken away");
    let ran = fixture.workspace.expect(0, &APPLY);
    assert!(!ran.err.contains("receipt"), "{}", ran.all());
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 1);
}

#[test]
fn a_run_that_was_killed_behind_its_journal_is_shared_by_the_next_one() {
    let fixture = partners();
    let folder = tempfile::tempdir().expect("a folder");
    sharing(&fixture, url::Url::from_directory_path(folder.path()).expect("a URL").as_str());
    fixture.workspace.expect(0, &APPLY);
    let run = last(&fixture);
    let there = folder.path().join(format!("{run}.json"));
    let text = std::fs::read_to_string(&there).expect("a receipt");
    // as it is when a run is killed right before it shares: the mark is still there
    std::fs::remove_file(&there).expect("taken away");
    fixture.workspace.write(&format!(".trueup/outbox/{run}"), "");
    // a run that is under way beside this one has a mark and no receipt yet
    fixture.workspace.write(".trueup/outbox/2020-01-01T00-00-00.000", "");
    let ran = fixture.workspace.expect(0, &APPLY);
    ran.complains(&[&format!("{run}.json in file:///")]);
    assert_eq!(std::fs::read_to_string(&there).expect("a receipt"), text);
    assert!(!fixture.workspace.path(&format!(".trueup/outbox/{run}")).exists());
    assert!(fixture.workspace.path(".trueup/outbox/2020-01-01T00-00-00.000").exists());
}

#[test]
fn a_place_that_a_program_does_not_know_is_an_error_before_any_request() {
    let fixture = partners();
    let settings = fixture.workspace.read("trueup.yaml");
    for (store, code) in [
        ("https://example.com/receipts", "invalid-url"),
        ("s3://someone:canary@bucket/prefix", "plain-secret"),
        ("s3://bucket/prefix?key=canary", "invalid-url"),
        ("canary", "invalid-url"),
    ] {
        fixture.workspace.write("trueup.yaml", &settings);
        sharing(&fixture, store);
        let ran = fixture.workspace.expect(1, &APPLY);
        ran.complains(&[code]);
        assert!(!ran.all().contains("canary"), "{}", ran.all());
    }
    fixture.workspace.write("trueup.yaml", &settings);
    let receipts = "receipts: { before_values: encrypted, recipients: [AGE-SECRET-KEY-1CANARY] }\n";
    fixture.workspace.write("trueup.yaml", &format!("{}\n{receipts}", settings.trim_end()));
    let ran = fixture.workspace.expect(1, &APPLY);
    ran.complains(&["plain-secret"]);
    assert!(!ran.all().contains("CANARY"), "{}", ran.all());
    fixture.workspace.write(
        "trueup.yaml",
        &format!("{}\nreceipts: {{ before_values: encrypted }}\n", settings.trim_end()),
    );
    fixture.workspace.expect(1, &APPLY).complains(&["no-recipient"]);
    assert!(fixture.writes().is_empty());
}

#[cfg(not(feature = "cloud"))]
#[test]
fn without_clouds_a_bucket_is_an_error_before_any_request() {
    let fixture = partners();
    let settings = fixture.workspace.read("trueup.yaml");
    sharing(&fixture, "s3://bucket/prefix");
    fixture.workspace.expect(1, &APPLY).complains(&["no-cloud-support", "--features cloud", "trueup.yaml"]);
    assert_eq!(requested(&fixture), 0, "not even a read");
    // what only reads the documents needs no place for receipts, and a program that has it goes on
    fixture.workspace.expect(0, &["validate"]);
    fixture.workspace.write("trueup.yaml", &settings);
    fixture.workspace.expect(0, &APPLY);
    // a receipt that is only in the bucket is asked for in vain, one that is here is not undone unshared
    sharing(&fixture, "s3://bucket/prefix");
    let run = last(&fixture);
    let before = requested(&fixture);
    fixture.workspace.expect(1, &["undo", &run, "--auto-approve"]).complains(&["no-cloud-support"]);
    let elsewhere = fixture.workspace.expect(1, &["show", "2020-01-01T00-00-00.000"]);
    elsewhere.complains(&["no-receipt", "no cloud support"]);
    assert_eq!(requested(&fixture), before);
}

#[cfg(not(feature = "encryption"))]
#[test]
fn without_encryption_sealing_is_an_error_before_any_request() {
    let fixture = partners();
    let settings = fixture.workspace.read("trueup.yaml");
    // someone's public key; what it opens with was thrown away
    let recipient = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";
    let receipts = format!("receipts: {{ before_values: encrypted, recipients: [{recipient}] }}\n");
    fixture.workspace.write("trueup.yaml", &format!("{}\n{receipts}", settings.trim_end()));
    fixture.workspace.expect(1, &APPLY).complains(&[
        "no-encryption-support",
        "--features encryption",
        "trueup.yaml",
    ]);
    assert_eq!(requested(&fixture), 0, "not even a read");
    fixture.workspace.expect(2, &["plan", "--detailed-exitcode"]);
}
