//! The whole life of an object, of every built-in kind: born, changed, left alone, fought over, removed. And
//! whatever stops the program meanwhile: kills, lost answers, full disks, another run beside it.
//!
//! Kinds come from the registry and documents from their examples; a kind is named only where the test is
//! about what this one alone can do.

#[path = "../end_to_end/desk.rs"]
#[allow(dead_code, reason = "the other test program uses the rest")]
mod desk;
#[path = "../end_to_end/estate.rs"]
#[allow(dead_code, reason = "the other test program uses the rest")]
mod estate;
#[path = "../end_to_end/written.rs"]
#[allow(dead_code, reason = "the other test program uses the rest")]
mod written;

mod axe;
mod births;
mod deaths;
#[cfg(target_os = "linux")]
mod disk;
#[cfg(target_os = "linux")]
mod everything;
mod foreseen;
mod kills;
mod leases;
mod newborn;
mod outcomes;
mod side_by_side;
mod state;
mod stirred;
mod updates;
mod written_ids;
