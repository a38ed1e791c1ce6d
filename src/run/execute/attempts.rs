//! What is sent of a step, how often it was, and what came of it.

use crate::exchange::PlannedRequest;
use crate::plan::{Step, StepAction};
use crate::remote::retry::CompletedRequest;
use crate::remote::target_client::RequestError;
use crate::run::journal::RecordedResponse;

/// A request, and the state of the object that it is bound to.
#[derive(Clone, Copy)]
pub(super) struct ConditionalRequest<'r> {
    pub(super) request: &'r PlannedRequest,
    pub(super) state: Option<&'r str>,
}

/// Counts attempts before the last ones.
pub(super) fn count_earlier_attempts(
    answered: Result<CompletedRequest, RequestError>,
    attempts: u32,
) -> Result<CompletedRequest, RequestError> {
    answered
        .map(|answered| CompletedRequest { attempts: answered.attempts + attempts, ..answered })
        .map_err(|trouble| trouble.with_earlier_attempts(attempts))
}

/// Whether a service may carry out a request later. An answer of the service itself ends it; that of a gateway, or
/// none, does not. A 503 may be either's, and so may a 500: a second object is worse than a look in vain.
pub(super) fn may_still_act(step: &Step, trouble: &RequestError) -> bool {
    match trouble.status() {
        Some(500) => step.action == StepAction::Create,
        status => status != Some(501),
    }
}

/// What came of a request, for the journal.
pub(super) fn build_response_record(answered: &Result<CompletedRequest, RequestError>) -> RecordedResponse {
    match answered {
        Ok(answered) => RecordedResponse {
            status: Some(answered.response.status),
            request_id: answered.response.request_id.clone(),
            attempts: answered.attempts,
            unknown: false,
        },
        Err(trouble) => RecordedResponse {
            status: trouble.status(),
            request_id: None,
            attempts: trouble.attempts,
            unknown: trouble.outcome_unknown,
        },
    }
}
