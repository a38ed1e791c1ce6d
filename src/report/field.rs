//! One field of a report on the terminal: sign, label, and the values before and after.
//!
//! Short values stand on the line of their label. Longer ones are told as what changes in them: words of a
//! line, lines of a text. Items that come or go as a whole show their leaves. Very long values are cut, and
//! it is said by how much; the JSON has them in full.
//! Deliberately absent: plans and values. Everything here comes from the report, masked.

use anstyle::Style;
use serde_json::Value as Json;

use super::clean::{self, count, cut, grouped, quoted};
use super::diff::{self, Part};
use super::mask::{DOTS, later_of, mask_of};
use super::paint::{ADDED, CHANGED, DIM, PLAIN, Page, Piece, REMOVED, padded, piece, width_of, width_of_all};
use super::persons::pseudonym_of;
use super::shown::{Cause, FieldAction, FieldChange};

/// Labels longer than this don't push the values of others to the right.
const LONGEST_LABEL: usize = 30;
/// The most characters of one value on the terminal.
const MOST_CHARACTERS: usize = 2_000;
/// The most lines, or leaves, of one value on the terminal.
const MOST_LINES: usize = 60;
/// Unchanged lines around a changed one, and characters around a changed word.
const NEAR_LINES: usize = 2;
const NEAR_CHARACTERS: usize = 40;
/// Below this likeness two texts are shown one after the other.
const ALIKE: f64 = 0.4;

/// Shows fields one under the other, their values aligned; those with the same causes below these.
pub fn show(page: &mut Page, indent: usize, fields: &[FieldChange]) {
    let labels: Vec<_> = fields.iter().map(|field| clean::line(&field.label)).collect();
    let column = column(labels.iter().map(|label| width_of(label)));
    let mut causes: Vec<&[Cause]> = fields.iter().map(|field| &*field.causes).collect();
    causes.sort_unstable();
    causes.dedup();
    for own in causes {
        if !own.is_empty() {
            let words: Vec<&str> = own.iter().map(|cause| cause.word()).collect();
            page.flow(indent, indent + 2, &[piece(DIM, format!("{}:", words.join(", ")))]);
        }
        for (field, label) in fields.iter().zip(&labels).filter(|(field, _)| field.causes == own) {
            Row { page, indent, column, label, field }.show();
        }
    }
}

/// The width of the label column.
fn column(widths: impl Iterator<Item = usize>) -> usize {
    widths.filter(|width| *width <= LONGEST_LABEL).max().unwrap_or(0)
}

struct Row<'r> {
    page: &'r mut Page,
    indent: usize,
    column: usize,
    label: &'r str,
    field: &'r FieldChange,
}

impl Row<'_> {
    fn show(mut self) {
        if let Some(said) = unseeable(self.field) {
            return self.inline(vec![piece(PLAIN, said)]);
        }
        let sides = (self.field.action, self.field.before.as_ref(), self.field.after.as_ref());
        match sides {
            (FieldAction::Replace, Some(before), Some(after)) => self.replaced(before, after),
            (FieldAction::Remove, Some(before), _) => self.whole(before, REMOVED),
            (_, _, Some(after)) => self.whole(after, ADDED),
            _ => self.inline(Vec::new()),
        }
    }

    fn sign(&self) -> Piece<'static> {
        match self.field.action {
            FieldAction::Add => piece(ADDED, "+ "),
            FieldAction::Replace => piece(CHANGED, "~ "),
            FieldAction::Remove => piece(REMOVED, "- "),
        }
    }

    /// Sign, label and value on one line.
    fn inline(&mut self, value: Vec<Piece>) {
        let mut line = vec![self.sign()];
        match value.is_empty() {
            true => line.push(piece(PLAIN, self.label)),
            false => line.push(piece(PLAIN, format!("{}  ", padded(self.label, self.column)))),
        }
        line.extend(value);
        self.page.flow(self.indent, self.indent + 4, &line);
    }

    fn fits(&self, value: &[Piece]) -> bool {
        let label = self.column.max(width_of(self.label));
        self.indent + 2 + label + 2 + width_of_all(value) <= self.page.width()
    }

    /// A value that comes or goes.
    fn whole(&mut self, value: &Json, style: Style) {
        if let Some(leaves) = leaves(value) {
            self.inline(Vec::new());
            return self.leaves(&leaves, style);
        }
        let tail = if self.field.unseen { "  (cannot be read back; will be written)" } else { "" };
        let line = vec![piece(style, scalar(value)), piece(DIM, person(value)), piece(DIM, tail)];
        if self.fits(&line) && !has_lines(value) {
            return self.inline(line);
        }
        self.inline(if tail.is_empty() { Vec::new() } else { vec![piece(DIM, tail.trim_start())] });
        let part = if style == ADDED { Part::New } else { Part::Old };
        match value.as_str().filter(|_| has_lines(value)) {
            Some(text) => self.lines(&text.split_inclusive('\n').map(|l| (part, l)).collect::<Vec<_>>()),
            None => self.long(value, part),
        }
    }

    fn replaced(&mut self, before: &Json, after: &Json) {
        if before == after {
            return self.inline(vec![piece(DIM, "(differs only in what must not be shown)")]);
        }
        if leaves(before).is_some() || leaves(after).is_some() {
            let (before, after) = (pretty(before), pretty(after));
            self.inline(Vec::new());
            return self.lines(&diff::lines(&before, &after));
        }
        let whose = if pseudonym_of(before).is_some() { person(before) } else { person(after) };
        let line = [
            piece(REMOVED, scalar(before)),
            piece(DIM, " -> "),
            piece(ADDED, scalar(after)),
            piece(DIM, whose),
        ];
        if self.fits(&line) && !has_lines(before) && !has_lines(after) {
            return self.inline(line.to_vec());
        }
        self.inline(Vec::new());
        match (before.as_str(), after.as_str()) {
            (Some(old), Some(new)) if has_lines(before) || has_lines(after) => {
                self.lines(&diff::lines(old, new));
            }
            (Some(old), Some(new)) => {
                let runs = diff::words(old, new);
                match diff::likeness(&runs) > ALIKE {
                    true => self.words(&runs),
                    false => self.both(before, after),
                }
            }
            _ => self.both(before, after),
        }
    }

    fn both(&mut self, before: &Json, after: &Json) {
        self.long(before, Part::Old);
        self.long(after, Part::New);
    }

    /// A long value on lines of its own.
    fn long(&mut self, value: &Json, part: Part) {
        let (sign, style) = signed(part);
        let text = scalar(value);
        let left = text.chars().count().saturating_sub(MOST_CHARACTERS);
        let mut line = vec![piece(style, sign), piece(style, cut(&text, MOST_CHARACTERS))];
        if left > 0 {
            line.push(piece(DIM, format!(" ({} more)", count(left, "character"))));
        }
        self.page.flow(self.indent + 4, self.indent + 6, &line);
    }

    /// What changes in one long line.
    fn words(&mut self, runs: &[(Part, String)]) {
        let mut line = vec![piece(PLAIN, "\"")];
        let (mut shown, mut cut_off) = (0, false);
        for (at, (part, text)) in runs.iter().enumerate() {
            let text = escaped(text);
            let text = match part {
                Part::Same => elided(&text, at == 0, at + 1 == runs.len()),
                _ => cut(&text, MOST_CHARACTERS).into_owned(),
            };
            shown += text.chars().count();
            if shown > 2 * MOST_CHARACTERS {
                cut_off = true;
                break;
            }
            line.push(match part {
                Part::Same => piece(PLAIN, text),
                Part::Old => piece(REMOVED, format!("[-{text}-]")),
                Part::New => piece(ADDED, format!("{{+{text}+}}")),
            });
        }
        line.push(if cut_off { piece(DIM, " … (more changes follow)") } else { piece(PLAIN, "\"") });
        self.page.flow(self.indent + 4, self.indent + 4, &line);
    }

    /// Lines that come, go, or stand near one that does.
    fn lines(&mut self, lines: &[(Part, &str)]) {
        let near = near(lines);
        let (mut shown, mut hidden) = (0, 0);
        for ((part, text), near) in lines.iter().zip(near) {
            if !near {
                hidden += 1;
                continue;
            }
            self.hidden(std::mem::take(&mut hidden));
            if shown == MOST_LINES {
                let rest = lines.iter().filter(|(part, _)| *part != Part::Same).count();
                let said = format!("… cut here; {} differ in all", count(rest, "line"));
                return self.page.flow(self.indent + 4, self.indent + 6, &[piece(DIM, said)]);
            }
            self.line(*part, text);
            shown += 1;
        }
        self.hidden(hidden);
    }

    fn line(&mut self, part: Part, text: &str) {
        let (sign, style) = signed(part);
        let ended = text.strip_suffix('\n');
        let mut shown = cut(&clean::line(ended.unwrap_or(text)), MOST_CHARACTERS).into_owned();
        if shown.ends_with(' ') {
            shown.pop();
            shown.push_str("\\u{20}");
        }
        let mut line = vec![piece(style, sign), piece(style, shown)];
        if ended.is_none() && part != Part::Same && self.is_about_line_breaks() {
            line.push(piece(DIM, " (no line break at the end)"));
        }
        self.page.flow(self.indent + 4, self.indent + 6, &line);
    }

    /// Whether only one of the two texts ends in a line break.
    fn is_about_line_breaks(&self) -> bool {
        let ends =
            |side: &Option<Json>| side.as_ref().and_then(Json::as_str).map(|text| text.ends_with('\n'));
        matches!((ends(&self.field.before), ends(&self.field.after)), (Some(a), Some(b)) if a != b)
    }

    fn hidden(&mut self, lines: usize) {
        if lines > 0 {
            let said = format!("  … {} alike", count(lines, "line"));
            self.page.flow(self.indent + 4, self.indent + 6, &[piece(DIM, said)]);
        }
    }

    /// The leaves of an item that comes or goes.
    fn leaves(&mut self, leaves: &[(String, &Json)], style: Style) {
        let column = column(leaves.iter().map(|(label, _)| width_of(label)));
        for (label, value) in leaves.iter().take(MOST_LINES) {
            let said = match mask_of(value) {
                Some((what, how)) => piece(PLAIN, format!("({what}, {how})")),
                None => piece(style, cut(&scalar(value), MOST_CHARACTERS).into_owned()),
            };
            let label = piece(PLAIN, format!("{}  ", padded(label, column)));
            self.page.flow(self.indent + 4, self.indent + 8, &[label, said, piece(DIM, person(value))]);
        }
        if leaves.len() > MOST_LINES {
            let said = format!("… {} more", count(leaves.len() - MOST_LINES, "field"));
            self.page.flow(self.indent + 4, self.indent + 6, &[piece(DIM, said)]);
        }
    }
}

fn signed(part: Part) -> (&'static str, Style) {
    match part {
        Part::Same => ("  ", DIM),
        Part::Old => ("- ", REMOVED),
        Part::New => ("+ ", ADDED),
    }
}

/// What is said in place of values that must not be seen.
fn unseeable(field: &FieldChange) -> Option<String> {
    let sides = [field.after.as_ref(), field.before.as_ref()];
    let (what, how) = match sides.into_iter().flatten().find_map(mask_of) {
        Some((what, how)) => (what, how),
        // a marked field that is cleared without anybody seeing what it held
        None => (field.mark.as_deref().filter(|_| field.unseen)?, "removed"),
    };
    Some(match (field.unseen, how) {
        (true, "removed") => format!("({what}, cannot be read back; will be cleared)"),
        (true, _) => format!("({what}, cannot be read back; will be written)"),
        (false, how) => format!("({what}, {how})"),
    })
}

/// What is said behind the short name of a person, so that nobody takes it for a value.
fn person(value: &Json) -> &'static str {
    if pseudonym_of(value).is_some() { "  (personal)" } else { "" }
}

/// An id behind a heading.
pub fn id(id: &Json) -> String {
    match (id, pseudonym_of(id)) {
        (Json::String(id), _) => clean::line(id).into_owned(),
        (_, Some(name)) => clean::line(name).into_owned(),
        (id, None) if id.is_object() => DOTS.to_owned(),
        (id, None) => id.to_string(),
    }
}

/// Whether a value is a text of several lines; a line break at the end alone does not count.
fn has_lines(value: &Json) -> bool {
    value.as_str().is_some_and(|text| text.strip_suffix('\n').unwrap_or(text).contains('\n'))
}

/// A value on one line, cut where it is very long.
pub fn brief(value: &Json) -> String {
    let text = match leaves(value) {
        Some(_) => clean::line(&value.to_string()).into_owned(),
        None => scalar(value),
    };
    cut(&text, MOST_CHARACTERS).into_owned()
}

/// A value on one line.
fn scalar(value: &Json) -> String {
    match value {
        Json::String(text) => quoted(text),
        Json::Array(items) => {
            format!("[{}]", items.iter().map(scalar).collect::<Vec<_>>().join(", "))
        }
        Json::Object(members) if members.is_empty() => "{}".to_owned(),
        other if pseudonym_of(other).is_some() => {
            clean::line(pseudonym_of(other).unwrap_or_default()).into_owned()
        }
        other if later_of(other).is_some() => {
            format!("(id of {}, known after its create)", clean::line(later_of(other).unwrap_or_default()))
        }
        other => clean::line(&other.to_string()).into_owned(),
    }
}

/// The leaves of a value with parts, by their paths; `None` for a value that has none, or a list of leaves.
fn leaves(value: &Json) -> Option<Vec<(String, &Json)>> {
    let mut found = Vec::new();
    collect(value, String::new(), &mut found);
    (found.len() != 1 || found.first().is_some_and(|(label, _)| !label.is_empty())).then_some(found)
}

fn collect<'v>(value: &'v Json, label: String, found: &mut Vec<(String, &'v Json)>) {
    let whole = mask_of(value).is_some() || later_of(value).is_some() || pseudonym_of(value).is_some();
    match value {
        Json::Object(members) if !members.is_empty() && !whole => {
            let dot = if label.is_empty() { "" } else { "." };
            for (name, value) in members {
                collect(value, format!("{label}{dot}{}", clean::line(name)), found);
            }
        }
        Json::Array(items) if items.iter().any(|item| item.is_object() || item.is_array()) => {
            for (index, value) in items.iter().enumerate() {
                collect(value, format!("{label}[{index}]"), found);
            }
        }
        leaf => found.push((label, leaf)),
    }
}

fn pretty(value: &Json) -> String {
    format!("{value:#}\n")
}

/// The inside of a quoted text.
fn escaped(text: &str) -> String {
    let quoted = quoted(text);
    quoted[1..quoted.len() - 1].to_owned()
}

/// The ends of a long run that is alike on both sides.
fn elided(text: &str, is_first: bool, is_last: bool) -> String {
    let length = text.chars().count();
    let (head, tail) =
        (if is_first { 0 } else { NEAR_CHARACTERS }, if is_last { 0 } else { NEAR_CHARACTERS });
    if length <= head + tail + NEAR_CHARACTERS / 2 {
        return text.to_owned();
    }
    let left = length - head - tail;
    let start: String = text.chars().take(head).collect();
    let end: String = text.chars().skip(length - tail).collect();
    format!("{start} …{} alike… {end}", grouped(left))
}

/// Which lines are changed or stand near one that is.
fn near(lines: &[(Part, &str)]) -> Vec<bool> {
    let mut near = vec![false; lines.len()];
    let mut until = 0;
    for (at, (part, _)) in lines.iter().enumerate() {
        if *part != Part::Same {
            until = at + NEAR_LINES + 1;
            near[at.saturating_sub(NEAR_LINES)..at].fill(true);
        }
        near[at] = at < until;
    }
    near
}
