//! Events of an apply, for programs that watch it: what is written with `jsonl`, one object a line.
//!
//! Under the same marks as everything else that is shown; an object that ended is told as the results tell it.
//! Every object of the plan ends exactly once, so whoever counts `object_ended` comes to the totals of `run_ended`.
//! Deliberately absent: when something happens, and where it is written.

use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::gather;
use super::gather::Showing;
use super::outcome::{ApplySummary, ObjectResult, result};
use super::persons::Persons;
use super::places::Places;
use super::shown::{Action, FORMAT_VERSION, Finding, ObjectName, Report, Summary};
use crate::exchange::Verb;
use crate::plan::Step;
use crate::run::journal::Answer;
use crate::run::outcome::Outcome;

/// One line.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Debug)]
pub struct EventLine {
    /// Counted from 1, without a gap.
    pub number: u64,
    /// When, in UTC.
    pub at: String,
    #[serde(flatten)]
    pub happened: Happened,
}

/// What happened. More events, and more members of these, may come without a new `format_version`.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Debug)]
#[serde(tag = "event", rename_all = "snake_case")]
#[schemars(transform = say_of_each_word)]
pub enum Happened {
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
        summary: Summary,
    },
    /// The turn of an object came: it is read again.
    ObjectStarted {
        #[serde(flatten)]
        object: ObjectName,
        /// What is to be done to it.
        action: Action,
    },
    /// A request that writes was answered, or got no answer. Whether it took is told when the object ends.
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
    Retrying(Wait),
    /// The service asks for patience; the request is sent again after a pause.
    Throttled(Wait),
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
        diagnostics: Vec<Finding>,
    },
}

/// A pause before a request is sent again.
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Eq, Debug)]
pub struct Wait {
    /// The target.
    pub target: String,
    /// The status, or the code of what went wrong.
    pub reason: String,
    /// How many times the request was sent so far.
    pub attempts: u32,
    /// How long the pause is.
    pub pause_millis: u64,
}

/// Puts what an event means beside the word for it, where an editor looks.
fn say_of_each_word(schema: &mut Schema) {
    let events = schema.get_mut("oneOf").and_then(Json::as_array_mut);
    for event in events.into_iter().flatten() {
        let said = event.get("description").cloned();
        if let (Some(word), Some(said)) = (event.pointer_mut("/properties/event"), said) {
            word["description"] = said;
        }
    }
}

impl Happened {
    /// The run begins.
    pub fn run_started() -> Self {
        let tool_version = env!("CARGO_PKG_VERSION").to_owned();
        Self::RunStarted { format_version: FORMAT_VERSION, tool_version }
    }

    /// The plan of the run is made.
    pub fn planned(report: &Report) -> Self {
        Self::Planned { complete: report.complete, summary: report.summary }
    }

    /// The turn of a step came.
    pub fn started(places: &mut Places, persons: Persons, step: &Step) -> Self {
        let object = |showing: &mut Showing| gather::object(showing, &step.subject);
        Self::ObjectStarted { object: shown(places, persons, object), action: step.action.into() }
    }

    /// A request of a step came to this.
    pub fn written(
        places: &mut Places,
        persons: Persons,
        step: &Step,
        (verb, answer): (Verb, &Answer),
    ) -> Self {
        Self::ObjectWritten {
            object: shown(places, persons, |showing| gather::object(showing, &step.subject)),
            method: verb.word().to_owned(),
            status: answer.status,
            attempts: answer.attempts,
            unknown: answer.unknown,
        }
    }

    /// An object ended.
    pub fn ended(places: &mut Places, persons: Persons, outcome: &Outcome) -> Self {
        Self::ObjectEnded(shown(places, persons, |showing| result(showing, outcome)))
    }
}

/// Lines that were found once serve every event of a run.
fn shown<'p, T>(places: &mut Places, persons: Persons<'p>, show: impl FnOnce(&mut Showing<'p>) -> T) -> T {
    let mut showing = Showing::new(persons);
    std::mem::swap(&mut showing.places, places);
    let told = show(&mut showing);
    *places = showing.places;
    told
}
