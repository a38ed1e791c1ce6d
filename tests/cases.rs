//! Every case under `tests/cases/<api>/<kind>/<name>/`: a live answer, one document, and what becomes of it.
//!
//! In: `answer.json` or `answer.jsv`, as the service prints it; `wanted.yaml`, as an operator writes it; perhaps
//! `case.yaml` ([`Case`]); and the scope that the API's target fixes, `tests/cases/<api>/target.yaml`.
//! Out: `plan.txt`, as on a terminal of 100 columns; `requests.txt`, verb, path, query and body in the very
//! bytes that are sent, and of which values it is remembered what was written; `diagnostics.txt`, what is said about the document or why the object is refused.
//! A document with errors has `diagnostics.txt` alone. A file that is missing, or stands there without need,
//! fails the case just as one that differs.

#[path = "support/decisions.rs"]
mod decisions;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use decisions::{decided, subject};
use libtest_mimic::{Arguments, Failed, Trial};
use secrecy::SecretString;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use trueup::diagnostic::{Diagnostic, NamedSource, has_errors};
use trueup::document::{self, Document, ValueSource};
use trueup::exchange::PlannedRequest;
use trueup::kind::registry::KindRegistry;
use trueup::kind::scalar::ScalarToken;
use trueup::kind::{Kind, ScalarType, Shape, WireFormat};
use trueup::plan::propose::GrantedPermissions;
use trueup::plan::request::UpdateOptions;
use trueup::plan::step::{DecideOptions, PlanDecision, UpdateMethod};
use trueup::plan::{Plan, PlanSubject, StepRequest, WriteComparison, WriteHistory};
use trueup::remote::wire::{self, Snapshot};
use trueup::report::{DiagnosticRenderOptions, PlanReport, render_diagnostics, text};
use trueup::run::match_up::{ObjectMatch, ObjectMatcher};
use trueup::value::{ItemKeyField, Object, PathSegment, Value, ValuePath as Place};

const ROOT: &str = "tests/cases";
const WIDTH: usize = 100;
/// What a case may leave behind.
const OUTPUTS: [&str; 3] = ["plan.txt", "requests.txt", "diagnostics.txt"];

/// What else a case says.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Case {
    /// As `--method`.
    method: Option<MethodWord>,
    /// As the target's `carry_nested: false`.
    carry_nested: Option<bool>,
    /// As the target's `personal: write`, which is what a case has.
    personal: Option<bool>,
    /// What is remembered of values that do not read back, by JSON Pointer.
    memory: BTreeMap<String, RecallWord>,
    /// Nothing else is known of what was written.
    fresh: bool,
    /// What the operator allows on purpose: `force-hidden`, `lower-protection`, `overwrite-edits`, `delete`,
    /// `personal`.
    allow: BTreeSet<String>,
    /// The variables that slots name.
    env: BTreeMap<String, String>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum MethodWord {
    Put,
    Patch,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum RecallWord {
    Same,
    Differs,
}

/// What a target fixes.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct TargetFile {
    scope: BTreeMap<String, String>,
}

type Outputs = BTreeMap<&'static str, String>;

fn main() {
    let arguments = Arguments::from_args();
    let folders = folders();
    assert!(folders.len() > 50, "only {} cases were found", folders.len());
    let mut trials: Vec<Trial> = folders.into_iter().map(trial).collect();
    trials.push(Trial::test("every_operation_has_a_case", || {
        every_operation_has_a_case();
        Ok(())
    }));
    libtest_mimic::run(&arguments, trials).exit();
}

/// The test of one case, named `<api>/<kind>/<name>`.
fn trial(folder: PathBuf) -> Trial {
    let name = folder.strip_prefix(ROOT).expect("a folder of cases").to_string_lossy().replace('\\', "/");
    Trial::test(name, move || check(&folder).map_err(Failed::from))
}

/// The folders of all cases, in order.
fn folders() -> Vec<PathBuf> {
    let below = |folder: &PathBuf| -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).expect("a folder of cases");
        let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
        paths.retain(|path| path.is_dir());
        paths.sort();
        paths
    };
    let kinds: Vec<PathBuf> = below(&PathBuf::from(ROOT)).iter().flat_map(below).collect();
    kinds.iter().flat_map(below).collect()
}

/// Runs one case and holds what came out against what is expected.
fn check(folder: &Path) -> Result<(), String> {
    let made = run(folder)?;
    if std::env::var_os("TRUEUP_ACCEPT").is_some_and(|accept| accept == "1") {
        return accept(folder, &made);
    }
    let mut wrong = String::new();
    for name in OUTPUTS {
        let expected = fs::read_to_string(folder.join(name)).ok();
        match (made.get(name), expected) {
            (Some(made), Some(expected)) if *made == expected => {}
            (None, None) => {}
            (made, expected) => {
                let (made, expected) = (made.map_or("", String::as_str), expected.unwrap_or_default());
                let diff = similar::TextDiff::from_lines(&*expected, made);
                let diff = diff.unified_diff().header(&format!("{name}, expected"), "made").to_string();
                wrong.push_str(&if diff.is_empty() {
                    format!("{name} is missing, or not needed\n")
                } else {
                    diff
                });
            }
        }
    }
    if wrong.is_empty() {
        return Ok(());
    }
    Err(format!("\n{wrong}accept what is made now with: TRUEUP_ACCEPT=1 cargo test --test cases"))
}

fn accept(folder: &Path, made: &Outputs) -> Result<(), String> {
    for name in OUTPUTS {
        let path = folder.join(name);
        let done = match made.get(name) {
            Some(text) => fs::write(&path, text),
            None if path.exists() => fs::remove_file(&path),
            None => Ok(()),
        };
        done.map_err(|error| format!("{name} cannot be written: {error}"))?;
    }
    Ok(())
}

fn run(folder: &Path) -> Result<Outputs, String> {
    let case: Case = settings(&folder.join("case.yaml"))?;
    let api = folder.ancestors().nth(2).ok_or("no API")?;
    let target: TargetFile = settings(&api.join("target.yaml"))?;
    let mut faults = Vec::new();
    let document = wanted(folder, &case, &mut faults)?;
    let Some(document) = document.filter(|_| !has_errors(&faults)) else {
        return Ok(Outputs::from([("diagnostics.txt", drawn(&faults))]));
    };
    let parts: Vec<&str> = folder.iter().rev().take(3).filter_map(|part| part.to_str()).collect();
    if format!("{}/{}", parts[2], parts[1]) != *document.kind.name {
        return Err(format!("this case is of {}", document.kind.name));
    }
    let (format, live) = answer(folder, &document)?;
    let rules = DecideOptions {
        just_created: false,
        permissions: GrantedPermissions {
            force_hidden: case.allow.contains("force-hidden"),
            lower_protection: case.allow.contains("lower-protection"),
            overwrite_edits: case.allow.contains("overwrite-edits"),
            delete: case.allow.contains("delete"),
            replace: case.allow.contains("replace"),
            personal: case.personal.unwrap_or(true),
            force_personal: case.allow.contains("personal"),
            assume_secrets: false,
        },
        method: match case.method {
            None => UpdateMethod::Default,
            Some(MethodWord::Put) => UpdateMethod::Put,
            Some(MethodWord::Patch) => UpdateMethod::Patch,
        },
        update_options: UpdateOptions { also_send_nested: case.carry_nested.unwrap_or(true) },
    };
    let scope = scope(&document.kind, &target.scope, &document)?;
    let shown = live.as_ref().map(|live| &live.object);
    let subject = subject(&document, scope, shown);
    let decision = decided(&document, &subject, shown, &history(&case, shown), rules);
    let made = outputs(decision, format, faults);
    leaks_nothing(&case, &made)?;
    Ok(made)
}

/// Reads a settings file; one that is not there says nothing.
fn settings<T: DeserializeOwned + Default>(path: &Path) -> Result<T, String> {
    match fs::read_to_string(path) {
        Ok(text) => serde_yaml::from_str(&text).map_err(|error| format!("{}: {error}", path.display())),
        Err(_) => Ok(T::default()),
    }
}

/// The one document, its slots filled in.
fn wanted(folder: &Path, case: &Case, faults: &mut Vec<Diagnostic>) -> Result<Option<Document>, String> {
    let text = fs::read_to_string(folder.join("wanted.yaml")).map_err(|_| "no wanted.yaml")?;
    let mut documents =
        document::read_documents(&NamedSource::new("wanted.yaml", text), KindRegistry::get_builtin(), faults);
    let (Some(mut document), true) = (documents.pop(), documents.is_empty()) else {
        return if has_errors(faults) { Ok(None) } else { Err("wanted.yaml is not one document".into()) };
    };
    let env: BTreeMap<&str, SecretString> =
        case.env.iter().map(|(name, value)| (name.as_str(), SecretString::from(value.as_str()))).collect();
    let known = |slot: &ValueSource| match slot {
        ValueSource::Env(name) => env.get(name.as_str()).cloned(),
        _ => None,
    };
    document.resolve_sources(&known, faults);
    Ok(Some(document))
}

/// The live object that the document means, with the format of the answer.
fn answer(folder: &Path, document: &Document) -> Result<(WireFormat, Option<Snapshot>), String> {
    let (json, jsv) = (fs::read(folder.join("answer.json")), fs::read(folder.join("answer.jsv")));
    let (format, body) = match (json, jsv) {
        (Ok(body), Err(_)) => (WireFormat::Json, body),
        (Err(_), Ok(body)) => (WireFormat::Jsv, body.trim_ascii_end().to_owned()),
        _ => return Err("neither answer.json nor answer.jsv, or both".into()),
    };
    let page = wire::read_page(&body, format, &document.kind);
    let live = page
        .map(|page| page.items)
        .or_else(|_| wire::read_object(&body, format, &document.kind).map(|l| vec![l]));
    let mut matching = ObjectMatcher::new(&document.kind, &[document], &[None]);
    for live in live.map_err(|why| why.message)? {
        matching.offer_object(live);
    }
    let live = match matching.into_found().pop() {
        Some(ObjectMatch::One(live)) => Some(*live),
        Some(ObjectMatch::Several(_)) => return Err("several live objects match".into()),
        Some(ObjectMatch::Nothing) | None => None,
    };
    match live.as_ref().and_then(|live| live.mismatches.first()) {
        Some(misread) => Err(format!("{} was misread: {}", misread.pointer, misread.message)),
        None => Ok((format, live)),
    }
}

/// The values of a scope, complete, in the order of the kind: the document's own, else the target's.
fn scope(kind: &Kind, target: &BTreeMap<String, String>, document: &Document) -> Result<Vec<Value>, String> {
    (0u16..)
        .zip(&kind.scope)
        .map(|(number, parameter)| {
            if let Some((_, value)) = document.scope.iter().find(|(own, _)| *own == number) {
                return Ok(value.clone());
            }
            let text = target.get(&*parameter.name).ok_or(format!("nothing fixes {}", parameter.name))?;
            parameter.ty.read_token(ScalarToken::String(text)).map_err(|mismatch| mismatch.message)
        })
        .collect()
}

/// A history of what the case says, by JSON Pointer. What the live object shows was written last, unless the case
/// says that nothing of it is known.
struct CaseHistory<'l> {
    known: BTreeMap<String, WriteComparison>,
    live: Option<&'l Object>,
}

impl WriteHistory for CaseHistory<'_> {
    fn compare_last_written(&self, subject: &PlanSubject, path: &Place, value: &Value) -> WriteComparison {
        let shown = self.live.and_then(|live| find_shown(&subject.kind.shape, live, &path.0));
        match self.known.get(&path.to_pointer()) {
            Some(known) => *known,
            None if shown.is_some_and(|shown| !shown.is_blank() && *shown == *value) => WriteComparison::Same,
            None => WriteComparison::NeverWritten,
        }
    }
}

/// The live value at a path.
fn find_shown<'o>(shape: &Shape, object: &'o Object, path: &[PathSegment]) -> Option<&'o Value> {
    let [PathSegment::Field(name), rest @ ..] = path else { return None };
    let field = shape.find_field(name)?;
    let value = object.get_field(field.number)?;
    match (rest, field.ty.inner_shape()) {
        ([], _) => Some(value),
        ([PathSegment::Item { index, .. }, rest @ ..], Some(inner)) => {
            find_shown(inner, value.items().get(*index)?.as_object()?, rest)
        }
        (rest, Some(inner)) => find_shown(inner, value.as_object()?, rest),
        _ => None,
    }
}

fn history<'l>(case: &Case, live: Option<&'l Object>) -> CaseHistory<'l> {
    let known = case.memory.iter().map(|(pointer, word)| {
        let recall = match word {
            RecallWord::Same => WriteComparison::Same,
            RecallWord::Differs => WriteComparison::Differs,
        };
        (pointer.clone(), recall)
    });
    CaseHistory { known: known.collect(), live: live.filter(|_| !case.fresh) }
}

/// Whoever reads the JSON must know which item is meant.
fn each_field_has_its_own_path(report: &PlanReport) {
    let changed = report.changes.iter().map(|change| &change.fields);
    for fields in changed.chain(report.refused.iter().map(|refusal| &refusal.fields)) {
        let mut seen = BTreeSet::new();
        for field in fields {
            assert!(seen.insert(&field.path), "two fields at {}", field.path);
        }
    }
}

fn outputs(decision: PlanDecision, format: WireFormat, mut faults: Vec<Diagnostic>) -> Outputs {
    let mut plan = Plan { complete: true, ..Plan::default() };
    match decision {
        PlanDecision::Step(step) => plan.steps.push(*step),
        PlanDecision::Unchanged(agreeing) => plan.unchanged.push(agreeing),
        PlanDecision::Refused(refused) => plan.refused.push(refused),
    }
    faults.extend(plan.refused.iter().flat_map(|refused| refused.reasons.clone()));
    let bytes = |subject: &PlanSubject, planned: &StepRequest| {
        planned
            .request
            .body
            .as_ref()
            .map_or(0, |body| wire::encode_body(body, format, &subject.kind.api).len())
    };
    let report = PlanReport::from_plan(&plan, &bytes);
    each_field_has_its_own_path(&report);
    let report = text::render_plan(&report, WIDTH);
    let mut made = Outputs::from([("plan.txt", anstream::adapter::strip_str(&report).to_string())]);
    let mut requests = String::new();
    for step in &plan.steps {
        for planned in &step.requests {
            requests.push_str(&written(&planned.request, format, &step.subject.kind));
        }
        for (path, _) in &step.hidden {
            let _ = writeln!(requests, "remembers {}", place(path, &step.subject.kind));
        }
    }
    if requests.is_empty() {
        requests.push_str("no request\n");
    }
    made.insert("requests.txt", requests);
    if !faults.is_empty() {
        made.insert("diagnostics.txt", drawn(&faults));
    }
    made
}

/// Where a value stands, with the keys of rows.
fn place(path: &Place, kind: &Kind) -> String {
    let step = |segment: &PathSegment| match segment {
        PathSegment::Field(name) => format!("/{name}"),
        PathSegment::Key(key, _) => format!("/{key}"),
        PathSegment::Item { index, key } if key.is_empty() => format!("/{index}"),
        PathSegment::Item { key, .. } => {
            let scalar_field = |scalar_field: &ItemKeyField| {
                format!(
                    "{}={}",
                    scalar_field.name,
                    ScalarType::render_url_text(&scalar_field.value, &kind.api)
                )
            };
            format!("/[{}]", key.iter().map(scalar_field).collect::<Vec<_>>().join(","))
        }
    };
    path.0.iter().map(step).collect()
}

fn drawn(faults: &[Diagnostic]) -> String {
    render_diagnostics(
        faults,
        &DiagnosticRenderOptions { width: WIDTH, ..DiagnosticRenderOptions::default() },
    )
}

/// A request as it goes out: verb and path, the query a line each, a blank line, the body.
fn written(request: &PlannedRequest, format: WireFormat, kind: &Kind) -> String {
    let mut text = format!("{} {}\n", request.method.as_str(), request.path);
    for (name, value) in &request.query {
        let _ = writeln!(text, "? {name}={value}");
    }
    if let Some(body) = &request.body {
        let body = wire::encode_body(body, format, &kind.api);
        let _ = writeln!(text, "\n{}", String::from_utf8_lossy(&body));
    }
    text
}

/// What comes from outside the repository is in requests alone.
fn leaks_nothing(case: &Case, made: &Outputs) -> Result<(), String> {
    for name in ["plan.txt", "diagnostics.txt"] {
        let shown = made.get(name).map_or("", String::as_str);
        if case.env.values().any(|value| shown.contains(value.as_str())) {
            return Err(format!("{name} shows a value that comes from outside"));
        }
    }
    Ok(())
}

/// Each writing operation of each kind has a case in which it is used.
fn every_operation_has_a_case() {
    let mut used = BTreeSet::new();
    for folder in folders() {
        let requests = fs::read_to_string(folder.join("requests.txt")).unwrap_or_default();
        let parts: Vec<&str> = folder.iter().rev().take(3).filter_map(|part| part.to_str()).collect();
        let verbs =
            requests.lines().filter_map(|line| line.split_once(" /")).map(|(verb, _)| verb.to_owned());
        used.extend(verbs.map(|verb| format!("{}/{} {verb}", parts[2], parts[1])));
    }
    let registry = KindRegistry::get_builtin();
    let kinds = registry.kind_names().iter().filter_map(|name| registry.find_kind(name));
    let missing: Vec<String> = kinds
        .flat_map(|kind| {
            let operations = &kind.operations;
            let writes = [&operations.create, &operations.update, &operations.replace].into_iter().flatten();
            writes.map(|write| format!("{} {}", kind.name, write.method.as_str())).collect::<Vec<_>>()
        })
        .filter(|operation| !used.contains(operation))
        .collect();
    assert!(missing.is_empty(), "no case for: {}", missing.join(", "));
}
