//! Ctrl-C, and worse: what is under way is finished or repeated safely, nothing is begun after, nothing is
//! written twice, and the next run goes on where this one ended.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::json;
use trueup::kind::WireFormat::Json;
use trueup::sandbox::SandboxOptions;

use crate::support::sandbox_fixture::{SandboxFixture, options};
use crate::support::workspace::RunningProgram;

const OBJECTS: usize = 24;

/// Objects that all differ, of a service that takes its time.
fn slow(kind: &str, member: &str, value: serde_json::Value) -> SandboxFixture {
    let latency = Duration::from_millis(120);
    let options = SandboxOptions { count: Some(OBJECTS), latency, ..options() };
    let mut fixture = SandboxFixture::with(kind, Json, options);
    for one in &mut fixture.documents {
        one.document["spec"][member] = value.clone();
    }
    fixture.write();
    fixture
}

/// An apply of which some writes are done and some are not.
fn halfway(fixture: &SandboxFixture) -> RunningProgram {
    let arguments = ["apply", "--auto-approve", "--parallelism", "3", "--format", "json"];
    let running = RunningProgram::start(&mut fixture.workspace.command(&arguments));
    let began = Instant::now();
    while fixture.writes().len() < OBJECTS / 4 {
        assert!(began.elapsed() < Duration::from_secs(60), "the apply begins to write");
        std::thread::sleep(Duration::from_millis(2));
    }
    running
}

/// How often each object was written.
fn times_written(fixture: &SandboxFixture) -> BTreeMap<String, usize> {
    let mut times = BTreeMap::new();
    for entry in fixture.writes() {
        *times.entry(entry.path).or_default() += 1;
    }
    times
}

fn finishes(fixture: &SandboxFixture, member: &str, value: &serde_json::Value) {
    fixture.workspace.expect(0, &["apply", "--auto-approve"]);
    let times = times_written(fixture);
    assert_eq!(times.len(), OBJECTS);
    assert!(times.values().all(|times| *times == 1), "nothing is written twice");
    assert!(fixture.dump().iter().all(|dumped| dumped["object"][member] == *value));
    fixture.workspace.expect(0, &["plan", "--detailed-exitcode"]);
}

fn interrupted(kind: &str, member: &str, value: serde_json::Value) {
    let fixture = slow(kind, member, value.clone());
    let running = halfway(&fixture);
    running.signal("INT");
    let ran = running.finish();
    assert_eq!(ran.code, Some(130), "{}", ran.all());
    ran.complains(&["interrupted: finishing requests in progress, starting no others"]);

    let report = ran.json();
    let results = report["results"].as_array().expect("results");
    assert_eq!(results.len(), OBJECTS, "the table is complete");
    let count = |word: &str| results.iter().filter(|result| result["result"] == word).count();
    let (done, waiting) = (count("done"), count("not_started"));
    assert_eq!(done + waiting, OBJECTS, "{}", report["summary"]);
    assert!(done >= OBJECTS / 4 && waiting > 0);
    assert_eq!(
        fixture.writes().len(),
        done,
        "what was begun was finished and told, and nothing else was begun"
    );

    finishes(&fixture, member, &value);
}

#[test]
fn ctrl_c_in_an_apply_of_objects_read_one_by_one() {
    interrupted("carrierx/partner", "city", json!("Grand Marais"));
}

#[test]
fn ctrl_c_in_an_apply_of_objects_read_by_their_list() {
    interrupted("bootview/payment-gateway", "merchantId", json!("M-7"));
}

#[test]
fn ctrl_c_in_the_reading_writes_nothing() {
    let fixture = slow("carrierx/partner", "city", json!("Grand Marais"));
    fixture.fail("GET:hang:99");
    let running = RunningProgram::start(&mut fixture.workspace.command(&[
        "apply",
        "--auto-approve",
        "--request-timeout",
        "1",
    ]));
    std::thread::sleep(Duration::from_millis(400));
    running.signal("INT");
    let ran = running.finish();
    assert_eq!(ran.code, Some(130), "{}", ran.all());
    assert!(fixture.writes().is_empty());
}

/// The next run finishes what the time did not suffice for.
fn timed_out(kind: &str, member: &str, value: serde_json::Value) {
    let mut fixture = slow(kind, member, value.clone());
    fixture.workspace.set("TRUEUP_TIMEOUT", "1.5");
    let ran =
        fixture.workspace.expect(1, &["apply", "--auto-approve", "--parallelism", "2", "--format", "json"]);
    ran.complains(&["error[run-timeout]: the time of the run was over before it was done"]);
    let report = ran.json();
    assert_eq!(report["diagnostics"][0]["code"], "run-timeout");
    let results = report["results"].as_array().expect("results");
    let count = |word: &str| results.iter().filter(|result| result["result"] == word).count();
    let (done, waiting) = (count("done"), count("not_started"));
    assert!(done + waiting == OBJECTS && done > 0 && waiting > 0, "{}", report["summary"]);
    assert_eq!(fixture.writes().len(), done, "what was begun was finished, and nothing else was begun");
    let receipts = std::fs::read_dir(fixture.workspace.path(".trueup/receipts")).expect("receipts").count();
    let journals = std::fs::read_dir(fixture.workspace.path(".trueup/journal")).expect("journals").count();
    assert_eq!((receipts, journals), (1, 1));
    fixture.workspace.unset("TRUEUP_TIMEOUT");
    finishes(&fixture, member, &value);
}

#[test]
fn an_apply_ends_when_its_time_is_over() {
    timed_out("carrierx/partner", "city", json!("Grand Marais"));
    timed_out("bootview/payment-gateway", "merchantId", json!("M-7"));
}

#[test]
fn a_plan_ends_when_its_time_is_over() {
    let fixture = slow("carrierx/partner", "city", json!("Grand Marais"));
    fixture.fail("GET:hang:99");
    for arguments in [&["plan", "--timeout", "1"][..], &["apply", "--auto-approve", "--timeout", "1"][..]] {
        let began = Instant::now();
        let ran = fixture.workspace.expect(1, arguments);
        assert!(ran.all().contains("error[run-timeout]"), "{}", ran.all());
        assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
    }
    assert!(fixture.writes().is_empty());
}

#[test]
fn a_second_ctrl_c_ends_it_at_once() {
    let fixture = slow("carrierx/partner", "city", json!("Grand Marais"));
    fixture.fail("PATCH:hang:3");
    let arguments = ["apply", "--auto-approve", "--parallelism", "3"];
    let running = RunningProgram::start(&mut fixture.workspace.command(&arguments));
    let began = Instant::now();
    while fixture.writes().len() < 3 {
        assert!(began.elapsed() < Duration::from_secs(60), "the apply begins to write");
        std::thread::sleep(Duration::from_millis(2));
    }
    running.signal("INT");
    std::thread::sleep(Duration::from_millis(300));
    running.signal("INT");
    assert_eq!(running.finish().code, Some(130));
    assert!(began.elapsed() < Duration::from_secs(20));
    fixture.sandbox.reset_state();
    finishes(&fixture, "city", &json!("Grand Marais"));
}

#[test]
fn a_killed_apply_is_finished_by_the_next() {
    for (kind, member, value) in [
        ("carrierx/partner", "city", json!("Grand Marais")),
        ("bootview/payment-gateway", "merchantId", json!("M-7")),
    ] {
        let fixture = slow(kind, member, value.clone());
        let running = halfway(&fixture);
        running.signal("KILL");
        assert_eq!(running.finish().code, None);
        let written = fixture.writes().len();
        assert!(written < OBJECTS, "it was in the middle");
        finishes(&fixture, member, &value);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn ctrl_c_at_the_question_ends_the_program_at_once_and_writes_nothing() {
    use std::io::Write as _;
    use std::process::Stdio;

    let mut fixture = SandboxFixture::new("carrierx/partner", 1, Json);
    fixture.documents[0].document["spec"]["company_name"] = json!("Grand Marais Ferries");
    fixture.write();
    for (typed, code, said) in [
        ("\u{3}", 130, "interrupted: nothing was written"),
        ("no\n", 3, "cancelled; nothing was written"),
        ("yes\n", 0, "1 done"),
    ] {
        let mut command = fixture.workspace.command_on_terminal(&["apply"]);
        let mut child = command.stdin(Stdio::piped()).spawn().expect("a terminal");
        let mut keys = child.stdin.take().expect("a piped stdin");
        let mut out = child.stdout.take().expect("a piped stdout");
        let (mut shown, mut part) = (Vec::new(), [0; 4096]);
        // typed ahead it would be heard before the question
        while !String::from_utf8_lossy(&shown).contains("\"yes\":") {
            let read = std::io::Read::read(&mut out, &mut part).expect("output");
            assert!(read > 0, "no question\n{}", String::from_utf8_lossy(&shown));
            shown.extend_from_slice(&part[..read]);
        }
        let began = Instant::now();
        keys.write_all(typed.as_bytes()).expect("a key");
        std::io::Read::read_to_end(&mut out, &mut shown).expect("output");
        let status = child.wait().expect("an end");
        let shown = String::from_utf8_lossy(&shown).into_owned();
        assert_eq!(status.code(), Some(code), "{typed:?}\n{shown}");
        assert!(shown.contains(said), "{typed:?}\n{shown}");
        assert!(began.elapsed() < Duration::from_secs(20));
        assert_eq!(fixture.writes().len(), usize::from(code == 0));
    }
}
