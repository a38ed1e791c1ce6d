//! What differs from what was last applied, and which side moved: as data for JSON, and on the terminal.
//!
//! Made from a plan whose changes know their causes, under the same marks. It separates objects that were edited from
//! documents that were edited and not applied, from what was never applied, and from live objects that no document
//! describes. Where nothing is known of the past, nothing is called drift.
//! Deliberately absent: requests. Nothing here is about to be sent.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::field;
use super::mask::{self, MaskedChange};
use super::plan_report::{
    CauseView, DiagnosticView, FORMAT_VERSION, FieldChange, ObjectName, RefusalView, SelectionView,
    SeverityView, SinceView,
};
use super::pseudonyms::PersonalDataMode;
use super::report_builder::{self, ReportContext, build_object_name};
use super::sanitize::{self, format_count};
use super::selection;
use super::styled_text::{BOLD, CHANGED, DIM, ERROR, PLAIN, TextPage, WARNING, style_text};
use super::text::{build_counts, join_names, write_diagnostics, write_heading};
use crate::diagnostic::Diagnostic;
use crate::kind::ScalarType;
use crate::plan::{self, Change, ChangeValueType, Plan, PlanSubject, RefusedObject, Step, UnchangedObject};
use crate::run::decide_create::APPEARS_LATER;
use crate::value::Object;

/// The code of notes about objects that no document describes.
const UNMANAGED: &str = "unmanaged";
/// The most fields that a sentence names.
const MAX_NAMED_FIELDS: usize = 5;

/// What differs from what was last applied.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Debug)]
pub struct DriftReport {
    /// The version of this structure: 1.
    pub format_version: u32,
    /// The version of the program that made it.
    pub tool_version: String,
    /// False when the report is narrowed to a part of the workspace, or the state of some objects is not known.
    pub complete: bool,
    /// The commit that narrows the report to objects whose documents changed since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<SinceView>,
    /// What else narrows the report; absent when nothing does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selection: Option<SelectionView>,
    /// Whether live objects moved since they were applied.
    pub has_drift: bool,
    /// Whether documents ask for what was not applied yet.
    pub has_pending: bool,
    /// Whether documents ask for objects that were never there.
    pub has_never_applied: bool,
    /// Whether there are live objects that no document describes, as far as that was asked.
    pub has_unmanaged: bool,
    /// What the live objects were held against.
    pub baseline: DriftBaseline,
    /// The objects that differ, in the order of the documents.
    pub objects: Vec<DriftObject>,
    /// The objects that are as their documents want them.
    pub unchanged: Vec<ObjectName>,
    /// The objects of which no one can tell, and why.
    pub unknown: Vec<RefusalView>,
    /// Live objects that no document describes.
    pub unmanaged: Vec<DiagnosticView>,
    /// What is not about one object.
    pub diagnostics: Vec<DiagnosticView>,
}

/// What live objects were held against.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Eq, Debug)]
#[serde(rename_all = "snake_case")]
pub struct DriftBaseline {
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
    pub diagnostics: Vec<DiagnosticView>,
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
pub struct DriftOptions<'a> {
    pub baseline: DriftBaseline,
    /// The commit that narrows the report.
    pub since: Option<SinceView>,
    /// What else narrows the report.
    pub selection: Option<SelectionView>,
    /// How persons are shown.
    pub personal_data: PersonalDataMode<'a>,
    /// When an object was applied as it was last applied.
    pub applied_at: &'a dyn Fn(&PlanSubject) -> Option<String>,
}

impl DriftReport {
    /// Whether it is about a part of the workspace.
    fn is_narrowed(&self) -> bool {
        self.since.is_some() || self.selection.is_some()
    }

    /// Whether the state of some selected objects is not known.
    pub fn lacks_live_state(&self) -> bool {
        !self.unknown.is_empty() || !(self.complete || self.is_narrowed())
    }

    /// What differs, from a plan whose changes know their causes.
    pub fn from_plan(plan: &Plan, ask: DriftOptions) -> Self {
        let mut showing = ReportContext::new(ask.personal_data);
        let mut report = Self {
            format_version: FORMAT_VERSION,
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            complete: plan.complete,
            since: ask.since.clone(),
            selection: ask.selection.clone(),
            has_drift: false,
            has_pending: false,
            has_never_applied: false,
            has_unmanaged: false,
            baseline: ask.baseline.clone(),
            objects: Vec::new(),
            unchanged: Vec::new(),
            unknown: Vec::new(),
            unmanaged: Vec::new(),
            diagnostics: Vec::new(),
        };
        plan.unchanged.iter().for_each(|own| report.add_unchanged(&mut showing, own, &ask));
        for step in &plan.steps {
            report.objects.push(build_drift_object(&mut showing, DriftSubject::from_step(step), &ask));
        }
        for refused in &plan.refused {
            report.add_refused(&mut showing, refused, &ask);
        }
        let findings = report_builder::convert_diagnostics(&mut showing.line_index, &plan.diagnostics);
        (report.unmanaged, report.diagnostics) = findings.into_iter().partition(|own| own.code == UNMANAGED);
        report.update_flags();
        report
    }

    /// What was created and does not show yet is pending: no one can see whether it is as its document wants it.
    fn add_unchanged(&mut self, showing: &mut ReportContext, own: &UnchangedObject, ask: &DriftOptions) {
        let object = build_object_name(showing, &own.subject);
        let is_unseen = |note: &&Diagnostic| note.code == APPEARS_LATER;
        let Some(note) = own.notes.iter().find(is_unseen) else { return self.unchanged.push(object) };
        self.objects.push(DriftObject {
            object,
            states: vec![DriftState::Pending],
            fields: Vec::new(),
            applied_at: (ask.applied_at)(&own.subject),
            changed_at: None,
            changed_by: None,
            edited_by_others_at: None,
            diagnostics: report_builder::convert_diagnostics(
                &mut showing.line_index,
                std::slice::from_ref(note),
            ),
        });
    }

    fn add_refused(&mut self, showing: &mut ReportContext, refused: &RefusedObject, ask: &DriftOptions) {
        if refused.changes.is_empty() {
            let reasons = report_builder::convert_diagnostics(&mut showing.line_index, &refused.reasons);
            let object = build_object_name(showing, &refused.subject);
            self.unknown.push(RefusalView { object, reasons, fields: Vec::new() });
            return;
        }
        let mut own = build_drift_object(showing, DriftSubject::from_refused(refused), ask);
        own.diagnostics
            .extend(report_builder::convert_diagnostics(&mut showing.line_index, &refused.reasons));
        self.objects.push(own);
    }

    fn update_flags(&mut self) {
        let any = |state| self.objects.iter().any(|own| own.states.contains(&state));
        self.has_drift = any(DriftState::Drift);
        self.has_pending = any(DriftState::Pending);
        self.has_never_applied = any(DriftState::NeverApplied);
        self.has_unmanaged = !self.unmanaged.is_empty();
        self.complete &= self.unknown.is_empty() && !self.is_narrowed();
    }
}

/// What of a plan tells of one object.
struct DriftSubject<'p> {
    subject: &'p PlanSubject,
    changes: &'p [Change],
    live: Option<&'p Object>,
    action: plan::StepAction,
}

impl<'p> DriftSubject<'p> {
    fn from_step(step: &'p Step) -> Self {
        Self { subject: &step.subject, changes: &step.changes, live: step.live.as_ref(), action: step.action }
    }

    fn from_refused(refused: &'p RefusedObject) -> Self {
        let goes = |change: &Change| change.path.0.len() == 1 && change.after.is_none();
        let action = match &refused.subject.id {
            Some(_) if refused.changes.iter().all(goes) => plan::StepAction::Delete,
            Some(_) => plan::StepAction::Update,
            None => plan::StepAction::Create,
        };
        Self { subject: &refused.subject, changes: &refused.changes, live: None, action }
    }

    /// A value of the live object as it may be shown.
    fn show_live_field(&self, showing: &ReportContext, field: Option<u16>) -> Option<Json> {
        let (number, live) = (field?, self.live?);
        let value = live.get_field(number).filter(|value| !value.is_blank())?;
        let mark = self.subject.kind.shape.get_field(number).sensitivity;
        Some(mask::mask_value(
            value,
            &ChangeValueType::Scalar(ScalarType::Any),
            showing.build_mask_context(mark, MaskedChange::Changed),
        ))
    }
}

fn build_drift_object(showing: &mut ReportContext, own: DriftSubject, ask: &DriftOptions) -> DriftObject {
    let DriftSubject { subject, changes, action, .. } = &own;
    let field = |change: &Change| {
        let route = mask::redact_path(&subject.kind, &change.path);
        let is_unseen = change.unreadable && *action != plan::StepAction::Create;
        let field = report_builder::build_field_change(showing, change, &route, is_unseen);
        FieldChange { file: report_builder::find_level_file(subject, change), ..field }
    };
    let fields: Vec<FieldChange> = changes.iter().map(field).collect();
    let states = classify_states(&fields);
    let object = build_object_name(showing, subject);
    let history = subject.kind.history;
    DriftObject {
        diagnostics: states.iter().map(|state| describe_state(*state, &object, &fields, *action)).collect(),
        states,
        fields,
        applied_at: (ask.applied_at)(subject),
        changed_at: own.show_live_field(showing, history.changed_at),
        changed_by: own.show_live_field(showing, history.changed_by),
        edited_by_others_at: own.show_live_field(showing, history.edited_by_others_at),
        object,
    }
}

/// Where nothing is known of the past, nothing is called drift.
fn classify_states(fields: &[FieldChange]) -> Vec<DriftState> {
    let state = |cause: &CauseView| match cause {
        CauseView::Drift => DriftState::Drift,
        CauseView::NeverApplied => DriftState::NeverApplied,
        _ => DriftState::Pending,
    };
    let mut states: Vec<_> = fields.iter().flat_map(|field| &field.causes).map(state).collect();
    let unknown = states.is_empty() || fields.iter().any(|field| field.causes.is_empty());
    states.extend(unknown.then_some(DriftState::NeverApplied));
    states.sort_unstable();
    states.dedup();
    states
}

/// One sentence about an object, at the first line that is concerned.
fn describe_state(
    state: DriftState,
    object: &ObjectName,
    fields: &[FieldChange],
    action: plan::StepAction,
) -> DiagnosticView {
    let is_own = |field: &&FieldChange| classify_states(std::slice::from_ref(field)).contains(&state);
    let own: Vec<&FieldChange> = fields.iter().filter(is_own).collect();
    let (kind, name) = (&object.kind, &object.name);
    let (code, severity, message, hint) = match (state, action) {
        (DriftState::Drift, plan::StepAction::Create) => (
            "drift",
            SeverityView::Warning,
            format!("{kind} {name} is gone"),
            "`trueup apply` creates it again; to accept the deletion, remove the document",
        ),
        (DriftState::Drift, _) => (
            "drift",
            SeverityView::Warning,
            format!("{kind} {name} differs from what was applied: {}", list_labels(&own)),
            "`trueup apply` restores it; `trueup accept` keeps the live value",
        ),
        (DriftState::Pending, plan::StepAction::Delete) => (
            "pending",
            SeverityView::Note,
            format!("{kind} {name} is marked for deletion and still exists"),
            "`trueup apply` deletes it",
        ),
        (DriftState::Pending, _) => (
            "pending",
            SeverityView::Note,
            format!("the document of {kind} {name} has changes that are not applied: {}", list_labels(&own)),
            "`trueup apply` applies it",
        ),
        (DriftState::NeverApplied, plan::StepAction::Create) => (
            "never-applied",
            SeverityView::Note,
            format!("{kind} {name} was never applied"),
            "`trueup apply` creates it",
        ),
        (DriftState::NeverApplied, _) => (
            "never-applied",
            SeverityView::Note,
            format!("nothing is known of an apply of {kind} {name}: {}", list_labels(&own)),
            "`trueup apply` applies it; from then on it is known which side was edited",
        ),
    };
    let line = own.iter().find_map(|field| Some((field.line?, field.column, field.file.clone())));
    let file = line.as_ref().and_then(|(_, _, file)| file.clone());
    DiagnosticView {
        code: code.to_owned(),
        severity,
        message,
        hint: Some(hint.to_owned()),
        file: Some(file.unwrap_or_else(|| object.file.clone())),
        line: Some(line.as_ref().map_or(object.line, |(line, ..)| *line)),
        column: line.and_then(|(_, column, _)| column),
    }
}

fn list_labels(fields: &[&FieldChange]) -> String {
    let labels: Vec<String> = fields
        .iter()
        .take(MAX_NAMED_FIELDS)
        .map(|field| format!("`{}`", sanitize::escape_line(&field.label)))
        .collect();
    let more = fields.len().saturating_sub(MAX_NAMED_FIELDS);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", labels.join(", "))
}

impl DriftObject {
    /// What is the matter with it, in words.
    pub fn describe_states(&self) -> &'static str {
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
pub fn render_drift(report: &DriftReport, width: usize) -> String {
    let mut page = TextPage::new(width);
    selection::write_selection(&mut page, report.selection.as_ref());
    if report.lacks_live_state() {
        let said = "This report is incomplete: the state of some objects is unknown";
        page.write_wrapped(0, 2, &[style_text(WARNING, said)]);
        page.write_gap();
    }
    page.write_wrapped(0, 2, &build_headline(report));
    for object in &report.objects {
        write_object(&mut page, object);
    }
    let unsaid = report.unknown.iter().filter(|refusal| refusal.reasons.is_empty());
    let unsaid: Vec<&str> = unsaid.map(|refusal| &*refusal.object.name).collect();
    if !unsaid.is_empty() {
        page.write_gap();
        let names = join_names(&unsaid, page.width().saturating_sub(UNKNOWN.len() + 2));
        page.write_wrapped(0, 4, &[style_text(ERROR, UNKNOWN), style_text(PLAIN, format!("  {names}"))]);
    }
    // what is said of a whole list stands at the end
    for refusal in report.unknown.iter().filter(|refusal| !refusal.reasons.is_empty()) {
        write_heading(&mut page, UNKNOWN, ERROR, &refusal.object);
        write_diagnostics(&mut page, 2, &refusal.reasons);
    }
    for finding in report.unmanaged.iter().chain(&report.diagnostics) {
        page.write_gap();
        write_diagnostics(&mut page, 0, std::slice::from_ref(finding));
    }
    page.finish()
}

/// The word for objects of which no one knows whether they differ.
const UNKNOWN: &str = "unknown";

fn build_headline(report: &DriftReport) -> Vec<super::styled_text::StyledText<'static>> {
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
        true => vec![style_text(BOLD, format!("No drift: {}", describe_unchanged(report.unchanged.len())))],
        false => build_counts(&parts),
    }
}

fn describe_unchanged(objects: usize) -> String {
    match objects {
        0 => "there are no documents".to_owned(),
        1 => "1 object unchanged".to_owned(),
        objects => format!("{} unchanged", format_count(objects, "object")),
    }
}

fn write_object(page: &mut TextPage, object: &DriftObject) {
    let style = if object.states.contains(&DriftState::Drift) { CHANGED.bold() } else { BOLD };
    write_heading(page, object.describe_states(), style, &object.object);
    let known = [
        ("applied ", object.applied_at.clone().map(Json::from)),
        ("edited ", object.changed_at.clone()),
        ("edited by ", object.changed_by.clone()),
        ("edited by the account owner ", object.edited_by_others_at.clone()),
    ];
    let known: Vec<String> = known
        .into_iter()
        .filter_map(|(what, value)| Some(format!("{what}{}", format_value(&value?))))
        .collect();
    if !known.is_empty() {
        page.write_wrapped(2, 4, &[style_text(DIM, known.join(", "))]);
    }
    if object.fields.is_empty() {
        return write_diagnostics(page, 2, &object.diagnostics);
    }
    page.write_wrapped(2, 4, &[style_text(PLAIN, "live, and desired:")]);
    field::write_fields(page, 2, &object.fields);
}

fn format_value(value: &Json) -> String {
    match value {
        Json::String(text) => sanitize::escape_line(text).into_owned(),
        other => field::format_brief(other),
    }
}
