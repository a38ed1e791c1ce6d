//! Keeps leases while a run works: renews them in a thread of its own, and gives them back at the end.
//!
//! A run whose lease was lost begins nothing any more. A run that is killed keeps nothing.

use std::io;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::run::CancellationToken;
use crate::state::lease::HeldLease;
use crate::state::system_time::read_system_time;

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
    /// Why it could not be renewed; none when someone else has it.
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
        let shared = Arc::clone(&lost);
        let keep = move || {
            if let Err(loss) = renew_until_end(leases, time / 4, &ended) {
                *shared.lock().unwrap_or_else(PoisonError::into_inner) = Some(loss);
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
            let left = lease.expires_at().duration_since(read_system_time());
            let enough = SignedDuration::try_from(pause).is_ok_and(|pause| left > pause);
            if enough { Ok(()) } else { Err(loss(lease, Some(error.to_string()))) }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::state::lease::folder::LeaseFolder;
    use crate::state::lease::{LeaseError, LeaseHolder};

    const LONG: Duration = Duration::from_secs(600);
    const OVER: Duration = Duration::from_millis(1);

    fn take(
        folder: &Path,
        name: &str,
        time: Duration,
    ) -> Result<(HeldLease, Option<LeaseHolder>), LeaseError> {
        HeldLease::acquire(Box::new(LeaseFolder::new(folder, "api-host-1")), name, time)
    }

    fn had(folder: &Path, name: &str, time: Duration) -> (HeldLease, Option<LeaseHolder>) {
        take(folder, name, time).unwrap_or_else(|refusal| panic!("{refusal:?}"))
    }

    fn held_by(taken: Result<(HeldLease, Option<LeaseHolder>), LeaseError>) -> String {
        match taken {
            Err(LeaseError::Held(holder)) => holder.name,
            Err(LeaseError::Unknown(error)) => panic!("{error}"),
            Ok(_) => panic!("it was had"),
        }
    }

    #[test]
    fn it_is_kept_beyond_its_time_and_given_back_at_the_end() {
        let folder = tempfile::tempdir().expect("a folder");
        let time = Duration::from_millis(400);
        let (lease, _) = had(folder.path(), "one", time);
        let stop = Arc::new(CancellationToken::default());
        let kept = LeaseRenewer::new(vec![lease], time, Arc::clone(&stop)).expect("a thread");
        std::thread::sleep(time * 2);
        assert_eq!(held_by(take(folder.path(), "two", LONG)), "one");
        drop(kept);
        assert!(!stop.is_cancelled());
        assert_eq!(had(folder.path(), "two", LONG).1, None);
    }

    #[test]
    fn a_run_that_lost_it_begins_nothing_any_more() {
        let folder = tempfile::tempdir().expect("a folder");
        let time = Duration::from_millis(200);
        let (lease, _) = had(folder.path(), "one", time);
        std::fs::remove_dir_all(folder.path()).expect("a folder to remove");
        let stop = Arc::new(CancellationToken::default());
        let kept = LeaseRenewer::new(vec![lease], time, Arc::clone(&stop)).expect("a thread");
        while !stop.is_cancelled() {
            std::thread::sleep(OVER);
        }
        assert!(kept.get_loss().expect("a loss").reason.is_some());
    }
}
