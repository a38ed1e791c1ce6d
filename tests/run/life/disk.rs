//! A disk that is full, or a folder that no one may write: what cannot be recorded is not sent, what was sent is
//! not sent again, and each is said in a sentence.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, OnceLock};

use serde_json::{Value as Json, json};
use trueup::kind::{IdAssigner, Kind, ReadConsistency, WireFormat};
use trueup::sandbox::SandboxOptions;

use super::state::index;
use crate::support::new_documents::{kinds, new_document};
use crate::support::sandbox_fixture::{SandboxFixture, options, vary};
use crate::support::workspace::{ProgramOutput, RunningProgram};

// an id in the document would be known all the same
const APPLY: [&str; 5] = ["apply", "--auto-approve", "--format", "json", "--no-write-ids"];

/// A folder in which not even root can make a file.
const NOWHERE: &str = "/sys";

/// A user who owns nothing.
const NOBODY: u32 = 65534;

fn creatable() -> impl Iterator<Item = Arc<Kind>> {
    kinds().into_iter().filter(|kind| kind.operations.create.is_some())
}

fn codes(ran: &ProgramOutput, list: &str) -> Vec<String> {
    let report = ran.json();
    let results = report["results"].as_array().expect("results").iter();
    let said = results.flat_map(|result| result[list].as_array().cloned().unwrap_or_default());
    said.map(|one| one["code"].as_str().expect("a code").to_owned()).collect()
}

/// A service of so many objects that are ours, the first of which is to change, and one that is to come.
fn fixture(kind: &Kind, count: usize) -> SandboxFixture {
    let mut fixture = SandboxFixture::with(
        &kind.name,
        WireFormat::Json,
        SandboxOptions { count: Some(count), ..options() },
    );
    fixture.workspace.expect(0, &APPLY);
    let yaml_path = fixture.documents[0].places[0].clone();
    vary(&mut fixture.documents[0], &yaml_path);
    fixture.documents.push(new_document(kind, "newcomer"));
    fixture.write();
    fixture
}

/// Puts the workspace's memory where it can be neither read nor written.
fn lock_up(root: &Path) {
    fs::rename(root.join(".trueup"), root.join("aside")).expect("a folder to move");
    symlink(NOWHERE, root.join(".trueup")).expect("a link");
}

fn give_back(root: &Path) {
    fs::remove_file(root.join(".trueup")).expect("a link to remove");
    fs::rename(root.join("aside"), root.join(".trueup")).expect("a folder to move back");
}

#[test]
fn where_nothing_can_be_recorded_nothing_is_sent() {
    for kind in creatable() {
        let fixture = fixture(&kind, 3);
        lock_up(fixture.workspace.root());
        for command in [&["plan"][..], &APPLY] {
            fixture.workspace.expect(1, command).complains(&["untrusted-state", "`.trueup` is a link"]);
        }
        assert!(fixture.writes().is_empty(), "{}", kind.name);
        give_back(fixture.workspace.root());
        fixture.workspace.expect(0, &APPLY);
        assert_eq!(fixture.dump().len(), 4);
    }
}

#[test]
fn a_file_where_the_memory_should_be_stops_every_run() {
    let fixture = fixture(&creatable().next().expect("a kind"), 3);
    fs::remove_dir_all(fixture.workspace.path(".trueup")).expect("a folder to remove");
    fixture.workspace.write(".trueup", "mine");
    for command in [&["plan"][..], &APPLY] {
        let ran = fixture.workspace.expect(1, command);
        ran.complains(&["unreadable-state", "`.trueup` is a file", "help: move it away"]);
    }
    assert!(fixture.writes().is_empty());
    assert_eq!(fixture.workspace.read(".trueup"), "mine");
}

/// Root may write everywhere, so that the program runs as no one.
#[test]
fn a_memory_that_may_only_be_read_is_enough_for_a_plan() {
    let fixture = fixture(&creatable().next().expect("a kind"), 3);
    let root = fixture.workspace.root().to_owned();
    let shell = |command: &str| {
        let status = Command::new("sh").args(["-c", command]).current_dir(&root).status().expect("a shell");
        assert!(status.success(), "{command}");
    };
    shell("chmod -R a+rX . && chmod -R a-w .trueup && chmod 600 .trueup/key");
    if fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0) {
        shell(&format!("chown {NOBODY} .trueup/key"));
    }
    let run = |arguments: &[&str]| {
        let mut command = fixture.workspace.command(arguments);
        if fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0) {
            command.uid(NOBODY).gid(NOBODY);
        }
        RunningProgram::start(&mut command).finish()
    };
    let ran = run(&["plan", "--detailed-exitcode"]);
    assert_eq!((ran.code, ran.err.contains("warning[")), (Some(2), false), "{}", ran.all());
    let ran = run(&APPLY);
    assert_eq!(ran.code, Some(1), "{}", ran.all());
    ran.complains(&["not-recorded", "nothing was sent", "free disk space or fix the permissions"]);
    assert!(fixture.writes().is_empty());
    shell("chmod -R u+w .trueup");
}

#[test]
fn a_checkout_that_can_only_be_read_is_enough_for_plan_and_drift() {
    for kind in creatable() {
        let fixture = fixture(&kind, 3);
        let root = fixture.workspace.root().to_owned();
        fixture.workspace.expect(0, &APPLY);
        fs::remove_dir_all(root.join(".trueup")).expect("a folder");
        let is_root = fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
        let shell = |command: &str| {
            let status =
                Command::new("sh").args(["-c", command]).current_dir(&root).status().expect("a shell");
            assert!(status.success(), "{command}");
        };
        shell("chmod -R a+rX . && chmod a-w .");
        for command in ["plan", "drift"] {
            let mut own = fixture.workspace.command(&[command]);
            if is_root {
                own.uid(NOBODY).gid(NOBODY);
            }
            let ran = RunningProgram::start(&mut own).finish();
            assert_eq!(ran.code, Some(0), "{} {}", kind.name, ran.all());
            ran.complains(&["warning[not-recorded]", "ledger.jsonl"]);
            assert!(!root.join(".trueup").exists());
        }
        shell("chmod u+w .");
    }
}

/// The program where files cannot grow beyond so many blocks of the shell.
fn cramped(fixture: &SandboxFixture, blocks: usize) -> ProgramOutput {
    let mut shell = Command::new("sh");
    // ignored, the signal becomes the error that a full disk gives
    shell.args(["-c", &format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$@\""), "sh"]);
    RunningProgram::start(&mut fixture.workspace.command_by(shell, &APPLY)).finish()
}

#[test]
fn on_a_full_disk_nothing_is_sent() {
    for kind in creatable() {
        let fixture = fixture(&kind, 3);
        let before = fixture.workspace.read(".trueup/index.json");
        let ran = cramped(&fixture, 0);
        assert_eq!(ran.code, Some(1), "{}", ran.all());
        ran.complains(&[".trueup", "cannot be written"]);
        assert!(fixture.writes().is_empty(), "{}", kind.name);
        assert_eq!(fixture.workspace.read(".trueup/index.json"), before, "what was there is whole");
    }
}

#[test]
fn a_create_that_cannot_be_recorded_is_not_sent() {
    for kind in creatable() {
        // the index of so many objects is larger than what may be written, the journal of a few is not
        let mut fixture = fixture(&kind, 60);
        fixture.documents.drain(..60);
        fixture.workspace.remove("config/000.yaml");
        fixture.write();
        let before = fixture.workspace.read(".trueup/index.json");
        let ran = cramped(&fixture, 6);
        assert_eq!(ran.code, Some(1), "{}", ran.all());
        assert_eq!(codes(&ran, "reasons"), ["not-recorded"], "{}", ran.all());
        assert!(fixture.writes().is_empty(), "{}", kind.name);
        assert_eq!(fixture.workspace.read(".trueup/index.json"), before, "what was there is whole");
        fixture.workspace.expect(0, &APPLY);
        assert_eq!(fixture.dump().len(), 61, "{}", kind.name);
    }
}

/// The disk is full as soon as the service has the create.
fn filling(kind: &Kind, verify_at_once: bool) -> SandboxFixture {
    let root: Arc<OnceLock<PathBuf>> = Arc::default();
    let own = Arc::clone(&root);
    let options = SandboxOptions { count: Some(2), auto_verify: verify_at_once, ..options() };
    let mut fixture = SandboxFixture::watched(&kind.name, options, move |_, entry| {
        if let (Some(root), "POST") = (own.get(), &*entry.method) {
            lock_up(root);
        }
    });
    fixture.documents = vec![new_document(kind, "newcomer")];
    fixture.write();
    root.set(fixture.workspace.root().to_owned()).expect("set once");
    fixture
}

#[test]
fn a_create_whose_id_cannot_be_recorded_is_not_repeated() {
    for kind in creatable() {
        let fixture = filling(&kind, true);
        let ran = fixture.workspace.run(&APPLY);
        // an id of ours is on record before the create is sent
        if kind.identity.id_assigned_by == IdAssigner::Server {
            assert!(codes(&ran, "diagnostics").contains(&"not-recorded".to_owned()), "{}", ran.all());
            assert!(ran.out.contains("its id is ") || ran.out.contains("run again"), "{}", ran.all());
        }
        give_back(fixture.workspace.root());
        fixture.workspace.expect(0, &APPLY);
        assert_eq!(fixture.dump().len(), 3, "{}", kind.name);
        assert!(index(&fixture).iter().all(|entry| entry["id"].is_string()));
    }
}

#[test]
fn a_create_whose_id_cannot_be_recorded_and_that_shows_late_is_left_to_people() {
    let later = |kind: &Arc<Kind>| {
        kind.operations.create.as_ref().is_some_and(|c| c.read_after_write == ReadConsistency::Eventual)
    };
    for kind in creatable().filter(later) {
        let mut fixture = filling(&kind, false);
        let ran = fixture.workspace.run(&APPLY);
        let id = fixture.id(2);
        assert!(ran.out.contains(&format!("its id is {id}: write it into the document")), "{}", ran.all());
        give_back(fixture.workspace.root());
        let ran = fixture.workspace.expect(3, &APPLY);
        assert_eq!(codes(&ran, "reasons"), ["create-unknown"], "{}", kind.name);
        fixture.documents[0].document["id"] = json!(id);
        fixture.write();
        fixture.workspace.expect(0, &APPLY);
        fixture.sandbox.verify_pending();
        fixture.workspace.expect(0, &APPLY);
        assert_eq!(fixture.dump().len(), 3, "{}", kind.name);
        assert_eq!(index(&fixture)[0]["open_create"], Json::Null);
    }
}
