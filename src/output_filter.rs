//! The last filter: the secrets of this run are taken out of everything that the program writes.
//!
//! Marks and redaction come first and should leave nothing to find here. Each secret is looked for as it is, in other
//! case, and as JSON, HTML, URLs, base64 and hexadecimal digits write it, base64 of a longer text included. A short one is not:
//! it would be found everywhere.
//! Deliberately absent: what is secret. The workspace says that when it has read the sources.

use std::borrow::Cow;
use std::sync::{PoisonError, RwLock};

use aho_corasick::{AhoCorasick, MatchKind};
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// What is written in the place of a secret.
const REDACTED: &str = "•••";
/// The shortest secret that is looked for, in bytes.
const MIN_BYTES: usize = 8;

static FILTER: RwLock<OutputFilter> = RwLock::new(OutputFilter { forms: Vec::new(), search: None });

struct OutputFilter {
    forms: Vec<Vec<u8>>,
    search: Option<AhoCorasick>,
}

/// Takes these texts out of everything that is written from now on.
pub fn hide_texts<'t>(texts: impl Iterator<Item = &'t str>) {
    let texts = texts.map(str::trim).filter(|text| text.len() >= MIN_BYTES);
    let mut forms: Vec<Vec<u8>> = texts.flat_map(list_forms).collect();
    if forms.is_empty() {
        return;
    }
    let mut filter = FILTER.write().unwrap_or_else(PoisonError::into_inner);
    filter.forms.append(&mut forms);
    filter.forms.sort();
    filter.forms.dedup();
    let search = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(&filter.forms);
    // only too many gigabytes of secrets are no automaton
    filter.search = search.ok();
}

/// A text without the secrets of this run.
pub fn filter_text(text: &str) -> Cow<'_, str> {
    match filter_bytes(text.as_bytes()) {
        Cow::Borrowed(_) => Cow::Borrowed(text),
        Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
    }
}

/// Bytes without the secrets of this run.
pub fn filter_bytes(bytes: &[u8]) -> Cow<'_, [u8]> {
    let filter = FILTER.read().unwrap_or_else(PoisonError::into_inner);
    match &filter.search {
        Some(search) if search.is_match(bytes) => {
            Cow::Owned(search.replace_all_bytes(bytes, &vec![REDACTED; filter.forms.len()]))
        }
        _ => Cow::Borrowed(bytes),
    }
}

/// A secret as it may be written.
fn list_forms(text: &str) -> Vec<Vec<u8>> {
    let json = serde_json::Value::from(text).to_string();
    let json = json.get(1..json.len().saturating_sub(1)).unwrap_or_default().to_owned();
    let html = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let quoted = html.replace('"', "&quot;");
    let form: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
    let mut forms = vec![
        text.to_owned(),
        json,
        quoted.replace('\'', "&#39;"),
        quoted,
        html,
        form,
        utf8_percent_encode(text, NON_ALPHANUMERIC).to_string(),
        text.bytes().map(|byte| format!("{byte:02x}")).collect(),
        text.bytes().map(|byte| format!("{byte:02X}")).collect(),
        text.bytes().map(|byte| format!("%{byte:02x}")).collect(),
        text.bytes().map(|byte| format!("%{byte:02X}")).collect(),
        BASE64_STANDARD_NO_PAD.encode(text),
        BASE64_URL_SAFE_NO_PAD.encode(text),
    ];
    forms.extend(encode_inner_base64(text));
    // services change the case of what they echo
    let cases = [str::to_uppercase, str::to_lowercase].map(|fold| fold(text));
    forms.extend(cases.into_iter().filter(|own| own.len() >= MIN_BYTES));
    forms.sort();
    forms.dedup();
    forms.into_iter().map(String::into_bytes).collect()
}

/// What of a text is in the base64 of a longer one, like `user:SECRET`, without the digits at either end that depend
/// on what is next to it.
fn encode_inner_base64(text: &str) -> Vec<String> {
    // less would be found by chance
    const MIN_DIGITS: usize = 10;
    let at = |offset: usize| {
        let padded = [&b"   "[..offset], text.as_bytes()].concat();
        let (first, last) = (usize::from(offset > 0) + offset, usize::from(padded.len() % 3 > 0));
        [&BASE64_STANDARD_NO_PAD, &BASE64_URL_SAFE_NO_PAD].map(|engine| {
            let digits = engine.encode(&padded);
            digits.get(first..digits.len() - last).unwrap_or_default().to_owned()
        })
    };
    (0..3).flat_map(at).filter(|digits| digits.len() >= MIN_DIGITS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_taken_out_in_every_form_and_a_short_one_stays() {
        let secret = "fil\"ter<&>can'ary 1";
        hide_texts([secret, "short", " "].into_iter());
        for form in list_forms(secret) {
            let text = format!("before {} after", String::from_utf8_lossy(&form));
            assert_eq!(filter_text(&text), "before ••• after", "{text}");
        }
        assert_eq!(filter_text("short and filter"), "short and filter");
    }

    #[test]
    fn a_secret_inside_of_base64_is_taken_out_wherever_it_begins() {
        let secret = "in-base64/canary+77";
        hide_texts(std::iter::once(secret));
        for before in ["", "u", "us", "user:", "Basic user"] {
            for after in ["", ":x", "more of it"] {
                let whole = format!("{before}{secret}{after}");
                let rest = [BASE64_STANDARD_NO_PAD.encode(&whole), BASE64_URL_SAFE_NO_PAD.encode(&whole)];
                for text in rest {
                    let shown = filter_text(&text);
                    assert!(shown.contains(REDACTED), "{text}");
                    let left = shown.replace(REDACTED, "").len();
                    assert!(left <= (before.len() + after.len() + 4) * 4 / 3 + 2, "{shown}");
                }
            }
        }
    }
}
