//! YAML text with remarks: what a draft is before it is a text, and how it becomes one.
//!
//! Block style, quotes where a reader could see anything but the text itself, long sentences folded. The
//! emitter of the YAML crate knows no comments, and comments are what a draft is about; whoever writes such a
//! text reads it again before it goes anywhere.
//! Deliberately absent: what the words mean.

use serde_json::Value as Json;

/// Where lines are broken.
const MAX_LINE_WIDTH: usize = 110;

/// What stands behind a key.
pub enum DraftValue {
    /// A text, in quotes where it needs them.
    String(String),
    /// A word or number of the format, bare.
    Keyword(String),
    /// Texts in one line.
    FlowList(Vec<String>),
    /// Lists of texts in one line.
    FlowRows(Vec<Vec<String>>),
    /// Any value.
    Json(Json),
    /// A mapping.
    Mapping(Vec<DraftEntry>),
    /// A list of mappings.
    MappingList(Vec<Vec<DraftEntry>>),
}

/// A key with its value, and the remarks above it.
pub struct DraftEntry {
    comments: Vec<DraftComment>,
    key: String,
    value: DraftValue,
}

/// A remark above a key.
struct DraftComment {
    level: RemarkLevel,
    text: String,
}

/// What a remark asks for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum RemarkLevel {
    /// Nothing.
    Note,
    /// A decision, without which the draft may not work or may write something wrong.
    Decision,
    /// A look: the draft is safe as it is, and more precise with an answer.
    Polish,
}

impl RemarkLevel {
    fn prefix(self) -> &'static str {
        match self {
            Self::Note => "",
            Self::Decision => DECISION_PREFIX,
            Self::Polish => POLISH_PREFIX,
        }
    }
}

impl DraftEntry {
    /// A key with anything behind it.
    pub fn new(key: impl Into<String>, said: DraftValue) -> Self {
        Self { comments: Vec::new(), key: key.into(), value: said }
    }

    /// A key with a text.
    pub fn from_text(key: impl Into<String>, text: impl Into<String>) -> Self {
        Self::new(key, DraftValue::String(text.into()))
    }

    /// A key with a word of the format.
    pub fn from_keyword(key: impl Into<String>, word: impl ToString) -> Self {
        Self::new(key, DraftValue::Keyword(word.to_string()))
    }

    /// Its key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The entries of its mapping; none for any other value.
    pub fn entries(&self) -> &[DraftEntry] {
        match &self.value {
            DraftValue::Mapping(entries) => entries,
            _ => &[],
        }
    }

    /// With what a person must decide here.
    #[must_use]
    pub fn with_decision(self, what: impl Into<String>) -> Self {
        self.with_remark(RemarkLevel::Decision, what)
    }

    /// With what a person may improve here.
    #[must_use]
    pub fn with_polish(self, what: impl Into<String>) -> Self {
        self.with_remark(RemarkLevel::Polish, what)
    }

    /// With a remark above it that asks for nothing.
    #[must_use]
    pub fn with_comment(self, remark: impl Into<String>) -> Self {
        self.with_remark(RemarkLevel::Note, remark)
    }

    /// With a remark above it.
    #[must_use]
    pub fn with_remark(mut self, level: RemarkLevel, text: impl Into<String>) -> Self {
        self.comments.push(DraftComment { level, text: text.into() });
        self
    }

    /// With what a person must decide here, if anything.
    #[must_use]
    pub fn with_decisions<S: Into<String>>(self, what: impl IntoIterator<Item = S>) -> Self {
        what.into_iter().fold(self, Self::with_decision)
    }

    /// With what a person may improve here, if anything.
    #[must_use]
    pub fn with_polishes<S: Into<String>>(self, what: impl IntoIterator<Item = S>) -> Self {
        what.into_iter().fold(self, Self::with_polish)
    }

    /// Removes the remarks of a level here and below, and says how many there were.
    pub fn remove_remarks(&mut self, level: RemarkLevel) -> usize {
        let before = self.comments.len();
        self.comments.retain(|comment| comment.level != level);
        let own = before - self.comments.len();
        own + match &mut self.value {
            DraftValue::Mapping(entries) => remove_remarks(entries, level),
            DraftValue::MappingList(items) => {
                items.iter_mut().map(|entries| remove_remarks(entries, level)).sum()
            }
            _ => 0,
        }
    }
}

/// Removes the remarks of a level, and says how many there were.
pub fn remove_remarks(entries: &mut [DraftEntry], level: RemarkLevel) -> usize {
    entries.iter_mut().map(|entry| entry.remove_remarks(level)).sum()
}

/// How a remark begins that asks for a decision.
pub const DECISION_PREFIX: &str = "decide: ";
/// How a remark begins that asks for a look.
pub const POLISH_PREFIX: &str = "polish: ";

/// The text of a file: remarks on top, then its lines. A blank line stands before each section.
pub fn render_entries(top: &[String], lines: &[DraftEntry]) -> String {
    let mut writer = DraftYamlWriter { text: String::new() };
    for remark in top {
        writer.write_comment(remark, 0);
    }
    for line in lines {
        if matches!(line.value, DraftValue::Mapping(_) | DraftValue::MappingList(_))
            || !line.comments.is_empty()
        {
            writer.write_blank_line();
        }
        writer.write_entry(line, 0, "");
    }
    writer.text
}

/// Entries as lines of a mapping that begins in a column.
pub fn render_indented(entries: &[&DraftEntry], indent: usize) -> String {
    let mut writer = DraftYamlWriter { text: String::new() };
    entries.iter().for_each(|entry| writer.write_entry(entry, indent, ""));
    writer.text
}

struct DraftYamlWriter {
    text: String,
}

impl DraftYamlWriter {
    fn write_blank_line(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    fn write_comment(&mut self, remark: &str, indent: usize) {
        let room = MAX_LINE_WIDTH.saturating_sub(indent + 4).max(40);
        for (number, row) in fold_text(remark, room).into_iter().enumerate() {
            let hanging = if number > 0 { "  " } else { "" };
            self.write_line(indent, &format!("# {hanging}{row}"));
        }
    }

    /// One key; `dash` is what stands before the first key of a list item.
    fn write_entry(&mut self, line: &DraftEntry, indent: usize, dash: &str) {
        for remark in &line.comments {
            self.write_comment(&format!("{}{}", remark.level.prefix(), remark.text), indent);
        }
        let (key, below) = (format!("{dash}{}", render_scalar(&line.key)), indent + dash.len());
        match &line.value {
            DraftValue::String(text) => self.write_text(&key, text, indent, below),
            DraftValue::Keyword(word) => self.write_line(indent, &format!("{key}: {word}")),
            DraftValue::FlowList(words) => {
                self.write_line(indent, &format!("{key}: {}", render_flow_list(words)))
            }
            DraftValue::FlowRows(rows) => {
                let rows: Vec<_> = rows.iter().map(|row| render_flow_list(row)).collect();
                self.write_line(indent, &format!("{key}: [{}]", rows.join(", ")));
            }
            DraftValue::Json(json) => self.write_json(&key, json, indent, below),
            DraftValue::Mapping(lines) => {
                self.write_line(indent, &format!("{key}:"));
                lines.iter().for_each(|line| self.write_entry(line, below + 2, ""));
            }
            DraftValue::MappingList(items) => {
                self.write_line(indent, &format!("{key}:"));
                items.iter().for_each(|item| self.write_item(item, below + 2));
            }
        }
    }

    fn write_item(&mut self, lines: &[DraftEntry], indent: usize) {
        for (number, line) in lines.iter().enumerate() {
            match number {
                0 => self.write_entry(line, indent, "- "),
                _ => self.write_entry(line, indent + 2, ""),
            }
        }
    }

    /// A text in one line, or folded where it is long and nothing is lost by that.
    fn write_text(&mut self, key: &str, text: &str, indent: usize, below: usize) {
        let plain = render_scalar(text);
        let words = text.split(' ').all(|word| !word.is_empty() && !word.contains(char::is_whitespace));
        if indent + key.len() + 2 + plain.len() <= MAX_LINE_WIDTH || !words || text.contains(needs_escape) {
            self.write_line(indent, &format!("{key}: {plain}"));
            return;
        }
        self.write_line(indent, &format!("{key}: >-"));
        for row in fold_text(text, MAX_LINE_WIDTH.saturating_sub(below + 2).max(40)) {
            self.write_line(below + 2, &row);
        }
    }

    fn write_json(&mut self, key: &str, json: &Json, indent: usize, below: usize) {
        match json {
            Json::Object(members) if !members.is_empty() => {
                self.write_line(indent, &format!("{key}:"));
                for (name, value) in members {
                    self.write_json(&render_scalar(name), value, below + 2, below + 2);
                }
            }
            other => self.write_line(indent, &format!("{key}: {}", render_inline(other))),
        }
    }

    fn write_line(&mut self, indent: usize, row: &str) {
        self.text.extend(std::iter::repeat_n(' ', indent));
        self.text.push_str(row);
        self.text.push('\n');
    }
}

fn render_flow_list(words: &[String]) -> String {
    let inside =
        words.iter().map(|word| match is_plain_scalar(word) && !word.contains([' ', ',', '{', '}', ':']) {
            true => word.clone(),
            false => quote_text(word),
        });
    format!("[{}]", inside.collect::<Vec<_>>().join(", "))
}

/// Any value in one line; JSON is YAML too.
fn render_inline(json: &Json) -> String {
    match json {
        Json::String(text) => render_scalar(text),
        Json::Array(items) => {
            let items = items.iter().map(render_flow_value);
            format!("[{}]", items.collect::<Vec<_>>().join(", "))
        }
        Json::Object(members) => {
            let members = members
                .iter()
                .map(|(name, value)| format!("{}: {}", quote_text(name), render_flow_value(value)));
            match members.len() {
                0 => "{}".into(),
                _ => format!("{{ {} }}", members.collect::<Vec<_>>().join(", ")),
            }
        }
        other => other.to_string(),
    }
}

/// A value inside brackets, where more characters mean something.
fn render_flow_value(json: &Json) -> String {
    match json {
        Json::String(text) => quote_text(text),
        other => render_inline(other),
    }
}

/// A text as a scalar: bare where nothing else could be read in it.
fn render_scalar(text: &str) -> String {
    if is_plain_scalar(text) { text.to_owned() } else { quote_text(text) }
}

fn is_plain_scalar(text: &str) -> bool {
    const RESERVED_WORDS: [&str; 10] = ["null", "true", "false", "yes", "no", "on", "off", "y", "n", "nan"];
    let tame = |c: char| c.is_alphanumeric() || " _-./()+'`;,=%€$@{}:".contains(c);
    text.starts_with(|first: char| first.is_alphabetic() || first == '/')
        && text.chars().all(tame)
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !RESERVED_WORDS.contains(&text.to_lowercase().as_str())
}

fn needs_escape(c: char) -> bool {
    crate::openapi::naming::is_invisible(c) || matches!(c, '\u{85}' | '\u{fffe}' | '\u{ffff}')
}

/// A text in double quotes.
fn quote_text(text: &str) -> String {
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
fn fold_text(text: &str, room: usize) -> Vec<String> {
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
    use crate::diagnostic::NamedSource;
    use crate::kind::read::convert_untyped;
    use crate::yaml;

    /// What a text says when it is read again.
    fn back(text: &str) -> Json {
        let source = NamedSource::new("draft.yaml", text);
        let mut faults = Vec::new();
        let nodes = yaml::read_documents(&source, &mut faults);
        assert!(faults.is_empty() && nodes.len() == 1, "{text}");
        convert_untyped(&nodes[0])
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
                DraftEntry::from_text(text, text),
                DraftEntry::new("words", DraftValue::FlowList(words.clone())),
                DraftEntry::new("rows", DraftValue::FlowRows(vec![words.clone()])),
                DraftEntry::new(
                    "json",
                    DraftValue::Json(serde_json::json!({ text: [text, { text: text }, null, 1.5] })),
                ),
                DraftEntry::new(
                    "items",
                    DraftValue::MappingList(vec![vec![
                        DraftEntry::from_text(text, text),
                        DraftEntry::from_text("b", text),
                    ]]),
                ),
            ];
            let lines = vec![DraftEntry::new("top", DraftValue::Mapping(lines)).with_decision(text)];
            let wanted = serde_json::json!({ "top": {
                text: text, "words": words, "rows": [words],
                "json": { text: [text, { text: text }, null, 1.5] },
                "items": [{ text: text, "b": text }],
            } });
            let written = super::render_entries(&["on top".into()], &lines);
            assert_eq!(back(&written), wanted, "{written}");
        }
    }

    #[test]
    fn long_sentences_are_folded_and_read_back_whole() {
        let long = "word # and: 'more' \"still\" ".repeat(20).trim_end().to_owned();
        let lines = [DraftEntry::new(
            "a",
            DraftValue::Mapping(vec![DraftEntry::from_text("is", &*long).with_decision(&*long)]),
        )];
        let written = render_entries(&[], &lines);
        assert!(written.contains("is: >-\n"), "{written}");
        assert!(written.lines().all(|line| line.len() <= MAX_LINE_WIDTH), "{written}");
        assert_eq!(back(&written), serde_json::json!({ "a": { "is": long } }));
        let odd = format!("{} ", "two  blanks ".repeat(20));
        assert_eq!(
            back(&render_entries(&[], &[DraftEntry::from_text("is", &*odd)])),
            serde_json::json!({ "is": odd })
        );
    }
}
