//! Undo: what an apply overwrote comes back, and nothing else: the real program against the sandbox.

#[allow(dead_code, reason = "shared with the other runs of the real program")]
#[path = "../end_to_end/desk.rs"]
mod desk;
#[allow(dead_code, reason = "shared with the other runs of the real program")]
#[path = "../end_to_end/estate.rs"]
mod estate;
#[allow(dead_code, reason = "shared with the other runs of the real program")]
#[path = "../life/newborn.rs"]
mod newborn;
#[allow(dead_code, reason = "shared with the other runs of the real program")]
#[path = "../end_to_end/written.rs"]
mod written;

mod births;
#[cfg(feature = "cloud")]
mod bucket;
mod lists;
mod papers;
#[cfg(feature = "encryption")]
mod sealed;
mod shared;
mod updates;

use estate::Estate;
use serde_json::Value as Json;

const APPLY: [&str; 2] = ["apply", "--auto-approve"];

/// Receipts by the names of their runs, oldest first.
fn receipts(estate: &Estate) -> Vec<String> {
    let folder = std::fs::read_dir(estate.desk.path(".trueup/receipts")).expect("receipts");
    let mut names: Vec<String> = folder
        .map(|entry| entry.expect("an entry").path())
        .map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

fn last(estate: &Estate) -> String {
    receipts(estate).pop().expect("a receipt")
}

fn receipt(estate: &Estate, name: &str) -> Json {
    serde_json::from_str(&estate.desk.read(&format!(".trueup/receipts/{name}.json"))).expect("JSON")
}
