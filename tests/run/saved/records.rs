//! What a run leaves: a journal before and after each write, a receipt at the end, and an account of a run that
//! was killed.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use trueup::kind::WireFormat::Json;
use trueup::sandbox::{SandboxOptions, SandboxSecretMode};

use crate::support::sandbox_fixture::{SandboxFixture, options};
use crate::support::workspace::RunningProgram;

const PARTNER: &str = "carrierx/partner";
const OBJECTS: usize = 12;

fn partners(options: SandboxOptions) -> SandboxFixture {
    let mut fixture = SandboxFixture::with(PARTNER, Json, options);
    for one in &mut fixture.documents {
        one.document["spec"]["company_name"] = json!("North Shore");
        one.document["spec"]["city"] = json!("canary-city");
    }
    fixture.write();
    fixture
}

/// The files of a folder in `.trueup`, in order.
fn kept(fixture: &SandboxFixture, folder: &str) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(fixture.workspace.path(".trueup").join(folder)) else {
        return Vec::new();
    };
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files
}

fn events(journal: &PathBuf) -> Vec<Value> {
    let text = std::fs::read_to_string(journal).expect("a journal");
    text.lines().map(|line| serde_json::from_str(line).expect("a whole line")).collect()
}

fn shown(fixture: &SandboxFixture, file: &std::path::Path) -> Value {
    fixture.workspace.expect(0, &["show", &file.display().to_string(), "--format", "json"]).json()
}

#[test]
fn an_apply_leaves_a_journal_and_a_receipt() {
    let fixture = partners(SandboxOptions { count: Some(3), ..options() });
    fixture.fail("PATCH:503:1");
    fixture.workspace.expect(0, &["plan"]);
    assert!(kept(&fixture, "journal").is_empty(), "a plan writes none");
    let ran = fixture.workspace.expect(0, &["apply", "--auto-approve"]);
    ran.complains(&["receipt: .trueup/receipts/"]);
    let (journals, receipts) = (kept(&fixture, "journal"), kept(&fixture, "receipts"));
    assert_eq!((journals.len(), receipts.len()), (1, 1));
    let events = events(&journals[0]);
    let count = |word: &str| events.iter().filter(|line| line["event"] == word).count();
    let counts = ["start", "sending", "answered", "ended", "complete", "finish"].map(count);
    assert_eq!(counts, [1, 3, 3, 3, 1, 1], "{events:#?}");
    let receipt = shown(&fixture, &receipts[0]);
    assert_eq!(receipt["results"]["summary"]["done"], 3);
    assert_eq!(receipt["retries"], 1);
    let requests = receipt["requests"].as_array().expect("requests");
    assert!(requests.iter().all(|request| request["method"] == "PATCH" && request["unknown"] == false));
    assert_eq!(
        requests.iter().map(|request| request["attempts"].as_u64().expect("a number")).sum::<u64>(),
        4
    );
    let text = fixture.workspace.expect(0, &["show", &receipts[0].display().to_string()]);
    text.says(&["3 requests, 1 retry", "3 done"]);
    // nothing to do leaves nothing
    fixture.workspace.expect(0, &["apply", "--auto-approve"]);
    assert_eq!(kept(&fixture, "journal").len(), 1);
}

#[test]
fn a_receipt_says_who_did_what_to_which_object_and_what_was_there() {
    let mut fixture = partners(SandboxOptions { count: Some(2), ..options() });
    fixture.workspace.set("TRUEUP_HOLDER", "job 7 of the pipeline");
    fixture.workspace.expect(0, &["apply", "--auto-approve"]);
    let file = kept(&fixture, "receipts").remove(0);
    let first = shown(&fixture, &file);
    assert_eq!(first["started_by"], "job 7 of the pipeline");
    assert_eq!(first["run"], file.file_stem().expect("a name").to_string_lossy().as_ref());
    let base_url = fixture.sandbox.base_url("carrierx");
    let target = &first["targets"][0];
    assert_eq!((&target["name"], &target["api"]), (&json!("there"), &json!("carrierx")));
    assert_eq!(
        target["base_url"].as_str().expect("a URL").trim_end_matches('/'),
        base_url.trim_end_matches('/')
    );
    let objects = first["objects"].as_array().expect("objects");
    assert_eq!(objects.len(), 2);
    let leaf = |object: &Value, label: &str| {
        let leaves = object["leaves"].as_array().expect("leaves").clone();
        leaves.into_iter().find(|leaf| leaf["label"] == label).unwrap_or_else(|| panic!("no {label}"))
    };
    for object in objects {
        let is_own = |number: &usize| object["id"] == json!(fixture.id(*number));
        assert!(object["action"] == "update" && (0..2).any(|number| is_own(&number)), "{object}");
        let name = leaf(object, "company_name");
        assert_eq!(name["after"], "North Shore");
        assert!(name["before"].is_string(), "{name}");
        // about a person, and nothing is sealed here
        assert_eq!(leaf(object, "city"), json!({ "label": "city", "withheld": "personal" }));
    }
    let times =
        ["at", "answered_at"].map(|time| first["requests"][0][time].as_str().expect("a time").to_owned());
    assert!(times[0] <= times[1] && *times[0] >= *first["started"].as_str().expect("a time"), "{times:?}");
    // what one run left is what the next one finds
    for one in &mut fixture.documents {
        one.document["spec"]["company_name"] = json!("South Shore");
    }
    fixture.write();
    fixture.workspace.expect(0, &["apply", "--auto-approve"]);
    let second = shown(&fixture, &kept(&fixture, "receipts")[1]);
    // objects stand in the order in which they were first written to
    for first in objects {
        let mut others = second["objects"].as_array().expect("objects").iter();
        let second = others.find(|second| second["name"] == first["name"]).expect("the same object");
        assert_eq!(first["after"], second["before"]);
        assert_ne!(second["before"], second["after"]);
        assert_eq!(first["after"].as_str().map(str::len), Some(64));
    }
    fixture.workspace.expect(0, &["show", &file.display().to_string()]).says(&["by job 7 of the pipeline"]);
}

#[test]
fn a_receipt_holds_keyed_digests_of_secrets_that_do_not_read_back() {
    let hidden = SandboxOptions { count: Some(2), secret_mode: SandboxSecretMode::Hidden, ..options() };
    let mut fixture = SandboxFixture::with("bootview/payment-gateway", Json, hidden);
    for (name, _) in fixture.documents.iter().flat_map(|one| one.variables.clone()) {
        fixture.workspace.set(name, "canary of a secret");
    }
    fixture.workspace.expect(0, &["apply", "--auto-approve"]);
    let text = std::fs::read_to_string(&kept(&fixture, "receipts")[0]).expect("a receipt");
    let receipt: Value = serde_json::from_str(&text).expect("JSON");
    assert!(!text.contains("canary"));
    assert_eq!(receipt["seal"]["keyed"], true, "the run made a key");
    let mut digests = BTreeSet::new();
    for object in receipt["objects"].as_array().expect("objects") {
        for secret in object["secrets"].as_array().expect("secrets") {
            // the same secret in two places has two digests
            assert!(digests.insert(secret["digest"].to_string()), "{secret}");
        }
    }
    assert!(digests.len() >= 2, "{receipt:#}");
}

#[test]
fn a_receipt_names_the_plan_that_was_applied() {
    let fixture = partners(SandboxOptions { count: Some(2), ..options() });
    fixture.workspace.expect(0, &["plan", "-o", "plan.json"]);
    fixture.workspace.expect(0, &["apply", "plan.json", "--auto-approve"]);
    let plan: Value = serde_json::from_str(&fixture.workspace.read("plan.json")).expect("JSON");
    assert_eq!(shown(&fixture, &kept(&fixture, "receipts")[0])["plan"], plan["seal"]["digest"]);
}

#[test]
fn no_value_that_is_marked_is_in_a_journal_or_receipt() {
    let mut fixture = partners(SandboxOptions { count: Some(3), ..options() });
    for (number, (name, _)) in fixture.documents.iter().flat_map(|one| one.variables.clone()).enumerate() {
        fixture.workspace.set(name, format!("canary-{number}"));
    }
    fixture.workspace.expect(0, &["apply", "--auto-approve"]);
    let mut seen = 0;
    for file in [kept(&fixture, "journal"), kept(&fixture, "receipts")].concat() {
        let text = std::fs::read_to_string(&file).expect("a text");
        assert!(!text.contains("canary"), "{}: {text}", file.display());
        for format in ["text", "json"] {
            let ran = fixture.workspace.expect(0, &["show", &file.display().to_string(), "--format", format]);
            assert!(!ran.all().contains("canary"), "{}", ran.all());
        }
        seen += 1;
    }
    assert_eq!(seen, 2);
}

#[test]
fn nothing_is_sent_when_nothing_can_be_noted() {
    let fixture = partners(SandboxOptions { count: Some(1), ..options() });
    fixture.workspace.write(".trueup/journal", "in the way");
    fixture
        .workspace
        .expect(1, &["apply", "--auto-approve"])
        .complains(&["not-recorded", "nothing was sent"]);
    assert!(fixture.writes().is_empty());
}

#[test]
fn a_killed_run_is_told_taken_up_and_has_a_receipt() {
    let latency = Duration::from_millis(80);
    let fixture = partners(SandboxOptions { count: Some(OBJECTS), latency, ..options() });
    let arguments = ["apply", "--auto-approve", "--parallelism", "2"];
    let running = RunningProgram::start(&mut fixture.workspace.command(&arguments));
    let began = Instant::now();
    while fixture.writes().len() < OBJECTS / 3 {
        assert!(began.elapsed() < Duration::from_secs(60), "the apply begins to write");
        std::thread::sleep(Duration::from_millis(2));
    }
    // a run under way is nobody else's to take up
    assert!(!fixture.workspace.expect(0, &["plan"]).err.contains("interrupted-run"));
    let written = fixture.writes().len();
    assert!(written < OBJECTS, "it is in the middle");
    running.signal("KILL");
    assert_eq!(running.finish().code, None);

    let journal = kept(&fixture, "journal").remove(0);
    let account = shown(&fixture, &journal);
    assert!(account.get("ended").is_none());
    let sent = account["requests"].as_array().expect("requests").len();
    assert!(sent >= fixture.writes().len(), "every write was noted before it was sent");
    let summary = &account["results"]["summary"];
    let (done, unknown) = (summary["done"].as_u64().expect("n"), summary["unknown"].as_u64().expect("n"));
    assert_eq!(usize::try_from(done + unknown).expect("few"), sent);
    fixture.workspace.expect(0, &["show", &journal.display().to_string()]).says(&["was interrupted"]);

    fixture.workspace.expect(0, &["plan"]).complains(&["interrupted-run", &format!("{done} done")]);
    fixture.workspace.expect(0, &arguments).complains(&["interrupted-run"]);
    assert!(fixture.dump().iter().all(|dumped| dumped["object"]["company_name"] == "North Shore"));
    let receipts = kept(&fixture, "receipts");
    assert_eq!(receipts.len(), 2, "one of the killed run, one of the run after it");
    assert_eq!(shown(&fixture, &receipts[0])["requests"].as_array().map(Vec::len), Some(sent));
    assert!(!fixture.workspace.expect(0, &["plan"]).err.contains("interrupted-run"), "it is told once");
}

#[test]
fn a_run_that_was_killed_after_its_receipt_was_not_interrupted() {
    let fixture = partners(SandboxOptions { count: Some(2), ..options() });
    fixture.workspace.expect(0, &["apply", "--auto-approve"]);
    let journal = kept(&fixture, "journal").remove(0);
    let whole = std::fs::read_to_string(&journal).expect("a journal");
    let (last, _) = whole.trim_end().rsplit_once('\n').expect("several lines");
    std::fs::write(&journal, format!("{last}\n")).expect("a file");
    for arguments in [&["plan"][..], &["apply", "--auto-approve"]] {
        let ran = fixture.workspace.expect(0, arguments);
        assert!(!ran.err.contains("interrupted-run") && !ran.err.contains("no-receipt"), "{}", ran.all());
    }
    let closed = std::fs::read_to_string(&journal).expect("a journal");
    let event =
        |text: &str| text.lines().last().and_then(|line| Some(line.split_once(",\"at\"")?.0.to_owned()));
    assert!(event(&closed).is_some_and(|own| Some(own) == event(&whole)), "the apply closes it: {closed}");
}

#[test]
fn a_line_that_was_cut_off_does_not_hide_the_others() {
    let fixture = partners(SandboxOptions { count: Some(2), ..options() });
    fixture.workspace.expect(0, &["apply", "--auto-approve"]);
    let journal = kept(&fixture, "journal").remove(0);
    let text = std::fs::read_to_string(&journal).expect("a journal");
    for length in 1..text.len() {
        let account = trueup::run::journal::read::parse_run("x".into(), &text[..length]);
        let whole = text[..length].matches("\n").count();
        assert_eq!(account.is_some(), length >= text.find('\n').expect("a line"), "{length}");
        if let Some(account) = account {
            assert!(account.requests.len() + account.results.len() <= whole + 1);
        }
    }
    // cut in the middle of its last object, it is taken up by the next apply
    let cut = text.rfind("{\"event\":\"ended\"").expect("an end") + 10;
    std::fs::write(&journal, &text[..cut]).expect("a file");
    fixture.edit(0, json!({ "company_name": "South Shore" }));
    fixture
        .workspace
        .expect(0, &["apply", "--auto-approve"])
        .complains(&["interrupted-run", "1 done, 1 unknown"]);
    assert!(!fixture.workspace.expect(0, &["plan"]).err.contains("interrupted-run"));
}
