//! Canaries: texts and numbers that stand nowhere else, and the search for them in all that leaves a program.
//!
//! The search is meant to find more than a careless leak: a part of a canary, in any case, read backwards,
//! wrapped over lines, between styles, percent-encoded, in base64 or in hexadecimal digits.

use std::collections::{BTreeSet, HashMap};

/// How much of a canary is enough to be a leak.
const PART: usize = 8;
/// Letters of which no word and no number is made.
const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz";

/// All canaries of a test, and where each of them sits.
#[derive(Default)]
pub struct Canaries {
    parts: HashMap<[u8; PART], String>,
    /// What is no text: digits, dates.
    wholes: Vec<(String, String)>,
    hatched: u64,
}

impl Canaries {
    /// A new canary of letters; `whose` says where it will sit.
    pub fn word(&mut self, whose: &str) -> String {
        self.hatched += 1;
        // a walk through a large cycle: the same in every run, and nothing that could be guessed
        let mut state = self.hatched.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let letters = (0..24).map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            LETTERS[(state % LETTERS.len() as u64) as usize]
        });
        let word: Vec<u8> = letters.collect();
        for text in [word.clone(), word.iter().rev().copied().collect()] {
            for part in text.windows(PART) {
                let part: [u8; PART] = part.try_into().expect("a part");
                self.parts.insert(part, whose.to_owned());
            }
        }
        String::from_utf8(word).expect("letters")
    }

    /// A canary with everything in it that someone has to write otherwise: quotes, blanks, slashes, umlauts.
    pub fn text(&mut self, whose: &str) -> String {
        let (first, second) = (self.word(whose), self.word(whose));
        format!("{first} \"é/+&{second}\\'%2")
    }

    /// A canary of digits.
    pub fn number(&mut self, whose: &str) -> i64 {
        self.hatched += 1;
        let number = 730_190_461 + i64::try_from(self.hatched * 6_700_417 % 200_000_000).expect("small");
        self.wholes.push((number.to_string(), whose.to_owned()));
        number
    }

    /// A canary day.
    pub fn day(&mut self, whose: &str) -> String {
        self.hatched += 1;
        let (month, day) = (self.hatched / 28 % 12 + 1, self.hatched % 28 + 1);
        let date = format!("{}-{month:02}-{day:02}", 2100 + self.hatched / 336);
        self.wholes.push((date.clone(), whose.to_owned()));
        date
    }

    /// A canary guid.
    pub fn guid(&mut self, whose: &str) -> String {
        let digits = format!("{:x}{:x}", self.number(whose), self.number(whose));
        let digits = format!("{digits:f<32}");
        self.wholes.push((digits[..16].to_owned(), whose.to_owned()));
        digits
    }

    /// Where the canaries that can be found in these bytes sit.
    pub fn found_in(&self, bytes: &[u8]) -> BTreeSet<String> {
        let plain = String::from_utf8_lossy(bytes).into_owned();
        let plain = anstream::adapter::strip_str(&plain).to_string();
        let mut views = vec![plain.clone(), dense(&plain)];
        for text in [plain.clone(), dense(&plain)] {
            let once = percent_decoded(&text);
            views.push(percent_decoded(&once));
            views.push(once);
            views.extend(base64_decoded(&text));
            views.extend(hex_decoded(&text));
        }
        let mut found = BTreeSet::new();
        for view in views {
            self.look(&view.to_ascii_lowercase(), &mut found);
        }
        found
    }

    fn look(&self, text: &str, found: &mut BTreeSet<String>) {
        // most of any text has other letters in between
        let mut run = 0;
        for (at, byte) in text.bytes().enumerate() {
            run = if LETTERS.contains(&byte) { run + 1 } else { 0 };
            if run < PART {
                continue;
            }
            let part = text.as_bytes()[at + 1 - PART..=at].first_chunk::<PART>().expect("a part");
            if let Some(whose) = self.parts.get(part) {
                found.insert(whose.clone());
            }
        }
        for (whole, whose) in &self.wholes {
            let backwards: String = whole.chars().rev().collect();
            if text.contains(whole) || text.contains(&backwards) {
                found.insert(whose.clone());
            }
        }
    }
}

/// Without what wraps and groups.
fn dense(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace() && !matches!(c, '|' | ',' | '_' | '-' | '…')).collect()
}

fn percent_decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

/// What long words would be if they were base64, at any offset.
fn base64_decoded(text: &str) -> Vec<String> {
    let value = |c: u8| match c {
        b'A'..=b'Z' => Some(c - b'A'),
        b'a'..=b'z' => Some(c - b'a' + 26),
        b'0'..=b'9' => Some(c - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    };
    let words = text.as_bytes().split(|c| value(*c).is_none()).filter(|word| word.len() > PART);
    let digits: Vec<Vec<u8>> = words.map(|word| word.iter().filter_map(|c| value(*c)).collect()).collect();
    let decoded = |offset: usize| {
        let mut bytes = Vec::new();
        for word in &digits {
            for four in word[offset.min(word.len())..].chunks(4) {
                let four = [0, 1, 2, 3].map(|at| u32::from(four.get(at).copied().unwrap_or(0)));
                let three = four[0] << 18 | four[1] << 12 | four[2] << 6 | four[3];
                bytes.extend_from_slice(&three.to_be_bytes()[1..]);
            }
            bytes.push(b' ');
        }
        String::from_utf8_lossy(&bytes).into_owned()
    };
    (0..4).map(decoded).collect()
}

/// What long words would be if they were hexadecimal digits.
fn hex_decoded(text: &str) -> Vec<String> {
    let words = text.as_bytes().split(|c| !c.is_ascii_hexdigit()).filter(|word| word.len() >= 2 * PART);
    let digits: Vec<Vec<u8>> = words
        .map(|word| word.iter().map(|c| (*c as char).to_digit(16).unwrap_or(0) as u8).collect())
        .collect();
    let decoded = |offset: usize| {
        let bytes = digits.iter().flat_map(|word| {
            let pairs = word[offset..].chunks_exact(2).map(|two| two[0] << 4 | two[1]);
            pairs.chain([b' ']).collect::<Vec<u8>>()
        });
        String::from_utf8_lossy(&bytes.collect::<Vec<u8>>()).into_owned()
    };
    vec![decoded(0), decoded(1)]
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;

    use super::*;

    #[test]
    fn every_form_of_a_leak_is_found() {
        let mut canaries = Canaries::default();
        let word = canaries.word("here");
        let text = canaries.text("here too");
        let number = canaries.number("a number");
        let day = canaries.day("a day");
        let guid = canaries.guid("a guid");
        let base64 = |bytes: &str| base64::engine::general_purpose::STANDARD.encode(bytes);
        let url64 = |bytes: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes);
        let encode = |text: &str| {
            percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
        };
        let hex: String = word.bytes().map(|byte| format!("{byte:02X}")).collect();
        let leaks = [
            word.clone(),
            text.clone(),
            word.to_uppercase(),
            word[9..17].to_owned(),
            word.chars().rev().collect(),
            format!("{}\n      | {}", &word[..5], &word[5..]),
            format!("{}\u{1b}[1m{}", &word[..5], &word[5..]),
            encode(&text),
            encode(&encode(&text)),
            serde_json::Value::from(text.clone()).to_string(),
            base64(&word),
            base64(&format!("user:{word}")),
            base64(&format!("x{text}")),
            format!("token={}.signature", url64(&format!("{{\"key\":\"{word}\"}}"))),
            hex,
            format!("-{number}.25"),
            format!("{},{:03},{:03}", number / 1_000_000, number / 1000 % 1000, number % 1000),
            format!("{day}T10:00:00Z"),
            guid.to_uppercase(),
            format!("{}-{}-{}-{}", &guid[..8], &guid[8..12], &guid[12..16], &guid[16..]),
        ];
        for leak in leaks {
            let found = canaries.found_in(format!("so it says: {leak} there").as_bytes());
            assert_eq!(found.len(), 1, "{leak}");
        }
        let innocent =
            "error[wrong-value]: `merchantKey` rhythms cwtch •••• 5e1f0a77-2c3d-4b4e 2026-01-31 730190";
        assert!(canaries.found_in(innocent.as_bytes()).is_empty());
    }
}
