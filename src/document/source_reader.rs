//! One source while it is read: where its errors go, what of it must not be seen, and whether it needs others.
//!
//! What is not what it should be may be a secret in the wrong place, so no message repeats it and its lines are
//! redacted.
//! Deliberately absent: what documents are made of (`read`, `spec`).

use std::ops::Range;
use std::sync::Arc;

use super::Document;
use super::composition::{DeferRule, find_value_reference, is_list_edit};
use super::levels::DocumentLevels;
use super::taint::TaintedKinds;
use crate::diagnostic::{Diagnostic, NamedSource, SourceLocation, SourceSpan, suggest_word};
use crate::kind::{FieldReference, ScalarType};
use crate::value::Sensitivity;
use crate::yaml::{YamlData, YamlEntry, YamlNode};

/// One source while it is read: where faults go and what is redacted.
pub struct SourceReader<'r> {
    pub source: &'r Arc<NamedSource>,
    pub diagnostics: &'r mut Vec<Diagnostic>,
    /// Where spans lie, when not all of them are in `source`.
    levels: Option<&'r DocumentLevels>,
    /// What was redacted last: on a long line most of the next ones lie in it.
    last_redacted: Range<usize>,
    pub(super) tainted_kinds: TaintedKinds,
    pub(super) defer_rule: DeferRule<'r>,
    /// Whether the document at hand needs others.
    pub(super) is_deferred: bool,
}

/// What a value is read as: the name it has in messages, what must not be seen of it, what its id refers to.
#[derive(Clone, Copy)]
pub(super) struct ValueContext<'k> {
    pub name: &'k str,
    pub sensitivity: Sensitivity,
    pub reference: Option<&'k FieldReference>,
}

impl<'r> SourceReader<'r> {
    /// Reads `source`, telling faults to `faults`.
    pub fn new(source: &'r Arc<NamedSource>, faults: &'r mut Vec<Diagnostic>) -> Self {
        Self {
            source,
            diagnostics: faults,
            levels: None,
            last_redacted: 0..0,
            tainted_kinds: TaintedKinds::default(),
            defer_rule: DeferRule::Never,
            is_deferred: false,
        }
    }

    /// For what is wrong with a document that was read.
    pub(super) fn of_document(document: &'r Document, faults: &'r mut Vec<Diagnostic>) -> Self {
        Self { levels: document.levels.as_deref(), ..Self::new(&document.source, faults) }
    }

    /// With the levels in whose files spans are.
    #[must_use]
    pub(super) fn with_levels(self, levels: &'r DocumentLevels) -> Self {
        Self { levels: Some(levels), ..self }
    }

    /// With a rule for documents that need others.
    #[must_use]
    pub(super) fn with_defer_rule(self, defer_rule: DeferRule<'r>) -> Self {
        Self { defer_rule, ..self }
    }
}

impl SourceReader<'_> {
    /// A value of another sort than its field. Nobody knows what it was meant to be, so nobody may see it.
    pub fn report_wrong_type(&mut self, value: &YamlNode, name: &str, wanted: &str) {
        self.redact_span(value.span);
        let message = format!("`{name}` takes {wanted}, this is {}", value.describe_type());
        let hint = match (wanted, &value.data) {
            ("a list", _) if value.is_null() => "write `[]` for an empty list".into(),
            ("a list", _) => "write each item on a line of its own after `- `".into(),
            ("a list of entries", _) => "write each entry after `- `, its key as a field of it".into(),
            ("a mapping", _) if value.is_null() => "write `{}` for an empty one".into(),
            ("a mapping", _) => "write `key: value` lines, indented below it".into(),
            _ => format!("write {wanted} after the colon"),
        };
        self.add_diagnostic(value.span, Diagnostic::error("wrong-type", message).with_hint(hint));
    }

    /// A key that is not known here, with what was probably meant. One that is no word is a value that slipped
    /// into the place of a key, so it is not repeated.
    pub fn report_unknown_name(&mut self, code: &'static str, entry: &YamlEntry, what: &str, known: &[&str]) {
        let is_word = entry.key.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'));
        let mut fault = if is_word {
            Diagnostic::error(code, format!("{what} `{}`", escape_for_message(&entry.key)))
        } else {
            self.redact_span(entry.key_span);
            Diagnostic::error(code, format!("{what} of this name"))
        };
        fault.hint = suggest_word(&entry.key, known.iter().copied());
        self.add_diagnostic(entry.key_span, fault);
    }

    /// Adds a fault at a range of this source.
    pub fn add_diagnostic(&mut self, span: SourceSpan, fault: Diagnostic) {
        let place = self.locate_span(span);
        self.diagnostics.push(fault.with_location(place));
    }

    /// Where a span is.
    pub(super) fn locate_span(&self, span: SourceSpan) -> SourceLocation {
        locate_in(self.source, self.levels, span)
    }

    /// Hides the value of an entry, and whatever else stands on its lines after the key: an anchor, a tag and
    /// a comment can be the secret as well.
    pub fn redact_entry(&mut self, entry: &YamlEntry) {
        self.redact_range(entry.key_span.end as usize..entry.key_span.end as usize);
        self.redact_span(entry.value.span);
    }

    /// Hides a range up to the end of its last line.
    pub fn redact_span(&mut self, span: SourceSpan) {
        self.redact_range(span.start as usize..span.end as usize);
    }

    /// Hides a comment that follows on the last line of a node.
    pub(super) fn redact_comment(&mut self, node: &YamlNode) {
        let (source, span) = resolve_in(self.source, self.levels, node.span);
        let end = span.end as usize;
        let rest = source.text.get(end..).and_then(|rest| rest.lines().next()).unwrap_or_default();
        if let Some(at) = rest.find('#').filter(|at| rest[..*at].trim().is_empty()) {
            let at = node.span.end as usize + at;
            self.redact_range(at..at);
        }
    }

    fn redact_range(&mut self, range: Range<usize>) {
        if self.last_redacted.start <= range.start && range.end <= self.last_redacted.end {
            return;
        }
        let span = SourceSpan { start: range.start as u32, end: range.end as u32 };
        let (source, span) = resolve_in(self.source, self.levels, span);
        let shift = range.start - span.start as usize;
        if let Some(hidden) = source.redact_to_line_end(span) {
            self.last_redacted = hidden.start as usize + shift..hidden.end as usize + shift;
        }
    }

    /// Notes that a document needs composition, where documents may.
    pub(super) fn defer_document(&mut self) -> bool {
        let may_defer = !matches!(self.defer_rule, DeferRule::Never);
        self.is_deferred |= may_defer;
        may_defer
    }

    /// Whether a scalar is named rather than written.
    pub(super) fn defers_values(&mut self, node: &YamlNode, leaf: &ScalarType) -> bool {
        matches!(node.data, YamlData::Mapping(_))
            && find_value_reference(node, leaf).is_some()
            && self.defer_document()
    }

    /// Whether a list is edited rather than written.
    pub(super) fn defers_edits(&mut self, node: &YamlNode) -> bool {
        is_list_edit(node) && self.defer_document()
    }
}

fn locate_in(source: &Arc<NamedSource>, levels: Option<&DocumentLevels>, span: SourceSpan) -> SourceLocation {
    let (source, span) = resolve_in(source, levels, span);
    source.locate_span(span)
}

/// The file in which a span lies, and the span there.
fn resolve_in<'s>(
    source: &'s Arc<NamedSource>,
    levels: Option<&'s DocumentLevels>,
    span: SourceSpan,
) -> (&'s Arc<NamedSource>, SourceSpan) {
    let found = levels.and_then(|levels| levels.resolve_span(span));
    found.map_or((source, span), |(level, span)| (&level.source, span))
}

/// Where a document or item starts: its first key, so that not all of it is underlined.
pub fn locate_start(node: &YamlNode) -> SourceSpan {
    match node.entries().first() {
        // a key that was merged in stands elsewhere
        Some(first) if first.key_span.start >= node.span.start && first.key_span.end <= node.span.end => {
            first.key_span
        }
        _ => SourceSpan { start: node.span.start, end: node.span.start },
    }
}

/// A word of the user's, fit for a message.
pub fn escape_for_message(word: &str) -> String {
    let short: String = word.chars().take(80).collect();
    short.escape_debug().to_string()
}
