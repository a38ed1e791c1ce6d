//! An explanation as plain text, laid out as those who know `kubectl explain` expect.
//!
//! Deliberately absent: colour. What is shown here is the same on a terminal and in a file.

use std::fmt::Write as _;

use super::{FieldSummary, KnownValues, TopicExplanation};
use crate::yaml;

/// The columns that continue under a heading or a field.
const INDENT: usize = 4;

impl TopicExplanation {
    /// The explanation as text, its lines broken at `width` columns.
    pub fn render_text(&self, width: usize) -> String {
        let mut out = String::new();
        self.write_heading(&mut out, width);
        for choices in &self.known_values {
            write_known_values(&mut out, choices, width);
        }
        write_field_summaries(&mut out, "SCOPE", &self.scope, width);
        write_field_summaries(&mut out, "FIELDS", &self.fields, width);
        if let Some(example) = &self.example {
            out.push_str("\nEXAMPLE:\n");
            yaml::write_yaml(&self.wrap_example(example))
                .lines()
                .for_each(|line| write_indented(&mut out, line, INDENT));
        }
        if let Some(source) = &self.source {
            write_section(&mut out, "SOURCE", source, width);
        }
        out
    }

    fn write_heading(&self, out: &mut String, width: usize) {
        let _ = writeln!(out, "KIND:   {}", self.kind);
        if !self.path.is_empty() {
            let _ = writeln!(out, "FIELD:  {} <{}>", self.path, self.ty);
        }
        out.push_str("\nDESCRIPTION:\n");
        write_wrapped(out, &self.description, INDENT, width);
        out.push('\n');
        for fact in &self.facts {
            let label = format!("{:13}", format!("{}:", fact.label));
            write_labelled(out, &label, &fact.text, width);
        }
    }

    /// The example under the field's own name, so that it can be copied into a document.
    pub fn wrap_example(&self, example: &serde_json::Value) -> serde_json::Value {
        match self.path.rsplit('.').next() {
            Some(name) if !name.is_empty() => serde_json::json!({ name: example }),
            _ => example.clone(),
        }
    }
}

fn write_known_values(out: &mut String, choices: &KnownValues, width: usize) {
    let _ = writeln!(out, "\n{}:", choices.title.to_uppercase());
    for (word, is) in &choices.values {
        write_indented(out, word, INDENT);
        write_wrapped(out, is, INDENT * 2, width);
    }
}

fn write_field_summaries(out: &mut String, title: &str, entries: &[FieldSummary], width: usize) {
    if entries.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n{title}:");
    let longest = entries.iter().map(|entry| entry.name.len()).max().unwrap_or(0);
    for entry in entries {
        let flags: String = entry.flags.iter().map(|flag| format!(" -{flag}-")).collect();
        write_indented(out, &format!("{:longest$}  <{}>{flags}", entry.name, entry.ty), INDENT);
        write_wrapped(out, &entry.description, INDENT * 2, width);
    }
}

fn write_indented(out: &mut String, line: &str, by: usize) {
    let _ = writeln!(out, "{:by$}{line}", "");
}

fn write_wrapped(out: &mut String, text: &str, by: usize, width: usize) {
    break_lines(text, width.saturating_sub(by)).iter().for_each(|line| write_indented(out, line, by));
}

/// A title, and a text below it.
pub fn write_section(out: &mut String, title: &str, text: &str, width: usize) {
    let _ = writeln!(out, "\n{title}:");
    write_wrapped(out, text, INDENT, width);
}

/// The first line behind a label, the others under it.
fn write_labelled(out: &mut String, label: &str, text: &str, width: usize) {
    let by = INDENT + label.chars().count();
    for (at, line) in break_lines(text, width.saturating_sub(by)).iter().enumerate() {
        match at {
            0 => write_indented(out, &format!("{label}{line}"), INDENT),
            _ => write_indented(out, line, by),
        }
    }
}

/// Lines of at most `width` characters, broken at blanks; a longer word stays whole.
fn break_lines(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::break_lines;

    #[test]
    fn lines_break_at_blanks_only() {
        assert_eq!(break_lines("one two three", 7), ["one two", "three"]);
        assert_eq!(break_lines("unbreakable word", 3), ["unbreakable", "word"]);
        assert!(break_lines("", 10).is_empty());
    }
}
