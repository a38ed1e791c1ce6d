//! What holds for every object and every document of every built-in kind; no kind is named here.
//!
//! Objects, documents and what a service makes of a request are all drawn from the descriptions: `live`, `said`
//! and `service` below. A failure prints the shortest pair of object and document that shows it.

mod body_oracle;
mod choices;
mod documents;
mod keyed_maps;
mod live_objects;
mod model_service;
mod result_oracle;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::support::decisions::{decided, subject};
use choices::{CANARY, Choices};
use documents::Writer;
use live_objects::{Around, MASK, Sight};
use model_service::{Manners, Service};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{TestCaseResult, TestError, TestRunner};
use result_oracle::Run;
use secrecy::SecretString;
use serde_json::{Map, Value as Json};
use trueup::diagnostic::{NamedSource, has_errors};
use trueup::document::{self, Document, ValueSource};
use trueup::exchange::Method;
use trueup::kind::registry::KindRegistry;
use trueup::kind::scalar::ScalarToken;
use trueup::kind::{IdAssigner, Kind, WireFormat};
use trueup::plan::propose::{GrantedPermissions, ProposalInput};
use trueup::plan::request::UpdateOptions;
use trueup::plan::step::{
    DecideOptions, PlanDecision, RecheckOutcome, UpdateMethod, decide_object, recheck_step,
};
use trueup::plan::{Plan, PlanSubject, Step, StepAction, StepRequest, WriteComparison, WriteHistory};
use trueup::remote::wire::{self, Snapshot};
use trueup::report::{PlanReport, text, to_json};
use trueup::value::{Sensitivity, Value, ValuePath};

/// On how many objects of each kind a property is tried; `TRUEUP_TRIES` for longer looks.
const TRIES: u32 = 64;

/// An object, a document about it, and the service that holds it.
struct PropertyCase {
    kind: Arc<Kind>,
    around: Around,
    manners: Manners,
    rules: DecideOptions,
    /// The object as the service answers it, with marks in the place of what no description knows.
    seen: Json,
    /// What stands in the place of the marks.
    raws: BTreeMap<String, String>,
    live: Snapshot,
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
    let registry = KindRegistry::get_builtin();
    let kinds: Vec<Arc<Kind>> =
        registry.kind_names().iter().filter_map(|name| registry.find_kind(name)).collect();
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

impl PropertyCase {
    /// None when the document has faults: those are not what is looked at here.
    fn new(kind: &Arc<Kind>, tape: &[u16], desired: Wish) -> Option<Self> {
        let mut choices = Choices::new(tape);
        let around = Around::new(&mut choices, kind, desired.strangers);
        let seen = live_objects::object(&mut choices, kind, &around);
        let manners =
            Manners { sight: around.sight, verified: choices.chance(5), empties: choices.chance(5) };
        let rules = rules(&mut choices, kind, desired, manners);
        let (said, source, env) = write(&mut choices, kind, &seen, (around.sight, desired));
        let document = read_document(&source, &env)?;
        let raws = std::mem::take(&mut choices.raws);
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
        let read = |(parameter, json): (&trueup::kind::ScopeParameter, &Json)| {
            parameter
                .ty
                .read_token(ScalarToken::String(json.as_str().unwrap_or_default()))
                .expect("a scope value")
        };
        self.kind.scope.iter().zip(&self.around.scope).map(read).collect()
    }

    fn decide(
        &self,
        live: Option<&Snapshot>,
        memory: &dyn WriteHistory,
        rules: DecideOptions,
    ) -> PlanDecision {
        let live = live.map(|live| &live.object);
        decided(&self.document, &subject(&self.document, self.scope(), live), live, memory, rules)
    }

    /// What reads back after a request, perhaps without one member of its body.
    fn after(
        &self,
        request: &StepRequest,
        before: Option<&Json>,
        without: Option<&str>,
    ) -> Result<Json, String> {
        let request = &request.request;
        let mut body: Json = serde_json::from_str(&self.body(request)).map_err(|error| error.to_string())?;
        if let (Some(name), Some(body)) = (without, body.as_object_mut()) {
            body.remove(name);
        }
        let service = Service { kind: &self.kind, around: &self.around, manners: self.manners };
        service.write(request.method, before, &request.query, &body)
    }

    fn body(&self, request: &trueup::exchange::PlannedRequest) -> String {
        let body = request.body.as_ref().expect("a body");
        let bytes = wire::encode_body(body, WireFormat::Json, &self.kind.api);
        String::from_utf8(bytes).expect("JSON is UTF-8")
    }

    fn read(&self, seen: &Json) -> Snapshot {
        read(&self.kind, seen, &self.raws)
    }

    /// Whether what reads back is what the document says.
    fn holds(&self, seen: &Json) -> Result<(), String> {
        let run = Run { manners: self.manners, env: &self.env, forced: self.rules.permissions.force_hidden };
        run.holds(&self.kind.shape, &self.said, seen.as_object().ok_or("no object")?)
    }

    /// For messages.
    fn reported(&self) -> String {
        let manners = (self.manners, self.rules.method, self.rules.update_options.also_send_nested);
        format!("\n--- live\n{}\n--- document\n{}--- manners\n{manners:?}\n", self.seen, self.source)
    }
}

fn rules(choices: &mut Choices, kind: &Kind, desired: Wish, manners: Manners) -> DecideOptions {
    let method = match desired.put || (kind.operations.replace.is_some() && choices.chance(3)) {
        true => UpdateMethod::Put,
        false => UpdateMethod::Default,
    };
    let permits = GrantedPermissions {
        force_hidden: choices.chance(3),
        lower_protection: choices.chance(8),
        overwrite_edits: choices.chance(5),
        delete: false,
        replace: false,
        personal: true,
        force_personal: false,
        assume_secrets: false,
    };
    // whoever leaves the other nested fields out says that the service does not empty them
    DecideOptions {
        method,
        update_options: UpdateOptions { also_send_nested: manners.empties || choices.chance(5) },
        permissions: permits,
        just_created: false,
    }
}

fn write(
    choices: &mut Choices,
    kind: &Kind,
    seen: &Json,
    (sight, desired): (Sight, Wish),
) -> (Map<String, Json>, String, BTreeMap<String, String>) {
    let seen = seen.as_object().expect("an object");
    let id = live_objects::get(seen, kind.id_field())
        .filter(|_| !desired.creating || kind.identity.id_assigned_by == IdAssigner::Client);
    let mut writer = Writer { choices, sight, env: BTreeMap::new(), creating: desired.creating };
    let mut said = writer.said(&kind.shape, seen);
    if desired.edits {
        writer.edit(&kind.shape, &mut said, Sensitivity::Public);
    }
    let env = std::mem::take(&mut writer.env);
    let source = documents::document(&kind.name, id, &said);
    (said, source, env)
}

fn read_document(source: &str, env: &BTreeMap<String, String>) -> Option<Document> {
    let mut faults = Vec::new();
    let mut documents = document::read_documents(
        &NamedSource::new("one.yaml", source),
        KindRegistry::get_builtin(),
        &mut faults,
    );
    let mut document = documents.pop()?;
    let known = |slot: &ValueSource| match slot {
        ValueSource::Env(name) => env.get(name).map(|value| SecretString::from(value.as_str())),
        _ => None,
    };
    document.resolve_sources(&known, &mut faults);
    (!has_errors(&faults)).then_some(document)
}

fn text_of(seen: &Json, raws: &BTreeMap<String, String>) -> String {
    let mut text = seen.to_string();
    for (mark, raw) in raws {
        text = text.replace(&format!("\"{mark}\""), raw);
    }
    text
}

fn read(kind: &Kind, seen: &Json, raws: &BTreeMap<String, String>) -> Snapshot {
    let text = text_of(seen, raws);
    let live = match wire::read_object(text.as_bytes(), WireFormat::Json, kind) {
        Ok(live) => live,
        Err(why) => panic!("{}: {text}", why.message),
    };
    assert!(live.mismatches.is_empty(), "{:?} in {text}", live.mismatches);
    live
}

/// Knows nothing.
const BLANK: trueup::plan::EmptyWriteHistory = trueup::plan::EmptyWriteHistory;

/// Takes every value for the one that was last written.
struct Same;

impl WriteHistory for Same {
    fn compare_last_written(&self, _: &PlanSubject, _: &ValuePath, _: &Value) -> WriteComparison {
        WriteComparison::Same
    }
}

/// Remembers exactly what was written, as a run does.
struct Kept(Vec<(ValuePath, Value)>);

impl WriteHistory for Kept {
    fn compare_last_written(&self, _: &PlanSubject, path: &ValuePath, value: &Value) -> WriteComparison {
        match self.0.iter().find(|(own, _)| own.0.len() == path.0.len() && own.overlaps(path)) {
            None => WriteComparison::NeverWritten,
            Some((_, own)) if own == value => WriteComparison::Same,
            Some(_) => WriteComparison::Differs,
        }
    }
}

/// What a decision says, for comparing and for messages; values stay out.
fn summary(decision: &PlanDecision) -> String {
    let changes = |changes: &[trueup::plan::Change]| {
        let one =
            |change: &trueup::plan::Change| format!("{} {}", change.to_operation(), change.path.to_pointer());
        changes.iter().map(one).collect::<Vec<_>>().join("; ")
    };
    match decision {
        PlanDecision::Unchanged(_) => "agreeing".to_owned(),
        PlanDecision::Step(step) => format!("{}: {}", step.action.as_str(), changes(&step.changes)),
        PlanDecision::Refused(refused) => {
            let reasons: Vec<_> = refused.reasons.iter().map(|reason| reason.message.as_str()).collect();
            format!("refused: {} ({})", reasons.join("; "), changes(&refused.changes))
        }
    }
}

/// Nothing that must not be seen reaches a report.
fn shows_no_canary(decision: PlanDecision) -> TestCaseResult {
    let mut plan = Plan { complete: true, ..Plan::default() };
    match decision {
        PlanDecision::Step(step) => plan.steps.push(*step),
        PlanDecision::Unchanged(agreeing) => plan.unchanged.push(agreeing),
        PlanDecision::Refused(refused) => plan.refused.push(refused),
    }
    let report = PlanReport::from_plan(&plan, &|_, _| 0);
    let shown = [text::render_plan(&report, 100), to_json(&report).expect("a report is JSON")];
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
            let desired = Wish { strangers: true, edits: true, ..Wish::default() };
            let Some(case) = PropertyCase::new(kind, tape, desired) else { return Ok(()) };
            let first = case.decide(Some(&case.live), &BLANK, case.rules);
            let PlanDecision::Step(step) = first else { return shows_no_canary(first) };
            let mut seen = case.seen.clone();
            for request in &step.requests {
                seen = match case.after(request, Some(&seen), None) {
                    Ok(seen) => seen,
                    Err(why) => return Err(TestCaseError::fail(format!("{why}{}", case.reported()))),
                };
            }
            let written = [&step.hidden[..], &step.shown_secrets[..]].concat();
            let again = case.decide(Some(&case.read(&seen)), &Kept(written), case.rules);
            let reported = || {
                let body = case.body(&step.requests[0].request);
                format!("{}\n--- body\n{body}\n--- after\n{seen}{}", summary(&again), case.reported())
            };
            prop_assert!(matches!(again, PlanDecision::Unchanged(_)), "{}", reported());
            case.holds(&seen).map_err(|why| TestCaseError::fail(format!("{why}: {}", reported())))?;
            tally.useful();
            shows_no_canary(PlanDecision::Step(step))
        },
    );
}

/// A new object unchanged after the create, and the update that may have to follow.
#[test]
fn one_create_is_enough() {
    on_every_kind(
        |kind| kind.operations.create.is_some(),
        0.2,
        |kind, tape, tally| {
            let desired = Wish { edits: true, creating: true, ..Wish::default() };
            let Some(case) = PropertyCase::new(kind, tape, desired) else { return Ok(()) };
            let first = case.decide(None, &BLANK, case.rules);
            let PlanDecision::Step(step) = first else { return shows_no_canary(first) };
            prop_assert!(step.action == StepAction::Create);
            let mut memory = step.hidden.clone();
            let mut seen = match case.after(&step.requests[0], None, None) {
                Ok(seen) => seen,
                Err(why) => return Err(TestCaseError::fail(format!("{why}{}", case.reported()))),
            };
            let rules = DecideOptions { just_created: true, method: UpdateMethod::Default, ..case.rules };
            let mut again = case.decide(Some(&case.read(&seen)), &Kept(memory.clone()), rules);
            if let PlanDecision::Step(second) = &again
                && trueup::plan::step::is_create_followup(second)
            {
                prop_assert!(
                    step.requests.len() == 2,
                    "an update is needed that was not planned{}",
                    case.reported()
                );
                memory.extend(second.hidden.clone());
                seen = case.after(&second.requests[0], Some(&seen), None).map_err(TestCaseError::fail)?;
                again = case.decide(Some(&case.read(&seen)), &Kept(memory), rules);
            }
            let reported = || {
                let body = case.body(&step.requests[0].request);
                format!("{}\n--- body\n{body}\n--- after\n{seen}{}", summary(&again), case.reported())
            };
            prop_assert!(matches!(again, PlanDecision::Unchanged(_)), "{}", reported());
            case.holds(&seen).map_err(|why| TestCaseError::fail(format!("{why}: {}", reported())))?;
            tally.useful();
            shows_no_canary(PlanDecision::Step(step))
        },
    );
}

/// A write of changes brings nothing that could stay away.
#[test]
fn a_patch_is_minimal() {
    let patches =
        |kind: &Kind| kind.operations.update.as_ref().is_some_and(|write| write.method == Method::Patch);
    on_every_kind(patches, 0.2, |kind, tape, tally| {
        let desired = Wish { strangers: true, edits: true, ..Wish::default() };
        let Some(mut case) = PropertyCase::new(kind, tape, desired) else { return Ok(()) };
        case.rules.method = UpdateMethod::Patch;
        case.manners.empties = false;
        let PlanDecision::Step(step) = case.decide(Some(&case.live), &BLANK, case.rules) else {
            return Ok(());
        };
        let request = &step.requests[0];
        let body: Json = serde_json::from_str(&case.body(&request.request)).expect("a body");
        let along: Vec<&str> = request.sent_unchanged.iter().map(|name| written(kind, name)).collect();
        let members = body.as_object().expect("an object").keys();
        for member in members.filter(|member| !along.contains(&member.as_str())) {
            let seen = case.after(request, Some(&case.seen), Some(member)).map_err(TestCaseError::fail)?;
            let kept = |(path, _): &&(ValuePath, Value)| {
                path.top_field().is_none_or(|top| written(kind, top) != member)
            };
            let memory = Kept(step.hidden.iter().filter(kept).cloned().collect());
            let again = case.decide(Some(&case.read(&seen)), &memory, case.rules);
            let reported = || {
                format!(
                    "{member} is not needed: {}\n--- body\n{body}\n--- after\n{seen}{}",
                    summary(&again),
                    case.reported()
                )
            };
            prop_assert!(matches!(again, PlanDecision::Step(_)), "{}", reported());
        }
        tally.useful();
        Ok(())
    });
}

/// The name under which a field is written.
fn written<'k>(kind: &'k Kind, name: &'k str) -> &'k str {
    kind.shape.find_field(name).map_or(name, |field| &*field.write_to)
}

/// A write of everything is the live object but for what was asked for.
#[test]
fn a_put_loses_nothing() {
    let operations = |kind: &Kind| [&kind.operations.update, &kind.operations.replace].map(Option::is_some);
    let puts = |kind: &Kind| {
        let writes = [&kind.operations.update, &kind.operations.replace];
        operations(kind).contains(&true)
            && writes.into_iter().flatten().any(|write| write.method == Method::Put)
    };
    on_every_kind(puts, 0.2, |kind, tape, tally| {
        let desired = Wish { strangers: true, edits: true, put: true, ..Wish::default() };
        let Some(case) = PropertyCase::new(kind, tape, desired) else { return Ok(()) };
        let PlanDecision::Step(step) = case.decide(Some(&case.live), &BLANK, case.rules) else {
            return Ok(());
        };
        let text = case.body(&step.requests[0].request);
        let reported =
            |why: String| TestCaseError::fail(format!("{why}\n--- body\n{text}{}", case.reported()));
        if text.contains(MASK) {
            return Err(reported("a mask is sent".into()));
        }
        body_oracle::kept(&case.seen, &text, &step, (&case.raws, case.around.sight)).map_err(reported)?;
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
            let desired = Wish { strangers: true, ..Wish::default() };
            let Some(case) = PropertyCase::new(kind, tape, desired) else { return Ok(()) };
            let decision = case.decide(Some(&case.live), &Same, case.rules);
            let reported = || format!("{}{}", summary(&decision), case.reported());
            prop_assert!(matches!(decision, PlanDecision::Unchanged(_)), "{}", reported());
            tally.useful();
            Ok(())
        },
    );
}

/// Whether an answer came in one format or the other makes no difference.
#[test]
fn formats_say_the_same() {
    let both = |kind: &Kind| [WireFormat::Json, WireFormat::Jsv].iter().all(|f| kind.api.formats.contains(f));
    on_every_kind(both, 0.5, |kind, tape, tally| {
        let Some(case) = PropertyCase::new(kind, tape, Wish { edits: true, ..Wish::default() }) else {
            return Ok(());
        };
        let text = body_oracle::jsv(&case.seen);
        let other = match wire::read_object(text.as_bytes(), WireFormat::Jsv, kind) {
            Ok(live) if live.mismatches.is_empty() => live,
            Ok(live) => return Err(TestCaseError::fail(format!("{:?} in {text}", live.mismatches))),
            Err(why) => return Err(TestCaseError::fail(format!("{}: {text}", why.message))),
        };
        let one = case.decide(Some(&case.live), &BLANK, case.rules);
        let two = case.decide(Some(&other), &BLANK, case.rules);
        let reported = || format!("{}\n{}\n{text}{}", summary(&one), summary(&two), case.reported());
        prop_assert!(summary(&one) == summary(&two), "{}", reported());
        if let (PlanDecision::Step(one), PlanDecision::Step(two)) = (&one, &two) {
            let after =
                |step: &Step| step.changes.iter().map(|change| change.after.clone()).collect::<Vec<_>>();
            prop_assert!(after(one) == after(two), "{}", reported());
            let body = |step: &Step| {
                let body = serde_json::from_str(&case.body(&step.requests[0].request)).expect("a body");
                body_oracle::without_nulls(body)
            };
            prop_assert!(body(one) == body(two), "{}", reported());
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
            let desired = Wish { strangers: true, edits: true, ..Wish::default() };
            let Some(case) = PropertyCase::new(kind, one, desired) else { return Ok(()) };
            let mut choices = Choices::new(two);
            let around = Around::new(&mut choices, kind, true);
            let other = spoilt(&mut choices, kind, &around);
            let text = text_of(&other, &choices.raws);
            let Ok(other) = wire::read_object(text.as_bytes(), WireFormat::Json, kind) else { return Ok(()) };
            let rules = rules(&mut choices, kind, desired, case.manners);
            let decision = case.decide(Some(&other), &BLANK, rules);
            if let PlanDecision::Step(step) = &decision {
                let subject = subject(&case.document, case.scope(), Some(&case.live.object));
                let live = Some(&case.live.object);
                let question = ProposalInput {
                    document: &case.document,
                    subject: &subject,
                    live,
                    write_history: &BLANK,
                    rotation: &trueup::plan::rotate::NO_ROTATION,
                };
                let relied = recheck_step(step, &question, rules);
                prop_assert!(
                    !matches!(relied, RecheckOutcome::Proceed(_))
                        || decide_object(&question, rules).is_step()
                );
            }
            tally.useful();
            shows_no_canary(decision)
        },
    );
}

trait IsStep {
    fn is_step(&self) -> bool;
}

impl IsStep for PlanDecision {
    fn is_step(&self) -> bool {
        matches!(self, Self::Step(_))
    }
}

/// An object in which some members are not what the kind says.
fn spoilt(choices: &mut Choices, kind: &Kind, around: &Around) -> Json {
    let Json::Object(mut object) = live_objects::object(choices, kind, around) else { return Json::Null };
    for _ in 0..choices.roll(4) {
        let field = choices.pick(&kind.shape.fields);
        let value = choices.any(2, Sensitivity::Public);
        live_objects::set(&mut object, field, value);
    }
    Json::Object(Map::from_iter(object))
}
