//! What came of each step of an apply, as data.
//!
//! An outcome says what is known and no more: a write whose answer never came is `Unknown`, and a write that
//! was answered well but did not take has findings. Deliberately absent: how outcomes are shown, and exit codes.

use crate::diagnostic::Diagnostic;
use crate::plan::{Action, Subject};

/// What came of one object of a plan.
pub struct Outcome {
    pub subject: Subject,
    pub action: Action,
    pub ending: Ending,
    /// What the service did not keep, and other things to know after a write.
    pub findings: Vec<Diagnostic>,
    /// How many requests were sent to write it, repetitions included.
    pub attempts: u32,
    /// From the first request for this object to the last answer.
    pub millis: u64,
}

/// How it ended.
pub enum Ending {
    /// Written.
    Done,
    /// It was already as wanted when it was read again.
    Unchanged,
    /// Not written: a rule forbade it, or what the step relied on had moved.
    Refused(Vec<Diagnostic>),
    /// The service did not do it.
    Failed(Vec<Diagnostic>),
    /// It was sent, and nobody knows whether it was done.
    Unknown(Vec<Diagnostic>),
    /// The run ended before its turn.
    NotStarted,
}
