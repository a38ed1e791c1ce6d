//! The known exceptions from the rules of the house.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

const FILE: &str = "tests/repo/house/exceptions.txt";

/// Fails where something is found that is no known exception, and where a known exception is not found.
pub fn check_exceptions(found: &BTreeMap<String, String>) {
    let text = fs::read_to_string(FILE).expect("the list of exceptions");
    let known: BTreeSet<&str> = text.lines().collect();
    let new = found.iter().filter(|(entry, _)| !known.contains(entry.as_str()));
    let new: Vec<String> = new.map(|(entry, more)| format!("{entry} {more}")).collect();
    assert!(new.is_empty(), "these break rules:\n{}\n", new.join("\n"));
    let (kept, stale): (Vec<&str>, Vec<&str>) = text.lines().partition(|entry| found.contains_key(*entry));
    if std::env::var_os("TRUEUP_ACCEPT").is_some_and(|accept| accept == "1") {
        fs::write(FILE, kept.iter().map(|entry| format!("{entry}\n")).collect::<String>())
            .expect("a file to write");
        return;
    }
    assert!(stale.is_empty(), "no longer needed in {FILE} (TRUEUP_ACCEPT=1 removes them): {stale:#?}");
}
