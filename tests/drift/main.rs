//! What differs from what was last applied, and which side moved: the real program against the sandbox.

#[allow(dead_code, reason = "shared with the other runs of the real program")]
#[path = "../end_to_end/desk.rs"]
mod desk;
#[allow(dead_code, reason = "shared with the other runs of the real program")]
#[path = "../end_to_end/estate.rs"]
mod estate;
#[allow(dead_code, reason = "shared with the other runs of the real program")]
#[path = "../end_to_end/written.rs"]
mod written;

mod branches;
mod records;
mod shared;
mod since;
