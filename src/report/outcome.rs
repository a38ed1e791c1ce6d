//! The results of an apply: as data for JSON, and as a table on the terminal.
//!
//! Made like the report of a plan, under the same marks: what moved since the plan and what a service did not
//! keep are reported field by field.
//! Deliberately absent: receipts, which say more and are kept.

use std::borrow::Cow;

use anstyle::Style;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::line_index::SourceLineIndex;
use super::mask::{self, MaskedChange};
use super::plan_report::{
    ActionView, DiagnosticView, FORMAT_VERSION, FieldChange, ObjectName, deserialize_present,
};
use super::pseudonyms::PersonalDataMode;
use super::report_builder::ReportContext;
use super::request_estimate::TargetRequestUsage;
use super::styled_text::{
    ADDED, BOLD, CHANGED, DIM, ERROR, PLAIN, REMOVED, StyledText, TextPage, WARNING, measure_width, pad_text,
    style_text,
};
use super::text::{build_counts, write_diagnostics};
use super::{field, report_builder, request_estimate, sanitize};
use crate::diagnostic::Diagnostic;
use crate::plan::step::FieldConflict;
use crate::plan::{Change, PlanSubject};
use crate::run::outcome::{OutcomeStatus, StepOutcome};
use crate::value::Value;

/// What an apply did, object by object.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Debug)]
pub struct ApplyReport {
    /// The version of this structure: 1.
    pub format_version: u32,
    /// The version of the program that made it.
    pub tool_version: String,
    /// How many objects ended in which way.
    pub summary: ApplySummary,
    /// The objects, in the order of the plan.
    pub results: Vec<ObjectResult>,
    /// What is not about one object: why nothing was begun.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub diagnostics: Vec<DiagnosticView>,
    /// The requests that were estimated and those that were sent, once the apply had begun.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requests: Vec<TargetRequestUsage>,
}

/// How many objects ended in which way.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ApplySummary {
    /// Objects that were written.
    pub done: usize,
    /// Objects that were unchanged when they were read again.
    pub unchanged: usize,
    /// Objects that were not written because a rule forbade it or they had moved.
    pub refused: usize,
    /// Objects that were not written because they could not be read.
    #[serde(default)]
    pub unread: usize,
    /// Objects that the service did not write.
    pub failed: usize,
    /// Objects of which no one knows whether they were written.
    pub unknown: usize,
    /// Objects whose turn did not come.
    pub not_started: usize,
    /// Objects of which only a part was written.
    #[serde(default)]
    pub partial: usize,
}

/// What came of one object.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Debug)]
pub struct ObjectResult {
    #[serde(flatten)]
    pub object: ObjectName,
    /// What was to be done to it; absent when it was unchanged from the start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<ActionView>,
    /// How it ended.
    pub result: ResultStatus,
    /// How many requests were sent to write it, repetitions included.
    pub attempts: u32,
    /// How long it took.
    pub duration_ms: u64,
    /// Why it was not done.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<DiagnosticView>,
    /// What moved between the plan and the write, so that the object was left alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conflicts: Vec<ConflictView>,
    /// What was sent, or was still to be sent (`after`), and is not there (`before` is).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_kept: Vec<FieldChange>,
    /// What else is to be known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub diagnostics: Vec<DiagnosticView>,
}

/// A value that is not any more what it was when the step was planned.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Debug)]
pub struct ConflictView {
    /// Where it stands, as JSON Pointer; empty for the object itself, which came or went.
    pub path: String,
    /// Where it stands, for people.
    pub label: String,
    /// What it was when it was planned.
    #[serde(default, deserialize_with = "deserialize_present", skip_serializing_if = "Option::is_none")]
    pub planned: Option<Json>,
    /// What it is now.
    #[serde(default, deserialize_with = "deserialize_present", skip_serializing_if = "Option::is_none")]
    pub now: Option<Json>,
    /// What it was to become.
    #[serde(default, deserialize_with = "deserialize_present", skip_serializing_if = "Option::is_none")]
    pub desired: Option<Json>,
    /// Why its values are not shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sensitivity: Option<String>,
}

/// How the step of one object ended.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "snake_case")]
pub enum ResultStatus {
    /// Written.
    Done,
    /// Already unchanged.
    Unchanged,
    /// Not written: a rule forbade it, or it had moved.
    Refused,
    /// Not written: it could not be read. A reason that several objects share stands in `diagnostics`.
    Unread,
    /// The service did not do it.
    Failed,
    /// Sent, and no one knows whether it was done.
    Unknown,
    /// Its turn did not come.
    NotStarted,
    /// Written in part: some of its requests were carried out, a later one was not.
    Partial,
}

impl ApplyReport {
    /// What may be shown of the outcomes of an apply to anybody.
    pub fn from_outcomes(outcomes: &[StepOutcome]) -> Self {
        Self::from_outcomes_with_mode(outcomes, PersonalDataMode::Masked)
    }

    /// The same, with persons shown in this way.
    pub fn from_outcomes_with_mode(outcomes: &[StepOutcome], persons: PersonalDataMode) -> Self {
        let mut showing = ReportContext::new(persons);
        Self::from_results(outcomes.iter().map(|outcome| build_result(&mut showing, outcome)).collect())
    }

    /// Of results that are reported already.
    pub(super) fn from_results(results: Vec<ObjectResult>) -> Self {
        let count = |word| results.iter().filter(|result| result.result == word).count();
        let summary = ApplySummary {
            done: count(ResultStatus::Done),
            unchanged: count(ResultStatus::Unchanged),
            refused: count(ResultStatus::Refused),
            unread: count(ResultStatus::Unread),
            failed: count(ResultStatus::Failed),
            unknown: count(ResultStatus::Unknown),
            not_started: count(ResultStatus::NotStarted),
            partial: count(ResultStatus::Partial),
        };
        let tool_version = env!("CARGO_PKG_VERSION").to_owned();
        Self {
            format_version: FORMAT_VERSION,
            tool_version,
            summary,
            results,
            diagnostics: Vec::new(),
            requests: Vec::new(),
        }
    }

    /// With why nothing was begun.
    #[must_use]
    pub fn with_diagnostics(mut self, why: &[Diagnostic]) -> Self {
        self.diagnostics = report_builder::convert_diagnostics(&mut SourceLineIndex::default(), why);
        self
    }
}

/// What may be shown of one outcome.
pub(super) fn build_result(showing: &mut ReportContext, outcome: &StepOutcome) -> ObjectResult {
    let (result, ending) = match &outcome.status {
        OutcomeStatus::Partial(rest) => (Some(ResultStatus::Partial), &**rest),
        ending => (None, ending),
    };
    let (own, reasons): (_, &[Diagnostic]) = match ending {
        OutcomeStatus::Done => (ResultStatus::Done, &[]),
        OutcomeStatus::Unchanged => (ResultStatus::Unchanged, &[]),
        OutcomeStatus::Refused(reasons) => (ResultStatus::Refused, reasons),
        OutcomeStatus::Conflict(_) => (ResultStatus::Refused, &[]),
        OutcomeStatus::Unread(reasons) => (ResultStatus::Unread, reasons),
        OutcomeStatus::Failed(reasons) => (ResultStatus::Failed, reasons),
        OutcomeStatus::Unknown(reasons) => (ResultStatus::Unknown, reasons),
        OutcomeStatus::NotStarted | OutcomeStatus::Partial(_) => (ResultStatus::NotStarted, &[]),
    };
    let moved = match ending {
        OutcomeStatus::Conflict(moved) => {
            moved.iter().map(|moved| build_conflict(showing, &outcome.subject, moved)).collect()
        }
        _ => Vec::new(),
    };
    ObjectResult {
        object: report_builder::build_object_name(showing, &outcome.subject),
        action: outcome.action.map(ActionView::from),
        result: result.unwrap_or(own),
        attempts: outcome.attempts,
        duration_ms: outcome.millis,
        reasons: report_builder::convert_diagnostics(&mut showing.line_index, reasons),
        conflicts: moved,
        not_kept: outcome
            .lost_changes
            .iter()
            .map(|change| build_lost_change(showing, &outcome.subject, change))
            .collect(),
        diagnostics: report_builder::convert_diagnostics(&mut showing.line_index, &outcome.findings),
    }
}

fn build_lost_change(showing: &mut ReportContext, subject: &PlanSubject, change: &Change) -> FieldChange {
    let route = mask::redact_path(&subject.kind, &change.path);
    let field = report_builder::build_field_change(showing, change, &route, change.unreadable);
    FieldChange { file: report_builder::find_level_file(subject, change), ..field }
}

fn build_conflict(showing: &ReportContext, subject: &PlanSubject, moved: &FieldConflict) -> ConflictView {
    let route = mask::redact_path(&subject.kind, &moved.path);
    let mark = route.sensitivity.max(moved.sensitivity);
    let look = showing.build_mask_context(mark, MaskedChange::Changed);
    let show =
        |side: &Option<Value>| side.as_ref().map(|value| mask::mask_value(value, &moved.value_type, look));
    ConflictView {
        planned: show(&moved.planned),
        now: show(&moved.live),
        desired: show(&moved.desired),
        sensitivity: report_builder::format_sensitivity(mark),
        path: route.pointer,
        label: route.label,
    }
}

/// The results for a terminal of `width` columns: a line for each object with what is to be said about it
/// below, and the numbers at the end. Styled like the text of a plan, and like there, what was unchanged from the
/// start is only counted where there is nothing else to say of it.
pub fn render_results(report: &ApplyReport, width: usize) -> String {
    let mut page = TextPage::new(width);
    let listed: Vec<&ObjectResult> = report.results.iter().filter(|result| !is_omitted(result)).collect();
    let widest = |of: fn(&ObjectResult) -> Cow<'_, str>| {
        listed.iter().map(|result| measure_width(&sanitize::escape_line(&of(result)))).max().unwrap_or(0)
    };
    let words = listed.iter().map(|result| measure_width(describe_result(result))).max().unwrap_or(0);
    let (kinds, names) =
        (widest(|r| (&*r.object.kind).into()).min(40), widest(|r| (&*r.object.name).into()).min(40));
    // which target is meant has to be said only where there are several, or environments
    let first = report.results.first().map(|result| &result.object.target);
    let is_needed =
        |result: &ObjectResult| Some(&result.object.target) != first || result.object.environment.is_some();
    let targets = match report.results.iter().any(is_needed) {
        true => widest(|result| result.object.describe_target()).min(40),
        false => 0,
    };
    let columns = RowColumns { words, kinds, names, targets };
    listed.iter().for_each(|result| write_row(&mut page, result, columns));
    page.write_gap();
    page.write_wrapped(0, 2, &build_headline(&report.summary));
    if let Some(surprise) = request_estimate::format_deviations(&report.requests) {
        page.write_wrapped(0, 2, &[style_text(DIM, surprise)]);
    }
    page.finish()
}

fn is_omitted(result: &ObjectResult) -> bool {
    result.result == ResultStatus::Unchanged && result.action.is_none() && result.diagnostics.is_empty()
}

/// The widths of the columns of results; the targets have none where there is one only.
#[derive(Clone, Copy)]
struct RowColumns {
    words: usize,
    kinds: usize,
    names: usize,
    targets: usize,
}

fn write_row(page: &mut TextPage, result: &ObjectResult, columns: RowColumns) {
    let RowColumns { words, kinds, names, targets } = columns;
    let (symbol, style) = style_result(result);
    let target = match targets {
        0 => String::new(),
        width => format!("{}  ", pad_text(&sanitize::escape_line(&result.object.describe_target()), width)),
    };
    let line = [
        style_text(style, format!("{symbol} {}  ", pad_text(describe_result(result), words))),
        style_text(PLAIN, format!("{}  ", pad_text(&sanitize::escape_line(&result.object.kind), kinds))),
        style_text(BOLD, format!("{}  ", pad_text(&sanitize::escape_line(&result.object.name), names))),
        style_text(PLAIN, target),
        style_text(DIM, format_attempts(result)),
    ];
    page.write_wrapped(0, 4, &line);
    write_diagnostics(page, 4, &result.reasons);
    if !result.conflicts.is_empty() {
        page.write_wrapped(4, 6, &[style_text(PLAIN, "changed since the plan; not written:")]);
    }
    result.conflicts.iter().for_each(|moved| write_conflict(page, moved));
    if !result.not_kept.is_empty() {
        let title = match result.result {
            ResultStatus::Partial | ResultStatus::Done => "live, and not written yet:",
            _ => "live, and sent:",
        };
        page.write_wrapped(4, 6, &[style_text(PLAIN, title)]);
        field::write_fields(page, 6, &result.not_kept);
    }
    write_diagnostics(page, 4, &result.diagnostics);
}

/// Planned from, now, wanted.
pub fn write_conflict(page: &mut TextPage, moved: &ConflictView) {
    if moved.path.is_empty() {
        let said = match moved.planned.is_some() {
            true => "the object was deleted since the plan",
            false => "the object was created since the plan",
        };
        return page.write_wrapped(6, 8, &[style_text(PLAIN, said)]);
    }
    let label = sanitize::escape_line(&moved.label);
    let sides = [
        ("planned", &moved.planned, REMOVED),
        ("now", &moved.now, CHANGED),
        ("desired", &moved.desired, ADDED),
    ];
    let is_hidden = |side: &Option<Json>| side.as_ref().is_some_and(|side| mask::find_mask(side).is_some());
    let nothing = sides.iter().all(|(_, side, _)| side.is_none());
    if let Some(mark) =
        moved.sensitivity.as_ref().filter(|_| nothing || sides.iter().any(|own| is_hidden(own.1)))
    {
        return page.write_wrapped(6, 8, &[style_text(PLAIN, format!("{label}  ({mark}, changed)"))]);
    }
    let mark = moved.sensitivity.as_ref().map(|mark| format!("  ({})", sanitize::escape_line(mark)));
    page.write_wrapped(6, 8, &[style_text(PLAIN, label), style_text(DIM, mark.unwrap_or_default())]);
    for (when, side, style) in sides {
        let value = side.as_ref().map_or_else(
            || style_text(DIM, "(nothing)"),
            |side| style_text(style, field::format_brief(side)),
        );
        page.write_wrapped(8, 10, &[style_text(DIM, format!("{}  ", pad_text(when, 12))), value]);
    }
}

/// What became of it, in a word.
pub fn describe_result(result: &ObjectResult) -> &'static str {
    match (result.result, result.action) {
        (ResultStatus::Done, Some(ActionView::Create)) => "created",
        (ResultStatus::Done, Some(ActionView::Delete)) => "deleted",
        (ResultStatus::Done, Some(ActionView::Replace)) => "replaced",
        (ResultStatus::Done, _) => "updated",
        (ResultStatus::Unchanged, _) => "unchanged",
        (ResultStatus::Refused, _) => "refused",
        (ResultStatus::Unread, _) => "unread",
        (ResultStatus::Failed, _) => "failed",
        (ResultStatus::Unknown, _) => "unknown",
        (ResultStatus::NotStarted, _) => "not started",
        (ResultStatus::Partial, _) => "partial",
    }
}

fn style_result(result: &ObjectResult) -> (char, Style) {
    match result.result {
        ResultStatus::Done if result.diagnostics.is_empty() => ('✓', ADDED),
        ResultStatus::Done => ('!', WARNING),
        ResultStatus::Unchanged => ('=', DIM),
        ResultStatus::Refused => ('!', CHANGED),
        ResultStatus::Unread => ('?', ERROR),
        ResultStatus::Failed | ResultStatus::Partial => ('✗', ERROR),
        ResultStatus::Unknown => ('?', WARNING),
        ResultStatus::NotStarted => ('–', DIM),
    }
}

/// `3 requests, 1.2 s`
fn format_attempts(result: &ObjectResult) -> String {
    let time = match result.duration_ms {
        _ if result.attempts == 0 => return String::new(),
        millis @ 0..1000 => format!("{millis} ms"),
        millis => format!("{}.{} s", millis / 1000, millis % 1000 / 100),
    };
    match result.attempts {
        1 => time,
        attempts => format!("{attempts} requests, {time}"),
    }
}

/// `12 done, 1 refused, 3 not started`
fn build_headline(summary: &ApplySummary) -> Vec<StyledText<'static>> {
    let parts = [
        (summary.done, "done", ADDED.bold()),
        (summary.unchanged, "unchanged", DIM),
        (summary.refused, "refused", CHANGED.bold()),
        (summary.unread, "unread", ERROR),
        (summary.partial, "partial", ERROR),
        (summary.failed, "failed", ERROR),
        (summary.unknown, "unknown", WARNING),
        (summary.not_started, "not started", DIM),
    ];
    match parts.iter().all(|(number, ..)| *number == 0) {
        true => vec![style_text(BOLD, "No changes")],
        false => build_counts(&parts),
    }
}
