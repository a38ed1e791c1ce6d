//! Reports as JSON text: indented, and safe to print.
//!
//! JSON itself only escapes the oldest control characters. A terminal obeys others too, and a reviewer is
//! fooled by text that runs backwards, so everything that `clean` calls hostile stands as `\uXXXX` here. So does
//! what a CI runner takes for a command wherever it stands on a line; the text that is meant stays the same.

use std::borrow::Cow;
use std::fmt::Write;

use serde::Serialize;

use super::sanitize::needs_escape;

/// A report as JSON text, with a line break at the end.
///
/// # Errors
/// When `shown` cannot be JSON at all; the reports of this room always can.
pub fn to_json(shown: &impl Serialize) -> serde_json::Result<String> {
    serde_json::to_string_pretty(shown).map(|json| escape_json(&json))
}

/// The same on one line.
///
/// # Errors
/// As [`to_json`].
pub fn to_json_line(shown: &impl Serialize) -> serde_json::Result<String> {
    serde_json::to_string(shown).map(|json| escape_json(&json))
}

fn escape_json(json: &str) -> String {
    let mut safe = String::with_capacity(json.len() + 1);
    // it can only stand inside of a text
    let json =
        if json.contains("##[") { Cow::Owned(json.replace("##[", "#\\u0023[")) } else { Cow::Borrowed(json) };
    let mut copied = 0;
    // a line break that is not escaped yet is one between members
    for (at, c) in json.char_indices().filter(|(_, c)| *c != '\n' && needs_escape(*c)) {
        safe.push_str(json.get(copied..at).unwrap_or_default());
        for unit in c.encode_utf16(&mut [0; 2]) {
            let _ = write!(safe, "\\u{unit:04x}"); // a String takes everything
        }
        copied = at + c.len_utf8();
    }
    safe.push_str(json.get(copied..).unwrap_or_default());
    safe.push('\n');
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_holds_a_command() {
        let shown = serde_json::json!({ "##[add-mask]a": ["###[error]", "\\##[error]", "# #["] });
        let json = to_json(&shown).unwrap();
        assert!(!json.contains("##["), "{json}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&json).unwrap(), shown);
    }

    #[test]
    fn hostile_text_is_escaped_and_reads_back() {
        let text = "a\u{1b}[2J\u{9b}2J\u{202e}\u{e0041}\u{2028}å\"\\\n";
        let json = to_json(&serde_json::json!({ "a": [text, {}], text: [] })).unwrap();
        assert!(!json.replace('\n', "").contains(needs_escape), "{json}");
        let shown = serde_json::json!({ "a": [text, {}], text: [] });
        let back: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(back, shown);
        let line = to_json_line(&shown).unwrap();
        assert_eq!(line.strip_suffix('\n').map(|line| line.contains(needs_escape)), Some(false), "{line}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&line).unwrap(), shown);
    }
}
