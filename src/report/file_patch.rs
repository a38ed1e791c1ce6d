//! A change of a file as a unified diff, as far as anybody may see it.
//!
//! Lines are compared as they are and shown with hidden parts as `•••`, so that a change of a hidden value shows as a
//! change. Where nothing is hidden, `git apply` makes the change: blanks, tabs and line ends stay.
//! Deliberately absent: making the change.

use std::fmt::Write as _;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use similar::{ChangeTag, DiffOp, TextDiff};

use super::excerpt::{REDACTED_TEXT, find_redactions};
use super::line_index::SourceLineIndex;
use super::sanitize::escape_line;
use crate::diagnostic::NamedSource;

/// Unchanged lines around a change.
const CONTEXT_LINES: usize = 3;
/// After this time, what is left of two texts counts as different.
const TIME_LIMIT: Duration = Duration::from_secs(2);

/// The unified diff of a file; `None` is a file that is not there.
pub fn render_file_patch(
    path: &str,
    before: Option<&Arc<NamedSource>>,
    after: Option<&Arc<NamedSource>>,
) -> String {
    let (old, new) = (MaskedLines::new(before), MaskedLines::new(after));
    let (old_lines, new_lines) = (old.list_lines(), new.list_lines());
    let mut config = TextDiff::configure();
    let diff = config.timeout(TIME_LIMIT).diff_slices(&old_lines, &new_lines);
    // a tab ends a name with blanks
    let end = if path.contains(' ') { "\t" } else { "" };
    let name = |prefix: &str, side: Option<&Arc<NamedSource>>| match side {
        Some(_) => format!("{prefix}/{}{end}", escape_line(path)),
        None => "/dev/null".to_owned(),
    };
    let mut text = format!("--- {}\n+++ {}\n", name("a", before), name("b", after));
    for group in diff.grouped_ops(CONTEXT_LINES) {
        let _ = writeln!(text, "{}", render_hunk_header(&group));
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let (sign, line) = match (change.tag(), change.old_index(), change.new_index()) {
                (ChangeTag::Insert, _, at) => ('+', new.masked(at)),
                (ChangeTag::Delete, at, _) => ('-', old.masked(at)),
                (ChangeTag::Equal, at, _) => (' ', old.masked(at)),
            };
            push_line(&mut text, sign, line);
        }
    }
    text
}

/// A line of a side; one without a line end is the last of its file, and says so.
fn push_line(text: &mut String, sign: char, line: &str) {
    let (body, is_ended) = line.strip_suffix('\n').map_or((line, false), |body| (body, true));
    let (body, carriage_return) = body.strip_suffix('\r').map_or((body, ""), |body| (body, "\r"));
    let parts: Vec<_> = body.split('\t').map(escape_line).collect();
    let _ = writeln!(text, "{sign}{}{carriage_return}", parts.join("\t"));
    if !is_ended {
        text.push_str("\\ No newline at end of file\n");
    }
}

fn render_hunk_header(group: &[DiffOp]) -> String {
    let (Some(first), Some(last)) = (group.first(), group.last()) else { return String::new() };
    let format = |range: Range<usize>| match range.len() {
        0 => format!("{},0", range.start),
        1 => format!("{}", range.start + 1),
        length => format!("{},{length}", range.start + 1),
    };
    let old = first.old_range().start..last.old_range().end;
    let new = first.new_range().start..last.new_range().end;
    format!("@@ -{} +{} @@", format(old), format(new))
}

/// The lines of a text, as they are and as they are shown.
struct MaskedLines {
    source: Option<Arc<NamedSource>>,
    masked: Vec<String>,
}

impl MaskedLines {
    fn new(source: Option<&Arc<NamedSource>>) -> Self {
        let masked = source.map(mask_lines).unwrap_or_default();
        Self { source: source.cloned(), masked }
    }

    fn list_lines(&self) -> Vec<&str> {
        self.source.as_ref().map_or_else(Vec::new, |source| source.text.split_inclusive('\n').collect())
    }

    fn masked(&self, at: Option<usize>) -> &str {
        at.and_then(|at| self.masked.get(at)).map_or("", String::as_str)
    }
}

fn mask_lines(source: &Arc<NamedSource>) -> Vec<String> {
    let mut index = SourceLineIndex::default();
    let redactions = find_redactions(source, index.index_lines(source));
    let (mut masked, mut at) = (String::with_capacity(source.text.len()), 0);
    for range in redactions {
        masked.push_str(source.text.get(at..range.start).unwrap_or_default());
        masked.push_str(REDACTED_TEXT);
        at = range.end;
    }
    masked.push_str(source.text.get(at..).unwrap_or_default());
    masked.split_inclusive('\n').map(str::to_owned).collect()
}
