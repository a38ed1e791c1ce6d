//! A line on stderr when something takes longer than a second, so that no run is silent while it waits.

use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::time::Duration;

use super::screen::TerminalScreen;

/// How long nothing is said.
const DELAY: Duration = Duration::from_secs(1);

/// Says what a run waits for, unless it is dropped within the delay.
pub struct WaitNotice {
    /// Its end ends the wait.
    _running: Sender<()>,
}

impl WaitNotice {
    /// Begins to wait; `what` is said as `waiting for …`.
    pub fn start(screen: &TerminalScreen, what: String) -> Self {
        let (running, ended) = mpsc::channel::<()>();
        let screen = screen.clone();
        // without a thread nothing is said, and nothing else is lost
        let _ = std::thread::Builder::new().name("wait-notice".into()).spawn(move || {
            if ended.recv_timeout(DELAY) == Err(RecvTimeoutError::Timeout) {
                screen.print_remark(&format!("waiting for {what}\n"));
            }
        });
        Self { _running: running }
    }
}
