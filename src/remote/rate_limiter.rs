//! How fast one service is asked: so many requests at once, so many in a second or a minute, so many in a burst.
//!
//! What the description of the API says is kept from the first request on. A rate is exact over any second or
//! minute, not an average: a request starts only when the one that many requests before it began that long ago.
//! A burst is a bucket that the rate refills. What no one described is learnt: on 429 half as many requests are
//! under way at once, and one more again for every round that went well; a pause that the service asks for
//! holds for all requests to it.
//! Deliberately absent: which request is sent again (`retry`).

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep_until};

use crate::kind::file::LimitsFile;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// The limits of one client, and what is under way.
pub(super) struct RateLimiter {
    permits: Semaphore,
    concurrency: Mutex<ConcurrencyLimit>,
    rates: Mutex<RateState>,
}

/// How many requests may be under way at once.
struct ConcurrencyLimit {
    max: usize,
    current: usize,
    /// Turns that are taken away as soon as they are given back.
    pending_removals: usize,
    /// Requests that went well since the last change.
    successes: usize,
    changed_at: Option<Instant>,
}

/// When the next request may start.
struct RateState {
    windows: Vec<SlidingWindow>,
    bucket: Option<TokenBucket>,
    paused_until: Option<Instant>,
}

/// The starts of the last requests, at most as many as fit into the span.
struct SlidingWindow {
    span: Duration,
    max_requests: usize,
    starts: VecDeque<Instant>,
}

/// A bucket of requests; each takes one, and each interval puts one back.
struct TokenBucket {
    capacity: u32,
    interval: Duration,
    /// When the bucket is full again.
    full_at: Option<Instant>,
}

/// How fast a service is asked by now.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct RateStatus {
    /// How many requests may be under way at once.
    pub concurrency: usize,
    /// How many might be, had the service not asked for patience.
    pub max_concurrency: usize,
    /// How many may start in a second, and in a minute.
    pub per_second: Option<usize>,
    pub per_minute: Option<usize>,
    /// How much longer nothing starts; the service asked for it.
    pub pause: Option<Duration>,
}

/// A place among those under way, held until it is dropped.
pub(super) struct ConcurrencyPermit<'p> {
    rate_limiter: &'p RateLimiter,
    permit: Option<SemaphorePermit<'p>>,
}

impl RateLimiter {
    /// At most `parallel` at once, and no faster than the limits say. Zero means one.
    pub(super) fn new(parallel: u32, limits: &LimitsFile) -> Self {
        let turns = usize::try_from(parallel.max(1)).unwrap_or(1).min(Semaphore::MAX_PERMITS);
        let width = ConcurrencyLimit {
            max: turns,
            current: turns,
            pending_removals: 0,
            successes: 0,
            changed_at: None,
        };
        Self {
            permits: Semaphore::new(turns),
            concurrency: width.into(),
            rates: RateState::from_limits(limits).into(),
        }
    }

    /// A place among those under way.
    pub(super) async fn acquire_permit(&self) -> ConcurrencyPermit<'_> {
        // the semaphore is never closed, so this is always a permit
        ConcurrencyPermit { rate_limiter: self, permit: self.permits.acquire().await.ok() }
    }

    /// Waits until one more request may start.
    pub(super) async fn wait_for_start(&self) {
        let now = Instant::now();
        let start = lock_mutex(&self.rates).reserve_start(now);
        // the runtime's clock counts whole milliseconds: waiting for what is past would cost one a request
        if start > now {
            sleep_until(start).await;
        }
        // the service may have asked for a pause meanwhile
        while let Some(held) = self.read_pause().filter(|held| *held > Instant::now()) {
            sleep_until(held).await;
        }
    }

    fn read_pause(&self) -> Option<Instant> {
        lock_mutex(&self.rates).paused_until
    }

    /// Nothing starts for so long; the service asked for it.
    pub(super) fn pause_requests(&self, pause: Duration) {
        let mut rates = lock_mutex(&self.rates);
        rates.paused_until = rates.paused_until.max(Instant::now().checked_add(pause));
    }

    /// A request that began then was too much: half as many at once from now on.
    pub(super) fn reduce_concurrency(&self, began: Instant) {
        let mut width = lock_mutex(&self.concurrency);
        // those that were sent before the last change say nothing about the pace since
        if width.current == 1 || width.changed_at.is_some_and(|changed| began < changed) {
            return;
        }
        let fewer = width.current - width.current / 2;
        let gone = self.permits.forget_permits(fewer);
        width.pending_removals += fewer - gone;
        width.current -= fewer;
        width.successes = 0;
        width.changed_at = Some(Instant::now());
        tracing::info!(at_once = width.current, "slower");
    }

    /// A request went well; a whole round of them allows one more at once.
    pub(super) fn record_success(&self) {
        let mut width = lock_mutex(&self.concurrency);
        if width.current >= width.max {
            return;
        }
        width.successes += 1;
        if width.successes > width.current {
            width.successes = 0;
            width.current += 1;
            match width.pending_removals {
                0 => self.permits.add_permits(1),
                _ => width.pending_removals -= 1,
            }
        }
    }

    /// How fast the service is asked by now.
    pub(super) fn measure_rate(&self) -> RateStatus {
        let (at_once, most) = {
            let width = lock_mutex(&self.concurrency);
            (width.current, width.max)
        };
        let rates = lock_mutex(&self.rates);
        let rate =
            |span| rates.windows.iter().find(|window| window.span == span).map(|window| window.max_requests);
        let pause = rates.paused_until.map(|held| held.saturating_duration_since(Instant::now()));
        let pause = pause.filter(|pause| !pause.is_zero());
        RateStatus {
            concurrency: at_once,
            max_concurrency: most,
            per_second: rate(SECOND),
            per_minute: rate(MINUTE),
            pause,
        }
    }

    /// How many requests may be under way at once by now.
    #[cfg(test)]
    fn current_concurrency(&self) -> usize {
        lock_mutex(&self.concurrency).current
    }
}

impl Drop for ConcurrencyPermit<'_> {
    fn drop(&mut self) {
        let mut width = lock_mutex(&self.rate_limiter.concurrency);
        if width.pending_removals > 0
            && let Some(permit) = self.permit.take()
        {
            width.pending_removals -= 1;
            permit.forget();
        }
    }
}

/// How long it takes until the rate allows one more request.
pub fn compute_interval(limits: &LimitsFile) -> Option<Duration> {
    let second = limits.per_second.map(|most| SECOND / most.max(1));
    let minute = limits.per_minute.map(|most| MINUTE / most.max(1));
    second.max(minute)
}

/// The least time from the first of so many requests to the start of the last, where a limit is known: no request
/// takes any time, and none was sent before. Computed by the same reckoning that spaces the requests.
pub fn estimate_min_duration(limits: &LimitsFile, requests: u64) -> Option<Duration> {
    compute_interval(limits)?;
    let (mut rates, now) = (RateState::from_limits(limits), Instant::now());
    let last = (0..requests).fold(now, |_, _| rates.reserve_start(now));
    Some(last.saturating_duration_since(now))
}

impl RateState {
    fn from_limits(limits: &LimitsFile) -> Self {
        let window = |most: u32, span| SlidingWindow {
            span,
            max_requests: most.max(1) as usize,
            starts: VecDeque::new(),
        };
        let second = limits.per_second.map(|most| window(most, SECOND));
        let minute = limits.per_minute.map(|most| window(most, MINUTE));
        let bucket = limits.burst.zip(compute_interval(limits)).map(|(most, interval)| TokenBucket {
            capacity: most.max(1),
            interval,
            full_at: None,
        });
        Self { windows: second.into_iter().chain(minute).collect(), bucket, paused_until: None }
    }

    fn reserve_start(&mut self, now: Instant) -> Instant {
        let windows = self.windows.iter().filter_map(SlidingWindow::find_next_start);
        let bucket = self.bucket.iter().filter_map(TokenBucket::find_next_start);
        let start = windows.chain(bucket).chain(self.paused_until).fold(now, Instant::max);
        self.windows.iter_mut().for_each(|window| window.record_start(start));
        self.bucket.iter_mut().for_each(|bucket| bucket.record_start(start));
        start
    }
}

impl SlidingWindow {
    /// The soonest start that does not make it too many.
    fn find_next_start(&self) -> Option<Instant> {
        let oldest = self.starts.front().filter(|_| self.starts.len() >= self.max_requests)?;
        oldest.checked_add(self.span)
    }

    fn record_start(&mut self, start: Instant) {
        if self.starts.len() >= self.max_requests {
            self.starts.pop_front();
        }
        self.starts.push_back(start);
    }
}

impl TokenBucket {
    fn find_next_start(&self) -> Option<Instant> {
        self.full_at?.checked_sub(self.interval * (self.capacity - 1))
    }

    fn record_start(&mut self, start: Instant) {
        let full = self.full_at.map_or(start, |full| full.max(start));
        self.full_at = full.checked_add(self.interval);
    }
}

fn lock_mutex<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(per_second: Option<u32>, per_minute: Option<u32>, burst: Option<u32>) -> LimitsFile {
        LimitsFile { per_second, per_minute, burst, ..LimitsFile::default() }
    }

    async fn starts(pace: &RateLimiter, number: usize) -> Vec<Duration> {
        let began = Instant::now();
        let mut starts = Vec::new();
        for _ in 0..number {
            pace.wait_for_start().await;
            starts.push(began.elapsed());
        }
        starts
    }

    #[tokio::test(start_paused = true)]
    async fn no_second_holds_more_than_its_share() {
        let starts = starts(&RateLimiter::new(10, &limits(Some(3), None, None)), 10).await;
        assert_eq!(starts[2], Duration::ZERO, "the first three need no wait");
        assert!(starts.windows(4).all(|four| four[3] - four[0] >= SECOND), "{starts:?}");
        assert!(starts[9] < Duration::from_millis(3_100), "no slower than it must be: {starts:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_second_and_a_minute_hold_together() {
        let starts = starts(&RateLimiter::new(10, &limits(Some(2), Some(5), None)), 12).await;
        assert!(starts.windows(3).all(|three| three[2] - three[0] >= SECOND), "{starts:?}");
        assert!(starts.windows(6).all(|six| six[5] - six[0] >= MINUTE), "{starts:?}");
        assert!(starts[11] < Duration::from_millis(121_500), "{starts:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_is_refilled_at_the_rate() {
        let pace = RateLimiter::new(10, &limits(Some(10), None, Some(2)));
        let first = starts(&pace, 6).await;
        assert_eq!(first[1], Duration::ZERO, "the bucket is full at first");
        assert!(first.windows(2).skip(1).all(|two| two[1] - two[0] >= SECOND / 10), "{first:?}");
        tokio::time::sleep(SECOND * 60).await;
        let second = starts(&pace, 3).await;
        assert!(second[1] < SECOND / 10 && second[2] >= SECOND / 10, "no more than a bucket: {second:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn the_least_time_is_that_of_requests_that_take_none() {
        let some =
            [limits(Some(3), None, None), limits(Some(2), Some(5), None), limits(Some(10), None, Some(2))];
        for limits in some {
            let starts = starts(&RateLimiter::new(10, &limits), 12).await;
            let least = estimate_min_duration(&limits, 12).unwrap();
            assert!(
                starts[11] >= least && starts[11] < least + SECOND / 20,
                "{starts:?}, at least {least:?}"
            );
        }
        assert_eq!(estimate_min_duration(&limits(None, Some(600), None), 12), Some(Duration::ZERO));
        assert_eq!(estimate_min_duration(&limits(None, Some(600), None), 601), Some(MINUTE));
        assert_eq!(estimate_min_duration(&limits(None, Some(600), None), 0), Some(Duration::ZERO));
        assert_eq!(estimate_min_duration(&LimitsFile::default(), 12), None);
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_rest_the_whole_share_is_there_again() {
        let pace = RateLimiter::new(1, &limits(Some(2), None, None));
        starts(&pace, 2).await;
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert!(starts(&pace, 2).await[1] < Duration::from_millis(5));
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_that_is_asked_for_holds_for_everybody() {
        let pace = RateLimiter::new(4, &LimitsFile::default());
        let began = Instant::now();
        let waiting = async {
            pace.wait_for_start().await;
            began.elapsed()
        };
        pace.pause_requests(SECOND * 3);
        let longer = async {
            tokio::time::sleep(SECOND).await;
            pace.pause_requests(SECOND * 4);
            pace.pause_requests(SECOND);
        };
        let (waited, ()) = futures_util::future::join(waiting, longer).await;
        assert!(waited >= SECOND * 5 && waited < SECOND * 6, "the longest pause counts: {waited:?}");
    }

    #[tokio::test]
    async fn a_turn_is_given_back() {
        let pace = RateLimiter::new(0, &LimitsFile::default());
        drop(pace.acquire_permit().await);
        let held = pace.acquire_permit().await;
        assert!(pace.permits.try_acquire().is_err(), "zero means one, not none and not many");
        drop(held);
    }

    #[tokio::test(start_paused = true)]
    async fn too_much_halves_what_is_under_way_once_a_round_and_comes_back_slowly() {
        let pace = RateLimiter::new(8, &LimitsFile::default());
        let began = Instant::now();
        let mut held = Vec::new();
        for _ in 0..8 {
            held.push(pace.acquire_permit().await);
        }
        tokio::time::sleep(SECOND).await;
        for _ in 0..8 {
            pace.reduce_concurrency(began);
        }
        assert_eq!(pace.current_concurrency(), 4, "eight answers of one round are one answer");
        held.clear();
        assert_eq!(pace.permits.available_permits(), 4, "what is owed does not come back");

        tokio::time::sleep(SECOND).await;
        (0..4).for_each(|_| pace.reduce_concurrency(Instant::now()));
        assert_eq!(
            (pace.current_concurrency(), pace.permits.available_permits()),
            (1, 1),
            "never none at all"
        );

        let mut rounds = 0;
        while pace.current_concurrency() < 8 {
            pace.record_success();
            rounds += 1;
        }
        assert_eq!((rounds, pace.permits.available_permits()), (35, 8));
        (0..100).for_each(|_| pace.record_success());
        assert_eq!(pace.permits.available_permits(), 8, "never more than is allowed");
    }

    #[tokio::test(start_paused = true)]
    async fn the_speed_is_that_of_the_moment() {
        let limits = LimitsFile { per_minute: Some(600), ..LimitsFile::default() };
        let pace = RateLimiter::new(8, &limits);
        let free =
            RateStatus { concurrency: 8, max_concurrency: 8, per_minute: Some(600), ..RateStatus::default() };
        assert_eq!(pace.measure_rate(), free);
        pace.reduce_concurrency(Instant::now());
        pace.pause_requests(Duration::from_secs(3));
        assert_eq!(
            pace.measure_rate(),
            RateStatus { concurrency: 4, pause: Some(Duration::from_secs(3)), ..free }
        );
        tokio::time::advance(Duration::from_secs(3)).await;
        assert_eq!(pace.measure_rate(), RateStatus { concurrency: 4, ..free });
    }
}
