//! Lines of a source as they may be shown: redacted parts as `•••`, hostile characters replaced, long lines cut
//! around what they are shown for.
//!
//! A redaction takes three marks however long it is, for the length of a secret tells something too. Places are
//! carried over into the excerpt, so that carets stand under the right characters.
//! Deliberately absent: drawing.

use std::ops::Range;

use super::line_index::{LineStarts, floor_char_boundary};
use super::sanitize::needs_escape;
use crate::diagnostic::{NamedSource, SourceSpan};

/// What stands for something redacted.
pub const REDACTED_TEXT: &str = "•••";
/// Bytes of a long line that are looked at, for each character that is shown.
const BYTES_PER_CHARACTER: usize = 8;

/// A text with its lines and redactions.
pub struct RedactedSource<'s> {
    pub text: &'s str,
    pub lines: &'s LineStarts,
    pub redactions: &'s [Range<usize>],
}

/// Some lines next to each other, and where the asked-for places are in them.
pub struct SourceExcerpt {
    /// From 1.
    pub first_line: usize,
    pub text: String,
    pub spans: Vec<Range<usize>>,
}

/// One line as shown: for each character the byte of the source from which it comes.
struct ExcerptLine(Vec<(usize, char)>);

/// The redacted ranges of a source and its comments, for a secret may have been commented out: in order, none over
/// the end of a line, each starting after its line's indentation.
pub fn find_redactions(source: &NamedSource, lines: &LineStarts) -> Vec<Range<usize>> {
    let text = &*source.text;
    let mut redactions: Vec<Range<usize>> = Vec::new();
    let mut hidden = source.list_redactions();
    hidden.extend(find_comments(text));
    hidden.sort_by_key(|range| range.start);
    for redaction in merge_ranges(hidden, text) {
        for line in lines.find_line(redaction.start)..=lines.find_line(redaction.end.saturating_sub(1)) {
            let line = lines.find_range(text, line);
            let (start, end) = (redaction.start.max(line.start), redaction.end.min(line.end));
            let body = text.get(start..end).unwrap_or("");
            let start = start + (body.len() - body.trim_start().len());
            if start < end {
                redactions.push(start..end);
            }
        }
    }
    redactions
}

/// Whatever may be a comment of YAML: also what only looks like one inside quotes, which may be unbalanced.
fn find_comments(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut start = 0;
    text.split_inclusive('\n').filter_map(move |line| {
        let at = start;
        start += line.len();
        let begins = |at: usize| line[..at].chars().next_back().is_none_or(char::is_whitespace);
        let (sign, _) = line.match_indices('#').find(|(sign, _)| begins(*sign))?;
        Some(at + sign..start)
    })
}

impl RedactedSource<'_> {
    /// The line, from 0, on which a place starts.
    pub fn find_line(&self, span: SourceSpan) -> usize {
        self.lines.find_line(floor_char_boundary(self.text, span.start as usize))
    }

    /// The lines from the first to the last of some places, each at most `room` characters long. Of a place
    /// over several lines only the first line counts.
    pub fn extract_lines(&self, places: &[SourceSpan], room: usize) -> SourceExcerpt {
        let first = places.iter().map(|span| self.find_line(*span)).min().unwrap_or(0);
        let last = places.iter().map(|span| self.find_line(*span)).max().unwrap_or(0);
        let (mut text, mut spans) = (String::new(), vec![0..0; places.len()]);
        for line in first..=last {
            let here = |(_, span): &(usize, &SourceSpan)| self.find_line(**span) == line;
            let focus = places
                .iter()
                .enumerate()
                .find(here)
                .map(|(_, span)| floor_char_boundary(self.text, span.start as usize));
            let shown = self.cut_line(self.lines.find_range(self.text, line), focus, room);
            for (number, span) in places.iter().enumerate().filter(here) {
                let within = self.map_span(&shown, *span);
                spans[number] = text.len() + within.start..text.len() + within.end;
            }
            text.extend(shown.0.iter().map(|(_, c)| *c));
            text.push('\n');
        }
        SourceExcerpt { first_line: first + 1, text, spans }
    }

    /// One line, cut around `focus` where it is too long.
    fn cut_line(&self, line: Range<usize>, focus: Option<usize>, room: usize) -> ExcerptLine {
        let focus = focus.unwrap_or(line.start).clamp(line.start, line.end);
        let start =
            floor_char_boundary(self.text, focus.saturating_sub(room * BYTES_PER_CHARACTER)).max(line.start);
        let end = floor_char_boundary(self.text, focus + room * BYTES_PER_CHARACTER).clamp(start, line.end);
        let cells = self.collect_cells(start..end);
        let at = cells.partition_point(|(byte, _)| *byte < focus);
        let from = at.saturating_sub(room / 3).min(cells.len().saturating_sub(room));
        let to = (from + room).min(cells.len());
        let mut shown = Vec::with_capacity(to - from + 2);
        if from > 0 || start > line.start {
            shown.push((line.start, '…'));
        }
        shown.extend_from_slice(&cells[from..to]);
        if to < cells.len() || end < line.end {
            shown.push((cells.get(to).map_or(end, |(byte, _)| *byte), '…'));
        }
        ExcerptLine(shown)
    }

    fn collect_cells(&self, range: Range<usize>) -> Vec<(usize, char)> {
        let mut cells = Vec::new();
        let mut at = range.start;
        let first = self.redactions.partition_point(|redaction| redaction.end <= range.start);
        for redaction in self.redactions[first..].iter().take_while(|redaction| redaction.start < range.end) {
            self.push_plain(at..redaction.start, &mut cells);
            cells.extend(REDACTED_TEXT.chars().map(|mark| (redaction.start.max(range.start), mark)));
            at = redaction.end;
        }
        self.push_plain(at..range.end, &mut cells);
        cells
    }

    fn push_plain(&self, range: Range<usize>, cells: &mut Vec<(usize, char)>) {
        let text = self.text.get(range.clone()).unwrap_or("");
        let shown = |c: char| if c != '\t' && needs_escape(c) { '\u{fffd}' } else { c };
        cells.extend(text.char_indices().map(|(at, c)| (range.start + at, shown(c))));
    }

    /// A place in the bytes of a shown line; one that starts in a redaction starts where the marks do.
    fn map_span(&self, shown: &ExcerptLine, span: SourceSpan) -> Range<usize> {
        let (start, end) = (span.start as usize, span.end as usize);
        let redaction =
            self.redactions.get(self.redactions.partition_point(|redaction| redaction.end <= start));
        let start = redaction.map_or(start, |redaction| redaction.start.min(start));
        let byte = |at: usize| {
            shown.0.iter().take_while(|(from, _)| *from < at).map(|(_, c)| c.len_utf8()).sum::<usize>()
        };
        byte(start)..byte(end).max(byte(start))
    }
}

/// Ranges on character borders, those that touch joined.
fn merge_ranges(ranges: Vec<Range<usize>>, text: &str) -> Vec<Range<usize>> {
    let mut merged: Vec<Range<usize>> = Vec::new();
    for range in ranges {
        let start = floor_char_boundary(text, range.start);
        let mut end = range.end.min(text.len());
        while !text.is_char_boundary(end) {
            end += 1;
        }
        match merged.last_mut() {
            Some(last) if start <= last.end => last.end = last.end.max(end),
            _ if start < end => merged.push(start..end),
            _ => {}
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::line_index::SourceLineIndex;

    fn excerpt(text: &str, redacted: &[&str], places: &[&str], room: usize) -> (String, Vec<String>) {
        let source = NamedSource::new("t.yaml", text);
        let span = |part: &str| {
            let start = text.find(part).unwrap();
            SourceSpan { start: start as u32, end: (start + part.len()) as u32 }
        };
        redacted.iter().for_each(|redaction| source.redact_span(span(redaction)));
        let mut all = SourceLineIndex::default();
        let spans: Vec<SourceSpan> = places.iter().map(|place| span(place)).collect();
        let lines = all.index_lines(&source);
        let redacted = RedactedSource { text, lines, redactions: &find_redactions(&source, lines) };
        let excerpt = redacted.extract_lines(&spans, room);
        let shown = excerpt.spans.iter().map(|range| excerpt.text[range.clone()].to_owned()).collect();
        (excerpt.text, shown)
    }

    #[test]
    fn veils_hide_text_and_length() {
        let (text, shown) = excerpt("a: hemlig, b: ok\n", &["hemlig"], &["hemlig", "b: ok"], 80);
        assert_eq!((&*text, &*shown), ("a: •••, b: ok\n", &["•••".to_owned(), "b: ok".to_owned()][..]));
        let (text, shown) = excerpt("a: {x: nyckelåäö, y: 1}\n", &["nyckelåäö"], &["åä", "y: 1"], 80);
        assert_eq!((&*text, &*shown), ("a: {x: •••, y: 1}\n", &["•••".to_owned(), "y: 1".to_owned()][..]));
    }

    #[test]
    fn veils_span_lines_and_overlap() {
        let text = "a: |\n  first line\n\n  second\nb: 1\n";
        let (text, shown) =
            excerpt(text, &["|\n  first line\n\n  sec", "line\n\n  second\n"], &["a", "line", "b"], 80);
        assert_eq!(text, "a: •••\n  •••\n\n  •••\nb: 1\n");
        assert_eq!(shown, ["a", "•••", "b"]);
    }

    #[test]
    fn long_lines_are_cut_around_the_place() {
        let line = format!("k: {}X{}\n", "ab ".repeat(5000), " cd".repeat(5000));
        let (text, shown) = excerpt(&line, &[], &["X"], 60);
        assert!(text.starts_with('…') && text.ends_with("…\n"), "{text}");
        assert!(text.chars().count() <= 63, "{text}");
        assert_eq!(shown, ["X"]);
        let (text, _) = excerpt(&line, &[], &["k"], 60);
        assert!(text.starts_with("k: ab") && text.ends_with("…\n"), "{text}");
    }

    #[test]
    fn a_cut_through_a_veil_shows_nothing_of_it() {
        let secret = "s3cr3t ".repeat(3000);
        let line = format!("k: {secret}X{secret}\n");
        let source = NamedSource::new("t.yaml", line.as_str());
        let at = line.find('X').unwrap();
        source.redact_span(SourceSpan { start: 3, end: at as u32 });
        source.redact_span(SourceSpan { start: at as u32 + 1, end: line.len() as u32 - 1 });
        let mut all = SourceLineIndex::default();
        let lines = all.index_lines(&source);
        let redacted =
            RedactedSource { text: &source.text, lines, redactions: &find_redactions(&source, lines) };
        let excerpt = redacted.extract_lines(&[SourceSpan { start: at as u32, end: at as u32 + 1 }], 60);
        assert_eq!(excerpt.text, "…•••X•••…\n");
    }

    #[test]
    fn hostile_characters_take_one_place_each() {
        let (text, shown) = excerpt("a:\t\u{1b}[2J\u{202e}x y\n", &[], &["x"], 80);
        assert_eq!((&*text, &*shown), ("a:\t\u{fffd}[2J\u{fffd}x y\n", &["x".to_owned()][..]));
    }
}
