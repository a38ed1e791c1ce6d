//! A change of one level as it is written, and where the level is.
//!
//! Deliberately absent: turning it into text, and which values it has.

use std::sync::Arc;

use super::level_index::WrittenLevel;
use crate::document::Document;
use crate::document::write::patch::MapPatch;

/// What changes in a level.
#[derive(Clone, PartialEq)]
pub struct LevelPatch {
    pub place: LevelPlace,
    /// From the YAML document or the entry of `objects` down.
    pub patch: MapPatch,
    /// Whether the YAML document goes as a whole.
    pub removes_level: bool,
}

impl LevelPatch {
    /// Changes of a level.
    pub fn new(place: LevelPlace, patch: MapPatch) -> Self {
        Self { place, patch, removes_level: false }
    }

    /// The removal of a level that says nothing any more.
    pub fn removal(place: LevelPlace) -> Self {
        Self { place, patch: MapPatch::default(), removes_level: true }
    }
}

/// Where a level is, or is to be.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum LevelPlace {
    Written {
        path: String,
        /// A place in the YAML document.
        anchor: u32,
        /// The keys that lead to the level.
        keys: Vec<String>,
    },
    /// An overlay that is not there yet.
    NewOverlay {
        environment: Arc<str>,
        kind: Arc<str>,
        name: Arc<str>,
        /// The file of the document.
        beside: String,
    },
}

impl LevelPlace {
    /// The place of a level that is written.
    pub fn new(level: &WrittenLevel) -> Self {
        Self::Written {
            path: level.source.path.clone(),
            anchor: level.anchor.start,
            keys: level.keys.iter().map(|key| (*key).to_owned()).collect(),
        }
    }

    /// The place of the overlay that a document has not got yet.
    pub fn new_overlay(document: &Document, environment: &Arc<str>) -> Self {
        Self::NewOverlay {
            environment: Arc::clone(environment),
            kind: Arc::clone(&document.kind.name),
            name: Arc::clone(&document.name),
            beside: document.source.path.clone(),
        }
    }
}
