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
pub const GRACE_PERIOD: Duration = Duration::from_secs(10);

/// How long a read waits after an interrupt while writes are under way, which it may have to prove.
const READ_GRACE: Duration = Duration::from_secs(2);

/// Whether a run is to end.
#[derive(Default)]
pub struct CancellationToken {
    interrupted: AtomicBool,
    interrupt_notify: Notify,
    deadline: Option<Instant>,
    is_writing: AtomicBool,
}

impl CancellationToken {
    /// A run that has so much time, from now on.
    pub fn with_timeout(time: Option<Duration>) -> Self {
        Self { deadline: time.and_then(|time| Instant::now().checked_add(time)), ..Self::default() }
    }

    /// Begin nothing any more.
    pub fn cancel_run(&self) {
        self.interrupted.store(true, Ordering::SeqCst);
        self.interrupt_notify.notify_waiters();
    }

    /// Whether to begin nothing any more.
    pub fn is_cancelled(&self) -> bool {
        self.is_interrupted() || self.is_expired()
    }

    /// Whether someone asked for the end.
    pub fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::SeqCst)
    }

    /// Whether the time is over.
    pub fn is_expired(&self) -> bool {
        self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }

    /// From here on the run writes, so that what is under way at its end has a grace.
    pub fn enable_grace(&self) {
        self.is_writing.store(true, Ordering::SeqCst);
    }

    /// When everything must have ended.
    pub(super) fn compute_deadline(&self) -> Option<Instant> {
        let grace = if self.is_writing.load(Ordering::SeqCst) { GRACE_PERIOD } else { Duration::ZERO };
        self.deadline.map(|deadline| deadline + grace)
    }

    /// Waits until everything must have ended.
    pub(super) async fn wait_for_deadline(&self) {
        loop {
            match self.compute_deadline() {
                None => return std::future::pending().await,
                Some(end) if Instant::now() >= end => return,
                Some(end) => sleep_until(end).await,
            }
        }
    }

    /// Waits until reads are to wait no longer for their turn: at once where nothing is written yet.
    pub(super) async fn wait_for_read_cancellation(&self) {
        self.wait_for_cancellation().await;
        match (self.is_interrupted(), self.is_writing.load(Ordering::SeqCst)) {
            (true, false) => {}
            (true, true) => tokio::time::sleep(READ_GRACE).await,
            // the end of the time has a grace of its own
            (false, _) => std::future::pending().await,
        }
    }

    /// Waits until nothing is to be begun any more.
    pub async fn wait_for_cancellation(&self) {
        let notification = self.interrupt_notify.notified();
        tokio::pin!(notification);
        // listening before looking, so that an interrupt in between is not missed
        notification.as_mut().enable();
        if self.is_cancelled() {
            return;
        }
        match self.deadline {
            None => notification.await,
            Some(deadline) => tokio::select! {
                () = notification => {}
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
        let stop = CancellationToken::with_timeout(Some(Duration::from_secs(3)));
        let began = Instant::now();
        assert!(!stop.is_cancelled());
        stop.wait_for_cancellation().await;
        assert_eq!(began.elapsed(), Duration::from_secs(3));
        assert!(stop.is_cancelled() && stop.is_expired() && !stop.is_interrupted());
        assert_eq!(stop.compute_deadline(), Some(began + Duration::from_secs(3)));
        stop.enable_grace();
        assert_eq!(stop.compute_deadline(), Some(began + Duration::from_secs(3) + GRACE_PERIOD));
    }

    #[tokio::test(start_paused = true)]
    async fn an_interrupt_wakes_everybody_who_waits() {
        let stop = CancellationToken::default();
        let waiting = async {
            futures_util::future::join(stop.wait_for_cancellation(), stop.wait_for_cancellation()).await
        };
        let interrupt = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            stop.cancel_run();
        };
        futures_util::future::join(waiting, interrupt).await;
        assert!(stop.is_interrupted() && !stop.is_expired());
        stop.wait_for_cancellation().await;
    }
}
