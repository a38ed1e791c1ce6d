//! Bytes of sources as lines and columns, each source counted through once.
//!
//! A report over one long file asks for thousands of places of it. Line and column alone the source tells, which
//! counts its lines once for everybody; who draws needs the lines too.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use crate::diagnostic::{Place, Source};

/// The lines of every source that was asked about. Keeps the sources alive, so that one is known by its address.
#[derive(Default)]
pub struct Places(HashMap<usize, (Arc<Source>, Lines)>);

/// Where the lines of a text start.
pub struct Lines(Vec<usize>);

impl Places {
    /// Line and column of a place, both from 1; the column counts characters.
    pub fn line_column(&self, place: &Place) -> (usize, usize) {
        place.line_column()
    }

    /// The lines of a source.
    pub fn lines(&mut self, source: &Arc<Source>) -> &Lines {
        let entry = self.0.entry(Arc::as_ptr(source).addr());
        &entry.or_insert_with(|| (Arc::clone(source), Lines::new(&source.text))).1
    }
}

impl Lines {
    fn new(text: &str) -> Self {
        let breaks = text.match_indices('\n').map(|(at, _)| at + 1);
        Self(std::iter::once(0).chain(breaks).collect())
    }

    /// The number, from 0, of the line in which a byte stands.
    pub fn of(&self, byte: usize) -> usize {
        self.0.partition_point(|start| *start <= byte).saturating_sub(1)
    }

    /// The bytes of a line, without its line break.
    pub fn range(&self, text: &str, line: usize) -> Range<usize> {
        let start = self.0.get(line).copied().unwrap_or(text.len());
        let end = self.0.get(line + 1).map_or(text.len(), |next| next - 1);
        let body = text.get(start..end).unwrap_or("");
        start..start + body.strip_suffix('\r').unwrap_or(body).len()
    }
}

/// The nearest character border at or before a byte.
pub fn floor(text: &str, byte: usize) -> usize {
    let mut byte = byte.min(text.len());
    while !text.is_char_boundary(byte) {
        byte -= 1;
    }
    byte
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Span;

    #[test]
    fn places_are_those_of_the_source_itself() {
        let source = Source::new("a.yaml", "\u{feff}å: 1\r\nb: é x\n\nlast");
        let mut places = Places::default();
        for byte in 0..=30 {
            let place = source.place(Span { start: byte, end: byte });
            let line = places.lines(&source).of(floor(&source.text, byte as usize));
            assert_eq!(line + 1, place.line_column().0, "byte {byte}");
        }
    }
}
