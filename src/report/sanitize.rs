//! Text from outside, made harmless to a terminal and honest to the eye.
//!
//! Whatever could move the cursor, reorder the line or be there unseen stands as an escape (`\n`, `\u{202e}`):
//! control characters, bidirectional overrides, zero-width characters, blanks that are not the space.
//! Deliberately absent: masking. What comes here may be seen.

use std::borrow::Cow;

/// Whether a character may not be printed as it is.
pub fn needs_escape(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_control();
    }
    matches!(c,
        '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e0fff}')
        || c.is_control()
        || (c != ' ' && c.is_whitespace())
}

/// One line of text.
pub fn escape_line(text: &str) -> Cow<'_, str> {
    if !text.contains(needs_escape) {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len() + 16);
    text.chars().for_each(|c| push_escaped(&mut clean, c));
    Cow::Owned(clean)
}

/// Several lines of text: their line breaks stay.
pub fn escape_text(text: &str) -> Cow<'_, str> {
    if !text.contains(|c| c != '\n' && needs_escape(c)) {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '\n' => clean.push(c),
            c => push_escaped(&mut clean, c),
        }
    }
    Cow::Owned(clean)
}

/// One line of text in double quotes, with quotes and backslashes in it escaped, so that it can be determined where
/// it ends and what is an escape.
pub fn quote_line(text: &str) -> String {
    let mut clean = String::with_capacity(text.len() + 2);
    clean.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            clean.push('\\');
        }
        push_escaped(&mut clean, c);
    }
    clean.push('"');
    clean
}

fn push_escaped(clean: &mut String, c: char) {
    match c {
        '\n' => clean.push_str("\\n"),
        '\r' => clean.push_str("\\r"),
        '\t' => clean.push_str("\\t"),
        c if needs_escape(c) => clean.extend(c.escape_unicode()),
        c => clean.push(c),
    }
}

/// At most `most` characters of a line, with `…` where something was left out at the end.
pub fn truncate_line(text: &str, most: usize) -> Cow<'_, str> {
    match text.char_indices().nth(most) {
        None => Cow::Borrowed(text),
        Some(_) => {
            let end = text.char_indices().nth(most.saturating_sub(1)).map_or(0, |(at, _)| at);
            Cow::Owned(format!("{}…", &text[..end]))
        }
    }
}

/// `1 object`, `2 objects`, `12,345 objects`.
pub fn format_count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", group_digits(number))
}

/// Digits in groups of three.
pub fn group_digits(number: usize) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_characters_stand_as_escapes() {
        assert_eq!(
            escape_line("a\u{1b}[31mb\r\n\u{9b}2J\u{202e}x"),
            "a\\u{1b}[31mb\\r\\n\\u{9b}2J\\u{202e}x"
        );
        assert_eq!(escape_line("a\u{a0}b\u{200b}c\u{2028}"), "a\\u{a0}b\\u{200b}c\\u{2028}");
        assert_eq!(escape_line("Åre – 東京 😀 \\ \""), "Åre – 東京 😀 \\ \"");
    }

    #[test]
    fn lines_of_a_text_stay_lines() {
        assert_eq!(escape_text("a\n b\u{9b}2J\r\n\u{202e}x"), "a\n b\\u{9b}2J\\r\n\\u{202e}x");
        assert_eq!(escape_text("a\nb"), "a\nb");
    }

    #[test]
    fn quotes_tell_where_a_text_ends() {
        assert_eq!(quote_line("a\"b\\n\n"), "\"a\\\"b\\\\n\\n\"");
    }

    #[test]
    fn cutting_counts_characters() {
        assert_eq!(truncate_line("åäö", 3), "åäö");
        assert_eq!(truncate_line("åäöx", 3), "åä…");
        assert_eq!(truncate_line("x", 0), "…");
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(format_count(1, "object"), "1 object");
        assert_eq!(format_count(0, "object"), "0 objects");
        assert_eq!(group_digits(999), "999");
        assert_eq!(group_digits(1_234_567), "1,234,567");
    }
}
