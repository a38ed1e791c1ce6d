//! What holds for every object and every document of every built-in kind; no kind is named here.
//!
//! Objects, documents and what a service makes of a request are all drawn from the descriptions: `live`, `said`
//! and `service` below. A failure prints the shortest pair of object and document that shows it.

mod common;
#[path = "properties/dice.rs"]
mod dice;
#[path = "properties/holds.rs"]
mod holds;
#[path = "properties/kept.rs"]
mod kept;
#[path = "properties/live.rs"]
mod live;
#[path = "properties/said.rs"]
mod said;
#[path = "properties/service.rs"]
mod service;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;

use common::{decided, subject};
use dice::{CANARY, Dice};
use holds::Run;
use live::{Around, MASK, Sight};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{TestCaseResult, TestError, TestRunner};
use said::Writer;
use secrecy::SecretString;
use serde_json::{Map, Value as Json};
use service::{Manners, Service};
use trueup::diagnostic::{Source, any_error};
use trueup::document::{self, Document, Slot};
use trueup::exchange::Verb;
use trueup::kind::leaf::Token;
use trueup::kind::registry::Registry;
use trueup::kind::{FormatWord, Kind, Maker};
use trueup::plan::propose::{Permits, Question};
use trueup::plan::request::Manner;
use trueup::plan::step::{Decision, Method, Recheck, Rules, decide, overlap, recheck};
use trueup::plan::{Action, Memory, Plan, Planned, Recall, Step, Subject};
use trueup::remote::wire::{self, Live};
use trueup::report::{Report, text, to_json};
use trueup::value::{Mark, Path, Value};

/// On how many objects of each kind a property is tried; `TRUEUP_TRIES` for longer looks.
const TRIES: u32 = 64;

/// An object, a document about it, and the service that holds it.
struct World {
    kind: Arc<Kind>,
    around: Around,
    manners: Manners,
    rules: Rules,
    /// The object as the service answers it, with marks in the place of what no description knows.
    seen: Json,
    /// What stands in the place of the marks.
    raws: BTreeMap<String, String>,
    live: Live,
    document: Document,
    source: String,
    /// What the document says, and what its slots give.
    said: Map<String, Json>,
    env: BTreeMap<String, String>,
}

/// What a world is to be like.
#[derive(Clone, Copy, Default)]
struct Wish {
    strangers: bool,
    edits: bool,
    creating: bool,
    put: bool,
}

/// How often something came of it, so that a property cannot hold for want of anything to hold for.
#[derive(Default)]
struct Tally {
    tries: Cell<u32>,
    useful: Cell<u32>,
}

impl Tally {
    fn useful(&self) {
        self.useful.set(self.useful.get() + 1);
    }
}

fn tries() -> u32 {
    std::env::var("TRUEUP_TRIES").ok().and_then(|tries| tries.parse().ok()).unwrap_or(TRIES)
}

/// Tries a property on every kind for which there is something to try.
fn on_every_kind(
    fits: impl Fn(&Kind) -> bool,
    at_least: f32,
    property: impl Fn(&Arc<Kind>, &[u16], &Tally) -> TestCaseResult,
) {
    let registry = Registry::builtin();
    let kinds: Vec<Arc<Kind>> = registry.kinds().iter().filter_map(|name| registry.kind(name)).collect();
    assert!(kinds.len() > 2 && kinds.iter().any(|kind| fits(kind)));
    for kind in kinds.iter().filter(|kind| fits(kind)) {
        let tally = Tally::default();
        let config = ProptestConfig {
            cases: tries(),
            failure_persistence: None,
            max_shrink_iters: 100_000,
            max_shrink_time: 20_000,
            ..ProptestConfig::default()
        };
        let outcome = TestRunner::new(config).run(&vec(any::<u16>(), 0..500), |tape| {
            tally.tries.set(tally.tries.get() + 1);
            property(kind, &tape, &tally)
        });
        match outcome {
            Ok(()) => {}
            // the tape says nothing to a reader
            Err(TestError::Fail(why, _)) => panic!("{}: {why}", kind.name),
            Err(error) => panic!("{}: {error}", kind.name),
        }
        let (tries, useful) = (tally.tries.get() as f32, tally.useful.get() as f32);
        assert!(useful >= tries * at_least, "{}: only {useful} of {tries} tries showed anything", kind.name);
    }
}

impl World {
    /// None when the document has faults: those are not what is looked at here.
    fn new(kind: &Arc<Kind>, tape: &[u16], wish: Wish) -> Option<Self> {
        let mut dice = Dice::new(tape);
        let around = Around::new(&mut dice, kind, wish.strangers);
        let seen = live::object(&mut dice, kind, &around);
        let manners = Manners { sight: around.sight, verified: dice.chance(5), empties: dice.chance(5) };
        let rules = rules(&mut dice, kind, wish, manners);
        let (said, source, env) = write(&mut dice, kind, &seen, (around.sight, wish));
        let document = read_document(&source, &env)?;
        let raws = std::mem::take(&mut dice.raws);
        let live = read(kind, &seen, &raws);
        Some(Self {
            kind: kind.clone(),
            around,
            manners,
            rules,
            seen,
            raws,
            live,
            document,
            source,
            said,
            env,
        })
    }

    fn scope(&self) -> Vec<Value> {
        let read = |(parameter, json): (&trueup::kind::Scope, &Json)| {
            parameter.ty.read(Token::Text(json.as_str().unwrap_or_default())).expect("a scope value")
        };
        self.kind.scope.iter().zip(&self.around.scope).map(read).collect()
    }

    fn decide(&self, live: Option<&Live>, memory: &dyn Memory, rules: Rules) -> Decision {
        let live = live.map(|live| &live.object);
        decided(&self.document, &subject(&self.document, self.scope(), live), live, memory, rules)
    }

    /// What reads back after a request, perhaps without one member of its body.
    fn after(&self, request: &Planned, before: Option<&Json>, without: Option<&str>) -> Result<Json, String> {
        let request = &request.request;
        let mut body: Json = serde_json::from_str(&self.body(request)).map_err(|error| error.to_string())?;
        if let (Some(name), Some(body)) = (without, body.as_object_mut()) {
            body.remove(name);
        }
        let service = Service { kind: &self.kind, around: &self.around, manners: self.manners };
        service.write(request.verb, before, &request.query, &body)
    }

    fn body(&self, request: &trueup::exchange::Request) -> String {
        let body = request.body.as_ref().expect("a body");
        let bytes = wire::encode(body, FormatWord::Json, &self.kind.api);
        String::from_utf8(bytes).expect("JSON is UTF-8")
    }

    fn read(&self, seen: &Json) -> Live {
        read(&self.kind, seen, &self.raws)
    }

    /// Whether what reads back is what the document says.
    fn holds(&self, seen: &Json) -> Result<(), String> {
        let run = Run { manners: self.manners, env: &self.env, forced: self.rules.permits.force_hidden };
        run.holds(&self.kind.shape, &self.said, seen.as_object().ok_or("no object")?)
    }

    /// For messages.
    fn told(&self) -> String {
        let manners = (self.manners, self.rules.method, self.rules.manner.carry_nested);
        format!("\n--- live\n{}\n--- document\n{}--- manners\n{manners:?}\n", self.seen, self.source)
    }
}

fn rules(dice: &mut Dice, kind: &Kind, wish: Wish, manners: Manners) -> Rules {
    let method = match wish.put || (kind.operations.replace.is_some() && dice.chance(3)) {
        true => Method::Put,
        false => Method::Usual,
    };
    let permits = Permits {
        force_hidden: dice.chance(3),
        lower_protection: dice.chance(8),
        overwrite_edits: dice.chance(5),
        delete: false,
        personal: true,
        force_personal: false,
    };
    // whoever leaves the other nested fields out says that the service does not empty them
    Rules {
        method,
        manner: Manner { carry_nested: manners.empties || dice.chance(5) },
        permits,
        newborn: false,
    }
}

fn write(
    dice: &mut Dice,
    kind: &Kind,
    seen: &Json,
    (sight, wish): (Sight, Wish),
) -> (Map<String, Json>, String, BTreeMap<String, String>) {
    let seen = seen.as_object().expect("an object");
    let id =
        live::get(seen, kind.id_field()).filter(|_| !wish.creating || kind.identity.made_by == Maker::Caller);
    let mut writer = Writer { dice, sight, env: BTreeMap::new(), creating: wish.creating };
    let mut said = writer.said(&kind.shape, seen);
    if wish.edits {
        writer.edit(&kind.shape, &mut said, Mark::Open);
    }
    let env = std::mem::take(&mut writer.env);
    let source = said::document(&kind.name, id, &said);
    (said, source, env)
}

fn read_document(source: &str, env: &BTreeMap<String, String>) -> Option<Document> {
    let mut faults = Vec::new();
    let mut documents = document::read(&Source::new("one.yaml", source), Registry::builtin(), &mut faults);
    let mut document = documents.pop()?;
    let known = |slot: &Slot| match slot {
        Slot::Env(name) => env.get(name).map(|value| SecretString::from(value.as_str())),
        _ => None,
    };
    document.resolve(&known, &mut faults);
    (!any_error(&faults)).then_some(document)
}

fn text_of(seen: &Json, raws: &BTreeMap<String, String>) -> String {
    let mut text = seen.to_string();
    for (mark, raw) in raws {
        text = text.replace(&format!("\"{mark}\""), raw);
    }
    text
}

fn read(kind: &Kind, seen: &Json, raws: &BTreeMap<String, String>) -> Live {
    let text = text_of(seen, raws);
    let live = match wire::read_object(text.as_bytes(), FormatWord::Json, kind) {
        Ok(live) => live,
        Err(why) => panic!("{}: {text}", why.message),
    };
    assert!(live.misread.is_empty(), "{:?} in {text}", live.misread);
    live
}

/// Knows nothing.
const BLANK: trueup::plan::Blank = trueup::plan::Blank;

/// Takes every value for the one that was last written.
struct Same;

impl Memory for Same {
    fn recall(&self, _: &Subject, _: &Path, _: &Value) -> Recall {
        Recall::Same
    }
}

/// Remembers exactly what was written, as a run does.
struct Kept(Vec<(Path, Value)>);

impl Memory for Kept {
    fn recall(&self, _: &Subject, path: &Path, value: &Value) -> Recall {
        match self.0.iter().find(|(own, _)| own.0.len() == path.0.len() && overlap(own, path)) {
            None => Recall::Never,
            Some((_, own)) if own == value => Recall::Same,
            Some(_) => Recall::Differs,
        }
    }
}

/// What a decision says, for comparing and for messages; values stay out.
fn summary(decision: &Decision) -> String {
    let changes = |changes: &[trueup::plan::Change]| {
        let one = |change: &trueup::plan::Change| format!("{} {}", change.word(), change.path.pointer());
        changes.iter().map(one).collect::<Vec<_>>().join("; ")
    };
    match decision {
        Decision::Agreeing(_) => "agreeing".to_owned(),
        Decision::Step(step) => format!("{}: {}", step.action.word(), changes(&step.changes)),
        Decision::Refused(refused) => {
            let reasons: Vec<_> = refused.reasons.iter().map(|reason| reason.message.as_str()).collect();
            format!("refused: {} ({})", reasons.join("; "), changes(&refused.changes))
        }
    }
}

/// Nothing that must not be seen reaches a report.
fn shows_no_canary(decision: Decision) -> TestCaseResult {
    let mut plan = Plan { complete: true, ..Plan::default() };
    match decision {
        Decision::Step(step) => plan.steps.push(*step),
        Decision::Agreeing(agreeing) => plan.agreeing.push(agreeing),
        Decision::Refused(refused) => plan.refused.push(refused),
    }
    let report = Report::of_plan(&plan, &|_, _| 0);
    let shown = [text::text(&report, 100), to_json(&report).expect("a report is JSON")];
    for shown in shown {
        prop_assert!(!shown.contains(CANARY), "a report shows a canary:\n{shown}");
    }
    Ok(())
}

/// What was sent, read back, is what was wanted.
#[test]
fn one_write_is_enough() {
    on_every_kind(
        |_| true,
        0.2,
        |kind, tape, tally| {
            let wish = Wish { strangers: true, edits: true, ..Wish::default() };
            let Some(world) = World::new(kind, tape, wish) else { return Ok(()) };
            let first = world.decide(Some(&world.live), &BLANK, world.rules);
            let Decision::Step(step) = first else { return shows_no_canary(first) };
            let mut seen = world.seen.clone();
            for request in &step.requests {
                seen = match world.after(request, Some(&seen), None) {
                    Ok(seen) => seen,
                    Err(why) => return Err(TestCaseError::fail(format!("{why}{}", world.told()))),
                };
            }
            let again = world.decide(Some(&world.read(&seen)), &Kept(step.hidden.clone()), world.rules);
            let told = || {
                let body = world.body(&step.requests[0].request);
                format!("{}\n--- body\n{body}\n--- after\n{seen}{}", summary(&again), world.told())
            };
            prop_assert!(matches!(again, Decision::Agreeing(_)), "{}", told());
            world.holds(&seen).map_err(|why| TestCaseError::fail(format!("{why}: {}", told())))?;
            tally.useful();
            shows_no_canary(Decision::Step(step))
        },
    );
}

/// A new object is as wanted after the create, and the update that may have to follow.
#[test]
fn one_create_is_enough() {
    on_every_kind(
        |kind| kind.operations.create.is_some(),
        0.2,
        |kind, tape, tally| {
            let wish = Wish { edits: true, creating: true, ..Wish::default() };
            let Some(world) = World::new(kind, tape, wish) else { return Ok(()) };
            let first = world.decide(None, &BLANK, world.rules);
            let Decision::Step(step) = first else { return shows_no_canary(first) };
            prop_assert!(step.action == Action::Create);
            let mut memory = step.hidden.clone();
            let mut seen = match world.after(&step.requests[0], None, None) {
                Ok(seen) => seen,
                Err(why) => return Err(TestCaseError::fail(format!("{why}{}", world.told()))),
            };
            let rules = Rules { newborn: true, method: Method::Usual, ..world.rules };
            let mut again = world.decide(Some(&world.read(&seen)), &Kept(memory.clone()), rules);
            if let Decision::Step(second) = &again
                && trueup::plan::step::finishes_create(second)
            {
                prop_assert!(
                    step.requests.len() == 2,
                    "an update is needed that was not planned{}",
                    world.told()
                );
                memory.extend(second.hidden.clone());
                seen = world.after(&second.requests[0], Some(&seen), None).map_err(TestCaseError::fail)?;
                again = world.decide(Some(&world.read(&seen)), &Kept(memory), rules);
            }
            let told = || {
                let body = world.body(&step.requests[0].request);
                format!("{}\n--- body\n{body}\n--- after\n{seen}{}", summary(&again), world.told())
            };
            prop_assert!(matches!(again, Decision::Agreeing(_)), "{}", told());
            world.holds(&seen).map_err(|why| TestCaseError::fail(format!("{why}: {}", told())))?;
            tally.useful();
            shows_no_canary(Decision::Step(step))
        },
    );
}

/// A write of changes brings nothing that could stay away.
#[test]
fn a_patch_is_minimal() {
    let patches =
        |kind: &Kind| kind.operations.update.as_ref().is_some_and(|write| write.verb == Verb::Patch);
    on_every_kind(patches, 0.2, |kind, tape, tally| {
        let wish = Wish { strangers: true, edits: true, ..Wish::default() };
        let Some(mut world) = World::new(kind, tape, wish) else { return Ok(()) };
        world.rules.method = Method::Patch;
        world.manners.empties = false;
        let Decision::Step(step) = world.decide(Some(&world.live), &BLANK, world.rules) else {
            return Ok(());
        };
        let request = &step.requests[0];
        let body: Json = serde_json::from_str(&world.body(&request.request)).expect("a body");
        let along: Vec<&str> = request.along.iter().map(|name| written(kind, name)).collect();
        let members = body.as_object().expect("an object").keys();
        for member in members.filter(|member| !along.contains(&member.as_str())) {
            let seen = world.after(request, Some(&world.seen), Some(member)).map_err(TestCaseError::fail)?;
            let kept = |(path, _): &&(Path, Value)| path.top().is_none_or(|top| written(kind, top) != member);
            let memory = Kept(step.hidden.iter().filter(kept).cloned().collect());
            let again = world.decide(Some(&world.read(&seen)), &memory, world.rules);
            let told = || {
                format!(
                    "{member} is not needed: {}\n--- body\n{body}\n--- after\n{seen}{}",
                    summary(&again),
                    world.told()
                )
            };
            prop_assert!(matches!(again, Decision::Step(_)), "{}", told());
        }
        tally.useful();
        Ok(())
    });
}

/// The name under which a field is written.
fn written<'k>(kind: &'k Kind, name: &'k str) -> &'k str {
    kind.shape.named(name).map_or(name, |field| &*field.written_as)
}

/// A write of everything is the live object but for what was asked for.
#[test]
fn a_put_loses_nothing() {
    let operations = |kind: &Kind| [&kind.operations.update, &kind.operations.replace].map(Option::is_some);
    let puts = |kind: &Kind| {
        let writes = [&kind.operations.update, &kind.operations.replace];
        operations(kind).contains(&true) && writes.into_iter().flatten().any(|write| write.verb == Verb::Put)
    };
    on_every_kind(puts, 0.2, |kind, tape, tally| {
        let wish = Wish { strangers: true, edits: true, put: true, ..Wish::default() };
        let Some(world) = World::new(kind, tape, wish) else { return Ok(()) };
        let Decision::Step(step) = world.decide(Some(&world.live), &BLANK, world.rules) else {
            return Ok(());
        };
        let text = world.body(&step.requests[0].request);
        let told = |why: String| TestCaseError::fail(format!("{why}\n--- body\n{text}{}", world.told()));
        if text.contains(MASK) {
            return Err(told("a mask is sent".into()));
        }
        kept::kept(&world.seen, &text, &step, (&world.raws, world.around.sight)).map_err(told)?;
        tally.useful();
        Ok(())
    });
}

/// A document that says what is there asks for nothing.
#[test]
fn what_is_there_already_is_no_step() {
    on_every_kind(
        |_| true,
        0.9,
        |kind, tape, tally| {
            let wish = Wish { strangers: true, ..Wish::default() };
            let Some(world) = World::new(kind, tape, wish) else { return Ok(()) };
            let decision = world.decide(Some(&world.live), &Same, world.rules);
            let told = || format!("{}{}", summary(&decision), world.told());
            prop_assert!(matches!(decision, Decision::Agreeing(_)), "{}", told());
            tally.useful();
            Ok(())
        },
    );
}

/// Whether an answer came in one format or the other makes no difference.
#[test]
fn formats_say_the_same() {
    let both = |kind: &Kind| [FormatWord::Json, FormatWord::Jsv].iter().all(|f| kind.api.formats.contains(f));
    on_every_kind(both, 0.5, |kind, tape, tally| {
        let Some(world) = World::new(kind, tape, Wish { edits: true, ..Wish::default() }) else {
            return Ok(());
        };
        let text = kept::jsv(&world.seen);
        let other = match wire::read_object(text.as_bytes(), FormatWord::Jsv, kind) {
            Ok(live) if live.misread.is_empty() => live,
            Ok(live) => return Err(TestCaseError::fail(format!("{:?} in {text}", live.misread))),
            Err(why) => return Err(TestCaseError::fail(format!("{}: {text}", why.message))),
        };
        let one = world.decide(Some(&world.live), &BLANK, world.rules);
        let two = world.decide(Some(&other), &BLANK, world.rules);
        let told = || format!("{}\n{}\n{text}{}", summary(&one), summary(&two), world.told());
        prop_assert!(summary(&one) == summary(&two), "{}", told());
        if let (Decision::Step(one), Decision::Step(two)) = (&one, &two) {
            let after =
                |step: &Step| step.changes.iter().map(|change| change.after.clone()).collect::<Vec<_>>();
            prop_assert!(after(one) == after(two), "{}", told());
            let body = |step: &Step| {
                let body = serde_json::from_str(&world.body(&step.requests[0].request)).expect("a body");
                kept::without_nulls(body)
            };
            prop_assert!(body(one) == body(two), "{}", told());
        }
        tally.useful();
        Ok(())
    });
}

/// Any document against any object: a decision, not a panic; also right before a write.
#[test]
fn nothing_panics() {
    on_every_kind(
        |_| true,
        0.3,
        |kind, tape, tally| {
            let (one, two) = tape.split_at(tape.len() / 2);
            let wish = Wish { strangers: true, edits: true, ..Wish::default() };
            let Some(world) = World::new(kind, one, wish) else { return Ok(()) };
            let mut dice = Dice::new(two);
            let around = Around::new(&mut dice, kind, true);
            let other = spoilt(&mut dice, kind, &around);
            let text = text_of(&other, &dice.raws);
            let Ok(other) = wire::read_object(text.as_bytes(), FormatWord::Json, kind) else { return Ok(()) };
            let rules = rules(&mut dice, kind, wish, world.manners);
            let decision = world.decide(Some(&other), &BLANK, rules);
            if let Decision::Step(step) = &decision {
                let subject = subject(&world.document, world.scope(), Some(&world.live.object));
                let live = Some(&world.live.object);
                let question = Question {
                    document: &world.document,
                    subject: &subject,
                    live,
                    memory: &BLANK,
                    rotate: &trueup::plan::rotate::NOTHING,
                };
                let relied = recheck(step, &question, rules);
                prop_assert!(!matches!(relied, Recheck::Go(_)) || decide(&question, rules).is_step());
            }
            tally.useful();
            shows_no_canary(decision)
        },
    );
}

trait IsStep {
    fn is_step(&self) -> bool;
}

impl IsStep for Decision {
    fn is_step(&self) -> bool {
        matches!(self, Self::Step(_))
    }
}

/// An object in which some members are not what the kind says.
fn spoilt(dice: &mut Dice, kind: &Kind, around: &Around) -> Json {
    let Json::Object(mut object) = live::object(dice, kind, around) else { return Json::Null };
    for _ in 0..dice.roll(4) {
        let field = dice.pick(&kind.shape.fields);
        let value = dice.any(2, Mark::Open);
        live::set(&mut object, field, value);
    }
    Json::Object(Map::from_iter(object))
}
