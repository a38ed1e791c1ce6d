//! Undo: what an apply overwrote comes back, and nothing else: the real program against the sandbox.

mod additions;
#[cfg(feature = "cloud")]
mod bucket;
mod creates_and_deletes;
mod lists;
mod receipts;
#[cfg(feature = "encryption")]
mod sealed;
mod shared;
mod updates;

use crate::support::sandbox_fixture::SandboxFixture;
use serde_json::Value as Json;

const APPLY: [&str; 2] = ["apply", "--auto-approve"];

/// Receipts by the names of their runs, oldest first.
fn receipts(fixture: &SandboxFixture) -> Vec<String> {
    let folder = std::fs::read_dir(fixture.workspace.path(".trueup/receipts")).expect("receipts");
    let mut names: Vec<String> = folder
        .map(|entry| entry.expect("an entry").path())
        .map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

fn last(fixture: &SandboxFixture) -> String {
    receipts(fixture).pop().expect("a receipt")
}

fn receipt(fixture: &SandboxFixture, name: &str) -> Json {
    serde_json::from_str(&fixture.workspace.read(&format!(".trueup/receipts/{name}.json"))).expect("JSON")
}
