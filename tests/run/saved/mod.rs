//! Saved plans, gates, journals and receipts: the real program against the sandbox.

mod bindings;
mod gates;
mod guessed_pins;
mod hidden;
mod plans;
#[cfg(unix)]
mod records;
mod shown;
mod unrecorded;
