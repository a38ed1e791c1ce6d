//! How runs end, in every situation: the exit code, what was written, and what is said about it.

use std::process::Command;
use std::time::Instant;

use clap::CommandFactory;
use serde_json::{Value, json};
use trueup::kind::WireFormat::Json;
use trueup::sandbox::SandboxOptions;

use crate::support::sandbox_fixture::{SandboxFixture, edit, options};
use crate::support::workspace::{ProgramOutput, RunningProgram};

const GATEWAY: &str = "bootview/payment-gateway";
const PARTNER: &str = "carrierx/partner";

const APPLY: [&str; 2] = ["apply", "--auto-approve"];
const APPLY_JSON: [&str; 4] = ["apply", "--auto-approve", "--format", "json"];

/// So many partners, each with another city than live.
fn cities(count: usize) -> SandboxFixture {
    let mut fixture = SandboxFixture::new(PARTNER, count, Json);
    ask_for_cities(&mut fixture);
    fixture
}

fn ask_for_cities(fixture: &mut SandboxFixture) {
    for one in &mut fixture.documents {
        one.document["spec"]["city"] = json!("Grand Marais");
    }
    fixture.write();
}

/// So many gateways, each with another limit than live.
fn limits(count: usize) -> SandboxFixture {
    let mut fixture = SandboxFixture::new(GATEWAY, count, Json);
    for one in &mut fixture.documents {
        one.document["spec"]["maxPaymentAmount"] = json!(4321.5);
    }
    fixture.write();
    fixture
}

/// What the one JSON document on stdout says of each object.
fn results(ran: &ProgramOutput) -> Vec<String> {
    let report = ran.json();
    let results = report["results"].as_array().expect("results");
    results.iter().map(|result| result["result"].as_str().expect("a word").to_owned()).collect()
}

fn codes(ran: &ProgramOutput, number: usize) -> Vec<String> {
    let report = ran.json();
    let reasons = report["results"][number]["reasons"].as_array().cloned().unwrap_or_default();
    reasons.iter().map(|reason| reason["code"].as_str().expect("a code").to_owned()).collect()
}

/// Each command, with the words that lead to it.
fn every_command(command: &clap::Command, words: &mut Vec<String>, found: &mut Vec<Vec<String>>) {
    for inner in command.get_subcommands() {
        words.push(inner.get_name().to_owned());
        found.push(words.clone());
        every_command(inner, words, found);
        words.pop();
    }
}

#[test]
fn wrong_usage_is_64() {
    let fixture = SandboxFixture::new(PARTNER, 1, Json);
    for arguments in [
        &[][..],
        &["plam"],
        &["plan", "--formt", "json"],
        &["plan", "--format", "xml"],
        &["plan", "--parallelism", "0"],
        &["apply", "--request-timeout", "never"],
        &["completions", "cmd"],
    ] {
        let ran = fixture.workspace.expect(64, arguments);
        assert!(ran.out.is_empty(), "{}", ran.all());
        assert!(!ran.err.is_empty());
    }
    let mut lines = Vec::new();
    every_command(&trueup::cli::command_line::CommandLine::command(), &mut Vec::new(), &mut lines);
    assert!(lines.len() > 12, "the commands are all there");
    for line in lines {
        let arguments: Vec<&str> = line.iter().map(String::as_str).chain(["--no-such-flag"]).collect();
        let ran = fixture.workspace.expect(64, &arguments);
        assert!(ran.out.is_empty() && ran.err.contains("--no-such-flag"), "{}", ran.all());
    }
    fixture.workspace.expect(0, &["--help"]).says(&["Usage: trueup", "Exit codes:"]);
    fixture.workspace.expect(0, &["help", "apply"]).says(&["--auto-approve"]);
    fixture.workspace.expect(0, &["--version"]).says(&[env!("CARGO_PKG_VERSION"), "commit ", "features: "]);
    assert!(fixture.sandbox.read_log().is_empty());
}

/// An address that was written and that no one has confirmed yet is still the old one after every other write.
#[test]
fn what_waits_for_a_mail_is_not_blamed_on_the_service() {
    let options = SandboxOptions { count: Some(2), auto_verify: false, ..options() };
    let mut fixture = SandboxFixture::with(PARTNER, Json, options);
    fixture.documents[0].document["spec"]["owner_email"] = json!("ingrid@example.org");
    fixture.write();
    fixture.workspace.expect(0, &APPLY).says(&["1 done"]);
    assert_ne!(fixture.dump()[0]["object"]["owner_email"], "ingrid@example.org", "nobody confirmed it");
    ask_for_cities(&mut fixture);
    let ran = fixture.workspace.expect(0, &APPLY_JSON);
    assert_eq!(results(&ran), ["done", "done"], "{}", ran.all());
}

#[test]
fn nobody_to_ask_is_3() {
    let fixture = cities(1);
    let ran = fixture.workspace.expect(3, &["apply"]);
    ran.says(&["1 to update"]).complains(&["no terminal for the prompt", "--auto-approve"]);
    assert!(fixture.writes().is_empty());
    let ran = fixture.workspace.expect(3, &["apply", "--format", "json"]);
    ran.complains(&["no terminal for the prompt"]);
    assert!(fixture.writes().is_empty());
}

#[test]
fn nothing_to_do_is_0_and_asks_nobody() {
    let fixture = SandboxFixture::new(PARTNER, 2, Json);
    fixture.workspace.expect(0, &["apply"]).says(&["No changes"]);
    let ran = fixture.workspace.expect(0, &["apply", "--format", "json"]);
    assert_eq!(results(&ran), ["unchanged", "unchanged"]);
    assert!(fixture.writes().is_empty());
}

#[test]
fn faults_in_documents_are_1_before_any_request() {
    let fixture = cities(1);
    fixture.workspace.write("config/zz.yaml", "kind: carrierx/partner\nname: zz\nspec:\n  lgoin: zz\n");
    for command in [&["validate"][..], &["plan"], &APPLY] {
        let ran = fixture.workspace.expect(1, command);
        ran.complains(&["unknown-field", "config/zz.yaml:4:3", "did you mean `login`"]);
        assert!(ran.out.is_empty(), "{}", ran.all());
    }
    assert!(fixture.sandbox.read_log().is_empty());
}

/// An fixture whose first partner is changed by someone else as soon as a plan has read it.
fn moving(count: usize, members: Value) -> SandboxFixture {
    let reads = std::sync::atomic::AtomicUsize::new(0);
    let react = move |sandbox: &trueup::sandbox::RunningSandbox, entry: &trueup::sandbox::SandboxLogEntry| {
        let first = reads.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == count - 1;
        if first && entry.method == "GET" {
            edit(sandbox, PARTNER, "cccccccc-0000-4000-8000-000000000003", members.clone());
        }
    };
    let mut fixture =
        SandboxFixture::watched(PARTNER, SandboxOptions { count: Some(count), ..options() }, react);
    ask_for_cities(&mut fixture);
    fixture
}

#[test]
fn a_moved_object_is_3_alone_and_4_among_others() {
    let fixture = moving(1, json!({ "city": "Two Harbors" }));
    let ran = fixture.workspace.expect(3, &APPLY_JSON);
    assert_eq!(results(&ran), ["refused"]);
    let moved = &ran.json()["results"][0]["conflicts"];
    assert_eq!(moved.as_array().map(Vec::len), Some(1));
    assert_eq!(moved[0]["path"], "/city");
    let name = |when: &str| moved[0][when]["pseudonym"].as_str().unwrap_or_else(|| panic!("{moved}"));
    let names = ["planned", "now", "desired"].map(name);
    assert!(names[0] != names[1] && names[1] != names[2] && names[2] != names[0], "{moved}");
    assert!(fixture.writes().is_empty());
    assert_eq!(fixture.dump()[0]["object"]["city"], "Two Harbors");

    let fixture = moving(3, json!({ "city": "Two Harbors" }));
    let ran = fixture.workspace.expect(4, &APPLY);
    ran.says(&["refused", "changed since the plan", "2 done, 1 refused"]);
    assert_eq!(fixture.writes().len(), 2);
    assert_eq!(fixture.dump()[0]["object"]["city"], "Two Harbors");
}

#[test]
fn what_the_step_does_not_rely_on_may_move() {
    let mut fixture = moving(1, json!({ "company_name": "Meanwhile Inc", "balance": "99" }));
    let spec = fixture.documents[0].document["spec"].as_object_mut().expect("a spec");
    spec.remove("company_name");
    fixture.write();
    fixture.workspace.expect(0, &APPLY);
    let object = &fixture.dump()[0]["object"];
    assert_eq!((&object["city"], &object["company_name"]), (&json!("Grand Marais"), &json!("Meanwhile Inc")));
}

#[test]
fn a_full_put_relies_on_the_whole_object() {
    let fixture = moving(1, json!({ "company_name": "Meanwhile Inc" }));
    let ran = fixture.workspace.expect(3, &["apply", "--auto-approve", "--method", "put"]);
    ran.says(&["company_name", "planned", "Example Freight", "now", "Meanwhile Inc"]);
    assert!(fixture.writes().is_empty());
}

#[test]
fn what_somebody_else_has_done_meanwhile_is_0() {
    let fixture = moving(1, json!({ "city": "Grand Marais" }));
    let ran = fixture.workspace.expect(0, &APPLY_JSON);
    assert_eq!(results(&ran), ["unchanged"]);
    assert!(fixture.writes().is_empty());
}

#[test]
fn a_refusal_by_the_service_is_1_alone_and_4_among_others() {
    let fixture = limits(1);
    fixture.fail("PUT:400:9");
    let ran = fixture.workspace.expect(1, &APPLY);
    ran.says(&[
        "failed",
        "did not accept the request (PUT 400)",
        "This fault was asked for",
        "config/000.yaml:",
    ]);

    let fixture = limits(3);
    let id = fixture.id(1);
    fixture.fail(&format!("PUT:400:9:/{id}"));
    let ran = fixture.workspace.expect(4, &APPLY_JSON);
    assert_eq!(results(&ran), ["done", "failed", "done"]);
    assert!(codes(&ran, 1).contains(&"rejected".to_owned()), "{:?}", codes(&ran, 1));
    assert_eq!(fixture.dump()[1]["object"]["maxPaymentAmount"], json!(1000.0));
}

#[test]
fn a_refused_field_is_reported_at_its_line() {
    let mut fixture = limits(1);
    fixture.documents[0].document["spec"]["displayName"] = json!("   ");
    let id = fixture.id(0);
    fixture.documents[0].document["id"] = json!(id);
    fixture.write();
    let ran = fixture.workspace.expect(1, &[&APPLY[..], &["--allow-rename"]].concat());
    let text = fixture.workspace.read("config/000.yaml");
    let line = text.lines().position(|line| line.contains("displayName")).expect("the line") + 1;
    ran.says(&["`displayName`: ", "should not be empty", &format!("config/000.yaml:{line}:")]);
}

#[test]
fn a_service_that_keeps_nothing_is_caught_with_the_path() {
    for fixture in [limits(1), cities(1)] {
        fixture.fail("PUT:keep-nothing:9");
        fixture.fail("PATCH:keep-nothing:9");
        let ran = fixture.workspace.expect(1, &APPLY_JSON);
        assert_eq!(results(&ran), ["failed"]);
        assert_eq!(codes(&ran, 0), ["not-kept"]);
        let path = &ran.json()["results"][0]["not_kept"][0]["path"];
        assert!(path == "/maxPaymentAmount" || path == "/city", "{path}");
    }
    let fixture = limits(2);
    fixture.fail("PUT:keep-nothing:1");
    fixture.workspace.expect(4, &APPLY).says(&["did not keep `maxPaymentAmount`", "1 done, 1 failed"]);
}

#[test]
fn html_is_reported_as_html() {
    let fixture = limits(2);
    fixture.fail("GET:html:9");
    let ran = fixture.workspace.expect(1, &["plan"]);
    ran.says(&["HTML"]);
    let fixture = limits(2);
    fixture.fail("PUT:html:1");
    let ran = fixture.workspace.expect(4, &APPLY);
    ran.says(&["HTML", "1 done, 1 failed"]);
}

#[test]
fn a_service_that_hangs_is_given_up_in_time() {
    let fixture = cities(1);
    fixture.fail("GET:hang:99");
    let began = Instant::now();
    let ran = fixture.workspace.expect(1, &["plan", "--request-timeout", "0.2"]);
    ran.says(&["did not answer within 0.2 s"]);
    assert!(began.elapsed().as_secs() < 30);
}

#[test]
fn a_write_that_hangs_is_looked_up() {
    let fixture = limits(2);
    let id = fixture.id(0);
    fixture.fail(&format!("PUT:hang:99:/{id}"));
    let ran = fixture
        .workspace
        .expect(4, &["apply", "--auto-approve", "--request-timeout", "0.3", "--format", "json"]);
    assert_eq!(results(&ran), ["failed", "done"]);
    assert!(codes(&ran, 0).contains(&"timeout".to_owned()), "{:?}", codes(&ran, 0));
}

#[test]
fn broken_connections_are_tried_again() {
    let fixture = cities(2);
    fixture.fail("GET:reset:2");
    fixture.fail("PATCH:reset:1");
    let ran = fixture.workspace.expect(0, &APPLY_JSON);
    assert_eq!(results(&ran), ["done", "done"]);
    let done = fixture.writes().iter().filter(|entry| entry.status == Some(200)).count();
    assert_eq!(done, 2);
}

#[test]
fn a_lost_answer_is_looked_up_and_reported_as_done() {
    let fixture = cities(1);
    fixture.fail("PATCH:reset-after:99");
    let ran = fixture.workspace.expect(0, &APPLY_JSON);
    assert_eq!(results(&ran), ["done"]);
    assert_eq!(fixture.dump()[0]["object"]["city"], "Grand Marais");
    fixture.workspace.expect(0, &["plan", "--detailed-exitcode"]);
}

#[test]
fn a_busy_service_is_asked_again() {
    for fixture in [limits(1), cities(1)] {
        fixture.fail("*:503:2");
        fixture.workspace.expect(0, &["plan"]);
        fixture.fail("PUT:503:2");
        fixture.fail("PATCH:429:1");
        let ran = fixture.workspace.expect(0, &APPLY_JSON);
        assert_eq!(results(&ran), ["done"]);
        let attempts = ran.json()["results"][0]["attempts"].as_u64();
        assert_eq!(attempts, Some(if fixture.kind.name.starts_with("carrierx") { 2 } else { 3 }));
    }
}

#[test]
fn a_service_that_stays_busy_is_1_and_nothing_else_is_harmed() {
    let fixture = cities(2);
    let id = fixture.id(0);
    fixture.fail(&format!("PATCH:503:99:/{id}"));
    let ran = fixture.workspace.expect(4, &APPLY_JSON);
    assert_eq!(results(&ran), ["failed", "done"]);
}

#[test]
fn an_answer_that_breaks_off_is_reported() {
    let fixture = cities(9);
    fixture.fail("GET:truncate:99");
    fixture.workspace.expect(1, &["plan"]).says(&["broke"]);
}

#[test]
fn a_list_without_end_is_given_up() {
    let fixture = cities(9);
    fixture.fail("GET:endless:999999");
    let ran = fixture.workspace.expect(0, &["plan", "--format", "json"]);
    let report = ran.json();
    assert_eq!(report["diagnostics"][0]["code"], "incomplete-list");
    assert_eq!(report["summary"]["unread"], 0, "what the first page shows is known: {report:#}");
    assert!(fixture.reads() < 20, "{} pages", fixture.reads());
}

#[cfg(target_os = "linux")]
#[test]
fn two_hundred_megabytes_are_not_swallowed() {
    let fixture = cities(9);
    fixture.fail("GET:flood:99");
    // The shell's limit counts all address space, in KiB. With one arena of the allocator, which is the same in
    // each run, a debug build needs 170,000; the answer has 200 MB.
    let mut limited = Command::new("sh");
    limited.args(["-c", "export MALLOC_ARENA_MAX=1 && ulimit -v 230000 && exec \"$@\"", "sh"]);
    let ran =
        RunningProgram::start(&mut fixture.workspace.command_by(limited, &["plan", "--format", "json"]))
            .finish();
    assert_eq!(ran.code, Some(1), "{}", ran.all());
    let report = ran.json();
    assert_eq!(report["diagnostics"][0]["code"], "answer-too-large");
    assert_eq!(report["unread"].as_array().map(Vec::len), Some(9));
}

#[test]
fn wrong_credentials_are_reported_with_the_target() {
    let mut fixture = cities(1);
    fixture.workspace.set("CREDENTIAL", "wrong");
    let ran = fixture.workspace.expect(1, &["plan"]);
    ran.says(&["did not accept the credentials", "target `there`"]);
}

#[test]
fn a_service_that_is_not_there_is_reported() {
    let fixture = cities(1);
    let settings = fixture.workspace.read("trueup.yaml");
    let port = fixture.sandbox.addr().port().to_string();
    // the discard port is closed on every machine that runs tests
    fixture.workspace.write("trueup.yaml", &settings.replace(&port, "9"));
    fixture.workspace.expect(1, &["plan"]).says(&["127.0.0.1:9 cannot be reached", "check the base URL"]);
}

#[test]
fn what_cannot_be_planned_is_3() {
    let mut fixture = cities(2);
    fixture.documents[1].document["spec"]["country_code"] = json!("CAN");
    fixture.write();
    let ran = fixture.workspace.expect(3, &["plan"]);
    ran.says(&["country_code", "1 to update", "1 refused"]);
    // the other one is written
    let ran = fixture.workspace.expect(4, &APPLY_JSON);
    assert_eq!(results(&ran), ["done", "refused"]);
}

#[test]
fn an_empty_service_is_not_believed() {
    let fixture = cities(9);
    let sandbox = SandboxFixture::with(PARTNER, Json, SandboxOptions { count: Some(0), ..options() });
    let settings = fixture.workspace.read("trueup.yaml");
    let here = fixture.sandbox.addr().port().to_string();
    let there = sandbox.sandbox.addr().port().to_string();
    fixture.workspace.write("trueup.yaml", &settings.replace(&here, &there));
    let ran = fixture.workspace.expect(3, &["plan"]);
    ran.says(&["--trust-empty"]);
}

#[test]
fn a_service_that_orders_items_itself_is_caught_with_the_line_to_add() {
    let mut fixture = SandboxFixture::new(PARTNER, 1, Json);
    let one = |to: &str| json!({ "type": "prefix", "from": "1", "to": to });
    fixture.documents[0].document["spec"]["transformations"] = json!([one("+1"), one("+46")]);
    fixture.write();
    fixture.fail("PATCH:reorder:1");
    let ran = fixture.workspace.expect(1, &APPLY_JSON);
    assert_eq!(results(&ran), ["failed"]);
    let hint = ran.json()["results"][0]["reasons"][0]["hint"].as_str().expect("a hint").to_owned();
    assert!(hint.contains("add `list_type: set` to `transformations`"), "{hint}");
}
