//! The whole life of an object, of every built-in kind: born, changed, left alone, fought over, removed. And
//! whatever stops the program meanwhile: kills, lost answers, full disks, another run beside it.
//!
//! Kinds come from the registry and documents from their examples; a kind is named only where the test is
//! about what this one alone can do.

#[cfg(target_os = "linux")]
mod all_kinds;
mod changed_lists;
mod creates;
mod deletes;
mod dependencies;
#[cfg(target_os = "linux")]
mod disk;
mod emptied_lists;
mod forecast;
mod former_objects;
mod gone_objects;
mod hidden_creates;
mod kill_points;
mod kills;
mod leases;
mod outcomes;
mod replacements;
mod side_by_side;
mod state;
mod updates;
mod written_ids;
