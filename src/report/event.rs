//! Events of an apply, for programs that watch it: what is written with `jsonl`, one object a line.
//!
//! Under the same marks as everything else that is shown; an object that ended is reported as the results tell it.
//! Every object of the plan ends exactly once, so whoever counts `object_ended` comes to the totals of `run_ended`.
//! Deliberately absent: when something happens, and where it is written.

use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::line_index::SourceLineIndex;
use super::outcome::{ApplySummary, ObjectResult, build_result};
use super::plan_report::{ActionView, DiagnosticView, FORMAT_VERSION, ObjectName, PlanReport, PlanSummary};
use super::pseudonyms::PersonalDataMode;
use super::report_builder;
use super::report_builder::ReportContext;
use crate::exchange::Method;
use crate::plan::Step;
use crate::run::journal::RecordedResponse;
use crate::run::outcome::StepOutcome;

/// One line.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Debug)]
pub struct EventLine {
    /// Counted from 1, without a gap.
    pub number: u64,
    /// When, in UTC.
    pub at: String,
    #[serde(flatten)]
    pub happened: EventPayload,
}

/// What happened. More events, and more members of these, may come without a new `format_version`.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Debug)]
#[serde(tag = "event", rename_all = "snake_case")]
#[schemars(transform = describe_event_tags)]
pub enum EventPayload {
    /// Always the first.
    RunStarted {
        /// The version of this structure: 1.
        format_version: u32,
        /// The version of the program.
        tool_version: String,
    },
    /// It is known what is to be done.
    Planned {
        /// False when some live state could not be read.
        complete: bool,
        /// How many objects of each sort.
        summary: PlanSummary,
    },
    /// The turn of an object came: it is read again.
    ObjectStarted {
        #[serde(flatten)]
        object: ObjectName,
        /// What is to be done to it.
        action: ActionView,
    },
    /// A request that writes was answered, or got no answer. Whether it took is reported when the object ends.
    ObjectWritten {
        #[serde(flatten)]
        object: ObjectName,
        /// The verb.
        method: String,
        /// The status of the last answer; absent when there was none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        status: Option<u16>,
        /// How many times it was sent.
        attempts: u32,
        /// True when it may have taken effect although no answer says so.
        unknown: bool,
    },
    /// What came of an object, once for each.
    ObjectEnded(ObjectResult),
    /// A request failed and is sent again after a pause.
    Retrying(RetryPayload),
    /// The service asks for patience; the request is sent again after a pause.
    Throttled(RetryPayload),
    /// Nothing more is begun.
    Halted {
        /// On this target; absent when it is the whole run.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        target: Option<String>,
        /// Why: the code of a diagnostic.
        code: String,
    },
    /// Always the last.
    RunEnded {
        /// The exit code of the program.
        exit: i32,
        /// How many objects ended in which way.
        summary: ApplySummary,
        /// What is not about one object, and what came to light about one after it had ended.
        diagnostics: Vec<DiagnosticView>,
    },
}

/// A pause before a request is sent again.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Eq, Debug)]
pub struct RetryPayload {
    /// The target.
    pub target: String,
    /// The status, or the code of what went wrong.
    pub reason: String,
    /// How many times the request was sent so far.
    pub attempts: u32,
    /// How long the pause is.
    pub delay_ms: u64,
}

/// Puts what an event means beside the word for it, where an editor looks.
fn describe_event_tags(schema: &mut Schema) {
    let events = schema.get_mut("oneOf").and_then(Json::as_array_mut);
    for event in events.into_iter().flatten() {
        let said = event.get("description").cloned();
        if let (Some(word), Some(said)) = (event.pointer_mut("/properties/event"), said) {
            word["description"] = said;
        }
    }
}

impl EventPayload {
    /// The run begins.
    pub fn new_run_started() -> Self {
        let tool_version = env!("CARGO_PKG_VERSION").to_owned();
        Self::RunStarted { format_version: FORMAT_VERSION, tool_version }
    }

    /// The plan of the run is made.
    pub fn from_report(report: &PlanReport) -> Self {
        Self::Planned { complete: report.complete, summary: report.summary }
    }

    /// The turn of a step came.
    pub fn from_started_step(places: &mut SourceLineIndex, persons: PersonalDataMode, step: &Step) -> Self {
        let object = |showing: &mut ReportContext| report_builder::build_object_name(showing, &step.subject);
        Self::ObjectStarted { object: show_with_index(places, persons, object), action: step.action.into() }
    }

    /// A request of a step came to this.
    pub fn from_answer(
        places: &mut SourceLineIndex,
        persons: PersonalDataMode,
        step: &Step,
        verb: Method,
        answer: &RecordedResponse,
    ) -> Self {
        Self::ObjectWritten {
            object: show_with_index(places, persons, |showing| {
                report_builder::build_object_name(showing, &step.subject)
            }),
            method: verb.as_str().to_owned(),
            status: answer.status,
            attempts: answer.attempts,
            unknown: answer.unknown,
        }
    }

    /// An object ended.
    pub fn from_outcome(
        places: &mut SourceLineIndex,
        persons: PersonalDataMode,
        outcome: &StepOutcome,
    ) -> Self {
        Self::ObjectEnded(show_with_index(places, persons, |showing| build_result(showing, outcome)))
    }
}

/// Lines that were found once serve every event of a run.
fn show_with_index<'p, T>(
    places: &mut SourceLineIndex,
    persons: PersonalDataMode<'p>,
    show: impl FnOnce(&mut ReportContext<'p>) -> T,
) -> T {
    let mut showing = ReportContext::new(persons);
    std::mem::swap(&mut showing.line_index, places);
    let payload = show(&mut showing);
    *places = showing.line_index;
    payload
}
