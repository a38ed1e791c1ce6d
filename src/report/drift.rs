//! What differs from what was last applied, and which side moved: as data for JSON, and on the terminal.
//!
//! Made from a plan whose changes know their causes, under the same marks. An object that moved is told from a
//! document that was edited and not applied, from one that was never applied, and from live objects that no
//! document describes. Where nothing is known of the past, everything counts as moved.
//! Deliberately absent: requests. Nothing here is about to be sent.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::clean::{self, count};
use super::field;
use super::gather::Showing;
use super::gather::{self, object};
use super::mask::{self, Turn};
use super::paint::{BOLD, CHANGED, DIM, ERROR, PLAIN, Page, WARNING, piece};
use super::persons::Persons;
use super::shown::{Cause, FORMAT_VERSION, FieldChange, Finding, ObjectName, Refusal, Since, Weight};
use super::text::{findings, heading, name_list, tally};
use crate::kind::Leaf;
use crate::plan::{self, Change, Form, Plan, Refused, Step, Subject};
use crate::value::Object;

/// The code of notes about objects that no document describes.
const UNMANAGED: &str = "unmanaged";
/// The most fields that a sentence names.
const MOST_NAMED: usize = 5;

/// What differs from what was last applied.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Debug)]
pub struct DriftReport {
    /// The version of this structure: 1.
    pub format_version: u32,
    /// The version of the program that made it.
    pub tool_version: String,
    /// False when the state of some objects is not known.
    pub complete: bool,
    /// What the look was limited to; absent when it was about everything that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Since>,
    /// Whether live objects moved since they were applied.
    pub has_drift: bool,
    /// Whether documents ask for what was not applied yet.
    pub has_pending: bool,
    /// Whether documents ask for objects that were never there.
    pub has_never_applied: bool,
    /// Whether there are live objects that no document describes, as far as that was asked.
    pub has_unmanaged: bool,
    /// Whether what is pending or never applied counts as a difference, as `--also-pending` asks.
    pub also_pending: bool,
    /// What the live objects were held against.
    pub against: Against,
    /// The objects that differ, in the order of the documents.
    pub objects: Vec<DriftObject>,
    /// The objects that are as their documents want them.
    pub unchanged: Vec<ObjectName>,
    /// The objects of which nobody can tell, and why.
    pub unknown: Vec<Refusal>,
    /// Live objects that no document describes.
    pub unmanaged: Vec<Finding>,
    /// What is not about one object.
    pub diagnostics: Vec<Finding>,
}

/// What live objects were held against.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Eq, Debug)]
#[serde(rename_all = "snake_case")]
pub struct Against {
    /// True when there is a record of what was applied, from this workspace or in receipts that are shared.
    pub records: bool,
    /// The commit whose documents stand for what was applied, where there is no record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
}

/// One object that differs.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Debug)]
pub struct DriftObject {
    #[serde(flatten)]
    pub object: ObjectName,
    /// What is the matter with it.
    pub states: Vec<DriftState>,
    /// What differs: `before` is live, `after` is what the document asks.
    pub fields: Vec<FieldChange>,
    /// When it was applied as it was last applied, in UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applied_at: Option<String>,
    /// When it was edited last, as the service tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_at: Option<Json>,
    /// Who edited it last, as the service tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_by: Option<Json>,
    /// When the person behind the object last edited it, as the service tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edited_by_others_at: Option<Json>,
    /// The same in sentences, with the places to look at.
    pub findings: Vec<Finding>,
}

/// What is the matter with an object.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[serde(rename_all = "snake_case")]
pub enum DriftState {
    /// It moved, came or went since it was last applied.
    Drift,
    /// Its document asks for what was not applied yet, or what the service did not keep.
    Pending,
    /// It was never there.
    NeverApplied,
}

/// What is asked of a report of drift besides the plan.
pub struct Ask<'a> {
    pub against: Against,
    /// What the look was limited to.
    pub since: Option<Since>,
    pub also_pending: bool,
    /// How persons are shown.
    pub persons: Persons<'a>,
    /// When an object was applied as it was last applied.
    pub applied_at: &'a dyn Fn(&Subject) -> Option<String>,
}

impl DriftReport {
    /// What differs, from a plan whose changes know their causes.
    pub fn of(plan: &Plan, ask: Ask) -> Self {
        let mut showing = Showing::new(ask.persons);
        let mut report = Self {
            format_version: FORMAT_VERSION,
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            complete: plan.complete,
            since: ask.since.clone(),
            has_drift: false,
            has_pending: false,
            has_never_applied: false,
            has_unmanaged: false,
            also_pending: ask.also_pending,
            against: ask.against.clone(),
            objects: Vec::new(),
            unchanged: plan.agreeing.iter().map(|own| object(&mut showing, &own.subject)).collect(),
            unknown: Vec::new(),
            unmanaged: Vec::new(),
            diagnostics: Vec::new(),
        };
        for step in &plan.steps {
            report.objects.push(differing(&mut showing, Differing::of_step(step), &ask));
        }
        for refused in &plan.refused {
            report.refused(&mut showing, refused, &ask);
        }
        let told = gather::findings(&mut showing.places, &plan.diagnostics);
        (report.unmanaged, report.diagnostics) = told.into_iter().partition(|own| own.code == UNMANAGED);
        report.sum_up();
        report
    }

    fn refused(&mut self, showing: &mut Showing, refused: &Refused, ask: &Ask) {
        if refused.changes.is_empty() {
            let reasons = gather::findings(&mut showing.places, &refused.reasons);
            let object = object(showing, &refused.subject);
            self.unknown.push(Refusal { object, reasons, fields: Vec::new() });
            return;
        }
        let mut own = differing(showing, Differing::of_refused(refused), ask);
        own.findings.extend(gather::findings(&mut showing.places, &refused.reasons));
        self.objects.push(own);
    }

    fn sum_up(&mut self) {
        let any = |state| self.objects.iter().any(|own| own.states.contains(&state));
        self.has_drift = any(DriftState::Drift);
        self.has_pending = any(DriftState::Pending);
        self.has_never_applied = any(DriftState::NeverApplied);
        self.has_unmanaged = !self.unmanaged.is_empty();
        self.complete &= self.unknown.is_empty();
    }

    /// Whether a state is a difference for scripts.
    pub fn counts(&self, state: DriftState) -> bool {
        self.also_pending || state == DriftState::Drift
    }

    /// Whether there is any difference for scripts.
    pub fn differs(&self) -> bool {
        self.objects.iter().flat_map(|own| &own.states).any(|state| self.counts(*state))
    }
}

/// What of a plan tells of one object.
struct Differing<'p> {
    subject: &'p Subject,
    changes: &'p [Change],
    live: Option<&'p Object>,
    action: plan::Action,
}

impl<'p> Differing<'p> {
    fn of_step(step: &'p Step) -> Self {
        Self { subject: &step.subject, changes: &step.changes, live: step.live.as_ref(), action: step.action }
    }

    fn of_refused(refused: &'p Refused) -> Self {
        let action = if refused.subject.id.is_some() { plan::Action::Update } else { plan::Action::Create };
        Self { subject: &refused.subject, changes: &refused.changes, live: None, action }
    }

    /// A value of the live object as it may be shown.
    fn told(&self, showing: &Showing, field: Option<u16>) -> Option<Json> {
        let (number, live) = (field?, self.live?);
        let value = live.get(number).filter(|value| !value.is_blank())?;
        let mark = self.subject.kind.shape.field(number).mark;
        Some(mask::show(value, &Form::Leaf(Leaf::Any), showing.look(mark, Turn::Changed)))
    }
}

fn differing(showing: &mut Showing, own: Differing, ask: &Ask) -> DriftObject {
    let Differing { subject, changes, action, .. } = &own;
    let field = |change: &Change| {
        let route = mask::route(&subject.kind, &change.path);
        gather::field(showing, change, &route, change.unseen && *action != plan::Action::Create)
    };
    let fields: Vec<FieldChange> = changes.iter().map(field).collect();
    let states = states(&fields, *action);
    let object = object(showing, subject);
    let history = subject.kind.history;
    DriftObject {
        findings: states.iter().map(|state| finding(*state, &object, &fields, *action)).collect(),
        states,
        fields,
        applied_at: (ask.applied_at)(subject),
        changed_at: own.told(showing, history.changed_at),
        changed_by: own.told(showing, history.changed_by),
        edited_by_others_at: own.told(showing, history.edited_by_others_at),
        object,
    }
}

/// Where nothing is known of the past, everything counts as moved.
fn states(fields: &[FieldChange], action: plan::Action) -> Vec<DriftState> {
    let state = |cause: &Cause| match (cause, action) {
        (Cause::Drift, _) => DriftState::Drift,
        (Cause::ToolOrApi, _) | (_, plan::Action::Update | plan::Action::Delete) => DriftState::Pending,
        (_, plan::Action::Create) => DriftState::NeverApplied,
    };
    let mut states: Vec<_> = fields.iter().flat_map(|field| &field.causes).map(state).collect();
    let unknown = states.is_empty() || fields.iter().any(|field| field.causes.is_empty());
    states.extend(unknown.then_some(DriftState::Drift));
    states.sort_unstable();
    states.dedup();
    states
}

/// One sentence about an object, at the first line that is concerned.
fn finding(state: DriftState, object: &ObjectName, fields: &[FieldChange], action: plan::Action) -> Finding {
    let drifted = |field: &&FieldChange| field.causes.is_empty() || field.causes.contains(&Cause::Drift);
    let pending = |field: &&FieldChange| field.causes.iter().any(|cause| *cause != Cause::Drift);
    let own: Vec<&FieldChange> = match state {
        DriftState::Drift => fields.iter().filter(drifted).collect(),
        _ => fields.iter().filter(pending).collect(),
    };
    let (kind, name) = (&object.kind, &object.name);
    let (code, severity, message, hint) = match (state, action) {
        (DriftState::Drift, plan::Action::Create) => (
            "drift",
            Weight::Warning,
            format!("{kind} {name} is gone"),
            "`trueup apply` creates it again; take the document away if it is to be gone",
        ),
        (DriftState::Drift, _) => (
            "drift",
            Weight::Warning,
            format!("{kind} {name} is not any more as it was applied: {}", named(&own)),
            "`trueup apply` puts it back; write what is live into the document to keep it",
        ),
        (DriftState::Pending, plan::Action::Delete) => (
            "pending",
            Weight::Note,
            format!("{kind} {name} is to be deleted, and is still there"),
            "`trueup apply` deletes it",
        ),
        (DriftState::Pending, _) => (
            "pending",
            Weight::Note,
            format!("the document of {kind} {name} asks for what is not applied: {}", named(&own)),
            "`trueup apply` applies it",
        ),
        (DriftState::NeverApplied, _) => (
            "never-applied",
            Weight::Note,
            format!("{kind} {name} was never applied"),
            "`trueup apply` creates it",
        ),
    };
    let line = own.iter().find_map(|field| Some((field.line?, field.column)));
    Finding {
        code: code.to_owned(),
        severity,
        message,
        hint: Some(hint.to_owned()),
        file: Some(object.file.clone()),
        line: Some(line.map_or(object.line, |(line, _)| line)),
        column: line.and_then(|(_, column)| column),
    }
}

fn named(fields: &[&FieldChange]) -> String {
    let labels: Vec<String> =
        fields.iter().take(MOST_NAMED).map(|field| format!("`{}`", clean::line(&field.label))).collect();
    let more = fields.len().saturating_sub(MOST_NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", labels.join(", "))
}

impl DriftObject {
    /// What is the matter with it, in words.
    pub fn word(&self) -> &'static str {
        let has = |state| self.states.contains(&state);
        match (has(DriftState::Drift), has(DriftState::Pending), has(DriftState::NeverApplied)) {
            (true, true, _) => "drifted and pending",
            (true, false, _) => "drifted",
            (false, true, _) => "pending",
            (false, false, _) => "never applied",
        }
    }
}

/// The report for a terminal of `width` columns.
pub fn text(report: &DriftReport, width: usize) -> String {
    let mut page = Page::new(width);
    if !report.complete {
        let said = "This is incomplete: the state of some objects is not known";
        page.flow(0, 2, &[piece(WARNING, said)]);
        page.gap();
    }
    page.flow(0, 2, &headline(report));
    for object in &report.objects {
        differs(&mut page, object);
    }
    let unsaid = report.unknown.iter().filter(|refusal| refusal.reasons.is_empty());
    let unsaid: Vec<&str> = unsaid.map(|refusal| &*refusal.object.name).collect();
    if !unsaid.is_empty() {
        page.gap();
        let names = name_list(&unsaid, page.width().saturating_sub(UNKNOWN.len() + 2));
        page.flow(0, 4, &[piece(ERROR, UNKNOWN), piece(PLAIN, format!("  {names}"))]);
    }
    // what is said of a whole list stands at the end
    for refusal in report.unknown.iter().filter(|refusal| !refusal.reasons.is_empty()) {
        heading(&mut page, (UNKNOWN, ERROR), &refusal.object);
        findings(&mut page, 2, &refusal.reasons);
    }
    for finding in report.unmanaged.iter().chain(&report.diagnostics) {
        page.gap();
        findings(&mut page, 0, std::slice::from_ref(finding));
    }
    page.finish()
}

/// The word for objects of which nobody knows whether they differ.
const UNKNOWN: &str = "unknown";

fn headline(report: &DriftReport) -> Vec<super::paint::Piece<'static>> {
    let count = |state| report.objects.iter().filter(|own| own.states.contains(&state)).count();
    let parts = [
        (count(DriftState::Drift), "drifted", CHANGED.bold()),
        (count(DriftState::Pending), "pending", BOLD),
        (count(DriftState::NeverApplied), "never applied", BOLD),
        (report.unmanaged.len(), "unmanaged", BOLD),
        (report.unknown.len(), "unknown", ERROR),
        (report.unchanged.len(), "as applied", DIM),
    ];
    match report.objects.is_empty() && report.unknown.is_empty() && report.unmanaged.is_empty() {
        true => vec![piece(BOLD, format!("No drift: {}", as_applied(report.unchanged.len())))],
        false => tally(&parts),
    }
}

fn as_applied(objects: usize) -> String {
    match objects {
        0 => "there are no documents".to_owned(),
        1 => "1 object is as its document wants it".to_owned(),
        objects => format!("{} are as their documents want them", count(objects, "object")),
    }
}

fn differs(page: &mut Page, object: &DriftObject) {
    let style = if object.states.contains(&DriftState::Drift) { CHANGED.bold() } else { BOLD };
    heading(page, (object.word(), style), &object.object);
    let known = [
        ("applied ", object.applied_at.clone().map(Json::from)),
        ("edited ", object.changed_at.clone()),
        ("edited by ", object.changed_by.clone()),
        ("edited by the person behind it ", object.edited_by_others_at.clone()),
    ];
    let known: Vec<String> =
        known.into_iter().filter_map(|(what, value)| Some(format!("{what}{}", plain(&value?)))).collect();
    if !known.is_empty() {
        page.flow(2, 4, &[piece(DIM, known.join(", "))]);
    }
    page.flow(2, 4, &[piece(PLAIN, "what is live, and what the document asks:")]);
    field::show(page, 2, &object.fields);
}

fn plain(value: &Json) -> String {
    match value {
        Json::String(text) => clean::line(text).into_owned(),
        other => field::brief(other),
    }
}
