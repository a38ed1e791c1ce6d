//! Who listens: in time, not at all, too slowly, or not any more. The services get the same writes.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::json;
use trueup::sandbox::SandboxOptions;

use super::{APPLY, PARTNER, add_up, companies, events, of, written_events};
use crate::support::sandbox_fixture::{SandboxFixture, options};
use crate::support::workspace::RunningProgram;

const PATIENCE: Duration = Duration::from_secs(60);

#[track_caller]
fn until(what: &str, is: impl Fn() -> bool) {
    let began = Instant::now();
    while !is() {
        assert!(began.elapsed() < PATIENCE, "never: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn an_event_is_written_before_the_next_object_is() {
    let file: Arc<Mutex<Option<std::path::PathBuf>>> = Arc::default();
    let (seen, late) = (Arc::clone(&file), Arc::new(Mutex::new(0)));
    let counted = Arc::clone(&late);
    let react = move |_: &trueup::sandbox::RunningSandbox, entry: &trueup::sandbox::SandboxLogEntry| {
        let Some(file) = seen.lock().expect("no panic").clone() else { return };
        let mut writes = counted.lock().expect("no panic");
        if entry.method == "PATCH" {
            let ended = || {
                fs::read_to_string(&file).unwrap_or_default().matches("\"object_ended\"").count() >= *writes
            };
            until("the objects before this one are told to have ended", ended);
            *writes += 1;
        }
    };
    let mut fixture = SandboxFixture::watched(PARTNER, SandboxOptions { count: Some(4), ..options() }, react);
    for one in &mut fixture.documents {
        one.document["spec"]["company_name"] = json!("Grand Marais");
    }
    fixture.write();
    *file.lock().expect("no panic") = Some(fixture.workspace.path("out/events"));
    fixture.workspace.expect(0, &[&APPLY[..], &["--parallelism", "1"]].concat());
    assert_eq!(*late.lock().expect("no panic"), 4);
    add_up(&written_events(&fixture), 0);
}

fn start(fixture: &SandboxFixture) -> std::process::Child {
    let mut command: Command = fixture.workspace.command(&["apply", "--auto-approve", "--format", "jsonl"]);
    command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the program starts")
}

#[test]
fn a_listener_who_goes_away_stops_nothing() {
    let fixture = companies(60);
    let mut child = start(&fixture);
    let mut first = String::new();
    let mut out = BufReader::new(child.stdout.take().expect("a pipe"));
    out.read_line(&mut first).expect("a line");
    drop(out);
    assert_eq!(events(&first)[0]["event"], "run_started");
    let status = child.wait().expect("an end");
    assert_eq!(status.code(), Some(0));
    assert_eq!(fixture.writes().len(), 60);
    assert!(fixture.dump().iter().all(|own| own["object"]["company_name"] == "Grand Marais"));
}

#[test]
fn a_listener_who_does_not_read_keeps_nothing_waiting() {
    // more than a pipe holds
    let fixture = companies(150);
    let mut child = start(&fixture);
    let is_closed =
        || fs::read_dir(fixture.workspace.path(".trueup/receipts")).is_ok_and(|all| all.count() == 1);
    until("the apply is done and has its receipt, and nobody has read a line", is_closed);
    assert_eq!(fixture.writes().len(), 150);
    let mut text = String::new();
    child.stdout.take().expect("a pipe").read_to_string(&mut text).expect("text");
    assert_eq!(child.wait().expect("an end").code(), Some(0));
    assert!(text.len() > 70_000, "{} bytes fit into a pipe", text.len());
    add_up(&events(&text), 0);
}

#[test]
fn a_full_disk_is_reported_when_everything_is_written() {
    if !std::path::Path::new("/dev/full").exists() {
        eprintln!("skipped: there is no /dev/full here");
        return;
    }
    let fixture = companies(3);
    fixture
        .workspace
        .expect(1, &["apply", "--auto-approve", "--report", "jsonl=/dev/full"])
        .complains(&["/dev/full cannot be written"]);
    assert_eq!(fixture.writes().len(), 3);
    // where it is known before, nothing is begun
    let fixture = companies(3);
    fixture.workspace.write("taken", "a file\n");
    fixture.workspace.expect(1, &["apply", "--auto-approve", "--report", "jsonl=taken/events"]);
    assert!(fixture.writes().is_empty());
}

#[test]
fn an_interrupt_is_reported_and_each_object_ends() {
    let latency = Duration::from_millis(120);
    let mut fixture = SandboxFixture::with(
        PARTNER,
        trueup::kind::WireFormat::Json,
        SandboxOptions { count: Some(20), latency, ..options() },
    );
    for one in &mut fixture.documents {
        one.document["spec"]["company_name"] = json!("Grand Marais");
    }
    fixture.write();
    let arguments = [&APPLY[..], &["--parallelism", "2"]].concat();
    let running = RunningProgram::start(&mut fixture.workspace.command(&arguments));
    until("something is written", || fixture.writes().len() > 3);
    running.signal("INT");
    let ran = running.finish();
    assert_eq!(ran.code, Some(130), "{}", ran.all());
    let said = written_events(&fixture);
    add_up(&said, 130);
    let halted = of(&said, "halted");
    assert_eq!((halted.len(), &halted[0]["code"]), (1, &json!("interrupted")), "{said:#?}");
    let done = said.iter().filter(|event| event["result"] == "done").count();
    assert_eq!(done, fixture.writes().len());
}
