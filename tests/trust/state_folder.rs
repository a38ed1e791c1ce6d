//! What is in `.trueup` counts only when nobody else can have put it there.

#![cfg(unix)]

use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::process::Command;

use trueup::kind::WireFormat;

use crate::estate::Estate;

fn estate() -> Estate {
    let estate = Estate::new("bootview/payment-gateway", 2, WireFormat::Json);
    estate.desk.write(".gitignore", "secrets\n");
    estate
}

fn git(estate: &Estate, arguments: &[&str]) {
    let mut command = Command::new("git");
    command.current_dir(estate.desk.root()).args(["-c", "user.name=a", "-c", "user.email=a@b.example"]);
    let ran = command.args(arguments).output().expect("git");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
}

#[track_caller]
fn refused(estate: &Estate, why: &str) {
    for command in [&["plan"][..], &["apply", "--auto-approve"], &["drift"]] {
        estate.desk.expect(1, command).complains(&["untrusted-state", why, "help: "]);
    }
    assert!(estate.writes().is_empty());
}

#[test]
fn a_folder_that_git_tracks_is_refused() {
    for file in ["index.json", "key", "journal/x.jsonl"] {
        let estate = estate();
        estate.desk.expect(0, &["plan"]);
        estate.desk.write(&format!(".trueup/{file}"), "{}");
        git(&estate, &["init", "-q"]);
        git(&estate, &["add", "-f", "."]);
        git(&estate, &["commit", "-q", "-m", "x"]);
        refused(&estate, "Git tracks `.trueup`");
        // after the remedy
        git(&estate, &["rm", "-r", "-q", "-f", ".trueup"]);
        git(&estate, &["commit", "-q", "-m", "y"]);
        estate.desk.expect(0, &["plan"]);
    }
}

#[test]
fn a_link_in_its_place_or_in_it_is_refused() {
    for (link, target) in
        [(".trueup", "other"), (".trueup/key", "/dev/zero"), (".trueup/receipts", "../other")]
    {
        let estate = estate();
        std::fs::create_dir_all(estate.desk.path("other")).expect("a folder");
        if link != ".trueup" {
            std::fs::create_dir_all(estate.desk.path(".trueup")).expect("a folder");
        }
        symlink(target, estate.desk.path(link)).expect("a link");
        refused(&estate, &format!("`{link}` is a link"));
    }
}

#[test]
fn a_folder_or_file_that_others_may_write_is_refused() {
    for (name, mode) in [("", 0o777), ("index.json", 0o666), ("key", 0o620)] {
        let estate = estate();
        estate.desk.write(".trueup/index.json", "{\"format\":1,\"objects\":[]}");
        estate.desk.write(".trueup/key", "00");
        let path = estate.desk.path(".trueup").join(name);
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("a mode");
        refused(&estate, &format!("(mode {mode:o})"));
    }
}

#[test]
fn everything_in_it_belongs_to_its_owner_alone() {
    let mut estate = estate();
    estate.vary(0, 1);
    let settings = estate.desk.read("trueup.yaml").replace("api: bootview", "api: bootview\n    lease: {}");
    estate.desk.write("trueup.yaml", &settings);
    estate.desk.expect(0, &["apply", "--auto-approve"]);
    let mut seen = 0;
    for entry in walkdir::WalkDir::new(estate.desk.path(".trueup")) {
        let entry = entry.expect("an entry");
        let mode = entry.metadata().expect("metadata").mode() & 0o777;
        let wanted = if entry.file_type().is_dir() { 0o700 } else { 0o600 };
        let is_exempt = ["lock", ".gitignore"].iter().any(|name| entry.path().ends_with(name));
        assert!(mode == wanted || (is_exempt && mode & 0o022 == 0), "{mode:o} {}", entry.path().display());
        seen += 1;
    }
    assert!(seen > 5, "{seen}");
}
