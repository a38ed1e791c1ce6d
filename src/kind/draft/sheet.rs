//! YAML text with remarks: what a draft is before it is a text, and how it becomes one.
//!
//! Block style, quotes where a reader could see anything but the text itself, long sentences folded. The
//! emitter of the YAML crate knows no comments, and comments are what a draft is about; whoever writes such a
//! text reads it again before it goes anywhere.
//! Deliberately absent: what the words mean.

use serde_json::Value as Json;

/// Where lines are broken.
const WIDTH: usize = 110;

/// What stands behind a key.
pub enum Said {
    /// A text, in quotes where it needs them.
    Text(String),
    /// A word or number of the format, bare.
    Word(String),
    /// Texts in one line.
    Words(Vec<String>),
    /// Lists of texts, one a line.
    Rows(Vec<Vec<String>>),
    /// Any value.
    Json(Json),
    /// A mapping.
    Lines(Vec<Line>),
    /// A list of mappings.
    Items(Vec<Vec<Line>>),
}

/// A key with what stands behind it, and the remarks above it.
pub struct Line {
    remarks: Vec<String>,
    key: String,
    said: Said,
}

impl Line {
    /// A key with anything behind it.
    pub fn new(key: impl Into<String>, said: Said) -> Self {
        Self { remarks: Vec::new(), key: key.into(), said }
    }

    /// A key with a text.
    pub fn text(key: impl Into<String>, text: impl Into<String>) -> Self {
        Self::new(key, Said::Text(text.into()))
    }

    /// A key with a word of the format.
    pub fn word(key: impl Into<String>, word: impl ToString) -> Self {
        Self::new(key, Said::Word(word.to_string()))
    }

    /// With what a person must decide here.
    #[must_use]
    pub fn decide(self, what: impl AsRef<str>) -> Self {
        self.remark(format!("{DECIDE} {}", what.as_ref()))
    }

    /// With a remark above it.
    #[must_use]
    pub fn remark(mut self, remark: impl Into<String>) -> Self {
        self.remarks.push(remark.into());
        self
    }

    /// With what a person must decide here, if anything.
    #[must_use]
    pub fn decide_some<S: AsRef<str>>(self, what: impl IntoIterator<Item = S>) -> Self {
        what.into_iter().fold(self, Self::decide)
    }
}

/// How a remark begins that asks for a decision.
pub const DECIDE: &str = "decide:";

/// The text of a file: remarks on top, then its lines. A blank line stands before each section.
pub fn text(top: &[String], lines: &[Line]) -> String {
    let mut sheet = Sheet { text: String::new() };
    for remark in top {
        sheet.remark(remark, 0);
    }
    for line in lines {
        if matches!(line.said, Said::Lines(_) | Said::Items(_)) || !line.remarks.is_empty() {
            sheet.blank();
        }
        sheet.line(line, 0, "");
    }
    sheet.text
}

struct Sheet {
    text: String,
}

impl Sheet {
    fn blank(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    fn remark(&mut self, remark: &str, indent: usize) {
        let room = WIDTH.saturating_sub(indent + 4).max(40);
        for (number, row) in folded(remark, room).into_iter().enumerate() {
            let hanging = if number > 0 { "  " } else { "" };
            self.push(indent, &format!("# {hanging}{row}"));
        }
    }

    /// One key; `dash` is what stands before the first key of a list item.
    fn line(&mut self, line: &Line, indent: usize, dash: &str) {
        for remark in &line.remarks {
            self.remark(remark, indent);
        }
        let (key, below) = (format!("{dash}{}", scalar(&line.key)), indent + dash.len());
        match &line.said {
            Said::Text(text) => self.sentence(&key, text, indent, below),
            Said::Word(word) => self.push(indent, &format!("{key}: {word}")),
            Said::Words(words) => self.push(indent, &format!("{key}: {}", flow(words))),
            Said::Rows(rows) => {
                self.push(indent, &format!("{key}:"));
                rows.iter().for_each(|row| self.push(below + 2, &format!("- {}", flow(row))));
            }
            Said::Json(json) => self.json(&key, json, indent, below),
            Said::Lines(lines) => {
                self.push(indent, &format!("{key}:"));
                lines.iter().for_each(|line| self.line(line, below + 2, ""));
            }
            Said::Items(items) => {
                self.push(indent, &format!("{key}:"));
                items.iter().for_each(|item| self.item(item, below + 2));
            }
        }
    }

    fn item(&mut self, lines: &[Line], indent: usize) {
        for (number, line) in lines.iter().enumerate() {
            match number {
                0 => self.line(line, indent, "- "),
                _ => self.line(line, indent + 2, ""),
            }
        }
    }

    /// A text in one line, or folded where it is long and nothing is lost by that.
    fn sentence(&mut self, key: &str, text: &str, indent: usize, below: usize) {
        let plain = scalar(text);
        let words = text.split(' ').all(|word| !word.is_empty() && !word.contains(char::is_whitespace));
        if indent + key.len() + 2 + plain.len() <= WIDTH || !words || text.contains(needs_escape) {
            self.push(indent, &format!("{key}: {plain}"));
            return;
        }
        self.push(indent, &format!("{key}: >-"));
        for row in folded(text, WIDTH.saturating_sub(below + 2).max(40)) {
            self.push(below + 2, &row);
        }
    }

    fn json(&mut self, key: &str, json: &Json, indent: usize, below: usize) {
        match json {
            Json::Object(members) if !members.is_empty() => {
                self.push(indent, &format!("{key}:"));
                for (name, value) in members {
                    self.json(&scalar(name), value, below + 2, below + 2);
                }
            }
            other => self.push(indent, &format!("{key}: {}", inline(other))),
        }
    }

    fn push(&mut self, indent: usize, row: &str) {
        self.text.extend(std::iter::repeat_n(' ', indent));
        self.text.push_str(row);
        self.text.push('\n');
    }
}

fn flow(words: &[String]) -> String {
    let inside = words.iter().map(|word| match is_plain(word) && !word.contains([' ', ',', '{', '}', ':']) {
        true => word.clone(),
        false => quoted(word),
    });
    format!("[{}]", inside.collect::<Vec<_>>().join(", "))
}

/// Any value in one line; JSON is YAML too.
fn inline(json: &Json) -> String {
    match json {
        Json::String(text) => scalar(text),
        Json::Array(items) => {
            let items = items.iter().map(inside);
            format!("[{}]", items.collect::<Vec<_>>().join(", "))
        }
        Json::Object(members) => {
            let members = members.iter().map(|(name, value)| format!("{}: {}", quoted(name), inside(value)));
            match members.len() {
                0 => "{}".into(),
                _ => format!("{{ {} }}", members.collect::<Vec<_>>().join(", ")),
            }
        }
        other => other.to_string(),
    }
}

/// A value inside brackets, where more characters mean something.
fn inside(json: &Json) -> String {
    match json {
        Json::String(text) => quoted(text),
        other => inline(other),
    }
}

/// A text as a scalar: bare where nothing else could be read in it.
fn scalar(text: &str) -> String {
    if is_plain(text) { text.to_owned() } else { quoted(text) }
}

fn is_plain(text: &str) -> bool {
    const WORDS: [&str; 10] = ["null", "true", "false", "yes", "no", "on", "off", "y", "n", "nan"];
    let tame = |c: char| c.is_alphanumeric() || " _-./()+'`;,=%€$@{}:".contains(c);
    text.starts_with(|first: char| first.is_alphabetic() || first == '/')
        && text.chars().all(tame)
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !WORDS.contains(&text.to_lowercase().as_str())
}

fn needs_escape(c: char) -> bool {
    super::words::is_unseen(c) || matches!(c, '\u{85}' | '\u{fffe}' | '\u{ffff}')
}

/// A text in double quotes.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            c if needs_escape(c) && u32::from(c) <= 0xffff => {
                quoted.push_str(&format!("\\u{:04x}", u32::from(c)))
            }
            c if needs_escape(c) => quoted.push_str(&format!("\\U{:08x}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// The words of a text in rows of at most so many characters, where words are short enough.
fn folded(text: &str, room: usize) -> Vec<String> {
    let mut rows: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match rows.last_mut() {
            Some(row) if row.chars().count() + 1 + word.chars().count() <= room => {
                row.push(' ');
                row.push_str(word);
            }
            _ => rows.push(word.to_owned()),
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Source;
    use crate::kind::read::free;
    use crate::yaml;

    /// What a text says when it is read again.
    fn back(text: &str) -> Json {
        let source = Source::new("draft.yaml", text);
        let mut faults = Vec::new();
        let nodes = yaml::read(&source, &mut faults);
        assert!(faults.is_empty() && nodes.len() == 1, "{text}");
        free(&nodes[0])
    }

    const AWKWARD: [&str; 35] = [
        "",
        " ",
        "no",
        "Null",
        "~",
        "012",
        "1e3",
        "+46",
        "- a",
        "a: b",
        "a #b",
        "#",
        "'",
        "\"",
        "\\",
        "a\nb",
        "\t",
        "{a}",
        "[",
        "&a",
        "*a",
        "!a",
        "%a",
        "@a",
        "`a`",
        "ä – ö",
        "\u{202e}x",
        "\u{1f600}\u{e0041}",
        "a:",
        "x\u{85}",
        "/a/{b}",
        "https://a.b:1/c",
        "a{",
        "/:",
        "/#",
    ];

    #[test]
    fn every_text_reads_back_as_itself_wherever_it_stands() {
        for text in AWKWARD {
            let words = vec![text.to_owned(), "b, c".into()];
            let lines = vec![
                Line::text(text, text),
                Line::new("words", Said::Words(words.clone())),
                Line::new("rows", Said::Rows(vec![words.clone()])),
                Line::new("json", Said::Json(serde_json::json!({ text: [text, { text: text }, null, 1.5] }))),
                Line::new("items", Said::Items(vec![vec![Line::text(text, text), Line::text("b", text)]])),
            ];
            let lines = vec![Line::new("top", Said::Lines(lines)).decide(text)];
            let wanted = serde_json::json!({ "top": {
                text: text, "words": words, "rows": [words],
                "json": { text: [text, { text: text }, null, 1.5] },
                "items": [{ text: text, "b": text }],
            } });
            let written = super::text(&["on top".into()], &lines);
            assert_eq!(back(&written), wanted, "{written}");
        }
    }

    #[test]
    fn long_sentences_are_folded_and_read_back_whole() {
        let long = "word # and: 'more' \"still\" ".repeat(20).trim_end().to_owned();
        let lines = [Line::new("a", Said::Lines(vec![Line::text("is", &*long).decide(&*long)]))];
        let written = text(&[], &lines);
        assert!(written.contains("is: >-\n"), "{written}");
        assert!(written.lines().all(|line| line.len() <= WIDTH), "{written}");
        assert_eq!(back(&written), serde_json::json!({ "a": { "is": long } }));
        let odd = format!("{} ", "two  blanks ".repeat(20));
        assert_eq!(back(&text(&[], &[Line::text("is", &*odd)])), serde_json::json!({ "is": odd }));
    }
}
