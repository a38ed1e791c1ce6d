//! Receipts in a place that machines share.

use serde_json::json;
use trueup::kind::WireFormat;
use trueup::state::receipt_store::{ReceiptStore, ReceiptStoreError};

use crate::estate::Estate;
use crate::{APPLY, last};

fn partners() -> Estate {
    let mut estate = Estate::new("carrierx/partner", 2, WireFormat::Json);
    for one in &mut estate.documents {
        one.document["spec"]["company_name"] = json!("North Shore");
    }
    estate.write();
    // digests and seals mean the same on every machine
    estate.desk.set("TRUEUP_DIGEST_KEY", "a key of the operator's own");
    estate
}

/// How many requests there were.
#[cfg(not(all(feature = "cloud", feature = "encryption")))]
fn asked(estate: &Estate) -> usize {
    estate.reads() + estate.writes().len()
}

fn sharing(estate: &Estate, store: &str) {
    let settings = estate.desk.read("trueup.yaml");
    estate
        .desk
        .write("trueup.yaml", &format!("{}\nreceipts: {{ store: \"{store}\" }}\n", settings.trim_end()));
}

#[test]
fn another_machine_shows_and_undoes_a_shared_receipt() {
    let estate = partners();
    let folder = estate.desk.scratch().join("shared receipts");
    std::fs::create_dir(&folder).expect("a folder");
    sharing(&estate, url::Url::from_directory_path(&folder).expect("a URL").as_str());
    let before = estate.dump();
    estate.desk.expect(0, &APPLY).complains(&[".json in file:///"]);
    let run = last(&estate);
    let own = estate.desk.read(&format!(".trueup/receipts/{run}.json"));
    assert_eq!(std::fs::read_to_string(folder.join(format!("{run}.json"))).expect("a receipt"), own);
    // nothing of the first machine is left but what is shared
    std::fs::remove_dir_all(estate.desk.path(".trueup")).expect("taken away");
    estate.desk.expect(0, &["show", &run]).says(&["2 done"]);
    estate.desk.expect(0, &["undo", &run, "--auto-approve"]).says(&["2 done"]);
    assert_eq!(estate.dump()[0]["object"]["company_name"], before[0]["object"]["company_name"]);
    assert_eq!(std::fs::read_dir(&folder).expect("a folder").count(), 2, "the undo has its own");
    estate
        .desk
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
fn a_receipt_that_cannot_be_shared_is_told_and_kept() {
    let estate = partners();
    sharing(&estate, "file:///nowhere/at/all");
    let ran = estate.desk.expect(0, &APPLY);
    ran.complains(&["not-shared", "the folder is not there", "which is kept"]);
    estate.desk.expect(0, &["show", &last(&estate)]).says(&["2 done"]);
}

#[test]
fn a_run_that_was_killed_before_it_shared_its_receipt_is_shared_by_the_next_one() {
    let estate = partners();
    let folder = tempfile::tempdir().expect("a folder");
    estate.desk.expect(0, &APPLY);
    let run = last(&estate);
    // as it is when a run is killed behind its receipt: the journal has no last line
    let journal = format!(".trueup/journal/{run}.jsonl");
    let text = estate.desk.read(&journal);
    let (rest, _) = text.trim_end().rsplit_once('\n').expect("lines");
    estate.desk.write(&journal, &format!("{rest}\n"));
    sharing(&estate, url::Url::from_directory_path(folder.path()).expect("a URL").as_str());
    let ran = estate.desk.expect(0, &APPLY);
    ran.complains(&["cut-off", ".json in file:///"]);
    let own = estate.desk.read(&format!(".trueup/receipts/{run}.json"));
    assert!(own.contains("\"results\""), "the one that tells more stays");
    assert_eq!(std::fs::read_to_string(folder.path().join(format!("{run}.json"))).expect("a receipt"), own);
}

#[test]
fn a_receipt_that_did_not_reach_its_place_is_shared_by_the_next_run() {
    let mut estate = partners();
    let settings = estate.desk.read("trueup.yaml");
    sharing(&estate, "file:///nowhere/at/all");
    estate.desk.expect(0, &APPLY).complains(&["not-shared", "the next apply puts"]);
    let first = last(&estate);
    // nothing to do, and the place is still not there
    estate.desk.expect(0, &APPLY).complains(&["not-shared"]);
    let folder = tempfile::tempdir().expect("a folder");
    estate.desk.write("trueup.yaml", &settings);
    sharing(&estate, url::Url::from_directory_path(folder.path()).expect("a URL").as_str());
    estate.documents[0].document["spec"]["company_name"] = json!("Lutsen");
    estate.write();
    estate.desk.expect(0, &APPLY).says(&["1 done"]);
    let second = last(&estate);
    for run in [&first, &second] {
        let own = estate.desk.read(&format!(".trueup/receipts/{run}.json"));
        assert_eq!(
            std::fs::read_to_string(folder.path().join(format!("{run}.json"))).expect("a receipt"),
            own
        );
    }
    // what is shared is not shared again, even where somebody takes it away
    std::fs::remove_file(folder.path().join(format!("{first}.json"))).expect("taken away");
    let ran = estate.desk.expect(0, &APPLY);
    assert!(!ran.err.contains("receipt"), "{}", ran.all());
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 1);
}

#[test]
fn a_run_that_was_killed_behind_its_journal_is_shared_by_the_next_one() {
    let estate = partners();
    let folder = tempfile::tempdir().expect("a folder");
    sharing(&estate, url::Url::from_directory_path(folder.path()).expect("a URL").as_str());
    estate.desk.expect(0, &APPLY);
    let run = last(&estate);
    let there = folder.path().join(format!("{run}.json"));
    let text = std::fs::read_to_string(&there).expect("a receipt");
    // as it is when a run is killed right before it shares: the mark is still there
    std::fs::remove_file(&there).expect("taken away");
    estate.desk.write(&format!(".trueup/outbox/{run}"), "");
    // a run that is under way beside this one has a mark and no receipt yet
    estate.desk.write(".trueup/outbox/2020-01-01T00-00-00.000", "");
    let ran = estate.desk.expect(0, &APPLY);
    ran.complains(&[&format!("{run}.json in file:///")]);
    assert_eq!(std::fs::read_to_string(&there).expect("a receipt"), text);
    assert!(!estate.desk.path(&format!(".trueup/outbox/{run}")).exists());
    assert!(estate.desk.path(".trueup/outbox/2020-01-01T00-00-00.000").exists());
}

#[test]
fn a_place_that_a_program_does_not_know_is_an_error_before_any_request() {
    let estate = partners();
    let settings = estate.desk.read("trueup.yaml");
    for (store, code) in [
        ("https://example.com/receipts", "bad-url"),
        ("s3://someone:canary@bucket/prefix", "plain-secret"),
        ("s3://bucket/prefix?key=canary", "bad-url"),
        ("canary", "bad-url"),
    ] {
        estate.desk.write("trueup.yaml", &settings);
        sharing(&estate, store);
        let ran = estate.desk.expect(1, &APPLY);
        ran.complains(&[code]);
        assert!(!ran.all().contains("canary"), "{}", ran.all());
    }
    estate.desk.write("trueup.yaml", &settings);
    let receipts = "receipts: { before_values: encrypted, recipients: [AGE-SECRET-KEY-1CANARY] }\n";
    estate.desk.write("trueup.yaml", &format!("{}\n{receipts}", settings.trim_end()));
    let ran = estate.desk.expect(1, &APPLY);
    ran.complains(&["plain-secret"]);
    assert!(!ran.all().contains("CANARY"), "{}", ran.all());
    estate.desk.write(
        "trueup.yaml",
        &format!("{}\nreceipts: {{ before_values: encrypted }}\n", settings.trim_end()),
    );
    estate.desk.expect(1, &APPLY).complains(&["no-recipient"]);
    assert!(estate.writes().is_empty());
}

#[cfg(not(feature = "cloud"))]
#[test]
fn without_clouds_a_bucket_is_an_error_before_any_request() {
    let estate = partners();
    let settings = estate.desk.read("trueup.yaml");
    sharing(&estate, "s3://bucket/prefix");
    estate.desk.expect(1, &APPLY).complains(&["no-clouds", "--features cloud", "trueup.yaml"]);
    assert_eq!(asked(&estate), 0, "not even a read");
    // what only reads the documents needs no place for receipts, and a program that has it goes on
    estate.desk.expect(0, &["validate"]);
    estate.desk.write("trueup.yaml", &settings);
    estate.desk.expect(0, &APPLY);
    // a receipt that is only in the bucket is asked for in vain, one that is here is not undone unshared
    sharing(&estate, "s3://bucket/prefix");
    let run = last(&estate);
    let before = asked(&estate);
    estate.desk.expect(1, &["undo", &run, "--auto-approve"]).complains(&["no-clouds"]);
    let elsewhere = estate.desk.expect(1, &["show", "2020-01-01T00-00-00.000"]);
    elsewhere.complains(&["no-receipt", "built without clouds"]);
    assert_eq!(asked(&estate), before);
}

#[cfg(not(feature = "encryption"))]
#[test]
fn without_encryption_sealing_is_an_error_before_any_request() {
    let estate = partners();
    let settings = estate.desk.read("trueup.yaml");
    // somebody's public key; what it opens with was thrown away
    let recipient = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";
    let receipts = format!("receipts: {{ before_values: encrypted, recipients: [{recipient}] }}\n");
    estate.desk.write("trueup.yaml", &format!("{}\n{receipts}", settings.trim_end()));
    estate.desk.expect(1, &APPLY).complains(&["no-encryption", "--features encryption", "trueup.yaml"]);
    assert_eq!(asked(&estate), 0, "not even a read");
    estate.desk.expect(2, &["plan", "--detailed-exitcode"]);
}
