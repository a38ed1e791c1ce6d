//! What a whole run may cost, over all its targets: how long it may take, and how often it may repeat itself.
//!
//! A request alone is repeated a few times; a thousand that each do so turn a service's bad minute into an
//! outage. So repetitions have a budget of their own: a hundred and one for every five requests, or what
//! someone names.
//! Deliberately absent: the limits of one service (`pace`) and of one request (`retry`).

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::cancellation::CancellationToken;
use crate::diagnostic::Diagnostic;

/// Repetitions that every run has.
const MIN_RETRIES: u64 = 100;
/// So many requests allow one more.
const REQUESTS_PER_RETRY: u64 = 5;

/// A request is about to be sent again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RetryEvent<'a> {
    pub target: &'a str,
    /// The status, or the code of what went wrong.
    pub reason: &'a str,
    /// Whether the service asked for patience.
    pub throttled: bool,
    /// How many times it was sent so far.
    pub attempts: u32,
    pub delay: Duration,
}

/// Receives the requests that are sent again.
pub type RetryListener = Arc<dyn Fn(&RetryEvent) + Send + Sync>;

/// What a run may cost, and what it has cost so far.
#[derive(Default)]
pub struct RetryBudget {
    pub cancellation: Arc<CancellationToken>,
    max_retries: Option<u64>,
    requests: AtomicU64,
    retries: AtomicU64,
    exhausted: AtomicBool,
    listener: OnceLock<RetryListener>,
}

impl RetryBudget {
    /// For a run that ends with `stop`; `most` are the repetitions it may have, when someone says so.
    pub fn new(stop: Arc<CancellationToken>, most: Option<u32>) -> Self {
        Self { cancellation: stop, max_retries: most.map(u64::from), ..Self::default() }
    }

    /// From now on requests that are sent again are reported; the first observer counts.
    pub fn set_listener(&self, listener: RetryListener) {
        let _ = self.listener.set(listener);
    }

    pub(super) fn notify_retry(&self, again: &RetryEvent) {
        if let Some(listener) = self.listener.get() {
            listener(again);
        }
    }

    /// A request is sent for the first time.
    pub(super) fn count_request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes one repetition from the budget; false when nothing is left of it.
    pub(super) fn try_withdraw(&self) -> bool {
        let most = self
            .max_retries
            .unwrap_or_else(|| MIN_RETRIES + self.requests.load(Ordering::Relaxed) / REQUESTS_PER_RETRY);
        let more = |repeated| (repeated < most).then_some(repeated + 1);
        let taken = self.retries.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok();
        if !taken {
            self.exhausted.store(true, Ordering::Relaxed);
        }
        taken
    }

    /// How many requests were sent again.
    pub fn count_retries(&self) -> u64 {
        self.retries.load(Ordering::Relaxed)
    }

    /// What is to be said when the budget kept a request from being repeated.
    pub fn check_exhaustion(&self) -> Option<Diagnostic> {
        let message = match self.count_retries() {
            0 => "requests may not be repeated in this run, and some would have been".to_owned(),
            repeated => format!("{repeated} requests were repeated, which is the budget of this run"),
        };
        let hint = "see why so many fail; `--max-retries` allows more";
        self.exhausted
            .load(Ordering::Relaxed)
            .then(|| Diagnostic::warning("retry-budget-exhausted", message).with_hint(hint))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_grows_with_the_run_unless_it_is_named() {
        let run = RetryBudget::default();
        assert_eq!((0..200).filter(|_| run.try_withdraw()).count(), 100);
        (0..50).for_each(|_| run.count_request());
        assert_eq!((0..200).filter(|_| run.try_withdraw()).count(), 10);
        assert!(run.check_exhaustion().is_some_and(|finding| finding.message.starts_with("110 requests")));

        let named = RetryBudget::new(Arc::default(), Some(2));
        (0..50).for_each(|_| named.count_request());
        assert!(named.check_exhaustion().is_none());
        assert_eq!((0..200).filter(|_| named.try_withdraw()).count(), 2);

        let none = RetryBudget::new(Arc::default(), Some(0));
        assert!(!none.try_withdraw() && none.check_exhaustion().is_some());
    }
}
