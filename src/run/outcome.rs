//! What an apply did, object by object. Data; `report` shows it.

use crate::diagnostic::Diagnostic;
use crate::plan::step::FieldConflict;
use crate::plan::{Change, PlanSubject, StepAction};

/// What became of one object.
pub struct StepOutcome {
    pub subject: PlanSubject,
    /// None for an object that agreed from the start.
    pub action: Option<StepAction>,
    pub status: OutcomeStatus,
    /// What the service did not keep, what it changed besides, what waits: reported whatever the result.
    pub findings: Vec<Diagnostic>,
    /// Values that were not kept, or not written, with what is there now (`before`) and what was to be (`after`).
    pub lost_changes: Vec<Change>,
    /// The digest of the object as it was read back after a write, where the run has a journal.
    pub after_digest: Option<String>,
    /// How many times the write was sent.
    pub attempts: u32,
    pub millis: u64,
}

/// How it ended.
pub enum OutcomeStatus {
    /// Written, read back, and unchanged.
    Done,
    /// No changes.
    Unchanged,
    /// Not written: a gate or a fault before the write.
    Refused(Vec<Diagnostic>),
    /// Not written: its live object could not be read. Why, unless that is reported for all of a list.
    Unread(Vec<Diagnostic>),
    /// Not written: what the step relied on has moved since the plan.
    Conflict(Vec<FieldConflict>),
    /// The service did not do it, or did not keep it.
    Failed(Vec<Diagnostic>),
    /// The write was sent, and no one knows whether it took.
    Unknown(Vec<Diagnostic>),
    /// Not begun: interrupted, or stopped after an earlier finding.
    NotStarted,
    /// Some of its requests were carried out; how a later one ended, which was not.
    Partial(Box<OutcomeStatus>),
}

impl OutcomeStatus {
    /// Whether its turn came, and it is known what came of it.
    pub fn is_certain(&self) -> bool {
        match self {
            Self::Unknown(_) | Self::NotStarted => false,
            Self::Partial(rest) => rest.is_certain(),
            _ => true,
        }
    }

    /// The word in reports.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Unchanged => "unchanged",
            Self::Refused(_) | Self::Conflict(_) => "refused",
            Self::Unread(_) => "unread",
            Self::Failed(_) => "failed",
            Self::Unknown(_) => "unknown",
            Self::NotStarted => "not_started",
            Self::Partial(_) => "partial",
        }
    }
}
