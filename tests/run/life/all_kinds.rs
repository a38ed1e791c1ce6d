//! One apply of twenty objects over all built-in kinds, killed at its requests and inside the writes of its
//! journal, and run again: the state is the desired one, nothing is there twice, no write is lost, and each write
//! that reached a service stands in a receipt.
//!
//! Where it is killed is spread over the whole run; every single place is `#[ignore]`d for its time:
//! `cargo test --test run life::all_kinds -- --ignored`.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use serde_json::{Map, Value as Json, json};
use trueup::kind::{FieldType, Kind, ScalarType, Shape, WireFormat};
use trueup::remote::wire;
use trueup::run::journal;
use trueup::sandbox::{RunningSandbox, SandboxLauncher, SandboxLogEntry, SandboxObserver, SandboxOptions};
use trueup::yaml;

use super::kill_points::{Cut, ProcessKiller, Side};
use super::state::settled;
use crate::support::new_documents::{kinds, new_document};
use crate::support::sandbox_fixture::{auth, differing, options, vary};
use crate::support::workspace::{ProgramOutput, RunningProgram as Run, Workspace};
use crate::support::written_documents::{self, WrittenDocument};

const APPLY: [&str; 2] = ["apply", "--auto-approve"];
/// How many objects of each kind.
const EACH: usize = 4;
/// At how many places of each sort a run is killed when not at all of them.
const FEW: usize = 12;

/// Every kind in one sandbox, and a workspace that wants each of twenty objects otherwise.
struct KindEstate {
    workspace: Workspace,
    sandbox: Arc<RunningSandbox>,
    killer: Arc<ProcessKiller>,
    /// What was there at the start.
    before: Json,
}

/// What a run that no one disturbed comes to.
struct Ideal {
    after: Json,
    requests: usize,
    writes: BTreeMap<(String, String), usize>,
    /// The journal of the run.
    journal: String,
}

impl KindEstate {
    fn new(cut: Cut) -> Self {
        let own: Arc<OnceLock<Weak<RunningSandbox>>> = Arc::default();
        let killer = Arc::new(ProcessKiller::new(cut));
        let (seen, hears) = (Arc::clone(&own), Arc::clone(&killer));
        let watch: SandboxObserver = Arc::new(move |_: &SandboxLogEntry| {
            seen.get().and_then(Weak::upgrade).iter().for_each(|sandbox| hears.hear(sandbox));
        });
        let options = SandboxOptions { count: Some(EACH), observer: Some(watch), ..options() };
        let sandbox = Arc::new(SandboxLauncher::start_server(kinds(), options).expect("a sandbox"));
        own.set(Arc::downgrade(&sandbox)).expect("set once");
        let mut estate = Self { workspace: Workspace::new(), sandbox, killer, before: Json::Null };
        estate.before = estate.sandbox.dump_state();
        estate.describe();
        estate
    }

    fn describe(&mut self) {
        let mut targets = Map::new();
        for kind in kinds() {
            let base_url = self.sandbox.base_url(&kind.api.name);
            let target = json!({ "api": &*kind.api.name, "base_url": base_url, "auth": auth(&kind.api), "personal": "write" });
            targets.insert(kind.api.name.to_string(), target);
            let documents = self.documents(&kind);
            let texts: Vec<String> = documents.iter().map(|one| yaml::write_yaml(&one.document)).collect();
            let file = format!("config/{}.yaml", kind.name.replace('/', "-"));
            self.workspace.write(&file, &texts.join("---\n"));
            for (name, value) in documents.into_iter().flat_map(|one| one.variables) {
                self.workspace.set(name, value);
            }
        }
        self.workspace.write("trueup.yaml", &yaml::write_yaml(&json!({ "targets": targets })));
        for (name, value) in
            [("CREDENTIAL", "any"), ("TRUEUP_MAX_UPDATES", "100%"), ("TRUEUP_MAX_DELETES", "100%")]
        {
            self.workspace.set(name, value);
        }
    }

    /// All objects of a kind said otherwise, and the last one's place taken by one that is to come, where the
    /// service can make any.
    fn documents(&self, kind: &Arc<Kind>) -> Vec<WrittenDocument> {
        let dumped = self.before[&*kind.name].as_array().expect("objects");
        let mut documents: Vec<WrittenDocument> = Vec::new();
        for (number, dumped) in dumped.iter().enumerate() {
            let name = format!("{}-{number}", kind.name.replace('/', "-"));
            if number + 1 == EACH && kind.operations.create.is_some() {
                documents.push(new_document(kind, &name));
                continue;
            }
            let bytes = serde_json::to_vec(&dumped["object"]).expect("JSON");
            let live = wire::read_object(&bytes, WireFormat::Json, kind).expect("an object");
            let scope = written_documents::scope(kind, dumped);
            let mut one = written_documents::document(kind, &name, &scope, &live.object);
            let yaml_path = one.places[number * 5 % one.places.len()].clone();
            vary(&mut one, &yaml_path);
            documents.push(one);
        }
        documents
    }

    fn state(&self) -> Json {
        let mut dump = self.sandbox.dump_state();
        let all = kinds();
        for kind in &all {
            for object in dump[&*kind.name].as_array_mut().into_iter().flatten() {
                without_made(&kind.shape, &mut object["object"]);
            }
        }
        let dumps = all.iter().map(|kind| (&**kind, dump[&*kind.name].take())).collect();
        settled(dumps, &self.before)
    }

    /// How many requests that write came to each service, by their verb.
    fn writes(&self) -> BTreeMap<(String, String), usize> {
        let mut writes = BTreeMap::new();
        for entry in self
            .sandbox
            .read_log()
            .into_iter()
            .filter(|entry| entry.method != "GET" && entry.status.is_some())
        {
            let api = entry.path.split('/').nth(1).expect("an API").to_owned();
            *writes.entry((api, entry.method)).or_default() += 1;
        }
        writes
    }

    /// How many requests the receipts account for, in the same way.
    fn accounted(&self) -> BTreeMap<(String, String), usize> {
        let mut found = BTreeMap::new();
        for entry in fs::read_dir(self.workspace.path(".trueup/receipts")).into_iter().flatten() {
            let path = entry.expect("an entry").path();
            // one that a killed run did not finish has no name yet
            if path.extension().is_none_or(|ending| ending != "json") {
                continue;
            }
            let text = fs::read_to_string(path).expect("a receipt");
            let receipt: Json = serde_json::from_str(&text).expect("JSON");
            for request in receipt["requests"].as_array().expect("requests") {
                let word = |name: &str| request[name].as_str().expect("a word").to_owned();
                *found.entry((word("target"), word("method"))).or_default() += 1;
            }
        }
        found
    }

    fn ideal() -> Ideal {
        let estate = Self::new(Cut { number: usize::MAX, side: Side::After });
        let ran = estate.workspace.expect(0, &APPLY);
        ran.says(&["20 done"]);
        let requests = estate.sandbox.read_log().len();
        let folder = estate.workspace.path(".trueup/journal");
        let files: Vec<_> =
            fs::read_dir(folder).expect("a folder").map(|file| file.expect("a file").path()).collect();
        assert_eq!(files.len(), 1);
        let journal = fs::read_to_string(&files[0]).expect("a journal");
        estate.sandbox.verify_pending();
        Ideal { after: estate.state(), requests, writes: estate.writes(), journal }
    }

    /// Runs on after a kill until nothing is left to do, and looks at all that there is.
    fn recovers(&self, ideal: &Ideal, about: &str) {
        let mut ran: ProgramOutput = self.workspace.run(&APPLY);
        // no one can tell whether a create took that shows later, or an update that someone is asked to confirm, and
        // the run says so; here a create shows at once
        if ran.code != Some(0) {
            let said = ["create-unknown", "update-unknown"].iter().any(|code| ran.all().contains(code));
            assert!(said, "{about}\n{}", ran.all());
            self.workspace.pass_time();
            ran = self.workspace.run(&[&APPLY[..], &["--retry-creates"]].concat());
        }
        assert_eq!(ran.code, Some(0), "{about}\n{}", ran.all());
        self.sandbox.verify_pending();
        let writes = self.writes();
        let ran = self.workspace.run(&APPLY);
        assert_eq!((ran.code, self.writes()), (Some(0), writes.clone()), "{about}\n{}", ran.all());
        let after = self.state();
        assert!(after == ideal.after, "{about}\n{:#?}", differing(&ideal.after, &after));
        let creates = |writes: &BTreeMap<(String, String), usize>| {
            writes.iter().filter(|((_, verb), _)| verb == "POST").map(|(_, number)| number).sum::<usize>()
        };
        assert_eq!(creates(&writes), creates(&ideal.writes), "{about}: each create is done once");
        let accounted = self.accounted();
        for (what, number) in writes {
            let said = accounted.get(&what).copied().unwrap_or(0);
            assert!(said >= number, "{about}: {what:?} came {number} times, and receipts tell of {said}");
        }
    }
}

/// Takes out the words and numbers that a service makes: which ones depends on who came first.
fn without_made(shape: &Shape, json: &mut Json) {
    if let Json::Array(items) = json {
        return items.iter_mut().for_each(|item| without_made(shape, item));
    }
    let Json::Object(members) = json else { return };
    for field in &shape.fields {
        let name = &*field.read_from[0];
        match &field.ty {
            FieldType::Scalar(ScalarType::Uuid) => {}
            FieldType::Scalar(_) if field.behavior.read_only => drop(members.remove(name)),
            ty => {
                if let (Some(inner), Some(member)) = (ty.inner_shape(), members.get_mut(name)) {
                    without_made(inner, member);
                }
            }
        }
    }
}

/// Kills at each of so many places, two at a time.
fn each(places: &[usize], kill: impl Fn(usize) + Sync) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(place) = places.get(next.fetch_add(1, Ordering::SeqCst)) {
                    kill(*place);
                }
            });
        }
    });
}

/// A few places spread over the whole, the last one among them.
fn spread(whole: usize) -> Vec<usize> {
    (1..=FEW).map(|part| whole * part / FEW).collect()
}

fn killed_at_requests(turns: &[usize], ideal: &Ideal) {
    each(turns, |turn| {
        let side = if turn.is_multiple_of(2) { Side::Before } else { Side::After };
        let cut = Cut { number: turn.div_ceil(2).max(1), side };
        let estate = KindEstate::new(cut);
        // requests to several services overtake each other, so the very last ones may be fewer
        let killed = estate.killer.behead(&estate.workspace, &estate.sandbox, &APPLY);
        assert!(killed || cut.number + 4 > ideal.requests, "not killed at {cut:?} of {}", ideal.requests);
        estate.recovers(ideal, &format!("killed at {cut:?} of {}", ideal.requests));
    });
}

/// No file may grow beyond so many bytes: the write that would is cut there, and the program with it.
fn killed_at_bytes(places: &[usize], ideal: &Ideal) {
    each(places, |most| {
        let estate = KindEstate::new(Cut { number: usize::MAX, side: Side::After });
        let mut limited = Command::new("prlimit");
        limited.args([&format!("--fsize={most}"), "--core=0"]);
        let ran = Run::start(&mut estate.workspace.command_by(limited, &APPLY)).finish();
        assert!(ran.code != Some(0) || most + 64 > ideal.journal.len(), "{most}\n{}", ran.all());
        estate.recovers(ideal, &format!("no file longer than {most} of {}", ideal.journal.len()));
    });
}

#[test]
fn killed_here_and_there() {
    let ideal = KindEstate::ideal();
    // odd and even turns by turns, so that both sides of requests are met
    let turns: Vec<usize> = spread(2 * ideal.requests)
        .into_iter()
        .enumerate()
        .map(|(at, turn)| turn - turn % 2 + at % 2)
        .collect();
    killed_at_requests(&turns, &ideal);
    killed_at_bytes(&spread(ideal.journal.len()), &ideal);
}

#[test]
#[ignore = "takes minutes"]
fn killed_at_every_request_and_inside_every_line_of_the_journal() {
    let ideal = KindEstate::ideal();
    killed_at_requests(&(1..=2 * ideal.requests).collect::<Vec<_>>(), &ideal);
    let mut ends = Vec::new();
    let mut at = 0;
    for line in ideal.journal.split_inclusive('\n') {
        // in the middle, without its end, and with all of it
        ends.extend([at + line.len() / 2, at + line.len() - 1, at + line.len()]);
        at += line.len();
    }
    killed_at_bytes(&ends, &ideal);
}

#[test]
fn a_journal_that_is_torn_anywhere_tells_all_its_whole_lines() {
    let journal = KindEstate::ideal().journal;
    let of = |text: &str| {
        let account = journal::read::parse_run("a run".to_owned(), text)?;
        Some((account.requests.len(), account.results.len(), account.find_open_requests().len()))
    };
    let whole = of(&journal).expect("an account");
    assert_eq!((whole.1, whole.2), (20, 0), "all of it is told");
    let starts = journal.find('\n').expect("a first line");
    let mut lines = 0;
    for (at, byte) in journal.bytes().enumerate() {
        lines += usize::from(byte == b'\n');
        // the ends of all lines, and every byte of some
        if byte != b'\n' && lines % 7 != 3 {
            continue;
        }
        let Some(torn) = journal.get(..=at) else { continue };
        let kept = torn.rfind('\n').map_or("", |end| &torn[..=end]);
        let (said, sure) = (of(torn), of(kept));
        assert!(said == sure || of(&format!("{torn}\n")) == said, "torn at {at}");
        assert_eq!(said.is_some(), at + 1 >= starts, "torn at {at}");
    }
}
