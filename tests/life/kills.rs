//! Killed at every request, on both sides of it, and run again: the state is the desired one, and nothing is
//! there twice. Where the service leaves open whether a create took, the run says so and makes no other.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value as Json, json};
use trueup::kind::{AbsenceRule, ArrayType, FieldType, ItemType, Kind, ReadConsistency, Shape, WireFormat};
use trueup::sandbox::{SandboxOptions, SandboxSecretMode};
use trueup::value::Sensitivity;

use crate::axe::{Cut, Scaffold, Side};
use crate::desk::Ran;
use crate::estate::{Estate, options, vary};
use crate::newborn::{kinds, newborn};
use crate::state::{index, state};
use crate::stirred::stir;

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
    set: fn(&mut Estate),
}

/// A history that nobody disturbed.
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
    fn new(kind: &Arc<Kind>, set: fn(&mut Estate)) -> Self {
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
        (self.set)(&mut scaffold.estate);
        scaffold.estate.sandbox.clear_log();
        scaffold
    }

    fn apply(&self) -> Vec<&'static str> {
        [&APPLY[..], self.flags].concat()
    }

    fn ideal(&self) -> Ideal {
        let Scaffold { estate, .. } = self.scaffold(NEVER);
        let before = Json::Array(estate.dump());
        estate.desk.expect(0, &self.apply());
        let log = estate.sandbox.read_log();
        let first = log.iter().position(|entry| entry.method != "GET").expect("something to do") + 1;
        estate.sandbox.verify_pending();
        Ideal {
            after: state(&estate, &before),
            requests: log.len(),
            first,
            creates: creates(&estate),
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
        let mut estate = scaffold.estate;
        let left_open = self.leaves_open(&estate);
        let mut ran = self.again(&estate, &[]);
        if left_open {
            ran = self.decide(&mut estate, &ran);
        }
        assert_eq!(ran.code, Some(0), "{}\n{}", about(), ran.all());
        estate.sandbox.verify_pending();
        let written = estate.writes().len();
        ran = self.again(&estate, &[]);
        assert_eq!((ran.code, estate.writes().len()), (Some(0), written), "{}\n{}", about(), ran.all());
        let after = state(&estate, &ideal.before);
        assert_eq!(after, ideal.after, "{}\n{:#?}", about(), crate::estate::differing(&ideal.after, &after));
        assert_eq!(creates(&estate), ideal.creates, "{}", about());
        for entry in index(&estate) {
            assert!(entry["id"].is_string() && entry["create_sent"].is_null(), "{}\n{entry:#}", about());
        }
    }

    fn again(&self, estate: &Estate, more: &[&'static str]) -> Ran {
        estate.desk.run(&[&self.apply(), more].concat())
    }

    /// Whether a create was sent of an object that no look finds for sure, and nothing was heard of it.
    fn leaves_open(&self, estate: &Estate) -> bool {
        let create = self.kind.operations.create.as_ref();
        let later = create.is_some_and(|create| create.read_after_write == ReadConsistency::Later);
        let shows = later && self.options.auto_verify && creates(estate) > 0;
        let unheard = index(estate).iter().any(|entry| entry["id"].is_null());
        later && unheard && !shows
    }

    /// Nobody can tell whether the create took: the run made no other and named the ways out, of which the
    /// right one is taken.
    fn decide(&self, estate: &mut Estate, ran: &Ran) -> Ran {
        assert_eq!(ran.code, Some(3), "{}", ran.all());
        ran.says(&["create-unknown", "name its `id` here", "--retry-creates"]);
        assert_eq!(estate.writes().len(), 1, "nothing was sent but the create that was cut off");
        if creates(estate) == 0 {
            return self.again(estate, &["--retry-creates"]);
        }
        estate.sandbox.verify_pending();
        self.again(estate, &[])
    }
}

/// How many creates the service has done.
fn creates(estate: &Estate) -> usize {
    let done = |status: Option<u16>| matches!(status, Some(200..=299));
    estate.writes().iter().filter(|entry| entry.method == "POST" && done(entry.status)).count()
}

fn born(estate: &mut Estate) {
    estate.documents = vec![newborn(&estate.kind, "newcomer")];
    estate.write();
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
            .is_some_and(|create| create.read_after_write == ReadConsistency::Later)
    };
    for kind in kinds().iter().filter(later) {
        let mut scene = Scene::new(kind, born);
        scene.options.auto_verify = false;
        scene.play();
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
            let mut scene = Scene::new(kind, born);
            scene.options.secret_mode = secrets;
            scene.late = true;
            scene.play();
        }
    }
}

fn with_lists() -> impl Iterator<Item = Arc<Kind>> {
    let has = |kind: &Arc<Kind>| {
        let mut estate = Estate::with(&kind.name, WireFormat::Json, options());
        !stir(kind, &mut estate.documents[1]).is_empty()
    };
    kinds().into_iter().filter(has)
}

/// One object whose lists are all said otherwise.
fn stirred(estate: &mut Estate) {
    let kind = Arc::clone(&estate.kind);
    let mut one = estate.documents.remove(1);
    stir(&kind, &mut one);
    estate.documents = vec![one];
    estate.write();
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
            let mut scene = Scene::new(&kind, stirred);
            scene.options.secret_mode = secrets;
            scene.late = true;
            scene.play();
        }
    }
}

#[test]
fn a_plain_update() {
    for kind in kinds() {
        let scene = Scene::new(&kind, |estate| {
            let mut one = estate.documents.remove(0);
            let spot = one.leaves[0].clone();
            vary(&mut one, &spot);
            estate.documents = vec![one];
            estate.write();
        });
        scene.play();
    }
}

fn deletable() -> impl Iterator<Item = Arc<Kind>> {
    kinds().into_iter().filter(|kind| kind.operations.delete.is_some())
}

#[test]
fn a_delete() {
    for kind in deletable() {
        let mut scene = Scene::new(&kind, |estate| {
            estate.documents.truncate(1);
            estate.documents[0].document["state"] = json!("absent");
            estate.write();
        });
        scene.flags = &["--allow-delete"];
        scene.play();
    }
}

#[test]
fn the_delete_of_what_no_document_describes_any_more() {
    for kind in deletable() {
        let mut scene = Scene::new(&kind, |estate| {
            estate.desk.expect(0, &APPLY);
            estate.documents.truncate(2);
            estate.write();
        });
        scene.flags = &["--allow-delete"];
        scene.play();
    }
}

/// A birth, a death and a change in one run.
#[test]
fn all_at_once() {
    for kind in deletable() {
        let mut scene = Scene::new(&kind, |estate| {
            let spot = estate.documents[1].leaves[0].clone();
            vary(&mut estate.documents[1], &spot);
            estate.documents[2].document["state"] = json!("absent");
            estate.documents[0] = newborn(&estate.kind, "newcomer");
            estate.write();
        });
        // one request after the other, so that each cut is where it says
        scene.flags = &["--allow-delete", "--parallelism", "1"];
        scene.late = true;
        scene.play();
    }
}
