//! What is reported, whatever an apply comes to.

use serde_json::{Value, json};
use trueup::kind::WireFormat::Json;
use trueup::sandbox::{RunningSandbox, SandboxFault, SandboxLogEntry, SandboxOptions};

use super::{APPLY, PARTNER, add_up, companies, events, of, written_events};
use crate::support::sandbox_fixture::{SandboxFixture, options};

fn place(events: &[Value], word: &str, name: &str) -> usize {
    let found = events.iter().position(|event| event["event"] == word && event["name"] == name);
    found.unwrap_or_else(|| panic!("no {word} of {name}: {events:#?}"))
}

#[test]
fn each_object_is_followed_from_its_turn_to_its_end() {
    let mut fixture = companies(5);
    // one is unchanged, and one may not be changed so
    let live = fixture.dump()[4]["object"]["company_name"].clone();
    fixture.documents[4].document["spec"]["company_name"] = live;
    fixture.documents[3].document["spec"]["login"] = json!("another");
    fixture.write();
    let report = [&APPLY[..], &["--report", "json=out/json"]].concat();
    fixture.workspace.expect(4, &report);
    let events = written_events(&fixture);
    add_up(&events, 4);
    assert_eq!(events[1]["event"], "planned");
    assert_eq!(
        events[1]["summary"],
        json!({ "create": 0, "update": 3, "delete": 0, "unchanged": 1, "refused": 1, "unread": 0 })
    );
    for name in ["o-0000", "o-0001", "o-0002"] {
        let [started, written, ended] =
            ["object_started", "object_written", "object_ended"].map(|word| place(&events, word, name));
        assert!(started < written && written < ended, "{events:#?}");
        assert_eq!((&events[written]["status"], &events[written]["attempts"]), (&json!(200), &json!(1)));
        assert_eq!(events[started]["action"], "update");
    }
    assert_eq!((of(&events, "object_started").len(), of(&events, "object_written").len()), (3, 3));
    // what is reported of an end is what the report tells
    let report: Value = serde_json::from_str(&fixture.workspace.read("out/json")).expect("JSON");
    assert_eq!(report["summary"], events.last().expect("an end")["summary"]);
    for result in report["results"].as_array().expect("results") {
        let reported = &events[place(&events, "object_ended", result["name"].as_str().expect("a name"))];
        for (member, value) in result.as_object().expect("members") {
            assert_eq!(reported[member], *value, "{member} of {reported:#}");
        }
    }
}

#[test]
fn events_alone_stand_on_stdout() {
    let fixture = companies(2);
    let ran = fixture.workspace.expect(0, &["apply", "--auto-approve", "--format", "jsonl"]);
    add_up(&events(&ran.out), 0);
    ran.complains(&["2 to update", "2 done"]);
    let fixture = companies(2);
    let ran =
        fixture.workspace.expect(0, &["apply", "--auto-approve", "--report", "jsonl=-,jsonl=out/events"]);
    add_up(&events(&ran.out), 0);
    assert_eq!(ran.out, fixture.workspace.read("out/events"));
}

#[test]
fn only_an_apply_has_events() {
    let mut fixture = companies(1);
    for command in
        [&["validate"][..], &["plan"], &["drift"], &["show", "a.json"], &["explain"], &["schema", "--check"]]
    {
        let ran = fixture.workspace.expect(64, &[command, &["--format", "jsonl"]].concat());
        ran.complains(&["`jsonl` reports the events of an apply", "use `json` for the result"]);
        assert_eq!(ran.out, "");
    }
    for command in [&["validate"][..], &["plan"], &["drift"], &["show", "a.json"]] {
        fixture
            .workspace
            .expect(64, &[command, &["--report", "jsonl=out/events"]].concat())
            .complains(&["`jsonl`"]);
    }
    fixture.workspace.set("TRUEUP_FORMAT", "jsonl");
    fixture.workspace.expect(64, &["plan"]);
    fixture.workspace.expect(64, &["apply", "--report", "markdown=-"]).complains(&["only one document"]);
    fixture.workspace.expect(64, &["apply", "--report", "jsonl=-"]).complains(&["only one document"]);
    assert!(!fixture.workspace.path("out/events").exists());
}

#[test]
fn a_run_that_does_not_begin_ends_too() {
    let fixture = companies(2);
    // no terminal for the prompt to ask on
    fixture.workspace.expect(3, &["apply", "--report", "jsonl=out/events"]);
    let reported = written_events(&fixture);
    add_up(&reported, 3);
    assert_eq!(reported.last().expect("an end")["diagnostics"][0]["code"], "no-terminal");
    assert_eq!(of(&reported, "object_ended").len(), 2);
    // nothing differs
    let agreeing = SandboxFixture::new(PARTNER, 2, Json);
    agreeing.workspace.expect(0, &APPLY);
    add_up(&written_events(&agreeing), 0);
    // it is refused as a whole
    fixture.workspace.expect(3, &[&APPLY[..], &["--max-updates", "1"]].concat());
    let reported = written_events(&fixture);
    add_up(&reported, 3);
    assert_eq!(reported.last().expect("an end")["diagnostics"][0]["code"], "too-many-updates");
    // its documents are wrong
    fixture.workspace.write("config/wrong.yaml", "kind: nobody/nothing\nname: a\nspec: {}\n");
    fixture.workspace.expect(1, &APPLY);
    let reported = written_events(&fixture);
    add_up(&reported, 1);
    assert_eq!(reported.len(), 2, "{reported:#?}");
    assert_eq!(reported[1]["diagnostics"][0]["code"], "unknown-kind");
}

#[test]
fn pauses_are_reported_with_their_reason() {
    let fixture = companies(3);
    fixture.fail("PATCH:503:1");
    fixture.workspace.expect(0, &[&APPLY[..], &["--parallelism", "1"]].concat());
    let reported = written_events(&fixture);
    add_up(&reported, 0);
    let waits = of(&reported, "retrying");
    assert_eq!(waits.len(), 1, "{reported:#?}");
    assert_eq!(
        (&waits[0]["target"], &waits[0]["reason"], &waits[0]["attempts"]),
        (&json!("there"), &json!("503"), &json!(1))
    );
    assert!(waits[0]["delay_ms"].as_u64().is_some_and(|pause| pause >= 100), "{}", waits[0]);
    let fixture = companies(1);
    fixture.fail("PATCH:429:1");
    fixture.workspace.expect(0, &APPLY);
    let reported = written_events(&fixture);
    add_up(&reported, 0);
    let waits = of(&reported, "throttled");
    assert_eq!((waits.len(), &waits[0]["reason"]), (1, &json!("429")), "{reported:#?}");
    let written = of(&reported, "object_written");
    assert_eq!((written.len(), &written[0]["attempts"]), (1, &json!(2)));
}

#[test]
fn what_a_service_loses_is_reported_as_it_is_found() {
    let fixture = companies(1);
    fixture.fail("PATCH:keep-nothing:1");
    let ran = fixture.workspace.run(&APPLY);
    let reported = written_events(&fixture);
    add_up(&reported, ran.code.unwrap_or_default());
    let ended = of(&reported, "object_ended");
    assert_eq!(
        (&ended[0]["result"], &ended[0]["reasons"][0]["code"]),
        (&json!("failed"), &json!("not-kept"))
    );
}

#[test]
fn a_target_that_is_given_up_is_reported_once() {
    // with its first write the service goes down
    let down = |sandbox: &RunningSandbox, entry: &SandboxLogEntry| {
        if entry.method == "PATCH" {
            sandbox.add_fault(SandboxFault::parse_fault("*:500:100000").expect("a fault"));
        }
    };
    let mut fixture = SandboxFixture::watched(PARTNER, SandboxOptions { count: Some(40), ..options() }, down);
    for one in &mut fixture.documents {
        one.document["spec"]["company_name"] = json!("Grand Marais");
    }
    fixture.write();
    let ran = fixture.workspace.run(&[&APPLY[..], &["--max-retries", "0"]].concat());
    let reported = written_events(&fixture);
    add_up(&reported, ran.code.unwrap_or_default());
    let halted = of(&reported, "halted");
    assert_eq!(halted.len(), 1, "{halted:#?}");
    assert_eq!((&halted[0]["target"], &halted[0]["code"]), (&json!("there"), &json!("circuit-open")));
    let code = &halted[0]["code"];
    let last = reported.last().expect("an end");
    let said = last["diagnostics"].as_array().expect("diagnostics").iter().any(|own| own["code"] == *code);
    assert!(said, "{last:#}");
}

#[test]
fn a_run_whose_time_is_over_says_so() {
    let latency = std::time::Duration::from_millis(150);
    let mut fixture =
        SandboxFixture::with(PARTNER, Json, SandboxOptions { count: Some(30), latency, ..options() });
    for one in &mut fixture.documents {
        one.document["spec"]["company_name"] = json!("Grand Marais");
    }
    fixture.write();
    let ran = fixture.workspace.run(&[&APPLY[..], &["--timeout", "3", "--parallelism", "1"]].concat());
    let reported = written_events(&fixture);
    add_up(&reported, ran.code.unwrap_or_default());
    let halted = of(&reported, "halted");
    assert_eq!((halted.len(), &halted[0]["code"]), (1, &json!("run-timeout")), "{}", ran.all());
    assert!(halted[0].get("target").is_none(), "{halted:#?}");
    assert!(reported.iter().any(|event| event["result"] == "not_started"), "{reported:#?}");
}
