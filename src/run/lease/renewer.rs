//! Keeps leases while a run works: renews them in a thread of its own, and gives them back at the end.
//!
//! A run that is told that a lease was lost begins nothing any more. A run that is killed keeps nothing.

use std::io;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::HeldLease;
use crate::run::CancellationToken;

/// Leases that are kept until this is dropped.
pub struct LeaseRenewer {
    /// Closed to end the thread.
    stop_sender: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    lost: Arc<Mutex<Option<LeaseLoss>>>,
}

/// A lease that was lost.
#[derive(Clone, Debug)]
pub struct LeaseLoss {
    /// Until when it had been held.
    pub until: Timestamp,
    /// Why it could not be renewed; none when somebody else has it.
    pub reason: Option<String>,
}

impl LeaseRenewer {
    /// Keeps leases of so long each; a loss sets `stop`.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn new(leases: Vec<HeldLease>, time: Duration, stop: Arc<CancellationToken>) -> io::Result<Self> {
        let (end, ended) = mpsc::channel();
        let lost: Arc<Mutex<Option<LeaseLoss>>> = Arc::default();
        let told = Arc::clone(&lost);
        let keep = move || {
            if let Err(loss) = renew_until_end(leases, time / 4, &ended) {
                *told.lock().unwrap_or_else(PoisonError::into_inner) = Some(loss);
                stop.cancel_run();
            }
        };
        let thread = std::thread::Builder::new().name("leases".to_owned()).spawn(keep)?;
        Ok(Self { stop_sender: Some(end), thread: Some(thread), lost })
    }

    /// The lease that was lost.
    pub fn get_loss(&self) -> Option<LeaseLoss> {
        self.lost.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for LeaseRenewer {
    fn drop(&mut self) {
        drop(self.stop_sender.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Renews every so often until the end. What is held still is given back however this ends.
fn renew_until_end(
    mut leases: Vec<HeldLease>,
    pause: Duration,
    ended: &mpsc::Receiver<()>,
) -> Result<(), LeaseLoss> {
    let mut kept = Ok(());
    while kept.is_ok() && ended.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
        kept = leases.iter_mut().try_for_each(|lease| renew_lease(lease, pause));
    }
    leases.into_iter().for_each(HeldLease::release);
    kept
}

/// Renews a lease. One that cannot be renewed is lost when there is no time to try again.
fn renew_lease(lease: &mut HeldLease, pause: Duration) -> Result<(), LeaseLoss> {
    let loss = |lease: &HeldLease, why| LeaseLoss { until: lease.expires_at(), reason: why };
    match lease.renew() {
        Ok(true) => Ok(()),
        Ok(false) => Err(loss(lease, None)),
        Err(error) => {
            let left = lease.expires_at().duration_since(Timestamp::now());
            let enough = SignedDuration::try_from(pause).is_ok_and(|pause| left > pause);
            if enough { Ok(()) } else { Err(loss(lease, Some(error.to_string()))) }
        }
    }
}
