//! Sending again, where that is safe.
//!
//! What may be repeated: a read after any status that may pass, another idempotent request after 429, 502, 503,
//! 504 or a connection that failed, any other only when surely nothing was sent. The pauses grow and are jittered;
//! a longer pause that the service asks for is kept, up to a limit. Attempts and the whole
//! time are bounded, whatever comes first.
//! Deliberately absent: looking up what an unknown outcome was. That takes the kind, in `run`.

use std::time::{Duration, SystemTime};

use backon::{BackoffBuilder, ExponentialBuilder};
use bytes::Bytes;
use tokio::time::sleep;

use super::client::{ExchangeLimits, HttpClient, OutgoingRequest, TimedAttempt};
use super::rate_limit_headers;
use super::retry_after::{AttemptResult, parse_retry_after};
use super::retry_budget::{RetryBudget, RetryEvent};
use super::transport_error::{DeliveryStatus, TransportError, TransportErrorReason};
use crate::exchange::{HttpResponse, PlannedRequest};

/// How often and how long to try.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RetryPolicy {
    /// Attempts in all.
    pub max_attempts: u32,
    /// The first pause; each further one is twice as long.
    pub initial_delay: Duration,
    /// The longest pause, also of those a service asks for.
    pub max_delay: Duration,
    /// All attempts and pauses together, without the waits for a turn.
    pub total_timeout: Duration,
    pub jitter: JitterMode,
}

/// How pauses are spread, so that requests that failed together do not come back together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum JitterMode {
    Random,
    Seeded(u64),
    None,
}

/// An answer, and what it took.
#[derive(Clone)]
pub struct CompletedRequest {
    pub response: HttpResponse,
    /// How many times the request was sent, the last one included.
    pub attempts: u32,
    /// Whether an attempt before the last may have taken effect.
    pub earlier_delivery: DeliveryStatus,
}

/// A request with its body in the wire format of the target.
pub(super) struct EncodedRequest<'r> {
    pub request: &'r PlannedRequest,
    pub body: Option<Vec<u8>>,
    /// The state of the object over which alone it may be done.
    pub if_match: Option<&'r str>,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max_attempts: 4,
            initial_delay: Duration::from_millis(500),
            max_delay: Duration::from_secs(60),
            total_timeout: Duration::from_secs(180),
            jitter: JitterMode::Random,
        }
    }
}

impl HttpClient {
    /// Sends `request`, again and again where that is safe. `body` is `request.body` in the target's wire
    /// format.
    pub async fn send_with_retries(
        &self,
        request: &PlannedRequest,
        body: Option<Vec<u8>>,
        bounds: &ExchangeLimits,
        patience: &RetryPolicy,
    ) -> Result<CompletedRequest, TransportError> {
        self.send_encoded(EncodedRequest { request, body, if_match: None }, bounds, patience).await
    }

    /// The same of a request that may be bound to a state of the object.
    pub(super) async fn send_encoded(
        &self,
        encoded: EncodedRequest<'_>,
        bounds: &ExchangeLimits,
        patience: &RetryPolicy,
    ) -> Result<CompletedRequest, TransportError> {
        let body = encoded.body.map(Bytes::from);
        let key = self.create_idempotency_key(encoded.request);
        let outgoing = OutgoingRequest {
            base: self.base_url(),
            request: encoded.request,
            body: body.as_ref(),
            if_match: encoded.if_match,
            idempotency_key: key.as_deref(),
            limits: bounds,
        };
        self.send_outgoing(outgoing, patience).await
    }

    /// Sends a read whose path starts at the root of the host rather than at the base URL.
    pub async fn read_from_root(
        &self,
        request: &PlannedRequest,
        bounds: &ExchangeLimits,
        patience: &RetryPolicy,
    ) -> Result<CompletedRequest, TransportError> {
        let outgoing = OutgoingRequest {
            base: self.root_url(),
            request,
            body: None,
            if_match: None,
            idempotency_key: None,
            limits: bounds,
        };
        self.send_outgoing(outgoing, patience).await
    }

    async fn send_outgoing(
        &self,
        outgoing: OutgoingRequest<'_>,
        patience: &RetryPolicy,
    ) -> Result<CompletedRequest, TransportError> {
        let allowance = self.retry_budget();
        allowance.count_request();
        let writes = !outgoing.request.method.is_read();
        let repeatable = outgoing.request.idempotent || outgoing.idempotency_key.is_some();
        let terms = RetryContext {
            policy: patience,
            idempotent: repeatable,
            is_write: writes,
            target: self.target_name(),
            host: self.host(),
            retry_budget: allowance,
        };
        retry_attempts(terms, |number, left| async move {
            let bounds = ExchangeLimits { timeout: outgoing.limits.timeout.min(left), ..*outgoing.limits };
            self.send_attempt(OutgoingRequest { limits: &bounds, ..outgoing }, number).await
        })
        .await
    }
}

/// Under which terms a request may be sent again.
#[derive(Clone, Copy)]
struct RetryContext<'t> {
    policy: &'t RetryPolicy,
    /// Whether sending it twice is the same as sending it once.
    idempotent: bool,
    /// Whether it is not sent again once the run is to end.
    is_write: bool,
    target: &'t str,
    host: &'t str,
    retry_budget: &'t RetryBudget,
}

/// Calls `attempt` with its number and the time left, until an outcome stands.
async fn retry_attempts<A>(
    terms: RetryContext<'_>,
    mut attempt: impl FnMut(u32, Duration) -> A,
) -> Result<CompletedRequest, TransportError>
where
    A: Future<Output = TimedAttempt>,
{
    let patience = terms.policy;
    let mut pauses = patience.build_backoff();
    let mut left = patience.total_timeout;
    let (mut attempts, mut earlier) = (1, DeliveryStatus::NotSent);
    let mut before = None;
    loop {
        // counted by hand, because a request that waits for its turn among thousands has not begun
        let (outcome, took) = attempt(attempts, left).await;
        let outcome = match (outcome, before.take()) {
            // what is not begun again stands as it was
            (Err(failure), Some(last)) if failure.is_not_started() => {
                return finish_request(last, attempts - 1, earlier);
            }
            (outcome, _) => outcome,
        };
        left = left.saturating_sub(took);
        let pause = match pauses.next() {
            Some(pause) if terms.is_retryable(&outcome) => pause,
            _ => return finish_request(outcome, attempts, earlier),
        };
        let pause = pause.max(parse_retry_after(&outcome, SystemTime::now()).unwrap_or_default());
        if pause > patience.max_delay {
            return finish_request(Err(terms.build_retry_after_error(&outcome, pause)), attempts, earlier);
        }
        if pause >= left || !terms.retry_budget.try_withdraw() {
            return finish_request(outcome, attempts, earlier);
        }
        terms.notify_retry(&outcome, attempts, pause);
        earlier = earlier.max(classify_delivery(&outcome));
        attempts += 1;
        left -= pause;
        before = Some(outcome);
        terms.sleep_delay(pause).await;
    }
}

impl RetryPolicy {
    fn build_backoff(&self) -> impl Iterator<Item = Duration> + use<> {
        let builder = ExponentialBuilder::new()
            .with_min_delay(self.initial_delay)
            .with_max_delay(self.max_delay)
            .with_max_times(self.max_attempts.saturating_sub(1) as usize);
        let builder = match self.jitter {
            JitterMode::None => builder,
            JitterMode::Random => builder.with_jitter(),
            JitterMode::Seeded(seed) => builder.with_jitter().with_jitter_seed(seed),
        };
        let longest = self.max_delay;
        builder.build().map(move |pause| pause.min(longest))
    }
}

impl RetryContext<'_> {
    /// A pause, which the end of the run cuts short; what is sent then, if anything, is the sender's to say.
    async fn sleep_delay(&self, pause: Duration) {
        let stopped = async {
            match self.is_write {
                true => self.retry_budget.cancellation.wait_for_cancellation().await,
                false => self.retry_budget.cancellation.wait_for_read_cancellation().await,
            }
        };
        tokio::select! {
            () = sleep(pause) => {}
            () = stopped => {}
            () = self.retry_budget.cancellation.wait_for_deadline() => {}
        }
    }

    /// Says that a request is sent again.
    fn notify_retry(&self, outcome: &AttemptResult, attempts: u32, pause: Duration) {
        let why = &*describe_outcome(outcome);
        tracing::info!(host = self.host, after = why, ms = pause.as_millis(), attempts, "waits");
        let throttled = parse_retry_after(outcome, SystemTime::now()).is_some()
            || outcome.as_ref().is_ok_and(rate_limit_headers::is_throttled);
        self.retry_budget.notify_retry(&RetryEvent {
            target: self.target,
            reason: why,
            throttled,
            attempts,
            delay: pause,
        });
    }

    fn is_retryable(&self, outcome: &AttemptResult) -> bool {
        match outcome {
            Ok(response) if !self.is_write => {
                rate_limit_headers::is_throttled(response) || is_transient_status(response.status)
            }
            // a write may have been carried out also after 429
            Ok(response) => self.idempotent && matches!(response.status, 429 | 502..=504),
            Err(failure) => {
                failure.reason.is_transient()
                    && (self.idempotent || failure.delivery == DeliveryStatus::NotSent)
            }
        }
    }

    fn build_retry_after_error(&self, outcome: &AttemptResult, pause: Duration) -> TransportError {
        TransportError::new(
            TransportErrorReason::RetryAfterTooLong(pause),
            self.host.to_owned(),
            classify_delivery(outcome),
        )
    }
}

/// Whether an attempt that ended like this may have taken effect.
fn classify_delivery(outcome: &AttemptResult) -> DeliveryStatus {
    match outcome {
        Ok(response) if rate_limit_headers::is_throttled(response) => DeliveryStatus::NotSent,
        // a gateway's word says nothing about what is behind it
        Ok(_) => DeliveryStatus::MaybeSent,
        Err(failure) => failure.delivery,
    }
}

/// Whether a read that was answered with this status may succeed a little later.
fn is_transient_status(status: u16) -> bool {
    matches!(status, 408 | 409 | 423 | 425 | 500 | 502..=504 | 506..=599)
}

fn describe_outcome(outcome: &AttemptResult) -> String {
    match outcome {
        Ok(response) => response.status.to_string(),
        Err(failure) => failure.code().to_owned(),
    }
}

fn finish_request(
    outcome: AttemptResult,
    attempts: u32,
    earlier: DeliveryStatus,
) -> Result<CompletedRequest, TransportError> {
    match outcome {
        Ok(response) => Ok(CompletedRequest { response, attempts, earlier_delivery: earlier }),
        Err(failure) => Err(TransportError { attempts, delivery: failure.delivery.max(earlier), ..failure }),
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    fn answer(status: u16, retry_after: Option<&str>) -> AttemptResult {
        Ok(HttpResponse { status, retry_after: retry_after.map(str::to_owned), ..HttpResponse::default() })
    }

    fn failure(reason: TransportErrorReason, sent: DeliveryStatus) -> AttemptResult {
        Err(TransportError::new(reason, "api.example.com".into(), sent))
    }

    fn patience() -> RetryPolicy {
        RetryPolicy {
            jitter: JitterMode::None,
            initial_delay: Duration::from_secs(1),
            ..RetryPolicy::default()
        }
    }

    /// Plays `outcomes` in turn, the last one for ever; the result with the seconds it took.
    async fn play(
        patience: &RetryPolicy,
        repeatable: bool,
        outcomes: &[AttemptResult],
    ) -> (Result<CompletedRequest, TransportError>, f64) {
        let began = Instant::now();
        let allowance = RetryBudget::default();
        let terms = RetryContext {
            policy: patience,
            idempotent: repeatable,
            is_write: true,
            target: "there",
            host: "api.example.com",
            retry_budget: &allowance,
        };
        let result = retry_attempts(terms, |number, _| {
            let outcome = outcomes[(number as usize - 1).min(outcomes.len() - 1)].clone();
            std::future::ready((outcome, Duration::from_millis(1)))
        });
        (result.await, began.elapsed().as_secs_f64())
    }

    fn shown(result: &Result<CompletedRequest, TransportError>) -> (String, u32, DeliveryStatus) {
        match result {
            Ok(answered) => {
                (answered.response.status.to_string(), answered.attempts, answered.earlier_delivery)
            }
            Err(failure) => (failure.code().to_owned(), failure.attempts, failure.delivery),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_repeatable_request_outlives_busy_servers_and_broken_connections() {
        let outcomes = [
            answer(503, None),
            failure(TransportErrorReason::ConnectionClosed, DeliveryStatus::MaybeSent),
            answer(429, None),
            answer(200, None),
        ];
        let (result, seconds) = play(&patience(), true, &outcomes).await;
        assert_eq!(shown(&result), ("200".into(), 4, DeliveryStatus::MaybeSent));
        assert!((7.0..7.1).contains(&seconds), "1 + 2 + 4 seconds, not {seconds}");
    }

    #[tokio::test(start_paused = true)]
    async fn attempts_are_counted_and_end() {
        for last in [502, 503, 504, 429] {
            let (result, _) = play(&patience(), true, &[answer(last, None)]).await;
            assert_eq!(shown(&result).0, last.to_string());
            assert_eq!(shown(&result).1, 4);
        }
        let one = RetryPolicy { max_attempts: 1, ..patience() };
        assert_eq!(shown(&play(&one, true, &[answer(503, None)]).await.0).1, 1);
        let none = RetryPolicy { max_attempts: 0, ..patience() };
        assert_eq!(shown(&play(&none, true, &[answer(503, None)]).await.0).1, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_not_repeatable_is_sent_again_only_when_it_surely_took_no_effect() {
        let fine = answer(201, None);
        for (first, attempts) in [
            (answer(429, None), 1),
            (failure(TransportErrorReason::CannotConnect("refused".into()), DeliveryStatus::NotSent), 2),
            (
                failure(
                    TransportErrorReason::LoginUnavailable { status: 503, retry_after: None },
                    DeliveryStatus::NotSent,
                ),
                2,
            ),
            (answer(502, None), 1),
            (answer(503, Some("1")), 1),
            (answer(504, None), 1),
            (failure(TransportErrorReason::ConnectionClosed, DeliveryStatus::MaybeSent), 1),
            (failure(TransportErrorReason::Truncated, DeliveryStatus::MaybeSent), 1),
            (failure(TransportErrorReason::Timeout(Duration::ZERO), DeliveryStatus::MaybeSent), 1),
        ] {
            let (result, _) = play(&patience(), false, &[first, fine.clone()]).await;
            assert_eq!(shown(&result).1, attempts, "{:?}", shown(&result));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_will_not_pass_is_not_repeated() {
        for outcome in [
            answer(200, None),
            answer(400, None),
            answer(401, None),
            answer(409, None),
            answer(500, None),
            failure(TransportErrorReason::Tls("bad".into()), DeliveryStatus::NotSent),
            failure(TransportErrorReason::TooLarge(1), DeliveryStatus::MaybeSent),
            failure(TransportErrorReason::NotHttp, DeliveryStatus::MaybeSent),
            failure(
                TransportErrorReason::LoginRejected { status: 401, oauth_error: None },
                DeliveryStatus::NotSent,
            ),
        ] {
            let (result, seconds) = play(&patience(), true, &[outcome]).await;
            assert_eq!((shown(&result).1, seconds), (1, 0.0), "{:?}", shown(&result));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_that_the_service_asks_for_is_kept_up_to_a_limit() {
        let fine = answer(200, None);
        let (_, seconds) = play(&patience(), true, &[answer(503, Some("30")), fine.clone()]).await;
        assert!((30.0..30.1).contains(&seconds), "{seconds}");
        let (_, seconds) = play(&patience(), true, &[answer(429, Some("0")), fine.clone()]).await;
        assert!((1.0..1.1).contains(&seconds), "never sooner than the first pause: {seconds}");
        for (status, effect) in [(429, DeliveryStatus::NotSent), (503, DeliveryStatus::MaybeSent)] {
            let (result, seconds) =
                play(&patience(), true, &[answer(status, Some("61")), fine.clone()]).await;
            assert_eq!((shown(&result), seconds), (("rate-limited".into(), 1, effect), 0.0));
        }
        let endless = answer(429, Some("18446744073709551615"));
        assert_eq!(shown(&play(&patience(), true, &[endless]).await.0).0, "rate-limited");
    }

    #[tokio::test(start_paused = true)]
    async fn the_whole_time_is_bounded() {
        let short = RetryPolicy { total_timeout: Duration::from_secs(2), ..patience() };
        let (result, seconds) = play(&short, true, &[answer(503, None)]).await;
        assert_eq!(shown(&result).1, 2, "the second pause would end after the deadline");
        assert!(seconds < 2.0, "{seconds}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_an_earlier_attempt_may_have_done_is_not_forgotten() {
        let outcomes = [
            failure(TransportErrorReason::ConnectionClosed, DeliveryStatus::MaybeSent),
            failure(TransportErrorReason::CannotConnect("x".into()), DeliveryStatus::NotSent),
        ];
        let (result, _) = play(&patience(), true, &outcomes).await;
        assert_eq!(shown(&result), ("cannot-connect".into(), 4, DeliveryStatus::MaybeSent));
    }

    #[test]
    fn jitter_spreads_and_a_seed_repeats_it() {
        let pauses = |jitter| RetryPolicy { jitter, ..patience() }.build_backoff().collect::<Vec<_>>();
        assert_eq!(pauses(JitterMode::Seeded(7)), pauses(JitterMode::Seeded(7)));
        assert_ne!(pauses(JitterMode::Seeded(7)), pauses(JitterMode::Seeded(8)));
        let bare = pauses(JitterMode::None);
        for (spread, bare) in pauses(JitterMode::Random).iter().zip(bare) {
            assert!(*spread >= bare && *spread <= bare * 2, "{spread:?} for {bare:?}");
        }
    }
}
