//! The results of an apply: as data for JSON, and as a table on the terminal.
//!
//! Made like the report of a plan, under the same marks: what moved since the plan and what a service did not
//! keep are told field by field.
//! Deliberately absent: receipts, which say more and are kept.

use anstyle::Style;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::clean;
use super::field;
use super::forecast;
use super::gather;
use super::gather::Showing;
use super::mask::{self, Turn};
use super::paint::{
    ADDED, BOLD, CHANGED, DIM, ERROR, PLAIN, Page, Piece, REMOVED, WARNING, padded, piece, width_of,
};
use super::persons::Persons;
use super::places::Places;
use super::shown::{Action, FORMAT_VERSION, FieldChange, Finding, ObjectName, present};
use super::text::{findings, tally};
use crate::diagnostic::Diagnostic;
use crate::plan::step::Moved;
use crate::plan::{Change, Subject};
use crate::run::outcome::{Ending, Outcome};
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
    pub diagnostics: Vec<Finding>,
    /// The requests that were foreseen and those that were sent, once the apply had begun.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requests: Vec<Asked>,
}

/// What an apply asked of a target, reads before and after the writes included; logins are not counted.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Eq, Debug)]
pub struct Asked {
    /// The target.
    pub target: String,
    /// How many requests the plan foresaw.
    pub foreseen: u64,
    /// How many were sent, each counted once.
    pub sent: u64,
    /// How often one was sent again.
    pub repeated: u64,
}

/// How many objects ended in which way.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ApplySummary {
    /// Objects that were written.
    pub done: usize,
    /// Objects that were already as wanted when they were read again.
    pub unchanged: usize,
    /// Objects that were not written because a rule forbade it or they had moved.
    pub refused: usize,
    /// Objects that were not written because they could not be read.
    #[serde(default)]
    pub unread: usize,
    /// Objects that the service did not write.
    pub failed: usize,
    /// Objects of which nobody knows whether they were written.
    pub unknown: usize,
    /// Objects whose turn did not come.
    pub not_started: usize,
}

/// What came of one object.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Debug)]
pub struct ObjectResult {
    #[serde(flatten)]
    pub object: ObjectName,
    /// What was to be done to it; absent when it was as wanted from the start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<Action>,
    /// How it ended.
    pub result: Word,
    /// How many requests were sent to write it, repetitions included.
    pub attempts: u32,
    /// How long it took.
    pub millis: u64,
    /// Why it was not done.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<Finding>,
    /// What moved between the plan and the write, so that the object was left alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub moved: Vec<MovedField>,
    /// What was sent (`after`) and is not there (`before` is).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lost: Vec<FieldChange>,
    /// What else is to be known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
}

/// A leaf that is not any more what it was when the step was planned.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Debug)]
pub struct MovedField {
    /// Where it stands, as JSON Pointer; empty for the object itself, which came or went.
    pub path: String,
    /// Where it stands, for people.
    pub label: String,
    /// What it was when it was planned.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub planned: Option<Json>,
    /// What it is now.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub now: Option<Json>,
    /// What it was to become.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub wanted: Option<Json>,
    /// Why its values are not shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<String>,
}

/// How the step of one object ended.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "snake_case")]
pub enum Word {
    /// Written.
    Done,
    /// Already as wanted.
    Unchanged,
    /// Not written: a rule forbade it, or it had moved.
    Refused,
    /// Not written: it could not be read. A reason that several objects share stands in `diagnostics`.
    Unread,
    /// The service did not do it.
    Failed,
    /// Sent, and nobody knows whether it was done.
    Unknown,
    /// Its turn did not come.
    NotStarted,
}

impl ApplyReport {
    /// What may be shown of the outcomes of an apply to anybody.
    pub fn of(outcomes: &[Outcome]) -> Self {
        Self::with(outcomes, Persons::Masked)
    }

    /// The same, with persons shown in this way.
    pub fn with(outcomes: &[Outcome], persons: Persons) -> Self {
        let mut showing = Showing::new(persons);
        Self::told(outcomes.iter().map(|outcome| result(&mut showing, outcome)).collect())
    }

    /// Of results that are told already.
    pub(super) fn told(results: Vec<ObjectResult>) -> Self {
        let count = |word| results.iter().filter(|result| result.result == word).count();
        let summary = ApplySummary {
            done: count(Word::Done),
            unchanged: count(Word::Unchanged),
            refused: count(Word::Refused),
            unread: count(Word::Unread),
            failed: count(Word::Failed),
            unknown: count(Word::Unknown),
            not_started: count(Word::NotStarted),
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
    pub fn because(mut self, why: &[Diagnostic]) -> Self {
        self.diagnostics = gather::findings(&mut Places::default(), why);
        self
    }
}

/// What may be shown of one outcome.
pub(super) fn result(showing: &mut Showing, outcome: &Outcome) -> ObjectResult {
    let (result, reasons): (_, &[Diagnostic]) = match &outcome.ending {
        Ending::Done => (Word::Done, &[]),
        Ending::Unchanged => (Word::Unchanged, &[]),
        Ending::Refused(reasons) => (Word::Refused, reasons),
        Ending::Moved(_) => (Word::Refused, &[]),
        Ending::Unread(reasons) => (Word::Unread, reasons),
        Ending::Failed(reasons) => (Word::Failed, reasons),
        Ending::Unknown(reasons) => (Word::Unknown, reasons),
        Ending::NotStarted => (Word::NotStarted, &[]),
    };
    let moved = match &outcome.ending {
        Ending::Moved(moved) => {
            moved.iter().map(|moved| moved_field(showing, &outcome.subject, moved)).collect()
        }
        _ => Vec::new(),
    };
    ObjectResult {
        object: gather::object(showing, &outcome.subject),
        action: outcome.action.map(Action::from),
        result,
        attempts: outcome.attempts,
        millis: outcome.millis,
        reasons: gather::findings(&mut showing.places, reasons),
        moved,
        lost: outcome.lost.iter().map(|change| lost(showing, &outcome.subject, change)).collect(),
        findings: gather::findings(&mut showing.places, &outcome.findings),
    }
}

fn lost(showing: &mut Showing, subject: &Subject, change: &Change) -> FieldChange {
    gather::field(showing, change, &mask::route(&subject.kind, &change.path), change.unseen)
}

fn moved_field(showing: &Showing, subject: &Subject, moved: &Moved) -> MovedField {
    let route = mask::route(&subject.kind, &moved.path);
    let mark = route.mark.max(moved.mark);
    let look = showing.look(mark, Turn::Changed);
    let show = |side: &Option<Value>| side.as_ref().map(|value| mask::show(value, &moved.form, look));
    MovedField {
        planned: show(&moved.planned),
        now: show(&moved.now),
        wanted: show(&moved.wanted),
        mark: gather::mark_word(mark),
        path: route.pointer,
        label: route.label,
    }
}

/// The results for a terminal of `width` columns: a line for each object with what is to be said about it
/// below, and the numbers at the end. Styled like the text of a plan, and like there, what was as wanted from the
/// start is only counted where there is nothing else to say of it.
pub fn text(report: &ApplyReport, width: usize) -> String {
    let mut page = Page::new(width);
    let told: Vec<&ObjectResult> = report.results.iter().filter(|result| !is_quiet(result)).collect();
    let widest = |of: fn(&ObjectResult) -> &str| {
        told.iter().map(|result| width_of(&clean::line(of(result)))).max().unwrap_or(0)
    };
    let words = told.iter().map(|result| width_of(word(result))).max().unwrap_or(0);
    let columns = (words, widest(|r| &r.object.kind).min(40), widest(|r| &r.object.name).min(40));
    told.iter().for_each(|result| row(&mut page, result, columns));
    page.gap();
    page.flow(0, 2, &headline(&report.summary));
    if let Some(surprise) = forecast::surprise(&report.requests) {
        page.flow(0, 2, &[piece(DIM, surprise)]);
    }
    page.finish()
}

fn is_quiet(result: &ObjectResult) -> bool {
    result.result == Word::Unchanged && result.action.is_none() && result.findings.is_empty()
}

fn row(page: &mut Page, result: &ObjectResult, (words, kinds, names): (usize, usize, usize)) {
    let (symbol, style) = look(result);
    let line = [
        piece(style, format!("{symbol} {}  ", padded(word(result), words))),
        piece(PLAIN, format!("{}  ", padded(&clean::line(&result.object.kind), kinds))),
        piece(BOLD, format!("{}  ", padded(&clean::line(&result.object.name), names))),
        piece(DIM, effort(result)),
    ];
    page.flow(0, 4, &line);
    findings(page, 4, &result.reasons);
    if !result.moved.is_empty() {
        page.flow(4, 6, &[piece(PLAIN, "it moved since it was planned, so it was left alone:")]);
    }
    result.moved.iter().for_each(|moved| three(page, moved));
    if !result.lost.is_empty() {
        page.flow(4, 6, &[piece(PLAIN, "what is there, and what was sent:")]);
        field::show(page, 6, &result.lost);
    }
    findings(page, 4, &result.findings);
}

/// Planned from, now, wanted.
pub fn three(page: &mut Page, moved: &MovedField) {
    if moved.path.is_empty() {
        let said = match moved.planned.is_some() {
            true => "the object was there and is gone",
            false => "there was no such object, and now there is",
        };
        return page.flow(6, 8, &[piece(PLAIN, said)]);
    }
    let label = clean::line(&moved.label);
    let sides = [
        ("planned from", &moved.planned, REMOVED),
        ("now", &moved.now, CHANGED),
        ("wanted", &moved.wanted, ADDED),
    ];
    let is_hidden = |side: &Option<Json>| side.as_ref().is_some_and(|side| mask::mask_of(side).is_some());
    let nothing = sides.iter().all(|(_, side, _)| side.is_none());
    if let Some(mark) = moved.mark.as_ref().filter(|_| nothing || sides.iter().any(|own| is_hidden(own.1))) {
        return page.flow(6, 8, &[piece(PLAIN, format!("{label}  ({mark}, changed)"))]);
    }
    let mark = moved.mark.as_ref().map(|mark| format!("  ({})", clean::line(mark)));
    page.flow(6, 8, &[piece(PLAIN, label), piece(DIM, mark.unwrap_or_default())]);
    for (when, side, style) in sides {
        let value =
            side.as_ref().map_or_else(|| piece(DIM, "(nothing)"), |side| piece(style, field::brief(side)));
        page.flow(8, 10, &[piece(DIM, format!("{}  ", padded(when, 12))), value]);
    }
}

/// What became of it, in a word.
pub fn word(result: &ObjectResult) -> &'static str {
    match (result.result, result.action) {
        (Word::Done, Some(Action::Create)) => "created",
        (Word::Done, Some(Action::Delete)) => "deleted",
        (Word::Done, _) => "updated",
        (Word::Unchanged, _) => "unchanged",
        (Word::Refused, _) => "refused",
        (Word::Unread, _) => "unread",
        (Word::Failed, _) => "failed",
        (Word::Unknown, _) => "unknown",
        (Word::NotStarted, _) => "not started",
    }
}

fn look(result: &ObjectResult) -> (char, Style) {
    match result.result {
        Word::Done if result.findings.is_empty() => ('✓', ADDED),
        Word::Done => ('!', WARNING),
        Word::Unchanged => ('=', DIM),
        Word::Refused => ('!', CHANGED),
        Word::Unread => ('?', ERROR),
        Word::Failed => ('✗', ERROR),
        Word::Unknown => ('?', WARNING),
        Word::NotStarted => ('–', DIM),
    }
}

/// `3 requests, 1.2 s`
fn effort(result: &ObjectResult) -> String {
    let time = match result.millis {
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
fn headline(summary: &ApplySummary) -> Vec<Piece<'static>> {
    let parts = [
        (summary.done, "done", ADDED.bold()),
        (summary.unchanged, "already as wanted", DIM),
        (summary.refused, "refused", CHANGED.bold()),
        (summary.unread, "unread", ERROR),
        (summary.failed, "failed", ERROR),
        (summary.unknown, "unknown", WARNING),
        (summary.not_started, "not started", DIM),
    ];
    match parts.iter().all(|(number, ..)| *number == 0) {
        true => vec![piece(BOLD, "Nothing was to be done")],
        false => tally(&parts),
    }
}
