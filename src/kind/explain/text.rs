//! An explanation as plain text, laid out as those who know `kubectl explain` expect.
//!
//! Deliberately absent: colour. What is shown here is the same on a terminal and in a file.

use std::fmt::Write as _;

use super::{Choices, Entry, Explanation};
use crate::yaml;

/// The columns that continue under a heading or a field.
const INDENT: usize = 4;

impl Explanation {
    /// The explanation as text, its lines broken at `width` columns.
    pub fn text(&self, width: usize) -> String {
        let mut out = String::new();
        self.head(&mut out, width);
        for choices in &self.choices {
            words(&mut out, choices, width);
        }
        list(&mut out, "SCOPE", &self.scope, width);
        list(&mut out, "FIELDS", &self.fields, width);
        if let Some(example) = &self.example {
            out.push_str("\nEXAMPLE:\n");
            yaml::write(&self.in_place(example)).lines().for_each(|line| indented(&mut out, line, INDENT));
        }
        if let Some(source) = &self.source {
            out.push_str("\nSOURCE:\n");
            wrapped(&mut out, source, INDENT, width);
        }
        out
    }

    fn head(&self, out: &mut String, width: usize) {
        let _ = writeln!(out, "KIND:   {}", self.kind);
        if !self.path.is_empty() {
            let _ = writeln!(out, "FIELD:  {} <{}>", self.path, self.ty);
        }
        out.push_str("\nDESCRIPTION:\n");
        wrapped(out, &self.is, INDENT, width);
        out.push('\n');
        for fact in &self.facts {
            let label = format!("{:10}", format!("{}:", fact.about));
            hanging(out, &label, &fact.text, width);
        }
    }

    /// The example under the field's own name, so that it can be copied into a document.
    pub fn in_place(&self, example: &serde_json::Value) -> serde_json::Value {
        match self.path.rsplit('.').next() {
            Some(name) if !name.is_empty() => serde_json::json!({ name: example }),
            _ => example.clone(),
        }
    }
}

fn words(out: &mut String, choices: &Choices, width: usize) {
    let _ = writeln!(out, "\n{}:", choices.title.to_uppercase());
    for (word, is) in &choices.words {
        indented(out, word, INDENT);
        wrapped(out, is, INDENT * 2, width);
    }
}

fn list(out: &mut String, title: &str, entries: &[Entry], width: usize) {
    if entries.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n{title}:");
    let longest = entries.iter().map(|entry| entry.name.len()).max().unwrap_or(0);
    for entry in entries {
        let flags: String = entry.flags.iter().map(|flag| format!(" -{flag}-")).collect();
        indented(out, &format!("{:longest$}  <{}>{flags}", entry.name, entry.ty), INDENT);
        wrapped(out, &entry.is, INDENT * 2, width);
    }
}

fn indented(out: &mut String, line: &str, by: usize) {
    let _ = writeln!(out, "{:by$}{line}", "");
}

fn wrapped(out: &mut String, text: &str, by: usize, width: usize) {
    broken(text, width.saturating_sub(by)).iter().for_each(|line| indented(out, line, by));
}

/// The first line behind a label, the others under it.
fn hanging(out: &mut String, label: &str, text: &str, width: usize) {
    let by = INDENT + label.chars().count();
    for (at, line) in broken(text, width.saturating_sub(by)).iter().enumerate() {
        match at {
            0 => indented(out, &format!("{label}{line}"), INDENT),
            _ => indented(out, line, by),
        }
    }
}

/// Lines of at most `width` characters, broken at blanks; a longer word stays whole.
fn broken(text: &str, width: usize) -> Vec<String> {
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
    use super::broken;

    #[test]
    fn lines_break_at_blanks_only() {
        assert_eq!(broken("one two three", 7), ["one two", "three"]);
        assert_eq!(broken("unbreakable word", 3), ["unbreakable", "word"]);
        assert!(broken("", 10).is_empty());
    }
}
