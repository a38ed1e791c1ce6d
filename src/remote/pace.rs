//! How fast one service is asked: so many requests at once, so many in a second.
//!
//! Both limits are per client. The second is exact over any second, not an average: a request starts only
//! when the one that many requests before it began a full second ago, so a short run is not slowed at all.
//! Deliberately absent: pauses a service asks for (`retry`), and limits learnt from answers.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep_until};

/// The limits of one client, and what is under way.
pub(super) struct Pace {
    turns: Semaphore,
    second: Option<Second>,
}

/// The starts of the last requests, at most as many as fit into a second.
struct Second {
    most: usize,
    starts: Mutex<VecDeque<Instant>>,
}

impl Pace {
    /// At most `parallel` at once and `per_second` in a second. Zero means one.
    pub(super) fn new(parallel: u32, per_second: Option<u32>) -> Self {
        let turns = usize::try_from(parallel.max(1)).unwrap_or(1).min(Semaphore::MAX_PERMITS);
        let second = per_second.map(|most| Second { most: most.max(1) as usize, starts: Mutex::default() });
        Self { turns: Semaphore::new(turns), second }
    }

    /// A place among those under way, held until it is dropped.
    pub(super) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        // the semaphore is never closed, so this is always a permit
        self.turns.acquire().await.ok()
    }

    /// Waits until one more request fits into the second.
    pub(super) async fn tick(&self) {
        if let Some(second) = &self.second {
            sleep_until(second.reserve(Instant::now())).await;
        }
    }
}

impl Second {
    fn reserve(&self, now: Instant) -> Instant {
        let mut starts = self.starts.lock().unwrap_or_else(PoisonError::into_inner);
        let oldest = if starts.len() < self.most { None } else { starts.pop_front() };
        let start = oldest.map_or(now, |oldest| now.max(oldest + Duration::from_secs(1)));
        starts.push_back(start);
        start
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn no_second_holds_more_than_its_share() {
        let pace = Pace::new(10, Some(3));
        let began = Instant::now();
        let mut starts = Vec::new();
        for _ in 0..10 {
            pace.tick().await;
            starts.push(began.elapsed());
        }
        assert_eq!(starts[2], Duration::ZERO, "the first three need no wait");
        assert!(starts.windows(4).all(|four| four[3] - four[0] >= Duration::from_secs(1)), "{starts:?}");
        assert!(starts[9] < Duration::from_millis(3_100), "no slower than it must be: {starts:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_rest_the_whole_share_is_there_again() {
        let pace = Pace::new(1, Some(2));
        for _ in 0..2 {
            pace.tick().await;
        }
        tokio::time::sleep(Duration::from_secs(5)).await;
        let began = Instant::now();
        for _ in 0..2 {
            pace.tick().await;
        }
        assert!(began.elapsed() < Duration::from_millis(5));
    }

    #[tokio::test]
    async fn a_turn_is_given_back() {
        let pace = Pace::new(0, None);
        drop(pace.turn().await.expect("a turn"));
        let held = pace.turn().await.expect("a turn");
        assert!(pace.turns.try_acquire().is_err(), "zero means one, not none and not many");
        drop(held);
    }
}
