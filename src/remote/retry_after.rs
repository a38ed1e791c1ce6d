//! The pause that a service asks for before the next request.

use std::time::{Duration, SystemTime};

use super::rate_limit_headers;
use super::transport_error::{TransportError, TransportErrorReason};
use crate::exchange::HttpResponse;

/// What became of one attempt.
pub(super) type AttemptResult = Result<HttpResponse, TransportError>;

/// The pause that the service asks for: seconds, a date, or the reset of its rate limit.
pub(super) fn parse_retry_after(outcome: &AttemptResult, now: SystemTime) -> Option<Duration> {
    let text = match outcome {
        Ok(response) => match &response.retry_after {
            Some(text) => text,
            None => return rate_limit_headers::find_reset(response, now),
        },
        Err(TransportError {
            reason: TransportErrorReason::LoginUnavailable { retry_after, .. }, ..
        }) => retry_after.as_deref()?,
        Err(_) => return None,
    };
    rate_limit_headers::parse_pause(text, now)
}

/// The pause that a response asks for.
pub(super) fn parse_response_pause(response: &HttpResponse, now: SystemTime) -> Option<Duration> {
    rate_limit_headers::parse_pause(response.retry_after.as_deref()?, now)
}
