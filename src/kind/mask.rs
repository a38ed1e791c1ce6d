//! Whether a text stands for a secret instead of being it: `****`, `[FILTERED]`, `sk_live_…abcd`.
//!
//! Two degrees. [`is_mask`]: no real value looks like this, so it is never written, wherever it comes from.
//! [`may_be_mask`]: a service may show this in place of a secret, so it is not written back unless something
//! else says that it is the value. A false alarm of the second costs one line in a document or a kind.

use crate::kind::equality::is_equal;
use crate::kind::{AbsenceRule, Field, SecretReadback};
use crate::value::{Sensitivity, Value};

/// Characters that only masks repeat.
const MASK_CHARACTERS: [char; 16] =
    ['*', '•', '●', '∗', '·', '◦', '█', '■', '▪', '×', '＊', '⁎', '∙', '◼', '◾', '⬤'];
/// Words that say that a value is withheld, without brackets around them.
const WITHHELD_WORDS: [&str; 16] = [
    "redacted",
    "filtered",
    "masked",
    "hidden",
    "obfuscated",
    "sanitized",
    "sanitised",
    "scrubbed",
    "encrypted",
    "protected",
    "sensitive",
    "removed",
    "omitted",
    "withheld",
    "censored",
    "secret hidden",
];
/// Words that say whether there is a value.
const PRESENCE_WORDS: [&str; 26] = [
    "set",
    "not set",
    "unset",
    "configured",
    "not configured",
    "present",
    "exists",
    "available",
    "stored",
    "saved",
    "provided",
    "defined",
    "unchanged",
    "not shown",
    "not displayed",
    "private",
    "confidential",
    "secret",
    "password",
    "none",
    "null",
    "nil",
    "n/a",
    "na",
    "true",
    "yes",
];
/// So many of them in a row are a mask.
const MIN_MASK_RUN: usize = 3;
/// The longest text of a field without sensitivity that is taken for a mask.
const MAX_PUBLIC_MASK: usize = 64;
/// The most characters that a service leaves in clear at either end of a mask.
const MAX_VISIBLE_END: usize = 12;

/// Whether a text is a mask and nothing else.
pub fn is_mask(text: &str) -> bool {
    let text = text.trim();
    if is_plainly_unmasked(text) {
        return false;
    }
    let run = text.split(|c| !is_mask_character(c)).map(|run| run.chars().count()).max().unwrap_or(0);
    run >= MIN_MASK_RUN
        || (!text.is_empty() && text.chars().all(is_mask_character))
        || (text.len() >= 4 && text.chars().all(|c| matches!(c, 'x' | 'X')))
        || is_bracketed_word(text)
        || is_shouted_word(text)
}

/// Whether one look at a text rules out a mask, as for most of the values that a service shows: small letters, no
/// filler, and no bracket or `x` in front.
fn is_plainly_unmasked(text: &str) -> bool {
    let starts_plain = text.starts_with(|c: char| !matches!(c, '[' | '<' | '(' | '{' | '_' | 'x' | 'X'));
    let mut has_small_letter = false;
    let is_plain = text.bytes().all(|byte| {
        has_small_letter |= byte.is_ascii_lowercase();
        byte.is_ascii() && byte != b'*'
    });
    starts_plain && is_plain && has_small_letter
}

/// Whether a mask leaves nothing in clear, so that it can be shown: of `abc***9` a part may be the secret's.
pub fn is_opaque_mask(text: &str) -> bool {
    let text = text.trim();
    let is_filled = |is_filler: &dyn Fn(char) -> bool| !text.is_empty() && text.chars().all(is_filler);
    let is_crossed_out = text.len() >= 4 && is_filled(&|c| matches!(c, 'x' | 'X'));
    is_filled(&is_mask_character) || is_crossed_out || is_bracketed_word(text) || is_shouted_word(text)
}

/// Whether a text may be a mask.
pub fn may_be_mask(text: &str) -> bool {
    let text = text.trim();
    if text.is_empty() {
        return false;
    }
    let plain = strip_decoration(text).to_lowercase();
    is_mask(text)
        || is_one_character(text)
        || is_elided(text)
        || is_padded(text)
        || WITHHELD_WORDS.contains(&&*plain)
        || PRESENCE_WORDS.contains(&&*plain)
        || WITHHELD_WORDS.iter().any(|word| is_phrase_with(&plain, word))
}

/// Whether a text that nothing marks as sensitive is a mask all the same: `********`, `sk_****1234`, `[REDACTED]`.
///
/// Only for values that a full write sends back unread. `*`, `***URGENT***` and sentences are values.
pub fn is_public_mask(text: &str) -> bool {
    let text = text.trim();
    let letters = text.split(is_mask_character).filter(|part| !part.is_empty()).count();
    let run = text.split(|c| !is_mask_character(c)).map(|run| run.chars().count()).max().unwrap_or(0);
    let is_one_word = !text.contains(char::is_whitespace) && text.len() <= MAX_PUBLIC_MASK;
    let is_framed = text.starts_with(is_mask_character) && text.ends_with(is_mask_character) && letters > 0;
    (is_one_word && run >= MIN_MASK_RUN && letters <= 2 && !is_framed) || is_bracketed_word(text)
}

/// Whether a text hides a part of a personal value: `j**@e.com`, `4111 11XX XXXX 1111`, `xxxxxx1234`, `…1234`.
fn is_partial_mask(text: &str) -> bool {
    let text = text.trim();
    let is_strong = |c: char| is_mask_character(c) && !matches!(c, '·' | '×');
    let run = text.split(|c| !is_strong(c)).map(|run| run.chars().count()).max().unwrap_or(0);
    let ends_elided = ["…", "..."].iter().any(|dots| text.starts_with(dots) || text.ends_with(dots));
    run >= 2 || is_masked_number(text) || is_padded(text) || (ends_elided && is_elided(text))
}

/// `XXX-XX-1234`, `+46 70 XXX XX 12`: a number with some of its digits replaced.
fn is_masked_number(text: &str) -> bool {
    let is_replacement = |c: char| matches!(c, 'x' | 'X' | '#' | '*' | '_');
    let is_number = text.chars().all(|c| {
        c.is_ascii_digit() || is_replacement(c) || matches!(c, ' ' | '-' | '+' | '(' | ')' | '/' | '.')
    });
    is_number && text.chars().filter(|c| is_replacement(*c)).count() >= MIN_MASK_RUN
}

fn is_mask_character(c: char) -> bool {
    c == '*' || (!c.is_ascii() && MASK_CHARACTERS.contains(&c))
}

/// `[FILTERED]`, `<hidden>`, `(set)`, `{{ redacted }}`, `__REDACTED__`.
fn is_bracketed_word(text: &str) -> bool {
    let pairs = [('[', ']'), ('<', '>'), ('(', ')'), ('{', '}'), ('_', '_')];
    let is_bracketed = pairs.iter().any(|(open, close)| text.starts_with(*open) && text.ends_with(*close));
    let word = strip_decoration(text).to_lowercase();
    is_bracketed
        && (WITHHELD_WORDS.contains(&&*word)
            || matches!(&*word, "set" | "not set" | "secret" | "unchanged" | "configured")
            || WITHHELD_WORDS.iter().any(|known| is_phrase_with(&word, known)))
}

/// `REDACTED`: in capitals it is a word of a program, not of a person.
fn is_shouted_word(text: &str) -> bool {
    let is_upper = text.chars().all(|c| !c.is_lowercase());
    is_upper && WITHHELD_WORDS.contains(&&*text.to_lowercase())
}

/// The text without brackets, quotes and lines around it.
fn strip_decoration(text: &str) -> &str {
    text.trim_matches(|c: char| {
        matches!(c, '[' | ']' | '<' | '>' | '(' | ')' | '{' | '}' | '_' | '-' | '#' | '"' | '\'' | '%' | '$')
            || c.is_whitespace()
    })
}

/// A few words with this one among them: `value redacted`, `hidden for security`.
fn is_phrase_with(phrase: &str, word: &str) -> bool {
    let mut words = phrase.split(|c: char| c.is_whitespace() || matches!(c, '_' | '-' | ':'));
    let several = phrase.split_whitespace().count() > 1 || phrase.contains(['_', ':']);
    several && phrase.len() < 64 && words.any(|own| own == word)
}

/// `-`, `0000`, `########`.
fn is_one_character(text: &str) -> bool {
    let mut characters = text.chars();
    let first = characters.next();
    characters.all(|c| Some(c) == first)
}

/// `...1234`, `sk_live_…abcd`, `eyJhbGci...`: the rest is left out.
fn is_elided(text: &str) -> bool {
    let text = text.replace("...", "…").replace("..", "…");
    let Some((head, tail)) = text.split_once('…') else { return false };
    let is_short = |part: &str| part.chars().count() <= 2 * MAX_VISIBLE_END;
    is_short(head) && is_short(tail)
}

/// `xxxx1234`, `########1234`, `ab--------`, `XXXX-XXXX-1234`: one character in a row at one side of a short rest.
fn is_padded(text: &str) -> bool {
    let is_padding = |c: char| matches!(c, 'x' | 'X' | '#' | '-' | '_' | '.' | '?' | '~' | '=' | '+');
    if !text.starts_with(is_padding) && !text.ends_with(is_padding) {
        return false;
    }
    let characters: Vec<char> = text.chars().collect();
    let runs_from = |characters: &[char]| {
        let first = characters.first().copied();
        match first {
            Some(first) if is_padding(first) => {
                characters.iter().take_while(|c| **c == first || **c == '-' || **c == ' ').count()
            }
            _ => 0,
        }
    };
    let reversed: Vec<char> = characters.iter().rev().copied().collect();
    let leading = runs_from(&characters);
    // a key in base64 ends in at most two of these
    let trailing = match characters.last() {
        Some('=') => 0,
        _ => runs_from(&reversed),
    };
    let run = leading.max(trailing);
    let rest = characters.len().saturating_sub(run);
    run >= MIN_MASK_RUN && rest <= MAX_VISIBLE_END
}

/// Whether what was read may not be the value itself: hidden, masked, or pending.
///
/// A secret that reads empty may be hidden; of anything else that may be hidden, only a missing member is.
pub fn is_unreadable(field: &Field, live: Option<&Value>) -> bool {
    match field.reads_back {
        Some(SecretReadback::Clear) => return live.and_then(Value::as_str).is_some_and(is_mask),
        Some(SecretReadback::Masked) => return live.is_none_or(|live| !live.is_blank()),
        Some(SecretReadback::Never) => return true,
        None => {}
    }
    let hidden = match (field.when_absent, field.sensitivity) {
        (AbsenceRule::Hidden, Sensitivity::Secret) | (AbsenceRule::Pending, _) => {
            live.is_none_or(Value::is_blank)
        }
        (AbsenceRule::Hidden, _) => live.is_none(),
        (AbsenceRule::Null | AbsenceRule::Zero, _) => false,
    };
    hidden || field.behavior.write_only || is_masked(field, live)
}

/// Whether a service may show this in place of the value. Of a secret much less is believed.
fn is_masked(field: &Field, live: Option<&Value>) -> bool {
    let text = live.and_then(Value::as_str);
    text.is_some_and(|text| match field.sensitivity {
        _ if field.masked_as.iter().any(|mask| **mask == *text) => true,
        Sensitivity::Public => false,
        Sensitivity::Secret => may_be_mask(text),
        Sensitivity::Internal | Sensitivity::Personal => is_mask(text) || is_partial_mask(text),
    })
}

/// Whether a service surely shows this very value: a text that only may be a mask and is the desired value is none.
pub fn is_shown(field: &Field, live: Option<&Value>, desired: &Value) -> bool {
    let may_show = !field.behavior.write_only && live.is_some_and(|live| !live.is_blank());
    let text = live.and_then(Value::as_str);
    let masked = text.is_some_and(|text| is_mask(text) || field.masked_as.iter().any(|mask| **mask == *text));
    let comes_back = !matches!(field.reads_back, Some(SecretReadback::Masked | SecretReadback::Never));
    may_show && comes_back && !masked && is_equal(field, live, Some(desired))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_are_recognised_and_ordinary_values_are_not() {
        let masks = [
            "***",
            "*",
            "••••1234",
            "****",
            "4111****1111",
            "XXXX",
            "xxxxxx",
            " **** ",
            "[FILTERED]",
            "<hidden>",
            "(set)",
            "REDACTED",
            "[redacted]",
            "{{ masked }}",
            "__REDACTED__",
            "<value redacted>",
            "MASKED",
        ];
        for mask in masks {
            assert!(is_mask(mask), "{mask} is a mask");
            assert!(may_be_mask(mask), "{mask} may be a mask");
        }
        for mask in ["****", "XXXX", "[FILTERED]", "MASKED"] {
            assert!(is_opaque_mask(mask), "{mask} hides everything");
        }
        for partial in ["", "••••1234", "hunter***2", "sk_live_****", "k:9,f"] {
            assert!(!is_opaque_mask(partial), "{partial} shows a part");
        }
        for plain in ["", "k:9,f", "0000", "a**b", "xxx", "Xaver", "p\"w,1", "redacted", "-", "set", "true"] {
            assert!(!is_mask(plain), "{plain} is a value");
        }
    }

    #[test]
    fn parts_of_personal_values_are_recognised() {
        let masks = [
            "j**@e.com",
            "** ** 67",
            "4111 11XX XXXX 1111",
            "XXX-XX-1234",
            "xxxxxx1234",
            "…1234",
            "Jan…",
            "######",
            "+46 70 XXX XX 12",
        ];
        for mask in masks {
            assert!(is_partial_mask(mask), "{mask} hides a part");
        }
        for plain in [
            "Jan Doe",
            "+46 70 123 45 67",
            "j.doe@e.com",
            "Main St. 5... left",
            "MAX",
            "Foxx",
            "*",
            "-",
            "2×4",
        ] {
            assert!(!is_partial_mask(plain), "{plain} is a value");
        }
    }

    #[test]
    fn a_field_without_sensitivity_holds_a_mask_only_where_it_is_plain() {
        for mask in
            ["********", "＊＊＊＊", "∙∙∙∙∙", "◼◼◼◼", "sk_****1234", "[REDACTED]", "<hidden>", "(protected)"]
        {
            assert!(is_public_mask(mask), "{mask} is a mask");
        }
        for plain in
            ["*", "**", "* * * * *", "***URGENT***", "see *** below", "xxxx", "hidden", "REDACTED-2", "a*b*c"]
        {
            assert!(!is_public_mask(plain), "{plain} is a value");
        }
    }

    #[test]
    fn what_may_be_a_mask_is_not_trusted() {
        let doubtful = [
            "-",
            "0000",
            "xxxx1234",
            "...1234",
            "sk_live_…abcd",
            "sk_live_...abcd",
            "eyJhbGci…",
            "1234..",
            "redacted",
            "Filtered",
            "hidden",
            "set",
            "Not set",
            "n/a",
            "true",
            "########",
            "XXXX-XXXX-XXXX-1234",
            "ab--------",
            "value redacted",
            "hidden for security",
            "____",
            "?????",
            "--------9f",
            "key_redacted",
        ];
        for text in doubtful {
            assert!(may_be_mask(text), "{text} may be a mask");
        }
        let real = [
            "",
            "k:9,f",
            "1234",
            "hunter2",
            "s3cr3t!",
            "sk_live_51H8xYzAbC",
            "c2VjcmV0LWtleQ==",
            "-----BEGIN KEY-----\nMIIB",
            "correct horse battery staple",
            "xX12yY",
            "true-grit",
            "p4ss..w0rd-which-is-rather-long-for-a-mask",
        ];
        for text in real {
            assert!(!may_be_mask(text), "{text} is a value");
        }
    }
}
