//! One field of a report on the terminal: sign, label, and the values before and after.
//!
//! Short values stand on the line of their label. Longer ones are reported as what changes in them: words of a
//! line, lines of a text. Items that come or go as a whole show their values. Very long values are cut, and
//! it is said by how much; the JSON has them in full.
//! Deliberately absent: plans and values. Everything here comes from the report, masked.

use anstyle::Style;
use serde_json::Value as Json;

use super::diff::{self, DiffPart};
use super::mask::{DOTS, find_known_after_apply, find_mask};
use super::plan_report::{CauseView, FieldAction, FieldChange};
use super::pseudonyms::find_pseudonym;
use super::sanitize::{self, format_count, group_digits, quote_line, truncate_line};
use super::styled_text::{
    ADDED, CHANGED, DIM, PLAIN, REMOVED, StyledText, TextPage, measure_total_width, measure_width, pad_text,
    style_text,
};

/// Labels longer than this don't push the values of others to the right.
const MAX_LABEL_WIDTH: usize = 30;
/// The most characters of one value on the terminal.
const MAX_CHARACTERS: usize = 2_000;
/// The most lines, or leaves, of one value on the terminal.
const MAX_LINES: usize = 60;
/// Unchanged lines around a changed one, and characters around a changed word.
const CONTEXT_LINES: usize = 2;
const CONTEXT_CHARACTERS: usize = 40;
/// Below this likeness two texts are shown one after the other.
const MIN_SIMILARITY: f64 = 0.4;

/// Shows fields one under the other, their values aligned; those with the same causes below these.
pub fn write_fields(page: &mut TextPage, indent: usize, fields: &[FieldChange]) {
    let labels: Vec<_> = fields.iter().map(|field| sanitize::escape_line(&field.label)).collect();
    let column = measure_label_column(labels.iter().map(|label| measure_width(label)));
    let mut causes: Vec<&[CauseView]> = fields.iter().map(|field| &*field.causes).collect();
    causes.sort_unstable();
    causes.dedup();
    for own in causes {
        if !own.is_empty() {
            let words: Vec<&str> = own.iter().map(|cause| cause.as_str()).collect();
            page.write_wrapped(indent, indent + 2, &[style_text(DIM, format!("{}:", words.join(", ")))]);
        }
        for (field, label) in fields.iter().zip(&labels).filter(|(field, _)| field.causes == own) {
            FieldChangeRow { page, indent, column, label, field }.write_row();
        }
    }
}

/// The width of the label column.
fn measure_label_column(widths: impl Iterator<Item = usize>) -> usize {
    widths.filter(|width| *width <= MAX_LABEL_WIDTH).max().unwrap_or(0)
}

struct FieldChangeRow<'r> {
    page: &'r mut TextPage,
    indent: usize,
    column: usize,
    label: &'r str,
    field: &'r FieldChange,
}

impl FieldChangeRow<'_> {
    fn write_row(mut self) {
        if let Some(said) = describe_masked(self.field) {
            return self.write_inline(vec![style_text(PLAIN, said)]);
        }
        let sides = (self.field.action, self.field.before.as_ref(), self.field.after.as_ref());
        match sides {
            (FieldAction::Replace, Some(before), Some(after)) => self.write_replacement(before, after),
            (FieldAction::Remove, Some(before), _) => self.write_single_value(before, REMOVED),
            (_, _, Some(after)) => self.write_single_value(after, ADDED),
            _ => self.write_inline(Vec::new()),
        }
    }

    fn build_sign(&self) -> StyledText<'static> {
        match self.field.action {
            FieldAction::Add => style_text(ADDED, "+ "),
            FieldAction::Replace => style_text(CHANGED, "~ "),
            FieldAction::Remove => style_text(REMOVED, "- "),
        }
    }

    /// Where it is asked for, when that is another file than the document.
    fn build_origin(&self) -> Option<StyledText<'static>> {
        let file = sanitize::escape_line(self.field.file.as_deref()?).into_owned();
        let line = self.field.line.map_or_else(String::new, |line| format!(":{line}"));
        Some(style_text(DIM, format!("  ({file}{line})")))
    }

    /// What is said behind a value.
    fn build_remarks(&self) -> Vec<StyledText<'static>> {
        let forces = self.field.forces_replacement.then(|| style_text(REMOVED, "  (forces replacement)"));
        forces.into_iter().chain(self.build_origin()).collect()
    }

    /// Sign, label and value on one line.
    fn write_inline(&mut self, value: Vec<StyledText>) {
        let mut line = vec![self.build_sign()];
        match value.is_empty() {
            true => line.push(style_text(PLAIN, self.label)),
            false => line.push(style_text(PLAIN, format!("{}  ", pad_text(self.label, self.column)))),
        }
        line.extend(value);
        line.extend(self.build_remarks());
        self.page.write_wrapped(self.indent, self.indent + 4, &line);
    }

    fn fits_line(&self, value: &[StyledText]) -> bool {
        let label = self.column.max(measure_width(self.label));
        self.indent + 2 + label + 2 + measure_total_width(value) <= self.page.width()
    }

    /// A value that comes or goes.
    fn write_single_value(&mut self, value: &Json, style: Style) {
        if let Some(values) = collect_scalars(value) {
            self.write_inline(Vec::new());
            return self.write_scalars(&values, style);
        }
        let tail = if self.field.unreadable { "  (not returned by the API; will be written)" } else { "" };
        let line = vec![
            style_text(style, format_value(value)),
            style_text(DIM, label_personal(value)),
            style_text(DIM, tail),
        ];
        if self.fits_line(&line) && !has_lines(value) {
            return self.write_inline(line);
        }
        self.write_inline(if tail.is_empty() {
            Vec::new()
        } else {
            vec![style_text(DIM, tail.trim_start())]
        });
        let part = if style == ADDED { DiffPart::New } else { DiffPart::Old };
        match value.as_str().filter(|_| has_lines(value)) {
            Some(text) => {
                self.write_line_diff(&text.split_inclusive('\n').map(|l| (part, l)).collect::<Vec<_>>())
            }
            None => self.write_long_value(value, part),
        }
    }

    fn write_replacement(&mut self, before: &Json, after: &Json) {
        if before == after {
            return self.write_inline(vec![style_text(DIM, "(differs only in hidden values)")]);
        }
        if collect_scalars(before).is_some() || collect_scalars(after).is_some() {
            let (before, after) = (format_pretty(before), format_pretty(after));
            self.write_inline(Vec::new());
            return self.write_line_diff(&diff::diff_lines(&before, &after));
        }
        let whose =
            if find_pseudonym(before).is_some() { label_personal(before) } else { label_personal(after) };
        let line = [
            style_text(REMOVED, format_value(before)),
            style_text(DIM, " -> "),
            style_text(ADDED, format_value(after)),
            style_text(DIM, whose),
        ];
        if self.fits_line(&line) && !has_lines(before) && !has_lines(after) {
            return self.write_inline(line.to_vec());
        }
        self.write_inline(Vec::new());
        match (before.as_str(), after.as_str()) {
            (Some(old), Some(new)) if has_lines(before) || has_lines(after) => {
                self.write_line_diff(&diff::diff_lines(old, new));
            }
            (Some(old), Some(new)) => {
                let runs = diff::diff_words(old, new);
                match diff::measure_similarity(&runs) > MIN_SIMILARITY {
                    true => self.write_word_diff(&runs),
                    false => self.write_both_values(before, after),
                }
            }
            _ => self.write_both_values(before, after),
        }
    }

    fn write_both_values(&mut self, before: &Json, after: &Json) {
        self.write_long_value(before, DiffPart::Old);
        self.write_long_value(after, DiffPart::New);
    }

    /// A long value on lines of its own.
    fn write_long_value(&mut self, value: &Json, part: DiffPart) {
        let (sign, style) = style_part(part);
        let text = format_value(value);
        let left = text.chars().count().saturating_sub(MAX_CHARACTERS);
        let mut line = vec![style_text(style, sign), style_text(style, truncate_line(&text, MAX_CHARACTERS))];
        if left > 0 {
            line.push(style_text(DIM, format!(" ({} more)", format_count(left, "character"))));
        }
        self.page.write_wrapped(self.indent + 4, self.indent + 6, &line);
    }

    /// What changes in one long line.
    fn write_word_diff(&mut self, runs: &[(DiffPart, String)]) {
        let mut line = vec![style_text(PLAIN, "\"")];
        let (mut shown, mut cut_off) = (0, false);
        for (at, (part, text)) in runs.iter().enumerate() {
            let text = escape_quoted(text);
            let text = match part {
                DiffPart::Same => elide_middle(&text, at == 0, at + 1 == runs.len()),
                _ => truncate_line(&text, MAX_CHARACTERS).into_owned(),
            };
            shown += text.chars().count();
            if shown > 2 * MAX_CHARACTERS {
                cut_off = true;
                break;
            }
            line.push(match part {
                DiffPart::Same => style_text(PLAIN, text),
                DiffPart::Old => style_text(REMOVED, format!("[-{text}-]")),
                DiffPart::New => style_text(ADDED, format!("{{+{text}+}}")),
            });
        }
        line.push(if cut_off {
            style_text(DIM, " … (more changes follow)")
        } else {
            style_text(PLAIN, "\"")
        });
        self.page.write_wrapped(self.indent + 4, self.indent + 4, &line);
    }

    /// Lines that come, go, or stand near one that does.
    fn write_line_diff(&mut self, lines: &[(DiffPart, &str)]) {
        let near = select_context_lines(lines);
        let (mut shown, mut hidden) = (0, 0);
        for ((part, text), near) in lines.iter().zip(near) {
            if !near {
                hidden += 1;
                continue;
            }
            self.write_skipped_lines(std::mem::take(&mut hidden));
            if shown == MAX_LINES {
                let rest = lines.iter().filter(|(part, _)| *part != DiffPart::Same).count();
                let said = format!("… truncated; {} differ in total", format_count(rest, "line"));
                return self.page.write_wrapped(self.indent + 4, self.indent + 6, &[style_text(DIM, said)]);
            }
            self.write_diff_line(*part, text);
            shown += 1;
        }
        self.write_skipped_lines(hidden);
    }

    fn write_diff_line(&mut self, part: DiffPart, text: &str) {
        let (sign, style) = style_part(part);
        let ended = text.strip_suffix('\n');
        let mut shown =
            truncate_line(&sanitize::escape_line(ended.unwrap_or(text)), MAX_CHARACTERS).into_owned();
        if shown.ends_with(' ') {
            shown.pop();
            shown.push_str("\\u{20}");
        }
        let mut line = vec![style_text(style, sign), style_text(style, shown)];
        if ended.is_none() && part != DiffPart::Same && self.differs_in_final_newline() {
            line.push(style_text(DIM, " (no line break at the end)"));
        }
        self.page.write_wrapped(self.indent + 4, self.indent + 6, &line);
    }

    /// Whether only one of the two texts ends in a line break.
    fn differs_in_final_newline(&self) -> bool {
        let ends =
            |side: &Option<Json>| side.as_ref().and_then(Json::as_str).map(|text| text.ends_with('\n'));
        matches!((ends(&self.field.before), ends(&self.field.after)), (Some(a), Some(b)) if a != b)
    }

    fn write_skipped_lines(&mut self, lines: usize) {
        if lines > 0 {
            let said = format!("  … {} identical", format_count(lines, "line"));
            self.page.write_wrapped(self.indent + 4, self.indent + 6, &[style_text(DIM, said)]);
        }
    }

    /// The values of an item that comes or goes.
    fn write_scalars(&mut self, values: &[(String, &Json)], style: Style) {
        let column = measure_label_column(values.iter().map(|(label, _)| measure_width(label)));
        for (label, value) in values.iter().take(MAX_LINES) {
            let said = match find_mask(value) {
                Some((what, how)) => style_text(PLAIN, format!("({what}, {how})")),
                None => style_text(style, truncate_line(&format_value(value), MAX_CHARACTERS).into_owned()),
            };
            let label = style_text(PLAIN, format!("{}  ", pad_text(label, column)));
            self.page.write_wrapped(
                self.indent + 4,
                self.indent + 8,
                &[label, said, style_text(DIM, label_personal(value))],
            );
        }
        if values.len() > MAX_LINES {
            let said = format!("… {} more", format_count(values.len() - MAX_LINES, "field"));
            self.page.write_wrapped(self.indent + 4, self.indent + 6, &[style_text(DIM, said)]);
        }
    }
}

fn style_part(part: DiffPart) -> (&'static str, Style) {
    match part {
        DiffPart::Same => ("  ", DIM),
        DiffPart::Old => ("- ", REMOVED),
        DiffPart::New => ("+ ", ADDED),
    }
}

/// What is said in place of values that must not be seen.
fn describe_masked(field: &FieldChange) -> Option<String> {
    let sides = [field.after.as_ref(), field.before.as_ref()];
    let (what, how) = match sides.into_iter().flatten().find_map(find_mask) {
        Some((what, how)) => (what, how),
        // a marked field that is cleared without anybody seeing what it held; one that is written shows its value
        None if field.after.as_ref().is_some_and(|after| !after.is_null() && after != "") => return None,
        None => (field.sensitivity.as_deref().filter(|_| field.unreadable)?, "removed"),
    };
    Some(match (field.unreadable, how) {
        (true, "removed") => format!("({what}, not returned by the API; will be cleared)"),
        (true, _) => format!("({what}, not returned by the API; will be written)"),
        (false, how) => format!("({what}, {how})"),
    })
}

/// What is said behind the short name of a person, so that no one takes it for a value.
fn label_personal(value: &Json) -> &'static str {
    if find_pseudonym(value).is_some() { "  (personal)" } else { "" }
}

/// An id behind a heading.
pub fn format_id(id: &Json) -> String {
    match (id, find_pseudonym(id)) {
        (Json::String(id), _) => sanitize::escape_line(id).into_owned(),
        (_, Some(name)) => sanitize::escape_line(name).into_owned(),
        (id, None) if id.is_object() => DOTS.to_owned(),
        (id, None) => id.to_string(),
    }
}

/// Whether a value is a text of several lines; a line break at the end alone does not count.
fn has_lines(value: &Json) -> bool {
    value.as_str().is_some_and(|text| text.strip_suffix('\n').unwrap_or(text).contains('\n'))
}

/// A value on one line, cut where it is very long.
pub fn format_brief(value: &Json) -> String {
    let text = match collect_scalars(value) {
        Some(_) => sanitize::escape_line(&value.to_string()).into_owned(),
        None => format_value(value),
    };
    truncate_line(&text, MAX_CHARACTERS).into_owned()
}

/// A value on one line.
fn format_value(value: &Json) -> String {
    match value {
        Json::String(text) => quote_line(text),
        Json::Array(items) => {
            format!("[{}]", items.iter().map(format_value).collect::<Vec<_>>().join(", "))
        }
        Json::Object(members) if members.is_empty() => "{}".to_owned(),
        other if find_pseudonym(other).is_some() => {
            sanitize::escape_line(find_pseudonym(other).unwrap_or_default()).into_owned()
        }
        other if find_known_after_apply(other).is_some() => {
            format!(
                "(id of {}, known after apply)",
                sanitize::escape_line(find_known_after_apply(other).unwrap_or_default())
            )
        }
        other => sanitize::escape_line(&other.to_string()).into_owned(),
    }
}

/// The values of a value with parts, by their paths; `None` for a value that has none, or a list of values.
fn collect_scalars(value: &Json) -> Option<Vec<(String, &Json)>> {
    let mut found = Vec::new();
    visit_scalars(value, String::new(), &mut found);
    (found.len() != 1 || found.first().is_some_and(|(label, _)| !label.is_empty())).then_some(found)
}

fn visit_scalars<'v>(value: &'v Json, label: String, found: &mut Vec<(String, &'v Json)>) {
    let whole = find_mask(value).is_some()
        || find_known_after_apply(value).is_some()
        || find_pseudonym(value).is_some();
    match value {
        Json::Object(members) if !members.is_empty() && !whole => {
            let dot = if label.is_empty() { "" } else { "." };
            for (name, value) in members {
                visit_scalars(value, format!("{label}{dot}{}", sanitize::escape_line(name)), found);
            }
        }
        Json::Array(items) if items.iter().any(|item| item.is_object() || item.is_array()) => {
            for (index, value) in items.iter().enumerate() {
                visit_scalars(value, format!("{label}[{index}]"), found);
            }
        }
        scalar => found.push((label, scalar)),
    }
}

fn format_pretty(value: &Json) -> String {
    format!("{value:#}\n")
}

/// The inside of a quoted text.
fn escape_quoted(text: &str) -> String {
    let quoted = quote_line(text);
    quoted[1..quoted.len() - 1].to_owned()
}

/// The ends of a long run that is alike on both sides.
fn elide_middle(text: &str, is_first: bool, is_last: bool) -> String {
    let length = text.chars().count();
    let (head, tail) =
        (if is_first { 0 } else { CONTEXT_CHARACTERS }, if is_last { 0 } else { CONTEXT_CHARACTERS });
    if length <= head + tail + CONTEXT_CHARACTERS / 2 {
        return text.to_owned();
    }
    let left = length - head - tail;
    let start: String = text.chars().take(head).collect();
    let end: String = text.chars().skip(length - tail).collect();
    format!("{start} …{} identical… {end}", group_digits(left))
}

/// Which lines are changed or stand near one that is.
fn select_context_lines(lines: &[(DiffPart, &str)]) -> Vec<bool> {
    let mut near = vec![false; lines.len()];
    let mut until = 0;
    for (at, (part, _)) in lines.iter().enumerate() {
        if *part != DiffPart::Same {
            until = at + CONTEXT_LINES + 1;
            near[at.saturating_sub(CONTEXT_LINES)..at].fill(true);
        }
        near[at] = at < until;
    }
    near
}
