//! Texts that must not be seen, taken out of what a service says.
//!
//! A service repeats what it was sent as it pleases: in another case, with escapes of JSON, HTML or URLs, inside
//! base64, as hexadecimal digits, cut off, with other punctuation, a telephone number in other groups. So both sides
//! are compared in a normal form: the text is decoded step by step, and each decoded character knows where it was
//! written. Long parts count as well, and long texts without all that is no letter and no digit.
//! Deliberately absent: which texts they are.

mod decode;

use std::collections::HashSet;
use std::ops::Range;

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD};

use self::decode::DecodedText;

/// What is shown in the place of a text that must not be seen.
const REDACTED: &str = "•••";
/// A text of fewer characters counts only as a whole word.
const MIN_SUBSTRING_CHARS: usize = 4;
/// How often a text may have been encoded.
const MAX_DECODINGS: usize = 6;
/// A part of so many characters counts, when the text itself is longer by half. Words are more common than tokens.
const MIN_PART_CHARS: usize = 8;
const MIN_PHRASE_PART_CHARS: usize = 12;
/// So many digits in a row are a part of a number.
const MIN_PART_DIGITS: usize = 7;
/// So many letters and digits count whatever is between them.
const MIN_PLAIN_CHARS: usize = 8;
/// What telephone numbers are grouped with.
const DIGIT_SEPARATORS: [char; 8] = [' ', '-', '.', '(', ')', '/', '\u{a0}', '\u{2011}'];

/// Texts that must not be seen, in the forms in which they are looked for.
pub struct Redactor {
    /// In normal form, and pieces of base64.
    wholes: Vec<Vec<char>>,
    /// The letters and digits of these, where they are many.
    plain: Vec<Vec<char>>,
    /// Parts of long texts, by their length.
    parts: Vec<(usize, HashSet<Vec<char>>)>,
    /// Parts of numbers.
    digits: HashSet<Vec<char>>,
}

impl Redactor {
    /// For these texts.
    pub fn new(secrets: &[&str]) -> Self {
        let secrets: Vec<&str> =
            secrets.iter().map(|secret| secret.trim()).filter(|secret| !secret.is_empty()).collect();
        let mut wholes: Vec<Vec<char>> = secrets.iter().flat_map(|secret| list_forms(secret)).collect();
        wholes.sort();
        wholes.dedup();
        let plain = wholes.iter().map(|form| form.iter().copied().filter(|c| c.is_alphanumeric()).collect());
        let mut plain: Vec<Vec<char>> =
            plain.filter(|form: &Vec<char>| form.len() >= MIN_PLAIN_CHARS).collect();
        plain.sort();
        plain.dedup();
        // a plus is a blank in normal form, and is in tokens, not in sentences
        let part_length = |secret: &str| match secret.contains(char::is_whitespace) {
            true => MIN_PHRASE_PART_CHARS,
            false => MIN_PART_CHARS,
        };
        let normal: Vec<(usize, Vec<char>)> =
            secrets.iter().map(|secret| (part_length(secret), normalize_text(secret))).collect();
        let parts = [MIN_PART_CHARS, MIN_PHRASE_PART_CHARS].map(|length| {
            let long =
                normal.iter().filter(|(own, text)| *own == length && text.len() >= length + length / 2);
            (length, long.flat_map(|(_, text)| text.windows(length).map(<[char]>::to_vec)).collect())
        });
        let digits = secrets.iter().filter_map(|secret| list_digits(secret));
        let digits = digits
            .flat_map(|digits| digits.windows(MIN_PART_DIGITS).map(<[char]>::to_vec).collect::<Vec<_>>());
        Self { wholes, plain, parts: parts.into_iter().collect(), digits: digits.collect() }
    }

    /// A text without them.
    pub fn redact_text(&self, text: &str) -> String {
        if self.wholes.is_empty() {
            return text.to_owned();
        }
        let mut seen = Vec::new();
        let mut decoded = DecodedText::new(text);
        for _ in 0..=MAX_DECODINGS {
            self.find_texts(&decoded, text, &mut seen);
            match decoded.decode_once() {
                Some(next) => decoded = next,
                None => break,
            }
        }
        replace_ranges(text, seen)
    }

    fn find_texts(&self, decoded: &DecodedText, text: &str, seen: &mut Vec<Range<usize>>) {
        let normal = decoded.normalize();
        let chars = normal.chars();
        for whole in &self.wholes {
            let is_short = whole.len() < MIN_SUBSTRING_CHARS;
            for start in find_all(chars, whole) {
                let range = normal.locate(start..start + whole.len());
                if !is_short || is_word(text, &range) {
                    seen.push(range);
                }
            }
        }
        for (length, parts) in self.parts.iter().filter(|(_, parts)| !parts.is_empty()) {
            let found = chars.windows(*length).enumerate().filter(|(_, part)| parts.contains(*part));
            seen.extend(found.map(|(start, _)| normal.locate(start..start + length)));
        }
        if !self.digits.is_empty() {
            self.find_digits(&normal, seen);
        }
        if !self.plain.is_empty() {
            let plain = normal.keep_alphanumeric();
            for form in &self.plain {
                let starts = find_all(plain.chars(), form);
                seen.extend(starts.map(|start| plain.locate(start..start + form.len())));
            }
        }
    }

    /// Digits, whatever separates them.
    fn find_digits(&self, normal: &DecodedText, seen: &mut Vec<Range<usize>>) {
        let mut run: Vec<(char, usize)> = Vec::new();
        for (at, c) in normal.chars().iter().copied().chain(['x']).enumerate() {
            if c.is_ascii_digit() {
                run.push((c, at));
            } else if !DIGIT_SEPARATORS.contains(&c) {
                let digits: Vec<char> = run.iter().map(|(digit, _)| *digit).collect();
                for (start, _) in digits
                    .windows(MIN_PART_DIGITS)
                    .enumerate()
                    .filter(|(_, part)| self.digits.contains(*part))
                {
                    let (first, last) = (run[start].1, run[start + MIN_PART_DIGITS - 1].1);
                    seen.push(normal.locate(first..last + 1));
                }
                run.clear();
            }
        }
    }
}

/// Puts one mark in the place of each range; ranges that overlap become one.
fn replace_ranges(text: &str, mut ranges: Vec<Range<usize>>) -> String {
    ranges.retain(|range| !range.is_empty());
    ranges.sort_by_key(|range| (range.start, range.end));
    let (mut out, mut from) = (String::with_capacity(text.len()), 0);
    for range in ranges {
        if range.start >= from {
            out.push_str(text.get(from..range.start).unwrap_or_default());
            out.push_str(REDACTED);
        }
        from = from.max(range.end);
    }
    out.push_str(text.get(from..).unwrap_or_default());
    out
}

/// Where `needle` begins in `hay`.
fn find_all<'h>(hay: &'h [char], needle: &'h [char]) -> impl Iterator<Item = usize> + 'h {
    let first = needle.first().copied();
    let starts = hay.iter().enumerate().filter(move |(_, c)| Some(**c) == first).map(|(at, _)| at);
    starts.filter(move |at| hay.get(*at..at + needle.len()) == Some(needle))
}

fn normalize_text(text: &str) -> Vec<char> {
    let normal = DecodedText::new(text).normalize();
    let is_blank = |c: &&char| **c == ' ';
    let start = normal.chars().iter().take_while(is_blank).count();
    let end = normal.chars().iter().rev().take_while(is_blank).count();
    normal.chars().get(start..normal.chars().len() - end).unwrap_or_default().to_vec()
}

/// A text in normal form, in hexadecimal digits, and what of it is found in base64. A text that has escapes of its own is decoded together
/// with what is around it, so its decoded forms count too.
fn list_forms(secret: &str) -> Vec<Vec<char>> {
    let mut forms = vec![normalize_text(secret)];
    let mut decoded = DecodedText::new(secret).decode_once();
    for _ in 0..MAX_DECODINGS {
        let Some(text) = decoded else { break };
        let normal = text.normalize().chars().to_vec();
        forms.extend((normal.len() >= MIN_SUBSTRING_CHARS).then_some(normal));
        decoded = text.decode_once();
    }
    let json = serde_json::Value::from(secret).to_string();
    let json = json.get(1..json.len().saturating_sub(1)).unwrap_or_default();
    // as a query or a form holds it
    let escaped: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    if secret.len() >= MIN_SUBSTRING_CHARS {
        forms.push(
            secret.bytes().flat_map(|byte| format!("{byte:02x}").into_bytes()).map(char::from).collect(),
        );
    }
    for text in [secret, json, &escaped, &BASE64_STANDARD_NO_PAD.encode(secret)] {
        forms.extend(encode_base64_fragments(text).iter().map(|form| normalize_text(form)));
    }
    forms.retain(|form| !form.is_empty());
    forms
}

/// The digits of a text that is a number in groups; nothing for any other one.
fn list_digits(secret: &str) -> Option<Vec<char>> {
    let digits: Vec<char> = secret.chars().filter(char::is_ascii_digit).collect();
    let is_number = secret.chars().all(|c| c.is_ascii_digit() || c == '+' || DIGIT_SEPARATORS.contains(&c));
    (is_number && digits.len() >= MIN_PART_DIGITS).then_some(digits)
}

/// What of a text is in the base64 of any longer one, wherever in it the text begins.
fn encode_base64_fragments(text: &str) -> Vec<String> {
    // less would be found everywhere
    const MIN_BYTES: usize = 8;
    if text.len() < MIN_BYTES {
        return Vec::new();
    }
    let at = |offset: usize| {
        let padded = [&b"   "[..offset], text.as_bytes()].concat();
        // digits at either end depend on what is next to them
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

    fn redact(text: &str, secrets: &[&str]) -> String {
        Redactor::new(secrets).redact_text(text)
    }

    #[test]
    fn blots() {
        assert_eq!(redact("key k:9,f was K:9,F", &["k:9,f"]), "key ••• was •••");
        assert_eq!(redact("pin 12 is not 123 or 12.", &["12"]), "pin ••• is not 123 or •••.");
        assert_eq!(redact("any company is not many", &["any"]), "••• company is not many");
        assert_eq!(redact("abcde", &["abcd", "bcde"]), "•••");
        assert_eq!(redact("abcdabcd x", &["abcd"]), "•••••• x");
        assert_eq!(redact("any text", &["", " "]), "any text");
        assert_eq!(redact("Åsa Ek, å", &["Åsa Ek", "å"]), "•••, •••");
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
            let redacted = redact(echo, &[secret]);
            assert!(
                redacted.contains(REDACTED) && !redacted.contains("w,1") && !redacted.contains("w%"),
                "{redacted}"
            );
        }
    }

    #[test]
    fn base64_of_something_longer() {
        for before in ["", "x", "xy", "name:", "Basic user"] {
            let whole = format!("{before}correct horse battery{before}");
            let redacted = redact(&BASE64_STANDARD_NO_PAD.encode(&whole), &["correct horse battery"]);
            let rest = redacted.replace(REDACTED, "").len();
            // a digit or two at either end may stay
            assert!(rest <= (2 * before.len() + 4) * 4 / 3 + 2, "{redacted}");
            assert!(!redacted.is_empty() && redacted.contains(REDACTED));
        }
    }

    #[test]
    fn every_encoding_of_a_token_is_found() {
        let secret = "Kx9<\"&'>/å=Tok+42";
        for echo in [
            "KX9<\"&'>/Å=TOK+42",
            "Kx9&lt;&quot;&amp;&#39;&gt;&#x2F;&aring;&equals;Tok&plus;42",
            "&#75;x9&#60;&#34;&#38;&#x27;&#62;/&#229;=Tok+42",
            "Kx9\\u003c\\\"\\u0026\\u0027\\u003E\\/\\u00e5=Tok\\u002b42",
            "Kx9%3C%22%26%27%3e%2F%C3%A5%3DTok%2B42",
            "Kx9%253C%2522%2526%2527%253E%252F%25C3%25A5%253DTok%252B42",
            "Kx9&amp;lt;&amp;quot;&amp;amp;&amp;#39;&amp;gt;/&amp;aring;=Tok+42",
            "\\u{4b}x9<\\x22&'>/\\xe5=Tok+42",
            "Kx9%3C%22%26%27%3E/%E5=Tok+42",
            "%u004bx9%u003c%u0022&'>/%u00e5=Tok+42",
            "\\U0000004bx9<\\U00000022&'>/\\u00e5=Tok+42",
            "\\113x9\\074\\042&'>/\\345=Tok+42",
            "&#75&#x78&#57&#60&#34&#38&#39&#62/&#229=Tok+42",
            "0x4b,0x78,0x39,0x3c,0x22,0x26,0x27,0x3e,0x2f,0xe5,0x3d,0x54,0x6f,0x6b,0x2b,0x34,0x32",
        ] {
            let shown = redact(&format!("no such key: {echo}!"), &[secret]);
            assert_eq!(shown, "no such key: •••!", "{echo}");
        }
    }

    #[test]
    fn long_parts_are_found_and_short_ones_are_not() {
        let secret = "sk_live_51Habcdefghijkl";
        assert_eq!(redact("key sk_live_51Ha... is wrong", &[secret]), "key •••... is wrong");
        assert_eq!(redact("it ends in efghijkl", &[secret]), "it ends in •••");
        assert_eq!(redact("SK_LIVE_51HABC%64ef", &[secret]), "•••");
        assert_eq!(redact("a live key", &[secret]), "a live key");
        assert_eq!(redact("ends in ijkl", &[secret]), "ends in ijkl");
        let person = "Kim Doe, 1 Quay Street";
        assert_eq!(redact("nobody lives at 1 QUAY STREET", &[person]), "nobody lives at•••");
        assert_eq!(redact("this street is unknown", &[person]), "this street is unknown");
    }

    #[test]
    fn a_plus_makes_no_sentence_of_a_token() {
        let secret = "kX9q-Zt7w/Rb3+Lm2=Pv";
        for echo in ["kX9q-Zt7w/", "w/Rb3+Lm", "w/Rb3%2BLm", "zt7w/rb3 l", "3+Lm2=Pv"] {
            let shown = redact(&format!("bad value {echo}!"), &[secret]);
            assert!(
                shown.contains(REDACTED) && shown.chars().count() < "bad value !".len() + 6,
                "{echo}: {shown}"
            );
        }
        assert_eq!(redact("one of a few", &["one + two of a few"]), "one of a few");
    }

    #[test]
    fn whatever_is_between_letters_and_digits_a_long_text_is_found() {
        let secret = "kX9q-Zt7w/Rb3+Lm2=Pv";
        let digits: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
        let base64 = BASE64_STANDARD_NO_PAD.encode(secret);
        for echo in [
            "k X 9 q - Z t 7 w / R b 3 + L m 2 = P v",
            "'kX9q','-Zt7','w/Rb','3+Lm','2=Pv'",
            "[\"k\", \"X\", \"9\", \"q\", \"-\", \"Z\", \"t\", \"7\", \"w\", \"R\", \"b\", \"3\", \"L\", \"m\", \"2\", \"P\", \"v\"]",
            "kX9qZt7wRb3Lm2Pv",
            "k\u{ad}X9q\u{200b}Zt7wRb\u{301}3Lm2Pv",
            "ｋＸ９ｑ－Ｚｔ７ｗ／Ｒｂ３＋Ｌｍ２＝Ｐｖ",
            &digits,
            &digits.to_uppercase(),
            &secret.bytes().map(|byte| format!("={byte:02X}")).collect::<String>(),
            &base64
                .as_bytes()
                .chunks(8)
                .map(|own| String::from_utf8_lossy(own))
                .collect::<Vec<_>>()
                .join("\n"),
            &BASE64_STANDARD_NO_PAD.encode(&base64),
        ] {
            let shown = redact(&format!("bad value: {echo}!"), &[secret]);
            let rest = shown.replace(REDACTED, "");
            assert!(
                shown.contains(REDACTED) && rest.chars().count() <= "bad value: !".len() + 4,
                "{echo}: {shown}"
            );
        }
        assert_eq!(redact("any-com pany", &["any com"]), "any-com pany");
    }

    #[test]
    fn a_number_is_found_in_any_groups() {
        for echo in ["+358 40 123 4567", "0401234567", "(040) 123-4567", "00358-40-1234567", "40.123.45.67"] {
            let shown = redact(&format!("call {echo} now"), &["+358401234567"]);
            assert!(shown.contains(REDACTED) && !shown.contains("1234") && !shown.contains("123"), "{shown}");
        }
        assert_eq!(redact("in 1234567 ms", &["+358401234567"]), "in ••• ms");
        assert_eq!(redact("id 35840, 404", &["+358401234567"]), "id 35840, 404");
        assert_eq!(redact("order 40-12-34, 56", &["+358401234567"]), "order 40-12-34, 56");
    }
}
