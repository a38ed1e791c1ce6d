//! What is sent of a step, and how often it was.

use crate::exchange::PlannedRequest;
use crate::remote::retry::CompletedRequest;
use crate::remote::target_client::RequestError;

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
