//! Keeps leases while a run works: renews them in a thread of its own, and gives them back at the end.
//!
//! A run that is told that a lease was lost begins nothing any more. A run that is killed keeps nothing.

use std::io;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::Lease;
use crate::run::Stop;

/// Leases that are kept until this is dropped.
pub struct Kept {
    /// Closed to end the thread.
    end: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    lost: Arc<Mutex<Option<Loss>>>,
}

/// A lease that was lost.
#[derive(Clone, Debug)]
pub struct Loss {
    /// Until when it had been held.
    pub until: Timestamp,
    /// Why it could not be renewed; none when somebody else has it.
    pub why: Option<String>,
}

impl Kept {
    /// Keeps leases of so long each; a loss sets `stop`.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn new(leases: Vec<Lease>, time: Duration, stop: Arc<Stop>) -> io::Result<Self> {
        let (end, ended) = mpsc::channel();
        let lost: Arc<Mutex<Option<Loss>>> = Arc::default();
        let told = Arc::clone(&lost);
        let keep = move || {
            if let Err(loss) = keep(leases, time / 4, &ended) {
                *told.lock().unwrap_or_else(PoisonError::into_inner) = Some(loss);
                stop.now();
            }
        };
        let thread = std::thread::Builder::new().name("leases".to_owned()).spawn(keep)?;
        Ok(Self { end: Some(end), thread: Some(thread), lost })
    }

    /// The lease that was lost.
    pub fn lost(&self) -> Option<Loss> {
        self.lost.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Renews every so often until the end. What is held still is given back however this ends.
fn keep(mut leases: Vec<Lease>, pause: Duration, ended: &mpsc::Receiver<()>) -> Result<(), Loss> {
    let mut kept = Ok(());
    while kept.is_ok() && ended.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
        kept = leases.iter_mut().try_for_each(|lease| renew(lease, pause));
    }
    leases.into_iter().for_each(Lease::give_back);
    kept
}

/// Renews a lease. One that cannot be renewed is lost when there is no time to try again.
fn renew(lease: &mut Lease, pause: Duration) -> Result<(), Loss> {
    let loss = |lease: &Lease, why| Loss { until: lease.until(), why };
    match lease.renew() {
        Ok(true) => Ok(()),
        Ok(false) => Err(loss(lease, None)),
        Err(error) => {
            let left = lease.until().duration_since(Timestamp::now());
            let enough = SignedDuration::try_from(pause).is_ok_and(|pause| left > pause);
            if enough { Ok(()) } else { Err(loss(lease, Some(error.to_string()))) }
        }
    }
}
