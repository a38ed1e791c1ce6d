//! Bytes of sources as lines and columns, each source counted through once.
//!
//! A report over one long file asks for thousands of places of it. Line and column alone the source tells, which
//! counts its lines once for everybody; who draws needs the lines too.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use crate::diagnostic::{NamedSource, SourceLocation};

/// The lines of every source that was asked about. Keeps the sources alive, so that one is known by its address.
#[derive(Default)]
pub struct SourceLineIndex(HashMap<usize, (Arc<NamedSource>, LineStarts)>);

/// Where the lines of a text start.
pub struct LineStarts(Vec<usize>);

impl SourceLineIndex {
    /// Line and column of a place, both from 1; the column counts characters.
    pub fn find_line_column(&self, place: &SourceLocation) -> (usize, usize) {
        place.find_line_column()
    }

    /// The lines of a source.
    pub fn index_lines(&mut self, source: &Arc<NamedSource>) -> &LineStarts {
        let entry = self.0.entry(Arc::as_ptr(source).addr());
        &entry.or_insert_with(|| (Arc::clone(source), LineStarts::new(&source.text))).1
    }
}

impl LineStarts {
    fn new(text: &str) -> Self {
        let breaks = text.match_indices('\n').map(|(at, _)| at + 1);
        Self(std::iter::once(0).chain(breaks).collect())
    }

    /// The number, from 0, of the line in which a byte stands.
    pub fn find_line(&self, byte: usize) -> usize {
        self.0.partition_point(|start| *start <= byte).saturating_sub(1)
    }

    /// The bytes of a line, without its line break.
    pub fn find_range(&self, text: &str, line: usize) -> Range<usize> {
        let start = self.0.get(line).copied().unwrap_or(text.len());
        let end = self.0.get(line + 1).map_or(text.len(), |next| next - 1);
        let body = text.get(start..end).unwrap_or("");
        start..start + body.strip_suffix('\r').unwrap_or(body).len()
    }
}

/// The nearest character border at or before a byte.
pub fn floor_char_boundary(text: &str, byte: usize) -> usize {
    let mut byte = byte.min(text.len());
    while !text.is_char_boundary(byte) {
        byte -= 1;
    }
    byte
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::SourceSpan;

    #[test]
    fn places_are_those_of_the_source_itself() {
        let source = NamedSource::new("a.yaml", "\u{feff}å: 1\r\nb: é x\n\nlast");
        let mut places = SourceLineIndex::default();
        for byte in 0..=30 {
            let place = source.locate_span(SourceSpan { start: byte, end: byte });
            let line =
                places.index_lines(&source).find_line(floor_char_boundary(&source.text, byte as usize));
            assert_eq!(line + 1, place.find_line_column().0, "byte {byte}");
        }
    }
}
