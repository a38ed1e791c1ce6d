//! Two people apply at the same time, each from a clone of their own and without a lease, each another value of the
//! same object: what the second one sees, what is kept, and the one moment in which no one can see anything.

use serde_json::Value as Json;
use trueup::kind::{Kind, WireFormat, WriteBody};

use super::convergence::KINDS;
use super::request_gate::RequestGate;
use crate::support::sandbox_fixture::{SandboxFixture, kind, options, vary};
use crate::support::workspace::{ProgramOutput, RunningProgram, Workspace};
use crate::support::written_documents::{Say, Spot};

const APPLY: [&str; 2] = ["apply", "--auto-approve"];

/// One object, and two workspaces that agree about it but for one value each, which the other does not name.
struct Both {
    fixture: SandboxFixture,
    first: Workspace,
    second: Workspace,
    places: [Spot; 2],
    before: Json,
}

impl Both {
    fn new(kind_name: &str) -> Self {
        let options = trueup::sandbox::SandboxOptions { count: Some(1), ..options() };
        let mut fixture = SandboxFixture::with(kind_name, WireFormat::Json, options);
        let places = places(&fixture);
        let mut workspace = |own: &Spot, other: &Spot| {
            let mut one = fixture.documents.remove(0);
            let kept = one.document.clone();
            vary(&mut one, own);
            let spec = one.document["spec"].as_object_mut().expect("a spec");
            spec.remove(top(other)).expect("a field");
            let workspace = Workspace::new();
            fixture.documents.insert(0, one);
            fixture.write();
            let workspace = clone_of(&fixture, workspace);
            fixture.documents[0].document = kept;
            workspace
        };
        let (first, second) = (workspace(&places[0], &places[1]), workspace(&places[1], &places[0]));
        let before = fixture.dump()[0]["object"].clone();
        Self { fixture, first, second, places, before }
    }

    fn sends_everything(&self) -> bool {
        sends_everything(&self.fixture.kind)
    }

    /// How many requests a plan of one workspace makes.
    fn reads(&self, workspace: &Workspace) -> usize {
        let before = self.fixture.reads();
        workspace.expect(2, &["plan", "--detailed-exitcode"]);
        self.fixture.reads() - before
    }

    /// The second one's way to the service, with a gate on it.
    fn gate(
        &self,
        workspace: &Workspace,
        holds: impl Fn(&[String]) -> bool + Send + Sync + 'static,
    ) -> RequestGate {
        let own = self.fixture.sandbox.base_url(&self.fixture.kind.api.name);
        let gate = RequestGate::before(&own, holds);
        let settings = workspace.read("trueup.yaml");
        assert!(settings.contains(&own), "{settings}");
        workspace.write("trueup.yaml", &settings.replace(&own, &gate.base_url));
        gate
    }

    /// Which of the two values are now as they were asked for.
    fn took(&self) -> [bool; 2] {
        let now = self.fixture.dump()[0]["object"].clone();
        [0, 1].map(|at| now.pointer(&self.places[at].live) != self.before.pointer(&self.places[at].live))
    }
}

fn sends_everything(kind: &Kind) -> bool {
    kind.operations.update.as_ref().is_some_and(|update| update.body == WriteBody::Full)
}

/// Two values of different fields that anybody may say otherwise.
fn places(fixture: &SandboxFixture) -> [Spot; 2] {
    let plain = |yaml_path: &&Spot| {
        matches!(yaml_path.say, Say::Value(_)) && yaml_path.wanted.matches('/').count() == 1
    };
    let plain: Vec<&Spot> = fixture.documents[0].places.iter().filter(plain).collect();
    let [first, second, ..] = plain[..] else { panic!("{} has two leaves", fixture.kind.name) };
    [first.clone(), second.clone()]
}

fn top(yaml_path: &Spot) -> &str {
    yaml_path.wanted.trim_start_matches('/')
}

/// The files of a workspace in another folder.
fn clone_of(fixture: &SandboxFixture, mut workspace: Workspace) -> Workspace {
    for name in ["trueup.yaml", "config/000.yaml"] {
        workspace.write(name, &fixture.workspace.read(name));
    }
    for (name, value) in [("CREDENTIAL", "any"), ("TRUEUP_MAX_UPDATES", "100%")] {
        workspace.set(name, value);
    }
    for (name, value) in &fixture.documents[0].variables {
        workspace.set(name, value);
    }
    workspace
}

fn start(workspace: &Workspace) -> RunningProgram {
    RunningProgram::start(&mut workspace.command(&APPLY))
}

fn ends(ran: &ProgramOutput, code: i32, both: &Both) {
    assert_eq!(ran.code, Some(code), "{}\n{}", both.fixture.kind.name, ran.all());
}

fn is_write(verb: &String) -> bool {
    verb != "GET"
}

#[test]
fn what_the_first_wrote_after_the_second_had_planned_is_seen_and_kept() {
    let mut full = 0;
    for name in KINDS {
        let both = Both::new(name);
        let reads = both.reads(&both.second);
        let gate = both.gate(&both.second, move |verbs| verbs.len() == reads + 1);
        let second = start(&both.second);
        gate.wait();
        both.first.expect(0, &APPLY);
        gate.open();
        let second = second.finish();
        assert!(both.took()[0], "{name}: what the first wrote is there\n{}", second.all());
        if both.sends_everything() {
            full += 1;
            // a write of everything relies on everything
            ends(&second, 3, &both);
            second.says(&["changed since the plan", top(&both.places[0])]);
            both.second.expect(0, &APPLY);
        } else {
            ends(&second, 0, &both);
        }
        assert_eq!(both.took(), [true, true], "{name}");
        for workspace in [&both.first, &both.second] {
            workspace.expect(0, &["plan", "--detailed-exitcode"]);
        }
    }
    assert!(full > 0 && full < KINDS.len(), "there are both sorts of writes");
}

/// The moment of which the threat model says that it is not held: between the last read and the write.
#[test]
fn what_is_written_between_the_last_read_and_a_write_of_everything_is_reset_and_is_drift() {
    for name in KINDS {
        let both = Both::new(name);
        let gate = both.gate(&both.second, |verbs| verbs.last().is_some_and(is_write));
        let second = start(&both.second);
        gate.wait();
        both.first.expect(0, &APPLY);
        gate.open();
        let second = second.finish();
        if both.sends_everything() {
            ends(&second, 0, &both);
            assert_eq!(both.took(), [false, true], "{name}");
            both.first.expect(2, &["drift"]).says(&["1 drifted", top(&both.places[0])]);
        } else {
            // a write of what changed resets nothing even then, and the read after it sees what moved
            ends(&second, 1, &both);
            second.says(&["unexpected-change", top(&both.places[0])]);
            assert_eq!(both.took(), [true, true], "{name}");
        }
    }
}

#[test]
fn what_is_reset_before_it_was_read_back_is_reported() {
    for name in KINDS.into_iter().filter(|name| sends_everything(&kind(name))) {
        let both = Both::new(name);
        let late = both.gate(&both.second, |verbs| verbs.last().is_some_and(is_write));
        let second = start(&both.second);
        late.wait();
        // the first one has written, and is about to read back
        let proof = both.gate(&both.first, |verbs| verbs.iter().rev().skip(1).any(is_write));
        let first = start(&both.first);
        proof.wait();
        late.open();
        ends(&second.finish(), 0, &both);
        proof.open();
        let first = first.finish();
        ends(&first, 1, &both);
        assert!(first.all().contains("did not keep"), "{name}\n{}", first.all());
    }
}
