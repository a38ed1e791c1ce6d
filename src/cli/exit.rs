//! How the program ends, as a number for scripts.

use std::process::ExitCode;

/// The exit codes; their meaning is part of what the program promises.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ExitStatus {
    /// Done, or nothing differs.
    Done = 0,
    /// An error; the result is unknown or incomplete. Wins over `Differs`.
    Error = 1,
    /// There are differences.
    Differs = 2,
    /// Refused by a gate or a stale plan; nothing was written.
    Refused = 3,
    /// Partly applied: the result list says what was and what was not.
    Partial = 4,
    /// `drift`: documents ask for what is pending or was never applied, and nothing else differs.
    Pending = 5,
    /// Wrong usage.
    Usage = 64,
    /// Ended by SIGHUP: what was under way is finished, nothing else was begun.
    HungUp = 129,
    /// The same after SIGINT.
    Interrupted = 130,
    /// The same after SIGTERM.
    Terminated = 143,
}

impl ExitStatus {
    /// Whether a signal ended the run.
    pub fn is_interrupted(self) -> bool {
        matches!(self, Self::Interrupted | Self::HungUp | Self::Terminated)
    }
}

impl From<ExitStatus> for ExitCode {
    fn from(exit: ExitStatus) -> Self {
        Self::from(exit as u8)
    }
}
