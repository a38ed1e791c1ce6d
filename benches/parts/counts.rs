//! Instructions of each part, as callgrind counts them, held against those that are kept.
//!
//! A part is run once and then eleven times; the difference is ten rounds without start-up. Counts depend on the
//! compiler and on the processor's word width, not on load or clock, so a check means something on the machine
//! and toolchain that made the file; elsewhere `--accept` makes it anew.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use serde::{Deserialize, Serialize};

use crate::PARTS;

/// Growth that needs a note.
const TOLERANCE: f64 = 1.05;
const ROUNDS: u64 = 10;

/// What is kept.
#[derive(Serialize, Deserialize, Default)]
struct Kept {
    /// The compiler that the counts are of.
    rustc: String,
    /// Why counts grew, the last time first.
    notes: Vec<String>,
    /// Instructions for a hundred objects, by part.
    counts: BTreeMap<String, u64>,
}

/// Fails when a part takes more instructions than it did. Without valgrind there is nothing to check.
pub fn check() -> ExitCode {
    let kept = kept();
    if kept.rustc != rustc() {
        println!("the counts are of {}, this is {}: compared all the same", kept.rustc, rustc());
    }
    let Some(counts) = counted() else { return ExitCode::SUCCESS };
    let mut grown = false;
    for (part, count) in counts {
        let Some(before) = kept.counts.get(&part).copied() else {
            println!("{part:<24} {count:>12} is kept nowhere yet");
            continue;
        };
        let ratio = count as f64 / before as f64;
        grown |= ratio > TOLERANCE;
        let said = if ratio > TOLERANCE { "GREW" } else { "" };
        println!("{part:<24} {count:>12} {:>7.3} {said}", ratio);
    }
    if grown {
        eprintln!("a part takes over 5 % more; mend it, or `cargo bench --bench parts -- --accept \"WHY\"`");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// Keeps the counts of today.
pub fn accept(note: &str) -> ExitCode {
    let Some(counts) = counted() else { return ExitCode::FAILURE };
    let mut notes = kept().notes;
    notes.insert(0, note.to_owned());
    let kept = Kept { rustc: rustc(), notes, counts };
    let text = serde_json::to_string_pretty(&kept).expect("plain data") + "\n";
    fs::write(path(), text).expect("the file of counts");
    ExitCode::SUCCESS
}

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("benches/counts.json")
}

fn kept() -> Kept {
    let text = fs::read_to_string(path()).unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_default()
}

fn rustc() -> String {
    let said = Command::new("rustc").arg("--version").output();
    said.map(|said| String::from_utf8_lossy(&said.stdout).trim().to_owned()).unwrap_or_default()
}

/// Nothing when there is no valgrind.
fn counted() -> Option<BTreeMap<String, u64>> {
    let is_there = Command::new("valgrind").arg("--version").output().is_ok_and(|said| said.status.success());
    if !is_there {
        println!("there is no valgrind here, so nothing is counted");
        return None;
    }
    let one = |name: &str| instructions(name, 1 + ROUNDS).saturating_sub(instructions(name, 1)) / ROUNDS;
    Some(PARTS.iter().map(|(name, _)| ((*name).to_owned(), one(name))).collect())
}

fn instructions(part: &str, times: u64) -> u64 {
    let own = std::env::current_exe().expect("this program has a path");
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(own);
    let said = command.args(["--times", part, &times.to_string()]).output().expect("valgrind runs");
    let said = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(said.contains("Collected :") && !said.contains("panicked"), "{part} did not run:\n{said}");
    let line = said.lines().find_map(|line| line.split_once("Collected :")).expect("a count");
    line.1.trim().parse().expect("a number")
}
