//! A lease: of two applies on one target one writes and the other says so; and whoever dies holds nothing up for
//! long.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};
use tempfile::TempDir;
use trueup::kind::WireFormat;
use trueup::sandbox::SandboxOptions;

use crate::support::sandbox_fixture::{SandboxFixture, options};
use crate::support::workspace::{ProgramOutput, RunningProgram, Workspace};

const PARTNER: &str = "carrierx/partner";
const OBJECTS: usize = 10;
const APPLY: [&str; 4] = ["apply", "--auto-approve", "--parallelism", "1"];
const AS_JSON: [&str; 6] = ["apply", "--auto-approve", "--parallelism", "1", "--format", "json"];

/// A service, a workspace that changes all of it under a lease, and the place of the lease.
struct Shared {
    fixture: SandboxFixture,
    place: TempDir,
}

impl Shared {
    fn new(latency: u64, seconds: u32) -> Self {
        let latency = Duration::from_millis(latency);
        let options = SandboxOptions { count: Some(OBJECTS), latency, ..options() };
        let mut fixture = SandboxFixture::with(PARTNER, WireFormat::Json, options);
        for one in &mut fixture.documents {
            one.document["spec"]["city"] = json!("Anchorage");
        }
        fixture.write();
        let place = tempfile::tempdir().expect("a folder");
        let lease = format!("    lease: {{ directory: '{}', seconds: {seconds} }}\n", place.path().display());
        let settings =
            fixture.workspace.read("trueup.yaml").replacen("    api:", &format!("{lease}    api:"), 1);
        assert!(settings.contains(&lease), "{settings}");
        fixture.workspace.write("trueup.yaml", &settings);
        Self { fixture, place }
    }

    /// Another workspace that says the same, such as on another machine, and calls the target otherwise.
    fn elsewhere(&self) -> Workspace {
        let mut other = Workspace::new();
        for (path, bytes) in self.fixture.workspace.files() {
            let Ok(name) = path.strip_prefix(self.fixture.workspace.root()) else { continue };
            if name.starts_with(".trueup") {
                continue;
            }
            let text = String::from_utf8(bytes).expect("text");
            let text =
                text.replace("target: there", "target: over-there").replace("  there:", "  over-there:");
            other.write(&name.display().to_string(), &text);
        }
        other.set("CREDENTIAL", "any");
        other.set("TRUEUP_MAX_UPDATES", "100%");
        other.set("TRUEUP_HOLDER", "the other machine");
        for (name, value) in self.fixture.documents.iter().flat_map(|one| one.variables.clone()) {
            other.set(name, value);
        }
        other
    }

    fn words(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.place.path()).expect("a folder");
        entries.map(|entry| entry.expect("an entry").path()).collect()
    }

    fn word(&self) -> Json {
        let [path] = &self.words()[..] else { panic!("{:?}", self.words()) };
        serde_json::from_str(&fs::read_to_string(path).expect("a word")).expect("JSON")
    }

    /// Starts an apply and waits until it writes.
    fn started(&self) -> RunningProgram {
        let running = RunningProgram::start(&mut self.fixture.workspace.command(&APPLY));
        wait_until(|| self.fixture.writes().len() > 1);
        running
    }
}

fn wait_until(is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(60), "it comes to that");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn codes(ran: &ProgramOutput) -> Vec<String> {
    let report = ran.json();
    let said = report["diagnostics"].as_array().expect("diagnostics").iter();
    said.map(|one| one["code"].as_str().expect("a code").to_owned()).collect()
}

/// Nothing was sent, and nothing was noted that says so.
fn wrote_nothing(root: &Path) -> bool {
    !root.join(".trueup/journal").exists()
}

#[test]
fn of_two_applies_at_once_one_writes_and_the_other_says_so() {
    for _ in 0..3 {
        let shared = Shared::new(5, 60);
        let other = shared.elsewhere();
        let running = [&shared.fixture.workspace, &other]
            .map(|workspace| RunningProgram::start(&mut workspace.command(&AS_JSON)));
        let mut rans: Vec<(ProgramOutput, &Workspace)> = running
            .into_iter()
            .map(RunningProgram::finish)
            .zip([&shared.fixture.workspace, &other])
            .collect();
        rans.sort_by_key(|(ran, _)| ran.code);
        let [(winner, _), (loser, workspace)] = &rans[..] else { panic!("two runs") };
        assert_eq!((winner.code, loser.code), (Some(0), Some(3)), "{}\n{}", winner.all(), loser.all());
        assert_eq!(codes(loser), ["lease-held"]);
        loser.complains(&["has been writing to the target `", "since 20", "its lease expires at 20"]);
        assert!(wrote_nothing(workspace.root()));
        assert_eq!(shared.fixture.writes().len(), OBJECTS, "one run has written");
        // it was given back
        workspace.expect(0, &APPLY);
        assert_eq!(shared.word()["until"], Json::Null);
    }
}

#[test]
fn a_plan_needs_no_lease() {
    let shared = Shared::new(20, 60);
    let running = shared.started();
    shared.elsewhere().expect(0, &["plan"]);
    assert_eq!(running.finish().code, Some(0));
}

#[test]
fn who_holds_it_is_reported_as_it_was_said_and_does_no_harm() {
    let mut shared = Shared::new(20, 60);
    shared.fixture.workspace.set("TRUEUP_HOLDER", "job 17 \u{1b}[2J of https://ci.example/17");
    let running = shared.started();
    let ran = shared.elsewhere().expect(3, &APPLY);
    ran.complains(&["job 17 \\u{1b}[2J of https://ci.example/17 has been writing"]);
    assert!(!ran.err.contains('\u{1b}'));
    assert_eq!(running.finish().code, Some(0));
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_gives_it_back_at_once() {
    let shared = Shared::new(30, 3600);
    let running = shared.started();
    shared.elsewhere().expect(3, &APPLY);
    running.signal("INT");
    assert_eq!(running.finish().code, Some(130));
    assert_eq!(shared.word()["until"], Json::Null);
    shared.elsewhere().expect(0, &APPLY);
}

#[cfg(unix)]
#[test]
fn a_killed_run_holds_it_until_its_time_is_over() {
    let shared = Shared::new(10, 5);
    let running = shared.started();
    running.signal("KILL");
    assert_eq!(running.finish().code, None);
    let other = shared.elsewhere();
    let before = shared.fixture.writes().len();
    other.expect(3, &APPLY).complains(&["lease-held"]);
    assert!(wrote_nothing(other.root()));
    assert_eq!(shared.fixture.writes().len(), before);
    let began = Instant::now();
    let mut ran = other.run(&APPLY);
    while ran.code == Some(3) {
        assert!(began.elapsed() < Duration::from_secs(30), "{}", ran.all());
        std::thread::sleep(Duration::from_millis(200));
        ran = other.run(&APPLY);
    }
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    ran.complains(&["warning[lease-expired]", "did not release its lease", "every object is read again"]);
    assert!(shared.fixture.dump().iter().all(|one| one["object"]["city"] == "Anchorage"));
}

#[test]
fn a_run_whose_lease_was_taken_away_begins_nothing_more() {
    let shared = Shared::new(150, 5);
    let running = RunningProgram::start(&mut shared.fixture.workspace.command(&AS_JSON));
    wait_until(|| shared.fixture.writes().len() == 1);
    // someone whose clock runs ahead by hours
    let path = shared.words().remove(0);
    let name = path.file_name().expect("a name").to_string_lossy().into_owned();
    let parts: Vec<&str> = name.split('.').collect();
    let number: u64 = parts[1].parse().expect("a number");
    let path = path.with_file_name(format!("{}.{:010}.lease", parts[0], number + 1));
    let word = json!({
        "trueup_lease": 1, "holder": "thief", "since": "2026-01-01T00:00:00Z", "until": "2999-01-01T00:00:00Z",
    });
    fs::write(path, word.to_string()).expect("a word");
    let ran = running.finish();
    assert_eq!(ran.code, Some(4), "{}", ran.all());
    assert_eq!(codes(&ran), ["lease-lost"], "{}", ran.all());
    let summary = &ran.json()["summary"];
    assert!(summary["done"].as_u64() >= Some(1) && summary["not_started"].as_u64() >= Some(1), "{summary}");
    assert_eq!(shared.fixture.writes().len() as u64, summary["done"].as_u64().expect("a number"));
    let ran = shared.fixture.workspace.expect(1, &APPLY);
    ran.complains(&["no-lease", "thief", "2999-01-01T00:00:00Z", "a clock is wrong"]);
}

#[test]
fn without_its_place_nothing_is_written() {
    let shared = Shared::new(0, 60);
    let words = shared.place.path().to_owned();
    fs::remove_dir(&words).expect("a folder to remove");
    let ran = shared.fixture.workspace.expect(1, &AS_JSON);
    assert_eq!(codes(&ran), ["no-lease"]);
    ran.complains(&["--> trueup.yaml:", "create or mount the directory"]);
    assert!(!words.exists(), "a share that is not mounted is not made up");
    fs::create_dir(&words).expect("a folder");
    shared.fixture.workspace.expect(0, &APPLY);
    // what is there is nothing of ours
    fs::write(&shared.words()[0], "mine").expect("a file");
    shared.fixture.workspace.expect(1, &APPLY).complains(&["no-lease", "is no lease of this program"]);
    assert_eq!(shared.fixture.writes().len(), OBJECTS);
}

#[test]
fn without_a_directory_runs_in_one_workspace_are_kept_apart() {
    let shared = Shared::new(20, 60);
    let settings = shared.fixture.workspace.read("trueup.yaml");
    let lease = settings.lines().find(|line| line.contains("lease:")).expect("a lease");
    shared.fixture.workspace.write("trueup.yaml", &settings.replace(lease, "    lease: {}"));
    let running = shared.started();
    shared.fixture.workspace.expect(0, &APPLY).complains(&["waiting until it ends"]);
    assert_eq!(running.finish().code, Some(0));
    assert!(shared.words().is_empty());
}
