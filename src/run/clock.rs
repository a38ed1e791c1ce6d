//! The time of a run: the wall clock when it began, and the clock of the runtime since.
//!
//! Tests stop the clock of the runtime, and with it this one.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use crate::state::system_time::read_system_time;

/// A clock that never goes back.
#[derive(Clone, Copy)]
pub struct RunClock {
    began: Timestamp,
    since: Instant,
}

impl RunClock {
    /// A clock that shows the time of the system now.
    pub fn start() -> Self {
        Self { began: read_system_time(), since: Instant::now() }
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        self.compute_later(Duration::ZERO)
    }

    /// The time after so long a wait.
    pub fn compute_later(&self, wait: Duration) -> Timestamp {
        self.began.saturating_add(self.since.elapsed() + wait).unwrap_or(Timestamp::MAX)
    }
}

/// The time, in UTC, to the second.
pub fn format_now() -> String {
    crate::state::system_time::read_system_time().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
