//! Lines of a source as they may be shown: veiled parts as `•••`, hostile characters replaced, long lines cut
//! around what they are shown for.
//!
//! A veil takes three marks however long it is, for the length of a secret tells something too. Places are
//! carried over into the excerpt, so that carets stand under the right characters.
//! Deliberately absent: drawing.

use std::ops::Range;

use super::clean::is_hostile;
use super::places::{Lines, floor};
use crate::diagnostic::{Source, Span};

/// What stands for something veiled.
const MARKS: &str = "•••";
/// Bytes of a long line that are looked at, for each character that is shown.
const BYTES: usize = 8;

/// A text with its lines and [`veils`].
pub struct Veiled<'s> {
    pub text: &'s str,
    pub lines: &'s Lines,
    pub veils: &'s [Range<usize>],
}

/// Some lines next to each other, and where the asked-for places are in them.
pub struct Excerpt {
    /// From 1.
    pub first_line: usize,
    pub text: String,
    pub spans: Vec<Range<usize>>,
}

/// One line as shown: for each character the byte of the source from which it comes.
struct Shown(Vec<(usize, char)>);

/// The veiled ranges of a source and its comments, for a secret may have been commented out: in order, none over
/// the end of a line, each starting after its line's indentation.
pub fn veils(source: &Source, lines: &Lines) -> Vec<Range<usize>> {
    let text = &*source.text;
    let mut veils: Vec<Range<usize>> = Vec::new();
    let mut hidden = source.veils();
    hidden.extend(comments(text));
    hidden.sort_by_key(|range| range.start);
    for veil in merged(hidden, text) {
        for line in lines.of(veil.start)..=lines.of(veil.end.saturating_sub(1)) {
            let line = lines.range(text, line);
            let (start, end) = (veil.start.max(line.start), veil.end.min(line.end));
            let body = text.get(start..end).unwrap_or("");
            let start = start + (body.len() - body.trim_start().len());
            if start < end {
                veils.push(start..end);
            }
        }
    }
    veils
}

/// Whatever may be a comment of YAML: also what only looks like one inside quotes, which may be unbalanced.
fn comments(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut start = 0;
    text.split_inclusive('\n').filter_map(move |line| {
        let at = start;
        start += line.len();
        let begins = |at: usize| line[..at].chars().next_back().is_none_or(char::is_whitespace);
        let (sign, _) = line.match_indices('#').find(|(sign, _)| begins(*sign))?;
        Some(at + sign..start)
    })
}

impl Veiled<'_> {
    /// The line, from 0, on which a place starts.
    pub fn line_of(&self, span: Span) -> usize {
        self.lines.of(floor(self.text, span.start as usize))
    }

    /// The lines from the first to the last of some places, each at most `room` characters long. Of a place
    /// over several lines only the first line counts.
    pub fn excerpt(&self, places: &[Span], room: usize) -> Excerpt {
        let first = places.iter().map(|span| self.line_of(*span)).min().unwrap_or(0);
        let last = places.iter().map(|span| self.line_of(*span)).max().unwrap_or(0);
        let (mut text, mut spans) = (String::new(), vec![0..0; places.len()]);
        for line in first..=last {
            let here = |(_, span): &(usize, &Span)| self.line_of(**span) == line;
            let focus =
                places.iter().enumerate().find(here).map(|(_, span)| floor(self.text, span.start as usize));
            let shown = self.line(self.lines.range(self.text, line), focus, room);
            for (number, span) in places.iter().enumerate().filter(here) {
                let within = self.carry(&shown, *span);
                spans[number] = text.len() + within.start..text.len() + within.end;
            }
            text.extend(shown.0.iter().map(|(_, c)| *c));
            text.push('\n');
        }
        Excerpt { first_line: first + 1, text, spans }
    }

    /// One line, cut around `focus` where it is too long.
    fn line(&self, line: Range<usize>, focus: Option<usize>, room: usize) -> Shown {
        let focus = focus.unwrap_or(line.start).clamp(line.start, line.end);
        let start = floor(self.text, focus.saturating_sub(room * BYTES)).max(line.start);
        let end = floor(self.text, focus + room * BYTES).clamp(start, line.end);
        let cells = self.cells(start..end);
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
        Shown(shown)
    }

    fn cells(&self, range: Range<usize>) -> Vec<(usize, char)> {
        let mut cells = Vec::new();
        let mut at = range.start;
        let first = self.veils.partition_point(|veil| veil.end <= range.start);
        for veil in self.veils[first..].iter().take_while(|veil| veil.start < range.end) {
            self.plain(at..veil.start, &mut cells);
            cells.extend(MARKS.chars().map(|mark| (veil.start.max(range.start), mark)));
            at = veil.end;
        }
        self.plain(at..range.end, &mut cells);
        cells
    }

    fn plain(&self, range: Range<usize>, cells: &mut Vec<(usize, char)>) {
        let text = self.text.get(range.clone()).unwrap_or("");
        let shown = |c: char| if c != '\t' && is_hostile(c) { '\u{fffd}' } else { c };
        cells.extend(text.char_indices().map(|(at, c)| (range.start + at, shown(c))));
    }

    /// A place in the bytes of a shown line; one that starts in a veil starts where the marks do.
    fn carry(&self, shown: &Shown, span: Span) -> Range<usize> {
        let (start, end) = (span.start as usize, span.end as usize);
        let veil = self.veils.get(self.veils.partition_point(|veil| veil.end <= start));
        let start = veil.map_or(start, |veil| veil.start.min(start));
        let byte = |at: usize| {
            shown.0.iter().take_while(|(from, _)| *from < at).map(|(_, c)| c.len_utf8()).sum::<usize>()
        };
        byte(start)..byte(end).max(byte(start))
    }
}

/// Ranges on character borders, those that touch joined.
fn merged(ranges: Vec<Range<usize>>, text: &str) -> Vec<Range<usize>> {
    let mut merged: Vec<Range<usize>> = Vec::new();
    for range in ranges {
        let start = floor(text, range.start);
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
    use crate::report::places::Places;

    fn excerpt(text: &str, veiled: &[&str], places: &[&str], room: usize) -> (String, Vec<String>) {
        let source = Source::new("t.yaml", text);
        let span = |part: &str| {
            let start = text.find(part).unwrap();
            Span { start: start as u32, end: (start + part.len()) as u32 }
        };
        veiled.iter().for_each(|veil| source.veil(span(veil)));
        let mut all = Places::default();
        let spans: Vec<Span> = places.iter().map(|place| span(place)).collect();
        let lines = all.lines(&source);
        let veiled = Veiled { text, lines, veils: &veils(&source, lines) };
        let excerpt = veiled.excerpt(&spans, room);
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
        let source = Source::new("t.yaml", line.as_str());
        let at = line.find('X').unwrap();
        source.veil(Span { start: 3, end: at as u32 });
        source.veil(Span { start: at as u32 + 1, end: line.len() as u32 - 1 });
        let mut all = Places::default();
        let lines = all.lines(&source);
        let veiled = Veiled { text: &source.text, lines, veils: &veils(&source, lines) };
        let excerpt = veiled.excerpt(&[Span { start: at as u32, end: at as u32 + 1 }], 60);
        assert_eq!(excerpt.text, "…•••X•••…\n");
    }

    #[test]
    fn hostile_characters_take_one_place_each() {
        let (text, shown) = excerpt("a:\t\u{1b}[2J\u{202e}x y\n", &[], &["x"], 80);
        assert_eq!((&*text, &*shown), ("a:\t\u{fffd}[2J\u{fffd}x y\n", &["x".to_owned()][..]));
    }
}
