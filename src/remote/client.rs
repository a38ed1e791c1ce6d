//! HTTP of one target: a [`PlannedRequest`] goes out with credentials, in the target's wire format, and its
//! answer comes back.
//!
//! At most so many requests are under way, each within bounds, and none after the end of the run; a service that
//! is down is left alone. Redirects are followed on reads only, and only to the
//! same scheme, host and port. A 401 is answered once with a new token, or with what the sources of the credentials give by then.
//! Every attempt is one event in the log: verb, path, status, time and size; never a query, header or body.
//! Deliberately absent: what an answer means, bodies' encoding (`wire`), and repetition (`retry`).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use reqwest::Method as ReqwestMethod;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, IF_MATCH};
use secrecy::SecretString;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;
use url::Url;

use super::auth::{RequestCredentials, TargetCredentials};
use super::breaker::{BreakerPermit, CircuitBreaker};
use super::connection_options::ConnectionOptions;
use super::hosts::{self, AllowedHosts};
use super::rate_limit_headers;
use super::rate_limiter::{RateLimiter, RateStatus};
use super::redirect::resolve_redirect;
use super::retry_after::{AttemptResult, parse_retry_after};
use super::retry_budget::RetryBudget;
use super::session::LoginContext;
use super::target::Target;
pub use super::transport::ExchangeLimits;
use super::transport::{HostConnection, PreparedRequest, Transport, TransportResponse, join_path};
use super::transport_error::{DeliveryStatus, RedirectError, TransportError, TransportErrorReason};
use super::wire;
use crate::diagnostic::Diagnostic;
use crate::exchange::{HttpResponse, Method, PlannedRequest};
use crate::kind::WireFormat;

/// The most redirects one read follows.
const MAX_REDIRECTS: u32 = 5;

/// The longest pause that one answer imposes on all requests to a service.
const MAX_SHARED_PAUSE: Duration = Duration::from_secs(60);

/// The connection to one target. Shared by all requests to it.
pub struct HttpClient {
    target: Arc<str>,
    base: Url,
    /// The root of the same host.
    root: Url,
    host: String,
    format: WireFormat,
    connection: HostConnection,
    credentials: TargetCredentials,
    rate_limiter: RateLimiter,
    /// The writes that may be under way, where the API limits them.
    write_permits: Option<Semaphore>,
    /// The header for the key of a request, where the API has one.
    idempotency_header: Option<HeaderName>,
    breaker: CircuitBreaker,
    retry_budget: Arc<RetryBudget>,
    first_attempts: AtomicU64,
    repeated_attempts: AtomicU64,
    /// Whether logs leave out paths, because ids in them are marked.
    hides_paths: bool,
}

/// How many requests a service was sent; logins, renewed tokens and redirects are not counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct RequestCount {
    /// Each once, however often it was sent.
    pub requests: u64,
    /// How often one was sent again.
    pub retries: u64,
}

impl RequestCount {
    /// What came since an earlier count.
    #[must_use]
    pub fn subtract_earlier(self, earlier: Self) -> Self {
        Self {
            requests: self.requests.saturating_sub(earlier.requests),
            retries: self.retries.saturating_sub(earlier.retries),
        }
    }
}

/// What became of one attempt, and how long it took.
pub(super) type TimedAttempt = (AttemptResult, Duration);

/// One request on its way.
#[derive(Clone, Copy)]
pub(super) struct OutgoingRequest<'r> {
    /// Where the path of the request starts.
    pub base: &'r Url,
    pub request: &'r PlannedRequest,
    pub body: Option<&'r Bytes>,
    /// The state of the object over which it may be done.
    pub if_match: Option<&'r str>,
    /// What is the same for all attempts, so that the service carries out one.
    pub idempotency_key: Option<&'r str>,
    pub limits: &'r ExchangeLimits,
}

impl HttpClient {
    /// The client of `target`, when its credentials may go where it points. Nothing is sent yet.
    pub fn new(target: &Target, allowed: &AllowedHosts) -> Result<Self, Diagnostic> {
        Self::with_transport(target, allowed, None)
    }

    /// The same through a courier instead of a network, where there is one.
    pub(super) fn with_transport(
        target: &Target,
        allowed: &AllowedHosts,
        courier: Option<Arc<dyn Transport>>,
    ) -> Result<Self, Diagnostic> {
        let base = target.base_url.clone();
        let whose = format!("target `{}`", target.name);
        allowed.check_base_url(target)?;
        if base.query().is_some() || base.fragment().is_some() {
            let message = format!("the base URL of {whose} has a query or a fragment");
            return Err(Diagnostic::error("invalid-url", message).with_hint("end it with the path"));
        }
        let options = ConnectionOptions::from_target(target, allowed)?;
        let transport = match courier {
            Some(courier) => HostConnection::Custom(courier),
            None => HostConnection::new(&base, &options)?,
        };
        let credentials = TargetCredentials::new(target, allowed, &transport, &options)?;
        let limits = &target.api.limits;
        let parallel = target.parallelism.min(limits.parallelism.unwrap_or(u32::MAX));
        let pace = RateLimiter::new(parallel, limits);
        let write_permits = limits.writes.map(|writes| Semaphore::new(writes.max(1) as usize));
        let header = target.api.idempotency_header.as_deref();
        let idempotency_header = header.and_then(|name| HeaderName::from_bytes(name.as_bytes()).ok());
        let (target, format, host) =
            (Arc::clone(&target.name), target.format, hosts::format_authority(&base));
        let mut root = base.clone();
        root.set_path("/");
        let (breaker, allowance) = (CircuitBreaker::default(), Arc::default());
        let (first, again) = (AtomicU64::new(0), AtomicU64::new(0));
        Ok(Self {
            target,
            base,
            root,
            host,
            format,
            connection: transport,
            credentials,
            rate_limiter: pace,
            write_permits,
            idempotency_header,
            breaker,
            retry_budget: allowance,
            first_attempts: first,
            repeated_attempts: again,
            hides_paths: false,
        })
    }

    /// As a part of a run that may cost only so much.
    #[must_use]
    pub fn with_retry_budget(self, allowance: Arc<RetryBudget>) -> Self {
        Self { retry_budget: allowance, ..self }
    }

    /// With or without paths in logs.
    #[must_use]
    pub fn with_hidden_paths(self, hides_paths: bool) -> Self {
        Self { hides_paths, ..self }
    }

    /// Why nothing is sent to the service any more, when that is so.
    pub fn find_permanent_failure(&self) -> Option<TransportError> {
        let why = self.breaker.find_permanent_failure()?;
        Some(self.build_error(TransportErrorReason::CircuitOpen(why), DeliveryStatus::NotSent))
    }

    /// Sends `request` once. `body` is `request.body` in the target's wire format.
    pub async fn send_once(
        &self,
        request: &PlannedRequest,
        body: Option<Vec<u8>>,
        bounds: &ExchangeLimits,
    ) -> Result<HttpResponse, TransportError> {
        let body = body.map(Bytes::from);
        let outgoing = OutgoingRequest {
            base: &self.base,
            request,
            body: body.as_ref(),
            if_match: None,
            idempotency_key: None,
            limits: bounds,
        };
        self.send_attempt(outgoing, 1).await.0
    }

    /// Where the paths of requests start.
    pub(super) fn base_url(&self) -> &Url {
        &self.base
    }

    /// The root of the same host.
    pub(super) fn root_url(&self) -> &Url {
        &self.root
    }

    /// Everything that the service is shown and may repeat, but nobody else may see.
    pub(super) async fn collect_secrets(&self) -> Vec<SecretString> {
        self.credentials.collect_secrets().await
    }

    /// The name of the target.
    pub(super) fn target_name(&self) -> &str {
        &self.target
    }

    /// The host that is asked.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// What the run may cost.
    pub(super) fn retry_budget(&self) -> &RetryBudget {
        &self.retry_budget
    }

    /// One attempt, in its turn and in the log; with the time it took, the wait for its turn left out.
    pub(super) async fn send_attempt(&self, outgoing: OutgoingRequest<'_>, number: u32) -> TimedAttempt {
        let _write = match self.run_until_cancelled(outgoing, self.acquire_write(outgoing)).await {
            Ok(write) => write,
            Err(failure) => return (Err(failure), Duration::ZERO),
        };
        let _turn = match self.run_until_cancelled(outgoing, self.rate_limiter.acquire_permit()).await {
            Ok(turn) => turn,
            Err(failure) => return (Err(failure), Duration::ZERO),
        };
        let leave = match self.run_until_cancelled(outgoing, self.wait_until_allowed()).await.flatten() {
            Ok(leave) => leave,
            Err(failure) => return (Err(failure), Duration::ZERO),
        };
        let counter = if number == 1 { &self.first_attempts } else { &self.repeated_attempts };
        counter.fetch_add(1, Ordering::Relaxed);
        let began = Instant::now();
        let outcome = self.exchange_until_deadline(outgoing).await;
        let took = began.elapsed();
        self.log_attempt(outgoing, number, took, &outcome);
        self.adjust_rate(&outcome, began);
        if leave.record_outcome(&outcome) {
            tracing::warn!(target = &*self.target, "it fails again and again, and is left alone for a while");
        }
        (outcome, took)
    }

    /// Waits until no other write is in the way of a write.
    async fn acquire_write(&self, outgoing: OutgoingRequest<'_>) -> Option<SemaphorePermit<'_>> {
        let permits = self.write_permits.as_ref().filter(|_| !outgoing.request.method.is_read())?;
        // it is never closed
        permits.acquire().await.ok()
    }

    /// A new key for a request that must not be carried out twice, where the service knows such keys.
    pub(super) fn create_idempotency_key(&self, request: &PlannedRequest) -> Option<String> {
        self.idempotency_header.as_ref().filter(|_| request.method == Method::Post)?;
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).ok()?;
        Some(uuid::Builder::from_random_bytes(bytes).into_uuid().to_string())
    }

    /// Waits until the service may be asked: it is not left alone, and its rate allows one more.
    async fn wait_until_allowed(&self) -> Result<BreakerPermit<'_>, TransportError> {
        let gone = || {
            self.find_permanent_failure()
                .unwrap_or_else(|| self.build_error(TransportErrorReason::Cancelled, DeliveryStatus::NotSent))
        };
        let leave = self.breaker.acquire_permit().await.ok_or_else(gone)?;
        self.rate_limiter.wait_for_start().await;
        Ok(leave)
    }

    /// Waits for something, but not past the end of the run or its stop.
    async fn run_until_cancelled<T>(
        &self,
        outgoing: OutgoingRequest<'_>,
        wait: impl Future<Output = T>,
    ) -> Result<T, TransportError> {
        let stop = &self.retry_budget.cancellation;
        let stopped = async {
            match outgoing.request.method {
                Method::Get | Method::Search => stop.wait_for_read_cancellation().await,
                _ => stop.wait_for_cancellation().await,
            }
        };
        tokio::select! {
            biased;
            () = stopped => Err(self.build_error(TransportErrorReason::Cancelled, DeliveryStatus::NotSent)),
            () = stop.wait_for_deadline() => Err(self.build_error(TransportErrorReason::DeadlineExceeded, DeliveryStatus::NotSent)),
            done = wait => Ok(done),
        }
    }

    /// The exchange, cut off where the run ends.
    async fn exchange_until_deadline(
        &self,
        outgoing: OutgoingRequest<'_>,
    ) -> Result<HttpResponse, TransportError> {
        tokio::select! {
            biased;
            outcome = self.send_authenticated(outgoing) => outcome,
            () = self.retry_budget.cancellation.wait_for_deadline() => Err(self.build_error(TransportErrorReason::DeadlineExceeded, DeliveryStatus::MaybeSent)),
        }
    }

    /// How fast the service is asked by now.
    pub(super) fn measure_rate(&self) -> RateStatus {
        self.rate_limiter.measure_rate()
    }

    /// What it was sent by now.
    pub(super) fn count_requests(&self) -> RequestCount {
        let (first, again) = (&self.first_attempts, &self.repeated_attempts);
        RequestCount { requests: first.load(Ordering::Relaxed), retries: again.load(Ordering::Relaxed) }
    }

    /// What an answer tells about the pace that the service bears.
    fn adjust_rate(&self, outcome: &Result<HttpResponse, TransportError>, began: Instant) {
        match outcome {
            Ok(response) if rate_limit_headers::is_throttled(response) => {
                self.rate_limiter.reduce_concurrency(began);
            }
            Ok(response) if response.is_success() => self.rate_limiter.record_success(),
            _ => {}
        }
        if let Some(pause) =
            parse_retry_after(outcome, SystemTime::now()).filter(|requested| *requested <= MAX_SHARED_PAUSE)
        {
            self.rate_limiter.pause_requests(pause);
        }
    }

    async fn send_authenticated(
        &self,
        outgoing: OutgoingRequest<'_>,
    ) -> Result<HttpResponse, TransportError> {
        let way = LoginContext { rate_limiter: &self.rate_limiter, limits: outgoing.limits };
        let used = self.credentials.acquire(way).await?;
        let response = self.follow_redirects(outgoing, &used).await?;
        if response.status != 401 {
            return Ok(response);
        }
        let Some(renewed) = self.credentials.renew(&used, way).await? else { return Ok(response) };
        self.rate_limiter.wait_for_start().await;
        let response = self.follow_redirects(outgoing, &renewed).await?;
        if response.status != 401 {
            self.credentials.confirm_renewal().await;
        }
        Ok(response)
    }

    async fn follow_redirects(
        &self,
        outgoing: OutgoingRequest<'_>,
        credentials: &RequestCredentials,
    ) -> Result<HttpResponse, TransportError> {
        let mut call = self.build_request(outgoing, credentials)?;
        for _ in 0..=MAX_REDIRECTS {
            let to = match self.connection.send_request(call.clone(), outgoing.limits).await? {
                TransportResponse::Complete(response) => return Ok(response),
                TransportResponse::Redirect(to) => to,
            };
            let next =
                resolve_redirect(&call, to.as_deref()).map_err(|detour| self.build_redirect_error(detour))?;
            let path = if self.hides_paths { "…" } else { next.path() };
            tracing::debug!(target = &*self.target, path, "redirect");
            call.url = next;
            credentials.restore_query_auth(&mut call.url);
            self.rate_limiter.wait_for_start().await;
        }
        Err(self.build_redirect_error(RedirectError::TooManyRedirects))
    }

    fn build_request(
        &self,
        outgoing: OutgoingRequest<'_>,
        credentials: &RequestCredentials,
    ) -> Result<PreparedRequest, TransportError> {
        let request = outgoing.request;
        let mut url = join_path(outgoing.base, &request.path)
            .ok_or_else(|| self.build_error(TransportErrorReason::InvalidPath, DeliveryStatus::NotSent))?;
        if !request.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&request.query);
        }
        let (accept, content_type) = select_media_types(self.format);
        let mut headers = HeaderMap::from_iter([(ACCEPT, accept)]);
        if outgoing.body.is_some() {
            let own = wire::get_media_type(request.body_form.encoding).map(HeaderValue::from_static);
            headers.insert(CONTENT_TYPE, own.unwrap_or(content_type));
        }
        let own = [
            (Some(&IF_MATCH), outgoing.if_match),
            (self.idempotency_header.as_ref(), outgoing.idempotency_key),
        ];
        for (name, text) in own.into_iter().filter_map(|(name, text)| Some((name?, text?))) {
            let invalid = |_| self.build_error(TransportErrorReason::InvalidPath, DeliveryStatus::NotSent);
            headers.insert(name.clone(), HeaderValue::from_str(text).map_err(invalid)?);
        }
        // a write without a body still says its length
        let empty = matches!(request.method, Method::Post | Method::Put | Method::Patch).then(Bytes::new);
        let mut call = PreparedRequest {
            method: to_reqwest_method(request.method),
            url,
            headers,
            body: outgoing.body.cloned().or(empty),
        };
        credentials.apply_auth(&mut call);
        Ok(call)
    }

    fn build_redirect_error(&self, detour: RedirectError) -> TransportError {
        self.build_error(TransportErrorReason::Redirect(detour), DeliveryStatus::MaybeSent)
    }

    fn build_error(&self, reason: TransportErrorReason, sent: DeliveryStatus) -> TransportError {
        TransportError::new(reason, self.host.clone(), sent)
    }

    fn log_attempt(
        &self,
        outgoing: OutgoingRequest<'_>,
        attempt: u32,
        took: Duration,
        outcome: &Result<HttpResponse, TransportError>,
    ) {
        let (target, ms) = (&*self.target, took.as_millis());
        let path = if self.hides_paths { "…" } else { &*outgoing.request.path };
        let verb = outgoing.request.method.as_str();
        let sent = outgoing.body.map_or(0, Bytes::len);
        match outcome {
            Ok(response) => {
                let (status, bytes) = (response.status, response.body.len());
                tracing::debug!(target, verb, path, status, ms, attempt, sent, bytes, "answer");
            }
            Err(failure) => {
                tracing::debug!(target, verb, path, code = failure.code(), ms, attempt, sent, "no answer");
            }
        }
    }
}

fn to_reqwest_method(method: Method) -> ReqwestMethod {
    match method {
        Method::Get => ReqwestMethod::GET,
        Method::Search | Method::Post => ReqwestMethod::POST,
        Method::Put => ReqwestMethod::PUT,
        Method::Patch => ReqwestMethod::PATCH,
        Method::Delete => ReqwestMethod::DELETE,
    }
}

/// What is asked for, and what a body is called.
fn select_media_types(format: WireFormat) -> (HeaderValue, HeaderValue) {
    const JSON: HeaderValue = HeaderValue::from_static("application/json");
    match format {
        WireFormat::Json => (JSON, JSON),
        // the second name alone is answered with HTML by the servers that speak it
        WireFormat::Jsv => (
            HeaderValue::from_static("application/jsv, text/jsv"),
            HeaderValue::from_static("application/jsv"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remote::retry::RetryPolicy;

    #[test]
    fn requests_may_run_on_any_thread() {
        fn sendable<T: Send>(_: T) {}
        let _ = |client: &HttpClient,
                 request: &PlannedRequest,
                 bounds: &ExchangeLimits,
                 patience: &RetryPolicy| {
            sendable(client.send_once(request, None, bounds));
            sendable(client.send_with_retries(request, None, bounds, patience));
        };
    }
}
