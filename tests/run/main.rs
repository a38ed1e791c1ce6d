//! The real program against the sandbox: plan, apply, drift, undo, import, saved plans, events.

#[path = "../support/mod.rs"]
mod support;

mod composed_history;
mod connections;
mod day_two;
mod drift;
mod end_to_end;
mod environment_order;
mod environments;
mod events;
mod identity;
mod import;
mod late_writes;
mod life;
mod lists;
mod reported_faults;
mod saved;
mod selection;
mod storms;
mod trust;
mod undo;
mod write_back;
