//! Killed at every request, on both sides of it, and run again: the state is the desired one, and nothing is
//! there twice. Where the service leaves open whether a create took, the run says so and makes no other.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value as Json, json};
use trueup::kind::{AbsenceRule, ArrayType, FieldType, ItemType, Kind, ReadConsistency, Shape, WireFormat};
use trueup::sandbox::{SandboxOptions, SandboxSecretMode};
use trueup::value::Sensitivity;

use super::changed_lists::stir;
use super::kill_points::{Cut, Scaffold, Side};
use super::state::{index, state};
use crate::support::new_documents::{kinds, new_document};
use crate::support::sandbox_fixture::{SandboxFixture, options, vary};
use crate::support::workspace::ProgramOutput;

const APPLY: [&str; 2] = ["apply", "--auto-approve"];

/// No request is the last but one of so many.
const NEVER: Cut = Cut { number: usize::MAX, side: Side::After };

/// What is to be done when the program is killed.
struct Scene {
    kind: Arc<Kind>,
    options: SandboxOptions,
    flags: &'static [&'static str],
    /// Only from the first write on: the reads before it have been cut off elsewhere.
    late: bool,
    /// Makes the workspace what the run is to find.
    set: fn(&mut SandboxFixture),
}

/// A history that no one disturbed.
struct Ideal {
    /// What was there at the start.
    before: Json,
    after: Json,
    requests: usize,
    /// The number of the first request that writes.
    first: usize,
    creates: usize,
}

impl Scene {
    fn new(kind: &Arc<Kind>, set: fn(&mut SandboxFixture)) -> Self {
        Self {
            kind: Arc::clone(kind),
            options: SandboxOptions { count: Some(3), ..options() },
            flags: &[],
            late: false,
            set,
        }
    }

    fn scaffold(&self, cut: Cut) -> Scaffold {
        let mut scaffold = Scaffold::new(&self.kind.name, self.options.clone(), cut);
        (self.set)(&mut scaffold.fixture);
        scaffold.fixture.sandbox.clear_log();
        scaffold
    }

    fn apply(&self) -> Vec<&'static str> {
        [&APPLY[..], self.flags].concat()
    }

    fn ideal(&self) -> Ideal {
        let Scaffold { fixture, .. } = self.scaffold(NEVER);
        let before = Json::Array(fixture.dump());
        fixture.workspace.expect(0, &self.apply());
        let log = fixture.sandbox.read_log();
        let first = log.iter().position(|entry| entry.method != "GET").expect("something to do") + 1;
        fixture.sandbox.verify_pending();
        self.finish_shown(&fixture);
        Ideal {
            after: state(&fixture, &before),
            requests: log.len(),
            first,
            creates: creates(&fixture),
            before,
        }
    }

    /// Kills the program at every request.
    fn play(&self) {
        let ideal = self.ideal();
        let next = AtomicUsize::new(if self.late { 2 * (ideal.first - 1) } else { 0 });
        let work = || {
            loop {
                let turn = next.fetch_add(1, Ordering::SeqCst);
                let side = if turn.is_multiple_of(2) { Side::Before } else { Side::After };
                let cut = Cut { number: turn / 2 + 1, side };
                if cut.number > ideal.requests {
                    return;
                }
                self.cut(cut, &ideal);
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(work);
            }
        });
    }

    fn cut(&self, cut: Cut, ideal: &Ideal) {
        let about = || format!("{} killed at {cut:?} of {}", self.kind.name, ideal.requests);
        let scaffold = self.scaffold(cut);
        assert!(scaffold.behead(&self.apply()), "{} was not killed", about());
        let mut fixture = scaffold.fixture;
        let left_open = self.leaves_open(&fixture);
        let mut ran = self.again(&fixture, &[]);
        if left_open {
            ran = self.decide(&mut fixture, &ran);
        }
        assert_eq!(ran.code, Some(0), "{}\n{}", about(), ran.all());
        fixture.sandbox.verify_pending();
        self.finish_shown(&fixture);
        let written = fixture.writes().len();
        ran = self.again(&fixture, &[]);
        assert_eq!((ran.code, fixture.writes().len()), (Some(0), written), "{}\n{}", about(), ran.all());
        let after = state(&fixture, &ideal.before);
        assert_eq!(
            after,
            ideal.after,
            "{}\n{:#?}",
            about(),
            crate::support::sandbox_fixture::differing(&ideal.after, &after)
        );
        assert_eq!(creates(&fixture), ideal.creates, "{}", about());
        for entry in index(&fixture) {
            assert!(entry["id"].is_string() && entry["open_create"].is_null(), "{}\n{entry:#}", about());
        }
    }

    /// What a create does not take follows once the object shows, and is verified in its turn.
    fn finish_shown(&self, fixture: &SandboxFixture) {
        if !self.options.auto_verify {
            let ran = self.again(fixture, &[]);
            assert_eq!(ran.code, Some(0), "{}\n{}", self.kind.name, ran.all());
            fixture.sandbox.verify_pending();
        }
    }

    fn again(&self, fixture: &SandboxFixture, more: &[&'static str]) -> ProgramOutput {
        fixture.workspace.pass_time();
        fixture.workspace.run(&[&self.apply(), more].concat())
    }

    /// Whether a create was sent of an object that no look finds for sure, and nothing was heard of it.
    fn leaves_open(&self, fixture: &SandboxFixture) -> bool {
        let create = self.kind.operations.create.as_ref();
        let later = create.is_some_and(|create| create.read_after_write == ReadConsistency::Eventual);
        let shows = later && self.options.auto_verify && creates(fixture) > 0;
        let unheard = index(fixture)
            .iter()
            .any(|entry| entry["id"].is_null() && entry["open_create"]["answered_id"].is_null());
        later && unheard && !shows
    }

    /// No one can tell whether the create took: the run made no other and named the ways out, of which the
    /// right one is taken.
    fn decide(&self, fixture: &mut SandboxFixture, ran: &ProgramOutput) -> ProgramOutput {
        assert_eq!(ran.code, Some(3), "{}", ran.all());
        ran.says(&["create-unknown", "name its `id` here", "--retry-creates"]);
        assert_eq!(fixture.writes().len(), 1, "nothing was sent but the create that was interrupted");
        if creates(fixture) == 0 {
            return self.again(fixture, &["--retry-creates"]);
        }
        fixture.sandbox.verify_pending();
        self.again(fixture, &[])
    }
}

/// How many creates the service has done.
fn creates(fixture: &SandboxFixture) -> usize {
    let done = |status: Option<u16>| matches!(status, Some(200..=299));
    fixture.writes().iter().filter(|entry| entry.method == "POST" && done(entry.status)).count()
}

fn born(fixture: &mut SandboxFixture) {
    fixture.documents = vec![new_document(&fixture.kind, "newcomer")];
    fixture.write();
}

#[test]
fn a_create() {
    for kind in kinds().iter().filter(|kind| kind.operations.create.is_some()) {
        Scene::new(kind, born).play();
    }
}

#[test]
fn a_create_that_shows_later() {
    let later = |kind: &&Arc<Kind>| {
        kind.operations
            .create
            .as_ref()
            .is_some_and(|create| create.read_after_write == ReadConsistency::Eventual)
    };
    for kind in kinds().iter().filter(later) {
        let mut context = Scene::new(kind, born);
        context.options.auto_verify = false;
        context.play();
    }
}

/// Whether a kind has secrets that may not read back.
pub fn has_hidden(kind: &Kind) -> bool {
    fn within(shape: &Shape) -> bool {
        shape.fields.iter().any(|field| match &field.ty {
            FieldType::Object(shape) => within(shape),
            FieldType::Array(ArrayType { item: ItemType::Object(shape), .. }) => within(shape),
            _ => field.when_absent == AbsenceRule::Hidden && field.sensitivity == Sensitivity::Secret,
        })
    }
    within(&kind.shape)
}

#[test]
fn a_create_whose_secrets_do_not_read_back() {
    for kind in kinds().iter().filter(|kind| has_hidden(kind)) {
        for secrets in [SandboxSecretMode::Hidden, SandboxSecretMode::Masked] {
            let mut context = Scene::new(kind, born);
            context.options.secret_mode = secrets;
            context.late = true;
            context.play();
        }
    }
}

fn with_lists() -> impl Iterator<Item = Arc<Kind>> {
    let has = |kind: &Arc<Kind>| {
        let mut fixture = SandboxFixture::with(&kind.name, WireFormat::Json, options());
        !stir(kind, &mut fixture.documents[1]).is_empty()
    };
    kinds().into_iter().filter(has)
}

/// One object whose lists are all said otherwise.
fn stirred(fixture: &mut SandboxFixture) {
    let kind = Arc::clone(&fixture.kind);
    let mut one = fixture.documents.remove(1);
    stir(&kind, &mut one);
    fixture.documents = vec![one];
    fixture.write();
}

#[test]
fn changed_new_and_removed_items() {
    for kind in with_lists() {
        Scene::new(&kind, stirred).play();
    }
}

#[test]
fn items_whose_secrets_do_not_read_back() {
    for kind in with_lists().filter(|kind| has_hidden(kind)) {
        for secrets in [SandboxSecretMode::Hidden, SandboxSecretMode::Masked] {
            let mut context = Scene::new(&kind, stirred);
            context.options.secret_mode = secrets;
            context.late = true;
            context.play();
        }
    }
}

#[test]
fn a_plain_update() {
    for kind in kinds() {
        let context = Scene::new(&kind, |fixture| {
            let mut one = fixture.documents.remove(0);
            let yaml_path = one.places[0].clone();
            vary(&mut one, &yaml_path);
            fixture.documents = vec![one];
            fixture.write();
        });
        context.play();
    }
}

fn deletable() -> impl Iterator<Item = Arc<Kind>> {
    kinds().into_iter().filter(|kind| kind.operations.delete.is_some())
}

#[test]
fn a_delete() {
    for kind in deletable() {
        let mut context = Scene::new(&kind, |fixture| {
            fixture.documents.truncate(1);
            fixture.documents[0].document["state"] = json!("absent");
            fixture.write();
        });
        context.flags = &["--allow-delete"];
        context.play();
    }
}

#[test]
fn the_delete_of_what_no_document_describes_any_more() {
    for kind in deletable() {
        let mut context = Scene::new(&kind, |fixture| {
            fixture.workspace.expect(0, &APPLY);
            fixture.documents.truncate(2);
            fixture.write();
        });
        context.flags = &["--allow-delete"];
        context.play();
    }
}

/// A birth, a death and a change in one run.
#[test]
fn all_at_once() {
    for kind in deletable() {
        let mut context = Scene::new(&kind, |fixture| {
            let yaml_path = fixture.documents[1].places[0].clone();
            vary(&mut fixture.documents[1], &yaml_path);
            fixture.documents[2].document["state"] = json!("absent");
            fixture.documents[0] = new_document(&fixture.kind, "newcomer");
            fixture.write();
        });
        // one request after the other, so that each cut is where it says
        context.flags = &["--allow-delete", "--parallelism", "1"];
        context.late = true;
        context.play();
    }
}
