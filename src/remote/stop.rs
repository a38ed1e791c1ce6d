//! When a run is to end: at an interrupt, or when its time is over.
//!
//! Either way nothing is begun any more, and what is under way is finished. Reads that only plan end with the
//! time of the run; once something is written, what is under way has a grace to be finished and looked at, so that
//! as little as possible stays unknown.
//! Deliberately absent: signals, and what an end means for an object.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// How long writes under way may go on after the time is over, their proof included.
pub const GRACE: Duration = Duration::from_secs(10);

/// Whether a run is to end.
#[derive(Default)]
pub struct Stop {
    interrupted: AtomicBool,
    told: Notify,
    deadline: Option<Instant>,
    writes: AtomicBool,
}

impl Stop {
    /// A run that has so much time, from now on.
    pub fn within(time: Option<Duration>) -> Self {
        Self { deadline: time.and_then(|time| Instant::now().checked_add(time)), ..Self::default() }
    }

    /// Begin nothing any more.
    pub fn now(&self) {
        self.interrupted.store(true, Ordering::SeqCst);
        self.told.notify_waiters();
    }

    /// Whether to begin nothing any more.
    pub fn is_set(&self) -> bool {
        self.is_interrupted() || self.is_late()
    }

    /// Whether somebody asked for the end.
    pub fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::SeqCst)
    }

    /// Whether the time is over.
    pub fn is_late(&self) -> bool {
        self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }

    /// From here on the run writes, so that what is under way at its end has a grace.
    pub fn writes(&self) {
        self.writes.store(true, Ordering::SeqCst);
    }

    /// When everything must have ended.
    pub(super) fn end(&self) -> Option<Instant> {
        let grace = if self.writes.load(Ordering::SeqCst) { GRACE } else { Duration::ZERO };
        self.deadline.map(|deadline| deadline + grace)
    }

    /// Waits until everything must have ended.
    pub(super) async fn ended(&self) {
        loop {
            match self.end() {
                None => return std::future::pending().await,
                Some(end) if Instant::now() >= end => return,
                Some(end) => sleep_until(end).await,
            }
        }
    }

    /// Waits until nothing is to be begun any more.
    pub(super) async fn wait(&self) {
        let told = self.told.notified();
        tokio::pin!(told);
        // listening before looking, so that an interrupt in between is not missed
        told.as_mut().enable();
        if self.is_set() {
            return;
        }
        match self.deadline {
            None => told.await,
            Some(deadline) => tokio::select! {
                () = told => {}
                () = sleep_until(deadline) => {}
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_run_ends_when_its_time_is_over() {
        let stop = Stop::within(Some(Duration::from_secs(3)));
        let began = Instant::now();
        assert!(!stop.is_set());
        stop.wait().await;
        assert_eq!(began.elapsed(), Duration::from_secs(3));
        assert!(stop.is_set() && stop.is_late() && !stop.is_interrupted());
        assert_eq!(stop.end(), Some(began + Duration::from_secs(3)));
        stop.writes();
        assert_eq!(stop.end(), Some(began + Duration::from_secs(3) + GRACE));
    }

    #[tokio::test(start_paused = true)]
    async fn an_interrupt_wakes_everybody_who_waits() {
        let stop = Stop::default();
        let waiting = async { futures_util::future::join(stop.wait(), stop.wait()).await };
        let interrupt = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            stop.now();
        };
        futures_util::future::join(waiting, interrupt).await;
        assert!(stop.is_interrupted() && !stop.is_late());
        stop.wait().await;
    }
}
