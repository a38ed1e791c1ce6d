//! `apply --write-ids`: what the service calls an object stands in its document afterwards, and nothing else of
//! the file has moved. What cannot be written so is reported, and hides nothing of what was done.

use std::sync::Arc;

use serde_json::Value as Json;
use trueup::kind::{IdAssigner, Kind, WireFormat};
use trueup::sandbox::SandboxOptions;
use trueup::yaml;

use super::state::index;
use crate::support::new_documents::{kinds, new_document};
use crate::support::sandbox_fixture::{SandboxFixture, options};
use crate::support::workspace::ProgramOutput;

const APPLY: [&str; 2] = ["apply", "--auto-approve"];
const WRITE: [&str; 3] = ["apply", "--auto-approve", "--write-ids"];
const SETTLED: [&str; 2] = ["plan", "--detailed-exitcode"];
/// Where the tests write their documents.
const FILE: &str = "config/own.yaml";

/// The kinds whose objects get their ids from the service.
fn named_there() -> impl Iterator<Item = Arc<Kind>> {
    let own = |kind: &Arc<Kind>| {
        kind.operations.create.is_some() && kind.identity.id_assigned_by == IdAssigner::Server
    };
    kinds().into_iter().filter(own)
}

/// A service with two objects, and a workspace with documents of others in one file.
fn expecting(kind: &Kind, names: &[&str], options: SandboxOptions) -> SandboxFixture {
    let mut fixture =
        SandboxFixture::with(&kind.name, WireFormat::Json, SandboxOptions { count: Some(2), ..options });
    fixture.documents = names.iter().map(|name| new_document(kind, name)).collect();
    fixture.write();
    for file in std::fs::read_dir(fixture.workspace.path("config")).expect("a folder") {
        std::fs::remove_file(file.expect("a file").path()).expect("to remove");
    }
    let texts: Vec<String> = fixture
        .documents
        .iter()
        .map(|one| format!("# of {}\n{}", kind.name, yaml::write_yaml(&one.document)))
        .collect();
    fixture.workspace.write(FILE, &texts.join("---\n"));
    fixture
}

/// The lines of `after` that `before` does not have; fails when any other line moved.
fn new_lines(before: &str, after: &str) -> Vec<String> {
    let mut old = before.split_inclusive('\n').peekable();
    let added: Vec<String> = after
        .split_inclusive('\n')
        .filter(|line| old.next_if_eq(line).is_none())
        .map(str::to_owned)
        .collect();
    assert!(old.next().is_none(), "a line went from\n{before}\nto\n{after}");
    added
}

fn ids(fixture: &SandboxFixture) -> Vec<String> {
    index(fixture).iter().map(|entry| entry["id"].as_str().expect("an id").to_owned()).collect()
}

fn plain(text: &str) -> String {
    text.replace('-', "")
}

#[test]
fn a_create_leaves_the_id_in_its_document() {
    for kind in named_there() {
        let fixture = expecting(&kind, &["one", "two"], options());
        let before = fixture.workspace.read(FILE);
        fixture.workspace.expect(0, &WRITE).says(&["2 done"]).complains(&["2 ids written into 1 file"]);
        let after = fixture.workspace.read(FILE);
        let added = new_lines(&before, &after);
        assert_eq!(added.len(), 2, "{}\n{after}", kind.name);
        for (line, id) in added.iter().zip(ids(&fixture)) {
            assert_eq!(plain(line.trim_end()), plain(&format!("id: {id}")), "{}", kind.name);
        }
        fixture.workspace.expect(0, &SETTLED);
        fixture.workspace.expect(0, &["drift"]);
        let sent = fixture.writes().len();
        fixture.workspace.expect(0, &WRITE);
        assert_eq!((fixture.workspace.read(FILE), fixture.writes().len()), (after, sent), "{}", kind.name);
    }
}

#[test]
fn the_document_alone_finds_the_object_afterwards() {
    for kind in named_there() {
        let fixture = expecting(&kind, &["one"], options());
        fixture.workspace.expect(0, &WRITE);
        std::fs::remove_dir_all(fixture.workspace.path(".trueup")).expect("what the machine knew");
        let report = fixture.workspace.expect(0, &["plan", "--format", "json"]).json();
        assert_eq!(report["summary"]["create"], 0, "{}", kind.name);
        assert_eq!(fixture.dump().len(), 3, "{}", kind.name);
    }
}

#[test]
fn a_later_run_writes_what_an_earlier_one_learnt() {
    for kind in named_there() {
        let fixture = expecting(&kind, &["one"], options());
        let before = fixture.workspace.read(FILE);
        fixture.workspace.expect(0, &[&APPLY[..], &["--no-write-ids"]].concat());
        assert_eq!(fixture.workspace.read(FILE), before, "nothing was asked for");
        fixture.workspace.expect(0, &WRITE).complains(&["1 id written into 1 file"]);
        assert_eq!(new_lines(&before, &fixture.workspace.read(FILE)).len(), 1, "{}", kind.name);
        assert_eq!(fixture.writes().iter().filter(|entry| entry.method == "POST").count(), 1);
    }
}

#[test]
fn what_cannot_be_deleted_gets_its_id_without_being_asked() {
    let mut seen = [false; 2];
    for kind in named_there() {
        let fixture = expecting(&kind, &["one"], options());
        let before = fixture.workspace.read(FILE);
        fixture.workspace.expect(0, &APPLY);
        let can_delete = kind.operations.delete.is_some();
        let added = new_lines(&before, &fixture.workspace.read(FILE));
        assert_eq!(added.len(), usize::from(!can_delete), "{}: {added:?}", kind.name);
        seen[usize::from(can_delete)] = true;
        fixture.workspace.expect(0, &SETTLED);
    }
    assert_eq!(seen, [true; 2]);
    // what was there before is not touched
    let kind = named_there().find(|kind| kind.operations.delete.is_none()).expect("a kind");
    let mut fixture = SandboxFixture::new(&kind.name, 1, WireFormat::Json);
    fixture.documents[0].document.as_object_mut().expect("a document").remove("id");
    fixture.write();
    fixture.workspace.expect(0, &APPLY);
    assert!(!fixture.workspace.read("config/000.yaml").contains("\nid:"));
    fixture.workspace.expect(64, &["apply", "--write-ids", "--no-write-ids"]);
}

#[test]
fn what_shows_late_has_its_id_at_once() {
    let kind = named_there().find(|kind| {
        kind.operations
            .create
            .as_ref()
            .is_some_and(|create| create.read_after_write == trueup::kind::ReadConsistency::Eventual)
    });
    let kind = kind.expect("a kind whose objects show late");
    let fixture = expecting(&kind, &["one"], SandboxOptions { auto_verify: false, ..options() });
    let before = fixture.workspace.read(FILE);
    fixture.workspace.expect(0, &WRITE);
    assert_eq!(new_lines(&before, &fixture.workspace.read(FILE)).len(), 1);
    fixture.workspace.expect(0, &WRITE);
    fixture.sandbox.verify_pending();
    // what a create does not take follows once the object shows
    fixture.workspace.expect(0, &WRITE);
    fixture.sandbox.verify_pending();
    fixture.workspace.expect(0, &SETTLED);
    assert_eq!(fixture.dump().len(), 3);
}

/// Runs with a file in one form or another; gives what the run said, and the file before and after.
fn in_form(form: impl Fn(&Json) -> String) -> (SandboxFixture, ProgramOutput, String, String) {
    let kind = named_there().next().expect("a kind");
    let fixture = expecting(&kind, &["one"], options());
    fixture.workspace.write(FILE, &form(&fixture.documents[0].document));
    let before = fixture.workspace.read(FILE);
    let ran = fixture.workspace.expect(0, &WRITE);
    let after = fixture.workspace.read(FILE);
    (fixture, ran, before, after)
}

#[test]
fn byte_marks_and_line_ends_stay() {
    let (_, _, before, after) =
        in_form(|document| format!("\u{feff}{}", yaml::write_yaml(document).replace('\n', "\r\n")));
    assert_eq!(new_lines(&before, &after).len(), 1);
    assert!(after.starts_with('\u{feff}') && !after.replace("\r\n", "").contains('\n'));
}

#[test]
fn what_cannot_be_written_is_reported_with_its_line() {
    let (fixture, ran, before, after) = in_form(|document| format!("{document}\n"));
    assert_eq!(before, after);
    let id = ids(&fixture).remove(0);
    ran.says(&["1 done", "id-not-written", "the document stands between", &format!("add `id: {id}`")]);
    let json = fixture.workspace.expect(0, &[&WRITE[..], &["--format", "json"]].concat()).json();
    let said = json.to_string();
    assert!(said.contains("id-not-written") && said.contains(&id), "{said}");
}

#[test]
fn a_file_that_changed_meanwhile_is_left_alone() {
    let kind = named_there().next().expect("a kind");
    let path: Arc<std::sync::OnceLock<std::path::PathBuf>> = Arc::default();
    let seen = Arc::clone(&path);
    let mut fixture = SandboxFixture::watched(
        &kind.name,
        SandboxOptions { count: Some(2), ..options() },
        move |_, entry| {
            if let (true, Some(path)) = (entry.method == "POST", seen.get()) {
                let text = std::fs::read_to_string(path).expect("a file");
                std::fs::write(path, format!("# somebody was here\n{text}")).expect("a file");
            }
        },
    );
    fixture.documents = vec![new_document(&kind, "one")];
    fixture.write();
    let file = std::fs::read_dir(fixture.workspace.path("config")).expect("a folder").next();
    path.set(file.expect("a file").expect("a file").path()).expect("set once");
    let ran = fixture.workspace.expect(0, &WRITE);
    ran.says(&["1 done", "id-not-written", "the file changed in the"]);
    let after = std::fs::read_to_string(path.get().expect("a path")).expect("a file");
    assert!(after.starts_with("# somebody was here\n") && !after.contains("\nid:"), "{after}");
}
