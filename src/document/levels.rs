//! The levels of an effective document: which file, and which part of it, a value comes from.
//!
//! The spans of an effective document lie in one range of numbers, in which each level has a stretch of its own. The
//! document's own file starts at 0, so a document without other levels has no map at all.
//! Deliberately absent: how levels are merged (`compose`).

use std::sync::Arc;

use crate::diagnostic::{NamedSource, SourceLocation, SourceSpan};

/// The files of an effective document, each at its stretch.
#[derive(Clone)]
pub struct DocumentLevels {
    levels: Vec<DocumentLevel>,
    end: u32,
}

/// One level of an effective document.
#[derive(Clone)]
pub struct DocumentLevel {
    pub kind: LevelKind,
    pub source: Arc<NamedSource>,
    /// Where its stretch starts.
    pub start: u32,
    /// Its name in its file.
    pub name: SourceSpan,
}

/// What a level is.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum LevelKind {
    /// The base of this name.
    Base(Arc<str>),
    /// The document itself.
    Document,
    /// The overlay for this environment.
    Overlay(Arc<str>),
    /// The values of this environment.
    Values(Arc<str>),
    /// The defaults of values, in the settings.
    ValueDefaults,
}

impl LevelKind {
    /// Whether it is a document, rather than settings or values.
    pub fn is_document(&self) -> bool {
        matches!(self, Self::Base(_) | Self::Document | Self::Overlay(_))
    }

    /// The level in words.
    pub fn describe(&self) -> String {
        match self {
            Self::Base(name) => format!("base {name}"),
            Self::Document => "document".to_owned(),
            Self::Overlay(environment) => format!("overlay {environment}"),
            Self::Values(environment) => format!("values {environment}"),
            Self::ValueDefaults => "value default".to_owned(),
        }
    }
}

impl DocumentLevels {
    /// The levels of a document in this file, so far.
    pub fn new(source: &Arc<NamedSource>) -> Self {
        let mut levels = Self::empty();
        levels.add_level(LevelKind::Document, source, SourceSpan::default());
        levels
    }

    /// No level at all.
    pub fn empty() -> Self {
        Self { levels: Vec::new(), end: 0 }
    }

    /// Adds a level with the place of its name, and gives where its stretch starts; nothing when there is no room for it.
    pub fn add_level(&mut self, kind: LevelKind, source: &Arc<NamedSource>, name: SourceSpan) -> Option<u32> {
        let start = self.end;
        let length = u32::try_from(source.text.len()).ok()?.checked_add(1)?;
        self.end = start.checked_add(length)?;
        self.levels.push(DocumentLevel { kind, source: Arc::clone(source), start, name });
        Some(start)
    }

    /// Adds the levels of another map, and gives by how much their spans move; nothing when there is no room.
    pub fn add_levels(&mut self, others: &Self) -> Option<u32> {
        let shift = self.end;
        self.end = shift.checked_add(others.end)?;
        self.levels.extend(
            others.levels.iter().map(|level| DocumentLevel { start: level.start + shift, ..level.clone() }),
        );
        Some(shift)
    }

    /// The level of a span, and the span in its file.
    pub fn resolve_span(&self, span: SourceSpan) -> Option<(&DocumentLevel, SourceSpan)> {
        let at = self.levels.partition_point(|level| level.start <= span.start);
        let level = self.levels.get(at.checked_sub(1)?)?;
        let local = |byte: u32| byte.saturating_sub(level.start);
        Some((level, SourceSpan { start: local(span.start), end: local(span.end) }))
    }

    /// Where a span is.
    pub fn locate_span(&self, span: SourceSpan) -> Option<SourceLocation> {
        self.resolve_span(span).map(|(level, span)| level.source.locate_span(span))
    }

    /// Every level, in the order of their stretches.
    pub fn iter_levels(&self) -> impl Iterator<Item = &DocumentLevel> {
        self.levels.iter()
    }

    /// The bases and the overlay: what each is, and where its name is.
    pub fn list_other_documents(&self) -> impl Iterator<Item = (&LevelKind, SourceLocation)> {
        let is_other = |own: &&DocumentLevel| own.kind.is_document() && own.kind != LevelKind::Document;
        self.levels.iter().filter(is_other).map(|own| (&own.kind, own.source.locate_span(own.name)))
    }

    /// Whether both have the same levels in the same files.
    pub fn is_same(&self, other: &Self) -> bool {
        let is_same = |(a, b): (&DocumentLevel, &DocumentLevel)| {
            Arc::ptr_eq(&a.source, &b.source) && a.start == b.start && a.name == b.name && a.kind == b.kind
        };
        self.levels.len() == other.levels.len() && self.levels.iter().zip(&other.levels).all(is_same)
    }

    /// Whether there is no other level than the document itself.
    pub fn is_single(&self) -> bool {
        self.levels.len() < 2
    }
}
