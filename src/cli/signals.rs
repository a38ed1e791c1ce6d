//! Signals that end a run: SIGINT, SIGTERM and SIGHUP finish what is under way and begin nothing else.
//!
//! A second signal ends the program at once. A SIGHUP that is ignored, as under `nohup`, stays ignored.

use std::io;
use std::sync::atomic::{AtomicU8, Ordering};

use super::exit::ExitStatus;
use super::screen::TerminalScreen;
use crate::run::CancellationToken;

/// The exit code of the first signal; 0 before there is one.
static RECEIVED: AtomicU8 = AtomicU8::new(0);

/// How a run exits that a signal ended.
pub fn interrupted_exit() -> ExitStatus {
    match RECEIVED.load(Ordering::SeqCst) {
        143 => ExitStatus::Terminated,
        129 => ExitStatus::HungUp,
        _ => ExitStatus::Interrupted,
    }
}

/// Listens for signals as long as it lives.
pub struct SignalListener {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    hang_up: Option<tokio::signal::unix::Signal>,
}

#[cfg(unix)]
impl SignalListener {
    /// Within a runtime.
    ///
    /// # Errors
    /// When the system gives no handler.
    pub fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let hang_up = if is_hang_up_ignored() { None } else { Some(signal(SignalKind::hangup())?) };
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up,
        })
    }

    /// Waits for the next signal; gives how the program exits then.
    pub async fn receive(&mut self) -> ExitStatus {
        let hang_up = async {
            match &mut self.hang_up {
                Some(signal) => signal.recv().await,
                None => std::future::pending().await,
            }
        };
        let exit = tokio::select! {
            _ = self.interrupt.recv() => ExitStatus::Interrupted,
            _ = self.terminate.recv() => ExitStatus::Terminated,
            _ = hang_up => ExitStatus::HungUp,
        };
        record_signal(exit)
    }
}

#[cfg(not(unix))]
impl SignalListener {
    /// Within a runtime.
    ///
    /// # Errors
    /// Never.
    pub fn new() -> io::Result<Self> {
        Ok(Self {})
    }

    /// Waits for the next Ctrl-C; gives how the program exits then.
    pub async fn receive(&mut self) -> ExitStatus {
        match tokio::signal::ctrl_c().await {
            Ok(()) => record_signal(ExitStatus::Interrupted),
            Err(_) => std::future::pending().await,
        }
    }
}

fn record_signal(exit: ExitStatus) -> ExitStatus {
    let _ = RECEIVED.compare_exchange(0, exit as u8, Ordering::SeqCst, Ordering::SeqCst);
    exit
}

/// Whether the program was started with SIGHUP ignored.
#[cfg(unix)]
fn is_hang_up_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 != 0)
}

/// Runs to the end. The first signal asks the run to begin nothing else, the second one ends the program.
pub async fn run_until_signalled<T>(
    stop: &CancellationToken,
    screen: &TerminalScreen,
    work: impl Future<Output = T>,
) -> T {
    tokio::pin!(work);
    let Ok(mut signals) = SignalListener::new() else { return work.await };
    loop {
        tokio::select! {
            done = &mut work => return done,
            exit = signals.receive() => {
                if stop.is_interrupted() {
                    std::process::exit(exit as i32);
                }
                stop.cancel_run();
                screen.print_stderr("\ninterrupted: finishing requests in progress, starting no others\n");
            }
        }
    }
}
