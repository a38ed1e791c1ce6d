//! GitHub Actions: findings as workflow commands, which the runner turns into annotations at file and line.
//!
//! The runner keeps ten of each level in a step, so those that weigh most come first and the rest is said in
//! one line. Nothing in a message can end its command or begin another.
//! Deliberately absent: the step summary, which is Markdown.

use std::cmp::Reverse;
use std::fmt::Write;

use super::clean::{self, count};
use super::sarif::sentence;
use super::sheet::{Entry, Sheet};
use super::shown::{Finding, Weight};

/// The most annotations of a level that the runner keeps of a step.
const MOST: usize = 10;
/// The most characters of a message.
const MOST_CHARACTERS: usize = 4_000;

/// The findings as workflow commands, one a line.
pub fn annotations(sheet: &Sheet) -> String {
    let mut found: Vec<_> = sheet.findings().collect();
    // of one weight, those of objects that went wrong come before those of others
    found.sort_by_key(|(finding, entry)| {
        (Reverse(finding.severity), entry.is_some_and(|entry| !entry.tone.is_bad()))
    });
    let mut commands = String::new();
    for weight in [Weight::Error, Weight::Warning, Weight::Note] {
        let of_weight: Vec<_> = found.iter().filter(|(finding, _)| finding.severity == weight).collect();
        for (finding, entry) in of_weight.iter().take(MOST) {
            command(&mut commands, sheet, finding, *entry);
        }
        if of_weight.len() > MOST {
            let more = count(of_weight.len() - MOST, "more finding");
            let _ = writeln!(commands, "{more} of the level {} without an annotation", level(weight));
        }
    }
    commands
}

fn command(commands: &mut String, sheet: &Sheet, finding: &Finding, entry: Option<&Entry>) {
    let mut properties = vec![("title", format!("trueup: {}", finding.code))];
    if let Some(spot) = sheet.place(finding, entry) {
        properties.push(("file", clean::line(&spot.file).into_owned()));
        let numbers = [("line", spot.line), ("col", spot.column)];
        properties.extend(numbers.into_iter().filter_map(|(name, at)| Some((name, at?.to_string()))));
    }
    let properties: Vec<_> =
        properties.iter().map(|(name, value)| format!("{name}={}", property(value))).collect();
    let message = sentence(finding, entry);
    let message = data(&clean::cut(&message, MOST_CHARACTERS));
    let _ = writeln!(commands, "::{} {}::{message}", level(finding.severity), properties.join(","));
}

fn level(weight: Weight) -> &'static str {
    match weight {
        Weight::Error => "error",
        Weight::Warning => "warning",
        Weight::Note => "notice",
    }
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
