//! Which level a live value is written into.
//!
//! The overlay where it sets the value; else the document, where it is in one environment only; else the overlay of
//! the environment, which may be new. Levels of several objects only where someone allows that.

use crate::compose::level_index::{LevelIndex, WrittenLevel};
use crate::compose::level_patch::LevelPlace;
use crate::document::Document;
use crate::document::levels::LevelKind;

/// A level of several objects into which values may be written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SharedLevel {
    pub level: SharedLevelKind,
    /// How many objects it changes.
    pub objects: usize,
}

/// What is shared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SharedLevelKind {
    /// The bases that set the value.
    Base,
    /// A document that is in several environments.
    Document,
}

impl SharedLevelKind {
    /// The word on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Base => "base",
            Self::Document => "document",
        }
    }
}

/// The levels of one object in its environment.
pub struct LevelChoice<'c, 'i, 't> {
    document: &'c Document,
    /// From the lowest up.
    levels: Vec<WrittenLevel<'i, 't>>,
    /// In how many environments the document is.
    environments: usize,
    into: Option<SharedLevelKind>,
}

/// A level that takes a value.
pub struct Destination<'c, 'i, 't> {
    pub place: LevelPlace,
    /// The level as it is written; nothing for a new one.
    pub level: Option<&'c WrittenLevel<'i, 't>>,
    /// Those below it.
    pub below: &'c [WrittenLevel<'i, 't>],
}

impl Destination<'_, '_, '_> {
    /// Whether a level below says something at a path.
    pub fn is_set_below(&self, keys: &[&str]) -> bool {
        self.below.iter().any(|level| level.find(keys).is_some())
    }
}

impl<'c, 'i, 't> LevelChoice<'c, 'i, 't> {
    /// The levels of a document.
    pub fn new(
        index: &'i LevelIndex<'t>,
        document: &'c Document,
        environments: usize,
        into: Option<SharedLevelKind>,
    ) -> Self {
        Self { document, levels: index.list_levels(document), environments, into }
    }

    /// The levels that take the value at a path: one, unless several bases set it.
    pub fn choose<'s>(&'s self, keys: &[&str]) -> Vec<Destination<'s, 'i, 't>> {
        let decider = self.levels.iter().rposition(|level| level.find(keys).is_some());
        let decider_kind = decider.and_then(|at| self.levels.get(at)).map(|level| &level.kind);
        let chosen: Vec<usize> = match (decider_kind, self.into) {
            (Some(LevelKind::Overlay(_)), _) => decider.into_iter().collect(),
            (Some(LevelKind::Base(_)), Some(SharedLevelKind::Base)) => {
                (0..self.levels.len()).filter(|at| self.levels[*at].find(keys).is_some()).collect()
            }
            (Some(LevelKind::Document), Some(SharedLevelKind::Document)) => self.find_document_level(),
            _ if self.environments < 2 => self.find_document_level(),
            _ => return vec![self.find_own_overlay()],
        };
        chosen.into_iter().map(|at| self.build_destination(at)).collect()
    }

    fn find_document_level(&self) -> Vec<usize> {
        self.levels.iter().position(|level| level.kind == LevelKind::Document).into_iter().collect()
    }

    fn find_own_overlay<'s>(&'s self) -> Destination<'s, 'i, 't> {
        let at = self.levels.iter().position(|level| matches!(level.kind, LevelKind::Overlay(_)));
        match (at, &self.document.environment) {
            (None, Some(environment)) => Destination {
                place: LevelPlace::new_overlay(self.document, environment),
                level: None,
                below: &self.levels,
            },
            (at, _) => self.build_destination(at.unwrap_or_default()),
        }
    }

    fn build_destination<'s>(&'s self, at: usize) -> Destination<'s, 'i, 't> {
        let level = &self.levels[at];
        Destination { place: LevelPlace::new(level), level: Some(level), below: &self.levels[..at] }
    }
}
