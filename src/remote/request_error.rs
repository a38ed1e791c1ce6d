//! Why a request failed, and whether it may have had an effect all the same.
//!
//! One error for everything between the socket and a message: no connection, a status that refuses, a body that
//! cannot be read. What the service says stays beside it, unread until a caller says which texts to hide.

use std::sync::Arc;
use std::time::SystemTime;

use secrecy::{ExposeSecret, SecretString};

use super::api_error::{self, ApiError};
use super::pager::IncompleteReason;
use super::rate_limit_headers::find_reset;
use super::transport_error::{DeliveryStatus, TransportError};
use crate::diagnostic::Diagnostic;
use crate::exchange::HttpResponse;
use crate::kind::{Api, Kind, WireFormat};

/// Why something did not work.
pub struct RequestError {
    /// Without a place.
    pub diagnostic: Box<Diagnostic>,
    /// What the service answered, when it did, and how to read it.
    pub(super) response: Option<Box<RejectedResponse>>,
    /// Whether a write may have taken effect all the same.
    pub outcome_unknown: bool,
    /// Whether nothing was begun, because the run ends or the service was given up.
    pub not_started: bool,
    /// How often the request was sent.
    pub attempts: u32,
}

/// What a service answered.
pub(super) struct RejectedResponse {
    pub response: HttpResponse,
    pub format: WireFormat,
    pub api: Arc<Api>,
    /// The credentials that were sent; the response may repeat them.
    pub sent_secrets: Vec<SecretString>,
}

impl RequestError {
    /// Whether the service said when to send the request again.
    pub fn names_pause(&self) -> bool {
        let said = self.response.as_ref().map(|said| &said.response);
        let names = |response: &HttpResponse| {
            response.retry_after.is_some() || find_reset(response, SystemTime::now()).is_some()
        };
        said.is_some_and(names)
    }

    /// With a text that is taken out of what the service said.
    pub(super) fn with_hidden_text(mut self, text: String) -> Self {
        if let Some(said) = &mut self.response {
            said.sent_secrets.push(SecretString::from(text));
        }
        self
    }

    pub(super) fn from_diagnostic(diagnostic: Diagnostic) -> Self {
        Self {
            diagnostic: Box::new(diagnostic),
            response: None,
            outcome_unknown: false,
            not_started: false,
            attempts: 1,
        }
    }

    /// The same after other attempts.
    #[must_use]
    pub fn with_earlier_attempts(mut self, attempts: u32) -> Self {
        self.attempts += attempts;
        self
    }

    /// The status, when there was an answer.
    pub fn status(&self) -> Option<u16> {
        self.response.as_ref().map(|said| said.response.status)
    }

    /// What the service said, field by field. Services echo values: `hidden` are the texts that nobody may see,
    /// besides the credentials.
    pub fn read_api_errors(&self, hidden: &[&str]) -> Vec<ApiError> {
        let Some(said) = self.response.as_deref() else { return Vec::new() };
        let shown = said.sent_secrets.iter().map(|secret| secret.expose_secret());
        let hidden: Vec<&str> = shown.chain(hidden.iter().copied()).collect();
        api_error::read_api_errors(&said.response, said.format, &said.api.errors, &hidden)
    }

    pub(super) fn build_operation_error(kind: &Kind, what: &str) -> Self {
        Self::from_diagnostic(Diagnostic::error(
            "no-operation",
            format!("{} has no `{what}` operation", kind.name),
        ))
    }

    pub(super) fn build_identity_error(kind: &Kind) -> Self {
        let message =
            format!("the service answered with another {} than was asked for", kind.title.to_lowercase());
        Self::from_diagnostic(
            Diagnostic::error("wrong-object", message)
                .with_hint("try again; if it stays, ask the operator of the service"),
        )
    }
}

impl RequestError {
    /// A list that was not read to its end, where all of it is needed.
    pub(super) fn build_incomplete_error(kind: &Kind, reason: &IncompleteReason) -> Self {
        let message = format!("the list of {} is not complete: {reason}", kind.name);
        Self::from_diagnostic(
            Diagnostic::error("incomplete-list", message)
                .with_hint("check the `paging` of the kind, then try again"),
        )
    }

    /// An object that the list shows and a read does not.
    pub(super) fn build_unread_error(kind: &Kind) -> Self {
        let message =
            format!("the list shows this {}, and reading it finds nothing", kind.title.to_lowercase());
        Self::from_diagnostic(
            Diagnostic::error("not-read", message)
                .with_hint("try again; if it stays, check whether the credentials may read the object"),
        )
    }

    /// An item of a list of summaries that cannot be read, as it has no id.
    pub(super) fn build_missing_id_error(kind: &Kind) -> Self {
        let message = format!("the list shows this {} without an id", kind.title.to_lowercase());
        Self::from_diagnostic(
            Diagnostic::error("missing-id", message)
                .with_hint("check `identity` and the `list` of the kind, then try again"),
        )
    }
}

impl From<TransportError> for RequestError {
    fn from(failure: TransportError) -> Self {
        let (unknown, not_begun) = (failure.delivery == DeliveryStatus::MaybeSent, failure.is_not_started());
        let attempts = if not_begun { 0 } else { failure.attempts };
        Self {
            outcome_unknown: unknown,
            not_started: not_begun,
            attempts,
            ..Self::from_diagnostic(failure.to_diagnostic())
        }
    }
}
