//! Text for HTML and XML.
//!
//! What comes from outside is made one harmless line by `clean` first, so no control character is left that
//! XML forbids; then what could be read as markup stands as an entity.

use super::clean;

/// Text as content or as a quoted attribute.
pub fn escape(text: &str) -> String {
    escaped_lines(&clean::line(text))
}

/// The same for text of our own, whose line breaks stay.
pub fn escaped_lines(text: &str) -> String {
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
