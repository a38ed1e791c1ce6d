//! Two texts held against each other: words of a line, or lines of a text.
//!
//! What is alike at both ends is set apart first, so that long texts with small changes cost little. What
//! remains is compared within a bound; beyond it one is said to replace the other, which is true as well.
//! Deliberately absent: looks.

use similar::{Algorithm, DiffTag, DiffableStr, capture_diff_slices};

/// The most comparisons, number of old parts times number of new ones.
const MAX_COMPARISONS: usize = 1_000_000;

/// What a part of a text is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DiffPart {
    Same,
    Old,
    New,
}

/// The words of two lines; neighbours of one sort are one run.
pub fn diff_words(old: &str, new: &str) -> Vec<(DiffPart, String)> {
    let mut runs: Vec<(DiffPart, String)> = Vec::new();
    for (part, text) in diff_parts(&old.tokenize_unicode_words(), &new.tokenize_unicode_words()) {
        match runs.last_mut() {
            Some((last, run)) if *last == part => run.push_str(text),
            _ => runs.push((part, text.to_owned())),
        }
    }
    runs
}

/// The lines of two texts, with their line breaks.
pub fn diff_lines<'t>(old: &'t str, new: &'t str) -> Vec<(DiffPart, &'t str)> {
    diff_parts(&old.tokenize_lines(), &new.tokenize_lines())
}

/// How much of two texts is alike, from 0 to 1.
pub fn measure_similarity(runs: &[(DiffPart, String)]) -> f64 {
    let of = |part| runs.iter().filter(|(p, _)| *p == part).map(|(_, text)| text.len()).sum::<usize>();
    let (same, old, new) = (of(DiffPart::Same), of(DiffPart::Old), of(DiffPart::New));
    if same == 0 { 0.0 } else { (2 * same) as f64 / (2 * same + old + new) as f64 }
}

fn diff_parts<'t>(old: &[&'t str], new: &[&'t str]) -> Vec<(DiffPart, &'t str)> {
    let head = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let (old, new, start) = (&old[head..], &new[head..], &old[..head]);
    let tail = old.iter().rev().zip(new.iter().rev()).take_while(|(a, b)| a == b).count();
    let (old, end) = old.split_at(old.len() - tail);
    let new = &new[..new.len() - tail];
    let all = |part: DiffPart, texts: &[&'t str]| texts.iter().map(|text| (part, *text)).collect::<Vec<_>>();
    let mut parts = all(DiffPart::Same, start);
    if old.len().saturating_mul(new.len()) > MAX_COMPARISONS {
        parts.extend(all(DiffPart::Old, old));
        parts.extend(all(DiffPart::New, new));
    } else {
        for op in capture_diff_slices(Algorithm::Myers, old, new) {
            match op.tag() {
                DiffTag::Equal => parts.extend(all(DiffPart::Same, &old[op.old_range()])),
                _ => {
                    parts.extend(all(DiffPart::Old, &old[op.old_range()]));
                    parts.extend(all(DiffPart::New, &new[op.new_range()]));
                }
            }
        }
    }
    parts.extend(all(DiffPart::Same, end));
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sides(parts: &[(DiffPart, impl AsRef<str>)]) -> (String, String) {
        let side = |not: DiffPart| -> String {
            parts.iter().filter(|(part, _)| *part != not).map(|(_, text)| text.as_ref()).collect()
        };
        (side(DiffPart::New), side(DiffPart::Old))
    }

    #[test]
    fn both_sides_are_kept_whole() {
        let long = |word: &str| (0..3000).map(|i| format!("{word}{i}\n")).collect::<String>();
        let (a, b) = (long("a"), long("b"));
        for (old, new) in [("", ""), ("a b c", "a x c"), ("a\n\nb", "a\nb\n"), ("é", "e\u{301}"), (&a, &b)] {
            assert_eq!(sides(&diff_words(old, new)), (old.to_owned(), new.to_owned()));
            assert_eq!(sides(&diff_lines(old, new)), (old.to_owned(), new.to_owned()));
        }
    }

    #[test]
    fn a_changed_word_is_a_changed_word() {
        let runs = diff_words("the old fee applies", "the new fee applies");
        let shown: Vec<_> = runs.iter().map(|(part, text)| (*part, &**text)).collect();
        let expected = [
            (DiffPart::Same, "the "),
            (DiffPart::Old, "old"),
            (DiffPart::New, "new"),
            (DiffPart::Same, " fee applies"),
        ];
        assert_eq!(shown, expected);
        assert!(measure_similarity(&runs) > 0.8);
    }
}
