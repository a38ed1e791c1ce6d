//! The real program against the sandbox, over real HTTP, with real files.

mod concurrent_runs;
mod convergence;
mod exit_codes;
mod formats;
#[cfg(unix)]
mod interrupts;
#[cfg(unix)]
mod locks_and_signals;
mod personal_values;
mod proxies;
mod request_gate;
mod unread;
mod workspaces;
