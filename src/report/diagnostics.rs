//! Diagnostics drawn on their source, like a compiler's: code, sentence, line, caret, what to do.
//!
//! All of them in one order however they were found, at most so many, with their number at the end. Lines are
//! excerpts: what is veiled in the source stays veiled.
//! Deliberately absent: printing, and deciding whether there is colour.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Renderer, Snippet};

use super::clean::{self, count, grouped};
use super::excerpt::{Excerpt, Veiled, veils};
use super::places::Places;
use crate::diagnostic::{Diagnostic, Place, Severity, Source, sort};

/// A second place at most so many lines away is drawn together with the first.
const NEAR: usize = 5;
/// What the gutter with the line number takes.
const GUTTER: usize = 8;
/// The narrowest and the widest excerpt.
const ROOM: (usize, usize) = (40, 200);
/// Set behind a path whose line and column are written already; `clean` lets none through, so it is ours alone.
const WRITTEN: char = '\u{2060}';
/// The most characters of a label.
const LABEL: usize = 60;

/// How diagnostics are drawn.
#[derive(Clone, Copy, Debug)]
pub struct Drawing {
    /// With ANSI styles.
    pub color: bool,
    /// Columns of the terminal.
    pub width: usize,
    /// The most that are drawn; errors go before warnings.
    pub limit: usize,
}

impl Default for Drawing {
    fn default() -> Self {
        Self { color: false, width: 100, limit: 100 }
    }
}

/// Draws diagnostics, each on its source, and counts them; nothing for none.
pub fn draw(diagnostics: &[Diagnostic], drawing: &Drawing) -> String {
    if diagnostics.is_empty() {
        return String::new();
    }
    let mut sorted = diagnostics.to_vec();
    sort(&mut sorted);
    let renderer = if drawing.color { Renderer::styled() } else { Renderer::plain() };
    let mut artist = Artist {
        renderer: renderer.term_width(drawing.width.max(ROOM.0)),
        room: drawing.width.saturating_sub(GUTTER).clamp(ROOM.0, ROOM.1),
        places: Places::default(),
        veils: HashMap::new(),
    };
    let mut drawn = String::new();
    for diagnostic in weightiest(&sorted, drawing.limit) {
        drawn.push_str(&artist.draw(diagnostic));
        drawn.push_str("\n\n");
    }
    let more = sorted.len().saturating_sub(drawing.limit);
    if more > 0 {
        drawn.push_str(&format!("… and {} more\n\n", grouped(more)));
    }
    drawn.push_str(&tally(&sorted));
    drawn.push('\n');
    drawn
}

/// The first `limit` by weight, in the order in which they stand.
fn weightiest(sorted: &[Diagnostic], limit: usize) -> Vec<&Diagnostic> {
    let mut numbers: Vec<usize> = (0..sorted.len()).collect();
    numbers.sort_by_key(|number| std::cmp::Reverse(sorted[*number].severity));
    numbers.truncate(limit);
    numbers.sort_unstable();
    numbers.into_iter().map(|number| &sorted[number]).collect()
}

/// `2 errors, 1 warning in 3 files`
pub fn tally(diagnostics: &[Diagnostic]) -> String {
    let of = |severity| diagnostics.iter().filter(|d| d.severity == severity).count();
    let parts =
        [(of(Severity::Error), "error"), (of(Severity::Warning), "warning"), (of(Severity::Note), "note")];
    let parts = parts.iter().filter(|(number, _)| *number > 0).map(|(number, noun)| count(*number, noun));
    let places = diagnostics.iter().filter_map(|diagnostic| diagnostic.place.as_ref());
    let files: BTreeSet<&str> = places.map(|place| &*place.source.path).collect();
    let files = if files.is_empty() { String::new() } else { format!(" in {}", count(files.len(), "file")) };
    format!("{}{files}", parts.collect::<Vec<_>>().join(", "))
}

struct Artist {
    renderer: Renderer,
    room: usize,
    places: Places,
    veils: HashMap<*const Source, Vec<Range<usize>>>,
}

/// A place to point at.
struct Point<'d> {
    place: &'d Place,
    label: Option<String>,
    kind: AnnotationKind,
}

impl Artist {
    fn draw(&mut self, diagnostic: &Diagnostic) -> String {
        let level = match diagnostic.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
            Severity::Note => Level::NOTE,
        };
        let title = level.primary_title(clean::line(&diagnostic.message)).id(diagnostic.code);
        let snippets: Vec<_> =
            self.together(points(diagnostic)).into_iter().map(|p| self.snippet(&p)).collect();
        let mut group = Group::with_title(title).elements(snippets);
        if let Some(hint) = &diagnostic.hint {
            group = group.element(Level::HELP.message(clean::line(hint)));
        }
        own_places(&self.renderer.render(&[group]))
    }

    /// Points that are drawn on one excerpt, the most important first.
    fn together<'d>(&mut self, points: Vec<Point<'d>>) -> Vec<Vec<Point<'d>>> {
        let mut groups: Vec<Vec<Point>> = Vec::new();
        for point in points {
            match groups.iter_mut().find(|group| self.is_near(group[0].place, point.place)) {
                Some(group) => group.push(point),
                None => groups.push(vec![point]),
            }
        }
        groups
    }

    fn is_near(&mut self, a: &Place, b: &Place) -> bool {
        if !Arc::ptr_eq(&a.source, &b.source) {
            return false;
        }
        let ((line, column), (other, another)) = (self.places.line_column(a), self.places.line_column(b));
        let near = line.abs_diff(other) <= NEAR;
        near && (line != other || column.abs_diff(another) < self.room / 2)
    }

    fn snippet(&mut self, points: &[Point]) -> Snippet<'static, Annotation<'static>> {
        let place = points[0].place;
        let (line, column) = self.places.line_column(place);
        let path = format!("{}:{line}:{column}{WRITTEN}", clean::line(&place.source.path));
        let spans: Vec<_> = points.iter().map(|point| point.place.span).collect();
        let source = &place.source;
        let lines = self.places.lines(source);
        // the places keep the source alive, so its address stays its own
        let veils = self.veils.entry(Arc::as_ptr(source)).or_insert_with(|| veils(source, lines));
        let veiled = Veiled { text: &source.text, lines, veils };
        let Excerpt { first_line, text, spans } = veiled.excerpt(&spans, self.room);
        let annotations =
            points.iter().zip(spans).map(|(point, span)| point.kind.span(span).label(point.label.clone()));
        let annotations: Vec<_> = annotations.collect();
        Snippet::source(text).path(path).line_start(first_line).annotations(annotations)
    }
}

fn points(diagnostic: &Diagnostic) -> Vec<Point<'_>> {
    let first =
        diagnostic.place.iter().map(|place| Point { place, label: None, kind: AnnotationKind::Primary });
    let others = diagnostic.also.iter().map(|(place, what)| Point {
        place,
        label: Some(clean::cut(&clean::line(what), LABEL).into_owned()),
        kind: AnnotationKind::Context,
    });
    first.chain(others).collect()
}

/// Takes out the line and column that the renderer counts in the excerpt: those of the source stand there already.
fn own_places(drawn: &str) -> String {
    let mut parts = drawn.split(WRITTEN);
    let mut own = parts.next().unwrap_or("").to_owned();
    for part in parts {
        own.push_str(part.trim_start_matches(|c: char| c == ':' || c.is_ascii_digit()));
    }
    own
}
