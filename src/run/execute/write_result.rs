//! What a write and its proof come to.

use std::io;

use jiff::Timestamp;

use crate::diagnostic::Diagnostic;
use crate::plan::Step;
use crate::remote::wire::Snapshot;
use crate::run::journal::PendingLine;
use crate::run::outcome::{OutcomeStatus, StepOutcome};
use crate::value::{Object, Value, ValuePath};

/// What became of a write before it is proved.
pub(super) enum SendResult {
    /// It was not sent, or surely did not take.
    NotSent(OutcomeStatus),
    Sent(Box<SentWrite>),
}

pub(super) struct SentWrite {
    /// What the object was right before the write; nothing of one that is new.
    pub(super) before: Object,
    /// What the object was to become.
    pub(super) desired: Object,
    /// The service's id, as far as it is known.
    pub(super) id: Option<Value>,
    /// An id that a create answered and that is another object's.
    pub(super) wrong_id: Option<Value>,
    /// The status of the answer.
    pub(super) status: Option<u16>,
    pub(super) attempts: u32,
    /// The object as a create answered it.
    pub(super) answer: Option<Box<Snapshot>>,
    /// Why there was no good answer; whether the write took has to be looked up.
    pub(super) lost_response: Option<LostResponse>,
    /// Values that were sent, answered with success, and that no look shows.
    pub(super) unseen_values: Vec<(ValuePath, Value)>,
    /// The request was repeated: until when an earlier copy of it may be carried out.
    pub(super) repeated_until: Option<Timestamp>,
    pub(super) findings: Vec<Diagnostic>,
    /// What came of it, on its way to the journal.
    pub(super) pending_line: Option<io::Result<PendingLine>>,
}

/// A request without a good answer.
pub(super) struct LostResponse {
    pub(super) reasons: Vec<Diagnostic>,
    /// Whether the service may carry it out later.
    pub(super) may_still_act: bool,
}

/// The values that the first request of a step sends and that do not read back; the time of an edit by others is
/// seen, not sent.
pub(super) fn list_sent_values(step: &Step) -> Vec<(ValuePath, Value)> {
    let seen = step.subject.kind.history.edited_by_others_at;
    let seen = seen.map(|number| &*step.subject.kind.shape.get_field(number).name);
    let is_sent = |path: &ValuePath| path.top_field() != seen && !step.is_sent_later(path);
    step.hidden.iter().filter(|(path, _)| is_sent(path)).cloned().collect()
}

/// What the proof of a write came to.
pub(super) enum VerifyOutcome {
    Finished(Box<StepOutcome>),
    /// A write that took; what only another update takes is still to be sent.
    Unfinished(Box<StepOutcome>, Box<Step>),
}

impl VerifyOutcome {
    pub(super) fn from_outcome(outcome: StepOutcome) -> Self {
        Self::Finished(Box::new(outcome))
    }
}
