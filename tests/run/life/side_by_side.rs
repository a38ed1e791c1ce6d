//! Two runs in one workspace at the same time: what each of them noted is there afterwards, and what both were to
//! create is there once.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value as Json;
use trueup::kind::{Kind, WireFormat};
use trueup::sandbox::{SandboxOptions, SandboxSecretMode};

use super::kills::has_hidden;
use super::state::index;
use crate::support::new_documents::{kinds, new_document};
use crate::support::sandbox_fixture::{SandboxFixture, options, vary};
use crate::support::workspace::{ProgramOutput, RunningProgram};
use crate::support::written_documents::Say;

const APPLY: [&str; 2] = ["apply", "--auto-approve"];
/// Objects of each of the two runs.
const OBJECTS: usize = 12;

/// A service that takes its time, so that the runs meet.
fn slow(kind: &Kind, count: usize) -> SandboxFixture {
    let secrets = if has_hidden(kind) { SandboxSecretMode::Hidden } else { SandboxSecretMode::Clear };
    let latency = Duration::from_millis(3);
    let options = SandboxOptions { count: Some(count), latency, secret_mode: secrets, ..options() };
    SandboxFixture::with(&kind.name, WireFormat::Json, options)
}

fn both(fixture: &SandboxFixture, first: &[&str], second: &[&str]) -> [ProgramOutput; 2] {
    let start =
        |more: &[&str]| RunningProgram::start(&mut fixture.workspace.command(&[&APPLY[..], more].concat()));
    let (first, second) = (start(first), start(second));
    [first.finish(), second.finish()]
}

fn kept(fixture: &SandboxFixture, folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(fixture.workspace.path(".trueup").join(folder)).expect("a folder");
    entries.map(|entry| entry.expect("an entry").path()).collect()
}

/// Each run has a journal that came to its end, and a receipt.
fn accounted(fixture: &SandboxFixture, runs: usize) {
    let journals = kept(fixture, "journal");
    assert_eq!((journals.len(), kept(fixture, "receipts").len()), (runs, runs));
    for journal in journals {
        let text = fs::read_to_string(journal).expect("a journal");
        let events: Vec<Json> =
            text.lines().map(|line| serde_json::from_str(line).expect("a whole line")).collect();
        assert_eq!(events.last().expect("a line")["event"], "finish", "{text}");
    }
    let left: Vec<PathBuf> = kept(fixture, ".")
        .into_iter()
        .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(".tmp")))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

/// The names under which values are remembered that do not read back.
fn remembered(fixture: &SandboxFixture) -> BTreeSet<String> {
    let Ok(text) = fs::read_to_string(fixture.workspace.path(".trueup/written.jsonl")) else {
        return BTreeSet::new();
    };
    let lines = text.lines().skip(1).map(|line| serde_json::from_str(line).expect("a whole line"));
    lines.map(|line: Json| line["of"].as_str().expect("a name").to_owned()).collect()
}

/// Every document says something else; the two halves stand in files of their own.
fn halves(kind: &Kind) -> SandboxFixture {
    let mut fixture = slow(kind, 2 * OBJECTS);
    for (number, one) in fixture.documents.iter_mut().enumerate() {
        // one that anybody sees, and a secret if there is one, which leaves a digest
        let plain =
            one.places.iter().filter(|yaml_path| matches!(yaml_path.say, Say::Value(_))).cycle().nth(number);
        let secret = one.places.iter().find(|yaml_path| matches!(yaml_path.say, Say::Variable(..)));
        let spots: Vec<_> = plain.into_iter().chain(secret).cloned().collect();
        spots.iter().for_each(|yaml_path| vary(one, yaml_path));
    }
    fixture.write();
    let text = fixture.workspace.read("config/000.yaml");
    let documents: Vec<&str> = text.split("---\n").collect();
    assert_eq!(documents.len(), 2 * OBJECTS);
    fixture.workspace.write("config/one.yaml", &documents[..OBJECTS].join("---\n"));
    fixture.workspace.write("config/two.yaml", &documents[OBJECTS..].join("---\n"));
    fixture.workspace.remove("config/000.yaml");
    fixture
}

#[test]
fn what_each_of_two_runs_noted_is_there() {
    let mut digests = 0;
    for kind in kinds() {
        let alone = halves(&kind);
        alone.workspace.expect(0, &APPLY);
        let fixture = halves(&kind);
        for ran in both(&fixture, &["config/one.yaml"], &["config/two.yaml"]) {
            assert_eq!(ran.code, Some(0), "{}", ran.all());
        }
        accounted(&fixture, 2);
        assert_eq!(index(&fixture).len(), 2 * OBJECTS, "{}", kind.name);
        assert_eq!(remembered(&fixture), remembered(&alone), "{}", kind.name);
        digests += remembered(&fixture).len();
        fixture.workspace.expect(0, &["plan", "--detailed-exitcode"]).says(&["No changes"]);
    }
    assert!(digests >= 2 * OBJECTS, "some kind has values that do not read back");
}

fn creatable() -> impl Iterator<Item = Arc<Kind>> {
    kinds().into_iter().filter(|kind| kind.operations.create.is_some())
}

#[test]
fn what_two_runs_were_to_create_is_there_once() {
    for kind in creatable() {
        let mut fixture = slow(&kind, 1);
        fixture.documents.extend((0..OBJECTS).map(|number| new_document(&kind, &format!("new-{number:02}"))));
        fixture.write();
        for ran in both(&fixture, &[], &[]) {
            let known = matches!(ran.code, Some(0 | 3 | 4));
            assert!(known && !ran.all().contains("not-recorded"), "{}\n{}", kind.name, ran.all());
        }
        fixture.workspace.expect(0, &APPLY);
        assert_eq!(fixture.dump().len(), 1 + OBJECTS, "{}", kind.name);
        let entries = index(&fixture);
        assert_eq!(entries.len(), 1 + OBJECTS, "{}", kind.name);
        assert!(entries.iter().all(|entry| entry["id"].is_string() && entry["open_create"].is_null()));
    }
}
