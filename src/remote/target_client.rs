//! One target as a run sees it: objects of a kind are listed, read, found and written.
//!
//! Pages are asked for at once where the first one says how many there are; each object is handed on as it
//! arrives, so what nobody needs is dropped. A list that does not advance, or never ends, is a trouble.
//! Deliberately absent: which objects are needed, and what a difference means.

mod collection;
mod collection_size;
mod find;
mod list;
mod lookup;
mod operation_status;
mod origin;
mod search_body;
mod try_paging;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub use list::{ListEvent, ListReading};
pub use lookup::LookupSource;
pub use origin::TargetOrigin;
pub use try_paging::PagingTrial;
use url::Url;

pub use self::collection::CollectionRef;
pub use self::collection_size::CollectionSize;
use self::collection_size::CollectionSizeMap;
pub use super::client::RequestCount;
use super::client::{ExchangeLimits, HttpClient};
use super::hosts::AllowedHosts;
use super::rate_limiter::RateStatus;
use super::request_error::RejectedResponse;
pub use super::request_error::RequestError;
use super::retry::{CompletedRequest, EncodedRequest, RetryPolicy};
use super::retry_budget::RetryBudget;
use super::session;
use super::spelling::SpellingCache;
use super::target::Target;
use super::transport::Transport;
use super::transport_error::DeliveryStatus;
use super::wire::{self, DecodeError, Snapshot};
use crate::diagnostic::Diagnostic;
use crate::exchange::{HttpResponse, Method, PlannedRequest, WireValue};
use crate::kind::{Kind, ReadOperation, ScalarType, address};
use crate::value::{Sensitivity, Value};

/// The code of an answer that cannot be read; its sentence may repeat what the service calls the answer.
pub const UNREADABLE: &str = "unreadable-answer";

/// How many wrong content types of one service are remembered.
const MAX_CONTENT_TYPES: usize = 3;
/// The status of a response that holds a part of the resource.
const PARTIAL_CONTENT: u16 = 206;

/// A connection to one target.
pub struct TargetClient {
    client: HttpClient,
    pub target: Arc<Target>,
    limits: ExchangeLimits,
    retry_policy: RetryPolicy,
    spellings: SpellingCache,
    collection_sizes: CollectionSizeMap,
    /// Wrong content types of responses that were read all the same.
    content_types: Mutex<BTreeSet<String>>,
    /// How far the clock of the service is ahead, in seconds, as its last response says.
    clock_offset: Mutex<Option<i64>>,
    may_write: bool,
    /// Where a list by POST may go.
    allowed_hosts: AllowedHosts,
    origin: Option<TargetOrigin>,
}

/// What a read of one object says.
enum ObjectReading {
    Found(Box<Snapshot>),
    /// It is answered, and counts as deleted by `deleted_when`.
    Deleted,
    /// Nothing is answered: it is gone, or these credentials may not read it.
    Missing,
}

/// Whether a scope exists and may be seen.
pub enum AccessCheck {
    Granted,
    /// The kind describes no check.
    Undescribed,
    Denied(Box<RequestError>),
}

impl TargetClient {
    /// Where tokens are asked for, when the API is described in the workspace.
    pub fn list_described_logins(&self) -> Vec<Url> {
        session::list_described_logins(&self.target)
    }

    /// A connection to a target, which reads only; nothing is sent yet.
    ///
    /// # Errors
    /// When the target must not be spoken to, or its credentials contradict each other.
    pub fn connect_target(target: Arc<Target>, allowed: &AllowedHosts) -> Result<Self, Diagnostic> {
        Self::with_transport(target, allowed, None)
    }

    /// The same through a courier instead of a network, where there is one.
    ///
    /// # Errors
    /// As those of [`Self::connect_target`].
    pub fn with_transport(
        target: Arc<Target>,
        allowed: &AllowedHosts,
        courier: Option<Arc<dyn Transport>>,
    ) -> Result<Self, Diagnostic> {
        let client = HttpClient::with_transport(&target, allowed, courier)?;
        let bounds = ExchangeLimits::from_limits(&target.api.limits);
        Ok(Self {
            client,
            limits: bounds,
            retry_policy: RetryPolicy::default(),
            spellings: SpellingCache::default(),
            collection_sizes: CollectionSizeMap::default(),
            content_types: Mutex::default(),
            clock_offset: Mutex::default(),
            target,
            may_write: false,
            allowed_hosts: allowed.clone(),
            origin: None,
        })
    }

    /// The same connection, which may write. Only what applies a plan asks for it.
    #[must_use]
    pub fn with_writes(self) -> Self {
        Self { may_write: true, ..self }
    }

    /// Without paths in logs, where ids in them are marked.
    #[must_use]
    pub fn with_hidden_paths(self, hides_paths: bool) -> Self {
        Self { client: self.client.with_hidden_paths(hides_paths), ..self }
    }

    /// With where the target is written.
    #[must_use]
    pub fn with_origin(self, origin: Option<TargetOrigin>) -> Self {
        Self { origin, ..self }
    }

    /// An error with its place in the settings, when it is about the target.
    fn attribute_error(&self, error: RequestError) -> RequestError {
        let Some(origin) = &self.origin else { return error };
        let diagnostic = origin.attribute_error(*error.diagnostic, &self.target.base_url);
        RequestError { diagnostic: Box::new(diagnostic), ..error }
    }

    /// With another time that one request may take.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.limits.timeout = timeout;
        self
    }

    /// As a part of a run that may cost only so much.
    #[must_use]
    pub fn with_retry_budget(self, allowance: Arc<RetryBudget>) -> Self {
        Self { client: self.client.with_retry_budget(allowance), ..self }
    }

    /// What the run may cost.
    pub fn retry_budget(&self) -> &RetryBudget {
        self.client.retry_budget()
    }

    /// Takes one repetition from what the run may repeat; false when nothing is left of it.
    pub fn try_withdraw_retry(&self) -> bool {
        self.retry_budget().try_withdraw()
    }

    /// The time that one request may take.
    pub fn request_timeout(&self) -> Duration {
        self.limits.timeout
    }

    /// How fast it is asked by now.
    pub fn measure_rate(&self) -> RateStatus {
        self.client.measure_rate()
    }

    /// How many requests it was sent by now.
    pub fn count_requests(&self) -> RequestCount {
        self.client.count_requests()
    }

    /// Why nothing is sent to the target any more, when it was down for too long.
    pub fn find_permanent_failure(&self) -> Option<Diagnostic> {
        let name = &self.target.name;
        let failure = self.client.find_permanent_failure()?;
        let message = format!("nothing more was begun at the target `{name}`: {failure}");
        Some(Diagnostic::error(failure.code(), message).with_hint(failure.hint()))
    }

    /// With another patience for requests that may be sent again.
    #[must_use]
    pub fn with_retry_policy(mut self, patience: RetryPolicy) -> Self {
        self.retry_policy = patience;
        self
    }

    /// What is to be said about the responses so far.
    pub fn list_warnings(&self) -> Vec<Diagnostic> {
        let named = self.content_types.lock().unwrap_or_else(PoisonError::into_inner);
        let warn = |named: &String| {
            let (title, expected) = (&self.target.api.title, wire::format_name(self.target.format));
            let message = format!("{title} calls its {expected} `{named}`; it was read as {expected}");
            Diagnostic::warning("content-type", message)
                .with_hint("ask the people who run the service to send the right Content-Type")
        };
        named.iter().map(warn).collect()
    }

    /// How far the clock of the service is ahead of this one, in seconds; nothing before a response said so.
    pub fn measure_clock_offset(&self) -> Option<i64> {
        *self.clock_offset.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn record_clock(&self, response: &HttpResponse) {
        let date = response.headers.iter().find(|(name, _)| name == "date").map(|(_, date)| date);
        let Some(date) = date.and_then(|date| httpdate::parse_http_date(date).ok()) else { return };
        let seconds = |time: SystemTime| {
            let since = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
            i64::try_from(since).unwrap_or(i64::MAX)
        };
        let offset = seconds(date) - seconds(SystemTime::now());
        *self.clock_offset.lock().unwrap_or_else(PoisonError::into_inner) = Some(offset);
    }

    fn record_content_type(&self, named: String) {
        let mut all = self.content_types.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() < MAX_CONTENT_TYPES {
            all.insert(named);
        }
    }

    /// How many bytes the body of a request has.
    pub fn count_body_bytes(&self, request: &PlannedRequest) -> usize {
        request.body.as_ref().map_or(0, |body| self.encode_body(request, body).len())
    }

    fn encode_body(&self, request: &PlannedRequest, body: &WireValue) -> Vec<u8> {
        wire::encode_request_body(body, &request.body_form, self.target.format, &self.target.api)
    }

    /// Sends one request and reads the answer whole; an answer that says no is a trouble.
    ///
    /// # Errors
    /// When there is no answer, or the answer is not a success.
    pub async fn send_request(&self, request: &PlannedRequest) -> Result<CompletedRequest, RequestError> {
        self.send_body(request, request.body.as_ref(), None).await
    }

    /// Sends a request that writes an object of a kind, its members spelt as the service spells them; where
    /// `if_match` says over which state of the object, it is done over that alone.
    ///
    /// # Errors
    /// When there is no answer, or the answer is not a success.
    pub async fn write_object(
        &self,
        kind: &Kind,
        request: &PlannedRequest,
        if_match: Option<&str>,
    ) -> Result<CompletedRequest, RequestError> {
        let spelt = request.body.as_ref().and_then(|body| self.spellings.apply_spellings(kind, body));
        self.send_body(request, spelt.as_ref().or(request.body.as_ref()), if_match).await
    }

    /// Whether a list may be read by POST: a description of the workspace alone must not make a read a write.
    fn check_search(&self, request: &PlannedRequest) -> Result<(), RequestError> {
        let url = self.locate_path(&request.path, false);
        self.allowed_hosts.check_search(&self.target, &url).map_err(RequestError::from_diagnostic)
    }

    async fn send_body(
        &self,
        request: &PlannedRequest,
        body: Option<&WireValue>,
        if_match: Option<&str>,
    ) -> Result<CompletedRequest, RequestError> {
        if request.method == Method::Search {
            self.check_search(request)?;
        } else if request.method != Method::Get && !self.may_write {
            let message = "this connection reads only, and nothing was sent";
            return Err(RequestError::from_diagnostic(Diagnostic::error("read-only", message)));
        }
        if address::is_incomplete(&request.path) {
            let message = format!("a value is missing in the path `{}`, and nothing was sent", request.path);
            return Err(RequestError::from_diagnostic(Diagnostic::error("incomplete-path", message)));
        }
        let body = body.map(|body| self.encode_body(request, body));
        let encoded = EncodedRequest { request, body, if_match };
        let answered = self.client.send_encoded(encoded, &self.limits, &self.retry_policy).await;
        let answered = answered.map_err(|failure| self.attribute_error(failure.into()))?;
        let answered = self.check_response(answered, request).await?;
        match request.method {
            Method::Get | Method::Search => Ok(answered),
            _ => self.wait_for_operation(&request.path, answered).await,
        }
    }

    /// An answer that does not say no.
    async fn check_response(
        &self,
        answered: CompletedRequest,
        request: &PlannedRequest,
    ) -> Result<CompletedRequest, RequestError> {
        let (response, verb) = (&answered.response, request.method);
        self.record_clock(response);
        if !response.is_success() || response.status == PARTIAL_CONTENT {
            return Err(self.attribute_error(self.build_rejection(answered, request).await));
        }
        match wire::check_content_type(response, self.target.format) {
            Ok(None) => {}
            Ok(Some(named)) => self.record_content_type(named),
            Err(error) => return Err(self.build_decode_error(error, response, verb)),
        }
        if wire::is_error_in_success(&response.body, self.target.format, &self.target.api) {
            return Err(self.build_rejection(answered, request).await);
        }
        Ok(answered)
    }

    /// Whether an empty list of this collection can be believed: the API has a path that answers only where the
    /// scope exists and may be seen, and it answers.
    pub async fn check_access(&self, of: CollectionRef<'_>) -> AccessCheck {
        let Some(check) = &of.kind.operations.list.access_check else { return AccessCheck::Undescribed };
        let path = address::expand_path(check, of.kind, of.scope, None);
        let request = PlannedRequest::read(path, address::build_scope_query(of.kind, of.scope));
        match self.send_request(&request).await {
            Ok(_) => AccessCheck::Granted,
            Err(error) => AccessCheck::Denied(Box::new(error)),
        }
    }

    /// Reads one object by its id; nothing when there is none.
    ///
    /// # Errors
    /// When the answer cannot be read, or the API cannot read one.
    pub async fn get_object(
        &self,
        of: CollectionRef<'_>,
        id: &Value,
    ) -> Result<Option<Snapshot>, RequestError> {
        Ok(match self.read_object(of, id).await? {
            ObjectReading::Found(live) => Some(*live),
            ObjectReading::Deleted | ObjectReading::Missing => None,
        })
    }

    /// The same, with why there is none. The service may repeat the path in an error, which may be about a person.
    async fn read_object(&self, of: CollectionRef<'_>, id: &Value) -> Result<ObjectReading, RequestError> {
        let is_marked = of.kind.id_field().sensitivity > Sensitivity::Public;
        self.request_object(of, id).await.map_err(|error| match is_marked {
            true => error.with_hidden_text(ScalarType::render_url_text(id, &of.kind.api)),
            false => error,
        })
    }

    async fn request_object(&self, of: CollectionRef<'_>, id: &Value) -> Result<ObjectReading, RequestError> {
        // without an id a path leads to the list
        if address::is_empty_segment(id, of.kind) {
            return Ok(ObjectReading::Missing);
        }
        let (path, query) = match &of.kind.operations.get {
            None => return Err(RequestError::build_operation_error(of.kind, "get")),
            Some(ReadOperation::Path(path)) => (Some(path), None),
            Some(ReadOperation::List(query)) => (None, Some(query)),
            Some(ReadOperation::PathOrList(path, query)) => (Some(path), Some(query)),
        };
        let mut reading = ObjectReading::Missing;
        if let Some(path) = path {
            reading = self.get_at_path(of, path, id).await?;
        }
        if let Some(query) = query.filter(|_| !matches!(reading, ObjectReading::Found(_)))
            && let Some(live) = self.find_in_list(of, query, id).await?
        {
            reading = ObjectReading::Found(Box::new(live));
        }
        Ok(reading)
    }

    async fn get_at_path(
        &self,
        of: CollectionRef<'_>,
        path: &str,
        id: &Value,
    ) -> Result<ObjectReading, RequestError> {
        let path = address::expand_path(path, of.kind, of.scope, Some(id));
        let form = &of.kind.operations.get_form;
        let mut query = address::build_scope_query(of.kind, of.scope);
        query.extend(form.query.iter().cloned());
        let request = PlannedRequest::read(path, query);
        let response = match self.send_request(&request).await {
            Ok(answered) => answered.response,
            Err(trouble) if matches!(trouble.status(), Some(404 | 405 | 410)) => {
                return Ok(ObjectReading::Missing);
            }
            Err(trouble) => return Err(trouble),
        };
        let read =
            wire::read_object_spellings(&response.body, self.target.format, of.kind, form.member.as_deref());
        let (live, spelt) = read.map_err(|error| self.build_decode_error(error, &response, Method::Get))?;
        self.spellings.record_spellings(of.kind, spelt);
        let live = Snapshot { etag: response.etag.as_deref().map(Box::from), ..live };
        match live.object.get_field(of.kind.identity.id) {
            Some(own) if own != id => Err(RequestError::build_identity_error(of.kind)),
            _ if of.kind.is_deleted(&live.object) => Ok(ObjectReading::Deleted),
            _ => Ok(ObjectReading::Found(Box::new(live))),
        }
    }

    async fn build_rejection(&self, answered: CompletedRequest, request: &PlannedRequest) -> RequestError {
        let (status, verb) = (answered.response.status, request.method);
        let (code, what) = match status {
            PARTIAL_CONTENT => ("partial-response", "answered with a part of what was asked for"),
            200..=299 => ("service-error", "answered with an error inside a success"),
            400 | 422 => ("rejected", "did not accept the request"),
            401 => ("unauthorized", "did not accept the credentials"),
            403 => ("forbidden", "does not allow this"),
            404 | 410 => ("not-found", "does not have this"),
            412 => ("concurrent-edit", "says that the object was changed since it was read"),
            409 => ("conflict", "reports a conflict"),
            429 => ("too-many-requests", "asks to slow down"),
            500..=599 => ("service-error", "failed"),
            _ => ("service-error", "answered something unexpected"),
        };
        let message = format!("{} {what} ({} {status})", self.target.api.title, verb.as_str());
        let hint = match code {
            "unauthorized" => format!("check the credentials of the target `{}`", self.target.name),
            "forbidden" => format!("check what the credentials of the target `{}` may do", self.target.name),
            "rejected" => "see what the service says, at the lines it names".to_owned(),
            "not-found" => "check the base URL, the scope and the id".to_owned(),
            _ => "try again later; if it stays, ask the operator of the service".to_owned(),
        };
        // a service that failed while writing may have written, and so may an attempt before this one
        let unknown = !verb.is_read()
            && (status >= 500
                || (status == 429 && !request.idempotent)
                || answered.earlier_delivery == DeliveryStatus::MaybeSent);
        RequestError {
            diagnostic: Box::new(Diagnostic::error(code, message).with_hint(hint)),
            attempts: answered.attempts,
            response: Some(Box::new(RejectedResponse {
                response: answered.response,
                format: self.target.format,
                api: self.target.api.clone(),
                sent_secrets: self.client.collect_secrets().await,
            })),
            outcome_unknown: unknown,
            not_started: false,
        }
    }

    fn build_decode_error(&self, error: DecodeError, response: &HttpResponse, verb: Method) -> RequestError {
        let message =
            format!("{}: {} ({} {})", self.target.api.title, error.message, verb.as_str(), response.status);
        let mut diagnostic = Diagnostic::error(UNREADABLE, message);
        diagnostic.hint = error.hint;
        RequestError { outcome_unknown: !verb.is_read(), ..RequestError::from_diagnostic(diagnostic) }
    }
}
