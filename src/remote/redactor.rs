//! Texts that nobody may see, blotted out of what a service says.
//!
//! A service repeats what it was sent as it pleases: in other case, as JSON, inside of an address or of base64.
//! Each of these forms is looked for. Deliberately absent: which texts they are.

use std::ops::Range;

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What stands for a text that must not be seen.
const REDACTED: &str = "•••";
/// A text of fewer characters counts only where it stands as a word.
const MIN_SUBSTRING_CHARS: usize = 4;
/// What most languages encode in a part of an address.
const URI_COMPONENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'!')
    .remove(b'~')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');

/// Texts that nobody may see, in every form.
pub struct Redactor {
    encodings: Vec<String>,
}

impl Redactor {
    /// Blots for these texts.
    pub fn new(secrets: &[&str]) -> Self {
        let secrets = secrets.iter().map(|secret| secret.trim()).filter(|secret| !secret.is_empty());
        let mut all = secrets.flat_map(list_encodings).collect();
        dedup_encodings(&mut all);
        Self { encodings: all }
    }

    /// A text with the blots over it.
    pub fn redact_text(&self, text: &str) -> String {
        let lower = text.to_ascii_lowercase();
        let mut seen: Vec<Range<usize>> = Vec::new();
        for form in &self.encodings {
            let short = form.chars().count() < MIN_SUBSTRING_CHARS;
            let found = lower.match_indices(form).map(|(start, found)| start..start + found.len());
            seen.extend(found.filter(|range| !short || is_word(text, range)));
        }
        seen.sort_by_key(|range| (range.start, range.end));
        let (mut out, mut from) = (String::with_capacity(text.len()), 0);
        for range in seen {
            if range.start >= from {
                out.push_str(text.get(from..range.start).unwrap_or_default());
                out.push_str(REDACTED);
            }
            from = from.max(range.end);
        }
        out.push_str(text.get(from..).unwrap_or_default());
        out
    }
}

/// The ways in which a text may be echoed, in lower case: as it is, as JSON or JSV write it, each of these in
/// an address, and all of that within base64.
fn list_encodings(secret: &str) -> Vec<String> {
    let json = serde_json::Value::from(secret).to_string();
    let mut forms = vec![
        secret.to_owned(),
        json.get(1..json.len() - 1).unwrap_or_default().to_owned(),
        secret.replace('"', "\"\""),
        secret.split_whitespace().collect::<Vec<_>>().join(" "),
    ];
    dedup_encodings(&mut forms);
    forms.extend(forms.iter().flat_map(|form| encode_for_url(form)).collect::<Vec<_>>());
    dedup_encodings(&mut forms);
    forms.extend(forms.iter().flat_map(|form| encode_base64_fragments(form)).collect::<Vec<_>>());
    forms.iter_mut().for_each(|form| form.make_ascii_lowercase());
    forms
}

fn dedup_encodings(forms: &mut Vec<String>) {
    forms.sort();
    forms.dedup();
}

/// A text in a path or query; a whole address may be encoded once more.
fn encode_for_url(text: &str) -> [String; 4] {
    let query: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
    [
        utf8_percent_encode(text, NON_ALPHANUMERIC).to_string(),
        utf8_percent_encode(text, URI_COMPONENT).to_string(),
        utf8_percent_encode(&query, NON_ALPHANUMERIC).to_string(),
        query,
    ]
}

/// What of a text stands in the base64 of any longer one, wherever in it the text begins.
fn encode_base64_fragments(text: &str) -> Vec<String> {
    // less would be found everywhere
    const MIN_BYTES: usize = 8;
    if text.len() < MIN_BYTES {
        return Vec::new();
    }
    let at = |offset: usize| {
        let padded = [&b"   "[..offset], text.as_bytes()].concat();
        // digits at either end depend on what stands there
        let (first, last) = (usize::from(offset > 0) + offset, usize::from(padded.len() % 3 > 0));
        [&BASE64_STANDARD_NO_PAD, &BASE64_URL_SAFE_NO_PAD].map(|engine| {
            let digits = engine.encode(&padded);
            digits.get(first..digits.len() - last).unwrap_or_default().to_owned()
        })
    };
    (0..3).flat_map(at).collect()
}

fn is_word(text: &str, range: &Range<usize>) -> bool {
    let before = text.get(..range.start).and_then(|text| text.chars().next_back());
    let after = text.get(range.end..).and_then(|text| text.chars().next());
    let part = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    !part(before) && !part(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blot(text: &str, secrets: &[&str]) -> String {
        Redactor::new(secrets).redact_text(text)
    }

    #[test]
    fn blots() {
        assert_eq!(blot("key k:9,f was K:9,F", &["k:9,f"]), "key ••• was •••");
        assert_eq!(blot("pin 12 is not 123 or 12.", &["12"]), "pin ••• is not 123 or •••.");
        assert_eq!(blot("any company is not many", &["any"]), "••• company is not many");
        assert_eq!(blot("abcde", &["abcd", "bcde"]), "•••");
        assert_eq!(blot("abcdabcd x", &["abcd"]), "•••••• x");
        assert_eq!(blot("any text", &["", " "]), "any text");
        assert_eq!(blot("Åsa Ek, å", &["Åsa Ek", "å"]), "•••, •••");
    }

    #[test]
    fn forms_of_an_echo() {
        let secret = "p\"w,1 \\x/y+é";
        for echo in [
            r#"{"p":"p\"w,1 \\x/y+é"}"#,
            r#"{p:"p""w,1 \x/y+é"}"#,
            "?p=p%22w%2c1%20%5cx%2Fy%2B%C3%A9&q",
            "?p=p%22w%2C1+%5Cx%2Fy%2B%C3%A9&q",
            "?u=%3Fp%3Dp%2522w%252C1%2B%255Cx%252Fy%252B%25C3%25A9",
        ] {
            let told = blot(echo, &[secret]);
            assert!(told.contains(REDACTED) && !told.contains("w,1") && !told.contains("w%"), "{told}");
        }
    }

    #[test]
    fn base64_of_something_longer() {
        for before in ["", "x", "xy", "name:", "Basic user"] {
            let whole = format!("{before}correct horse battery{before}");
            let told = blot(&BASE64_STANDARD_NO_PAD.encode(&whole), &["correct horse battery"]);
            let rest = told.replace(REDACTED, "").len();
            // a digit or two at either end may stay
            assert!(rest <= (2 * before.len() + 4) * 4 / 3 + 2, "{told}");
            assert!(!told.is_empty() && told.contains(REDACTED));
        }
    }
}
