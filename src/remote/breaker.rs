//! Leaving a service alone that is down.
//!
//! After so many failures in a row nothing is begun there for a while; then one request tries. When it gets an
//! answer everything goes on, when it fails too the target is given up for the rest of the run. A failure is a
//! connection that broke, an answer that did not come, or a status of 500 and more; any other answer shows that
//! the service is there.
//! Deliberately absent: 429, which is a matter of pace, and what becomes of objects whose turn did not come.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::transport_error::{TransportError, TransportErrorReason};
use crate::exchange::HttpResponse;

/// So many failures in a row are more than bad luck.
const FAILURE_THRESHOLD: u32 = 10;
/// How long a service is left alone.
const OPEN_DURATION: Duration = Duration::from_secs(15);

/// Whether a service is spoken to.
#[derive(Default)]
pub(super) struct CircuitBreaker {
    state: Mutex<BreakerState>,
    changed: Notify,
}

enum BreakerState {
    /// So many failures in a row so far.
    Closed(u32),
    Open(Instant),
    /// One request tries.
    HalfOpen,
    PermanentlyOpen(String),
}

impl Default for BreakerState {
    fn default() -> Self {
        Self::Closed(0)
    }
}

/// Leave to send one request; what came of it is to be reported.
pub(super) struct BreakerPermit<'b> {
    breaker: &'b CircuitBreaker,
    is_probe: bool,
}

impl CircuitBreaker {
    /// Waits until a request may be sent; nothing when the service is given up.
    pub(super) async fn acquire_permit(&self) -> Option<BreakerPermit<'_>> {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let until = match self.try_acquire(Instant::now()) {
                BreakerDecision::Allow(leave) => return Some(leave),
                BreakerDecision::Reject => return None,
                BreakerDecision::Wait(until) => until,
            };
            match until {
                Some(until) => tokio::select! {
                    () = sleep_until(until) => {}
                    () = changed => {}
                },
                None => changed.await,
            }
        }
    }

    fn try_acquire(&self, now: Instant) -> BreakerDecision<'_> {
        let mut state = self.lock_state();
        match *state {
            BreakerState::Closed(_) => {
                BreakerDecision::Allow(BreakerPermit { breaker: self, is_probe: false })
            }
            BreakerState::PermanentlyOpen(_) => BreakerDecision::Reject,
            BreakerState::HalfOpen => BreakerDecision::Wait(None),
            BreakerState::Open(until) if now < until => BreakerDecision::Wait(Some(until)),
            BreakerState::Open(_) => {
                *state = BreakerState::HalfOpen;
                BreakerDecision::Allow(BreakerPermit { breaker: self, is_probe: true })
            }
        }
    }

    /// Why the service was given up, when it was: what the last request came to.
    pub(super) fn find_permanent_failure(&self) -> Option<String> {
        match &*self.lock_state() {
            BreakerState::PermanentlyOpen(why) => Some(why.clone()),
            _ => None,
        }
    }

    fn lock_state(&self) -> MutexGuard<'_, BreakerState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum BreakerDecision<'b> {
    Allow(BreakerPermit<'b>),
    Reject,
    /// Until then, or until something changes.
    Wait(Option<Instant>),
}

impl BreakerPermit<'_> {
    /// What came of the request. True when the service is left alone from now on.
    pub(super) fn record_outcome(mut self, outcome: &Result<HttpResponse, TransportError>) -> bool {
        let tried = std::mem::replace(&mut self.is_probe, false);
        let mut state = self.breaker.lock_state();
        let next = match (classify_outcome(outcome), &*state) {
            (HealthSignal::Unhealthy(why), _) if tried => BreakerState::PermanentlyOpen(why),
            (_, _) if tried => BreakerState::Closed(0),
            (HealthSignal::Unhealthy(_), BreakerState::Closed(before)) if before + 1 >= FAILURE_THRESHOLD => {
                BreakerState::Open(Instant::now() + OPEN_DURATION)
            }
            (HealthSignal::Unhealthy(_), BreakerState::Closed(before)) => BreakerState::Closed(before + 1),
            // a request of before the rest that got through after all shows as much as one that tries
            (HealthSignal::Healthy, BreakerState::Closed(_) | BreakerState::Open(_)) => {
                BreakerState::Closed(0)
            }
            _ => return false,
        };
        let rests = matches!(next, BreakerState::Open(_));
        *state = next;
        drop(state);
        self.breaker.changed.notify_waiters();
        rests
    }
}

impl Drop for BreakerPermit<'_> {
    /// Someone else tries when the one who was to is gone.
    fn drop(&mut self) {
        if self.is_probe {
            *self.breaker.lock_state() = BreakerState::Open(Instant::now());
            self.breaker.changed.notify_waiters();
        }
    }
}

/// What an outcome says about the service.
enum HealthSignal {
    Healthy,
    Unhealthy(String),
    Inconclusive,
}

fn classify_outcome(outcome: &Result<HttpResponse, TransportError>) -> HealthSignal {
    match outcome {
        Ok(response) if response.status == 429 => HealthSignal::Inconclusive,
        Ok(response) if response.status >= 500 => {
            HealthSignal::Unhealthy(format!("status {}", response.status))
        }
        Ok(_) => HealthSignal::Healthy,
        Err(failure) => match failure.reason {
            TransportErrorReason::CannotConnect(_)
            | TransportErrorReason::Tls(_)
            | TransportErrorReason::Timeout(_)
            | TransportErrorReason::ConnectionClosed
            | TransportErrorReason::Truncated
            | TransportErrorReason::LoginUnavailable { .. } => {
                HealthSignal::Unhealthy(failure.code().to_owned())
            }
            _ => HealthSignal::Inconclusive,
        },
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::remote::transport_error::DeliveryStatus;

    fn answer(status: u16) -> Result<HttpResponse, TransportError> {
        Ok(HttpResponse { status, ..HttpResponse::default() })
    }

    fn broken() -> Result<HttpResponse, TransportError> {
        Err(TransportError::new(
            TransportErrorReason::ConnectionClosed,
            "api.example.com".into(),
            DeliveryStatus::MaybeSent,
        ))
    }

    async fn tell(breaker: &CircuitBreaker, outcome: Result<HttpResponse, TransportError>) -> bool {
        breaker.acquire_permit().await.is_some_and(|leave| leave.record_outcome(&outcome))
    }

    async fn fail(breaker: &CircuitBreaker) {
        for at in 1..=FAILURE_THRESHOLD {
            let outcome = if at % 2 == 0 { broken() } else { answer(503) };
            assert_eq!(tell(breaker, outcome).await, at == FAILURE_THRESHOLD);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_service_that_is_down_is_left_alone_tried_once_and_given_up() {
        let (breaker, began) = (CircuitBreaker::default(), Instant::now());
        fail(&breaker).await;
        assert_eq!(breaker.find_permanent_failure(), None);
        assert!(!tell(&breaker, answer(502)).await);
        assert_eq!(began.elapsed(), OPEN_DURATION);
        assert_eq!(breaker.find_permanent_failure().as_deref(), Some("status 502"));
        assert!(breaker.acquire_permit().await.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_shows_that_it_is_back() {
        let breaker = CircuitBreaker::default();
        fail(&breaker).await;
        tell(&breaker, answer(404)).await;
        let began = Instant::now();
        fail(&breaker).await;
        assert_eq!(began.elapsed(), Duration::ZERO, "counted from the start again");
    }

    #[tokio::test(start_paused = true)]
    async fn failures_count_only_in_a_row_and_busy_is_none() {
        let breaker = CircuitBreaker::default();
        for at in 0..10 * FAILURE_THRESHOLD {
            let outcome = if at % FAILURE_THRESHOLD == 0 { answer(200) } else { answer(500) };
            assert!(!tell(&breaker, outcome).await);
        }
        tell(&breaker, answer(200)).await;
        for _ in 0..10 * FAILURE_THRESHOLD {
            assert!(!tell(&breaker, answer(429)).await);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn while_one_tries_the_others_wait_for_it() {
        let breaker = CircuitBreaker::default();
        fail(&breaker).await;
        let first = breaker.acquire_permit().await.expect("leave to try");
        let (mut second, mut third) =
            (Box::pin(breaker.acquire_permit()), Box::pin(breaker.acquire_permit()));
        assert!(second.as_mut().now_or_never().is_none());
        // the one that tried goes away without a word
        drop(first);
        let second = second.await.expect("leave to try");
        assert!(third.as_mut().now_or_never().is_none());
        second.record_outcome(&answer(200));
        assert!(third.await.is_some());
    }
}
