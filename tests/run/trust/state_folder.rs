//! What is in `.trueup` counts only when no one else can have put it there.

#![cfg(unix)]

use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::process::Command;

use trueup::kind::WireFormat;

use crate::support::sandbox_fixture::SandboxFixture;

fn fixture() -> SandboxFixture {
    let fixture = SandboxFixture::new("bootview/payment-gateway", 2, WireFormat::Json);
    fixture.workspace.write(".gitignore", "secrets\n");
    fixture
}

fn git(fixture: &SandboxFixture, arguments: &[&str]) {
    let mut command = Command::new("git");
    command.current_dir(fixture.workspace.root()).args(["-c", "user.name=a", "-c", "user.email=a@b.example"]);
    let ran = command.args(arguments).output().expect("git");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
}

#[track_caller]
fn refused(fixture: &SandboxFixture, why: &str) {
    for command in [&["plan"][..], &["apply", "--auto-approve"], &["drift"]] {
        fixture.workspace.expect(1, command).complains(&["untrusted-state", why, "help: "]);
    }
    assert!(fixture.writes().is_empty());
}

#[test]
fn a_folder_that_git_tracks_is_refused() {
    for file in ["index.json", "key", "journal/x.jsonl"] {
        let fixture = fixture();
        fixture.workspace.expect(0, &["plan"]);
        fixture.workspace.write(&format!(".trueup/{file}"), "{}");
        git(&fixture, &["init", "-q"]);
        git(&fixture, &["commit", "-q", "--allow-empty", "-m", "nothing yet"]);
        git(&fixture, &["add", "-f", "."]);
        // what is staged counts like what is committed
        refused(&fixture, "Git tracks `.trueup`");
        git(&fixture, &["commit", "-q", "-m", "x"]);
        refused(&fixture, "Git tracks `.trueup`");
        // after the remedy
        git(&fixture, &["rm", "-r", "-q", "-f", ".trueup"]);
        git(&fixture, &["commit", "-q", "-m", "y"]);
        fixture.workspace.expect(0, &["plan"]);
    }
}

#[test]
fn a_link_in_its_place_or_in_it_is_refused() {
    for (link, target) in
        [(".trueup", "other"), (".trueup/key", "/dev/zero"), (".trueup/receipts", "../other")]
    {
        let fixture = fixture();
        std::fs::create_dir_all(fixture.workspace.path("other")).expect("a folder");
        if link != ".trueup" {
            std::fs::create_dir_all(fixture.workspace.path(".trueup")).expect("a folder");
        }
        symlink(target, fixture.workspace.path(link)).expect("a link");
        refused(&fixture, &format!("`{link}` is a link"));
    }
}

#[test]
fn a_folder_or_file_that_others_may_write_is_refused() {
    for (name, mode) in [("", 0o777), ("index.json", 0o666), ("key", 0o620)] {
        let fixture = fixture();
        fixture.workspace.write(".trueup/index.json", "{\"format\":1,\"objects\":[]}");
        fixture.workspace.write(".trueup/key", "00");
        let private = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(fixture.workspace.path(".trueup/key"), private).expect("a mode");
        let path = fixture.workspace.path(".trueup").join(name);
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("a mode");
        refused(&fixture, &format!("(mode {mode:o})"));
    }
}

#[test]
fn keys_that_others_may_read_are_refused() {
    let fixture = fixture();
    fixture.workspace.write(".trueup/key", "00");
    let mode = |name: &str, mode| {
        let path = fixture.workspace.path(name);
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("a mode");
    };
    mode(".trueup", 0o755);
    for open in [0o644, 0o640, 0o604] {
        mode(".trueup/key", open);
        refused(&fixture, "other users may read the keys");
    }
    mode(".trueup/key", 0o600);
    fixture.workspace.expect(0, &["plan"]);
    mode(".trueup/key", 0o644);
    mode(".trueup", 0o700);
    fixture.workspace.expect(0, &["plan"]);
}

#[test]
fn there_is_one_file_with_keys_and_it_is_bounded() {
    let mut fixture = fixture();
    fixture.vary(0, 1);
    fixture.workspace.expect(0, &["apply", "--auto-approve"]);
    fixture.workspace.expect(0, &["plan", "--unmanaged"]);
    let names = std::fs::read_dir(fixture.workspace.path(".trueup")).expect("a folder");
    let names: Vec<String> =
        names.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    let keys: Vec<&String> = names.iter().filter(|name| name.contains("key")).collect();
    assert_eq!(keys, ["key"], "{names:?}");
    let keys = fixture.workspace.read(".trueup/key");
    fixture.workspace.write(".trueup/key", &"a".repeat(100_000));
    fixture.workspace.expect(1, &["plan"]).complains(&["unreadable-state", "too large"]);
    std::fs::remove_file(fixture.workspace.path(".trueup/key")).expect("a file");
    std::fs::create_dir(fixture.workspace.path(".trueup/key")).expect("a folder");
    fixture.workspace.expect(1, &["plan"]).complains(&["unreadable-state", "not a file"]);
    std::fs::remove_dir(fixture.workspace.path(".trueup/key")).expect("a folder");
    fixture.workspace.write(".trueup/key", &keys);
    fixture.workspace.expect(0, &["plan"]).says(&["No changes"]);
}

#[test]
fn everything_in_it_belongs_to_its_owner_alone() {
    let mut fixture = fixture();
    fixture.vary(0, 1);
    let settings =
        fixture.workspace.read("trueup.yaml").replace("api: bootview", "api: bootview\n    lease: {}");
    fixture.workspace.write("trueup.yaml", &settings);
    fixture.workspace.expect(0, &["apply", "--auto-approve"]);
    let mut seen = 0;
    for entry in walkdir::WalkDir::new(fixture.workspace.path(".trueup")) {
        let entry = entry.expect("an entry");
        let mode = entry.metadata().expect("metadata").mode() & 0o777;
        let wanted = if entry.file_type().is_dir() { 0o700 } else { 0o600 };
        let is_exempt = ["lock", ".gitignore"].iter().any(|name| entry.path().ends_with(name));
        assert!(mode == wanted || (is_exempt && mode & 0o022 == 0), "{mode:o} {}", entry.path().display());
        seen += 1;
    }
    assert!(seen > 5, "{seen}");
}
