//! What is wrong, where, and what to do about it.
//!
//! A diagnostic has a stable kebab-case code, a severity, a sentence, often a hint, and a place: a range of
//! bytes in a source, resolved to line and column only when it is shown. A source remembers which of its
//! ranges are redacted (secret and personal values), so that no source line can print one.
//! Deliberately absent: drawing. `report` draws.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// So many of the latest redactions are compared with the next one.
const RECENT_REDACTIONS: usize = 16;

/// A file that was read, or a text that stands for one.
pub struct NamedSource {
    /// As the user named it, relative to the workspace where possible.
    pub path: String,
    pub text: Cow<'static, str>,
    redactions: Mutex<Vec<Range<u32>>>,
    /// Where lines start, once someone asked for one.
    line_starts: OnceLock<Box<[u32]>>,
}

/// A range of bytes of a source.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct SourceSpan {
    pub start: u32,
    pub end: u32,
}

/// Where a diagnostic points.
#[derive(Clone)]
pub struct SourceLocation {
    pub source: Arc<NamedSource>,
    pub span: SourceSpan,
}

/// How much a diagnostic weighs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum DiagnosticSeverity {
    Note,
    Warning,
    Error,
}

/// One thing to say.
#[derive(Clone)]
pub struct Diagnostic {
    /// Stable, kebab-case.
    pub code: &'static str,
    pub severity: DiagnosticSeverity,
    /// One sentence, lower case start, no period.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
    pub location: Option<SourceLocation>,
    /// A second place that belongs to it, with what it is.
    pub related: Vec<(SourceLocation, String)>,
}

impl NamedSource {
    /// A source from its path and text. A byte order mark is dropped: it would count as a column.
    pub fn new(path: impl Into<String>, text: impl Into<Box<str>>) -> Arc<Self> {
        let text = text.into();
        let text = text.strip_prefix('\u{feff}').map(Box::from).unwrap_or(text);
        Self::build(path.into(), Cow::Owned(text.into_string()))
    }

    /// A source that comes with the program, whose text is not copied.
    pub fn from_static(path: impl Into<String>, text: &'static str) -> Arc<Self> {
        Self::build(path.into(), Cow::Borrowed(text))
    }

    fn build(path: String, text: Cow<'static, str>) -> Arc<Self> {
        Arc::new(Self { path, text, redactions: Mutex::default(), line_starts: OnceLock::new() })
    }

    /// The place of a range of this source.
    pub fn locate_span(self: &Arc<Self>, span: SourceSpan) -> SourceLocation {
        SourceLocation { source: Arc::clone(self), span }
    }

    /// From now on no shown line of this source contains the text of `span`.
    pub fn redact_span(&self, span: SourceSpan) {
        let mut redactions = self.redactions.lock().unwrap_or_else(PoisonError::into_inner);
        let range = span.start..span.end;
        // a level that many documents share is read with each of them
        if !redactions.iter().rev().take(RECENT_REDACTIONS).any(|own| *own == range) {
            redactions.push(range);
        }
    }

    /// Hides a range up to the end of its last line, where a comment can repeat the value. The colon and the blanks
    /// after a key stay, so that the line still reads as YAML. Gives what is hidden; nothing for an empty rest.
    pub fn redact_to_line_end(&self, span: SourceSpan) -> Option<SourceSpan> {
        let last = self.text.get(span.end as usize..).unwrap_or_default();
        let end = last.find('\n').map_or(self.text.len(), |at| span.end as usize + at);
        let from = self.text.get(span.start as usize..end).unwrap_or_default();
        let start = end - from.trim_start_matches([':', ' ', '\t']).len();
        let hidden = SourceSpan { start: start as u32, end: end as u32 };
        (start < end).then(|| {
            self.redact_span(hidden);
            hidden
        })
    }

    /// The redacted ranges, in order, as bytes.
    pub fn list_redactions(&self) -> Vec<Range<usize>> {
        let redactions = self.redactions.lock().unwrap_or_else(PoisonError::into_inner);
        let mut ranges: Vec<_> = redactions.iter().map(|v| v.start as usize..v.end as usize).collect();
        ranges.sort_by_key(|range| range.start);
        ranges
    }

    /// Line and column of a byte, both from 1; the column counts characters.
    pub fn find_line_column(&self, byte: u32) -> (usize, usize) {
        let mut byte = (byte as usize).min(self.text.len());
        while !self.text.is_char_boundary(byte) {
            byte -= 1;
        }
        let starts = self.line_starts.get_or_init(|| {
            let breaks = self.text.match_indices('\n').map(|(at, _)| at as u32 + 1);
            std::iter::once(0).chain(breaks).collect()
        });
        let line = starts.partition_point(|start| *start as usize <= byte);
        let start = line.checked_sub(1).and_then(|line| starts.get(line)).map_or(0, |start| *start as usize);
        (line, self.text.get(start..byte).unwrap_or_default().chars().count() + 1)
    }
}

impl SourceLocation {
    /// Line and column of the start, both from 1.
    pub fn find_line_column(&self) -> (usize, usize) {
        self.source.find_line_column(self.span.start)
    }
}

impl Diagnostic {
    /// An error: the run cannot succeed.
    pub fn error(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(DiagnosticSeverity::Error, code, message)
    }

    /// A warning: worth a look, nothing stops.
    pub fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(DiagnosticSeverity::Warning, code, message)
    }

    /// A note: good to know.
    pub fn note(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(DiagnosticSeverity::Note, code, message)
    }

    fn new(severity: DiagnosticSeverity, code: &'static str, message: impl Into<String>) -> Self {
        Self { code, severity, message: message.into(), hint: None, location: None, related: Vec::new() }
    }

    /// What makes two of them one.
    pub fn identify(&self) -> (&'static str, Option<(String, u32)>, String) {
        let place = self.location.as_ref().map(|place| (place.source.path.clone(), place.span.start));
        (self.code, place, self.message.clone())
    }

    /// With what to do about it.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// With where it is.
    #[must_use]
    pub fn with_location(mut self, place: SourceLocation) -> Self {
        self.location = Some(place);
        self
    }

    /// With a second place, and what is there.
    #[must_use]
    pub fn with_related(mut self, place: SourceLocation, what: impl Into<String>) -> Self {
        self.related.push((place, what.into()));
        self
    }
}

/// Why a file or a program cannot be used, in the words of messages.
pub fn describe_io_error(kind: std::io::ErrorKind) -> String {
    match kind {
        std::io::ErrorKind::NotFound => "not found".to_owned(),
        other => other.to_string(),
    }
}

/// Whether any of these is an error.
pub fn has_errors(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().any(|diagnostic| diagnostic.severity == DiagnosticSeverity::Error)
}

/// Orders diagnostics by file, place and code, the same however they were found.
pub fn sort_diagnostics(diagnostics: &mut [Diagnostic]) {
    diagnostics.sort_by(|a, b| {
        let key = |d: &Diagnostic| d.location.as_ref().map(|p| (p.source.path.clone(), p.span.start));
        key(a).cmp(&key(b)).then_with(|| a.code.cmp(b.code)).then_with(|| a.message.cmp(&b.message))
    });
}

/// Diagnostics without those that say the same of the same place.
pub fn remove_repetitions(diagnostics: Vec<Diagnostic>) -> impl Iterator<Item = Diagnostic> {
    let mut seen = HashSet::new();
    diagnostics.into_iter().filter(move |diagnostic| seen.insert(diagnostic.identify()))
}

/// The word of `known` that was probably meant, when one is near enough.
pub fn find_nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let lower = word.to_lowercase();
    let near = |candidate: &'k str| {
        let other = candidate.to_lowercase();
        let distance = strsim::damerau_levenshtein(&lower, &other);
        let longest = lower.chars().count().max(other.chars().count());
        (distance * 3 <= longest).then_some((distance, candidate))
    };
    known.into_iter().filter_map(near).min_by_key(|(distance, _)| *distance).map(|(_, word)| word)
}

/// `did you mean …` for the nearest word, else what is known, or the first of it.
pub fn suggest_word<'k>(word: &str, known: impl IntoIterator<Item = &'k str> + Clone) -> Option<String> {
    if let Some(near) = find_nearest(word, known.clone()) {
        return Some(format!("did you mean `{near}`?"));
    }
    let all: Vec<_> = known.into_iter().collect();
    match all.len() {
        0 => None,
        1..=24 => Some(format!("known here: {}", all.join(", "))),
        _ => Some(format!("known here: {} and more", all[..12].join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_lines_and_characters() {
        let source = NamedSource::new("a.yaml", "å: 1\nb: é x\n");
        assert_eq!(source.find_line_column(0), (1, 1));
        assert_eq!(source.find_line_column(2), (1, 2));
        assert_eq!(source.find_line_column(12), (2, 6));
        assert_eq!(source.find_line_column(9999), (3, 1));
        assert_eq!(NamedSource::new("a.yaml", "\u{feff}a: 1").find_line_column(0), (1, 1));
    }

    #[test]
    fn of_many_words_some_are_reported() {
        let words: Vec<String> = (0..25).map(|number| format!("w{number}")).collect();
        let hint = suggest_word("zzzzz", words.iter().map(String::as_str)).unwrap();
        assert_eq!(hint, "known here: w0, w1, w2, w3, w4, w5, w6, w7, w8, w9, w10, w11 and more");
    }

    #[test]
    fn the_nearest_word_is_near() {
        let known = ["displayName", "merchantKey"];
        assert_eq!(find_nearest("dispayname", known), Some("displayName"));
        assert_eq!(find_nearest("zzz", known), None);
    }
}
