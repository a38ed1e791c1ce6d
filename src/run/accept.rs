//! Accept: live values become what documents say, each in the level that owns it.
//!
//! A plan is read the other way round: each change that it would make to an object becomes a patch of the highest
//! level that sets the value and belongs to this object alone. Secrets, values with a source and edits that were not
//! applied stay as they are.
//! Deliberately absent: files, and the proof that nothing else changes (`cli::write_back`).

mod items;
pub mod level_choice;
pub mod live;
pub mod named_values;
pub mod patches;
pub mod selection;
mod values;

use std::collections::BTreeSet;
use std::sync::Arc;

use level_choice::SharedLevel;

use crate::compose::level_patch::LevelPatch;
use crate::diagnostic::Diagnostic;
use crate::plan::{Change, PlanSubject};
use crate::value::Object;

/// How live values are accepted.
pub struct AcceptOptions {
    /// Whether personal and internal values are written.
    pub personal: bool,
    /// Paths of fields with dots, to which the changes are limited; empty means all.
    pub paths: Vec<String>,
    /// A level of several objects into which values may be written.
    pub into: Option<SharedLevel>,
    /// Values in scopes of targets, with the environments of these.
    pub scope_values: BTreeSet<(Arc<str>, String)>,
}

/// An object whose live values are accepted.
pub struct AcceptedObject {
    pub subject: PlanSubject,
    pub live: Object,
    /// The fields of the live object that are not what the kind says, by the names of their root fields.
    pub misread: Vec<Box<str>>,
    /// In how many environments its document is.
    pub environments: usize,
    /// Edits of its document that were not applied; the fields in which they are stay as they are.
    pub pending: Vec<Change>,
}

/// The patches of one object, and what cannot be written.
#[derive(Default)]
pub struct ObjectPatches {
    pub patches: Vec<LevelPatch>,
    pub refused: Vec<Diagnostic>,
}
