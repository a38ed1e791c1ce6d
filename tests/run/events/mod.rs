//! What is reported while an apply runs: each line fits its published schema, each object ends once, and whoever
//! listens, or does not, changes nothing of what is written.

mod contents;
#[cfg(unix)]
mod listeners;

use crate::support::sandbox_fixture::SandboxFixture;
use serde_json::{Value, json};
use trueup::kind::WireFormat::Json;

const PARTNER: &str = "carrierx/partner";
const APPLY: [&str; 4] = ["apply", "--auto-approve", "--report", "jsonl=out/events"];

/// So many partners, each with another company than live.
fn companies(count: usize) -> SandboxFixture {
    let mut fixture = SandboxFixture::new(PARTNER, count, Json);
    for one in &mut fixture.documents {
        one.document["spec"]["company_name"] = json!("Grand Marais");
    }
    fixture.write();
    fixture
}

/// The events of a text, after a look that each is on a line of its own, fits the schema and has its number.
fn events(text: &str) -> Vec<Value> {
    let schema: Value = serde_json::from_str(include_str!("../../../schemas/events.json")).expect("a schema");
    let (mut schemas, mut compiler) = (boon::Schemas::new(), boon::Compiler::new());
    compiler.add_resource("mem:///events.json", schema).expect("a schema");
    let index = compiler.compile("mem:///events.json", &mut schemas).expect("a schema");
    assert!(text.is_empty() || text.ends_with('\n'), "the last line is whole");
    let read = |(number, line): (usize, &str)| {
        let event: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        schemas.validate(&event, index).unwrap_or_else(|error| panic!("{error:#}\n{event:#}"));
        assert_eq!(event["number"], number + 1, "{text}");
        event
    };
    let mut wrong = json!({ "number": 1, "at": "now", "event": "object_started" });
    assert!(schemas.validate(&wrong, index).is_err(), "the schema takes anything");
    wrong["event"] = json!("nothing_such");
    assert!(schemas.validate(&wrong, index).is_err(), "the schema takes anything");
    text.lines().enumerate().map(read).collect()
}

/// The events that an apply wrote into its file.
fn written_events(fixture: &SandboxFixture) -> Vec<Value> {
    events(&fixture.workspace.read("out/events"))
}

fn of<'e>(events: &'e [Value], word: &str) -> Vec<&'e Value> {
    events.iter().filter(|event| event["event"] == word).collect()
}

/// Fails unless a run began, ended with this code, and reported each object once.
#[track_caller]
fn add_up(events: &[Value], exit: i32) {
    assert_eq!(events[0]["event"], "run_started");
    assert_eq!(events[0]["format_version"], 1);
    let last = events.last().expect("a last event");
    assert_eq!((&last["event"], &last["exit"]), (&json!("run_ended"), &json!(exit)), "{last:#}");
    let ended = of(events, "object_ended");
    for (word, number) in last["summary"].as_object().expect("totals") {
        let said = ended.iter().filter(|event| event["result"] == **word).count();
        assert_eq!(json!(said), *number, "{word} in {events:#?}");
    }
    let mut names: Vec<_> = ended.iter().map(|event| event["name"].as_str()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), ended.len(), "an object ends once");
}
