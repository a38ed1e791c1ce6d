//! Diagnostics drawn on their source, like a compiler's: code, sentence, line, caret, what to do.
//!
//! All of them in one order however they were found, at most so many, with their number at the end. Lines are
//! excerpts: what is redacted in the source stays redacted.
//! Deliberately absent: printing, and deciding whether there is colour.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::{Annotation, AnnotationKind, Element, Group, Level, Origin, Renderer, Snippet};

use super::excerpt::{RedactedSource, SourceExcerpt, find_redactions};
use super::line_index::SourceLineIndex;
use super::sanitize::{self, format_count, group_digits};
use super::styled_text::strip_styles;
use crate::diagnostic::{Diagnostic, DiagnosticSeverity, NamedSource, SourceLocation, sort_diagnostics};

/// A second place at most so many lines away is drawn together with the first.
const MAX_LINE_DISTANCE: usize = 5;
/// What the gutter with the line number takes.
const GUTTER_WIDTH: usize = 8;
/// The narrowest and the widest excerpt.
const EXCERPT_WIDTHS: (usize, usize) = (40, 200);
/// Set behind a path whose line and column are written already; `clean` lets none through, so it is ours alone.
const WRITTEN: char = '\u{2060}';
/// The most characters of a label.
const MAX_LABEL_CHARACTERS: usize = 60;

/// How diagnostics are drawn.
#[derive(Clone, Copy, Debug)]
pub struct DiagnosticRenderOptions {
    /// With ANSI styles.
    pub color: bool,
    /// Columns of the terminal.
    pub width: usize,
    /// The most that are drawn; errors go before warnings.
    pub limit: usize,
}

impl Default for DiagnosticRenderOptions {
    fn default() -> Self {
        Self { color: false, width: 100, limit: 100 }
    }
}

/// Draws diagnostics, each on its source, and counts them; nothing for none.
pub fn render_diagnostics(diagnostics: &[Diagnostic], drawing: &DiagnosticRenderOptions) -> String {
    if diagnostics.is_empty() {
        return String::new();
    }
    let mut sorted = diagnostics.to_vec();
    sort_diagnostics(&mut sorted);
    let renderer = if drawing.color { Renderer::styled() } else { Renderer::plain() };
    let mut artist = DiagnosticRenderer {
        renderer: renderer.term_width(drawing.width.max(EXCERPT_WIDTHS.0)),
        excerpt_width: drawing.width.saturating_sub(GUTTER_WIDTH).clamp(EXCERPT_WIDTHS.0, EXCERPT_WIDTHS.1),
        line_index: SourceLineIndex::default(),
        redactions: HashMap::new(),
    };
    let mut drawn = String::new();
    for diagnostic in select_most_severe(&sorted, drawing.limit) {
        drawn.push_str(&artist.render_diagnostic(diagnostic));
        drawn.push_str("\n\n");
    }
    let more = sorted.len().saturating_sub(drawing.limit);
    if more > 0 {
        drawn.push_str(&format!("… and {} more\n\n", group_digits(more)));
    }
    drawn.push_str(&summarize_diagnostics(&sorted));
    drawn.push('\n');
    drawn
}

/// The first `limit` by weight, in the order in which they stand.
fn select_most_severe(sorted: &[Diagnostic], limit: usize) -> Vec<&Diagnostic> {
    let mut numbers: Vec<usize> = (0..sorted.len()).collect();
    numbers.sort_by_key(|number| std::cmp::Reverse(sorted[*number].severity));
    numbers.truncate(limit);
    numbers.sort_unstable();
    numbers.into_iter().map(|number| &sorted[number]).collect()
}

/// `2 errors, 1 warning in 3 files`
pub fn summarize_diagnostics(diagnostics: &[Diagnostic]) -> String {
    let of = |severity| diagnostics.iter().filter(|d| d.severity == severity).count();
    let parts = [
        (of(DiagnosticSeverity::Error), "error"),
        (of(DiagnosticSeverity::Warning), "warning"),
        (of(DiagnosticSeverity::Note), "note"),
    ];
    let parts =
        parts.iter().filter(|(number, _)| *number > 0).map(|(number, noun)| format_count(*number, noun));
    let places = diagnostics.iter().filter_map(|diagnostic| diagnostic.location.as_ref());
    let files: BTreeSet<&str> = places.map(|place| &*place.source.path).collect();
    let files =
        if files.is_empty() { String::new() } else { format!(" in {}", format_count(files.len(), "file")) };
    format!("{}{files}", parts.collect::<Vec<_>>().join(", "))
}

struct DiagnosticRenderer {
    renderer: Renderer,
    excerpt_width: usize,
    line_index: SourceLineIndex,
    redactions: HashMap<*const NamedSource, Vec<Range<usize>>>,
}

/// A place to point at.
struct AnnotatedPlace<'d> {
    place: &'d SourceLocation,
    label: Option<String>,
    kind: AnnotationKind,
}

impl DiagnosticRenderer {
    fn render_diagnostic(&mut self, diagnostic: &Diagnostic) -> String {
        let level = match diagnostic.severity {
            DiagnosticSeverity::Error => Level::ERROR,
            DiagnosticSeverity::Warning => Level::WARNING,
            DiagnosticSeverity::Note => Level::NOTE,
        };
        let title = level.primary_title(sanitize::escape_line(&diagnostic.message)).id(diagnostic.code);
        let places = self.group_places(collect_places(diagnostic));
        let has_lines = places.iter().any(|group| has_text(group[0].place));
        let elements: Vec<_> = places.iter().map(|group| self.build_element(group)).collect();
        let mut group = Group::with_title(title).elements(elements);
        if let Some(hint) = &diagnostic.hint {
            group = group.element(Level::HELP.message(sanitize::escape_line(hint)));
        }
        let drawn = strip_rendered_positions(&self.renderer.render(&[group]));
        if has_lines { drawn } else { remove_gutter(&drawn) }
    }

    /// Points that are drawn on one excerpt, the most important first.
    fn group_places<'d>(&mut self, points: Vec<AnnotatedPlace<'d>>) -> Vec<Vec<AnnotatedPlace<'d>>> {
        let mut groups: Vec<Vec<AnnotatedPlace>> = Vec::new();
        for point in points {
            match groups.iter_mut().find(|group| self.is_near(group[0].place, point.place)) {
                Some(group) => group.push(point),
                None => groups.push(vec![point]),
            }
        }
        groups
    }

    fn is_near(&mut self, a: &SourceLocation, b: &SourceLocation) -> bool {
        if !Arc::ptr_eq(&a.source, &b.source) {
            return false;
        }
        let ((line, column), (other, another)) =
            (self.line_index.find_line_column(a), self.line_index.find_line_column(b));
        let near = line.abs_diff(other) <= MAX_LINE_DISTANCE;
        near && (line != other || column.abs_diff(another) < self.excerpt_width / 2)
    }

    /// The lines of a place, or the path alone of a file that has none.
    fn build_element(&mut self, points: &[AnnotatedPlace]) -> Element<'static> {
        match points.first().filter(|point| !has_text(point.place)) {
            Some(point) => Origin::path(sanitize::escape_line(&point.place.source.path).into_owned()).into(),
            None => self.build_snippet(points).into(),
        }
    }

    fn build_snippet(&mut self, points: &[AnnotatedPlace]) -> Snippet<'static, Annotation<'static>> {
        let place = points[0].place;
        let (line, column) = self.line_index.find_line_column(place);
        let path = format!("{}:{line}:{column}{WRITTEN}", sanitize::escape_line(&place.source.path));
        let spans: Vec<_> = points.iter().map(|point| point.place.span).collect();
        let source = &place.source;
        let lines = self.line_index.index_lines(source);
        // the places keep the source alive, so its address stays its own
        let redactions =
            self.redactions.entry(Arc::as_ptr(source)).or_insert_with(|| find_redactions(source, lines));
        let redacted = RedactedSource { text: &source.text, lines, redactions };
        let SourceExcerpt { first_line, text, spans } = redacted.extract_lines(&spans, self.excerpt_width);
        let annotations =
            points.iter().zip(spans).map(|(point, span)| point.kind.span(span).label(point.label.clone()));
        let annotations: Vec<_> = annotations.collect();
        Snippet::source(text).path(path).line_start(first_line).annotations(annotations)
    }
}

fn collect_places(diagnostic: &Diagnostic) -> Vec<AnnotatedPlace<'_>> {
    let first = diagnostic.location.iter().map(|place| AnnotatedPlace {
        place,
        label: None,
        kind: AnnotationKind::Primary,
    });
    let others = diagnostic.related.iter().map(|(place, what)| AnnotatedPlace {
        place,
        label: Some(sanitize::truncate_line(&sanitize::escape_line(what), MAX_LABEL_CHARACTERS).into_owned()),
        kind: AnnotationKind::Context,
    });
    first.chain(others).collect()
}

/// Whether a place is in a text: a file that cannot be read has none.
fn has_text(place: &SourceLocation) -> bool {
    !place.source.text.is_empty()
}

/// Takes out the lines that hold a gutter only, where no line of a source stands beside it.
fn remove_gutter(drawn: &str) -> String {
    let lines = drawn.split('\n').filter(|line| strip_styles(line).trim() != "|");
    lines.collect::<Vec<_>>().join("\n")
}

/// Takes out the line and column that the renderer counts in the excerpt: those of the source stand there already.
fn strip_rendered_positions(drawn: &str) -> String {
    let mut parts = drawn.split(WRITTEN);
    let mut own = parts.next().unwrap_or("").to_owned();
    for part in parts {
        own.push_str(part.trim_start_matches(|c: char| c == ':' || c.is_ascii_digit()));
    }
    own
}
