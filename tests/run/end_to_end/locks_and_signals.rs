//! One apply at a time in a workspace, and runs that signals end.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use trueup::kind::WireFormat::Json;
use trueup::sandbox::SandboxOptions;

use crate::support::sandbox_fixture::{SandboxFixture, options};
use crate::support::workspace::RunningProgram;

const OBJECTS: usize = 12;
const APPLY: [&str; 4] = ["apply", "--auto-approve", "--parallelism", "2"];

/// Objects that all differ, of a slow service.
fn slow() -> SandboxFixture {
    let latency = Duration::from_millis(100);
    let options = SandboxOptions { count: Some(OBJECTS), latency, ..options() };
    let mut fixture = SandboxFixture::with("carrierx/partner", Json, options);
    for one in &mut fixture.documents {
        one.document["spec"]["city"] = json!("Two Harbors");
    }
    fixture.write();
    fixture
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(60), "{what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// An apply that has written something and has something left to write.
fn start_halfway(fixture: &SandboxFixture) -> RunningProgram {
    let running = RunningProgram::start(&mut fixture.workspace.command(&APPLY));
    wait_until("the apply writes", || fixture.writes().len() >= 2);
    running
}

#[test]
fn a_second_apply_waits_for_the_first_and_plans_after_it() {
    let fixture = slow();
    let first = start_halfway(&fixture);
    let second = fixture.workspace.expect(0, &APPLY);
    second.complains(&["another apply runs in this workspace; waiting"]);
    assert_eq!(first.finish().code, Some(0));
    assert_eq!(fixture.writes().len(), OBJECTS, "each object is written once");
    assert!(!second.out.contains("to update"), "nothing was left to plan\n{}", second.all());
}

#[test]
fn a_killed_apply_leaves_no_lock() {
    let fixture = slow();
    let running = start_halfway(&fixture);
    running.signal("KILL");
    running.finish();
    let ran = fixture.workspace.expect(0, &APPLY);
    assert!(!ran.err.contains("waiting"), "{}", ran.all());
}

#[test]
fn sigterm_and_sighup_end_a_run_as_sigint_does() {
    for (signal, code) in [("TERM", 143), ("HUP", 129), ("INT", 130)] {
        let mut fixture = slow();
        let settings = fixture.workspace.read("trueup.yaml");
        fixture
            .workspace
            .write("trueup.yaml", &settings.replace("    api:", "    lease: { seconds: 600 }\n    api:"));
        let running = start_halfway(&fixture);
        running.signal(signal);
        let ran = running.finish();
        assert_eq!(ran.code, Some(code), "{}", ran.all());
        ran.complains(&["interrupted: finishing requests in progress, starting no others"]);
        let written = fixture.writes().len();
        assert!(written < OBJECTS, "nothing else was begun after {signal}");
        let receipts = std::fs::read_dir(fixture.workspace.path(".trueup/receipts")).expect("receipts");
        assert_eq!(receipts.count(), 1, "the run has its receipt");
        fixture.write();
        let ran = fixture.workspace.expect(0, &APPLY);
        assert!(!ran.err.contains("lease"), "the lease was given back\n{}", ran.all());
        assert_eq!(fixture.writes().len(), OBJECTS, "nothing is written twice");
    }
}

/// A service that answers every request with 429 and asks for twenty seconds of patience.
fn start_busy_service() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let (address, count) = (listener.local_addr().expect("an address"), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&count);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 8192]);
            let answer =
                "HTTP/1.1 429 Busy\r\nretry-after: 20\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
            let _ = stream.write_all(answer.as_bytes());
            counted.fetch_add(1, Ordering::SeqCst);
        }
    });
    (format!("http://{address}"), count)
}

#[test]
fn a_pause_that_a_service_asks_for_ends_with_the_run() {
    let fixture = slow();
    let (url, count) = start_busy_service();
    let settings = fixture.workspace.read("trueup.yaml");
    let own = fixture.sandbox.base_url("carrierx");
    fixture.workspace.write("trueup.yaml", &settings.replace(&own, &url));
    let running = RunningProgram::start(&mut fixture.workspace.command(&APPLY));
    wait_until("the service is asked", || count.load(Ordering::SeqCst) >= 1);
    std::thread::sleep(Duration::from_millis(300));
    let began = Instant::now();
    running.signal("TERM");
    let ran = running.finish();
    assert_eq!(ran.code, Some(143), "{}", ran.all());
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}\n{}", began.elapsed(), ran.all());
}
