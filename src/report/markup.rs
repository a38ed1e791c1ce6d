//! Text for HTML and XML.
//!
//! What comes from outside is made one harmless line by `clean` first, so no control character is left that
//! XML forbids; then what could be read as markup stands as an entity.

use super::sanitize;

/// Text as content or as a quoted attribute.
pub fn escape_markup(text: &str) -> String {
    escape_markup_lines(&sanitize::escape_line(text))
}

/// The same for text of our own, whose line breaks stay.
pub fn escape_markup_lines(text: &str) -> String {
    let mut safe = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            // no characters of XML
            '\u{fffe}' | '\u{ffff}' => safe.extend(c.escape_unicode()),
            c => safe.push(c),
        }
    }
    safe
}
