//! Outputs go to the file that was named: never through a link, and never in the place of a device or a pipe.

#![cfg(unix)]

use std::os::unix::fs::{FileTypeExt, MetadataExt, symlink};
use std::process::Command;

use trueup::kind::WireFormat;

use crate::desk::Running;
use crate::estate::Estate;

fn estate() -> Estate {
    Estate::new("bootview/payment-gateway", 2, WireFormat::Json)
}

#[test]
fn a_link_is_not_written_through() {
    let estate = estate();
    let outside = estate.desk.scratch().join("mine");
    std::fs::write(&outside, "mine").expect("a file");
    std::fs::create_dir_all(estate.desk.path("out")).expect("a folder");
    symlink(&outside, estate.desk.path("out/file")).expect("a link");
    symlink(estate.desk.scratch(), estate.desk.path("away")).expect("a link");
    for arguments in [
        &["plan", "-o", "out/file"][..],
        &["plan", "-o", "away/new"],
        &["plan", "--report", "json=out/file"],
        &["plan", "--report", "html=away/new"],
        &["schema", "-o", "away"],
        &["apply", "--auto-approve", "--report", "jsonl=out/file"],
    ] {
        let ran = estate.desk.expect(1, arguments);
        ran.complains(&["is a link"]);
    }
    assert_eq!(std::fs::read_to_string(&outside).expect("a file"), "mine");
    assert!(!estate.desk.scratch().join("new").exists());
    assert!(estate.desk.path("out/file").is_symlink());
}

#[test]
fn streams_devices_and_pipes_are_written_to_and_stay() {
    let estate = estate();
    let ran = estate.desk.expect(0, &["plan", "--quiet", "-o", "/dev/stdout"]);
    assert!(ran.out.contains("\"trueup_plan\"") || ran.out.contains("\"format"), "{}", ran.all());
    estate.desk.expect(0, &["plan", "-o", "/dev/null"]);
    assert!(std::fs::metadata("/dev/null").expect("a device").file_type().is_char_device());
    let pipe = estate.desk.path("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo").success());
    for arguments in [["plan", "-o", "pipe"], ["plan", "--report", "json=pipe"]] {
        let reader = {
            let pipe = pipe.clone();
            std::thread::spawn(move || std::fs::read_to_string(pipe).expect("a pipe"))
        };
        let ran = Running::start(&mut estate.desk.command(&arguments)).finish();
        assert_eq!(ran.code, Some(0), "{}", ran.all());
        assert!(reader.join().expect("a reader").starts_with('{'));
        assert!(std::fs::symlink_metadata(&pipe).expect("a pipe").file_type().is_fifo());
    }
}

#[test]
fn new_files_have_the_mode_of_any_new_file() {
    let estate = estate();
    estate.desk.expect(0, &["schema", "-o", "schemas"]);
    estate.desk.expect(0, &["plan", "-o", "plan.json"]);
    std::fs::write(estate.desk.path("other"), "").expect("a file");
    let mode = |name: &str| std::fs::metadata(estate.desk.path(name)).expect("a file").mode() & 0o777;
    for name in ["schemas/trueup.json", "plan.json"] {
        assert_eq!(mode(name), mode("other"), "{name}");
    }
}
