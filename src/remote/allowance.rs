//! What a whole run may cost, over all its targets: how long it may take, and how often it may repeat itself.
//!
//! A request alone is repeated a few times; a thousand that each do so turn a service's bad minute into an
//! outage. So repetitions have a budget of their own: a hundred and one for every five requests, or what
//! somebody names.
//! Deliberately absent: the limits of one service (`pace`) and of one request (`retry`).

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::stop::Stop;
use crate::diagnostic::Diagnostic;

/// Repetitions that every run has.
const BASE: u64 = 100;
/// So many requests allow one more.
const SHARE: u64 = 5;

/// A request is about to be sent again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Again<'a> {
    pub target: &'a str,
    /// The status, or the code of what went wrong.
    pub why: &'a str,
    /// Whether the service asked for patience.
    pub throttled: bool,
    /// How many times it was sent so far.
    pub attempts: u32,
    pub pause: Duration,
}

/// Who hears of requests that are sent again.
pub type Listener = Arc<dyn Fn(&Again) + Send + Sync>;

/// What a run may cost, and what it has cost so far.
#[derive(Default)]
pub struct Allowance {
    pub stop: Arc<Stop>,
    most: Option<u64>,
    begun: AtomicU64,
    repeated: AtomicU64,
    spent: AtomicBool,
    listener: OnceLock<Listener>,
}

impl Allowance {
    /// For a run that ends with `stop`; `most` are the repetitions it may have, when somebody says so.
    pub fn new(stop: Arc<Stop>, most: Option<u32>) -> Self {
        Self { stop, most: most.map(u64::from), ..Self::default() }
    }

    /// From now on somebody hears of requests that are sent again; the first who asked.
    pub fn listen(&self, listener: Listener) {
        let _ = self.listener.set(listener);
    }

    pub(super) fn tell(&self, again: &Again) {
        if let Some(listener) = self.listener.get() {
            listener(again);
        }
    }

    /// A request is sent for the first time.
    pub(super) fn begin(&self) {
        self.begun.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes one repetition from the budget; false when nothing is left of it.
    pub(super) fn repeat(&self) -> bool {
        let most = self.most.unwrap_or_else(|| BASE + self.begun.load(Ordering::Relaxed) / SHARE);
        let more = |repeated| (repeated < most).then_some(repeated + 1);
        let taken = self.repeated.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok();
        if !taken {
            self.spent.store(true, Ordering::Relaxed);
        }
        taken
    }

    /// How many requests were sent again.
    pub fn repeated(&self) -> u64 {
        self.repeated.load(Ordering::Relaxed)
    }

    /// What is to be said when the budget kept a request from being repeated.
    pub fn finding(&self) -> Option<Diagnostic> {
        let message = match self.repeated() {
            0 => "requests may not be repeated in this run, and some would have been".to_owned(),
            repeated => format!("{repeated} requests were repeated, which is the budget of this run"),
        };
        let hint = "see why so many fail; `--max-retries` allows more";
        self.spent.load(Ordering::Relaxed).then(|| Diagnostic::warning("retries-spent", message).hint(hint))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_grows_with_the_run_unless_it_is_named() {
        let run = Allowance::default();
        assert_eq!((0..200).filter(|_| run.repeat()).count(), 100);
        (0..50).for_each(|_| run.begin());
        assert_eq!((0..200).filter(|_| run.repeat()).count(), 10);
        assert!(run.finding().is_some_and(|finding| finding.message.starts_with("110 requests")));

        let named = Allowance::new(Arc::default(), Some(2));
        (0..50).for_each(|_| named.begin());
        assert!(named.finding().is_none());
        assert_eq!((0..200).filter(|_| named.repeat()).count(), 2);

        let none = Allowance::new(Arc::default(), Some(0));
        assert!(!none.repeat() && none.finding().is_some());
    }
}
