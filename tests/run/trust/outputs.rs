//! Outputs go to the file that was named: never through a link, and never in the place of a device or a pipe.

#![cfg(unix)]

use std::os::unix::fs::{FileTypeExt, MetadataExt, symlink};
use std::process::Command;

use trueup::kind::WireFormat;

use crate::support::sandbox_fixture::SandboxFixture;
use crate::support::stub_server::StubServer;
use crate::support::workspace::RunningProgram;

fn fixture() -> SandboxFixture {
    SandboxFixture::new("bootview/payment-gateway", 2, WireFormat::Json)
}

#[test]
fn a_link_is_not_written_through() {
    let fixture = fixture();
    let outside = fixture.workspace.scratch().join("mine");
    std::fs::write(&outside, "mine").expect("a file");
    std::fs::create_dir_all(fixture.workspace.path("out")).expect("a folder");
    symlink(&outside, fixture.workspace.path("out/file")).expect("a link");
    symlink(fixture.workspace.scratch(), fixture.workspace.path("away")).expect("a link");
    for arguments in [
        &["plan", "-o", "out/file"][..],
        &["plan", "-o", "away/new"],
        &["plan", "--report", "json=out/file"],
        &["plan", "--report", "html=away/new"],
        &["schema", "-o", "away"],
        &["apply", "--auto-approve", "--report", "jsonl=out/file"],
    ] {
        let ran = fixture.workspace.expect(1, arguments);
        ran.complains(&["is a link"]);
    }
    assert_eq!(std::fs::read_to_string(&outside).expect("a file"), "mine");
    assert!(!fixture.workspace.scratch().join("new").exists());
    assert!(fixture.workspace.path("out/file").is_symlink());
}

#[test]
fn nor_is_one_of_a_workspace_that_is_not_the_current_directory() {
    let fixture = fixture();
    let away = fixture.workspace.scratch().join("away");
    std::fs::create_dir_all(&away).expect("a folder");
    for link in ["schemas", "out"] {
        symlink(&away, fixture.workspace.path(link)).expect("a link");
    }
    let root = fixture.workspace.root().display().to_string();
    let plan = format!("{root}/out/deep/plan.json");
    let html = format!("html={root}/out/plan.html");
    for arguments in [
        &["-C", &root, "plan", "-o", &plan][..],
        &["-C", &root, "plan", "--report", &html],
        &["-C", &root, "schema"],
        &["-C", &root, "schema", "-o", "out/schemas"],
    ] {
        let mut command = fixture.workspace.command(arguments);
        command.current_dir(fixture.workspace.scratch());
        let ran = RunningProgram::start(&mut command).finish();
        assert_eq!(ran.code, Some(1), "{arguments:?} {}", ran.all());
        ran.complains(&["is a link"]);
    }
    assert_eq!(std::fs::read_dir(&away).expect("a folder").count(), 0);
}

#[test]
fn fmt_writes_through_no_link() {
    let fixture = fixture();
    let text = "kind:   bootview/payment-gateway\nname:   a\nspec:   { displayName:   a }\n";
    fixture.workspace.write("elsewhere/a.yaml", text);
    fixture.workspace.write("elsewhere/b.txt", text);
    symlink("../elsewhere", fixture.workspace.path("config/folder")).expect("a link");
    symlink("../elsewhere/b.txt", fixture.workspace.path("config/file.yaml")).expect("a link");
    fixture.workspace.expect(0, &["fmt"]);
    assert_eq!(fixture.workspace.read("elsewhere/a.yaml"), text);
    assert_eq!(fixture.workspace.read("elsewhere/b.txt"), text);
}

#[test]
fn import_and_ids_are_written_through_no_link() {
    let mut fixture = fixture();
    let scope = &fixture.documents[0].document["scope"]["customerId"];
    let scope = format!("customerId={}", scope.as_str().expect("a customer"));
    // the documents are behind a link
    std::fs::create_dir_all(fixture.workspace.path("elsewhere")).expect("a folder");
    std::fs::rename(fixture.workspace.path("config/000.yaml"), fixture.workspace.path("elsewhere/a.txt"))
        .expect("a file");
    symlink("../elsewhere/a.txt", fixture.workspace.path("config/000.yaml")).expect("a link");
    for number in 0..2 {
        fixture.edit(number, serde_json::json!({ "maxPaymentAmount": 77 }));
    }
    let before = fixture.workspace.read("elsewhere/a.txt");
    let import =
        ["import", "bootview/payment-gateway", "-o", "config", "--scope", &scope, "--discard-pending"];
    let ran = fixture.workspace.run(&import);
    assert!(ran.all().contains("config/000.yaml is a link"), "{}", ran.all());
    assert_eq!(fixture.workspace.read("elsewhere/a.txt"), before);
    // a new file in a folder that is a link
    std::fs::create_dir_all(fixture.workspace.path("away")).expect("a folder");
    symlink("../away", fixture.workspace.path("config/linked")).expect("a link");
    fixture.documents.clear();
    fixture.workspace.remove("config/000.yaml");
    let import = ["import", "bootview/payment-gateway", "-o", "config/linked", "--scope", &scope];
    let ran = fixture.workspace.run(&import);
    assert!(ran.all().contains("is a link or in one"), "{}", ran.all());
    assert_eq!(std::fs::read_dir(fixture.workspace.path("away")).expect("a folder").count(), 0);
}

#[test]
fn streams_devices_and_pipes_are_written_to_and_stay() {
    let fixture = fixture();
    let ran = fixture.workspace.expect(0, &["plan", "--quiet", "-o", "/dev/stdout"]);
    assert!(ran.out.contains("\"trueup_plan\"") || ran.out.contains("\"format"), "{}", ran.all());
    fixture.workspace.expect(0, &["plan", "-o", "/dev/null"]);
    assert!(std::fs::metadata("/dev/null").expect("a device").file_type().is_char_device());
    let pipe = fixture.workspace.path("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo").success());
    for arguments in [["plan", "-o", "pipe"], ["plan", "--report", "json=pipe"]] {
        let reader = {
            let pipe = pipe.clone();
            std::thread::spawn(move || std::fs::read_to_string(pipe).expect("a pipe"))
        };
        let ran = RunningProgram::start(&mut fixture.workspace.command(&arguments)).finish();
        assert_eq!(ran.code, Some(0), "{}", ran.all());
        assert!(reader.join().expect("a reader").starts_with('{'));
        assert!(std::fs::symlink_metadata(&pipe).expect("a pipe").file_type().is_fifo());
    }
}

#[test]
fn new_files_have_the_mode_of_any_new_file() {
    let fixture = fixture();
    fixture.workspace.expect(0, &["schema", "-o", "schemas"]);
    fixture.workspace.expect(0, &["plan", "-o", "plan.json"]);
    std::fs::write(fixture.workspace.path("other"), "").expect("a file");
    let mode = |name: &str| std::fs::metadata(fixture.workspace.path(name)).expect("a file").mode() & 0o777;
    for name in ["schemas/trueup.json", "plan.json"] {
        assert_eq!(mode(name), mode("other"), "{name}");
    }
}

#[test]
fn texts_of_descriptions_move_no_cursor_and_reorder_no_line() {
    let workspace = crate::support::workspace::Workspace::new();
    workspace.write("trueup.yaml", "targets: {}\nallow_empty: true\n");
    workspace.write("apis/yard/api.yaml", "format: 1\ntitle: Yard\ndescription: A yard.\nformats: [json]\n");
    let hostile = "\\x9b2J\\u202e\\u200b\\e]0;t\\a";
    let kind = format!(
        "format: 1\ntitle: \"Crane{hostile}\"\ndescription: \"A crane{hostile}.\"\n\
         identity: {{ id: id, natural_key: [code] }}\noperations:\n  list: {{ get: /cranes }}\nproperties:\n  \
         id: {{ type: integer, description: \"An id{hostile}.\", read_only: true }}\n  \
         code: {{ type: string, description: \"A code{hostile}.\", enum: {{ a: \"x{hostile}.\" }} }}\n"
    );
    workspace.write("apis/yard/crane.yaml", &kind);
    for topic in [&["explain"][..], &["explain", "yard/crane"], &["explain", "yard/crane.code"]] {
        let ran = workspace.expect(0, topic);
        let is_hostile = |c: char| matches!(c, '\u{9b}' | '\u{202e}' | '\u{200b}' | '\u{1b}' | '\u{7}');
        assert!(!ran.all().contains(is_hostile), "{topic:?} {}", ran.all().escape_debug());
        ran.says(&["\\u{202e}"]);
    }
}

#[test]
fn an_id_about_a_person_is_in_no_message() {
    const PERSON: &str = "canary-person-77";
    let live = serde_json::json!({ "id": PERSON, "code": "A", "note": "x" });
    for (get, status) in [("500", "500"), ("200", "422")] {
        let (own, get) = (live.clone(), get.to_owned());
        let server = StubServer::new(move |request| {
            let echo = serde_json::json!({ "error": format!("failed at {}", request.path) });
            match (request.verb.as_str(), request.path.contains(PERSON)) {
                ("GET", true) if get == "500" => (500, echo),
                ("GET", true) => (200, own.clone()),
                ("GET", false) => (200, serde_json::json!([own])),
                _ => (422, echo),
            }
        });
        let workspace = crate::support::workspace::Workspace::new();
        workspace.write(
            "apis/yard/api.yaml",
            "format: 1\ntitle: Yard\ndescription: A yard.\nformats: [json]\nerrors: { messages: [error] }\n",
        );
        workspace.write(
            "apis/yard/crane.yaml",
            "format: 1\ntitle: Crane\ndescription: A crane.\nidentity: { id: id, natural_key: [code] }\n\
             operations:\n  list: { get: /cranes }\n  get: { get: '/cranes/{id}' }\n  \
             update: { patch: '/cranes/{id}', body: changes }\nproperties:\n  \
             id: { type: string, description: The id., read_only: true, sensitivity: personal }\n  \
             code: { type: string, description: The code., required: true }\n  \
             note: { type: string, description: A note. }\n",
        );
        let url = server.url.as_str();
        workspace.write(
            "trueup.yaml",
            &format!("targets:\n  home: {{ api: yard, base_url: '{url}', personal: write }}\n"),
        );
        let document = format!("kind: yard/crane\nname: a\nid: {PERSON}\nspec: {{ code: A, note: y }}\n");
        workspace.write("config/a.yaml", &document);
        for format in ["text", "json"] {
            let flags =
                ["apply", "--auto-approve", "--max-updates=100%", "--max-retries", "0", "--format", format];
            let ran = workspace.run(&flags);
            assert_ne!(ran.code, Some(0), "{}", ran.all());
            assert!(ran.all().contains(status) || ran.all().contains("failed at"), "{}", ran.all());
            assert!(!ran.all().contains(PERSON), "{}", ran.all());
        }
        let state = workspace.files();
        let leaks = state.iter().filter(|(path, bytes)| {
            let is_record =
                path.components().any(|part| part.as_os_str() == "receipts" || part.as_os_str() == "journal");
            is_record && String::from_utf8_lossy(bytes).contains(PERSON)
        });
        assert_eq!(leaks.count(), 0);
    }
}
