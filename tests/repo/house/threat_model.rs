//! `docs/threat-model.md` names tests that run: each is there and not ignored.

use std::collections::BTreeSet;
use std::fs;

const PAGE: &str = "docs/threat-model.md";
/// Words in backticks that look like names of tests and are words of the format.
const FORMAT_WORDS: [&str; 3] = ["from_command", "from_env", "from_file"];

/// The tests that run without a flag.
fn tests_that_run() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for folder in ["src", "tests"] {
        for entry in walkdir::WalkDir::new(folder).into_iter().map(|entry| entry.expect("readable")) {
            if entry.path().extension().is_some_and(|ending| ending == "rs") {
                add_tests(&fs::read_to_string(entry.path()).expect("a text"), &mut names);
            }
        }
    }
    names
}

fn add_tests(text: &str, names: &mut BTreeSet<String>) {
    let (mut is_test, mut is_ignored) = (false, false);
    for line in text.lines().map(str::trim) {
        match line.strip_prefix("async fn ").or_else(|| line.strip_prefix("fn ")) {
            Some(named) => {
                if is_test && !is_ignored {
                    names.extend(named.split('(').next().map(str::to_owned));
                }
                (is_test, is_ignored) = (false, false);
            }
            None => {
                is_test |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
                is_ignored |= line.starts_with("#[ignore");
            }
        }
    }
}

/// The words in backticks that look like names of tests: several words with underscores.
fn tests_named(page: &str) -> BTreeSet<&str> {
    let is_name = |word: &&str| {
        word.contains('_') && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    page.split('`').skip(1).step_by(2).filter(is_name).filter(|word| !FORMAT_WORDS.contains(word)).collect()
}

#[test]
fn the_threat_model_names_tests_that_run() {
    let page = fs::read_to_string(PAGE).expect("the threat model");
    let (run, named) = (tests_that_run(), tests_named(&page));
    assert!(named.len() >= 40, "{}", named.len());
    let missing: Vec<_> = named.into_iter().filter(|name| !run.contains(*name)).collect();
    assert!(missing.is_empty(), "{PAGE} names tests that do not run: {missing:?}");
    let claims = page.lines().filter(|line| line.starts_with("- "));
    let bare: Vec<_> = claims.filter(|line| tests_named(line).is_empty()).collect();
    assert!(bare.is_empty(), "claims without a test: {bare:#?}");
}
