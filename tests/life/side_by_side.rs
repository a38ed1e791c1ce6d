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

use crate::desk::{Ran, Running};
use crate::estate::{Estate, options, vary};
use crate::kills::has_hidden;
use crate::newborn::{kinds, newborn};
use crate::state::index;
use crate::written::Say;

const APPLY: [&str; 2] = ["apply", "--auto-approve"];
/// Objects of each of the two runs.
const OBJECTS: usize = 12;

/// A service that takes its time, so that the runs meet.
fn slow(kind: &Kind, count: usize) -> Estate {
    let secrets = if has_hidden(kind) { SandboxSecretMode::Hidden } else { SandboxSecretMode::Clear };
    let latency = Duration::from_millis(3);
    let options = SandboxOptions { count: Some(count), latency, secret_mode: secrets, ..options() };
    Estate::with(&kind.name, WireFormat::Json, options)
}

fn both(estate: &Estate, first: &[&str], second: &[&str]) -> [Ran; 2] {
    let start = |more: &[&str]| Running::start(&mut estate.desk.command(&[&APPLY[..], more].concat()));
    let (first, second) = (start(first), start(second));
    [first.finish(), second.finish()]
}

fn kept(estate: &Estate, folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(estate.desk.path(".trueup").join(folder)).expect("a folder");
    entries.map(|entry| entry.expect("an entry").path()).collect()
}

/// Each run has a journal that came to its end, and a receipt.
fn accounted(estate: &Estate, runs: usize) {
    let journals = kept(estate, "journal");
    assert_eq!((journals.len(), kept(estate, "receipts").len()), (runs, runs));
    for journal in journals {
        let text = fs::read_to_string(journal).expect("a journal");
        let events: Vec<Json> =
            text.lines().map(|line| serde_json::from_str(line).expect("a whole line")).collect();
        assert_eq!(events.last().expect("a line")["event"], "finish", "{text}");
    }
    let left: Vec<PathBuf> = kept(estate, ".")
        .into_iter()
        .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(".tmp")))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

/// The names under which values are remembered that do not read back.
fn remembered(estate: &Estate) -> BTreeSet<String> {
    let Ok(text) = fs::read_to_string(estate.desk.path(".trueup/written.jsonl")) else {
        return BTreeSet::new();
    };
    let lines = text.lines().skip(1).map(|line| serde_json::from_str(line).expect("a whole line"));
    lines.map(|line: Json| line["of"].as_str().expect("a name").to_owned()).collect()
}

/// Every document says something else; the two halves stand in files of their own.
fn halves(kind: &Kind) -> Estate {
    let mut estate = slow(kind, 2 * OBJECTS);
    for (number, one) in estate.documents.iter_mut().enumerate() {
        // one that anybody sees, and a secret if there is one, which leaves a digest
        let plain = one.leaves.iter().filter(|spot| matches!(spot.say, Say::Value(_))).cycle().nth(number);
        let secret = one.leaves.iter().find(|spot| matches!(spot.say, Say::Variable(..)));
        let spots: Vec<_> = plain.into_iter().chain(secret).cloned().collect();
        spots.iter().for_each(|spot| vary(one, spot));
    }
    estate.write();
    let text = estate.desk.read("config/000.yaml");
    let documents: Vec<&str> = text.split("---\n").collect();
    assert_eq!(documents.len(), 2 * OBJECTS);
    estate.desk.write("config/one.yaml", &documents[..OBJECTS].join("---\n"));
    estate.desk.write("config/two.yaml", &documents[OBJECTS..].join("---\n"));
    estate.desk.remove("config/000.yaml");
    estate
}

#[test]
fn what_each_of_two_runs_noted_is_there() {
    let mut digests = 0;
    for kind in kinds() {
        let alone = halves(&kind);
        alone.desk.expect(0, &APPLY);
        let estate = halves(&kind);
        for ran in both(&estate, &["config/one.yaml"], &["config/two.yaml"]) {
            assert_eq!(ran.code, Some(0), "{}", ran.all());
        }
        accounted(&estate, 2);
        assert_eq!(index(&estate).len(), 2 * OBJECTS, "{}", kind.name);
        assert_eq!(remembered(&estate), remembered(&alone), "{}", kind.name);
        digests += remembered(&estate).len();
        estate.desk.expect(0, &["plan", "--detailed-exitcode"]).says(&["Nothing to do"]);
    }
    assert!(digests >= 2 * OBJECTS, "some kind has values that do not read back");
}

fn creatable() -> impl Iterator<Item = Arc<Kind>> {
    kinds().into_iter().filter(|kind| kind.operations.create.is_some())
}

#[test]
fn what_two_runs_were_to_create_is_there_once() {
    for kind in creatable() {
        let mut estate = slow(&kind, 1);
        estate.documents.extend((0..OBJECTS).map(|number| newborn(&kind, &format!("new-{number:02}"))));
        estate.write();
        for ran in both(&estate, &[], &[]) {
            let known = matches!(ran.code, Some(0 | 3 | 4));
            assert!(known && !ran.all().contains("not-recorded"), "{}\n{}", kind.name, ran.all());
        }
        estate.desk.expect(0, &APPLY);
        assert_eq!(estate.dump().len(), 1 + OBJECTS, "{}", kind.name);
        let entries = index(&estate);
        assert_eq!(entries.len(), 1 + OBJECTS, "{}", kind.name);
        assert!(entries.iter().all(|entry| entry["id"].is_string() && entry["create_sent"].is_null()));
    }
}
