//! Policies: the real program, offline and against the sandbox.

mod bounds;
mod faults;
mod gates;
mod offline;
