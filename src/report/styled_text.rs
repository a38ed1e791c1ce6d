//! Styled text on lines of a given width: the palette, pieces of text, and a page onto which they flow.
//!
//! Styles are written as ANSI always; all output goes through `anstream`, which removes them where the output
//! is not a terminal. No information is in the colour alone. Widths are those of Unicode, so that columns align.
//! Deliberately absent: escaping. What is put on a page is clean already.

use std::borrow::Cow;
use std::fmt::Write;

use anstyle::{AnsiColor, Effects, Style};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

pub const PLAIN: Style = Style::new();
pub const BOLD: Style = Style::new().effects(Effects::BOLD);
pub const DIM: Style = Style::new().effects(Effects::DIMMED);
pub const ADDED: Style = AnsiColor::Green.on_default();
pub const REMOVED: Style = AnsiColor::Red.on_default();
pub const CHANGED: Style = AnsiColor::Yellow.on_default();
pub const ERROR: Style = AnsiColor::Red.on_default().effects(Effects::BOLD);
pub const WARNING: Style = AnsiColor::Yellow.on_default().effects(Effects::BOLD);
pub const HELP: Style = AnsiColor::Cyan.on_default();

/// The narrowest page; below that nothing is readable anyway.
const MIN_WIDTH: usize = 40;
/// The widest page; longer lines are hard to follow.
const MAX_WIDTH: usize = 160;

/// Some text in one style.
#[derive(Clone)]
pub struct StyledText<'t> {
    pub style: Style,
    pub text: Cow<'t, str>,
}

/// A piece of text in a style.
pub fn style_text<'t>(style: Style, text: impl Into<Cow<'t, str>>) -> StyledText<'t> {
    StyledText { style, text: text.into() }
}

/// How many columns a text takes.
pub fn measure_width(text: &str) -> usize {
    text.width()
}

/// How many columns some pieces take on one line.
pub fn measure_total_width(pieces: &[StyledText]) -> usize {
    pieces.iter().map(|piece| measure_width(&piece.text)).sum()
}

/// Text with blanks behind it up to a width.
pub fn pad_text(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(measure_width(text))))
}

pub fn strip_styles(styled: &str) -> String {
    anstream::adapter::strip_str(styled).to_string()
}

/// Rows with their columns below each other, two blanks apart.
pub fn align_columns(rows: &[Vec<String>]) -> Vec<String> {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widest = |at: usize| rows.iter().filter_map(|row| row.get(at)).map(|cell| measure_width(cell)).max();
    let widths: Vec<usize> = (0..count).map(|at| widest(at).unwrap_or(0)).collect();
    let align = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| pad_text(cell, *width));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(align).collect()
}

/// Lines of a given width.
pub struct TextPage {
    output: String,
    width: usize,
}

impl TextPage {
    /// An empty page.
    pub fn new(width: usize) -> Self {
        Self { output: String::new(), width: width.clamp(MIN_WIDTH, MAX_WIDTH) }
    }

    /// Columns on a line.
    pub fn width(&self) -> usize {
        self.width
    }

    /// An empty line, unless there is one already or nothing stands above it.
    pub fn write_gap(&mut self) {
        if !self.output.is_empty() && !self.output.ends_with("\n\n") {
            self.output.push('\n');
        }
    }

    /// Text that starts at column `indent` and goes on, where it is too long, at column `hang`.
    pub fn write_wrapped(&mut self, indent: usize, hang: usize, pieces: &[StyledText]) {
        let mut flow = LineWrapper {
            line: StyledLine::new(indent),
            hanging_indent: hang.min(self.width / 2),
            page: self,
        };
        for piece in pieces {
            piece.text.split_inclusive(' ').for_each(|word| flow.push_word(piece.style, word));
        }
        let LineWrapper { line, page, .. } = flow;
        page.end_line(line);
    }

    /// What was written.
    pub fn finish(self) -> String {
        self.output
    }

    fn end_line(&mut self, mut line: StyledLine) {
        if let Some((_, last)) = line.runs.last_mut() {
            last.truncate(last.trim_end_matches(' ').len());
        }
        if !line.runs.iter().all(|(_, text)| text.is_empty()) {
            self.output.push_str(&" ".repeat(line.indent));
        }
        for (style, text) in line.runs.iter().filter(|(_, text)| !text.is_empty()) {
            let _ = write!(self.output, "{style}{text}{style:#}"); // a String takes everything
        }
        self.output.push('\n');
    }
}

struct LineWrapper<'p> {
    page: &'p mut TextPage,
    line: StyledLine,
    hanging_indent: usize,
}

struct StyledLine {
    indent: usize,
    width: usize,
    runs: Vec<(Style, String)>,
}

impl StyledLine {
    fn new(indent: usize) -> Self {
        Self { indent, width: indent, runs: Vec::new() }
    }

    fn push_run(&mut self, style: Style, text: &str) {
        self.width += measure_width(text);
        match self.runs.last_mut() {
            Some((last, run)) if *last == style => run.push_str(text),
            _ => self.runs.push((style, text.to_owned())),
        }
    }
}

impl LineWrapper<'_> {
    /// Puts a word, with the blank behind it, on the line or on the next one.
    fn push_word(&mut self, style: Style, word: &str) {
        let room = |flow: &Self| flow.page.width.saturating_sub(flow.line.width);
        let needed = measure_width(word.trim_end_matches(' '));
        if needed > room(self)
            && self.line.width > self.line.indent
            && needed <= self.page.width - self.hanging_indent
        {
            self.break_line();
        }
        let mut rest = word;
        while measure_width(rest.trim_end_matches(' ')) > room(self) {
            let (head, tail) = split_word(rest, room(self));
            self.line.push_run(style, head);
            self.break_line();
            rest = tail;
        }
        self.line.push_run(style, rest);
    }

    fn break_line(&mut self) {
        let line = std::mem::replace(&mut self.line, StyledLine::new(self.hanging_indent));
        self.page.end_line(line);
    }
}

/// A word too long for any line, cut: behind a slash where there is one in the second half, else where the room ends.
fn split_word(word: &str, room: usize) -> (&str, &str) {
    let mut width = 0;
    let end = word.char_indices().find(|(_, c)| {
        width += c.width().unwrap_or(0);
        width > room
    });
    // at least one character goes onto a line, or there would be no end
    let first = word.chars().next().map_or(0, char::len_utf8);
    let end = end.map_or(word.len(), |(at, _)| at).max(first);
    let slash = word[..end].rfind('/').map(|at| at + 1).filter(|at| *at > end / 2);
    word.split_at(slash.unwrap_or(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flowed(width: usize, hang: usize, text: &str) -> String {
        let mut page = TextPage::new(width);
        page.write_wrapped(2, hang, &[style_text(PLAIN, text)]);
        page.finish()
    }

    #[test]
    fn text_flows_within_the_width() {
        let text = flowed(40, 4, &"word ".repeat(20));
        assert!(text.lines().all(|line| measure_width(line) <= 40), "{text}");
        assert!(text.lines().skip(1).all(|line| line.starts_with("    word")), "{text}");
        let text = flowed(40, 4, &format!("GET /a/{}", "0123456789/".repeat(9)));
        assert!(text.lines().all(|line| measure_width(line) <= 40), "{text}");
        assert!(text.lines().all(|line| line.ends_with('/')), "{text}");
        let wide = flowed(40, 39, &"東京".repeat(40));
        assert!(wide.lines().all(|line| measure_width(line) <= 40), "{wide}");
        assert_eq!(wide.matches('東').count(), 40);
    }

    #[test]
    fn any_text_on_any_page_ends() {
        for text in ["", " ", "\u{301}\u{301}", "東", &"x".repeat(500), &"\u{301}".repeat(500)] {
            for width in [0, 1, 40, 1000] {
                let flowed = flowed(width, 999, text);
                assert!(flowed.ends_with('\n'));
            }
        }
    }
}
